package dbconformer

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/measure"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// The methods that both experiments compare.
const (
	dbc       = "DBConformer"
	eegnet    = "EEGNet"
	conformer = "EEG Conformer"
	csp       = "CSP + LDA"
)

// foldResult is what one training and test gives; a stage stores it.
type foldResult struct {
	Predicted, Truth []int
	Loss             []float64 // by epoch of training
	Attention        []float64 // mean over test trials, by channel; nil without attention
	Parameters       int
}

func (f foldResult) accuracy() float64 { return measure.Accuracy(f.Truth, f.Predicted) }

// pool puts the test trials of several results together.
func pool(fs []foldResult) (truth, predicted []int) {
	for _, f := range fs {
		truth, predicted = append(truth, f.Truth...), append(predicted, f.Predicted...)
	}
	return truth, predicted
}

// job trains networks for a run.
type job struct {
	backend backends.Backend
	run     *papers.Run
	budget  budget
}

// do trains a network on tr and tests it on te, as a stage of the run.
func (j job) do(ctx context.Context, stage, label string, net network, tr, te examples) (foldResult, error) {
	return papers.Stage(j.run, stage, func() (foldResult, error) {
		vars, history, err := train(ctx, j.backend, label, net, tr, j.budget, j.run.SeedFor(stage), j.progress(label))
		if err != nil {
			return foldResult{}, err
		}
		o, err := classify(ctx, j.backend, vars, net, te.trials)
		if err != nil {
			return foldResult{}, err
		}
		r := foldResult{Predicted: o.Predicted, Truth: te.labels, Parameters: fit.Size(vars), Attention: meanRows(o.Attention)}
		r.Loss, _ = history.Curve("loss")
		return r, nil
	})
}

// progress tells the run how far a training has come.
func (j job) progress(label string) func(fit.Progress) {
	return func(p fit.Progress) {
		j.run.Progress(papers.Progress{Stage: label, Done: p.Step, Total: p.Steps, Unit: "step", Metrics: map[string]float64{"loss": p.Loss}})
	}
}

func meanRows(rows [][]float32) []float64 {
	if len(rows) == 0 {
		return nil
	}
	mean := make([]float64, len(rows[0]))
	for _, r := range rows {
		for c, v := range r {
			mean[c] += float64(v) / float64(len(rows))
		}
	}
	return mean
}

// barsOf draws accuracies of a system in the colour of its role.
func barsOf(r *papers.Run, system string, values [][]float64) report.Bars {
	b := report.Bars{Name: system, Values: values}
	for _, s := range r.Experiment.Systems {
		if s.Name == system {
			b.Role = s.Role
		}
	}
	return b
}

// lossCurve records how a network's training went, if it was trained.
func lossCurve(r *papers.Run, plot, system string, f foldResult) {
	if len(f.Loss) == 0 {
		return
	}
	epochs := make([]report.Number, len(f.Loss))
	for i := range epochs {
		epochs[i] = report.Number(i + 1)
	}
	r.Curve(report.Curve{Plot: plot, Series: system, XLabel: "epoch", YLabel: "cross-entropy (nats)", X: epochs, Y: report.Numbers(f.Loss)})
}

func confusion(fs []foldResult, names []string) report.Figure {
	truth, predicted := pool(fs)
	return report.ConfusionMatrix(report.Frame{ID: "confusion", Title: "What DBConformer takes each class for",
		Caption: fmt.Sprintf("All %d test trials.", len(truth)), XLabel: "predicted", YLabel: "true"}, names, measure.Confusion(truth, predicted, len(names)))
}
