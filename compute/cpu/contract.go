package cpu

import (
	"math"
	"slices"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/x448/float16"
)

// Matrix products and convolutions are one op here: the result is, over every index of some loops, the sum of products of an
// element of A and an element of B whose addresses are linear in the loops' indices. A convolution is such a sum over a padded input in which
// an output position and a kernel position share the input's axis.

// loop is one index of a contraction. It moves along axis a of A by aStep (and likewise B), or not at all where the axis is -1. c is its
// stride in the result, 0 for a sum.
type loop struct {
	n        int
	a, aStep int
	b, bStep int
	c        int
}

// contraction is the attr of opContract. Loops of A alone are rows, of B alone columns, of both and the result batch, of both without
// the result depth. A third operand, if there is one, is added to the sums, and then the activation applied.
type contraction struct {
	loops      []loop
	activation kernel.UnaryOp
}

// dot writes DotGeneral as a contraction, or in element-wise ops where that is less work.
func (r *rewriter) dot(shape shapes.Shape, d dotAxes, a, b *node) (*node, error) {
	if shape.Size() == 0 {
		return r.zeros(shape)
	}
	aRest, bRest := axesBut(a, d.lhsContract, d.lhsBatch), axesBut(b, d.rhsContract, d.rhsBatch)
	depth := 1
	for _, x := range d.lhsContract {
		depth *= a.shape.Dimensions[x]
	}
	if depth == 0 {
		return r.zeros(shape)
	}
	size := func(n *node, axes []int) int {
		p := 1
		for _, x := range axes {
			p *= n.shape.Dimensions[x]
		}
		return p
	}
	rows, cols := size(a, aRest), size(b, bRest)
	narrow := shape.DType.IsFloat16() // sums of products stay in float32 there
	if !narrow && depth == 1 {
		// Every product by itself: broadcast and multiply.
		batch := shape.Dimensions[:len(d.lhsBatch)]
		spread := func(x *node, order []int, at int) (*node, error) {
			t, err := r.permute(x, order)
			if err != nil {
				return nil, err
			}
			dims, axes := slices.Clone(batch), []int{}
			for i := range batch {
				axes = append(axes, i)
			}
			for i, a := range order[len(batch):] {
				if i < len(order)-len(batch)-len(d.lhsContract) {
					axes = append(axes, at+i)
					dims = append(dims, x.shape.Dimensions[a])
				}
			}
			if t, err = r.reshape(t, shapes.Make(shape.DType, dims...)); err != nil {
				return nil, err
			}
			return r.broadcast(t, shape, axes)
		}
		x, err := spread(a, slices.Concat(d.lhsBatch, aRest, d.lhsContract), len(batch))
		if err != nil {
			return nil, err
		}
		y, err := spread(b, slices.Concat(d.rhsBatch, bRest, d.rhsContract), len(batch)+len(aRest))
		if err != nil {
			return nil, err
		}
		return r.elementwise(backends.OpTypeMul, shape, nil, []*node{x, y})
	}
	if !narrow && !shape.DType.IsComplex() && rows == 1 && cols == 1 && hasReduce(backends.OpTypeReduceSum, shape.DType) {
		// Products of pairs and a sum.
		flat := shapes.Make(shape.DType, shape.Size(), depth)
		line := func(x *node, order []int) (*node, error) {
			t, err := r.permute(x, order)
			if err != nil {
				return nil, err
			}
			return r.reshape(t, flat)
		}
		x, err := line(a, slices.Concat(d.lhsBatch, aRest, d.lhsContract))
		if err != nil {
			return nil, err
		}
		y, err := line(b, slices.Concat(d.rhsBatch, bRest, d.rhsContract))
		if err != nil {
			return nil, err
		}
		p, err := r.elementwise(backends.OpTypeMul, flat, nil, []*node{x, y})
		if err != nil {
			return nil, err
		}
		s, err := r.reduce(backends.OpTypeReduceSum, shapes.Make(shape.DType, shape.Size()), reductionAxes{1}, p)
		if err != nil {
			return nil, err
		}
		return r.reshape(s, shape)
	}
	c := denseStrides(shape.Dimensions)
	var loops []loop
	at := 0
	for i, x := range d.lhsBatch {
		loops = append(loops, loop{a.shape.Dimensions[x], x, 1, d.rhsBatch[i], 1, c[at]})
		at++
	}
	for _, x := range aRest {
		loops = append(loops, loop{a.shape.Dimensions[x], x, 1, -1, 0, c[at]})
		at++
	}
	for _, x := range bRest {
		loops = append(loops, loop{b.shape.Dimensions[x], -1, 0, x, 1, c[at]})
		at++
	}
	for i, x := range d.lhsContract {
		loops = append(loops, loop{a.shape.Dimensions[x], x, 1, d.rhsContract[i], 1, 0})
	}
	return r.unique(opContract, shape, contraction{loops: loops}, a, b)
}

