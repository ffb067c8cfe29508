package langevinflow

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
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

func TestReadCounts(t *testing.T) {
	three := layout{Axes: "trials,bins,neurons", TrialBins: 5}
	c, _, _, err := readCounts(save(t, block(t, "x", []int{2, 3, 4}, whole)), three)
	if err != nil || c.Trials != 2 || c.Bins != 3 || c.Neurons != 4 || c.at(1, 2, 3) != float32(23%3) {
		t.Fatalf("%+v %v", c, err)
	}
	c, _, _, err = readCounts(save(t, block(t, "x", []int{4, 3, 2}, whole)), layout{Axes: "neurons,bins,trials"})
	if err != nil || c.Trials != 2 || c.Neurons != 4 || c.at(1, 2, 3) != float32((3*6+2*2+1)%3) {
		t.Fatalf("reordered axes: %+v %v", c, err)
	}
	c, _, _, err = readCounts(save(t, block(t, "x", []int{13, 4}, whole)), layout{Axes: "bins,neurons", TrialBins: 5})
	if err != nil || c.Trials != 2 || c.Bins != 5 || c.at(1, 0, 0) != float32(20%3) {
		t.Fatalf("one stretch: %+v %v", c, err)
	}
	nlb := []*recording.Array{block(t, nlbHeldIn, []int{2, 3, 4}, whole), block(t, nlbHeldOut, []int{2, 3, 2}, func(int) float64 { return 7 }),
		block(t, nlbHeldInForward, []int{2, 1, 4}, whole), block(t, nlbHeldOutForward, []int{2, 1, 2}, func(int) float64 { return 9 })}
	c, heldOut, forward, err := readCounts(save(t, nlb...), three)
	if err != nil || heldOut != 2 || forward != 1 || c.Bins != 4 || c.Neurons != 6 || c.at(1, 0, 4) != 7 || c.at(1, 3, 5) != 9 {
		t.Fatalf("benchmark export: %+v %d %d %v", c, heldOut, forward, err)
	}
	csv := filepath.Join(t.TempDir(), "c.csv")
	os.WriteFile(csv, []byte("trial,bin,n1,n2\n1,0,0,1\n1,1,2,3\n2,0,4,5\n2,1,6,7\n"), 0o644)
	c, _, _, err = readCounts(csv, three)
	if err != nil || c.Trials != 2 || c.Bins != 2 || c.at(1, 1, 0) != 6 {
		t.Fatalf("table: %+v %v", c, err)
	}
}

func TestBadCounts(t *testing.T) {
	dir := t.TempDir()
	uneven := filepath.Join(dir, "uneven.csv")
	os.WriteFile(uneven, []byte("trial,bin,n1\n1,0,0\n1,1,2\n2,0,4\n"), 0o644)
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
		{"held-out spikes missing", save(t, block(t, nlbHeldIn, []int{2, 3, 4}, whole)), layout{}, "held-out spikes are required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.layout.Axes == "" {
				tc.layout.Axes = "trials,bins,neurons"
			}
			_, _, _, err := readCounts(tc.path, tc.layout)
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
	for says, file := range map[string]string{
		"not overwritten":       path,
		"the model reads 6 bin": save(t, block(t, "x", []int{2, 3, 4}, whole)),
		"trained on bins of 20": save(t, block(t, "x", []int{2, 8, 6}, whole), block(t, "bin_ms", []int{1}, func(int) float64 { return 10 })),
	} {
		if err := use(file, ""); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want an error that says %q", err, says)
		}
	}
}
