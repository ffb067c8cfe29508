package report

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Scale says how the colours of a figure stand for values.
type Scale struct {
	Label  string     // with unit, such as "amplitude (µV)"
	Signed bool       // diverging colours about zero; the limits are made symmetric
	Lim    [2]float64 // values at the ends of the scale; taken from the data when both are zero
}

// Heat is what a [HeatMap] shows.
type Heat struct {
	Values   [][]float64 // rows by columns, first row at the top unless YUp; a cell that is not finite stays empty
	YUp      bool        // first row at the bottom
	Scale    Scale
	XSpan    [2]float64 // positions of the outer edges along x; column numbers when both are zero
	YSpan    [2]float64 // the same along y, from the first row to the last
	Columns  []string   // names instead of numbers along x
	Rows     []string   // names instead of numbers along y
	Annotate bool       // write the value on each cell, if there is room
}

// HeatMap draws a matrix as colours beside a colour bar. A matrix with more cells than pixels is averaged down to them.
func HeatMap(f Frame, h Heat) Figure {
	f.XLog, f.YLog = false, false
	rows, cols := len(h.Values), 0
	for _, r := range h.Values {
		cols = max(cols, len(r))
	}
	if !(f.Height > 0) {
		f.Height = 400
		if h.Rows != nil {
			f.Height = math.Max(220, math.Min(720, 90+26*float64(rows)))
		}
	}
	d := f.begin()
	if rows == 0 || cols == 0 {
		d.remark("Nothing to draw: no values.")
		return d.finish(limits{0, 1}, limits{0, 1}, func(*drawing) {})
	}
	values := shrink(h.Values, rows, cols, 1400)
	scale := h.Scale.fitted(values)
	xl, yl := limits{0, float64(cols)}, limits{0, float64(rows)}
	if h.XSpan != [2]float64{} {
		xl = limits{h.XSpan[0], h.XSpan[1]}.settle(h.XSpan, false, 0)
	}
	if h.YSpan != [2]float64{} {
		yl = limits{h.YSpan[0], h.YSpan[1]}.settle(h.YSpan, false, 0)
	}
	if h.Columns != nil {
		sty := textStyle(tickSize, ink, draw.XCenter, draw.YTop)
		name(&d.p.X, cellTicks(h.Columns, xl, false, func(s string) float64 { return width(sty, s) + 8 }, figureWidth-160))
	}
	if h.Rows != nil {
		name(&d.p.Y, cellTicks(h.Rows, yl, !h.YUp, func(string) float64 { return tickSize + 2 }, f.Height-80))
	}
	d.right = scale.room(h.Scale.Label)
	if !h.YUp && h.Rows == nil {
		d.p.Y.Scale = downward{}
	}
	return d.finish(xl, yl, func(a *drawing) {
		scale.image(a, values, h.YUp)
		for _, e := range d.visible(f.Events, xl, false) { // the image hides the lines beneath it
			line := draw.LineStyle{Color: rgb(0xffffff), Width: 1.4, Dashes: []vg.Length{4, 3}}
			a.StrokeLine2(draw.LineStyle{Color: rgb(0x111111), Width: 1.4}, a.x(e.At), a.Min.Y, a.x(e.At), a.Max.Y)
			a.StrokeLine2(line, a.x(e.At), a.Min.Y, a.x(e.At), a.Max.Y)
		}
		if h.Annotate && a.w/float64(cols) >= 30 && a.h/float64(rows) >= 16 {
			decimals := decimalsFor(scale.hi, (scale.hi-scale.lo)/20)
			for r, row := range h.Values {
				for c, v := range row {
					if !finite(v) {
						continue
					}
					y := a.h * (1 - (float64(r)+0.5)/float64(rows))
					if h.YUp {
						y = a.h - y
					}
					a.FillText(textStyle(noteSize, textOn(scale.color(v)), draw.XCenter, draw.YCenter),
						vg.Point{X: a.Min.X + vg.Length(a.w*(float64(c)+0.5)/float64(cols)), Y: a.Min.Y + vg.Length(y+1.4)}, numberText(v, decimals))
				}
			}
		}
		scale.bar(a.Canvas, a.Max.X+16, a.Min.Y, a.Max.Y)
	})
}

