package fixedpoint_test

import (
	"context"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/dynamics/fixedpoint"
	"github.com/gyrus-dev/gyrus/dynamics/lyapunov"
)

func compiled(t testing.TB, n fixedpoint.Network) *fixedpoint.Model {
	t.Helper()
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	m, err := fixedpoint.New(backend, mlctx.New(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func scattered(rows, columns int, size float64, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 3))
	m := mat.NewDense(rows, columns, nil)
	for i := range rows {
		for j := range columns {
			m.Set(i, j, size*(2*rng.Float64()-1))
		}
	}
	return m
}

// twoBits holds two bits: each unit excites itself, h' = tanh(2h).
func twoBits(_ *mlctx.Context, h *graph.Node) *graph.Node { return graph.Tanh(graph.MulScalar(h, 2)) }

func TestTwoBits(t *testing.T) {
	high := .9
	for range 100 {
		high = math.Tanh(2 * high)
	}
	for _, near := range []float64{0, -1} { // with Newton's method and without
		m := compiled(t, fixedpoint.Network{Units: 2, Step: twoBits})
		found, err := m.Find(context.Background(), scattered(300, 2, 1.2, 1), fixedpoint.Search{Tolerance: 1e-11, Near: near})
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[[2]int]fixedpoint.Kind{}
		starts := 0
		for _, p := range found.Fixed {
			var bits [2]int
			for i, v := range p.State {
				bits[i] = int(math.Round(v / high))
				if math.Abs(v-float64(bits[i])*high) > 1e-4 {
					t.Errorf("Near %v: a fixed point at %v", near, p.State)
				}
			}
			j, err := m.Jacobian(p.State)
			if err != nil {
				t.Fatal(err)
			}
			l, err := fixedpoint.Linearise(j)
			if err != nil {
				t.Fatal(err)
			}
			kinds[bits] = l.Kind
			starts += len(p.Starts)
		}
		if len(found.Fixed) != 9 || len(kinds) != 9 {
			t.Errorf("Near %v: %d fixed points at %v, want 9", near, len(found.Fixed), kinds)
		}
		for bits, kind := range kinds {
			want := [...]fixedpoint.Kind{fixedpoint.Unstable, fixedpoint.Saddle, fixedpoint.Stable}[bits[0]*bits[0]+bits[1]*bits[1]]
			if kind != want {
				t.Errorf("Near %v: the point at %v is %v, want %v", near, bits, kind, want)
			}
		}
		for _, p := range found.Slow {
			starts += len(p.Starts)
		}
		if starts+found.Outliers != 300 {
			t.Errorf("Near %v: of 300 starts %d ended at points and %d as outliers", near, starts, found.Outliers)
		}
		t.Logf("Near %v: %d iterations, %d slow points", near, found.Descents, len(found.Slow))
	}
}

// A damped pendulum, in steps of symplectic Euler: it can stand or hang. Time constants and frequency follow from the matrix by hand.
func TestPendulum(t *testing.T) {
	const dt, damping = .05, .4
	m := compiled(t, fixedpoint.Network{Units: 2, DType: dtypes.Float64, Step: func(_ *mlctx.Context, h *graph.Node) *graph.Node {
		angle, speed := graph.Slice(h, graph.AxisRange(), graph.AxisElem(0)), graph.Slice(h, graph.AxisRange(), graph.AxisElem(1))
		speed = graph.Sub(speed, graph.MulScalar(graph.Add(graph.Sin(angle), graph.MulScalar(speed, damping)), dt))
		return graph.Concatenate([]*graph.Node{graph.Add(angle, graph.MulScalar(speed, dt)), speed}, 1)
	}})
	found, err := m.Find(context.Background(), scattered(64, 2, 4, 2), fixedpoint.Search{Tolerance: 1e-20})
	if err != nil {
		t.Fatal(err)
	}
	hanging, standing := 0, 0
	for _, p := range found.Fixed {
		turns := p.State[0] / math.Pi
		if math.Abs(turns-math.Round(turns)) > 1e-6 || math.Abs(p.State[1]) > 1e-6 {
			t.Errorf("a fixed point at %v", p.State)
			continue
		}
		j, err := m.Jacobian(p.State)
		if err != nil {
			t.Fatal(err)
		}
		sign := math.Cos(p.State[0])
		want := mat.NewDense(2, 2, []float64{1 - dt*dt*sign, dt * (1 - dt*damping), -dt * sign, 1 - dt*damping})
		if !mat.EqualApprox(j, want, 1e-7) {
			t.Errorf("at %v the Jacobian is %v, want %v", p.State, mat.Formatted(j), mat.Formatted(want))
		}
		l, err := fixedpoint.Linearise(j)
		if err != nil {
			t.Fatal(err)
		}
		if sign > 0 {
			hanging++
			// Continuous time: decay at half the damping, turning at sqrt(1 - damping²/4).
			if l.Kind != fixedpoint.Stable || math.Abs(l.TimeConstants(dt)[0]-2/damping) > .1 ||
				math.Abs(l.Frequencies(dt)[0]-math.Sqrt(1-damping*damping/4)/(2*math.Pi)) > 2e-3 {
				t.Errorf("hanging it is %v, with time constants %v and frequencies %v", l.Kind, l.TimeConstants(dt), l.Frequencies(dt))
			}
		} else {
			standing++
			rate := -damping/2 + math.Sqrt(damping*damping/4+1)
			if l.Kind != fixedpoint.Saddle || l.Growing != 1 || math.Abs(l.TimeConstants(dt)[0]-1/rate) > .05 {
				t.Errorf("standing it is %v, with time constants %v", l.Kind, l.TimeConstants(dt))
			}
		}
	}
	if hanging == 0 || standing == 0 {
		t.Errorf("found %d hanging and %d standing pendulums", hanging, standing)
	}
}

// Shortly before two fixed points meet into being, the state slows down where they will: h' = h + (h² + 0.01)/10 has no fixed point but is slowest at 0.
func TestSlowPoint(t *testing.T) {
	m := compiled(t, fixedpoint.Network{Units: 1, DType: dtypes.Float64, Step: func(_ *mlctx.Context, h *graph.Node) *graph.Node {
		return graph.Add(h, graph.MulScalar(graph.AddScalar(graph.Square(h), .01), .1))
	}})
	found, err := m.Find(context.Background(), scattered(20, 1, 1, 3), fixedpoint.Search{Patience: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Fixed) != 0 || len(found.Slow) == 0 {
		t.Fatalf("found %d fixed and %d slow points, want none and some", len(found.Fixed), len(found.Slow))
	}
	for _, p := range found.Slow {
		if math.Abs(p.State[0]) > 2e-3 || math.Abs(p.Speed-5e-7) > 1e-8 {
			t.Errorf("a slow point at %v of speed %v, want one at 0 of 5e-7", p.State, p.Speed)
		}
	}
}

// On a line of fixed points every start ends at one of its own.
func TestLineOfFixedPoints(t *testing.T) {
	m := compiled(t, fixedpoint.Network{Units: 2, Step: func(_ *mlctx.Context, h *graph.Node) *graph.Node {
		keep := graph.Const(h.Graph(), [][]float32{{1, 0}, {0, .5}})
		return graph.Dot(h, keep)
	}})
	found, err := m.Find(context.Background(), scattered(30, 2, 1, 4), fixedpoint.Search{})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Fixed) < 25 || len(found.Slow) > 0 {
		t.Errorf("%d fixed points and %d slow points, want one for each of 30 starts", len(found.Fixed), len(found.Slow))
	}
	j, err := m.Jacobian(found.Fixed[0].State)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := fixedpoint.Linearise(j); err != nil || l.Kind != fixedpoint.Marginal || !math.IsInf(l.TimeConstants(1)[0], 1) {
		t.Errorf("it is %v, %v, %v", l.Kind, l.TimeConstants(1), err)
	}
}

func TestJacobianAgainstDifferences(t *testing.T) {
	w := scattered(6, 6, 1, 5)
	m := compiled(t, fixedpoint.Network{Units: 6, DType: dtypes.Float64, Step: func(_ *mlctx.Context, h *graph.Node) *graph.Node {
		weights := graph.Reshape(graph.Const(h.Graph(), w.RawMatrix().Data), 6, 6)
		gate := graph.Sigmoid(graph.Dot(h, weights))
		return graph.Add(graph.Mul(gate, h), graph.Mul(graph.OneMinus(gate), graph.Tanh(graph.Dot(h, graph.Transpose(weights, 0, 1)))))
	}})
	at := scattered(1, 6, 1, 6)
	j, err := m.Jacobian(at.RawRowView(0))
	if err != nil {
		t.Fatal(err)
	}
	for k := range 6 {
		moved := mat.NewDense(2, 6, nil)
		moved.SetRow(0, at.RawRowView(0))
		moved.SetRow(1, at.RawRowView(0))
		moved.Set(0, k, at.At(0, k)+1e-6)
		moved.Set(1, k, at.At(0, k)-1e-6)
		next, err := m.Next(moved)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			if want := (next.At(0, i) - next.At(1, i)) / 2e-6; math.Abs(j.At(i, k)-want) > 1e-8 {
				t.Errorf("∂F_%d/∂h_%d is %v, by differences %v", i, k, j.At(i, k), want)
			}
		}
	}
}

