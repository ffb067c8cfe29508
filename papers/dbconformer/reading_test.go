package dbconformer

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		samples int
		rate    float64
		patch   int
		says    string // in the error; empty for none
		tokens  int
	}{
		{1000, 250, 0, "", 8}, {1001, 250, 0, "", 8}, {1126, 250, 0, "", 9}, {750, 250, 0, "", 6},
		{50, 100, 10, "", 5},
		{100, 250, 0, "less than one patch of 125", 0},
		{1010, 250, 0, "10 samples would be cut", 0},
		{1000, 0, 0, "sampling rate", 0},
		{1000, math.NaN(), 0, "sampling rate", 0},
	} {
		s, err := SizeFor(22, c.samples, 2, c.rate, c.patch)
		if c.says == "" {
			if err != nil || s.Tokens() != c.tokens {
				t.Errorf("%d samples at %g Hz: %d tokens, error %v; want %d", c.samples, c.rate, s.Tokens(), err, c.tokens)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d samples at %g Hz: error %v, want %q", c.samples, c.rate, err, c.says)
		}
	}
	if s, err := SizeFor(22, 1000, 2, 250, 0); err != nil || s.Kernel != 63 || s.Patch != 125 || s.ElectrodeKernel != 25 || s.ElectrodeStride != 5 {
		t.Errorf("at 250 Hz the sizes are %+v, not the paper's", s)
	}
	if s, err := SizeFor(22, 2048, 2, 512, 0); err != nil || s.Kernel != 129 || s.Patch != 256 || s.ElectrodeKernel != 51 || s.ElectrodeStride != 10 {
		t.Errorf("at 512 Hz the sizes are %+v, which do not last as long as at 250 Hz", s)
	}
	for _, c := range [][2]int{{50, 10}, {1000, 50}, {1001, 50}, {37, 9}, {3, 1}} {
		if got := patchFor(c[0], 100); got != c[1] {
			t.Errorf("patch for %d samples at 100 Hz is %d, want %d", c[0], got, c[1])
		}
	}
}

