package dbconformer

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/initializers"

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
		tokens := s.temporalTokens(ctx.In("temporal"), x)
		tokens = s.encode(ctx.In("temporal"), tokens, v)
		features = append(features, ReduceMean(tokens, 1))
	}
	if !v.NoSpatial {
		tokens := s.spatialTokens(ctx.In("spatial"), x)
		tokens = s.encode(ctx.In("spatial"), tokens, v)
		if v.MeanPool {
			features = append(features, ReduceMean(tokens, 1))
		} else {
			attention = channelAttention(ctx.In("pool"), tokens)
			features = append(features, Einsum("bc,bcd->bd", attention, tokens))
		}
	}
	f := features[0]
	if len(features) == 2 {
		f = Concatenate(features, -1) // [batch, 2D]
		if v.Gated {
			g := Sigmoid(linear(ctx.In("gate"), f, s.Width))
			f = Add(Mul(g, features[1]), Mul(OneMinus(g), features[0])) // [batch, D]
		}
	}
	return mlp(ctx.In("head"), f, 64, s.Classes), attention
}

// mlp is the classifier: [batch, features] to width, 32 and the classes, with ELU and dropout 0.5 and 0.3 between.
func mlp(ctx *mlctx.Context, f *Node, width, classes int) *Node {
	f = nn.Dropout(ctx, nn.ELU(linear(ctx.In("hidden1"), f, width)), 0.5)
	f = nn.Dropout(ctx, nn.ELU(linear(ctx.In("hidden2"), f, 32)), 0.3)
	return linear(ctx.In("classes"), f, classes)
}

// encode adds position codes to tokens [batch, tokens, D] and runs them through the branch's own transformer.
func (s Size) encode(ctx *mlctx.Context, tokens *Node, v Variant) *Node {
	if !v.NoPositions {
		codes := parameter(ctx, tokens.Graph(), "positions", initializers.RandomNormalFn(ctx, 1), 1, tokens.Shape().Dim(1), s.Width)
		tokens = Add(tokens, codes)
	}
	for i := range s.Depth {
		tokens = encoderBlock(ctx.Inf("block%d", i), tokens, s.Heads)
	}
	return tokens
}

// temporalTokens makes one token of each patch of time: spatial filters, a depthwise convolution in time, and the mean of the rectified
// result over the patch. x is [batch, C, T]; the tokens are [batch, P, D].
func (s Size) temporalTokens(ctx *mlctx.Context, x *Node) *Node {
	g, batch := x.Graph(), x.Shape().Dim(0)
	// The authors truncate this normal distribution at ±2, which is 200 standard deviations.
	small := initializers.RandomNormalFn(ctx, 0.01)
	filters := parameter(ctx, g, "filters", small, s.Width, s.Channels)
	h := Einsum("dc,bct->dbt", filters, x) // [D, batch, T]; features come first from here on
	h = batchNorm(ctx.In("norm1"), h, 0)
	kernels := parameter(ctx, g, "kernels", small, s.Width, s.Kernel)
	h = depthwise(h, kernels, s.Kernel/2, s.Kernel/2) // [D, batch, T]
	h = nn.GELU(batchNorm(ctx.In("norm2"), h, 0))
	h = firstOfLast(h, s.Tokens()*s.Patch)
	h = ReduceMean(Reshape(h, s.Width, batch, s.Tokens(), s.Patch), -1) // [D, batch, P]
	return TransposeAllAxes(nn.Dropout(ctx, h, 0.5), 1, 2, 0)
}

// spatialTokens makes one token of each electrode from its own signal, with weights all electrodes share. x is [batch, C, T]; the tokens are
// [batch, C, D].
func (s Size) spatialTokens(ctx *mlctx.Context, x *Node) *Node {
	const maps = 16
	g := x.Graph()
	half := s.ElectrodeKernel / 2
	count := (s.Samples+2*half-s.ElectrodeKernel)/s.ElectrodeStride + 1
	w := windows(padTime(x, half, half), count, s.ElectrodeKernel, s.ElectrodeStride) // [batch, C, count, taps]
	kernels := parameter(ctx, g, "kernels", fanIn(ctx, s.ElectrodeKernel), maps, s.ElectrodeKernel)
	bias := parameter(ctx, g, "bias", fanIn(ctx, s.ElectrodeKernel), maps)
	h := DotGeneral(w, []int{-1}, nil, kernels, []int{1}, nil) // [batch, C, count, maps]
	h = nn.ELU(Add(h, ExpandLeftToRank(bias, 4)))
	return linear(ctx.In("project"), ReduceMean(h, 2), s.Width)
}

// channelAttention weighs the electrodes: tokens [batch, C, D] to weights [batch, C] that sum to one.
func channelAttention(ctx *mlctx.Context, tokens *Node) *Node {
	h := Tanh(linear(ctx.In("hidden"), tokens, tokens.Shape().Dim(-1)))
	return Softmax(Squeeze(linear(ctx.In("score"), h, 1), -1), -1)
}
