package ultralif

import (
	"testing"

	"github.com/gyrus-dev/gyrus/report"
)

// TestDigitsQuick asserts that networks learn from random spikes, better the more steps there are, and what a price on activation does.
func TestDigitsQuick(t *testing.T) {
	o, err := execute(t, "digits", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ultraDLIF, hardLIF} {
		short, long := value(t, o, name, "one"), value(t, o, name, "long")
		if short < .5 || long < short+.03 {
			t.Errorf("%s: accuracy %g at T = 1, %g at T = 3", name, short, long)
		}
	}
	free, priced := value(t, o, ultraDLIF, "priced-activation"), value(t, o, sparseDLIF, "priced-activation")
	if priced > .97*free {
		t.Errorf("mean activation %g with a price, %g without", priced, free)
	}
	if got := status(o, "sparsity"); got == report.NotTested {
		t.Errorf("sparsity is %s", got)
	}
}
