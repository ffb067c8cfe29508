package deepsnn

import (
	"context"
	"math/rand/v2"

	"github.com/gomlx/gomlx/backends"
)

// family is one way to come by a network that classifies images.
type family interface {
	// train fits the network to the training part of the data.
	train(ctx context.Context, d *split, s *session) error
	// infer shows an image for so many steps and writes down what the network does; all random numbers come from rng. It may be called from several
	// goroutines at once.
	infer(x []float32, steps int, rng *rand.Rand, to *response)
}

// session is what a training is given besides its data.
type session struct {
	rng      *rand.Rand
	seed     int64                              // for what takes a seed in place of a source
	backend  func() (backends.Backend, error)   // for those trained on graphs
	dir      string                             // for its checkpoints
	progress func(done, total int, unit string) // may be called from any goroutine
}

// cost is what a network has computed for an image.
type cost struct {
	Additions int64 // of a weight to a sum, one for each spike and each synapse that it reaches
	MACs      int64 // multiplications of a value by a weight, each with its addition
	Updates   int64 // of a neuron's state
}

// response is what a network does while it sees an image.
type response struct {
	Scores [][classes]float32 // after each step; the largest is the decision, and there is none while all are equal
	Spikes [][]int            // in each step, by layer, input first
	Costs  []cost             // of all steps up to this one
	Most   int                // spikes of the neuron that fired most, inputs left out
}

// reset makes room for so many steps of a network of so many layers, input included.
func (r *response) reset(steps, layers int) {
	if len(r.Scores) != steps || len(r.Spikes[0]) != layers {
		r.Scores, r.Spikes, r.Costs = make([][classes]float32, steps), make([][]int, steps), make([]cost, steps)
		for t := range r.Spikes {
			r.Spikes[t] = make([]int, layers)
		}
	}
	clear(r.Scores)
	clear(r.Costs)
	for _, s := range r.Spikes {
		clear(s)
	}
	r.Most = 0
}

// decision is the class with the largest score, the first of equals, or -1 if all are equal.
func decision(scores *[classes]float32) int {
	best, differ := 0, false
	for c, s := range scores {
		differ = differ || s != scores[0]
		if s > scores[best] {
			best = c
		}
	}
	if !differ {
		return -1
	}
	return best
}

// course is how a network did on a set of images: means over images, after each step.
type course struct {
	Accuracy  []float64
	Additions []float64
	MACs      []float64
	Updates   []float64
	Spikes    []float64 // of all layers up to this step, input included
	ByLayer   []float64 // spikes of a layer in the whole time, input first
	Settled   float64   // the step, from 1, from which the decision stayed as it was at the end
	Most      float64   // spikes of the neuron that fired most for any image
	Step      float64   // length of a step
	Unit      string    // of Step
}

// assess shows all images to a network.
func assess(ctx context.Context, f family, images *examples, steps int, seed uint64) (course, error) {
	c := course{Step: 1, Unit: "steps"}
	for _, curve := range []*[]float64{&c.Accuracy, &c.Additions, &c.MACs, &c.Updates, &c.Spikes} {
		*curve = make([]float64, steps)
	}
	var r response
	share := 1 / float64(images.len())
	for i, label := range images.labels {
		if i%16 == 0 && ctx.Err() != nil {
			return c, ctx.Err()
		}
		f.infer(images.image(i), steps, rand.New(rand.NewPCG(seed, uint64(i))), &r)
		if c.ByLayer == nil {
			c.ByLayer = make([]float64, len(r.Spikes[0]))
		}
		last, settled, spikes := decision(&r.Scores[steps-1]), 1, 0
		for t := range steps {
			said := decision(&r.Scores[t])
			if said == int(label) {
				c.Accuracy[t] += share
			}
			if said != last {
				settled = t + 2
			}
			for l, n := range r.Spikes[t] {
				spikes += n
				c.ByLayer[l] += share * float64(n)
			}
			c.Spikes[t] += share * float64(spikes)
			c.Additions[t] += share * float64(r.Costs[t].Additions)
			c.MACs[t] += share * float64(r.Costs[t].MACs)
			c.Updates[t] += share * float64(r.Costs[t].Updates)
		}
		c.Settled += share * float64(settled)
		c.Most = max(c.Most, float64(r.Most))
	}
	return c, nil
}

// final is the accuracy after the last step.
func (c *course) final() float64 { return c.Accuracy[len(c.Accuracy)-1] }

// at is the accuracy after so many steps, or after the last if there are fewer.
func (c *course) at(steps int) float64 { return c.Accuracy[min(steps, len(c.Accuracy))-1] }

// early is the first step, from 0, whose accuracy is within one point of the final one.
func (c *course) early() int {
	for t, a := range c.Accuracy {
		if a >= c.final()-.01 {
			return t
		}
	}
	return len(c.Accuracy) - 1
}

// operations is additions and MACs together up to a step, from 0.
func (c *course) operations(t int) float64 { return c.Additions[t] + c.MACs[t] }

// fall is how far accuracy falls below an earlier one, at worst.
func (c *course) fall() float64 {
	best, worst := 0., 0.
	for _, a := range c.Accuracy {
		best = max(best, a)
		worst = max(worst, best-a)
	}
	return worst
}

// Energies of Horowitz's table for 45 nm (2014), in picojoules: a 32-bit multiplication with its addition, and an addition.
const (
	energyMAC      = 4.6
	energyAddition = .9
)

// energy of an image up to a step, from 0, in nanojoules.
func (c *course) energy(t int) float64 {
	return (energyMAC*c.MACs[t] + energyAddition*c.Additions[t]) / 1000
}
