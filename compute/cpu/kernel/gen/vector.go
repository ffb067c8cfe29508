package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vector emits instructions on vectors of one element type and width.
type vector struct {
	*file
	wide   bool // AVX-512 rather than AVX2
	double bool // float64 rather than float32
}

func (v vector) size() int {
	if v.double {
		return 8
	}
	return 4
}

func (v vector) bytes() int {
	if v.wide {
		return 64
	}
	return 32
}

func (v vector) lanes() int { return v.bytes() / v.size() }

// suffix tells the functions of a tier and type apart.
func (v vector) suffix() string {
	s := "F32"
	if v.double {
		s = "F64"
	}
	if v.wide {
		return s + "AVX512"
	}
	return s + "AVX2"
}

func (v vector) goType() string {
	if v.double {
		return "float64"
	}
	return "float32"
}

func (v vector) register() reg.VecVirtual {
	if v.wide {
		return v.ZMM()
	}
	return v.YMM()
}

// ps returns the single- or double-precision form of an instruction.
func ps[F any](v vector, single, double F) F {
	if v.double {
		return double
	}
	return single
}

func (v vector) load(m Op, r reg.Register)  { ps(v, v.VMOVUPS, v.VMOVUPD)(m, r) }
func (v vector) store(r reg.Register, m Op) { ps(v, v.VMOVUPS, v.VMOVUPD)(r, m) }

func (v vector) zero(r reg.VecVirtual) {
	if v.wide {
		v.VPXORD(r, r, r)
	} else {
		v.VXORPS(r, r, r)
	}
}

func (v vector) broadcast(m Op, r reg.Register) { ps(v, v.VBROADCASTSS, v.VBROADCASTSD)(m, r) }

// tail is the mask of the first lanes of a vector.
type tail struct {
	k reg.OpmaskVirtual
	y reg.VecVirtual
}

// tailMask returns the mask of the first n lanes, 0 <= n <= lanes. It spoils n.
func (v vector) tailMask(n reg.GPVirtual) tail {
	if v.wide {
		ones := v.GP64()
		v.MOVQ(I32(-1), ones)
		v.BZHIQ(n, ones, ones)
		k := v.K()
		v.KMOVW(ones.As32(), k)
		return tail{k: k}
	}
	// A window onto ones followed by zeros, lanes-n from its start.
	name := fmt.Sprintf("ones%d", v.size())
	if _, done := v.constants[name]; !done {
		v.note(name)
		v.StaticGlobal(name)
		v.DataAttributes(16 | 8) // RODATA and NOPTR
		for i := range 64 / v.size() {
			var word uint64
			if i < 32/v.size() {
				word = math.MaxUint64
			}
			if v.double {
				v.AddDatum(i*8, U64(word))
			} else {
				v.AddDatum(i*4, U32(uint32(word)))
			}
		}
	}
	base, index := v.GP64(), v.GP64()
	v.LEAQ(NewDataAddr(Symbol{Name: name, Static: true}, 0), base)
	v.MOVQ(U32(uint32(v.lanes())), index)
	v.SUBQ(n, index)
	y := v.YMM()
	v.VMOVUPS(Mem{Base: base, Index: index, Scale: uint8(v.size())}, y)
	return tail{y: y}
}

func (v vector) note(name string) {
	if v.constants == nil {
		v.constants = map[string]int{}
	}
	v.constants[name] = len(v.constants)
}

// loadTail loads the lanes of a mask and sets the others to zero, without touching their memory.
func (v vector) loadTail(m Op, t tail, r reg.Register) {
	if v.wide {
		ps(v, v.VMOVUPS_Z, v.VMOVUPD_Z)(m, t.k, r)
	} else {
		ps(v, v.VMASKMOVPS, v.VMASKMOVPD)(m, t.y, r)
	}
}

