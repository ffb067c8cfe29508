package hdf5

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/recording"
)

// Dataset is an array of elements of one type.
type Dataset struct {
	node
	typ      *Type
	space    dataspace
	layout   *layout
	filters  []filter
	fill     []byte // an element never written; nil for zeros
	external bool   // the elements lie in other files

	once   sync.Once // for the index of chunks
	list   []chunk
	backed uint64 // bytes that the chunks in the file can account for
	err    error
}

func newDataset(n node) (*Dataset, error) {
	d := &Dataset{node: n, external: n.has(msgExternal)}
	var err error
	m, _ := n.find(msgDatatype)
	if d.typ, err = n.f.datatype(m); err != nil {
		return nil, err
	}
	m, _ = n.find(msgDataspace)
	if d.space, err = n.f.dataspace(m); err != nil {
		return nil, err
	}
	m, ok := n.find(msgLayout)
	if !ok {
		return nil, &recording.Error{Path: n.f.path, Field: "object header", Offset: n.f.base + int64(n.addr), Found: "a dataset without a data layout", Expected: "one"}
	}
	if d.layout, err = n.f.layout(m, len(d.space.dims), d.typ.Size); err != nil {
		return nil, err
	}
	if m, ok := n.find(msgFilters); ok {
		if m, err = n.f.resolve(m); err != nil {
			return nil, err
		}
		c := n.f.cursor(m.data, m.at, "filters")
		if d.filters = n.f.filters(c); c.err != nil {
			return nil, c.err
		}
	}
	return d, d.fillValue()
}

// fillValue reads the message that says what elements are that were never written.
func (d *Dataset) fillValue() error {
	m, ok := d.find(msgFill)
	if !ok {
		if m, ok = d.find(msgOldFill); !ok {
			return nil
		}
	}
	m, err := d.f.resolve(m)
	if err != nil {
		return err
	}
	c := d.f.cursor(m.data, m.at, "fill value")
	there := true
	if m.kind == msgFill {
		switch version := c.version(1, 2, 3); version {
		case 1, 2:
			c.skip(2)
			there = c.u8() != 0 || version == 1
		case 3:
			there = c.u8()&0x20 != 0
		}
	}
	if there && c.err == nil && c.left() >= 4 {
		if n := c.u32(); n > 0 && int32(n) > 0 {
			d.fill = c.bytes(int(n))
		}
	}
	if c.err == nil && d.fill != nil && len(d.fill) != d.typ.Size {
		c.fail(fmt.Sprintf("a fill value of %d bytes", len(d.fill)), fmt.Sprintf("%d, as elements have", d.typ.Size), "")
	}
	return c.err
}

// Type is the type of the elements.
func (d *Dataset) Type() *Type { return d.typ }

// Dims is the length of each axis, the last of which varies fastest; empty for a single value.
func (d *Dataset) Dims() []int { return slices.Clone(d.space.dims) }

// MaxDims is the length up to which each axis may grow, -1 for any.
func (d *Dataset) MaxDims() []int { return slices.Clone(d.space.max) }

// Null reports whether the dataset says that it has no elements and no shape at all.
func (d *Dataset) Null() bool { return d.space.null }

// Chunk is the lengths of a chunk, the part of a dataset that is read as a whole; nil when the data are not cut into chunks.
func (d *Dataset) Chunk() []int { return slices.Clone(d.layout.chunk) }

// Storage says in words how the data lie in the file: "contiguous", "chunks 100x64, shuffle, deflate" ...
func (d *Dataset) Storage() string {
	switch {
	case d.external:
		return "in other files"
	case d.layout.kind == compact:
		return "compact"
	case d.layout.kind == virtual:
		return "virtual: parts of other datasets"
	case d.layout.kind == contiguous:
		return "contiguous"
	}
	s := "chunks " + recording.FormatDims(d.layout.chunk)
	for _, f := range d.filters {
		s += ", " + f.String()
	}
	return s
}

