package bti

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/trigger"
)

// Options say how events are found.
type Options struct {
	// Triggers are the names of the channels whose rises become events; nil stands for TRIGGER, an empty list for none.
	Triggers []string
}

// Type is MNE-Python's word for what the channel measures.
func (c Channel) Type() string {
	name := strings.ToUpper(c.Name)
	has := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	switch {
	case c.Kind == kindSensor:
		return "mag"
	case c.Kind == kindReference:
		return "ref_meg"
	case name == "TRIGGER" || name == "RESPONSE":
		return "stim"
	case has("EOG", "HEOG", "VEOG"):
		return "eog"
	case has("ECG"):
		return "ecg"
	case has("EMG"):
		return "emg"
	case c.Kind == kindEEG:
		return "eeg"
	}
	return "misc"
}

// Recording gives the samples as a recording. Closing it closes the data set.
func (d *Dataset) Recording(o Options) (*recording.Recording, error) {
	r := &recording.Recording{Rate: d.Rate, Frames: d.Frames, Start: d.Start, Samples: d, Metadata: map[string]string{"processes": strings.Join(d.Processes, ", ")}}
	triggers := o.Triggers
	for _, c := range d.Channels {
		out := recording.Channel{Name: c.Name, Type: c.Type(), Unit: c.Unit}
		if p := c.Origin; c.Z != [3]float64{} && !math.IsNaN(p[0]+p[1]+p[2]) {
			normal := c.Z
			out.Position, out.Orientation = &p, &normal
		}
		if out.Type == "stim" {
			out.Unit = ""
		}
		r.Channels = append(r.Channels, out)
		if o.Triggers == nil && c.Name == "TRIGGER" {
			triggers = []string{c.Name}
		}
	}
	if d.Site != "" {
		r.Metadata["site"] = d.Site
	}
	if d.Lowpass > 0 || d.Highpass > 0 {
		r.Metadata["filtered"] = fmt.Sprintf("%g to %g Hz", d.Highpass, d.Lowpass)
	}
	index := make([]int, len(triggers))
	for k, name := range triggers {
		var err error
		if index[k], err = r.Channel(name); err != nil {
			if own, ok := err.(*recording.Error); ok {
				own.Path = d.path
			}
			return nil, err
		}
	}
	if len(index) == 0 {
		return r, nil
	}
	found := make([]trigger.Finder, len(index))
	frame := int64(0)
	err := d.each(0, d.Frames, func(b []byte, n int) {
		width := widths[d.format]
		for range n {
			for k, c := range index {
				found[k].Add(int64(d.sample(b[c*width:])*d.Channels[c].Gain), frame)
			}
			frame++
			b = b[width*len(d.Channels):]
		}
	})
	for _, x := range trigger.Merge(found) {
		r.Events = append(r.Events, recording.Event{Onset: float64(x.Frame) / d.Rate, Label: fmt.Sprint(x.After)})
	}
	return r, err
}

// chunkBytes is about how much is read at a time.
const chunkBytes = 1 << 20

// each calls take with consecutive frames, undecoded.
func (d *Dataset) each(first, frames int64, take func(b []byte, n int)) error {
	size := int64(len(d.Channels) * widths[d.format])
	chunk := make([]byte, min(frames, max(1, chunkBytes/size))*size)
	for frames > 0 {
		n := min(frames, int64(len(chunk))/size)
		if m, err := d.file.ReadAt(chunk[:n*size], first*size); int64(m) < n*size {
			return &recording.Error{Path: d.path, Offset: first * size, Found: "the end of the file", Expected: fmt.Sprintf("%d bytes of samples", n*size), Err: err}
		}
		take(chunk[:n*size], int(n))
		first += n
		frames -= n
	}
	return nil
}

func (d *Dataset) sample(b []byte) float64 {
	switch d.format {
	case 1:
		return float64(int16(binary.BigEndian.Uint16(b)))
	case 2:
		return float64(int32(binary.BigEndian.Uint32(b)))
	case 3:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// ReadFrames implements recording.Source.
func (d *Dataset) ReadFrames(dst []float32, first int64) (int, error) {
	want := int64(len(dst) / len(d.Channels))
	if first < 0 || first >= d.Frames {
		return 0, io.EOF
	}
	frames := min(want, d.Frames-first)
	k := 0
	err := d.each(first, frames, func(b []byte, n int) {
		for range n {
			for _, c := range d.Channels {
				dst[k] = float32(d.sample(b) * c.Gain)
				k++
				b = b[widths[d.format]:]
			}
		}
	})
	if err == nil && frames < want {
		err = io.EOF
	}
	return k / len(d.Channels), err
}
