package nwb

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// Series is samples in time: a TimeSeries of NWB, or what is derived from it.
type Series struct {
	Path        string
	Name        string
	Type        string // of NWB: "TimeSeries", "ElectricalSeries", "RoiResponseSeries", "SpatialSeries", "ImageSeries" ...
	Description string
	Comments    string
	// Unit is what samples are in once they are converted: the stored value times Conversion (and the channel's factor, if
	// there are any), plus Offset.
	Unit               string
	Conversion, Offset float64
	ChannelConversion  []float64
	Dims               []int   // of the samples, time first; nil when the file holds none
	Rate               float64 // samples per second; 0 when the file lists timestamps instead
	StartingTime       float64 // of the first sample, seconds after File.Reference, when there is a Rate
	// Rows are the rows of the table at TableOfRows that channels stand for: electrodes, or regions of interest.
	Rows        []int
	TableOfRows string
	Files       []string // where the frames of an image series lie, when they lie in other files

	f    *File
	data *hdf5.Dataset
	time *hdf5.Dataset // timestamps
}

// Series reads the description of the series at path, and none of its samples.
func (f *File) Series(path string) (*Series, error) {
	g, err := f.h5.Group(path)
	if err != nil {
		return nil, err
	}
	s := &Series{Path: g.Path(), Name: base(g.Path()), Type: describeAttribute(g, "neurodata_type"), Description: describeAttribute(g, "description"),
		Comments: describeAttribute(g, "comments"), Conversion: 1, f: f}
	if g.Has("data") {
		if s.data, err = g.Dataset("data"); err != nil {
			return nil, err
		}
		s.Dims = s.data.Dims()
		s.Unit = describeAttribute(s.data, "unit")
		for name, value := range map[string]*float64{"conversion": &s.Conversion, "offset": &s.Offset} {
			if err := number(s.data, name, value); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case g.Has("starting_time"):
		start, err := g.Dataset("starting_time")
		if err != nil {
			return nil, err
		}
		if s.StartingTime, err = start.Number(); err != nil {
			return nil, err
		}
		if err := number(start, "rate", &s.Rate); err != nil {
			return nil, err
		}
		if !(s.Rate > 0) || math.IsInf(s.Rate, 0) || math.IsNaN(s.StartingTime) || math.IsInf(s.StartingTime, 0) {
			return nil, f.fail(fmt.Sprintf("%q", start.Path()), fmt.Sprintf("a start at %g s and a rate of %g", s.StartingTime, s.Rate), "a time and a positive rate", "")
		}
	case g.Has("timestamps"):
		if s.time, err = f.timestamps(g); err != nil {
			return nil, err
		}
	default:
		return nil, f.fail(fmt.Sprintf("%q", g.Path()), "neither a starting time nor timestamps", "a series", "the series are "+listed(f.series))
	}
	if g.Has("channel_conversion") {
		d, err := g.Dataset("channel_conversion")
		if err != nil {
			return nil, err
		}
		x, err := d.Read(hdf5.Slab{})
		if err != nil {
			return nil, err
		}
		if s.ChannelConversion, err = x.Float64s(); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"electrodes", "rois"} {
		if g.Has(name) {
			if err := s.rows(g, name); err != nil {
				return nil, err
			}
		}
	}
	if g.Has("external_file") {
		if d, err := g.Dataset("external_file"); err == nil {
			if x, err := d.Read(hdf5.Slab{}); err == nil {
				s.Files, _ = x.Data.([]string)
			}
		}
	}
	return s, nil
}

// maxNames is how many names an error lists.
const maxNames = 20

func listed(names []string) string {
	if len(names) > maxNames {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
	}
	return strings.Join(names, ", ")
}

// number reads an attribute that may be missing.
func number(o hdf5.Object, name string, value *float64) error {
	if !o.HasAttribute(name) {
		return nil
	}
	a, err := o.Attribute(name)
	if err != nil {
		return err
	}
	*value, err = a.Number()
	return err
}

// timestamps finds the timestamps of a series, which may be those of another: some files link to that series instead of to
// its timestamps.
func (f *File) timestamps(g *hdf5.Group) (*hdf5.Dataset, error) {
	for range 8 {
		o, err := g.Lookup("timestamps")
		if err != nil {
			return nil, err
		}
		switch o := o.(type) {
		case *hdf5.Dataset:
			if len(o.Dims()) != 1 {
				return nil, f.fail(fmt.Sprintf("%q", o.Path()), recording.FormatDims(o.Dims())+" timestamps", "a list", "")
			}
			return o, nil
		case *hdf5.Group:
			g = o
		}
	}
	return nil, f.fail(fmt.Sprintf("%q", g.Path()), "timestamps that lead on and on", "timestamps", "")
}

// rows reads which rows of a table the channels stand for.
func (s *Series) rows(g *hdf5.Group, name string) error {
	d, err := g.Dataset(name)
	if err != nil {
		return err
	}
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return err
	}
	numbers, err := x.Float64s()
	if err != nil {
		return err
	}
	s.Rows = make([]int, len(numbers))
	for i, v := range numbers {
		s.Rows[i] = int(v)
	}
	if a, err := d.Attribute("table"); err == nil {
		s.TableOfRows, err = s.f.attributePath(a)
		return err
	}
	return nil
}

// Frames is the number of samples along time.
func (s *Series) Frames() int {
	if len(s.Dims) == 0 {
		return 0
	}
	return s.Dims[0]
}

