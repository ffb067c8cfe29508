package deconstruct

import (
	"context"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/papers"
)

// ranked are the models of the default preset, of which the paper says which is the best.
const ranked = "lstm+at+input gru rhn rhn+at+input transformer"

var field = papers.Experiment{
	Name:    "kuramoto-sivashinsky",
	Summary: "Forecasts of a chaotic field of 64 points, on which the paper ranks models; longer.",
	Tests:   []string{"high-dimensional"},
	Params: papers.Presets[params]{
		Quick: params{Models: "gru", Train: 1200, Val: 400, Test: 600, Dt: .25, Forcing: 20, Slow: true, Length: 22, Points: 32, Exponent: .048,
			Hidden: 32, Heads: 2, Window: 8, Depth: 2, Updates: 300, Batch: 16, Steps: 24, Warmup: 8, Stride: 4, Rate: 1e-2, Floor: 1e-3, Clip: 1, Noise: .005,
			Starts: 10, Known: 24, Horizon: 100, Lags: 2, Reservoir: 100, Radius: .6, Gain: 1},
		Default: params{Models: ranked, Train: 20_000, Val: 2000, Test: 10_000, Dt: .25, Forcing: 20, Slow: true, Length: 22, Points: 64, Exponent: .048,
			Hidden: 64, Heads: 4, Window: 16, Depth: 2, Updates: 5000, Batch: 32, Steps: 64, Warmup: 16, Stride: 8, Rate: 2e-3, Floor: 1e-4, Clip: 1, Noise: .005,
			Starts: 100, Known: 64, Horizon: 300, Lags: 8, Reservoir: 1000, Radius: .6, Gain: 1},
		Full: params{Models: "lstm lstm+at+input gru gru+at+input rhn rhn+at+input rhn+at+additive rhn+at+rate transformer transformer+memory",
			Train: 100_000, Val: 10_000, Test: 100_000, Dt: .25, Forcing: 20, Slow: true, Length: 100, Points: 512, Exponent: .09,
			Hidden: 512, Heads: 8, Window: 32, Depth: 3, Updates: 50_000, Batch: 32, Steps: 64, Warmup: 16, Stride: 8, Rate: 1e-3, Floor: 1e-4, Clip: 1, Noise: .005,
			Starts: 100, Known: 64, Horizon: 300, Lags: 8, Reservoir: 5000, Radius: .6, Gain: 1},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Metrics: metrics, Systems: systems,
	Run: func(ctx context.Context, r *papers.Run) error {
		p := papers.ParamsOf[params](r)
		s, err := kuramoto(p.Dt, p.Length, p.Points)
		if err != nil {
			return papers.Refuse(err)
		}
		return runGenerated(ctx, r, p, s)
	},
	Judge: func(rs *papers.Results) {
		best := nameOf("rhn+at+input")
		others := math.NaN()
		for _, s := range systems {
			// Models that were not run have no mean.
			if v := rs.Mean(s.Name, "valid"); s.Name != best && !math.IsNaN(v) && !slices.Contains([]string{nameLinear, nameEcho, namePersistence}, s.Name) && !(others > v) {
				others = v
			}
		}
		rs.Claim("high-dimensional").Relation("valid time of "+best+", the best of the others", rs.Mean(best, "valid"), "≥", others).
			Because("with this much training closed loops of GRU and of the models with attention and input gate leave the attractor on nearly every start (see stable starts): 64 points move in " +
				"few directions, and nothing that was seen leads back along the others; RHN alone and the Transformer stay. The full preset has the paper's size")
	},
}
