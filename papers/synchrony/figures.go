package synchrony

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

func drawDecision(r *papers.Run, l *learner, p decisionParams, out map[string]*outcome, shapes []condition, t together) {
	drawSpectrum(r, l, out, p.Most, p.Sigma)
	drawErrors(r, out, p.Most)
	drawTopologies(r, out, shapes)
	drawFlips(r, out, p.Most)
	r.Figure(report.LinePlot(report.Frame{
		ID: "together", Title: "Circuits that begin apart come together", XLabel: "time", YLabel: "D, mean of repetitions", YLog: true,
		Caption: fmt.Sprintf("8 circuits coupled with k = 0.05 begin scattered about the optimum; the bound is D(0) exp(-2(μ+l₂)t) + (n-1)dσ²/(2n(μ+l₂)). Mean of %d repetitions.", p.Repeats),
	}, []report.Series{
		{Name: "simulated", Role: report.Subject, X: t.Time, Y: t.D},
		{Name: "bound", Role: report.Truth, X: t.Time, Y: t.Bound},
	}))
	drawPaths(r, l, out)
	tabulate(r, out, p.Most, true)
}

// drawSpectrum shows the disagreement of all complete graphs over l₂, as n/(n-1) of it, in which their sizes fall on one curve.
func drawSpectrum(r *papers.Run, l *learner, out map[string]*outcome, most int, sigma float64) {
	simulated := map[int]*report.Points{}
	var sizes []int
	least, largest := math.Inf(1), 0.
	for n := 2; n <= most; n *= 2 {
		points := &report.Points{Name: fmt.Sprintf("n = %d, simulated", n), Size: 7}
		for _, k := range gains[1:] {
			o := out[key(n, k)]
			points.X, points.Y = append(points.X, o.Expected.L2), append(points.Y, o.Disagreement*float64(n)/float64(n-1))
			least, largest = min(least, o.Expected.L2), max(largest, o.Expected.L2)
		}
		simulated[n] = points
		sizes = append(sizes, n)
	}
	bound, linear := report.Points{Name: "bound", Size: 2}, report.Points{Name: "linear formula", Size: 2}
	const dots = 160
	for i := range dots + 1 {
		l2 := least * math.Pow(largest/least, float64(i)/dots)
		sum := 0.
		for _, h := range l.curvature {
			sum += sigma * sigma / 2 / (h + l2)
		}
		linear.X, linear.Y = append(linear.X, l2), append(linear.Y, sum)
		bound.X, bound.Y = append(bound.X, l2), append(bound.Y, float64(l.size())*sigma*sigma/2/(l.mu+l2))
	}
	clouds := []report.Points{bound, linear}
	for _, n := range sizes {
		clouds = append(clouds, *simulated[n])
	}
	r.Figure(report.ScatterPlot(report.Frame{
		ID: "connectivity", Title: "Coupling takes away disagreement like one over the algebraic connectivity", XLabel: "l₂ of the Laplacian (1/time)", YLabel: "D · n/(n-1)",
		XLog: true, YLog: true, Height: 420,
		Caption: "Complete graphs of all sizes and gains above 0. The bound takes the least curvature μ for all directions, the linear formula each direction's own.",
	}, clouds))
}

// drawErrors shows what redundancy does, with coupling and without.
func drawErrors(r *papers.Run, out map[string]*outcome, most int) {
	lines := []struct {
		name string
		role report.Role
		of   func(n int) float64
	}{
		{"one circuit, k = 0.25", report.Subject, func(n int) float64 { return coupledOutcome(out, n, .25).Copy }},
		{"mean circuit, k = 0.25", report.Baseline, func(n int) float64 { return coupledOutcome(out, n, .25).Mean }},
		{"mean circuit, uncoupled", report.Baseline, func(n int) float64 { return out[key(n, 0)].Mean }},
		{"one circuit, uncoupled", report.Ablation, func(n int) float64 { return out[key(n, 0)].Copy }},
		{"bound of the mean, k = 0.25", "", func(n int) float64 { return coupledOutcome(out, n, .25).Expected.MeanBound }},
		{"linear formula of the mean", report.Truth, func(n int) float64 { return out[key(n, 0)].Expected.MeanLinear }},
	}
	var series []report.Series
	for _, line := range lines {
		s := report.Series{Name: line.name, Role: line.role}
		for n := 1; n <= most; n *= 2 {
			s.X, s.Y = append(s.X, float64(n)), append(s.Y, line.of(n))
		}
		series = append(series, s)
	}
	r.Figure(report.LinePlot(report.Frame{
		ID: "redundancy", Title: "Redundancy helps the mean, and with coupling every copy", XLabel: "circuits n", YLabel: "squared error |w - w*|²", XLog: true, YLog: true, Height: 420,
		Caption: "Without coupling a copy stays as bad as if it were alone, however many there are; coupled, each is nearly as good as the mean.",
	}, series))
}

// coupledOutcome is that of n coupled circuits; one alone has none to be coupled with.
func coupledOutcome(out map[string]*outcome, n int, k float64) *outcome {
	if n == 1 {
		k = 0
	}
	return out[key(n, k)]
}