// downward is a linear axis whose values grow downwards.
type downward struct{}

// Normalize implements gonum's plot.Normalizer.
func (downward) Normalize(lo, hi, v float64) float64 { return (hi - v) / (hi - lo) }

// shrink averages blocks of cells so that neither side is longer than most.
func shrink(v [][]float64, rows, cols, most int) [][]float64 {
	kr, kc := (rows+most-1)/most, (cols+most-1)/most
	out := make([][]float64, (rows+kr-1)/kr)
	for r := range out {
		out[r] = make([]float64, (cols+kc-1)/kc)
		for c := range out[r] {
			sum, n := 0.0, 0
			for i := r * kr; i < min(rows, (r+1)*kr); i++ {
				for j := c * kc; j < min(len(v[i]), (c+1)*kc); j++ {
					if finite(v[i][j]) {
						sum += v[i][j]
						n++
					}
				}
			}
			out[r][c] = sum / float64(n) // NaN where there is nothing
		}
	}
	return out
}

// cellTicks names the middle of cells, leaving out names until the rest do not overlap.
func cellTicks(names []string, l limits, reversed bool, size func(string) float64, length float64) plot.ConstantTicks {
	need := 0.0
	for _, n := range names {
		need = math.Max(need, size(n))
	}
	every := max(1, int(math.Ceil(need*float64(len(names))/length)))
	var t plot.ConstantTicks
	for i, n := range names {
		if i%every == 0 {
			at := (float64(i) + 0.5) / float64(len(names))
			if reversed {
				at = 1 - at
			}
			t = append(t, plot.Tick{Value: l.lo + (l.hi-l.lo)*at, Label: n})
		}
	}
	return t
}

// fittedScale is a scale with known limits.
type fittedScale struct {
	limits
	colors colorScale
	label  string
}

func (s Scale) fitted(values [][]float64) fittedScale {
	l := noLimits()
	for _, r := range values {
		for _, v := range r {
			l.include(v, false)
		}
	}
	out := fittedScale{colors: sequential, label: oneLine(s.Label)}
	given := s.Lim != [2]float64{} && s.Lim[0] < s.Lim[1]
	if given {
		l = limits{s.Lim[0], s.Lim[1]}
	}
	if s.Signed {
		out.colors = diverging
		m := math.Max(math.Abs(l.lo), math.Abs(l.hi))
		if !(m > 0) || math.IsInf(m, 0) {
			m = 1
		}
		l = limits{-m, m}
	}
	if !given && !(l.lo < l.hi) {
		l = l.settle([2]float64{}, false, 0)
	}
	out.limits = l
	return out
}

// place returns where a value lies on the scale, from 0 to 1.
func (s *fittedScale) place(v float64) float64 { return (v/2 - s.lo/2) / (s.hi/2 - s.lo/2) }

func (s *fittedScale) color(v float64) color.NRGBA { return s.colors.at(s.place(v)) }

// image paints the cells over the data area. Cells without a value are transparent.
func (s *fittedScale) image(a *drawing, values [][]float64, up bool) {
	a.SetColor(grid) // shows where there is no value
	a.Fill(a.Rectangle.Path())
	img := s.colors.canvas(len(values[0]), len(values))
	for r, row := range values {
		y := r
		if up {
			y = len(values) - 1 - r
		}
		for c, v := range row {
			if finite(v) {
				img.SetColorIndex(c, y, uint8(1+s.colors.index(s.place(v))))
			}
		}
	}
	a.DrawImage(a.Rectangle, img)
}

const barWidth = 16

// room returns how many pixels the colour bar with its numbers and label takes.
func (s *fittedScale) room(label string) float64 {
	w := 0.0
	for _, length := range []float64{100, 160, 300, 500} { // how long the bar gets is not known yet, and its numbers depend on it
		for _, t := range (ticker{length, 40}).Ticks(s.lo, s.hi) {
			w = math.Max(w, width(textStyle(tickSize, ink, draw.XLeft, draw.YCenter), t.Label))
		}
	}
	w += 16 + barWidth + 8
	if label != "" {
		w += labelSize + 10
	}
	return w
}

