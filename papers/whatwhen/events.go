package whatwhen

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/expectation"
)

const systemHistogram = "histogram of the past"

type eventsParams struct {
	Cue        string  `param:"cue" help:"trial_type of the cue, in the events of a BIDS recording"`
	Names      string  `param:"names" help:"names of the events, separated by commas, if others are errors; empty for those of the file"`
	Most       int     `param:"trials" min:"0" help:"the most trials read; 0 for all"`
	Width      float64 `param:"width" unit:"ms" min:"5" max:"200" help:"standard deviation of the bump that marks an event"`
	Neurons    int     `param:"neurons" min:"1" max:"20000" help:"size of the reservoir"`
	Excitatory float64 `param:"excitatory" min:"0" max:"1" help:"part of the neurons that are excitatory"`
	Rate       float64 `param:"rate" min:"0" max:"1" help:"learning rate of the when read-out"`
	WhatRate   float64 `param:"what-rate" min:"0" max:"1" help:"learning rate of the what read-out"`
	Noise      float64 `param:"noise" min:"0" max:"10" help:"standard deviation of the current noise in each ms"`
	Feedback   float64 `param:"feedback" min:"0" max:"10" help:"largest weight with which a trace is fed back"`
	Bias       float64 `param:"bias" min:"-1000" max:"1000" help:"largest constant current"`
}

func (p eventsParams) settings() settings {
	return settings{p.Neurons, p.Excitatory, p.Rate, p.WhatRate, p.Noise, p.Feedback, p.Bias}
}

