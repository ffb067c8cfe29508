package nn

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
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
	scale := expandLeft(variable(ctx, x, "scale", Ones, features), x.Rank())
	offset := expandLeft(variable(ctx, x, "offset", Zeros, features), x.Rank())
	return graph.Add(graph.Mul(standardised(x, orDefault(l.Epsilon, 1e-5)), scale), offset)
}

// standardised brings the last axis of x to mean 0 and variance 1.
func standardised(x *graph.Node, epsilon float64) *graph.Node {
	mean := func(x *graph.Node) *graph.Node { return graph.ReduceAndKeep(x, graph.ReduceMean, -1) } // [..., 1]
	return withGradient(func(in []*graph.Node) (*graph.Node, func(v *graph.Node) []*graph.Node) {
		centred := graph.Sub(in[0], mean(in[0]))
		perSD := graph.Reciprocal(graph.Sqrt(graph.AddScalar(mean(graph.Square(centred)), epsilon)))
		y := graph.Mul(centred, perSD)
		return y, func(v *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(perSD, graph.Sub(graph.Sub(v, mean(v)), graph.Mul(y, mean(graph.Mul(v, y)))))}
		}
	}, x)
}

// BatchNorm brings each channel to mean 0 and variance 1 over all other axes, then scales and shifts it. While training it
// uses the batch's statistics and moves the running ones towards them; otherwise it uses the running ones. Its variables are "scale"
// and "offset", and "running_mean" and "running_variance", which are not trained; each is [channels].
//
// As in PyTorch, the running variance follows the unbiased variance of the batch, while the normalisation uses the biased one.
type BatchNorm struct {
	Axis     int     // of the channels; zero means 1
	Momentum float64 // the weight of a new batch in the running statistics; zero means 0.1
	Epsilon  float64 // added to the variance; zero means 1e-5
}

// Apply normalises x [batch, channels, ...], or of any shape with channels along Axis.
func (l BatchNorm) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	axis := max(1, l.Axis)
	if x.Rank() <= axis {
		panicf("BatchNorm needs channels along axis %d, got shape %s", axis, x.Shape())
	}
	g := x.Graph()
	channels := x.Shape().Dimensions[axis]
	perChannel := shapeOf(x, channels)
	// Vectors [channels] are shaped so that they broadcast over x.
	along := make([]int, x.Rank())
	var others []int
	for i := range along {
		along[i] = 1
		if i != axis {
			others = append(others, i)
		}
	}
	along[axis] = channels
	spread := func(v *graph.Node) *graph.Node { return graph.Reshape(v, along...) }

	scale := spread(variable(ctx, x, "scale", Ones, channels))
	offset := spread(variable(ctx, x, "offset", Zeros, channels))
	runningMean := ctx.WithInitializer(graph.Zeros).VariableWithShape("running_mean", perChannel).SetTrainable(false)
	runningVariance := ctx.WithInitializer(graph.Ones).VariableWithShape("running_variance", perChannel).SetTrainable(false)
	epsilon := orDefault(l.Epsilon, 1e-5)
	if !ctx.IsTraining(g) {
		factor := graph.Div(scale, graph.Sqrt(graph.AddScalar(spread(runningVariance.ValueGraph(g)), epsilon)))
		return graph.Add(graph.Mul(x, factor), graph.Sub(offset, graph.Mul(spread(runningMean.ValueGraph(g)), factor)))
	}
	n := x.Shape().Size() / channels
	if n < 2 {
		panicf("BatchNorm needs at least 2 values per channel to train on, got shape %s: leave out such a batch (fit.Options.MinBatch)", x.Shape())
	}
	mean := func(x *graph.Node) *graph.Node { return spread(graph.ReduceMean(x, others...)) }
	var batchMean, batchVariance *graph.Node
	y := withGradient(func(in []*graph.Node) (*graph.Node, func(v *graph.Node) []*graph.Node) {
		x, scale, offset := in[0], in[1], in[2]
		batchMean = mean(x)
		batchVariance = mean(graph.Square(graph.Sub(x, batchMean)))
		perSD := graph.Reciprocal(graph.Sqrt(graph.AddScalar(batchVariance, epsilon)))
		factor := graph.Mul(scale, perSD)
		// Written as sums of products of x and v with one value per channel, so that no array as large as x is kept beside x.
		return graph.Add(graph.Mul(x, factor), graph.Sub(offset, graph.Mul(batchMean, factor))), func(v *graph.Node) []*graph.Node {
			forOffset := mean(v)
			forScale := graph.Mul(mean(graph.Mul(v, graph.Add(x, graph.Neg(batchMean)))), perSD)
			// What a shift and a scaling of x would undo does not count.
			byX := graph.Neg(graph.Mul(graph.Mul(factor, perSD), forScale))
			byOne := graph.Neg(graph.Add(graph.Mul(factor, forOffset), graph.Mul(byX, batchMean)))
			return []*graph.Node{
				graph.Add(graph.Mul(v, factor), graph.Add(graph.Mul(x, byX), byOne)),
				graph.MulScalar(forScale, float64(n)), graph.MulScalar(forOffset, float64(n)),
			}
		}
	}, x, scale, offset)

	momentum := orDefault(l.Momentum, 0.1)
	follow := func(v *mlctx.Variable, batch *graph.Node) {
		old := v.ValueGraph(g)
		batch = graph.StopGradient(graph.Reshape(batch, channels))
		v.SetValueGraph(graph.Add(old, graph.MulScalar(graph.Sub(batch, old), momentum)))
	}
	follow(runningMean, batchMean)
	follow(runningVariance, graph.MulScalar(batchVariance, float64(n)/float64(n-1)))
	return y
}

func orDefault(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}
