package dbconformer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/measure"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/simulate/headmodel"
)

// The systems of both experiments.
const (
	dbc       = "DBConformer"
	eegnet    = "EEGNet"
	conformer = "EEG Conformer"
	csp       = "CSP + LDA"
	temporal  = "temporal branch only"
	spatial   = "spatial branch only"
	meanPool  = "mean pool"
	noEA      = "no alignment"
	permuted  = "permuted labels"
	gains     = "channel gains"
	gainsNoEA = "channel gains, no alignment"
)

// compared are the methods that the paper's comparison is between; the others are parts and checks of the first.
var compared = []string{dbc, eegnet, conformer, csp}

type syntheticParams struct {
	Subjects int     `param:"subjects" help:"simulated people" min:"2" max:"50"`
	Trials   int     `param:"trials" help:"trials of each person, half for each hand" min:"8" max:"1000"`
	Samples  int     `param:"samples" help:"length of a trial at 250 Hz, a multiple of 125" unit:"samples" min:"125" max:"10000"`
	Folds    int     `param:"folds" help:"how many people are left out in turn, each a training of every network" min:"1" max:"50"`
	Epochs   int     `param:"epochs" help:"epochs of every network, leaving one person out" min:"1" max:"1000"`
	EEGNet   int     `param:"eegnet-epochs" help:"epochs of EEGNet, if more than the others': it is small and learns slowly" min:"1" max:"1000"`
	Within   int     `param:"within" help:"epochs within one person (first 80 % of each class train); 0 leaves this out" min:"0" max:"1000"`
	Batch    int     `param:"batch" help:"trials in a step" min:"2" max:"1024"`
	Rate     float64 `param:"lr" help:"learning rate of Adam" min:"0.000001" max:"1"`
	Depth    int     `param:"depth" help:"transformer blocks in each branch" min:"1" max:"12"`
	Rivals   bool    `param:"rivals" help:"also train EEGNet, EEG Conformer, mean pool and no alignment"`
	Sanity   bool    `param:"sanity" help:"also train under random channel gains, and on permuted labels"`
}

