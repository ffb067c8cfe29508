package snirf

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// Recording gives the only block of data of the file as a recording; a file with several is an error that lists them. Closing
// the recording does not close the file.
func (f *File) Recording() (*recording.Recording, error) {
	var paths []string
	var only *Data
	for _, r := range f.Runs {
		for _, d := range r.Data {
			only = d
			paths = append(paths, d.Path)
		}
	}
	if len(paths) != 1 {
		return nil, f.fail("", fmt.Sprintf("%d blocks of data %s", len(paths), strings.Join(paths, ", ")), "one", "choose with package snirf: File.Runs lists them")
	}
	return only.Recording()
}

// Recording gives a block of data as a recording. Channels are called after source, detector and wavelength or kind ("S1_D2
// 760", "S1_D2 hbo"; in the frequency domain "S1_D2 760 ac" and "S1_D2 760 phase", with the modulation before it if there are several),
// and placed half way between the two. Auxiliary signals that were sampled at the same times follow as
// channels of type "misc". Stimuli are events.
func (d *Data) Recording() (*recording.Recording, error) {
	run := d.run
	r := &recording.Recording{Rate: d.Rate, Frames: int64(d.Frames), Metadata: map[string]string{}}
	for name, value := range run.Metadata {
		r.Metadata[name] = value
	}
	if !run.Start.IsZero() {
		r.Start = run.Start.Add(time.Duration(d.Start * float64(time.Second)))
	}
	src := &source{parts: []*hdf5.Dataset{d.data}, widths: []int{len(d.Channels)}, frames: d.Frames}
	for _, c := range d.Channels {
		r.Channels = append(r.Channels, run.described(c))
	}
	for _, a := range run.Aux {
		if a.Frames != d.Frames || math.Abs(a.Rate-d.Rate) > 1e-6*d.Rate || math.Abs(a.Start-d.Start)*d.Rate > 0.5 {
			continue
		}
		if t := a.data.Type(); t.IsText() || t.IsComplex() {
			continue
		}
		width := 1
		if dims := a.data.Dims(); len(dims) == 2 {
			width = dims[1]
		}
		if width > maxAux {
			continue
		}
		for i := range width {
			name := cmp.Or(a.Name, "aux")
			if width > 1 {
				name = fmt.Sprintf("%s %d", name, i+1)
			}
			r.Channels = append(r.Channels, recording.Channel{Name: name, Type: "misc", Unit: a.Unit})
		}
		src.parts = append(src.parts, a.data)
		src.widths = append(src.widths, width)
	}
	src.channels = len(r.Channels)
	r.Samples = src
	for _, s := range run.Stimuli {
		for i, at := range s.Onsets {
			r.Events = append(r.Events, recording.Event{Onset: at - d.Start, Duration: s.Durations[i], Label: s.Name})
		}
	}
	slices.SortStableFunc(r.Events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return r, nil
}

// maxAux bounds the channels of an auxiliary signal that go into a recording.
const maxAux = 1024

// frequencyDomain tells whether a data type is of light that is modulated: amplitude and phase, also of fluorescence.
func frequencyDomain(dataType int) bool { return dataType > 100 && dataType < 200 }

// processed is the data type of what was computed from the raw data; the label says how.
const processed = 99999

// described puts a channel into the words of package recording.
func (r *Run) described(c Channel) recording.Channel {
	out := recording.Channel{Unit: c.Unit}
	kind, what := "", ""
	switch {
	case c.DataType == 1:
		out.Type = "fnirs_cw_amplitude"
	case c.DataType == 101:
		out.Type, what = "fnirs_fd_ac_amplitude", "ac"
	case c.DataType == 102:
		out.Type, what = "fnirs_fd_phase", "phase"
	case c.DataType == processed:
		switch kind = strings.ToLower(c.Label); kind {
		case "hbo", "hbr":
			out.Type = kind
		case "dod":
			out.Type, kind = "fnirs_od", ""
		}
	}
	if kind == "" && c.Wavelength > 0 {
		kind = fmt.Sprint(math.Round(c.Wavelength))
	}
	if len(r.Frequencies) > 1 && c.Frequency > 0 {
		what = fmt.Sprintf("%g MHz %s", c.Frequency/1e6, what)
	}
	out.Name = strings.TrimSpace(strings.TrimSpace(fmt.Sprintf("S%d_D%d %s", c.Source, c.Detector, kind)) + " " + what)
	if c.Source > 0 && c.Source <= len(r.Sources) && c.Detector > 0 && c.Detector <= len(r.Detectors) {
		if a, b := r.Sources[c.Source-1].Position, r.Detectors[c.Detector-1].Position; a != nil && b != nil {
			out.Position = &[3]float64{(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2}
		}
	}
	return out
}

// source reads the samples of datasets side by side.
type source struct {
	parts    []*hdf5.Dataset
	widths   []int // channels of each
	channels int
	frames   int
	owner    io.Closer // the file, when the recording closes it
}

// ReadFrames implements recording.Source.
func (s *source) ReadFrames(dst []float32, first int64) (int, error) {
	if first < 0 || first >= int64(s.frames) || s.channels == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(dst)/s.channels), int64(s.frames)-first))
	at := 0
	for i, d := range s.parts {
		slab := hdf5.Slab{Start: make([]int, len(d.Dims())), Count: d.Dims()}
		slab.Start[0], slab.Count[0] = int(first), n
		x, err := d.Read(slab)
		if err != nil {
			return 0, err
		}
		values, err := x.Float32s()
		if err != nil {
			return 0, err
		}
		width := s.widths[i]
		for frame := range n {
			copy(dst[frame*s.channels+at:], values[frame*width:(frame+1)*width])
		}
		at += width
	}
	if n < len(dst)/s.channels {
		return n, io.EOF
	}
	return n, nil
}

// Close implements recording.Source.
func (s *source) Close() error {
	if s.owner == nil {
		return nil
	}
	return s.owner.Close()
}
