package langevinflow

import (
	"context"
	"fmt"
	"slices"

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
	BinMS        float64 `param:"bin-ms" help:"bin width of the data; of spike times, the width they are binned with" unit:"ms" min:"0.1"`
	Align        string  `param:"align" help:"spike times: the event trials are aligned to, TABLE/COLUMN of the recording's intervals"`
	AlignFrom    float64 `param:"align-from" help:"spike times: start of what is read, from the event" unit:"ms"`
	AlignTo      float64 `param:"align-to" help:"spike times: end of what is read, from the event" unit:"ms"`
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

var countsDefault = countsParams{Axes: "trials,bins,neurons", TrialBins: 50, BinMS: 20, Align: "trials/move_onset_time", AlignFrom: -250, AlignTo: 450, HeldOut: 0.25, Epochs: 100, Ramp: 50, Batch: 64, Hidden: 64,
	FeedForward: 256, KL: Released, Eta: 0.01, Gamma: 0.55, Keep: 0.5, Dropout: 0.05, LearningRate: 3e-3, WeightDecay: 2e-5, Samples: 50}

func countsPreset(epochs, ramp, batch, hidden, feedForward, samples int) countsParams {
	p := countsDefault
	p.Epochs, p.Ramp, p.Batch, p.Hidden, p.FeedForward, p.Samples = epochs, ramp, batch, hidden, feedForward, samples
	return p
}

var counts = papers.Experiment{
	Name: "counts",
	Summary: "Your own binned spike counts: trains LangevinFlow and its ablation without z and v, and scores held-out neurons (and forward bins, if asked " +
		"for) on the last fifth of the trials beside smoothing + GLM. A file with the tensor names of the Neural Latents Benchmark (train_spikes_heldin, " +
		"train_behavior, eval_spikes_heldin ...), or a recording of spike times (NWB) with the benchmark's column of held-out units, is used as the benchmark means it: " +
		"its evaluation part is scored, and its behaviour decoded.",
	Params: papers.Presets[countsParams]{Quick: countsPreset(30, 60, 16, 16, 32, 5), Default: countsDefault, Full: countsPreset(2000, 500, 64, 280, 512, 50)},
	Inputs: []papers.Input{{Name: "counts", Required: true, Formats: []string{"NPZ", "NPY", "MAT", "HDF5", "CSV", "NWB"}, Dataset: "nlb-mc-maze",
		Says: "spikes per bin: an array [trials, bins, neurons] (any order of axes) or one stretch [bins, neurons], or a table with columns trial, bin and one per neuron; " +
			"or spike times (NWB), binned around an event of each trial"}},
	Metrics: []report.Metric{coBPS, fpBPS, behaviourR2},
	Systems: systemsOf(system, noFlow, smoothing),
	Run:     runCounts,
}

func runCounts(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[countsParams](r)
	path, _ := r.Input("counts")
	align := alignment{Event: p.Align, From: p.AlignFrom, To: p.AlignTo}
	file, err := readCounts(path, layout{Array: p.Array, Axes: p.Axes, TrialBins: p.TrialBins, BinMS: p.BinMS, Align: align})
	if err != nil {
		return papers.Refuse(err)
	}
	all, heldOut, forward := file.train, file.heldOut, file.forward
	if heldOut < 0 {
		heldOut = int(p.HeldOut*float64(all.Neurons) + 0.5)
	}
	if forward < 0 {
		forward = p.Forward
	}
	s := Sizes{In: all.Neurons - heldOut, Out: all.Neurons, Observed: all.Bins - forward, Forward: forward}
	if err := s.check(); err != nil {
		return papers.Refuse(fmt.Errorf("%s: %w", path, err))
	}
	if heldOut == 0 && forward == 0 {
		return papers.Refuse(fmt.Errorf("%s: nothing is held out, so nothing could be scored: set held-out or forward", path))
	}
	if all.Trials < 10 {
		return papers.Refuse(fmt.Errorf("%s: %d trials, expected at least 10 to train on some and score on others", path, all.Trials))
	}
	config := func(v Variant) Config {
		return Config{Sizes: s, Variant: v, Balance: p.KL, Hidden: p.Hidden, FeedForward: p.FeedForward, Heads: 2, Eta: p.Eta, Gamma: p.Gamma,
			Keep: p.Keep, Dropout: p.Dropout}
	}
	if _, err := NewModel(config(Langevin)); err != nil {
		return papers.Refuse(err)
	}
	r.Note("%d trials × %d bins × %d neurons of %g ms; the last %d neurons are held out and the last %d bins predicted only", all.Trials, all.Bins, all.Neurons, p.BinMS, heldOut, forward)
	if file.note != "" {
		r.Warn("%s", file.note)
	}
	data, moves := splitTrials(file)
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
				return smoother{s}.infer(ctx, data, moves != nil)
			}
			c := config(m.variant)
			schedule := Schedule{Epochs: p.Epochs, Batch: p.Batch, Ramp: p.Ramp, LearningRate: p.LearningRate, WeightDecay: p.WeightDecay, ClipNorm: 200}
			trained, err := train(ctx, r, m.stage, c, schedule, data.train, data.validation)
			if err != nil {
				return inferred{}, err
			}
			rates := func(c *Counts) ([]float32, error) {
				inference, err := trained.Infer(ctx, c.window(0, s.Observed, 0, s.In), Passes{Samples: p.Samples, Seed: r.SeedFor("inference")})
				if err != nil {
					return nil, err
				}
				return inference.Rates, nil
			}
			var out inferred
			if out.Rates, err = rates(data.test); err != nil {
				return inferred{}, err
			}
			if moves != nil {
				if out.Fitted, err = rates(data.fitted()); err != nil {
					return inferred{}, err
				}
			}
			_, out.Val = trained.History.Curve("nll")
			if m.system != system {
				return out, nil
			}
			dir, err := r.ModelDir()
			if err != nil {
				return inferred{}, err
			}
			return out, fit.Save(dir, trained.vars, modelFile{Format: 1, Config: c, BinMS: p.BinMS, Samples: p.Samples, Align: align})
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
		if moves != nil {
			r2, err := moves.decode(window(res.Fitted, all.Bins, all.Neurons, 0, s.Observed, 0, s.Out), window(res.Rates, all.Bins, all.Neurons, 0, s.Observed, 0, s.Out), s.Out)
			if err != nil {
				return fmt.Errorf("decoding the behaviour from %s: %w", sys.Name, err)
			}
			r.Measure(sys.Name, "behaviour-r2", r2)
		}
		if res.Note != "" {
			r.Note("%s", res.Note)
		}
		if len(res.Val) > 0 {
			r.Curve(lossCurve(sys.Name, res.Val))
		}
	}
	for _, f := range countsFigures(data.test, results[system].Rates, s, p.BinMS) {
		r.Figure(f)
	}
	return nil
}

