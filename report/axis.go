package report

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// ticker places the ticks of a linear axis at round numbers, about one for each gap pixels.
type ticker struct{ length, gap float64 }

// Ticks implements [plot.Ticker].
func (t ticker) Ticks(lo, hi float64) []plot.Tick {
	step := roundStep((hi - lo) / math.Max(1, math.Floor(t.length/t.gap)))
	first, last := math.Ceil(lo/step-1e-9), math.Floor(hi/step+1e-9)
	if !(last-first < 1000) || math.Abs(first) > 1<<50 {
		return nil // the range is too small for floats to count through it
	}
	var ticks []plot.Tick
	biggest := math.Max(math.Abs(first*step), math.Abs(last*step))
	for k := first; k <= last; k++ {
		// Rounding must not push a tick off the axis, where no room is kept for its label.
		ticks = append(ticks, plot.Tick{Value: math.Max(lo, math.Min(hi, k*step)), Label: axisNumber(k*step, step, biggest)})
	}
	return ticks
}

// roundStep returns the smallest of 1, 2, 2.5 or 5 times a power of ten that is not below v.
func roundStep(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*p*(1+1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// axisNumber writes the value of a tick with as many decimals as the step has.
func axisNumber(v, step, biggest float64) string {
	if math.Abs(v) < step*1e-6 {
		return "0"
	}
	e := int(math.Floor(math.Log10(biggest) + 1e-9))
	if e >= 6 || e < -3 {
		p := math.Pow(10, float64(e))
		return axisNumber(v/p, step/p, 1) + "·10" + superscript(e)
	}
	return fixed(v, decimals(step))
}

// decimals returns how many decimals a round step needs.
func decimals(step float64) int {
	for d := 0; d < 12; d++ {
		s := step * math.Pow(10, float64(d))
		if math.Abs(s-math.Round(s)) < 1e-6*s {
			return d
		}
	}
	return 12
}

// logTicker places the ticks of a logarithmic axis at powers of ten, with 2 and 5 labelled between them when there are few.
type logTicker struct{ length, gap float64 }

// Ticks implements [plot.Ticker].
func (t logTicker) Ticks(lo, hi float64) []plot.Tick {
	first, last := int(math.Floor(math.Log10(lo)+1e-9)), int(math.Ceil(math.Log10(hi)-1e-9))
	decades := math.Log10(hi) - math.Log10(lo)
	if decades < 0.7 { // less than a factor of five: powers of ten say nothing
		return ticker(t).Ticks(lo, hi)
	}
	every := max(1, int(math.Ceil(decades*t.gap/t.length)))
	between := decades * 3 * t.gap / t.length
	var ticks []plot.Tick
	for e := first; e <= last; e++ {
		for m := 1; m < 10; m++ {
			v := float64(m) * math.Pow(10, float64(e))
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			tick := plot.Tick{Value: v}
			if m == 1 && e%every == 0 || (m == 2 || m == 5) && between <= 1 {
				tick.Label = powerNumber(m, e)
			}
			if m == 1 || every == 1 {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// powerNumber writes m·10^e.
func powerNumber(m, e int) string {
	if e >= -3 && e <= 5 {
		return fixed(float64(m)*math.Pow(10, float64(e)), max(0, -e))
	}
	if m == 1 {
		return "10" + superscript(e)
	}
	return strconv.Itoa(m) + "·10" + superscript(e)
}

func superscript(e int) string {
	return strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").
		Replace(strconv.Itoa(e))
}

// namedTicks puts names at 0, 1, 2, ...
func namedTicks(names []string) plot.ConstantTicks {
	ticks := make(plot.ConstantTicks, len(names))
	for i, n := range names {
		ticks[i] = plot.Tick{Value: float64(i), Label: n}
	}
	return ticks
}
