package network

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 3)) }

// wired is a random recurrent network with delays 1 to depth-1, the same for the graph and the simulator.
type wired struct {
	n, depth int
	weights  []float32 // [n, n]
	delays   []int     // [n, n]
	currents []float32 // [steps, n]
	steps    int
}

func newWired(n, depth, steps int, weight, mean, sd float64) *wired {
	rng := newRand(uint64(n))
	w := &wired{n: n, depth: depth, steps: steps}
	for range n * n {
		w.weights = append(w.weights, float32(weight*rng.NormFloat64()))
		w.delays = append(w.delays, 1+rng.IntN(depth-1))
	}
	for range steps * n {
		w.currents = append(w.currents, float32(mean+sd*rng.NormFloat64()))
	}
	return w
}

func (w *wired) synapses(t *testing.T) *Synapses {
	var list []Synapse
	for i := range w.n {
		for j := range w.n {
			list = append(list, Synapse{i, j, w.weights[i*w.n+j], w.delays[i*w.n+j]})
		}
	}
	s, err := Connect(w.n, w.n, list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// graph runs the network as a recurrent cell and returns its spikes and the first part of its state, each [steps, n], and for Izhikevich's
// neurons the second.
func (w *wired) graph(t *testing.T, cell func(like *graph.Node) dynamics.Cell, synapse float64, parts int) [][]float32 {
	b, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	back := make([]int, len(w.delays)) // the way back takes a step by itself
	for k, d := range w.delays {
		back[k] = d - 1
	}
	exec, err := mlctx.NewExec(b, mlctx.New(), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		var back dynamics.Cell = dynamics.Delayed{Kernel: dynamics.DelayKernel(in[1], back, w.depth-1)}
		if synapse > 0 {
			back = dynamics.Series{back, dynamics.Leaky{Decay: synapse}}
		}
		net := dynamics.Recurrent{Cell: cell(in[0]), Back: back}
		run := dynamics.Unroll(net, dynamics.Steps(in[0]), dynamics.Unrolling{})
		out := []*graph.Node{dynamics.Stack(run.Outputs)}
		for k := range parts {
			out = append(out, dynamics.Stack(run.State(k)))
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions(w.currents, w.steps, 1, w.n), tensors.FromFlatDataAndDimensions(w.weights, w.n, w.n))
	if err != nil {
		t.Fatal(err)
	}
	var flat [][]float32
	for _, o := range out {
		flat = append(flat, tensors.MustCopyFlatData[float32](o))
	}
	return flat
}

// TestAgreesWithGraph runs networks with delays in the graph and in the simulator, and compares spikes and membranes step for step.
func TestAgreesWithGraph(t *testing.T) {
	lif := func(m dynamics.LIF) func(*graph.Node) dynamics.Cell {
		return func(like *graph.Node) dynamics.Cell { return m.Cell(nil, like) }
	}
	for _, c := range []struct {
		name             string
		lif              dynamics.LIF
		izhikevich       bool
		weight, mean, sd float64
		synapse          float64
		steps            int
	}{
		{"hard reset", dynamics.LIF{Decay: .9}, false, .2, .15, .3, 0, 200},
		{"no leak", dynamics.LIF{Decay: 1, Reset: dynamics.SoftReset}, false, .2, .1, .3, 0, 200},
		{"no memory", dynamics.LIF{Decay: 0}, false, .5, .4, .5, 0, 200},
		{"soft reset, exponential synapses", dynamics.LIF{Decay: .8, Threshold: 1.5, Reset: dynamics.SoftReset}, false, .1, .3, .3, .7, 200},
		{"no reset", dynamics.LIF{Decay: .7, Reset: dynamics.NoReset}, false, .1, .2, .3, 0, 200},
		{"refractory", dynamics.LIF{Decay: .9, Refractory: 3}, false, .3, .3, .3, .5, 200},
		{"adaptive", dynamics.LIF{Decay: .9, Adapt: dynamics.Adaptation{Strength: 1, Decay: .95}}, false, .3, .3, .3, 0, 200},
		{"adaptive, refractory, soft", dynamics.LIF{Decay: .9, Reset: dynamics.SoftReset, Refractory: 1, Adapt: dynamics.Adaptation{Strength: .5, Decay: .9}}, false, .3, .3, .3, .3, 200},
		{"Izhikevich", dynamics.LIF{}, true, 3, 8, 3, 0, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWired(24, 6, c.steps, c.weight, c.mean, c.sd)
			cell := lif(c.lif)
			var neurons Neurons
			var err error
			parts := 1
			if c.izhikevich {
				kinds := []dynamics.Izhikevich{dynamics.RegularSpiking, dynamics.FastSpiking, dynamics.Chattering}
				var models []dynamics.Izhikevich
				var a, b, cc, d []float32
				for i := range w.n {
					m := kinds[i%len(kinds)]
					models = append(models, m)
					a, b, cc, d = append(a, float32(m.A)), append(b, float32(m.B)), append(cc, float32(m.C)), append(d, float32(m.D))
				}
				cell = func(like *graph.Node) dynamics.Cell {
					constant := func(x []float32) *graph.Node { return graph.Const(like.Graph(), x) }
					return &dynamics.IzhikevichCell{A: constant(a), B: constant(b), C: constant(cc), D: constant(d)}
				}
				neurons, err = NewIzhikevich(models, 1)
				parts = 2
			} else {
				neurons, err = NewLIF(c.lif, w.n)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := w.graph(t, cell, c.synapse, parts)
			net, err := New(Config{Neurons: neurons, Synapses: w.synapses(t), SynapseDecay: c.synapse})
			if err != nil {
				t.Fatal(err)
			}
			fired := 0
			for step := range w.steps {
				// Where synapses decay, what comes from outside does not.
				spikes, err := net.Step(w.currents[step*w.n:(step+1)*w.n], nil)
				if err != nil {
					t.Fatal(err)
				}
				var graphs []int32
				for i, s := range want[0][step*w.n : (step+1)*w.n] {
					if s == 1 {
						graphs = append(graphs, int32(i))
					}
				}
				if !slices.Equal(spikes, graphs) {
					t.Fatalf("step %d: the simulator fires %v, the graph %v", step, spikes, graphs)
				}
				fired += len(spikes)
				var states [][]float32
				switch p := neurons.(type) {
				case *LIF:
					states = [][]float32{p.V}
				case *Izhikevich:
					states = [][]float32{p.V, p.U}
				}
				for k, state := range states {
					graphs := want[1+k][step*w.n : (step+1)*w.n]
					for i, v := range state {
						if g := graphs[i]; math.Abs(float64(v-g)) > 1e-4*max(1, math.Abs(float64(g))) {
							t.Fatalf("step %d, neuron %d: state %d is %g, in the graph %g", step, i, k, v, g)
						}
					}
					// The two round differently, which the growth of a spike would amplify until the networks part.
					copy(state, graphs)
				}
			}
			if fired < w.steps/2 || fired > w.steps*w.n*9/10 {
				t.Errorf("%d spikes in %d steps: the test shows little", fired, w.steps)
			}
			if want := int64(fired * w.n); net.Delivered() != want {
				t.Errorf("%d spikes delivered, but %d fired with %d targets each", net.Delivered(), fired, w.n)
			}
		})
	}
}

// busy is a network of Izhikevich's neurons driven by noise, with delays.
func busy(t testing.TB, n, workers int, learning *Learning) (*Network, *Noise) {
	rng := newRand(1)
	models := make([]dynamics.Izhikevich, n)
	for i := range models {
		models[i] = dynamics.RegularSpiking
		if i >= n*4/5 {
			models[i] = dynamics.FastSpiking
		}
	}
	neurons, err := NewIzhikevich(models, 1)
	if err != nil {
		t.Fatal(err)
	}
	synapses, err := FanOut(n, n, 60, func(pre, _ int, rng *rand.Rand) (float32, int) {
		if pre >= n*4/5 {
			return -2 * rng.Float32(), 1
		}
		return rng.Float32(), 1 + rng.IntN(15)
	}, rng)
	if err != nil {
		t.Fatal(err)
	}
	net, err := New(Config{Neurons: neurons, Synapses: synapses, Learning: learning, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return net, EqualNoise(6, n, 5)
}

// TestWorkers holds that the number of workers changes nothing, whether weights learn or not, and that Step does what Run does.
func TestWorkers(t *testing.T) {
	const n, steps = 2000, 130
	for _, learning := range []*Learning{nil, {APlus: .05, AMinus: .06, TauPlus: 20, TauMinus: 20, Max: 2, Only: func(pre int) bool { return pre < n*4/5 }}} {
		var want [][]int32
		var weights []float32
		for _, workers := range []int{1, 2, 3, 4} {
			net, noise := busy(t, n, workers, learning)
			if len(net.blocks) != workers {
				t.Fatalf("%d blocks for %d workers", len(net.blocks), workers)
			}
			var got [][]int32
			if err := net.Run(t.Context(), steps, Drive{Current: noise.Add}, func(step int, spikes []int32) {
				if step != len(got) {
					t.Errorf("step %d after %d", step, len(got))
				}
				got = append(got, slices.Clone(spikes))
			}); err != nil {
				t.Fatal(err)
			}
			if workers == 1 {
				want, weights = got, net.Weights()
				total := 0
				for _, s := range got {
					total += len(s)
				}
				if rate := Rate(total, n, steps, 1); rate < 2 || rate > 100 {
					t.Fatalf("the network fires at %g Hz", rate)
				}
				if learning != nil && slices.Equal(weights, net.c.Synapses.Weight) {
					t.Error("nothing was learned")
				}
				continue
			}
			if !slices.EqualFunc(got, want, func(a, b []int32) bool { return slices.Equal(a, b) }) || !slices.Equal(net.Weights(), weights) {
				t.Errorf("%d workers give other spikes or weights than 1", workers)
			}
			net.Reset()
			again, noise := busy(t, n, workers, learning)
			for step := range steps {
				current := make([]float32, n)
				noise.Add(step, 0, n, current)
				spikes, err := again.Step(current, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(spikes, want[step]) {
					t.Fatalf("Step %d gives other spikes than Run", step)
				}
			}
		}
	}
}

// TestInputs drives neurons from sources outside, with a delay of 0 and more, in Step and in Run.
func TestInputs(t *testing.T) {
	make := func() *Network {
		neurons, err := NewLIF(dynamics.LIF{Decay: 1}, 2)
		if err != nil {
			t.Fatal(err)
		}
		inputs, err := Connect(2, 2, []Synapse{{0, 0, 1, 0}, {1, 1, .6, 3}, {1, 0, .5, 1}})
		if err != nil {
			t.Fatal(err)
		}
		net, err := New(Config{Neurons: neurons, Inputs: inputs})
		if err != nil {
			t.Fatal(err)
		}
		return net
	}
	fires := [][]int32{{0}, {1}, {1}, {}, {}, {}}
	want := [][]int32{{0}, {}, {}, {0}, {}, {1}} // neuron 0: 1 at 0, .5 at 2 and 3; neuron 1: .6 at 4 and 5
	net := make()
	for step, sources := range fires {
		got, err := net.Step(nil, sources)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want[step]) {
			t.Errorf("step %d: %v fire, want %v", step, got, want[step])
		}
	}
	if net.Delivered() != 5 {
		t.Errorf("%d deliveries, want 5", net.Delivered())
	}
	net = make()
	if err := net.Run(t.Context(), len(fires), Drive{Sources: func(step int) []int32 { return fires[step] }}, func(step int, got []int32) {
		if !slices.Equal(got, want[step]) {
			t.Errorf("running, step %d: %v fire, want %v", step, got, want[step])
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Step(nil, []int32{2}); err == nil {
		t.Error("source 2 of 2 fired")
	}
	if err := net.Run(t.Context(), 3, Drive{Sources: func(int) []int32 { return []int32{-1} }}, nil); err == nil {
		t.Error("source -1 fired")
	}
}

func TestStops(t *testing.T) {
	net, noise := busy(t, 1000, 2, nil)
	ctx, cancel := context.WithCancel(t.Context())
	if err := net.Run(ctx, 10_000, Drive{Current: noise.Add}, func(step int, _ []int32) {
		if step == 100 {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run returns %v", err)
	}
	if net.Steps() < 100 || net.Steps() > 200 {
		t.Errorf("it stops after %d steps", net.Steps())
	}
	if err := net.Run(t.Context(), 10, Drive{Current: func(_, _, _ int, current []float32) { current[0] = float32(math.Inf(1)) }}, nil); err == nil ||
		!strings.Contains(err.Error(), "membrane of neuron") {
		t.Errorf("an infinite current gives %v", err)
	}
}

// TestLarge has more neurons than a block's numbers reach.
func TestLarge(t *testing.T) {
	const n = 70_000
	neurons, err := NewLIF(dynamics.LIF{Decay: .5}, n)
	if err != nil {
		t.Fatal(err)
	}
	var list []Synapse
	for i := range n {
		list = append(list, Synapse{i, (i + 65_000) % n, 1, 1})
	}
	synapses, err := Connect(n, n, list)
	if err != nil {
		t.Fatal(err)
	}
	net, err := New(Config{Neurons: neurons, Synapses: synapses, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	current := make([]float32, n)
	current[10] = 1
	at := int32(10)
	for step := range 20 {
		spikes, err := net.Step(current, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(spikes, []int32{at}) {
			t.Fatalf("step %d: %v fire, want %d", step, spikes, at)
		}
		at = (at + 65_000) % n
		current[10] = 0
	}
}

// TestJoin puts two kinds side by side.
func TestJoin(t *testing.T) {
	a, _ := NewLIF(dynamics.LIF{Decay: 1}, 300)
	b, _ := NewIzhikevich(slices.Repeat([]dynamics.Izhikevich{dynamics.RegularSpiking}, 400), 1)
	alone, _ := NewIzhikevich(slices.Repeat([]dynamics.Izhikevich{dynamics.RegularSpiking}, 400), 1)
	net, err := New(Config{Neurons: Join(a, b), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	other, _ := New(Config{Neurons: alone})
	current := slices.Repeat([]float32{.3}, 700)
	for i := range 400 {
		current[300+i] = float32(i) / 20
	}
	for step := range 100 {
		got, err := net.Step(current, nil)
		if err != nil {
			t.Fatal(err)
		}
		spikes, _ := other.Step(current[300:], nil)
		var want []int32
		if step%4 == 3 {
			for i := range int32(300) {
				want = append(want, i)
			}
		}
		for _, s := range spikes {
			want = append(want, s+300)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("step %d: %d fire, want %d", step, len(got), len(want))
		}
	}
}

func TestBuilders(t *testing.T) {
	s, err := Bernoulli(200, 300, .1, Equal(2, 3), newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Len(); n < 5700 || n > 6300 {
		t.Errorf("%d synapses of 60000 with probability 0.1", n)
	}
	var per [300]int
	for i := range s.Pre {
		row := s.Target[s.Start[i]:s.Start[i+1]]
		for k, target := range row {
			per[target]++
			if k > 0 && row[k-1] >= target {
				t.Fatalf("row %d is %v", i, row)
			}
		}
	}
	if lo, hi := slices.Min(per[:]), slices.Max(per[:]); lo < 5 || hi > 40 {
		t.Errorf("targets have %d to %d synapses", lo, hi)
	}
	for _, p := range []float64{0, 1} {
		s, err := Bernoulli(3, 5, p, Equal(1, 1), newRand(1))
		if err != nil || s.Len() != int(15*p) {
			t.Errorf("probability %g gives %d synapses: %v", p, s.Len(), err)
		}
	}
	if s, err := FanOut(10, 1000, 7, Equal(1, 1), newRand(1)); err != nil || s.Len() != 70 {
		t.Errorf("fan-out 7 of 10 gives %d synapses: %v", s.Len(), err)
	}
	d, err := Dense([]float32{1, 2, 3, 4, 5, 6}, 2, 3, 4)
	if err != nil || !slices.Equal(d.Target, []int32{0, 1, 2, 0, 1, 2}) || !slices.Equal(d.Start, []int{0, 3, 6}) || d.delay(5) != 4 {
		t.Errorf("dense synapses %+v: %v", d, err)
	}
}

func TestRefuses(t *testing.T) {
	neurons, _ := NewLIF(dynamics.LIF{Decay: 1}, 3)
	connect := func(list ...Synapse) *Synapses {
		s, err := Connect(3, 3, list)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	nan := connect(Synapse{0, 1, float32(math.NaN()), 1})
	for says, c := range map[string]Config{
		"no neurons":       {},
		"delay of 0":       {Neurons: neurons, Synapses: connect(Synapse{0, 1, 1, 0})},
		"weight NaN":       {Neurons: neurons, Synapses: nan},
		"go to 2 neurons":  {Neurons: neurons, Synapses: &Synapses{Pre: 3, Post: 2}},
		"synapse decay":    {Neurons: neurons, SynapseDecay: 1},
		"without synapses": {Neurons: neurons, Learning: &Learning{TauPlus: 1, TauMinus: 1, Max: 1}},
		"lie between 0":    {Neurons: neurons, Synapses: connect(Synapse{0, 1, 3, 1}), Learning: &Learning{TauPlus: 1, TauMinus: 1, Max: 1}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if _, err := Connect(3, 3, []Synapse{{0, 3, 1, 1}}); err == nil {
		t.Error("connected to neuron 3 of 3")
	}
	if _, err := NewIzhikevich(nil, 0); err == nil {
		t.Error("a step of 0 ms")
	}
	if _, err := NewLIF(dynamics.LIF{Decay: 2}, 1); err == nil {
		t.Error("a decay of 2")
	}
	net, _ := New(Config{Neurons: neurons})
	if _, err := net.Step([]float32{1}, nil); err == nil {
		t.Error("one current for three neurons")
	}
}

// TestNoise checks moments, and that ranges fit together.
func TestNoise(t *testing.T) {
	const n = 1000
	noise := EqualNoise(2, n, 9)
	noise.SD[500] = 0
	var sum, squares, quarts, lag float64
	before := make([]float32, n)
	for step := range 200 {
		whole, parts := make([]float32, n), make([]float32, n)
		noise.Add(step, 0, n, whole)
		for _, cut := range [][2]int{{0, 256}, {256, 700}, {700, 1000}} {
			noise.Add(step, cut[0], cut[1], parts[cut[0]:cut[1]])
		}
		if !slices.Equal(whole, parts) {
			t.Fatal("noise depends on how neurons are cut into ranges")
		}
		if whole[500] != 0 {
			t.Fatal("noise where there is none")
		}
		for i, x := range whole {
			z := float64(x) / 2
			sum += z
			squares += z * z
			quarts += z * z * z * z
			lag += z * float64(before[i]) / 2
		}
		before = whole
	}
	const m = 200 * (n - 1)
	for _, c := range []struct {
		name      string
		got, want float64
		tolerance float64
	}{{"mean", sum / m, 0, .01}, {"variance", squares / m, 1, .02}, {"fourth moment", quarts / m, 3, .15}, {"correlation with the step before", lag / m, 0, .01}} {
		if math.Abs(c.got-c.want) > c.tolerance {
			t.Errorf("%s is %g, want %g", c.name, c.got, c.want)
		}
	}
}

func BenchmarkIzhikevich(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint(workers, " workers"), func(b *testing.B) {
			net, noise := busy(b, 10_000, workers, nil)
			b.ResetTimer()
			for b.Loop() {
				if err := net.Run(b.Context(), 100, Drive{Current: noise.Add}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
