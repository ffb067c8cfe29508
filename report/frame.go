package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Frame is what figures with two axes have in common.
type Frame struct {
	ID      string // stable key of the figure, such as "rates"
	Title   string // shown above the figure by the page
	Caption string // what to see in it, with what was measured

	XLabel, YLabel string     // with units: "time (s)"
	XLog, YLog     bool       // logarithmic axes; values that are not positive are left out, and counted under the figure. Lines, points and paths only
	XLim, YLim     [2]float64 // limits of the axes; taken from the data when both are zero
	Square         bool       // one unit is as long on x as on y
	Events         []Ref      // vertical lines, such as {10000, "swap"}
	Levels         []Ref      // horizontal lines, such as {0.5, "chance"}
	Height         float64    // in pixels at a width of 700; 0 means 380
}

// Ref is a labelled line across a figure.
type Ref struct {
	At    float64
	Label string
}

// MarshalJSON implements [json.Marshaler]. It keeps values that are not finite, as [Number] does.
func (r Ref) MarshalJSON() ([]byte, error) { return json.Marshal(refJSON{Number(r.At), r.Label}) }

// UnmarshalJSON implements [json.Unmarshaler].
func (r *Ref) UnmarshalJSON(b []byte) error {
	var j refJSON
	err := json.Unmarshal(b, &j)
	*r = Ref{float64(j.At), j.Label}
	return err
}

type refJSON struct {
	At    Number `json:"at"`
	Label string `json:"label"`
}

// figureWidth is the natural width of every figure in pixels.
const figureWidth = 700

// entry is one line of a legend.
type entry struct {
	name string
	look stroke
	dot  bool // drawn as a dot instead of a line
	box  bool // drawn as a filled box instead of a line
}

// frameDrawing is a figure with axes in the making.
type frameDrawing struct {
	Frame
	c       *canvas
	p       *plot.Plot
	legend  []entry
	remarks []string // small print under the axes: what was left out of the picture
	right   float64  // pixels kept free at the right
}

func (f Frame) begin() *frameDrawing {
	h := f.Height
	if !(h > 0) {
		h = 380
	}
	d := &frameDrawing{Frame: f, c: newCanvas(figureWidth, math.Min(h, 4000)), p: newPlot()}
	d.p.X.Label.Text = fit(d.p.X.Label.TextStyle, oneLine(f.XLabel), figureWidth-200)
	d.p.Y.Label.Text = fit(d.p.Y.Label.TextStyle, oneLine(f.YLabel), d.c.h-90)
	return d
}

// oneLine keeps a label on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (d *frameDrawing) remark(format string, args ...any) {
	d.remarks = append(d.remarks, fmt.Sprintf(format, args...))
}

// limits holds the range of the values an axis shows.
type limits struct{ lo, hi float64 }

func noLimits() limits { return limits{math.Inf(1), math.Inf(-1)} }

func (l *limits) include(v float64, log bool) {
	if finite(v) && (!log || v > 0) {
		v = math.Max(-1e300, math.Min(1e300, v)) // so that differences stay finite
		l.lo, l.hi = math.Min(l.lo, v), math.Max(l.hi, v)
	}
}

// settle turns the range of the data into the range of the axis: with a margin on both sides, never empty, never unbounded.
func (l limits) settle(given [2]float64, log bool, margin float64) limits {
	if given != [2]float64{} && finite(given[0]) && finite(given[1]) && given[0] < given[1] && (!log || given[0] > 0) {
		return limits{given[0], given[1]}
	}
	if !(l.lo <= l.hi) {
		if log {
			return limits{0.1, 10}
		}
		return limits{0, 1}
	}
	if log {
		lo, hi := math.Log10(l.lo), math.Log10(l.hi)
		pad := margin * (hi - lo)
		if hi-lo < 1e-9 {
			pad = 0.5
		}
		return limits{math.Pow(10, math.Max(-307, lo-pad)), math.Pow(10, math.Min(307, hi+pad))}
	}
	size := (l.hi - l.lo) / 2
	if size <= 1e-12*math.Max(math.Abs(l.hi), math.Abs(l.lo)) {
		size = math.Max(math.Abs(l.hi)/2, 0.5)
		return limits{l.lo - size, l.hi + size}
	}
	return limits{l.lo - 2*margin*size, l.hi + 2*margin*size}
}

