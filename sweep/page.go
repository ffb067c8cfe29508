package sweep

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// Result is sweep.json: the whole sweep as data.
type Result struct {
	Plan      *Plan         `json:"plan"`
	State     State         `json:"state"`
	Finished  time.Time     `json:"finished"`
	Summaries []Summary     `json:"summaries"`
	Claims    []PointClaims `json:"claims,omitempty"`
	Outcomes  []Outcome     `json:"outcomes"` // by point and seed
	Command   string        `json:"command"`
}

// PointClaims is what the experiment's own judgement makes of the seeds of a point.
type PointClaims struct {
	Point    int              `json:"point"`
	Verdicts []report.Verdict `json:"verdicts"`
}

// Result gathers the sweep as data.
func (s *Sweep) Result() (*Result, error) {
	summaries, err := s.Summaries()
	if err != nil {
		return nil, err
	}
	r := &Result{Plan: s.Plan, State: s.State, Summaries: summaries, Claims: s.claims(), Outcomes: s.bySeed(), Command: s.Command()}
	for _, o := range s.Outcomes {
		if end := o.Started.Add(time.Duration(o.Seconds * float64(time.Second))); end.After(r.Finished) {
			r.Finished = end
		}
	}
	return r, nil
}

// WriteResult writes sweep.json, results.csv, jobs.csv and report.html into a folder.
func (s *Sweep) WriteResult(dir string) error {
	r, err := s.Result()
	if err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"sweep.json": r.writeJSON, "results.csv": r.writeSummaries, "jobs.csv": r.writeJobs,
		"report.html": func(w io.Writer) error {
			sheet, err := s.sheet(r)
			if err != nil {
				return err
			}
			return sheet.WriteHTML(w)
		},
	} {
		if err := papers.WriteFileAtomic(filepath.Join(dir, name), func(f *os.File) error { return write(f) }); err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(dir, name), err)
		}
	}
	return nil
}

func (r *Result) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "\t")
	return enc.Encode(r)
}

// writeSummaries writes one line for each point, system and metric.
func (r *Result) writeSummaries(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"point"}
	for _, a := range r.Plan.Axes {
		head = append(head, a.Param)
	}
	c.Write(append(head, "system", "metric", "n", "not_finite", "mean", "sd", "min", "q05", "q25", "median", "q75", "q95", "max", "ci95_low", "ci95_high"))
	for _, s := range r.Summaries {
		line := []string{strconv.Itoa(s.Point)}
		for _, a := range r.Plan.Axes {
			line = append(line, r.Plan.Points[s.Point][a.Param])
		}
		line = append(line, s.System, s.Metric, strconv.Itoa(s.N), strconv.Itoa(s.Bad))
		for _, v := range []report.Number{s.Mean, s.SD, s.Min, s.Q05, s.Q25, s.Median, s.Q75, s.Q95, s.Max, s.Low, s.High} {
			line = append(line, strconv.FormatFloat(float64(v), 'g', -1, 64))
		}
		c.Write(line)
	}
	c.Flush()
	return c.Error()
}

// writeJobs writes one line for each measured value, and one for each parked job.
func (r *Result) writeJobs(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"job", "point"}
	for _, a := range r.Plan.Axes {
		head = append(head, a.Param)
	}
	c.Write(append(head, "seed", "status", "system", "metric", "value", "seconds", "worker", "gyrus", "run", "error"))
	for _, o := range r.Outcomes {
		line := []string{o.Job, strconv.Itoa(o.Point)}
		for _, a := range r.Plan.Axes {
			line = append(line, r.Plan.Points[o.Point][a.Param])
		}
		line = append(line, strconv.FormatInt(o.Seed, 10), string(o.Status))
		tail := []string{strconv.FormatFloat(o.Seconds, 'f', 6, 64), o.Worker, o.Gyrus, o.Run, o.Error}
		if len(o.Measurements) == 0 {
			c.Write(slices.Concat(line, []string{"", "", ""}, tail))
		}
		for _, m := range o.Measurements {
			c.Write(slices.Concat(line, []string{m.System, m.Metric, strconv.FormatFloat(float64(m.Value), 'g', -1, 64)}, tail))
		}
	}
	c.Flush()
	return c.Error()
}

