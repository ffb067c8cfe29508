package kernel

import "golang.org/x/sys/cpu"

//go:generate go run ./gen

func availableTables() []*kernels {
	tables := []*kernels{portableTable()}
	x := &cpu.X86
	if !(x.HasAVX2 && x.HasFMA && x.HasBMI2) {
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
	k.gemm32 = &microKernels[float32]{lanes: 8, rows: 6, tile: microF32AVX2, packRows: packRowsPortable[float32], packColumns: packColumnsPortable[float32]}
	k.gemm64 = &microKernels[float64]{lanes: 4, rows: 6, tile: microF64AVX2, packRows: packRowsPortable[float64], packColumns: packColumnsPortable[float64]}
	return k
}

func avx512Table() *kernels {
	k := avx2Table()
	k.tier = AVX512
	k.gemm32 = &microKernels[float32]{lanes: 16, rows: 12, tile: microF32AVX512, packRows: packRowsPortable[float32], packColumns: packColumnsPortable[float32]}
	k.gemm64 = &microKernels[float64]{lanes: 8, rows: 12, tile: microF64AVX512, packRows: packRowsPortable[float64], packColumns: packColumnsPortable[float64]}
	return k
}
