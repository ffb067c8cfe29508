package dbconformer

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
)

// file writes an NPZ of 6 trials, 3 channels and 40 samples, after change has had its way with the arrays; nil arrays are left out.
func file(t *testing.T, change func(x, y, rate []float64) (x2, y2, rate2 []float64), dims ...int) string {
	t.Helper()
	x := make([]float64, 6*3*40)
	for i := range x {
		x[i] = 20 * math.Sin(float64(i*i%997))
	}
	x, y, rate := change(x, []float64{1, 2, 1, 2, 1, 2}, []float64{100})
	if dims == nil {
		dims = []int{6, 3, 40}
	}
	var arrays []*recording.Array
	for _, a := range []struct {
		name string
		dims []int
		data []float64
	}{{"x", dims, x}, {"y", []int{len(y)}, y}, {"fs", []int{len(rate)}, rate}} {
		if a.data == nil {
			continue
		}
		array, err := recording.NewArray(a.name, a.dims, recording.RowMajor, a.data)
		if err != nil {
			t.Fatal(err)
		}
		arrays = append(arrays, array)
	}
	path := filepath.Join(t.TempDir(), "trials.npz")
	if err := numpy.Save(path, arrays...); err != nil {
		t.Fatal(err)
	}
	return path
}

func same(x, y, rate []float64) ([]float64, []float64, []float64) { return x, y, rate }

func TestGenericNPZ(t *testing.T) {
	f, err := readTrials(file(t, same), reading{needLabels: true, low: 5, high: 30})
	if err != nil {
		t.Fatal(err)
	}
	if c, s := f.train.trials[0].Dims(); len(f.train.trials) != 6 || c != 3 || s != 40 || f.rate != 100 || strings.Join(f.classes, " ") != "1 2" || f.train.labels[1] != 1 {
		t.Errorf("read %d trials of %d x %d at %g Hz with classes %v", len(f.train.trials), c, s, f.rate, f.classes)
	}
}

func TestBadFilesAreExplained(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(x, y, rate []float64) ([]float64, []float64, []float64)
		dims   []int
		how    reading
		says   []string
	}{
		{"no rate", func(x, y, _ []float64) ([]float64, []float64, []float64) { return x, y, nil }, nil, reading{}, []string{"sampling rate", "--set rate"}},
		{"not a number", func(x, y, r []float64) ([]float64, []float64, []float64) { x[3*40+45] = math.NaN(); return x, y, r }, nil, reading{},
			[]string{"trial 2", "channel 2", "sample 6", "NaN"}},
		{"one class", func(x, _, r []float64) ([]float64, []float64, []float64) { return x, []float64{1, 1, 1, 1, 1, 1}, r }, nil, reading{}, []string{"all labels", "two classes"}},
		{"no labels", func(x, _, r []float64) ([]float64, []float64, []float64) { return x, nil, r }, nil, reading{needLabels: true}, []string{"no labels", "--set y"}},
		{"fewer labels", func(x, _, r []float64) ([]float64, []float64, []float64) { return x, []float64{0, 1}, r }, nil, reading{axes: "trials,channels,samples"},
			[]string{"2 labels", "6 trials"}},
		{"axes alike", same, []int{6, 6, 20}, reading{}, []string{"cannot tell the axes", "--set axes"}},
		{"wrong axes", same, nil, reading{axes: "trials,time,channels"}, []string{"must name trials, channels and samples"}},
		{"two axes", same, []int{6, 120}, reading{}, []string{"no array of three axes"}},
		{"two axes named", same, []int{6, 120}, reading{trials: "x"}, []string{"x is 6x120; three axes are needed"}},
		{"wrong name", same, nil, reading{trials: "eeg"}, []string{`"eeg"`, "the file has x"}},
		{"band", same, nil, reading{low: 8, high: 60}, []string{"60 Hz is outside"}},
	} {
		_, err := readTrials(file(t, c.change, c.dims...), c.how)
		for _, s := range c.says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("%s: error %v does not say %q", c.name, err, s)
			}
		}
	}
}

