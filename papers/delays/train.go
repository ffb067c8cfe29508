package delays

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/gyrus-dev/gyrus/papers"
)

// training says how a layer is trained.
type training struct {
	Updates, Batch  int
	Rate, FinalRate float64 // of Adam, lowered along half a cosine
}

// workers is how many shards a batch is cut into. Each has a gradient of its own, and they are added in order, so that a result does not depend
// on the number of processors.
const workers = 2

// sample is a place and a time to learn from.
type sample struct {
	clip       clip
	t, y, x, c int
}

// train fits a layer by logistic regression at random places and times: the events around each are all it takes, so that neither the movie nor
// the gradient is ever dense. It also returns the mean loss, in nats, of every lossEvery batches.
func train(ctx context.Context, f *field, clips []clip, o training, rng *rand.Rand, progress func(papers.Progress)) (layer, []float64, error) {
	l := layer{make([]float32, f.size), make([]float32, f.classes)}
	for c := range l.Bias {
		l.Bias[c] = float32(-math.Log(max(1, float64(f.classes-1)))) // log-odds of chance
	}
	var shards [workers]*shard
	for i := range shards {
		shards[i] = &shard{glance: f.glance(), weights: make([]float32, f.size), bias: make([]float32, f.classes), change: make([]float32, f.classes)}
	}
	weights, bias := newAdam(f.size), newAdam(f.classes)
	batch := make([]sample, o.Batch)
	var losses []float64
	loss := 0.
	for step := range o.Updates {
		if err := ctx.Err(); err != nil {
			return l, nil, err
		}
		for i := range batch {
			batch[i] = f.draw(clips, rng)
		}
		each(func(i int) {
			shards[i].run(l, batch[i*len(batch)/workers:(i+1)*len(batch)/workers], 1/float32(len(batch)))
		})
		rate := o.FinalRate + (o.Rate-o.FinalRate)*(1+math.Cos(math.Pi*float64(step)/float64(o.Updates)))/2
		weights.step, bias.step = step+1, step+1
		each(func(i int) {
			for _, at := range f.rows[i*len(f.rows)/workers : (i+1)*len(f.rows)/workers] {
				weights.update(l.Weights, shards[0].weights, shards[1].weights, int(at), int(at)+f.classes, rate)
			}
		})
		bias.update(l.Bias, shards[0].bias, shards[1].bias, 0, f.classes, rate)
		loss += (shards[0].loss + shards[1].loss) / float64(o.Batch) / lossEvery
		if (step+1)%lossEvery == 0 {
			progress(papers.Progress{Done: step + 1, Total: o.Updates, Unit: "updates", Metrics: map[string]float64{"loss": loss}})
			losses, loss = append(losses, loss), 0
		}
	}
	return l, losses, nil
}

// lossEvery is how many updates a value of the loss is the mean of.
const lossEvery = 100

// each runs f for every shard, side by side.
func each(f func(i int)) {
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

// draw picks a place and a time whose whole field the movie has.
func (f *field) draw(clips []clip, rng *rand.Rand) sample {
	c := clips[rng.IntN(len(clips))]
	m := c.Movie
	t := f.grid.Depth - 1 + rng.IntN(m.Steps-f.grid.Depth+1)
	y, x := f.place(m.Height, m.Width, rng)
	return sample{c, t, y, x, c.Class[t]}
}

// place picks a place whose field lies inside.
func (f *field) place(height, width int, rng *rand.Rand) (y, x int) {
	n := f.margin()
	return n + rng.IntN(height-2*n), n + rng.IntN(width-2*n)
}

// shard is one worker's part of a batch and the gradient of its loss.
type shard struct {
	*glance
	weights, bias, change []float32
	loss                  float64
}

func (s *shard) run(l layer, samples []sample, scale float32) {
	s.loss = 0
	for _, one := range samples {
		s.look(one.clip.packed, one.t, one.y, one.x)
		for c, b := range s.sum(l) {
			p := sigmoid(b + l.Bias[c])
			target := float32(0)
			if c == one.c {
				target = 1
			}
			s.loss -= math.Log(math.Max(1e-30, math.Abs(float64(1-target-p))))
			s.change[c] = (p - target) * scale
			s.bias[c] += s.change[c]
		}
		s.learn(s.weights, s.change)
	}
}

// adam is Kingma and Ba's optimiser.
type adam struct {
	first, second []float32
	step          int // from 1
}

func newAdam(n int) *adam { return &adam{first: make([]float32, n), second: make([]float32, n)} }

// update moves the values from to to-1 against the sum of two gradients, which become zero.
func (a *adam) update(values, g, h []float32, from, to int, rate float64) {
	const beta1, beta2, epsilon = .9, .999, 1e-8
	// The corrections for the moments' start at zero.
	rate *= math.Sqrt(1-math.Pow(beta2, float64(a.step))) / (1 - math.Pow(beta1, float64(a.step)))
	r := float32(rate)
	values, g, h = values[from:to], g[from:to], h[from:to]
	first, second := a.first[from:to], a.second[from:to]
	for i := range values {
		d := g[i] + h[i]
		g[i], h[i] = 0, 0
		first[i] += (1 - beta1) * (d - first[i])
		second[i] += (1 - beta2) * (d*d - second[i])
		values[i] -= r * first[i] / (float32(math.Sqrt(float64(second[i]))) + epsilon)
	}
}
