// Command gen writes the assembly of package lanes. Run it with go generate in the package's folder.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	for _, v := range []vector{{wide: true}, {wide: false}} {
		v.transpose("interleave", "dst", true)
		v.transpose("deinterleave", "src", false)
		for _, sections := range []int{1, 2, 4} {
			if v.wide || sections < 4 {
				v.biquads(sections)
			}
		}
		v.split()
		v.join()
		v.pairs()
		v.multiply()
		v.powers()
		v.function("tanh", func(x reg.VecVirtual) reg.VecVirtual {
			// 1 - 2/(exp(2x)+1)
			VADDPD(x, x, x)
			v.exp(x)
			one := v.constant(1)
			VADDPD(one, x, x)
			two := v.constant(2)
			VDIVPD(x, two, two)
			VSUBPD(two, one, one)
			return one
		})
		v.function("logistic", func(x reg.VecVirtual) reg.VecVirtual {
			zero := v.register()
			VXORPD(zero, zero, zero)
			VSUBPD(x, zero, x)
			v.exp(x)
			one := v.constant(1)
			VADDPD(one, x, x)
			VDIVPD(x, one, one)
			return one
		})
	}
	Generate()
}

// vector emits code for one width: eight lanes are one register of AVX-512 or two of AVX2.
type vector struct{ wide bool }

const (
	lanes = 8 * 8     // bytes of the lanes of a sample
	point = 2 * lanes // bytes of a complex point
)

func (v vector) name(s string) string {
	if v.wide {
		return s + "AVX512"
	}
	return s + "AVX2"
}

func (v vector) register() reg.VecVirtual {
	if v.wide {
		return ZMM()
	}
	return YMM()
}

// parts are the byte offsets of the registers that make up the lanes.
func (v vector) parts() []int {
	if v.wide {
		return []int{0}
	}
	return []int{0, 32}
}

func (v vector) load(m Mem) reg.VecVirtual {
	r := v.register()
	VMOVUPD(m, r)
	return r
}

// arithmetic is an instruction that sets its last operand to the second-last combined with the first.
type arithmetic func(ops ...Op)

// with returns a combined with b.
func (v vector) with(f arithmetic, a reg.VecVirtual, b Op) reg.VecVirtual {
	r := v.register()
	f(b, a, r)
	return r
}

