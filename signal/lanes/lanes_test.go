package lanes

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// onEveryTier runs a test with each family of loops this processor can run.
func onEveryTier(t *testing.T, test func(t *testing.T)) {
	defer func(l loops) { active = l }(active)
	for _, tier := range kernel.Tiers() {
		active = loopsOf(tier)
		t.Run(tier.String(), test)
	}
}

func noise(n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

func TestInterleavingIsUndone(t *testing.T) {
	onEveryTier(t, func(t *testing.T) {
		for _, count := range []int{1, 3, Width} {
			for _, stride := range []int{Width, Point} {
				for _, n := range []int{1, 8, 13, 40} {
					var rows, back [][]float64
					for l := range count {
						rows, back = append(rows, noise(n, uint64(l))), append(back, make([]float64, n))
					}
					dst := noise(n*stride, 99)
					before := slices.Clone(dst)
					Interleave(dst, stride, rows)
					for i := range n {
						for l := range stride {
							want := 0.0
							if l < count {
								want = rows[l][i]
							} else if l >= Width {
								want = before[i*stride+l] // the other half of a point
							}
							if dst[i*stride+l] != want {
								t.Fatalf("%d rows: sample %d of lane %d is %g, want %g", count, i, l, dst[i*stride+l], want)
							}
						}
					}
					Deinterleave(back, dst, stride)
					for l := range rows {
						if !slices.Equal(rows[l], back[l]) {
							t.Fatalf("row %d of %d did not come back", l, count)
						}
					}
				}
			}
		}
	})
}

// Every tier gives what the textbook's recursion gives lane by lane, bit for bit, forwards and backwards, wherever the signal is cut.
func TestBiquadsAreExact(t *testing.T) {
	onEveryTier(t, func(t *testing.T) {
		for count := range 8 {
			var sections []Section
			for i := range count {
				n := noise(3, uint64(i))
				sections = append(sections, Section{n[0], n[1], n[2], -1.6 + 0.01*float64(i), 0.7 + 0.02*float64(i)})
			}
			const samples = 2*chunk + 77
			x := noise(samples*Width, 42)
			want, wantState := slices.Clone(x), make([]State, count)
			for s, q := range sections {
				for l := range Width {
					var s0, s1 float64
					for i := range samples {
						in := want[i*Width+l]
						out := float64(q[0]*in) + s0
						s0 = float64(q[1]*in) - float64(q[3]*out) + s1
						s1 = float64(q[2]*in) - float64(q[4]*out)
						want[i*Width+l] = out
					}
					wantState[s][0][l], wantState[s][1][l] = s0, s1
				}
			}
			got, state := slices.Clone(x), make([]State, count)
			Biquads(sections, state, got[:100*Width])
			Biquads(sections, state, got[100*Width:])
			if !slices.Equal(got, want) || !slices.Equal(state, wantState) {
				t.Errorf("%d sections differ from scalar code", count)
			}
			got, state = make([]float64, len(x)), make([]State, count)
			for i := range samples {
				copy(got[i*Width:(i+1)*Width], x[(samples-1-i)*Width:])
			}
			BiquadsBackwards(sections, state, got)
			for i := range samples {
				if !slices.Equal(got[i*Width:(i+1)*Width], want[(samples-1-i)*Width:(samples-i)*Width]) {
					t.Fatalf("%d sections backwards differ at sample %d", count, i)
				}
			}
		}
	})
}

// Convolving by transforms is convolving; the two complex halves of a point are two signals.
func TestTransformConvolves(t *testing.T) {
	onEveryTier(t, func(t *testing.T) {
		for n := 1; n <= 4096; n *= 2 {
			tr := NewTransform(n)
			h := noise(max(1, n/3), 5)
			x := noise(n*Point, 6)
			got := slices.Clone(x)
			tr.Forward(got)
			Multiply(got, tr.Spectrum(h))
			tr.Inverse(got)
			for _, lane := range []int{0, 5, 15} {
				for _, i := range []int{0, n / 3, n - 1} {
					want := 0.0
					for k, v := range h {
						want += v * x[((i-k+n)%n)*Point+lane]
					}
					if math.Abs(got[i*Point+lane]-want) > 1e-12*float64(n) {
						t.Fatalf("%d points: lane %d of point %d is %g, want %g", n, lane, i, got[i*Point+lane], want)
					}
				}
			}
		}
	})
}

// The points of a spectrum are those of the Fourier transform in another order, and Inverse scales by n.
func TestTransformIsFourier(t *testing.T) {
	onEveryTier(t, func(t *testing.T) {
		for _, n := range []int{2, 4, 8, 16, 64, 512} {
			x := noise(n*Point, 7)
			got := slices.Clone(x)
			tr := NewTransform(n)
			tr.Forward(got)
			const lane = 3
			var want []complex128
			for k := range n {
				sum := 0i
				for i := range n {
					sum += complex(x[i*Point+lane], x[i*Point+Width+lane]) * cmplx.Exp(complex(0, -2*math.Pi*float64(i*k%n)/float64(n)))
				}
				want = append(want, sum)
			}
			for i := range n {
				v := complex(got[i*Point+lane], got[i*Point+Width+lane])
				k := slices.IndexFunc(want, func(w complex128) bool { return cmplx.Abs(v-w) < 1e-11*float64(n) })
				if k < 0 {
					t.Fatalf("%d points: %v is no value of the transform", n, v)
				}
				want = slices.Delete(want, k, k+1)
			}
			tr.Inverse(got)
			for i := range got {
				if math.Abs(got[i]/float64(n)-x[i]) > 1e-12 {
					t.Fatalf("%d points: number %d came back as %g, want %g", n, i, got[i]/float64(n), x[i])
				}
			}
		}
	})
}

func TestFunctions(t *testing.T) {
	var x []float64
	for v := -40.0; v <= 40; v += 0.0137 {
		x = append(x, v)
	}
	x = append(x, 0, 1e-9, -1e-300, 800, -800, 1e300, math.Inf(1), math.Inf(-1))
	onEveryTier(t, func(t *testing.T) {
		got := make([]float64, len(x))
		for _, c := range []struct {
			name string
			run  func(dst, x []float64)
			want func(float64) float64
		}{
			{"tanh", Tanh, math.Tanh},
			{"logistic", Logistic, func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }},
		} {
			c.run(got, x)
			for i, v := range x {
				if !(math.Abs(got[i]-c.want(v)) <= 4e-16) {
					t.Fatalf("%s(%g) is %.17g, want %.17g", c.name, v, got[i], c.want(v))
				}
			}
			c.run(got[:1], []float64{math.NaN()})
			if !math.IsNaN(got[0]) {
				t.Errorf("%s(NaN) is %g", c.name, got[0])
			}
		}
	})
}

