package signal

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// CSP is a set of common spatial patterns (Ramoser, Müller-Gerking and Pfurtscheller, IEEE Trans. Rehab. Eng. 8(4), 2000; Blankertz
// et al., IEEE Signal Processing Magazine 25(1), 2008): spatial filters whose output has high variance in trials of one class
// and low variance in trials of the other.
type CSP struct {
	Filters  *mat.Dense // filters by channels: one filter a row, by how well it separates, best first
	Patterns *mat.Dense // filters by channels: how the source that the filter picks up shows at the channels
	Ratio    []float64  // by filter: variance in class 1 over variance in both, 0.5 meaning no difference
}

// FitCSP finds that many filters, half of them for each class if the number is even. Labels are 0 and 1. A shrink above 0 shrinks
// the class covariances first (see [Shrink]).
//
// Each class covariance is the mean of its trials' covariances scaled to unit trace, so that loud trials do not dominate.
func FitCSP(trials []*mat.Dense, labels []int, filters int, shrink float64) (*CSP, error) {
	if len(trials) != len(labels) {
		return nil, fmt.Errorf("CSP: %d trials but %d labels", len(trials), len(labels))
	}
	covariances, err := Covariances(trials)
	if err != nil {
		return nil, fmt.Errorf("CSP: %w", err)
	}
	return FitCSPCovariances(covariances, labels, filters, shrink)
}

// FitCSPCovariances is FitCSP given the covariance of each trial. A cross-validation that computes them once saves most of its work.
func FitCSPCovariances(covariances []*mat.SymDense, labels []int, filters int, shrink float64) (*CSP, error) {
	if len(covariances) != len(labels) {
		return nil, fmt.Errorf("CSP: %d trials but %d labels", len(covariances), len(labels))
	}
	var cov [2]*mat.SymDense
	var count [2]float64
	for i, c := range covariances {
		class, n := labels[i], c.SymmetricDim()
		if class != 0 && class != 1 {
			return nil, fmt.Errorf("CSP: trial %d has label %d; labels must be 0 or 1", i+1, class)
		}
		trace := mat.Trace(c)
		if !(trace > 0) {
			return nil, fmt.Errorf("CSP: trial %d is flat", i+1)
		}
		if n != covariances[0].SymmetricDim() {
			return nil, fmt.Errorf("CSP: trial %d has %d channels, the first %d", i+1, n, covariances[0].SymmetricDim())
		}
		if cov[class] == nil {
			cov[class] = mat.NewSymDense(n, nil)
		}
		for row := range n {
			for column := row; column < n; column++ {
				cov[class].SetSym(row, column, cov[class].At(row, column)+c.At(row, column)*(1/trace))
			}
		}
		count[class]++
	}
	for class := range cov {
		if count[class] == 0 {
			return nil, fmt.Errorf("CSP: no trial of class %d", class)
		}
		cov[class].ScaleSym(1/count[class], cov[class])
		cov[class] = Shrink(cov[class], shrink)
	}
	channels := cov[0].SymmetricDim()
	if filters < 1 || filters > channels {
		return nil, fmt.Errorf("CSP: %d filters asked of %d channels", filters, channels)
	}

	// Whiten the sum of both classes; the eigenvectors of class 1 in that space are the filters.
	var both mat.SymDense
	both.AddSym(cov[0], cov[1])
	white, err := InverseSqrt(&both)
	if err != nil {
		return nil, fmt.Errorf("CSP: %w", err)
	}
	values, all, err := eigenIn(white, cov[1])
	if err != nil {
		return nil, fmt.Errorf("CSP: %w", err)
	}
	var patterns mat.Dense
	patterns.Mul(&both, all)

	csp := &CSP{Filters: mat.NewDense(filters, channels, nil), Patterns: mat.NewDense(filters, channels, nil)}
	for k, column := range bothEnds(values, filters) {
		csp.Ratio = append(csp.Ratio, values[column])
		for c := range channels {
			csp.Filters.Set(k, c, all.At(c, column))
			csp.Patterns.Set(k, c, patterns.At(c, column))
		}
	}
	return csp, nil
}

// bothEnds picks n indices of the ascending values from both ends in turn, beginning with the end further from 0.5.
func bothEnds(values []float64, n int) []int {
	var picked []int
	low, high := 0, len(values)-1
	takeHigh := values[high]-0.5 >= 0.5-values[low]
	for len(picked) < n {
		if takeHigh {
			picked = append(picked, high)
			high--
		} else {
			picked = append(picked, low)
			low++
		}
		takeHigh = !takeHigh
	}
	return picked
}

// Features returns the logarithm of the variance of each filter's output over the trial.
func (c *CSP) Features(trial *mat.Dense) []float64 {
	var out mat.Dense
	out.Mul(c.Filters, trial)
	filters, samples := out.Dims()
	features := make([]float64, filters)
	for k := range filters {
		row := out.RawRowView(k)
		mean, power := 0.0, 0.0
		for _, v := range row {
			mean += v
		}
		mean /= float64(samples)
		for _, v := range row {
			power += (v - mean) * (v - mean)
		}
		features[k] = math.Log(max(power/float64(samples), math.SmallestNonzeroFloat64))
	}
	return features
}

