package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// work is one benchmark: a graph over inputs of the given shapes.
type work struct {
	name   string
	inputs [][]int
	graph  func(x []*Node) []*Node
}

// descend returns a loss and the parameters after one step of gradient descent.
func descend(loss *Node, params []*Node) []*Node {
	out := []*Node{loss}
	for i, g := range Gradient(loss, params...) {
		out = append(out, Sub(params[i], MulScalar(g, 0.01)))
	}
	return out
}

// gru unrolls a gated recurrent unit: x[0] [batch, time, in]; then for each of three gates a weight [in, units], a recurrent weight
// [units, units] and a bias [units].
func gru(x []*Node, steps, units int) []*Node {
	in := x[0]
	h := Zeros(in.Graph(), shapes.Make(in.DType(), in.Shape().Dimensions[0], units))
	for t := range steps {
		xt := Squeeze(Slice(in, AxisRange(), AxisElem(t), AxisRange()), 1) // [batch, in]
		gate := func(i int) (a, b *Node) {
			return Add(Dot(xt, x[3*i+1]), ExpandLeftToRank(x[3*i+3], 2)), Dot(h, x[3*i+2])
		}
		za, zb := gate(0)
		ra, rb := gate(1)
		na, nb := gate(2)
		z, r := Sigmoid(Add(za, zb)), Sigmoid(Add(ra, rb))
		n := Tanh(Add(na, Mul(r, nb)))
		h = Add(Mul(OneMinus(z), n), Mul(z, h))
	}
	return descend(ReduceAllMean(Square(h)), x[1:])
}

// attention is a transformer encoder layer: x [batch, tokens, width], 4 heads.
func attention(x []*Node) []*Node {
	in, wq, wk, wv, wo, w1, w2 := x[0], x[1], x[2], x[3], x[4], x[5], x[6]
	d := in.Shape().Dimensions
	heads := func(y *Node) *Node { return Reshape(y, d[0], d[1], 4, d[2]/4) }
	project := func(y, w *Node) *Node { return DotGeneral(y, []int{2}, nil, w, []int{0}, nil) }
	norm := func(y *Node) *Node {
		c := Sub(y, ReduceAndKeep(y, ReduceMean, -1))
		return Div(c, Sqrt(AddScalar(ReduceAndKeep(Square(c), ReduceMean, -1), 1e-5)))
	}
	y := norm(in)
	q, k, v := heads(project(y, wq)), heads(project(y, wk)), heads(project(y, wv))
	scores := MulScalar(Einsum("bqhd,bkhd->bhqk", q, k), 0.18)
	a := Einsum("bhqk,bkhd->bqhd", Softmax(scores, -1), v)
	y = Add(in, project(Reshape(a, d...), wo))
	f := project(norm(y), w1)
	f = Mul(f, Sigmoid(MulScalar(f, 1.702)))
	y = Add(y, project(f, w2))
	return descend(ReduceAllMean(Square(y)), x[1:])
}

