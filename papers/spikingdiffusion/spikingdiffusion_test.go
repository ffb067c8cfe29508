package spikingdiffusion

import (
	"testing"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, experiment string, set, inputs map[string]string) *runner.Outcome {
	t.Helper()
	o, err := runnertest.Execute(t, runner.Config{Paper: "spikingdiffusion", Experiment: experiment, Seed: 1, Set: set, Inputs: inputs})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestShapesQuick asserts what holds even for a small network of few training steps.
func TestShapesQuick(t *testing.T) {
	o := execute(t, "shapes", nil, nil)
	bayes, spiking := runnertest.Value(t, o, systemBayes, "epsilon-mse"), runnertest.Value(t, o, systemSpiking, "epsilon-mse")
	if silent := runnertest.Value(t, o, systemSilent, "epsilon-mse"); spiking <= bayes || spiking > .8 || silent < 1.2*spiking {
		t.Errorf("error %.3f, silent %.3f; the best there is has %.3f", spiking, silent, bayes)
	}
	if d := runnertest.Value(t, o, systemTSM, "unequal"); d != 0 {
		t.Errorf("with all p at 1 the network differs by %g", d)
	}
	if got := runnertest.Status(t, o, "threshold"); got != report.Reproduced {
		t.Errorf("claim threshold is %s", got)
	}
	if got := runnertest.Status(t, o, "energy"); got != report.Reproduced {
		t.Errorf("claim energy is %s", got)
	}
}

// TestLongerQuick only sees that both networks train: which is better takes longer to tell.
func TestLongerQuick(t *testing.T) {
	o := execute(t, "longer", nil, nil)
	for _, system := range []string{systemShort, systemLong} {
		if e := runnertest.Value(t, o, system, "epsilon-mse"); e > .95 {
			t.Errorf("%s: error %.3f", system, e)
		}
	}
}

// TestConversionQuick asserts that conversion is exact for a layer, and that a converted network still predicts noise.
func TestConversionQuick(t *testing.T) {
	o := execute(t, "conversion", nil, nil)
	if got := runnertest.Status(t, o, "conversion"); got != report.Reproduced {
		t.Errorf("claim conversion is %s", got)
	}
	for _, bits := range widths {
		before, after := runnertest.Value(t, o, quantisedName(bits), "epsilon-mse"), runnertest.Value(t, o, convertedName(bits), "epsilon-mse")
		if before > .9 || after == before {
			t.Errorf("%d bits: error %.3f, converted %.3f", bits, before, after)
		}
	}
}
