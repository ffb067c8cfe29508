package attractor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/simulate/attractor"
)

func generate(t testing.TB, c attractor.Config, seed uint64) *attractor.Population {
	t.Helper()
	p, err := attractor.Generate(c, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStandardPopulation(t *testing.T) {
	c := attractor.Standard()
	p := generate(t, c, 1)
	if len(p.Latents) != 65*50*3 || len(p.Rates) != 65*50*30 || len(p.Counts) != 65*20*50*30 || len(p.Readout) != 90 {
		t.Fatal("sizes are not the documented ones")
	}
	for part := range slices.Chunk(p.Latents, 3*c.Bins) {
		normalised(t, part)
	}
	whole := c
	whole.PerTrajectory = false
	normalised(t, generate(t, whole, 1).Latents)
	for _, w := range p.Readout {
		if math.Abs(w) < 1 || math.Abs(w) > 2 {
			t.Errorf("readout weight %v is outside ±[1,2]", w)
		}
	}
	// Both wings must be visited: the x coordinate changes sign within trials.
	flips := 0
	for k := range c.Conditions {
		for b := 1; b < c.Bins; b++ {
			i := 3 * (k*c.Bins + b)
			if p.Latents[i]*p.Latents[i-3] < 0 {
				flips++
			}
		}
	}
	if flips < c.Conditions/2 {
		t.Errorf("%d wing changes in %d trajectories: not chaotic", flips, c.Conditions)
	}
}

func normalised(t *testing.T, states []float64) {
	t.Helper()
	var mean, largest [3]float64
	for i, v := range states {
		mean[i%3] += v
		largest[i%3] = max(largest[i%3], math.Abs(v))
	}
	for d := range 3 {
		if math.Abs(mean[d]) > 1e-9 || largest[d] != 1 {
			t.Fatalf("dimension %d has sum %g and largest magnitude %v, want 0 and 1", d, mean[d], largest[d])
		}
	}
}

// Counts are Poisson with the stated rates: pooled over the population, squared standardised deviations have mean 1.
func TestCountsFollowRates(t *testing.T) {
	c := attractor.Standard()
	p := generate(t, c, 2)
	sum, z2, n := 0.0, 0.0, 0
	expected := 0.0
	for k := range c.Conditions {
		rates := p.TrialRates(k)
		for r := range c.Repeats {
			for i, count := range p.TrialCounts(k, r) {
				sum += float64(count)
				expected += rates[i]
				z2 += (float64(count) - rates[i]) * (float64(count) - rates[i]) / rates[i]
				n++
			}
		}
	}
	if z := (sum - expected) / math.Sqrt(expected); math.Abs(z) > 4 {
		t.Errorf("%.0f spikes where %.0f were expected (z = %.1f)", sum, expected, z)
	}
	if ratio := z2 / float64(n); math.Abs(ratio-1) > 0.05 {
		t.Errorf("variance over rate %.3f, want 1", ratio)
	}
}

func TestSeedsAndRepeats(t *testing.T) {
	c := attractor.Standard()
	c.Conditions, c.Repeats = 5, 2
	a, b, other := generate(t, c, 7), generate(t, c, 7), generate(t, c, 8)
	if !slices.Equal(a.Counts, b.Counts) {
		t.Error("the same seed gives other spikes")
	}
	if slices.Equal(a.Rates, other.Rates) {
		t.Error("another seed gives the same rates")
	}
	c.Repeats = 3
	if !slices.Equal(generate(t, c, 7).Rates, a.Rates) {
		t.Error("the number of repeats changes the rates")
	}
}

func TestGenerateRejects(t *testing.T) {
	for name, change := range map[string]func(*attractor.Config){
		"Conditions": func(c *attractor.Config) { c.Conditions = 0 },
		"Neurons":    func(c *attractor.Config) { c.Neurons = -1 },
		"Step":       func(c *attractor.Config) { c.Step = 0.5 },
		"Baseline":   func(c *attractor.Config) { c.Baseline = 0 },
		"MaxRate":    func(c *attractor.Config) { c.MaxRate = 0.01 },
	} {
		c := attractor.Standard()
		change(&c)
		if _, err := attractor.Generate(c, rand.New(rand.NewPCG(1, 1))); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("bad %s: error %v does not name it", name, err)
		}
	}
}

func ExampleGenerate() {
	c := attractor.Standard()
	c.Conditions, c.Repeats = 2, 3
	p, err := attractor.Generate(c, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(p.TrialRates(0))/c.Neurons, "bins of true rates for", len(p.Counts)/(c.Bins*c.Neurons), "trials")
	// Output: 50 bins of true rates for 6 trials
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		generate(b, attractor.Standard(), 1)
	}
}
