package hdf5

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// layout says where the elements of a dataset lie.
type layout struct {
	kind  layoutKind
	addr  uint64 // of contiguous data, or of the index of chunks; undefined when nothing was written yet
	size  uint64 // of contiguous data; 0 when not told
	data  []byte // compact: the elements themselves
	at    int64  // of data in the file
	chunk []int  // lengths of a chunk along each axis

	index      chunkIndex
	wholeEdges bool // chunks that reach over the edge of the dataset went through no filter
	single     chunk
}

type layoutKind uint8

const (
	compact    layoutKind = 0
	contiguous layoutKind = 1
	chunked    layoutKind = 2
	virtual    layoutKind = 3
)

// chunkIndex is how a file finds chunks.
type chunkIndex uint8

// The indexes of layout messages of version 4, with their numbers there; indexBTree1 is that of earlier versions.
const (
	indexBTree1          chunkIndex = 0
	indexSingle          chunkIndex = 1
	indexImplicit        chunkIndex = 2
	indexFixedArray      chunkIndex = 3
	indexExtensibleArray chunkIndex = 4
	indexBTree2          chunkIndex = 5
)

// chunk is where one chunk lies.
type chunk struct {
	number uint64 // row-major in the grid of chunks that covers the dataset
	addr   uint64
	stored uint64 // bytes in the file; 0 for chunks without filters, which take their full size
	mask   uint32 // filters left out
}

// layout reads a data layout message. elementSize is that of the datatype.
func (f *File) layout(m message, rank, elementSize int) (*layout, error) {
	c := f.cursor(m.data, m.at, "data layout")
	l := &layout{addr: undefined}
	switch version := c.version(1, 2, 3, 4, 5); version {
	case 1, 2:
		n := int(c.u8())
		l.kind = layoutKind(c.u8())
		c.skip(5)
		if l.kind != compact {
			l.addr = c.addr()
		}
		dims := make([]uint64, n)
		for i := range dims {
			dims[i] = uint64(c.u32())
		}
		switch l.kind {
		case compact:
			l.compact(c, c.u32())
		case chunked:
			l.chunks(c, dims, rank, elementSize)
		}
	case 3, 4, 5:
		l.kind = layoutKind(c.u8())
		switch l.kind {
		case compact:
			l.compact(c, uint32(c.u16()))
		case contiguous:
			l.addr, l.size = c.addr(), c.length()
		case chunked:
			if version == 3 {
				dims := make([]uint64, c.u8())
				l.addr = c.addr()
				for i := range dims {
					dims[i] = uint64(c.u32())
				}
				l.chunks(c, dims, rank, elementSize)
			} else {
				l.chunked4(c, rank, elementSize)
			}
		}
	}
	if l.kind > virtual {
		c.fail(fmt.Sprintf("a layout of class %d", l.kind), "class 0 to 3", "")
	}
	return l, c.err
}

func (l *layout) compact(c *cursor, n uint32) {
	if c.at >= 0 {
		l.at = c.at + int64(c.pos)
	}
	l.data = c.bytes(int(n))
}

// maxChunk bounds the size of a chunk, all of which has to be in memory to read a part of it.
const maxChunk = 1 << 32

// chunks takes the lengths of a chunk, of which the last is the size of an element.
func (l *layout) chunks(c *cursor, dims []uint64, rank, elementSize int) {
	if c.err != nil {
		return
	}
	if len(dims) != rank+1 || dims[rank] != uint64(elementSize) {
		c.fail(fmt.Sprintf("chunks of %v bytes", dims), fmt.Sprintf("%d lengths and an element size of %d", rank, elementSize), "")
		return
	}
	n := uint64(elementSize)
	for _, d := range dims[:rank] {
		if d == 0 || n > maxChunk/d {
			c.fail(fmt.Sprintf("chunks of %v bytes", dims), "1 byte to 4 GB", "")
			return
		}
		n *= d
		l.chunk = append(l.chunk, int(d))
	}
}

