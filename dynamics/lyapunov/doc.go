// Package lyapunov measures how fast trajectories of a system part or close up: its Lyapunov exponents, largest first, for maps and for flows.
//
// A frame of small disturbances is carried along a trajectory by the linearised dynamics and made orthonormal again every so often; how much it had
// grown in each direction, averaged over time, are the exponents (Benettin et al., Meccanica 15, 1980; Geist, Parlitz & Lauterborn, Progress of Theoretical
// Physics 83, 1990).
//
//	exponents, err := lyapunov.OfFlow(ctx, flow, start, lyapunov.Flowing{Step: .01, Length: 1000})
//
// What may enter: exponents of systems whose equations are known, and what follows from them. What must not: estimates from recorded series.
package lyapunov
