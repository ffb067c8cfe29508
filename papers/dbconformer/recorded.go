package dbconformer

import (
	"context"
	"errors"
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
)

// amplitudes is the second classical reference, for signals whose slow course tells the classes apart and not their power.
const amplitudes = "amplitudes + LDA"

type recordingParams struct {
	X        string  `param:"x" help:"name of the array of trials; empty: found out"`
	Y        string  `param:"y" help:"name of the array of labels; empty: found out"`
	TestX    string  `param:"test-x" help:"name of the array of test trials; empty: found out"`
	TestY    string  `param:"test-y" help:"name of the array of test labels; empty: found out"`
	Channels string  `param:"channels" help:"name of the list of channel names; empty: found out"`
	Axes     string  `param:"axes" help:"order of the array's axes, such as samples,channels,trials; auto: found out"`
	Rate     float64 `param:"rate" help:"sampling rate; 0: as the file says" unit:"Hz" min:"0" max:"100000"`
	Low      float64 `param:"low" help:"lower edge of the pass band; 0: none" unit:"Hz" min:"0"`
	High     float64 `param:"high" help:"upper edge of the pass band; 0: none" unit:"Hz" min:"0"`
	Patch    int     `param:"patch" help:"length of a temporal token; 0: half a second, or less in short trials" unit:"samples" min:"0"`
	Folds    int     `param:"folds" help:"parts of the cross-validation" min:"2" max:"100"`
	Epochs   int     `param:"epochs" help:"epochs of every network" min:"1" max:"10000"`
	Batch    int     `param:"batch" help:"trials in a step" min:"2" max:"1024"`
	LR       float64 `param:"lr" help:"learning rate of Adam" min:"0.000001" max:"1"`
	Depth    int     `param:"depth" help:"transformer blocks in each branch" min:"1" max:"12"`
	Serial   bool    `param:"conformer" help:"also train EEG Conformer, which takes most of the time"`
}

var recordedExperiment = papers.Experiment{
	Name: "recording",
	Summary: "Cross-validated accuracy on a person's own labelled EEG trials (MAT or NPZ), beside EEGNet, EEG Conformer and two classical references, " +
		"and accuracy on the file's test trials; saves the network for gyrus apply. About 2 minutes for 316 trials of half a second.",
	Params: papers.Presets[recordingParams]{
		Quick:   recordingParams{Axes: "auto", Folds: 2, Epochs: 10, Batch: 32, LR: 1e-3, Depth: 1, Serial: false},
		Default: recordingParams{Axes: "auto", Folds: 5, Epochs: 100, Batch: 32, LR: 1e-3, Depth: 2, Serial: true},
		Full:    recordingParams{Axes: "auto", Folds: 10, Epochs: 100, Batch: 32, LR: 1e-3, Depth: 2, Serial: true},
	},
	Inputs: []papers.Input{{
		Name: "trials", Required: true, Formats: []string{"MAT v5", "NPZ"},
		Says: "labelled trials of one length: an array of trials, channels and samples in any order, a list of labels, and if there are any the channel names, " +
			"sampling rate and test trials",
	}},
	Seeds: papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Metrics: []report.Metric{
		{ID: "cv", Name: "cross-validated accuracy", Better: report.Higher, Says: "over all training trials, each tested once"},
		{ID: "cv-low", Name: "lower 95 % bound", Says: "Wilson interval of the cross-validated accuracy"},
		{ID: "cv-high", Name: "upper 95 % bound", Says: "Wilson interval of the cross-validated accuracy"},
		{ID: "p", Name: "chance of this or better", Better: report.Lower, Says: "share of 10,000 shufflings of the labels with at least this cross-validated accuracy"},
		{ID: "test", Name: "accuracy on the test trials", Better: report.Higher, Says: "after training on all training trials"},
	},
	Systems: []report.System{
		{Name: dbc, Role: report.Subject, Says: "both branches, channel attention, Euclidean alignment"},
		{Name: eegnet, Role: report.Baseline, Says: "F1=4, D=2, F2=8"},
		{Name: conformer, Role: report.Baseline, Says: "serial convolution and transformer, six blocks"},
		{Name: csp, Role: report.Baseline, Says: "six common spatial patterns, log-variance, linear discriminant"},
		{Name: amplitudes, Role: report.Baseline, Says: "mean of each channel in five stretches of the trial, shrunk linear discriminant"},
	},
	Run: runRecording,
}