func (l *layout) chunked4(c *cursor, rank, elementSize int) {
	flags := c.u8()
	l.wholeEdges = flags&1 != 0
	dims := make([]uint64, c.u8())
	width := int(c.u8())
	for i := range dims {
		dims[i] = c.uint(width)
	}
	l.chunks(c, dims, rank, elementSize)
	l.index = chunkIndex(c.u8())
	switch l.index {
	case indexSingle:
		if flags&2 != 0 {
			l.single.stored, l.single.mask = c.length(), c.u32()
		}
	case indexImplicit:
	case indexFixedArray:
		c.skip(1)
	case indexExtensibleArray:
		c.skip(5)
	case indexBTree2:
		c.skip(6)
	default:
		c.fail(fmt.Sprintf("chunk index %d", l.index), "index 1 to 5", "")
	}
	l.addr = c.addr()
}

// grid is the number of chunks along each axis that cover dims.
func grid(dims, chunk []int) []uint64 {
	out := make([]uint64, len(dims))
	for i, d := range dims {
		out[i] = (uint64(d) + uint64(chunk[i]) - 1) / uint64(chunk[i])
	}
	return out
}

// chunkNumber is the row-major number of a chunk in a grid, and false outside of it.
func chunkNumber(scaled, grid []uint64) (uint64, bool) {
	n := uint64(0)
	for i, s := range scaled {
		if s >= grid[i] {
			return 0, false
		}
		n = n*grid[i] + s
	}
	return n, true
}

// chunkPlace is the inverse of chunkNumber. The first axis is not bounded.
func chunkPlace(number uint64, grid, scaled []uint64) {
	for i := len(grid) - 1; i > 0; i-- {
		if grid[i] == 0 {
			scaled[i] = undefined
			continue
		}
		scaled[i] = number % grid[i]
		number /= grid[i]
	}
	if len(scaled) > 0 {
		scaled[0] = number
	}
}

// chunkList finds all chunks of a dataset that were written, ordered by number.
func (d *Dataset) chunkList() ([]chunk, error) {
	if d.layout.addr == undefined {
		return nil, nil
	}
	now := grid(d.space.dims, d.layout.chunk)
	if _, ok := product(now); !ok {
		c := d.f.cursor(nil, -1, "chunk index")
		c.fail(fmt.Sprintf("%v chunks", now), "what an integer can count", "")
		return nil, c.err
	}
	var out []chunk
	var err error
	add := func(scaled []uint64, k chunk) {
		if number, ok := chunkNumber(scaled, now); ok && k.addr != undefined { // a dataset that shrank leaves chunks outside
			k.number = number
			out = append(out, k)
		}
	}
	switch d.layout.index {
	case indexBTree1:
		err = d.btree1Chunks(add)
	case indexSingle:
		k := d.layout.single
		k.addr = d.layout.addr
		add(make([]uint64, len(now)), k)
	case indexImplicit:
		err = d.implicitChunks(add)
	case indexFixedArray:
		err = d.fixedArray(add)
	case indexExtensibleArray:
		err = d.extensibleArray(add)
	case indexBTree2:
		err = d.btree2Chunks(add)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b chunk) int { return cmp.Compare(a.number, b.number) })
	total := uint64(0)
	for i, k := range out {
		size := k.stored
		if size == 0 {
			size = d.chunkBytes()
		}
		c := d.f.cursor(nil, -1, "chunk index")
		if i > 0 && k.number == out[i-1].number {
			c.fail(fmt.Sprintf("chunk %d twice", k.number), "once", "")
			return nil, c.err
		}
		if err := d.f.claim(k.addr, size, "chunk"); err != nil {
			return nil, err
		}
		if total += size; total > uint64(d.f.size) {
			c.fail("chunks that are larger than the file", "such that do not overlap", "")
			return nil, c.err
		}
	}
	return out, nil
}

func product(n []uint64) (uint64, bool) {
	p := uint64(1)
	for _, x := range n {
		hi, lo := bits.Mul64(p, x)
		if hi != 0 || lo > math.MaxInt64 {
			return 0, false
		}
		p = lo
	}
	return p, true
}

// chunkBytes is the size of a chunk before filters.
func (d *Dataset) chunkBytes() uint64 {
	n := uint64(d.typ.Size)
	for _, x := range d.layout.chunk {
		n *= uint64(x) // within maxChunk, as the layout was checked
	}
	return n
}

