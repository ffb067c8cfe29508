package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// Lowering decides, for every node of a simplified computation, where its value lives and which step computes it.
//
// Ops that only change the layout compute nothing: their users read the operand through a view. Element-wise ops and reductions gather in
// groups that are evaluated together, a tile at a time, so that most of their values never reach memory. Everything else is a step
// of its own.

// role is how a node takes part in its group.
type role uint8

const (
	alone   role = iota // a step of its own, or a parameter or constant
	full                // one value for each point of the group's index space
	perRow              // one value for each row of it
	columns             // a reduction that is complete only after the whole space
)

// placed is what lowering knows of one stored or fused node.
type placed struct {
	node     *node
	operands []view // of the operands, over stored or fused nodes
	users    []*placed
	group    *group
	role     role
	deferred []*placed   // reductions that join whatever group this node gets
	arranged arrangement // of a contraction
	output   int         // which output of the computation it is, or -1
	value    int         // where it is stored, or -1
}

// group is one step: a node alone, or a set of nodes fused over one index space.
type group struct {
	position int // groups run in increasing position
	fused    bool
	members  []*placed // users before operands
	n        int       // points of the index space
	inner    int       // length of a row; 0 if no member needs rows
	blocks   extent    // of the columns members; zero if there are none
}

// Limits of a group. Rows and columns have to fit the tiles.
const (
	mostMembers  = 48
	longestRow   = 8192
	widestColumn = 4096
)

type lowering struct {
	graph   *Builder
	views   []*view   // by node id: what a layout op is a view of
	places  []*placed // by node id
	list    []*placed // in order
	copies  map[string]*placed
	shared  map[string]int // contractions that read a view
	groups  []*group       // in order of position
	outputs []*placed
}

func lower(graph *Builder, params, outputs []*node) *lowering {
	l := &lowering{graph: graph, copies: map[string]*placed{}}
	for _, p := range params {
		l.place(p)
	}
	nodes := live(outputs)
	l.countShared(nodes)
	for _, n := range nodes {
		if !isLayout(n.op) && l.placeOf(n) == nil {
			l.placeWithOperands(n)
		}
	}
	for i, o := range outputs {
		v := l.resolve(o)
		p := l.placeOf(v.base)
		if !v.isWhole() || p.output >= 0 || v.base.op == backends.OpTypeParameter || v.base.op == backends.OpTypeConstant {
			p = l.copyOf(v, true)
		}
		p.output = i
		l.outputs = append(l.outputs, p)
	}
	l.fuse()
	return l
}

func (l *lowering) placeOf(n *node) *placed {
	if n.id < len(l.places) {
		return l.places[n.id]
	}
	return nil
}

func (l *lowering) place(n *node, operands ...view) *placed {
	p := &placed{node: n, operands: operands, output: -1, value: -1}
	for _, v := range operands {
		base := l.placeOf(v.base)
		base.users = append(base.users, p)
	}
	if grow := len(l.graph.nodes) - len(l.places); grow > 0 {
		l.places = append(l.places, make([]*placed, grow)...)
	}
	l.places[n.id] = p
	l.list = append(l.list, p)
	return p
}

func isLayout(op opcode) bool {
	switch op {
	case backends.OpTypeReshape, backends.OpTypeTranspose, backends.OpTypeBroadcastInDim, backends.OpTypeSlice, backends.OpTypeReverse:
		return true
	}
	return false
}

// resolve returns what n is a view of: itself, unless it only changes the layout.
func (l *lowering) resolve(n *node) view {
	if !isLayout(n.op) {
		return whole(n)
	}
	if grow := len(l.graph.nodes) - len(l.views); grow > 0 {
		l.views = append(l.views, make([]*view, grow)...)
	}
	if v := l.views[n.id]; v != nil {
		return *v
	}
	v := l.resolve(n.in[0])
	w, ok := v.through(n)
	if !ok {
		w, _ = whole(l.copyOf(v, false).node).through(n)
	}
	v = w
	l.views[n.id] = &v
	return v
}

// copyOf returns a node that holds a view's elements densely; the same one for the same view, unless it has to be fresh.
func (l *lowering) copyOf(v view, fresh bool) *placed {
	key := viewKey(v)
	if p := l.copies[key]; p != nil && !fresh {
		return p
	}
	n := l.graph.add(opCopy, shapes.Make(v.base.shape.DType, v.dims...), nil, v.base)
	p := l.place(n, v)
	if !fresh {
		l.copies[key] = p
	}
	return p
}

// dense returns v if its elements follow one another in memory, else a view of a copy.
func (l *lowering) dense(v view) view {
	if v.isDense() {
		return v
	}
	return whole(l.copyOf(v, false).node)
}

// readable returns v, or a view of a copy where reading it element by element in a fused group would be slow: a transposition.
func (l *lowering) readable(v view) view {
	c := v.collapse()
	if last := len(c.dims) - 1; last >= 1 && v.size() > 1<<11 && c.strides[last] != 0 && c.strides[last] != 1 && c.dims[last] > 1 {
		return whole(l.copyOf(v, false).node)
	}
	return v
}