func TestLinearise(t *testing.T) {
	l, err := fixedpoint.Linearise(mat.NewDense(3, 3, []float64{0, -.5, 0, .5, 0, 0, 0, 0, 2}))
	if err != nil {
		t.Fatal(err)
	}
	want := []complex128{2, .5i, -.5i}
	if !slices.EqualFunc(l.Eigenvalues, want, func(a, b complex128) bool { return cmplx.Abs(a-b) < 1e-12 }) || l.Kind != fixedpoint.Saddle || l.Growing != 1 {
		t.Errorf("%+v", l)
	}
	if f := l.Frequencies(.1); math.Abs(f[1]-2.5) > 1e-12 || f[0] != 0 {
		t.Errorf("frequencies %v, want a quarter turn in each tenth: 2.5", f)
	}
}

func TestExponentsOfANetwork(t *testing.T) {
	m := compiled(t, fixedpoint.Network{Units: 2, Step: twoBits})
	got, err := lyapunov.OfMap(context.Background(), m.Follow, []float64{.3, -.2}, lyapunov.Stepping{Discard: 30, Steps: 20})
	high := .95750402
	if want := math.Log(2 * (1 - high*high)); err != nil || math.Abs(got[0]-want) > 1e-4 || math.Abs(got[1]-want) > 1e-4 {
		t.Errorf("exponents %v, %v, want %v twice, those of the stable point it ends at", got, err, want)
	}
}

