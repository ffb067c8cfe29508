package measure

import (
	"fmt"
	"math"
)

// Float is the element type of the arrays measured.
type Float interface{ ~float32 | ~float64 }

// R2 is the variance explained, pooled over columns: 1 − Σ(truth−estimate)² / Σ(truth−column mean)². Both arrays are rows × columns,
// row-major. The reference predictor is each column's own mean, so a model that knows nothing but how active every neuron is
// scores 0; an estimate worse than that scores below 0. It is NaN when no column varies or there are no rows.
func R2[T Float](truth, estimate []T, columns int) float64 {
	means := columnMeans(truth, len(estimate), columns)
	var residual, total float64
	for i, y := range truth {
		e := float64(y) - float64(estimate[i])
		d := float64(y) - means[i%columns]
		residual += e * e
		total += d * d
	}
	if total == 0 {
		return math.NaN()
	}
	return 1 - residual/total
}

// MAPE is the mean of |truth−estimate| / |truth| over the rows where truth is not zero; NaN when there is none.
func MAPE[T Float](truth, estimate []T) float64 {
	sameLength(len(truth), len(estimate))
	sum, n := 0.0, 0
	for i, y := range truth {
		if y != 0 {
			sum += math.Abs(float64(y)-float64(estimate[i])) / math.Abs(float64(y))
			n++
		}
	}
	return sum / float64(n)
}

// AltMAPE is Σ|truth−estimate| / Σ|truth|, the form of MAPE that values near zero do not dominate (Cui, Ahmad & Hawkins 2016,
// equation 6); NaN when truth is zero throughout.
func AltMAPE[T Float](truth, estimate []T) float64 {
	sameLength(len(truth), len(estimate))
	var off, size float64
	for i, y := range truth {
		off += math.Abs(float64(y) - float64(estimate[i]))
		size += math.Abs(float64(y))
	}
	if size == 0 {
		return math.NaN()
	}
	return off / size
}

// columnMeans returns the mean of each column of a rows × columns array.
func columnMeans[T Float](a []T, otherLength, columns int) []float64 {
	sameLength(len(a), otherLength)
	if columns < 1 || len(a)%columns != 0 {
		panic(fmt.Sprintf("measure: %d values do not form rows of %d columns", len(a), columns))
	}
	means := make([]float64, columns)
	for i, v := range a {
		means[i%columns] += float64(v)
	}
	for c := range means {
		means[c] /= float64(len(a) / columns)
	}
	return means
}

func sameLength(a, b int) {
	if a != b {
		panic(fmt.Sprintf("measure: %d values are compared with %d", a, b))
	}
}
