package deepsnn

import (
	"context"
	"errors"

	"github.com/gyrus-dev/gyrus/papers"
)

type recordedParams struct {
	Families    string  `param:"families" oneof:"gradients local" help:"which families learn from images: those of the bench, or those with local rules"`
	Train       int     `param:"train" min:"100" max:"1000000" help:"images for training at most, of which a tenth is kept for validation"`
	Test        int     `param:"test" min:"20" max:"1000000" help:"test images at most"`
	Hidden      int     `param:"hidden" min:"8" max:"4096" help:"units of each hidden layer"`
	Epochs      int     `param:"epochs" min:"1" max:"1000" help:"epochs of F0 and of the linear read-out"`
	Percentile  float64 `param:"percentile" min:"0" max:"1000" help:"of activations, for F1: more than 50 and at most 100"`
	Steps       int     `param:"steps" min:"1" max:"2000" help:"T of F1"`
	SpikeEpochs int     `param:"spike-epochs" min:"1" max:"1000" help:"epochs of F3"`
	SpikeSteps  int     `param:"spike-steps" min:"1" max:"100" help:"the longest T of F3"`
	FirstEpochs int     `param:"first-epochs" min:"1" max:"1000" help:"epochs of F2a"`
	Cells       int     `param:"cells" min:"2" max:"6400" help:"cells of F4a"`
	CellImages  int     `param:"cell-images" min:"10" max:"1000000" help:"training images of F4a"`
	CellRate    float64 `param:"stdp-rate" min:"0.000001" max:"1" help:"learning rate η of F4a"`
	RuleEpochs  int     `param:"rule-epochs" min:"1" max:"1000" help:"epochs of F4b"`
	Passes      int     `param:"passes" min:"1" max:"1000" help:"passes of F5a"`
	Shrink      int     `param:"shrink" min:"1" max:"17" help:"of N-MNIST: blocks of so many by so many pixels are taken as one"`
}

var recorded = papers.Experiment{
	Name: "recorded",
	Summary: "The bench on MNIST, Fashion-MNIST or a set in their form; of N-MNIST's events, F3 beside a linear read-out. Where a folder of N-MNIST holds one part only, a fifth of " +
		"it is kept for the test.",
	Params: papers.Presets[recordedParams]{
		Quick: recordedParams{Families: "gradients", Train: 600, Test: 100, Hidden: 32, Epochs: 5, Percentile: 99.9, Steps: 20, SpikeEpochs: 3, SpikeSteps: 5, FirstEpochs: 3,
			Cells: 20, CellImages: 500, CellRate: .03, RuleEpochs: 1, Passes: 1, Shrink: 2},
		Default: recordedParams{Families: "gradients", Train: 20000, Test: 5000, Hidden: 256, Epochs: 10, Percentile: 99.9, Steps: 200, SpikeEpochs: 5, SpikeSteps: 20, FirstEpochs: 10,
			Cells: 100, CellImages: 10000, CellRate: .01, RuleEpochs: 3, Passes: 3, Shrink: 1},
		Full: recordedParams{Families: "gradients", Train: 60000, Test: 10000, Hidden: 800, Epochs: 20, Percentile: 99.9, Steps: 200, SpikeEpochs: 20, SpikeSteps: 20, FirstEpochs: 50,
			Cells: 400, CellImages: 60000, CellRate: .01, RuleEpochs: 20, Passes: 10, Shrink: 1},
	},
	Inputs: []papers.Input{
		{Name: "mnist", Formats: []string{"IDX"}, Says: "folder with the images and labels of MNIST, Fashion-MNIST or a set in their form, 10 classes"},
		{Name: "n-mnist", Dataset: "n-mnist", Formats: []string{"N-MNIST binary"}, Says: "folder with Train and Test, or with recordings and labels.tsv: 34x34 pixels, 10 classes"},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Metrics: bench.Metrics,
	Systems: systemsOf(append(append([]string{}, benchSystem...), localOnly...)...),
	Run:     runRecorded,
}

func runRecorded(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[recordedParams](r)
	images, stills := r.Input("mnist")
	clips, moving := r.Input("n-mnist")
	rng := r.Rand("choice")
	switch {
	case stills == moving:
		return papers.Refuse(errors.New("this experiment needs one set: --data mnist=FOLDER or --data n-mnist=FOLDER"))
	case moving:
		d, alone, err := nmnist(clips, p.Train, p.Test, p.SpikeSteps, p.Shrink, rng)
		if err != nil {
			return papers.Refuse(err)
		}
		if alone {
			r.Warn("%s holds one part of the set: a fifth of it is kept for the test, so that results do not compare with published ones", clips)
		}
		return runEvents(ctx, r, p, d)
	}
	d, err := mnist(images, p.Train, p.Test, rng)
	if err != nil {
		return papers.Refuse(err)
	}
	r.Note("%d training, %d validation and %d test images of %d pixels.", d.training.len(), d.validation.len(), d.testing.len(), d.training.width)
	if p.Families == "local" {
		l := local.Params.(papers.Presets[localParams]).Default
		l.Hidden, l.Epochs, l.Steps, l.SpikeEpochs, l.SpikeSteps = p.Hidden, p.Epochs, p.Steps, p.SpikeEpochs, p.SpikeSteps
		l.Cells, l.CellImages, l.CellRate, l.RuleEpochs, l.Passes = p.Cells, p.CellImages, p.CellRate, p.RuleEpochs, p.Passes
		return runLocal(ctx, r, l, d)
	}
	return runBench(ctx, r, sizes{Hidden: p.Hidden, Epochs: p.Epochs, Percentile: p.Percentile, Images: 1000, ConvertedSteps: p.Steps,
		SpikeEpochs: p.SpikeEpochs, SpikeSteps: p.SpikeSteps, FirstEpochs: p.FirstEpochs, FirstMean: 2}, d)
}

// runEvents trains F3 on spikes as they were recorded.
func runEvents(ctx context.Context, r *papers.Run, p recordedParams, d *split) error {
	r.Note("%d training, %d validation and %d test recordings, as spikes of %d channels in %d steps.", d.training.len(), d.validation.len(), d.testing.len(), d.training.width, d.training.steps)
	linear := &reference{Biases: true, budget: budget{p.Epochs, batchSize, rate}}
	spiking := &surrogate{Hidden: []int{p.Hidden, p.Hidden}, Steps: p.SpikeSteps, Coding: events, budget: budget{p.SpikeEpochs, batchSize, rate}}
	var err error
	if linear.Layers, err = fitted(ctx, r, sysLinear, linear, d, func() []layer { return linear.Layers }); err != nil {
		return err
	}
	if spiking.Layers, err = fitted(ctx, r, sysTwenty, spiking, d, func() []layer { return spiking.Layers }); err != nil {
		return err
	}
	spiking.ready()
	courses, err := papers.Stage(r, "test", func() (map[string]course, error) {
		return compete(ctx, r, "test", d, []job{{name: sysLinear, family: linear, ready: true, steps: 1}, {name: sysTwenty, family: spiking, ready: true, steps: p.SpikeSteps}})
	})
	if err != nil {
		return err
	}
	m := float64((&reference{Layers: spiking.Layers}).macs())
	for name, c := range courses {
		measure(r, name, &c, m)
	}
	tabulate(r, courses, m)
	drawAccuracy(r, courses)
	return nil
}
