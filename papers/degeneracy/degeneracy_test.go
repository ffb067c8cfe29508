package degeneracy_test

import (
	"math"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"

	_ "github.com/gyrus-dev/gyrus/papers/degeneracy"
)

func execute(t *testing.T, experiment string, set map[string]string, inputs map[string]string) (*report.Document, error) {
	t.Helper()
	out, err := runner.Execute(t.Context(), runner.Config{Paper: "degeneracy", Experiment: experiment, Preset: papers.Quick, Set: set, Inputs: inputs, Seed: 0, Home: t.TempDir()})
	if err != nil {
		return nil, err
	}
	return out.Document, nil
}

func statuses(d *report.Document) map[string]report.Status {
	all := map[string]report.Status{}
	for _, c := range d.Claims {
		all[c.ID] = c.Verdict.Status
	}
	return all
}

// TestSuite trains small networks, and wants what holds at any size: a task moves weights apart and brings dynamics together, but not to the same.
func TestSuite(t *testing.T) {
	d, err := execute(t, "suite", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := statuses(d)
	if s["equal-loss"] != report.Reproduced || s["sanity"] != report.Reproduced || s["l1"] != report.NotTested {
		t.Errorf("verdicts %v", s)
	}
	value := func(system, metric string) float64 {
		v, ok := d.Records[0].Value(system, metric)
		if !ok || math.IsNaN(v) {
			t.Fatalf("%s of %s: %v, %v", metric, system, v, ok)
		}
		return v
	}
	for _, system := range []string{"flip-flop, 2 bits", "flip-flop, 3 bits", "flip-flop, 4 bits"} {
		if value(system, "pif") <= value(system+", untrained", "pif") {
			t.Errorf("%s: training has not moved weights apart", system)
		}
		if a := value(system, "alignment"); !(a > 0 && a < .99) {
			t.Errorf("%s: kernels are aligned to %g", system, a)
		}
	}
	if a, b := value("flip-flop, 4 bits", "dsa-1-4"), value("flip-flop, 4 bits, untrained", "dsa-1-4"); a > .5*b {
		t.Errorf("dynamics of four bits differ by %g after training and by %g before", a, b)
	}
	if a, b := value("discrimination", "dsa-1-4"), value("discrimination", "null-1-4"); a < 3*b {
		t.Errorf("the dynamics of discrimination differ by %g, halves of trials by %g", a, b)
	}
	if a, b := value("discrimination", "ood"), value("discrimination", "loss"); a <= b {
		t.Errorf("the error is %g at doubled delays and %g in training", a, b)
	}
}

// TestNotTrained wants networks that do not reach their threshold to be left out, and the claim to fail.
func TestNotTrained(t *testing.T) {
	d, err := execute(t, "suite", map[string]string{"updates": "2"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := statuses(d)["equal-loss"]; s != report.NotReproduced {
		t.Errorf("without training equal loss is %q", s)
	}
	warned := false
	for _, n := range d.Records[0].Notes {
		warned = warned || n.Warning
	}
	if _, ok := d.Records[0].Value("flip-flop, 2 bits", "pif"); ok || !warned {
		t.Error("networks that have not converged were compared, or nothing is said of them")
	}
}