// storeTail stores the lanes of a mask only.
func (v vector) storeTail(r reg.Register, t tail, m Op) {
	if v.wide {
		ps(v, v.VMOVUPS, v.VMOVUPD)(r, t.k, m)
	} else {
		ps(v, v.VMASKMOVPS, v.VMASKMOVPD)(r, t.y, m)
	}
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// value is a vector in a register.
type value = reg.VecVirtual

// constant returns the address of a vector with c in every lane.
func (v vector) constant(c float64) Op {
	if v.double {
		return v.bits(math.Float64bits(c))
	}
	return v.bits(uint64(math.Float32bits(float32(c))))
}

// bits returns a vector with the bit pattern b in every lane: the register that holds it, or its address.
func (v vector) bits(b uint64) Op {
	name := fmt.Sprintf("c%d_%x", v.size(), b)
	if r, ok := v.kept[name]; ok {
		return r
	}
	v.wanted = append(v.wanted, wanted{name, func(v vector) Op { return v.bits(b) }})
	if _, done := v.constants[name]; !done {
		v.note(name)
		v.StaticGlobal(name)
		v.DataAttributes(16 | 8) // RODATA and NOPTR
		for i := range 64 / v.size() {
			if v.double {
				v.AddDatum(i*8, U64(b))
			} else {
				v.AddDatum(i*4, U32(uint32(b)))
			}
		}
	}
	return NewDataAddr(Symbol{Name: name, Static: true}, 0)
}

// sixteen returns the address of sixteen single-precision numbers.
func (v vector) sixteen(c []float64) Op {
	name := "s"
	for _, x := range c[:4] {
		name += fmt.Sprintf("_%x", math.Float32bits(float32(x)))
	}
	if r, ok := v.kept[name]; ok {
		return r
	}
	v.wanted = append(v.wanted, wanted{name, func(v vector) Op { return v.sixteen(c) }})
	if _, done := v.constants[name]; !done {
		v.note(name)
		v.StaticGlobal(name)
		v.DataAttributes(16 | 8) // RODATA and NOPTR
		for i, x := range c {
			v.AddDatum(i*4, U32(math.Float32bits(float32(x))))
		}
	}
	return NewDataAddr(Symbol{Name: name, Static: true}, 0)
}

// signBit is the address of a vector of -0.
func (v vector) signBit() Op { return v.constant(math.Copysign(0, -1)) }

// held is a constant in a register.
func (v vector) held(c float64) value {
	r := v.register()
	v.load(v.constant(c), r)
	return r
}

func (v vector) copy(a value) value {
	r := v.register()
	ps(v, v.VMOVAPS, v.VMOVAPD)(a, r)
	return r
}

// The arithmetic below returns a new register; b may be in memory.

func (v vector) add(a value, b Op) value { return v.op(ps(v, v.VADDPS, v.VADDPD), a, b) }
func (v vector) sub(a value, b Op) value { return v.op(ps(v, v.VSUBPS, v.VSUBPD), a, b) }
func (v vector) mul(a value, b Op) value { return v.op(ps(v, v.VMULPS, v.VMULPD), a, b) }
func (v vector) div(a value, b Op) value { return v.op(ps(v, v.VDIVPS, v.VDIVPD), a, b) }

// max and min return b where either is NaN or both are zero.
func (v vector) max(a value, b Op) value { return v.op(ps(v, v.VMAXPS, v.VMAXPD), a, b) }
func (v vector) min(a value, b Op) value { return v.op(ps(v, v.VMINPS, v.VMINPD), a, b) }

func (v vector) and(a value, b Op) value { return v.op(ps(v, v.VANDPS, v.VANDPD), a, b) }
func (v vector) or(a value, b Op) value  { return v.op(ps(v, v.VORPS, v.VORPD), a, b) }
func (v vector) xor(a value, b Op) value { return v.op(ps(v, v.VXORPS, v.VXORPD), a, b) }

func (v vector) op(instruction func(ops ...Op), a value, b Op) value {
	r := v.register()
	instruction(b, a, r)
	return r
}

func (v vector) sqrt(a value) value {
	r := v.register()
	ps(v, v.VSQRTPS, v.VSQRTPD)(a, r)
	return r
}

func (v vector) abs(a value) value { return v.and(a, v.bits(ps(v, uint64(1)<<31-1, uint64(1)<<63-1))) }

// Rounding modes.
const (
	nearest = 8
	down    = 9
	up      = 10
)

func (v vector) round(mode uint8, a value) value {
	r := v.register()
	if v.wide {
		ps(v, v.VRNDSCALEPS, v.VRNDSCALEPD)(U8(mode), a, r)
	} else {
		ps(v, v.VROUNDPS, v.VROUNDPD)(U8(mode), a, r)
	}
	return r
}

// addProduct sets sum to sum + a*b; subProduct to sum - a*b.
func (v vector) addProduct(sum, a value, b Op) { ps(v, v.VFMADD231PS, v.VFMADD231PD)(b, a, sum) }
func (v vector) subProduct(sum, a value, b Op) { ps(v, v.VFNMADD231PS, v.VFNMADD231PD)(b, a, sum) }

// times sets a to a*x + c.
func (v vector) times(a, x value, c Op) { ps(v, v.VFMADD213PS, v.VFMADD213PD)(c, x, a) }

// polynomial evaluates coefficients, lowest first, at x by Horner's rule.
func (v vector) polynomial(x value, coefficients ...float64) value {
	last := len(coefficients) - 1
	r := v.held(coefficients[last])
	for i := last - 1; i >= 0; i-- {
		v.times(r, x, v.constant(coefficients[i]))
	}
	return r
}

// Comparison predicates: ordered ones are false of NaN.
const (
	equal        = 0x00
	notEqual     = 0x04 // true of NaN
	less         = 0x11
	lessEqual    = 0x12
	greaterEqual = 0x1d
	greater      = 0x1e
	unordered    = 0x03
	differ       = 0x0c // not equal, and false of NaN
	notLess      = 0x15 // true of NaN
)

// mask is the outcome of a comparison.
type mask = tail

func (v vector) compare(predicate uint8, a value, b Op) mask {
	if v.wide {
		k := v.K()
		ps(v, v.VCMPPS, v.VCMPPD)(U8(predicate), b, a, k)
		return mask{k: k}
	}
	y := v.YMM()
	ps(v, v.VCMPPS, v.VCMPPD)(U8(predicate), b, a, y)
	return mask{y: y}
}

// choose returns a where the mask holds and b elsewhere, in the register of b, which is spent; a may be in memory.
func (v vector) choose(m mask, a Op, b value) value {
	if v.wide {
		ps(v, v.VBLENDMPS, v.VBLENDMPD)(a, b, m.k, b)
	} else {
		ps(v, v.VBLENDVPS, v.VBLENDVPD)(m.y, a, b, b)
	}
	return b
}

// highest is the larger of a and b in the sense of the package's Max: NaN if either is, and +0 above -0. lowest is the smaller.
func (v vector) highest(a, b value) value {
	r := v.max(a, b)
	r = v.choose(v.compare(equal, a, b), v.and(a, b), r)
	return v.choose(v.compare(unordered, a, a), a, r)
}

func (v vector) lowest(a, b value) value {
	r := v.min(a, b)
	r = v.choose(v.compare(equal, a, b), v.or(a, b), r)
	return v.choose(v.compare(unordered, a, a), a, r)
}

// The integer operations below are for vectors of 32-bit lanes.

func (v vector) addInt(a value, b Op) value {
	r := v.register()
	v.VPADDD(b, a, r)
	return r
}

func (v vector) subInt(a value, b Op) value {
	r := v.register()
	v.VPSUBD(b, a, r)
	return r
}

func (v vector) shiftLeft(n uint8, a value) value {
	r := v.register()
	v.VPSLLD(U8(n), a, r)
	return r
}

func (v vector) shiftRightSigned(n uint8, a value) value {
	r := v.register()
	v.VPSRAD(U8(n), a, r)
	return r
}

func (v vector) toInt(a value) value {
	r := v.register()
	v.VCVTPS2DQ(a, r)
	return r
}

func (v vector) fromInt(a value) value {
	r := v.register()
	v.VCVTDQ2PS(a, r)
	return r
}

// each emits a loop over n elements: body once for whole vectors and once, under a mask, for what is left. The pointers step along. It
// spoils n.
func (v vector) each(label string, n reg.GPVirtual, pointers []reg.GPVirtual, body func(t *tail)) {
	v.Label(label + "vectors")
	v.CMPQ(n, I32(int32(v.lanes())))
	v.JL(LabelRef(label + "tail"))
	body(nil)
	for _, p := range pointers {
		v.ADDQ(I32(int32(v.bytes())), p)
	}
	v.SUBQ(I32(int32(v.lanes())), n)
	v.JMP(LabelRef(label + "vectors"))
	v.Label(label + "tail")
	v.TESTQ(n, n)
	v.JZ(LabelRef(label + "done"))
	t := v.tailMask(n)
	body(&t)
	v.Label(label + "done")
}

// get loads a vector, or the lanes of t.
func (v vector) get(m Op, t *tail) value {
	r := v.register()
	if t == nil {
		v.load(m, r)
	} else {
		v.loadTail(m, *t, r)
	}
	return r
}

// put stores a vector, or the lanes of t.
func (v vector) put(r value, t *tail, m Op) {
	if t == nil {
		v.store(r, m)
	} else {
		v.storeTail(r, *t, m)
	}
}

func (v vector) pointer(slice string) reg.GPVirtual {
	r := v.GP64()
	v.Load(v.Param(slice).Base(), r)
	return r
}

func (v vector) length(slice string) reg.GPVirtual {
	r := v.GP64()
	v.Load(v.Param(slice).Len(), r)
	return r
}

// scalar broadcasts a number among the arguments.
func (v vector) scalar(name string) value {
	address, err := v.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	r := v.register()
	v.broadcast(address.Addr, r)
	return r
}

func (v vector) finish() {
	v.VZEROUPPER()
	v.RET()
}

// mapping emits a kernel that sets each element of dst to body of the elements of its operands. An operand that starts with "=" is one number.
func (v vector) mapping(name string, operands []string, body func(v vector, x []value) value) {
	signature := "func(dst []" + v.goType()
	for _, o := range operands {
		if scalar, ok := strings.CutPrefix(o, "="); ok {
			signature += ", " + scalar + " " + v.goType()
		} else {
			signature += ", " + o + " []" + v.goType()
		}
	}
	v.function(name, signature+")")
	n, dst := v.length("dst"), v.pointer("dst")
	pointers := []reg.GPVirtual{dst}
	at := make([]reg.GPVirtual, len(operands))
	in := make([]value, len(operands))
	for i, o := range operands {
		if scalar, ok := strings.CutPrefix(o, "="); ok {
			in[i] = v.scalar(scalar)
		} else {
			at[i] = v.pointer(o)
			pointers = append(pointers, at[i])
		}
	}
	v.keep(len(operands), body)
	v.each("", n, pointers, func(t *tail) {
		x := append([]value(nil), in...)
		for i, p := range at {
			if p != nil {
				x[i] = v.get(Mem{Base: p}, t)
			}
		}
		v.put(body(v, x), t, Mem{Base: dst})
	})
	v.kept = nil
	v.finish()
}

// keptAtMost of the constants a loop uses stay in registers, of which AVX-512 has 32: reading them anew for every vector takes more of the
// processor's two loads a cycle than the loop has.
const keptAtMost = 16

// keep loads the first constants that body, of so many operands, uses. It learns them by writing the body into a file that is thrown away.
func (v vector) keep(operands int, body func(v vector, x []value) value) {
	if !v.wide {
		return // 16 registers are too few
	}
	trial := v
	trial.file = &file{Context: build.NewContext()}
	trial.Function("trial")
	x := make([]value, operands)
	for i := range x {
		x[i] = trial.register()
	}
	body(trial, x)
	kept := map[string]reg.VecVirtual{}
	for _, c := range trial.wanted {
		if _, done := kept[c.name]; done || len(kept) == keptAtMost {
			continue
		}
		r := v.register()
		v.load(c.address(v), r)
		kept[c.name] = r
	}
	v.kept = kept
}
