package htm

import (
	"fmt"
	"math"
)

// Parameters of the classifier.
const (
	classifierRate = 0.01 // of the gradient step
	bucketRate     = 0.3  // of the running mean of a bucket's values
)

// Classifier reads a value several steps ahead off the active cells: a softmax regression from cells to value buckets, trained
// by online gradient on the cells that were active that many steps before a value came (paper, section 3.5).
type Classifier struct {
	cells, buckets, ahead int
	weights               []float32 // [cells, buckets]
	means                 []float64 // per bucket: running mean of the values seen in it
	seen                  []bool    // per bucket
	past                  [][]uint32
	step                  int
	p                     []float32
}

// NewClassifier returns an untrained classifier that predicts that many steps ahead.
func NewClassifier(cells, buckets, ahead int) (*Classifier, error) {
	if cells < 1 || buckets < 2 || ahead < 1 {
		return nil, fmt.Errorf("classifier: %d cells, %d buckets, %d steps ahead; needs at least 1 cell, 2 buckets and 1 step", cells, buckets, ahead)
	}
	return &Classifier{
		cells: cells, buckets: buckets, ahead: ahead, weights: make([]float32, cells*buckets),
		means: make([]float64, buckets), seen: make([]bool, buckets), past: make([][]uint32, ahead), p: make([]float32, buckets),
	}, nil
}

// Step takes in the active cells and the value of this step with its bucket, and returns the value expected a fixed number of steps ahead: the
// mean value of the likeliest bucket, or this step's value while that bucket has never been seen. It learns if learn is set.
func (c *Classifier) Step(active []uint32, bucket int, value float64, learn bool) float64 {
	slot := c.step % c.ahead
	if learn {
		if c.step >= c.ahead {
			before := c.past[slot]
			c.likelihoods(before)
			for b := range c.p {
				c.p[b] = -classifierRate * c.p[b]
			}
			c.p[bucket] += classifierRate
			for _, cell := range before {
				w := c.weights[int(cell)*c.buckets : (int(cell)+1)*c.buckets]
				for b, d := range c.p {
					w[b] += d
				}
			}
		}
		if c.seen[bucket] {
			c.means[bucket] += bucketRate * (value - c.means[bucket])
		} else {
			c.means[bucket], c.seen[bucket] = value, true
		}
	}
	c.past[slot] = append(c.past[slot][:0], active...)
	c.step++
	c.likelihoods(active)
	best := 0
	for b, p := range c.p {
		if p > c.p[best] {
			best = b
		}
	}
	if !c.seen[best] {
		return value
	}
	return c.means[best]
}

// likelihoods sets p to the softmax of the cells' summed weights.
func (c *Classifier) likelihoods(active []uint32) {
	clear(c.p)
	for _, cell := range active {
		for b, w := range c.weights[int(cell)*c.buckets : (int(cell)+1)*c.buckets] {
			c.p[b] += w
		}
	}
	top := c.p[0]
	for _, v := range c.p {
		top = max(top, v)
	}
	sum := float32(0)
	for b, v := range c.p {
		c.p[b] = float32(math.Exp(float64(v - top)))
		sum += c.p[b]
	}
	for b := range c.p {
		c.p[b] /= sum
	}
}
