package deepsnn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// drawAccuracy draws accuracy over time, in parts of the time that each family takes, and as it is in steps.
func drawAccuracy(r *papers.Run, courses map[string]course) {
	levels := level(courses)
	for _, s := range r.Experiment.Systems {
		c, ok := courses[s.Name]
		if !ok || len(c.Accuracy) < 2 {
			continue
		}
		x := make([]float64, len(c.Accuracy))
		for t := range x {
			x[t] = float64(t+1) * c.Step
		}
		plot := "Accuracy over time steps"
		log := true
		xlabel := "step"
		if c.Step != 1 {
			plot, xlabel, log = "Accuracy over time: "+s.Name[:3], fmt.Sprintf("time (%s)", c.Unit), false
		}
		r.Curve(report.Curve{Plot: plot, Series: s.Name, XLabel: xlabel, YLabel: "accuracy on test images", LogX: log, Levels: levels, X: report.Numbers(x), Y: report.Numbers(c.Accuracy)})
	}
}

// level is the accuracy of F0.
func level(courses map[string]course) []report.Ref {
	if c, ok := courses[sysReference]; ok {
		return []report.Ref{{At: c.final(), Label: "F0"}}
	}
	return nil
}

// drawOperations draws accuracy against operations, with a path for each family as time goes on.
func drawOperations(r *papers.Run, courses map[string]course, m float64) {
	var series []report.Series
	for _, s := range r.Experiment.Systems {
		c, ok := courses[s.Name]
		if !ok || s.Role == report.Ablation && s.Name != sysPlain && s.Name != sysRandom || len(c.Accuracy) < 2 {
			continue
		}
		line := report.Series{Name: s.Name, Role: s.Role}
		for t, a := range c.Accuracy {
			if n := c.operations(t); n > 0 && a > 0 {
				line.X, line.Y = append(line.X, n), append(line.Y, a)
			}
		}
		series = append(series, line)
	}
	r.Figure(report.LinePlot(report.Frame{ID: "operations", Title: "Accuracy against operations", XLabel: "additions and MACs of an image", YLabel: "accuracy on test images", XLog: true, Height: 460,
		Events: []report.Ref{{At: m, Label: "MACs of F0"}}, Levels: level(courses),
		Caption: "Each family as time goes on, counted where spikes are delivered. Left of the line it costs less than one pass of the network of rates. A constant input costs the first layer's MACs at once."},
		series))
}

// drawBench draws what the gradient families do with an image.
func drawBench(ctx context.Context, r *papers.Run, s sizes, d *split, nets networks, result benchResult) {
	image := d.testing.image(0)
	f1 := s.conversions(nets.reference)[sysConverted]
	if err := f1.train(ctx, d, nil); err == nil {
		drawRaster(r, "raster-f1", "Spikes of F1 for one image", f1.net, image, min(60, s.ConvertedSteps), d.testing.labels[0])
	}
	f3 := nets.surrogate[sysTwenty]
	drawRaster(r, "raster-f3", "Spikes of F3 for the same image", f3.net, image, f3.Steps, d.testing.labels[0])

	first := &firstSpike{Hidden: s.Hidden, Layers: result.First}
	var hidden, output []float64
	for i := range min(200, d.testing.len()) {
		t := first.times(d.testing.image(i))
		hidden, output = append(hidden, t[0]...), append(output, slices.Min(append(t[1], math.Inf(1))))
	}
	r.Figure(report.Histogram(report.Frame{ID: "first-spikes", Title: "Times of first spikes", XLabel: "time (ln z)", YLabel: "share",
		Events: []report.Ref{{At: 0, Label: "bright pixels"}, {At: math.Log(late), Label: "dark pixels"}},
		Caption: fmt.Sprintf("F2a on %d test images: all hidden spikes if the network runs to the end, and the first output spike, which is the decision and stops it. Decisions lie at %.2f on average.",
			min(200, d.testing.len()), result.Courses[sysFirst].Settled*gridStep)},
		[]report.Sample{{Name: "hidden neurons", Role: report.Baseline, Values: hidden}, {Name: "first output spike", Role: report.Subject, Values: output}}, 40))
}

// shownNeurons is how many neurons of a layer a raster shows.
const shownNeurons = 60

func drawRaster(r *papers.Run, id, title string, net *layered, image []float32, steps int, label uint8) {
	times := net.raster(image, steps, rand.New(rand.NewPCG(0, 0)))
	spikes := report.Spikes{Span: [2]float64{.5, float64(steps) + .5}}
	counts := make([]int, len(times))
	for l, layer := range times[:len(times)-1] {
		for i, t := range layer {
			counts[l] += len(t)
			if i < shownNeurons {
				spikes.Times, spikes.Groups = append(spikes.Times, t), append(spikes.Groups, "layer "+strconv.Itoa(l+1))
			}
		}
	}
	r.Figure(report.Raster(report.Frame{ID: id, Title: title, XLabel: "step", YLabel: "neuron", Height: 360,
		Caption: fmt.Sprintf("A digit %d. The first %d neurons of each hidden layer; all of them fire %d and %d spikes in %d steps.", label, min(shownNeurons, net.Layers[0].Out), counts[0], counts[1], steps)},
		spikes))
}

// drawFields draws what STDP cells have learned.
func drawFields(r *papers.Run, f *competition, width int) {
	side := int(math.Round(math.Sqrt(float64(width))))
	if side*side != width {
		return
	}
	columns := 10
	lines := (min(f.Cells, 100) + columns - 1) / columns
	grid := make([][]float64, lines*(side+1)-1)
	for y := range grid {
		grid[y] = make([]float64, columns*(side+1)-1)
		for x := range grid[y] {
			cell := y/(side+1)*columns + x/(side+1)
			grid[y][x] = math.NaN()
			if y%(side+1) < side && x%(side+1) < side && cell < f.Cells {
				grid[y][x] = f.W[(y%(side+1)*side+x%(side+1))*f.Cells+cell]
			}
		}
	}
	named := 0
	for _, n := range f.Often {
		if n > 0 {
			named++
		}
	}
	r.Figure(report.HeatMap(report.Frame{ID: "fields", Title: "Receptive fields of STDP cells", XLabel: "pixels", YLabel: "pixels", Square: true, Height: 620,
		Caption: fmt.Sprintf("Weights from the image to each of %d cells of F4a, learned without labels. Afterwards %d classes have cells of their own; the cell that wins most wins %.0f %% of images.",
			min(f.Cells, 100), named, 100*f.Win)}, report.Heat{Values: grid, Scale: report.Scale{Label: "weight", Lim: [2]float64{0, .6}}}))
}
