package deconstruct

import (
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// run evaluates a graph once on a series [steps, dim] as two series side by side, [steps/2, 2, dim], and returns its flat outputs. Variables that do not exist are created.
func run(backend backends.Backend, vars *mlctx.Context, x []float32, dim int, f func(ctx *mlctx.Context, x *graph.Node) []*graph.Node) ([][]float32, error) {
	exec, err := mlctx.NewExec(backend, vars.Checked(false), f)
	if err != nil {
		return nil, err
	}
	defer exec.Finalize()
	all, err := exec.Exec(tensors.FromFlatDataAndDimensions(append([]float32{}, x...), len(x)/dim/2, 2, dim))
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(all))
	for i, t := range all {
		if err := tensors.ConstFlatData(t, func(flat []float32) { out[i] = append(out[i], flat...) }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// leaks counts the outputs of the first half of a sequence that are not the same bits when the second half is another: a causal model has none.
func (d design) leaks(backend backends.Backend, vars *mlctx.Context, x []float32, dim int) (int, error) {
	f := func(ctx *mlctx.Context, x *graph.Node) []*graph.Node { return []*graph.Node{d.increments(ctx, x)} }
	before, err := run(backend, vars, x, dim, f)
	if err != nil {
		return 0, err
	}
	other := append([]float32{}, x...)
	for i := len(x) / 2; i < len(x); i++ {
		other[i] = 1 - 3*x[i]
	}
	after, err := run(backend, vars, other, dim, f)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range len(x) / 2 {
		if math.Float32bits(before[0][i]) != math.Float32bits(after[0][i]) {
			n++
		}
	}
	return n, nil
}

// identity is the largest difference that the blocks of the untrained design make to its output.
func (d design) identity(backend backends.Backend, x []float32, dim int) (float64, error) {
	without := d
	without.Blocks = 0
	out, err := run(backend, mlctx.New(), x, dim, func(ctx *mlctx.Context, x *graph.Node) []*graph.Node {
		return []*graph.Node{d.increments(ctx, x), without.increments(ctx, x)}
	})
	if err != nil {
		return 0, err
	}
	worst := 0.
	for i, v := range out[0] {
		worst = max(worst, math.Abs(float64(v-out[1][i])))
	}
	return worst, nil
}
