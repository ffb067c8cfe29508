package main

import (
	"fmt"
	"math"
)

// tiers are the vectors kernels are written for: single before double precision, the wide tier first.
func tiers(f *file) []vector {
	return []vector{{f, true, false}, {f, false, false}, {f, true, true}, {f, false, true}}
}

// unary writes the functions of one number and a table of them for every tier and type.
func unary(f *file) {
	for _, v := range tiers(f) {
		fmt.Fprintf(&f.tables, "\nvar unary%s = map[UnaryOp]func(dst, x []%s){\n", v.suffix(), v.goType())
		for _, op := range []struct {
			name   string
			double bool
			body   func(v vector, x value) value
		}{
			{"Identity", true, func(v vector, x value) value { return x }},
			{"Abs", true, vector.abs},
			{"Neg", true, func(v vector, x value) value { return v.xor(x, v.signBit()) }},
			{"Sign", true, func(v vector, x value) value {
				one := v.or(v.and(x, v.signBit()), v.constant(1))
				return v.choose(v.compare(differ, x, v.constant(0)), one, x)
			}},
			{"Floor", true, func(v vector, x value) value { return v.round(down, x) }},
			{"Ceil", true, func(v vector, x value) value { return v.round(up, x) }},
			{"RoundEven", true, func(v vector, x value) value { return v.round(nearest, x) }},
			{"Square", true, func(v vector, x value) value { return v.mul(x, x) }},
			{"Reciprocal", true, func(v vector, x value) value { return v.div(v.held(1), x) }},
			{"Sqrt", true, vector.sqrt},
			{"Rsqrt", true, func(v vector, x value) value { return v.div(v.held(1), v.sqrt(x)) }},
			{"Relu", true, func(v vector, x value) value { return v.max(v.held(0), x) }},
			{"Exp", false, vector.exp},
			{"Expm1", false, vector.expm1},
			{"Log", false, vector.log},
			{"Log1p", false, vector.log1p},
			{"Tanh", false, vector.tanh},
			{"Sigmoid", false, vector.sigmoid},
			{"Erf", false, vector.erf},
			{"Gelu", false, func(v vector, x value) value {
				if v.wide {
					return v.geluTabled(x)
				}
				e := v.erf(v.mul(x, v.constant(math.Sqrt2/2)))
				return v.mul(v.mul(v.add(e, v.constant(1)), v.constant(0.5)), v.finite(x))
			}},
			{"Sin", false, func(v vector, x value) value { return v.sine(x, 0) }},
			{"Cos", false, func(v vector, x value) value { return v.sine(x, 1) }},
		} {
			if v.double && !op.double {
				continue
			}
			name := lower(op.name) + v.suffix()
			v.mapping(name, []string{"x"}, func(v vector, x []value) value { return op.body(v, x[0]) })
			fmt.Fprintf(&f.tables, "%s: %s,\n", op.name, name)
		}
		f.tables.WriteString("}\n")
	}
}

// withSignOf returns a, whose sign is s's or which is zero, with the sign of s.
func (v vector) withSignOf(a, s value) value { return v.or(v.and(s, v.signBit()), a) }

// finite replaces -Inf by the lowest number, so that its product with zero is zero.
func (v vector) finite(x value) value { return v.max(v.held(-math.MaxFloat32), x) }

