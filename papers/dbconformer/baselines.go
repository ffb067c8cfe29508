package dbconformer

import (
	. "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/nn"
)

// eegNet is EEGNet with F1=4, D=2, F2=8 (Lawhern et al., J. Neural Engineering 15, 2018), as the paper's benchmark sets it: a temporal kernel of
// half a second, dropout 0.25, no norm constraint. It wants trials of at least 32 samples at rate Hz.
func (s Size) eegNet(rate float64) network {
	return func(ctx *mlctx.Context, x *Node) (logits, _ *Node) { return s.buildEEGNet(ctx, x, rate), nil }
}

func (s Size) buildEEGNet(ctx *mlctx.Context, x *Node, rate float64) *Node {
	const (
		maps     = 4              // F1
		spatial  = 2              // D: spatial filters for each temporal one
		features = maps * spatial // F2 too
	)
	batch := x.Shape().Dim(0)
	each := Reshape(x, batch*s.Channels, 1, s.Samples)
	h := nn.Conv1D{Out: maps, Kernel: max(2, int(rate/2)), Same: true, NoBias: true}.Apply(ctx.In("temporal"), each)
	h = nn.BatchNorm{Axis: 2}.Apply(ctx.In("norm1"), Reshape(h, batch, s.Channels, maps, s.Samples))
	filters := parameter(ctx.In("spatial"), x, "filters", nn.FanInUniform(s.Channels), maps, spatial, s.Channels)
	h = Reshape(Einsum("bcft,fdc->bfdt", h, filters), batch, features, s.Samples)
	h = nn.ELU(nn.BatchNorm{}.Apply(ctx.In("norm2"), h))
	h = nn.Dropout(ctx, nn.AvgPool1D{Window: 4}.Apply(h), 0.25) // [batch, features, T/4]

	h = nn.DepthwiseConv1D{Kernel: 16, Same: true, NoBias: true}.Apply(ctx.In("depthwise"), h)
	h = nn.Conv1D{Out: features, Kernel: 1, NoBias: true}.Apply(ctx.In("pointwise"), h)
	h = nn.ELU(nn.BatchNorm{}.Apply(ctx.In("norm3"), h))
	h = nn.Dropout(ctx, nn.AvgPool1D{Window: 8}.Apply(h), 0.25) // [batch, features, T/32]
	return nn.Linear{Out: s.Classes}.Apply(ctx.In("classes"), Reshape(h, batch, -1))
}

// conformerShape is how EEG Conformer's times follow from the sampling rate: 25 taps, and means over 75 samples every 15, at 250 Hz.
func conformerShape(samples int, rate float64) (taps, step, tokens int) {
	taps = max(2, int(rate/10+0.5))
	step = max(1, int(rate*15/250+0.5))
	return taps, step, ((samples-taps+1)-5*step)/step + 1
}

// eegConformer is EEG Conformer (Song et al., IEEE TNSRE 31, 2023), the serial network the paper measures itself against: convolutions make
// tokens of time, six transformer blocks like those of DBConformer follow, and a classifier on all tokens. It wants trials of at least
// one token (see conformerShape).
//
// Its first two convolutions, in time and across electrodes, have nothing between them. They are evaluated as the one convolution
// they make together, which is the same function of the same parameters at a third of the cost.
func (s Size) eegConformer(rate float64) network {
	return func(ctx *mlctx.Context, x *Node) (logits, _ *Node) { return s.buildEEGConformer(ctx, x, rate), nil }
}

func (s Size) buildEEGConformer(ctx *mlctx.Context, x *Node, rate float64) *Node {
	const width, blocks = 40, 6
	batch := x.Shape().Dim(0)
	taps, step, _ := conformerShape(s.Samples, rate)

	inTime := parameter(ctx.In("temporal"), x, "kernel", nn.FanInUniform(taps), width, taps)
	timeBias := parameter(ctx.In("temporal"), x, "bias", nn.FanInUniform(taps), width)
	across := parameter(ctx.In("spatial"), x, "filters", nn.FanInUniform(width*s.Channels), width, width, s.Channels)
	acrossBias := parameter(ctx.In("spatial"), x, "bias", nn.FanInUniform(width*s.Channels), width)
	h := nn.Convolve(x, Einsum("oic,ik->ock", across, inTime)) // [batch, width, T-taps+1]
	h = Add(h, Reshape(Add(acrossBias, Einsum("oic,i->o", across, timeBias)), 1, width, 1))
	h = nn.ELU(nn.BatchNorm{}.Apply(ctx.In("norm"), h))
	h = nn.Dropout(ctx, nn.AvgPool1D{Window: 5 * step, Stride: step}.Apply(h), 0.5)
	h = nn.Conv1D{Out: width, Kernel: 1}.Apply(ctx.In("project"), h)
	h = encoder(ctx, Transpose(h, 1, 2), 10, blocks) // [batch, tokens, width]
	return head(ctx.In("head"), Reshape(h, batch, -1), 256, s.Classes)
}
