package specparam

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// Settings says how to fit; what is left zero is the reference implementation's default.
type Settings struct {
	From, To  float64    // Hz, the part of the spectrum to fit; all of it if both are 0
	Knee      bool       // let the background bend
	Width     [2]float64 // limits on a peak's bandwidth, Hz; 0.5 to 12
	MaxPeaks  int        // the highest ones; as many as there are if 0, none if negative
	MinHeight float64    // of a peak over the background, log10 units
	Threshold float64    // of a peak, in standard deviations of the spectrum without background and higher peaks; 2
}

// Model is a fitted spectrum.
type Model struct {
	Frequencies []float64 // Hz, those that were fitted
	Power       []float64 // log10, as measured
	Fitted      []float64 // log10
	Background  []float64 // log10, the aperiodic part of Fitted

	Offset, Knee, Exponent float64
	Peaks                  []Peak // by frequency

	RSquared float64 // squared correlation of Power and Fitted
	Error    float64 // mean absolute difference of them
}

// Peak is a rhythm.
type Peak struct {
	Frequency float64 // Hz, of its centre
	Height    float64 // of the fit over the background there, log10 units, other peaks included
	Bandwidth float64 // Hz, two standard deviations of its Gaussian

	Gaussian float64 // the height of its Gaussian alone, log10 units
}

// What the reference implementation keeps fixed.
const (
	backgroundPercentile = 0.025 // of the flattened spectrum: points above it do not count for the background
	edgeDeviations       = 1.0   // a peak nearer to an end of the spectrum is dropped
	overlapDeviations    = 0.75  // of two peaks whose ranges of so many deviations overlap the lower is dropped
	centreDeviations     = 3.0   // how far a fit may move a peak
)

// Fit fits the model to power (not its logarithm) at evenly spaced frequencies in Hz. A frequency of 0 is left out.
func (s Settings) Fit(frequencies, power []float64) (*Model, error) {
	if s.Width == [2]float64{} {
		s.Width = [2]float64{0.5, 12}
	}
	s.Threshold = cmp.Or(s.Threshold, 2)
	if !(s.Width[0] > 0 && s.Width[0] < s.Width[1]) {
		return nil, fmt.Errorf("limits of %g to %g Hz on the bandwidth of peaks; they must be positive and ascend", s.Width[0], s.Width[1])
	}
	m, err := s.prepare(frequencies, power)
	if err != nil {
		return nil, err
	}
	initial, err := s.background(m.Frequencies, m.Power, m)
	if err != nil {
		return nil, err
	}
	robust, err := s.withoutPeaks(m, initial)
	if err != nil {
		return nil, err
	}
	flat := make([]float64, len(m.Power))
	for i, f := range m.Frequencies {
		flat[i] = m.Power[i] - robust.at(f)
	}
	gaussians := s.peaks(m.Frequencies, flat)
	rest := make([]float64, len(m.Power))
	for i, f := range m.Frequencies {
		rest[i] = m.Power[i] - sum(gaussians, f)
	}
	final, err := s.background(m.Frequencies, rest, m)
	if err != nil {
		return nil, err
	}
	m.Offset, m.Knee, m.Exponent = final.offset, final.knee, final.exponent
	for i, f := range m.Frequencies {
		m.Background = append(m.Background, final.at(f))
		m.Fitted = append(m.Fitted, m.Background[i]+sum(gaussians, f))
		m.Error += math.Abs(m.Fitted[i]-m.Power[i]) / float64(len(m.Power))
	}
	correlation := stat.Correlation(m.Power, m.Fitted, nil)
	m.RSquared = correlation * correlation
	for _, g := range gaussians {
		nearest := floats.NearestIdx(m.Frequencies, g.centre)
		m.Peaks = append(m.Peaks, Peak{Frequency: g.centre, Height: m.Fitted[nearest] - m.Background[nearest], Bandwidth: 2 * g.deviation, Gaussian: g.height})
	}
	return m, nil
}