// einsum writes the sum of products of two broadcast operands, which is how gradients of products come, as a contraction; ok is false
// if x is no such product, or one without both rows and columns.
func (r *rewriter) einsum(op opcode, shape shapes.Shape, axes []int, x *node) (n *node, ok bool, err error) {
	if op != backends.OpTypeReduceSum || x.op != backends.OpTypeMul || !x.shape.DType.IsFloat() || shape.Size() == 0 {
		return nil, false, nil
	}
	a, aAxes := unbroadcast(x.in[0])
	b, bAxes := unbroadcast(x.in[1])
	c := denseStrides(shape.Dimensions)
	var loops []loop
	rows, cols, depth, at := 1, 1, 1, 0
	for i, d := range x.shape.Dimensions {
		l := loop{n: d, a: aAxes[i], aStep: 1, b: bAxes[i], bStep: 1}
		reduced := slices.Contains(axes, i)
		if !reduced {
			l.c = c[at]
			at++
		}
		if d == 1 {
			continue
		}
		switch {
		case l.a < 0 && l.b < 0:
			return nil, false, nil
		case reduced:
			depth *= d
			if l.a < 0 || l.b < 0 {
				return nil, false, nil // a sum of one operand alone: better done before the product
			}
		case l.b < 0:
			rows *= d
		case l.a < 0:
			cols *= d
		}
		loops = append(loops, l)
	}
	if rows == 1 || cols == 1 || depth == 1 {
		return nil, false, nil
	}
	n, err = r.unique(opContract, shape, contraction{loops: loops}, a, b)
	return n, true, err
}

// unbroadcast returns what n broadcasts, and for each axis of n the axis of that, or -1.
func unbroadcast(n *node) (source *node, axes []int) {
	axes = make([]int, n.shape.Rank())
	for i := range axes {
		axes[i] = i
	}
	if n.op != backends.OpTypeBroadcastInDim {
		return n, axes
	}
	for i := range axes {
		axes[i] = -1
	}
	source = n.in[0]
	for i, a := range n.attr.([]int) {
		if source.shape.Dimensions[i] == n.shape.Dimensions[a] {
			axes[a] = i
		}
	}
	return source, axes
}

func (r *rewriter) permute(x *node, order []int) (*node, error) {
	dims := make([]int, len(order))
	for i, a := range order {
		dims[i] = x.shape.Dimensions[a]
	}
	return r.transpose(x, shapes.Make(x.shape.DType, dims...), order)
}

func axesBut(x *node, without ...[]int) []int {
	var rest []int
	for i := range x.shape.Rank() {
		if !slices.Contains(slices.Concat(without...), i) {
			rest = append(rest, i)
		}
	}
	return rest
}

