package dbconformer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/simulate/headmodel"
)

// The parts of DBConformer and the checks that are trained beside what evaluate.go names.
const (
	temporal  = "temporal branch only"
	spatial   = "spatial branch only"
	meanPool  = "mean pool"
	noEA      = "no alignment"
	permuted  = "permuted labels"
	gains     = "channel gains"
	gainsNoEA = "channel gains, no alignment"
)

type syntheticParams struct {
	Subjects  int     `param:"subjects" help:"simulated people" min:"2" max:"50"`
	Trials    int     `param:"trials" help:"trials of each person, half for each hand" min:"8" max:"1000"`
	Samples   int     `param:"samples" help:"length of a trial at 250 Hz, a multiple of 125" unit:"samples" min:"125" max:"10000"`
	Folds     int     `param:"folds" help:"how many people are left out in turn, each a training of every network" min:"1" max:"50"`
	Epochs    int     `param:"epochs" help:"epochs of every network, leaving one person out" min:"1" max:"1000"`
	EEGNet    int     `param:"eegnet-epochs" help:"epochs of EEGNet, if more than the others': it is small and learns slowly" min:"1" max:"1000"`
	Batch     int     `param:"batch" help:"trials in a step" min:"2" max:"1024"`
	Rate      float64 `param:"lr" help:"learning rate of Adam" min:"0.000001" max:"1"`
	Depth     int     `param:"depth" help:"transformer blocks in each branch" min:"1" max:"12"`
	Rivals    bool    `param:"rivals" help:"also train EEGNet and EEG Conformer"`
	Ablations bool    `param:"ablations" help:"also train with mean pooling and without alignment"`
	Checks    int     `param:"checks" help:"people left out in the sanity checks: permuted labels, and channel gains with and without alignment; 0 leaves these out" min:"0" max:"50"`
	Gains     bool    `param:"gains" help:"make the checks with channel gains, not only that with permuted labels"`
	Within    int     `param:"within" help:"people the methods are also trained and tested within (first 80 % of each class train)" min:"0" max:"50"`
	OwnEpochs int     `param:"within-epochs" help:"epochs within a person" min:"1" max:"1000"`
}

