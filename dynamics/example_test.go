package dynamics_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/nn"
	"github.com/gyrus-dev/gyrus/simulate/digits"
)

// A layer of LIF neurons is trained with a surrogate gradient to tell ten digits apart in five steps of time. The image is a constant current; a read-out
// without spikes averages over the steps.
func Example() {
	backend, err := compute.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Finalize()
	hidden := dynamics.LIF{Decay: .9, DetachReset: true, Surrogate: dynamics.FastSigmoid{}}
	logits := func(ctx *mlctx.Context, x *graph.Node) *graph.Node { // x [batch, 784]
		current := nn.Linear{Out: 100}.Apply(ctx.In("hidden"), x)
		spikes := dynamics.Unroll(hidden.Cell(nil, x), dynamics.Repeat(current, 5), dynamics.Unrolling{}).Outputs
		return nn.Linear{Out: 10}.Apply(ctx.In("out"), dynamics.Mean(spikes))
	}
	loss := func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
		target := graph.OneHot(batch[1], 10, batch[0].DType())
		return graph.Neg(graph.ReduceAllMean(graph.MulScalar(graph.Mul(target, graph.LogSoftmax(logits(ctx, batch[0]))), 10)))
	}

	draw := func(n int, seed uint64) (images *tensors.Tensor, labels []int32) {
		set, err := digits.Generate(n, digits.Standard(), rand.New(rand.NewPCG(seed, 1)))
		if err != nil {
			log.Fatal(err)
		}
		for _, l := range set.Labels {
			labels = append(labels, int32(l))
		}
		return tensors.FromFlatDataAndDimensions(set.Images, n, 784), labels
	}
	images, labels := draw(2000, 1)
	vars := mlctx.New()
	_, err = fit.Train(context.Background(), backend, vars, fit.Problem{
		Name: "LIF layer", Train: []*tensors.Tensor{images, tensors.FromValue(labels)}, Loss: loss,
	}, fit.Options{Epochs: 5, BatchSize: 50, LearningRate: 2e-3, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}

	images, labels = draw(500, 2)
	classify, err := mlctx.NewExec(backend, vars.Reuse(), func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
		return graph.ArgMax(logits(ctx, x), 1)
	})
	if err != nil {
		log.Fatal(err)
	}
	out, err := classify.Exec(images)
	if err != nil {
		log.Fatal(err)
	}
	right := 0
	for i, class := range tensors.MustCopyFlatData[int32](out[0]) {
		if class == labels[i] {
			right++
		}
	}
	fmt.Println("more than 4 of 5 right:", right > 400)
	// Output: more than 4 of 5 right: true
}
