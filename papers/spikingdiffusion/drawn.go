package spikingdiffusion

import (
	"context"
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/diffusion"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/shapes"
)

// The systems.
const (
	systemSpiking   = "spiking U-Net"
	systemTSM       = "spiking U-Net, TSM"
	systemFrozen    = "spiking U-Net, p frozen"
	systemANN       = "ANN twin"
	systemBayes     = "Bayes-optimal"
	systemLinear    = "best linear"
	systemNoise     = "noise"
	systemTrue      = "true images"
	systemSilent    = "spiking U-Net, silent"
	systemShort     = "spiking U-Net, T = 2"
	systemLong      = "spiking U-Net, T = 8"
	systemQuantised = "quantised ANN"
	systemConverted = "converted SNN"
)

// sizes are parameters that all experiments on shapes share.
type sizes struct {
	Width, Steps, Batch, Training, Held int
	Rate, Floor                         float64
}

func (s sizes) budget() budget { return budget{s.Training, s.Batch, s.Rate, s.Floor} }

// network is the U-Net for shapes.
func (s sizes) network(kind Kind) Config {
	c := Config{Side: shapes.Side, Colours: 1, Width: s.Width, Multipliers: []int{1, 2}, Blocks: 1, Middle: 2, Steps: s.Steps, Kind: kind}
	if kind == Smooth || kind == Quantised {
		c.Steps = 1
	}
	return c
}

// drawnLimit is what DDIM keeps predicted images within: 12 % of the true pixels lie outside ±1, as contrast and edges vary, and 4 % outside this.
const drawnLimit = 1.5

// trainingImages is how many images there are to train on.
const trainingImages = 4096

type drawnParams struct {
	Width     int     `param:"width" min:"4" max:"256" help:"channels of the first level"`
	Steps     int     `param:"steps" min:"0" max:"16" help:"T, spiking steps in a call of the network"`
	Training  int     `param:"training" min:"1" max:"1000000" help:"training steps of every network"`
	Tuning    int     `param:"tuning" min:"1" max:"100000" help:"further steps with the temporal scalars, and without"`
	Batch     int     `param:"batch" min:"2" max:"1024" help:"images in a step"`
	Rate      float64 `param:"rate" min:"0.000001" max:"1" help:"learning rate of Adam, falling along a cosine to floor"`
	Floor     float64 `param:"floor" min:"0" max:"1" help:"learning rate at the end"`
	Again     float64 `param:"tuning-rate" min:"0.000001" max:"1" help:"learning rate of the further steps, falling to floor as well"`
	Held      int     `param:"held" min:"10" max:"100000" help:"held-out images with noise"`
	Samples   int     `param:"samples" min:"2" max:"50000" help:"images that each system makes"`
	Sampling  int     `param:"sampling" min:"1" max:"100000" help:"steps of the sampler, of 1000"`
	Ancestral int     `param:"ancestral" min:"1" max:"100000" help:"steps of the ancestral sampler (DDPM), of 1000"`
	Low       float64 `param:"low" help:"lowest threshold of the sweep"`
	High      float64 `param:"high" help:"highest threshold of the sweep"`
}

func (p drawnParams) sizes() sizes {
	return sizes{p.Width, p.Steps, p.Batch, p.Training, p.Held, p.Rate, p.Floor}
}

// check refuses parameters that do not go together.
func (p drawnParams) check() error {
	for _, s := range []struct {
		name string
		n    int
	}{{"sampling", p.Sampling}, {"ancestral", p.Ancestral}} {
		if _, err := schedule().Times(s.n); err != nil {
			return fmt.Errorf("parameter %s: %w", s.name, err)
		}
	}
	for _, threshold := range []float64{p.Low, p.High} {
		if err := checkThreshold(threshold); err != nil {
			return err
		}
	}
	if p.Low >= 1 || p.High <= 1 {
		return fmt.Errorf("thresholds from %g to %g; they must lie on both sides of 1, at which the network was trained", p.Low, p.High)
	}
	return nil
}

