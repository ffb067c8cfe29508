package hdf5

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gyrus-dev/gyrus/recording"
)

// Group holds links to other objects.
type Group struct{ node }

// LinkKind says what a link names.
type LinkKind uint8

const (
	HardLink     LinkKind = iota // an object of this file
	SoftLink                     // a path in this file, which may lead nowhere
	ExternalLink                 // a path in another file; not followed
	UserLink                     // something only the program that wrote it understands
)

// Link is an entry of a group.
type Link struct {
	Name   string
	Kind   LinkKind
	Target string // the path that a soft or external link names
	File   string // that an external link names

	address uint64
	order   int64 // of creation, or -1
}

// Links lists what a group holds: in the order of creation where the file keeps it, else by name.
func (g *Group) Links() ([]Link, error) {
	links, err := g.links()
	return links, within(err, g.path)
}

func (g *Group) links() ([]Link, error) {
	if out, ok := g.f.links.get(g.addr); ok {
		return slices.Clone(out), nil
	}
	var out []Link
	var err error
	if m, ok := g.find(msgSymbolTable); ok {
		out, err = g.f.symbolTable(m)
	} else {
		out, err = g.f.newLinks(g.messages)
	}
	if err != nil {
		return nil, err
	}
	ordered := !slices.ContainsFunc(out, func(l Link) bool { return l.order < 0 })
	slices.SortStableFunc(out, func(a, b Link) int {
		if ordered && a.order != b.order {
			return int(max(-1, min(1, a.order-b.order)))
		}
		return strings.Compare(a.Name, b.Name)
	})
	g.f.links.put(g.addr, out)
	return slices.Clone(out), nil
}

// linkCache keeps the links of groups that were read: every lookup of a path comes through the same ones.
type linkCache struct {
	sync.Mutex
	groups map[uint64][]Link
	kept   int
}

// maxLinks is how many links are kept.
const maxLinks = 1 << 17

func (c *linkCache) get(addr uint64) ([]Link, bool) {
	c.Lock()
	defer c.Unlock()
	out, ok := c.groups[addr]
	return out, ok
}

func (c *linkCache) put(addr uint64, links []Link) {
	c.Lock()
	defer c.Unlock()
	if c.groups == nil || c.kept > maxLinks {
		c.groups, c.kept = map[uint64][]Link{}, 0
	}
	c.groups[addr] = links
	c.kept += len(links)
}

// Has reports whether the group has a link of this name.
func (g *Group) Has(name string) bool {
	links, err := g.links()
	return err == nil && slices.ContainsFunc(links, func(l Link) bool { return l.Name == name })
}

// Lookup finds an object by its path from this group, or from the root when the path begins with a slash. It follows soft
// links. An unknown name is an error that lists the names there are.
func (g *Group) Lookup(path string) (Object, error) { return g.lookup(path, 0) }

// maxSoftLinks is how many soft links one path may lead through: they may form circles.
const maxSoftLinks = 32

