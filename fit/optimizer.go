package fit

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
)

// Optimizer turns gradients into steps: [Adam] or [SGD].
type Optimizer interface{ build() gradientOptimizer }

// Adam is Kingma and Ba's optimiser with the conventions of PyTorch: bias correction, and Epsilon added to the square root.
type Adam struct {
	Beta1, Beta2 float64 // zero means 0.9 and 0.999
	Epsilon      float64 // zero means 1e-8
}

func (a Adam) build() gradientOptimizer {
	or := func(v, otherwise float64) float64 {
		if v == 0 {
			return otherwise
		}
		return v
	}
	return optimizers.Adam().Betas(or(a.Beta1, 0.9), or(a.Beta2, 0.999)).Epsilon(or(a.Epsilon, 1e-8)).Done().(gradientOptimizer)
}

// SGD is plain gradient descent: a step is the learning rate times the gradient.
type SGD struct{}

func (SGD) build() gradientOptimizer {
	return optimizers.StochasticGradientDescent().WithDecay(false)
}

// gradientOptimizer is a GoMLX optimiser that can be given gradients.
type gradientOptimizer interface {
	UpdateGraphWithGradients(ctx *mlctx.Context, grads []*graph.Node, lossDType dtypes.DType)
	Clear(ctx *mlctx.Context) error
}

// update is the optimiser given to GoMLX's trainer: it adds clipping and decay around the one chosen.
type update struct {
	o           *Options
	rate, decay float64 // of the next step
	// afterBuild, if set, is called once after the first step's graph is built.
	afterBuild func() error
}

const decayName = "weight_decay"

func (u *update) Clear(ctx *mlctx.Context) error { return u.o.Optimizer.build().Clear(ctx) }

func (u *update) setRate(vars *mlctx.Context) error {
	return setVariable(vars, rateScope, optimizers.ParamLearningRate, u.rate)
}

func (u *update) setDecay(vars *mlctx.Context) error {
	return setVariable(vars, ownScope, decayName, u.decay)
}

// UpdateGraph adds to the graph one step on all trainable variables.
func (u *update) UpdateGraph(ctx *mlctx.Context, g *graph.Graph, loss *graph.Node) {
	dtype := loss.DType()
	var variables []*mlctx.Variable
	var values []*graph.Node // any shapes, as before the step
	for v := range ctx.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			variables = append(variables, v)
			values = append(values, v.ValueGraph(g))
		}
	}
	if len(values) == 0 {
		panicf("the loss uses no trainable variable: there is nothing to train")
	}
	grads := graph.Gradient(loss, values...)
	if u.o.ClipNorm > 0 {
		grads = clip(grads, u.o.ClipNorm)
	}
	var decay *graph.Node // scalar
	if u.o.WeightDecay != nil {
		v := ctx.InAbsPath(ownScope).Checked(false).VariableWithValue(decayName, shapes.CastAsDType(u.decay, dtype)).SetTrainable(false)
		decay = v.ValueGraph(g)
		if !u.o.Decoupled {
			for i := range grads {
				grads[i] = graph.Add(grads[i], graph.Mul(graph.ConvertDType(decay, grads[i].DType()), values[i]))
			}
		}
	}
	rate := optimizers.LearningRateVarWithValue(ctx, dtype, u.rate)
	u.o.Optimizer.build().UpdateGraphWithGradients(ctx, grads, dtype)
	if decay == nil || !u.o.Decoupled {
		return
	}
	shrink := graph.Mul(rate.ValueGraph(g), decay)
	for i, v := range variables {
		v.SetValueGraph(graph.Sub(v.ValueGraph(g), graph.Mul(graph.ConvertDType(shrink, v.DType()), values[i])))
	}
}

// clip scales gradients so that their common Euclidean norm is at most limit, as PyTorch's clip_grad_norm_.
func clip(grads []*graph.Node, limit float64) []*graph.Node {
	var sum *graph.Node // scalar
	for _, grad := range grads {
		if s := graph.ReduceAllSum(graph.Square(grad)); sum == nil {
			sum = s
		} else {
			sum = graph.Add(sum, graph.ConvertDType(s, sum.DType()))
		}
	}
	scale := graph.MinScalar(graph.MulScalar(graph.Reciprocal(graph.AddScalar(graph.Sqrt(sum), 1e-6)), limit), 1)
	out := make([]*graph.Node, len(grads))
	for i, grad := range grads {
		out[i] = graph.Mul(grad, graph.ConvertDType(scale, grad.DType()))
	}
	return out
}