// Slab is a regular part of a dataset: along each axis Count elements from Start on, Step apart. A nil slice stands for
// zeros, for all elements that follow, for ones; the zero Slab is the whole dataset.
type Slab struct {
	Start, Count, Step []int
}

// selection is a Slab with everything filled in and checked.
type selection struct {
	start, count, step []int
	elements           int
}

func (d *Dataset) selection(s Slab) (selection, error) {
	dims := d.space.dims
	fail := func(found string) (selection, error) {
		return selection{}, &recording.Error{Path: d.f.path, Field: fmt.Sprintf("%q", d.path), Offset: -1, Found: found,
			Expected: fmt.Sprintf("a part of %s", recording.FormatDims(dims))}
	}
	given := func(x []int) bool { return x == nil || len(x) == len(dims) }
	if !given(s.Start) || !given(s.Count) || !given(s.Step) {
		return fail(fmt.Sprintf("a slab with start %v, count %v and step %v", s.Start, s.Count, s.Step))
	}
	out := selection{make([]int, len(dims)), make([]int, len(dims)), make([]int, len(dims)), 0}
	for i, n := range dims {
		out.step[i] = 1
		if s.Step != nil {
			out.step[i] = s.Step[i]
		}
		if s.Start != nil {
			out.start[i] = s.Start[i]
		}
		if out.step[i] < 1 || out.start[i] < 0 || out.start[i] > n {
			return fail(fmt.Sprintf("a slab with start %d and step %d along axis %d", out.start[i], out.step[i], i))
		}
		out.count[i] = (n-out.start[i]-1)/out.step[i] + 1
		if n == out.start[i] {
			out.count[i] = 0
		}
		if s.Count != nil {
			if s.Count[i] < 0 || s.Count[i] > out.count[i] {
				return fail(fmt.Sprintf("a slab of %d elements from %d on, %d apart, along axis %d", s.Count[i], out.start[i], out.step[i], i))
			}
			out.count[i] = s.Count[i]
		}
	}
	if d.space.null {
		return out, nil
	}
	n, err := recording.Count(out.count)
	if err != nil {
		return fail(err.Error())
	}
	out.elements = n
	return out, nil
}

// MaxFill is how many bytes Read gives out that no data in the file account for: a few bytes can declare any shape, and all
// elements that were never written are equal.
const MaxFill = 64 << 20

// memory is about how many bytes an element takes in an array.
func (t *Type) memory() int {
	if t.Class == String {
		return t.Size + 16
	}
	return t.Size
}

