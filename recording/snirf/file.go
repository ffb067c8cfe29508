package snirf

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// File is an open SNIRF file.
type File struct {
	Version string
	Runs    []*Run

	h5   *hdf5.File
	path string
}

// Run is one measurement: a group "nirs" of the file.
type Run struct {
	Path        string
	Metadata    map[string]string // SubjectID, MeasurementDate, LengthUnit ...
	Start       time.Time         // zero when the file does not tell
	Wavelengths []float64         // nanometres
	Frequencies []float64         // Hz, of the light's modulation; nil outside the frequency domain
	Sources     []Optode
	Detectors   []Optode
	Stimuli     []Stimulus
	Data        []*Data
	Aux         []*Aux

	f *File
}

// Optode is a source or detector of light.
type Optode struct {
	Label    string
	Position *[3]float64 // metres, in the file's own frame; nil when not known. Of positions in two dimensions, z is 0.
}

// Stimulus is a condition and when it was shown.
type Stimulus struct {
	Name   string
	Onsets []float64 // seconds, on the clock of the data
	// Durations, seconds, and Amplitudes of each; as long as Onsets.
	Durations, Amplitudes []float64
}

// Data is a block of channels sampled together.
type Data struct {
	Path     string
	Channels []Channel
	Frames   int
	Rate     float64 // samples per second
	Start    float64 // of the first sample, seconds on the clock of the run

	data *hdf5.Dataset
	run  *Run
}

// Channel says what one column of a Data is.
type Channel struct {
	Source, Detector int     // from 1, as the file counts them
	Wavelength       float64 // nanometres; 0 when the channel has none, as concentrations
	DataType         int     // of SNIRF: 1 for continuous-wave amplitudes, 101 and 102 for AC amplitude and phase of the frequency domain, 99999 for processed data ...
	Frequency        float64 // Hz, of the light's modulation in the frequency domain; 0 when not known
	Label            string  // of processed data: "HbO", "HbR", "dOD" ...
	Unit             string
}

// Aux is an auxiliary signal with a clock of its own.
type Aux struct {
	Name   string
	Unit   string
	Frames int
	Rate   float64 // samples per second; 0 when its times are irregular
	Start  float64 // of the first sample, seconds on the clock of the run

	data *hdf5.Dataset
}

// Read gives the samples of an auxiliary signal, frames x channels or frames.
func (a *Aux) Read(s hdf5.Slab) (*recording.Array, error) { return a.data.Read(s) }

// Read gives samples, frames x channels.
func (d *Data) Read(s hdf5.Slab) (*recording.Array, error) { return d.data.Read(s) }

// Open opens the SNIRF file at path. Close it when done.
func Open(path string) (*File, error) {
	h5, err := hdf5.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := newFile(h5, path)
	if err != nil {
		h5.Close()
		return nil, err
	}
	return f, nil
}

// NewFile opens a SNIRF file of size bytes read through r; name stands for it in errors.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	h5, err := hdf5.NewFile(r, size, name)
	if err != nil {
		return nil, err
	}
	return newFile(h5, name)
}

func newFile(h5 *hdf5.File, path string) (*File, error) {
	f := &File{h5: h5, path: path}
	root, err := h5.Root()
	if err != nil {
		return nil, err
	}
	f.Version = text(root, "formatVersion")
	runs, err := numbered(root, "nirs")
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, f.fail("", "no group nirs", "a SNIRF file", "")
	}
	for _, name := range runs {
		g, err := root.Group(name)
		if err != nil {
			return nil, err
		}
		run, err := f.run(g)
		if err != nil {
			return nil, err
		}
		f.Runs = append(f.Runs, run)
	}
	return f, nil
}

// HDF5 is the file underneath.
func (f *File) HDF5() *hdf5.File { return f.h5 }

// Close releases the file; recordings of its data end.
func (f *File) Close() error { return f.h5.Close() }

