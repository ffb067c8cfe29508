package htm

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTanh(t *testing.T) {
	for x := -20.0; x <= 20; x += 0.001 {
		if got, want := float64(tanh(float32(x))), math.Tanh(x); math.Abs(got-want) > 2e-6 {
			t.Fatalf("tanh(%v) = %v, want %v", x, got, want)
		}
	}
}

// TestLSTMGradient compares the gradient with central differences of the error that run, the independent forward path, gives.
func TestLSTMGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const in, units, out, steps, chunks = 3, 4, 2, 6, 2
	l := newLSTM(in, units, out, rng)
	x, y := make([]float32, steps*chunks*in), make([]float32, steps*chunks*out)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range y {
		y[i] = float32(rng.NormFloat64())
	}
	loss := func() float64 {
		sum := 0.0
		for k := range chunks {
			s := l.rest()
			for step := range steps {
				r := step*chunks + k
				for j, v := range l.run(s, x[r*in:(r+1)*in]) {
					e := float64(v - y[r*out+j])
					sum += e * e
				}
			}
		}
		return sum / (steps * chunks * out)
	}
	if got, want := l.backward(x, y, steps, chunks), loss(); math.Abs(got-want) > 1e-5 {
		t.Fatalf("error %v, step by step %v", got, want)
	}
	for i := range l.weights {
		const h = 1e-2
		w := l.weights[i]
		l.weights[i] = w + h
		up := loss()
		l.weights[i] = w - h
		down := loss()
		l.weights[i] = w
		if got, want := float64(l.gradient[i]), (up-down)/(2*h); math.Abs(got-want) > 2e-3*(math.Abs(want)+0.1) {
			t.Errorf("weight %d: gradient %v, by differences %v", i, got, want)
		}
	}
}