// transpose emits the way from rows to interleaved samples or back, eight samples at a time.
func (v vector) transpose(name, other string, interleave bool) {
	TEXT(v.name(name), NOSPLIT, "func("+other+" *float64, rows **float64, n, stride int)")
	Pragma("noescape")
	block, stride, n := Load(Param(other), GP64()), Load(Param("stride"), GP64()), Load(Param("n"), GP64())
	var rows [8]reg.GPVirtual
	table := Load(Param("rows"), GP64())
	for l := range rows {
		rows[l] = GP64()
		MOVQ(Mem{Base: table, Disp: 8 * l}, rows[l])
	}
	Label("loop")
	if v.wide {
		var in [8]reg.VecVirtual
		for i := range in {
			if interleave {
				in[i] = v.load(Mem{Base: rows[i]})
			} else {
				in[i] = v.load(Mem{Base: block})
				ADDQ(stride, block)
			}
		}
		for i, out := range v.transposed8(in) {
			if interleave {
				VMOVUPD(out, Mem{Base: block})
				ADDQ(stride, block)
			} else {
				VMOVUPD(out, Mem{Base: rows[i]})
			}
		}
	} else {
		for samples := range 2 {
			for half := range 2 {
				at := GP64()
				MOVQ(block, at)
				var in [4]reg.VecVirtual
				for i := range in {
					if interleave {
						in[i] = v.load(Mem{Base: rows[4*half+i], Disp: 32 * samples})
					} else {
						in[i] = v.load(Mem{Base: at, Disp: 32 * half})
						ADDQ(stride, at)
					}
				}
				for i, out := range v.transposed4(in) {
					if interleave {
						VMOVUPD(out, Mem{Base: at, Disp: 32 * half})
						ADDQ(stride, at)
					} else {
						VMOVUPD(out, Mem{Base: rows[4*half+i], Disp: 32 * samples})
					}
				}
			}
			LEAQ(Mem{Base: block, Index: stride, Scale: 4}, block)
		}
	}
	for l := range rows {
		ADDQ(Imm(64), rows[l])
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	v.finish()
}

// transposed8 returns the columns of eight registers of eight numbers.
func (v vector) transposed8(r [8]reg.VecVirtual) (out [8]reg.VecVirtual) {
	shuffle := func(imm uint64, a, b reg.VecVirtual) reg.VecVirtual {
		z := ZMM()
		VSHUFF64X2(Imm(imm), b, a, z)
		return z
	}
	const even, odd = 0x88, 0xdd // quarters of a, then of b
	for second := range 2 {
		unpack := VUNPCKLPD
		if second == 1 {
			unpack = VUNPCKHPD
		}
		var t [4]reg.VecVirtual
		for i := range t {
			t[i] = v.with(unpack, r[2*i], r[2*i+1])
		}
		a, b := shuffle(even, t[0], t[1]), shuffle(odd, t[0], t[1])
		c, d := shuffle(even, t[2], t[3]), shuffle(odd, t[2], t[3])
		out[second], out[second+4] = shuffle(even, a, c), shuffle(odd, a, c)
		out[second+2], out[second+6] = shuffle(even, b, d), shuffle(odd, b, d)
	}
	return out
}

// transposed4 returns the columns of four registers of four numbers.
func (v vector) transposed4(r [4]reg.VecVirtual) (out [4]reg.VecVirtual) {
	join := func(imm uint64, a, b reg.VecVirtual) reg.VecVirtual {
		y := YMM()
		VPERM2F128(Imm(imm), b, a, y)
		return y
	}
	a, b := v.with(VUNPCKLPD, r[0], r[1]), v.with(VUNPCKHPD, r[0], r[1])
	c, d := v.with(VUNPCKLPD, r[2], r[3]), v.with(VUNPCKHPD, r[2], r[3])
	out[0], out[2] = join(0x20, a, c), join(0x31, a, c)
	out[1], out[3] = join(0x20, b, d), join(0x31, b, d)
	return out
}

// biquads emits second-order sections one after the other: the state stays in registers, and as many coefficients as fit.
func (v vector) biquads(sections int) {
	TEXT(v.name(fmt.Sprint("biquads", sections)), NOSPLIT, "func(coefficients, state, x *float64, n, step int)")
	Pragma("noescape")
	coefficients, state := Load(Param("coefficients"), GP64()), Load(Param("state"), GP64())
	// Held coefficients leave registers for the state, a sample and two products.
	held := min(5*sections, 28-2*sections)
	if !v.wide {
		held = min(5*sections, 12-2*sections)
	}
	var registers []reg.VecVirtual
	for i := range held {
		r := v.register()
		VBROADCASTSD(Mem{Base: coefficients, Disp: 8 * i}, r)
		registers = append(registers, r)
	}
	product := func(i int, a reg.VecVirtual) reg.VecVirtual {
		r := v.register()
		switch {
		case i < held:
			VMULPD(registers[i], a, r)
		case v.wide:
			VMULPD_BCST(Mem{Base: coefficients, Disp: 8 * i}, a, r)
		default:
			VBROADCASTSD(Mem{Base: coefficients, Disp: 8 * i}, r)
			VMULPD(r, a, r)
		}
		return r
	}
	for i, part := range v.parts() {
		x, n, step := Load(Param("x"), GP64()), Load(Param("n"), GP64()), Load(Param("step"), GP64())
		memory := func(s, k int) Mem { return Mem{Base: state, Disp: (2*s+k)*lanes + part} }
		s0, s1 := make([]reg.VecVirtual, sections), make([]reg.VecVirtual, sections)
		for s := range sections {
			s0[s], s1[s] = v.load(memory(s, 0)), v.load(memory(s, 1))
		}
		loop := fmt.Sprint("loop", i)
		Label(loop)
		in := v.load(Mem{Base: x, Disp: part})
		for s := range sections {
			out := product(5*s, in)
			VADDPD(s0[s], out, out)
			VADDPD(v.with(VSUBPD, product(5*s+1, in), product(5*s+3, out)), s1[s], s0[s])
			VSUBPD(product(5*s+4, out), product(5*s+2, in), s1[s])
			in = out
		}
		VMOVUPD(in, Mem{Base: x, Disp: part})
		ADDQ(step, x)
		DECQ(n)
		JNZ(LabelRef(loop))
		for s := range sections {
			VMOVUPD(s0[s], memory(s, 0))
			VMOVUPD(s1[s], memory(s, 1))
		}
	}
	v.finish()
}

func (v vector) finish() {
	VZEROUPPER()
	RET()
}

// complexes is a complex number in every lane.
type complexes struct{ re, im reg.VecVirtual }

func (v vector) loadPoint(m Mem, part int) complexes {
	return complexes{v.load(m.Offset(part)), v.load(m.Offset(lanes + part))}
}

func (c complexes) store(m Mem, part int) {
	VMOVUPD(c.re, m.Offset(part))
	VMOVUPD(c.im, m.Offset(lanes+part))
}

func (v vector) add(a, b complexes) complexes {
	return complexes{v.with(VADDPD, a.re, b.re), v.with(VADDPD, a.im, b.im)}
}

func (v vector) sub(a, b complexes) complexes {
	return complexes{v.with(VSUBPD, a.re, b.re), v.with(VSUBPD, a.im, b.im)}
}

// addTurned returns a + ib.
func (v vector) addTurned(a, b complexes) complexes {
	return complexes{v.with(VSUBPD, a.re, b.im), v.with(VADDPD, a.im, b.re)}
}

// subTurned returns a - ib.
func (v vector) subTurned(a, b complexes) complexes {
	return complexes{v.with(VADDPD, a.re, b.im), v.with(VSUBPD, a.im, b.re)}
}

// times multiplies by the complex number at m, or by its conjugate.
func (v vector) times(a complexes, m Mem, conjugate bool) complexes {
	re, im := v.register(), v.register()
	VBROADCASTSD(m, re)
	VBROADCASTSD(m.Offset(8), im)
	out := complexes{v.with(VMULPD, a.im, im), v.with(VMULPD, a.re, im)}
	if conjugate {
		VFMADD231PD(a.re, re, out.re)
		VFMSUB231PD(a.im, re, out.im)
	} else {
		VFMSUB231PD(a.re, re, out.re)
		VFMADD231PD(a.im, re, out.im)
	}
	return out
}

// butterflies emits the walk over the butterflies of a pass; body gets the four legs' addresses and that of the twiddles.
func (v vector) butterflies(name string, body func(leg [4]Mem, twiddles Mem)) {
	TEXT(v.name(name), NOSPLIT, "func(x, twiddles []float64, m int)")
	Pragma("noescape")
	a, end := Load(Param("x").Base(), GP64()), Load(Param("x").Len(), GP64())
	SHLQ(Imm(3), end)
	ADDQ(a, end)
	stride := Load(Param("m"), GP64())
	SHLQ(Imm(7), stride) // bytes of m points
	stride3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	Label("block")
	twiddles, n := Load(Param("twiddles").Base(), GP64()), Load(Param("m"), GP64())
	Label("leg")
	body([4]Mem{{Base: a}, {Base: a, Index: stride, Scale: 1}, {Base: a, Index: stride, Scale: 2}, {Base: a, Index: stride3, Scale: 1}},
		Mem{Base: twiddles})
	ADDQ(Imm(point), a)
	ADDQ(Imm(6*8), twiddles)
	DECQ(n)
	JNZ(LabelRef("leg"))
	ADDQ(stride3, a)
	CMPQ(a, end)
	JL(LabelRef("block"))
	v.finish()
}

// split emits the pass of the forward transform.
func (v vector) split() {
	v.butterflies("split", func(leg [4]Mem, w Mem) {
		for _, part := range v.parts() {
			a, c := v.loadPoint(leg[0], part), v.loadPoint(leg[2], part)
			sum, difference := v.add(a, c), v.sub(a, c)
			b, d := v.loadPoint(leg[1], part), v.loadPoint(leg[3], part)
			other, turned := v.add(b, d), v.sub(b, d)
			v.add(sum, other).store(leg[0], part)
			v.times(v.subTurned(difference, turned), w, false).store(leg[1], part)
			v.times(v.sub(sum, other), w.Offset(16), false).store(leg[2], part)
			v.times(v.addTurned(difference, turned), w.Offset(32), false).store(leg[3], part)
		}
	})
}

// join emits the pass of the inverse transform.
func (v vector) join() {
	v.butterflies("join", func(leg [4]Mem, w Mem) {
		for _, part := range v.parts() {
			b, d := v.times(v.loadPoint(leg[1], part), w, true), v.times(v.loadPoint(leg[3], part), w.Offset(32), true)
			other, turned := v.add(b, d), v.sub(b, d)
			a, c := v.loadPoint(leg[0], part), v.times(v.loadPoint(leg[2], part), w.Offset(16), true)
			sum, difference := v.add(a, c), v.sub(a, c)
			v.add(sum, other).store(leg[0], part)
			v.addTurned(difference, turned).store(leg[1], part)
			v.sub(sum, other).store(leg[2], part)
			v.subTurned(difference, turned).store(leg[3], part)
		}
	})
}

// pairs emits the transforms of two points.
func (v vector) pairs() {
	TEXT(v.name("pairs"), NOSPLIT, "func(x []float64)")
	Pragma("noescape")
	x, n := Load(Param("x").Base(), GP64()), Load(Param("x").Len(), GP64())
	SHRQ(Imm(5), n)
	Label("loop")
	for _, part := range v.parts() {
		a, b := v.loadPoint(Mem{Base: x}, part), v.loadPoint(Mem{Base: x, Disp: point}, part)
		v.add(a, b).store(Mem{Base: x}, part)
		v.sub(a, b).store(Mem{Base: x, Disp: point}, part)
	}
	ADDQ(I32(2*point), x)
	DECQ(n)
	JNZ(LabelRef("loop"))
	v.finish()
}

// multiply emits the product of every point with its own number.
func (v vector) multiply() {
	TEXT(v.name("multiply"), NOSPLIT, "func(x, spectrum []float64)")
	Pragma("noescape")
	x, h, n := Load(Param("x").Base(), GP64()), Load(Param("spectrum").Base(), GP64()), Load(Param("spectrum").Len(), GP64())
	SHRQ(Imm(1), n)
	Label("loop")
	for _, part := range v.parts() {
		v.times(v.loadPoint(Mem{Base: x}, part), Mem{Base: h}, false).store(Mem{Base: x}, part)
	}
	ADDQ(I32(point), x)
	ADDQ(Imm(16), h)
	DECQ(n)
	JNZ(LabelRef("loop"))
	v.finish()
}

// powers emits the sums of the first four powers of columns, eight columns at a time.
func (v vector) powers() {
	TEXT(v.name("powers"), NOSPLIT, "func(s1, s2, s3, s4, x *float64, groups, rows, stride int)")
	Pragma("noescape")
	var sums [4]reg.GPVirtual
	for i, name := range []string{"s1", "s2", "s3", "s4"} {
		sums[i] = GP64()
		Load(Param(name), sums[i])
	}
	x, groups, stride := Load(Param("x"), GP64()), Load(Param("groups"), GP64()), Load(Param("stride"), GP64())
	SHLQ(Imm(3), stride)
	Label("group")
	for i, part := range v.parts() {
		var held [4]reg.VecVirtual
		for k := range held {
			held[k] = v.load(Mem{Base: sums[k], Disp: part})
		}
		at, rows := GP64(), Load(Param("rows"), GP64())
		MOVQ(x, at)
		row := fmt.Sprint("row", i)
		Label(row)
		a := v.load(Mem{Base: at, Disp: part})
		b := v.with(VMULPD, a, a)
		VADDPD(a, held[0], held[0])
		VADDPD(b, held[1], held[1])
		VFMADD231PD(a, b, held[2])
		VFMADD231PD(b, b, held[3])
		ADDQ(stride, at)
		DECQ(rows)
		JNZ(LabelRef(row))
		for k := range held {
			VMOVUPD(held[k], Mem{Base: sums[k], Disp: part})
		}
	}
	ADDQ(Imm(lanes), x)
	for k := range sums {
		ADDQ(Imm(lanes), sums[k])
	}
	DECQ(groups)
	JNZ(LabelRef("group"))
	v.finish()
}

// function emits a loop over a multiple of eight numbers.
func (v vector) function(name string, body func(x reg.VecVirtual) reg.VecVirtual) {
	TEXT(v.name(name), NOSPLIT, "func(dst, x []float64)")
	Pragma("noescape")
	dst, x, n := Load(Param("dst").Base(), GP64()), Load(Param("x").Base(), GP64()), Load(Param("x").Len(), GP64())
	SHRQ(Imm(3), n)
	JZ(LabelRef("done"))
	Label("loop")
	for _, part := range v.parts() {
		VMOVUPD(body(v.load(Mem{Base: x, Disp: part})), Mem{Base: dst, Disp: part})
	}
	ADDQ(Imm(lanes), x)
	ADDQ(Imm(lanes), dst)
	DECQ(n)
	JNZ(LabelRef("loop"))
	Label("done")
	v.finish()
}

var constants = map[uint64]Mem{}

// constant returns a register with c in every lane.
func (v vector) constant(c float64) reg.VecVirtual {
	r := v.register()
	VBROADCASTSD(number(c), r)
	return r
}

func number(c float64) Mem {
	bits := math.Float64bits(c)
	if m, ok := constants[bits]; ok {
		return m
	}
	m := GLOBL(fmt.Sprintf("number%016x", bits), RODATA|NOPTR)
	DATA(0, U64(bits))
	constants[bits] = m
	return m
}

// exp emits x = exp(x): the argument less its nearest multiple k of ln 2, the exponential of that by its power series, and 2 to the k.
// Arguments are cut to ±700.
func (v vector) exp(x reg.VecVirtual) {
	VMINPD(x, v.constant(700), x) // in this order NaN stays NaN
	VMAXPD(x, v.constant(-700), x)
	// Adding 1.5*2^52 leaves the nearest integer in the low bits of the sum.
	const magic = 3 << 51
	k := v.with(VMULPD, x, v.constant(1/math.Ln2))
	VADDPD(v.constant(magic), k, k)
	whole := v.with(VSUBPD, k, v.constant(magic))
	VFNMADD231PD(v.constant(0x1.62e42fefap-1), whole, x)
	VFNMADD231PD(v.constant(0x1.cf79abc9e3b3ap-40), whole, x)
	const degree = 13
	factorial := 1.0
	for i := 2; i <= degree; i++ {
		factorial *= float64(i)
	}
	sum := v.constant(1 / factorial)
	for i := degree; i > 0; i-- {
		factorial /= float64(i)
		VFMADD213PD(v.constant(1/factorial), x, sum)
	}
	VPSLLQ(Imm(52), k, k)
	VPADDQ(v.constant(1), k, k) // the bits of 2 to the k
	VMULPD(k, sum, x)
}
