package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"

	"github.com/gyrus-dev/gyrus/bench/versus"
	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics"
	sim "github.com/gyrus-dev/gyrus/dynamics/network"
	"github.com/gyrus-dev/gyrus/dynamics/spacetime"
	"github.com/gyrus-dev/gyrus/nn"
	"github.com/gyrus-dev/gyrus/simulate/expectation"
)

// network is that of Izhikevich 2003, ten times as large with as many synapses onto each neuron: 8,000 excitatory and 2,000 inhibitory neurons.
func network(_ string, part int) (versus.Timed, error) {
	const n, excitatory, fanOut = 10_000, 8_000, 1000
	rng := rand.New(rand.NewPCG(1, 2))
	models := make([]dynamics.Izhikevich, n)
	noise := sim.EqualNoise(5, n, 1)
	for i := range models {
		if r := rng.Float64(); i < excitatory {
			models[i] = dynamics.Izhikevich{A: .02, B: .2, C: -65 + 15*r*r, D: 8 - 6*r*r}
		} else {
			models[i] = dynamics.Izhikevich{A: .02 + .08*r, B: .25 - .05*r, C: -65, D: 2}
			noise.SD[i] = 2
		}
	}
	neurons, err := sim.NewIzhikevich(models, 1)
	if err != nil {
		return nil, err
	}
	synapses, err := sim.FanOut(n, n, fanOut, func(pre, _ int, rng *rand.Rand) (float32, int) {
		if pre < excitatory {
			return .5 * rng.Float32(), 1
		}
		return -rng.Float32(), 1
	}, rng)
	if err != nil {
		return nil, err
	}
	net, err := sim.New(sim.Config{Neurons: neurons, Synapses: synapses, Workers: versus.Threads})
	if err != nil {
		return nil, err
	}
	steps := 1000 / part
	return func() (float64, string, error) {
		net.Reset()
		spikes := 0
		begin := time.Now()
		err := net.Run(context.Background(), steps, sim.Drive{Current: noise.Add}, func(_ int, fired []int32) { spikes += len(fired) })
		return time.Since(begin).Seconds(), fmt.Sprintf("%.1f Hz, %.0f M spikes delivered", sim.Rate(spikes, n, steps, 1), float64(net.Delivered())/1e6), err
	}, nil
}

