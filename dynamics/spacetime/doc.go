// Package spacetime has layers of neurons that look at events in space and time: each synapse has a place, a polarity and a delay, and is the
// same for neurons at all places. Weights for all delays at all places are a causal convolution over time and space (Grimaldi & Perrinet 2023),
//
//	B[t,y,x,c] = Σ K[p,δt,δy,δx,c] · A[p, t-δt, y-δy, x-δx]      0 ≤ δt < depth, |δy| ≤ height/2, |δx| ≤ width/2
//
// for a movie A of zeros and ones. [Kernel.Apply] computes it for whole movies from the events alone, [Kernel.Taps] lists what a
// neuron at one place sees, to learn from, and [Queue] delivers event by event, each synapse scheduling its weight for when it is due, as
// neuromorphic hardware does.
//
// What may enter: layers over events on a grid. What must not: reading event files (package recording/events), or how weights are learned.
package spacetime
