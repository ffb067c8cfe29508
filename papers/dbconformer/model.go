package dbconformer

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/nn"
)

// Size is what the shape of a network follows from. All lengths in samples are those of 250 Hz data in the paper; [SizeFor] rescales them.
type Size struct {
	Channels int // C
	Samples  int // T
	Classes  int // K

	Width int // D
	Heads int // H
	Depth int // transformer blocks in each branch

	Kernel          int // taps of the temporal branch's depthwise convolution
	Patch           int // samples averaged into one temporal token, L
	ElectrodeKernel int // taps of the electrode encoder's convolution
	ElectrodeStride int // and its stride
}

// The paper's lengths in seconds: 63, 125, 25 and 5 samples at 250 Hz.
const (
	kernelSeconds          = 63.0 / 250
	patchSeconds           = 125.0 / 250
	electrodeKernelSeconds = 25.0 / 250
	electrodeStrideSeconds = 5.0 / 250
)

// SizeFor returns the paper's network for trials of that many channels and samples at rate Hz, its kernels and patch rescaled from 250 Hz
// so that they last as long. A patch of 0 takes the rescaled one; a trial that is not a whole number of patches (but for one sample,
// which is dropped) is refused.
func SizeFor(channels, samples, classes int, rate float64, patch int) (Size, error) {
	if !(rate > 0) {
		return Size{}, fmt.Errorf("the sampling rate is %g Hz: kernels and patches are times, so it must be known (--set rate=250, say)", rate)
	}
	odd := func(seconds float64) int { return 2*int(math.Round((seconds*rate-1)/2)) + 1 }
	s := Size{
		Channels: channels, Samples: samples, Classes: classes, Width: 40, Heads: 10, Depth: 2,
		Kernel: max(3, odd(kernelSeconds)), Patch: patch,
		ElectrodeKernel: max(3, odd(electrodeKernelSeconds)), ElectrodeStride: max(1, int(math.Round(electrodeStrideSeconds*rate))),
	}
	if patch == 0 {
		s.Patch = max(1, int(math.Round(patchSeconds*rate)))
	}
	return s, s.check()
}

func (s Size) check() error {
	switch cut := s.Samples % max(1, s.Patch); {
	case s.Channels < 1 || s.Classes < 2 || s.Patch < 1 || s.Depth < 0:
		return fmt.Errorf("a network for %d channels, %d classes, patches of %d samples and depth %d cannot be built", s.Channels, s.Classes, s.Patch, s.Depth)
	case s.Samples < s.Patch:
		return fmt.Errorf("trials have %d samples, less than one patch of %d: a trial must be a multiple of the patch; choose a shorter patch (--set patch=N)",
			s.Samples, s.Patch)
	case cut > 1:
		return fmt.Errorf("trials have %d samples, which must be a multiple of the patch of %d (one sample more is dropped): %d samples would be cut; "+
			"cut the trials to %d samples or choose a patch that divides (--set patch=N)", s.Samples, s.Patch, cut, s.Samples-cut)
	case s.Width%s.Heads != 0:
		return fmt.Errorf("a width of %d cannot be split among %d heads", s.Width, s.Heads)
	}
	return nil
}

// Tokens is the number of temporal tokens, P.
func (s Size) Tokens() int { return s.Samples / s.Patch }

// Variant is the network or one of its ablations; the zero value is the published network.
type Variant struct {
	NoTemporal  bool // only the spatial branch
	NoSpatial   bool // only the temporal branch
	MeanPool    bool // the mean over electrodes instead of channel attention
	NoPositions bool // no position codes
	Gated       bool // g·spatial + (1-g)·temporal instead of both side by side; the authors found it to hurt
}

// Build returns the graph of the network on trials x [batch, C, T]: the logits [batch, K], and the channel attention [batch, C], which is
// nil in variants without it.
func (s Size) Build(ctx *mlctx.Context, x *Node, v Variant) (logits, attention *Node) {
	var features []*Node // [batch, D] each
	if !v.NoTemporal {
		ctx := ctx.In("temporal")
		features = append(features, ReduceMean(s.encode(ctx, s.temporalTokens(ctx, x), v), 1))
	}
	if !v.NoSpatial {
		spatial := ctx.In("spatial")
		tokens := s.encode(spatial, s.spatialTokens(spatial, x), v)
		var pooled *Node
		if v.MeanPool {
			pooled = ReduceMean(tokens, 1)
		} else {
			pooled, attention = nn.AttentionPool{Hidden: s.Width}.Apply(ctx.In("pool"), tokens)
		}
		features = append(features, pooled)
	}
	f := features[0]
	if len(features) == 2 {
		f = Concatenate(features, -1) // [batch, 2D]
		if v.Gated {
			g := Sigmoid(nn.Linear{Out: s.Width}.Apply(ctx.In("gate"), f))
			f = Add(Mul(g, features[1]), Mul(OneMinus(g), features[0])) // [batch, D]
		}
	}
	return head(ctx.In("head"), f, 64, s.Classes), attention
}

