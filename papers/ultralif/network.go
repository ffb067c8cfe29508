package ultralif

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"

	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/nn"
	"github.com/gyrus-dev/gyrus/papers"
)

// model is one network among those that are trained side by side: hidden layers of one kind of neuron and a linear read-out of their mean over time.
type model struct {
	name     string // of the system
	neuron   neuron
	layers   int     // hidden; 0 means 1
	lambda   float64 // weight of the mean activation in the loss
	shuffled int     // which random order of the labels it is trained on; 0 for the true one
	clip     bool    // the norm of the gradient is kept to 1, which needs a training of its own
}

// budget is how all networks of a comparison are trained.
type budget struct {
	Hidden, Epochs, Batch int
	Rate                  float64 // of Adam, falling along a cosine to 0
}

// answer is what a network says about a batch.
type answer struct {
	logits     *graph.Node // [B, classes]
	activation *graph.Node // mean of s over units, layers, examples and time; a scalar
	operations *graph.Node // synaptic operations behind the hidden layers, of an example [B]: events times the weights they reach
}

// layout is the size of networks, and the seed of the weights that they begin with.
type layout struct {
	hidden, classes int
	seed            int64
}

// forward runs a model on spikes or counts [T, B, in]. Hard is the same network with hard spikes; it is nil in training.
func (m model) forward(ctx *mlctx.Context, x *graph.Node, size layout, training bool) (soft, hard *answer, epsilon *graph.Node) {
	first := size.linear(ctx, 0, size.hidden, x)
	pass := func(which func(soft, hard dynamics.Cell) dynamics.Cell) *answer {
		a := &answer{}
		currents := first
		for l := range max(1, m.layers) {
			in := ctx.Inf("layer%d", l)
			s, h, e := m.neuron.cells(in, x)
			if l == 0 {
				epsilon = e
			}
			spikes := dynamics.Unroll(which(s, h), dynamics.Steps(currents), dynamics.Unrolling{}).Outputs
			activation := graph.MulScalar(graph.ReduceAllMean(dynamics.Mean(spikes)), 1/float64(max(1, m.layers)))
			if a.activation == nil {
				a.activation = activation
			} else {
				a.activation = graph.Add(a.activation, activation)
			}
			if l+1 < m.layers {
				currents = size.linear(ctx, l+1, size.hidden, dynamics.Stack(spikes))
			} else { // the read-out is linear: that of the mean is the mean of that
				a.logits = size.linear(ctx, l+1, size.classes, dynamics.Mean(spikes))
			}
			if !training {
				a.count(ctx.Inf("layer%d", l+1), spikes)
			}
		}
		return a
	}
	soft = pass(func(s, _ dynamics.Cell) dynamics.Cell { return s })
	if !training {
		hard = pass(func(_, h dynamics.Cell) dynamics.Cell { return h })
	}
	return soft, hard, epsilon
}

// linear is the weights into a layer. They begin as PyTorch's would, drawn for the place alone: models begin alike.
func (size layout) linear(ctx *mlctx.Context, layer, out int, x *graph.Node) *graph.Node {
	in := x.Shape().Dim(-1)
	begin := func(stream uint64) nn.Initializer {
		return func(*mlctx.Context) mlctx.VariableInitializer {
			return func(g *graph.Graph, shape shapes.Shape) *graph.Node {
				rng, bound := rand.New(rand.NewPCG(uint64(size.seed), stream)), 1/math.Sqrt(float64(in))
				values := make([]float32, shape.Size())
				for i := range values {
					values[i] = float32(bound * (2*rng.Float64() - 1))
				}
				return graph.Const(g, tensors.FromFlatDataAndDimensions(values, shape.Dimensions...))
			}
		}
	}
	init := nn.LinearInit{Weights: begin(uint64(2 * layer)), Bias: begin(uint64(2*layer + 1))}
	return nn.Linear{Out: out, Init: init}.Apply(ctx.Inf("layer%d", layer), x)
}

