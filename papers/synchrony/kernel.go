package synchrony

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type kernelParams struct {
	Most    int     `param:"circuits" min:"16" max:"256" help:"circuits in the largest population; sizes are the powers of two up to it"`
	Points  int     `param:"points" min:"5" max:"500" help:"points of the function that is learned"`
	Width   float64 `param:"width" min:"0.01" max:"10" help:"standard deviation of the Gaussian kernel"`
	Ridge   float64 `param:"ridge" min:"0.000001" max:"100" help:"weight λ of the penalty λ/2·c'Kc"`
	Least   float64 `param:"least" min:"0.000001" max:"1" help:"least eigenvalue of the kernel for a direction to be learned"`
	Sigma   float64 `param:"sigma" help:"standard deviation of each circuit's noise, per square root of time"`
	Length  float64 `param:"time" unit:"time" min:"1" help:"time measured; populations of fewer than 8 circuits are measured longer, as if they had 8"`
	Step    float64 `param:"step" min:"0.001" max:"0.5" help:"largest dt·(h+l) of a step, for the largest curvature h and Laplacian eigenvalue l"`
	Longest float64 `param:"longest-step" unit:"time" min:"0.0001" max:"1" help:"largest dt"`
}

var kernel = papers.Experiment{
	Name: "kernel",
	Summary: "Noisy copies learn a function by kernel ridge regression, a quadratic objective that is solved exactly: the same grid of sizes, gains and topologies " +
		"beside the exact formulas.",
	Tests: []string{"exact"},
	Params: papers.Presets[kernelParams]{
		Quick:   kernelParams{Most: 16, Points: 20, Width: .3, Ridge: .1, Least: 1e-3, Sigma: .1, Length: 150, Step: .08, Longest: .04},
		Default: kernelParams{Most: 32, Points: 20, Width: .3, Ridge: .1, Least: 1e-3, Sigma: .1, Length: 1500, Step: .04, Longest: .01},
		Full:    kernelParams{Most: 32, Points: 20, Width: .3, Ridge: .1, Least: 1e-3, Sigma: .1, Length: 6000, Step: .02, Longest: .01},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: []report.Metric{
		{ID: "off-linear", Name: "largest distance of D from the linear formula, as a part of it", Better: report.Lower, Says: "sizes and gains above 0 of the complete graph"},
		{ID: "over-bound", Name: "largest D / bound", Better: report.Lower, Says: "gains above 0"},
		{ID: "loose", Name: "largest bound / D", Better: report.Lower, Says: "gains above 0: how loose the bound is where curvatures differ by orders of magnitude"},
		{ID: "error", Name: "squared error of one circuit", Better: report.Lower, Says: "|c_i - c*|², mean over time and circuits"},
		{ID: "error-mean", Name: "squared error of the mean circuit", Better: report.Lower},
		{ID: "disagreement", Name: "disagreement D", Better: report.Lower, Says: "(1/n) Σ |c_i - mean|²"},
	},
	Systems: []report.System{
		{Name: systemCoupled, Role: report.Subject, Says: "16 circuits, each coupled with each by k = 0.25, unless a metric says otherwise"},
		{Name: systemUncoupled, Role: report.Baseline, Says: "16 circuits on their own"},
		{Name: systemSingle, Role: report.Baseline, Says: "one circuit"},
		{Name: systemDescent, Role: report.Baseline, Says: "the optimum c*, the ceiling"},
	},
	Run: runKernel,
	Judge: func(rs *papers.Results) {
		rs.Claim("exact").Level("largest distance of D from the linear formula, worst seed", rs.Max(systemCoupled, "off-linear"), "≤", .05)
	},
}

// noisySine draws points of sin 3x on [-1, 1] with noise of 0.1.
func noisySine(n int, rng *rand.Rand) (x, y []float64) {
	for range n {
		at := 2*rng.Float64() - 1
		x, y = append(x, at), append(y, math.Sin(3*at)+.1*rng.NormFloat64())
	}
	return x, y
}

func runKernel(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[kernelParams](r)
	x, y := noisySine(p.Points, r.Rand("samples"))
	l, err := kernelRidge(x, y, p.Width, p.Ridge, p.Least)
	if err != nil {
		return papers.Refuse(err)
	}
	c := clock{Sigma: p.Sigma, Length: p.Length, Step: p.Step, Longest: p.Longest}
	if err := c.check(l); err != nil {
		return papers.Refuse(err)
	}
	r.Note("%d of %d directions of the kernel are learned, of curvature %.2g to %.2g. Circuits begin in their stationary distribution, which is known exactly: the slowest "+
		"direction would take %.0f time units to reach it.", l.size(), p.Points, l.mu, l.steepest, 1/l.mu)
	conditions, err := grid(p.Most)
	if err != nil {
		return err
	}
	shapes, err := topologies(r)
	if err != nil {
		return err
	}
	out, err := simulate(ctx, r, l, nil, c, append(conditions, shapes...))
	if err != nil {
		return err
	}
	measure(r, systemCoupled, out[key(traceUnits, .25)], false)
	measure(r, systemUncoupled, out[key(traceUnits, 0)], false)
	measure(r, systemSingle, out[key(1, 0)], false)
	r.Measure(systemDescent, "error", 0)
	var off, over, loose float64
	for n := 2; n <= p.Most; n *= 2 {
		for _, k := range gains[1:] {
			o := out[key(n, k)]
			off = max(off, math.Abs(o.Disagreement/o.Expected.Linear-1))
			over, loose = max(over, o.Disagreement/o.Expected.Bound), max(loose, o.Expected.Bound/o.Disagreement)
		}
	}
	r.Measure(systemCoupled, "off-linear", off)
	r.Measure(systemCoupled, "over-bound", over)
	r.Measure(systemCoupled, "loose", loose)
	drawSpectrum(r, l, out, p.Most, p.Sigma)
	drawTopologies(r, out, shapes)
	tabulate(r, out, p.Most, false)
	return nil
}
