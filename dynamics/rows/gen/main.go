// Command gen writes the assembly of package rows. Run it with go generate in the package's folder.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	for _, v := range []int{4, 2, 1} {
		sum(v, true, false)
	}
	sum(1, true, true)
	for _, v := range []int{4, 1} {
		sum(v, false, false)
	}
	for _, values := range []int{64, 32, 16} {
		columns(values, true)
		columns(values, false)
	}
	for _, v := range []int{4, 2, 1} {
		add(v, true, false)
	}
	add(1, true, true)
	for _, v := range []int{4, 1} {
		add(v, false, false)
	}
	Generate()
}

func name(what string, vectors int, wide, tail bool) string {
	tier := "AVX2"
	if wide {
		tier = "AVX512"
	}
	if tail {
		return what + "Tail" + tier
	}
	return fmt.Sprint(what, vectors, tier)
}

func register(wide bool) reg.VecVirtual {
	if wide {
		return ZMM()
	}
	return YMM()
}

func bytes(wide bool) int {
	if wide {
		return 64
	}
	return 32
}

// mask loads the mask of the values in a tail.
func mask() reg.OpmaskVirtual {
	m, k := GP64(), K()
	Load(Param("mask"), m)
	KMOVW(m.As32(), k)
	return k
}

// sum keeps a row of the accumulator in registers while the picked rows are added to it.
func sum(vectors int, wide, tail bool) {
	signature := "func(acc, table *float32, at *uint32, n int)"
	if tail {
		signature = "func(acc, table *float32, at *uint32, n int, mask uint64)"
	}
	TEXT(name("sum", vectors, wide, tail), NOSPLIT, signature)
	Pragma("noescape")
	acc, table, at, n := Load(Param("acc"), GP64()), Load(Param("table"), GP64()), Load(Param("at"), GP64()), Load(Param("n"), GP64())
	var k reg.OpmaskVirtual
	if tail {
		k = mask()
	}
	sums := make([]reg.VecVirtual, vectors)
	for i := range sums {
		sums[i] = register(wide)
		if m := (Mem{Base: acc, Disp: i * bytes(wide)}); tail {
			VMOVUPS_Z(m, k, sums[i])
		} else {
			VMOVUPS(m, sums[i])
		}
	}
	begin := GP64()
	Label("loop")
	MOVL(Mem{Base: at}, begin.As32())
	for i, s := range sums {
		if m := (Mem{Base: table, Index: begin, Scale: 4, Disp: i * bytes(wide)}); tail {
			row := register(wide)
			VMOVUPS_Z(m, k, row)
			VADDPS(row, s, s)
		} else {
			VADDPS(m, s, s)
		}
	}
	ADDQ(I8(4), at)
	DECQ(n)
	JNZ(LabelRef("loop"))
	for i, s := range sums {
		if m := (Mem{Base: acc, Disp: i * bytes(wide)}); tail {
			VMOVUPS(s, k, m)
		} else {
			VMOVUPS(s, m)
		}
	}
	VZEROUPPER()
	RET()
}

// columns does the sums of the columns listed; each keeps its row of the accumulator in registers.
func columns(values int, wide bool) {
	vectors := values * 4 / bytes(wide)
	TEXT(name("columns", vectors, wide, false), NOSPLIT, "func(acc *float32, stride int, table *float32, at *uint16, room int, counts, order *uint16, n int)")
	Pragma("noescape")
	acc, stride, table := Load(Param("acc"), GP64()), Load(Param("stride"), GP64()), Load(Param("table"), GP64())
	at, room, counts := Load(Param("at"), GP64()), Load(Param("room"), GP64()), Load(Param("counts"), GP64())
	order, n := Load(Param("order"), GP64()), Load(Param("n"), GP64())
	sums := make([]reg.VecVirtual, vectors)
	for i := range sums {
		sums[i] = register(wide)
	}
	column, left, next, begin, into := GP64(), GP64(), GP64(), GP64(), GP64()
	Label("column")
	MOVWLZX(Mem{Base: order}, column.As32())
	MOVQ(column, into)
	IMULQ(stride, into)
	LEAQ(Mem{Base: acc, Index: into, Scale: 4}, into)
	MOVWLZX(Mem{Base: counts, Index: column, Scale: 2}, left.As32())
	MOVQ(column, next)
	IMULQ(room, next)
	LEAQ(Mem{Base: at, Index: next, Scale: 2}, next)
	for i, s := range sums {
		VMOVUPS(Mem{Base: into, Disp: i * bytes(wide)}, s)
	}
	Label("row")
	MOVWLZX(Mem{Base: next}, begin.As32())
	for i, s := range sums {
		VADDPS(Mem{Base: table, Index: begin, Scale: 4, Disp: i * bytes(wide)}, s, s)
	}
	ADDQ(I8(2), next)
	DECQ(left)
	JNZ(LabelRef("row"))
	for i, s := range sums {
		VMOVUPS(s, Mem{Base: into, Disp: i * bytes(wide)})
	}
	ADDQ(I8(2), order)
	DECQ(n)
	JNZ(LabelRef("column"))
	VZEROUPPER()
	RET()
}

// add keeps what is added in registers.
func add(vectors int, wide, tail bool) {
	signature := "func(table *float32, at *uint32, n int, x *float32)"
	if tail {
		signature = "func(table *float32, at *uint32, n int, x *float32, mask uint64)"
	}
	TEXT(name("add", vectors, wide, tail), NOSPLIT, signature)
	Pragma("noescape")
	table, at, n, x := Load(Param("table"), GP64()), Load(Param("at"), GP64()), Load(Param("n"), GP64()), Load(Param("x"), GP64())
	var k reg.OpmaskVirtual
	if tail {
		k = mask()
	}
	values := make([]reg.VecVirtual, vectors)
	for i := range values {
		values[i] = register(wide)
		if m := (Mem{Base: x, Disp: i * bytes(wide)}); tail {
			VMOVUPS_Z(m, k, values[i])
		} else {
			VMOVUPS(m, values[i])
		}
	}
	begin := GP64()
	Label("loop")
	MOVL(Mem{Base: at}, begin.As32())
	for i, v := range values {
		row, m := register(wide), Mem{Base: table, Index: begin, Scale: 4, Disp: i * bytes(wide)}
		if tail {
			VMOVUPS_Z(m, k, row)
			VADDPS(row, v, row)
			VMOVUPS(row, k, m)
		} else {
			VADDPS(m, v, row)
			VMOVUPS(row, m)
		}
	}
	ADDQ(I8(4), at)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
