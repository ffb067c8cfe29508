package main

import (
	"fmt"
	"math"
	"strings"

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