// drawing gives a plotter's function what it draws with.
type drawing struct {
	draw.Canvas
	c    *canvas
	x, y func(float64) vg.Length
	w, h float64 // size of the data area
}

// at maps a data point to the canvas; ok is false if it cannot be shown on these axes.
func (a *drawing) at(x, y float64, f *Frame) (pt vg.Point, ok bool) {
	if !finite(x) || !finite(y) || f.XLog && x <= 0 || f.YLog && y <= 0 {
		return pt, false
	}
	return vg.Point{X: a.x(x), Y: a.y(y)}, true
}

type plotFunc func(draw.Canvas, *plot.Plot)

func (f plotFunc) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// finish lays the figure out (legend and event labels above, level labels at the right, remarks below), draws the axes and calls
// content for the data.
func (d *frameDrawing) finish(xl, yl limits, content func(*drawing)) Figure {
	p, c := d.p, d.c
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = xl.lo, xl.hi, yl.lo, yl.hi
	if d.Square {
		if ratio := (xl.hi - xl.lo) / (yl.hi - yl.lo); d.XLog || d.YLog || !(ratio < 6 && ratio > 1./6) {
			d.Square = false
			d.remark("The two axes have different scales.")
		}
	}
	if d.XLog {
		p.X.Scale = plot.LogScale{}
	}
	if d.YLog {
		p.Y.Scale = plot.LogScale{}
	}
	area := draw.Crop(c.area(), 8, -12, 8, -8)
	small := textStyle(noteSize, muted, draw.XLeft, draw.YBottom)

	// Remarks below.
	for i := len(d.remarks) - 1; i >= 0; i-- {
		lines := wrap(small, d.remarks[i], c.w-24, 3)
		for j := len(lines) - 1; j >= 0; j-- {
			area.FillText(small, vg.Point{X: area.Min.X + 4, Y: area.Min.Y + 3}, lines[j])
			area.Min.Y += noteSize + 4
		}
	}
	// Legend above, or at the right of a square, where there is room.
	asideLegend := d.Square && len(d.Levels) == 0
	if asideLegend {
		sty := textStyle(tickSize, ink, draw.XLeft, draw.YCenter)
		w := 0.
		for _, e := range d.legend {
			w = math.Max(w, math.Min(200, width(sty, oneLine(e.name))))
		}
		d.right = math.Max(d.right, w+64)
	} else {
		area.Max.Y -= vg.Length(c.legend(area, d.legend))
	}

	// Level labels at the right.
	levels := d.visible(d.Levels, yl, d.YLog)
	room := d.right
	for _, l := range levels {
		for _, line := range wrap(small, l.Label, 110, 3) {
			room = math.Max(room, width(small, line)+8)
		}
	}
	area.Max.X -= vg.Length(room)

	// Ticks need the size of the axes, which needs the width of the tick labels: settle that in two rounds.
	setTicks := func(w, h float64) {
		if _, fixed := p.X.Tick.Marker.(plot.ConstantTicks); !fixed {
			p.X.Tick.Marker = tickerFor(d.XLog, w, 80)
		}
		if _, fixed := p.Y.Tick.Marker.(plot.ConstantTicks); !fixed {
			p.Y.Tick.Marker = tickerFor(d.YLog, h, 46)
		}
	}
	setTicks(float64(area.Size().X)-60, float64(area.Size().Y)-50)

	// gonum keeps room for wide tick labels at the right end of the axis only.
	inner := p.DataCanvas(area)
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		x, _ := p.Transforms(&inner)
		area.Min.X += max(0, p.X.Tick.Label.Width(t.Label)/2+2-x(t.Value))
		break
	}

	// Event labels above; the last ones may need room at the right.
	events := d.visible(d.Events, xl, d.XLog)
	inner = p.DataCanvas(area)
	for i := range events {
		x, _ := p.Transforms(&inner)
		events[i].Label = fit(small, events[i].Label, 200)
		over := x(events[i].At) + small.Width(events[i].Label) + 6 - area.Max.X
		area.Max.X -= min(max(0, over), 160)
		inner = p.DataCanvas(area)
	}
	flagRows, rows := flags(events, small, inner, p)
	if rows > 0 {
		area.Max.Y -= vg.Length(rows*flagRow + 2)
	}
	inner = p.DataCanvas(area)
	if d.Square {
		area, inner = squareUp(area, inner, p)
		if asideLegend {
			beside := draw.Canvas{Canvas: c, Rectangle: vg.Rectangle{Min: vg.Point{X: inner.Max.X + 16},
				Max: vg.Point{X: inner.Max.X + vg.Length(d.right), Y: inner.Max.Y}}}
			for _, e := range d.legend {
				c.legend(beside, []entry{e})
				beside.Max.Y -= 20
			}
		}
	}
	setTicks(float64(inner.Size().X), float64(inner.Size().Y))
	middle := float64(inner.Center().X)
	p.X.Label.Text = fit(p.X.Label.TextStyle, p.X.Label.Text, 2*math.Min(middle, c.w-middle)-8)
	middle = float64(inner.Center().Y)
	p.Y.Label.Text = fit(p.Y.Label.TextStyle, p.Y.Label.Text, 2*math.Min(middle, c.h-middle)-8)

	p.Add(plotFunc(func(dc draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&dc)
		line := draw.LineStyle{Color: grid, Width: 1}
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if yy := y(t.Value); !t.IsMinor() && dc.ContainsY(yy) {
				dc.StrokeLine2(line, dc.Min.X, yy, dc.Max.X, yy)
			}
		}
		if _, named := p.X.Tick.Marker.(plot.ConstantTicks); !named {
			for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
				if xx := x(t.Value); !t.IsMinor() && dc.ContainsX(xx) {
					dc.StrokeLine2(line, xx, dc.Min.Y, xx, dc.Max.Y)
				}
			}
		}
		for _, l := range levels {
			dc.StrokeLine2(draw.LineStyle{Color: muted, Width: 1.2, Dashes: []vg.Length{2, 3}}, dc.Min.X, y(l.At), dc.Max.X, y(l.At))
		}
		for i, e := range events {
			top, r := dc.Max.Y, flagRows[i]
			if r >= 0 && e.Label != "" {
				base := dc.Max.Y + 4 + vg.Length(r*flagRow)
				top = base + noteSize - 1
				dc.FillText(textStyle(noteSize, ink, draw.XLeft, draw.YBottom), vg.Point{X: x(e.At) + 4, Y: base}, e.Label)
			}
			dc.StrokeLine2(draw.LineStyle{Color: ink, Width: 1, Dashes: []vg.Length{4, 3}}, x(e.At), dc.Min.Y, x(e.At), top)
		}
		drawLevelLabels(dc, levels, small, y)
		content(&drawing{Canvas: dc, c: c, x: x, y: y, w: float64(dc.Size().X), h: float64(dc.Size().Y)})
	}))
	p.Draw(area)
	return Figure{ID: d.ID, Title: d.Title, Caption: d.Caption, SVG: c.svg(d.Title, d.Caption)}
}

