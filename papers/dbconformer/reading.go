package dbconformer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all" // every format
	"github.com/gyrus-dev/gyrus/recording/matfile"
	"github.com/gyrus-dev/gyrus/signal"
)

// reading says how trials are read from a file; empty fields are found out.
type reading struct {
	// Of a file that holds trials: names of its arrays, of the list of channel names, and the order of axes, such as
	// "samples,channels,trials".
	trials, labels, testX, testY, names, axes string
	files                                     []string // of a BIDS data set: parts of the names of the recordings to read, such as task-motor
	// Of a recording that goes on in time: the labels of the events that trials begin with, one a class, the time around
	// them in seconds, and the channels.
	events    []string
	from, to  float64
	pick      []string
	anyEvents bool // one of the events is enough, as in a run of a data set that has but one class

	// as is the model that the trials are for, whose units and order of channels they are brought to; nil in training, where voltages
	// become microvolts. Unit is that of all samples; empty: as the file says.
	as   *model
	unit string

	rate, otherwise  float64 // Hz; the second is taken if neither the first is given nor the file says one
	low, high        float64 // pass band in Hz; 0 for none, negative for what suits the kind of file
	needLabels       bool
	expectedChannels int // helps to tell axes apart when a model is applied; 0 if unknown
}

// The pass band of recordings that trials are cut from, in Hz: the rhythms that motor imagery changes, as the paper's data come.
const imageryLow, imageryHigh = 8, 32

// trialFile is what a file of trials holds.
type trialFile struct {
	train, test examples // labels are nil if the file has none
	people      []string // of a data set of several, by the number in train.people
	sources     []string // of a data set: the recording that each training trial comes from; nil otherwise
	classes     []string
	events      []string // that the trials were cut around; nil if they came cut
	channels    []string
	units       []string // of the channels; empty where not known
	rate        float64
	low, high   float64  // the pass band that was used
	assumed     []string // what was found out or taken for granted, for the reader
	warnings    []string
}

// Names under which arrays are looked for, in this order.
var (
	trialNames   = []string{"x_train", "X_train", "x", "X", "data", "trials", "epochs", "X_test", "x_test"}
	labelNames   = []string{"y_train", "Y_train", "y", "Y", "labels", "label", "target"}
	testNames    = []string{"x_test", "X_test"}
	testLabels   = []string{"y_test", "Y_test"}
	unitNames    = []string{"units", "unit"}
	channelNames = []string{"clab", "channels", "ch_names", "labels_channels"}
	rateNames    = []string{"fs", "sfreq", "srate", "rate", "sampling_rate"}
)

// readTrials reads trials from a file that holds them (MAT, NPZ), or cuts them from a recording (EDF, GDF, BrainVision ...).
func readTrials(path string, r reading) (*trialFile, error) {
	format, err := recording.Detect(path)
	if err != nil {
		return nil, err
	}
	if format.Name == "bids" {
		return datasetTrials(path, r)
	}
	if format.Open != nil {
		signals, err := recording.Open(path)
		switch {
		case err == nil:
			defer signals.Close()
			return cutTrials(path, signals, r)
		case format.Arrays == nil:
			return nil, err
		}
	}
	arrays, err := recording.Arrays(path)
	if err != nil {
		return nil, err
	}
	f, err := arrayTrials(path, arrays, r)
	if err != nil {
		return nil, papers.Refuse(fmt.Errorf("%s: %w", path, err))
	}
	return f, nil
}

