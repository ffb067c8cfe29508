package spikingdiffusion

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type conversionParams struct {
	Width    int     `param:"width" min:"4" max:"256" help:"channels of the first level"`
	Training int     `param:"training" min:"1" max:"1000000" help:"training steps of every quantised network"`
	Batch    int     `param:"batch" min:"2" max:"1024" help:"images in a step"`
	Rate     float64 `param:"rate" min:"0.000001" max:"1" help:"learning rate of Adam, falling along a cosine to floor"`
	Floor    float64 `param:"floor" min:"0" max:"1" help:"learning rate at the end"`
	Held     int     `param:"held" min:"10" max:"100000" help:"held-out images with noise"`
	Samples  int     `param:"samples" min:"2" max:"50000" help:"images that each system makes"`
	Sampling int     `param:"sampling" min:"1" max:"1000" help:"steps of the sampler, of 1000"`
	Units    int     `param:"units" min:"1" max:"1000000" help:"units of the single layer that is converted"`
}

// widths are the bits that are converted.
var widths = []int{2, 3}

func quantisedName(bits int) string { return fmt.Sprintf("%s, %d bits", systemQuantised, bits) }
func convertedName(bits int) string { return fmt.Sprintf("%s, T = %d", systemConverted, 1<<bits-1) }

var conversion = papers.Experiment{
	Name: "conversion",
	Summary: "The other way to a spiking network: a U-Net with quantised ReLUs is trained, and its units are exchanged for integrate-and-fire units that reset " +
		"softly. First one layer at constant input, then the whole network, on images of eight shapes.",
	Tests: []string{"conversion"},
	Params: papers.Presets[conversionParams]{
		Quick:   conversionParams{Width: 8, Training: 40, Batch: 16, Rate: 3e-3, Floor: 1e-3, Held: 40, Samples: 8, Sampling: 4, Units: 1000},
		Default: conversionParams{Width: 16, Training: 600, Batch: 16, Rate: 2e-2, Floor: 2e-4, Held: 512, Samples: 128, Sampling: 20, Units: 10000},
		Full:    conversionParams{Width: 32, Training: 10000, Batch: 64, Rate: 1e-2, Floor: 2e-4, Held: 2000, Samples: 1000, Sampling: 50, Units: 100000},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: []report.Metric{metricError, metricFrechet, metricRecognised, metricPresent, metricRate, metricPaperEnergy,
		{ID: "mismatches", Name: "units that fire more or less often than the quantised ReLU says", Better: report.Lower}},
	Systems: []report.System{
		{Name: quantisedName(2), Role: report.Baseline, Says: "what is converted"},
		{Name: convertedName(2), Role: report.Subject},
		{Name: quantisedName(3), Role: report.Baseline, Says: "what is converted"},
		{Name: convertedName(3), Role: report.Subject},
	},
	Run: runConversion,
	Judge: func(rs *papers.Results) {
		claim := rs.Claim("conversion")
		for _, bits := range widths {
			claim.Relation(fmt.Sprintf("mismatches with %d bits, of all seeds", bits), rs.Max(convertedName(bits), "mismatches"), "≤", 0)
		}
	},
}

func runConversion(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[conversionParams](r)
	backend, err := r.Backend()
	if err != nil {
		return err
	}
	b := newBench(r, p.Held, p.Samples, p.Sampling)
	for _, bits := range widths {
		wrong, err := mismatches(backend, r.Rand("constant inputs"), p.Units, bits)
		if err != nil {
			return err
		}
		r.Measure(convertedName(bits), "mismatches", float64(wrong))
		c := sizes{Width: p.Width}.network(Quantised)
		c.Bits = bits
		net, err := train(ctx, r, quantisedName(bits), c, budget{p.Training, p.Batch, p.Rate, p.Floor}, b.training, nil)
		if err != nil {
			return err
		}
		converted := *net
		converted.name, converted.Kind, converted.Steps = convertedName(bits), Converted, 1<<bits-1
		var plain outcome
		for _, n := range []*trained{net, &converted} {
			o, err := b.assess(ctx, r, n)
			if err != nil {
				return err
			}
			r.Measure(n.name, "epsilon-mse", o.Error)
			r.Measure(n.name, "frechet", o.Frechet)
			r.Measure(n.name, "recognised", o.Content.Recognised)
			r.Measure(n.name, "present", float64(o.Content.Present))
			drawErrors(r, n.name, o.ByTime)
			if n == net {
				plain = o
				drawLoss(r, n.name, o.Loss, p.Training)
				continue
			}
			r.Measure(n.name, "rate", mean(o.Rates))
			r.Measure(n.name, "energy", o.Energy.Paper/plain.Energy.Paper)
		}
	}
	return drawStairs(r, backend)
}

// mismatches runs units at constant input, from far below 0 to far above the clip, and counts those that fire more or less often than the
// quantised ReLU of the same clip says. Inputs and clip have few binary digits, so that sums are exact: inputs on the border
// between two levels are among them.
func mismatches(backend backends.Backend, rng *rand.Rand, n, bits int) (int, error) {
	const clip = 1.5
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.IntN(4096)-1024) / 1024
	}
	levels, counts, err := stairs(backend, x, clip, bits)
	if err != nil {
		return 0, err
	}
	wrong := 0
	for i := range levels {
		if levels[i] != counts[i] {
			wrong++
		}
	}
	return wrong, nil
}

// stairs returns for constant inputs the level of the quantised ReLU, and how often the converted unit fires in T = 2^bits - 1 steps.
func stairs(backend backends.Backend, x []float32, clip float64, bits int) (levels, counts []float32, err error) {
	steps := 1<<bits - 1
	out, err := mlctx.ExecOnceN(backend, mlctx.New(), func(_ *mlctx.Context, x *graph.Node) []*graph.Node {
		s := graph.Scalar(x.Graph(), x.DType(), clip)
		level := graph.Round(graph.MulScalar(quantise(x, s, bits), float64(steps)/clip))
		currents := make([]*graph.Node, steps)
		for n := range currents {
			currents[n] = x
		}
		var count *graph.Node
		for _, spike := range integrateSoftly(currents, s) {
			if count == nil {
				count = spike
			} else {
				count = graph.Add(count, spike)
			}
		}
		return []*graph.Node{level, count}
	}, tensors.FromFlatDataAndDimensions(x, len(x)))
	if err != nil {
		return nil, nil, err
	}
	return tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1]), nil
}