func tickerFor(log bool, length, gap float64) plot.Ticker {
	if log {
		return logTicker{length, gap}
	}
	return ticker{length, gap}
}

// visible returns the references that lie within the limits, and remarks on those that do not.
func (d *frameDrawing) visible(refs []Ref, l limits, log bool) []Ref {
	var in []Ref
	for _, r := range refs {
		r.Label = oneLine(r.Label)
		if finite(r.At) && r.At >= l.lo && r.At <= l.hi && (!log || r.At > 0) {
			in = append(in, r)
		}
	}
	return in
}

// flagRow is the height of one row of event labels.
const flagRow = noteSize + 4

// flags distributes event labels over rows so that none touches another: each label flies to the right of its line like a flag.
// Going from right to left, each takes the lowest row that is free, so no line crosses a label. It returns the row of each event
// (−1 for a label that found no room) and the number of rows.
func flags(events []Ref, sty draw.TextStyle, dc draw.Canvas, p *plot.Plot) (row []int, rows int) {
	x, _ := p.Transforms(&dc)
	order := make([]int, len(events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(events[j].At, events[i].At) })
	row = make([]int, len(events))
	var begins []float64 // of the leftmost label in each row
	for _, i := range order {
		left := float64(x(events[i].At))
		r := 0
		for r < len(begins) && left+width(sty, events[i].Label)+14 > begins[r] {
			r++
		}
		if r == maxFlagRows {
			row[i] = -1
			continue
		}
		if r == len(begins) {
			begins = append(begins, 0)
		}
		begins[r], row[i] = left, r
	}
	return row, len(begins)
}

// maxFlagRows limits the rows of event labels, so that room stays for the data.
const maxFlagRows = 6

