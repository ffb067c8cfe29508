package hlop

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"

	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/nn"
)

// sizes of the network: fully connected layers of spiking units, and a read-out that averages over time.
type sizes struct {
	Inputs, Hidden, Classes, Steps int
}

// layers is how many weight matrices there are: two of hidden layers and one of the read-out. None has biases.
const layers = 3

func (s sizes) width(layer int) int { // of a layer's input
	if layer == 0 {
		return s.Inputs
	}
	return s.Hidden
}

func (s sizes) out(layer int) int {
	if layer == layers-1 {
		return s.Classes
	}
	return s.Hidden
}

// transport is how errors pass down a layer.
type transport int

const (
	exact     transport = iota
	alignment           // feedback alignment: by fixed random weights (Lillicrap et al. 2016)
	signs               // sign-symmetric: by the signs of the weights over √fan-in
)

// learner is how the network learns one task.
type learner struct {
	sizes
	errors transport
	// subspaces has the rows of each layer that span what earlier tasks used, [rows, width]; nil projects nothing.
	subspaces [layers]*tensors.Tensor
	// rows is how many rows each layer learns on this task by Hebb's rule; zeros learn none.
	rows [layers]int
	// quantum, if positive, is how many lateral spikes stand for the range of ±20 of a lateral activity.
	quantum int
}

const (
	hebbianUpdates = 5 // per mini-batch
	hebbianMoment  = .9
	hebbianLimit   = 10 // of each value of a change
	lateralRange   = 20
)

// hebbianRate is that of the layer: analog inputs vary more than spikes.
func hebbianRate(layer int) float64 {
	if layer == 0 {
		return .001
	}
	return .01
}

func scope(ctx *mlctx.Context, layer int) *mlctx.Context { return ctx.In(fmt.Sprint("layer_", layer)) }

// weights returns those of a layer, [width, out], PyTorch's default start.
func (l learner) weights(ctx *mlctx.Context, g *graph.Graph, layer int) *graph.Node {
	in := l.width(layer)
	ctx = scope(ctx, layer)
	return ctx.WithInitializer(nn.FanInUniform(in)(ctx)).VariableWithShape("weights", shapes.Make(dtypes.Float32, in, l.out(layer))).ValueGraph(g)
}

// linear is y = x W for x [rows, width] with a gradient of W that sees only what of x is orthogonal to the subspace of earlier tasks, x⊥ = x - x HᵀH, and a
// gradient of x by the chosen transport.
func (l learner) linear(ctx *mlctx.Context, layer int, x *graph.Node) *graph.Node {
	g := x.Graph()
	w := l.weights(ctx, g, layer)
	free := graph.StopGradient(x)
	if h := l.subspaces[layer]; h != nil {
		free = orthogonal(free, graph.ConstTensor(g, h))
	}
	fixed := graph.StopGradient(w)
	var y *graph.Node
	switch l.errors {
	case exact:
		y = graph.Dot(x, fixed) // value x W, gradient of x by W
	default:
		back := l.feedback(ctx, g, layer, fixed)
		y = graph.Add(graph.StopGradient(graph.Dot(x, fixed)), graph.Dot(graph.Sub(x, graph.StopGradient(x)), back))
	}
	return graph.Add(y, graph.Dot(free, graph.Sub(w, fixed))) // value 0, gradient of W by x⊥
}

// feedback is what errors pass by, [width, out].
func (l learner) feedback(ctx *mlctx.Context, g *graph.Graph, layer int, w *graph.Node) *graph.Node {
	fan := float64(l.width(layer))
	if l.errors == signs {
		return graph.MulScalar(graph.Sign(w), 1/math.Sqrt(fan))
	}
	ctx = scope(ctx, layer)
	return ctx.WithInitializer(nn.Uniform(1/math.Sqrt(fan))(ctx)).VariableWithShape("feedback", shapes.Make(dtypes.Float32, l.width(layer), l.out(layer))).SetTrainable(false).ValueGraph(g)
}

