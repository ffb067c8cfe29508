package eeglab

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/matfile"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// File is an open dataset.
type File struct {
	Name     string // that it was given in EEGLAB
	Channels []recording.Channel
	Rate     float64 // samples per second
	Samples  int     // of each channel, in an epoch or in all when continuous
	Trials   int     // epochs; 1 when continuous
	Begin    float64 // time of an epoch's first sample, seconds from the event it was cut by
	Events   []Event // in order of latency

	path string
	data recording.Source // frames of all epochs laid end to end
}

// Event is an entry of EEG.event.
type Event struct {
	Type     string
	Latency  float64 // samples from the first one, epochs laid end to end; not always whole
	Duration float64 // samples
	Epoch    int     // from 0; -1 in continuous data
}

// Epochs are pieces of a recording cut around events.
type Epochs struct {
	Channels []recording.Channel
	Rate     float64   // samples per second
	Begin    float64   // of the first sample, seconds from the event
	Samples  int       // of each channel in each epoch
	Labels   []string  // of each epoch: the type of its event at time 0; empty where there is none
	Data     []float32 // epochs x channels x samples, row-major
	// Events of each epoch, with onsets in seconds from the event at time 0.
	Events [][]recording.Event
}

// Open opens the dataset at path. Close it when done.
func Open(path string) (*File, error) {
	return open(path, func(path string) (*records.File, error) { return records.Open(path, "an EEGLAB dataset") })
}

