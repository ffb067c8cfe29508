package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func testReduce[T Float](t *testing.T, epsilon float64) {
	rng := rand.New(rand.NewPCG(9, 10))
	shapes := [][3]int{{1, 1, 1}, {3, 0, 2}, {2, 5, 1}, {1, 5, 7}, {7, 3, 5}, {4, 17, 33}, {5, 64, 1}, {5, 65, 1}, {3, 200, 1}, {2, 4096, 1}, {2, 4097, 1},
		{1, 70000, 1}, {2, 140001, 1}, {1, 1000, 130}, {1, 300, 3}, {1, 600, 1000}, {3, 500, 70}, {900, 9, 2}, {1, 40, 2000}}
	for _, s := range shapes {
		outer, n, inner := s[0], s[1], s[2]
		for op := range numReduce {
			x := random[T](rng, outer*n*inner)
			for i := range x {
				switch {
				case op == Product:
					x[i] = 1 + x[i]*T(0.01)
				case rng.IntN(100) == 0:
					x[i] = 0
				case op != Sum && len(x) < 5000 && rng.IntN(500) == 0:
					x[i] = T(math.NaN())
				}
			}
			serial, parallel := make([]T, outer*inner), make([]T, outer*inner)
			Reduce(Serial{}, op, serial, x, outer, n, inner)
			Reduce(crew(3), op, parallel, x, outer, n, inner)
			for o := range outer {
				for i := range inner {
					want, size := float64(identity[T](op)), 1.0
					for j := range n {
						v := float64(x[(o*n+j)*inner+i])
						want = combine(op, want, v)
						size += math.Abs(v)
					}
					if op == Product {
						size = math.Abs(want) * float64(n+1)
					}
					a, b := serial[o*inner+i], parallel[o*inner+i]
					if math.Float64bits(float64(a)) != math.Float64bits(float64(b)) {
						t.Fatalf("%s of %v: [%d,%d] is %v with one worker and %v with three", op, s, o, i, a, b)
					}
					switch got := float64(a); {
					case op == Maximum || op == Minimum:
						if !(got == want || got != got && want != want) {
							t.Fatalf("%s of %v: [%d,%d] is %v, want %v", op, s, o, i, got, want)
						}
					case !(got == want || math.Abs(got-want) <= epsilon*size*(2+math.Log2(float64(n+1)))):
						t.Fatalf("%s of %v: [%d,%d] is %v, want %v", op, s, o, i, got, want)
					}
				}
			}
		}
	}
	for _, n := range []int{0, 1, 5, 63, 64, 65, 130, 5000, 200000} {
		x, y := random[T](rng, n), random[T](rng, n)
		var exact big.Float
		exact.SetPrec(200)
		var size float64
		for i := range x {
			exact.Add(&exact, new(big.Float).SetPrec(200).Mul(big.NewFloat(float64(x[i])), big.NewFloat(float64(y[i]))))
			size += math.Abs(float64(x[i]) * float64(y[i]))
		}
		want, _ := exact.Float64()
		if got := foldDot(x, y, reductions[T]().dot); math.Abs(float64(got)-want) > 20*epsilon*(size+1) {
			t.Errorf("dot product of %d is %v, want %v", n, got, want)
		}
	}
}

func TestReduce(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testReduce[float32](t, 0x1p-24) })
		t.Run("float64", func(t *testing.T) { testReduce[float64](t, 0x1p-53) })
	})
	x := []int16{5, -3, 7, 2, 0, 9}
	for op, want := range map[ReduceOp][]int16{Sum: {7, -3, 16}, Product: {10, 0, 63}, Maximum: {5, 0, 9}, Minimum: {2, -3, 7}} {
		got := make([]int16, 3)
		Reduce(Serial{}, op, got, x, 1, 2, 3)
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s of int16 columns is %v, want %v", op, got, want)
				break
			}
		}
	}
}

// TestSumOrder pins the documented order: every tier gives the same bits.
func TestSumOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{1, 100, 4095, 4097, 100001} {
		x := random[float32](rng, n)
		var first []float32
		eachTier(t, func(t *testing.T) {
			got := make([]float32, 1)
			Reduce(Serial{}, Sum, got, x, 1, n, 1)
			if first == nil {
				first = got
			}
			if got[0] != first[0] {
				t.Errorf("the sum of %d numbers is %v, and %v on the portable tier", n, got[0], first[0])
			}
		})
	}
}

func TestZeroSigns(t *testing.T) {
	minus := float32(math.Copysign(0, -1))
	eachTier(t, func(t *testing.T) {
		for n := 2; n < 130; n += 21 {
			for at := range n {
				x := make([]float32, n)
				x[at] = minus
				got := make([]float32, 1)
				Reduce(Serial{}, Minimum, got, x, 1, n, 1)
				if !math.Signbit(float64(got[0])) {
					t.Fatalf("the minimum of zeros with -0 at %d of %d is +0", at, n)
				}
				Fill(x, minus)
				x[at] = 0
				Reduce(Serial{}, Maximum, got, x, 1, n, 1)
				if math.Signbit(float64(got[0])) {
					t.Fatalf("the maximum of -0s with +0 at %d of %d is -0", at, n)
				}
			}
		}
	})
}

// TestExpSum holds the exponentials and sums of rows, with every tail and in rows longer than a block, against math.Exp: within 2 units in the
// last place where the exponential is normal, and sums within 4 of theirs.
func TestExpSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	eachTier(t, func(t *testing.T) {
		lengths := []int{1000, blockLength, blockLength + 1, 2*blockLength + 17, 5 * blockLength}
		for n := range 70 {
			lengths = append(lengths, n)
		}
		for _, cols := range lengths {
			const rows = 3
			x, shift := random[float32](rng, rows*cols), make([]float32, rows)
			for i := range x {
				x[i] *= 20
			}
			for r := range shift {
				shift[r] = -100 // of no values
				if cols > 0 {
					Reduce(Serial{}, Maximum, shift[r:r+1], x[r*cols:(r+1)*cols], 1, cols, 1)
				}
			}
			for _, inPlace := range []bool{false, true} {
				dst, sum := make([]float32, rows*cols+1), make([]float32, rows+1)
				in := x
				if inPlace {
					in = dst[:len(x)]
					copy(in, x)
				}
				ExpSum(dst[:len(x)], in, shift, sum[:rows], cols)
				if dst[len(x)] != 0 || sum[rows] != 0 {
					t.Fatalf("%d rows of %d: something was written past the end", rows, cols)
				}
				for r := range rows {
					var want float64
					for i, v := range x[r*cols : (r+1)*cols] {
						e := math.Exp(float64(v - shift[r]))
						want += e
						if got := dst[r*cols+i]; e >= 0x1p-126 && ulps(got, e) > 2 || e < 0x1p-126 && math.Abs(float64(got)-e) > 0x1p-140 {
							t.Fatalf("row of %d, in place %v: exp(%v) is %v, want %v", cols, inPlace, v-shift[r], got, e)
						}
					}
					if cols == 0 && sum[r] != 0 || cols > 0 && ulps(sum[r], want) > 4 {
						t.Fatalf("row of %d, in place %v: the sum is %v, want %v", cols, inPlace, sum[r], want)
					}
				}
			}
		}
	})
}
