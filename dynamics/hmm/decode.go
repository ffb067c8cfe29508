package hmm

import (
	"fmt"
	"math"
)

// impossible is the error where no state can have shown an observation.
func impossible(t int) error {
	return fmt.Errorf("hmm: observation %d is impossible in every state that can be reached there", t)
}

// likelihoods writes those of observations from to to-1 into b, [T, M], and returns the sum of the logarithms they were divided by.
func (m *Model[O]) likelihoods(sequence []O, from, to int, b []float64) (scale float64) {
	n := len(m.Start)
	for t := from; t < to; t++ {
		scale += m.Emission.Likelihood(sequence[t], b[t*n:(t+1)*n])
	}
	return scale
}

// forward writes scaled forward probabilities p(state t | observations 0..t), [T, M], into alpha, from the likelihoods b, [T, M], and returns the
// logarithm of what they were scaled by.
func (m *Model[O]) forward(b, alpha []float64) (logLikelihood float64, err error) {
	n := len(m.Start)
	into := transposed(m.Transition, n, n) // row j: from each state into j
	product := 1.                          // of sums whose logarithm is still to be taken
	for t := range len(b) / n {
		now, seen, sum := alpha[t*n:(t+1)*n], b[t*n:(t+1)*n], 0.
		if t == 0 {
			for j, p := range seen {
				now[j] = m.Start[j] * p
				sum += now[j]
			}
		} else {
			before := alpha[(t-1)*n : t*n]
			for j, p := range seen {
				now[j] = dot(before, into[j*n:]) * p
				sum += now[j]
			}
		}
		if !(sum > 0) {
			return 0, impossible(t)
		}
		if product *= sum; product < 1e-200 || product > 1e200 {
			logLikelihood += math.Log(product)
			product = 1
		}
		per := 1 / sum
		for j := range now {
			now[j] *= per
		}
	}
	return logLikelihood + math.Log(product), nil
}

// backward writes backward probabilities p(observations t+1..T-1 | state t), [T, M], each row scaled to sum 1, into beta, and the sums of the rows
// before that, [T], into sums.
func (m *Model[O]) backward(b, beta, sums []float64) {
	n := len(m.Start)
	steps := len(b) / n
	w := make([]float64, n)
	for t := steps - 1; t >= 0; t-- {
		now, sum := beta[t*n:(t+1)*n], 0.
		if t == steps-1 {
			for j := range now {
				now[j] = 1
			}
			sum = float64(n)
		} else {
			seen := b[(t+1)*n : (t+2)*n]
			for j, x := range beta[(t+1)*n : (t+2)*n] {
				w[j] = x * seen[j]
			}
			for i := range now {
				now[i] = dot(w, m.Transition[i*n:])
				sum += now[i]
			}
		}
		sums[t] = sum
		if sum == 0 {
			continue // forward says so
		}
		per := 1 / sum
		for j := range now {
			now[j] *= per
		}
	}
}

// dot is x·y over len(x), in four sums that the processor can work on side by side.
func dot(x, y []float64) float64 {
	y = y[:len(x)]
	var a, b, c, d float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		a += x[i] * y[i]
		b += x[i+1] * y[i+1]
		c += x[i+2] * y[i+2]
		d += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		a += x[i] * y[i]
	}
	return a + b + (c + d)
}

// LogLikelihood is the logarithm of the probability (density) of a sequence.
func (m *Model[O]) LogLikelihood(sequence []O) (float64, error) {
	if err := m.checkSequence(sequence); err != nil {
		return 0, err
	}
	b := make([]float64, len(sequence)*len(m.Start))
	scale := m.likelihoods(sequence, 0, len(sequence), b)
	logLikelihood, err := m.forward(b, make([]float64, len(b)))
	return logLikelihood + scale, err
}

// Posterior returns the probability of each state at each step given the whole sequence, [T, M], and the sequence's log-likelihood.
func (m *Model[O]) Posterior(sequence []O) (posterior []float64, logLikelihood float64, err error) {
	if err := m.checkSequence(sequence); err != nil {
		return nil, 0, err
	}
	n := len(m.Start)
	b := make([]float64, len(sequence)*n)
	scale := m.likelihoods(sequence, 0, len(sequence), b)
	posterior, beta := make([]float64, len(b)), make([]float64, len(b))
	if logLikelihood, err = m.forward(b, posterior); err != nil {
		return nil, 0, err
	}
	m.backward(b, beta, make([]float64, len(sequence)))
	for t := range sequence {
		row, back := posterior[t*n:(t+1)*n], beta[t*n:(t+1)*n]
		per := 1 / dot(row, back)
		for i := range row {
			row[i] *= back[i] * per
		}
	}
	return posterior, logLikelihood + scale, nil
}

// Viterbi returns the most probable sequence of states, [T], and the logarithm of its joint probability with the observations.
func (m *Model[O]) Viterbi(sequence []O) (path []int, logProbability float64, err error) {
	if err := m.checkSequence(sequence); err != nil {
		return nil, 0, err
	}
	n := len(m.Start)
	into := transposed(m.Transition, n, n)
	for i, p := range into {
		into[i] = math.Log(p)
	}
	best, before, b := make([]float64, n), make([]float64, n), make([]float64, n)
	from := make([]int32, len(sequence)*n)
	for t, o := range sequence {
		scale := m.Emission.Likelihood(o, b)
		best, before = before, best
		for j := range best {
			top, at := math.Inf(-1), 0
			if t == 0 {
				top = math.Log(m.Start[j])
			} else {
				row := into[j*n : (j+1)*n]
				for i, x := range before {
					if x += row[i]; x > top {
						top, at = x, i
					}
				}
			}
			best[j] = top + math.Log(b[j]) + scale
			from[t*n+j] = int32(at)
		}
		if top, _ := largest(best); math.IsInf(top, -1) {
			return nil, 0, impossible(t)
		}
	}
	logProbability, state := largest(best)
	path = make([]int, len(sequence))
	for t := len(sequence) - 1; t >= 0; t-- {
		path[t] = state
		state = int(from[t*n+state])
	}
	return path, logProbability, nil
}

func largest(x []float64) (top float64, at int) {
	top = math.Inf(-1)
	for i, v := range x {
		if v > top {
			top, at = v, i
		}
	}
	return top, at
}
