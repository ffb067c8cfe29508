package deconstruct

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/measure"
	"github.com/gyrus-dev/gyrus/nn"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

type params struct {
	Models   string  `param:"models" help:"models by their switches, separated by blanks: lstm, gru, rhn, elman or transformer, then +at, +none, +additive, +rate, +input; a Transformer also +memory, +recurrent, +post; an elman +time-SKIP"`
	Train    int     `param:"train" min:"200" max:"10000000" help:"samples to learn from"`
	Val      int     `param:"validation" min:"100" max:"1000000" help:"samples to choose by"`
	Test     int     `param:"test" min:"100" max:"10000000" help:"samples to forecast"`
	Dt       float64 `param:"dt" min:"0" max:"1" help:"step of the generator"`
	Forcing  float64 `param:"forcing" min:"-10000" max:"10000" help:"F of multi-scale Lorenz-96"`
	Slow     bool    `param:"slow-dissipation" help:"keep -X_k in multi-scale Lorenz-96; some published versions leave it out"`
	Length   float64 `param:"length" min:"1" max:"10000" help:"length of the Kuramoto-Sivashinsky line"`
	Points   int     `param:"points" min:"8" max:"4096" help:"points on that line"`
	Exponent float64 `param:"exponent" min:"-1000" max:"1000" help:"largest Lyapunov exponent per unit of time, by which valid times are counted in Lyapunov times"`

	Hidden  int     `param:"hidden" min:"1" max:"4096" help:"width H of every model"`
	Heads   int     `param:"heads" min:"1" max:"64" help:"heads of attention"`
	Window  int     `param:"window" min:"1" max:"1024" help:"steps that attention sees"`
	Depth   int     `param:"depth" min:"1" max:"8" help:"layers of a highway within a step"`
	Updates int     `param:"updates" min:"1" max:"1000000" help:"updates of every model"`
	Batch   int     `param:"batch" min:"1" max:"4096" help:"sequences in an update"`
	Steps   int     `param:"steps" min:"2" max:"4096" help:"length of a sequence"`
	Warmup  int     `param:"warmup" min:"0" max:"4096" help:"first steps of a sequence, which the loss leaves out"`
	Stride  int     `param:"stride" min:"1" max:"4096" help:"samples between the beginnings of sequences"`
	Rate    float64 `param:"rate" min:"0.0000001" max:"1" help:"learning rate of Adam at first"`
	Floor   float64 `param:"floor" min:"0" max:"1" help:"and at the end of its cosine"`
	Clip    float64 `param:"clip" min:"0" max:"1000" help:"largest norm of the gradient"`
	Noise   float64 `param:"noise" min:"0" max:"1" help:"on inputs while training, in standard deviations"`

	Starts    int     `param:"starts" min:"1" max:"10000" help:"forecasts"`
	Known     int     `param:"known" min:"1" max:"10000" help:"true samples before a forecast"`
	Horizon   int     `param:"horizon" min:"2" max:"100000" help:"samples of a forecast"`
	Lags      int     `param:"lags" min:"1" max:"1000" help:"of the vector autoregression"`
	Reservoir int     `param:"reservoir" min:"1" max:"20000" help:"units of the echo-state network"`
	Radius    float64 `param:"radius" min:"0.01" max:"2" help:"spectral radius of the echo-state network"`
	Gain      float64 `param:"gain" min:"0.001" max:"100" help:"of the echo-state network's inputs"`
}

func (p params) budget() budget {
	return budget{p.Updates, p.Batch, p.Steps, p.Warmup, p.Stride, p.Rate, p.Floor, p.Clip, p.Noise}
}

// designs reads the models, refusing what means nothing.
func (p params) designs() ([]design, []string, error) {
	var all []design
	names := strings.Fields(p.Models)
	for i, text := range names {
		d, err := design{Hidden: p.Hidden, Heads: p.Heads, Window: p.Window, Depth: p.Depth}.parse(text)
		if err != nil {
			return nil, nil, err
		}
		if names[i] = d.name(); slices.Contains(names[:i], names[i]) {
			return nil, nil, fmt.Errorf("models: %q is named twice", text)
		}
		all = append(all, d)
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("models: none is named; expected some such as %q", "gru rhn+at+input")
	}
	return all, names, nil
}

