package hdf5

import (
	"fmt"
	"slices"

	"github.com/gyrus-dev/gyrus/recording"
)

// Object is what a link leads to: a *Group, a *Dataset or a *NamedType.
type Object interface {
	// Path is how the object was reached.
	Path() string
	// Address tells objects apart: two paths lead to the same object when the addresses are equal.
	Address() uint64
	// Attributes lists the object's attributes, in the order of their creation where the file keeps it, else by name.
	Attributes() ([]*Attribute, error)
	// Attribute gives the attribute of this name; the error lists the names there are.
	Attribute(name string) (*Attribute, error)
	// HasAttribute reports whether the object has an attribute of this name that can be read.
	HasAttribute(name string) bool
}

// NamedType is a datatype that has a place of its own in the tree ("committed").
type NamedType struct {
	node
	Type *Type
}

// node is what all objects are made of: an object header.
type node struct {
	f        *File
	path     string
	addr     uint64
	messages []message
}

// Path is how the object was reached.
func (n *node) Path() string { return n.path }

// Address is where the object's header lies in the file.
func (n *node) Address() uint64 { return n.addr }

// Types of header messages.
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgOldFill      = 0x04
	msgFill         = 0x05
	msgLink         = 0x06
	msgExternal     = 0x07
	msgLayout       = 0x08
	msgFilters      = 0x0b
	msgAttribute    = 0x0c
	msgSharedTable  = 0x0f
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
	msgAttrInfo     = 0x15
)

// message is one message of an object header.
type message struct {
	kind   uint16
	shared bool  // data says where the message is, instead of being it
	order  int64 // of creation, or -1
	data   []byte
	at     int64 // of data in the file, or negative
}

func (n *node) find(kind uint16) (message, bool) {
	i := slices.IndexFunc(n.messages, func(m message) bool { return m.kind == kind })
	if i < 0 {
		return message{}, false
	}
	return n.messages[i], true
}

func (n *node) has(kind uint16) bool {
	_, ok := n.find(kind)
	return ok
}

// object opens the object whose header lies at addr.
func (f *File) object(path string, addr uint64) (Object, error) {
	messages, err := f.header(addr)
	if err != nil {
		return nil, within(err, path)
	}
	n := node{f: f, path: path, addr: addr, messages: messages}
	switch {
	case n.has(msgSymbolTable) || n.has(msgLinkInfo):
		return &Group{n}, nil
	case n.has(msgDatatype) && n.has(msgDataspace):
		d, err := newDataset(n)
		if err != nil {
			return nil, within(err, path)
		}
		return d, nil
	case n.has(msgDatatype):
		m, _ := n.find(msgDatatype)
		t, err := f.datatype(m)
		if err != nil {
			return nil, within(err, path)
		}
		return &NamedType{node: n, Type: t}, nil
	}
	return nil, &recording.Error{Path: f.path, Field: fmt.Sprintf("%q (object header)", path), Offset: f.base + int64(addr),
		Found: "none of the messages that make an object", Expected: "a group, a dataset or a datatype"}
}

func (f *File) wrongKind(o Object, expected string) error {
	found := "a group"
	switch o.(type) {
	case *Dataset:
		found = "a dataset"
	case *NamedType:
		found = "a datatype"
	}
	return &recording.Error{Path: f.path, Field: fmt.Sprintf("%q", o.Path()), Offset: -1, Found: found, Expected: expected}
}

// header reads all messages of the object header at addr.
func (f *File) header(addr uint64) ([]message, error) {
	const what = "object header"
	if err := f.claim(addr, 16, what); err != nil {
		return nil, err
	}
	b, err := f.block(addr, min(64, uint64(f.size-f.base)-addr), what)
	if err != nil {
		return nil, err
	}
	h := headerReader{f: f, budget: f.size, seen: map[uint64]bool{}}
	c := f.cursor(b, f.base+int64(addr), what)
	if string(b[:4]) == "OHDR" {
		c.skip(4)
		c.version(2)
		flags := c.u8()
		if flags&0x20 != 0 {
			c.skip(16) // times
		}
		if flags&0x10 != 0 {
			c.skip(4) // when attributes become dense
		}
		size := c.uint(1 << (flags & 3))
		if c.err != nil {
			return nil, c.err
		}
		h.v2, h.ordered = true, flags&4 != 0
		prefix := uint64(c.pos)
		if size > uint64(f.size) {
			c.fail(fmt.Sprintf("%d bytes of messages", size), "no more than the file has", "")
			return nil, c.err
		}
		err = h.chunk(addr, prefix+size+4, int(prefix))
	} else {
		c.version(1)
		c.skip(1)
		c.u16() // how many messages there are, which their sizes tell as well
		c.skip(4)
		size := c.u32()
		if c.err != nil {
			return nil, c.err
		}
		err = h.chunk(addr+16, uint64(size), 0)
	}
	for err == nil && len(h.more) > 0 {
		next := h.more[0]
		h.more = h.more[1:]
		prefix := 0
		if h.v2 {
			prefix = 4
		}
		err = h.chunk(next.addr, next.size, prefix)
	}
	return h.messages, err
}

