package dbconformer

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// What a run cannot use is refused by name, with what to do.
func TestRunsRefuse(t *testing.T) {
	ones := func(x, _, rate []float64) ([]float64, []float64, []float64) {
		return x, []float64{2, 1, 1, 1, 1, 1}, rate
	}
	flat := func(x, y, rate []float64) ([]float64, []float64, []float64) {
		for i := range x {
			if i/40%3 == 1 {
				x[i] = 7
			}
		}
		return x, y, rate
	}
	for _, c := range []struct {
		name   string
		change func(x, y, rate []float64) ([]float64, []float64, []float64)
		set    map[string]string
		says   []string
	}{
		{"one trial of a class", ones, nil, []string{"trials.npz", "of 2 classes to train on", "--set folds=N"}},
		{"more parts than trials", same, map[string]string{"folds": "7"}, []string{"0 test trials", "--set folds=N"}},
		{"flat channel", flat, nil, []string{"trials.npz", "channel 2 is flat"}},
		{"patch longer than the trial", same, map[string]string{"patch": "41"}, []string{"trials.npz", "less than one patch of 41", "--set patch=N"}},
		{"patch that does not divide", same, map[string]string{"patch": "12"}, []string{"4 samples would be cut", "36 samples"}},
	} {
		_, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Experiment: "recording", Preset: papers.Quick, Home: t.TempDir(),
			Inputs: map[string]string{"": file(t, c.change)}, Set: c.set})
		var refused *papers.RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: error %v is no refusal", c.name, err)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: error %v does not say %q", c.name, err, s)
			}
		}
	}
}

// A file that says nothing of channels but as many of them as the network has goes through; one recorded at another rate does not.
func TestSecondFile(t *testing.T) {
	first := file(t, same)
	run := func(second string) error {
		_, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Experiment: "recording", Preset: papers.Quick, Home: t.TempDir(),
			Inputs: map[string]string{"trials": first, "test": second}, Set: map[string]string{"epochs": "1"}})
		return err
	}
	if err := run(file(t, same)); err != nil {
		t.Errorf("a second file like the first: %v", err)
	}
	if err := run(file(t, func(x, y, _ []float64) ([]float64, []float64, []float64) { return x, y, []float64{250} })); err == nil ||
		!strings.Contains(err.Error(), "sampled at 250 Hz") {
		t.Errorf("a second file at another rate: error %v", err)
	}
	if err := run(file(t, func(x, _, r []float64) ([]float64, []float64, []float64) { return x, []float64{1, 2, 3, 1, 2, 3}, r })); err == nil ||
		!strings.Contains(err.Error(), "classes 1, 2, 3") {
		t.Errorf("a second file with other classes: error %v", err)
	}
}

// Test labels in random order must be doubted, true ones must not.
func TestDoubtful(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	fresh := func(n int) examples {
		var e examples
		for i := range n {
			x := mat.NewDense(2, 50, nil)
			for s := range 50 {
				x.Set(0, s, rng.NormFloat64()+0.5*float64(i%2))
				x.Set(1, s, rng.NormFloat64())
			}
			e.trials, e.labels = append(e.trials, x), append(e.labels, i%2)
		}
		return e
	}
	r := papers.NewRun(papers.RunConfig{Seed: 1})
	tr, te := fresh(200), fresh(100)
	judge := func(te examples) string {
		cv, err := amplitudeLDA(tr, fresh(100), 2)
		if err != nil {
			t.Fatal(err)
		}
		test, err := amplitudeLDA(tr, te, 2)
		if err != nil {
			t.Fatal(err)
		}
		return doubtful(r, []string{amplitudes}, map[string][]foldResult{amplitudes: {cv}}, map[string]foldResult{amplitudes: test}, te, 2, 5)
	}
	if says := judge(te); says != "" {
		t.Errorf("true labels are doubted: %s", says)
	}
	mixed := examples{trials: te.trials, labels: slices.Clone(te.labels)}
	rng.Shuffle(len(mixed.labels), func(i, j int) { mixed.labels[i], mixed.labels[j] = mixed.labels[j], mixed.labels[i] })
	if says := judge(mixed); !strings.Contains(says, "may not belong") {
		t.Errorf("shuffled labels: %q", says)
	}
	// Another session, in which the classes have changed places, decodes badly with the first one's network but well with its own.
	other := examples{trials: te.trials, labels: slices.Clone(te.labels)}
	for i := range other.labels {
		other.labels[i] = 1 - other.labels[i]
	}
	if says := judge(other); !strings.Contains(says, "another session") {
		t.Errorf("exchanged labels: %q", says)
	}
}

