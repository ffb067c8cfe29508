package dynamics

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/graph"
)

// Cell is one step in time of an array of neurons (or synapses) of any shape, [batch, ...], that do not see one another.
type Cell interface {
	// Rest returns the state before the first step, for inputs shaped like like.
	Rest(like *graph.Node) State
	// Step returns what the cell gives out (spikes, for neurons) and its next state, when it takes in current.
	Step(current *graph.Node, s State) (out *graph.Node, next State)
}

// State is what a cell keeps from one step to the next; what it consists of is said by the cell.
type State []*graph.Node

// Unrolling says how a cell is run over time.
type Unrolling struct {
	// From is the state before the first step; nil means the cell's state of rest. With the Last state of another call it
	// continues a sequence (pass it through [StopGradients] if that was in the same graph and gradients should not).
	From State
	// Truncate keeps gradients from passing through the state every so many steps: back-propagation through time truncated to
	// windows of that length. Zero means never.
	Truncate int
}

// Trajectory is what a cell did over time.
type Trajectory struct {
	Outputs []*graph.Node // for each step, shaped like its input
	States  []State       // after each step
}

// Last is the state after the last step.
func (t *Trajectory) Last() State { return t.States[len(t.States)-1] }

// State returns the k-th part of the state after each step, such as the membrane of an LIF cell with k = 0.
func (t *Trajectory) State(k int) []*graph.Node {
	out := make([]*graph.Node, len(t.States))
	for i, s := range t.States {
		out[i] = s[k]
	}
	return out
}

// Unroll runs the cell over the currents of successive steps, which all have one shape.
func Unroll(c Cell, currents []*graph.Node, u Unrolling) *Trajectory {
	if len(currents) == 0 || u.Truncate < 0 {
		panicf("Unroll needs at least one step, and windows of no negative length; got %d steps, windows of %d", len(currents), u.Truncate)
	}
	s := u.From
	if s == nil {
		s = c.Rest(currents[0])
	}
	t := &Trajectory{}
	for k, current := range currents {
		if u.Truncate > 0 && k > 0 && k%u.Truncate == 0 {
			s = StopGradients(s)
		}
		var out *graph.Node
		out, s = c.Step(current, s)
		t.Outputs, t.States = append(t.Outputs, out), append(t.States, s)
	}
	return t
}

// StopGradients returns the state without its history.
func StopGradients(s State) State {
	out := make(State, len(s))
	for i, x := range s {
		out[i] = graph.StopGradient(x)
	}
	return out
}

// Steps cuts x [time, ...] into one [...] per step. The gradient of all steps is put together at once; that of a slice would be padded to the
// size of the whole, at each step.
func Steps(x *graph.Node) []*graph.Node {
	if x.Rank() < 1 {
		panicf("Steps needs a first axis of time, got a scalar")
	}
	steps := make([]*graph.Node, x.Shape().Dimensions[0])
	arrived := make([]*graph.Node, len(steps)) // gradients
	x = graph.IdentityWithCustomGradient(x, func(x, _ *graph.Node) *graph.Node {
		for t, v := range arrived {
			if v == nil {
				arrived[t] = graph.ZerosLike(steps[t])
			}
		}
		return Stack(arrived)
	})
	for t := range steps {
		spec := make([]graph.SliceAxisSpec, x.Rank())
		for i := range spec {
			spec[i] = graph.AxisRange()
		}
		spec[0] = graph.AxisElem(t)
		// Gradients arrive at the steps before they arrive at x.
		steps[t] = graph.IdentityWithCustomGradient(graph.Squeeze(graph.Slice(x, spec...), 0), func(_, v *graph.Node) *graph.Node {
			arrived[t] = v
			return v
		})
	}
	return steps
}

// Stack is the opposite of Steps: it joins one [...] per step to [time, ...].
func Stack(steps []*graph.Node) *graph.Node {
	rows := make([]*graph.Node, len(steps))
	for i, x := range steps {
		rows[i] = graph.InsertAxes(x, 0)
	}
	if len(rows) == 1 {
		return rows[0]
	}
	return graph.Concatenate(rows, 0)
}

// Repeat gives the same input at each of n steps: the encoding of an image as a constant current ("direct" encoding). What is
// computed of it is computed once.
func Repeat(x *graph.Node, n int) []*graph.Node {
	steps := make([]*graph.Node, n)
	for i := range steps {
		steps[i] = x
	}
	return steps
}

// Mean is the mean over steps, such as the firing rate of spikes.
func Mean(steps []*graph.Node) *graph.Node {
	sum := steps[0]
	for _, x := range steps[1:] {
		sum = graph.Add(sum, x)
	}
	return graph.MulScalar(sum, 1/float64(len(steps)))
}

// Series is cells of which each takes in what the one before gives out, in the same step: a synapse before a neuron. Its state is those of
// its cells, one behind the other.
type Series []Cell

// Rest is the state of rest of all cells.
func (s Series) Rest(like *graph.Node) State {
	var all State
	for _, c := range s {
		all = append(all, c.Rest(like)...)
	}
	return all
}

// Step runs the cells one after the other.
func (s Series) Step(current *graph.Node, state State) (*graph.Node, State) {
	var next State
	for _, c := range s {
		n := len(c.Rest(current))
		var own State
		current, own = c.Step(current, state[:n:n])
		next, state = append(next, own...), state[n:]
	}
	return current, next
}

// Map is a cell without state, such as a layer of weights.
type Map func(x *graph.Node) *graph.Node

// Rest is no state.
func (Map) Rest(*graph.Node) State { return nil }

// Step returns the function of x.
func (m Map) Step(x *graph.Node, _ State) (*graph.Node, State) { return m(x), nil }

// Recurrent is a cell whose outputs come back as currents, through Back, one step later. Its state is the cell's, then Back's, then the last
// output.
type Recurrent struct {
	Cell Cell
	Back Cell // takes in the cell's output, gives out a current like the cell's input
}

// Rest is the states of rest of both, and no output.
func (r Recurrent) Rest(like *graph.Node) State {
	return append(append(r.Cell.Rest(like), r.Back.Rest(like)...), graph.ZerosLike(like))
}

// Step runs both.
func (r Recurrent) Step(current *graph.Node, s State) (*graph.Node, State) {
	n, last := len(r.Cell.Rest(current)), len(s)-1
	returned, back := r.Back.Step(s[last], s[n:last:last])
	out, own := r.Cell.Step(graph.Add(current, returned), s[:n:n])
	next := append(append(State{}, own...), back...)
	return out, append(next, out)
}

// panicf reports a mistake in building a graph, as GoMLX does; compute.Catch makes an error of it.
func panicf(format string, args ...any) { panic(fmt.Errorf("dynamics: "+format, args...)) }
