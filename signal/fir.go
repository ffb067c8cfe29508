package signal

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
)

// FIR is a filter of finite impulse response: its taps, the response to a one followed by zeros. The designs here are symmetric and of
// odd length: run causally they delay every frequency by half their length, and [FIR.ZeroPhase] takes that delay out again.
type FIR []float64

// Window is the taper that ends an ideal filter's endless response.
type Window struct {
	Name   string // "hamming", "hann", "blackman" or "kaiser"
	Beta   float64
	length float64 // of a filter in units of sampling rate over transition width
}

// The windows that filters are designed with, with the ripple they leave in the pass band and how far down the stop band is.
var (
	Hamming  = Window{Name: "hamming", length: 3.3}  // 0.0194 dB, 53 dB
	Hann     = Window{Name: "hann", length: 3.1}     // 0.0546 dB, 44 dB
	Blackman = Window{Name: "blackman", length: 5.0} // 0.0017 dB, 74 dB
)

// Kaiser is the window of Kaiser with the given shape; [KaiserOrder] finds the shape for an attenuation.
func Kaiser(beta float64) Window { return Window{Name: "kaiser", Beta: beta} }

// Values returns the window of n samples, symmetric.
func (w Window) Values(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		if n == 1 {
			out[i] = 1
			continue
		}
		x := float64(i) / float64(n-1) // 0 to 1
		switch w.Name {
		case "hamming":
			out[i] = 0.54 - 0.46*math.Cos(2*math.Pi*x)
		case "hann":
			out[i] = 0.5 - 0.5*math.Cos(2*math.Pi*x)
		case "blackman":
			out[i] = 0.42 - 0.5*math.Cos(2*math.Pi*x) + 0.08*math.Cos(4*math.Pi*x)
		case "kaiser":
			out[i] = bessel0(w.Beta*math.Sqrt(max(0, 1-(2*x-1)*(2*x-1)))) / bessel0(w.Beta)
		default: // rectangular
			out[i] = 1
		}
	}
	return out
}

// bessel0 is the modified Bessel function of the first kind of order 0, by its power series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

// KaiserOrder returns the number of taps (odd) and the shape of the Kaiser window whose filter is ripple dB down in the stop band (and as flat
// in the pass band) across a transition width Hz wide, by Kaiser's formula.
func KaiserOrder(ripple, width, fs float64) (taps int, beta float64, err error) {
	if !(ripple >= 8) || math.IsInf(ripple, 0) {
		return 0, 0, fmt.Errorf("a Kaiser window for %g dB: the formula holds from 8 dB on", ripple)
	}
	if !(width > 0 && width < fs/2) {
		return 0, 0, fmt.Errorf("a transition of %g Hz is outside 0 to %g Hz, half the sampling rate", width, fs/2)
	}
	switch {
	case ripple > 50:
		beta = 0.1102 * (ripple - 8.7)
	case ripple > 21:
		beta = 0.5842*math.Pow(ripple-21, 0.4) + 0.07886*(ripple-21)
	}
	n := math.Ceil((ripple-7.95)/2.285/(math.Pi*width/(fs/2)) + 1)
	if n > maxTaps {
		return 0, 0, tooManyTaps(n, width)
	}
	return int(n) | 1, beta, nil
}

// maxTaps bounds a design: at 20 million taps an hour's recording of 5 kHz is one filter long.
const maxTaps = 20_000_000

func tooManyTaps(n, width float64) error {
	return fmt.Errorf("a transition of %g Hz needs a filter of %.3g taps, more than the %d that are allowed; widen the transition, or resample "+
		"first", width, n, maxTaps)
}

