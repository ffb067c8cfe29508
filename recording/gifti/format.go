package gifti

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "gifti", Title: "GIFTI surface", Extensions: []string{"gii"},
		Match: match, Describe: describe, Arrays: arrays, Open: open,
	})
}

func match(h recording.Head) recording.Confidence {
	switch {
	case bytes.Contains(h.Data, []byte("<GIFTI")):
		return recording.Sure
	case h.Ext == "gii":
		return recording.Likely // reading it will say what is wrong
	}
	return recording.No
}

// names gives each array a name of its own: that of its metadata, or its intent where there is none or a surface says it
// better, with a number where several are alike.
func (f *File) names() []string {
	count := map[string]int{}
	base := make([]string, len(f.Arrays))
	for i, a := range f.Arrays {
		if base[i] = a.Data.Name; base[i] == "" || a.Intent == "pointset" || a.Intent == "triangle" {
			base[i] = a.Intent
		}
		count[base[i]]++
	}
	seen := map[string]int{}
	out := make([]string, len(base))
	for i, name := range base {
		seen[name]++
		if out[i] = name; count[name] > 1 {
			out[i] = fmt.Sprintf("%s %d", name, seen[name])
		}
	}
	return out
}

func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Read(path)
	if err != nil {
		return nil, err
	}
	have := f.names()
	if len(names) == 0 {
		names = have
	}
	var out []*recording.Array
	for _, name := range names {
		i := slices.Index(have, name)
		if i < 0 {
			return nil, &recording.Error{Path: path, Offset: -1, Found: "none of that name", Expected: fmt.Sprintf("an array %q", name),
				Remedy: "it holds " + strings.Join(have, ", ")}
		}
		a := *f.Arrays[i].Data
		a.Name = name
		out = append(out, &a)
	}
	return out, nil
}

// open takes a file of time series for a recording: vertices are channels, arrays are frames.
func open(path string) (*recording.Recording, error) {
	f, err := Read(path)
	if err != nil {
		return nil, err
	}
	var frames []*recording.Array
	step := 0.0 // milliseconds
	for _, a := range f.Arrays {
		if a.Intent == "time_series" && len(a.Data.Dims) == 1 {
			frames = append(frames, a.Data)
			if v, err := strconv.ParseFloat(a.Metadata["TimeStep"], 64); err == nil && v > 0 {
				step = v
			}
		}
	}
	if len(frames) == 0 {
		return nil, &recording.Error{Path: path, Offset: -1, Found: "arrays of " + strings.Join(f.intents(), ", "), Expected: "time series", Remedy: "read it as arrays"}
	}
	n := frames[0].Len()
	r := &recording.Recording{Frames: int64(len(frames)), Channels: make([]recording.Channel, n)}
	if step > 0 {
		r.Rate = 1000 / step
	}
	for i := range r.Channels {
		r.Channels[i].Name = fmt.Sprintf("vertex %d", i)
	}
	var samples []float32
	for i, a := range frames {
		if a.Len() != n {
			return nil, &recording.Error{Path: path, Field: fmt.Sprintf("time series %d", i+1), Offset: -1, Found: fmt.Sprintf("%d vertices", a.Len()), Expected: fmt.Sprintf("%d, as in the first", n)}
		}
		x, err := a.Float32s()
		if err != nil {
			return nil, f.at(err)
		}
		samples = append(samples, x...)
	}
	r.Samples = recording.Memory{Data: samples, Channels: n}
	return r, nil
}

func describe(path string) (*recording.Description, error) {
	f, err := Read(path)
	if err != nil {
		return nil, err
	}
	d := &recording.Description{Items: []recording.Item{}}
	property := func(name, format string, args ...any) {
		d.Properties = append(d.Properties, recording.Property{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	if s, err := f.Surface(); err == nil {
		property("surface", "%d points, %d triangles", len(s.Points), len(s.Triangles))
	} else if f.first("triangle") != nil {
		d.Warnings = append(d.Warnings, err.Error())
	}
	if len(f.Labels) > 0 {
		property("labels", "%d", len(f.Labels))
	}
	for _, key := range []string{"AnatomicalStructurePrimary", "AnatomicalStructureSecondary", "GeometricType"} {
		for _, a := range f.Arrays {
			if v := a.Metadata[key]; v != "" {
				property(key, "%s", v)
				break
			}
		}
	}
	for i, name := range f.names() {
		a := f.Arrays[i]
		item := recording.Item{Name: name, Type: a.Data.Type(), Dims: a.Data.Dims, Range: recording.RangeOf(a.Data)}
		if name != a.Intent {
			item.Text = a.Intent
		}
		d.Items = append(d.Items, item)
	}
	if f.Declared >= 0 && f.Declared != len(f.Arrays) {
		d.Warnings = append(d.Warnings, fmt.Sprintf("the file announces %d arrays and has %d", f.Declared, len(f.Arrays)))
	}
	return d, nil
}
