package signal

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
)

// Section is a second-order section, a filter with the transfer function
//
//	B[0] + B[1]/z + B[2]/z²
//	-----------------------
//	  1  + A[0]/z + A[1]/z²
type Section struct {
	B [3]float64
	A [2]float64
}

// Sections is a filter made of second-order sections one after the other, the numerically sound form of an IIR filter.
type Sections []Section

// LowPass designs a Butterworth low-pass filter of the given order (6·order dB per octave) whose gain is 1/√2 at cutoff.
// Cutoff and sampling rate fs are in Hz.
func LowPass(order int, cutoff, fs float64) (Sections, error) {
	if err := checkDesign(order, fs, cutoff); err != nil {
		return nil, err
	}
	w := warp(cutoff, fs)
	poles := prototype(order)
	gain := 1.0
	for i := range poles {
		poles[i] *= complex(w, 0)
		gain *= w
	}
	return digital(nil, poles, gain), nil
}

// HighPass designs a Butterworth high-pass filter of the given order whose gain is 1/√2 at cutoff (Hz).
func HighPass(order int, cutoff, fs float64) (Sections, error) {
	if err := checkDesign(order, fs, cutoff); err != nil {
		return nil, err
	}
	w := complex(warp(cutoff, fs), 0)
	poles := prototype(order)
	for i, p := range poles {
		poles[i] = w / p // the prototype's poles multiply to ±1, so that its gain carries over unchanged
	}
	return digital(make([]complex128, order), poles, 1), nil
}

// BandPass designs a Butterworth band-pass filter whose gain is 1/√2 at low and at high (Hz). As in SciPy, a band-pass filter of order
// n has 2n poles and falls off with 6n dB per octave on either side.
func BandPass(order int, low, high, fs float64) (Sections, error) {
	if err := checkDesign(order, fs, low, high); err != nil {
		return nil, err
	}
	w1, w2 := warp(low, fs), warp(high, fs)
	width, centre := w2-w1, w1*w2
	var poles []complex128
	for _, p := range prototype(order) {
		half := p * complex(width/2, 0)
		root := cmplx.Sqrt(half*half - complex(centre, 0))
		poles = append(poles, half+root, half-root)
	}
	return digital(make([]complex128, order), poles, math.Pow(width, float64(order))), nil
}

// BandStop designs a Butterworth filter that removes the band from low to high (Hz), such as 48 to 52 for mains hum. Its gain is 1/√2 at
// both edges.
func BandStop(order int, low, high, fs float64) (Sections, error) {
	if err := checkDesign(order, fs, low, high); err != nil {
		return nil, err
	}
	w1, w2 := warp(low, fs), warp(high, fs)
	width, centre := w2-w1, w1*w2
	var zeros, poles []complex128
	for _, p := range prototype(order) {
		half := complex(width/2, 0) / p
		root := cmplx.Sqrt(half*half - complex(centre, 0))
		poles = append(poles, half+root, half-root)
		notch := complex(0, math.Sqrt(centre))
		zeros = append(zeros, notch, -notch)
	}
	return digital(zeros, poles, 1), nil
}

// Notch designs a filter of one section that removes a single frequency (Hz), such as mains hum: its gain is 0 there and 1/√2 where the
// band that is freq/quality Hz wide ends (30 is a usual quality). Remove harmonics by appending the sections of one notch to those of
// another.
func Notch(freq, quality, fs float64) (Sections, error) {
	if err := checkDesign(1, fs, freq); err != nil {
		return nil, err
	}
	if !(quality > 0) || math.IsInf(quality, 0) {
		return nil, fmt.Errorf("a notch's quality is %g; it is the frequency over the width of the notch and must be positive", quality)
	}
	if width := freq / quality; width >= fs/2 {
		return nil, fmt.Errorf("a notch at %g Hz of quality %g is %g Hz wide, more than half the sampling rate of %g Hz; raise the quality",
			freq, quality, width, fs)
	}
	gain := 1 / (1 + math.Tan(math.Pi*freq/quality/fs))
	turn := -2 * math.Cos(2*math.Pi*freq/fs)
	return Sections{{B: [3]float64{gain, gain * turn, gain}, A: [2]float64{gain * turn, 2*gain - 1}}}, nil
}

