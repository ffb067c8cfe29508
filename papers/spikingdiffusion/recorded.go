package spikingdiffusion

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-dev/gyrus/datasets/labelled"
	"github.com/gyrus-dev/gyrus/diffusion"
	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/numpy"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/shapes"
)

type recordedParams struct {
	Most     int     `param:"most" min:"0" max:"1000000" help:"training images to use; 0: all"`
	Width    int     `param:"width" min:"4" max:"256" help:"channels of the first level"`
	Levels   int     `param:"levels" min:"1" max:"5" help:"levels of the U-Net: the first has width channels, the others twice as many"`
	Steps    int     `param:"steps" min:"0" max:"16" help:"T, spiking steps in a call of the network"`
	Training int     `param:"training" min:"1" max:"10000000" help:"training steps of every network"`
	Tuning   int     `param:"tuning" min:"1" max:"1000000" help:"further steps with the temporal scalars"`
	Batch    int     `param:"batch" min:"2" max:"1024" help:"images in a step"`
	Rate     float64 `param:"rate" min:"0.000001" max:"1" help:"learning rate of Adam, falling along a cosine to floor"`
	Floor    float64 `param:"floor" min:"0" max:"1" help:"learning rate at the end, and of the further steps"`
	Held     int     `param:"held" min:"2" max:"100000" help:"held-out images"`
	Samples  int     `param:"samples" min:"2" max:"50000" help:"images that each system makes"`
	Sampling int     `param:"sampling" min:"1" max:"100000" help:"steps of the sampler, of 1000"`
	Low      float64 `param:"threshold" help:"threshold at sampling; 1 is what the network is trained with"`
}

const inputModel = "model"

var recorded = papers.Experiment{
	Name: "images",
	Summary: "The spiking U-Net, its temporal scalars and the ANN twin on real images: MNIST or a set in its form (padded to 32x32), CIFAR-10, or an array. " +
		"Samples are compared with held-out images on principal components. Paper-like sizes take a night and more.",
	Params: papers.Presets[recordedParams]{
		Quick:   recordedParams{Most: 64, Width: 4, Levels: 2, Steps: 2, Training: 10, Tuning: 2, Batch: 8, Rate: 2e-3, Floor: 1e-3, Held: 20, Samples: 8, Sampling: 3, Low: 1},
		Default: recordedParams{Most: 5000, Width: 16, Levels: 3, Steps: 4, Training: 600, Tuning: 60, Batch: 16, Rate: 1e-2, Floor: 2e-4, Held: 256, Samples: 64, Sampling: 25, Low: 1},
		Full:    recordedParams{Most: 0, Width: 32, Levels: 3, Steps: 4, Training: 20000, Tuning: 1500, Batch: 32, Rate: 1e-3, Floor: 2e-4, Held: 2000, Samples: 1000, Sampling: 50, Low: 1},
	},
	Inputs: []papers.Input{
		{Name: "mnist", Formats: []string{"IDX"}, Says: "folder with the images and labels of MNIST, Fashion-MNIST or a set in their form"},
		{Name: "cifar-10", Dataset: "cifar-10", Formats: []string{"CIFAR-10 binary"}, Says: "folder with the batches, or their archive: 3x32x32 pixels"},
		{Name: "array", Formats: []string{"NPY"}, Says: "images [n, side, side] or [n, side, side, colours] with values from -1 to 1"},
		{Name: inputModel, Formats: []string{"safetensors"}, Says: "folder of a network that this experiment has saved, to make images with instead of training one"},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Metrics: []report.Metric{metricError, metricFrechet, metricRate, metricPaperEnergy, metricStrictEnergy},
	Systems: []report.System{
		{Name: systemSpiking, Role: report.Subject, Says: "after the first training"},
		{Name: systemTSM, Role: report.Subject, Says: "after further training with temporal scalars, or as it was given"},
		{Name: systemANN, Role: report.Baseline, Says: "the same U-Net with Swish, in one step"},
		{Name: systemNoise, Role: report.Baseline, Says: "predicts 0; its images are the noise that others begin from"},
		{Name: systemTrue, Role: report.Baseline, Says: "as many training images, against the held-out ones"},
	},
	Run: runRecorded,
}

func runRecorded(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[recordedParams](r)
	if _, err := schedule().Times(p.Sampling); err != nil {
		return papers.Refuse(fmt.Errorf("parameter sampling: %w", err))
	}
	if err := checkThreshold(p.Low); err != nil {
		return papers.Refuse(err)
	}
	data, held, err := readImages(r, p)
	if err != nil {
		return papers.Refuse(err)
	}
	r.Note("%d training and %d held-out images of %dx%d pixels, %d colours.", data.len(), held.len(), data.side, data.side, data.colours)
	b := &realBench{training: data, held: hold(held, r.Rand("held-out noise")), start: normal(r.Rand("samples"), p.Samples*data.size()), features: componentsOf(data, held), p: p}
	nets, err := b.networks(ctx, r)
	if err != nil {
		return err
	}
	all := map[string]outcome{}
	names, rows := []string{systemTrue}, [][]float32{held.pixels}
	for _, net := range nets {
		if all[net.name], err = b.assess(ctx, r, net); err != nil {
			return err
		}
		names, rows = append(names, net.name), append(rows, all[net.name].Images)
	}
	for _, net := range nets {
		o := all[net.name]
		r.Measure(net.name, "epsilon-mse", o.Error)
		r.Measure(net.name, "frechet", o.Frechet)
		drawErrors(r, net.name, o.ByTime)
		if net.loss != nil && net.name != systemTSM {
			drawLoss(r, net.name, o.Loss, p.Training)
		}
		if o.Rates == nil {
			continue
		}
		r.Measure(net.name, "rate", mean(o.Rates))
		warnRates(r, o)
		if twin, ok := all[systemANN]; ok {
			r.Measure(net.name, "energy", o.Energy.Paper/twin.Energy.Paper)
			r.Measure(net.name, "strict-energy", o.Energy.Strict/twin.Energy.Strict)
		}
	}
	r.Measure(systemNoise, "epsilon-mse", meanSquare(b.held.noise))
	for name, x := range map[string][]float32{systemNoise: b.start, systemTrue: data.pixels[:min(len(data.pixels), len(b.start))]} {
		d, err := b.features.frechet(x)
		if err != nil {
			return err
		}
		r.Measure(name, "frechet", d)
	}
	for i := range rows {
		rows[i] = firstColour(rows[i], data)
	}
	r.Figure(sheet(report.Frame{ID: "samples", Title: "Images that each system makes",
		Caption: fmt.Sprintf("DDIM in %d steps at threshold %g; each column begins from the same noise, true images apart. Of coloured images the first colour is shown.", p.Sampling, p.Low)},
		data.side, names, []string{""}, rows, 14))
	return nil
}

func meanSquare(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v) * float64(v) / float64(len(x))
	}
	return sum
}

