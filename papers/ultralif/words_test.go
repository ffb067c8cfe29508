package ultralif

import (
	"math"
	"testing"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, experiment string, set, inputs map[string]string) (*runner.Outcome, error) {
	t.Helper()
	return runnertest.Execute(t, runner.Config{Paper: "ultralif", Experiment: experiment, Set: set, Inputs: inputs})
}

// TestWordsQuick asserts that networks learn, that the identity of UltraDLIF and UltraDPLIF at T = 1 survives training, that time tells more than
// counts, and what shuffled labels and hard spikes do.
func TestWordsQuick(t *testing.T) {
	o, err := execute(t, "words", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := runnertest.Value(t, o, ultraDLIF, "one")
	if one < .4 {
		t.Errorf("accuracy %g on 20 classes at T = 1", one)
	}
	for _, metric := range []string{"one", "one-selected", "one-hard", "one-activation", "one-operations", "one-epsilon"} {
		if a, b := runnertest.Value(t, o, ultraDLIF, metric), runnertest.Value(t, o, ultraDPLIF, metric); a != b {
			t.Errorf("%s of UltraDLIF is %g, of UltraDPLIF %g", metric, a, b)
		}
	}
	if a, b := runnertest.Value(t, o, ultraDLIF, "long"), runnertest.Value(t, o, ultraDPLIF, "long"); a == b {
		t.Errorf("a leak makes no difference at long T: both %g", a)
	}
	if hard := runnertest.Value(t, o, hardLIF, "one"); one < hard {
		t.Errorf("accuracy %g at T = 1, of LIF with hard spikes %g", one, hard)
	}
	for _, name := range []string{ultraDLIF, hardLIF} {
		if short, long := runnertest.Value(t, o, name, "one"), runnertest.Value(t, o, name, "long"); long < short+.03 {
			t.Errorf("%s: accuracy %g at T = 1, %g at long T", name, short, long)
		}
	}
	if soft, hard := runnertest.Value(t, o, hardLIF, "one"), runnertest.Value(t, o, hardLIF, "one-hard"); soft != hard {
		t.Errorf("hard spikes made hard change the accuracy from %g to %g", soft, hard)
	}
	// 32 units reach 20 classes; some 45 % of them fire.
	if ops := runnertest.Value(t, o, hardLIF, "one-operations"); ops < .1*32*20 || ops > 32*20 {
		t.Errorf("%g synaptic operations", ops)
	}
	if got := runnertest.Status(t, o, "chance"); got != report.Reproduced {
		t.Errorf("shuffled labels: %s", got)
	}
	if e := runnertest.Value(t, o, ultraDLIF, "long-epsilon"); e == 1 || e < leastEpsilon || e > mostEpsilon {
		t.Errorf("ε has become %g", e)
	}
}

// TestSideBySide holds that a network trained in company ends as it does alone.
func TestSideBySide(t *testing.T) {
	set := map[string]string{"train": "128", "validation": "50", "test": "50", "epochs": "2", "events": "1000", "neurons": "UltraDPLIF"}
	alone, err := execute(t, "words", set, nil)
	if err != nil {
		t.Fatal(err)
	}
	set["neurons"] = "UltraLIF;UltraDPLIF;DSpike+"
	together, err := execute(t, "words", set, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range []string{"one", "long", "long-activation", "long-epsilon"} {
		if a, b := runnertest.Value(t, alone, ultraDPLIF, metric), runnertest.Value(t, together, ultraDPLIF, metric); math.Abs(a-b) > 1e-5 {
			t.Errorf("%s is %g alone and %g in company", metric, a, b)
		}
	}
}

// TestUserLimits refuses values outside the ranges of ε and τ rather than clamp them.
func TestUserLimits(t *testing.T) {
	for set, text := range map[string]string{"epsilon": "0.05", "tau": "1"} {
		_, err := execute(t, "words", map[string]string{set: text}, nil)
		says(t, err, set, text)
	}
	_, err := execute(t, "words", map[string]string{"neurons": "Ultra"}, nil)
	says(t, err, `no neuron "Ultra"`)
}
