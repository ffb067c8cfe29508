package sweep

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// drawing makes the figures of one metric.
type drawing struct {
	sweep  *Sweep
	exp    *papers.Experiment
	metric report.Metric
	id     string
	all    []Summary // of this metric
}

const (
	mostLines = 8           // beyond these, colours no longer tell lines apart
	mostMaps  = 6           // heat maps of a metric
	mostBars  = 24          // categories of a bar plot
	mostLooks = 200_000_000 // cells times summaries of a map: a second or so
)

// figures draws the metric against each parameter, and for each pair of parameters as a map. With more parameters than a figure shows, it
// averages over the others.
func (d *drawing) figures() []report.Figure {
	var out []report.Figure
	if len(d.sweep.Axes) == 0 {
		if bars := d.bars(nil); bars != nil {
			f := d.frame("over-seeds", "Over seeds", "Each dot is a seed; bars are means with standard deviations.")
			f.XLabel = withUnit(d.metric)
			out = append(out, report.BarPlot(f, []string{""}, bars))
		}
		return out
	}
	for i := range d.sweep.Axes {
		if f, ok := d.against(i); ok {
			out = append(out, f)
		}
	}
	maps := 0
	for i := range d.sweep.Axes {
		for j := i + 1; j < len(d.sweep.Axes); j++ {
			if maps < mostMaps && !d.sweep.Axes[i].interval() && !d.sweep.Axes[j].interval() {
				if figures := d.maps(i, j); len(figures) > 0 {
					out = append(out, figures...)
					maps += len(figures)
				}
			}
		}
	}
	return out
}

func (d *drawing) frame(id, title, caption string) report.Frame {
	return report.Frame{ID: d.id + "-" + id, Title: title, Caption: caption, YLabel: withUnit(d.metric)}
}

// values are those of a system and of the metric at all points that the filter lets through, over their seeds.
func (d *drawing) values(system string, let func(point int) bool) []float64 {
	var v []float64
	for _, s := range d.all {
		if s.System == system && let(s.Point) {
			v = append(v, s.values...)
		}
	}
	return v
}

// measured lists the systems that have the metric.
func (d *drawing) measured() []report.System {
	var out []report.System
	for _, sys := range d.exp.Systems {
		if len(d.values(sys.Name, func(int) bool { return true })) > 0 {
			out = append(out, sys)
		}
	}
	return out
}

func (d *drawing) bars(categories []func(point int) bool) []report.Bars {
	if categories == nil {
		categories = []func(int) bool{func(int) bool { return true }}
	}
	var bars []report.Bars
	for _, sys := range d.measured() {
		b := report.Bars{Name: sys.Name, Role: sys.Role}
		for _, c := range categories {
			b.Values = append(b.Values, d.values(sys.Name, c))
		}
		bars = append(bars, b)
	}
	return bars
}

// against draws the metric against one parameter.
func (d *drawing) against(axis int) (report.Figure, bool) {
	a := d.sweep.Axes[axis]
	systems := d.measured()
	if len(systems) == 0 {
		return report.Figure{}, false
	}
	over := "seeds"
	if len(d.sweep.Axes) > 1 {
		over = "seeds and the other parameters"
	}
	f := d.frame("by-"+a.Param, "Against "+a.Param, "")
	f.XLabel = d.label(a)
	if a.interval() {
		f.Caption = "Each dot is the mean over the seeds of a drawn point."
		f.XLog = a.Log
		return report.ScatterPlot(f, d.clouds(a)), true
	}
	numbers := d.numbers(a)
	if numbers == nil {
		if len(a.Values) > mostBars {
			return report.Figure{}, false
		}
		f.Caption = "Each dot is a job; bars are means over " + over + " with standard deviations."
		var categories []func(int) bool
		for _, v := range a.Values {
			categories = append(categories, d.at(a, v))
		}
		if len(a.Values) == 1 {
			f.XLabel = f.YLabel
		}
		return report.BarPlot(f, a.Values, d.bars(categories)), true
	}
	f.XLog = wide(numbers)
	order := sortedBy(numbers)
	line := func(name string, role report.Role, system string, let func(int) bool) report.Series {
		s := report.Series{Name: name, Role: role}
		for _, i := range order {
			here := d.at(a, a.Values[i])
			v := d.values(system, func(p int) bool { return here(p) && let(p) })
			if len(v) == 0 {
				continue
			}
			m := mean(v)
			low, high := m, m
			if len(v) > 1 {
				low, high = bootstrap(v, resamples, system+"\x00"+d.metric.ID)
			}
			s.X, s.Y, s.Low, s.High = append(s.X, numbers[i]), append(s.Y, m), append(s.Low, low), append(s.High, high)
		}
		return s
	}
	var lines []report.Series
	for _, sys := range systems[:min(len(systems), mostLines)] {
		lines = append(lines, line(sys.Name, sys.Role, sys.Name, func(int) bool { return true }))
	}
	f.Caption = "Means over " + over + "; the bands are 95 % bootstrap intervals of the mean."
	if len(systems) > mostLines {
		f.Caption += fmt.Sprintf(" %d more systems are in the table.", len(systems)-mostLines)
	}
	// With one more parameter of few values, the lines of the system itself are told apart by it.
	if len(d.sweep.Axes) == 2 && d.subject() != "" {
		b := d.sweep.Axes[1-axis]
		if !b.interval() && len(b.Values) > 1 && len(b.Values) <= mostLines {
			lines = nil
			for _, v := range b.Values {
				lines = append(lines, line(b.Param+" "+v, "", d.subject(), d.at(b, v)))
			}
			f.Caption = fmt.Sprintf("%s at each %s: means over seeds; the bands are 95 %% bootstrap intervals of the mean.", d.subject(), b.Param)
		}
	}
	return report.LinePlot(f, lines), true
}

