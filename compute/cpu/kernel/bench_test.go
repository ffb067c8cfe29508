package kernel

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// workers returns the crew benchmarks run with: two, or what GYRUS_BENCH_WORKERS says.
func workers() Parallel {
	n, err := strconv.Atoi(os.Getenv("GYRUS_BENCH_WORKERS"))
	if err != nil {
		n = 2
	}
	if n <= 1 {
		return Serial{}
	}
	return newPool(n)
}

// pool is a Parallel of goroutines that stay alive between loops.
type pool struct {
	n    int
	jobs chan func()
	done chan struct{}
}

func newPool(n int) *pool {
	p := &pool{n: n, jobs: make(chan func(), n), done: make(chan struct{}, n)}
	for range n - 1 {
		go func() {
			for job := range p.jobs {
				job()
				p.done <- struct{}{}
			}
		}()
	}
	return p
}

func (p *pool) Workers() int { return p.n }

func (p *pool) For(n int, body func(i int)) {
	var next atomic.Int64
	run := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			body(i)
		}
	}
	helpers := min(p.n, n) - 1
	for range helpers {
		p.jobs <- run
	}
	run()
	for range helpers {
		<-p.done
	}
}

func benchGEMM[T Float](b *testing.B, m, k, n, batch int, transposeA, transposeB bool) {
	rng := rand.New(rand.NewPCG(1, 2))
	g := GEMM[T]{M: m, N: n, K: k, LDC: n, Batch: batch, StrideA: m * k, StrideB: k * n, StrideC: m * n}
	g.A = View[T]{random[T](rng, batch*m*k), k, 1}
	if transposeA {
		g.A.Row, g.A.Col = 1, m
	}
	g.B = View[T]{random[T](rng, batch*k*n), n, 1}
	if transposeB {
		g.B.Row, g.B.Col = 1, k
	}
	g.C = make([]T, batch*m*n)
	par := workers()
	g.Run(par)
	b.ReportAllocs()
	for b.Loop() {
		g.Run(par)
	}
	b.ReportMetric(2*float64(batch)*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func BenchmarkGEMM(b *testing.B) {
	for _, n := range []int{64, 128, 256, 512, 1024, 2048} {
		b.Run(fmt.Sprintf("f32/%d", n), func(b *testing.B) { benchGEMM[float32](b, n, n, n, 1, false, false) })
	}
	for _, s := range [][4]int{{32, 128, 128, 1}, {1, 128, 384, 1}, {8, 4, 8, 512}, {256, 64, 256, 64}, {4096, 128, 512, 1}, {32, 128, 256, 1}} {
		b.Run(fmt.Sprintf("f32/%dx%dx%d-batch%d", s[0], s[1], s[2], s[3]), func(b *testing.B) {
			benchGEMM[float32](b, s[0], s[1], s[2], s[3], false, false)
		})
	}
	b.Run("f32/512-A^T", func(b *testing.B) { benchGEMM[float32](b, 512, 512, 512, 1, true, false) })
	b.Run("f32/512-B^T", func(b *testing.B) { benchGEMM[float32](b, 512, 512, 512, 1, false, true) })
	b.Run("f32/32x128x128-B^T", func(b *testing.B) { benchGEMM[float32](b, 32, 128, 128, 1, false, true) })
	b.Run("f32/1x128x384-B^T", func(b *testing.B) { benchGEMM[float32](b, 1, 128, 384, 1, false, true) })
	for _, n := range []int{256, 1024} {
		b.Run(fmt.Sprintf("f64/%d", n), func(b *testing.B) { benchGEMM[float64](b, n, n, n, 1, false, false) })
	}
}

func BenchmarkUnary(b *testing.B) {
	x := random[float32](rand.New(rand.NewPCG(1, 2)), 4096)
	y := make([]float32, len(x))
	for op := range numUnary {
		b.Run(op.String(), func(b *testing.B) {
			for b.Loop() {
				Unary(op, y, x)
			}
			b.ReportMetric(8*4096*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
		})
	}
}

func BenchmarkRows(b *testing.B) {
	const rows, cols = 64 * 256, 128
	x := random[float32](rand.New(rand.NewPCG(1, 2)), rows*cols)
	y := make([]float32, len(x))
	columns, shift, sums := make([]float32, cols), make([]float32, rows), make([]float32, rows)
	par := workers()
	for name, run := range map[string]func(){
		"expsum":    func() { ExpSum(y, x, shift, sums, cols) },
		"columnsum": func() { Reduce(par, Sum, columns, x, 1, rows, cols) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				run()
			}
			b.ReportMetric(4*rows*cols*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s-of-input")
		})
	}
}
