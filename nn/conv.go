package nn

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Conv1D convolves along time (as everywhere in the field, without flipping the kernel). Its variables are "kernel"
// [Out, in, Kernel] and "bias" [Out], as in PyTorch. GoMLX's own Go backend ("go") has no gradient of it.
type Conv1D struct {
	Out     int
	Kernel  int
	Stride  int  // zero means 1
	Padding int  // zeros added at each end, at most (Kernel-1)/2
	Same    bool // Kernel-1 zeros in all, so that there are as many outputs as samples; if they are odd, one more at the end
	NoBias  bool
	Init    LinearInit
}

// Apply maps x [batch, in, time] to [batch, Out, (time + 2·Padding - Kernel)/Stride + 1].
func (l Conv1D) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	w := newWindows("Conv1D", x, l.Kernel, l.Stride, l.Padding, l.Same)
	if l.Out < 1 {
		panicf("Conv1D has %d outputs", l.Out)
	}
	in := x.Shape().Dimensions[1]
	byFan := FanInUniform(in * l.Kernel)
	y := w.convolve(x, variable(ctx, x, "kernel", l.Init.weights(byFan), l.Out, in, l.Kernel), false)
	if l.NoBias {
		return y
	}
	return graph.Add(y, graph.Reshape(variable(ctx, x, "bias", or(l.Init.Bias, byFan), l.Out), 1, l.Out, 1))
}

// Convolve is Conv1D with a kernel [out, in, taps] that is not a variable but computed: x [batch, in, time] to
// [batch, out, time - taps + 1].
func Convolve(x, kernel *graph.Node) *graph.Node {
	return newWindows("Convolve", x, kernel.Shape().Dim(2), 1, 0, false).convolve(x, kernel, false)
}

// DepthwiseConv1D convolves every channel with a kernel of its own. Its variables are "kernel" [channels, 1, Kernel] and "bias"
// [channels], as in PyTorch with as many groups as channels. GoMLX's own Go backend ("go") has no gradient of it.
type DepthwiseConv1D struct {
	Kernel  int
	Stride  int  // zero means 1
	Padding int  // as in Conv1D
	Same    bool // as in Conv1D
	NoBias  bool
	Init    LinearInit
}

// Apply maps x [batch, channels, time] to [batch, channels, (time + 2·Padding - Kernel)/Stride + 1].
func (l DepthwiseConv1D) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	w := newWindows("DepthwiseConv1D", x, l.Kernel, l.Stride, l.Padding, l.Same)
	channels := x.Shape().Dimensions[1]
	byFan := FanInUniform(l.Kernel)
	y := w.convolve(x, variable(ctx, x, "kernel", l.Init.weights(byFan), channels, 1, l.Kernel), true)
	if l.NoBias {
		return y
	}
	return graph.Add(y, graph.Reshape(variable(ctx, x, "bias", or(l.Init.Bias, byFan), channels), 1, channels, 1))
}

// windows is where the windows of a convolution lie: the one of output i begins at sample i·stride-before.
type windows struct {
	kernel, stride, before, after int
	time, out                     int // samples of the input and the output
}

func newWindows(layer string, x *graph.Node, kernel, stride, padding int, same bool) windows {
	checkSignal(layer, x)
	w := windows{kernel: kernel, stride: max(1, stride), before: padding, after: padding, time: x.Shape().Dimensions[2]}
	if same {
		if w.stride != 1 || padding != 0 {
			panicf("%s has stride %d and padding %d beside Same, which needs neither", layer, w.stride, padding)
		}
		w.before, w.after = (kernel-1)/2, kernel/2
	}
	if kernel < 1 || padding < 0 || padding > (kernel-1)/2 || w.time+w.before+w.after < kernel {
		panicf("%s has kernel %d and padding %d (at most half the kernel), which do not fit the %d samples of shape %s", layer, kernel, padding, w.time, x.Shape())
	}
	w.out = (w.time+w.before+w.after-kernel)/w.stride + 1
	return w
}

// convolve returns x [batch, in, time] convolved with kernel [out channels, in, kernel] or, depthwise, with kernel [in, 1, kernel].
//
// The gradients are convolutions again. GoMLX's own gradient is not taken: it is shifted by one sample where kernels are even, and cuts a depthwise
// convolution into one for each channel.
func (w windows) convolve(x, kernel *graph.Node, depthwise bool) *graph.Node {
	groups := 1
	if depthwise {
		groups = x.Shape().Dimensions[1]
	}
	axes := backends.ConvolveAxesConfig{ // [batch, channels, time] all; the kernel [out, in, time]
		InputBatch: 0, InputChannels: 1, InputSpatial: []int{2},
		KernelOutputChannels: 0, KernelInputChannels: 1, KernelSpatial: []int{2},
		OutputBatch: 0, OutputChannels: 1, OutputSpatial: []int{2},
	}
	reach := (w.out-1)*w.stride + 1 // of the outputs, with stride-1 zeros between them
	return withGradient(func(in []*graph.Node) (*graph.Node, func(v *graph.Node) []*graph.Node) {
		x, kernel := in[0], in[1]
		// GoMLX's own Go backend fails on groups unless it is told the dilation of 1.
		y := graph.ConvGeneral(x, kernel, axes, []int{w.stride}, [][2]int{{w.before, w.after}}, nil, []int{1}, groups, 1)
		return y, func(v *graph.Node) []*graph.Node {
			var strides []int // as dilations
			if w.stride > 1 {
				strides = []int{w.stride}
			}
			// Every sample gets from the outputs whose windows hold it, with the kernel reversed.
			back := axes
			if !depthwise {
				back.KernelOutputChannels, back.KernelInputChannels = axes.KernelInputChannels, axes.KernelOutputChannels
			}
			forX := graph.ConvGeneral(v, graph.Reverse(kernel, 2), back, []int{1},
				[][2]int{{w.kernel - 1 - w.before, w.time - reach + w.before}}, strides, nil, groups, 1)
			// Every tap gets the outputs' correlation with the samples it meets. The batch is what is summed, as channels are elsewhere.
			across := backends.ConvolveAxesConfig{
				InputBatch: 1, InputChannels: 0, InputSpatial: []int{2},
				KernelOutputChannels: 1, KernelInputChannels: 0, KernelSpatial: []int{2},
				OutputBatch: 1, OutputChannels: 0, OutputSpatial: []int{2},
			}
			forKernel := graph.ConvGeneral(x, v, across, []int{1},
				[][2]int{{w.before, w.kernel - 1 + reach - w.time - w.before}}, nil, strides, 1, groups)
			return []*graph.Node{forX, forKernel}
		}
	}, x, kernel)
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
