package dbconformer

import (
	. "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/nn"
)

// eegNet is EEGNet with F1=4, D=2, F2=8 (Lawhern et al., J. Neural Engineering 15, 2018), as the paper's benchmark sets it: a temporal kernel of
// half a second, dropout 0.25, no norm constraint. x is [batch, C, T]; the logits are [batch, K].
func (s Size) eegNet(ctx *mlctx.Context, x *Node, rate float64) *Node {
	const (
		maps     = 4              // F1
		spatial  = 2              // D: spatial filters for each temporal one
		features = maps * spatial // F2 too
		depth    = 16             // taps of the separable convolution
	)
	g, batch, time := x.Graph(), x.Shape().Dim(0), s.Samples
	taps := max(2, int(rate/2))

	// Temporal convolution of every electrode, as windows times Toeplitz matrices; the result is as long as the trial.
	const block = 64
	count := (time + block - 1) / block
	kernels := parameter(ctx.In("temporal"), g, "kernels", fanIn(ctx, taps), maps, taps)
	before := (taps - 1) / 2
	w := windows(padTime(x, before, taps-1-before), count, taps+block-1, block) // [batch, C, count, taps+block-1]
	h := Einsum("bcnw,fkw->fbcnk", w, toeplitz(kernels, block))                 // [maps, batch, C, count, block]
	h = firstOfLast(Reshape(h, maps, batch, s.Channels, count*block), time)     // [maps, batch, C, time]
	h = batchNorm(ctx.In("norm1"), h, 0)

	filters := parameter(ctx.In("spatial"), g, "filters", fanIn(ctx, s.Channels), maps, spatial, s.Channels)
	h = Einsum("fbct,fdc->fdbt", h, filters)
	h = nn.ELU(batchNorm(ctx.In("norm2"), Reshape(h, features, batch, time), 0))
	h = nn.Dropout(ctx, averageTime(h, 4), 0.25) // [features, batch, time/4]

	separable := parameter(ctx.In("separable"), g, "kernels", fanIn(ctx, depth), features, depth)
	mixing := parameter(ctx.In("separable"), g, "mixing", fanIn(ctx, features), features, features)
	h = depthwise(h, separable, (depth-1)/2, depth/2)
	h = Einsum("of,fbt->obt", mixing, h)
	h = nn.ELU(batchNorm(ctx.In("norm3"), h, 0))
	h = nn.Dropout(ctx, averageTime(h, 8), 0.25) // [features, batch, time/32]
	return linear(ctx.In("classes"), Reshape(TransposeAllAxes(h, 1, 0, 2), batch, -1), s.Classes)
}

// averageTime averages the last axis over blocks of n; what does not fill a block is dropped.
func averageTime(x *Node, n int) *Node {
	dims := x.Shape().Dimensions
	count := dims[len(dims)-1] / n
	x = firstOfLast(x, count*n)
	return ReduceMean(Reshape(x, append(append([]int(nil), dims[:len(dims)-1]...), count, n)...), -1)
}

// conformerShape is how EEG Conformer's times follow from the sampling rate: 25 taps, and means over 75 samples every 15, at 250 Hz.
func conformerShape(samples int, rate float64) (taps, step, tokens int) {
	taps = max(2, int(rate/10+0.5))
	step = max(1, int(rate*15/250+0.5))
	return taps, step, ((samples-taps+1)-5*step)/step + 1
}

// eegConformer is EEG Conformer (Song et al., IEEE TNSRE 31, 2023), the serial network the paper measures itself against: convolutions make
// tokens of time, six transformer blocks like those of DBConformer follow, and a classifier on all tokens. x is [batch, C, T].
//
// Its first two convolutions, in time and across electrodes, have nothing between them. They are evaluated as the one convolution
// they make together, which is the same function of the same parameters at a third of the cost.
func (s Size) eegConformer(ctx *mlctx.Context, x *Node, rate float64) *Node {
	const width, blocks, block = 40, 6, 8
	g, batch := x.Graph(), x.Shape().Dim(0)
	taps, step, tokens := conformerShape(s.Samples, rate)
	time := s.Samples - taps + 1

	inTime := parameter(ctx.In("temporal"), g, "kernels", fanIn(ctx, taps), width, taps)
	timeBias := parameter(ctx.In("temporal"), g, "bias", fanIn(ctx, taps), width)
	across := parameter(ctx.In("spatial"), g, "filters", fanIn(ctx, width*s.Channels), width, width, s.Channels)
	acrossBias := parameter(ctx.In("spatial"), g, "bias", fanIn(ctx, width*s.Channels), width)
	both := Einsum("oic,ik->ock", across, inTime) // [width, C, taps]
	bias := Add(acrossBias, Einsum("oic,i->o", across, timeBias))

	count := (time + block - 1) / block
	w := windows(x, count, taps+block-1, block)                  // [batch, C, count, taps+block-1]
	h := Einsum("bcnw,ockw->obnk", w, toeplitz(both, block))     // [width, batch, count, block]
	h = firstOfLast(Reshape(h, width, batch, count*block), time) // [width, batch, time]
	h = Add(h, Reshape(bias, width, 1, 1))
	h = nn.ELU(batchNorm(ctx.In("norm"), h, 0))

	// Means over five steps, one step apart.
	h = averageTime(h, step)
	sum := Slice(h, AxisRange(), AxisRange(), AxisRange(0, tokens))
	for i := 1; i < 5; i++ {
		sum = Add(sum, Slice(h, AxisRange(), AxisRange(), AxisRange(i, i+tokens)))
	}
	h = nn.Dropout(ctx, DivScalar(sum, 5), 0.5)
	h = linear(ctx.In("project"), TransposeAllAxes(h, 1, 2, 0), width) // [batch, tokens, width]
	for i := range blocks {
		h = encoderBlock(ctx.Inf("block%d", i), h, 10)
	}
	return mlp(ctx.In("head"), Reshape(h, batch, tokens*width), 256, s.Classes)
}
