package ultralif

import (
	"testing"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

// TestDigitsQuick asserts that networks learn from random spikes, better the more steps there are, and what a price on activation does.
func TestDigitsQuick(t *testing.T) {
	o, err := execute(t, "digits", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ultraDLIF, hardLIF} {
		short, long := runnertest.Value(t, o, name, "one"), runnertest.Value(t, o, name, "long")
		if short < .5 || long < short+.03 {
			t.Errorf("%s: accuracy %g at T = 1, %g at T = 3", name, short, long)
		}
	}
	free, priced := runnertest.Value(t, o, ultraDLIF, "priced-activation"), runnertest.Value(t, o, sparseDLIF, "priced-activation")
	if priced > .97*free {
		t.Errorf("mean activation %g with a price, %g without", priced, free)
	}
	if got := runnertest.Status(t, o, "sparsity"); got == report.NotTested {
		t.Errorf("sparsity is %s", got)
	}
}
