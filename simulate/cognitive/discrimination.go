package cognitive

import (
	"fmt"
	"math/rand/v2"
)

// Discrimination is delayed discrimination: two pulses f1 and f2 of one step each, evenly distributed in [Low, High], a delay between them, and then
// the question which was larger. Channels are independent of each other but share the delay. The target is sign(f2 - f1) in Response steps after
// f2, and 0 before. All trials end together, so that those with a short delay begin later.
type Discrimination struct {
	Channels           int
	MinDelay, MaxDelay int     // steps between the pulses, evenly distributed, such as 5 and 20
	Response           int     // steps, such as 5
	Low, High          float64 // of the pulses, such as 2 and 10
	// Auxiliary adds a second output for each channel, after those with the signs: (f2 - f1)/(High - Low) in the same steps.
	Auxiliary bool
}

// Check implements [Task].
func (d Discrimination) Check() error {
	if err := within("channels", d.Channels, 1); err != nil {
		return err
	}
	if err := within("steps of response", d.Response, 1); err != nil {
		return err
	}
	if d.MinDelay < 0 || d.MinDelay > d.MaxDelay || d.MaxDelay > most {
		return fmt.Errorf("cognitive: delays of %d to %d steps; expected 0 ≤ least ≤ most ≤ %d", d.MinDelay, d.MaxDelay, most)
	}
	if !(d.Low < d.High) {
		return fmt.Errorf("cognitive: pulses between %g and %g; expected the first to be smaller", d.Low, d.High)
	}
	return nil
}

// Sizes implements [Task]: an input per channel; an output per channel, or two with the auxiliary target.
func (d Discrimination) Sizes() Sizes {
	s := Sizes{d.MaxDelay + 2 + d.Response, d.Channels, d.Channels}
	if d.Auxiliary {
		s.Outputs *= 2
	}
	return s
}

// Longer implements [Task]: twice the delays.
func (d Discrimination) Longer() Task { d.MinDelay *= 2; d.MaxDelay *= 2; return d }

// Trial implements [Task].
func (d Discrimination) Trial(rng *rand.Rand, x, y []float32) {
	s := d.Sizes()
	clear(x)
	clear(y)
	second := s.Steps - d.Response - 1
	first := second - 1 - d.MinDelay - rng.IntN(d.MaxDelay-d.MinDelay+1)
	for c := range d.Channels {
		f1, f2 := d.Low+(d.High-d.Low)*rng.Float64(), d.Low+(d.High-d.Low)*rng.Float64()
		x[first*s.Inputs+c], x[second*s.Inputs+c] = float32(f1), float32(f2)
		sign := float32(1)
		if f2 < f1 {
			sign = -1
		}
		for t := second + 1; t < s.Steps; t++ {
			y[t*s.Outputs+c] = sign
			if d.Auxiliary {
				y[t*s.Outputs+d.Channels+c] = float32((f2 - f1) / (d.High - d.Low))
			}
		}
	}
}
