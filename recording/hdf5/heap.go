package hdf5

import (
	"fmt"
	"math/bits"
	"sync"
)

// localHeap reads the data of a local heap, which holds the names of a group of the old kind.
func (f *File) localHeap(addr uint64) ([]byte, error) {
	c, err := f.signed(addr, uint64(8+2*f.lengthSize+f.offsetSize), "HEAP", "local heap")
	if err != nil {
		return nil, err
	}
	c.version(0)
	c.skip(3)
	size := c.length()
	c.length() // the first free block
	at := c.addr()
	if c.err != nil {
		return nil, c.err
	}
	return f.block(at, size, "local heap")
}

// globalHeaps keeps the collections of variable-length data that were read.
type globalHeaps struct {
	sync.Mutex
	collections map[uint64]map[uint32][]byte
	kept        int            // bytes in collections
	read        map[uint64]int // the size of every collection ever read
	total       int64          // of read
}

// maxHeaps is how many bytes of collections are kept.
const maxHeaps = 32 << 20

// globalObject gives an object of a global heap: the bytes of a text or a sequence of variable length.
func (f *File) globalObject(addr uint64, index uint32) ([]byte, error) {
	h := &f.heaps
	h.Lock()
	defer h.Unlock()
	objects, ok := h.collections[addr]
	if !ok {
		var size int
		var err error
		if objects, size, err = f.collection(addr); err != nil {
			return nil, err
		}
		if h.collections == nil || h.kept > maxHeaps {
			h.collections, h.kept = map[uint64]map[uint32][]byte{}, 0
		}
		h.collections[addr] = objects
		h.kept += size
	}
	b, ok := objects[index]
	if !ok {
		c := f.cursor(nil, f.base+int64(addr), "global heap")
		c.fail(fmt.Sprintf("no object %d", index), "one", "")
		return nil, c.err
	}
	return b, nil
}

// collection reads one collection of a global heap.
func (f *File) collection(addr uint64) (map[uint32][]byte, int, error) {
	const what = "global heap"
	head := uint64(8 + f.lengthSize)
	c, err := f.signed(addr, head, "GCOL", what)
	if err != nil {
		return nil, 0, err
	}
	c.version(1)
	c.skip(3)
	size := c.length()
	if size < head {
		c.fail(fmt.Sprintf("%d bytes", size), "more than its head takes", "")
	}
	if c.err != nil {
		return nil, 0, c.err
	}
	if err := f.claim(addr, size, what); err != nil {
		return nil, 0, err
	}
	// Collections that overlap would multiply work.
	h := &f.heaps
	if _, again := h.read[addr]; !again {
		if h.total += int64(size); h.total > f.size {
			c.fail("collections larger than the file", "such that do not overlap", "")
			return nil, 0, c.err
		}
		if h.read == nil {
			h.read = map[uint64]int{}
		}
		h.read[addr] = int(size)
	}
	b, err := f.block(addr, size, what)
	if err != nil {
		return nil, 0, err
	}
	c = f.cursor(b, f.base+int64(addr), what)
	c.skip(int(head))
	out := map[uint32][]byte{}
	for c.left() >= 8+f.lengthSize {
		index := uint32(c.u16())
		c.skip(6)
		n := c.length()
		if index == 0 {
			break // free space
		}
		if n > uint64(c.left()) {
			c.fail(fmt.Sprintf("an object of %d bytes", n), fmt.Sprintf("at most the %d left", c.left()), "")
			return nil, 0, c.err
		}
		start := c.pos
		out[index] = c.bytes(int(n))
		c.align(start, 8)
	}
	return out, len(b), c.err
}

// fractalHeap is the header of a fractal heap, and those of its blocks that were read.
type fractalHeap struct {
	f            *File
	addr         uint64
	offsetWidth  int // bytes of an offset in the heap
	lengthWidth  int // bytes of the length of an object
	idLength     int
	filters      []filter
	checksums    bool // direct blocks have them
	tableWidth   uint64
	startSize    uint64
	maxDirect    uint64
	directRows   int
	root         uint64
	rootRows     int
	rootFiltered uint64 // size in the file of a root block that is a filtered direct block
	rootMask     uint32
	hugeTree     uint64
	huge         map[uint64]hugeObject
	blocks       map[uint64][]byte // by address
	loaded       uint64            // bytes of blocks read
}

