package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/x448/float16"
)

// TestTranspose covers sizes around the blocks the kernel works in, with rows further apart than they are long.
func TestTranspose(t *testing.T) {
	for _, size := range [][2]int{{0, 3}, {1, 1}, {1, 9}, {7, 5}, {8, 8}, {16, 31}, {33, 64}, {65, 130}} {
		rows, cols := size[0], size[1]
		srcStride, dstStride := cols+3, rows+2
		src := make([]float32, rows*srcStride)
		for i := range src {
			src[i] = float32(i)
		}
		dst := make([]float32, cols*dstStride)
		for i := range dst {
			dst[i] = -1
		}
		Transpose(Serial{}, dst, dstStride, src, srcStride, rows, cols)
		for c := range cols {
			for r := range dstStride {
				want := float32(-1) // between the rows nothing is written
				if r < rows {
					want = src[r*srcStride+c]
				}
				if got := dst[c*dstStride+r]; got != want {
					t.Fatalf("%d×%d: element (%d, %d) is %g, want %g", rows, cols, c, r, got, want)
				}
			}
		}
	}
}

// TestCopyStrided holds random permutations, slices, reversals and broadcasts against an index by index copy.
func TestCopyStrided(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rank := rng.IntN(5)
		dims, strides, offset, last, n := make([]int, rank), make([]int, rank), 0, 0, 1
		for d := range dims {
			dims[d], strides[d] = 1+rng.IntN(6), rng.IntN(9)-4
			if reach := (dims[d] - 1) * strides[d]; reach < 0 {
				offset -= reach
			} else {
				last += reach
			}
			n *= dims[d]
		}
		src := make([]int32, offset+last+1)
		for i := range src {
			src[i] = rng.Int32()
		}
		dst := make([]int32, n)
		CopyStrided(Serial{}, dst, src, offset, dims, strides)
		for i := range dst {
			at, rest := offset, i
			for d := rank - 1; d >= 0; d-- {
				at += rest % dims[d] * strides[d]
				rest /= dims[d]
			}
			if dst[i] != src[at] {
				t.Fatalf("dims %v strides %v: element %d is %d, want %d", dims, strides, i, dst[i], src[at])
			}
		}
	}
}

func TestCompareAndSelect(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	values := []float64{0, math.Copysign(0, -1), 1, -1, inf, -inf, nan, 5e-324}
	holds := map[CompareOp]func(a, b float64) bool{
		Equal: func(a, b float64) bool { return a == b }, NotEqual: func(a, b float64) bool { return a != b },
		Less: func(a, b float64) bool { return a < b }, LessEqual: func(a, b float64) bool { return a <= b },
		Greater: func(a, b float64) bool { return a > b }, GreaterEqual: func(a, b float64) bool { return a >= b },
	}
	for op, want := range holds {
		for _, b := range values {
			other := make([]float64, len(values))
			Fill(other, b)
			got, scalar, swapped := make([]bool, len(values)), make([]bool, len(values)), make([]bool, len(values))
			Compare(op, got, values, other)
			CompareVS(op, scalar, values, b)
			Compare(op.Swapped(), swapped, other, values)
			for i, a := range values {
				if w := want(a, b); got[i] != w || scalar[i] != w || swapped[i] != w {
					t.Errorf("%g %s %g is %v, with a scalar %v, swapped %v; want %v", a, op, b, got[i], scalar[i], swapped[i], w)
				}
			}
		}
	}
	chosen := make([]int, 3)
	if Select(chosen, []bool{true, false, true}, []int{1, 2, 3}, []int{4, 5, 6}); !slices.Equal(chosen, []int{1, 5, 3}) {
		t.Errorf("selecting the first, the second and the first gives %v", chosen)
	}
}

func TestConvert(t *testing.T) {
	from := []float64{0, 1.9, -1.9, 300, -300, 1e300, math.Inf(-1), math.NaN()}
	signed, unsigned, single := make([]int8, len(from)), make([]uint8, len(from)), make([]float32, len(from))
	Convert(signed, from)
	Convert(unsigned, from)
	Convert(single, from)
	for i, want := range []struct {
		s int8
		u uint8
	}{{0, 0}, {1, 1}, {-1, 0}, {127, 255}, {-128, 0}, {127, 255}, {-128, 0}, {0, 0}} {
		if signed[i] != want.s || unsigned[i] != want.u {
			t.Errorf("%g becomes %d and %d, want %d and %d", from[i], signed[i], unsigned[i], want.s, want.u)
		}
		if w := float32(from[i]); single[i] != w && !math.IsNaN(from[i]) {
			t.Errorf("%g becomes %g, want %g", from[i], single[i], w)
		}
	}
	wrapped := make([]int8, 2)
	Convert(wrapped, []int32{300, -129})
	if wrapped[0] != 44 || wrapped[1] != 127 {
		t.Errorf("integers wrap to %v, want 44 and 127", wrapped)
	}
	ones := make([]float32, 3)
	FromBool(ones, []bool{true, false, true})
	if ones[0] != 1 || ones[1] != 0 || ones[2] != 1 {
		t.Errorf("true, false, true become %v", ones)
	}
}

