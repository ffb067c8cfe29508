package htm

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, c runner.Config) *runner.Outcome {
	t.Helper()
	c.Paper, c.Preset, c.Seed, c.Home = "htm", papers.Quick, 1, t.TempDir()
	outcome, err := runner.Execute(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("HTM_FIGURES"); dir != "" {
		for _, f := range outcome.Document.Records[0].Figures {
			if err := os.WriteFile(filepath.Join(dir, c.Experiment+"-"+f.ID+".svg"), []byte(f.SVG), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range outcome.Document.Claims {
		t.Log(c.ID, c.Verdict.Status, c.Verdict.Conditions, c.Verdict.Why)
	}
	return outcome
}

func value(t *testing.T, o *runner.Outcome, system, metric string) float64 {
	t.Helper()
	v, ok := o.Document.Records[0].Value(system, metric)
	if !ok {
		t.Fatalf("%s of %s was not measured", metric, system)
	}
	return v
}

// TestDiscreteQuick runs the experiment on symbols and asserts what neither ablation can do: learn the endings before the swap and relearn
// them after it.
func TestDiscreteQuick(t *testing.T) {
	o := execute(t, runner.Config{Experiment: "discrete"})
	for _, metric := range []string{"before", "after-5000"} {
		if got := value(t, o, systemHTM, metric); got < 0.95 {
			t.Errorf("HTM's accuracy %s: %.2f, want 0.95", metric, got)
		}
		for _, ablation := range []string{systemOneCell, systemFixed} {
			if got := value(t, o, ablation, metric); got > 0.5 {
				t.Errorf("%s: accuracy %s %.2f: the test does not tell it from HTM", ablation, metric, got)
			}
		}
	}
	if got := value(t, o, systemHTM, "after-1000"); got > 0.7 {
		t.Errorf("accuracy %.2f 1000 elements after the swap: were the endings swapped?", got)
	}
	wantStatus(t, o, report.Reproduced, "learns", "adapts", "context-cells", "sparse-and-burst")
}

func wantStatus(t *testing.T, o *runner.Outcome, want report.Status, claims ...string) {
	t.Helper()
	for _, id := range claims {
		found := false
		for _, c := range o.Document.Claims {
			if c.ID == id {
				found = true
				if c.Verdict.Status != want {
					t.Errorf("claim %s: %s, want %s (%v)", id, c.Verdict.Status, want, c.Verdict.Conditions)
				}
			}
		}
		if !found {
			t.Errorf("claim %s was not judged", id)
		}
	}
}

func TestScalarQuick(t *testing.T) {
	o := execute(t, runner.Config{Experiment: "scalar"})
	if htm, stays := value(t, o, systemHTM, "error"), value(t, o, systemPersistence, "error"); htm > stays/2 {
		t.Errorf("HTM's error %.3f, persistence's %.3f", htm, stays)
	}
	if htm, frozen := value(t, o, systemHTM, "error-after-change"), value(t, o, systemFrozen, "error-after-change"); htm >= frozen {
		t.Errorf("after the change: error %.3f learning, %.3f frozen", htm, frozen)
	}
}

// TestTaxiQuick reads the real series in the authors' layout and in the benchmark's.
func TestTaxiQuick(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set: the taxi series is not tested")
	}
	var errors []float64
	for _, file := range []string{"series/nyc_taxi.csv", "series/nyc-taxi-long/nyc_taxi.csv.gz"} {
		o := execute(t, runner.Config{Experiment: "taxi", Inputs: map[string]string{"series": filepath.Join(data, file)}})
		htm, stays := value(t, o, systemHTM, "error"), value(t, o, systemPersistence, "error")
		if htm > stays/2 {
			t.Errorf("%s: HTM's error %.3f, persistence's %.3f", file, htm, stays)
		}
		errors = append(errors, htm)
	}
	if errors[0] != errors[1] {
		t.Errorf("the same records gave %v in one layout and %v in the other", errors[0], errors[1])
	}
}

// TestRunsRepeat checks that the same seed measures the same values, on one processor or on several.
func TestRunsRepeat(t *testing.T) {
	set := map[string]string{"elements": "2600", "swap-at": "1300", "endings-elements": "1500", "death-at": "1000", "death-test": "300", "lstm-steps": "3"}
	var first []report.Measurement
	for _, processors := range []int{1, 2} {
		before := runtime.GOMAXPROCS(processors)
		o := execute(t, runner.Config{Experiment: "discrete", Set: set})
		runtime.GOMAXPROCS(before)
		got := o.Document.Records[0].Measurements
		if first == nil {
			first = got
		} else if !slices.EqualFunc(first, got, func(a, b report.Measurement) bool {
			return a.System == b.System && a.Metric == b.Metric && math.Float64bits(float64(a.Value)) == math.Float64bits(float64(b.Value))
		}) {
			t.Errorf("measured\n%v\nthe first time and\n%v\nwith %d processors", first, got, processors)
		}
	}
}