func checkDesign(order int, fs float64, edges ...float64) error {
	switch {
	case order < 1 || order > 20:
		return fmt.Errorf("filter order is %d; it must be between 1 and 20", order)
	case !(fs > 0) || math.IsInf(fs, 0):
		return fmt.Errorf("sampling rate is %g Hz; it must be positive", fs)
	}
	for _, f := range edges {
		if !(f > 0 && f < fs/2) {
			return fmt.Errorf("filter edge %g Hz is outside 0 to %g Hz, half the sampling rate of %g Hz", f, fs/2, fs)
		}
	}
	if len(edges) == 2 && edges[0] >= edges[1] {
		return fmt.Errorf("the band's lower edge of %g Hz is not below its upper edge of %g Hz", edges[0], edges[1])
	}
	return nil
}

// warp is the analogue angular frequency that the bilinear transform with step 2 maps to frequency f.
func warp(f, fs float64) float64 { return 2 * math.Tan(math.Pi*f/fs) }

// prototype returns the poles of the analogue Butterworth low-pass filter with cutoff 1 rad/s.
func prototype(order int) []complex128 {
	poles := make([]complex128, order)
	for k := range poles {
		theta := math.Pi * float64(2*k+1+order) / float64(2*order)
		poles[k] = cmplx.Exp(complex(0, theta))
		if 2*k+1 == order {
			poles[k] = -1 // exactly real
		}
	}
	return poles
}

// digital turns an analogue filter into a digital one by the bilinear transform z = (2+s)/(2-s) and pairs its roots into sections.
func digital(zeros, poles []complex128, gain float64) Sections {
	g := complex(gain, 0)
	bilinear := func(roots []complex128) {
		for i, s := range roots {
			roots[i] = (2 + s) / (2 - s)
		}
	}
	for _, z := range zeros {
		g *= 2 - z
	}
	for _, p := range poles {
		g /= 2 - p
	}
	bilinear(zeros)
	bilinear(poles)
	for len(zeros) < len(poles) { // zeros at infinity land on the Nyquist frequency
		zeros = append(zeros, -1)
	}

	// Poles go to sections from the one nearest the unit circle; it takes the nearest zeros, which keeps every section's
	// peak gain low. The resonant sections then run last.
	ps, zs := pairs(poles), pairs(zeros)
	slices.SortStableFunc(ps, func(a, b [2]complex128) int {
		da, db := 1-cmplx.Abs(a[0]), 1-cmplx.Abs(b[0])
		switch {
		case da < db:
			return -1
		case da > db:
			return 1
		}
		return 0
	})
	sections := make(Sections, len(ps))
	for i, p := range ps {
		nearest := 0
		for j := range zs {
			if cmplx.Abs(zs[j][0]-p[0]) < cmplx.Abs(zs[nearest][0]-p[0])-1e-12 {
				nearest = j
			}
		}
		z := zs[nearest]
		zs = slices.Delete(zs, nearest, nearest+1)
		sections[len(ps)-1-i] = Section{
			B: [3]float64{1, -real(z[0] + z[1]), real(z[0] * z[1])},
			A: [2]float64{-real(p[0] + p[1]), real(p[0] * p[1])},
		}
	}
	for k := range sections[0].B {
		sections[0].B[k] *= real(g)
	}
	return sections
}

