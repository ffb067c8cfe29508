package report

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bars is one system of a [BarPlot].
type Bars struct {
	Name   string
	Role   Role
	Values [][]float64 // one slice per category: the values over seeds or folds
}

// BarPlot draws the mean of each system in each category as a bar, the standard deviation over its values as an error bar, and
// the values themselves as dots. With a single category the bars lie on their side beside the systems' names, and f.XLabel is
// the label of the value axis; with more, f.YLabel is.
func BarPlot(f Frame, categories []string, bars []Bars) Figure {
	if len(categories) <= 1 {
		return lyingBars(f, bars)
	}
	d := f.begin()
	roles := make([]Role, len(bars))
	yl := noLimits()
	yl.include(0, false)
	f.YLog, d.YLog, f.XLog, d.XLog = false, false, false, false // a bar needs a zero to stand on
	for i, b := range bars {
		roles[i] = b.Role
		yl = b.reach(yl)
	}
	for _, l := range f.Levels {
		yl.include(l.At, false)
	}
	looks := strokesFor(roles)
	for i, b := range bars {
		d.legend = append(d.legend, entry{name: b.Name, look: looks[i], box: true})
	}
	slot := (figureWidth - 90.) / float64(len(categories))
	names := make([]string, len(categories))
	sty := textStyle(tickSize, ink, draw.XCenter, draw.YTop)
	for i, c := range categories {
		names[i] = fit(sty, oneLine(c), slot-6)
	}
	name(&d.p.X, namedTicks(names))
	yl = barLimits(yl, f.YLim)
	return d.finish(limits{-0.5, float64(len(categories)) - 0.5}, yl, func(a *drawing) {
		each := 0.8 / float64(max(1, len(bars)))
		for i, b := range bars {
			for c := range min(len(categories), len(b.Values)) {
				at := float64(c) - 0.4 + each*(float64(i)+0.5)
				a.bar(b.Values[c], looks[i], float64(a.x(at)), float64(a.x(at+each)-a.x(at))*0.88, a.y, yl, false)
			}
		}
	})
}

// reach extends limits to the bar's mean, spread and values.
func (b *Bars) reach(l limits) limits {
	for _, vs := range b.Values {
		mean, sd, _ := meanAndSD(vs)
		l.include(mean, false)
		if finite(sd) {
			l.include(mean+sd, false)
			l.include(mean-sd, false)
		}
		for _, v := range vs {
			l.include(v, false)
		}
	}
	return l
}

// barLimits leaves a margin only at the ends that are not the base of the bars.
func barLimits(l limits, given [2]float64) limits {
	if given != [2]float64{} {
		return l.settle(given, false, 0)
	}
	out := l.settle(given, false, 0.05)
	if l.lo == 0 && l.hi > 0 {
		out.lo = 0
	}
	if l.hi == 0 && l.lo < 0 {
		out.hi = 0
	}
	return out
}

// bar draws one bar about the position at, which is a pixel coordinate across the bars; y maps values to pixels along them.
func (a *drawing) bar(vs []float64, look stroke, at, wide float64, y func(float64) vg.Length, l limits, lying bool) {
	mean, sd, n := meanAndSD(vs)
	if n == 0 {
		return
	}
	clip := func(v float64) float64 { return math.Max(l.lo, math.Min(l.hi, v)) }
	rect := func(across0, across1, v0, v1 float64) vg.Rectangle {
		lo, hi := y(clip(math.Min(v0, v1))), y(clip(math.Max(v0, v1)))
		if lying {
			return vg.Rectangle{Min: vg.Point{X: lo, Y: vg.Length(across0)}, Max: vg.Point{X: hi, Y: vg.Length(across1)}}
		}
		return vg.Rectangle{Min: vg.Point{X: vg.Length(across0), Y: lo}, Max: vg.Point{X: vg.Length(across1), Y: hi}}
	}
	body := rect(at-wide/2, at+wide/2, 0, mean)
	a.SetColor(look.color.faded(0.85))
	a.Fill(body.Path())
	if len(look.dashes) > 0 {
		hatch(a.Canvas, body)
	}
	pt := func(across, v float64) vg.Point {
		if lying {
			return vg.Point{X: y(clip(v)), Y: vg.Length(across)}
		}
		return vg.Point{X: vg.Length(across), Y: y(clip(v))}
	}
	if finite(sd) {
		a.SetLineStyle(draw.LineStyle{Color: ink, Width: 1.4})
		cap := math.Min(6, wide/3)
		var p vg.Path
		p.Move(pt(at, mean-sd))
		p.Line(pt(at, mean+sd))
		for _, v := range []float64{mean - sd, mean + sd} {
			if v == clip(v) {
				p.Move(pt(at-cap, v))
				p.Line(pt(at+cap, v))
			}
		}
		a.Stroke(p)
	}
	if n > 1 {
		var pts []vg.Point
		for i, v := range vs {
			if finite(v) {
				spread := 0.0
				if len(vs) > 1 {
					spread = (float64(i)/float64(len(vs)-1) - 0.5) * wide * 0.5
				}
				pts = append(pts, pt(at+spread, v))
			}
		}
		a.SetColor(page)
		a.c.dots(pts, math.Min(6, wide/2+2))
		a.SetColor(ink)
		a.c.dots(pts, math.Min(4, wide/2))
	}
}

