package signal

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal/lanes"
)

// ZeroPhase filters every channel of x (channels by samples) in place with the filter's delay taken out, by overlapping Fourier
// transforms. The taps must be symmetric and of odd number, and x at least as long as they are. The ends are extended by point
// reflection, as MNE-Python does.
func (h FIR) ZeroPhase(x *mat.Dense) error {
	channels, n := x.Dims()
	switch {
	case !h.symmetric():
		return fmt.Errorf("%d taps that are not symmetric, or even in number, cannot be made free of delay; filter causally, or design by "+
			"FIRDesign", len(h))
	case n < len(h):
		return fmt.Errorf("%d samples are too few for a filter of %d taps; filter the whole recording before cutting it up, or allow "+
			"wider transitions", n, len(h))
	}
	if err := CheckFinite(x); err != nil {
		return err
	}
	half := h.Delay()
	c := newConvolution(h)
	// With few channels, stretches of a channel share a transform as channels do otherwise.
	stretches := 1
	if wanted := 2 * lanes.Width * runtime.GOMAXPROCS(0); channels < wanted {
		stretches = max(1, min((wanted+channels-1)/channels, n/(2*c.transform.Len())))
	}
	var all []stretch
	for ch := range channels {
		row := x.RawRowView(ch)
		for k := range stretches {
			first, last := n*k/stretches, n*(k+1)/stretches
			s := stretch{samples: row[first:last], before: make([]float64, half), after: make([]float64, half)}
			for i := range half {
				s.before[i] = reflected(row, first-half+i)
				s.after[i] = reflected(row, last+i)
			}
			all = append(all, s)
		}
	}
	const together = 2 * lanes.Width
	parallel((len(all)+together-1)/together, func(g int) {
		c.run(all[g*together : min((g+1)*together, len(all))])
	})
	return nil
}

// reflected returns sample i of x, which goes on beyond its ends point-reflected at the first and the last.
func reflected(x []float64, i int) float64 {
	last := len(x) - 1
	switch {
	case i < 0:
		return 2*x[0] - x[-i]
	case i > last:
		return 2*x[last] - x[2*last-i]
	}
	return x[i]
}

// stretch is a piece of a channel that is filtered in place, with the samples on both sides of it that the filter reaches to.
type stretch struct {
	samples       []float64
	before, after []float64
}

// convolution filters by Fourier transforms of blocks that overlap by as many samples as the filter has taps, less one.
type convolution struct {
	taps      int
	transform *lanes.Transform
	spectrum  []float64
}

func newConvolution(h FIR) *convolution {
	// The least work a sample; large transforms leave the caches.
	best, size := math.Inf(1), 0
	for log := 5; log < 30; log++ {
		n := 1 << log
		if n < 2*len(h) {
			continue
		}
		cost := float64(n) * (float64(log) + 4) / float64(n-len(h)+1)
		if n > 1<<12 {
			cost *= 1 + 0.15*float64(log-12)
		}
		if cost < best {
			best, size = cost, n
		}
	}
	t := lanes.NewTransform(size)
	return &convolution{taps: len(h), transform: t, spectrum: t.Spectrum(h)}
}