func TestPowers(t *testing.T) {
	onEveryTier(t, func(t *testing.T) {
		for _, columns := range []int{1, 5, 8, 17, 64} {
			const rows = 150
			x := noise(rows*columns, 11)
			var got [4][]float64
			for k := range got {
				got[k] = make([]float64, columns)
				got[k][0] = 1 // what was there is added to
			}
			Powers(&got, x)
			for j := range columns {
				for k := range got {
					want := 0.0
					if j == 0 {
						want = 1
					}
					for i := range rows {
						want += math.Pow(x[i*columns+j], float64(k+1))
					}
					if math.Abs(got[k][j]-want) > 1e-10 {
						t.Fatalf("%d columns: power %d of column %d sums to %g, want %g", columns, k+1, j, got[k][j], want)
					}
				}
			}
		}
	})
}

func BenchmarkBiquads4(b *testing.B) {
	x := noise(10000*Width, 1)
	sections := make([]Section, 4)
	for i := range sections {
		sections[i] = Section{0.1, 0.2, 0.1, -1.6, 0.8}
	}
	state := make([]State, 4)
	b.SetBytes(int64(len(x)) * 8)
	for b.Loop() {
		Biquads(sections, state, x)
	}
}

func BenchmarkConvolve(b *testing.B) {
	for _, n := range []int{1024, 4096, 16384} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x, tr := noise(n*Point, 1), NewTransform(n)
			h := tr.Spectrum(noise(n/8, 2))
			for i := range h {
				h[i] /= 1000
			}
			b.SetBytes(int64(len(x)) * 8)
			for b.Loop() {
				tr.Forward(x)
				Multiply(x, h)
				tr.Inverse(x)
			}
		})
	}
}

func BenchmarkTanh(b *testing.B) {
	x := noise(4096, 1)
	y := make([]float64, len(x))
	b.SetBytes(int64(len(x)) * 8)
	for b.Loop() {
		Tanh(y, x)
	}
}