// patchFor is a patch that fits short trials: the paper's half second if a trial has at least four of them and divides; otherwise the longest
// that gives at least four tokens and cuts no more than one sample.
func patchFor(samples int, rate float64) int {
	patch := min(max(1, int(math.Round(patchSeconds*rate))), max(1, samples/4))
	for patch > 1 && samples%patch > 1 {
		patch--
	}
	return patch
}

// reference is the Euclidean alignment of a training session, from which later trials of the same person go on.
type reference struct {
	covariance *mat.SymDense
	trials     int
	shrink     float64
}

// alignSession aligns training trials with their own mean covariance and returns it for those to come.
func alignSession(trials []*mat.Dense, names []string) (aligned []*mat.Dense, ref reference, warning string, err error) {
	if ref.shrink, warning, err = alignment(trials, names); err != nil {
		return nil, ref, "", err
	}
	if ref.covariance, err = signal.MeanCovariance(trials); err != nil {
		return nil, ref, "", err
	}
	ref.trials = len(trials)
	aligned, err = alignAll(trials, ref.shrink)
	return aligned, ref, warning, err
}

func (ref reference) online(trials []*mat.Dense) ([]*mat.Dense, error) {
	return alignOnline(trials, &signal.OnlineAlignment{Shrink: ref.shrink, Prior: ref.covariance, PriorTrials: ref.trials})
}

