package synchrony

import (
	"context"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/dynamics/coupling"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording/table"
	"github.com/gyrus-dev/gyrus/report"
)

type tableParams struct {
	Label   string  `param:"label" help:"name of the column of labels, which has two values"`
	Most    int     `param:"circuits" min:"1" max:"256" help:"circuits in the population that is reported, and the largest of the grid"`
	Gain    float64 `param:"gain" unit:"1/time" min:"0" max:"1000" help:"coupling of each two circuits of it; ignored where a network is given"`
	HeldOut float64 `param:"held-out" min:"0.05" max:"0.9" help:"part of the rows, drawn by the seed, that decisions are counted on"`
	Ridge   float64 `param:"ridge" min:"0" max:"100" help:"weight λ of the penalty λ/2·|w|²"`
	Sigma   float64 `param:"sigma" help:"standard deviation of each circuit's noise, per square root of time"`
	Burn    float64 `param:"burn" unit:"time" min:"0" help:"time before measuring, 5/μ or more"`
	Length  float64 `param:"time" unit:"time" min:"1" help:"time measured; populations of fewer than 8 circuits are measured longer, as if they had 8"`
	Dt      float64 `param:"dt" unit:"time" min:"0" max:"1" help:"step of Euler's method; 0 chooses it"`
	Step    float64 `param:"step" min:"0.001" max:"0.5" help:"where it is chosen, the largest dt·(h+l), for the largest curvature h and Laplacian eigenvalue l"`
	Longest float64 `param:"longest-step" unit:"time" min:"0.0001" max:"1" help:"where it is chosen, the largest dt"`
}

var ownTable = papers.Experiment{
	Name: "table",
	Summary: "Your own labelled table as the risk, and your own network if you give one: what coupling is worth there. Features are standardised, a constant is added, " +
		"and the optimum is found by Newton's method.",
	Params: papers.Presets[tableParams]{
		Quick:   tableParams{Label: "label", Most: 8, Gain: .25, HeldOut: .25, Ridge: .1, Sigma: .5, Burn: 50, Length: 100, Step: .08, Longest: .04},
		Default: tableParams{Label: "label", Most: 16, Gain: .25, HeldOut: .25, Ridge: .1, Sigma: .5, Burn: 150, Length: 1500, Step: .04, Longest: .02},
		Full:    tableParams{Label: "label", Most: 32, Gain: .25, HeldOut: .25, Ridge: .1, Sigma: .5, Burn: 150, Length: 6000, Step: .02, Longest: .01},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 3, Full: 3},
	Inputs: []papers.Input{
		{Name: "table", Required: true, Formats: []string{"CSV", "TSV"}, Says: "a row per sample: columns of numbers, and a column of labels, which parameter label names, with two values"},
		{Name: "network", Formats: []string{"CSV", "TSV"}, Says: "symmetric weights of n x n numbers, not negative, zero on the diagonal, without a header: the coupling of n circuits"},
	},
	Metrics: append([]report.Metric{
		{ID: "bound", Name: "bound of the disagreement", Says: "(n-1)dσ²/(2n(μ+l₂))"},
		{ID: "linear", Name: "linear formula of the disagreement", Says: "over the whole spectrum"},
	}, errorMetrics...),
	Systems: []report.System{
		{Name: systemCoupled, Role: report.Subject, Says: "the population that parameters or the network describe"},
		{Name: systemUncoupled, Role: report.Baseline, Says: "as many circuits on their own"},
		{Name: systemSingle, Role: report.Baseline, Says: "one circuit"},
		{Name: systemDescent, Role: report.Baseline, Says: "the optimum w*, the ceiling"},
	},
	Run: runTable,
}

func runTable(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[tableParams](r)
	path, _ := r.Input("table")
	all, err := readSamples(path, p.Label)
	if err != nil {
		return papers.Refuse(err)
	}
	own := condition{name: "own"}
	if path, given := r.Input("network"); given {
		if own.graph, err = readNetwork(path); err != nil {
			return papers.Refuse(err)
		}
		own.topology = "given"
	} else if own, err = complete(p.Most, p.Gain); err != nil {
		return papers.Refuse(err)
	} else {
		own.name = "own"
	}
	var fitted, held samples
	order := r.Rand("held out").Perm(len(all.x))
	cut := int(math.Round(p.HeldOut * float64(len(order))))
	for i, row := range order {
		to := &fitted
		if i < cut {
			to = &held
		}
		to.x, to.y = append(to.x, all.x[row]), append(to.y, all.y[row])
	}
	l, err := logistic(fitted, p.Ridge)
	if err != nil {
		return papers.Refuse(fmt.Errorf("%s: %w", path, err))
	}
	c := clock{Sigma: p.Sigma, Burn: p.Burn, Length: p.Length, Step: p.Step, Longest: p.Longest, Fixed: p.Dt}
	if err := c.check(l); err != nil {
		return papers.Refuse(err)
	}
	look := newDecisions(l, held)
	conditions, err := grid(p.Most)
	if err != nil {
		return err
	}
	uncoupled, err := complete(own.graph.Units(), 0)
	if err != nil {
		return err
	}
	uncoupled.name = "own, uncoupled"
	out, err := simulate(ctx, r, l, look, c, append(conditions, own, uncoupled))
	if err != nil {
		return err
	}
	r.Note("%d samples of %d features, %d of them held out; curvature at the optimum %.3g to %.3g.", len(all.x), l.size()-1, cut, l.curvature[0], l.curvature[l.size()-1])
	measure(r, systemCoupled, out["own"], true)
	measure(r, systemUncoupled, out["own, uncoupled"], true)
	measure(r, systemSingle, out[key(1, 0)], true)
	r.Measure(systemCoupled, "bound", out["own"].Expected.Bound)
	r.Measure(systemCoupled, "linear", out["own"].Expected.Linear)
	r.Measure(systemDescent, "error", 0)
	r.Measure(systemDescent, "flips", 0)
	r.Measure(systemDescent, "accuracy", look.accuracy())
	if p.Most > 1 {
		drawSpectrum(r, l, out, p.Most, p.Sigma)
		drawErrors(r, out, p.Most)
		drawFlips(r, out, p.Most)
	}
	tabulate(r, out, p.Most, true)
	return nil
}

