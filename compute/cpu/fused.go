package cpu

import (
	"math/bits"
	"slices"
	"sync"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// fusedStep evaluates a group: its instructions, in order, for one tile of the index space after another. Values that nothing
// outside the group needs live in a scratch area the size of a few tiles.
type fusedStep struct {
	points, inner, tile int
	rowsPerTile         int

	// The index space is cut into blocks of equal length and each block into pieces, whose lengths are multiples of the tile; each piece is
	// one task. Both depend on the shapes alone.
	blocks, pieces, blockLength, pieceLength int

	start   []instruction // at the start of every piece
	body    []instruction // for every tile
	scratch int           // bytes
	weight  int           // of the work at one point
	finish  []finishing   // after all pieces
	label   string
}

type finishing struct {
	reduce         reduceFunc
	dst, partial   ref
	outer, n, cols int
}

type instructionKind uint8

const (
	doCall       instructionKind = iota // call on the elements of the tile
	doCallRows                          // call on one value for each row of the tile
	doEachRow                           // call row by row, with one operand a value of the row
	doSpread                            // repeat a value of each row along the row
	doFold                              // reduce each row of the tile
	doLoad                              // gather the tile's elements through a view
	doLoadRows                          // gather one element for each row through a view
	doFill                              // repeat one value over the tile
	doAccumulate                        // fold the tile into a piece's columns
	doBlocks                            // reduce the middle axis of the whole blocks in the tile
	doExpSum                            // exp of each row less a value of the row, and the row's sum
)

// place is where an operand of an instruction lies.
type place struct {
	kind placeKind
	ref  ref // in memory, or the offset in the scratch area
	size int // bytes of an element
}

type placeKind uint8

const (
	nowhere   placeKind = iota
	inScratch           // at a fixed offset of the scratch area
	inMemory            // at the tile's position in a stored value
	inRows              // at the position of the tile's first row in a stored value
	atPoint             // one element of a stored value
)

type instruction struct {
	kind    instructionKind
	op      opcode
	dtype   dtypes.DType // of the result
	once    bool         // one instruction of the group reads dst, and it is not stored
	call    tileFunc
	reduce  reduceFunc
	combine tileFunc
	dst     place
	in      [3]place
	row     int // which operand of doEachRow steps by rows
	rows    rowsFunc
	size    int // bytes of an element of dst, or of what doLoad and doSpread move
	load    *loader
	outer   int // doBlocks: rows of the reduced axis in a block
	cols    int // doBlocks and doAccumulate: columns of the result
}

// loader copies elements of a view to a tile.
type loader struct {
	dims, strides []int // merged
	offset        int
	ref           ref
}

func newLoader(v view, r ref) *loader {
	c := v.collapse()
	if len(c.dims) == 0 {
		c.dims, c.strides = []int{1}, []int{0}
	}
	return &loader{c.dims, c.strides, v.offset, r}
}

// tileRun is one worker's evaluation of a piece.
type tileRun struct {
	ptrs      []unsafe.Pointer
	scratch   unsafe.Pointer
	from, n   int // the tile
	row, rows int
	first     bool // the piece's first tile
	piece     int
}

func (t *tileRun) at(p *place) unsafe.Pointer {
	switch p.kind {
	case inScratch:
		return unsafe.Add(t.scratch, p.ref.off)
	case inMemory:
		return unsafe.Add(t.ptrs[p.ref.val], p.ref.off+t.from*p.size)
	case inRows:
		return unsafe.Add(t.ptrs[p.ref.val], p.ref.off+t.row*p.size)
	case atPoint:
		return unsafe.Add(t.ptrs[p.ref.val], p.ref.off)
	}
	return nil
}

var scratchPool = sync.Pool{New: func() any { return new([]uint64) }}

func (s *fusedStep) run(f *frame) {
	tasks := s.blocks * s.pieces
	if tasks == 1 {
		s.runPiece(f, 0)
	} else if tasks > 1 {
		f.par.For(tasks, func(i int) { s.runPiece(f, i) })
	}
	for i := range s.finish {
		e := &s.finish[i]
		e.reduce(f.at(e.dst), f.at(e.partial), e.outer, e.n, e.cols)
	}
}

func (s *fusedStep) runPiece(f *frame, task int) {
	t := tileRun{ptrs: f.ptrs, piece: task, first: true}
	if s.scratch > 0 {
		words := scratchPool.Get().(*[]uint64)
		if need := (s.scratch + 7) / 8; len(*words) < need {
			*words = make([]uint64, need)
		}
		t.scratch = unsafe.Pointer(unsafe.SliceData(*words))
		defer scratchPool.Put(words)
	}
	block, piece := task/s.pieces, task%s.pieces
	from := block*s.blockLength + piece*s.pieceLength
	to := min(from+s.pieceLength, (block+1)*s.blockLength)
	t.from, t.n = from, min(s.tile, to-from)
	t.rows = 1
	if len(s.start) > 0 {
		t.n = s.tile
		s.exec(&t, s.start)
	}
	for ; t.from < to; t.from += s.tile {
		t.n = min(s.tile, to-t.from)
		if s.inner > 0 {
			t.row, t.rows = t.from/s.inner, t.n/s.inner
		}
		s.exec(&t, s.body)
		t.first = false
	}
}

func (s *fusedStep) exec(t *tileRun, code []instruction) {
	for i := range code {
		c := &code[i]
		switch c.kind {
		case doCall:
			c.call(t.at(&c.dst), t.at(&c.in[0]), t.at(&c.in[1]), t.at(&c.in[2]), t.n)
		case doCallRows:
			c.call(t.at(&c.dst), t.at(&c.in[0]), t.at(&c.in[1]), t.at(&c.in[2]), t.rows)
		case doEachRow:
			if c.rows != nil {
				c.rows(t.at(&c.dst), t.at(&c.in[0]), t.at(&c.in[1]), t.rows, s.inner)
				continue
			}
			var p [3]unsafe.Pointer
			var step [3]int
			for j := range c.in {
				p[j] = t.at(&c.in[j])
				step[j] = c.in[j].size * s.inner
			}
			step[c.row] = c.in[c.row].size
			d := t.at(&c.dst)
			for r := range t.rows {
				c.call(unsafe.Add(d, r*s.inner*c.dst.size), unsafe.Add(p[0], r*step[0]), unsafe.Add(p[1], r*step[1]), nil, s.inner)
			}
		case doExpSum:
			kernel.ExpSum(span[float32](t.at(&c.dst), t.rows*s.inner), span[float32](t.at(&c.in[0]), t.rows*s.inner),
				span[float32](t.at(&c.in[1]), t.rows), span[float32](t.at(&c.in[2]), t.rows), s.inner)
		case doSpread:
			spreadRows(c.size, t.at(&c.dst), t.at(&c.in[0]), t.rows, s.inner)
		case doFold:
			c.reduce(t.at(&c.dst), t.at(&c.in[0]), t.rows, s.inner, 1)
		case doLoad:
			c.load.run(t, c.size, t.at(&c.dst), t.from, t.n)
		case doLoadRows:
			c.load.run(t, c.size, t.at(&c.dst), t.row, t.rows)
		case doFill:
			fillElements(c.size, t.at(&c.dst), t.at(&c.in[0]), t.n)
		case doAccumulate:
			// dst is the first piece's columns, in[1] scratch for one tile's.
			d := unsafe.Add(t.at(&c.dst), t.piece*c.cols*c.size)
			if t.first {
				c.reduce(d, t.at(&c.in[0]), 1, t.n/c.cols, c.cols)
				continue
			}
			part := t.at(&c.in[1])
			c.reduce(part, t.at(&c.in[0]), 1, t.n/c.cols, c.cols)
			c.combine(d, d, part, nil, c.cols)
		case doBlocks:
			block := c.outer * c.cols
			d := unsafe.Add(t.at(&c.dst), t.from/block*c.cols*c.size)
			c.reduce(d, t.at(&c.in[0]), t.n/block, c.outer, c.cols)
		}
	}
}

func spreadRows(size int, dst, src unsafe.Pointer, rows, inner int) {
	switch size {
	case 1:
		spreadSized[uint8](dst, src, rows, inner)
	case 2:
		spreadSized[uint16](dst, src, rows, inner)
	case 4:
		spreadSized[uint32](dst, src, rows, inner)
	case 8:
		spreadSized[uint64](dst, src, rows, inner)
	default:
		spreadSized[complex128](dst, src, rows, inner)
	}
}

func spreadSized[T any](dst, src unsafe.Pointer, rows, inner int) {
	d := span[T](dst, rows*inner)
	for _, v := range span[T](src, rows) {
		kernel.Fill(d[:inner], v)
		d = d[inner:]
	}
}

func fillElements(size int, dst, src unsafe.Pointer, n int) {
	switch size {
	case 1:
		kernel.Fill(span[uint8](dst, n), *(*uint8)(src))
	case 2:
		kernel.Fill(span[uint16](dst, n), *(*uint16)(src))
	case 4:
		kernel.Fill(span[uint32](dst, n), *(*uint32)(src))
	case 8:
		kernel.Fill(span[uint64](dst, n), *(*uint64)(src))
	default:
		kernel.Fill(span[complex128](dst, n), *(*complex128)(src))
	}
}

func (l *loader) run(t *tileRun, size int, dst unsafe.Pointer, from, n int) {
	src := unsafe.Add(t.ptrs[l.ref.val], l.ref.off)
	switch size {
	case 1:
		loadElements(l, span[uint8](dst, n), src, from)
	case 2:
		loadElements(l, span[uint16](dst, n), src, from)
	case 4:
		loadElements(l, span[uint32](dst, n), src, from)
	case 8:
		loadElements(l, span[uint64](dst, n), src, from)
	default:
		loadElements(l, span[complex128](dst, n), src, from)
	}
}

// loadElements copies the elements [from, from+len(dst)) of the view, counted in its order.
func loadElements[T any](l *loader, dst []T, src unsafe.Pointer, from int) {
	last := len(l.dims) - 1
	var index [12]int
	at := l.offset
	rest := from
	for i := last; i >= 0; i-- {
		index[i] = rest % l.dims[i]
		rest /= l.dims[i]
		at += index[i] * l.strides[i]
	}
	step, length := l.strides[last], l.dims[last]
	element := int(unsafe.Sizeof(*new(T)))
	for len(dst) > 0 {
		n := min(length-index[last], len(dst))
		p := unsafe.Add(src, at*element)
		switch step {
		case 1:
			copy(dst[:n], unsafe.Slice((*T)(p), n))
		case 0:
			kernel.Fill(dst[:n], *(*T)(p))
		default:
			for i := range dst[:n] {
				dst[i] = *(*T)(unsafe.Add(p, i*step*element))
			}
		}
		dst = dst[n:]
		at -= index[last] * step
		index[last] = 0
		i := last - 1
		for ; i >= 0; i-- {
			index[i]++
			at += l.strides[i]
			if index[i] < l.dims[i] {
				break
			}
			at -= l.dims[i] * l.strides[i]
			index[i] = 0
		}
		if i < 0 {
			at = l.offset // wrapped: a repeating view loaded for a whole tile
		}
	}
}

// fusedBuilder turns a group into a fusedStep.
type fusedBuilder struct {
	e    *emitter
	g    *group
	step *fusedStep

	home   map[*placed]place // where each member's value is
	uses   map[*placed]int   // members yet to read it
	loaded map[string]place  // operands from outside already in the scratch area
	spread map[*placed]place // row values repeated along their rows

	slots     []slotShape // the parts of the scratch area
	freeSlots map[slotShape][]int
}

// slotShape is what a part of the scratch area holds: a tile, a value for each of its rows, or columns.
type slotShape struct {
	size int // bytes of an element
	kind slotKind
	cols int // of slotColumns
}

type slotKind uint8

const (
	slotTile slotKind = iota
	slotRows
	slotColumns
)

func (b *fusedBuilder) slotOf(shape slotShape) place {
	if free := b.freeSlots[shape]; len(free) > 0 {
		i := free[len(free)-1]
		b.freeSlots[shape] = free[:len(free)-1]
		return place{kind: inScratch, ref: ref{off: i}, size: shape.size}
	}
	return b.ownSlot(shape)
}

// ownSlot returns a slot that nothing else ever uses: what it holds may be loaded before the tiles.
func (b *fusedBuilder) ownSlot(shape slotShape) place {
	b.slots = append(b.slots, shape)
	return place{kind: inScratch, ref: ref{off: len(b.slots) - 1}, size: shape.size}
}

func (b *fusedBuilder) release(p place) {
	if p.kind == inScratch {
		shape := b.slots[p.ref.off]
		b.freeSlots[shape] = append(b.freeSlots[shape], p.ref.off)
	}
}

func (e *emitter) fused(g *group) *fusedStep {
	s := &fusedStep{points: g.n, inner: g.inner}
	b := &fusedBuilder{e: e, g: g, step: s, home: map[*placed]place{}, uses: map[*placed]int{}, loaded: map[string]place{},
		spread: map[*placed]place{}, freeSlots: map[slotShape][]int{}}
	for _, m := range g.members {
		for _, v := range m.operands {
			if base := e.placeOf(v.base); base.group == g {
				b.uses[base]++
			}
		}
	}
	for i := len(g.members) - 1; i >= 0; i-- {
		b.member(g.members[i])
	}
	b.expSums()
	b.multiplyAdds()
	b.layout()
	for _, m := range g.members {
		s.label = opName(m.node.op) + " " + s.label
	}
	return s
}

func (b *fusedBuilder) member(m *placed) {
	n := m.node
	size := n.shape.DType.Size()
	if isReduction(n.op) {
		b.reduction(m)
		return
	}
	count := arity(n.op)
	// Gather the operands.
	var in [3]place
	eachRow := -1
	f := b.forms(n)
	for i := range count {
		v := m.operands[i]
		base := b.e.placeOf(v.base)
		mayPoint := count == 2 && (i == 1 && f.vs != nil || i == 0 && f.sv != nil)
		other := 1 - i
		if base.group == b.g && base.role == perRow && m.role == full {
			// A value of each row: row by row if the op can, else repeated into a tile.
			if mayPoint && b.g.inner >= 16 && eachRow < 0 && m.operands[other].base != v.base {
				in[i], eachRow = b.home[base], i
				continue
			}
			in[i] = b.spreadOf(base)
			continue
		}
		if base.group == b.g {
			in[i] = b.home[base]
			continue
		}
		in[i] = b.outside(v, m.role, mayPoint && in[0].kind != atPoint)
	}
	// A point operand takes the form with a scalar; the two special forms do not combine.
	call := f.vv
	switch {
	case count == 2 && in[0].kind == atPoint:
		call = f.sv
	case count == 2 && in[1].kind == atPoint:
		call = f.vs
	}
	if eachRow >= 0 {
		if in[1-eachRow].kind == atPoint {
			in[eachRow] = b.spreadOf(b.e.placeOf(m.operands[eachRow].base))
			eachRow = -1
		} else if eachRow == 0 {
			call = f.sv
		} else {
			call = f.vs
		}
	}
	for i := range count {
		if base := b.e.placeOf(m.operands[i].base); base.group == b.g {
			b.done(base)
		}
	}
	dst := b.homeFor(m, size)
	c := instruction{kind: doCall, op: n.op, dtype: n.shape.DType, once: b.uses[m] == 1 && dst.kind == inScratch, call: call, dst: dst, in: in, size: size}
	switch {
	case eachRow >= 0:
		c.kind, c.row = doEachRow, eachRow
		if eachRow == 1 {
			c.rows = f.rows
		}
	case m.role == perRow:
		c.kind = doCallRows
	}
	b.step.body = append(b.step.body, c)
	w := opWeight(n.op, n.in[0].shape.DType)
	if m.role == full {
		b.step.weight += w
	}
	if b.uses[m] == 0 {
		b.release(dst)
	}
}

// opWeight is the work of one element in units of about a tenth of a nanosecond.
func opWeight(op opcode, dtype dtypes.DType) int {
	w := 1
	switch op {
	case backends.OpTypeExp, backends.OpTypeLog, backends.OpTypeTanh, backends.OpTypeLogistic, backends.OpTypeErf, backends.OpTypeSin,
		backends.OpTypeCos, backends.OpTypeExpm1, backends.OpTypeLog1p, opGelu:
		w = 8
	case backends.OpTypePow, backends.OpTypeRem:
		w = 40
	case backends.OpTypeDiv, backends.OpTypeSqrt, backends.OpTypeRsqrt, opReciprocal:
		w = 3
	}
	if dtype != dtypes.Float32 {
		w *= 3
	}
	return w
}

func (b *fusedBuilder) forms(n *node) forms {
	switch arity(n.op) {
	case 1:
		if n.op == backends.OpTypeConvertDType {
			return forms{vv: convertFunc(n.in[0].shape.DType, n.shape.DType)}
		}
		return forms{vv: unaryFunc(n.op, n.in[0].shape.DType)}
	case 3:
		return forms{vv: selectFunc(n.shape.DType.Size())}
	}
	if f := compareForms(n.op, n.in[0].shape.DType); f.vv != nil && n.shape.DType == dtypes.Bool {
		return f
	}
	return binaryForms(n.op, n.in[0].shape.DType)
}

// homeFor returns where a member's value goes: straight to memory if it is stored, else to the scratch area.
func (b *fusedBuilder) homeFor(m *placed, size int) place {
	var p place
	switch {
	case m.value >= 0 && m.role == perRow:
		p = place{kind: inRows, ref: ref{val: m.value}, size: size}
	case m.value >= 0:
		p = place{kind: inMemory, ref: ref{val: m.value}, size: size}
	case m.role == perRow:
		p = b.slotOf(slotShape{size: size, kind: slotRows})
	default:
		p = b.slotOf(slotShape{size: size, kind: slotTile})
	}
	b.home[m] = p
	return p
}

// done counts one reading of a member; the scratch it took is free after the last.
func (b *fusedBuilder) done(m *placed) {
	b.uses[m]--
	if b.uses[m] == 0 {
		b.release(b.home[m])
		if p, ok := b.spread[m]; ok {
			b.release(p)
		}
	}
}

func (b *fusedBuilder) spreadOf(m *placed) place {
	if p, ok := b.spread[m]; ok {
		return p
	}
	size := m.node.shape.DType.Size()
	p := b.slotOf(slotShape{size: size, kind: slotTile})
	b.step.body = append(b.step.body, instruction{kind: doSpread, dst: p, in: [3]place{b.home[m]}, size: size})
	b.spread[m] = p
	return p
}

// outside returns where an operand stored outside the group can be read.
func (b *fusedBuilder) outside(v view, as role, mayPoint bool) place {
	size := v.base.shape.DType.Size()
	r := b.e.refTo(v)
	if v.isUniform() {
		if mayPoint {
			return place{kind: atPoint, ref: r, size: size}
		}
		key := keyOf(v, 0)
		if p, ok := b.loaded[key]; ok {
			return p
		}
		// Filled once for each piece; rows take the first elements of the tile.
		p := b.ownSlot(slotShape{size: size, kind: slotTile})
		b.step.start = append(b.step.start, instruction{kind: doFill, dst: p, in: [3]place{{kind: atPoint, ref: r, size: size}}, size: size})
		b.loaded[key] = p
		return p
	}
	if v.isDense() {
		if as == perRow {
			return place{kind: inRows, ref: r, size: size}
		}
		return place{kind: inMemory, ref: r, size: size}
	}
	key := keyOf(v, as)
	if p, ok := b.loaded[key]; ok {
		return p
	}
	load := newLoader(v, b.e.refTo(view{base: v.base}))
	b.step.weight += 4
	if as == perRow {
		p := b.ownSlot(slotShape{size: size, kind: slotRows})
		b.step.body = append(b.step.body, instruction{kind: doLoadRows, dst: p, size: size, load: load})
		b.loaded[key] = p
		return p
	}
	p := b.ownSlot(slotShape{size: size, kind: slotTile})
	b.step.body = append(b.step.body, instruction{kind: doLoad, dst: p, size: size, load: load})
	b.loaded[key] = p
	return p
}

func (b *fusedBuilder) reduction(m *placed) {
	n := m.node
	size := n.shape.DType.Size()
	v := m.operands[0]
	base := b.e.placeOf(v.base)
	var in place
	if base.group == b.g {
		in = b.home[base]
	} else {
		in = b.outside(v, full, false)
	}
	reduce := reduceFunctions(n.op, n.shape.DType)
	b.step.weight += 2
	if m.role == perRow {
		dst := b.homeFor(m, size)
		b.step.body = append(b.step.body, instruction{kind: doFold, op: n.op, reduce: reduce.fold, dst: dst, in: [3]place{in}, size: size})
		if b.uses[m] == 0 {
			b.release(dst)
		}
	} else {
		e := n.attr.(extent)
		c := instruction{kind: doAccumulate, reduce: reduce.fold, combine: reduce.combine, in: [3]place{in}, size: size, cols: e.inner,
			dst: place{kind: atPoint, ref: ref{val: m.value}, size: size}}
		if e.outer > 1 && e.n*e.inner <= smallBlock {
			c.kind, c.outer = doBlocks, e.n
		} else {
			c.in[1] = b.slotOf(slotShape{size: size, kind: slotColumns, cols: e.inner})
		}
		b.step.body = append(b.step.body, c)
	}
	if base.group == b.g {
		b.done(base)
	}
}

// expSums makes one pass of the three that a soft-max takes to subtract the largest value of a row, take the exponential and sum.
func (b *fusedBuilder) expSums() {
	body := b.step.body
	for i := 0; i+2 < len(body); i++ {
		sub, exp, sum := &body[i], &body[i+1], &body[i+2]
		if sub.kind == doEachRow && sub.op == backends.OpTypeSub && sub.row == 1 && sub.once && sub.size == 4 &&
			exp.kind == doCall && exp.op == backends.OpTypeExp && exp.in[0] == sub.dst &&
			sum.kind == doFold && sum.op == backends.OpTypeReduceSum && sum.in[0] == exp.dst {
			*sub = instruction{kind: doExpSum, dst: exp.dst, in: [3]place{sub.in[0], sub.in[1], sum.dst}, size: 4}
			body = slices.Delete(body, i+1, i+3)
		}
	}
	b.step.body = body
}

// multiplyAdds makes a product that only a sum reads part of the sum: one pass instead of two, and rounded once.
func (b *fusedBuilder) multiplyAdds() {
	body := b.step.body
	for j := 1; j < len(body); j++ {
		sum := &body[j]
		if sum.kind != doCall || sum.op != backends.OpTypeAdd || sum.in[0].kind == atPoint || sum.in[1].kind == atPoint {
			continue
		}
		for k := range 2 {
			i := b.writerOf(body[:j], sum.in[k])
			if i < 0 || body[i].kind != doCall || body[i].op != backends.OpTypeMul || !body[i].once || !undisturbed(body[i+1:j], body[i]) {
				continue
			}
			product := &body[i]
			if call := multiplyAdd(product, sum.dtype); call != nil {
				*sum = instruction{kind: doCall, op: sum.op, dtype: sum.dtype, once: sum.once, call: call, dst: sum.dst, size: sum.size,
					in: [3]place{product.in[0], product.in[1], sum.in[1-k]}}
				body = slices.Delete(body, i, i+1)
				j--
				break
			}
		}
	}
	b.step.body = body
}

// writerOf returns the last of the instructions that writes a scratch place, or -1.
func (b *fusedBuilder) writerOf(code []instruction, p place) int {
	if p.kind != inScratch {
		return -1
	}
	for i := len(code) - 1; i >= 0; i-- {
		if code[i].dst == p || code[i].kind == doExpSum && code[i].in[2] == p || code[i].kind == doAccumulate && code[i].in[1] == p {
			return i
		}
	}
	return -1
}

// undisturbed reports whether an instruction reads the same if it is moved behind others.
func undisturbed(others []instruction, c instruction) bool {
	for _, o := range others {
		stores := o.dst.kind != inScratch
		for _, in := range c.in {
			if in.kind == inScratch && (in == o.dst || o.kind == doExpSum && in == o.in[2]) || stores && in.kind != inScratch && in.kind != nowhere {
				return false
			}
		}
	}
	return true
}

// multiplyAdd returns the function that adds a product to what the third operand holds; nil if there is none.
func multiplyAdd(product *instruction, dtype dtypes.DType) tileFunc {
	switch dtype {
	case dtypes.Float32:
		return multiplyAddOf[float32](product)
	case dtypes.Float64:
		return multiplyAddOf[float64](product)
	}
	return nil
}

func multiplyAddOf[T kernel.Float](product *instruction) tileFunc {
	switch {
	case product.in[0].kind == atPoint:
		return func(dst, a, b, c unsafe.Pointer, n int) {
			kernel.Axpy(span[T](dst, n), *(*T)(a), span[T](b, n), span[T](c, n))
		}
	case product.in[1].kind == atPoint:
		return func(dst, a, b, c unsafe.Pointer, n int) {
			kernel.Axpy(span[T](dst, n), *(*T)(b), span[T](a, n), span[T](c, n))
		}
	}
	return func(dst, a, b, c unsafe.Pointer, n int) {
		kernel.FMA(span[T](dst, n), span[T](a, n), span[T](b, n), span[T](c, n))
	}
}

// layout chooses the tile and the pieces and gives the scratch slots their offsets.
func (b *fusedBuilder) layout() {
	s, g := b.step, b.g
	unit, _ := alignment(g.inner, g.blocks)
	perPoint := 0
	for _, shape := range b.slots {
		if shape.kind == slotTile {
			perPoint += shape.size
		}
	}
	// A tile's values should stay in the first-level cache.
	const cache = 24 << 10
	tile := 8192
	if perPoint > 0 {
		tile = min(max(cache/perPoint, 256), 4096)
	}
	if unit == 1 {
		tile = 1 << (bits.Len(uint(tile)) - 1) // vectors do not straddle cache lines, and pieces come out even
	}
	tile = max(1, tile/unit) * unit
	if len(b.slots) == 0 && len(s.body) == 1 && g.blocks == (extent{}) && g.inner == 0 {
		tile = 1 << 15 // a single op streams
	}
	s.tile = min(tile, max(g.n, unit))
	s.rowsPerTile = 1
	if g.inner > 0 {
		s.rowsPerTile = s.tile / g.inner
	}
	s.blocks, s.blockLength = 1, g.n
	accumulates := g.blocks != extent{} && !(g.blocks.outer > 1 && g.blocks.n*g.blocks.inner <= smallBlock)
	if accumulates && g.blocks.outer > 1 {
		s.blocks, s.blockLength = g.blocks.outer, g.blocks.n*g.blocks.inner
	}
	if g.n == 0 {
		s.blocks, s.pieces = 0, 0
		return
	}
	// About 4 microseconds of work for each piece, of which calling another worker takes less than one.
	const pieceWork = 40000
	pieces := max(1, s.weight) * s.blockLength / pieceWork
	if accumulates {
		pieces = min(pieces, 32, max(1, s.blockLength/(8*g.blocks.inner)))
	}
	pieces = min(max(pieces, 1), 256)
	s.pieceLength = (s.blockLength + pieces - 1) / pieces
	s.pieceLength = (s.pieceLength + s.tile - 1) / s.tile * s.tile
	s.pieces = (s.blockLength + s.pieceLength - 1) / s.pieceLength

	// Reductions in several pieces leave partial results, which are folded in order afterwards.
	for i := range s.body {
		c := &s.body[i]
		if c.kind != doAccumulate || s.pieces == 1 {
			continue
		}
		partial := b.e.temporary(s.blocks * s.pieces * c.cols * c.size)
		s.finish = append(s.finish, finishing{c.reduce, c.dst.ref, ref{val: partial}, s.blocks, s.pieces, c.cols})
		c.dst.ref = ref{val: partial}
	}

	offsets := make([]int, len(b.slots))
	for i, shape := range b.slots {
		offsets[i] = s.scratch
		n := s.tile
		switch shape.kind {
		case slotRows:
			n = s.rowsPerTile
		case slotColumns:
			n = shape.cols
		}
		s.scratch += (n*shape.size + 63) / 64 * 64
	}
	fix := func(code []instruction) {
		for i := range code {
			c := &code[i]
			for _, p := range []*place{&c.dst, &c.in[0], &c.in[1], &c.in[2]} {
				if p.kind == inScratch {
					p.ref.off = offsets[p.ref.off]
				}
			}
		}
	}
	fix(s.start)
	fix(s.body)
	// A view that repeats with a period that divides the tile is loaded once for each piece.
	s.body = slices.DeleteFunc(s.body, func(c instruction) bool {
		if c.kind != doLoad || s.blocks > 1 && s.blockLength%s.tile != 0 {
			return false
		}
		if period := c.load.period(); period == 0 || s.tile%period != 0 {
			return false
		}
		s.start = append(s.start, c)
		return true
	})
}

// period returns after how many elements a view repeats; 0 if it never does.
func (l *loader) period() int {
	n := 1
	for i := len(l.dims) - 1; i > 0; i-- {
		n *= l.dims[i]
	}
	if l.strides[0] == 0 && len(l.dims) > 1 {
		return n
	}
	return 0
}

// reduceFunc folds the middle axis of src [outer, n, cols] into dst [outer, cols].
type reduceFunc func(dst, src unsafe.Pointer, outer, n, cols int)

// reduction is what a reduction does to a tile and to two partial results.
type reduction struct {
	fold    reduceFunc
	combine tileFunc
}
