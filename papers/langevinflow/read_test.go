package langevinflow

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// save writes arrays to a new NPZ file.
func save(t *testing.T, arrays ...*recording.Array) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "counts.npz")
	if err := numpy.Save(path, arrays...); err != nil {
		t.Fatal(err)
	}
	return path
}

// block makes an array whose values follow from their index.
func block(t *testing.T, name string, dims []int, value func(i int) float64) *recording.Array {
	t.Helper()
	n := 1
	for _, d := range dims {
		n *= d
	}
	data := make([]float64, n)
	for i := range data {
		data[i] = value(i)
	}
	a, err := recording.NewArray(name, dims, recording.RowMajor, data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func whole(i int) float64 { return float64(i % 3) }

func constant(v float64) func(int) float64 { return func(int) float64 { return v } }

// benchmark makes the tensors of a part of a Neural Latents Benchmark export: 4 held-in and 2 held-out neurons, 3 observed and 1 forward bin.
func benchmark(t *testing.T, part string, trials int) []*recording.Array {
	return []*recording.Array{block(t, part+heldInSpikes, []int{trials, 3, 4}, whole), block(t, part+heldOutSpikes, []int{trials, 3, 2}, constant(7)),
		block(t, part+heldInForwardSpikes, []int{trials, 1, 4}, whole), block(t, part+heldOutForwardSpikes, []int{trials, 1, 2}, constant(9))}
}

func TestReadCounts(t *testing.T) {
	three := layout{Axes: "trials,bins,neurons", TrialBins: 5}
	f, err := readCounts(save(t, block(t, "x", []int{2, 3, 4}, whole)), three)
	if c := f.train; err != nil || c.Trials != 2 || c.Bins != 3 || c.Neurons != 4 || c.at(1, 2, 3) != float32(23%3) {
		t.Fatalf("%+v %v", c, err)
	}
	f, err = readCounts(save(t, block(t, "x", []int{4, 3, 2}, whole)), layout{Axes: "neurons,bins,trials"})
	if c := f.train; err != nil || c.Trials != 2 || c.Neurons != 4 || c.at(1, 2, 3) != float32((3*6+2*2+1)%3) {
		t.Fatalf("reordered axes: %+v %v", c, err)
	}
	f, err = readCounts(save(t, block(t, "x", []int{13, 4}, whole)), layout{Axes: "bins,neurons", TrialBins: 5})
	if c := f.train; err != nil || c.Trials != 2 || c.Bins != 5 || c.at(1, 0, 0) != float32(20%3) {
		t.Fatalf("one stretch: %+v %v", c, err)
	}
	csv := filepath.Join(t.TempDir(), "c.csv")
	os.WriteFile(csv, []byte("trial,bin,n1,n2\n7,1,0,1\n7,2,2,3\n4,1,4,5\n4,2,6,7\n"), 0o644)
	f, err = readCounts(csv, three)
	if c := f.train; err != nil || c.Trials != 2 || c.Bins != 2 || c.at(1, 1, 0) != 6 || c.Numbers[0] != 7 || c.FirstBin != 1 {
		t.Fatalf("table: %+v %v", c, err)
	}
}

func TestReadBenchmark(t *testing.T) {
	three := layout{Axes: "trials,bins,neurons", TrialBins: 5}
	train, eval := benchmark(t, "train_", 2), benchmark(t, "eval_", 1)
	hand, handTest := block(t, "train_behavior", []int{2, 3, 2}, whole), block(t, "eval_behavior", []int{1, 3, 2}, whole)
	f, err := readCounts(save(t, train...), three)
	if c := f.train; err != nil || f.heldOut != 2 || f.forward != 1 || c.Bins != 4 || c.Neurons != 6 || c.at(1, 0, 4) != 7 || c.at(1, 3, 5) != 9 || f.test != nil || f.behaviour != nil {
		t.Fatalf("training part: %+v %v", f, err)
	}
	f, err = readCounts(save(t, slices.Concat(train, eval, []*recording.Array{hand, handTest})...), three)
	if err != nil || f.test == nil || f.test.Trials != 1 || f.behaviour.dims != 2 || len(f.behaviour.train) != 12 || len(f.behaviour.test) != 6 {
		t.Fatalf("both parts: %+v %v", f, err)
	}
	// What the benchmark gives to be predicted from, without what is to be predicted.
	f, err = readCounts(save(t, append(train, eval[0])...), three)
	if err != nil || f.test != nil || !strings.Contains(f.note, "last fifth") {
		t.Errorf("inputs of the evaluation only: %+v %v", f, err)
	}
	f, err = readCounts(save(t, slices.Concat(train, eval, []*recording.Array{hand})...), three)
	if err != nil || f.behaviour != nil || !strings.Contains(f.note, "behaviour") {
		t.Errorf("behaviour of the training only: %+v %v", f, err)
	}
	for says, arrays := range map[string][]*recording.Array{
		"held-out spikes are required": train[:1],
		"only one is there":            train[:3],
		"expected 2 trials × 3 bins":   append(slices.Clone(train), block(t, "train_behavior", []int{2, 4, 2}, whole)),
		"the evaluation part has":      slices.Concat(train, eval[:1], []*recording.Array{block(t, "eval_"+heldOutSpikes, []int{1, 3, 3}, whole)}, []*recording.Array{eval[2], block(t, "eval_"+heldOutForwardSpikes, []int{1, 1, 3}, whole)}),
	} {
		if _, err := readCounts(save(t, arrays...), three); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want an error that says %q", err, says)
		}
	}
	// A trained model needs the held-in neurons only, and takes those that were not trained on if they are there.
	seen, err := readSeen(save(t, train[0]), three)
	if err != nil || seen.Trials != 2 || seen.Neurons != 4 {
		t.Errorf("held-in neurons alone: %+v %v", seen, err)
	}
	seen, err = readSeen(save(t, append(train, eval[0])...), three)
	if err != nil || seen.Trials != 1 {
		t.Errorf("held-in neurons of both parts: %+v %v", seen, err)
	}
}

// TestDecode decodes a movement that is linear in the rates but for noise, with a stretch of it missing.
func TestDecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const trials, tests, bins, neurons = 30, 10, 20, 5
	make := func(trials int, noise float64) (rates []float32, movement []float64) {
		for range trials * bins {
			var x, y float64
			for n := range neurons {
				r := rng.Float64()
				rates = append(rates, float32(r))
				x, y = x+float64(n)*r, y-3*r
			}
			movement = append(movement, 100+x+noise*rng.NormFloat64(), y+noise*rng.NormFloat64())
		}
		return rates, movement
	}
	for _, noise := range []float64{0, 1} {
		m := &movement{dims: 2, trials: trials, chosen: 3}
		var fitted, test []float32
		fitted, m.fitted = make(trials, noise)
		test, m.test = make(tests, noise)
		for i := range 40 {
			m.fitted[i] = math.NaN()
		}
		r2, err := m.decode(fitted, test, neurons)
		signal := []float64{(0 + 1 + 4 + 9 + 16) / 12., 5 * 9 / 12.} // variances of the two dimensions
		want := (signal[0]/(signal[0]+noise*noise) + signal[1]/(signal[1]+noise*noise)) / 2
		if err != nil || math.Abs(r2-want) > 0.08 {
			t.Errorf("noise %g: R² is %.3f, want %.3f: %v", noise, r2, want, err)
		}
	}
}

