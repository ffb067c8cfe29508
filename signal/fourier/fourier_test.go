package fourier_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/signal/fourier"
)

func ExampleReal() {
	x := make([]float64, 10)
	for t := range x {
		x[t] = math.Cos(2 * math.Pi * 2 * float64(t) / 10)
	}
	coefficients := fourier.NewReal(10).Forward(nil, x)
	for i, f := range fourier.Frequencies(10, 10) {
		fmt.Printf("%g Hz: %.0f\n", f, cmplx.Abs(coefficients[i]))
	}
	// Output:
	// 0 Hz: 0
	// 1 Hz: 0
	// 2 Hz: 5
	// 3 Hz: 0
	// 4 Hz: 0
	// 5 Hz: 0
}

// Lengths that are even, odd, prime, and with a large prime factor agree with the definition, and come back.
func TestAgreesWithTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 8, 15, 64, 67, 97, 134, 201} {
		x, r := make([]complex128, n), make([]float64, n)
		for i := range x {
			x[i], r[i] = complex(rng.NormFloat64(), rng.NormFloat64()), rng.NormFloat64()
		}
		transform, half := fourier.New(n), fourier.NewReal(n)
		got, gotReal := transform.Forward(nil, x), half.Forward(nil, r)
		for k := range n {
			sum, sumReal := 0i, 0i
			for i := range n {
				turn := cmplx.Exp(complex(0, -2*math.Pi*float64(i*k%n)/float64(n)))
				sum += x[i] * turn
				sumReal += complex(r[i], 0) * turn
			}
			if cmplx.Abs(got[k]-sum) > 1e-12*float64(n) {
				t.Fatalf("%d points: coefficient %d is %v, want %v", n, k, got[k], sum)
			}
			if k <= n/2 && cmplx.Abs(gotReal[k]-sumReal) > 1e-12*float64(n) {
				t.Fatalf("%d real points: coefficient %d is %v, want %v", n, k, gotReal[k], sumReal)
			}
		}
		back, backReal := transform.Inverse(got, got), half.Inverse(nil, gotReal)
		for i := range n {
			if cmplx.Abs(back[i]-x[i]) > 1e-12 || math.Abs(backReal[i]-r[i]) > 1e-12 {
				t.Fatalf("%d points: point %d came back as %v and %g, want %v and %g", n, i, back[i], backReal[i], x[i], r[i])
			}
		}
	}
}

// A quarter of an hour at 1 kHz, one sample short of a round number: prime, and still quick and exact.
func TestLargePrime(t *testing.T) {
	const n = 899981
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Cos(2 * math.Pi * 1000 * float64(i) / n)
	}
	begin := time.Now()
	got := fourier.NewReal(n).Forward(nil, x)
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("a transform of a prime length took %v", took)
	}
	for k, v := range got {
		want := 0.0
		if k == 1000 {
			want = n / 2.0
		}
		if cmplx.Abs(v-complex(want, 0)) > 1e-5 {
			t.Fatalf("coefficient %d is %v, want %g", k, v, want)
		}
	}
}

func TestFastLength(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 2, 7: 8, 11: 12, 13: 15, 17: 18, 121: 125, 1025: 1080, 100001: 101250} {
		if got := fourier.FastLength(n); got != want {
			t.Errorf("FastLength(%d) is %d, want %d", n, got, want)
		}
	}
}