type hugeObject struct {
	addr, size uint64
	mask       uint32
	inflated   uint64
}

const fractalPrefix = 4 + 1 // signature, version

func (f *File) fractalHeap(addr uint64) (*fractalHeap, error) {
	const what = "fractal heap"
	o, l := f.offsetSize, f.lengthSize
	fixed := fractalPrefix + 2 + 2 + 1 + 4 + 12*l + 3*o + 2 + 2 + 2 + 2
	b, err := f.block(addr, uint64(fixed), what)
	if err != nil {
		return nil, err
	}
	// The length of the description of filters lies at a known place and says how long the whole is.
	filtersLength := littleEndian(b[7:9])
	size := uint64(fixed + 4)
	if filtersLength > 0 {
		size += uint64(l+4) + filtersLength
	}
	c, err := f.signed(addr, size, "FRHP", what)
	if err != nil {
		return nil, err
	}
	h := &fractalHeap{f: f, addr: addr, blocks: map[uint64][]byte{}}
	c.version(0)
	h.idLength = int(c.u16())
	c.skip(2)
	h.checksums = c.u8()&2 != 0
	maxManaged := uint64(c.u32())
	c.length() // the next number of a huge object
	h.hugeTree = c.addr()
	c.length() // free space
	c.addr()
	c.skip(8 * l) // sizes and counts of objects
	h.tableWidth = uint64(c.u16())
	h.startSize, h.maxDirect = c.length(), c.length()
	heapBits := int(c.u16())
	c.skip(2)
	h.root = c.addr()
	h.rootRows = int(c.u16())
	if filtersLength > 0 {
		h.rootFiltered = c.length()
		h.rootMask = c.u32()
		in := f.cursor(c.bytes(int(filtersLength)), -1, "filters of a fractal heap")
		h.filters = f.filters(in)
		if in.err != nil {
			return nil, in.err
		}
	}
	c.checksum()
	powers := bits.OnesCount64(h.startSize) == 1 && bits.OnesCount64(h.maxDirect) == 1 && bits.OnesCount64(h.tableWidth) == 1
	if !powers || h.startSize > h.maxDirect || h.maxDirect > 1<<32 || heapBits > 64 || heapBits == 0 || h.idLength < 1 || maxManaged == 0 {
		c.fail(fmt.Sprintf("a table %d wide of blocks from %d to %d bytes in a heap of %d bits", h.tableWidth, h.startSize, h.maxDirect, heapBits), "powers of two", "")
	}
	if c.err != nil {
		return nil, c.err
	}
	h.offsetWidth = (heapBits + 7) / 8
	h.lengthWidth = min((bits.Len64(h.maxDirect)-1+7)/8, widthOf(maxManaged))
	h.directRows = bits.Len64(h.maxDirect) - bits.Len64(h.startSize) + 2
	return h, nil
}

// object gives the bytes of an object of the heap, and where they lie in the file when they lie there as they are.
func (h *fractalHeap) object(id []byte) ([]byte, int64, error) {
	c := h.f.cursor(id, -1, "heap ID")
	first := c.u8()
	if first>>6 != 0 {
		c.fail(fmt.Sprintf("version %d", first>>6), "version 0", "")
	}
	switch kind := first >> 4 & 3; kind {
	case 0:
		offset, n := c.uint(h.offsetWidth), c.uint(h.lengthWidth)
		if c.err != nil {
			return nil, 0, c.err
		}
		return h.managed(offset, n)
	case 1:
		if c.err != nil {
			return nil, 0, c.err
		}
		return h.hugeObject(c)
	case 2:
		n := int(first&15) + 1
		if h.idLength-1 > 16 {
			n = int(first&15)<<8 | int(c.u8()) + 1
		}
		return c.bytes(n), -1, c.err
	default:
		c.fail(fmt.Sprintf("an object of type %d", kind), "type 0, 1 or 2", "")
		return nil, 0, c.err
	}
}

