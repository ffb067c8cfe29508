package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/pkg/errors"
	"github.com/x448/float16"
)

// single returns the step of a node that is computed by itself.
func (e *emitter) single(p *placed) (step, error) {
	n := p.node
	dtype := n.shape.DType
	size := dtype.Size()
	out := ref{val: p.value}
	in := make([]ref, len(p.operands))
	for i, v := range p.operands {
		in[i] = e.refTo(v)
	}
	dims := func(i int) []int { return p.operands[i].dims }
	switch n.op {
	case opCopy:
		v := p.operands[0]
		return &copyStep{size, out, ref{val: in[0].val}, v.base.shape.Size(), v}, nil
	case opContract:
		return e.contract(p), nil
	case opIota1:
		return &iotaStep{out, n.shape.Size(), size, convertFunc(dtypes.Int64, dtype)}, nil
	case opRNGState:
		return &rngStateStep{out, in[0], n.attr.(int)}, nil
	case opRNGBits:
		return &rngBitsStep{out, in[0], n.shape.Size() * size}, nil
	case backends.OpTypeBitcast:
		return &bytesStep{out, in[0], n.shape.Size() * size}, nil
	case backends.OpTypeConcatenate:
		s := &concatStep{}
		strides := denseStrides(n.shape.Dimensions)
		axis, at := n.attr.(int), 0
		for i, v := range p.operands {
			s.parts = append(s.parts, newBoxCopy(size, out, at*strides[axis], strides, ref{val: in[i].val}, v.offset, v.strides, v.dims))
			at += v.dims[axis]
		}
		s.work = n.shape.Size() * size
		return s, nil
	case backends.OpTypePad:
		return newPadStep(n, out, in[0], in[1], dims(0)), nil
	case backends.OpTypeDynamicSlice:
		s := &dynamicSliceStep{starts: e.indexReaders(p, 1), have: dims(0), want: n.shape.Dimensions, strides: denseStrides(dims(0))}
		s.copy = newBoxCopy(size, out, 0, denseStrides(n.shape.Dimensions), in[0], 0, s.strides, n.shape.Dimensions)
		return s, nil
	case backends.OpTypeDynamicUpdateSlice:
		e.mayTakeOver(p, 0)
		s := &dynamicUpdateStep{starts: e.indexReaders(p, 2), have: dims(0), want: dims(1), strides: denseStrides(dims(0)),
			all: bytesStep{out, in[0], n.shape.Size() * size}}
		s.copy = newBoxCopy(size, out, 0, s.strides, in[1], 0, denseStrides(dims(1)), dims(1))
		return s, nil
	case backends.OpTypeGather:
		return newGatherStep(n, out, in[0], dims(0), e.reader(p, 1)), nil
	case backends.OpTypeScatterSum, backends.OpTypeScatterMax, backends.OpTypeScatterMin:
		e.mayTakeOver(p, 0)
		return newScatterStep(n, out, in, dims(0), dims(1), dims(2), e.reader(p, 1)), nil
	case backends.OpTypeArgMinMax:
		return newArgStep(n, out, in[0], dims(0), n.in[0].shape.DType), nil
	case backends.OpTypeReduceWindow, backends.OpTypeSelectAndScatterMax, backends.OpTypeSelectAndScatterMin:
		return newWindowStep(n, out, in, p.operands), nil
	case backends.OpTypeFFT:
		return newFFTStep(n, out, in[0], n.in[0].shape), nil
	}
	if isReduction(n.op) {
		x := n.attr.(extent)
		switch dtype {
		case dtypes.Float32:
			return &reduceStep[float32]{kernelReductions[n.op].op, out, in[0], x}, nil
		case dtypes.Float64:
			return &reduceStep[float64]{kernelReductions[n.op].op, out, in[0], x}, nil
		}
		return &foldStep{reduceFunctions(n.op, dtype).fold, out, in[0], x}, nil
	}
	return nil, errors.Errorf("%s: the op is not defined for dtype %s in backend %q", describe(n.op, n.in...), dtype, Name)
}

