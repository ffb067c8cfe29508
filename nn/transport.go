package nn

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
)

// Sinkhorn is the debiased Sinkhorn divergence between two sets of points of equal weight (Feydy et al., "Interpolating between optimal transport and
// MMD using Sinkhorn divergences", 2019),
//
//	S(x, y) = OT(x, y) - OT(x, x)/2 - OT(y, y)/2        cost of moving a to b: |a-b|²/2
//
// where OT is entropic optimal transport with ε = Blur². It is solved in the logarithmic domain by symmetrised updates, ε falling from Diameter² by the
// factor Fall to Blur² (annealing).
type Sinkhorn struct {
	Blur     float64 // length below which points are not told apart; must be positive
	Diameter float64 // of both sets together, at least about
	Fall     float64 // of ε from one update to the next; zero means 0.25
	Rest     int     // updates at the last ε beyond the one of the annealing, which by itself is accurate to some per cent
	OnlySelf bool    // leave OT(x, y) out of the gradient: an ablation, which drives points of x apart
}

// Epsilons are the values of ε that updates are made with.
func (s Sinkhorn) Epsilons() ([]float64, error) {
	fall := s.Fall
	if fall == 0 {
		fall = .25
	}
	if !(s.Blur > 0) || !(s.Diameter > 0) || !(fall > 0 && fall < 1) || s.Rest < 0 || math.IsInf(s.Diameter, 0) {
		return nil, fmt.Errorf("Sinkhorn divergence with blur %g, diameter %g and fall %g; expected positive lengths and a fall below 1", s.Blur, s.Diameter, fall)
	}
	var all []float64
	for e := s.Diameter * s.Diameter; e > s.Blur*s.Blur; e *= fall {
		all = append(all, e)
	}
	for range 1 + s.Rest {
		all = append(all, s.Blur*s.Blur)
	}
	return all, nil
}

// Apply returns S of x [n, d] and y [m, d], a scalar. Its gradient reaches x only, by the envelope theorem: what the updates did is not differentiated.
func (s Sinkhorn) Apply(x, y *graph.Node) *graph.Node {
	epsilons, err := s.Epsilons()
	if err != nil {
		panic(err)
	}
	if x.Rank() != 2 || y.Rank() != 2 || x.Shape().Dimensions[1] != y.Shape().Dimensions[1] {
		panicf("a Sinkhorn divergence of points of shapes %s and %s; expected [n, d] and [m, d]", x.Shape(), y.Shape())
	}
	live := x
	x, y = graph.StopGradient(x), graph.StopGradient(y)
	n := float64(x.Shape().Dimensions[0])
	xy, xx, yy := halfSquares(x, y), halfSquares(x, x), halfSquares(y, y) // [n, m], [n, n], [m, m]
	yx := graph.Transpose(xy, 0, 1)
	// The potentials f of x and g of y for OT(x, y), p of x and q of y for the two others.
	f, g := softmin(epsilons[0], xy, nil), softmin(epsilons[0], yx, nil)
	p, q := softmin(epsilons[0], xx, nil), softmin(epsilons[0], yy, nil)
	half := func(a, b *graph.Node) *graph.Node { return graph.MulScalar(graph.Add(a, b), .5) }
	for _, e := range epsilons {
		f, g = half(f, softmin(e, xy, g)), half(g, softmin(e, yx, f))
		p, q = half(p, softmin(e, xx, p)), half(q, softmin(e, yy, q))
	}
	last := epsilons[len(epsilons)-1]
	f, g = softmin(last, xy, g), softmin(last, yx, f)
	p, q = softmin(last, xx, p), softmin(last, yy, q)
	value := graph.Add(graph.ReduceAllMean(graph.Sub(f, p)), graph.ReduceAllMean(graph.Sub(g, q)))

	// dS/dx_i = (Q x - P y)/n, with the rows of the plans P from x to y and Q from x to x normalised.
	pull := graph.Dot(plan(last, xx, p), x) // [n, d]
	if s.OnlySelf {
		pull = graph.Sub(pull, x)
	} else {
		pull = graph.Sub(pull, graph.Dot(plan(last, xy, g), y))
	}
	gradient := graph.DivScalar(pull, n)
	// The value of what follows is S and its gradient the one above.
	slope := graph.ReduceAllSum(graph.Mul(gradient, live))
	return graph.Add(graph.StopGradient(graph.Sub(value, slope)), slope)
}

// halfSquares is half the squared distances of a [n, d] and b [m, d], [n, m].
func halfSquares(a, b *graph.Node) *graph.Node {
	aa := graph.MulScalar(graph.ReduceAndKeep(graph.Square(a), graph.ReduceSum, -1), .5) // [n, 1]
	bb := graph.MulScalar(graph.ReduceAndKeep(graph.Square(b), graph.ReduceSum, -1), .5) // [m, 1]
	product := graph.DotGeneral(a, []int{1}, nil, b, []int{1}, nil)                      // [n, m]
	return graph.Sub(graph.Add(aa, graph.Reshape(bb, 1, b.Shape().Dimensions[0])), product)
}

// scores are (potential_j - cost_ij)/ε - log m, [n, m].
func scores(epsilon float64, cost, potential *graph.Node) *graph.Node {
	m := cost.Shape().Dimensions[1]
	s := graph.MulScalar(cost, -1/epsilon)
	if potential != nil {
		s = graph.Add(s, graph.Reshape(graph.MulScalar(potential, 1/epsilon), 1, m))
	}
	return graph.AddScalar(s, -math.Log(float64(m)))
}

// softmin is -ε log Σ_j exp(scores), [n].
func softmin(epsilon float64, cost, potential *graph.Node) *graph.Node {
	s := scores(epsilon, cost, potential)
	top := graph.ReduceAndKeep(s, graph.ReduceMax, -1) // [n, 1]
	sum := graph.ReduceSum(graph.Exp(graph.Sub(s, top)), -1)
	return graph.MulScalar(graph.Add(graph.Log(sum), graph.Reshape(top, cost.Shape().Dimensions[0])), -epsilon)
}

// plan is how each point of the first set is shared out over the second, [n, m], rows of sum 1.
func plan(epsilon float64, cost, potential *graph.Node) *graph.Node {
	return Softmax(scores(epsilon, cost, potential))
}
