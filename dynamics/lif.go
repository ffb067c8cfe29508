package dynamics

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// LIF is the leaky integrate-and-fire neuron in discrete time,
//
//	u[t] = decay·v[t-1] + I[t]
//	s[t] = 1 if u[t] ≥ θ[t], else 0
//	v[t] = u[t]·(1-s[t])       hard reset, to 0
//	     = u[t] - θ[t]·s[t]    soft reset
//	     = u[t]                no reset
//
// with θ[t] = threshold + strength·a[t-1] where it adapts. Decay is exp(-Δt/τ), or 1-Δt/τ, of the membrane; 1 makes it the
// integrate-and-fire neuron (IF), without leak. While it is refractory, a neuron neither fires, nor leaks, nor takes in current.
type LIF struct {
	Decay     float64
	Threshold float64 // zero means 1
	Reset     Reset

	// DetachReset keeps gradients from passing through the reset; they do pass in SpikingJelly, and not in snnTorch and
	// SuperSpike.
	DetachReset bool
	Refractory  int // steps after a spike
	Adapt       Adaptation

	// LearnDecay makes decay = σ(w) with a trainable w (PLIF, Fang et al. 2021), and LearnThreshold the threshold itself a
	// trainable value. They are one for the whole layer, or one for each index of the last axis if PerFeature is set.
	LearnDecay, LearnThreshold, PerFeature bool

	Surrogate Surrogate // nil means ArcTan{}
}

// Reset says what a spike does to the membrane.
type Reset int

// The membrane goes to zero, or falls by the threshold, or stays.
const (
	HardReset Reset = iota
	SoftReset
	NoReset
)

// Adaptation raises the threshold of a neuron that fires (ALIF, Bellec et al. 2018): a[t] = decay·a[t-1] + (1-decay)·s[t], and the
// threshold is higher by strength·a. Its zero value is no adaptation.
type Adaptation struct {
	Strength, Decay float64
}

func (a Adaptation) on() bool { return a.Strength != 0 }

// LIFCell is an [LIF] in a graph. Its state is the membrane after the reset, then the adaptation a if the model has it, then the steps that
// are left to be refractory if it can be.
type LIFCell struct {
	Model LIF
	// Decay and Threshold are scalars, or broadcast to the input; replace them by other nodes to make them inputs of the graph.
	Decay, Threshold *graph.Node
}

// Cell makes a cell in the graph of like, which also gives the type; its variables, if the model has any that learn, are "decay" and
// "threshold" in the scope of ctx, which may be nil otherwise.
func (l LIF) Cell(ctx *mlctx.Context, like *graph.Node) *LIFCell {
	if !(l.Decay >= 0 && l.Decay <= 1) || l.Threshold < 0 || l.Refractory < 0 || l.Adapt.Strength < 0 || !(l.Adapt.Decay >= 0 && l.Adapt.Decay <= 1) {
		panicf("an LIF neuron with %+v: decays must lie in [0, 1] and nothing may be negative", l)
	}
	if (l.LearnDecay || l.LearnThreshold) && ctx == nil {
		panicf("an LIF neuron that learns its parameters needs a context")
	}
	l.Threshold = orDefault(l.Threshold, 1)
	parameter := func(name string, learned bool, value float64) *graph.Node {
		if !learned {
			return graph.Scalar(like.Graph(), like.DType(), value)
		}
		dims := []int{}
		if l.PerFeature {
			dims = []int{like.Shape().Dimensions[like.Rank()-1]}
		}
		init := func(g *graph.Graph, shape shapes.Shape) *graph.Node {
			return graph.AddScalar(graph.Zeros(g, shape), value)
		}
		return ctx.WithInitializer(init).VariableWithShape(name, shapes.Make(like.DType(), dims...)).ValueGraph(like.Graph())
	}
	c := &LIFCell{Model: l, Threshold: parameter("threshold", l.LearnThreshold, l.Threshold)}
	if l.LearnDecay {
		if l.Decay == 0 || l.Decay == 1 {
			panicf("a decay of %g cannot be learned: it begins at the end of its range", l.Decay)
		}
		c.Decay = graph.Sigmoid(parameter("decay", true, math.Log(l.Decay/(1-l.Decay))))
	} else {
		c.Decay = parameter("decay", false, l.Decay)
	}
	return c
}

// Rest is all zeros.
func (c *LIFCell) Rest(like *graph.Node) State {
	s := State{graph.ZerosLike(like)}
	if c.Model.Adapt.on() {
		s = append(s, graph.ZerosLike(like))
	}
	if c.Model.Refractory > 0 {
		s = append(s, graph.ZerosLike(like))
	}
	return s
}

// Step returns the spikes, 0 or 1, shaped like current.
func (c *LIFCell) Step(current *graph.Node, s State) (spikes *graph.Node, next State) {
	v, rest := s[0], s[1:]
	u := current
	if c.Model.Decay != 0 || c.Model.LearnDecay {
		u = graph.Add(current, graph.Mul(v, along(c.Decay, v)))
	}
	threshold := along(c.Threshold, u)
	var adaptation, wait, active *graph.Node
	if c.Model.Adapt.on() {
		adaptation, rest = rest[0], rest[1:]
		threshold = graph.Add(threshold, graph.MulScalar(adaptation, c.Model.Adapt.Strength))
	}
	if c.Model.Refractory > 0 {
		wait = rest[0]
		free := graph.LessOrEqual(wait, graph.ScalarZero(u.Graph(), u.DType()))
		u = graph.Where(free, u, v)
		active = graph.ConvertDType(free, u.DType())
	}
	spikes = Spike(graph.Sub(u, threshold), c.Model.Surrogate)
	if active != nil {
		spikes = graph.Mul(spikes, active)
	}
	next = State{c.reset(u, threshold, spikes)}
	if adaptation != nil {
		rho := c.Model.Adapt.Decay
		next = append(next, graph.Add(graph.MulScalar(adaptation, rho), graph.MulScalar(spikes, 1-rho)))
	}
	if wait != nil {
		fired := graph.StopGradient(spikes)
		next = append(next, graph.Add(graph.MulScalar(fired, float64(c.Model.Refractory)), graph.MaxScalar(graph.AddScalar(wait, -1), 0)))
	}
	return spikes, next
}

func (c *LIFCell) reset(u, threshold, spikes *graph.Node) *graph.Node {
	if c.Model.DetachReset {
		spikes = graph.StopGradient(spikes)
	}
	switch c.Model.Reset {
	case HardReset:
		return graph.Mul(u, graph.OneMinus(spikes))
	case SoftReset:
		return graph.Sub(u, graph.Mul(threshold, spikes))
	}
	return u
}

// along gives a parameter of rank 0 or 1 leading axes, so that it broadcasts over x.
func along(p, x *graph.Node) *graph.Node {
	if p.Rank() == 0 || p.Rank() == x.Rank() {
		return p
	}
	return graph.ExpandLeftToRank(p, x.Rank())
}

// Leaky is a leaky integrator without threshold, v[t] = decay·v[t-1] + x[t]: an exponential synapse when it takes in weighted spikes, with decay
// = exp(-Δt/τ), and the membrane of a read-out. It gives out v, which is also its state.
type Leaky struct {
	Decay float64
}

// Rest is zero.
func (l Leaky) Rest(like *graph.Node) State { return State{graph.ZerosLike(like)} }

// Step returns the integral so far.
func (l Leaky) Step(x *graph.Node, s State) (*graph.Node, State) {
	v := graph.Add(x, graph.MulScalar(s[0], l.Decay))
	return v, State{v}
}
