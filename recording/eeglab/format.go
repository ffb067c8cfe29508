package eeglab

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "eeglab", Title: "EEGLAB dataset", Extensions: []string{"set"},
		Match: match, Describe: describe, Arrays: arrays, Open: openRecording,
	})
}

// match goes by the name: the content is that of any MAT-file.
func match(h recording.Head) recording.Confidence {
	switch {
	case h.Gzip || h.Ext != "set":
		return recording.No
	case bytes.HasPrefix(h.Data, []byte("MATLAB")):
		return recording.Sure
	}
	return recording.Likely
}

func openRecording(path string) (*recording.Recording, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	r, err := f.Recording()
	if err != nil {
		f.Close()
	}
	return r, err
}

// describe says what is in a dataset; epochs are laid end to end for the ranges of their channels.
func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Trials == 1 {
		return recording.DescribeWith(func(string) (*recording.Recording, error) { return f.Recording() })(path)
	}
	r := &recording.Recording{Channels: f.Channels, Rate: f.Rate, Frames: int64(f.Samples) * int64(f.Trials), Samples: f.data,
		Metadata: map[string]string{"epochs": fmt.Sprintf("%d, of %d samples from %g s on", f.Trials, f.Samples, f.Begin)}}
	if f.Name != "" {
		r.Metadata["name"] = f.Name
	}
	for _, e := range f.Events {
		r.Events = append(r.Events, recording.Event{Onset: e.Latency / f.Rate, Duration: e.Duration / f.Rate, Label: e.Type})
	}
	return r.Describe()
}

// arrays gives the samples and what their axes mean.
func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e, err := f.Epochs()
	if err != nil {
		return nil, err
	}
	n := len(f.Channels)
	data := &recording.Array{Name: "data", Dims: []int{f.Trials, n, f.Samples}, Data: e.Data}
	times := make([]float64, f.Samples)
	for i := range times {
		times[i] = f.Begin + float64(i)/f.Rate
	}
	channels := make([]string, n)
	for i, c := range f.Channels {
		channels[i] = c.Name
	}
	all := []*recording.Array{data, {Name: "times", Dims: []int{f.Samples}, Data: times}, {Name: "channels", Dims: []int{n}, Data: channels}}
	if f.Trials == 1 {
		data.Dims = data.Dims[1:]
	} else {
		all = append(all, &recording.Array{Name: "labels", Dims: []int{f.Trials}, Data: e.Labels})
	}
	if len(names) == 0 {
		return all, nil
	}
	var out []*recording.Array
	for _, name := range names {
		i := slices.IndexFunc(all, func(a *recording.Array) bool { return a.Name == name })
		if i < 0 {
			var have []string
			for _, a := range all {
				have = append(have, a.Name)
			}
			return nil, &recording.Error{Path: path, Offset: -1, Found: "none of that name", Expected: fmt.Sprintf("an array %q", name), Remedy: "it holds " + strings.Join(have, ", ")}
		}
		out = append(out, all[i])
	}
	return out, nil
}
