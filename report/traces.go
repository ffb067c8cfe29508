package report

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Trace is one channel of [Traces].
type Trace struct {
	Name   string
	Kind   string    // channels of one kind share a scale, such as "eeg"
	Unit   string    // of the values
	Values []float64 // one per time; a gap where a value is not finite
	Muted  bool      // drawn in grey: a bad channel
}

// Traces draws channels under each other over a common time axis, the first at the top, as an EEG is read: each about its own median, those of
// one kind on one scale, which a bar at the right gives. A trace may run into its neighbours' rows. The times are the x axis; f.YLabel,
// f.YLim and f.YLog are not used.
func Traces(f Frame, times []float64, traces []Trace) Figure {
	f.XLog, f.YLog, f.YLabel, f.YLim, f.Levels, f.Square = false, false, "", [2]float64{}, nil, false
	n := len(traces)
	row := 60.
	switch {
	case n > 100:
		row = math.Max(9, math.Min(10, 3600/float64(n)))
	case n > 12:
		row = 17
	case n > 5:
		row = 36
	}
	if !(f.Height > 0) {
		f.Height = math.Max(160, 90+row*float64(n))
	}
	d := f.begin()
	xl := noLimits()
	for _, t := range times {
		xl.include(t, false)
	}
	if n == 0 || !(xl.lo <= xl.hi) {
		d.remark("Nothing to draw: no values.")
		return d.finish(limits{0, 1}, limits{0, 1}, func(*drawing) {})
	}

	// Rows are numbered downwards, from the top of the picture; the y axis runs upwards.
	sty := d.p.Y.Tick.Label
	sty.Font.Size = 11
	d.p.Y.Tick.Label = sty
	every := max(1, int(math.Ceil(12/row)))
	var ticks plot.ConstantTicks
	for i, t := range traces {
		if i%every == 0 {
			ticks = append(ticks, plot.Tick{Value: -float64(i), Label: fit(sty, oneLine(t.Name), 110)})
		}
	}
	name(&d.p.Y, ticks)
	if every > 1 {
		d.remark("Every %s channel is named.", ordinal(every))
	}

	middles := make([]float64, n)
	var kinds []traceScale
	for i, t := range traces {
		k := slices.IndexFunc(kinds, func(s traceScale) bool { return s.kind == t.Kind && s.unit == t.Unit })
		if k < 0 {
			k = len(kinds)
			kinds = append(kinds, traceScale{kind: t.Kind, unit: t.Unit, first: i})
		}
		kinds[k].last = i
		values := slices.DeleteFunc(slices.Clone(t.Values), func(v float64) bool { return !finite(v) })
		slices.Sort(values)
		if len(values) == 0 {
			continue
		}
		middles[i] = quantileSorted(values, 0.5)
		s := quantileSorted(values, 0.99) - quantileSorted(values, 0.01)
		if s == 0 || t.Kind == "stim" { // pulses, which stand out of percentiles
			s = 1.6 * (values[len(values)-1] - values[0])
		}
		if s > 0 {
			kinds[k].spreads = append(kinds[k].spreads, s)
		}
	}
	room := 0.0
	small := textStyle(noteSize, ink, draw.XLeft, draw.YCenter)
	for k := range kinds {
		kinds[k].settle()
		room = math.Max(room, width(small, kinds[k].label())+18)
	}
	d.right = math.Min(room, 150)
	settled := xl.settle(f.XLim, false, 0)
	return d.finish(settled, limits{-float64(n) + 0.3, 0.7}, func(a *drawing) {
		rowHeight := a.h / (float64(n) + 0.4)
		for i, t := range traces {
			k := slices.IndexFunc(kinds, func(s traceScale) bool { return s.kind == t.Kind && s.unit == t.Unit })
			y := make([]float64, min(len(t.Values), len(times)))
			for j := range y {
				y[j] = (t.Values[j]-middles[i])/kinds[k].perRow - float64(i)
			}
			x, y := extremes(times[:len(y)], y, max(250, 60000/n))
			look := stroke{color: plain[k%len(plain)], width: 0.9}
			if k == 0 {
				look.color = ink
			}
			if t.Muted {
				look.color = grey
			}
			a.line(&f, Series{X: x, Y: y}, look)
		}
		// One bar for each kind, beside its first rows.
		var free vg.Length = a.Max.Y
		for _, s := range kinds {
			length := vg.Length(s.bar / s.perRow * rowHeight)
			top := min(free, a.y(-float64(s.first))+length/2)
			bottom := top - length
			if bottom < a.Min.Y-6 {
				bottom, top = a.Min.Y, min(free, a.Min.Y+length)
			}
			x := a.Max.X + 8
			line := draw.LineStyle{Color: ink, Width: 1.4}
			a.StrokeLine2(line, x, top, x, bottom)
			a.StrokeLine2(line, x-3, top, x+3, top)
			a.StrokeLine2(line, x-3, bottom, x+3, bottom)
			a.FillText(small, vg.Point{X: x + 6, Y: (top+bottom)/2 + 1.4}, fit(small, s.label(), 136))
			free = min(bottom, (top+bottom)/2-noteSize) - 8
		}
	})
}

// traceScale is the scale that the channels of one kind share.
type traceScale struct {
	kind, unit  string
	first, last int
	spreads     []float64 // of its channels, from the 1st to the 99th percentile
	perRow      float64   // how much one row stands for
	bar         float64   // length of the scale bar
}

// settle gives a typical channel one and a third rows, and the bar a round length.
func (s *traceScale) settle() {
	s.perRow = quantile(s.spreads, 0.5) / 1.3
	if !(s.perRow > 0) || math.IsInf(s.perRow, 0) {
		s.perRow = 1
	}
	s.bar = roundStep(s.perRow)
}

func (s *traceScale) label() string {
	text := barText(s.bar)
	if s.unit != "" {
		text += " " + s.unit
	}
	if s.kind != "" {
		text += " " + s.kind
	}
	return text
}

// barText writes a round number: plainly, or with a power of ten.
func barText(v float64) string {
	if v >= 1e-3 && v < 1e6 {
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	return significant(v, 1)
}

// quantileSorted is quantile of values in order.
func quantileSorted(s []float64, q float64) float64 {
	at := q * float64(len(s)-1)
	k := min(int(at), len(s)-1)
	if k == len(s)-1 {
		return s[k]
	}
	return s[k] + (at-float64(k))*(s[k+1]-s[k])
}

// extremes leaves at most that many points of a line: the lowest and the highest of each of equal parts, and a gap where there is one.
func extremes(x, y []float64, most int) (xs, ys []float64) {
	if len(y) <= most {
		return x, y
	}
	parts := most / 2
	for p := range parts {
		first, end := p*len(y)/parts, (p+1)*len(y)/parts
		lo, hi := first, first
		for i := first; i < end; i++ {
			if !finite(y[i]) {
				lo, hi = i, i
				break
			}
			if y[i] < y[lo] {
				lo = i
			}
			if y[i] > y[hi] {
				hi = i
			}
		}
		xs, ys = append(xs, x[min(lo, hi)]), append(ys, y[min(lo, hi)])
		if lo != hi {
			xs, ys = append(xs, x[max(lo, hi)]), append(ys, y[max(lo, hi)])
		}
	}
	return xs, ys
}
