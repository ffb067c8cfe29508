package split

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-dev/gyrus/signal/fourier"
)

func signal(n int) (x, even, odd []float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range n / 2 {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		x, even, odd = append(x, a, b), append(even, a), append(odd, b)
	}
	return x, even, odd
}

// TestReal compares with package fourier, and goes back.
func TestReal(t *testing.T) {
	for n := 32; n <= 4096; n *= 2 {
		x, even, odd := signal(n)
		want := fourier.NewReal(n).Forward(nil, x)
		f := New(n)
		re, im := make([]float64, n/2+1), make([]float64, n/2+1)
		f.Forward(re, im, even, odd)
		for k, w := range want {
			if math.Abs(re[k]-real(w)) > 1e-11 || math.Abs(im[k]-imag(w)) > 1e-11 {
				t.Fatalf("%d numbers, frequency %d: %g%+gi, want %g", n, k, re[k], im[k], w)
			}
		}
		backEven, backOdd := make([]float64, n/2), make([]float64, n/2)
		f.Inverse(backEven, backOdd, re, im)
		for i := range backEven {
			if math.Abs(backEven[i]-even[i]) > 1e-13 || math.Abs(backOdd[i]-odd[i]) > 1e-13 {
				t.Fatalf("%d numbers: samples %d come back as %g and %g, want %g and %g", n, 2*i, backEven[i], backOdd[i], even[i], odd[i])
			}
		}
	}
}

// TestPortable compares the passes in vector registers with those in plain Go.
func TestPortable(t *testing.T) {
	for _, n := range []int{32, 64, 512} {
		for _, p := range New(n).passes {
			_, xr, xi := signal(n)
			var y [4][]float64
			for i := range y {
				y[i] = make([]float64, n/2)
			}
			p.run(y[0], y[1], xr, xi)
			p.portable(y[2], y[3], xr, xi)
			for i := range xr {
				if math.Abs(y[0][i]-y[2][i]) > 1e-14 || math.Abs(y[1][i]-y[3][i]) > 1e-14 {
					t.Fatalf("%d numbers, stride %d: result %d is %g%+gi, in plain Go %g%+gi", n, p.stride, i, y[0][i], y[1][i], y[2][i], y[3][i])
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, n := range []int{0, 16, 48} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d numbers are transformed", n)
				}
			}()
			New(n)
		}()
	}
}

func BenchmarkReal512(b *testing.B) {
	_, even, odd := signal(512)
	f := New(512)
	re, im := make([]float64, 257), make([]float64, 257)
	for b.Loop() {
		f.Forward(re, im, even, odd)
		f.Inverse(even, odd, re, im)
	}
}

func BenchmarkGonum512(b *testing.B) {
	x, _, _ := signal(512)
	f := fourier.NewReal(512)
	y := make([]complex128, 257)
	for b.Loop() {
		f.Forward(y, x)
		f.Inverse(x, y)
	}
}
