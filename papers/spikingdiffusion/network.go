package spikingdiffusion

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gyrus-dev/gyrus/nn"
)

// Kind is what stands between the convolutions of a network.
type Kind string

// The kinds of networks.
const (
	Spiking   Kind = "spiking"   // integrate-and-fire units with a hard reset
	Smooth    Kind = "smooth"    // Swish, in one step: the ANN twin
	Quantised Kind = "quantised" // ReLU of 2^Bits levels with a learned clip, in one step
	Converted Kind = "converted" // the variables of a quantised network, with integrate-and-fire units that reset softly
)

// Config is the size of a U-Net.
type Config struct {
	Side, Colours int   // of the images, which are square
	Width         int   // channels of the first level
	Multipliers   []int // of Width at each level, of which each has half the side of the one before
	Blocks        int   // residual blocks a level on the way down; one more on the way up
	Middle        int
	Steps         int // T, spiking steps in a call; 1 unless spiking or converted
	Kind          Kind
	Bits          int  // of a quantised network, and the one that is converted
	Scaled        bool // with the temporal scalars p of the temporal-wise spiking mechanism
}

// Check says what is wrong with a configuration.
func (c Config) Check() error {
	unit := 1 << (len(c.Multipliers) - 1)
	switch {
	case c.Steps < 1:
		return fmt.Errorf("the number of spiking steps T is %d; a spiking network needs at least one step", c.Steps)
	case c.Side%unit != 0 || c.Side < 2*unit:
		return fmt.Errorf("the side is %d pixels; with %d levels it must be a multiple of %d", c.Side, len(c.Multipliers), unit)
	}
	return nil
}

// decay is that of the read-out, an integrator that never fires.
const decay = 0.8

// temporal is the name of the variables of the temporal-wise spiking mechanism, [T] for each convolution.
const temporal = "p"

// layer is one convolution or matrix, for the count of operations.
type layer struct {
	name string
	kind string // "first", "spikes", "real" or "embedding"
	macs int    // of one example in one step
	rate *graph.Node
}

// answer is what a network says about noisy images.
type answer struct {
	noise  *graph.Node // [B, side, side, colours]
	layers []layer     // those of kind "spikes" have a rate [B]: the mean of spikes over units and steps
}

// rates are those of all spiking layers, [B, layers], and nil where there are none.
func (a *answer) rates() *graph.Node {
	var all []*graph.Node
	for _, l := range a.layers {
		if l.rate != nil {
			all = append(all, graph.InsertAxes(l.rate, -1))
		}
	}
	if all == nil {
		return nil
	}
	return graph.Concatenate(all, -1)
}

// pass is a network being built.
type pass struct {
	Config
	batch     int
	threshold *graph.Node // [B, 1, 1, 1], or nil for 1
	answer
	rate *graph.Node // of the spikes that the next convolution reads; nil if it reads real values
}

// predict builds the network. x is [B, side, side, colours]; t, the diffusion step from 1, is [B]; threshold, [B], may be nil. What passes
// between layers is [T·B, side, side, channels], one step after the other, so that convolutions and batch normalisation take T as part of
// the batch.
func (c Config) predict(ctx *mlctx.Context, x, t, threshold *graph.Node) *answer {
	p := &pass{Config: c, batch: x.Shape().Dim(0)}
	if threshold != nil {
		p.threshold = graph.Reshape(threshold, p.batch, 1, 1, 1)
	}
	time := p.embed(ctx.In("time"), t)
	h := p.stem(ctx.In("stem"), x)
	skips := []*graph.Node{h}
	for level, m := range c.Multipliers {
		in := ctx.Inf("down%d", level)
		for i := range c.Blocks {
			h = p.block(in.Inf("block%d", i), h, time, m*c.Width)
			skips = append(skips, h)
		}
		if level+1 < len(c.Multipliers) {
			in := in.In("shrink")
			h = p.norm(in, p.conv(in, p.unit(in, h), nn.Conv2D{Out: m * c.Width, Kernel: 3, Stride: 2, Padding: 1}, "spikes"))
			skips = append(skips, h)
		}
	}
	for i := range c.Middle {
		h = p.block(ctx.Inf("middle%d", i), h, time, h.Shape().Dim(3))
	}
	for level := len(c.Multipliers) - 1; level >= 0; level-- {
		in := ctx.Inf("up%d", level)
		for i := range c.Blocks + 1 {
			h = graph.Concatenate([]*graph.Node{h, skips[len(skips)-1]}, 3)
			skips = skips[:len(skips)-1]
			h = p.block(in.Inf("block%d", i), h, time, c.Multipliers[level]*c.Width)
		}
		if level > 0 {
			in := in.In("grow")
			h = p.norm(in, p.conv(in, double(p.unit(in, h)), nn.Conv2D{Out: h.Shape().Dim(3), Kernel: 3, Padding: 1}, "spikes"))
		}
	}
	p.noise = p.tail(ctx.In("tail"), h)
	return &p.answer
}

// stem makes the first, real-valued map. All steps see the same image, so that the first convolution is done once.
func (p *pass) stem(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	first := ctx.In("first")
	y := nn.Conv2D{Out: p.Width, Kernel: 3, Padding: 1, Init: xavier(9*p.Colours, 9*p.Width, 1)}.Apply(first, x)
	p.layers = append(p.layers, layer{name: first.Scope(), kind: "first", macs: p.Side * p.Side * 9 * p.Colours * p.Width})
	y = graph.Reshape(graph.BroadcastPrefix(y, p.Steps), p.Steps*p.batch, p.Side, p.Side, p.Width)
	y = p.unit(first, p.norm(first, p.scaled(first, y)))
	second := ctx.In("second")
	return p.norm(second, p.conv(second, y, nn.Conv2D{Out: p.Width, Kernel: 3, Padding: 1}, "spikes"))
}