// conv writes a convolution as a contraction over the padded and dilated input.
func (r *rewriter) conv(shape shapes.Shape, v convolution, x, w *node) (*node, error) {
	if shape.Size() == 0 || x.shape.Size() == 0 || w.shape.Size() == 0 {
		return r.zeros(shape)
	}
	// Along an input axis of one element each output position meets one kernel position, so there is no sum: output o takes the
	// kernel's element before-o, or nothing.
	spread := make([]bool, len(v.axes.InputSpatial))
	var flipped reversedAxes
	cut := make([]backends.PadAxis, w.shape.Rank())
	cutDims := slices.Clone(w.shape.Dimensions)
	for i, a := range v.axes.InputSpatial {
		to := v.axes.KernelSpatial[i]
		k, out := w.shape.Dimensions[to], shape.Dimensions[v.axes.OutputSpatial[i]]
		if x.shape.Dimensions[a] != 1 || k == 1 || v.strides[i] != 1 || v.kernelDilations[i] != 1 {
			continue
		}
		spread[i] = true
		flipped = append(flipped, to)
		cut[to].Start = v.paddings[i][0] - (k - 1)
		cut[to].End = out - k - cut[to].Start
		cutDims[to] = out
		v.paddings = slices.Clone(v.paddings)
		v.paddings[i] = [2]int{}
	}
	if len(flipped) > 0 {
		var err error
		if w, err = r.rewrite(backends.OpTypeReverse, w.shape, flipped, []*node{w}); err != nil {
			return nil, err
		}
		if w, err = r.pad(w, shapes.Make(shape.DType, cutDims...), cut); err != nil {
			return nil, err
		}
	}
	pads := make([]backends.PadAxis, x.shape.Rank())
	dims := slices.Clone(x.shape.Dimensions)
	for i, a := range v.axes.InputSpatial {
		p := backends.PadAxis{Start: v.paddings[i][0], End: v.paddings[i][1], Interior: v.inputDilations[i] - 1}
		pads[a] = p
		dims[a] += p.Start + p.End + (dims[a]-1)*p.Interior
	}
	x, err := r.pad(x, shapes.Make(shape.DType, dims...), pads)
	if err != nil {
		return nil, err
	}
	c := denseStrides(shape.Dimensions)
	groups := v.channelGroupCount
	inPerGroup := w.shape.Dimensions[v.axes.KernelInputChannels]
	outPerGroup := w.shape.Dimensions[v.axes.KernelOutputChannels] / groups
	outC := c[v.axes.OutputChannels]
	var loops []loop
	if groups > 1 {
		loops = append(loops, loop{groups, v.axes.InputChannels, inPerGroup, v.axes.KernelOutputChannels, outPerGroup, outC * outPerGroup})
	}
	batch := shape.Dimensions[v.axes.OutputBatch]
	if v.batchGroupCnt > 1 {
		// Each group of output channels sees its own part of the batch.
		outPerGroup = w.shape.Dimensions[v.axes.KernelOutputChannels] / v.batchGroupCnt
		loops = append(loops, loop{v.batchGroupCnt, v.axes.InputBatch, batch, v.axes.KernelOutputChannels, outPerGroup, outC * outPerGroup})
	}
	loops = append(loops, loop{batch, v.axes.InputBatch, 1, -1, 0, c[v.axes.OutputBatch]})
	for i, a := range v.axes.OutputSpatial {
		if spread[i] {
			loops = append(loops, loop{shape.Dimensions[a], -1, 0, v.axes.KernelSpatial[i], 1, c[a]})
			continue
		}
		loops = append(loops, loop{shape.Dimensions[a], v.axes.InputSpatial[i], v.strides[i], -1, 0, c[a]})
	}
	loops = append(loops, loop{outPerGroup, -1, 0, v.axes.KernelOutputChannels, 1, outC})
	for i, a := range v.axes.KernelSpatial {
		if spread[i] {
			continue
		}
		loops = append(loops, loop{w.shape.Dimensions[a], v.axes.InputSpatial[i], v.kernelDilations[i], a, 1, 0})
	}
	loops = append(loops, loop{inPerGroup, v.axes.InputChannels, 1, v.axes.KernelInputChannels, 1, 0})
	return r.unique(opContract, shape, contraction{loops: loops}, x, w)
}

// pad returns x with zeros around and between its values.
func (r *rewriter) pad(x *node, shape shapes.Shape, pads []backends.PadAxis) (*node, error) {
	if !slices.ContainsFunc(pads, func(p backends.PadAxis) bool { return p != backends.PadAxis{} }) {
		return x, nil
	}
	zero, err := r.constant(shape.DType, 0)
	if err != nil {
		return nil, err
	}
	return r.unique(backends.OpTypePad, shape, pads, x, zero)
}

// axis is a loop with the strides of all operands and the result, in elements.
type axis struct{ n, a, b, c, add int }

// matmul is how a contraction runs: as matrix products inside loops.
type matmul struct {
	batch, outerRows, outerCols, outerDepth []axis // loops around the matrix product
	rows, cols, depth                       axis   // of the matrix product; cols.c is 1
	swapped                                 bool   // A and B have changed places
}

