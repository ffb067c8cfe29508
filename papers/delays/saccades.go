package delays

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

type saccadesParams struct {
	Movies     int     `param:"movies" min:"1" max:"5000" help:"movies trained on"`
	Tests      int     `param:"tests" min:"1" max:"1000" help:"new movies to test on"`
	Steps      int     `param:"steps" unit:"ms" min:"30" max:"1000" help:"length of a movie"`
	Side       int     `param:"side" unit:"pixels" min:"24" max:"256" help:"width and height of a movie"`
	Segment    float64 `param:"segment" unit:"ms" min:"1" max:"1000" help:"mean length of a motion"`
	Threshold  float64 `param:"threshold" min:"0.01" max:"100" help:"of the event camera, in standard deviations of the image"`
	Directions int     `param:"directions" min:"2" max:"36" help:"directions of motion"`
	Speeds     string  `param:"speeds" help:"speeds in pixels per ms, separated by blanks"`
	Depth      int     `param:"depth" unit:"ms" min:"2" max:"100" help:"delays of a synapse: 0 to depth-1"`
	Width      int     `param:"width" unit:"pixels" min:"3" max:"33" help:"width and height of a neuron's field, an odd number"`
	Cone       bool    `param:"cone" help:"shorter delays look at smaller disks"`
	Invariant  bool    `param:"invariant" help:"the larger evidence of the movie and of that with bright and dark swapped counts"`
	Updates    int     `param:"updates" min:"1" max:"1000000" help:"of the weights by Adam"`
	Batch      int     `param:"batch" min:"1" max:"100000" help:"random places and times of an update"`
	Rate       float64 `param:"rate" min:"0" max:"1" help:"learning rate at the start"`
	FinalRate  float64 `param:"final-rate" min:"0" max:"1" help:"learning rate at the end of half a cosine"`
	Places     int     `param:"places" min:"1" max:"100000" help:"random places whose mean evidence decides at each time of a test"`
	Every      int     `param:"every" unit:"ms" min:"1" max:"100" help:"times of a test lie so far apart"`
	Clouds     int     `param:"clouds" min:"0" max:"1000" help:"Motion Clouds for each value of each of their parameters; 0 leaves them out"`
	CloudSteps int     `param:"cloud-steps" unit:"ms" min:"10" max:"1000" help:"length of a Motion Cloud"`
}

var standard = saccadesParams{Movies: 150, Tests: 25, Steps: 200, Side: 64, Segment: 24, Threshold: 1.2, Directions: 12, Speeds: "0.5 1 2", Depth: 21, Width: 17, Cone: true, Invariant: true,
	Updates: 4000, Batch: 256, Rate: 2e-3, FinalRate: 2e-5, Places: 200, Every: 3, Clouds: 12, CloudSteps: 60}

// small is seconds of work: eight directions at one speed, and a small field.
var small = saccadesParams{Movies: 24, Tests: 6, Steps: 80, Side: 32, Segment: 24, Threshold: 1.2, Directions: 8, Speeds: "1", Depth: 9, Width: 9, Cone: true, Invariant: true,
	Updates: 400, Batch: 128, Rate: 5e-3, FinalRate: 5e-4, Places: 60, Every: 3, Clouds: 0, CloudSteps: 24}

// published is the sizes of the paper.
func published() saccadesParams {
	p := standard
	p.Movies, p.Tests, p.Side, p.Updates, p.Places, p.Clouds, p.CloudSteps = 1024, 200, 128, 40_000, 1000, 36, 200
	return p
}

var saccades = papers.Experiment{
	Name: "saccades",
	Summary: "Images like natural ones jump about as under an eye, an event camera watches, and the layer learns to tell direction and speed. Then weights are pruned, " +
		"delays cut off, events shuffled, and Motion Clouds shown.",
	Tests:  []string{"accuracy", "pruning", "beats-shortening", "needs-time", "geometry", "continuation", "event-driven", "clouds"},
	Params: papers.Presets[saccadesParams]{Quick: small, Default: standard, Full: published()},
	Seeds:  papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Metrics: []report.Metric{all, late, load, additions, halfPruned, halfShort, density, straight, lineSpeed, continues, difference, perEvent, spikeRate, precision, everyPlace,
		cloudTuning},
	Systems: slices.Concat(systems, cloudSystems()),
	Run:     runSaccades,
	Judge:   judgeSaccades,
}

