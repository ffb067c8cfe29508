package nn

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/compute"
)

// flat is a tensor's values.
func flat(t *tensors.Tensor) []float64 {
	var out []float64
	tensors.MustConstFlatData(t, func(v []float64) { out = append(out, v...) })
	return out
}

// agree compares tensors in pairs: the second half with the first.
func agree(t *testing.T, what string, all []*tensors.Tensor) {
	t.Helper()
	n := len(all) / 2
	for k := range n {
		a, b := flat(all[k]), flat(all[n+k])
		size := 0.
		for i, v := range a {
			size += math.Abs(v)
			if math.Abs(v-b[i]) > 1e-9 {
				t.Errorf("%s: value %d of output %d is %g, want %g", what, i, k, v, b[i])
				return
			}
		}
		if size == 0 {
			t.Errorf("%s: output %d is zero", what, k)
		}
	}
}

// part is columns of x by a plain slice.
func part(x *graph.Node, k, of int) *graph.Node {
	size := x.Shape().Dimensions[1] / of
	return graph.Slice(x, graph.AxisRange(), graph.AxisRange(k*size, (k+1)*size))
}

// TestCore compares cores and their gradients with the equations, step by step, in GoMLX's own ops.
func TestCore(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	const steps, batch, in, hidden = 5, 2, 3, 4
	for _, c := range []Core{{Kind: "lstm"}, {Kind: "gru"}, {Kind: "rhn"}, {Kind: "rhn", Depth: 3, GateBias: -1}, {Kind: "rhn", Depth: 1}, {Kind: "elman"}, {Kind: "elman", Update: Additive},
		{Kind: "elman", Update: Rate}, {Kind: "elman", Update: Gated}} {
		c.Hidden = hidden
		name := fmt.Sprintf("%+v", c)
		out := run(t, backend, mlctx.New(), []array{{[]int{steps, batch, in}, wave(steps * batch * in)}}, func(ctx *mlctx.Context, inputs []*graph.Node) []*graph.Node {
			x := inputs[0]
			hs, state := c.Apply(ctx, x, nil)
			ctx = ctx.Checked(false)
			read := func(ctx *mlctx.Context, name string) *graph.Node { return ctx.GetVariable(name).ValueGraph(x.Graph()) }
			gates := map[string]int{"lstm": 4, "gru": 3, "rhn": 2, "elman": 1}[c.Kind]
			w, u := read(ctx, "input_weights"), read(ctx, "hidden_weights")
			bias := graph.Reshape(read(ctx, "bias"), 1, gates*hidden)
			h, cell := graph.Zeros(x.Graph(), shapeOf(x, batch, hidden)), graph.Zeros(x.Graph(), shapeOf(x, batch, hidden))
			var rows []*graph.Node
			for k := range steps {
				drive := graph.Add(graph.Dot(graph.Squeeze(graph.Slice(x, graph.AxisElem(k)), 0), w), bias)
				back := graph.Dot(h, u)
				gate := func(k int) *graph.Node { return graph.Sigmoid(graph.Add(part(drive, k, gates), part(back, k, gates))) }
				switch c.Kind {
				case "lstm":
					g := graph.Tanh(graph.Add(part(drive, 2, 4), part(back, 2, 4)))
					cell = graph.Add(graph.Mul(gate(1), cell), graph.Mul(gate(0), g))
					h = graph.Mul(gate(3), graph.Tanh(cell))
				case "gru":
					n := graph.Tanh(graph.Add(part(drive, 2, 3), graph.Mul(gate(0), part(back, 2, 3))))
					z := gate(1)
					h = graph.Add(graph.Mul(graph.OneMinus(z), n), graph.Mul(z, h))
				case "rhn":
					for l := 1; l <= max(c.Depth, 1) || c.Depth == 0 && l == 2; l++ {
						z := graph.Add(drive, back)
						if l > 1 {
							at := ctx.In(layerName(l))
							z = graph.Add(graph.Dot(h, read(at, "hidden_weights")), graph.Reshape(read(at, "bias"), 1, 2*hidden))
						}
						a, q := graph.Tanh(part(z, 0, 2)), graph.Sigmoid(part(z, 1, 2))
						h = graph.Add(graph.Mul(q, a), graph.Mul(graph.OneMinus(q), h))
					}
				default:
					f := graph.Tanh(graph.Add(drive, back))
					switch c.Update {
					case "":
						h = f
					case Additive:
						h = graph.Add(h, f)
					case Rate:
						alpha := graph.Sigmoid(graph.Reshape(read(ctx, "rate"), 1, hidden))
						h = graph.Add(h, graph.Mul(alpha, graph.Sub(f, h)))
					case Gated:
						at := ctx.In("update")
						g := graph.Sigmoid(graph.Add(graph.Add(graph.Dot(h, read(at.In("input"), "weights")), graph.Reshape(read(at.In("input"), "bias"), 1, hidden)),
							graph.Dot(f, read(at.In("layer"), "weights"))))
						h = graph.Add(graph.Mul(graph.OneMinus(g), h), graph.Mul(g, f))
					}
				}
				rows = append(rows, graph.InsertAxes(h, 0))
			}
			want := graph.Concatenate(rows, 0)
			loss := func(y *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Sin(graph.MulScalar(y, 3))) }
			got := append([]*graph.Node{hs, state[0]}, graph.Gradient(loss(hs), x, w, u)...)
			return append(append(got, want, h), graph.Gradient(loss(want), x, w, u)...)
		})
		agree(t, name, out)
	}
}

