package similarity

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// search minimises |A - C B Cᵀ|² over orthogonal C. A step turns C by the Cayley transform of a skew matrix K,
//
//	C ← (I - K/2)⁻¹ (I + K/2) C
//
// which changes M = C B Cᵀ by KM - MK to first order. K is the least-squares solution for the residual A - M, damped as Levenberg and Marquardt do: near
// a solution of small residual the steps converge quadratically, where the gradient alone would crawl along flat directions.
type search struct {
	a, b    *mat.Dense
	n       int
	upper   [][2]int // the free entries i < j of K
	normal  *mat.SymDense
	damped  *mat.SymDense
	right   *mat.VecDense
	columns []float64 // KM - MK for each free entry, n² values each
}

func newSearch(a, b *mat.Dense) *search {
	n, _ := a.Dims()
	s := &search{a: a, b: b, n: n}
	for i := range n {
		for j := i + 1; j < n; j++ {
			s.upper = append(s.upper, [2]int{i, j})
		}
	}
	if free := len(s.upper); free > 0 {
		s.normal, s.damped, s.right = mat.NewSymDense(free, nil), mat.NewSymDense(free, nil), mat.NewVecDense(free, nil)
		s.columns = make([]float64, free*n*n)
	}
	return s
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
		most = 200  // steps
		gain = 1e-8 // the least improvement, as a part, that goes on
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
		s.linearise(m)
		slope := 0.0
		for k := range s.right.Len() {
			slope = max(slope, math.Abs(s.right.AtVec(k)))
		}
		if slope <= 1e-13*norm {
			break
		}
		before := e
		for damping < 1e12 {
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

// linearise forms the normal equations of the step at M.
func (s *search) linearise(m *mat.Dense) {
	n, free := s.n, len(s.upper)
	clear(s.columns)
	for k, ij := range s.upper {
		i, j := ij[0], ij[1]
		column := s.columns[k*n*n : (k+1)*n*n]
		mi, mj := m.RawRowView(i), m.RawRowView(j)
		for t := range n {
			column[i*n+t] += mj[t] // K has 1 at (i,j) and -1 at (j,i)
			column[j*n+t] -= mi[t]
			row := m.RawRowView(t)
			column[t*n+j] -= row[i]
			column[t*n+i] += row[j]
		}
	}
	jacobian := mat.NewDense(free, n*n, s.columns)
	s.normal.SymOuterK(1, jacobian)
	for k := range free {
		column := s.columns[k*n*n : (k+1)*n*n]
		sum := 0.0
		for i := range n {
			row := m.RawRowView(i)
			for j, v := range s.a.RawRowView(i) {
				sum += column[i*n+j] * (v - row[j])
			}
		}
		s.right.SetVec(k, sum)
	}
}

// step returns c turned by the solution of the normal equations with damping.
func (s *search) step(c *mat.Dense, damping float64) (*mat.Dense, bool) {
	s.damped.CopySym(s.normal)
	for k := range len(s.upper) {
		s.damped.SetSym(k, k, s.damped.At(k, k)+damping)
	}
	var chol mat.Cholesky
	if !chol.Factorize(s.damped) {
		return nil, false
	}
	var k mat.VecDense
	if chol.SolveVecTo(&k, s.right) != nil {
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
