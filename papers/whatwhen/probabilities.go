package whatwhen

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/expectation"
)

type probabilitiesParams struct {
	Levels     int     `param:"levels" min:"3" max:"101" help:"levels of p(A), evenly from 0 to 1; odd, so that 0.5 is one of them"`
	A          int     `param:"a" unit:"ms" help:"when A comes, in a trial whose cue comes at 50-100"`
	B          int     `param:"b" unit:"ms" help:"when B comes"`
	Trials     int     `param:"trials" min:"10" max:"10000" help:"trials at each level"`
	Tests      int     `param:"tests" min:"1" max:"100" help:"test trials, each with noise of its own, at each level"`
	Steps      int     `param:"steps" unit:"ms" min:"200" max:"10000" help:"length of a trial"`
	Width      float64 `param:"width" unit:"ms" min:"5" max:"200" help:"standard deviation of the bump that marks an event"`
	Neurons    int     `param:"neurons" min:"1" max:"20000" help:"size of the reservoir"`
	Excitatory float64 `param:"excitatory" min:"0" max:"1" help:"part of the neurons that are excitatory"`
	Rate       float64 `param:"rate" min:"0" max:"1" help:"learning rate of the when read-out"`
	WhatRate   float64 `param:"what-rate" min:"0" max:"1" help:"learning rate of the what read-out"`
	Noise      float64 `param:"noise" min:"0" max:"10" help:"standard deviation of the current noise in each ms"`
	Feedback   float64 `param:"feedback" min:"0" max:"10" help:"largest weight with which a trace is fed back"`
	Bias       float64 `param:"bias" min:"-1000" max:"1000" help:"largest constant current"`
}

func (p probabilitiesParams) settings() settings {
	return settings{p.Neurons, p.Excitatory, p.Rate, p.WhatRate, p.Noise, p.Feedback, p.Bias}
}