// check refuses lengths that do not fit together.
func (p params) check() error {
	switch {
	case p.Window > p.Steps || p.Window > p.Known:
		return fmt.Errorf("window: attention over %d steps is longer than the context, sequences of %d and %d known samples before a forecast; take a window of at most %d",
			p.Window, p.Steps, p.Known, min(p.Steps, p.Known))
	case p.Steps%p.Window != 0:
		return fmt.Errorf("window: %d steps do not divide sequences of %d; attention goes segment by segment", p.Window, p.Steps)
	case p.Warmup >= p.Steps:
		return fmt.Errorf("warmup: %d steps of sequences of %d leave nothing to learn from", p.Warmup, p.Steps)
	case p.Val < p.Steps+1 || p.Train < p.Steps+1+p.Stride*(p.Batch-1):
		return fmt.Errorf("%d training and %d validation samples; expected at least %d, a batch of %d sequences of %d, and %d",
			p.Train, p.Val, p.Steps+1+p.Stride*(p.Batch-1), p.Batch, p.Steps+1, p.Steps+1)
	case !(p.Exponent > 0):
		return fmt.Errorf("exponent: %g; Lyapunov times need the largest exponent per unit of time, which is positive in chaos", p.Exponent)
	}
	return nil
}

// outcome is what is measured on one system.
type outcome struct {
	Name       string
	Step       oneStep
	Valid      []float64 // valid times of all starts at a threshold of 0.5, in units of time
	Strict     []float64 // and of 0.05
	Error      []float64 // median over starts of the error, at each step
	Square     []float64 // mean square error over starts and values, at each step
	Absolute   []float64 // and mean absolute error
	Worst      []float64 // largest error of each start while stability is judged
	Climate    float64
	Parameters int
	Seconds    float64   // of training
	Train      []float64 // loss by epoch
	Val        []float64
	Updates    []float64 // at the ends of the epochs
	Example    []float32 // the forecast that figures show, [horizon, dim]
	Chosen     float64   // λ of a ridge regression
	Leaks      int       // earlier outputs that what comes later changes
	Rated      bool      // the next is of a model with rate gates
	Identity   float64   // largest difference that its blocks make before training
}

// runGenerated carries out one seed on a generator.
func runGenerated(ctx context.Context, r *papers.Run, p params, s *system) error {
	designs, names, err := p.designs()
	if err != nil {
		return papers.Refuse(err)
	}
	if err := p.check(); err != nil {
		return papers.Refuse(err)
	}
	s.exponent = p.Exponent
	r.Progress(papers.Progress{Stage: "generating " + s.stepper.Name(), Total: 1})
	t, err := s.generate(ctx, sizes{p.Train, p.Val, p.Test}, r.Rand("trajectory"))
	if err != nil {
		if ctx.Err() == nil {
			err = papers.Refuse(err)
		}
		return err
	}
	test, err := startsOf(t.Test, t.Dim, p.Starts, p.Known, p.Horizon)
	if err != nil {
		return papers.Refuse(fmt.Errorf("test: %w", err))
	}
	validation, err := startsOf(t.Val, t.Dim, min(p.Starts, 40), p.Known, min(p.Horizon, (p.Val-p.Known-40)))
	if err != nil {
		return papers.Refuse(fmt.Errorf("validation: %w", err))
	}
	var all []outcome
	for i, d := range designs {
		o, err := papers.Stage(r, names[i], func() (outcome, error) { return trainAndForecast(ctx, r, d, p.budget(), t, test) })
		if err != nil {
			return err
		}
		all = append(all, o)
	}
	rest, err := papers.Stage(r, "baselines", func() ([]outcome, error) { return p.baselines(ctx, r, t, validation, test) })
	if err != nil {
		return err
	}
	all = append(all, rest...)
	persists := all[len(all)-1].Step.Error
	for _, o := range all {
		r.Measure(o.Name, "step", o.Step.Error)
		r.Measure(o.Name, "relative", o.Step.Error/persists)
		r.Measure(o.Name, "valid", mean(o.Valid))
		r.Measure(o.Name, "lyapunov", mean(o.Valid)*t.Exponent)
		r.Measure(o.Name, "strict", mean(o.Strict))
		r.Measure(o.Name, "stable", shareBelow(o.Worst, 3))
		r.Measure(o.Name, "climate", o.Climate)
		if o.Parameters > 0 {
			r.Measure(o.Name, "parameters", float64(o.Parameters))
			r.Measure(o.Name, "shuffled", o.Step.Shuffled/o.Step.Last)
			r.Measure(o.Name, "leaks", float64(o.Leaks))
		}
		if o.Rated {
			r.Measure(o.Name, "identity", o.Identity)
		}
	}
	ratios(r, all)
	draw(r, all, t, test)
	return nil
}

