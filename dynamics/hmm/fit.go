package hmm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// Options of a fit. The zero value does 100 iterations at most, on all processors.
type Options struct {
	Iterations int     // at most; 0 means 100
	Tolerance  float64 // the fit ends when an iteration raises the log-likelihood per observation by less; 0 means 1e-6, less than 0 never
	Workers    int     // 0 means GOMAXPROCS
	// Progress, which may be nil, is called after each iteration with the log-likelihood before it.
	Progress func(iteration int, logLikelihood float64)
}

// Fit raises the likelihood of sequences by Baum and Welch's algorithm from m on, which stays as it is, and returns the model it ends with and the
// log-likelihoods before each iteration, and at last that of the result. Numbers depend on the workers only by rounding.
func (m *Model[O]) Fit(ctx context.Context, sequences [][]O, options Options) (fitted *Model[O], logLikelihoods []float64, err error) {
	if options.Iterations == 0 {
		options.Iterations = 100
	}
	if options.Tolerance == 0 {
		options.Tolerance = 1e-6
	}
	if options.Workers == 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	if len(sequences) == 0 {
		return nil, nil, errors.New("hmm: no sequences to fit")
	}
	total := 0
	for k, s := range sequences {
		if err := m.checkSequence(s); err != nil {
			return nil, nil, fmt.Errorf("sequence %d: %w", k, err)
		}
		total += len(s)
	}
	fitted = m
	work := newWorkers[O](options.Workers, sequences, len(m.Start))
	for iteration := 0; ; iteration++ {
		if err := ctx.Err(); err != nil {
			return nil, nil, context.Cause(ctx)
		}
		counts, err := work.expect(fitted, sequences)
		if err != nil {
			return nil, nil, err
		}
		logLikelihoods = append(logLikelihoods, counts.logLikelihood)
		if options.Progress != nil {
			options.Progress(iteration, counts.logLikelihood)
		}
		if iteration == options.Iterations || iteration > 0 && options.Tolerance > 0 &&
			counts.logLikelihood-logLikelihoods[iteration-1] < options.Tolerance*float64(total) {
			return fitted, logLikelihoods, nil
		}
		fitted = counts.model(fitted)
	}
}

// counts is what sequences say about a model: how often each state is expected at the start, each transition, and with which observations each state.
type counts[O any] struct {
	logLikelihood float64
	start         []float64
	transition    []float64 // [M, M], still to be multiplied by the transition probabilities
	learner       Learner[O]
}

func newCounts[O any](m *Model[O]) *counts[O] {
	return &counts[O]{start: make([]float64, len(m.Start)), transition: make([]float64, len(m.Transition)), learner: m.Emission.Learner()}
}

// model is the one under which what was counted is most likely.
func (c *counts[O]) model(before *Model[O]) *Model[O] {
	n := len(c.start)
	m := &Model[O]{Start: c.start, Transition: c.transition, Emission: c.learner.Emission()}
	normalise(m.Start, before.Start)
	for i := range m.Transition {
		m.Transition[i] *= before.Transition[i]
	}
	for i := range n {
		normalise(m.Transition[i*n:(i+1)*n], before.Transition[i*n:(i+1)*n])
	}
	return m
}

// workers has the memory for expectations: that of two workers together for one sequence, one of which goes forward and the other backward, if there are
// fewer sequences than workers, and otherwise of each for a sequence of its own.
type workers[O any] struct {
	pairs []*pair
	both  bool
}

type pair struct{ b, alpha, beta, sums []float64 }

func newWorkers[O any](count int, sequences [][]O, states int) *workers[O] {
	longest := 0
	for _, s := range sequences {
		longest = max(longest, len(s))
	}
	w := &workers[O]{both: count >= 2 && len(sequences) < count}
	if w.both {
		count = max(1, count/2)
	}
	for range min(count, len(sequences)) {
		w.pairs = append(w.pairs, &pair{make([]float64, longest*states), make([]float64, longest*states), make([]float64, longest*states), make([]float64, longest)})
	}
	return w
}

// expect counts over all sequences. Each pair takes every so manieth of them, so that sums have a fixed order.
func (w *workers[O]) expect(m *Model[O], sequences [][]O) (*counts[O], error) {
	parts := make([]*counts[O], len(w.pairs))
	errs := make([]error, len(w.pairs))
	var group sync.WaitGroup
	for i, p := range w.pairs {
		group.Go(func() {
			c := newCounts(m)
			parts[i] = c
			for k := i; k < len(sequences); k += len(w.pairs) {
				if err := count(p, m, sequences[k], w.both, c); err != nil {
					errs[i] = fmt.Errorf("sequence %d: %w", k, err)
					return
				}
			}
		})
	}
	group.Wait()
	for i, c := range parts {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if i > 0 {
			parts[0].add(c)
		}
	}
	return parts[0], nil
}

func (c *counts[O]) add(other *counts[O]) {
	c.logLikelihood += other.logLikelihood
	for i, x := range other.start {
		c.start[i] += x
	}
	for i, x := range other.transition {
		c.transition[i] += x
	}
	c.learner.Merge(other.learner)
}

// count adds one sequence to c. If both is set, the two halves of time, or the two directions, are worked on side by side.
func count[O any](p *pair, m *Model[O], sequence []O, both bool, c *counts[O]) (err error) {
	steps, half := len(sequence), len(sequence)/2
	b := p.b[:steps*len(m.Start)]
	var first, second, scaled float64
	side(both,
		func() { first = m.likelihoods(sequence, 0, half, b) },
		func() { second = m.likelihoods(sequence, half, steps, b) })
	side(both,
		func() { scaled, err = m.forward(b, p.alpha) },
		func() { m.backward(b, p.beta, p.sums) })
	if err != nil {
		return err
	}
	c.logLikelihood += first + second + scaled
	if !both {
		expectations(p, sequence, 0, steps, c)
		return nil
	}
	other := newCounts(m)
	side(true,
		func() { expectations(p, sequence, 0, half, c) },
		func() { expectations(p, sequence, half, steps, other) })
	c.add(other)
	return nil
}

// side calls both functions, side by side or one after the other.
func side(together bool, f, g func()) {
	if !together {
		f()
		g()
		return
	}
	var group sync.WaitGroup
	group.Go(g)
	f()
	group.Wait()
}

// expectations adds what steps from to to-1 say, and the transitions into them.
func expectations[O any](p *pair, sequence []O, from, to int, c *counts[O]) {
	n := len(c.start)
	posterior, w := make([]float64, n), make([]float64, n)
	for t := from; t < to; t++ {
		alpha, beta := p.alpha[t*n:(t+1)*n], p.beta[t*n:(t+1)*n]
		per := 1 / dot(alpha, beta)
		for i, a := range alpha {
			posterior[i] = a * beta[i] * per
		}
		c.learner.Add(sequence[t], posterior)
		if t == 0 {
			for i, x := range posterior {
				c.start[i] += x
			}
			continue
		}
		// p(i at t-1, j at t | all) is α_i(t-1) A_ij b_j(t) β_j(t), scaled to sum 1; A comes at the end.
		before := p.alpha[(t-1)*n : t*n]
		per = 1 / (dot(before, p.beta[(t-1)*n:t*n]) * p.sums[t-1])
		for j, p := range p.b[t*n : (t+1)*n] {
			w[j] = p * beta[j] * per
		}
		for i, a := range before {
			row := c.transition[i*n : (i+1)*n]
			for j, x := range w {
				row[j] += a * x
			}
		}
	}
}