func TestBadCounts(t *testing.T) {
	dir := t.TempDir()
	uneven := filepath.Join(dir, "uneven.csv")
	os.WriteFile(uneven, []byte("trial,bin,n1\n1,0,0\n1,1,2\n2,0,4\n"), 0o644)
	csv := func(rows string) string {
		path := filepath.Join(t.TempDir(), "c.csv")
		os.WriteFile(path, []byte("trial,bin,n1\n"+rows), 0o644)
		return path
	}
	one := func(at int, v float64) string {
		return save(t, block(t, "x", []int{2, 3, 4}, func(i int) float64 {
			if i == at {
				return v
			}
			return whole(i)
		}))
	}
	for _, tc := range []struct {
		name, path string
		layout     layout
		says       string
	}{
		{"negative", one(13, -1), layout{}, "trial 1, bin 0, neuron 1"},
		{"NaN", one(0, math.NaN()), layout{}, "trial 0, bin 0, neuron 0"},
		{"not whole", one(23, 0.5), layout{}, "trial 1, bin 2, neuron 3"},
		{"rates in Hz", save(t, block(t, "x", []int{2, 3, 4}, func(i int) float64 { return 50 * whole(i) })), layout{BinMS: 20}, "Hz"},
		{"two arrays", save(t, block(t, "x", []int{2, 3, 4}, whole), block(t, "y", []int{2, 3, 4}, whole)), layout{}, "--set array="},
		{"no array", save(t, block(t, "x", []int{4}, whole)), layout{}, "--set axes="},
		{"wrong name", save(t, block(t, "x", []int{2, 3, 4}, whole)), layout{Array: "y"}, "--set array="},
		{"short stretch", save(t, block(t, "x", []int{3, 4}, whole)), layout{Axes: "bins,neurons", TrialBins: 50}, "trial-bins"},
		{"uneven trials", uneven, layout{}, "trial 2 has 1 bins, the first has 2"},
		{"unsorted bins", csv("1,0,0\n1,2,2\n1,1,4\n"), layout{}, "sorted by bin"},
		{"a bin twice", csv("1,0,0\n1,0,2\n"), layout{}, "row 2 is bin 0 of trial 1 after bin 0"},
		{"a trial in two pieces", csv("1,0,0\n1,1,2\n2,0,4\n2,1,0\n1,0,4\n1,1,0\n"), layout{}, "row 5 belongs to trial 1, which ended before"},
		{"other first bin", csv("1,0,0\n1,1,2\n2,1,4\n2,2,0\n"), layout{}, "begins with bin 1"},
		{"held-out spikes missing", save(t, block(t, "train_"+heldInSpikes, []int{2, 3, 4}, whole)), layout{}, "held-out spikes are required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.layout.Axes == "" {
				tc.layout.Axes = "trials,bins,neurons"
			}
			_, err := readCounts(tc.path, tc.layout)
			if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), filepath.Base(tc.path)) {
				t.Errorf("got %v, want an error that names the file and says %q", err, tc.says)
			}
		})
	}
}