// cloudSystems lists the conditions of Motion Clouds that claims compare.
func cloudSystems() (out []report.System) {
	for _, name := range []string{cloudNarrowSpeed, cloudWideSpeed, cloudNarrowAcross, cloudNarrowFree, cloudAllOrientations} {
		out = append(out, report.System{Name: name, Role: report.Subject, Says: "the same layer"})
	}
	return out
}

const (
	cloudNarrowSpeed     = "clouds, speed band 0.02"
	cloudWideSpeed       = "clouds, speed band 3"
	cloudNarrowAcross    = "clouds, orientation band 0.1 across the motion"
	cloudNarrowFree      = "clouds, orientation band 0.1 anyhow"
	cloudAllOrientations = "clouds of all orientations"
)

// speeds reads the speeds of the parameters.
func speeds(text string) (out []float64, err error) {
	for _, s := range strings.Fields(text) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !(v > 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("--set speeds=%q: %q is not a speed; expected positive numbers in pixels per ms, separated by blanks", text, s)
		}
		out = append(out, v)
	}
	if len(out) == 0 || len(out) > 10 {
		return nil, fmt.Errorf("--set speeds=%q: %d speeds, expected 1 to 10, separated by blanks", text, len(out))
	}
	return out, nil
}

// plan is what the parameters come to.
type plan struct {
	saccadesParams
	shape    shape
	speeds   []float64
	classes  []motion.Velocity
	stimulus stimulus
	field    *field
}

// plan checks the parameters together. scene is nil for dead leaves.
func (p saccadesParams) plan(s scene) (*plan, error) {
	v, err := speeds(p.Speeds)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Width%2 == 0:
		return nil, fmt.Errorf("--set width=%d: a field has a place in its middle, so that its width must be odd", p.Width)
	case p.Width > p.Side:
		return nil, fmt.Errorf("--set width=%d side=%d: the field is wider than the movie", p.Width, p.Side)
	case p.Depth > p.Steps:
		return nil, fmt.Errorf("--set depth=%d steps=%d: movies are shorter than the longest delay; need at least %d ms", p.Depth, p.Steps, p.Depth)
	}
	if s == nil {
		s = leaves(p.Side)
	}
	out := &plan{saccadesParams: p, speeds: v, classes: motion.Velocities(p.Directions, v...)}
	out.shape = shape{Depth: p.Depth, Width: p.Width, Classes: len(out.classes), Cone: p.Cone, Invariant: p.Invariant}
	out.stimulus = stimulus{s, p.Side, out.classes, p.Steps, p.Segment, p.Threshold}
	out.field, err = newField(out.shape)
	return out, err
}

// staged reports progress under one name.
func staged(r *papers.Run, name string) func(papers.Progress) {
	return func(p papers.Progress) {
		p.Stage = name
		r.Progress(p)
	}
}

// study is what an experiment on movies works with.
type study struct {
	*plan
	run         *papers.Run
	training    []clip
	test        []clip
	moments     []moment // of the test clips
	layer       layer
	lossesShown []float64
}

// learnt is a trained layer with the losses on the way.
type learnt struct {
	Layer  layer
	Losses []float64
}

// learn makes movies and trains the layer.
func learn(ctx context.Context, r *papers.Run, p *plan) (*study, error) {
	if says, blind := unseen(p.shape, p.speeds); blind {
		r.Warn("Motion of %s has left the field of %d pixels: its classes cannot be seen. Take a wider field or longer bins.", says, p.Width)
	} else if says != "" {
		r.Note("Motion of %s has left the field of %d pixels: longer delays tell nothing of its classes.", says, p.Width)
	}
	s := &study{plan: p, run: r}
	var err error
	if s.training, err = p.stimulus.film(ctx, p.Movies, r.Rand("training movies"), staged(r, "making movies")); err != nil {
		return nil, err
	}
	if s.test, err = p.stimulus.film(ctx, p.Tests, r.Rand("test movies"), staged(r, "making movies")); err != nil {
		return nil, err
	}
	s.moments = p.field.moments(s.test, p.Every)
	l, err := s.train(ctx, "layer", p.field)
	if err != nil {
		return nil, err
	}
	s.layer, s.lossesShown = l.Layer, l.Losses
	dir, err := r.ModelDir()
	if err != nil {
		return nil, err
	}
	return s, saveModel(dir, model{p.shape, p.classes, s.layer})
}

// train fits a layer with the given field.
func (s *study) train(ctx context.Context, name string, f *field) (learnt, error) {
	return papers.Stage(s.run, name, func() (learnt, error) {
		l, losses, err := train(ctx, f, s.training, training{s.Updates, s.Batch, s.Rate, s.FinalRate}, s.run.Rand("places"), staged(s.run, "training the "+name))
		return learnt{l, losses}, err
	})
}

