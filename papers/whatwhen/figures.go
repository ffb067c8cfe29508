package whatwhen

import (
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/expectation"
)

// drawBlocks draws what the experiment on blocks shows.
func drawBlocks(r *papers.Run, p blocksParams, protocol expectation.Protocol, results map[string]history) {
	var switches []report.Ref
	for b := 1; b < len(protocol.Blocks); b++ {
		switches = append(switches, report.Ref{At: float64(b * p.Trials), Label: changed(protocol.Blocks[b-1], protocol.Blocks[b])})
	}
	for _, s := range r.Experiment.Systems {
		if s.Name == systemUntaught || s.Name == systemShuffled {
			continue
		}
		var x, y []float64
		for _, c := range results[s.Name].Checks {
			x, y = append(x, float64(c.Block*p.Trials+c.Learnt)), append(y, c.OfMean)
		}
		r.Curve(report.Curve{Plot: "Error of the prediction", Series: s.Name, XLabel: "trials", YLabel: "root mean square of z - Z", Events: switches,
			X: report.Numbers(x), Y: report.Numbers(y)})
	}
	for _, name := range []string{systemLocal, systemForce} {
		var x, y []float64
		for _, c := range results[name].Checks {
			x, y = append(x, float64(c.Block*p.Trials+c.Learnt)), append(y, c.Q[0])
		}
		r.Curve(report.Curve{Plot: "What is expected: the value of A", Series: name, XLabel: "trials", YLabel: "q(A)", Events: switches,
			X: report.Numbers(x), Y: report.Numbers(y)})
	}
	var x, y []float64
	for b, block := range protocol.Blocks {
		x = append(x, float64(b*p.Trials), float64((b+1)*p.Trials))
		y = append(y, block.Events[0].Probability, block.Events[0].Probability)
	}
	r.Curve(report.Curve{Plot: "What is expected: the value of A", Series: "probability", XLabel: "trials", YLabel: "q(A)", X: report.Numbers(x), Y: report.Numbers(y)})

	local := results[systemLocal]
	drawTraces(r, protocol, local, systemLocal, "local", 0, 100, "Before the first switch")
	if len(protocol.Blocks) > 1 {
		drawTraces(r, protocol, local, systemLocal, "local-switched", 1, 0, "Just after the first switch")
		drawTraces(r, protocol, local, systemLocal, "local-after", 1, 100, "At the end of the block after it")
		last := len(protocol.Blocks) - 1
		drawTraces(r, protocol, local, systemLocal, "local-last", last, 100, "At the end of the last block")
		drawTraces(r, protocol, results[systemForce], systemForce, "force-last", last, 100, "The same, FORCE without reset")
	}
	drawSpikes(r, p, protocol, local)
}

// changed says what switches between two blocks.
func changed(before, after expectation.Block) string {
	time, prob := false, false
	for k := range before.Events {
		time = time || before.Events[k].At != after.Events[k].At
		prob = prob || math.Abs(before.Events[k].Probability-after.Events[k].Probability) > 1e-9
	}
	switch {
	case time && prob:
		return "both"
	case time:
		return "time"
	case prob:
		return "probability"
	}
	return "nothing"
}

// drawTraces draws the mean predictions of a checkpoint against what the block's statistics say.
func drawTraces(r *papers.Run, protocol expectation.Protocol, h history, system, id string, block, percent int, title string) {
	c := h.at(block, percent)
	var series []report.Series
	for k, name := range []string{"A", "B"} {
		truth := make([]float64, protocol.Steps)
		for ms := range truth {
			truth[ms] = protocol.Expected(block, k, ms)
		}
		role := report.Subject
		if k == 1 {
			role = report.Baseline
		}
		series = append(series, report.Series{Name: name + ", predicted", Role: role, Y: c.Z[k]}, report.Series{Name: name + ", true", Role: report.Truth, Y: truth})
	}
	e := protocol.Blocks[block].Events
	r.Figure(report.LinePlot(report.Frame{
		ID: "traces-" + id, Title: title, XLabel: "time (ms)", YLabel: "z", YLim: [2]float64{-.3, 1.1}, Height: 260,
		Events: []report.Ref{{At: float64(protocol.CueOn), Label: "cue"}, {At: float64(e[0].At), Label: "A"}, {At: float64(e[1].At), Label: "B"}},
		Caption: fmt.Sprintf("%s: what × when after %d trials of block %d, mean of the tests, beside probability × bump (p(A) = %g). Error %.3f; what is %.2f for A and %.2f for B.",
			system, c.Learnt, block+1, e[0].Probability, c.OfMean, c.Q[0], c.Q[1]),
	}, series))
}

