package cpu_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gyrus-dev/gyrus/compute/cpu"
)

// TestAnyNumberOfWorkers checks that whole training steps give the same bits for every GOMAXPROCS.
func TestAnyNumberOfWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, w := range works() {
		if testing.Short() && w.name == "eegnet" {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			exec, inputs := prepare(t, ours, w)
			var first [][]float32
			for _, workers := range []int{1, 2, 5} {
				runtime.GOMAXPROCS(workers)
				for i, o := range exec.MustExec(inputs...) {
					got := tensors.MustCopyFlatData[float32](o)
					if workers == 1 {
						first = append(first, got)
					} else if !slices.Equal(got, first[i]) {
						t.Errorf("output %d with %d workers differs from that with one", i, workers)
					}
				}
			}
		})
	}
}

// TestConcurrentRuns runs one executable from several goroutines.
func TestConcurrentRuns(t *testing.T) {
	exec := MustNewExec(ours, func(x *Node) *Node { return ReduceAllSum(Exp(Dot(x, x))) })
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			x := make([][]float64, 30)
			for r := range x {
				x[r] = make([]float64, 30)
				x[r][r] = float64(i) / 8
			}
			want := 30*math.Exp(float64(i*i)/64) + 30*29
			for range 20 {
				if got := exec.MustExec(x)[0].Value().(float64); math.Abs(got-want) > 1e-9*want {
					t.Errorf("run %d: got %g, want %g", i, got, want)
				}
			}
		})
	}
	wait.Wait()
}

// TestLife checks what happens to buffers and executables after their end.
func TestLife(t *testing.T) {
	backend := mustNew(cpu.New)
	shape := shapes.Make(dtypes.Float32, 3)
	build := func() backends.Executable {
		b := backend.Builder("life")
		x, err := b.Parameter("x", shape, nil)
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Add(x, x)
		if err != nil {
			t.Fatal(err)
		}
		exec, err := b.Compile([]backends.Op{y, x, y}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Add(x, x); err == nil {
			t.Error("adding to a compiled computation gave no error")
		}
		return exec
	}
	exec := build()
	in, err := backend.BufferFromFlatData(0, []float32{1, 2, 3}, shape)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s gave no error", what)
		}
	}
	_, err = exec.Execute([]backends.Buffer{in, in}, nil, 0)
	expect("a run with too many inputs", err)
	out, err := exec.Execute([]backends.Buffer{in}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{2, 4, 6}, {1, 2, 3}, {2, 4, 6}} {
		got, err := backend.BufferData(out[i])
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("output %d: got %v, want %v", i, got, want)
		}
	}
	if _, err = exec.Execute([]backends.Buffer{in}, []bool{true}, 0); err != nil {
		t.Fatal(err)
	}
	_, err = backend.BufferData(in)
	expect("reading a donated buffer", err)
	_, err = exec.Execute([]backends.Buffer{in}, nil, 0)
	expect("a run on a donated buffer", err)
	if err := backend.BufferFinalize(out[0]); err != nil {
		t.Fatal(err)
	}
	expect("finalizing a buffer twice", backend.BufferFinalize(out[0]))
	expect("copying a finalized buffer", backend.BufferToFlatData(out[0], make([]float32, 3)))
	exec.Finalize()
	_, err = exec.Execute([]backends.Buffer{out[1]}, nil, 0)
	expect("running a finalized executable", err)
	_, err = backend.BufferFromFlatData(1, []float32{1, 2, 3}, shape)
	expect("a second device", err)
	_, _, err = backend.NewSharedBuffer(0, shapes.Make(dtypes.Float64, 1<<20, 1<<20, 1<<10))
	expect("a buffer beyond the machine's memory", err)
	_, _, err = backend.NewSharedBuffer(0, shapes.Make(dtypes.Float64, math.MaxInt/2, 64))
	expect("a buffer beyond the address space", err)
	exec = build()
	backend.Finalize()
	_, err = exec.Execute([]backends.Buffer{out[1]}, nil, 0)
	expect("running on a finalized backend", err)
}

