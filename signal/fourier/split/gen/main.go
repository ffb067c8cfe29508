// Command gen writes the assembly of package split. Run it with go generate in the package's folder.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	first()
	later()
	Generate()
}

// number is four complex numbers.
type number struct{ re, im reg.VecVirtual }

func load(re, im Mem) number {
	n := number{YMM(), YMM()}
	VMOVUPD(re, n.re)
	VMOVUPD(im, n.im)
	return n
}

// butterfly is the transform of four numbers: a+c+b+d, then the others, to be turned by their twiddles.
func butterfly(a, b, c, d number) (out [4]number) {
	sums := func(x, y number) (sum, difference number) {
		sum = number{YMM(), YMM()}
		VADDPD(y.re, x.re, sum.re)
		VADDPD(y.im, x.im, sum.im)
		VSUBPD(y.re, x.re, x.re)
		VSUBPD(y.im, x.im, x.im)
		return sum, x
	}
	ac, aMinusC := sums(a, c)
	bd, bMinusD := sums(b, d)
	out[0], out[2] = sums(ac, bd)
	// a-c ∓ i(b-d)
	out[1] = number{YMM(), YMM()}
	VADDPD(bMinusD.im, aMinusC.re, out[1].re)
	VSUBPD(bMinusD.re, aMinusC.im, out[1].im)
	out[3] = aMinusC
	VSUBPD(bMinusD.im, aMinusC.re, out[3].re)
	VADDPD(bMinusD.re, aMinusC.im, out[3].im)
	return out
}

// turn multiplies n with four twiddles in memory.
func turn(n number, re, im Mem) number {
	out := number{YMM(), YMM()}
	VMULPD(im, n.im, out.re)
	VMULPD(im, n.re, out.im)
	w := YMM()
	VMOVUPD(re, w)
	VFMSUB231PD(w, n.re, out.re)
	VFMADD231PD(w, n.im, out.im)
	return out
}

type pointers struct{ yr, yi, xr, xi, tw reg.Register }

func parameters() pointers {
	p := func(name string) reg.Register { return Load(Param(name), GP64()) }
	return pointers{p("yr"), p("yi"), p("xr"), p("xi"), p("tw")}
}

// quarters loads the numbers that lie quarter, 2 quarter and 3 quarter bytes after one another.
func (p pointers) quarters(quarter, three reg.Register) (n [4]number) {
	n[0] = load(Mem{Base: p.xr}, Mem{Base: p.xi})
	n[1] = load(Mem{Base: p.xr, Index: quarter, Scale: 1}, Mem{Base: p.xi, Index: quarter, Scale: 1})
	n[2] = load(Mem{Base: p.xr, Index: quarter, Scale: 2}, Mem{Base: p.xi, Index: quarter, Scale: 2})
	n[3] = load(Mem{Base: p.xr, Index: three, Scale: 1}, Mem{Base: p.xi, Index: three, Scale: 1})
	return n
}

// first is the pass of stride 1: four places at a time, whose four results each lie side by side. Twiddles are six vectors for every four places.
func first() {
	TEXT("firstAVX2", NOSPLIT, "func(yr, yi, xr, xi, tw *float64, m int)")
	Doc("firstAVX2 is the pass of stride 1 over 4·m numbers, m a multiple of 4; tw holds six vectors of four for every four places.")
	p := parameters()
	m := Load(Param("m"), GP64())
	quarter, three := GP64(), GP64()
	MOVQ(m, quarter)
	SHLQ(U8(3), quarter)
	LEAQ(Mem{Base: quarter, Index: quarter, Scale: 2}, three)
	Label("first")
	in := p.quarters(quarter, three)
	out := butterfly(in[0], in[1], in[2], in[3])
	for k := 1; k < 4; k++ {
		out[k] = turn(out[k], Mem{Base: p.tw, Disp: 64 * (k - 1)}, Mem{Base: p.tw, Disp: 64*(k-1) + 32})
	}
	for part, y := range []reg.Register{p.yr, p.yi} {
		var v [4]reg.VecVirtual
		for k := range v {
			v[k] = out[k].re
			if part == 1 {
				v[k] = out[k].im
			}
		}
		low01, high01, low23, high23 := YMM(), YMM(), YMM(), YMM()
		VUNPCKLPD(v[1], v[0], low01)
		VUNPCKHPD(v[1], v[0], high01)
		VUNPCKLPD(v[3], v[2], low23)
		VUNPCKHPD(v[3], v[2], high23)
		for row, pair := range [4][2]reg.VecVirtual{{low01, low23}, {high01, high23}, {low01, low23}, {high01, high23}} {
			r := YMM()
			choice := U8(0x20)
			if row > 1 {
				choice = 0x31
			}
			VPERM2F128(choice, pair[1], pair[0], r)
			VMOVUPD(r, Mem{Base: y, Disp: 32 * row})
		}
	}
	for _, x := range []reg.Register{p.xr, p.xi} {
		ADDQ(Imm(32), x)
	}
	for _, y := range []reg.Register{p.yr, p.yi} {
		ADDQ(Imm(128), y)
	}
	ADDQ(Imm(192), p.tw)
	SUBQ(Imm(4), m)
	JNZ(LabelRef("first"))
	VZEROUPPER()
	RET()
}

// later is a pass of stride s: s numbers share their twiddles.
func later() {
	TEXT("laterAVX2", NOSPLIT, "func(yr, yi, xr, xi, tw *float64, m, s int)")
	Doc("laterAVX2 is the pass of stride s, a multiple of 4, over 4·m·s numbers; tw holds for each of m places six vectors of four equal values.")
	p := parameters()
	m, s := Load(Param("m"), GP64()), Load(Param("s"), GP64())
	stride, stride3, quarter, three, q := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(s, stride)
	SHLQ(U8(3), stride)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	MOVQ(stride, quarter)
	IMULQ(m, quarter)
	LEAQ(Mem{Base: quarter, Index: quarter, Scale: 2}, three)
	Label("place")
	MOVQ(s, q)
	Label("later")
	in := p.quarters(quarter, three)
	out := butterfly(in[0], in[1], in[2], in[3])
	for part, y := range []reg.Register{p.yr, p.yi} {
		if part == 0 {
			for k := 1; k < 4; k++ {
				out[k] = turn(out[k], Mem{Base: p.tw, Disp: 64 * (k - 1)}, Mem{Base: p.tw, Disp: 64*(k-1) + 32})
			}
		}
		at := []Mem{{Base: y}, {Base: y, Index: stride, Scale: 1}, {Base: y, Index: stride, Scale: 2}, {Base: y, Index: stride3, Scale: 1}}
		for k, to := range at {
			if part == 0 {
				VMOVUPD(out[k].re, to)
			} else {
				VMOVUPD(out[k].im, to)
			}
		}
	}
	for _, r := range []reg.Register{p.xr, p.xi, p.yr, p.yi} {
		ADDQ(Imm(32), r)
	}
	SUBQ(Imm(4), q)
	JNZ(LabelRef("later"))
	ADDQ(stride3, p.yr)
	ADDQ(stride3, p.yi)
	ADDQ(Imm(192), p.tw)
	DECQ(m)
	JNZ(LabelRef("place"))
	VZEROUPPER()
	RET()
}
