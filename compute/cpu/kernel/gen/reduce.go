package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// laneBytes is the width of a reduction: its lanes are spread over as many registers as that takes, on every tier.
const laneBytes = 256

// fold is a reduction: what it starts from and how it takes in another vector.
type fold struct {
	name  string
	start float64
	into  func(v vector, sum, x value) value
}

var negativeInfinity = math.Inf(-1)

var folds = []fold{
	{"Sum", 0, func(v vector, sum, x value) value { return v.add(sum, x) }},
	{"Product", 1, func(v vector, sum, x value) value { return v.mul(sum, x) }},
	{"Maximum", negativeInfinity, func(v vector, sum, x value) value { return v.highest(sum, x) }},
	{"Minimum", -negativeInfinity, func(v vector, sum, x value) value { return v.lowest(sum, x) }},
}

// reduce writes the reductions of runs and columns.
func reduce(f *file) {
	for _, v := range tiers(f) {
		fmt.Fprintf(&f.tables, "\nvar reduce%s = reduceKernels[%s]{\n", v.suffix(), v.goType())
		f.tables.WriteString("run: [numReduce]func(x []" + v.goType() + ") " + v.goType() + "{")
		for _, op := range folds {
			name := "run" + op.name + v.suffix()
			v.run(name, op, []string{"x"}, nil, false, func(_ vector, x, _ []value) value { return x[0] })
			fmt.Fprintf(&f.tables, "%s: %s, ", op.name, name)
		}
		f.tables.WriteString("},\ncolumns: [numReduce]func(dst, x []" + v.goType() + ", rows, stride int){")
		for _, op := range folds {
			name := "columns" + op.name + v.suffix()
			v.columns(name, op)
			fmt.Fprintf(&f.tables, "%s: %s, ", op.name, name)
		}
		fmt.Fprintf(&f.tables, "},\ndot: dot%s,\n}\n", v.suffix())
		sum := folds[0]
		v.run("dot"+v.suffix(), sum, []string{"x", "y"}, nil, false, func(v vector, x, _ []value) value { return v.mul(x[0], x[1]) })
		if !v.double {
			v.run("expSum"+v.suffix(), sum, []string{"x"}, []string{"shift"}, true, func(v vector, x, s []value) value { return v.exp(v.sub(x[0], s[0])) })
		}
	}
}

// run emits a kernel that folds element(operands) over the lanes of package kernel's rule, and stores the elements to dst if keep is set.
func (v vector) run(name string, op fold, operands, scalars []string, keep bool, element func(v vector, x, scalars []value) value) {
	signature := "func("
	if keep {
		signature += "dst []" + v.goType() + ", "
	}
	for _, o := range operands {
		signature += o + " []" + v.goType() + ", "
	}
	for _, s := range scalars {
		signature += s + " " + v.goType() + ", "
	}
	v.function(name, signature+") "+v.goType())
	n := v.length(operands[0])
	var pointers []reg.GPVirtual
	for _, o := range operands {
		pointers = append(pointers, v.pointer(o))
	}
	var dst reg.GPVirtual
	all := pointers
	if keep {
		dst = v.pointer("dst")
		all = append(all[:len(all):len(all)], dst)
	}
	var fixed []value
	for _, s := range scalars {
		fixed = append(fixed, v.scalar(s))
	}
	sums := make([]value, laneBytes/v.bytes())
	for i := range sums {
		sums[i] = v.held(op.start)
	}
	v.keep(len(operands)+len(scalars), func(v vector, x []value) value { return element(v, x[:len(operands)], x[len(operands):]) })
	take := func(i int, t *tail) {
		var x []value
		for _, p := range pointers {
			x = append(x, v.get(Mem{Base: p, Disp: i * v.bytes()}, t))
		}
		e := element(v, x, fixed)
		if keep {
			v.put(e, t, Mem{Base: dst, Disp: i * v.bytes()})
		}
		next := op.into(v, sums[i], e)
		if t != nil {
			v.choose(*t, next, sums[i])
		} else {
			ps(v, v.VMOVAPS, v.VMOVAPD)(next, sums[i])
		}
	}
	lanes := laneBytes / v.size()
	v.Label("lanes")
	v.CMPQ(n, I32(int32(lanes)))
	v.JL(LabelRef("rest"))
	for i := range sums {
		take(i, nil)
	}
	for _, p := range all {
		v.ADDQ(I32(laneBytes), p)
	}
	v.SUBQ(I32(int32(lanes)), n)
	v.JMP(LabelRef("lanes"))
	v.Label("rest")
	width := v.GP64()
	v.MOVQ(U32(uint32(v.lanes())), width)
	for i := range sums {
		v.TESTQ(n, n)
		v.JLE(LabelRef("fold"))
		part := v.GP64()
		v.MOVQ(n, part)
		v.CMPQ(part, width)
		v.CMOVQGT(width, part)
		t := v.tailMask(part)
		take(i, &t)
		v.SUBQ(width, n)
	}
	v.Label("fold")
	for half := len(sums) / 2; half > 0; half /= 2 {
		for i := range half {
			ps(v, v.VMOVAPS, v.VMOVAPD)(op.into(v, sums[i], sums[i+half]), sums[i])
		}
	}
	v.foldRegister(sums[0], op)
	result, err := v.ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	ps(v, v.VMOVSS, v.VMOVSD)(sums[0].AsX(), result.Addr)
	v.kept = nil
	v.finish()
}

