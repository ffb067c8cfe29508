package deconstruct

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure"
)

// persistence says that what is seen stays.
type persistence struct{}

func (persistence) next(x []float64) []float64 { return slices.Clone(x) }

// readout is a linear map of features to increments, by ridge regression: least squares with λ times the sum of squared weights.
type readout struct {
	weights *mat.Dense // [features, dim]
}

// normal accumulates the normal equations of features and targets.
type normal struct {
	gram, cross *mat.Dense
	x, y        *mat.Dense // rows that wait
	filled      int
	rows        int
}

func newNormal(features, dim int) *normal {
	const together = 512
	return &normal{mat.NewDense(features, features, nil), mat.NewDense(features, dim, nil), mat.NewDense(together, features, nil), mat.NewDense(together, dim, nil), 0, 0}
}

func (n *normal) add(x, y []float64) {
	n.x.SetRow(n.filled, x)
	n.y.SetRow(n.filled, y)
	n.filled++
	n.rows++
	if rows, _ := n.x.Dims(); n.filled == rows {
		n.flush()
	}
}

func (n *normal) flush() {
	if n.filled == 0 {
		return
	}
	_, features := n.x.Dims()
	_, dim := n.y.Dims()
	x, y := n.x.Slice(0, n.filled, 0, features), n.y.Slice(0, n.filled, 0, dim)
	var g, c mat.Dense
	g.Mul(x.T(), x)
	c.Mul(x.T(), y)
	n.gram.Add(n.gram, &g)
	n.cross.Add(n.cross, &c)
	n.filled = 0
}

// solve finds the weights for a λ, which counts for each row.
func (n *normal) solve(lambda float64) (*readout, error) {
	n.flush()
	size, dim := n.cross.Dims()
	a := mat.NewSymDense(size, nil)
	for i := range size {
		for j := i; j < size; j++ {
			a.SetSym(i, j, n.gram.At(i, j)/float64(n.rows))
		}
		a.SetSym(i, i, a.At(i, i)+lambda)
	}
	b := mat.NewDense(size, dim, nil)
	b.Scale(1/float64(n.rows), n.cross)
	var c mat.Cholesky
	if !c.Factorize(a) {
		return nil, fmt.Errorf("ridge regression with λ = %g: the equations are singular; take a larger one", lambda)
	}
	w := mat.NewDense(size, dim, nil)
	return &readout{w}, c.SolveTo(w, b)
}

// add adds the increments of features to x.
func (r *readout) add(x, features []float64) {
	_, dim := r.weights.Dims()
	raw := r.weights.RawMatrix().Data
	for i, f := range features {
		for k, w := range raw[i*dim : (i+1)*dim] {
			x[k] += f * w
		}
	}
}

// autoregression is a vector autoregression: the increment is linear in the last lags.
type autoregression struct {
	*readout
	lags []float64 // [lags·dim + 1], the latest first, then 1
}

// shift takes in x.
func (a *autoregression) shift(x []float64) {
	copy(a.lags[len(x):len(a.lags)-1], a.lags)
	copy(a.lags, x)
}

func (a *autoregression) next(x []float64) []float64 {
	a.shift(x)
	out := slices.Clone(x)
	a.add(out, a.lags)
	return out
}

func newLags(lags, dim int) []float64 {
	l := make([]float64, lags*dim+1)
	l[len(l)-1] = 1
	return l
}

// echo is an echo-state network (Jaeger 2001): tanh units with fixed random weights, and a read-out of them, of the squares of every second one (which breaks
// their odd symmetry), of the input and of 1.
type echo struct {
	units, dim int
	in         []float64 // [units, dim]
	at         []int32   // [units, links], which units drive one
	weights    []float64 // [units, links]
	bias       []float64
	links      int
}

