package cpu

import (
	"runtime"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// TestStages runs many small branches that need nothing of one another: they must be put beside one another, and give what they give one
// after the other, also where a branch overwrites what another one reads.
func TestStages(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	backend, err := New("")
	if err != nil {
		t.Fatal(err)
	}
	branches := func(x []*Node) []*Node {
		var out []*Node
		for i := range 6 {
			y := x[0]
			for range 3 {
				// The transposition keeps the products apart: each is a step that copies, multiplies and rectifies 48x48 values.
				y = MaxScalar(Sub(Dot(Transpose(y, 0, 1), x[1]), MulScalar(y, float64(i))), 0)
			}
			out = append(out, y)
		}
		return append(out, Add(x[0], out[5]))
	}
	flat := make([]float32, 48*48)
	for i := range flat {
		flat[i] = float32(i%17)/17 - 0.4
	}
	var first [][]float32
	for _, workers := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(workers)
		e := MustNewExec(backend, branches)
		a, b := tensors.FromFlatDataAndDimensions(slices.Clone(flat), 48, 48), tensors.FromFlatDataAndDimensions(slices.Clone(flat), 48, 48)
		for run := range 20 {
			for i, o := range e.MustExec(a, b) {
				got := tensors.MustCopyFlatData[float32](o)
				if workers == 1 && run == 0 {
					first = append(first, got)
				} else if !slices.Equal(got, first[i]) {
					t.Fatalf("output %d of run %d with %d workers differs from the first", i, run, workers)
				}
			}
		}
	}
}

// TestStagesAreMade checks that the compiler puts small steps beside one another, and that none of them reads what another writes.
func TestStagesAreMade(t *testing.T) {
	backend, err := New("")
	if err != nil {
		t.Fatal(err)
	}
	b := backend.Builder("branches")
	shape := shapes.Make(dtypes.Float32, 48, 48)
	op := func(n backends.Op, err error) backends.Op {
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	x, w := op(b.Parameter("x", shape, nil)), op(b.Parameter("w", shape, nil))
	var out []backends.Op
	for range 6 {
		y := op(b.Tanh(x))
		for _, o := range out {
			y = op(b.Add(y, o))
		}
		out = append(out, op(b.DotGeneral(y, []int{0}, nil, w, []int{1}, nil)))
	}
	for i := range 4 { // these need nothing of one another
		z := op(b.DotGeneral(out[i], []int{0}, nil, w, []int{0}, nil))
		out = append(out, op(b.DotGeneral(z, []int{1}, nil, x, []int{1}, nil)))
	}
	compiled, err := b.Compile(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	stages := 0
	for _, s := range compiled.(*Executable).steps {
		if _, ok := s.(*stageStep); ok {
			stages++
		}
	}
	if stages == 0 {
		t.Error("no step runs beside another")
	}
}
