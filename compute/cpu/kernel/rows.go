package kernel

import "math"

// ExpSum sets each row of dst [rows, cols] to the exponential of the row of x less shift [rows] of that row, and sum [rows] to the rows'
// sums. dst may be x.
func ExpSum(dst, x, shift, sum []float32, cols int) {
	checkLength("ExpSum", len(dst), len(x))
	checkLength("ExpSum", len(dst), cols*len(sum))
	checkLength("ExpSum", len(sum), len(shift))
	if cols > blockLength {
		for r := range sum {
			sum[r] = expSum(dst[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols], shift[r])
		}
		return
	}
	pass := active.expSum32
	for r := range sum {
		sum[r] = pass(dst[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols], shift[r])
	}
}

// expSum is the kernel of that name for a row of any length, in the order of evaluation of a Sum.
func expSum(dst, x []float32, shift float32) float32 {
	if len(x) <= blockLength {
		return active.expSum32(dst, x, shift)
	}
	cut := firstPart(len(x))
	return expSum(dst[:cut], x[:cut], shift) + expSum(dst[cut:], x[cut:], shift)
}

func expSumPortable(dst, x []float32, shift float32) float32 {
	return runLanes(Sum, len(x), func(i int) float32 {
		dst[i] = float32(math.Exp(float64(x[i] - shift)))
		return dst[i]
	})
}
