package xdf

import (
	"math"
	"slices"
	"strconv"
)

// Limits of pyxdf, in its defaults.
const (
	resetDeviations       = 5.0  // a gap between clock measurements, in median absolute deviations,
	resetSeconds          = 5.0  // and in seconds
	resetOffsetDeviations = 10.0 // a jump of the offset, likewise
	resetOffsetSeconds    = 1.0
	fitScale              = 1e-4 // seconds of deviation beyond which a clock measurement counts linearly, not squared
	fitIterations         = 1000
	fitBudget             = 1 << 28 // measurements times iterations
	breakSeconds          = 1.0     // a gap between time stamps that is a break,
	breakSamples          = 500     // and in samples
)

// synchronise puts the time stamps onto the recorder's clock. Where the sender's clock was reset, each stretch gets a line
// of its own.
func (s *Stream) synchronise() {
	if len(s.Stamps) == 0 || len(s.ClockTimes) == 0 {
		return
	}
	ranges := clockRanges(s.ClockTimes, s.ClockOffsets)
	start := 0
	for i, r := range ranges {
		end := len(s.Stamps)
		if i+1 < len(ranges) {
			// Samples belong to the stretch whose nearest measurement is nearer.
			last, next := s.ClockTimes[r.End-1], s.ClockTimes[r.End]
			end = start
			for end < len(s.Stamps) && math.Abs(s.Stamps[end]-last) < math.Abs(s.Stamps[end]-next) {
				end++
			}
		}
		if end == start {
			continue
		}
		base, slope := s.ClockOffsets[r.First], 0.0
		if r.End-r.First > 1 {
			base, slope = robustLine(s.ClockTimes[r.First:r.End], s.ClockOffsets[r.First:r.End])
		}
		for k := start; k < end; k++ {
			s.Stamps[k] += base + slope*s.Stamps[k]
		}
		s.ClockSegments = append(s.ClockSegments, Segment{start, end})
		start = end
	}
}

// clockRanges divides clock measurements where the clock was reset: where time runs backwards, or where both time and offset
// jump.
func clockRanges(times, offsets []float64) []Segment {
	late := glitches(differences(times), resetDeviations, resetSeconds)
	moved := glitches(differences(offsets), resetOffsetDeviations, resetOffsetSeconds)
	var out []Segment
	first := 0
	for i := range late {
		if times[i+1] < times[i] || (late[i] && moved[i]) {
			out = append(out, Segment{first, i + 1})
			first = i + 1
		}
	}
	return append(out, Segment{first, len(times)})
}

func differences(x []float64) []float64 {
	out := make([]float64, max(0, len(x)-1))
	for i := range out {
		out[i] = x[i+1] - x[i]
	}
	return out
}

// glitches marks values far from the median, both in median absolute deviations and in seconds.
func glitches(x []float64, deviations, seconds float64) []bool {
	middle := median(x)
	away := make([]float64, len(x))
	for i, v := range x {
		away[i] = math.Abs(v - middle)
	}
	scale := median(away) + 0x1p-52
	out := make([]bool, len(x))
	for i, v := range away {
		out[i] = v/scale > deviations && v > seconds
	}
	return out
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Clone(x)
	slices.Sort(x)
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}