func (d *Dataset) btree1Chunks(add func([]uint64, chunk)) error {
	rank := len(d.layout.chunk)
	scaled := make([]uint64, rank)
	return d.f.btree1(d.layout.addr, chunkTree, 8+8*(rank+1), func(key *cursor, child uint64) error {
		k := chunk{stored: uint64(key.u32()), mask: key.u32(), addr: child}
		for i := range scaled {
			at := key.u64()
			if size := uint64(d.layout.chunk[i]); at%size != 0 {
				key.fail(fmt.Sprintf("a chunk that begins at %d", at), fmt.Sprintf("a multiple of %d", size), "")
			} else {
				scaled[i] = at / size
			}
		}
		add(scaled, d.filtered(k))
		return key.err
	})
}

// filtered leaves out the stored size of a chunk that no filter changed.
func (d *Dataset) filtered(k chunk) chunk {
	if len(d.filters) == 0 {
		k.stored = 0
	}
	return k
}

// maxGrid is the grid of chunks over the largest shape the dataset may grow to, which arrays of chunks are laid out for. An
// unlimited axis counts as endless; only the first one of the grid may be.
func (d *Dataset) maxGrid() []uint64 {
	out := make([]uint64, len(d.space.max))
	for i, n := range d.space.max {
		if out[i] = undefined; n >= 0 {
			out[i] = (uint64(n) + uint64(d.layout.chunk[i]) - 1) / uint64(d.layout.chunk[i])
		}
	}
	return out
}

func (d *Dataset) implicitChunks(add func([]uint64, chunk)) error {
	most := d.maxGrid()
	n, ok := product(most)
	size := d.chunkBytes()
	if !ok || n > uint64(d.f.size)/size {
		c := d.f.cursor(nil, -1, "chunk index")
		c.fail(fmt.Sprintf("%v chunks of %d bytes one after the other", most, size), fmt.Sprintf("no more than fit into %d", d.f.size), "")
		return c.err
	}
	scaled := make([]uint64, len(most))
	for i := range n {
		chunkPlace(i, most, scaled)
		add(scaled, chunk{addr: d.layout.addr + i*size})
	}
	return nil
}

// chunkElement reads an element of a fixed or extensible array: the place of a chunk.
func (d *Dataset) chunkElement(c *cursor, size int) chunk {
	start := c.pos
	k := chunk{addr: c.addr()}
	if n := size - d.f.offsetSize - 4; len(d.filters) > 0 {
		k.stored = c.uint(n)
		k.mask = c.u32()
	}
	c.pos = start
	c.skip(size)
	return k
}

// elementSize checks the size of an array's elements.
func (d *Dataset) elementSize(c *cursor, size int) {
	least, most := d.f.offsetSize, d.f.offsetSize
	if len(d.filters) > 0 {
		least, most = least+4+1, most+4+8
	}
	if c.err == nil && (size < least || size > most) {
		c.fail(fmt.Sprintf("elements of %d bytes", size), fmt.Sprintf("%d to %d", least, most), "")
	}
}

// fixedArray reads the index of a dataset whose shape is limited: a block of elements, cut into pages when it is long.
func (d *Dataset) fixedArray(add func([]uint64, chunk)) error {
	const what = "fixed array"
	f := d.f
	c, err := f.signed(d.layout.addr, uint64(8+f.lengthSize+f.offsetSize+4), "FAHD", what)
	if err != nil {
		return err
	}
	c.version(0)
	c.skip(1)
	size, pageBits := int(c.u8()), int(c.u8())
	n := c.length()
	block := c.addr()
	c.checksum()
	d.elementSize(c, size)
	if c.err == nil && n > uint64(f.size)/uint64(size) {
		c.fail(fmt.Sprintf("%d elements of %d bytes", n, size), fmt.Sprintf("what fits into %d", f.size), "")
	}
	if c.err == nil && pageBits > 32 {
		c.fail(fmt.Sprintf("pages of 2^%d elements", pageBits), "at most 2^32", "")
	}
	if c.err != nil || block == undefined {
		return c.err
	}
	most := d.maxGrid()
	scaled := make([]uint64, len(most))
	read := func(c *cursor, first, count uint64) {
		for i := range count {
			k := d.chunkElement(c, size)
			chunkPlace(first+i, most, scaled)
			if c.err == nil {
				add(scaled, k)
			}
		}
	}
	head := 6 + f.offsetSize
	page := uint64(1) << pageBits
	if n <= page {
		c, err := f.signed(block, uint64(head)+n*uint64(size)+4, "FADB", what)
		if err != nil {
			return err
		}
		c.version(0)
		c.skip(1 + f.offsetSize)
		read(c, 0, n)
		c.checksum()
		return c.err
	}
	pages := (n + page - 1) / page
	bitmap := (pages + 7) / 8
	c, err = f.signed(block, uint64(head)+bitmap+4, "FADB", what)
	if err != nil {
		return err
	}
	c.version(0)
	c.skip(1 + f.offsetSize)
	written := c.bytes(int(bitmap))
	c.checksum()
	if c.err != nil {
		return c.err
	}
	at := block + uint64(head) + bitmap + 4
	for p := range pages {
		count := min(page, n-p*page)
		if written[p/8]&(0x80>>(p%8)) != 0 {
			if err := d.page(at, count, size, what, func(c *cursor) { read(c, p*page, count) }); err != nil {
				return err
			}
		}
		at += page*uint64(size) + 4
	}
	return nil
}

