package rnnhmm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/runner/runnertest"
)

func logOf(t *testing.T, rows string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.csv")
	if err := os.WriteFile(path, []byte("sequence,time,symbol\n"+rows), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBehaviour learns from a log of a chain of two states and finds that a fitted model speaks like it.
func TestBehaviour(t *testing.T) {
	m, err := teacher("chain", 2, .2)
	if err != nil {
		t.Fatal(err)
	}
	rng := newRand()
	var rows strings.Builder
	for k := range 40 {
		_, symbols := m.Sample(200, rng)
		for step, x := range symbols {
			fmt.Fprintf(&rows, "%d,%g,%d\n", k, float64(step)/10, x)
		}
	}
	o, err := runner.Execute(t.Context(), runner.Config{Paper: "rnnhmm", Experiment: "behaviour", Preset: papers.Quick, Seed: 1, Home: t.TempDir(),
		Inputs: map[string]string{"symbols": logOf(t, rows.String())}, Set: map[string]string{"updates": "20"}})
	if err != nil {
		t.Fatal(err)
	}
	value := func(system, metric string) float64 { return runnertest.Value(t, o, system, metric) }
	if got, floor := value(systemFitted, "divergence"), value(systemTeacher, "divergence"); got > 1.3*floor {
		t.Errorf("the fitted model's divergence is %.2f, that of the log itself %.2f", got, floor)
	}
	if got := value(systemUntrained, "divergence"); got < 1.3*value(systemTeacher, "divergence") {
		t.Errorf("the untrained network's divergence is %.2f", got)
	}
}

func TestLogRefused(t *testing.T) {
	array := func(values ...float64) string {
		a, err := recording.NewArray("symbols", []int{1, len(values)}, recording.RowMajor, values)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "log.npz")
		if err := numpy.Save(path, a); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p := logParams{Symbols: 2, Steps: 3, Batch: 2}
	for want, path := range map[string]string{
		"symbol 2 at step 1 of sequence 0":           logOf(t, "1,0,0\n1,1,2\n1,2,0\n"),
		"symbol of row 2 is 0.5":                     logOf(t, "1,0,0\n1,1,0.5\n1,2,0\n"),
		"row 3 of sequence 1 is at time 1":           logOf(t, "1,0,0\n1,1,1\n1,1,0\n"),
		"shorter than windows of 3":                  logOf(t, "1,0,0\n1,1,1\n2,0,0\n2,1,1\n2,2,1\n"),
		"2 windows of 3 steps; expected at least 12": array(0, 1, 0, 1, 0, 1),
		"value 1 of sequence 0 is 0.25":              array(0, .25, 1),
		"expected one array": func() string {
			path := filepath.Join(t.TempDir(), "v.npy")
			a, _ := recording.NewArray("", []int{3}, recording.RowMajor, []float64{0, 1, 0})
			numpy.Save(path, a)
			return path
		}(),
	} {
		all, err := readSymbols(path)
		if err == nil {
			_, _, err = windows(path, all, p)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	all, err := readSymbols(array(0, 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := windows("log", all, logParams{Steps: 2, Batch: 2}); err == nil || !strings.Contains(err.Error(), "only symbol 0") {
		t.Errorf("one symbol: %v", err)
	}
}