func runRecording(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[recordingParams](r)
	path, given := r.Input("trials")
	if !given {
		return errors.New("this experiment needs a file of labelled trials: --data FILE (MAT or NPZ)")
	}
	f, err := readTrials(path, layout{trials: p.X, labels: p.Y, testX: p.TestX, testY: p.TestY, channels: p.Channels, axes: p.Axes,
		rate: p.Rate, low: p.Low, high: p.High, needLabels: true})
	if err != nil {
		return err
	}
	for _, a := range f.assumed {
		r.Note("%s.", a)
	}
	for _, w := range f.warnings {
		r.Warn("%s", w)
	}
	channels, samples := f.train.trials[0].Dims()
	patch := p.Patch
	if patch == 0 {
		patch = patchFor(samples, f.rate)
	}
	size, err := SizeFor(channels, samples, len(f.classes), f.rate, patch)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	size.Depth = p.Depth
	r.Note("%d trials of %d channels and %d samples at %g Hz; temporal kernel %d, patch %d (%d tokens), electrode kernel %d every %d samples.",
		len(f.train.trials), channels, samples, f.rate, size.Kernel, size.Patch, size.Tokens(), size.ElectrodeKernel, size.ElectrodeStride)
	backend, err := r.Backend()
	if err != nil {
		return err
	}

	type entry struct {
		name string
		net  network
	}
	entries := []entry{{dbc, size.variant(Variant{})}, {eegnet, nil}, {conformer, nil}, {csp, nil}, {amplitudes, nil}}
	if samples >= 32 {
		entries[1].net = size.eegNetAt(f.rate)
	} else {
		r.Note("EEGNet needs trials of at least 32 samples and is left out.")
	}
	if _, _, tokens := conformerShape(samples, f.rate); p.Serial && tokens >= 1 {
		entries[2].net = size.eegConformerAt(f.rate)
	} else if p.Serial {
		r.Note("EEG Conformer averages 0.3 s after its convolution; these trials are too short for one token, and it is left out.")
	}

	// Deal the trials of each class to the parts in turn, after shuffling them.
	part := deal(f.train.labels, p.Folds, r.Rand("parts"))
	j := job{backend: backend, run: r, budget: budget{p.Epochs, p.Batch, p.LR}}
	evaluate := func(n int, e entry, stage, label string, tr, te examples, shrink float64) (foldResult, error) {
		switch {
		case e.name == csp && size.Classes == 2:
			f, _, err := cspLDA(tr, te, shrink)
			return f, err
		case e.name == amplitudes:
			return amplitudeLDA(tr, te, size.Classes)
		case e.net != nil:
			return j.do(ctx, fmt.Sprintf("%s-%d", stage, n), label, e.net, tr, te)
		}
		return foldResult{}, nil
	}
	results := map[string][]foldResult{}
	warned := map[string]bool{}
	for k := range p.Folds {
		var tr, te examples
		for i, x := range f.train.trials {
			to := &tr
			if part[i] == k {
				to = &te
			}
			to.trials, to.labels = append(to.trials, x), append(to.labels, f.train.labels[i])
		}
		if len(te.trials) == 0 || classesIn(tr.labels) < size.Classes {
			return fmt.Errorf("part %d of %d of the cross-validation has %d test trials and %d of %d classes to train on: take fewer parts (--set folds=N) or more trials",
				k+1, p.Folds, len(te.trials), classesIn(tr.labels), size.Classes)
		}
		var ref reference
		var warning string
		if tr.trials, ref, warning, err = alignSession(tr.trials, f.channels); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if warning != "" && !warned[warning] {
			r.Warn("%s", warning)
			warned[warning] = true
		}
		if te.trials, err = ref.online(te.trials); err != nil {
			return err
		}
		for n, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			res, err := evaluate(n, e, fmt.Sprintf("cv-%d", k), fmt.Sprintf("%s, part %d of %d", e.name, k+1, p.Folds), tr, te, ref.shrink)
			if err != nil {
				return err
			}
			if res.Predicted != nil {
				results[e.name] = append(results[e.name], res)
			}
		}
	}

	// Train on everything; test on the test trials.
	test := map[string]float64{}
	all := f.train
	var ref reference
	if all.trials, ref, _, err = alignSession(f.train.trials, f.channels); err != nil {
		return err
	}
	if err := saveModel(ctx, r, backend, size, f, ref, all, j.budget, p); err != nil {
		return err
	}
	if f.test.labels != nil {
		te := f.test
		if te.trials, err = ref.online(f.test.trials); err != nil {
			return err
		}
		for n, e := range entries {
			res, err := evaluate(n, e, "test", e.name+", test trials", all, te, ref.shrink)
			if err != nil {
				return err
			}
			if res.Predicted != nil {
				test[e.name] = res.accuracy()
			}
		}
	}

	table := report.Table{ID: "parts", Title: "Cross-validated accuracy by part", Columns: []string{"system"}}
	for k := range p.Folds {
		table.Columns = append(table.Columns, fmt.Sprintf("part %d", k+1))
	}
	table.Columns = append(table.Columns, "all", "95 % interval", "p", "test trials")
	var bars []report.Bars
	for _, e := range entries {
		fs := results[e.name]
		if len(fs) == 0 {
			continue
		}
		row := []string{e.name}
		bar := report.Bars{Name: e.name, Values: [][]float64{nil}}
		for _, s := range r.Experiment.Systems {
			if s.Name == e.name {
				bar.Role = s.Role
			}
		}
		var truth, predicted []int
		for _, res := range fs {
			truth, predicted = append(truth, res.Truth...), append(predicted, res.Predicted...)
			row = append(row, fmt.Sprintf("%.3f", res.accuracy()))
			bar.Values[0] = append(bar.Values[0], res.accuracy())
		}
		bars = append(bars, bar)
		a := measure.Accuracy(truth, predicted)
		low, high := wilson(a, len(truth))
		chance := shuffled(truth, predicted, r.Rand("shuffling "+e.name))
		r.Measure(e.name, "cv", a)
		r.Measure(e.name, "cv-low", low)
		r.Measure(e.name, "cv-high", high)
		r.Measure(e.name, "p", chance)
		row = append(row, fmt.Sprintf("%.3f", a), fmt.Sprintf("%.3f to %.3f", low, high), fmt.Sprintf("%.4f", chance), "")
		if v, ok := test[e.name]; ok {
			r.Measure(e.name, "test", v)
			if low > v+0.1 {
				r.Warn("%s: accuracy on the test trials (%.2f) is far below the cross-validated one (%.2f): another session, or test labels that do not belong to the test trials; treat the test column with care", e.name, v, a)
			}
			row[len(row)-1] = fmt.Sprintf("%.3f", v)
		}
		table.Rows = append(table.Rows, row)
		if len(fs[0].Loss) > 0 {
			x := make([]report.Number, len(fs[0].Loss))
			for i := range x {
				x[i] = report.Number(i + 1)
			}
			r.Curve(report.Curve{Plot: "training loss, part 1", Series: e.name, XLabel: "epoch", YLabel: "cross-entropy (nats)", X: x, Y: report.Numbers(fs[0].Loss)})
		}
	}
	r.Table(table)
	r.Figure(report.BarPlot(report.Frame{ID: "parts", Title: "Cross-validated accuracy", Caption: "Dots are the parts of the cross-validation.",
		XLabel: "accuracy", XLim: [2]float64{0, 1}, Levels: []report.Ref{{At: 1 / float64(size.Classes), Label: "chance"}}}, []string{"accuracy"}, bars))
	r.Figure(confusion(results[dbc], f.classes))
	mean := make([]float64, channels)
	for _, res := range results[dbc] {
		for c, a := range res.Attention {
			mean[c] += a * float64(channels) / float64(p.Folds)
		}
	}
	if sensors, ok := placed(f.channels); ok {
		r.Figure(report.Topomap(report.Frame{ID: "attention", Title: "Channel attention",
			Caption: "Mean over all test trials of the cross-validation, times the number of channels: 1 is even attention."},
			sensors, report.Scale{Label: "attention x channels"}, report.ScalpValues{Label: dbc, Values: mean}))
	} else {
		r.Note("Some channel names are not of the 10-10 system, so that channel attention is not drawn on a head.")
	}
	return nil
}

