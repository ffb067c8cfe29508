package riemann

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// singular is the part of the largest eigenvalue below which the smallest counts as zero.
const singular = 1e-12

// function returns the symmetric matrix with f of the eigenvalues of m, which must be positive if positive is asked for.
func function(m *mat.SymDense, positive bool, f func(float64) float64) (*mat.SymDense, error) {
	n := m.SymmetricDim()
	var eigen mat.EigenSym
	if !eigen.Factorize(m, true) {
		return nil, fmt.Errorf("the eigenvalues of a %d x %d matrix did not converge; does it hold NaN?", n, n)
	}
	values := eigen.Values(nil) // ascending
	if largest := values[n-1]; positive && !(values[0] > singular*largest && !math.IsInf(largest, 1)) {
		return nil, fmt.Errorf("a covariance of %d channels is not positive definite: its eigenvalues reach from %.3g to %.3g; leave out dependent "+
			"channels (signal.CheckRank names them), use longer trials, or shrink it (signal.Shrink)", n, values[0], largest)
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	scaled := mat.NewDense(n, n, nil)
	for j, v := range values {
		w := f(v)
		for i := range n {
			scaled.Set(i, j, vectors.At(i, j)*w)
		}
	}
	var full mat.Dense
	full.Mul(scaled, vectors.T())
	return symmetric(&full), nil
}

// symmetric drops the rounding by which a symmetric product is not.
func symmetric(m mat.Matrix) *mat.SymDense {
	n, _ := m.Dims()
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			out.SetSym(i, j, (m.At(i, j)+m.At(j, i))/2)
		}
	}
	return out
}

func inverseRoot(v float64) float64 { return 1 / math.Sqrt(v) }

// sandwich returns a·m·a.
func sandwich(a, m *mat.SymDense) *mat.SymDense {
	var half, full mat.Dense
	half.Mul(a, m)
	full.Mul(&half, a)
	return symmetric(&full)
}

func check(covariances []*mat.SymDense) error {
	if len(covariances) == 0 {
		return fmt.Errorf("no covariances to take the mean of")
	}
	for i, c := range covariances {
		if got, want := c.SymmetricDim(), covariances[0].SymmetricDim(); got != want {
			return fmt.Errorf("covariance %d is of %d channels, the first of %d", i+1, got, want)
		}
	}
	return nil
}

func arithmetic(covariances []*mat.SymDense) *mat.SymDense {
	mean := mat.NewSymDense(covariances[0].SymmetricDim(), nil)
	for _, c := range covariances {
		mean.AddSym(mean, c)
	}
	mean.ScaleSym(1/float64(len(covariances)), mean)
	return mean
}

// Mean returns the affine-invariant mean: the point with the least sum of squared distances. It goes downhill as pyRiemann does, from the
// arithmetic mean, to a gradient of norm 1e-8; it is an error if 200 steps do not lead there.
func Mean(covariances []*mat.SymDense) (*mat.SymDense, error) {
	if err := check(covariances); err != nil {
		return nil, err
	}
	const tolerance = 1e-8
	mean := arithmetic(covariances)
	step, least := 1.0, math.Inf(1)
	for range 200 {
		root, err := function(mean, true, math.Sqrt)
		if err != nil {
			return nil, err
		}
		inverse, err := function(mean, true, inverseRoot)
		if err != nil {
			return nil, err
		}
		gradient := mat.NewSymDense(mean.SymmetricDim(), nil)
		for i, c := range covariances {
			direction, err := function(sandwich(inverse, c), true, math.Log)
			if err != nil {
				return nil, fmt.Errorf("covariance %d: %w", i+1, err)
			}
			gradient.AddSym(gradient, direction)
		}
		gradient.ScaleSym(1/float64(len(covariances)), gradient)
		forward, err := function(gradient, false, func(v float64) float64 { return math.Exp(step * v) })
		if err != nil {
			return nil, err
		}
		mean = sandwich(root, forward)
		norm := mat.Norm(gradient, 2)
		if norm <= tolerance || step <= tolerance {
			return mean, nil
		}
		if h := step * norm; h < least {
			step, least = 0.95*step, h
		} else {
			step /= 2
		}
	}
	return nil, fmt.Errorf("the mean of %d covariances was not found in 200 steps; use LogEuclideanMean, or shrink them (signal.Shrink)", len(covariances))
}

// LogEuclideanMean returns the exponential of the mean of the logarithms, which is quicker and near to Mean, but moves with a mixing of the
// channels.
func LogEuclideanMean(covariances []*mat.SymDense) (*mat.SymDense, error) {
	if err := check(covariances); err != nil {
		return nil, err
	}
	sum := mat.NewSymDense(covariances[0].SymmetricDim(), nil)
	for i, c := range covariances {
		l, err := function(c, true, math.Log)
		if err != nil {
			return nil, fmt.Errorf("covariance %d: %w", i+1, err)
		}
		sum.AddSym(sum, l)
	}
	sum.ScaleSym(1/float64(len(covariances)), sum)
	return function(sum, false, math.Exp)
}

