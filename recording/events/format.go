package events

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "aedat", Title: "AEDAT (event camera)", Extensions: []string{"aedat", "aedat4"},
		Match: func(h recording.Head) recording.Confidence {
			switch {
			case !h.Gzip && bytes.HasPrefix(h.Data, []byte(magic)):
				return recording.Sure
			case !h.Gzip && (h.Ext == "aedat" || h.Ext == "aedat4"):
				return recording.Likely // opening it will say what is wrong
			}
			return recording.No
		},
		Describe: describe, Arrays: arrays,
	})
	recording.Register(recording.Format{
		Name: "nmnist", Title: "N-MNIST events", Extensions: []string{"bs2"},
		Match: func(h recording.Head) recording.Confidence {
			if h.Ext == "bs2" && !h.Gzip {
				return recording.Likely // it has no mark
			}
			return recording.No
		},
		Describe: describe, Arrays: arrays,
	})
}

// arrays gives the events as four arrays of equal length: "x", "y", "on" and "t" (microseconds).
func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e, err := f.Read()
	if err != nil {
		return nil, err
	}
	dims := []int{e.Len()}
	all := []*recording.Array{{Name: "x", Dims: dims, Data: e.X}, {Name: "y", Dims: dims, Data: e.Y}, {Name: "on", Dims: dims, Data: e.On}, {Name: "t", Dims: dims, Data: e.T}}
	if len(names) == 0 {
		return all, nil
	}
	var out []*recording.Array
	for _, name := range names {
		i := slices.IndexFunc(all, func(a *recording.Array) bool { return a.Name == name })
		if i < 0 {
			return nil, &recording.Error{Path: path, Offset: -1, Found: "none of that name", Expected: fmt.Sprintf("an array %q", name), Remedy: "it holds x, y, on, t"}
		}
		out = append(out, all[i])
	}
	return out, nil
}

// describe reads the file through once.
func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var x, y, t, on recording.Range
	early, last := 0, int64(math.MinInt64)
	triggers := map[string]int{}
	s := sink{skipped: map[string]int{}, trigger: func(t Trigger) { triggers[t.Kind]++ }, flush: func(e Events) error {
		for i, at := range e.T {
			x.Add(float64(e.X[i]))
			y.Add(float64(e.Y[i]))
			t.Add(float64(at))
			if at < last {
				early++
			}
			last = at
			if e.On[i] {
				on.Add(1)
			} else {
				on.Add(0)
			}
		}
		return nil
	}}
	if err := f.read(&s); err != nil {
		return nil, err
	}
	if err := s.rest(); err != nil {
		return nil, err
	}
	d := &recording.Description{Title: f.Format + " (event camera)"}
	property := func(name, format string, args ...any) {
		d.Properties = append(d.Properties, recording.Property{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	if f.Camera != "" {
		property("camera", "%s", f.Camera)
	}
	if f.Width > 0 {
		property("sensor", "%d x %d pixels", f.Width, f.Height)
	}
	if !f.Start.IsZero() {
		property("start", "%s", f.Start.Format("2006-01-02 15:04:05 MST"))
	}
	property("events", "%d, %.0f %% of them on (brighter)", t.Finite, 100*on.Mean)
	if t.Finite > 0 {
		property("length", "%.6g s", (t.Max-t.Min)/1e6)
	}
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(triggers)) {
		list = append(list, fmt.Sprintf("%d %s", triggers[kind], kind))
	}
	if len(list) > 0 {
		property("triggers", "%s", strings.Join(list, ", "))
	}
	for _, what := range slices.Sorted(maps.Keys(s.skipped)) {
		property(what, "%d, not read", s.skipped[what])
	}
	if early > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%d events are earlier than the one before them", early))
	}
	for _, it := range []recording.Item{{Name: "x", Type: "uint16", Range: &x}, {Name: "y", Type: "uint16", Range: &y}, {Name: "on", Type: "bool", Range: &on}, {Name: "t", Type: "int64", Range: &t}} {
		it.Dims = []int{t.Finite}
		d.Items = append(d.Items, it)
	}
	return d, nil
}