// TestBandedAttention compares with attention over all pairs of steps under a mask, and gradients where no memory stops them.
func TestBandedAttention(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	const steps, batch, d = 12, 2, 6
	for _, l := range []BandedAttention{{Heads: 2, Window: 4}, {Heads: 3, Window: 6}, {Heads: 1, Window: 12}, {Heads: 2, Window: 4, Memory: true}} {
		out := run(t, backend, mlctx.New(), []array{{[]int{steps, batch, d}, wave(steps * batch * d)}, {[]int{l.Heads, l.Reach()}, wave(l.Heads * l.Reach())}}, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			x := in[0]
			g := x.Graph()
			// The table of biases begins at zero: it is set to something first.
			table := l.bias(ctx, x)
			ctx = ctx.Checked(false)
			ctx.In("bias").GetVariable("table").SetValueGraph(graph.Add(table, in[1]))
			table = l.bias(ctx, x)
			y := l.Apply(ctx, x)
			heads := func(scope string) *graph.Node {
				return graph.Reshape(l.linear(ctx, scope, x, d), steps, batch, l.Heads, d/l.Heads)
			}
			scores := graph.MulScalar(graph.Einsum("qbhd,kbhd->bhqk", heads("query"), heads("key")), 1/math.Sqrt(float64(d/l.Heads)))
			which, mask := make([]float64, l.Reach()*steps*steps), make([]float64, steps*steps)
			for i := range steps {
				for j := range steps {
					seen := j <= i && i-j < l.Window
					if l.Memory {
						seen = j <= i && j/l.Window >= i/l.Window-1
					}
					if seen {
						which[((i-j)*steps+i)*steps+j] = 1
					} else {
						mask[i*steps+j] = -1e30
					}
				}
			}
			bias := graph.Dot(table, graph.Reshape(graph.Const(g, which), l.Reach(), steps*steps))
			scores = graph.Add(scores, graph.Add(graph.Reshape(bias, 1, l.Heads, steps, steps), graph.Reshape(graph.Const(g, mask), 1, 1, steps, steps)))
			want := l.linear(ctx, "out", graph.Reshape(graph.Einsum("bhqk,kbhd->qbhd", Softmax(scores), heads("value")), steps, batch, d), d)
			if l.Memory {
				return []*graph.Node{y, want}
			}
			loss := func(y *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Sin(y)) }
			return append(append([]*graph.Node{y}, graph.Gradient(loss(y), x, table)...), append([]*graph.Node{want}, graph.Gradient(loss(want), x, table)...)...)
		})
		agree(t, fmt.Sprintf("%+v", l), out)
	}
}

// TestSkips checks each join by its equation, and that what joins by rate is silent at first.
func TestSkips(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	x, f := array{[]int{2, 3}, wave(6)}, array{[]int{2, 3}, []float64{5, 4, 3, 2, 1, 0}}
	for _, s := range Skips {
		out := run(t, backend, mlctx.New(), []array{x, f}, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
			y := s.Apply(ctx, in[0], in[1])
			if s != Gated {
				return []*graph.Node{y, y}
			}
			g := graph.Sigmoid(graph.Add(graph.Dot(in[0], ctx.In("input").GetVariable("weights").ValueGraph(y.Graph())),
				graph.AddScalar(graph.Dot(in[1], ctx.In("layer").GetVariable("weights").ValueGraph(y.Graph())), -2)))
			return []*graph.Node{y, graph.Add(graph.Mul(graph.OneMinus(g), in[0]), graph.Mul(g, in[1]))}
		})
		agree(t, string(s), out)
		for i, v := range flat(out[0]) {
			want := map[Skip]float64{Replace: f.Flat[i], Additive: x.Flat[i] + f.Flat[i], Rate: x.Flat[i]}
			if w, ok := want[s]; ok && v != w {
				t.Errorf("%s: value %d is %g, want %g", s, i, v, w)
			}
		}
	}
}

func TestSequenceLayersExplainMistakes(t *testing.T) {
	backend, err := compute.Open("")
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]func(ctx *mlctx.Context, x *graph.Node) *graph.Node{
		`a "rnn" core of 4 units`: func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			y, _ := Core{Kind: "rnn", Hidden: 4}.Apply(ctx, x, nil)
			return y
		},
		"do not divide the 4 features": func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return BandedAttention{Heads: 3, Window: 2}.Apply(ctx, x)
		},
		"which do not divide the 6 steps": func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return BandedAttention{Heads: 2, Window: 4}.Apply(ctx, x)
		},
		"none, additive, rate or input": func(ctx *mlctx.Context, x *graph.Node) *graph.Node { return Skip("gate").Apply(ctx, x, x) },
		"cannot be joined with its input": func(ctx *mlctx.Context, x *graph.Node) *graph.Node {
			return Additive.Apply(ctx, x, graph.Reshape(x, 6, 4, 1))
		},
	} {
		err := compute.Catch("building", func() error {
			exec, err := mlctx.NewExec(backend, mlctx.New(), f)
			if err != nil {
				return err
			}
			_, err = exec.Exec(tensors.FromFlatDataAndDimensions(make([]float64, 24), 6, 1, 4))
			return err
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
