package network

import (
	"math"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// TestNoiseTiers asserts that every tier of the processor draws the same currents, bit for bit, for ranges that begin and end anywhere.
func TestNoiseTiers(t *testing.T) {
	defer kernel.Use(kernel.Active())
	const n = 3*noiseChunk - 40
	noise := EqualNoise(1.5, n, 7)
	var want []float32
	for _, tier := range kernel.Tiers() {
		if err := kernel.Use(tier); err != nil {
			t.Fatal(err)
		}
		for _, ends := range [][]int{{0, n}, {0, 100, n}, {0, noiseChunk, noiseChunk + 1, n}} {
			var got []float32
			for step := range 200 { // among 10^5 numbers some lie beyond all cells
				current := make([]float32, n)
				for i, from := range ends[:len(ends)-1] {
					noise.Add(step, from, ends[i+1], current[from:ends[i+1]])
				}
				got = append(got, current...)
			}
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v: noise in ranges that end at %v differs", tier, ends)
			}
		}
	}
	if slices.Max(want) < 1.5*3.9 {
		t.Errorf("the largest of %d is %g", len(want), slices.Max(want))
	}
}

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
