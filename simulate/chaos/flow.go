package chaos

import (
	"fmt"
	"math/rand/v2"
)

// Flow is a system of ordinary differential equations dx/dt = f(x).
type Flow interface {
	Name() string
	Dim() int
	// Velocity writes f(x). Both have Dim values and do not overlap.
	Velocity(velocity, x []float64)
	// Start draws a state from which the system falls onto its attractor.
	Start(rng *rand.Rand) []float64
	// Check refuses parameters that make no system.
	Check() error
}

// Lorenz63 is Lorenz's convection (1963):
//
//	x' = σ(y - x)    y' = x(ρ - z) - y    z' = xy - βz
//
// With [ClassicLorenz63] its exponents are 0.906, 0 and -14.57.
type Lorenz63 struct{ Sigma, Rho, Beta float64 }

// ClassicLorenz63 has σ = 10, ρ = 28, β = 8/3.
var ClassicLorenz63 = Lorenz63{10, 28, 8. / 3}

// Name implements Flow.
func (Lorenz63) Name() string { return "Lorenz-63" }

// Dim implements Flow.
func (Lorenz63) Dim() int { return 3 }

// Check implements Flow.
func (Lorenz63) Check() error { return nil }

// Velocity implements Flow.
func (l Lorenz63) Velocity(v, x []float64) {
	v[0] = l.Sigma * (x[1] - x[0])
	v[1] = x[0]*(l.Rho-x[2]) - x[1]
	v[2] = x[0]*x[1] - l.Beta*x[2]
}

// Start implements Flow: a cloud wider than the attractor of the classic parameters.
func (Lorenz63) Start(rng *rand.Rand) []float64 {
	return []float64{10 * rng.NormFloat64(), 10 * rng.NormFloat64(), 25 + 10*rng.NormFloat64()}
}

// Rossler is Rössler's spiral (1976):
//
//	x' = -y - z    y' = x + ay    z' = b + z(x - c)
//
// With [ClassicRossler] its exponents are 0.0714, 0 and -5.39.
type Rossler struct{ A, B, C float64 }

// ClassicRossler has a = b = 0.2, c = 5.7.
var ClassicRossler = Rossler{.2, .2, 5.7}

// Name implements Flow.
func (Rossler) Name() string { return "Rössler" }

// Dim implements Flow.
func (Rossler) Dim() int { return 3 }

// Check implements Flow.
func (Rossler) Check() error { return nil }

// Velocity implements Flow.
func (r Rossler) Velocity(v, x []float64) {
	v[0] = -x[1] - x[2]
	v[1] = x[0] + r.A*x[1]
	v[2] = r.B + x[2]*(x[0]-r.C)
}

// Start implements Flow.
func (Rossler) Start(rng *rand.Rand) []float64 {
	return []float64{1 + rng.NormFloat64(), rng.NormFloat64(), rng.Float64()}
}

// Lorenz96 is a ring of K values like those around a circle of latitude (Lorenz 1996):
//
//	x_k' = x_{k-1} (x_{k+1} - x_{k-2}) - x_k + F
//
// The quadratic term keeps the energy Σx²/2. With K = 40 the largest exponent is 1.68 at F = 8 and 2.27 at F = 10.
type Lorenz96 struct {
	K int // at least 4
	F float64
}

// Name implements Flow.
func (l Lorenz96) Name() string { return "Lorenz-96" }

// Dim implements Flow.
func (l Lorenz96) Dim() int { return l.K }

// Check implements Flow.
func (l Lorenz96) Check() error {
	if l.K < 4 {
		return fmt.Errorf("Lorenz-96: K is %d; a ring has at least 4 values", l.K)
	}
	return nil
}

// Velocity implements Flow.
func (l Lorenz96) Velocity(v, x []float64) {
	advection(v, x, 1, 1, 1)
	for k := range v {
		v[k] += l.F
	}
}

// Start implements Flow: the fixed point x_k = F, disturbed.
func (l Lorenz96) Start(rng *rand.Rand) []float64 {
	x := make([]float64, l.K)
	for k := range x {
		x[k] = l.F + rng.NormFloat64()
	}
	return x
}

