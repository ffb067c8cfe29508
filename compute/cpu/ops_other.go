package cpu

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/shapeinference"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/pkg/errors"
)

// dotAxes is the attr of DotGeneral.
type dotAxes struct{ lhsContract, lhsBatch, rhsContract, rhsBatch []int }

// Dot implements [backends.StandardOps].
func (b *Builder) Dot(lhs, rhs backends.Op) (backends.Op, error) {
	in, err := b.inputs(backends.OpTypeDot, lhs, rhs)
	if err != nil {
		return nil, err
	}
	l, r := in[0].shape.Rank(), in[1].shape.Rank()
	if l < 1 || l > 2 || r < 1 || r > 2 {
		return nil, errors.Errorf("%s: want operands of rank 1 or 2", describe(backends.OpTypeDot, in...))
	}
	return b.DotGeneral(lhs, []int{l - 1}, nil, rhs, []int{0}, nil)
}

// DotGeneral implements [backends.StandardOps].
func (b *Builder) DotGeneral(lhs backends.Op, lhsContract, lhsBatch []int, rhs backends.Op, rhsContract, rhsBatch []int) (backends.Op, error) {
	const op = backends.OpTypeDotGeneral
	in, err := b.inputs(op, lhs, rhs)
	if err != nil {
		return nil, err
	}
	l, r := in[0], in[1]
	if l.shape.DType != r.shape.DType {
		return nil, errors.Errorf("%s: the operands have different dtypes", describe(op, in...))
	}
	if l.shape.DType == dtypes.Bool {
		return nil, errors.Errorf("%s: the op is not defined for dtype %s", describe(op, in...), l.shape.DType)
	}
	if len(lhsContract) != len(rhsContract) || len(lhsBatch) != len(rhsBatch) {
		return nil, errors.Errorf("%s: contracting axes %v and %v, and batch axes %v and %v, must pair up",
			describe(op, in...), lhsContract, rhsContract, lhsBatch, rhsBatch)
	}
	a := dotAxes{positive(lhsContract, l), positive(lhsBatch, l), positive(rhsContract, r), positive(rhsBatch, r)}
	if err := axesUnique(op, l, slices.Concat(a.lhsContract, a.lhsBatch)); err != nil {
		return nil, err
	}
	if err := axesUnique(op, r, slices.Concat(a.rhsContract, a.rhsBatch)); err != nil {
		return nil, err
	}
	var dims []int
	for i, x := range a.lhsBatch {
		if l.shape.Dimensions[x] != r.shape.Dimensions[a.rhsBatch[i]] {
			return nil, errors.Errorf("%s: batch axes %d and %d have different dimensions", describe(op, in...), x, a.rhsBatch[i])
		}
		dims = append(dims, l.shape.Dimensions[x])
	}
	for i, x := range a.lhsContract {
		if l.shape.Dimensions[x] != r.shape.Dimensions[a.rhsContract[i]] {
			return nil, errors.Errorf("%s: contracting axes %d and %d have different dimensions", describe(op, in...), x, a.rhsContract[i])
		}
	}
	dims = append(dims, withoutAxes(l.shape, slices.Concat(a.lhsContract, a.lhsBatch)).Dimensions...)
	dims = append(dims, withoutAxes(r.shape, slices.Concat(a.rhsContract, a.rhsBatch)).Dimensions...)
	return b.add(op, shapes.Make(l.shape.DType, dims...), a, l, r), nil
}

func positive(axes []int, x *node) []int {
	axes = slices.Clone(axes)
	for i, a := range axes {
		if a < 0 {
			axes[i] = a + x.shape.Rank()
		}
	}
	return axes
}

// convolution is the attr of ConvGeneral, with every default filled in.
type convolution struct {
	axes                             backends.ConvolveAxesConfig
	strides                          []int
	paddings                         [][2]int
	inputDilations, kernelDilations  []int
	channelGroupCount, batchGroupCnt int
}

