package dbconformer

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

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
	f, err := readTrials(file(t, same), layout{needLabels: true, low: 5, high: 30})
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
		layout layout
		says   []string
	}{
		{"no rate", func(x, y, _ []float64) ([]float64, []float64, []float64) { return x, y, nil }, nil, layout{}, []string{"sampling rate", "--set rate"}},
		{"not a number", func(x, y, r []float64) ([]float64, []float64, []float64) { x[3*40+45] = math.NaN(); return x, y, r }, nil, layout{},
			[]string{"trial 2", "channel 2", "sample 6", "NaN"}},
		{"one class", func(x, _, r []float64) ([]float64, []float64, []float64) { return x, []float64{1, 1, 1, 1, 1, 1}, r }, nil, layout{}, []string{"all labels", "two classes"}},
		{"no labels", func(x, _, r []float64) ([]float64, []float64, []float64) { return x, nil, r }, nil, layout{needLabels: true}, []string{"no labels", "--set y"}},
		{"fewer labels", func(x, _, r []float64) ([]float64, []float64, []float64) { return x, []float64{0, 1}, r }, nil, layout{axes: "trials,channels,samples"},
			[]string{"2 labels", "6 trials"}},
		{"axes alike", same, []int{6, 6, 20}, layout{}, []string{"cannot tell the axes", "--set axes"}},
		{"wrong axes", same, nil, layout{axes: "trials,time,channels"}, []string{"must name trials, channels and samples"}},
		{"two axes", same, []int{6, 120}, layout{}, []string{"three axes"}},
		{"wrong name", same, nil, layout{trials: "eeg"}, []string{`"eeg"`, "the file has x"}},
		{"band", same, nil, layout{low: 8, high: 60}, []string{"60 Hz is outside"}},
	} {
		_, err := readTrials(file(t, c.change, c.dims...), c.layout)
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
	}), layout{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "volts") {
		t.Errorf("warnings %q", f.warnings)
	}
}

func TestAnotherMontageIsRefused(t *testing.T) {
	f, err := readTrials(file(t, same), layout{})
	if err != nil {
		t.Fatal(err)
	}
	m := model{Size: Size{Channels: 2, Samples: 40}, Rate: 100, Channels: []string{"C3", "C4"}}
	if err := m.fits("new.npz", f, f.train.trials); err == nil || !strings.Contains(err.Error(), "channel 1 channel 2 channel 3") || !strings.Contains(err.Error(), "C3 C4") {
		t.Errorf("error %v does not name both montages", err)
	}
	m = model{Size: Size{Channels: 3, Samples: 40}, Rate: 100, Channels: []string{"C3", "Cz", "C4"}}
	f.channels = []string{"C3", "C4", "Cz"}
	if err := m.fits("new.npz", f, f.train.trials); err == nil || !strings.Contains(err.Error(), "same order") {
		t.Errorf("channels in another order: error %v", err)
	}
	f.channels = m.Channels
	m.Size.Samples = 50
	if err := m.fits("new.npz", f, f.train.trials); err == nil || !strings.Contains(err.Error(), "40 samples") {
		t.Errorf("shorter trials: error %v", err)
	}
}
