// Package chaos makes trajectories of chaotic systems, on which forecasts and measures of dynamics are tested because their equations, and many of their
// numbers, are known.
//
// Flows of ordinary differential equations ([Lorenz63], [Rossler], [Lorenz96], [MultiscaleLorenz96]) are integrated by [RungeKutta]; the field of
// [KuramotoSivashinsky] advances by an exponential integrator. Both are a [Stepper], which [Sample] reads at regular times:
//
//	s, err := chaos.NewRungeKutta(chaos.Lorenz96{K: 40, F: 8}, 0.01)
//	series, err := chaos.Sample(ctx, s, s.Start(rng), chaos.Sampling{Discard: 1000, Every: 5, Samples: 20_000})
//
// What may enter: deterministic systems of continuous time that literature calls chaotic, and how they are followed. What must not: observations of them
// (package attractor draws spikes), models that are fitted, and exponents from Jacobians (package dynamics/lyapunov).
package chaos
