package recording

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// Recording is a signal in time: channels sampled together at a fixed rate. Samples stay in the file until read.
type Recording struct {
	Channels []Channel
	Rate     float64   // samples per second; 0 when the file does not tell
	Frames   int64     // samples of each channel
	Start    time.Time // of the first frame; zero when not known
	Events   []Event   // in order of onset
	Gaps     []Gap     // in order of frame: where the instrument paused or data were lost; nil when frames follow each other
	Metadata map[string]string
	Warnings []string // what the reader found odd and read on: samples that are missing at the end, a contradiction and how it was settled

	Samples Source
}

// Channel is one signal of a Recording.
type Channel struct {
	Name string
	// Type is MNE-Python's word for what is measured: "eeg", "mag", "grad", "ref_meg", "eog", "ecg", "emg", "ecog", "seeg",
	// "dbs", "stim", "resp", "temperature", "gsr", "bio", "fnirs_cw_amplitude", "hbo", "hbr", "misc" ...; empty when the
	// file does not tell.
	Type        string
	Unit        string      // of the samples as read: "uV", "V", "T", "T/m" ...; empty when not known
	Position    *[3]float64 // of the sensor, metres, in the head's or device's frame; nil when not known
	Orientation *[3]float64 // unit normal of a coil, in the frame of Position; nil when not known or without meaning
}

// Gap is time without samples before a frame.
type Gap struct {
	Frame   int64   // the first frame after the gap
	Seconds float64 // how long nothing was recorded; negative where the file claims that blocks overlap
}

// Event is something that happened during a recording: a stimulus, a response, an expert's mark.
type Event struct {
	Onset    float64 // seconds after the first frame by the clock, gaps included
	Duration float64 // seconds; 0 for a moment
	Label    string
}

// Source gives out the samples of a Recording.
type Source interface {
	// ReadFrames fills dst with whole frames, row-major frames x channels, beginning with frame first, and returns how many
	// it read. Fewer than fit into dst come only with an error: io.EOF behind the last frame.
	ReadFrames(dst []float32, first int64) (frames int, err error)
	io.Closer
}

// Read returns the frames first .. first+frames-1, row-major frames x channels.
func (r *Recording) Read(first int64, frames int) ([]float32, error) {
	if first < 0 || frames < 0 || first > r.Frames || int64(frames) > r.Frames-first {
		return nil, &Error{Offset: -1, Found: fmt.Sprintf("a request for frames %d to %d", first, first+int64(frames)),
			Expected: fmt.Sprintf("a part of the %d frames there are", r.Frames)}
	}
	dst := make([]float32, frames*len(r.Channels))
	n, err := r.Samples.ReadFrames(dst, first)
	if err != nil && (n < frames || !errors.Is(err, io.EOF)) {
		return nil, err
	}
	return dst, nil
}

// Channel gives the index of the channel of this name, compared without regard to case; the error lists the names there are.
func (r *Recording) Channel(name string) (int, error) {
	i := slices.IndexFunc(r.Channels, func(c Channel) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		names := make([]string, len(r.Channels))
		for k, c := range r.Channels {
			names[k] = c.Name
		}
		return 0, &Error{Offset: -1, Found: "no channel " + quoted(name), Expected: "one of " + strings.Join(names, ", ")}
	}
	return i, nil
}

// Time is when a frame was sampled: seconds after the first frame by the clock, gaps included. It needs a Rate.
func (r *Recording) Time(frame int64) float64 {
	t := float64(frame) / r.Rate
	for _, g := range r.Gaps {
		if g.Frame <= frame {
			t += g.Seconds
		}
	}
	return t
}

// Frame is the frame nearest to a time in seconds after the first one; within a gap, the first frame after it. It may lie
// before the first or behind the last frame when the time does.
func (r *Recording) Frame(seconds float64) int64 {
	missing := 0.0
	for _, g := range r.Gaps {
		begin := float64(g.Frame)/r.Rate + missing // of the gap, by the clock
		if seconds < begin {
			break
		}
		missing += g.Seconds
		if seconds < begin+g.Seconds {
			return g.Frame
		}
	}
	return int64(math.Round((seconds - missing) * r.Rate))
}

// Warn adds a warning, unless it is there already.
func (r *Recording) Warn(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(r.Warnings, s) {
		r.Warnings = append(r.Warnings, s)
	}
}

// Close releases what the samples are read from.
func (r *Recording) Close() error {
	if r.Samples == nil {
		return nil
	}
	return r.Samples.Close()
}

// Memory is a Source whose samples, row-major frames x channels, are in memory.
type Memory struct {
	Data     []float32
	Channels int
}

// ReadFrames implements Source.
func (m Memory) ReadFrames(dst []float32, first int64) (int, error) {
	if m.Channels < 1 || first < 0 || first > int64(len(m.Data)/m.Channels) {
		return 0, io.EOF
	}
	n := copy(dst, m.Data[int(first)*m.Channels:]) / m.Channels
	if n < len(dst)/m.Channels {
		return n, io.EOF
	}
	return n, nil
}

// Close implements Source; there is nothing to release.
func (m Memory) Close() error { return nil }
