package signal

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal/lanes"
)

// Filter is a linear filter that does not change with time: [Sections] or [FIR].
type Filter interface {
	// Response returns the complex gain at frequency f of signals sampled at fs, both in Hz, when run causally.
	Response(f, fs float64) complex128
	// Filter returns one signal filtered causally from rest.
	Filter(x []float64) []float64
	// ZeroPhase filters channels by samples in place, without phase shift and with both processors.
	ZeroPhase(x *mat.Dense) error

	newStream(channels int) streamState
}

// Stream filters several channels causally, block by block, as samples arrive, with the same coefficients as the whole signal is filtered
// with. The blocks may have any lengths: the result does not depend on where the signal is cut (of Sections not by a bit; of a FIR
// within rounding, as long blocks go by way of Fourier transforms).
type Stream struct {
	state    streamState
	channels int
}

type streamState interface {
	filter(block [][]float64)
	reset()
}

// NewStream returns a stream at rest for that many channels.
func NewStream(f Filter, channels int) *Stream {
	return &Stream{state: f.newStream(channels), channels: channels}
}

// Filter filters the next block, one slice per channel, in place.
func (st *Stream) Filter(block [][]float64) error {
	if len(block) != st.channels {
		return fmt.Errorf("block has %d channels; this stream was made for %d", len(block), st.channels)
	}
	for c := range block {
		if len(block[c]) != len(block[0]) {
			return fmt.Errorf("channel %d of the block has %d samples, the first has %d", c+1, len(block[c]), len(block[0]))
		}
	}
	if st.channels > 0 && len(block[0]) > 0 {
		st.state.filter(block)
	}
	return nil
}

// Reset puts the stream back to rest, as after a gap in the signal.
func (st *Stream) Reset() { st.state.reset() }

// fewLanes is the number of channels from which on filtering them side by side beats one after the other.
const fewLanes = 3

// sectionsStream keeps the sections' memory by group of channels.
type sectionsStream struct {
	sections Sections
	numbers  []lanes.Section
	state    [][]lanes.State // by group and section
	scalar   [][][2]float64  // by channel and section, for few channels
	buffer   []float64
}

func (s Sections) newStream(channels int) streamState {
	st := &sectionsStream{sections: append(Sections(nil), s...), numbers: s.numbers()}
	if channels < fewLanes {
		st.scalar = make([][][2]float64, channels)
		for c := range st.scalar {
			st.scalar[c] = make([][2]float64, len(s))
		}
		return st
	}
	st.state = make([][]lanes.State, (channels+lanes.Width-1)/lanes.Width)
	for g := range st.state {
		st.state[g] = make([]lanes.State, len(s))
	}
	return st
}

// numbers are the sections as package lanes takes them.
func (s Sections) numbers() []lanes.Section {
	out := make([]lanes.Section, len(s))
	for i, q := range s {
		out[i] = lanes.Section{q.B[0], q.B[1], q.B[2], q.A[0], q.A[1]}
	}
	return out
}

func (st *sectionsStream) filter(block [][]float64) {
	for c := range st.scalar {
		st.sections.run(st.scalar[c], block[c])
	}
	if n := len(block[0]) * lanes.Width; len(st.buffer) < n && len(st.state) > 0 {
		st.buffer = make([]float64, n)
	}
	for g := range st.state {
		rows := block[g*lanes.Width : min((g+1)*lanes.Width, len(block))]
		x := st.buffer[:len(block[0])*lanes.Width]
		lanes.Interleave(x, lanes.Width, rows)
		lanes.Biquads(st.numbers, st.state[g], x)
		lanes.Deinterleave(rows, x, lanes.Width)
	}
}

func (st *sectionsStream) reset() {
	for c := range st.scalar {
		clear(st.scalar[c])
	}
	for g := range st.state {
		clear(st.state[g])
	}
}

