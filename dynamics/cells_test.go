package dynamics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

func open(t testing.TB) backends.Backend {
	b, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// run executes a graph on float64 values and returns its outputs, flat.
func run(t testing.TB, b backends.Backend, build func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node, in ...any) [][]float64 {
	t.Helper()
	exec, err := mlctx.NewExec(b, mlctx.New(), build)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(in...)
	if err != nil {
		t.Fatal(err)
	}
	flat := make([][]float64, len(out))
	for i, o := range out {
		flat[i] = tensors.MustCopyFlatData[float64](o)
	}
	return flat
}

func noise(n int, mean, sd float64, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := make([]float64, n)
	for i := range x {
		x[i] = mean + sd*rng.NormFloat64()
	}
	return x
}

var surrogates = []struct {
	name     string
	s        Surrogate
	integral func(x float64) float64 // an antiderivative
}{
	{"fast sigmoid", FastSigmoid{}, func(x float64) float64 { return x / (1 + 5*math.Abs(x)) }},
	{"steep fast sigmoid", FastSigmoid{Slope: 25}, func(x float64) float64 { return x / (1 + 25*math.Abs(x)) }},
	{"arctan", ArcTan{}, func(x float64) float64 { return math.Atan(math.Pi*x) / math.Pi }},
	{"wide arctan", ArcTan{Alpha: 0.5}, func(x float64) float64 { return math.Atan(math.Pi/4*x) / math.Pi }},
	{"boxcar", Boxcar{}, func(x float64) float64 { return min(max(x, -.5), .5) }},
	{"narrow boxcar", Boxcar{Width: .4}, func(x float64) float64 { return min(max(x, -.2), .2) / .4 }},
	{"sigmoid derivative", SigmoidDerivative{}, func(x float64) float64 { return 1 / (1 + math.Exp(-4*x)) }},
	{"steep sigmoid derivative", SigmoidDerivative{Slope: 10}, func(x float64) float64 { return 1 / (1 + math.Exp(-10*x)) }},
	{"straight through", StraightThrough{}, func(x float64) float64 { return x }},
}

// TestSurrogates compares, for each surrogate, its value with the slope of its antiderivative, the gradient of a spike with its value, and
// the spike with a step.
func TestSurrogates(t *testing.T) {
	b := open(t)
	x := []float64{-3, -1, -.6, -.31, -.1, -.01, -1e-9, 0, 1e-9, .02, .15, .3, .45, .7, 1.5, 4}
	for _, c := range surrogates {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, b, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
				s := Spike(in[0], c.s)
				return []*graph.Node{s, graph.Gradient(graph.ReduceAllSum(graph.MulScalar(s, 3)), in[0])[0]}
			}, x)
			for i, x := range x {
				want := 0.
				if x >= 0 {
					want = 1
				}
				if got[0][i] != want {
					t.Errorf("spike at %g is %g", x, got[0][i])
				}
				if at := 3 * c.s.At(x); math.Abs(got[1][i]-at) > 1e-12 {
					t.Errorf("gradient at %g is %g, three times the surrogate is %g", x, got[1][i], at)
				}
				const h = 1e-6
				if slope := (c.integral(x+h) - c.integral(x-h)) / (2 * h); math.Abs(x) > h && math.Abs(slope-c.s.At(x)) > 1e-4 {
					t.Errorf("surrogate at %g is %g, its antiderivative has the slope %g", x, c.s.At(x), slope)
				}
			}
		})
	}
}

// TestNilSurrogate holds that nil means ArcTan.
func TestNilSurrogate(t *testing.T) {
	got := run(t, open(t), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		return graph.Gradient(graph.ReduceAllSum(Spike(in[0], nil)), in[0])
	}, []float64{.3})
	if want := (ArcTan{}).At(.3); math.Abs(got[0][0]-want) > 1e-12 {
		t.Errorf("%g, want %g", got[0][0], want)
	}
}

