package nn

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// shapeOf is the shape of the given dimensions with the type of a node.
func shapeOf(like *graph.Node, dims ...int) shapes.Shape { return shapes.Make(like.DType(), dims...) }

// SelfAttention is multi-head self-attention with biased projections. Its variables are in the scopes "query", "key", "value"
// and "out", each a Linear map of D to D features; a head has D/Heads consecutive ones.
type SelfAttention struct {
	Heads int
	// ScoreScale multiplies the scores q·k before the softmax; zero means 1/√(D/Heads).
	ScoreScale float64
	Causal     bool    // a token sees only itself and those before it
	Dropout    float64 // rate, on the attention weights
	// QKV and Out are the initial values. By default, as in PyTorch's MultiheadAttention, QKV (queries, keys and
	// values) begin as Xavier-uniform of one [3D, D] matrix, Out as a Linear layer, and both biases as 0.
	QKV, Out LinearInit
}

// Apply maps x [batch, tokens, D] to [batch, tokens, D].
func (l SelfAttention) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	if x.Rank() != 3 {
		panicf("SelfAttention needs [batch, tokens, features], got shape %s", x.Shape())
	}
	g := x.Graph()
	batch, tokens, d := x.Shape().Dimensions[0], x.Shape().Dimensions[1], x.Shape().Dimensions[2]
	if l.Heads < 1 || d%l.Heads != 0 {
		panicf("SelfAttention has %d heads, which do not divide the %d features of shape %s", l.Heads, d, x.Shape())
	}
	width := d / l.Heads
	qkvInit, outInit := l.QKV, l.Out
	qkvInit.Weights = or(qkvInit.Weights, XavierUniform(1, d, 3*d))
	qkvInit.Bias = or(qkvInit.Bias, Zeros)
	outInit.Bias = or(outInit.Bias, Zeros)

	// Three maps, not one that is cut in three: the gradient of a cut would pad with zeros.
	project := func(scope string) *graph.Node { // [batch, tokens, heads, width]
		return graph.Reshape(Linear{Out: d, Init: qkvInit}.Apply(ctx.In(scope), x), batch, tokens, l.Heads, width)
	}
	q := graph.MulScalar(project("query"), orDefault(l.ScoreScale, 1/math.Sqrt(float64(width))))
	k, v := project("key"), project("value")
	scores := graph.Einsum("bqhd,bkhd->bhqk", q, k) // [batch, heads, tokens, tokens]
	if l.Causal {
		shape := shapes.Make(dtypes.Int32, 1, 1, tokens, tokens)
		future := graph.GreaterThan(graph.Iota(g, shape, 3), graph.Iota(g, shape, 2))
		far := graph.Mul(graph.ConvertDType(future, x.DType()), graph.Scalar(g, x.DType(), -1e30))
		scores = graph.Add(scores, far)
	}
	weights := softmax(scores, dropoutMask(ctx, scores, l.Dropout))
	y := graph.Einsum("bhqk,bkhd->bqhd", weights, v) // [batch, tokens, heads, width]
	return Linear{Out: d, Init: outInit}.Apply(ctx.In("out"), graph.Reshape(y, batch, tokens, d))
}

// TransformerLayer is an encoder layer: self-attention and a feed-forward network, each with a residual connection and layer
// normalisation. After-norm (the default) is x ← LN(x + f(x)), as in PyTorch's TransformerEncoderLayer; pre-norm is x ← x + f(LN(x)). Its
// scopes are "attention", "norm1", "expand", "contract" and "norm2".
type TransformerLayer struct {
	Heads      int
	Hidden     int                           // width of the feed-forward network
	PreNorm    bool                          //
	Activation func(*graph.Node) *graph.Node // nil means ReLU
	ScoreScale float64                       // as in SelfAttention
	Causal     bool

	// Dropout rates: on the attention weights, on what is added to the residual stream (both times), and after the activation.
	// PyTorch's layer has one rate for all three.
	AttentionDropout, ResidualDropout, HiddenDropout float64

	// Initial values of the attention's projections (see SelfAttention) and of the feed-forward network's two maps.
	QKV, Out, Expand, Contract LinearInit
}

// Apply maps x [batch, tokens, D] to [batch, tokens, D].
func (l TransformerLayer) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	activation := l.Activation
	if activation == nil {
		activation = ReLU
	}
	attend := func(x *graph.Node) *graph.Node {
		attention := SelfAttention{Heads: l.Heads, ScoreScale: l.ScoreScale, Causal: l.Causal, Dropout: l.AttentionDropout, QKV: l.QKV, Out: l.Out}
		return Dropout(ctx, attention.Apply(ctx.In("attention"), x), l.ResidualDropout)
	}
	feed := func(x *graph.Node) *graph.Node {
		d := x.Shape().Dimensions[2]
		h := activation(Linear{Out: l.Hidden, Init: l.Expand}.Apply(ctx.In("expand"), x)) // [batch, tokens, Hidden]
		h = Linear{Out: d, Init: l.Contract}.Apply(ctx.In("contract"), Dropout(ctx, h, l.HiddenDropout))
		return Dropout(ctx, h, l.ResidualDropout)
	}
	norm1 := func(x *graph.Node) *graph.Node { return LayerNorm{}.Apply(ctx.In("norm1"), x) }
	norm2 := func(x *graph.Node) *graph.Node { return LayerNorm{}.Apply(ctx.In("norm2"), x) }
	if l.PreNorm {
		x = graph.Add(x, attend(norm1(x)))
		return graph.Add(x, feed(norm2(x)))
	}
	x = norm1(graph.Add(x, attend(x)))
	return norm2(graph.Add(x, feed(x)))
}

// AttentionPool is a weighted mean over tokens with learned weights: a_n = w2·tanh(W1 z_n + b1) + b2, α = softmax over tokens of a. Its
// scopes are "w1" and "w2".
type AttentionPool struct {
	Hidden int // outputs of W1
}

// Apply maps z [batch, tokens, D] to the pooled [batch, D] and the weights α [batch, tokens].
func (l AttentionPool) Apply(ctx *mlctx.Context, z *graph.Node) (pooled, alpha *graph.Node) {
	if z.Rank() != 3 {
		panicf("AttentionPool needs [batch, tokens, features], got shape %s", z.Shape())
	}
	h := graph.Tanh(Linear{Out: l.Hidden}.Apply(ctx.In("w1"), z)) // [batch, tokens, Hidden]
	a := graph.Squeeze(Linear{Out: 1}.Apply(ctx.In("w2"), h), 2)  // [batch, tokens]
	alpha = Softmax(a)
	return graph.Einsum("bn,bnd->bd", alpha, z), alpha
}
