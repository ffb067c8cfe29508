package ultralif

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/eventaudio"
)

// drawTraining draws how accurate each neuron is, and the course of training.
func drawTraining(r *papers.Run, one, long map[string]course, steps int) {
	for _, at := range []struct {
		id    string
		steps int
		all   map[string]course
	}{{"one", 1, one}, {"long", steps, long}} {
		var bars []report.Bars
		for _, s := range systems {
			c, ok := at.all[s.Name]
			if !ok {
				continue
			}
			if slices.Contains(timed, s.Name) || s.Name == sigmoids {
				bars = append(bars, report.Bars{Name: s.Name, Role: s.Role, Values: [][]float64{{100 * last(c.Accuracy)}}})
			}
			epochs := make([]float64, len(c.Accuracy))
			for i := range epochs {
				epochs[i] = float64(i + 1)
			}
			if slices.Contains([]string{ultraLIF, ultraDLIF, hardLIF, softLIF, sigmaLIF}, s.Name) {
				r.Curve(report.Curve{Plot: fmt.Sprintf("Accuracy during training, T = %d", at.steps), Series: s.Name, XLabel: "epoch", YLabel: "test accuracy",
					X: report.Numbers(epochs), Y: report.Numbers(c.Accuracy)})
			}
			if c.Epsilon != nil && slices.Contains([]string{ultraLIF, ultraPLIF, ultraDLIF, sigmaLIF}, s.Name) {
				r.Curve(report.Curve{Plot: fmt.Sprintf("Learned temperature, T = %d", at.steps), Series: s.Name, XLabel: "epoch", YLabel: "ε (1 at the beginning)",
					X: report.Numbers(epochs), Y: report.Numbers(c.Epsilon)})
			}
		}
		r.Figure(report.BarPlot(report.Frame{
			ID: "accuracy-" + at.id, Title: fmt.Sprintf("Accuracy by neuron, T = %d", at.steps), XLabel: "test accuracy (%)", XLim: [2]float64{0, 100},
			Caption: fmt.Sprintf("Test examples, after the last epoch, this seed. Each example is seen in %s.", inSteps(at.steps)),
		}, []string{""}, bars))
	}
}

func inSteps(n int) string {
	if n == 1 {
		return "one step"
	}
	return fmt.Sprintf("%d steps", n)
}

// prices are the weights of the mean activation in the loss, and what is trained at each.
var prices = map[string][]struct {
	lambda float64
	name   string
}{
	ultraLIF:  {{0, ultraLIF}, {.01, mildLIF}, {.1, sparseLIF}},
	ultraDLIF: {{0, ultraDLIF}, {.01, mildDLIF}, {.1, sparseDLIF}},
}

// drawSparsity draws what a price on activation does.
func drawSparsity(r *papers.Run, all map[string]course) {
	for _, unit := range []string{ultraLIF, ultraDLIF} {
		var lambda, accuracy, activation []float64
		for _, p := range prices[unit] {
			if c, ok := all[p.name]; ok {
				lambda, accuracy, activation = append(lambda, p.lambda), append(accuracy, last(c.Accuracy)), append(activation, last(c.Activation))
			}
		}
		if len(lambda) < 2 {
			continue
		}
		for _, plot := range []struct {
			title, label string
			y            []float64
		}{{"Mean activation against its price", "mean activation", activation}, {"Accuracy against the price of activation", "test accuracy", accuracy}} {
			r.Curve(report.Curve{Plot: plot.title, Series: unit, XLabel: "λ, weight of the mean activation in the loss", YLabel: plot.label, X: report.Numbers(lambda), Y: report.Numbers(plot.y)})
		}
	}
}

// drawTwins draws a recording of a class and one of the class that is the same played backwards.
func drawTwins(r *papers.Run, shown []eventaudio.Sample) {
	const forwards = eventaudio.Classes / 2
	for _, twin := range []struct {
		label     int
		id, title string
	}{{forwards, "word", "A word as events"}, {forwards + 1, "word-backwards", "Its twin: the same word played backwards"}} {
		i := slices.IndexFunc(shown, func(s eventaudio.Sample) bool { return s.Label == twin.label })
		if i < 0 {
			continue
		}
		spikes := report.Spikes{Times: make([][]float64, eventaudio.Channels), Span: [2]float64{0, eventaudio.Length}}
		for k, t := range shown[i].Times {
			c := shown[i].Channels[k]
			spikes.Times[c] = append(spikes.Times[c], float64(t))
		}
		r.Figure(report.Raster(report.Frame{ID: twin.id, Title: twin.title, XLabel: "time (s)", YLabel: "channel", Height: 320,
			Caption: fmt.Sprintf("Test recording of class %d: %d events. Classes %d and %d have the same counts on the channels, up to shift, noise and gain, and differ in time alone.",
				twin.label, len(shown[i].Times), forwards, forwards+1)}, spikes))
	}
}

// drawTraces draws a unit at several temperatures beside its limit.
func drawTraces(r *papers.Run, backend backends.Backend) error {
	const steps = 60
	current := make([]float64, steps)
	for t := range current {
		current[t] = .25 + .9*math.Sin(2*math.Pi*float64(t)/24)*math.Exp(-math.Pow(float64(t-30)/22, 2)) + .12*math.Sin(2*math.Pi*float64(t)/5)
	}
	x := tensors.FromFlatDataAndDimensions(current, steps, 1, 1)
	u := modelOf(ultraLIF, Ultra{}).neuron.(Ultra)
	var membrane, spikes []report.Series
	for _, epsilon := range []float64{1, .3, .1, .03, 0} {
		s, v, err := u.run(backend, x, func(c *UltraCell) {
			c.Epsilon = graph.Scalar(c.Epsilon.Graph(), c.Epsilon.DType(), epsilon)
			c.Limit = epsilon == 0
		})
		if err != nil {
			return err
		}
		series := report.Series{Name: fmt.Sprintf("ε = %g", epsilon)}
		if epsilon == 0 {
			series.Name, series.Role = "limit: maximum, hard threshold", report.Truth
		}
		series.Y = v
		membrane = append(membrane, series)
		series.Y, series.Step = s, epsilon == 0
		spikes = append(spikes, series)
	}
	membrane = append(membrane, report.Series{Name: "current I", Y: current})
	r.Figure(report.LinePlot(report.Frame{ID: "membrane", Title: "Membrane of an UltraLIF unit", XLabel: "step", YLabel: "U before the reset", Height: 320,
		Levels:  []report.Ref{{At: threshold, Label: "θ"}},
		Caption: "The same current at several temperatures, and the max-plus unit that they tend to. The higher ε, the higher U lies above the larger of V + log τ and I: by up to ε·log 2 a step."}, membrane))
	r.Figure(report.LinePlot(report.Frame{ID: "spikes", Title: "Its spikes", XLabel: "step", YLabel: "s", YLim: [2]float64{-.03, 1.05}, Height: 260,
		Caption: "σ((U - θ)/ε) of the same unit. At ε = 1, where training begins, s hardly leaves the middle of its range; at 0.03 it is all but a step."}, spikes))
	return nil
}
