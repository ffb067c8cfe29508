package fixedpoint

import (
	"cmp"
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Kind says what small disturbances of a fixed point do.
type Kind int

const (
	Stable   Kind = iota // all die away
	Saddle               // some grow, some die away
	Unstable             // all grow
	Marginal             // none grows, but some last: their eigenvalue is on the unit circle
)

func (k Kind) String() string { return [...]string{"stable", "saddle", "unstable", "marginal"}[k] }

// Linear is a map close to a fixed point: a disturbance along the k-th eigenvector is multiplied by the k-th eigenvalue at each step.
type Linear struct {
	Eigenvalues []complex128 // largest modulus first
	Growing     int          // how many have a modulus above 1
	Kind        Kind
}

// margin is how near to 1 a modulus counts as 1: what a Jacobian in float32 can tell.
const margin = 1e-5

// Linearise returns what the Jacobian [n, n] of a map at a fixed point says about its surroundings.
func Linearise(jacobian *mat.Dense) (Linear, error) {
	rows, columns := jacobian.Dims()
	if rows != columns {
		return Linear{}, fmt.Errorf("a Jacobian of %d x %d is not square", rows, columns)
	}
	var eigen mat.Eigen
	if !eigen.Factorize(jacobian, mat.EigenNone) {
		return Linear{}, fmt.Errorf("the eigenvalues of a Jacobian of %d x %d did not converge; does it hold NaN?", rows, columns)
	}
	l := Linear{Eigenvalues: eigen.Values(nil)}
	slices.SortFunc(l.Eigenvalues, func(a, b complex128) int {
		return cmp.Or(cmp.Compare(cmplx.Abs(b), cmplx.Abs(a)), cmp.Compare(real(b), real(a)), cmp.Compare(imag(b), imag(a)))
	})
	shrinking := 0
	for _, v := range l.Eigenvalues {
		switch size := cmplx.Abs(v); {
		case size > 1+margin:
			l.Growing++
		case size < 1-margin:
			shrinking++
		}
	}
	switch {
	case l.Growing == rows:
		l.Kind = Unstable
	case l.Growing > 0:
		l.Kind = Saddle
	case shrinking == rows:
		l.Kind = Stable
	default:
		l.Kind = Marginal
	}
	return l, nil
}

// TimeConstants returns, for each eigenvalue, after how long a disturbance has changed by the factor e: dt/|ln|λ||, in the unit of dt, the duration of a
// step. Growing[k] of the eigenvalues belong to growth. It is +Inf on the unit circle.
func (l Linear) TimeConstants(dt float64) []float64 {
	out := make([]float64, len(l.Eigenvalues))
	for i, v := range l.Eigenvalues {
		out[i] = math.Abs(dt / math.Log(cmplx.Abs(v)))
	}
	return out
}

// Frequencies returns, for each eigenvalue, how fast it turns: |arg λ|/(2π dt), in cycles per unit of dt. It is 0 for positive real eigenvalues.
func (l Linear) Frequencies(dt float64) []float64 {
	out := make([]float64, len(l.Eigenvalues))
	for i, v := range l.Eigenvalues {
		out[i] = math.Abs(cmplx.Phase(v)) / (2 * math.Pi * dt)
	}
	return out
}
