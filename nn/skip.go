package nn

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Skip is how f, what a layer makes of x, joins x. Its variables are in the scope of the context that Apply is given.
type Skip string

// The ways to join.
const (
	Replace  Skip = "none"     // f
	Additive Skip = "additive" // x + f, a residual connection
	Rate     Skip = "rate"     // x + α f, a trained "rate" for each feature that begins at 0 (ReZero, Bachlechner et al. 2020)
	Gated    Skip = "input"    // (1-g) x + g f with g = σ(W x + U f + b), b beginning at -2 (highway, Srivastava et al. 2015)
)

// Skips lists them all.
var Skips = []Skip{Replace, Additive, Rate, Gated}

// Apply joins x and f, both [..., features].
func (s Skip) Apply(ctx *mlctx.Context, x, f *graph.Node) *graph.Node {
	if !x.Shape().Equal(f.Shape()) {
		panicf("a layer that turns shape %s into %s cannot be joined with its input", x.Shape(), f.Shape())
	}
	d := x.Shape().Dimensions[x.Rank()-1]
	switch s {
	case Replace:
		return f
	case Additive:
		return graph.Add(x, f)
	case Rate:
		return graph.Add(x, graph.Mul(expandLeft(variable(ctx, x, "rate", Zeros, d), x.Rank()), f))
	case Gated:
		closed := func(*mlctx.Context) mlctx.VariableInitializer {
			return func(g *graph.Graph, shape shapes.Shape) *graph.Node {
				return graph.BroadcastToShape(graph.Scalar(g, shape.DType, -2.), shape)
			}
		}
		g := graph.Sigmoid(graph.Add(Linear{Out: d, Init: LinearInit{Bias: closed}}.Apply(ctx.In("input"), x),
			Linear{Out: d, NoBias: true}.Apply(ctx.In("layer"), f)))
		return graph.Add(x, graph.Mul(g, graph.Sub(f, x)))
	}
	panicf("a layer joins its input by none, additive, rate or input, not %q", string(s))
	return nil
}
