package fixedpoint

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute"
)

// Search says how fixed points are looked for. The zero value of each field stands for what is said beside it.
type Search struct {
	Tolerance    float64 // q up to which a state counts as fixed: 1e-12
	LearningRate float64 // of Adam at the beginning of each start: 0.05
	Iterations   int     // of Adam for each start at most: 5000
	// Patience is for how many iterations a start goes on whose q falls by less than a tenth: 200. It then ends as a slow point.
	Patience int
	// Near is the speed per unit, the root mean square of F(h) - h, below which Newton's method takes over: 0.02. Negative means never.
	Near float64
	// Merge is by how much some unit must differ for two states to be two points: 1e-3.
	Merge float64
	// Outlier is how many times as far as the average start a point may lie from the centre of the starts; others are dropped: 10.
	Outlier float64
}

// Point is where some of the starts ended.
type Point struct {
	State  []float64
	Speed  float64 // q
	Starts []int   // rows of the starts that ended here
}

// Found is what a search found, the points with most starts first.
type Found struct {
	Fixed    []Point // of speeds up to the tolerance
	Slow     []Point // where descent came to an end above it
	Outliers int     // starts that ended too far away, or not at finite states
	Descents int     // iterations of Adam, summed over starts
}

// inner is how many iterations of Adam one run of the compiled graph does.
const inner = 8

// Find searches from the starts [k, n], such as states of trajectories with noise added. All starts descend together, each with a learning rate
// of its own, which falls when its speed rises. A start near to standing still is finished by Newton's method; those that would end at
// the same point share the factors of one Jacobian. Where Newton's method does not lead on at once, descent does.
//
// A state that is not fixed ends the search among the slow points, unless it lies so far away that it counts as outlier.
func (m *Model) Find(ctx context.Context, starts *mat.Dense, s Search) (*Found, error) {
	s, err := s.withDefaults()
	if err != nil {
		return nil, err
	}
	rows, columns := starts.Dims()
	if columns != m.Units || rows < 1 {
		return nil, fmt.Errorf("%d starts of %d units for a network of %d", rows, columns, m.Units)
	}
	for i := range rows {
		for j, v := range starts.RawRowView(i) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("unit %d of start %d is %v; starts must be finite", j, i, v)
			}
		}
	}
	run := &run{Model: m, Search: s, found: &Found{}}
	run.reach(starts)
	walkers := make([]*walker, rows)
	for i := range walkers {
		walkers[i] = newWalker(i, starts.RawRowView(i), s, m.Units)
	}
	if err := run.search(ctx, walkers); err != nil {
		return nil, err
	}
	bySize := func(a, b Point) int { return cmp.Or(len(b.Starts)-len(a.Starts), cmp.Compare(a.Speed, b.Speed)) }
	slices.SortStableFunc(run.found.Fixed, bySize)
	slices.SortStableFunc(run.found.Slow, bySize)
	return run.found, nil
}

func (s Search) withDefaults() (Search, error) {
	for _, f := range []struct {
		value *float64
		zero  float64
		name  string
	}{
		{&s.Tolerance, 1e-12, "tolerance"}, {&s.LearningRate, .05, "learning rate"}, {&s.Merge, 1e-3, "distance to merge"}, {&s.Outlier, 10, "distance of outliers"},
	} {
		if *f.value == 0 {
			*f.value = f.zero
		}
		if !(*f.value > 0) {
			return s, fmt.Errorf("the %s is %v; it must be positive", f.name, *f.value)
		}
	}
	if s.Near == 0 {
		s.Near = .02
	}
	if s.Iterations == 0 {
		s.Iterations = 5000
	}
	if s.Patience == 0 {
		s.Patience = 200
	}
	if s.Iterations < 1 || s.Patience < 1 {
		return s, fmt.Errorf("%d iterations with a patience of %d; both must be positive", s.Iterations, s.Patience)
	}
	return s, nil
}

// walker is one start on its way.
type walker struct {
	start            int
	h, first, second []float64 // the state, and Adam's moments of the gradient
	rate             float64
	q                float64 // the speed when it was last seen
	best             float64 // the speed that has to be beaten by a tenth
	since            int     // iterations since it was
	iterations       int
	near             float64 // the speed below which Newton's method is tried
	refused          int     // how often it was tried in vain
	falls            bool    // whether the speed halved in the last iterations, as it does on the way to a fixed point
}

func newWalker(start int, h []float64, s Search, units int) *walker {
	w := &walker{start: start, h: slices.Clone(h), first: make([]float64, units), second: make([]float64, units), rate: s.LearningRate}
	w.q, w.best = math.Inf(1), math.Inf(1)
	if s.Near > 0 {
		w.near = max(s.Tolerance, float64(units)*s.Near*s.Near/2)
	}
	return w
}

// run is one search.
type run struct {
	*Model
	Search
	found  *Found
	known  []*anchor
	centre []float64
	spread float64 // the average distance of starts from the centre
}

func (r *run) reach(starts *mat.Dense) {
	rows, columns := starts.Dims()
	r.centre = make([]float64, columns)
	for i := range rows {
		for j, v := range starts.RawRowView(i) {
			r.centre[j] += v / float64(rows)
		}
	}
	for i := range rows {
		r.spread += distance(starts.RawRowView(i), r.centre) / float64(rows)
	}
	if r.spread == 0 { // a single start says nothing about scale
		r.spread = math.Inf(1)
	}
}

