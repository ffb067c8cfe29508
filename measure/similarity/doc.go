// Package similarity compares what networks represent, how they move and how they are wired, without caring which unit is which.
//
//   - Representations of the same samples, as matrices of samples × units: [LinearCKA] and [DebiasedCKA], [Procrustes], [CCA], [MeanCCA] and [SVCCA].
//     Samples correspond row by row; the numbers of units may differ.
//   - Dynamics, as trajectories of states: [DSA] fits each network a linear map in whitened delay coordinates and finds the rotation that brings two maps
//     closest.
//   - Weights, as square matrices between units: [PIF] finds the permutation of units that brings two matrices closest.
//
// Trajectories [K trials, T steps, n units] are a slice of K gonum matrices of T × n, which [Trials] cuts out of a flat array; trials may differ in
// length. [Stack] joins them to one matrix of samples × units for the measures of representations.
//
//	model := similarity.DSA{Delays: 3, Rank: 4, Starts: 16}
//	a, err := model.Fit(statesOfOne)       // 4 × 4
//	b, err := model.Fit(statesOfOther)
//	alignment, err := model.Align(a, b)    // alignment.Frobenius, alignment.Angle
//
// What may enter: measures of similarity between networks that do not depend on the order or the basis of their units, from the published literature and
// tested against an independent implementation. What must not: training, and statistics over many networks (package measure).
package similarity