func TestAlignmentRefusesOrShrinks(t *testing.T) {
	fresh := func(n int, damage func(*mat.Dense)) []*mat.Dense {
		var out []*mat.Dense
		for i := range n {
			x := mat.NewDense(3, 40, nil)
			for c := range 3 {
				for s := range 40 {
					x.Set(c, s, math.Sin(float64((i+1)*(c+2)*(s+1)))+math.Cos(float64(i*s+c*c)))
				}
			}
			damage(x)
			out = append(out, x)
		}
		return out
	}
	decide := func(trials []*mat.Dense) (float64, string, error) {
		_, s, warning, err := alignSession(trials, []string{"C3", "Cz", "C4"})
		return s.shrink, warning, err
	}
	if shrink, warning, err := decide(fresh(8, func(*mat.Dense) {})); shrink != 0 || warning != "" || err != nil {
		t.Errorf("sound trials: shrink %g, warning %q, error %v", shrink, warning, err)
	}
	if shrink, warning, err := decide(fresh(3, func(*mat.Dense) {})); shrink == 0 || !strings.Contains(warning, "3 trials are few for 3 channels") || err != nil {
		t.Errorf("few trials: shrink %g, warning %q, error %v", shrink, warning, err)
	}
	average := func(x *mat.Dense) {
		for s := range 40 {
			x.Set(2, s, -x.At(0, s)-x.At(1, s))
		}
	}
	if shrink, warning, err := decide(fresh(8, average)); shrink == 0 || !strings.Contains(warning, "average reference") || err != nil {
		t.Errorf("average reference: shrink %g, warning %q, error %v", shrink, warning, err)
	}
	for says, damage := range map[string]func(*mat.Dense){
		"Cz is flat":                      func(x *mat.Dense) { x.SetRow(1, make([]float64, 40)) },
		"C3 and C4 carry the same signal": func(x *mat.Dense) { x.SetRow(2, x.RawRowView(0)) },
	} {
		if _, _, err := decide(fresh(8, damage)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

func TestOneClassIsRefused(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	size, err := SizeFor(2, 40, 2, 100, 10)
	if err != nil {
		t.Fatal(err)
	}
	one := examples{trials: []*mat.Dense{mat.NewDense(2, 40, nil), mat.NewDense(2, 40, nil)}, labels: []int{1, 1}}
	if _, _, err := train(context.Background(), backend, "test", size.variant(Variant{}), one, budget{1, 2, 1e-3}, 1, nil); err == nil || !strings.Contains(err.Error(), "one class") {
		t.Errorf("error %v, want one about one class", err)
	}
}

// A last batch of one trial has no batch statistics: 5 trials in batches of 2 must train, on four trials an epoch.
func TestBatchOfOneIsSkipped(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	size, err := SizeFor(2, 40, 2, 100, 10)
	if err != nil {
		t.Fatal(err)
	}
	var e examples
	for i := range 5 {
		x := mat.NewDense(2, 40, nil)
		for j := range x.RawMatrix().Data {
			x.RawMatrix().Data[j] = math.Sin(float64(i*j + i))
		}
		e.trials, e.labels = append(e.trials, x), append(e.labels, i%2)
	}
	_, history, err := train(context.Background(), backend, "test", size.variant(Variant{}), e, budget{2, 2, 1e-3}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, epoch := range history.Epochs {
		if epoch.Steps != 2 || math.IsNaN(epoch.Train["loss"]) {
			t.Errorf("epoch %+v, want two steps and a finite loss", epoch)
		}
	}
}

func TestRecordingEndToEnd(t *testing.T) {
	path := os.Getenv("GYRUS_DATA")
	if path == "" {
		t.Skip("set GYRUS_DATA to the folder of public recordings to test on real EEG")
	}
	path = filepath.Join(path, "eeg", "bci2-selfpaced", "sp1s_aa.mat")
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Preset: papers.Quick, Seed: 1, Home: t.TempDir(), Inputs: map[string]string{"": path},
		Set: map[string]string{"epochs": "3"}})
	if err != nil {
		t.Fatal(err)
	}
	if o.Document.Experiment != "recording" {
		t.Fatalf("the file went to %s", o.Document.Experiment)
	}
	if a := value(t, o, amplitudes, "cv"); a < 0.58 {
		t.Errorf("cross-validated accuracy of the amplitudes is %.3f: the trials are not read as they are meant", a)
	}
	f, err := readTrials(path, reading{needLabels: true})
	if err != nil {
		t.Fatal(err)
	}
	channels, samples := f.train.trials[0].Dims()
	if len(f.train.trials) != 316 || channels != 28 || samples != 50 || len(f.test.labels) != 100 || f.rate != 100 || f.channels[13] != "C3" {
		t.Errorf("read %d trials of %d x %d at %g Hz, %d test labels, channel 14 %s", len(f.train.trials), channels, samples, f.rate, len(f.test.labels), f.channels[13])
	}
	// Two values read off the file with SciPy: x_train[2, 0, 0] and x_train[0, 1, 0].
	if a, b := f.train.trials[0].At(0, 2), f.train.trials[0].At(1, 0); a != 47.1 || b != -10.3 {
		t.Errorf("the first trial holds %g and %g, want 47.1 and -10.3", a, b)
	}

	// The saved network classifies the file's test trials.
	var said bytes.Buffer
	out := filepath.Join(t.TempDir(), "out.csv")
	err = apply(context.Background(), application(modelOf(t, o), out, &said, path))
	if err != nil {
		t.Fatal(err)
	}
	csv, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(csv)), "\n")
	if len(lines) != 101 || !strings.HasPrefix(lines[0], "trial,class,p(0),p(1),attention F3") {
		t.Errorf("%d lines, the first %q", len(lines), lines[0])
	}
}

// modelOf is the folder in which a run saved its network.
func modelOf(t *testing.T, o *runner.Outcome) (dir string) {
	t.Helper()
	err := filepath.WalkDir(o.Dir, func(p string, entry os.DirEntry, err error) error {
		if err == nil && entry.Name() == fit.ModelFile {
			dir = filepath.Dir(p)
		}
		return err
	})
	if err != nil || dir == "" {
		t.Fatalf("no model was saved in %s (%v)", o.Dir, err)
	}
	return dir
}

func application(model, out string, said *bytes.Buffer, files ...string) *papers.Application {
	return &papers.Application{ModelDir: model, Files: files, Out: out, Backend: func() (backends.Backend, error) { return compute.Open("") },
		Say: func(format string, args ...any) { fmt.Fprintf(said, format+"\n", args...) }}
}
