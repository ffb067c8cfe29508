package ultralif

import (
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, experiment string, set, inputs map[string]string) (*runner.Outcome, error) {
	t.Helper()
	outcome, err := runner.Execute(t.Context(), runner.Config{Paper: "ultralif", Experiment: experiment, Preset: papers.Quick,
		Set: set, Inputs: inputs, Home: t.TempDir()})
	if err == nil {
		for _, c := range outcome.Document.Claims {
			t.Log(c.ID, c.Verdict.Status, c.Verdict.Conditions, c.Verdict.Why)
		}
	}
	return outcome, err
}

func value(t *testing.T, o *runner.Outcome, system, metric string) float64 {
	t.Helper()
	v, ok := o.Document.Records[0].Value(system, metric)
	if !ok {
		t.Fatalf("%s of %s was not measured", metric, system)
	}
	return v
}

func status(o *runner.Outcome, claim string) report.Status {
	for _, c := range o.Document.Claims {
		if c.ID == claim {
			return c.Verdict.Status
		}
	}
	return ""
}

func TestWordsQuick(t *testing.T) {
	o, err := execute(t, "words", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range o.Document.Records[0].Measurements {
		t.Log(m)
	}
}
