package nn

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Conv2D convolves images, without flipping the kernel. Images have their channels last, [batch, height, width, channels], unlike signals: a
// convolution is then a product of matrices whose rows lie in one piece. Its variables are "kernel" [Kernel, Kernel, in, Out] and "bias"
// [Out]. GoMLX's own Go backend ("go") has no gradient of it.
type Conv2D struct {
	Out     int
	Kernel  int
	Stride  int // zero means 1
	Padding int // zeros added at each edge, at most (Kernel-1)/2
	NoBias  bool
	Init    LinearInit // by default as PyTorch's Conv2d
}

// Apply maps x [batch, height, width, in] to [batch, (height + 2·Padding - Kernel)/Stride + 1, the same of width, Out].
func (l Conv2D) Apply(ctx *mlctx.Context, x *graph.Node) *graph.Node {
	if x.Rank() != 4 {
		panicf("Conv2D needs [batch, height, width, channels], got shape %s", x.Shape())
	}
	stride := max(1, l.Stride)
	height, width, in := x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	if l.Out < 1 || l.Kernel < 1 || l.Padding < 0 || l.Padding > (l.Kernel-1)/2 || min(height, width)+2*l.Padding < l.Kernel {
		panicf("Conv2D has %d outputs, kernel %d and padding %d (at most half the kernel), which do not fit shape %s", l.Out, l.Kernel, l.Padding, x.Shape())
	}
	byFan := FanInUniform(in * l.Kernel * l.Kernel)
	y := convolve2D(x, variable(ctx, x, "kernel", l.Init.weights(byFan), l.Kernel, l.Kernel, in, l.Out), stride, l.Padding)
	if l.NoBias {
		return y
	}
	return graph.Add(y, graph.Reshape(variable(ctx, x, "bias", or(l.Init.Bias, byFan), l.Out), 1, 1, 1, l.Out))
}

// convolve2D has its gradients written as convolutions, for the reasons given at windows.convolve.
func convolve2D(x, kernel *graph.Node, stride, padding int) *graph.Node {
	taps := kernel.Shape().Dim(0)
	axes := backends.ConvolveAxesConfig{
		InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
		KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3,
		OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
	}
	both := func(n int) []int { return []int{n, n} }
	return withGradient(func(in []*graph.Node) (*graph.Node, func(v *graph.Node) []*graph.Node) {
		x, kernel := in[0], in[1]
		y := graph.ConvGeneral(x, kernel, axes, both(stride), [][2]int{{padding, padding}, {padding, padding}}, nil, both(1), 1, 1)
		return y, func(v *graph.Node) []*graph.Node {
			var apart []int // of the outputs, as a dilation
			if stride > 1 {
				apart = both(stride)
			}
			forX, forKernel := make([][2]int, 2), make([][2]int, 2)
			for a := range 2 {
				size, reach := x.Shape().Dim(1+a), (y.Shape().Dim(1+a)-1)*stride+1
				forX[a] = [2]int{taps - 1 - padding, size - reach + padding}
				forKernel[a] = [2]int{padding, taps - 1 + reach - size - padding}
			}
			// Every pixel gets from the outputs whose windows hold it, with the kernel reversed.
			back := axes
			back.KernelInputChannels, back.KernelOutputChannels = axes.KernelOutputChannels, axes.KernelInputChannels
			dx := graph.ConvGeneral(v, graph.Reverse(kernel, 0, 1), back, both(1), forX, apart, nil, 1, 1)
			// Every tap gets the outputs' correlation with the pixels it meets. The batch is what is summed, as channels are elsewhere.
			across := backends.ConvolveAxesConfig{
				InputBatch: 3, InputSpatial: []int{1, 2}, InputChannels: 0,
				KernelSpatial: []int{1, 2}, KernelInputChannels: 0, KernelOutputChannels: 3,
				OutputBatch: 2, OutputSpatial: []int{0, 1}, OutputChannels: 3,
			}
			dKernel := graph.ConvGeneral(x, v, across, both(1), forKernel, nil, apart, 1, 1)
			return []*graph.Node{dx, dKernel}
		}
	}, x, kernel)
}
