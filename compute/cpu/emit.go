package cpu

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// step is one entry of an executable's program.
type step interface {
	run(f *frame)
}

// ref is a place in a stored value.
type ref struct {
	val int // index into the frame's pointers
	off int // bytes
}

// frame is the memory of one execution.
type frame struct {
	ptrs  []unsafe.Pointer // of every stored value
	arena *block
	par   kernel.Parallel
	alone *frame // the same for one worker
}

func (f *frame) at(r ref) unsafe.Pointer { return unsafe.Add(f.ptrs[r.val], r.off) }

// value is something stored during an execution.
type value struct {
	bytes      int
	kind       valueKind
	index      int // of the parameter or output, or the offset in the arena
	literal    *literal
	made, last int   // the stages that write it and that read it last; until there are stages, steps
	step       int   // that writes it
	reads      []int // the steps that read it
	shareWith  int   // the value whose memory it takes over, or -1
	mayShare   []int
}

type valueKind uint8

const (
	valueArena valueKind = iota
	valueParameter
	valueConstant
	valueOutput
)

// emitter writes the steps of a lowered computation and lays out its memory.
type emitter struct {
	*lowering
	values []value
	steps  []step
	labels []string

	stageOf []int // the stage of every step
}

func (e *emitter) newValue(v value) int {
	v.made, v.last, v.shareWith = -1, -1, -1
	e.values = append(e.values, v)
	return len(e.values) - 1
}

// read notes that a step reads the value.
func (v *value) read(step int) {
	if n := len(v.reads); n == 0 || v.reads[n-1] != step {
		v.reads = append(v.reads, step)
	}
}

// temporary returns arena memory that only the present step uses.
func (e *emitter) temporary(bytes int) int {
	v := e.newValue(value{bytes: bytes})
	e.values[v].made = len(e.steps)
	return v
}

// refTo returns where a view's first element is, for views whose elements are addressed from there on.
func (e *emitter) refTo(v view) ref {
	return ref{e.placeOf(v.base).value, v.offset * v.base.shape.DType.Size()}
}

func keyOf(v view, as role) string { return fmt.Sprint(as, v.base.id, v.offset, v.dims, v.strides) }

func (e *emitter) emit() error {
	for _, p := range e.list {
		bytes := p.node.shape.Size() * p.node.shape.DType.Size()
		switch {
		case p.node.op == backends.OpTypeParameter:
			p.value = e.newValue(value{bytes: bytes, kind: valueParameter, index: p.node.attr.(*parameter).index})
		case p.node.op == backends.OpTypeConstant:
			p.value = e.newValue(value{bytes: bytes, kind: valueConstant, literal: p.node.attr.(*literal)})
		case p.output >= 0:
			p.value = e.newValue(value{bytes: bytes, kind: valueOutput, index: p.output})
		case p.role == alone || p.role == columns || slices.ContainsFunc(p.users, func(u *placed) bool { return u.group != p.group }):
			p.value = e.newValue(value{bytes: bytes})
		}
	}
	for _, g := range e.groups {
		if op := g.members[0].node.op; op == backends.OpTypeParameter || op == backends.OpTypeConstant {
			continue
		}
		now := len(e.steps)
		for _, m := range g.members {
			for _, v := range m.operands {
				if base := e.placeOf(v.base); base.group != g {
					e.values[base.value].read(now)
				}
			}
			if m.value >= 0 {
				e.values[m.value].made = now
			}
		}
		if g.fused {
			s := e.fused(g)
			e.shareFused(g)
			e.steps, e.labels = append(e.steps, s), append(e.labels, fmt.Sprintf("fused %v %s", g.n, s.label))
			continue
		}
		s, err := e.single(g.members[0])
		if err != nil {
			return err
		}
		n := g.members[0].node
		e.steps, e.labels = append(e.steps, s), append(e.labels, describe(n.op, n.in...))
	}
	return nil
}

