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
