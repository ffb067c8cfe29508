package connectivity

import (
	"cmp"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-dev/gyrus/signal"
)

// Coupling is the coupling of the amplitude of a fast rhythm to the phase of a slow one, measured by the modulation index of Tort et al. (J.
// Neurophysiol. 104, 2010): how far the distribution of mean amplitude over bins of phase is from a uniform one, from 0 to 1.
type Coupling struct {
	Phase     [2]float64 // band of the slow rhythm, Hz
	Amplitude [2]float64 // band of the fast one, Hz; at least twice as wide as the slow rhythm is fast, or its sidebands are lost
	Order     int        // of the Butterworth filters, which run without phase shift; 3 if 0
	Bins      int        // of phase; 18 if 0
}

// Index returns the modulation index of one signal at fs Hz, and the part of the amplitude in each bin of phase, from -π on.
func (c Coupling) Index(x []float64, fs float64) (index float64, distribution []float64, err error) {
	phase, amplitude, err := c.parts(x, fs)
	if err != nil {
		return 0, nil, err
	}
	return modulation(phase, amplitude, cmp.Or(c.Bins, 18))
}

// Score returns by how many standard deviations the modulation index exceeds the mean of those of surrogates, in which the amplitude is
// shifted in time around the signal's ends by random amounts of at least a second. A slow rhythm as regular as a clock is coupled at every
// shift: its score says nothing.
func (c Coupling) Score(x []float64, fs float64, surrogates int, seed uint64) (score, index float64, err error) {
	if surrogates < 2 {
		return 0, 0, fmt.Errorf("%d surrogates; a standard deviation needs at least 2, better 200", surrogates)
	}
	phase, amplitude, err := c.parts(x, fs)
	if err != nil {
		return 0, 0, err
	}
	bins := cmp.Or(c.Bins, 18)
	if index, _, err = modulation(phase, amplitude, bins); err != nil {
		return 0, 0, err
	}
	n, least := len(x), int(math.Ceil(fs))
	if n < 4*least {
		return 0, 0, fmt.Errorf("%d samples at %g Hz are too few to shift by; use at least 4 s", n, fs)
	}
	rng := rand.New(rand.NewPCG(seed, 0xc0f))
	chance := make([]float64, surrogates)
	shifted := make([]float64, n)
	for k := range chance {
		by := least + rng.IntN(n-2*least+1)
		copy(shifted, amplitude[by:])
		copy(shifted[n-by:], amplitude)
		if chance[k], _, err = modulation(phase, shifted, bins); err != nil {
			return 0, 0, err
		}
	}
	mean, deviation := stat.MeanStdDev(chance, nil)
	return (index - mean) / deviation, index, nil
}

// parts returns the phase of the slow rhythm and the amplitude of the fast one.
func (c Coupling) parts(x []float64, fs float64) (phase, amplitude []float64, err error) {
	analytic := func(band [2]float64) ([]complex128, error) {
		s, err := signal.BandPass(cmp.Or(c.Order, 3), band[0], band[1], fs)
		if err != nil {
			return nil, err
		}
		y := mat.NewDense(1, len(x), append([]float64(nil), x...))
		if err := s.ZeroPhase(y); err != nil {
			return nil, err
		}
		z, err := signal.Hilbert(y)
		if err != nil {
			return nil, err
		}
		return z[0], nil
	}
	if len(x) == 0 {
		return nil, nil, fmt.Errorf("no samples to measure coupling of")
	}
	slow, err := analytic(c.Phase)
	if err != nil {
		return nil, nil, fmt.Errorf("band of the phase: %w", err)
	}
	fast, err := analytic(c.Amplitude)
	if err != nil {
		return nil, nil, fmt.Errorf("band of the amplitude: %w", err)
	}
	phase, amplitude = make([]float64, len(x)), make([]float64, len(x))
	for t := range x {
		phase[t], amplitude[t] = cmplx.Phase(slow[t]), cmplx.Abs(fast[t])
	}
	return phase, amplitude, nil
}

// modulation returns Tort's index of an amplitude over phases from -π to π.
func modulation(phase, amplitude []float64, bins int) (index float64, distribution []float64, err error) {
	if bins < 2 {
		return 0, nil, fmt.Errorf("%d bins of phase; there must be at least 2", bins)
	}
	distribution = make([]float64, bins)
	count := make([]float64, bins)
	for t, p := range phase {
		k := min(int((p+math.Pi)/(2*math.Pi)*float64(bins)), bins-1)
		distribution[k] += amplitude[t]
		count[k]++
	}
	total := 0.0
	for k := range distribution {
		if count[k] == 0 {
			return 0, nil, fmt.Errorf("no sample has a phase in bin %d of %d; use a longer signal or fewer bins", k+1, bins)
		}
		distribution[k] /= count[k]
		total += distribution[k]
	}
	if !(total > 0) {
		return 0, nil, fmt.Errorf("the signal has no amplitude in the fast band; is it flat?")
	}
	for k := range distribution {
		distribution[k] /= total
		if p := distribution[k]; p > 0 {
			index += p * math.Log(p*float64(bins))
		}
	}
	return index / math.Log(float64(bins)), distribution, nil
}

// Comodulogram returns the modulation index for every band of phase (rows) and of amplitude (columns).
func Comodulogram(x []float64, fs float64, phases, amplitudes [][2]float64, order, bins int) (*mat.Dense, error) {
	if len(phases) == 0 || len(amplitudes) == 0 {
		return nil, fmt.Errorf("%d bands of phase and %d of amplitude, expected at least one of each", len(phases), len(amplitudes))
	}
	out := mat.NewDense(len(phases), len(amplitudes), nil)
	slow, fast := make([][]float64, len(phases)), make([][]float64, len(amplitudes))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range max(len(phases), len(amplitudes)) {
		group.Go(func() error {
			c := Coupling{Phase: phases[min(i, len(phases)-1)], Amplitude: amplitudes[min(i, len(amplitudes)-1)], Order: order}
			p, a, err := c.parts(x, fs)
			if i < len(phases) {
				slow[i] = p
			}
			if i < len(amplitudes) {
				fast[i] = a
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, p := range slow {
		for j, a := range fast {
			index, _, err := modulation(p, a, cmp.Or(bins, 18))
			if err != nil {
				return nil, err
			}
			out.Set(i, j, index)
		}
	}
	return out, nil
}