var synthetic = papers.Experiment{
	Name: "synthetic",
	Summary: "Left- or right-hand motor imagery of simulated people with known sources: every network is trained on all but one person and tested " +
		"on the one left out, and within each person. Two people, 30 epochs (EEGNet 100): about ten minutes a seed on two cores, 18 on one; --full (100 epochs, all five people) takes some hours.",
	Tests: []string{"beats-baselines", "level", "dual-branch", "spatial-alone", "parameters", "sanity", "attention"},
	Params: papers.Presets[syntheticParams]{
		Quick:   syntheticParams{Subjects: 4, Trials: 60, Samples: 500, Folds: 1, Epochs: 25, EEGNet: 25, Within: 0, Batch: 16, Rate: 2e-3, Depth: 1, Rivals: false, Sanity: false},
		Default: syntheticParams{Subjects: 5, Trials: 80, Samples: 1000, Folds: 2, Epochs: 30, EEGNet: 100, Within: 30, Batch: 32, Rate: 1e-3, Depth: 2, Rivals: true, Sanity: true},
		Full:    syntheticParams{Subjects: 5, Trials: 80, Samples: 1000, Folds: 5, Epochs: 100, EEGNet: 100, Within: 100, Batch: 32, Rate: 1e-3, Depth: 2, Rivals: true, Sanity: true},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Metrics: []report.Metric{
		{ID: "loso", Name: "accuracy, one person left out", Better: report.Higher, Says: "mean over the people left out, last epoch"},
		{ID: "within", Name: "accuracy within a person", Better: report.Higher, Says: "last 20 % of each class, mean over people"},
		{ID: "parameters", Name: "trainable values", Better: report.Lower},
		{ID: "attentive", Name: "people attended rightly", Better: report.Higher, Says: "share of the people left out in whom attention over the hand areas exceeds that elsewhere"},
		{ID: "attention-ratio", Name: "attention over hand areas", Better: report.Higher, Says: "mean attention to C3, C4, CP3, CP4, FC3, FC4 over mean attention elsewhere"},
	},
	Systems: []report.System{
		{Name: dbc, Role: report.Subject, Says: "both branches, channel attention, Euclidean alignment"},
		{Name: eegnet, Role: report.Baseline, Says: "F1=4, D=2, F2=8"},
		{Name: conformer, Role: report.Baseline, Says: "serial convolution and transformer, six blocks"},
		{Name: csp, Role: report.Baseline, Says: "six common spatial patterns, log-variance, linear discriminant; classical reference, not in the paper"},
		{Name: temporal, Role: report.Ablation, Says: "no electrode tokens"},
		{Name: spatial, Role: report.Ablation, Says: "no time tokens"},
		{Name: meanPool, Role: report.Ablation, Says: "mean over electrodes instead of channel attention"},
		{Name: noEA, Role: report.Ablation, Says: "trials as recorded"},
		{Name: permuted, Role: report.Ablation, Says: "labels permuted within each person: must be at chance"},
		{Name: gains, Role: report.Ablation, Says: "every person's channels scaled by random gains of 0.3 to 3, aligned"},
		{Name: gainsNoEA, Role: report.Ablation, Says: "the same gains, not aligned"},
	},
	Run:   runSynthetic,
	Judge: judgeSynthetic,
}

// epochsOf is how long a network trains where the others take the given number of epochs.
func (p syntheticParams) epochsOf(system string, epochs int) int {
	if system == eegnet {
		return max(epochs, p.EEGNet)
	}
	return epochs
}

// foldResult is what one training and test gives; a stage stores it.
type foldResult struct {
	Predicted, Truth []int
	Loss, Accuracy   []float64 // training curves
	Attention        []float64 // mean over test trials, by channel; nil without attention
	Parameters       int
}

func (f foldResult) accuracy() float64 { return measure.Accuracy(f.Truth, f.Predicted) }

// person is one subject's trials before alignment.
type person struct{ examples }

// condition changes what the networks see.
type condition struct {
	aligned  bool
	gains    bool
	permuted bool
}

// conditioned returns the people's trials as training data and as test data under a condition. Training data are aligned with all of a person's
// trials; test data trial by trial, each with those before it.
func conditioned(people []person, c condition, rng *rand.Rand) (forTraining, forTest []examples, err error) {
	for _, p := range people {
		e := examples{trials: slices.Clone(p.trials), labels: slices.Clone(p.labels)}
		if c.permuted {
			rng.Shuffle(len(e.labels), func(i, j int) { e.labels[i], e.labels[j] = e.labels[j], e.labels[i] })
		}
		if c.gains {
			channels, _ := e.trials[0].Dims()
			gain := make([]float64, channels)
			for i := range gain {
				gain[i] = 0.3 * math.Pow(10, rng.Float64())
			}
			d := mat.NewDiagDense(channels, gain)
			for i, x := range e.trials {
				var scaled mat.Dense
				scaled.Mul(d, x)
				e.trials[i] = &scaled
			}
		}
		tr, te := e, e
		if c.aligned {
			if tr.trials, err = alignAll(e.trials, 0); err != nil {
				return nil, nil, err
			}
			if te.trials, err = alignOnline(e.trials, &signal.OnlineAlignment{}); err != nil {
				return nil, nil, err
			}
		}
		forTraining, forTest = append(forTraining, tr), append(forTest, te)
	}
	return forTraining, forTest, nil
}

func alignAll(trials []*mat.Dense, shrink float64) ([]*mat.Dense, error) {
	a, err := signal.EuclideanAlignment(trials, shrink)
	if err != nil {
		return nil, err
	}
	out := make([]*mat.Dense, len(trials))
	for i, x := range trials {
		out[i] = a.Apply(x)
	}
	return out, nil
}

func alignOnline(trials []*mat.Dense, o *signal.OnlineAlignment) ([]*mat.Dense, error) {
	out := make([]*mat.Dense, len(trials))
	for i, x := range trials {
		var err error
		if out[i], err = o.Next(x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// job is the training of one network on one division of the data.
type job struct {
	backend backends.Backend
	run     *papers.Run
	budget  budget
}

// do trains and tests a network, as a stage of the run.
func (j job) do(ctx context.Context, stage, label string, net network, tr, te examples) (foldResult, error) {
	return papers.Stage(j.run, stage, func() (foldResult, error) {
		vars, history, err := train(ctx, j.backend, label, net, tr, j.budget, j.run.SeedFor(stage), func(p fit.Progress) {
			j.run.Progress(papers.Progress{Stage: label, Done: p.Step, Total: p.Steps, Unit: "step", Metrics: map[string]float64{"loss": p.Loss}})
		})
		if err != nil {
			return foldResult{}, err
		}
		o, err := classify(ctx, j.backend, vars, net, te.trials)
		if err != nil {
			return foldResult{}, err
		}
		r := foldResult{Predicted: o.Predicted, Truth: te.labels, Parameters: fit.Size(vars), Attention: meanRows(o.Attention)}
		r.Loss, _ = history.Curve("loss")
		r.Accuracy, _ = history.Curve("accuracy")
		return r, nil
	})
}

func meanRows(rows [][]float32) []float64 {
	if len(rows) == 0 {
		return nil
	}
	mean := make([]float64, len(rows[0]))
	for _, r := range rows {
		for c, v := range r {
			mean[c] += float64(v) / float64(len(rows))
		}
	}
	return mean
}

// cspLDA trains and tests the classical reference.
func cspLDA(tr, te examples, shrink float64) (foldResult, *signal.CSP, error) {
	channels, _ := tr.trials[0].Dims()
	filters, err := signal.FitCSP(tr.trials, tr.labels, min(6, channels), shrink)
	if err != nil {
		return foldResult{}, nil, err
	}
	var features [][]float64
	for _, x := range tr.trials {
		features = append(features, filters.Features(x))
	}
	lda, err := signal.FitLDA(features, tr.labels, 2, 0)
	if err != nil {
		return foldResult{}, nil, err
	}
	r := foldResult{Truth: te.labels}
	for _, x := range te.trials {
		r.Predicted = append(r.Predicted, lda.Predict(filters.Features(x)))
	}
	return r, filters, nil
}

func runSynthetic(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[syntheticParams](r)
	size, err := SizeFor(22, p.Samples, 2, headmodel.Rate, 0)
	if err != nil {
		return err
	}
	size.Depth = p.Depth
	backend, err := r.Backend()
	if err != nil {
		return err
	}
	subjects, err := headmodel.MotorImagery(headmodel.Recipe{Subjects: p.Subjects, Trials: p.Trials, Samples: p.Samples, Seed: uint64(r.SeedFor("generator"))})
	if err != nil {
		return err
	}
	people := make([]person, len(subjects))
	for i, s := range subjects {
		for _, tr := range s.Trials {
			people[i].trials = append(people[i].trials, tr.EEG)
			people[i].labels = append(people[i].labels, int(tr.Label))
		}
	}
	folds := min(p.Folds, p.Subjects)
	if folds < p.Subjects {
		r.Note("%d of %d people are left out in turn; --set folds=%d (or --full) leaves out each.", folds, p.Subjects, p.Subjects)
	}
	if p.Epochs < 100 {
		r.Note("The networks train for %d epochs, EEGNet, which needs about 100, for %d; the paper's are 100, which --full takes.", p.Epochs, max(p.Epochs, p.EEGNet))
	}

	type entry struct {
		name string
		net  network
		cond condition
	}
	aligned := condition{aligned: true}
	full := size.variant(Variant{})
	entries := []entry{
		{dbc, full, aligned}, {csp, nil, aligned},
		{temporal, size.variant(Variant{NoSpatial: true}), aligned}, {spatial, size.variant(Variant{NoTemporal: true}), aligned},
	}
	if p.Rivals {
		entries = slices.Insert(entries, 1, entry{eegnet, size.eegNetAt(headmodel.Rate), aligned}, entry{conformer, size.eegConformerAt(headmodel.Rate), aligned})
		entries = append(entries, entry{meanPool, size.variant(Variant{MeanPool: true}), aligned}, entry{noEA, full, condition{}})
	}
	if p.Sanity {
		entries = append(entries, entry{permuted, full, condition{aligned: true, permuted: true}},
			entry{gains, full, condition{aligned: true, gains: true}}, entry{gainsNoEA, full, condition{gains: true}})
	}
	j := job{backend: backend, run: r, budget: budget{p.Epochs, p.Batch, p.Rate}}
	results := map[string][]foldResult{}
	var patterns *signal.CSP
	for n, e := range entries {
		trainOn, testOn, err := conditioned(people, e.cond, r.Rand(fmt.Sprint("condition ", e.cond.gains, e.cond.permuted)))
		if err != nil {
			return err
		}
		for k := range folds {
			if err := ctx.Err(); err != nil {
				return err
			}
			others := join(slices.Concat(trainOn[:k], trainOn[k+1:])...)
			j.budget.epochs = p.epochsOf(e.name, p.Epochs)
			var f foldResult
			if e.net == nil {
				if f, patterns, err = cspLDA(others, testOn[k], 0); err != nil {
					return err
				}
			} else if f, err = j.do(ctx, fmt.Sprintf("loso-%d-%d", n, k), fmt.Sprintf("%s, person %d left out", e.name, k+1), e.net, others, testOn[k]); err != nil {
				return err
			}
			results[e.name] = append(results[e.name], f)
		}
	}

	// Within one person: the first 80 % of each class train, the rest test, aligned online from the first test trial on.
	within := map[string][]float64{}
	if p.Within > 0 {
		for k := range folds {
			tr, te := firstPart(people[k].examples, 0.8)
			shrink, warning, err := alignment(tr.trials, nil)
			if err != nil {
				return err
			}
			if warning != "" {
				r.Warn("person %d: %s", k+1, warning)
			}
			if tr.trials, err = alignAll(tr.trials, shrink); err != nil {
				return err
			}
			if te.trials, err = alignOnline(te.trials, &signal.OnlineAlignment{Shrink: shrink}); err != nil {
				return err
			}
			for n, e := range entries {
				if !slices.Contains(compared, e.name) {
					continue
				}
				j.budget.epochs = p.epochsOf(e.name, p.Within)
				var f foldResult
				if e.net == nil {
					f, _, err = cspLDA(tr, te, 0)
				} else {
					f, err = j.do(ctx, fmt.Sprintf("within-%d-%d", n, k), fmt.Sprintf("%s within person %d", e.name, k+1), e.net, tr, te)
				}
				if err != nil {
					return err
				}
				within[e.name] = append(within[e.name], f.accuracy())
			}
		}
	}

	table := report.Table{ID: "folds", Title: "Accuracy of each person left out", Columns: []string{"system"}}
	for k := range folds {
		table.Columns = append(table.Columns, fmt.Sprintf("person %d", k+1))
	}
	table.Columns = append(table.Columns, "mean", "within a person")
	var bars []report.Bars
	for _, e := range entries {
		fs := results[e.name]
		row, sum := []string{e.name}, 0.0
		b := report.Bars{Name: e.name}
		for _, s := range r.Experiment.Systems {
			if s.Name == e.name {
				b.Role = s.Role
			}
		}
		for _, f := range fs {
			a := f.accuracy()
			sum += a
			row = append(row, fmt.Sprintf("%.3f", a))
			b.Values = append(b.Values, []float64{a})
		}
		mean := sum / float64(len(fs))
		r.Measure(e.name, "loso", mean)
		row = append(row, fmt.Sprintf("%.3f", mean))
		if w := within[e.name]; len(w) > 0 {
			m := 0.0
			for _, a := range w {
				m += a / float64(len(w))
			}
			r.Measure(e.name, "within", m)
			row = append(row, fmt.Sprintf("%.3f", m))
		} else {
			row = append(row, "")
		}
		table.Rows = append(table.Rows, row)
		if slices.Contains(compared, e.name) {
			bars = append(bars, b)
		}
		if n := fs[0].Parameters; n > 0 {
			r.Measure(e.name, "parameters", float64(n))
			x := make([]report.Number, len(fs[0].Loss))
			for i := range x {
				x[i] = report.Number(i + 1)
			}
			r.Curve(report.Curve{Plot: "training loss, person 1 left out", Series: e.name, XLabel: "epoch", YLabel: "cross-entropy (nats)", X: x, Y: report.Numbers(fs[0].Loss)})
		}
	}
	r.Table(table)
	r.Figure(report.BarPlot(report.Frame{ID: "people", Title: "Accuracy of each person left out",
		Caption: fmt.Sprintf("Each network was trained on the other %d people for %d epochs, EEGNet for %d.", p.Subjects-1, p.Epochs, p.epochsOf(eegnet, p.Epochs)),
		YLabel:  "accuracy", YLim: [2]float64{0, 1}, Levels: []report.Ref{{At: 0.5, Label: "chance"}}}, table.Columns[1:folds+1], bars))
	r.Figure(confusion(results[dbc], []string{"left", "right"}))
	attend(r, subjects, results[dbc], patterns)
	r.Figure(timeCourse(subjects[0]))
	return nil
}

// firstPart divides examples, in order, into the first part of each class and the rest.
func firstPart(e examples, part float64) (first, rest examples) {
	total, seen := map[int]int{}, map[int]int{}
	for _, l := range e.labels {
		total[l]++
	}
	for i, l := range e.labels {
		to := &rest
		if float64(seen[l]) < part*float64(total[l])-1e-9 {
			to = &first
		}
		seen[l]++
		to.trials, to.labels = append(to.trials, e.trials[i]), append(to.labels, l)
	}
	return first, rest
}

func confusion(fs []foldResult, names []string) report.Figure {
	var truth, predicted []int
	for _, f := range fs {
		truth, predicted = append(truth, f.Truth...), append(predicted, f.Predicted...)
	}
	return report.ConfusionMatrix(report.Frame{ID: "confusion", Title: "What DBConformer takes each class for",
		Caption: fmt.Sprintf("All %d test trials.", len(truth)), XLabel: "predicted", YLabel: "true"}, names, measure.Confusion(truth, predicted, len(names)))
}

// handArea names the electrodes the paper's claim on attention is about.
var handArea = []string{"C3", "C4", "CP3", "CP4", "FC3", "FC4"}

// attend measures and draws where the channel attention lies.
func attend(r *papers.Run, subjects []headmodel.Subject, fs []foldResult, patterns *signal.CSP) {
	montage := subjects[0].Montage
	sensors := make([]report.Sensor, len(montage))
	for i, e := range montage {
		sensors[i] = report.Sensor{Name: e.Name, X: e.X / 4, Y: e.Y / 4}
	}
	var maps []report.ScalpValues
	hits, ratios := 0.0, 0.0
	for k, f := range fs {
		var in, out, nIn, nOut float64
		values := make([]float64, len(f.Attention))
		for c, a := range f.Attention {
			values[c] = a * float64(len(values))
			if slices.Contains(handArea, montage[c].Name) {
				in, nIn = in+a, nIn+1
			} else {
				out, nOut = out+a, nOut+1
			}
		}
		ratio := in / nIn / (out / nOut)
		ratios += ratio / float64(len(fs))
		if ratio > 1 {
			hits++
		}
		maps = append(maps, report.ScalpValues{Label: fmt.Sprintf("person %d", k+1), Values: values})
	}
	r.Measure(dbc, "attentive", hits/float64(len(fs)))
	r.Measure(dbc, "attention-ratio", ratios)
	r.Figure(report.Topomap(report.Frame{ID: "attention", Title: "Channel attention",
		Caption: fmt.Sprintf("Mean over each left-out person's trials, times the number of channels: 1 is even attention. The channels are aligned ones (R^-1/2 X), which stay close to the electrodes. "+
			"Over the hand areas it is %.3f times that elsewhere, mean over people.", ratios)},
		sensors, report.Scale{Label: "attention x channels"}, maps...))
	var spatial []report.ScalpValues
	for k := range min(2, len(patterns.Ratio)) {
		spatial = append(spatial, report.ScalpValues{Label: fmt.Sprintf("ratio %.2f", patterns.Ratio[k]), Values: mat.Row(nil, k, patterns.Patterns)})
	}
	r.Figure(report.Topomap(report.Frame{ID: "csp", Title: "The two best common spatial patterns",
		Caption: "Patterns of the classical reference on aligned trials of the last division; their sign is arbitrary. The ratio is the share of variance in right-hand trials."},
		sensors, report.Scale{Label: "pattern", Signed: true}, spatial...))
}

// timeCourse draws the generator's desynchronisation of one person and what shows of it at C3 and C4.
func timeCourse(s headmodel.Subject) report.Figure {
	const bin = 25
	_, samples := s.Trials[0].EEG.Dims()
	bins := samples / bin
	var series []report.Series
	at := make([]float64, bins)
	for i := range at {
		at[i] = (float64(i) + 0.5) * bin / headmodel.Rate
	}
	for side, name := range []string{"C3", "C4"} {
		channel := slices.IndexFunc(s.Montage, func(e headmodel.Electrode) bool { return e.Name == name })
		power, truth := make([]float64, bins), make([]float64, bins)
		n := 0.0
		for _, tr := range s.Trials {
			if tr.Label != headmodel.Right {
				continue
			}
			n++
			row := tr.EEG.RawRowView(channel)
			for i := range bins {
				for _, v := range row[i*bin : (i+1)*bin] {
					power[i] += v * v / bin
				}
				truth[i] += tr.Envelope(headmodel.Hand(side), at[i])
			}
		}
		base := (power[0] + power[1] + power[2]) / 3
		for i := range power {
			power[i] /= base
			truth[i] /= n
		}
		series = append(series, report.Series{Name: "power at " + name, X: at, Y: power}, report.Series{Name: "mu source under " + name, X: at, Y: truth})
	}
	return report.LinePlot(report.Frame{ID: "erd", Title: "Desynchronisation in right-hand trials of person 1",
		Caption: "Power from 8 to 32 Hz over that before 0.3 s, and the factor on the amplitude of the source that caused it. The left hand area (C3) weakens more.",
		XLabel:  "time in trial (s)", YLabel: "relative to rest", YLim: [2]float64{0, 2}}, series)
}

func judgeSynthetic(rs *papers.Results) {
	loso := func(system string) float64 { return rs.Mean(system, "loso") }
	p := rs.Params.(syntheticParams)
	short := fmt.Sprintf("%d epochs and %d people left out; the claim is stated for 100 epochs and 5 people (--full)", p.Epochs, min(p.Folds, p.Subjects))
	// What the means are over stands beside them, since the claims speak of five people and three seeds.
	over := fmt.Sprintf(" (%d of %d people left out, %d epochs, seeds: %d)", min(p.Folds, p.Subjects), p.Subjects, p.Epochs, len(rs.Records))
	rs.Claim("beats-baselines").
		Relation("DBConformer ≥ EEGNet"+over, loso(dbc), "≥", loso(eegnet)).
		Relation("DBConformer ≥ EEG Conformer - 0.01"+over, loso(dbc), "≥", loso(conformer)-0.01).Because("%s", short)
	rs.Claim("level").
		Relation("DBConformer ≥ CSP + LDA - 0.05"+over, loso(dbc), "≥", loso(csp)-0.05).
		Level("DBConformer ≥ 0.76", loso(dbc), "≥", 0.76).Because("%s", short)
	rs.Claim("dual-branch").
		Relation("both branches ≥ temporal branch only - 0.01"+over, loso(dbc), "≥", loso(temporal)-0.01).
		Level("temporal branch only ≥ 0.70", loso(temporal), "≥", 0.70).Because("%s", short)
	rs.Claim("spatial-alone").Level("spatial branch only ≤ 0.60"+over, loso(spatial), "≤", 0.60).Because("%s", short)
	if p.Samples == 1000 && p.Depth == 2 {
		rs.Claim("parameters").
			Level("exactly 93,747: not fewer", rs.Min(dbc, "parameters"), "≥", 93_747).
			Level("exactly 93,747: not more", rs.Max(dbc, "parameters"), "≤", 93_747).
			Relation("parameters ≤ EEG Conformer / 8", rs.Max(dbc, "parameters"), "≤", rs.Min(conformer, "parameters")/8)
	} else {
		rs.NotTested("parameters", "needs --set samples=1000 --set depth=2")
	}
	if p.Sanity {
		rs.Claim("sanity").
			Level("permuted labels ≥ 0.42"+over, loso(permuted), "≥", 0.42).
			Level("permuted labels ≤ 0.58", loso(permuted), "≤", 0.58).
			Relation("under channel gains, alignment adds ≥ 0.03", loso(gains)-0.03, "≥", loso(gainsNoEA)).Because("%s", short)
	} else {
		rs.NotTested("sanity", "needs --set sanity=true")
	}
	if min(p.Folds, p.Subjects) < 5 {
		rs.NotTested("attention", fmt.Sprintf("the claim is about five people, this run left out %d; attention was higher over the hand areas in a share of %.2f of them (--set folds=5)",
			min(p.Folds, p.Subjects), rs.Mean(dbc, "attentive")))
		return
	}
	rs.Claim("attention").
		Relation("hand areas get more attention in ≥ 3/5 of the people left out", rs.Mean(dbc, "attentive"), "≥", 0.6).
		Because("a possible reason, not tested: the electrode branch alone decodes at %.2f in these data, so its attention gets little to learn from", loso(spatial))
}
