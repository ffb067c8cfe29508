package degeneracy_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
)

// file is a network as a user stores it.
type file struct {
	units, trials, steps int
	scale                float64 // of the recurrent weights
	seed                 uint64
	probe                float32 // first value of the inputs
	converged            float64
	nan                  bool
	omit                 string
}

// write stores a random tanh network and its states on inputs that are the same in all files.
func (f file) write(t *testing.T, path string) {
	t.Helper()
	rng, inputs := rand.New(rand.NewPCG(f.seed, 1)), rand.New(rand.NewPCG(9, 9))
	w, u := make([]float64, f.units*f.units), make([]float64, f.units)
	for i := range w {
		w[i] = f.scale * rng.NormFloat64() / math.Sqrt(float64(f.units))
	}
	for i := range u {
		u[i] = rng.NormFloat64()
	}
	var states []float32
	probe := make([]float32, f.trials*f.steps)
	for k := range f.trials {
		h := make([]float64, f.units)
		for s := range f.steps {
			probe[k*f.steps+s] = float32(inputs.NormFloat64())
			next := make([]float64, f.units)
			for i := range next {
				sum := u[i] * float64(probe[k*f.steps+s])
				for j, v := range h {
					sum += w[i*f.units+j] * v
				}
				next[i] = math.Tanh(sum)
				states = append(states, float32(next[i]))
			}
			h = next
		}
	}
	probe[0] += f.probe
	if f.nan {
		states[17] = float32(math.NaN())
	}
	var arrays []*recording.Array
	for _, a := range []*recording.Array{
		{Name: "W_h", Dims: []int{f.units, f.units}, Data: w}, {Name: "states", Dims: []int{f.trials, f.steps, f.units}, Data: states},
		{Name: "probe", Dims: []int{f.trials, f.steps, 1}, Data: probe}, {Name: "converged", Dims: []int{1}, Data: []float64{f.converged}},
	} {
		if a.Name != f.omit {
			arrays = append(arrays, a)
		}
	}
	if err := numpy.Save(path, arrays...); err != nil {
		t.Fatal(err)
	}
}

var sound = file{units: 12, trials: 20, steps: 15, scale: .9, converged: 1}

// folder writes networks, of which change may spoil some.
func folder(t *testing.T, n int, change func(i int, f *file)) string {
	dir := t.TempDir()
	for i := range n {
		f := sound
		f.seed = uint64(i)
		change(i, &f)
		f.write(t, filepath.Join(dir, fmt.Sprintf("net%d.npz", i)))
	}
	return dir
}

// TestCompare compares four networks, two of which are one network, and leaves out a fifth that has not converged.
func TestCompare(t *testing.T) {
	dir := folder(t, 5, func(i int, f *file) {
		if i == 1 {
			f.seed = 0
		}
		if i == 4 {
			f.converged = 0
		}
	})
	d, err := execute(t, "compare", nil, map[string]string{"networks": dir})
	if err != nil {
		t.Fatal(err)
	}
	share, _ := d.Records[0].Value("networks", "converged")
	pif, _ := d.Records[0].Value("networks", "pif")
	dsa, _ := d.Records[0].Value("networks", "dsa-1-4")
	if share != .8 || !(pif > .1) || !(dsa > .01) {
		t.Errorf("share %g, d_PIF %g, DSA %g", share, pif, dsa)
	}
	for _, f := range d.Records[0].Figures {
		if f.ID == "map" {
			return
		}
	}
	t.Error("no map of networks")
}

func TestRefusesNetworks(t *testing.T) {
	for name, c := range map[string]struct {
		n      int
		change func(i int, f *file)
		want   string
	}{
		"widths": {3, func(i int, f *file) {
			if i == 2 {
				f.units = 13
			}
		}, "one width"},
		"probes": {3, func(i int, f *file) { f.probe = float32(i) }, "the same inputs"},
		"trials": {3, func(i int, f *file) { f.trials += i }, "one shape"},
		"nan":    {3, func(i int, f *file) { f.nan = i == 1 }, "finite values"},
		"few":    {2, func(int, *file) {}, "3 or more"},
		"few converged": {4, func(i int, f *file) {
			if i > 1 {
				f.converged = 0
			}
		}, "3 or more"},
		"no weights":  {3, func(i int, f *file) { f.omit = "W_h" }, "W_h [n, n]"},
		"no states":   {3, func(i int, f *file) { f.omit = "states" }, "states"},
		"short":       {3, func(_ int, f *file) { f.trials, f.steps = 2, 4 }, "pairs of successive states"},
		"rank":        {3, func(_ int, f *file) { f.units = 2 }, "rank"},
		"one trial":   {3, func(_ int, f *file) { f.trials = 1 }, "2 or more"},
		"empty space": {0, func(int, *file) {}, "3 or more"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, c.n, c.change)
			if c.n == 0 {
				if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("no network"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			_, err := execute(t, "compare", nil, map[string]string{"networks": dir})
			var refused *papers.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestRefusesParameters(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"task":     {"task": "juggling"},
		"networks": {"networks": "2"},
		"channels": {"task": "path", "channels": "4"},
		"steps":    {"steps": "2", "probe": "8"},
		"rate":     {"rate": "0"},
		"leak":     {"gain": "1", "leak": "0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := execute(t, "knobs", set, nil)
			var refused *papers.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "dimensions") {
				t.Errorf("%v", err)
			}
		})
	}
	_, err := execute(t, "suite", map[string]string{"networks": "2"}, nil)
	var refused *papers.RefusedError
	if !errors.As(err, &refused) {
		t.Errorf("suite of two networks: %v", err)
	}
}
