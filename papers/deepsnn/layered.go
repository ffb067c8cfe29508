package deepsnn

import (
	"math"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/dynamics/rows"
)

// layer is the weights into a layer.
type layer struct {
	In, Out int
	W       []float32 // [In, Out]
	B       []float32 // [Out], or nil
	Slope   float32   // of the activation below zero, in a network of rates; 0 is ReLU
}

// dense is the layer's sum for inputs of any value. It counts a MAC for every weight.
func (l *layer) dense(x []float32, c *cost) []float32 {
	y := make([]float32, l.Out)
	copy(y, l.B)
	for i, v := range x {
		if v != 0 {
			for k, w := range l.W[i*l.Out:][:l.Out] {
				y[k] += v * w
			}
		}
	}
	c.MACs += int64(l.In * l.Out)
	return y
}

// deliver adds the weights of inputs that fired to sums, and counts them: the only place where a layer takes in spikes.
func (l *layer) deliver(fired []uint32, sums []float32, at []uint32, c *cost) []uint32 {
	at = at[:0]
	for _, i := range fired {
		at = append(at, i*uint32(l.Out))
	}
	rows.Sum(sums, l.W, at)
	c.Additions += int64(len(at) * l.Out)
	return at
}

// coding is how an image becomes input.
type coding int

const (
	constant  coding = iota // each pixel is a current, the same in each step
	bernoulli               // each pixel fires in each step with the probability that is its value
	events                  // the input is [steps, inputs] and fires where it is not 0
)

// readout is what the last layer says.
type readout int

const (
	potential     readout = iota // it only integrates: its membrane
	meanPotential                // the mean of its membrane, which leaks and does not fire
	spikeCount                   // it fires: spikes, and what is in the membrane where they are equal
)

// layered is a feed-forward network of integrate-and-fire neurons in discrete time, without delays: a spike reaches the next layer in the same step.
//
//	v ← Decay·v + Σ W s + b      s = 1 where v ≥ Threshold      v ← v - Threshold·s, or v·(1-s)
type layered struct {
	Layers    []layer
	Threshold []float32 // by layer
	Decay     float32   // 1: no leak
	Subtract  bool      // what a spike does to the membrane: the threshold is taken away, or it begins anew from 0
	Start     float32   // of the membrane, in thresholds; not of a last layer that does not fire
	Coding    coding
	Readout   readout
}

// thresholds is one threshold for each of n layers.
func thresholds(n int, each float32) []float32 {
	t := make([]float32, n)
	for i := range t {
		t[i] = each
	}
	return t
}

// pass is a network at work on an image.
type pass struct {
	net    *layered
	x      []float32
	t      int // steps done
	rng    *rand.Rand
	v      [][]float32 // membranes by layer
	sums   []float32
	direct []float32  // the current of a constant input
	chance []uint32   // of each input to fire, in 2^-32
	fired  [][]uint32 // in this step, input first
	at     []uint32
	count  [][]int32 // spikes by layer and neuron so far
	total  []float64 // of the last layer's membrane over time
	cost   cost
}

func (n *layered) begin(x []float32, rng *rand.Rand) *pass {
	p := &pass{net: n, x: x, rng: rng, fired: make([][]uint32, len(n.Layers)+1), total: make([]float64, classes)}
	widest := 0
	for l, w := range n.Layers {
		v := make([]float32, w.Out)
		if l+1 < len(n.Layers) || n.Readout == spikeCount {
			for i := range v {
				v[i] = n.Start * n.Threshold[l]
			}
		}
		p.v, p.count = append(p.v, v), append(p.count, make([]int32, w.Out))
		widest = max(widest, w.Out)
	}
	p.sums = make([]float32, widest)
	switch n.Coding {
	case constant:
		p.direct = n.Layers[0].dense(x, &p.cost)
	case bernoulli:
		p.chance = make([]uint32, len(x))
		for i, v := range x {
			p.chance[i] = uint32(min(float64(v)*(1<<32), math.MaxUint32))
		}
	}
	return p
}

// step goes one step on.
func (p *pass) step() {
	n := p.net
	p.fired[0] = p.fired[0][:0]
	switch n.Coding {
	case bernoulli:
		for i, c := range p.chance {
			if c > 0 && p.rng.Uint32() < c {
				p.fired[0] = append(p.fired[0], uint32(i))
			}
		}
	case events:
		in := n.Layers[0].In
		for i, v := range p.x[p.t*in:][:in] {
			if v != 0 {
				p.fired[0] = append(p.fired[0], uint32(i))
			}
		}
	}
	for l := range n.Layers {
		w := &n.Layers[l]
		sums := p.sums[:w.Out]
		if l == 0 && n.Coding == constant {
			copy(sums, p.direct)
			p.cost.Additions += int64(w.Out)
		} else {
			copy(sums, w.B)
			if w.B == nil {
				clear(sums)
			}
			p.at = w.deliver(p.fired[l], sums, p.at, &p.cost)
		}
		p.fired[l+1] = p.fired[l+1][:0]
		fires := l+1 < len(n.Layers) || n.Readout == spikeCount
		v, theta := p.v[l], n.Threshold[l]
		for i, s := range sums {
			u := n.Decay*v[i] + s
			if fires && u >= theta {
				p.fired[l+1] = append(p.fired[l+1], uint32(i))
				p.count[l][i]++
				if n.Subtract {
					u -= theta
				} else {
					u = 0
				}
			}
			v[i] = u
		}
		p.cost.Updates += int64(w.Out)
	}
	last := p.v[len(p.v)-1]
	for c := range p.total {
		p.total[c] += float64(last[c])
	}
	p.t++
}

// scores is what the last layer says now.
func (p *pass) scores() (s [classes]float32) {
	end := len(p.v) - 1
	for c := range s {
		switch p.net.Readout {
		case potential:
			s[c] = p.v[end][c]
		case meanPotential:
			s[c] = float32(p.total[c] / float64(p.t))
		case spikeCount:
			// The membrane lies below its threshold, so that it decides only between equal counts.
			s[c] = float32(p.count[end][c]) + .5*min(1, max(-1, p.v[end][c]/p.net.Threshold[end]))
		}
	}
	return s
}

func (n *layered) infer(x []float32, steps int, rng *rand.Rand, to *response) {
	to.reset(steps, len(n.Layers)+1)
	p := n.begin(x, rng)
	for t := range steps {
		p.step()
		to.Scores[t], to.Costs[t] = p.scores(), p.cost
		for l, f := range p.fired {
			to.Spikes[t][l] = len(f)
		}
	}
	for _, count := range p.count {
		for _, c := range count {
			to.Most = max(to.Most, int(c))
		}
	}
}

// raster is the spikes of an image: times of each neuron, layer by layer without the input.
func (n *layered) raster(x []float32, steps int, rng *rand.Rand) [][][]float64 {
	times := make([][][]float64, len(n.Layers))
	for l, w := range n.Layers {
		times[l] = make([][]float64, w.Out)
	}
	p := n.begin(x, rng)
	for t := range steps {
		p.step()
		for l := range n.Layers {
			for _, i := range p.fired[l+1] {
				times[l][i] = append(times[l][i], float64(t+1))
			}
		}
	}
	return times
}
