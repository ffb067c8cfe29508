// Package dynamics has models of neurons in time, and what makes networks of them learn and be driven.
//
// A neuron model is a struct of its parameters, with equations in its comment. As a [Cell] it is one step of a GoMLX graph, for all
// neurons of an array of any shape; [Unroll] runs it over time, and gradients pass its spikes by a [Surrogate] for the derivative of the
// step function. The same struct is a model for the simulator of package network beside this one, in plain Go, which delivers spikes
// one by one through sparse connections with delays. Both follow the same equations step for step.
//
// Time comes first: a sequence is [time, batch, ...], so that a layer of weights can be applied to all steps at once, as rows of
// [time·batch, ...], before the neurons are unrolled:
//
//	current := nn.Linear{Out: 256}.Apply(ctx, x)                          // [time, batch, 256]
//	run := dynamics.Unroll(dynamics.LIF{Decay: 0.9}.Cell(nil, x), dynamics.Steps(current), dynamics.Unrolling{})
//	spikes := dynamics.Stack(run.Outputs)                                 // [time, batch, 256]
//
// What may enter: models of neurons and synapses, surrogate gradients, encoders of values as spikes, integrators in time. What must not:
// layers without time (package nn), training loops (package fit), anything only one paper has.
package dynamics
