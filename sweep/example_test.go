package sweep_test

import (
	"context"
	"fmt"
	"log"
	"os"

	_ "github.com/gyrus-dev/gyrus/docs/example/leaky"
	"github.com/gyrus-dev/gyrus/sweep"
)

// How the error of the leaky integrator of docs/adding-a-paper.md depends on its time constant.
func Example() {
	home, err := os.MkdirTemp("", "sweep")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(home)
	tau, err := sweep.ParseAxis("tau=2,8,32")
	if err != nil {
		log.Fatal(err)
	}
	plan, err := sweep.New(sweep.Config{Paper: "leaky", Preset: "quick", Axes: []sweep.Axis{tau}, Seeds: []int64{0, 1, 2, 3}})
	if err != nil {
		log.Fatal(err)
	}
	s, err := sweep.Begin(context.Background(), plan, sweep.Options{Home: home, Workers: 2})
	if err != nil {
		log.Fatal(err)
	}
	summaries, err := s.Summaries()
	if err != nil {
		log.Fatal(err)
	}
	for _, sum := range summaries {
		if sum.System == "leaky integrator" {
			fmt.Printf("%s: %.2f over %d seeds\n", s.PointName(sum.Point), sum.Mean, sum.N)
		}
	}
	// Output:
	// tau=2: 0.58 over 4 seeds
	// tau=8: 0.28 over 4 seeds
	// tau=32: 0.23 over 4 seeds
}
