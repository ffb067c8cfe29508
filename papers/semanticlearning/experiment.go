package semanticlearning

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/bars"
)

type barsParams struct {
	Side     int     `param:"side" unit:"pixels" min:"2" max:"20" help:"width and height of the pictures; there are twice as many bars"`
	P        float64 `param:"p" help:"probability of each bar to be shown, between 0 and 1"`
	Cliques  int     `param:"cliques" min:"10" max:"1000" help:"cliques of four neurons, an even number; each neuron is in two"`
	Pictures int     `param:"pictures" min:"100" max:"1000000" help:"pictures shown one after another"`
	Period   float64 `param:"period" unit:"time units" min:"0" help:"how long each picture is shown"`
	Alone    float64 `param:"alone" unit:"time units" min:"1000" max:"1e7" help:"length of the run without input"`
	Rate     float64 `param:"rate" min:"0" max:"1" help:"learning rate of afferent weights, per time unit"`
	Stimulus float64 `param:"stimulus" min:"0" max:"100" help:"how strongly the stimulus enters"`
	Noise    float64 `param:"noise" min:"0" max:"10" help:"noise of the drive, per square root of a time unit"`
	Fill     float64 `param:"fill" min:"0" max:"1" help:"how fast reservoirs fill, per time unit"`
	Drain    float64 `param:"drain" min:"0" max:"1" help:"how fast the reservoirs of active neurons drain, per time unit"`
	Step     float64 `param:"dt" unit:"time units" help:"step of integration, at most 0.5"`
	Inhibit  float64 `param:"inhibition" min:"0" max:"100" help:"strength of inhibition between neurons that are not linked"`
}

func (p barsParams) constants() constants {
	c := standard()
	c.stimulus, c.noise, c.fill, c.drain, c.dt, c.inhibition = p.Stimulus, p.Noise, p.Fill, p.Drain, p.Step, p.Inhibit
	return c
}

const (
	systemClique      = "clique network"
	systemAlone       = "clique network without input"
	systemNoRivals    = "no competition"
	systemUngated     = "signal always on"
	systemNoStimulus  = "stimulus never enters"
	systemUntrained   = "untrained weights"
	systemFrozen      = "weights frozen at 60 %"
	systemEarly       = "frozen, stimulus enters in the first 55"
	systemLate        = "frozen, stimulus enters after 55"
	systemLater       = "frozen, stimulus enters after 70"
	systemICA         = "FastICA"
	systemNMF         = "non-negative matrix factorisation"
	systemCompetitive = "competitive learning"
)

