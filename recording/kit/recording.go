package kit

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

// Options say how events are found. The zero value is MNE-Python's choice.
type Options struct {
	// Triggers are the channels that carry a trigger, by index, the lowest bit first. Nil stands for the first eight of type
	// "misc"; an empty list looks for no events, which saves a pass over the file.
	Triggers []int
	// Threshold in volts; 0 stands for 1. A line is active below it, or with Above, above it.
	Threshold float64
	Above     bool
}

// Recording gives the samples of a file as a recording, in T and V. An event is a rise of the binary number that the trigger
// lines show; the number is its label. Closing the recording closes the file.
func (f *File) Recording(o Options) (*recording.Recording, error) {
	if f.other != nil {
		return nil, f.other
	}
	r := &recording.Recording{Rate: f.Rate, Frames: f.Frames, Start: f.Created, Samples: f, Metadata: map[string]string{"system": f.System}}
	if f.Comment != "" {
		r.Metadata["comment"] = f.Comment
	}
	if f.Lowpass > 0 {
		r.Metadata["filtered"] = fmt.Sprintf("%g to %g Hz", f.Highpass, f.Lowpass)
	}
	triggers := o.Triggers
	for i, c := range f.Channels {
		out := recording.Channel{Name: c.Name, Type: c.Kind.Type(), Unit: "V"}
		if c.Kind.coil() {
			out.Unit = "T"
			if p := c.Position; !math.IsNaN(p[0] + p[1] + p[2]) {
				out.Position, out.Orientation = &p, &c.Z
			}
		}
		r.Channels = append(r.Channels, out)
		if o.Triggers == nil && out.Type == "misc" && len(triggers) < 8 {
			triggers = append(triggers, i)
		}
	}
	if len(triggers) == 0 {
		return r, nil
	}
	events, err := f.events(triggers, o)
	r.Events = events
	return r, err
}

// events reads the trigger lines through.
func (f *File) events(triggers []int, o Options) ([]recording.Event, error) {
	if i := slices.IndexFunc(triggers, func(c int) bool { return c < 0 || c >= len(f.Channels) }); i >= 0 || len(triggers) > 62 {
		return nil, &recording.Error{Path: f.path, Offset: -1, Found: fmt.Sprintf("triggers on channels %v", triggers), Expected: fmt.Sprintf("up to 62 of the %d channels", len(f.Channels))}
	}
	threshold := o.Threshold
	if threshold == 0 {
		threshold = 1
	}
	var found trigger.Finder
	frame := int64(0)
	err := f.each(0, f.Frames, func(b []byte, n int) {
		for range n {
			value := int64(0)
			for bit, c := range triggers {
				if v := f.sample(b[c*f.width:]) * f.scale[c]; (v < threshold) != o.Above && v != threshold {
					value |= 1 << bit
				}
			}
			found.Add(value, frame)
			frame++
			b = b[len(f.Channels)*f.width:]
		}
	})
	var out []recording.Event
	for _, x := range found.Rises {
		out = append(out, recording.Event{Onset: float64(x.Frame) / f.Rate, Label: fmt.Sprint(x.After)})
	}
	return out, err
}

// chunkBytes is about how much is read at a time.
const chunkBytes = 1 << 20

// each calls take with consecutive frames, undecoded.
func (f *File) each(first, frames int64, take func(b []byte, n int)) error {
	size := int64(len(f.Channels) * f.width)
	chunk := make([]byte, min(frames, max(1, chunkBytes/size))*size)
	for frames > 0 {
		n := min(frames, int64(len(chunk))/size)
		at := f.parts[partSamples].at + first*size
		if m, err := f.content.ReadAt(chunk[:n*size], at); int64(m) < n*size {
			return f.truncated(at, fmt.Sprintf("%d bytes of samples", n*size), err)
		}
		take(chunk[:n*size], int(n))
		first += n
		frames -= n
	}
	return nil
}

func (f *File) sample(b []byte) float64 {
	if f.width == 2 {
		return float64(int16(binary.LittleEndian.Uint16(b)))
	}
	return float64(int32(binary.LittleEndian.Uint32(b)))
}

// ReadFrames implements recording.Source.
func (f *File) ReadFrames(dst []float32, first int64) (int, error) {
	want := int64(len(dst) / len(f.Channels))
	if first < 0 || first >= f.Frames {
		return 0, io.EOF
	}
	frames := min(want, f.Frames-first)
	k := 0
	err := f.each(first, frames, func(b []byte, n int) {
		for range n {
			for _, scale := range f.scale {
				dst[k] = float32(f.sample(b) * scale)
				k++
				b = b[f.width:]
			}
		}
	})
	if err == nil && frames < want {
		err = io.EOF
	}
	return k / len(f.Channels), err
}

func init() {
	recording.Register(recording.Format{
		Name: "kit", Title: "KIT, Yokogawa or Ricoh MEG", Extensions: []string{"sqd", "con"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case isKIT(h.Data):
				return recording.Sure
			case strings.HasPrefix(h.Ext, "sqd"):
				return recording.Likely // opening it will say what is wrong
			}
			return recording.No
		},
		Describe: recording.DescribeWith(open), Open: open,
	})
}

func open(path string) (*recording.Recording, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	r, err := f.Recording(Options{})
	if err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}
