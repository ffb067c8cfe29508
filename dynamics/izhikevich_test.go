package dynamics

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// izhikevichSpikes runs one neuron, from where it comes to rest without current, and returns the steps (ms) of its spikes from then on.
func izhikevichSpikes(m Izhikevich, rest float64, current []float64) (at []int) {
	v, u := m.Start()
	step := func(i float64) bool {
		v += .5 * (.04*v*v + 5*v + 140 - u + i)
		v += .5 * (.04*v*v + 5*v + 140 - u + i)
		u += m.A * (m.B*v - u)
		if v >= 30 {
			v, u = m.C, u+m.D
			return true
		}
		return false
	}
	for range 1000 {
		step(rest)
	}
	for t, i := range current {
		if step(i) {
			at = append(at, t)
		}
	}
	return at
}

func constant(n int, i float64) []float64 {
	x := make([]float64, n)
	for k := range x {
		x[k] = i
	}
	return x
}

// intervals are the times between spikes, ms.
func intervals(at []int) (out []int) {
	for i := 1; i < len(at); i++ {
		out = append(out, at[i]-at[i-1])
	}
	return out
}

// TestRegimes checks that each kind of neuron does what its paper shows of it.
func TestRegimes(t *testing.T) {
	within := func(at []int, from, to int) (n int) {
		for _, s := range at {
			if s >= from && s < to {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		name    string
		m       Izhikevich
		rest    float64
		current []float64
		shows   func(at, isi []int) bool
	}{
		{"regular spiking slows down", RegularSpiking, 0, constant(500, 10), func(_, isi []int) bool {
			return len(isi) > 5 && isi[len(isi)-1] > isi[0]
		}},
		{"intrinsic burst, then single spikes", IntrinsicallyBursting, 0, constant(500, 10), func(_, isi []int) bool {
			return len(isi) > 5 && isi[0] < 10 && isi[len(isi)-1] > 3*isi[0]
		}},
		{"chattering: bursts come again", Chattering, 0, constant(500, 10), func(_, isi []int) bool {
			short, long := 0, 0
			for _, i := range isi {
				if i <= 6 {
					short++
				} else if i > 30 {
					long++
				}
			}
			return long >= 4 && short >= long && short+long == len(isi)
		}},
		{"fast spiking keeps its rate", FastSpiking, 0, constant(500, 10), func(at, _ []int) bool {
			first, second := within(at, 0, 250), within(at, 250, 500)
			return len(at) > 30 && second <= first && 5*second > 4*first
		}},
		{"low threshold: fires where regular spiking does not", LowThresholdSpiking, 0, constant(500, 3), func(at, _ []int) bool {
			return len(at) > 5 && len(izhikevichSpikes(RegularSpiking, 0, constant(500, 3))) < 3
		}},
		{"low threshold: slows down", LowThresholdSpiking, 0, constant(500, 10), func(at, _ []int) bool {
			return within(at, 0, 100) > within(at, 400, 500) && within(at, 400, 500) > 3
		}},
		{"thalamo-cortical: tonic from rest", ThalamoCortical, 0, constant(500, 2), func(_, isi []int) bool { return len(isi) > 5 }},
		{"thalamo-cortical: fires on release", ThalamoCortical, -15, constant(200, 0), func(at, _ []int) bool {
			return len(at) >= 2 && len(izhikevichSpikes(RegularSpiking, -15, constant(200, 0))) == 0
		}},
		{"resonator: a pair of pulses at its own interval", Resonator, 0, resonance(42), func(at, _ []int) bool {
			return len(at) == 1 && len(izhikevichSpikes(Resonator, 0, resonance(58))) == 0 && len(izhikevichSpikes(Resonator, 0, resonance(25))) == 0
		}},
		{"phasic spiking", PhasicSpiking, 0, constant(500, .5), func(at, _ []int) bool { return len(at) == 1 }},
		{"tonic bursting", TonicBursting, 0, constant(500, 15), func(at, isi []int) bool { return within(at, 250, 500) > 8 }},
		{"phasic bursting", PhasicBursting, 0, constant(500, .6), func(at, _ []int) bool { return len(at) > 2 && within(at, 250, 500) == 0 }},
		{"mixed mode", MixedMode, 0, constant(500, 10), func(_, isi []int) bool { return isi[0] < 6 && isi[len(isi)-1] > 15 }},
		{"spike frequency adaptation", SpikeFrequencyAdaptation, 0, constant(500, 30), func(_, isi []int) bool { return isi[len(isi)-1] > 2*isi[0] }},
		{"rebound spike", ReboundSpike, 0, append(constant(5, -15), constant(200, 0)...), func(at, _ []int) bool { return len(at) == 1 }},
		{"rebound burst", ReboundBurst, 0, append(constant(5, -15), constant(200, 0)...), func(at, _ []int) bool { return len(at) > 2 }},
		{"inhibition-induced spiking", InhibitionInducedSpiking, 80, append(constant(200, 75), constant(200, 80)...), func(at, _ []int) bool {
			return within(at, 0, 200) > 2 && within(at, 250, 400) == 0
		}},
	} {
		at := izhikevichSpikes(c.m, c.rest, c.current)
		if isi := intervals(at); len(isi) == 0 && len(at) == 0 || !c.shows(at, isi) {
			t.Errorf("%s: spikes at %v", c.name, at)
		}
	}
}

// resonance is two short pulses so many ms apart, of which one alone causes no spike.
func resonance(apart int) []float64 {
	x := make([]float64, 200)
	x[20], x[20+apart] = 2.4, 2.4
	return x
}

// TestIzhikevichCell compares the graph with plain Go for neurons of all kinds at once, and its gradient with differences where no spike is
// near.
func TestIzhikevichCell(t *testing.T) {
	b := open(t)
	kinds := []Izhikevich{RegularSpiking, IntrinsicallyBursting, Chattering, FastSpiking, LowThresholdSpiking, ThalamoCortical, Resonator}
	const steps = 120
	n := len(kinds)
	var a, bb, c, d []float64
	for _, k := range kinds {
		a, bb, c, d = append(a, k.A), append(bb, k.B), append(c, k.C), append(d, k.D)
	}
	x := noise(steps*n, 9, 3, 1)
	got := run(t, b, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		cell := &IzhikevichCell{A: in[1], B: in[2], C: in[3], D: in[4]}
		tr := Unroll(cell, Steps(in[0]), Unrolling{})
		return []*graph.Node{Stack(tr.Outputs), Stack(tr.State(0)), Stack(tr.State(1))}
	}, tensors.FromFlatDataAndDimensions(x, steps, 1, n), a, bb, c, d)
	fired := 0.
	for k, m := range kinds {
		v, u := m.Start()
		for step := range steps {
			i := step*n + k
			spike := 0.
			v += .5 * (.04*v*v + 5*v + 140 - u + x[i])
			v += .5 * (.04*v*v + 5*v + 140 - u + x[i])
			u += m.A * (m.B*v - u)
			if v >= 30 {
				v, u, spike = m.C, u+m.D, 1
			}
			fired += spike
			if got[0][i] != spike || math.Abs(got[1][i]-v) > 1e-3 || math.Abs(got[2][i]-u) > 1e-3 {
				t.Fatalf("kind %d, step %d: spike %g, v %g, u %g; want %g, %g, %g", k, step, got[0][i], got[1][i], got[2][i], spike, v, u)
			}
		}
	}
	if fired < 30 {
		t.Errorf("only %g spikes", fired)
	}

	loss := func(in []*graph.Node) *graph.Node {
		tr := Unroll(RegularSpiking.Cell(in[0]), Repeat(in[0], 5), Unrolling{})
		return graph.ReduceAllSum(tr.Last()[0])
	}
	g := run(t, b, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		return graph.Gradient(loss(in), in[0])
	}, []float64{2, 3})
	for i := range 2 {
		at := func(h float64) float64 {
			x := []float64{2, 3}
			x[i] += h
			return run(t, b, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node { return []*graph.Node{loss(in)} }, x)[0][0]
		}
		// Away from the threshold the surrogate passes some gradient that differences do not see.
		if want := (at(1e-5) - at(-1e-5)) / 2e-5; math.Abs(g[0][i]-want) > .1*math.Abs(want) {
			t.Errorf("gradient %g, differences give %g", g[0][i], want)
		}
	}
}
