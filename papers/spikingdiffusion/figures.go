package spikingdiffusion

import (
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/shapes"
)

// pathImages is how many images of a sampler's path are shown.
const pathImages = 6

// sheet lays rows of images [side, side] out as one picture, with a name for each row.
func sheet(frame report.Frame, side int, names []string, rows [][]float32, columns int) report.Figure {
	const gap = 2
	h := report.Heat{Scale: report.Scale{Label: "pixel", Lim: [2]float64{-1, 1}}}
	for k, row := range rows {
		for y := range side {
			line := make([]float64, columns*(side+gap)-gap)
			for i := range line {
				line[i] = math.NaN()
			}
			for c := range min(columns, len(row)/(side*side)) {
				for x := range side {
					line[c*(side+gap)+x] = max(-1, min(1, float64(row[(c*side+y)*side+x])))
				}
			}
			h.Values = append(h.Values, line)
			name := ""
			if y == side/2 {
				name = names[k]
			}
			h.Rows = append(h.Rows, name)
		}
		for range gap {
			blank := make([]float64, columns*(side+gap)-gap)
			for i := range blank {
				blank[i] = math.NaN()
			}
			h.Values, h.Rows = append(h.Values, blank), append(h.Rows, "")
		}
	}
	h.Columns = make([]string, columns*(side+gap)-gap)
	frame.Height = float64(60 + 46*len(rows))
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
			p.Samples, p.Sampling, 100*all[systemSpiking].Content.Recognised, 100*all[systemANN].Content.Recognised, 100*all[systemNoise].Content.Recognised)}, shapes.Side, shown, rows, 14))

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
	r.Figure(sheet(report.Frame{ID: "path", Title: "From noise to images", Caption: fmt.Sprintf("The spiking network's ancestral sampler (DDPM) in %d steps. From left to right, steps of the diffusion that are still to be gone back: %s.",
		p.Ancestral, strings.Join(times, ", "))}, shapes.Side, names, path, len(extra.Path)))

	centre := make([]float64, bins)
	for i := range centre {
		centre[i] = (float64(i) + .5) * diffusionSteps / bins
	}
	for _, name := range []string{systemSpiking, systemTSM, systemANN, systemLinear, systemBayes} {
		r.Curve(report.Curve{Plot: "Error of the predicted noise", Series: name, XLabel: "diffusion step t", YLabel: "mean square error", LogY: true, X: report.Numbers(centre), Y: report.Numbers(all[name].ByTime)})
	}
	for _, name := range []string{systemSpiking, systemANN} {
		x := make([]float64, len(all[name].Loss))
		for i := range x {
			x[i] = float64((i + 1) * p.Training / len(x))
		}
		r.Curve(report.Curve{Plot: "Training", Series: name, XLabel: "training step", YLabel: "mean square error", LogY: true, X: report.Numbers(x), Y: report.Numbers(all[name].Loss)})
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
	r.Figure(report.LinePlot(report.Frame{ID: "rates", Title: "Firing rates", XLabel: "spiking layer, from input to output", YLabel: "units that fire in a step (%)", Height: 280,
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