// classes sorts a contraction's axes by their role and merges those that step through all operands as one.
func classes(loops []loop, a, b view, addStrides []int) (batch, rows, cols, depth []axis) {
	for i, l := range loops {
		if l.n == 1 {
			continue
		}
		x := axis{n: l.n, c: l.c}
		if addStrides != nil {
			x.add = addStrides[i]
		}
		if l.a >= 0 {
			x.a = a.strides[l.a] * l.aStep
		}
		if l.b >= 0 {
			x.b = b.strides[l.b] * l.bStep
		}
		switch {
		case l.c == 0:
			depth = append(depth, x)
		case l.a >= 0 && l.b >= 0:
			batch = append(batch, x)
		case l.a >= 0:
			rows = append(rows, x)
		default:
			cols = append(cols, x)
		}
	}
	byResult := func(x, y axis) int { return y.c - x.c }
	slices.SortStableFunc(batch, byResult)
	slices.SortStableFunc(rows, byResult)
	slices.SortStableFunc(cols, byResult)
	slices.SortStableFunc(depth, func(x, y axis) int { return y.a - x.a })
	return mergeAxes(batch), mergeAxes(rows), mergeAxes(cols), mergeAxes(depth)
}

func mergeAxes(axes []axis) []axis {
	var out []axis
	for _, x := range axes {
		if last := len(out) - 1; last >= 0 && out[last].a == x.a*x.n && out[last].b == x.b*x.n && out[last].c == x.c*x.n &&
			out[last].add == x.add*x.n {
			out[last] = axis{out[last].n * x.n, x.a, x.b, x.c, x.add}
		} else {
			out = append(out, x)
		}
	}
	return out
}

// arrange chooses the axes of the matrix product; ok is false if the result's neighbouring elements differ in a batch index, which no
// matrix product writes.
func arrange(batch, rows, cols, depth []axis) (m matmul, ok bool) {
	unit := func(axes []axis) int {
		return slices.IndexFunc(axes, func(x axis) bool { return x.c == 1 })
	}
	if unit(batch) >= 0 {
		return m, false
	}
	if i := unit(rows); i >= 0 {
		m.swapped = true
		flip := func(axes []axis) []axis {
			out := slices.Clone(axes)
			for i, x := range out {
				out[i].a, out[i].b = x.b, x.a
			}
			return out
		}
		batch, rows, cols, depth = flip(batch), flip(cols), flip(rows), flip(depth)
	}
	m.batch = batch
	m.cols = axis{n: 1, c: 1, add: 1}
	if i := unit(cols); i >= 0 {
		m.cols = cols[i]
		m.outerCols = slices.Delete(slices.Clone(cols), i, i+1)
	} else {
		m.outerCols = cols
	}
	m.rows, m.outerRows = longest(rows)
	m.depth, m.outerDepth = longest(depth)
	return m, true
}

// longest takes the longest axis out of the list; an axis of length 1 if there is none.
func longest(axes []axis) (axis, []axis) {
	if len(axes) == 0 {
		return axis{n: 1}, nil
	}
	best := 0
	for i, x := range axes {
		if x.n >= axes[best].n {
			best = i
		}
	}
	return axes[best], slices.Delete(slices.Clone(axes), best, best+1)
}

func steps(axes ...[]axis) int {
	n := 1
	for _, list := range axes {
		for _, x := range list {
			n *= x.n
		}
	}
	return n
}

// cost estimates nanoseconds on one core; only comparisons between arrangements of one contraction matter.
func (m *matmul) cost() float64 {
	rows, cols, depth := float64(m.rows.n), float64(m.cols.n), float64(m.depth.n)
	products := rows * math.Ceil(cols/16) * 16 * (depth + 6) / 40
	problems := float64(steps(m.batch, m.outerRows, m.outerCols))
	terms := float64(steps(m.outerDepth))
	if kernel.Suits[float32](m.rows.n, m.cols.n, m.depth.n, m.cols.b) {
		// Where B is more than the first-level cache holds, every tile of rows reads it from the second.
		if cached := 8192.0; cols*depth > cached && m.depth.b > panelWidth {
			terms *= 1.3
		}
		return problems * (30 + terms*(products+2) + rows*cols*0.05)
	}
	pack := rows * depth * 0.1
	if m.cols.b == 1 {
		pack += cols * depth * 0.1
	} else {
		pack += cols * depth * 0.6 // element by element
	}
	return problems * terms * (150 + products + pack + rows*cols*0.1)
}

