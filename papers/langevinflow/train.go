package langevinflow

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
)

// Schedule is how a model is trained: Adam, weight decay and KL weight ramped up from 0, and a learning rate that falls when the
// validation likelihood stalls. The variables kept are those of the best validation loss.
type Schedule struct {
	Epochs, Batch int
	Ramp          int     // epochs over which KL weight and weight decay rise
	LearningRate  float64 //
	WeightDecay   float64 // at the end of the ramp
	ClipNorm      float64 // of the whole gradient; 0 for none
}

// Trained is a model with its variables.
type Trained struct {
	*Model
	History *fit.History

	vars    *mlctx.Context
	backend backends.Backend
}

// train fits a model in a run, showing progress under the given name and resuming from that name's checkpoint.
func train(ctx context.Context, r *papers.Run, name string, c Config, s Schedule, data, validation *Counts) (*Trained, error) {
	model, err := NewModel(c)
	if err != nil {
		return nil, err
	}
	if data.Neurons != c.Out || validation.Neurons != c.Out {
		return nil, fmt.Errorf("%w (they have %d neurons, the model predicts %d)", errNoHeldOut, data.Neurons, c.Out)
	}
	backend, err := r.Backend()
	if err != nil {
		return nil, err
	}
	vars := mlctx.New()
	ramp := func(to float64) func(int) float64 {
		return func(epoch int) float64 { return to * min(1, float64(epoch)/float64(s.Ramp)) }
	}
	history, err := fit.Train(ctx, backend, vars, fit.Problem{
		Name: name, Train: []*tensors.Tensor{data.tensor()}, Val: []*tensors.Tensor{validation.tensor()}, Loss: model.Loss,
	}, fit.Options{
		Epochs: s.Epochs, BatchSize: min(s.Batch, data.Trials), MinBatch: min(s.Batch, data.Trials),
		LearningRate: s.LearningRate, Schedule: fit.Plateau{Factor: 0.95, Patience: 10, Floor: 1e-5},
		WeightDecay: ramp(s.WeightDecay), ClipNorm: s.ClipNorm,
		Scalars: map[string]func(int) float64{klRamp: ramp(1)},
		Monitor: "nll", KeepBest: true,
		Checkpoint: fit.Checkpoint{Dir: filepath.Join(r.Dir, "checkpoints", name)},
		Seed:       r.SeedFor("train"), Tag: fmt.Sprintf("%+v %+v", c, s),
		Progress: func(p fit.Progress) {
			values := map[string]float64{"loss": p.Loss}
			if p.Last != nil { // the loss says less: it rises with the weight of the KL divergence
				values = map[string]float64{"val nll": p.Last.Monitored}
			}
			r.Progress(papers.Progress{Stage: name, Done: p.Step, Total: p.Steps, Unit: "step", Metrics: values})
		},
	})
	if err != nil {
		return nil, err
	}
	return &Trained{Model: model, History: history, vars: vars, backend: backend}, nil
}

// Inference is what a trained model says about trials, averaged over stochastic passes. Arrays are row-major.
type Inference struct {
	Rates   []float32 // [Trials, T, Out]: exp of the mean log-rate, counts per bin
	H, Z, V []float32 // [Trials, T, H]: mean states; only if asked for, and those the variant has
	// Wander is the root mean square of z_t − z_0 over trials, passes, later bins and dimensions; 0 without Z.
	Wander float64
}

// Passes says how to infer.
type Passes struct {
	Samples int   // stochastic passes
	Seed    int64 // of their noise
	States  bool  // also return the mean states
	ZeroH   bool  // probe: the decoder gets zeros instead of h
}

// inferenceBatch is how many trials pass through the graph at a time.
const inferenceBatch = 64

// Infer passes counts [Trials, Observed, In] through the model without any dropout.
func (m *Trained) Infer(ctx context.Context, counts *Counts, p Passes) (*Inference, error) {
	if counts.Bins != m.Observed || counts.Neurons != m.In {
		return nil, fmt.Errorf("the model reads trials of %d bins × %d neurons, but was given %d × %d",
			m.Observed, m.In, counts.Bins, counts.Neurons)
	}
	var states int
	predictor, err := fit.NewPredictor("LangevinFlow", m.backend, m.vars, func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node {
		out := m.Forward(ctx, batch[0], p.ZeroH)
		result := []*graph.Node{out.LogRates}
		if p.States {
			for _, s := range []*graph.Node{out.H, out.Z, out.V} {
				if s != nil {
					result = append(result, s)
				}
			}
			if m.Variant == Langevin {
				away := graph.Square(graph.Sub(graph.Slice(out.Z, graph.AxisRange(), graph.AxisRange(1), graph.AxisRange()), graph.Slice(out.Z, graph.AxisRange(), graph.AxisRange(0, 1), graph.AxisRange())))
				result = append(result, graph.ReduceMean(away, 1, 2)) // [B]
			}
		}
		states = len(result)
		return result
	})
	if err != nil {
		return nil, err
	}
	defer predictor.Close()
	if err := predictor.Seed(p.Seed); err != nil {
		return nil, err
	}
	input := counts.tensor()
	defer input.MustFinalizeAll()
	var sums [][]float32
	for range p.Samples {
		outputs, err := predictor.Run(ctx, []*tensors.Tensor{input}, inferenceBatch)
		if err != nil {
			return nil, err
		}
		if sums == nil {
			sums = make([][]float32, states)
		}
		for i, o := range outputs {
			err := tensors.ConstFlatData(o, func(flat []float32) {
				if sums[i] == nil {
					sums[i] = make([]float32, len(flat))
				}
				for j, v := range flat {
					sums[i][j] += v / float32(p.Samples)
				}
			})
			o.MustFinalizeAll()
			if err != nil {
				return nil, err
			}
		}
	}
	result := &Inference{Rates: sums[0]}
	for i, v := range result.Rates {
		result.Rates[i] = float32(math.Exp(float64(v)))
	}
	if !p.States {
		return result, nil
	}
	result.H = sums[1]
	switch m.Variant {
	case LFADS:
		result.Z = sums[2]
	case Langevin:
		result.Z, result.V = sums[2], sums[3]
		sum := 0.0
		for _, v := range sums[4] {
			sum += float64(v)
		}
		result.Wander = math.Sqrt(sum / float64(len(sums[4])))
	}
	return result, nil
}

// shuffleBins returns a copy of counts in which the bins of each trial come in a random order, the same for all its neurons: what each bin
// holds is kept, when it happened is lost.
func shuffleBins(c *Counts, rng *rand.Rand) *Counts {
	out := *c
	out.Values = make([]float32, 0, len(c.Values))
	for k := range c.Trials {
		trial := c.trial(k)
		for _, b := range rng.Perm(c.Bins) {
			out.Values = append(out.Values, trial[b*c.Neurons:(b+1)*c.Neurons]...)
		}
	}
	return &out
}