// trainAndForecast gives one model its budget.
func trainAndForecast(ctx context.Context, r *papers.Run, d design, b budget, t *task, test *starts) (outcome, error) {
	backend, err := r.Backend()
	if err != nil {
		return outcome{}, err
	}
	name := d.name()
	order := r.Rand("order of shuffled time").Perm(b.Steps - 1)
	o := outcome{Name: name}
	vars, history, err := d.train(ctx, backend, name, t, b, r.SeedFor(name), filepath.Join(r.Dir, "training", d.text()), func(p fit.Progress) {
		r.Progress(papers.Progress{Stage: name, Done: p.Step, Total: p.Steps, Unit: "updates", Metrics: map[string]float64{"loss": p.Loss}})
	})
	if err != nil {
		return o, err
	}
	o.Train, o.Val = history.Curve("loss")
	steps := 0
	for _, e := range history.Epochs {
		o.Seconds += e.Seconds
		steps += e.Steps
		o.Updates = append(o.Updates, float64(steps))
	}
	o.Parameters = fit.Size(vars)
	if o.Leaks, err = d.leaks(backend, vars, t.Test[:2*b.Steps*t.Dim], t.Dim); err != nil {
		return o, err
	}
	if o.Rated = d.Skip == nn.Rate; o.Rated {
		if o.Identity, err = d.identity(backend, t.Test[:2*b.Steps*t.Dim], t.Dim); err != nil {
			return o, err
		}
	}
	if o.Step, err = d.oneStep(ctx, backend, vars, t, b, order); err != nil {
		return o, err
	}
	said, err := d.forecast(ctx, backend, vars, t.Grows, test)
	if err != nil {
		return o, err
	}
	o.judge(said, t, test)
	return o, nil
}

// judge fills in what a forecast of all starts is worth.
func (o *outcome) judge(said []float32, t *task, s *starts) {
	errors := make([][]float64, s.n)
	var truth, claimed [][]float32
	sd := ones(s.dim)
	judged := min(s.horizon, max(1, int(t.Judged/t.Dt+.5)))
	for k := range s.n {
		truth, claimed = append(truth, s.after(s.truth, k)), append(claimed, s.after(said, k))
		errors[k] = measure.ForecastError(truth[k], claimed[k], sd)
		o.Valid = append(o.Valid, measure.ValidTime(errors[k], .5, t.Dt))
		o.Strict = append(o.Strict, measure.ValidTime(errors[k], .05, t.Dt))
		o.Worst = append(o.Worst, slices.Max(errors[k][:judged]))
	}
	for step := range s.horizon {
		at := make([]float64, s.n)
		for k := range at {
			at[k] = errors[k][step]
		}
		slices.Sort(at)
		o.Error = append(o.Error, (at[(s.n-1)/2]+at[s.n/2])/2)
	}
	o.Square, o.Absolute = make([]float64, s.horizon), make([]float64, s.horizon)
	for i, v := range said {
		e, step := float64(v-s.truth[i]), i/s.dim%s.horizon
		o.Square[step] += e * e / float64(s.n*s.dim)
		o.Absolute[step] += math.Abs(e) / float64(s.n*s.dim)
	}
	o.Climate = measure.LogSpectrumError(truth, claimed, s.dim)
	o.Example = slices.Clone(claimed[example(s)])
}

// example is the start that figures show: the same for all models, and not chosen by any.
func example(s *starts) int { return s.n / 2 }