func (r *run) search(ctx context.Context, walkers []*walker) error {
	for len(walkers) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.descendAll(walkers); err != nil {
			return err
		}
		var near, on []*walker
		for _, w := range walkers {
			switch {
			case math.IsNaN(w.q) || math.IsInf(w.q, 0):
				r.found.Outliers++
			case w.q <= w.near || w.q <= r.Tolerance:
				near = append(near, w)
			case w.iterations >= r.Iterations || w.since >= r.Patience:
				r.arrive(w, false)
			default:
				on = append(on, w)
			}
		}
		back, err := r.polish(ctx, near)
		if err != nil {
			return err
		}
		for _, w := range back {
			if w.iterations >= r.Iterations || w.since >= r.Patience {
				r.arrive(w, false)
			} else {
				on = append(on, w)
			}
		}
		walkers = on
	}
	return nil
}

// descendAll moves all walkers by some iterations of Adam.
func (r *run) descendAll(walkers []*walker) error {
	n, size := r.Units, batchOf(len(walkers))
	flat := func(of func(w *walker) []float64, width int) *tensors.Tensor {
		values := make([]float64, size*width)
		for i := range size {
			copy(values[i*width:], of(walkers[min(i, len(walkers)-1)]))
		}
		return r.tensor(values, size, width)
	}
	return compute.Catch(fmt.Sprintf("descent of %d states of %d units", size, n), func() error {
		out, err := r.descend.Exec(
			flat(func(w *walker) []float64 { return w.h }, n),
			flat(func(w *walker) []float64 { return w.first }, n),
			flat(func(w *walker) []float64 { return w.second }, n),
			flat(func(w *walker) []float64 { return []float64{w.rate, w.q, float64(w.iterations), r.LearningRate} }, 4))
		if err != nil {
			return err
		}
		h, first, second, rest := floats(out[0]), floats(out[1]), floats(out[2]), floats(out[3])
		for _, o := range out {
			o.MustFinalizeAll()
		}
		for i, w := range walkers {
			copy(w.h, h[i*n:])
			copy(w.first, first[i*n:])
			copy(w.second, second[i*n:])
			w.falls = rest[i*2+1] < .5*w.q
			w.rate, w.q = rest[i*2], rest[i*2+1]
			w.iterations += inner
			r.found.Descents += inner
			if w.since += inner; w.q < .9*w.best {
				w.best, w.since = w.q, 0
			}
		}
		return nil
	})
}

// descent is the graph of some iterations of Adam on q for states, moments [batch, n] and [batch, 4] of the learning rate, the speed before, the
// iterations done and the highest learning rate. It returns states, moments and [batch, 2] of the learning rate and the speed after all iterations but the last.
func (m *Model) descent(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
	const beta1, beta2, epsilon = .9, .999, 1e-10
	h, first, second := in[0], in[1], in[2]
	column := func(k int) *graph.Node { return graph.Slice(in[3], graph.AxisRange(), graph.AxisElem(k)) }
	rate, before, done, highest := column(0), column(1), column(2), column(3)
	power := func(base float64, of *graph.Node) *graph.Node { return graph.Exp(graph.MulScalar(of, math.Log(base))) }
	for k := range inner {
		velocity := graph.Sub(m.step(ctx, h), h)
		q := graph.MulScalar(graph.ReduceAndKeep(graph.Square(velocity), graph.ReduceSum, 1), .5)
		gradient := graph.Gradient(graph.ReduceAllSum(q), h)[0]
		rate = graph.Where(graph.GreaterThan(q, before), graph.MulScalar(rate, .95), graph.Min(graph.MulScalar(rate, 1.05), highest))
		before = q
		first = graph.Add(graph.MulScalar(first, beta1), graph.MulScalar(gradient, 1-beta1))
		second = graph.Add(graph.MulScalar(second, beta2), graph.MulScalar(graph.Square(gradient), 1-beta2))
		count := graph.AddScalar(done, float64(k+1))
		scale := graph.Mul(rate, graph.Div(graph.Sqrt(graph.OneMinus(power(beta2, count))), graph.OneMinus(power(beta1, count))))
		h = graph.Sub(h, graph.Div(graph.Mul(scale, first), graph.AddScalar(graph.Sqrt(second), epsilon)))
	}
	return []*graph.Node{h, first, second, graph.Concatenate([]*graph.Node{rate, before}, 1)}
}

// arrive enters where a walker ended.
func (r *run) arrive(w *walker, fixed bool) {
	if !(distance(w.h, r.centre) <= r.Outlier*r.spread) {
		r.found.Outliers++
		return
	}
	points := &r.found.Slow
	if fixed {
		points = &r.found.Fixed
	}
	for i := range *points {
		p := &(*points)[i]
		if !apart(p.State, w.h, r.Merge) {
			p.Starts = append(p.Starts, w.start)
			if w.q < p.Speed {
				p.State, p.Speed = w.h, w.q
			}
			return
		}
	}
	*points = append(*points, Point{State: w.h, Speed: w.q, Starts: []int{w.start}})
}

func apart(a, b []float64, by float64) bool {
	for i, v := range a {
		if math.Abs(v-b[i]) >= by {
			return true
		}
	}
	return false
}

func distance(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += (v - b[i]) * (v - b[i])
	}
	return math.Sqrt(sum)
}
