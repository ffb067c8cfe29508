package deepsnn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/nn"
)

// surrogate is F3: leaky integrate-and-fire neurons trained by back-propagation through time, with a smooth stand-in for the derivative of a spike (STBP,
// SuperSpike). Its read-out is the mean of leaky membranes that do not fire.
type surrogate struct {
	Hidden []int
	Steps  int // of an image while it is trained
	Coding coding
	budget

	Layers []layer
	net    *layered
}

const (
	membraneDecay = .9
	// ratePrice is the weight of the mean rate of hidden neurons in the loss.
	ratePrice = 1e-3
)

func (f *surrogate) train(ctx context.Context, d *split, s *session) (err error) {
	if f.Steps < 1 {
		return fmt.Errorf("a network of spikes is trained for %d steps, expected at least 1", f.Steps)
	}
	name := fmt.Sprintf("surrogate gradients, T = %d", f.Steps)
	if f.Coding == bernoulli {
		name += ", random input"
	}
	f.Layers, err = f.descend(ctx, name, d, s, len(f.Hidden)+1, func(ctx *mlctx.Context, x, labels *graph.Node) *graph.Node {
		logits, rate := f.graph(ctx, f.input(ctx, x))
		return graph.Add(crossEntropy(labels, logits), graph.MulScalar(rate, ratePrice))
	})
	f.ready()
	return err
}

// ready makes the network that runs event by event.
func (f *surrogate) ready() {
	f.net = &layered{Layers: f.Layers, Threshold: thresholds(len(f.Layers), 1), Decay: membraneDecay, Coding: f.Coding, Readout: meanPotential}
}

// input is what the first layer of weights takes in, [T, B, in], or [1, B, in] if it is the same in each step.
func (f *surrogate) input(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	switch f.Coding {
	case bernoulli:
		return dynamics.Stack(dynamics.RateCode(ctx, x, f.Steps))
	case events:
		batch := x.Shape().Dim(0)
		return graph.Transpose(graph.Reshape(x, batch, f.Steps, x.Shape().Dim(1)/f.Steps), 0, 1)
	}
	return graph.ExpandAxes(x, 0)
}

// graph is the network: the mean membrane of the last layer [B, classes], and the mean rate of hidden neurons.
func (f *surrogate) graph(ctx *mlctx.Context, x *graph.Node) (logits, rate *graph.Node) {
	for l, n := range append(slices.Clone(f.Hidden), classes) {
		current := nn.Linear{Out: n}.Apply(ctx.Inf("layer%d", l), x)
		steps := dynamics.Steps(current)
		if len(steps) < f.Steps {
			steps = dynamics.Repeat(steps[0], f.Steps)
		}
		if l == len(f.Hidden) {
			return dynamics.Mean(dynamics.Unroll(dynamics.Leaky{Decay: membraneDecay}, steps, dynamics.Unrolling{}).Outputs), rate
		}
		cell := dynamics.LIF{Decay: membraneDecay, DetachReset: true, Surrogate: dynamics.FastSigmoid{Slope: 5}}.Cell(nil, current)
		spikes := dynamics.Unroll(cell, steps, dynamics.Unrolling{}).Outputs
		mean := graph.MulScalar(graph.ReduceAllMean(dynamics.Mean(spikes)), 1/float64(len(f.Hidden)))
		if rate == nil {
			rate = mean
		} else {
			rate = graph.Add(rate, mean)
		}
		x = dynamics.Stack(spikes)
	}
	panic("deepsnn: a network without a last layer")
}

func (f *surrogate) infer(x []float32, steps int, rng *rand.Rand, to *response) {
	f.net.infer(x, steps, rng, to)
}