func checkThreshold(v float64) error {
	if !(v > 0 && v <= 2) {
		return fmt.Errorf("threshold %g; at 0 or less every unit fires all the time, above 2 the network becomes silent: give one near 1", v)
	}
	return nil
}

// thresholds are those of the sweep, with 1 in the middle.
func (p drawnParams) thresholds() []float64 {
	part := []float64{1, .5, .25}
	var all []float64
	for _, f := range part {
		all = append(all, 1+f*(p.Low-1))
	}
	all = append(all, 1)
	for i := range part {
		all = append(all, 1+part[2-i]*(p.High-1))
	}
	return all
}

var drawn = papers.Experiment{
	Name: "shapes",
	Summary: "Images of eight shapes with a known density: the spiking U-Net, its temporal scalars (TSM) against more training without them, its threshold at " +
		"sampling (TG), its energy, and the ANN twin and the best predictors there are beside it.",
	Tests: []string{"learns", "samples", "tsm", "threshold", "energy"},
	Params: papers.Presets[drawnParams]{
		Quick:   drawnParams{Width: 8, Steps: 2, Training: 40, Tuning: 4, Batch: 16, Rate: 3e-3, Floor: 1e-3, Again: 2e-3, Held: 40, Samples: 16, Sampling: 5, Ancestral: 5, Low: .9, High: 1.1},
		Default: drawnParams{Width: 16, Steps: 4, Training: 800, Tuning: 80, Batch: 16, Rate: 2e-2, Floor: 2e-4, Again: 2e-3, Held: 512, Samples: 128, Sampling: 20, Ancestral: 50, Low: .98, High: 1.02},
		Full:    drawnParams{Width: 32, Steps: 4, Training: 10000, Tuning: 800, Batch: 64, Rate: 1e-2, Floor: 2e-4, Again: 2e-3, Held: 2000, Samples: 1000, Sampling: 50, Ancestral: 1000, Low: .98, High: 1.02},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: []report.Metric{
		metricError, metricFrechet, metricRecognised, metricPresent, metricDistance, metricRate, metricPaperEnergy, metricStrictEnergy,
		{ID: "ancestral-recognised", Name: "recognised, DDPM", Better: report.Higher, Says: "part of the images of the ancestral sampler that are a shape"},
		{ID: "unequal", Name: "largest difference with p = 1", Better: report.Lower, Says: "of the predicted noise from that without p"},
		{ID: "shift", Name: "mean |p - 1|", Says: "of all temporal scalars"},
		{ID: "rate-step", Name: "largest change of the rate to the next higher threshold", Unit: "spikes", Better: report.Lower, Says: "below 0 if the rate falls all along"},
		{ID: "guided", Name: "Fréchet distance at the best threshold below 1", Better: report.Lower, Says: "relative to that at 1; it is picked after the fact"},
	},
	Systems: []report.System{
		{Name: systemSpiking, Role: report.Subject, Says: "after the first training"},
		{Name: systemTSM, Role: report.Subject, Says: "after further training with temporal scalars"},
		{Name: systemFrozen, Role: report.Ablation, Says: "after the same further training without them"},
		{Name: systemSilent, Role: report.Ablation, Says: "threshold 1e9: no unit fires"},
		{Name: systemANN, Role: report.Baseline, Says: "the same U-Net with Swish, in one step"},
		{Name: systemLinear, Role: report.Baseline, Says: "Wiener's filter of the true moments"},
		{Name: systemBayes, Role: report.Baseline, Says: "knows the density: no predictor is better"},
		{Name: systemNoise, Role: report.Baseline, Says: "predicts 0; its images are the noise that others begin from"},
		{Name: systemTrue, Role: report.Baseline, Says: "as many images from the density"},
	},
	Run:   runDrawn,
	Judge: judgeDrawn,
}

// outcome is what a system reached, and what figures need of it.
type outcome struct {
	Error   float64
	ByTime  []float64
	Images  []float32
	Frechet float64
	Content content
	Rates   []float64 // of the sampler's calls
	Layers  []string  // that spike
	Energy  energy
	Loss    []float64
}

// bench is what all systems of a seed are held against.
type bench struct {
	mixture  *shapes.Mixture
	training images
	held     heldOut
	features *features
	start    []float32 // noise that all systems sample from
	sampling int
}

func newBench(r *papers.Run, held, samples, sampling int) *bench {
	m := shapes.New()
	draw := func(stream string, n int) images {
		x, _ := m.Draw(r.Rand(stream), n)
		return images{shapes.Side, 1, x}
	}
	mean, covariance := m.Moments()
	return &bench{m, draw("training images", trainingImages), hold(draw("held-out images", held), r.Rand("held-out noise")), newFeatures(mean, covariance, 32),
		normal(r.Rand("samples"), samples*shapes.Pixels), sampling}
}

// sample makes images from the noise that all systems begin from.
func (b *bench) sample(ctx context.Context, r *papers.Run, predict diffusion.Predictor, by diffusion.Sampler, steps int, seen func(int, []float32)) ([]float32, error) {
	x := append([]float32(nil), b.start...)
	return x, schedule().Sample(ctx, x, steps, by, predict, r.Rand("ancestral noise"), seen)
}

// judge measures images.
func (b *bench) judge(o *outcome) (err error) {
	o.Content = look(b.mixture, o.Images)
	o.Frechet, err = b.features.frechet(o.Images)
	return err
}

// assess measures a network.
func (b *bench) assess(ctx context.Context, r *papers.Run, net *trained) (outcome, error) {
	return papers.Stage(r, net.name+" measured", func() (o outcome, err error) {
		p, err := net.open()
		if err != nil {
			return o, err
		}
		defer p.close()
		predicted, err := p.noise(ctx, b.held.noisy, b.held.t)
		if err != nil {
			return o, err
		}
		o.Error, o.ByTime = b.held.errors(predicted)
		o.Loss = net.loss
		p.reset()
		if o.Images, err = b.sample(ctx, r, p.sampling, diffusion.DDIM{Limit: drawnLimit}, b.sampling, nil); err != nil {
			return o, err
		}
		o.count(p)
		return o, b.judge(&o)
	})
}

// count takes rates and energies from the predictor's calls.
func (o *outcome) count(p *predictor) {
	if p.Kind == Smooth || p.Kind == Quantised {
		o.Energy = plainEnergy(p.layers)
		return
	}
	o.Rates = p.layerRates()
	for _, l := range p.layers {
		if l.kind == "spikes" {
			o.Layers = append(o.Layers, l.name)
		}
	}
	o.Energy = spikingEnergy(p.layers, o.Rates, p.Steps)
}

func mean(v []float64) (sum float64) {
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

func runDrawn(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[drawnParams](r)
	if err := p.check(); err != nil {
		return papers.Refuse(err)
	}
	b := newBench(r, p.Held, p.Samples, p.Sampling)
	s := p.sizes()
	all := map[string]outcome{}
	further := budget{p.Tuning, p.Batch, p.Again, p.Floor}

	first, err := train(ctx, r, systemSpiking, s.network(Spiking), s.budget(), b.training, nil)
	if err != nil {
		return err
	}
	scaled := first.Config
	scaled.Scaled = true
	tsm, err := train(ctx, r, systemTSM, scaled, further, b.training, first)
	if err != nil {
		return err
	}
	frozen, err := train(ctx, r, systemFrozen, first.Config, further, b.training, first)
	if err != nil {
		return err
	}
	twin, err := train(ctx, r, systemANN, s.network(Smooth), s.budget(), b.training, nil)
	if err != nil {
		return err
	}
	for _, net := range []*trained{first, tsm, frozen, twin} {
		r.Progress(papers.Progress{Stage: net.name + " measured"})
		if all[net.name], err = b.assess(ctx, r, net); err != nil {
			return err
		}
	}
	if err := b.references(ctx, r, all); err != nil {
		return err
	}
	extra, err := papers.Stage(r, "further measurements", func() (*besides, error) { return b.measureBesides(ctx, r, first, p) })
	if err != nil {
		return err
	}
	scalars := temporalScalars(tsm)

	warnRates(r, all[systemSpiking])
	for _, name := range []string{systemSpiking, systemTSM, systemFrozen, systemANN, systemLinear, systemBayes, systemNoise, systemTrue} {
		o := all[name]
		if name != systemTrue {
			r.Measure(name, "epsilon-mse", o.Error)
		}
		r.Measure(name, "frechet", o.Frechet)
		r.Measure(name, "recognised", o.Content.Recognised)
		r.Measure(name, "present", float64(o.Content.Present))
		r.Measure(name, "distance", o.Content.Distance)
		if o.Rates != nil {
			r.Measure(name, "rate", mean(o.Rates))
			r.Measure(name, "energy", o.Energy.Paper/all[systemANN].Energy.Paper)
			r.Measure(name, "strict-energy", o.Energy.Strict/all[systemANN].Energy.Strict)
		}
	}
	r.Measure(systemSilent, "epsilon-mse", extra.Silent)
	r.Measure(systemSpiking, "ancestral-recognised", extra.Ancestral.Content.Recognised)
	r.Measure(systemTSM, "unequal", extra.Unequal)
	r.Measure(systemTSM, "shift", scalars.shift())
	change, best := math.Inf(-1), math.Inf(1)
	for i, o := range extra.Sweep {
		if i > 0 {
			change = max(change, mean(o.Rates)-mean(extra.Sweep[i-1].Rates))
		}
		if p.thresholds()[i] < 1 {
			best = min(best, o.Frechet)
		}
	}
	r.Measure(systemSpiking, "rate-step", change)
	r.Measure(systemSpiking, "guided", best/all[systemSpiking].Frechet)
	drawShapes(r, b, p, all, extra, scalars)
	return nil
}

// references measures what knows the density.
func (b *bench) references(ctx context.Context, r *papers.Run, all map[string]outcome) (err error) {
	linear := b.mixture.Linear()
	var o outcome
	for _, name := range []string{systemBayes, systemLinear, systemNoise, systemTrue} {
		all[name], err = papers.Stage(r, name+" measured", func() (outcome, error) {
			predicted := make([]float32, len(b.held.noise))
			o = outcome{Images: b.start}
			switch name {
			case systemBayes:
				predicted = b.held.exact(b.mixture.Predict)
				if o.Images, err = b.sample(ctx, r, exactly(b.mixture.Predict), diffusion.DDIM{Limit: drawnLimit}, b.sampling, nil); err != nil {
					return o, err
				}
			case systemLinear:
				predicted = b.held.exact(linear.Predict)
				if o.Images, err = b.sample(ctx, r, exactly(linear.Predict), diffusion.DDIM{Limit: drawnLimit}, b.sampling, nil); err != nil {
					return o, err
				}
			case systemTrue:
				o.Images, _ = b.mixture.Draw(r.Rand("true images"), len(b.start)/shapes.Pixels)
			}
			o.Error, o.ByTime = b.held.errors(predicted)
			return o, b.judge(&o)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// besides is what is measured on the spiking network besides.
type besides struct {
	Silent, Unequal float64
	Sweep           []outcome // at each threshold
	Ancestral       outcome
	Path            [][]float32 // the first images of the sampler at some steps
	PathTimes       []int
}

// measureBesides measures the network with other thresholds, with p = 1, and with the ancestral sampler.
func (b *bench) measureBesides(ctx context.Context, r *papers.Run, first *trained, p drawnParams) (*besides, error) {
	f := &besides{}
	net, err := first.open()
	if err != nil {
		return nil, err
	}
	defer net.close()
	plain, err := net.noise(ctx, b.held.noisy, b.held.t)
	if err != nil {
		return nil, err
	}
	net.threshold = 1e9
	silent, err := net.noise(ctx, b.held.noisy, b.held.t)
	if err != nil {
		return nil, err
	}
	f.Silent, _ = b.held.errors(silent)
	for i, threshold := range p.thresholds() {
		r.Progress(papers.Progress{Stage: "thresholds", Done: i, Total: len(p.thresholds())})
		net.threshold = threshold
		net.reset()
		var o outcome
		if o.Images, err = b.sample(ctx, r, net.sampling, diffusion.DDIM{Limit: drawnLimit}, p.Sampling, nil); err != nil {
			return nil, err
		}
		o.count(net)
		if err := b.judge(&o); err != nil {
			return nil, err
		}
		f.Sweep = append(f.Sweep, o)
	}
	net.threshold = 1
	r.Progress(papers.Progress{Stage: "ancestral sampling"})
	some := *b
	some.start = b.start[:min(len(b.start), predictBatch*shapes.Pixels)]
	step := 0
	f.Ancestral.Images, err = some.sample(ctx, r, net.sampling, diffusion.DDPM{}, p.Ancestral, func(t int, x []float32) {
		if step++; t == 0 || (step-1)%max(1, p.Ancestral/7) == 0 {
			f.Path = append(f.Path, append([]float32(nil), x[:min(len(x), pathImages*shapes.Pixels)]...))
			f.PathTimes = append(f.PathTimes, t)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := b.judge(&f.Ancestral); err != nil {
		return nil, err
	}
	// The network with all p at 1 is to be the one without, bit by bit.
	once, err := withScalars(first, net.layers)
	if err != nil {
		return nil, err
	}
	one, err := once.open()
	if err != nil {
		return nil, err
	}
	defer one.close()
	with, err := one.noise(ctx, b.held.noisy, b.held.t)
	if err != nil {
		return nil, err
	}
	for i, v := range with {
		if v != plain[i] {
			f.Unequal = max(f.Unequal, math.Abs(float64(v)-float64(plain[i])))
		}
	}
	return f, nil
}

// warnRates warns of layers that hardly ever or almost always fire.
func warnRates(r *papers.Run, o outcome) {
	for i, rate := range o.Rates {
		if rate < .001 || rate > .95 {
			r.Warn("Units before %s fire in %.2f %% of the steps: the layer says little.", o.Layers[i], 100*rate)
		}
	}
}

func judgeDrawn(rs *papers.Results) {
	rs.Claim("learns").
		Level("error of the predicted noise, mean of seeds", rs.Mean(systemSpiking, "epsilon-mse"), "≤", .35).
		Relation("the same, against 1.6 times the ANN twin's", rs.Mean(systemSpiking, "epsilon-mse"), "≤", 1.6*rs.Mean(systemANN, "epsilon-mse")).
		Level("error of the silent network, mean of seeds", rs.Mean(systemSilent, "epsilon-mse"), ">", .7)
	rs.Claim("samples").
		Relation("Fréchet distance, mean of seeds, against a quarter of the noise's", rs.Mean(systemSpiking, "frechet"), "≤", .25*rs.Mean(systemNoise, "frechet")).
		Level("part recognised, mean of seeds", rs.Mean(systemSpiking, "recognised"), "≥", .3).
		Level("shapes present, mean of seeds", rs.Mean(systemSpiking, "present"), "≥", 6).
		Because("The training is short: whole shapes come late, when the error of the predicted noise falls below about 0.08. This network has reached %.3f; the ANN twin, with %.3f after as many steps, has %.2f of its images recognised.",
			rs.Mean(systemSpiking, "epsilon-mse"), rs.Mean(systemANN, "epsilon-mse"), rs.Mean(systemANN, "recognised"))
	rs.Claim("tsm").
		Relation("largest difference with all p at 1", rs.Max(systemTSM, "unequal"), "≤", 0).
		Relation("error of the predicted noise, mean of seeds, against that with p frozen", rs.Mean(systemTSM, "epsilon-mse"), "≤", rs.Mean(systemFrozen, "epsilon-mse")).
		Level("mean |p - 1|, mean of seeds", rs.Mean(systemTSM, "shift"), "≥", .01)
	rs.Claim("threshold").Relation("largest change of the rate to the next higher threshold, of all seeds", rs.Max(systemSpiking, "rate-step"), "<", 0)
	rs.Claim("energy").Level("energy in parts of the ANN twin's, mean of seeds", rs.Mean(systemSpiking, "energy"), "≤", .6)
}