// shareFused notes which operands' memory the results of a fused group may take over.
func (e *emitter) shareFused(g *group) {
	// The order of evaluation is that of the members from last to first.
	lastRead := map[int]int{}
	unfit := map[int]bool{}
	for i, m := range g.members {
		for _, v := range m.operands {
			base := e.placeOf(v.base)
			if base.group == g {
				continue
			}
			if _, ok := lastRead[base.value]; !ok {
				lastRead[base.value] = i
			}
			if !v.isWhole() || m.role != full || v.size() != g.n || v.base.shape.Size() == 1 {
				unfit[base.value] = true
			}
		}
	}
	for i, m := range g.members {
		if m.value < 0 || m.role != full {
			continue
		}
		for v, at := range lastRead {
			if !unfit[v] && at >= i && e.values[v].bytes == e.values[m.value].bytes {
				e.values[m.value].mayShare = append(e.values[m.value].mayShare, v)
			}
		}
		sort.Ints(e.values[m.value].mayShare)
	}
}

// plan lays out the arena: a value's memory is free after the step that reads it last, and an element-wise result may overwrite an
// operand that nothing reads any more. It returns the arena's size.
func (e *emitter) plan() int {
	for _, p := range e.outputs {
		e.values[p.value].last = math.MaxInt
	}
	made, dies := make([][]int, len(e.steps)), make([][]int, len(e.steps))
	for i := range e.values {
		if v := &e.values[i]; v.kind == valueArena && v.made >= 0 {
			made[v.made] = append(made[v.made], i)
			if v.last < len(e.steps) {
				dies[v.last] = append(dies[v.last], i)
			}
		}
	}
	var free spaces
	taken := make([]bool, len(e.values)) // its memory was handed on
	for s := range e.steps {
		for _, i := range made[s] {
			v := &e.values[i]
			for _, j := range v.mayShare {
				if w := &e.values[j]; w.kind == valueArena && w.last == s && !taken[j] && e.soleReader(w, s, v.step) {
					taken[j] = true
					v.shareWith, v.index = j, w.index
					break
				}
			}
			if v.shareWith < 0 {
				v.index = free.get((v.bytes + 63) / 64 * 64)
			}
		}
		for _, i := range dies[s] {
			if !taken[i] {
				free.put(e.values[i].index, (e.values[i].bytes+63)/64*64)
			}
		}
	}
	return free.end
}

// spaces are the free parts of the arena, by offset.
type spaces struct {
	list []space
	end  int
}

type space struct{ at, size int }

// get returns the offset of a free part of the size, the smallest that fits.
func (f *spaces) get(size int) int {
	if size == 0 {
		return 0
	}
	best := -1
	for i, s := range f.list {
		if s.size >= size && (best < 0 || s.size < f.list[best].size) {
			best = i
			if s.size == size {
				break
			}
		}
	}
	if best < 0 {
		if n := len(f.list); n > 0 && f.list[n-1].at+f.list[n-1].size == f.end {
			at := f.list[n-1].at
			f.list = f.list[:n-1]
			f.end = at + size
			return at
		}
		at := f.end
		f.end += size
		return at
	}
	at := f.list[best].at
	if f.list[best].size == size {
		f.list = slices.Delete(f.list, best, best+1)
	} else {
		f.list[best] = space{at + size, f.list[best].size - size}
	}
	return at
}

func (f *spaces) put(at, size int) {
	if size == 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(f.list, at, func(s space, at int) int { return s.at - at })
	if i > 0 && f.list[i-1].at+f.list[i-1].size == at {
		i--
		f.list[i].size += size
	} else {
		f.list = slices.Insert(f.list, i, space{at, size})
	}
	if i+1 < len(f.list) && f.list[i].at+f.list[i].size == f.list[i+1].at {
		f.list[i].size += f.list[i+1].size
		f.list = slices.Delete(f.list, i+1, i+2)
	}
}

// donors pairs outputs with parameters whose memory they may take over if the caller gives it away: the parameter for each output, or -1.
func (e *emitter) donors(params []*node) []int {
	byOutput := make([]int, len(e.outputs))
	used := make([]bool, len(params))
	for o, p := range e.outputs {
		byOutput[o] = -1
		v := &e.values[p.value]
		try := func(i int) bool {
			w := &e.values[i]
			if w.kind != valueParameter || used[w.index] || !params[w.index].shape.Equal(p.node.shape) {
				return false
			}
			if w.last < v.made || w.last == v.made && slices.Contains(v.mayShare, i) && e.soleReader(w, w.last, v.step) {
				used[w.index] = true
				byOutput[o] = w.index
				return true
			}
			return false
		}
		if slices.ContainsFunc(v.mayShare, try) {
			continue
		}
		for _, q := range params {
			if try(e.placeOf(q).value) {
				break
			}
		}
	}
	return byOutput
}
