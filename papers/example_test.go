package papers_test

import (
	"fmt"
	"os"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// A long part of a run is done once, however often the run is resumed.
func ExampleStage() {
	dir, err := os.MkdirTemp("", "gyrus")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	train := func() (float64, error) {
		fmt.Println("training")
		return 0.25, nil
	}
	for range 2 {
		loss, err := papers.Stage(papers.NewRun(papers.RunConfig{Dir: dir}), "train", train)
		fmt.Println(loss, err)
	}
	// Output:
	// training
	// 0.25 <nil>
	// 0.25 <nil>
}

func ExampleResults_Claim() {
	rs := &papers.Results{Records: []report.Record{
		{Seed: 0, Measurements: []report.Measurement{{System: "ours", Metric: "r2", Value: 0.80}, {System: "baseline", Metric: "r2", Value: 0.60}}},
		{Seed: 1, Measurements: []report.Measurement{{System: "ours", Metric: "r2", Value: 0.84}, {System: "baseline", Metric: "r2", Value: 0.64}}},
	}}
	rs.Claim("better").
		Relation("mean R² above the baseline's", rs.Mean("ours", "r2"), ">", rs.Mean("baseline", "r2")).
		Level("mean R² at least 0.9", rs.Mean("ours", "r2"), "≥", 0.9)
	fmt.Println(rs.Verdicts()[0].Status)
	// Output: partly
}