// mayTakeOver notes that a step can write its result over its i-th operand.
func (e *emitter) mayTakeOver(p *placed, i int) {
	v := p.operands[i]
	if !v.isWhole() {
		return
	}
	base := e.placeOf(v.base).value
	for j, w := range p.operands {
		if j != i && e.placeOf(w.base).value == base {
			return
		}
	}
	e.values[p.value].mayShare = append(e.values[p.value].mayShare, base)
}

func (e *emitter) contract(p *placed) step {
	n := p.node
	place := func(v view) operand { return operand{e.refTo(v), v.base.shape.Size() - v.offset} }
	a, b, c := place(p.operands[0]), place(p.operands[1]), operand{ref{val: p.value}, n.shape.Size()}
	var add operand
	adds := len(p.operands) > 2
	if adds {
		add = place(p.operands[2])
		e.mayTakeOver(p, 2)
	}
	activation := n.attr.(contraction).activation
	switch {
	case !p.arranged.direct && n.shape.DType == dtypes.Float64:
		return newContractStep[float64](p.arranged.plan, a, b, c, add, adds, activation)
	case !p.arranged.direct:
		return newContractStep[float32](p.arranged.plan, a, b, c, add, adds, activation)
	}
	var s step
	// A's elements before the ref are reachable through negative strides only, which vectors do not take.
	if !negative(p.arranged.loops[:]...) {
		switch n.shape.DType {
		case dtypes.Float32:
			s = newVectorStep[float32](p.arranged.loops, a.ref, b.ref, c.ref, a.elements, b.elements)
		case dtypes.Float64:
			s = newVectorStep[float64](p.arranged.loops, a.ref, b.ref, c.ref, a.elements, b.elements)
		}
	}
	if s == nil {
		s = newDirectStep(n.shape.DType, p.arranged.loops, a.ref, b.ref, c.ref)
	}
	if !adds && activation == kernel.Identity {
		return s
	}
	if n.shape.DType == dtypes.Float64 {
		return &epilogueStep[float64]{s, c.ref, add.ref, c.elements, adds, activation}
	}
	return &epilogueStep[float32]{s, c.ref, add.ref, c.elements, adds, activation}
}

// copyStep makes a view dense.
type copyStep struct {
	size         int
	dst, src     ref
	baseElements int
	v            view
}

func (s *copyStep) run(f *frame) {
	copyView(f.par, s.size, f.at(s.dst), f.at(s.src), s.baseElements, s.v)
}

// bytesStep copies memory as it is, unless source and destination are the same.
type bytesStep struct {
	dst, src ref
	bytes    int
}

func (s *bytesStep) run(f *frame) {
	if d, p := f.at(s.dst), f.at(s.src); d != p {
		copyMemory(d, p, s.bytes)
	}
}

// iotaStep counts from 0.
type iotaStep struct {
	dst     ref
	n, size int
	convert tileFunc // from int64
}

func (s *iotaStep) run(f *frame) {
	var count [256]int64
	for from := 0; from < s.n; from += len(count) {
		m := min(len(count), s.n-from)
		for i := range m {
			count[i] = int64(from + i)
		}
		s.convert(unsafe.Add(f.at(s.dst), from*s.size), unsafe.Pointer(&count), nil, nil, m)
	}
}

type reduceStep[T kernel.Float] struct {
	op       kernel.ReduceOp
	dst, src ref
	extent
}

func (s *reduceStep[T]) run(f *frame) {
	kernel.Reduce(f.par, s.op, span[T](f.at(s.dst), s.outer*s.inner), span[T](f.at(s.src), s.outer*s.n*s.inner), s.outer, s.n, s.inner)
}

type foldStep struct {
	fold     reduceFunc
	dst, src ref
	extent
}

func (s *foldStep) run(f *frame) { s.fold(f.at(s.dst), f.at(s.src), s.outer, s.n, s.inner) }

// boxCopy copies a box of elements between two strided places.
type boxCopy struct {
	size                   int
	dst, src               ref
	dims                   []int
	dstStrides, srcStrides []int // bytes
	dstOffset, srcOffset   int   // bytes
	run                    int   // bytes that are contiguous in both
}

