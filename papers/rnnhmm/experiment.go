package rnnhmm

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/gyrus-dev/gyrus/dynamics/hmm"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type params struct {
	Teacher   string  `param:"teacher" help:"chain, full (three states) or cyclic (four states)"`
	States    int     `param:"states" min:"2" max:"50" help:"states of a chain"`
	Target    float64 `param:"target" help:"product of the transition probabilities along a chain"`
	Steps     int     `param:"steps" min:"2" max:"10000" help:"length of a sequence; several times as long as a state lasts"`
	Hidden    int     `param:"hidden" min:"8" max:"2000" help:"units of the network"`
	Inputs    int     `param:"inputs" min:"1" max:"2000" help:"dimensions of the noise that drives it"`
	Sequences int     `param:"sequences" min:"4" max:"1000000" help:"sequences of the teacher to learn from"`
	Batch     int     `param:"batch" min:"2" max:"100000" help:"sequences on either side of a divergence"`
	Epochs    int     `param:"epochs" min:"1" max:"100000" help:"passes over the sequences"`
	Rate      float64 `param:"rate" min:"0" max:"1" help:"learning rate"`
	Clip      float64 `param:"clip" min:"0" max:"1000" help:"largest norm of the gradient"`
	Blur      float64 `param:"blur" help:"blur of the Sinkhorn divergence"`
	Test      int     `param:"test" min:"10" max:"1000000" help:"sequences that statistics are taken of"`
	Self      int     `param:"self-epochs" min:"0" max:"100000" help:"epochs of the ablation that keeps the self term of the gradient only"`
}

func (p params) sizes(symbols int) sizes { return sizes{p.Inputs, p.Hidden, symbols, p.Steps} }

func (p params) schedule() schedule {
	return schedule{p.Batch, p.Epochs, p.Rate, p.Clip, p.Blur, false}
}

// check says what cannot be trained.
func (p params) check() error {
	if p.Batch > p.Sequences {
		return fmt.Errorf("batch: %d sequences, but there are %d to learn from", p.Batch, p.Sequences)
	}
	if !(p.Blur > 0) {
		return fmt.Errorf("blur: %g; expected more than 0", p.Blur)
	}
	return nil
}

const (
	systemRNN       = "RNN, optimal transport"
	systemUntrained = "untrained RNN"
	systemSelf      = "self term of the gradient only"
	systemSilent    = "RNN without noise"
	systemMarkov    = "first-order Markov chain"
	systemTeacher   = "teacher, other sequences"
)

var metrics = []report.Metric{
	{ID: "divergence", Name: "Sinkhorn divergence from the teacher", Better: report.Lower, Says: "mean of 8 batches; sequences of another draw of the teacher give the floor"},
	{ID: "transition", Name: "error of symbol transitions", Better: report.Lower, Says: "mean absolute, rows of symbols of a share of 5 % and more"},
	{ID: "frequency", Name: "largest error of a main symbol's share", Better: report.Lower, Says: "of the two most frequent symbols of the teacher"},
	{ID: "volatility", Name: "changes of symbol in 100 steps"},
	{ID: "driven", Name: "spread of driven states", Says: "root mean square distance from their mean, 100 trajectories"},
	{ID: "left", Name: "spread after 500 silent steps", Better: report.Lower},
	{ID: "switch-0.25", Name: "sampled changes per step at σ = 0.25"},
	{ID: "switch-0.5", Name: "sampled changes per step at σ = 0.5"},
	{ID: "switch-1", Name: "sampled changes per step at σ = 1"},
	{ID: "switch-2", Name: "sampled changes per step at σ = 2"},
	{ID: "radius-0.25", Name: "radius of the orbit at σ = 0.25"},
	{ID: "radius-2", Name: "radius of the orbit at σ = 2"},
	{ID: "rt-cluster", Name: "mean residence in clusters", Unit: "steps"},
	{ID: "rt-transition", Name: "mean residence in transitions", Unit: "steps"},
	{ID: "argmax", Name: "argmax switches per step"},
	{ID: "kick", Name: "the same, 3 kick units silenced", Better: report.Neither},
	{ID: "one-way", Name: "the same, 3 kick units of one direction silenced", Says: "of the direction whose units cost more"},
	{ID: "random", Name: "the same, 3 random units silenced", Says: "mean of 12 triples"},
}

