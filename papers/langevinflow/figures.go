package langevinflow

import (
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/report"
)

// lossCurve is a validation curve by epoch.
func lossCurve(name string, y []float64) report.Curve {
	epochs := make([]float64, len(y))
	for i := range epochs {
		epochs[i] = float64(i + 1)
	}
	return report.Curve{Plot: "Validation loss", Series: name, XLabel: "epoch", YLabel: "Poisson NLL (nats per bin and neuron)",
		X: report.Numbers(epochs), Y: report.Numbers(y)}
}

func latentFigure(data split, estimate []float64, explained float64) report.Figure {
	bins := data.test.Bins
	var paths []report.Path
	drawn := map[int]bool{}
	for k, c := range data.conditions {
		if drawn[c] || len(drawn) == 3 {
			continue
		}
		drawn[c] = true
		path := func(from []float64, truth bool) report.Path {
			p := report.Path{Group: fmt.Sprintf("condition %d", c+1), Truth: truth}
			for t := range bins {
				p.X = append(p.X, from[(k*bins+t)*3])
				p.Y = append(p.Y, from[(k*bins+t)*3+2])
			}
			return p
		}
		paths = append(paths, path(data.testLatents, true), path(estimate, false))
	}
	return report.Trajectories(report.Frame{ID: "latents", Title: "Latent trajectories against the true Lorenz state",
		Caption: fmt.Sprintf("Single test trials of three conditions. The Lorenz state is read off LangevinFlow's log-rates by a linear map that was fitted "+
			"on other conditions; dashed: the true state. A dot marks where a path begins. R² over all test trials: %.3f.", explained),
		XLabel: "Lorenz x (scaled)", YLabel: "Lorenz z (scaled)", Square: true, Height: 460}, paths)
}

// rateFigures draws one test trial: its spikes, and the rates of three neurons.
func rateFigures(data split, results map[string]*inferred) (figures []report.Figure) {
	test, s, n := data.test, lorenzSizes, data.test.Neurons
	const trial = 0
	var spikes report.Spikes
	for j := range n {
		var times []float64
		for t := range test.Bins {
			for k := range int(test.at(trial, t, j)) { // spread the spikes of a bin over it
				times = append(times, (float64(t)+(float64(k)+0.5)/float64(test.at(trial, t, j)))*binMS/1000)
			}
		}
		spikes.Times = append(spikes.Times, times)
		group := "held in"
		if j >= s.In {
			group = "held out"
		}
		spikes.Groups = append(spikes.Groups, group)
	}
	spikes.Span = [2]float64{0, float64(test.Bins) * binMS / 1000}
	seen := []report.Ref{{At: float64(s.Observed) * binMS / 1000, Label: "end of what is read"}}
	figures = append(figures, report.Raster(report.Frame{ID: "spikes", Title: "Spikes of one test trial",
		Caption: "The models read the held-in neurons up to the line; they predict all neurons over the whole trial. Spikes are placed evenly within their 20 ms bin.",
		XLabel:  "time (s)", YLabel: "neuron", Events: seen, Height: 300}, spikes))
	for _, pick := range []struct {
		from, to int
		what     string
	}{{0, s.In, "held-in"}, {s.In, s.Out, "held-out"}} {
		j := liveliest(data.testRates[trial*test.Bins*n:(trial+1)*test.Bins*n], n, pick.from, pick.to)
		line := func(name string, role report.Role, rate func(t int) float64) report.Series {
			l := report.Series{Name: name, Role: role}
			for t := range test.Bins {
				l.X = append(l.X, (float64(t)+0.5)*binMS/1000)
				l.Y = append(l.Y, rate(t)*1000/binMS)
			}
			return l
		}
		var lines []report.Series
		for _, name := range []string{system, noFlow, smoothing} {
			if res := results[name]; res != nil {
				lines = append(lines, line(name, systems[name].Role, func(t int) float64 { return float64(res.Rates[(trial*test.Bins+t)*n+j]) }))
			}
		}
		lines = append(lines, line("true rate", report.Truth, func(t int) float64 { return data.testRates[(trial*test.Bins+t)*n+j] }))
		figures = append(figures, report.LinePlot(report.Frame{ID: "rates-" + pick.what, Title: "Rate of a " + pick.what + " neuron in one test trial",
			Caption: fmt.Sprintf("Neuron %d, the %s one whose true rate varies most in this trial.", j+1, pick.what),
			XLabel:  "time (s)", YLabel: "rate (spikes/s)", Events: seen, Height: 300}, lines))
	}
	return figures
}

// liveliest returns the neuron in [from, to) whose rate varies most in a trial [bins, n].
func liveliest(rates []float64, n, from, to int) int {
	best, most := from, -1.0
	for j := from; j < to; j++ {
		var sum, square float64
		for i := j; i < len(rates); i += n {
			sum += rates[i]
			square += rates[i] * rates[i]
		}
		if v := square - sum*sum/float64(len(rates)/n); v > most {
			best, most = j, v
		}
	}
	return best
}

