package signal

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// XDAWN is a set of spatial filters that raise evoked responses, such as the P300, over everything else (Rivet et al., IEEE Trans. Biomed.
// Eng. 56(8), 2009). For every class the filters whose output has the largest ratio of the power of the class's average to the power of
// the signal, the best first; of norm 1.
//
// As in pyRiemann the average is that of the trials: responses that overlap from one trial into the next are not taken apart.
type XDAWN struct {
	Filters  *mat.Dense // classes times filters, by channels
	Patterns *mat.Dense // in the same order: how the source that the filter picks up shows at the channels
	Evoked   *mat.Dense // in the same order, by samples: the class's average through the filter
}

// FitXDAWN finds that many filters for each class. Labels are 0 to classes-1; trials are of equal length.
func FitXDAWN(trials []*mat.Dense, labels []int, classes, filters int) (*XDAWN, error) {
	if len(trials) == 0 || len(trials) != len(labels) {
		return nil, fmt.Errorf("xDAWN: %d trials but %d labels", len(trials), len(labels))
	}
	channels, samples := trials[0].Dims()
	if filters < 1 || filters > channels {
		return nil, fmt.Errorf("xDAWN: %d filters asked of %d channels", filters, channels)
	}
	averages, count := make([]*mat.Dense, classes), make([]float64, classes)
	for k := range averages {
		averages[k] = mat.NewDense(channels, samples, nil)
	}
	all := mat.NewDense(channels, samples*len(trials), nil)
	for i, trial := range trials {
		if c, n := trial.Dims(); c != channels || n != samples {
			return nil, fmt.Errorf("xDAWN: trial %d is %d channels by %d samples, the first %d by %d", i+1, c, n, channels, samples)
		}
		k := labels[i]
		if k < 0 || k >= classes {
			return nil, fmt.Errorf("xDAWN: trial %d has label %d; expected labels 0 to %d", i+1, k, classes-1)
		}
		averages[k].Add(averages[k], trial)
		count[k]++
		for c := range channels {
			copy(all.RawRowView(c)[i*samples:], trial.RawRowView(c))
		}
	}
	whole, err := Covariance(all)
	if err != nil {
		return nil, fmt.Errorf("xDAWN: %w", err)
	}
	white, err := InverseSqrt(whole)
	if err != nil {
		return nil, fmt.Errorf("xDAWN: %w", err)
	}
	x := &XDAWN{Filters: mat.NewDense(classes*filters, channels, nil), Patterns: mat.NewDense(classes*filters, channels, nil),
		Evoked: mat.NewDense(classes*filters, samples, nil)}
	for k, average := range averages {
		if count[k] == 0 {
			return nil, fmt.Errorf("xDAWN: no trial of class %d", k)
		}
		average.Scale(1/count[k], average)
		evoked, err := Covariance(average)
		if err != nil {
			return nil, fmt.Errorf("xDAWN: the average of class %d: %w", k, err)
		}
		_, vectors, err := eigenIn(white, evoked)
		if err != nil {
			return nil, fmt.Errorf("xDAWN: %w", err)
		}
		for f := range filters {
			w := mat.Col(nil, channels-1-f, vectors)
			floats.Scale(1/floats.Norm(w, 2), w)
			x.Filters.SetRow(k*filters+f, w)
			var pattern mat.VecDense
			pattern.MulVec(whole, mat.NewVecDense(channels, w))
			pattern.ScaleVec(1/floats.Dot(w, pattern.RawVector().Data), &pattern)
			x.Patterns.SetRow(k*filters+f, pattern.RawVector().Data)
		}
		x.Evoked.Slice(k*filters, (k+1)*filters, 0, samples).(*mat.Dense).Mul(x.Filters.Slice(k*filters, (k+1)*filters, 0, channels), average)
	}
	return x, nil
}

// Apply returns the filters' output over the trial.
func (x *XDAWN) Apply(trial *mat.Dense) *mat.Dense {
	var out mat.Dense
	out.Mul(x.Filters, trial)
	return &out
}

// eigenIn returns the eigenvalues, ascending, of cov once whitened, and the filters (columns) that lead to its eigenvectors.
func eigenIn(white, cov *mat.SymDense) ([]float64, *mat.Dense, error) {
	n := cov.SymmetricDim()
	var half, inWhite, vectors, filters mat.Dense
	half.Mul(white, cov)
	inWhite.Mul(&half, white)
	sym := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			sym.SetSym(i, j, (inWhite.At(i, j)+inWhite.At(j, i))/2)
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(sym, true) {
		return nil, nil, fmt.Errorf("the eigenvalues did not converge")
	}
	eig.VectorsTo(&vectors)
	filters.Mul(white, &vectors)
	if v := filters.At(0, 0); math.IsNaN(v) {
		return nil, nil, fmt.Errorf("the covariance holds a value that is not a finite number")
	}
	return eig.Values(nil), &filters, nil
}