// arrangement is a contraction's plan together with the operands it reads: A and B themselves or dense copies of what the loops read.
type arrangement struct {
	plan         matmul
	copyA, copyB *view // what to copy, in the order it is to lie in; nil to read the operand in place
	direct       bool  // not a matrix product: summed element by element
	loops        [4][]axis
}

// addStridesOf returns by how much each loop moves in what is added to the result, of the shape dims; nil if that is no whole number.
func addStridesOf(loops []loop, dims []int, add view) []int {
	strides := make([]int, len(loops))
	c := denseStrides(dims)
	for i, l := range loops {
		if l.c == 0 || l.n == 1 {
			continue
		}
		if add.isDense() {
			strides[i] = l.c
			continue
		}
		at := -1
		for j, d := range dims {
			if d == l.n && c[j] == l.c {
				at = j
			}
		}
		if at < 0 || add.strides[at] < 0 {
			return nil
		}
		strides[i] = add.strides[at]
	}
	return strides
}

// arrangeContraction finds the cheapest way to run a contraction on the views of its operands. sharedA and sharedB are how many
// contractions read the same view of the operand and would share a copy. addStrides is for what is added, or nil. ok is false if that
// cannot be read with these strides.
func arrangeContraction(loops []loop, a, b view, sharedA, sharedB int, addStrides []int, dtype dtypes.DType) (found arrangement, ok bool) {
	var best arrangement
	bestCost := math.Inf(1)
	if dtype != dtypes.Float32 && dtype != dtypes.Float64 {
		best.direct = true
	}
	for option := range 5 {
		x, y, ls := a, b, loops
		var o arrangement
		cost := 0.0
		if option == 1 || option == 3 {
			v := packing(ls, a, true)
			o.copyA = &v
			x, ls = repack(ls, v, true)
			cost += copyCost(v) / float64(max(sharedA, 1))
		}
		if option == 2 || option == 3 {
			v := packing(ls, b, false)
			o.copyB = &v
			y, ls = repack(ls, v, false)
			cost += copyCost(v) / float64(max(sharedB, 1))
		}
		batch, rows, cols, depth := classes(ls, x, y, addStrides)
		o.loops = [4][]axis{batch, rows, cols, depth}
		if best.direct {
			o.direct = true
			return o, true
		}
		m, fits := arrange(batch, rows, cols, depth)
		if !fits {
			o.direct = true
			if option == 0 {
				best, bestCost = o, 4*float64(steps(batch, rows, cols, depth))
			}
			continue
		}
		if addStrides != nil && m.cols.n > 1 && m.cols.add != 1 {
			continue
		}
		if negative(batch, rows, cols, depth) {
			continue // the matrix product takes no negative strides
		}
		if option == 4 {
			from, shared, to := b, sharedB, &o.copyB
			if m.swapped {
				from, shared, to = a, sharedA, &o.copyA
			}
			v, ok := m.panels(from)
			if !ok {
				continue
			}
			*to = &v
			cost += copyCost(v) / float64(max(shared, 1))
		}
		o.plan = m
		if cost += m.cost(); cost < bestCost {
			best, bestCost = o, cost
		}
	}
	return best, !math.IsInf(bestCost, 1)
}

// panelWidth is how many columns a panel has: two vectors, so that a tile of a micro-kernel takes all of it.
const panelWidth = 32

// panels arranges B in panels of some columns each, one row after another, which the caches hold better than rows far apart. It changes m to
// read them and returns the copy to make of v, which is B; ok is false where it does not apply.
func (m *matmul) panels(v view) (panels view, ok bool) {
	if m.cols.n%panelWidth != 0 || m.cols.n == panelWidth || len(m.outerDepth) > 0 || len(m.outerCols) > 0 ||
		slices.ContainsFunc(m.batch, func(x axis) bool { return x.b != 0 }) {
		return view{}, false
	}
	n := m.cols.n / panelWidth
	panels = view{base: v.base, offset: v.offset, dims: []int{n, m.depth.n, panelWidth}, strides: []int{panelWidth * m.cols.b, m.depth.b, m.cols.b}}
	m.outerCols = []axis{{n: n, b: m.depth.n * panelWidth, c: panelWidth, add: panelWidth * m.cols.add}}
	m.cols = axis{n: panelWidth, b: 1, c: 1, add: 1}
	m.depth.b = panelWidth
	return panels, true
}

func negative(all ...[]axis) bool {
	for _, axes := range all {
		for _, x := range axes {
			if x.a < 0 || x.b < 0 {
				return true
			}
		}
	}
	return false
}

