package hlop

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/fit"
	"github.com/gyrus-dev/gyrus/papers"
)

// memory is how a method finds the subspace of a task.
type memory int

const (
	forgets  memory = iota // no subspace: fine-tuning
	hebbian                // rows that learn beside the weights
	singular               // the leading directions of stored activity after the task, as gradient projection memory (Saha et al. 2021) takes them
	blind                  // random rows: an ablation
)

// method is a way to learn one task after another.
type method struct {
	name    string
	memory  memory
	errors  transport
	quantum int
	tasks   int // how many of them
}

// plan is what all methods of an experiment share.
type plan struct {
	sizes
	epochs, batch int
	rate          float64
	rows          func(task int) [layers]int // that a task adds
}

// progress is what a sequence came to.
type progress struct {
	Accuracy [][]float64 // [after task][of task], of those so far
	// Of the first task: how much of the energy of its activity the rows hold, over what as many singular vectors hold; for each layer. Then how far the
	// rows are from orthonormal, the largest entry of HHᵀ - I.
	Captured [layers]float64
	Off      [layers]float64
	Rows     [][layers]int // after each task
}

// acc is the mean accuracy on the first n tasks after the n-th.
func (p progress) acc(n int) (mean float64) {
	for _, a := range p.Accuracy[n-1] {
		mean += a / float64(n)
	}
	return mean
}

// bwt is backward transfer after n tasks: the mean change of accuracy on a task since it was learnt.
func (p progress) bwt(n int) (mean float64) {
	for j, a := range p.Accuracy[n-1][:n-1] {
		mean += (a - p.Accuracy[j][j]) / float64(n-1)
	}
	return mean
}

// room says where rows take up a layer: an error when no direction is left free, a warning above 90 %.
func (p plan) room(tasks int) (warning string, err error) {
	var used [layers]int
	for i := range tasks - 1 { // those of the last task are used by none
		for layer, n := range p.rows(i) {
			used[layer] += n
			switch width := p.width(layer); {
			case used[layer] >= width:
				return "", fmt.Errorf("layer %d: %d rows after task %d, and its input has %d directions: none is left free for the next task; learn fewer rows or take a wider layer", layer+1, used[layer], i+1, width)
			case used[layer]*10 > width*9:
				warning = fmt.Sprintf("Layer %d: %d rows after task %d leave less than a tenth of its %d directions to later tasks.", layer+1, used[layer], i+1, width)
			}
		}
	}
	return warning, nil
}

// learn lets a new network learn tasks one after another.
func (p plan) learn(ctx context.Context, r *papers.Run, m method, tasks []task, step func(fit.Progress)) (out progress, err error) {
	backend, err := r.Backend()
	if err != nil {
		return out, err
	}
	vars := mlctx.New()
	rng := r.Rand("rows of " + m.name)
	l := learner{sizes: p.sizes, errors: m.errors, quantum: m.quantum}
	for i, t := range tasks[:m.tasks] {
		l.rows = [layers]int{}
		if m.memory == hebbian {
			l.rows = p.rows(i)
			for layer, n := range l.rows {
				start := outside(randomRows(n, p.width(layer), rng), l.subspaces[layer])
				begin(vars, layer, start)
			}
		}
		_, err := fit.Train(ctx, backend, vars, fit.Problem{Name: fmt.Sprintf("%s, task %d", m.name, i+1), Train: t.train.tensors(), Loss: l.loss}, fit.Options{
			Epochs: p.epochs, BatchSize: p.batch, MinBatch: p.batch, LearningRate: p.rate, Optimizer: fit.SGD{}, Seed: r.SeedFor(fmt.Sprint("task ", i)),
			Checkpoint: fit.Checkpoint{Dir: filepath.Join(r.Dir, "checkpoints", m.name, fmt.Sprint(i))}, Tag: fmt.Sprintf("%+v %+v", m, p.sizes),
			Progress: step,
			OnEpoch:  func(fit.Epoch) error { return l.grown(vars) },
		})
		if err != nil {
			return out, err
		}
		var added [layers]*mat.Dense
		if i < m.tasks-1 || i == 0 {
			if added, err = l.remember(ctx, backend, vars, m, p.rows(i), t.train, rng); err != nil {
				return out, err
			}
		}
		if i == 0 && added[0] != nil {
			if out.Captured, out.Off, err = l.judge(ctx, backend, vars, added, t.train); err != nil {
				return out, err
			}
		}
		var rows [layers]int
		for layer, h := range added {
			if h != nil {
				l.subspaces[layer] = stacked(l.subspaces[layer], h)
			}
			if l.subspaces[layer] != nil {
				rows[layer] = l.subspaces[layer].Shape().Dimensions[0]
			}
		}
		out.Rows = append(out.Rows, rows)
		var accuracy []float64
		for _, earlier := range tasks[:i+1] {
			a, err := l.accuracy(ctx, backend, vars, earlier.test)
			if err != nil {
				return out, err
			}
			accuracy = append(accuracy, a)
		}
		out.Accuracy = append(out.Accuracy, accuracy)
	}
	return out, nil
}

