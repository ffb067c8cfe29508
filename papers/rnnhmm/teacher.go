package rnnhmm

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/dynamics/hmm"
)

// teacher makes a hidden Markov model of the paper: "chain" of so many states, with transitions between neighbours whose product along the chain is
// target, "full" of three states, or "cyclic" of four.
func teacher(kind string, states int, target float64) (*hmm.Model[int], error) {
	m := &hmm.Model[int]{}
	var emission [][]float64
	var transition [][]float64
	switch kind {
	case "chain":
		if states < 2 || states > 50 {
			return nil, fmt.Errorf("states: a chain of %d; expected 2 to 50", states)
		}
		q := math.Pow(target, 1/float64(states-1))
		if !(target > 0) || states > 2 && q > .5 || q > 1 {
			return nil, fmt.Errorf("target: %g makes each neighbour follow with probability %.3f and leaves %.3f to stay; for %d states expected more than 0 and at most %.4g",
				target, q, 1-2*q, states, math.Pow(.5, float64(states-1)))
		}
		for i := range states {
			row := make([]float64, states)
			row[i] = 1
			for _, j := range []int{i - 1, i + 1} {
				if j >= 0 && j < states {
					row[j] = q
					row[i] -= q
				}
			}
			a := float64(i) / float64(states-1)
			transition = append(transition, row)
			emission = append(emission, []float64{.99 * (1 - a), .01, .99 * a})
		}
	case "full":
		for i := range 3 {
			row, out := []float64{.025, .025, .025}, []float64{.01, .01, .01}
			row[i], out[i] = .95, .98
			transition, emission = append(transition, row), append(emission, out)
		}
	case "cyclic":
		for i := range 4 {
			row := make([]float64, 4)
			row[i], row[(i+1)%4], row[(i+3)%4] = .95, .025, .025
			transition = append(transition, row)
		}
		emission = [][]float64{{.9, .1, 0}, {.1, .9, 0}, {0, .1, .9}, {0, .9, .1}}
	default:
		return nil, fmt.Errorf("teacher: %q; expected chain, full or cyclic", kind)
	}
	e := &hmm.Categorical{Symbols: 3}
	for i := range transition {
		m.Start = append(m.Start, 1/float64(len(transition)))
		m.Transition = append(m.Transition, transition[i]...)
		e.P = append(e.P, emission[i]...)
	}
	m.Emission = e
	return m, m.Check()
}

// dwell is the mean time in a state, steps, over the long run.
func dwell(m *hmm.Model[int]) float64 {
	leave := 0.
	for i, p := range m.Stationary() {
		leave += p * (1 - m.Transition[i*len(m.Start)+i])
	}
	return 1 / leave
}

// sequences are symbols [n, T].
type sequences struct {
	n, steps int
	symbols  []int32
}

func (s sequences) row(i int) []int32 { return s.symbols[i*s.steps : (i+1)*s.steps] }

// some are rows from to to-1.
func (s sequences) some(from, to int) sequences {
	return sequences{to - from, s.steps, s.symbols[from*s.steps : to*s.steps]}
}

// sample draws n sequences from a model.
func sample(m *hmm.Model[int], n, steps int, rng *rand.Rand) sequences {
	s := sequences{n: n, steps: steps}
	for range n {
		_, symbols := m.Sample(steps, rng)
		for _, x := range symbols {
			s.symbols = append(s.symbols, int32(x))
		}
	}
	return s
}

// markov fits a chain of first order on symbols, as a model whose states are the symbols. Each transition gets a hundredth of a count.
func markov(s sequences, symbols int) *hmm.Model[int] {
	m := &hmm.Model[int]{Start: make([]float64, symbols), Transition: make([]float64, symbols*symbols)}
	e := &hmm.Categorical{Symbols: symbols, P: make([]float64, symbols*symbols)}
	for i := range m.Transition {
		m.Transition[i] = .01
	}
	for i := range symbols {
		m.Start[i], e.P[i*symbols+i] = .01, 1
	}
	for i := range s.n {
		row := s.row(i)
		m.Start[row[0]]++
		for t := 1; t < len(row); t++ {
			m.Transition[int(row[t-1])*symbols+int(row[t])]++
		}
	}
	normalise(m.Start)
	for i := range symbols {
		normalise(m.Transition[i*symbols : (i+1)*symbols])
	}
	m.Emission = e
	return m
}

func normalise(p []float64) {
	sum := 0.
	for _, x := range p {
		sum += x
	}
	for i := range p {
		p[i] /= sum
	}
}

// statistics of sequences of symbols.
type statistics struct {
	Frequency  []float64
	Transition [][]float64 // rows of symbols that were never followed by another are nil
	Volatility float64     // changes of symbol per 100 steps
}

func statisticsOf(s sequences, symbols int) statistics {
	st := statistics{Frequency: make([]float64, symbols), Transition: make([][]float64, symbols)}
	counts := make([]float64, symbols*symbols)
	changes := 0
	for i := range s.n {
		row := s.row(i)
		for t, x := range row {
			st.Frequency[x] += 1 / float64(len(s.symbols))
			if t > 0 {
				counts[int(row[t-1])*symbols+int(x)]++
				if x != row[t-1] {
					changes++
				}
			}
		}
	}
	st.Volatility = 100 * float64(changes) / float64(s.n*(s.steps-1))
	for i := range symbols {
		row, sum := counts[i*symbols:(i+1)*symbols], 0.
		for _, x := range row {
			sum += x
		}
		if sum > 0 {
			normalise(row)
			st.Transition[i] = row
		}
	}
	return st
}

// frequent is the share from which on rows of a transition matrix are compared.
const frequent = .05

// transitionError is the mean absolute difference of transitions from symbols that are frequent in truth; a symbol that the other never emits counts as
// wholly wrong, 1.
func (st statistics) transitionError(truth statistics) float64 {
	sum, n := 0., 0
	for i, row := range truth.Transition {
		if truth.Frequency[i] < frequent {
			continue
		}
		for j, p := range row {
			n++
			if st.Transition[i] == nil {
				sum++
			} else {
				sum += math.Abs(st.Transition[i][j] - p)
			}
		}
	}
	return sum / float64(n)
}