func newBoxCopy(size int, dst ref, dstOffset int, dstStrides []int, src ref, srcOffset int, srcStrides []int, dims []int) *boxCopy {
	c := &boxCopy{size: size, dst: dst, src: src, dstOffset: dstOffset * size, srcOffset: srcOffset * size, run: size}
	for i, d := range dims {
		if d == 1 {
			continue
		}
		a, b := dstStrides[i]*size, srcStrides[i]*size
		if last := len(c.dims) - 1; last >= 0 && c.dstStrides[last] == a*d && c.srcStrides[last] == b*d {
			c.dims[last] *= d
			c.dstStrides[last], c.srcStrides[last] = a, b
			continue
		}
		c.dims, c.dstStrides, c.srcStrides = append(c.dims, d), append(c.dstStrides, a), append(c.srcStrides, b)
	}
	if last := len(c.dims) - 1; last >= 0 && c.dstStrides[last] == size && c.srcStrides[last] == size {
		c.run = c.dims[last] * size
		c.dims, c.dstStrides, c.srcStrides = c.dims[:last], c.dstStrides[:last], c.srcStrides[:last]
	}
	return c
}

// do copies, with the two places moved by extra bytes.
func (c *boxCopy) do(f *frame, dstExtra, srcExtra int) {
	d := unsafe.Add(f.at(c.dst), c.dstOffset+dstExtra)
	s := unsafe.Add(f.at(c.src), c.srcOffset+srcExtra)
	if product(c.dims) == 0 || c.run == 0 {
		return
	}
	c.level(d, s, 0)
}

func (c *boxCopy) level(d, s unsafe.Pointer, i int) {
	if i == len(c.dims) {
		copyMemory(d, s, c.run)
		return
	}
	n, a, b := c.dims[i], c.dstStrides[i], c.srcStrides[i]
	if i == len(c.dims)-1 && c.run == 4 {
		for j := range n {
			*(*uint32)(unsafe.Add(d, j*a)) = *(*uint32)(unsafe.Add(s, j*b))
		}
		return
	}
	for j := range n {
		c.level(unsafe.Add(d, j*a), unsafe.Add(s, j*b), i+1)
	}
}

// concatStep copies every operand to its part of the result.
type concatStep struct {
	parts []*boxCopy
	work  int
}

// concatShared is the number of bytes from which the parts are shared among workers.
const concatShared = 1 << 18

func (s *concatStep) run(f *frame) {
	if s.work < concatShared {
		for _, p := range s.parts {
			p.do(f, 0, 0)
		}
		return
	}
	f.par.For(len(s.parts), func(i int) { s.parts[i].do(f, 0, 0) })
}

// padStep fills the result and copies what the padding leaves of the operand.
type padStep struct {
	size      int
	dst, fill ref
	n         int
	copy      *boxCopy
}

func newPadStep(n *node, dst, src, fill ref, from []int) *padStep {
	size := n.shape.DType.Size()
	to := denseStrides(n.shape.Dimensions)
	have := denseStrides(from)
	dims := make([]int, len(from))
	dstStrides := make([]int, len(from))
	dstAt, srcAt := 0, 0
	for i, p := range n.attr.([]backends.PadAxis) {
		step := 1 + p.Interior
		first := 0
		if p.Start < 0 {
			first = (-p.Start + step - 1) / step
		}
		// The last index that still falls inside.
		last := -1
		if room := n.shape.Dimensions[i] - 1 - p.Start; room >= 0 {
			last = min(from[i]-1, room/step)
		}
		dims[i] = max(0, last-first+1)
		dstStrides[i] = to[i] * step
		dstAt += (p.Start + first*step) * to[i]
		srcAt += first * have[i]
	}
	return &padStep{size: size, dst: dst, fill: fill, n: n.shape.Size(),
		copy: newBoxCopy(size, dst, dstAt, dstStrides, src, srcAt, have, dims)}
}

func (s *padStep) run(f *frame) {
	fillElements(s.size, f.at(s.dst), f.at(s.fill), s.n)
	if s.n > 0 {
		s.copy.do(f, 0, 0)
	}
}

// indexReader reads one integer of any integer dtype.
type indexReader struct {
	at   ref
	read func(p unsafe.Pointer, i int) int
}

