package cpu

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/shapeinference"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/pkg/errors"
)

// The ops of [backends.StandardOps] that move values without changing them.

// Identity implements [backends.StandardOps].
func (b *Builder) Identity(x backends.Op) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeIdentity, x)
	if err != nil {
		return nil, err
	}
	return b.add(backends.OpTypeIdentity, in[0].shape, nil, in...), nil
}

// Reshape implements [backends.StandardOps].
func (b *Builder) Reshape(x backends.Op, dimensions ...int) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeReshape, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].shape
	size := 1
	for _, d := range dimensions {
		if d < 0 {
			return nil, errors.Errorf("%s to %v: a dimension is negative", describe(backends.OpTypeReshape, in...), dimensions)
		}
		size *= d
	}
	if size != shape.Size() {
		return nil, errors.Errorf("%s to %v: the operand has %d values, the result would have %d",
			describe(backends.OpTypeReshape, in...), dimensions, shape.Size(), size)
	}
	return b.add(backends.OpTypeReshape, shapes.Make(shape.DType, dimensions...), nil, in...), nil
}

// Bitcast implements [backends.StandardOps].
func (b *Builder) Bitcast(x backends.Op, target dtypes.DType) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeBitcast, x)
	if err != nil {
		return nil, err
	}
	from := in[0].shape
	if !isSupported(target) || target == dtypes.Bool || from.DType == dtypes.Bool {
		return nil, errors.Errorf("%s: cannot reinterpret as %s", describe(backends.OpTypeBitcast, in...), target)
	}
	dims := slices.Clone(from.Dimensions)
	switch have, want := from.DType.Size(), target.Size(); {
	case have > want:
		dims = append(dims, have/want)
	case have < want:
		if len(dims) == 0 || dims[len(dims)-1] != want/have {
			return nil, errors.Errorf("%s: to reinterpret as %s the last axis must have dimension %d",
				describe(backends.OpTypeBitcast, in...), target, want/have)
		}
		dims = dims[:len(dims)-1]
	}
	return b.add(backends.OpTypeBitcast, shapes.Make(target, dims...), nil, in...), nil
}

// axisOrder is the attr of Transpose: the operand's axis for each axis of the result.
type axisOrder []int

// Transpose implements [backends.StandardOps].
func (b *Builder) Transpose(x backends.Op, permutation ...int) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeTranspose, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.TransposeOp(in[0].shape, permutation)
	if err != nil {
		return nil, errors.WithMessage(err, describe(backends.OpTypeTranspose, in...))
	}
	return b.add(backends.OpTypeTranspose, shape, axisOrder(slices.Clone(permutation)), in...), nil
}

// BroadcastInDim implements [backends.StandardOps].
func (b *Builder) BroadcastInDim(x backends.Op, shape shapes.Shape, axes []int) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeBroadcastInDim, x)
	if err != nil {
		return nil, err
	}
	shape = withDType(shape.Clone(), in[0].shape.DType)
	if err := shapeinference.BroadcastInDimOp(in[0].shape, shape, axes); err != nil {
		return nil, errors.WithMessage(err, describe(backends.OpTypeBroadcastInDim, in...))
	}
	for i := 1; i < len(axes); i++ {
		if axes[i] <= axes[i-1] {
			return nil, errors.Errorf("%s: axes %v must increase", describe(backends.OpTypeBroadcastInDim, in...), axes)
		}
	}
	if _, err := sizeBytes(shape); err != nil {
		return nil, errors.WithMessage(err, describe(backends.OpTypeBroadcastInDim, in...))
	}
	return b.add(backends.OpTypeBroadcastInDim, shape, slices.Clone(axes), in...), nil
}

// sliceRange is the attr of Slice.
type sliceRange struct{ starts, strides []int }

// Slice implements [backends.StandardOps].
func (b *Builder) Slice(x backends.Op, starts, limits, strides []int) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeSlice, x)
	if err != nil {
		return nil, err
	}
	dims := in[0].shape.Dimensions
	if strides == nil {
		strides = make([]int, len(dims))
		for i := range strides {
			strides[i] = 1
		}
	}
	if len(starts) != len(dims) || len(limits) != len(dims) || len(strides) != len(dims) {
		return nil, errors.Errorf("%s: starts %v, limits %v and strides %v must have one value per axis",
			describe(backends.OpTypeSlice, in...), starts, limits, strides)
	}
	out := make([]int, len(dims))
	for i, d := range dims {
		if starts[i] < 0 || limits[i] < starts[i] || limits[i] > d || strides[i] < 1 {
			return nil, errors.Errorf("%s: axis %d of dimension %d cannot be cut from %d to %d by %d",
				describe(backends.OpTypeSlice, in...), i, d, starts[i], limits[i], strides[i])
		}
		out[i] = (limits[i] - starts[i] + strides[i] - 1) / strides[i]
	}
	return b.add(backends.OpTypeSlice, shapes.Make(in[0].shape.DType, out...), sliceRange{slices.Clone(starts), slices.Clone(strides)}, in...), nil
}

