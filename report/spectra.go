package report

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
)

// Spectrum is the power of one channel over frequency.
type Spectrum struct {
	Name  string
	Power []float64 // one per frequency, unit² / Hz
}

// Spectra draws the power spectra of several channels in decibels over a logarithmic frequency axis, on which a background that falls as
// 1/f is a straight line: each channel thin, their mean (of the power) thick. Up to eight channels have colours of their own.
// Frequencies of zero are left out, as is power of zero, which has no decibels.
func Spectra(f Frame, frequencies []float64, channels []Spectrum) Figure {
	f.XLog = true
	if f.XLabel == "" {
		f.XLabel = "frequency (Hz)"
	}
	decibels := func(p []float64) []float64 {
		out := make([]float64, min(len(p), len(frequencies)))
		for i := range out {
			out[i] = 10 * math.Log10(p[i])
			if !(p[i] > 0) || math.IsInf(p[i], 0) || !(frequencies[i] > 0) {
				out[i] = math.NaN()
			}
		}
		return out
	}
	mean, counted := make([]float64, len(frequencies)), 0
	for _, c := range channels {
		if len(c.Power) < len(mean) || !slices.ContainsFunc(c.Power, func(p float64) bool { return p > 0 }) {
			continue // a flat channel says nothing about the others
		}
		counted++
		for i := range mean {
			mean[i] += c.Power[i]
		}
	}
	for i := range mean {
		mean[i] /= float64(max(counted, 1))
	}
	xs := make([]float64, len(frequencies))
	for i, v := range frequencies {
		xs[i] = v
		if !(v > 0) {
			xs[i] = math.NaN()
		}
	}
	var series []Series
	var looks []stroke
	if counted > 1 {
		series, looks = append(series, Series{Name: "mean", X: xs, Y: decibels(mean)}), append(looks, stroke{color: ink, width: 2.4})
	}
	for i, c := range channels {
		s, look := Series{X: xs, Y: decibels(c.Power)}, stroke{color: blue.faded(math.Max(0.25, math.Min(0.6, 12/float64(len(channels))))), width: 0.9}
		if len(channels) <= len(plain) {
			s.Name, look = c.Name, stroke{color: plain[i], width: 1.3}
			if plain[i].class == ink.class {
				look.dashes = []vg.Length{5, 3} // ink is the mean's
			}
		} else if i == 0 {
			s.Name = "channels"
		}
		series, looks = append(series, s), append(looks, look)
	}
	return linePlot(f, series, looks)
}
