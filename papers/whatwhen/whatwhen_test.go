package whatwhen

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, experiment string, set, inputs map[string]string) *runner.Outcome {
	t.Helper()
	outcome, err := runner.Execute(context.Background(), runner.Config{Paper: "whatwhen", Experiment: experiment, Preset: papers.Quick,
		Seed: 1, Set: set, Inputs: inputs, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("WHATWHEN_FIGURES"); dir != "" {
		for _, f := range outcome.Document.Records[0].Figures {
			if err := os.WriteFile(filepath.Join(dir, experiment+"-"+f.ID+".svg"), []byte(f.SVG), 0o644); err != nil {
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

func status(t *testing.T, o *runner.Outcome, claim string) report.Status {
	t.Helper()
	for _, c := range o.Document.Claims {
		if c.ID == claim {
			return c.Verdict.Status
		}
	}
	t.Fatalf("claim %s was not judged", claim)
	return ""
}

// TestBlocksQuick asserts what the system does better than its ablations, learn again after switches, and what FORCE does not do: follow the
// probability.
func TestBlocksQuick(t *testing.T) {
	o := execute(t, "blocks", nil, nil)
	zero := value(t, o, systemZero, "all-ends")
	if got := value(t, o, systemLocal, "first-end"); got > .75*value(t, o, systemLocal, "first-start") {
		t.Errorf("error %.3f at the end of block 1: it has not learnt", got)
	}
	if got := value(t, o, systemLocal, "end"); got > .7*value(t, o, systemLocal, "switch") || got > .8*zero {
		t.Errorf("error %.3f at the end of later blocks: it has not learnt again", got)
	}
	// What the gate is for shows at p = 0.5 (TestProbabilitiesQuick); at the probabilities of these blocks so few trials do not tell.
	for _, ablation := range []string{systemMerged, systemUntaught, systemShuffled} {
		if got, want := value(t, o, ablation, "end"), value(t, o, systemLocal, "end"); got <= want {
			t.Errorf("%s: error %.3f at the end of later blocks, the system's %.3f", ablation, got, want)
		}
	}
	if local, force := value(t, o, systemLocal, "what"), value(t, o, systemForce, "what"); local > .2 || force < local+.1 {
		t.Errorf("what is off by %.2f, with FORCE by %.2f", local, force)
	}
	// The largest distance of a peak from its event is not judged here: with so few neurons and trials the claim
	// holds for some seeds only. The default preset judges it.
	if got := status(t, o, "sanity"); got != report.Reproduced {
		t.Errorf("claim sanity is %s", got)
	}
}

func TestProbabilitiesQuick(t *testing.T) {
	o := execute(t, "probabilities", nil, nil)
	for _, claim := range []string{"amplitude", "gate"} {
		if got := status(t, o, claim); got != report.Reproduced {
			t.Errorf("claim %s is %s", claim, got)
		}
	}
}