func works() []work {
	return []work{
		{"gru50", [][]int{{64, 50, 16}, {16, 64}, {64, 64}, {64}, {16, 64}, {64, 64}, {64}, {16, 64}, {64, 64}, {64}}, func(x []*Node) []*Node { return gru(x, 50, 64) }},
		{"rnn200", [][]int{{32, 200, 32}, {32, 128}, {128, 128}}, func(x []*Node) []*Node {
			h := Zeros(x[0].Graph(), shapes.Make(x[0].DType(), 32, 128))
			for t := range 200 {
				xt := Squeeze(Slice(x[0], AxisRange(), AxisElem(t), AxisRange()), 1)
				h = Tanh(Add(Dot(xt, x[1]), Dot(h, x[2])))
			}
			return descend(ReduceAllMean(Square(h)), x[1:])
		}},
		{"conv1d", [][]int{{32, 1000, 22}, {25, 22, 40}}, func(x []*Node) []*Node {
			y := Convolve(x[0], x[1]).PadSame().Strides(1).Done()
			return descend(ReduceAllMean(Square(y)), x[1:])
		}},
		{"conv2d", [][]int{{16, 32, 32, 32}, {3, 3, 32, 32}}, func(x []*Node) []*Node {
			y := Convolve(x[0], x[1]).PadSame().Strides(1).Done()
			return descend(ReduceAllMean(Square(y)), x)
		}},
		{"eegnet", [][]int{{32, 22, 1000, 1}, {1, 64, 1, 8}, {22, 1, 1, 16}}, func(x []*Node) []*Node {
			y := Convolve(x[0], x[1]).PadSame().Strides(1).Done()
			y = Convolve(y, x[2]).NoPadding().Strides(1).ChannelGroupCount(8).Done()
			y = MeanPool(Tanh(y)).WindowPerAxis(1, 4).Done()
			return descend(ReduceAllMean(Square(y)), x[1:])
		}},
		{"transformer", [][]int{{32, 128, 128}, {128, 128}, {128, 128}, {128, 128}, {128, 128}, {128, 512}, {512, 128}}, attention},
		{"softmax", [][]int{{64, 256, 128}}, func(x []*Node) []*Node { return []*Node{Softmax(x[0], -1)} }},
		{"matmul512", [][]int{{512, 512}, {512, 512}}, func(x []*Node) []*Node { return []*Node{Dot(x[0], x[1])} }},
		{"batchmatmul", [][]int{{64, 256, 64}, {64, 64, 256}}, func(x []*Node) []*Node {
			return []*Node{DotGeneral(x[0], []int{2}, []int{0}, x[1], []int{1}, []int{0})}
		}},
		{"adam", [][]int{{2 << 20}, {2 << 20}, {2 << 20}, {2 << 20}}, func(x []*Node) []*Node {
			w, m, v, g := x[0], x[1], x[2], x[3]
			m = Add(MulScalar(m, 0.9), MulScalar(g, 0.1))
			v = Add(MulScalar(Abs(v), 0.999), MulScalar(Square(g), 0.001))
			return []*Node{Sub(w, Div(MulScalar(m, 0.001), AddScalar(Sqrt(v), 1e-7))), m, v}
		}},
	}
}

func BenchmarkGraphs(b *testing.B) {
	for _, w := range works() {
		for _, backend := range []backends.Backend{ours, stock} {
			if backend == stock && (w.name == "conv1d" || w.name == "conv2d" || w.name == "eegnet") {
				continue // the stock backend has no Reverse, which gradients of convolutions need
			}
			b.Run(fmt.Sprintf("%s/%s", w.name, backend.String()), func(b *testing.B) {
				exec, inputs := prepare(b, backend, w)
				for b.Loop() {
					for _, o := range exec.MustExec(inputs...) {
						o.MustFinalizeAll()
					}
				}
			})
		}
	}
}

func prepare(t testing.TB, backend backends.Backend, w work) (*Exec, []any) {
	exec, err := NewExec(backend, w.graph)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var inputs []any
	for _, dims := range w.inputs {
		n := 1
		for _, d := range dims {
			n *= d
		}
		flat := make([]float32, n)
		for i := range flat {
			flat[i] = float32(rng.NormFloat64()) * 0.07 // keeps the recurrences from diverging
		}
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(flat, dims...))
	}
	exec.MustExec(inputs...)
	return exec, inputs
}

// TestWorks checks that whole training steps agree with the stock backend: within 1e-3 of the largest value of each output, because
// the stock backend adds half a million terms one after another in float32.
func TestWorks(t *testing.T) {
	for _, w := range works() {
		t.Run(w.name, func(t *testing.T) {
			switch w.name {
			case "conv2d", "conv1d", "eegnet":
				t.Skip("the stock backend has no Reverse, which gradients of convolutions need")
			case "rnn200":
				if testing.Short() {
					t.Skip("takes seconds on the stock backend")
				}
			case "transformer":
				w.inputs[0] = []int{2, 128, 128} // a batch of 32 takes 20 seconds on the stock backend
			}
			var results [2][]*tensors.Tensor
			for i, backend := range []backends.Backend{ours, stock} {
				exec, inputs := prepare(t, backend, w)
				results[i] = exec.MustExec(inputs...)
			}
			for i, got := range results[0] {
				x, y := tensors.MustCopyFlatData[float32](got), tensors.MustCopyFlatData[float32](results[1][i])
				var most, off float64
				for k := range y {
					most = max(most, math.Abs(float64(y[k])))
					off = max(off, math.Abs(float64(x[k]-y[k])))
				}
				if !(off <= 1e-3*most) {
					t.Errorf("output %d differs by %g where the largest value is %g", i, off, most)
				}
			}
		})
	}
}
