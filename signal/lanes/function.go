package lanes

import "math"

// Tanh sets dst to the hyperbolic tangent of x. The error is below 4e-16 (absolute).
func Tanh(dst, x []float64) { active.tanh(dst[:len(x)], x) }

// Logistic sets dst to 1/(1+exp(-x)). The error is below 4e-16 (absolute).
func Logistic(dst, x []float64) { active.logistic(dst[:len(x)], x) }

func portableTanh(dst, x []float64) {
	for i, v := range x {
		dst[i] = math.Tanh(v)
	}
}

func portableLogistic(dst, x []float64) {
	for i, v := range x {
		dst[i] = 1 / (1 + math.Exp(-v))
	}
}

// Powers adds the first four powers of every column of x, row-major and as wide as the sums, to the sums.
func Powers(sums *[4][]float64, x []float64) {
	n := len(sums[0])
	whole := n / Width * Width
	const block = 64 // rows that stay in the first-level cache
	for len(x) >= n && n > 0 {
		part := x[:min(block, len(x)/n)*n]
		if whole > 0 {
			active.powers(sums, part, whole)
		}
		if whole < n {
			sumPowers(sums, part, whole, n)
		}
		x = x[len(part):]
	}
}

// portablePowers sums the first columns.
func portablePowers(sums *[4][]float64, x []float64, columns int) { sumPowers(sums, x, 0, columns) }

func sumPowers(sums *[4][]float64, x []float64, first, last int) {
	n := len(sums[0])
	for ; len(x) >= n; x = x[n:] {
		for j := first; j < last; j++ {
			v := x[j]
			sums[0][j] += v
			sums[1][j] += v * v
			sums[2][j] += v * v * v
			sums[3][j] += v * v * (v * v)
		}
	}
}
