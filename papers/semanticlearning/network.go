package semanticlearning

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// constants of the network. The sheet says which are recalled from the group's papers and which are choices.
type constants struct {
	excitation float64 // w, of linked pairs
	inhibition float64 // |z|, of all others
	active     float64 // x_c, above which a neuron is active and tires
	empty      float64 // φ_c, the reservoir below which links fail
	sharpness  float64 // g, of that failing
	fill       float64 // Γ+, per unit of time
	drain      float64 // Γ-
	leastW     float64 // what an empty reservoir leaves of excitation
	leastZ     float64 // and of inhibition
	stimulus   float64 // s, how strongly the stimulus enters
	noise      float64 // of the drive, in one unit of time
	dt         float64
}

func standard() constants {
	return constants{excitation: .15, inhibition: 1, active: .85, empty: .15, sharpness: .05, fill: .012, drain: .027,
		leastW: .1, leastZ: 0, stimulus: 2, noise: .01, dt: .25}
}

// check says what cannot work.
func (c constants) check(g *cliques) error {
	switch {
	case !(c.dt > 0 && c.dt <= .5):
		return fmt.Errorf("steps of %g time units; expected more than 0 and at most 0.5, beyond which activities overshoot", c.dt)
	case c.inhibition < c.excitation*float64(g.size()):
		return fmt.Errorf("an inhibition of %g is less than what a clique of %d excites with, %g: two cliques would be active at once, and there is no unique winner",
			c.inhibition, g.size(), c.excitation*float64(g.size()))
	case !(c.fill > 0) || !(c.drain > 0):
		return fmt.Errorf("reservoirs fill by %g and drain by %g; expected both above 0", c.fill, c.drain)
	}
	return nil
}

// life is about how long a state lasts without input, in time units: what the sheet found for its rates of filling and draining, which set the pace.
func (c constants) life() float64 { return 116 * .012 / c.fill }

// plasticity of the afferent weights. The zero value does not learn.
type plasticity struct {
	rate     float64 // per unit of time
	noRivals bool    // inactive neurons do not unlearn: ensembles do not compete for a stimulus
	ungated  bool    // the learning signal is always on
}

const (
	targetActive   = .3 // v_act, the drive that active neurons learn to get from the stimulus
	targetInactive = .1 // v_in, what inactive neurons may keep
	unlearning     = .3 // of the rate, for pixels that are off and for inactive neurons
	signalFade     = .1 // per unit of time
	signalLeast    = .3 // learning needs a signal above it
	influence      = 8  // time units over which the drive is averaged to see whether it had a part in who won
	leastDrive     = 1e-3
)

// signalWindow is for how long a learning signal allows learning, in time units.
var signalWindow = math.Log(1/signalLeast) / signalFade

// network is the clique network: neurons with activities x and reservoirs phi, each with afferent weights v from the pixels of a stimulus.
type network struct {
	c     constants
	g     *cliques
	learn plasticity
	// entry, if set, is when after a winner has come a stimulus may enter, in time units: from entry[0] to entry[1].
	entry *[2]float64

	x, phi []float64
	v      [][]float64 // [neurons][pixels]
	pixels []bool      // the stimulus
	any    bool        // whether any pixel is on
	drive  []float64   // D, what the stimulus sends to each neuron
	smooth []float64   // its running mean
	signal float64     // the learning signal S
	winner int         // the last clique that won; -1 before the first
	since  float64     // time since then
	silent float64     // time since a neuron was last above 0.01
	time   float64
	rng    *rand.Rand
	fw, fz fatigue
	tired  []float64 // scratch: what each neuron inhibits with,
	next   []float64 // and the activities of the next step
	kick   float64   // noise of a step
}

// fatigue is f(φ), what a reservoir leaves of a link's strength, in a table.
type fatigue []float64

const fatigueCells = 4096

func newFatigue(least float64, c constants) fatigue {
	f := make(fatigue, fatigueCells+2)
	low := math.Atan(-c.empty / c.sharpness)
	for i := range f {
		phi := float64(i) / fatigueCells
		f[i] = least + (1-least)*(math.Atan((phi-c.empty)/c.sharpness)-low)/(math.Atan((1-c.empty)/c.sharpness)-low)
	}
	return f
}

func (f fatigue) at(phi float64) float64 {
	phi *= fatigueCells
	i := int(phi)
	return f[i] + (f[i+1]-f[i])*(phi-float64(i))
}

// newNetwork draws a network at a random state with small random weights, all from rng, which it keeps for its noise.
func newNetwork(g *cliques, c constants, pixels int, learn plasticity, rng *rand.Rand) (*network, error) {
	if err := c.check(g); err != nil {
		return nil, err
	}
	n := g.neurons
	net := &network{c: c, g: g, learn: learn, winner: -1, rng: rng, pixels: make([]bool, pixels), fw: newFatigue(c.leastW, c), fz: newFatigue(c.leastZ, c),
		x: make([]float64, n), phi: make([]float64, n), drive: make([]float64, n), smooth: make([]float64, n), tired: make([]float64, n), next: make([]float64, n),
		kick: c.noise / math.Sqrt(c.dt)}
	for i := range n {
		net.x[i], net.phi[i] = .3*rng.Float64(), rng.Float64() // equal ones would stay equal
		v := make([]float64, pixels)
		for j := range v {
			v[j] = .02 * rng.Float64()
		}
		net.v = append(net.v, v)
	}
	return net, nil
}

