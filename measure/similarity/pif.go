package similarity

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure/assign"
)

// PIF is the permutation-invariant Frobenius distance of square weight matrices, the least over permutations P of units of
//
//	|A - Pᵀ B P|
//
// a quadratic assignment problem. It is approached by the fast approximate algorithm (FAQ, Vogelstein et al., PLoS ONE 10(4), 2015): Frank and Wolfe's
// descent over doubly stochastic matrices with a linear assignment at each step, then pairs of units are swapped as long as one brings the
// matrices closer. The result is an upper bound of the true distance; compare only values of the same effort.
type PIF struct {
	Starts     int     // the first from the barycentre, the others from random points around it; zero means 3
	Iterations int     // of Frank and Wolfe for each start at most; zero means 30
	Tolerance  float64 // the change of P, as root mean square of a row, at which they end; zero means 0.03
	Seed       uint64  // of the starts
}

// Matching is the best permutation found.
type Matching struct {
	Distance    float64 // |A - Pᵀ B P|
	Permutation []int   // unit i of a is matched with unit Permutation[i] of b
	Capped      bool    // the start it comes from ended by the iteration cap: better ones may be near
}

// Match matches the units of b with those of a, both [n, n].
func (p PIF) Match(a, b *mat.Dense) (Matching, error) {
	n, columns := a.Dims()
	nb, cb := b.Dims()
	switch {
	case n != columns || nb != cb:
		return Matching{}, fmt.Errorf("weights of %d x %d and %d x %d are not both square", n, columns, nb, cb)
	case n != nb:
		return Matching{}, fmt.Errorf("units of networks of %d and %d units cannot be matched one to one; compare networks of equal width, or conditions by "+
			"distances divided by the number of units squared", n, nb)
	}
	for _, m := range []*mat.Dense{a, b} {
		if err := finite(m); err != nil {
			return Matching{}, fmt.Errorf("weights of %d x %d: %w", n, n, err)
		}
	}
	if p.Starts == 0 {
		p.Starts = 3
	}
	if p.Iterations == 0 {
		p.Iterations = 30
	}
	if p.Tolerance == 0 {
		p.Tolerance = .03
	}
	const away = .2 // how far from the barycentre towards a permutation the other starts are
	rng := rand.New(rand.NewPCG(p.Seed, 0x504946))
	best := Matching{Distance: math.Inf(1)}
	for start := range p.Starts {
		at := barycentre(n)
		if start > 0 {
			for i, j := range rng.Perm(n) {
				for k, v := range at.RawRowView(i) {
					at.Set(i, k, (1-away)*v)
				}
				at.Set(i, j, at.At(i, j)+away)
			}
		}
		permutation, settled, err := p.frankWolfe(a, b, at)
		if err != nil {
			return Matching{}, err
		}
		swap(a, b, permutation)
		if d := permuted(a, b, permutation); d < best.Distance {
			best = Matching{d, permutation, !settled}
		}
	}
	return best, nil
}

func barycentre(n int) *mat.Dense {
	m := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			m.Set(i, j, 1/float64(n))
		}
	}
	return m
}

// frankWolfe climbs tr(Aᵀ P B Pᵀ) over doubly stochastic P from at and returns the nearest permutation, and whether it settled before the cap.
func (p PIF) frankWolfe(a, b, at *mat.Dense) (permutation []int, settled bool, err error) {
	n, _ := a.Dims()
	var aP, aTP, pB, gradient, other mat.Dense
	for range p.Iterations {
		// The gradient A P Bᵀ + Aᵀ P B.
		aP.Mul(a, at)
		gradient.Mul(&aP, b.T())
		aTP.Mul(a.T(), at)
		pB.Mul(&aTP, b)
		gradient.Add(&gradient, &pB)
		to, _, err := assign.Greatest(&gradient)
		if err != nil {
			return nil, false, err
		}
		// Along P + x(Q - P) the objective is a parabola: its slope at 0, and the objective of the direction D = Q - P as its curvature.
		direction := mat.NewDense(n, n, nil)
		direction.Scale(-1, at)
		for i, j := range to {
			direction.Set(i, j, direction.At(i, j)+1)
		}
		slope := inner(&gradient, direction)
		aP.Mul(a.T(), direction)
		other.Mul(&aP, b)
		curvature := inner(direction, &other)
		x := 1.0
		if curvature < 0 {
			x = min(1, -slope/(2*curvature))
		}
		if slope <= 0 {
			settled = true
			break
		}
		direction.Scale(x, direction)
		at.Add(at, direction)
		if mat.Norm(direction, 2)/math.Sqrt(float64(n)) < p.Tolerance {
			settled = true
			break
		}
	}
	permutation, _, err = assign.Greatest(at)
	return permutation, settled, err
}

// swap exchanges the partners of two units as long as that brings b closer to a.
func swap(a, b *mat.Dense, p []int) {
	n := len(p)
	scale := inner(a, a) + inner(b, b)
	for improved := true; improved; {
		improved = false
		for i := range n {
			for j := i + 1; j < n; j++ {
				if gain(a, b, p, i, j) > 1e-12*scale {
					p[i], p[j] = p[j], p[i]
					improved = true
				}
			}
		}
	}
}

// gain is by how much Σ a_kl b_p(k)p(l) grows when units i and j exchange partners.
func gain(a, b *mat.Dense, p []int, i, j int) float64 {
	ai, aj, bi, bj := a.RawRowView(i), a.RawRowView(j), b.RawRowView(p[i]), b.RawRowView(p[j])
	rawA, rawB := a.RawMatrix(), b.RawMatrix()
	sum := 0.0
	for k, q := range p {
		if k == i || k == j {
			continue
		}
		sum += (ai[k] - aj[k]) * (bj[q] - bi[q])
		rowA, rowB := rawA.Data[k*rawA.Stride:], rawB.Data[q*rawB.Stride:]
		sum += (rowA[i] - rowA[j]) * (rowB[p[j]] - rowB[p[i]])
	}
	sum += (ai[i] - aj[j]) * (bj[p[j]] - bi[p[i]])
	sum += (ai[j] - aj[i]) * (bj[p[i]] - bi[p[j]])
	return sum
}

// permuted is |A - Pᵀ B P|.
func permuted(a, b *mat.Dense, p []int) float64 {
	sum := 0.0
	for i, q := range p {
		row := b.RawRowView(q)
		for j, v := range a.RawRowView(i) {
			e := v - row[p[j]]
			sum += e * e
		}
	}
	return math.Sqrt(sum)
}
