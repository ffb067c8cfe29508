package lazy

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/signal"
)

// mostAhead is how many numbers a filter without phase shift may have to look ahead over all channels: 128 MB of them.
const mostAhead = 1 << 24

// Filter gives a recording that is filtered as it is read. It refuses, when it is read, samples that are not finite and stretches between
// gaps that are too short for the filter. Without phase shift it gives what the filter's ZeroPhase would of the whole stretch, to 1 part in
// 10^9 or better.
func Filter(r *recording.Recording, f signal.Filter, o Options) (*recording.Recording, error) {
	chosen, err := chosenOf(r, o)
	if err != nil {
		return nil, err
	}
	forward := newWorkers(f, len(chosen))
	switch f := f.(type) {
	case signal.FIR:
		if o.Causal {
			return wrap(r, chosen, &causal{stream: forward}), nil
		}
		if len(f)*len(chosen) > mostAhead {
			return nil, tooLong(len(f), r.Rate)
		}
		return wrap(r, chosen, &delayed{stream: forward, delay: f.Delay()}), nil
	case signal.Sections:
		if o.Causal {
			return wrap(r, chosen, &causal{stream: forward}), nil
		}
		ahead := decay(f)
		if float64(ahead)*float64(len(chosen)) > mostAhead {
			return nil, tooLong(ahead, r.Rate)
		}
		return wrap(r, chosen, &bothWays{forward: forward, backward: newWorkers(f, len(chosen)), pad: padOf(f), ahead: ahead}), nil
	}
	return nil, fmt.Errorf("a filter of type %T", f)
}

func tooLong(samples int, rate float64) error {
	return fmt.Errorf("the filter rings for %d samples (%.4g s), too long to run without phase shift over this many channels; "+
		"raise its lower edge, filter fewer channels at a time, or filter causally", samples, float64(samples)/rate)
}

// Montage gives a recording of which a montage is taken as it is read: the chosen channels, which are the montage's, change; the others stay.
// The montage must give as many channels as it takes.
func Montage(r *recording.Recording, m *signal.Montage, chosen []int) (*recording.Recording, error) {
	if rows, columns := m.Matrix.Dims(); rows != len(chosen) || columns != len(chosen) {
		return nil, fmt.Errorf("a montage from %d to %d channels, for %d chosen ones", columns, rows, len(chosen))
	}
	if _, err := chosenOf(r, Options{Channels: chosen}); err != nil {
		return nil, err
	}
	return wrap(r, chosen, &montage{m: m}), nil
}

// workers filter groups of channels side by side.
type workers struct {
	streams []*signal.Stream
	bounds  []int // of the groups
}

func newWorkers(f signal.Filter, channels int) *workers {
	// Groups are of whole vectors: filters take eight channels at a time.
	const lane = 8
	n := max(1, min(runtime.GOMAXPROCS(0), channels/lane))
	w := &workers{bounds: []int{0}}
	for i := range n {
		end := channels / lane * (i + 1) / n * lane
		if i == n-1 {
			end = channels
		}
		w.streams = append(w.streams, signal.NewStream(f, end-w.bounds[i]))
		w.bounds = append(w.bounds, end)
	}
	return w
}

func (w *workers) reset() {
	for _, s := range w.streams {
		s.Reset()
	}
}

