package fif

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "fif", Title: "FIF (MEG and EEG)", Extensions: []string{"fif"},
		Match: match, Describe: describe, Arrays: arrays, Open: openRecording,
	})
}

func match(h recording.Head) recording.Confidence {
	switch {
	case bytes.HasPrefix(h.Data, []byte("\x00\x00\x00\x64\x00\x00\x00\x1f\x00\x00\x00\x14")):
		return recording.Sure
	case h.Ext == "fif":
		return recording.Likely // opening it will say what is wrong
	}
	return recording.No
}

func openRecording(path string) (*recording.Recording, error) {
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

// arrays gives averages (one array for each, called by its comment, and the times of each under "times of ...") or epochs
// ("epochs", "codes", "times").
func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []*recording.Array
	switch {
	case f.epochs() != nil:
		e, err := f.Epochs()
		if err != nil {
			return nil, err
		}
		data, err := e.Array()
		if err != nil {
			return nil, err
		}
		all = []*recording.Array{data, e.Codes(), {Name: "times", Dims: []int{len(e.Times)}, Data: e.Times}}
	case f.Info != nil && f.root.first(blockEvoked) != nil:
		list, err := f.Evokeds()
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			all = append(all, e.Array(), &recording.Array{Name: "times of " + e.Name(), Dims: []int{len(e.Times)}, Data: e.Times})
		}
	case f.raw() != nil:
		return nil, &recording.Error{Path: path, Offset: -1, Found: "a continuous recording", Expected: "averages or epochs", Remedy: "open it as a recording"}
	default:
		return nil, &recording.Error{Path: path, Offset: -1, Found: "neither averages nor epochs", Expected: "one of them"}
	}
	if len(names) == 0 {
		return all, nil
	}
	var out []*recording.Array
	for _, name := range names {
		i := slices.IndexFunc(all, func(a *recording.Array) bool { return a.Name == name })
		if i < 0 {
			var there []string
			for _, a := range all {
				there = append(there, a.Name)
			}
			return nil, &recording.Error{Path: path, Offset: -1, Found: "none of that name", Expected: fmt.Sprintf("an array %q", name),
				Remedy: "it holds " + strings.Join(there, ", ")}
		}
		out = append(out, all[i])
	}
	return out, nil
}

func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &recording.Description{Items: []recording.Item{}}
	property := func(name, format string, args ...any) {
		d.Properties = append(d.Properties, recording.Property{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	switch {
	case f.raw() != nil && f.Info != nil:
		r, err := f.Recording(Options{})
		if err != nil {
			return nil, err
		}
		defer r.Close()
		d, err := r.Describe()
		if err == nil {
			d.Title = "FIF: continuous recording"
		}
		return d, err
	case f.epochs() != nil && f.Info != nil:
		e, err := f.Epochs()
		if err != nil {
			return nil, err
		}
		d.Title = "FIF: epochs"
		f.describeInfo(property)
		labels := map[string]int{}
		for _, t := range e.Trials {
			labels[t.Label]++
		}
		for _, name := range sortedKeys(labels) {
			property("trials of "+name, "%d", labels[name])
		}
		item := recording.Item{Name: "epochs", Type: "complex128", Dims: []int{len(e.Trials), len(e.Channels), len(e.Times)}, Text: span(e.Times)}
		if !e.Complex {
			item.Type, item.Range = "float64", &recording.Range{}
			for i := range e.Trials {
				x, err := e.Read(i)
				if err != nil {
					return nil, err
				}
				for _, v := range x {
					item.Range.Add(v)
				}
			}
		}
		d.Items = append(d.Items, item,
			recording.Item{Name: "codes", Type: "int64", Dims: []int{len(e.Trials)}, Range: recording.RangeOf(e.Codes())})
	case f.root.first(blockEvoked) != nil && f.Info != nil:
		list, err := f.Evokeds()
		if err != nil {
			return nil, err
		}
		d.Title = "FIF: averages"
		f.describeInfo(property)
		for _, e := range list {
			d.Items = append(d.Items, recording.Item{Name: e.Name(), Type: e.Array().Type(), Dims: e.Array().Dims, Range: recording.RangeOf(e.Array()),
				Text: fmt.Sprintf("%d trials, %s", e.Averages, span(e.Times))})
		}
	default:
		all, err := f.Transforms()
		if err != nil {
			return nil, err
		}
		for _, t := range all {
			d.Items = append(d.Items, recording.Item{Name: fmt.Sprintf("%s to %s", t.From, t.To), Type: "transform",
				Text: fmt.Sprintf("moves by (%.1f, %.1f, %.1f) mm", 1e3*t.Move[0], 1e3*t.Move[1], 1e3*t.Move[2])})
		}
		points, err := f.Points()
		if err != nil {
			return nil, err
		}
		if len(points) > 0 {
			property("digitised points", "%d", len(points))
		}
		kinds := map[string]int{}
		var walk func(*block)
		walk = func(b *block) {
			for _, inner := range b.blocks {
				kinds[fmt.Sprint(inner.kind)]++
				walk(inner)
			}
		}
		walk(f.root)
		if len(kinds) > 0 {
			property("blocks of kind", "%s", strings.Join(sortedKeys(kinds), ", "))
		}
	}
	return d, nil
}

// describeInfo notes what the averages and epochs of a file have in common.
func (f *File) describeInfo(property func(name, format string, args ...any)) {
	types := map[string]int{}
	for _, c := range f.Info.Channels {
		types[c.Type()]++
	}
	var list []string
	for _, t := range sortedKeys(types) {
		list = append(list, fmt.Sprintf("%d %s", types[t], t))
	}
	property("channels", "%d (%s)", len(f.Info.Channels), strings.Join(list, ", "))
	property("rate", "%.6g Hz", f.Info.Rate)
	if len(f.Info.Bads) > 0 {
		property("bad channels", "%s", strings.Join(f.Info.Bads, ", "))
	}
	if n := len(f.Info.Projectors); n > 0 {
		property("projectors", "%d", n)
	}
	if text := f.Info.compensationText(); text != "" {
		property("compensation", "%s", text)
	}
}

func sortedKeys(m map[string]int) []string {
	return slices.Sorted(maps.Keys(m))
}

func span(times []float64) string {
	if len(times) == 0 {
		return "no samples"
	}
	return fmt.Sprintf("%.4g .. %.4g s", times[0], times[len(times)-1])
}
