package diffusion

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
)

// Schedule is how much of the data is left at each step.
type Schedule struct {
	kept []float64 // kept[t] for t = 0..Steps
}

// Linear is the schedule of the paper of 2020: β rises linearly from first at step 1 to last at step n, such as 1e-4 and 0.02 with n = 1000.
func Linear(n int, first, last float64) (*Schedule, error) {
	if n < 2 || !(first > 0 && first <= last && last < 1) {
		return nil, fmt.Errorf("a schedule of %d steps from %g to %g; it needs 2 steps or more, and 0 < first ≤ last < 1", n, first, last)
	}
	s := &Schedule{kept: []float64{1}}
	for t := range n {
		beta := first + (last-first)*float64(t)/float64(n-1)
		s.kept = append(s.kept, s.kept[t]*(1-beta))
	}
	return s, nil
}

// Steps is the number of steps.
func (s *Schedule) Steps() int { return len(s.kept) - 1 }

// Kept is the part of the data's variance that is left at step t, from 0 (all of it) to Steps.
func (s *Schedule) Kept(t int) float64 { return s.kept[t] }

// Scales are the factors of the data and of the noise at step t; their squares sum to 1.
func (s *Schedule) Scales(t int) (signal, noise float64) {
	return math.Sqrt(s.kept[t]), math.Sqrt(1 - s.kept[t])
}

// Noised writes data at step t to out: every value scaled, and noise added.
func (s *Schedule) Noised(out, data, noise []float32, t int) {
	a, b := s.Scales(t)
	for i, v := range data {
		out[i] = float32(a*float64(v) + b*float64(noise[i]))
	}
}

// Times are n steps spread evenly from Steps down to near 1, at which a sampler looks.
func (s *Schedule) Times(n int) ([]int, error) {
	if n < 1 || n > s.Steps() {
		return nil, fmt.Errorf("%d sampling steps; a diffusion of %d steps is gone back in 1 to %d", n, s.Steps(), s.Steps())
	}
	times := make([]int, n)
	for i := range times {
		times[i] = s.Steps() - i*s.Steps()/n
	}
	return times, nil
}

// Predictor predicts the noise in x, values of any number of examples at step t. It must not keep or change x.
type Predictor func(ctx context.Context, x []float32, t int) ([]float32, error)

// Sampler is how one goes back from step t to the earlier step to.
type Sampler interface {
	back(s *Schedule, x, noise []float32, t, to int, rng *rand.Rand)
}

// DDPM draws each step from the distribution that the forward process gives it, with the larger of the two variances that are in use: the one of the
// forward step. Steps that are left out make larger ones of those that stay.
type DDPM struct{}

func (DDPM) back(s *Schedule, x, noise []float32, t, to int, rng *rand.Rand) {
	beta := 1 - s.kept[t]/s.kept[to]
	byNoise, scale, sd := beta/math.Sqrt(1-s.kept[t]), 1/math.Sqrt(1-beta), math.Sqrt(beta)
	for i := range x {
		v := scale * (float64(x[i]) - byNoise*float64(noise[i]))
		if to > 0 {
			v += sd * rng.NormFloat64()
		}
		x[i] = float32(v)
	}
}

// DDIM takes the predicted data to the earlier step with the predicted noise: nothing is drawn after the beginning.
type DDIM struct {
	Limit float64 // predicted data are kept within ±Limit; 0 for no limit
}

func (d DDIM) back(s *Schedule, x, noise []float32, t, to int, _ *rand.Rand) {
	signal, spread := s.Scales(t)
	nextSignal, nextSpread := s.Scales(to)
	for i := range x {
		data := (float64(x[i]) - spread*float64(noise[i])) / signal
		if d.Limit > 0 {
			data = max(-d.Limit, min(d.Limit, data))
		}
		x[i] = float32(nextSignal*data + nextSpread*float64(noise[i]))
	}
}

// Sample takes x, standard normal noise, back to data in n steps, in place. Seen, if not nil, is called with x before each step, and with step 0 at
// the end; it must not keep x.
func (s *Schedule) Sample(ctx context.Context, x []float32, n int, by Sampler, predict Predictor, rng *rand.Rand, seen func(t int, x []float32)) error {
	times, err := s.Times(n)
	if err != nil {
		return err
	}
	for i, t := range times {
		if seen != nil {
			seen(t, x)
		}
		noise, err := predict(ctx, x, t)
		if err != nil {
			return err
		}
		to := 0
		if i+1 < n {
			to = times[i+1]
		}
		by.back(s, x, noise, t, to, rng)
	}
	if seen != nil {
		seen(0, x)
	}
	return nil
}