// prepare checks the spectrum, cuts out the part to fit and takes the logarithm.
func (s Settings) prepare(frequencies, power []float64) (*Model, error) {
	if len(frequencies) != len(power) {
		return nil, fmt.Errorf("%d frequencies and %d values of power", len(frequencies), len(power))
	}
	m := &Model{}
	for i, f := range frequencies {
		if math.IsNaN(f) || f < 0 || i > 0 && f <= frequencies[i-1] {
			return nil, fmt.Errorf("frequency number %d is %g Hz; frequencies must not be negative and must ascend", i, f)
		}
		if f == 0 || (s.From != 0 || s.To != 0) && (f < s.From || f > s.To) {
			continue
		}
		if !(power[i] > 0) || math.IsInf(power[i], 0) {
			return nil, fmt.Errorf("the power at %g Hz is %g, expected a positive number; give power itself, not its logarithm or decibels, and "+
				"leave out flat channels", f, power[i])
		}
		m.Frequencies, m.Power = append(m.Frequencies, f), append(m.Power, math.Log10(power[i]))
	}
	if len(m.Frequencies) < 10 {
		return nil, fmt.Errorf("%d frequencies from %g to %g Hz are too few to fit, expected at least 10; widen the range, or estimate the spectrum "+
			"over longer segments", len(m.Frequencies), s.From, s.To)
	}
	step := m.Frequencies[1] - m.Frequencies[0]
	for i := 2; i < len(m.Frequencies); i++ {
		if d := m.Frequencies[i] - m.Frequencies[i-1]; math.Abs(d-step) > 1e-5*step+1e-8 {
			return nil, fmt.Errorf("frequencies are %g Hz apart at first and %g Hz at %g Hz; they must be evenly spaced", step, d, m.Frequencies[i])
		}
	}
	return m, nil
}

// aperiodic is a background.
type aperiodic struct{ offset, knee, exponent float64 }

func (a aperiodic) at(f float64) float64 {
	return a.offset - math.Log10(a.knee+math.Pow(f, a.exponent))
}

// background fits the background to log power. The guess of the exponent is the slope from end to end of the whole spectrum.
func (s Settings) background(frequencies, power []float64, whole *Model) (aperiodic, error) {
	last := len(whole.Power) - 1
	slope := (whole.Power[last] - whole.Power[0]) / math.Log10(whole.Frequencies[last]/whole.Frequencies[0])
	return s.backgroundFrom(frequencies, power, aperiodic{offset: power[0], exponent: math.Abs(slope)})
}

func (s Settings) backgroundFrom(frequencies, power []float64, guess aperiodic) (aperiodic, error) {
	if !s.Knee {
		logs := make([]float64, len(frequencies))
		for i, f := range frequencies {
			logs[i] = math.Log10(f)
		}
		offset, slope := stat.LinearRegression(logs, power, nil, false)
		if math.IsNaN(slope) || math.IsInf(slope, 0) {
			return aperiodic{}, fmt.Errorf("no background fits: too few different frequencies are left; use a finer spectrum")
		}
		return aperiodic{offset: offset, exponent: -slope}, nil
	}
	none := []float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	all := []float64{math.Inf(1), math.Inf(1), math.Inf(1)}
	p, err := leastSquares([]float64{guess.offset, guess.knee, guess.exponent}, none, all, len(power), func(p, residual []float64, slopes [][]float64) {
		a := aperiodic{p[0], p[1], p[2]}
		for i, f := range frequencies {
			residual[i] = a.at(f) - power[i]
			if slopes != nil {
				power := math.Pow(f, a.exponent)
				below := (a.knee + power) * math.Ln10
				slopes[i][0], slopes[i][1], slopes[i][2] = 1, -1/below, -power*math.Log(f)/below
			}
		}
	})
	if err != nil {
		return aperiodic{}, fmt.Errorf("no background with a knee fits (%w); fit without a knee, or over a wider range", err)
	}
	return aperiodic{p[0], p[1], p[2]}, nil
}

// withoutPeaks fits the background again to the points that lie lowest over a first fit.
func (s Settings) withoutPeaks(m *Model, first aperiodic) (aperiodic, error) {
	flat := make([]float64, len(m.Power))
	for i, f := range m.Frequencies {
		flat[i] = max(0, m.Power[i]-first.at(f))
	}
	sorted := slices.Clone(flat)
	slices.Sort(sorted)
	at := backgroundPercentile / 100 * float64(len(sorted)-1)
	i := int(at)
	limit := sorted[i] + (at-float64(i))*(sorted[min(i+1, len(sorted)-1)]-sorted[i])
	var frequencies, power []float64
	for i, v := range flat {
		if v <= limit {
			frequencies, power = append(frequencies, m.Frequencies[i]), append(power, m.Power[i])
		}
	}
	if len(frequencies) < 3 {
		return aperiodic{}, fmt.Errorf("no background fits: %d of %d points lie on it; use a finer spectrum", len(frequencies), len(flat))
	}
	return s.backgroundFrom(frequencies, power, first)
}