// reversedAxes is the attr of Reverse.
type reversedAxes []int

// Reverse implements [backends.StandardOps].
func (b *Builder) Reverse(x backends.Op, axes ...int) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeReverse, x)
	if err != nil {
		return nil, err
	}
	if err := axesUnique(backends.OpTypeReverse, in[0], axes); err != nil {
		return nil, err
	}
	return b.add(backends.OpTypeReverse, in[0].shape, reversedAxes(slices.Clone(axes)), in...), nil
}

// Concatenate implements [backends.StandardOps]; the attr is the axis.
func (b *Builder) Concatenate(axis int, operands ...backends.Op) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeConcatenate, operands...)
	if err != nil {
		return nil, err
	}
	all := make([]shapes.Shape, len(in))
	for i, n := range in {
		all[i] = n.shape
	}
	shape, err := shapeinference.ConcatenateOp(all, axis)
	if err != nil {
		return nil, errors.WithMessage(err, describe(backends.OpTypeConcatenate, in...))
	}
	if len(in) == 1 {
		return in[0], nil
	}
	return b.add(backends.OpTypeConcatenate, shape, axis, in...), nil
}

// Pad implements [backends.StandardOps]; the attr is the list of one PadAxis for each axis. Negative padding cuts.
func (b *Builder) Pad(x, fill backends.Op, config ...backends.PadAxis) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypePad, x, fill)
	if err != nil {
		return nil, err
	}
	from := in[0].shape
	if in[1].shape.DType != from.DType || in[1].shape.Rank() != 0 {
		return nil, errors.Errorf("%s: the fill value must be a scalar of dtype %s", describe(backends.OpTypePad, in...), from.DType)
	}
	if len(config) > from.Rank() {
		return nil, errors.Errorf("%s: got padding for %d axes", describe(backends.OpTypePad, in...), len(config))
	}
	full := make([]backends.PadAxis, from.Rank())
	copy(full, config)
	dims := make([]int, from.Rank())
	for i, d := range from.Dimensions {
		p := full[i]
		dims[i] = p.Start + p.End + d + max(d-1, 0)*p.Interior
		if p.Interior < 0 || dims[i] < 0 {
			return nil, errors.Errorf("%s: padding %+v of axis %d gives dimension %d", describe(backends.OpTypePad, in...), p, i, dims[i])
		}
	}
	return b.add(backends.OpTypePad, shapes.Make(from.DType, dims...), full, in...), nil
}

// Iota implements [backends.StandardOps]: a vector broadcast along the other axes.
func (b *Builder) Iota(shape shapes.Shape, axis int) (backends.Op, error) {
	if _, err := b.inputs(backends.OpTypeIota); err != nil {
		return nil, err
	}
	if axis < 0 || axis >= shape.Rank() {
		return nil, errors.Errorf("Iota: axis %d is out of range for shape %s", axis, shape)
	}
	if !isSupported(shape.DType) || shape.DType == dtypes.Bool {
		return nil, errors.Errorf("Iota: the op is not defined for dtype %s (shape %s) in backend %q", shape.DType, shape, Name)
	}
	line := b.add(opIota1, shapes.Make(shape.DType, shape.Dimensions[axis]), nil)
	if shape.Rank() == 1 {
		return line, nil
	}
	return b.BroadcastInDim(line, shape, []int{axis})
}

// sorted returns the axes in increasing order.
func sorted(axes []int) []int {
	axes = slices.Clone(axes)
	slices.Sort(axes)
	return axes
}

func withoutAxes(shape shapes.Shape, axes []int) shapes.Shape {
	dims := make([]int, 0, shape.Rank())
	for i, d := range shape.Dimensions {
		if !slices.Contains(axes, i) {
			dims = append(dims, d)
		}
	}
	return shapes.Shape{DType: shape.DType, Dimensions: dims}
}
