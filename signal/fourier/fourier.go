package fourier

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Transform is the discrete Fourier transform of n complex numbers. It must not be used by two goroutines at a time.
type Transform struct {
	n     int
	plain *fourier.CmplxFFT // nil when Bluestein's algorithm is the faster

	inner    *fourier.CmplxFFT // of the convolution
	chirp    []complex128      // exp(-iπk²/n)
	spectrum []complex128      // of the conjugate chirp
	work     []complex128
}

// largestPrime is the largest prime factor that gonum's transform is trusted with.
const largestPrime = 61

// New prepares the transform of n numbers, at least 1.
func New(n int) *Transform {
	if n < 1 {
		panic(fmt.Sprintf("fourier: a transform of %d numbers", n))
	}
	t := &Transform{n: n}
	if largestFactor(n) <= largestPrime {
		t.plain = fourier.NewCmplxFFT(n)
		return t
	}
	m := 1
	for m < 2*n-1 {
		m *= 2
	}
	t.inner = fourier.NewCmplxFFT(m)
	t.chirp, t.work = make([]complex128, n), make([]complex128, m)
	conjugate := make([]complex128, m)
	for k := range n {
		// k² modulo 2n: the angle would lose digits otherwise.
		s, c := math.Sincos(math.Pi * float64(k*k%(2*n)) / float64(n))
		t.chirp[k] = complex(c, -s)
		conjugate[k] = complex(c, s)
		if k > 0 {
			conjugate[m-k] = conjugate[k]
		}
	}
	t.spectrum = t.inner.Coefficients(nil, conjugate)
	for i := range t.spectrum {
		t.spectrum[i] /= complex(float64(m), 0)
	}
	return t
}

func largestFactor(n int) int {
	largest := 1
	for p := 2; p*p <= n; p++ {
		for n%p == 0 {
			n, largest = n/p, p
		}
	}
	return max(n, largest)
}

// Len is the number of points.
func (t *Transform) Len() int { return t.n }

// Forward sets dst to the transform of src, both of n numbers; they may be the same. It returns dst, a new one if dst is nil.
func (t *Transform) Forward(dst, src []complex128) []complex128 {
	if dst == nil {
		dst = make([]complex128, t.n)
	}
	if t.plain != nil {
		return t.plain.Coefficients(dst, src)
	}
	clear(t.work)
	for k, v := range src[:t.n] {
		t.work[k] = v * t.chirp[k]
	}
	t.inner.Coefficients(t.work, t.work)
	for i, v := range t.spectrum {
		t.work[i] *= v
	}
	t.inner.Sequence(t.work, t.work)
	for k, v := range t.chirp {
		dst[k] = t.work[k] * v
	}
	return dst
}

// Inverse undoes Forward, including the factor of 1/n.
func (t *Transform) Inverse(dst, src []complex128) []complex128 {
	if dst == nil {
		dst = make([]complex128, t.n)
	}
	// The inverse is the conjugate of the transform of the conjugate.
	for i, v := range src[:t.n] {
		dst[i] = complex(real(v), -imag(v))
	}
	t.Forward(dst, dst)
	scale := 1 / float64(t.n)
	for i, v := range dst {
		dst[i] = complex(real(v)*scale, -imag(v)*scale)
	}
	return dst
}

// Real is the discrete Fourier transform of n real numbers: the n/2+1 coefficients of frequencies from 0 up to half the sampling rate. It must
// not be used by two goroutines at a time.
type Real struct {
	n       int
	plain   *fourier.FFT
	complex *Transform
	work    []complex128
}

// NewReal prepares the transform of n real numbers, at least 1.
func NewReal(n int) *Real {
	if n < 1 {
		panic(fmt.Sprintf("fourier: a transform of %d numbers", n))
	}
	if largestFactor(n) <= largestPrime {
		return &Real{n: n, plain: fourier.NewFFT(n)}
	}
	return &Real{n: n, complex: New(n), work: make([]complex128, n)}
}

// Len is the number of real points.
func (t *Real) Len() int { return t.n }

// Forward sets dst, of n/2+1 numbers, to the transform of src, of n. It returns dst, a new one if dst is nil.
func (t *Real) Forward(dst []complex128, src []float64) []complex128 {
	if dst == nil {
		dst = make([]complex128, t.n/2+1)
	}
	if t.plain != nil {
		return t.plain.Coefficients(dst, src)
	}
	for i, v := range src[:t.n] {
		t.work[i] = complex(v, 0)
	}
	t.complex.Forward(t.work, t.work)
	copy(dst, t.work)
	return dst
}

// Inverse sets dst, of n numbers, to the real signal with the transform src, of n/2+1, and returns it, a new one if dst is nil. The
// imaginary parts at 0 and at half the sampling rate do not count.
func (t *Real) Inverse(dst []float64, src []complex128) []float64 {
	if dst == nil {
		dst = make([]float64, t.n)
	}
	if t.plain != nil {
		t.plain.Sequence(dst, src)
		for i := range dst {
			dst[i] /= float64(t.n)
		}
		return dst
	}
	t.work[0] = complex(real(src[0]), 0)
	for i := 1; i < len(src); i++ {
		t.work[i] = src[i]
		t.work[t.n-i] = complex(real(src[i]), -imag(src[i]))
	}
	t.complex.Inverse(t.work, t.work)
	for i := range dst {
		dst[i] = real(t.work[i])
	}
	return dst
}

// Frequencies returns the frequencies in Hz of the n/2+1 coefficients of n real samples at fs Hz.
func Frequencies(n int, fs float64) []float64 {
	out := make([]float64, n/2+1)
	for i := range out {
		out[i] = float64(i) * fs / float64(n)
	}
	return out
}

// FastLength returns the smallest number of at least n whose prime factors are 2, 3 and 5, which transforms fastest.
func FastLength(n int) int {
	best := 1
	for best < n {
		best *= 2
	}
	for five := 1; five < best; five *= 5 {
		for three := five; three < best; three *= 3 {
			two := three
			for two < n {
				two *= 2
			}
			best = min(best, two)
		}
	}
	return best
}