func (f *File) fail(field, found, expected, remedy string) error {
	if field != "" {
		field = fmt.Sprintf("%q", field)
	}
	return &recording.Error{Path: f.path, Field: field, Offset: -1, Found: found, Expected: expected, Remedy: remedy}
}

// numbered lists the members of a group whose names are a word and a number, or the word alone, by number.
func numbered(g *hdf5.Group, word string) ([]string, error) {
	links, err := g.Links()
	if err != nil {
		return nil, err
	}
	number := func(name string) int {
		rest, ok := strings.CutPrefix(name, word)
		if !ok {
			return -1
		}
		if rest == "" {
			return 0
		}
		n, err := strconv.ParseUint(rest, 10, 31)
		if err != nil {
			return -1
		}
		return int(n)
	}
	var out []string
	for _, l := range links {
		if number(l.Name) >= 0 {
			out = append(out, l.Name)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return out, nil
}

// text is a dataset of one text, or nothing. Many writers make lists of one.
func text(g *hdf5.Group, name string) string {
	if !g.Has(name) {
		return ""
	}
	d, err := g.Dataset(name)
	if err != nil || !d.Type().IsText() {
		return ""
	}
	s, _ := d.Text()
	return strings.TrimRight(s, "\x00")
}

// floats reads a dataset of numbers; nil when there is none.
func floats(g *hdf5.Group, name string) ([]float64, []int, error) {
	if !g.Has(name) {
		return nil, nil, nil
	}
	d, err := g.Dataset(name)
	if err != nil {
		return nil, nil, err
	}
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return nil, nil, err
	}
	values, err := x.Float64s()
	return values, x.Dims, err
}

// texts reads a dataset of texts; nil when there is none.
func texts(g *hdf5.Group, name string) []string {
	if !g.Has(name) {
		return nil
	}
	d, err := g.Dataset(name)
	if err != nil {
		return nil
	}
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return nil
	}
	list, _ := x.Data.([]string)
	return list
}

