package network

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/gyrus-dev/gyrus/dynamics"
)

// ReservoirConfig describes a [Reservoir]. [StandardReservoir] has values that work.
type ReservoirConfig struct {
	Neurons    int
	Excitatory float64 // part of the neurons; the rest is inhibitory (Dale's law)

	Connection    float64 // probability of each pair
	WeightE       float64 // weights of excitatory neurons are uniform up to this
	WeightI       float64 // and of inhibitory ones down to minus this
	SynapseDecay  float64 // time constant, ms
	Bias          float64 // constant currents are uniform up to this,
	BiasInhibit   float64 // times this for inhibitory neurons
	Noise         float64 // standard deviation of the current in each ms
	Cue           float64 // a neuron's current while the cue is on is uniform within ± this,
	CueFrom       float64 // and decays after it with a time constant of its own, log-uniform from CueFrom
	CueTo         float64 // to CueTo, ms: what carries the time since the cue
	Channels      int     // outputs that are fed back
	Feedback      float64 // a neuron's weight of each is uniform within ± this
	Rise, Decay   float64 // of the filter of spikes, ms
	BaselineSteps int     // of free running over which the filtered spikes are averaged, to centre them, ms
	SettleSteps   int     // of free running before the state that trials start from, ms
}

// StandardReservoir returns a reservoir of 1,000 neurons of mixed kinds, with a mean rate of about 12 Hz.
func StandardReservoir() ReservoirConfig {
	return ReservoirConfig{
		Neurons: 1000, Excitatory: .8, Connection: .1, WeightE: .05, WeightI: .10, SynapseDecay: 40, Bias: 8, BiasInhibit: .6, Noise: .3,
		Cue: 15, CueFrom: 50, CueTo: 800, Channels: 2, Feedback: .5, Rise: 5, Decay: 25, BaselineSteps: 3000, SettleSteps: 500,
	}
}

// Reservoir is a fixed recurrent network of Izhikevich's neurons in steps of 1 ms, whose filtered spikes are features for read-outs. The models of
// its excitatory and inhibitory neurons are those of the network of Izhikevich 2003.
type Reservoir struct {
	Features []float32 // [Neurons], filtered spikes of the current step
	Centred  []float32 // the same minus Baseline
	Baseline []float32 // mean of Features without a cue
	Rate     float64   // Hz, while the baseline was measured

	c        ReservoirConfig
	neurons  *Izhikevich
	net      *Network
	filter   *DoubleExponential
	noise    *Noise
	bias     []float32
	cue      []float32 // amplitudes
	fade     []float32 // of the cue's currents, per step
	held     []float32 // 1 while the cue is on, then decays
	feedback [][]float32
	current  []float32
	start    reservoirState
}

type reservoirState struct {
	v, u, synaptic          []float32
	queue                   [][]float32
	out, fast, slow, centre []float32
	step                    int
}

// NewReservoir draws a reservoir, measures its baseline and leaves it in the state that trials start from. It refuses one that is silent or
// saturated.
func NewReservoir(c ReservoirConfig, rng *rand.Rand) (*Reservoir, error) {
	inhibitory := c.Neurons - int(math.Round(c.Excitatory*float64(c.Neurons)))
	switch {
	case c.Neurons < 1 || inhibitory < 1 || inhibitory >= c.Neurons:
		return nil, fmt.Errorf("reservoir: %d neurons of which %d are inhibitory; there must be some of both kinds", c.Neurons, inhibitory)
	case !(c.SynapseDecay > 0) || !(c.CueFrom > 0 && c.CueTo >= c.CueFrom) || c.Channels < 0 || c.BaselineSteps < 1 || c.SettleSteps < 0:
		return nil, fmt.Errorf("reservoir: %+v: time constants and BaselineSteps must be positive, and CueTo at least CueFrom", c)
	}
	n, excitatory := c.Neurons, c.Neurons-inhibitory
	r := &Reservoir{c: c, Centred: make([]float32, n), Baseline: make([]float32, n)}
	for _, x := range []*[]float32{&r.bias, &r.cue, &r.fade, &r.held, &r.current} {
		*x = make([]float32, n)
	}
	models := make([]dynamics.Izhikevich, n)
	for i := range models {
		bias := c.Bias
		if x := rng.Float64(); i < excitatory {
			models[i] = dynamics.Izhikevich{A: .02, B: .2, C: -65 + 15*x*x, D: 8 - 6*x*x}
		} else {
			models[i] = dynamics.Izhikevich{A: .02 + .08*x, B: .25 - .05*x, C: -65, D: 2}
			bias *= c.BiasInhibit
		}
		r.bias[i] = float32(bias * rng.Float64())
		r.cue[i] = float32(c.Cue * (2*rng.Float64() - 1))
		r.fade[i] = float32(DecayOf(1, c.CueFrom*math.Pow(c.CueTo/c.CueFrom, rng.Float64())))
	}
	for range c.Channels {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(c.Feedback * (2*rng.Float64() - 1))
		}
		r.feedback = append(r.feedback, w)
	}
	synapses, err := Bernoulli(n, n, c.Connection, func(pre, _ int, rng *rand.Rand) (float32, int) {
		if pre < excitatory {
			return float32(c.WeightE * rng.Float64()), 1
		}
		return float32(-c.WeightI * rng.Float64()), 1
	}, rng)
	if err != nil {
		return nil, err
	}
	if r.neurons, err = NewIzhikevich(models, 1); err != nil {
		return nil, err
	}
	if r.net, err = New(Config{Neurons: r.neurons, Synapses: synapses, SynapseDecay: DecayOf(1, c.SynapseDecay), Workers: 1}); err != nil {
		return nil, err
	}
	if r.filter, err = NewDoubleExponential(n, c.Rise, c.Decay); err != nil {
		return nil, err
	}
	r.Features = r.filter.Out
	r.noise = EqualNoise(c.Noise, n, rng.Uint64())
	return r, r.settle()
}