// gaussian is a peak as it is fitted.
type gaussian struct{ centre, height, deviation float64 }

func (g gaussian) at(f float64) float64 {
	d := (f - g.centre) / g.deviation
	return g.height * math.Exp(-d*d/2)
}

func sum(gaussians []gaussian, f float64) float64 {
	total := 0.0
	for _, g := range gaussians {
		total += g.at(f)
	}
	return total
}

// peaks finds the peaks of the flattened spectrum one by one, the highest first, and then fits them together.
func (s Settings) peaks(frequencies, flat []float64) []gaussian {
	rest := slices.Clone(flat)
	narrow, wide := s.Width[0]/2, s.Width[1]/2
	step := frequencies[1] - frequencies[0]
	low, high := frequencies[0], frequencies[len(frequencies)-1]
	var found []gaussian
	// A guess takes its own highest point away, so that there are never more than points.
	for len(found) < len(flat) && (s.MaxPeaks == 0 || len(found) < s.MaxPeaks) {
		top := floats.MaxIdx(rest)
		height := rest[top]
		if height <= s.Threshold*stat.PopStdDev(rest, nil) || !(height > s.MinHeight) {
			break
		}
		// The width at half height of the steeper side; the first point does not count as a side.
		side := 0
		for i := top - 1; i > 0; i-- {
			if rest[i] <= height/2 {
				side = top - i
				break
			}
		}
		for i := top + 1; i < len(rest); i++ {
			if rest[i] <= height/2 {
				if side == 0 || i-top < side {
					side = i - top
				}
				break
			}
		}
		deviation := (s.Width[0] + s.Width[1]) / 2
		if side > 0 {
			deviation = 2 * float64(side) * step / (2 * math.Sqrt(2*math.Ln2))
		}
		g := gaussian{frequencies[top], height, min(max(deviation, narrow), wide)}
		found = append(found, g)
		for i, f := range frequencies {
			rest[i] -= g.at(f)
		}
	}
	found = slices.DeleteFunc(found, func(g gaussian) bool {
		return !(math.Abs(g.centre-low) > edgeDeviations*g.deviation && math.Abs(g.centre-high) > edgeDeviations*g.deviation)
	})
	slices.SortStableFunc(found, func(a, b gaussian) int { return cmp.Compare(a.centre, b.centre) })
	dropped := make([]bool, len(found))
	for i := 0; i+1 < len(found); i++ {
		a, b := found[i], found[i+1]
		if a.centre+overlapDeviations*a.deviation > b.centre-overlapDeviations*b.deviation {
			if a.height <= b.height {
				dropped[i] = true
			} else {
				dropped[i+1] = true
			}
		}
	}
	var kept []gaussian
	for i, g := range found {
		if !dropped[i] {
			kept = append(kept, g)
		}
	}
	if len(kept) == 0 {
		return nil
	}

	var start, least, most []float64
	for _, g := range kept {
		start = append(start, g.centre, g.height, g.deviation)
		least = append(least, max(low, g.centre-centreDeviations*g.deviation), 0, narrow)
		most = append(most, min(high, g.centre+centreDeviations*g.deviation), math.Inf(1), wide)
	}
	p, err := leastSquares(start, least, most, len(flat), func(p, residual []float64, slopes [][]float64) {
		for i, f := range frequencies {
			residual[i] = -flat[i]
			for k := 0; k < len(p); k += 3 {
				d := (f - p[k]) / p[k+2]
				e := math.Exp(-d * d / 2)
				residual[i] += p[k+1] * e
				if slopes != nil {
					slopes[i][k], slopes[i][k+1], slopes[i][k+2] = p[k+1]*e*d/p[k+2], e, p[k+1]*e*d*d/p[k+2]
				}
			}
		}
	})
	if err != nil { // the guesses are bounded and finite, and stay so
		p = start
	}
	var out []gaussian
	for k := 0; k < len(p); k += 3 {
		out = append(out, gaussian{p[k], p[k+1], p[k+2]})
	}
	slices.SortStableFunc(out, func(a, b gaussian) int { return cmp.Compare(a.centre, b.centre) })
	return out
}
