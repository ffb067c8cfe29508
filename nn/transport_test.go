package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"

	"github.com/gyrus-dev/gyrus/compute"
)

// sinkhornOf solves the three problems of a divergence by plain alternating updates in float64, many of them, without annealing.
func sinkhornOf(x, y [][]float64, epsilon float64) float64 {
	ot := func(a, b [][]float64) float64 {
		f, g := make([]float64, len(a)), make([]float64, len(b))
		update := func(into []float64, from, to [][]float64, other []float64) {
			for i, p := range from {
				top, terms := math.Inf(-1), make([]float64, len(to))
				for j, q := range to {
					c := 0.
					for k := range p {
						c += (p[k] - q[k]) * (p[k] - q[k]) / 2
					}
					terms[j] = (other[j]-c)/epsilon - math.Log(float64(len(to)))
					top = max(top, terms[j])
				}
				sum := 0.
				for _, t := range terms {
					sum += math.Exp(t - top)
				}
				into[i] = -epsilon * (math.Log(sum) + top)
			}
		}
		for range 3000 {
			update(f, a, b, g)
			update(g, b, a, f)
		}
		mean := 0.
		for _, v := range f {
			mean += v / float64(len(f))
		}
		for _, v := range g {
			mean += v / float64(len(g))
		}
		return mean
	}
	return ot(x, y) - ot(x, x)/2 - ot(y, y)/2
}

// TestSinkhorn compares value and gradient with plain updates in float64 and their finite differences.
func TestSinkhorn(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	points := func(n int, shift float64) (out [][]float64, flat [][]float32) {
		for range n {
			p := []float64{rng.NormFloat64() + shift, rng.NormFloat64(), rng.NormFloat64()}
			out = append(out, p)
			flat = append(flat, []float32{float32(p[0]), float32(p[1]), float32(p[2])})
		}
		return out, flat
	}
	x, x32 := points(6, 0)
	y, y32 := points(9, 1)
	s := Sinkhorn{Blur: .7, Diameter: 6, Rest: 100}
	out := graph.MustExecOnceN(backend, func(x, y *graph.Node) []*graph.Node {
		v := s.Apply(x, y)
		same := s.Apply(x, x)
		return append([]*graph.Node{v, same}, graph.Gradient(v, x)...)
	}, x32, y32)
	value := float64(out[0].Value().(float32))
	want := sinkhornOf(x, y, s.Blur*s.Blur)
	if math.Abs(value-want) > 2e-3*want {
		t.Errorf("divergence %g, want %g", value, want)
	}
	if same := out[1].Value().(float32); math.Abs(float64(same)) > 1e-4 {
		t.Errorf("divergence of a set from itself %g", same)
	}
	gradient := out[2].Value().([][]float32)
	for i := range x {
		for k := range x[i] {
			const h = 1e-4
			x[i][k] += h
			up := sinkhornOf(x, y, s.Blur*s.Blur)
			x[i][k] -= 2 * h
			down := sinkhornOf(x, y, s.Blur*s.Blur)
			x[i][k] += h
			if want := (up - down) / (2 * h); math.Abs(want-float64(gradient[i][k])) > 5e-3 {
				t.Errorf("gradient of point %d, axis %d: %g, want %g", i, k, gradient[i][k], want)
			}
		}
	}
}
