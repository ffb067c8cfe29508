package dbconformer

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/initializers"

	"github.com/gyrus-dev/gyrus/nn"
)

// parameter returns the value of a trainable float32 variable.
func parameter(ctx *mlctx.Context, g *Graph, name string, init mlctx.VariableInitializer, dims ...int) *Node {
	return ctx.WithInitializer(init).VariableWithShape(name, shapes.Make(dtypes.Float32, dims...)).ValueGraph(g)
}

// fanIn is PyTorch's default for the weights and biases of linear and convolutional layers: uniform within ±1/√(inputs of one output).
func fanIn(ctx *mlctx.Context, inputs int) mlctx.VariableInitializer {
	bound := 1 / math.Sqrt(float64(inputs))
	return initializers.RandomUniformFn(ctx, -bound, bound)
}

// linear maps the last axis of x, [..., in] to [..., out], with a bias.
func linear(ctx *mlctx.Context, x *Node, out int) *Node {
	g, in := x.Graph(), x.Shape().Dim(-1)
	w := parameter(ctx, g, "weight", fanIn(ctx, in), in, out)
	b := parameter(ctx, g, "bias", fanIn(ctx, in), out)
	y := DotGeneral(x, []int{-1}, nil, w, []int{0}, nil)
	return Add(y, ExpandLeftToRank(b, y.Rank()))
}

// layerNorm normalises the last axis of x.
func layerNorm(ctx *mlctx.Context, x *Node) *Node {
	g, width := x.Graph(), x.Shape().Dim(-1)
	scale := parameter(ctx, g, "scale", initializers.One, width)
	shift := parameter(ctx, g, "shift", initializers.Zero, width)
	centred := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	variance := ReduceAndKeep(Square(centred), ReduceMean, -1)
	x = Mul(centred, Inverse(Sqrt(AddScalar(variance, 1e-5))))
	return Add(Mul(x, ExpandLeftToRank(scale, x.Rank())), ExpandLeftToRank(shift, x.Rank()))
}

// batchNorm normalises each index of the given axis of x over all other axes: with the batch's statistics while training, with running
// ones otherwise. The running statistics follow with momentum 0.1 and hold the unbiased variance, as in PyTorch.
func batchNorm(ctx *mlctx.Context, x *Node, axis int) *Node {
	g, features := x.Graph(), x.Shape().Dim(axis)
	scale := parameter(ctx, g, "scale", initializers.One, features)
	shift := parameter(ctx, g, "shift", initializers.Zero, features)
	shape := shapes.Make(dtypes.Float32, features)
	runningMean := ctx.WithInitializer(initializers.Zero).VariableWithShape("mean", shape).SetTrainable(false)
	runningVar := ctx.WithInitializer(initializers.One).VariableWithShape("variance", shape).SetTrainable(false)

	along := make([]int, x.Rank()) // the shape of a feature vector that broadcasts over x
	var others []int
	for i := range along {
		along[i] = 1
		if i == axis {
			along[i] = features
		} else {
			others = append(others, i)
		}
	}
	spread := func(v *Node) *Node { return Reshape(v, along...) }
	mean, variance := runningMean.ValueGraph(g), runningVar.ValueGraph(g)
	if ctx.IsTraining(g) {
		mean = ReduceMean(x, others...)
		x = Sub(x, spread(mean))
		variance = ReduceMean(Square(x), others...)
		n := float64(x.Shape().Size() / features)
		follow := func(running *mlctx.Variable, value *Node) {
			running.SetValueGraph(Add(MulScalar(running.ValueGraph(g), 0.9), MulScalar(StopGradient(value), 0.1)))
		}
		follow(runningMean, mean)
		follow(runningVar, MulScalar(variance, n/(n-1)))
	} else {
		x = Sub(x, spread(mean))
	}
	gain := Mul(scale, Inverse(Sqrt(AddScalar(variance, 1e-5))))
	return Add(Mul(x, spread(gain)), spread(shift))
}

// encoderBlock is one pre-norm transformer block on tokens [batch, tokens, width]. The attention scores are divided by √width, not by the
// root of a head's width. There is no layer norm after the last block.
func encoderBlock(ctx *mlctx.Context, x *Node, heads int) *Node {
	x = Add(x, nn.Dropout(ctx, attention(ctx.In("attention"), layerNorm(ctx.In("norm1"), x), heads), 0.5))
	h := linear(ctx.In("expand"), layerNorm(ctx.In("norm2"), x), 4*x.Shape().Dim(-1))
	h = linear(ctx.In("contract"), nn.Dropout(ctx, nn.GELU(h), 0.5), x.Shape().Dim(-1))
	return Add(x, nn.Dropout(ctx, h, 0.5))
}