// Coefficients of the minimax polynomials below, lowest first, fitted by Remez exchange in 40 digits. The comments give the error of the
// function they serve, before rounding, in units of its value.
var (
	// exp(r) = 1 + r + r^2*p(r) on |r| <= ln(2)/2: 2^-28.
	expCoefficients = []float64{0.500000010099, 0.166665128919, 0.0416661872479, 0.00836959810284, 0.00139517197946}
	// The same, for exp(r)-1: 2^-34.
	expm1Coefficients = []float64{0.500000008264, 0.166666668725, 0.0416662540094, 0.00833326157396, 0.0013947211561, 0.00019919925735}
	// log(1+f) = f - f^2/2 + f^3*p(f) on sqrt(1/2) <= 1+f <= sqrt(2): 2^-30.
	logCoefficients = []float64{0.333333103926, -0.249999864227, 0.20002230456, -0.166692634683, 0.142185790381, -0.12384068066,
		0.118733460372, -0.11791720935, 0.0691680492897}
	// erf(x) = x + x*p(x^2) on |x| <= 0.93: 2^-31.
	erfCoefficients = []float64{0.12837916658, -0.376126331885, 0.112836871891, -0.0268589415254, 0.00519990670145, -0.000813001296726,
		8.31677624943e-5}
	// erf(x) = 1 - exp(-x - x*p(x)) on 0.92 <= x <= 4: 2^-30.
	erfcCoefficients = []float64{0.12864849194, 0.635151309405, 0.106236889421, -0.023762073193, 0.0036424639478, -0.000322805082622,
		1.12314301784e-5}
	// sin(r) = r + r^3*p(r^2) on |r| <= pi/4: 2^-28.
	sinCoefficients = []float64{-0.166666548735, 0.00833217354329, -0.000195166558195}
	// cos(r) = 1 - r^2/2 + r^4*p(r^2) on |r| <= pi/4: 2^-33.
	cosCoefficients = []float64{0.0416666467478, -0.00138873614502, 2.44377300903e-5}
)

// parts cuts c into single-precision numbers of which each is what the ones before leave over.
func parts(c float64, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = float64(float32(c))
		c -= list[i]
	}
	return list
}

// reduceExp returns n, the nearest integer to x/ln(2), and r = x - n*ln(2).
func (v vector) reduceExp(x value) (n, r value) {
	n = v.round(nearest, v.mul(x, v.constant(math.Log2E)))
	r = v.copy(x)
	for _, part := range parts(math.Ln2, 2) {
		v.subProduct(r, n, v.constant(part))
	}
	return n, r
}

// scale returns a*2^n for whole n in [-150, 128].
func (v vector) scale(a, n value) value {
	if v.wide {
		return v.op(v.VSCALEFPS, a, n)
	}
	// In two steps, because 2^n alone may be out of range.
	i := v.toInt(n)
	half := v.shiftRightSigned(1, i)
	for _, exponent := range []value{half, v.subInt(i, half)} {
		a = v.mul(a, v.shiftLeft(23, v.addInt(exponent, v.bits(127))))
	}
	return a
}

func (v vector) exp(x value) value { return v.expNegative(v.min(v.held(89), x)) }

// expNegative is exp of what is at most 89.
func (v vector) expNegative(x value) value {
	n, r := v.reduceExp(v.max(v.held(-104), x))
	p := v.polynomial(r, expCoefficients...)
	v.times(p, v.mul(r, r), r)
	return v.scale(v.add(p, v.constant(1)), n)
}

func (v vector) expm1(x value) value {
	e := v.expm1Bounded(v.max(v.held(-18), v.min(v.held(89), x)))
	return v.withSignOf(e, x)
}

// expm1Bounded is exp(x)-1 for x in [-18, 89]. Half the power of two keeps the largest results in range until the end.
func (v vector) expm1Bounded(x value) value {
	n, r := v.reduceExp(x)
	p := v.polynomial(r, expm1Coefficients...)
	v.times(p, v.mul(r, r), r)
	var s value
	if v.wide {
		s = v.op(v.VSCALEFPS, v.held(0.5), n)
	} else {
		s = v.shiftLeft(23, v.addInt(v.toInt(n), v.bits(126)))
	}
	v.times(p, s, v.sub(s, v.constant(0.5)))
	return v.add(p, p)
}

func (v vector) tanh(x value) value {
	a := v.min(v.held(10), v.abs(x))
	t := v.expm1Bounded(v.add(a, a))
	return v.withSignOf(v.div(t, v.add(t, v.constant(2))), x)
}

func (v vector) sigmoid(x value) value {
	e := v.expNegative(v.or(x, v.signBit()))
	numerator := v.choose(v.compare(less, x, v.constant(0)), e, v.held(1))
	return v.div(numerator, v.add(e, v.constant(1)))
}

