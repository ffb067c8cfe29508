package ultralif

import (
	"testing"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

// TestTheoryQuick holds the claims on bounds, gradients and identities, and that a surrogate gradient would fail the second.
func TestTheoryQuick(t *testing.T) {
	o, err := execute(t, "theory", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, claim := range []string{"bounds", "gradient", "identity"} {
		if got := runnertest.Status(t, o, claim); got != report.Reproduced {
			t.Errorf("claim %s is %s", claim, got)
		}
	}
	for _, m := range o.Document.Records[0].Measurements {
		t.Log(m)
	}
	for _, name := range bothLimits {
		if n := runnertest.Value(t, o, name, "compared"); n < 1000 {
			t.Errorf("%s: only %g spikes were compared", name, n)
		}
	}
	if v := runnertest.Value(t, o, hardLIF, "weights"); v < .1 {
		t.Errorf("the surrogate gradient is off by %g: the comparison shows nothing", v)
	}
}
