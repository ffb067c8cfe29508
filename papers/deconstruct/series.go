package deconstruct

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/table"
	"github.com/gyrus-dev/gyrus/report"
)

type seriesParams struct {
	Models  string  `param:"models" help:"as in the other experiments"`
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
	Noise   float64 `param:"noise" min:"0" max:"1" help:"on inputs while training, in standard deviations"`
	Starts  int     `param:"starts" min:"1" max:"10000" help:"forecasts"`
	Known   int     `param:"known" min:"1" max:"10000" help:"true samples before a forecast"`
	Horizon int     `param:"horizon" min:"4" max:"10000" help:"samples of the longest forecast; a quarter and a half of it are measured too"`
	Lags    int     `param:"lags" min:"1" max:"1000" help:"of the vector autoregression"`
	Echo    int     `param:"reservoir" min:"1" max:"20000" help:"units of the echo-state network"`
}

// general are the same parameters in the form that generators have.
func (p seriesParams) general() params {
	return params{Models: p.Models, Exponent: 1, Hidden: p.Hidden, Heads: p.Heads, Window: p.Window, Depth: p.Depth, Updates: p.Updates, Batch: p.Batch, Steps: p.Steps, Warmup: p.Warmup,
		Stride: p.Stride, Rate: p.Rate, Floor: p.Rate / 20, Clip: 1, Noise: p.Noise, Starts: p.Starts, Known: p.Known, Horizon: p.Horizon, Lags: p.Lags, Reservoir: p.Echo, Radius: .9, Gain: .5}
}

var series = papers.Experiment{
	Name: "series",
	Summary: "Your own multivariate series, cut in time 60/20/20: forecasts of a day, two and four of hourly values (24, 48 and 96 steps), each step fed back, by the same models " +
		"and baselines.",
	Params: papers.Presets[seriesParams]{
		Quick: seriesParams{Models: "gru", Hidden: 16, Heads: 2, Window: 8, Depth: 2, Updates: 100, Batch: 16, Steps: 24, Warmup: 8, Stride: 2, Rate: 1e-2, Noise: .01,
			Starts: 20, Known: 24, Horizon: 24, Lags: 8, Echo: 50},
		Default: seriesParams{Models: "lstm lstm+at+input gru gru+at+input rhn rhn+at+input transformer transformer+memory", Hidden: 64, Heads: 4, Window: 32, Depth: 2, Updates: 1500,
			Batch: 32, Steps: 96, Warmup: 32, Stride: 4, Rate: 1e-3, Noise: .01, Starts: 100, Known: 96, Horizon: 96, Lags: 24, Echo: 500},
		Full: seriesParams{Models: "lstm lstm+at+input gru gru+at+input rhn rhn+at+input transformer transformer+memory transformer+recurrent", Hidden: 128, Heads: 8, Window: 32, Depth: 3,
			Updates: 10_000, Batch: 32, Steps: 96, Warmup: 32, Stride: 1, Rate: 1e-3, Noise: .01, Starts: 500, Known: 96, Horizon: 96, Lags: 24, Echo: 1000},
	},
	Seeds: papers.Seeds{Quick: 1, Default: 1, Full: 3},
	Inputs: []papers.Input{
		{Name: "series", Required: true, Formats: []string{"CSV", "NPZ", "NPY"}, Says: "a table with a column of times at equal distances and columns of numbers (as the ETT sets), or one array [T, D]"},
		{Name: "test", Formats: []string{"CSV"}, Says: "another table with the same columns and sampling, which is forecast in place of the last fifth"},
	},
	Metrics: []report.Metric{
		{ID: "mse-quarter", Name: "mean square error, a quarter of the horizon", Better: report.Lower, Says: "of standardised values, over all steps up to there"},
		{ID: "mse-half", Name: "mean square error, half", Better: report.Lower},
		{ID: "mse", Name: "mean square error, all", Better: report.Lower},
		{ID: "mae-quarter", Name: "mean absolute error, a quarter of the horizon", Better: report.Lower},
		{ID: "mae-half", Name: "mean absolute error, half", Better: report.Lower},
		{ID: "mae", Name: "mean absolute error, all", Better: report.Lower},
		{ID: "step", Name: "one-step error", Better: report.Lower, Says: "root mean square"},
		{ID: "parameters", Name: "parameters"},
	},
	Systems: systems,
	Run:     runSeries,
}

