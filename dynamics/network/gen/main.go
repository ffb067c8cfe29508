// Command gen writes the assembly of package network. Run it with go generate in the package's folder.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	izhikevich()
	synapses()
	filter()
	drive()
	normals()
	fma()
	dot()
	Generate()
}

// loop runs a body over n values, 16 at a time, the last of them masked.
type loop struct {
	n, i reg.GPVirtual
	live reg.OpmaskVirtual
}

func over(n reg.GPVirtual, body func(l loop)) {
	l := loop{n, GP64(), K()}
	all, rest := GP32(), GP32()
	MOVL(U32(0xffff), all)
	KMOVW(all, l.live)
	XORQ(l.i, l.i)
	Label("loop")
	CMPQ(n, Imm(16))
	JGE(LabelRef("whole"))
	TESTQ(n, n)
	JLE(LabelRef("done"))
	MOVL(n.As32(), reg.ECX)
	MOVL(U32(1), rest)
	SHLL(reg.CL, rest)
	DECL(rest)
	KMOVW(rest, l.live)
	Label("whole")
	body(l)
	ADDQ(Imm(16), l.i)
	SUBQ(Imm(16), n)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

func (l loop) at(p reg.Register) Mem { return Mem{Base: p, Index: l.i, Scale: 4} }

func (l loop) load(p reg.Register) reg.VecVirtual {
	z := ZMM()
	VMOVUPS_Z(l.at(p), l.live, z)
	return z
}

func (l loop) store(z reg.VecVirtual, p reg.Register) { VMOVUPS(z, l.live, l.at(p)) }

// parameters loads pointers, and the length n.
func parameters(names ...string) (pointers []reg.Register, n reg.GPVirtual) {
	for _, name := range names {
		pointers = append(pointers, Load(Param(name), GP64()))
	}
	n = GP64()
	Load(Param("n"), n)
	return pointers, n
}

// scalar loads a parameter into all lanes.
func scalar(name string) reg.VecVirtual {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	z := ZMM()
	VBROADCASTSS(p.Addr, z)
	return z
}

// synapses lets currents decay and adds what is due, which is forgotten, and what comes from outside, which does not decay.
func synapses() {
	TEXT("synapsesAVX512", NOSPLIT, "func(current, synaptic, due, outside *float32, n int, decay float32)")
	Pragma("noescape")
	p, n := parameters("current", "synaptic", "due", "outside")
	decay, zero := scalar("decay"), ZMM()
	VPXORD(zero, zero, zero)
	over(n, func(l loop) {
		g := l.load(p[1])
		VFMADD213PS(l.load(p[2]), decay, g)
		l.store(g, p[1])
		l.store(zero, p[2])
		VADDPS(l.load(p[3]), g, g)
		l.store(g, p[0])
	})
}

// filter is a step of a double exponential, before spikes are added. What it gives out is also written with a baseline taken away.
func filter() {
	TEXT("filterAVX512", NOSPLIT, "func(out, slow, fast, centred, baseline *float32, n int, perSlow, perFast float32)")
	Pragma("noescape")
	p, n := parameters("out", "slow", "fast", "centred", "baseline")
	perSlow, perFast := scalar("perSlow"), scalar("perFast")
	over(n, func(l loop) {
		slow, fast := l.load(p[1]), l.load(p[2])
		VMULPS(perSlow, slow, slow)
		VMULPS(perFast, fast, fast)
		l.store(slow, p[1])
		l.store(fast, p[2])
		VSUBPS(fast, slow, slow)
		l.store(slow, p[0])
		VSUBPS(l.load(p[4]), slow, slow)
		l.store(slow, p[3])
	})
}

// drive is what a reservoir's neurons take in but for noise: a cue that fades, a bias, and two outputs that come back.
func drive() {
	TEXT("driveAVX512", NOSPLIT, "func(current, held, fade, cue, bias, back0, back1 *float32, n int, y0, y1 float32)")
	Pragma("noescape")
	p, n := parameters("current", "held", "fade", "cue", "bias", "back0", "back1")
	y0, y1 := scalar("y0"), scalar("y1")
	over(n, func(l loop) {
		held := l.load(p[1])
		VMULPS(l.load(p[2]), held, held)
		l.store(held, p[1])
		sum := l.load(p[4])
		VFMADD231PS(l.load(p[3]), held, sum)
		VFMADD231PS(l.load(p[5]), y0, sum)
		VFMADD231PS(l.load(p[6]), y1, sum)
		l.store(sum, p[0])
	})
}

// broadcast loads a float32 constant into all lanes.
func broadcast(bits uint32) reg.VecVirtual {
	r, z := GP32(), ZMM()
	MOVL(U32(bits), r)
	VPBROADCASTD(r, z)
	return z
}

func broadcast64(bits uint64) reg.VecVirtual {
	r, z := GP64(), ZMM()
	MOVQ(U64(bits), r)
	VPBROADCASTQ(r, z)
	return z
}

// izhikevich is a step of 16 neurons at a time, in the operations and the order of Izhikevich.step. The mask of those that fire is written for each
// 16. The last vector of a length that is no multiple is masked.
func izhikevich() {
	TEXT("izhikevichAVX512", NOSPLIT, "func(v, u, current, a, b, c, d *float32, n int, dt float32, fired *uint16)")
	Pragma("noescape")
	v, u, current := Load(Param("v"), GP64()), Load(Param("u"), GP64()), Load(Param("current"), GP64())
	a, b, c, d := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("c"), GP64()), Load(Param("d"), GP64())
	fired := Load(Param("fired"), GP64())
	n := GP64()
	Load(Param("n"), n)
	dt, half := scalar("dt"), ZMM()
	VMULPS(broadcast(0x3f000000), dt, half) // dt/2
	c04, c5, c140, c30 := broadcast(0x3d23d70a), broadcast(0x40a00000), broadcast(0x430c0000), broadcast(0x41f00000)
	over(n, func(l loop) {
		vv, uu, drive, slope := l.load(v), l.load(u), l.load(current), ZMM()
		VSUBPS(uu, drive, drive)
		VADDPS(c140, drive, drive)
		for range 2 {
			VMOVAPS(vv, slope)
			VFMADD213PS(c5, c04, slope)   // 0.04 v + 5
			VFMADD213PS(drive, vv, slope) // · v + drive
			VFMADD231PS(half, slope, vv)  // v + dt/2 · slope
		}
		VMULPS(l.load(b), vv, slope)
		VSUBPS(uu, slope, slope)
		VMULPS(dt, slope, slope)
		VFMADD231PS(l.load(a), slope, uu)
		fires := K()
		VCMPPS(U8(0x1d), c30, vv, l.live, fires) // v ≥ 30
		VMOVUPS(l.at(c), fires, vv)
		VADDPS(l.at(d), uu, fires, uu)
		l.store(vv, v)
		l.store(uu, u)
		mask := GP32()
		KMOVW(fires, mask)
		MOVW(mask.As16(), Mem{Base: fired})
		ADDQ(Imm(2), fired)
	})
}