// baselines fits and measures what is not a network that learns by gradients. Persistence is the last.
func (p params) baselines(ctx context.Context, r *papers.Run, t *task, validation, test *starts) ([]outcome, error) {
	var all []outcome
	measureRoller := func(name string, lambda float64, begin func() roller) error {
		r.Progress(papers.Progress{Stage: name, Unit: "forecasts", Total: test.n})
		said, err := roll(ctx, test, begin)
		if err != nil {
			return err
		}
		o := outcome{Name: name, Chosen: lambda, Step: oneStep{Error: t.stepAhead(begin())}}
		o.judge(said, t, test)
		all = append(all, o)
		return nil
	}
	lags := newLags(p.Lags, t.Dim)
	reader := &autoregression{lags: lags}
	eq, err := t.grow(ctx, p.Lags, len(lags), func(x []float64) []float64 { reader.shift(x); return reader.lags })
	if err != nil {
		return nil, err
	}
	linear := func(w *readout) roller { return &autoregression{readout: w, lags: newLags(p.Lags, t.Dim)} }
	w, lambda, err := choose(ctx, eq, validation, linear)
	if err != nil {
		return nil, err
	}
	if err := measureRoller(nameLinear, lambda, func() roller { return linear(w) }); err != nil {
		return nil, err
	}

	r.Progress(papers.Progress{Stage: nameEcho, Unit: "samples", Total: p.Train})
	net := newEcho(p.Reservoir, t.Dim, p.Radius, p.Gain, r.Rand("reservoir"))
	state := net.begin(nil)
	eq, err = t.grow(ctx, 100, len(state.features), func(x []float64) []float64 { state.read(x); return state.features })
	if err != nil {
		return nil, err
	}
	echoing := func(w *readout) roller { return net.begin(w) }
	if w, lambda, err = choose(ctx, eq, validation, echoing); err != nil {
		return nil, err
	}
	if err := measureRoller(nameEcho, lambda, func() roller { return echoing(w) }); err != nil {
		return nil, err
	}
	return all, measureRoller(namePersistence, 0, func() roller { return persistence{} })
}

// stepAhead is the root mean square error a step ahead over the test part, after 100 samples.
func (t *task) stepAhead(r roller) float64 {
	x := make([]float64, t.Dim)
	sum, n := 0., 0
	for i := range len(t.Test)/t.Dim - 1 {
		y := r.next(row(t.Test, t.Dim, i, x))
		if i < 100 {
			continue
		}
		for k, v := range y {
			e := v - float64(t.Test[(i+1)*t.Dim+k])
			sum += e * e
			n++
		}
	}
	return math.Sqrt(sum / float64(n))
}

func mean(v []float64) float64 {
	sum := 0.
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

func shareBelow(v []float64, bar float64) float64 {
	n := 0
	for _, x := range v {
		if x < bar {
			n++
		}
	}
	return float64(n) / float64(len(v))
}

// ratios tells what the switches did to the valid time, and says in words whether the paper's headline held on this seed.
func ratios(r *papers.Run, all []outcome) {
	find := func(name string) *outcome {
		if i := slices.IndexFunc(all, func(o outcome) bool { return o.Name == name }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	table := report.Table{ID: "ratios", Title: "What each switch does", Columns: []string{"model", "parameters", "training (s)", "one-step error", "valid time", "over the plain core's", "starts below 3 sd"},
		Caption: "One seed. Valid times are means over starts, in units of time; the plain core has no attention and no gate."}
	var better, worse []string
	for _, o := range all {
		over := "–"
		base, _, _ := strings.Cut(o.Name, " ")
		if plain := find(base); plain != nil && plain.Name != o.Name && o.Parameters > 0 && mean(plain.Valid) > 0 {
			ratio := mean(o.Valid) / mean(plain.Valid)
			over = fmt.Sprintf("%.3f", ratio)
			if strings.Contains(o.Name, "attention") {
				what := fmt.Sprintf("%s (%.2f)", o.Name, ratio)
				if ratio > 1 {
					better = append(better, what)
				} else {
					worse = append(worse, what)
				}
			}
		}
		cell := func(has bool, format string, v any) string {
			if !has {
				return "–"
			}
			return fmt.Sprintf(format, v)
		}
		table.Rows = append(table.Rows, []string{o.Name, cell(o.Parameters > 0, "%d", o.Parameters), cell(o.Seconds > 0, "%.0f", o.Seconds), fmt.Sprintf("%.4f", o.Step.Error),
			fmt.Sprintf("%.3f", mean(o.Valid)), over, fmt.Sprintf("%.0f %%", 100*shareBelow(o.Worst, 3))})
	}
	r.Table(table)
	list := func(v []string) string {
		if len(v) == 0 {
			return "none"
		}
		return strings.Join(v, ", ")
	}
	held := "held on this seed"
	if len(worse) > 0 {
		held = "did not hold on this seed"
	}
	if len(better)+len(worse) > 0 {
		r.Note("That gating and attention improve all recurrent networks %s. Valid longer than the plain core: %s; not longer: %s.", held, list(better), list(worse))
	}
}
