package similarity

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// LinearCKA is the centred kernel alignment of two representations x [samples, p] and y [samples, q] under the linear kernel,
//
//	|YᵀX|² / (|XᵀX| |YᵀY|)
//
// with centred columns and Frobenius norms (Kornblith et al., ICML 2019): 1 for representations that differ by a rotation and a scale, 0 for those
// that share no direction. With fewer samples than units it is biased upwards; see [DebiasedCKA].
func LinearCKA(x, y mat.Matrix) (float64, error) {
	a, b, err := centred(x, y)
	if err != nil {
		return 0, err
	}
	return crossNorm(a, b) / math.Sqrt(crossNorm(a, a)*crossNorm(b, b)), nil
}

// DebiasedCKA is [LinearCKA] with the unbiased estimate of each of its terms (Song et al., JMLR 13, 2012), which is 0 on average for independent
// representations of any width and may be negative. It needs at least four samples.
func DebiasedCKA(x, y mat.Matrix) (float64, error) {
	a, b, err := centred(x, y)
	if err != nil {
		return 0, err
	}
	if n, _ := a.Dims(); n < 4 {
		return 0, fmt.Errorf("the debiased alignment needs at least 4 samples, there are %d", n)
	}
	xx, yy := unbiased(a, a), unbiased(b, b)
	if !(xx > 0 && yy > 0) {
		return 0, fmt.Errorf("the unbiased norm of a representation is not positive (%.3g and %.3g): too few samples for what it varies by", xx, yy)
	}
	return unbiased(a, b) / math.Sqrt(xx*yy), nil
}

// Procrustes is the distance of two representations x [samples, p] and y [samples, q] that remains after the best orthogonal map between their units:
// min over Q of |X - YQ|, with columns centred, the norm of each scaled to 1 and the narrower filled up with zeros (Williams et al., NeurIPS
// 2021). It lies between 0 and √2; arccos(1 - d²/2) is the same distance as an angle.
func Procrustes(x, y mat.Matrix) (float64, error) {
	a, b, err := centred(x, y)
	if err != nil {
		return 0, err
	}
	var cross mat.Dense
	cross.Mul(a.T(), b)
	values, err := singularValues(&cross)
	if err != nil {
		return 0, err
	}
	nuclear := 0.0
	for _, s := range values {
		nuclear += s
	}
	nuclear /= mat.Norm(a, 2) * mat.Norm(b, 2)
	return math.Sqrt(max(0, 2-2*nuclear)), nil
}

// CCA returns the canonical correlations of x [samples, p] and y [samples, q], largest first, as many as the smaller of the two ranks. With hardly
// more samples than units some are 1 whatever the units do.
func CCA(x, y mat.Matrix) ([]float64, error) { return canonical(x, y, 1) }

// MeanCCA is the mean of the canonical correlations.
func MeanCCA(x, y mat.Matrix) (float64, error) { return meanOf(CCA(x, y)) }

// SVCCA is the mean canonical correlation of what remains of x and y when each keeps only its leading principal components that explain the part
// variance of its variance, such as 0.99 (Raghu et al., NeurIPS 2017).
func SVCCA(x, y mat.Matrix, variance float64) (float64, error) {
	if !(variance > 0 && variance <= 1) {
		return 0, fmt.Errorf("the variance to keep is %v; it must be a part above 0 and up to 1", variance)
	}
	return meanOf(canonical(x, y, variance))
}

func meanOf(values []float64, err error) (float64, error) {
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values)), nil
}

func canonical(x, y mat.Matrix, variance float64) ([]float64, error) {
	a, b, err := centred(x, y)
	if err != nil {
		return nil, err
	}
	ua, err := principal(a, variance)
	if err != nil {
		return nil, err
	}
	ub, err := principal(b, variance)
	if err != nil {
		return nil, err
	}
	var cross mat.Dense
	cross.Mul(ua.T(), ub)
	values, err := singularValues(&cross)
	for i := range values {
		values[i] = min(values[i], 1)
	}
	return values, err
}

