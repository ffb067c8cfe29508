package deepsnn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/nn"
)

// reference is F0, a network of rates: ReLU, no biases so that it can be converted, and dropout. With no hidden layers it is a linear read-out.
type reference struct {
	Hidden  []int
	Biases  bool
	Slope   float64 // of the activation below zero
	Dropout float64
	budget

	Layers []layer // once trained
}

// budget is how a network on a graph is trained: Adam at one rate.
type budget struct {
	Epochs, Batch int
	Rate          float64
}

// descend trains a network on a graph and returns its layers, which are in the scopes layer0, layer1, ...
func (b budget) descend(ctx context.Context, name string, d *split, s *session, layers int, loss func(ctx *mlctx.Context, x, labels *graph.Node) *graph.Node) ([]layer, error) {
	backend, err := s.backend()
	if err != nil {
		return nil, err
	}
	vars := mlctx.New()
	batch := min(b.Batch, d.training.len())
	_, err = fit.Train(ctx, backend, vars, fit.Problem{
		Name: name, Train: d.training.tensors(),
		Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node { return loss(ctx, batch[0], batch[1]) },
	}, fit.Options{
		Epochs: b.Epochs, BatchSize: batch, MinBatch: batch, LearningRate: b.Rate, Seed: s.seed,
		Checkpoint: fit.Checkpoint{Dir: s.dir},
		Progress:   func(p fit.Progress) { s.progress(p.Step, p.Steps, "step") },
	})
	if err != nil {
		return nil, err
	}
	var trained []layer
	for l := range layers {
		w, err := layerOf(vars, fmt.Sprintf("layer%d", l))
		if err != nil {
			return nil, err
		}
		trained = append(trained, w)
	}
	return trained, nil
}

// layerOf reads trained weights.
func layerOf(vars *mlctx.Context, scope string) (l layer, err error) {
	for name, to := range map[string]*[]float32{"weights": &l.W, "bias": &l.B} {
		v := vars.In(scope).GetVariable(name)
		if v == nil {
			continue // the layer has no biases
		}
		value, err := v.Value()
		if err != nil {
			return l, err
		}
		if err := tensors.ConstFlatData(value, func(flat []float32) { *to = slices.Clone(flat) }); err != nil {
			return l, err
		}
		if name == "weights" {
			l.In, l.Out = v.Shape().Dim(0), v.Shape().Dim(1)
		}
	}
	return l, nil
}

func crossEntropy(labels, logits *graph.Node) *graph.Node {
	return graph.ReduceAllMean(losses.SparseCategoricalCrossEntropyLogits([]*graph.Node{labels}, []*graph.Node{logits}))
}

func (f *reference) train(ctx context.Context, d *split, s *session) (err error) {
	sizes := append(slices.Clone(f.Hidden), classes)
	name := fmt.Sprintf("reference, %d layers", len(sizes))
	f.Layers, err = f.descend(ctx, name, d, s, len(sizes), func(ctx *mlctx.Context, x, labels *graph.Node) *graph.Node {
		for l, n := range sizes {
			x = nn.Linear{Out: n, NoBias: !f.Biases}.Apply(ctx.Inf("layer%d", l), x)
			if l+1 < len(sizes) {
				if f.Slope == 0 {
					x = nn.ReLU(x)
				} else {
					x = graph.Max(x, graph.MulScalar(x, f.Slope))
				}
				x = nn.Dropout(ctx, x, f.Dropout)
			}
		}
		return crossEntropy(labels, x)
	})
	for l := range f.Layers {
		f.Layers[l].Slope = float32(f.Slope)
	}
	return err
}

// rates is the activity of all layers, input left out.
func rates(layers []layer, x []float32, c *cost, activation func(l *layer, v float32) float32) [][]float32 {
	var all [][]float32
	for l := range layers {
		x = layers[l].dense(x, c)
		c.Updates += int64(len(x))
		if l+1 < len(layers) {
			for i, v := range x {
				x[i] = activation(&layers[l], v)
			}
		}
		all = append(all, x)
	}
	return all
}

func rectified(l *layer, v float32) float32 {
	if v < 0 {
		return v * l.Slope
	}
	return v
}

func (f *reference) infer(x []float32, steps int, _ *rand.Rand, to *response) {
	answer(f.Layers, rectified, x, steps, to)
}

// answer is the response of a network of rates, which knows all in the first step.
func answer(layers []layer, activation func(*layer, float32) float32, x []float32, steps int, to *response) {
	to.reset(steps, len(layers)+1)
	var c cost
	all := rates(layers, x, &c, activation)
	for t := range steps {
		copy(to.Scores[t][:], all[len(all)-1])
		to.Costs[t] = c
	}
}

// macs is what the network costs an image.
func (f *reference) macs() (n int64) {
	for _, l := range f.Layers {
		n += int64(l.In * l.Out)
	}
	return n
}

// clipped is a spiking network's weights in a network of rates, with rates from 0 to 1: what training for spikes is worth without them.
type clipped struct{ net *surrogate }

func (c clipped) train(context.Context, *split, *session) error { return nil }

func (c clipped) infer(x []float32, steps int, _ *rand.Rand, to *response) {
	answer(c.net.Layers, func(_ *layer, v float32) float32 { return min(1, max(0, v)) }, x, steps, to)
}
