package cognitive

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Sine asks for a sine wave of the frequency that the input names: the input is f in every step, one of Frequencies values spread evenly over
// [Low, High], and the target is sin(2π f t) at t = 0, DT, 2 DT, ...
type Sine struct {
	Frequencies int     // how many there are
	Low, High   float64 // in Hz, such as 1 and 30
	Steps       int
	DT          float64 // seconds per step, such as 0.01
}

// Check implements [Task].
func (s Sine) Check() error {
	if err := within("frequencies", s.Frequencies, 1); err != nil {
		return err
	}
	if !(s.Low > 0 && s.Low <= s.High && s.DT > 0 && s.High*s.DT <= 0.5) {
		return fmt.Errorf("cognitive: frequencies of %g to %g Hz in steps of %g s; expected positive ones with two steps or more in a period", s.Low, s.High, s.DT)
	}
	return within("steps", s.Steps, 1)
}

// Sizes implements [Task]: one input, one output.
func (s Sine) Sizes() Sizes { return Sizes{s.Steps, 1, 1} }

// Longer implements [Task]: twice the steps.
func (s Sine) Longer() Task { s.Steps *= 2; return s }

// Trial implements [Task].
func (s Sine) Trial(rng *rand.Rand, x, y []float32) {
	f := s.Low
	if s.Frequencies > 1 {
		f += (s.High - s.Low) * float64(rng.IntN(s.Frequencies)) / float64(s.Frequencies-1)
	}
	for t := range s.Steps {
		x[t] = float32(f)
		y[t] = float32(math.Sin(2 * math.Pi * f * float64(t) * s.DT))
	}
}