func (e *emitter) reader(p *placed, operand int) indexReader {
	v := p.operands[operand]
	r := indexReader{at: e.refTo(v)}
	at := func(p unsafe.Pointer, i, size int) unsafe.Pointer { return unsafe.Add(p, i*size) }
	switch v.base.shape.DType {
	case dtypes.Int8:
		r.read = func(p unsafe.Pointer, i int) int { return int(*(*int8)(at(p, i, 1))) }
	case dtypes.Int16:
		r.read = func(p unsafe.Pointer, i int) int { return int(*(*int16)(at(p, i, 2))) }
	case dtypes.Int32:
		r.read = func(p unsafe.Pointer, i int) int { return int(*(*int32)(at(p, i, 4))) }
	case dtypes.Uint8:
		r.read = func(p unsafe.Pointer, i int) int { return int(*(*uint8)(at(p, i, 1))) }
	case dtypes.Uint16:
		r.read = func(p unsafe.Pointer, i int) int { return int(*(*uint16)(at(p, i, 2))) }
	case dtypes.Uint32:
		r.read = func(p unsafe.Pointer, i int) int { return int(*(*uint32)(at(p, i, 4))) }
	case dtypes.Uint64:
		r.read = func(p unsafe.Pointer, i int) int { return int(min(*(*uint64)(at(p, i, 8)), 1<<62)) }
	default:
		r.read = func(p unsafe.Pointer, i int) int { return int(*(*int64)(at(p, i, 8))) }
	}
	return r
}

func (e *emitter) indexReaders(p *placed, from int) []indexReader {
	var all []indexReader
	for i := from; i < len(p.operands); i++ {
		all = append(all, e.reader(p, i))
	}
	return all
}

// dynamicSliceStep copies the box at a position known only now.
type dynamicSliceStep struct {
	starts              []indexReader
	have, want, strides []int
	copy                *boxCopy
}

func (s *dynamicSliceStep) run(f *frame) {
	s.copy.do(f, 0, clampedOffset(f, s.starts, s.have, s.want, s.strides)*s.copy.size)
}

// clampedOffset returns the offset, in elements, of the box whose corner the starts give, moved inside.
func clampedOffset(f *frame, starts []indexReader, have, want, strides []int) int {
	at := 0
	for i, r := range starts {
		at += min(max(r.read(f.at(r.at), 0), 0), have[i]-want[i]) * strides[i]
	}
	return at
}

// dynamicUpdateStep copies the operand and writes the update over a part of it.
type dynamicUpdateStep struct {
	starts              []indexReader
	have, want, strides []int
	all                 bytesStep
	copy                *boxCopy
}

func (s *dynamicUpdateStep) run(f *frame) {
	at := clampedOffset(f, s.starts, s.have, s.want, s.strides) * s.copy.size
	s.all.run(f)
	s.copy.do(f, at, 0)
}

// gatherStep copies one slice of the operand for each index vector.
type gatherStep struct {
	indices      indexReader
	vectorStride int
	batchDims    []int // of the index vectors
	batchStrides []int // in the indices
	outStrides   []int // in the result
	most         []int // the last start that fits, for each component
	operand      []int // strides of those axes
	copy         *boxCopy
	work         int
}

func newGatherStep(n *node, dst, src ref, have []int, indices indexReader) *gatherStep {
	g := n.attr.(gathering)
	size := n.shape.DType.Size()
	to := denseStrides(n.shape.Dimensions)
	from := denseStrides(have)
	s := &gatherStep{indices: indices}
	idx := n.in[1].shape.Dimensions
	idxStrides := denseStrides(idx)
	s.vectorStride = idxStrides[g.indexVectorAxis]
	for i, d := range idx {
		if i != g.indexVectorAxis {
			s.batchDims = append(s.batchDims, d)
			s.batchStrides = append(s.batchStrides, idxStrides[i])
		}
	}
	for i := range n.shape.Dimensions {
		if !slices.Contains(g.offsetOutput, i) {
			s.outStrides = append(s.outStrides, to[i]*size)
		}
	}
	for _, a := range g.startIndexMap {
		s.most = append(s.most, have[a]-g.sliceSizes[a])
		s.operand = append(s.operand, from[a]*size)
	}
	offsets := sorted(g.offsetOutput)
	dstStrides := make([]int, len(have))
	at := 0
	for i := range have {
		if !slices.Contains(g.collapsed, i) {
			dstStrides[i] = to[offsets[at]]
			at++
		}
	}
	s.copy = newBoxCopy(size, dst, 0, dstStrides, src, 0, from, g.sliceSizes)
	s.work = n.shape.Size() * size
	return s
}

