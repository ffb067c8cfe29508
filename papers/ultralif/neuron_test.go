package ultralif

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics"
)

func open(t testing.TB) backends.Backend {
	b, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// unroll runs a neuron with what it learns at its initial values over currents [steps, units] and returns soft and hard spikes, flat.
func unroll(t *testing.T, n neuron, currents []float64, steps int) (soft, hard []float64) {
	t.Helper()
	exec, err := mlctx.NewExec(open(t), mlctx.New(), func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
		s, h, _ := n.cells(ctx, in[0])
		return []*graph.Node{
			dynamics.Stack(dynamics.Unroll(s, dynamics.Steps(in[0]), dynamics.Unrolling{}).Outputs),
			dynamics.Stack(dynamics.Unroll(h, dynamics.Steps(in[0]), dynamics.Unrolling{}).Outputs),
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions(currents, steps, 1, len(currents)/steps))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float64](out[0]), tensors.MustCopyFlatData[float64](out[1])
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// reference follows a layer of Ultra units in plain Go, by the equations of the paper and, where they differ, of its code.
func reference(u Ultra, currents []float64, steps int, tau float64, hard bool) (spikes []float64) {
	epsilon := orDefault(u.Epsilon, 1)
	lse := func(a ...float64) float64 {
		sum := 0.
		for _, a := range a {
			sum += math.Exp(a / epsilon)
		}
		return epsilon * math.Log(sum)
	}
	n := len(currents) / steps
	v := make([]float64, n)
	for t := range steps {
		i := currents[t*n : (t+1)*n]
		see, keep := make([]float64, n), make([]float64, n)
		around := func(x []float64, k int) float64 { return lse(x[(k+n-1)%n], x[k], x[(k+1)%n]) }
		switch {
		case !u.Spatial:
			for k := range n {
				see[k] = lse(v[k]+math.Log(tau), i[k])
			}
			copy(keep, see)
		case u.Repository:
			for k := range n {
				keep[k] = tau*v[k] + i[k]
			}
			for k := range n {
				see[k] = around(keep, k)
			}
		default:
			leaked := make([]float64, n)
			for k := range n {
				leaked[k] = tau * v[k]
			}
			for k := range n {
				see[k] = around(leaked, k) + i[k]
			}
			copy(keep, see)
		}
		for k := range n {
			theta := .5
			slope := 1 / epsilon
			if u.Repository {
				theta = 0
			}
			if u.Disentangled {
				theta, slope = 0, 1
			}
			s := logistic((see[k] - theta) * slope)
			if hard {
				s = 0
				if see[k] > theta {
					s = 1
				}
			}
			spikes = append(spikes, s)
			v[k] = keep[k] * (1 - s)
		}
	}
	return spikes
}

func TestUnits(t *testing.T) {
	const steps, units = 8, 5
	rng := rand.New(rand.NewPCG(1, 2))
	currents := normal(rng, steps*units, 2)
	for _, c := range []struct {
		u   Ultra
		tau float64
	}{
		{Ultra{}, .9}, {Ultra{Epsilon: .2}, .9}, {Ultra{LearnLeak: true}, .9}, {Ultra{Tau: .5}, .5}, {Ultra{Repository: true}, .9},
		{Ultra{Spatial: true}, 1}, {Ultra{Spatial: true, Epsilon: .1}, 1}, {Ultra{Spatial: true, LearnLeak: true}, logistic(.9)},
		{Ultra{Spatial: true, LearnLeak: true, Tau: .6}, .6}, {Ultra{Spatial: true, Repository: true, Epsilon: .2}, .9},
		{Ultra{Spatial: true, Repository: true, LearnLeak: true, Epsilon: .2}, logistic(.9)}, {Ultra{Spatial: true, Disentangled: true, Epsilon: 3}, 1},
	} {
		t.Run(fmt.Sprintf("%+v", c.u), func(t *testing.T) {
			soft, hard := unroll(t, c.u, currents, steps)
			for i, want := range reference(c.u, currents, steps, c.tau, false) {
				if math.Abs(soft[i]-want) > 1e-9 {
					t.Fatalf("spike %d is %g, want %g", i, soft[i], want)
				}
			}
			fired := 0.
			for i, want := range reference(c.u, currents, steps, c.tau, true) {
				if hard[i] != want {
					t.Fatalf("hard spike %d is %g, want %g", i, hard[i], want)
				}
				fired += want
			}
			if fired == 0 || fired == steps*units {
				t.Errorf("%g hard spikes show little", fired)
			}
		})
	}
}

func TestBaselines(t *testing.T) {
	const steps, units = 8, 4
	currents := normal(rand.New(rand.NewPCG(3, 4)), steps*units, .8)
	learnt := logistic(.9)
	k := math.Log1p(math.Exp(4))
	tanh := func(v, theta float64) float64 {
		x := v/(2*theta) - .5
		return min(1, max(0, (math.Tanh(k*x)+math.Tanh(k/2))/(2*math.Tanh(k/2))))
	}
	steepAt := func(v, theta float64) float64 { return logistic(10 * (v - theta)) }
	for name, c := range map[string]struct {
		tau, theta, adapt float64
		spike             func(v, theta float64) float64
	}{
		softLIF: {.9, .5, 0, steepAt}, plif: {learnt, .5, 0, steepAt}, adaLIF: {.9, .5, .1, steepAt}, fullPLIF: {learnt, .5, 0, steepAt},
		dspike: {.9, .5, 0, tanh}, dspikePlus: {learnt, .5, 0, tanh}, sigmaLIF: {.9, 0, 0, func(v, theta float64) float64 { return logistic(v - theta) }},
		sigmoids: {0, .5, 0, func(v, theta float64) float64 { return logistic(v - theta) }},
		hardLIF: {.9, .5, 0, func(v, theta float64) float64 {
			if v >= theta {
				return 1
			}
			return 0
		}},
	} {
		soft, hard := unroll(t, modelOf(name, Ultra{}).neuron, currents, steps)
		for unit := range units {
			for _, which := range []string{"soft", "hard"} {
				v, b := 0., 0.
				for step := range steps {
					i := step*units + unit
					v = c.tau*v + currents[i]
					theta := c.theta + c.adapt*b
					got, s := soft[i], c.spike(v, theta)
					if which == "hard" {
						got, s = hard[i], 0
						if v > theta {
							s = 1
						}
					}
					if math.Abs(got-s) > 1e-9 {
						t.Fatalf("%s: %s spike of unit %d in step %d is %g, want %g", name, which, unit, step, got, s)
					}
					b = .9*b + .1*s
					v *= 1 - s
				}
			}
		}
	}
}

// TestLSE holds what is known of a log-sum-exp: its bounds, that no argument matters more than itself, and its gradient.
func TestLSE(t *testing.T) {
	const n = 200
	rng := rand.New(rand.NewPCG(5, 6))
	a, b := normal(rng, n, 3), normal(rng, n, 3)
	for _, epsilon := range []float64{20, 1, .1, .01} {
		out, err := evaluate(open(t), func(in []*graph.Node) []*graph.Node {
			y := LSE(graph.Const(in[0].Graph(), epsilon), in[0], in[1])
			moved := LSE(graph.Const(in[0].Graph(), epsilon), graph.AddScalar(in[0], .1), graph.AddScalar(in[1], -.05))
			return append([]*graph.Node{y, moved}, graph.Gradient(graph.ReduceAllSum(y), in[0], in[1])...)
		}, a, b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a {
			y, most := out[0][i], max(a[i], b[i])
			if y < most || y > most+epsilon*math.Log(2)+1e-12 {
				t.Errorf("ε = %g: LSE(%g, %g) = %g", epsilon, a[i], b[i], y)
			}
			if math.Abs(out[1][i]-y) > .1+1e-12 {
				t.Errorf("ε = %g: moving the arguments by 0.1 at most moves it by %g", epsilon, out[1][i]-y)
			}
			if want := logistic((a[i] - b[i]) / epsilon); math.Abs(out[2][i]-want) > 1e-9 || math.Abs(out[3][i]-(1-want)) > 1e-9 {
				t.Errorf("ε = %g: gradient %g, %g; softmax %g", epsilon, out[2][i], out[3][i], want)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	for _, c := range []struct {
		u    Ultra
		says string
	}{{Ultra{Epsilon: .05}, "0.05 lies outside 0.1 to 20"}, {Ultra{Epsilon: 21}, "21"}, {Ultra{Epsilon: math.NaN()}, "NaN"}, {Ultra{Tau: 1}, "1 lies outside 0.01 to 0.99"}, {Ultra{Tau: -.1}, "-0.1"}} {
		if _, err := lineup(timed, "all", c.u); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.u, err)
		}
	}
	if _, err := lineup(timed, "UltraLIF;Ultra", Ultra{}); err == nil || !strings.Contains(err.Error(), `no neuron "Ultra"`) {
		t.Errorf("an unknown neuron: %v", err)
	}
}
