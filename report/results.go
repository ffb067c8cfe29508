package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// cell is one system's values of one metric.
type cell struct {
	values   []Number // over seeds, NaN where a seed did not measure it
	mean, sd float64
	n        int
	best     bool
	text     string // mean ± sd, with the decimals of its column
	meanText string
	sdText   string
}

// results is the table of systems by metrics. Metrics that no seed measured and systems without a value are left out.
type results struct {
	metrics []Metric
	systems []System
	cells   [][]cell // [system][metric]
	seeds   []int64
}

func (d *Document) results() *results {
	t := &results{}
	for _, r := range d.Records {
		t.seeds = append(t.seeds, r.Seed)
	}
	metrics, systems := d.declared()
	for _, m := range metrics {
		if slices.ContainsFunc(d.Records, func(r Record) bool {
			return slices.ContainsFunc(r.Measurements, func(v Measurement) bool { return v.Metric == m.ID })
		}) {
			t.metrics = append(t.metrics, m)
		}
	}
	for _, s := range systems {
		row, any := make([]cell, len(t.metrics)), false
		for j, m := range t.metrics {
			c := &row[j]
			var vs []float64
			for i := range d.Records {
				v, ok := d.Records[i].Value(s.Name, m.ID)
				c.values = append(c.values, Number(v))
				any = any || ok
				vs = append(vs, v)
			}
			c.mean, c.sd, c.n = meanAndSD(vs)
		}
		if any {
			t.systems, t.cells = append(t.systems, s), append(t.cells, row)
		}
	}
	for j, m := range t.metrics {
		t.format(j, m.Better)
	}
	return t
}

// declared returns the document's metrics and systems, followed by those that only appear in its measurements.
func (d *Document) declared() (ms []Metric, ss []System) {
	ms, ss = slices.Clone(d.Metrics), slices.Clone(d.Systems)
	for _, r := range d.Records {
		for _, v := range r.Measurements {
			if !slices.ContainsFunc(ms, func(m Metric) bool { return m.ID == v.Metric }) {
				ms = append(ms, Metric{ID: v.Metric, Name: v.Metric})
			}
			if !slices.ContainsFunc(ss, func(s System) bool { return s.Name == v.System }) {
				ss = append(ss, System{Name: v.System})
			}
		}
	}
	return ms, ss
}

// format writes the cells of a column with one number of decimals, the median of what each deserves, and marks the best.
func (t *results) format(j int, better Better) {
	var ds []int
	for i := range t.cells {
		if c := &t.cells[i][j]; c.n > 0 {
			ds = append(ds, decimalsFor(c.mean, c.sd))
		}
	}
	if len(ds) == 0 {
		return
	}
	slices.Sort(ds)
	decimals := ds[len(ds)/2]
	best := math.NaN()
	for i := range t.cells {
		c := &t.cells[i][j]
		c.meanText = numberText(c.mean, decimals)
		c.text = c.meanText
		if c.n > 1 {
			c.sdText = numberText(c.sd, decimals)
			c.text += " ± " + c.sdText
		}
		if c.n > 0 && better != Neither && (math.IsNaN(best) || better == Higher && c.mean > best || better == Lower && c.mean < best) {
			best = c.mean
		}
	}
	if len(ds) < 2 {
		return // nothing to be better than
	}
	for i := range t.cells {
		c := &t.cells[i][j]
		c.best = c.n > 0 && !math.IsNaN(best) && (c.mean == best || c.meanText == numberText(best, decimals))
	}
}

// numberText writes a number with that many decimals, or in powers of ten where that would be too long or show nothing.
func numberText(v float64, decimals int) string {
	if a := math.Abs(v); finite(v) && (a >= 1e9 || a > 0 && a < 1e-4) {
		return significant(v, 3)
	}
	return fixed(v, decimals)
}

// sides writes both sides of a condition with as many digits as it takes to see that they differ, and with as many decimals each, so that
// they can be compared at a glance. Whole numbers stay whole beside each other, and so does zero.
func (c *Condition) sides() (left, right string) {
	l, r := float64(c.Left), float64(c.Right)
	whole := (l == math.Trunc(l) || !finite(l)) && (r == math.Trunc(r) || !finite(r))
	small, large := math.Min(math.Abs(l), math.Abs(r)), math.Max(math.Abs(l), math.Abs(r))
	if small > 0 && small < 1e-3 && large > 100*small { // common decimals would show nothing of one, or too much of the other
		return significant(l, 3), significant(r, 3)
	}
	for digits := 3; ; digits++ {
		d := 0
		for _, v := range []float64{l, r} {
			if finite(v) && v != 0 && !whole {
				d = max(d, digits-1-int(math.Floor(math.Log10(math.Abs(v))))) // decimals for that many digits
			}
		}
		if finite(large) && large >= 1 {
			d = min(d, digits) // a side near zero does not need digits the other lacks
		}
		d = min(d, 9)
		text := func(v float64) string {
			if v == 0 {
				return "0"
			}
			return numberText(v, d)
		}
		left, right = text(l), text(r)
		if left != right || l == r || !finite(l) || !finite(r) || digits == 9 {
			return left, right
		}
	}
}

// count returns how many claims have each status.
func (d *Document) count() map[Status]int {
	n := map[Status]int{}
	for _, c := range d.Claims {
		n[c.Verdict.Status]++
	}
	return n
}

// headline says in one sentence how the claims came out.
func (d *Document) headline() string {
	if len(d.Claims) == 0 {
		return "This experiment is tied to no claim."
	}
	n := d.count()
	parts := []string{}
	for _, s := range statuses {
		if n[s] > 0 && s != Reproduced {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	line := fmt.Sprintf("%d of %s reproduced", n[Reproduced], plural(len(d.Claims), "claim"))
	if len(parts) > 0 {
		line += ", " + strings.Join(parts, ", ")
	}
	return line + "."
}

// statuses in the order they are told.
var statuses = []Status{Reproduced, Partly, NotReproduced, NotTested}

// caution says what kind of run this was where that limits what its verdicts mean; empty otherwise.
func (d *Document) caution() string {
	if d.Preset == "quick" {
		return "This was a quick run: smaller than what the claims need. It shows that the system works, and what its full report looks like; " +
			"only the default and full presets can judge the claims."
	}
	return ""
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fixed(float64(n), 0) + " " + one + "s"
}

// bytesText writes a number of bytes in decimal units.
func bytesText(n int64) string {
	if n < 1000 {
		return plural(int(n), "byte")
	}
	v, units := float64(n), []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	for i, u := range units {
		v /= 1000
		if v < 999.5 || i == len(units)-1 {
			return significant(v, 3) + " " + u
		}
	}
	return ""
}

// durationText writes a time span in the two largest units that fit.
func durationText(seconds float64) string {
	switch {
	case !finite(seconds) || seconds < 0:
		return "–"
	case seconds < 1:
		return fixed(seconds*1000, 0) + " ms"
	case seconds < 60:
		return significant(seconds, 3) + " s"
	}
	d := time.Duration(math.Round(seconds)) * time.Second
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	if h > 0 {
		return fmt.Sprintf("%s h %d min", fixed(float64(h), 0), m)
	}
	return fmt.Sprintf("%d min %d s", m, s)
}

// cost sums what the records took.
func (d *Document) cost() (seconds float64, peak int64) {
	for _, r := range d.Records {
		seconds += r.Seconds
		peak = max(peak, r.PeakBytes)
	}
	return seconds, peak
}
