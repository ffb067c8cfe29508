package dbconformer

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/fit"
)

// network is a classifier of trials: a graph from trials [batch, C, T] to logits [batch, K] and, where there is one, channel attention
// [batch, C] (else nil).
type network func(ctx *mlctx.Context, x *Node) (logits, attention *Node)

func (s Size) variant(v Variant) network {
	return func(ctx *mlctx.Context, x *Node) (*Node, *Node) { return s.Build(ctx, x, v) }
}

// budget is how a network is trained: Adam on the cross-entropy without decay or schedule, to the last epoch.
type budget struct {
	epochs int
	batch  int
	rate   float64 // learning rate
}

// examples is a set of trials with their labels.
type examples struct {
	trials []*mat.Dense
	labels []int
	people []int // whose trial each is; nil when all are of one person
}

func (e examples) tensor() *tensors.Tensor {
	channels, samples := e.trials[0].Dims()
	flat := make([]float32, 0, len(e.trials)*channels*samples)
	for _, x := range e.trials {
		for _, v := range x.RawMatrix().Data {
			flat = append(flat, float32(v))
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, len(e.trials), channels, samples)
}

// join puts sets of examples one after the other.
func join(sets ...examples) examples {
	var all examples
	for _, s := range sets {
		all.trials = append(all.trials, s.trials...)
		all.labels = append(all.labels, s.labels...)
	}
	return all
}

// divide splits examples, in order, into those whose index is in and the others.
func (e examples) divide(in func(i int) bool) (first, rest examples) {
	for i := range e.trials {
		to := &rest
		if in(i) {
			to = &first
		}
		to.trials, to.labels = append(to.trials, e.trials[i]), append(to.labels, e.labels[i])
		if e.people != nil {
			to.people = append(to.people, e.people[i])
		}
	}
	return first, rest
}

// train fits a network to examples. An incomplete last batch of one trial is left out: batch normalisation is undefined on it.
func train(ctx context.Context, backend backends.Backend, name string, net network, data examples, b budget, seed int64, progress func(fit.Progress)) (*mlctx.Context, *fit.History, error) {
	if n := classesIn(data.labels); n < 2 {
		return nil, nil, fmt.Errorf("training %s: the %d training trials are all of one class; a classifier needs both", name, len(data.labels))
	}
	labels := make([]int32, len(data.labels))
	for i, l := range data.labels {
		labels[i] = int32(l)
	}
	vars := mlctx.New()
	history, err := fit.Train(ctx, backend, vars, fit.Problem{
		Name:  name,
		Train: []*tensors.Tensor{data.tensor(), tensors.FromFlatDataAndDimensions(labels, len(labels), 1)},
		Loss: func(ctx *mlctx.Context, batch []*Node) *Node {
			logits, _ := net(ctx, batch[0])
			loss := ReduceAllMean(losses.SparseCategoricalCrossEntropyLogits([]*Node{batch[1]}, []*Node{logits}))
			right := Equal(ArgMax(logits, -1, dtypes.Int32), Squeeze(batch[1], -1))
			fit.Report(ctx, "accuracy", ReduceAllMean(ConvertDType(right, dtypes.Float32)))
			return loss
		},
	}, fit.Options{
		Epochs: b.epochs, BatchSize: min(b.batch, len(labels)), MinBatch: 2, LearningRate: b.rate, Seed: seed, Progress: progress,
	})
	return vars, history, err
}

func classesIn(labels []int) int {
	seen := map[int]bool{}
	for _, l := range labels {
		seen[l] = true
	}
	return len(seen)
}

// outcome is what a network says about trials.
type outcome struct {
	Predicted   []int
	Probability [][]float32 // by trial and class
	Attention   [][]float32 // by trial and channel; nil if the network has none
}

// classify applies a trained network to trials.
func classify(ctx context.Context, backend backends.Backend, vars *mlctx.Context, net network, trials []*mat.Dense) (*outcome, error) {
	attends := false
	outputs, err := fit.Predict(ctx, backend, vars, func(ctx *mlctx.Context, batch []*Node) []*Node {
		logits, attention := net(ctx, batch[0])
		out := []*Node{Softmax(logits, -1)}
		if attends = attention != nil; attends {
			out = append(out, attention)
		}
		return out
	}, []*tensors.Tensor{examples{trials: trials}.tensor()}, min(32, len(trials)))
	if err != nil {
		return nil, err
	}
	o := &outcome{Probability: rows(outputs[0])}
	for _, p := range o.Probability {
		best := 0
		for k, v := range p {
			if v > p[best] {
				best = k
			}
		}
		o.Predicted = append(o.Predicted, best)
	}
	if attends {
		o.Attention = rows(outputs[1])
	}
	return o, nil
}

// rows copies a float32 matrix out of a tensor.
func rows(t *tensors.Tensor) [][]float32 {
	width := t.Shape().Dim(-1)
	flat := tensors.MustCopyFlatData[float32](t)
	out := make([][]float32, t.Shape().Dim(0))
	for i := range out {
		out[i] = flat[i*width : (i+1)*width]
	}
	return out
}
