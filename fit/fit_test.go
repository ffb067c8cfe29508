package fit

import (
	"context"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

func open(t testing.TB, name string) backends.Backend {
	t.Helper()
	if name == "go" {
		name = "go:ops_sequential" // in parallel, it can wait for itself for ever
	}
	b, err := compute.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// line is data of y = 2 x0 - x1 + 0.5.
func line(n int) []*tensors.Tensor {
	x, y := make([]float32, 2*n), make([]float32, n)
	for i := range y {
		a, b := float32((i*37)%19)/10-0.9, float32((i*53)%23)/10-1.1
		x[2*i], x[2*i+1] = a, b
		y[i] = 2*a - b + 0.5
	}
	return []*tensors.Tensor{tensors.FromFlatDataAndDimensions(x, n, 2), tensors.FromFlatDataAndDimensions(y, n, 1)}
}

// linear predicts [batch, 1] from [batch, 2].
func linear(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	g := x.Graph()
	w := ctx.VariableWithValue("w", []float32{0, 0}).ValueGraph(g) // [2]
	b := ctx.VariableWithValue("b", float32(0)).ValueGraph(g)
	return graph.Add(graph.InsertAxes(graph.Einsum("bi,i->b", x, w), 1), b)
}

func meanSquare(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
	loss := graph.ReduceAllMean(graph.Square(graph.Sub(linear(ctx, batch[0]), batch[1])))
	Report(ctx, "rmse", graph.Sqrt(loss))
	return loss
}

func TestTrainFindsALine(t *testing.T) {
	for _, name := range []string{"go"} {
		vars := mlctx.New()
		h, err := Train(context.Background(), open(t, name), vars, Problem{Name: "line", Train: line(50), Val: line(20), Loss: meanSquare},
			Options{Epochs: 60, BatchSize: 8, LearningRate: 0.05, KeepBest: true, Seed: 1, Checkpoint: Checkpoint{Dir: t.TempDir()}})
		if err != nil {
			t.Fatal(err)
		}
		_, loss := h.Curve("loss")
		if loss[h.Best] > 1e-4 {
			t.Errorf("%s: validation loss %v", name, loss)
		}
		dir := t.TempDir()
		if err := Save(dir, vars, map[string]int{"a": 1}); err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if Size(loaded) != 3 {
			t.Errorf("size %d", Size(loaded))
		}
		data := line(20)
		out, err := Predict(context.Background(), open(t, name), loaded, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			return []*graph.Node{linear(ctx, in[0])}
		}, data[:1], 8)
		if err != nil {
			t.Fatal(err)
		}
		if !out[0].InDelta(data[1], 0.05) {
			t.Errorf("%v", out[0])
		}
	}
}