// lifReference follows one neuron as LIF says, in plain Go, and returns spikes and membranes, and the gradient of Σ cs·s + cv·v with respect to
// the currents, by hand-written back-propagation through time in which windows of truncate steps do not see one another.
func lifReference(m LIF, currents, cs, cv []float64, truncate int) (spikes, membranes, gradient []float64) {
	n := len(currents)
	threshold := orDefault(m.Threshold, 1)
	u, theta, active := make([]float64, n), make([]float64, n), make([]float64, n)
	spikes, membranes, gradient = make([]float64, n), make([]float64, n), make([]float64, n)
	v, a, wait := 0., 0., 0
	for t, current := range currents {
		theta[t] = threshold + m.Adapt.Strength*a
		u[t] = v
		if wait == 0 {
			u[t], active[t] = m.Decay*v+current, 1
		}
		if active[t] == 1 && u[t] >= theta[t] {
			spikes[t] = 1
		}
		v = u[t]
		switch {
		case m.Reset == HardReset && spikes[t] == 1:
			v = 0
		case m.Reset == SoftReset:
			v -= theta[t] * spikes[t]
		}
		membranes[t] = v
		a = m.Adapt.Decay*a + (1-m.Adapt.Decay)*spikes[t]
		wait = max(wait-1, 0)
		if spikes[t] == 1 {
			wait = m.Refractory
		}
	}
	var s Surrogate = ArcTan{}
	if m.Surrogate != nil {
		s = m.Surrogate
	}
	dv, da := 0., 0. // gradients of what follows with respect to v and a after step t
	for t := n - 1; t >= 0; t-- {
		dv += cv[t]
		ds := cs[t] + da*(1-m.Adapt.Decay)
		dtheta, du := 0., dv
		switch m.Reset {
		case HardReset:
			du = dv * (1 - spikes[t])
			if !m.DetachReset {
				ds -= dv * u[t]
			}
		case SoftReset:
			dtheta -= dv * spikes[t]
			if !m.DetachReset {
				ds -= dv * theta[t]
			}
		}
		slope := s.At(u[t]-theta[t]) * active[t]
		du += ds * slope
		dtheta -= ds * slope
		da = da*m.Adapt.Decay + dtheta*m.Adapt.Strength
		if active[t] == 1 {
			gradient[t] = du
			dv = du * m.Decay
		} else {
			dv = du
		}
		if truncate > 0 && t%truncate == 0 {
			dv, da = 0, 0
		}
	}
	return spikes, membranes, gradient
}

var lifModels = []LIF{
	{Decay: .9},
	{Decay: 1},
	{Decay: 0},
	{Decay: .8, DetachReset: true, Surrogate: FastSigmoid{}},
	{Decay: .9, Reset: SoftReset},
	{Decay: .9, Reset: SoftReset, DetachReset: true, Threshold: .7, Surrogate: SigmoidDerivative{}},
	{Decay: .9, Reset: NoReset},
	{Decay: .9, Refractory: 2},
	{Decay: .9, Refractory: 1, Reset: SoftReset},
	{Decay: .9, Threshold: .5, Adapt: Adaptation{Strength: .4, Decay: .9}},
	{Decay: .95, Reset: SoftReset, Adapt: Adaptation{Strength: .8, Decay: .8}, Refractory: 1, DetachReset: true},
}

// TestLIF compares spikes, membranes and gradients of the cell with the reference, with and without truncation.
func TestLIF(t *testing.T) {
	b := open(t)
	const steps, neurons = 12, 6
	x, cs, cv := noise(steps*neurons, .4, .5, 1), noise(steps*neurons, 0, 1, 2), noise(steps*neurons, 0, 1, 3)
	column := func(x []float64, i int) (out []float64) {
		for t := range steps {
			out = append(out, x[t*neurons+i])
		}
		return out
	}
	for _, m := range lifModels {
		for _, truncate := range []int{0, 5} {
			t.Run(fmt.Sprintf("%+v truncated at %d", m, truncate), func(t *testing.T) {
				shaped := func(x []float64) any { return tensors.FromFlatDataAndDimensions(x, steps, 2, neurons/2) }
				got := run(t, b, func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
					tr := Unroll(m.Cell(nil, in[0]), Steps(in[0]), Unrolling{Truncate: truncate})
					s, v := Stack(tr.Outputs), Stack(tr.State(0))
					loss := graph.ReduceAllSum(graph.Add(graph.Mul(s, in[1]), graph.Mul(v, in[2])))
					return []*graph.Node{s, v, graph.Gradient(loss, in[0])[0]}
				}, shaped(x), shaped(cs), shaped(cv))
				fired := 0.
				for i := range neurons {
					s, v, g := lifReference(m, column(x, i), column(cs, i), column(cv, i), truncate)
					for k, want := range [][]float64{s, v, g} {
						for step, got := range column(got[k], i) {
							if math.Abs(got-want[step]) > 1e-9 {
								t.Errorf("neuron %d, step %d: %s %g, want %g", i, step, []string{"spike", "membrane", "gradient"}[k], got, want[step])
							}
						}
					}
					for _, s := range s {
						fired += s
					}
				}
				if fired < 4 || fired > steps*neurons-4 {
					t.Errorf("%g spikes of %d: the test shows little", fired, steps*neurons)
				}
			})
		}
	}
}

