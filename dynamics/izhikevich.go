package dynamics

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
)

// Izhikevich is the neuron of E. M. Izhikevich, "Simple model of spiking neurons", IEEE Transactions on Neural Networks 14 (2003),
//
//	v' = 0.04v² + 5v + 140 - u + I        u' = a(bv - u)
//	where v ≥ 30 mV it spikes, and then v ← c, u ← u + d
//
// with v in mV and time in ms. It is integrated as in that paper: v by Euler's method in two half steps, then u in a whole one, then the
// spike.
type Izhikevich struct {
	A, B, C, D float64
}

// The kinds of neurons of figure 2 of the 2003 paper.
var (
	RegularSpiking        = Izhikevich{.02, .2, -65, 8}    // fires at once, then ever more slowly
	IntrinsicallyBursting = Izhikevich{.02, .2, -55, 4}    // a burst, then single spikes
	Chattering            = Izhikevich{.02, .2, -50, 2}    // burst after burst
	FastSpiking           = Izhikevich{.1, .2, -65, 2}     // fast, without slowing down
	LowThresholdSpiking   = Izhikevich{.02, .25, -65, 2}   // fast, slowing down, at weak currents
	ThalamoCortical       = Izhikevich{.02, .25, -65, .05} // tonic from rest; a burst on release from hyperpolarisation
	Resonator             = Izhikevich{.1, .26, -65, 2}    // oscillates below threshold; answers inputs of its own frequency
)

const (
	izhikevichPeak  = 30.  // mV
	izhikevichRest  = -65. // mV
	izhikevichWidth = 10.  // mV
)

// Further behaviours of Izhikevich, "Which model to use for cortical spiking neurons?", IEEE Transactions on Neural Networks 15 (2004),
// figure 1, whose captions and program name the currents.
var (
	PhasicSpiking            = Izhikevich{.02, .25, -65, 6}   // one spike at the onset of a current of 0.5
	TonicBursting            = Izhikevich{.02, .2, -50, 2}    // at 15
	PhasicBursting           = Izhikevich{.02, .25, -55, .05} // one burst at the onset of 0.6
	MixedMode                = Izhikevich{.02, .2, -55, 4}    // a burst, then tonic spikes, at 10
	SpikeFrequencyAdaptation = Izhikevich{.01, .2, -65, 8}    // at 30
	ReboundSpike             = Izhikevich{.03, .25, -60, 4}   // one spike after -15 for 5 ms
	ReboundBurst             = Izhikevich{.03, .25, -52, 0}   // a burst after -15 for 5 ms
	InhibitionInducedSpiking = Izhikevich{-.02, -1, -60, 8}   // quiet at 80, spikes at 75
)

// Start returns v and u of a neuron at rest as the 2003 paper starts it: v = -65 mV, u = bv.
func (m Izhikevich) Start() (v, u float64) { return izhikevichRest, m.B * izhikevichRest }

// Cell makes a cell of equal neurons in the graph of like, which also gives the type.
func (m Izhikevich) Cell(like *graph.Node) *IzhikevichCell {
	scalar := func(v float64) *graph.Node { return graph.Scalar(like.Graph(), like.DType(), v) }
	return &IzhikevichCell{A: scalar(m.A), B: scalar(m.B), C: scalar(m.C), D: scalar(m.D)}
}

// IzhikevichCell is [Izhikevich] neurons in a graph, one step of time at a time. Its state is v, then u.
type IzhikevichCell struct {
	// A, B, C and D are scalars, or broadcast to the input: one value for each neuron of the last axis makes a mixed population.
	A, B, C, D *graph.Node

	Interval    float64 // of time in a step, ms; zero means 1
	DetachReset bool
	Surrogate   Surrogate // of (v - 30 mV)/Width; nil means ArcTan{}
	Width       float64   // mV; zero means 10
}

// Rest is v = -65 mV and u = bv.
func (c *IzhikevichCell) Rest(like *graph.Node) State {
	v := graph.AddScalar(graph.ZerosLike(like), izhikevichRest)
	return State{v, graph.Mul(v, along(c.B, v))}
}

// Step returns the spikes, 0 or 1, shaped like current.
func (c *IzhikevichCell) Step(current *graph.Node, s State) (spikes *graph.Node, next State) {
	dt := orDefault(c.Interval, 1)
	v, u := s[0], s[1]
	drive := graph.AddScalar(graph.Sub(current, u), 140)
	for range 2 {
		slope := graph.Add(graph.Mul(graph.AddScalar(graph.MulScalar(v, .04), 5), v), drive)
		v = graph.Add(v, graph.MulScalar(slope, dt/2))
	}
	u = graph.Add(u, graph.MulScalar(graph.Mul(along(c.A, v), graph.Sub(graph.Mul(along(c.B, v), v), u)), dt))
	spikes = Spike(graph.MulScalar(graph.AddScalar(v, -izhikevichPeak), 1/orDefault(c.Width, izhikevichWidth)), c.Surrogate)
	fired := spikes
	if c.DetachReset {
		fired = graph.StopGradient(spikes)
	}
	v = graph.Add(v, graph.Mul(fired, graph.Sub(along(c.C, v), v)))
	u = graph.Add(u, graph.Mul(fired, along(c.D, u)))
	return spikes, State{v, u}
}
