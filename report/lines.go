package report

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
)

// Series is one line of a [LinePlot].
type Series struct {
	Name      string
	Role      Role      // gives the line its look; empty for a plain series
	X         []float64 // nil means 0, 1, 2, ...
	Y         []float64 // a gap where a value is not finite
	Low, High []float64 // shaded spread about the line, if given; as long as Y
	Step      bool      // hold each value until the next instead of joining them
}

// LinePlot draws series as lines. Lines with more points than pixels are thinned so that every extreme stays.
func LinePlot(f Frame, series []Series) Figure {
	roles := make([]Role, len(series))
	for i, s := range series {
		roles[i] = s.Role
	}
	return linePlot(f, series, strokesFor(roles))
}

func linePlot(f Frame, series []Series, looks []stroke) Figure {
	d := f.begin()
	xl, yl := noLimits(), noLimits()
	series = slices.Clone(series) // the caller's stay as they are
	lost := 0
	for i := range series {
		s := &series[i]
		s2, note := s.checked()
		series[i] = s2
		if note != "" {
			d.remark("%s: %s", s.Name, note)
		}
		for k := range s2.Y {
			_, x := s2.at(k)
			if finite(x) && finite(s2.Y[k]) && (f.XLog && x <= 0 || f.YLog && s2.Y[k] <= 0) {
				lost++
			} else if finite(s2.Y[k]) {
				xl.include(x, f.XLog)
				yl.include(s2.Y[k], f.YLog)
				if s2.Low != nil {
					yl.include(s2.Low[k], f.YLog)
					yl.include(s2.High[k], f.YLog)
				}
			}
		}
		if s2.Name != "" {
			d.legend = append(d.legend, entry{name: s2.Name, look: looks[i]})
		}
	}
	d.remarkLost(lost)
	for _, l := range f.Levels {
		yl.include(l.At, f.YLog)
	}
	if !(xl.lo <= xl.hi) {
		d.remark("Nothing to draw: no finite values.")
	}
	xl, yl = xl.settle(f.XLim, f.XLog, 0), yl.settle(f.YLim, f.YLog, 0.05)
	return d.finish(xl, yl, func(a *drawing) {
		for i, s := range series { // all shades lie under all lines
			if s.Low != nil {
				a.shade(&f, s, looks[i].color.faded(0.18))
			}
		}
		// The first series is drawn last: it is the one to be seen.
		for i := len(series) - 1; i >= 0; i-- {
			a.line(&f, series[i], looks[i])
		}
	})
}

// remarkLost tells of values that a logarithmic axis cannot show.
func (d *frameDrawing) remarkLost(n int) {
	if n > 0 {
		d.remark("Left out: %s not above zero, which a logarithmic axis cannot show.", plural(n, "value"))
	}
}

// checked returns the series with slices of one length, and a remark if that took a cut.
func (s *Series) checked() (Series, string) {
	out, n, note := *s, len(s.Y), ""
	if s.X != nil && len(s.X) != n {
		note = "has " + strconv.Itoa(len(s.X)) + " x values and " + strconv.Itoa(n) + " y values; the surplus is not drawn."
		n = min(n, len(s.X))
	}
	out.Y = s.Y[:n]
	if s.X != nil {
		out.X = s.X[:n]
	}
	if s.Low != nil || s.High != nil {
		if len(s.Low) < n || len(s.High) < n {
			out.Low, out.High, note = nil, nil, note+"its spread is shorter than the line and is not drawn."
		} else {
			out.Low, out.High = s.Low[:n], s.High[:n]
		}
	}
	return out, note
}

func (s *Series) at(k int) (index int, x float64) {
	if s.X == nil {
		return k, float64(k)
	}
	return k, s.X[k]
}

func (a *drawing) line(f *Frame, s Series, look stroke) {
	var runs [][]vg.Point
	var run []vg.Point
	for k := range s.Y {
		_, x := s.at(k)
		pt, ok := a.at(x, s.Y[k], f)
		if !ok {
			if run != nil {
				runs, run = append(runs, run), nil
			}
			continue
		}
		if s.Step && len(run) > 0 {
			run = append(run, vg.Point{X: pt.X, Y: run[len(run)-1].Y})
		}
		run = append(run, pt)
	}
	if run != nil {
		runs = append(runs, run)
	}
	var lone []vg.Point
	n := 0
	for i, r := range runs {
		n += len(r)
		if len(r) == 1 && a.Contains(r[0]) {
			lone = append(lone, r[0]) // a point between two gaps has no line to show it
		}
		runs[i] = thin(r)
	}
	if n > 4*int(a.w) {
		look.width = math.Min(look.width, 1.2) // so that dense noise does not look like a filled shape
	}
	a.StrokeLines(look.style(), a.ClipLinesXY(runs...)...)
	a.SetColor(look.color)
	a.c.dots(lone, look.width+3)
}

