package lanes

import "github.com/gyrus-dev/gyrus/compute/cpu/kernel"

// loops is one processor generation's implementation of every loop.
type loops struct {
	// interleave and deinterleave do the first n samples, a multiple of Width, of Width rows.
	interleave   func(dst []float64, stride int, rows [][]float64, n int)
	deinterleave func(rows [][]float64, src []float64, stride, n int)
	// biquads runs some of the sections from the first on and returns how many.
	biquads        func(sections []Section, state []State, x []float64, backwards bool) int
	split, join    func(x, twiddles []float64, m int)
	pairs          func(x []float64)
	multiply       func(x, spectrum []float64)
	tanh, logistic func(dst, x []float64)
	// powers sums the powers of the first columns, a multiple of Width.
	powers func(sums *[4][]float64, x []float64, columns int)
}

var portable = loops{
	interleave: portableInterleave, deinterleave: portableDeinterleave,
	biquads: portableBiquads, split: portableSplit, join: portableJoin, pairs: portablePairs, multiply: portableMultiply,
	tanh: portableTanh, logistic: portableLogistic, powers: portablePowers,
}

var active = loopsOf(kernel.Active())