var barsExperiment = papers.Experiment{
	Name: "bars",
	Summary: "Pictures of crossing bars before a network that is never silent: whether each clique comes to stand for a bar, and when a stimulus can have a say. " +
		"Beside it the same network without parts, and ways to factor pictures.",
	Tests: []string{"autonomy", "bars", "sensitive-period", "gating", "untrained", "modulates"},
	Params: papers.Presets[barsParams]{
		Quick: barsParams{Side: 5, P: .1, Cliques: 10, Pictures: 2400, Period: 50, Alone: 20_000, Rate: .005, Stimulus: 2, Noise: .01, Fill: .012, Drain: .027,
			Step: .25, Inhibit: 1},
		Default: barsParams{Side: 5, P: .1, Cliques: 10, Pictures: 14_000, Period: 50, Alone: 100_000, Rate: .005, Stimulus: 2, Noise: .01, Fill: .012, Drain: .027,
			Step: .25, Inhibit: 1},
		Full: barsParams{Side: 5, P: .1, Cliques: 10, Pictures: 42_000, Period: 50, Alone: 300_000, Rate: .005, Stimulus: 2, Noise: .01, Fill: .012, Drain: .027,
			Step: .1, Inhibit: 1},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 5, Full: 10},
	Metrics: []report.Metric{
		{ID: "distinct", Name: "distinct best bars", Better: report.Higher, Says: "bars that are the best of some clique or unit"},
		{ID: "selectivity", Name: "selectivity", Better: report.Higher, Says: "mean of (best - second)/best over cliques or units"},
		{ID: "match", Name: "match", Better: report.Higher, Says: "part of the winners, while one bar was shown, whose best bar it was; last 30 % of the pictures. For baselines: of the units that answer most"},
		{ID: "life", Name: "mean life of a state", Unit: "time units", Says: "between winners; last 30 % of the pictures, or all without input"},
		{ID: "winners", Name: "winners in 100,000 time units", Says: "without input"},
		{ID: "least", Name: "least share of a clique", Says: "of the winners, without input"},
		{ID: "most", Name: "largest share of a clique", Says: "of the winners, without input"},
		{ID: "longest", Name: "longest time without a winner", Unit: "time units", Better: report.Lower, Says: "without input"},
		{ID: "pairs", Name: "ordered pairs of successive winners", Says: "without input; 90 are possible with 10 cliques"},
	},
	Systems: []report.System{
		{Name: systemClique, Role: report.Subject, Says: "endless transitions, the stimulus effective between winners, learning gated by whether it had a part"},
		{Name: systemAlone, Role: report.Subject, Says: "no stimulus at all"},
		{Name: systemNoRivals, Role: report.Ablation, Says: "inactive neurons do not unlearn"},
		{Name: systemUngated, Role: report.Ablation, Says: "S stuck at 1"},
		{Name: systemNoStimulus, Role: report.Ablation, Says: "s = 0: it is seen by learning, but does not enter the dynamics"},
		{Name: systemUntrained, Role: report.Ablation, Says: "the weights of the start"},
		{Name: systemFrozen, Role: report.Ablation, Says: "what the following three are compared with"},
		{Name: systemEarly, Role: report.Ablation, Says: "time units after a winner"},
		{Name: systemLate, Role: report.Ablation, Says: "time units after a winner"},
		{Name: systemLater, Role: report.Ablation, Says: "time units after a winner"},
		{Name: systemICA, Role: report.Baseline, Says: "as many components as bars, of the same pictures"},
		{Name: systemNMF, Role: report.Baseline, Says: "as many parts as bars, 100 updates"},
		{Name: systemCompetitive, Role: report.Baseline, Says: "as many units as bars, with a conscience, no dynamics"},
	},
	Run:   runBars,
	Judge: judgeBars,
}

func judgeBars(rs *papers.Results) {
	rs.Claim("autonomy").
		Level("winners in 100,000 time units without input, fewest of all seeds", rs.Min(systemAlone, "winners"), "≥", 400).
		Level("least share of a clique, of all seeds", rs.Min(systemAlone, "least"), "≥", .05).
		Level("largest share of a clique, of all seeds", rs.Max(systemAlone, "most"), "≤", .15).
		Level("longest time without a winner, of all seeds", rs.Max(systemAlone, "longest"), "≤", 400)
	ten := 0.
	for _, d := range rs.Values(systemClique, "distinct") {
		if d >= 10 {
			ten++
		}
	}
	rs.Claim("bars").
		Level("distinct best bars, mean of seeds", rs.Mean(systemClique, "distinct"), "≥", 9).
		Level("match, mean of seeds (chance 0.10)", rs.Mean(systemClique, "match"), "≥", .65).
		Level("seeds with 10 distinct bars", ten, "≥", 3)
	frozen := rs.Mean(systemFrozen, "match")
	rs.Claim("sensitive-period").
		Level("match when the stimulus may enter in the first 55 time units only, mean of seeds", rs.Mean(systemEarly, "match"), "≤", .2).
		Relation("match when it may enter after 55 only, 0.9 × that of always", rs.Mean(systemLate, "match"), "≥", .9*frozen).
		Relation("match when it may enter after 70 only, 0.9 × that of always", rs.Mean(systemLater, "match"), "≥", .9*frozen)
	rs.Claim("gating").Relation("match with the signal always on, the system's - 0.4, mean of seeds",
		rs.Mean(systemUngated, "match"), "≤", rs.Mean(systemClique, "match")-.4)
	rs.Claim("untrained").
		Level("match of untrained weights, mean of seeds", rs.Mean(systemUntrained, "match"), "≤", .35).
		Level("match where the stimulus never enters, mean of seeds", rs.Mean(systemNoStimulus, "match"), "≤", .2)
	with, without := rs.Values(systemClique, "life"), rs.Values(systemAlone, "life")
	change := 0.
	for i := range min(len(with), len(without)) {
		change = max(change, math.Abs(with[i]/without[i]-1))
	}
	rs.Claim("modulates").Level("change of the mean life of a state by learned input, largest of all seeds", change, "<", .4)
}

