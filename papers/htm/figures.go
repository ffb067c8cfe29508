package htm

import (
	"fmt"
	"runtime"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/stream"
)

// shownElements is the length of the stretch whose active cells are drawn.
const shownElements = 72

// shownColumns is one in how many columns is drawn.
const shownColumns = 8

// published is the mean accuracy of HTM in the authors' stored results, by elements seen, with the swap at 10000.
var published = [][2]float64{{5000, 0.57}, {8000, 0.96}, {9990, 1.00}, {11000, 0.44}, {12000, 0.72}, {14000, 1.00}, {19900, 1.00}}

func processors() int { return runtime.GOMAXPROCS(0) }

// drawDiscrete draws what the experiment on symbols shows.
func drawDiscrete(r *papers.Run, p discreteParams, s stream.Symbols, results map[string]trial) {
	var events []report.Ref
	if p.SwapAt > 0 {
		events = []report.Ref{{At: float64(p.SwapAt), Label: "endings swapped"}}
	}
	curve := func(series string, x, y []float64) {
		r.Curve(report.Curve{Plot: fmt.Sprintf("Accuracy over the last %d sequences", window), Series: series, XLabel: "elements seen",
			YLabel: "share of endings predicted", X: report.Numbers(x), Y: report.Numbers(y), Events: events})
	}
	for _, system := range r.Experiment.Systems {
		var x, y []float64
		for at := 200; at <= p.Elements; at += 100 {
			x, y = append(x, float64(at)), append(y, accuracyAt(results[system.Name].Answers, at))
		}
		curve(system.Name, x, y)
	}
	if p.SwapAt == 10000 && p.Elements == 20000 {
		var x, y []float64
		for _, point := range published {
			x, y = append(x, point[0]), append(y, point[1])
		}
		curve("HTM, as published", x, y)
	}
	t := results[systemHTM]
	drawActivity(r, p, s, t)

	segments := make([]float64, len(t.Segments))
	for i, n := range t.Segments {
		segments[i] = float64(n)
	}
	r.Figure(report.LinePlot(report.Frame{
		ID: "segments", Title: "Growth of the network", XLabel: "elements seen", YLabel: "segments", Events: events,
		Caption: fmt.Sprintf("Segments in the temporal memory. Every noise symbol leaves some behind, so the network keeps growing: %d segments with %d synapses in %.0f MB at the end.",
			t.Segments[len(t.Segments)-1], t.Synapses, float64(t.Bytes)/1e6),
	}, []report.Series{{Name: systemHTM, Role: report.Subject, Y: segments}}))

	var death []report.Series
	for _, system := range r.Experiment.Systems {
		d, ok := results["cell death "+system.Name]
		if !ok {
			continue
		}
		series := report.Series{Name: system.Name, Role: system.Role}
		for _, percent := range deathFractions {
			series.X = append(series.X, float64(percent))
			series.Y = append(series.Y, accuracy(having(d.Answers, percent)))
		}
		death = append(death, series)
	}
	r.Figure(report.LinePlot(report.Frame{
		ID: "death", Title: "Cell death", XLabel: "cells or hidden units that died (%)", YLabel: "share of endings predicted", YLim: [2]float64{0, 1.02},
		Caption: fmt.Sprintf("After %d elements learning ends and a share of HTM's cells, or of the hidden units of the baselines, dies. Accuracy over the next %d elements.",
			p.Death, p.DeathTest),
	}, death))
}