// Read gives samples as the file stores them, not converted. Series that hold none are an error.
func (s *Series) Read(slab hdf5.Slab) (*recording.Array, error) {
	if s.data == nil {
		return nil, s.fail("no samples", "some", "")
	}
	return s.data.Read(slab)
}

func (s *Series) fail(found, expected, remedy string) error {
	return s.f.fail(fmt.Sprintf("%q", s.Path), found, expected, remedy)
}

// Converted gives samples in the series' unit: real numbers only.
func (s *Series) Converted(slab hdf5.Slab) (*recording.Array, error) {
	x, err := s.Read(slab)
	if err != nil {
		return nil, err
	}
	values, err := x.Float64s()
	if err != nil {
		return nil, err
	}
	if _, own := x.Data.([]float64); !own || s.Conversion != 1 || s.Offset != 0 || s.ChannelConversion != nil {
		factors, err := s.factors(slab, x.Dims)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			values[i] = v*factors[i%len(factors)] + s.Offset
		}
	}
	x.Data = values
	return x, nil
}

// factors are those of the values that a frame of a slab consists of.
func (s *Series) factors(slab hdf5.Slab, dims []int) ([]float64, error) {
	if s.ChannelConversion == nil {
		return []float64{s.Conversion}, nil
	}
	if len(s.Dims) < 2 || len(s.ChannelConversion) != s.Dims[1] {
		return nil, s.fail(fmt.Sprintf("factors for %d channels and samples %s", len(s.ChannelConversion), recording.FormatDims(s.Dims)), "one for each channel", "")
	}
	start, step, inner := 0, 1, 1
	if slab.Start != nil {
		start = slab.Start[1]
	}
	if slab.Step != nil {
		step = slab.Step[1]
	}
	for _, d := range dims[2:] {
		inner *= d
	}
	out := make([]float64, 0, dims[1]*inner)
	for c := range dims[1] {
		for range inner {
			out = append(out, s.Conversion*s.ChannelConversion[start+c*step])
		}
	}
	if len(out) == 0 {
		out = []float64{s.Conversion}
	}
	return out, nil
}

// Timestamps gives the time of every sample in seconds after File.Reference, computed from the rate if there is one.
func (s *Series) Timestamps() ([]float64, error) {
	if s.time == nil {
		if int64(s.Frames()) > maxTimestamps {
			return nil, s.fail(fmt.Sprintf("%d samples", s.Frames()), fmt.Sprintf("at most %d to list times of", maxTimestamps), "compute them: StartingTime + i/Rate")
		}
		out := make([]float64, s.Frames())
		for i := range out {
			out[i] = s.StartingTime + float64(i)/s.Rate
		}
		return out, nil
	}
	x, err := s.time.Read(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	return x.Float64s()
}

// maxTimestamps bounds how many times are computed: a few bytes can declare any number of samples.
const maxTimestamps = 1 << 28

// timing is when the samples of a series were taken.
type timing struct {
	frames int
	rate   float64
	start  float64 // of the first, seconds after File.Reference
	gaps   []recording.Gap
}

// timing finds the rate of a series, from its timestamps if need be.
func (s *Series) timing() (timing, error) {
	t := timing{frames: s.Frames(), rate: s.Rate, start: s.StartingTime}
	if s.time == nil {
		return t, nil
	}
	at, err := s.Timestamps()
	if err != nil {
		return t, err
	}
	if len(at) != t.frames {
		return t, s.fail(fmt.Sprintf("%d timestamps for %d samples", len(at), t.frames), "one for each", "read them with Read and Timestamps")
	}
	var ok bool
	if t.rate, t.gaps, ok = regular(at); !ok {
		return t, s.fail("timestamps at irregular distances", "a rate, or even distances apart from gaps", "read them with Converted and Timestamps")
	}
	t.start = at[0]
	return t, nil
}

// Timestamps count as evenly spaced when distances differ from the usual one by less than jitter, as far as no gap lies
// between, and no sample lies farther than half the usual distance from where the rate puts it. A distance counts as a gap
// when it is longer than usual by half, and less than one in ten may.
const jitter = 0.05

// regular finds the rate of evenly spaced timestamps, and the gaps between them.
func regular(at []float64) (rate float64, gaps []recording.Gap, ok bool) {
	if len(at) < 3 {
		return 0, nil, false
	}
	steps := make([]float64, len(at)-1)
	for i := range steps {
		steps[i] = at[i+1] - at[i]
	}
	sorted := slices.Clone(steps)
	sort.Float64s(sorted)
	usual := sorted[len(sorted)/2]
	if !(usual > 0) || math.IsInf(usual, 0) {
		return 0, nil, false
	}
	sum, n := 0.0, 0
	for _, d := range steps {
		if math.Abs(d-usual) <= jitter*usual {
			sum += d
			n++
		}
	}
	step := sum / float64(n)
	run := 0 // the sample that the present run without gaps begins with
	for i, d := range steps {
		switch {
		case math.Abs(d-usual) <= jitter*usual:
			if off := at[i+1] - at[run] - float64(i+1-run)*step; math.Abs(off) > step/2 {
				return 0, nil, false
			}
		case d > 1.5*usual && !math.IsInf(d, 0):
			gaps = append(gaps, recording.Gap{Frame: int64(i + 1), Seconds: d - step})
			run = i + 1
		default:
			return 0, nil, false
		}
	}
	if len(gaps)*10 >= len(at) {
		return 0, nil, false
	}
	return 1 / step, gaps, true
}
