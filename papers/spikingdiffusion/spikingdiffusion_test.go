package spikingdiffusion

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
	outcome, err := runner.Execute(context.Background(), runner.Config{Paper: "spikingdiffusion", Experiment: experiment, Preset: papers.Quick,
		Seed: 1, Set: set, Inputs: inputs, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("SPIKINGDIFFUSION_FIGURES"); dir != "" {
		for _, f := range outcome.Document.Records[0].Figures {
			if err := os.WriteFile(filepath.Join(dir, experiment+"-"+f.ID+".svg"), []byte(f.SVG), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, m := range outcome.Document.Records[0].Measurements {
		t.Log(m.System, m.Metric, m.Value)
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

// TestShapesQuick asserts what holds even for a small network of few training steps.
func TestShapesQuick(t *testing.T) {
	o := execute(t, "shapes", nil, nil)
	bayes, spiking := value(t, o, systemBayes, "epsilon-mse"), value(t, o, systemSpiking, "epsilon-mse")
	if silent := value(t, o, systemSilent, "epsilon-mse"); spiking <= bayes || spiking > .8 || silent < 1.2*spiking {
		t.Errorf("error %.3f, silent %.3f; the best there is has %.3f", spiking, silent, bayes)
	}
	if d := value(t, o, systemTSM, "unequal"); d != 0 {
		t.Errorf("with all p at 1 the network differs by %g", d)
	}
	if got := status(t, o, "threshold"); got != report.Reproduced {
		t.Errorf("claim threshold is %s", got)
	}
	if got := status(t, o, "energy"); got != report.Reproduced {
		t.Errorf("claim energy is %s", got)
	}
}

// TestLongerQuick only sees that both networks train: which is better takes longer to tell.
func TestLongerQuick(t *testing.T) {
	o := execute(t, "longer", nil, nil)
	for _, system := range []string{systemShort, systemLong} {
		if e := value(t, o, system, "epsilon-mse"); e > .95 {
			t.Errorf("%s: error %.3f", system, e)
		}
	}
}

// TestConversionQuick asserts that conversion is exact for a layer, and that a converted network still predicts noise.
func TestConversionQuick(t *testing.T) {
	o := execute(t, "conversion", nil, nil)
	if got := status(t, o, "conversion"); got != report.Reproduced {
		t.Errorf("claim conversion is %s", got)
	}
	for _, bits := range widths {
		before, after := value(t, o, quantisedName(bits), "epsilon-mse"), value(t, o, convertedName(bits), "epsilon-mse")
		if before > .9 || after == before {
			t.Errorf("%d bits: error %.3f, converted %.3f", bits, before, after)
		}
	}
}
