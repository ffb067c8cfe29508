package rnnhmm

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/nn"
	"github.com/gyrus-dev/gyrus/papers"
)

// sizes of a student.
type sizes struct {
	Inputs, Hidden, Symbols, Steps int
}

// noise draws what drives so many trajectories, [T·B, d].
func (s sizes) noise(ctx *mlctx.Context, g *graph.Graph, batch int) *graph.Node {
	return ctx.RandomNormal(g, shapes.Make(dtypes.Float32, s.Steps*batch, s.Inputs))
}

// states builds the hidden states [T, B, H] of trajectories from zero, driven by x [T·B, d]: h_t = ReLU(x_t Wx + h_{t-1} Wh).
func (s sizes) states(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	g, batch := x.Graph(), x.Shape().Dimensions[0]/s.Steps
	limit := nn.Uniform(1 / math.Sqrt(float64(s.Hidden)))
	weights := func(name string, rows int) *graph.Node {
		shape := shapes.Make(dtypes.Float32, rows, s.Hidden)
		return ctx.WithInitializer(limit(ctx)).VariableWithShape(name, shape).ValueGraph(g)
	}
	wx, wh := weights("input", s.Inputs), weights("recurrent", s.Hidden) // [d, H], [H, H]
	drive := graph.Reshape(graph.Dot(x, wx), s.Steps, batch, s.Hidden)   // [T, B, H]
	var all []*graph.Node
	var h *graph.Node
	for t := range s.Steps {
		in := graph.Squeeze(graph.Slice(drive, graph.AxisElem(t)), 0) // [B, H]
		if h != nil {
			in = graph.Add(in, graph.Dot(h, wh))
		}
		h = nn.ReLU(in)
		all = append(all, h)
	}
	return graph.Stack(all, 0)
}

// logits reads [T, B, H] out as [T, B, O].
func (s sizes) logits(ctx *mlctx.Context, h *graph.Node) *graph.Node {
	limit := nn.Uniform(1 / math.Sqrt(float64(s.Hidden)))
	wo := ctx.WithInitializer(limit(ctx)).VariableWithShape("output", shapes.Make(dtypes.Float32, s.Hidden, s.Symbols)).ValueGraph(h.Graph()) // [H, O]
	return graph.DotGeneral(h, []int{2}, nil, wo, []int{0}, nil)
}

// gumbel adds noise under which the largest logit is a sample of the soft-max.
func gumbel(ctx *mlctx.Context, z *graph.Node) *graph.Node {
	u := graph.ClipScalar(ctx.RandomUniform(z.Graph(), z.Shape()), 1e-7, 1-1e-7)
	return graph.Sub(z, graph.Log(graph.Neg(graph.Log(u))))
}

// symbols draws one-hot symbols [B, T·O] by the straight-through Gumbel soft-max of temperature 1: one-hot forward, soft-max backward.
func (s sizes) symbols(ctx *mlctx.Context, z *graph.Node) *graph.Node {
	batch := z.Shape().Dimensions[1]
	noisy := gumbel(ctx, z)
	soft := nn.Softmax(noisy)
	hard := graph.OneHot(graph.ArgMax(noisy, -1), s.Symbols, dtypes.Float32)
	y := graph.Add(soft, graph.StopGradient(graph.Sub(hard, soft))) // [T, B, O]
	return graph.Reshape(graph.Transpose(y, 0, 1), batch, s.Steps*s.Symbols)
}

// divergence is the Sinkhorn divergence of sequences as the paper takes it: half the squared distance of two sequences in one-hot code is the number of
// steps in which they differ.
func (s sizes) divergence(onlySelf bool, blur float64) nn.Sinkhorn {
	return nn.Sinkhorn{Blur: blur, Diameter: math.Sqrt(2 * float64(s.Steps)), OnlySelf: onlySelf}
}

// schedule of a training.
type schedule struct {
	Batch, Epochs  int
	LearningRate   float64
	ClipNorm, Blur float64
	OnlySelf       bool
}

const switchCurve = "switches of the argmax"

// train fits a student to sequences and returns it as it was after the epoch with the lowest divergence from the validation sequences.
func train(ctx context.Context, r *papers.Run, name string, s sizes, p schedule, data, validation sequences) (*student, *fit.History, error) {
	backend, err := r.Backend()
	if err != nil {
		return nil, nil, err
	}
	vars := mlctx.New()
	history, err := fit.Train(ctx, backend, vars, fit.Problem{
		Name: name, Train: []*tensors.Tensor{data.tensor()}, Val: []*tensors.Tensor{validation.tensor()},
		Loss: func(ctx *mlctx.Context, batch []*graph.Node) *graph.Node {
			b := batch[0].Shape().Dimensions[0]
			z := s.logits(ctx, s.states(ctx, s.noise(ctx, batch[0].Graph(), b)))
			best := graph.ArgMax(z, -1) // [T, B]
			changed := graph.NotEqual(graph.Slice(best, graph.AxisRange(1)), graph.Slice(best, graph.AxisRange(0, s.Steps-1)))
			fit.Report(ctx, switchCurve, graph.ReduceAllMean(graph.ConvertDType(changed, dtypes.Float32)))
			truth := graph.Reshape(graph.OneHot(batch[0], s.Symbols, dtypes.Float32), b, s.Steps*s.Symbols)
			return s.divergence(p.OnlySelf, p.Blur).Apply(s.symbols(ctx, z), truth)
		},
	}, fit.Options{
		Epochs: p.Epochs, BatchSize: p.Batch, MinBatch: p.Batch, LearningRate: p.LearningRate, Optimizer: fit.Adam{Beta1: .9, Beta2: .9},
		ClipNorm: p.ClipNorm, KeepBest: true, Checkpoint: fit.Checkpoint{Dir: filepath.Join(r.Dir, "checkpoints", name)},
		Seed: r.SeedFor("train"), Tag: fmt.Sprintf("%+v %+v", s, p),
		Progress: func(f fit.Progress) {
			r.Progress(papers.Progress{Stage: name, Done: f.Step, Total: f.Steps, Unit: "step", Metrics: map[string]float64{"divergence": f.Loss}})
		},
	})
	if err != nil {
		return nil, nil, err
	}
	out, err := studentOf(s, vars)
	return out, history, err
}

// tensor is [n, T] of int32.
func (s sequences) tensor() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(s.symbols, s.n, s.steps)
}

// divergences measures the divergence of batches of a from batches of b, as many as there are, and returns their mean.
func divergences(ctx context.Context, backend backends.Backend, s sizes, batch int, blur float64, a, b sequences) (mean float64, err error) {
	err = compute.Catch("measuring divergences", func() error {
		exec, err := graph.NewExec(backend, func(x, y *graph.Node) *graph.Node {
			flat := func(symbols *graph.Node) *graph.Node {
				return graph.Reshape(graph.OneHot(symbols, s.Symbols, dtypes.Float32), batch, s.Steps*s.Symbols)
			}
			return s.divergence(false, blur).Apply(flat(x), flat(y))
		})
		if err != nil {
			return err
		}
		defer exec.Finalize()
		count := min(a.n, b.n) / batch
		for i := range count {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			out, err := exec.Exec1(a.some(i*batch, (i+1)*batch).tensor(), b.some(i*batch, (i+1)*batch).tensor())
			if err != nil {
				return err
			}
			mean += float64(tensors.ToScalar[float32](out)) / float64(count)
			out.MustFinalizeAll()
		}
		return nil
	})
	return mean, err
}
