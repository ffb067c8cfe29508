package fixedpoint

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/compute"
)

// Network is a recurrent map as a graph.
type Network struct {
	Units int // n, the size of a state
	// Step takes states [batch, n] one step on. It gets the variables of New, which must exist, and must treat rows apart from one another.
	Step func(ctx *mlctx.Context, h *graph.Node) *graph.Node
	// DType of states in the graph; zero means Float32. Speeds much below n·1e-14 cannot be told from zero in Float32.
	DType dtypes.DType
}

// Model is a network compiled for searches. It is for one goroutine.
type Model struct {
	Network
	next, descend, jacobian *mlctx.Exec
}

// New compiles a network with its variables.
func New(backend backends.Backend, vars *mlctx.Context, n Network) (*Model, error) {
	if n.Units < 1 || n.Step == nil {
		return nil, fmt.Errorf("a network needs at least one unit and a step, it has %d units", n.Units)
	}
	switch n.DType {
	case dtypes.InvalidDType:
		n.DType = dtypes.Float32
	case dtypes.Float32, dtypes.Float64:
	default:
		return nil, fmt.Errorf("states of type %s; they can be Float32 or Float64", n.DType)
	}
	m := &Model{Network: n}
	err := compute.Catch("preparing the network", func() (err error) {
		vars := vars.Reuse().Checked(true)
		if m.next, err = mlctx.NewExec(backend, vars, m.step); err != nil {
			return err
		}
		if m.descend, err = mlctx.NewExec(backend, vars, m.descent); err != nil {
			return err
		}
		m.jacobian, err = mlctx.NewExec(backend, vars, func(ctx *mlctx.Context, h *graph.Node) *graph.Node {
			// The gradient of output i at copy i of the state is row i of the Jacobian.
			copies := graph.BroadcastToDims(h, n.Units, n.Units)
			own := graph.Mul(m.step(ctx, copies), graph.OnesLike(copies))
			own = graph.ReduceAllSum(graph.Mul(own, eye(copies)))
			return graph.Gradient(own, copies)[0]
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// eye is the identity, shaped like x [n, n].
func eye(x *graph.Node) *graph.Node {
	shape := x.Shape()
	return graph.ConvertDType(graph.Equal(graph.Iota(x.Graph(), shape, 0), graph.Iota(x.Graph(), shape, 1)), shape.DType)
}

// Close frees the compiled graphs.
func (m *Model) Close() {
	for _, e := range []*mlctx.Exec{m.next, m.descend, m.jacobian} {
		e.Finalize()
	}
}

func (m *Model) step(ctx *mlctx.Context, h *graph.Node) *graph.Node {
	next := m.Network.Step(ctx, h)
	if !next.Shape().Equal(h.Shape()) {
		panic(fmt.Errorf("a step makes states of shape %s from %s; it must not change the shape", next.Shape(), h.Shape()))
	}
	return next
}

// Next returns the states [k, n] one step after states [k, n].
func (m *Model) Next(states *mat.Dense) (*mat.Dense, error) {
	rows, columns := states.Dims()
	if columns != m.Units {
		return nil, fmt.Errorf("states of %d units for a network of %d", columns, m.Units)
	}
	out := mat.NewDense(rows, columns, nil)
	// Batches come in few sizes, for each of which the graph is compiled once.
	size := batchOf(rows)
	values := make([]float64, size*columns)
	for i := range size {
		copy(values[i*columns:], states.RawRowView(min(i, rows-1)))
	}
	err := compute.Catch(fmt.Sprintf("a step of %d states of %d units", size, columns), func() error {
		results, err := m.next.Exec(m.tensor(values, size, columns))
		if err != nil {
			return err
		}
		copy(out.RawMatrix().Data, floats(results[0]))
		results[0].MustFinalizeAll()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// batchOf is the next power of two, at least 16.
func batchOf(rows int) int {
	size := 16
	for size < rows {
		size *= 2
	}
	return size
}

// Speed returns q = |F(h) - h|²/2 of each of the states [k, n].
func (m *Model) Speed(states *mat.Dense) ([]float64, error) {
	next, err := m.Next(states)
	if err != nil {
		return nil, err
	}
	next.Sub(next, states)
	return speeds(next), nil
}

// speeds returns half the squared norm of each row.
func speeds(velocity *mat.Dense) []float64 {
	rows, _ := velocity.Dims()
	q := make([]float64, rows)
	for i := range q {
		for _, v := range velocity.RawRowView(i) {
			q[i] += v * v / 2
		}
	}
	return q
}

// Jacobian returns ∂F_i/∂h_j [n, n] at one state, by automatic differentiation.
func (m *Model) Jacobian(state []float64) (*mat.Dense, error) {
	if len(state) != m.Units {
		return nil, fmt.Errorf("a state of %d units for a network of %d", len(state), m.Units)
	}
	out := mat.NewDense(m.Units, m.Units, nil)
	err := compute.Catch(fmt.Sprintf("the Jacobian of %d units", m.Units), func() error {
		results, err := m.jacobian.Exec(m.tensor(state, 1, m.Units))
		if err != nil {
			return err
		}
		copy(out.RawMatrix().Data, floats(results[0]))
		results[0].MustFinalizeAll()
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range m.Units {
		for j, v := range out.RawRowView(i) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("the derivative of unit %d by unit %d is %v", i, j, v)
			}
		}
	}
	return out, nil
}

// Follow writes the state after x and the Jacobian at x, row-major, as a lyapunov.Map does, so that
// lyapunov.OfMap(ctx, m.Follow, start, ...) gives the exponents of the network.
func (m *Model) Follow(next, jacobian, x []float64) error {
	after, err := m.Next(mat.NewDense(1, len(x), x))
	if err != nil {
		return err
	}
	j, err := m.Jacobian(x)
	if err != nil {
		return err
	}
	copy(next, after.RawRowView(0))
	copy(jacobian, j.RawMatrix().Data)
	return nil
}

func (m *Model) tensor(values []float64, dimensions ...int) *tensors.Tensor {
	if m.DType == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(values, dimensions...)
	}
	return tensors.FromFlatDataAndDimensions(converted[float32](values), dimensions...)
}

// floats returns a tensor of Float32 or Float64 as float64.
func floats(t *tensors.Tensor) []float64 {
	if t.DType() == dtypes.Float64 {
		return tensors.MustCopyFlatData[float64](t)
	}
	return converted[float64](tensors.MustCopyFlatData[float32](t))
}

func converted[To, From float32 | float64](from []From) []To {
	to := make([]To, len(from))
	for i, v := range from {
		to[i] = To(v)
	}
	return to
}
