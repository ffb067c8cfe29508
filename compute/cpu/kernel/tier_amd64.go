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
	k.reduce32, k.reduce64 = reduceF32AVX2, reduceF64AVX2
	install(k, unaryF32AVX2, unaryF64AVX2, binaryF32AVX2, binaryF64AVX2)
	k.fma32, k.fma64, k.axpy32, k.axpy64 = fmaF32AVX2, fmaF64AVX2, axpyF32AVX2, axpyF64AVX2
	k.rows32 = rowKernels[float32]{expSum: expSumWith(expSumF32AVX2, expSumStoreF32AVX2), centred: centredF32AVX2, normalise: normaliseF32AVX2}
	k.rows64.centred, k.rows64.normalise = centredF64AVX2, normaliseF64AVX2
	k.adam = adamF32AVX2
	k.depthwise = depthwiseKernels{slide: slideF32AVX2, correlate: correlateF32AVX2}
	k.gemm32 = &microKernels[float32]{lanes: 8, rows: 6, tile: microF32AVX2, packRows: packRowsPortable[float32], packColumns: packColumnsPortable[float32]}
	k.gemm64 = &microKernels[float64]{lanes: 4, rows: 6, tile: microF64AVX2, packRows: packRowsPortable[float64], packColumns: packColumnsPortable[float64]}
	return k
}

func avx512Table() *kernels {
	k := avx2Table()
	k.tier = AVX512
	k.reduce32, k.reduce64 = reduceF32AVX512, reduceF64AVX512
	install(k, unaryF32AVX512, unaryF64AVX512, binaryF32AVX512, binaryF64AVX512)
	k.fma32, k.fma64, k.axpy32, k.axpy64 = fmaF32AVX512, fmaF64AVX512, axpyF32AVX512, axpyF64AVX512
	k.rows32 = rowKernels[float32]{expSum: expSumWith(expSumF32AVX512, expSumStoreF32AVX512), centred: centredF32AVX512, normalise: normaliseF32AVX512}
	k.rows64.centred, k.rows64.normalise = centredF64AVX512, normaliseF64AVX512
	k.adam = adamF32AVX512
	k.depthwise = depthwiseKernels{slide: slideF32AVX512, correlate: correlateF32AVX512}
	k.gemm32 = &microKernels[float32]{lanes: 16, rows: 12, tile: microF32AVX512, packRows: packRowsPortable[float32], packColumns: packColumnsPortable[float32]}
	k.gemm64 = &microKernels[float64]{lanes: 8, rows: 12, tile: microF64AVX512, packRows: packRowsPortable[float64], packColumns: packColumnsPortable[float64]}
	return k
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

func expSumWith(sum func(x []float32, shift float32) float32, store func(dst, x []float32, shift float32) float32) func(dst, x []float32, shift float32) float32 {
	return func(dst, x []float32, shift float32) float32 {
		if dst == nil {
			return sum(x, shift)
		}
		return store(dst, x, shift)
	}
}
