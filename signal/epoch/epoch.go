package epoch

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/signal"
)

// Epochs are trials of equal length.
type Epochs struct {
	Trials   []*mat.Dense // channels by samples
	Events   []Event      // by trial
	Channels []recording.Channel
	Rate     float64 // samples per second
	Start    float64 // of a trial's first sample, seconds after its event; negative when before
	Dropped  []Drop  // in order of event within each step that dropped any
}

// Event is what a trial was cut around.
type Event struct {
	recording.Event
	Index int   // in the list of events that was cut by
	Frame int64 // of the recording, nearest to the onset
}

// Drop says of an event why it has no trial.
type Drop struct {
	Event
	Reason   Reason
	Channels []string // that gave the reason; nil where none did
}

// Reason is why a trial was dropped.
type Reason string

// The reasons.
const (
	Outside   Reason = "outside"    // the trial begins before or ends behind the recording
	Gap       Reason = "gap"        // the recording has a gap within the trial
	NotFinite Reason = "not finite" // a sample is NaN or infinite
	TooLarge  Reason = "too large"  // the peak-to-peak amplitude is above a limit
	Flat      Reason = "flat"       // the peak-to-peak amplitude is below a limit
	TooBad    Reason = "too bad"    // too many channels are bad
)

// Window is the time a trial lasts, in seconds after its event. Both ends are within, as in MNE-Python: -0.2 to 0.8 at 100 Hz are 101
// samples.
type Window struct{ From, To float64 }

// frames returns the first frame relative to the event and the number of frames.
func (w Window) frames(rate float64) (first, count int, err error) {
	if !(rate > 0) || math.IsInf(rate, 0) {
		return 0, 0, fmt.Errorf("sampling rate is %g Hz; trials need a positive one", rate)
	}
	from, to := math.RoundToEven(w.From*rate), math.RoundToEven(w.To*rate)
	if !(from <= to) || math.Abs(from) > 1e9 || math.Abs(to) > 1e9 {
		return 0, 0, fmt.Errorf("a trial from %g to %g s is not a stretch of time; its end must follow its beginning", w.From, w.To)
	}
	return int(from), int(to-from) + 1, nil
}

// Cut cuts a recording around its events of the given labels, around all if none are given. Trials that are not wholly recorded, or
// hold values that are not finite, are dropped and logged; it is an error if no trial is left.
func Cut(r *recording.Recording, w Window, labels ...string) (*Epochs, error) {
	first, count, err := w.frames(r.Rate)
	if err != nil {
		return nil, err
	}
	c := cutter{first: first, count: count, frames: r.Frames, frame: r.Frame, gaps: r.Gaps}
	c.read = func(at int64) (*mat.Dense, error) { return signal.Matrix(r, at, count) }
	return c.cut(r.Channels, r.Rate, r.Events, labels)
}

// CutMatrix cuts what was made of a recording, such as its filtered channels: x is channels by samples, at the given rate, beginning when
// the recording does, without gaps.
func CutMatrix(x *mat.Dense, channels []recording.Channel, rate float64, events []recording.Event, w Window, labels ...string) (*Epochs, error) {
	rows, samples := x.Dims()
	if len(channels) != rows {
		return nil, fmt.Errorf("%d channels are described, but the signal has %d", len(channels), rows)
	}
	first, count, err := w.frames(rate)
	if err != nil {
		return nil, err
	}
	c := cutter{first: first, count: count, frames: int64(samples)}
	c.frame = func(seconds float64) int64 { return int64(math.Round(seconds * rate)) }
	c.read = func(at int64) (*mat.Dense, error) {
		return mat.DenseCopyOf(x.Slice(0, rows, int(at), int(at)+count)), nil
	}
	return c.cut(channels, rate, events, labels)
}

// cutter knows where the samples are.
type cutter struct {
	first, count int
	frames       int64
	gaps         []recording.Gap
	frame        func(seconds float64) int64
	read         func(at int64) (*mat.Dense, error)
}