// Firwin designs a filter of that many taps by windowing the ideal one, as SciPy's firwin does: the gain is 1/2 at each of the cutoffs
// (Hz, ascending), and bands pass and stop in turn, beginning with one that passes if passZero. A filter that passes half the sampling
// rate needs an odd number of taps.
func Firwin(taps int, cutoffs []float64, passZero bool, w Window, fs float64) (FIR, error) {
	if taps < 1 || taps > maxTaps {
		return nil, fmt.Errorf("a filter of %d taps was asked for; it must have 1 to %d", taps, maxTaps)
	}
	if len(cutoffs) == 0 {
		return nil, fmt.Errorf("a filter needs at least one cutoff frequency")
	}
	for i, f := range cutoffs {
		if err := checkDesign(1, fs, f); err != nil {
			return nil, err
		}
		if i > 0 && f <= cutoffs[i-1] {
			return nil, fmt.Errorf("cutoff %g Hz follows %g Hz; cutoffs must ascend", f, cutoffs[i-1])
		}
	}
	passNyquist := passZero == (len(cutoffs)%2 == 0)
	if passNyquist && taps%2 == 0 {
		return nil, fmt.Errorf("%d taps cannot pass %g Hz, half the sampling rate; take an odd number", taps, fs/2)
	}
	edges := make([]float64, 0, len(cutoffs)+2)
	if passZero {
		edges = append(edges, 0)
	}
	for _, f := range cutoffs {
		edges = append(edges, f/(fs/2))
	}
	if passNyquist {
		edges = append(edges, 1)
	}
	h := make(FIR, taps)
	window := w.Values(taps)
	for i := range h {
		m := float64(i) - float64(taps-1)/2
		for k := 0; k < len(edges); k += 2 {
			h[i] += edges[k+1]*sinc(edges[k+1]*m) - edges[k]*sinc(edges[k]*m)
		}
		h[i] *= window[i]
	}
	// The first band that passes has a gain of 1 at its middle, or at 0 or half the sampling rate if it reaches there.
	reference := (edges[0] + edges[1]) / 2
	if edges[0] == 0 {
		reference = 0
	} else if edges[1] == 1 {
		reference = 1
	}
	sum := 0.0
	for i, v := range h {
		sum += v * math.Cos(math.Pi*(float64(i)-float64(taps-1)/2)*reference)
	}
	for i := range h {
		h[i] /= sum
	}
	return h, nil
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// FIRDesign says what a filter is to let through. What is left zero follows MNE-Python's rules (firwin design), so that the same edges
// give the same taps:
//
//   - a transition at the lower edge f is max(f/4, 2) Hz wide, but no wider than f; at the upper edge it does not pass half the
//     sampling rate;
//   - the filter is as long as the narrowest transition asks for: 3.3 sampling rates over its width with the Hamming window, 3.1 with
//     Hann's, 5 with Blackman's.
//
// A band-pass of 8 to 30 Hz is FIRDesign{Low: 8, High: 30}.
type FIRDesign struct {
	Low, High float64      // Hz, what passes at full gain; the transitions lie outside. 0 leaves that side open
	Stop      [][2]float64 // instead of Low and High: bands in Hz to stop. The transitions lie inside

	LowTransition, HighTransition float64 // Hz
	Length                        int     // taps, odd
	Window                        Window  // Hamming, Hann or Blackman
}

// Design returns the filter for signals sampled at fs Hz.
func (d FIRDesign) Design(fs float64) (FIR, error) {
	if d.Window.length == 0 {
		if d.Window.Name != "" {
			return nil, fmt.Errorf("window %q has no rule for a filter's length; use Hamming, Hann or Blackman, or design by Firwin", d.Window.Name)
		}
		d.Window = Hamming
	}
	if !(fs > 0) || math.IsInf(fs, 0) {
		return nil, fmt.Errorf("sampling rate is %g Hz; it must be positive", fs)
	}
	nyquist := fs / 2
	var corners []corner
	narrowest := math.Inf(1)
	transition := func(given, auto float64) (float64, error) {
		if given == 0 {
			given = auto
		}
		if !(given > 0 && given <= nyquist) {
			return 0, fmt.Errorf("a transition of %g Hz is outside 0 to %g Hz, half the sampling rate", given, nyquist)
		}
		narrowest = min(narrowest, given)
		return given, nil
	}
	low := func(f float64) (float64, error) { return transition(d.LowTransition, min(max(f/4, 2), f)) }
	high := func(f float64) (float64, error) { return transition(d.HighTransition, min(max(f/4, 2), nyquist-f)) }
	if len(d.Stop) > 0 {
		if d.Low != 0 || d.High != 0 {
			return nil, fmt.Errorf("a filter was asked for that passes %g to %g Hz and stops other bands; design one of each", d.Low, d.High)
		}
		for _, band := range d.Stop {
			if err := checkDesign(1, fs, band[0], band[1]); err != nil {
				return nil, err
			}
			l, err := low(band[0])
			if err != nil {
				return nil, err
			}
			h, err := high(band[1])
			if err != nil {
				return nil, err
			}
			if band[0]+l > band[1]-h {
				return nil, fmt.Errorf("the stop band of %g to %g Hz has no room for transitions of %g and %g Hz; widen it or narrow them",
					band[0], band[1], l, h)
			}
			corners = append(corners, corner{band[0], 1}, corner{band[0] + l, 0}, corner{band[1] - h, 0}, corner{band[1], 1})
		}
		slices.SortStableFunc(corners, func(a, b corner) int {
			switch {
			case a.frequency < b.frequency:
				return -1
			case a.frequency > b.frequency:
				return 1
			}
			return 0
		})
		for i := 2; i < len(corners); i += 4 {
			if corners[i-1].gain != 0 || corners[i].gain != 0 || (i+2 < len(corners) && corners[i+2].gain != 1) {
				return nil, fmt.Errorf("the stop bands overlap; join those that do")
			}
		}
	} else {
		if d.Low != 0 && d.High != 0 {
			if err := checkDesign(1, fs, d.Low, d.High); err != nil {
				return nil, err
			}
		}
		if d.Low == 0 && d.High == 0 {
			return nil, fmt.Errorf("a filter needs an edge: set Low, High or Stop")
		}
		if d.Low != 0 {
			if err := checkDesign(1, fs, d.Low); err != nil {
				return nil, err
			}
			w, err := low(d.Low)
			if err != nil {
				return nil, err
			}
			if w > d.Low {
				return nil, fmt.Errorf("the transition of %g Hz below %g Hz passes 0; narrow it", w, d.Low)
			}
			corners = append(corners, corner{d.Low - w, 0}, corner{d.Low, 1})
		}
		if d.High != 0 {
			if err := checkDesign(1, fs, d.High); err != nil {
				return nil, err
			}
			w, err := high(d.High)
			if err != nil {
				return nil, err
			}
			if d.High+w > nyquist {
				return nil, fmt.Errorf("the transition of %g Hz above %g Hz passes %g Hz, half the sampling rate; narrow it", w, d.High, nyquist)
			}
			corners = append(corners, corner{d.High, 1}, corner{d.High + w, 0})
		}
	}
	if first := corners[0]; first.frequency != 0 {
		corners = slices.Insert(corners, 0, corner{0, first.gain})
	}
	if last := corners[len(corners)-1]; last.frequency != nyquist {
		corners = append(corners, corner{nyquist, last.gain})
	}
	taps := math.Ceil(d.Window.length / narrowest * fs)
	if taps > maxTaps {
		return nil, tooManyTaps(taps, narrowest)
	}
	length := int(taps) | 1
	if d.Length != 0 {
		if d.Length < 0 || d.Length > maxTaps {
			return nil, fmt.Errorf("a filter of %d taps was asked for; it must have 1 to %d", d.Length, maxTaps)
		}
		length = d.Length | 1
	}
	return between(corners, length, d.Window, fs)
}

// FIRNotch designs a filter that removes narrow bands around the given frequencies, such as 50, 100 and 150 Hz, by the rules of MNE-Python's
// notch_filter: a band of f/200 Hz and a transition of 1/2 Hz on both sides of it.
func FIRNotch(fs float64, freqs ...float64) (FIR, error) {
	d := FIRDesign{LowTransition: 0.5, HighTransition: 0.5}
	for _, f := range freqs {
		d.Stop = append(d.Stop, [2]float64{f - f/200/2 - 0.5, f + f/200/2 + 0.5})
	}
	if len(freqs) == 0 {
		return nil, fmt.Errorf("a notch needs a frequency")
	}
	return d.Design(fs)
}

// corner is a frequency in Hz with the gain, 0 or 1, that is wanted there.
type corner struct{ frequency, gain float64 }

// between adds up low-pass filters, one for every transition from a corner to the next, each as long as its own transition needs.
func between(corners []corner, length int, w Window, fs float64) (FIR, error) {
	h := make(FIR, length)
	next := corners[len(corners)-1]
	if next.gain == 1 {
		h[length/2] = 1
	}
	nyquist := fs / 2
	for i := len(corners) - 2; i >= 0; i-- {
		this := corners[i]
		if this.gain != next.gain {
			// In units of half the sampling rate, and rounding to even: what MNE-Python computes to the last bit decides on the length.
			a, b := this.frequency/nyquist, next.frequency/nyquist
			taps := int(math.RoundToEven(w.length / ((b - a) / 2)))
			taps |= 1
			if taps > length {
				return nil, fmt.Errorf("a filter of %d taps is too short for the transition from %g to %g Hz, which needs %d",
					length, this.frequency, next.frequency, taps)
			}
			low, err := Firwin(taps, []float64{(a + b) / 2}, true, w, 2)
			if err != nil {
				return nil, err
			}
			sign := 1.0
			if this.gain == 0 {
				sign = -1
			}
			offset := (length - taps) / 2
			for k, v := range low {
				h[offset+k] += sign * v
			}
		}
		next = this
	}
	return h, nil
}

// Response returns the filter's complex gain at frequency f, both in Hz, when run causally.
func (h FIR) Response(f, fs float64) complex128 {
	sum := 0i
	for k, v := range h {
		sum += complex(v, 0) * cmplx.Exp(complex(0, -2*math.Pi*f/fs*float64(k)))
	}
	return sum
}

// Delay is by how many samples the filter, run causally, delays a signal.
func (h FIR) Delay() int { return (len(h) - 1) / 2 }

// symmetric says whether the taps are the same from either end, but for rounding, and of odd number.
func (h FIR) symmetric() bool {
	if len(h)%2 == 0 {
		return false
	}
	largest := 0.0
	for _, v := range h {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range h {
		if !(math.Abs(v-h[len(h)-1-i]) <= 1e-9*largest) {
			return false
		}
	}
	return true
}