// begin sets the rows of a layer that are to learn, and their momentum.
func begin(vars *mlctx.Context, layer int, rows *mat.Dense) {
	n, width := rows.Dims()
	ctx := scope(vars, layer).Checked(false)
	for name, value := range map[string]*tensors.Tensor{newRows: tensorOf(rows), momentum: tensors.FromFlatDataAndDimensions(make([]float32, n*width), n, width)} {
		if v := ctx.GetVariable(name); v != nil {
			ctx.DeleteVariable(ctx.Scope(), name)
		}
		ctx.VariableWithValue(name, value).SetTrainable(false)
	}
}

// grown returns an error when rows grow instead of turning towards the activity.
func (l learner) grown(vars *mlctx.Context) error {
	for layer, n := range l.rows {
		if n == 0 {
			continue
		}
		h, err := rowsOf(vars, layer)
		if err != nil {
			return err
		}
		for k := range n {
			if length := mat.Norm(h.RowView(k), 2); !(length <= 2) {
				return fmt.Errorf("layer %d: row %d of its subspace has grown to length %.3g, and should stay near 1: Hebbian learning is unstable for inputs so large; "+
					"scale inputs to variance 1 or less", layer+1, k, length)
			}
		}
	}
	return nil
}

// rowsOf reads the rows that a layer has learnt.
func rowsOf(vars *mlctx.Context, layer int) (*mat.Dense, error) {
	value, err := scope(vars, layer).GetVariable(newRows).Value()
	if err != nil {
		return nil, err
	}
	return matrixOf(value), nil
}

// remember returns the rows that a method keeps of a task, orthogonal to those it has.
func (l learner) remember(ctx context.Context, backend backends.Backend, vars *mlctx.Context, m method, rows [layers]int, train images, rng *rand.Rand) (added [layers]*mat.Dense, err error) {
	var activity [layers]*mat.Dense
	if m.memory == singular {
		if activity, err = l.activity(ctx, backend, vars, train, stored); err != nil {
			return added, err
		}
	}
	for layer, n := range rows {
		switch m.memory {
		case hebbian:
			added[layer], err = rowsOf(vars, layer)
		case singular:
			added[layer] = leading(outside(activity[layer], l.subspaces[layer]), n)
		case blind:
			added[layer] = orthonormal(outside(randomRows(n, l.width(layer), rng), l.subspaces[layer]))
		}
		if err != nil {
			return added, err
		}
	}
	return added, nil
}

const (
	stored = 300  // images that the baseline stores to take singular vectors of
	judged = 8000 // images, of those that rows learnt from, whose activity they are judged by
)

// activity is what enters each layer for the first images, so many at most, [rows, width].
func (l learner) activity(ctx context.Context, backend backends.Backend, vars *mlctx.Context, s images, most int) (out [layers]*mat.Dense, err error) {
	n := min(most, s.len())
	some := images{s.width, s.pixels[:n*s.width], s.labels[:n]}
	all, err := fit.Predict(ctx, backend, vars, func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node {
		_, activities := l.forward(ctx, batch[0])
		size := batch[0].Shape().Dimensions[0]
		var rows []*graph.Node // one row for each image, as a predictor wants it
		for layer, a := range activities {
			if layer > 0 {
				a = graph.Reshape(graph.Transpose(graph.Reshape(a, l.Steps, size, l.width(layer)), 0, 1), size, l.Steps*l.width(layer))
			}
			rows = append(rows, a)
		}
		return rows
	}, some.tensors()[:1], min(n, 500))
	if err != nil {
		return out, err
	}
	for layer, t := range all {
		flat := tensors.MustCopyFlatData[float32](t)
		out[layer] = mat.NewDense(len(flat)/l.width(layer), l.width(layer), wide(flat))
		t.MustFinalizeAll()
	}
	return out, nil
}

