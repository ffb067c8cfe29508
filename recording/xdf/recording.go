package xdf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Recording gives one stream of numbers with a rate as a recording, and the streams of markers, those of text and irregular
// ones of whole numbers, as its events. It is found like Stream finds it; without a name, it is the stream with most values.
// The rate is the effective one, so that frames and events lie on the same clock; breaks of more than a second are gaps.
// Closing the recording closes the file.
func (f *File) Recording(name string) (*recording.Recording, error) {
	var s *Stream
	if name != "" {
		var err error
		if s, err = f.Stream(name); err != nil {
			return nil, err
		}
	}
	for _, other := range f.Streams {
		if name == "" && other.regular() && (s == nil || len(other.Stamps)*other.Channels > len(s.Stamps)*s.Channels) {
			s = other
		}
	}
	if s == nil || !s.regular() {
		var labels []string
		for _, other := range f.Streams {
			labels = append(labels, fmt.Sprintf("%s (%s, %d samples at %g Hz)", other.Label(), other.Format, len(other.Stamps), other.Rate))
		}
		return nil, &recording.Error{Path: f.path, Offset: -1, Found: "no such stream", Expected: "a stream of numbers with samples and a sampling rate",
			Remedy: "read its streams as arrays; it holds " + strings.Join(labels, ", ")}
	}
	r := &recording.Recording{Rate: s.Rate, Frames: int64(len(s.Stamps)), Channels: s.channels(), Samples: source{s}, Metadata: map[string]string{"stream": s.Name}}
	if s.EffectiveRate > 0 {
		r.Rate = s.EffectiveRate
		r.Metadata["nominal rate"] = fmt.Sprintf("%g Hz", s.Rate)
	}
	if len(f.Damage) > 0 {
		r.Warn("%d places were skipped, the first is: %v", len(f.Damage), f.Damage[0])
	}
	r.Warnings = append(r.Warnings, s.warnings()...)
	for _, layout := range []string{"2006-01-02T15:04:05-0700", time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, f.Header.Text("datetime")); err == nil {
			r.Metadata["recorder started"] = at.Format(time.RFC3339)
			break
		}
	}
	missing := 0.0
	for _, g := range s.Segments[1:] {
		// Counted from the first sample, so that the frames behind every gap are where their stamps say.
		gap := s.Stamps[g.First] - s.Stamps[0] - float64(g.First)/r.Rate - missing
		missing += gap
		r.Gaps = append(r.Gaps, recording.Gap{Frame: int64(g.First), Seconds: gap})
	}
	var err error
	r.Events, err = f.events(s)
	return r, err
}

// regular reports whether a stream can be a recording.
func (s *Stream) regular() bool {
	return s.Rate > 0 && s.size > 0 && s.Channels > 0 && len(s.Stamps) > 0
}

// marker reports whether the samples of a stream are events.
func (s *Stream) marker() bool {
	return len(s.Stamps) > 0 && s.Channels > 0 && (s.size == 0 || (s.Rate == 0 && strings.HasPrefix(s.Format, "int") && strings.Contains(strings.ToLower(s.Type), "marker")))
}

// events gives the samples of the streams of markers, in order. Where there are several such streams, labels begin with the
// stream's.
func (f *File) events(reference *Stream) ([]recording.Event, error) {
	var out []recording.Event
	var streams []*Stream
	for _, s := range f.Streams {
		if s.marker() {
			streams = append(streams, s)
		}
	}
	for _, s := range streams {
		a, err := s.Values()
		if err != nil {
			return nil, err
		}
		values, isText := a.Data.([]string)
		if !isText {
			numbers, err := a.Float64s()
			if err != nil {
				return nil, err
			}
			for _, v := range numbers {
				values = append(values, strconv.FormatFloat(v, 'f', -1, 64))
			}
		}
		prefix := ""
		if len(streams) > 1 {
			prefix = s.Label() + ": "
		}
		for i, at := range s.Stamps {
			label := prefix + strings.Join(values[i*s.Channels:(i+1)*s.Channels], ", ")
			out = append(out, recording.Event{Onset: at - reference.Stamps[0], Label: label})
		}
	}
	slices.SortStableFunc(out, func(a, b recording.Event) int {
		switch {
		case a.Onset < b.Onset:
			return -1
		case a.Onset > b.Onset:
			return 1
		}
		return 0
	})
	return out, nil
}

// types maps XDF's words for what is measured to MNE-Python's.
var types = map[string]string{"eeg": "eeg", "eog": "eog", "ecg": "ecg", "ekg": "ecg", "emg": "emg", "gsr": "gsr", "eda": "gsr",
	"meg": "mag", "ecog": "ecog", "seeg": "seeg", "resp": "resp", "respiration": "resp", "temperature": "temperature", "misc": "misc",
	"aux": "misc", "trigger": "stim", "stim": "stim", "markers": "stim"}

// channels are described in the header, if at all, under desc/channels.
func (s *Stream) channels() []recording.Channel {
	out := make([]recording.Channel, s.Channels)
	described := s.Header.Find("desc", "channels").All("channel")
	for i := range out {
		c := &out[i]
		c.Name = fmt.Sprintf("channel %d", i+1)
		kind, known := types[strings.ToLower(s.Type)]
		if len(described) == len(out) {
			e := described[i]
			if label := e.Text("label"); label != "" {
				c.Name = label
			}
			if own, ok := types[strings.ToLower(e.Text("type"))]; ok {
				kind, known = own, true
			}
			c.Unit = recording.Unit(e.Text("unit"))
			c.Position = position(e.Find("location"))
		}
		if known {
			c.Type = kind
		}
	}
	return out
}

// position reads a place in millimetres.
func position(e *Element) *[3]float64 {
	var p [3]float64
	for i, axis := range []string{"X", "Y", "Z"} {
		v, err := strconv.ParseFloat(e.Text(axis), 64)
		if err != nil {
			return nil
		}
		p[i] = v * 1e-3
	}
	return &p
}
