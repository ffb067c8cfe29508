package shapes

import (
	"gonum.org/v1/gonum/mat"
)

// Linear is the best linear prediction of noise (Wiener's filter): what the Gaussian with the mixture's moments would take for noise.
type Linear struct {
	mean     []float64
	axes     *mat.Dense // eigenvectors of the covariance, in columns
	variance []float64
}

// Linear returns the best linear predictor of noise on the mixture's images.
func (m *Mixture) Linear() *Linear {
	mean, covariance := m.Moments()
	l := &Linear{mean: mean, axes: new(mat.Dense)}
	l.variance = Principal(covariance, Pixels, l.axes)
	return l
}

// Principal writes the eigenvectors of the n largest eigenvalues of a covariance to the columns of axes, the largest first, and returns the
// eigenvalues.
func Principal(covariance *mat.SymDense, n int, axes *mat.Dense) []float64 {
	var e mat.EigenSym
	if !e.Factorize(covariance, true) {
		panic("shapes: no eigenvalues of a covariance")
	}
	size := covariance.SymmetricDim()
	var all mat.Dense
	e.VectorsTo(&all)
	values := e.Values(nil) // ascending
	axes.ReuseAs(size, n)
	top := make([]float64, n)
	for j := range n {
		axes.SetCol(j, mat.Col(nil, size-1-j, &all))
		top[j] = values[size-1-j]
	}
	return top
}

// Predict writes to out the best linear prediction of ε from signal·x + noise·ε.
func (l *Linear) Predict(out, image []float32, signal, noise float64) {
	r := mat.NewVecDense(Pixels, nil)
	for i, v := range image {
		r.SetVec(i, float64(v)-signal*l.mean[i])
	}
	var along, back mat.VecDense
	along.MulVec(l.axes.T(), r)
	for j, v := range l.variance {
		along.SetVec(j, along.AtVec(j)*noise/(signal*signal*v+noise*noise))
	}
	back.MulVec(l.axes, &along)
	for i := range out {
		out[i] = float32(back.AtVec(i))
	}
}
