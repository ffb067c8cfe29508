package measure_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-dev/gyrus/measure"
)

func TestForecastError(t *testing.T) {
	truth := []float64{0, 0, 1, 2, 3, 4}
	estimate := []float64{2, 0, 1, 2, 3, math.NaN()}
	got := measure.ForecastError(truth, estimate, []float64{2, 5})
	want := []float64{math.Sqrt(.5), 0, math.Inf(1)}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("step %d: %g, want %g", i, got[i], w)
		}
	}
	// Two independent draws of a process are √2 apart.
	rng := rand.New(rand.NewPCG(1, 2))
	a, b := make([]float64, 20_000), make([]float64, 20_000)
	for i := range a {
		a[i], b[i] = 3*rng.NormFloat64(), 3*rng.NormFloat64()
	}
	mean := 0.
	for _, e := range measure.ForecastError(a, b, []float64{3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3}) {
		mean += e / 1000
	}
	if math.Abs(mean-math.Sqrt2) > .03 {
		t.Errorf("independent draws are %.3f apart, want √2", mean)
	}
}

func TestValidTime(t *testing.T) {
	for _, c := range []struct {
		errors []float64
		want   float64
	}{
		{[]float64{.1, .2, .6, .3}, .5}, {[]float64{.6}, 0}, {[]float64{.1, .5}, .5}, {[]float64{.1, math.NaN()}, .25}, {[]float64{.1, math.Inf(1), 0}, .25},
	} {
		if got := measure.ValidTime(c.errors, .5, .25); got != c.want {
			t.Errorf("%v: %g, want %g", c.errors, got, c.want)
		}
	}
}

func TestLogSpectrumError(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(gain float64) [][]float32 {
		all := make([][]float32, 400)
		for k := range all {
			x, y := 0., 0.
			for range 64 {
				x, y = .8*x+rng.NormFloat64(), .3*y+rng.NormFloat64()
				all[k] = append(all[k], float32(gain*x), float32(gain*y))
			}
		}
		return all
	}
	truth := draw(1)
	if same := measure.LogSpectrumError(truth, truth, 2); same != 0 {
		t.Errorf("the same series: %g", same)
	}
	if other := measure.LogSpectrumError(truth, draw(1), 2); other > .04 {
		t.Errorf("other draws of the same process: %g", other)
	}
	// Ten times the amplitude is two decades of power.
	if loud := measure.LogSpectrumError(truth, draw(10), 2); math.Abs(loud-2) > .03 {
		t.Errorf("ten times the amplitude: %g, want 2", loud)
	}
	truth[0][0] = float32(math.NaN())
	if broken := measure.LogSpectrumError(draw(1), truth, 2); !math.IsNaN(broken) {
		t.Errorf("a series with NaN: %g", broken)
	}
}