// headerReader collects the messages of an object header from its pieces.
type headerReader struct {
	f           *File
	v2, ordered bool
	budget      int64 // bytes that may still be read: pieces that overlap would multiply work
	seen        map[uint64]bool
	more        []struct{ addr, size uint64 }
	messages    []message
}

func (h *headerReader) chunk(addr, size uint64, prefix int) error {
	const what = "object header"
	b, err := h.f.block(addr, size, what)
	if err != nil {
		return err
	}
	c := h.f.cursor(b, h.f.base+int64(addr), what)
	h.budget -= int64(size)
	if h.seen[addr] || h.budget < 0 {
		c.fail("a piece of the header that was read before", "a new one", "")
		return c.err
	}
	h.seen[addr] = true
	end := len(b)
	if h.v2 {
		if len(b) < prefix+4 {
			c.fail(fmt.Sprintf("a piece of %d bytes", len(b)), "room for a checksum", "")
			return c.err
		}
		if prefix == 4 && string(b[:4]) != "OCHK" {
			c.fail(fmt.Sprintf("%q", b[:4]), `"OCHK"`, "")
			return c.err
		}
		end -= 4
		c.pos = end
		c.checksum()
		c.pos = prefix
		c.b = b[:end]
	}
	least := 8
	if h.v2 {
		least = 4
		if h.ordered {
			least = 6
		}
	}
	for c.err == nil && c.left() >= least {
		m := message{order: -1}
		if h.v2 {
			m.kind = uint16(c.u8())
		} else {
			m.kind = c.u16()
		}
		size := int(c.u16())
		m.shared = c.u8()&2 != 0
		if h.v2 && h.ordered {
			m.order = int64(c.u16())
		}
		if !h.v2 {
			c.skip(3)
		}
		m.at = c.at + int64(c.pos)
		m.data = c.bytes(size)
		if c.err != nil {
			break
		}
		if m.kind == msgContinuation {
			in := h.f.cursor(m.data, m.at, what)
			next := struct{ addr, size uint64 }{in.addr(), in.length()}
			if in.err != nil {
				return in.err
			}
			h.more = append(h.more, next)
			continue
		}
		h.messages = append(h.messages, m)
	}
	return c.err
}

// resolve gives a message itself where the header only says where it is: in the header of a committed datatype, or in the
// file's table of shared messages.
func (f *File) resolve(m message) (message, error) {
	if !m.shared {
		return m, nil
	}
	c := f.cursor(m.data, m.at, "shared message")
	inHeap := false
	switch c.version(1, 2, 3) {
	case 1:
		c.skip(1 + 6)
		c.length()
	case 2:
		c.skip(1)
	case 3:
		inHeap = c.u8() == 1
	}
	if inHeap {
		id := c.bytes(8)
		if c.err != nil {
			return m, c.err
		}
		data, at, err := f.sharedMessage(m.kind, id)
		return message{kind: m.kind, data: data, at: at}, err
	}
	addr := c.addr()
	if c.err != nil {
		return m, c.err
	}
	messages, err := f.header(addr)
	if err != nil {
		return m, err
	}
	for _, other := range messages {
		if other.kind == m.kind && !other.shared {
			return other, nil
		}
	}
	c.pos = 0
	c.fail(fmt.Sprintf("a message shared with the object at %d", addr), "one that is there", "")
	return m, c.err
}

// sharedIndex is one index of the table of shared object header messages.
type sharedIndex struct {
	kinds uint16 // a bit for each type of message
	heap  uint64
}

// sharedMessage reads a message from the heap of messages that several objects share.
func (f *File) sharedMessage(kind uint16, id []byte) ([]byte, int64, error) {
	f.sharedOnce.Do(func() { f.shared, f.sharedErr = f.sharedTable() })
	if f.sharedErr != nil {
		return nil, 0, f.sharedErr
	}
	for _, index := range f.shared {
		if kind < 16 && index.kinds&(1<<kind) != 0 {
			heap, err := f.fractalHeap(index.heap)
			if err != nil {
				return nil, 0, err
			}
			return heap.object(id)
		}
	}
	return nil, 0, &recording.Error{Path: f.path, Field: "shared message", Offset: -1, Found: fmt.Sprintf("no index of messages of type %d", kind), Expected: "one"}
}

func (f *File) sharedTable() ([]sharedIndex, error) {
	if f.extension == undefined {
		return nil, nil
	}
	messages, err := f.header(f.extension)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if m.kind != msgSharedTable {
			continue
		}
		c := f.cursor(m.data, m.at, "shared message table")
		c.version(0)
		addr, n := c.addr(), int(c.u8())
		if c.err != nil {
			return nil, c.err
		}
		each := 1 + 1 + 2 + 4 + 2 + 2 + 2 + 2*f.offsetSize
		c, err := f.signed(addr, uint64(4+n*each+4), "SMTB", "shared message table")
		if err != nil {
			return nil, err
		}
		out := make([]sharedIndex, n)
		for i := range out {
			c.skip(2)
			out[i].kinds = c.u16()
			c.skip(4 + 2 + 2 + 2)
			c.addr()
			out[i].heap = c.addr()
		}
		c.checksum()
		return out, c.err
	}
	return nil, nil
}