// CovarianceFeatures is Features given the trial's covariance and its number of samples.
func (c *CSP) CovarianceFeatures(cov *mat.SymDense, samples int) []float64 {
	filters, _ := c.Filters.Dims()
	features := make([]float64, filters)
	for k := range filters {
		w := c.Filters.RawRowView(k)
		power := 0.0
		for i, a := range w {
			power += a * a * cov.At(i, i)
			for j := i + 1; j < len(w); j++ {
				power += 2 * a * w[j] * cov.At(i, j)
			}
		}
		features[k] = math.Log(max(power*float64(samples-1)/float64(samples), math.SmallestNonzeroFloat64))
	}
	return features
}

// LDA is Fisher's linear discriminant between classes that share one covariance.
type LDA struct {
	Weights [][]float64 // by class and feature
	Bias    []float64   // by class
}

// FitLDA fits the discriminant to features (one row a trial) with labels 0 to classes-1. The common covariance is shrunk (see
// [Shrink]) by the given amount from 0 to 1; a negative amount lets Ledoit and Wolf's formula (J. Multivariate Analysis 88, 2004) choose
// it. Classes count by how often they occur.
func FitLDA(features [][]float64, labels []int, classes int, shrink float64) (*LDA, error) {
	if len(features) != len(labels) || len(features) == 0 {
		return nil, fmt.Errorf("LDA: %d rows of features but %d labels", len(features), len(labels))
	}
	dim := len(features[0])
	count := make([]float64, classes)
	means := make([][]float64, classes)
	for k := range means {
		means[k] = make([]float64, dim)
	}
	for i, row := range features {
		k := labels[i]
		if k < 0 || k >= classes || len(row) != dim {
			return nil, fmt.Errorf("LDA: row %d has label %d and %d features; expected labels 0 to %d and %d features",
				i+1, k, len(row), classes-1, dim)
		}
		count[k]++
		for j, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("LDA: feature %d of row %d is not a finite number", j+1, i+1)
			}
			means[k][j] += v
		}
	}
	for k := range means {
		if count[k] == 0 {
			return nil, fmt.Errorf("LDA: no row of class %d", k)
		}
		for j := range means[k] {
			means[k][j] /= count[k]
		}
	}
	n := len(features)
	centred := mat.NewDense(dim, n, nil)
	for i, row := range features {
		for j, v := range row {
			centred.Set(j, i, v-means[labels[i]][j])
		}
	}
	var cov mat.SymDense
	cov.SymOuterK(1/float64(n), centred)
	if shrink < 0 {
		shrink = ledoitWolf(centred, &cov)
	}
	shrunk := Shrink(&cov, min(shrink, 1))
	root, err := InverseSqrt(shrunk)
	if err != nil {
		return nil, fmt.Errorf("LDA: the features do not vary within the classes")
	}
	var inverse mat.Dense
	inverse.Mul(root, root)

	lda := &LDA{}
	for k := range classes {
		var w mat.VecDense
		w.MulVec(&inverse, mat.NewVecDense(dim, means[k]))
		weights := slices.Clone(w.RawVector().Data)
		bias := math.Log(count[k] / float64(n))
		for j, v := range weights {
			bias -= v * means[k][j] / 2
		}
		lda.Weights = append(lda.Weights, weights)
		lda.Bias = append(lda.Bias, bias)
	}
	return lda, nil
}

// ledoitWolf returns the shrinkage towards a multiple of the identity with the least expected squared error, given centred data
// (features by rows) and their covariance (divided by the number of rows).
func ledoitWolf(x *mat.Dense, cov *mat.SymDense) float64 {
	dim, n := x.Dims()
	mu := mat.Trace(cov) / float64(dim)
	distance, squares := 0.0, 0.0 // ‖S-μI‖², Σ_i ‖x_i x_iᵀ‖²
	for i := range dim {
		for j := range dim {
			d := cov.At(i, j)
			squares -= float64(n) * d * d
			if i == j {
				d -= mu
			}
			distance += d * d
		}
	}
	for t := range n {
		norm := 0.0
		for i := range dim {
			norm += x.At(i, t) * x.At(i, t)
		}
		squares += norm * norm
	}
	if distance == 0 {
		return 1
	}
	return min(1, squares/float64(n*n)/distance)
}

// Scores returns each class's linear score; their softmax is the probability of the classes.
func (l *LDA) Scores(features []float64) []float64 {
	scores := slices.Clone(l.Bias)
	for k, w := range l.Weights {
		for j, v := range features {
			scores[k] += w[j] * v
		}
	}
	return scores
}

// Predict returns the most probable class.
func (l *LDA) Predict(features []float64) int {
	best := 0
	scores := l.Scores(features)
	for k, s := range scores {
		if s > scores[best] {
			best = k
		}
	}
	return best
}
