package deepsnn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

// execute runs an experiment's quick preset as the command line would.
func execute(t *testing.T, experiment string, set, inputs map[string]string) (*runner.Outcome, error) {
	t.Helper()
	return runnertest.Execute(t, runner.Config{Paper: "deepsnn", Experiment: experiment, Seed: 1, Set: set, Inputs: inputs})
}

// TestBenchQuick asserts what small networks on few images show as well: that families learn, and that an ablation does not.
func TestBenchQuick(t *testing.T) {
	o, err := execute(t, "bench", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range o.Document.Claims {
		switch c.ID {
		case "shuffled", "surrogate", "operations":
			if c.Verdict.Status != report.Reproduced {
				t.Errorf("claim %s is %s: %v", c.ID, c.Verdict.Status, c.Verdict.Conditions)
			}
		}
	}
	if f0, f1 := runnertest.Value(t, o, sysReference, "accuracy"), runnertest.Value(t, o, sysConverted, "accuracy"); f0 < .85 || f1 < f0-.03 {
		t.Errorf("accuracy %.3f, converted %.3f", f0, f1)
	}
	// In a network as small as this most decisions wait for the dark pixels, which cost more than all else.
	if a, most, e := runnertest.Value(t, o, sysFirst, "accuracy"), runnertest.Value(t, o, sysFirst, "most"), runnertest.Value(t, o, sysFirst, "gradient"); a < .75 || most != 1 || e > 1e-3 {
		t.Errorf("first spikes: accuracy %.3f, %g spikes of a neuron, gradients off by %g", a, most, e)
	}
	if plain, norm := runnertest.Value(t, o, sysPlain, "spikes-10"), runnertest.Value(t, o, sysConverted, "spikes-10"); norm > plain/2 {
		t.Errorf("%.0f spikes in 10 steps with normalisation, %.0f without", norm, plain)
	}
	if ops, macs := runnertest.Value(t, o, sysRandom, "additions"), runnertest.Value(t, o, sysRandom, "operations"); ops != macs || ops == 0 {
		t.Errorf("with spikes for input additions are %.3f of %.3f operations", ops, macs)
	}
}

// TestLocalQuick asserts that local rules learn and that their ablations do not.
func TestLocalQuick(t *testing.T) {
	o, err := execute(t, "local", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for system, bar := range map[string]float64{sysCells: .25, sysSupervised: .6, sysSampler: .5} {
		if a := runnertest.Value(t, o, system, "accuracy"); a < bar {
			t.Errorf("accuracy of %s is %.3f, want %.2f", system, a, bar)
		}
	}
	for ablation, whole := range map[string]string{sysFreeCells: sysCells, sysOnlyData: sysSampler} {
		if a, w := runnertest.Value(t, o, ablation, "accuracy"), runnertest.Value(t, o, whole, "accuracy"); a > w-.15 {
			t.Errorf("accuracy of %s is %.3f, that of %s %.3f", ablation, a, whole, w)
		}
	}
}

func TestXORQuick(t *testing.T) {
	o, err := execute(t, "xor", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := runnertest.Value(t, o, sysXOR, "cycles"); n < 5 || n > 300 {
		t.Errorf("learned in %g cycles", n)
	}
	if o, err = execute(t, "xor", map[string]string{"rate": "0", "cycles": "20"}, nil); err != nil || runnertest.Value(t, o, sysXOR, "learned") != 0 {
		t.Errorf("without learning it has learned: %v", err)
	}
}

// refused asserts that a run is refused and told why.
func refused(t *testing.T, experiment string, set, inputs map[string]string, parts ...string) {
	t.Helper()
	_, err := execute(t, experiment, set, inputs)
	if err == nil {
		t.Errorf("%v: not refused, want %q", set, parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%v: %q does not say %q", set, err, p)
		}
	}
}

func TestRefused(t *testing.T) {
	refused(t, "bench", map[string]string{"percentile": "50"}, nil, "percentile", "more than 50 and at most 100")
	refused(t, "bench", map[string]string{"percentile": "101"}, nil, "percentile", "at most 100")
	refused(t, "bench", map[string]string{"steps": "0"}, nil, "steps", "1")
	refused(t, "bench", map[string]string{"biases": "true"}, nil, "layer 1 has biases", "biases=false")
	refused(t, "bench", map[string]string{"slope": "0.1"}, nil, "slope 0.1 below zero", "slope=0")
	refused(t, "recorded", nil, nil, "needs one set", "mnist=FOLDER")
}

// idx writes a file of MNIST's format.
func idx(t *testing.T, dir, name string, dims []int, data []byte) {
	t.Helper()
	head := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		head = append(head, byte(d>>24), byte(d>>16), byte(d>>8), byte(d))
	}
	if err := os.WriteFile(filepath.Join(dir, name), append(head, data...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pretend writes drawn digits as MNIST's files.
func pretend(t *testing.T, dir string) {
	t.Helper()
	for name, n := range map[string]int{"train": 600, "t10k": 60} {
		e := someDigits(t, n)
		pixels := make([]byte, len(e.values))
		for i, v := range e.values {
			pixels[i] = byte(255 * v)
		}
		idx(t, dir, name+"-images-idx3-ubyte", []int{n, 28, 28}, pixels)
		idx(t, dir, name+"-labels-idx1-ubyte", []int{n}, e.labels)
	}
}

func TestRecordedImages(t *testing.T) {
	dir := t.TempDir()
	pretend(t, dir)
	o, err := execute(t, "recorded", nil, map[string]string{"mnist": dir})
	if err != nil {
		t.Fatal(err)
	}
	if a := runnertest.Value(t, o, sysReference, "accuracy"); a < .4 {
		t.Errorf("accuracy %.3f", a)
	}
	if _, err := execute(t, "recorded", map[string]string{"families": "local"}, map[string]string{"mnist": dir}); err != nil {
		t.Error(err)
	}

	idx(t, dir, "train-labels-idx1-ubyte", []int{2}, []byte{1, 2})
	refused(t, "recorded", nil, map[string]string{"mnist": dir}, "2 labels")
	labels := make([]byte, 600)
	labels[7] = 10
	idx(t, dir, "train-labels-idx1-ubyte", []int{600}, labels)
	refused(t, "recorded", nil, map[string]string{"mnist": dir}, "the label 10")
	idx(t, dir, "train-images-idx3-ubyte", []int{600, 28, 28}, make([]byte, 100))
	refused(t, "recorded", nil, map[string]string{"mnist": dir}, "train-images-idx3-ubyte")
	idx(t, dir, "train-images-idx3-ubyte", []int{600, 28, 28}, make([]byte, 600*784))
	labels[7] = 1
	idx(t, dir, "train-labels-idx1-ubyte", []int{600}, labels)
	refused(t, "recorded", nil, map[string]string{"mnist": dir}, "all pixels are 0", "leave it out")
	if err := os.WriteFile(filepath.Join(dir, "train-images-idx3-ubyte"), []byte("not an IDX file at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, "recorded", nil, map[string]string{"mnist": dir}, "train-images-idx3-ubyte", "at byte 0")
}

// TestRecordedEvents runs F3 on recordings of N-MNIST.
func TestRecordedEvents(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	o, err := execute(t, "recorded", map[string]string{"epochs": "10", "hidden": "64", "spike-epochs": "40", "spike-steps": "8"}, map[string]string{"n-mnist": filepath.Join(data, "events", "nmnist-small")})
	if err != nil {
		t.Fatal(err)
	}
	if a := runnertest.Value(t, o, sysTwenty, "accuracy"); a < .3 {
		t.Errorf("accuracy %.3f", a)
	}
}
