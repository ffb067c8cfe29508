package fif

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// Evoked is an average over trials, or another aspect of them.
type Evoked struct {
	Comment  string // the condition
	Kind     string // MNE-Python's word: "average", "standard_error" ...
	Averages int    // trials that went in
	Channels []Channel
	Rate     float64
	Times    []float64    // seconds after the event
	Data     []float64    // channels x times, row-major, in the units of the channels; nil when they are complex
	Complex  []complex128 // likewise, of complex averages; nil otherwise
	Baseline *[2]float64
}

var aspects = map[int64]string{100: "average", 101: "standard_error", 102: "single_epoch", 103: "partial_average",
	104: "alternating_subaverage", 105: "sample_cut_out_by_graph", 106: "power_density_spectrum", 200: "dipole_amplitude_curve",
	1100: "squid_modulation_lower_bound", 1101: "squid_modulation_upper_bound", 1102: "squid_gate_setting"}

// Evokeds reads the averages of a file, in file order. A file without any is an error.
func (f *File) Evokeds() ([]*Evoked, error) {
	if f.Info == nil || f.root.first(blockEvoked) == nil {
		return nil, &recording.Error{Path: f.path, Offset: -1, Found: "no averages", Expected: "a file of averages"}
	}
	var out []*Evoked
	for _, b := range f.root.all(blockEvoked) {
		e, err := f.evoked(b)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (f *File) evoked(b *block) (*Evoked, error) {
	e := &Evoked{Channels: f.Info.Channels, Rate: f.Info.Rate, Averages: 1}
	var baseline [2]float64
	first, last, samples := int64(0), int64(-1), int64(-1)
	begin := math.NaN()
	local := false // channels of its own
	for _, t := range b.tags {
		var err error
		switch t.kind {
		case kindComment:
			e.Comment, err = f.text(t)
		case kindFirstSample:
			first, err = f.int(t)
		case kindLastSample:
			last, err = f.int(t)
		case kindSamples:
			samples, err = f.int(t)
		case kindFirstTime:
			begin, err = f.float(t)
		case kindRate:
			e.Rate, err = f.float(t)
		case kindChannel:
			local = true
		case kindBaselineMin:
			e.Baseline = &baseline
			baseline[0], err = f.float(t)
		case kindBaselineMax:
			e.Baseline = &baseline
			baseline[1], err = f.float(t)
		}
		if err != nil {
			return nil, err
		}
	}
	if !(e.Rate > 0) || math.IsInf(e.Rate, 0) {
		return nil, f.broken(-1, fmt.Sprintf("a sampling rate of %g Hz of an average", e.Rate), "a positive one")
	}
	if local {
		var err error
		if e.Channels, err = f.channels(b, map[string]string{}); err != nil {
			return nil, err
		}
	}
	aspect := b.first(blockAspect)
	if aspect == nil {
		aspect = b.first(120) // with active shielding on
	}
	if aspect == nil {
		return nil, f.broken(-1, fmt.Sprintf("the average %q without data", e.Comment), "a block of data in it")
	}
	var rows []tag
	for _, t := range aspect.tags {
		var err error
		switch t.kind {
		case kindComment:
			e.Comment, err = f.text(t)
		case kindAspect:
			var kind int64
			kind, err = f.int(t)
			if e.Kind = aspects[kind]; e.Kind == "" {
				e.Kind = fmt.Sprintf("aspect %d", kind)
			}
		case kindAverages:
			var n int64
			n, err = f.int(t)
			e.Averages = int(n)
		case kindEpoch:
			rows = append(rows, t)
		}
		if err != nil {
			return nil, err
		}
	}
	n, err := f.evokedData(e, rows)
	if err != nil {
		return nil, err
	}
	switch {
	case !math.IsNaN(begin) && samples >= 0:
		if samples != int64(n) {
			return nil, f.broken(-1, fmt.Sprintf("%d samples in the average %q", n, e.Comment), fmt.Sprintf("%d, as it says", samples))
		}
		for i := range n {
			e.Times = append(e.Times, begin+float64(i)/e.Rate)
		}
	case last-first+1 == int64(n):
		for i := range n {
			e.Times = append(e.Times, float64(first+int64(i))/e.Rate)
		}
	default:
		return nil, f.broken(-1, fmt.Sprintf("%d samples in the average %q", n, e.Comment), fmt.Sprintf("samples %d to %d", first, last))
	}
	return e, nil
}

// evokedData reads the samples: one matrix, or, in old files, a vector for each channel.
func (f *File) evokedData(e *Evoked, rows []tag) (samples int, err error) {
	channels := len(e.Channels)
	if len(rows) == 1 {
		elements, dims, err := f.matrix(rows[0])
		if err != nil {
			return 0, err
		}
		if channels == 1 && len(dims) == 2 && dims[1] == 1 {
			dims[0], dims[1] = dims[1], dims[0]
		}
		if len(dims) != 2 || dims[0] != channels {
			return 0, f.broken(rows[0].at, fmt.Sprintf("data of shape %v in the average %q", dims, e.Comment), fmt.Sprintf("%d channels x samples", channels))
		}
		samples = dims[1]
		if complexForm(elements.form) {
			if e.Complex, err = f.complexNumbers(elements); err != nil {
				return 0, err
			}
			for i, c := range e.Channels {
				scaleComplex(e.Complex[i*samples:(i+1)*samples], c.Cal)
			}
			return samples, nil
		}
		if e.Data, err = f.numbers(elements); err != nil {
			return 0, err
		}
	} else {
		if len(rows) != channels {
			return 0, f.broken(-1, fmt.Sprintf("%d tags of data in the average %q", len(rows), e.Comment), fmt.Sprintf("1, or one for each of %d channels", channels))
		}
		for i, t := range rows {
			x, err := f.numbers(t)
			if err != nil {
				return 0, err
			}
			if i == 0 {
				samples = len(x)
			}
			if len(x) != samples {
				return 0, f.broken(t.at, fmt.Sprintf("%d samples of a channel", len(x)), fmt.Sprintf("%d, as of the others", samples))
			}
			e.Data = append(e.Data, x...)
		}
	}
	for i, c := range e.Channels {
		for k := range samples {
			e.Data[i*samples+k] *= c.Cal
		}
	}
	return samples, nil
}

// Name is what the average's array is called: its comment, with its kind when that is not "average".
func (e *Evoked) Name() string {
	name := cmp.Or(strings.TrimSpace(e.Comment), "average")
	if e.Kind != "average" {
		name += " (" + strings.ReplaceAll(e.Kind, "_", " ") + ")"
	}
	return name
}

// Array gives the average as an array channels x times. It shares the data.
func (e *Evoked) Array() *recording.Array {
	a := &recording.Array{Name: e.Name(), Dims: []int{len(e.Channels), len(e.Times)}, Data: e.Data}
	if e.Complex != nil {
		a.Data = e.Complex
	}
	return a
}

// Epochs are trials cut out of a recording, all of the same length.
type Epochs struct {
	Channels []Channel
	Rate     float64
	Times    []float64 // seconds after the event
	Trials   []Trial
	Baseline *[2]float64
	Complex  bool // the trials are of complex numbers, which ReadComplex reads

	parts []epochPart
}

// Trial is the event that an epoch was cut out around.
type Trial struct {
	Sample   int64 // number in the original recording
	Previous int64 // value of the trigger channel before
	Code     int64 // value at the event
	Label    string
}

// epochPart is the data of one file: trials x channels x times.
type epochPart struct {
	f      *File
	data   tag
	trials int
}

func (f *File) epochs() *block {
	if b := f.root.first(blockEpochs); b != nil {
		return b
	}
	return f.root.first(blockOldEpochs)
}

// Epochs opens the epochs of a file and of the files that continue it, which must lie beside it. The trials' samples stay in
// the files until read; the further files are closed with f.
func (f *File) Epochs() (*Epochs, error) {
	e := &Epochs{}
	seen := map[string]bool{}
	for part := f; part != nil; {
		seen[part.path] = true
		if err := part.addEpochs(e); err != nil {
			return nil, err
		}
		next, err := part.next()
		if err != nil {
			return nil, err
		}
		if next == "" {
			break
		}
		if seen[next] || len(seen) == maxParts {
			return nil, part.broken(-1, "a next part that is a part already", "another file")
		}
		before := part
		if part, err = Open(next); err != nil {
			return nil, &recording.Error{Path: before.path, Offset: -1, Err: err, Found: "epochs that go on in another file", Expected: "that file beside it",
				Remedy: "copy all parts into one folder, under their own names"}
		}
		f.mu.Lock()
		f.further = append(f.further, part)
		f.mu.Unlock()
	}
	return e, nil
}

func (f *File) addEpochs(e *Epochs) error {
	b := f.epochs()
	if f.Info == nil || b == nil {
		return &recording.Error{Path: f.path, Offset: -1, Found: "no epochs", Expected: "a file of epochs"}
	}
	var baseline [2]float64
	first, last := int64(0), int64(-1)
	var data tag
	for _, t := range b.tags {
		var err error
		switch t.kind {
		case kindFirstSample:
			first, err = f.int(t)
		case kindLastSample:
			last, err = f.int(t)
		case kindBaselineMin:
			e.Baseline = &baseline
			baseline[0], err = f.float(t)
		case kindBaselineMax:
			e.Baseline = &baseline
			baseline[1], err = f.float(t)
		case kindEpoch:
			data = t
		}
		if err != nil {
			return err
		}
	}
	trials, err := f.trials()
	if err != nil {
		return err
	}
	part := epochPart{f: f, trials: len(trials)}
	samples := last - first + 1
	if data.size > 0 {
		elements, dims, err := f.matrix(data)
		if err != nil {
			return err
		}
		if len(dims) != 3 || dims[0] != len(trials) || dims[1] != len(f.Info.Channels) || int64(dims[2]) != samples {
			return f.broken(data.at, fmt.Sprintf("data of shape %v", dims), fmt.Sprintf("%d trials x %d channels x %d samples", len(trials), len(f.Info.Channels), samples))
		}
		complex := complexForm(elements.form)
		if elements.form != formFloat32 && elements.form != formFloat64 && !complex {
			return f.broken(data.at, fmt.Sprintf("epochs of type %d", elements.form), "floating-point numbers")
		}
		if e.parts != nil && complex != e.Complex {
			return f.broken(data.at, "real and complex epochs", "one of them in all parts")
		}
		e.Complex = complex
		part.data = elements
	} else if len(trials) > 0 {
		return f.broken(-1, fmt.Sprintf("%d events without data", len(trials)), "an epoch for each")
	}
	if e.parts == nil {
		e.Channels, e.Rate = f.Info.Channels, f.Info.Rate
		for i := int64(0); i < samples && data.size > 0; i++ {
			e.Times = append(e.Times, float64(first+i)/e.Rate)
		}
	} else if len(f.Info.Channels) != len(e.Channels) || (len(trials) > 0 && samples != int64(len(e.Times))) {
		return f.broken(-1, fmt.Sprintf("%d channels and %d samples", len(f.Info.Channels), samples), "as many as in the first part")
	}
	e.parts = append(e.parts, part)
	e.Trials = append(e.Trials, trials...)
	return nil
}

// trials reads the list of events.
func (f *File) trials() ([]Trial, error) {
	b := f.root.first(blockEvents)
	if b == nil {
		return nil, nil
	}
	var list []float64
	labels := map[int64]string{}
	for _, t := range b.tags {
		var err error
		switch t.kind {
		case kindEventList:
			list, err = f.numbers(t)
			if len(list)%3 != 0 {
				err = f.broken(t.at, fmt.Sprintf("%d numbers in the list of events", len(list)), "three for each event")
			}
		case kindComment: // label:code;label:code
			var s string
			s, err = f.text(t)
			for _, entry := range strings.Split(s, ";") {
				var code int64
				if i := strings.LastIndexByte(entry, ':'); i >= 0 {
					if _, e := fmt.Sscan(entry[i+1:], &code); e == nil {
						labels[code] = entry[:i]
					}
				}
			}
		}
		if err != nil {
			return nil, err
		}
	}
	var out []Trial
	for x := range slices.Chunk(list, 3) {
		t := Trial{Sample: int64(x[0]), Previous: int64(x[1]), Code: int64(x[2])}
		if t.Label = labels[t.Code]; t.Label == "" {
			t.Label = fmt.Sprint(t.Code)
		}
		out = append(out, t)
	}
	return out, nil
}

// Read gives one trial, channels x times, row-major, in the units of the channels. Complex trials are an error.
func (e *Epochs) Read(trial int) ([]float64, error) {
	if e.Complex {
		return nil, &recording.Error{Offset: -1, Found: "complex epochs", Expected: "real numbers", Remedy: "read them with ReadComplex, or as an array"}
	}
	f, t, err := e.find(trial)
	if err != nil {
		return nil, err
	}
	x, err := f.numbers(t)
	if err != nil {
		return nil, err
	}
	for i, c := range e.Channels {
		for k := range e.Times {
			x[i*len(e.Times)+k] *= c.Cal
		}
	}
	return x, nil
}

// ReadComplex is Read for complex and for real trials.
func (e *Epochs) ReadComplex(trial int) ([]complex128, error) {
	if !e.Complex {
		x, err := e.Read(trial)
		out := make([]complex128, len(x))
		for i, v := range x {
			out[i] = complex(v, 0)
		}
		return out, err
	}
	f, t, err := e.find(trial)
	if err != nil {
		return nil, err
	}
	x, err := f.complexNumbers(t)
	if err != nil {
		return nil, err
	}
	for i, c := range e.Channels {
		scaleComplex(x[i*len(e.Times):(i+1)*len(e.Times)], c.Cal)
	}
	return x, nil
}

// find says where a trial's numbers are.
func (e *Epochs) find(trial int) (*File, tag, error) {
	if trial < 0 || trial >= len(e.Trials) {
		return nil, tag{}, &recording.Error{Offset: -1, Found: fmt.Sprintf("a request for trial %d", trial), Expected: fmt.Sprintf("one of 0 to %d", len(e.Trials)-1)}
	}
	for _, p := range e.parts {
		if trial >= p.trials {
			trial -= p.trials
			continue
		}
		size := int64(len(e.Channels)*len(e.Times)) * widths[p.data.form]
		return p.f, tag{kind: kindEpoch, form: p.data.form, at: p.data.at + int64(trial)*size, size: size}, nil
	}
	return nil, tag{}, nil // not reached: the parts hold all trials
}

// Array reads all trials, as an array trials x channels x times called "epochs".
func (e *Epochs) Array() (*recording.Array, error) {
	a := &recording.Array{Name: "epochs", Dims: []int{len(e.Trials), len(e.Channels), len(e.Times)}}
	if e.Complex {
		var data []complex128
		for i := range e.Trials {
			x, err := e.ReadComplex(i)
			if err != nil {
				return nil, err
			}
			data = append(data, x...)
		}
		a.Data = data
		return a, nil
	}
	data := make([]float64, 0, len(e.Trials)*len(e.Channels)*len(e.Times)) // of which the files have half the bytes at least
	for i := range e.Trials {
		x, err := e.Read(i)
		if err != nil {
			return nil, err
		}
		data = append(data, x...)
	}
	a.Data = data
	return a, nil
}

// Codes gives the event code of each trial, as an array called "codes".
func (e *Epochs) Codes() *recording.Array {
	codes := make([]int64, len(e.Trials))
	for i, t := range e.Trials {
		codes[i] = t.Code
	}
	return &recording.Array{Name: "codes", Dims: []int{len(codes)}, Data: codes}
}
