package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// microWidths are the widths of micro-kernels in vectors; package kernel has the same list.
var microWidths = []int{1, 2, 4, 8}

// gemm writes the micro-kernels of matrix products.
func gemm(f *file) {
	for _, v := range []vector{{f, true, false}, {f, true, true}, {f, false, false}, {f, false, true}} {
		// The registers hold the tile, a row of B, a broadcast element of A and, without mask registers, a mask.
		rows, registers := 12, 31
		if !v.wide {
			rows, registers = 6, 14
		}
		fmt.Fprintf(&f.tables, "\nvar micro%s = [][len(microWidths)]func(*microArgs){\n{},\n", v.suffix())
		for r := 1; r <= rows; r++ {
			f.tables.WriteString("{")
			for i, w := range microWidths {
				if r*w+w <= registers {
					name := fmt.Sprintf("micro%dx%d%s", r, w, v.suffix())
					microKernel(v, name, r, w)
					fmt.Fprintf(&f.tables, "%d: %s, ", i, name)
				}
			}
			f.tables.WriteString("},\n")
		}
		f.tables.WriteString("}\n")
	}
}

// microKernel multiplies rows x k of A with k x w vectors of B, once for every segment, and sums. Only the last vector may be cut short.
func microKernel(v vector, name string, rows, w int) {
	v.function(name, "func(args *microArgs)")
	args := Mem{Base: v.Load(v.Param("args"), v.GP64())}
	field := func(i int) reg.GPVirtual {
		r := v.GP64()
		v.MOVQ(args.Offset(8*i), r)
		return r
	}
	// Rows of A are reached from every third one.
	aRow, aCol := field(4), field(5)
	var bases []reg.GPVirtual
	for i := 0; i < rows; i += 3 {
		bases = append(bases, v.GP64())
	}
	atRow := func(i int) Mem {
		m := Mem{Base: bases[i/3]}
		if i%3 > 0 {
			m.Index, m.Scale = aRow, uint8(i%3)
		}
		return m
	}

	cols := field(8)
	if w > 1 {
		v.SUBQ(I32(int32((w-1)*v.lanes())), cols)
	}
	last := v.tailMask(cols)

	ldc := field(7)
	prefetch := field(2)
	for i := range rows {
		for line := 0; line < w*v.bytes(); line += 64 {
			v.PREFETCHT0(Mem{Base: prefetch, Disp: line})
		}
		if i+1 < rows {
			v.ADDQ(ldc, prefetch)
		}
	}

	sum := make([][]reg.VecVirtual, rows)
	for i := range sum {
		for range w {
			r := v.register()
			v.zero(r)
			sum[i] = append(sum[i], r)
		}
	}
	bRow, segment, count := field(6), field(10), field(11)
	b, k := v.GP64(), v.GP64()
	line := make([]reg.VecVirtual, w)
	for j := range line {
		line[j] = v.register()
	}
	v.Label("segment")
	v.MOVQ(args.Offset(0), bases[0])
	v.ADDQ(Mem{Base: segment}, bases[0])
	for i := 1; i < len(bases); i++ {
		v.LEAQ(Mem{Base: bases[i-1], Index: aRow, Scale: 2}, bases[i])
		v.ADDQ(aRow, bases[i])
	}
	v.MOVQ(args.Offset(8), b)
	v.ADDQ(Mem{Base: segment, Disp: 8}, b)
	v.MOVQ(args.Offset(8*3), k)
	v.Label("depth")
	for j := range w - 1 {
		v.load(Mem{Base: b, Disp: j * v.bytes()}, line[j])
	}
	v.loadTail(Mem{Base: b, Disp: (w - 1) * v.bytes()}, last, line[w-1])
	for i := range rows {
		if v.wide && w == 1 {
			ps(v, v.VFMADD231PS_BCST, v.VFMADD231PD_BCST)(atRow(i), line[0], sum[i][0])
			continue
		}
		x := v.register()
		v.broadcast(atRow(i), x)
		for j := range w {
			ps(v, v.VFMADD231PS, v.VFMADD231PD)(line[j], x, sum[i][j])
		}
	}
	for _, base := range bases {
		v.ADDQ(aCol, base)
	}
	v.ADDQ(bRow, b)
	v.DECQ(k)
	v.JNZ(LabelRef("depth"))
	v.ADDQ(Imm(16), segment)
	v.DECQ(count)
	v.JNZ(LabelRef("segment"))

	accumulate := field(9)
	v.TESTQ(accumulate, accumulate)
	v.JZ(LabelRef("store"))
	from, ldFrom := field(12), field(13)
	for i := range rows {
		for j := range w {
			at := Mem{Base: from, Disp: j * v.bytes()}
			if j < w-1 {
				ps(v, v.VADDPS, v.VADDPD)(at, sum[i][j], sum[i][j])
			} else {
				v.loadTail(at, last, line[0])
				ps(v, v.VADDPS, v.VADDPD)(line[0], sum[i][j], sum[i][j])
			}
		}
		v.ADDQ(ldFrom, from)
	}
	v.Label("store")
	store := func(put func(r reg.Register, m Op)) {
		to := field(2)
		for i := range rows {
			for j := range w {
				at := Mem{Base: to, Disp: j * v.bytes()}
				if j < w-1 {
					v.store(sum[i][j], at)
				} else {
					put(sum[i][j], at)
				}
			}
			v.ADDQ(ldc, to)
		}
		v.VZEROUPPER()
		v.RET()
	}
	if !v.wide {
		// Masked stores are slow without mask registers.
		full := field(8)
		v.CMPQ(full, I32(int32(w*v.lanes())))
		v.JNE(LabelRef("partial"))
		store(v.store)
		v.Label("partial")
	}
	store(func(r reg.Register, m Op) { v.storeTail(r, last, m) })
}