// settle measures the baseline and keeps a state to start from.
func (r *Reservoir) settle() error {
	free := func(steps int, each func()) (spikes int, err error) {
		for range steps {
			fired, err := r.step(false, nil)
			if err != nil {
				return 0, err
			}
			spikes += len(fired)
			if each != nil {
				each()
			}
		}
		return spikes, r.neurons.Check()
	}
	if _, err := free(r.c.SettleSteps, nil); err != nil {
		return err
	}
	sum := make([]float64, len(r.Features))
	spikes, err := free(r.c.BaselineSteps, func() {
		for i, x := range r.Features {
			sum[i] += float64(x)
		}
	})
	if err != nil {
		return err
	}
	for i, s := range sum {
		r.Baseline[i] = float32(s / float64(r.c.BaselineSteps))
	}
	r.Rate = Rate(spikes, r.c.Neurons, r.c.BaselineSteps, 1)
	if r.Rate < 1 || r.Rate > 100 {
		return fmt.Errorf("reservoir: it fires at %.3g Hz, which is %s: change the bias or the weights", r.Rate, map[bool]string{true: "silent", false: "saturated"}[r.Rate < 1])
	}
	r.net.Reset()
	r.filter.Reset()
	if _, err := free(r.c.SettleSteps, nil); err != nil {
		return err
	}
	b := r.net.blocks
	s := reservoirState{v: slices.Clone(r.neurons.V), u: slices.Clone(r.neurons.U), step: r.net.step,
		out: slices.Clone(r.filter.Out), fast: slices.Clone(r.filter.fast), slow: slices.Clone(r.filter.slow), centre: slices.Clone(r.Centred)}
	for _, b := range b {
		s.synaptic = append(s.synaptic, b.synaptic...)
		for _, q := range b.queue {
			s.queue = append(s.queue, slices.Clone(q[:b.to-b.from]))
		}
	}
	r.start = s
	return nil
}

// Start brings the reservoir back to the state that trials start from. Its noise is drawn anew: from seed.
func (r *Reservoir) Start(seed uint64) {
	s := r.start
	copy(r.neurons.V, s.v)
	copy(r.neurons.U, s.u)
	copy(r.filter.Out, s.out)
	copy(r.filter.fast, s.fast)
	copy(r.filter.slow, s.slow)
	copy(r.Centred, s.centre)
	clear(r.held)
	r.net.step = s.step
	queue, synaptic := s.queue, s.synaptic
	for _, b := range r.net.blocks {
		synaptic = synaptic[copy(b.synaptic, synaptic):]
		for _, q := range b.queue {
			copy(q[:], queue[0])
			queue = queue[1:]
		}
	}
	r.noise.Seed = seed
}

// Step advances the reservoir by 1 ms, with the cue on or off and the outputs that are fed back (nil means zeros), and returns the neurons that
// fire; they stay valid until the next step.
func (r *Reservoir) Step(cue bool, outputs []float64) ([]int32, error) {
	if outputs != nil && len(outputs) != r.c.Channels {
		return nil, fmt.Errorf("reservoir: %d outputs come back, but it has %d channels", len(outputs), r.c.Channels)
	}
	return r.step(cue, outputs)
}

func (r *Reservoir) step(cue bool, outputs []float64) ([]int32, error) {
	r.drive(cue, outputs)
	r.noise.Add(r.net.step, 0, r.c.Neurons, r.current)
	spikes, err := r.net.Step(r.current, nil)
	if err != nil {
		return nil, err
	}
	r.filter.step(spikes, r.Centred, r.Baseline)
	return spikes, nil
}

func (r *Reservoir) drivePortable(cue bool, outputs []float64) {
	if cue {
		kernel.Fill(r.held, 1)
	} else {
		kernel.Binary(kernel.Mul, r.held, r.held, r.fade)
	}
	kernel.FMA(r.current, r.held, r.cue, r.bias)
	for k, y := range outputs {
		kernel.Axpy(r.current, float32(y), r.feedback[k], r.current)
	}
}

// Delivered is how many spikes have been delivered through synapses, over all trials.
func (r *Reservoir) Delivered() int64 { return r.net.Delivered() }