// firstColour keeps the first colour of images.
func firstColour(x []float32, like images) []float32 {
	if like.colours == 1 {
		return x
	}
	var out []float32
	for i := 0; i < min(len(x), 14*like.size()); i += like.colours {
		out = append(out, x[i])
	}
	return out
}

// realBench is what systems on real images are held against.
type realBench struct {
	training images
	held     heldOut
	features *features
	start    []float32
	p        recordedParams
}

// networks trains the networks, or loads the one that is given.
func (b *realBench) networks(ctx context.Context, r *papers.Run) ([]*trained, error) {
	p := b.p
	c := Config{Side: b.training.side, Colours: b.training.colours, Width: p.Width, Multipliers: []int{1}, Blocks: 1, Middle: 2, Steps: p.Steps, Kind: Spiking}
	for range p.Levels - 1 {
		c.Multipliers = append(c.Multipliers, 2)
	}
	if dir, given := r.Input(inputModel); given {
		net, err := loadNetwork(r, dir, c)
		if err != nil {
			return nil, papers.Refuse(err)
		}
		return []*trained{net}, nil
	}
	first, err := train(ctx, r, systemSpiking, c, budget{p.Training, p.Batch, p.Rate, p.Floor}, b.training, nil)
	if err != nil {
		return nil, err
	}
	scaled := c
	scaled.Scaled = true
	tsm, err := train(ctx, r, systemTSM, scaled, budget{p.Tuning, p.Batch, p.Floor, p.Floor}, b.training, first)
	if err != nil {
		return nil, err
	}
	plain := c
	plain.Kind, plain.Steps = Smooth, 1
	twin, err := train(ctx, r, systemANN, plain, budget{p.Training, p.Batch, p.Rate, p.Floor}, b.training, nil)
	if err != nil {
		return nil, err
	}
	dir, err := r.ModelDir()
	if err != nil {
		return nil, err
	}
	return []*trained{first, tsm, twin}, fit.Save(dir, tsm.vars, tsm.Config)
}

