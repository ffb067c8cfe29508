package synchrony

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type decisionParams struct {
	Most    int     `param:"circuits" min:"16" max:"256" help:"circuits in the largest population; sizes are the powers of two up to it"`
	Points  int     `param:"points" min:"10" max:"100000" help:"samples that the risk is taken over"`
	HeldOut int     `param:"held-out" min:"10" max:"1000000" help:"samples that decisions are counted on"`
	Ridge   float64 `param:"ridge" min:"0" max:"100" help:"weight λ of the penalty λ/2·|w|²"`
	Sigma   float64 `param:"sigma" help:"standard deviation of each circuit's noise, per square root of time"`
	Burn    float64 `param:"burn" unit:"time" min:"0" help:"time before measuring, 5/μ or more"`
	Length  float64 `param:"time" unit:"time" min:"1" help:"time measured; populations of fewer than 8 circuits are measured longer, as if they had 8"`
	Step    float64 `param:"step" min:"0.001" max:"0.5" help:"largest dt·(h+l) of a step, for the largest curvature h and Laplacian eigenvalue l"`
	Longest float64 `param:"longest-step" unit:"time" min:"0.0001" max:"1" help:"largest dt"`
	Repeats int     `param:"repeats" min:"1" max:"10000" help:"repetitions of the coming together that a figure shows"`
}

var decision = papers.Experiment{
	Name: "decision",
	Summary: "Noisy copies learn a decision function by regularised logistic regression: 1 to 32 of them, uncoupled and coupled with three gains, in five topologies, " +
		"with simulated disagreement and error beside their bounds and linear predictions.",
	Tests: []string{"bound", "tight", "spectrum", "copy", "redundancy", "sanity"},
	Params: papers.Presets[decisionParams]{
		Quick:   decisionParams{Most: 16, Points: 60, HeldOut: 300, Ridge: .1, Sigma: .5, Burn: 50, Length: 150, Step: .08, Longest: .04, Repeats: 10},
		Default: decisionParams{Most: 32, Points: 60, HeldOut: 1000, Ridge: .1, Sigma: .5, Burn: 150, Length: 1500, Step: .04, Longest: .01, Repeats: 100},
		Full:    decisionParams{Most: 32, Points: 60, HeldOut: 1000, Ridge: .1, Sigma: .5, Burn: 150, Length: 6000, Step: .02, Longest: .01, Repeats: 1000},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: append([]report.Metric{
		{ID: "over-bound", Name: "largest D / bound", Better: report.Lower, Says: "over sizes and gains of the complete graph"},
		{ID: "tight-10", Name: "largest bound / D where l₂ ≥ 10 μ", Better: report.Lower},
		{ID: "tight-40", Name: "largest bound / D where l₂ ≥ 40 μ", Better: report.Lower},
		{ID: "off-linear", Name: "largest distance of D from the linear formula, as a part of it", Better: report.Lower, Says: "topologies with l₂ ≥ 0.5"},
		{ID: "off-linear-ring", Name: "the same of the ring", Better: report.Lower},
		{ID: "slope", Name: "slope of log error of the mean over log n", Says: "n of 2 and more"},
	}, append(errorMetrics, sizeMetrics()...)...),
	Systems: []report.System{
		{Name: systemCoupled, Role: report.Subject, Says: "16 circuits, each coupled with each by k = 0.25, unless a metric says otherwise"},
		{Name: systemUncoupled, Role: report.Baseline, Says: "16 circuits on their own"},
		{Name: systemSingle, Role: report.Baseline, Says: "one circuit"},
		{Name: systemDescent, Role: report.Baseline, Says: "the optimum w*, the ceiling"},
		{Name: systemCommon, Role: report.Ablation, Says: "coupled, but all circuits feel the same noise"},
		{Name: systemRepelling, Role: report.Ablation, Says: "coupled with the wrong sign"},
	},
	Run:   runDecision,
	Judge: judgeDecision,
}

// errorMetrics are those of one population.
var errorMetrics = []report.Metric{
	{ID: "error", Name: "squared error of one circuit", Better: report.Lower, Says: "|w_i - w*|², mean over time and circuits"},
	{ID: "error-mean", Name: "squared error of the mean circuit", Better: report.Lower},
	{ID: "disagreement", Name: "disagreement D", Better: report.Lower, Says: "(1/n) Σ |w_i - mean|²"},
	{ID: "flips", Name: "decisions changed, one circuit", Better: report.Lower, Says: "share of held-out decisions that differ from the optimum's"},
	{ID: "flips-mean", Name: "decisions changed, mean circuit", Better: report.Lower},
	{ID: "flips-majority", Name: "decisions changed, majority of circuits", Better: report.Lower},
	{ID: "accuracy", Name: "held-out accuracy, one circuit", Better: report.Higher},
	{ID: "accuracy-mean", Name: "held-out accuracy, mean circuit", Better: report.Higher},
	{ID: "accuracy-majority", Name: "held-out accuracy, majority of circuits", Better: report.Higher},
}

// mostSizes bounds the sizes that have a metric of their own.
const mostSizes = 256

func sizeMetrics() (all []report.Metric) {
	for n := 1; n <= mostSizes; n *= 2 {
		all = append(all, report.Metric{ID: fmt.Sprintf("error-%d", n), Name: fmt.Sprintf("squared error of one circuit of %d", n), Better: report.Lower})
	}
	return all
}

func measure(r *papers.Run, system string, o *outcome, decides bool) {
	r.Measure(system, "error", o.Copy)
	r.Measure(system, "error-mean", o.Mean)
	r.Measure(system, "disagreement", o.Disagreement)
	if !decides || o.Diverged {
		return
	}
	for k, end := range []string{"", "-mean", "-majority"} {
		r.Measure(system, "flips"+end, o.Flips[k])
		r.Measure(system, "accuracy"+end, o.Accuracy[k])
	}
}

// teacher is what labels of the decision function follow, with logistic noise.
var teacher = []float64{1.5, -2, 1, .5, .3}

const teacherGain = 2

// draw makes samples of four normal features and a constant.
func draw(n int, rng *rand.Rand) (s samples) {
	for range n {
		x := []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64(), 1}
		y := -1.
		if rng.Float64() < 1/(1+math.Exp(-teacherGain*dot(teacher, x))) {
			y = 1
		}
		s.x, s.y = append(s.x, x), append(s.y, y)
	}
	return s
}

