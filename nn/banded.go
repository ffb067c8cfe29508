package nn

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// BandedAttention is causal multi-head attention of each step to the last Window steps, itself included, with a trained bias of each head for each distance
// in place of positions:
//
//	score = q_t·k_j / √(D/Heads) + bias[head, t-j]
//
// Its work grows with Window, not with the length: steps are taken in segments of Window, each of which sees itself and the one before. With Memory a step
// sees the whole segment before its own, as what it remembers: keys and values of those steps pass no gradient on to their inputs (Dai et al. 2019,
// Transformer-XL). The variables are in the scopes "query", "key", "value", "out" and "bias".
type BandedAttention struct {
	Heads, Window int
	Memory        bool
}

// Reach is how many steps, itself included, one can see at most.
func (l BandedAttention) Reach() int {
	if l.Memory {
		return 2 * l.Window
	}
	return l.Window
}

// sees says whether a step of some place in its segment sees the one that lies distance steps before.
func (l BandedAttention) sees(place, distance int) bool {
	if l.Memory {
		return distance >= 0 && distance <= place+l.Window
	}
	return distance >= 0 && distance < l.Window
}

func (l BandedAttention) linear(ctx *mlctx.Context, scope string, x *graph.Node, d int) *graph.Node {
	init := LinearInit{Bias: Zeros}
	if scope != "out" {
		init.Weights = XavierUniform(1, d, 3*d)
	}
	return Linear{Out: d, Init: init}.Apply(ctx.In(scope), x)
}

// bias is the trained table, [Heads, Reach].
func (l BandedAttention) bias(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	return variable(ctx.In("bias"), x, "table", Zeros, l.Heads, l.Reach())
}

// Apply maps x [time, batch, D] to [time, batch, D]. Time is a multiple of Window.
func (l BandedAttention) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	l.check(x)
	g, w := x.Graph(), l.Window
	steps, batch, d := x.Shape().Dimensions[0], x.Shape().Dimensions[1], x.Shape().Dimensions[2]
	if steps%w != 0 {
		panicf("BandedAttention takes segments of %d steps, which do not divide the %d steps of shape %s", w, steps, x.Shape())
	}
	segments, width := steps/w, d/l.Heads
	// Keys and values of a segment and the one before; the first has none before it.
	both := func(scope string) *graph.Node {
		own := graph.Reshape(l.linear(ctx, scope, x, d), segments, w, batch, d)
		before := own
		if l.Memory {
			before = graph.Reshape(l.linear(ctx.Checked(false), scope, graph.StopGradient(x), d), segments, w, batch, d)
		}
		none := graph.Zeros(g, shapeOf(x, 1, w, batch, d))
		if segments > 1 {
			none = graph.Concatenate([]*graph.Node{none, graph.Slice(before, graph.AxisRange(0, segments-1))}, 0)
		}
		return graph.Reshape(graph.Concatenate([]*graph.Node{none, own}, 1), segments, 2*w, batch, l.Heads, width)
	}
	q := graph.Reshape(graph.MulScalar(l.linear(ctx, "query", x, d), 1/math.Sqrt(float64(width))), segments, w, batch, l.Heads, width)
	k, v := both("key"), both("value")

	// Which distance a query and a key of two segments are apart, as a product with ones and zeros, whose gradient is another product.
	reach := l.Reach()
	which, hidden := make([]float32, reach*w*2*w), make([]float32, segments*w*2*w)
	for i := range w {
		for j := range 2 * w {
			distance := i + w - j
			seen := l.sees(i, distance)
			if seen {
				which[(distance*w+i)*2*w+j] = 1
			}
			for s := range segments {
				if !seen || s == 0 && j < w {
					hidden[(s*w+i)*2*w+j] = -1e30
				}
			}
		}
	}
	constant := func(values []float32, dims ...int) *graph.Node {
		return graph.ConvertDType(graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(values, dims...)), x.DType())
	}
	bias := graph.Reshape(graph.Dot(l.bias(ctx, x), constant(which, reach, w*2*w)), 1, 1, l.Heads, w, 2*w)
	mask := constant(hidden, segments, 1, 1, w, 2*w)
	scores := graph.Add(graph.Add(graph.Einsum("sqbhd,skbhd->sbhqk", q, k), bias), mask)
	y := graph.Einsum("sbhqk,skbhd->sqbhd", Softmax(scores), v)
	return l.linear(ctx, "out", graph.Reshape(y, steps, batch, d), d)
}

// Step is one step of Apply: x is [batch, D], and keys and values [batch, Reach-1, D] are those of the steps before it, the latest last, of which there were
// count [batch, 1]; those that were not count as nothing. It returns the next keys and values.
func (l BandedAttention) Step(ctx *mlctx.Context, x, keys, values, count *graph.Node) (y, nextKeys, nextValues *graph.Node) {
	l.check(x)
	g := x.Graph()
	batch, d, reach := x.Shape().Dimensions[0], x.Shape().Dimensions[1], l.Reach()
	width := d / l.Heads
	grow := func(old *graph.Node, scope string) (all, next *graph.Node) {
		all = graph.Concatenate([]*graph.Node{old, graph.InsertAxes(l.linear(ctx, scope, x, d), 1)}, 1)
		return graph.Reshape(all, batch, reach, l.Heads, width), graph.Slice(all, graph.AxisRange(), graph.AxisRange(1, reach))
	}
	k, nextKeys := grow(keys, "key")
	v, nextValues := grow(values, "value")
	q := graph.Reshape(graph.MulScalar(l.linear(ctx, "query", x, d), 1/math.Sqrt(float64(width))), batch, l.Heads, width)
	bias := graph.Reverse(l.bias(ctx, x), 1) // the nearest step is the last
	// A step sees as far back as there is something, with memory as far as the segment before its own.
	far := count
	if l.Memory {
		segment := graph.MulScalar(graph.Floor(graph.MulScalar(count, 1/float64(l.Window))), float64(l.Window))
		far = graph.Min(count, graph.AddScalar(graph.Sub(count, segment), float64(l.Window)))
	}
	distance := graph.AddScalar(graph.Neg(graph.Iota(g, shapes.Make(dtypes.Float32, 1, reach), 1)), float64(reach-1))
	unseen := graph.ConvertDType(graph.GreaterThan(graph.ConvertDType(distance, x.DType()), far), x.DType()) // [batch, reach]
	scores := graph.Add(graph.Einsum("bhd,bkhd->bhk", q, k), expandLeft(bias, 3))
	scores = graph.Add(scores, graph.InsertAxes(graph.MulScalar(unseen, -1e30), 1))
	y = graph.Reshape(graph.Einsum("bhk,bkhd->bhd", Softmax(scores), v), batch, d)
	return l.linear(ctx, "out", y, d), nextKeys, nextValues
}

func (l BandedAttention) check(x *graph.Node) {
	d := x.Shape().Dimensions[x.Rank()-1]
	if l.Heads < 1 || d%l.Heads != 0 || l.Window < 1 {
		panicf("BandedAttention has %d heads, which do not divide the %d features of shape %s, or a window of %d", l.Heads, d, x.Shape(), l.Window)
	}
}