var synthetic = papers.Experiment{
	Name: "synthetic",
	Summary: "Left- or right-hand motor imagery of simulated people with known sources: every network is trained on all but one person and tested " +
		"on the one left out, and within a person. All five people, 30 epochs (EEGNet 100), one seed: four to five minutes on two cores; --full takes 100 epochs and three seeds (with 60 epochs it took 45 minutes beside other work).",
	Tests: []string{"beats-baselines", "level", "dual-branch", "spatial-alone", "parameters", "sanity", "attention"},
	Params: papers.Presets[syntheticParams]{
		Quick: syntheticParams{Subjects: 4, Trials: 60, Samples: 500, Folds: 2, Epochs: 30, EEGNet: 30, Batch: 16, Rate: 2e-3, Depth: 1, Checks: 2, OwnEpochs: 30},
		Default: syntheticParams{Subjects: 5, Trials: 80, Samples: 1000, Folds: 5, Epochs: 30, EEGNet: 100, Batch: 32, Rate: 1e-3, Depth: 2, Rivals: true,
			Ablations: true, Checks: 2, Gains: true, Within: 1, OwnEpochs: 100},
		Full: syntheticParams{Subjects: 5, Trials: 80, Samples: 1000, Folds: 5, Epochs: 100, EEGNet: 100, Batch: 32, Rate: 1e-3, Depth: 2, Rivals: true,
			Ablations: true, Checks: 5, Gains: true, Within: 5, OwnEpochs: 100},
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

// condition changes what the networks see.
type condition struct {
	aligned  bool
	gains    bool
	permuted bool
}

// conditioned returns the people's trials as training data and as test data under a condition. Training data are aligned with all of a person's
// trials; test data trial by trial, each with those before it.
func conditioned(people []examples, c condition, rng *rand.Rand) (forTraining, forTest []examples, err error) {
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

// method is a system of the experiment: what is trained, on what, and for how many people left out and trained within.
type method struct {
	name         string
	net          network // nil for CSP + LDA
	cond         condition
	folds        int
	within       int
	epochs, mine int // leaving one person out, and within a person
}

// methods lists the systems that the parameters ask for, in the order of the report.
func (p syntheticParams) methods(size Size) []method {
	aligned := condition{aligned: true}
	full := size.variant(Variant{})
	folds, within, checks := min(p.Folds, p.Subjects), min(p.Within, p.Subjects), min(p.Checks, p.Subjects)
	slow := func(epochs int) int { return max(epochs, p.EEGNet) }
	all := []method{{dbc, full, aligned, folds, within, p.Epochs, p.OwnEpochs}}
	if p.Rivals {
		all = append(all, method{eegnet, size.eegNet(headmodel.Rate), aligned, folds, within, slow(p.Epochs), slow(p.OwnEpochs)},
			method{conformer, size.eegConformer(headmodel.Rate), aligned, folds, within, p.Epochs, p.OwnEpochs})
	}
	all = append(all, method{name: csp, cond: aligned, folds: folds, within: within},
		method{temporal, size.variant(Variant{NoSpatial: true}), aligned, folds, 0, p.Epochs, 0},
		method{spatial, size.variant(Variant{NoTemporal: true}), aligned, folds, 0, p.Epochs, 0})
	if p.Ablations {
		all = append(all, method{meanPool, size.variant(Variant{MeanPool: true}), aligned, folds, 0, p.Epochs, 0},
			method{noEA, full, condition{}, folds, 0, p.Epochs, 0})
	}
	if p.Checks > 0 {
		all = append(all, method{permuted, full, condition{aligned: true, permuted: true}, checks, 0, p.Epochs, 0})
		if p.Gains {
			all = append(all, method{gains, full, condition{aligned: true, gains: true}, checks, 0, p.Epochs, 0},
				method{gainsNoEA, full, condition{gains: true}, checks, 0, p.Epochs, 0})
		}
	}
	return all
}

func runSynthetic(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[syntheticParams](r)
	size, err := SizeFor(22, p.Samples, 2, headmodel.Rate, 0)
	if err != nil {
		return papers.Refuse(err)
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
	people := make([]examples, len(subjects))
	for i, s := range subjects {
		for _, tr := range s.Trials {
			people[i].trials = append(people[i].trials, tr.EEG)
			people[i].labels = append(people[i].labels, int(tr.Label))
		}
	}
	methods := p.methods(size)
	j := job{backend: backend, run: r, budget: budget{batch: p.Batch, rate: p.Rate}}

	leftOut := map[string][]foldResult{}
	var patterns *signal.CSP       // of the last training
	var trainOn, testOn []examples // under the condition of the method before
	for n, m := range methods {
		if n == 0 || m.cond != methods[n-1].cond {
			if trainOn, testOn, err = conditioned(people, m.cond, r.Rand(fmt.Sprint("condition ", m.cond.gains, m.cond.permuted))); err != nil {
				return err
			}
		}
		for k := range m.folds {
			if err := ctx.Err(); err != nil {
				return err
			}
			others := join(slices.Concat(trainOn[:k], trainOn[k+1:])...)
			j.budget.epochs = m.epochs
			var f foldResult
			if m.net == nil {
				f, patterns, err = cspLDA(others, testOn[k], 0)
			} else {
				f, err = j.do(ctx, fmt.Sprintf("loso-%d-%d", n, k), fmt.Sprintf("%s, person %d left out", m.name, k+1), m.net, others, testOn[k])
			}
			if err != nil {
				return err
			}
			leftOut[m.name] = append(leftOut[m.name], f)
		}
	}
	within, err := withinPeople(ctx, j, people, methods)
	if err != nil {
		return err
	}

	tabulate(r, p, methods, leftOut, within)
	r.Figure(confusion(leftOut[dbc], []string{"left", "right"}))
	attend(r, subjects, leftOut[dbc], patterns)
	r.Figure(timeCourse(subjects[0]))
	return nil
}

// withinPeople trains on the first 80 % of each class of one person and tests on the rest, aligned online from the first test trial on.
func withinPeople(ctx context.Context, j job, people []examples, methods []method) (map[string][]foldResult, error) {
	results := map[string][]foldResult{}
	for k := range people {
		tr, te := firstPart(people[k], 0.8)
		aligned, s, warning, err := alignSession(tr.trials, nil)
		if err != nil {
			return nil, err
		}
		if warning != "" && k < methods[0].within {
			j.run.Warn("person %d: %s", k+1, warning)
		}
		tr.trials = aligned
		if te.trials, err = alignOnline(te.trials, &signal.OnlineAlignment{Shrink: s.shrink}); err != nil {
			return nil, err
		}
		for n, m := range methods {
			if k >= m.within {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			j.budget.epochs = m.mine
			var f foldResult
			if m.net == nil {
				f, _, err = cspLDA(tr, te, 0)
			} else {
				f, err = j.do(ctx, fmt.Sprintf("within-%d-%d", n, k), fmt.Sprintf("%s within person %d", m.name, k+1), m.net, tr, te)
			}
			if err != nil {
				return nil, err
			}
			results[m.name] = append(results[m.name], f)
		}
	}
	return results, nil
}

// firstPart divides examples, in order, into the first part of each class and the rest.
func firstPart(e examples, part float64) (first, rest examples) {
	total, seen := map[int]int{}, map[int]int{}
	for _, l := range e.labels {
		total[l]++
	}
	return e.divide(func(i int) bool {
		l := e.labels[i]
		seen[l]++
		return float64(seen[l]) < part*float64(total[l])+1-1e-9
	})
}

// tabulate records what was measured: the means, a table of people, and how sure the comparisons are.
func tabulate(r *papers.Run, p syntheticParams, methods []method, leftOut, within map[string][]foldResult) {
	folds := methods[0].folds
	table := report.Table{ID: "folds", Title: "Accuracy of each person left out", Columns: []string{"system"}}
	for k := range folds {
		table.Columns = append(table.Columns, fmt.Sprintf("person %d", k+1))
	}
	table.Columns = append(table.Columns, "mean", "within a person")
	var bars []report.Bars
	for _, m := range methods {
		row := append([]string{m.name}, make([]string, folds+2)...)
		var values [][]float64
		for k, f := range leftOut[m.name] {
			values = append(values, []float64{f.accuracy()})
			if k < folds {
				row[k+1] = fmt.Sprintf("%.3f", f.accuracy())
			}
		}
		mean := meanAccuracy(leftOut[m.name])
		r.Measure(m.name, "loso", mean)
		row[folds+1] = fmt.Sprintf("%.3f", mean)
		if own := within[m.name]; len(own) > 0 {
			r.Measure(m.name, "within", meanAccuracy(own))
			row[folds+2] = fmt.Sprintf("%.3f", meanAccuracy(own))
			bars = append(bars, barsOf(r, m.name, values))
		}
		table.Rows = append(table.Rows, row)
		if n := leftOut[m.name][0].Parameters; n > 0 {
			r.Measure(m.name, "parameters", float64(n))
		}
		lossCurve(r, "training loss, person 1 left out", m.name, leftOut[m.name][0])
	}
	r.Table(table)
	if len(bars) > 0 {
		r.Figure(report.BarPlot(report.Frame{ID: "people", Title: "Accuracy of each person left out",
			Caption: fmt.Sprintf("Each network was trained on the other %d people for %d epochs, EEGNet for %d.", p.Subjects-1, p.Epochs, max(p.Epochs, p.EEGNet)),
			YLabel:  "accuracy", YLim: [2]float64{0, 1}, Levels: []report.Ref{{At: 0.5, Label: "chance"}}}, table.Columns[1:folds+1], bars))
	}
	for _, m := range methods {
		if m.name != dbc && m.folds == folds {
			d, se := paired(leftOut[dbc], leftOut[m.name])
			r.Note("DBConformer less %s: %+.3f, standard error %.3f over the same %d test trials.", m.name, d, se, folds*p.Trials)
		}
	}
}

func meanAccuracy(fs []foldResult) float64 {
	sum := 0.0
	for _, f := range fs {
		sum += f.accuracy()
	}
	return sum / float64(len(fs))
}

// paired returns the difference in accuracy of two methods on the same test trials, and its standard error over trials.
func paired(a, b []foldResult) (mean, se float64) {
	truth, as := pool(a)
	_, bs := pool(b)
	n, squares := float64(len(truth)), 0.0
	for i, t := range truth {
		d := 0.0
		if as[i] == t {
			d++
		}
		if bs[i] == t {
			d--
		}
		mean += d / n
		squares += d * d
	}
	return mean, math.Sqrt((squares/n - mean*mean) / n)
}

func judgeSynthetic(rs *papers.Results) {
	loso := func(system string) float64 { return rs.Mean(system, "loso") }
	p := rs.Params.(syntheticParams)
	// What the means are over stands beside them, since the claims speak of five people, three seeds and 60 to 100 epochs.
	over := func(folds int) string {
		return fmt.Sprintf(" (%d of %d people, %d epochs, %d %s)", min(folds, p.Subjects), p.Subjects, p.Epochs, len(rs.Records), plural(len(rs.Records), "seed"))
	}
	all, checks := over(p.Folds), over(p.Checks)
	why := "not known"
	if min(p.Folds, p.Subjects) < 5 || p.Epochs < 60 || len(rs.Records) < 3 {
		why = "the claim is stated for 5 people left out, 60 to 100 epochs and 3 seeds; --full takes these"
	}
	if p.Rivals {
		rs.Claim("beats-baselines").
			Relation("DBConformer ≥ EEGNet"+all, loso(dbc), "≥", loso(eegnet)).
			Relation("DBConformer ≥ EEG Conformer - 0.01"+all, loso(dbc), "≥", loso(conformer)-0.01).Because("%s", why)
	} else {
		rs.NotTested("beats-baselines", "needs --set rivals=true")
	}
	rs.Claim("level").
		Relation("DBConformer ≥ CSP + LDA - 0.05"+all, loso(dbc), "≥", loso(csp)-0.05).
		Level("DBConformer ≥ 0.76"+all, loso(dbc), "≥", 0.76).Because("%s", why)
	rs.Claim("dual-branch").
		Relation("both branches ≥ temporal branch only - 0.01"+all, loso(dbc), "≥", loso(temporal)-0.01).
		Level("temporal branch only ≥ 0.70"+all, loso(temporal), "≥", 0.70).Because("%s", why)
	rs.Claim("spatial-alone").Level("spatial branch only ≤ 0.60"+all, loso(spatial), "≤", 0.60).Because("%s", why)
	if p.Samples == 1000 && p.Depth == 2 && p.Rivals {
		rs.Claim("parameters").
			Level("exactly 93,747: not fewer", rs.Min(dbc, "parameters"), "≥", 93_747).
			Level("exactly 93,747: not more", rs.Max(dbc, "parameters"), "≤", 93_747).
			Relation("parameters ≤ EEG Conformer / 8", rs.Max(dbc, "parameters"), "≤", rs.Min(conformer, "parameters")/8)
	} else {
		rs.NotTested("parameters", "needs --set samples=1000 --set depth=2 --set rivals=true")
	}
	if p.Checks > 0 && p.Gains {
		rs.Claim("sanity").
			Level("permuted labels ≥ 0.42"+checks, loso(permuted), "≥", 0.42).
			Level("permuted labels ≤ 0.58"+checks, loso(permuted), "≤", 0.58).
			Relation("under channel gains, alignment adds ≥ 0.03"+checks, loso(gains)-0.03, "≥", loso(gainsNoEA)).Because("%s", why)
	} else {
		rs.NotTested("sanity", "needs --set checks=2 --set gains=true")
	}
	if min(p.Folds, p.Subjects) < 5 {
		rs.NotTested("attention", fmt.Sprintf("the claim is about five people, this run left out %d; attention was higher over the hand areas in a share of %.2f of them (--set folds=5)",
			min(p.Folds, p.Subjects), rs.Mean(dbc, "attentive")))
		return
	}
	rs.Claim("attention").
		Relation("hand areas get more attention in ≥ 3/5 of the people left out, as a coin would decide in half of all runs"+all, rs.Mean(dbc, "attentive"), "≥", 0.6).
		Because("a possible reason, not tested: the electrode branch alone decodes at %.2f in these data, so its attention gets little to learn from", loso(spatial))
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
