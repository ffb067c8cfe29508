package ultralif

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/eventaudio"
)

type wordsParams struct {
	Train      int     `param:"train" min:"64" max:"1000000" help:"training recordings"`
	Validation int     `param:"validation" min:"20" max:"1000000" help:"recordings by which an epoch is selected"`
	Test       int     `param:"test" min:"20" max:"1000000" help:"test recordings"`
	Events     float64 `param:"events" min:"100" max:"100000" help:"mean number of events of a word; large counts push hard units far from their threshold"`
	Difference float64 `param:"difference" min:"0" max:"500" unit:"channels" help:"standard deviation by which words of one base differ"`
	Shift      float64 `param:"shift" min:"0" max:"300" unit:"channels" help:"standard deviation of a recording's shift"`
	Steps      int     `param:"steps" min:"2" max:"100" help:"T of the long run, beside T = 1"`
	Hidden     int     `param:"hidden" min:"1" max:"4096" help:"units of a hidden layer"`
	Epochs     int     `param:"epochs" min:"1" max:"1000" help:"epochs of every network"`
	Batch      int     `param:"batch" min:"1" max:"4096" help:"recordings in a step"`
	Rate       float64 `param:"rate" min:"0.000001" max:"1" help:"learning rate of Adam, falling along a cosine to 0"`
	Epsilon    float64 `param:"epsilon" min:"0.1" max:"20" help:"temperature ε at the beginning"`
	Tau        float64 `param:"tau" min:"0.01" max:"0.99" help:"leak τ of the Ultra units, at the beginning where it is learned"`
	Form       string  `param:"form" oneof:"paper code" help:"Ultra units as in the paper's text or as in its published code"`
	Neurons    string  `param:"neurons" help:"all, or systems separated by semicolons"`
}

func (p wordsParams) budget() budget { return budget{p.Hidden, p.Epochs, p.Batch, p.Rate} }