func copyCost(v view) float64 {
	c := v.collapse()
	run := 1
	if n := len(c.dims); n > 0 && c.strides[n-1] == 1 {
		run = c.dims[n-1]
	}
	per := 0.3 + 3/float64(run)
	return 300 + per*float64(v.size())
}

// packing returns the view of an operand with one axis for each loop that moves along it: batch and free loops first, then depth.
func packing(loops []loop, v view, isA bool) view {
	p := view{base: v.base, offset: v.offset}
	for _, depth := range [2]bool{false, true} {
		for _, l := range loops {
			at, step := l.b, l.bStep
			if isA {
				at, step = l.a, l.aStep
			}
			if at >= 0 && (l.c == 0) == depth {
				p.dims = append(p.dims, l.n)
				p.strides = append(p.strides, v.strides[at]*step)
			}
		}
	}
	return p
}

// repack returns the view of a dense copy of a packing, without its base, and the loops over that.
func repack(loops []loop, v view, isA bool) (view, []loop) {
	out := slices.Clone(loops)
	at := 0
	for _, depth := range [2]bool{false, true} {
		for i, l := range loops {
			was := l.b
			if isA {
				was = l.a
			}
			if was < 0 || (l.c == 0) != depth {
				continue
			}
			if isA {
				out[i].a, out[i].aStep = at, 1
			} else {
				out[i].b, out[i].bStep = at, 1
			}
			at++
		}
	}
	return view{dims: v.dims, strides: denseStrides(v.dims)}, out
}

// contractStep runs an arrangement on float32 or float64.
type contractStep[T kernel.Float] struct {
	matmul
	a, b, c, add           ref // A and B of the matrix product, after swapping
	lenA, lenB, lenC, left int // elements from the refs to the ends of the operands; left is what is added's
	adds                   bool
	activation             kernel.UnaryOp
	inPlace                kernel.Products[T]
	outer                  []axis // the loops around, but for the batch of the kernel
	inner                  axis   // batch of the kernel
	problems               int
	work                   int // multiply-adds of one problem of outer
}

// operand is where an operand of a contraction begins and how many elements there are from there on.
type operand struct {
	ref
	elements int
}

func newContractStep[T kernel.Float](m matmul, a, b, c, add operand, adds bool, activation kernel.UnaryOp) *contractStep[T] {
	if m.swapped {
		a, b = b, a
	}
	s := &contractStep[T]{matmul: m, a: a.ref, b: b.ref, c: c.ref, add: add.ref, adds: adds, activation: activation,
		lenA: a.elements, lenB: b.elements, lenC: c.elements, left: add.elements}
	s.outer = slices.Concat(m.batch, m.outerRows, m.outerCols)
	s.inner = axis{n: 1}
	p := &s.inPlace
	*p = kernel.Products[T]{M: m.rows.n, N: m.cols.n, K: m.depth.n, ARow: m.rows.a, ACol: m.depth.a, BRow: m.depth.b, LDC: m.rows.c,
		Adds: adds, LDAdd: m.rows.add, Activation: activation}
	for _, x := range s.outer {
		p.Outer = append(p.Outer, kernel.Axis{N: x.n, A: x.a, B: x.b, C: x.c, Add: x.add})
	}
	for _, x := range m.outerDepth {
		p.Segments = append(p.Segments, kernel.Axis{N: x.n, A: x.a, B: x.b})
	}
	p.Prepare()
	if len(m.outerDepth) == 0 {
		s.inner, s.outer = longest(s.outer)
	}
	s.problems = steps(s.outer)
	s.work = m.rows.n * m.cols.n * m.depth.n * s.inner.n * steps(m.outerDepth)
	return s
}

func (s *contractStep[T]) run(f *frame) {
	a, b, c := span[T](f.at(s.a), s.lenA), span[T](f.at(s.b), s.lenB), span[T](f.at(s.c), s.lenC)
	var add []T
	if s.adds {
		add = span[T](f.at(s.add), s.left)
	}
	if kernel.Suits[T](s.rows.n, s.cols.n, s.depth.n, s.cols.b) {
		s.inPlace.Run(f.par, a, b, c, add)
		return
	}
	const small = 1 << 18
	if s.problems > 1 && s.work < small && s.problems*s.work >= small {
		// Many small problems: whole runs of them to each worker.
		pieces := min(s.problems, max(2, s.problems*s.work/(small/2)))
		f.par.For(pieces, func(i int) {
			s.runProblems(kernel.Serial{}, a, b, c, add, i*s.problems/pieces, (i+1)*s.problems/pieces)
		})
		return
	}
	s.runProblems(f.par, a, b, c, add, 0, s.problems)
}

