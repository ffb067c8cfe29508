// Package network simulates large sparse networks of spiking neurons in plain Go. Spikes are delivered one by one, through rows of
// synapses with a delay each, and counted where they are delivered.
//
//	neurons, err := network.NewIzhikevich(models, 1)            // 1 ms a step
//	synapses, err := network.FanOut(10000, 10000, 1000, draw, rng)
//	net, err := network.New(network.Config{Neurons: neurons, Synapses: synapses})
//	err = net.Run(ctx, 1000, network.Drive{Current: noise.Add}, func(step int, spikes []int32) { ... })
//
// The models are those of package dynamics and follow its graph cells step for step, in float32. What a run gives does not depend on the
// number of workers.
//
// Beside the network are what learns in or around it: spike-timing dependent plasticity with and without a third factor ([Learning]),
// filters of spikes ([DoubleExponential]), read-outs with a local rule ([ReadOut]) or recursive least squares ([RLS]), and a [Reservoir] of
// Izhikevich's neurons that joins them.
//
// What may enter: models and rules that are simulated event by event. What must not: graphs and gradients (package dynamics).
package network
