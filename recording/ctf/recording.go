package ctf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/trigger"
)

// Options say how events are found. The zero value looks at all channels of type stim, as MNE-Python does.
type Options struct {
	// Triggers are the names of the channels whose rises become events; an empty list looks for none.
	Triggers []string
}

// typeOf is MNE-Python's word for what a channel measures.
func (c Channel) typeOf() string {
	placed := dot(c.Z, c.Z) > 0
	switch {
	case c.SensorType == grad && placed:
		return "mag" // tesla, though of gradiometers
	case (c.SensorType == refMag || c.SensorType == refGrad) && placed:
		return "ref_meg"
	case c.SensorType == eeg:
		return "eeg"
	case c.SensorType == stim:
		return "stim"
	}
	return "misc"
}

// Recording gives the samples of a data set as a recording. Closing it closes the data set.
func (d *Dataset) Recording(o Options) (*recording.Recording, error) {
	r := &recording.Recording{Rate: d.Rate, Frames: d.frames, Start: d.Start, Samples: d, Metadata: map[string]string{}}
	toHead := d.toHead()
	triggers := o.Triggers
	for _, c := range d.Channels {
		out := recording.Channel{Name: c.Name, Type: c.typeOf(), Unit: "V"}
		origin := c.Origin
		switch out.Type {
		case "mag", "ref_meg":
			out.Unit = "T"
			normal := c.Z
			out.Position, out.Orientation = &origin, &normal
		case "eeg":
			if toHead != nil && dot(origin, origin) >= 1e-8 {
				origin = toHead(origin)
				out.Position = &origin
			}
		case "stim":
			if o.Triggers == nil {
				triggers = append(triggers, c.Name)
			}
		}
		r.Channels = append(r.Channels, out)
	}
	note := func(name, value string) {
		if value != "" {
			r.Metadata[name] = value
		}
	}
	note("description", d.Description)
	note("operator", d.Operator)
	var filters []string
	for _, f := range d.Filters {
		filters = append(filters, fmt.Sprintf("%s %g Hz", f.Type, f.Frequency))
	}
	note("filtered", strings.TrimSpace(strings.Join(filters, ", ")))
	bad, err := d.badChannels()
	if err != nil {
		return nil, err
	}
	note("bad channels", strings.Join(bad, ", "))
	if n := d.frames / int64(d.TrialFrames); n > 1 {
		note("trials", fmt.Sprintf("%d of %d samples", n, d.TrialFrames))
	}
	for _, read := range []func() ([]recording.Event, error){d.markers, d.badSegments, func() ([]recording.Event, error) { return d.rises(triggers, r) }} {
		events, err := read()
		if err != nil {
			return nil, err
		}
		r.Events = append(r.Events, events...)
	}
	sort.SliceStable(r.Events, func(i, k int) bool { return r.Events[i].Onset < r.Events[k].Onset })
	return r, nil
}

// rises reads the trigger channels through.
func (d *Dataset) rises(names []string, r *recording.Recording) ([]recording.Event, error) {
	found := make([]trigger.Finder, len(names))
	for k, name := range names {
		c, err := r.Channel(name)
		if err != nil {
			if own, ok := err.(*recording.Error); ok {
				own.Path = d.folder
			}
			return nil, err
		}
		err = d.channel(c, 0, d.frames, func(first int64, b []byte) {
			for i := 0; i < len(b); i += 4 {
				found[k].Add(int64(float64(int32(binary.BigEndian.Uint32(b[i:])))*d.Channels[c].Gain), first+int64(i/4))
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var out []recording.Event
	for _, x := range trigger.Merge(found) {
		out = append(out, recording.Event{Onset: float64(x.Frame) / d.Rate, Label: fmt.Sprint(x.After)})
	}
	return out, nil
}

// channel calls take with consecutive samples of one channel, undecoded: first is the frame of the first of them.
func (d *Dataset) channel(c int, first, frames int64, take func(first int64, b []byte)) error {
	var buffer []byte
	for i := range d.files {
		f := &d.files[i]
		for frames > 0 && first < f.first+f.frames {
			trial, sample := (first-f.first)/int64(d.TrialFrames), int((first-f.first)%int64(d.TrialFrames))
			n := int(min(frames, int64(d.TrialFrames-sample), f.first+f.frames-first, chunkFrames))
			if len(buffer) < 4*n {
				buffer = make([]byte, 4*n)
			}
			if err := f.read(buffer[:4*n], d.place(trial, c, sample)); err != nil {
				return err
			}
			take(first, buffer[:4*n])
			first += int64(n)
			frames -= int64(n)
		}
	}
	return nil
}

// ReadFrames implements recording.Source.
func (d *Dataset) ReadFrames(dst []float32, first int64) (int, error) {
	channels := len(d.Channels)
	want := int64(len(dst) / channels)
	if first < 0 || first >= d.frames {
		return 0, io.EOF
	}
	frames := min(want, d.frames-first)
	for c := range channels {
		gain := d.Channels[c].Gain
		err := d.channel(c, first, frames, func(at int64, b []byte) {
			k := int(at-first)*channels + c
			for i := 0; i < len(b); i += 4 {
				dst[k] = float32(float64(int32(binary.BigEndian.Uint32(b[i:]))) * gain)
				k += channels
			}
		})
		if err != nil {
			return 0, err
		}
	}
	if frames < want {
		return int(frames), io.EOF
	}
	return int(frames), nil
}

func init() {
	recording.Register(recording.Format{
		Name: "ctf", Title: "CTF MEG", Extensions: []string{"meg4", "res4"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case bytes.HasPrefix(h.Data, []byte("MEG4")) && (h.Ext == "meg4" || h.Ext == "res4"):
				return recording.Sure
			case h.Ext == "meg4" || h.Ext == "res4":
				return recording.Likely // opening it will say what is wrong
			}
			return recording.No
		},
		Folder:   func(path string) bool { return strings.EqualFold(filepath.Ext(filepath.Clean(path)), ".ds") },
		Describe: recording.DescribeWith(open), Open: open,
	})
}

// open takes the path of the folder, or of a .meg4 or .res4 file.
func open(path string) (*recording.Recording, error) {
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	r, err := d.Recording(Options{})
	if err != nil {
		d.Close()
		return nil, err
	}
	return r, nil
}