// robustLine fits y = base + slope*x so that the sum of the Huber loss is least: squared up to fitScale, linear beyond. The
// minimum is found by the alternating direction method of multipliers (Boyd et al. 2011, section 6.1), as pyxdf does.
func robustLine(x, y []float64) (base, slope float64) {
	n := len(x)
	origin := slices.Min(x)
	// Both sides are measured in units of the scale. The normal equations of the line are solved by Cramer's rule.
	a := make([]float64, n)
	b := make([]float64, n)
	var sumA, sumAA float64
	for i := range x {
		a[i] = (x[i] - origin) / fitScale
		b[i] = y[i] / fitScale
		sumA += a[i]
		sumAA += a[i] * a[i]
	}
	determinant := float64(n)*sumAA - sumA*sumA
	if !(determinant > 0) || math.IsInf(determinant, 0) {
		return 0, 0 // measurements all at one time, as pyxdf
	}
	z, u := make([]float64, n), make([]float64, n)
	var c0, c1 float64
	for range min(fitIterations, max(10, fitBudget/n)) {
		var sum, weighted float64
		for i := range b {
			v := b[i] + z[i] - u[i]
			sum += v
			weighted += a[i] * v
		}
		next0 := (sumAA*sum - sumA*weighted) / determinant
		next1 := (float64(n)*weighted - sumA*sum) / determinant
		for i := range b {
			d := next0 + next1*a[i] - b[i] + u[i]
			shrunk := 0.0
			if d != 0 {
				shrunk = max(0, 1-2/math.Abs(d)) * d
			}
			z[i] = d/2 + shrunk/2
			u[i] = d - z[i]
		}
		c0, c1 = next0, next1
	}
	return fitScale*c0 - c1*origin, c1
}

// dropLateSample takes away what liblsl may add when a sender ends while it is recorded: samples beyond the number in the
// footer, if the last clock measurement makes no sense either.
func (s *Stream) dropLateSample() {
	count, err := strconv.Atoi(s.Footer.Text("sample_count"))
	n := len(s.ClockTimes)
	if err != nil || count < 0 || len(s.Stamps) <= count || n < 3 {
		return
	}
	intervals := differences(s.ClockTimes)
	usual, last := median(intervals[:n-2]), math.Abs(intervals[n-2])
	strange := last > 10*usual
	if usual <= 0 {
		strange = last > 0
	}
	middle := median(s.ClockOffsets[:n-1])
	away := make([]float64, n-1)
	for i, v := range s.ClockOffsets[:n-1] {
		away[i] = math.Abs(v - middle)
	}
	if deviation := median(away); deviation > 0x1p-52 && math.Abs(s.ClockOffsets[n-1]-middle) > 10*1.4826*deviation {
		strange = true
	}
	if strange {
		s.Stamps = s.Stamps[:count]
		s.ClockTimes, s.ClockOffsets = s.ClockTimes[:n-1], s.ClockOffsets[:n-1]
	}
}

// segment finds breaks between time stamps and, unless they are to be kept as sent, replaces the stamps of each segment by a
// straight line. It also sets EffectiveRate.
func (s *Stream) segment(straighten bool) {
	n := len(s.Stamps)
	if n == 0 {
		return
	}
	// Streams that drop frames (video) would be squeezed by a straight line.
	drops := s.Header.Text("desc", "synchronization", "can_drop_samples") == "true"
	whole := Segment{0, n}
	if s.Rate == 0 || drops || !straighten {
		s.Segments = []Segment{whole}
		if duration := s.Stamps[n-1] - s.Stamps[0]; s.Rate > 0 && duration > 0 {
			s.EffectiveRate = float64(n-1) / duration
		}
		return
	}
	limit := max(breakSeconds, breakSamples/s.Rate)
	first := 0
	for i := 1; i <= n; i++ {
		if i == n || math.Abs(s.Stamps[i]-s.Stamps[i-1]) > limit {
			s.Segments = append(s.Segments, Segment{first, i})
			first = i
		}
	}
	steps, duration := 0, 0.0
	for _, g := range s.Segments {
		straight(s.Stamps[g.First:g.End])
		steps += g.End - g.First - 1
		duration += s.Stamps[g.End-1] - s.Stamps[g.First]
	}
	if steps > 0 && duration > 0 {
		s.EffectiveRate = float64(steps) / duration
	}
}

// straight replaces y by the line that fits it best in the sense of least squares.
func straight(y []float64) {
	n := float64(len(y))
	if n < 2 {
		return
	}
	origin := y[0] // stamps are large and close together
	var sum, weighted float64
	for i, v := range y {
		sum += v - origin
		weighted += (float64(i) - (n-1)/2) * (v - origin)
	}
	slope := weighted / (n * (n*n - 1) / 12)
	base := origin + sum/n - slope*(n-1)/2
	for i := range y {
		y[i] = base + slope*float64(i)
	}
}
