package network

import (
	"fmt"
	"math"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/gyrus-dev/gyrus/dynamics"
)

// Neurons are neurons of a network. [Izhikevich] and [LIF] are; [Join] puts several kinds side by side.
type Neurons interface {
	// Len is how many there are.
	Len() int
	// Step advances neurons from to to-1 by one step with their currents, current[i] for neuron from+i, which it may overwrite, and
	// appends those that fire to spikes, in order. Disjoint ranges may be stepped at once.
	Step(from, to int, current []float32, spikes []int32) []int32
	// Reset brings all to the state of rest.
	Reset()
	// Check returns an error if a membrane is no longer finite.
	Check() error
}

// Izhikevich is neurons as [dynamics.Izhikevich] describes them, each with parameters of its own.
type Izhikevich struct {
	V, U       []float32 // mV, and the recovery variable
	a, b, c, d []float32
	dt         float32
	drive      []float32 // scratch
	slope      []float32
	five       []float32
}

// NewIzhikevich makes one neuron for each model, at rest, with steps of dt ms.
func NewIzhikevich(models []dynamics.Izhikevich, dt float64) (*Izhikevich, error) {
	if !(dt > 0 && dt <= 2) {
		return nil, fmt.Errorf("network: a step of %g ms; Izhikevich's neurons need more than 0, and 1 or less to be accurate (2 at most)", dt)
	}
	n := len(models)
	p := &Izhikevich{dt: float32(dt)}
	for _, x := range []*[]float32{&p.V, &p.U, &p.a, &p.b, &p.c, &p.d, &p.drive, &p.slope, &p.five} {
		*x = make([]float32, n)
	}
	for i, m := range models {
		for _, x := range []float64{m.A, m.B, m.C, m.D} {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("network: neuron %d has the parameters %+v", i, m)
			}
		}
		p.a[i], p.b[i], p.c[i], p.d[i], p.five[i] = float32(m.A), float32(m.B), float32(m.C), float32(m.D), 5
	}
	p.Reset()
	return p, nil
}

// Len is the number of neurons.
func (p *Izhikevich) Len() int { return len(p.V) }

// Reset brings all neurons to v = -65 mV and u = bv.
func (p *Izhikevich) Reset() {
	for i := range p.V {
		v, u := dynamics.Izhikevich{B: float64(p.b[i])}.Start()
		p.V[i], p.U[i] = float32(v), float32(u)
	}
}

// chunk is how many neurons are taken through all loops of a step at once: their values stay in the first-level cache.
const chunk = 1024

// Step advances a range of neurons.
func (p *Izhikevich) Step(from, to int, current []float32, spikes []int32) []int32 {
	for begin := from; begin < to; begin += chunk {
		end := min(begin+chunk, to)
		spikes = p.step(begin, end, current[begin-from:end-from], spikes)
	}
	return spikes
}

func (p *Izhikevich) step(from, to int, current []float32, spikes []int32) []int32 {
	if spikes, done := p.fastStep(from, to, current, spikes); done {
		return spikes
	}
	v, u, drive, slope := p.V[from:to], p.U[from:to], p.drive[from:to], p.slope[from:to]
	kernel.Binary(kernel.Sub, drive, current, u)
	kernel.BinaryVS(kernel.Add, drive, drive, 140)
	for range 2 {
		kernel.Axpy(slope, .04, v, p.five[from:to])
		kernel.FMA(slope, slope, v, drive)
		kernel.Axpy(v, p.dt/2, slope, v)
	}
	kernel.Binary(kernel.Mul, slope, p.b[from:to], v)
	kernel.Binary(kernel.Sub, slope, slope, u)
	kernel.BinaryVS(kernel.Mul, slope, slope, p.dt)
	kernel.FMA(u, p.a[from:to], slope, u)
	for i, x := range v {
		if x >= 30 {
			v[i] = p.c[from+i]
			u[i] += p.d[from+i]
			spikes = append(spikes, int32(from+i))
		}
	}
	return spikes
}

// Check returns an error if a membrane is no longer finite.
func (p *Izhikevich) Check() error { return finite(p.V) }

func finite(v []float32) error {
	for i, x := range v {
		if x-x != 0 {
			return fmt.Errorf("network: the membrane of neuron %d is %g: the current is too strong for this step of time", i, x)
		}
	}
	return nil
}