func (s *gatherStep) run(f *frame) {
	if s.work == 0 {
		return
	}
	n := product(s.batchDims)
	pieces := 1
	if s.work > 1<<18 {
		pieces = min(n, 32)
	}
	f.par.For(pieces, func(piece int) {
		p := f.at(s.indices.at)
		for i := piece * n / pieces; i < (piece+1)*n/pieces; i++ {
			rest, at, to := i, 0, 0
			for d := len(s.batchDims) - 1; d >= 0; d-- {
				j := rest % s.batchDims[d]
				rest /= s.batchDims[d]
				at += j * s.batchStrides[d]
				to += j * s.outStrides[d]
			}
			from := 0
			for c := range s.most {
				from += min(max(s.indices.read(p, at+c*s.vectorStride), 0), s.most[c]) * s.operand[c]
			}
			s.copy.do(f, to, from)
		}
	})
}

// scatterStep combines one window of updates into the operand for each index vector, in order; windows that do not fit are skipped.
type scatterStep struct {
	all            bytesStep
	indices        indexReader
	vectorStride   int
	batchDims      []int
	batchStrides   []int // in the indices
	updStrides     []int // in the updates, bytes
	most           []int
	operand        []int // bytes
	winDims        []int
	winOut, winUpd []int // bytes
	line           int   // elements contiguous in both
	updates        ref
	combine        tileFunc
	empty          bool
}

func newScatterStep(n *node, dst ref, in []ref, have, idx, upd []int, indices indexReader) *scatterStep {
	g := n.attr.(scattering)
	size := n.shape.DType.Size()
	s := &scatterStep{all: bytesStep{dst, in[0], n.shape.Size() * size}, indices: indices, updates: in[2], line: 1,
		empty: product(upd) == 0}
	op := map[opcode]opcode{backends.OpTypeScatterSum: backends.OpTypeAdd, backends.OpTypeScatterMax: backends.OpTypeMax,
		backends.OpTypeScatterMin: backends.OpTypeMin}[n.op]
	s.combine = binaryForms(op, n.shape.DType).vv
	idxStrides, updStrides, outStrides := denseStrides(idx), denseStrides(upd), denseStrides(have)
	s.vectorStride = idxStrides[g.indexVectorAxis]
	for i, d := range idx {
		if i != g.indexVectorAxis {
			s.batchDims = append(s.batchDims, d)
			s.batchStrides = append(s.batchStrides, idxStrides[i])
		}
	}
	window := make([]int, len(have)) // of each operand axis
	at := 0
	for i := range have {
		window[i] = 1
		if !slices.Contains(g.insertedWindow, i) {
			axis := g.updateWindow[at]
			at++
			window[i] = upd[axis]
			if upd[axis] != 1 {
				s.winDims = append(s.winDims, upd[axis])
				s.winOut = append(s.winOut, outStrides[i]*size)
				s.winUpd = append(s.winUpd, updStrides[axis]*size)
			}
		}
	}
	for i := range upd {
		if !slices.Contains(g.updateWindow, i) {
			s.updStrides = append(s.updStrides, updStrides[i]*size)
		}
	}
	for _, a := range g.toOperand {
		s.most = append(s.most, have[a]-window[a])
		s.operand = append(s.operand, outStrides[a]*size)
	}
	for last := len(s.winDims) - 1; last >= 0 && s.winOut[last] == s.line*size && s.winUpd[last] == s.line*size; last-- {
		s.line *= s.winDims[last]
		s.winDims = s.winDims[:last]
	}
	return s
}