// ZeroPhase filters every channel of x (channels by samples) in place, forwards and backwards, as FiltFilt does.
func (s Sections) ZeroPhase(x *mat.Dense) error {
	channels, n := x.Dims()
	pad := s.pad()
	if n <= pad {
		return tooShort(n, pad)
	}
	if err := CheckFinite(x); err != nil {
		return err
	}
	numbers, settled := s.numbers(), s.settled()
	groups := (channels + lanes.Width - 1) / lanes.Width
	buffers := make(chan []float64, runtime.GOMAXPROCS(0)) // to use again
	parallel(groups, func(g int) {
		var rows [][]float64
		for c := g * lanes.Width; c < min((g+1)*lanes.Width, channels); c++ {
			rows = append(rows, x.RawRowView(c))
		}
		var buffer []float64
		select {
		case buffer = <-buffers:
		default:
			buffer = make([]float64, (n+2*pad)*lanes.Width)
		}
		defer func() { buffers <- buffer }()
		start := func(first int) []lanes.State {
			state := make([]lanes.State, len(s))
			for i := range state {
				for l := range lanes.Width {
					v := buffer[first*lanes.Width+l]
					state[i][0][l], state[i][1][l] = settled[i][0]*v, settled[i][1]*v
				}
			}
			return state
		}
		head, body, tail := buffer[:pad*lanes.Width], buffer[pad*lanes.Width:(pad+n)*lanes.Width], buffer[(pad+n)*lanes.Width:]
		clear(head)
		clear(tail)
		for l, row := range rows {
			for i := range pad {
				head[i*lanes.Width+l] = 2*row[0] - row[pad-i]
				tail[i*lanes.Width+l] = 2*row[n-1] - row[n-2-i]
			}
		}
		state := start(0)
		lanes.Biquads(numbers, state, head)
		for first := 0; first < n; first += blockSamples {
			last := min(first+blockSamples, n)
			part := body[first*lanes.Width : last*lanes.Width]
			lanes.Interleave(part, lanes.Width, parts(rows, first, last))
			lanes.Biquads(numbers, state, part)
		}
		lanes.Biquads(numbers, state, tail)
		state = start(n + 2*pad - 1)
		lanes.BiquadsBackwards(numbers, state, tail)
		for last := n; last > 0; last -= blockSamples {
			first := max(0, last-blockSamples)
			part := body[first*lanes.Width : last*lanes.Width]
			lanes.BiquadsBackwards(numbers, state, part)
			lanes.Deinterleave(parts(rows, first, last), part, lanes.Width)
		}
	})
	return nil
}

// blockSamples is how many samples are interleaved at a time, so that they are filtered while in the first-level cache.
const blockSamples = 256

// parts cuts the same samples out of every row.
func parts(rows [][]float64, first, last int) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		out[i] = row[first:last]
	}
	return out
}

// parallel calls f(0) ... f(n-1), each once, on as many goroutines as there are processors. What f computes must not depend on which
// other calls run beside it.
func parallel(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	group.Wait()
}

// CheckFinite returns an error that names the first value of x (channels by samples) that is NaN or infinite.
func CheckFinite(x *mat.Dense) error {
	channels, _ := x.Dims()
	bad := make([]error, channels)
	parallel(channels, func(c int) {
		row := x.RawRowView(c)
		if finite(row) {
			return
		}
		for t, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				bad[c] = fmt.Errorf("channel %d holds %v at sample %d, expected finite numbers; leave the channel out, or cut out or "+
					"interpolate what is missing", c+1, v, t)
				return
			}
		}
	})
	for _, err := range bad {
		if err != nil {
			return err
		}
	}
	return nil
}

// finite says whether all of x is: zero times anything else is not zero.
func finite(x []float64) bool {
	var a, b, c, d float64
	for len(x) >= 4 {
		a, b, c, d = a+x[0]*0, b+x[1]*0, c+x[2]*0, d+x[3]*0
		x = x[4:]
	}
	for _, v := range x {
		a += v * 0
	}
	return a+b+c+d == 0
}