func (g *Group) lookup(path string, depth int) (Object, error) {
	var o Object = g
	if strings.HasPrefix(path, "/") && g.path != "/" {
		root, err := g.f.Root()
		if err != nil {
			return nil, err
		}
		o = root
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		in, ok := o.(*Group)
		if !ok {
			return nil, g.f.wrongKind(o, fmt.Sprintf("a group that holds %q", name))
		}
		var err error
		if o, err = in.child(name, depth); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (g *Group) child(name string, depth int) (Object, error) {
	links, err := g.Links()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(links, func(l Link) bool { return l.Name == name })
	path := join(g.path, name)
	fail := func(found, expected, remedy string) (Object, error) {
		return nil, &recording.Error{Path: g.f.path, Field: fmt.Sprintf("%q", path), Offset: -1, Found: found, Expected: expected, Remedy: remedy}
	}
	if i < 0 {
		return fail("nothing of that name", "an object", g.holds(links))
	}
	switch l := links[i]; l.Kind {
	case HardLink:
		return g.f.object(path, l.address)
	case SoftLink:
		if depth == maxSoftLinks {
			return fail("soft links that lead on and on, or in a circle", fmt.Sprintf("at most %d", maxSoftLinks), "")
		}
		return g.lookup(l.Target, depth+1)
	case ExternalLink:
		return fail(fmt.Sprintf("an external link to %q in the file %q", l.Target, l.File), "an object of this file", "open that file instead")
	}
	return fail("a link of a kind defined by its writer", "an object", "")
}

// maxListed is how many names an error lists.
const maxListed = 20

func (g *Group) holds(links []Link) string {
	if len(links) == 0 {
		return fmt.Sprintf("%q holds nothing", g.path)
	}
	var names []string
	for i, l := range links {
		if i == maxListed {
			names = append(names, fmt.Sprintf("and %d more", len(links)-i))
			break
		}
		names = append(names, l.Name)
	}
	return fmt.Sprintf("%q holds %s", g.path, strings.Join(names, ", "))
}

// Dataset is Lookup for what must be a dataset.
func (g *Group) Dataset(path string) (*Dataset, error) {
	o, err := g.Lookup(path)
	if err != nil {
		return nil, err
	}
	d, ok := o.(*Dataset)
	if !ok {
		return nil, g.f.wrongKind(o, "a dataset")
	}
	return d, nil
}

// Group is Lookup for what must be a group.
func (g *Group) Group(path string) (*Group, error) {
	o, err := g.Lookup(path)
	if err != nil {
		return nil, err
	}
	in, ok := o.(*Group)
	if !ok {
		return nil, g.f.wrongKind(o, "a group")
	}
	return in, nil
}

// symbolTable lists the links of a group of the old kind: a B-tree of nodes of symbols, whose names lie in a local heap.
func (f *File) symbolTable(m message) ([]Link, error) {
	c := f.cursor(m.data, m.at, "symbol table message")
	tree, heap := c.addr(), c.addr()
	if c.err != nil {
		return nil, c.err
	}
	names, err := f.localHeap(heap)
	if err != nil {
		return nil, err
	}
	var out []Link
	err = f.btree1(tree, groupTree, f.lengthSize, func(_ *cursor, child uint64) error {
		links, err := f.symbols(child, names)
		out = append(out, links...)
		return err
	})
	return out, err
}

// symbols reads a symbol table node.
func (f *File) symbols(addr uint64, names []byte) ([]Link, error) {
	const what = "symbol table node"
	each := 2*f.offsetSize + 4 + 4 + 16
	c, err := f.signed(addr, 8, "SNOD", what)
	if err != nil {
		return nil, err
	}
	c.version(1)
	c.skip(1)
	n := int(c.u16())
	if c.err != nil {
		return nil, c.err
	}
	b, err := f.block(addr+8, uint64(n*each), what)
	if err != nil {
		return nil, err
	}
	c = f.cursor(b, f.base+int64(addr)+8, what)
	out := make([]Link, n)
	for i := range out {
		l := &out[i]
		l.order = -1
		l.Name = c.heapText(names, c.uint(f.offsetSize))
		l.address = c.addr()
		kind := c.u32()
		c.skip(4)
		scratch := c.bytes(16)
		if kind == 2 && c.err == nil {
			l.Kind = SoftLink
			l.Target = c.heapText(names, littleEndian(scratch[:4]))
		}
	}
	return out, c.err
}

// heapText is the text at an offset in a local heap, up to a zero byte.
func (c *cursor) heapText(heap []byte, offset uint64) string {
	if offset >= uint64(len(heap)) {
		c.fail(fmt.Sprintf("a name at %d", offset), fmt.Sprintf("one within the heap of %d bytes", len(heap)), "")
		return ""
	}
	text := heap[offset:]
	if i := bytes.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	if len(text) > maxName {
		c.fail(fmt.Sprintf("a name of %d bytes", len(text)), fmt.Sprintf("at most %d", maxName), "")
		return ""
	}
	return string(text)
}

// maxName bounds names, many of which may share bytes of a heap.
const maxName = 4096

// newLinks lists the links of a group of the new kind: link messages in its header, or in a fractal heap under a B-tree.
func (f *File) newLinks(messages []message) ([]Link, error) {
	var out []Link
	for _, m := range messages {
		switch m.kind {
		case msgLink:
			l, err := f.link(f.cursor(m.data, m.at, "link message"))
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		case msgLinkInfo:
			c := f.cursor(m.data, m.at, "link info message")
			c.version(0)
			if c.u8()&1 != 0 {
				c.skip(8)
			}
			heapAddr, tree := c.addr(), c.addr()
			if c.err != nil {
				return nil, c.err
			}
			if heapAddr == undefined || tree == undefined {
				continue
			}
			heap, err := f.fractalHeap(heapAddr)
			if err != nil {
				return nil, err
			}
			err = f.btree2(tree, linkNameTree, func(record *cursor) error {
				record.skip(4)
				id := record.bytes(record.left())
				data, at, err := heap.object(id)
				if err != nil {
					return err
				}
				l, err := f.link(f.cursor(data, at, "link message"))
				out = append(out, l)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// link reads a link message.
func (f *File) link(c *cursor) (Link, error) {
	l := Link{order: -1}
	c.version(1)
	flags := c.u8()
	kind := uint8(0)
	if flags&0x08 != 0 {
		kind = c.u8()
	}
	if flags&0x04 != 0 {
		l.order = int64(c.u64())
	}
	if flags&0x10 != 0 {
		c.skip(1) // the character set: ASCII is UTF-8 as well
	}
	n := c.uint(1 << (flags & 3))
	if n > maxName {
		c.fail(fmt.Sprintf("a name of %d bytes", n), fmt.Sprintf("at most %d", maxName), "")
	}
	l.Name = string(c.bytes(int(n)))
	switch kind {
	case 0:
		l.address = c.addr()
	case 1:
		l.Kind = SoftLink
		l.Target = string(c.bytes(int(c.u16())))
	case 64:
		l.Kind = ExternalLink
		in := f.cursor(c.bytes(int(c.u16())), c.at, c.what)
		in.skip(1)
		l.File = in.name()
		l.Target = in.name()
		if c.err == nil {
			c.err = in.err
		}
	default:
		l.Kind = UserLink
	}
	return l, c.err
}