// drawActivity draws which cells were active just before the swap.
func drawActivity(r *papers.Run, p discreteParams, s stream.Symbols, t trial) {
	first := p.swap() - len(t.Cells)
	row := map[uint32]int{}
	var times [][]float64
	active := make([]float64, len(t.Cells))
	var x []float64
	for i, cells := range t.Cells {
		x = append(x, float64(first+i))
		active[i] = float64(len(cells))
		if t.Surprise[first+i] > 0 {
			continue // rows are for cells that were predicted at least once
		}
		for _, cell := range cells {
			if _, known := row[cell]; !known && int(cell)/p.Cells%shownColumns == 0 {
				row[cell] = len(times)
				times = append(times, nil)
			}
		}
	}
	var noise []report.Ref
	for i, cells := range t.Cells {
		if s.Values[first+i] >= s.Alphabet {
			noise = append(noise, report.Ref{At: float64(first + i)})
		}
		for _, cell := range cells {
			if k, shown := row[cell]; shown {
				times[k] = append(times[k], float64(first+i))
			}
		}
	}
	if len(times) == 0 {
		return
	}
	r.Figure(report.Raster(report.Frame{
		ID: "cells", Title: "Cells that were predicted", XLabel: "element", YLabel: "cell, in order of first activity", Events: noise, Height: 460,
		Caption: fmt.Sprintf("The last %d elements before the swap; vertical lines are noise symbols. Cells of one in %d columns that were active as predicted at least once. "+
			"A sequence that comes again is carried by the same cells; the same symbols in another sequence by others. Vertical bars are bursts, in which all cells of a column are active.",
			len(t.Cells), shownColumns),
	}, report.Spikes{Times: times, Span: [2]float64{float64(first) - 1, float64(p.swap())}, Second: 1}))
	r.Figure(report.LinePlot(report.Frame{
		ID: "active", Title: "Active cells", XLabel: "element", YLabel: "active cells", YLog: true, Events: noise,
		Levels:  []report.Ref{{At: float64(p.Active), Label: "one cell per column"}, {At: float64(p.Active * p.Cells), Label: "all cells"}},
		Caption: "The same elements: few cells are active where an element was predicted, all cells of the active columns where it was not.",
	}, []report.Series{{Name: systemHTM, Role: report.Subject, X: x, Y: active, Step: true}}))
}

// drawForecast draws a forecast of a scalar stream beside what came, with the anomaly score.
func drawForecast(r *papers.Run, id, title string, s series, f forecast, ahead, from, to int, events []report.Ref) {
	from, to = max(from, ahead), min(to, len(s.Values))
	var x, actual, predicted, anomaly []float64
	for i := from; i < to; i++ {
		x = append(x, float64(i))
		actual, predicted = append(actual, s.Values[i]), append(predicted, f.Predicted[i-ahead])
		anomaly = append(anomaly, f.Anomaly[i])
	}
	if len(x) == 0 {
		return
	}
	span := fmt.Sprintf("%s to %s", s.Times[from].Format("2 Jan 2006 15:04"), s.Times[to-1].Format("2 Jan 2006 15:04"))
	r.Figure(report.LinePlot(report.Frame{
		ID: id, Title: title, XLabel: "record", YLabel: s.Name, Events: events,
		Caption: fmt.Sprintf("HTM's prediction %d records ahead, and what came: %s.", ahead, span),
	}, []report.Series{{Name: "HTM, predicted", Role: report.Subject, X: x, Y: predicted}, {Name: "actual", Role: report.Truth, X: x, Y: actual}}))
	r.Figure(report.LinePlot(report.Frame{
		ID: id + "-anomaly", Title: "Anomaly score", XLabel: "record", YLabel: "anomaly score", YLim: [2]float64{0, 1.02}, Height: 240, Events: events,
		Caption: "Share of the active columns that HTM had not predicted one record before, over the same records.",
	}, []report.Series{{Name: systemHTM, Role: report.Subject, X: x, Y: anomaly, Step: true}}))
}

// drawErrors draws how the error of each system goes along the stream, over a week at a time.
func drawErrors(r *papers.Run, s series, forecasts map[string]forecast, ahead, week int, events []report.Ref) {
	for _, system := range r.Experiment.Systems {
		f, ok := forecasts[system.Name]
		if !ok {
			continue
		}
		c := report.Curve{Plot: fmt.Sprintf("Error %d records ahead, over each week", ahead), Series: system.Name, XLabel: "record",
			YLabel: "sum of absolute errors / sum of values", Events: events}
		for at := week; at <= len(s.Values); at += week {
			c.X, c.Y = append(c.X, report.Number(at)), append(c.Y, report.Number(f.score(s, ahead, at-week, at)))
		}
		r.Curve(c)
	}
}
