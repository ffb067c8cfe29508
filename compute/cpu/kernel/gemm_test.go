package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// crew is a Parallel of n goroutines per loop.
type crew int

func (c crew) Workers() int { return int(c) }

func (c crew) For(n int, body func(i int)) {
	var next sync.Mutex
	var group sync.WaitGroup
	i := 0
	for range c {
		group.Go(func() {
			for {
				next.Lock()
				mine := i
				i++
				next.Unlock()
				if mine >= n {
					return
				}
				body(mine)
			}
		})
	}
	group.Wait()
}

// eachTier runs a test on every tier this processor has.
func eachTier(t *testing.T, test func(t *testing.T)) {
	was := Active()
	defer Use(was)
	for _, tier := range Tiers() {
		if err := Use(tier); err != nil {
			t.Fatal(err)
		}
		t.Run(tier.String(), test)
	}
}

func random[T Float](rng *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64())
	}
	return x
}

// matrix returns a random view of rows x cols: row-major, column-major, or with gaps both ways.
func matrix[T Float](rng *rand.Rand, rows, cols int) View[T] {
	switch rng.IntN(4) {
	case 0, 1:
		stride := cols + rng.IntN(3)
		return View[T]{random[T](rng, rows*stride+1), stride, 1}
	case 2:
		stride := rows + rng.IntN(3)
		return View[T]{random[T](rng, cols*stride+1), 1, stride}
	default:
		return View[T]{random[T](rng, 2*rows*(cols+1)+1), 2 * (cols + 1), 2}
	}
}

func testGEMM[T Float](t *testing.T, epsilon float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := []int{0, 1, 2, 3, 4, 5, 8, 12, 13, 15, 16, 17, 24, 31, 32, 33, 47, 64, 65, 100, 129}
	deep := []int{0, 1, 2, 3, 4, 7, 16, 33, 128, 383, 384, 385, 800}
	pick := func(list []int) int { return list[rng.IntN(len(list))] }
	for trial := range 400 {
		m, n, k, batch := pick(sizes), pick(sizes), pick(deep), 1
		if trial%3 == 0 {
			batch = 1 + rng.IntN(4)
		}
		if trial%40 == 0 {
			m, n = 200+rng.IntN(200), 200+rng.IntN(200)
		}
		g := GEMM[T]{M: m, N: n, K: k, LDC: n + rng.IntN(4), Batch: batch, Accumulate: rng.IntN(2) == 0}
		g.A, g.B = matrix[T](rng, m, k), matrix[T](rng, k, n)
		g.StrideA, g.StrideB = len(g.A.Data), len(g.B.Data)
		if rng.IntN(2) == 0 {
			g.StrideB = 0
		}
		if g.A.Row == k && g.A.Col == 1 {
			g.A.Data, g.StrideA = g.A.Data[:m*k], m*k
		}
		g.A.Data = random[T](rng, batch*g.StrideA)
		g.B.Data = random[T](rng, max(1, batch)*len(g.B.Data))
		g.StrideC = m*g.LDC + rng.IntN(2)
		before := random[T](rng, batch*g.StrideC+n)
		if !g.Accumulate && rng.IntN(2) == 0 {
			g.LDAdd = rng.IntN(2) * (n + rng.IntN(3))
			g.StrideAdd = rng.IntN(2) * (m*g.LDAdd + n)
			g.Add = random[T](rng, batch*g.StrideAdd+m*g.LDAdd+n)
		}
		if rng.IntN(2) == 0 {
			g.Bias = random[T](rng, n)
		}
		g.Activation = []UnaryOp{Identity, Relu, Tanh}[rng.IntN(3)]
		name := fmt.Sprintf("%d: [%d,%d]x[%d,%d] batch %d strides %d,%d %d,%d", trial, m, k, k, n, batch, g.A.Row, g.A.Col, g.B.Row, g.B.Col)

		var results [2][]T
		for i, par := range []Parallel{Serial{}, crew(3)} {
			results[i] = append([]T(nil), before...)
			g.C = results[i]
			g.Run(par)
		}
		for i := range results[0] {
			if results[0][i] != results[1][i] {
				t.Fatalf("%s: element %d is %v with one worker and %v with three", name, i, results[0][i], results[1][i])
			}
		}
		written := make([]bool, len(before))
		for p := range batch {
			for i := range m {
				for j := range n {
					at := p*g.StrideC + i*g.LDC + j
					written[at] = true
					var sum, size float64
					for q := range k {
						v := float64(g.A.Data[p*g.StrideA+i*g.A.Row+q*g.A.Col]) * float64(g.B.Data[p*g.StrideB+q*g.B.Row+j*g.B.Col])
						sum += v
						size += math.Abs(v)
					}
					if g.Accumulate {
						sum += float64(before[at])
						size += math.Abs(float64(before[at]))
					}
					if g.Add != nil {
						sum += float64(g.Add[p*g.StrideAdd+i*g.LDAdd+j])
					}
					if g.Bias != nil {
						sum += float64(g.Bias[j])
					}
					switch g.Activation {
					case Relu:
						sum = max(sum, 0)
					case Tanh:
						sum = math.Tanh(sum)
					}
					if got := float64(g.C[at]); !(math.Abs(got-sum) <= epsilon*(4+size)*(2+math.Sqrt(float64(k)))) {
						t.Fatalf("%s: C[%d,%d,%d] is %v, want %v", name, p, i, j, got, sum)
					}
				}
			}
		}
		for i, w := range written {
			if !w && g.C[i] != before[i] {
				t.Fatalf("%s: element %d outside C was overwritten", name, i)
			}
		}
	}
}