// page reads a page of an array: count elements of size bytes and a checksum.
func (d *Dataset) page(at, count uint64, size int, what string, read func(*cursor)) error {
	b, err := d.f.block(at, count*uint64(size)+4, what)
	if err != nil {
		return err
	}
	c := d.f.cursor(b, d.f.base+int64(at), what)
	read(c)
	c.checksum()
	return c.err
}

// extensibleArray reads the index of a dataset that is unlimited along one axis: a block with the first elements, the
// addresses of the first blocks of more, and those of secondary blocks that hold further addresses. Blocks of elements come in
// pages when they are long.
func (d *Dataset) extensibleArray(add func([]uint64, chunk)) error {
	const what = "extensible array"
	f := d.f
	c, err := f.signed(d.layout.addr, uint64(12+6*f.lengthSize+f.offsetSize+4), "EAHD", what)
	if err != nil {
		return err
	}
	c.version(0)
	c.skip(1)
	size := int(c.u8())
	maxBits, inIndex, minElements, minPointers, pageBits := int(c.u8()), int(c.u8()), uint64(c.u8()), uint64(c.u8()), int(c.u8())
	c.skip(6 * f.lengthSize)
	index := c.addr()
	c.checksum()
	d.elementSize(c, size)
	if c.err == nil && (maxBits > 64 || bits.OnesCount64(minElements) != 1 || bits.OnesCount64(minPointers) != 1 || minPointers < 2 || pageBits > 32) {
		c.fail(fmt.Sprintf("blocks of at least %d elements and %d pointers", minElements, minPointers), "powers of two", "")
	}
	if c.err != nil || index == undefined {
		return c.err
	}
	minBits := bits.Len64(minElements) - 1
	if maxBits < minBits {
		c.fail(fmt.Sprintf("at most 2^%d elements in blocks of at least 2^%d", maxBits, minBits), "more", "")
		return c.err
	}
	levels := 1 + maxBits - minBits                      // of blocks of equal length
	direct := min(2*(bits.Len64(minPointers)-1), levels) // of them have their addresses in the index block
	offsetWidth := (maxBits + 7) / 8
	page := uint64(1) << pageBits

	// The array is laid out as if the unlimited axis came first.
	most := d.maxGrid()
	unlimited := max(0, slices.Index(d.space.max, -1))
	turned := slices.Concat([]uint64{most[unlimited]}, most[:unlimited], most[unlimited+1:])
	place, scaled := make([]uint64, len(most)), make([]uint64, len(most))
	read := func(c *cursor, first, count uint64) {
		for i := range count {
			k := d.chunkElement(c, size)
			if c.err != nil {
				return
			}
			chunkPlace(first+i, turned, place)
			copy(scaled, place[1:1+unlimited])
			scaled[unlimited] = place[0]
			copy(scaled[unlimited+1:], place[1+unlimited:])
			add(scaled, k)
		}
	}
	seen := map[uint64]bool{}
	head := 6 + f.offsetSize
	block := func(addr, first, count uint64, written func(page uint64) bool) error {
		if addr == undefined {
			return nil
		}
		if seen[addr] {
			c := f.cursor(nil, f.base+int64(addr), what)
			c.fail("a block that was read before", "a new one", "")
			return c.err
		}
		seen[addr] = true
		n := uint64(head + offsetWidth)
		if count <= page {
			if count > uint64(f.size) {
				return f.claim(addr, count, what)
			}
			n += count * uint64(size)
		}
		c, err := f.signed(addr, n+4, "EADB", what)
		if err != nil {
			return err
		}
		c.version(0)
		c.skip(1 + f.offsetSize + offsetWidth)
		if count <= page {
			read(c, first, count)
		}
		c.checksum()
		if c.err != nil || count <= page {
			return c.err
		}
		at := addr + n + 4
		for p := range count / page {
			if written(p) {
				if err := d.page(at, page, size, what, func(c *cursor) { read(c, first+p*page, page) }); err != nil {
					return err
				}
			}
			at += page*uint64(size) + 4
		}
		return nil
	}

	pointers := int(2 * (minPointers - 1)) // to blocks of elements in the index block
	c, err = f.signed(index, uint64(head+inIndex*size+(pointers+levels-direct)*f.offsetSize+4), "EAIB", what)
	if err != nil {
		return err
	}
	c.version(0)
	c.skip(1 + f.offsetSize)
	read(c, 0, uint64(inIndex))
	first := uint64(inIndex)
	var secondary []uint64
	type place1 struct{ addr, first, count uint64 }
	var blocks []place1
	for level := range direct {
		count := minElements << ((level + 1) / 2)
		for range 1 << (level / 2) {
			blocks = append(blocks, place1{c.addr(), first, count})
			first += count
		}
	}
	c.pos = head + inIndex*size + pointers*f.offsetSize
	for range levels - direct {
		secondary = append(secondary, c.addr())
	}
	c.checksum()
	if c.err != nil {
		return c.err
	}
	for _, b := range blocks {
		if b.count > page && b.addr != undefined {
			c.fail("pages in a block that the index block points to", "none", "")
			return c.err
		}
		if err := block(b.addr, b.first, b.count, nil); err != nil {
			return err
		}
	}
	for i, addr := range secondary {
		level := direct + i
		count := minElements << ((level + 1) / 2)
		n := uint64(1) << (level / 2)
		if addr == undefined {
			first += n * count
			continue
		}
		if seen[addr] || n > uint64(f.size) {
			c.fail("a secondary block that was read before, or larger than the file", "a new one", "")
			return c.err
		}
		seen[addr] = true
		pages, bitmap := uint64(0), uint64(0)
		if count > page {
			pages = count / page
			bitmap = n * ((pages + 7) / 8)
		}
		if bitmap > uint64(f.size) {
			return f.claim(addr, bitmap, what)
		}
		c, err := f.signed(addr, uint64(head+offsetWidth)+bitmap+n*uint64(f.offsetSize)+4, "EASB", what)
		if err != nil {
			return err
		}
		c.version(0)
		c.skip(1 + f.offsetSize + offsetWidth)
		written := c.bytes(int(bitmap))
		addrs := make([]uint64, n)
		for i := range addrs {
			addrs[i] = c.addr()
		}
		c.checksum()
		if c.err != nil {
			return c.err
		}
		for i, b := range addrs {
			bit := func(p uint64) bool {
				p += uint64(i) * pages
				return written[p/8]&(0x80>>(p%8)) != 0
			}
			if err := block(b, first, count, bit); err != nil {
				return err
			}
			first += count
		}
	}
	return nil
}

// btree2Chunks reads the index of a dataset that is unlimited along several axes.
func (d *Dataset) btree2Chunks(add func([]uint64, chunk)) error {
	kind := uint8(chunkTree2)
	if len(d.filters) > 0 {
		kind = filteredChunkTree2
	}
	rank := len(d.layout.chunk)
	scaled := make([]uint64, rank)
	return d.f.btree2(d.layout.addr, kind, func(r *cursor) error {
		k := chunk{addr: r.addr()}
		if kind == filteredChunkTree2 {
			k.stored = r.uint(max(0, r.left()-4-8*rank))
			k.mask = r.u32()
		}
		for i := range scaled {
			scaled[i] = r.u64()
		}
		if r.err == nil {
			add(scaled, k)
		}
		return r.err
	})
}
