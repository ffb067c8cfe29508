package langevinflow

import (
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// TestQuick runs the quick preset: what was inferred must explain the true rates, must depend on when the spikes came, and must come
// through h.
func TestQuick(t *testing.T) {
	out, err := runner.Execute(t.Context(), runner.Config{Paper: "langevinflow", Experiment: "lorenz", Preset: papers.Quick, Seed: 1, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	rec := out.Document.Records[0]
	value := func(system, metric string) float64 {
		v, ok := rec.Value(system, metric)
		if !ok {
			t.Fatalf("%s of %s was not measured", metric, system)
		}
		return v
	}
	t.Logf("%.1f s, R² %.3f, shuffled %.3f, without h %.3f, co-bps %.3f", rec.Seconds, value(system, "rate-r2"), value(shuffled, "rate-r2"), value(zeroed, "rate-r2"), value(system, "co-bps"))
	if r2 := value(system, "rate-r2"); r2 < 0.3 || r2 < value(shuffled, "rate-r2")+0.1 || r2 < value(zeroed, "rate-r2")+0.1 {
		t.Errorf("rate R² is %.3f, with shuffled bins %.3f, without h %.3f", r2, value(shuffled, "rate-r2"), value(zeroed, "rate-r2"))
	}
	if bps := value(system, "co-bps"); bps <= 0 {
		t.Errorf("held-out neurons: %.3f bits per spike", bps)
	}
	if e := value(system, "force-error"); e > 1e-4 {
		t.Errorf("the force is %g away from the potential's gradient", e)
	}
}

// openBackend opens the default backend once for a test.
func openBackend(t *testing.T) func() (backends.Backend, error) {
	b, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return func() (backends.Backend, error) { return b, nil }
}