// LIF is equal neurons as [dynamics.LIF] describes them.
type LIF struct {
	V          []float32 // membranes, after the reset
	Adaptation []float32 // what raises thresholds; nil if the model does not adapt
	model      dynamics.LIF
	wait       []int32 // steps left to be refractory; nil if the model never is
}

// NewLIF makes n neurons at rest. What the model says about learning and gradients is not looked at.
func NewLIF(m dynamics.LIF, n int) (*LIF, error) {
	if !(m.Decay >= 0 && m.Decay <= 1) || !(m.Threshold >= 0) || m.Refractory < 0 || !(m.Adapt.Strength >= 0) || !(m.Adapt.Decay >= 0 && m.Adapt.Decay <= 1) || n < 0 {
		return nil, fmt.Errorf("network: %d LIF neurons with %+v: decays must lie in [0, 1] and nothing may be negative", n, m)
	}
	if m.Threshold == 0 {
		m.Threshold = 1
	}
	p := &LIF{model: m, V: make([]float32, n)}
	if m.Adapt.Strength > 0 {
		p.Adaptation = make([]float32, n)
	}
	if m.Refractory > 0 {
		p.wait = make([]int32, n)
	}
	return p, nil
}

// Len is the number of neurons.
func (p *LIF) Len() int { return len(p.V) }

// Reset brings all membranes and adaptations to zero.
func (p *LIF) Reset() {
	clear(p.V)
	clear(p.Adaptation)
	clear(p.wait)
}

// Step advances a range of neurons.
func (p *LIF) Step(from, to int, current []float32, spikes []int32) []int32 {
	m := p.model
	v := p.V[from:to]
	current = current[:len(v)]
	decay, threshold := float32(m.Decay), float32(m.Threshold)
	strength, rho := float32(m.Adapt.Strength), float32(m.Adapt.Decay)
	if p.Adaptation == nil && p.wait == nil {
		for i, x := range v {
			u := decay*x + current[i]
			if u >= threshold {
				spikes = append(spikes, int32(from+i))
				u = resetTo(m.Reset, u, threshold)
			}
			v[i] = u
		}
		return spikes
	}
	for i, u := range v {
		theta := threshold
		if p.Adaptation != nil {
			theta += strength * p.Adaptation[from+i]
		}
		active := true
		if p.wait != nil && p.wait[from+i] > 0 {
			active = false
			p.wait[from+i]--
		} else {
			u = decay*u + current[i]
		}
		fired := float32(0)
		if active && u >= theta {
			fired = 1
			spikes = append(spikes, int32(from+i))
			u = resetTo(m.Reset, u, theta)
			if p.wait != nil {
				p.wait[from+i] = int32(m.Refractory)
			}
		}
		if p.Adaptation != nil {
			p.Adaptation[from+i] = rho*p.Adaptation[from+i] + (1-rho)*fired
		}
		v[i] = u
	}
	return spikes
}

func resetTo(r dynamics.Reset, u, threshold float32) float32 {
	switch r {
	case dynamics.HardReset:
		return 0
	case dynamics.SoftReset:
		return u - threshold
	}
	return u
}

// Check returns an error if a membrane is no longer finite.
func (p *LIF) Check() error { return finite(p.V) }

// Join puts populations side by side: the neurons of the second are numbered after those of the first, and so on.
func Join(populations ...Neurons) Neurons { return joined(populations) }

type joined []Neurons

func (j joined) Len() (n int) {
	for _, p := range j {
		n += p.Len()
	}
	return n
}

func (j joined) Step(from, to int, current []float32, spikes []int32) []int32 {
	first := 0 // number of the population's first neuron
	for _, p := range j {
		begin, end := max(from, first), min(to, first+p.Len())
		if begin < end {
			old := len(spikes)
			spikes = p.Step(begin-first, end-first, current[begin-from:end-from], spikes)
			for k := old; k < len(spikes); k++ {
				spikes[k] += int32(first)
			}
		}
		first += p.Len()
	}
	return spikes
}

func (j joined) Reset() {
	for _, p := range j {
		p.Reset()
	}
}

func (j joined) Check() error {
	for k, p := range j {
		if err := p.Check(); err != nil {
			return fmt.Errorf("population %d: %w", k, err)
		}
	}
	return nil
}
