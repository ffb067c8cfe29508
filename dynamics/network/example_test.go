package network_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/dynamics"
	"github.com/gyrus-dev/gyrus/dynamics/network"
)

// The network of Izhikevich 2003: 800 excitatory and 200 inhibitory neurons, all different, driven by noise.
func Example() {
	const n, excitatory = 1000, 800
	rng := rand.New(rand.NewPCG(1, 2))
	models := make([]dynamics.Izhikevich, n)
	noise := network.EqualNoise(5, n, 1)
	for i := range models {
		if r := rng.Float64(); i < excitatory {
			models[i] = dynamics.Izhikevich{A: .02, B: .2, C: -65 + 15*r*r, D: 8 - 6*r*r}
		} else {
			models[i] = dynamics.Izhikevich{A: .02 + .08*r, B: .25 - .05*r, C: -65, D: 2}
			noise.SD[i] = 2
		}
	}
	neurons, err := network.NewIzhikevich(models, 1)
	if err != nil {
		log.Fatal(err)
	}
	synapses, err := network.Bernoulli(n, n, 1, func(pre, _ int, rng *rand.Rand) (weight float32, delay int) {
		if pre < excitatory {
			return .5 * rng.Float32(), 1
		}
		return -rng.Float32(), 1
	}, rng)
	if err != nil {
		log.Fatal(err)
	}
	net, err := network.New(network.Config{Neurons: neurons, Synapses: synapses})
	if err != nil {
		log.Fatal(err)
	}
	spikes := 0
	err = net.Run(context.Background(), 1000, network.Drive{Current: noise.Add}, func(_ int, fired []int32) { spikes += len(fired) })
	if err != nil {
		log.Fatal(err)
	}
	rate := network.Rate(spikes, n, 1000, 1)
	fmt.Println("between 4 and 12 Hz:", rate > 4 && rate < 12)
	fmt.Println("operations per spike:", net.Delivered()/int64(spikes))
	// Output:
	// between 4 and 12 Hz: true
	// operations per spike: 1000
}

// A reservoir learns to expect an event 300 ms after a cue: a read-out of its filtered spikes rises to 1 there, by a rule that needs only the
// read-out's error and what is before it.
func ExampleReservoir() {
	r, err := network.NewReservoir(network.StandardReservoir(), rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		log.Fatal(err)
	}
	readOut := network.NewReadOut(1, len(r.Centred))
	const onset, event = 50, 350 // ms
	expect := func(ms int) float64 { d := float64(ms-event) / 40; return math.Exp(-d * d / 2) }
	trial := func(seed uint64, learn bool) (peak int) {
		r.Start(seed) // the same state, other noise
		highest := 0.
		for ms := range 600 {
			if _, err := r.Step(ms >= onset && ms < onset+50, nil); err != nil {
				log.Fatal(err)
			}
			y := readOut.Output(0, r.Centred)
			if y > highest {
				highest, peak = y, ms
			}
			if learn {
				readOut.Learn(0, .02, expect(ms)-y, r.Centred, network.Norm(r.Centred))
			}
		}
		return peak
	}
	for seed := range uint64(50) {
		trial(seed, true)
	}
	peak := trial(1000, false)
	fmt.Println("within 40 ms of the event:", peak > event-40 && peak < event+40)
	// Output: within 40 ms of the event: true
}

// STDP alone finds which of a neuron's inputs fire together: their synapses grow, the others fade (Song, Miller & Abbott 2000).
func ExampleLearning() {
	const inputs, correlated = 200, 100
	sources, err := network.NewLIF(dynamics.LIF{Threshold: .5}, inputs) // fire when they are told to
	if err != nil {
		log.Fatal(err)
	}
	target, err := network.NewLIF(dynamics.LIF{Decay: network.DecayOf(1, 10)}, 1)
	if err != nil {
		log.Fatal(err)
	}
	var list []network.Synapse
	for i := range inputs {
		list = append(list, network.Synapse{Pre: i, Post: inputs, Weight: .1, Delay: 1})
	}
	synapses, err := network.Connect(inputs+1, inputs+1, list)
	if err != nil {
		log.Fatal(err)
	}
	net, err := network.New(network.Config{Neurons: network.Join(sources, target), Synapses: synapses,
		Learning: &network.Learning{APlus: .002, AMinus: .0024, TauPlus: 20, TauMinus: 20, Max: .2}})
	if err != nil {
		log.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	drive := func(_, _, _ int, current []float32) {
		together := rng.Float64() < .01
		for i := range inputs { // all fire at 10 Hz
			switch {
			case i >= correlated:
				if rng.Float64() < .01 {
					current[i]++
				}
			case rng.Float64() < .005 || together && rng.Float64() < .5:
				current[i]++
			}
		}
	}
	if err := net.Run(context.Background(), 60_000, network.Drive{Current: drive}, nil); err != nil {
		log.Fatal(err)
	}
	mean := func(w []float32) (m float32) {
		for _, x := range w {
			m += x / float32(len(w))
		}
		return m
	}
	w := net.Weights()
	fmt.Printf("correlated inputs %.1f of the largest weight, others %.1f\n", mean(w[:correlated])/.2, mean(w[correlated:])/.2)
	// Output: correlated inputs 1.0 of the largest weight, others 0.0
}
