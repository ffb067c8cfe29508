package nn

import (
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

// BenchmarkGradient times a layer with its gradient, at the sizes of the papers that use it.
func BenchmarkGradient(b *testing.B) {
	for _, c := range []struct {
		name  string
		shape []int
		apply func(ctx *mlctx.Context, x *graph.Node) *graph.Node
	}{
		{"GRU/64 units, 50 steps", []int{64, 50, 22}, func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			c := NewGRUCell(ctx, x, 22, 64)
			h := c.Zero(64)
			for _, xt := range Unstack(x) {
				h = c.Step(xt, h)
			}
			return h
		}},
		{"DepthwiseConv1D/40 channels, kernel 63", []int{32, 40, 1000}, func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return DepthwiseConv1D{Kernel: 63, Padding: 31, NoBias: true}.Apply(ctx, x)
		}},
		{"Conv1D/1 to 16 channels, kernel 25, stride 5", []int{704, 1, 1000}, func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return Conv1D{Out: 16, Kernel: 25, Stride: 5, Padding: 12}.Apply(ctx, x)
		}},
		{"TransformerLayer/22 tokens of 40", []int{32, 22, 40}, func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return TransformerLayer{Heads: 10, Hidden: 160, PreNorm: true, Activation: GELU}.Apply(ctx, x)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			backend, err := compute.Open("cpu")
			if err != nil {
				b.Fatal(err)
			}
			vars := mlctx.New()
			size := 1
			for _, d := range c.shape {
				size *= d
			}
			x := make([]float32, size)
			for i := range x {
				x[i] = float32(i%17)/17 - 0.5
			}
			e, err := mlctx.NewExec(backend, vars.Checked(false), func(ctx *mlctx.Context, x *graph.Node) []*graph.Node {
				loss := graph.ReduceAllMean(graph.Square(c.apply(ctx, x)))
				return append(ctx.BuildTrainableVariablesGradientsGraph(loss), graph.Gradient(loss, x)[0])
			})
			if err != nil {
				b.Fatal(err)
			}
			in := tensors.FromFlatDataAndDimensions(x, c.shape...)
			for b.Loop() {
				out, err := e.Exec(in)
				if err != nil {
					b.Fatal(err)
				}
				for _, o := range out {
					o.MustFinalizeAll()
				}
			}
		})
	}
}