func TestBadModels(t *testing.T) {
	good := Config{Sizes: Sizes{In: 3, Out: 4, Observed: 5}, Variant: Langevin, Balance: Released, Hidden: 8, FeedForward: 8, Heads: 2, Eta: 0.01, Gamma: 0.5, Keep: 0.5}
	if _, err := NewModel(good); err != nil {
		t.Fatal(err)
	}
	for says, spoil := range map[string]func(*Config){
		"4 oscillator groups": func(c *Config) { c.Hidden = 10 },
		"attention heads":     func(c *Config) { c.Heads = 5 },
		"γ":                   func(c *Config) { c.Gamma = 0 },
		"keeps a share":       func(c *Config) { c.Keep = 0 },
		"neuron":              func(c *Config) { c.Out = 2 },
		"bins":                func(c *Config) { c.Observed = 1 },
		"variant":             func(c *Config) { c.Variant = "x" },
	} {
		c := good
		spoil(&c)
		if _, err := NewModel(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want an error that says %q", err, says)
		}
	}
}

// TestCountsAndApply trains on a file of counts through the runner and puts the saved model to work on it.
func TestCountsAndApply(t *testing.T) {
	home := t.TempDir()
	path := save(t, block(t, "spikes", []int{20, 8, 6}, func(i int) float64 { return float64(i*7%5) / 4 * float64(i%2*4) }))
	out, err := runner.Execute(t.Context(), runner.Config{Paper: "langevinflow", Preset: papers.Quick, Home: home, Inputs: map[string]string{"": path},
		Set: map[string]string{"epochs": "2", "hidden": "8", "feed-forward": "8", "samples": "2", "forward": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	rec := out.Document.Records[0]
	for _, metric := range []string{"co-bps", "fp-bps"} {
		if _, ok := rec.Value(system, metric); !ok {
			t.Errorf("%s was not measured", metric)
		}
	}
	use := func(file, to string) error {
		return apply(t.Context(), &papers.Application{ModelDir: filepath.Join(out.Dir, "model", "0"), Files: []string{file}, Out: to,
			Backend: openBackend(t), Progress: func(papers.Progress) {}, Say: func(string, ...any) {}})
	}
	if err := use(path, ""); err != nil {
		t.Fatal(err)
	}
	result := strings.TrimSuffix(path, ".npz") + "-rates.npz"
	arrays, err := recording.Arrays(result, "rates", "z")
	if err != nil || fmt.Sprint(arrays[0].Dims) != "[20 8 6]" || fmt.Sprint(arrays[1].Dims) != "[20 8 8]" {
		t.Fatalf("%v %v", arrays, err)
	}
	rates, _ := arrays[0].Float64s()
	for _, v := range rates {
		if !(v > 0) {
			t.Fatalf("a rate is %g", v)
		}
	}
	// The neurons and bins that are read are enough, from a table too; a table gives a table, with the numbers it came with.
	text := "trial,bin,a,b,c,d\n"
	for i := range 20 * 6 {
		text += fmt.Sprintf("%d,%d", 100+i/6, 1+i%6)
		for n := range 4 {
			at := (i/6*8+i%6)*6 + n
			text += fmt.Sprintf(",%g", float64(at*7%5)/4*float64(at%2*4))
		}
		text += "\n"
	}
	csv := filepath.Join(t.TempDir(), "seen.csv")
	os.WriteFile(csv, []byte(text), 0o644)
	if err := use(csv, ""); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(strings.TrimSuffix(csv, ".csv") + "-rates.csv")
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if err != nil || len(lines) != 1+20*8 || lines[0] != "trial,bin,rate1,rate2,rate3,rate4,rate5,rate6" || !strings.HasPrefix(lines[9], "101,1,") {
		t.Fatalf("%d lines, %q, %q: %v", len(lines), lines[0], lines[min(9, len(lines)-1)], err)
	}
	// The same counts give the same rates, whatever they come in.
	var first float64
	fmt.Sscanf(lines[9], "101,1,%g", &first)
	if want := rates[8*6]; math.Abs(first-want) > 1e-6 {
		t.Errorf("from the table the first rate of the second trial is %g, from the array %g", first, want)
	}
	for says, c := range map[string]struct{ file, out string }{
		"not overwritten":       {path, ""},
		"the name ends in":      {path, filepath.Join(t.TempDir(), "rates.txt")},
		"the model reads 6 bin": {save(t, block(t, "x", []int{2, 3, 4}, whole)), ""},
		"trained on bins of 20": {save(t, block(t, "x", []int{2, 8, 6}, whole), block(t, "bin_ms", []int{1}, constant(10))), ""},
		"is negative":           {save(t, block(t, "x", []int{2, 8, 6}, constant(-1))), ""},
	} {
		err := use(c.file, c.out)
		var refused *papers.RefusedError
		if err == nil || !strings.Contains(err.Error(), says) || !errors.As(err, &refused) {
			t.Errorf("got %v, want a refusal that says %q", err, says)
		}
	}
}

// TestSilentNeuron warns of a neuron without a spike in training, and goes on.
func TestSilentNeuron(t *testing.T) {
	path := save(t, block(t, "spikes", []int{20, 8, 6}, func(i int) float64 { return float64(min(i%6, 1) * ((i/6 + i) % 3)) }))
	out, err := runner.Execute(t.Context(), runner.Config{Paper: "langevinflow", Preset: papers.Quick, Home: t.TempDir(), Inputs: map[string]string{"": path},
		Set: map[string]string{"epochs": "1", "hidden": "8", "feed-forward": "8", "samples": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(out.Document.Records[0].Notes, func(n report.Note) bool { return n.Warning && strings.Contains(n.Text, "neurons [0]") }) {
		t.Errorf("no warning names the silent neuron: %v", out.Document.Records[0].Notes)
	}
}

// TestBenchmarkRun scores what an export of the benchmark holds: held-out neurons, forward bins, and behaviour, on its evaluation part.
func TestBenchmarkRun(t *testing.T) {
	path := save(t, slices.Concat(benchmark(t, "train_", 20), benchmark(t, "eval_", 5), []*recording.Array{
		block(t, "train_behavior", []int{20, 3, 2}, whole), block(t, "eval_behavior", []int{5, 3, 2}, whole)})...)
	out, err := runner.Execute(t.Context(), runner.Config{Paper: "langevinflow", Experiment: "counts", Preset: papers.Quick, Home: t.TempDir(), Inputs: map[string]string{"": path},
		Set: map[string]string{"epochs": "1", "hidden": "8", "feed-forward": "8", "samples": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{system, noFlow, smoothing} {
		for _, metric := range []string{"co-bps", "fp-bps", "behaviour-r2"} {
			if _, ok := out.Document.Records[0].Value(s, metric); !ok {
				t.Errorf("%s of %s was not measured", metric, s)
			}
		}
	}
}

// TestBadRuns asks for runs that cannot be, as a person would, and looks for the reason in a refusal.
func TestBadRuns(t *testing.T) {
	few := save(t, block(t, "spikes", []int{9, 8, 6}, whole))
	many := save(t, block(t, "spikes", []int{20, 8, 6}, whole))
	for _, tc := range []struct {
		experiment, input string
		set               map[string]string
		says              string
	}{
		{"lorenz", "", map[string]string{"hidden": "30"}, "30 does not divide into the 4 oscillator groups"},
		{"lorenz", "", map[string]string{"heads": "5"}, "attention heads"},
		{"counts", few, nil, "9 trials, expected at least 10"},
		{"counts", many, map[string]string{"hidden": "30"}, "oscillator groups"},
		{"counts", many, map[string]string{"held-out": "0"}, "nothing is held out"},
		{"counts", many, map[string]string{"forward": "7"}, "at least 2 bins"},
		{"counts", save(t, block(t, "spikes", []int{20, 8, 6}, constant(0.5))), nil, "is not a whole number"},
	} {
		c := runner.Config{Paper: "langevinflow", Experiment: tc.experiment, Preset: papers.Quick, Set: tc.set, Home: t.TempDir()}
		if tc.input != "" {
			c.Inputs = map[string]string{"": tc.input}
		}
		var refused *papers.RefusedError
		if _, err := runner.Execute(t.Context(), c); err == nil || !strings.Contains(err.Error(), tc.says) || !errors.As(err, &refused) {
			t.Errorf("%s %v: got %v, want a refusal that says %q", tc.experiment, tc.set, err, tc.says)
		}
	}
}
