package nn

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Initializer makes the initial value of a variable, drawing from the context's random numbers.
type Initializer func(ctx *mlctx.Context) mlctx.VariableInitializer

// Zeros and Ones are constant initial values.
func Zeros(*mlctx.Context) mlctx.VariableInitializer { return graph.Zeros }

// Ones is the constant 1.
func Ones(*mlctx.Context) mlctx.VariableInitializer { return graph.Ones }

// Normal draws from a normal distribution of mean 0.
func Normal(sd float64) Initializer {
	return func(ctx *mlctx.Context) mlctx.VariableInitializer {
		return func(g *graph.Graph, shape shapes.Shape) *graph.Node {
			return graph.MulScalar(ctx.RandomNormal(g, shape), sd)
		}
	}
}

// Uniform draws uniformly from [-limit, limit).
func Uniform(limit float64) Initializer {
	return func(ctx *mlctx.Context) mlctx.VariableInitializer {
		return func(g *graph.Graph, shape shapes.Shape) *graph.Node {
			return graph.AddScalar(graph.MulScalar(ctx.RandomUniform(g, shape), 2*limit), -limit)
		}
	}
}

// FanInUniform draws uniformly within ±1/√fanIn: what PyTorch's Linear and Conv layers do by default for weights and biases
// (kaiming_uniform_ with a = √5). fanIn is the number of values that each output sums.
func FanInUniform(fanIn int) Initializer { return Uniform(1 / math.Sqrt(float64(fanIn))) }

// XavierUniform draws uniformly within ±gain·√(6/(fanIn+fanOut)), as PyTorch's xavier_uniform_.
func XavierUniform(gain float64, fanIn, fanOut int) Initializer {
	return Uniform(gain * math.Sqrt(6/float64(fanIn+fanOut)))
}

// TruncatedNormal draws from a normal distribution of mean 0 cut off at ±limit (in the variable's units, not in standard deviations),
// as PyTorch's trunc_normal_, whose limit is 2 by default.
func TruncatedNormal(sd, limit float64) Initializer {
	if limit >= 6*sd {
		return Normal(sd) // what is cut off has probability 2e-9
	}
	return func(ctx *mlctx.Context) mlctx.VariableInitializer {
		return func(g *graph.Graph, shape shapes.Shape) *graph.Node {
			edge := math.Erf(limit / sd / math.Sqrt2)
			x := graph.AddScalar(graph.MulScalar(ctx.RandomUniform(g, shape), 2*edge), -edge) // uniform within ±edge
			return graph.ClipScalar(graph.MulScalar(erfInverse(x), sd*math.Sqrt2), -limit, limit)
		}
	}
}

// erfInverse is the inverse of the error function, element by element, to single precision (M. Giles, "Approximating the erfinv
// function", 2010).
func erfInverse(x *graph.Node) *graph.Node {
	polynomial := func(w *graph.Node, coefficients ...float64) *graph.Node {
		p := graph.AddScalar(graph.MulScalar(w, coefficients[0]), coefficients[1])
		for _, c := range coefficients[2:] {
			p = graph.AddScalar(graph.Mul(p, w), c)
		}
		return p
	}
	w := graph.Neg(graph.Log(graph.Mul(graph.OneMinus(x), graph.OnePlus(x))))
	central := polynomial(graph.AddScalar(w, -2.5), 2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
		-0.00125372503, -0.00417768164, 0.246640727, 1.50140941)
	tail := polynomial(graph.AddScalar(graph.Sqrt(w), -3), -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844,
		0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682)
	five := graph.Scalar(x.Graph(), x.DType(), 5)
	return graph.Mul(graph.Where(graph.LessThan(w, five), central, tail), x)
}

// Orthogonal draws a matrix with orthonormal rows or columns (whichever are fewer), times gain, uniformly among all such. Axes after
// the first are taken together, as in PyTorch's orthogonal_.
func Orthogonal(gain float64) Initializer {
	return func(ctx *mlctx.Context) mlctx.VariableInitializer {
		return func(g *graph.Graph, shape shapes.Shape) *graph.Node {
			if shape.Rank() < 2 {
				panicf("an orthogonal initial value needs at least 2 axes, the variable has shape %s", shape)
			}
			rows := shape.Dimensions[0]
			columns := shape.Size() / rows
			// The orthogonal factor of the polar decomposition of a Gaussian matrix is uniform (Haar). Newton and Schulz's
			// iteration finds it without a decomposition: singular values s become s(3-s²)/2, which takes them to 1 from
			// anywhere in (0, √3). It is done in double precision, as small singular values take many steps.
			wide := shapes.Make(dtypes.Float64, min(rows, columns), max(rows, columns))
			q := ctx.RandomNormal(g, wide)
			q = graph.Div(q, graph.Sqrt(graph.ReduceAllSum(graph.Square(q))))
			for range 60 {
				gram := graph.DotGeneral(q, []int{1}, nil, q, []int{1}, nil) // [fewer, fewer]
				q = graph.Sub(graph.MulScalar(q, 1.5), graph.MulScalar(graph.Dot(gram, q), 0.5))
			}
			if rows > columns {
				q = graph.Transpose(q, 0, 1)
			}
			return graph.ConvertDType(graph.Reshape(graph.MulScalar(q, gain), shape.Dimensions...), shape.DType)
		}
	}
}

// Scaled multiplies what another initializer makes.
func Scaled(by float64, of Initializer) Initializer {
	return func(ctx *mlctx.Context) mlctx.VariableInitializer {
		inner := of(ctx)
		return func(g *graph.Graph, shape shapes.Shape) *graph.Node { return graph.MulScalar(inner(g, shape), by) }
	}
}

// variable returns the graph value of a trainable variable in the scope of ctx.
func variable(ctx *mlctx.Context, like *graph.Node, name string, init Initializer, dims ...int) *graph.Node {
	return ctx.WithInitializer(init(ctx)).VariableWithShape(name, shapes.Make(like.DType(), dims...)).ValueGraph(like.Graph())
}

// or returns the first initializer that is not nil.
func or(init, otherwise Initializer) Initializer {
	if init != nil {
		return init
	}
	return otherwise
}

// panicf reports a mistake in building a graph, as GoMLX does; compute.Catch makes an error of it.
func panicf(format string, args ...any) { panic(fmt.Errorf("nn: "+format, args...)) }