// normals draws from SplitMix64 and makes normal numbers of what it draws, as the function of that name in Go. Which of each 16 numbers lie beyond all
// cells is written to beyond.
func normals() {
	TEXT("normalsAVX512", NOSPLIT, "func(z *float32, state uint64, cubics *float32, beyond *uint16)")
	Pragma("noescape")
	z, table, beyond := Load(Param("z"), GP64()), Load(Param("cubics"), GP64()), Load(Param("beyond"), GP64())
	start := Load(Param("state"), GP64())
	const golden = 0x9e3779b97f4a7c15
	state := ZMM()
	VPBROADCASTQ(start, state)
	// The first eight states: start + golden·(1 .. 8).
	steps := GLOBL("normalSteps", RODATA|NOPTR)
	for k := range uint64(8) {
		step := k + 1
		DATA(int(8*k), U64(step*golden))
	}
	VPADDQ(steps, state, state)
	eight := uint64(8)
	next := broadcast64(eight * golden)
	m1, m2 := broadcast64(0xbf58476d1ce4e5b9), broadcast64(0x94d049bb133111eb)
	var cubics [4][2]reg.VecVirtual // coefficients of the lower 16 cells and of the upper ones
	for k := range cubics {
		for half := range 2 {
			cubics[k][half] = ZMM()
			VMOVUPS(Mem{Base: table, Disp: 128*k + 64*half}, cubics[k][half])
		}
	}
	mantissa, one, firstCell, zero := broadcast(1<<23-1), broadcast(127<<23), broadcast((127+8)*2), ZMM()
	VPXORD(zero, zero, zero)
	n := GP64()
	MOVQ(U64(16), n)
	Label("loop")
	x, t := ZMM(), ZMM()
	VPSRLQ(Imm(30), state, t)
	VPXORQ(t, state, x)
	VPMULLQ(m1, x, x)
	VPSRLQ(Imm(27), x, t)
	VPXORQ(t, x, x)
	VPMULLQ(m2, x, x)
	VPSRLQ(Imm(31), x, t)
	VPXORQ(t, x, x)
	VPADDQ(next, state, state)
	cell, v, sign := ZMM(), ZMM(), ZMM()
	VPSLLD(Imm(31), x, sign)
	VPSRLD(Imm(8), x, v)
	VCVTDQ2PS(v, v)
	VPSRLD(Imm(22), v, cell)
	VPSUBD(firstCell, cell, cell)
	VPANDD(mantissa, v, v)
	VPORD(one, v, v)
	k, mask := K(), GP32()
	VPCMPD(U8(1), zero, cell, k) // cell < 0
	KMOVW(k, mask)
	MOVW(mask.As16(), Mem{Base: beyond})
	pick := func(k int) reg.VecVirtual {
		c := ZMM()
		VMOVDQA32(cell, c)
		VPERMI2PS(cubics[k][1], cubics[k][0], c)
		return c
	}
	sum := pick(3)
	for k := 2; k >= 0; k-- {
		VMULPS(v, sum, sum)
		VADDPS(pick(k), sum, sum)
	}
	VPORD(sign, sum, sum)
	VMOVUPS(sum, Mem{Base: z})
	ADDQ(Imm(64), z)
	ADDQ(Imm(2), beyond)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// fma adds products.
func fma() {
	TEXT("fmaAVX512", NOSPLIT, "func(sum, x, y *float32, n int)")
	Pragma("noescape")
	p, n := parameters("sum", "x", "y")
	over(n, func(l loop) {
		z := l.load(p[0])
		VFMADD231PS(l.load(p[1]), l.load(p[2]), z)
		l.store(z, p[0])
	})
}

// dot sums products of whole vectors in four registers.
func dot() {
	TEXT("dotAVX512", NOSPLIT, "func(x, y *float32, n int) float32")
	Pragma("noescape")
	x, y, n := Load(Param("x"), GP64()), Load(Param("y"), GP64()), GP64()
	Load(Param("n"), n)
	var sums [4]reg.VecVirtual
	for i := range sums {
		sums[i] = ZMM()
		VPXORD(sums[i], sums[i], sums[i])
	}
	step := func(vectors int) {
		for i := range vectors {
			v := ZMM()
			VMOVUPS(Mem{Base: x, Disp: 64 * i}, v)
			VFMADD231PS(Mem{Base: y, Disp: 64 * i}, v, sums[i])
		}
		ADDQ(U32(uint32(64*vectors)), x)
		ADDQ(U32(uint32(64*vectors)), y)
		SUBQ(U32(uint32(16*vectors)), n)
	}
	Label("four")
	CMPQ(n, Imm(64))
	JL(LabelRef("one"))
	step(4)
	JMP(LabelRef("four"))
	Label("one")
	CMPQ(n, Imm(16))
	JL(LabelRef("rest"))
	step(1)
	JMP(LabelRef("one"))
	Label("rest")
	TESTQ(n, n)
	JLE(LabelRef("fold"))
	k, mask := K(), GP32()
	MOVL(n.As32(), reg.ECX)
	MOVL(U32(1), mask)
	SHLL(reg.CL, mask)
	DECL(mask)
	KMOVW(mask, k)
	a, b := ZMM(), ZMM()
	VMOVUPS_Z(Mem{Base: x}, k, a)
	VMOVUPS_Z(Mem{Base: y}, k, b)
	VFMADD231PS(a, b, sums[1])
	Label("fold")
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	high, low := YMM(), YMM()
	VEXTRACTF32X8(Imm(1), sums[0], high)
	VEXTRACTF32X8(Imm(0), sums[0], low)
	VADDPS(high, low, low)
	quarter, q := XMM(), XMM()
	VEXTRACTF128(Imm(1), low, quarter)
	VEXTRACTF128(Imm(0), low, q)
	VADDPS(quarter, q, q)
	VHADDPS(q, q, q)
	VHADDPS(q, q, q)
	Store(q, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