// shownNeurons is how many neurons a raster shows.
const shownNeurons = 100

// drawSpikes draws spikes and rates of a test at the end of the first and of the last block.
func drawSpikes(r *papers.Run, p blocksParams, protocol expectation.Protocol, h history) {
	excitatory := int(math.Round(p.Excitatory * float64(p.Neurons)))
	every := max(1, p.Neurons/shownNeurons)
	spikes := report.Spikes{Span: [2]float64{0, float64(p.Steps)}, Second: 1000}
	for i := 0; i < p.Neurons; i += every {
		group := "excitatory"
		if i >= excitatory {
			group = "inhibitory"
		}
		spikes.Groups, spikes.Times = append(spikes.Groups, group), append(spikes.Times, nil)
	}
	for ms, fired := range h.SpikesEarly {
		for _, i := range fired {
			if int(i)%every == 0 {
				spikes.Times[int(i)/every] = append(spikes.Times[int(i)/every], float64(ms))
			}
		}
	}
	cue := []report.Ref{{At: float64(protocol.CueOn), Label: "cue"}, {At: float64(protocol.CueOn + protocol.CueLength)}}
	r.Figure(report.Raster(report.Frame{
		ID: "spikes", Title: "Spikes of a test trial", XLabel: "time (ms)", YLabel: "neuron", Events: cue, Height: 420,
		Caption: fmt.Sprintf("One neuron in %d, at the end of block 1. The cue drives or silences each neuron with a current that decays at a rate of its own: "+
			"that is what carries the time. Mean rate without a cue %.1f Hz.", every, h.Rate),
	}, spikes))
	const bin = 10
	var series []report.Series
	for _, s := range []struct {
		name  string
		at    [][]int32
		role  report.Role
		which func(i int) bool
		n     int
	}{
		{"excitatory, end of block 1", h.SpikesEarly, report.Subject, func(i int) bool { return i < excitatory }, excitatory},
		{"inhibitory, end of block 1", h.SpikesEarly, report.Baseline, func(i int) bool { return i >= excitatory }, p.Neurons - excitatory},
		{"excitatory, end of the last block", h.SpikesLate, report.Ablation, func(i int) bool { return i < excitatory }, excitatory},
	} {
		line := report.Series{Name: s.name, Role: s.role}
		for begin := 0; begin+bin <= len(s.at); begin += bin {
			count := 0
			for _, fired := range s.at[begin : begin+bin] {
				for _, i := range fired {
					if s.which(int(i)) {
						count++
					}
				}
			}
			line.X, line.Y = append(line.X, float64(begin)+bin/2), append(line.Y, float64(count)/float64(s.n)/bin*1000)
		}
		if len(line.X) > 0 {
			series = append(series, line)
		}
	}
	r.Figure(report.LinePlot(report.Frame{
		ID: "rates", Title: "Rates of the same trial", XLabel: "time (ms)", YLabel: "rate (Hz)", Events: cue, Height: 260,
		Caption: fmt.Sprintf("Mean rates in bins of %d ms. The network's weights never change; what differs between blocks is the noise and what is fed back.", bin),
	}, series))
}