// splitLog returns e and m with x = m*2^e and sqrt(1/2) <= m < sqrt(2), both as they come out of the bits of a normal positive x.
func (v vector) splitLog(x value) (e, m value) {
	const rootHalf = 0x3f3504f3
	i := v.subInt(x, v.bits(rootHalf))
	e = v.shiftRightSigned(23, i)
	return e, v.subInt(x, v.shiftLeft(23, e))
}

// logOf returns log(1+f) + e*ln(2) for f of splitLog's range.
func (v vector) logOf(f, e value) value {
	p := v.polynomial(f, logCoefficients...)
	square := v.mul(f, f)
	p = v.mul(p, v.mul(square, f))
	ln2 := parts(math.Ln2, 2)
	// The high part in 16 bits, so that its product with e is exact.
	high := float64(math.Float32frombits(math.Float32bits(float32(math.Ln2)) &^ 0xff))
	ln2[0], ln2[1] = high, math.Ln2-high
	v.addProduct(p, e, v.constant(ln2[1]))
	v.subProduct(p, square, v.constant(0.5))
	p = v.add(p, f)
	v.addProduct(p, e, v.constant(high))
	return p
}

// logEdges puts in what the logarithm of u is at and outside the ends of its domain.
func (v vector) logEdges(l, u value) value {
	l = v.choose(v.compare(equal, u, v.constant(0)), v.held(math.Inf(-1)), l)
	l = v.choose(v.compare(less, u, v.constant(0)), v.held(math.NaN()), l)
	// Infinity and NaN stand for themselves.
	return v.choose(v.compare(notLess, u, v.constant(math.Inf(1))), u, l)
}

func (v vector) log(x value) value {
	small := v.compare(less, x, v.constant(0x1p-126))
	scaled := v.choose(small, v.mul(x, v.constant(0x1p23)), v.copy(x))
	e, m := v.splitLog(scaled)
	exponent := v.fromInt(e)
	exponent = v.choose(small, v.sub(exponent, v.constant(23)), exponent)
	return v.logEdges(v.logOf(v.sub(m, v.constant(1)), exponent), x)
}

func (v vector) log1p(x value) value {
	u := v.add(x, v.constant(1))
	e, m := v.splitLog(u)
	// What 1+x lost to rounding, on m's scale.
	lost := v.sub(x, v.sub(u, v.constant(1)))
	bounded := v.register()
	v.VPMINSD(v.bits(126), e, bounded)
	inverse := v.shiftLeft(23, v.subInt(v.intHeld(127), bounded))
	f := v.sub(m, v.constant(1))
	v.addProduct(f, lost, inverse)
	return v.withSignOf(v.logEdges(v.logOf(f, v.fromInt(e)), u), x)
}

func (v vector) intHeld(i uint64) value {
	r := v.register()
	v.load(v.bits(i), r)
	return r
}

func (v vector) erf(x value) value {
	if v.wide {
		return v.erfTabled(x)
	}
	a := v.min(v.held(4), v.abs(x))
	q := v.polynomial(a, erfcCoefficients...)
	v.times(q, a, a)
	large := v.sub(v.held(1), v.expNegative(v.xor(q, v.signBit())))
	p := v.polynomial(v.mul(a, a), erfCoefficients...)
	v.times(p, a, a)
	return v.withSignOf(v.choose(v.compare(less, a, v.constant(0.93)), p, large), x)
}