// attention is multi-head self-attention on tokens [batch, tokens, width], with dropout on the attention weights.
func attention(ctx *mlctx.Context, x *Node, heads int) *Node {
	batch, tokens, width := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	each := width / heads
	qkv := Reshape(linear(ctx.In("qkv"), x, 3*width), batch, tokens, 3, heads, each)
	part := func(i int) *Node { // [batch, tokens, heads, each]
		return Squeeze(Slice(qkv, AxisRange(), AxisRange(), AxisElem(i), AxisRange(), AxisRange()), 2)
	}
	scores := Einsum("bihd,bjhd->bhij", part(0), part(1))
	weights := nn.Dropout(ctx, Softmax(DivScalar(scores, math.Sqrt(float64(width))), -1), 0.5)
	mixed := Einsum("bhij,bjhd->bihd", weights, part(2))
	return linear(ctx.In("out"), Reshape(mixed, batch, tokens, width), width)
}

// windows cuts the last axis of x, [..., time], into overlapping windows: [..., count, length], window i beginning at i·stride. The time
// axis is cut or padded with zeros at its end as needed. Each window is put together from blocks of stride samples.
func windows(x *Node, count, length, stride int) *Node {
	blocks := (length + stride - 1) / stride
	x = fitTime(x, (count-1+blocks)*stride)
	dims := x.Shape().Dimensions
	lead := dims[:len(dims)-1]
	grid := Reshape(x, append(append([]int(nil), lead...), count-1+blocks, stride)...)
	shifted := make([]*Node, blocks)
	for b := range shifted {
		axes := everything(grid.Rank())
		axes[len(axes)-2] = AxisRange(b, b+count)
		shifted[b] = Slice(grid, axes...)
	}
	if blocks == 1 {
		return firstOfLast(shifted[0], length)
	}
	return firstOfLast(Concatenate(shifted, -1), length)
}

// everything is the slice of every axis that takes all of it.
func everything(rank int) []SliceAxisSpec {
	axes := make([]SliceAxisSpec, rank)
	for i := range axes {
		axes[i] = AxisRange()
	}
	return axes
}

// firstOfLast keeps the first n elements of the last axis.
func firstOfLast(x *Node, n int) *Node {
	if x.Shape().Dim(-1) == n {
		return x
	}
	axes := everything(x.Rank())
	axes[len(axes)-1] = AxisRange(0, n)
	return Slice(x, axes...)
}

// fitTime cuts the last axis of x to n samples, or pads it at its end with zeros.
func fitTime(x *Node, n int) *Node {
	if x.Shape().Dim(-1) >= n {
		return firstOfLast(x, n)
	}
	return padTime(x, 0, n-x.Shape().Dim(-1))
}

// padTime adds zeros before and after the last axis of x. It joins blocks of zeros, since GoMLX has no gradient for Pad.
func padTime(x *Node, before, after int) *Node {
	zeros := func(n int) *Node {
		dims := append([]int(nil), x.Shape().Dimensions...)
		dims[len(dims)-1] = n
		return Zeros(x.Graph(), shapes.Make(x.DType(), dims...))
	}
	parts := []*Node{x}
	if before > 0 {
		parts = append([]*Node{zeros(before)}, parts...)
	}
	if after > 0 {
		parts = append(parts, zeros(after))
	}
	if len(parts) == 1 {
		return x
	}
	return Concatenate(parts, -1)
}

// toeplitz spreads kernels [..., taps] into matrices [..., block, taps+block-1] whose row j is the kernel moved j places to the right:
// a convolution of a window of taps+block-1 samples to block outputs is then a matrix product.
func toeplitz(kernels *Node, block int) *Node {
	dims := kernels.Shape().Dimensions
	lead, taps := dims[:len(dims)-1], dims[len(dims)-1]
	with := func(tail ...int) []int { return append(append([]int(nil), lead...), tail...) }
	// Rows of taps+block values (the kernel, then zeros) read as rows one shorter: each starts one place later in the pattern.
	row := padTime(kernels, 0, block)
	rows := BroadcastToDims(Reshape(row, with(1, taps+block)...), with(block, taps+block)...)
	flat := Reshape(rows, with(block*(taps+block))...)
	return Reshape(firstOfLast(flat, block*(taps+block-1)), with(block, taps+block-1)...)
}

// depthwise convolves every feature of x, [features, batch, time], with its own kernel of [features, taps], to
// [features, batch, time+before+after-taps+1]; before and after are the zeros around the signal.
//
// It is written as products of short windows with Toeplitz matrices: twice the multiplications of the bare sum, but all of them
// in matrix products, which every backend does well, forwards and backwards.
func depthwise(x, kernels *Node, before, after int) *Node {
	const block = 64
	features, batch, taps := x.Shape().Dim(0), x.Shape().Dim(1), kernels.Shape().Dim(-1)
	out := x.Shape().Dim(-1) + before + after - taps + 1
	count := (out + block - 1) / block
	w := windows(padTime(x, before, after), count, taps+block-1, block) // [features, batch, count, taps+block-1]
	y := Einsum("fbnw,fkw->fbnk", w, toeplitz(kernels, block))
	return firstOfLast(Reshape(y, features, batch, count*block), out)
}
