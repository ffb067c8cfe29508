package rnnhmm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/dynamics/hmm"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/table"
	"github.com/gyrus-dev/gyrus/report"
)

const systemFitted = "HMM fitted by Baum-Welch"

type logParams struct {
	Symbols int     `param:"symbols" min:"0" max:"1000" help:"size of the alphabet; 0 takes the largest symbol and one"`
	States  int     `param:"states" min:"1" max:"100" help:"states of the hidden Markov model that is fitted beside it"`
	Steps   int     `param:"steps" min:"2" max:"10000" help:"length of the windows that sequences are cut into"`
	Hidden  int     `param:"hidden" min:"8" max:"2000" help:"units of the network"`
	Inputs  int     `param:"inputs" min:"1" max:"2000" help:"dimensions of the noise that drives it"`
	Batch   int     `param:"batch" min:"2" max:"100000" help:"windows on either side of a divergence"`
	Updates int     `param:"updates" min:"1" max:"1000000" help:"steps of training"`
	Rate    float64 `param:"rate" min:"0" max:"1" help:"learning rate"`
	Clip    float64 `param:"clip" min:"0" max:"1000" help:"largest norm of the gradient"`
	Blur    float64 `param:"blur" help:"blur of the Sinkhorn divergence"`
}

var behaviour = papers.Experiment{
	Name: "behaviour",
	Summary: "Your own log of symbols in place of a teacher: syllables of song, labels of behaviour. A network learns to emit windows like those in the log, and is compared with a " +
		"hidden Markov model fitted to it.",
	Params: papers.Presets[logParams]{
		Quick:   logParams{States: 2, Steps: 20, Hidden: 32, Inputs: 8, Batch: 32, Updates: 100, Rate: 2e-3, Clip: .9, Blur: .2},
		Default: logParams{States: 4, Steps: 40, Hidden: 100, Inputs: 50, Batch: 384, Updates: 1500, Rate: 1e-3, Clip: .9, Blur: .2},
		Full:    logParams{States: 4, Steps: 100, Hidden: 150, Inputs: 100, Batch: 1024, Updates: 1500, Rate: 1e-3, Clip: .9, Blur: .2},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Inputs: []papers.Input{{Name: "symbols", Required: true, Formats: []string{"CSV", "NPZ", "NPY"},
		Says: "a table with columns sequence, time, symbol (whole numbers), or one array [sequences, T] of whole numbers"}},
	Metrics: metrics,
	Systems: append(slices.Clone(systems), report.System{Name: systemFitted, Role: report.Baseline, Says: "20 iterations from a random start"}),
	Run:     runBehaviour,
}

// readSymbols reads sequences of symbols, in the order of the file.
func readSymbols(path string) ([][]int, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npz", ".npy":
		return readArray(path)
	}
	return readTable(path)
}

// whole is the symbol that a number stands for.
func whole(v float64) (int, bool) { return int(v), v == math.Trunc(v) && math.Abs(v) < 1<<31 }

func readTable(path string) ([][]int, error) {
	t, err := table.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var columns [3][]float64
	for i, name := range []string{"sequence", "time", "symbol"} {
		if columns[i], err = t.Numbers(name); err != nil {
			return nil, err
		}
	}
	var all [][]int
	for i, id := range columns[0] {
		symbol, ok := whole(columns[2][i])
		if !ok {
			return nil, fmt.Errorf("%s: the symbol of row %d is %g; expected a whole number", path, i+1, columns[2][i])
		}
		switch {
		case i == 0 || id != columns[0][i-1]:
			all = append(all, nil)
		case !(columns[1][i] > columns[1][i-1]):
			return nil, fmt.Errorf("%s: row %d of sequence %g is at time %g, after %g; expected times in order", path, i+1, id, columns[1][i], columns[1][i-1])
		}
		all[len(all)-1] = append(all[len(all)-1], symbol)
	}
	return all, nil
}

