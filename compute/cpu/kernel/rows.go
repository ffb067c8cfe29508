package kernel

import (
	"fmt"
	"math"
)

// rowKernels are the passes over one row, of any length, that the fused row operations are made of.
type rowKernels[T Float] struct {
	// expSum sets dst[i] = exp(x[i]-shift) and returns their sum; dst nil only sums. At most blockLength elements.
	expSum func(dst, x []T, shift T) T
	// centred returns the sum of (x[i]-mean)^2. At most blockLength elements.
	centred func(x []T, mean T) T
	// normalise sets dst[i] = (x[i]-mean)*scale*gamma[i] + beta[i].
	normalise func(dst, x, gamma, beta []T, mean, scale T)
}

func rowPasses[T Float]() *rowKernels[T] {
	var zero T
	switch any(zero).(type) {
	case float32:
		return any(&active.rows32).(*rowKernels[T])
	default:
		return any(&active.rows64).(*rowKernels[T])
	}
}

// Softmax sets each row of dst [rows, cols] to exp(x-max)/sum(exp(x-max)) of the same row of x [rows, cols]. dst may be x.
func Softmax[T Float](par Parallel, dst, x []T, rows, cols int) {
	checkRows("Softmax", len(dst), len(x), rows, cols)
	eachRow(par, rows, cols, func(r int) {
		d, v := dst[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols]
		sum := expSum(d, v, fold(Maximum, v, reductions[T]().run[Maximum]))
		BinaryVS(Mul, d, d, 1/sum)
	})
}

// LogSoftmax sets each row of dst [rows, cols] to x-max-log(sum(exp(x-max))) of the same row of x [rows, cols]. dst may be x.
func LogSoftmax[T Float](par Parallel, dst, x []T, rows, cols int) {
	checkRows("LogSoftmax", len(dst), len(x), rows, cols)
	eachRow(par, rows, cols, func(r int) {
		d, v := dst[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols]
		top := fold(Maximum, v, reductions[T]().run[Maximum])
		logSum := T(math.Log(float64(expSum(nil, v, top))))
		BinaryVS(Sub, d, v, top)
		BinaryVS(Sub, d, d, logSum)
	})
}

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
	pass := active.rows32.expSum
	for r := range sum {
		sum[r] = pass(dst[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols], shift[r])
	}
}

// expSum is the kernel of that name for rows of any length.
func expSum[T Float](dst, x []T, shift T) T {
	k := rowPasses[T]()
	if len(x) <= blockLength {
		return k.expSum(dst, x, shift)
	}
	cut := blockLength
	for 2*cut < len(x) {
		cut *= 2
	}
	if dst == nil {
		return expSum(nil, x[:cut], shift) + expSum(nil, x[cut:], shift)
	}
	return expSum(dst[:cut], x[:cut], shift) + expSum(dst[cut:], x[cut:], shift)
}

// SoftmaxGrad sets each row of dx [rows, cols] to y*(dy-sum(y*dy)), where y [rows, cols] is what Softmax returned and dy [rows, cols] is the
// gradient with respect to y. dx may be y or dy.
func SoftmaxGrad[T Float](par Parallel, dx, y, dy []T, rows, cols int) {
	checkRows("SoftmaxGrad", len(dx), len(y), rows, cols)
	checkRows("SoftmaxGrad", len(dx), len(dy), rows, cols)
	eachRow(par, rows, cols, func(r int) {
		d, v, g := dx[r*cols:(r+1)*cols], y[r*cols:(r+1)*cols], dy[r*cols:(r+1)*cols]
		inner := foldDot(v, g, reductions[T]().dot)
		subMul(d, g, inner, v)
	})
}

// subMul sets dst[i] = (x[i]-a)*y[i].
func subMul[T Float](dst, x []T, a T, y []T) {
	var tile [256]T
	for len(dst) > 0 {
		n := min(len(dst), len(tile))
		BinaryVS(Sub, tile[:n], x[:n], a)
		Binary(Mul, dst[:n], tile[:n], y[:n])
		dst, x, y = dst[n:], x[n:], y[n:]
	}
}

