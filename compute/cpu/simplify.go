package cpu

import (
	"math"
	"slices"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// rewriter rebuilds a computation node by node, inputs first: equal nodes become one, ops that change nothing disappear, ops on
// constants are computed, and composite ops are written in simpler ones. Rewrites keep every bit of every result, except that sums may be
// regrouped.
type rewriter struct {
	graph *Builder
	table map[string]*node
	fold  bool // compute ops on constants
	// onlyUser tells that nothing but the op being rewritten uses its first operand.
	onlyUser bool
	key      []byte
}

// foldLimit is the number of values up to which ops on constants are computed at compile time.
const foldLimit = 1 << 14

// simplify returns the parameters and outputs of the rewritten computation, which holds only what the outputs need, and all its
// nodes in order.
func simplify(b *Backend, params, outputs []*node, fold bool) (newParams, newOutputs []*node, graph *Builder, err error) {
	r := &rewriter{graph: newBuilder(b, ""), table: map[string]*node{}, fold: fold}
	rewritten := map[*node]*node{}
	for _, p := range params {
		q := r.graph.add(p.op, p.shape, p.attr)
		newParams = append(newParams, q)
		rewritten[p] = q
	}
	nodes := live(outputs)
	uses := map[*node]int{}
	for _, o := range outputs {
		uses[o]++
	}
	for _, n := range nodes {
		for _, x := range n.in {
			uses[x]++
		}
	}
	for _, n := range nodes {
		if rewritten[n] != nil {
			continue
		}
		r.onlyUser = len(n.in) > 0 && uses[n.in[0]] == 1
		in := make([]*node, len(n.in))
		for i, x := range n.in {
			in[i] = rewritten[x]
		}
		if rewritten[n], err = r.rewrite(n.op, n.shape, n.attr, in); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, o := range outputs {
		newOutputs = append(newOutputs, rewritten[o])
	}
	return newParams, newOutputs, r.graph, nil
}

// live returns the nodes that the outputs need, inputs before users.
func live(outputs []*node) []*node {
	seen := map[*node]bool{}
	var found []*node
	stack := slices.Clone(outputs)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		found = append(found, n)
		stack = append(stack, n.in...)
	}
	slices.SortFunc(found, func(a, b *node) int { return a.id - b.id })
	return found
}

// unique returns the node that computes this, an earlier one if there is one.
func (r *rewriter) unique(op opcode, shape shapes.Shape, attr any, in ...*node) (*node, error) {
	candidate := &node{owner: r.graph, op: op, shape: shape, attr: attr, in: in}
	r.key = candidate.key(r.key)
	if n, ok := r.table[string(r.key)]; ok {
		return n, nil
	}
	key := string(r.key)
	n := r.graph.add(op, shape, attr, in...)
	if r.fold && r.foldable(n) {
		l, err := evaluate(r.graph.backend, n)
		if err != nil {
			return nil, err
		}
		if n, err = r.unique(backends.OpTypeConstant, shape, l); err != nil {
			return nil, err
		}
	}
	r.table[key] = n
	return n, nil
}

func (r *rewriter) foldable(n *node) bool {
	switch n.op {
	case backends.OpTypeParameter, backends.OpTypeConstant, backends.OpTypeBroadcastInDim:
		return false // a broadcast is cheaper left as it is
	}
	for _, in := range n.in {
		if in.op != backends.OpTypeConstant && !isUniformConstant(in) {
			return false
		}
		if in.shape.Size() > foldLimit {
			return false
		}
	}
	return n.shape.Size() <= foldLimit
}

// uniform returns the scalar that n repeats, if n broadcasts one.
func uniform(n *node) (*node, bool) {
	if n.op == backends.OpTypeBroadcastInDim && n.in[0].shape.Size() == 1 {
		return n.in[0], true
	}
	return nil, false
}

func isUniformConstant(n *node) bool {
	s, ok := uniform(n)
	return ok && s.op == backends.OpTypeConstant
}

// floatValue returns the value of a constant scalar, or of a broadcast one, of a real dtype.
func floatValue(n *node) (float64, bool) {
	if s, ok := uniform(n); ok {
		n = s
	}
	if n.op != backends.OpTypeConstant || n.shape.Size() != 1 || n.shape.DType.IsComplex() {
		return 0, false
	}
	var v float64
	convertFunc(n.shape.DType, dtypes.Float64)(unsafe.Pointer(&v), n.attr.(*literal).ptr(), nil, nil, 1)
	return v, true
}

func isElementwise(op opcode) bool { return arity(op) > 0 }

// arity returns the number of operands of an element-wise op, 0 for other ops.
func arity(op opcode) int {
	switch op {
	case backends.OpTypeWhere:
		return 3
	case backends.OpTypeConvertDType, backends.OpTypeIsFinite, backends.OpTypeAbs, backends.OpTypeBitwiseNot, backends.OpTypeBitCount,
		backends.OpTypeCeil, backends.OpTypeClz, backends.OpTypeConj, backends.OpTypeCos, backends.OpTypeErf, backends.OpTypeExp,
		backends.OpTypeExpm1, backends.OpTypeFloor, backends.OpTypeImag, backends.OpTypeLog, backends.OpTypeLog1p,
		backends.OpTypeLogicalNot, backends.OpTypeLogistic, backends.OpTypeNeg, backends.OpTypeReal, backends.OpTypeRound,
		backends.OpTypeRsqrt, backends.OpTypeSign, backends.OpTypeSin, backends.OpTypeSqrt, backends.OpTypeTanh, opSquare, opReciprocal, opGelu:
		return 1
	case backends.OpTypeAdd, backends.OpTypeSub, backends.OpTypeMul, backends.OpTypeDiv, backends.OpTypePow, backends.OpTypeRem,
		backends.OpTypeMax, backends.OpTypeMin, backends.OpTypeBitwiseAnd, backends.OpTypeBitwiseOr, backends.OpTypeBitwiseXor,
		backends.OpTypeLogicalAnd, backends.OpTypeLogicalOr, backends.OpTypeLogicalXor, backends.OpTypeShiftLeft,
		backends.OpTypeShiftRightArithmetic, backends.OpTypeShiftRightLogical, backends.OpTypeComplex,
		backends.OpTypeEqual, backends.OpTypeNotEqual, backends.OpTypeLessThan, backends.OpTypeLessOrEqual, backends.OpTypeGreaterThan,
		backends.OpTypeGreaterOrEqual, backends.OpTypeEqualTotalOrder, backends.OpTypeNotEqualTotalOrder,
		backends.OpTypeLessThanTotalOrder, backends.OpTypeLessOrEqualTotalOrder, backends.OpTypeGreaterThanTotalOrder,
		backends.OpTypeGreaterOrEqualTotalOrder:
		return 2
	}
	return 0
}

// rewrite returns the node that stands for an op on inputs already rewritten.
func (r *rewriter) rewrite(op opcode, shape shapes.Shape, attr any, in []*node) (*node, error) {
	switch op {
	case backends.OpTypeIdentity:
		return in[0], nil
	case backends.OpTypeReshape:
		return r.reshape(in[0], shape)
	case backends.OpTypeTranspose:
		return r.transpose(in[0], shape, attr.(axisOrder))
	case backends.OpTypeBroadcastInDim:
		return r.broadcast(in[0], shape, attr.([]int))
	case backends.OpTypeSlice:
		if in[0].shape.EqualDimensions(shape) {
			return in[0], nil
		}
	case backends.OpTypeReverse:
		axes := slices.DeleteFunc(slices.Clone(attr.(reversedAxes)), func(a int) bool { return shape.Dimensions[a] <= 1 })
		if len(axes) == 0 {
			return in[0], nil
		}
		slices.Sort(axes)
		attr = axes
		if x := in[0]; x.op == backends.OpTypeReverse && slices.Equal(x.attr.(reversedAxes), axes) {
			return x.in[0], nil
		}
	case backends.OpTypeConcatenate:
		in = slices.DeleteFunc(slices.Clone(in), func(x *node) bool { return x.shape.Size() == 0 })
		if len(in) == 1 {
			return in[0], nil
		}
		if len(in) == 0 {
			return r.zeros(shape)
		}
	case backends.OpTypeConvertDType:
		// Converting to a wider type and back changes nothing.
		if x := in[0]; x.op == backends.OpTypeConvertDType && x.in[0].shape.DType == shape.DType && widens(shape.DType, x.shape.DType) {
			return x.in[0], nil
		}
	case backends.OpTypePad:
		if !slices.ContainsFunc(attr.([]backends.PadAxis), func(p backends.PadAxis) bool { return p != backends.PadAxis{} }) {
			return in[0], nil
		}
	case backends.OpTypeWhere:
		if in[1] == in[2] {
			return in[1], nil
		}
		if v, ok := floatValue(in[0]); ok {
			if v != 0 {
				return in[1], nil
			}
			return in[2], nil
		}
	case backends.OpTypeDotGeneral:
		return r.dot(shape, attr.(dotAxes), in[0], in[1])
	case backends.OpTypeConvGeneral:
		return r.conv(shape, attr.(convolution), in[0], in[1])
	}
	if axes, ok := attr.(reductionAxes); ok {
		return r.reduce(op, shape, axes, in[0])
	}
	if isElementwise(op) {
		return r.elementwise(op, shape, attr, in)
	}
	return r.unique(op, shape, attr, in...)
}

func widens(from, to dtypes.DType) bool {
	return from == dtypes.Float32 && to == dtypes.Float64 || from.IsFloat16() && (to == dtypes.Float32 || to == dtypes.Float64) ||
		from == dtypes.Bool && to != dtypes.Bool
}

func (r *rewriter) zeros(shape shapes.Shape) (*node, error) {
	zero, err := r.constant(shape.DType, 0)
	if err != nil {
		return nil, err
	}
	return r.broadcast(zero, shape, nil)
}

// constant returns a constant scalar.
func (r *rewriter) constant(dtype dtypes.DType, v float64) (*node, error) {
	return r.unique(backends.OpTypeConstant, shapes.Make(dtype), scalarOf(dtype, v))
}

func (r *rewriter) reshape(x *node, shape shapes.Shape) (*node, error) {
	if x.op == backends.OpTypeReshape {
		x = x.in[0]
	}
	if x.shape.EqualDimensions(shape) {
		return x, nil
	}
	if s, ok := uniform(x); ok {
		if s.shape.Rank() != 0 {
			var err error
			if s, err = r.reshape(s, shapes.Make(s.shape.DType)); err != nil {
				return nil, err
			}
		}
		return r.broadcast(s, shape, nil)
	}
	if x.op == backends.OpTypeConstant {
		return r.unique(backends.OpTypeConstant, shape, x.attr)
	}
	return r.unique(backends.OpTypeReshape, shape, nil, x)
}

func (r *rewriter) transpose(x *node, shape shapes.Shape, order axisOrder) (*node, error) {
	if x.op == backends.OpTypeTranspose {
		inner := x.attr.(axisOrder)
		both := make(axisOrder, len(order))
		for i, a := range order {
			both[i] = inner[a]
		}
		x, order = x.in[0], both
	}
	// If the axes longer than 1 keep their order it is a reshape.
	previous, moved := -1, false
	for _, a := range order {
		if x.shape.Dimensions[a] != 1 {
			moved = moved || a < previous
			previous = a
		}
	}
	if !moved {
		return r.reshape(x, shape)
	}
	if x.op == opContract && r.onlyUser {
		// Let the contraction write the transposed result.
		was, is := denseStrides(x.shape.Dimensions), denseStrides(shape.Dimensions)
		loops := slices.Clone(x.attr.(contraction).loops)
		found := 0
		for i, l := range loops {
			if l.c == 0 || l.n == 1 {
				continue
			}
			for to, from := range order {
				if was[from] == l.c && x.shape.Dimensions[from] == l.n {
					loops[i].c = is[to]
					found += 1
					break
				}
			}
		}
		long := 0
		for _, l := range loops {
			if l.c != 0 && l.n != 1 {
				long++
			}
		}
		if found == long {
			return r.unique(opContract, shape, contraction{loops: loops}, x.in...)
		}
	}
	return r.unique(backends.OpTypeTranspose, shape, order, x)
}

func (r *rewriter) broadcast(x *node, shape shapes.Shape, axes []int) (*node, error) {
	if x.shape.Size() == shape.Size() {
		return r.reshape(x, shape)
	}
	if x.op == backends.OpTypeReshape && x.in[0].shape.Size() == 1 {
		x, axes = x.in[0], make([]int, x.in[0].shape.Rank())
	}
	if x.shape.Size() == 1 && x.shape.Rank() > 0 {
		s, err := r.reshape(x, shapes.Make(x.shape.DType))
		if err != nil {
			return nil, err
		}
		x, axes = s, nil
	}
	if x.op == backends.OpTypeBroadcastInDim {
		inner := x.attr.([]int)
		both := make([]int, len(inner))
		for i, a := range inner {
			both[i] = axes[a]
		}
		return r.broadcast(x.in[0], shape, both)
	}
	if axes == nil {
		axes = []int{}
	}
	return r.unique(backends.OpTypeBroadcastInDim, shape, axes, x)
}

// elementwise rewrites ops whose operands all have the result's dimensions.
func (r *rewriter) elementwise(op opcode, shape shapes.Shape, attr any, in []*node) (*node, error) {
	if alikeBroadcast(in) {
		if n, ok, err := r.beforeBroadcast(op, shape, attr, in); ok || err != nil {
			return n, err
		}
	}
	dtype := in[0].shape.DType
	unary := func(op opcode, x *node) (*node, error) { return r.rewrite(op, shape, nil, []*node{x}) }
	switch op {
	case backends.OpTypeNeg:
		if in[0].op == backends.OpTypeNeg {
			return in[0].in[0], nil
		}
	case backends.OpTypeLogicalNot:
		if in[0].op == backends.OpTypeLogicalNot {
			return in[0].in[0], nil
		}
	case backends.OpTypeAdd:
		if n, ok, err := r.join(shape, in[0], in[1]); ok || err != nil {
			return n, err
		}
		if in[1].op == backends.OpTypeNeg {
			return r.elementwise(backends.OpTypeSub, shape, nil, []*node{in[0], in[1].in[0]})
		}
		if in[0].op == backends.OpTypeNeg {
			return r.elementwise(backends.OpTypeSub, shape, nil, []*node{in[1], in[0].in[0]})
		}
		if dtype.IsInt() { // of floats, -0+0 is +0
			if v, ok := floatValue(in[1]); ok && v == 0 {
				return in[0], nil
			}
			if v, ok := floatValue(in[0]); ok && v == 0 {
				return in[1], nil
			}
		}
	case backends.OpTypeSub:
		if in[1].op == backends.OpTypeNeg {
			return r.elementwise(backends.OpTypeAdd, shape, nil, []*node{in[0], in[1].in[0]})
		}
		if v, ok := floatValue(in[1]); ok && v == 0 && !math.Signbit(v) {
			return in[0], nil
		}
	case backends.OpTypeMul:
		for i := range in {
			v, ok := floatValue(in[i])
			if !ok {
				continue
			}
			if v == 1 {
				return in[1-i], nil
			}
			if v == -1 && hasUnary(backends.OpTypeNeg, dtype) {
				return unary(backends.OpTypeNeg, in[1-i])
			}
		}
		if in[0] == in[1] && hasUnary(opSquare, dtype) {
			return unary(opSquare, in[0])
		}
	case backends.OpTypeDiv:
		if v, ok := floatValue(in[1]); ok {
			if v == 1 {
				return in[0], nil
			}
			// The reciprocal of a power of two is exact.
			if f, e := math.Frexp(v); dtype.IsFloat() && math.Abs(f) == 0.5 && e > -100 && e < 100 && !dtype.IsFloat16() {
				inverse, err := r.constant(dtype, 1/v)
				if err != nil {
					return nil, err
				}
				if inverse, err = r.broadcast(inverse, shape, nil); err != nil {
					return nil, err
				}
				return r.elementwise(backends.OpTypeMul, shape, nil, []*node{in[0], inverse})
			}
		}
		if v, ok := floatValue(in[0]); ok && v == 1 && hasUnary(opReciprocal, dtype) {
			return unary(opReciprocal, in[1])
		}
	case backends.OpTypePow:
		if v, ok := floatValue(in[1]); ok {
			switch {
			case v == 1:
				return in[0], nil
			case v == 2 && hasUnary(opSquare, dtype):
				return unary(opSquare, in[0])
			case v == -1 && hasUnary(opReciprocal, dtype):
				return unary(opReciprocal, in[0])
			}
		}
	case backends.OpTypeMax, backends.OpTypeMin, backends.OpTypeLogicalAnd, backends.OpTypeLogicalOr:
		if in[0] == in[1] {
			return in[0], nil
		}
	}
	return r.unique(op, shape, attr, in...)
}

// join writes the sum of two operands padded with zeros to neighbouring parts of one axis, which is how gradients of slices come, as a
// concatenation; ok is false for other operands.
func (r *rewriter) join(shape shapes.Shape, x, y *node) (n *node, ok bool, err error) {
	axis, first, ok := zeroPadding(x)
	if !ok {
		return nil, false, nil
	}
	other, second, ok := zeroPadding(y)
	if !ok || other != axis {
		return nil, false, nil
	}
	if second.Start < first.Start {
		x, y, first, second = y, x, second, first
	}
	total := shape.Dimensions[axis]
	if total-first.End != second.Start {
		return nil, false, nil
	}
	dims := slices.Clone(shape.Dimensions)
	dims[axis] = total - first.Start - second.End
	n, err = r.unique(backends.OpTypeConcatenate, shapes.Make(shape.DType, dims...), axis, append(parts(x.in[0], axis), parts(y.in[0], axis)...)...)
	if err != nil {
		return nil, true, err
	}
	pads := make([]backends.PadAxis, shape.Rank())
	pads[axis] = backends.PadAxis{Start: first.Start, End: second.End}
	n, err = r.pad(n, shape, pads)
	return n, true, err
}

// parts returns the operands of a concatenation along the axis, or n itself.
func parts(n *node, axis int) []*node {
	if n.op == backends.OpTypeConcatenate && n.attr.(int) == axis {
		return slices.Clone(n.in)
	}
	return []*node{n}
}

// zeroPadding returns the axis along which n pads its operand with zeros, and by how much; ok is false if it does anything else.
func zeroPadding(n *node) (axis int, pad backends.PadAxis, ok bool) {
	if n.op != backends.OpTypePad {
		return 0, pad, false
	}
	if v, isConstant := floatValue(n.in[1]); !isConstant || v != 0 {
		return 0, pad, false
	}
	axis = -1
	for i, p := range n.attr.([]backends.PadAxis) {
		if p == (backends.PadAxis{}) {
			continue
		}
		if axis >= 0 || p.Interior != 0 || p.Start < 0 || p.End < 0 {
			return 0, pad, false
		}
		axis, pad = i, p
	}
	return axis, pad, axis >= 0
}

// alikeBroadcast reports whether the nodes broadcast one shape in the same way.
func alikeBroadcast(in []*node) bool {
	for _, x := range in {
		if x.op != backends.OpTypeBroadcastInDim || !slices.Equal(x.attr.([]int), in[0].attr.([]int)) ||
			!x.in[0].shape.EqualDimensions(in[0].in[0].shape) {
			return false
		}
	}
	return true
}

// beforeBroadcast computes an op on operands that are all broadcast along some axis before that broadcast, where there is less to compute.
func (r *rewriter) beforeBroadcast(op opcode, shape shapes.Shape, attr any, in []*node) (n *node, ok bool, err error) {
	used := make([]bool, shape.Rank()) // the axes along which some operand changes
	for _, x := range in {
		if x.op != backends.OpTypeBroadcastInDim {
			return nil, false, nil
		}
		for i, a := range x.attr.([]int) {
			used[a] = used[a] || x.in[0].shape.Dimensions[i] > 1
		}
	}
	var axes, dims []int
	place := make([]int, shape.Rank()) // of each axis of shape among axes
	less := false
	for a, d := range shape.Dimensions {
		place[a] = len(axes)
		if used[a] {
			axes, dims = append(axes, a), append(dims, d)
		} else if d > 1 {
			less = true
		}
	}
	if !less {
		return nil, false, nil
	}
	small := make([]*node, len(in))
	for k, x := range in {
		source, rest := x.in[0], []int{}
		var moved []int
		for i, a := range x.attr.([]int) {
			if used[a] {
				moved = append(moved, place[a])
				rest = append(rest, source.shape.Dimensions[i])
			}
		}
		if source, err = r.reshape(source, shapes.Make(source.shape.DType, rest...)); err != nil {
			return nil, true, err
		}
		if small[k], err = r.broadcast(source, shapes.Make(source.shape.DType, dims...), moved); err != nil {
			return nil, true, err
		}
	}
	if n, err = r.rewrite(op, shapes.Make(shape.DType, dims...), attr, small); err != nil {
		return nil, true, err
	}
	n, err = r.broadcast(n, shape, axes)
	return n, true, err
}

func isReduction(op opcode) bool {
	switch op {
	case backends.OpTypeReduceSum, backends.OpTypeReduceProduct, backends.OpTypeReduceMax, backends.OpTypeReduceMin,
		backends.OpTypeReduceBitwiseAnd, backends.OpTypeReduceBitwiseOr, backends.OpTypeReduceBitwiseXor,
		backends.OpTypeReduceLogicalAnd, backends.OpTypeReduceLogicalOr, backends.OpTypeReduceLogicalXor:
		return true
	}
	return false
}

// reduceBeforeBroadcast reduces what x broadcasts, along axes that are not those of the broadcast; ok is false if it is another reduction.
func (r *rewriter) reduceBeforeBroadcast(op opcode, shape shapes.Shape, axes reductionAxes, x *node) (n *node, ok bool, err error) {
	source, of := unbroadcast(x)
	if source == x {
		return nil, false, nil
	}
	var inner reductionAxes
	for _, a := range axes {
		if of[a] >= 0 {
			inner = append(inner, of[a])
		} else if x.shape.Dimensions[a] > 1 {
			return nil, false, nil
		}
	}
	slices.Sort(inner)
	if n, err = r.reduce(op, withoutAxes(source.shape, inner), inner, source); err != nil {
		return nil, true, err
	}
	var to []int // the axis of shape for each axis of the source that is left
	for i, a := range x.attr.([]int) {
		if slices.Contains(inner, i) {
			continue
		}
		at := a
		for _, gone := range axes {
			if gone < a {
				at--
			}
		}
		to = append(to, at)
	}
	n, err = r.broadcast(n, shape, to)
	return n, true, err
}

// extent is the attr of a reduction in the rewritten computation: the operand, read in order, is [outer, n, inner] and the middle axis
// is reduced.
type extent struct{ outer, n, inner int }

// reduce writes a reduction as reductions of one run of neighbouring axes each, the last run first.
func (r *rewriter) reduce(op opcode, shape shapes.Shape, axes reductionAxes, x *node) (*node, error) {
	if x.shape.Size() == 0 {
		return r.identityOf(op, shape)
	}
	if n, ok, err := r.einsum(op, shape, axes, x); ok || err != nil {
		return n, err
	}
	if x.op == backends.OpTypeTranspose {
		// Reduce before transposing: less to move.
		order := x.attr.(axisOrder)
		inner := make([]int, len(axes))
		for i, a := range axes {
			inner[i] = order[a]
		}
		slices.Sort(inner)
		small := withoutAxes(x.in[0].shape, inner)
		y, err := r.reduce(op, small, inner, x.in[0])
		if err != nil {
			return nil, err
		}
		var rest axisOrder
		for i, a := range order {
			if slices.Contains(axes, i) {
				continue
			}
			at := a
			for _, gone := range inner {
				if gone < a {
					at--
				}
			}
			rest = append(rest, at)
		}
		return r.transpose(y, shape, rest)
	}
	// Operands that do not change along an axis are multiplied without it. Elsewhere that would cost a product its place in a longer chain.
	if x.op == backends.OpTypeMul {
		n, ok, err := r.beforeBroadcast(x.op, x.shape, x.attr, x.in)
		if err != nil {
			return nil, err
		}
		if ok {
			x = n
		}
	}
	if n, ok, err := r.reduceBeforeBroadcast(op, shape, axes, x); ok || err != nil {
		return n, err
	}
	// The axes of dimension 1 take no part.
	kept := slices.DeleteFunc(slices.Clone(axes), func(a int) bool { return x.shape.Dimensions[a] == 1 })
	if len(kept) == 0 {
		return r.reshape(x, shape)
	}
	dims := x.shape.Dimensions
	last := kept[len(kept)-1]
	first := last
	for first > 0 && (slices.Contains(kept, first-1) || dims[first-1] == 1) {
		first--
	}
	e := extent{product(dims[:first]), product(dims[first : last+1]), product(dims[last+1:])}
	run := make([]int, 0, last+1-first)
	for a := first; a <= last; a++ {
		run = append(run, a)
	}
	y, err := r.unique(op, withoutAxes(x.shape, run), e, x)
	if err != nil {
		return nil, err
	}
	rest := slices.DeleteFunc(slices.Clone(kept), func(a int) bool { return a >= first })
	if len(rest) == 0 {
		return r.reshape(y, shape)
	}
	return r.reduce(op, shape, rest, y)
}
