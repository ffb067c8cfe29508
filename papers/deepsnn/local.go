package deepsnn

import (
	"context"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type localParams struct {
	Train       int     `param:"train" min:"100" max:"1000000" help:"training images"`
	Validation  int     `param:"validation" min:"20" max:"1000000" help:"images kept for the choice of constants"`
	Test        int     `param:"test" min:"20" max:"1000000" help:"test images"`
	Hidden      int     `param:"hidden" min:"8" max:"4096" help:"hidden units of F0, F3, F4b and F5a"`
	Epochs      int     `param:"epochs" min:"1" max:"1000" help:"epochs of F0 and of the linear read-out"`
	Steps       int     `param:"steps" min:"1" max:"2000" help:"T of F1"`
	SpikeEpochs int     `param:"spike-epochs" min:"1" max:"1000" help:"epochs of F3"`
	SpikeSteps  int     `param:"spike-steps" min:"1" max:"100" help:"T of F3"`
	Cells       int     `param:"cells" min:"2" max:"6400" help:"cells of F4a"`
	CellImages  int     `param:"cell-images" min:"10" max:"1000000" help:"training images of F4a, and of its naming at most half as many"`
	CellRate    float64 `param:"stdp-rate" min:"0.000001" max:"1" help:"learning rate η of F4a"`
	RuleSteps   int     `param:"rule-steps" min:"5" max:"1000" help:"T of F4b, in windows of 5"`
	RuleEpochs  int     `param:"rule-epochs" min:"1" max:"1000" help:"epochs of F4b"`
	RuleRate    float64 `param:"rule-rate" min:"0.0000001" max:"1" help:"learning rate η of F4b"`
	RuleOutput  float64 `param:"rule-output" min:"0.0001" max:"100" help:"threshold of F4b's outputs, for each hidden neuron, in thresholds of a hidden one"`
	Passes      int     `param:"passes" min:"1" max:"1000" help:"passes of F5a"`
	SamplerRate float64 `param:"sampler-rate" min:"0.000001" max:"10" help:"learning rate η of F5a at the beginning; it falls to a tenth"`
	LabelSteps  int     `param:"label-steps" min:"1" max:"2000" help:"steps in which label spikes of F5a are counted"`
}

func (p localParams) sizes() sizes {
	return sizes{Train: p.Train, Validation: p.Validation, Test: p.Test, Hidden: p.Hidden, Epochs: p.Epochs, Percentile: 99.9, Images: 1000, ConvertedSteps: p.Steps,
		SpikeEpochs: p.SpikeEpochs, SpikeSteps: p.SpikeSteps}
}

var localSystems = []string{sysReference, sysLinear, sysConverted, sysTwenty, sysCells, sysFreeCells, sysSupervised, sysSampler, sysOnlyData}

var local = papers.Experiment{
	Name: "local",
	Summary: "Families that learn by local rules on stroke digits: unsupervised STDP, BP-STDP, and a spiking Boltzmann machine trained by event-driven contrastive divergence, " +
		"with their ablations, beside F0, F1 and F3 and a linear read-out of the pixels.",
	Tests: []string{"local-ranking", "sanity"},
	Params: papers.Presets[localParams]{
		Quick: localParams{Train: 1000, Validation: 50, Test: 150, Hidden: 64, Epochs: 10, Steps: 60, SpikeEpochs: 6, SpikeSteps: 6, Cells: 20, CellImages: 500, CellRate: .03,
			RuleSteps: 30, RuleEpochs: 3, RuleRate: 2e-3, RuleOutput: .025, Passes: 6, SamplerRate: .05, LabelSteps: 60},
		Default: localParams{Train: 8000, Validation: 1000, Test: 2000, Hidden: 256, Epochs: 10, Steps: 200, SpikeEpochs: 10, SpikeSteps: 20, Cells: 100, CellImages: 4000, CellRate: .01,
			RuleSteps: 50, RuleEpochs: 4, RuleRate: 5e-4, RuleOutput: .025, Passes: 5, SamplerRate: .05, LabelSteps: 60},
		Full: localParams{Train: 60000, Validation: 5000, Test: 10000, Hidden: 256, Epochs: 20, Steps: 200, SpikeEpochs: 20, SpikeSteps: 20, Cells: 400, CellImages: 60000, CellRate: .01,
			RuleSteps: 50, RuleEpochs: 20, RuleRate: 5e-4, RuleOutput: .025, Passes: 10, SamplerRate: .05, LabelSteps: 60},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 1, Full: 1},
	Metrics: metrics,
	Systems: localRoles(),
	Run: func(ctx context.Context, r *papers.Run) error {
		p := papers.ParamsOf[localParams](r)
		d, err := drawn(r, p.Train, p.Validation, p.Test)
		if err != nil {
			return papers.Refuse(err)
		}
		return runLocal(ctx, r, p, d)
	},
	Judge: judgeLocal,
}

// localRoles makes baselines of what learns by gradients.
func localRoles() []report.System {
	all := systemsOf(localSystems...)
	for i, s := range all {
		if s.Name == sysConverted || s.Name == sysTwenty {
			all[i].Role = report.Baseline
		}
	}
	return all
}

// localResult is what the plain-Go part leaves.
type localResult struct {
	Courses map[string]course
	Cells   *competition
}

func runLocal(ctx context.Context, r *papers.Run, p localParams, d *split) error {
	s := p.sizes()
	nets, err := s.train(ctx, r, d, sysTwenty)
	if err != nil {
		return err
	}
	result, err := papers.Stage(r, "local rules", func() (l localResult, err error) {
		cells := func(inhibition float64) *competition {
			return &competition{Cells: p.Cells, Passes: 1, Images: p.CellImages, Naming: (p.CellImages + 1) / 2, Rate: p.CellRate, Inhibition: inhibition}
		}
		machine := func(onlyData bool) *sampler {
			return &sampler{Hidden: p.Hidden, Epochs: p.Passes, Batch: 10, Rate: p.SamplerRate, OnlyData: onlyData}
		}
		l.Cells = cells(inhibition)
		l.Courses, err = compete(ctx, r, "local rules", d, []job{ // the longest first
			{name: sysSampler, family: machine(false), steps: p.LabelSteps},
			{name: sysFreeCells, family: cells(0), steps: cellSteps},
			{name: sysSupervised, family: &supervised{Hidden: p.Hidden, Steps: p.RuleSteps, Epochs: p.RuleEpochs, Rate: p.RuleRate, Output: p.RuleOutput}, steps: p.RuleSteps},
			{name: sysCells, family: l.Cells, steps: cellSteps},
			{name: sysOnlyData, family: machine(true), steps: p.LabelSteps},
			{name: sysConverted, family: s.conversions(nets.reference)[sysConverted], steps: s.ConvertedSteps},
			{name: sysTwenty, family: nets.surrogate[sysTwenty], ready: true, steps: s.SpikeSteps},
			{name: sysReference, family: nets.reference, ready: true, steps: 1},
			{name: sysLinear, family: nets.linear, ready: true, steps: 1},
		})
		return l, err
	})
	if err != nil {
		return err
	}
	for _, name := range []string{sysCells, sysFreeCells} {
		c := result.Courses[name]
		c.Step, c.Unit = stepLength, "ms"
		result.Courses[name] = c
	}
	m := float64(nets.reference.macs())
	for _, sys := range r.Experiment.Systems {
		if c, ok := result.Courses[sys.Name]; ok {
			measure(r, sys.Name, &c, m)
		}
	}
	tabulate(r, result.Courses, m)
	drawAccuracy(r, result.Courses)
	drawOperations(r, result.Courses, m)
	drawFields(r, result.Cells, d.training.width)
	return nil
}

const (
	inhibition = 17.
	cellSteps  = int(shownFor / stepLength)
)

func judgeLocal(rs *papers.Results) {
	acc := func(system string) float64 { return rs.Mean(system, "accuracy") }
	best := math.Min(acc(sysConverted), acc(sysTwenty))
	rs.Claim("local-ranking").
		Relation("the lower of F1 and F3, against F4a", best, ">", acc(sysCells)).
		Relation("the lower of F1 and F3, against F5a", best, ">", acc(sysSampler)).
		Level("accuracy of F4a", acc(sysCells), "≥", .65).
		Level("accuracy of F5a", acc(sysSampler), "≥", .8).
		Level("accuracy of F4b", acc(sysSupervised), "≥", .9)
	rs.Claim("sanity").
		Relation("accuracy of F4a without inhibition, against that with it less 0.20", acc(sysFreeCells), "≤", acc(sysCells)-.2).
		Relation("accuracy of F5a without the model phase", acc(sysOnlyData), "≤", .6)
}

// localOnly is what the local experiment adds to the bench.
var localOnly = slices.DeleteFunc(slices.Clone(localSystems), func(s string) bool { return slices.Contains(benchSystem, s) })
