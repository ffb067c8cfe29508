package dbconformer

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/epoch"
)

// cutTrials filters a recording and cuts trials around its events.
func cutTrials(path string, signals *recording.Recording, r reading) (*trialFile, error) {
	f, err := cutUnchecked(path, signals, r)
	if err != nil {
		return nil, err
	}
	return f, f.checkSamples()
}

// cutUnchecked is cutTrials without a look at the amplitudes.
func cutUnchecked(path string, signals *recording.Recording, r reading) (*trialFile, error) {
	refuse := func(format string, args ...any) (*trialFile, error) {
		return nil, papers.Refuse(fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
	}
	f := &trialFile{rate: signals.Rate, low: r.low, high: r.high, classes: r.events, events: r.events, warnings: slices.Clone(signals.Warnings)}
	if !(f.rate > 0) {
		f.rate = max(r.rate, r.otherwise)
	}
	if !(f.rate > 0) {
		return refuse("the recording does not say its sampling rate, and kernels and patches are times: give it with --set rate=HZ")
	}
	if len(signals.Events) == 0 && len(r.events) == 0 {
		return refuse("the recording has no events, and trials begin at events: give one that has them, a BIDS data set with events.tsv beside its recordings, or trials that are cut already, as NPZ or MAT")
	}
	if len(r.events) < 2 {
		return refuse("the recording has the events %s: say which of them begin the trials of which class, at least two, with --set events=LABEL,LABEL", countEvents(signals.Events))
	}
	for _, l := range r.events {
		if r.anyEvents {
			break
		}
		if !slices.ContainsFunc(signals.Events, func(e recording.Event) bool { return e.Label == l }) {
			return refuse("no event is called %q; the recording has %s", l, countEvents(signals.Events))
		}
	}
	picked, err := pickChannels(signals, r.pick)
	if err != nil {
		return refuse("%w", err)
	}
	if signals.Frames > math.MaxInt32 {
		return refuse("%d frames are too many to filter at once", signals.Frames)
	}
	if f.low < 0 {
		f.low = imageryLow
	}
	if f.high < 0 {
		f.high = imageryHigh
	}
	band, err := bandOf(f.low, f.high, f.rate)
	if err != nil {
		return refuse("%w", err)
	}
	x, err := signal.Matrix(signals, 0, int(signals.Frames), picked...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, c := range picked {
		f.channels = append(f.channels, plainName(signals.Channels[c].Name))
		f.units = append(f.units, signals.Channels[c].Unit)
	}
	if err := f.convert(path, r, []*mat.Dense{x}); err != nil {
		return nil, papers.Refuse(err)
	}
	if band != nil {
		filterStretches(band, x, signals.Gaps)
	}
	cut := *signals
	cut.Channels, cut.Rate, cut.Samples = nil, f.rate, inMemory(x)
	for i, c := range picked {
		cut.Channels = append(cut.Channels, signals.Channels[c])
		cut.Channels[i].Unit = f.units[i]
	}
	trials, err := epoch.Cut(&cut, epoch.Window{From: r.from, To: r.to}, r.events...)
	if err != nil {
		return refuse("%w; it has the events %s", err, countEvents(signals.Events))
	}
	f.train.trials = trials.Trials
	if f.train.labels, err = trials.Classes(r.events...); err != nil {
		return refuse("%w", err)
	}
	f.assumed = append(f.assumed, fmt.Sprintf("%d trials from %g to %g s around the events %s; %d of %d channels, %g to %g Hz",
		len(f.train.trials), r.from, r.to, strings.Join(r.events, " and "), len(picked), len(signals.Channels), f.low, f.high))
	reasons := map[epoch.Reason]int{}
	for _, d := range trials.Dropped {
		reasons[d.Reason]++
	}
	for _, why := range []epoch.Reason{epoch.Outside, epoch.Gap, epoch.NotFinite} {
		if n := reasons[why]; n > 0 {
			f.warnings = append(f.warnings, fmt.Sprintf("%d events have no trial: %s", n, why))
		}
	}
	return f, nil
}

// pickChannels returns the numbers of the named channels; without names those of EEG, else of MEG, else within the skull, or all if none says
// what it is.
func pickChannels(signals *recording.Recording, names []string) ([]int, error) {
	if len(names) == 0 {
		for _, kinds := range [][]string{{"eeg"}, {"mag", "grad"}, {"ecog", "seeg", "dbs"}, {""}} {
			if picked := signal.ChannelsOf(signals, kinds...); len(picked) > 0 {
				return picked, nil
			}
		}
		kinds := map[string]bool{}
		for _, c := range signals.Channels {
			kinds[c.Type] = true
		}
		return nil, fmt.Errorf("there is no channel of EEG, MEG or iEEG; the recording has %s: pick channels with --set pick=NAME,NAME if these are to be decoded",
			strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	}
	var picked []int
	for _, name := range names {
		c := slices.IndexFunc(signals.Channels, func(c recording.Channel) bool { return strings.EqualFold(plainName(c.Name), plainName(name)) })
		if c < 0 {
			var have []string
			for _, c := range signals.Channels {
				have = append(have, plainName(c.Name))
			}
			return nil, fmt.Errorf("there is no channel %q; the recording has %s", name, strings.Join(have, " "))
		}
		if slices.Contains(picked, c) {
			return nil, fmt.Errorf("channel %q is picked twice", name)
		}
		picked = append(picked, c)
	}
	return picked, nil
}

// plainName is a channel's name without the dots that some EDF files fill names up with.
func plainName(name string) string { return strings.TrimRight(strings.TrimSpace(name), ".") }

// countEvents lists the labels of events with how often each occurs, in order of first occurrence.
func countEvents(events []recording.Event) string {
	if len(events) == 0 {
		return "none"
	}
	var labels []string
	count := map[string]int{}
	for _, e := range events {
		if count[e.Label] == 0 {
			labels = append(labels, e.Label)
		}
		count[e.Label]++
	}
	for i, l := range labels {
		labels[i] = fmt.Sprintf("%s (%d)", l, count[l])
	}
	return strings.Join(labels, ", ")
}

// filterStretches filters each channel of x in place, from rest at every gap and after every sample that is not finite: what is
// missing spoils the trials it lies in and no others.
func filterStretches(s signal.Sections, x *mat.Dense, gaps []recording.Gap) {
	channels, frames := x.Dims()
	for c := range channels {
		row := x.RawRowView(c)
		stretch := func(from, to int) { copy(row[from:to], s.Filter(row[from:to])) }
		from, gap := 0, 0
		for t, v := range row {
			if gap < len(gaps) && gaps[gap].Frame == int64(t) {
				gap++
				stretch(from, t)
				from = t
			}
			if math.IsNaN(v) || math.IsInf(v, 0) {
				stretch(from, t)
				from = t + 1
			}
		}
		stretch(from, frames)
	}
}

// inMemory holds channels by samples as a recording's samples.
func inMemory(x *mat.Dense) recording.Memory {
	channels, frames := x.Dims()
	m := recording.Memory{Data: make([]float32, channels*frames), Channels: channels}
	for c := range channels {
		for t, v := range x.RawRowView(c) {
			m.Data[t*channels+c] = float32(v)
		}
	}
	return m
}
