package spikingdiffusion

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/shapes"
)

// pathImages is how many images of a sampler's path are shown.
const pathImages = 6

// sheet lays rows of images [side, side] out as one picture, with a name for each row and headings for columns.
func sheet(frame report.Frame, side int, names, headings []string, rows [][]float32, columns int) report.Figure {
	const gap = 2
	h := report.Heat{Scale: report.Scale{Label: "pixel", Lim: [2]float64{-1, 1}}, Rows: names, Columns: headings}
	for _, row := range rows {
		for y := range side + gap {
			line := make([]float64, columns*(side+gap))
			for i := range line {
				c, x := i/(side+gap), i%(side+gap)
				if at := (c*side+y)*side + x; y < side && x < side && c < len(row)/(side*side) {
					line[i] = max(-1, min(1, float64(row[at])))
				} else {
					line[i] = math.NaN()
				}
			}
			h.Values = append(h.Values, line)
		}
	}
	frame.Height = 70 + 400/float64(columns)*float64(len(rows))*1.1
	return report.HeatMap(frame, h)
}

// drawShapes draws what a seed of the experiment on shapes found.
func drawShapes(r *papers.Run, b *bench, p drawnParams, all map[string]outcome, extra *besides, s scalars) {
	shown := []string{systemTrue, systemBayes, systemSpiking, systemTSM, systemANN, systemLinear, systemNoise}
	var rows [][]float32
	for _, name := range shown {
		rows = append(rows, all[name].Images)
	}
	r.Figure(sheet(report.Frame{ID: "samples", Title: "Images that each system makes",
		Caption: fmt.Sprintf("The first of %d, DDIM in %d steps; each column begins from the same noise, true images apart. Recognised as one of the eight shapes: %.0f %% of the spiking network's, %.0f %% of the ANN twin's, %.0f %% of the noise.",
			p.Samples, p.Sampling, 100*all[systemSpiking].Content.Recognised, 100*all[systemANN].Content.Recognised, 100*all[systemNoise].Content.Recognised)}, shapes.Side, shown, []string{""}, rows, 14))

	var path [][]float32
	var names []string
	for i := range min(pathImages, len(extra.Path[0])/shapes.Pixels) {
		var row []float32
		for _, x := range extra.Path {
			row = append(row, x[i*shapes.Pixels:(i+1)*shapes.Pixels]...)
		}
		path, names = append(path, row), append(names, fmt.Sprintf("image %d", i+1))
	}
	var times []string
	for _, t := range extra.PathTimes {
		times = append(times, fmt.Sprint(t))
	}
	r.Figure(sheet(report.Frame{ID: "path", Title: "From noise to images", XLabel: "steps of the diffusion still to be gone back",
		Caption: fmt.Sprintf("The spiking network's ancestral sampler (DDPM) in %d steps, six images.", p.Ancestral)}, shapes.Side, names, times, path, len(extra.Path)))

	for _, name := range []string{systemSpiking, systemTSM, systemANN, systemLinear, systemBayes} {
		drawErrors(r, name, all[name].ByTime)
	}
	for _, name := range []string{systemSpiking, systemANN} {
		drawLoss(r, name, all[name].Loss, p.Training)
	}
	var bars []report.Bars
	for _, name := range []string{systemSpiking, systemANN} {
		bar := report.Bars{Name: name, Role: report.Subject}
		if name == systemANN {
			bar.Role = report.Baseline
		}
		for _, v := range all[name].Content.Shares {
			bar.Values = append(bar.Values, []float64{v})
		}
		bars = append(bars, bar)
	}
	r.Figure(report.BarPlot(report.Frame{ID: "templates", Title: "Which shapes are made", YLabel: "part of recognised images", Levels: []report.Ref{{At: 1. / 8, Label: "equal parts"}},
		Caption: fmt.Sprintf("Distance in total variation from equal parts: %.2f for the spiking network, %.2f for the ANN twin, and %.2f for as many true images, by chance.",
			all[systemSpiking].Content.Distance, all[systemANN].Content.Distance, all[systemTrue].Content.Distance)}, shapes.Names, bars))
	drawRates(r, all[systemSpiking])
	drawScalars(r, s)
	drawSweep(r, p, all, extra)
}

// drawRates draws how often the units of each layer fire.
func drawRates(r *papers.Run, o outcome) {
	var rates []float64
	var table [][]string
	for i, v := range o.Rates {
		rates = append(rates, 100*v)
		table = append(table, []string{fmt.Sprint(i + 1), strings.TrimPrefix(o.Layers[i], "/"), fmt.Sprintf("%.1f", 100*v)})
	}
	x := make([]float64, len(rates))
	for i := range x {
		x[i] = float64(i + 1)
	}
	r.Figure(report.LinePlot(report.Frame{ID: "rates", Title: "Firing rates", XLabel: "spiking layer, from input to output", YLabel: "units that fire in a step (%)", YLim: [2]float64{0, 100}, Height: 280,
		Caption: fmt.Sprintf("Mean over the sampler's calls, in which spikes were counted; %.1f %% over all layers. The table names the layers.", mean(rates))},
		[]report.Series{{Name: systemSpiking, Role: report.Subject, X: x, Y: rates}}))
	r.Table(report.Table{ID: "rates", Title: "Firing rates", Columns: []string{"layer", "convolution that reads its spikes", "units that fire in a step (%)"}, Rows: table})
}