// loadNetwork loads a network with temporal scalars that makes images as large as those of want, in as many spiking steps.
func loadNetwork(r *papers.Run, dir string, want Config) (*trained, error) {
	net := &trained{name: systemTSM}
	var err error
	if net.vars, err = fit.Load(dir, &net.Config); err != nil {
		return nil, err
	}
	if net.backend, err = r.Backend(); err != nil {
		return nil, err
	}
	switch has := net.Config; {
	case has.Kind != Spiking:
		return nil, fmt.Errorf("%s: a network of kind %q; expected a spiking one that this experiment has saved", dir, has.Kind)
	case has.Steps != want.Steps:
		return nil, fmt.Errorf("%s: the network has temporal scalars for T = %d, this run has T = %d; give --set steps=%d", dir, has.Steps, want.Steps, has.Steps)
	case has.Side != want.Side || has.Colours != want.Colours:
		return nil, fmt.Errorf("%s: the network makes images of %dx%d pixels and %d colours, the data have %dx%d and %d; give the set that it was trained on", dir, has.Side, has.Side, has.Colours, want.Side, want.Side, want.Colours)
	}
	return net, nil
}

// assess measures a network.
func (b *realBench) assess(ctx context.Context, r *papers.Run, net *trained) (outcome, error) {
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
		p.threshold = b.p.Low
		o.Images = append([]float32(nil), b.start...)
		if err := schedule().Sample(ctx, o.Images, b.p.Sampling, diffusion.DDIM{Limit: 1}, p.sampling, nil, func(t int, _ []float32) {
			r.Progress(papers.Progress{Stage: net.name + " sampling", Done: diffusionSteps - t, Total: diffusionSteps})
		}); err != nil {
			return o, err
		}
		o.count(p)
		o.Frechet, err = b.features.frechet(o.Images)
		return o, err
	})
}

// componentImages is how many training images principal components are taken from.
const componentImages = 1000

// componentsOf takes principal components from training images, and the truth's moments from held-out ones.
func componentsOf(data, held images) *features {
	n := min(data.len(), componentImages)
	rows := mat.NewDense(n, data.size(), nil)
	for i := range n * data.size() {
		rows.Set(i/data.size(), i%data.size(), float64(data.pixels[i]))
	}
	for j := range data.size() {
		column := mat.Col(nil, j, rows)
		floats.AddConst(-stat.Mean(column, nil), column)
		rows.SetCol(j, column)
	}
	// The components are combinations of the images, which are fewer than pixels: those of the eigenvectors of all products of images.
	var products mat.SymDense
	products.SymOuterK(1, rows)
	var weights mat.Dense
	values := shapes.Principal(&products, min(64, n-1), &weights)
	f := &features{axes: new(mat.Dense)}
	f.axes.Mul(rows.T(), &weights)
	f.axes.Apply(func(_, j int, v float64) float64 { return v / math.Sqrt(max(values[j], 1e-12*values[0])) }, f.axes)
	f.mean, f.covariance = moments(f.project(held.pixels))
	return f
}

// readImages reads the set that was given, as training and held-out images.
func readImages(r *papers.Run, p recordedParams) (data, held images, err error) {
	var name, place string
	for _, in := range r.Experiment.Inputs {
		if path, given := r.Input(in.Name); given && in.Name != inputModel {
			if name != "" {
				return data, held, fmt.Errorf("both %s and %s are given: one set at a time", name, in.Name)
			}
			name, place = in.Name, path
		}
	}
	switch name {
	case "":
		return data, held, fmt.Errorf("this experiment needs images: --data mnist=FOLDER, or cifar-10, array")
	case "array":
		if data, err = readArray(place); err != nil {
			return data, held, err
		}
	case "mnist":
		data, held, err = readSet(place, labelled.MNIST, true)
	case "cifar-10":
		data, held, err = readSet(place, labelled.CIFAR10, false)
	}
	if err != nil {
		return data, held, err
	}
	if held.pixels == nil {
		r.Warn("%s holds one part of the set: a fifth of its %d images is held out.", place, data.len())
		data, held = data.split(r.Rand("which are held out"))
	}
	if p.Most > 0 && data.len() > p.Most {
		data.pixels = data.pixels[:p.Most*data.size()]
	}
	if held.len() > p.Held {
		held.pixels = held.pixels[:p.Held*held.size()]
	}
	if held.len() < 2 {
		return data, held, fmt.Errorf("%s: %d held-out images; at least 2 are needed", place, held.len())
	}
	if unit := 1 << (p.Levels - 1); data.side%unit != 0 || data.side < 2*unit {
		return data, held, fmt.Errorf("%s: the images' side is %d pixels; with %d levels it must be a multiple of %d: give --set levels=1, or images of another size", place, data.side, p.Levels, unit)
	}
	return data, held, nil
}