func (s *scatterStep) run(f *frame) {
	s.all.run(f)
	if s.empty {
		return
	}
	idx, upd, out := f.at(s.indices.at), f.at(s.updates), f.at(s.all.dst)
next:
	for i := range product(s.batchDims) {
		rest, at, from := i, 0, 0
		for d := len(s.batchDims) - 1; d >= 0; d-- {
			j := rest % s.batchDims[d]
			rest /= s.batchDims[d]
			at += j * s.batchStrides[d]
			from += j * s.updStrides[d]
		}
		to := 0
		for c := range s.most {
			j := s.indices.read(idx, at+c*s.vectorStride)
			if j < 0 || j > s.most[c] {
				continue next
			}
			to += j * s.operand[c]
		}
		s.window(unsafe.Add(out, to), unsafe.Add(upd, from), 0)
	}
}

func (s *scatterStep) window(out, upd unsafe.Pointer, i int) {
	if i == len(s.winDims) {
		s.combine(out, out, upd, nil, s.line)
		return
	}
	for range s.winDims[i] {
		s.window(out, upd, i+1)
		out, upd = unsafe.Add(out, s.winOut[i]), unsafe.Add(upd, s.winUpd[i])
	}
}

// argStep finds the position of each line's extreme.
type argStep struct {
	dst, src ref
	extent
	find  func(src unsafe.Pointer, n, stride int) int
	size  int // of the operand's elements
	store func(dst unsafe.Pointer, i, v int)
}

func newArgStep(n *node, dst, src ref, have []int, from dtypes.DType) *argStep {
	a := n.attr.(argExtreme)
	s := &argStep{dst: dst, src: src, size: from.Size(),
		extent: extent{product(have[:a.axis]), have[a.axis], product(have[a.axis+1:])}}
	convert := convertFunc(dtypes.Int64, n.shape.DType)
	size := n.shape.DType.Size()
	s.store = func(d unsafe.Pointer, i, v int) {
		w := int64(v)
		convert(unsafe.Add(d, i*size), unsafe.Pointer(&w), nil, nil, 1)
	}
	switch from {
	case dtypes.Float32:
		s.find = findExtreme[float32](a.isMin)
	case dtypes.Float64:
		s.find = findExtreme[float64](a.isMin)
	case dtypes.Int8:
		s.find = findExtreme[int8](a.isMin)
	case dtypes.Int16:
		s.find = findExtreme[int16](a.isMin)
	case dtypes.Int32:
		s.find = findExtreme[int32](a.isMin)
	case dtypes.Int64:
		s.find = findExtreme[int64](a.isMin)
	case dtypes.Uint8, dtypes.Bool:
		s.find = findExtreme[uint8](a.isMin)
	case dtypes.Uint16:
		s.find = findExtreme[uint16](a.isMin)
	case dtypes.Uint32:
		s.find = findExtreme[uint32](a.isMin)
	case dtypes.Uint64:
		s.find = findExtreme[uint64](a.isMin)
	case dtypes.BFloat16:
		s.find = findExtremeBy(a.isMin, bfloat16.BFloat16.Float32)
	default:
		s.find = findExtremeBy(a.isMin, float16.Float16.Float32)
	}
	return s
}

func findExtreme[T kernel.Number](isMin bool) func(unsafe.Pointer, int, int) int {
	return findExtremeBy(isMin, func(x T) T { return x })
}

func findExtremeBy[T any, V kernel.Number](isMin bool, value func(T) V) func(unsafe.Pointer, int, int) int {
	return func(src unsafe.Pointer, n, stride int) int {
		best, at := value(*(*T)(src)), 0
		for i := 1; i < n && best == best; i++ {
			v := value(*(*T)(unsafe.Add(src, i*stride)))
			if v != v || isMin && v < best || !isMin && v > best {
				best, at = v, i
			}
		}
		return at
	}
}

func (s *argStep) run(f *frame) {
	dst, src := f.at(s.dst), f.at(s.src)
	for o := range s.outer {
		for i := range s.inner {
			at := unsafe.Add(src, (o*s.n*s.inner+i)*s.size)
			s.store(dst, o*s.inner+i, s.find(at, s.n, s.inner*s.size))
		}
	}
}
