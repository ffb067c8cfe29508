// Package fixedpoint finds where a recurrent network stands still or nearly so, and says how it behaves there.
//
// The network is one step as a graph, F, from states [batch, n] to the next ones under the input of interest. From many starts at once the speed
//
//	q(h) = |F(h) - h|² / 2
//
// is minimised (Sussillo & Barak, "Opening the black box", Neural Computation 25, 2013; Golub & Sussillo, FixedPointFinder, JOSS 3(31), 2018). States of speed
// zero are fixed points, stable or not; other minima are slow points, through which trajectories linger.
//
//	net, err := fixedpoint.New(backend, vars, fixedpoint.Network{Units: 128, Step: func(ctx *mlctx.Context, h *graph.Node) *graph.Node { ... }})
//	defer net.Close()
//	found, err := net.Find(ctx, starts, fixedpoint.Search{})      // starts [k, n]
//	jacobian, err := net.Jacobian(found.Fixed[0].State)           // [n, n]
//	local, err := fixedpoint.Linearise(jacobian)                  // eigenvalues, stability, time constants
//
// What may enter: finding and describing equilibria of maps given as graphs. What must not: training networks (package fit), exponents along trajectories
// (package lyapunov), and anything that knows what a network computes.
package fixedpoint
