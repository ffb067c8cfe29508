package nn

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// PoissonNLL is the negative log-likelihood of counts under Poisson distributions with the given log-rates (log of expected counts),
// element by element and without the constant log(count!): exp(l) - count·l. Both have the same shape.
func PoissonNLL(logRates, counts *graph.Node) *graph.Node {
	return graph.Sub(graph.Exp(logRates), graph.Mul(counts, logRates))
}

// GaussianKL is the Kullback-Leibler divergence in nats from N(priorMean, priorVariance) to N(mean, exp(logVariance)), element by element.
// logVariance may be of any shape that broadcasts to mean's, such as a scalar.
func GaussianKL(mean, logVariance *graph.Node, priorMean, priorVariance float64) *graph.Node {
	spread := graph.Square(graph.AddScalar(mean, -priorMean))
	ratio := graph.MulScalar(graph.Add(spread, graph.Exp(logVariance)), 1/priorVariance)
	return graph.MulScalar(graph.AddScalar(graph.Sub(ratio, logVariance), math.Log(priorVariance)-1), 0.5)
}

// Reparameterize draws from N(mean, exp(logVariance)) so that gradients reach both, while training and otherwise. logVariance has the
// shape of mean or broadcasts to it.
func Reparameterize(ctx *mlctx.Context, mean, logVariance *graph.Node) *graph.Node {
	noise := ctx.RandomNormal(mean.Graph(), mean.Shape())
	return graph.Add(mean, graph.Mul(graph.Exp(graph.MulScalar(logVariance, 0.5)), noise))
}

// CoordinatedDropout hides part of the input of an autoencoder and says where the loss may learn (Keshtkaran and Pandarinath, "Enabling
// hyperparameter optimization in sequential autoencoders for spiking neural data", 2019). While training, each element of
// x is kept with probability keep and divided by it; learn is 1 where the input was hidden, and at a further share 1-keep of the kept
// elements, else 0. Otherwise it returns x and nil. Both have the shape of x. Give learn to [MaskGradient].
func CoordinatedDropout(ctx *mlctx.Context, x *graph.Node, keep float64) (input, learn *graph.Node) {
	if keep <= 0 || keep > 1 {
		panicf("coordinated dropout keeps a share of %g; it must be more than 0 and at most 1", keep)
	}
	g := x.Graph()
	if keep == 1 || !ctx.IsTraining(g) {
		return x, nil
	}
	share := graph.Scalar(g, x.DType(), keep)
	kept := graph.LessThan(ctx.RandomUniform(g, x.Shape()), share)
	also := graph.GreaterOrEqual(ctx.RandomUniform(g, x.Shape()), share)
	zero := graph.ScalarZero(g, x.DType())
	input = graph.Where(kept, graph.MulScalar(x, 1/keep), zero)
	learn = graph.ConvertDType(graph.LogicalOr(graph.LogicalNot(kept), also), x.DType())
	return input, learn
}

// MaskGradient returns x unchanged, but lets gradients through only where mask is 1. Where x is larger than the mask along an axis, the
// elements beyond it count as 1. A nil mask lets everything through.
func MaskGradient(x, mask *graph.Node) *graph.Node {
	if mask == nil {
		return x
	}
	if mask.Rank() != x.Rank() {
		panicf("a gradient mask of shape %s does not fit shape %s", mask.Shape(), x.Shape())
	}
	for axis, size := range x.Shape().Dimensions {
		dims := append([]int{}, mask.Shape().Dimensions...)
		dims[axis] = size - dims[axis]
		switch {
		case dims[axis] < 0:
			panicf("a gradient mask of shape %s does not fit shape %s", mask.Shape(), x.Shape())
		case dims[axis] > 0:
			mask = graph.Concatenate([]*graph.Node{mask, graph.Ones(x.Graph(), shapeOf(mask, dims...))}, axis)
		}
	}
	return graph.IdentityWithCustomGradient(x, func(_, v *graph.Node) *graph.Node { return graph.Mul(v, mask) })
}