var events = papers.Experiment{
	Name: "events",
	Summary: "Your own trials of cue and event, predicted one by one before each is learnt: which event comes, when, and how likely it is. " +
		"The probabilities behind them are not known, so predictions are held against what happened.",
	Params: papers.Presets[eventsParams]{
		Quick:   eventsParams{Cue: "cue", Most: 60, Width: 40, Neurons: 400, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
		Default: eventsParams{Cue: "cue", Width: 40, Neurons: 1000, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
		Full:    eventsParams{Cue: "cue", Width: 40, Neurons: 1000, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 5},
	Inputs: []papers.Input{{Name: "trials", Required: true, Formats: []string{"CSV", "TSV", "BIDS events.tsv"},
		Says: "a row per trial, in order: trial, cue_ms, event_id, event_ms, on one clock; or the events of a BIDS recording: onset (seconds), trial_type"}},
	Metrics: []report.Metric{
		{ID: "error", Name: "error of the prediction", Better: report.Lower, Says: "root mean square of z minus the bump of what happened, all channels, second half of the trials"},
		{ID: "brier", Name: "Brier score of what", Better: report.Lower, Says: "sum over events of (q - 1 or 0)², second half of the trials"},
		{ID: "timing", Name: "median distance of the peak from the event", Unit: "ms", Better: report.Lower, Says: "channel that happens, second half of the trials"},
	},
	Systems: []report.System{
		{Name: systemLocal, Role: report.Subject, Says: "when: activity × error × gate in every ms; what: activity × error at the end of a trial"},
		{Name: systemForce, Role: report.Baseline, Says: "recursive least squares for both read-outs, nothing forgotten"},
		{Name: systemHistogram, Role: report.Baseline, Says: "share of each event and mean of its bumps, over all trials so far"},
		{Name: systemZero, Role: report.Baseline, Says: "expects nothing"},
	},
	Run: runEvents,
}

// timeline is the clock that a log's trials fit in.
func timeline(l eventLog, width float64, path string) (expectation.Protocol, error) {
	p := clock(0, width)
	longest := 0.
	for _, t := range l.Trials {
		if t.Latency < float64(p.CueLength+50) || t.Latency > longestLatency {
			return p, fmt.Errorf("%s, line %d: the event comes %.0f ms after the cue; it must come %d to %d ms after it (the cue lasts %d ms, and what follows is read from the 100 ms after it)",
				path, t.Line, t.Latency, p.CueLength+50, longestLatency, p.CueLength)
		}
		longest = max(longest, t.Latency)
	}
	p.Steps = max(p.CueOn+p.CueLength+2*meanOver, p.CueOn+int(math.Ceil(longest+4*width)))
	return p, nil
}

// longestLatency is as far as the reservoir's slowest currents carry, ms.
const longestLatency = 5000

// forecasts is what a system predicted before each trial.
type forecasts struct {
	Errors   []float64 // squared, mean over channels and time
	Brier    []float64
	Distance []float64 // of the peak, ms
	Q        [][]float64
	Last     [][]float64 // z before the last trial
}

// score holds a prediction against what happened.
func (f *forecasts) score(p prediction, protocol expectation.Protocol, event, at int) {
	from := protocol.CueOn + protocol.CueLength
	e := rmse(p, func(k, ms int) float64 { return oneHot(k, event) * protocol.Bump(ms, at) }, from)
	brier := 0.
	for k, q := range p.Q {
		d := q - oneHot(k, event)
		brier += d * d
	}
	f.Errors, f.Brier, f.Q = append(f.Errors, e*e), append(f.Brier, brier), append(f.Q, p.Q)
	f.Distance = append(f.Distance, math.Abs(float64(peak(p.Y[event], from)-at)))
	f.Last = average([]prediction{p}).Y
}

func runEvents(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[eventsParams](r)
	path, given := r.Input("trials")
	if !given {
		return papers.Refuse(fmt.Errorf("this experiment needs trials: --data trials=FILE.csv with columns trial, cue_ms, event_id, event_ms"))
	}
	var names []string
	for _, name := range strings.Split(p.Names, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	l, err := readLog(path, p.Cue, names)
	if err != nil {
		return papers.Refuse(err)
	}
	if p.Most > 0 && p.Most < len(l.Trials) {
		l.Trials = l.Trials[:p.Most]
	}
	protocol, err := timeline(l, p.Width, path)
	if err != nil {
		return papers.Refuse(err)
	}
	channels := len(l.Names)
	if _, err := p.settings().config(channels); err != nil {
		return papers.Refuse(err)
	}
	if len(l.Trials) < fewTrials {
		r.Warn("%d trials: which events happen to come decides the results; take %d trials or more", len(l.Trials), fewTrials)
	}
	results := map[string]forecasts{systemHistogram: histogram(l, protocol), systemZero: nothing(l, protocol)}
	total := counter{run: r, total: 2 * len(l.Trials)}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for name, make := range map[string]func() (learner, error){
		systemLocal: func() (learner, error) { return newLocal(channels, p.Neurons, p.Rate, p.WhatRate), nil },
		systemForce: func() (learner, error) { return newLeastSquares(channels, p.Neurons, false) },
	} {
		group.Go(func() error {
			rig, err := newRig(p.settings(), protocol, channels, r.Rand("reservoir"))
			if err != nil {
				return papers.Refuse(err)
			}
			if rig.learner, err = make(); err != nil {
				return err
			}
			training, testing := r.Rand("training noise"), r.Rand("test noise")
			var f forecasts
			for i, t := range l.Trials {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				at := protocol.CueOn + int(math.Round(t.Latency))
				out, err := rig.test(testing.Uint64(), nil)
				if err != nil {
					return err
				}
				f.score(out, protocol, t.Event, at)
				if _, err := rig.train(training.Uint64(), t.Event, at); err != nil {
					return err
				}
				total.add(papers.Progress{Stage: "predicting and learning", Done: i + 1, Unit: "trials"})
			}
			mu.Lock()
			defer mu.Unlock()
			results[name] = f
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, s := range r.Experiment.Systems {
		f := results[s.Name]
		half := len(l.Trials) / 2
		r.Measure(s.Name, "error", math.Sqrt(mean(f.Errors[half:])))
		if s.Name != systemZero {
			r.Measure(s.Name, "brier", mean(f.Brier[half:]))
			r.Measure(s.Name, "timing", median(f.Distance[half:]))
		}
	}
	drawEvents(r, l, protocol, results)
	return nil
}

// histogram predicts each trial by what came before it.
func histogram(l eventLog, protocol expectation.Protocol) (f forecasts) {
	n := len(l.Names)
	counts, sums := make([]float64, n), make([][]float64, n)
	for k := range sums {
		sums[k] = make([]float64, protocol.Steps)
	}
	for i, t := range l.Trials {
		p := prediction{Q: make([]float64, n), Y: make([][]float64, n)}
		for k := range n {
			p.Y[k] = make([]float64, protocol.Steps)
			if counts[k] == 0 {
				continue
			}
			p.Q[k] = counts[k] / float64(i)
			for ms := range p.Y[k] {
				p.Y[k][ms] = sums[k][ms] / counts[k]
			}
		}
		at := protocol.CueOn + int(math.Round(t.Latency))
		f.score(p, protocol, t.Event, at)
		counts[t.Event]++
		for ms := range sums[t.Event] {
			sums[t.Event][ms] += protocol.Bump(ms, at)
		}
	}
	return f
}

// nothing predicts zeros.
func nothing(l eventLog, protocol expectation.Protocol) (f forecasts) {
	p := prediction{Q: make([]float64, len(l.Names)), Y: make([][]float64, len(l.Names))}
	for k := range p.Y {
		p.Y[k] = make([]float64, protocol.Steps)
	}
	for _, t := range l.Trials {
		f.score(p, protocol, t.Event, protocol.CueOn+int(math.Round(t.Latency)))
	}
	return f
}
