// Package diffusion has what generators share that learn to take noise away: how much noise there is at each step, and the ways to go back
// from noise to data with any predictor of it (Ho, Jain & Abbeel, "Denoising diffusion probabilistic models", 2020; Song, Meng & Ermon,
// "Denoising diffusion implicit models", 2021).
//
//	x_t = √kept_t · x_0 + √(1 - kept_t) · ε      kept_t = Π (1 - β_s), s = 1..t
//
// What may enter: schedules and samplers. What must not: networks that predict noise.
package diffusion
