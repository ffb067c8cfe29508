package delays

import (
	"math"
	"math/rand/v2"
	"slices"
)

// load is the part of a layer's weights that are not zero.
func (f *field) load(l layer) float64 {
	left := 0
	for _, w := range l.Weights {
		if w != 0 {
			left++
		}
	}
	return float64(left) / float64(f.weights())
}

// pruned keeps the given part of the weights: those of the largest magnitude.
func (f *field) pruned(l layer, keep float64) layer {
	n := int(math.Round(keep * float64(f.weights())))
	magnitudes := make([]float64, 0, len(l.Weights))
	for _, w := range l.Weights {
		magnitudes = append(magnitudes, math.Abs(float64(w)))
	}
	slices.Sort(magnitudes)
	k := f.kernel(l).Clone()
	k.Prune(magnitudes[max(0, len(magnitudes)-n)])
	return layer{k.Weights, l.Bias}
}

// prunedAtRandom keeps the given part of the weights, whichever.
func (f *field) prunedAtRandom(l layer, keep float64, rng *rand.Rand) layer {
	out := layer{make([]float32, f.size), l.Bias}
	n := int(math.Round(keep * float64(f.weights())))
	for _, i := range rng.Perm(f.weights())[:n] {
		at := int(f.rows[i/f.classes]) + i%f.classes
		out.Weights[at] = l.Weights[at]
	}
	return out
}

// shortened keeps delays 0 to depth-1.
func (f *field) shortened(l layer, depth int) layer {
	k := f.kernel(l).Clone()
	k.Shorten(depth)
	return layer{k.Weights, l.Bias}
}

// shuffled is clips in which the bins of each pixel and polarity come in a random order within windows of so many steps: how often a pixel fires is
// kept, when it does is lost.
func shuffled(clips []clip, window int, rng *rand.Rand) []clip {
	out := make([]clip, len(clips))
	for i, c := range clips {
		m := *c.Movie.Swapped().Swapped() // a copy
		for from := 0; from+window <= m.Steps; from += window {
			for p := range m.Polarities {
				for at := range m.Height * m.Width {
					rng.Shuffle(window, func(a, b int) {
						x, y := &m.Frame(p, from+a)[at], &m.Frame(p, from+b)[at]
						*x, *y = *y, *x
					})
				}
			}
		}
		out[i] = clip{&m, c.Class, c.Since, pack(&m)}
	}
	return out
}

// crossing is the load, on a logarithmic scale between the loads tried, at which accuracy falls below a level; NaN if it never does. Loads fall.
func crossing(loads, accuracies []float64, level float64) float64 {
	for i := 1; i < len(loads); i++ {
		if a, b := accuracies[i-1], accuracies[i]; a >= level && b < level {
			part := (a - level) / (a - b)
			return math.Exp(math.Log(loads[i-1])*(1-part) + math.Log(loads[i])*part)
		}
	}
	return math.NaN()
}
