// Package attractor generates neural populations driven by a chaotic attractor, with the rates that made every spike kept as
// ground truth.
//
// [Generate] integrates the Lorenz system from many initial conditions, reads it out into log-rates of a population, and draws
// Poisson spike counts: the synthetic benchmark on which sequential auto-encoders of spike trains are compared (Sussillo et
// al. 2016, LFADS). A model sees the counts only; how well it inferred is measured against [Population.Rates].
//
// What may enter: how states of dynamical systems are turned into observations of neurons. What must not: the systems
// themselves (package chaos), recurrent networks trained to a task, or anything that is fitted.
package attractor
