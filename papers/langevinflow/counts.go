package langevinflow

import (
	"context"
	"fmt"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/measure"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// countsParams are the parameters of the experiment on a user's own spike counts.
type countsParams struct {
	Array        string  `param:"array" help:"name of the array in the file; empty for the only one that fits"`
	Axes         string  `param:"axes" help:"the array's axes, first index first" oneof:"trials,bins,neurons trials,neurons,bins bins,trials,neurons bins,neurons,trials neurons,trials,bins neurons,bins,trials bins,neurons neurons,bins"`
	TrialBins    int     `param:"trial-bins" help:"cut one long stretch (axes bins,neurons) into trials of this many bins" min:"3"`
	BinMS        float64 `param:"bin-ms" help:"bin width of the data" unit:"ms" min:"0.1"`
	HeldOut      float64 `param:"held-out" help:"share of the neurons, the last ones, that is predicted and not read" min:"0" max:"0.9"`
	Forward      int     `param:"forward" help:"bins at the end of each trial that are predicted and not read" min:"0"`
	Epochs       int     `param:"epochs" help:"passes over the training trials" min:"1"`
	Ramp         int     `param:"ramp" help:"epochs over which KL weight and weight decay rise" min:"1"`
	Batch        int     `param:"batch" help:"trials per step" min:"1"`
	Hidden       int     `param:"hidden" help:"size H of h, z and v; a multiple of 4" min:"4"`
	FeedForward  int     `param:"feed-forward" help:"width of the decoder's feed-forward network" min:"1"`
	KL           Balance `param:"kl" help:"weighting of the KL divergence" oneof:"released balanced"`
	Eta          float64 `param:"eta" help:"step η of the Langevin discretisation" min:"0.000001" max:"1"`
	Gamma        float64 `param:"gamma" help:"damping γ" min:"0.000001" max:"1"`
	Keep         float64 `param:"keep" help:"share of counts that coordinated dropout keeps" min:"0.01" max:"1"`
	Dropout      float64 `param:"dropout" help:"dropout rate on h and in the decoder" min:"0" max:"0.95"`
	LearningRate float64 `param:"learning-rate" help:"Adam's step" min:"0"`
	WeightDecay  float64 `param:"weight-decay" help:"coupled L2 decay at the end of the ramp" min:"0"`
	Samples      int     `param:"samples" help:"stochastic passes whose log-rates are averaged" min:"1" max:"1000"`
}

var countsDefault = countsParams{Axes: "trials,bins,neurons", TrialBins: 50, BinMS: 20, HeldOut: 0.25, Epochs: 100, Ramp: 50, Batch: 64, Hidden: 64,
	FeedForward: 256, KL: Released, Eta: 0.01, Gamma: 0.55, Keep: 0.5, Dropout: 0.05, LearningRate: 3e-3, WeightDecay: 2e-5, Samples: 50}

func countsPreset(epochs, ramp, hidden, feedForward, samples int) countsParams {
	p := countsDefault
	p.Epochs, p.Ramp, p.Hidden, p.FeedForward, p.Samples = epochs, ramp, hidden, feedForward, samples
	return p
}

var counts = papers.Experiment{
	Name: "counts",
	Summary: "Your own binned spike counts: trains LangevinFlow and its ablation without z and v, and scores held-out neurons (and forward bins, if asked " +
		"for) on the last fifth of the trials beside smoothing + GLM. An NPZ with the tensor names of the Neural Latents Benchmark is understood.",
	Params: papers.Presets[countsParams]{Quick: countsPreset(5, 5, 16, 32, 5), Default: countsDefault, Full: countsPreset(2000, 500, 280, 512, 50)},
	Inputs: []papers.Input{{Name: "counts", Required: true, Formats: []string{"NPZ", "NPY", "MAT v5", "CSV"},
		Says: "spikes per bin: an array [trials, bins, neurons] (any order of axes) or one stretch [bins, neurons], or a table with columns trial, bin and one per neuron"}},
	Metrics: []report.Metric{coBPS, fpBPS},
	Systems: systemsOf(system, noFlow, smoothing),
	Run:     runCounts,
}

func runCounts(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[countsParams](r)
	path, _ := r.Input("counts")
	all, heldOut, forward, err := readCounts(path, layout{Array: p.Array, Axes: p.Axes, TrialBins: p.TrialBins, BinMS: p.BinMS})
	if err != nil {
		return err
	}
	if heldOut < 0 {
		heldOut = int(p.HeldOut*float64(all.Neurons) + 0.5)
	}
	if forward < 0 {
		forward = p.Forward
	}
	s := Sizes{In: all.Neurons - heldOut, Out: all.Neurons, Observed: all.Bins - forward, Forward: forward}
	if err := s.check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if heldOut == 0 && forward == 0 {
		return fmt.Errorf("nothing is held out, so nothing could be scored: set held-out or forward")
	}
	if all.Trials < 10 {
		return fmt.Errorf("%s: %d trials, expected at least 10 to train on some and score on others", path, all.Trials)
	}
	r.Note("%d trials × %d bins × %d neurons of %g ms; the last %d neurons are held out and the last %d bins predicted only", all.Trials, all.Bins, all.Neurons, p.BinMS, heldOut, forward)
	data := splitTrials(all)
	if silent := data.train.silent(); len(silent) > 0 {
		r.Warn("neurons %v (counted from 0) have no spike in training; they stay in the model, and bits per spike leave out those silent in the test", silent)
	}
	results := map[string]*inferred{}
	for _, m := range []struct {
		system  string
		variant Variant
		stage   string
	}{{smoothing, "", "smoothing"}, {system, Langevin, "langevinflow"}, {noFlow, NoFlow, "gru-vae"}} {
		res, err := papers.Stage(r, m.stage, func() (inferred, error) {
			if m.variant == "" {
				return smoother{s}.infer(ctx, data)
			}
			c := Config{Sizes: s, Variant: m.variant, Balance: p.KL, Hidden: p.Hidden, FeedForward: p.FeedForward, Heads: 2, Eta: p.Eta, Gamma: p.Gamma,
				Keep: p.Keep, Dropout: p.Dropout}
			schedule := Schedule{Epochs: p.Epochs, Batch: p.Batch, Ramp: p.Ramp, LearningRate: p.LearningRate, WeightDecay: p.WeightDecay, ClipNorm: 200}
			trained, err := train(ctx, r, m.stage, c, schedule, data.train, data.validation)
			if err != nil {
				return inferred{}, err
			}
			inference, err := trained.Infer(ctx, data.test.window(0, s.Observed, 0, s.In), Passes{Samples: p.Samples, Seed: r.SeedFor("inference")})
			if err != nil {
				return inferred{}, err
			}
			_, val := trained.History.Curve("nll")
			if m.system != system {
				return inferred{Rates: inference.Rates, Val: val}, nil
			}
			dir, err := r.ModelDir()
			if err != nil {
				return inferred{}, err
			}
			return inferred{Rates: inference.Rates, Val: val}, fit.Save(dir, trained.vars, modelFile{Format: 1, Config: c, BinMS: p.BinMS, Samples: p.Samples})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", m.system, err)
		}
		results[m.system] = &res
	}
	for _, sys := range r.Experiment.Systems {
		res := results[sys.Name]
		score := func(metric string, bin0, bin1, n0, n1 int) {
			if bin1 > bin0 && n1 > n0 {
				r.Measure(sys.Name, metric, measure.BitsPerSpike(window(res.Rates, all.Bins, all.Neurons, bin0, bin1, n0, n1),
					window(data.test.Values, all.Bins, all.Neurons, bin0, bin1, n0, n1), n1-n0))
			}
		}
		score("co-bps", 0, s.Observed, s.In, s.Out)
		score("fp-bps", s.Observed, s.Bins(), 0, s.Out)
		if res.Note != "" {
			r.Note("%s", res.Note)
		}
		if len(res.Val) > 0 {
			r.Curve(lossCurve(sys.Name, res.Val))
		}
	}
	r.Figure(countsFigure(data.test, results[system].Rates, p.BinMS))
	return nil
}

// splitTrials keeps the last fifth of the trials for the test, and of the rest every tenth for choosing the epoch, in recording order: trials
// next to each other share slow changes that a random split would let the models use.
func splitTrials(all *Counts) split {
	tests := max(1, all.Trials/5)
	var train, validation, test []int
	for k := range all.Trials {
		switch {
		case k >= all.Trials-tests:
			test = append(test, k)
		case k%10 == 9 || all.Trials-tests < 10 && k == 0:
			validation = append(validation, k)
		default:
			train = append(train, k)
		}
	}
	return split{train: all.pick(train), validation: all.pick(validation), test: all.pick(test)}
}

// countsFigure shows the mean count of every neuron over the test trials beside the mean inferred rate.
func countsFigure(test *Counts, rates []float32, binMS float64) report.Figure {
	mean := func(v []float32) [][]float64 {
		out := make([][]float64, test.Neurons)
		for n := range out {
			out[n] = make([]float64, test.Bins)
			for i := n; i < len(v); i += test.Neurons {
				out[n][i/test.Neurons%test.Bins] += float64(v[i]) * 1000 / binMS / float64(test.Trials)
			}
		}
		return out
	}
	observed, inferredMean := mean(test.Values), mean(rates)
	both := make([][]float64, 0, test.Neurons)
	for n := range observed {
		both = append(both, append(append([]float64(nil), observed[n]...), inferredMean[n]...))
	}
	return report.HeatMap(report.Frame{ID: "psth", Title: "Mean activity of every neuron in the test trials",
		Caption: "Left half: spikes counted; right half: LangevinFlow's rates for the same trials, both averaged over the test trials, held-out neurons last.",
		XLabel:  "bin (observed, then inferred)", YLabel: "neuron", Events: []report.Ref{{At: float64(test.Bins), Label: "inferred"}}},
		report.Heat{Values: both, Scale: report.Scale{Label: "spikes/s"}})
}
