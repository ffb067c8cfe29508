package ica_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal/ica"
)

// mixture returns sources with heavy tails, light tails and a Gaussian one, their mixture, and the mixing matrix.
func mixture(channels, samples int, seed uint64) (sources, mixed, mixing *mat.Dense) {
	rng := rand.New(rand.NewPCG(seed, 0))
	sources = mat.NewDense(channels, samples, nil)
	for c := range channels {
		for t := range samples {
			var v float64
			switch c % 3 {
			case 0:
				v = rng.ExpFloat64() * math.Copysign(1/math.Sqrt2, rng.Float64()-0.5)
			case 1:
				v = (rng.Float64() - 0.5) * math.Sqrt(12)
			case 2:
				v = rng.NormFloat64() * rng.ExpFloat64() / math.Sqrt2
			}
			sources.Set(c, t, v)
		}
	}
	mixing = mat.NewDense(channels, channels, nil)
	mixing.Apply(func(i, j int, _ float64) float64 { return rng.NormFloat64() }, mixing)
	mixed = new(mat.Dense)
	mixed.Mul(mixing, sources)
	return sources, mixed, mixing
}

// Ten minutes of 64 channels at 250 Hz, a pass over which is one iteration.
func BenchmarkFit(b *testing.B) {
	_, x, _ := mixture(64, 150_000, 1)
	for _, c := range []struct {
		name   string
		method ica.Method
	}{{"FastICA", ica.FastICA}, {"Infomax", ica.Infomax}, {"ExtendedInfomax", ica.ExtendedInfomax}} {
		for _, iterations := range []int{1, 11} {
			b.Run(fmt.Sprint(c.name, iterations), func(b *testing.B) {
				for b.Loop() {
					if _, err := ica.Fit(x, ica.Options{Method: c.method, Iterations: iterations, Tolerance: 1e-300}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
