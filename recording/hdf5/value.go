package hdf5

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// Read gives a part of the dataset as an array, row-major: numbers in their own type, or the next larger one that Go has,
// truth values, complex numbers (also those that h5py and MATLAB write as compounds), enumerations as their numbers, text
// without its padding. An element that is itself an array adds its axes behind those of the dataset. Everything else is an
// error that says to use Values. A null dataset gives an array of no elements.
func (d *Dataset) Read(s Slab) (*recording.Array, error) {
	sel, err := d.selection(s)
	if err != nil {
		return nil, err
	}
	if err := d.admit(sel); err != nil {
		return nil, err
	}
	dims := sel.count
	if d.space.null {
		dims = []int{0}
	}
	x, err := d.f.array(d.typ, dims, func(dst []byte) error { return d.read(sel, dst) })
	if err != nil {
		return nil, within(err, d.path)
	}
	x.Name = d.path
	return x, nil
}

// ReadField is Read for one member of a dataset of compounds. A dot leads to a member of a member.
func (d *Dataset) ReadField(name string, s Slab) (*recording.Array, error) {
	typ, offset := d.typ, 0
	for part := range strings.SplitSeq(name, ".") {
		i := slices.IndexFunc(typ.Members, func(m Member) bool { return m.Name == part })
		if i < 0 {
			var names []string
			for _, m := range typ.Members {
				names = append(names, m.Name)
			}
			return nil, &recording.Error{Path: d.f.path, Field: fmt.Sprintf("%q", d.path), Offset: -1, Found: "elements of type " + typ.String(),
				Expected: fmt.Sprintf("a compound with a member %q", part), Remedy: "its members are " + strings.Join(names, ", ")}
		}
		offset += typ.Members[i].Offset
		typ = typ.Members[i].Type
	}
	raw, sel, err := d.raw(s)
	if err != nil {
		return nil, err
	}
	packed := make([]byte, 0, sel.elements*typ.Size)
	for i := range sel.elements {
		at := i*d.typ.Size + offset
		packed = append(packed, raw[at:at+typ.Size]...)
	}
	dims := sel.count
	if d.space.null {
		dims = []int{0}
	}
	x, err := d.f.array(typ, dims, rawFill(packed))
	if err != nil {
		return nil, within(err, d.path)
	}
	x.Name = d.path + "." + name
	return x, nil
}

// raw reads the elements of a slab as they are in the file.
func (d *Dataset) raw(s Slab) ([]byte, selection, error) {
	sel, err := d.selection(s)
	if err != nil {
		return nil, sel, err
	}
	if err := d.admit(sel); err != nil {
		return nil, sel, err
	}
	raw := make([]byte, sel.elements*d.typ.Size)
	return raw, sel, d.read(sel, raw)
}

// Values gives every element of a part of the dataset as a Go value, row-major: bool, int8 to uint64, float32, float64,
// complex64, complex128, string; []byte for opaque data; Reference and Region; Record for a compound; for an array or a
// sequence a *recording.Array when Read could give one, else []any.
func (d *Dataset) Values(s Slab) ([]any, error) {
	raw, sel, err := d.raw(s)
	if err != nil {
		return nil, err
	}
	out, err := d.f.values(d.typ, sel.elements, raw)
	return out, within(err, d.path)
}

// References gives the elements of a part of a dataset of object references.
func (d *Dataset) References(s Slab) ([]Reference, error) {
	all, err := d.Values(s)
	if err != nil {
		return nil, err
	}
	out := make([]Reference, len(all))
	for i, v := range all {
		r, ok := v.(Reference)
		if !ok {
			return nil, &recording.Error{Path: d.f.path, Field: fmt.Sprintf("%q", d.path), Offset: -1, Found: "elements of type " + d.typ.String(), Expected: "object references"}
		}
		out[i] = r
	}
	return out, nil
}

// Text gives the value of a dataset that is one text.
func (d *Dataset) Text() (string, error) {
	x, err := d.Read(Slab{})
	if err != nil {
		return "", err
	}
	return oneText(x, d.f.path, d.path)
}

// Number gives the value of a dataset that is one real number.
func (d *Dataset) Number() (float64, error) {
	x, err := d.Read(Slab{})
	if err != nil {
		return 0, err
	}
	return oneNumber(x, d.f.path, d.path)
}

// Reference points to an object of the same file; Deref opens it.
type Reference struct {
	Address uint64 // of the object, see Object.Address
}

// IsNull reports whether the reference points to nothing.
func (r Reference) IsNull() bool { return r.Address == 0 || r.Address == undefined }