func drawTopologies(r *papers.Run, out map[string]*outcome, shapes []condition) {
	sorted := slices.SortedFunc(slices.Values(shapes), func(a, b condition) int { return cmp.Compare(out[b.name].Expected.L2, out[a.name].Expected.L2) })
	var names []string
	bars := []report.Bars{{Name: "simulated", Role: report.Subject}, {Name: "linear formula", Role: report.Truth}, {Name: "bound", Role: report.Baseline}}
	t := report.Table{ID: "topologies", Title: "Topologies of 16 circuits, all couplings together the same", Columns: []string{"topology", "l₂", "D simulated", "D linear", "D bound"},
		Caption: "The whole spectrum predicts D; l₂ alone is loose where other eigenvalues are far larger."}
	for _, c := range sorted {
		o := out[c.name]
		names = append(names, fmt.Sprintf("%s (l₂ %.2g)", c.topology, o.Expected.L2))
		row := []string{c.topology, fmt.Sprintf("%.3f", o.Expected.L2)}
		for i, v := range []float64{o.Disagreement, o.Expected.Linear, o.Expected.Bound} {
			bars[i].Values = append(bars[i].Values, []float64{v})
			row = append(row, fmt.Sprintf("%.4g", v))
		}
		t.Rows = append(t.Rows, row)
	}
	r.Figure(report.BarPlot(report.Frame{
		ID: "topologies", Title: "What a topology is worth follows from its whole spectrum", YLabel: "disagreement D",
		Caption: "16 circuits; the sum of all couplings is the same in all networks.",
	}, names, bars))
	r.Table(t)
}

// drawFlips shows how decisions of 16 circuits depend on the coupling.
func drawFlips(r *papers.Run, out map[string]*outcome, most int) {
	var series []report.Series
	for k, name := range []string{"one circuit", "mean circuit", "majority of circuits"} {
		s := report.Series{Name: name, Role: []report.Role{report.Subject, report.Baseline, report.Ablation}[k]}
		for n := 1; n <= most; n *= 2 {
			s.X, s.Y = append(s.X, float64(n)), append(s.Y, 100*coupledOutcome(out, n, .25).Flips[k])
		}
		series = append(series, s)
	}
	alone := report.Series{Name: "one circuit, uncoupled", Role: report.Truth}
	for n := 1; n <= most; n *= 2 {
		alone.X, alone.Y = append(alone.X, float64(n)), append(alone.Y, 100*out[key(n, 0)].Flips[oneCircuit])
	}
	r.Figure(report.LinePlot(report.Frame{
		ID: "flips", Title: "Decisions that noise changes", XLabel: "circuits n", YLabel: "held-out decisions unlike the optimum's (%)", XLog: true,
		Caption: "Coupled with k = 0.25 unless the legend says otherwise.",
	}, append(series, alone)))
}

// drawPaths shows a few circuits' first two weights with coupling and without.
func drawPaths(r *papers.Run, l *learner, out map[string]*outcome) {
	for _, c := range []struct {
		k         float64
		id, title string
	}{{0, "paths-uncoupled", "Uncoupled circuits wander alone"}, {.25, "paths-coupled", "Coupled circuits wander together, and less far"}} {
		var paths []report.Path
		for i, p := range out[key(traceUnits, c.k)].Paths {
			paths = append(paths, report.Path{Group: fmt.Sprintf("circuit %d", i+1), X: p[0], Y: p[1]})
		}
		r.Figure(report.Trajectories(report.Frame{
			ID: c.id, Title: c.title, XLabel: "w₁", YLabel: "w₂", Square: true, XLim: around(l.optimum[0]), YLim: around(l.optimum[1]),
			Caption: fmt.Sprintf("4 of 16 circuits with k = %g over %g time units. The optimum is at (%.2f, %.2f), in the middle.", c.k, pathRecords*recordEvery, l.optimum[0], l.optimum[1]),
		}, paths))
	}
}

func around(v float64) [2]float64 { return [2]float64{v - 3, v + 3} }

// tabulate lists the complete graphs.
func tabulate(r *papers.Run, out map[string]*outcome, most int, decides bool) {
	t := report.Table{ID: "grid", Title: "Complete graphs", Columns: []string{"n", "k", "l₂", "D simulated", "D bound", "D linear", "mean simulated", "mean bound", "mean linear", "one circuit"},
		Caption: "Disagreement D and squared errors of the mean circuit and of one circuit, this seed."}
	if decides {
		t.Columns = append(t.Columns, "decisions changed")
	}
	for n := 1; n <= most; n *= 2 {
		for _, k := range gains {
			o := out[key(n, k)]
			if o == nil {
				continue
			}
			row := []string{fmt.Sprint(n), fmt.Sprint(k)}
			for _, v := range []float64{o.Expected.L2, o.Disagreement, o.Expected.Bound, o.Expected.Linear, o.Mean, o.Expected.MeanBound, o.Expected.MeanLinear, o.Copy} {
				row = append(row, fmt.Sprintf("%.4g", v))
			}
			if decides {
				row = append(row, fmt.Sprintf("%.1f %%", 100*o.Flips[oneCircuit]))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	r.Table(t)
}
