package network

import (
	"math"
	"slices"
	"testing"
)

// TestNormals compares the distribution with the normal one in 200 bins and in the tail.
func TestNormals(t *testing.T) {
	const n = 4_000_000
	var z [noiseChunk]float32
	var bins [202]float64 // of width 0.05 from -5 to 5, and what is outside
	tail := 0
	const edge = 3.5
	all := make([]float32, 0, n)
	for k := range n / noiseChunk {
		normals(&z, mix(uint64(k)))
		all = append(all, z[:]...)
	}
	for _, x := range all {
		bins[min(max(int(math.Floor(float64(x)/.05))+101, 0), 201)]++
		if math.Abs(float64(x)) > edge {
			tail++
		}
	}
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	total, chi, degrees := float64(len(all)), 0., 0
	for i, count := range bins {
		low, high := math.Inf(-1), math.Inf(1)
		if i > 0 {
			low = float64(i-101) * .05
		}
		if i < 201 {
			high = float64(i-100) * .05
		}
		if expected := total * (phi(high) - phi(low)); expected > 10 {
			chi += (count - expected) * (count - expected) / expected
			degrees++
		}
	}
	if limit := float64(degrees) + 4*math.Sqrt(2*float64(degrees)); chi > limit {
		t.Errorf("chi-squared is %.0f in %d bins", chi, degrees)
	}
	if want := total * 2 * phi(-edge); math.Abs(float64(tail)-want) > 4*math.Sqrt(want) {
		t.Errorf("%d points beyond %g, want about %.0f", tail, edge, want)
	}
	if largest := slices.Max(all); largest < 4.5 {
		t.Errorf("the largest of %d is %g", n, largest)
	}
}

func BenchmarkNoise(b *testing.B) {
	n := EqualNoise(1, 1000, 1)
	current := make([]float32, 1000)
	for i := range b.N {
		n.Add(i, 0, 1000, current)
	}
}