// admit checks that the dataset can be read, and that the file justifies the memory a selection takes.
func (d *Dataset) admit(s selection) error {
	refuse := func(found, expected, remedy string) error {
		return &recording.Error{Path: d.f.path, Field: fmt.Sprintf("%q", d.path), Offset: -1, Found: found, Expected: expected, Remedy: remedy}
	}
	switch {
	case d.external:
		return refuse("data that lie in other files", "data in this file", "with HDF5's tools, write the file anew: h5repack IN OUT")
	case d.layout.kind == virtual:
		return refuse("a virtual dataset, whose data are parts of other datasets", "data of its own", "read the datasets it is made of")
	}
	size := uint64(d.typ.Size)
	if s.elements == 0 {
		return nil
	}
	backed := uint64(0)
	switch d.layout.kind {
	case compact:
		backed = uint64(len(d.layout.data))
		if n, err := recording.Count(d.space.dims); err != nil || uint64(n) > backed/size || uint64(n)*size != backed {
			return refuse(fmt.Sprintf("%d bytes of data", backed), fmt.Sprintf("%s elements of %d bytes", recording.FormatDims(d.space.dims), size), "")
		}
	case contiguous:
		if d.layout.addr != undefined {
			n, err := recording.Count(d.space.dims)
			if err != nil || uint64(n) > uint64(d.f.size)/size {
				return refuse(fmt.Sprintf("%s elements of %d bytes", recording.FormatDims(d.space.dims), size), fmt.Sprintf("no more than the %d bytes of the file", d.f.size),
					"the file is truncated or damaged: copy it again from its source")
			}
			if told := d.layout.size; told != 0 && told < uint64(n)*size {
				return refuse(fmt.Sprintf("%d bytes of data", told), fmt.Sprintf("%s elements of %d bytes", recording.FormatDims(d.space.dims), size), "")
			}
			if err := d.f.claim(d.layout.addr, uint64(n)*size, fmt.Sprintf("%q (data)", d.path)); err != nil {
				return err
			}
			backed = uint64(n) * size
		}
	case chunked:
		for _, step := range d.filters {
			if !step.supported() {
				return within(unsupported(d.f.path, step), d.path)
			}
		}
		d.once.Do(func() {
			d.list, d.err = d.chunkList()
			whole := d.chunkBytes()
			for _, k := range d.list {
				n := whole
				if hi, lo := bits.Mul64(k.stored, expansion(d.filters)); k.stored > 0 && hi == 0 {
					n = min(whole, lo)
				}
				d.backed += n
			}
		})
		if d.err != nil {
			return within(d.err, d.path)
		}
		backed = d.backed
	}
	if backed > uint64(1)<<62 || uint64(s.elements) > backed/size+MaxFill/uint64(d.typ.memory()) {
		return refuse(fmt.Sprintf("%s elements of %d bytes, most of them never written", recording.FormatDims(s.count), size),
			fmt.Sprintf("at most %d bytes beyond the %d that the file holds", int64(MaxFill), backed), "read a part with a Slab")
	}
	return nil
}

// read fills dst with the elements of a selection as they are in the file, row-major.
func (d *Dataset) read(s selection, dst []byte) error {
	if s.elements == 0 {
		return nil
	}
	l := d.layout
	size := d.typ.Size
	switch {
	case l.kind == compact:
		copyPart(dst, s, l.data, make([]int, len(s.count)), d.space.dims, size)
		return nil
	case l.addr == undefined || l.kind == chunked && len(d.list) == 0:
		d.filled(dst)
		return nil
	case l.kind == contiguous:
		if first, ok := s.run(d.space.dims); ok {
			return d.f.readAt(dst, l.addr+uint64(first)*uint64(size), fmt.Sprintf("%q (data)", d.path))
		}
		return d.readBands(s, dst)
	}
	return within(d.readChunks(s, dst), d.path)
}