// TestContinue runs a sequence in two parts.
func TestContinue(t *testing.T) {
	m := LIF{Decay: .9, Refractory: 1, Adapt: Adaptation{Strength: .3, Decay: .9}}
	got := run(t, open(t), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		xs := Steps(in[0])
		cell := m.Cell(nil, in[0])
		whole := Unroll(cell, xs, Unrolling{})
		first := Unroll(cell, xs[:7], Unrolling{})
		second := Unroll(cell, xs[7:], Unrolling{From: first.Last()})
		return []*graph.Node{Stack(whole.Outputs), Stack(append(first.Outputs, second.Outputs...))}
	}, tensors.FromFlatDataAndDimensions(noise(60, .5, .5, 4), 20, 3))
	if !slices.Equal(got[0], got[1]) {
		t.Errorf("a sequence in two parts gives %v, whole %v", got[1], got[0])
	}
}

// TestLearned checks that decay and threshold are variables with the right start, and that both receive gradients, which differences of a
// loss on the membrane confirm.
func TestLearned(t *testing.T) {
	b := open(t)
	m := LIF{Decay: .9, Threshold: .8, Reset: NoReset, LearnDecay: true, LearnThreshold: true, PerFeature: true}
	x := tensors.FromFlatDataAndDimensions(noise(5*2*3, .2, .3, 5), 5, 2, 3)
	got := run(t, b, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
		cell := m.Cell(ctx, in[0])
		tr := Unroll(cell, Steps(in[0]), Unrolling{})
		w := ctx.GetVariable("decay").ValueGraph(in[0].Graph())
		membranes := graph.ReduceAllSum(Stack(tr.State(0)))
		spikes := graph.ReduceAllSum(Stack(tr.Outputs))
		return []*graph.Node{cell.Decay, cell.Threshold, graph.Gradient(membranes, w)[0], graph.Gradient(spikes, cell.Threshold)[0]}
	}, x)
	for i := range 3 {
		if math.Abs(got[0][i]-.9) > 1e-12 || got[1][i] != .8 {
			t.Errorf("decay %g and threshold %g at the start", got[0][i], got[1][i])
		}
		sum := func(decay float64) float64 { // of the membranes of feature i, whose logit changes
			total := 0.
			for batch := range 2 {
				v := 0.
				for step := range 5 {
					v = decay*v + noise(30, .2, .3, 5)[step*6+batch*3+i]
					total += v
				}
			}
			return total
		}
		logistic := func(w float64) float64 { return 1 / (1 + math.Exp(-w)) }
		const h = 1e-6
		w := math.Log(9)
		if want := (sum(logistic(w+h)) - sum(logistic(w-h))) / (2 * h); math.Abs(got[2][i]-want) > 1e-6 {
			t.Errorf("gradient of the decay's variable %g, differences give %g", got[2][i], want)
		}
		if got[3][i] >= 0 {
			t.Errorf("spikes grow with the threshold: %g", got[3][i])
		}
	}
}

// TestThresholdAsInput replaces the threshold by a node of the graph.
func TestThresholdAsInput(t *testing.T) {
	got := run(t, open(t), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		cell := LIF{Decay: 1}.Cell(nil, in[0])
		cell.Threshold = in[1]
		return []*graph.Node{Stack(Unroll(cell, Repeat(in[0], 4), Unrolling{}).Outputs)}
	}, []float64{.5}, 1.5)
	if want := []float64{0, 0, 1, 0}; !slices.Equal(got[0], want) {
		t.Errorf("spikes %v, want %v", got[0], want)
	}
}

