package nn

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

// layers lists every layer as a function of one input [2, 3, 8], for tests that hold for all of them.
var layers = []struct {
	name  string
	apply func(ctx *mlctx.Context, x *graph.Node) *graph.Node
}{
	{"linear", func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return Linear{Out: 5}.Apply(ctx, x) }},
	{"layer norm", func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return LayerNorm{}.Apply(ctx, x) }},
	{"batch norm", func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return BatchNorm{}.Apply(ctx, x) }},
	{"batch norm axis 2", func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return BatchNorm{Axis: 2}.Apply(ctx, x) }},
	{"relu", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return ReLU(x) }},
	{"gelu", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return GELU(x) }},
	{"elu", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return ELU(x) }},
	{"softmax", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return Softmax(x) }},
	{"softmax with dropout", func(_ *mlctx.Context, x *graph.Node) *graph.Node {
		kept := graph.MulScalar(graph.Floor(graph.AddScalar(graph.Abs(graph.Sin(graph.IotaFull(x.Graph(), x.Shape()))), 0.5)), 2) // 0 or 2
		return softmax(x, kept)
	}},
	{"gru", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		c := NewGRUCell(ctx, x, 8, 4)
		h := c.Zero(2)
		for _, xt := range steps(x) {
			h = c.Step(xt, h)
		}
		return h
	}},
	{"lstm", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		c := NewLSTMCell(ctx, x, 8, 4)
		h, s := c.Zero(2), c.Zero(2)
		for _, xt := range steps(x) {
			h, s = c.Step(xt, h, s)
		}
		return Stack([]*graph.Node{h, s})
	}},
	{"attention", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return SelfAttention{Heads: 2, ScoreScale: 0.3}.Apply(ctx, x)
	}},
	{"causal attention", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return SelfAttention{Heads: 2, Causal: true}.Apply(ctx, x)
	}},
	{"transformer", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return TransformerLayer{Heads: 2, Hidden: 6, Activation: GELU}.Apply(ctx, x)
	}},
	{"pre-norm transformer", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return TransformerLayer{Heads: 4, Hidden: 6, PreNorm: true}.Apply(ctx, x)
	}},
	{"attention pool", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		y, _ := AttentionPool{Hidden: 5}.Apply(ctx, x)
		return y
	}},
	{"convolution", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return Conv1D{Out: 4, Kernel: 3, Stride: 2, Padding: 1}.Apply(ctx, x)
	}},
	{"same convolution", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return Conv1D{Out: 4, Kernel: 4, Same: true}.Apply(ctx, x)
	}},
	{"computed convolution", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return Convolve(x, graph.Sin(variable(ctx, x, "kernel", FanInUniform(1), 2, 3, 4)))
	}},
	{"depthwise convolution", func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return DepthwiseConv1D{Kernel: 5, Padding: 2}.Apply(ctx, x)
	}},
	{"pool", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return AvgPool1D{Window: 3}.Apply(x) }},
	{"overlapping pool", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return AvgPool1D{Window: 4, Stride: 2}.Apply(x) }},
	{"uneven pool", func(_ *mlctx.Context, x *graph.Node) *graph.Node { return AvgPool1D{Window: 3, Stride: 2}.Apply(x) }},
}

// steps is Unstack with a gradient on the stock backend, which has none for slices.
func steps(x *graph.Node) []*graph.Node {
	xs := make([]*graph.Node, x.Shape().Dimensions[1])
	for t := range xs {
		at := graph.Reshape(graph.OneHot(graph.Const(x.Graph(), int32(t)), len(xs), x.DType()), 1, len(xs), 1)
		xs[t] = graph.ReduceSum(graph.Mul(x, at), 1)
	}
	return xs
}

// forEachBackend runs a test on every backend of this binary that is always there.
func forEachBackend(t *testing.T, f func(t *testing.T, b backends.Backend)) {
	for _, name := range compute.Names() {
		if name != "go" && name != "cpu" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			b, err := compute.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Finalize()
			f(t, b)
		})
	}
}

// convolutionsTrain says whether a backend has what the gradient of a convolution needs.
func convolutionsTrain(b backends.Backend) bool {
	return b.Capabilities().Operations[backends.OpTypeReverse]
}

// wave returns n values without symmetry, away from zero where kinks are.
func wave(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Sin(1.3*float64(i)+0.4) + 0.3*math.Cos(2.9*float64(i)) + 0.05
	}
	return x
}

// TestGradients compares the gradient of every layer, in double precision and while training, with central differences: with respect to
// the input and to every variable.
func TestGradients(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		for _, l := range layers {
			t.Run(l.name, func(t *testing.T) {
				if strings.Contains(l.name, "convolution") && !convolutionsTrain(b) {
					t.Skip("the backend cannot reverse a kernel")
				}
				vars := mlctx.New()
				if err := vars.SetRNGStateFromSeed(7); err != nil {
					t.Fatal(err)
				}
				// The input is a variable too, so that one loop checks everything.
				vars.VariableWithValue("x", tensors.FromFlatDataAndDimensions(wave(48), 2, 3, 8))
				ctx := vars.Checked(false)
				loss := func(ctx *mlctx.Context, g *graph.Graph) *graph.Node {
					ctx.SetTraining(g, true)
					y := l.apply(ctx.In("layer"), ctx.GetVariableByScopeAndName("/", "x").ValueGraph(g))
					weights := graph.Cos(graph.MulScalar(graph.Reshape(graph.IotaFull(g, shapes.Make(dtypes.Float64, y.Shape().Size())), y.Shape().Dimensions...), 0.7))
					return graph.ReduceAllSum(graph.Mul(y, weights))
				}
				var names []*mlctx.Variable
				grads, err := mlctx.NewExec(b, ctx, func(ctx *mlctx.Context, g *graph.Graph) []*graph.Node {
					loss := loss(ctx, g)
					var at []*graph.Node
					names = names[:0]
					for v := range ctx.IterVariables() {
						if v.Trainable && v.InUseByGraph(g) {
							names = append(names, v)
							at = append(at, v.ValueGraph(g))
						}
					}
					return graph.Gradient(loss, at...)
				})
				if err != nil {
					t.Fatal(err)
				}
				analytic, err := grads.Exec()
				if err != nil {
					t.Fatal(err)
				}
				value, err := mlctx.NewExec(b, ctx, func(ctx *mlctx.Context, g *graph.Graph) *graph.Node { return loss(ctx, g) })
				if err != nil {
					t.Fatal(err)
				}
				at := func() float64 {
					out, err := value.Exec()
					if err != nil {
						t.Fatal(err)
					}
					return tensors.ToScalar[float64](out[0])
				}
				for i, v := range names {
					start := tensors.MustCopyFlatData[float64](v.MustValue())
					set := func(j int, to float64) {
						x := append([]float64(nil), start...)
						x[j] = to
						if err := v.SetValue(tensors.FromFlatDataAndDimensions(x, v.Shape().Dimensions...)); err != nil {
							t.Fatal(err)
						}
					}
					for j, got := range tensors.MustCopyFlatData[float64](analytic[i]) {
						const step = 1e-6
						set(j, start[j]+step)
						up := at()
						set(j, start[j]-step)
						want := (up - at()) / (2 * step)
						if math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
							t.Errorf("%s[%d]: gradient %v, differences give %v", v.ScopeAndName(), j, got, want)
						}
						set(j, start[j])
					}
				}
			})
		}
	})
}
