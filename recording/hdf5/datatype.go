package hdf5

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Class is the kind of a datatype.
type Class uint8

// The classes, with the numbers HDF5 gives them.
const (
	Integer   Class = 0
	Float     Class = 1
	Time      Class = 2 // not read
	String    Class = 3 // of fixed length
	Bitfield  Class = 4 // read as an unsigned integer
	Opaque    Class = 5
	Compound  Class = 6
	Ref       Class = 7
	Enum      Class = 8
	Variable  Class = 9 // of variable length: a sequence, or text when Text is set
	ArrayType Class = 10
	Complex   Class = 11
)

var classNames = [...]string{"integer", "float", "time", "text", "bitfield", "opaque", "compound", "reference", "enumeration", "sequence", "array", "complex"}

func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Type is a datatype.
type Type struct {
	Class   Class
	Size    int // bytes of an element in the file
	Order   binary.ByteOrder
	Signed  bool     // of an Integer
	Text    bool     // a Variable is text, not a sequence
	UTF8    bool     // text is UTF-8, not ASCII
	Region  bool     // a Ref points to a part of a dataset
	Tag     string   // what an Opaque says it is
	Base    *Type    // of an Enum, a Variable, an ArrayType, a Complex
	Dims    []int    // of an ArrayType
	Members []Member // of a Compound
	Names   []string // of an Enum
	Values  []int64  // of an Enum, beside Names; an unsigned value beyond 1<<63-1 wraps

	padding   uint8 // of a String: 0 ends at a zero byte, 1 padded by zero bytes, 2 by blanks
	bitOffset int   // where the bits of a number begin; Size*8 bits from 0 for the common ones
	bitCount  int
	float     floatLayout
	revised   bool // a Ref of the kind that came with HDF5 1.12
	version   uint8
}

// Member is a field of a Compound.
type Member struct {
	Name   string
	Offset int
	Type   *Type
}

// floatLayout says where in a float its parts lie, in bits.
type floatLayout struct {
	sign, exponent, exponentBits, mantissa, mantissaBits int
	bias                                                 int
	norm                                                 uint8 // 0: no implied leading one, 2: implied
}

var (
	float32Layout = floatLayout{31, 23, 8, 0, 23, 127, 2}
	float64Layout = floatLayout{63, 52, 11, 0, 52, 1023, 2}
)

// String names a type the way Go names types, as far as that goes: "int16", "text", "{r float32, i float32}", "[3]uint8".
func (t *Type) String() string { return t.name(0) }