// LayerNorm sets each row of dst [rows, cols] to (x-mean)*rstd*gamma + beta, where mean and rstd = 1/sqrt(variance+epsilon) are the row's and
// the variance is the mean squared deviation. gamma and beta [cols] may be nil for ones and zeros. mean and rstd [rows], where not nil,
// receive the statistics. dst may be x.
func LayerNorm[T Float](par Parallel, dst, x, gamma, beta, mean, rstd []T, rows, cols int, epsilon T) {
	checkRows("LayerNorm", len(dst), len(x), rows, cols)
	if gamma == nil || beta == nil {
		store := borrow[T](2 * cols)
		defer store.release()
		if gamma == nil {
			gamma = store.data[:cols]
			Fill(gamma, 1)
		}
		if beta == nil {
			beta = store.data[cols:]
			Fill(beta, 0)
		}
	}
	checkLength("LayerNorm", cols, len(gamma))
	checkLength("LayerNorm", cols, len(beta))
	sum, pass := reductions[T]().run[Sum], rowPasses[T]()
	eachRow(par, rows, cols, func(r int) {
		d, v := dst[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols]
		m := fold(Sum, v, sum) / T(cols)
		variance := fold(Sum, v, func(x []T) T { return pass.centred(x, m) }) / T(cols)
		s := T(1 / math.Sqrt(float64(variance+epsilon)))
		pass.normalise(d, v, gamma, beta, m, s)
		if mean != nil {
			mean[r] = m
		}
		if rstd != nil {
			rstd[r] = s
		}
	})
}

func eachRow(par Parallel, rows, cols int, body func(r int)) {
	if cols == 0 {
		return
	}
	split(par, rows, ceilDiv(1<<12, cols), func(from, to int) {
		for r := from; r < to; r++ {
			body(r)
		}
	})
}

func checkRows(kernel string, dst, x, rows, cols int) {
	if dst != rows*cols || x != rows*cols {
		panic(fmt.Sprintf("kernel.%s: operands of %d and %d elements where [%d, %d] needs %d", kernel, dst, x, rows, cols, rows*cols))
	}
}

func portableRows[T Float]() rowKernels[T] {
	return rowKernels[T]{
		expSum: func(dst, x []T, shift T) T {
			return runLanes(Sum, len(x), func(i int) T {
				e := T(math.Exp(float64(x[i] - shift)))
				if dst != nil {
					dst[i] = e
				}
				return e
			})
		},
		centred: func(x []T, mean T) T {
			return runLanes(Sum, len(x), func(i int) T { return (x[i] - mean) * (x[i] - mean) })
		},
		normalise: func(dst, x, gamma, beta []T, mean, scale T) {
			for i := range dst {
				dst[i] = (x[i]-mean)*scale*gamma[i] + beta[i]
			}
		},
	}
}

// AdamStep is one update of the Adam optimiser (Kingma and Ba, 2015, algorithm 1), with decoupled weight decay (Loshchilov and Hutter, 2019):
//
//	m = Beta1*m + (1-Beta1)*g
//	v = Beta2*v + (1-Beta2)*g*g
//	w = w - Rate*((m*Correct1)/(sqrt(v*Correct2)+Epsilon) + Decay*w)
type AdamStep struct {
	Rate, Beta1, Beta2, Epsilon, Decay float32
	// Correct1 and Correct2 undo the bias of the averages at step t: 1/(1-Beta1^t) and 1/(1-Beta2^t).
	Correct1, Correct2 float32
}

// Apply updates the weights w and the averages m and v, in place, from the gradient g. All have the same length.
func (s *AdamStep) Apply(par Parallel, w, m, v, g []float32) {
	for _, operand := range [][]float32{m, v, g} {
		checkLength("AdamStep.Apply", len(w), len(operand))
	}
	split(par, len(w), 1<<13, func(from, to int) {
		active.adam(w[from:to], m[from:to], v[from:to], g[from:to], s)
	})
}

func portableAdam(w, m, v, g []float32, s *AdamStep) {
	for i, g := range g {
		m[i] = s.Beta1*m[i] + (1-s.Beta1)*g
		v[i] = s.Beta2*v[i] + (1-s.Beta2)*g*g
		root := float32(math.Sqrt(float64(v[i] * s.Correct2)))
		w[i] -= s.Rate * (m[i]*s.Correct1/(root+s.Epsilon) + s.Decay*w[i])
	}
}
