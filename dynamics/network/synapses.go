package network

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Synapses are sparse connections: for each presynaptic neuron a row.
type Synapses struct {
	Pre, Post int       // how many neurons there are on either side
	Start     []int     // [Pre+1]: row i is Start[i] to Start[i+1]-1 of what follows
	Target    []int32   // postsynaptic neurons
	Weight    []float32 // current that a spike causes
	Delay     []uint16  // steps from a spike to its current; nil means 1 for all
}

// Len is the number of synapses.
func (s *Synapses) Len() int { return len(s.Target) }

// delay is that of the k-th synapse.
func (s *Synapses) delay(k int) int {
	if s.Delay == nil {
		return 1
	}
	return int(s.Delay[k])
}

// check says what is wrong with connections onto so many neurons, whose delays must be at least least.
func (s *Synapses) check(what string, post, least int) error {
	n := len(s.Target)
	switch {
	case s.Post != post:
		return fmt.Errorf("network: %s go to %d neurons, but there are %d", what, s.Post, post)
	case len(s.Start) != s.Pre+1 || len(s.Weight) != n || s.Delay != nil && len(s.Delay) != n:
		return fmt.Errorf("network: %s of %d neurons have %d row starts, %d targets, %d weights and %d delays", what, s.Pre, len(s.Start), n, len(s.Weight), len(s.Delay))
	case s.Start[0] != 0 || s.Start[s.Pre] != n:
		return fmt.Errorf("network: the rows of %s begin at %d and end at %d, not 0 and %d", what, s.Start[0], s.Start[s.Pre], n)
	}
	for i := range s.Pre {
		if s.Start[i+1] < s.Start[i] {
			return fmt.Errorf("network: row %d of %s ends before it begins", i, what)
		}
	}
	for k, target := range s.Target {
		switch {
		case target < 0 || int(target) >= post:
			return fmt.Errorf("network: synapse %d of %s goes to neuron %d of %d", k, what, target, post)
		case s.delay(k) < least:
			return fmt.Errorf("network: synapse %d of %s has a delay of %d steps; the least is %d", k, what, s.delay(k), least)
		case math.IsNaN(float64(s.Weight[k])) || math.IsInf(float64(s.Weight[k]), 0):
			return fmt.Errorf("network: synapse %d of %s has the weight %g", k, what, s.Weight[k])
		}
	}
	return nil
}

// Synapse is one connection.
type Synapse struct {
	Pre, Post int
	Weight    float32
	Delay     int // steps
}

// Connect makes rows of a list of synapses; those of one neuron keep their order.
func Connect(pre, post int, list []Synapse) (*Synapses, error) {
	s := &Synapses{Pre: pre, Post: post, Start: make([]int, pre+1),
		Target: make([]int32, len(list)), Weight: make([]float32, len(list)), Delay: make([]uint16, len(list))}
	for k, c := range list {
		if c.Pre < 0 || c.Pre >= pre || c.Post < 0 || c.Post >= post || c.Delay < 0 || c.Delay > math.MaxUint16 {
			return nil, fmt.Errorf("network: synapse %d is %+v, among %d and %d neurons", k, c, pre, post)
		}
		s.Start[c.Pre+1]++
	}
	for i := range pre {
		s.Start[i+1] += s.Start[i]
	}
	next := append([]int(nil), s.Start[:pre]...)
	for _, c := range list {
		k := next[c.Pre]
		next[c.Pre]++
		s.Target[k], s.Weight[k], s.Delay[k] = int32(c.Post), c.Weight, uint16(c.Delay)
	}
	return s, nil
}

// Draw gives the weight and the delay of a synapse from pre to post.
type Draw func(pre, post int, rng *rand.Rand) (weight float32, delay int)

// Equal draws the same weight and delay always.
func Equal(weight float32, delay int) Draw {
	return func(int, int, *rand.Rand) (float32, int) { return weight, delay }
}

// FanOut connects each presynaptic neuron to so many targets, drawn with replacement.
func FanOut(pre, post, targets int, draw Draw, rng *rand.Rand) (*Synapses, error) {
	if pre < 0 || post < 1 || targets < 0 {
		return nil, fmt.Errorf("network: %d neurons with %d targets each among %d", pre, targets, post)
	}
	return rows(pre, post, pre*targets, func(_ int, to func(post int)) {
		for range targets {
			to(rng.IntN(post))
		}
	}, draw, rng)
}

// Bernoulli connects each pair with probability p, independently.
func Bernoulli(pre, post int, p float64, draw Draw, rng *rand.Rand) (*Synapses, error) {
	if pre < 0 || post < 0 || !(p >= 0 && p <= 1) {
		return nil, fmt.Errorf("network: connecting %d and %d neurons with probability %g", pre, post, p)
	}
	skip := func() int { return 0 } // pairs that are left out before the next
	if p < 1 {
		per := 1 / math.Log1p(-p)
		skip = func() int { return int(min(math.Log(1-rng.Float64())*per, math.MaxInt32)) }
	}
	return rows(pre, post, int(p*float64(pre)*float64(post)*1.02), func(_ int, to func(int)) {
		if p == 0 {
			return
		}
		for j := skip(); j < post; j += 1 + skip() {
			to(j)
		}
	}, draw, rng)
}

// Dense connects every pair with the weights [pre, post], after delay steps.
func Dense(weights []float32, pre, post, delay int) (*Synapses, error) {
	if pre < 0 || post < 0 || len(weights) != pre*post {
		return nil, fmt.Errorf("network: %d weights for %d x %d pairs", len(weights), pre, post)
	}
	return rows(pre, post, pre*post, func(_ int, to func(int)) {
		for j := range post {
			to(j)
		}
	}, func(i, j int, _ *rand.Rand) (float32, int) { return weights[i*post+j], delay }, nil)
}

func rows(pre, post, about int, row func(pre int, to func(post int)), draw Draw, rng *rand.Rand) (*Synapses, error) {
	s := &Synapses{Pre: pre, Post: post, Start: make([]int, pre+1),
		Target: make([]int32, 0, about), Weight: make([]float32, 0, about), Delay: make([]uint16, 0, about)}
	for i := range pre {
		var err error
		row(i, func(j int) {
			w, d := draw(i, j, rng)
			if d < 0 || d > math.MaxUint16 {
				err = fmt.Errorf("network: a delay of %d steps from %d to %d", d, i, j)
			}
			s.Target, s.Weight, s.Delay = append(s.Target, int32(j)), append(s.Weight, w), append(s.Delay, uint16(d))
		})
		if err != nil {
			return nil, err
		}
		s.Start[i+1] = len(s.Target)
	}
	return s, nil
}
