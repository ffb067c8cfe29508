package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// train writes the depthwise convolutions and the Adam update, in single precision.
func train(f *file) {
	for _, wide := range []bool{true, false} {
		v := vector{f, wide, false}
		v.slide()
		v.correlate()
		v.adam()
	}
}

// slide emits the convolution of one row: strips of dst stay in registers while the taps go by.
func (v vector) slide() {
	v.function("slide"+v.suffix(), "func(dst, x, w []float32)")
	n, dst, x := v.length("dst"), v.pointer("dst"), v.pointer("x")
	const block = 8
	strip := func(label string, count int, t *tail) {
		sums := make([]value, count)
		for i := range sums {
			sums[i] = v.register()
			v.zero(sums[i])
		}
		at, w, taps := v.GP64(), v.pointer("w"), v.length("w")
		v.MOVQ(x, at)
		v.Label(label)
		tap := v.register()
		v.broadcast(Mem{Base: w}, tap)
		for i := range sums {
			m := Mem{Base: at, Disp: i * v.bytes()}
			if t == nil {
				v.addProduct(sums[i], tap, m)
			} else {
				v.addProduct(sums[i], tap, v.get(m, t))
			}
		}
		v.ADDQ(I32(4), at)
		v.ADDQ(I32(4), w)
		v.DECQ(taps)
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

// correlate emits the gradient of the taps: a group of them accumulates while the row goes by.
func (v vector) correlate() {
	v.function("correlate"+v.suffix(), "func(dw, x, dy []float32)")
	taps, dw, x := v.length("dw"), v.pointer("dw"), v.pointer("x")
	group := func(label string, count int) {
		sums := make([]value, count)
		for i := range sums {
			sums[i] = v.register()
			v.zero(sums[i])
		}
		n, at, dy := v.length("dy"), v.GP64(), v.pointer("dy")
		v.MOVQ(x, at)
		v.each(label, n, []reg.GPVirtual{at, dy}, func(t *tail) {
			g := v.get(Mem{Base: dy}, t)
			for i := range sums {
				m := Mem{Base: at, Disp: 4 * i}
				if t == nil {
					v.addProduct(sums[i], g, m)
				} else {
					v.addProduct(sums[i], g, v.get(m, t))
				}
			}
		})
		for i := range sums {
			v.foldRegister(sums[i], folds[0])
			v.VADDSS(Mem{Base: dw, Disp: 4 * i}, sums[i].AsX(), sums[i].AsX())
			v.VMOVSS(sums[i].AsX(), Mem{Base: dw, Disp: 4 * i})
		}
		v.ADDQ(I32(int32(4*count)), x)
		v.ADDQ(I32(int32(4*count)), dw)
		v.SUBQ(I32(int32(count)), taps)
	}
	const block = 8
	v.Label("groups")
	v.CMPQ(taps, I32(block))
	v.JL(LabelRef("singles"))
	group("group", block)
	v.JMP(LabelRef("groups"))
	v.Label("singles")
	v.TESTQ(taps, taps)
	v.JZ(LabelRef("done"))
	group("single", 1)
	v.JMP(LabelRef("singles"))
	v.Label("done")
	v.finish()
}

// adam emits the update; the step's numbers lie one after the other as in package kernel's struct.
func (v vector) adam() {
	v.function("adam"+v.suffix(), "func(w, m, u, g []float32, s *AdamStep)")
	n, w, m, u, g := v.length("w"), v.pointer("w"), v.pointer("m"), v.pointer("u"), v.pointer("g")
	step := v.Load(v.Param("s"), v.GP64())
	const rate, beta1, beta2, epsilon, decay, correct1, correct2 = 0, 1, 2, 3, 4, 5, 6
	number := func(i int) value {
		r := v.register()
		v.broadcast(Mem{Base: step, Disp: 4 * i}, r)
		return r
	}
	v.each("", n, []reg.GPVirtual{w, m, u, g}, func(t *tail) {
		grad := v.get(Mem{Base: g}, t)
		average := func(p reg.GPVirtual, beta int, x value) value {
			b := number(beta)
			r := v.mul(v.get(Mem{Base: p}, t), b)
			v.addProduct(r, v.sub(v.held(1), b), x)
			v.put(r, t, Mem{Base: p})
			return r
		}
		first := average(m, beta1, grad)
		second := average(u, beta2, v.mul(grad, grad))
		root := v.sqrt(v.mul(second, number(correct2)))
		change := v.div(v.mul(first, number(correct1)), v.add(root, number(epsilon)))
		weight := v.get(Mem{Base: w}, t)
		v.addProduct(change, weight, number(decay))
		v.subProduct(weight, change, number(rate))
		v.put(weight, t, Mem{Base: w})
	})
	v.finish()
}
