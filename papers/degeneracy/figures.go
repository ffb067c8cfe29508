package degeneracy

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-dev/gyrus/dynamics/ensemble"
	"github.com/gyrus-dev/gyrus/dynamics/fixedpoint"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

// draw draws what a run of the suite shows.
func (all suiteResults) draw(ctx context.Context, r *papers.Run) error {
	all.drawTraining(r)
	all.drawComplexity(r)
	all.drawMap(r)
	all.tabulate(r)
	return all.drawStates(ctx, r)
}

// flips are the flip-flop tasks without penalty.
func (all suiteResults) flips() (some suiteResults) {
	for _, a := range all {
		if _, ok := a.task.(cognitive.FlipFlop); ok && a.o.L1 == 0 {
			some = append(some, a)
		}
	}
	return some
}

// drawTraining draws the error of all networks while they learn.
func (all suiteResults) drawTraining(r *papers.Run) {
	for _, a := range all {
		shown := min(len(a.nets), 3)
		for i, n := range a.nets[:shown] {
			var x []float64
			for k := range n.Curve {
				x = append(x, float64(curveEvery*(k+1)))
			}
			r.Curve(report.Curve{Plot: "Training error, " + a.system, Series: fmt.Sprint("network ", i+1), XLabel: "updates", YLabel: "mean square, running mean", LogY: true,
				X: report.Numbers(x), Y: report.Numbers(n.Curve), Levels: []report.Ref{{At: a.o.Threshold, Label: "threshold"}}})
		}
	}
}

// drawComplexity draws the three kinds of degeneracy against the bits of the task.
func (all suiteResults) drawComplexity(r *papers.Run) {
	some := all.flips()
	var bits []float64
	type line struct{ mean, low, high []float64 }
	add := func(l *line, mean, spread float64) {
		l.mean, l.low, l.high = append(l.mean, mean), append(l.low, mean-spread), append(l.high, mean+spread)
	}
	var pif, before, behaviour line
	dsa, null := make([]line, registered), make([]line, registered)
	for _, a := range some {
		if a.Trained == nil || a.Untrained == nil {
			return
		}
		bits = append(bits, float64(a.net.Inputs))
		spread := func(t table) (mean, sd float64) {
			mean, se := t.mean()
			return mean, se * math.Sqrt(float64(len(t)*(len(t)-1)/2))
		}
		mean, sd := spread(a.Trained.PIF)
		add(&pif, mean, sd)
		mean, sd = spread(a.Untrained.PIF)
		add(&before, mean, sd)
		for k := range registered {
			mean, sd = spread(a.Trained.DSA[k])
			add(&dsa[k], mean, sd)
			add(&null[k], a.Trained.Null[k], 0)
		}
		add(&behaviour, a.Spread.SD, a.Spread.SE)
	}
	series := func(name string, role report.Role, l line) report.Series {
		return report.Series{Name: name, Role: role, X: bits, Y: l.mean, Low: l.low, High: l.high}
	}
	var dynamics []report.Series
	for k, e := range embeddings[:registered] {
		role, nullRole := report.Subject, report.Truth
		if k > 0 {
			role, nullRole = report.Ablation, report.Baseline
		}
		dynamics = append(dynamics, series(fmt.Sprintf("DSA (%d, %d)", e.Delays, e.Rank), role, dsa[k]),
			report.Series{Name: fmt.Sprintf("its null level (%d, %d)", e.Delays, e.Rank), Role: nullRole, X: bits, Y: null[k].mean})
	}
	r.Figure(report.LinePlot(report.Frame{ID: "complexity-dynamics", Title: "Dynamics against complexity", XLabel: "bits of the flip-flop", YLabel: "distance, DSA", Height: 300,
		Caption: "Mean and standard deviation over pairs; null: between two halves of the probe trials of one network."}, dynamics))
	r.Figure(report.LinePlot(report.Frame{ID: "complexity-weights", Title: "Weights against complexity", XLabel: "bits of the flip-flop", YLabel: "d_PIF", Height: 300,
		Caption: "Mean and standard deviation over pairs, after training and before."},
		[]report.Series{series("trained", report.Subject, pif), series("untrained", report.Baseline, before)}))
	r.Figure(report.LinePlot(report.Frame{ID: "complexity-behaviour", Title: "Behaviour against complexity", XLabel: "bits of the flip-flop", YLabel: "sd of the error on doubled trials", Height: 300,
		Caption: "With its standard error. A flip-flop generalises in time, so little varies; the discrimination task is where behaviour does."},
		[]report.Series{series("trained", report.Subject, behaviour)}))
}

