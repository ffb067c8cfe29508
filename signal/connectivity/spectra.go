package connectivity

import (
	"fmt"
	"math"
	"math/cmplx"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/fourier"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

// Options says how spectra of a trial are estimated.
type Options struct {
	// Bandwidth in Hz of multitapers, 0 for 8 frequency steps of a trial.
	Bandwidth float64
	// Hann takes one Hann window instead of multitapers.
	Hann bool
}

// Spectra are the cross-spectra of every pair of channels, summed over trials in the ways the measures need.
type Spectra struct {
	Frequencies []float64 // Hz
	Trials      int

	channels int
	pairs    []pair // by frequency, first and second channel (the first less than the second)
	power    []float64
}

// pair is one frequency of one pair of channels.
type pair struct {
	cross    complex128 // Σ S
	phase    complex128 // Σ S/|S|
	sign     float64    // Σ sign Im S
	absolute float64    // Σ |Im S|
}

// Segments cuts a recording (channels by samples) into trials of the given length, each beginning step samples after the one before.
func Segments(x *mat.Dense, length, step int) ([]*mat.Dense, error) {
	channels, n := x.Dims()
	if length < 2 || length > n || step < 1 {
		return nil, fmt.Errorf("segments of %d samples every %d, expected 2 to the %d samples there are and a positive step", length, step, n)
	}
	var out []*mat.Dense
	for first := 0; first+length <= n; first += step {
		out = append(out, x.Slice(0, channels, first, first+length).(*mat.Dense))
	}
	return out, nil
}

// Estimate estimates the spectra of trials of equal length (channels by samples at fs Hz).
func Estimate(trials []*mat.Dense, fs float64, o Options) (*Spectra, error) {
	if len(trials) < 2 {
		return nil, fmt.Errorf("%d trials; what channels have in common shows over at least 2, better 20: cut a recording into Segments", len(trials))
	}
	if !(fs > 0) || math.IsInf(fs, 0) {
		return nil, fmt.Errorf("sampling rate is %g Hz; it must be positive", fs)
	}
	channels, n := trials[0].Dims()
	if channels < 2 || n < 2 {
		return nil, fmt.Errorf("%d channels by %d samples, expected at least 2 of each", channels, n)
	}
	for i, t := range trials {
		if c, m := t.Dims(); c != channels || m != n {
			return nil, fmt.Errorf("trial %d is %d channels by %d samples, the first %d by %d", i+1, c, m, channels, n)
		}
		if err := signal.CheckFinite(t); err != nil {
			return nil, fmt.Errorf("trial %d: %w", i+1, err)
		}
	}
	tapers, weights := [][]float64{signal.Hann.Values(n + 1)[:n]}, []float64{1}
	if !o.Hann {
		var err error
		if tapers, weights, err = (spectrum.Multitaper{Bandwidth: o.Bandwidth}).Tapers(n, fs); err != nil {
			return nil, err
		}
	}
	out := &Spectra{Frequencies: fourier.Frequencies(n, fs), Trials: len(trials), channels: channels}
	count := len(out.Frequencies)
	perFrequency := channels * (channels - 1) / 2
	out.pairs, out.power = make([]pair, count*perFrequency), make([]float64, count*channels)
	spectra := make([][]complex128, channels*len(tapers)) // of one trial, by channel and taper
	for i := range spectra {
		spectra[i] = make([]complex128, count)
	}
	workers := runtime.GOMAXPROCS(0)
	for _, trial := range trials {
		share(channels, workers, func(first, last int) {
			t := fourier.NewReal(n)
			tapered := make([]float64, n)
			for c := first; c < last; c++ {
				row := trial.RawRowView(c)
				mean := 0.0
				for _, v := range row {
					mean += v / float64(n)
				}
				for k, taper := range tapers {
					for i, v := range row {
						tapered[i] = (v - mean) * taper[i]
					}
					t.Forward(spectra[c*len(tapers)+k], tapered)
				}
			}
		})
		share(count, workers, func(first, last int) {
			for f := first; f < last; f++ {
				p := out.pairs[f*perFrequency : (f+1)*perFrequency]
				at := 0
				for a := range channels {
					for k, w := range weights {
						v := spectra[a*len(tapers)+k][f]
						out.power[f*channels+a] += w * (real(v)*real(v) + imag(v)*imag(v))
					}
					for b := a + 1; b < channels; b++ {
						s := 0i
						for k, w := range weights {
							s += complex(w, 0) * spectra[a*len(tapers)+k][f] * cmplx.Conj(spectra[b*len(tapers)+k][f])
						}
						p[at].add(s)
						at++
					}
				}
			}
		})
	}
	return out, nil
}

func (p *pair) add(s complex128) {
	p.cross += s
	if size := cmplx.Abs(s); size > 0 {
		p.phase += s / complex(size, 0)
	}
	switch i := imag(s); {
	case i > 0:
		p.sign++
		p.absolute += i
	case i < 0:
		p.sign--
		p.absolute -= i
	}
}

// share calls f on parts of 0 to n side by side.
func share(n, parts int, f func(first, last int)) {
	var group errgroup.Group
	for k := range parts {
		group.Go(func() error {
			f(n*k/parts, n*(k+1)/parts)
			return nil
		})
	}
	_ = group.Wait() // no part of it can fail
}

// Measure is a number for every pair of channels and frequency.
type Measure struct {
	Frequencies []float64       // Hz
	Values      []*mat.SymDense // by frequency, channels by channels
}

// measure computes a number from every pair, and sets the diagonal.
func (s *Spectra) measure(diagonal float64, of func(p pair, powers float64) float64) *Measure {
	m := &Measure{Frequencies: s.Frequencies}
	at := 0
	for f := range s.Frequencies {
		values := mat.NewSymDense(s.channels, nil)
		power := s.power[f*s.channels:]
		for a := range s.channels {
			values.SetSym(a, a, diagonal)
			for b := a + 1; b < s.channels; b++ {
				v := of(s.pairs[at], math.Sqrt(power[a]*power[b]))
				if math.IsNaN(v) { // nothing there, such as at 0 Hz
					v = 0
				}
				values.SetSym(a, b, v)
				at++
			}
		}
		m.Values = append(m.Values, values)
	}
	return m
}

// Coherence returns the modulus of the coherency, from 0 to 1.
func (s *Spectra) Coherence() *Measure {
	return s.measure(1, func(p pair, powers float64) float64 { return cmplx.Abs(p.cross) / powers })
}

// ImaginaryCoherency returns the modulus of the imaginary part of the coherency (Nolte et al., Clin. Neurophysiol. 115, 2004), to which what is
// common without delay, such as volume conduction, adds nothing.
func (s *Spectra) ImaginaryCoherency() *Measure {
	return s.measure(0, func(p pair, powers float64) float64 { return math.Abs(imag(p.cross)) / powers })
}

// PhaseLocking returns the phase-locking value over trials (Lachaux et al., Hum. Brain Mapp. 8, 1999), from 0 to 1.
func (s *Spectra) PhaseLocking() *Measure {
	return s.measure(1, func(p pair, _ float64) float64 { return cmplx.Abs(p.phase) / float64(s.Trials) })
}

// PhaseLag returns the phase lag index (Stam et al., Hum. Brain Mapp. 28, 2007), from 0 to 1: how much one channel leads the other in more
// trials than it follows.
func (s *Spectra) PhaseLag() *Measure {
	return s.measure(0, func(p pair, _ float64) float64 { return math.Abs(p.sign) / float64(s.Trials) })
}

// WeightedPhaseLag returns the phase lag index with trials weighted by the imaginary part of their cross-spectrum (Vinck et al., NeuroImage 55,
// 2011).
func (s *Spectra) WeightedPhaseLag() *Measure {
	return s.measure(0, func(p pair, _ float64) float64 { return math.Abs(imag(p.cross)) / p.absolute })
}

// Band returns the mean over the frequencies from one to another, both within, channels by channels.
func (m *Measure) Band(from, to float64) (*mat.SymDense, error) {
	first, _ := slices.BinarySearch(m.Frequencies, from)
	last, found := slices.BinarySearch(m.Frequencies, to)
	if found {
		last++
	}
	if !(from <= to) || first >= last {
		return nil, fmt.Errorf("a band from %g to %g Hz holds none of the %d frequencies from %g to %g Hz; widen it, or use longer trials", from, to,
			len(m.Frequencies), m.Frequencies[0], m.Frequencies[len(m.Frequencies)-1])
	}
	mean := mat.NewSymDense(m.Values[0].SymmetricDim(), nil)
	for _, v := range m.Values[first:last] {
		mean.AddSym(mean, v)
	}
	mean.ScaleSym(1/float64(last-first), mean)
	return mean, nil
}

// PhaseLocking returns the phase-locking value over time of every pair of channels (channels by samples, filtered to a narrow band): the modulus of
// the mean of the unit vector of their difference in phase.
func PhaseLocking(x *mat.Dense) (*mat.SymDense, error) {
	units, err := phases(x)
	if err != nil {
		return nil, err
	}
	n := len(units)
	out := mat.NewSymDense(n, nil)
	for a := range n {
		for b := a; b < n; b++ {
			sum := 0i
			for t, v := range units[a] {
				sum += v * cmplx.Conj(units[b][t])
			}
			out.SetSym(a, b, cmplx.Abs(sum)/float64(len(units[a])))
		}
	}
	return out, nil
}

// PhaseLockingOverTrials returns the phase-locking value of two channels over trials at every sample (Lachaux et al. 1999). The trials are
// of equal length and filtered to a narrow band.
func PhaseLockingOverTrials(trials []*mat.Dense, a, b int) ([]float64, error) {
	if len(trials) < 2 {
		return nil, fmt.Errorf("%d trials; phases are locked over at least 2", len(trials))
	}
	_, n := trials[0].Dims()
	sum := make([]complex128, n)
	for i, t := range trials {
		c, m := t.Dims()
		if m != n || a < 0 || b < 0 || a >= c || b >= c {
			return nil, fmt.Errorf("trial %d is %d channels by %d samples, expected %d samples and channels numbered %d and %d", i+1, c, m, n, a, b)
		}
		pair := mat.NewDense(2, n, nil)
		pair.SetRow(0, t.RawRowView(a))
		pair.SetRow(1, t.RawRowView(b))
		units, err := phases(pair)
		if err != nil {
			return nil, fmt.Errorf("trial %d: %w", i+1, err)
		}
		for k, v := range units[0] {
			sum[k] += v * cmplx.Conj(units[1][k])
		}
	}
	out := make([]float64, n)
	for k, v := range sum {
		out[k] = cmplx.Abs(v) / float64(len(trials))
	}
	return out, nil
}

// phases returns the analytic signal of every channel with a modulus of 1; of 0 where there is no signal.
func phases(x *mat.Dense) ([][]complex128, error) {
	z, err := signal.Hilbert(x)
	if err != nil {
		return nil, err
	}
	for _, row := range z {
		for t, v := range row {
			if size := cmplx.Abs(v); size > 0 {
				row[t] = v / complex(size, 0)
			}
		}
	}
	return z, nil
}
