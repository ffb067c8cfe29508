package langevinflow

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/runner"
)

var maze = layout{Axes: "trials,bins,neurons", TrialBins: 50, BinMS: 20, Align: alignment{"trials/move_onset_time", -250, 450}}

// TestReadNWB holds the tensors made of a recording against those of the benchmark's own preprocessing, nlb_tools (testdata/golden.py).
func TestReadNWB(t *testing.T) {
	got, err := readCounts(filepath.Join("testdata", "maze.nwb"), maze)
	if err != nil {
		t.Fatal(err)
	}
	want, err := readCounts(filepath.Join("testdata", "maze.npz"), maze)
	if err != nil {
		t.Fatal(err)
	}
	if got.heldOut != 2 || got.forward != 10 || got.behaviour == nil || got.test == nil {
		t.Fatalf("%d held out, %d forward bins, behaviour %v", got.heldOut, got.forward, got.behaviour)
	}
	for name, part := range map[string][2]*Counts{"training": {got.train, want.train}, "evaluation": {got.test, want.test}} {
		g, w := part[0], part[1]
		if g.Trials != w.Trials || g.Bins != w.Bins || g.Neurons != w.Neurons {
			t.Fatalf("%s part has %d × %d × %d, want %d × %d × %d", name, g.Trials, g.Bins, g.Neurons, w.Trials, w.Bins, w.Neurons)
		}
		for i := range w.Values {
			if g.Values[i] != w.Values[i] {
				t.Fatalf("%s part: trial %d, bin %d, neuron %d has %g spikes, want %g", name, i/w.Neurons/w.Bins, i/w.Neurons%w.Bins, i%w.Neurons, g.Values[i], w.Values[i])
			}
		}
	}
	// nlb_tools filters the velocity before it takes every twentieth sample; the mean of a bin is close to that.
	for i, w := range want.behaviour.train {
		if g := got.behaviour.train[i]; math.Abs(g-w) > 0.05 {
			t.Fatalf("velocity %d is %.3f, want %.3f", i, g, w)
		}
	}
	whole, err := readSeen(filepath.Join("testdata", "maze.nwb"), maze)
	if err != nil || whole.Trials != 16 {
		t.Errorf("all trials together: %+v %v", whole, err)
	}
}

func TestBadNWB(t *testing.T) {
	path := filepath.Join("testdata", "maze.nwb")
	for says, spoil := range map[string]func(*layout){
		"trials/start_time, trials/stop_time": func(l *layout) { l.Align.Event = "trials/go_cue_time" },
		"name one with --set align=":          func(l *layout) { l.Align.Event = "attempts/move_onset_time" },
		"TABLE/COLUMN":                        func(l *layout) { l.Align.Event = "move_onset_time" },
		"there is no bin":                     func(l *layout) { l.Align.To = -250 },
		"more than the 268435456":             func(l *layout) { l.BinMS, l.Align.To = 0.1, 1e7 },
	} {
		l := maze
		spoil(&l)
		if _, err := readCounts(path, l); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "maze.nwb") {
			t.Errorf("got %v, want an error that names the file and says %q", err, says)
		}
	}
	// A file that is cut, anywhere, gives an error and no more.
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []float64{0, 0.1, 0.5, 0.9, 0.99} {
		cut := filepath.Join(t.TempDir(), "cut.nwb")
		if err := os.WriteFile(cut, data[:int(part*float64(len(data)))], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readCounts(cut, maze); err == nil {
			t.Errorf("%.0f %% of the file pass for the whole", 100*part)
		}
	}
}

// TestRealNWB reads spike times of a person watching clips.
func TestRealNWB(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("set GYRUS_DATA to the folder of real recordings")
	}
	path := filepath.Join(data, "spikes", "human-mtl", "sub-4_ses-4_ecephys+image.nwb")
	l := maze
	l.Align = alignment{"encoding_table/start_time", 0, 1000}
	c, err := readCounts(path, l)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, v := range c.train.Values {
		total += float64(v)
	}
	// Counted with h5py and numpy: spikes from each of the 90 start times to a second later.
	if c.train.Trials != 90 || c.train.Bins != 50 || c.train.Neurons != 35 || total != 6898 || c.heldOut != -1 {
		t.Errorf("%d × %d × %d with %g spikes, held out %d", c.train.Trials, c.train.Bins, c.train.Neurons, total, c.heldOut)
	}
}

// TestRunOnNWB trains on a recording and applies the model to it.
func TestRunOnNWB(t *testing.T) {
	path, err := filepath.Abs(filepath.Join("testdata", "maze.nwb"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := runner.Execute(t.Context(), runner.Config{Paper: "langevinflow", Preset: papers.Quick, Home: t.TempDir(), Inputs: map[string]string{"": path},
		Set: map[string]string{"epochs": "1", "hidden": "8", "feed-forward": "8", "samples": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range []string{"co-bps", "fp-bps", "behaviour-r2"} {
		if _, ok := out.Document.Records[0].Value(system, metric); !ok {
			t.Errorf("%s was not measured", metric)
		}
	}
	rates := filepath.Join(t.TempDir(), "rates.npz")
	if err := apply(t.Context(), &papers.Application{ModelDir: filepath.Join(out.Dir, "model", "0"), Files: []string{path}, Out: rates,
		Backend: openBackend(t), Progress: func(papers.Progress) {}, Say: func(string, ...any) {}}); err != nil {
		t.Fatal(err)
	}
	arrays, err := recording.Arrays(rates, "rates")
	if err != nil || recording.FormatDims(arrays[0].Dims) != "16x45x5" {
		t.Errorf("%v %v", arrays, err)
	}
}