// arrayTrials finds trials, labels and what belongs to them among arrays.
func arrayTrials(path string, arrays []*recording.Array, r reading) (*trialFile, error) {
	f := &trialFile{rate: r.rate}
	find := func(name, what string, candidates []string) (*recording.Array, error) {
		if name != "" {
			candidates = []string{name}
		}
		for _, c := range candidates {
			for _, a := range arrays {
				if a.Name == c {
					return a, nil
				}
			}
		}
		if name == "" {
			return nil, nil
		}
		var have []string
		for _, a := range arrays {
			have = append(have, a.Name+" "+recording.FormatDims(a.Dims))
		}
		return nil, fmt.Errorf("no array called %q for the %s; the file has %s", name, what, strings.Join(have, ", "))
	}
	x, err := find(r.trials, "trials", trialNames)
	if err != nil {
		return nil, err
	}
	if r.trials == "" && (x == nil || len(x.Dims) != 3) { // by shape: the largest array of three axes
		x = nil
		for _, a := range arrays {
			if len(a.Dims) == 3 && (x == nil || a.Len() > x.Len()) {
				x = a
			}
		}
	}
	switch {
	case x == nil:
		return nil, errors.New("no array of three axes (trials, channels, samples) was found; name it with --set x=NAME")
	case len(x.Dims) != 3:
		return nil, fmt.Errorf("%s is %s; three axes are needed (trials, channels, samples)", x.Name, recording.FormatDims(x.Dims))
	}
	y, err := find(r.labels, "labels", labelNames)
	if err != nil {
		return nil, err
	}
	if y == nil && r.needLabels {
		return nil, fmt.Errorf("no labels for %s were found (looked for %s); name them with --set y=NAME", x.Name, strings.Join(labelNames, ", "))
	}
	if f.channels, err = namesIn(path, arrays, channelNames, r.names); err != nil {
		return nil, err
	}
	for _, a := range arrays {
		if !slices.Contains(rateNames, a.Name) || a.Len() != 1 {
			continue
		}
		v, err := a.Float64s()
		switch {
		case err != nil || !(v[0] > 0):
		case f.rate == 0:
			f.rate = v[0]
			f.assumed = append(f.assumed, fmt.Sprintf("sampling rate %g Hz, as the file's %s says", v[0], a.Name))
		case f.rate != v[0]:
			f.warnings = append(f.warnings, fmt.Sprintf("the file's %s says %g Hz, and %g Hz is taken", a.Name, v[0], f.rate))
		}
	}
	if f.rate == 0 && slices.Equal(x.Dims[:2], []int{50, 28}) && x.Name == "x_train" {
		f.rate = 100
		f.assumed = append(f.assumed, "sampling rate 100 Hz: the arrays are those of BCI competition II, data set IV (set rate= if they are not)")
	}
	if f.rate == 0 {
		f.rate = r.otherwise
	}
	if f.rate == 0 {
		return nil, errors.New("the file does not say its sampling rate, and kernels and patches are times: give it with --set rate=HZ")
	}

	labels := 0
	if y != nil {
		labels = y.Len()
	}
	order, why, err := axesOf(x, labels, max(len(f.channels), r.expectedChannels), r.axes)
	if err != nil {
		return nil, err
	}
	f.assumed = append(f.assumed, fmt.Sprintf("%s is %s: %s", x.Name, recording.FormatDims(x.Dims), why))
	if f.train.trials, err = cut(x, order); err != nil {
		return nil, err
	}
	var values []float64
	if y != nil {
		if f.train.labels, values, err = classes(y, nil, len(f.train.trials)); err != nil {
			return nil, err
		}
		for _, v := range values {
			f.classes = append(f.classes, strconv.FormatFloat(v, 'g', -1, 64))
		}
		f.assumed = append(f.assumed, fmt.Sprintf("labels %s with classes %s", y.Name, strings.Join(f.classes, ", ")))
	}
	if tx, err := find(r.testX, "test trials", testNames); err != nil {
		return nil, err
	} else if tx != nil && tx != x {
		if len(tx.Dims) != 3 {
			return nil, fmt.Errorf("test trials %s are %s; three axes as in %s are needed", tx.Name, recording.FormatDims(tx.Dims), x.Name)
		}
		if f.test.trials, err = cut(tx, order); err != nil {
			return nil, err
		}
		ty, err := find(r.testY, "test labels", testLabels)
		if err != nil {
			return nil, err
		}
		if ty != nil && values != nil {
			if f.test.labels, _, err = classes(ty, values, len(f.test.trials)); err != nil {
				return nil, err
			}
		}
		f.assumed = append(f.assumed, fmt.Sprintf("%d test trials in %s", len(f.test.trials), tx.Name))
	}
	channels, _ := f.train.trials[0].Dims()
	if len(f.channels) != channels {
		f.channels = nil
		for c := range channels {
			f.channels = append(f.channels, fmt.Sprintf("channel %d", c+1))
		}
	}
	if f.units, err = namesIn(path, arrays, unitNames, ""); err != nil {
		return nil, err
	}
	if len(f.units) == 1 {
		f.units = slices.Repeat(f.units, channels)
	}
	if len(f.units) != channels {
		f.units = make([]string, channels)
	}
	if r.as != nil {
		f.order(r.as.Channels)
	}
	if err := f.convert("", r, slices.Concat(f.train.trials, f.test.trials)); err != nil {
		return nil, err
	}
	f.low, f.high = max(0, r.low), max(0, r.high)
	if err := f.checkSamples(); err != nil {
		return nil, err
	}
	return f, f.filter()
}

