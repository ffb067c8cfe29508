package ensemble

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// Network is the shape and the constants that networks of an ensemble share.
type Network struct {
	Inputs, Units, Outputs int

	Leak      float64 // τ, in (0, 1]; zero means 1
	Recurrent float64 // s; zero means 1
	Readout   float64 // c; zero means 1
	// Biased networks have b and d; others keep them at zero.
	Biased bool
}

// MuP is the network in which weights have unit variance but for the recurrent ones, which have variance n, as drawn by [Network.InitMuP]: s = 1/n,
// c = 1/(g n), no biases. Train it with Adam at the rate g·rate.
func MuP(inputs, units, outputs int, leak, gain float64) Network {
	n := float64(units)
	return Network{Inputs: inputs, Units: units, Outputs: outputs, Leak: leak, Recurrent: 1 / n, Readout: 1 / (gain * n)}
}

func (n Network) constants() (leak, recurrent, readout float64) {
	or := func(v float64) float64 {
		if v == 0 {
			return 1
		}
		return v
	}
	return or(n.Leak), or(n.Recurrent), or(n.Readout)
}

// Check says what is wrong with a network.
func (n Network) Check() error {
	leak, s, c := n.constants()
	switch {
	case n.Inputs < 1 || n.Units < 1 || n.Outputs < 1 || max(n.Inputs, n.Units, n.Outputs) > 1<<14:
		return fmt.Errorf("ensemble: a network of %d inputs, %d units and %d outputs; expected 1 to %d each", n.Inputs, n.Units, n.Outputs, 1<<14)
	case !(leak > 0 && leak <= 1):
		return fmt.Errorf("ensemble: a leak of %g; expected more than 0 and at most 1", leak)
	case !(s > 0 && c > 0) || math.IsInf(s*c, 0):
		return fmt.Errorf("ensemble: scales of %g and %g; expected positive ones", s, c)
	}
	return nil
}

// Weights are what a network learns: the rows of a matrix are what it leads to, as in PyTorch.
type Weights struct {
	Recurrent  []float32 // W [units, units]
	Input      []float32 // U [units, inputs]
	Bias       []float32 // b [units]
	Output     []float32 // V [outputs, units]
	OutputBias []float32 // d [outputs]
}

// size is the number of values of a network's weights.
func (n Network) size() int {
	return n.Units*n.Units + n.Units*n.Inputs + n.Units + n.Outputs*n.Units + n.Outputs
}

// cut makes weights of a flat slice, in the order of the fields of [Weights].
func (n Network) cut(flat []float32) Weights {
	var w Weights
	for _, part := range []struct {
		to   *[]float32
		size int
	}{
		{&w.Recurrent, n.Units * n.Units}, {&w.Input, n.Units * n.Inputs}, {&w.Bias, n.Units}, {&w.Output, n.Outputs * n.Units}, {&w.OutputBias, n.Outputs},
	} {
		*part.to, flat = flat[:part.size:part.size], flat[part.size:]
	}
	return w
}

// Flat joins all weights, in the order of the fields.
func (w Weights) Flat() []float32 {
	var flat []float32
	for _, part := range [][]float32{w.Recurrent, w.Input, w.Bias, w.Output, w.OutputBias} {
		flat = append(flat, part...)
	}
	return flat
}

// Matrix returns the recurrent weights as a matrix [units, units].
func (w Weights) Matrix() *mat.Dense {
	n := len(w.Bias)
	m := mat.NewDense(n, n, nil)
	for i, v := range w.Recurrent {
		m.Set(i/n, i%n, float64(v))
	}
	return m
}

// Init draws weights uniformly within ±1/√units, as PyTorch does for a recurrent layer.
func (n Network) Init(rng *rand.Rand) Weights {
	bound := 1 / math.Sqrt(float64(n.Units))
	flat := make([]float32, n.size())
	for i := range flat {
		flat[i] = float32(bound * (2*rng.Float64() - 1))
	}
	w := n.cut(flat)
	if !n.Biased {
		clear(w.Bias)
		clear(w.OutputBias)
	}
	return w
}

// InitMuP draws weights from normal distributions, the recurrent ones of variance units and the others of variance 1, without biases.
func (n Network) InitMuP(rng *rand.Rand) Weights {
	w := n.cut(make([]float32, n.size()))
	for i := range w.Recurrent {
		w.Recurrent[i] = float32(math.Sqrt(float64(n.Units)) * rng.NormFloat64())
	}
	for _, part := range [][]float32{w.Input, w.Output} {
		for i := range part {
			part[i] = float32(rng.NormFloat64())
		}
	}
	return w
}
