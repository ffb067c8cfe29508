package measure

import (
	"math"

	"github.com/gyrus-dev/gyrus/signal/fourier"
)

// ForecastError is the normalised root-mean-square error of a forecast over time, √(mean over columns of ((estimate−truth)/sd)²), one value per step. Both
// arrays are steps × columns, row-major, and sd has the standard deviation of each column, of the system's long-time behaviour and not of this piece. On an
// attractor it levels off at √2, where forecast and truth know nothing of each other. It is +Inf from where the estimate is not finite.
func ForecastError[T Float](truth, estimate []T, sd []float64) []float64 {
	columns := len(sd)
	if columns == 0 || len(truth) != len(estimate) || len(truth)%columns != 0 {
		panic("measure: forecast and truth must have the same length, a multiple of the number of standard deviations")
	}
	out := make([]float64, len(truth)/columns)
	for t := range out {
		sum := 0.
		for d, s := range sd {
			e := (float64(estimate[t*columns+d]) - float64(truth[t*columns+d])) / s
			sum += e * e
		}
		out[t] = math.Sqrt(sum / float64(columns))
		if math.IsNaN(out[t]) {
			out[t] = math.Inf(1)
		}
	}
	return out
}

// ValidTime is the valid prediction time: that of the first step whose error, as ForecastError gives it, is above threshold. The first error is of a forecast
// one step ahead, at time step. A forecast that stays valid counts for all its length. Divide by a Lyapunov time, one over the largest exponent, to compare systems
// (Vlachas et al. 2020, with a threshold of 0.5).
func ValidTime(errors []float64, threshold, step float64) float64 {
	for t, e := range errors {
		if !(e <= threshold) {
			return float64(t) * step
		}
	}
	return float64(len(errors)) * step
}

// LogSpectrumError is how far the climate of a forecast is from the truth: the mean over frequencies above 0 of the absolute difference of the logarithms, to base
// 10, of the power spectra, each a mean over columns and over series. Every series is steps × columns, row-major, all of one length, weighted by a Hann window;
// the truth may have other series than the forecast, but not of another length. Power below 1e-9 of the truth's mean power counts as that, so that
// frequencies in which nothing moves do not count. NaN when a series is not finite.
func LogSpectrumError[T Float](truth, forecast [][]T, columns int) float64 {
	a, b := meanSpectrum(truth, columns), meanSpectrum(forecast, columns)
	if len(a) != len(b) || len(a) < 2 {
		panic("measure: spectra are compared of series of one length, at least 2 steps")
	}
	mean := 0.
	for _, p := range a[1:] {
		mean += p / float64(len(a)-1)
	}
	sum := 0.
	for f := 1; f < len(a); f++ {
		if math.IsNaN(b[f]) || math.IsInf(b[f], 0) {
			return math.NaN()
		}
		sum += math.Abs(math.Log10(max(b[f], 1e-9*mean)) - math.Log10(max(a[f], 1e-9*mean)))
	}
	return sum / float64(len(a)-1)
}

// meanSpectrum is the squared magnitude of the transforms of all columns of all series about their means.
func meanSpectrum[T Float](series [][]T, columns int) []float64 {
	if len(series) == 0 || columns < 1 {
		panic("measure: no series to take a spectrum of")
	}
	steps := len(series[0]) / columns
	transform := fourier.NewReal(steps)
	power, column := make([]float64, steps/2+1), make([]float64, steps)
	coefficients := make([]complex128, steps/2+1)
	for _, s := range series {
		if len(s) != steps*columns {
			panic("measure: series of different lengths")
		}
		for d := range columns {
			mean := 0.
			for t := range column {
				column[t] = float64(s[t*columns+d])
				mean += column[t] / float64(steps)
			}
			for t := range column {
				column[t] = (column[t] - mean) * math.Pow(math.Sin(math.Pi*(float64(t)+.5)/float64(steps)), 2)
			}
			for f, c := range transform.Forward(coefficients, column) {
				power[f] += (real(c)*real(c) + imag(c)*imag(c)) / float64(len(series)*columns)
			}
		}
	}
	return power
}
