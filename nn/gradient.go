package nn

import "github.com/gomlx/gomlx/pkg/core/graph"

// withGradient returns the y of f(inputs) with a gradient written by hand: vjp makes of the gradient that arrives at y those of the inputs,
// in order. It is for functions whose gradient, as GoMLX derives it from the ops of f, takes more work than it must, or is
// wrong. What GoMLX derives is left without a user, so that the backend drops it.
func withGradient(f func(inputs []*graph.Node) (y *graph.Node, vjp func(v *graph.Node) []*graph.Node), inputs ...*graph.Node) *graph.Node {
	var ours []*graph.Node
	hooked := make([]*graph.Node, len(inputs))
	for i, x := range inputs {
		hooked[i] = graph.IdentityWithCustomGradient(x, func(_, _ *graph.Node) *graph.Node { return ours[i] })
	}
	y, vjp := f(hooked)
	// Gradients arrive at y before they arrive at the inputs.
	return graph.IdentityWithCustomGradient(y, func(_, v *graph.Node) *graph.Node {
		ours = vjp(v)
		return v
	})
}

// elementwise is withGradient for functions of one value: slope is the derivative.
func elementwise(x *graph.Node, f func(x *graph.Node) (y, slope *graph.Node)) *graph.Node {
	return withGradient(func(in []*graph.Node) (*graph.Node, func(v *graph.Node) []*graph.Node) {
		y, slope := f(in[0])
		return y, func(v *graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(v, slope)} }
	}, x)
}