// erf(x) = x*p(|x|-i/4) for |x| nearest to i/4, i < 16: column i of the coefficients, lowest first, interpolates erf(x)/x in Chebyshev's nodes.
var erfTable = [][]float64{
	{1.12837911, 1.10530555, 1.04099977, 0.948207498, 0.842700779, 0.738320112, 0.644070089, 0.563812375,
		0.497661144, 0.44379434, 0.399837226, 0.363599777, 0.333325982, 0.307690978, 0.28571406, 0.266666651},
	{0, -0.181165725, -0.32443434, -0.407035261, -0.427593291, -0.40143919, -0.350093216, -0.292021364,
		-0.238497078, -0.194067568, -0.159063578, -0.132004902, -0.111062236, -0.0946651697, -0.0816310495, -0.071110867},
	{-0.376122713, -0.335348696, -0.229913875, -0.100219391, 0.0124834515, 0.0846288279, 0.114464976, 0.114094831,
		0.0985821262, 0.0791103244, 0.0614473224, 0.0474155545, 0.0368814878, 0.029098535, 0.0233177412, 0.0189620052},
	{0, 0.10472054, 0.166898757, 0.169340879, 0.125883639, 0.0663251728, 0.0161917862, -0.0136781214,
		-0.0251793489, -0.0255047455, -0.0212389231, -0.0162382741, -0.0120308138, -0.00889315363, -0.00665012933, -0.00505441008},
	{0.112209387, 0.0886057243, 0.0323598422, -0.0245315004, -0.0562985763, -0.0577495657, -0.0404914953, -0.0197515972,
		-0.00473121228, 0.00278739864, 0.00501620118, 0.00471192272, 0.00366322417, 0.00265145232, 0.00188361318, 0.00134624576},
	{0, -0.0357238948, -0.0498213135, -0.0377067961, -0.0125310281, 0.00852320809, 0.0170097146, 0.0149909137,
		0.00887048151, 0.00349083962, 0.00044551061, -0.000705810206, -0.000879167521, -0.000718047377, -0.000514321262, -0.000353997399},
}

// |x|*(1-Phi(|x|)) = p(|x|-3i/8) for |x| nearest to 3i/8, i < 15, and 0 beyond, where Phi is the normal distribution function: column i of the
// coefficients, lowest first, interpolates it in Chebyshev's nodes.
var geluTable = [][]float64{
	{-1.34984228e-08, 0.132686332, 0.169970512, 0.146581337, 0.100210808, 0.056993179, 0.0275050607, 0.0113726743,
		0.00404969323, 0.00124563964, 0.000331565039, 7.64642173e-05, 1.52896118e-05, 2.65223548e-06, 3.99268458e-07, 0},
	{0.5, 0.214384571, 0.000774282031, -0.108066708, -0.127469197, -0.0985779092, -0.0591897443, -0.0290685277,
		-0.0119456463, -0.00415719766, -0.0012338165, -0.000313692639, -6.85291889e-05, -1.28911906e-05, -2.09140194e-06, 0},
	{-0.398935378, -0.345705032, -0.216444194, -0.0778031275, 0.0161863081, 0.0521266237, 0.0486025624, 0.0311158169,
		0.015512011, 0.00629702024, 0.00212648604, 0.000604593544, 0.000145808852, 2.99774165e-05, 5.27259226e-06, 0},
	{-0, 0.0896935165, 0.129393056, 0.108627908, 0.0566649809, 0.0104129771, -0.0126459887, -0.0160918217,
		-0.0110798739, -0.005575452, -0.00221751002, -0.000720677548, -0.000194787033, -4.4252527e-05, -8.50955166e-06, 0},
	{0.0659663752, 0.0467277579, 0.00488123205, -0.0284038149, -0.0358324386, -0.0236087441, -0.0077744606, 0.00162892009,
		0.00402149186, 0.00301459269, 0.00152597809, 0.000592081924, 0.000184597098, 4.73472355e-05, 1.01287105e-05, 0},
	{0, -0.0189907085, -0.0226815585, -0.0112630073, 0.00265357527, 0.00885866862, 0.0071551851, 0.00288701011,
		1.91653289e-05, -0.000837909349, -0.000671840389, -0.000334584998, -0.000124184779, -3.64913831e-05, -8.73653971e-06, 0},
}

// tabled evaluates one polynomial out of sixteen at a, which is not negative: the one whose centre, a multiple of step, is nearest. A
// permutation of the lanes looks up the coefficients. a must be less than 15.5*step.
func (v vector) tabled(a value, step float64, table [][]float64) value {
	// Adding this number leaves a/step, rounded, in the lowest bits.
	const whole = 3 << 22
	index := v.held(whole)
	v.addProduct(index, a, v.constant(1/step))
	t := v.copy(a)
	v.subProduct(t, v.sub(index, v.constant(whole)), v.constant(step))
	look := func(c []float64) value {
		r := v.register()
		v.VPERMPS(v.sixteen(c), index, r)
		return r
	}
	last := len(table) - 1
	p := look(table[last])
	for i := last - 1; i >= 0; i-- {
		v.times(p, t, look(table[i]))
	}
	return p
}