// Distance returns the affine-invariant distance: the norm of the logarithms of the eigenvalues of b relative to a.
func Distance(a, b *mat.SymDense) (float64, error) {
	if err := check([]*mat.SymDense{a, b}); err != nil {
		return 0, err
	}
	inverse, err := function(a, true, inverseRoot)
	if err != nil {
		return 0, err
	}
	return distanceFrom(inverse, b)
}

// distanceFrom is the distance of b from the point whose inverse root is given.
func distanceFrom(inverse, b *mat.SymDense) (float64, error) {
	sum := 0.0
	_, err := function(sandwich(inverse, b), true, func(v float64) float64 {
		l := math.Log(v)
		sum += l * l
		return l
	})
	return math.Sqrt(sum), err
}

// TangentSpace is the flat space that touches the space of covariances at a reference, where distances from it are kept and those between
// points near it almost.
type TangentSpace struct {
	Reference *mat.SymDense

	root, inverse *mat.SymDense
}

// NewTangentSpace returns the tangent space at a reference, most often the Mean of the covariances trained on.
func NewTangentSpace(reference *mat.SymDense) (*TangentSpace, error) {
	root, err := function(reference, true, math.Sqrt)
	if err != nil {
		return nil, err
	}
	inverse, err := function(reference, true, inverseRoot)
	if err != nil {
		return nil, err
	}
	return &TangentSpace{Reference: reference, root: root, inverse: inverse}, nil
}

// Features returns the covariance as a vector of n(n+1)/2 numbers for n channels: the logarithm of it, whitened by the reference, row by row from
// the diagonal on, numbers off the diagonal times √2 so that the norm is the distance from the reference.
func (s *TangentSpace) Features(covariance *mat.SymDense) ([]float64, error) {
	if err := check([]*mat.SymDense{s.Reference, covariance}); err != nil {
		return nil, err
	}
	l, err := function(sandwich(s.inverse, covariance), true, math.Log)
	if err != nil {
		return nil, err
	}
	var out []float64
	for i := range l.SymmetricDim() {
		for j := i; j < l.SymmetricDim(); j++ {
			v := l.At(i, j)
			if j > i {
				v *= math.Sqrt2
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// Covariance is the inverse of Features.
func (s *TangentSpace) Covariance(features []float64) (*mat.SymDense, error) {
	n := s.Reference.SymmetricDim()
	if len(features) != n*(n+1)/2 {
		return nil, fmt.Errorf("%d features, expected the %d of %d channels", len(features), n*(n+1)/2, n)
	}
	l := mat.NewSymDense(n, nil)
	k := 0
	for i := range n {
		for j := i; j < n; j++ {
			v := features[k]
			if j > i {
				v /= math.Sqrt2
			}
			l.SetSym(i, j, v)
			k++
		}
	}
	e, err := function(l, false, math.Exp)
	if err != nil {
		return nil, err
	}
	return sandwich(s.root, e), nil
}

// MDM classifies by the nearest class mean.
type MDM struct {
	Means []*mat.SymDense // by class

	inverses []*mat.SymDense
}

// FitMDM takes the mean of each class. Labels are 0 to classes-1.
func FitMDM(covariances []*mat.SymDense, labels []int, classes int) (*MDM, error) {
	if len(covariances) != len(labels) {
		return nil, fmt.Errorf("MDM: %d covariances but %d labels", len(covariances), len(labels))
	}
	by := make([][]*mat.SymDense, classes)
	for i, c := range covariances {
		if k := labels[i]; k < 0 || k >= classes {
			return nil, fmt.Errorf("MDM: trial %d has label %d; expected labels 0 to %d", i+1, k, classes-1)
		}
		by[labels[i]] = append(by[labels[i]], c)
	}
	m := &MDM{}
	for k, c := range by {
		if len(c) == 0 {
			return nil, fmt.Errorf("MDM: no trial of class %d", k)
		}
		mean, err := Mean(c)
		if err != nil {
			return nil, fmt.Errorf("MDM: class %d: %w", k, err)
		}
		inverse, err := function(mean, true, inverseRoot)
		if err != nil {
			return nil, fmt.Errorf("MDM: class %d: %w", k, err)
		}
		m.Means, m.inverses = append(m.Means, mean), append(m.inverses, inverse)
	}
	return m, nil
}

// Distances returns the distance of a covariance from every class mean.
func (m *MDM) Distances(covariance *mat.SymDense) ([]float64, error) {
	if err := check([]*mat.SymDense{m.Means[0], covariance}); err != nil {
		return nil, err
	}
	var out []float64
	for _, inverse := range m.inverses {
		d, err := distanceFrom(inverse, covariance)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// Predict returns the class of the nearest mean.
func (m *MDM) Predict(covariance *mat.SymDense) (int, error) {
	distances, err := m.Distances(covariance)
	best := 0
	for k, d := range distances {
		if d < distances[best] {
			best = k
		}
	}
	return best, err
}