// count adds the operations that spikes cause in the layer of ctx.
func (a *answer) count(ctx *mlctx.Context, spikes []*graph.Node) {
	weights := ctx.GetVariable("weights").ValueGraph(spikes[0].Graph())
	for _, s := range spikes {
		n := dynamics.Operations(s, weights)
		if a.operations == nil {
			a.operations = n
		} else {
			a.operations = graph.Add(a.operations, n)
		}
	}
}

// course is how a network did after each epoch; parts of a whole, on test examples where nothing else is said.
type course struct {
	Accuracy   []float64
	Validation []float64 // accuracy on validation examples
	Twins      []float64 // accuracy on classes that time alone tells apart
	Hard       []float64 // accuracy with hard spikes
	Activation []float64 // mean of s
	HardRate   []float64 // mean of hard spikes
	Operations []float64 // of an example, with hard spikes
	Epsilon    []float64 // of the first layer; nil where there is none
}

// meanCourse is the mean of networks of the same kind, curve by curve.
func meanCourse(all []course) (mean course) {
	for _, c := range all {
		from := c.curves()
		for k, to := range mean.curves() {
			if *to == nil {
				*to = make([]float64, len(*from[k]))
			}
			for i, v := range *from[k] {
				(*to)[i] += v / float64(len(all))
			}
		}
	}
	return mean
}

func (c *course) curves() []*[]float64 {
	return []*[]float64{&c.Accuracy, &c.Validation, &c.Twins, &c.Hard, &c.Activation, &c.HardRate, &c.Operations, &c.Epsilon}
}

// last is a curve's value after the last epoch.
func last(curve []float64) float64 { return curve[len(curve)-1] }

// selected is the test accuracy after the epoch with the best validation accuracy, the first of them.
func (c course) selected() float64 {
	best := 0
	for i, v := range c.Validation {
		if v > c.Validation[best] {
			best = i
		}
	}
	return c.Accuracy[best]
}

// compete trains models on the same batches and evaluates them after each epoch, as a stage of the run. Their losses are added in one graph: no variable is
// shared, so that each network is trained as it would be alone, and all begin with the same weights in layers of the same size.
func compete(ctx context.Context, r *papers.Run, stage string, models []model, s *split, steps int, b budget) (map[string]course, error) {
	return papers.Stage(r, stage, func() (map[string]course, error) {
		all := map[string]course{}
		var together []model
		for _, m := range models {
			if !m.clip {
				together = append(together, m)
				continue
			}
			if err := train(ctx, r, stage+", "+m.name, []model{m}, s, steps, b, 1, all); err != nil {
				return nil, err
			}
		}
		if len(together) > 0 {
			if err := train(ctx, r, stage, together, s, steps, b, 0, all); err != nil {
				return nil, err
			}
		}
		return merged(all), nil
	})
}

// merged puts the networks that were trained on different orders of the labels in one course.
func merged(all map[string]course) map[string]course {
	if _, ok := all[chance]; !ok {
		return all
	}
	var orders []course
	for k := 1; k <= shufflings; k++ {
		name := shuffledName(k)
		orders = append(orders, all[name])
		delete(all, name)
	}
	all[chance] = meanCourse(orders)
	return all
}

