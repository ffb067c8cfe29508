package spectrum

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/fourier"
)

// PSD is a one-sided power spectral density.
type PSD struct {
	Frequencies []float64  // Hz, from 0 to half the sampling rate
	Power       *mat.Dense // channels by frequencies, unit² / Hz
}

// Band returns each channel's power between two frequencies in Hz, the integral of its density by the trapezoidal rule.
func (p *PSD) Band(from, to float64) ([]float64, error) {
	first, _ := slices.BinarySearch(p.Frequencies, from)
	last, found := slices.BinarySearch(p.Frequencies, to)
	if !found {
		last--
	}
	if !(from < to) || first >= last {
		return nil, fmt.Errorf("a band from %g to %g Hz holds fewer than two of the %d frequencies from %g to %g Hz; widen it, or estimate over "+
			"longer segments", from, to, len(p.Frequencies), p.Frequencies[0], p.Frequencies[len(p.Frequencies)-1])
	}
	channels, _ := p.Power.Dims()
	out := make([]float64, channels)
	for c := range out {
		row := p.Power.RawRowView(c)
		for i := first; i < last; i++ {
			out[c] += (row[i] + row[i+1]) / 2 * (p.Frequencies[i+1] - p.Frequencies[i])
		}
	}
	return out, nil
}

// Welch estimates a spectrum as the average over overlapping segments (Welch, IEEE Trans. Audio Electroacoust. 15, 1967). The zero value is
// SciPy's default.
type Welch struct {
	Segment int           // samples; 256 if 0, and no more than there are
	Step    int           // samples from one segment's first to the next one's; half a segment if 0
	Window  signal.Window // Hann's if zero
	Trend   Trend         // that is taken from each segment
	Median  bool          // average by the median, corrected for its bias, which a few loud segments do not sway
}

// Trend is what is taken from a segment before it is transformed.
type Trend int

// The trends.
const (
	Mean Trend = iota
	Line
	Nothing
)

// PSD returns the spectrum of x, channels by samples at fs Hz.
func (w Welch) PSD(x *mat.Dense, fs float64) (*PSD, error) {
	channels, n := x.Dims()
	if err := check(x, fs); err != nil {
		return nil, err
	}
	if w.Segment == 0 {
		w.Segment = min(256, n)
	}
	if w.Segment < 2 || w.Segment > n {
		return nil, fmt.Errorf("segments of %d samples, expected 2 to the %d there are", w.Segment, n)
	}
	if w.Step == 0 {
		w.Step = w.Segment - w.Segment/2
	}
	if w.Step < 1 {
		return nil, fmt.Errorf("a step of %d samples from segment to segment; it must be positive", w.Step)
	}
	if w.Trend < Mean || w.Trend > Nothing {
		return nil, fmt.Errorf("no trend numbered %d; use Mean, Line or Nothing", w.Trend)
	}
	window := periodic(w.Window, w.Segment)
	scale := 1 / (fs * floats.Dot(window, window))
	frequencies := fourier.Frequencies(w.Segment, fs)
	out := &PSD{Frequencies: frequencies, Power: mat.NewDense(channels, len(frequencies), nil)}
	segments := (n-w.Segment)/w.Step + 1
	each(channels, func(first, last int) {
		t := fourier.NewReal(w.Segment)
		segment, spectrum := make([]float64, w.Segment), make([]complex128, len(frequencies))
		var all [][]float64
		if w.Median {
			all = make([][]float64, len(frequencies))
			for f := range all {
				all[f] = make([]float64, segments)
			}
		}
		for c := first; c < last; c++ {
			row, power := x.RawRowView(c), out.Power.RawRowView(c)
			for s := range segments {
				copy(segment, row[s*w.Step:])
				w.Trend.remove(segment)
				floats.Mul(segment, window)
				t.Forward(spectrum, segment)
				for f, v := range spectrum {
					p := real(v)*real(v) + imag(v)*imag(v)
					if w.Median {
						all[f][s] = p
					}
					power[f] += p / float64(segments)
				}
			}
			if w.Median {
				bias := medianBias(segments)
				for f := range power {
					power[f] = median(all[f]) / bias
				}
			}
			for f := range power {
				power[f] *= scale
				if f > 0 && (f < len(power)-1 || w.Segment%2 == 1) {
					power[f] *= 2 // negative frequencies
				}
			}
		}
	})
	return out, nil
}

// periodic returns the window of n samples as a period of a longer one, as suits transforms.
func periodic(w signal.Window, n int) []float64 {
	if w.Name == "" {
		w = signal.Hann
	}
	return w.Values(n + 1)[:n]
}

func (t Trend) remove(x []float64) {
	switch t {
	case Mean:
		floats.AddConst(-floats.Sum(x)/float64(len(x)), x)
	case Line:
		// The segment is finite and the trend is known, which is all that can fail.
		_ = signal.Detrend(mat.NewDense(1, len(x), x), signal.Linear)
	}
}

// medianBias is the expected median of n exponential variables of mean 1.
func medianBias(n int) float64 {
	bias := 1.0
	for i := 2; i <= n-1; i += 2 {
		bias += 1/float64(i+1) - 1/float64(i)
	}
	return bias
}

func median(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	if n%2 == 1 {
		return x[n/2]
	}
	return (x[n/2-1] + x[n/2]) / 2
}