// outcome is what a variant of the network did.
type outcome struct {
	Match, Life report.Number // not a number if there were no winners
	R           [][]float64   // cliques by bars
	Weights     [][]float64   // [neurons][pixels]
	Wins        []win
	Film        []snapshot // of the last pictures, shown once more
}

// snapshot is the activities and reservoirs at a time, and the picture.
type snapshot struct {
	Time    float64
	X, Phi  []float64
	Picture int
}

// variant is a change to the network.
type variant struct {
	name   string
	change func(*network)
}

var variants = []variant{
	{systemClique, func(*network) {}},
	{systemNoRivals, func(n *network) { n.learn.noRivals = true }},
	{systemUngated, func(n *network) { n.learn.ungated = true }},
	{systemNoStimulus, func(n *network) { n.c.stimulus = 0 }},
	{systemUntrained, func(n *network) { n.learn.rate = 0 }},
	{systemFrozen, func(n *network) { n.learn.rate = 0 }},
	{systemEarly, func(n *network) { n.learn.rate, n.entry = 0, &[2]float64{0, 55} }},
	{systemLate, func(n *network) { n.learn.rate, n.entry = 0, &[2]float64{55, math.Inf(1)} }},
	{systemLater, func(n *network) { n.learn.rate, n.entry = 0, &[2]float64{70, math.Inf(1)} }},
}

// fromFrozen is where the variants begin that continue the system with weights as they are at 60 %.
const fromFrozen = 5