func (c *cutter) cut(channels []recording.Channel, rate float64, events []recording.Event, labels []string) (*Epochs, error) {
	e := &Epochs{Channels: slices.Clone(channels), Rate: rate, Start: float64(c.first) / rate}
	for i, ev := range events {
		if len(labels) > 0 && !slices.Contains(labels, ev.Label) {
			continue
		}
		event := Event{Event: ev, Index: i, Frame: c.frame(ev.Onset)}
		at := event.Frame + int64(c.first)
		switch {
		case at < 0 || at > c.frames-int64(c.count):
			e.drop(event, Outside)
			continue
		case slices.ContainsFunc(c.gaps, func(g recording.Gap) bool { return g.Frame > at && g.Frame < at+int64(c.count) }):
			e.drop(event, Gap)
			continue
		}
		trial, err := c.read(at)
		if err != nil {
			return nil, fmt.Errorf("event %d (%q at %g s): %w", i+1, ev.Label, ev.Onset, err)
		}
		var bad []string
		for k := range channels {
			if row := trial.RawRowView(k); math.IsNaN(floats.Sum(row)) || math.IsInf(floats.Sum(row), 0) {
				bad = append(bad, channels[k].Name)
			}
		}
		if bad != nil {
			e.drop(event, NotFinite, bad...)
			continue
		}
		e.Trials, e.Events = append(e.Trials, trial), append(e.Events, event)
	}
	if len(e.Trials) > 0 {
		return e, nil
	}
	if len(e.Dropped) == 0 {
		return nil, fmt.Errorf("no event to cut around: found %s, expected %s", tally(events), either(labels))
	}
	return nil, e.empty("choose a shorter window, or check that the events belong to this recording")
}