// drawMap draws each condition's networks as points, as far apart as their dynamics.
func (all suiteResults) drawMap(r *papers.Run) {
	var clouds []report.Points
	for _, a := range all {
		if a.o.L1 > 0 && len(all) > 1 || a.Trained == nil {
			continue
		}
		x, y := scaleDown(a.Trained.DSA[0])
		clouds = append(clouds, report.Points{Name: a.system, X: x, Y: y, Size: 7})
	}
	if len(clouds) > 0 {
		drawMaps(r, clouds)
	}
}

func drawMaps(r *papers.Run, clouds []report.Points) {
	r.Figure(report.ScatterPlot(report.Frame{ID: "map", Title: "Map of networks", XLabel: "first coordinate", YLabel: "second coordinate", Square: true, Height: 460,
		Caption: "Each point is a network, and points of one condition are as far apart as DSA (1, 4) says, as well as a plane can show it (multidimensional scaling). " +
			"Conditions are each centred on their own: distances between points of two conditions mean nothing."}, clouds))
}

// tabulate shows the kinds of degeneracy side by side.
func (all suiteResults) tabulate(r *papers.Run) {
	t := report.Table{ID: "degeneracy", Title: "Degeneracy by condition",
		Columns: []string{"condition", "networks", "updates", "d_PIF", "before", "|W_T - W_0|", "kernel alignment", "Procrustes", "1 - SVCCA", "sd of error on longer trials"},
		Caption: "Means over pairs ± standard error; DSA with the null level in brackets; behaviour ± standard error."}
	for _, e := range embeddings {
		t.Columns = append(t.Columns, fmt.Sprintf("DSA (%d, %d)", e.Delays, e.Rank))
	}
	for _, a := range all {
		if a.Trained == nil {
			continue
		}
		value := func(t table) string {
			mean, se := t.mean()
			return fmt.Sprintf("%.3f ± %.3f", mean, se)
		}
		before := "–"
		if a.Untrained != nil {
			before = value(a.Untrained.PIF)
		}
		moved, _ := meanAndError(a.Change)
		aligned, _ := meanAndError(a.Alignment)
		row := []string{a.system, fmt.Sprintf("%d of %d", a.Converged, a.Networks), fmt.Sprintf("%.0f", a.Updates), value(a.Trained.PIF), before, fmt.Sprintf("%.2f", moved),
			fmt.Sprintf("%.3f", aligned), value(a.Trained.Procrustes), value(a.Trained.SVCCA), fmt.Sprintf("%.2g ± %.1g", a.Spread.SD, a.Spread.SE)}
		for k := range embeddings {
			row = append(row, fmt.Sprintf("%s (%.3f)", value(a.Trained.DSA[k]), a.Trained.Null[k]))
		}
		t.Rows = append(t.Rows, row)
	}
	r.Table(t)
}

// drawStates draws states of the first network of each flip-flop in the plane of their first two principal components, with its fixed points.
func (all suiteResults) drawStates(ctx context.Context, r *papers.Run) error {
	for _, a := range all.flips() {
		for i, n := range a.nets[:min(2, len(a.nets))] {
			if err := a.drawPlane(ctx, r, n, i); err != nil {
				return fmt.Errorf("states of %s: %w", a.system, err)
			}
		}
	}
	return nil
}

const shownTrials = 24

