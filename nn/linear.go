package nn

import (
	"math"

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

// Dropout zeroes each element with probability rate and divides the others by 1-rate, while training; otherwise it returns x.
func Dropout(ctx *mlctx.Context, x *graph.Node, rate float64) *graph.Node {
	if rate < 0 || rate >= 1 {
		panicf("the dropout rate is %g; it must be at least 0 and less than 1", rate)
	}
	g := x.Graph()
	if rate == 0 || !ctx.IsTraining(g) {
		return x
	}
	dropped := graph.LessThan(ctx.RandomUniform(g, x.Shape()), graph.Scalar(g, x.DType(), rate))
	return graph.Where(dropped, graph.ScalarZero(g, x.DType()), graph.MulScalar(x, 1/(1-rate)))
}

// ReLU is max(x, 0).
func ReLU(x *graph.Node) *graph.Node { return graph.Max(x, graph.ScalarZero(x.Graph(), x.DType())) }

// GELU is x·Φ(x) with the exact normal distribution function.
func GELU(x *graph.Node) *graph.Node {
	return graph.Mul(x, graph.AddScalar(graph.MulScalar(graph.Erf(graph.MulScalar(x, math.Sqrt2/2)), 0.5), 0.5))
}

// ELU is x where it is positive and exp(x)-1 elsewhere.
func ELU(x *graph.Node) *graph.Node {
	zero := graph.ScalarZero(x.Graph(), x.DType())
	// The exponent is capped so that the branch not taken cannot overflow, which would make its gradient NaN.
	return graph.Where(graph.GreaterThan(x, zero), x, graph.AddScalar(graph.Exp(graph.Min(x, zero)), -1))
}