// drawScalars draws the learned temporal scalars.
func drawScalars(r *papers.Run, s scalars) {
	steps := len(s[0])
	x, middle, low, high := make([]float64, steps), make([]float64, steps), make([]float64, steps), make([]float64, steps)
	for n := range steps {
		x[n], low[n], high[n] = float64(n+1), math.Inf(1), math.Inf(-1)
		for _, row := range s {
			middle[n] += row[n] / float64(len(s))
			low[n], high[n] = min(low[n], row[n]), max(high[n], row[n])
		}
	}
	r.Figure(report.LinePlot(report.Frame{ID: "scalars", Title: "Learned temporal scalars", XLabel: "spiking step n", YLabel: "p[n]", Height: 280, Levels: []report.Ref{{At: 1, Label: "where they begin"}},
		Caption: fmt.Sprintf("Mean over %d convolutions, and their range. In the paper p rises with n.", len(s))}, []report.Series{{Name: systemTSM, Role: report.Subject, X: x, Y: middle, Low: low, High: high}}))
}

// drawSweep draws what the threshold does at sampling.
func drawSweep(r *papers.Run, p drawnParams, all map[string]outcome, extra *besides) {
	thresholds := p.thresholds()
	var rate, distance, recognised []float64
	for _, o := range extra.Sweep {
		rate, distance, recognised = append(rate, 100*mean(o.Rates)), append(distance, o.Frechet), append(recognised, 100*o.Content.Recognised)
	}
	for _, f := range []struct {
		id, title, label string
		y                []float64
	}{{"sweep-rate", "Firing rate by threshold", "units that fire in a step (%)", rate}, {"sweep-distance", "Fréchet distance by threshold", "Fréchet distance", distance}, {"sweep-recognised", "Recognised images by threshold", "recognised (%)", recognised}} {
		r.Figure(report.LinePlot(report.Frame{ID: f.id, Title: f.title, XLabel: "threshold ϑ at sampling", YLabel: f.label, Height: 260, Events: []report.Ref{{At: 1, Label: "trained with"}},
			Caption: fmt.Sprintf("The spiking network, %d images from the same noise at each threshold.", p.Samples)}, []report.Series{{Name: systemSpiking, Role: report.Subject, X: thresholds, Y: f.y}}))
	}
}

// drawErrors draws the error of the predicted noise along the diffusion.
func drawErrors(r *papers.Run, system string, byTime []float64) {
	x := make([]float64, bins)
	for i := range x {
		x[i] = (float64(i) + .5) * diffusionSteps / bins
	}
	r.Curve(report.Curve{Plot: "Error of the predicted noise", Series: system, XLabel: "diffusion step t (tenths of the diffusion)", YLabel: "mean square error", LogY: true, X: report.Numbers(x), Y: report.Numbers(byTime)})
}

// drawLoss draws the loss of a training.
func drawLoss(r *papers.Run, system string, loss []float64, steps int) {
	x := make([]float64, len(loss))
	for i := range x {
		x[i] = float64((i + 1) * steps / len(loss))
	}
	r.Curve(report.Curve{Plot: "Training", Series: system, XLabel: "training step", YLabel: "mean square error", LogY: true, X: report.Numbers(x), Y: report.Numbers(loss)})
}

// drawStairs draws what a quantised ReLU gives and what the unit it is converted to.
func drawStairs(r *papers.Run, backend backends.Backend) error {
	const bits, points, clip = 2, 401, 1.
	x, series := make([]float64, points), []report.Series{}
	in := make([]float32, points)
	for i := range x {
		x[i] = -.5 + 2*float64(i)/(points-1)
		in[i] = float32(x[i])
	}
	levels, counts, err := stairs(backend, in, clip, bits)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		name string
		role report.Role
		y    []float32
	}{{"quantised ReLU", report.Baseline, levels}, {"spikes of the converted unit", report.Subject, counts}} {
		y := make([]float64, points)
		for i, v := range s.y {
			y[i] = float64(v) * clip / (1<<bits - 1)
		}
		series = append(series, report.Series{Name: s.name, Role: s.role, X: x, Y: y})
	}
	r.Figure(report.LinePlot(report.Frame{ID: "stairs", Title: "A quantised ReLU and its spikes", XLabel: "constant input (clip 1)", YLabel: "level, spikes · clip / T", Height: 280,
		Caption: "Two bits: T = 3 steps from half the threshold, with soft reset. The lines lie on one another."}, series))
	return nil
}