func (l *lowering) placeWithOperands(n *node) {
	views := make([]view, len(n.in))
	for i, in := range n.in {
		v := l.resolve(in)
		switch {
		case n.op == opContract || n.op == backends.OpTypeConcatenate:
		case isElementwise(n.op):
			v = l.readable(v)
		case isReduction(n.op):
			v = l.readable(v)
			if !isFusableReduction(n) {
				v = l.dense(v)
			}
		default:
			v = l.dense(v)
		}
		views[i] = v
	}
	var arranged arrangement
	if n.op == opContract {
		arranged = l.arrange(n, views)
	}
	l.place(n, views...).arranged = arranged
}

// arrange plans a contraction and replaces those of its operands that are better copied first.
func (l *lowering) arrange(n *node, views []view) arrangement {
	loops := n.attr.(contraction).loops
	dims, dtype := n.shape.Dimensions, n.shape.DType
	sharedA, sharedB := l.shared[viewKey(views[0])], l.shared[viewKey(views[1])]
	var addStrides []int
	if len(views) > 2 {
		addStrides = addStridesOf(loops, dims, views[2])
	}
	arranged, ok := arrangement{}, false
	if len(views) == 2 || addStrides != nil {
		arranged, ok = arrangeContraction(loops, views[0], views[1], sharedA, sharedB, addStrides, dtype)
	}
	if len(views) > 2 && !views[2].isDense() && (!ok || arranged.direct) {
		views[2] = whole(l.copyOf(views[2], false).node)
		addStrides = addStridesOf(loops, dims, views[2])
		arranged, _ = arrangeContraction(loops, views[0], views[1], sharedA, sharedB, addStrides, dtype)
	}
	if arranged.copyA != nil {
		views[0] = whole(l.copyOf(*arranged.copyA, false).node)
	}
	if arranged.copyB != nil {
		views[1] = whole(l.copyOf(*arranged.copyB, false).node)
	}
	return arranged
}

// countShared counts for every view how many contractions read it.
func (l *lowering) countShared(nodes []*node) {
	l.shared = map[string]int{}
	for _, n := range nodes {
		if n.op == opContract {
			for _, in := range n.in[:2] {
				if v, ok := viewOf(in); ok {
					l.shared[viewKey(v)]++
				}
			}
		}
	}
}

// viewOf returns what n is a view of, if no copy is needed to see it as one.
func viewOf(n *node) (v view, ok bool) {
	if !isLayout(n.op) {
		return whole(n), true
	}
	if v, ok = viewOf(n.in[0]); !ok {
		return v, false
	}
	return v.through(n)
}

func viewKey(v view) string { return fmt.Sprint(v.base.id, v.offset, v.dims, v.strides) }

// isFusableReduction reports whether a reduction can be evaluated tile by tile.
func isFusableReduction(n *node) bool {
	e := n.attr.(extent)
	return e.inner <= widestColumn && e.outer*e.n*e.inner > 0
}

// isRowReduction reports whether a reduction folds rows short enough to be held in a tile.
func isRowReduction(n *node) bool {
	e := n.attr.(extent)
	return e.inner == 1 && e.n <= longestRow
}

// fuse assigns every node to a group, users before operands, so that a group never depends on one that runs later: a node joins the
// group of the user that runs first, or gets a group of its own that runs before it.
func (l *lowering) fuse() {
	next := len(l.list)
	newGroup := func(p *placed, r role, g *group) {
		next--
		g.position = next
		g.members = append(g.members, p)
		p.group, p.role = g, r
		l.groups = append(l.groups, g)
	}
	for i := len(l.list) - 1; i >= 0; i-- {
		p := l.list[i]
		n := p.node
		isReduce := isReduction(n.op) && isFusableReduction(n)
		if p.group != nil {
			continue // a reduction that joined its operand's group
		}
		if !isElementwise(n.op) && !isReduce {
			newGroup(p, alone, &group{})
			continue
		}
		if isReduce && !isRowReduction(n) {
			// Wait for the operand if it will be in a group of the same index space.
			e := n.attr.(extent)
			v := p.operands[0]
			base := l.placeOf(v.base)
			if isElementwise(v.base.op) && v.isWhole() && compatibleColumns(base.deferred, e) {
				base.deferred = append(base.deferred, p)
				continue
			}
			newGroup(p, columns, &group{fused: true, n: e.outer * e.n * e.inner, blocks: e})
			continue
		}
		first := firstUser(p)
		if first != nil {
			if r, inner, ok := fits(p, first); ok {
				first.add(p, r, inner)
				l.addDeferred(p)
				continue
			}
		}
		if isReduce {
			e := n.attr.(extent)
			newGroup(p, perRow, &group{fused: true, n: e.outer * e.n, inner: e.n})
		} else {
			newGroup(p, full, &group{fused: true, n: n.shape.Size()})
		}
		l.addDeferred(p)
	}
	slices.Reverse(l.groups)
	slices.SortStableFunc(l.groups, func(a, b *group) int { return a.position - b.position })
}

func (g *group) add(p *placed, r role, inner int) {
	g.members = append(g.members, p)
	if inner > 0 {
		g.inner = inner
	}
	p.group, p.role = g, r
}

