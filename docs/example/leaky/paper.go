// Package leaky is the example of docs/adding-a-paper.md: a leaky integrator that follows a slow signal through noise.
package leaky

import (
	"context"
	"math"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// params are what a user can set with --set name=value.
type params struct {
	Steps int     `param:"steps" help:"length of the signal" min:"100" max:"1000000"`
	Tau   float64 `param:"tau" help:"time constant of the integrator" unit:"steps" min:"1" max:"1000"`
	Noise float64 `param:"noise" help:"standard deviation of the noise on the input" min:"0"`
}

func init() {
	papers.Register(papers.Paper{
		Slug: "leaky", System: "Leaky integrator", Title: "A leaky integrator follows a slow signal through noise",
		Authors: 1, Published: "1907", Family: papers.Recurrent,
		Summary: "An exponentially forgetting average estimates a slowly changing value better than the newest noisy sample does.",
		Claims: []papers.Claim{
			{ID: "follows", Says: "Its error is at most half that of the newest sample", Origin: papers.Ours},
		},
		Experiments: []papers.Experiment{{
			Name: "walk", Summary: "A random walk seen through white noise; under a second.", Tests: []string{"follows"},
			Params: papers.Presets[params]{
				Quick:   params{Steps: 2_000, Tau: 10, Noise: 1},
				Default: params{Steps: 100_000, Tau: 10, Noise: 1},
				Full:    params{Steps: 1_000_000, Tau: 10, Noise: 1},
			},
			Seeds:   papers.Seeds{Default: 3, Full: 3},
			Metrics: []report.Metric{{ID: "rmse", Name: "root-mean-square error", Better: report.Lower}},
			Systems: []report.System{
				{Name: "leaky integrator", Role: report.Subject},
				{Name: "newest sample", Role: report.Baseline, Says: "predicts that the value is what was just seen"},
			},
			Run:   walk,
			Judge: judge,
		}},
	})
}

// walk carries out one seed.
func walk(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[params](r)
	signal, noise := r.Rand("signal"), r.Rand("noise") // streams of their own: more noise leaves the signal as it was
	var truth, estimate, errLeaky, errNewest float64
	for t := range p.Steps {
		if t%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			r.Progress(papers.Progress{Stage: "walking", Done: t, Total: p.Steps, Unit: "steps"})
		}
		truth += 0.05 * signal.NormFloat64()
		seen := truth + p.Noise*noise.NormFloat64()
		estimate += (seen - estimate) / p.Tau
		errLeaky += (estimate - truth) * (estimate - truth)
		errNewest += (seen - truth) * (seen - truth)
	}
	r.Measure("leaky integrator", "rmse", math.Sqrt(errLeaky/float64(p.Steps)))
	r.Measure("newest sample", "rmse", math.Sqrt(errNewest/float64(p.Steps)))
	return nil
}

// judge ties what all seeds measured to the claim.
func judge(rs *papers.Results) {
	rs.Claim("follows").Relation("rmse, mean of seeds, against half the newest sample's",
		rs.Mean("leaky integrator", "rmse"), "≤", 0.5*rs.Mean("newest sample", "rmse"))
}