// measure records what a system decoded.
func (s *study) measure(system string, class []int) {
	s.run.Measure(system, "accuracy", accuracy(s.moments, class, 0))
	s.run.Measure(system, "late", accuracy(s.moments, class, settled))
}

// settled is how many ms after a switch the motion is that of the last few delays.
const settled = 8

func runSaccades(ctx context.Context, r *papers.Run) error {
	p, err := papers.ParamsOf[saccadesParams](r).plan(nil)
	if err != nil {
		return papers.Refuse(err)
	}
	s, err := learn(ctx, r, p)
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{s.lesions, s.withoutTime, s.correlation, s.spikesOut, s.geometry, s.schedule, s.tune, s.show} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// lesion is a layer with some of its weights.
type lesion struct {
	series, system string // system is empty for points of a curve alone
	layer          layer
	says           string
}

// lesions decodes with the whole layer, and with what pruning and shortening leave of it.
func (s *study) lesions(ctx context.Context) error {
	f := s.field
	list := []lesion{{"pruned by magnitude", systemLayer, s.layer, "all weights"}}
	for _, k := range []struct {
		keep   float64
		system string
	}{{.3, systemPruned30}, {.1, systemPruned10}, {.03, systemPruned3}, {.01, systemPruned1}, {.003, systemPruned03}, {.001, systemPruned01}} {
		list = append(list, lesion{"pruned by magnitude", k.system, f.pruned(s.layer, k.keep), k.system})
	}
	rng := s.run.Rand("random pruning")
	list = append(list, lesion{series: "pruned at random", layer: s.layer})
	for _, k := range []struct {
		keep   float64
		system string
	}{{.3, systemRandom30}, {.1, systemRandom10}, {.03, systemRandom3}} {
		list = append(list, lesion{"pruned at random", k.system, f.prunedAtRandom(s.layer, k.keep, rng), k.system})
	}
	list = append(list, lesion{series: "shortened", layer: s.layer})
	depths := []int{15, 10, 6, 4, 2, 1}
	for _, d := range depths {
		if d >= s.Depth {
			continue
		}
		one := lesion{series: "shortened", layer: f.shortened(s.layer, d), says: fmt.Sprintf("%d delays", d)}
		switch d {
		case 2:
			one.system = systemShort
		case 1:
			one.system, one.says = systemSingle, systemSingle
		}
		list = append(list, one)
	}
	var layers []layer
	for _, l := range list {
		layers = append(layers, l.layer)
	}
	of, err := f.decode(ctx, s.test, s.moments, s.Places, layers, uint64(s.run.SeedFor("test places")), staged(s.run, "decoding with fewer weights"))
	if err != nil {
		return err
	}
	table := report.Table{ID: "lesions", Title: "With fewer weights", Columns: []string{"weights", "load", "additions per place and ms", "fewer additions", "accuracy", "≥ 8 ms after a switch"},
		Caption: "This seed. Additions are counted from the events of the test movies; fewer additions: relative to all weights."}
	x, y := map[string][]float64{}, map[string][]float64{}
	for i, l := range list {
		share, a := f.load(l.layer), accuracy(s.moments, of[i].Class, 0)
		x[l.series], y[l.series] = append(x[l.series], share), append(y[l.series], a)
		if l.system != "" {
			s.measure(l.system, of[i].Class)
			s.run.Measure(l.system, "load", share)
			s.run.Measure(l.system, "additions", of[i].Additions)
		}
		if l.says != "" {
			table.Rows = append(table.Rows, []string{l.says, fmt.Sprintf("%.3g", share), fmt.Sprintf("%.0f", of[i].Additions), fmt.Sprintf("%.3g ×", of[0].Additions/of[i].Additions),
				fmt.Sprintf("%.3f", a), fmt.Sprintf("%.3f", accuracy(s.moments, of[i].Class, settled))})
		}
	}
	s.run.Table(table)
	whole := y["pruned by magnitude"][0]
	for metric, series := range map[string]string{"half-pruned": "pruned by magnitude", "half-shortened": "shortened"} {
		if at := crossing(x[series], y[series], whole/2); !math.IsNaN(at) {
			s.run.Measure(systemLayer, metric, at)
		}
	}
	events := 0.
	for _, c := range s.test {
		events += 2 * c.Movie.Density() / float64(len(s.test))
	}
	s.run.Measure(systemLayer, "density", events)
	s.drawLoads(x, y)
	s.drawSince(of[0].Class)
	return nil
}

// withoutTime trains the layer that cannot tell when, and shuffles times for the one that can.
func (s *study) withoutTime(ctx context.Context) error {
	collapsed := s.shape
	collapsed.Collapsed = true
	f, err := newField(collapsed)
	if err != nil {
		return err
	}
	l, err := s.train(ctx, "time-collapsed layer", f)
	if err != nil {
		return err
	}
	of, err := f.decode(ctx, s.test, s.moments, s.Places, []layer{l.Layer}, uint64(s.run.SeedFor("test places")), staged(s.run, "decoding without time"))
	if err != nil {
		return err
	}
	s.measure(systemCollapsed, of[0].Class)
	s.run.Measure(systemCollapsed, "additions", of[0].Additions)
	s.run.Measure(systemCollapsed, "load", float64(f.weights())/float64(s.field.weights()))
	// The windows that are shuffled end at the moments that are read.
	clips := shuffled(s.test, s.Depth, s.run.Rand("shuffle"))
	ends := s.field.moments(clips, s.Depth)
	of, err = s.field.decode(ctx, clips, ends, s.Places, []layer{s.layer}, uint64(s.run.SeedFor("test places")), staged(s.run, "decoding shuffled events"))
	if err != nil {
		return err
	}
	s.run.Measure(systemShuffled, "accuracy", accuracy(ends, of[0].Class, 0))
	s.run.Measure(systemShuffled, "late", accuracy(ends, of[0].Class, settled))
	return nil
}

func (s *study) correlation(ctx context.Context) error {
	class, err := correlated(ctx, s.test, s.moments, s.classes, settled, staged(s.run, "phase correlation"))
	if err != nil {
		return err
	}
	s.measure(systemCorrelation, class)
	return nil
}

// spikesOut lets the neurons spike. Every fifth moment is enough, since all places are looked at.
func (s *study) spikesOut(ctx context.Context) error {
	some := s.training[:min(10, len(s.training))]
	at := s.field.moments(s.test, 5*s.Every)
	of, err := s.field.spikes(ctx, s.layer, some, s.test, s.field.moments(some, 8*s.Every), at, 1, staged(s.run, "spiking"))
	if err != nil {
		return err
	}
	s.run.Measure(systemSpikes, "accuracy", accuracy(at, of.Class, 0))
	s.run.Measure(systemSpikes, "late", accuracy(at, of.Class, settled))
	s.run.Measure(systemSpikes, "rate", of.Rate)
	s.run.Measure(systemSpikes, "precision", of.Precision)
	s.run.Measure(systemSpikes, "places", of.Every)
	return nil
}

// geometry measures where kernels look.
func (s *study) geometry(ctx context.Context) error {
	lines := s.field.lines(s.layer, s.classes)
	s.drawKernels()
	const fast, within = 1, 20 // pixels per ms, degrees
	var relative []float64
	for _, l := range lines {
		if v := s.classes[l.Class]; math.Hypot(v.X, v.Y) >= fast-1e-9 {
			relative = append(relative, math.Hypot(l.Velocity.X, l.Velocity.Y)/math.Hypot(v.X, v.Y))
		}
	}
	goesOn, err := s.field.continuations(ctx, s.layer, s.classes, staged(s.run, "measuring kernels"))
	if err != nil {
		return err
	}
	s.drawDirections(lines, goesOn)
	if len(relative) == 0 {
		s.run.Note("No class is as fast as %d pixel per ms: the lines of kernels are not judged.", fast)
		return nil
	}
	slices.Sort(relative)
	s.run.Measure(systemLayer, "line-speed", relative[len(relative)/2])
	s.run.Measure(systemLayer, "aligned", matches(s.classes, fast, func(c int) bool { return lines[c].Off <= within }))
	s.run.Measure(systemLayer, "continues", matches(s.classes, fast, func(c int) bool {
		ratio := math.Hypot(goesOn[c].X, goesOn[c].Y) / math.Hypot(s.classes[c].X, s.classes[c].Y)
		return angle(goesOn[c], s.classes[c]) <= within && ratio >= .75 && ratio <= 1.25
	}))
	return nil
}

// schedule compares the event-driven scheduler with the convolution, whole and pruned.
func (s *study) schedule(context.Context) error {
	const steps, side = 30, 24
	worst := 0.
	for _, l := range []layer{s.layer, s.field.pruned(s.layer, .1)} {
		a, err := compare(s.field.kernel(l), s.test[0].Movie, min(steps, s.Steps), min(side, s.Side))
		if err != nil {
			return err
		}
		if a.Scheduled != a.Convolve {
			return fmt.Errorf("the scheduler made %d additions, the convolution %d", a.Scheduled, a.Convolve)
		}
		if worst = math.Max(worst, a.Difference); &l.Weights[0] == &s.layer.Weights[0] {
			s.run.Measure(systemScheduler, "per-event", a.PerEvent)
		}
	}
	s.run.Measure(systemScheduler, "difference", worst)
	return nil
}

// tune shows Motion Clouds.
func (s *study) tune(ctx context.Context) error {
	if s.Clouds == 0 {
		return nil
	}
	if s.CloudSteps < s.Depth {
		return papers.Refuse(fmt.Errorf("--set cloud-steps=%d depth=%d: Motion Clouds are shorter than the longest delay; need at least %d ms", s.CloudSteps, s.Depth, s.Depth))
	}
	list, err := papers.Stage(s.run, "clouds", func() ([]tuning, error) {
		return s.field.clouds(ctx, s.layer, s.classes, s.Directions, s.Clouds, int(s.run.Seed%int64(len(s.speeds))), s.CloudSteps, s.Side, s.Places, s.Threshold,
			s.run.Rand("clouds"), staged(s.run, "Motion Clouds"))
	})
	if err != nil {
		return err
	}
	for _, t := range list {
		last := t.Accuracy[len(t.Accuracy)-1]
		switch t.Series {
		case "speed band":
			s.run.Measure(cloudNarrowSpeed, "accuracy-clouds", t.Accuracy[0])
			s.run.Measure(cloudWideSpeed, "accuracy-clouds", last)
		case orientationAcross:
			s.run.Measure(cloudNarrowAcross, "accuracy-clouds", t.Accuracy[0])
			s.run.Measure(cloudAllOrientations, "accuracy-clouds", last)
		case orientationFree:
			s.run.Measure(cloudNarrowFree, "accuracy-clouds", t.Accuracy[0])
		}
	}
	s.drawClouds(list)
	return nil
}

func judgeSaccades(rs *papers.Results) {
	m := func(system, metric string) float64 { return rs.Mean(system, metric) }
	whole := m(systemLayer, "accuracy")
	rs.Claim("accuracy").
		Level("accuracy over all times, mean of seeds", whole, "≥", .5).
		Level("accuracy 8 ms and longer after a switch, mean of seeds", m(systemLayer, "late"), "≥", .65).
		Relation("accuracy over all times, of the time-collapsed layer", whole, ">", m(systemCollapsed, "accuracy"))
	rs.Claim("pruning").
		Relation("accuracy with the largest 10 %, 0.90 × with all", m(systemPruned10, "accuracy"), "≥", .9*whole).
		Relation("accuracy with the largest 3 %, 0.70 × with all", m(systemPruned3, "accuracy"), "≥", .7*whole)
	rs.Claim("beats-shortening").Relation("accuracy with the largest 10 %, with 2 delays + 0.15", m(systemPruned10, "accuracy"), "≥", m(systemShort, "accuracy")+.15)
	rs.Claim("needs-time").
		Level("accuracy with 1 delay, mean of seeds", m(systemSingle, "accuracy"), "≤", .1).
		Level("accuracy with events at random times, mean of seeds", m(systemShuffled, "accuracy"), "≤", .15)
	rs.Claim("geometry").Level("part of the fast classes whose line is within 20° of their direction, mean of seeds", m(systemLayer, "aligned"), "≥", .75)
	rs.Claim("continuation").Level("part of the fast classes whose weights go on along their motion, mean of seeds", m(systemLayer, "continues"), "≥", .75)
	rs.Claim("event-driven").Level("largest difference of any evidence, all seeds", rs.Max(systemScheduler, "difference"), "≤", 1e-4)
	if p, ok := rs.Params.(saccadesParams); ok && p.Clouds == 0 {
		rs.NotTested("clouds", "Motion Clouds were left out (clouds=0)")
		return
	}
	c := func(system string) float64 { return m(system, "accuracy-clouds") }
	rs.Claim("clouds").
		Relation("accuracy with a speed band of 3, of 0.02", c(cloudWideSpeed), "<", c(cloudNarrowSpeed)).
		Relation("accuracy with an orientation band of 0.1 free of the direction, with all orientations", c(cloudNarrowFree), "<", c(cloudAllOrientations)).
		Relation("accuracy with an orientation band of 0.1 free of the direction, with bars across it", c(cloudNarrowFree), "<", c(cloudNarrowAcross))
}
