package split

import (
	"fmt"
	"math"
)

// Real is the transform of n real numbers. It must not be used by two goroutines at a time.
type Real struct {
	n      int
	passes []pass
	cos    []float64 // of 2πk/n for k up to n/4
	sin    []float64
	a, b   [2][]float64 // complex work, real parts and imaginary parts
}

// pass is one stage of Stockham's algorithm with radix 4: places·stride numbers in each quarter.
type pass struct {
	places, stride int
	twiddles       []float64 // six for each place: vectors of four places in the first pass, of four equal values in later ones
}

// New prepares the transform of n real numbers, a power of two of at least 32.
func New(n int) *Real {
	if n < 32 || n&(n-1) != 0 {
		panic(fmt.Sprintf("split: a transform of %d numbers; it takes powers of two from 32", n))
	}
	half := n / 2
	t := &Real{n: n}
	for k := range n/4 + 1 {
		s, c := math.Sincos(2 * math.Pi * float64(k) / float64(n))
		t.cos, t.sin = append(t.cos, c), append(t.sin, s)
	}
	for i := range 2 {
		t.a[i], t.b[i] = make([]float64, half), make([]float64, half)
	}
	for stride := 1; half/stride >= 4; stride *= 4 {
		p := pass{places: half / stride / 4, stride: stride, twiddles: make([]float64, 24*(half/stride/4))}
		for place := range p.places {
			for k := range 3 {
				s, c := math.Sincos(-2 * math.Pi * float64((k+1)*place) / float64(4*p.places))
				for lane := range 4 {
					at := 24*place + 8*k + lane
					if stride == 1 {
						if lane > 0 {
							continue
						}
						at = place/4*24 + 8*k + place%4
					}
					p.twiddles[at], p.twiddles[at+4] = c, s
				}
			}
		}
		if stride == 1 {
			p.twiddles = p.twiddles[:6*p.places]
		}
		t.passes = append(t.passes, p)
	}
	return t
}

// Len is the number of real points.
func (t *Real) Len() int { return t.n }

// transform is the complex transform of xr + i·xi, which may be overwritten; it returns where the result lies.
func (t *Real) transform(xr, xi, yr, yi []float64) (re, im []float64) {
	for _, p := range t.passes {
		p.run(yr, yi, xr, xi)
		xr, xi, yr, yi = yr, yi, xr, xi
	}
	if h := len(xr) / 2; t.passes[len(t.passes)-1].places == 2 { // a pass of radix 2 is left
		for q := range h {
			a, b, c, d := xr[q], xi[q], xr[q+h], xi[q+h]
			xr[q], xi[q], xr[q+h], xi[q+h] = a+c, b+d, a-c, b-d
		}
	}
	return xr, xi
}

// Forward sets re and im, of n/2+1 numbers, to the transform of the signal whose samples 0, 2, 4 ... are even and 1, 3, 5 ... odd, of n/2 numbers each,
// which stay as they are.
func (t *Real) Forward(re, im, even, odd []float64) {
	half := t.n / 2
	copy(t.a[0], even[:half])
	copy(t.a[1], odd[:half])
	zr, zi := t.transform(t.a[0], t.a[1], t.b[0], t.b[1])
	zr, zi, re, im = zr[:half], zi[:half], re[:half+1], im[:half+1]
	re[0], im[0], re[half], im[half] = zr[0]+zi[0], 0, zr[0]-zi[0], 0
	cos, sin := t.cos, t.sin
	for k := 1; k <= half/2; k++ {
		m := half - k
		a, b, c, d := zr[k], zi[k], zr[m], zi[m]
		// The spectra of even and odd samples.
		er, ei, or, oi := .5*(a+c), .5*(b-d), .5*(b+d), .5*(c-a)
		wr, wi := cos[k]*or+sin[k]*oi, cos[k]*oi-sin[k]*or
		re[k], im[k], re[m], im[m] = er+wr, ei+wi, er-wr, wi-ei
	}
}

// Inverse undoes Forward, including the factor of 1/n.
func (t *Real) Inverse(even, odd, re, im []float64) {
	half := t.n / 2
	re, im = re[:half+1], im[:half+1]
	zr, zi := t.a[0][:half], t.a[1][:half]
	scale := .5 / float64(half)
	zr[0], zi[0] = scale*(re[0]+re[half]), scale*(re[0]-re[half])
	cos, sin := t.cos, t.sin
	for k := 1; k <= half/2; k++ {
		m := half - k
		a, b, c, d := re[k], im[k], re[m], im[m]
		er, ei, wr, wi := scale*(a+c), scale*(b-d), scale*(a-c), scale*(b+d)
		or, oi := cos[k]*wr-sin[k]*wi, cos[k]*wi+sin[k]*wr
		zr[k], zi[k], zr[m], zi[m] = er-oi, ei+or, er+oi, or-ei
	}
	// The inverse is the transform with real and imaginary parts exchanged.
	yi, yr := t.transform(zi, zr, t.b[1], t.b[0])
	copy(even[:half], yr)
	copy(odd[:half], yi)
}

// portable is a pass in plain Go.
func (p pass) portable(yr, yi, xr, xi []float64) {
	quarter := p.places * p.stride
	for place := range p.places {
		tw, lane := p.twiddles[24*(place/4):], place%4
		if p.stride > 1 {
			tw, lane = p.twiddles[24*place:], 0
		}
		for q := range p.stride {
			i, o := place*p.stride+q, 4*place*p.stride+q
			ar, ai, br, bi := xr[i], xi[i], xr[i+quarter], xi[i+quarter]
			cr, ci, dr, di := xr[i+2*quarter], xi[i+2*quarter], xr[i+3*quarter], xi[i+3*quarter]
			turn := func(k int, re, im float64) {
				wr, wi := tw[8*(k-1)+lane], tw[8*(k-1)+4+lane]
				yr[o+k*p.stride], yi[o+k*p.stride] = re*wr-im*wi, im*wr+re*wi
			}
			yr[o], yi[o] = ar+cr+(br+dr), ai+ci+(bi+di)
			turn(1, ar-cr+(bi-di), ai-ci-(br-dr))
			turn(2, ar+cr-(br+dr), ai+ci-(bi+di))
			turn(3, ar-cr-(bi-di), ai-ci+(br-dr))
		}
	}
}
