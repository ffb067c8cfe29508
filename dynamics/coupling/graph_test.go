package coupling_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/dynamics/coupling"
)

func TestSpectra(t *testing.T) {
	const n, k = 12, .7
	each := func(f func(q int) float64) (out []float64) {
		for q := range n {
			out = append(out, f(q))
		}
		slices.Sort(out)
		return out
	}
	regular := func(n int, k float64) (*coupling.Graph, error) {
		return coupling.Regular(n, 4, k, rand.New(rand.NewPCG(1, 2)))
	}
	for _, c := range []struct {
		name string
		make func(int, float64) (*coupling.Graph, error)
		want []float64
	}{
		{"complete", coupling.Complete, each(func(q int) float64 { return float64(min(q, 1)) * n * k })},
		{"ring", coupling.Ring, each(func(q int) float64 { return 2 * k * (1 - math.Cos(2*math.Pi*float64(q)/n)) })},
		{"path", coupling.Path, each(func(q int) float64 { return 2 * k * (1 - math.Cos(math.Pi*float64(q)/n)) })},
		{"star", coupling.Star, each(func(q int) float64 { return []float64{0, k, n * k}[min(q, 1)+q/(n-1)] })},
		{"4-regular", regular, nil},
	} {
		g, err := c.make(n, k)
		if err != nil {
			t.Fatal(err)
		}
		got, err := g.Spectrum()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range c.want {
			if math.Abs(got[i]-v) > 1e-9 {
				t.Errorf("%s: eigenvalue %d is %v, want %v", c.name, i, got[i], v)
			}
		}
		sum := 0.0
		for _, v := range got {
			sum += v
		}
		if got[0] != 0 || got[1] <= 0 || math.Abs(sum-g.Trace()) > 1e-9 || len(g.Components()) != 1 {
			t.Errorf("%s: eigenvalues %v, trace %v, parts %v", c.name, got, g.Trace(), g.Components())
		}
		if c.name == "4-regular" {
			for i, edges := range g.Edges {
				if len(edges) != 4 {
					t.Errorf("unit %d has %d neighbours", i, len(edges))
				}
			}
		}
		if scaled := g.Scaled(2).Trace(); math.Abs(scaled-2*g.Trace()) > 1e-9 {
			t.Errorf("%s: trace %v after doubling %v", c.name, scaled, g.Trace())
		}
	}
}

func TestParts(t *testing.T) {
	g, err := coupling.New(mat.NewDense(4, 4, []float64{0, 0, 1, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 2, 0, 0}))
	if err != nil {
		t.Fatal(err)
	}
	if parts := fmt.Sprint(g.Components()); parts != "[[0 2] [1 3]]" {
		t.Errorf("parts %s", parts)
	}
	if l, err := g.Spectrum(); err != nil || l[1] != 0 || math.Abs(l[2]-2) > 1e-12 || math.Abs(l[3]-4) > 1e-12 {
		t.Errorf("%v, %v, want 0, 0, 2, 4", l, err)
	}
}

func TestRefused(t *testing.T) {
	of := func(_ any, err error) error { return err }
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"asymmetric", of(coupling.New(mat.NewDense(2, 2, []float64{0, 1, 2, 0}))), "symmetric"},
		{"negative", of(coupling.New(mat.NewDense(2, 2, []float64{0, -1, -1, 0}))), "not negative"},
		{"NaN", of(coupling.New(mat.NewDense(2, 2, []float64{0, math.NaN(), 1, 0}))), "finite"},
		{"self", of(coupling.New(mat.NewDense(2, 2, []float64{1, 1, 1, 0}))), "itself"},
		{"not square", of(coupling.New(mat.NewDense(1, 2, nil))), "n x n"},
		{"no units", of(coupling.Ring(0, 1)), "at least one"},
		{"odd", of(coupling.Regular(5, 3, 1, rand.New(rand.NewPCG(1, 1)))), "even"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", c.name, c.err, c.says)
		}
	}
}

func ExampleStar() {
	star, err := coupling.Star(4, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := star.Spectrum()
	fmt.Printf("%.0f %v\n", l, err)
	// Output: [0 1 1 4] <nil>
}