var probabilities = papers.Experiment{
	Name:    "probabilities",
	Summary: "The same task at 11 probabilities of A, each learnt afresh: whether the prediction's height is the probability, with the gate and without it.",
	Tests:   []string{"amplitude", "gate"},
	Params: papers.Presets[probabilitiesParams]{
		Quick: probabilitiesParams{Levels: 5, A: 400, B: 700, Trials: 50, Tests: 2, Steps: 1000, Width: 40,
			Neurons: 400, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
		Default: probabilitiesParams{Levels: 11, A: 400, B: 700, Trials: 100, Tests: 5, Steps: 1000, Width: 40,
			Neurons: 1000, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
		Full: probabilitiesParams{Levels: 11, A: 400, B: 700, Trials: 100, Tests: 10, Steps: 1000, Width: 40,
			Neurons: 1000, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 5},
	Metrics: []report.Metric{
		{ID: "r-a", Name: "Pearson r of p(A) and the prediction of A", Better: report.Higher, Says: "mean of z within 40 ms of the event, over the levels"},
		{ID: "r-b", Name: "Pearson r of p(A) and the prediction of B", Better: report.Lower},
		{ID: "half", Name: "amplitude at p = 0.5", Says: "factor of the bump that fits z best, mean of both channels"},
	},
	Systems: []report.System{
		{Name: systemLocal, Role: report.Subject, Says: "when: activity × error × gate in every ms; what: activity × error at the end of a trial"},
		{Name: systemUngated, Role: report.Ablation, Says: "both channels learn in all trials, at all times"},
		{Name: systemMerged, Role: report.Ablation, Says: "one weight vector per channel learns probability and time together"},
	},
	Run: runProbabilities,
	Judge: func(rs *papers.Results) {
		rs.Claim("amplitude").
			Level("Pearson r of p(A) and the prediction of A, mean of seeds", rs.Mean(systemLocal, "r-a"), "≥", .93).
			Level("Pearson r of p(A) and the prediction of B, mean of seeds", rs.Mean(systemLocal, "r-b"), "≤", -.93)
		rs.Claim("gate").Relation("amplitude at p = 0.5 without the gate, 0.75 × that with it, mean of seeds",
			rs.Mean(systemUngated, "half"), "≤", .75*rs.Mean(systemLocal, "half"))
	},
}

// level is what a system reached at one probability.
type level struct {
	P         float64    // of A
	Window    [2]float64 // mean of z within 40 ms of A and of B
	Amplitude [2]float64 // fitted
}

// nearEvent is how far around an event the prediction is averaged, ms.
const nearEvent = 40

func runProbabilities(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[probabilitiesParams](r)
	if p.Levels%2 == 0 {
		return papers.Refuse(fmt.Errorf("%d levels leave out p = 0.5, at which amplitudes are compared; set levels to an odd number", p.Levels))
	}
	protocol := clock(p.Steps, p.Width)
	for i := range p.Levels {
		protocol.Blocks = append(protocol.Blocks, expectation.Two(float64(i)/float64(p.Levels-1), p.A, p.B, p.Trials))
	}
	if err := protocol.Check(); err != nil {
		return papers.Refuse(err)
	}
	if _, err := p.settings().config(2); err != nil {
		return papers.Refuse(err)
	}
	if p.Trials < fewTrials {
		r.Warn("%d trials a level: which events happen to come decides the results; take %d trials or more", p.Trials, fewTrials)
	}
	systems := []struct {
		name   string
		change func(*local)
	}{
		{systemLocal, func(*local) {}},
		{systemUngated, func(l *local) { l.timeGate, l.channelGate = false, false }},
		{systemMerged, func(l *local) { l.merged, l.channelGate = true, false }},
	}
	results := make([][]level, len(systems))
	total := counter{run: r, total: len(systems) * p.Levels * p.Trials}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range systems {
		group.Go(func() (err error) {
			results[i], err = papers.Stage(r, fmt.Sprintf("system-%d", i), func() ([]level, error) {
				return sweep(ctx, r, p, protocol, s.change, total.add)
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var x []float64
	for _, l := range results[0] {
		x = append(x, l.P)
	}
	t := report.Table{ID: "levels", Title: "Prediction of A at each probability", Columns: []string{"p(A)"},
		Caption: "Fitted amplitude of z around A's time, this seed."}
	for i := range x {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%.2f", x[i])})
	}
	for i, s := range systems {
		var window, fitted [2][]float64
		for j, l := range results[i] {
			for k := range 2 {
				window[k], fitted[k] = append(window[k], l.Window[k]), append(fitted[k], l.Amplitude[k])
			}
			t.Rows[j] = append(t.Rows[j], fmt.Sprintf("%.3f", l.Amplitude[0]))
		}
		t.Columns = append(t.Columns, s.name)
		r.Measure(s.name, "r-a", stat.Correlation(x, window[0], nil))
		r.Measure(s.name, "r-b", stat.Correlation(x, window[1], nil))
		half := results[i][p.Levels/2]
		r.Measure(s.name, "half", (half.Amplitude[0]+half.Amplitude[1])/2)
		for k, channel := range []string{"A", "B"} {
			r.Curve(report.Curve{Plot: "Amplitude of the prediction of " + channel, Series: s.name, XLabel: "p(A)", YLabel: "fitted amplitude of z",
				X: report.Numbers(x), Y: report.Numbers(fitted[k])})
		}
	}
	for k, truth := range [][]float64{x, reversed(x)} {
		r.Curve(report.Curve{Plot: "Amplitude of the prediction of " + []string{"A", "B"}[k], Series: "probability", XLabel: "p(A)", YLabel: "fitted amplitude of z",
			X: report.Numbers(x), Y: report.Numbers(truth)})
	}
	r.Table(t)
	drawLevels(r, p, results[0])
	return nil
}

func reversed(x []float64) (out []float64) {
	for _, v := range x {
		out = append(out, 1-v)
	}
	return out
}

// sweep learns each level afresh.
func sweep(ctx context.Context, r *papers.Run, p probabilitiesParams, protocol expectation.Protocol, change func(*local), progress func(papers.Progress)) ([]level, error) {
	rig, err := newRig(p.settings(), protocol, 2, r.Rand("reservoir"))
	if err != nil {
		return nil, papers.Refuse(err)
	}
	trials, err := protocol.Draw(r.Rand("events"))
	if err != nil {
		return nil, papers.Refuse(err)
	}
	training, testing := r.Rand("training noise"), r.Rand("test noise")
	var out []level
	for i, t := range trials {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if t.Number == 0 {
			l := newLocal(2, p.Neurons, p.Rate, p.WhatRate)
			change(l)
			rig.learner = l
		}
		if _, err := rig.train(training.Uint64(), t.Event, t.At); err != nil {
			return nil, err
		}
		if t.Number == p.Trials-1 {
			l, err := rig.level(protocol.Blocks[t.Block], p.Tests, testing)
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		}
		progress(papers.Progress{Stage: "learning", Done: i + 1, Total: len(trials), Unit: "trials"})
	}
	return out, nil
}

// level tests what has been learnt of a block.
func (r *rig) level(b expectation.Block, tests int, noise *rand.Rand) (level, error) {
	out := level{P: b.Events[0].Probability}
	var ps []prediction
	for range tests {
		p, err := r.test(noise.Uint64(), nil)
		if err != nil {
			return out, err
		}
		ps = append(ps, p)
	}
	mean := average(ps)
	for k, e := range b.Events {
		n := 0.
		for ms := max(0, e.At-nearEvent); ms <= min(e.At+nearEvent, r.protocol.Steps-1); ms++ {
			out.Window[k] += mean.Y[k][ms]
			n++
		}
		out.Window[k] /= math.Max(n, 1)
		out.Amplitude[k] = amplitude(mean.Y[k], r.protocol, e.At)
	}
	return out, nil
}