var words = papers.Experiment{
	Name: "words",
	Summary: "Twenty spoken-word-like classes of events on 700 channels, of which half are another played backwards, at T = 1 and T = 10: all neurons, depth, sparsity, " +
		"hardening and shuffled labels.",
	Tests: []string{"one-step", "ten-steps", "hardening", "chance"},
	Params: papers.Presets[wordsParams]{
		Quick: wordsParams{Train: 400, Validation: 100, Test: 200, Events: 8000, Difference: 60, Shift: 30, Steps: 4, Hidden: 32, Epochs: 8, Batch: 32, Rate: 3e-3,
			Epsilon: 1, Tau: .9, Form: "paper", Neurons: "UltraDLIF;UltraDPLIF;LIF, hard spikes;UltraDLIF, shuffled labels"},
		Default: wordsParams{Train: 4000, Validation: 500, Test: 1000, Events: 8000, Difference: 60, Shift: 30, Steps: 10, Hidden: 64, Epochs: 20, Batch: 64, Rate: 1e-3,
			Epsilon: 1, Tau: .9, Form: "paper", Neurons: "all"},
		Full: wordsParams{Train: 8000, Validation: 1000, Test: 2000, Events: 8000, Difference: 60, Shift: 30, Steps: 10, Hidden: 64, Epochs: 100, Batch: 128, Rate: 1e-3,
			Epsilon: 1, Tau: .9, Form: "paper", Neurons: "all"},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: append(append(metricsOf("one", "T = 1"), metricsOf("long", "long T")...), twinMetrics...),
	Systems: systems,
	Run:     runWords,
	Judge:   judgeWords,
}

// metricsOf are what is measured of a network at one number of steps.
func metricsOf(id, name string) []report.Metric {
	return []report.Metric{
		{ID: id, Name: "accuracy, " + name, Better: report.Higher, Says: "on test examples, after the last epoch"},
		{ID: id + "-selected", Name: "accuracy, " + name + ", selected epoch", Better: report.Higher, Says: "on test examples, after the epoch that is best on validation examples"},
		{ID: id + "-hard", Name: "accuracy, " + name + ", hardened", Better: report.Higher, Says: "the network of the last epoch with spikes 1[U > θ]"},
		{ID: id + "-activation", Name: "mean activation, " + name, Better: report.Lower, Says: "of soft spikes, over units, steps and examples"},
		{ID: id + "-operations", Name: "synaptic operations, " + name, Better: report.Lower, Says: "of an example behind the hidden layers, hardened: events counted times weights they reach"},
		{ID: id + "-epsilon", Name: "ε, " + name, Says: "temperature of the first layer after training"},
	}
}

var twinMetrics = []report.Metric{
	{ID: "one-twins", Name: "accuracy on twins, T = 1", Better: report.Higher, Says: "on the ten classes of which each is another played backwards; counts alone allow 0.5"},
	{ID: "long-twins", Name: "accuracy on twins, long T", Better: report.Higher},
}

func runWords(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[wordsParams](r)
	short, err := lineup(slices.Concat(timed, single, pinned), p.Neurons, base(p.Form, p.Epsilon, p.Tau))
	if err != nil {
		return err
	}
	long, err := lineup(slices.Concat(timed, pinned), p.Neurons, base(p.Form, p.Epsilon, p.Tau))
	if err != nil {
		return err
	}
	style := eventaudio.Standard()
	style.Events, style.Difference, style.Shift = p.Events, p.Difference, p.Shift
	data, shown, err := drawWords(style, p.Train, p.Validation, p.Test, p.Steps, r.Rand)
	if err != nil {
		return papers.Refuse(err)
	}
	if err := data.check(p.Batch); err != nil {
		return papers.Refuse(err)
	}
	atOne, err := compete(ctx, r, "T = 1", short, data.fewer(1), 1, p.budget())
	if err != nil {
		return err
	}
	atMany, err := compete(ctx, r, fmt.Sprintf("T = %d", p.Steps), long, data, p.Steps, p.budget())
	if err != nil {
		return err
	}
	measureAll(r, "one", atOne)
	measureAll(r, "long", atMany)
	for _, s := range systems {
		if c, ok := atOne[s.Name]; ok {
			r.Measure(s.Name, "one-twins", last(c.Twins))
		}
		if c, ok := atMany[s.Name]; ok {
			r.Measure(s.Name, "long-twins", last(c.Twins))
		}
	}
	events := 0.
	for _, v := range data.testing.values {
		events += float64(v)
	}
	events /= float64(data.testing.len())
	r.Note("A test recording has %.0f events, which reach %.0f weights of the first layer at any T; the operations measured are those behind it.", events, events*float64(p.Hidden))
	if dynamic, ok := atOne[ultraDLIF]; ok {
		if plain, ok := atOne[sigmoids]; ok {
			r.Note("At T = 1 UltraDLIF reaches %.3f and sigmoid units of learned slope, which have no membrane, %.3f: what helps there is the slope 1/ε, not the log-sum-exp.",
				last(dynamic.Accuracy), last(plain.Accuracy))
		}
	}
	drawTraining(r, atOne, atMany, p.Steps)
	drawSparsity(r, atOne)
	drawTwins(r, shown)
	return nil
}

// measureAll records how all networks did at one number of steps.
func measureAll(r *papers.Run, id string, all map[string]course) {
	for _, s := range systems {
		c, ok := all[s.Name]
		if !ok {
			continue
		}
		r.Measure(s.Name, id, last(c.Accuracy))
		r.Measure(s.Name, id+"-selected", c.selected())
		r.Measure(s.Name, id+"-hard", last(c.Hard))
		r.Measure(s.Name, id+"-activation", last(c.Activation))
		r.Measure(s.Name, id+"-operations", last(c.Operations))
		if c.Epsilon != nil {
			r.Measure(s.Name, id+"-epsilon", last(c.Epsilon))
		}
	}
}

// best is the highest mean over seeds of the four Ultra units, among those that were run.
func best(rs *papers.Results, metric string) float64 {
	most := math.NaN()
	for _, name := range ultras {
		if v := rs.Mean(name, metric); !(v <= most) && !math.IsNaN(v) {
			most = v
		}
	}
	return most
}

func judgeWords(rs *papers.Results) {
	ultra, hard := best(rs, "one"), rs.Mean(hardLIF, "one")
	rs.Claim("one-step").
		Relation("accuracy at T = 1 of the best Ultra unit, 3 points above LIF with hard spikes, means of seeds", ultra, "≥", hard+.03).
		Because("the best Ultra unit leads LIF with hard spikes by %.1f points, the same with soft spikes by %.1f and SigmaLIF by %.1f",
			100*(ultra-hard), 100*(ultra-rs.Mean(softLIF, "one")), 100*(ultra-rs.Mean(sigmaLIF, "one")))

	least, worst := math.NaN(), ""
	for _, name := range timed {
		if gain := rs.Mean(name, "long") - rs.Mean(name, "one"); !(gain >= least) && !math.IsNaN(gain) {
			least, worst = gain, name
		}
	}
	rs.Claim("ten-steps").
		Relation("lead of the best Ultra unit over LIF with hard spikes at long T, against that at T = 1", best(rs, "long")-rs.Mean(hardLIF, "long"), "<", ultra-hard).
		Level("least gain in accuracy of any neuron from T = 1 to long T", least, "≥", .10).
		Because("%s gains least: of classes that are each other played backwards it tells %.2f, where a guess within the pair gives 0.50. The membrane of the temporal units is the larger of "+
			"what it held and the current: what exceeds θ is reset and what falls below is forgotten, so that little of the order of events is left", worst, rs.Mean(worst, "long-twins"))

	loss := func(names ...string) (mean float64) {
		for _, name := range names {
			mean += rs.Mean(name, "one") - rs.Mean(name, "one-hard") + rs.Mean(name, "long") - rs.Mean(name, "long-hard")
		}
		return mean / float64(2*len(names))
	}
	rs.Claim("hardening").
		Relation("accuracy lost on hardening with ε = 0.1 against ε = 2, mean of UltraLIF and UltraDLIF, of both T, and of seeds", loss(sharpLIF, sharpDLIF), "<", loss(bluntLIF, bluntDLIF))

	rs.Claim("chance").Level("accuracy after training on shuffled labels, mean of seeds", rs.Mean(chance, "one"), "≤", .08)
}
