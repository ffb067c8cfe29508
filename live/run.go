package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
)

// Decision is what a decoder says about a window.
type Decision struct {
	papers.LiveDecision
	Frame   int64   `json:"frame"`           // the window's last frame, counted from 0 among those that came
	Time    float64 `json:"time"`            // of that frame by the signal's clock, s
	Event   string  `json:"event,omitempty"` // label of the event that asked for the window; empty at a fixed step
	Onset   float64 `json:"onset,omitempty"` // of that event by the signal's clock, s
	Latency float64 `json:"latency"`         // from the arrival of that frame to now, s
}

// Sink takes decisions.
type Sink interface {
	// Send takes a decision. It must not wait.
	Send(Decision)
	// Lost is how many decisions were dropped because whoever receives them did not keep up.
	Lost() int64
	Close() error
}

// Options say when decisions are made and where they go.
type Options struct {
	// Step is the time from one decision to the next, s; 0 decides only when an event comes.
	Step float64
	// Events are the labels of the events that ask for a decision; nil means those the decoder was trained with, or every event
	// when it was trained with none. Without effect with a Step.
	Events []string
	// Delay is the time from an event to the first sample of its window, s; nil means as in training.
	Delay *float64
	// Unit is that of all channels of the signal; empty means what the source says of each.
	Unit string
	// Warn, if given, is told of what a person should look at: a unit that is not known, an amplitude unlike the training's.
	Warn  func(string)
	Sinks []Sink
	// Queue is how long a signal waits at most while a decision is made, s; then the oldest of it is dropped. 0 means 10 s.
	Queue float64
	// Watch, if given, is called now and then with the report so far, at most once a second.
	Watch func(Report)
}

// lookBack is how long after its window has passed an event may become known, s.
const lookBack = 10

// maxPending is how many events and windows may wait for their frames.
const maxPending = 1024

// Run decodes a source until it ends or ctx is cancelled, which is no error. The source must have the decoder's channels, in its order
// (see [Match] and [Pick]), and its rate.
func Run(ctx context.Context, source Source, decoder papers.Decoder, o Options) (Report, error) {
	l, err := newLoop(source.Signal(), decoder, o)
	if err != nil {
		return Report{}, err
	}
	next := source.Next
	if !source.Signal().Patient {
		q := newQueue(l.signal, o.Queue)
		reading, cancel := context.WithCancel(ctx)
		var wait sync.WaitGroup
		wait.Go(func() { q.fill(reading, source) })
		defer wait.Wait()
		defer cancel()
		next = q.take
	}
	shown := time.Now()
	for {
		b, err := next(ctx)
		if err == nil {
			err = l.block(ctx, b)
		}
		switch {
		case errors.Is(err, io.EOF):
			l.report.Outside += int64(len(l.events) + len(l.due)) // their frames will not come
			return l.summary(), nil
		case err != nil && ctx.Err() != nil:
			return l.summary(), nil
		case err != nil:
			return l.summary(), err
		}
		if o.Watch != nil && time.Since(shown) >= time.Second {
			shown = time.Now()
			o.Watch(l.summary())
		}
	}
}

// Match finds a decoder's channels in a signal: by name, or in order when one of the two has no names. The numbers are for [Pick].
func Match(s Signal, w papers.LiveWindow) ([]int, error) {
	plain := func(name string) string { return strings.ToLower(strings.TrimRight(strings.TrimSpace(name), ".")) }
	var from []int
	if s.Channels == nil || w.Channels == nil {
		if s.Width != w.Rows {
			return nil, fmt.Errorf("%s has %d channels, the model was trained on %d, and without names on both sides they cannot be matched", s.Name, s.Width, w.Rows)
		}
		for c := range s.Width {
			from = append(from, c)
		}
	}
	if from == nil {
		for _, name := range w.Channels {
			c := slices.IndexFunc(s.Channels, func(n string) bool { return plain(n) == plain(name) })
			if c < 0 {
				return nil, fmt.Errorf("%s has no channel %s; it has %s, and the model was trained on %s", s.Name, name, strings.Join(s.Channels, " "), strings.Join(w.Channels, " "))
			}
			from = append(from, c)
		}
	}
	// A stream's rate may be written with a rounding error; one that is really another is refused.
	if math.Abs(s.Rate-w.Rate) > 1e-3*w.Rate {
		return nil, fmt.Errorf("%s is sampled at %g Hz, but the model was trained at %g Hz: set the amplifier to that", s.Name, s.Rate, w.Rate)
	}
	return from, nil
}

// loop is the state of a run.
type loop struct {
	signal  Signal
	decoder papers.Decoder
	window  papers.LiveWindow
	options Options
	first   int64 // of a window's frames, after its event
	step    int64 // frames; 0: events

	timeline *timeline
	scale    []float64             // by channel: from the signal's unit to the training's
	unsure   string                // why the units may differ; empty when they are known
	filters  []papers.CausalFilter // by channel; nil for none
	stale    []bool                // by channel: its filter is to be put back to rest
	ring     *ring
	frame    []float32
	values   [][]float64 // one, of one sample, for the filters
	cut      []float32   // a window
	events   []recording.Event
	due      []due
	begun    int64 // first frame since the last break
	learned  int64 // end of the last window that was learned from

	report   Report
	latency  histogram
	jitter   histogram
	previous time.Duration
}