// like refuses trials that differ in montage, length or sampling rate from those that a network was trained on.
func (f *trialFile) like(path string, channels []string, samples int, rate float64) error {
	n, length := f.train.trials[0].Dims()
	f.order(channels)
	named := func(names []string) bool { return !strings.HasPrefix(names[0], "channel ") }
	switch {
	case n != len(channels):
		return fmt.Errorf("%s has %d channels (%s), but the network was trained on %d (%s): position codes and spatial filters belong to a montage; give the same channels in the same order",
			path, n, strings.Join(f.channels, " "), len(channels), strings.Join(channels, " "))
	case named(f.channels) && named(channels) && !slices.Equal(f.channels, channels):
		return fmt.Errorf("%s has the channels %s, but the network was trained on %s: give the same channels",
			path, strings.Join(f.channels, " "), strings.Join(channels, " "))
	case math.Abs(f.rate-rate) > 1e-3*rate: // it may be written with a rounding error
		return fmt.Errorf("%s is sampled at %g Hz, but the network was trained at %g Hz, which its kernels and patches are made for: resample it", path, f.rate, rate)
	case length != samples:
		return fmt.Errorf("%s has trials of %d samples, but the network was trained on %d (%g s at %g Hz): cut the trials to that", path, length, samples,
			float64(samples)/rate, rate)
	}
	return nil
}

// checkSamples refuses what is not a number and says what range the samples have.
func (f *trialFile) checkSamples() error {
	largest := 0.0
	for i, x := range slices.Concat(f.train.trials, f.test.trials) {
		channels, _ := x.Dims()
		for c := range channels {
			for t, v := range x.RawRowView(c) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return fmt.Errorf("trial %d, channel %s, sample %d is %g: repair or leave out that trial", i+1, f.channels[c], t+1, v)
				}
				largest = max(largest, math.Abs(v))
			}
		}
	}
	if unit := unitOf(f.units); unit != "" {
		f.assumed = append(f.assumed, fmt.Sprintf("amplitudes up to %.3g %s", largest, unit))
		return nil
	}
	f.assumed = append(f.assumed, fmt.Sprintf("amplitudes up to %.3g in the file's unit", largest))
	if largest < 0.01 {
		f.warnings = append(f.warnings, fmt.Sprintf("amplitudes reach only %.3g, as volts do where microvolts are usual; Euclidean alignment hides the scale", largest))
	}
	return nil
}

// filter passes every trial through the pass band, each from rest.
func (f *trialFile) filter() error {
	s, err := bandOf(f.low, f.high, f.rate)
	if err != nil || s == nil {
		return err
	}
	for _, x := range slices.Concat(f.train.trials, f.test.trials) {
		channels, _ := x.Dims()
		for c := range channels {
			x.SetRow(c, s.Filter(x.RawRowView(c)))
		}
	}
	return nil
}

// bandOf designs the causal filter of a pass band; nil for none.
func bandOf(low, high, rate float64) (signal.Sections, error) {
	switch {
	case low == 0 && high == 0:
		return nil, nil
	case low == 0:
		return signal.LowPass(4, high, rate)
	case high == 0:
		return signal.HighPass(4, low, rate)
	}
	return signal.BandPass(4, low, high, rate)
}