func (w *workers) filter(rows [][]float64) error {
	errs := make([]error, len(w.streams))
	var group sync.WaitGroup
	for i, s := range w.streams {
		group.Go(func() { errs[i] = s.Filter(rows[w.bounds[i]:w.bounds[i+1]]) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// blockSamples is how many samples a channel is filtered at a time.
func blockSamples(channels int) int { return max(256, min(65536, (1<<19)/max(channels, 1))) }

func newRows(channels, n int) [][]float64 {
	all := make([]float64, channels*n)
	rows := make([][]float64, channels)
	for c := range rows {
		rows[c] = all[c*n : (c+1)*n : (c+1)*n]
	}
	return rows
}

func cut(rows [][]float64, first, end int) [][]float64 {
	out := make([][]float64, len(rows))
	for c, row := range rows {
		out[c] = row[first:end]
	}
	return out
}

// causal filters samples as they come.
type causal struct {
	stream *workers
	left   int64
	rows   [][]float64
}

func (f *causal) begin(frames int64) error {
	f.stream.reset()
	f.left = frames
	return nil
}

func (f *causal) next(read func([][]float64) error) ([][]float64, error) {
	channels := f.stream.bounds[len(f.stream.bounds)-1]
	if f.rows == nil {
		f.rows = newRows(channels, blockSamples(channels))
	}
	n := int(min(f.left, int64(len(f.rows[0]))))
	rows := cut(f.rows, 0, n)
	if err := read(rows); err != nil {
		return nil, err
	}
	f.left -= int64(n)
	return rows, f.stream.filter(rows)
}

// extended gives the samples of a stretch with a point reflection of pad samples at either end.
type extended struct {
	pad     int
	left    int64 // of the stretch
	started bool
	head    [][]float64 // read already: the reflected head and what it was made of
	tail    [][]float64 // the last samples read, as many as are reflected and one
	mirror  [][]float64 // what is left of the reflected tail
}

func (e *extended) begin(frames int64) error {
	if frames <= int64(e.pad) {
		return &recording.Error{Offset: -1, Found: fmt.Sprintf("%d samples without a gap", frames),
			Expected: fmt.Sprintf("more than %d, which this filter needs to run without phase shift", e.pad),
			Remedy:   "use a wider transition or a lower order, or filter causally"}
	}
	*e = extended{pad: e.pad, left: frames}
	return nil
}

// take gives up to n samples more; fewer only at the end.
func (e *extended) take(n, channels int, read func([][]float64) error) ([][]float64, error) {
	out := newRows(channels, n)
	filled := 0
	put := func(from *[][]float64) {
		if *from == nil || filled == n {
			return
		}
		k := min(n-filled, len((*from)[0]))
		for c := range out {
			copy(out[c][filled:], (*from)[c][:k])
		}
		filled += k
		if *from = cut(*from, k, len((*from)[0])); len((*from)[0]) == 0 {
			*from = nil
		}
	}
	if !e.started {
		e.started = true
		rows := newRows(channels, 2*e.pad+1)
		own := cut(rows, e.pad, 2*e.pad+1)
		if err := read(own); err != nil {
			return nil, err
		}
		e.left -= int64(e.pad + 1)
		e.tail = newRows(channels, e.pad+1)
		for c, row := range rows {
			for i := range e.pad {
				row[i] = 2*own[c][0] - own[c][e.pad-i]
			}
			copy(e.tail[c], own[c])
		}
		e.head = rows
		if e.left == 0 {
			e.reflect()
		}
	}
	put(&e.head)
	if filled < n && e.left > 0 {
		k := int(min(int64(n-filled), e.left))
		part := cut(out, filled, filled+k)
		if err := read(part); err != nil {
			return nil, err
		}
		e.left -= int64(k)
		filled += k
		for c, row := range e.tail {
			if k < len(row) {
				copy(row, row[k:])
				copy(row[len(row)-k:], part[c])
			} else {
				copy(row, part[c][k-len(row):])
			}
		}
		if e.left == 0 {
			e.reflect()
		}
	}
	put(&e.mirror)
	return cut(out, 0, filled), nil
}

func (e *extended) reflect() {
	if e.pad == 0 {
		return
	}
	e.mirror = newRows(len(e.tail), e.pad)
	for c, row := range e.mirror {
		t := e.tail[c]
		for i := range row {
			row[i] = 2*t[e.pad] - t[e.pad-1-i]
		}
	}
}

// delayed runs a symmetric FIR and takes its delay out.
type delayed struct {
	stream *workers
	delay  int
	ends   extended
	skip   int
}

func (f *delayed) begin(frames int64) error {
	f.stream.reset()
	f.ends.pad = f.delay
	f.skip = 2 * f.delay
	return f.ends.begin(frames)
}

func (f *delayed) next(read func([][]float64) error) ([][]float64, error) {
	channels := f.stream.bounds[len(f.stream.bounds)-1]
	for {
		rows, err := f.ends.take(blockSamples(channels), channels, read)
		if err != nil {
			return nil, err
		}
		if err := f.stream.filter(rows); err != nil {
			return nil, err
		}
		drop := min(f.skip, len(rows[0]))
		f.skip -= drop
		if rows = cut(rows, drop, len(rows[0])); len(rows[0]) > 0 {
			return rows, nil
		}
	}
}

// bothWays runs sections forwards over a stretch and backwards over pieces of it, each with as much of what follows as the filter rings.
type bothWays struct {
	forward, backward *workers
	pad               int // samples the ends are extended by
	ahead             int // samples after which the filter has forgotten
	ends              extended
	skip              int
	buffer            [][]float64 // filtered forwards
	ended             bool        // the buffer holds all that is left
}

func (f *bothWays) begin(frames int64) error {
	f.forward.reset()
	f.ends.pad = f.pad
	f.skip = f.pad
	f.buffer, f.ended = nil, false
	return f.ends.begin(frames)
}

func (f *bothWays) next(read func([][]float64) error) ([][]float64, error) {
	channels := f.forward.bounds[len(f.forward.bounds)-1]
	piece := max(blockSamples(channels), f.ahead)
	need := piece + max(f.ahead, f.pad) + f.skip
	for !f.ended && (f.buffer == nil || len(f.buffer[0]) < need) {
		have := 0
		if f.buffer != nil {
			have = len(f.buffer[0])
		}
		rows, err := f.ends.take(min(need-have, blockSamples(channels)), channels, read)
		if err != nil {
			return nil, err
		}
		if f.ends.left == 0 && f.ends.head == nil && f.ends.mirror == nil {
			f.ended = true
		}
		if f.buffer == nil {
			if err := f.settle(f.forward, rows); err != nil {
				return nil, err
			}
		}
		if err := f.forward.filter(rows); err != nil {
			return nil, err
		}
		f.append(rows)
	}
	// Backwards over a copy, from the end of what there is.
	n := len(f.buffer[0])
	end := min(n, need)
	keep := min(f.skip+piece, n)
	if f.ended {
		keep = min(keep, n-f.pad)
	}
	turned := newRows(channels, end)
	for c, row := range turned {
		for i := range row {
			row[i] = f.buffer[c][end-1-i]
		}
	}
	f.backward.reset()
	if f.ended && end == n {
		if err := f.settle(f.backward, turned); err != nil {
			return nil, err
		}
	}
	if err := f.backward.filter(turned); err != nil {
		return nil, err
	}
	out := newRows(channels, keep-f.skip)
	for c, row := range out {
		for i := range row {
			row[i] = turned[c][end-1-f.skip-i]
		}
	}
	rest := newRows(channels, n-keep)
	for c, row := range rest {
		copy(row, f.buffer[c][keep:])
	}
	f.buffer, f.skip = rest, 0
	return out, nil
}

// settle brings a stream to where it would be if the signal had always been at its first sample.
func (f *bothWays) settle(w *workers, rows [][]float64) error {
	block := blockSamples(len(rows))
	level := newRows(len(rows), block)
	for left := f.ahead; left > 0; left -= block {
		for c, row := range level {
			for i := range row {
				row[i] = rows[c][0]
			}
		}
		if err := w.filter(cut(level, 0, min(left, block))); err != nil {
			return err
		}
	}
	return nil
}

func (f *bothWays) append(rows [][]float64) {
	if f.buffer == nil {
		f.buffer = make([][]float64, len(rows))
	}
	for c := range rows {
		f.buffer[c] = append(f.buffer[c], rows[c]...)
	}
}

// padOf is how many samples signal.Sections extends the ends by, as SciPy's sosfiltfilt does.
func padOf(s signal.Sections) int {
	var zeroB, zeroA int
	for _, q := range s {
		if q.B[2] == 0 {
			zeroB++
		}
		if q.A[1] == 0 {
			zeroA++
		}
	}
	return 3 * (2*len(s) + 1 - min(zeroB, zeroA))
}

// decay is the number of samples in which the slowest pole falls to 1e-13.
func decay(s signal.Sections) int {
	slowest := 0.0
	for _, q := range s {
		half, product := q.A[0]/2, q.A[1]
		if d := half*half - product; d < 0 {
			slowest = max(slowest, math.Sqrt(product))
		} else {
			slowest = max(slowest, math.Abs(half)+math.Sqrt(d))
		}
	}
	if slowest >= 1 {
		return math.MaxInt32
	}
	if slowest < 1e-3 {
		return 8
	}
	return int(math.Min(math.MaxInt32, math.Ceil(30/-math.Log(slowest)))) + 8
}

// montage mixes channels sample by sample.
type montage struct {
	m    *signal.Montage
	left int64
}

func (f *montage) begin(frames int64) error {
	f.left = frames
	return nil
}

func (f *montage) next(read func([][]float64) error) ([][]float64, error) {
	channels, _ := f.m.Matrix.Dims()
	n := int(min(f.left, int64(blockSamples(channels))))
	x := mat.NewDense(channels, n, nil)
	rows := make([][]float64, channels)
	for c := range rows {
		rows[c] = x.RawRowView(c)
	}
	if err := read(rows); err != nil {
		return nil, err
	}
	f.left -= int64(n)
	y, err := f.m.Apply(x)
	if err != nil {
		return nil, err
	}
	for c := range rows {
		rows[c] = y.RawRowView(c)
	}
	return rows, nil
}