// due is a window that waits for its last frames.
type due struct {
	event recording.Event
	from  int64
}

func newLoop(s Signal, d papers.Decoder, o Options) (*loop, error) {
	w := d.Window()
	if s.Width != w.Rows || math.Abs(s.Rate-w.Rate) > 1e-3*w.Rate {
		return nil, fmt.Errorf("%s has %d channels at %g Hz; the model looks at %d at %g Hz", s.Name, s.Width, s.Rate, w.Rows, w.Rate)
	}
	l := &loop{signal: s, decoder: d, window: w, options: o, first: int64(w.First), timeline: newTimeline(s), frame: make([]float32, s.Width),
		stale: make([]bool, s.Width), values: [][]float64{make([]float64, 1)}, cut: make([]float32, w.Rows*w.Samples)}
	if o.Delay != nil {
		l.first = int64(math.RoundToEven(*o.Delay * w.Rate))
	}
	if math.IsNaN(o.Step) || o.Step < 0 || o.Step > 3600 {
		return nil, fmt.Errorf("a step of %g s between decisions; it must be above 0 and at most an hour, or 0 to decide at events", o.Step)
	}
	if o.Step > 0 {
		l.step = max(1, int64(math.Round(o.Step*w.Rate)))
	}
	if o.Events == nil {
		l.options.Events = w.Events
	}
	if err := l.convert(); err != nil {
		return nil, err
	}
	before := max(0, -l.first)
	if before > 3600*int64(math.Ceil(w.Rate)) || l.first > 3600*int64(math.Ceil(w.Rate)) {
		return nil, fmt.Errorf("a window that begins %d samples after its event; it must begin within an hour of it", l.first)
	}
	l.ring = newRing(s.Width, int64(w.Samples)+before+int64(lookBack*math.Ceil(w.Rate)))
	if w.Filter != nil {
		for range s.Width {
			l.filters = append(l.filters, w.Filter())
		}
	}
	return l, nil
}

