package fit

import "math"

// Schedule is what becomes of the learning rate over time. It must be a pure function, and its fields plain values or Schedules:
// they identify it when a checkpoint is resumed.
type Schedule interface {
	Rate(base float64, at Moment) float64
}

// Moment is when a learning rate is asked for.
type Moment struct {
	Epoch, Epochs int // Epoch counts from 0
	Step, Steps   int // Step counts from 0 within the epoch, which has Steps
	Monitored     []float64
	Maximize      bool
}

// Constant keeps the learning rate.
type Constant struct{}

// Rate implements [Schedule].
func (Constant) Rate(base float64, _ Moment) float64 { return base }

// Plateau multiplies the learning rate by Factor when the monitored curve has not improved for more than Patience epochs, as
// PyTorch's ReduceLROnPlateau: an improvement is relative to the best by more than Threshold, and the rate never falls below Floor.
type Plateau struct {
	Factor    float64 // zero means 0.1
	Patience  int     // in epochs
	Floor     float64
	Threshold float64 // relative; zero means 1e-4
}

// Rate implements [Schedule].
func (p Plateau) Rate(base float64, at Moment) float64 {
	factor, threshold := p.Factor, p.Threshold
	if factor == 0 {
		factor = 0.1
	}
	if threshold == 0 {
		threshold = 1e-4
	}
	rate, best, bad := base, math.Inf(1), 0
	if at.Maximize {
		best = math.Inf(-1)
	}
	for _, v := range at.Monitored {
		better := v < best*(1-threshold)
		if at.Maximize {
			better = v > best*(1+threshold)
		}
		if better {
			best, bad = v, 0
		} else {
			bad++
		}
		if bad > p.Patience {
			// PyTorch leaves changes below 1e-8 undone.
			if next := max(rate*factor, p.Floor); rate-next > 1e-8 {
				rate = next
			}
			bad = 0
		}
	}
	return rate
}

// Cosine lowers the learning rate along half a cosine, epoch by epoch, from the base to Floor over all epochs, as PyTorch's
// CosineAnnealingLR with T_max = epochs.
type Cosine struct{ Floor float64 }

// Rate implements [Schedule].
func (c Cosine) Rate(base float64, at Moment) float64 {
	return c.Floor + (base-c.Floor)*(1+math.Cos(math.Pi*float64(at.Epoch)/float64(at.Epochs)))/2
}

// Steps multiplies the learning rate by Factor every Every epochs.
type Steps struct {
	Every  int
	Factor float64
}

// Rate implements [Schedule].
func (s Steps) Rate(base float64, at Moment) float64 {
	return base * math.Pow(s.Factor, float64(at.Epoch/max(1, s.Every)))
}

// Warmup raises the learning rate linearly, step by step, over the first Epochs epochs (which may be a fraction) to what Then
// makes of it; a nil Then keeps it.
type Warmup struct {
	Epochs float64
	Then   Schedule
}

// Rate implements [Schedule].
func (w Warmup) Rate(base float64, at Moment) float64 {
	if w.Then != nil {
		base = w.Then.Rate(base, at)
	}
	over := w.Epochs * float64(at.Steps)
	return base * min(1, float64(at.Epoch*at.Steps+at.Step+1)/max(1, over))
}

// Fixed returns a function of the epoch that is always v.
func Fixed(v float64) func(epoch int) float64 { return func(int) float64 { return v } }

// Ramp returns a function of the epoch that rises (or falls) linearly from one value at epoch 0 to another at epoch over, and stays
// there.
func Ramp(from, to float64, over int) func(epoch int) float64 {
	return func(epoch int) float64 {
		if epoch >= over {
			return to
		}
		return from + (to-from)*float64(epoch)/float64(over)
	}
}