// ConvGeneral implements [backends.StandardOps].
func (b *Builder) ConvGeneral(input, kernel backends.Op, axes backends.ConvolveAxesConfig, strides []int, paddings [][2]int,
	inputDilations, kernelDilations []int, channelGroupCount, batchGroupCount int) (backends.Op, error) {
	const op = backends.OpTypeConvGeneral
	in, err := b.inputs(op, input, kernel)
	if err != nil {
		return nil, err
	}
	x, w := in[0].shape, in[1].shape
	if x.DType != w.DType || x.DType == dtypes.Bool {
		return nil, errors.Errorf("%s: want two operands of one numeric dtype", describe(op, in...))
	}
	if x.Rank() < 2 || w.Rank() != x.Rank() {
		return nil, errors.Errorf("%s: want an input and a kernel of one rank, at least 3", describe(op, in...))
	}
	spatial := x.Rank() - 2
	c := convolution{axes: axes.Clone(), strides: ones(strides, spatial), paddings: slices.Clone(paddings),
		inputDilations: ones(inputDilations, spatial), kernelDilations: ones(kernelDilations, spatial),
		channelGroupCount: max(channelGroupCount, 1), batchGroupCnt: max(batchGroupCount, 1)}
	if len(c.paddings) == 0 {
		c.paddings = make([][2]int, spatial)
	}
	shape, err := shapeinference.ConvGeneralOp(x, w, c.axes, c.strides, c.paddings, c.inputDilations, c.kernelDilations,
		c.channelGroupCount, c.batchGroupCnt)
	if err != nil {
		return nil, errors.WithMessage(err, describe(op, in...))
	}
	return b.add(op, shape, c, in...), nil
}

// ones returns a copy of values, or n ones if there are none.
func ones(values []int, n int) []int {
	if len(values) > 0 {
		return slices.Clone(values)
	}
	values = make([]int, n)
	for i := range values {
		values[i] = 1
	}
	return values
}

// gathering is the attr of Gather.
type gathering struct {
	indexVectorAxis                                    int
	offsetOutput, collapsed, startIndexMap, sliceSizes []int
}

// Gather implements [backends.StandardOps].
func (b *Builder) Gather(operand, startIndices backends.Op, indexVectorAxis int,
	offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes []int, indicesAreSorted bool) (backends.Op, error) {
	const op = backends.OpTypeGather
	in, err := b.inputs(op, operand, startIndices)
	if err != nil {
		return nil, err
	}
	if !in[1].shape.DType.IsInt() {
		return nil, errors.Errorf("%s: the indices must be integers", describe(op, in...))
	}
	indices := in[1]
	if indexVectorAxis == indices.shape.Rank() {
		// Make the implicit axis explicit.
		indices = b.add(backends.OpTypeReshape, shapes.Make(indices.shape.DType, append(slices.Clone(indices.shape.Dimensions), 1)...), nil, indices)
	}
	if indexVectorAxis < 0 || indexVectorAxis >= indices.shape.Rank() {
		return nil, errors.Errorf("%s: index vector axis %d is out of range", describe(op, in...), indexVectorAxis)
	}
	shape, err := gatherShape(in[0].shape, indices.shape, indexVectorAxis, offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes)
	if err != nil {
		return nil, errors.WithMessage(err, describe(op, in...))
	}
	return b.add(op, shape, gathering{indexVectorAxis, slices.Clone(offsetOutputAxes), sorted(collapsedSliceAxes),
		slices.Clone(startIndexMap), slices.Clone(sliceSizes)}, in[0], indices), nil
}