// tally lists the labels there are.
func tally(events []recording.Event) string {
	count := map[string]int{}
	var order []string
	for _, e := range events {
		if count[e.Label]++; count[e.Label] == 1 {
			order = append(order, e.Label)
		}
	}
	if len(order) == 0 {
		return "no events"
	}
	var parts []string
	for i, label := range order {
		if i == 12 {
			parts = append(parts, fmt.Sprintf("%d other labels", len(order)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%d of %q", count[label], label))
	}
	return strings.Join(parts, ", ")
}

func either(labels []string) string {
	if len(labels) == 0 {
		return "at least one"
	}
	quoted := make([]string, len(labels))
	for i, l := range labels {
		quoted[i] = fmt.Sprintf("%q", l)
	}
	return strings.Join(quoted, " or ")
}

// empty is the error that no trial is left.
func (e *Epochs) empty(remedy string) error {
	count := map[string]int{}
	var order []string
	for _, d := range e.Dropped {
		names := d.Channels
		if names == nil {
			names = []string{""}
		}
		for _, n := range names {
			reason := string(d.Reason)
			if n != "" {
				reason += " in " + n
			}
			if count[reason]++; count[reason] == 1 {
				order = append(order, reason)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return count[b] - count[a] })
	var parts []string
	for i, reason := range order {
		if i == 8 {
			parts = append(parts, "...")
			break
		}
		parts = append(parts, fmt.Sprintf("%d %s", count[reason], reason))
	}
	return fmt.Errorf("none of %d trials is left: %s; %s", len(e.Dropped), strings.Join(parts, ", "), remedy)
}

func (e *Epochs) drop(event Event, reason Reason, channels ...string) {
	e.Dropped = append(e.Dropped, Drop{Event: event, Reason: reason, Channels: channels})
}

// Samples is the number of samples in a trial.
func (e *Epochs) Samples() int {
	if len(e.Trials) == 0 {
		return 0
	}
	return e.Trials[0].RawMatrix().Cols
}

// Times returns when each sample of a trial was taken, in seconds after the event.
func (e *Epochs) Times() []float64 {
	t := make([]float64, e.Samples())
	for i := range t {
		t[i] = e.Start + float64(i)/e.Rate
	}
	return t
}

// Classes returns the number of each trial's label in the list, for what learns to tell them apart.
func (e *Epochs) Classes(labels ...string) ([]int, error) {
	out := make([]int, len(e.Events))
	for i, ev := range e.Events {
		if out[i] = slices.Index(labels, ev.Label); out[i] < 0 {
			return nil, fmt.Errorf("trial %d is labelled %q, expected %s; select the trials first", i+1, ev.Label, either(labels))
		}
	}
	return out, nil
}

// Select returns the trials with one of the labels. They share their samples with e.
func (e *Epochs) Select(labels ...string) *Epochs {
	return e.keep(func(i int) bool { return slices.Contains(labels, e.Events[i].Label) })
}

func (e *Epochs) keep(keep func(trial int) bool) *Epochs {
	out := *e
	out.Trials, out.Events = nil, nil
	for i := range e.Trials {
		if keep(i) {
			out.Trials, out.Events = append(out.Trials, e.Trials[i]), append(out.Events, e.Events[i])
		}
	}
	out.Dropped = slices.Clone(e.Dropped)
	return &out
}

// Average returns the mean of the trials, the evoked response.
func (e *Epochs) Average() (*mat.Dense, error) {
	if len(e.Trials) == 0 {
		return nil, fmt.Errorf("no trials to average")
	}
	mean := mat.DenseCopyOf(e.Trials[0])
	for _, t := range e.Trials[1:] {
		mean.Add(mean, t)
	}
	mean.Scale(1/float64(len(e.Trials)), mean)
	return mean, nil
}

// Baseline subtracts from every channel of every trial its mean over the time from one moment to another, both within, in seconds after
// the event.
func (e *Epochs) Baseline(from, to float64) error {
	first := int(math.RoundToEven((from - e.Start) * e.Rate))
	last := int(math.RoundToEven((to - e.Start) * e.Rate))
	if samples := e.Samples(); !(from <= to) || first < 0 || last >= samples {
		return fmt.Errorf("a baseline from %g to %g s, expected a part of the trial, which lasts from %g to %g s",
			from, to, e.Start, e.Start+float64(samples-1)/e.Rate)
	}
	for _, t := range e.Trials {
		for c := range e.Channels {
			row := t.RawRowView(c)
			floats.AddConst(-floats.Sum(row[first:last+1])/float64(last+1-first), row)
		}
	}
	return nil
}

// Limit bounds a peak-to-peak amplitude, in the unit of the channels. A bound of 0 is none.
type Limit struct{ Most, Least float64 }

// Limits are limits by type of channel, such as "eeg".
type Limits map[string]Limit

// Reject drops the trials in which a channel's largest less smallest sample is above Most or below Least. It drops none if it would
// drop all.
func (e *Epochs) Reject(limits Limits) error {
	for kind, l := range limits {
		if !slices.ContainsFunc(e.Channels, func(c recording.Channel) bool { return c.Type == kind }) {
			return fmt.Errorf("a limit for channels of type %q, of which there are none; the types are %s", kind, e.types())
		}
		if l.Most < 0 || l.Least < 0 || math.IsNaN(l.Most+l.Least) {
			return fmt.Errorf("limits of %g and %g for channels of type %q; they must not be negative", l.Most, l.Least, kind)
		}
	}
	before := e.Dropped
	kept := e.keep(func(i int) bool {
		var large, flat []string
		for c, channel := range e.Channels {
			l, ok := limits[channel.Type]
			if !ok {
				continue
			}
			p := peakToPeak(e.Trials[i].RawRowView(c))
			if l.Most > 0 && p > l.Most {
				large = append(large, channel.Name)
			}
			if l.Least > 0 && p < l.Least {
				flat = append(flat, channel.Name)
			}
		}
		switch {
		case large != nil:
			e.drop(e.Events[i], TooLarge, large...)
		case flat != nil:
			e.drop(e.Events[i], Flat, flat...)
		default:
			return true
		}
		return false
	})
	if len(kept.Trials) == 0 && len(e.Trials) > 0 {
		err := e.empty("widen the limits, or clean or leave out the channels that are bad most often")
		e.Dropped = before
		return err
	}
	*e = *kept
	return nil
}

func (e *Epochs) types() string {
	var kinds []string
	for _, c := range e.Channels {
		if !slices.Contains(kinds, c.Type) {
			kinds = append(kinds, c.Type)
		}
	}
	return either(kinds)
}

func peakToPeak(x []float64) float64 {
	low, high := x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	return high - low
}