// bar draws the colour bar upwards from y0 to y1, with its numbers and label at the right.
func (s *fittedScale) bar(c draw.Canvas, x, y0, y1 vg.Length) {
	img := s.colors.canvas(1, shades)
	for i := range shades {
		img.SetColorIndex(0, i, uint8(shades-i))
	}
	c.DrawImage(vg.Rectangle{Min: vg.Point{X: x, Y: y0}, Max: vg.Point{X: x + barWidth, Y: y1}}, img)
	sty := textStyle(tickSize, ink, draw.XLeft, draw.YCenter)
	x += barWidth
	widest := vg.Length(0)
	for _, t := range (ticker{float64(y1 - y0), 40}).Ticks(s.lo, s.hi) {
		y := y0 + (y1-y0)*vg.Length((t.Value-s.lo)/(s.hi-s.lo))
		c.StrokeLine2(draw.LineStyle{Color: muted, Width: 1}, x, y, x+4, y)
		c.FillText(sty, vg.Point{X: x + 7, Y: y + 1.4}, t.Label)
		widest = max(widest, sty.Width(t.Label))
	}
	if s.label != "" {
		sty := textStyle(labelSize, ink, draw.XCenter, draw.YTop)
		sty.Rotation = math.Pi / 2
		c.FillText(sty, vg.Point{X: x + 11 + widest, Y: (y0 + y1) / 2}, fit(sty, s.label, float64(y1-y0)))
	}
}

// ConfusionMatrix draws how often each true class (rows) was taken for each class (columns): counts, and each as a share of its
// row, by which the cells are coloured. The last column gives the size of each row.
func ConfusionMatrix(f Frame, classes []string, counts [][]int) Figure {
	n := len(classes)
	if f.XLabel == "" {
		f.XLabel = "decoded class"
	}
	if f.YLabel == "" {
		f.YLabel = "true class"
	}
	if !(f.Height > 0) {
		f.Height = math.Max(260, math.Min(720, 110+72*float64(n)))
	}
	f.XLog, f.YLog = false, false
	d := f.begin()
	if n == 0 || len(counts) != n || slices.ContainsFunc(counts, func(r []int) bool { return len(r) != n }) {
		d.remark("Nothing to draw: %d classes need a square table of counts of that size.", n)
		return d.finish(limits{0, 1}, limits{0, 1}, func(*drawing) {})
	}
	share := make([][]float64, n)
	totals := make([]int, n)
	for i, row := range counts {
		for _, k := range row {
			totals[i] += k
		}
		share[i] = make([]float64, n)
		for j, k := range row {
			share[i][j] = 100 * float64(k) / float64(totals[i]) // NaN, an empty cell, in an empty row
		}
	}
	scale := fittedScale{limits: limits{0, 100}, colors: whitish, label: "share of true class (%)"}
	l := limits{0, float64(n)}
	sty := textStyle(tickSize, ink, draw.XCenter, draw.YTop)
	short := make([]string, n)
	for i, c := range classes {
		short[i] = fit(sty, oneLine(c), 140)
	}
	name(&d.p.X, cellTicks(short, l, false, func(s string) float64 { return width(sty, s) + 8 }, figureWidth-280))
	name(&d.p.Y, cellTicks(short, l, true, func(string) float64 { return tickSize + 2 }, f.Height-80))
	totalsRoom := 0.0
	for _, t := range totals {
		totalsRoom = math.Max(totalsRoom, width(sty, "n = "+fixed(float64(t), 0))+14)
	}
	d.right = scale.room(scale.label) + totalsRoom
	return d.finish(l, l, func(a *drawing) {
		scale.image(a, share, false)
		cw, ch := a.w/float64(n), a.h/float64(n)
		// All cells carry the same lines of text in the same size: both, or the count, or none if there is no room.
		longest := "100%"
		for _, row := range counts {
			for _, k := range row {
				if s := fixed(float64(k), 0); len(s) > len(longest) {
					longest = s
				}
			}
		}
		size, both, counted := 11., false, false
		for _, px := range []float64{labelSize, noteSize, 11} {
			if w := width(bold(textStyle(px, ink, 0, 0)), longest) + 2; cw >= w && ch >= 1.25*px {
				size, both, counted = px, ch >= 2.5*px, true
				break
			}
		}
		for i, row := range counts {
			y := a.Max.Y - vg.Length(ch*(float64(i)+0.5))
			for j, k := range row {
				if totals[i] == 0 {
					continue
				}
				x := a.Min.X + vg.Length(cw*(float64(j)+0.5))
				c := textOn(scale.color(share[i][j]))
				count, percent := fixed(float64(k), 0), fixed(share[i][j], 0)+"%"
				sty := textStyle(size, c, draw.XCenter, draw.YCenter)
				switch {
				case both:
					a.FillText(bold(sty), vg.Point{X: x, Y: y + vg.Length(size*0.65+1)}, count)
					a.FillText(sty, vg.Point{X: x, Y: y - vg.Length(size*0.55)}, percent)
				case counted:
					a.FillText(sty, vg.Point{X: x, Y: y + 1.4}, count)
				}
			}
			if ch >= 14 {
				a.FillText(textStyle(tickSize, muted, draw.XLeft, draw.YCenter), vg.Point{X: a.Max.X + 8, Y: y + 1.4}, "n = "+fixed(float64(totals[i]), 0))
			}
		}
		line := draw.LineStyle{Color: page, Width: 1}
		for k := 1; k < n; k++ {
			x, y := a.Min.X+vg.Length(cw*float64(k)), a.Min.Y+vg.Length(ch*float64(k))
			a.StrokeLine2(line, x, a.Min.Y, x, a.Max.Y)
			a.StrokeLine2(line, a.Min.X, y, a.Max.X, y)
		}
		scale.bar(a.Canvas, a.Max.X+vg.Length(totalsRoom)+16, a.Min.Y, a.Max.Y)
	})
}