func (p decisionParams) clock() clock {
	return clock{Sigma: p.Sigma, Burn: p.Burn, Length: p.Length, Step: p.Step, Longest: p.Longest}
}

func runDecision(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[decisionParams](r)
	l, err := logistic(draw(p.Points, r.Rand("samples")), p.Ridge)
	if err != nil {
		return papers.Refuse(err)
	}
	if err := p.clock().check(l); err != nil {
		return papers.Refuse(err)
	}
	held := newDecisions(l, draw(p.HeldOut, r.Rand("held-out samples")))
	conditions, err := grid(p.Most)
	if err != nil {
		return err
	}
	shapes, err := topologies(r)
	if err != nil {
		return err
	}
	conditions = append(conditions, shapes...)
	for _, c := range conditions {
		if c.name == key(traceUnits, .25) {
			common, repelling := c, c
			common.name, common.common = systemCommon, 1
			repelling.name, repelling.repel = systemRepelling, true
			conditions = append(conditions, common, repelling)
		}
	}
	out, err := simulate(ctx, r, l, held, p.clock(), conditions)
	if err != nil {
		return err
	}
	reported := map[string]*outcome{
		systemCoupled: out[key(traceUnits, .25)], systemUncoupled: out[key(traceUnits, 0)], systemSingle: out[key(1, 0)],
		systemCommon: out[systemCommon], systemRepelling: out[systemRepelling],
	}
	for _, s := range r.Experiment.Systems {
		if o := reported[s.Name]; o != nil {
			measure(r, s.Name, o, true)
		}
	}
	r.Measure(systemDescent, "error", 0)
	r.Measure(systemDescent, "flips", 0)
	r.Measure(systemDescent, "accuracy", held.accuracy())
	measureTheory(r, l, out, p.Most)
	measureTopologies(r, out, shapes)
	var x, y []float64
	for n := 1; n <= min(p.Most, mostSizes); n *= 2 {
		r.Measure(systemUncoupled, fmt.Sprintf("error-%d", n), out[key(n, 0)].Copy)
		if n > 1 {
			x, y = append(x, math.Log(float64(n))), append(y, math.Log(out[key(n, .25)].Mean))
		}
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	r.Measure(systemCoupled, "slope", slope)
	together, err := comeTogether(ctx, r, l, p)
	if err != nil {
		return err
	}
	drawDecision(r, l, p, out, shapes, together)
	return nil
}

// measureTheory holds the complete graphs against the bound.
func measureTheory(r *papers.Run, l *learner, out map[string]*outcome, most int) {
	var over, tight10, tight40 float64
	for n := 2; n <= most; n *= 2 {
		for _, k := range gains {
			o := out[key(n, k)]
			over = max(over, o.Disagreement/o.Expected.Bound)
			if o.Expected.L2 >= 10*l.mu*(1-1e-9) {
				tight10 = max(tight10, o.Expected.Bound/o.Disagreement)
			}
			if o.Expected.L2 >= 40*l.mu*(1-1e-9) {
				tight40 = max(tight40, o.Expected.Bound/o.Disagreement)
			}
		}
	}
	r.Measure(systemCoupled, "over-bound", over)
	r.Measure(systemCoupled, "tight-10", tight10)
	r.Measure(systemCoupled, "tight-40", tight40)
}

func measureTopologies(r *papers.Run, out map[string]*outcome, shapes []condition) {
	worst := 0.
	for _, c := range shapes {
		o := out[c.name]
		off := math.Abs(o.Disagreement/o.Expected.Linear - 1)
		if c.topology == "ring" {
			r.Measure(systemCoupled, "off-linear-ring", off)
		} else if o.Expected.L2 >= .5 {
			worst = max(worst, off)
		}
	}
	r.Measure(systemCoupled, "off-linear", worst)
}

// together is how circuits that begin apart come together: the mean D over repetitions, and its bound.
type together struct{ Time, D, Bound []float64 }

func comeTogether(ctx context.Context, r *papers.Run, l *learner, p decisionParams) (together, error) {
	const length, scatter = 10, 1
	every := p.Longest * math.Max(1, math.Round(.1/p.Longest))
	return papers.Stage(r, "coming together", func() (t together, err error) {
		c, err := complete(8, .05)
		if err != nil {
			return t, err
		}
		spectrum, err := c.graph.Spectrum()
		if err != nil {
			return t, err
		}
		seed := uint64(r.SeedFor("coming together"))
		for k := range p.Repeats {
			population := population{learner: l, graph: c.graph, sigma: p.Sigma, dt: p.Longest, length: length, every: every, decide: length, scatter: scatter, seed: seed + uint64(k)}
			o, err := population.run(ctx)
			if err != nil {
				return t, err
			}
			if t.D == nil {
				t.D = make([]float64, len(o.Series))
			}
			for i, d := range o.Series {
				t.D[i] += d / float64(p.Repeats)
			}
		}
		begin := scatter * scatter * float64(l.size()*(c.graph.Units()-1)) / float64(c.graph.Units())
		for i := range t.D {
			at := every * float64(i+1)
			t.Time, t.Bound = append(t.Time, at), append(t.Bound, boundOver(l, spectrum, p.Sigma, begin, at))
		}
		return t, nil
	})
}

func judgeDecision(rs *papers.Results) {
	rs.Claim("bound").Level("largest D / bound, worst seed", rs.Max(systemCoupled, "over-bound"), "≤", 1.05)
	rs.Claim("tight").
		Level("largest bound / D where l₂ ≥ 10 μ, worst seed", rs.Max(systemCoupled, "tight-10"), "≤", 1.20).
		Level("largest bound / D where l₂ ≥ 40 μ, worst seed", rs.Max(systemCoupled, "tight-40"), "≤", 1.06).
		Because("The bound takes the least curvature for every direction: it is loose by about (h + l₂)/(μ + l₂) in a direction of curvature h.")
	rs.Claim("spectrum").
		Level("largest distance from the linear formula, topologies with l₂ ≥ 0.5, worst seed", rs.Max(systemCoupled, "off-linear"), "≤", .05).
		Level("the same of the ring, worst seed", rs.Max(systemCoupled, "off-linear-ring"), "≤", .10).
		Because("Where circuits are weakly coupled they spread so far that the logistic loss is less curved than at the optimum.")
	isolated := rs.Mean(systemSingle, "error")
	rs.Claim("copy").
		Relation("squared error of one copy among 16, 0.15 × an isolated one's, mean of seeds", rs.Mean(systemCoupled, "error"), "≤", .15*isolated).
		Relation("decisions changed, 0.6 × an isolated copy's, mean of seeds", rs.Mean(systemCoupled, "flips"), "≤", .6*rs.Mean(systemSingle, "flips"))
	slope := rs.Mean(systemCoupled, "slope")
	j := rs.Claim("redundancy").
		Level("slope of log error of the mean over log n at k = 0.25, mean of seeds", slope, "≥", -1.15).
		Level("the same", slope, "≤", -.85)
	var all []float64
	for n := 1; n <= mostSizes; n *= 2 {
		if v := rs.Mean(systemUncoupled, fmt.Sprintf("error-%d", n)); !math.IsNaN(v) {
			all = append(all, v)
		}
	}
	mean, worst := stat.Mean(all, nil), 0.
	for _, v := range all {
		worst = max(worst, math.Abs(v/mean-1))
	}
	j.Level("largest distance of an uncoupled copy's error from its mean over sizes, as a part, mean of seeds", worst, "≤", .05)
	rs.Claim("sanity").
		Relation("squared error of a repelling copy, 0.15 × an isolated one's", rs.Mean(systemRepelling, "error"), ">", .15*isolated).
		Relation("squared error of a copy under common noise, 0.9 × an isolated one's", rs.Mean(systemCommon, "error"), "≥", .9*isolated).
		Relation("the same, 1.1 ×", rs.Mean(systemCommon, "error"), "≤", 1.1*isolated).
		Level("D under common noise, largest", rs.Max(systemCommon, "disagreement"), "≤", 1e-12)
}
