package signal

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// Densities by SciPy's gaussian_kde give the same bits; testdata/spatial.py computed them.
func TestMutualInformationAgreesWithSciPy(t *testing.T) {
	var g struct {
		Information []struct {
			Feature []float64
			Labels  []int
			Bits    float64
		}
	}
	data, err := os.ReadFile("testdata/spatial.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	for _, c := range g.Information {
		if got := mutualInformation(c.Feature, c.Labels); math.Abs(got-c.Bits) > 1e-9 {
			t.Errorf("%g bits, want %g", got, c.Bits)
		}
	}
	if got := mutualInformation([]float64{1, 1, 1, 1}, []int{0, 1, 0, 1}); got != 0 {
		t.Errorf("a feature that does not vary tells %g bits", got)
	}
}
