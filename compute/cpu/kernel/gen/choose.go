package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// choose writes comparisons, selections and what else works on a byte for each number. These kernels take whole vectors only: lengths are
// multiples of 16, which package kernel sees to.
func choose(f *file) {
	for _, v := range []vector{{f, true, false}, {f, false, false}} {
		suffix := v.suffix()
		fmt.Fprintf(&f.tables, "\nvar compare%s = [numCompare]compareKernels{\n", suffix)
		for _, op := range []struct {
			name      string
			predicate uint8
		}{{"Equal", equal}, {"NotEqual", notEqual}, {"Less", less}, {"LessEqual", lessEqual}, {"Greater", greater}, {"GreaterEqual", greaterEqual}} {
			name := lower(op.name)
			compareKernel(v, name+"VV"+suffix, op.predicate, false)
			compareKernel(v, name+"VS"+suffix, op.predicate, true)
			fmt.Fprintf(&f.tables, "%s: {%sVV%s, %sVS%s},\n", op.name, name, suffix, name, suffix)
		}
		f.tables.WriteString("}\n")
		selectKernel(v)
		boolKernel(v)
		integerKernel(v, true)
		integerKernel(v, false)
		fillKernel(v)
	}
	transposeKernel(vector{f, false, false})
}

// moving is a pointer and by how many bytes a vector moves it.
type moving struct {
	pointer reg.GPVirtual
	bytes   int
}

// steps emits a loop over n elements in whole vectors, n a multiple of the lanes. It spoils n.
func (v vector) steps(n reg.GPVirtual, body func(), advance []moving) {
	v.Label("loop")
	v.SUBQ(I32(int32(v.lanes())), n)
	v.JL(LabelRef("done"))
	body()
	for _, m := range advance {
		v.ADDQ(I32(int32(m.bytes)), m.pointer)
	}
	v.JMP(LabelRef("loop"))
	v.Label("done")
	v.finish()
}

func compareKernel(v vector, name string, predicate uint8, scalar bool) {
	y := "y []float32"
	if scalar {
		y = "y float32"
	}
	v.function(name, "func(dst []bool, x []float32, "+y+")")
	n, dst, x := v.length("dst"), v.pointer("dst"), v.pointer("x")
	advance := []moving{{dst, v.lanes()}, {x, v.bytes()}}
	var other Op
	if scalar {
		other = v.scalar("y")
	} else {
		p := v.pointer("y")
		advance = append(advance, moving{p, v.bytes()})
		other = Mem{Base: p}
	}
	v.steps(n, func() {
		m := v.compare(predicate, v.get(Mem{Base: x}, nil), other)
		b := v.XMM()
		if v.wide {
			v.VPMOVM2B(m.k, b)
			v.VPABSB(b, b) // -1 to 1
			v.VMOVDQU(b, Mem{Base: dst})
			return
		}
		high := v.XMM()
		v.VEXTRACTI128(Imm(1), m.y, high)
		v.VPACKSSDW(high, m.y.(reg.Vec).AsX(), b)
		v.VPACKSSWB(b, b, b)
		v.VPABSB(b, b)
		v.VMOVQ(b, Mem{Base: dst})
	}, advance)
}

// condition reads a byte for each lane as a mask.
func (v vector) condition(at Mem) mask {
	if v.wide {
		b, k := v.XMM(), v.K()
		v.VMOVDQU(at, b)
		v.VPTESTMB(b, b, k)
		return mask{k: k}
	}
	y, zero := v.YMM(), v.YMM()
	v.VPMOVSXBD(at, y)
	v.VPXOR(zero, zero, zero)
	v.VPCMPGTD(zero, y, y)
	return mask{y: y}
}

func selectKernel(v vector) {
	v.function("select"+v.suffix(), "func(dst []float32, cond []bool, x, y []float32)")
	n, dst, cond, x, y := v.length("dst"), v.pointer("dst"), v.pointer("cond"), v.pointer("x"), v.pointer("y")
	v.steps(n, func() {
		m := v.condition(Mem{Base: cond})
		v.put(v.choose(m, Mem{Base: x}, v.get(Mem{Base: y}, nil)), nil, Mem{Base: dst})
	}, []moving{{dst, v.bytes()}, {cond, v.lanes()}, {x, v.bytes()}, {y, v.bytes()}})
}

