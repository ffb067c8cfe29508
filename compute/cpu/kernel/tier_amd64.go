package kernel

import (
	"math"

	"golang.org/x/sys/cpu"
)

//go:generate go run ./gen

func availableTables() []*kernels {
	tables := []*kernels{portableTable()}
	x := &cpu.X86
	if !(x.HasAVX2 && x.HasFMA && x.HasF16C && x.HasBMI2) {
		return tables
	}
	tables = append(tables, avx2Table())
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
		tables = append(tables, avx512Table())
	}
	return tables
}

func avx2Table() *kernels {
	k := portableTable()
	k.tier = AVX2
	k.transpose4 = transposeSquares
	k.reduce32, k.reduce64 = reduceF32AVX2, reduceF64AVX2
	install(k, unaryF32AVX2, unaryF64AVX2, binaryF32AVX2, binaryF64AVX2)
	k.fma32, k.fma64, k.axpy32, k.axpy64 = fmaF32AVX2, fmaF64AVX2, axpyF32AVX2, axpyF64AVX2
	k.expSum32 = expSumF32AVX2
	chooseWith(k, compareF32AVX2, selectF32AVX2, boolF32AVX2, intF32AVX2, uintF32AVX2, fillF32AVX2)
	k.gemm32 = &microKernels[float32]{lanes: 8, rows: 6, tile: microF32AVX2}
	k.gemm64 = &microKernels[float64]{lanes: 4, rows: 6, tile: microF64AVX2}
	return k
}

func avx512Table() *kernels {
	k := avx2Table()
	k.tier = AVX512
	k.reduce32, k.reduce64 = reduceF32AVX512, reduceF64AVX512
	install(k, unaryF32AVX512, unaryF64AVX512, binaryF32AVX512, binaryF64AVX512)
	k.fma32, k.fma64, k.axpy32, k.axpy64 = fmaF32AVX512, fmaF64AVX512, axpyF32AVX512, axpyF64AVX512
	k.expSum32 = expSumF32AVX512
	chooseWith(k, compareF32AVX512, selectF32AVX512, boolF32AVX512, intF32AVX512, uintF32AVX512, fillF32AVX512)
	k.gemm32 = &microKernels[float32]{lanes: 16, rows: 12, tile: microF32AVX512}
	k.gemm64 = &microKernels[float64]{lanes: 8, rows: 12, tile: microF64AVX512}
	return k
}

// wholeVectors is the number of elements that the kernels of chooseWith take at a time; the rest go one by one.
const wholeVectors = 16

// chooseWith puts comparisons, selections and what goes with them over what the table held.
func chooseWith(k *kernels, compare [numCompare]compareKernels, choose func(dst []float32, cond []bool, x, y []float32),
	fromBool func(dst []float32, x []bool), fromInt func(dst []float32, x []int32), fromUint func(dst []float32, x []uint32),
	fill func(dst []float32, x float32)) {
	for op := range numCompare {
		k.compare32[op] = compareKernels{
			vv: func(dst []bool, x, y []float32) {
				n := len(dst) &^ (wholeVectors - 1)
				compare[op].vv(dst[:n], x, y)
				comparePortable(op, dst[n:], x[n:], y[n:], 1)
			},
			vs: func(dst []bool, x []float32, y float32) {
				n := len(dst) &^ (wholeVectors - 1)
				compare[op].vs(dst[:n], x, y)
				if n < len(dst) {
					comparePortable(op, dst[n:], x[n:], []float32{y}, 0)
				}
			},
		}
	}
	k.select32 = func(dst []float32, cond []bool, x, y []float32) {
		n := len(dst) &^ (wholeVectors - 1)
		choose(dst[:n], cond, x, y)
		selectPortable(dst[n:], cond[n:], x[n:], y[n:])
	}
	k.fromBool = func(dst []float32, x []bool) {
		n := len(dst) &^ (wholeVectors - 1)
		fromBool(dst[:n], x)
		fromBoolPortable(dst[n:], x[n:])
	}
	k.fromInt32 = func(dst []float32, x []int32) {
		n := len(dst) &^ (wholeVectors - 1)
		fromInt(dst[:n], x)
		convertPortable(dst[n:], x[n:])
	}
	k.fromUint32 = func(dst []float32, x []uint32) {
		n := len(dst) &^ (wholeVectors - 1)
		fromUint(dst[:n], x)
		convertPortable(dst[n:], x[n:])
	}
	k.fill4 = func(dst []uint32, x uint32) {
		n := len(dst) &^ (wholeVectors - 1)
		fill(words[float32](dst[:n]), math.Float32frombits(x))
		for i := range dst[n:] {
			dst[n+i] = x
		}
	}
}

// transposeSquares transposes squares of 8x8 in registers and what is left one by one.
func transposeSquares(dst []uint32, dstStride int, src []uint32, srcStride, rows, cols int) {
	const side = 8
	whole := cols &^ (side - 1)
	r := 0
	if whole > 0 {
		for ; r+side <= rows; r += side {
			transpose8x8(&dst[r], uintptr(dstStride)*4, &src[r*srcStride], uintptr(srcStride)*4, whole/side)
		}
	}
	if r > 0 && whole < cols {
		transposePortable(dst[whole*dstStride:], dstStride, src[whole:], srcStride, r, cols-whole)
	}
	if r < rows {
		transposePortable(dst[r:], dstStride, src[r*srcStride:], srcStride, rows-r, cols)
	}
}

// install puts element-wise kernels over what the table held. The table's reductions must be in place.
func install(k *kernels, unary32 map[UnaryOp]func(dst, x []float32), unary64 map[UnaryOp]func(dst, x []float64),
	binary32 map[BinaryOp]binaryKernels[float32], binary64 map[BinaryOp]binaryKernels[float64]) {
	for op, f := range unary32 {
		k.unary32[op] = f
	}
	for op, f := range unary64 {
		k.unary64[op] = f
	}
	for op, f := range binary32 {
		k.binary32[op] = f
	}
	for op, f := range binary64 {
		k.binary64[op] = f
	}
	for op, exact := range map[UnaryOp]func(float64) float64{Sin: math.Sin, Cos: math.Cos} {
		k.unary32[op] = trigonometric(unary32[op], unary32[Abs], k.reduce32.run[Maximum], exact)
	}
}

// sineLimit is the largest argument that the reduction of the sine and cosine kernels, in three parts of pi/2, is exact enough for.
const sineLimit = 1e5

// trigonometric sends arguments beyond sineLimit one by one to the exact function.
func trigonometric(fast, abs func(dst, x []float32), highest func(x []float32) float32, exact func(float64) float64) func(dst, x []float32) {
	return func(dst, x []float32) {
		var tile [512]float32
		for len(dst) > 0 {
			n := min(len(dst), len(tile))
			magnitude := tile[:n]
			abs(magnitude, x[:n])
			if highest(magnitude) <= sineLimit {
				fast(dst[:n], x[:n])
			} else {
				copy(tile[:n], x[:n])
				fast(dst[:n], x[:n])
				for i, v := range tile[:n] {
					if !(v >= -sineLimit && v <= sineLimit) {
						dst[i] = float32(exact(float64(v)))
					}
				}
			}
			dst, x = dst[n:], x[n:]
		}
	}
}