func newEcho(units, dim int, radius, gain float64, rng *rand.Rand) *echo {
	links := min(10, units)
	e := &echo{units: units, dim: dim, links: links, in: make([]float64, units*dim), at: make([]int32, units*links), weights: make([]float64, units*links), bias: make([]float64, units)}
	for i := range e.in {
		e.in[i] = gain / math.Sqrt(float64(dim)) * (2*rng.Float64() - 1)
	}
	for i := range e.weights {
		e.at[i], e.weights[i] = int32(rng.IntN(units)), 2*rng.Float64()-1
	}
	for i := range e.bias {
		e.bias[i] = .2 * (2*rng.Float64() - 1)
	}
	// The eigenvalues of such a matrix fill a disc: how fast random vectors grow in the mean over many steps is its radius.
	h, next := make([]float64, units), make([]float64, units)
	for i := range h {
		h[i] = rng.NormFloat64()
	}
	growth, counted := 0., 0
	for step := range 400 {
		size := 0.
		for i := range next {
			next[i] = e.drive(i, h)
			size += next[i] * next[i]
		}
		size = math.Sqrt(size)
		if step >= 100 {
			growth, counted = growth+math.Log(size), counted+1
		}
		for i := range next {
			h[i] = next[i] / size
		}
	}
	scale := radius / math.Exp(growth/float64(counted))
	for i := range e.weights {
		e.weights[i] *= scale
	}
	return e
}

func (e *echo) drive(i int, h []float64) float64 {
	sum := 0.
	row := e.at[i*e.links : (i+1)*e.links]
	for k, w := range e.weights[i*e.links : (i+1)*e.links] {
		sum += w * h[row[k]]
	}
	return sum
}

// reservoir is an echo-state network at work.
type reservoir struct {
	*echo
	*readout
	h, spare, features []float64
}

func (e *echo) begin(r *readout) *reservoir {
	return &reservoir{e, r, make([]float64, e.units), make([]float64, e.units), make([]float64, e.units+e.dim+1)}
}

// read takes in x and sets the features.
func (r *reservoir) read(x []float64) {
	for i := range r.spare {
		sum := r.bias[i] + r.drive(i, r.h)
		for k, v := range x {
			sum += r.in[i*r.dim+k] * v
		}
		r.spare[i] = math.Tanh(sum)
	}
	r.h, r.spare = r.spare, r.h
	for i, v := range r.h {
		if i%2 == 1 {
			v *= v
		}
		r.features[i] = v
	}
	copy(r.features[r.units:], x)
	r.features[r.units+r.dim] = 1
}

func (r *reservoir) next(x []float64) []float64 {
	r.read(x)
	out := slices.Clone(x)
	r.add(out, r.features)
	return out
}

// row is sample i of a series.
func row(x []float32, dim, i int, to []float64) []float64 {
	for k := range to {
		to[k] = float64(x[i*dim+k])
	}
	return to
}

// grow adds the increments of the training part, given the features of each sample, to the normal equations.
func (t *task) grow(ctx context.Context, skip, features int, read func(x []float64) []float64) (*normal, error) {
	eq := newNormal(features, t.Dim)
	now, next, step := make([]float64, t.Dim), make([]float64, t.Dim), make([]float64, t.Dim)
	for i := range len(t.Train)/t.Dim - 1 {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		row(t.Train, t.Dim, i, now)
		row(t.Train, t.Dim, i+1, next)
		f := read(now)
		if i < skip {
			continue
		}
		for k := range step {
			step[k] = next[k] - now[k]
		}
		eq.add(f, step)
	}
	return eq, nil
}

// choose tries values of λ and keeps the one with the longest valid time on the validation starts: what the networks do by their learning rate.
func choose(ctx context.Context, eq *normal, validation *starts, begin func(*readout) roller) (*readout, float64, error) {
	var best *readout
	var at float64
	longest := math.Inf(-1)
	for _, lambda := range []float64{1e-10, 1e-8, 1e-6, 1e-4, 1e-2} {
		r, err := eq.solve(lambda)
		if err != nil {
			continue // too small for these features
		}
		said, err := roll(ctx, validation, func() roller { return begin(r) })
		if err != nil {
			return nil, 0, err
		}
		sum, sd := 0., ones(validation.dim)
		for k := range validation.n {
			e := measure.ForecastError(validation.after(validation.truth, k), validation.after(said, k), sd)
			sum += measure.ValidTime(e, .5, 1)
		}
		if sum > longest {
			best, at, longest = r, lambda, sum
		}
	}
	if best == nil {
		return nil, 0, fmt.Errorf("ridge regression: no λ up to 0.01 makes the equations regular")
	}
	return best, at, nil
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}
