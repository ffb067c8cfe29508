package nn

import (
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Core is a recurrent layer over whole sequences, time first. Inputs are projected for all steps in one product, and a step has one product with the weights
// of all gates side by side: a third of the time of the cells, which read an input of which nothing is known before. Its kinds, of the input x and
// the state h:
//
//   - "lstm": i, f, o = σ, g = tanh of affine maps of (x, h); c' = f c + i g; h' = o tanh(c'). The bias of f begins at 1.
//   - "gru": r, z = σ of affine maps of (x, h); n = tanh(W x + b + r (U h)); h' = n + z (h - n).
//   - "rhn", a recurrent highway of Depth layers a step (Zilly et al. 2017): s = h; in each layer a = tanh and q = σ of affine maps of s, in the first of
//     (x, s), and s' = s + q (a - s); h' is the last s. The biases of q begin at GateBias.
//   - "elman": f = tanh of an affine map of (x, h); h' joins h and f by Update, of which Rate here means h + α (f - h) with α = σ(w), w beginning at 0.
//
// Its variables are "input_weights" [in, gates·Hidden], "bias" [gates·Hidden], and "hidden_weights" [Hidden, gates·Hidden] ("_2", "_3" ... for further
// layers of a highway).
type Core struct {
	Kind     string
	Hidden   int
	Depth    int     // of a highway; zero means 2
	GateBias float64 // of a highway; zero means -2
	Update   Skip    // of an Elman core; empty means Replace
}

// CoreKinds lists the kinds.
var CoreKinds = []string{"lstm", "gru", "rhn", "elman"}

// States is the number of arrays [batch, Hidden] that a step hands to the next.
func (c Core) States() int {
	if c.Kind == "lstm" {
		return 2
	}
	return 1
}

// Apply maps x [time, batch, in] to [time, batch, Hidden] and the state after the last step. A nil state before the first means zeros.
func (c Core) Apply(ctx *mlctx.Context, x *graph.Node, from []*graph.Node) (out *graph.Node, state []*graph.Node) {
	if x.Rank() != 3 || c.Hidden < 1 || !slices.Contains(CoreKinds, c.Kind) {
		panicf("a %q core of %d units needs [time, batch, features], got shape %s", c.Kind, c.Hidden, x.Shape())
	}
	g := x.Graph()
	steps, batch, in := x.Shape().Dimensions[0], x.Shape().Dimensions[1], x.Shape().Dimensions[2]
	if from == nil {
		for range c.States() {
			from = append(from, graph.Zeros(g, shapeOf(x, batch, c.Hidden)))
		}
	}
	gates := map[string]int{"lstm": 4, "gru": 3, "rhn": 2, "elman": 1}[c.Kind]
	byHidden := FanInUniform(c.Hidden)
	bias := byHidden
	switch c.Kind {
	case "lstm":
		bias = c.raised(1, 4, 1)
	case "rhn":
		bias = c.raised(1, 2, orDefault(c.GateBias, -2))
	}
	weights := variable(ctx, x, "input_weights", FanInUniform(in), in, gates*c.Hidden)
	drive := graph.Add(graph.DotGeneral(x, []int{2}, nil, weights, []int{0}, nil), expandLeft(variable(ctx, x, "bias", bias, gates*c.Hidden), 3))
	recurrent := variable(ctx, x, "hidden_weights", byHidden, c.Hidden, gates*c.Hidden)
	step := c.step(ctx, x, recurrent)
	drives := cut(drive, 0, steps)
	hs := make([]*graph.Node, steps)
	state = from
	for t, d := range drives {
		state = step(graph.Squeeze(d, 0), state)
		hs[t] = graph.InsertAxes(state[0], 0)
	}
	return graph.Concatenate(hs, 0), state
}

// raised is FanInUniform for all gates, plus a constant for one of them.
func (c Core) raised(gate, of int, by float64) Initializer {
	return func(ctx *mlctx.Context) mlctx.VariableInitializer {
		inner := FanInUniform(c.Hidden)(ctx)
		return func(g *graph.Graph, shape shapes.Shape) *graph.Node {
			offset := make([]float64, of*c.Hidden)
			for i := range c.Hidden {
				offset[gate*c.Hidden+i] = by
			}
			return graph.Add(inner(g, shape), graph.ConvertDType(graph.Const(g, offset), shape.DType))
		}
	}
}

// step returns what makes the next state of the projected input [batch, gates·Hidden] and a state.
func (c Core) step(ctx *mlctx.Context, like, recurrent *graph.Node) func(drive *graph.Node, s []*graph.Node) []*graph.Node {
	switch c.Kind {
	case "lstm":
		return func(drive *graph.Node, s []*graph.Node) []*graph.Node {
			z := cut(graph.Add(drive, graph.Dot(s[0], recurrent)), 1, 4)
			kept := graph.Mul(graph.Sigmoid(z[1]), s[1])
			cell := graph.Add(kept, graph.Mul(graph.Sigmoid(z[0]), graph.Tanh(z[2])))
			return []*graph.Node{graph.Mul(graph.Sigmoid(z[3]), graph.Tanh(cell)), cell}
		}
	case "gru":
		return func(drive *graph.Node, s []*graph.Node) []*graph.Node {
			d, u := cut(drive, 1, 3), cut(graph.Dot(s[0], recurrent), 1, 3)
			reset, update := graph.Sigmoid(graph.Add(d[0], u[0])), graph.Sigmoid(graph.Add(d[1], u[1]))
			n := graph.Tanh(graph.Add(d[2], graph.Mul(reset, u[2])))
			return []*graph.Node{graph.Add(n, graph.Mul(update, graph.Sub(s[0], n)))}
		}
	case "rhn":
		layers := []affine{{weights: recurrent}}
		for l := 2; l <= max(c.Depth, 1) || c.Depth == 0 && l == 2; l++ {
			at := ctx.In(layerName(l))
			layers = append(layers, affine{
				variable(at, like, "hidden_weights", FanInUniform(c.Hidden), c.Hidden, 2*c.Hidden),
				expandLeft(variable(at, like, "bias", c.raised(1, 2, orDefault(c.GateBias, -2)), 2*c.Hidden), 2),
			})
		}
		return func(drive *graph.Node, s []*graph.Node) []*graph.Node {
			h := s[0]
			for l, layer := range layers {
				z := graph.Dot(h, layer.weights)
				if l == 0 {
					z = graph.Add(z, drive)
				} else {
					z = graph.Add(z, layer.bias)
				}
				parts := cut(z, 1, 2)
				h = graph.Add(h, graph.Mul(graph.Sigmoid(parts[1]), graph.Sub(graph.Tanh(parts[0]), h)))
			}
			return []*graph.Node{h}
		}
	}
	var rate *graph.Node
	if c.Update == Rate {
		rate = graph.Sigmoid(expandLeft(variable(ctx, like, "rate", Zeros, c.Hidden), 2))
	}
	gateContext := ctx.In("update").Checked(false) // the same gate at each step
	return func(drive *graph.Node, s []*graph.Node) []*graph.Node {
		f := graph.Tanh(graph.Add(drive, graph.Dot(s[0], recurrent)))
		switch c.Update {
		case "":
			return []*graph.Node{f}
		case Rate:
			return []*graph.Node{graph.Add(s[0], graph.Mul(rate, graph.Sub(f, s[0])))}
		}
		return []*graph.Node{c.Update.Apply(gateContext, s[0], f)}
	}
}

// layerName is the scope of a further layer.
func layerName(l int) string { return "layer" + string(rune('0'+l)) }

// cut cuts x along an axis into n equal parts. The gradients of all parts are put together at once; that of a slice would be padded to the size of the whole, once
// for each part.
func cut(x *graph.Node, axis, n int) []*graph.Node {
	if n == 1 {
		return []*graph.Node{x}
	}
	parts, arrived := make([]*graph.Node, n), make([]*graph.Node, n)
	x = graph.IdentityWithCustomGradient(x, func(_, _ *graph.Node) *graph.Node {
		for i, v := range arrived {
			if v == nil {
				arrived[i] = graph.ZerosLike(parts[i])
			}
		}
		return graph.Concatenate(arrived, axis)
	})
	size := x.Shape().Dimensions[axis] / n
	for i := range parts {
		spec := make([]graph.SliceAxisSpec, x.Rank())
		for k := range spec {
			spec[k] = graph.AxisRange()
		}
		spec[axis] = graph.AxisRange(i*size, (i+1)*size)
		// Gradients arrive at the parts before they arrive at x.
		parts[i] = graph.IdentityWithCustomGradient(graph.Slice(x, spec...), func(_, v *graph.Node) *graph.Node {
			arrived[i] = v
			return v
		})
	}
	return parts
}