// psthFigures draws the mean over the test trials of one condition: true and inferred rates of every neuron, and one held-out neuron closer.
func psthFigures(data split, results map[string]*inferred) (figures []report.Figure) {
	test, s, n := data.test, lorenzSizes, data.test.Neurons
	var trials []int
	for k, c := range data.conditions {
		if c == data.conditions[0] {
			trials = append(trials, k)
		}
	}
	// over returns the mean, smallest and largest rate in spikes/s of neuron j at bin t over the trials.
	over := func(at func(i int) float64, t, j int) (mean, low, high float64) {
		low, high = math.Inf(1), math.Inf(-1)
		for _, k := range trials {
			v := at((k*test.Bins+t)*n+j) * 1000 / binMS
			mean, low, high = mean+v/float64(len(trials)), min(low, v), max(high, v)
		}
		return mean, low, high
	}
	truth := func(i int) float64 { return data.testRates[i] }
	rates := func(name string) func(int) float64 {
		return func(i int) float64 { return float64(results[name].Rates[i]) }
	}
	grid := func(at func(int) float64) ([][]float64, float64) {
		out, most := make([][]float64, n), 0.0
		for j := range out {
			for t := range test.Bins {
				mean, _, _ := over(at, t, j)
				out[j], most = append(out[j], mean), max(most, mean)
			}
		}
		return out, most
	}
	trueGrid, most := grid(truth)
	inferredGrid, _ := grid(rates(system))
	seconds := float64(test.Bins) * binMS / 1000
	seen := []report.Ref{{At: float64(s.Observed) * binMS / 1000, Label: "end of what is read"}}
	for _, half := range []struct {
		id, title, caption string
		values             [][]float64
	}{
		{"psth-true", "True rates of every neuron in one condition", "The rates from which the spikes were drawn; the same in every trial of the condition.", trueGrid},
		{"psth-inferred", "Inferred rates of every neuron in the same condition",
			fmt.Sprintf("LangevinFlow's rates, mean over the %d test trials of the condition, in the colours of the true rates above. The first %d neurons are read up to the line; "+
				"everything else is predicted.", len(trials), s.In), inferredGrid},
	} {
		figures = append(figures, report.HeatMap(report.Frame{ID: half.id, Title: half.title, Caption: half.caption, XLabel: "time (s)", YLabel: "neuron", Events: seen, Height: 300},
			report.Heat{Values: half.values, YUp: true, XSpan: [2]float64{0, seconds}, Scale: report.Scale{Label: "rate (spikes/s)", Lim: [2]float64{0, max(most, 1e-9)}}}))
	}
	j := liveliest(data.testRates[trials[0]*test.Bins*n:(trials[0]+1)*test.Bins*n], n, s.In, s.Out)
	line := func(name string, role report.Role, at func(int) float64, spread bool) report.Series {
		l := report.Series{Name: name, Role: role}
		for t := range test.Bins {
			mean, low, high := over(at, t, j)
			l.X, l.Y = append(l.X, (float64(t)+0.5)*binMS/1000), append(l.Y, mean)
			if spread {
				l.Low, l.High = append(l.Low, low), append(l.High, high)
			}
		}
		return l
	}
	var lines []report.Series
	for _, name := range []string{system, smoothing} {
		lines = append(lines, line(name, systems[name].Role, rates(name), name == system))
	}
	lines = append(lines, line("true rate", report.Truth, truth, false))
	return append(figures, report.LinePlot(report.Frame{ID: "psth", Title: "Average response of a held-out neuron", XLabel: "time (s)", YLabel: "rate (spikes/s)", Events: seen, Height: 320,
		Caption: fmt.Sprintf("Neuron %d, whose spikes no model reads: means over the %d test trials of the condition; the shade reaches from LangevinFlow's smallest to its largest.", j+1, len(trials))}, lines))
}

// countsFigures show the mean count of every neuron over the test trials, and below it the mean inferred rate in the same colours.
func countsFigures(test *Counts, rates []float32, s Sizes, binMS float64) (figures []report.Figure) {
	mean := func(v []float32) ([][]float64, float64) {
		out, most := make([][]float64, test.Neurons), 0.0
		for n := range out {
			out[n] = make([]float64, test.Bins)
			for i := n; i < len(v); i += test.Neurons {
				t := i / test.Neurons % test.Bins
				out[n][t] += float64(v[i]) * 1000 / binMS / float64(test.Trials)
				most = max(most, out[n][t])
			}
		}
		return out, most
	}
	counted, most := mean(test.Values)
	inferredMean, _ := mean(rates)
	var events []report.Ref
	read := fmt.Sprintf("the first %d neurons are read, the others predicted", s.In)
	if s.Forward > 0 {
		events = []report.Ref{{At: float64(s.Observed) * binMS / 1000, Label: "end of what is read"}}
		read = fmt.Sprintf("the first %d neurons are read up to the line, everything else is predicted", s.In)
	}
	for _, half := range []struct {
		id, title, caption string
		values             [][]float64
	}{
		{"psth-counted", "Mean activity of every neuron in the test trials", "Spikes counted.", counted},
		{"psth-inferred", "Inferred rates of every neuron in the same trials", "LangevinFlow's rates, mean over the test trials, in the colours of the counts above: " + read + ".", inferredMean},
	} {
		figures = append(figures, report.HeatMap(report.Frame{ID: half.id, Title: half.title, Caption: half.caption, XLabel: "time (s)", YLabel: "neuron", Events: events, Height: 320},
			report.Heat{Values: half.values, YUp: true, XSpan: [2]float64{0, float64(test.Bins) * binMS / 1000}, Scale: report.Scale{Label: "rate (spikes/s)", Lim: [2]float64{0, max(most, 1e-9)}}}))
	}
	return figures
}