// open reads a .set and finds its samples, through a function that opens files.
func open(path string, file func(string) (*records.File, error)) (*File, error) {
	set, err := file(path)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	mat, err := matfile.NewFile(set, set.Size, path)
	if err != nil {
		return nil, err
	}
	defer mat.Close()
	d := &dataset{path: path, mat: mat}
	if mat.Has("EEG") {
		if d.eeg, err = mat.Value("EEG"); err != nil {
			return nil, err
		}
		if inner, err := d.eeg.Field("EEG"); err == nil {
			d.eeg = inner
		}
		if d.eeg.Class != matfile.Struct || d.eeg.Len() != 1 {
			return nil, d.wrong("EEG", recording.FormatDims(d.eeg.Dims)+" "+d.eeg.Class.String(), "one struct")
		}
	} else if !mat.Has("data") || !mat.Has("nbchan") {
		remedy := ""
		if mat.Has("ALLEEG") {
			remedy = "it holds ALLEEG: in EEGLAB, save each dataset on its own"
		}
		return nil, &recording.Error{Path: path, Offset: -1, Found: "a MAT-file without EEG", Expected: "an EEGLAB dataset", Remedy: remedy}
	}
	f := &File{path: path}
	n, err := f.readSize(d)
	if err != nil {
		return nil, err
	}
	if err := f.findSamples(d, n, file); err != nil {
		return nil, err
	}
	// Only now is it known that there are as many channels as are claimed.
	if err = f.readChannels(d, n); err == nil {
		err = f.readEvents(d)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close releases the file of samples.
func (f *File) Close() error { return f.data.Close() }

// dataset gives out the fields of EEG, wherever they are.
type dataset struct {
	path string
	mat  *matfile.File
	eeg  *matfile.Value // nil when the fields are variables
}

func (d *dataset) wrong(field, found, expected string) error {
	return &recording.Error{Path: d.path, Field: "EEG." + field, Offset: -1, Found: found, Expected: expected}
}

// get gives a field, or nil when there is none.
func (d *dataset) get(name string) (*matfile.Value, error) {
	if d.eeg != nil {
		if !slices.Contains(d.eeg.FieldNames(), name) {
			return nil, nil
		}
		return d.eeg.Field(name)
	}
	if !d.mat.Has(name) {
		return nil, nil
	}
	return d.mat.Value(name)
}

// count reads a whole number.
func (d *dataset) count(name string, least, otherwise int) (int, error) {
	v, err := d.get(name)
	if err != nil {
		return 0, err
	}
	if v == nil {
		return otherwise, nil
	}
	x := number(v)
	if x != math.Trunc(x) || x < float64(least) || x > 1e12 {
		return 0, d.wrong(name, fmt.Sprint(x), fmt.Sprintf("a whole number from %d on", least))
	}
	return int(x), nil
}

// number is the only number of a value, or NaN: EEGLAB leaves [] where it knows none.
func number(v *matfile.Value) float64 {
	if x, err := v.Scalar(); err == nil {
		return x
	}
	return math.NaN()
}

// text is a value as text; event types may be numbers.
func text(v *matfile.Value) string {
	if s, err := v.Text(); err == nil {
		return s
	}
	if x := number(v); x == x {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return ""
}

// column gives a field of every element of a struct array; values that are not there are nil.
func column(v *matfile.Value, name string) []*matfile.Value {
	if v.Class != matfile.Struct || !slices.Contains(v.FieldNames(), name) {
		return nil
	}
	out, err := v.Fields(name)
	if err != nil {
		return nil
	}
	return out
}

// readSize reads how much of what there is; it gives the number of channels.
func (f *File) readSize(d *dataset) (n int, err error) {
	if n, err = d.count("nbchan", 1, 1); err != nil {
		return 0, err
	}
	if f.Samples, err = d.count("pnts", 1, 1); err != nil {
		return 0, err
	}
	if f.Trials, err = d.count("trials", 1, 1); err != nil {
		return 0, err
	}
	if total, err := recording.Count([]int{n, f.Samples, f.Trials}); err != nil || total > 1<<50 {
		return 0, d.wrong("nbchan", fmt.Sprintf("%d channels, %d points, %d trials", n, f.Samples, f.Trials), "numbers that a file can hold")
	}
	for name, to := range map[string]*float64{"srate": &f.Rate, "xmin": &f.Begin} {
		v, err := d.get(name)
		if err != nil {
			return 0, err
		}
		if v != nil {
			*to = number(v)
		}
	}
	if !records.Sane(f.Rate) {
		return 0, d.wrong("srate", fmt.Sprint(f.Rate), "a sampling rate")
	}
	if f.Begin-f.Begin != 0 {
		f.Begin = 0
	}
	v, err := d.get("setname")
	if v != nil {
		f.Name = text(v)
	}
	return n, err
}

// types are the words of EEGLAB and MNE-Python that agree.
var types = []string{"eeg", "eog", "ecg", "emg", "misc", "stim", "ecog", "seeg", "dbs", "bio", "resp", "temperature", "gsr", "mag", "grad", "ref_meg", "hbo", "hbr"}

func (f *File) readChannels(d *dataset, n int) error {
	f.Channels = make([]recording.Channel, n)
	for i := range f.Channels {
		f.Channels[i] = recording.Channel{Name: fmt.Sprintf("EEG %03d", i), Type: "eeg", Unit: "uV"}
	}
	locs, err := d.get("chanlocs")
	if err != nil || locs == nil || locs.Len() == 0 {
		return err
	}
	labels := column(locs, "labels")
	if len(labels) != n {
		return d.wrong("chanlocs", fmt.Sprintf("%d labels", len(labels)), fmt.Sprintf("one for each of %d channels", n))
	}
	names := make([]string, n)
	for i, l := range labels {
		names[i] = strings.TrimSpace(text(l))
	}
	kinds := column(locs, "type")
	for i, name := range records.Unique(names) {
		c := &f.Channels[i]
		c.Name, c.Type = name, records.ChannelType(names[i], "uV")
		if kinds != nil {
			if kind := strings.ToLower(strings.TrimSpace(text(kinds[i]))); slices.Contains(types, kind) {
				c.Type = kind
			}
		}
	}
	x, y, z := column(locs, "X"), column(locs, "Y"), column(locs, "Z")
	if x == nil || y == nil || z == nil {
		return nil
	}
	positions := make([]*[3]float64, n)
	radii, known := 0.0, 0
	for i := range positions {
		p := [3]float64{-number(y[i]), number(x[i]), number(z[i])} // EEGLAB's x is to the front
		if r := math.Hypot(math.Hypot(p[0], p[1]), p[2]); r-r == 0 && r < 1e9 {
			positions[i] = &p
			radii += r
			known++
		}
	}
	scale := 1e-3
	switch mean := radii / float64(known); {
	case mean < 0.25:
		scale = 1
	case mean < 2.5:
		scale = 0.1
	case mean < 25:
		scale = 0.01
	}
	for i, p := range positions {
		if p != nil {
			f.Channels[i].Position = &[3]float64{p[0] * scale, p[1] * scale, p[2] * scale}
		}
	}
	return nil
}

func (f *File) readEvents(d *dataset) error {
	v, err := d.get("event")
	if err != nil || v == nil {
		return err
	}
	latency, kind, duration, epoch := column(v, "latency"), column(v, "type"), column(v, "duration"), column(v, "epoch")
	if latency == nil || kind == nil {
		return nil // no events, or none that have a time
	}
	for i := range latency {
		e := Event{Type: text(kind[i]), Latency: number(latency[i]) - 1, Epoch: -1}
		if e.Latency != e.Latency || math.Abs(e.Latency) > 1e15 {
			continue // EEGLAB ignores these
		}
		if duration != nil {
			if x := number(duration[i]); x > 0 && x < 1e15 {
				e.Duration = x
			}
		}
		if f.Trials > 1 {
			e.Epoch = int(math.Floor(e.Latency / float64(f.Samples)))
			if epoch != nil {
				if x := number(epoch[i]); x >= 1 && x <= float64(f.Trials) {
					e.Epoch = int(x) - 1
				}
			}
			if e.Epoch < 0 || e.Epoch >= f.Trials {
				continue
			}
		}
		f.Events = append(f.Events, e)
	}
	slices.SortStableFunc(f.Events, func(a, b Event) int { return cmp.Compare(a.Latency, b.Latency) })
	return nil
}

// findSamples takes the samples out of the .set or finds the file that it names.
func (f *File) findSamples(d *dataset, n int, file func(string) (*records.File, error)) error {
	v, err := d.get("data")
	if err != nil {
		return err
	}
	if v == nil {
		return d.wrong("data", "nothing", "samples, or the name of a file of samples")
	}
	if v.Class == matfile.Char {
		name, err := v.Text()
		if err != nil {
			return err
		}
		if strings.EqualFold(name, "EEG") { // the samples are a variable beside
			return f.embedded(d, n)
		}
		return f.findFile(d, n, name, file)
	}
	a, err := v.Array()
	if err != nil {
		return err
	}
	return f.memory(d, a, n)
}

func (f *File) embedded(d *dataset, n int) error {
	a, err := d.mat.Array("data")
	if err != nil {
		return err
	}
	return f.memory(d, a, n)
}

// memory checks samples inside a .set: channels x points x trials in MATLAB's order, which is frames of channels.
func (f *File) memory(d *dataset, a *recording.Array, n int) error {
	if want := n * f.Samples * f.Trials; a.Len() != want || len(a.Dims) < 2 || (a.Dims[0] != n && !(n == 1 && a.Dims[1] == 1)) {
		return d.wrong("data", recording.FormatDims(a.Dims)+" numbers", fmt.Sprintf("%d channels of %d points in %d trials", n, f.Samples, f.Trials))
	}
	if a.Order != recording.ColumnMajor {
		axes := make([]int, len(a.Dims))
		for i := range axes {
			axes[i] = len(axes) - 1 - i
		}
		var err error
		if a, err = a.Permute(axes...); err != nil {
			return err
		}
	}
	x, err := a.Float32s()
	if err != nil {
		return err
	}
	f.data = recording.Memory{Data: x, Channels: n}
	return nil
}

// findFile opens the file of samples, which lies beside the .set; both may have been renamed.
func (f *File) findFile(d *dataset, n int, name string, file func(string) (*records.File, error)) error {
	path := records.Beside(d.path, name)
	if path == "" {
		return d.wrong("data", strconv.Quote(name), "samples, or the name of a file of samples")
	}
	r, err := file(path)
	if errors.Is(err, fs.ErrNotExist) {
		if renamed, err2 := file(records.Renamed(d.path, ".fdt")); err2 == nil {
			r, err = renamed, nil
		}
	}
	if err != nil {
		return &recording.Error{Path: d.path, Field: "EEG.data", Offset: -1, Err: err, Remedy: "put it beside the .set"}
	}
	total := int64(f.Samples) * int64(f.Trials)
	if need := 4 * total * int64(n); r.Size < need {
		r.Close()
		return r.Error(-1, "samples", fmt.Sprintf("a file of %d bytes", r.Size), fmt.Sprintf("%d for %d channels of %d points in %d trials", need, n, f.Samples, f.Trials),
			"the file is truncated, or it belongs to another .set")
	}
	gain, offset := make([]float64, n), make([]float64, n)
	for i := range gain {
		gain[i] = 1
	}
	l := records.Interleaved(0, total, records.Float32, gain, offset)
	if strings.EqualFold(filepath.Ext(path), ".dat") {
		// Channel after channel, as EEGLAB wrote it once.
		l.Frames, l.Bytes = total, 4*total*int64(n)
		for i := range l.Signals {
			l.Signals[i].At, l.Signals[i].Count = 4*total*int64(i), total
		}
	}
	s, err := records.New(r, l)
	if err != nil {
		r.Close()
		return err
	}
	f.data = s
	return nil
}

// Recording gives continuous data; closing it closes the file. Epochs are an error.
func (f *File) Recording() (*recording.Recording, error) {
	if f.Trials > 1 {
		return nil, &recording.Error{Path: f.path, Offset: -1, Found: fmt.Sprintf("%d epochs", f.Trials), Expected: "continuous data",
			Remedy: "read its epochs: recording.Arrays or eeglab's File.Epochs"}
	}
	r := &recording.Recording{Channels: f.Channels, Rate: f.Rate, Frames: int64(f.Samples), Samples: f.data, Metadata: map[string]string{}}
	if f.Name != "" {
		r.Metadata["name"] = f.Name
	}
	missing := 0.0
	for _, e := range f.Events {
		frame := int64(math.Ceil(e.Latency))
		if e.Type == "boundary" && e.Duration > 0 && frame > 0 && frame < r.Frames {
			seconds := e.Duration / f.Rate
			r.Events = append(r.Events, recording.Event{Onset: e.Latency/f.Rate + missing, Duration: seconds, Label: e.Type})
			if last := len(r.Gaps) - 1; last >= 0 && r.Gaps[last].Frame == frame {
				r.Gaps[last].Seconds += seconds
			} else {
				r.Gaps = append(r.Gaps, recording.Gap{Frame: frame, Seconds: seconds})
			}
			missing += seconds
			continue
		}
		r.Events = append(r.Events, recording.Event{Onset: e.Latency/f.Rate + missing, Duration: e.Duration / f.Rate, Label: e.Type})
	}
	return r, nil
}

// Epochs reads all epochs; continuous data are one.
func (f *File) Epochs() (*Epochs, error) {
	n := len(f.Channels)
	e := &Epochs{Channels: f.Channels, Rate: f.Rate, Begin: f.Begin, Samples: f.Samples, Labels: make([]string, f.Trials),
		Events: make([][]recording.Event, f.Trials)}
	e.Data = make([]float32, f.Trials*n*f.Samples)
	frames := make([]float32, n*f.Samples)
	for t := range f.Trials {
		if got, err := f.data.ReadFrames(frames, int64(t)*int64(f.Samples)); got < f.Samples && err != nil {
			if errors.Is(err, io.EOF) {
				err = &recording.Error{Path: f.path, Field: "EEG.data", Offset: -1, Found: "the end of the samples", Expected: fmt.Sprintf("epoch %d", t+1)}
			}
			return nil, err
		}
		out := e.Data[t*n*f.Samples:]
		for c := range n {
			for s := range f.Samples {
				out[c*f.Samples+s] = frames[s*n+c]
			}
		}
	}
	nearest := make([]float64, f.Trials)
	for _, v := range f.Events {
		t := max(0, v.Epoch)
		onset := (v.Latency-float64(t)*float64(f.Samples))/f.Rate + f.Begin
		e.Events[t] = append(e.Events[t], recording.Event{Onset: onset, Duration: v.Duration / f.Rate, Label: v.Type})
		if d := math.Abs(onset) * f.Rate; d <= 0.5 && (e.Labels[t] == "" || d < nearest[t]) {
			e.Labels[t], nearest[t] = v.Type, d
		}
	}
	return e, nil
}
