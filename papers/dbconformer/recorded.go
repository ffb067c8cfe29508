package dbconformer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
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
	Files    string  `param:"files" help:"in a BIDS data set: the recordings to use, by parts of their names such as task-motor,run-1; empty: all with the events"`
	Events   string  `param:"events" help:"in a recording: labels of the events that trials begin with, one a class, such as 769,770"`
	From     float64 `param:"from" help:"in a recording: begin of a trial after its event" unit:"s" min:"-3600" max:"3600"`
	To       float64 `param:"to" help:"in a recording: end of a trial after its event" unit:"s" min:"-3600" max:"3600"`
	Pick     string  `param:"pick" help:"in a recording: the channels to use, such as C3,Cz,C4; empty: all of EEG"`
	Unit     string  `param:"unit" help:"unit of the samples, such as uV or V; empty: as the file says"`
	Rate     float64 `param:"rate" help:"sampling rate; 0: as the file says" unit:"Hz" min:"0" max:"100000"`
	Low      float64 `param:"low" help:"lower edge of the pass band; 0: none; -1: 8 in a recording that trials are cut from, none in trials, which may hold slow potentials" unit:"Hz" min:"-1"`
	High     float64 `param:"high" help:"upper edge of the pass band; 0: none; -1: 32 in a recording that trials are cut from, none in trials" unit:"Hz" min:"-1"`
	Patch    int     `param:"patch" help:"length of a temporal token; 0: half a second, or less in short trials" unit:"samples" min:"0"`
	Folds    int     `param:"folds" help:"parts of the cross-validation" min:"2" max:"100"`
	Epochs   int     `param:"epochs" help:"epochs of every network" min:"1" max:"10000"`
	Batch    int     `param:"batch" help:"trials in a step" min:"2" max:"1024"`
	LR       float64 `param:"lr" help:"learning rate of Adam" min:"0.000001" max:"1"`
	Depth    int     `param:"depth" help:"transformer blocks in each branch" min:"1" max:"12"`
	Serial   bool    `param:"conformer" help:"also train EEG Conformer, which takes most of the time"`
}

