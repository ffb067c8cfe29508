package nn

import (
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Conv1D convolves along time (as everywhere in the field, without flipping the kernel). Its variables are "kernel"
// [Out, in, Kernel] and "bias" [Out], as in PyTorch.
type Conv1D struct {
	Out     int
	Kernel  int
	Stride  int // zero means 1
	Padding int // zeros added at each end
	NoBias  bool
	Init    LinearInit
}

// Apply maps x [batch, in, time] to [batch, Out, (time + 2·Padding - Kernel)/Stride + 1].
func (l Conv1D) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	f := newFilter("Conv1D", x, l.Kernel, l.Stride, l.Padding)
	if l.Out < 1 {
		panicf("Conv1D has %d outputs", l.Out)
	}
	in := x.Shape().Dimensions[1]
	byFan := FanInUniform(in * l.Kernel)
	kernel := variable(ctx, x, "kernel", l.Init.weights(byFan), l.Out, in, l.Kernel)
	y := f.convolve(x, kernel, false)
	if l.NoBias {
		return y
	}
	return graph.Add(y, graph.Reshape(variable(ctx, x, "bias", or(l.Init.Bias, byFan), l.Out), 1, l.Out, 1))
}

// DepthwiseConv1D convolves every channel with a kernel of its own. Its variables are "kernel" [channels, 1, Kernel] and "bias"
// [channels], as in PyTorch with as many groups as channels.
type DepthwiseConv1D struct {
	Kernel  int
	Stride  int // zero means 1
	Padding int // zeros added at each end
	NoBias  bool
	Init    LinearInit
}

// Apply maps x [batch, channels, time] to [batch, channels, (time + 2·Padding - Kernel)/Stride + 1].
func (l DepthwiseConv1D) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	f := newFilter("DepthwiseConv1D", x, l.Kernel, l.Stride, l.Padding)
	channels := x.Shape().Dimensions[1]
	byFan := FanInUniform(l.Kernel)
	kernel := variable(ctx, x, "kernel", l.Init.weights(byFan), channels, 1, l.Kernel)
	y := f.convolve(x, kernel, true)
	if l.NoBias {
		return y
	}
	return graph.Add(y, graph.Reshape(variable(ctx, x, "bias", or(l.Init.Bias, byFan), channels), 1, channels, 1))
}

// filter is a convolution along time. Where the backend has all that the gradient of its own convolution needs, that is used; the stock
// backend has not, and there it is written as matrix products:
//
// Time is cut into blocks that each give per outputs. What block m of the input adds to the outputs of block m-d is one product
// with a banded (Toeplitz) matrix made of the kernel, the same for all m; d runs over the lags blocks that a window can reach.
type filter struct {
	kernel, stride, padding int
	time, out               int
	per                     int // outputs of a block, which divides out
	length                  int // samples of a block: per·stride
	lags                    int // blocks that the windows of a block's outputs reach
	blocks                  int // output blocks: out/per
}

func newFilter(layer string, x *graph.Node, kernel, stride, padding int) filter {
	checkSignal(layer, x)
	in, time := x.Shape().Dimensions[1], x.Shape().Dimensions[2]
	stride = max(1, stride)
	if kernel < 1 || padding < 0 || time+2*padding < kernel {
		panicf("%s has kernel %d and padding %d, which do not fit the %d samples of shape %s", layer, kernel, padding, time, x.Shape())
	}
	f := filter{kernel: kernel, stride: stride, padding: padding, time: time, out: (time+2*padding-kernel)/stride + 1}
	least := math.MaxInt
	for per := 1; per <= f.out; per++ {
		if f.out%per != 0 {
			continue
		}
		length := per * stride
		lags := ((per-1)*stride + kernel + length - 1) / length
		blocks := f.out / per
		// Products per output: with the banded matrix, and to sum the lags.
		if cost := in*lags*length + lags*(blocks+lags-1); cost < least {
			least, f.per, f.length, f.lags, f.blocks = cost, per, length, lags, blocks
		}
	}
	return f
}

// convolve returns x [batch, in, time] convolved with kernel [out channels, in, kernel] or, depthwise, with kernel [in, 1, kernel].
func (f filter) convolve(x, kernel *graph.Node, depthwise bool) *graph.Node {
	if !x.Graph().Backend().Capabilities().Operations[backends.OpTypeReverse] || f.padding >= f.kernel {
		return f.products(x, kernel, depthwise) // GoMLX has no gradient for windows of nothing but padding
	}
	axes := backends.ConvolveAxesConfig{ // all [batch, channels, time]; the kernel [out, in, time]
		InputBatch: 0, InputChannels: 1, InputSpatial: []int{2},
		KernelOutputChannels: 0, KernelInputChannels: 1, KernelSpatial: []int{2},
		OutputBatch: 0, OutputChannels: 1, OutputSpatial: []int{2},
	}
	groups := 1
	if depthwise {
		groups = x.Shape().Dimensions[1]
	}
	after := f.padding
	if f.kernel%2 == 0 {
		// GoMLX's gradient of a convolution with an even kernel is shifted by one sample, so a tap of zero makes it odd.
		dims := kernel.Shape().Dimensions
		kernel = graph.Concatenate([]*graph.Node{kernel, graph.Zeros(kernel.Graph(), shapeOf(kernel, dims[0], dims[1], 1))}, 2)
		after++
	}
	return graph.ConvGeneral(x, kernel, axes, []int{f.stride}, [][2]int{{f.padding, after}}, nil, nil, groups, 1)
}

