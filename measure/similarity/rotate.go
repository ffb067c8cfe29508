package similarity

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// search minimises |A - C B Cᵀ|² over orthogonal C. A step turns C by the Cayley transform of a skew matrix K,
//
//	C ← (I - K/2)⁻¹ (I + K/2) C
//
// With M = C B Cᵀ and [K, M] = KM - MK the objective is, to second order and but for a constant,
//
//	-2<A, M> - 2<A, [K, M]> + <[K, A], [K, M]>
//
// whose minimum over K is Newton's step, damped until it descends. Near a minimum steps converge quadratically, where the gradient alone
// would crawl along flat directions.
type search struct {
	a, b    *mat.Dense
	n       int
	upper   [][2]int   // the free entries i < j of K
	ofA     *mat.Dense // [K, A] for each of them alone: [free, n²]
	ofM     *mat.Dense // and [K, M]
	product *mat.Dense // [free, free]
	hessian *mat.SymDense
	slope   *mat.VecDense
}

func newSearch(a, b *mat.Dense) *search {
	n, _ := a.Dims()
	s := &search{a: mat.DenseCopyOf(a), b: b, n: n} // a copy without gaps between rows
	for i := range n {
		for j := i + 1; j < n; j++ {
			s.upper = append(s.upper, [2]int{i, j})
		}
	}
	if free := len(s.upper); free > 0 {
		s.ofA, s.ofM, s.product = mat.NewDense(free, n*n, nil), mat.NewDense(free, n*n, nil), mat.NewDense(free, free, nil)
		s.hessian, s.slope = mat.NewSymDense(free, nil), mat.NewVecDense(free, nil)
		s.commutators(s.ofA, a)
	}
	return s
}

// commutators writes KM - MK to the rows of to, for each K with 1 at one free entry and -1 at its mirror.
func (s *search) commutators(to, m *mat.Dense) {
	to.Zero()
	for k, ij := range s.upper {
		i, j := ij[0], ij[1]
		row := to.RawRowView(k)
		mi, mj := m.RawRowView(i), m.RawRowView(j)
		for t := range s.n {
			row[i*s.n+t] += mj[t]
			row[j*s.n+t] -= mi[t]
			mt := m.RawRowView(t)
			row[t*s.n+j] -= mt[i]
			row[t*s.n+i] += mt[j]
		}
	}
}

// turn returns C B Cᵀ.
func (s *search) turn(c *mat.Dense) *mat.Dense {
	var half, m mat.Dense
	half.Mul(c, s.b)
	m.Mul(&half, c.T())
	return &m
}

func (s *search) error(m *mat.Dense) float64 {
	e := 0.0
	for i := range s.n {
		row := m.RawRowView(i)
		for j, v := range s.a.RawRowView(i) {
			e += (v - row[j]) * (v - row[j])
		}
	}
	return e
}

// descend moves c to a local minimum and returns |A - C B Cᵀ|² there.
func (s *search) descend(c *mat.Dense) float64 {
	const (
		most = 200   // steps
		gain = 1e-12 // the least improvement, as a part, that goes on
	)
	m := s.turn(c)
	e := s.error(m)
	if len(s.upper) == 0 {
		return e
	}
	norm := inner(s.a, s.a) + inner(s.b, s.b)
	damping := 1e-2
	for range most {
		if e <= 1e-26*norm {
			break
		}
		s.expand(m)
		if mat.Norm(s.slope, math.Inf(1)) <= 1e-13*norm {
			break
		}
		before := e
		for damping < 1e3 {
			next, ok := s.step(c, damping*norm)
			if ok {
				turned := s.turn(next)
				if now := s.error(turned); now < e {
					c.Copy(next)
					m, e = turned, now
					damping = max(damping/5, 1e-12)
					break
				}
			}
			damping *= 4
		}
		if before-e <= gain*before {
			break
		}
	}
	return e
}

// expand forms the slope <A, [K, M]> and the Hessian at M.
func (s *search) expand(m *mat.Dense) {
	s.commutators(s.ofM, m)
	s.slope.MulVec(s.ofM, mat.NewVecDense(s.n*s.n, s.a.RawMatrix().Data))
	s.product.Mul(s.ofA, s.ofM.T())
	for k := range len(s.upper) {
		for l := k; l < len(s.upper); l++ {
			s.hessian.SetSym(k, l, (s.product.At(k, l)+s.product.At(l, k))/2)
		}
	}
}

// step returns c turned by Newton's step with damping, if the damped Hessian is positive definite.
func (s *search) step(c *mat.Dense, damping float64) (*mat.Dense, bool) {
	damped := mat.NewSymDense(len(s.upper), nil)
	damped.CopySym(s.hessian)
	for k := range len(s.upper) {
		damped.SetSym(k, k, damped.At(k, k)+damping)
	}
	var chol mat.Cholesky
	if !chol.Factorize(damped) {
		return nil, false
	}
	var k mat.VecDense
	if chol.SolveVecTo(&k, s.slope) != nil {
		return nil, false
	}
	plus, minus := mat.NewDense(s.n, s.n, nil), mat.NewDense(s.n, s.n, nil)
	for i := range s.n {
		plus.Set(i, i, 1)
		minus.Set(i, i, 1)
	}
	for e, ij := range s.upper {
		i, j, half := ij[0], ij[1], k.AtVec(e)/2
		plus.Set(i, j, half)
		plus.Set(j, i, -half)
		minus.Set(i, j, -half)
		minus.Set(j, i, half)
	}
	var turned, next mat.Dense
	turned.Mul(plus, c)
	if next.Solve(minus, &turned) != nil {
		return nil, false
	}
	return &next, true
}