func TestVoltsAreNoticed(t *testing.T) {
	f, err := readTrials(file(t, func(x, y, r []float64) ([]float64, []float64, []float64) {
		for i := range x {
			x[i] *= 1e-6
		}
		return x, y, r
	}), reading{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "volts") {
		t.Errorf("warnings %q", f.warnings)
	}
}

func TestAnotherMontageIsRefused(t *testing.T) {
	f, err := readTrials(file(t, same), reading{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		have, want []string
		samples    int
		rate       float64
		says       []string
	}{
		{nil, []string{"C3", "C4"}, 40, 100, []string{"3 channels (channel 1 channel 2 channel 3)", "2 (C3 C4)", "same channels"}},
		{[]string{"C3", "C4", "Pz"}, []string{"C3", "Cz", "C4"}, 40, 100, []string{"C3 C4 Pz", "C3 Cz C4", "same channels"}},
		{[]string{"C3", "C4", "C4"}, []string{"C3", "C4", "C4"}, 40, 250, []string{"sampled at 100 Hz"}}, // in order, though names repeat
		{[]string{"C3", "Cz", "C4"}, []string{"C3", "Cz", "C4"}, 50, 100, []string{"trials of 40 samples", "trained on 50 (0.5 s at 100 Hz)"}},
		{[]string{"C3", "Cz", "C4"}, []string{"C3", "Cz", "C4"}, 40, 250, []string{"sampled at 100 Hz", "trained at 250 Hz", "resample"}},
	} {
		if c.have != nil {
			f.channels = c.have
		}
		err := f.like("new.npz", c.want, c.samples, c.rate)
		for _, s := range c.says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("error %v does not say %q", err, s)
			}
		}
	}
	f.channels = []string{"C3", "C4", "Cz"}
	second := f.train.trials[0].At(1, 7)
	if err := f.like("new.npz", []string{"C3", "Cz", "C4"}, 40, 100.01); err != nil || f.channels[1] != "Cz" || f.train.trials[0].At(2, 7) != second {
		t.Errorf("the same channels in another order, at a rate that was rounded: %v, now %v", err, f.channels)
	}
	f.channels = []string{"C3", "Cz", "C4"}
	if err := f.like("new.npz", f.channels, 40, 100); err != nil {
		t.Error(err)
	}
}

// A recording that goes on in time must say which events begin trials, and have the channels that are picked.
func TestBadRecordingsAreExplained(t *testing.T) {
	fresh := func() *recording.Recording {
		x := mat.NewDense(3, 1000, nil)
		for i := range x.RawMatrix().Data {
			x.RawMatrix().Data[i] = 20 * math.Sin(float64(i*i%997))
		}
		r := &recording.Recording{Rate: 100, Frames: 1000, Samples: inMemory(x), Channels: []recording.Channel{{Name: "C3..", Type: "eeg"}, {Name: "Cz..", Type: "eeg"}, {Name: "EOG", Type: "eog"}}}
		for i := range 8 {
			r.Events = append(r.Events, recording.Event{Onset: float64(i + 1), Label: []string{"left", "right"}[i%2]})
		}
		return r
	}
	both := []string{"left", "right"}
	for _, c := range []struct {
		name   string
		how    reading
		damage func(*recording.Recording)
		says   []string
	}{
		{"no events named", reading{to: 1}, nil, []string{"left (4), right (4)", "--set events="}},
		{"one event named", reading{to: 1, events: both[:1]}, nil, []string{"at least two"}},
		{"unknown event", reading{to: 1, events: []string{"left", "foot"}}, nil, []string{`"foot"`, "left (4), right (4)"}},
		{"no events", reading{to: 1, events: both}, func(r *recording.Recording) { r.Events = nil }, []string{"the recording has none"}},
		{"unknown channel", reading{to: 1, events: both, pick: []string{"C4"}}, nil, []string{`no channel "C4"`, "C3 Cz EOG"}},
		{"channel twice", reading{to: 1, events: both, pick: []string{"cz", "Cz"}}, nil, []string{"picked twice"}},
		{"no rate", reading{to: 1, events: both}, func(r *recording.Recording) { r.Rate = 0 }, []string{"sampling rate", "--set rate"}},
		{"too long", reading{to: 60, events: both}, nil, []string{"left (4), right (4)"}},
		{"backwards", reading{from: 1, to: 0, events: both}, nil, []string{"from 1"}},
		{"band", reading{to: 1, events: both, low: 8, high: 60}, nil, []string{"60 Hz is outside"}},
	} {
		r := fresh()
		if c.damage != nil {
			c.damage(r)
		}
		_, err := cutTrials("rec.edf", r, c.how)
		var refused *papers.RefusedError
		if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), "rec.edf: ") {
			t.Errorf("%s: error %v is no refusal that names the file", c.name, err)
		}
		for _, s := range c.says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("%s: error %v does not say %q", c.name, err, s)
			}
		}
	}

	// What is missing costs the trials it lies in and no others.
	r := fresh()
	r.Samples.(recording.Memory).Data[3*450+1] = float32(math.NaN())
	f, err := cutTrials("rec.edf", r, reading{to: 0.99, events: both, low: -1, high: -1})
	if err != nil {
		t.Fatal(err)
	}
	if c, s := f.train.trials[0].Dims(); len(f.train.trials) != 7 || c != 2 || s != 100 || f.low != 8 || f.high != 32 || f.channels[0] != "C3" {
		t.Errorf("%d trials of %d x %d, band %g to %g, channels %v", len(f.train.trials), c, s, f.low, f.high, f.channels)
	}
	if want := []int{0, 1, 0, 0, 1, 0, 1}; !slices.Equal(f.train.labels, want) {
		t.Errorf("labels %v, want %v: the trial at 4 s holds a sample that is missing", f.train.labels, want)
	}
	if len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "1 events have no trial: not finite") {
		t.Errorf("warnings %q", f.warnings)
	}
}