// filled writes the fill value all over dst.
func (d *Dataset) filled(dst []byte) {
	if len(dst) == 0 || bytes.Equal(d.fill, make([]byte, len(d.fill))) {
		clear(dst)
		return
	}
	for n := copy(dst, d.fill); n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// run reports whether a selection is one run of consecutive elements, and the number of the first.
func (s selection) run(dims []int) (first int, ok bool) {
	whole := true // all axes behind are selected from end to end
	for i := len(dims) - 1; i >= 0; i-- {
		if s.count[i] > 1 && (s.step[i] != 1 || !whole) {
			return 0, false
		}
		whole = whole && s.count[i] == dims[i]
	}
	for i, at := range s.start {
		first = first*dims[i] + at
	}
	return first, true
}

// bandBytes is about how much contiguous data is read at a time when a selection takes pieces of it.
const bandBytes = 1 << 20

// band cuts contiguous data into parts that lie in one piece each.
func band(dims []int, size int) []int {
	out := make([]int, len(dims))
	room := max(1, bandBytes/size)
	for i := len(dims) - 1; i >= 0; i-- {
		out[i] = max(1, min(dims[i], room))
		room /= out[i]
		if out[i] < dims[i] {
			room = 1
		}
	}
	return out
}

// blocks calls visit with the origin of every block that elements of a selection lie in, where blocks of the given lengths
// cover the dataset. Blocks that no element falls into are stepped over.
func (s selection) blocks(lengths []int, visit func(origin []int) error) error {
	at := make([]int, len(lengths)) // along each axis, the place in the selection of the first element within the block
	origin := make([]int, len(lengths))
	set := func(axis int) {
		n := lengths[axis]
		origin[axis] = (s.start[axis] + at[axis]*s.step[axis]) / n * n
	}
	for i := range at {
		set(i)
	}
	for {
		if err := visit(origin); err != nil {
			return err
		}
		axis := len(at) - 1
		for ; axis >= 0; axis-- {
			behind := origin[axis] + lengths[axis] - s.start[axis]
			if at[axis] = (behind + s.step[axis] - 1) / s.step[axis]; at[axis] < s.count[axis] {
				set(axis)
				break
			}
			at[axis] = 0
			set(axis)
		}
		if axis < 0 {
			return nil
		}
	}
}

// readBands fills dst with a selection of contiguous data that is not one run.
func (d *Dataset) readBands(s selection, dst []byte) error {
	size, dims := d.typ.Size, d.space.dims
	lengths := band(dims, size)
	var buffer []byte
	return s.blocks(lengths, func(origin []int) error {
		// A band lies in one piece, as only its first longer axis is cut.
		extent := make([]int, len(dims))
		at, n := 0, size
		for i, o := range origin {
			extent[i] = min(lengths[i], dims[i]-o)
			at = at*dims[i] + o
			n *= extent[i]
		}
		if cap(buffer) < n {
			buffer = make([]byte, n)
		}
		if err := d.f.readAt(buffer[:n], d.layout.addr+uint64(at)*uint64(size), fmt.Sprintf("%q (data)", d.path)); err != nil {
			return err
		}
		copyPart(dst, s, buffer[:n], origin, extent, size)
		return nil
	})
}

// readChunks fills dst with a selection of data that lie in chunks.
func (d *Dataset) readChunks(s selection, dst []byte) error {
	lengths := d.layout.chunk
	now := grid(d.space.dims, lengths)
	if all, _ := product(now); all != uint64(len(d.list)) {
		d.filled(dst)
	}
	scaled := make([]uint64, len(now))
	// Undoing filters is most of the work, and the chunks' places in dst do not overlap.
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	failed := errors.New("another chunk failed")
	var stop atomic.Bool
	err := s.blocks(lengths, func(origin []int) error {
		for i, o := range origin {
			scaled[i] = uint64(o / lengths[i])
		}
		number, _ := chunkNumber(scaled, now)
		i, ok := slices.BinarySearchFunc(d.list, number, func(k chunk, n uint64) int { return cmp.Compare(k.number, n) })
		if !ok {
			return nil
		}
		if len(d.filters) == 0 {
			return d.readChunk(s, dst, d.list[i], origin)
		}
		origin = slices.Clone(origin)
		work.Go(func() error {
			err := d.readChunk(s, dst, d.list[i], origin)
			if err != nil {
				stop.Store(true)
			}
			return err
		})
		if stop.Load() {
			return failed
		}
		return nil
	})
	if first := work.Wait(); first != nil {
		err = first
	}
	return err
}

// readChunk copies what a selection takes from one chunk.
func (d *Dataset) readChunk(s selection, dst []byte, k chunk, origin []int) error {
	lengths, dims := d.layout.chunk, d.space.dims
	edge, all := false, true // the chunk reaches over the edge; the selection takes all that does not
	for i, n := range lengths {
		edge = edge || origin[i]+n > dims[i]
		_, _, taken := s.inside(i, origin[i], n, dims[i])
		all = all && taken == min(n, dims[i]-origin[i])
	}
	whole := d.chunkBytes()
	b, cached := d.f.chunks.get(k.addr)
	if !cached {
		stored := k.stored
		if stored == 0 {
			stored = whole
		}
		var err error
		if b, err = d.f.block(k.addr, stored, "chunk"); err != nil {
			return err
		}
		filters := d.filters
		if d.layout.wholeEdges && edge {
			filters = nil
		}
		if b, err = d.f.unfilter(filters, k.mask, b, whole, d.f.base+int64(k.addr)); err != nil {
			return err
		}
		if !all {
			d.f.chunks.put(k.addr, b)
		}
	}
	if uint64(len(b)) != whole {
		c := d.f.cursor(nil, d.f.base+int64(k.addr), "chunk")
		c.fail("a chunk that two datasets share", "one of its own", "")
		return c.err
	}
	copyPart(dst, s, b, origin, lengths, d.typ.Size)
	return nil
}

// inside says which elements of a selection along an axis lie within n elements from origin on: the first one's place in
// the selection, its place behind origin, and how many there are.
func (s selection) inside(axis, origin, n, dim int) (to, from, count int) {
	start, step := s.start[axis], s.step[axis]
	end := min(origin+n, dim) // behind the last
	if origin > start {
		to = (origin - start + step - 1) / step
	}
	if at := start + to*step; at < end && to < s.count[axis] {
		return to, at - origin, min((end-1-at)/step+1, s.count[axis]-to)
	}
	return 0, 0, 0
}

// copyPart copies into dst, which holds a selection, those of its elements that lie in src: a block with the given origin
// and lengths.
func copyPart(dst []byte, s selection, src []byte, origin, lengths []int, size int) {
	rank := len(lengths)
	if rank == 0 {
		copy(dst, src)
		return
	}
	to, from, count := make([]int, rank), make([]int, rank), make([]int, rank)
	toStride, fromStride := make([]int, rank), make([]int, rank)
	for i, t, f := rank-1, size, size; i >= 0; i-- {
		to[i], from[i], count[i] = s.inside(i, origin[i], lengths[i], origin[i]+lengths[i])
		if count[i] == 0 {
			return
		}
		toStride[i], fromStride[i] = t, f*s.step[i]
		t *= s.count[i]
		f *= lengths[i]
		to[i] *= toStride[i]
		from[i] *= f / lengths[i]
	}
	// Axes whose elements lie in one run on both sides are copied together.
	last := rank - 1
	run := size
	for last >= 0 && toStride[last] == run && fromStride[last] == run {
		run *= count[last]
		last--
	}
	t, f := 0, 0
	for i := range rank {
		t += to[i]
		f += from[i]
	}
	index := make([]int, last+1)
	for {
		copy(dst[t:t+run], src[f:f+run])
		axis := last
		for ; axis >= 0; axis-- {
			t += toStride[axis]
			f += fromStride[axis]
			if index[axis]++; index[axis] < count[axis] {
				break
			}
			t -= count[axis] * toStride[axis]
			f -= count[axis] * fromStride[axis]
			index[axis] = 0
		}
		if axis < 0 {
			return
		}
	}
}

// chunkCache keeps chunks that were read in part, since reading on will need them again. The oldest go first.
type chunkCache struct {
	sync.Mutex
	chunks map[uint64][]byte // by address
	order  []uint64
	bytes  int
}

// maxCached is how many bytes of chunks are kept. A larger chunk is kept on its own.
const maxCached = 64 << 20

func (c *chunkCache) get(addr uint64) ([]byte, bool) {
	c.Lock()
	defer c.Unlock()
	b, ok := c.chunks[addr]
	return b, ok
}

func (c *chunkCache) put(addr uint64, b []byte) {
	c.Lock()
	defer c.Unlock()
	if _, ok := c.chunks[addr]; ok {
		return
	}
	if c.chunks == nil {
		c.chunks = map[uint64][]byte{}
	}
	c.chunks[addr] = b
	c.order = append(c.order, addr)
	for c.bytes += len(b); c.bytes > maxCached && len(c.order) > 1; c.order = c.order[1:] {
		c.bytes -= len(c.chunks[c.order[0]])
		delete(c.chunks, c.order[0])
	}
}