// clouds are the points of a drawn grid, by system.
func (d *drawing) clouds(a Axis) []report.Points {
	var out []report.Points
	for _, sys := range d.measured() {
		c := report.Points{Name: sys.Name, Role: sys.Role}
		for _, s := range d.all {
			x, err := strconv.ParseFloat(d.sweep.Points[s.Point][a.Param], 64)
			if s.System == sys.Name && s.N > 0 && err == nil {
				c.X, c.Y = append(c.X, x), append(c.Y, float64(s.Mean))
			}
		}
		out = append(out, c)
	}
	return out
}

// maps draws the mean over two parameters, for each system that is not a baseline, or for all if there is no other.
func (d *drawing) maps(i, j int) []report.Figure {
	a, b := d.sweep.Axes[i], d.sweep.Axes[j]
	if len(a.Values) < 2 || len(b.Values) < 2 || len(a.Values)*len(b.Values)*len(d.all) > mostLooks {
		return nil
	}
	columns, rows := d.inOrder(a), d.inOrder(b)
	var out []report.Figure
	for _, sys := range d.measured() {
		if d.subject() != "" && sys.Role == report.Baseline {
			continue
		}
		h := report.Heat{YUp: true, Columns: columns, Rows: rows, Annotate: true, Scale: report.Scale{Label: withUnit(d.metric)}}
		for _, y := range rows {
			row := make([]float64, len(columns))
			for k, x := range columns {
				inX, inY := d.at(a, x), d.at(b, y)
				row[k] = math.NaN()
				if v := d.values(sys.Name, func(p int) bool { return inX(p) && inY(p) }); len(v) > 0 {
					row[k] = mean(v)
				}
			}
			h.Values = append(h.Values, row)
		}
		over := "seeds"
		if len(d.sweep.Axes) > 2 {
			over = "seeds and the other parameters"
		}
		f := report.Frame{ID: fmt.Sprintf("%s-map-%d-%d-%d", d.id, i, j, len(out)), Title: fmt.Sprintf("%s over %s and %s", sys.Name, a.Param, b.Param),
			Caption: "Means over " + over + "; empty cells have no job that is done.", XLabel: d.label(a), YLabel: d.label(b)}
		out = append(out, report.HeatMap(f, h))
	}
	return out
}

// subject is the published system, or the only one.
func (d *drawing) subject() string {
	systems := d.measured()
	for _, s := range systems {
		if s.Role == report.Subject {
			return s.Name
		}
	}
	if len(systems) == 1 {
		return systems[0].Name
	}
	return ""
}

// at lets the points through at which a parameter has a value.
func (d *drawing) at(a Axis, value string) func(point int) bool {
	return func(point int) bool { return d.sweep.Points[point][a.Param] == value }
}

func (d *drawing) label(a Axis) string {
	for _, s := range d.exp.Params.Specs() {
		if s.Name == a.Param && s.Unit != "" && s.Kind != "duration" {
			return a.Param + " (" + s.Unit + ")"
		} else if s.Name == a.Param && s.Kind == "duration" {
			return a.Param + " (s)"
		}
	}
	return a.Param
}

// numbers are the values of an axis as numbers, durations in seconds; nil if they are not numbers, or only one.
func (d *drawing) numbers(a Axis) []float64 {
	if len(a.Values) < 2 {
		return nil
	}
	for _, s := range d.exp.Params.Specs() {
		if s.Name == a.Param && (s.Kind == "text" || s.Kind == "yes/no") {
			return nil
		}
	}
	out := make([]float64, len(a.Values))
	for i, v := range a.Values {
		if t, err := time.ParseDuration(v); err == nil {
			out[i] = t.Seconds()
		} else if out[i], err = strconv.ParseFloat(v, 64); err != nil {
			return nil
		}
	}
	return out
}

// inOrder are an axis's values, by size if they are numbers.
func (d *drawing) inOrder(a Axis) []string {
	numbers := d.numbers(a)
	if numbers == nil {
		return a.Values
	}
	var out []string
	for _, i := range sortedBy(numbers) {
		out = append(out, a.Values[i])
	}
	return out
}

func sortedBy(v []float64) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case v[i] < v[j]:
			return -1
		case v[i] > v[j]:
			return 1
		}
		return 0
	})
	return order
}

// wide reports whether values are better seen on a logarithmic axis: positive, three or more, and over more than a factor of 20.
func wide(v []float64) bool {
	return len(v) > 2 && slices.Min(v) > 0 && slices.Max(v) > 20*slices.Min(v)
}