func boolKernel(v vector) {
	v.function("bool"+v.suffix(), "func(dst []float32, x []bool)")
	n, dst, x := v.length("dst"), v.pointer("dst"), v.pointer("x")
	v.steps(n, func() {
		m := v.condition(Mem{Base: x})
		zero := v.register()
		v.zero(zero)
		v.put(v.choose(m, v.constant(1), zero), nil, Mem{Base: dst})
	}, []moving{{dst, v.bytes()}, {x, v.lanes()}})
}

// integerKernel converts 32-bit integers, rounding once.
func integerKernel(v vector, signed bool) {
	name, element := "uint", "uint32"
	if signed {
		name, element = "int", "int32"
	}
	v.function(name+v.suffix(), "func(dst []float32, x []"+element+")")
	n, dst, x := v.length("dst"), v.pointer("dst"), v.pointer("x")
	v.steps(n, func() {
		i := v.get(Mem{Base: x}, nil)
		r := v.register()
		switch {
		case signed:
			v.VCVTDQ2PS(i, r)
		case v.wide:
			v.VCVTUDQ2PS(i, r)
		default:
			// Both halves are exact; their sum is rounded.
			high := v.register()
			v.VPSRLD(U8(16), i, high)
			v.VCVTDQ2PS(high, high)
			low := v.and(i, v.bits(0xffff))
			v.VCVTDQ2PS(low, r)
			v.addProduct(r, high, v.constant(65536))
		}
		v.put(r, nil, Mem{Base: dst})
	}, []moving{{dst, v.bytes()}, {x, v.bytes()}})
}

func fillKernel(v vector) {
	v.function("fill"+v.suffix(), "func(dst []float32, x float32)")
	n, dst := v.length("dst"), v.pointer("dst")
	x := v.scalar("x")
	v.steps(n, func() { v.put(x, nil, Mem{Base: dst}) }, []moving{{dst, v.bytes()}})
}

// transposeKernel transposes squares of 8x8 words: blocks of them side by side in src, which lie below one another in dst. Strides are in
// bytes.
func transposeKernel(v vector) {
	v.function("transpose8x8", "func(dst *uint32, dstStride uintptr, src *uint32, srcStride uintptr, blocks int)")
	param := func(name string) reg.GPVirtual { return v.Load(v.Param(name), v.GP64()).(reg.GPVirtual) }
	dst, dstStride, src, srcStride, blocks := param("dst"), param("dstStride"), param("src"), param("srcStride"), param("blocks")
	v.Label("loop")
	v.DECQ(blocks)
	v.JL(LabelRef("done"))
	row := make([]reg.VecVirtual, 8)
	at := v.GP64()
	v.MOVQ(src, at)
	for i := range row {
		row[i] = v.YMM()
		v.VMOVUPS(Mem{Base: at}, row[i])
		if i < 7 {
			v.ADDQ(srcStride, at)
		}
	}
	pair := make([]reg.VecVirtual, 8) // interleaved pairs of rows
	for i := 0; i < 8; i += 2 {
		pair[i], pair[i+1] = v.YMM(), v.YMM()
		v.VUNPCKLPS(row[i+1], row[i], pair[i])
		v.VUNPCKHPS(row[i+1], row[i], pair[i+1])
	}
	quad := make([]reg.VecVirtual, 8) // columns of four rows, low and high halves
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			low, high := v.YMM(), v.YMM()
			v.VUNPCKLPD(pair[i+2+j], pair[i+j], low)
			v.VUNPCKHPD(pair[i+2+j], pair[i+j], high)
			quad[i+2*j], quad[i+2*j+1] = low, high
		}
	}
	v.MOVQ(dst, at)
	for i := range 8 {
		out := v.YMM()
		select128 := uint8(0x20)
		if i >= 4 {
			select128 = 0x31
		}
		v.VPERM2F128(Imm(uint64(select128)), quad[4+i%4], quad[i%4], out)
		v.VMOVUPS(out, Mem{Base: at})
		v.ADDQ(dstStride, at)
	}
	v.MOVQ(at, dst)
	v.ADDQ(Imm(32), src)
	v.JMP(LabelRef("loop"))
	v.Label("done")
	v.finish()
}