// lyingBars draws one bar per system, named at its left, with the mean written at its end.
func lyingBars(f Frame, bars []Bars) Figure {
	if !(f.Height > 0) {
		f.Height = 70 + 38*float64(len(bars))
	}
	levels := f.Levels
	f.Events, f.Levels = append(append([]Ref(nil), f.Events...), levels...), nil
	f.XLog, f.YLog = false, false
	d := f.begin()
	roles := make([]Role, len(bars))
	xl := noLimits()
	xl.include(0, false)
	for i, b := range bars {
		roles[i] = b.Role
		xl = b.reach(xl)
	}
	for _, l := range levels {
		xl.include(l.At, false)
	}
	looks := strokesFor(roles)
	sty := textStyle(tickSize, ink, draw.XRight, draw.YCenter)
	names := make([]string, len(bars))
	for i, b := range bars {
		names[len(bars)-1-i] = strings.Join(wrap(sty, b.Name, 210, 2), "\n")
	}
	name(&d.p.Y, namedTicks(names))
	d.right = 74
	var deserved []int // decimals of the means written beside the bars: the median of what each deserves
	for _, b := range bars {
		if len(b.Values) > 0 {
			if mean, sd, n := meanAndSD(b.Values[0]); n > 0 {
				deserved = append(deserved, min(4, decimalsFor(mean, sd)))
			}
		}
	}
	decimals := 0
	if slices.Sort(deserved); len(deserved) > 0 {
		decimals = deserved[len(deserved)/2]
	}
	xl = barLimits(xl, f.XLim)
	return d.finish(xl, limits{-0.5, math.Max(0, float64(len(bars))-1) + 0.5}, func(a *drawing) {
		for i, b := range bars {
			if len(b.Values) == 0 {
				continue
			}
			at := float64(a.y(float64(len(bars) - 1 - i)))
			a.bar(b.Values[0], looks[i], at, a.h/float64(len(bars))*0.62, a.x, xl, true)
			if mean, _, n := meanAndSD(b.Values[0]); n > 0 {
				a.FillText(textStyle(tickSize, ink, draw.XRight, draw.YCenter), vg.Point{X: a.Max.X + 66, Y: vg.Length(at + 1.4)}, numberText(mean, decimals))
			}
		}
	})
}

// Sample is one distribution of a [Histogram].
type Sample struct {
	Name   string
	Role   Role
	Values []float64 // those that are not finite are left out
}

// Histogram draws how often values fall into bins of equal width, as outlines on shared bins; bins = 0 chooses their number by
// the Freedman–Diaconis rule. The y axis counts values, or gives their share when the samples differ in size.
func Histogram(f Frame, samples []Sample, bins int) Figure {
	d := f.begin()
	roles := make([]Role, len(samples))
	xl := noLimits()
	kept := make([][]float64, len(samples))
	for i, s := range samples {
		roles[i] = s.Role
		for _, v := range s.Values {
			if finite(v) {
				kept[i] = append(kept[i], v)
				xl.include(v, false)
			}
		}
		if n := len(s.Values) - len(kept[i]); n > 0 {
			d.remark("%s: %s of %s values are not finite and are left out.", s.Name, fixed(float64(n), 0), fixed(float64(len(s.Values)), 0))
		}
	}
	f.XLog, f.YLog, d.XLog, d.YLog = false, false, false, false
	if !(xl.lo <= xl.hi) {
		d.remark("Nothing to draw: no finite values.")
	}
	xl = xl.settle(f.XLim, false, 0)
	if bins <= 0 {
		bins = freedmanDiaconis(kept, xl)
	}
	share := false
	for i := range kept {
		share = share || len(kept[i]) != len(kept[0])
	}
	if f.YLabel == "" {
		d.p.Y.Label.Text = "count"
		if share {
			d.p.Y.Label.Text = "share of values"
		}
	}
	heights := make([][]float64, len(samples))
	yl := noLimits()
	yl.include(0, false)
	for i, vs := range kept {
		heights[i] = make([]float64, bins)
		each := 1.0
		if share {
			each = 1 / float64(len(vs))
		}
		for _, v := range vs {
			if v >= xl.lo && v <= xl.hi {
				heights[i][min(int((v-xl.lo)/(xl.hi-xl.lo)*float64(bins)), bins-1)] += each
			}
		}
		for _, h := range heights[i] {
			yl.include(h, false)
		}
	}
	yl.hi = math.Max(yl.hi, 1e-9)
	looks := strokesFor(roles)
	if len(samples) > 1 || len(samples) == 1 && samples[0].Name != "" {
		for i, s := range samples {
			d.legend = append(d.legend, entry{name: s.Name, look: looks[i]})
		}
	}
	return d.finish(xl, barLimits(yl, f.YLim), func(a *drawing) {
		for i := len(samples) - 1; i >= 0; i-- {
			edge := func(k int) vg.Length { return a.x(xl.lo + (xl.hi-xl.lo)*float64(k)/float64(bins)) }
			line := []vg.Point{{X: edge(0), Y: a.y(0)}}
			for k, h := range heights[i] {
				line = append(line, vg.Point{X: edge(k), Y: a.y(h)}, vg.Point{X: edge(k + 1), Y: a.y(h)})
			}
			line = append(line, vg.Point{X: edge(bins), Y: a.y(0)})
			a.FillPolygon(looks[i].color.faded(0.2), a.ClipPolygonXY(line))
			a.StrokeLines(looks[i].style(), a.ClipLinesXY(line)...)
		}
	})
}

// freedmanDiaconis returns a number of bins for all samples together, from 8 to 80.
func freedmanDiaconis(samples [][]float64, l limits) int {
	var all []float64
	for _, s := range samples {
		all = append(all, s...)
	}
	if len(all) < 2 {
		return 8
	}
	q1, q3 := quantile(all, 0.25), quantile(all, 0.75)
	size := 2 * (q3 - q1) / math.Cbrt(float64(len(all)))
	if !(size > 0) {
		return 20
	}
	return int(math.Max(8, math.Min(80, math.Ceil((l.hi-l.lo)/size))))
}