// pairs groups roots two by two: a complex root with its conjugate, real roots with each other (one near +1 with one near -1 where there
// are both); a lone real root is paired with a root at the origin.
func pairs(roots []complex128) [][2]complex128 {
	const tiny = 1e-9
	var out [][2]complex128
	var reals []float64
	for _, r := range roots {
		switch {
		case imag(r) > tiny:
			out = append(out, [2]complex128{r, cmplx.Conj(r)})
		case imag(r) >= -tiny:
			reals = append(reals, real(r))
		}
	}
	slices.Sort(reals)
	for len(reals) > 1 {
		last := len(reals) - 1
		out = append(out, [2]complex128{complex(reals[last], 0), complex(reals[0], 0)})
		reals = reals[1:last]
	}
	if len(reals) == 1 {
		out = append(out, [2]complex128{complex(reals[0], 0), 0})
	}
	return out
}

// Response returns the filter's complex gain at frequency f, both in Hz.
func (s Sections) Response(f, fs float64) complex128 {
	back := cmplx.Exp(complex(0, -2*math.Pi*f/fs)) // one sample of delay
	h := complex(1, 0)
	for _, q := range s {
		num := complex(q.B[0], 0) + back*(complex(q.B[1], 0)+back*complex(q.B[2], 0))
		den := 1 + back*(complex(q.A[0], 0)+back*complex(q.A[1], 0))
		h *= num / den
	}
	return h
}

// Filter returns x filtered causally from rest; x is left alone.
func (s Sections) Filter(x []float64) []float64 {
	y := slices.Clone(x)
	s.run(make([][2]float64, len(s)), y)
	return y
}

// run filters y in place from the given state (transposed direct form II), and leaves the state as it is after the last sample.
func (s Sections) run(state [][2]float64, y []float64) {
	for i, q := range s {
		s0, s1 := state[i][0], state[i][1]
		for t, x := range y {
			// The conversions forbid fusing a product with a sum: every way to run a filter must round alike on every processor.
			v := float64(q.B[0]*x) + s0
			s0 = float64(q.B[1]*x) - float64(q.A[0]*v) + s1
			s1 = float64(q.B[2]*x) - float64(q.A[1]*v)
			y[t] = v
		}
		state[i] = [2]float64{s0, s1}
	}
}

// settled returns the state the filter reaches on a constant input of one.
func (s Sections) settled() [][2]float64 {
	state := make([][2]float64, len(s))
	level := 1.0
	for i, q := range s {
		out := level * (q.B[0] + q.B[1] + q.B[2]) / (1 + q.A[0] + q.A[1])
		s1 := q.B[2]*level - q.A[1]*out
		s0 := q.B[1]*level - q.A[0]*out + s1
		state[i] = [2]float64{s0, s1}
		level = out
	}
	return state
}

// pad is how many samples FiltFilt adds at each end, as SciPy's sosfiltfilt counts them.
func (s Sections) pad() int {
	taps := 2*len(s) + 1
	var zeroB, zeroA int
	for _, q := range s {
		if q.B[2] == 0 {
			zeroB++
		}
		if q.A[1] == 0 {
			zeroA++
		}
	}
	return 3 * (taps - min(zeroB, zeroA))
}

// FiltFilt returns x filtered forwards and then backwards, which squares the gain and leaves no phase shift. It looks ahead: use it
// for analysis, never for a decoder that is to run live. The ends are extended by point reflection, as SciPy's sosfiltfilt does;
// x must be longer than that extension, of 3(2n+1) samples for n sections.
func (s Sections) FiltFilt(x []float64) ([]float64, error) {
	pad := s.pad()
	n := len(x)
	if n <= pad {
		return nil, tooShort(n, pad)
	}
	y := make([]float64, n+2*pad)
	for i := range pad {
		y[i] = 2*x[0] - x[pad-i]
		y[pad+n+i] = 2*x[n-1] - x[n-2-i]
	}
	copy(y[pad:], x)
	for range 2 {
		state := s.settled()
		for i := range state {
			state[i][0] *= y[0]
			state[i][1] *= y[0]
		}
		s.run(state, y)
		slices.Reverse(y)
	}
	return y[pad : pad+n], nil
}

func tooShort(samples, pad int) error {
	return fmt.Errorf("%d samples are too few to filter without phase shift: this filter needs more than %d; "+
		"filter the whole recording before cutting it up, or use a lower order", samples, pad)
}
