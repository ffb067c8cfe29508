package langevinflow

import (
	"math"
	"testing"
)

func TestSilentNeurons(t *testing.T) {
	c := &Counts{Trials: 1, Bins: 2, Neurons: 3, Values: []float32{0, 1, 0, 0, 2, 0}}
	if got := c.silent(); len(got) != 2 || got[0] != 0 || got[1] != 2 {
		t.Errorf("silent neurons %v, want [0 2]", got)
	}
}

// 3.8 nats per step and dimension at γ = 0.55.
func TestPathConstant(t *testing.T) {
	c := lorenzDefault.config(lorenzSizes, Langevin, Released)
	if per := c.pathConstant() / float64(c.Hidden*(c.Bins()-1)); math.Abs(per-3.80) > 0.005 {
		t.Errorf("constant part of the KL is %.3f nats per step and dimension, want 3.80", per)
	}
}

// Counts made by a known regression: the fit must find its weights.
func TestSmootherFindsHeldOutNeuron(t *testing.T) {
	s := Sizes{In: 1, Out: 2, Observed: 6}
	// The held-out neuron fires where and only where the held-in one does, in blocks long enough to survive smoothing.
	c := &Counts{Trials: 40, Bins: 6, Neurons: 2}
	for k := range c.Trials {
		for range c.Bins {
			v := float32(2 * (k % 2))
			c.Values = append(c.Values, v, v)
		}
	}
	m, err := FitSmoother(t.Context(), s, 20, c, c)
	if err != nil {
		t.Fatal(err)
	}
	rates := m.Rates(c)
	if low, high := rates[1], rates[c.Bins*2+1]; high < 1.7 || low > 0.3 {
		t.Errorf("rates of the held-out neuron in silent and active trials are %.2f and %.2f, want about 0 and 2", low, high)
	}
}

// At γ = 0.55 a start that ignores the data costs least where v_0 has variance 0.2825: 0.2733 nats per dimension, found by
// minimising the KL of the start plus that of the path over the variance.
func TestIdleStartKL(t *testing.T) {
	c := lorenzDefault.config(lorenzSizes, Langevin, Released)
	cost := func(variance float64) (start, all float64) {
		start = 0.5 * (variance - 1 - math.Log(variance))
		all = start
		for b := 1; b < c.Bins(); b++ {
			all += 0.5 * variance * math.Pow(1-c.Gamma, float64(2*b)) / priorVariance
		}
		return start, all
	}
	least, at := math.Inf(1), 0.0
	for variance := 0.01; variance < 2; variance += 1e-4 {
		if start, all := cost(variance); all < least {
			least, at = all, start
		}
	}
	if got := c.idleStartKL() / float64(c.Hidden); math.Abs(got-at) > 1e-3 {
		t.Errorf("a start that ignores the data has %.4f nats per dimension, a search says %.4f", got, at)
	}
}