// gatherShape infers Gather's result. GoMLX's inference compares the index vector axis with the operand's rank and so refuses
// indices of a higher rank; only that check differs.
func gatherShape(operand, indices shapes.Shape, indexVectorAxis int, offsetOutput, collapsed, startIndexMap, sliceSizes []int) (shapes.Shape, error) {
	rank := operand.Rank()
	if rank == 0 || len(sliceSizes) != rank || rank != len(collapsed)+len(offsetOutput) {
		return shapes.Invalid(), errors.Errorf("slice sizes %v, collapsed axes %v and offset axes %v do not fit the operand's rank %d",
			sliceSizes, collapsed, offsetOutput, rank)
	}
	var offsets []int
	for i, s := range sliceSizes {
		if s < 0 || s > operand.Dimensions[i] {
			return shapes.Invalid(), errors.Errorf("slice size %d of axis %d is not within 0 and %d", s, i, operand.Dimensions[i])
		}
		if !slices.Contains(collapsed, i) {
			offsets = append(offsets, s)
		} else if s != 1 {
			return shapes.Invalid(), errors.Errorf("collapsed axis %d has slice size %d, want 1", i, s)
		}
	}
	if len(offsets) != len(offsetOutput) {
		return shapes.Invalid(), errors.Errorf("collapsed axes %v are repeated or out of range", collapsed)
	}
	if len(startIndexMap) != indices.Dimensions[indexVectorAxis] {
		return shapes.Invalid(), errors.Errorf("start index map %v does not fit index vectors of length %d", startIndexMap,
			indices.Dimensions[indexVectorAxis])
	}
	for i, a := range startIndexMap {
		if a < 0 || a >= rank || slices.Contains(startIndexMap[:i], a) {
			return shapes.Invalid(), errors.Errorf("start index map %v is out of range or repeats an axis", startIndexMap)
		}
	}
	batch := withoutAxes(indices, []int{indexVectorAxis}).Dimensions
	dims := make([]int, len(batch)+len(offsets))
	for i, a := range offsetOutput {
		if a < 0 || a >= len(dims) || slices.Contains(offsetOutput[:i], a) {
			return shapes.Invalid(), errors.Errorf("offset axes %v are out of range or repeated", offsetOutput)
		}
	}
	for i := range dims {
		if slices.Contains(offsetOutput, i) {
			dims[i], offsets = offsets[0], offsets[1:]
		} else {
			dims[i], batch = batch[0], batch[1:]
		}
	}
	return shapes.Make(operand.DType, dims...), nil
}

// scattering is the attr of the Scatter ops.
type scattering struct {
	indexVectorAxis                         int
	updateWindow, insertedWindow, toOperand []int
}