// deal gives each trial a part from 0 to parts-1 so that every part has as many trials of each class as every other, or one more.
func deal(labels []int, parts int, rng *rand.Rand) []int {
	part := make([]int, len(labels))
	next := 0
	for class := range slices.Max(labels) + 1 {
		var of []int
		for i, l := range labels {
			if l == class {
				of = append(of, i)
			}
		}
		rng.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		for _, i := range of {
			part[i] = next % parts
			next++
		}
	}
	return part
}

// amplitudeLDA classifies by each channel's mean in five stretches of the trial.
func amplitudeLDA(tr, te examples, classes int) (foldResult, error) {
	features := func(x *mat.Dense) []float64 {
		channels, samples := x.Dims()
		n := min(5, samples)
		var out []float64
		for c := range channels {
			row := x.RawRowView(c)
			for k := range n {
				stretch := row[k*samples/n : (k+1)*samples/n]
				sum := 0.0
				for _, v := range stretch {
					sum += v
				}
				out = append(out, sum/float64(len(stretch)))
			}
		}
		return out
	}
	var rows [][]float64
	for _, x := range tr.trials {
		rows = append(rows, features(x))
	}
	lda, err := signal.FitLDA(rows, tr.labels, classes, -1)
	if err != nil {
		return foldResult{}, err
	}
	r := foldResult{Truth: te.labels}
	for _, x := range te.trials {
		r.Predicted = append(r.Predicted, lda.Predict(features(x)))
	}
	return r, nil
}