func TestChance(t *testing.T) {
	if low, high := wilson(0.5, 100); math.Abs(low-0.4038) > 1e-4 || math.Abs(high-0.5962) > 1e-4 {
		t.Errorf("the interval of 50 of 100 is %.4f to %.4f, want 0.4038 to 0.5962", low, high)
	}
	truth := make([]int, 40)
	for i := range truth {
		truth[i] = i % 2
	}
	rng := rand.New(rand.NewPCG(1, 1))
	if p := shuffled(truth, truth, rng); p > 2e-4 {
		t.Errorf("perfect predictions have p = %g", p)
	}
	if p := shuffled(truth, make([]int, 40), rng); p != 1 {
		t.Errorf("always the same class has p = %g, want 1", p)
	}
	labels := []int{0, 0, 0, 0, 1, 1, 1, 1, 1, 1}
	count := [2][2]int{}
	for i, p := range deal(labels, 2, rng) {
		count[p][labels[i]]++
	}
	if count != [2][2]int{{2, 3}, {2, 3}} {
		t.Errorf("parts hold %v trials of the classes", count)
	}
	if mean, se := paired([]foldResult{{Truth: truth, Predicted: truth}}, []foldResult{{Truth: truth, Predicted: make([]int, 40)}}); math.Abs(mean-0.5) > 1e-12 || math.Abs(se-0.5/math.Sqrt(40)) > 1e-12 {
		t.Errorf("paired difference %g, standard error %g", mean, se)
	}
}

func TestPlace(t *testing.T) {
	for name, want := range map[string][2]float64{"Cz": {0, 0}, "C3": {-0.4, 0}, "c4..": {0.4, 0}, "POz": {0, -0.6}, "Fp1": {-0.12, 0.8}} {
		x, y, ok := place(name)
		if !ok || math.Abs(x-want[0]) > 1e-9 || math.Abs(y-want[1]) > 1e-9 {
			t.Errorf("%s lies at %g, %g (%t), want %v", name, x, y, ok, want)
		}
	}
	for _, name := range []string{"", "EOG", "3", "channel 1", "C11", "z"} {
		if _, _, ok := place(name); ok {
			t.Errorf("%q is placed", name)
		}
	}
}

// The two runs of imagined fists of one person, as an EDF file says them: trained on the one, tested on the other, and applied to it.
func TestRecordingWithEvents(t *testing.T) {
	folder := filepath.Join(os.Getenv("GYRUS_DATA"), "eeg", "eegmmidb-s001")
	train, test := filepath.Join(folder, "S001R04.edf"), filepath.Join(folder, "S001R08.edf")
	if _, err := os.Stat(train); os.Getenv("GYRUS_DATA") == "" || err != nil {
		t.Skip("set GYRUS_DATA to the folder of public recordings to test on real EEG")
	}
	f, err := readTrials(train, reading{events: []string{"T1", "T2"}, to: 4, low: -1, high: -1})
	if err != nil {
		t.Fatal(err)
	}
	count := [2]int{}
	for _, l := range f.train.labels {
		count[l]++
	}
	if c, s := f.train.trials[0].Dims(); c != 64 || s != 641 || count != [2]int{8, 7} || f.channels[0] != "Fc5" || f.rate != 160 {
		t.Errorf("%d channels, %d samples at %g Hz, %v trials of the classes, first channel %s", c, s, f.rate, count, f.channels[0])
	}
	if _, ok := placed(f.channels); !ok {
		t.Error("the channels are not placed on the head")
	}
	o, err := runner.Execute(context.Background(), runner.Config{Paper: "dbconformer", Preset: papers.Quick, Seed: 1, Home: t.TempDir(),
		Inputs: map[string]string{"trials": train, "test": test}, Set: map[string]string{"epochs": "1", "events": "T1, T2", "pick": "C3,Cz,C4"}})
	if err != nil {
		t.Fatal(err)
	}
	if v := value(t, o, dbc, "test"); v < 0 || v > 1 {
		t.Errorf("accuracy on the second run is %g", v)
	}
	var said bytes.Buffer
	out := filepath.Join(t.TempDir(), "out.csv")
	if err := apply(context.Background(), application(modelOf(t, o), out, &said, test)); err != nil {
		t.Fatal(err)
	}
	csv, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(string(csv)), "\n"); len(lines) != 16 || lines[0] != "trial,class,p(T1),p(T2),attention C3,attention Cz,attention C4" {
		t.Errorf("%d lines, the first %q", len(lines), lines[0])
	}
}