// principal returns an orthonormal basis [samples, k] of the leading principal components of centred a that explain the part variance of it, at most
// as many as its rank.
func principal(a *mat.Dense, variance float64) (mat.Matrix, error) {
	rows, columns := a.Dims()
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThinU) {
		return nil, fmt.Errorf("the singular values of a %d x %d representation did not converge", rows, columns)
	}
	values := svd.Values(nil)
	total := 0.0
	for _, s := range values {
		total += s * s
	}
	k, kept := 0, 0.0
	for k < len(values) && values[k] > values[0]*1e-15*float64(max(rows, columns)) && (variance == 1 || kept < variance*total) {
		kept += values[k] * values[k]
		k++
	}
	var u mat.Dense
	svd.UTo(&u)
	return u.Slice(0, rows, 0, k), nil
}

func singularValues(m *mat.Dense) ([]float64, error) {
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDNone) {
		r, c := m.Dims()
		return nil, fmt.Errorf("the singular values of a %d x %d matrix did not converge", r, c)
	}
	return svd.Values(nil), nil
}

// centred returns both with columns of mean zero, or what forbids to compare them.
func centred(x, y mat.Matrix) (a, b *mat.Dense, err error) {
	rx, cx := x.Dims()
	ry, cy := y.Dims()
	switch {
	case rx != ry:
		return nil, nil, fmt.Errorf("the representations have %d and %d samples; they must be of the same samples in the same order", rx, ry)
	case rx < 2 || cx < 1 || cy < 1:
		return nil, nil, fmt.Errorf("representations of %d samples with %d and %d units cannot be compared", rx, cx, cy)
	}
	if a, err = centre(x); err == nil {
		b, err = centre(y)
	}
	return a, b, err
}

func centre(x mat.Matrix) (*mat.Dense, error) {
	out := mat.DenseCopyOf(x)
	rows, columns := out.Dims()
	if err := finite(out); err != nil {
		return nil, err
	}
	varies := false
	for j := range columns {
		mean := 0.0
		for i := range rows {
			mean += out.At(i, j)
		}
		mean /= float64(rows)
		for i := range rows {
			v := out.At(i, j) - mean
			varies = varies || math.Abs(v) > 1e-12*math.Abs(mean)
			out.Set(i, j, v)
		}
	}
	if !varies {
		return nil, fmt.Errorf("a representation of %d samples is constant: no unit varies", rows)
	}
	return out, nil
}

func finite(m *mat.Dense) error {
	rows, columns := m.Dims()
	for i := range rows {
		for j, v := range m.RawRowView(i)[:columns] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("the value in row %d, column %d is %v; leave out what is not a number", i, j, v)
			}
		}
	}
	return nil
}

// crossNorm is |AᵀB|², taken over samples where that is less work.
func crossNorm(a, b *mat.Dense) float64 {
	n, p := a.Dims()
	_, q := b.Dims()
	var left, right mat.Dense
	if p*q <= n*(p+q) {
		left.Mul(a.T(), b)
		return inner(&left, &left)
	}
	left.Mul(a, a.T())
	right.Mul(b, b.T())
	return inner(&left, &right)
}

func inner(a, b *mat.Dense) float64 {
	rows, _ := a.Dims()
	sum := 0.0
	for i := range rows {
		y := b.RawRowView(i)
		for j, v := range a.RawRowView(i) {
			sum += v * y[j]
		}
	}
	return sum
}

// unbiased is the unbiased estimate of the Hilbert-Schmidt criterion of centred a and b, times n(n-3). Rows of centred kernels sum to zero, so that
// only their diagonals, which the estimate leaves out, remain of Song's three sums.
func unbiased(a, b *mat.Dense) float64 {
	rows, _ := a.Dims()
	var both, of, other float64
	for i := range rows {
		ra, rb := a.RawRowView(i), b.RawRowView(i)
		var sa, sb float64
		for _, v := range ra {
			sa += v * v
		}
		for _, v := range rb {
			sb += v * v
		}
		both += sa * sb
		of += sa
		other += sb
	}
	n := float64(rows)
	return crossNorm(a, b) - n/(n-2)*both + of*other/((n-1)*(n-2))
}
