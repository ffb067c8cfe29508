package deconstruct

import (
	"context"
	"fmt"

	"github.com/gyrus-dev/gyrus/nn"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

const (
	nameLinear      = "vector autoregression"
	nameEcho        = "echo-state network"
	namePersistence = "persistence"
)

var metrics = []report.Metric{
	{ID: "valid", Name: "valid prediction time", Unit: "time units", Better: report.Higher, Says: "until the error of a closed-loop forecast is above 0.5 standard deviations, mean over starts"},
	{ID: "lyapunov", Name: "the same", Unit: "Lyapunov times", Better: report.Higher},
	{ID: "strict", Name: "valid prediction time at 0.05", Unit: "time units", Better: report.Higher},
	{ID: "step", Name: "one-step error", Better: report.Lower, Says: "root mean square over the test part, in standard deviations"},
	{ID: "relative", Name: "the same over that of persistence", Better: report.Lower},
	{ID: "stable", Name: "starts that stay below 3 standard deviations", Better: report.Higher, Says: "over 1.2 time units of Lorenz-96, 100 of the field"},
	{ID: "climate", Name: "error of the log power spectrum", Better: report.Lower, Says: "mean absolute difference of log10, forecasts against truth"},
	{ID: "shuffled", Name: "last step's error with shuffled time over that in order", Says: "inputs before the last one, test windows"},
	{ID: "leaks", Name: "earlier outputs changed by what comes later", Better: report.Lower},
	{ID: "identity", Name: "what untrained rate gates let through", Better: report.Lower, Says: "largest difference that the blocks make"},
	{ID: "parameters", Name: "parameters"},
}

// systems are all models that the switches make, and the baselines.
var systems = func() []report.System {
	var all []report.System
	add := func(role report.Role, says, text string) {
		all = append(all, report.System{Name: nameOf(text), Role: role, Says: says})
	}
	for _, core := range []string{"lstm", "gru", "rhn"} {
		add(report.Baseline, "plain: no attention, no gate", core)
		add(report.Subject, "", core+"+at+input")
	}
	add(report.Baseline, "pre-norm, additive", "transformer")
	add(report.Ablation, "also sees the segment before, without gradient (R1)", "transformer+memory")
	for _, core := range []string{"lstm", "gru", "rhn", "elman"} {
		for _, skip := range []nn.Skip{nn.Replace, nn.Additive, nn.Rate, nn.Gated} {
			for _, at := range []string{"", "+at"} {
				if core != "elman" && (at == "" && skip == nn.Replace || at != "" && skip == nn.Gated) {
					continue // above
				}
				add(report.Ablation, "", fmt.Sprintf("%s%s+%s", core, at, skip))
			}
		}
	}
	for _, skip := range []nn.Skip{nn.Additive, nn.Rate, nn.Gated} {
		for _, at := range []string{"", "+at"} {
			add(report.Ablation, "joined in time as well", "elman"+at+"+time-"+string(skip))
		}
		for _, recur := range []string{"", "+memory", "+recurrent"} {
			for _, norm := range []string{"", "+post"} {
				if skip == nn.Additive && recur != "+recurrent" && norm == "" || skip == nn.Rate && norm != "" {
					continue // above, or undefined
				}
				add(report.Ablation, "", "transformer+"+string(skip)+recur+norm)
			}
		}
	}
	return append(all,
		report.System{Name: nameLinear, Role: report.Baseline, Says: "ridge regression on the last values, λ by valid time on the validation part"},
		report.System{Name: nameEcho, Role: report.Baseline, Says: "random reservoir, ridge read-out, λ likewise"},
		report.System{Name: namePersistence, Role: report.Baseline, Says: "says that nothing changes"})
}()

var lorenz = papers.Experiment{
	Name: "lorenz-96",
	Summary: "Forecasts of the slow variables of the three-scale Lorenz-96 system: ten models on one skeleton, with one budget, beside autoregression, a reservoir and persistence. " +
		"About four minutes a seed on two free cores.",
	Tests: []string{"learn", "gating", "memory", "highway", "stable", "causal"},
	Params: papers.Presets[params]{
		Quick: params{Models: "gru rhn+at+input rhn+at+rate transformer+memory", Train: 3000, Val: 400, Test: 1200, Dt: .0025, Forcing: 20, Slow: true, Length: 22, Points: 64, Exponent: 10,
			Hidden: 16, Heads: 2, Window: 8, Depth: 2, Updates: 300, Batch: 32, Steps: 24, Warmup: 8, Stride: 4, Rate: 1e-2, Floor: 1e-3, Clip: 1, Noise: .005,
			Starts: 20, Known: 24, Horizon: 120, Lags: 12, Reservoir: 100, Radius: .6, Gain: 1},
		Default: params{Models: "lstm lstm+at+input gru gru+at+input rhn rhn+at+input rhn+at+additive rhn+at+rate transformer transformer+memory",
			Train: 30_000, Val: 5000, Test: 10_000, Dt: .0025, Forcing: 20, Slow: true, Length: 22, Points: 64, Exponent: 10,
			Hidden: 64, Heads: 4, Window: 16, Depth: 2, Updates: 2500, Batch: 32, Steps: 64, Warmup: 16, Stride: 8, Rate: 2e-3, Floor: 1e-4, Clip: 1, Noise: .005,
			Starts: 100, Known: 64, Horizon: 200, Lags: 16, Reservoir: 1000, Radius: .6, Gain: 1},
		Full: params{Models: "lstm lstm+input lstm+at+input lstm+at+additive lstm+at+rate gru gru+input gru+at+input gru+at+additive gru+at+rate rhn rhn+input rhn+at+input " +
			"rhn+at+additive rhn+at+rate transformer transformer+memory transformer+recurrent transformer+input transformer+rate transformer+post",
			Train: 100_000, Val: 10_000, Test: 20_000, Dt: .0025, Forcing: 20, Slow: true, Length: 22, Points: 64, Exponent: 10,
			Hidden: 128, Heads: 4, Window: 32, Depth: 3, Updates: 20_000, Batch: 32, Steps: 64, Warmup: 16, Stride: 8, Rate: 1e-3, Floor: 1e-4, Clip: 1, Noise: .005,
			Starts: 100, Known: 64, Horizon: 200, Lags: 16, Reservoir: 1000, Radius: .6, Gain: 1},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 2, Full: 3},
	Metrics: metrics, Systems: systems,
	Run: func(ctx context.Context, r *papers.Run) error {
		p := papers.ParamsOf[params](r)
		s, err := lorenz96(p.Dt, p.Forcing, !p.Slow)
		if err != nil {
			return papers.Refuse(err)
		}
		return runGenerated(ctx, r, p, s)
	},
	Judge: judgeLorenz,
}

func judgeLorenz(rs *papers.Results) {
	valid := func(text string) float64 { return rs.Mean(nameOf(text), "valid") }
	plain := []string{"lstm", "gru", "rhn", "transformer"}
	learn := rs.Claim("learn")
	for _, m := range plain {
		learn.Relation("one-step error of "+nameOf(m)+", 0.08 of that of persistence, mean of seeds", rs.Mean(nameOf(m), "step"), "≤", .08*rs.Mean(namePersistence, "step"))
		learn.Level("valid time of "+nameOf(m), valid(m), "≥", .6)
	}
	sum := 0.
	for _, m := range plain[:3] {
		sum += valid(m+"+at+input") / valid(m) / 3
	}
	rs.Claim("gating").
		Relation("valid time with attention and input gate over the plain core's, mean of three", sum, "≥", .95).
		Level("the same of GRU", valid("gru+at+input")/valid("gru"), "≥", 1.03).
		Because("at this size and budget plain cores already stay valid for most of what can be learned of eight observed values of 584; see the table of ratios")
	rs.Claim("memory").Relation("valid time with memory, 1.03 of that without", valid("transformer+memory"), "≤", 1.03*valid("transformer")).
		Because("here memory doubles what attention sees in place of bringing recurrence through the whole past")
	rs.Claim("highway").
		Relation("valid time of RHN, that of GRU", valid("rhn"), "≥", valid("gru")).
		Relation("valid time of RHN, that of LSTM less 0.02", valid("rhn"), "≥", valid("lstm")-.02).
		Because("a mean over 100 starts is uncertain by some 0.03 units, more than what parts RHN from an LSTM whose forget gates begin open; the paper's ranking is of larger systems")
	stable, causal := rs.Claim("stable"), rs.Claim("causal")
	for _, m := range []string{"lstm", "gru", "rhn", "lstm+at+input", "gru+at+input", "rhn+at+input", "transformer", "transformer+memory"} {
		stable.Level("share of starts of "+nameOf(m)+" that stay below 3", rs.Mean(nameOf(m), "stable"), "≥", .95)
		causal.Relation("earlier outputs of "+nameOf(m)+" that later inputs change", rs.Max(nameOf(m), "leaks"), "≤", 0)
	}
	causal.Relation("what untrained rate gates let through", rs.Max(nameOf("rhn+at+rate"), "identity"), "≤", 0)
	for _, m := range plain {
		causal.Level("last step's error of "+nameOf(m)+" with shuffled time over that in order", rs.Mean(nameOf(m), "shuffled"), "≥", 2)
	}
}
