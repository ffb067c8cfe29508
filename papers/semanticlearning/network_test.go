package semanticlearning

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/simulate/bars"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func ring(t *testing.T) *cliques {
	g, err := circulant(10)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestCirculant asserts what the sheet says of the graph: 10 cliques of four among 20 neurons, each in two.
func TestCirculant(t *testing.T) {
	for _, count := range []int{10, 12, 20} {
		g, err := circulant(count)
		if err != nil {
			t.Fatal(err)
		}
		in := make([]int, g.neurons)
		for _, m := range g.members {
			if len(m) != 4 {
				t.Errorf("%d cliques: one of %d members", count, len(m))
			}
			for _, i := range m {
				in[i]++
			}
		}
		for i, n := range in {
			if n != 2 || len(g.neighbours[i]) != 6 {
				t.Errorf("%d cliques: neuron %d is in %d and has %d neighbours", count, i, n, len(g.neighbours[i]))
			}
		}
	}
}

func TestCliquesRefused(t *testing.T) {
	for want, list := range map[string][][]int{
		"the member 4; expected 0 to 3":      {{0, 1, 4}, {2, 3}},
		"the member 1 twice":                 {{0, 1, 1}, {2, 3}},
		"neuron 3 is in no clique":           {{0, 1, 2}},
		"also make neurons [0 1 2] a clique": {{0, 1}, {1, 2}, {0, 2}, {2, 3}},
	} {
		if _, err := newCliques(4, list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", list, err, want)
		}
	}
	for _, count := range []int{8, 11, 0} {
		if _, err := circulant(count); err == nil {
			t.Errorf("%d cliques were accepted", count)
		}
	}
	c := standard()
	c.inhibition = .5
	if err := c.check(ring(t)); err == nil || !strings.Contains(err.Error(), "no unique winner") {
		t.Errorf("weak inhibition: %v", err)
	}
	c = standard()
	c.dt = .6
	if err := c.check(ring(t)); err == nil || !strings.Contains(err.Error(), "overshoot") {
		t.Errorf("long steps: %v", err)
	}
}

// TestStep compares a step with the equations, written out pair by pair.
func TestStep(t *testing.T) {
	c := standard()
	c.noise = 0
	n, err := newNetwork(ring(t), c, 25, plasticity{}, newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	pixels, _ := bars.Problem{Side: 5, P: .3}.Draw(newRand(2))
	n.show(pixels)
	f := func(least, phi float64) float64 {
		a := func(x float64) float64 { return math.Atan((x - c.empty) / c.sharpness) }
		return least + (1-least)*(a(phi)-a(0))/(a(1)-a(0))
	}
	for range 400 {
		want := make([]float64, len(n.x))
		for i, x := range n.x {
			linked := map[int]bool{}
			for _, m := range n.g.members {
				for _, a := range m {
					for _, b := range m {
						if a == i && b != i {
							linked[b] = true
						}
					}
				}
			}
			r := 0.
			for j, y := range n.x {
				switch {
				case linked[j]:
					r += f(c.leastW, n.phi[i]) * c.excitation * y
				case j != i:
					r -= c.inhibition * f(c.leastZ, n.phi[j]) * y
				}
			}
			d := 0.
			for j, on := range pixels {
				if on {
					d += n.v[i][j]
				}
			}
			r += c.stimulus * f(c.leastW, n.phi[i]) * d
			if r > 0 {
				want[i] = min(1, x+c.dt*(1-x)*r)
			} else {
				want[i] = max(0, x+c.dt*x*r)
			}
		}
		n.step()
		for i, x := range n.x {
			if math.Abs(x-want[i]) > 1e-6 {
				t.Fatalf("time %g, neuron %d: %.9f, want %.9f", n.time, i, x, want[i])
			}
			if n.phi[i] < 0 || n.phi[i] > 1 {
				t.Fatalf("reservoir %d is %g", i, n.phi[i])
			}
		}
	}
}

// TestWatch asserts that a network without excitation is called dead, and one that cannot tire stuck.
func TestWatch(t *testing.T) {
	c := standard()
	c.excitation, c.noise = 0, 0
	n, err := newNetwork(ring(t), c, 4, plasticity{}, newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	clear(n.x)
	if _, err := n.dream(t.Context(), 5000); err == nil || !strings.Contains(err.Error(), "dead") {
		t.Errorf("no excitation: %v", err)
	}
	c = standard()
	c.drain, c.noise = 1e-9, 0
	if n, err = newNetwork(ring(t), c, 4, plasticity{}, newRand(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := n.dream(t.Context(), 5000); err == nil || !strings.Contains(err.Error(), "stuck") {
		t.Errorf("no draining: %v", err)
	}
}

// TestBaselines asserts that factors of pictures without crossings are found: one bar at a time.
func TestBaselines(t *testing.T) {
	p := bars.Problem{Side: 4, P: .5}
	rng := newRand(3)
	var pictures []picture
	for range 2000 {
		b := rng.IntN(4) // rows only
		pictures = append(pictures, picture{p.Bar(b), b})
	}
	for name, e := range map[string]encoder{"NMF": nmf(pictures, 4, 100, newRand(4)), "competitive": competitive(pictures, 4, newRand(5))} {
		seen := map[int]bool{}
		for b := range 4 {
			answers := e(p.Bar(b))
			best, top := 0, 0.
			for k, x := range answers {
				if x > top {
					best, top = k, x
				}
			}
			seen[best] = true
		}
		if len(seen) != 4 {
			t.Errorf("%s tells %d rows of 4", name, len(seen))
		}
	}
	s := scoreOf([][]float64{{1, .5, 0}, {0, 2, 2}, {0, 0, -1}})
	if s.Distinct != 2 || math.Abs(s.Selectivity-.5/3) > 1e-12 || s.Best[1] != 1 {
		t.Errorf("score %+v", s)
	}
}

func BenchmarkStep(b *testing.B) {
	g, err := circulant(10)
	if err != nil {
		b.Fatal(err)
	}
	n, err := newNetwork(g, standard(), 25, plasticity{rate: .005}, newRand(1))
	if err != nil {
		b.Fatal(err)
	}
	pixels, _ := bars.Problem{Side: 5, P: .3}.Draw(newRand(2))
	n.show(pixels)
	for b.Loop() {
		n.step()
	}
}
