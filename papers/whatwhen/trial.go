package whatwhen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-dev/gyrus/dynamics/network"
	"github.com/gyrus-dev/gyrus/simulate/expectation"
)

// settings are the parameters of the network and its rules, which all experiments share.
type settings struct {
	Neurons    int
	Excitatory float64
	Rate       float64
	WhatRate   float64
	Noise      float64
	Feedback   float64
	Bias       float64
}

// fewestNeurons is the least size of a reservoir: with fewer, a fifth of inhibitory neurons is no population.
const fewestNeurons = 200

// config describes the reservoir for that many channels.
func (s settings) config(channels int) (network.ReservoirConfig, error) {
	inhibitory := s.Neurons - int(math.Round(s.Excitatory*float64(s.Neurons)))
	if s.Neurons < fewestNeurons || inhibitory < 1 || inhibitory == s.Neurons {
		return network.ReservoirConfig{}, fmt.Errorf("a reservoir of %d neurons of which %d are inhibitory; Dale's law needs %d neurons or more, with some of both kinds: set neurons and excitatory",
			s.Neurons, inhibitory, fewestNeurons)
	}
	c := network.StandardReservoir()
	c.Neurons, c.Excitatory, c.Noise, c.Feedback, c.Bias, c.Channels = s.Neurons, s.Excitatory, s.Noise, s.Feedback, s.Bias, channels
	return c, nil
}

// meanOver is how long after the end of the cue the features are averaged for the "what" read-out, ms.
const meanOver = 100

// rig is a reservoir, what reads it, and the clock of its trials.
type rig struct {
	reservoir *network.Reservoir
	learner   learner
	protocol  expectation.Protocol // of which the clock, the cue and the bump are used
	channels  int
	y         []float64
	mean      []float32
}

// newRig draws the reservoir; the same rng draws the same one, whatever reads it.
func newRig(s settings, p expectation.Protocol, channels int, rng *rand.Rand) (*rig, error) {
	c, err := s.config(channels)
	if err != nil {
		return nil, err
	}
	reservoir, err := network.NewReservoir(c, rng)
	if err != nil {
		return nil, err
	}
	return &rig{reservoir: reservoir, protocol: p, channels: channels, y: make([]float64, channels), mean: make([]float32, s.Neurons)}, nil
}

// prediction is what a trial predicts: Z_k(t) = Q_k · Y_k(t), what × when.
type prediction struct {
	Q []float64   // [channels]
	Y [][]float64 // [channels][steps]
}

func (p prediction) z(k, ms int) float64 { return p.Q[k] * p.Y[k][ms] }

// from is the millisecond from which is learnt and measured: the end of the cue.
func (r *rig) from() int { return r.protocol.CueOn + r.protocol.CueLength }

// test runs a trial of which only the cue is given and nothing is learnt. seen, if not nil, is told which neurons fire.
func (r *rig) test(noise uint64, seen func(ms int, spikes []int32)) (prediction, error) {
	return r.trial(noise, -1, 0, seen)
}

// train runs a trial in which an event happens and all is learnt that there is to learn.
func (r *rig) train(noise uint64, event, at int) (prediction, error) {
	return r.trial(noise, event, at, nil)
}

func (r *rig) trial(noise uint64, event, at int, seen func(ms int, spikes []int32)) (prediction, error) {
	p := prediction{Q: make([]float64, r.channels), Y: make([][]float64, r.channels)}
	for k := range p.Y {
		p.Y[k] = make([]float64, r.protocol.Steps)
	}
	clear(r.y)
	clear(r.mean)
	r.reservoir.Start(noise)
	from := r.from()
	for ms := range r.protocol.Steps {
		spikes, err := r.reservoir.Step(r.protocol.Cue(ms), r.y)
		if err != nil {
			return p, err
		}
		if seen != nil {
			seen(ms, spikes)
		}
		r.learner.read(r.reservoir.Centred, r.y)
		for k, y := range r.y {
			p.Y[k][ms] = y
		}
		if ms < from {
			continue
		}
		if ms < from+meanOver {
			for i, x := range r.reservoir.Features {
				r.mean[i] += x / meanOver
			}
		}
		if event >= 0 {
			r.learner.learn(ms, r.reservoir.Centred, r.y, event, r.protocol.Bump(ms, at))
		}
	}
	r.learner.predict(r.mean, p.Q)
	if event >= 0 {
		r.learner.finish(r.mean, event)
	}
	return p, nil
}

// rmse is the root mean square of what was predicted minus what a block's statistics say, over all channels and the time after the cue.
func rmse(p prediction, truth func(k, ms int) float64, from int) float64 {
	sum, n := 0., 0
	for k := range p.Y {
		for ms := from; ms < len(p.Y[k]); ms++ {
			d := p.z(k, ms) - truth(k, ms)
			sum += d * d
			n++
		}
	}
	return math.Sqrt(sum / float64(n))
}

// average is the mean of predictions, as traces z: of Q = 1 and Y = z.
func average(ps []prediction) prediction {
	out := prediction{}
	for k := range ps[0].Y {
		y := make([]float64, len(ps[0].Y[k]))
		for _, p := range ps {
			for ms := range y {
				y[ms] += p.z(k, ms) / float64(len(ps))
			}
		}
		out.Y, out.Q = append(out.Y, y), append(out.Q, 1)
	}
	return out
}

// meanQ is the mean "what" value of each channel.
func meanQ(ps []prediction) []float64 {
	q := make([]float64, len(ps[0].Q))
	for _, p := range ps {
		for k := range q {
			q[k] += p.Q[k] / float64(len(ps))
		}
	}
	return q
}

// peak is where a trace is highest after the cue, ms.
func peak(y []float64, from int) int {
	best := from
	for ms := from; ms < len(y); ms++ {
		if y[ms] > y[best] {
			best = ms
		}
	}
	return best
}

// amplitude is the factor of the bump at a time that fits a trace best.
func amplitude(y []float64, p expectation.Protocol, at int) float64 {
	yf, ff := 0., 0.
	for ms := p.CueOn + p.CueLength; ms < len(y); ms++ {
		f := p.Bump(ms, at)
		yf += y[ms] * f
		ff += f * f
	}
	return yf / ff
}

func mean(x []float64) float64 { return floats.Sum(x) / float64(len(x)) }

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
