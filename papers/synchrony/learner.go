package synchrony

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// learner is what every circuit minimises, with what the theory needs to know of it.
type learner struct {
	gradient  func(to, w []float64)
	optimum   []float64 // w*
	curvature []float64 // eigenvalues of the Hessian at w*, smallest first
	mu        float64   // modulus of convexity everywhere
	steepest  float64   // largest curvature anywhere
	lipschitz float64   // constant M of the Hessian; 0 for a quadratic objective
}

func (l *learner) size() int { return len(l.optimum) }

// samples are rows of features, the last of which is a constant 1, and labels of -1 and 1.
type samples struct {
	x [][]float64
	y []float64
}

// logistic is the mean logistic loss of the samples plus ridge/2·|w|². The optimum is found by Newton's method.
func logistic(s samples, ridge float64) (*learner, error) {
	n, d := len(s.x), len(s.x[0])
	flat := make([]float64, 0, n*d)
	cubes := 0.0
	gram := mat.NewSymDense(d, nil)
	for i, x := range s.x {
		square := 0.0
		for _, v := range x {
			flat = append(flat, v*s.y[i]) // only products of features and label matter
			square += v * v
		}
		cubes += math.Pow(square, 1.5) / float64(n)
		gram.SymRankOne(gram, 1/float64(n), mat.NewVecDense(d, x))
	}
	l := &learner{
		mu: ridge,
		// The second derivative of ln(1+e^-m) is at most 1/4, the third at most 1/(6√3).
		lipschitz: cubes / (6 * math.Sqrt(3)),
	}
	part := 1 / float64(n)
	l.gradient = func(to, w []float64) {
		w = w[:len(to)]
		for j, v := range w {
			to[j] = ridge * v
		}
		for at := 0; at < len(flat); at += d {
			x := flat[at:][:len(to)]
			m := 0.0
			for j, v := range x {
				m += v * w[j]
			}
			slope := part / (1 + math.Exp(m))
			for j, v := range x {
				to[j] -= slope * v
			}
		}
	}
	top, err := eigenvalues(gram)
	if err != nil {
		return nil, err
	}
	l.steepest = top[d-1]/4 + ridge
	hessian, err := l.newton(flat, d, ridge)
	if err != nil {
		return nil, err
	}
	if ridge == 0 {
		least := math.Inf(1)
		for at := 0; at < len(flat); at += d {
			least = min(least, dot(flat[at:at+d], l.optimum))
		}
		if least > 0 { // longer weights would always be better
			return nil, errSeparable
		}
	}
	l.curvature, err = eigenvalues(hessian)
	return l, err
}

var errSeparable = errors.New("the risk has no minimum: the two classes can be separated, so that without a ridge the weights grow without end; set ridge above 0")

// newton sets the optimum and returns the Hessian there.
func (l *learner) newton(flat []float64, d int, ridge float64) (*mat.SymDense, error) {
	l.optimum = make([]float64, d)
	gradient := make([]float64, d)
	part := float64(d) / float64(len(flat))
	loss := func(w []float64) float64 {
		sum := 0.0
		for at := 0; at < len(flat); at += d {
			m := dot(flat[at:at+d], w)
			sum += part * (math.Log1p(math.Exp(-math.Abs(m))) + max(-m, 0))
		}
		return sum + ridge/2*dot(w, w)
	}
	const most = 100
	for range most {
		hessian := mat.NewSymDense(d, nil)
		for j := range d {
			hessian.SetSym(j, j, ridge)
		}
		for at := 0; at < len(flat); at += d {
			p := 1 / (1 + math.Exp(-dot(flat[at:at+d], l.optimum)))
			hessian.SymRankOne(hessian, part*p*(1-p), mat.NewVecDense(d, flat[at:at+d]))
		}
		l.gradient(gradient, l.optimum)
		if math.Sqrt(dot(gradient, gradient)) < 1e-12 {
			return hessian, nil
		}
		var chol mat.Cholesky
		if !chol.Factorize(hessian) {
			break
		}
		var step mat.VecDense
		if chol.SolveVecTo(&step, mat.NewVecDense(d, gradient)) != nil {
			break
		}
		before, slope, next := loss(l.optimum), mat.Dot(&step, mat.NewVecDense(d, gradient)), make([]float64, d)
		for size := 1.0; size > 1e-10; size /= 2 {
			for j, v := range l.optimum {
				next[j] = v - size*step.AtVec(j)
			}
			if loss(next) <= before-1e-4*size*slope+1e-15 {
				break
			}
		}
		l.optimum = next
	}
	return nil, errSeparable
}

// kernelRidge is the quadratic |Kc - y|²/(2N) + ridge/2·c'Kc for the Gaussian kernel of points x, in the coordinates of the kernel's eigenvectors,
// in which circuits have the same independent noise. Directions of eigenvalue below least are left out.
func kernelRidge(x, y []float64, width, ridge, least float64) (*learner, error) {
	n := len(x)
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			d := (x[i] - x[j]) / width
			k.SetSym(i, j, math.Exp(-d*d/2))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(k, true) {
		return nil, fmt.Errorf("the eigenvalues of the kernel of %d points did not converge", n)
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	l := &learner{}
	for q, s := range eigen.Values(nil) { // ascending, and so is the curvature
		if s < least {
			continue
		}
		h := s*s/float64(n) + ridge*s
		l.curvature = append(l.curvature, h)
		l.optimum = append(l.optimum, s*mat.Dot(vectors.ColView(q), mat.NewVecDense(n, y))/float64(n)/h)
	}
	if len(l.curvature) == 0 {
		return nil, fmt.Errorf("no direction of the kernel has an eigenvalue of %g or more", least)
	}
	l.mu, l.steepest = l.curvature[0], l.curvature[len(l.curvature)-1]
	l.gradient = func(to, w []float64) {
		for q, h := range l.curvature {
			to[q] = h * (w[q] - l.optimum[q])
		}
	}
	return l, nil
}

func eigenvalues(m *mat.SymDense) ([]float64, error) {
	var eigen mat.EigenSym
	if !eigen.Factorize(m, false) {
		return nil, fmt.Errorf("the eigenvalues of a matrix of %d rows did not converge; does it hold NaN?", m.SymmetricDim())
	}
	return eigen.Values(nil), nil
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