// tabulate shows the errors of each block.
func tabulate(r *papers.Run, local, force history, protocol expectation.Protocol) {
	t := report.Table{ID: "blocks", Title: "Error through each block", Columns: []string{"block", "p(A)", "A (ms)", "B (ms)"},
		Caption: "Just after the switch and after each part of the block's trials: local rules, and FORCE without reset in brackets. This seed."}
	percents := append([]int{0}, checkpoints...)
	for _, percent := range percents {
		t.Columns = append(t.Columns, fmt.Sprintf("%d %%", percent))
	}
	for b, block := range protocol.Blocks {
		row := []string{fmt.Sprint(b + 1), fmt.Sprint(block.Events[0].Probability), fmt.Sprint(block.Events[0].At), fmt.Sprint(block.Events[1].At)}
		for _, percent := range percents {
			row = append(row, fmt.Sprintf("%.3f (%.3f)", local.at(b, percent).OfMean, force.at(b, percent).OfMean))
		}
		t.Rows = append(t.Rows, row)
	}
	r.Table(t)
}

// drawLevels draws amplitude against probability for both channels.
func drawLevels(r *papers.Run, p probabilitiesParams, levels []level) {
	var clouds [2]report.Points
	for k, name := range []string{"A", "B"} {
		clouds[k] = report.Points{Name: name, Role: report.Subject, Size: 6}
		if k == 1 {
			clouds[k].Role = report.Baseline
		}
		for _, l := range levels {
			own := l.P
			if k == 1 {
				own = 1 - l.P
			}
			clouds[k].X, clouds[k].Y = append(clouds[k].X, own), append(clouds[k].Y, l.Amplitude[k])
		}
	}
	r.Figure(report.ScatterPlot(report.Frame{
		ID: "amplitude", Title: "Amplitude against probability", XLabel: "probability of the event", YLabel: "fitted amplitude of z",
		XLim: [2]float64{0, 1}, YLim: [2]float64{-.05, 1.05},
		Caption: fmt.Sprintf("Both channels after %d trials at each of %d levels, learnt afresh; A at %d ms, B at %d ms.", p.Trials, p.Levels, p.A, p.B),
	}, clouds[:]))
}

// drawEvents draws how predictions of a log go along its trials, and the last one.
func drawEvents(r *papers.Run, l eventLog, protocol expectation.Protocol, results map[string]forecasts) {
	const window = 20
	for _, s := range r.Experiment.Systems {
		f := results[s.Name]
		var x, y []float64
		for i := min(window, len(f.Errors)); i <= len(f.Errors); i++ {
			x, y = append(x, float64(i)), append(y, math.Sqrt(mean(f.Errors[max(0, i-window):i])))
		}
		r.Curve(report.Curve{Plot: fmt.Sprintf("Error of the prediction, over the last %d trials", window), Series: s.Name, XLabel: "trials",
			YLabel: "root mean square of z - what happened", X: report.Numbers(x), Y: report.Numbers(y)})
	}
	const shown = 8 // channels
	f := results[systemLocal]
	var values, traces []report.Series
	for k, name := range l.Names[:min(shown, len(l.Names))] {
		v := report.Series{Name: name}
		for _, q := range f.Q {
			v.Y = append(v.Y, q[k])
		}
		values, traces = append(values, v), append(traces, report.Series{Name: name, Y: f.Last[k]})
	}
	r.Figure(report.LinePlot(report.Frame{ID: "what", Title: "What is expected", XLabel: "trial", YLabel: "q", YLim: [2]float64{-.02, 1.02},
		Caption: fmt.Sprintf("The value of each event before each of %d trials.", len(l.Trials))}, values))
	r.Figure(report.LinePlot(report.Frame{ID: "when", Title: "What is expected when, before the last trial", XLabel: "time (ms)", YLabel: "z",
		Events:  []report.Ref{{At: float64(protocol.CueOn), Label: "cue"}},
		Caption: fmt.Sprintf("what × when of each event. The cue comes at %d ms.", protocol.CueOn)}, traces))
}
