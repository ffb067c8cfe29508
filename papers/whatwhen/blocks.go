package whatwhen

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/expectation"
)

// The systems of the experiments.
const (
	systemLocal    = "what × when, local rules"
	systemForce    = "FORCE, no reset"
	systemReset    = "FORCE, reset at switches"
	systemMerged   = "one merged read-out"
	systemUngated  = "no gate"
	systemUntaught = "untrained read-outs"
	systemShuffled = "features shuffled in time"
	systemZero     = "zero predictor"
)

type blocksParams struct {
	Blocks     string  `param:"blocks" help:"blocks as p(A)/tA/tB with times in ms of a trial whose cue comes at 50-100, separated by blanks"`
	Trials     int     `param:"trials" min:"10" max:"10000" help:"trials of each block"`
	Tests      int     `param:"tests" min:"1" max:"100" help:"test trials, each with noise of its own, at each checkpoint"`
	Steps      int     `param:"steps" unit:"ms" min:"200" max:"10000" help:"length of a trial"`
	Width      float64 `param:"width" unit:"ms" min:"5" max:"200" help:"standard deviation of the bump that marks an event"`
	Neurons    int     `param:"neurons" min:"1" max:"20000" help:"size of the reservoir"`
	Excitatory float64 `param:"excitatory" min:"0" max:"1" help:"part of the neurons that are excitatory"`
	Rate       float64 `param:"rate" min:"0" max:"1" help:"learning rate of the when read-out; 0.03 or less, or weights chase the trajectory within a trial"`
	WhatRate   float64 `param:"what-rate" min:"0" max:"1" help:"learning rate of the what read-out"`
	Noise      float64 `param:"noise" min:"0" max:"10" help:"standard deviation of the current noise in each ms"`
	Feedback   float64 `param:"feedback" min:"0" max:"10" help:"largest weight with which a trace is fed back"`
	Bias       float64 `param:"bias" min:"-1000" max:"1000" help:"largest constant current"`
}

func (p blocksParams) settings() settings {
	return settings{p.Neurons, p.Excitatory, p.Rate, p.WhatRate, p.Noise, p.Feedback, p.Bias}
}

// protocol reads the blocks.
func (p blocksParams) protocol() (expectation.Protocol, error) {
	out := clock(p.Steps, p.Width)
	for i, text := range strings.Fields(p.Blocks) {
		fields := strings.Split(text, "/")
		if len(fields) != 3 {
			return out, fmt.Errorf("block %d is %q; expected p(A)/tA/tB, such as 0.8/400/700", i+1, text)
		}
		prob, err := strconv.ParseFloat(fields[0], 64)
		a, errA := strconv.Atoi(fields[1])
		b, errB := strconv.Atoi(fields[2])
		if err != nil || errA != nil || errB != nil {
			return out, fmt.Errorf("block %d is %q; expected a number and two whole milliseconds, such as 0.8/400/700", i+1, text)
		}
		out.Blocks = append(out.Blocks, expectation.Two(prob, a, b, p.Trials))
	}
	return out, out.Check()
}

// clock is the trial of the task, with no blocks yet.
func clock(steps int, width float64) expectation.Protocol {
	return expectation.Protocol{Steps: steps, CueOn: 50, CueLength: 50, Width: width}
}