// Region points to a part of a dataset: everything, single elements, or blocks.
type Region struct {
	Reference
	All    bool
	Points [][]int
	Blocks []Block
}

// Block is a box of elements, from First to Last along each axis, both included.
type Block struct {
	First, Last []int
}

// Record is an element of a compound.
type Record []Field

// Field is a member of a Record.
type Field struct {
	Name  string
	Value any
}

// Get gives the value of the member of this name, or nil.
func (r Record) Get(name string) any {
	for _, f := range r {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

func (s dataspace) resultDims() []int {
	if s.null {
		return []int{0}
	}
	return slices.Clone(s.dims)
}

// fill writes the elements that are wanted, as they are in the file.
type fill func(dst []byte) error

func rawFill(raw []byte) fill {
	return func(dst []byte) error {
		copy(dst, raw)
		return nil
	}
}

// Read lets wire.Read, which asks for all bytes at once when it is told that they are there, have them put where it wants them.
func (f fill) Read(dst []byte) (int, error) {
	if err := f(dst); err != nil {
		return 0, err
	}
	return len(dst), nil
}

// array gives elements of a type that a recording.Array can hold.
func (f *File) array(t *Type, dims []int, fill fill) (*recording.Array, error) {
	dims = slices.Clone(dims)
	for t.Class == ArrayType {
		dims = append(dims, t.Dims...)
		t = t.Base
	}
	n, err := recording.Count(dims)
	if err != nil || n > math.MaxInt/t.Size {
		return nil, &recording.Error{Path: f.path, Offset: -1, Found: fmt.Sprintf("%s elements of %d bytes", recording.FormatDims(dims), t.Size), Expected: "what memory can hold"}
	}
	a := &recording.Array{Dims: dims}
	a.Data, err = f.numbers(t, n, fill)
	return a, err
}

// numbers gives n elements as a slice of the type that fits.
func (f *File) numbers(t *Type, n int, fill fill) (any, error) {
	var err error
	raw := func() []byte {
		b := make([]byte, n*t.Size)
		err = fill(b)
		return b
	}
	switch {
	case t.Class == Integer && t.plain(), t.Class == Bitfield && t.plain(), t.Class == Enum && t.Base.plain() && !t.isBool():
		signed := t.Signed || t.Class == Enum && t.Base.Signed
		switch {
		case t.Size == 1 && signed:
			return direct[int8](t, n, fill)
		case t.Size == 1:
			return direct[uint8](t, n, fill)
		case t.Size == 2 && signed:
			return direct[int16](t, n, fill)
		case t.Size == 2:
			return direct[uint16](t, n, fill)
		case t.Size == 4 && signed:
			return direct[int32](t, n, fill)
		case t.Size == 4:
			return direct[uint32](t, n, fill)
		case signed:
			return direct[int64](t, n, fill)
		}
		return direct[uint64](t, n, fill)
	case t.Class == Float && t.Size == 4 && t.float == float32Layout:
		return direct[float32](t, n, fill)
	case t.Class == Float && t.Size == 8 && t.float == float64Layout:
		return direct[float64](t, n, fill)
	case t.isBool():
		b := raw()
		out := make([]bool, n)
		for i, v := range b {
			out[i] = v != 0
		}
		return out, err
	case t.Class == Integer && t.Size <= 8, t.Class == Bitfield && t.Size <= 8, t.Class == Enum:
		if t.Class == Enum {
			t = t.Base
		}
		b := raw()
		if err != nil {
			return nil, err
		}
		switch {
		case t.Size == 1 && t.Signed:
			return integers[int8](t, n, b), nil
		case t.Size == 1:
			return integers[uint8](t, n, b), nil
		case t.Size == 2 && t.Signed:
			return integers[int16](t, n, b), nil
		case t.Size == 2:
			return integers[uint16](t, n, b), nil
		case t.Size <= 4 && t.Signed:
			return integers[int32](t, n, b), nil
		case t.Size <= 4:
			return integers[uint32](t, n, b), nil
		case t.Signed:
			return integers[int64](t, n, b), nil
		}
		return integers[uint64](t, n, b), nil
	case t.Class == Float:
		b := raw()
		if err != nil {
			return nil, err
		}
		if t.Size <= 4 {
			out := make([]float32, n)
			for i := range out {
				out[i] = float32(t.real(b[i*t.Size:]))
			}
			return out, nil
		}
		out := make([]float64, n)
		for i := range out {
			out[i] = t.real(b[i*t.Size:])
		}
		return out, nil
	case t.IsText():
		b := raw()
		if err != nil {
			return nil, err
		}
		return f.texts(t, n, b)
	}
	if re, im, part, ok := t.complexParts(); ok {
		b := raw()
		if err != nil {
			return nil, err
		}
		if part.Size <= 4 {
			out := make([]complex64, n)
			for i := range out {
				e := b[i*t.Size:]
				out[i] = complex(float32(part.real(e[re:])), float32(part.real(e[im:])))
			}
			return out, nil
		}
		out := make([]complex128, n)
		for i := range out {
			e := b[i*t.Size:]
			out[i] = complex(part.real(e[re:]), part.real(e[im:]))
		}
		return out, nil
	}
	if t.Class == Time || t.Size > 8 && t.Class == Integer || t.Class == Ref && t.revised {
		return nil, f.refused(t)
	}
	e := &recording.Error{Path: f.path, Offset: -1, Found: "elements of type " + t.String(), Expected: "numbers or text", Remedy: "use Values"}
	if t.Class == Compound {
		e.Remedy = "use ReadField or Values"
	}
	return nil, e
}

// refused is the error for a type that this package does not read at all.
func (f *File) refused(t *Type) error {
	found := "elements of type " + t.String()
	if t.Class == Ref {
		found = "references of the kind that came with HDF5 1.12"
	}
	return &recording.Error{Path: f.path, Offset: -1, Found: found, Expected: "numbers, text, references of HDF5 1.8 or types made of these"}
}

// plain reports whether an integer's bits are those of a Go integer of its size.
func (t *Type) plain() bool {
	return t.bitOffset == 0 && t.bitCount == 8*t.Size && (t.Size == 1 || t.Size == 2 || t.Size == 4 || t.Size == 8)
}

// direct reads numbers that look on disk as they do in memory, up to the order of bytes.
func direct[T wire.Fixed](t *Type, n int, fill fill) ([]T, error) {
	if n == 0 {
		return []T{}, nil
	}
	return wire.Read[T](fill, n, t.Order, math.MaxInt64)
}

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

func integers[T integer](t *Type, n int, b []byte) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = T(t.integer(b[i*t.Size : (i+1)*t.Size]))
	}
	return out
}