// clone is a copy that goes its own way with noise from rng.
func (n *network) clone(rng *rand.Rand) *network {
	c := *n
	c.rng = rng
	for _, s := range []*[]float64{&c.x, &c.phi, &c.drive, &c.smooth, &c.tired, &c.next} {
		*s = slices.Clone(*s)
	}
	c.pixels = slices.Clone(c.pixels)
	c.v = slices.Clone(c.v)
	for i := range c.v {
		c.v[i] = slices.Clone(c.v[i])
	}
	return &c
}

// show puts a stimulus, one bool for each pixel, before the network. It stays until the next.
func (n *network) show(pixels []bool) {
	copy(n.pixels, pixels)
	n.any = slices.Contains(pixels, true)
	n.signal = 0
	for i := range n.drive {
		n.drive[i] = n.response(i, n.pixels)
	}
}

// response is D of neuron i for a stimulus.
func (n *network) response(i int, pixels []bool) (sum float64) {
	for j, on := range pixels {
		if on {
			sum += n.v[i][j]
		}
	}
	return sum
}

// step advances the network by dt and returns the clique that wins in this step, or -1.
func (n *network) step() int {
	c := &n.c
	enters := c.stimulus != 0 && n.any && (n.entry == nil || n.since >= n.entry[0] && n.since < n.entry[1])
	total := 0.
	for i, x := range n.x {
		n.tired[i] = n.fz.at(n.phi[i]) * x
		total += n.tired[i]
	}
	now := n.next
	count := 0 // active neurons
	for i, x := range n.x {
		linked, own := 0., n.tired[i] // what does not inhibit it
		for _, j := range n.g.neighbours[i] {
			linked += n.x[j]
			own += n.tired[j]
		}
		strength := n.fw.at(n.phi[i])
		r := strength*c.excitation*linked - c.inhibition*(total-own) + n.kick*n.rng.NormFloat64()
		if enters {
			r += c.stimulus * strength * n.drive[i]
		}
		if r > 0 {
			x += c.dt * (1 - x) * r
		} else {
			x += c.dt * x * r
		}
		now[i] = min(max(x, 0), 1)
	}
	live := false
	n.x, n.next = now, n.x
	for i, x := range n.x {
		if x >= c.active {
			n.phi[i] -= c.dt * c.drain * n.phi[i]
			count++
		} else {
			n.phi[i] += c.dt * c.fill * (1 - n.phi[i]) * (1 - x/c.active)
		}
		live = live || x >= .01
		n.smooth[i] += c.dt / influence * (n.drive[i] - n.smooth[i])
	}
	n.time += c.dt
	n.since += c.dt
	if n.silent += c.dt; live {
		n.silent = 0
	}
	on := n.alone(count)
	won := -1
	if on >= 0 && on != n.winner {
		won, n.winner, n.since = on, on, 0
		if n.any && n.tookPart(on) {
			n.signal = 1
		}
	}
	if n.learn.rate > 0 && n.any && on >= 0 && (n.signal > signalLeast || n.learn.ungated) {
		n.adapt()
	}
	n.signal -= c.dt * signalFade * n.signal
	return won
}

// alone returns the clique whose members are active while nobody else is, of count active neurons, or -1.
func (n *network) alone(count int) int {
	for k, members := range n.g.members {
		if len(members) != count {
			continue
		}
		all := true
		for _, i := range members {
			if n.x[i] < n.c.active {
				all = false
				break
			}
		}
		if all {
			return k
		}
	}
	return -1
}

// tookPart tells whether the stimulus favoured a clique over the average neuron of late.
func (n *network) tookPart(clique int) bool {
	mean := func(of func(i int) float64, count int) (sum float64) {
		for i := range count {
			sum += of(i)
		}
		return sum / float64(count)
	}
	members := n.g.members[clique]
	its := mean(func(i int) float64 { return n.smooth[members[i]] }, len(members))
	all := mean(func(i int) float64 { return n.smooth[i] }, len(n.smooth))
	return its >= all && its > leastDrive
}

// adapt changes afferent weights for one step.
func (n *network) adapt() {
	e := n.learn.rate * n.c.dt
	for i, d := range n.drive {
		v := n.v[i]
		switch {
		case n.x[i] >= n.c.active:
			up, down := e*(targetActive-d), 1-e*unlearning
			for j, on := range n.pixels {
				if on {
					v[j] = max(0, v[j]+up)
				} else {
					v[j] *= down
				}
			}
		case d > targetInactive && !n.learn.noRivals:
			down := e * unlearning * (d - targetInactive)
			for j, on := range n.pixels {
				if on {
					v[j] = max(0, v[j]-down)
				}
			}
		default:
			continue
		}
		n.drive[i] = n.response(i, n.pixels)
	}
}

// watch returns an error where the network is dead, or stuck in one state.
func (n *network) watch() error {
	if n.silent > 1000 {
		return fmt.Errorf("the network is dead: all activities were below 0.01 for 1000 time units, up to time %.0f; raise the excitation or the noise", n.time)
	}
	if limit := 10 * n.c.life(); n.since > limit && n.time > limit {
		return fmt.Errorf("the network is stuck: clique %d has been the last winner for %.0f time units, up to time %.0f, and states should last about %.0f; "+
			"raise the noise or the draining of reservoirs", n.winner, n.since, n.time, n.c.life())
	}
	return nil
}