func check(x *mat.Dense, fs float64) error {
	if !(fs > 0) || math.IsInf(fs, 0) {
		return fmt.Errorf("sampling rate is %g Hz; it must be positive", fs)
	}
	return signal.CheckFinite(x)
}

// each shares the channels out in runs to as many goroutines as there are processors.
func each(channels int, f func(first, last int)) {
	workers := min(channels, runtime.GOMAXPROCS(0))
	var group errgroup.Group
	for k := range workers {
		group.Go(func() error {
			f(channels*k/workers, channels*(k+1)/workers)
			return nil
		})
	}
	_ = group.Wait() // no part of it can fail
}

// Multitaper estimates a spectrum as the average over the tapers of Slepian, which are as much as possible within a band around each
// frequency and orthogonal to each other (Thomson, Proc. IEEE 70, 1982), as MNE-Python's psd_array_multitaper, normalised to a density.
type Multitaper struct {
	Bandwidth float64 // Hz, the whole width of the band; 8 frequency steps if 0
	// Adaptive weights the tapers by frequency, so that those that leak count less where the spectrum is low (Thomson's equation 5.3).
	Adaptive bool
}

// PSD returns the spectrum of x, channels by samples at fs Hz.
func (m Multitaper) PSD(x *mat.Dense, fs float64) (*PSD, error) {
	channels, n := x.Dims()
	if err := check(x, fs); err != nil {
		return nil, err
	}
	tapers, concentration, err := m.Tapers(n, fs)
	if err != nil {
		return nil, err
	}
	frequencies := fourier.Frequencies(n, fs)
	out := &PSD{Frequencies: frequencies, Power: mat.NewDense(channels, len(frequencies), nil)}
	each(channels, func(first, last int) {
		t := fourier.NewReal(n)
		tapered, spectrum := make([]float64, n), make([]complex128, len(frequencies))
		power := make([][]float64, len(tapers))
		for k := range power {
			power[k] = make([]float64, len(frequencies))
		}
		for c := first; c < last; c++ {
			row := x.RawRowView(c)
			mean := floats.Sum(row) / float64(n)
			for k, taper := range tapers {
				for i, v := range row {
					tapered[i] = (v - mean) * taper[i]
				}
				t.Forward(spectrum, tapered)
				for f, v := range spectrum {
					power[k][f] = 2 * (real(v)*real(v) + imag(v)*imag(v)) / fs
				}
				power[k][0] /= 2
				if n%2 == 0 {
					power[k][len(frequencies)-1] /= 2
				}
			}
			estimate := out.Power.RawRowView(c)
			for f := range estimate {
				estimate[f] = combine(power, f, concentration)
			}
			if m.Adaptive && len(tapers) >= 3 {
				// What leaks is taken to be white with the power of the signal, as MNE-Python reckons it.
				ends := (estimate[0] + estimate[len(estimate)-1]) / 2
				white := (floats.Sum(estimate) - ends) / float64(2*len(estimate))
				for f := range estimate {
					estimate[f] = adapt(power, f, concentration, white)
				}
			}
		}
	})
	return out, nil
}

// combine averages the tapers' powers at frequency f, weighted by how well each is concentrated.
func combine(power [][]float64, f int, concentration []float64) float64 {
	sum, weights := 0.0, 0.0
	for k, c := range concentration {
		sum += c * power[k][f]
		weights += c
	}
	return sum / weights
}

// adapt averages them by how little of what each taper picks up has leaked from elsewhere, which depends on the estimate itself.
func adapt(power [][]float64, f int, concentration []float64, white float64) float64 {
	estimate := combine([][]float64{power[0], power[1]}, f, concentration[:2])
	for range 250 {
		if estimate == 0 {
			return 0
		}
		sum, weights := 0.0, 0.0
		for k, c := range concentration {
			d := math.Sqrt(c) * estimate / (c*estimate + (1-c)*white)
			sum += d * d * power[k][f]
			weights += d * d
		}
		before := estimate
		estimate = sum / weights
		if math.Abs(estimate-before) <= 1e-10*estimate {
			break
		}
	}
	return estimate
}

// Tapers returns the tapers for n samples at fs Hz, those that are concentrated to more than 0.9, and their concentrations.
func (m Multitaper) Tapers(n int, fs float64) (tapers [][]float64, concentration []float64, err error) {
	nw := 4.0
	if m.Bandwidth != 0 {
		nw = m.Bandwidth * float64(n) / (2 * fs)
	}
	if !(nw >= 0.5) {
		return nil, nil, fmt.Errorf("a bandwidth of %g Hz is below the resolution of %d samples; use at least %g Hz, or longer signals",
			m.Bandwidth, n, fs/float64(n))
	}
	if !(nw < float64(n)/2) {
		return nil, nil, fmt.Errorf("a bandwidth of %g Hz leaves %d samples at %g Hz no frequency to tell apart; use longer signals or a "+
			"narrower band", 2*nw*fs/float64(n), n, fs)
	}
	all, ratios, err := DPSS(n, nw, int(2*nw), true)
	if err != nil {
		return nil, nil, err
	}
	for k, c := range ratios {
		if c > 0.9 {
			tapers, concentration = append(tapers, all[k]), append(concentration, c)
		}
	}
	if tapers == nil {
		return all[:1], ratios[:1], nil
	}
	return tapers, concentration, nil
}
