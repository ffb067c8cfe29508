// Command gen writes columns_amd64.s, the conversion of eight signals of a record at once. Run it with go generate in package
// records.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	TEXT("columns8", NOSPLIT, "func(dst *float32, step int64, src *byte, gap int64, n int64, gain, offset *[8]float64)")
	Doc("columns8 converts n frames, a multiple of 8, of eight signals of little-endian int16 that lie gap bytes apart, to eight neighbouring columns of frames step bytes apart.")
	dst, step := Load(Param("dst"), GP64()), Load(Param("step"), GP64())
	src, gap := Load(Param("src"), GP64()), Load(Param("gap"), GP64())
	n := Load(Param("n"), GP64())
	gain, offset := Load(Param("gain"), GP64()), Load(Param("offset"), GP64())
	gap3, src4 := GP64(), GP64()
	LEAQ(Mem{Base: gap, Index: gap, Scale: 2}, gap3)
	LEAQ(Mem{Base: src, Index: gap, Scale: 4}, src4)

	Label("loop")
	SUBQ(Imm(8), n)
	JL(LabelRef("done"))
	rows := make([]reg.VecVirtual, 8)
	for i := range rows {
		base := src
		if i >= 4 {
			base = src4
		}
		m := Mem{Base: base}
		switch i % 4 {
		case 1:
			m.Index, m.Scale = gap, 1
		case 2:
			m.Index, m.Scale = gap, 2
		case 3:
			m.Index, m.Scale = gap3, 1
		}
		rows[i] = XMM()
		VMOVDQU(m, rows[i])
	}
	// The 8 x 8 numbers are transposed in three rounds of interleaving.
	for _, round := range []struct {
		pairs     [][2]int
		low, high func(...Op)
	}{
		{[][2]int{{0, 1}, {2, 3}, {4, 5}, {6, 7}}, VPUNPCKLWD, VPUNPCKHWD},
		{[][2]int{{0, 2}, {1, 3}, {4, 6}, {5, 7}}, VPUNPCKLDQ, VPUNPCKHDQ},
		{[][2]int{{0, 4}, {1, 5}, {2, 6}, {3, 7}}, VPUNPCKLQDQ, VPUNPCKHQDQ},
	} {
		next := make([]reg.VecVirtual, 0, 8)
		for _, p := range round.pairs {
			low, high := XMM(), XMM()
			round.low(rows[p[1]], rows[p[0]], low)
			round.high(rows[p[1]], rows[p[0]], high)
			next = append(next, low, high)
		}
		rows = next
	}
	for _, row := range rows {
		low, high := YMM(), XMM()
		VPMOVSXWD(row, low)
		VEXTRACTI128(Imm(1), low, high)
		for k, half := range []Op{low.AsX(), high} {
			values, single := YMM(), XMM()
			VCVTDQ2PD(half, values)
			VMULPD(Mem{Base: gain, Disp: 32 * k}, values, values)
			VADDPD(Mem{Base: offset, Disp: 32 * k}, values, values)
			VCVTPD2PSY(values, single)
			VMOVUPS(single, Mem{Base: dst, Disp: 16 * k})
		}
		ADDQ(step, dst)
	}
	ADDQ(Imm(16), src)
	ADDQ(Imm(16), src4)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
	Generate()
}
