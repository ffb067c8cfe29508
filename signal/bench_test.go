package signal_test

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

func noise(channels, samples int, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := mat.NewDense(channels, samples, nil)
	for i := range x.RawMatrix().Data {
		x.RawMatrix().Data[i] = rng.NormFloat64()
	}
	return x
}

// A minute of 64 channels at 500 Hz, by each kind of zero-phase filter.
func BenchmarkZeroPhase(b *testing.B) {
	iir, err := signal.BandPass(4, 8, 30, 500)
	if err != nil {
		b.Fatal(err)
	}
	fir, err := signal.FIRDesign{Low: 8, High: 30}.Design(500)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		filter signal.Filter
	}{{"butterworth", iir}, {"fir", fir}} {
		b.Run(c.name, func(b *testing.B) {
			x := noise(64, 60*500, 1)
			b.SetBytes(64 * 60 * 500 * 8)
			for b.Loop() {
				if err := c.filter.ZeroPhase(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