var blocks = papers.Experiment{
	Name: "blocks",
	Summary: "A cue, then event A or B, each at its own time and with its own probability; both switch from block to block without notice. " +
		"The local rules beside recursive least squares and their own ablations.",
	Tests: []string{"learns", "recalibrates", "timing", "beats-force", "sanity", "separate-weights"},
	Params: papers.Presets[blocksParams]{
		Quick: blocksParams{Blocks: "0.8/400/700 0.8/600/700 0.2/600/350", Trials: 50, Tests: 2, Steps: 1000, Width: 40,
			Neurons: 400, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
		Default: blocksParams{Blocks: standardBlocks, Trials: 100, Tests: 5, Steps: 1000, Width: 40,
			Neurons: 1000, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
		Full: blocksParams{Blocks: standardBlocks, Trials: 100, Tests: 10, Steps: 1000, Width: 40,
			Neurons: 1000, Excitatory: .8, Rate: .02, WhatRate: .05, Noise: .3, Feedback: .5, Bias: 8},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 5},
	Metrics: []report.Metric{
		{ID: "first-start", Name: "error after trial 1", Better: report.Lower, Says: "block 1; root mean square of z minus Z, over both channels and the time after the cue, z averaged over the tests' noise"},
		{ID: "first-mid", Name: "error halfway through block 1", Better: report.Lower, Says: "after trial 50 of 100"},
		{ID: "first-end", Name: "error at the end of block 1", Better: report.Lower},
		{ID: "switch", Name: "error just after a switch", Says: "mean of blocks 2 and later"},
		{ID: "end", Name: "error at the end of a block", Better: report.Lower, Says: "mean of blocks 2 and later"},
		{ID: "worst", Name: "largest error at the end of a block", Better: report.Lower, Says: "of blocks 2 and later"},
		{ID: "late-mid", Name: "error in the middle of blocks 3 and later", Better: report.Lower, Says: "mean of the tests after trials 30 and 50 of 100"},
		{ID: "late-end", Name: "error at the end of blocks 3 and later", Better: report.Lower},
		{ID: "late-each", Name: "error of single tests at the end of blocks 3 and later", Better: report.Lower, Says: "of each test on its own, with what its noise does"},
		{ID: "all-ends", Name: "error at the end of a block, all blocks", Better: report.Lower},
		{ID: "each", Name: "error of single tests at the end of a block, all blocks", Better: report.Lower, Says: "the same, of each test on its own, with what its noise does"},
		{ID: "peak", Name: "largest distance of a peak from its event", Unit: "ms", Better: report.Lower, Says: "end of all blocks, channels of probability 0.5 or more, mean trace of the tests"},
		{ID: "what", Name: "largest distance of a what value from its probability", Better: report.Lower, Says: "end of all blocks"},
		{ID: "cos-what-when", Name: "largest |cos| between what and when weights", Says: "any channel of one with any of the other, end of all blocks"},
		{ID: "cos-switch", Name: "cos of A's when weights before and after its time switches", Says: "end of block 1 and of block 2"},
		{ID: "rate", Name: "mean rate of the reservoir", Unit: "Hz", Says: "without a cue"},
	},
	Systems: []report.System{
		{Name: systemLocal, Role: report.Subject, Says: "when: activity × error × gate in every ms; what: activity × error at the end of a trial"},
		{Name: systemForce, Role: report.Baseline, Says: "recursive least squares for both read-outs, nothing forgotten"},
		{Name: systemReset, Role: report.Baseline, Says: "the same, told of every switch: an oracle"},
		{Name: systemMerged, Role: report.Ablation, Says: "one weight vector per channel learns probability and time together"},
		{Name: systemUngated, Role: report.Ablation, Says: "both channels learn in all trials, at all times"},
		{Name: systemUntaught, Role: report.Ablation, Says: "what × when that has not learnt"},
		{Name: systemShuffled, Role: report.Ablation, Says: "what × when at the end of each block, its features in random order of time"},
		{Name: systemZero, Role: report.Baseline, Says: "expects nothing"},
	},
	Run:   runBlocks,
	Judge: judgeBlocks,
}

const standardBlocks = "0.8/400/700 0.8/600/700 0.2/600/700 0.2/600/350 0.8/300/500"

// checkpoints are the parts of a block after which is tested, in percent.
var checkpoints = []int{1, 10, 30, 50, 100}

// check is what the tests at one checkpoint came to.
type check struct {
	Block    int
	Learnt   int         // trials of the block; 0 for just after the switch
	Percent  int         // of the block
	Error    float64     // mean of the tests, each on its own
	OfMean   float64     // error of their mean trace
	Z        [][]float64 // [channels][steps], mean trace
	Q        []float64   // [channels]
	Shuffled float64     // error of features in random order of time
}

// history is what a system reached.
type history struct {
	Checks      []check
	What, When  [][][]float32 // weights at the end of each block, if they are local
	Rate        float64       // Hz
	SpikesEarly [][]int32     // in each ms of the last test of the first block
	SpikesLate  [][]int32     // and of the last block
}

// at returns the check of a block at a percentage, or nil.
func (h history) at(block, percent int) *check {
	i := slices.IndexFunc(h.Checks, func(c check) bool { return c.Block == block && c.Percent == percent })
	if i < 0 {
		return nil
	}
	return &h.Checks[i]
}

// follow trains and tests a system through all blocks.
func follow(ctx context.Context, r *papers.Run, p blocksParams, protocol expectation.Protocol, trials []expectation.Trial, make func() (learner, error),
	progress func(papers.Progress)) (history, error) {
	var h history
	rig, err := newRig(p.settings(), protocol, 2, r.Rand("reservoir"))
	if err != nil {
		return h, papers.Refuse(err)
	}
	if rig.learner, err = make(); err != nil {
		return h, err
	}
	h.Rate = rig.reservoir.Rate
	training, testing, order := r.Rand("training noise"), r.Rand("test noise"), r.Rand("order")
	var tests []prediction
	test := func(block int) error {
		tests = nil
		for i := range p.Tests {
			var seen func(int, []int32)
			if spikes := h.spikesOf(block, len(protocol.Blocks)); i == p.Tests-1 && spikes != nil {
				*spikes = nil
				seen = func(_ int, fired []int32) { *spikes = append(*spikes, slices.Clone(fired)) }
			}
			out, err := rig.test(testing.Uint64(), seen)
			if err != nil {
				return err
			}
			tests = append(tests, out)
		}
		return nil
	}
	enter := func(block, learnt, percent int) {
		truth := func(k, ms int) float64 { return protocol.Expected(block, k, ms) }
		c := check{Block: block, Learnt: learnt, Percent: percent, Q: meanQ(tests), Z: average(tests).Y, OfMean: rmse(average(tests), truth, rig.from())}
		for _, t := range tests {
			c.Error += rmse(t, truth, rig.from()) / float64(len(tests))
			c.Shuffled += rmse(shuffled(t, rig.from(), order), truth, rig.from()) / float64(len(tests))
		}
		h.Checks = append(h.Checks, c)
	}
	if err := test(0); err != nil {
		return h, err
	}
	due := testsAfter(p.Trials)
	for i, t := range trials {
		if ctx.Err() != nil {
			return h, ctx.Err()
		}
		if t.Number == 0 {
			enter(t.Block, 0, 0) // what was read just before the switch, against what holds after it
			if t.Block > 0 {
				rig.learner.switched()
			}
		}
		if _, err := rig.train(training.Uint64(), t.Event, t.At); err != nil {
			return h, err
		}
		if percents, ok := due[t.Number+1]; ok {
			if err := test(t.Block); err != nil {
				return h, err
			}
			for _, percent := range percents {
				enter(t.Block, t.Number+1, percent)
			}
			if l, ok := rig.learner.(*local); ok && t.Number+1 == p.Trials {
				h.What, h.When = append(h.What, copied(l.what.Weights)), append(h.When, copied(l.when.Weights))
			}
		}
		progress(papers.Progress{Stage: "learning", Done: i + 1, Total: len(trials), Unit: "trials"})
	}
	return h, nil
}

// testsAfter gives the percentages of a block at the trials after which is tested.
func testsAfter(trials int) map[int][]int {
	due := map[int][]int{}
	for _, percent := range checkpoints {
		n := max(1, trials*percent/100)
		due[n] = append(due[n], percent)
	}
	return due
}

// spikesOf is where the spikes of a block's tests are kept, or nil.
func (h *history) spikesOf(block, blocks int) *[][]int32 {
	switch block {
	case 0:
		return &h.SpikesEarly
	case blocks - 1:
		return &h.SpikesLate
	}
	return nil
}

func copied(w [][]float32) (out [][]float32) {
	for _, row := range w {
		out = append(out, slices.Clone(row))
	}
	return out
}

// shuffled reads the features of the time after the cue in random order. A read-out has no memory, so that its outputs are shuffled alike.
func shuffled(p prediction, from int, rng *rand.Rand) prediction {
	out := prediction{Q: p.Q}
	order := rng.Perm(len(p.Y[0]) - from)
	for _, y := range p.Y {
		s := slices.Clone(y)
		for i, j := range order {
			s[from+i] = y[from+j]
		}
		out.Y = append(out.Y, s)
	}
	return out
}

// fewTrials is the number of trials in a block below which a result is mostly chance.
const fewTrials = 20

func runBlocks(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[blocksParams](r)
	protocol, err := p.protocol()
	if err != nil {
		return papers.Refuse(err)
	}
	if _, err := p.settings().config(2); err != nil {
		return papers.Refuse(err)
	}
	if p.Trials < fewTrials {
		r.Warn("blocks of %d trials: which events happen to come decides the results; take %d trials or more", p.Trials, fewTrials)
	}
	trials, err := protocol.Draw(r.Rand("events"))
	if err != nil {
		return papers.Refuse(err)
	}
	newLearner := func(change func(*local)) func() (learner, error) {
		return func() (learner, error) {
			l := newLocal(2, p.Neurons, p.Rate, p.WhatRate)
			change(l)
			return l, nil
		}
	}
	newForce := func(resets bool) func() (learner, error) {
		return func() (learner, error) { return newLeastSquares(2, p.Neurons, resets) }
	}
	systems := []struct {
		name string
		make func() (learner, error)
	}{
		{systemForce, newForce(false)}, // the slow ones first
		{systemReset, newForce(true)},
		{systemLocal, newLearner(func(*local) {})},
		{systemMerged, newLearner(func(l *local) { l.merged, l.channelGate = true, false })},
		{systemUngated, newLearner(func(l *local) { l.timeGate, l.channelGate = false, false })},
	}
	results := map[string]history{}
	total := counter{run: r, total: len(systems) * len(trials)}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range systems {
		group.Go(func() error {
			h, err := papers.Stage(r, fmt.Sprintf("system-%d", i), func() (history, error) {
				return follow(ctx, r, p, protocol, trials, s.make, total.add)
			})
			mu.Lock()
			defer mu.Unlock()
			results[s.name] = h
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	results[systemUntaught] = constant(results[systemLocal], protocol, func(check) prediction {
		return prediction{Q: []float64{1, 1}, Y: results[systemLocal].Checks[0].Z} // of the tests before the first trial
	})
	results[systemZero] = constant(results[systemLocal], protocol, func(check) prediction {
		return prediction{Q: []float64{0, 0}, Y: [][]float64{make([]float64, p.Steps), make([]float64, p.Steps)}}
	})
	scrambled := history{}
	for _, c := range results[systemLocal].Checks {
		scrambled.Checks = append(scrambled.Checks, check{Block: c.Block, Learnt: c.Learnt, Percent: c.Percent, Error: c.Shuffled, OfMean: c.Shuffled})
	}
	results[systemShuffled] = scrambled
	for _, s := range r.Experiment.Systems {
		measureBlocks(r, s.Name, results[s.Name], protocol)
	}
	tabulate(r, results[systemLocal], results[systemForce], protocol)
	drawBlocks(r, p, protocol, results)
	return nil
}

// counter adds up the trials of systems that run side by side.
type counter struct {
	mu          sync.Mutex
	run         *papers.Run
	done, total int
}

func (c *counter) add(p papers.Progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	p.Done, p.Total = c.done, c.total
	c.run.Progress(p)
}

// constant is the history of a predictor that does not learn, at the checkpoints of another.
func constant(like history, protocol expectation.Protocol, p func(check) prediction) history {
	var h history
	for _, c := range like.Checks {
		out := p(c)
		e := rmse(out, func(k, ms int) float64 { return protocol.Expected(c.Block, k, ms) }, protocol.CueOn+protocol.CueLength)
		h.Checks = append(h.Checks, check{Block: c.Block, Learnt: c.Learnt, Percent: c.Percent, Z: average([]prediction{out}).Y, Error: e, OfMean: e})
	}
	return h
}

// measureBlocks records what a system reached.
func measureBlocks(r *papers.Run, system string, h history, protocol expectation.Protocol) {
	over := func(which func(*check) float64, from, to int, percents ...int) float64 {
		sum, n := 0., 0
		for b := from; b < to; b++ {
			for _, percent := range percents {
				sum += which(h.at(b, percent))
				n++
			}
		}
		return sum / float64(n)
	}
	of := func(from, to int, percents ...int) float64 {
		return over(func(c *check) float64 { return c.OfMean }, from, to, percents...)
	}
	count := len(protocol.Blocks)
	r.Measure(system, "first-start", of(0, 1, 1))
	r.Measure(system, "first-mid", of(0, 1, 50))
	r.Measure(system, "first-end", of(0, 1, 100))
	r.Measure(system, "all-ends", of(0, count, 100))
	r.Measure(system, "each", over(func(c *check) float64 { return c.Error }, 0, count, 100))
	if count > 1 {
		r.Measure(system, "switch", of(1, count, 0))
		r.Measure(system, "end", of(1, count, 100))
		worst := 0.
		for b := 1; b < count; b++ {
			worst = max(worst, h.at(b, 100).OfMean)
		}
		r.Measure(system, "worst", worst)
	}
	if count > 2 {
		r.Measure(system, "late-each", over(func(c *check) float64 { return c.Error }, 2, count, 100))
		r.Measure(system, "late-mid", of(2, count, 30, 50))
		r.Measure(system, "late-end", of(2, count, 100))
	}
	if system != systemUntaught && system != systemShuffled && system != systemZero {
		from, distance, what := protocol.CueOn+protocol.CueLength, 0., 0.
		for b, block := range protocol.Blocks {
			c := h.at(b, 100)
			for k, e := range block.Events {
				if e.Probability >= .5 {
					distance = max(distance, math.Abs(float64(peak(c.Z[k], from)-e.At)))
				}
				what = max(what, math.Abs(c.Q[k]-e.Probability))
			}
		}
		r.Measure(system, "peak", distance)
		if system != systemMerged {
			r.Measure(system, "what", what)
		}
	}
	if system != systemLocal {
		return
	}
	r.Measure(system, "rate", h.Rate)
	largest := 0.
	for b := range h.When {
		for _, w := range h.When[b] {
			for _, u := range h.What[b] {
				largest = max(largest, math.Abs(cosine(w, u)))
			}
		}
	}
	r.Measure(system, "cos-what-when", largest)
	if count > 1 {
		across := cosine(h.When[0][0], h.When[1][0])
		r.Measure(system, "cos-switch", across)
		n := len(h.When[0][0])
		r.Note("The what and when weights have |cos| of %.3f or less, but that is weak evidence of anything: random vectors of %d values have about %.3f, "+
			"and A's own when weights of blocks 1 and 2 have %.3f.", largest, n, 1/math.Sqrt(float64(n)), across)
	}
}

// cosine is of the angle between two vectors.
func cosine(a, b []float32) float64 {
	var aa, bb, ab float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		aa, bb, ab = aa+x*x, bb+y*y, ab+x*y
	}
	return ab / math.Sqrt(aa*bb)
}

func judgeBlocks(rs *papers.Results) {
	m := func(metric string) float64 { return rs.Mean(systemLocal, metric) }
	force := func(metric string) float64 { return rs.Mean(systemForce, metric) }
	rs.Claim("learns").Relation("error at the end of block 1, 0.65 × that after its first trial, mean of seeds", m("first-end"), "≤", .65*m("first-start"))
	rs.Claim("recalibrates").
		Relation("error at the end of later blocks, 0.60 × that just after the switch, mean of blocks and seeds", m("end"), "≤", .6*m("switch")).
		Level("largest error at the end of a later block, of all seeds", rs.Max(systemLocal, "worst"), "≤", .125)
	rs.Claim("timing").Level("largest distance of a peak from its event in ms, of all blocks and seeds", rs.Max(systemLocal, "peak"), "≤", 40)
	rs.Claim("beats-force").
		Relation("FORCE's error halfway through block 1, the local rules'", force("first-mid"), "<", m("first-mid")).
		Relation("local rules' error in the middle of blocks 3 and later, FORCE's - 0.03", m("late-mid"), "≤", force("late-mid")-.03).
		Relation("local rules' error at the end of blocks 3 and later, FORCE's - 0.03", m("late-end"), "≤", force("late-end")-.03)
	rs.Claim("sanity").
		Relation("error with features shuffled in time, 0.95 × that of the zero predictor", rs.Mean(systemShuffled, "all-ends"), "≥", .95*rs.Mean(systemZero, "all-ends")).
		Relation("error of untrained read-outs, that of the zero predictor", rs.Mean(systemUntaught, "all-ends"), "≤", rs.Mean(systemZero, "all-ends")).
		Relation("error of untrained read-outs, that of the zero predictor", rs.Mean(systemUntaught, "all-ends"), "≥", rs.Mean(systemZero, "all-ends"))
	rs.Claim("separate-weights").Level("largest |cos| between what and when weights, of all seeds", rs.Max(systemLocal, "cos-what-when"), "≤", .3)
}
