package attractor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gyrus-dev/gyrus/simulate/chaos"
)

// Config describes a Lorenz-driven population. [Standard] gives the benchmark's values.
type Config struct {
	Conditions  int     // initial conditions, each a trajectory of its own
	Repeats     int     // trials of each condition: the same rates, spikes drawn anew
	Bins        int     // time bins per trial
	Neurons     int     //
	StepsPerBin int     // Runge-Kutta steps in one bin
	Step        float64 // length of one Runge-Kutta step in Lorenz time units
	BurnIn      int     // steps before the first bin, so that the trajectory lies on the attractor
	Baseline    float64 // rate where the latent state is zero, in spikes per bin
	MaxRate     float64 // rates are clipped here, in spikes per bin
	// PerTrajectory centres and scales each dimension of each trajectory by itself, so that every condition drives the population
	// equally strongly. Otherwise each dimension is centred and scaled over all trajectories together, which keeps them parts
	// of one attractor but leaves conditions that stay on one wing with weak rates.
	PerTrajectory bool
}

// Standard returns the configuration of the default benchmark: 65 conditions × 20 repeats × 50 bins × 30 neurons, 5 Hz baseline at
// 20 ms bins. With PerTrajectory the mean count is 0.23 to 0.27 per bin; without, 0.17.
func Standard() Config {
	return Config{
		Conditions: 65, Repeats: 20, Bins: 50, Neurons: 30,
		StepsPerBin: 5, Step: 0.006, BurnIn: 1000, Baseline: 0.1, MaxRate: 4, PerTrajectory: true,
	}
}

// Population is what [Generate] made. Every slice is row-major with the axes given beside it.
type Population struct {
	Config  Config
	Latents []float64 // [Conditions, Bins, 3]: the Lorenz state, each dimension with mean 0 and largest magnitude 1
	Readout []float64 // [3, Neurons]: weights from latent state to log-rate
	Rates   []float64 // [Conditions, Bins, Neurons]: expected spikes per bin
	Counts  []float32 // [Conditions, Repeats, Bins, Neurons]: spikes drawn
}

// Generate draws a population. The trajectories, the readout and the spikes come from rng in this order, so a population with more
// repeats has the same rates.
func Generate(c Config, rng *rand.Rand) (*Population, error) {
	for _, f := range []struct {
		name  string
		value int
		least int
	}{
		{"Conditions", c.Conditions, 1}, {"Repeats", c.Repeats, 1}, {"Bins", c.Bins, 1}, {"Neurons", c.Neurons, 1},
		{"StepsPerBin", c.StepsPerBin, 1}, {"BurnIn", c.BurnIn, 0},
	} {
		if f.value < f.least {
			return nil, fmt.Errorf("a Lorenz population: %s is %d, but must be at least %d", f.name, f.value, f.least)
		}
	}
	if !(c.Step > 0 && c.Step <= 0.02) {
		return nil, fmt.Errorf("a Lorenz population: Step is %g, but Runge-Kutta needs 0 < Step ≤ 0.02 to stay on the attractor", c.Step)
	}
	if !(c.Baseline > 0 && c.MaxRate >= c.Baseline) || math.IsInf(c.MaxRate, 0) {
		return nil, fmt.Errorf("a Lorenz population: need 0 < Baseline ≤ MaxRate < ∞, got Baseline %g and MaxRate %g", c.Baseline, c.MaxRate)
	}
	p := &Population{Config: c}
	var err error
	if p.Latents, err = trajectories(c, rng); err != nil {
		return nil, err
	}
	p.Readout = make([]float64, 3*c.Neurons)
	for i := range p.Readout {
		p.Readout[i] = 1 + rng.Float64()
		if rng.IntN(2) == 0 {
			p.Readout[i] = -p.Readout[i]
		}
	}
	p.Rates = make([]float64, c.Conditions*c.Bins*c.Neurons)
	for row := range c.Conditions * c.Bins {
		y := p.Latents[3*row : 3*row+3]
		for n := range c.Neurons {
			drive := y[0]*p.Readout[n] + y[1]*p.Readout[c.Neurons+n] + y[2]*p.Readout[2*c.Neurons+n]
			p.Rates[row*c.Neurons+n] = min(c.Baseline*math.Exp(drive), c.MaxRate)
		}
	}
	trial := c.Bins * c.Neurons
	p.Counts = make([]float32, c.Conditions*c.Repeats*trial)
	for k := range c.Conditions * c.Repeats {
		rates := p.Rates[k/c.Repeats*trial:][:trial]
		for i, rate := range rates {
			p.Counts[k*trial+i] = float32(distuv.Poisson{Lambda: rate, Src: rng}.Rand())
		}
	}
	return p, nil
}

// TrialRates returns the true rates of one condition, [Bins, Neurons], shared by all its repeats.
func (p *Population) TrialRates(condition int) []float64 {
	n := p.Config.Bins * p.Config.Neurons
	return p.Rates[condition*n : (condition+1)*n]
}

// TrialCounts returns the spikes of one trial, [Bins, Neurons].
func (p *Population) TrialCounts(condition, repeat int) []float32 {
	n := p.Config.Bins * p.Config.Neurons
	k := condition*p.Config.Repeats + repeat
	return p.Counts[k*n : (k+1)*n]
}

// trajectories returns [Conditions, Bins, 3], normalised.
func trajectories(c Config, rng *rand.Rand) ([]float64, error) {
	lorenz, err := chaos.NewRungeKutta(chaos.ClassicLorenz63, c.Step)
	if err != nil {
		return nil, err
	}
	out := make([]float64, 0, c.Conditions*c.Bins*3)
	for range c.Conditions {
		s := lorenz.Start(rng)
		lorenz.Advance(s, c.BurnIn)
		for range c.Bins {
			out = append(out, s...)
			lorenz.Advance(s, c.StepsPerBin)
		}
	}
	if !c.PerTrajectory {
		normalise(out)
		return out, nil
	}
	for part := range slices.Chunk(out, 3*c.Bins) {
		normalise(part)
	}
	return out, nil
}

// normalise gives each of the three interleaved dimensions mean 0 and largest magnitude 1.
func normalise(states []float64) {
	var mean, largest [3]float64
	for i, v := range states {
		mean[i%3] += v / float64(len(states)/3)
	}
	for i := range states {
		states[i] -= mean[i%3]
		largest[i%3] = max(largest[i%3], math.Abs(states[i]))
	}
	for i := range states {
		if l := largest[i%3]; l > 0 { // a single state has nothing to scale
			states[i] /= l
		}
	}
}