// training is a step of Adam on the mean over time of what is read out.
func training(direct bool) func(string, int) (versus.Timed, error) {
	const steps, batch, inputs, hidden, classes = 25, 128, 784, 512, 10
	return func(_ string, part int) (versus.Timed, error) {
		backend, err := compute.Open("")
		if err != nil {
			return nil, err
		}
		lif := dynamics.LIF{Decay: .9, Reset: dynamics.SoftReset, DetachReset: true}
		model := func(ctx *mlctx.Context, _ any, in []*graph.Node) []*graph.Node {
			layer := func(name string, x *graph.Node) *graph.Node { // [time, batch, ...] or [batch, ...] to [time, batch, hidden]
				current := nn.Linear{Out: hidden}.Apply(ctx.In(name), x)
				currents := dynamics.Repeat(current, steps)
				if x.Rank() == 3 {
					currents = dynamics.Steps(current)
				}
				return dynamics.Stack(dynamics.Unroll(lif.Cell(nil, x), currents, dynamics.Unrolling{}).Outputs)
			}
			spikes := layer("second", layer("first", in[0]))
			return []*graph.Node{nn.Linear{Out: classes}.Apply(ctx.In("out"), graph.ReduceMean(spikes, 0))}
		}
		loss := func(labels, logits []*graph.Node) *graph.Node {
			return losses.SparseCategoricalCrossEntropyLogits(labels, logits)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		var x *tensors.Tensor
		if values := make([]float32, steps*batch*inputs); direct {
			for i := range batch * inputs {
				values[i] = rng.Float32()
			}
			x = tensors.FromFlatDataAndDimensions(values[:batch*inputs], batch, inputs)
		} else {
			for i := range values {
				values[i] = float32(rng.IntN(5) / 4) // spikes in one of five steps
			}
			x = tensors.FromFlatDataAndDimensions(values, steps, batch, inputs)
		}
		y := tensors.FromFlatDataAndDimensions(make([]int32, batch), batch, 1)
		trainer := train.NewTrainer(backend, mlctx.New(), model, loss, optimizers.Adam().LearningRate(1e-3).Done(), nil, nil)
		step := func() error {
			out, err := trainer.TrainStep(nil, []*tensors.Tensor{x}, []*tensors.Tensor{y})
			for _, o := range out {
				o.MustFinalizeAll()
			}
			return err
		}
		for range 2 { // the first compiles
			if err := step(); err != nil {
				return nil, err
			}
		}
		count := max(2, 20/part)
		return func() (float64, string, error) {
			begin := time.Now()
			for range count {
				if err := step(); err != nil {
					return 0, "", err
				}
			}
			return time.Since(begin).Seconds() / float64(count), fmt.Sprintf("of %d steps", count), nil
		}, nil
	}
}

// reservoir learns in trials of the two-event task.
func reservoir(_ string, part int) (versus.Timed, error) {
	r, err := sim.NewReservoir(sim.StandardReservoir(), rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		return nil, err
	}
	protocol := expectation.Standard()
	readOut := sim.NewReadOut(2, len(r.Centred))
	trials := max(1, 20/part)
	return func() (float64, string, error) {
		begin := time.Now()
		spikes := 0
		for trial := range trials {
			r.Start(uint64(trial))
			y := make([]float64, 2)
			happens := trial % 2
			for ms := range protocol.Steps {
				fired, err := r.Step(protocol.Cue(ms), y)
				if err != nil {
					return 0, "", err
				}
				spikes += len(fired)
				for k := range y {
					y[k] = min(max(readOut.Output(k, r.Centred), -.5), 1.5)
				}
				target := protocol.Bump(ms, protocol.Blocks[0].Events[happens].At)
				if target > .05 || math.Abs(y[happens]) > .05 {
					readOut.Learn(happens, .02, target-y[happens], r.Centred, sim.Norm(r.Centred))
				}
			}
		}
		seconds := time.Since(begin).Seconds() / float64(trials)
		return seconds, fmt.Sprintf("%.1f Hz, %.0f simulated seconds a second", sim.Rate(spikes, 1000, 1000*trials, 1), 1/seconds), nil
	}, nil
}

// delays applies a kernel of random weights to random events. Of its weights, the smallest in magnitude are left out up to a share.
func delays(left float64) func(string, int) (versus.Timed, error) {
	const side, density = 64, .09
	return func(dir string, part int) (versus.Timed, error) {
		k, err := spacetime.NewKernel(2, 21, 17, 17, 36)
		if err != nil {
			return nil, err
		}
		rng := rand.New(rand.NewPCG(1, 2))
		var magnitudes []float64
		for tap := range k.TapCount() {
			_, dt, dy, dx := k.Of(tap)
			if math.Hypot(float64(dy), float64(dx)) <= min(8, 2.5+2*float64(dt)) {
				for c := range k.Classes {
					w := rng.NormFloat64()
					k.Row(tap)[c] = float32(w)
					magnitudes = append(magnitudes, math.Abs(w))
				}
			}
		}
		if left > 0 {
			slices.Sort(magnitudes)
			k.Prune(magnitudes[int(left*float64(len(magnitudes)))])
		}
		steps := int(math.Round(1e6/(2*side*side*density))) / part
		m, err := spacetime.NewMovie(2, steps, side, side)
		if err != nil {
			return nil, err
		}
		var file bytes.Buffer
		for t := range steps {
			for p := range 2 {
				frame := m.Frame(p, t)
				for i := range frame {
					if rng.Float64() < density {
						frame[i] = 1
					}
				}
				file.Write(frame)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "movie"), file.Bytes(), 0o600); err != nil {
			return nil, err
		}
		file.Reset()
		if err := binary.Write(&file, binary.LittleEndian, k.Weights); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, "kernel"), file.Bytes(), 0o600); err != nil {
			return nil, err
		}
		return func() (float64, string, error) {
			var mu sync.Mutex
			probe := float32(0)
			begin := time.Now()
			additions, err := k.Apply(m, 0, steps, versus.Threads, func(t, y int, evidence []float32) {
				if t == 50 && y == 30 {
					mu.Lock()
					probe = evidence[31*k.Classes+7]
					mu.Unlock()
				}
			})
			return time.Since(begin).Seconds(), fmt.Sprintf("%d events, %.1f G additions, evidence of one neuron %.3f", m.Events(), float64(additions)/1e9, probe), err
		}, nil
	}
}
