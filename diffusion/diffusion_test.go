package diffusion

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// gaussian predicts noise on data from N(mean, sd²) as well as can be.
func gaussian(s *Schedule, mean, sd float64) Predictor {
	return func(_ context.Context, x []float32, t int) ([]float32, error) {
		a, b := s.Scales(t)
		out := make([]float32, len(x))
		for i, v := range x {
			out[i] = float32(b * (float64(v) - a*mean) / (a*a*sd*sd + b*b))
		}
		return out, nil
	}
}

// TestSamplersGoBackToTheData samples with the best predictor for data from a normal distribution.
func TestSamplersGoBackToTheData(t *testing.T) {
	s, err := Linear(1000, 1e-4, .02)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		by   Sampler
		n    int
		near float64
	}{{DDPM{}, 1000, .03}, {DDIM{}, 1000, .03}, {DDIM{}, 100, .03}, {DDIM{Limit: 10}, 100, .03}, {DDPM{}, 200, .05}} {
		rng := rand.New(rand.NewPCG(1, 2))
		x := make([]float32, 5000)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		if err := s.Sample(t.Context(), x, c.n, c.by, gaussian(s, .7, .3), rng, nil); err != nil {
			t.Fatal(err)
		}
		mean, square := 0.0, 0.0
		for _, v := range x {
			mean += float64(v) / float64(len(x))
		}
		for _, v := range x {
			square += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
		}
		if math.Abs(mean-.7) > c.near || math.Abs(math.Sqrt(square)-.3) > c.near {
			t.Errorf("%T in %d steps: mean %.3f and deviation %.3f, want 0.7 and 0.3", c.by, c.n, mean, math.Sqrt(square))
		}
	}
}

func TestDDIMKeepsWithinLimits(t *testing.T) {
	s, _ := Linear(100, 1e-4, .02)
	x := []float32{-9, 9}
	zero := func(_ context.Context, x []float32, _ int) ([]float32, error) { return make([]float32, len(x)), nil }
	if err := s.Sample(t.Context(), x, 5, DDIM{Limit: 1}, zero, nil, nil); err != nil || math.Abs(float64(x[0])+1) > 1e-6 || math.Abs(float64(x[1])-1) > 1e-6 {
		t.Errorf("%v %v, want the limits", x, err)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		n           int
		first, last float64
	}{{1, .1, .2}, {10, 0, .2}, {10, .2, .1}, {10, .1, 1}, {10, math.NaN(), .2}} {
		if _, err := Linear(c.n, c.first, c.last); err == nil {
			t.Errorf("%v is taken", c)
		}
	}
	s, _ := Linear(10, .01, .1)
	for _, n := range []int{0, 11} {
		if err := s.Sample(t.Context(), nil, n, DDPM{}, nil, nil, nil); err == nil {
			t.Errorf("%d sampling steps are taken", n)
		}
	}
}

func Example() {
	s, _ := Linear(1000, 1e-4, 0.02)
	times, _ := s.Times(4)
	for _, t := range times {
		fmt.Printf("step %d: %.3f of the variance is data\n", t, s.Kept(t))
	}
	// Output:
	// step 1000: 0.000 of the variance is data
	// step 750: 0.003 of the variance is data
	// step 500: 0.079 of the variance is data
	// step 250: 0.524 of the variance is data
}