// claims lets the experiment judge the seeds of each point, as it does those of a run. Judgements that need more than measured values may say
// that a claim was not tested.
func (s *Sweep) claims() []PointClaims {
	_, exp, err := s.describe()
	if err != nil || exp.Judge == nil {
		return nil
	}
	records := make([][]report.Record, len(s.Points))
	for _, o := range s.bySeed() {
		if o.Status == Done {
			records[o.Point] = append(records[o.Point], report.Record{Seed: o.Seed, Measurements: o.Measurements, Notes: o.Notes, Seconds: o.Seconds})
		}
	}
	inputs := map[string]string{}
	for name, in := range s.Inputs {
		inputs[name] = in.Path
	}
	var out []PointClaims
	for i, point := range s.Points {
		if len(records[i]) == 0 {
			continue
		}
		params, err := exp.Params.Resolve(s.Preset, s.settings(point))
		if err != nil {
			continue
		}
		if v := judge(exp, &papers.Results{Preset: s.Preset, Params: params, Inputs: inputs, Records: records[i]}); len(v) > 0 {
			out = append(out, PointClaims{Point: i, Verdicts: v})
		}
	}
	return out
}

// judge returns no verdicts if the experiment cannot judge what a sweep keeps of its runs.
func judge(exp *papers.Experiment, rs *papers.Results) (v []report.Verdict) {
	defer func() {
		if recover() != nil {
			v = nil
		}
	}()
	exp.Judge(rs)
	return rs.Verdicts()
}

