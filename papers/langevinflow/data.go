package langevinflow

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// Sizes says which part of a block of spike counts a model reads and which it predicts. The held-in neurons come first.
type Sizes struct {
	In       int // neurons read
	Out      int // neurons predicted: the held-in ones and the held-out ones
	Observed int // bins read
	Forward  int // bins after the observed ones, predicted only
}

// Bins is the number of bins predicted.
func (s Sizes) Bins() int { return s.Observed + s.Forward }

func (s Sizes) check() error {
	switch {
	case s.In < 1 || s.Out < s.In:
		return fmt.Errorf("a model reads at least 1 neuron and predicts at least those it reads; asked for %d read and %d predicted", s.In, s.Out)
	case s.Observed < 2 || s.Forward < 0:
		return fmt.Errorf("a model reads at least 2 bins and predicts 0 or more after them; asked for %d and %d", s.Observed, s.Forward)
	}
	return nil
}

// Counts is a block of spike counts.
type Counts struct {
	Trials, Bins, Neurons int
	BinMS                 float64   // bin width in milliseconds; 0 if unknown
	Values                []float32 // [Trials, Bins, Neurons], row-major

	// How the file they came from numbers trials and bins; nil and 0 for one that does not, such as an array.
	Numbers  []float64 // [Trials]
	FirstBin float64
}

func (c *Counts) at(trial, bin, neuron int) float32 {
	return c.Values[(trial*c.Bins+bin)*c.Neurons+neuron]
}

// trial returns one trial, [Bins, Neurons].
func (c *Counts) trial(k int) []float32 {
	n := c.Bins * c.Neurons
	return c.Values[k*n : (k+1)*n]
}

// pick returns a copy of the given trials, in that order.
func (c *Counts) pick(trials []int) *Counts {
	out := &Counts{Trials: len(trials), Bins: c.Bins, Neurons: c.Neurons, BinMS: c.BinMS}
	for _, k := range trials {
		out.Values = append(out.Values, c.trial(k)...)
	}
	return out
}

// every returns a copy of every step-th trial.
func (c *Counts) every(step int) *Counts {
	var trials []int
	for k := 0; k < c.Trials; k += step {
		trials = append(trials, k)
	}
	return c.pick(trials)
}

// window returns a copy of bins [fromBin, toBin) of neurons [fromNeuron, toNeuron) of all trials.
func (c *Counts) window(fromBin, toBin, fromNeuron, toNeuron int) *Counts {
	return &Counts{
		Trials: c.Trials, Bins: toBin - fromBin, Neurons: toNeuron - fromNeuron, BinMS: c.BinMS, Numbers: c.Numbers, FirstBin: c.FirstBin + float64(fromBin),
		Values: window(c.Values, c.Bins, c.Neurons, fromBin, toBin, fromNeuron, toNeuron),
	}
}

// window copies bins [fromBin, toBin) of neurons [fromNeuron, toNeuron) out of [trials, bins, neurons].
func window[T any](values []T, bins, neurons, fromBin, toBin, fromNeuron, toNeuron int) []T {
	var out []T
	for row := 0; row < len(values)/neurons; row++ {
		if b := row % bins; b >= fromBin && b < toBin {
			out = append(out, values[row*neurons+fromNeuron:row*neurons+toNeuron]...)
		}
	}
	return out
}

// tensor copies the counts into a tensor of shape [Trials, Bins, Neurons].
func (c *Counts) tensor() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(c.Values, c.Trials, c.Bins, c.Neurons)
}

// Check reports the first value that cannot be a spike count: negative, not a number, infinite, or not whole. what names the data in
// the error.
func (c *Counts) Check(what string) error {
	if c.Trials < 1 || c.Bins < 1 || c.Neurons < 1 || len(c.Values) != c.Trials*c.Bins*c.Neurons {
		return fmt.Errorf("%s: %d values do not fill %d trials × %d bins × %d neurons", what, len(c.Values), c.Trials, c.Bins, c.Neurons)
	}
	for i, v := range c.Values {
		var wrong, remedy string
		switch x := float64(v); {
		case math.IsNaN(x) || math.IsInf(x, 0):
			wrong, remedy = "is not a finite number", "remove or interpolate what is missing before binning"
		case x < 0:
			wrong, remedy = "is negative", "give spike counts, not z-scored or baseline-subtracted activity"
		case x != math.Trunc(x):
			wrong = "is not a whole number"
			remedy = "give spikes per bin, not smoothed or normalised activity"
			if c.inHertz() {
				wrong = "is not a whole number of spikes; the values look like rates in Hz"
				remedy = fmt.Sprintf("multiply by the bin width (%g ms) to get spikes per bin", c.BinMS)
			}
		default:
			continue
		}
		trial, bin, neuron := i/(c.Bins*c.Neurons), i/c.Neurons%c.Bins, i%c.Neurons
		return fmt.Errorf("%s: the value %g at trial %d, bin %d, neuron %d (each counted from 0) %s: %s", what, v, trial, bin, neuron, wrong, remedy)
	}
	if c.inHertz() {
		return fmt.Errorf("%s: all values are multiples of %g, which is one spike in a bin of %g ms as a rate in Hz: "+
			"give spikes per bin (divide by %g)", what, 1000/c.BinMS, c.BinMS, 1000/c.BinMS)
	}
	return nil
}

// inHertz reports whether every value is a multiple of the rate, in Hz, that one spike in a bin has, and one at least is not zero.
func (c *Counts) inHertz() bool {
	if c.BinMS <= 0 || c.BinMS >= 500 { // at a second or so the two units coincide
		return false
	}
	unit, some := 1000/c.BinMS, false
	for _, v := range c.Values {
		multiple := float64(v) / unit
		if math.Abs(multiple-math.Round(multiple)) > 1e-3 {
			return false
		}
		some = some || multiple != 0
	}
	return some
}

// silent returns the neurons without a spike.
func (c *Counts) silent() []int {
	sums := make([]float64, c.Neurons)
	for i, v := range c.Values {
		sums[i%c.Neurons] += float64(v)
	}
	var out []int
	for n, s := range sums {
		if s == 0 {
			out = append(out, n)
		}
	}
	return out
}
