// Package synchrony is the population of "Synchronization and Redundancy: Implications for Robustness of Neural Learning and Decision Making" (2010): n
// copies of one learning circuit, each disturbed by its own noise, that pull one another together through a network,
//
//	dw_i = -∇Φ(w_i) dt + Σ_j a_ij (w_j - w_i) dt + σ dB_i
//
// With μ the modulus of convexity of Φ, h the eigenvalues of its Hessian at the optimum w*, and 0 = l₁ < l₂ ≤ ... those of the network's Laplacian, the
// disagreement D = (1/n) Σ E|w_i - mean|² obeys, at stationarity,
//
//	D ≤ (n-1)dσ²/(2n(μ+l₂))        D = σ²/(2n) Σ_{r≥2} Σ_q 1/(h_q+l_r)   for a quadratic Φ
//
// and the error of the mean is σ²/(2n) Σ 1/h_q for a quadratic Φ, bounded otherwise by the solution of a quadratic equation. The error of a copy is the sum of
// both. The experiments hold these beside simulations: decision with a logistic decision function, kernel with kernel ridge regression, which is exactly
// solvable, and table with a table and a network of the user's.
//
// What may enter: learners, their theory, and populations of them. What must not: graphs and spectra (package dynamics/coupling).
//
// # Deviations
//
//   - Of the paper only the abstract could be read: the bounds and formulas are derived anew, and the objectives, sizes and gains are ours.
//   - Steps of Euler and Maruyama keep dt·(h+l) at 0.04 or less in the default preset, which raises variances by 2 % at most; the full preset halves it.
//   - Populations of fewer than 8 circuits are followed longer, as if they had 8, so that the errors of all means are about as certain.
//   - The slowest direction of kernel ridge regression takes some 10,000 time units. Its circuits therefore begin in their stationary distribution, which
//     is known exactly, instead of after a burn-in. The statements about the bound's tightness are about the decision function: there curvatures lie
//     within a factor of 5, while for the kernel they span orders of magnitude, and the bound, which takes the least, is as loose.
//   - Measurement noise, noisy coupling, coupling that changes in time and directed networks are left out.
//
// # What reproduced
//
// RESULTS
package synchrony
