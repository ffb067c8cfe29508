package cognitive

import (
	"fmt"
	"math/rand/v2"
)

// FlipFlop is the memory of Bits bits. In each channel a pulse of +1 or -1 comes with probability P per step, and in the first step always; the
// output holds the channel's last pulse. A network that solves it needs 2^Bits stable states.
type FlipFlop struct {
	Bits  int
	Steps int
	P     float64 // of a pulse, per channel and step
}

// Check implements [Task].
func (f FlipFlop) Check() error {
	if err := within("bits", f.Bits, 1); err != nil {
		return err
	}
	if !(f.P >= 0 && f.P <= 1) {
		return fmt.Errorf("cognitive: a pulse with probability %g; expected 0 to 1", f.P)
	}
	return within("steps", f.Steps, 1)
}

// Sizes implements [Task]: inputs and outputs are the bits.
func (f FlipFlop) Sizes() Sizes { return Sizes{f.Steps, f.Bits, f.Bits} }

// Longer implements [Task]: twice the steps.
func (f FlipFlop) Longer() Task { f.Steps *= 2; return f }

// Trial implements [Task].
func (f FlipFlop) Trial(rng *rand.Rand, x, y []float32) {
	for t := range f.Steps {
		for b := range f.Bits {
			i := t*f.Bits + b
			x[i] = 0
			if t == 0 || rng.Float64() < f.P {
				x[i] = float32(2*rng.IntN(2) - 1)
			}
			switch {
			case x[i] != 0:
				y[i] = x[i]
			default:
				y[i] = y[i-f.Bits]
			}
		}
	}
}
