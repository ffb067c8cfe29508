package fit

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

// Predictor applies a graph to data with a model's variables. It compiles the graph once for each batch size. A Predictor is for one
// goroutine.
type Predictor struct {
	name string
	vars *mlctx.Context
	exec *mlctx.Exec
}

// NewPredictor returns a predictor that evaluates f, in which ctx.IsTraining is false. Its inputs have a first axis of examples, one row
// each, and so must its outputs; what f makes of a row must not depend on the other rows of its batch. The variables must exist.
//
// Random numbers in f are drawn from a state that [Predictor.Seed] sets; without it, repeated calls go on from where the last one ended.
func NewPredictor(name string, backend backends.Backend, vars *mlctx.Context,
	f func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node) (*Predictor, error) {

	p := &Predictor{name: name, vars: vars}
	err := compute.Catch("preparing "+name, func() (err error) {
		if v := vars.GetVariableByScopeAndName(mlctx.RootScope, mlctx.RNGStateVariableName); v == nil || !v.HasValue() {
			if err := p.seed(0); err != nil {
				return err
			}
		}
		p.exec, err = mlctx.NewExec(backend, vars.Reuse().Checked(true), f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Seed sets the state from which f draws its random numbers.
func (p *Predictor) Seed(seed int64) error {
	return compute.Catch("seeding "+p.name, func() error { return p.seed(seed) })
}

func (p *Predictor) seed(seed int64) error {
	return p.vars.SetRNGStateFromSeed(streamSeed(seed, "predict", 0))
}

// Run evaluates f on all rows of data, batch by batch, and returns its outputs with the rows of all batches. The last batch is filled
// up with its last row, so that the graph need not be compiled for another size. It returns ctx's error if ctx is cancelled.
func (p *Predictor) Run(ctx context.Context, data []*tensors.Tensor, batchSize int) ([]*tensors.Tensor, error) {
	n, err := rowsOf("data", data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	if batchSize < 1 {
		return nil, fmt.Errorf("%s: the batch size is %d; it must be at least 1", p.name, batchSize)
	}
	size := min(batchSize, n)
	read := newBatchReader(data)
	defer read.free()
	var all []*tensors.Tensor
	err = compute.Catch(Problem{Name: p.name, Train: data}.describe(size), func() error {
		rows := make([]int, size)
		for from := 0; from < n; from += size {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for i := range rows {
				rows[i] = min(from+i, n-1)
			}
			batch, err := read.read(rows)
			if err != nil {
				return err
			}
			out, err := p.exec.Exec(anys(batch)...)
			if err != nil {
				return err
			}
			for i, o := range out {
				shape := o.Shape().Clone()
				if shape.Rank() == 0 || shape.Dimensions[0] != size {
					return fmt.Errorf("output %d has shape %s; expected a first axis of the batch's %d rows", i, shape, size)
				}
				if from == 0 {
					shape.Dimensions[0] = n
					all = append(all, tensors.FromShape(shape))
				}
				if err := copyRows(all[i], o, from); err != nil {
					return err
				}
				o.MustFinalizeAll()
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// copyRows writes the rows of a batch to a larger tensor from a row on, as far as there is room.
func copyRows(to, from *tensors.Tensor, row int) error {
	if from.Size() == 0 {
		return nil
	}
	width := int(from.Memory()) / from.Shape().Dimensions[0]
	return from.ConstBytes(func(src []byte) {
		to.MutableBytes(func(dst []byte) { copy(dst[row*width:], src) })
	})
}

// Close frees the compiled graphs.
func (p *Predictor) Close() { p.exec.Finalize() }

// Predict applies f once to all rows of data: see [NewPredictor] and [Predictor.Run].
func Predict(ctx context.Context, backend backends.Backend, vars *mlctx.Context, f func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node,
	data []*tensors.Tensor, batchSize int) ([]*tensors.Tensor, error) {

	p, err := NewPredictor("predicting", backend, vars, f)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Run(ctx, data, batchSize)
}