// split holds a fifth of the images out.
func (im images) split(rng *rand.Rand) (data, held images) {
	data, held = im, im
	data.pixels, held.pixels = nil, nil
	for k, i := range rng.Perm(im.len()) {
		to := &data
		if k%5 == 0 {
			to = &held
		}
		to.pixels = append(to.pixels, im.pixels[i*im.size():(i+1)*im.size()]...)
	}
	return data, held
}

// readSet reads both parts of a set, or the test part alone as data, where there is no other. Pad widens images to a side of a multiple of 16.
func readSet(place string, read func(string, labelled.Part) (*labelled.Images, error), pad bool) (data, held images, err error) {
	convert := func(part labelled.Part) (images, error) {
		s, err := read(place, part)
		if err != nil {
			return images{}, err
		}
		if s.Height != s.Width {
			return images{}, &recording.Error{Path: place, Field: "images", Offset: -1, Found: fmt.Sprintf("%dx%d pixels", s.Height, s.Width), Expected: "square images", Remedy: "cut or pad them to squares"}
		}
		top := uint8(0)
		for _, v := range s.Pixels {
			top = max(top, v)
		}
		if top <= 1 {
			return images{}, &recording.Error{Path: place, Field: "images", Offset: -1, Found: fmt.Sprintf("pixels from 0 to %d", top), Expected: "pixels from 0 to 255", Remedy: "store them in bytes that use their range"}
		}
		edge := 0
		if pad {
			edge = ((s.Width+15)/16*16 - s.Width) / 2
		}
		side := s.Width + 2*edge
		im := images{side, s.Channels, make([]float32, s.Len()*side*side*s.Channels)}
		for i := range im.pixels {
			im.pixels[i] = -1
		}
		for i := range s.Len() {
			from, to := s.Image(i), im.pixels[i*im.size():]
			for c := range s.Channels {
				for y := range s.Height {
					for x := range s.Width {
						to[((y+edge)*side+x+edge)*s.Channels+c] = float32(from[(c*s.Height+y)*s.Width+x])/127.5 - 1
					}
				}
			}
		}
		return im, nil
	}
	if any, _ := filepath.Glob(filepath.Join(place, "train-images*")); pad && len(any) == 0 {
		data, err = convert(labelled.Test)
		return data, held, err
	}
	if data, err = convert(labelled.Train); err != nil {
		return data, held, err
	}
	held, err = convert(labelled.Test)
	if err == nil && (held.side != data.side || held.colours != data.colours) {
		err = &recording.Error{Path: place, Field: "images", Offset: -1, Found: fmt.Sprintf("a test part of side %d", held.side), Expected: fmt.Sprintf("%d, as the training part has", data.side)}
	}
	return data, held, err
}

// readArray reads images from an array of values between -1 and 1.
func readArray(path string) (im images, err error) {
	f, err := numpy.Open(path)
	if err != nil {
		return im, err
	}
	defer f.Close()
	a, err := f.Array("")
	if err != nil {
		return im, err
	}
	fail := func(field, found, expected, remedy string) error {
		return &recording.Error{Path: path, Field: field, Offset: -1, Found: found, Expected: expected, Remedy: remedy}
	}
	if len(a.Dims) != 3 && len(a.Dims) != 4 {
		return im, fail("shape", fmt.Sprint(a.Dims), "[n, side, side] or [n, side, side, colours]", "reshape the array")
	}
	if a.Dims[1] != a.Dims[2] {
		return im, fail("shape", fmt.Sprintf("images of %dx%d pixels", a.Dims[1], a.Dims[2]), "square images", "cut or pad them to squares")
	}
	im = images{side: a.Dims[1], colours: 1}
	if len(a.Dims) == 4 {
		im.colours = a.Dims[3]
	}
	if im.colours != 1 && im.colours != 3 {
		return im, fail("shape", fmt.Sprintf("%d colours", im.colours), "1 or 3, on the last axis", "move the axis of colours to the end")
	}
	if im.pixels, err = a.RowMajor().Float32s(); err != nil {
		return im, fail("values", a.Type(), "numbers", "")
	}
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	for i, v := range im.pixels {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return im, fail("values", fmt.Sprintf("%v at place %d", v, i), "finite numbers", "leave such images out")
		}
		low, high = min(low, v), max(high, v)
	}
	if high > 1.5 {
		return im, fail("values", fmt.Sprintf("from %g to %g", low, high), "from -1 to 1", "values from 0 to 255 become x/127.5 - 1")
	}
	if low < -1.5 {
		return im, fail("values", fmt.Sprintf("from %g to %g", low, high), "from -1 to 1", "scale them")
	}
	return im, nil
}
