package cognitive

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// PathIntegration asks where one is after steps of known heading and speed. A trial begins at a random place of the arena [-5, 5]^Dims; heading and
// speed drift from step to step, and walls reflect. Inputs are the displacement of the step, Dims values, and then the place at the start,
// Dims values, which is given in the first step only. The target is the place after the step.
type PathIntegration struct {
	Dims  int // 2 or 3
	Steps int
	Speed float64 // mean displacement per step, such as 0.2
	Turn  float64 // standard deviation of the change of heading per step, in radians, such as 0.3
}

// arena is half the width of where one walks.
const arena = 5

// Check implements [Task].
func (p PathIntegration) Check() error {
	if p.Dims != 2 && p.Dims != 3 {
		return fmt.Errorf("cognitive: path integration in %d dimensions; expected 2 or 3", p.Dims)
	}
	if !(p.Speed > 0 && p.Speed <= 1) || !(p.Turn >= 0 && p.Turn <= math.Pi) {
		return fmt.Errorf("cognitive: path integration at speed %g with turns of %g; expected a speed of up to 1 and turns of 0 to π", p.Speed, p.Turn)
	}
	return within("steps", p.Steps, 1)
}

// Sizes implements [Task].
func (p PathIntegration) Sizes() Sizes { return Sizes{p.Steps, 2 * p.Dims, p.Dims} }

// Longer implements [Task]: twice the steps.
func (p PathIntegration) Longer() Task { p.Steps *= 2; return p }

// Trial implements [Task].
func (p PathIntegration) Trial(rng *rand.Rand, x, y []float32) {
	var place, heading [3]float64
	for i := range p.Dims {
		place[i] = arena * (2*rng.Float64() - 1)
		heading[i] = rng.NormFloat64()
	}
	clear(x)
	for i := range p.Dims {
		x[p.Dims+i] = float32(place[i])
	}
	for t := range p.Steps {
		norm := 0.0
		for i := range p.Dims {
			norm += heading[i] * heading[i]
		}
		norm = math.Sqrt(norm)
		speed := 2 * p.Speed * rng.Float64()
		for i := range p.Dims {
			heading[i] /= norm
			step := speed * heading[i]
			if math.Abs(place[i]+step) > arena {
				heading[i], step = -heading[i], -step
			}
			place[i] += step
			x[t*2*p.Dims+i] = float32(step)
			y[t*p.Dims+i] = float32(place[i])
		}
		// A turn is a step on the tangent plane, made a heading again by the norm.
		for i := range p.Dims {
			heading[i] += p.Turn * rng.NormFloat64()
		}
	}
}
