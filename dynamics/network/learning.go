package network

import (
	"errors"
	"fmt"
	"math"
)

// Learning is spike-timing dependent plasticity (STDP), with a third factor where Eligibility is set. Each neuron keeps a trace of its spikes
// that decays with TauPlus (as presynaptic neuron) or TauMinus (as postsynaptic one),
//
//	x ← x·exp(-1/τ) per step, then x ← x + 1 at a spike (all pairs count), or x ← 1 (the nearest count)
//
// and a synapse changes at the spikes of its two neurons (Song, Miller & Abbott 2000; van Rossum, Bi & Turrigiano 2000):
//
//	postsynaptic spike:  Δw = +APlus·x_pre        or, multiplicative, +APlus·(Max - w)·x_pre
//	presynaptic spike:   Δw = -AMinus·x_post      or, multiplicative, -AMinus·w·x_post
//
// Weights stay between 0 and Max. Spikes of the same step do not see one another, and times are those of the spikes at their neurons,
// whatever the delay between them.
//
// With Eligibility, Δw goes into a trace e of each synapse instead, which decays with that time constant, and [Network.Reward] changes the
// weights by reward·e: three factors (Izhikevich 2007; Frémaux & Gerstner 2016).
type Learning struct {
	APlus, AMinus     float64
	TauPlus, TauMinus float64 // steps
	Max               float64 // weight
	Multiplicative    bool
	Nearest           bool
	Eligibility       float64 // time constant in steps; 0 changes weights at once
	// Only says whose outgoing synapses learn, such as those of excitatory neurons; nil means all.
	Only func(pre int) bool
}

func (l *Learning) check(s *Synapses) error {
	if s == nil {
		return errors.New("network: learning without synapses")
	}
	for _, tau := range []float64{l.TauPlus, l.TauMinus} {
		if !(tau > 0) || math.IsInf(tau, 0) {
			return fmt.Errorf("network: learning with a time constant of %g steps", tau)
		}
	}
	if !(l.APlus >= 0 && l.AMinus >= 0 && l.Max > 0 && l.Eligibility >= 0) || math.IsInf(l.APlus+l.AMinus+l.Max+l.Eligibility, 0) {
		return fmt.Errorf("network: learning with %+v; nothing may be negative and Max must be positive", *l)
	}
	for i := range s.Pre {
		if l.Only != nil && !l.Only(i) {
			continue
		}
		for k := s.Start[i]; k < s.Start[i+1]; k++ {
			if w := float64(s.Weight[k]); w < 0 || w > l.Max {
				return fmt.Errorf("network: synapse %d of neuron %d learns, but its weight %g does not lie between 0 and %g", k-s.Start[i], i, w, l.Max)
			}
		}
	}
	if s.Len() > math.MaxInt32 {
		return fmt.Errorf("network: %d synapses are more than can learn", s.Len())
	}
	return nil
}

// learner is the learning of the synapses onto one block.
type learner struct {
	l            Learning
	c            *connections
	from         int
	pre, post    []float32 // traces: of all neurons, and of the block's
	perPre       float32   // decays per step
	perPost      float32
	learns       []bool  // [pre]
	start        []int32 // [block's neurons+1]: the synapses onto neuron i are incoming[start[i]:start[i+1]]
	incoming     []int32 // synapses
	source       []int32 // their presynaptic neurons
	eligible     []float32
	scale, perEl float64 // eligible holds e/scale, so that all decay at once
}

func newLearner(l *Learning, c *connections, neurons, from, to int) *learner {
	r := &learner{l: *l, c: c, from: from, pre: make([]float32, neurons), post: make([]float32, to-from), learns: make([]bool, neurons),
		perPre: float32(math.Exp(-1 / l.TauPlus)), perPost: float32(math.Exp(-1 / l.TauMinus)), scale: 1}
	r.start = make([]int32, to-from+1)
	for i := range neurons {
		r.learns[i] = l.Only == nil || l.Only(i)
		if begin, end := c.synapsesOf(i); r.learns[i] {
			for k := begin; k < end; k++ {
				r.start[c.target[k]+1]++
			}
		}
	}
	for i := range to - from {
		r.start[i+1] += r.start[i]
	}
	r.incoming, r.source = make([]int32, r.start[to-from]), make([]int32, r.start[to-from])
	next := append([]int32(nil), r.start...)
	for i := range neurons {
		begin, end := c.synapsesOf(i)
		for k := begin; k < end && r.learns[i]; k++ {
			at := next[c.target[k]]
			next[c.target[k]]++
			r.incoming[at], r.source[at] = int32(k), int32(i)
		}
	}
	if l.Eligibility > 0 {
		r.eligible = make([]float32, len(c.target))
		r.perEl = math.Exp(-1 / l.Eligibility)
	}
	return r
}

func (r *learner) reset() {
	clear(r.pre)
	clear(r.post)
	clear(r.eligible)
	r.scale = 1
}

// decay lets the traces of one step fade.
func (r *learner) decay() {
	for i := range r.pre {
		r.pre[i] *= r.perPre
	}
	for i := range r.post {
		r.post[i] *= r.perPost
	}
	if r.eligible == nil {
		return
	}
	if r.scale *= r.perEl; r.scale < 1e-20 { // before what is stored leaves the range of float32
		for k := range r.eligible {
			r.eligible[k] *= float32(r.scale)
		}
		r.scale = 1
	}
}

// change changes a synapse, or what it is eligible for.
func (r *learner) change(k int, by float32) {
	if r.eligible != nil {
		r.eligible[k] += by / float32(r.scale)
		return
	}
	r.c.weight[k] = min(max(r.c.weight[k]+by, 0), float32(r.l.Max))
}

func (r *learner) presynaptic(spikes []int32) {
	a := float32(r.l.AMinus)
	for _, s := range spikes {
		if !r.learns[s] {
			continue
		}
		begin, end := r.c.synapsesOf(int(s))
		for k := begin; k < end; k++ {
			x := r.post[r.c.target[k]]
			if x == 0 {
				continue
			}
			if r.l.Multiplicative {
				x *= r.c.weight[k]
			}
			r.change(k, -a*x)
		}
	}
}

func (r *learner) postsynaptic(spikes []int32) {
	a := float32(r.l.APlus)
	for _, s := range spikes {
		i := int(s) - r.from
		for at := r.start[i]; at < r.start[i+1]; at++ {
			x, k := r.pre[r.source[at]], int(r.incoming[at])
			if x == 0 {
				continue
			}
			if r.l.Multiplicative {
				x *= float32(r.l.Max) - r.c.weight[k]
			}
			r.change(k, a*x)
		}
	}
}

// remember puts the spikes of a step into the traces.
func (r *learner) remember(spikes []int32) {
	for _, s := range spikes {
		add := func(x *float32) {
			if r.l.Nearest {
				*x = 0
			}
			*x++
		}
		add(&r.pre[s])
		if i := int(s) - r.from; i >= 0 && i < len(r.post) {
			add(&r.post[i])
		}
	}
}

// Reward changes the weights by reward times what each synapse is eligible for.
func (n *Network) Reward(reward float64) error {
	if n.c.Learning == nil || n.c.Learning.Eligibility == 0 {
		return errors.New("network: a reward, but the network does not learn by eligibility")
	}
	for _, b := range n.blocks {
		l := b.learning
		by := float32(reward * l.scale)
		for i, learns := range l.learns {
			begin, end := l.c.synapsesOf(i)
			for k := begin; k < end && learns; k++ {
				l.c.weight[k] = min(max(l.c.weight[k]+by*l.eligible[k], 0), float32(l.l.Max))
			}
		}
	}
	return nil
}