// managed finds an object within the blocks of the heap by its offset in the heap.
func (h *fractalHeap) managed(offset, n uint64) ([]byte, int64, error) {
	f := h.f
	if h.rootRows == 0 {
		size := h.startSize
		if len(h.filters) > 0 {
			size = h.rootFiltered
		}
		return h.inBlock(h.root, size, h.startSize, h.rootMask, 0, offset, n)
	}
	addr, rows, start := h.root, h.rootRows, uint64(0)
	for range 64 {
		entry, size, into, row, err := h.locate(addr, rows, offset-start)
		if err != nil {
			return nil, 0, err
		}
		start = offset - into
		b, err := h.indirect(addr, rows)
		if err != nil {
			return nil, 0, err
		}
		c := f.cursor(b, f.base+int64(addr), "fractal heap")
		each := f.offsetSize
		if len(h.filters) > 0 {
			each += f.lengthSize + 4
		}
		direct := min(rows, h.directRows) * int(h.tableWidth)
		c.skip(fractalPrefix + f.offsetSize + h.offsetWidth)
		if row < h.directRows {
			c.skip(entry * each)
			addr = c.addr()
			stored, mask := size, uint32(0)
			if len(h.filters) > 0 {
				stored, mask = c.length(), c.u32()
			}
			if c.err != nil {
				return nil, 0, c.err
			}
			return h.inBlock(addr, stored, size, mask, start, offset, n)
		}
		c.skip(direct*each + (entry-direct)*f.offsetSize)
		addr = c.addr()
		if c.err != nil {
			return nil, 0, c.err
		}
		rows = bits.Len64(size) - bits.Len64(h.startSize*h.tableWidth) + 1
	}
	c := f.cursor(nil, -1, "fractal heap")
	c.fail("blocks within blocks without end", "a heap", "")
	return nil, 0, c.err
}

// locate finds the entry of an indirect block that an offset lies in: which one, the size of its block, the offset within
// that, and its row.
func (h *fractalHeap) locate(addr uint64, rows int, offset uint64) (entry int, size, into uint64, row int, err error) {
	rowBytes := h.startSize * h.tableWidth // of rows 0 and 1; every further row is twice as long
	size, into = h.startSize, offset
	if offset >= rowBytes {
		row = bits.Len64(offset / rowBytes)
		size <<= row - 1
		into = offset - rowBytes<<(row-1)
	}
	if row >= rows {
		c := h.f.cursor(nil, h.f.base+int64(addr), "fractal heap")
		c.fail(fmt.Sprintf("an object in row %d", row), fmt.Sprintf("one in the %d rows there are", rows), "")
		return 0, 0, 0, 0, c.err
	}
	return row*int(h.tableWidth) + int(into/size), size, into % size, row, nil
}

// indirect reads an indirect block of the heap and checks it.
func (h *fractalHeap) indirect(addr uint64, rows int) ([]byte, error) {
	if b, ok := h.blocks[addr]; ok {
		return b, nil
	}
	f := h.f
	each := f.offsetSize
	if len(h.filters) > 0 {
		each += f.lengthSize + 4
	}
	if rows < 1 || rows > 64 {
		c := f.cursor(nil, f.base+int64(addr), "fractal heap")
		c.fail(fmt.Sprintf("a block of %d rows", rows), "1 to 64", "")
		return nil, c.err
	}
	direct := min(rows, h.directRows)
	size := fractalPrefix + f.offsetSize + h.offsetWidth + int(h.tableWidth)*(direct*each+(rows-direct)*f.offsetSize)
	c, err := f.signed(addr, uint64(size+4), "FHIB", "fractal heap")
	if err != nil {
		return nil, err
	}
	c.version(0)
	c.pos = size
	c.checksum()
	if c.err != nil {
		return nil, c.err
	}
	return c.b, h.keep(addr, c.b)
}

// keep remembers a block, unless the heap's blocks are more than the file can hold.
func (h *fractalHeap) keep(addr uint64, b []byte) error {
	h.loaded += uint64(len(b))
	if limit := uint64(h.f.size); h.loaded > limit*expansion(h.filters) {
		c := h.f.cursor(nil, h.f.base+int64(addr), "fractal heap")
		c.fail("blocks larger than the file", "such that do not overlap", "")
		return c.err
	}
	h.blocks[addr] = b
	return nil
}

