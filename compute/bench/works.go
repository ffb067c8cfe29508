package bench

import (
	"fmt"

	//lint:ignore ST1001 graphs read as formulas
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// work is one line of the table: a graph over float32 inputs of the given shapes.
type work struct {
	name   string
	inputs [][]int
	graph  func(x []*Node) []*Node
	// updates is how many of the outputs, from the first on, take the place of the inputs in the next run, whose memory they may have.
	updates int
	// positive is an input to take the absolute value of beforehand, or 0.
	positive int
}

// step returns a loss and the parameters after one step of gradient descent.
func step(loss *Node, params []*Node) []*Node {
	out := []*Node{loss}
	for i, g := range Gradient(loss, params...) {
		out = append(out, Sub(params[i], MulScalar(g, 0.01)))
	}
	return out
}

func works() []work {
	list := []work{}
	for _, n := range []int{256, 512, 1024, 2048} {
		list = append(list, work{name: fmt.Sprint("matmul", n), inputs: [][]int{{n, n}, {n, n}}, graph: func(x []*Node) []*Node { return []*Node{Dot(x[0], x[1])} }})
	}
	layer := func(f func(x *Node) *Node) func(x []*Node) []*Node {
		return func(x []*Node) []*Node { return []*Node{f(x[0])} }
	}
	return append(list,
		work{name: "batched", inputs: [][]int{{64, 256, 64}, {64, 64, 256}}, graph: func(x []*Node) []*Node {
			return []*Node{DotGeneral(x[0], []int{2}, []int{0}, x[1], []int{1}, []int{0})}
		}},
		work{name: "softmax", inputs: [][]int{{64, 256, 128}}, graph: layer(func(x *Node) *Node { return Softmax(x, -1) })},
		work{name: "layernorm", inputs: [][]int{{64, 256, 128}}, graph: layer(norm)},
		work{name: "gelu", inputs: [][]int{{2 << 20}}, graph: layer(func(x *Node) *Node {
			return Mul(MulScalar(x, 0.5), AddScalar(Erf(MulScalar(x, 0.7071067811865476)), 1))
		})},
		work{name: "adam", inputs: [][]int{{2 << 20}, {2 << 20}, {2 << 20}, {2 << 20}}, graph: adam, updates: 3, positive: 2},
		work{name: "conv2d", inputs: [][]int{{16, 32, 32, 32}, {3, 3, 32, 32}}, graph: func(x []*Node) []*Node {
			return step(ReduceAllMean(Square(Convolve(x[0], x[1]).PadSame().Strides(1).Done())), x)
		}},
		work{name: "conv1d", inputs: [][]int{{64, 1000, 22}, {25, 22, 40}}, graph: func(x []*Node) []*Node {
			return step(ReduceAllMean(Square(Convolve(x[0], x[1]).PadSame().Strides(1).Done())), x)
		}},
		work{name: "transformer", inputs: [][]int{{32, 128, 128}, {128, 128}, {128, 128}, {128, 128}, {128, 128}, {128, 512}, {512, 128}}, graph: transformer},
		work{name: "rnn", inputs: [][]int{{32, 200, 128}, {128, 128}, {128, 128}}, graph: rnn},
		work{name: "gru-step", inputs: [][]int{{1, 128}, {1, 128}, {128, 384}, {128, 384}, {384}, {384}}, graph: gruStep},
		work{name: "lif", inputs: [][]int{{64, 100, 256}, {256, 256}, {256, 256}}, graph: lif},
	)
}

// norm is layer normalisation of the last axis, without gain and bias.
func norm(x *Node) *Node {
	c := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	return Div(c, Sqrt(AddScalar(ReduceAndKeep(Square(c), ReduceMean, -1), 1e-5)))
}

func adam(x []*Node) []*Node {
	w, m, v, g := x[0], x[1], x[2], x[3]
	m = Add(MulScalar(m, 0.9), MulScalar(g, 0.1))
	v = Add(MulScalar(v, 0.999), MulScalar(Square(g), 0.001))
	return []*Node{Sub(w, Div(MulScalar(m, 0.001), AddScalar(Sqrt(v), 1e-7))), m, v}
}

// transformer is a pre-norm encoder layer of 4 heads: x[0] [batch, tokens, width].
func transformer(x []*Node) []*Node {
	in := x[0]
	d := in.Shape().Dimensions
	heads := func(y *Node) *Node { return Reshape(y, d[0], d[1], 4, d[2]/4) }
	project := func(y, w *Node) *Node { return DotGeneral(y, []int{2}, nil, w, []int{0}, nil) }
	y := norm(in)
	q, k, v := heads(project(y, x[1])), heads(project(y, x[2])), heads(project(y, x[3]))
	a := Softmax(MulScalar(Einsum("bqhd,bkhd->bhqk", q, k), 0.1767767), -1)
	y = Add(in, project(Reshape(Einsum("bhqk,bkhd->bqhd", a, v), d...), x[4]))
	f := project(norm(y), x[5])
	f = Mul(MulScalar(f, 0.5), AddScalar(Erf(MulScalar(f, 0.7071067811865476)), 1))
	return step(ReduceAllMean(Square(Add(y, project(f, x[6])))), x[1:])
}

// at returns x[:, t] of x [batch, time, units].
func at(x *Node, t int) *Node { return Squeeze(Slice(x, AxisRange(), AxisElem(t), AxisRange()), 1) }

func rnn(x []*Node) []*Node {
	d := x[0].Shape().Dimensions
	h := Zeros(x[0].Graph(), shapes.Make(x[0].DType(), d[0], d[2]))
	for t := range d[1] {
		h = Tanh(Add(Dot(at(x[0], t), x[1]), Dot(h, x[2])))
	}
	return step(ReduceAllMean(Square(h)), x[1:])
}

// gruStep is one step of a GRU for one example, as a live stream needs it: x[0] is the input, x[1] the state.
func gruStep(x []*Node) []*Node {
	part := func(y *Node, i int) *Node { return Slice(y, AxisRange(), AxisRange(128*i, 128*(i+1))) }
	in := Add(Dot(x[0], x[2]), ExpandLeftToRank(x[4], 2))
	state := Add(Dot(x[1], x[3]), ExpandLeftToRank(x[5], 2))
	r := Sigmoid(Add(part(in, 0), part(state, 0)))
	z := Sigmoid(Add(part(in, 1), part(state, 1)))
	n := Tanh(Add(part(in, 2), Mul(r, part(state, 2))))
	return []*Node{Add(Mul(OneMinus(z), n), Mul(z, x[1]))}
}

// lif is a recurrent layer of leaky integrate-and-fire neurons with the fast-sigmoid surrogate gradient 1/(1+25|u|)^2.
func lif(x []*Node) []*Node {
	d := x[0].Shape().Dimensions
	g := x[0].Graph()
	u := Zeros(g, shapes.Make(x[0].DType(), d[0], d[2]))
	spikes := u
	total := u
	for t := range d[1] {
		u = Add(Sub(MulScalar(u, 0.9), spikes), Add(Dot(at(x[0], t), x[1]), Dot(spikes, x[2])))
		over := AddScalar(u, -1)
		soft := Div(over, AddScalar(MulScalar(Abs(over), 25), 1)) // its derivative is the surrogate
		hard := ConvertDType(GreaterThan(over, ZerosLike(over)), u.DType())
		spikes = Add(soft, StopGradient(Sub(hard, soft)))
		total = Add(total, spikes)
	}
	return step(ReduceAllMean(Square(total)), x[1:])
}
