package whatwhen

import (
	"testing"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, experiment string, set, inputs map[string]string) *runner.Outcome {
	t.Helper()
	o, err := runnertest.Execute(t, runner.Config{Paper: "whatwhen", Experiment: experiment, Seed: 1, Set: set, Inputs: inputs})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestBlocksQuick asserts what the system does better than its ablations, learn again after switches, and what FORCE does not do: follow the
// probability.
func TestBlocksQuick(t *testing.T) {
	o := execute(t, "blocks", nil, nil)
	zero := runnertest.Value(t, o, systemZero, "all-ends")
	if got := runnertest.Value(t, o, systemLocal, "first-end"); got > .75*runnertest.Value(t, o, systemLocal, "first-start") {
		t.Errorf("error %.3f at the end of block 1: it has not learnt", got)
	}
	if got := runnertest.Value(t, o, systemLocal, "end"); got > .7*runnertest.Value(t, o, systemLocal, "switch") || got > .8*zero {
		t.Errorf("error %.3f at the end of later blocks: it has not learnt again", got)
	}
	// What the gate is for shows at p = 0.5 (TestProbabilitiesQuick); at the probabilities of these blocks so few trials do not tell.
	for _, ablation := range []string{systemMerged, systemUntaught, systemShuffled} {
		if got, want := runnertest.Value(t, o, ablation, "end"), runnertest.Value(t, o, systemLocal, "end"); got <= want {
			t.Errorf("%s: error %.3f at the end of later blocks, the system's %.3f", ablation, got, want)
		}
	}
	if local, force := runnertest.Value(t, o, systemLocal, "what"), runnertest.Value(t, o, systemForce, "what"); local > .2 || force < local+.1 {
		t.Errorf("what is off by %.2f, with FORCE by %.2f", local, force)
	}
	// The largest distance of a peak from its event is not judged here: with so few neurons and trials the claim
	// holds for some seeds only. The default preset judges it.
	if got := runnertest.Status(t, o, "sanity"); got != report.Reproduced {
		t.Errorf("claim sanity is %s", got)
	}
}

func TestProbabilitiesQuick(t *testing.T) {
	o := execute(t, "probabilities", nil, nil)
	for _, claim := range []string{"amplitude", "gate"} {
		if got := runnertest.Status(t, o, claim); got != report.Reproduced {
			t.Errorf("claim %s is %s", claim, got)
		}
	}
}
