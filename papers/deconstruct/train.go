package deconstruct

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/fit"
)

// budget is what every model is given.
type budget struct {
	Updates, Batch int
	Steps, Warmup  int // of a sequence, and of those the first that the loss leaves out
	Stride         int // between sequences
	Rate, Floor    float64
	Clip           float64
	Noise          float64 // on inputs, in standard deviations
}

// constants are vectors of a task in a graph.
func constant(x *graph.Node, values []float64) *graph.Node {
	flat := make([]float32, len(values))
	for i, v := range values {
		flat[i] = float32(v)
	}
	return graph.Const(x.Graph(), flat)
}

// forecast returns for windows [batch, steps+1, D] the predicted increments and the true ones, [steps, batch, D], in units of grows. Inputs are as given plus noise,
// and increments lead from the noisy input to the true next value, so that a model learns to lead back to the trajectory.
func (d design) predict(ctx *mlctx.Context, window *graph.Node, grows []float64, noise float64) (said, truth *graph.Node) {
	w := graph.Transpose(window, 0, 1)
	steps := w.Shape().Dimensions[0] - 1
	x, next := graph.Slice(w, graph.AxisRange(0, steps)), graph.Slice(w, graph.AxisRange(1, steps+1))
	if noise > 0 {
		x = graph.Add(x, graph.MulScalar(ctx.RandomNormal(x.Graph(), x.Shape()), noise))
	}
	scale := graph.Reshape(constant(x, grows), 1, 1, len(grows))
	return d.increments(ctx, x), graph.Div(graph.Sub(next, x), scale)
}

// train fits a design to a task.
func (d design) train(ctx context.Context, backend backends.Backend, name string, t *task, b budget, seed int64, dir string, progress func(fit.Progress)) (*mlctx.Context, *fit.History, error) {
	rows := windows(t.Train, t.Dim, b.Steps+1, b.Stride)
	n := rows.Shape().Dimensions[0]
	vars := mlctx.New()
	history, err := fit.Train(ctx, backend, vars, fit.Problem{
		Name:  name,
		Train: []*tensors.Tensor{rows},
		Val:   []*tensors.Tensor{windows(t.Val, t.Dim, b.Steps+1, b.Steps)},
		Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
			noise := 0.
			if ctx.IsTraining(batch[0].Graph()) {
				noise = b.Noise
			}
			said, truth := d.predict(ctx, batch[0], t.Grows, noise)
			after := graph.AxisRange(b.Warmup, b.Steps)
			return graph.ReduceAllMean(graph.Square(graph.Sub(graph.Slice(said, after), graph.Slice(truth, after))))
		},
	}, fit.Options{
		Epochs: max(1, int(math.Round(float64(b.Updates)*float64(b.Batch)/float64(n)))), BatchSize: b.Batch, MinBatch: b.Batch, EvalBatch: b.Batch,
		LearningRate: b.Rate, Schedule: fit.Cosine{Floor: b.Floor}, ClipNorm: b.Clip, Seed: seed, Tag: fmt.Sprintf("%+v", d),
		Checkpoint: fit.Checkpoint{Dir: dir}, Progress: progress,
	})
	return vars, history, err
}
