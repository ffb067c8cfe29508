package recording

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// blockFrames is how many frames a pass over a whole recording reads at a time.
const blockFrames = 4096

// Blocks calls f with consecutive blocks of all frames, row-major frames x channels. f must not keep the block.
func (r *Recording) Blocks(f func(block []float32, first int64) error) error {
	channels := len(r.Channels)
	if channels == 0 {
		return nil
	}
	buffer := make([]float32, blockFrames*channels)
	for first := int64(0); first < r.Frames; first += blockFrames {
		block := buffer[:int(min(blockFrames, r.Frames-first))*channels]
		if n, err := r.Samples.ReadFrames(block, first); n < len(block)/channels {
			return err
		}
		if err := f(block, first); err != nil {
			return err
		}
	}
	return nil
}

// DescribeWith makes the Describe function of a Format whose files are recordings: it opens the file and reads it once.
func DescribeWith(open func(path string) (*Recording, error)) func(path string) (*Description, error) {
	return func(path string) (*Description, error) {
		r, err := open(path)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return r.Describe()
	}
}

// Describe says what is in a recording, reading all samples: channels with their ranges, rate, length, events and gaps, what
// its reader warned of, and channels that are flat, clipped or not finite.
func (r *Recording) Describe() (*Description, error) {
	d := &Description{Warnings: slices.Clone(r.Warnings)}
	property := func(name, format string, args ...any) {
		d.Properties = append(d.Properties, Property{name, fmt.Sprintf(format, args...)})
	}
	property("channels", "%d%s", len(r.Channels), r.typesOfChannels())
	length := fmt.Sprintf("%d frames", r.Frames)
	if r.Rate > 0 {
		property("rate", "%.6g Hz", r.Rate)
		length += ", " + duration(float64(r.Frames)/r.Rate)
	}
	property("length", "%s", length)
	if !r.Start.IsZero() {
		property("start", "%s", r.Start.Format("2006-01-02 15:04:05.999 MST"))
	}
	if len(r.Events) > 0 {
		property("events", "%d: %s", len(r.Events), r.eventsByLabel())
	}
	if len(r.Gaps) > 0 {
		total := 0.0
		for _, g := range r.Gaps {
			total += g.Seconds
		}
		property("gaps", "%d, %s in all, the first before frame %d", len(r.Gaps), duration(total), r.Gaps[0].Frame)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		property(key, "%s", r.Metadata[key])
	}

	channels := make([]extremes, len(r.Channels))
	err := r.Blocks(func(block []float32, _ int64) error {
		for i := range channels {
			for k := i; k < len(block); k += len(channels) {
				channels[i].add(block[k])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, c := range r.Channels {
		e := &channels[i]
		item := Item{Name: c.Name, Type: cmp.Or(c.Type, "signal"), Range: &e.Range, Text: c.Unit}
		if c.Position != nil {
			item.Text += fmt.Sprintf(" at (%.1f, %.1f, %.1f) mm", 1e3*c.Position[0], 1e3*c.Position[1], 1e3*c.Position[2])
		}
		d.Items = append(d.Items, item)
		switch bad := e.NaN + e.Infinite; {
		case bad > 0:
			d.Warnings = append(d.Warnings, fmt.Sprintf("channel %s: %d of %d samples are not finite", c.Name, bad, r.Frames))
		case c.Type == "stim":
		case e.Finite > 1 && e.Min == e.Max:
			d.Warnings = append(d.Warnings, fmt.Sprintf("channel %s is flat: all samples are %g", c.Name, e.Min))
		case e.clipped() > 0.001:
			d.Warnings = append(d.Warnings, fmt.Sprintf("channel %s may be clipped: it stays at its extremes in %.1f %% of the time", c.Name, 100*e.clipped()))
		}
	}
	return d, nil
}

// extremes sums up a channel and counts the samples of runs of three and more at its largest or smallest value.
type extremes struct {
	Range
	last      float32
	run       int
	low, high int // samples in such runs
}

func (e *extremes) add(v float32) {
	x := float64(v)
	if e.Finite > 0 && x < e.Min {
		e.low = 0
	}
	if e.Finite > 0 && x > e.Max {
		e.high = 0
	}
	e.Add(x)
	if v != e.last || e.run == 0 {
		e.last, e.run = v, 0
	}
	e.run++
	n := 0
	switch {
	case e.run == 3:
		n = 3
	case e.run > 3:
		n = 1
	}
	if x == e.Max {
		e.high += n
	}
	if x == e.Min {
		e.low += n
	}
}

func (e *extremes) clipped() float64 { return float64(e.low+e.high) / float64(max(e.Finite, 1)) }

// typesOfChannels counts the channels of each type: " (20 eeg, 1 stim)".
func (r *Recording) typesOfChannels() string {
	count := map[string]int{}
	for _, c := range r.Channels {
		count[c.Type]++
	}
	delete(count, "")
	if len(count) == 0 {
		return ""
	}
	return " (" + counts(count) + ")"
}

// eventsByLabel counts the events of each label, the most frequent first.
func (r *Recording) eventsByLabel() string {
	count := map[string]int{}
	for _, e := range r.Events {
		count[e.Label]++
	}
	return counts(count)
}

// counts writes numbers of things, the largest first and at most ten: "20 eeg, 1 stim".
func counts(count map[string]int) string {
	names := slices.Sorted(maps.Keys(count))
	slices.SortStableFunc(names, func(a, b string) int { return count[b] - count[a] })
	text := ""
	for i, name := range names {
		if i == 10 {
			return fmt.Sprintf("%s and %d more", text, len(names)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d %s", count[name], cmp.Or(name, "without label"))
	}
	return text
}

// duration writes seconds the way people say them.
func duration(seconds float64) string {
	if seconds < 120 {
		return fmt.Sprintf("%.4g s", seconds)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