// inBlock gives n bytes at an offset in the heap, which lie in the direct block at addr that begins at offset start.
func (h *fractalHeap) inBlock(addr, stored, size uint64, mask uint32, start, offset, n uint64) ([]byte, int64, error) {
	f := h.f
	const what = "fractal heap"
	b, ok := h.blocks[addr]
	if !ok {
		var err error
		if b, err = f.block(addr, stored, what); err != nil {
			return nil, 0, err
		}
		if len(h.filters) > 0 {
			if b, err = f.unfilter(h.filters, mask, b, size, f.base+int64(addr)); err != nil {
				return nil, 0, err
			}
		}
		c := f.cursor(b, f.base+int64(addr), what)
		if got := string(c.bytes(4)); got != "FHDB" {
			c.pos = 0
			c.fail(fmt.Sprintf("%q", got), `"FHDB"`, "")
		}
		c.version(0)
		c.skip(f.offsetSize + h.offsetWidth)
		if h.checksums && c.err == nil {
			// The checksum is that of the block with zeros in the checksum's own place.
			whole := append([]byte(nil), b...)
			if at := c.pos; at+4 <= len(whole) {
				clear(whole[at : at+4])
			}
			want := lookup3(whole)
			if got := c.u32(); c.err == nil && got != want && !f.unchecked {
				c.fail(fmt.Sprintf("checksum %08x", got), fmt.Sprintf("%08x", want), "the file is damaged: copy it again from its source")
			}
		}
		if c.err != nil {
			return nil, 0, c.err
		}
		if err := h.keep(addr, b); err != nil {
			return nil, 0, err
		}
	}
	from := offset - start
	if from > uint64(len(b)) || n > uint64(len(b))-from {
		c := f.cursor(nil, f.base+int64(addr), what)
		c.fail(fmt.Sprintf("an object of %d bytes at %d", n, from), fmt.Sprintf("one within the block of %d", len(b)), "")
		return nil, 0, c.err
	}
	at := int64(-1)
	if len(h.filters) == 0 {
		at = f.base + int64(addr+from)
	}
	return b[from : from+n : from+n], at, nil
}

// hugeObject reads an object too large for the blocks of the heap. Its ID says where it lies, or by which number the heap's
// B-tree lists it.
func (h *fractalHeap) hugeObject(id *cursor) ([]byte, int64, error) {
	f := h.f
	var o hugeObject
	whole := f.offsetSize + f.lengthSize
	if len(h.filters) > 0 {
		whole += 4 + f.lengthSize
	}
	if h.idLength-1 >= whole {
		o.addr, o.size = id.addr(), id.length()
		if len(h.filters) > 0 {
			o.mask, o.inflated = id.u32(), id.length()
		}
	} else {
		key := id.uint(min(id.left(), h.idLength-1, 8))
		if h.huge == nil {
			if err := h.listHuge(); err != nil {
				return nil, 0, err
			}
		}
		var ok bool
		if o, ok = h.huge[key]; !ok {
			id.fail(fmt.Sprintf("no huge object %d", key), "one", "")
		}
	}
	if id.err != nil {
		return nil, 0, id.err
	}
	b, ok := h.blocks[o.addr]
	if !ok {
		var err error
		if b, err = f.block(o.addr, o.size, "fractal heap"); err != nil {
			return nil, 0, err
		}
		if len(h.filters) > 0 {
			if b, err = f.unfilter(h.filters, o.mask, b, o.inflated, f.base+int64(o.addr)); err != nil {
				return nil, 0, err
			}
		}
		if err := h.keep(o.addr, b); err != nil {
			return nil, 0, err
		}
	}
	if len(h.filters) > 0 {
		return b, -1, nil
	}
	return b, f.base + int64(o.addr), nil
}

func (h *fractalHeap) listHuge() error {
	h.huge = map[uint64]hugeObject{}
	kind := uint8(hugeTree)
	if len(h.filters) > 0 {
		kind = hugeFilteredTree
	}
	return h.f.btree2(h.hugeTree, kind, func(r *cursor) error {
		o := hugeObject{addr: r.addr(), size: r.length()}
		if kind == hugeFilteredTree {
			o.mask, o.inflated = r.u32(), r.length()
		}
		h.huge[r.length()] = o
		return r.err
	})
}