// runProblems computes problems [from, to) of the outer loops.
func (s *contractStep[T]) runProblems(par kernel.Parallel, a, b, c, add []T, from, to int) {
	g := kernel.GEMM[T]{M: s.rows.n, N: s.cols.n, K: s.depth.n, LDC: s.rows.c, LDAdd: s.rows.add,
		Batch: s.inner.n, StrideA: s.inner.a, StrideB: s.inner.b, StrideC: s.inner.c, StrideAdd: s.inner.add}
	if g.M == 1 {
		g.LDC = g.N
	}
	terms := steps(s.outerDepth)
	for p := from; p < to; p++ {
		at := offsetOf(s.outer, p)
		for q := range terms {
			sum := offsetOf(s.outerDepth, q)
			g.A = kernel.View[T]{Data: a[at.a+sum.a:], Row: s.rows.a, Col: s.depth.a}
			g.B = kernel.View[T]{Data: b[at.b+sum.b:], Row: s.depth.b, Col: s.cols.b}
			g.C = c[at.c:]
			g.Accumulate, g.Add, g.Activation = q > 0, nil, kernel.Identity
			if q == 0 && s.adds {
				g.Add = add[at.add:]
			}
			if q == terms-1 {
				g.Activation = s.activation
			}
			g.Run(par)
		}
	}
}

// offsetOf returns the addresses of the p-th combination of the loops' indices, the last loop fastest.
func offsetOf(loops []axis, p int) (at axis) {
	for i := len(loops) - 1; i >= 0; i-- {
		x := &loops[i]
		j := p % x.n
		p /= x.n
		at.a += j * x.a
		at.b += j * x.b
		at.c += j * x.c
		at.add += j * x.add
	}
	return at
}

// epilogueStep finishes the result of a contraction that is no matrix product.
type epilogueStep[T kernel.Float] struct {
	product    step
	c, add     ref
	n          int
	adds       bool
	activation kernel.UnaryOp
}

func (s *epilogueStep[T]) run(f *frame) {
	c := span[T](f.at(s.c), s.n)
	var add []T
	if s.adds {
		add = span[T](f.at(s.add), s.n)
		if f.at(s.c) == f.at(s.add) {
			add = slices.Clone(add) // the product is about to be written over it
		}
	}
	s.product.run(f)
	if s.adds {
		kernel.Binary(kernel.Add, c, c, add)
	}
	if s.activation != kernel.Identity {
		kernel.Unary(s.activation, c, c)
	}
}

// directStep sums products element by element: for dtypes without matrix kernels. The sums are in S.
type directStep[T, S any] struct {
	result, depth []axis
	a, b, c       ref
	load          func(T) S
	store         func(S) T
	multiplyAdd   func(sum, x, y S) S
}

func (s *directStep[T, S]) run(f *frame) {
	a, b, c := f.at(s.a), f.at(s.b), f.at(s.c)
	n, terms := steps(s.result), steps(s.depth)
	pieces := 1
	if n*terms > 1<<15 {
		pieces = min(n, 64)
	}
	f.par.For(pieces, func(i int) {
		for p := i * n / pieces; p < (i+1)*n/pieces; p++ {
			to := offsetOf(s.result, p)
			var sum S
			if len(s.depth) == 1 {
				d := s.depth[0]
				for q := range d.n {
					sum = s.multiplyAdd(sum, s.load(*element[T](a, to.a+q*d.a)), s.load(*element[T](b, to.b+q*d.b)))
				}
			} else {
				for q := range terms {
					t := offsetOf(s.depth, q)
					sum = s.multiplyAdd(sum, s.load(*element[T](a, to.a+t.a)), s.load(*element[T](b, to.b+t.b)))
				}
			}
			*element[T](c, to.c) = s.store(sum)
		}
	})
}

func newDirect[T interface {
	kernel.Number | complex64 | complex128
}](loops [4][]axis, a, b, c ref) step {
	same := func(x T) T { return x }
	return &directStep[T, T]{slices.Concat(loops[0], loops[1], loops[2]), loops[3], a, b, c, same, same,
		func(sum, x, y T) T { return sum + x*y }}
}