// splitTrials tests on the evaluation part of the file, or else on the last fifth of its trials, and lets every tenth of the rest choose the
// epoch; in recording order, for trials next to each other share slow changes that a random split would let the models use. The second
// result is the behaviour of the same trials; nil if there is none.
func splitTrials(file content) (split, *movement) {
	all, tests := file.train, 0
	if file.test == nil {
		tests = max(1, all.Trials/5)
	}
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
	s := split{train: all.pick(train), validation: all.pick(validation), test: file.test}
	if file.test == nil {
		s.test = all.pick(test)
	}
	if file.behaviour == nil {
		return s, nil
	}
	b := file.behaviour
	m := &movement{dims: b.dims, chosen: len(validation), test: b.test}
	each := len(b.train) / all.Trials
	for _, k := range append(train, validation...) {
		m.fitted = append(m.fitted, b.train[k*each:(k+1)*each]...)
	}
	if file.test == nil {
		m.test = b.train[(all.Trials-tests)*each:]
	}
	m.trials = len(train) + len(validation)
	return s, m
}

// fitted returns the trials that are not for the test: those trained on, then those that choose the epoch.
func (s split) fitted() *Counts {
	return &Counts{Trials: s.train.Trials + s.validation.Trials, Bins: s.train.Bins, Neurons: s.train.Neurons, BinMS: s.train.BinMS,
		Values: append(slices.Clone(s.train.Values), s.validation.Values...)}
}