// integer reads one integer of up to 8 bytes whose bits may be a part of them.
func (t *Type) integer(b []byte) int64 {
	v := littleEndian(b[:t.Size])
	if t.Order == binary.BigEndian {
		v = 0
		for _, x := range b[:t.Size] {
			v = v<<8 | uint64(x)
		}
	}
	v = v >> t.bitOffset << (64 - t.bitCount)
	if t.Signed {
		return int64(v) >> (64 - t.bitCount)
	}
	return int64(v >> (64 - t.bitCount))
}

// real reads one float of any layout, rounded to a float64.
func (t *Type) real(b []byte) float64 {
	switch {
	case t.Size == 4 && t.float == float32Layout:
		return float64(math.Float32frombits(order32(t.Order, b)))
	case t.Size == 8 && t.float == float64Layout:
		if t.Order == binary.BigEndian {
			return math.Float64frombits(binary.BigEndian.Uint64(b))
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	var le [16]byte
	for i := range t.Size {
		if t.Order == binary.BigEndian {
			le[i] = b[t.Size-1-i]
		} else {
			le[i] = b[i]
		}
	}
	// field takes up to 64 bits from any place; a mantissa longer than that keeps whether anything was cut off.
	field := func(from, n int) uint64 {
		v := uint64(0)
		for i := n - 1; i >= 0; i-- {
			bit := uint64(le[(from+i)/8]) >> ((from + i) % 8) & 1
			if n-1-i < 64 {
				v = v<<1 | bit
			} else {
				v |= bit
			}
		}
		return v
	}
	l := t.float
	exponent := int(field(l.exponent, l.exponentBits))
	mantissa := field(l.mantissa, l.mantissaBits)
	kept := min(l.mantissaBits, 64) // bits of mantissa
	sign := 1.0
	if field(l.sign, 1) == 1 {
		sign = -1
	}
	whole := 1<<l.exponentBits - 1
	fraction := mantissa
	if l.norm == 0 {
		fraction &= 1<<(kept-1) - 1 // without the leading one
	}
	switch {
	case exponent == whole && fraction != 0:
		return math.NaN()
	case exponent == whole:
		return sign * math.Inf(1)
	}
	// The value is mantissa * 2^scale, plus a leading one that is implied unless the number is subnormal.
	scale := exponent - l.bias - kept
	if l.norm == 0 {
		scale++
	}
	if exponent == 0 {
		return sign * math.Ldexp(float64(mantissa), scale+1)
	}
	if l.norm == 2 {
		if kept == 64 { // make room for the leading one
			mantissa = mantissa>>1 | mantissa&1
			kept, scale = 63, scale+1
		}
		mantissa |= 1 << kept
	}
	return sign * math.Ldexp(float64(mantissa), scale)
}

func order32(o binary.ByteOrder, b []byte) uint32 {
	if o == binary.BigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

// texts reads text of fixed or variable length.
func (f *File) texts(t *Type, n int, b []byte) ([]string, error) {
	out := make([]string, n)
	same := map[string]string{} // elements that share an object of the heap share the text
	for i := range out {
		e := b[i*t.Size : (i+1)*t.Size]
		if t.Class == String {
			out[i] = t.fixedText(e)
			continue
		}
		s, ok := same[string(e)]
		if !ok {
			raw, _, err := f.variable(e, 1)
			if err != nil {
				return nil, err
			}
			if end := bytes.IndexByte(raw, 0); end >= 0 {
				raw = raw[:end]
			}
			s = string(raw)
			same[string(e)] = s
		}
		out[i] = s
	}
	return out, nil
}

// fixedText is a text of fixed length without its padding.
func (t *Type) fixedText(b []byte) string {
	switch t.padding {
	case 2:
		b = bytes.TrimRight(b, " ")
	case 1:
		b = bytes.TrimRight(b, "\x00")
	default:
		if end := bytes.IndexByte(b, 0); end >= 0 {
			b = b[:end]
		}
	}
	return string(b)
}

// variable gives the bytes of a sequence or text of variable length, and its count of elements, each of size bytes.
func (f *File) variable(e []byte, size int) ([]byte, int, error) {
	c := f.cursor(e, -1, "element of variable length")
	n := uint64(c.u32())
	addr, index := c.addr(), c.u32()
	if n == 0 || addr == 0 || addr == undefined {
		return nil, 0, c.err
	}
	b, err := f.globalObject(addr, index)
	if err != nil {
		return nil, 0, err
	}
	if n > uint64(len(b)/size) {
		c.fail(fmt.Sprintf("%d elements of %d bytes in an object of %d", n, size, len(b)), "what fits", "")
		return nil, 0, c.err
	}
	return b[:int(n)*size], int(n), nil
}

// values gives n elements as Go values.
func (f *File) values(t *Type, n int, raw []byte) ([]any, error) {
	v := valueReader{f: f, same: map[sequenceKey]any{}}
	return v.list(t, n, raw)
}

// valueReader makes Go values. Sequences that several elements share are made once: otherwise a small file could ask for any
// amount of memory.
type valueReader struct {
	f    *File
	same map[sequenceKey]any
}

type sequenceKey struct {
	t  *Type
	at string
}

func (v *valueReader) list(t *Type, n int, raw []byte) ([]any, error) {
	out := make([]any, n)
	if t.scalar() {
		data, err := v.f.numbers(t, n, rawFill(raw))
		if err != nil {
			return nil, err
		}
		spread(out, data)
		return out, nil
	}
	for i := range out {
		var err error
		if out[i], err = v.value(t, raw[i*t.Size:(i+1)*t.Size]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// value reads one element that is not a scalar.
func (v *valueReader) value(t *Type, e []byte) (any, error) {
	switch t.Class {
	case Opaque:
		return bytes.Clone(e), nil
	case Compound:
		r := make(Record, len(t.Members))
		for i, m := range t.Members {
			one, err := v.list(m.Type, 1, e[m.Offset:m.Offset+m.Type.Size])
			if err != nil {
				return nil, err
			}
			r[i] = Field{m.Name, one[0]}
		}
		return r, nil
	case Ref:
		return v.f.reference(t, e)
	case ArrayType:
		return v.sequence(t.Base, t.Dims, e)
	case Variable:
		key := sequenceKey{t, string(e)}
		if x, ok := v.same[key]; ok {
			return x, nil
		}
		b, n, err := v.f.variable(e, t.Base.Size)
		if err != nil {
			return nil, err
		}
		x, err := v.sequence(t.Base, []int{n}, b)
		if err == nil {
			v.same[key] = x
		}
		return x, err
	}
	return nil, v.f.refused(t)
}

// sequence reads the elements of an array or sequence.
func (v *valueReader) sequence(t *Type, dims []int, b []byte) (any, error) {
	inner := t
	for inner.Class == ArrayType {
		inner = inner.Base
	}
	if inner.scalar() {
		return v.f.array(t, dims, rawFill(b))
	}
	n, err := recording.Count(dims)
	if err != nil {
		return nil, err
	}
	return v.list(t, n, b)
}

// spread puts the elements of a slice into out one by one.
func spread(out []any, data any) {
	switch d := data.(type) {
	case []bool:
		each(out, d)
	case []int8:
		each(out, d)
	case []int16:
		each(out, d)
	case []int32:
		each(out, d)
	case []int64:
		each(out, d)
	case []uint8:
		each(out, d)
	case []uint16:
		each(out, d)
	case []uint32:
		each(out, d)
	case []uint64:
		each(out, d)
	case []float32:
		each(out, d)
	case []float64:
		each(out, d)
	case []complex64:
		each(out, d)
	case []complex128:
		each(out, d)
	case []string:
		each(out, d)
	}
}

func each[T any](out []any, data []T) {
	for i, x := range data {
		out[i] = x
	}
}

// reference reads an object or region reference.
func (f *File) reference(t *Type, e []byte) (any, error) {
	c := f.cursor(e, -1, "reference")
	if t.revised {
		return nil, f.refused(t)
	}
	if !t.Region {
		r := Reference{c.addr()}
		return r, c.err
	}
	addr, index := c.addr(), c.u32()
	if c.err != nil || addr == 0 || addr == undefined {
		return Region{}, c.err
	}
	b, err := f.globalObject(addr, index)
	if err != nil {
		return nil, err
	}
	c = f.cursor(b, -1, "region reference")
	r := Region{Reference: Reference{c.addr()}}
	c.selection(&r)
	return r, c.err
}

// maxBlocks is how many blocks of a regular pattern are listed one by one.
const maxBlocks = 1 << 16

// selection reads the part of a dataset that a region reference points to.
func (c *cursor) selection(r *Region) {
	kind, version := c.u32(), c.u32()
	number := func(width int) int {
		v := c.uint(width)
		if v > math.MaxInt/2 {
			c.fail(fmt.Sprintf("a coordinate of %d", v), "one that an integer can count", "")
			return 0
		}
		return int(v)
	}
	coordinates := func(rank, width int) []int {
		out := make([]int, rank)
		for i := range out {
			out[i] = number(width)
		}
		return out
	}
	rank := func() int {
		n := c.u32()
		if n > maxRank {
			c.fail(fmt.Sprintf("%d dimensions", n), fmt.Sprintf("at most %d", maxRank), "")
			return 0
		}
		return int(n)
	}
	switch kind {
	case 0: // nothing
	case 1:
		width, dims := 4, 0
		if version == 1 {
			c.skip(8)
			dims = rank()
		} else {
			width = int(c.u8())
			dims = rank()
		}
		for n := c.uint(width); n > 0 && c.err == nil; n-- {
			r.Points = append(r.Points, coordinates(dims, width))
			if dims == 0 {
				break
			}
		}
	case 2:
		regular, width, dims := false, 4, 0
		switch version {
		case 1:
			c.skip(8)
			dims = rank()
		case 2:
			regular, width = true, 8
			c.skip(1 + 4)
			dims = rank()
		default:
			regular = c.u8()&1 != 0
			width = int(c.u8())
			dims = rank()
		}
		if regular {
			c.regular(r, dims, func() int { return number(width) })
			return
		}
		for n := c.uint(width); n > 0 && c.err == nil; n-- {
			r.Blocks = append(r.Blocks, Block{coordinates(dims, width), coordinates(dims, width)})
			if dims == 0 {
				break
			}
		}
	case 3:
		r.All = true
	default:
		c.fail(fmt.Sprintf("a selection of type %d", kind), "type 0 to 3", "")
	}
}

// regular lists the blocks of a regular pattern: along each axis a start, a stride, a count, and the length of a block.
func (c *cursor) regular(r *Region, rank int, number func() int) {
	blocks := []Block{{make([]int, 0, rank), make([]int, 0, rank)}}
	for range rank {
		start, stride, count, length := number(), number(), number(), number()
		if c.err != nil || count*len(blocks) > maxBlocks || count > maxBlocks || length < 1 || stride > math.MaxInt/4/maxBlocks {
			c.fail(fmt.Sprintf("%d times %d blocks", len(blocks), count), fmt.Sprintf("at most %d", maxBlocks), "")
			return
		}
		var next []Block
		for _, b := range blocks {
			for i := range count {
				at := start + i*stride
				next = append(next, Block{append(slices.Clone(b.First), at), append(slices.Clone(b.Last), at+length-1)})
			}
		}
		blocks = next
	}
	if c.err == nil {
		r.Blocks = blocks
	}
}