// orthogonal is what of the rows of x [rows, n] lies outside the span of the rows of h [k, n], which must be orthonormal.
func orthogonal(x, h *graph.Node) *graph.Node {
	return graph.Sub(x, graph.Dot(graph.DotGeneral(x, []int{1}, nil, h, []int{1}, nil), h))
}

// forward maps images [B, inputs] to logits [B, classes], the mean over time of the read-out, and returns the activities that enter each layer, as rows.
func (l learner) forward(ctx *mlctx.Context, images *graph.Node) (logits *graph.Node, activities [layers]*graph.Node) {
	batch := images.Shape().Dimensions[0]
	lif := dynamics.LIF{Decay: .5, Reset: dynamics.SoftReset, DetachReset: true, Surrogate: dynamics.SigmoidDerivative{Slope: 4}}
	fire := func(currents []*graph.Node) *graph.Node { // to [T, B, hidden]
		return dynamics.Stack(dynamics.Unroll(lif.Cell(nil, currents[0]), currents, dynamics.Unrolling{}).Outputs)
	}
	activities[0] = images // the same in every step, and therefore one row for each image
	spikes := fire(dynamics.Repeat(l.linear(ctx, 0, images), l.Steps))
	activities[1] = graph.Reshape(spikes, l.Steps*batch, l.Hidden)
	current := graph.Reshape(l.linear(ctx, 1, activities[1]), l.Steps, batch, l.Hidden)
	spikes = fire(dynamics.Steps(current))
	activities[2] = graph.Reshape(spikes, l.Steps*batch, l.Hidden)
	out := graph.Reshape(l.linear(ctx, 2, activities[2]), l.Steps, batch, l.Classes)
	return graph.ReduceMean(out, 0), activities
}

// loss is the cross-entropy of a batch of images [B, inputs] and labels [B, 1]. While training it also lets the rows of this task learn.
func (l learner) loss(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
	logits, activities := l.forward(ctx, batch[0])
	if ctx.IsTraining(logits.Graph()) {
		for layer, x := range activities {
			if l.rows[layer] > 0 {
				l.hebb(scope(ctx, layer), layer, graph.StopGradient(x))
			}
		}
	}
	return graph.ReduceAllMean(losses.SparseCategoricalCrossEntropyLogits([]*graph.Node{batch[1]}, []*graph.Node{logits}))
}

// newRows and momentum are the variables of the rows that learn, [rows, width].
const newRows, momentum = "rows", "momentum"

// hebb updates the rows of a layer: Oja's rule on what neither the frozen rows of earlier tasks nor these explain of the activity x [n, width].
func (l learner) hebb(ctx *mlctx.Context, layer int, x *graph.Node) {
	g := x.Graph()
	rows, moment := ctx.GetVariable(newRows), ctx.GetVariable(momentum)
	h, m := rows.ValueGraph(g), moment.ValueGraph(g) // [rows, width]
	lateral := func(h *graph.Node) *graph.Node { return l.coarse(graph.DotGeneral(x, []int{1}, nil, h, []int{1}, nil)) }
	left := x // what frozen rows do not explain, once and for all
	if old := l.subspaces[layer]; old != nil {
		frozen := graph.ConstTensor(g, old)
		left = graph.Sub(x, graph.Dot(lateral(frozen), frozen))
	}
	for range hebbianUpdates {
		y := lateral(h) // [n, rows]
		change := dynamics.Hebb(graph.Sub(left, graph.Dot(y, h)), y)
		m = graph.Add(graph.MulScalar(m, hebbianMoment), graph.MulScalar(graph.ClipScalar(change, -hebbianLimit, hebbianLimit), 1-hebbianMoment))
		h = graph.Add(h, graph.MulScalar(m, hebbianRate(layer)))
	}
	rows.SetValueGraph(h)
	moment.SetValueGraph(m)
}

// coarse is lateral activities as so many spikes can tell them.
func (l learner) coarse(y *graph.Node) *graph.Node {
	if l.quantum == 0 {
		return y
	}
	n := float64(l.quantum)
	return graph.MulScalar(graph.Round(graph.MulScalar(graph.ClipScalar(y, -lateralRange, lateralRange), n/lateralRange)), lateralRange/n)
}