// judge holds rows against as many singular vectors of the activity they were learnt from. It takes all of it: singular vectors of a few images would fit just
// those, and leave rows that learnt from all images behind.
func (l learner) judge(ctx context.Context, backend backends.Backend, vars *mlctx.Context, rows [layers]*mat.Dense, train images) (captured, off [layers]float64, err error) {
	activity, err := l.activity(ctx, backend, vars, train, judged)
	if err != nil {
		return captured, off, err
	}
	for layer, h := range rows {
		n, _ := h.Dims()
		captured[layer] = energy(activity[layer], orthonormal(h)) / energy(activity[layer], leading(activity[layer], n))
		off[layer] = offIdentity(h)
	}
	return captured, off, nil
}

// accuracy is the part of images that are told.
func (l learner) accuracy(ctx context.Context, backend backends.Backend, vars *mlctx.Context, s images) (float64, error) {
	out, err := fit.Predict(ctx, backend, vars, func(ctx *mlctx.Context, batch []*graph.Node) []*graph.Node {
		logits, _ := l.forward(ctx, batch[0])
		return []*graph.Node{graph.ArgMax(logits, -1)}
	}, s.tensors()[:1], 500)
	if err != nil {
		return 0, err
	}
	right := 0
	for i, class := range tensors.MustCopyFlatData[int32](out[0]) {
		if class == s.labels[i] {
			right++
		}
	}
	out[0].MustFinalizeAll()
	return float64(right) / float64(s.len()), nil
}

// randomRows draws n orthonormal rows.
func randomRows(n, width int, rng *rand.Rand) *mat.Dense {
	data := make([]float64, n*width)
	for i := range data {
		data[i] = rng.NormFloat64()
	}
	return orthonormal(mat.NewDense(n, width, data))
}

// orthonormal is an orthonormal basis of the span of rows, which must be independent.
func orthonormal(rows *mat.Dense) *mat.Dense {
	n, width := rows.Dims()
	var qr mat.QR
	qr.Factorize(rows.T())
	var q mat.Dense
	qr.QTo(&q)
	return mat.DenseCopyOf(q.Slice(0, width, 0, n).T())
}

// outside is what of rows lies outside the span of a subspace, nil for none.
func outside(rows *mat.Dense, subspace *tensors.Tensor) *mat.Dense {
	if subspace == nil {
		return rows
	}
	h := matrixOf(subspace)
	var in, back mat.Dense
	in.Mul(rows, h.T())
	back.Mul(&in, h)
	out := mat.DenseCopyOf(rows)
	out.Sub(out, &back)
	return out
}

// leading is the n leading right singular vectors of activity, as rows.
func leading(activity *mat.Dense, n int) *mat.Dense {
	_, width := activity.Dims()
	var square mat.SymDense
	square.SymOuterK(1, activity.T())
	var eigen mat.EigenSym
	eigen.Factorize(&square, true)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	out := mat.NewDense(n, width, nil)
	for k := range n {
		out.SetRow(k, mat.Col(nil, width-1-k, &vectors))
	}
	return out
}

// energy is the part of the squares of activity that lies in the span of orthonormal rows.
func energy(activity, rows *mat.Dense) float64 {
	var in mat.Dense
	in.Mul(activity, rows.T())
	return math.Pow(mat.Norm(&in, 2)/mat.Norm(activity, 2), 2)
}

// offIdentity is the largest entry of HHᵀ - I.
func offIdentity(h *mat.Dense) (most float64) {
	var square mat.Dense
	square.Mul(h, h.T())
	n, _ := square.Dims()
	for i := range n {
		for j := range n {
			want := 0.
			if i == j {
				want = 1
			}
			most = max(most, math.Abs(square.At(i, j)-want))
		}
	}
	return most
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

func matrixOf(t *tensors.Tensor) *mat.Dense {
	d := t.Shape().Dimensions
	return mat.NewDense(d[0], d[1], wide(tensors.MustCopyFlatData[float32](t)))
}

func tensorOf(m *mat.Dense) *tensors.Tensor {
	rows, columns := m.Dims()
	flat := make([]float32, 0, rows*columns)
	for i := range rows {
		for _, v := range m.RawRowView(i) {
			flat = append(flat, float32(v))
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, rows, columns)
}

// stacked is old rows, nil for none, with new ones below.
func stacked(old *tensors.Tensor, rows *mat.Dense) *tensors.Tensor {
	if old == nil {
		return tensorOf(rows)
	}
	var all mat.Dense
	all.Stack(matrixOf(old), rows)
	return tensorOf(&all)
}