func readArray(path string) ([][]int, error) {
	arrays, err := recording.Arrays(path)
	if err != nil {
		return nil, err
	}
	if len(arrays) != 1 || len(arrays[0].Dims) != 2 {
		return nil, fmt.Errorf("%s: expected one array [sequences, T]", path)
	}
	a := arrays[0].RowMajor()
	values, err := a.Float64s()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	all := make([][]int, a.Dims[0])
	for i, v := range values {
		row := i / a.Dims[1]
		symbol, ok := whole(v)
		if !ok {
			return nil, fmt.Errorf("%s: value %d of sequence %d is %g; expected a whole number", path, i%a.Dims[1], row, v)
		}
		all[row] = append(all[row], symbol)
	}
	return all, nil
}

// windows cuts sequences into windows that do not overlap and deals them out in three parts: to learn from, to choose by, to test on.
func windows(path string, all [][]int, p logParams) (m material, kept [][]int, err error) {
	m.symbols = p.Symbols
	shortest := math.MaxInt
	for k, s := range all {
		shortest = min(shortest, len(s))
		for t, x := range s {
			if x < 0 || p.Symbols > 0 && x >= p.Symbols {
				return m, nil, fmt.Errorf("%s: symbol %d at step %d of sequence %d; expected 0 to %d, the alphabet that the network is to emit", path, x, t, k, max(p.Symbols-1, 0))
			}
			if p.Symbols == 0 {
				m.symbols = max(m.symbols, x+1)
			}
		}
	}
	if m.symbols < 2 {
		return m, nil, fmt.Errorf("%s: only symbol 0; expected two at least", path)
	}
	if shortest < p.Steps {
		return m, nil, fmt.Errorf("%s: a sequence of %d symbols is shorter than windows of %d; set steps to %d or less", path, shortest, p.Steps, shortest)
	}
	parts := [3]*sequences{&m.train, &m.validation, &m.test}
	i := 0
	for _, s := range all {
		for from := 0; from+p.Steps <= len(s); from += p.Steps {
			part := parts[i%3]
			if i%3 == 0 {
				kept = append(kept, s[from:from+p.Steps])
			}
			part.n++
			for _, x := range s[from : from+p.Steps] {
				part.symbols = append(part.symbols, int32(x))
			}
			i++
		}
	}
	for _, part := range parts {
		part.steps = p.Steps
	}
	if m.test.n < 2*p.Batch {
		return m, nil, fmt.Errorf("%s: %d windows of %d steps; expected at least %d, 6 for each of a batch of %d; set batch to %d or less, or shorter windows",
			path, i, p.Steps, 6*p.Batch, p.Batch, i/6)
	}
	half := m.test.n / 2
	m.test, m.other = m.test.some(0, half), m.test.some(half, 2*half)
	m.validation = m.validation.some(0, min(m.validation.n, 2*p.Batch))
	return m, kept, nil
}

func runBehaviour(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[logParams](r)
	path, given := r.Input("symbols")
	if !given {
		return papers.Refuse(errors.New("this experiment needs symbols: --data symbols=FILE.csv with columns sequence, time, symbol"))
	}
	all, err := readSymbols(path)
	if err != nil {
		return papers.Refuse(err)
	}
	m, kept, err := windows(path, all, p)
	if err != nil {
		return papers.Refuse(err)
	}
	steps := m.train.n / p.Batch
	training := params{Steps: p.Steps, Hidden: p.Hidden, Inputs: p.Inputs, Sequences: m.train.n, Batch: p.Batch, Epochs: (p.Updates + steps - 1) / steps, Rate: p.Rate,
		Clip: p.Clip, Blur: p.Blur, Test: m.test.n}
	if err := training.check(); err != nil {
		return papers.Refuse(err)
	}
	rng := r.Rand("fit")
	start := hmm.RandomModel(hmm.RandomCategorical(p.States, m.symbols, rng), 5, rng)
	fitted, _, err := start.Fit(ctx, kept, hmm.Options{Iterations: 20})
	if err != nil {
		return fmt.Errorf("fitting a hidden Markov model: %w", err)
	}
	if d := dwell(fitted); float64(p.Steps) < 3*d {
		r.Warn("Windows of %d steps are shorter than 3 times what a state of the fitted model lasts, %.0f steps: switches will be lost.", p.Steps, d)
	}
	return learn(ctx, r, training, m, map[string]*hmm.Model[int]{systemFitted: fitted})
}
