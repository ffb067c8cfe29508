package studio

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// maxCompared is how many runs are laid side by side.
const maxCompared = 6

// comparison is runs side by side.
type comparison struct {
	Runs    []comparedRun
	Params  []comparedParam
	Same    int // parameters that all have in common
	Metrics []comparedMetric
	Claims  []comparedClaim
	Plots   []comparedPlot
	Mixed   bool // not all are of one experiment
	Listed  []runLine
}

type comparedRun struct {
	runLine
	Letter  string // by which tables and legends call it
	Doc     *report.Document
	Seconds string
	Without string // address of the comparison without this run
}

type comparedParam struct {
	report.Param
	Values []string
}

type comparedMetric struct {
	report.Metric
	System string
	Role   report.Role
	Cells  []comparedCell
}

type comparedCell struct {
	Text, Spread string
	Best         bool
	There        bool
}

type comparedClaim struct {
	ID, Says string
	Marks    []*mark
}

type comparedPlot struct {
	report.Figure
	Left []string // series that are not drawn, since there are too many
}

// comparePage lays the runs of the query side by side.
func (s *Server) comparePage(w http.ResponseWriter, r *http.Request) error {
	var ids []string
	for _, id := range r.URL.Query()["run"] {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > maxCompared {
		return Refuse(http.StatusBadRequest, "At most %d runs can be laid side by side; %d were chosen.", maxCompared, len(ids))
	}
	var c comparison
	for i, id := range ids {
		e, err := s.history.find(r.Context(), id)
		if err != nil {
			return err
		}
		d, err := s.documents.get(e.Dir)
		if err != nil {
			return &Problem{Status: http.StatusConflict, Title: "No result yet", Detail: fmt.Sprintf("The run %s is %s and has no result that could be compared.", id, e.Status)}
		}
		others := url.Values{"run": slices.Delete(slices.Clone(ids), i, i+1)}
		seconds := 0.0
		for _, rec := range d.Records {
			seconds += rec.Seconds
		}
		c.Runs = append(c.Runs, comparedRun{s.line(e), string(rune('A' + i)), d, durationText(seconds), "/compare?" + others.Encode()})
		if e.Paper != c.Runs[0].Paper || e.Experiment != c.Runs[0].Experiment {
			c.Mixed = true
		}
	}
	c.params()
	c.metrics()
	c.claims()
	c.plots()
	if len(ids) < maxCompared {
		runs, err := s.history.all(r.Context())
		if err != nil {
			return err
		}
		for _, e := range runs {
			if e.Status == runner.Done && !slices.Contains(ids, e.ID) && (len(c.Runs) == 0 || e.Paper == c.Runs[0].Paper) && len(c.Listed) < 100 {
				c.Listed = append(c.Listed, s.line(e))
			}
		}
	}
	return s.Render(w, r, http.StatusOK, View{Title: "Comparison", Template: s.core, Name: "compare.html", Data: &c, Wide: len(ids) > 3})
}

// params keeps the parameters that differ.
func (c *comparison) params() {
	var names []string
	byName := map[string]comparedParam{}
	put := func(i int, p report.Param) {
		v, seen := byName[p.Name]
		if !seen {
			names = append(names, p.Name)
			v = comparedParam{Param: p, Values: make([]string, len(c.Runs))}
		}
		v.Values[i] = p.Value
		byName[p.Name] = v
	}
	for i, run := range c.Runs {
		put(i, report.Param{Name: "preset", Value: run.Doc.Preset, Says: "size of the run"})
		put(i, report.Param{Name: "seeds", Value: seedsText(run.Doc.Seeds), Says: "random seeds"})
		put(i, report.Param{Name: "data", Value: dataText(run.Doc), Says: "what was read"})
		put(i, report.Param{Name: "version", Value: run.Doc.Environment.Gyrus, Says: "version of Gyrus"})
		for _, p := range run.Doc.Params {
			put(i, p)
		}
	}
	for _, n := range names {
		v := byName[n]
		if slices.ContainsFunc(v.Values, func(s string) bool { return s != v.Values[0] }) {
			c.Params = append(c.Params, v)
		} else {
			c.Same++
		}
	}
}

func seedsText(seeds []int64) string {
	var out []string
	for _, s := range seeds {
		out = append(out, strconv.FormatInt(s, 10))
	}
	return strings.Join(out, ", ")
}

func dataText(d *report.Document) string {
	var out []string
	for _, in := range d.Data {
		name := in.Path[strings.LastIndexAny(in.Path, `/\`)+1:]
		if name == "" {
			name = in.Input
		}
		if in.SHA256 != "" {
			name += " (" + in.SHA256[:8] + "…)"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// metrics lists what was measured on every system, the paper's own first.
func (c *comparison) metrics() {
	type key struct{ metric, system string }
	var order []key
	for _, run := range c.Runs {
		for _, m := range run.Doc.Metrics {
			for _, sys := range run.Doc.Systems {
				k := key{m.ID, sys.Name}
				if slices.Contains(order, k) || !slices.ContainsFunc(c.Runs, func(o comparedRun) bool { return len(valuesOf(o.Doc, k.system, k.metric)) > 0 }) {
					continue
				}
				order = append(order, k)
				row := comparedMetric{Metric: m, System: sys.Name, Role: sys.Role}
				best, at := math.NaN(), -1
				for i, o := range c.Runs {
					vs := valuesOf(o.Doc, k.system, k.metric)
					mean, sd := meanSD(vs)
					cell := comparedCell{There: len(vs) > 0, Text: number(mean)}
					if len(vs) > 1 {
						cell.Spread = number(sd)
					}
					row.Cells = append(row.Cells, cell)
					if len(vs) > 0 && (at < 0 || m.Better == report.Higher && mean > best || m.Better == report.Lower && mean < best) {
						best, at = mean, i
					}
				}
				if at >= 0 && m.Better != report.Neither && len(c.Runs) > 1 {
					for i := range row.Cells { // equals share the mark, unless all are equal
						row.Cells[i].Best = row.Cells[i].There && row.Cells[i].Text == row.Cells[at].Text
					}
					if !slices.ContainsFunc(row.Cells, func(x comparedCell) bool { return x.There && !x.Best }) {
						for i := range row.Cells {
							row.Cells[i].Best = false
						}
					}
				}
				c.Metrics = append(c.Metrics, row)
			}
		}
	}
	rank := map[report.Role]int{report.Subject: 0, report.Baseline: 1, report.Ablation: 2}
	slices.SortStableFunc(c.Metrics, func(a, b comparedMetric) int { return rank[a.Role] - rank[b.Role] })
}

func valuesOf(d *report.Document, system, metric string) (out []float64) {
	for i := range d.Records {
		if v, ok := d.Records[i].Value(system, metric); ok {
			out = append(out, v)
		}
	}
	return out
}

func meanSD(vs []float64) (mean, sd float64) {
	if len(vs) == 0 {
		return math.NaN(), math.NaN()
	}
	for _, v := range vs {
		mean += v / float64(len(vs))
	}
	for _, v := range vs {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / math.Max(1, float64(len(vs)-1)))
}

// number shows four significant digits.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v == math.Trunc(v) && math.Abs(v) < 1e9:
		return strings.Replace(strconv.FormatFloat(v, 'f', -1, 64), "-", "−", 1)
	}
	return strings.Replace(strconv.FormatFloat(v, 'g', 4, 64), "-", "−", 1)
}

func (c *comparison) claims() {
	for i, run := range c.Runs {
		for _, row := range run.Doc.Claims {
			k := slices.IndexFunc(c.Claims, func(x comparedClaim) bool { return x.ID == row.ID && x.Says == row.Says })
			if k < 0 {
				k = len(c.Claims)
				c.Claims = append(c.Claims, comparedClaim{ID: row.ID, Says: row.Says, Marks: make([]*mark, len(c.Runs))})
			}
			m := claimMark(row.Verdict.Status)
			c.Claims[k].Marks[i] = &m
		}
	}
}

// maxSeries is how many lines a plot holds before only those of the published system are drawn.
const maxSeries = 8

// plots lays the curves of one title over each other.
func (c *comparison) plots() {
	type line struct {
		series  report.Series
		subject bool
	}
	var titles []string
	lines, frames := map[string][]line{}, map[string]report.Frame{}
	for _, run := range c.Runs {
		subject := ""
		for _, sys := range run.Doc.Systems {
			if sys.Role == report.Subject && subject == "" {
				subject = sys.Name
			}
		}
		for _, rec := range run.Doc.Records {
			for _, curve := range rec.Curves {
				f, seen := frames[curve.Plot]
				if !seen {
					titles = append(titles, curve.Plot)
					f = report.Frame{ID: "compared", Title: curve.Plot, XLabel: curve.XLabel, YLabel: curve.YLabel, Height: 340}
				}
				f.XLog, f.YLog = f.XLog || curve.LogX, f.YLog || curve.LogY
				for _, l := range curve.Levels {
					if !slices.Contains(f.Levels, l) {
						f.Levels = append(f.Levels, l)
					}
				}
				frames[curve.Plot] = f
				name := run.Letter + ": " + curve.Series
				if len(run.Doc.Records) > 1 {
					name += ", seed " + strconv.FormatInt(rec.Seed, 10)
				}
				lines[curve.Plot] = append(lines[curve.Plot], line{report.Series{Name: name, X: floats(curve.X), Y: floats(curve.Y)}, subject != "" && strings.HasPrefix(curve.Series, subject)})
			}
		}
	}
	for _, t := range titles {
		var series []report.Series
		var left []string
		narrow := len(lines[t]) > maxSeries && slices.ContainsFunc(lines[t], func(l line) bool { return l.subject })
		for _, l := range lines[t] {
			if len(series) >= 2*maxSeries || narrow && !l.subject {
				left = append(left, l.series.Name)
				continue
			}
			series = append(series, l.series)
		}
		c.Plots = append(c.Plots, comparedPlot{report.LinePlot(frames[t], series), left})
	}
}

func floats(v []report.Number) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}
