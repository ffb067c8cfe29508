package htm

import (
	"math/rand/v2"
	"slices"
)

const (
	elmLags   = 10
	elmHidden = 200
	elmStart  = 300 // elements seen before it learns
	elmPrior  = 1   // P starts as this times the identity: ridge regression of weight 1/elmPrior
)

// onlineELM is an online sequential extreme learning machine: a layer of sigmoid units with fixed random weights on the last ten
// inputs, and a linear read-out that recursive least squares keeps exact after every element (paper, section 3.6).
type onlineELM struct {
	in, out, ahead int
	frozen         bool
	mask           []float64 // per hidden unit: 1, or 0 if it is dead

	seen    int
	lags    []float32   // the last elmLags inputs, oldest first
	weights []float32   // [elmHidden, elmLags*in+1]
	p       []float64   // [elmHidden, elmHidden]
	beta    []float64   // [elmHidden, out]
	past    [][]float64 // hidden activity of the last ahead+1 steps, in a ring
	ph      []float64
}

func newOnlineELM(in, out, ahead int, rng *rand.Rand) *onlineELM {
	e := &onlineELM{
		in: in, out: out, ahead: ahead, mask: slices.Repeat([]float64{1}, elmHidden),
		lags: make([]float32, elmLags*in), weights: make([]float32, elmHidden*(elmLags*in+1)),
		p: make([]float64, elmHidden*elmHidden), beta: make([]float64, elmHidden*out), ph: make([]float64, elmHidden),
	}
	for i := range e.weights {
		e.weights[i] = float32(2*rng.Float64() - 1)
	}
	for i := range elmHidden {
		e.p[i*elmHidden+i] = elmPrior
	}
	for range ahead + 1 {
		e.past = append(e.past, make([]float64, elmHidden))
	}
	return e
}

// see takes in an element as its input vector and as its target vector, and returns the target expected ahead.
func (e *onlineELM) see(x, target []float32) []float32 {
	if e.seen >= elmStart && !e.frozen {
		e.learn(e.past[(e.seen-e.ahead)%len(e.past)], target)
	}
	h := e.past[e.seen%len(e.past)]
	e.seen++
	copy(e.lags, e.lags[e.in:])
	copy(e.lags[len(e.lags)-e.in:], x)
	width := len(e.lags) + 1
	for i := range h {
		w := e.weights[i*width : (i+1)*width]
		z := w[len(e.lags)]
		for j, v := range e.lags {
			z += w[j] * v
		}
		h[i] = float64(sigmoid(z)) * e.mask[i]
	}
	y := make([]float32, e.out)
	for k, v := range e.output(h) {
		y[k] = float32(v)
	}
	return y
}

// learn corrects the read-out towards the target that belongs to hidden activity h:
// P <- P - P h h'P/(1+h'P h), then beta <- beta + P h (target - h'beta)'.
func (e *onlineELM) learn(h []float64, target []float32) {
	denominator := 1.0
	for i := range e.ph {
		sum := 0.0
		for j, v := range e.p[i*elmHidden : (i+1)*elmHidden] {
			sum += v * h[j]
		}
		e.ph[i] = sum
		denominator += sum * h[i]
	}
	for i, pi := range e.ph {
		scale := pi / denominator
		row := e.p[i*elmHidden : (i+1)*elmHidden]
		for j := range row {
			row[j] -= scale * e.ph[j]
		}
	}
	miss := e.output(h)
	for k := range miss {
		miss[k] = float64(target[k]) - miss[k]
	}
	for i, pi := range e.ph { // the new P times h is the old one over the denominator
		for k, m := range miss {
			e.beta[i*e.out+k] += pi / denominator * m
		}
	}
}

func (e *onlineELM) output(h []float64) []float64 {
	y := make([]float64, e.out)
	for i, v := range h {
		for k := range y {
			y[k] += v * e.beta[i*e.out+k]
		}
	}
	return y
}

// withDead returns a frozen copy with some of the hidden units dead.
func (e *onlineELM) withDead(units []int) *onlineELM {
	c := *e
	c.mask, c.lags, c.past = slices.Clone(e.mask), slices.Clone(e.lags), slices.Clone(e.past)
	for i, h := range c.past {
		c.past[i] = slices.Clone(h)
	}
	for _, u := range units {
		c.mask[u] = 0
	}
	c.frozen = true
	return &c
}
