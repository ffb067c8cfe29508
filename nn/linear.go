package nn

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Linear is the affine map of the last axis: y = x·W + b. Its variables are "weights" [in, Out] (the transpose of PyTorch's) and
// "bias" [Out].
type Linear struct {
	Out    int
	NoBias bool
	Init   LinearInit
}

// LinearInit is how the variables of a linear map begin. Its zero value means PyTorch's default for the place.
type LinearInit struct {
	Weights, Bias Initializer
	Scale         float64 // multiplies the initial weights; zero means 1
}

// weights returns the initializer of the weights.
func (i LinearInit) weights(otherwise Initializer) Initializer {
	init := or(i.Weights, otherwise)
	if i.Scale != 0 && i.Scale != 1 {
		init = Scaled(i.Scale, init)
	}
	return init
}

// Apply maps x [..., in] to [..., Out].
func (l Linear) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	if l.Out < 1 || x.Rank() < 1 {
		panicf("a Linear layer of %d outputs cannot be applied to shape %s", l.Out, x.Shape())
	}
	in := x.Shape().Dimensions[x.Rank()-1]
	byFan := FanInUniform(in)
	w := variable(ctx, x, "weights", l.Init.weights(byFan), in, l.Out)
	y := graph.DotGeneral(x, []int{-1}, nil, w, []int{0}, nil) // [..., Out]
	if l.NoBias {
		return y
	}
	b := variable(ctx, x, "bias", or(l.Init.Bias, byFan), l.Out)
	return graph.Add(y, expandLeft(b, y.Rank()))
}

// expandLeft gives x leading axes of size 1 up to a rank, so that it broadcasts.
func expandLeft(x *graph.Node, rank int) *graph.Node {
	dims := make([]int, rank)
	for i := range dims {
		dims[i] = 1
	}
	copy(dims[rank-x.Rank():], x.Shape().Dimensions)
	return graph.Reshape(x, dims...)
}
