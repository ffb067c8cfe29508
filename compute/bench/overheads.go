package bench

import (
	"fmt"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gyrus-dev/gyrus/compute/cpu"
)

// Overhead is what the backend itself takes, apart from arithmetic. The peers have nothing to compare it with.
type Overhead struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"` // the best of several runs
	Unit  string  `json:"unit"`
}

// nodes is the length of the chains that overheads are measured on.
const nodes = 15_000

// overheads measures, on a backend of its own, what compiling a graph and starting a step take.
func overheads() (found []Overhead, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("overheads: %v", p)
		}
	}()
	backend, err := cpu.New("")
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()

	const best = 5
	compiled := time.Hour
	for range best {
		start := time.Now()
		exec, err := chain(backend, nodes, func(b backends.Builder, h, w backends.Op, i int) (backends.Op, error) {
			// Like a recurrent model, unrolled.
			switch i % 4 {
			case 0:
				return b.Dot(h, w)
			case 1:
				return b.Add(h, h)
			case 2:
				return b.Tanh(h)
			}
			return b.Neg(h)
		})
		if err != nil {
			return nil, err
		}
		compiled = min(compiled, time.Since(start))
		exec.Finalize()
	}
	found = append(found, Overhead{fmt.Sprintf("compile %d nodes", nodes), compiled.Seconds() * 1e3, "ms"})

	// A product needs the one before it and merges with nothing, so that each is a step; its sixteen multiplications take a nanosecond.
	exec, err := chain(backend, nodes, func(b backends.Builder, h, w backends.Op, _ int) (backends.Op, error) { return b.Dot(h, w) })
	if err != nil {
		return nil, err
	}
	defer exec.Finalize()
	data := backend.(backends.DataInterface)
	_, inputs := exec.Inputs()
	var in []backends.Buffer
	for _, shape := range inputs {
		buffer, flat, err := data.NewSharedBuffer(0, shape)
		if err != nil {
			return nil, err
		}
		clear(flat.([]float32))
		in = append(in, buffer)
	}
	took := time.Hour
	for range 4 * best {
		start := time.Now()
		out, err := exec.Execute(in, nil, 0)
		if err != nil {
			return nil, err
		}
		took = min(took, time.Since(start))
		if err := data.BufferFinalize(out[0]); err != nil {
			return nil, err
		}
	}
	found = append(found, Overhead{"a step that multiplies [1,4] by [4,4]", float64(took.Nanoseconds()) / nodes, "ns"})
	return found, nil
}

// chain compiles a graph of n nodes, each of which needs the one before, on a state h [1, 4] and a matrix w [4, 4].
func chain(backend backends.Backend, n int, next func(b backends.Builder, h, w backends.Op, i int) (backends.Op, error)) (backends.Executable, error) {
	b := backend.Builder("chain")
	h, err := b.Parameter("h", shapes.Make(dtypes.Float32, 1, 4), nil)
	if err != nil {
		return nil, err
	}
	w, err := b.Parameter("w", shapes.Make(dtypes.Float32, 4, 4), nil)
	if err != nil {
		return nil, err
	}
	for i := range n {
		if h, err = next(b, h, w, i); err != nil {
			return nil, err
		}
	}
	return b.Compile([]backends.Op{h}, nil)
}
