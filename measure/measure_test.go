package measure_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gyrus-dev/gyrus/measure"
)

func close(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-12*(1+math.Abs(a)+math.Abs(b))
}

func TestR2(t *testing.T) {
	for _, c := range []struct {
		name            string
		truth, estimate []float64
		columns         int
		want            float64
	}{
		{"perfect", []float64{1, 10, 3, 30}, []float64{1, 10, 3, 30}, 2, 1},
		// One mean for both columns would explain most of this; each column's own mean explains nothing.
		{"column means", []float64{1, 10, 3, 30}, []float64{2, 20, 2, 20}, 2, 0},
		{"worse than the mean", []float64{0, 2}, []float64{2, 0}, 1, -3},
		{"constant truth", []float64{5, 5}, []float64{4, 6}, 1, math.NaN()},
		{"empty", nil, nil, 3, math.NaN()},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := measure.R2(c.truth, c.estimate, c.columns); !close(got, c.want) {
				t.Errorf("R2 = %v, want %v", got, c.want)
			}
		})
	}
}

func TestR2AgainstGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	truth, estimate := make([]float64, 200), make([]float64, 200)
	for i := range truth {
		truth[i] = rng.NormFloat64()
		estimate[i] = truth[i] + 0.3*rng.NormFloat64()
	}
	if got, want := measure.R2(truth, estimate, 1), stat.RSquaredFrom(estimate, truth, nil); !close(got, want) {
		t.Errorf("one column: R2 = %v, gonum says %v", got, want)
	}
}

func TestPoissonLogLikelihoodAgainstGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var rates, counts []float64
	want := 0.0
	for range 500 {
		d := distuv.Poisson{Lambda: 0.05 + 4*rng.Float64(), Src: rng}
		k := d.Rand()
		rates, counts = append(rates, d.Lambda), append(counts, k)
		want += d.LogProb(k)
	}
	if got := measure.PoissonLogLikelihood(rates, counts); math.Abs(got-want) > 1e-9*math.Abs(want) {
		t.Errorf("log-likelihood %v, gonum says %v", got, want)
	}
	if got := measure.PoissonLogLikelihood([]float64{0}, []float64{1}); math.IsInf(got, 0) {
		t.Error("a spike at rate zero makes the likelihood infinite")
	}
}

func TestBitsPerSpike(t *testing.T) {
	counts := []float64{0, 2, 1, 0, 2, 1, 1, 0} // 4 bins x 2 neurons
	means := []float64{1, .75, 1, .75, 1, .75, 1, .75}
	if got := measure.BitsPerSpike(means, counts, 2); !close(got, 0) {
		t.Errorf("the mean rates gain %v bits/spike, want 0", got)
	}
	rates := []float64{.1, 1.8, 1, .2, 1.9, .9, 1, .1}
	want := (measure.PoissonLogLikelihood(rates, counts) - measure.PoissonLogLikelihood(means, counts)) / (7 * math.Ln2)
	if got := measure.BitsPerSpike(rates, counts, 2); !close(got, want) || got <= 0 {
		t.Errorf("bits/spike = %v, want %v by the definition", got, want)
	}
	// A silent third neuron changes nothing, whatever rate it is given.
	var rates3, counts3 []float64
	for b := range 4 {
		rates3 = append(rates3, rates[2*b], rates[2*b+1], 7)
		counts3 = append(counts3, counts[2*b], counts[2*b+1], 0)
	}
	if got := measure.BitsPerSpike(rates3, counts3, 3); !close(got, want) {
		t.Errorf("with a silent neuron bits/spike = %v, want %v", got, want)
	}
	if got := measure.BitsPerSpike([]float64{1}, []float64{0}, 1); !math.IsNaN(got) {
		t.Errorf("no spikes: %v, want NaN", got)
	}
}

// The true rates predict best, by definition of the likelihood's expectation: any distortion of them costs bits.
func TestBitsPerSpikePrefersTheTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const rows, neurons = 4000, 3
	var truth, blurred, scaled, counts []float32
	for range rows * neurons {
		rate := 0.1 + 2*rng.Float64()
		truth = append(truth, float32(rate))
		blurred = append(blurred, float32(0.5*rate+0.5*1.1))
		scaled = append(scaled, float32(1.3*rate))
		counts = append(counts, float32(distuv.Poisson{Lambda: rate, Src: rng}.Rand()))
	}
	best := measure.BitsPerSpike(truth, counts, neurons)
	for name, other := range map[string][]float32{"blurred": blurred, "scaled": scaled} {
		if got := measure.BitsPerSpike(other, counts, neurons); got >= best {
			t.Errorf("%s rates gain %v bits/spike, the true ones %v", name, got, best)
		}
	}
}

func TestClassification(t *testing.T) {
	truth, predicted := []int{0, 0, 0, 0, 1, 1}, []int{0, 0, 0, 1, 1, 0}
	if got := measure.Accuracy(truth, predicted); !close(got, 4./6) {
		t.Errorf("accuracy %v", got)
	}
	if got := measure.BalancedAccuracy(truth, predicted, 3); !close(got, (0.75+0.5)/2) {
		t.Errorf("balanced accuracy %v", got)
	}
	if got := fmt.Sprint(measure.Confusion(truth, predicted, 3)); got != "[[3 1 0] [1 1 0] [0 0 0]]" {
		t.Errorf("confusion %v", got)
	}
	if !math.IsNaN(measure.Accuracy(nil, nil)) || !math.IsNaN(measure.BalancedAccuracy(nil, nil, 2)) {
		t.Error("accuracy of nothing is not NaN")
	}
}

func TestForecastErrors(t *testing.T) {
	truth, estimate := []float64{0, 100, 50}, []float64{10, 90, 60}
	if got := measure.MAPE(truth, estimate); !close(got, (0.1+0.2)/2) {
		t.Errorf("MAPE %v", got)
	}
	if got := measure.AltMAPE(truth, estimate); !close(got, 30./150) {
		t.Errorf("altMAPE %v", got)
	}
	if zero := []float64{0}; !math.IsNaN(measure.AltMAPE(zero, zero)) || !math.IsNaN(measure.MAPE(zero, zero)) {
		t.Error("forecast error of a series of zeros is not NaN")
	}
}

func TestMismatchedLengthsPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"R2":           func() { measure.R2([]float64{1}, nil, 1) },
		"R2 columns":   func() { measure.R2([]float64{1, 2, 3}, []float64{1, 2, 3}, 2) },
		"bits":         func() { measure.BitsPerSpike([]float64{1}, []float64{1, 2}, 1) },
		"log-lik":      func() { measure.PoissonLogLikelihood([]float64{1}, nil) },
		"accuracy":     func() { measure.Accuracy([]int{1}, nil) },
		"class number": func() { measure.Confusion([]int{2}, []int{0}, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func ExampleBitsPerSpike() {
	counts := []float64{0, 0, 3, 1} // 4 bins of one neuron
	rates := []float64{0.1, 0.2, 2.5, 1.2}
	fmt.Printf("%.3f bits/spike\n", measure.BitsPerSpike(rates, counts, 1))
	// Output: 1.057 bits/spike
}

func BenchmarkBitsPerSpike(b *testing.B) {
	rates, counts := make([]float32, 260*50*30), make([]float32, 260*50*30)
	for i := range rates {
		rates[i], counts[i] = 0.3, float32(i%3)
	}
	b.SetBytes(int64(8 * len(rates)))
	for b.Loop() {
		measure.BitsPerSpike(rates, counts, 30)
	}
}