func train(ctx context.Context, r *papers.Run, name string, models []model, s *split, steps int, b budget, clip float64, into map[string]course) error {
	backend, err := r.Backend()
	if err != nil {
		return err
	}
	problem := fit.Problem{Name: name, Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
		return loss(ctx, models, batch, s, steps, layout{b.Hidden, s.classes, r.SeedFor("weights")})
	}}
	problem.Train, problem.Val = s.tensors(r.Rand("shuffled labels"))
	history, err := fit.Train(ctx, backend, mlctx.New(), problem, fit.Options{
		Epochs: b.Epochs, BatchSize: min(b.Batch, s.training.len()), MinBatch: min(b.Batch, s.training.len()), EvalBatch: evalBatch(s.validation.len() + s.testing.len()),
		LearningRate: b.Rate, Schedule: fit.Cosine{}, ClipNorm: clip,
		Checkpoint: fit.Checkpoint{Dir: filepath.Join(r.Dir, "checkpoints", name)},
		Seed:       r.SeedFor("training"), Tag: fmt.Sprintf("%+v %d %+v", models, steps, b),
		Progress: func(p fit.Progress) {
			r.Progress(papers.Progress{Stage: name, Done: p.Step, Total: p.Steps, Unit: "step", Metrics: map[string]float64{"loss": p.Loss / float64(len(models))}})
		},
	})
	if err != nil {
		return err
	}
	for _, m := range models {
		curve := func(metric string) []float64 {
			_, v := history.Curve(m.name + "|" + metric)
			for i := range v { // of single precision: 0.525, not 0.52500004
				v[i] = math.Round(1e6*v[i]) / 1e6
			}
			return v
		}
		c := course{curve("test"), curve("validation"), curve("twins"), curve("hard"), curve("activation"), curve("rate"), curve("operations"), nil}
		if v := curve("epsilon"); last(v) > 0 {
			c.Epsilon = v
		}
		into[m.name] = c
	}
	return nil
}

// evalBatch is a batch size near 250 that divides n if there is one, so that one graph does.
func evalBatch(n int) int {
	for b := min(n, 500); b >= 100; b-- {
		if n%b == 0 {
			return b
		}
	}
	return min(n, 250)
}

// loss is the sum of the models' losses; in evaluation it reports how they do.
func loss(ctx *mlctx.Context, models []model, batch []*graph.Node, s *split, steps int, size layout) *graph.Node {
	x, labels, weight := batch[0], batch[1], batch[2]
	g := x.Graph()
	training := ctx.IsTraining(g)
	if s.training.image {
		x = dynamics.Stack(dynamics.RateCode(ctx, graph.MulScalar(x, .5), steps))
	} else {
		x = graph.Transpose(x, 0, 1) // [T, B, in]
	}
	column := func(x *graph.Node, k int) *graph.Node { return graph.SliceAxis(x, 1, graph.AxisRange(k, k+1)) }
	var sum *graph.Node
	for i, m := range models {
		in := ctx.Inf("model%d", i)
		soft, hard, epsilon := m.forward(in, x, size, training)
		target := column(labels, 0)
		if training {
			target = column(labels, m.shuffled)
		}
		l := graph.ReduceAllMean(losses.SparseCategoricalCrossEntropyLogits([]*graph.Node{target}, []*graph.Node{soft.logits}))
		if m.lambda != 0 {
			l = graph.Add(l, graph.MulScalar(soft.activation, m.lambda))
		}
		if sum == nil {
			sum = l
		} else {
			sum = graph.Add(sum, l)
		}
		if training {
			continue
		}
		right := func(a *answer) *graph.Node {
			return graph.ConvertDType(graph.Equal(graph.ArgMax(a.logits, -1, dtypes.Int32), graph.Squeeze(column(labels, 0), -1)), weight.DType())
		}
		mean := func(x *graph.Node, k int) *graph.Node {
			return graph.ReduceAllMean(graph.Mul(x, graph.Squeeze(column(weight, k), -1)))
		}
		if epsilon == nil {
			epsilon = graph.ScalarZero(g, weight.DType())
		}
		for _, v := range []struct {
			metric string
			value  *graph.Node
		}{
			{"validation", mean(right(soft), weighValidation)}, {"test", mean(right(soft), weighTest)}, {"twins", mean(right(soft), weighTwins)},
			{"hard", mean(right(hard), weighTest)}, {"activation", soft.activation}, {"rate", hard.activation},
			{"operations", mean(hard.operations, weighTest)}, {"epsilon", epsilon},
		} {
			fit.Report(ctx, m.name+"|"+v.metric, v.value)
		}
	}
	return sum
}
