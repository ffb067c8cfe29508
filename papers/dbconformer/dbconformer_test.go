package dbconformer

import (
	"context"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// value is what the first seed measured.
func value(t *testing.T, o *runner.Outcome, system, metric string) float64 {
	t.Helper()
	v, ok := o.Document.Records[0].Value(system, metric)
	if !ok {
		t.Fatalf("%s of %s was not measured", metric, system)
	}
	return v
}

// The quick preset must decode people it has not seen with the temporal branch, and not without it.
func TestQuickSynthetic(t *testing.T) {
	if testing.Short() {
		t.Skip("trains eight networks")
	}
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Experiment: "synthetic", Preset: papers.Quick, Seed: 1, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	both, time, space := value(t, o, dbc, "loso"), value(t, o, temporal, "loso"), value(t, o, spatial, "loso")
	t.Logf("both branches %.3f, temporal %.3f, spatial %.3f, CSP + LDA %.3f, EEGNet %.3f, EEG Conformer %.3f", both, time, space,
		value(t, o, csp, "loso"), value(t, o, eegnet, "loso"), value(t, o, conformer, "loso"))
	t.Log(o.Dir)
}