func runBars(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[barsParams](r)
	problem := bars.Problem{Side: p.Side, P: p.P}
	if err := problem.Check(); err != nil {
		return papers.Refuse(err)
	}
	graph, err := circulant(p.Cliques)
	if err != nil {
		return papers.Refuse(err)
	}
	c := p.constants()
	if err := c.check(graph); err != nil {
		return papers.Refuse(err)
	}
	if p.Period < 5*p.Step || p.Period < signalWindow {
		return papers.Refuse(fmt.Errorf("period: %g time units; expected at least %.0f, for which a learning signal lasts, and 5 steps", p.Period, signalWindow))
	}
	pictures := drawPictures(problem, p.Pictures, r.Rand("pictures"))
	begin, err := newNetwork(graph, c, problem.Pixels(), plasticity{rate: p.Rate}, r.Rand("network"))
	if err != nil {
		return papers.Refuse(err)
	}
	var mu sync.Mutex
	done, total := 0, fromFrozen*p.Pictures
	progress := func() {
		mu.Lock()
		defer mu.Unlock()
		if done++; done%100 == 0 {
			r.Progress(papers.Progress{Stage: "watching", Done: done, Total: total, Unit: "pictures"})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	results := make([]outcome, len(variants))
	var dreams []win
	measured := p.Pictures * 7 / 10
	group.Go(func() (err error) {
		dreams, err = papers.Stage(r, "alone", func() ([]win, error) { return begin.clone(r.Rand("alone")).dream(ctx, p.Alone) })
		return err
	})
	// Sources of randomness are taken here, in order: variants differ in nothing else from the system.
	for i, v := range variants[:fromFrozen] {
		net := begin.clone(r.Rand("life"))
		v.change(net)
		var branches []*network
		if i == 0 {
			for _, b := range variants[fromFrozen:] {
				branch := begin.clone(r.Rand("branch")) // takes the state at 60 % later
				b.change(branch)
				branches = append(branches, branch)
			}
		}
		group.Go(func() error {
			all, err := papers.Stage(r, fmt.Sprintf("variant-%d", i), func() ([]outcome, error) {
				return watch(ctx, net, branches, problem, pictures, p.Period, measured, progress)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			results[i] = all[0]
			copy(results[fromFrozen:], all[1:])
			return nil
		})
	}
	baselines := map[string]encoder{}
	group.Go(func() error {
		e, err := fastICA(pictures, problem.Bars(), uint64(r.SeedFor("ica")))
		if err != nil {
			return fmt.Errorf("FastICA: %w", err)
		}
		baselines[systemICA] = e
		baselines[systemNMF] = nmf(pictures, problem.Bars(), 100, r.Rand("nmf"))
		baselines[systemCompetitive] = competitive(pictures, problem.Bars(), r.Rand("competitive"))
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	autonomy(r, dreams, graph, p.Alone)
	for i, v := range variants {
		if i <= fromFrozen {
			s := scoreOf(results[i].R)
			r.Measure(v.name, "distinct", float64(s.Distinct))
			r.Measure(v.name, "selectivity", s.Selectivity)
		}
		r.Measure(v.name, "match", float64(results[i].Match))
		r.Measure(v.name, "life", float64(results[i].Life))
	}
	tables := map[string][][]float64{}
	for name, e := range baselines {
		answers := make([][]float64, problem.Bars())
		blank := e(make([]bool, problem.Pixels()))
		for b := range answers {
			for k, x := range e(problem.Bar(b)) {
				answers[k] = append(answers[k], x-blank[k])
			}
		}
		tables[name] = answers
		s := scoreOf(answers)
		r.Measure(name, "distinct", float64(s.Distinct))
		r.Measure(name, "selectivity", s.Selectivity)
		r.Measure(name, "match", matchOf(e, pictures[measured:], s.Best))
	}
	if s := scoreOf(results[0].R); s.Distinct < problem.Bars() {
		r.Note("%d of %d bars have a clique of their own; two cliques or more share one. One seed in five or so ends so.", s.Distinct, problem.Bars())
	}
	drawBars(r, problem, graph, pictures, results, tables, dreams)
	return nil
}

// watch lets a network see all pictures, and branches, given as copies with noise of their own, go on from where it is at 60 % with the weights it has
// there. The outcome of the network comes first.
func watch(ctx context.Context, net *network, branches []*network, problem bars.Problem, pictures []picture, period float64, measured int,
	progress func()) ([]outcome, error) {
	freeze := len(pictures) * 6 / 10
	wins, err := net.live(ctx, pictures[:freeze], 0, period, progress)
	if err != nil {
		return nil, err
	}
	states := make([]*network, len(branches))
	for i, b := range branches {
		state := net.clone(b.rng)
		state.learn, state.entry, state.c = b.learn, b.entry, b.c
		states[i] = state
	}
	rest, err := net.live(ctx, pictures[freeze:], freeze, period, progress)
	if err != nil {
		return nil, err
	}
	wins = append(wins, rest...)
	own := outcomeOf(net, problem, pictures, wins, measured)
	own.Wins, own.Weights = wins, net.v
	own.Film = net.clone(net.rng).film(pictures, 20*period, period)
	all := []outcome{own}
	for _, s := range states {
		wins, err := s.live(ctx, pictures[freeze:], freeze, period, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, outcomeOf(s, problem, pictures, wins, measured))
	}
	return all, nil
}

func outcomeOf(net *network, problem bars.Problem, pictures []picture, wins []win, measured int) outcome {
	o := outcome{R: net.responses(problem)}
	last := after(wins, measured)
	o.Match, o.Life = report.Number(match(last, pictures, scoreOf(o.R).Best)), report.Number(life(last))
	return o
}

// film records every time unit while the last pictures are shown again.
func (n *network) film(pictures []picture, length, period float64) (moments []snapshot) {
	count := int(length / period)
	n.learn.rate = 0
	start := n.time
	for i := len(pictures) - count; i < len(pictures); i++ {
		n.show(pictures[i].pixels)
		for step := range int(math.Round(period / n.c.dt)) {
			n.step()
			if step%int(math.Round(1/n.c.dt)) == 0 {
				moments = append(moments, snapshot{n.time - start, append([]float64(nil), n.x...), append([]float64(nil), n.phi...), i})
			}
		}
	}
	return moments
}

// autonomy measures what the network does without input.
func autonomy(r *papers.Run, wins []win, g *cliques, length float64) {
	count := make([]int, len(g.members))
	pairs := map[[2]int]bool{}
	longest, last := 0., 0.
	for i, w := range wins {
		count[w.Clique]++
		longest, last = max(longest, w.Time-last), w.Time
		if i > 0 {
			pairs[[2]int{wins[i-1].Clique, w.Clique}] = true
		}
	}
	longest = max(longest, length-last)
	least, most := math.Inf(1), 0.
	for _, c := range count {
		share := float64(c) / float64(max(1, len(wins)))
		least, most = min(least, share), max(most, share)
	}
	r.Measure(systemAlone, "winners", float64(len(wins))*100_000/length)
	r.Measure(systemAlone, "least", least)
	r.Measure(systemAlone, "most", most)
	r.Measure(systemAlone, "longest", longest)
	r.Measure(systemAlone, "pairs", float64(len(pairs)))
	r.Measure(systemAlone, "life", life(wins))
}