// Spikes is what a [Raster] shows.
type Spikes struct {
	Times  [][]float64 // spike times of each neuron (or trial), first at the bottom
	Groups []string    // a group per row, such as a population or condition: rows of one group share a colour; optional
	Span   [2]float64  // time shown; from the spikes when both are zero
	Bin    float64     // draw the rate in bins of this width, as an image, instead of single spikes; same unit as the times
	Second float64     // how many time units make a second, for rates in spikes per second; 0 means 1
}

// mostSpikes is how many spikes a raster draws one by one.
const mostSpikes = 30000

// Raster draws spikes as ticks, one row per neuron or trial; with a Bin, or when there are more than 30 000 spikes, it draws rates as an
// image instead.
func Raster(f Frame, s Spikes) Figure {
	f.XLog, f.YLog = false, false
	if !(s.Second > 0) {
		s.Second = 1
	}
	xl, total := noLimits(), 0
	for _, row := range s.Times {
		total += len(row)
		for _, t := range row {
			xl.include(t, false)
		}
	}
	xl = xl.settle(s.Span, false, 0.01)
	rows := len(s.Times)
	many := total > mostSpikes
	if many && !(s.Bin > 0) {
		s.Bin = (xl.hi - xl.lo) / 300
	}
	if s.Bin > 0 && rows > 0 {
		s.Bin = math.Max(s.Bin, (xl.hi-xl.lo)/4000)
		cols := max(1, int(math.Ceil((xl.hi-xl.lo)/s.Bin-1e-9)))
		rates := make([][]float64, rows)
		each := s.Second / s.Bin
		for r, row := range s.Times {
			rates[r] = make([]float64, cols)
			for _, t := range row {
				if at := (t - xl.lo) / s.Bin; at >= 0 && at < float64(cols) {
					rates[r][int(at)] += each
				}
			}
		}
		return HeatMap(f, Heat{Values: rates, YUp: true, Scale: Scale{Label: "rate (spikes/s)"},
			XSpan: [2]float64{xl.lo, xl.lo + float64(cols)*s.Bin}, YSpan: [2]float64{0, float64(rows)}})
	}
	if !(f.Height > 0) {
		f.Height = math.Max(200, math.Min(560, 100+9*float64(rows)))
	}
	d := f.begin()
	if total == 0 {
		d.remark("Nothing to draw: no spikes.")
	}
	var groups []string
	index := map[string]int{}
	group := func(r int) int {
		name := ""
		if r < len(s.Groups) {
			name = s.Groups[r]
		}
		k, seen := index[name]
		if !seen {
			k = len(groups)
			index[name], groups = k, append(groups, name)
		}
		return k
	}
	for r := range s.Times {
		group(r)
	}
	looks := strokesFor(make([]Role, len(groups)))
	if len(groups) == 1 && groups[0] == "" {
		looks[0].color = ink
	} else {
		for i, g := range groups {
			d.legend = append(d.legend, entry{name: g, look: looks[i], box: true})
		}
	}
	return d.finish(xl, limits{0, math.Max(1, float64(rows))}, func(a *drawing) {
		each := a.h / math.Max(1, float64(rows))
		marks := make([][]vg.Point, len(groups))
		for r, row := range s.Times {
			k := group(r)
			y := a.Min.Y + vg.Length(each*(float64(r)+0.1))
			for _, t := range row {
				if finite(t) && t >= xl.lo && t <= xl.hi {
					marks[k] = append(marks[k], vg.Point{X: a.x(t), Y: y})
				}
			}
		}
		for k, pts := range marks {
			a.SetColor(looks[k].color)
			a.c.ticks(pts, math.Max(0.8, each*0.8), math.Max(0.8, math.Min(1.6, 4*a.w/float64(total+1)*math.Max(1, float64(rows))/10)))
		}
	})
}