func (t *Type) name(depth int) string {
	if depth > 4 {
		return "..."
	}
	if _, _, _, ok := t.complexParts(); ok {
		return fmt.Sprintf("complex%d", t.Size*8)
	}
	switch t.Class {
	case Integer:
		prefix := "uint"
		if t.Signed {
			prefix = "int"
		}
		return fmt.Sprintf("%s%d", prefix, t.bitCount)
	case Bitfield:
		return fmt.Sprintf("bitfield%d", t.bitCount)
	case Float:
		return fmt.Sprintf("float%d", t.Size*8)
	case Opaque:
		return strings.TrimSpace(fmt.Sprintf("opaque%d %s", t.Size*8, t.Tag))
	case Compound:
		var parts []string
		for i, m := range t.Members {
			if i == 8 {
				parts = append(parts, fmt.Sprintf("and %d more", len(t.Members)-i))
				break
			}
			parts = append(parts, m.Name+" "+m.Type.name(depth+1))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case Ref:
		if t.Region {
			return "region reference"
		}
		return "reference"
	case Enum:
		if t.isBool() {
			return "bool"
		}
		return "enumeration of " + t.Base.name(depth+1)
	case Variable:
		if t.Text {
			return "text"
		}
		return "[]" + t.Base.name(depth+1)
	case ArrayType:
		s := ""
		for _, d := range t.Dims {
			s += fmt.Sprintf("[%d]", d)
		}
		return s + t.Base.name(depth+1)
	}
	return t.Class.String()
}

// isBool reports whether an enumeration is what h5py and PyTables write for truth values.
func (t *Type) isBool() bool {
	if t.Class != Enum || t.Size != 1 || len(t.Names) != 2 {
		return false
	}
	f, tr := slices.Index(t.Names, "FALSE"), slices.Index(t.Names, "TRUE")
	return f >= 0 && tr >= 0 && t.Values[f] == 0 && t.Values[tr] == 1
}

// complexParts gives the offsets and type of the parts when a compound is what h5py and MATLAB write for complex numbers.
func (t *Type) complexParts() (re, im int, part *Type, ok bool) {
	if t.Class == Complex {
		return 0, t.Base.Size, t.Base, true
	}
	if t.Class != Compound || len(t.Members) != 2 {
		return 0, 0, nil, false
	}
	a, b := t.Members[0], t.Members[1]
	names := [2]string{strings.ToLower(a.Name), strings.ToLower(b.Name)}
	if names != [2]string{"r", "i"} && names != [2]string{"real", "imag"} {
		return 0, 0, nil, false
	}
	if a.Type.Class != Float || b.Type.Class != Float || a.Type.Size != b.Type.Size || a.Type.Order != b.Type.Order || a.Type.float != b.Type.float {
		return 0, 0, nil, false
	}
	return a.Offset, b.Offset, a.Type, true
}

// IsText reports whether an element is text, of fixed or variable length.
func (t *Type) IsText() bool { return t.Class == String || t.Class == Variable && t.Text }

// IsComplex reports whether an element is a complex number: one of HDF5's own, or a compound as h5py and MATLAB write them.
// Read gives these as complex64 or complex128.
func (t *Type) IsComplex() bool {
	_, _, _, ok := t.complexParts()
	return ok
}

// maxTypeDepth is how deep types may lie within types.
const maxTypeDepth = 32

// datatype reads a datatype message.
func (f *File) datatype(m message) (*Type, error) {
	m, err := f.resolve(m)
	if err != nil {
		return nil, err
	}
	c := f.cursor(m.data, m.at, "datatype")
	t := c.datatype(0)
	return t, c.err
}

func (c *cursor) datatype(depth int) *Type {
	t := &Type{Order: binary.LittleEndian}
	if depth > maxTypeDepth {
		c.fail(fmt.Sprintf("types within types, %d deep", depth), "fewer", "")
		return t
	}
	first := c.u8()
	flags := c.uint(3)
	size := c.u32()
	t.Class, t.version, t.Size = Class(first&15), first>>4, int(size)
	if c.err == nil && (t.version < 1 || t.version > 5) {
		c.fail(fmt.Sprintf("a datatype of version %d", t.version), "version 1 to 5", "")
	}
	if c.err == nil && (size == 0 || size > math.MaxInt32) {
		c.fail(fmt.Sprintf("elements of %d bytes", size), "1 byte to 2 GB", "")
	}
	if c.err != nil {
		return t
	}
	switch t.Class {
	case Integer, Bitfield:
		t.bigEndian(flags&1 != 0)
		t.Signed = t.Class == Integer && flags&8 != 0
		t.bitOffset, t.bitCount = int(c.u16()), int(c.u16())
		if t.bitCount == 0 || t.bitOffset+t.bitCount > 8*t.Size {
			c.fail(fmt.Sprintf("%d bits from bit %d on", t.bitCount, t.bitOffset), fmt.Sprintf("bits of %d bytes", t.Size), "")
		}
	case Float:
		c.float(t, flags)
	case Time:
		c.skip(2)
	case String:
		t.padding, t.UTF8 = uint8(flags&15), flags>>4&15 == 1
	case Opaque:
		tag := c.bytes(int(flags & 0xff))
		t.Tag = strings.TrimRight(string(tag), "\x00")
	case Compound:
		c.compound(t, int(flags&0xffff), depth)
	case Ref:
		switch kind := flags & 15; kind {
		case 0:
		case 1:
			t.Region = true
		case 2, 3, 4:
			t.revised = true
			t.Region = kind == 3
		default:
			c.fail(fmt.Sprintf("a reference of type %d", kind), "an object or region reference", "")
		}
	case Enum:
		c.enum(t, int(flags&0xffff), depth)
	case Variable:
		t.Text, t.UTF8 = flags&15 == 1, flags>>8&15 == 1
		t.Base = c.datatype(depth + 1)
		if want := 4 + c.f.offsetSize + 4; c.err == nil && t.Size != want {
			c.fail(fmt.Sprintf("elements of %d bytes", t.Size), fmt.Sprintf("%d, for a count and a place in a heap", want), "")
		}
	case ArrayType:
		c.array(t, depth)
	case Complex:
		t.Base = c.datatype(depth + 1)
		if c.err == nil && (t.Base.Class != Float || t.Size != 2*t.Base.Size) {
			c.fail("a complex number that is not two floats", "two floats", "")
		}
	default:
		c.fail(fmt.Sprintf("a datatype of class %d", t.Class), "class 0 to 11", "")
	}
	return t
}

func (t *Type) bigEndian(yes bool) {
	if yes {
		t.Order = binary.BigEndian
	}
}

func (c *cursor) float(t *Type, flags uint64) {
	t.bigEndian(flags&1 != 0)
	if flags&0x40 != 0 {
		c.fail("floats in the byte order of a VAX", "little or big endian", "")
	}
	l := &t.float
	l.norm = uint8(flags >> 4 & 3)
	l.sign = int(flags >> 8 & 0xff)
	t.bitOffset, t.bitCount = int(c.u16()), int(c.u16())
	l.exponent, l.exponentBits = int(c.u8()), int(c.u8())
	l.mantissa, l.mantissaBits = int(c.u8()), int(c.u8())
	l.bias = int(c.u32())
	bits := 8 * t.Size
	if t.Size > 16 || l.sign >= bits || l.exponentBits == 0 || l.exponentBits > 30 || l.exponent+l.exponentBits > bits ||
		l.mantissaBits == 0 || l.mantissa+l.mantissaBits > bits || l.norm == 1 || l.norm == 3 || l.bias < 0 {
		c.fail(fmt.Sprintf("a float of %d bytes with %d bits of exponent and %d of mantissa", t.Size, l.exponentBits, l.mantissaBits), "one like those of IEEE 754", "")
	}
}

func (c *cursor) compound(t *Type, n, depth int) {
	room := t.Size // members may not overlap, so they fit in one after the other
	for range n {
		if c.err != nil {
			return
		}
		start := c.pos
		m := Member{Name: c.name()}
		if t.version < 3 {
			c.align(start, 8)
		}
		if t.version >= 3 {
			m.Offset = int(c.uint(widthOf(uint64(t.Size))))
		} else {
			m.Offset = int(c.u32())
		}
		var dims []int
		if t.version == 1 {
			rank := int(c.u8())
			c.skip(3 + 4 + 4)
			for i := range 4 {
				if d := int(c.u32()); i < rank {
					dims = append(dims, d)
				}
			}
		}
		m.Type = c.datatype(depth + 1)
		if c.err == nil && len(dims) > 0 {
			m.Type = c.arrayOf(m.Type, dims, 0)
		}
		if room -= m.Type.Size; c.err == nil && (m.Offset > t.Size || m.Type.Size > t.Size-m.Offset || room < 0) {
			c.fail(fmt.Sprintf("a member %q of %d bytes at %d", m.Name, m.Type.Size, m.Offset), fmt.Sprintf("one with room of its own within %d bytes", t.Size), "")
		}
		t.Members = append(t.Members, m)
	}
}

func (c *cursor) enum(t *Type, n, depth int) {
	t.Base = c.datatype(depth + 1)
	if c.err == nil && (t.Base.Class != Integer || t.Base.Size != t.Size || t.Size > 8) {
		c.fail(fmt.Sprintf("an enumeration of %s", t.Base), "one of integers of its size", "")
	}
	for range n {
		if c.err != nil {
			return
		}
		start := c.pos
		t.Names = append(t.Names, c.name())
		if t.version < 3 {
			c.align(start, 8)
		}
	}
	for range n {
		b := c.bytes(t.Size)
		if c.err != nil {
			return
		}
		t.Values = append(t.Values, t.Base.integer(b))
	}
	t.Order = t.Base.Order
}

func (c *cursor) array(t *Type, depth int) {
	rank := int(c.u8())
	if t.version < 3 {
		c.skip(3)
	}
	var dims []int
	for range rank {
		dims = append(dims, int(c.u32()))
	}
	if t.version < 3 {
		c.skip(4 * rank)
	}
	base := c.datatype(depth + 1)
	if c.err == nil {
		*t = *c.arrayOf(base, dims, t.Size)
	}
}

// arrayOf makes an array type, whose size must be that given, if one is.
func (c *cursor) arrayOf(base *Type, dims []int, size int) *Type {
	n := base.Size
	for _, d := range dims {
		if d < 1 || n > math.MaxInt32/d {
			c.fail(fmt.Sprintf("an array %v of %d bytes each", dims, base.Size), "one of 1 byte to 2 GB", "")
			return base
		}
		n *= d
	}
	if size != 0 && n != size {
		c.fail(fmt.Sprintf("%d bytes for an array %v of %d bytes each", size, dims, base.Size), fmt.Sprintf("%d bytes", n), "")
	}
	return &Type{Class: ArrayType, Size: n, Base: base, Dims: dims, Order: base.Order}
}

// dataspace is the shape of a dataset or attribute.
type dataspace struct {
	dims []int
	max  []int // -1 for unlimited
	null bool
}

// maxRank is HDF5's own limit.
const maxRank = 32

func (f *File) dataspace(m message) (dataspace, error) {
	m, err := f.resolve(m)
	if err != nil {
		return dataspace{}, err
	}
	c := f.cursor(m.data, m.at, "dataspace")
	s := c.dataspace()
	return s, c.err
}

func (c *cursor) dataspace() dataspace {
	var s dataspace
	version := c.version(1, 2)
	rank := int(c.u8())
	flags := c.u8()
	if version == 1 {
		c.skip(5)
	} else {
		s.null = c.u8() == 2
	}
	if rank > maxRank {
		c.fail(fmt.Sprintf("%d dimensions", rank), fmt.Sprintf("at most %d", maxRank), "")
	}
	if c.err != nil {
		return s
	}
	read := func() []int {
		out := make([]int, rank)
		for i := range out {
			v := c.length()
			switch {
			case v == undefined>>(64-8*c.f.lengthSize):
				out[i] = -1
			case v > math.MaxInt/2: // sums of lengths must not overflow
				c.fail(fmt.Sprintf("a dimension of %d", v), "one that an integer can count", "")
			default:
				out[i] = int(v)
			}
		}
		return out
	}
	s.dims = read()
	if slices.Contains(s.dims, -1) {
		c.fail(fmt.Sprintf("dimensions %v", s.dims), "known lengths", "")
	}
	s.max = s.dims
	if flags&1 != 0 {
		s.max = read()
	}
	return s
}