// readSeries reads a table or an array: values [n, dim] and, of a table, its sampling interval in seconds.
func readSeries(path string) (x []float64, names []string, interval float64, err error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npz", ".npy":
		arrays, err := recording.Arrays(path)
		if err != nil {
			return nil, nil, 0, err
		}
		if len(arrays) != 1 || len(arrays[0].Dims) != 2 {
			return nil, nil, 0, fmt.Errorf("%s: found %d arrays, expected one of two axes [T, D]", path, len(arrays))
		}
		a := arrays[0].RowMajor()
		for k := range a.Dims[1] {
			names = append(names, fmt.Sprint("column ", k+1))
		}
		x, err = a.Float64s()
		return x, names, 0, err
	}
	t, err := table.ReadFile(path)
	if err != nil {
		return nil, nil, 0, err
	}
	var columns [][]float64
	for _, c := range t.Columns {
		switch c.Kind {
		case table.Time:
			times, err := t.Times(c.Name)
			if err != nil {
				return nil, nil, 0, err
			}
			for i := 1; i < len(times); i++ {
				step := times[i].Sub(times[i-1]).Seconds()
				if i == 1 {
					interval = step
				}
				if step <= 0 {
					return nil, nil, 0, fmt.Errorf("%s: column %q: row %d is at %s, not after the row before it at %s; expected times that grow: sort the rows and keep one of each time",
						path, c.Name, i+1, times[i].Format("2006-01-02 15:04:05"), times[i-1].Format("2006-01-02 15:04:05"))
				}
				if math.Abs(step-interval) > 1e-6*interval {
					return nil, nil, 0, fmt.Errorf("%s: column %q: row %d comes %g s after the one before, expected %g s as at the beginning: fill the gap or cut the table there",
						path, c.Name, i+1, step, interval)
				}
			}
		case table.Number:
			v, err := t.Numbers(c.Name)
			if err != nil {
				return nil, nil, 0, err
			}
			columns, names = append(columns, v), append(names, c.Name)
		}
	}
	if len(columns) == 0 {
		return nil, nil, 0, fmt.Errorf("%s: no column of numbers; expected at least one", path)
	}
	for i := range t.Rows {
		for k, c := range columns {
			if math.IsNaN(c[i]) {
				return nil, nil, 0, fmt.Errorf("%s: column %q: row %d is missing; expected a number: fill the gap or cut the table there", path, names[k], i+1)
			}
			x = append(x, c[i])
		}
	}
	return x, names, interval, nil
}

// readTask reads and cuts what was given.
func readTask(r *papers.Run, p params) (*task, *starts, *starts, error) {
	path, given := r.Input("series")
	if !given {
		return nil, nil, nil, errors.New("this experiment needs a series: --data series=FILE.csv with a column of times and columns of numbers, or one array [T, D] in an NPZ")
	}
	x, names, interval, err := readSeries(path)
	if err != nil {
		return nil, nil, nil, err
	}
	dim := len(names)
	rows := len(x) / dim
	n := sizes{rows * 3 / 5, rows / 5, 0}
	n.test = rows - n.train - n.val
	need := max(p.Steps+1+p.Stride*(p.Batch-1), p.Steps+1)
	if n.train < need || n.val < max(p.Steps+1, p.Known+p.Horizon+p.Starts-1) {
		return nil, nil, nil, fmt.Errorf("%s: %d rows, of which %d to learn from and %d to choose by; expected at least %d and %d: give a longer series, or a shorter context (steps, known) or horizon",
			path, rows, n.train, n.val, need, max(p.Steps+1, p.Known+p.Horizon+p.Starts-1))
	}
	t := &task{Name: filepath.Base(path), Dim: dim, Dt: 1, Judged: float64(p.Horizon)}
	if other, given := r.Input("test"); given {
		y, others, otherInterval, err := readSeries(other)
		if err != nil {
			return nil, nil, nil, err
		}
		if strings.Join(others, "\x00") != strings.Join(names, "\x00") {
			return nil, nil, nil, fmt.Errorf("%s: columns %q; expected those of %s, %q", other, others, path, names)
		}
		if math.Abs(otherInterval-interval) > 1e-6*interval {
			return nil, nil, nil, fmt.Errorf("%s: samples are %g s apart; expected %g s as in %s, or the increments that are learned would not be those to forecast: resample one of them",
				other, otherInterval, interval, path)
		}
		x = append(x[:(n.train+n.val)*dim], y...)
	}
	if err := t.divide(x, n); err != nil {
		return nil, nil, nil, err
	}
	validation, err := startsOf(t.Val, dim, min(p.Starts, 40), p.Known, p.Horizon)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%s: validation part: %w", path, err)
	}
	test, err := startsOf(t.Test, dim, p.Starts, p.Known, p.Horizon)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%s: test part: %w", path, err)
	}
	return t, validation, test, nil
}

func runSeries(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[seriesParams](r).general()
	designs, names, err := p.designs()
	if err != nil {
		return papers.Refuse(err)
	}
	p.Train, p.Val = math.MaxInt, math.MaxInt // what there is, is checked as it is read
	if err := p.check(); err != nil {
		return papers.Refuse(err)
	}
	t, validation, test, err := readTask(r, p)
	if err != nil {
		return papers.Refuse(err)
	}
	r.Note("%d columns; %d samples to learn from, %d to choose by, %d to forecast, standardised by the first.", t.Dim, len(t.Train)/t.Dim, len(t.Val)/t.Dim, len(t.Test)/t.Dim)
	var all []outcome
	for i, d := range designs {
		o, err := papers.Stage(r, names[i], func() (outcome, error) { return trainAndForecast(ctx, r, d, p.budget(), t, test) })
		if err != nil {
			return err
		}
		all = append(all, o)
	}
	p.Train = len(t.Train) / t.Dim
	rest, err := papers.Stage(r, "baselines", func() ([]outcome, error) { return p.baselines(ctx, r, t, validation, test) })
	if err != nil {
		return err
	}
	all = append(all, rest...)
	for _, o := range all {
		for _, part := range []struct {
			name string
			end  int
		}{{"-quarter", max(1, p.Horizon/4)}, {"-half", max(1, p.Horizon/2)}, {"", p.Horizon}} {
			r.Measure(o.Name, "mse"+part.name, mean(o.Square[:part.end]))
			r.Measure(o.Name, "mae"+part.name, mean(o.Absolute[:part.end]))
		}
		r.Measure(o.Name, "step", o.Step.Error)
		if o.Parameters > 0 {
			r.Measure(o.Name, "parameters", float64(o.Parameters))
		}
	}
	draw(r, all, t, test)
	return nil
}
