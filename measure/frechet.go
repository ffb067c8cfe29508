package measure

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Frechet is the squared Fréchet distance of two normal distributions (Dowson & Landau 1982), which on features of images is known as FID:
//
//	|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½)
//
// in squared units of the values. Covariances may be singular.
func Frechet(mean1 []float64, covariance1 *mat.SymDense, mean2 []float64, covariance2 *mat.SymDense) (float64, error) {
	n := len(mean1)
	if len(mean2) != n || covariance1.SymmetricDim() != n || covariance2.SymmetricDim() != n {
		return 0, fmt.Errorf("means of %d and %d values with covariances of %d and %d; all must be the same", n, len(mean2), covariance1.SymmetricDim(), covariance2.SymmetricDim())
	}
	d := mat.Trace(covariance1) + mat.Trace(covariance2)
	for i, v := range mean1 {
		d += (v - mean2[i]) * (v - mean2[i])
	}
	// The trace of (C1 C2)^½ is that of (R C2 R)^½, which is symmetric, with R the root of C1.
	var e mat.EigenSym
	if !e.Factorize(covariance1, true) {
		return 0, fmt.Errorf("the first covariance has no eigenvalues that could be found; are all its values finite?")
	}
	var vectors, scaled, root, product mat.Dense
	e.VectorsTo(&vectors)
	scaled.Apply(func(_, j int, v float64) float64 { return v * math.Sqrt(max(0, e.RawValues()[j])) }, &vectors)
	root.Mul(&scaled, vectors.T())
	product.Mul(&root, covariance2)
	var whole mat.Dense
	whole.Mul(&product, &root)
	inner := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			inner.SetSym(i, j, (whole.At(i, j)+whole.At(j, i))/2)
		}
	}
	var f mat.EigenSym
	if !f.Factorize(inner, false) {
		return 0, fmt.Errorf("the second covariance has no eigenvalues that could be found; are all its values finite?")
	}
	for _, v := range f.Values(nil) {
		d -= 2 * math.Sqrt(max(0, v))
	}
	return max(0, d), nil
}