// block is a pre-spike residual block: spikes come first, and what is added is real.
func (p *pass) block(ctx *mlctx.Context, x, time *graph.Node, out int) *graph.Node {
	first, second := ctx.In("first"), ctx.In("second")
	y := p.norm(first, p.conv(first, p.unit(first, x), nn.Conv2D{Out: out, Kernel: 3, Padding: 1}, "spikes"))
	side := x.Shape().Dim(1)
	shift := p.linear(ctx.In("time"), swish(time), out) // [B, out]
	y = graph.Add(graph.Reshape(y, p.Steps, p.batch, side, side, out), graph.Reshape(shift, 1, p.batch, 1, 1, out))
	y = graph.Reshape(y, p.Steps*p.batch, side, side, out)
	y = p.norm(second, p.conv(second, p.unit(second, y), nn.Conv2D{Out: out, Kernel: 3, Padding: 1}, "spikes"))
	if x.Shape().Dim(3) != out {
		x = p.conv(ctx.In("shortcut"), x, nn.Conv2D{Out: out, Kernel: 1}, "real")
	}
	return graph.Add(y, x)
}

// tail reads the noise out of the last map: as the membrane of a leaky unit that never fires, or as the mean over steps of a converted network.
func (p *pass) tail(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	mixed := nn.Conv2D{Out: p.Colours, Kernel: 3, Padding: 1, Init: xavier(9*p.Width, 9*p.Colours, 1e-5)}
	shape := []int{p.Steps, p.batch, p.Side, p.Side, p.Colours}
	x = p.norm(ctx, x)
	if p.Kind == Quantised || p.Kind == Converted {
		y := p.conv(ctx, p.unit(ctx, x), mixed, "spikes")
		return graph.ReduceMean(graph.Reshape(y, shape...), 0)
	}
	y := p.conv(ctx, swish(x), mixed, "real")
	again := ctx.In("readout")
	y = graph.Add(y, swish(p.norm(again, p.conv(again, y, nn.Conv2D{Out: p.Colours, Kernel: 3, Padding: 1}, "real"))))
	weights := make([]float32, p.Steps)
	for n := range weights {
		weights[n] = float32(math.Pow(decay, float64(p.Steps-1-n)))
	}
	w := graph.Const(y.Graph(), tensors.FromFlatDataAndDimensions(weights, p.Steps, 1, 1, 1, 1))
	return graph.ReduceSum(graph.Mul(graph.Reshape(y, shape...), w), 0)
}

// embed is the sinusoidal embedding of t and two layers.
func (p *pass) embed(ctx *mlctx.Context, t *graph.Node) *graph.Node {
	half := p.Width / 2
	frequencies := make([]float32, half)
	for i := range frequencies {
		frequencies[i] = float32(math.Exp(-math.Log(10_000) * float64(i) / float64(half)))
	}
	angle := graph.Mul(graph.Reshape(t, p.batch, 1), graph.Const(t.Graph(), tensors.FromFlatDataAndDimensions(frequencies, 1, half)))
	waves := graph.Concatenate([]*graph.Node{graph.Sin(angle), graph.Cos(angle)}, 1)
	h := swish(p.linear(ctx.In("first"), waves, 4*p.Width))
	return p.linear(ctx.In("second"), h, 4*p.Width)
}

func (p *pass) linear(ctx *mlctx.Context, x *graph.Node, out int) *graph.Node {
	in := x.Shape().Dim(-1)
	p.layers = append(p.layers, layer{name: ctx.Scope(), kind: "embedding", macs: in * out})
	return nn.Linear{Out: out, Init: xavier(in, out, 1)}.Apply(ctx, x)
}

func xavier(fanIn, fanOut int, gain float64) nn.LinearInit {
	return nn.LinearInit{Weights: nn.XavierUniform(gain, fanIn, fanOut), Bias: nn.Zeros}
}

// conv convolves and scales each step. Kind says what it reads.
func (p *pass) conv(ctx *mlctx.Context, x *graph.Node, c nn.Conv2D, kind string) *graph.Node {
	in, taps := x.Shape().Dim(3), c.Kernel*c.Kernel
	if c.Init.Weights == nil {
		c.Init = xavier(taps*in, taps*c.Out, 1)
	}
	y := c.Apply(ctx, x)
	l := layer{name: ctx.Scope(), kind: kind, macs: y.Shape().Dim(1) * y.Shape().Dim(2) * taps * in * c.Out}
	if kind == "spikes" {
		l.rate = p.rate
	}
	p.layers = append(p.layers, l)
	return p.scaled(ctx, y)
}

// scaled multiplies step n by the learned scalar p[n], if the network has them.
func (p *pass) scaled(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	if !p.Scaled {
		return x
	}
	shape := x.Shape()
	scale := ctx.WithInitializer(graph.Ones).VariableWithShape(temporal, shapes.Make(dtypes.Float32, p.Steps)).ValueGraph(x.Graph())
	y := graph.Reshape(x, p.Steps, p.batch, shape.Dim(1), shape.Dim(2), shape.Dim(3))
	y = graph.Mul(y, graph.Reshape(scale, p.Steps, 1, 1, 1, 1))
	return graph.Reshape(y, shape.Dimensions...)
}

func (p *pass) norm(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	return nn.BatchNorm{Axis: 3}.Apply(ctx.In("norm"), x)
}

// double repeats every pixel twice along both axes.
func double(x *graph.Node) *graph.Node {
	n, side, channels := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3)
	x = graph.BroadcastToDims(graph.Reshape(x, n, side, 1, side, 1, channels), n, side, 2, side, 2, channels)
	return graph.Reshape(x, n, 2*side, 2*side, channels)
}