func TestRefused(t *testing.T) {
	m := compiled(t, fixedpoint.Network{Units: 2, Step: twoBits})
	nan := scattered(3, 2, 1, 7)
	nan.Set(1, 0, math.NaN())
	wide := compiled(t, fixedpoint.Network{Units: 2, Step: func(_ *mlctx.Context, h *graph.Node) *graph.Node {
		return graph.Concatenate([]*graph.Node{h, h}, 1)
	}})
	of := func(_ any, err error) error { return err }
	ctx := context.Background()
	stopped, stop := context.WithCancel(ctx)
	stop()
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"units", of(m.Find(ctx, scattered(3, 4, 1, 8), fixedpoint.Search{})), "4 units for a network of 2"},
		{"NaN", of(m.Find(ctx, nan, fixedpoint.Search{})), "unit 0 of start 1"},
		{"tolerance", of(m.Find(ctx, scattered(3, 2, 1, 9), fixedpoint.Search{Tolerance: -1})), "tolerance"},
		{"stopped", of(m.Find(stopped, scattered(3, 2, 1, 9), fixedpoint.Search{})), "canceled"},
		{"shape", of(wide.Find(ctx, scattered(3, 2, 1, 10), fixedpoint.Search{})), "must not change the shape"},
		{"square", of(fixedpoint.Linearise(mat.NewDense(2, 3, nil))), "not square"},
		{"no units", of(fixedpoint.New(nil, mlctx.New(), fixedpoint.Network{})), "at least one unit"},
		{"integers", of(fixedpoint.New(nil, mlctx.New(), fixedpoint.Network{Units: 1, Step: twoBits, DType: dtypes.Int32})), "Float32 or Float64"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", c.name, c.err, c.says)
		}
	}
}