// TestSeries puts an exponential synapse before a neuron, and back around it.
func TestSeries(t *testing.T) {
	x := []float64{1, 0, 0, 0, 1, 1, 0, 0, 0, 0}
	got := run(t, open(t), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		cell := Series{Leaky{Decay: .5}, LIF{Decay: .9, Threshold: 1.2}.Cell(nil, in[0])}
		around := Recurrent{Cell: cell, Back: Map(func(out *graph.Node) *graph.Node { return graph.MulScalar(out, -2) })}
		a, c := Unroll(cell, Steps(in[0]), Unrolling{}), Unroll(around, Steps(in[0]), Unrolling{})
		return []*graph.Node{Stack(a.Outputs), Stack(a.State(1)), Stack(c.Outputs), Stack(c.State(1)), Mean(a.Outputs)}
	}, tensors.FromFlatDataAndDimensions(x, len(x), 1))
	for k, back := range []float64{0, -2} {
		i, v, last, sum := 0., 0., 0., 0.
		for step, x := range x {
			i = .5*i + x + back*last
			v = .9*v + i
			last = 0
			if v >= 1.2 {
				v, last = 0, 1
			}
			sum += last
			if got[2*k][step] != last || math.Abs(got[2*k+1][step]-v) > 1e-12 {
				t.Errorf("feedback %g, step %d: spike %g and membrane %g, want %g and %g", back, step, got[2*k][step], got[2*k+1][step], last, v)
			}
		}
		if sum < 1 {
			t.Errorf("feedback %g: no spike", back)
		}
		if k == 0 && math.Abs(got[4][0]-sum/float64(len(x))) > 1e-12 {
			t.Errorf("mean %g of %g spikes", got[4][0], sum)
		}
	}
}

// TestDelayed compares connections with delays with their definition, and their gradient with respect to the weights.
func TestDelayed(t *testing.T) {
	const steps, in, out, depth = 7, 3, 2, 4
	x, w := noise(steps*in, 0, 1, 1), noise(in*out, 0, 1, 2)
	delays := []int{0, 3, 1, 1, 2, 0}
	got := run(t, open(t), func(_ *mlctx.Context, n []*graph.Node) []*graph.Node {
		kernel := DelayKernel(n[1], delays, depth)
		y := Stack(Unroll(Delayed{Kernel: kernel}, Steps(n[0]), Unrolling{}).Outputs)
		return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(graph.Square(y)), n[1])[0]}
	}, tensors.FromFlatDataAndDimensions(x, steps, 1, in), tensors.FromFlatDataAndDimensions(w, in, out))
	gradient := make([]float64, in*out)
	for step := range steps {
		for j := range out {
			want := 0.
			for i := range in {
				if at := step - delays[i*out+j]; at >= 0 {
					want += w[i*out+j] * x[at*in+i]
				}
			}
			if math.Abs(got[0][step*out+j]-want) > 1e-12 {
				t.Errorf("step %d, output %d: %g, want %g", step, j, got[0][step*out+j], want)
			}
			for i := range in {
				if at := step - delays[i*out+j]; at >= 0 {
					gradient[i*out+j] += 2 * want * x[at*in+i]
				}
			}
		}
	}
	for k, want := range gradient {
		if math.Abs(got[1][k]-want) > 1e-10 {
			t.Errorf("gradient of weight %d is %g, want %g", k, got[1][k], want)
		}
	}
}

// TestSteps holds that the gradient of steps reaches the right ones, also where some are not used.
func TestSteps(t *testing.T) {
	got := run(t, open(t), func(_ *mlctx.Context, in []*graph.Node) []*graph.Node {
		xs := Steps(in[0])
		loss := graph.ReduceAllSum(graph.Add(graph.Square(xs[1]), graph.MulScalar(xs[3], 5)))
		return graph.Gradient(loss, in[0])
	}, tensors.FromFlatDataAndDimensions([]float64{1, 2, 3, 4, 5, 6, 7, 8}, 4, 2))
	if want := []float64{0, 0, 6, 8, 0, 0, 5, 5}; !slices.Equal(got[0], want) {
		t.Errorf("gradient %v, want %v", got[0], want)
	}
}

func TestMistakes(t *testing.T) {
	b := open(t)
	for name, build := range map[string]func(x *graph.Node){
		"decay":    func(x *graph.Node) { LIF{Decay: 1.5}.Cell(nil, x) },
		"NaN":      func(x *graph.Node) { LIF{Decay: math.NaN()}.Cell(nil, x) },
		"learned":  func(x *graph.Node) { LIF{Decay: .5, LearnDecay: true}.Cell(nil, x) },
		"no steps": func(x *graph.Node) { Unroll(Leaky{}, nil, Unrolling{}) },
	} {
		err := compute.Catch("building", func() error {
			_, err := graph.ExecOnce(b, func(x *graph.Node) *graph.Node { build(x); return x }, 1.)
			return err
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
