package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// ulps returns how far got is from want in units of the last place of want as a float32; 0 for the same special value.
func ulps(got float32, want float64) float64 {
	rounded := float32(want)
	if got == rounded || got != got && rounded != rounded {
		if got == 0 && math.Signbit(float64(got)) != math.Signbit(want) {
			return math.Inf(1)
		}
		return 0
	}
	if math.IsInf(float64(rounded), 0) || math.IsInf(float64(got), 0) || got != got || rounded != rounded {
		// The first float beyond the largest is one step away from it.
		if !math.IsInf(float64(got), 0) || math.Abs(want) < math.MaxFloat32 {
			return math.Inf(1)
		}
		return 1
	}
	_, exponent := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(exponent-24, -149))
}

var specials32 = []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-126, 0x1.8p-130, math.MaxFloat32, -math.MaxFloat32,
	0.5, -0.5, 1, -1, 1.5, -1.5, 2.5, -2.5, 0.49999997, -0.49999997, 0x1p23, 0x1p23 + 1, -0x1p22 - 0.5, 88.72284, 88.72283, -87.33655, -103.97, -104.1,
	-103.2, 89, 100, -200, 1e5, 1.00001e5, 1e10, -1e30}

// unaryBounds are the documented errors of the float32 functions in units of the last place.
var unaryBounds = map[UnaryOp]float64{
	Reciprocal: 0.5, Sqrt: 0.5, Square: 0.5, Rsqrt: 1.5, Exp: 1.2, Expm1: 1.5, Log: 1.5, Log1p: 2, Sin: 1.5, Cos: 1.5, Tanh: 2.5, Sigmoid: 2.5,
	Erf: 3,
}

// absoluteBounds are the documented errors of functions that cancel, in units of 2^-24*max(1, |x|).
var absoluteBounds = map[UnaryOp]float64{Gelu: 2.5}

func TestUnaryFloat32(t *testing.T) {
	inputs := append([]float32(nil), specials32...)
	rng := rand.New(rand.NewPCG(3, 4))
	step := uint32(4099)
	if testing.Short() {
		step = 65537
	}
	for bits := rng.Uint32N(step); bits < 0xffffffff-step; bits += step {
		inputs = append(inputs, math.Float32frombits(bits))
	}
	for range 1 << 17 {
		inputs = append(inputs, float32(rng.NormFloat64()*3), float32(rng.Float64()*220-110))
	}
	eachTier(t, func(t *testing.T) {
		for op := range numUnary {
			got := make([]float32, len(inputs))
			Unary(op, got, inputs)
			bound, relative := unaryBounds[op], true
			if b, ok := absoluteBounds[op]; ok {
				bound, relative = b, false
			}
			worst, at := 0.0, float32(0)
			for i, x := range inputs {
				want := unaryPortable[op](float64(x))
				e := ulps(got[i], want)
				if !relative && e > 0 && !math.IsInf(want, 0) && want == want {
					e = math.Abs(float64(got[i])-want) / 0x1p-24 / max(1, math.Abs(float64(x)))
				}
				if !(e <= worst) {
					worst, at = e, x
				}
			}
			if worst > 0 {
				t.Logf("%s: %.3f at %v", op, worst, at)
			}
			if !(worst <= bound) {
				y := []float32{at}
				Unary(op, y, y)
				t.Errorf("%s is off by %v at %v (%v, want %v), more than %v", op, worst, at, y[0], unaryPortable[op](float64(at)), bound)
			}
		}
	})
}

func TestUnaryTailsAndFloat64(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	eachTier(t, func(t *testing.T) {
		for op := range numUnary {
			long := random[float32](rng, 200)
			all := make([]float32, len(long))
			Unary(op, all, long)
			for n := range 70 {
				in := append(append([]float32(nil), long[:n]...), 7)
				Unary(op, in[:n], in[:n])
				for i := range n {
					if math.Float32bits(in[i]) != math.Float32bits(all[i]) {
						t.Fatalf("%s: element %d of %d is %v, of 200 it is %v", op, i, n, in[i], all[i])
					}
				}
				if in[n] != 7 {
					t.Fatalf("%s wrote past its %d elements", op, n)
				}
			}
			double := random[float64](rng, 61)
			for _, s := range specials32 {
				double = append(double, float64(s))
			}
			got := make([]float64, len(double))
			Unary(op, got, double)
			for i, x := range double {
				if want := unaryPortable[op](x); math.Float64bits(got[i]) != math.Float64bits(want) && !(got[i] != got[i] && want != want) {
					t.Errorf("%s(%v) in float64 is %v, want %v", op, x, got[i], want)
				}
			}
		}
	})
}

