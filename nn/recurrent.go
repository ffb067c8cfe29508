package nn

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// The cells are written for networks that are unrolled over hundreds of steps. A step has one product per gate, of the input and the state
// side by side with both weights on top of each other, and slices nothing that has a gradient: the gradient of a slice pads it to the
// size of the whole, which the stock backend cannot do, and which makes cutting the steps out of a sequence projected at once no faster
// than projecting step by step (measured for 50 and 200 steps of 64 units).

// Unstack cuts x [batch, time, features] into one [batch, features] per time.
func Unstack(x *graph.Node) []*graph.Node {
	if x.Rank() != 3 {
		panicf("Unstack needs [batch, time, features], got shape %s", x.Shape())
	}
	xs := make([]*graph.Node, x.Shape().Dimensions[1])
	for t := range xs {
		xs[t] = graph.Squeeze(graph.Slice(x, graph.AxisRange(), graph.AxisElem(t), graph.AxisRange()), 1)
	}
	return xs
}

// Stack is the opposite of Unstack: it joins one [batch, features] per time to [batch, time, features].
func Stack(xs []*graph.Node) *graph.Node {
	rows := make([]*graph.Node, len(xs))
	for i, x := range xs {
		rows[i] = graph.InsertAxes(x, 1)
	}
	return graph.Concatenate(rows, 1)
}

// gate is the variables of one gate of a cell.
type gate struct {
	in, hidden         *graph.Node // weights [inputs, hidden] and [hidden, hidden]
	inBias, hiddenBias *graph.Node // [1, hidden]
}

// newGate creates the variables "input_weights", "hidden_weights", "input_bias" and "hidden_bias" in the scope of a gate. All begin
// uniformly within ±1/√hidden, as in PyTorch.
func newGate(ctx *mlctx.Context, like *graph.Node, inputs, hidden int) gate {
	init := FanInUniform(hidden)
	return gate{
		in:         variable(ctx, like, "input_weights", init, inputs, hidden),
		hidden:     variable(ctx, like, "hidden_weights", init, hidden, hidden),
		inBias:     graph.Reshape(variable(ctx, like, "input_bias", init, hidden), 1, hidden),
		hiddenBias: graph.Reshape(variable(ctx, like, "hidden_bias", init, hidden), 1, hidden),
	}
}

// affine is a map of an input and a state side by side.
type affine struct{ weights, bias *graph.Node } // [inputs+hidden, hidden] and [1, hidden]

func (g gate) joined() affine {
	return affine{graph.Concatenate([]*graph.Node{g.in, g.hidden}, 0), graph.Add(g.inBias, g.hiddenBias)}
}

func (a affine) apply(inputAndState *graph.Node) *graph.Node {
	return graph.Add(graph.Dot(inputAndState, a.weights), a.bias)
}

// cell is what the cells share.
type cell struct {
	like           *graph.Node // has the type of everything
	inputs, hidden int
}

// Zero returns a state of zeros, [batch, hidden].
func (c cell) Zero(batch int) *graph.Node {
	return graph.Zeros(c.like.Graph(), shapeOf(c.like, batch, c.hidden))
}

func (c cell) check(x, h *graph.Node) {
	if x.Rank() != 2 || h.Rank() != 2 || x.Shape().Dimensions[1] != c.inputs || h.Shape().Dimensions[1] != c.hidden ||
		x.Shape().Dimensions[0] != h.Shape().Dimensions[0] {
		panicf("a recurrent cell needs an input [batch, %d] and a state [batch, %d], got shapes %s and %s", c.inputs, c.hidden, x.Shape(), h.Shape())
	}
}

// GRUCell is PyTorch's GRUCell:
//
//	r = σ(W_ir x + b_ir + W_hr h + b_hr)
//	u = σ(W_iz x + b_iz + W_hz h + b_hz)
//	n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))
//	h' = (1-u) ⊙ n + u ⊙ h
type GRUCell struct {
	cell
	reset, update affine
	candidate     gate
}

// NewGRUCell creates a cell in the graph of like, which also gives the type. Its variables are in the scopes "reset", "update" and "new":
// "input_weights" [inputs, hidden], "hidden_weights" [hidden, hidden], and "input_bias" and "hidden_bias" [hidden].
func NewGRUCell(ctx *mlctx.Context, like *graph.Node, inputs, hidden int) *GRUCell {
	checkSizes(inputs, hidden)
	return &GRUCell{
		cell:      cell{like, inputs, hidden},
		reset:     newGate(ctx.In("reset"), like, inputs, hidden).joined(),
		update:    newGate(ctx.In("update"), like, inputs, hidden).joined(),
		candidate: newGate(ctx.In("new"), like, inputs, hidden),
	}
}

// Step returns the state [batch, hidden] after the state h, when the cell reads x [batch, inputs].
func (c *GRUCell) Step(x, h *graph.Node) *graph.Node {
	c.check(x, h)
	both := graph.Concatenate([]*graph.Node{x, h}, 1) // [batch, inputs+hidden]
	r := graph.Sigmoid(c.reset.apply(both))
	u := graph.Sigmoid(c.update.apply(both))
	in := graph.Add(graph.Dot(x, c.candidate.in), c.candidate.inBias)
	memory := graph.Add(graph.Dot(h, c.candidate.hidden), c.candidate.hiddenBias)
	n := graph.Tanh(graph.Add(in, graph.Mul(r, memory)))
	return graph.Add(n, graph.Mul(u, graph.Sub(h, n)))
}

// LSTMCell is PyTorch's LSTMCell:
//
//	i, f, o = σ(W_i x + b_i + W_h h + b_h)    g = tanh(W_i x + b_i + W_h h + b_h)
//	c' = f ⊙ c + i ⊙ g                        h' = o ⊙ tanh(c')
type LSTMCell struct {
	cell
	in, forget, candidate, out affine
}

// NewLSTMCell creates a cell in the graph of like, which also gives the type. Its variables are as for [NewGRUCell], in the scopes "in",
// "forget", "new" and "out".
func NewLSTMCell(ctx *mlctx.Context, like *graph.Node, inputs, hidden int) *LSTMCell {
	checkSizes(inputs, hidden)
	part := func(scope string) affine { return newGate(ctx.In(scope), like, inputs, hidden).joined() }
	return &LSTMCell{cell{like, inputs, hidden}, part("in"), part("forget"), part("new"), part("out")}
}

// Step returns the states [batch, hidden] after the states h and c, when the cell reads x [batch, inputs].
func (l *LSTMCell) Step(x, h, c *graph.Node) (newH, newC *graph.Node) {
	l.check(x, h)
	both := graph.Concatenate([]*graph.Node{x, h}, 1) // [batch, inputs+hidden]
	in, forget, out := graph.Sigmoid(l.in.apply(both)), graph.Sigmoid(l.forget.apply(both)), graph.Sigmoid(l.out.apply(both))
	newC = graph.Add(graph.Mul(forget, c), graph.Mul(in, graph.Tanh(l.candidate.apply(both))))
	return graph.Mul(out, graph.Tanh(newC)), newC
}

func checkSizes(inputs, hidden int) {
	if inputs < 1 || hidden < 1 {
		panicf("a recurrent cell of %d inputs and %d hidden units", inputs, hidden)
	}
}
