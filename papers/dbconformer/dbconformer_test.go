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
		t.Skip("trains three networks")
	}
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Experiment: "synthetic", Preset: papers.Quick, Seed: 1, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	both, time, space, classical := value(t, o, dbc, "loso"), value(t, o, temporal, "loso"), value(t, o, spatial, "loso"), value(t, o, csp, "loso")
	t.Logf("both branches %.3f, temporal %.3f, spatial %.3f, CSP + LDA %.3f", both, time, space, classical)
	if time < 0.58 || both < 0.62 {
		t.Errorf("both branches reach %.3f and the temporal branch alone %.3f on a person not seen; at least 0.62 and 0.58 are expected", both, time)
	}
	if space > min(both, time)-0.05 {
		t.Errorf("the spatial branch alone reaches %.3f: the class must come from the temporal branch", space)
	}
}