// readSamples reads a labelled table, standardises its features and adds a constant.
func readSamples(path, label string) (s samples, err error) {
	t, err := table.ReadFile(path)
	if err != nil {
		return s, err
	}
	labels, err := readLabels(t, label)
	if err != nil {
		return s, fmt.Errorf("%w; name the column of labels with --set label=NAME", err)
	}
	var classes []string
	for i, v := range labels {
		at := -1
		for k, c := range classes {
			if c == v {
				at = k
			}
		}
		if at < 0 {
			if len(classes) == 2 || v == "" {
				return s, fmt.Errorf("%s, row %d of the data: the label %q; column %s must have two values, such as %s", path, i+1, v, label, strings.Join(append(classes, "1"), " and "))
			}
			at = len(classes)
			classes = append(classes, v)
		}
		s.y = append(s.y, float64(2*at-1))
	}
	if len(classes) < 2 {
		return s, fmt.Errorf("%s: column %s has one value, %q; two classes are needed", path, label, strings.Join(classes, ""))
	}
	if len(labels) < 8 {
		return s, fmt.Errorf("%s: %d rows are too few to learn from and to hold some out; 8 is the least", path, len(labels))
	}
	s.x = rows(t.Rows, 0)
	for _, column := range t.Columns {
		if column.Name == label {
			continue
		}
		values, err := t.Numbers(column.Name)
		if err != nil {
			return s, fmt.Errorf("%s: %w; features must be numbers: leave the column out", path, err)
		}
		mean, square := 0., 0.
		for i, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return s, fmt.Errorf("%s, row %d of the data, column %s: %v where a number is expected; fill the gap or leave the row out", path, i+1, column.Name, v)
			}
			mean += v / float64(len(values))
		}
		for _, v := range values {
			square += (v - mean) * (v - mean) / float64(len(values))
		}
		if square <= 1e-24*mean*mean || square == 0 {
			return s, fmt.Errorf("%s: column %s is %v in every row; a feature that does not vary cannot be standardised: leave it out (a constant is added anyway)", path, column.Name, values[0])
		}
		for i, v := range values {
			s.x[i] = append(s.x[i], (v-mean)/math.Sqrt(square))
		}
	}
	for i := range s.x {
		s.x[i] = append(s.x[i], 1)
	}
	if len(s.x[0]) == 1 {
		return s, fmt.Errorf("%s: there is no column but the labels; give at least one feature", path)
	}
	return s, nil
}

// readLabels returns a column of labels, which may be text or numbers.
func readLabels(t *table.Table, name string) ([]string, error) {
	at, err := t.Index(name)
	if err != nil {
		return nil, err
	}
	if t.Columns[at].Kind != table.Number {
		return t.Texts(name)
	}
	values, err := t.Numbers(name)
	labels := make([]string, len(values))
	for i, v := range values {
		if !math.IsNaN(v) {
			labels[i] = fmt.Sprint(v)
		}
	}
	return labels, err
}

// readNetwork reads a matrix of weights, which must be connected.
func readNetwork(path string) (*coupling.Graph, error) {
	t, err := table.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if t.Rows != len(t.Columns) {
		return nil, fmt.Errorf("%s: %d rows (without %d of header) of %d numbers; weights of n circuits are n x n, without a header", path, t.Rows, t.Header, len(t.Columns))
	}
	w := mat.NewDense(t.Rows, t.Rows, nil)
	for j, column := range t.Columns {
		values, err := t.Numbers(column.Name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		w.SetCol(j, values)
	}
	g, err := coupling.New(w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if parts := g.Components(); len(parts) > 1 {
		var names []string
		for _, part := range parts {
			var units []string
			for _, u := range part {
				units = append(units, fmt.Sprint(u+1))
			}
			names = append(names, "{"+strings.Join(units, ", ")+"}")
		}
		return nil, fmt.Errorf("%s: the network falls into %d parts, circuits %s, so that l₂ is 0 and they never agree; join them or take one", path, len(parts), strings.Join(names, " and "))
	}
	return g, nil
}