// ScatterSum implements [backends.StandardOps].
func (b *Builder) ScatterSum(operand, indices, updates backends.Op, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (backends.Op, error) {
	return b.scatter(backends.OpTypeScatterSum, operand, indices, updates, indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes)
}

// ScatterMax implements [backends.StandardOps].
func (b *Builder) ScatterMax(operand, indices, updates backends.Op, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (backends.Op, error) {
	return b.scatter(backends.OpTypeScatterMax, operand, indices, updates, indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes)
}

// ScatterMin implements [backends.StandardOps].
func (b *Builder) ScatterMin(operand, indices, updates backends.Op, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (backends.Op, error) {
	return b.scatter(backends.OpTypeScatterMin, operand, indices, updates, indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes)
}

func (b *Builder) scatter(op opcode, operand, scatterIndices, updates backends.Op, indexVectorAxis int,
	updateWindow, insertedWindow, toOperand []int) (backends.Op, error) {
	in, err := b.inputs(op, operand, scatterIndices, updates)
	if err != nil {
		return nil, err
	}
	indices := in[1]
	if indexVectorAxis == indices.shape.Rank() {
		indices = b.add(backends.OpTypeReshape, shapes.Make(indices.shape.DType, append(slices.Clone(indices.shape.Dimensions), 1)...), nil, indices)
	}
	shape, err := shapeinference.ScatterOp(in[0].shape, indices.shape, in[2].shape, indexVectorAxis, updateWindow, insertedWindow, toOperand)
	if err != nil {
		return nil, errors.WithMessage(err, describe(op, in...))
	}
	if shape.DType == dtypes.Bool || shape.DType.IsComplex() && op != backends.OpTypeScatterSum {
		return nil, errors.Errorf("%s: the op is not defined for dtype %s in backend %q", describe(op, in...), shape.DType, Name)
	}
	return b.add(op, shape, scattering{indexVectorAxis, sorted(updateWindow), sorted(insertedWindow), slices.Clone(toOperand)},
		in[0], indices, in[2]), nil
}

// startIndices checks the starts of a dynamic slice: one integer scalar for each axis, or one vector with all of them.
func (b *Builder) startIndices(op opcode, operand *node, starts []*node) ([]*node, error) {
	rank := operand.shape.Rank()
	all := append([]*node{operand}, starts...)
	if len(starts) == 1 && starts[0].shape.Rank() == 1 && starts[0].shape.Dimensions[0] == rank {
		vector := starts[0]
		starts = make([]*node, rank)
		for i := range starts {
			one := b.add(backends.OpTypeSlice, shapes.Make(vector.shape.DType, 1), sliceRange{[]int{i}, []int{1}}, vector)
			starts[i] = b.add(backends.OpTypeReshape, shapes.Make(vector.shape.DType), nil, one)
		}
	}
	if len(starts) != rank {
		return nil, errors.Errorf("%s: want %d start indices, one per axis", describe(op, all...), rank)
	}
	for _, s := range starts {
		if s.shape.Rank() != 0 || !s.shape.DType.IsInt() {
			return nil, errors.Errorf("%s: start indices must be integer scalars", describe(op, all...))
		}
	}
	return starts, nil
}

// DynamicSlice implements [backends.StandardOps].
func (b *Builder) DynamicSlice(operand backends.Op, startIndices []backends.Op, sliceDims []int) (backends.Op, error) {
	const op = backends.OpTypeDynamicSlice
	in, err := b.inputs(op, append([]backends.Op{operand}, startIndices...)...)
	if err != nil {
		return nil, err
	}
	starts, err := b.startIndices(op, in[0], in[1:])
	if err != nil {
		return nil, err
	}
	x := in[0].shape
	if len(sliceDims) != x.Rank() {
		return nil, errors.Errorf("%s: slice dimensions %v must have one value per axis", describe(op, in...), sliceDims)
	}
	for i, d := range sliceDims {
		if d < 0 || d > x.Dimensions[i] {
			return nil, errors.Errorf("%s: slice dimension %d of axis %d is not within 0 and %d", describe(op, in...), d, i, x.Dimensions[i])
		}
	}
	return b.add(op, shapes.Make(x.DType, sliceDims...), nil, append([]*node{in[0]}, starts...)...), nil
}

// DynamicUpdateSlice implements [backends.StandardOps].
func (b *Builder) DynamicUpdateSlice(operand, update backends.Op, startIndices []backends.Op) (backends.Op, error) {
	const op = backends.OpTypeDynamicUpdateSlice
	in, err := b.inputs(op, append([]backends.Op{operand, update}, startIndices...)...)
	if err != nil {
		return nil, err
	}
	starts, err := b.startIndices(op, in[0], in[2:])
	if err != nil {
		return nil, err
	}
	x, u := in[0].shape, in[1].shape
	if x.DType != u.DType || x.Rank() != u.Rank() {
		return nil, errors.Errorf("%s: operand and update must have one dtype and rank", describe(op, in[:2]...))
	}
	for i, d := range u.Dimensions {
		if d > x.Dimensions[i] {
			return nil, errors.Errorf("%s: the update is larger than the operand on axis %d", describe(op, in[:2]...), i)
		}
	}
	return b.add(op, x, nil, append([]*node{in[0], in[1]}, starts...)...), nil
}

// argExtreme is the attr of ArgMinMax.
type argExtreme struct {
	axis  int
	isMin bool
}

// ArgMinMax implements [backends.StandardOps]: the first NaN wins, then the first of equal extremes.
func (b *Builder) ArgMinMax(x backends.Op, axis int, outputDType dtypes.DType, isMin bool) (backends.Op, error) {
	const op = backends.OpTypeArgMinMax
	in, err := b.inputs(op, x)
	if err != nil {
		return nil, err
	}
	from := in[0].shape
	if from.DType == dtypes.Bool {
		from = withDType(from, dtypes.Uint8) // false is below true; GoMLX's inference refuses booleans
	}
	shape, err := shapeinference.ArgMinMaxOp(from, axis, outputDType)
	if err != nil {
		return nil, errors.WithMessage(err, describe(op, in...))
	}
	if in[0].shape.Dimensions[axis] == 0 {
		return nil, errors.Errorf("%s: axis %d is empty, there is no extreme", describe(op, in...), axis)
	}
	return b.add(op, shape, argExtreme{axis, isMin}, in...), nil
}

// window is the attr of ReduceWindow and SelectAndScatter, with every default filled in.
type window struct {
	reduction                                  backends.ReduceOpType
	dims, strides, baseDilations, winDilations []int
	paddings                                   [][2]int
}

func newWindow(reduction backends.ReduceOpType, rank int, dims, strides, baseDilations, windowDilations []int, paddings [][2]int) window {
	w := window{reduction, ones(dims, rank), slices.Clone(strides), ones(baseDilations, rank), ones(windowDilations, rank), slices.Clone(paddings)}
	if len(strides) == 0 {
		w.strides = w.dims
	}
	if len(paddings) == 0 {
		w.paddings = make([][2]int, rank)
	}
	return w
}

// ReduceWindow implements [backends.StandardOps].
func (b *Builder) ReduceWindow(x backends.Op, reduction backends.ReduceOpType, dims, strides, baseDilations, windowDilations []int,
	paddings [][2]int) (backends.Op, error) {
	const op = backends.OpTypeReduceWindow
	in, err := b.inputs(op, x)
	if err != nil {
		return nil, err
	}
	switch reduction {
	case backends.ReduceOpSum, backends.ReduceOpProduct, backends.ReduceOpMax, backends.ReduceOpMin:
	default:
		return nil, errors.Errorf("%s: unknown reduction %s", describe(op, in...), reduction)
	}
	switch d := in[0].shape.DType; {
	case d.IsComplex():
		return nil, errors.Errorf("%s: the op is not defined for dtype %s in backend %q", describe(op, in...), d, Name)
	case d == dtypes.Bool && reduction == backends.ReduceOpSum:
		reduction = backends.ReduceOpMax // or
	case d == dtypes.Bool && reduction == backends.ReduceOpProduct:
		reduction = backends.ReduceOpMin // and
	}
	shape, err := shapeinference.ReduceWindowOp(in[0].shape, dims, strides, baseDilations, windowDilations, paddings)
	if err != nil {
		return nil, errors.WithMessage(err, describe(op, in...))
	}
	return b.add(op, shape, newWindow(reduction, shape.Rank(), dims, strides, baseDilations, windowDilations, paddings), in...), nil
}

// SelectAndScatterMax implements [backends.StandardOps].
func (b *Builder) SelectAndScatterMax(operand, source backends.Op, dims, strides []int, paddings [][2]int) (backends.Op, error) {
	return b.selectAndScatter(backends.OpTypeSelectAndScatterMax, backends.ReduceOpMax, operand, source, dims, strides, paddings)
}

// SelectAndScatterMin implements [backends.StandardOps].
func (b *Builder) SelectAndScatterMin(operand, source backends.Op, dims, strides []int, paddings [][2]int) (backends.Op, error) {
	return b.selectAndScatter(backends.OpTypeSelectAndScatterMin, backends.ReduceOpMin, operand, source, dims, strides, paddings)
}

func (b *Builder) selectAndScatter(op opcode, reduction backends.ReduceOpType, operand, source backends.Op, dims, strides []int,
	paddings [][2]int) (backends.Op, error) {
	in, err := b.inputs(op, operand, source)
	if err != nil {
		return nil, err
	}
	want, err := shapeinference.ReduceWindowOp(in[0].shape, dims, strides, nil, nil, paddings)
	if err != nil {
		return nil, errors.WithMessage(err, describe(op, in...))
	}
	if d := want.DType; d == dtypes.Bool || d.IsComplex() {
		return nil, errors.Errorf("%s: the op is not defined for dtype %s in backend %q", describe(op, in...), d, Name)
	}
	if !want.Equal(in[1].shape) {
		return nil, errors.Errorf("%s: the source must have the shape of the windows, %s", describe(op, in...), want)
	}
	return b.add(op, in[0].shape, newWindow(reduction, want.Rank(), dims, strides, nil, nil, paddings), in...), nil
}

// RNGBitGenerator implements [backends.StandardOps] with the stream of GoMLX's own Go backend: PCG-DXSM seeded with the first two
// words of the state, eight bytes a draw. The third word is passed on.
func (b *Builder) RNGBitGenerator(state backends.Op, shape shapes.Shape) (newState, values backends.Op, err error) {
	in, err := b.inputs(backends.OpTypeRNGBitGenerator, state)
	if err != nil {
		return nil, nil, err
	}
	if !in[0].shape.Equal(backends.RNGStateShape) {
		return nil, nil, errors.Errorf("%s: the state must have shape %s", describe(backends.OpTypeRNGBitGenerator, in...), backends.RNGStateShape)
	}
	if !isSupported(shape.DType) || shape.DType == dtypes.Bool {
		return nil, nil, errors.Errorf("RNGBitGenerator: the op is not defined for dtype %s (shape %s)", shape.DType, shape)
	}
	bytes, err := sizeBytes(shape)
	if err != nil {
		return nil, nil, errors.WithMessage(err, "RNGBitGenerator")
	}
	next := b.add(opRNGState, in[0].shape, (bytes+7)/8, in...)
	return next, b.add(opRNGBits, shape.Clone(), nil, in...), nil
}

// transform is the attr of FFT.
type transform struct {
	kind   backends.FFTType
	length []int
}

// FFT implements [backends.StandardOps]: over the last len(length) axes.
func (b *Builder) FFT(operand backends.Op, kind backends.FFTType, length []int) (backends.Op, error) {
	const op = backends.OpTypeFFT
	in, err := b.inputs(op, operand)
	if err != nil {
		return nil, err
	}
	x := in[0].shape
	if len(length) == 0 || len(length) > 3 || len(length) > x.Rank() {
		return nil, errors.Errorf("%s: lengths %v must name 1 to 3 of the last axes", describe(op, in...), length)
	}
	dims := slices.Clone(x.Dimensions)
	last, first := len(dims)-1, len(dims)-len(length)
	wantComplex := kind != backends.FFTForwardReal
	if x.DType.IsComplex() != wantComplex || !wantComplex && x.DType != dtypes.Float32 && x.DType != dtypes.Float64 {
		return nil, errors.Errorf("%s: %s is not defined for dtype %s", describe(op, in...), kind, x.DType)
	}
	dtype := x.DType
	for i, n := range length {
		have := dims[first+i]
		if kind == backends.FFTInverseReal && first+i == last {
			n = n/2 + 1
		}
		if have != n || n < 1 {
			return nil, errors.Errorf("%s: %s of lengths %v needs axis %d to have dimension %d", describe(op, in...), kind, length, first+i, n)
		}
	}
	switch kind {
	case backends.FFTForward, backends.FFTInverse:
	case backends.FFTForwardReal:
		dims[last] = length[len(length)-1]/2 + 1
		dtype = dtypes.Complex64
		if x.DType == dtypes.Float64 {
			dtype = dtypes.Complex128
		}
	case backends.FFTInverseReal:
		dims[last] = length[len(length)-1]
		dtype = x.DType.RealDType()
	default:
		return nil, errors.Errorf("%s: unknown transform %s", describe(op, in...), kind)
	}
	return b.add(op, shapes.Make(dtype, dims...), transform{kind, slices.Clone(length)}, in...), nil
}
