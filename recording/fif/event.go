package fif

import (
	"fmt"
	"slices"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/trigger"
)

// findEvents reads the trigger channels through.
func (s *source) findEvents(names []string, r *recording.Recording) ([]recording.Event, error) {
	index := make([]int, len(names))
	for k, name := range names {
		i, err := r.Channel(name)
		if err != nil {
			if own, ok := err.(*recording.Error); ok {
				own.Path = s.parts[0].path
			}
			return nil, err
		}
		index[k] = i
	}
	channels := len(s.scale)
	found := make([]trigger.Finder, len(names))
	frame := int64(0)
	err := s.each(0, s.frames, func(data []byte, form int32, n int) error {
		width := int(widths[form])
		for range n {
			for k, c := range index {
				found[k].Add(int64(sample(data[c*width:], form)*s.scale[c]), frame)
			}
			data = data[channels*width:]
			frame++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []recording.Event
	for _, x := range trigger.Merge(found) {
		out = append(out, recording.Event{Onset: r.Time(x.Frame), Label: fmt.Sprint(x.After)})
	}
	return out, nil
}

// annotations reads the marks that MNE-Python keeps beside the samples. Their onsets count from the annotations' own origin
// or from the date of the measurement, as do the numbers of samples.
func (f *File) annotations(firstSample int64) ([]recording.Event, error) {
	b := f.root.first(blockAnnotations)
	if b == nil {
		return nil, nil
	}
	var begin, end []float64
	var labels []string
	origin := 0.0
	for _, t := range b.tags {
		var err error
		switch t.kind {
		case kindBaselineMin:
			begin, err = f.numbers(t)
		case kindBaselineMax:
			end, err = f.numbers(t)
		case kindComment:
			labels, err = f.names(t)
		case kindDate:
			var x []float64
			if x, err = f.numbers(t); err == nil && len(x) > 0 && !f.Info.Date.IsZero() {
				at := x[0]
				if len(x) > 1 {
					at += x[1] * 1e-6
				}
				date := f.Info.Date
				origin = (at - float64(date.Unix())) - float64(date.Nanosecond())*1e-9
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if len(begin) != len(end) || len(begin) != len(labels) {
		return nil, f.broken(-1, fmt.Sprintf("%d onsets, %d ends and %d descriptions of annotations", len(begin), len(end), len(labels)), "as many of each")
	}
	first := float64(firstSample) / f.Info.Rate
	out := slices.Grow([]recording.Event(nil), len(begin))
	for i := range begin {
		out = append(out, recording.Event{Onset: begin[i] + origin - first, Duration: end[i] - begin[i], Label: labels[i]})
	}
	return out, nil
}