// axesOf returns which axis of x is trials, channels and samples, and why.
func axesOf(x *recording.Array, labels, channels int, said string) (order [3]int, why string, err error) {
	names := [3]string{"trials", "channels", "samples"}
	if said != "" && said != "auto" {
		parts := strings.Split(strings.ReplaceAll(said, " ", ""), ",")
		for k, n := range names {
			if order[k] = slices.Index(parts, n); order[k] < 0 || len(parts) != 3 {
				return order, "", fmt.Errorf("axes %q must name trials, channels and samples in the array's order, such as samples,channels,trials", said)
			}
		}
		return order, said + ", as given", nil
	}
	matching := func(n int, not ...int) (found []int) {
		for i, d := range x.Dims {
			if d == n && !slices.Contains(not, i) {
				found = append(found, i)
			}
		}
		return found
	}
	ambiguous := func() error {
		return fmt.Errorf("cannot tell the axes of %s %s apart (%d labels, %d channel names): say them with --set axes=trials,channels,samples",
			x.Name, recording.FormatDims(x.Dims), labels, channels)
	}
	trials := matching(labels)
	if labels == 0 { // without labels the trials are the last axis of a MATLAB array and the first of a NumPy array
		trials = []int{0}
		if x.Order == recording.ColumnMajor {
			trials = []int{2}
		}
	}
	if len(trials) != 1 {
		return order, "", ambiguous()
	}
	order[0] = trials[0]
	rest := slices.DeleteFunc([]int{0, 1, 2}, func(i int) bool { return i == trials[0] })
	why = "by the number of labels and of channel names"
	switch named := matching(channels, trials[0]); {
	case channels > 0 && len(named) == 1:
		order[1] = named[0]
	case x.Dims[rest[0]] != x.Dims[rest[1]] && channels == 0:
		order[1], why = rest[0], "by the number of labels; channels taken to be fewer than samples"
		if x.Dims[rest[1]] < x.Dims[rest[0]] {
			order[1] = rest[1]
		}
	default:
		return order, "", ambiguous()
	}
	order[2] = rest[0] + rest[1] - order[1]
	var in [3]string
	for k, axis := range order {
		in[axis] = names[k]
	}
	return order, strings.Join(in[:], ", ") + " " + why, nil
}

func cut(x *recording.Array, order [3]int) ([]*mat.Dense, error) {
	p, err := x.Permute(order[0], order[1], order[2])
	if err != nil {
		return nil, err
	}
	flat, err := p.Float64s()
	if err != nil {
		return nil, err
	}
	n, channels, samples := p.Dims[0], p.Dims[1], p.Dims[2]
	if n*channels*samples == 0 {
		return nil, fmt.Errorf("%s is empty: %s", x.Name, recording.FormatDims(x.Dims))
	}
	trials := make([]*mat.Dense, n)
	for i := range trials {
		trials[i] = mat.NewDense(channels, samples, slices.Clone(flat[i*channels*samples:(i+1)*channels*samples]))
	}
	return trials, nil
}

// classes numbers the values of a label array from 0, in ascending order, or as known says.
func classes(y *recording.Array, known []float64, want int) (labels []int, values []float64, err error) {
	flat, err := y.Float64s()
	if err != nil {
		return nil, nil, err
	}
	if len(flat) != want {
		return nil, nil, fmt.Errorf("%d labels in %s, but %d trials", len(flat), y.Name, want)
	}
	if values = known; values == nil {
		values = slices.Clone(flat)
		slices.Sort(values)
		values = slices.Compact(values)
		if len(values) < 2 {
			return nil, nil, fmt.Errorf("all labels in %s are %g: a classifier needs two classes", y.Name, values[0])
		}
		if len(values) > 20 {
			return nil, nil, fmt.Errorf("%s has %d different values: not labels of classes", y.Name, len(values))
		}
	}
	for _, v := range flat {
		k := slices.Index(values, v)
		if k < 0 {
			return nil, nil, fmt.Errorf("%s holds the label %g, which the training labels do not", y.Name, v)
		}
		labels = append(labels, k)
	}
	return labels, values, nil
}

// namesIn finds a list of names in a MAT cell array or an array of text.
func namesIn(path string, arrays []*recording.Array, candidates []string, name string) ([]string, error) {
	if name != "" {
		candidates = []string{name}
	}
	for _, a := range arrays {
		if texts, ok := a.Data.([]string); ok && slices.Contains(candidates, a.Name) {
			return texts, nil
		}
	}
	if f, err := matfile.Open(path); err == nil {
		defer f.Close()
		for _, c := range candidates {
			if v, err := f.Value(c); err == nil {
				if names, err := v.Strings(); err == nil {
					return names, nil
				}
			}
		}
	}
	if name != "" {
		return nil, fmt.Errorf("no list of channel names called %q", name)
	}
	return nil, nil
}