// run filters up to 16 stretches together. A sample of the result is the sum over the taps of as many samples, the last of which lies
// len(after) samples ahead.
func (c *convolution) run(group []stretch) {
	n := c.transform.Len()
	step := n - c.taps + 1 // samples of the result a block
	x := make([]float64, n*lanes.Point)
	longest := 0
	for _, s := range group {
		longest = max(longest, len(s.samples))
	}
	// Each lane reads its input once, in order: before, samples, after. The last taps-1 of a block are the next block's first.
	inputs := make([][]float64, len(group))
	for l := range inputs {
		inputs[l] = make([]float64, n)
		copy(inputs[l], group[l].before)
	}
	ahead := len(group[0].after)
	behind := c.taps - 1 - ahead
	if len(group[0].before) != behind {
		panic("signal: a stretch has not what its filter reaches back to")
	}
	for l, s := range group { // what the first sample of the result sees of the future
		s.read(inputs[l][behind:c.taps-1], 0)
	}
	outputs := make([][]float64, len(group))
	for first := 0; first < longest; first += step {
		for l, s := range group {
			s.read(inputs[l][c.taps-1:], first+ahead)
		}
		for half := 0; half < len(inputs); half += lanes.Width {
			lanes.Interleave(x[half:], lanes.Point, inputs[half:min(half+lanes.Width, len(inputs))])
		}
		if len(inputs) <= lanes.Width {
			for t := range n {
				clear(x[t*lanes.Point+lanes.Width:][:lanes.Width])
			}
		}
		c.transform.Forward(x)
		lanes.Multiply(x, c.spectrum)
		c.transform.Inverse(x)
		for l, s := range group {
			outputs[l] = s.samples[min(first, len(s.samples)):min(first+step, len(s.samples))]
			copy(inputs[l], inputs[l][step:])
		}
		result := x[(c.taps-1)*lanes.Point:]
		for half := 0; half < len(outputs); half += lanes.Width {
			rows := outputs[half:min(half+lanes.Width, len(outputs))]
			// Where stretches end apart, each is as long as it is.
			if slices.ContainsFunc(rows, func(r []float64) bool { return len(r) != len(rows[0]) }) {
				for l, row := range rows {
					for t := range row {
						row[t] = result[t*lanes.Point+half+l]
					}
				}
				continue
			}
			lanes.Deinterleave(rows, result[half:], lanes.Point)
		}
	}
}

// read copies the samples from the given one on, then those after the stretch, then zeros.
func (s *stretch) read(dst []float64, first int) {
	if first < len(s.samples) {
		n := copy(dst, s.samples[first:])
		if dst, first = dst[n:], first+n; len(dst) == 0 {
			return
		}
	}
	if first -= len(s.samples); first < len(s.after) {
		n := copy(dst, s.after[first:])
		dst = dst[n:]
	}
	clear(dst)
}

// Filter returns x filtered causally from rest; x is left alone.
func (h FIR) Filter(x []float64) []float64 {
	y := slices.Clone(x)
	h.newStream(1).filter([][]float64{y})
	return y
}

// firStream keeps the last samples of every channel.
type firStream struct {
	backwards   []float64 // the taps from the last to the first
	past        [][]float64
	buffer      []float64
	convolution *convolution // made when first needed
}

func (h FIR) newStream(channels int) streamState {
	st := &firStream{backwards: slices.Clone(h), past: make([][]float64, channels)}
	slices.Reverse(st.backwards)
	for c := range st.past {
		st.past[c] = make([]float64, max(0, len(h)-1))
	}
	return st
}

func (st *firStream) filter(block [][]float64) {
	taps, n := len(st.backwards), len(block[0])
	if taps == 0 {
		for _, y := range block {
			clear(y)
		}
		return
	}
	// Transforms pay when a block is long enough to fill them.
	if taps >= 64 && n >= taps {
		st.transform(block)
		return
	}
	if len(st.buffer) < taps-1+n {
		st.buffer = make([]float64, taps-1+n)
	}
	all := st.buffer[:taps-1+n]
	for c, y := range block {
		copy(all, st.past[c])
		copy(all[taps-1:], y)
		for t := range y {
			y[t] = floats.Dot(st.backwards, all[t:t+taps])
		}
		copy(st.past[c], all[n:])
	}
}

func (st *firStream) transform(block [][]float64) {
	if st.convolution == nil {
		h := slices.Clone(FIR(st.backwards))
		slices.Reverse(h)
		st.convolution = newConvolution(h)
	}
	var all []stretch
	for c, y := range block {
		all = append(all, stretch{samples: y, before: slices.Clone(st.past[c])})
		copy(st.past[c], y[len(y)-len(st.past[c]):])
	}
	const together = 2 * lanes.Width
	parallel((len(all)+together-1)/together, func(g int) {
		st.convolution.run(all[g*together : min((g+1)*together, len(all))])
	})
}

func (st *firStream) reset() {
	for c := range st.past {
		clear(st.past[c])
	}
}
