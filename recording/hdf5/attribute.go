package hdf5

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// Attribute is a named value that belongs to an object.
type Attribute struct {
	Name string

	f     *File
	owner string // path of the object
	typ   *Type
	space dataspace
	raw   []byte
	order int64 // of creation, or -1
}

// Attributes lists the object's attributes, in the order of their creation where the file keeps it, else by name.
func (n *node) Attributes() ([]*Attribute, error) {
	out, err := n.attributes()
	return out, within(err, n.path)
}

func (n *node) attributes() ([]*Attribute, error) {
	var out []*Attribute
	add := func(m message, order int64) error {
		m, err := n.f.resolve(m)
		if err != nil {
			return err
		}
		a, err := n.f.attribute(m)
		if err != nil {
			return err
		}
		a.owner, a.order = n.path, order
		out = append(out, a)
		return nil
	}
	for _, m := range n.messages {
		var err error
		switch m.kind {
		case msgAttribute:
			err = add(m, m.order)
		case msgAttrInfo:
			err = n.f.denseAttributes(m, add)
		}
		if err != nil {
			return nil, err
		}
	}
	ordered := !slices.ContainsFunc(out, func(a *Attribute) bool { return a.order < 0 })
	slices.SortStableFunc(out, func(a, b *Attribute) int {
		if ordered && a.order != b.order {
			return int(max(-1, min(1, a.order-b.order)))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out, nil
}

// Attribute gives the attribute of this name; the error lists the names there are.
func (n *node) Attribute(name string) (*Attribute, error) {
	all, err := n.Attributes()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range all {
		if a.Name == name {
			return a, nil
		}
		if len(names) < maxListed {
			names = append(names, a.Name)
		}
	}
	e := &recording.Error{Path: n.f.path, Field: fmt.Sprintf("%q", n.path), Offset: -1, Found: "none of that name", Expected: fmt.Sprintf("an attribute %q", name),
		Remedy: "it has " + strings.Join(names, ", ")}
	if len(names) == 0 {
		e.Remedy = "it has no attributes"
	}
	return nil, e
}

// HasAttribute reports whether the object has an attribute of this name that can be read.
func (n *node) HasAttribute(name string) bool {
	all, err := n.Attributes()
	return err == nil && slices.ContainsFunc(all, func(a *Attribute) bool { return a.Name == name })
}

// denseAttributes adds the attributes that lie in a fractal heap under a B-tree.
func (f *File) denseAttributes(m message, add func(m message, order int64) error) error {
	c := f.cursor(m.data, m.at, "attribute info message")
	c.version(0)
	flags := c.u8()
	if flags&1 != 0 {
		c.skip(2)
	}
	heapAddr, tree := c.addr(), c.addr()
	if c.err != nil {
		return c.err
	}
	if heapAddr == undefined || tree == undefined {
		return nil
	}
	heap, err := f.fractalHeap(heapAddr)
	if err != nil {
		return err
	}
	return f.btree2(tree, attributeTree, func(r *cursor) error {
		id := r.bytes(8)
		shared := r.u8()&2 != 0
		order := int64(-1)
		if created := r.u32(); flags&1 != 0 {
			order = int64(created)
		}
		if r.err != nil {
			return r.err
		}
		if shared {
			data, at, err := f.sharedMessage(msgAttribute, id)
			if err != nil {
				return err
			}
			return add(message{kind: msgAttribute, data: data, at: at}, order)
		}
		data, at, err := heap.object(id)
		if err != nil {
			return err
		}
		return add(message{kind: msgAttribute, data: data, at: at}, order)
	})
}

// attribute reads an attribute message.
func (f *File) attribute(m message) (*Attribute, error) {
	c := f.cursor(m.data, m.at, "attribute")
	version := c.version(1, 2, 3)
	flags := c.u8()
	if version == 1 {
		flags = 0
	}
	sizes := [3]int{int(c.u16()), int(c.u16()), int(c.u16())}
	if version == 3 {
		c.skip(1) // the character set of the name: ASCII is UTF-8 as well
	}
	piece := func(n int) message {
		at := m.at
		if at >= 0 {
			at += int64(c.pos)
		}
		start := c.pos
		b := c.bytes(n)
		if version == 1 {
			c.align(start, 8)
		}
		return message{data: b, at: at}
	}
	name := piece(sizes[0])
	typ := piece(sizes[1])
	typ.kind, typ.shared = msgDatatype, flags&1 != 0
	space := piece(sizes[2])
	space.kind, space.shared = msgDataspace, flags&2 != 0
	if c.err != nil {
		return nil, c.err
	}
	a := &Attribute{f: f, Name: strings.TrimRight(string(name.data), "\x00")}
	var err error
	if a.typ, err = f.datatype(typ); err != nil {
		return nil, err
	}
	if a.space, err = f.dataspace(space); err != nil {
		return nil, err
	}
	n, err := a.space.count()
	if err != nil || n > c.left()/a.typ.Size {
		c.what = fmt.Sprintf("attribute %q", a.Name)
		c.fail(fmt.Sprintf("%s values of %d bytes", recording.FormatDims(a.space.dims), a.typ.Size), fmt.Sprintf("no more than the %d bytes there", c.left()), "")
		return nil, c.err
	}
	a.raw = c.bytes(n * a.typ.Size)
	return a, nil
}

// count is the number of elements; none when the dataspace is null.
func (s dataspace) count() (int, error) {
	if s.null {
		return 0, nil
	}
	return recording.Count(s.dims)
}

// where names the attribute in errors.
func (a *Attribute) where() string { return fmt.Sprintf("%s, attribute %q", a.owner, a.Name) }

// Type is the type of the elements.
func (a *Attribute) Type() *Type { return a.typ }

// Dims is the shape; empty for a single value.
func (a *Attribute) Dims() []int { return slices.Clone(a.space.dims) }

// Null reports whether the attribute says that it has no value at all.
func (a *Attribute) Null() bool { return a.space.null }

// Read gives numbers, truth values, complex numbers or text, as Dataset.Read does.
func (a *Attribute) Read() (*recording.Array, error) {
	x, err := a.f.array(a.typ, a.space.resultDims(), rawFill(a.raw))
	if err != nil {
		return nil, within(err, a.where())
	}
	x.Name = a.Name
	return x, nil
}

// Values gives every element as a Go value, as Dataset.Values does.
func (a *Attribute) Values() ([]any, error) {
	n, err := a.space.count()
	if err != nil {
		return nil, err
	}
	out, err := a.f.values(a.typ, n, a.raw)
	return out, within(err, a.where())
}

// Text gives the value when it is one text.
func (a *Attribute) Text() (string, error) {
	x, err := a.Read()
	if err != nil {
		return "", err
	}
	return oneText(x, a.f.path, a.where())
}

// Number gives the value when it is one real number.
func (a *Attribute) Number() (float64, error) {
	x, err := a.Read()
	if err != nil {
		return 0, err
	}
	return oneNumber(x, a.f.path, a.where())
}

func oneText(x *recording.Array, path, where string) (string, error) {
	if s, ok := x.Data.([]string); ok && len(s) == 1 {
		return s[0], nil
	}
	return "", &recording.Error{Path: path, Field: fmt.Sprintf("%q", where), Offset: -1, Found: recording.FormatDims(x.Dims) + " " + x.Type(), Expected: "a single text"}
}

func oneNumber(x *recording.Array, path, where string) (float64, error) {
	if v, err := x.Float64s(); err == nil && len(v) == 1 {
		return v[0], nil
	}
	return 0, &recording.Error{Path: path, Field: fmt.Sprintf("%q", where), Offset: -1, Found: recording.FormatDims(x.Dims) + " " + x.Type(), Expected: "a single number"}
}
