package hmm

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Model is a hidden Markov model of M states whose observations are of type O: a symbol (int) for [Categorical] emissions, a vector ([]float64) for
// [Gaussian] ones.
type Model[O any] struct {
	Start      []float64 // [M], probabilities of the first state
	Transition []float64 // [M, M], row i: probabilities of what follows state i
	Emission   Emission[O]
}

// Emission is what each state shows.
type Emission[O any] interface {
	// States is M.
	States() int
	// Check says what is wrong with its parameters.
	Check() error
	// Fits says what is wrong with an observation.
	Fits(o O) error
	// Likelihood writes the probability (density) of o in each state, [M], divided by exp(scale), which is returned so that not all of them vanish.
	Likelihood(o O, into []float64) (scale float64)
	// Draw draws an observation in a state.
	Draw(state int, rng *rand.Rand) O
	// Learner begins to collect what is needed to fit the emission anew.
	Learner() Learner[O]
}

// Learner collects observations with the probabilities of the states they were made in.
type Learner[O any] interface {
	// Add adds an observation with posterior probabilities [M].
	Add(o O, posterior []float64)
	// Merge adds what another learner of the same emission has collected.
	Merge(other Learner[O])
	// Emission is the one under which all this is most likely. States that were never visited stay as they were.
	Emission() Emission[O]
}

// tolerance is by how much sums of probabilities may miss 1.
const tolerance = 1e-6

// Check says which probabilities are none.
func (m *Model[O]) Check() error {
	if m.Emission == nil {
		return errors.New("hmm: no emission")
	}
	n := m.Emission.States()
	if n < 1 || len(m.Start) != n || len(m.Transition) != n*n {
		return fmt.Errorf("hmm: %d start and %d transition probabilities for %d states; expected %d and %d", len(m.Start), len(m.Transition), n, n, n*n)
	}
	if err := distribution("start", m.Start); err != nil {
		return err
	}
	for i := range n {
		if err := distribution(fmt.Sprintf("row %d of the transition", i), m.Transition[i*n:(i+1)*n]); err != nil {
			return err
		}
	}
	return m.Emission.Check()
}

// distribution checks that probabilities are not negative and sum to 1.
func distribution(what string, p []float64) error {
	sum := 0.
	for i, x := range p {
		if !(x >= 0) || math.IsInf(x, 0) {
			return fmt.Errorf("hmm: %s probabilities: entry %d is %g; expected 0 or more", what, i, x)
		}
		sum += x
	}
	if math.Abs(sum-1) > tolerance {
		return fmt.Errorf("hmm: %s probabilities sum to %.9g; expected 1", what, sum)
	}
	return nil
}

// checkSequence checks the model and the observations.
func (m *Model[O]) checkSequence(sequence []O) error {
	if err := m.Check(); err != nil {
		return err
	}
	if len(sequence) == 0 {
		return errors.New("hmm: an empty sequence")
	}
	for t, o := range sequence {
		if err := m.Emission.Fits(o); err != nil {
			return fmt.Errorf("hmm: observation %d: %w", t, err)
		}
	}
	return nil
}

// Sample draws steps states and the observations made in them. The model must pass Check.
func (m *Model[O]) Sample(steps int, rng *rand.Rand) (states []int, observations []O) {
	n := len(m.Start)
	p := m.Start
	for range steps {
		s := pick(p, rng)
		states, observations = append(states, s), append(observations, m.Emission.Draw(s, rng))
		p = m.Transition[s*n : (s+1)*n]
	}
	return states, observations
}

// pick draws an index by its probability.
func pick(p []float64, rng *rand.Rand) int {
	x := rng.Float64()
	last := 0
	for i, q := range p {
		if q == 0 {
			continue
		}
		if last = i; x < q {
			return i
		}
		x -= q
	}
	return last
}

// Stationary returns the probabilities of the states in the long run, [M], by repeated squaring of the transitions. For a chain that returns to some
// states only at fixed intervals it is their mean over time.
func (m *Model[O]) Stationary() []float64 {
	n := len(m.Start)
	p := make([]float64, n*n)
	for i := range n {
		for j := range n {
			p[i*n+j] = m.Transition[i*n+j] / 2 // a chain that stays half the time has the same long run, and no period
		}
		p[i*n+i] += .5
	}
	next := make([]float64, n*n)
	for range 60 {
		for i := range n {
			sum := 0.
			for j := range n {
				next[i*n+j] = 0
				for k := range n {
					next[i*n+j] += p[i*n+k] * p[k*n+j]
				}
				sum += next[i*n+j]
			}
			for j := range n {
				next[i*n+j] /= sum
			}
		}
		p, next = next, p
	}
	out := make([]float64, n)
	for i, s := range m.Start {
		for j := range n {
			out[j] += s * p[i*n+j]
		}
	}
	return out
}