// MultiscaleLorenz96 is Lorenz's model of three scales: each of K slow values drives J of its own on a faster ring, each of which drives I on a faster one
// still, and is driven back by their sum. With the rings read through all owners,
//
//	X_k' = X_{k-1} (X_{k+1} - X_{k-2}) - X_k + F - (hc/b) Σ_j Y_jk
//	Y_m' = -cb Y_{m+1} (Y_{m+2} - Y_{m-1}) - cY_m + (hc/b) X_k - (he/d) Σ_i Z_im
//	Z_n' = ed Z_{n-1} (Z_{n+1} - Z_{n-2}) - geZ_n + (he/d) Y_m
//
// The state is X, then Y owner by owner, then Z (Thornes, Düben & Palmer 2017). Some published versions leave -X_k out, which makes another, wilder system.
type MultiscaleLorenz96 struct {
	K, J, I                int
	F, H, B, C, D, E, G    float64
	WithoutSlowDissipation bool // leaves out -X_k
}

// StandardMultiscaleLorenz96 has 8 values at each level, F = 20, h = 1 and b = c = d = e = g = 10.
func StandardMultiscaleLorenz96() MultiscaleLorenz96 {
	return MultiscaleLorenz96{K: 8, J: 8, I: 8, F: 20, H: 1, B: 10, C: 10, D: 10, E: 10, G: 10}
}

// Name implements Flow.
func (MultiscaleLorenz96) Name() string { return "multi-scale Lorenz-96" }

// Dim implements Flow.
func (m MultiscaleLorenz96) Dim() int { return m.K * (1 + m.J*(1+m.I)) }

// Check implements Flow.
func (m MultiscaleLorenz96) Check() error {
	if m.K < 4 || m.J < 1 || m.I < 1 {
		return fmt.Errorf("multi-scale Lorenz-96: K = %d, J = %d, I = %d; expected K at least 4, J and I at least 1", m.K, m.J, m.I)
	}
	if m.B == 0 || m.D == 0 {
		return fmt.Errorf("multi-scale Lorenz-96: b = %g, d = %g, which divide the coupling", m.B, m.D)
	}
	return nil
}

// Velocity implements Flow.
func (m MultiscaleLorenz96) Velocity(v, s []float64) {
	nx, ny := m.K, m.K*m.J
	x, y, z := s[:nx], s[nx:nx+ny], s[nx+ny:]
	vx, vy, vz := v[:nx], v[nx:nx+ny], v[nx+ny:len(s)]
	slow := 1.
	if m.WithoutSlowDissipation {
		slow = 0
	}
	advection(vx, x, 1, slow, 1)
	advection(vy, y, m.C*m.B, m.C, -1)
	advection(vz, z, m.E*m.D, m.G*m.E, 1)
	fast, faster := m.H*m.C/m.B, m.H*m.E/m.D
	for k, xk := range x {
		sum := 0.
		for j, yj := range y[k*m.J : (k+1)*m.J] {
			sum += yj
			at := (k*m.J + j) * m.I
			own := 0.
			drive := faster * yj
			row := vz[at : at+m.I]
			for i, zi := range z[at : at+m.I] {
				own += zi
				row[i] += drive
			}
			vy[k*m.J+j] += fast*xk - faster*own
		}
		vx[k] += m.F - fast*sum
	}
}

// Start implements Flow.
func (m MultiscaleLorenz96) Start(rng *rand.Rand) []float64 {
	s := make([]float64, m.Dim())
	for i := range s {
		switch {
		case i < m.K:
			s[i] = 3.5 + 3*rng.NormFloat64()
		case i < m.K*(1+m.J):
			s[i] = .1 * rng.NormFloat64()
		default:
			s[i] = .01 * rng.NormFloat64()
		}
	}
	return s
}

// advection writes the ring's quadratic term times gain, minus decay·x. Towards +1 it is x_{k-1} (x_{k+1} - x_{k-2}), towards -1 its mirror image,
// x_{k+1} (x_{k-1} - x_{k+2}).
func advection(v, x []float64, gain, decay float64, towards int) {
	n := len(x)
	v = v[:n]
	edge := func(k int) {
		at := func(i int) float64 { return x[((k+towards*i)%n+n)%n] }
		v[k] = gain*at(-1)*(at(1)-at(-2)) - decay*x[k]
	}
	for k := range min(2, n) {
		edge(k)
	}
	for k := max(n-2, 0); k < n; k++ {
		edge(k)
	}
	if towards > 0 {
		for k := 2; k < n-2; k++ {
			v[k] = gain*x[k-1]*(x[k+1]-x[k-2]) - decay*x[k]
		}
		return
	}
	for k := 2; k < n-2; k++ {
		v[k] = gain*x[k+1]*(x[k-1]-x[k+2]) - decay*x[k]
	}
}