// sheet is the sweep as a page.
func (s *Sweep) sheet(r *Result) (*report.Sheet, error) {
	paper, exp, err := s.describe()
	if err != nil {
		return nil, err
	}
	done, parked := s.Counts()
	busy, workers, versions := 0.0, map[string]bool{}, map[string]bool{}
	for _, o := range s.Outcomes {
		busy += o.Seconds / float64(max(1, o.Batch))
		workers[o.Worker], versions[o.Gyrus] = true, true
	}
	sheet := &report.Sheet{Kind: "Sweep", Title: paper.System + ": " + s.Experiment, Summary: exp.Summary, Command: s.Command()}
	fact := func(name, format string, args ...any) {
		sheet.Facts = append(sheet.Facts, report.Fact{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	fact("Paper", "%s", paper.Title)
	fact("Preset", "%s", s.Preset)
	for _, a := range s.Axes {
		text := shorten(strings.TrimPrefix(a.String(), a.Param+"="), 200)
		fact(a.Param, "%s", text)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Set)) {
		fact(name, "%s, in all jobs", s.Set[name])
	}
	fact("Seeds", "%s", shorten(seedsText(s.Seeds), 200))
	for name, in := range s.Inputs {
		fact("Input "+name, "%s (SHA-256 %.12s…)", in.Path, in.SHA256)
	}
	fact("Jobs", "%d of %d done, %d parked", done, s.Jobs(), parked)
	fact("Time", "%s from the beginning to the last outcome; %s of work by %s", r.Finished.Sub(s.Started).Round(time.Second),
		(time.Duration(busy * float64(time.Second))).Round(time.Millisecond), counted(len(workers), "worker"))
	fact("Gyrus", "%s", strings.Join(slices.Sorted(maps.Keys(versions)), ", "))
	fact("Sweep", "%s", s.ID)
	warn := func(format string, args ...any) {
		sheet.Notes = append(sheet.Notes, report.Note{Warning: true, Text: fmt.Sprintf(format, args...)})
	}
	if missing := s.Jobs() - done - parked; missing > 0 {
		warn("The sweep is not done: %d of its %d jobs have no outcome yet.", missing, s.Jobs())
	}
	if parked > 0 {
		warn("%d of %d jobs are parked and in no figure: see the table of parked jobs.", parked, s.Jobs())
	}
	if len(versions) > 1 {
		warn("Jobs were carried out by different versions of Gyrus, which may differ in what they measure.")
	}
	bad := 0
	for _, sum := range r.Summaries {
		bad += sum.Bad
	}
	if bad > 0 {
		warn("%d measured values are not finite; they are counted in the table of results and left out of figures and means.", bad)
	}
	if len(s.Seeds) > 1 && len(s.Seeds) < 10 {
		sheet.Notes = append(sheet.Notes, report.Note{Text: fmt.Sprintf("Intervals are bootstrapped from %d seeds, and with so few they are too narrow.", len(s.Seeds))})
	}
	for i, m := range exp.Metrics {
		d := drawing{sweep: s, exp: exp, metric: m, id: fmt.Sprintf("m%d", i)}
		for _, sum := range r.Summaries {
			if sum.Metric == m.ID {
				d.all = append(d.all, sum)
			}
		}
		if figures := d.figures(); len(figures) > 0 {
			sheet.Parts = append(sheet.Parts, report.Part{ID: d.id, Title: upper(m.Name), Text: m.Says, Figures: figures})
		}
	}
	sheet.Parts = append(sheet.Parts, s.tableParts(exp, r)...)
	return sheet, nil
}

// mostRows keeps tables of large sweeps to what a browser shows at once.
const mostRows = 2000

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (s *Sweep) tableParts(exp *papers.Experiment, r *Result) []report.Part {
	names := map[string]report.Metric{}
	for _, m := range exp.Metrics {
		names[m.ID] = m
	}
	results := report.Table{ID: "results", Title: "Every point", Columns: []string{"point", "system", "metric", "n", "mean", "sd", "median", "quartiles", "95 % interval of the mean"}}
	best := report.Table{ID: "best", Title: "Best mean", Caption: "The best of many means is better than it would be again.", Columns: []string{"metric", "system", "point", "mean", "95 % interval"}}
	type key struct{ system, metric string }
	top := map[key]Summary{}
	for _, sum := range r.Summaries {
		m := names[sum.Metric]
		results.Rows = append(results.Rows, []string{s.PointName(sum.Point), sum.System, withUnit(m), strconv.Itoa(sum.N), short(sum.Mean), short(sum.SD), short(sum.Median),
			short(sum.Q25) + " to " + short(sum.Q75), short(sum.Low) + " to " + short(sum.High)})
		k := key{sum.System, sum.Metric}
		if b, ok := top[k]; sum.N > 0 && (!ok || m.Better == report.Higher && sum.Mean > b.Mean || m.Better == report.Lower && sum.Mean < b.Mean) {
			top[k] = sum
		}
	}
	for _, m := range exp.Metrics {
		for _, system := range exp.Systems {
			if b, ok := top[key{system.Name, m.ID}]; ok && m.Better != report.Neither {
				best.Rows = append(best.Rows, []string{withUnit(m), system.Name, s.PointName(b.Point), short(b.Mean), short(b.Low) + " to " + short(b.High)})
			}
		}
	}
	claims := report.Table{ID: "claims", Title: "Claims at each point", Caption: "What the experiment's own judgement makes of the seeds of each point.", Columns: append([]string{"point"}, exp.Tests...)}
	for _, c := range r.Claims {
		row := []string{s.PointName(c.Point)}
		for _, id := range exp.Tests {
			status := report.NotTested
			for _, v := range c.Verdicts {
				if v.Claim == id {
					status = v.Status
				}
			}
			row = append(row, string(status))
		}
		claims.Rows = append(claims.Rows, row)
	}
	parked := report.Table{ID: "parked", Title: "Parked jobs", Columns: []string{"job", "point", "seed", "tries", "error"}}
	for _, o := range r.Outcomes {
		if o.Status == Parked {
			parked.Rows = append(parked.Rows, []string{o.Job, s.PointName(o.Point), strconv.FormatInt(o.Seed, 10), strconv.Itoa(len(o.Tries) + 1), shorten(o.Error, 500)})
		}
	}
	var parts []report.Part
	for _, t := range []report.Table{parked, best, claims, results} {
		if len(t.Rows) > mostRows {
			t.Caption = fmt.Sprintf("The first %d of %d rows; the others are in sweep.json and the CSV files.", mostRows, len(t.Rows))
			t.Rows = t.Rows[:mostRows]
		}
		if len(t.Rows) > 0 && !(t.ID == "best" && len(s.Points) < 2) {
			parts = append(parts, report.Part{ID: t.ID, Title: t.Title, Tables: []report.Table{t}})
		}
	}
	return parts
}

func withUnit(m report.Metric) string {
	if m.Unit == "" {
		return m.Name
	}
	return m.Name + " (" + m.Unit + ")"
}

func short(v report.Number) string {
	switch x := float64(v); {
	case math.IsNaN(x):
		return "–"
	default:
		return strings.Replace(strconv.FormatFloat(x, 'g', 4, 64), "-", "−", 1)
	}
}