var systems = []report.System{
	{Name: systemRNN, Role: report.Subject, Says: "driven by noise alone, trained by the Sinkhorn divergence of whole sequences"},
	{Name: systemTeacher, Role: report.Baseline, Says: "the floor: what a perfect student reaches"},
	{Name: systemMarkov, Role: report.Baseline, Says: "fitted to symbols; exact on their transitions by construction"},
	{Name: systemUntrained, Role: report.Baseline, Says: "the same start and noise; also what a gradient of zero leaves"},
	{Name: systemSilent, Role: report.Ablation, Says: "random start, no noise"},
	{Name: systemSelf, Role: report.Ablation, Says: "OT(x, y) left out of the gradient, fewer epochs"},
}

var twoStates = papers.Experiment{
	Name: "two-states",
	Summary: "A network driven by noise learns to emit the symbols of a hidden Markov model of two states, by optimal transport between batches of sequences, " +
		"and is then taken apart: what is left without noise, what noise does, and which units switch it.",
	Tests: []string{"transitions", "floor", "collapse", "graded", "kick", "statistics"},
	Params: papers.Presets[params]{
		Quick: params{Teacher: "chain", States: 2, Target: .1, Steps: 30, Hidden: 48, Inputs: 16, Sequences: 1280, Batch: 256, Epochs: 80, Rate: 3e-3, Clip: .9,
			Blur: .2, Test: 500, Self: 2},
		Default: params{Teacher: "chain", States: 2, Target: .05, Steps: 60, Hidden: 100, Inputs: 50, Sequences: 10_240, Batch: 512, Epochs: 45, Rate: 1e-3, Clip: .9,
			Blur: .2, Test: 5000, Self: 4},
		Full: params{Teacher: "chain", States: 2, Target: .05, Steps: 100, Hidden: 150, Inputs: 100, Sequences: 12_288, Batch: 4096, Epochs: 500, Rate: 1e-3, Clip: .9,
			Blur: .2, Test: 5000, Self: 20},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: metrics, Systems: systems, Run: run, Judge: judge,
}

var threeStates = papers.Experiment{
	Name:    "three-states",
	Summary: "The same with a chain of three states, or with teacher=full or cyclic.",
	Params: papers.Presets[params]{
		Quick: params{Teacher: "chain", States: 3, Target: .05, Steps: 20, Hidden: 32, Inputs: 8, Sequences: 640, Batch: 64, Epochs: 4, Rate: 3e-3, Clip: .9,
			Blur: .2, Test: 500, Self: 1},
		Default: params{Teacher: "chain", States: 3, Target: .05, Steps: 30, Hidden: 100, Inputs: 50, Sequences: 10_240, Batch: 512, Epochs: 125, Rate: 1e-3, Clip: .9,
			Blur: .2, Test: 5000, Self: 10},
		Full: params{Teacher: "chain", States: 3, Target: .05, Steps: 30, Hidden: 150, Inputs: 100, Sequences: 12_288, Batch: 4096, Epochs: 500, Rate: 1e-3, Clip: .9,
			Blur: .2, Test: 5000, Self: 20},
	},
	Seeds:   papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Metrics: metrics, Systems: systems, Run: run,
}

func judge(rs *papers.Results) {
	error := rs.Mean(systemRNN, "transition")
	rs.Claim("transitions").
		Level("error of symbol transitions, mean of seeds", error, "≤", .04).
		Relation("8 × that, the untrained network's", 8*error, "≤", rs.Mean(systemUntrained, "transition"))
	rs.Claim("floor").Relation("divergence from the teacher, 1.10 × that of other sequences of the teacher, mean of seeds",
		rs.Mean(systemRNN, "divergence"), "≤", 1.10*rs.Mean(systemTeacher, "divergence"))
	worst := 0.
	driven, left := rs.Values(systemRNN, "driven"), rs.Values(systemRNN, "left")
	for i := range min(len(driven), len(left)) {
		worst = max(worst, left[i]/driven[i])
	}
	rs.Claim("collapse").Level("spread after 500 silent steps over that of driven states, largest of all seeds", worst, "<", .01)
	sw := func(sigma string) float64 { return rs.Mean(systemRNN, "switch-"+sigma) }
	rs.Claim("graded").
		Relation("changes per step at σ = 0.5, at 0.25, mean of seeds", sw("0.5"), "<", sw("0.25")).
		Relation("changes per step at σ = 1, at 0.5", sw("1"), "<", sw("0.5")).
		Relation("changes per step at σ = 2, at 1", sw("2"), "<", sw("1")).
		Relation("radius of the orbit at σ = 2, at 0.25", rs.Mean(systemRNN, "radius-2"), ">", rs.Mean(systemRNN, "radius-0.25")).
		Relation("mean residence in clusters, 4 × that in transitions (which the classes imply, if there are states of both)",
			rs.Mean(systemRNN, "rt-cluster"), "≥", 4*rs.Mean(systemRNN, "rt-transition"))
	whole, random := rs.Mean(systemRNN, "argmax"), rs.Mean(systemRNN, "random")
	rs.Claim("kick").
		Relation("argmax switches with 3 kick units silenced, a fifth of the whole network's, mean of seeds", rs.Mean(systemRNN, "kick"), "≤", whole/5).
		Relation("with 3 random units silenced, twice the whole network's", random, "<", 2*whole).
		Relation("with 3 random units silenced, half the whole network's", random, ">", whole/2).
		Because("units that rise before switches one way are others than those before switches back, and three that do so on average need not start any; "+
			"without the three of one way there are %.4f switches per step, of %.4f", rs.Mean(systemRNN, "one-way"), whole)
	volatility := rs.Mean(systemTeacher, "volatility")
	rs.Claim("statistics").
		Level("largest error of a main symbol's share, mean of seeds", rs.Mean(systemRNN, "frequency"), "≤", .05).
		Relation("changes of symbol, 1.5 × the teacher's", rs.Mean(systemRNN, "volatility"), "≤", 1.5*volatility).
		Relation("changes of symbol, half the teacher's", rs.Mean(systemRNN, "volatility"), "≥", volatility/2).
		Relation("divergence where only the self term is followed, 1.10 × the floor", rs.Mean(systemSelf, "divergence"), ">", 1.10*rs.Mean(systemTeacher, "divergence")).
		Relation("divergence of the untrained network, 1.10 × the floor", rs.Mean(systemUntrained, "divergence"), ">", 1.10*rs.Mean(systemTeacher, "divergence"))
}

// batches is how many a divergence is measured on.
const batches = 8

func run(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[params](r)
	model, err := teacher(p.Teacher, p.States, p.Target)
	if err != nil {
		return papers.Refuse(err)
	}
	if err := p.check(); err != nil {
		return papers.Refuse(err)
	}
	if d := dwell(model); float64(p.Steps) < 3*d {
		r.Warn("Sequences of %d steps are shorter than 3 times what a state lasts, %.0f steps: switches will be lost.", p.Steps, d)
	}
	draw := func(name string, n int) sequences { return sample(model, n, p.Steps, r.Rand(name)) }
	data := material{symbols: 3, train: draw("train", p.Sequences), validation: draw("validation", 2*p.Batch),
		test: draw("test", max(p.Test, batches*p.Batch)), other: draw("other", max(p.Test, batches*p.Batch))}
	return learn(ctx, r, p, data, nil)
}

// material is what a student learns from and is compared with.
type material struct {
	symbols                        int
	train, validation, test, other sequences
}

// trained is what a training stage keeps.
type trained struct {
	Student    student
	Divergence []float64 // by epoch, of the validation sequences
	Switches   []float64 // by epoch
	Best       int
}

// learn trains a student and measures it beside everything else, of which extra is what an experiment adds.
func learn(ctx context.Context, r *papers.Run, p params, m material, extra map[string]*hmm.Model[int]) error {
	s := p.sizes(m.symbols)
	fitted := func(name string, schedule schedule) (trained, error) {
		return papers.Stage(r, name, func() (trained, error) {
			student, history, err := train(ctx, r, name, s, schedule, m.train, m.validation)
			if err != nil {
				return trained{}, err
			}
			_, divergence := history.Curve("loss")
			switches, _ := history.Curve(switchCurve)
			return trained{*student, divergence, switches, history.Best}, nil
		})
	}
	own, err := fitted("student", p.schedule())
	if err != nil {
		return err
	}
	self := own
	if p.Self > 0 {
		schedule := p.schedule()
		schedule.Epochs, schedule.OnlySelf = p.Self, true
		if self, err = fitted("self-term", schedule); err != nil {
			return err
		}
	}
	if err := saveWeights(filepath.Join(r.Dir, "weights.npz"), &own.Student); err != nil {
		return err
	}
	n := m.test.n
	blank := untrained(s, r.Rand("untrained"))
	silentStart := make([]float32, n*s.Hidden)
	start := r.Rand("silent")
	for i := range silentStart {
		silentStart[i] = float32(start.NormFloat64())
	}
	speakers := map[string]sequences{
		systemTeacher:   m.other,
		systemMarkov:    sample(markov(m.train, m.symbols), n, p.Steps, r.Rand("markov")),
		systemRNN:       own.Student.speak(n, 1, nil, uint64(r.SeedFor("speak"))),
		systemUntrained: blank.speak(n, 1, nil, uint64(r.SeedFor("speak"))),
		systemSilent:    own.Student.speak(n, 0, silentStart, uint64(r.SeedFor("speak"))),
	}
	if p.Self > 0 {
		speakers[systemSelf] = self.Student.speak(n, 1, nil, uint64(r.SeedFor("speak")))
	}
	for name, model := range extra {
		speakers[name] = sample(model, n, p.Steps, r.Rand(name))
	}
	backend, err := r.Backend()
	if err != nil {
		return err
	}
	truth := statisticsOf(m.test, m.symbols)
	said := map[string]statistics{}
	for name, spoken := range speakers {
		d, err := divergences(ctx, backend, s, p.Batch, p.Blur, spoken, m.test.some(0, min(batches*p.Batch, n)/p.Batch*p.Batch))
		if err != nil {
			return err
		}
		st := statisticsOf(spoken, m.symbols)
		said[name] = st
		worst := 0.
		for _, symbol := range largest(truth.Frequency, min(2, m.symbols)) {
			worst = max(worst, math.Abs(st.Frequency[symbol]-truth.Frequency[symbol]))
		}
		r.Measure(name, "divergence", d)
		r.Measure(name, "transition", st.transitionError(truth))
		r.Measure(name, "frequency", worst)
		r.Measure(name, "volatility", st.Volatility)
	}
	tabulate(r, m.symbols, truth, said)
	drawTraining(r, own, p)
	return takeApart(ctx, r, &own.Student, p)
}

// takeApart measures how a trained network does it.
func takeApart(ctx context.Context, r *papers.Run, s *student, p params) error {
	seed := func(name string) uint64 { return uint64(r.SeedFor(name)) }
	trajectories, steps := 48, 400
	if p.Test < 1000 {
		trajectories, steps = 16, 200
	}
	quiet := s.silence(seed("silence"))
	r.Measure(systemRNN, "driven", quiet.Driven)
	r.Measure(systemRNN, "left", quiet.Left)
	rec := s.record(trajectories, steps, seed("record"))
	plane := rec.plane()
	levels := s.scan([]float64{.1, .25, .5, 1, 2, 3, 4}, plane, seed("scan"))
	for _, l := range levels {
		switch l.Sigma {
		case .25, .5, 1, 2:
			r.Measure(systemRNN, fmt.Sprintf("switch-%g", l.Sigma), l.Switches)
		}
		switch l.Sigma {
		case .25, 2:
			r.Measure(systemRNN, fmt.Sprintf("radius-%g", l.Sigma), l.Radius)
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	count := min(200, trajectories*steps/20)
	stay := s.residence(rec, plane, count, seed("residence"))
	shares := map[string]float64{}
	for _, class := range []string{"transition", "kick zone", "cluster"} {
		part, mean := stay.share(class)
		shares[class] = part
		switch class {
		case "cluster":
			r.Measure(systemRNN, "rt-cluster", mean)
		case "transition":
			r.Measure(systemRNN, "rt-transition", mean)
		}
	}
	r.Note("Of %d states of a driven run, %.0f %% are in transition (RT < 2), %.0f %% in the kick zone (RT 2 to 8) and %.0f %% in clusters (RT > 8, soft-max above 0.8).",
		count, 100*shares["transition"], 100*shares["kick zone"], 100*shares["cluster"])

	scores := rec.kickScores(-1, -1)
	kick := largest(scores, 3)
	switches := func(t *student) float64 { return t.argmaxSwitches(trajectories, 2*steps, seed("switches")) }
	r.Measure(systemRNN, "argmax", switches(s))
	r.Measure(systemRNN, "kick", switches(s.silenced(kick)))
	main := largest(shareOfBest(rec, s.Symbols), 2)
	r.Measure(systemRNN, "one-way", min(switches(s.silenced(largest(rec.kickScores(main[0], main[1]), 3))), switches(s.silenced(largest(rec.kickScores(main[1], main[0]), 3)))))
	rng := r.Rand("random units")
	mean := 0.
	const triples = 12
	for range triples {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		mean += switches(s.silenced(rng.Perm(s.Hidden)[:3])) / triples
	}
	r.Measure(systemRNN, "random", mean)
	return drawMechanism(ctx, r, s, rec, plane, stay, levels, scores, switches)
}
