package nn

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// ReLU is max(x, 0). Its gradient at 0 is 0.
func ReLU(x *graph.Node) *graph.Node {
	return elementwise(x, func(x *graph.Node) (y, slope *graph.Node) {
		y = graph.Max(x, graph.ScalarZero(x.Graph(), x.DType()))
		return y, graph.Sign(y)
	})
}

// GELU is x·Φ(x) with the exact normal distribution function.
func GELU(x *graph.Node) *graph.Node {
	return elementwise(x, func(x *graph.Node) (y, slope *graph.Node) {
		below := graph.AddScalar(graph.MulScalar(graph.Erf(graph.MulScalar(x, math.Sqrt2/2)), 0.5), 0.5) // Φ(x)
		density := graph.MulScalar(graph.Exp(graph.MulScalar(graph.Square(x), -0.5)), 1/math.Sqrt(2*math.Pi))
		return graph.Mul(x, below), graph.Add(below, graph.Mul(x, density))
	})
}

// ELU is x where it is positive and exp(x)-1 elsewhere.
func ELU(x *graph.Node) *graph.Node {
	return elementwise(x, func(x *graph.Node) (y, slope *graph.Node) {
		zero := graph.ScalarZero(x.Graph(), x.DType())
		slope = graph.Exp(graph.Min(x, zero))
		return graph.Add(graph.Max(x, zero), graph.AddScalar(slope, -1)), slope
	})
}

// Softmax is exp(x) over its sum along the last axis.
func Softmax(x *graph.Node) *graph.Node { return softmax(x, nil) }

// softmax is Softmax times kept, if that is not nil, whose gradient is stopped.
func softmax(x, kept *graph.Node) *graph.Node {
	return withGradient(func(in []*graph.Node) (*graph.Node, func(v *graph.Node) []*graph.Node) {
		e := graph.Exp(graph.Sub(in[0], graph.StopGradient(graph.ReduceAndKeep(in[0], graph.ReduceMax, -1))))
		all := graph.Mul(e, graph.Reciprocal(graph.ReduceAndKeep(e, graph.ReduceSum, -1)))
		y := all
		if kept != nil {
			y = graph.Mul(all, kept)
		}
		return y, func(v *graph.Node) []*graph.Node {
			vy := graph.Mul(v, y)
			return []*graph.Node{graph.Sub(vy, graph.Mul(all, graph.ReduceAndKeep(vy, graph.ReduceSum, -1)))}
		}
	}, x)
}

// Dropout zeroes each element with probability rate and divides the others by 1-rate, while training; otherwise it returns x.
func Dropout(ctx *mlctx.Context, x *graph.Node, rate float64) *graph.Node {
	if kept := dropoutMask(ctx, x, rate); kept != nil {
		return graph.Mul(x, kept)
	}
	return x
}

// dropoutMask is what Dropout multiplies x with; nil outside training.
func dropoutMask(ctx *mlctx.Context, x *graph.Node, rate float64) *graph.Node {
	if rate < 0 || rate >= 1 {
		panicf("the dropout rate is %g; it must be at least 0 and less than 1", rate)
	}
	g := x.Graph()
	if rate == 0 || !ctx.IsTraining(g) {
		return nil
	}
	// A number that is uniform in [0, 1), plus the share that is kept, reaches 1 where the element is kept. A product with
	// this 0 or 1 is faster than a choice between two values, which a processor cannot foresee.
	kept := graph.Floor(graph.AddScalar(ctx.RandomUniform(g, x.Shape()), 1-rate))
	return graph.StopGradient(graph.MulScalar(kept, 1/(1-rate)))
}
