// Package ultralif is UltraLIF, of "UltraLIF: Fully Differentiable Spiking Neural Networks via Ultradiscretization and Max-Plus Algebra" (2026): a spiking
// neuron whose membrane is a log-sum-exp and whose spike is a logistic function of that membrane, both at a temperature ε that a layer learns.
//
//	LSE(a, b, ...) = ε·log(exp(a/ε) + exp(b/ε) + ...)
//	UltraLIF, UltraPLIF     U = LSE(V + log τ, I)
//	UltraDLIF, UltraDPLIF   U = LSE(V[i-1], V[i], V[i+1]) + I, neighbours in a ring; with τV in place of V if the leak is learned
//	s = σ((U - θ)/ε)        V ← U·(1 - s)
//
// Forward and backward pass are one smooth function, so that no surrogate gradient is needed; as ε → 0 the unit becomes a maximum with a hard
// threshold, and its spikes can be made hard after training.
//
// What may enter: the units, the neurons that they are compared with, and the experiments. What must not: generators and readers of data, which are
// packages simulate/eventaudio, simulate/digits and datasets/labelled.
package ultralif
