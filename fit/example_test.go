package fit_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/nn"
)

// A network learns to tell whether two bits differ. It is trained, saved, loaded, and asked.
func Example() {
	backend, err := compute.Open("")
	if err != nil {
		log.Fatal(err)
	}
	bits := tensors.FromValue([][]float32{{0, 0}, {0, 1}, {1, 0}, {1, 1}})
	differ := tensors.FromValue([][]float32{{0}, {1}, {1}, {0}})

	model := func(ctx *mlctx.Context, x *graph.Node) *graph.Node { // [batch, 2] to [batch, 1]
		hidden := graph.Tanh(nn.Linear{Out: 8}.Apply(ctx.In("hidden"), x))
		return graph.Sigmoid(nn.Linear{Out: 1}.Apply(ctx.In("out"), hidden))
	}

	vars := mlctx.New()
	history, err := fit.Train(context.Background(), backend, vars, fit.Problem{
		Name:  "exclusive or",
		Train: []*tensors.Tensor{bits, differ},
		Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
			return graph.ReduceAllMean(graph.Square(graph.Sub(model(ctx, batch[0]), batch[1])))
		},
	}, fit.Options{Epochs: 300, BatchSize: 4, LearningRate: 0.05, Schedule: fit.Cosine{}, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(history.Epochs), "epochs:", history.Stopped)

	dir, err := os.MkdirTemp("", "model")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := fit.Save(dir, vars, map[string]string{"input": "two bits"}); err != nil {
		log.Fatal(err)
	}
	loaded, err := fit.Load(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	out, err := fit.Predict(context.Background(), backend, loaded, func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node {
		return []*graph.Node{model(ctx, batch[0])}
	}, []*tensors.Tensor{bits}, 4)
	if err != nil {
		log.Fatal(err)
	}
	for i, p := range tensors.MustCopyFlatData[float32](out[0]) {
		fmt.Printf("%v differ: %v\n", bits.Value().([][]float32)[i], p > 0.5)
	}
	// Output:
	// 300 epochs: all epochs done
	// [0 0] differ: false
	// [0 1] differ: true
	// [1 0] differ: true
	// [1 1] differ: false
}
