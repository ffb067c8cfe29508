package signal

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Resampling changes the sampling rate by a ratio of whole numbers, as SciPy's resample_poly does: the signal is thought with Up-1 zeros after
// every sample, low-pass filtered without delay (firwin, Kaiser window of shape 5, ten periods of the lower rate to either side), and every
// Down-th sample kept. Frequencies beyond half the new rate are removed.
type Resampling struct {
	Up, Down int
	Ends     Ends
}

// Ends says what a signal is thought to be before its first and after its last sample.
type Ends int

// The ways to go on beyond the ends.
const (
	Zeros     Ends = iota // SciPy's default; a signal with an offset rings at its ends
	Mean                  // the mean of the signal
	Reflected             // point-reflected at the first and last sample, as filters do here
)

// maxRatio bounds Up and Down: the filter has 20 times as many taps.
const maxRatio = 20_000

// ResamplingTo returns the resampling from one rate in Hz to another, with Reflected ends. The ratio may be off by a billionth.
func ResamplingTo(from, to float64) (Resampling, error) {
	for _, rate := range []float64{from, to} {
		if !(rate > 0) || math.IsInf(rate, 0) {
			return Resampling{}, fmt.Errorf("sampling rate is %g Hz; it must be positive", rate)
		}
	}
	// Continued fractions give the best approximations in small numbers.
	ratio := to / from
	x := ratio
	p0, q0, p1, q1 := 0.0, 1.0, 1.0, 0.0
	for {
		a := math.Floor(x)
		p0, q0, p1, q1 = p1, q1, a*p1+p0, a*q1+q0
		if max(p1, q1) > maxRatio {
			return Resampling{}, fmt.Errorf("no ratio of whole numbers up to %d is %g Hz over %g Hz; choose rates with a simpler ratio",
				maxRatio, to, from)
		}
		if p1 > 0 && math.Abs(p1/q1-ratio) <= 1e-9*ratio {
			return Resampling{Up: int(p1), Down: int(q1), Ends: Reflected}, nil
		}
		x = 1 / (x - a)
	}
}

// Apply returns x (channels by samples) resampled: ceil(samples·Up/Down) samples, the first at the same moment.
func (r Resampling) Apply(x *mat.Dense) (*mat.Dense, error) {
	if r.Up < 1 || r.Down < 1 || r.Up > maxRatio || r.Down > maxRatio {
		return nil, fmt.Errorf("resampling by %d/%d; both numbers must be between 1 and %d", r.Up, r.Down, maxRatio)
	}
	if r.Ends < Zeros || r.Ends > Reflected {
		return nil, fmt.Errorf("no ends numbered %d; use Zeros, Mean or Reflected", r.Ends)
	}
	if err := CheckFinite(x); err != nil {
		return nil, err
	}
	a, b := r.Up, r.Down
	for b != 0 {
		a, b = b, a%b
	}
	up, down := r.Up/a, r.Down/a
	if up == 1 && down == 1 {
		return mat.DenseCopyOf(x), nil
	}
	half := 10 * max(up, down)
	h, err := Firwin(2*half+1, []float64{1 / float64(max(up, down))}, true, Kaiser(5), 2)
	if err != nil {
		return nil, err
	}
	// The taps that meet samples, and not the zeros between, by where an output lies between two of them; reversed, to be dotted with
	// samples in order.
	phases := make([][]float64, up)
	for p := range phases {
		for k := p; k < len(h); k += up {
			phases[p] = append(phases[p], h[k]*float64(up))
		}
		slices.Reverse(phases[p])
	}
	channels, n := x.Dims()
	samples := (n*up + down - 1) / down
	out := mat.NewDense(channels, samples, nil)
	margin := half/up + 1
	parallel(channels, func(c int) {
		row, y := x.RawRowView(c), out.RawRowView(c)
		offset := 0.0
		if r.Ends == Mean {
			offset = stat.Mean(row, nil)
		}
		wide := make([]float64, margin+n+margin)
		for i, v := range row {
			wide[margin+i] = v - offset
		}
		if r.Ends == Reflected {
			for i := 1; i <= min(margin, n-1); i++ {
				wide[margin-i] = 2*row[0] - row[i]
				wide[margin+n-1+i] = 2*row[n-1] - row[n-1-i]
			}
		}
		for m := range y {
			at := m*down + half
			taps := phases[at%up]
			last := margin + at/up // the latest sample the output depends on
			first := last - len(taps) + 1
			y[m] = floats.Dot(taps, wide[first:last+1]) + offset
		}
	})
	return out, nil
}