// testProducts holds loop nests of products against the definition, for any number of workers.
func testProducts[T Float](t *testing.T, epsilon float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...int) int { return list[rng.IntN(len(list))] }
	for trial := range 300 {
		p := Products[T]{M: pick(1, 2, 3, 7, 12, 13, 32, 50), N: pick(1, 5, 16, 17, 32, 40, 100, 300), K: pick(1, 2, 5, 32, 64),
			Activation: []UnaryOp{Identity, Relu, Tanh}[rng.IntN(3)], Adds: rng.IntN(2) == 0}
		if rng.IntN(2) == 0 {
			p.ARow, p.ACol = p.K+rng.IntN(3), 1
		} else {
			p.ARow, p.ACol = 1, p.M+rng.IntN(3)
		}
		p.BRow, p.LDC, p.LDAdd = p.N+rng.IntN(3), p.N+rng.IntN(3), pick(0, p.N+rng.IntN(3))
		c := p.M * p.LDC
		for range rng.IntN(3) {
			x := Axis{N: pick(1, 2, 3, 5), A: pick(0, 1, 70), B: pick(0, 1, 70), C: c, Add: pick(0, 50)}
			c *= x.N
			p.Outer = append(p.Outer, x)
		}
		for range rng.IntN(3) {
			p.Segments = append(p.Segments, Axis{N: pick(1, 2, 3), A: pick(0, 1, 40), B: pick(0, 1, 40)})
		}
		p.Prepare()
		lenA, lenB, lenC, lenAdd := p.extent()
		a, b, add := random[T](rng, lenA), random[T](rng, lenB), random[T](rng, lenAdd)
		before := random[T](rng, lenC)
		name := fmt.Sprintf("%d: %+v", trial, p)
		var results [2][]T
		for i, par := range []Parallel{Serial{}, crew(3)} {
			results[i] = append([]T(nil), before...)
			p.Run(par, a, b, results[i], add)
		}
		for i := range results[0] {
			if results[0][i] != results[1][i] {
				t.Fatalf("%s: element %d is %v with one worker and %v with three", name, i, results[0][i], results[1][i])
			}
		}
		// each calls f with the addresses of every combination of the loops.
		var each func(loops []Axis, at Axis, f func(at Axis))
		each = func(loops []Axis, at Axis, f func(at Axis)) {
			if len(loops) == 0 {
				f(at)
				return
			}
			for range loops[0].N {
				each(loops[1:], at, f)
				x := loops[0]
				at = Axis{0, at.A + x.A, at.B + x.B, at.C + x.C, at.Add + x.Add}
			}
		}
		want, scale := make([]float64, lenC), make([]float64, lenC)
		written := make([]bool, lenC)
		each(p.Outer, Axis{}, func(at Axis) {
			for i := range p.M {
				for j := range p.N {
					var sum, size float64
					each(p.Segments, at, func(at Axis) {
						for q := range p.K {
							v := float64(a[at.A+i*p.ARow+q*p.ACol]) * float64(b[at.B+q*p.BRow+j])
							sum += v
							size += math.Abs(v)
						}
					})
					if p.Adds {
						sum += float64(add[at.Add+i*p.LDAdd+j])
					}
					switch p.Activation {
					case Relu:
						sum = max(sum, 0)
					case Tanh:
						sum = math.Tanh(sum)
					}
					scale[at.C+i*p.LDC+j] = size
					want[at.C+i*p.LDC+j], written[at.C+i*p.LDC+j] = sum, true
				}
			}
		})
		for i, got := range results[0] {
			switch {
			case !written[i] && got != before[i]:
				t.Fatalf("%s: element %d outside C was overwritten", name, i)
			case written[i] && !(math.Abs(float64(got)-want[i]) <= 20*epsilon*(4+scale[i])):
				t.Fatalf("%s: C[%d] is %v, want %v", name, i, got, want[i])
			}
		}
	}
}