// addDeferred puts the reductions that waited for p into its group.
func (l *lowering) addDeferred(p *placed) {
	for _, d := range p.deferred {
		// Users come before operands in a group.
		at := slices.Index(p.group.members, p)
		p.group.members = slices.Insert(p.group.members, at, d)
		d.group, d.role = p.group, columns
		p.group.blocks = widerColumns(p.group.blocks, d.node.attr.(extent))
	}
}

// firstUser returns the group that needs p first; nil if it is only an output.
func firstUser(p *placed) *group {
	var first *group
	consider := func(users []*placed) {
		for _, u := range users {
			if u.group != nil && (first == nil || u.group.position < first.position) {
				first = u.group
			}
		}
	}
	consider(p.users)
	for _, d := range p.deferred {
		consider(d.users)
	}
	return first
}

// fits tells whether p can be a member of g, in which role, and the row length that takes (0: any).
func fits(p *placed, g *group) (r role, inner int, ok bool) {
	if !g.fused || len(g.members)+len(p.deferred) >= mostMembers {
		return 0, 0, false
	}
	size := p.node.shape.Size()
	r = alone
	for _, u := range p.users {
		if u.group != g {
			continue
		}
		for _, v := range u.operands {
			if v.base != p.node {
				continue
			}
			var as role
			switch {
			case u.role == columns || u.role == perRow && isReduction(u.node.op):
				if !v.isWhole() {
					return 0, 0, false
				}
				as = full
			case u.role == perRow:
				if !v.isWhole() {
					return 0, 0, false
				}
				as = perRow
			case v.isWhole():
				as = full
			default:
				if inner = rowLength(v, size, g.n); inner == 0 {
					return 0, 0, false
				}
				as = perRow
			}
			if r != alone && r != as {
				return 0, 0, false
			}
			r = as
		}
	}
	// What waits for p is complete only after the group: nothing in the group may use it.
	for _, d := range p.deferred {
		for _, u := range d.users {
			if u.group == g {
				return 0, 0, false
			}
		}
	}
	if len(p.deferred) > 0 {
		if r != full {
			return 0, 0, false
		}
		for _, d := range p.deferred {
			if !columnsAgree(g.blocks, d.node.attr.(extent)) {
				return 0, 0, false
			}
		}
	}
	rows := 0
	switch {
	case isReduction(p.node.op):
		e := p.node.attr.(extent)
		if r != perRow || e.outer*e.n != g.n {
			return 0, 0, false
		}
		inner = e.n
		rows = e.outer
	case r == full:
		if size != g.n {
			return 0, 0, false
		}
		inner = g.inner
	case r == perRow:
		if size == 0 || g.n%size != 0 {
			return 0, 0, false
		}
		rows = size
		inner = g.n / rows
	default:
		return 0, 0, false
	}
	if r == perRow && (rows < 2 || inner < 2 || inner > longestRow || g.inner != 0 && g.inner != inner) {
		return 0, 0, false
	}
	blocks := g.blocks
	for _, d := range p.deferred {
		blocks = widerColumns(blocks, d.node.attr.(extent))
	}
	if _, ok := alignment(inner, blocks); !ok {
		return 0, 0, false
	}
	return r, inner, true
}

// rowLength returns the length of the rows along which v repeats each of the size values of its base over n points; 0 if it does not.
func rowLength(v view, size, n int) int {
	if size == 0 || n%size != 0 || n == size || v.offset != 0 {
		return 0
	}
	w, ok := v.reshape([]int{size, n / size})
	if !ok || w.strides[1] != 0 || size > 1 && w.strides[0] != 1 {
		return 0
	}
	return n / size
}

// columnsAgree reports whether two reductions can share a group: their blocks must be the same, or the whole space for both.
func columnsAgree(a, b extent) bool {
	if a == (extent{}) || a == b {
		return true
	}
	return a.outer == 1 && b.outer == 1 && a.n*a.inner == b.n*b.inner && (a.inner%b.inner == 0 || b.inner%a.inner == 0)
}

func compatibleColumns(have []*placed, e extent) bool {
	for _, d := range have {
		if !columnsAgree(d.node.attr.(extent), e) {
			return false
		}
	}
	return true
}

// widerColumns returns the blocks of a group that holds both.
func widerColumns(a, b extent) extent {
	if a.inner >= b.inner {
		return a
	}
	return b
}

// alignment returns the number of points that tiles must be a multiple of; ok is false if that is more than a tile holds.
func alignment(inner int, blocks extent) (points int, ok bool) {
	points = max(1, inner)
	if blocks == (extent{}) {
		return points, true
	}
	unit := blocks.inner
	if blocks.outer > 1 && blocks.n*blocks.inner <= smallBlock {
		unit = blocks.n * blocks.inner
	} else if blocks.outer > 1 && blocks.n*blocks.inner%points != 0 {
		return 0, false
	}
	points = lcm(points, unit)
	return points, points <= longestRow
}

// smallBlock is the largest block of a reduction of a middle axis of which a tile holds several.
const smallBlock = 2048

func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}