// block takes in frames.
func (l *loop) block(ctx context.Context, b Block) error {
	if len(b.Samples) != len(b.Times)*l.signal.Width {
		return fmt.Errorf("%s gave %d values for %d frames of %d channels", l.signal.Name, len(b.Samples), len(b.Times), l.signal.Width)
	}
	if b.Resumed {
		l.report.Reconnects++
	}
	l.report.Dropped += int64(b.Dropped)
	for _, e := range b.Events {
		if l.step == 0 && (len(l.options.Events) == 0 || slices.Contains(l.options.Events, e.Label)) {
			l.report.Events++
			if math.IsNaN(e.Onset) {
				l.report.Outside++
				continue
			}
			l.events = append(l.events, e)
		}
	}
	slices.SortStableFunc(l.events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	if n := len(l.events) - maxPending; n > 0 {
		l.events = slices.Delete(l.events, 0, n)
		l.report.Forgotten += int64(n)
	}
	arrived := float64(b.Arrived.UnixNano()) / 1e9
	broken := b.Dropped > 0 || b.Resumed
	l.timeline.skip(b.Dropped) // those are counted already
	for i, t := range b.Times {
		v := l.timeline.next(t, arrived)
		l.report.Missing += int64(v.missing)
		if err := l.take(ctx, b.Samples[i*l.signal.Width:(i+1)*l.signal.Width], t, v.jumped, broken || v.missing > 0, b.Arrived); err != nil {
			return err
		}
		broken = false
	}
	return nil
}

// take takes in one frame. It may follow a jump of the clock, or a gap.
func (l *loop) take(ctx context.Context, samples []float32, t float64, jumped, broken bool, at time.Time) error {
	if jumped {
		l.report.Jumps++
		l.ring.forget()
		l.report.Forgotten += int64(len(l.events) + len(l.due))
		l.events, l.due = l.events[:0], l.due[:0]
	} else if broken && l.ring.end > 0 {
		l.report.Gaps++
	}
	if jumped || broken {
		l.begun = l.ring.end
		for c := range l.stale {
			l.stale[c] = true
		}
	}
	finite := true
	for c, x := range samples {
		if l.scale[c] != 1 {
			x = float32(float64(x) * l.scale[c])
		}
		l.frame[c] = x
		if x-x != 0 {
			finite, l.stale[c] = false, true
			continue
		}
		if l.filters == nil {
			continue
		}
		if l.stale[c] {
			l.filters[c].Reset()
			l.stale[c] = false
		}
		l.values[0][0] = float64(samples[c]) * l.scale[c]
		if err := l.filters[c].Filter(l.values); err != nil {
			return err
		}
		l.frame[c] = float32(l.values[0][0])
	}
	if !finite {
		l.report.NotFinite++
	}
	l.report.Frames++
	l.ring.put(l.frame, t, broken)
	if l.step > 0 {
		n := l.ring.end - l.begun
		if n < int64(l.window.Samples) || (n-int64(l.window.Samples))%l.step != 0 {
			return nil
		}
		return l.decide(ctx, due{from: l.ring.end - int64(l.window.Samples)}, at)
	}
	return l.triggered(ctx, at)
}

// triggered carries out the windows of events whose last frame has come.
func (l *loop) triggered(ctx context.Context, at time.Time) error {
	period := 1 / l.signal.Rate
	for len(l.events) > 0 {
		e := l.events[0]
		if e.Onset >= l.ring.last()+period/2 {
			break
		}
		l.events = slices.Delete(l.events, 0, 1)
		d := due{e, l.ring.frame(e.Onset, period) + l.first}
		at, _ := slices.BinarySearchFunc(l.due, d.from+1, func(d due, from int64) int { return cmp.Compare(d.from, from) })
		l.due = slices.Insert(l.due, at, d)
		if n := len(l.due) - maxPending; n > 0 {
			l.due = slices.Delete(l.due, 0, n)
			l.report.Forgotten += int64(n)
		}
	}
	for len(l.due) > 0 && l.due[0].from+int64(l.window.Samples) <= l.ring.end {
		d := l.due[0]
		l.due = slices.Delete(l.due, 0, 1)
		if err := l.decide(ctx, d, at); err != nil {
			return err
		}
	}
	return nil
}

// decide asks the decoder about a window, unless it is spoilt, and hands the decision out.
func (l *loop) decide(ctx context.Context, d due, at time.Time) error {
	end := d.from + int64(l.window.Samples)
	switch {
	case d.from < l.ring.begin:
		l.report.Outside++
		return nil
	case !l.ring.whole(d.from, end):
		l.report.Broken++
		return nil
	case !l.ring.copy(l.cut, d.from, l.window.Samples):
		l.report.Spoilt++
		return nil
	}
	// Windows of events are trials, each of which counts; of windows at a fixed step, those that do not overlap.
	learn := l.step == 0 || d.from >= l.learned
	if learn {
		l.learned = end
	}
	made, err := l.decoder.Decide(ctx, l.cut, learn)
	if err != nil {
		return err
	}
	if err := l.judge(made); err != nil {
		return err
	}
	latency := time.Since(at)
	out := Decision{LiveDecision: made, Frame: end - 1, Time: l.ring.times[(end-1)%l.ring.size], Event: d.event.Label, Onset: d.event.Onset, Latency: latency.Seconds()}
	for _, s := range l.options.Sinks {
		s.Send(out)
	}
	latency = time.Since(at)
	l.latency.add(latency)
	if l.report.Decisions > 0 {
		l.jitter.add((latency - l.previous).Abs())
	}
	l.previous = latency
	l.report.Decisions++
	return nil
}

// summary is the report with its percentiles.
func (l *loop) summary() Report {
	r := l.report
	r.Latency, r.Jitter = l.latency.percentiles(), l.jitter.percentiles()
	for _, s := range l.options.Sinks {
		r.Unsent += s.Lost()
	}
	return r
}

// queue holds blocks between the source and the decisions, up to a number of frames.
type queue struct {
	limit int

	mu     sync.Mutex
	blocks []Block
	frames int
	err    error
	ready  chan struct{}
}

func newQueue(s Signal, seconds float64) *queue {
	if !(seconds > 0) {
		seconds = 10
	}
	return &queue{limit: max(1, int(min(seconds*s.Rate, 1<<30))), ready: make(chan struct{}, 1)}
}

// fill reads the source until it ends.
func (q *queue) fill(ctx context.Context, s Source) {
	for {
		b, err := s.Next(ctx)
		q.mu.Lock()
		if err != nil {
			q.err = err
		} else {
			q.add(b)
		}
		q.mu.Unlock()
		select {
		case q.ready <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// add queues a block, dropping the oldest ones where there is no room; what they knew of losses and events passes on to the next.
func (q *queue) add(b Block) {
	q.blocks = append(q.blocks, b)
	q.frames += len(b.Times)
	for q.frames > q.limit && len(q.blocks) > 1 {
		old := q.blocks[0]
		q.blocks = slices.Delete(q.blocks, 0, 1)
		q.frames -= len(old.Times)
		next := &q.blocks[0]
		next.Dropped += old.Dropped + len(old.Times)
		next.Resumed = next.Resumed || old.Resumed
		if next.Events = append(old.Events, next.Events...); len(next.Events) > maxPending {
			next.Events = next.Events[len(next.Events)-maxPending:]
		}
	}
}

// take waits for the oldest block.
func (q *queue) take(ctx context.Context) (Block, error) {
	for {
		q.mu.Lock()
		if len(q.blocks) > 0 {
			b := q.blocks[0]
			q.blocks = slices.Delete(q.blocks, 0, 1)
			q.frames -= len(b.Times)
			q.mu.Unlock()
			return b, nil
		}
		err := q.err
		q.mu.Unlock()
		if err != nil {
			return Block{}, err
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return Block{}, context.Cause(ctx)
		}
	}
}
