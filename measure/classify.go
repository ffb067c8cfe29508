package measure

import (
	"fmt"
	"math"
)

// Accuracy is the share of predictions that equal the truth; NaN when there is none.
func Accuracy(truth, predicted []int) float64 {
	sameLength(len(truth), len(predicted))
	right := 0
	for i, t := range truth {
		if predicted[i] == t {
			right++
		}
	}
	return float64(right) / float64(len(truth))
}

// Confusion counts how often each true class (row) was predicted as each class (column). Classes are 0 .. classes-1.
func Confusion(truth, predicted []int, classes int) [][]int {
	sameLength(len(truth), len(predicted))
	m := make([][]int, classes)
	for c := range m {
		m[c] = make([]int, classes)
	}
	for i, t := range truth {
		if p := predicted[i]; t < 0 || t >= classes || p < 0 || p >= classes {
			panic(fmt.Sprintf("measure: truth %d, prediction %d at row %d, but classes are 0 to %d", t, p, i, classes-1))
		}
		m[t][predicted[i]]++
	}
	return m
}

// BalancedAccuracy is the mean over classes of the share of that class's rows predicted rightly, so that a rare class weighs as
// much as a common one. Classes that do not occur in truth are left out; NaN when there are no rows.
func BalancedAccuracy(truth, predicted []int, classes int) float64 {
	sum, occurring := 0.0, 0
	for c, row := range Confusion(truth, predicted, classes) {
		n := 0
		for _, k := range row {
			n += k
		}
		if n > 0 {
			sum += float64(row[c]) / float64(n)
			occurring++
		}
	}
	if occurring == 0 {
		return math.NaN()
	}
	return sum / float64(occurring)
}
