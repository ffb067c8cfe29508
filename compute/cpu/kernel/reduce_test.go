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
		var exactSquares, exactDot big.Float
		exactSquares.SetPrec(200)
		exactDot.SetPrec(200)
		var size float64
		for i := range x {
			a, b := big.NewFloat(float64(x[i])), big.NewFloat(float64(y[i]))
			exactSquares.Add(&exactSquares, new(big.Float).SetPrec(200).Mul(a, a))
			exactDot.Add(&exactDot, new(big.Float).SetPrec(200).Mul(a, b))
			size += math.Abs(float64(x[i]) * float64(y[i]))
		}
		squares, _ := exactSquares.Float64()
		dot, _ := exactDot.Float64()
		if got := SumSquares(crew(3), x); got != SumSquares(Serial{}, x) || math.Abs(float64(got)-squares) > 20*epsilon*squares {
			t.Errorf("sum of %d squares is %v, want %v", n, got, squares)
		}
		if got := Dot(crew(3), x, y); got != Dot(Serial{}, x, y) || math.Abs(float64(got)-dot) > 20*epsilon*(size+1) {
			t.Errorf("dot product of %d is %v, want %v", n, got, dot)
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

func testRows[T Float](t *testing.T, epsilon float64) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, s := range [][2]int{{1, 1}, {3, 5}, {4, 16}, {7, 33}, {5, 64}, {64, 128}, {3, 1000}, {2, 9000}} {
		rows, cols := s[0], s[1]
		x, gamma, beta, grad := random[T](rng, rows*cols), random[T](rng, cols), random[T](rng, cols), random[T](rng, rows*cols)
		for i := range x {
			x[i] *= 5
		}
		var soft, logSoft, softGrad, norm, plain [2][]T
		mean, rstd := make([]T, rows), make([]T, rows)
		for i, par := range []Parallel{Serial{}, crew(3)} {
			for _, r := range []*[2][]T{&soft, &logSoft, &softGrad, &norm, &plain} {
				r[i] = make([]T, rows*cols)
			}
			copy(soft[i], x)
			Softmax(par, soft[i], soft[i], rows, cols)
			LogSoftmax(par, logSoft[i], x, rows, cols)
			SoftmaxGrad(par, softGrad[i], soft[i], grad, rows, cols)
			LayerNorm(par, norm[i], x, gamma, beta, mean, rstd, rows, cols, 1e-5)
			LayerNorm(par, plain[i], x, nil, nil, nil, nil, rows, cols, 1e-5)
		}
		for _, r := range []*[2][]T{&soft, &logSoft, &softGrad, &norm, &plain} {
			for i := range r[0] {
				if r[0][i] != r[1][i] {
					t.Fatalf("[%d,%d]: element %d is %v with one worker and %v with three", rows, cols, i, r[0][i], r[1][i])
				}
			}
		}
		for r := range rows {
			v := x[r*cols : (r+1)*cols]
			top, sum, total, square, inner := math.Inf(-1), 0.0, 0.0, 0.0, 0.0
			for _, e := range v {
				top = max(top, float64(e))
				total += float64(e)
			}
			m := total / float64(cols)
			for _, e := range v {
				sum += math.Exp(float64(e) - top)
				square += (float64(e) - m) * (float64(e) - m)
			}
			for i, e := range v {
				inner += math.Exp(float64(e)-top) / sum * float64(grad[r*cols+i])
			}
			s := 1 / math.Sqrt(square/float64(cols)+1e-5)
			if math.Abs(float64(mean[r])-m) > 100*epsilon*(1+math.Abs(m)) || math.Abs(float64(rstd[r])-s) > 100*epsilon*s {
				t.Fatalf("[%d,%d]: mean %v and scale %v of row %d, want %v and %v", rows, cols, mean[r], rstd[r], r, m, s)
			}
			for i, e := range v {
				at := r*cols + i
				p := math.Exp(float64(e)-top) / sum
				normal := (float64(e) - m) * s
				for _, c := range []struct {
					name            string
					got, want, size float64
				}{
					{"softmax", float64(soft[0][at]), p, p},
					{"log-softmax", float64(logSoft[0][at]), float64(e) - top - math.Log(sum), 20},
					{"softmax gradient", float64(softGrad[0][at]), p * (float64(grad[at]) - inner), p * 5},
					{"layer norm", float64(norm[0][at]), normal*float64(gamma[i]) + float64(beta[i]), 10 * s * 5},
					{"plain layer norm", float64(plain[0][at]), normal, 10 * s * 5},
				} {
					if !(math.Abs(c.got-c.want) <= 60*epsilon*(c.size+epsilon)) {
						t.Fatalf("[%d,%d]: %s at row %d, column %d is %v, want %v", rows, cols, c.name, r, i, c.got, c.want)
					}
				}
			}
		}
	}
}

func TestRows(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testRows[float32](t, 0x1p-24) })
		t.Run("float64", func(t *testing.T) { testRows[float64](t, 0x1p-53) })
	})
}

func TestAdam(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	eachTier(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 15, 16, 100, 20000} {
			w, m, v, g := random[float32](rng, n), random[float32](rng, n), random[float32](rng, n), random[float32](rng, n)
			s := AdamStep{Rate: 0.01, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7, Decay: 0.02, Correct1: 1.3, Correct2: 1.7}
			for i := range v {
				v[i] *= v[i]
			}
			w0, m0, v0 := append([]float32(nil), w...), append([]float32(nil), m...), append([]float32(nil), v...)
			s.Apply(crew(3), w, m, v, g)
			for i := range w {
				wantM := 0.9*float64(m0[i]) + 0.1*float64(g[i])
				wantV := 0.999*float64(v0[i]) + 0.001*float64(g[i])*float64(g[i])
				wantW := float64(w0[i]) - 0.01*(wantM*1.3/(math.Sqrt(wantV*1.7)+1e-7)+0.02*float64(w0[i]))
				if math.Abs(float64(m[i])-wantM) > 1e-6 || math.Abs(float64(v[i])-wantV) > 1e-6 || math.Abs(float64(w[i])-wantW) > 1e-5*(1+math.Abs(wantW-float64(w0[i]))) {
					t.Fatalf("element %d of %d: w %v, m %v, v %v, want %v, %v, %v", i, n, w[i], m[i], v[i], wantW, wantM, wantV)
				}
			}
		}
	})
}
