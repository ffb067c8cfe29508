package nn

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// array is a tensor of testdata/golden.json, which testdata/golden.py wrote with PyTorch.
type array struct {
	Shape []int
	Flat  []float64
}

func (a array) tensor() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(a.Flat, a.Shape...) }

// rows returns rows [from, to) of the first axis.
func (a array) rows(from, to int) array {
	width := len(a.Flat) / a.Shape[0]
	return array{append([]int{to - from}, a.Shape[1:]...), a.Flat[from*width : to*width]}
}

// transposed returns a matrix with its axes exchanged.
func (a array) transposed() array {
	n, m := a.Shape[0], a.Shape[1]
	out := array{[]int{m, n}, make([]float64, n*m)}
	for i := range n {
		for j := range m {
			out.Flat[j*n+i] = a.Flat[i*m+j]
		}
	}
	return out
}

// golden is what PyTorch made of some inputs with a layer's weights. Grad is the gradient of Σ output·cos(index) with respect to the
// first input.
type golden struct {
	Inputs  []array
	Output  array
	Grad    *array
	Weights map[string]array
}

// linearWeights takes PyTorch's weights of a linear map to ours.
func linearWeights(to map[string]array, scope string, weights, bias array) {
	to[scope+"/weights"], to[scope+"/bias"] = weights.transposed(), bias
}

// gates takes PyTorch's weights of a recurrent cell to ours.
func gates(hidden int, names ...string) func(map[string]array) map[string]array {
	return func(w map[string]array) map[string]array {
		out := map[string]array{}
		for i, name := range names {
			part := func(key string) array { return w[key].rows(i*hidden, (i+1)*hidden) }
			out["/"+name+"/input_weights"], out["/"+name+"/input_bias"] = part("weight_ih").transposed(), part("bias_ih")
			out["/"+name+"/hidden_weights"], out["/"+name+"/hidden_bias"] = part("weight_hh").transposed(), part("bias_hh")
		}
		return out
	}
}

func attentionWeights(out, w map[string]array, scope, prefix string) {
	for i, name := range []string{"query", "key", "value"} {
		linearWeights(out, scope+"/"+name, w[prefix+"in_proj_weight"].rows(i*8, (i+1)*8), w[prefix+"in_proj_bias"].rows(i*8, (i+1)*8))
	}
	linearWeights(out, scope+"/out", w[prefix+"out_proj.weight"], w[prefix+"out_proj.bias"])
}

func transformerWeights(w map[string]array) map[string]array {
	out := map[string]array{}
	attentionWeights(out, w, "/attention", "self_attn.")
	linearWeights(out, "/expand", w["linear1.weight"], w["linear1.bias"])
	linearWeights(out, "/contract", w["linear2.weight"], w["linear2.bias"])
	for _, norm := range []string{"norm1", "norm2"} {
		out["/"+norm+"/scale"], out["/"+norm+"/offset"] = w[norm+".weight"], w[norm+".bias"]
	}
	return out
}

func convWeights(w map[string]array) map[string]array {
	out := map[string]array{"/kernel": w["weight"]}
	if b, ok := w["bias"]; ok {
		out["/bias"] = b
	}
	return out
}

func normWeights(w map[string]array) map[string]array {
	return map[string]array{"/scale": w["weight"], "/offset": w["bias"]}
}

func transformer(l TransformerLayer) func(*mlctx.Context, []*graph.Node) *graph.Node {
	return func(ctx *mlctx.Context, in []*graph.Node) *graph.Node { return l.Apply(ctx, in[0]) }
}

