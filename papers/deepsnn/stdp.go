package deepsnn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// competition is F4a: cells that learn patterns without labels, by spike-timing-dependent plasticity and by silencing each other (Diehl & Cook 2015). Labels
// only name the cells afterwards.
type competition struct {
	Cells      int
	Passes     int // over the training images
	Images     int // for training, and for naming cells
	Naming     int
	Rate       float64 // η
	Inhibition float64 // conductance that a spike gives to all other cells; 0 takes competition away, and nothing is then refused

	W     []float64 // [inputs, cells], 0 to 1
	Theta []float64 // mV, what has been added to the threshold of a cell
	Class []int     // of each cell; -1 for one that never fired
	Often [classes]int
	Win   float64 // share of naming images for which the same cell fired most, at worst
}

// Constants of the cells: mV and ms.
const (
	stepLength   = .5
	shownFor     = 350.
	restFor      = 150.
	rest         = -65.
	restart      = -65.
	atThreshold  = -52.
	tauMembrane  = 100.
	refractory   = 5.
	reverseExc   = 0.
	reverseInh   = -100.
	tauExc       = 1.
	tauInh       = 2.
	thetaStep    = .05
	tauTheta     = 1e7
	tauTrace     = 20.
	traceTarget  = .4
	sumOfWeights = 78.4
	highestRate  = 63.75 // Hz, of a pixel of 1
	moreRate     = 32.   // Hz, if too few spikes came
	leastSpikes  = 5
	mostRepeats  = 5
)

// cells is the state of all cells.
type cells struct {
	*competition
	v, exc, inh []float64
	wait        []int // steps left to be refractory
	trace       []float64
	seen        []int // the step in which a trace was last brought up to date
	t           int
	decay       []float64 // of a trace over so many steps
	count       []int     // spikes of each cell for this image
	fired       []uint32
	cost        cost
}

func (f *competition) cells() *cells {
	n := f.Cells
	c := &cells{competition: f, v: make([]float64, n), exc: make([]float64, n), inh: make([]float64, n), wait: make([]int, n), count: make([]int, n),
		trace: make([]float64, len(f.W)/n), seen: make([]int, len(f.W)/n)}
	for t := range int((shownFor + restFor) / stepLength) {
		c.decay = append(c.decay, math.Exp(-float64(t)*stepLength/tauTrace))
	}
	for i := range c.v {
		c.v[i] = rest
	}
	return c
}

// draw is the spikes of an image as Poisson processes: inputs by step.
func (c *cells) draw(x []float32, hz float64, steps int, rng *rand.Rand) [][]uint32 {
	spikes := make([][]uint32, steps)
	for i, v := range x {
		if v <= 0 {
			continue
		}
		mean := 1000 / (hz * float64(v)) / stepLength // steps between spikes
		for t := mean * rng.ExpFloat64(); t < float64(steps); t += mean * rng.ExpFloat64() {
			spikes[int(t)] = append(spikes[int(t)], uint32(i))
		}
	}
	return spikes
}

// now is the trace of an input, to which a spike adds 1.
func (c *cells) now(input int) float64 {
	if gap := c.t - c.seen[input]; gap < len(c.decay) {
		return c.trace[input] * c.decay[gap]
	}
	return 0
}

// deliver takes in spikes of inputs, and counts their synapses.
func (c *cells) deliver(inputs []uint32) {
	n := c.Cells
	for _, i := range inputs {
		for k, w := range c.W[int(i)*n:][:n] {
			c.exc[k] += w
		}
		c.trace[i] = c.now(int(i)) + 1
		c.seen[i] = c.t
	}
	c.cost.Additions += int64(len(inputs) * n)
}

var (
	decayExc   = math.Exp(-stepLength / tauExc)
	decayInh   = math.Exp(-stepLength / tauInh)
	decayTheta = math.Exp(-stepLength / tauTheta)
)

// step goes one step on; cells that fire learn if they may.
func (c *cells) step(inputs []uint32, learn bool) {
	c.t++
	c.deliver(inputs)
	c.fired = c.fired[:0]
	for k := range c.v {
		g, h := c.exc[k], c.inh[k]
		c.exc[k], c.inh[k] = g*decayExc, h*decayInh
		if c.wait[k] > 0 {
			c.wait[k]--
			continue
		}
		// An implicit Euler step: it cannot overshoot, however large conductances are.
		pull := 1 + g + h
		to := (rest + g*reverseExc + h*reverseInh) / pull
		c.v[k] = to + (c.v[k]-to)/(1+pull*stepLength/tauMembrane)
		if c.v[k] >= atThreshold+c.Theta[k] {
			c.fired = append(c.fired, uint32(k))
			c.v[k], c.wait[k] = restart, int(refractory/stepLength)
			c.count[k]++
		}
	}
	c.cost.Updates += int64(c.Cells)
	if learn {
		for k := range c.Theta {
			c.Theta[k] *= decayTheta
		}
	}
	for _, k := range c.fired {
		if c.Inhibition > 0 {
			for j := range c.inh {
				if j != int(k) {
					c.inh[j] += c.Inhibition
				}
			}
			c.cost.Additions += int64(c.Cells - 1)
		}
		if learn {
			c.Theta[k] += thetaStep
			for i := range c.trace {
				w := &c.W[i*c.Cells+int(k)]
				*w = min(1, max(0, *w+c.Rate*(c.now(i)-traceTarget)*(1-*w)))
			}
		}
	}
}