// wilson is the 95 % interval of a share of n by Wilson's score (1927).
func wilson(share float64, n int) (low, high float64) {
	const z = 1.959964
	m := float64(n)
	centre := (share + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(share*(1-share)/m+z*z/(4*m*m))
	return centre - half, centre + half
}

// shuffled is how often labels in random order agree with the predictions at least as well as the true ones.
func shuffled(truth, predicted []int, rng *rand.Rand) float64 {
	const times = 10_000
	real := measure.Accuracy(truth, predicted)
	t := slices.Clone(truth)
	hits := 1
	for range times {
		rng.Shuffle(len(t), func(i, j int) { t[i], t[j] = t[j], t[i] })
		if measure.Accuracy(t, predicted) >= real {
			hits++
		}
	}
	return float64(hits) / (times + 1)
}

// placed returns where electrodes of the 10-10 system lie on the map, and whether all names are known.
func placed(names []string) ([]report.Sensor, bool) {
	sensors := make([]report.Sensor, len(names))
	for i, name := range names {
		x, y, ok := place(name)
		if !ok {
			return nil, false
		}
		sensors[i] = report.Sensor{Name: name, X: x, Y: y}
	}
	return sensors, true
}

// rowsFrontToBack are the rows of the 10-10 system with their distance in front of Cz, in steps of a tenth of the way from nasion to inion.
var rowsFrontToBack = map[string]float64{"Fp": 4, "AF": 3, "F": 2, "FC": 1, "FT": 1, "C": 0, "T": 0, "CP": -1, "TP": -1, "P": -2, "PO": -3, "O": -4}

// place returns where an electrode of the 10-10 system lies, in radii of the head.
func place(name string) (x, y float64, ok bool) {
	split := len(name)
	for split > 0 && (name[split-1] >= '0' && name[split-1] <= '9') {
		split--
	}
	number := 0
	if split < len(name) {
		if _, err := fmt.Sscan(name[split:], &number); err != nil || number > 10 {
			return 0, 0, false
		}
	} else if name != "" && name[len(name)-1] == 'z' {
		split--
	} else {
		return 0, 0, false
	}
	row, ok := rowsFrontToBack[name[:split]]
	if !ok {
		return 0, 0, false
	}
	// Steps to the side: odd numbers left, even ones right, z in the middle. Rows towards the front and back are narrower.
	steps := float64((number + 1) / 2)
	if number%2 == 1 {
		steps = -steps
	}
	y = row * 0.2
	x = steps * 0.2 * math.Sqrt(max(0.05, 1-y*y))
	return x, y, true
}

// saveModel trains on all trials and saves the network for Apply.
func saveModel(ctx context.Context, r *papers.Run, backend backends.Backend, size Size, f *trialFile, ref reference, all examples, b budget, p recordingParams) error {
	dir, err := r.ModelDir()
	if err != nil {
		return err
	}
	_, err = papers.Stage(r, "model", func() (bool, error) {
		label := dbc + " on all trials"
		vars, _, err := train(ctx, backend, label, size.variant(Variant{}), all, b, r.SeedFor("test-0"), func(q fit.Progress) {
			r.Progress(papers.Progress{Stage: label, Done: q.Step, Total: q.Steps, Unit: "step", Metrics: map[string]float64{"loss": q.Loss}})
		})
		if err != nil {
			return false, err
		}
		m := model{Size: size, Rate: f.rate, Low: p.Low, High: p.High, Channels: f.channels, Classes: f.classes, Shrink: ref.shrink, Trials: ref.trials}
		for i := range size.Channels {
			m.Covariance = append(m.Covariance, mat.Row(nil, i, ref.covariance)...)
		}
		return true, fit.Save(dir, vars, m)
	})
	return err
}
