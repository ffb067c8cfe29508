package deepsnn

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-dev/gyrus/report"
)

// gradientMetric is how far F2a's gradients are off.
var gradientMetric = report.Metric{ID: "gradient", Name: "error of gradients", Better: report.Lower,
	Says: "of the trained network: largest difference from central differences of weights, where causal sets stay, against the norm of the neuron's gradient"}

// exact is the network by its definition, in double precision, one neuron after the other: it only serves to judge the fast one.
func exact(w [][]float64, outs []int, in []float64) (z [][]float64, causal [][]int) {
	for l, out := range outs {
		order := make([]int, len(in))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case in[a] < in[b]:
				return -1
			case in[a] > in[b]:
				return 1
			}
			return 0
		})
		times, sets := make([]float64, out), make([]int, out)
		for k := range out {
			times[k] = silent
			sum, timed := 0., 0.
			for n, i := range order {
				if in[i] >= silent {
					break
				}
				sum += w[l][i*out+k]
				timed += w[l][i*out+k] * in[i]
				next := float64(silent)
				if n+1 < len(order) {
					next = min(silent, in[order[n+1]])
				}
				if t := timed / (sum - 1); sum > 1 && t < next {
					times[k], sets[k] = t, n+1
					break
				}
			}
		}
		z, causal = append(z, times), append(causal, sets)
		in = times
	}
	return z, causal
}

// crossEntropyOf is the loss of output times.
func crossEntropyOf(z []float64, label int) float64 {
	first, sum := slices.Min(z), 0.
	for _, t := range z {
		sum += math.Exp(first - t)
	}
	return z[label] - first + math.Log(sum)
}

// gradientError compares gradients with central differences at random weights.
func (f *firstSpike) gradientError(images *examples, rng *rand.Rand) (worst float64) {
	const h, tries = 1e-5, 10
	var w [][]float64
	outs := []int{f.Hidden, classes}
	for _, l := range f.Layers {
		v := make([]float64, len(l.W))
		for i, x := range l.W {
			v[i] = float64(x)
		}
		w = append(w, v)
	}
	for i := range images.len() {
		x, label := images.image(i), int(images.labels[i])
		gradient := [][]float32{make([]float32, len(w[0])), make([]float32, len(w[1]))}
		f.gradient(x, label, gradient)
		in := inputs(x).Z
		_, sets := exact(w, outs, in)
		for l := range w {
			norms := make([]float64, outs[l])
			for j, g := range gradient[l] {
				norms[j%outs[l]] += float64(g) * float64(g)
			}
			for range tries {
				j := rng.IntN(len(w[l]))
				if norms[j%outs[l]] == 0 {
					continue
				}
				was := w[l][j]
				w[l][j] = was + h
				above, setsAbove := exact(w, outs, in)
				w[l][j] = was - h
				below, setsBelow := exact(w, outs, in)
				w[l][j] = was
				if !same(sets, setsAbove) || !same(sets, setsBelow) {
					continue
				}
				slope := (crossEntropyOf(above[1], label) - crossEntropyOf(below[1], label)) / (2 * h)
				worst = max(worst, math.Abs(slope-float64(gradient[l][j]))/max(1e-3, math.Sqrt(norms[j%outs[l]])))
			}
		}
	}
	return worst
}

func same(a, b [][]int) bool {
	return slices.EqualFunc(a, b, func(x, y []int) bool { return slices.Equal(x, y) })
}