// normalize brings the sum of each cell's weights to what it must be.
func (f *competition) normalize() {
	sums := make([]float64, f.Cells)
	for i, w := range f.W {
		sums[i%f.Cells] += w
	}
	for i := range f.W {
		f.W[i] *= f.target() / sums[i%f.Cells]
	}
}

// target is a tenth for each input: 78.4 for 28 x 28 pixels.
func (f *competition) target() float64 { return sumOfWeights / 784 * float64(len(f.W)/f.Cells) }

// show shows an image until enough spikes have come, then rests. It returns the number of spikes.
func (c *cells) show(x []float32, learn bool, rng *rand.Rand) (total int) {
	hz := highestRate
	for range mostRepeats {
		if learn {
			c.normalize()
		}
		clear(c.count)
		for _, in := range c.draw(x, hz, shownFor/stepLength, rng) {
			c.step(in, learn)
		}
		total = 0
		for _, n := range c.count {
			total += n
		}
		for range int(restFor / stepLength) {
			c.step(nil, learn)
		}
		if total >= leastSpikes {
			break
		}
		hz += moreRate
	}
	return total
}

func (f *competition) train(ctx context.Context, d *split, s *session) error {
	f.W, f.Theta = make([]float64, d.training.width*f.Cells), make([]float64, f.Cells)
	for i := range f.W {
		f.W[i] = .3 * s.rng.Float64()
	}
	images := d.training.first(f.Images)
	c := f.cells()
	for pass := range f.Passes {
		for n, i := range s.rng.Perm(images.len()) {
			if err := ctx.Err(); err != nil {
				return err
			}
			c.show(images.image(i), true, s.rng)
			s.progress(pass*images.len()+n+1, f.Passes*images.len(), "image")
		}
	}
	f.normalize()
	return f.name(ctx, c, d.training.first(f.Naming), s.rng)
}

// name gives each cell the class for which it fires most, with weights and thresholds as they are.
func (f *competition) name(ctx context.Context, c *cells, images *examples, rng *rand.Rand) error {
	spikes, shown := make([][classes]float64, f.Cells), [classes]float64{}
	wins, all := make([]int, f.Cells), 0
	for i := range images.len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		all += c.show(images.image(i), false, rng)
		label := images.labels[i]
		shown[label]++
		best := 0
		for k, n := range c.count {
			spikes[k][label] += float64(n)
			if n > c.count[best] {
				best = k
			}
		}
		wins[best]++
	}
	f.Win = float64(slices.Max(wins)) / float64(images.len())
	f.Class, f.Often = make([]int, f.Cells), [classes]int{}
	for k, by := range spikes {
		f.Class[k] = -1
		most := 0.
		for class, n := range by {
			if n > 0 && n/shown[class] > most {
				f.Class[k], most = class, n/shown[class]
			}
		}
		if f.Class[k] >= 0 {
			f.Often[f.Class[k]]++
		}
	}
	switch {
	case f.Inhibition <= 0:
		return nil // an ablation, of which anything may come
	case all == 0:
		return fmt.Errorf("all %d cells are silent on %d images after training; train on fewer images, or lower what a spike adds to thresholds", f.Cells, images.len())
	case f.Win > .5:
		return fmt.Errorf("cell %d fires most for %.0f %% of %d images, expected at most 50 %%; competition has failed: train longer, or lower the learning rate (stdp-rate)",
			slices.Index(wins, slices.Max(wins)), 100*f.Win, images.len())
	}
	return nil
}

// infer shows an image for steps of half a millisecond, again with a higher rate if too few spikes came; nothing is learned. A class's score is the mean count of
// its cells, of the last time; what it cost before is in the first step.
func (f *competition) infer(x []float32, steps int, rng *rand.Rand, to *response) {
	c, hz := f.cells(), highestRate
	for range mostRepeats {
		to.reset(steps, 2)
		clear(c.count)
		var by [classes]float32
		total := 0
		for t, in := range c.draw(x, hz, steps, rng) {
			c.step(in, false)
			for _, k := range c.fired {
				if class := f.Class[k]; class >= 0 {
					by[class] += 1 / float32(f.Often[class])
				}
			}
			to.Scores[t], to.Costs[t] = by, c.cost
			to.Spikes[t][0], to.Spikes[t][1] = len(in), len(c.fired)
			total += len(c.fired)
		}
		if to.Most = slices.Max(c.count); total >= leastSpikes {
			return
		}
		for range int(restFor / stepLength) {
			c.step(nil, false)
		}
		hz += moreRate
	}
}