// TestHalfPrecision goes through every float16 and bfloat16, and rounds random numbers to the nearest.
func TestHalfPrecision(t *testing.T) {
	halves, brains, out := make([]float16.Float16, 1<<16), make([]bfloat16.BFloat16, 1<<16), make([]float32, 1<<16)
	for i := range halves {
		halves[i], brains[i] = float16.Frombits(uint16(i)), bfloat16.BFloat16(uint16(i))
	}
	same := func(a, b float32) bool { return a == b || a != a && b != b }
	FromFloat16(out, halves)
	for i, v := range out {
		if w := halves[i].Float32(); !same(v, w) {
			t.Fatalf("float16 %#04x is %g, want %g", i, v, w)
		}
	}
	FromBFloat16(out, brains)
	for i, v := range out {
		if w := brains[i].Float32(); !same(v, w) {
			t.Fatalf("bfloat16 %#04x is %g, want %g", i, v, w)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range out {
		out[i] = math.Float32frombits(rng.Uint32())
	}
	ToFloat16(halves, out)
	for i, v := range halves {
		if w := float16.Fromfloat32(out[i]); !same(v.Float32(), w.Float32()) {
			t.Fatalf("%g as float16 is %g, want %g", out[i], v.Float32(), w.Float32())
		}
	}
	ToBFloat16(brains, out)
	for i, v := range brains {
		x := float64(out[i])
		if math.IsNaN(x) {
			if !same(v.Float32(), out[i]) {
				t.Fatalf("NaN as bfloat16 is %g", v.Float32())
			}
			continue
		}
		for _, next := range []bfloat16.BFloat16{v - 1, v + 1} { // no neighbour is nearer; GoMLX's own conversion truncates
			if w := float64(next.Float32()); math.Abs(w-x) < math.Abs(float64(v.Float32())-x) {
				t.Fatalf("%g as bfloat16 is %g, but %g is nearer", x, v.Float32(), w)
			}
		}
	}
}

// TestCompareAndSelectFloat32 holds the kernels on vectors, with every tail, against the definitions.
func TestCompareAndSelectFloat32(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-45}
		for n := range 70 {
			x, y, cond := make([]float32, n), make([]float32, n), make([]bool, n)
			for i := range x {
				x[i], y[i], cond[i] = special[rng.IntN(len(special))], special[rng.IntN(len(special))], rng.IntN(2) == 0
			}
			for op := range numCompare {
				got, want := make([]bool, n), make([]bool, n)
				Compare(op, got, x, y)
				comparePortable(op, want, x, y, 1)
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("%d elements: %g %s %g is %v", n, x[i], op, y[i], got[i])
					}
				}
				scalar := special[n%len(special)]
				CompareVS(op, got, x, scalar)
				for i := range got {
					comparePortable(op, want[i:i+1], x[i:i+1], []float32{scalar}, 0)
					if got[i] != want[i] {
						t.Fatalf("%d elements: %g %s scalar %g is %v", n, x[i], op, scalar, got[i])
					}
				}
			}
			bits := func(v float32) uint32 { return math.Float32bits(v) }
			got := make([]float32, n+1)
			Select(got[:n], cond, x, y)
			for i := range n {
				want := y[i]
				if cond[i] {
					want = x[i]
				}
				if bits(got[i]) != bits(want) {
					t.Fatalf("%d elements: element %d is %g, want %g", n, i, got[i], want)
				}
			}
			if got[n] != 0 {
				t.Fatalf("selecting wrote past %d elements", n)
			}
			numbers := make([]float32, n)
			FromBool(numbers, cond)
			for i, v := range numbers {
				if (v == 1) != cond[i] || v != 0 && v != 1 {
					t.Fatalf("%d elements: %v becomes %g", n, cond[i], v)
				}
			}
			Fill(numbers, 7)
			for i, v := range numbers {
				if v != 7 {
					t.Fatalf("%d elements: element %d is filled with %g", n, i, v)
				}
			}
		}
	})
}

// TestConvertIntegers holds the conversions of 32-bit integers, with every tail, against Go's.
func TestConvertIntegers(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for n := range 70 {
			signed, unsigned := make([]int32, n), make([]uint32, n)
			for i := range signed {
				unsigned[i] = []uint32{rng.Uint32(), rng.Uint32N(1 << 25), 0, math.MaxUint32, 1<<31 - 1, 1 << 31, 1<<24 + 1}[rng.IntN(7)]
				signed[i] = int32(unsigned[i])
			}
			a, b := make([]float32, n), make([]float32, n)
			Convert(a, signed)
			Convert(b, unsigned)
			for i := range a {
				if a[i] != float32(signed[i]) || b[i] != float32(unsigned[i]) {
					t.Fatalf("%d numbers: %d becomes %g and %d becomes %g", n, signed[i], a[i], unsigned[i], b[i])
				}
			}
		}
	})
}