// products is convolve by matrix products.
func (f filter) products(x, kernel *graph.Node, depthwise bool) *graph.Node {
	g := x.Graph()
	batch, in := x.Shape().Dimensions[0], x.Shape().Dimensions[1]
	channels := kernel.Shape().Dimensions[0]

	// Zeros before and after, to whole blocks.
	var parts []*graph.Node
	if f.padding > 0 {
		parts = append(parts, graph.Zeros(g, shapeOf(x, batch, in, f.padding)))
	}
	parts = append(parts, x)
	inBlocks := f.inBlocks()
	if rest := inBlocks*f.length - f.padding - f.time; rest > 0 {
		parts = append(parts, graph.Zeros(g, shapeOf(x, batch, in, rest)))
	}
	x = graph.Concatenate(parts, 2)
	x = graph.Reshape(x, batch, in, inBlocks, f.length)

	band := graph.DotGeneral(kernel, []int{2}, nil, f.bands(kernel), []int{0}, nil) // [channels, in or 1, length, lags, per]
	var y *graph.Node
	if depthwise {
		band = graph.Reshape(band, channels, f.length, f.lags*f.per)
		y = graph.DotGeneral(x, []int{3}, []int{1}, band, []int{1}, []int{0}) // [channels, batch, inBlocks, lags·per]
		y = graph.Reshape(y, channels, batch, inBlocks, f.lags, f.per)
		y = graph.DotGeneral(y, []int{2, 3}, nil, f.sums(kernel), []int{0, 1}, nil) // [channels, batch, per, blocks]
		y = graph.TransposeAllAxes(y, 1, 0, 3, 2)                                   // [batch, channels, blocks, per]
	} else {
		y = graph.DotGeneral(x, []int{1, 3}, nil, band, []int{1, 2}, nil)           // [batch, inBlocks, channels, lags, per]
		y = graph.DotGeneral(y, []int{1, 3}, nil, f.sums(kernel), []int{0, 1}, nil) // [batch, channels, per, blocks]
		y = graph.TransposeAllAxes(y, 0, 1, 3, 2)                                   // [batch, channels, blocks, per]
	}
	return graph.Reshape(y, batch, channels, f.out)
}

// inBlocks is the number of blocks that hold what the windows reach and all samples.
func (f filter) inBlocks() int {
	return max(f.blocks+f.lags-1, (f.padding+f.time+f.length-1)/f.length)
}

// bands is the constant [kernel, length, lags, per] with 1 where tap k of the kernel meets sample i of the block that lies lag blocks after
// the block of output j: k = lag·length + i - j·stride.
func (f filter) bands(like *graph.Node) *graph.Node {
	flat := make([]float32, f.kernel*f.length*f.lags*f.per)
	for i := range f.length {
		for lag := range f.lags {
			for j := range f.per {
				if k := lag*f.length + i - j*f.stride; k >= 0 && k < f.kernel {
					flat[((k*f.length+i)*f.lags+lag)*f.per+j] = 1
				}
			}
		}
	}
	return constant(like, flat, f.kernel, f.length, f.lags, f.per)
}

// sums is the constant [inBlocks, lags, blocks] with 1 where input block m and lag make output block m - lag.
func (f filter) sums(like *graph.Node) *graph.Node {
	flat := make([]float32, f.inBlocks()*f.lags*f.blocks)
	for lag := range f.lags {
		for n := range f.blocks {
			flat[((n+lag)*f.lags+lag)*f.blocks+n] = 1
		}
	}
	return constant(like, flat, f.inBlocks(), f.lags, f.blocks)
}

// AvgPool1D averages windows along time. Samples at the end that do not fill a window are left out.
type AvgPool1D struct {
	Window int
	Stride int // zero means Window
}

// Apply maps x [batch, channels, time] to [batch, channels, (time - Window)/Stride + 1].
func (l AvgPool1D) Apply(x *graph.Node) *graph.Node {
	checkSignal("AvgPool1D", x)
	batch, channels, time := x.Shape().Dimensions[0], x.Shape().Dimensions[1], x.Shape().Dimensions[2]
	stride := l.Stride
	if stride == 0 {
		stride = l.Window
	}
	if l.Window < 1 || stride < 1 || time < l.Window {
		panicf("AvgPool1D has window %d and stride %d, got shape %s", l.Window, stride, x.Shape())
	}
	out := (time-l.Window)/stride + 1
	if stride == l.Window && time == out*stride {
		return graph.ReduceMean(graph.Reshape(x, batch, channels, out, stride), 3)
	}
	// One product with the matrix [time, out] of the windows.
	flat := make([]float32, time*out)
	for j := range out {
		for i := range l.Window {
			flat[(j*stride+i)*out+j] = 1
		}
	}
	y := graph.DotGeneral(x, []int{2}, nil, constant(x, flat, time, out), []int{0}, nil)
	return graph.MulScalar(y, 1/float64(l.Window))
}

// constant puts 0s and 1s in the graph with the type of like.
func constant(like *graph.Node, flat []float32, dims ...int) *graph.Node {
	c := graph.Const(like.Graph(), tensors.FromFlatDataAndDimensions(flat, dims...))
	if like.DType() != dtypes.Float32 {
		c = graph.ConvertDType(c, like.DType())
	}
	return c
}

func checkSignal(layer string, x *graph.Node) {
	if x.Rank() != 3 {
		panicf("%s needs [batch, channels, time], got shape %s", layer, x.Shape())
	}
}
