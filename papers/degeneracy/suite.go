package degeneracy

import (
	"context"
	"fmt"

	"github.com/gyrus-dev/gyrus/dynamics/ensemble"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

type suiteParams struct {
	Networks  int     `param:"networks" min:"1" max:"1000" help:"networks of each condition, 3 or more; they differ in their seed"`
	Units     int     `param:"units" min:"8" max:"1024" help:"units of a network"`
	Steps     int     `param:"steps" min:"4" max:"1000" help:"steps of a flip-flop trial"`
	Delay     int     `param:"delay" min:"1" max:"500" help:"longest delay of the discrimination" unit:"steps"`
	Batch     int     `param:"batch" min:"1" max:"4096" help:"trials of an update"`
	Rate      float64 `param:"rate" min:"0" max:"1" help:"learning rate of Adam"`
	Flip      float64 `param:"threshold" min:"0" max:"1" help:"error at which a flip-flop network stops"`
	Decide    float64 `param:"discrimination-threshold" min:"0" max:"1" help:"error at which a discrimination network stops"`
	Patience  int     `param:"patience" min:"0" max:"1000000" help:"updates without a best error after which the rate of a discrimination network is halved; 0 keeps it"`
	Updates   int     `param:"updates" min:"1" max:"1000000" help:"most updates of a network"`
	Probe     int     `param:"probe" min:"8" max:"4096" help:"trials on which networks are compared"`
	Longer    int     `param:"longer" min:"8" max:"65536" help:"longer trials for the error beyond training"`
	Starts    int     `param:"starts" min:"1" max:"1000" help:"starts of the search for a rotation"`
	Together  int     `param:"together" min:"0" max:"4096" help:"networks trained side by side; 0 is all of a condition, 1 one after the other"`
	Penalties bool    `param:"penalties" help:"train the conditions with an l1 penalty as well"`
}

// The systems.
const (
	flip2, flip3, flip4 = "flip-flop, 2 bits", "flip-flop, 3 bits", "flip-flop, 4 bits"
	mild3, strong3      = "3 bits, l1 = 1e-5", "3 bits, l1 = 5e-5"
	decide, decideAux   = "discrimination", "discrimination, auxiliary target"
	searched            = "the same network, hidden"
	unsearched          = "hidden, without the search"
)

func untrained(system string) string { return system + ", untrained" }

var suite = papers.Experiment{
	Name: "suite",
	Summary: "Flip-flop of 2, 3 and 4 bits, with and without an l1 penalty, and delayed discrimination with and without an auxiliary target: networks that differ only in their seed, " +
		"trained side by side to one error, and compared in weights, dynamics and behaviour.",
	Tests: []string{"equal-loss", "weights", "dynamics", "l1", "behaviour", "sanity"},
	Params: papers.Presets[suiteParams]{
		Quick: suiteParams{Networks: 3, Units: 24, Steps: 12, Delay: 3, Batch: 32, Rate: 5e-3, Flip: .05, Decide: .12, Patience: 500, Updates: 1500, Probe: 128, Longer: 64, Starts: 16,
			Penalties: false},
		Default: suiteParams{Networks: 8, Units: 64, Steps: 40, Delay: 20, Batch: 64, Rate: 1e-3, Flip: 1e-3, Decide: .01, Patience: 1000, Updates: 30_000, Probe: 256, Longer: 512, Starts: 16,
			Penalties: true},
		Full: suiteParams{Networks: 50, Units: 128, Steps: 100, Delay: 20, Batch: 64, Rate: 1e-3, Flip: 1e-3, Decide: .01, Patience: 5120, Updates: 128_000, Probe: 256, Longer: 2048, Starts: 16,
			Penalties: true},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 1, Full: 1},
	Metrics: append(metrics[:len(metrics):len(metrics)], report.Metric{ID: "pif-part", Name: "d_PIF / |W|"}, report.Metric{ID: "dsa-largest", Name: "largest DSA"}),
	Systems: []report.System{
		{Name: flip2, Role: report.Subject}, {Name: flip3, Role: report.Subject}, {Name: flip4, Role: report.Subject},
		{Name: mild3, Role: report.Subject}, {Name: strong3, Role: report.Subject},
		{Name: decide, Role: report.Subject, Says: "of two pulses after a delay"}, {Name: decideAux, Role: report.Subject, Says: "asks for the difference as well"},
		{Name: untrained(flip2), Role: report.Baseline, Says: "the same networks before training"},
		{Name: untrained(flip3), Role: report.Baseline}, {Name: untrained(flip4), Role: report.Baseline},
		{Name: searched, Role: report.Baseline, Says: "a random matrix and itself with units permuted or coordinates rotated: true distance 0"},
		{Name: unsearched, Role: report.Ablation, Says: "what a measure finds that looks for no permutation or rotation"},
	},
	Run:   func(ctx context.Context, r *papers.Run) error { return runSuite(ctx, []*papers.Run{r}) },
	Batch: runSuite,
	Judge: judge,
}

// conditions lists what is trained.
func (p suiteParams) conditions() []condition {
	o := ensemble.Options{Steps: p.Steps, Batch: p.Batch, Rate: p.Rate, Threshold: p.Flip, Updates: p.Updates}
	flip := func(system, name string, bits int, l1 float64) condition {
		o := o
		o.L1 = l1
		return condition{system: system, name: name, stream: fmt.Sprintf("flip-flop %d", bits), task: cognitive.FlipFlop{Bits: bits, Steps: p.Steps, P: .1},
			net: ensemble.Network{Inputs: bits, Units: p.Units, Outputs: bits, Biased: true}, o: o, count: p.Networks, together: p.Together}
	}
	all := []condition{flip(flip2, "flip-flop-2", 2, 0), flip(flip3, "flip-flop-3", 3, 0), flip(flip4, "flip-flop-4", 4, 0)}
	if p.Penalties {
		all = append(all, flip(mild3, "flip-flop-3-mild", 3, 1e-5), flip(strong3, "flip-flop-3-strong", 3, 5e-5))
	}
	for _, aux := range []bool{false, true} {
		task := cognitive.Discrimination{Channels: 1, MinDelay: min(5, p.Delay), MaxDelay: p.Delay, Response: 5, Low: 2, High: 10, Auxiliary: aux}
		s := task.Sizes()
		o := o
		o.Steps, o.Threshold, o.Patience = s.Steps, p.Decide, p.Patience
		c := condition{system: decide, name: "discrimination", stream: "discrimination", task: task, o: o, count: p.Networks, together: p.Together,
			net: ensemble.Network{Inputs: s.Inputs, Units: p.Units, Outputs: s.Outputs, Biased: true}}
		if aux {
			c.system, c.name, c.stream = decideAux, "discrimination-auxiliary", "discrimination with target"
		}
		all = append(all, c)
	}
	return all
}

func (p suiteParams) probing() probing {
	return probing{trials: p.Probe, longer: p.Longer, kernel: 8, effort: effort{p.Starts, 3}, untrained: true}
}

// runSuite carries out one run or several, the networks of which are trained together.
func runSuite(ctx context.Context, runs []*papers.Run) error {
	p := papers.ParamsOf[suiteParams](runs[0])
	if p.Networks < least {
		return fewNetworks(p.Networks)
	}
	results := make([]suiteResults, len(runs))
	for _, c := range p.conditions() {
		trained, err := c.train(ctx, runs)
		if err != nil {
			return err
		}
		for i, r := range runs {
			probing := p.probing()
			probing.untrained = c.o.L1 == 0 && c.net.Inputs > 1
			a, err := c.analyse(ctx, r, trained[i], probing)
			if err != nil {
				return err
			}
			a.record(r, c)
			if a.Untrained != nil {
				a.Untrained.record(r, untrained(c.system))
			}
			results[i] = append(results[i], result{c, trained[i], a})
		}
	}
	for i, r := range runs {
		pif, dsa, pifUnsearched, dsaUnsearched, err := hidden(r.Rand("hidden"), p.probing().effort)
		if err != nil {
			return err
		}
		r.Measure(searched, "pif-part", pif)
		r.Measure(searched, "dsa-largest", dsa)
		r.Measure(unsearched, "pif-part", pifUnsearched)
		r.Measure(unsearched, "dsa-largest", dsaUnsearched)
		if err := results[i].draw(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// result is a condition with what became of it.
type result struct {
	condition
	nets []network
	*analysis
}

type suiteResults []result

func judge(rs *papers.Results) {
	p := rs.Params.(suiteParams)
	v := rs.Mean
	conditions := p.conditions()
	equal := rs.Claim("equal-loss")
	share, spread := 1., 0.
	for _, c := range conditions {
		share = min(share, rs.Min(c.system, "converged"))
		spread = max(spread, rs.Max(c.system, "loss-spread"))
	}
	equal.Relation("share of networks that reach the threshold, least of all conditions", share, "≥", 1)
	if share == 1 { // else there may be none to measure the spread of
		equal.Level("spread of the training error, largest of all conditions", spread, "<", .2)
	}

	n := float64(p.Networks * (p.Networks - 1) / 2)
	se := errorOfDifference(v(flip2, "pif-se"), v(flip4, "pif-se"))
	rs.Claim("weights").
		Relation(fmt.Sprintf("d_PIF with 4 bits, that with 2 + 2 standard errors over %.0f pairs each", n), v(flip4, "pif"), "≥", v(flip2, "pif")+2*se).
		Relation("|W_T - W_0| with 3 bits, with 2", v(flip3, "change"), ">", v(flip2, "change")).
		Relation("|W_T - W_0| with 4 bits, with 3", v(flip4, "change"), ">", v(flip3, "change"))

	dynamics := rs.Claim("dynamics")
	for _, e := range embeddings[:registered] {
		at := fmt.Sprintf("DSA (%d, %d)", e.Delays, e.Rank)
		dynamics.Relation(at+" with 4 bits, 0.6 × that with 2", v(flip4, e.id()), "<", .6*v(flip2, e.id())).
			Relation(at+" with 2 bits, 3 × its null level", v(flip2, e.id()), "≥", 3*v(flip2, e.nullID()))
	}
	dynamics.Because("the null level is the noise of two fits to %d trials each, and falls as the probe grows, whereas distances between networks stay: the factor over it says as much of the "+
		"probe (%d trials) as of networks", p.Probe/2, p.Probe)
	if p.Penalties {
		l1 := rs.Claim("l1").
			Relation("d_PIF with the penalty, 0.9 × that without", v(strong3, "pif"), "≤", .9*v(flip3, "pif")).
			Relation("DSA (1, 4) with the penalty, 0.8 × that without", v(strong3, "dsa-1-4"), "≤", .8*v(flip3, "dsa-1-4")).
			Level("share of networks with the penalty that reach the same threshold", rs.Min(strong3, "converged"), "≥", 1)
		l1.Because("DSA (1, 4) with 3 bits is %.1f times its null level without the penalty and %.1f times with it, which leaves little to lower", v(flip3, "dsa-1-4")/v(flip3, "null-1-4"),
			v(strong3, "dsa-1-4")/v(strong3, "null-1-4"))
	} else {
		rs.NotTested("l1", "set penalties=true")
	}
	se = errorOfDifference(v(decide, "ood-se"), v(decideAux, "ood-se"))
	rs.Claim("behaviour").Relation("sd of the error on doubled delays with the auxiliary target, that without + a standard error",
		v(decideAux, "ood-sd"), "<", v(decide, "ood-sd")+se)
	rs.Claim("sanity").
		Level("d_PIF over |W| of permuted units", rs.Max(searched, "pif-part"), "<", 1e-3).
		Level("largest DSA of rotated coordinates", rs.Max(searched, "dsa-largest"), "<", 1e-2).
		Level("d_PIF over |W| without the search", rs.Min(unsearched, "pif-part"), ">", .5).
		Level("largest DSA without the search", rs.Min(unsearched, "dsa-largest"), ">", .5)
}