// lengths and times are units in metres and seconds.
var (
	lengths = map[string]float64{"m": 1, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6}
	times   = map[string]float64{"s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}

	frequencies = map[string]float64{"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
)

func (f *File) run(g *hdf5.Group) (*Run, error) {
	r := &Run{Path: g.Path(), Metadata: map[string]string{}, f: f}
	if err := r.metadata(g); err != nil {
		return nil, err
	}
	second, ok := times[cmp.Or(r.Metadata["TimeUnit"], "s")]
	if !ok {
		return nil, f.fail(g.Path()+"/metaDataTags/TimeUnit", fmt.Sprintf("%q", r.Metadata["TimeUnit"]), "s or ms", "")
	}
	if err := r.probe(g); err != nil {
		return nil, err
	}
	blocks, err := numbered(g, "data")
	if err != nil {
		return nil, err
	}
	for _, name := range blocks {
		in, err := g.Group(name)
		if err != nil {
			return nil, err
		}
		d, err := r.data(in, second)
		if err != nil {
			return nil, err
		}
		r.Data = append(r.Data, d)
	}
	stimuli, err := numbered(g, "stim")
	if err != nil {
		return nil, err
	}
	for _, name := range stimuli {
		in, err := g.Group(name)
		if err != nil {
			return nil, err
		}
		s, err := f.stimulus(in, second)
		if err != nil {
			return nil, err
		}
		r.Stimuli = append(r.Stimuli, s)
	}
	aux, err := numbered(g, "aux")
	if err != nil {
		return nil, err
	}
	for _, name := range aux {
		in, err := g.Group(name)
		if err != nil {
			return nil, err
		}
		a, err := f.aux(in, second)
		if err != nil {
			return nil, err
		}
		r.Aux = append(r.Aux, a)
	}
	return r, nil
}

// metadata reads the tags that are single texts or numbers.
func (r *Run) metadata(g *hdf5.Group) error {
	if !g.Has("metaDataTags") {
		return nil
	}
	tags, err := g.Group("metaDataTags")
	if err != nil {
		return err
	}
	links, err := tags.Links()
	if err != nil {
		return err
	}
	for _, l := range links {
		o, err := tags.Lookup(l.Name)
		if err != nil {
			continue // a tag that cannot be read does not keep the data from being read
		}
		d, ok := o.(*hdf5.Dataset)
		if !ok {
			continue
		}
		if n, err := recording.Count(d.Dims()); err != nil || n != 1 {
			continue
		}
		if x, err := d.Read(hdf5.Slab{}); err == nil {
			if list, ok := x.Data.([]string); ok && len(list) == 1 {
				r.Metadata[l.Name] = strings.TrimRight(list[0], "\x00")
			} else if v, err := x.Float64s(); err == nil && len(v) == 1 {
				r.Metadata[l.Name] = fmt.Sprint(v[0])
			}
		}
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, r.Metadata["MeasurementDate"]+" "+r.Metadata["MeasurementTime"]); err == nil {
			r.Start = t
			break
		}
	}
	return nil
}

// probe reads what is known of the optodes.
func (r *Run) probe(g *hdf5.Group) error {
	if !g.Has("probe") {
		return nil
	}
	p, err := g.Group("probe")
	if err != nil {
		return err
	}
	if r.Wavelengths, _, err = floats(p, "wavelengths"); err != nil {
		return err
	}
	if r.Frequencies, _, err = floats(p, "frequencies"); err != nil {
		return err
	}
	hertz, ok := frequencies[cmp.Or(r.Metadata["FrequencyUnit"], "Hz")]
	if !ok && len(r.Frequencies) > 0 {
		return r.f.fail(g.Path()+"/metaDataTags/FrequencyUnit", fmt.Sprintf("%q", r.Metadata["FrequencyUnit"]), "Hz, kHz, MHz or GHz", "")
	}
	for i := range r.Frequencies {
		r.Frequencies[i] *= hertz
	}
	metre, ok := lengths[cmp.Or(r.Metadata["LengthUnit"], "mm")]
	if !ok {
		return r.f.fail(g.Path()+"/metaDataTags/LengthUnit", fmt.Sprintf("%q", r.Metadata["LengthUnit"]), "m, cm or mm", "")
	}
	if r.Sources, err = r.optodes(p, "source", metre); err != nil {
		return err
	}
	r.Detectors, err = r.optodes(p, "detector", metre)
	return err
}

func (r *Run) optodes(p *hdf5.Group, kind string, metre float64) ([]Optode, error) {
	labels := texts(p, kind+"Labels")
	for _, name := range []string{kind + "Pos3D", kind + "Pos2D", kind + "Pos"} {
		x, dims, err := floats(p, name)
		if err != nil {
			return nil, err
		}
		if x == nil {
			continue
		}
		if len(dims) != 2 || dims[1] < 2 || dims[1] > 3 {
			return nil, r.f.fail(p.Path()+"/"+name, "positions "+recording.FormatDims(dims), "two or three coordinates each", "")
		}
		out := make([]Optode, dims[0])
		for i := range out {
			at := [3]float64{}
			copy(at[:], x[i*dims[1]:(i+1)*dims[1]])
			for k := range at {
				at[k] *= metre
			}
			out[i].Position = &at
			if i < len(labels) {
				out[i].Label = labels[i]
			}
		}
		return out, nil
	}
	out := make([]Optode, len(labels))
	for i, l := range labels {
		out[i].Label = l
	}
	return out, nil
}

func (r *Run) data(g *hdf5.Group, second float64) (*Data, error) {
	d := &Data{Path: g.Path(), run: r}
	var err error
	if d.data, err = g.Dataset("dataTimeSeries"); err != nil {
		return nil, err
	}
	dims := d.data.Dims()
	if len(dims) != 2 {
		return nil, r.f.fail(d.data.Path(), "samples "+recording.FormatDims(dims), "frames x channels", "")
	}
	if d.Channels, err = r.channels(g); err != nil {
		return nil, err
	}
	if len(d.Channels) != dims[1] {
		return nil, r.f.fail(d.data.Path(), fmt.Sprintf("%d channels", dims[1]), fmt.Sprintf("%d, as the measurement list has", len(d.Channels)), "")
	}
	d.Frames = dims[0]
	var even bool
	if d.Rate, d.Start, even, err = r.f.clock(g, d.Frames, second); err != nil {
		return nil, err
	}
	if !even {
		return nil, r.f.fail(g.Path()+"/time", "times at irregular distances", "even ones", "")
	}
	return d, nil
}

// jitter is how far, in parts of the usual distance, times may lie from even distances.
const jitter = 0.05

// clock reads the times of samples, which may be given by the first and the distance. Rate is 0 when there are too few.
func (f *File) clock(g *hdf5.Group, frames int, second float64) (rate, start float64, even bool, err error) {
	at, _, err := floats(g, "time")
	if err != nil {
		return 0, 0, false, err
	}
	fail := func(found string) (float64, float64, bool, error) {
		return 0, 0, false, f.fail(g.Path()+"/time", found, fmt.Sprintf("the times of %d samples, or the first one and the distance", frames), "")
	}
	step := 0.0
	switch {
	case len(at) == 0:
		return fail("nothing")
	case len(at) == 2 && frames != 2:
		step = at[1]
	case len(at) != frames:
		return fail(fmt.Sprintf("%d times", len(at)))
	case frames > 1:
		step = (at[frames-1] - at[0]) / float64(frames-1)
		for i := 1; i < frames; i++ {
			if !(math.Abs(at[i]-at[0]-float64(i)*step) <= step/2) || !(math.Abs(at[i]-at[i-1]-step) <= jitter*step+1e-9) {
				return 0, at[0] * second, false, nil
			}
		}
	}
	if frames > 1 && (!(step > 0) || math.IsInf(step, 0)) || math.IsNaN(at[0]) || math.IsInf(at[0], 0) {
		return fail(fmt.Sprintf("a start at %g and a distance of %g", at[0], step))
	}
	if step > 0 {
		rate = 1 / (step * second)
	}
	return rate, at[0] * second, true, nil
}

// channels reads the measurement list: a group for each channel, or, since version 1.1, one group of lists.
func (r *Run) channels(g *hdf5.Group) ([]Channel, error) {
	if g.Has("measurementLists") {
		return r.lists(g)
	}
	names, err := numbered(g, "measurementList")
	if err != nil {
		return nil, err
	}
	out := make([]Channel, len(names))
	for i, name := range names {
		in, err := g.Group(name)
		if err != nil {
			return nil, err
		}
		number := func(name string) (float64, error) {
			v, _, err := floats(in, name)
			if err != nil || len(v) == 0 {
				return 0, err
			}
			return v[0], nil
		}
		var values [6]float64
		for k, name := range channelNumbers {
			if values[k], err = number(name); err != nil {
				return nil, err
			}
		}
		if out[i], err = r.channel(in.Path(), values, text(in, "dataTypeLabel"), text(in, "dataUnit")); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// channelNumbers are the numbers that describe a channel.
var channelNumbers = [6]string{"sourceIndex", "detectorIndex", "wavelengthIndex", "wavelengthActual", "dataType", "dataTypeIndex"}

func (r *Run) lists(g *hdf5.Group) ([]Channel, error) {
	in, err := g.Group("measurementLists")
	if err != nil {
		return nil, err
	}
	var columns [6][]float64
	n := -1
	for k, name := range channelNumbers {
		if columns[k], _, err = floats(in, name); err != nil {
			return nil, err
		}
		if k == 0 {
			n = len(columns[0])
		}
		if columns[k] != nil && len(columns[k]) != n {
			return nil, r.f.fail(in.Path()+"/"+name, fmt.Sprintf("%d channels", len(columns[k])), fmt.Sprintf("%d, as sourceIndex has", n), "")
		}
	}
	labels, units := texts(in, "dataTypeLabel"), texts(in, "dataUnit")
	at := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return ""
	}
	out := make([]Channel, n)
	for i := range out {
		var values [6]float64
		for k := range values {
			if columns[k] != nil {
				values[k] = columns[k][i]
			}
		}
		if out[i], err = r.channel(in.Path(), values, at(labels, i), at(units, i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// channel makes a channel of the numbers that describe it.
func (r *Run) channel(path string, values [6]float64, label, unit string) (Channel, error) {
	for k, v := range values {
		if v < 0 || v > 1<<31 || math.IsNaN(v) {
			return Channel{}, r.f.fail(path, fmt.Sprintf("%s %g", channelNumbers[k], v), "a number from 0", "")
		}
	}
	c := Channel{Source: int(values[0]), Detector: int(values[1]), Wavelength: values[3], DataType: int(values[4]), Label: label, Unit: unit}
	if i := int(values[2]); i > 0 && (c.DataType < processed || strings.EqualFold(label, "dOD")) {
		if i > len(r.Wavelengths) {
			return c, r.f.fail(path, fmt.Sprintf("wavelength %d", i), fmt.Sprintf("one of the %d of the probe", len(r.Wavelengths)), "")
		}
		c.Wavelength = r.Wavelengths[i-1]
	}
	if i := int(values[5]); frequencyDomain(c.DataType) && i > 0 && r.Frequencies != nil {
		if i > len(r.Frequencies) {
			return c, r.f.fail(path, fmt.Sprintf("frequency %d", i), fmt.Sprintf("one of the %d of the probe", len(r.Frequencies)), "")
		}
		c.Frequency = r.Frequencies[i-1]
	}
	for _, o := range []struct {
		index   int
		what    string
		optodes []Optode
	}{{c.Source, "source", r.Sources}, {c.Detector, "detector", r.Detectors}} {
		if o.optodes != nil && (o.index < 1 || o.index > len(o.optodes)) {
			return c, r.f.fail(path, fmt.Sprintf("%s %d", o.what, o.index), fmt.Sprintf("one of the %d of the probe", len(o.optodes)), "")
		}
	}
	return c, nil
}

func (f *File) stimulus(g *hdf5.Group, second float64) (Stimulus, error) {
	s := Stimulus{Name: text(g, "name")}
	x, dims, err := floats(g, "data")
	if err != nil || len(x) == 0 {
		return s, err
	}
	columns := 0
	switch {
	case len(dims) == 2 && dims[1] >= 3:
		columns = dims[1]
	case len(dims) == 1 && dims[0] == 3: // a single showing, written as a list
		columns = 3
	default:
		return s, f.fail(g.Path()+"/data", "numbers "+recording.FormatDims(dims), "onset, duration and amplitude of each showing", "")
	}
	for i := 0; i < len(x); i += columns {
		s.Onsets = append(s.Onsets, x[i]*second)
		s.Durations = append(s.Durations, x[i+1]*second)
		s.Amplitudes = append(s.Amplitudes, x[i+2])
	}
	return s, nil
}

func (f *File) aux(g *hdf5.Group, second float64) (*Aux, error) {
	a := &Aux{Name: text(g, "name"), Unit: text(g, "dataUnit")}
	var err error
	if a.data, err = g.Dataset("dataTimeSeries"); err != nil {
		return nil, err
	}
	dims := a.data.Dims()
	if len(dims) < 1 || len(dims) > 2 {
		return nil, f.fail(a.data.Path(), "samples "+recording.FormatDims(dims), "frames, or frames x channels", "")
	}
	a.Frames = dims[0]
	if a.Rate, a.Start, _, err = f.clock(g, a.Frames, second); err != nil {
		return nil, err
	}
	offset, _, err := floats(g, "timeOffset")
	if len(offset) > 0 {
		a.Start += offset[0] * second
	}
	return a, err
}