// thin leaves at most four points of a line in each column of pixels: the first, the lowest, the highest and the last.
func thin(pts []vg.Point) []vg.Point {
	if len(pts) < 400 {
		return pts
	}
	out := pts[:0:0]
	for i := 0; i < len(pts); {
		col := math.Floor(float64(pts[i].X))
		lo, hi, j := i, i, i
		for ; j < len(pts) && math.Floor(float64(pts[j].X)) == col; j++ {
			if pts[j].Y < pts[lo].Y {
				lo = j
			}
			if pts[j].Y > pts[hi].Y {
				hi = j
			}
		}
		last := -1
		for _, k := range []int{i, min(lo, hi), max(lo, hi), j - 1} {
			if k > last {
				out = append(out, pts[k])
				last = k
			}
		}
		i = j
	}
	return out
}

func (a *drawing) shade(f *Frame, s Series, c tone) {
	var lower, upper []vg.Point
	flush := func() {
		if len(lower) > 1 {
			lower, upper = thinEdge(lower, true), thinEdge(upper, false)
			for i := len(upper) - 1; i >= 0; i-- {
				lower = append(lower, upper[i])
			}
			if poly := a.ClipPolygonXY(lower); len(poly) > 2 {
				a.FillPolygon(c, poly)
			}
		}
		lower, upper = nil, nil
	}
	for k := range s.Y {
		_, x := s.at(k)
		low := s.Low[k]
		if f.YLog && low <= 0 && s.High[k] > 0 {
			low = math.SmallestNonzeroFloat64 * 1e20 // the spread reaches below the axis
		}
		lo, ok1 := a.at(x, low, f)
		hi, ok2 := a.at(x, s.High[k], f)
		if !ok1 || !ok2 {
			flush()
			continue
		}
		lower, upper = append(lower, lo), append(upper, hi)
	}
	flush()
}