// foldRegister folds the lanes of a register in halves into its first lane. The other lanes go along with whatever they hold.
func (v vector) foldRegister(sum value, op fold) {
	halve := func(shuffle func(upper value)) {
		upper := v.register()
		shuffle(upper)
		ps(v, v.VMOVAPS, v.VMOVAPD)(op.into(v, sum, upper), sum)
	}
	if v.wide {
		halve(func(upper value) { v.VSHUFF64X2(U8(0x0e), sum, sum, upper) })
		halve(func(upper value) { v.VSHUFF64X2(U8(1), sum, sum, upper) })
	} else {
		halve(func(upper value) { v.VPERM2F128(U8(1), sum, sum, upper) })
	}
	halve(func(upper value) { v.VPERMILPD(U8(0x55), sum, upper) })
	if !v.double {
		halve(func(upper value) { v.VPERMILPS(U8(1), sum, upper) })
	}
}

// columns emits a kernel that folds rows of a matrix, from first to last, into dst.
func (v vector) columns(name string, op fold) {
	v.function(name, fmt.Sprintf("func(dst, x []%s, rows, stride int)", v.goType()))
	n, dst, x := v.length("dst"), v.pointer("dst"), v.pointer("x")
	stride := v.GP64()
	v.Load(v.Param("stride"), stride)
	v.SHLQ(U8(ps(v, 2, 3)), stride)
	const block = 4
	strip := func(label string, count int, t *tail) {
		at, left := v.GP64(), v.GP64()
		v.MOVQ(x, at)
		v.Load(v.Param("rows"), left)
		sums := make([]value, count)
		for i := range sums {
			sums[i] = v.get(Mem{Base: at, Disp: i * v.bytes()}, t)
		}
		v.JMP(LabelRef(label + "next"))
		v.Label(label)
		v.ADDQ(stride, at)
		for i := range sums {
			next := op.into(v, sums[i], v.get(Mem{Base: at, Disp: i * v.bytes()}, t))
			ps(v, v.VMOVAPS, v.VMOVAPD)(next, sums[i])
		}
		v.Label(label + "next")
		v.DECQ(left)
		v.JNZ(LabelRef(label))
		for i := range sums {
			v.put(sums[i], t, Mem{Base: dst, Disp: i * v.bytes()})
		}
	}
	v.Label("blocks")
	v.CMPQ(n, I32(int32(block*v.lanes())))
	v.JL(LabelRef("vectors"))
	strip("block", block, nil)
	v.ADDQ(I32(int32(block*v.bytes())), x)
	v.ADDQ(I32(int32(block*v.bytes())), dst)
	v.SUBQ(I32(int32(block*v.lanes())), n)
	v.JMP(LabelRef("blocks"))
	v.each("", n, []reg.GPVirtual{x, dst}, func(t *tail) {
		if t == nil {
			strip("vector", 1, nil)
		} else {
			strip("last", 1, t)
		}
	})
	v.finish()
}
