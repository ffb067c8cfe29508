package langevinflow

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure"
)

// movement is the behaviour beside a split of trials, in the observed bins.
type movement struct {
	dims   int
	fitted []float64 // [trials, bins, dims] of the trials that are not for the test, in the order of split.fitted
	trials int       // how many those are
	chosen int       // how many of them, at the end, choose the penalty
	test   []float64 // [test trials, bins, dims]
}

// decode regresses the behaviour on the rates [trials, bins, neurons] of the same bins and returns the variance of it that is explained in
// the test, a mean over dimensions. The penalty is that which explains the trials best that choose it, as in the benchmark's own scoring
// (ridge regression on rates).
func (m *movement) decode(fitted, test []float32, neurons int) (float64, error) {
	known, tested := pair(fitted, m.fitted, neurons, m.dims), pair(test, m.test, neurons, m.dims)
	cut := len(fitted) / neurons / m.trials * (m.trials - m.chosen) // rows (trial, bin)
	learn, choose := known.rows(0, cut), known.rows(cut, len(fitted)/neurons)
	best, most := 0.0, math.Inf(-1)
	for _, penalty := range []float64{1e-4, 1e-3, 1e-2, 1e-1, 1, 10} {
		w, err := learn.ridge(penalty)
		if err != nil {
			return 0, err
		}
		if r2 := choose.score(w); r2 > most || math.IsInf(most, -1) {
			best, most = penalty, r2
		}
	}
	w, err := known.ridge(best)
	if err != nil {
		return 0, err
	}
	return tested.score(w), nil
}

// pairs are rates and behaviour of the same bins, row by row; rows without behaviour are left out.
type pairs struct {
	x, y     []float64 // [rows, features] and [rows, outputs]
	row      []int     // where each came from
	features int
	outputs  int
}

func pair(rates []float32, behaviour []float64, neurons, dims int) pairs {
	p := pairs{features: neurons, outputs: dims}
	for r := range len(behaviour) / dims {
		y := behaviour[r*dims : (r+1)*dims]
		whole := true
		for _, v := range y {
			whole = whole && !math.IsNaN(v) && !math.IsInf(v, 0)
		}
		if !whole {
			continue
		}
		for _, v := range rates[r*neurons : (r+1)*neurons] {
			p.x = append(p.x, float64(v))
		}
		p.y, p.row = append(p.y, y...), append(p.row, r)
	}
	return p
}

// rows returns the pairs that came from rows from to to.
func (p pairs) rows(from, to int) pairs {
	out := pairs{features: p.features, outputs: p.outputs}
	for i, r := range p.row {
		if r >= from && r < to {
			out.x = append(out.x, p.x[i*p.features:(i+1)*p.features]...)
			out.y = append(out.y, p.y[i*p.outputs:(i+1)*p.outputs]...)
			out.row = append(out.row, r)
		}
	}
	return out
}

// linear is a map from rates to behaviour.
type linear struct {
	weights      *mat.Dense // [features, outputs]
	meanX, meanY []float64
}

// ridge fits a linear map under a penalty on the squared weights, which is measured in the mean variance of the rates times the rows.
func (p pairs) ridge(penalty float64) (linear, error) {
	n := len(p.row)
	if n < 2 {
		return linear{}, fmt.Errorf("%d bins have behaviour, too few to learn from", n)
	}
	l := linear{meanX: columnMeans(p.x, p.features), meanY: columnMeans(p.y, p.outputs)}
	x, y := mat.NewDense(n, p.features, nil), mat.NewDense(n, p.outputs, nil)
	for i := range n {
		for j := range p.features {
			x.Set(i, j, p.x[i*p.features+j]-l.meanX[j])
		}
		for j := range p.outputs {
			y.Set(i, j, p.y[i*p.outputs+j]-l.meanY[j])
		}
	}
	weights, err := solveRidge(x, y, func(trace float64) float64 { return penalty*trace/float64(p.features) + 1e-12 })
	l.weights = weights
	return l, err
}

// score is the variance explained, a mean over outputs.
func (p pairs) score(l linear) float64 {
	n := len(p.row)
	if n == 0 {
		return math.NaN()
	}
	sum := 0.0
	truth, estimate := make([]float64, n), make([]float64, n)
	for o := range p.outputs {
		for i := range n {
			e := l.meanY[o]
			for j := range p.features {
				e += (p.x[i*p.features+j] - l.meanX[j]) * l.weights.At(j, o)
			}
			truth[i], estimate[i] = p.y[i*p.outputs+o], e
		}
		sum += measure.R2(truth, estimate, 1)
	}
	return sum / float64(p.outputs)
}

func columnMeans(v []float64, columns int) []float64 {
	out := make([]float64, columns)
	for i, x := range v {
		out[i%columns] += x * float64(columns) / float64(len(v))
	}
	return out
}

// solveRidge returns the W [features, outputs] that makes x·W closest to y under the penalty λ|W|², where λ may depend on the trace of xᵀx.
func solveRidge(x, y *mat.Dense, lambda func(trace float64) float64) (*mat.Dense, error) {
	var gram, right, weights mat.Dense
	gram.Mul(x.T(), x)
	right.Mul(x.T(), y)
	_, features := x.Dims()
	l := lambda(mat.Trace(&gram))
	for i := range features {
		gram.Set(i, i, gram.At(i, i)+l)
	}
	if err := weights.Solve(&gram, &right); err != nil {
		return nil, err
	}
	return &weights, nil
}