var recorded = papers.Experiment{
	Name: "recording",
	Summary: "Cross-validated accuracy on a person's own labelled EEG, as trials or as a recording with events, beside EEGNet, EEG Conformer and two classical " +
		"references, and accuracy on test trials; saves the network for gyrus apply. In a BIDS data set of several people whole people are held out. " +
		"About 2 minutes for 316 trials of half a second.",
	Params: papers.Presets[recordingParams]{
		Quick:   recordingParams{Axes: "auto", To: 4, Low: -1, High: -1, Folds: 2, Epochs: 10, Batch: 32, LR: 1e-3, Depth: 1, Serial: false},
		Default: recordingParams{Axes: "auto", To: 4, Low: -1, High: -1, Folds: 5, Epochs: 100, Batch: 32, LR: 1e-3, Depth: 2, Serial: true},
		Full:    recordingParams{Axes: "auto", To: 4, Low: -1, High: -1, Folds: 10, Epochs: 100, Batch: 32, LR: 1e-3, Depth: 2, Serial: true},
	},
	Inputs: []papers.Input{
		{
			Name: "trials", Required: true, Formats: []string{"MAT v5", "MAT v7.3", "NPZ", "EDF", "BDF", "GDF", "BrainVision", "FIF", "XDF", "CTF", "MFF", "4D", "BIDS"},
			Says: "either labelled trials of one length: an array of trials, channels and samples in any order, a list of labels, and if there are any the channel " +
				"names, sampling rate and test trials; or a recording with events, of which --set events= names those that begin trials; or a folder of BIDS with such recordings, of one person or several",
		},
		{Name: "test", Formats: []string{"as trials"}, Says: "a second file of the same person to test on, such as a later session; read as the first"},
	},
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

func runRecording(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[recordingParams](r)
	path, given := r.Input("trials")
	if !given {
		return papers.Refuse(errors.New("this experiment needs a file of labelled trials or a recording with events: --data FILE"))
	}
	f, err := p.read(r, path)
	if err != nil {
		return err
	}
	channels, samples := f.train.trials[0].Dims()
	patch := p.Patch
	if patch == 0 {
		patch = patchFor(samples, f.rate)
	}
	size, err := SizeFor(channels, samples, len(f.classes), f.rate, patch)
	if err != nil {
		return papers.Refuse(fmt.Errorf("%s: %w", path, err))
	}
	size.Depth = p.Depth
	r.Note("%d trials of %d channels and %d samples at %g Hz; temporal kernel %d, patch %d (%d tokens), electrode kernel %d every %d samples.",
		len(f.train.trials), channels, samples, f.rate, size.Kernel, size.Patch, size.Tokens(), size.ElectrodeKernel, size.ElectrodeStride)
	backend, err := r.Backend()
	if err != nil {
		return err
	}
	c := contest{job: job{backend: backend, run: r, budget: budget{p.Epochs, p.Batch, p.LR}}, size: size, names: []string{dbc}, nets: map[string]network{dbc: size.variant(Variant{})}}
	if samples >= 32 {
		c.names, c.nets[eegnet] = append(c.names, eegnet), size.eegNet(f.rate)
	} else {
		r.Note("EEGNet needs trials of at least 32 samples and is left out.")
	}
	if _, _, tokens := conformerShape(samples, f.rate); p.Serial && tokens >= 1 {
		c.names, c.nets[conformer] = append(c.names, conformer), size.eegConformer(f.rate)
	} else if p.Serial {
		r.Note("EEG Conformer averages 0.3 s after its convolution; these trials are too short for one token, and it is left out.")
	}
	if size.Classes == 2 {
		c.names = append(c.names, csp)
	}
	c.names = append(c.names, amplitudes)

	parts, err := c.crossValidate(ctx, path, f, p.Folds)
	if err != nil {
		return err
	}
	all := f.train
	var s session
	if all.trials, s, _, err = alignPeople(f.train, f.channels); err != nil {
		return papers.Refuse(fmt.Errorf("%s: %w", path, err))
	}
	vars, err := c.save(ctx, f, s, all, p)
	if err != nil {
		return err
	}
	test := map[string]foldResult{}
	te := f.test
	if te.labels != nil {
		if te.trials, err = s.onlineEach(te); err != nil {
			return err
		}
		for _, name := range c.names {
			if name == dbc { // as it is saved
				var o *outcome
				if o, err = classify(ctx, backend, vars, c.nets[dbc], te.trials); err == nil {
					test[dbc] = foldResult{Predicted: o.Predicted, Truth: te.labels}
				}
			} else {
				test[name], err = c.evaluate(ctx, name, "test", name+", test trials", all, te, s.shrink)
			}
			if err != nil {
				return err
			}
		}
	}
	tabulateParts(r, c.names, parts, test)
	if te.labels != nil {
		if doubt := doubtful(r, c.names, parts, test, te, size.Classes, p.Folds); doubt != "" {
			r.Warn("%s", doubt)
		}
	}
	if f.low == 0 && len(parts[csp]) > 0 {
		noteSlowPotentials(r, parts)
	}
	r.Figure(confusion(parts[dbc], f.classes))
	mean := make([]float64, channels)
	for _, res := range parts[dbc] {
		for c, a := range res.Attention {
			mean[c] += a * float64(channels) / float64(len(parts[dbc]))
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

// noteSlowPotentials says when the classes differ in the course of the signal rather than in its power.
func noteSlowPotentials(r *papers.Run, parts map[string][]foldResult) {
	slow, power := measure.Accuracy(pool(parts[amplitudes])), measure.Accuracy(pool(parts[csp]))
	if slow > power+0.05 {
		r.Note("The course of the signal tells the classes apart better (%.3f) than its power does (%.3f): slow potentials carry what a high-pass filter (--set low=8) would remove.", slow, power)
	}
}

// read reads the trials and, if there is a second file, the test trials, and says what was taken for granted.
func (p recordingParams) read(r *papers.Run, path string) (*trialFile, error) {
	split := func(list string) (out []string) {
		for _, s := range strings.Split(list, ",") {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	how := reading{trials: p.X, labels: p.Y, testX: p.TestX, testY: p.TestY, names: p.Channels, axes: p.Axes,
		files: split(p.Files), events: split(p.Events), from: p.From, to: p.To, pick: split(p.Pick), unit: p.Unit, rate: p.Rate, low: p.Low, high: p.High, needLabels: true}
	f, err := readTrials(path, how)
	if err != nil {
		return nil, err
	}
	tell := func(f *trialFile) {
		for _, a := range f.assumed {
			r.Note("%s.", a)
		}
		for _, w := range f.warnings {
			r.Warn("%s", w)
		}
	}
	tell(f)
	second, given := r.Input("test")
	if !given {
		return f, nil
	}
	if len(how.events) > 0 && len(how.pick) == 0 {
		how.pick = f.channels
	}
	t, err := readTrials(second, how)
	if err != nil {
		return nil, err
	}
	r.Note("Test trials are read from a second file.")
	_, samples := f.train.trials[0].Dims()
	if err := t.like(second, f.channels, samples, f.rate); err != nil {
		return nil, papers.Refuse(err)
	}
	if err := t.likeUnits(second, f.channels, f.units); err != nil {
		return nil, papers.Refuse(err)
	}
	covariance, err := signal.MeanCovariance(f.train.trials)
	if err != nil {
		return nil, err
	}
	if err := t.judgeAmplitude(second, f.units, session{covariance: covariance}, t.train.trials); err != nil {
		return nil, papers.Refuse(err)
	}
	tell(t)
	if !slices.Equal(t.classes, f.classes) {
		return nil, papers.Refuse(fmt.Errorf("%s has the classes %s, but %s has %s", second, strings.Join(t.classes, ", "), path, strings.Join(f.classes, ", ")))
	}
	f.test = t.train
	return f, nil
}

// contest is the comparison of methods on one person's trials.
type contest struct {
	job
	size  Size
	names []string           // in the order of the report
	nets  map[string]network // of those that are networks
}

// evaluate trains a method on tr and tests it on te, both aligned.
func (c contest) evaluate(ctx context.Context, name, stage, label string, tr, te examples, shrink float64) (foldResult, error) {
	switch name {
	case csp:
		f, _, err := cspLDA(tr, te, shrink)
		return f, err
	case amplitudes:
		return amplitudeLDA(tr, te, c.size.Classes)
	}
	return c.do(ctx, stage+"-"+strings.ReplaceAll(name, " ", ""), label, c.nets[name], tr, te)
}

// crossValidate tests every method on each part of the training trials after training on the others.
func (c contest) crossValidate(ctx context.Context, path string, f *trialFile, parts int) (map[string][]foldResult, error) {
	var part []int
	if f.train.people == nil {
		part = deal(f.train.labels, parts, c.run.Rand("parts"))
	} else {
		parts = min(parts, len(f.people))
		part = dealPeople(f.train.people, parts, c.run.Rand("parts"))
		c.run.Note("%d people in %d parts: every trial is tested by what was trained on other people.", len(f.people), parts)
	}
	results := map[string][]foldResult{}
	warned := map[string]bool{}
	for k := range parts {
		tr, te := f.train.divide(func(i int) bool { return part[i] != k })
		if len(te.trials) == 0 || classesIn(tr.labels) < c.size.Classes {
			return nil, papers.Refuse(fmt.Errorf("%s: part %d of %d of the cross-validation has %d test trials and %d of %d classes to train on: take fewer parts (--set folds=N) or more trials",
				path, k+1, parts, len(te.trials), classesIn(tr.labels), c.size.Classes))
		}
		aligned, s, warning, err := alignPeople(tr, f.channels)
		if err != nil {
			return nil, papers.Refuse(fmt.Errorf("%s: %w", path, err))
		}
		tr.trials = aligned
		if warning != "" && !warned[warning] {
			c.run.Warn("%s", warning)
			warned[warning] = true
		}
		if te.trials, err = s.onlineEach(te); err != nil {
			return nil, err
		}
		for _, name := range c.names {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			res, err := c.evaluate(ctx, name, fmt.Sprintf("cv-%d", k), fmt.Sprintf("%s, part %d of %d", name, k+1, parts), tr, te, s.shrink)
			if err != nil {
				return nil, err
			}
			results[name] = append(results[name], res)
		}
	}
	return results, nil
}

// save trains DBConformer on all trials, saves it for Apply, and returns its variables.
func (c contest) save(ctx context.Context, f *trialFile, s session, all examples, p recordingParams) (*mlctx.Context, error) {
	dir, err := c.run.ModelDir()
	if err != nil {
		return nil, err
	}
	_, err = papers.Stage(c.run, "model", func() (bool, error) {
		label := dbc + " on all trials"
		vars, _, err := train(ctx, c.backend, label, c.nets[dbc], all, c.budget, c.run.SeedFor("model"), c.progress(label))
		if err != nil {
			return false, err
		}
		m := model{Size: c.size, Rate: f.rate, Low: f.low, High: f.high, Events: f.events, From: p.From, To: p.To,
			Channels: f.channels, Units: f.units, Classes: f.classes, Shrink: s.shrink, Trials: s.trials}
		for i := range c.size.Channels {
			m.Covariance = append(m.Covariance, mat.Row(nil, i, s.covariance)...)
		}
		return true, fit.Save(dir, vars, m)
	})
	if err != nil {
		return nil, err
	}
	var m model
	return fit.Load(dir, &m)
}

// tabulateParts records what was measured. What leads is the cross-validation; test trials, if there are any, stand beside it.
func tabulateParts(r *papers.Run, names []string, parts map[string][]foldResult, test map[string]foldResult) {
	table := report.Table{ID: "parts", Title: "Cross-validated accuracy by part", Columns: []string{"system"}}
	for k := range parts[dbc] {
		table.Columns = append(table.Columns, fmt.Sprintf("part %d", k+1))
	}
	table.Columns = append(table.Columns, "all", "95 % interval", "p", "test trials")
	var bars []report.Bars
	for _, name := range names {
		row := []string{name}
		var values []float64
		for _, res := range parts[name] {
			row = append(row, fmt.Sprintf("%.3f", res.accuracy()))
			values = append(values, res.accuracy())
		}
		bars = append(bars, barsOf(r, name, [][]float64{values}))
		truth, predicted := pool(parts[name])
		a := measure.Accuracy(truth, predicted)
		low, high := wilson(a, len(truth))
		chance := shuffled(truth, predicted, r.Rand("shuffling "+name))
		r.Measure(name, "cv", a)
		r.Measure(name, "cv-low", low)
		r.Measure(name, "cv-high", high)
		r.Measure(name, "p", chance)
		row = append(row, fmt.Sprintf("%.3f", a), fmt.Sprintf("%.3f to %.3f", low, high), fmt.Sprintf("%.4f", chance), "")
		if t, ok := test[name]; ok {
			r.Measure(name, "test", t.accuracy())
			row[len(row)-1] = fmt.Sprintf("%.3f", t.accuracy())
		}
		table.Rows = append(table.Rows, row)
		lossCurve(r, "training loss, part 1", name, parts[name][0])
	}
	r.Table(table)
	chance := 1 / float64(classesIn(parts[dbc][0].Truth))
	r.Figure(report.BarPlot(report.Frame{ID: "parts", Title: "Cross-validated accuracy", Caption: "Dots are the parts of the cross-validation.",
		XLabel: "accuracy", XLim: [2]float64{0, 1}, Levels: []report.Ref{{At: chance, Label: "chance"}}}, []string{"accuracy"}, bars))
}

// doubtful says whether test labels seem not to belong to their trials: the methods decode far worse there than in the cross-validation, and
// the amplitudes, which are quickly learned, cannot be decoded even when trained and tested among the test trials alone, which no change from
// one session to the next explains. It returns nothing if the test trials are decoded as they should be.
func doubtful(r *papers.Run, names []string, parts map[string][]foldResult, test map[string]foldResult, te examples, classes, folds int) string {
	var cv, at float64
	for _, name := range names {
		cv += measure.Accuracy(pool(parts[name])) / float64(len(names))
		at += test[name].accuracy() / float64(len(names))
	}
	if _, high := wilson(at, len(te.trials)); cv <= high {
		return ""
	}
	says := fmt.Sprintf("mean over methods, accuracy is %.2f in the cross-validation and %.2f on the test trials", cv, at)
	part := deal(te.labels, folds, r.Rand("parts of the test trials"))
	var among []foldResult
	for k := range folds {
		tr, held := te.divide(func(i int) bool { return part[i] != k })
		if len(held.trials) == 0 || classesIn(tr.labels) < classes {
			return says
		}
		res, err := amplitudeLDA(tr, held, classes)
		if err != nil {
			return says
		}
		among = append(among, res)
	}
	truth, predicted := pool(among)
	p := shuffled(truth, predicted, r.Rand("shuffling test labels"))
	says = fmt.Sprintf("%s; trained and tested among the test trials alone, %s reaches %.2f (chance of that or better: %.2f)", says, amplitudes, measure.Accuracy(truth, predicted), p)
	if p < 0.05 {
		return says + ": perhaps another session"
	}
	return says + ": these test labels may not belong to these test trials; judge by the cross-validation"
}
