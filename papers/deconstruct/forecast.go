package deconstruct

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/fit"
)

// starts are the pieces of a series that forecasts begin from and are held against.
type starts struct {
	n, dim, warm, horizon int
	known                 []float32 // [n, warm, dim], what a model sees
	truth                 []float32 // [n, horizon, dim], what follows
}

// startsOf spreads n starts evenly over a series.
func startsOf(x []float32, dim, n, warm, horizon int) (*starts, error) {
	rows, length := len(x)/dim, warm+horizon
	if rows < length+n-1 {
		return nil, fmt.Errorf("%d samples; expected at least %d, for %d forecasts of %d samples after %d that are known: give a longer series, or fewer starts or a shorter horizon",
			rows, length+n-1, n, horizon, warm)
	}
	s := &starts{n: n, dim: dim, warm: warm, horizon: horizon}
	for k := range n {
		from := 0
		if n > 1 {
			from = k * (rows - length) / (n - 1)
		}
		s.known = append(s.known, x[from*dim:(from+warm)*dim]...)
		s.truth = append(s.truth, x[(from+warm)*dim:(from+length)*dim]...)
	}
	return s, nil
}

// seen is what start k shows, true what follows it.
func (s *starts) seen(k int) []float32 { return s.known[k*s.warm*s.dim : (k+1)*s.warm*s.dim] }

// after is the stretch of start k in a forecast or the truth, [horizon, dim].
func (s *starts) after(x []float32, k int) []float32 {
	return x[k*s.horizon*s.dim : (k+1)*s.horizon*s.dim]
}

// forecast continues all starts as one batch with one compiled step: the state is carried from step to step, and after what is known each prediction is the
// next observation. It returns [n, horizon, dim].
func (d design) forecast(ctx context.Context, backend backends.Backend, vars *mlctx.Context, grows []float64, s *starts) ([]float32, error) {
	p, err := fit.NewPredictor("forecast", backend, vars, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
		y, next := d.step(ctx, in[0], in[1:])
		scale := graph.Reshape(constant(y, grows), 1, s.dim)
		return append([]*graph.Node{graph.Add(in[0], graph.Mul(y, scale))}, next...)
	})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	state := []*tensors.Tensor{nil}
	for _, dims := range d.states() {
		size := s.n
		for _, v := range dims {
			size *= v
		}
		state = append(state, tensors.FromFlatDataAndDimensions(make([]float32, size), append([]int{s.n}, dims...)...))
	}
	out := make([]float32, s.n*s.horizon*s.dim)
	x := make([]float32, s.n*s.dim)
	for step := range s.warm + s.horizon - 1 {
		if step < s.warm {
			for k := range s.n {
				copy(x[k*s.dim:(k+1)*s.dim], s.seen(k)[step*s.dim:])
			}
		}
		state[0] = tensors.FromFlatDataAndDimensions(append([]float32{}, x...), s.n, s.dim)
		if state, err = p.Run(ctx, state, s.n); err != nil {
			return nil, err
		}
		if err := tensors.ConstFlatData(state[0], func(flat []float32) { copy(x, flat) }); err != nil {
			return nil, err
		}
		if at := step + 1 - s.warm; at >= 0 {
			for k := range s.n {
				copy(s.after(out, k)[at*s.dim:(at+1)*s.dim], x[k*s.dim:])
			}
		}
	}
	return out, nil
}

// roller forecasts one series in plain Go.
type roller interface {
	// next is what follows x, after all that was given before, in a slice of its own.
	next(x []float64) []float64
}

// roll continues all starts, each with a roller of its own, and returns [n, horizon, dim].
func roll(ctx context.Context, s *starts, begin func() roller) ([]float32, error) {
	out := make([]float32, s.n*s.horizon*s.dim)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for k := range s.n {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, x := begin(), make([]float64, s.dim)
			for step := range s.warm + s.horizon - 1 {
				if step < s.warm {
					for i := range x {
						x[i] = float64(s.seen(k)[step*s.dim+i])
					}
				}
				x = r.next(x)
				if at := step + 1 - s.warm; at >= 0 {
					for i, v := range x {
						s.after(out, k)[at*s.dim+i] = float32(v)
					}
				}
			}
			return nil
		})
	}
	return out, group.Wait()
}

// oneStep is what a model misses a step ahead, on windows of a series in which it sees the truth: the root mean square over all steps after the warm-up, and
// that of the last step with the steps before it in order and shuffled, in standard deviations.
type oneStep struct{ Error, Last, Shuffled float64 }

// oneStep measures a trained design.
func (d design) oneStep(ctx context.Context, backend backends.Backend, vars *mlctx.Context, t *task, b budget, order []int) (oneStep, error) {
	rows := windows(t.Test, t.Dim, b.Steps+1, b.Steps)
	misses := func(shuffle bool) (*tensors.Tensor, error) {
		out, err := fit.Predict(ctx, backend, vars, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			w := in[0]
			if shuffle {
				var parts []*graph.Node
				for _, at := range order { // of the inputs but the last
					parts = append(parts, graph.Slice(w, graph.AxisRange(), graph.AxisElem(at)))
				}
				w = graph.Concatenate(append(parts, graph.Slice(w, graph.AxisRange(), graph.AxisRange(b.Steps-1, b.Steps+1))), 1)
			}
			said, truth := d.predict(ctx, w, t.Grows, 0)
			miss := graph.Mul(graph.Sub(said, truth), graph.Reshape(constant(said, t.Grows), 1, 1, t.Dim))
			return []*graph.Node{graph.Transpose(miss, 0, 1)}
		}, []*tensors.Tensor{rows}, b.Batch)
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}
	var o oneStep
	for _, shuffle := range []bool{false, true} {
		m, err := misses(shuffle)
		if err != nil {
			return o, err
		}
		all, last, n := 0., 0., rows.Shape().Dimensions[0]
		if err := tensors.ConstFlatData(m, func(flat []float32) {
			for i, v := range flat {
				step := i / t.Dim % b.Steps
				if step >= b.Warmup {
					all += float64(v) * float64(v)
				}
				if step == b.Steps-1 {
					last += float64(v) * float64(v)
				}
			}
		}); err != nil {
			return o, err
		}
		last = math.Sqrt(last / float64(n*t.Dim))
		if shuffle {
			o.Shuffled = last
		} else {
			o.Error, o.Last = math.Sqrt(all/float64(n*t.Dim*(b.Steps-b.Warmup))), last
		}
	}
	return o, nil
}
