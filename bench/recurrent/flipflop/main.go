// Command flipflop times how fast 64 recurrent networks of 64 units learn the 3-bit flip-flop, with package ensemble, with PyTorch in a loop over networks,
// and with JAX, vmap over networks and scan over time, and prints the ratios:
//
//	go run ./bench/recurrent/flipflop [-python python3,other/python] [-only name] [-quick]
//
// All sides train h(t) = tanh(W h(t-1) + U x(t) + b) with a linear output on trials of 40 steps in batches of 64, new ones for each network and
// update, by Adam at 1e-3 in float32, from weights within ±1/√64. Trials are drawn while the networks learn, and that is part of the time; compiling is not.
//
// PyTorch loops over networks, and over time either in Python or in its own RNN; it takes one thread or two, whichever is faster. The work "update" is a number of updates of all 64 networks. The work "criterion" is training
// until each network's running mean error (0.95) is below 0.001: Gyrus and JAX train to the end, with the stopping rule of each network, whereas the
// loop of PyTorch would take too long and is extrapolated from the time of an update to the number of updates that Gyrus's networks needed. With -quick
// there is a tenth of the updates, and a tenth of the networks to the criterion.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gyrus-dev/gyrus/bench/versus"
	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics/ensemble"
	"github.com/gyrus-dev/gyrus/simulate/cognitive"
)

//go:embed peers.py
var script string

const (
	networks, units, bits, steps, batch = 64, 64, 3, 40, 64
	threshold                           = 1e-3
)

func main() {
	peers := []versus.Peer{{Name: "loop", Must: 10, Aim: 25}, {Name: "torch", Must: 10, Aim: 25}, {Name: "jax", Must: 1, Aim: 2}}
	versus.Main(script, []versus.Work{
		{Name: "update", What: "20 updates of 64 networks of 64 units, 3-bit flip-flop, 40 steps, batch 64", Prepare: update, Peers: peers, Turns: 3},
		{Name: "criterion", What: "training of all 64 until each one's running error is below 0.001", Prepare: criterion, Peers: peers, Turns: 1},
	})
}

// train trains networks for some updates, or to the threshold. It tells the seconds after the first round, in which graphs are compiled, and the members.
func train(n int, o ensemble.Options) (float64, []*ensemble.Member, error) {
	backend, err := compute.Open("")
	if err != nil {
		return 0, nil, err
	}
	net := ensemble.Network{Inputs: bits, Units: units, Outputs: bits, Biased: true}
	task := cognitive.FlipFlop{Bits: bits, Steps: steps, P: .1}
	members := make([]*ensemble.Member, n)
	for i := range members {
		rng := rand.New(rand.NewPCG(uint64(i), 0))
		members[i] = &ensemble.Member{Weights: net.Init(rng), Draw: func(x, y []float32) { cognitive.Fill(task, rng, batch, x, y) }}
	}
	o.Steps, o.Batch, o.Rate = steps, batch, 1e-3
	var begin time.Time
	o.Progress = func(int, int) {
		if begin.IsZero() {
			begin = time.Now()
		}
	}
	err = ensemble.Train(context.Background(), backend, net, members, o)
	return time.Since(begin).Seconds(), members, err
}

func update(_ string, part int) (versus.Timed, error) {
	updates := 20 / part
	return func() (float64, string, error) {
		seconds, members, err := train(networks, ensemble.Options{Updates: updates + 1})
		if err != nil {
			return 0, "", err
		}
		return seconds, fmt.Sprintf("%.1f ms an update, loss %.3f", 1000*seconds/float64(updates), members[0].Loss), nil
	}, nil
}

func criterion(dir string, part int) (versus.Timed, error) {
	n := max(1, networks/part)
	return func() (float64, string, error) {
		seconds, members, err := train(n, ensemble.Options{Updates: 20_000, Threshold: threshold})
		if err != nil {
			return 0, "", err
		}
		total, most, least := 0, 0, 1<<30
		for _, m := range members {
			if !m.Converged {
				return 0, "", fmt.Errorf("a network has not learnt its task: error %g", m.Loss)
			}
			total, most, least = total+m.Updates, max(most, m.Updates), min(least, m.Updates)
		}
		data, err := json.Marshal(map[string]int{"networks": n, "updates": total})
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "criterion.json"), data, 0o666)
		}
		return seconds, fmt.Sprintf("%d networks, %d to %d updates each, %d in all", n, least, most, total), err
	}, nil
}