func TestProducts(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testProducts[float32](t, 0x1p-24) })
		t.Run("float64", func(t *testing.T) { testProducts[float64](t, 0x1p-53) })
	})
}

// TestProductsRefused checks that what no kernel may be asked for does not get that far: a size of 0 would never stop counting down.
func TestProductsRefused(t *testing.T) {
	good := Products[float32]{M: 2, N: 3, K: 4, ARow: 4, ACol: 1, BRow: 3, LDC: 3, Outer: []Axis{{N: 2, A: 8, B: 12, C: 6}}}
	good.Prepare()
	for name, do := range map[string]func(p Products[float32]){
		"no rows":           func(p Products[float32]) { p.M = 0; p.Prepare() },
		"no columns":        func(p Products[float32]) { p.N = 0; p.Prepare() },
		"no depth":          func(p Products[float32]) { p.K = 0; p.Prepare() },
		"no problems":       func(p Products[float32]) { p.Outer = []Axis{{N: 0}}; p.Prepare() },
		"no segments":       func(p Products[float32]) { p.Segments = []Axis{{N: 0}}; p.Prepare() },
		"a negative stride": func(p Products[float32]) { p.ACol = -1; p.Prepare() },
		"a reversed loop":   func(p Products[float32]) { p.Outer = []Axis{{N: 2, B: -1}}; p.Prepare() },
		"a short A": func(p Products[float32]) {
			p.Run(Serial{}, make([]float32, 15), make([]float32, 24), make([]float32, 12), nil)
		},
		"a short C": func(p Products[float32]) {
			p.Run(Serial{}, make([]float32, 16), make([]float32, 24), make([]float32, 11), nil)
		},
	} {
		func() {
			defer func() {
				if p, ok := recover().(string); !ok || !strings.HasPrefix(p, "kernel.Products: ") {
					t.Errorf("%s: the panic is %v", name, p)
				}
			}()
			do(good)
		}()
	}
}

func TestGEMM(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testGEMM[float32](t, 0x1p-24) })
		t.Run("float64", func(t *testing.T) { testGEMM[float64](t, 0x1p-53) })
	})
}