// TestAgainstPyTorch compares outputs and gradients of the layers with PyTorch's, from the same weights.
func TestAgainstPyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases map[string]golden }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		weights func(map[string]array) map[string]array
		apply   func(ctx *mlctx.Context, in []*graph.Node) *graph.Node
	}{
		"gru": {gates(5, "reset", "update", "new"), func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			c := NewGRUCell(ctx, in[0], 3, 5)
			h := c.Zero(2)
			var out []*graph.Node
			for _, x := range steps(in[0]) {
				h = c.Step(x, h)
				out = append(out, h)
			}
			return Stack(out)
		}},
		"lstm": {gates(5, "in", "forget", "new", "out"), func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			l := NewLSTMCell(ctx, in[0], 3, 5)
			h, c := l.Zero(2), l.Zero(2)
			var out []*graph.Node
			for _, x := range steps(in[0]) {
				h, c = l.Step(x, h, c)
				out = append(out, h)
			}
			return Stack(out)
		}},
		"transformer post relu": {transformerWeights, transformer(TransformerLayer{Heads: 2, Hidden: 12})},
		"transformer post gelu": {transformerWeights, transformer(TransformerLayer{Heads: 2, Hidden: 12, Activation: GELU})},
		"transformer pre relu":  {transformerWeights, transformer(TransformerLayer{Heads: 2, Hidden: 12, PreNorm: true})},
		"transformer pre gelu":  {transformerWeights, transformer(TransformerLayer{Heads: 2, Hidden: 12, PreNorm: true, Activation: GELU})},
		"transformer causal":    {transformerWeights, transformer(TransformerLayer{Heads: 4, Hidden: 12, Causal: true})},
		"attention score scale": {func(w map[string]array) map[string]array {
			out := map[string]array{}
			attentionWeights(out, w, "", "")
			return out
		}, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			return SelfAttention{Heads: 2, ScoreScale: 1 / math.Sqrt(8)}.Apply(ctx, in[0])
		}},
		"conv depthwise": {convWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			return DepthwiseConv1D{Kernel: 7, Padding: 3, NoBias: true}.Apply(ctx, in[0])
		}},
		"conv depthwise stride": {convWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			return DepthwiseConv1D{Kernel: 6, Stride: 3, Padding: 2}.Apply(ctx, in[0])
		}},
		"conv": {convWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			return Conv1D{Out: 6, Kernel: 5, Padding: 2}.Apply(ctx, in[0])
		}},
		"conv stride": {convWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			return Conv1D{Out: 6, Kernel: 9, Stride: 4, Padding: 1}.Apply(ctx, in[0])
		}},
		"conv pointwise": {convWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			return Conv1D{Out: 6, Kernel: 1, NoBias: true}.Apply(ctx, in[0])
		}},
		"conv same": {convWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			return Conv1D{Out: 6, Kernel: 6, Same: true}.Apply(ctx, in[0])
		}},
		"conv depthwise same": {convWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			return DepthwiseConv1D{Kernel: 8, Same: true, NoBias: true}.Apply(ctx, in[0])
		}},
		"pool": {nil, func(_ *mlctx.Context, in []*graph.Node) *graph.Node { return AvgPool1D{Window: 5}.Apply(in[0]) }},
		"pool overlapping": {nil, func(_ *mlctx.Context, in []*graph.Node) *graph.Node {
			return AvgPool1D{Window: 7, Stride: 3}.Apply(in[0])
		}},
		"layer norm": {normWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node { return LayerNorm{}.Apply(ctx, in[0]) }},
		"batch norm training": {normWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			ctx.SetTraining(in[0].Graph(), true)
			return BatchNorm{}.Apply(ctx, in[0])
		}},
		"batch norm axis 2": {normWeights, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
			ctx.SetTraining(in[0].Graph(), true)
			return BatchNorm{Axis: 2}.Apply(ctx, in[0])
		}},
		"softmax":     {nil, func(_ *mlctx.Context, in []*graph.Node) *graph.Node { return Softmax(in[0]) }},
		"relu":        {nil, func(_ *mlctx.Context, in []*graph.Node) *graph.Node { return ReLU(in[0]) }},
		"gelu":        {nil, func(_ *mlctx.Context, in []*graph.Node) *graph.Node { return GELU(in[0]) }},
		"elu":         {nil, func(_ *mlctx.Context, in []*graph.Node) *graph.Node { return ELU(in[0]) }},
		"poisson":     {nil, func(_ *mlctx.Context, in []*graph.Node) *graph.Node { return PoissonNLL(in[0], in[1]) }},
		"gaussian kl": {nil, func(_ *mlctx.Context, in []*graph.Node) *graph.Node { return GaussianKL(in[0], in[1], 0.3, 0.7) }},
	}
	for name := range file.Cases {
		if _, ok := cases[name]; !ok && name != "batch norm evaluation" {
			t.Errorf("golden case %q is not tested", name)
		}
	}
	forEachBackend(t, func(t *testing.T, b backends.Backend) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				want, ok := file.Cases[name]
				if !ok {
					t.Fatal("there is no golden case of that name")
				}
				trains := !strings.HasPrefix(name, "conv") || convolutionsTrain(b)
				vars := mlctx.New()
				if c.weights != nil {
					setWeights(vars, c.weights(want.Weights))
				}
				given := vars.NumVariables()
				out := run(t, b, vars, want.Inputs, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
					y := c.apply(ctx, in)
					weights := graph.Cos(graph.Reshape(graph.IotaFull(y.Graph(), shapes.Make(y.DType(), y.Shape().Size())), y.Shape().Dimensions...))
					if !trains {
						return []*graph.Node{y}
					}
					return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(graph.Mul(y, weights)), in[0])[0]}
				})
				near(t, "output", out[0], want.Output)
				if trains {
					near(t, "gradient", out[1], *want.Grad)
				}
				if used := vars.NumVariables(); used != given && !strings.HasPrefix(name, "batch norm") {
					t.Errorf("the layer has %d variables, PyTorch's %d", used, given)
				}
			})
		}
		// After two batches of training, evaluation uses the running statistics.
		t.Run("batch norm evaluation", func(t *testing.T) {
			want := file.Cases["batch norm evaluation"]
			vars := mlctx.New()
			setWeights(vars, normWeights(want.Weights))
			for _, batch := range want.Inputs {
				run(t, b, vars, []array{batch}, func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
					ctx.SetTraining(in[0].Graph(), true)
					return []*graph.Node{BatchNorm{}.Apply(ctx, in[0])}
				})
			}
			out := run(t, b, vars, want.Inputs[:1], func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
				return []*graph.Node{BatchNorm{}.Apply(ctx, in[0])}
			})
			near(t, "output", out[0], want.Output)
			for ours, theirs := range map[string]string{"running_mean": "running_mean", "running_variance": "running_var"} {
				near(t, ours, vars.GetVariableByScopeAndName("/", ours).MustValue(), want.Weights[theirs])
			}
		})
	})
}

