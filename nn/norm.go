package nn

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// LayerNorm brings the last axis to mean 0 and variance 1, then scales and shifts it. Its variables are "scale" and "offset",
// each [features].
type LayerNorm struct {
	Epsilon float64 // added to the variance; zero means 1e-5
}

// Apply normalises x [..., features].
func (l LayerNorm) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	features := x.Shape().Dimensions[x.Rank()-1]
	scale := variable(ctx, x, "scale", Ones, features)
	offset := variable(ctx, x, "offset", Zeros, features)
	centred := graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, -1))
	variance := graph.ReduceAndKeep(graph.Square(centred), graph.ReduceMean, -1) // [..., 1]
	y := graph.Div(centred, graph.Sqrt(graph.AddScalar(variance, orDefault(l.Epsilon, 1e-5))))
	return graph.Add(graph.Mul(y, expandLeft(scale, x.Rank())), expandLeft(offset, x.Rank()))
}

// BatchNorm brings each channel (axis 1) to mean 0 and variance 1 over all other axes, then scales and shifts it. While training it
// uses the batch's statistics and moves the running ones towards them; otherwise it uses the running ones. Its variables are "scale"
// and "offset", and "running_mean" and "running_variance", which are not trained; each is [channels].
//
// As in PyTorch, the running variance follows the unbiased variance of the batch, while the normalisation uses the biased one.
type BatchNorm struct {
	Momentum float64 // the weight of a new batch in the running statistics; zero means 0.1
	Epsilon  float64 // added to the variance; zero means 1e-5
}

// Apply normalises x [batch, channels, ...].
func (l BatchNorm) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	if x.Rank() < 2 {
		panicf("BatchNorm needs [batch, channels, ...], got shape %s", x.Shape())
	}
	g := x.Graph()
	channels := x.Shape().Dimensions[1]
	perChannel := shapes.Make(x.DType(), channels)
	scale := variable(ctx, x, "scale", Ones, channels)
	offset := variable(ctx, x, "offset", Zeros, channels)
	runningMean := ctx.WithInitializer(graph.Zeros).VariableWithShape("running_mean", perChannel).SetTrainable(false)
	runningVariance := ctx.WithInitializer(graph.Ones).VariableWithShape("running_variance", perChannel).SetTrainable(false)

	// alongChannels shapes a vector [channels] so that it broadcasts over x.
	alongChannels := func(v *graph.Node) *graph.Node {
		dims := make([]int, x.Rank())
		for i := range dims {
			dims[i] = 1
		}
		dims[1] = channels
		return graph.Reshape(v, dims...)
	}
	epsilon := orDefault(l.Epsilon, 1e-5)
	if !ctx.IsTraining(g) {
		factor := graph.Div(scale, graph.Sqrt(graph.AddScalar(runningVariance.ValueGraph(g), epsilon)))
		shift := graph.Sub(offset, graph.Mul(runningMean.ValueGraph(g), factor))
		return graph.Add(graph.Mul(x, alongChannels(factor)), alongChannels(shift))
	}
	n := x.Shape().Size() / channels
	if n < 2 {
		panicf("BatchNorm needs at least 2 values per channel to train on, got shape %s: leave out such a batch (fit.Options.MinBatch)", x.Shape())
	}
	var axes []int // all but the channels'
	for i := range x.Rank() {
		if i != 1 {
			axes = append(axes, i)
		}
	}
	mean := graph.ReduceMean(x, axes...) // [channels]
	centred := graph.Sub(x, alongChannels(mean))
	variance := graph.ReduceMean(graph.Square(centred), axes...) // [channels]

	momentum := orDefault(l.Momentum, 0.1)
	follow := func(v *mlctx.Variable, batch *graph.Node) {
		old := v.ValueGraph(g)
		v.SetValueGraph(graph.Add(old, graph.MulScalar(graph.Sub(graph.StopGradient(batch), old), momentum)))
	}
	follow(runningMean, mean)
	follow(runningVariance, graph.MulScalar(variance, float64(n)/float64(n-1)))

	factor := graph.Div(scale, graph.Sqrt(graph.AddScalar(variance, epsilon))) // [channels]
	return graph.Add(graph.Mul(centred, alongChannels(factor)), alongChannels(offset))
}

func orDefault(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}
