package hdf5

import (
	"fmt"
)

// Kinds of B-trees of version 1.
const (
	groupTree = 0
	chunkTree = 1
)

// btree1 visits the leaves of a B-tree of version 1 from left to right. visit gets the key before a child, keySize bytes
// long, and the child's address.
func (f *File) btree1(addr uint64, kind uint8, keySize int, visit func(key *cursor, child uint64) error) error {
	if addr == undefined {
		return nil
	}
	return f.node1(addr, kind, keySize, -1, map[uint64]bool{}, visit)
}

func (f *File) node1(addr uint64, kind uint8, keySize, level int, seen map[uint64]bool, visit func(key *cursor, child uint64) error) error {
	const what = "B-tree node"
	head := 8 + 2*f.offsetSize
	c, err := f.signed(addr, uint64(head), "TREE", what)
	if err != nil {
		return err
	}
	if got := c.u8(); got != kind {
		c.fail(fmt.Sprintf("a node of type %d", got), fmt.Sprintf("type %d", kind), "")
	}
	got := int(c.u8())
	if level >= 0 && got != level {
		c.fail(fmt.Sprintf("a node of level %d", got), fmt.Sprintf("level %d", level), "")
	}
	if seen[addr] {
		c.fail("a node that was read before", "a new one", "")
	}
	n := int(c.u16())
	if c.err != nil {
		return c.err
	}
	seen[addr] = true
	each := keySize + f.offsetSize
	at := addr + uint64(head)
	b, err := f.block(at, uint64(n*each), what)
	if err != nil {
		return err
	}
	c = f.cursor(b, f.base+int64(at), what)
	for range n {
		key := f.cursor(c.bytes(keySize), c.at+int64(c.pos)-int64(keySize), what)
		child := c.addr()
		if c.err != nil {
			return c.err
		}
		if got == 0 {
			err = visit(key, child)
		} else {
			err = f.node1(child, kind, keySize, got-1, seen, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Kinds of B-trees of version 2.
const (
	hugeTree           = 1 // objects of a fractal heap that lie outside of it
	hugeFilteredTree   = 2
	linkNameTree       = 5
	attributeTree      = 8
	chunkTree2         = 10
	filteredChunkTree2 = 11
)

const (
	btree2Head     = 4 + 1 + 1 // of a node: signature, version, type
	btree2Checksum = 4
	btree2MaxDepth = 32
)

// tree2 is the header of a B-tree of version 2.
type tree2 struct {
	f          *File
	kind       uint8
	nodeSize   uint64
	recordSize int
	depth      int
	// Widths of the numbers of records in a child, and in all nodes below it, by the level of the child (leaves are 0).
	recordsWidth int
	totalWidth   []int
	seen         map[uint64]bool
	visit        func(record *cursor) error
}

// btree2 visits all records of a B-tree of version 2 in order.
func (f *File) btree2(addr uint64, kind uint8, visit func(record *cursor) error) error {
	if addr == undefined {
		return nil
	}
	size := uint64(btree2Head + 4 + 2 + 2 + 1 + 1 + f.offsetSize + 2 + f.lengthSize + 4)
	c, err := f.signed(addr, size, "BTHD", "B-tree header")
	if err != nil {
		return err
	}
	c.version(0)
	if got := c.u8(); got != kind {
		c.fail(fmt.Sprintf("a B-tree of type %d", got), fmt.Sprintf("type %d", kind), "")
	}
	t := &tree2{f: f, kind: kind, seen: map[uint64]bool{}, visit: visit}
	t.nodeSize, t.recordSize, t.depth = uint64(c.u32()), int(c.u16()), int(c.u16())
	c.skip(2)
	root, n := c.addr(), int(c.u16())
	c.length()
	c.checksum()
	if t.recordSize < 1 || t.depth > btree2MaxDepth || t.nodeSize < btree2Head+btree2Checksum+uint64(t.recordSize) {
		c.fail(fmt.Sprintf("nodes of %d bytes, records of %d and a depth of %d", t.nodeSize, t.recordSize, t.depth), "sensible sizes", "")
	}
	if c.err != nil {
		return c.err
	}
	if root == undefined {
		return nil
	}
	most := (t.nodeSize - btree2Head - btree2Checksum) / uint64(t.recordSize)
	t.recordsWidth = widthOf(most)
	t.totalWidth = []int{0}
	total := most
	for level := 1; level <= t.depth; level++ {
		pointer := uint64(f.offsetSize + t.recordsWidth + t.totalWidth[level-1])
		if t.nodeSize < btree2Head+btree2Checksum+pointer {
			c.fail(fmt.Sprintf("nodes of %d bytes", t.nodeSize), "room for a pointer to a child", "")
			return c.err
		}
		records := (t.nodeSize - btree2Head - btree2Checksum - pointer) / (uint64(t.recordSize) + pointer)
		if total > undefined/(records+2) {
			c.fail(fmt.Sprintf("a depth of %d", t.depth), "one whose records can be counted", "")
			return c.err
		}
		total = (records+1)*total + records
		t.totalWidth = append(t.totalWidth, widthOf(total))
	}
	return t.node(root, n, t.depth)
}

func (t *tree2) node(addr uint64, n, level int) error {
	signature := "BTLF"
	if level > 0 {
		signature = "BTIN"
	}
	const what = "B-tree node"
	pointer := 0
	size := uint64(btree2Head + n*t.recordSize + btree2Checksum)
	if level > 0 {
		pointer = t.f.offsetSize + t.recordsWidth + t.totalWidth[level-1]
		size += uint64((n + 1) * pointer)
	}
	c, err := t.f.signed(addr, size, signature, what)
	if err != nil {
		return err
	}
	if size > t.nodeSize {
		c.fail(fmt.Sprintf("%d records", n), fmt.Sprintf("what fits into %d bytes", t.nodeSize), "")
	}
	if t.seen[addr] {
		c.fail("a node that was read before", "a new one", "")
	}
	t.seen[addr] = true
	c.version(0)
	if got := c.u8(); got != t.kind {
		c.fail(fmt.Sprintf("a node of type %d", got), fmt.Sprintf("type %d", t.kind), "")
	}
	records, at := c.bytes(n*t.recordSize), c.at+int64(c.pos-n*t.recordSize)
	type child struct {
		addr uint64
		n    int
	}
	var children []child
	if level > 0 {
		for range n + 1 {
			k := child{addr: c.addr(), n: int(c.uint(t.recordsWidth))}
			c.uint(t.totalWidth[level-1])
			children = append(children, k)
		}
	}
	c.checksum()
	if c.err != nil {
		return c.err
	}
	for i := range n + 1 {
		if level > 0 {
			if uint64(children[i].n) > t.nodeSize {
				c.fail(fmt.Sprintf("a child of %d records", children[i].n), fmt.Sprintf("what fits into %d bytes", t.nodeSize), "")
				return c.err
			}
			if err := t.node(children[i].addr, children[i].n, level-1); err != nil {
				return err
			}
		}
		if i < n {
			r := t.f.cursor(records[i*t.recordSize:(i+1)*t.recordSize], at+int64(i*t.recordSize), "B-tree record")
			if err := t.visit(r); err != nil {
				return err
			}
		}
	}
	return nil
}
