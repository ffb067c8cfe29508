// Command spiking times the spiking toolkit beside Brian2, NEST, snnTorch, SpikingJelly, PyTorch and NumPy on the same work, in one run, and prints the
// ratios:
//
//	go run ./bench/spiking [-python python3,other/python] [-only name] [-quick]
//
// Package versus says how. Building a network, compiling a graph or a peer's C++, and making data are not timed. With -quick there is a tenth of the
// work.
package main

import (
	_ "embed"

	"github.com/gyrus-dev/gyrus/bench/versus"
)

//go:embed peers.py
var script string

func main() {
	libraries := []versus.Peer{{Name: "snntorch", Must: 2, Aim: 5}, {Name: "spikingjelly", Must: 2, Aim: 5}}
	versus.Main(script, []versus.Work{
		{Name: "network", What: "1 s of 10,000 Izhikevich neurons with 1,000 synapses each, 1 ms a step",
			Prepare: network, Peers: []versus.Peer{{Name: "brian2", Must: 1, Aim: 2}, {Name: "nest", Must: 1, Aim: 2}}},
		{Name: "training", What: "training step, LIF 784-512-512-10, 25 steps of time, batch 128, spikes of every step given",
			Prepare: training(false), Peers: libraries},
		{Name: "direct", What: "the same with the image as a constant current",
			Prepare: training(true), Peers: libraries},
		{Name: "reservoir", What: "1 s of a reservoir of 1,000 Izhikevich neurons with two read-outs that learn by three factors",
			Prepare: reservoir, Peers: []versus.Peer{{Name: "numpy", Must: 20, Aim: 50}}},
		{Name: "delays", What: "delay layer, 36 classes, 21 delays, 17x17 places in a cone, on 1 M events of 64x64 pixels",
			Prepare: delays(0), Peers: []versus.Peer{{Name: "torch", Must: 5, Aim: 20}}},
		{Name: "pruned", What: "the same with the largest tenth of its weights",
			Prepare: delays(.9), Peers: []versus.Peer{{Name: "torch", Must: 5, Aim: 20}}},
	})
}
