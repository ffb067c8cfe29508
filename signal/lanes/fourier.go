package lanes

import (
	"math"
	"math/bits"
)

// Transform is the discrete Fourier transform of Width complex signals at once. Its spectra come in an order of its own, the one that costs
// no shuffling: they are for multiplying with each other, as a convolution does, and for transforming back.
//
// A point is 2*Width numbers: the real parts of the lanes, then the imaginary parts.
type Transform struct {
	n        int
	twiddles [][]float64 // of the passes with 1, 4, 16 ... or 2, 8, 32 ... points between the legs of a butterfly
}

// Point is the numbers of one point of a transform.
const Point = 2 * Width

// NewTransform prepares the transform of n points, a power of two.
func NewTransform(n int) *Transform {
	if n < 1 || n&(n-1) != 0 {
		panic("lanes: the length of a transform is not a power of two")
	}
	t := &Transform{n: n}
	m := 1
	if bits.TrailingZeros(uint(n))%2 == 1 {
		m = 2
	}
	for ; m < n; m *= 4 {
		w := make([]float64, 6*m)
		for j := range m {
			for k := range 3 {
				s, c := math.Sincos(-2 * math.Pi * float64(j*(k+1)) / float64(4*m))
				w[6*j+2*k], w[6*j+2*k+1] = c, s
			}
		}
		t.twiddles = append(t.twiddles, w)
	}
	return t
}

// Len is the number of points.
func (t *Transform) Len() int { return t.n }

// inCache is the number of points whose transform stays in the first-level cache.
const inCache = 256

// Forward transforms x, of n points, in place.
func (t *Transform) Forward(x []float64) { t.forward(x, len(t.twiddles)) }

func (t *Transform) forward(x []float64, passes int) {
	for p := passes - 1; p >= 0; p-- {
		m := len(t.twiddles[p]) / 6
		active.split(x, t.twiddles[p], m)
		if p > 0 && len(x) > inCache*Point {
			for ; len(x) > 0; x = x[m*Point:] {
				t.forward(x[:m*Point], p)
			}
			return
		}
	}
	if t.halves() {
		active.pairs(x)
	}
}

// halves says whether the innermost pass is of two points.
func (t *Transform) halves() bool { return bits.TrailingZeros(uint(t.n))%2 == 1 }

// Inverse undoes Forward, but for a factor of n.
func (t *Transform) Inverse(x []float64) { t.inverse(x, len(t.twiddles)) }

func (t *Transform) inverse(x []float64, passes int) {
	first := 0
	if passes > 1 && len(x) > inCache*Point {
		first = passes - 1
		m := len(t.twiddles[first]) / 6
		for rest := x; len(rest) > 0; rest = rest[m*Point:] {
			t.inverse(rest[:m*Point], first)
		}
	} else if t.halves() {
		active.pairs(x)
	}
	for p := first; p < passes; p++ {
		active.join(x, t.twiddles[p], len(t.twiddles[p])/6)
	}
}

// Spectrum returns the transform of a real signal h of at most n samples as pairs of real and imaginary part, in the transform's own
// order, divided by n to undo Inverse's factor.
func (t *Transform) Spectrum(h []float64) []float64 {
	x := make([]float64, t.n*Point)
	for i, v := range h {
		x[i*Point] = v / float64(t.n)
	}
	t.Forward(x)
	out := make([]float64, 2*t.n)
	for i := range t.n {
		out[2*i], out[2*i+1] = x[i*Point], x[i*Point+Width]
	}
	return out
}

// Multiply multiplies each point of x by the spectrum's number for it.
func Multiply(x, spectrum []float64) { active.multiply(x, spectrum) }

// portableSplit is a pass of butterflies that takes transforms of 4m points apart into four of m.
func portableSplit(x, w []float64, m int) {
	for ; len(x) > 0; x = x[4*m*Point:] {
		for j := range m {
			a, b := (*[Point]float64)(x[j*Point:]), (*[Point]float64)(x[(j+m)*Point:])
			c, d := (*[Point]float64)(x[(j+2*m)*Point:]), (*[Point]float64)(x[(j+3*m)*Point:])
			t := (*[6]float64)(w[6*j:])
			for l := range Width {
				sr, si := a[l]+c[l], a[l+Width]+c[l+Width]
				dr, di := a[l]-c[l], a[l+Width]-c[l+Width]
				ur, ui := b[l]+d[l], b[l+Width]+d[l+Width]
				vr, vi := b[l+Width]-d[l+Width], d[l]-b[l] // -i(b-d)
				a[l], a[l+Width] = sr+ur, si+ui
				pr, pi := dr+vr, di+vi
				b[l], b[l+Width] = pr*t[0]-pi*t[1], pr*t[1]+pi*t[0]
				pr, pi = sr-ur, si-ui
				c[l], c[l+Width] = pr*t[2]-pi*t[3], pr*t[3]+pi*t[2]
				pr, pi = dr-vr, di-vi
				d[l], d[l+Width] = pr*t[4]-pi*t[5], pr*t[5]+pi*t[4]
			}
		}
	}
}

// portableJoin undoes portableSplit, but for a factor of four.
func portableJoin(x, w []float64, m int) {
	for ; len(x) > 0; x = x[4*m*Point:] {
		for j := range m {
			a, b := (*[Point]float64)(x[j*Point:]), (*[Point]float64)(x[(j+m)*Point:])
			c, d := (*[Point]float64)(x[(j+2*m)*Point:]), (*[Point]float64)(x[(j+3*m)*Point:])
			t := (*[6]float64)(w[6*j:])
			for l := range Width {
				br, bi := b[l]*t[0]+b[l+Width]*t[1], b[l+Width]*t[0]-b[l]*t[1]
				cr, ci := c[l]*t[2]+c[l+Width]*t[3], c[l+Width]*t[2]-c[l]*t[3]
				dr, di := d[l]*t[4]+d[l+Width]*t[5], d[l+Width]*t[4]-d[l]*t[5]
				sr, si := a[l]+cr, a[l+Width]+ci
				er, ei := a[l]-cr, a[l+Width]-ci
				ur, ui := br+dr, bi+di
				vr, vi := di-bi, br-dr // i(b-d)
				a[l], a[l+Width] = sr+ur, si+ui
				b[l], b[l+Width] = er+vr, ei+vi
				c[l], c[l+Width] = sr-ur, si-ui
				d[l], d[l+Width] = er-vr, ei-vi
			}
		}
	}
}

// portablePairs transforms two points, both ways.
func portablePairs(x []float64) {
	for ; len(x) > 0; x = x[2*Point:] {
		a, b := (*[Point]float64)(x), (*[Point]float64)(x[Point:])
		for l := range a {
			a[l], b[l] = a[l]+b[l], a[l]-b[l]
		}
	}
}

func portableMultiply(x, spectrum []float64) {
	for i := 0; i < len(spectrum); i += 2 {
		hr, hi := spectrum[i], spectrum[i+1]
		a := (*[Point]float64)(x[i*Width:])
		for l := range Width {
			r := a[l]
			a[l] = r*hr - a[l+Width]*hi
			a[l+Width] = r*hi + a[l+Width]*hr
		}
	}
}