func (a result) drawPlane(ctx context.Context, r *papers.Run, n network, i int) error {
	backend, err := r.Backend()
	if err != nil {
		return err
	}
	s := a.task.Sizes()
	x, _ := cognitive.Batch(a.task, r.Rand("probe of "+a.stream), shownTrials)
	activity, err := ensemble.Run(backend, a.net, []ensemble.Weights{n.End}, x, s.Steps, shownTrials)
	if err != nil {
		return err
	}
	states := mat.NewDense(shownTrials*s.Steps, a.net.Units, nil)
	for k, v := range activity.Rates[0] {
		states.Set(k/a.net.Units, k%a.net.Units, float64(v))
	}
	var pc stat.PC
	if !pc.PrincipalComponents(states, nil) {
		return fmt.Errorf("the principal components of network %d could not be found", i+1)
	}
	var axes mat.Dense
	pc.VectorsTo(&axes)
	vars := pc.VarsTo(nil)
	total := 0.0
	for _, v := range vars {
		total += v
	}
	centre := make([]float64, a.net.Units)
	for j := range centre {
		centre[j] = stat.Mean(mat.Col(nil, j, states), nil)
	}
	at := func(state []float64, axis int) (v float64) {
		for j, h := range state {
			v += (h - centre[j]) * axes.At(j, axis)
		}
		return v
	}
	var clouds []report.Points
	cloud := report.Points{Name: "states of trials", Size: 3}
	rows, _ := states.Dims()
	for k := range rows {
		cloud.X, cloud.Y = append(cloud.X, at(states.RawRowView(k), 0)), append(cloud.Y, at(states.RawRowView(k), 1))
	}
	clouds = append(clouds, cloud)

	model, err := fixedpoint.New(backend, mlctx.New(), still(a.net, n.End))
	if err != nil {
		return err
	}
	defer model.Close()
	every := max(1, rows/128)
	starts := mat.NewDense(rows/every, a.net.Units, nil)
	for k := range rows / every {
		starts.SetRow(k, states.RawRowView(k*every))
	}
	found, err := model.Find(ctx, starts, fixedpoint.Search{Tolerance: 1e-10, Iterations: 1000})
	if err != nil {
		return err
	}
	kinds := map[fixedpoint.Kind]*report.Points{}
	for _, p := range found.Fixed {
		jacobian, err := model.Jacobian(p.State)
		if err != nil {
			return err
		}
		local, err := fixedpoint.Linearise(jacobian)
		if err != nil {
			return err
		}
		c := kinds[local.Kind]
		if c == nil {
			c = &report.Points{Name: local.Kind.String() + " fixed points", Size: 8}
			kinds[local.Kind] = c
		}
		c.X, c.Y = append(c.X, at(p.State, 0)), append(c.Y, at(p.State, 1))
	}
	for _, kind := range []fixedpoint.Kind{fixedpoint.Stable, fixedpoint.Saddle, fixedpoint.Unstable, fixedpoint.Marginal} {
		if c := kinds[kind]; c != nil {
			clouds = append(clouds, *c)
		}
	}
	stable := 0
	if c := kinds[fixedpoint.Stable]; c != nil {
		stable = len(c.X)
	}
	r.Figure(report.ScatterPlot(report.Frame{ID: fmt.Sprintf("states-%s-%d", a.name, i+1), Title: fmt.Sprintf("%s, network %d", a.system, i+1), Square: true, Height: 420,
		XLabel: fmt.Sprintf("PC 1 (%.0f %% of the variance)", 100*vars[0]/total), YLabel: fmt.Sprintf("PC 2 (%.0f %%)", 100*vars[1]/total),
		Caption: fmt.Sprintf("States of %d trials in the plane of their first two principal components, with the fixed points for no input that were found from them: %d stable, of %d that the task needs.",
			shownTrials, stable, 1<<a.net.Inputs)}, clouds))
	return nil
}

// still is one step of the usual network without input.
func still(net ensemble.Network, w ensemble.Weights) fixedpoint.Network {
	return fixedpoint.Network{Units: net.Units, Step: func(_ *mlctx.Context, h *graph.Node) *graph.Node {
		g := h.Graph()
		recurrent := graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(w.Recurrent, net.Units, net.Units))
		bias := graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(w.Bias, 1, net.Units))
		return graph.Tanh(graph.Add(graph.DotGeneral(h, []int{1}, nil, recurrent, []int{1}, nil), bias))
	}}
}
