package lanes

import "github.com/gyrus-dev/gyrus/compute/cpu/kernel"

//go:generate go run ./gen -out lanes_amd64.s -stubs lanes_amd64.go -pkg lanes

func loopsOf(tier kernel.Tier) loops {
	switch tier {
	case kernel.AVX512:
		return loops{
			interleave: interleaved(interleaveAVX512), deinterleave: deinterleaved(deinterleaveAVX512),
			biquads: func(sections []Section, state []State, x []float64, backwards bool) int {
				first, step := path(x, backwards)
				n := len(x) / Width
				switch {
				case len(sections) >= 4:
					biquads4AVX512(&sections[0][0], &state[0][0][0], first, n, step)
					return 4
				case len(sections) >= 2:
					biquads2AVX512(&sections[0][0], &state[0][0][0], first, n, step)
					return 2
				}
				biquads1AVX512(&sections[0][0], &state[0][0][0], first, n, step)
				return 1
			},
			split: splitAVX512, join: joinAVX512, pairs: pairsAVX512, multiply: multiplyAVX512,
			tanh: whole(tanhAVX512), logistic: whole(logisticAVX512), powers: columns(powersAVX512),
		}
	case kernel.AVX2:
		return loops{
			interleave: interleaved(interleaveAVX2), deinterleave: deinterleaved(deinterleaveAVX2),
			biquads: func(sections []Section, state []State, x []float64, backwards bool) int {
				first, step := path(x, backwards)
				n := len(x) / Width
				if len(sections) >= 2 {
					biquads2AVX2(&sections[0][0], &state[0][0][0], first, n, step)
					return 2
				}
				biquads1AVX2(&sections[0][0], &state[0][0][0], first, n, step)
				return 1
			},
			split: splitAVX2, join: joinAVX2, pairs: pairsAVX2, multiply: multiplyAVX2,
			tanh: whole(tanhAVX2), logistic: whole(logisticAVX2), powers: columns(powersAVX2),
		}
	}
	return portable
}

// path returns where a filter begins and the bytes from one sample to the next.
func path(x []float64, backwards bool) (first *float64, step int) {
	if backwards {
		return &x[len(x)-Width], -8 * Width
	}
	return &x[0], 8 * Width
}

// whole runs fast over the multiples of Width and then once more over a last, padded, Width.
func whole(fast func(dst, x []float64)) func(dst, x []float64) {
	return func(dst, x []float64) {
		n := len(x) / Width * Width
		fast(dst[:n], x[:n])
		if n < len(x) {
			var rest [Width]float64
			copy(rest[:], x[n:])
			fast(rest[:], rest[:])
			copy(dst[n:], rest[:])
		}
	}
}

func columns(sum func(s1, s2, s3, s4, x *float64, groups, rows, stride int)) func(sums *[4][]float64, x []float64, columns int) {
	return func(sums *[4][]float64, x []float64, columns int) {
		n := len(sums[0])
		sum(&sums[0][0], &sums[1][0], &sums[2][0], &sums[3][0], &x[0], columns/Width, len(x)/n, n)
	}
}

// pointers holds where the rows begin.
type pointers [Width]*float64

func begin(rows [][]float64, n int) (p pointers) {
	for l, row := range rows {
		p[l] = &row[:n][0]
	}
	return p
}

func interleaved(f func(dst *float64, rows **float64, n, stride int)) func(dst []float64, stride int, rows [][]float64, n int) {
	return func(dst []float64, stride int, rows [][]float64, n int) {
		p := begin(rows, n)
		f(&dst[0], &p[0], n/Width, 8*stride)
	}
}

func deinterleaved(f func(src *float64, rows **float64, n, stride int)) func(rows [][]float64, src []float64, stride, n int) {
	return func(rows [][]float64, src []float64, stride, n int) {
		p := begin(rows, n)
		f(&src[0], &p[0], n/Width, 8*stride)
	}
}
