// Command baumwelch times fits of hidden Markov models beside hmmlearn, in one run, and prints the ratios:
//
//	go run ./bench/recurrent/baumwelch [-python python3] [-only name] [-quick]
//
// Package versus says how. Both sides begin at the same model and do the same number of iterations over the same observations; remarks tell the
// log-likelihood that they arrive at. hmmlearn computes with logarithms unless it is told to scale; it does both here.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gyrus-dev/gyrus/bench/versus"
	"github.com/gyrus-dev/gyrus/dynamics/hmm"
)

//go:embed peers.py
var script string

const states, symbols, iterations = 10, 20, 3

func main() {
	peers := []versus.Peer{{Name: "log", Must: 2, Aim: 4}, {Name: "scaling", Must: 2, Aim: 4}}
	versus.Main(script, []versus.Work{
		{Name: "categorical", What: "Baum-Welch, 10 states, 20 symbols, 1 M observations in one sequence, an iteration", Prepare: categorical, Peers: peers},
		{Name: "gaussian", What: "the same with normal observations of 3 dimensions", Prepare: gaussian, Peers: peers},
	})
}

func categorical(dir string, part int) (versus.Timed, error) {
	rng := rand.New(rand.NewPCG(1, 2))
	_, x := hmm.RandomModel(hmm.RandomCategorical(states, symbols, rng), 3, rng).Sample(1_000_000/part, rng)
	emission := hmm.RandomCategorical(states, symbols, rng)
	start := hmm.RandomModel(emission, 3, rng)
	values := make([]float64, len(x))
	for i, s := range x {
		values[i] = float64(s)
	}
	return fit(dir, "categorical", start, x, values, emission.P)
}

func gaussian(dir string, part int) (versus.Timed, error) {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func() (*hmm.Gaussian, []float64) {
		mean, variance := make([]float64, 3*states), make([]float64, 3*states)
		for i := range mean {
			mean[i], variance[i] = 2*rng.NormFloat64(), .5+rng.Float64()
		}
		g, err := hmm.NewGaussian(3, mean, variance)
		if err != nil {
			panic(err) // they are positive
		}
		return g, append(mean, variance...)
	}
	truth, _ := draw()
	_, x := hmm.RandomModel(truth, 3, rng).Sample(1_000_000/part, rng)
	emission, parameters := draw()
	start := hmm.RandomModel(emission, 3, rng)
	var values []float64
	for _, o := range x {
		values = append(values, o...)
	}
	return fit(dir, "gaussian", start, x, values, parameters)
}

// fit leaves the start and the observations to the peers and returns what fits them.
func fit[O any](dir, name string, start *hmm.Model[O], x []O, values, parameters []float64) (versus.Timed, error) {
	var file bytes.Buffer
	for _, v := range [][]float64{start.Start, start.Transition, parameters, values} {
		if err := binary.Write(&file, binary.LittleEndian, v); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, name), file.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return func() (float64, string, error) {
		begin := time.Now()
		// An iteration more is one expectation more, which hmmlearn does not do after the last.
		_, scores, err := start.Fit(context.Background(), [][]O{x}, hmm.Options{Iterations: iterations, Tolerance: -1, Workers: versus.Threads})
		if err != nil {
			return 0, "", err
		}
		seconds := time.Since(begin).Seconds() / (iterations + 1)
		return seconds, fmt.Sprintf("log-likelihood %.1f before the last iteration", scores[iterations-1]), nil
	}, nil
}