func testBinary[T Float](t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	reference := portableBinary[T]()
	same := func(a, b T) bool {
		return a == b && math.Signbit(float64(a)) == math.Signbit(float64(b)) || a != a && b != b
	}
	for op := range numBinary {
		for trial := range 80 {
			n := trial
			x, y := random[T](rng, n+1), random[T](rng, n+1)
			for i := range n {
				if rng.IntN(3) == 0 {
					x[i] = T(specials32[rng.IntN(len(specials32))])
				}
				if rng.IntN(3) == 0 {
					y[i] = T(specials32[rng.IntN(len(specials32))])
				}
			}
			sx, sy := x[0], y[0]
			want, got := make([]T, n+1), make([]T, n+1)
			check := func(form string) {
				t.Helper()
				for i := range want {
					if !same(got[i], want[i]) {
						t.Fatalf("%s %s of %d: element %d is %v, want %v (operands %v, %v)", op, form, n, i, got[i], want[i], x[i], y[i])
					}
				}
			}
			reference[op].vv(want[:n], x[:n], y[:n])
			Binary(op, got[:n], x[:n], y[:n])
			check("vector-vector")
			reference[op].vs(want[:n], x[:n], sy)
			BinaryVS(op, got[:n], x[:n], sy)
			check("vector-scalar")
			reference[op].sv(want[:n], sx, y[:n])
			BinarySV(op, got[:n], sx, y[:n])
			check("scalar-vector")
		}
	}
	for n := range 70 {
		x, y, z, got := random[T](rng, n), random[T](rng, n), random[T](rng, n), make([]T, n+1)
		FMA(got[:n], x, y, z)
		for i := range n {
			exact := float64(x[i])*float64(y[i]) + float64(z[i])
			if math.Abs(float64(got[i])-exact) > 1e-6 {
				t.Fatalf("fma of %d: %v*%v+%v = %v", n, x[i], y[i], z[i], got[i])
			}
		}
		Axpy(got[:n], T(0.5), x, y)
		for i := range n {
			if got[i] != T(math.FMA(0.5, float64(x[i]), float64(y[i]))) {
				t.Fatalf("axpy of %d: 0.5*%v+%v = %v", n, x[i], y[i], got[i])
			}
		}
		if got[n] != 0 {
			t.Fatalf("fma or axpy wrote past %d elements", n)
		}
	}
}

func TestBinary(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		t.Run("float32", testBinary[float32])
		t.Run("float64", testBinary[float64])
	})
}

// TestRowsByNumbers holds the functions of rows and a number for each against those of one row; quotients may be one unit in the last place
// further from the exact ones, where there are many and the divisor has a normal reciprocal.
func TestRowsByNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	eachTier(t, func(t *testing.T) {
		for _, cols := range []int{1, 7, 15, 16, 33, 100} {
			y := append(random[float32](rng, 20), specials32...)
			x := random[float32](rng, len(y)*cols)
			got, want := make([]float32, len(x)), make([]float32, cols)
			for op := range numBinary {
				BinaryRows(op, got, x, y, cols)
				for r, v := range y {
					BinaryVS(op, want, x[r*cols:(r+1)*cols], v)
					for i, w := range want {
						if g := got[r*cols+i]; math.Float32bits(g) != math.Float32bits(w) {
							t.Fatalf("%s of %v and %v in a row of %d is %v, want %v", op, x[r*cols+i], v, cols, g, w)
						}
					}
				}
			}
			DivideRows(got, x, y, cols)
			for r, v := range y {
				bound := 0.5
				if size := math.Abs(float64(v)); cols >= 16 && size >= 0x1p-126 && size <= 0x1p126 {
					bound = 1.5
				}
				for i, e := range x[r*cols : (r+1)*cols] {
					if off := ulps(got[r*cols+i], float64(e)/float64(v)); !(off <= bound) {
						t.Fatalf("%v/%v in a row of %d is %v, off by %v", e, v, cols, got[r*cols+i], off)
					}
				}
			}
		}
	})
}

func TestBinaryInteger(t *testing.T) {
	for _, c := range []struct {
		op         BinaryOp
		x, y, want int32
	}{
		{Add, 3, -5, -2}, {Sub, 3, -5, 8}, {Mul, 3, -5, -15}, {Div, -7, 2, -3}, {Div, 7, 0, -1}, {Rem, -7, 2, -1}, {Rem, 7, 0, 7},
		{Max, -7, 2, 2}, {Min, -7, 2, -7}, {Pow, -3, 3, -27}, {Pow, 2, 0, 1}, {Pow, 2, -1, 0}, {Pow, -1, -3, -1}, {Pow, -1, -2, 1}, {Pow, 1, -9, 1},
		{Div, math.MinInt32, -1, math.MinInt32},
	} {
		got := make([]int32, 3)
		Binary(c.op, got, []int32{c.x, c.x, c.x}, []int32{c.y, c.y, c.y})
		for _, v := range got {
			if v != c.want {
				t.Errorf("%s(%d, %d) = %d, want %d", c.op, c.x, c.y, v, c.want)
			}
		}
		BinaryVS(c.op, got[:1], []int32{c.x}, c.y)
		BinarySV(c.op, got[1:2], c.x, []int32{c.y})
		if got[0] != c.want || got[1] != c.want {
			t.Errorf("%s(%d, %d) with scalars = %v, want %d", c.op, c.x, c.y, got[:2], c.want)
		}
	}
	got := make([]uint8, 2)
	Binary(Sub, got, []uint8{3, 200}, []uint8{5, 100})
	if fmt.Sprint(got) != "[254 100]" {
		t.Errorf("uint8 subtraction gives %v", got)
	}
}