// erfTabled is erf in half the work of the two branches of erf.
func (v vector) erfTabled(x value) value {
	a := v.min(v.held(3.87), v.abs(x)) // above it erf rounds to 1 or its neighbour
	return v.withSignOf(v.min(v.held(1), v.mul(v.tabled(a, 0.25, erfTable), a)), x)
}

// geluTabled is max(x, 0) less what the normal distribution leaves beyond |x|.
func (v vector) geluTabled(x value) value {
	const step = 0.375
	a := v.min(v.held(15*step), v.abs(x))
	return v.sub(v.max(v.held(0), x), v.tabled(a, step, geluTable))
}

// sine returns sin(x + quarters*pi/2) for |x| up to sineLimit.
func (v vector) sine(x value, quarters uint64) value {
	n := v.round(nearest, v.mul(x, v.constant(2/math.Pi)))
	r := v.copy(x)
	for _, part := range []float64{1.5707963705062866, -4.3711388286737929e-8, -1.7151245100059e-15} {
		v.subProduct(r, n, v.constant(part))
	}
	q := v.toInt(n)
	if quarters > 0 {
		q = v.addInt(q, v.bits(quarters))
	}
	square := v.mul(r, r)
	s := v.polynomial(square, sinCoefficients...)
	s = v.mul(s, square)
	v.times(s, r, r)
	c := v.polynomial(square, cosCoefficients...)
	v.times(c, square, v.constant(-0.5))
	v.times(c, square, v.constant(1))
	// Odd quarters are cosines, the second half of the circle is negative.
	odd := v.shiftLeft(31, q)
	var pickCos mask
	if v.wide {
		pickCos.k = v.K()
		v.VPMOVD2M(odd, pickCos.k)
	} else {
		pickCos.y = odd
	}
	result := v.choose(pickCos, c, s)
	result = v.xor(result, v.and(v.shiftLeft(30, q), v.signBit()))
	if quarters == 0 {
		// The reduction loses the sign of -0.
		result = v.choose(v.compare(equal, x, v.constant(0)), x, result)
	}
	return result
}

// binary writes the functions of two numbers in their three operand forms.
func binary(f *file) {
	for _, v := range tiers(f) {
		fmt.Fprintf(&f.tables, "\nvar binary%s = map[BinaryOp]binaryKernels[%s]{\n", v.suffix(), v.goType())
		for _, op := range []struct {
			name string
			body func(v vector, x, y value) value
		}{
			{"Add", func(v vector, x, y value) value { return v.add(x, y) }},
			{"Sub", func(v vector, x, y value) value { return v.sub(x, y) }},
			{"Mul", func(v vector, x, y value) value { return v.mul(x, y) }},
			{"Div", func(v vector, x, y value) value { return v.div(x, y) }},
			{"Max", vector.highest},
			{"Min", vector.lowest},
		} {
			fmt.Fprintf(&f.tables, "%s: {", op.name)
			for _, form := range [][3]string{{"VV", "x", "y"}, {"VS", "x", "=y"}, {"SV", "=x", "y"}} {
				name := lower(op.name) + form[0] + v.suffix()
				v.mapping(name, form[1:], func(v vector, x []value) value { return op.body(v, x[0], x[1]) })
				fmt.Fprintf(&f.tables, "%s, ", name)
			}
			f.tables.WriteString("},\n")
		}
		f.tables.WriteString("}\n")
		v.mapping("fma"+v.suffix(), []string{"x", "y", "z"}, func(v vector, x []value) value {
			v.addProduct(x[2], x[0], x[1])
			return x[2]
		})
		v.mapping("axpy"+v.suffix(), []string{"=a", "x", "y"}, func(v vector, x []value) value {
			v.addProduct(x[2], x[0], x[1])
			return x[2]
		})
	}
}