// States is one row of a [StateTimeline].
type States struct {
	Name   string
	States []int // the state in each step; a negative state is a gap
}

// StateTimeline draws rows of discrete states over time as coloured spans; step is the length of one entry in units of x.
func StateTimeline(f Frame, names []string, rows []States, step float64) Figure {
	if !(step > 0) {
		step = 1
	}
	if !(f.Height > 0) {
		f.Height = 100 + 34*float64(len(rows))
	}
	f.XLog, f.YLog, f.Levels = false, false, nil
	d := f.begin()
	longest, states := 0, len(names)
	for _, r := range rows {
		longest = max(longest, len(r.States))
		for _, s := range r.States {
			states = max(states, s+1)
		}
	}
	if longest == 0 {
		d.remark("Nothing to draw: no states.")
	}
	// Beyond eight, hues repeat; the legend then names states by their place in it.
	states = min(states, 64)
	looks := strokesFor(make([]Role, states))
	for i := range looks {
		name := "state " + fixed(float64(i), 0)
		if i < len(names) {
			name = names[i]
		}
		d.legend = append(d.legend, entry{name: name, look: looks[i], box: true})
	}
	sty := textStyle(tickSize, ink, draw.XRight, draw.YCenter)
	labels := make([]string, len(rows))
	for i, r := range rows {
		labels[len(rows)-1-i] = fit(sty, oneLine(r.Name), 200)
	}
	name(&d.p.Y, namedTicks(labels))
	xl := limits{0, float64(longest) * step}.settle(f.XLim, false, 0)
	return d.finish(xl, limits{-0.5, math.Max(0.5, float64(len(rows))-0.5)}, func(a *drawing) {
		for i, r := range rows {
			y := float64(a.y(float64(len(rows) - 1 - i)))
			tall := a.h / float64(len(rows)) * 0.36
			spans := make([]vg.Path, states)
			for k := 0; k < len(r.States); {
				j := k
				for j < len(r.States) && r.States[j] == r.States[k] {
					j++
				}
				x0, x1 := math.Max(xl.lo, float64(k)*step), math.Min(xl.hi, float64(j)*step)
				if s := r.States[k]; s >= 0 && s < states && x0 < x1 {
					spans[s] = append(spans[s], vg.Rectangle{Min: vg.Point{X: a.x(x0), Y: vg.Length(y - tall)},
						Max: vg.Point{X: a.x(x1), Y: vg.Length(y + tall)}}.Path()...)
				}
				k = j
			}
			for s, p := range spans {
				a.SetColor(looks[s].color)
				a.Fill(p)
				if len(looks[s].dashes) > 0 {
					for q := 0; q+4 < len(p); q += 5 {
						hatch(a.Canvas, vg.Rectangle{Min: p[q].Pos, Max: p[q+2].Pos})
					}
				}
			}
		}
	})
}