// TestDonation checks that a donated parameter's memory becomes the result's when the result can be written over it, and that the values
// are right when it cannot.
func TestDonation(t *testing.T) {
	shape := shapes.Make(dtypes.Float32, 64, 64)
	run := func(reverse bool) (moved bool, got []float32) {
		b := ours.Builder("donation")
		x, err := b.Parameter("x", shape, nil)
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Add(x, x)
		if err != nil {
			t.Fatal(err)
		}
		if reverse {
			z, err := b.Transpose(x, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			if y, err = b.Sub(y, z); err != nil {
				t.Fatal(err)
			}
		}
		exec, err := b.Compile([]backends.Op{y}, nil)
		if err != nil {
			t.Fatal(err)
		}
		in, flat, err := ours.NewSharedBuffer(0, shape)
		if err != nil {
			t.Fatal(err)
		}
		values := flat.([]float32)
		for i := range values {
			values[i] = float32(i)
		}
		out, err := exec.Execute([]backends.Buffer{in}, []bool{true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		result, err := ours.BufferData(out[0])
		if err != nil {
			t.Fatal(err)
		}
		got = result.([]float32)
		return &got[0] == &values[0], got
	}
	if moved, got := run(false); !moved || got[77] != 154 {
		t.Errorf("sum over a donated operand: in place %v, element 77 is %g, want 154", moved, got[77])
	}
	if _, got := run(true); got[77] != 2*77-float32(13*64+1) {
		t.Errorf("with a transposed reading: element 77 is %g, want %g", got[77], 2*77-float32(13*64+1))
	}
}

// TestErrorsNameTheOp checks that mistakes are found when the graph is built, with the op and the shapes.
func TestErrorsNameTheOp(t *testing.T) {
	b := ours.Builder("errors")
	p := func(dtype dtypes.DType, dims ...int) backends.Op {
		x, err := b.Parameter("p", shapes.Make(dtype, dims...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	f, g, c := p(dtypes.Float32, 2, 3), p(dtypes.Float32, 4, 5), p(dtypes.Complex64, 2, 3)
	for _, e := range []struct {
		name string
		do   func() (backends.Op, error)
		want []string
	}{
		{"shapes", func() (backends.Op, error) { return b.Add(f, g) }, []string{"Add", "[2 3]", "[4 5]"}},
		{"dtypes", func() (backends.Op, error) { return b.Mul(f, c) }, []string{"Mul", "Float32", "Complex64"}},
		{"undefined", func() (backends.Op, error) { return b.ReduceMax(c) }, []string{"ReduceMax", "Complex64"}},
		{"dot", func() (backends.Op, error) { return b.Dot(f, g) }, []string{"DotGeneral", "[2 3]", "[4 5]"}},
		{"reshape", func() (backends.Op, error) { return b.Reshape(f, 7) }, []string{"Reshape", "[2 3]", "7"}},
		{"nil", func() (backends.Op, error) { return b.Exp(nil) }, []string{"Exp"}},
	} {
		_, err := e.do()
		if err == nil {
			t.Errorf("%s: no error", e.name)
			continue
		}
		for _, w := range e.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q does not name %q", e.name, err, w)
			}
		}
	}
}

// BenchmarkCompile compiles an unrolled recurrence of 15,000 nodes.
func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		chain(b)
	}
}

// chain compiles h = tanh(h @ w + x[t]) unrolled for 3,750 steps of four nodes.
func chain(t testing.TB) backends.Executable {
	b := ours.Builder("chain")
	must := func(o backends.Op, err error) backends.Op {
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	x := must(b.Parameter("x", shapes.Make(dtypes.Float32, 3750, 1, 4), nil))
	w := must(b.Parameter("w", shapes.Make(dtypes.Float32, 4, 4), nil))
	h := must(b.Parameter("h", shapes.Make(dtypes.Float32, 1, 4), nil))
	for i := range 3750 {
		s := must(b.Slice(x, []int{i, 0, 0}, []int{i + 1, 1, 4}, []int{1, 1, 1}))
		h = must(b.Tanh(must(b.Add(must(b.Dot(h, w)), must(b.Reshape(s, 1, 4))))))
	}
	exec, err := b.Compile([]backends.Op{h}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return exec
}

// BenchmarkTinySteps runs that recurrence: two steps, a product and a fused group, for each unrolled step.
func BenchmarkTinySteps(b *testing.B) {
	exec := chain(b)
	_, inputs := exec.Inputs()
	var in []backends.Buffer
	for _, shape := range inputs {
		buf, flat, err := ours.NewSharedBuffer(0, shape)
		if err != nil {
			b.Fatal(err)
		}
		clear(flat.([]float32))
		in = append(in, buf)
	}
	for b.Loop() {
		if _, err := exec.Execute(in, nil, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/7500, "ns/step")
}
