package deepsnn

import (
	"context"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/dynamics/rows"
)

// supervised is F4b: a supervised rule that needs only spike counts of neighbours in short windows (BP-STDP, Tavanaei & Maida 2017).
//
//	ξ_o = 1 for the target if it is silent in a window, -1 for others that fire, else 0
//	Δw_oh = η ξ_o n_h      ξ_h = Σ_o w_oh ξ_o where h fires in the window, else 0      Δw_hi = η ξ_h n_i
type supervised struct {
	Hidden int
	Steps  int
	Epochs int
	Rate   float64 // η
	// Output is the threshold of the output neurons for each hidden neuron, in thresholds of a hidden one.
	Output float64

	net *layered
}

const (
	windowLength    = 5
	hiddenThreshold = .9
)

func (f *supervised) train(ctx context.Context, d *split, s *session) error {
	hidden := layer{In: d.training.width, Out: f.Hidden, W: make([]float32, d.training.width*f.Hidden)}
	output := layer{In: f.Hidden, Out: classes, W: make([]float32, f.Hidden*classes)}
	for _, l := range []*layer{&hidden, &output} {
		for i := range l.W {
			l.W[i] = float32(initialSpread * s.rng.NormFloat64())
		}
	}
	f.net = &layered{Layers: []layer{hidden, output}, Threshold: []float32{hiddenThreshold, float32(hiddenThreshold * f.Output * float64(f.Hidden))},
		Decay: 1, Coding: bernoulli, Readout: spikeCount}
	n := d.training.len()
	for epoch := range f.Epochs {
		for k, i := range s.rng.Perm(n) {
			if err := ctx.Err(); err != nil {
				return err
			}
			f.learn(d.training.image(i), int(d.training.labels[i]), s.rng)
			s.progress(epoch*n+k+1, f.Epochs*n, "image")
		}
	}
	return nil
}

// initialSpread is the standard deviation of weights at the beginning.
const initialSpread = 1.

// learn shows an image and changes weights after each window.
func (f *supervised) learn(x []float32, target int, rng *rand.Rand) {
	p := f.net.begin(x, rng)
	first, second := &f.net.Layers[0], &f.net.Layers[1]
	counts := [3][]int{make([]int, first.In), make([]int, f.Hidden), make([]int, classes)}
	change, at := make([]float32, f.Hidden), []uint32{}
	for range f.Steps / windowLength {
		for _, n := range counts {
			clear(n)
		}
		at = at[:0]
		for range windowLength {
			p.step()
			for l, fired := range p.fired {
				for _, i := range fired {
					counts[l][i]++
				}
			}
			for _, i := range p.fired[0] {
				at = append(at, i*uint32(f.Hidden)) // an input comes as often as it fired
			}
		}
		var wrong [classes]float32
		any := false
		for o, n := range counts[2] {
			switch {
			case o == target && n == 0:
				wrong[o], any = 1, true
			case o != target && n > 0:
				wrong[o], any = -1, true
			}
		}
		if !any {
			continue
		}
		for h, n := range counts[1] {
			change[h] = 0
			if n == 0 {
				continue
			}
			w := second.W[h*classes:][:classes]
			for o, e := range wrong {
				change[h] += float32(f.Rate) * e * w[o]
				w[o] += float32(f.Rate) * e * float32(n)
			}
		}
		rows.Add(first.W, at, change)
	}
}

func (f *supervised) infer(x []float32, steps int, rng *rand.Rand, to *response) {
	f.net.infer(x, steps, rng, to)
}