// thinEdge leaves one point of a spread's edge in each column of pixels: the outermost.
func thinEdge(pts []vg.Point, low bool) []vg.Point {
	if len(pts) < 400 {
		return pts
	}
	out := pts[:0:0]
	for _, p := range pts {
		if n := len(out); n > 0 && math.Floor(float64(out[n-1].X)) == math.Floor(float64(p.X)) {
			if (p.Y < out[n-1].Y) == low {
				out[n-1].Y = p.Y
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

// Points is one cloud of a [ScatterPlot].
type Points struct {
	Name string
	Role Role
	X, Y []float64
	Size float64 // diameter in pixels; 0 chooses by their number
}

// mostDots is how many dots of one cloud are drawn.
const mostDots = 6000

// ScatterPlot draws clouds of points. Of a cloud with more than 6000 points an even selection is drawn, and the figure says so.
func ScatterPlot(f Frame, clouds []Points) Figure {
	d := f.begin()
	roles := make([]Role, len(clouds))
	xl, yl := noLimits(), noLimits()
	lost := 0
	for i, s := range clouds {
		roles[i] = s.Role
		if len(s.X) != len(s.Y) {
			d.remark("%s: has %d x values and %d y values; the surplus is not drawn.", s.Name, len(s.X), len(s.Y))
		}
		for k := range min(len(s.X), len(s.Y)) {
			if !finite(s.X[k]) || !finite(s.Y[k]) {
				continue
			}
			if f.XLog && s.X[k] <= 0 || f.YLog && s.Y[k] <= 0 {
				lost++
			} else {
				xl.include(s.X[k], f.XLog)
				yl.include(s.Y[k], f.YLog)
			}
		}
	}
	d.remarkLost(lost)
	looks := strokesFor(roles)
	for i, s := range clouds {
		if s.Name != "" {
			d.legend = append(d.legend, entry{name: s.Name, look: looks[i], dot: true})
		}
		if n := min(len(s.X), len(s.Y)); n > mostDots {
			d.remark("%s: every %s of %s points is drawn.", s.Name, ordinal((n+mostDots-1)/mostDots), fixed(float64(n), 0))
		}
	}
	if !(xl.lo <= xl.hi) {
		d.remark("Nothing to draw: no finite values.")
	}
	return d.finish(xl.settle(f.XLim, f.XLog, 0.04), yl.settle(f.YLim, f.YLog, 0.04), func(a *drawing) {
		for i := len(clouds) - 1; i >= 0; i-- {
			s := clouds[i]
			n := min(len(s.X), len(s.Y))
			every := max(1, (n+mostDots-1)/mostDots)
			var pts []vg.Point
			for k := 0; k < n; k += every {
				if pt, ok := a.at(s.X[k], s.Y[k], &f); ok && a.Contains(pt) {
					pts = append(pts, pt)
				}
			}
			size := s.Size
			if !(size > 0) {
				size = math.Max(2.5, math.Min(7, 60/math.Sqrt(float64(len(pts)+1))))
			}
			opacity := 0.85
			if len(pts) > 500 {
				opacity = 0.5
			}
			a.SetColor(looks[i].color.faded(opacity))
			a.c.dots(pts, size)
		}
	})
}

func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return strconv.Itoa(n) + suffix
}

// Path is one line of [Trajectories]: a latent state moving through a plane.
type Path struct {
	Group string // condition; paths of one group share a colour
	Truth bool   // drawn dashed and thin: what the other paths of its group should look like
	X, Y  []float64
}

// Trajectories draws paths through a plane, such as two-dimensional projections of latents beside the true ones. Each path begins
// at a dot. Up to eight groups have colours of their own and a legend; more share a colour scale in the order they come in.
func Trajectories(f Frame, paths []Path) Figure {
	d := f.begin()
	xl, yl := noLimits(), noLimits()
	index := map[string]int{}
	var groups []string
	truth, inferred := false, false
	for _, p := range paths {
		if _, seen := index[p.Group]; !seen {
			index[p.Group] = len(groups)
			groups = append(groups, p.Group)
		}
		truth, inferred = truth || p.Truth, inferred || !p.Truth
		for k := range min(len(p.X), len(p.Y)) {
			if finite(p.X[k]) && finite(p.Y[k]) {
				xl.include(p.X[k], f.XLog)
				yl.include(p.Y[k], f.YLog)
			}
		}
	}
	looks := make([]stroke, len(groups))
	for i := range looks {
		if len(groups) <= len(plain) {
			looks[i] = stroke{color: plain[i], width: 1.8}
			if groups[i] != "" {
				d.legend = append(d.legend, entry{name: groups[i], look: looks[i]})
			}
		} else {
			c := sequential.at(0.05 + 0.85*float64(i)/float64(len(groups)-1))
			looks[i] = stroke{color: tone{NRGBA: c, dark: c, class: "x"}, width: 1.2}
		}
	}
	if len(groups) > len(plain) {
		d.remark("%d groups, coloured in order from %s (dark) to %s (light).", len(groups), groups[0], groups[len(groups)-1])
	}
	dashed := []vg.Length{4, 3}
	if truth && inferred {
		d.legend = append(d.legend, entry{name: "solid: inferred", look: stroke{color: muted, width: 1.8}},
			entry{name: "dashed: truth", look: stroke{color: muted, width: 1.2, dashes: dashed}})
	}
	if !(xl.lo <= xl.hi) {
		d.remark("Nothing to draw: no finite values.")
	}
	return d.finish(xl.settle(f.XLim, f.XLog, 0.04), yl.settle(f.YLim, f.YLog, 0.04), func(a *drawing) {
		for _, truthPass := range []bool{true, false} {
			for _, p := range paths {
				if p.Truth != truthPass {
					continue
				}
				look := looks[index[p.Group]]
				if p.Truth {
					look.width, look.dashes = 1.2, dashed
					look.color = look.color.faded(0.8)
				}
				a.trajectory(&f, p, look)
			}
		}
	})
}

func (a *drawing) trajectory(f *Frame, p Path, look stroke) {
	var runs [][]vg.Point
	var run []vg.Point
	for k := range min(len(p.X), len(p.Y)) {
		pt, ok := a.at(p.X[k], p.Y[k], f)
		if !ok {
			runs, run = append(runs, run), nil
			continue
		}
		// Steps of less than half a pixel cannot be seen.
		if n := len(run); n > 0 && math.Hypot(float64(pt.X-run[n-1].X), float64(pt.Y-run[n-1].Y)) < 0.5 {
			continue
		}
		run = append(run, pt)
	}
	runs = append(runs, run)
	for _, r := range runs {
		if len(r) > 0 {
			a.StrokeLines(look.style(), a.ClipLinesXY(r)...)
		}
	}
	for _, r := range runs {
		if len(r) > 0 {
			if a.Contains(r[0]) {
				a.SetColor(look.color)
				a.c.dots(r[:1], look.width+4)
			}
			break
		}
	}
}
