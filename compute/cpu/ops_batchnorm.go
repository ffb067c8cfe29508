package cpu

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/pkg/errors"
)

// Batch normalisation is written in the element-wise ops and reductions, which the compiler then fuses.

// formula builds an expression and remembers the first error.
type formula struct {
	b   *Builder
	err error
}

func (f *formula) do(op func(x, y backends.Op) (backends.Op, error), x, y backends.Op) backends.Op {
	if f.err != nil {
		return nil
	}
	var r backends.Op
	r, f.err = op(x, y)
	return r
}

func (f *formula) add(x, y backends.Op) backends.Op { return f.do(f.b.Add, x, y) }
func (f *formula) sub(x, y backends.Op) backends.Op { return f.do(f.b.Sub, x, y) }
func (f *formula) mul(x, y backends.Op) backends.Op { return f.do(f.b.Mul, x, y) }
func (f *formula) div(x, y backends.Op) backends.Op { return f.do(f.b.Div, x, y) }

func (f *formula) rsqrt(x backends.Op) backends.Op {
	return f.do(func(x, _ backends.Op) (backends.Op, error) { return f.b.Rsqrt(x) }, x, x)
}

// features is one batch normalisation's geometry.
type features struct {
	formula
	shape shapes.Shape
	axis  int
	rest  []int // every other axis
	count float64
}

func (b *Builder) features(op opcode, axis int, operand backends.Op, vectors ...backends.Op) (*features, error) {
	in, err := b.inputs(op, append([]backends.Op{operand}, vectors...)...)
	if err != nil {
		return nil, err
	}
	x := in[0].shape
	if axis < 0 {
		axis += x.Rank()
	}
	if axis < 0 || axis >= x.Rank() || !x.DType.IsFloat() {
		return nil, errors.Errorf("%s: want a floating-point operand with a feature axis, got axis %d", describe(op, in...), axis)
	}
	f := &features{formula: formula{b: b}, shape: x, axis: axis, count: 1}
	for i, d := range x.Dimensions {
		if i != axis {
			f.rest = append(f.rest, i)
			f.count *= float64(d)
		}
	}
	for _, v := range in[1:] {
		if v.shape.Equal(x) {
			continue // the gradient of the output
		}
		if v.shape.DType != x.DType || v.shape.Rank() != 1 || v.shape.Dimensions[0] != x.Dimensions[axis] {
			return nil, errors.Errorf("%s: want vectors of %d values of dtype %s", describe(op, in...), x.Dimensions[axis], x.DType)
		}
	}
	return f, nil
}

// wide broadcasts a vector of one value per feature over the operand's shape.
func (f *features) wide(v backends.Op) backends.Op {
	return f.do(func(v, _ backends.Op) (backends.Op, error) { return f.b.BroadcastInDim(v, f.shape, []int{f.axis}) }, v, v)
}

func (f *features) sum(x backends.Op) backends.Op {
	if len(f.rest) == 0 {
		return x
	}
	return f.do(func(x, _ backends.Op) (backends.Op, error) { return f.b.ReduceSum(x, f.rest...) }, x, x)
}

func (f *features) mean(x backends.Op) backends.Op { return f.div(f.sum(x), f.scalar(f.count)) }

func (f *features) scalar(v float64) backends.Op { return f.b.scalar(f.shape.DType, v) }

// BatchNormForInference implements [backends.StandardOps].
func (b *Builder) BatchNormForInference(operand, scale, offset, mean, variance backends.Op, epsilon float32, featureAxis int) (backends.Op, error) {
	f, err := b.features(backends.OpTypeBatchNormForInference, featureAxis, operand, scale, offset, mean, variance)
	if err != nil {
		return nil, err
	}
	inv := f.rsqrt(f.add(variance, f.scalar(float64(epsilon))))
	y := f.add(f.mul(f.mul(f.sub(operand, f.wide(mean)), f.wide(inv)), f.wide(scale)), f.wide(offset))
	return y, f.err
}

// BatchNormForTraining implements [backends.StandardOps]; the variance is the biased one.
func (b *Builder) BatchNormForTraining(operand, scale, offset backends.Op, epsilon float32, featureAxis int) (normalized, batchMean, batchVariance backends.Op, err error) {
	f, err := b.features(backends.OpTypeBatchNormForTraining, featureAxis, operand, scale, offset)
	if err != nil {
		return nil, nil, nil, err
	}
	mean := f.mean(operand)
	centred := f.sub(operand, f.wide(mean))
	variance := f.mean(f.mul(centred, centred))
	inv := f.rsqrt(f.add(variance, f.scalar(float64(epsilon))))
	y := f.add(f.mul(f.mul(centred, f.wide(inv)), f.wide(scale)), f.wide(offset))
	return y, mean, variance, f.err
}

// BatchNormGradient implements [backends.StandardOps]: the gradient of BatchNormForTraining, given its mean and variance.
func (b *Builder) BatchNormGradient(operand, scale, mean, variance, gradOutput backends.Op, epsilon float32, featureAxis int) (gradOperand, gradScale, gradOffset backends.Op, err error) {
	f, err := b.features(backends.OpTypeBatchNormGradient, featureAxis, operand, scale, mean, variance, gradOutput)
	if err != nil {
		return nil, nil, nil, err
	}
	inv := f.rsqrt(f.add(variance, f.scalar(float64(epsilon))))
	centred := f.sub(operand, f.wide(mean))
	gradOffset = f.sum(gradOutput)
	products := f.sum(f.mul(gradOutput, centred))
	gradScale = f.mul(products, inv)
	n := f.scalar(f.count)
	slope := f.div(f.mul(products, f.mul(inv, inv)), n)
	inner := f.sub(f.sub(gradOutput, f.wide(f.div(gradOffset, n))), f.mul(centred, f.wide(slope)))
	gradOperand = f.mul(f.wide(f.mul(scale, inv)), inner)
	return gradOperand, gradScale, gradOffset, f.err
}

// scalar adds a constant of a floating-point dtype.
func (b *Builder) scalar(dtype dtypes.DType, v float64) *node {
	return b.add(backends.OpTypeConstant, shapes.Make(dtype), scalarOf(dtype, v))
}

// zerosLike adds zeros of x's shape.
func (b *Builder) zerosLike(x *node) *node { return b.spread(b.scalar(x.shape.DType, 0), x.shape) }