func newNarrowDirect[H any](loops [4][]axis, a, b, c ref, widen func(H) float32, narrow func(float32) H) step {
	return &directStep[H, float32]{slices.Concat(loops[0], loops[1], loops[2]), loops[3], a, b, c, widen, narrow,
		func(sum, x, y float32) float32 { return sum + x*y }}
}

// vectorStep sums products of vectors along a batch loop whose neighbours are neighbours in the result, as a convolution does in which
// every channel has its own kernel.
type vectorStep[T kernel.Float] struct {
	result, depth []axis
	along         axis // the vectors
	a, b, c       ref
	lenA, lenB    int
}

// newVectorStep takes the batch loop with c = 1 out of the loops; nil if it is too short to be worth it.
func newVectorStep[T kernel.Float](loops [4][]axis, a, b, c ref, lenA, lenB int) step {
	i := slices.IndexFunc(loops[0], func(x axis) bool { return x.c == 1 })
	if i < 0 || loops[0][i].n < 8 {
		return nil
	}
	along := loops[0][i]
	batch := slices.Delete(slices.Clone(loops[0]), i, i+1)
	return &vectorStep[T]{slices.Concat(batch, loops[1], loops[2]), loops[3], along, a, b, c, lenA, lenB}
}

func (s *vectorStep[T]) run(f *frame) {
	n, terms := steps(s.result), steps(s.depth)
	pieces := 1
	if n*terms*s.along.n > 1<<16 {
		pieces = min(n, 64)
	}
	a, b := span[T](f.at(s.a), s.lenA), span[T](f.at(s.b), s.lenB)
	f.par.For(pieces, func(i int) {
		var storeA, storeB []T
		for p := i * n / pieces; p < (i+1)*n/pieces; p++ {
			to := offsetOf(s.result, p)
			dst := unsafe.Slice(element[T](f.at(s.c), to.c), s.along.n)
			for q := range terms {
				t := offsetOf(s.depth, q)
				x := vectorAt(a, to.a+t.a, s.along.a, s.along.n, &storeA)
				y := vectorAt(b, to.b+t.b, s.along.b, s.along.n, &storeB)
				if q == 0 {
					kernel.Binary(kernel.Mul, dst, x, y)
				} else {
					kernel.FMA(dst, x, y, dst)
				}
			}
		}
	})
}

// vectorAt returns n elements of x, step apart from at on: in place if they are neighbours, else gathered in store.
func vectorAt[T any](x []T, at, step, n int, store *[]T) []T {
	if step == 1 {
		return x[at : at+n]
	}
	if *store == nil {
		*store = make([]T, n)
	}
	for i := range *store {
		(*store)[i] = x[at+i*step]
	}
	return *store
}

// newDirectStep returns the step of a contraction that is no matrix product.
func newDirectStep(dtype dtypes.DType, loops [4][]axis, a, b, c ref) step {
	switch dtype {
	case dtypes.Float32:
		return newDirect[float32](loops, a, b, c)
	case dtypes.Float64:
		return newDirect[float64](loops, a, b, c)
	case dtypes.Int8:
		return newDirect[int8](loops, a, b, c)
	case dtypes.Int16:
		return newDirect[int16](loops, a, b, c)
	case dtypes.Int32:
		return newDirect[int32](loops, a, b, c)
	case dtypes.Int64:
		return newDirect[int64](loops, a, b, c)
	case dtypes.Uint8:
		return newDirect[uint8](loops, a, b, c)
	case dtypes.Uint16:
		return newDirect[uint16](loops, a, b, c)
	case dtypes.Uint32:
		return newDirect[uint32](loops, a, b, c)
	case dtypes.Uint64:
		return newDirect[uint64](loops, a, b, c)
	case dtypes.Complex64:
		return newDirect[complex64](loops, a, b, c)
	case dtypes.Complex128:
		return newDirect[complex128](loops, a, b, c)
	case dtypes.BFloat16:
		return newNarrowDirect(loops, a, b, c, bfloat16.BFloat16.Float32, kernel.RoundBFloat16)
	default:
		return newNarrowDirect(loops, a, b, c, float16.Float16.Float32, float16.Fromfloat32)
	}
}
