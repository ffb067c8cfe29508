package dynamics

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
)

// Delayed is connections with delays, y[t] = Σ_d x[t-d]·K[d] over d = 0 .. depth-1: weights for each delay, a convolution in time. It takes in
// [batch, in] and gives out [batch, out]. Its state is the last depth-1 inputs, the newest first.
type Delayed struct {
	Kernel *graph.Node // [depth, in, out]
}

// DelayKernel makes the kernel of connections that have one delay each: weights [in, out] and delays [in·out], row-major, in steps from 0 to
// depth-1. Gradients reach the weights.
func DelayKernel(weights *graph.Node, delays []int, depth int) *graph.Node {
	dims := weights.Shape().Dimensions
	if weights.Rank() != 2 || len(delays) != dims[0]*dims[1] || depth < 1 {
		panicf("DelayKernel needs weights [in, out], as many delays and a depth of at least 1; got shape %s, %d delays and %d", weights.Shape(), len(delays), depth)
	}
	place := make([]float32, depth*len(delays)) // one where a connection has that delay
	for k, d := range delays {
		if d < 0 || d >= depth {
			panicf("connection %d has a delay of %d steps; a kernel of depth %d holds 0 to %d", k, d, depth, depth-1)
		}
		place[d*len(delays)+k] = 1
	}
	mask := graph.Reshape(graph.ConstAsDType(weights.Graph(), weights.DType(), place), depth, dims[0], dims[1])
	return graph.Mul(mask, graph.InsertAxes(weights, 0))
}

func (d Delayed) depth() int {
	if d.Kernel.Rank() != 3 {
		panicf("Delayed needs a kernel [depth, in, out], got shape %s", d.Kernel.Shape())
	}
	return d.Kernel.Shape().Dimensions[0]
}

// Rest is inputs of zero. like is shaped like the inputs.
func (d Delayed) Rest(like *graph.Node) State {
	s := make(State, d.depth()-1)
	for i := range s {
		s[i] = graph.ZerosLike(like)
	}
	return s
}

// Step returns what arrives now.
func (d Delayed) Step(x *graph.Node, s State) (*graph.Node, State) {
	dims := d.Kernel.Shape().Dimensions
	all := append([]*graph.Node{x}, s...)
	seen := x
	if len(all) > 1 {
		seen = graph.Concatenate(all, -1) // [batch, depth·in]
	}
	y := graph.Dot(seen, graph.Reshape(d.Kernel, dims[0]*dims[1], dims[2]))
	return y, all[:len(all)-1]
}