// drawLevelLabels writes the labels of the levels at the right of the data, moved apart where they would overlap.
func drawLevelLabels(dc draw.Canvas, levels []Ref, sty draw.TextStyle, y func(float64) vg.Length) {
	type block struct {
		lines []string
		top   float64
	}
	const line = noteSize + 2
	var blocks []block
	for _, l := range levels {
		lines := wrap(sty, l.Label, 110, 3)
		blocks = append(blocks, block{lines, float64(y(l.At)) + line*float64(len(lines))/2})
	}
	// From the top down, push each below the one before it.
	slices.SortStableFunc(blocks, func(a, b block) int { return cmp.Compare(b.top, a.top) })
	for i := 1; i < len(blocks); i++ {
		above := blocks[i-1]
		blocks[i].top = math.Min(blocks[i].top, above.top-line*float64(len(above.lines)))
	}
	for _, b := range blocks {
		for i, s := range b.lines {
			dc.FillText(sty, vg.Point{X: dc.Max.X + 6, Y: vg.Length(b.top - line*float64(i+1) + 1)}, s)
		}
	}
}

// squareUp shrinks the area so that one unit of data is as long on both axes.
func squareUp(area, inner draw.Canvas, p *plot.Plot) (draw.Canvas, draw.Canvas) {
	w, h := float64(inner.Size().X), float64(inner.Size().Y)
	scale := math.Min(w/(p.X.Max-p.X.Min), h/(p.Y.Max-p.Y.Min))
	area = draw.Crop(area, 0, -vg.Length(w-scale*(p.X.Max-p.X.Min)), 0, -vg.Length(h-scale*(p.Y.Max-p.Y.Min)))
	return area, p.DataCanvas(area)
}

// legend writes the entries in rows at the top of the area and returns the height it took.
func (c *canvas) legend(area draw.Canvas, entries []entry) float64 {
	if len(entries) == 0 {
		return 0
	}
	const key, gap, row = 26., 18., 20.
	sty := textStyle(tickSize, ink, draw.XLeft, draw.YCenter)
	x, y := float64(area.Min.X)+4, float64(area.Max.Y)-row/2
	for _, e := range entries {
		name := fit(sty, oneLine(e.name), float64(area.Size().X)-key-gap)
		w := key + 6 + width(sty, name)
		if x > float64(area.Min.X)+4 && x+w > float64(area.Max.X) {
			x, y = float64(area.Min.X)+4, y-row
		}
		switch {
		case e.box:
			area.SetColor(e.look.color)
			area.Fill(vg.Rectangle{Min: vg.Point{X: vg.Length(x + 8), Y: vg.Length(y - 5)}, Max: vg.Point{X: vg.Length(x + 22), Y: vg.Length(y + 6)}}.Path())
			if len(e.look.dashes) > 0 {
				hatch(area, vg.Rectangle{Min: vg.Point{X: vg.Length(x + 8), Y: vg.Length(y - 5)}, Max: vg.Point{X: vg.Length(x + 22), Y: vg.Length(y + 6)}})
			}
		case e.dot:
			area.SetColor(e.look.color)
			c.dots([]vg.Point{{X: vg.Length(x + 15), Y: vg.Length(y)}}, 8)
		default:
			area.StrokeLine2(e.look.style(), vg.Length(x), vg.Length(y), vg.Length(x+key), vg.Length(y))
		}
		area.FillText(sty, vg.Point{X: vg.Length(x + key + 6), Y: vg.Length(y + 1.4)}, name)
		x += w + gap
	}
	return float64(area.Max.Y) - y + row/2 + 4
}

// hatch draws the diagonal lines that mark an ablation's filled shapes.
func hatch(c draw.Canvas, r vg.Rectangle) {
	line := draw.LineStyle{Color: page.faded(0.75), Width: 1.5}
	c.SetLineStyle(line)
	w, h := r.Size().X, r.Size().Y
	var path vg.Path
	for s := vg.Length(6); s < w+h; s += 6 {
		// From the left or lower edge up and to the right... clipped to the rectangle.
		x0, y0 := vg.Length(0), s
		if s > h {
			x0, y0 = s-h, h
		}
		x1, y1 := s, vg.Length(0)
		if s > w {
			x1, y1 = w, s-w
		}
		path.Move(vg.Point{X: r.Min.X + x0, Y: r.Min.Y + y0})
		path.Line(vg.Point{X: r.Min.X + x1, Y: r.Min.Y + y1})
	}
	c.Stroke(path)
}