func setWeights(vars *mlctx.Context, weights map[string]array) {
	for name, w := range weights {
		scope, name := mlctx.SplitScope(name)
		vars.InAbsPath(scope).VariableWithValue(name, w.tensor())
	}
}

// run evaluates a graph of f with the given inputs.
func run(t testing.TB, b backends.Backend, vars *mlctx.Context, inputs []array,
	f func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node) []*tensors.Tensor {
	t.Helper()
	e, err := mlctx.NewExec(b, vars.Checked(false), f)
	if err != nil {
		t.Fatal(err)
	}
	var args []any
	for _, in := range inputs {
		args = append(args, in.tensor())
	}
	out, err := e.Exec(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func near(t *testing.T, what string, got *tensors.Tensor, want array) {
	t.Helper()
	flat := tensors.MustCopyFlatData[float64](got)
	if len(flat) != len(want.Flat) {
		t.Fatalf("%s has shape %s, expected %v", what, got.Shape(), want.Shape)
	}
	for i := range flat {
		// The stock backend and GoMLX's softmax keep double precision; the golden values have ten decimals.
		if d := math.Abs(flat[i] - want.Flat[i]); !(d < 1e-7) {
			t.Fatalf("%s[%d] is %v, PyTorch's is %v", what, i, flat[i], want.Flat[i])
		}
	}
}
