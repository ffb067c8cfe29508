package hlop

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// alone trains a new network on one set of images, nothing projected.
func (p plan) alone(ctx context.Context, r *papers.Run, backend backends.Backend, l learner, name string, train images, step func(fit.Progress)) (*mlctx.Context, error) {
	vars := mlctx.New()
	_, err := fit.Train(ctx, backend, vars, fit.Problem{Name: name, Train: train.tensors(), Loss: l.loss}, fit.Options{
		Epochs: p.epochs, BatchSize: p.batch, MinBatch: p.batch, LearningRate: p.rate, Optimizer: fit.SGD{}, Seed: r.SeedFor("task 0"), Progress: step,
	})
	return vars, err
}

// draw shows how accuracy goes on while later tasks are learnt, what rows take up, and how a known subspace is found.
func draw(r *papers.Run, p params, plan plan, results map[string]progress, known [2][]float64) {
	for _, m := range methods(p) {
		out := results[m.name]
		var x, first, mean []float64
		for i, row := range out.Accuracy {
			x, first, mean = append(x, float64(i+1)), append(first, row[0]), append(mean, out.acc(i+1))
		}
		r.Curve(report.Curve{Plot: "What is left of the first task", Series: m.name, XLabel: "tasks learnt", YLabel: "accuracy on the first", X: report.Numbers(x), Y: report.Numbers(first)})
		r.Curve(report.Curve{Plot: "Accuracy on all tasks so far", Series: m.name, XLabel: "tasks learnt", YLabel: "mean accuracy", X: report.Numbers(x), Y: report.Numbers(mean)})
	}
	for i, m := range methods(p) {
		out := results[m.name]
		values := make([][]float64, len(out.Accuracy))
		for after := range values {
			values[after] = make([]float64, len(out.Accuracy))
			for j := range values[after] {
				values[after][j] = math.NaN()
				if j <= after {
					values[after][j] = out.Accuracy[after][j]
				}
			}
		}
		names := make([]string, len(values))
		for i := range names {
			names[i] = fmt.Sprint(i + 1)
		}
		r.Figure(report.HeatMap(report.Frame{ID: fmt.Sprint("matrix-", i+1), Title: "Accuracy on each task: " + m.name,
			XLabel: "task", YLabel: "tasks learnt", Square: true, Height: 400,
			Caption: fmt.Sprintf("Each row is the network after one task more. Accuracy %.3f and backward transfer %.3f after the last.", out.acc(len(values)), out.bwt(len(values)))},
			report.Heat{Values: values, Columns: names, Rows: names, Scale: report.Scale{Label: "accuracy", Lim: [2]float64{0, 1}}, Annotate: true}))
	}
	for layer := range layers {
		var x, y []float64
		used := 0
		for i := range p.Tasks - 1 {
			used += p.rows(i)[layer]
			x, y = append(x, float64(i+1)), append(y, float64(used)/float64(plan.width(layer)))
		}
		r.Curve(report.Curve{Plot: "Directions that are taken", Series: fmt.Sprintf("layer %d, of %d", layer+1, plan.width(layer)), XLabel: "tasks learnt", YLabel: "part of the layer's directions",
			X: report.Numbers(x), Y: report.Numbers(y), Levels: []report.Ref{{At: 1, Label: "none left"}}})
	}
	r.Curve(report.Curve{Plot: "A known subspace, found by Hebbian rows", Series: systemSubspace, XLabel: "batches of 64", YLabel: "mean squared cosine", X: report.Numbers(known[0]), Y: report.Numbers(known[1]),
		Levels: []report.Ref{{At: .98, Label: "bar"}}})
	own := results[systemHLOP]
	t := report.Table{ID: "rows", Title: "Rows of the first task against singular vectors", Columns: []string{"layer", "rows", "energy captured, of that of singular vectors", "largest entry of HHᵀ - I"}}
	for layer := range layers {
		t.Rows = append(t.Rows, []string{fmt.Sprint(layer + 1), fmt.Sprint(p.rows(0)[layer]), fmt.Sprintf("%.3f", own.Captured[layer]), fmt.Sprintf("%.3f", own.Off[layer])})
	}
	r.Table(t)
}