// temporalTokens makes one token of each patch of time: spatial filters, a depthwise convolution in time, and the mean of the rectified
// result over the patch. x is [batch, C, T]; the tokens are [batch, P, D].
func (s Size) temporalTokens(ctx *mlctx.Context, x *Node) *Node {
	small := nn.LinearInit{Weights: nn.TruncatedNormal(0.01, 2)}
	h := nn.Conv1D{Out: s.Width, Kernel: 1, NoBias: true, Init: small}.Apply(ctx.In("filters"), x) // [batch, D, T]
	h = nn.BatchNorm{}.Apply(ctx.In("norm1"), h)
	h = nn.DepthwiseConv1D{Kernel: s.Kernel, Padding: s.Kernel / 2, NoBias: true, Init: small}.Apply(ctx.In("depthwise"), h)
	h = nn.GELU(nn.BatchNorm{}.Apply(ctx.In("norm2"), h))
	h = nn.AvgPool1D{Window: s.Patch}.Apply(h) // [batch, D, P]; a sample too many is dropped
	return Transpose(nn.Dropout(ctx, h, 0.5), 1, 2)
}

// spatialTokens makes one token of each electrode from its own signal, with weights all electrodes share. x is [batch, C, T]; the tokens are
// [batch, C, D].
func (s Size) spatialTokens(ctx *mlctx.Context, x *Node) *Node {
	batch, channels, time := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	each := Reshape(x, batch*channels, 1, time)
	h := nn.Conv1D{Out: 16, Kernel: s.ElectrodeKernel, Stride: s.ElectrodeStride, Padding: s.ElectrodeKernel / 2}.Apply(ctx.In("encoder"), each)
	h = ReduceMean(nn.ELU(h), 2) // [batch·C, 16]
	return nn.Linear{Out: s.Width}.Apply(ctx.In("project"), Reshape(h, batch, channels, -1))
}

// encode adds position codes to tokens [batch, tokens, D] and runs them through the branch's own transformer.
func (s Size) encode(ctx *mlctx.Context, tokens *Node, v Variant) *Node {
	if !v.NoPositions {
		tokens = Add(tokens, parameter(ctx, tokens, "positions", nn.Normal(1), 1, tokens.Shape().Dim(1), s.Width))
	}
	return encoder(ctx, tokens, s.Heads, s.Depth)
}

// encoder is a stack of pre-norm transformer blocks on tokens [batch, tokens, width]. The attention scores are divided by √width, not by the
// root of a head's width. There is no layer norm after the last block.
func encoder(ctx *mlctx.Context, tokens *Node, heads, blocks int) *Node {
	width := tokens.Shape().Dim(2)
	each := nn.FanInUniform(width)
	init := nn.LinearInit{Weights: each, Bias: each}
	for i := range blocks {
		tokens = nn.TransformerLayer{
			Heads: heads, Hidden: 4 * width, PreNorm: true, Activation: nn.GELU, ScoreScale: 1 / math.Sqrt(float64(width)),
			AttentionDropout: 0.5, ResidualDropout: 0.5, HiddenDropout: 0.5, QKV: init, Out: init,
		}.Apply(ctx.Inf("block%d", i), tokens)
	}
	return tokens
}

// head is the classifier: f [batch, features] to width, 32 and the classes, with ELU and dropout 0.5 and 0.3 between.
func head(ctx *mlctx.Context, f *Node, width, classes int) *Node {
	f = nn.Dropout(ctx, nn.ELU(nn.Linear{Out: width}.Apply(ctx.In("hidden1"), f)), 0.5)
	f = nn.Dropout(ctx, nn.ELU(nn.Linear{Out: 32}.Apply(ctx.In("hidden2"), f)), 0.3)
	return nn.Linear{Out: classes}.Apply(ctx.In("classes"), f)
}

// parameter returns the value of a trainable variable.
func parameter(ctx *mlctx.Context, like *Node, name string, init nn.Initializer, dims ...int) *Node {
	return ctx.WithInitializer(init(ctx)).VariableWithShape(name, shapes.Make(like.DType(), dims...)).ValueGraph(like.Graph())
}
