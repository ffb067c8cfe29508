package matfile

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// Data types of elements ("MAT-File Data Types" in the format description).
const (
	miINT8       = 1
	miUINT8      = 2
	miINT16      = 3
	miUINT16     = 4
	miINT32      = 5
	miUINT32     = 6
	miSINGLE     = 7
	miDOUBLE     = 9
	miINT64      = 12
	miUINT64     = 13
	miMATRIX     = 14
	miCOMPRESSED = 15
	miUTF8       = 16
	miUTF16      = 17
	miUTF32      = 18
)

// sizes of one value of each numeric data type; 0 for the others.
var miSizes = [...]int64{miINT8: 1, miUINT8: 1, miINT16: 2, miUINT16: 2, miINT32: 4, miUINT32: 4, miSINGLE: 4, miDOUBLE: 8,
	miINT64: 8, miUINT64: 8, miUTF8: 1, miUTF16: 2, miUTF32: 4}

const (
	headerSize = 128
	maxDims    = 32  // as NumPy has it; MATLAB sets no limit but nobody has met more than a handful
	maxDepth   = 100 // of cells and structs inside each other
	maxName    = 4096
)

// versionOf reads the version field of a level 5 header, 0x0100, or 0x0200 for level 7.3.
func versionOf(head []byte) uint16 {
	if head[126] == 'I' {
		return binary.LittleEndian.Uint16(head[124:])
	}
	return binary.BigEndian.Uint16(head[124:])
}

// index5 walks the top-level elements, reading no more of each than its name.
func (f *File) index5(head []byte) error {
	if len(head) < headerSize {
		return f.broken(int64(len(head)), "", "a header of 128 bytes", "", io.ErrUnexpectedEOF)
	}
	switch string(head[126:128]) {
	case "IM":
		f.Header.Order = binary.LittleEndian
	case "MI":
		f.Header.Order = binary.BigEndian
	default:
		return f.broken(126, fmt.Sprintf("%q", head[126:128]), `the byte order mark "IM" or "MI" of a MAT-file of level 5`, "header", nil)
	}
	if v := versionOf(head); v != 0x0100 {
		return f.broken(124, fmt.Sprintf("version %#04x", v), "version 0x0100 of a MAT-file of level 5", "header", nil)
	}
	f.Header.Text = strings.TrimRight(strings.ToValidUTF8(string(head[:116]), "\uFFFD"), " \x00")

	for at := int64(headerSize); at < f.size; {
		s, kind, err := f.open5(at)
		if err != nil {
			return err
		}
		next := s.top
		v := Variable{Offset: at, Bytes: next - at, Compressed: kind == miCOMPRESSED}
		h, err := s.header()
		if err != nil {
			return err
		}
		v.Name, v.Class, v.Dims, v.Complex, v.Logical = h.name, h.class, h.dims, h.complex, h.logical
		if h.class == Object || h.class == Opaque {
			v.ClassName = h.className
		}
		if v.Name == "" && h.class != Opaque {
			f.hidden++
		} else {
			f.vars = append(f.vars, v)
		}
		at = next
	}
	return nil
}

// read5 reads one variable, and for a compressed one checks that it inflated to exactly what was declared.
func (f *File) read5(entry Variable) (*Value, error) {
	s, _, err := f.open5(entry.Offset)
	if err != nil {
		return nil, err
	}
	s.name = entry.Name
	v, err := s.matrix(0)
	if err != nil {
		return nil, err
	}
	if s.inflated {
		if err := s.skipTo(s.end); err != nil {
			return nil, err
		}
		// Reading on to the end is what verifies the checksum.
		if _, err := s.br.ReadByte(); err == nil {
			return nil, s.fail("more data", "the end of the compressed variable", nil)
		} else if err != io.EOF {
			return nil, s.fail("", "", err)
		}
	}
	return v, nil
}

// open5 gives the stream of the top-level element at offset, positioned behind its miMATRIX tag.
func (f *File) open5(offset int64) (*stream, uint32, error) {
	s := &stream{f: f, bo: f.Header.Order, pos: offset, end: f.size}
	s.br = bufio.NewReaderSize(io.NewSectionReader(f.r, offset, f.size-offset), bufferFor(f.size-offset))
	kind, n, err := s.fullTag()
	if err != nil {
		return nil, 0, err
	}
	if kind != miMATRIX && kind != miCOMPRESSED {
		return nil, 0, f.broken(offset, fmt.Sprintf("an element of type %d", kind), "a variable: type 14 (miMATRIX) or 15 (miCOMPRESSED)", "", nil)
	}
	if n > f.size-s.pos {
		return nil, 0, f.broken(offset, fmt.Sprintf("a variable of %d bytes, but only %d are left", n, f.size-s.pos), "a whole variable", "", io.ErrUnexpectedEOF)
	}
	s.end = s.pos + n
	s.top = s.end
	if kind == miMATRIX {
		s.there = true
		return s, kind, nil
	}
	z, err := zlib.NewReader(io.NewSectionReader(f.r, s.pos, n))
	if err != nil {
		return nil, 0, s.fail("", "zlib-compressed data", err)
	}
	s.br.Reset(z)
	s.inflated, s.pos, s.end = true, 0, MaxVariable
	inner, size, err := s.fullTag()
	if err != nil {
		return nil, 0, err
	}
	if inner != miMATRIX {
		return nil, 0, s.fail(fmt.Sprintf("an element of type %d", inner), "type 14 (miMATRIX)", nil)
	}
	if size > n*wire.MaxDeflate {
		return nil, 0, s.fail(fmt.Sprintf("a declared size of %d bytes", size), fmt.Sprintf("what %d compressed bytes can inflate to", n), nil)
	}
	if size > MaxVariable-8 {
		return nil, 0, s.fail(fmt.Sprintf("a declared size of %d bytes", size), fmt.Sprintf("at most %d", MaxVariable), nil)
	}
	s.end = s.pos + size
	return s, kind, nil
}

// bufferFor sizes a read buffer: small, since arrays are read past it.
func bufferFor(n int64) int { return int(max(16, min(n, 8<<10))) }

// stream reads a variable's bytes in order and never past its end.
type stream struct {
	f        *File
	br       *bufio.Reader
	bo       binary.ByteOrder
	name     string // of the variable, for errors
	pos, end int64  // in the file, or in the inflated bytes
	top      int64  // where the top-level element ends in the file
	inflated bool
	there    bool // the bytes up to end are known to be in the file
	scratch  [16]byte
}

func (s *stream) fail(found, expected string, cause error) error {
	field := ""
	if s.name != "" {
		field = fmt.Sprintf("variable %q", s.name)
	}
	if s.inflated {
		field = strings.TrimSpace(field + " (inflated)")
	}
	return s.f.broken(s.pos, found, expected, field, cause)
}

// claim checks that n bytes are left before the end of what they are said to lie in.
func (s *stream) claim(n int64, what string) error {
	if n < 0 || n > s.end-s.pos {
		return s.fail(fmt.Sprintf("%s of %d bytes", what, n), fmt.Sprintf("at most the %d bytes left", max(0, s.end-s.pos)), nil)
	}
	return nil
}

func (s *stream) bytes(dst []byte) error {
	if err := s.claim(int64(len(dst)), "an item"); err != nil {
		return err
	}
	n, err := io.ReadFull(s.br, dst)
	s.pos += int64(n)
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return s.fail("", "more data", err)
	}
	return nil
}

func (s *stream) skipTo(pos int64) error {
	if pos == s.pos {
		return nil
	}
	n, err := io.CopyN(io.Discard, s.br, pos-s.pos)
	s.pos += n
	if err != nil {
		return s.fail("", "more data", err)
	}
	return nil
}

// tag is the head of a data element. Small elements carry their data in the tag itself.
type tag struct {
	kind  uint32
	n     int64
	small bool
}

func (s *stream) tag() (tag, error) {
	b := s.scratch[:4]
	if err := s.bytes(b); err != nil {
		return tag{}, err
	}
	first := s.bo.Uint32(b)
	if n := first >> 16; n != 0 {
		if n > 4 {
			s.pos -= 4
			return tag{}, s.fail(fmt.Sprintf("a small element of %d bytes", n), "at most 4", nil)
		}
		return tag{kind: first & 0xffff, n: int64(n), small: true}, nil
	}
	if err := s.bytes(b); err != nil {
		return tag{}, err
	}
	t := tag{kind: first, n: int64(s.bo.Uint32(b))}
	return t, s.claim(t.n, "an element")
}

// fullTag is a tag that may not be small: that of a variable.
func (s *stream) fullTag() (kind uint32, n int64, err error) {
	b := s.scratch[:8]
	if err := s.bytes(b); err != nil {
		return 0, 0, err
	}
	return s.bo.Uint32(b), int64(s.bo.Uint32(b[4:])), nil
}

// pad skips what fills an element up to a multiple of eight bytes. The last one before the end may lack its padding.
func (s *stream) pad(t tag) error {
	fill := (8 - t.n%8) % 8
	if t.small {
		fill = 4 - t.n
	}
	return s.skipTo(s.pos + min(fill, s.end-s.pos))
}

// small reads an element known to be short: dimensions, flags, names.
func (s *stream) small(limit int64, what string) (tag, []byte, error) {
	t, err := s.tag()
	if err != nil {
		return t, nil, err
	}
	if t.n > limit {
		return t, nil, s.fail(fmt.Sprintf("%s of %d bytes", what, t.n), fmt.Sprintf("at most %d", limit), nil)
	}
	b := make([]byte, t.n)
	if err := s.bytes(b); err != nil {
		return t, nil, err
	}
	return t, b, s.pad(t)
}

// text reads an element that names something. Names are ASCII; later writers declare them as UTF-8.
func (s *stream) text(what string) (string, error) {
	t, b, err := s.small(maxName, what)
	if err != nil {
		return "", err
	}
	if t.kind != miINT8 && t.kind != miUINT8 && t.kind != miUTF8 {
		return "", s.fail(fmt.Sprintf("%s of type %d", what, t.kind), "type 1 (miINT8)", nil)
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return "", s.fail(fmt.Sprintf("%s %q", what, b), "ASCII", nil)
		}
	}
	return string(bytes.TrimRight(b, "\x00")), nil
}

// header is what precedes the content of a miMATRIX element.
type header struct {
	class     Class
	complex   bool
	logical   bool
	dims      []int
	count     int // product of dims
	name      string
	className string // of Object and Opaque
}

func (s *stream) header() (header, error) {
	var h header
	t, b, err := s.small(16, "array flags")
	if err != nil {
		return h, err
	}
	if (t.kind != miUINT32 && t.kind != miINT32) || len(b) != 8 {
		return h, s.fail(fmt.Sprintf("an element of type %d and %d bytes", t.kind, t.n), "array flags: type 6 (miUINT32), 8 bytes", nil)
	}
	flags := s.bo.Uint32(b)
	h.class = Class(flags & 0xff)
	h.complex = flags&0x0800 != 0
	h.logical = flags&0x0200 != 0
	if h.class < Cell || h.class > Opaque {
		return h, s.fail(fmt.Sprintf("array class %d", flags&0xff), "a class from 1 to 17", nil)
	}
	if h.class == Opaque { // no dimensions; name, type system, class name
		if h.name, err = s.text("a variable name"); err != nil {
			return h, err
		}
		if _, err = s.text("a type system name"); err != nil {
			return h, err
		}
		h.className, err = s.text("a class name")
		return h, err
	}
	if t, b, err = s.small(4*maxDims, "dimensions"); err != nil {
		return h, err
	}
	if (t.kind != miINT32 && t.kind != miUINT32) || len(b)%4 != 0 || len(b) < 8 {
		return h, s.fail(fmt.Sprintf("dimensions of type %d and %d bytes", t.kind, t.n), "two or more of type 5 (miINT32)", nil)
	}
	h.dims = make([]int, len(b)/4)
	for i := range h.dims {
		h.dims[i] = int(int32(s.bo.Uint32(b[4*i:])))
	}
	if h.count, err = recording.Count(h.dims); err != nil {
		return h, s.fail("", "", err)
	}
	if h.name, err = s.text("a variable name"); err != nil {
		return h, err
	}
	if h.class == Object {
		h.className, err = s.text("a class name")
	}
	return h, err
}

// matrix reads the rest of a miMATRIX element, from behind its tag to s.end.
func (s *stream) matrix(depth int) (*Value, error) {
	if depth > maxDepth {
		return nil, s.fail(fmt.Sprintf("values nested more than %d deep", maxDepth), "less", nil)
	}
	h, err := s.header()
	if err != nil {
		return nil, err
	}
	v := &Value{Name: h.name, Class: h.class, ClassName: h.className, Dims: h.dims, Logical: h.logical}
	switch {
	case h.class.numeric():
		v.data, err = s.numbers(h)
	case h.class == Char:
		v.chars, err = s.characters(h)
	case h.class == Sparse:
		v.sparse, err = s.sparse(h)
	case h.class == Cell:
		v.Cells, err = s.cells(h.count, "cells", depth)
	case h.class == Struct, h.class == Object:
		err = s.structure(h, v, depth)
	default: // Function and Opaque: what they hold is not described
		err = s.skipTo(s.end)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// cells reads n values one after the other. Each takes at least a tag, which bounds n.
func (s *stream) cells(n int, what string, depth int) ([]*Value, error) {
	if int64(n) > (s.end-s.pos)/8 {
		return nil, s.fail(fmt.Sprintf("%d %s", n, what), fmt.Sprintf("no more than the %d bytes left can hold", s.end-s.pos), nil)
	}
	out := make([]*Value, 0, s.known(n, 8))
	end := s.end
	for range n {
		t, err := s.tag()
		if err != nil {
			return nil, err
		}
		if t.kind != miMATRIX || t.small {
			return nil, s.fail(fmt.Sprintf("an element of type %d", t.kind), "a value: type 14 (miMATRIX)", nil)
		}
		if t.n == 0 {
			out = append(out, empty)
			continue
		}
		s.end = s.pos + t.n
		v, err := s.matrix(depth + 1)
		if err == nil {
			err = s.skipTo(s.end)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		s.end = end
	}
	return out, nil
}

// known is how many of n items may be allocated before they are read: all when the bytes are in the file, few when they are
// yet to be inflated.
func (s *stream) known(n, size int) int {
	if s.there {
		return n
	}
	return min(n, 4096/size)
}

func (s *stream) structure(h header, v *Value, depth int) error {
	t, b, err := s.small(4, "a field name length")
	if err != nil {
		return err
	}
	if (t.kind != miINT32 && t.kind != miUINT32) || len(b) != 4 {
		return s.fail(fmt.Sprintf("an element of type %d and %d bytes", t.kind, t.n), "the length of field names: type 5 (miINT32), 4 bytes", nil)
	}
	width := int64(int32(s.bo.Uint32(b)))
	t, err = s.tag()
	if err != nil {
		return err
	}
	if t.kind != miINT8 && t.kind != miUINT8 && t.kind != miUTF8 {
		return s.fail(fmt.Sprintf("field names of type %d", t.kind), "type 1 (miINT8)", nil)
	}
	if t.n > 0 && (width < 1 || t.n%width != 0) {
		return s.fail(fmt.Sprintf("field names of %d bytes in %d", width, t.n), "a whole number of names", nil)
	}
	table, err := wire.Read[uint8](s.reader(t.n), int(t.n), s.bo, s.present(t.n))
	if err != nil {
		return s.fail("", "field names", err)
	}
	s.pos += t.n
	if err := s.pad(t); err != nil {
		return err
	}
	v.names = []string{}
	for at := int64(0); at < t.n; at += width {
		name, _, _ := bytes.Cut(table[at:at+width], []byte{0})
		v.names = append(v.names, strings.ToValidUTF8(string(name), "\uFFFD"))
	}
	values, err := recording.Count([]int{h.count, len(v.names)})
	if err != nil {
		return s.fail("", "", err)
	}
	v.fields, err = s.cells(values, "fields", depth)
	return err
}

// reader is the source of the next n bytes for package wire; the caller has claimed them and advances pos.
func (s *stream) reader(n int64) io.Reader { return io.LimitReader(s.br, n) }

// present is how many of the next n bytes are certain to exist.
func (s *stream) present(n int64) int64 {
	if s.there {
		return n
	}
	return 0
}

// numbers reads the real part, and the imaginary part if there is one.
func (s *stream) numbers(h header) (*recording.Array, error) {
	a := &recording.Array{Name: h.name, Dims: h.dims, Order: recording.ColumnMajor}
	var err error
	if h.complex {
		a.Data, err = s.complexNumbers(h)
		return a, err
	}
	switch h.class {
	case Double:
		a.Data, err = values[float64](s, h.count)
	case Single:
		a.Data, err = values[float32](s, h.count)
	case Int8:
		a.Data, err = values[int8](s, h.count)
	case Uint8:
		a.Data, err = values[uint8](s, h.count)
	case Int16:
		a.Data, err = values[int16](s, h.count)
	case Uint16:
		a.Data, err = values[uint16](s, h.count)
	case Int32:
		a.Data, err = values[int32](s, h.count)
	case Uint32:
		a.Data, err = values[uint32](s, h.count)
	case Int64:
		a.Data, err = values[int64](s, h.count)
	case Uint64:
		a.Data, err = values[uint64](s, h.count)
	}
	if err == nil && h.logical {
		a.Data, err = truth(s, a)
	}
	return a, err
}

// truth makes bools of the numbers a logical array is stored as.
func truth(s *stream, a *recording.Array) ([]bool, error) {
	if d, ok := a.Data.([]uint8); ok {
		return nonzero(d), nil
	}
	d, err := a.Float64s() // written by MATLAB 5 and 6: logical doubles
	if err != nil {
		return nil, s.fail("", "", err)
	}
	return nonzero(d), nil
}

func nonzero[T uint8 | float64](d []T) []bool {
	out := make([]bool, len(d))
	for i, v := range d {
		out[i] = v != 0
	}
	return out
}

func (s *stream) complexNumbers(h header) (any, error) {
	if h.class == Single {
		re, err := values[float32](s, h.count)
		if err != nil {
			return nil, err
		}
		im, err := values[float32](s, h.count)
		if err != nil {
			return nil, err
		}
		out := make([]complex64, len(re))
		for i := range out {
			out[i] = complex(re[i], im[i])
		}
		return out, nil
	}
	re, err := values[float64](s, h.count)
	if err != nil {
		return nil, err
	}
	im, err := values[float64](s, h.count)
	if err != nil {
		return nil, err
	}
	out := make([]complex128, len(re))
	for i := range out {
		out[i] = complex(re[i], im[i])
	}
	return out, nil
}

type number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// values reads a data element of count numbers as T.
func values[T number](s *stream, count int) ([]T, error) {
	t, err := s.tag()
	if err != nil {
		return nil, err
	}
	size, err := s.numeric(t)
	if err != nil {
		return nil, err
	}
	if t.n/size != int64(count) {
		return nil, s.fail(fmt.Sprintf("%d bytes of numbers of %d bytes each", t.n, size), fmt.Sprintf("%d numbers, as the dimensions say", count), nil)
	}
	return body[T](s, t, count)
}

// numeric gives the size of each number of an element of numbers.
func (s *stream) numeric(t tag) (size int64, err error) {
	if t.kind <= miUINT64 {
		size = miSizes[t.kind]
	}
	if size == 0 || t.n%size != 0 {
		return 0, s.fail(fmt.Sprintf("an element of type %d and %d bytes", t.kind, t.n), "numbers", nil)
	}
	return size, nil
}

// body reads the count numbers behind a tag, in whichever narrower type the writer stored them.
func body[T number](s *stream, t tag, count int) ([]T, error) {
	var out []T
	var err error
	switch t.kind {
	case miINT8:
		out, err = as[T, int8](s, t.n, count)
	case miUINT8:
		out, err = as[T, uint8](s, t.n, count)
	case miINT16:
		out, err = as[T, int16](s, t.n, count)
	case miUINT16:
		out, err = as[T, uint16](s, t.n, count)
	case miINT32:
		out, err = as[T, int32](s, t.n, count)
	case miUINT32:
		out, err = as[T, uint32](s, t.n, count)
	case miINT64:
		out, err = as[T, int64](s, t.n, count)
	case miUINT64:
		out, err = as[T, uint64](s, t.n, count)
	case miSINGLE:
		out, err = as[T, float32](s, t.n, count)
	case miDOUBLE:
		out, err = as[T, float64](s, t.n, count)
	}
	if err != nil {
		return nil, s.fail("", fmt.Sprintf("%d numbers", count), err)
	}
	s.pos += t.n
	return out, s.pad(t)
}

// as reads count values stored as S, n bytes in all, and converts them to D.
func as[D, S number](s *stream, n int64, count int) ([]D, error) {
	raw, err := wire.Read[S](s.reader(n), count, s.bo, s.present(n))
	if err != nil {
		return nil, err
	}
	if same, ok := any(raw).([]D); ok {
		return same, nil
	}
	var d D
	var v S
	if isFloat(v) && !isFloat(d) {
		return nil, errors.New("an integer class stored as floating-point numbers")
	}
	out := make([]D, len(raw))
	for i, v := range raw {
		out[i] = D(v)
	}
	return out, nil
}

func isFloat(v any) bool {
	switch v.(type) {
	case float32, float64:
		return true
	}
	return false
}

// characters reads text, stored as UTF-8, UTF-16 or UTF-32, or as bytes or 16-bit units by MATLAB before version 7.
func (s *stream) characters(h header) ([]rune, error) {
	t, err := s.tag()
	if err != nil {
		return nil, err
	}
	var size int64
	if t.kind < uint32(len(miSizes)) {
		size = miSizes[t.kind]
	}
	if size == 0 || size > 4 || t.n%size != 0 {
		return nil, s.fail(fmt.Sprintf("characters of type %d in %d bytes", t.kind, t.n), "UTF-8, UTF-16 or UTF-32", nil)
	}
	var out []rune
	count := int(t.n / size)
	switch size {
	case 1:
		b, err := wire.Read[uint8](s.reader(t.n), count, s.bo, s.present(t.n))
		if err != nil {
			return nil, s.fail("", "text", err)
		}
		out = []rune(string(b)) // a byte that is not UTF-8 becomes U+FFFD
		if len(out) != h.count {
			out = splitSurrogates(out) // MATLAB counts UTF-16 units
		}
	case 2:
		u, err := wire.Read[uint16](s.reader(t.n), count, s.bo, s.present(t.n))
		if err != nil {
			return nil, s.fail("", "text", err)
		}
		out = make([]rune, len(u))
		for i, c := range u {
			out[i] = rune(c)
		}
	case 4:
		out, err = wire.Read[int32](s.reader(t.n), count, s.bo, s.present(t.n))
		if err != nil {
			return nil, s.fail("", "text", err)
		}
		for i, c := range out {
			if !utf8.ValidRune(c) {
				out[i] = utf8.RuneError
			}
		}
	}
	if len(out) == 0 && h.count <= maxName { // some writers leave blanks out
		out = slices.Repeat([]rune{' '}, h.count)
	}
	if len(out) != h.count {
		return nil, s.fail(fmt.Sprintf("%d characters", len(out)), fmt.Sprintf("%d, as the dimensions say", h.count), nil)
	}
	s.pos += t.n
	return out, s.pad(t)
}

func splitSurrogates(text []rune) []rune {
	out := make([]rune, 0, len(text))
	for _, r := range text {
		if hi, lo := utf16.EncodeRune(r); hi != '\uFFFD' {
			out = append(out, hi, lo)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// sparse reads row indices, column starts and values.
func (s *stream) sparse(h header) (*SparseMatrix, error) {
	if len(h.dims) != 2 {
		return nil, s.fail(fmt.Sprintf("a sparse array of shape %v", h.dims), "two dimensions", nil)
	}
	m := &SparseMatrix{Dims: [2]int{h.dims[0], h.dims[1]}}
	var err error
	if m.Rows, err = s.indices("row indices"); err != nil {
		return nil, err
	}
	starts, err := s.indices("column starts")
	if err != nil {
		return nil, err
	}
	if len(starts) != m.Dims[1]+1 {
		return nil, s.fail(fmt.Sprintf("%d column starts", len(starts)), fmt.Sprintf("%d, one more than columns", m.Dims[1]+1), nil)
	}
	// The writer may have reserved room for more entries than there are.
	used := starts[m.Dims[1]]
	if used > len(m.Rows) {
		return nil, s.fail(fmt.Sprintf("%d entries", used), fmt.Sprintf("at most the %d row indices", len(m.Rows)), nil)
	}
	m.Rows, m.Columns = m.Rows[:used], make([]int, used)
	for j := range m.Dims[1] {
		if starts[0] != 0 || starts[j] > starts[j+1] {
			return nil, s.fail(fmt.Sprintf("column %d from entry %d to %d", j+1, starts[j], starts[j+1]), "columns that begin at 0 and follow each other", nil)
		}
		for k := starts[j]; k < min(starts[j+1], used); k++ {
			m.Columns[k] = j
		}
	}
	for _, r := range m.Rows {
		if r >= m.Dims[0] {
			return nil, s.fail(fmt.Sprintf("row %d", r+1), fmt.Sprintf("at most %d", m.Dims[0]), nil)
		}
	}
	re, err := s.entries(used, h.logical)
	if err != nil {
		return nil, err
	}
	m.Values = &recording.Array{Name: h.name, Dims: []int{used}, Data: re}
	switch {
	case h.complex:
		im, err := s.entries(used, false)
		if err != nil {
			return nil, err
		}
		z := make([]complex128, used)
		for i := range z {
			z[i] = complex(re[i], im[i])
		}
		m.Values.Data = z
	case h.logical:
		m.Values.Data = nonzero(re)
	}
	return m, nil
}

// entries reads the stored values of a sparse matrix, of which the first used count. MATLAB writes logical ones as one byte
// each but may call them doubles.
func (s *stream) entries(used int, logical bool) ([]float64, error) {
	t, err := s.tag()
	if err != nil {
		return nil, err
	}
	if logical && t.n == int64(used) {
		t.kind = miUINT8
	}
	size, err := s.numeric(t)
	if err != nil {
		return nil, err
	}
	if t.n/size < int64(used) {
		return nil, s.fail(fmt.Sprintf("%d bytes of numbers of %d bytes each", t.n, size), fmt.Sprintf("at least %d numbers", used), nil)
	}
	d, err := body[float64](s, t, int(t.n/size))
	if err != nil {
		return nil, err
	}
	return d[:used], nil
}

// indices reads non-negative 32-bit integers.
func (s *stream) indices(what string) ([]int, error) {
	t, err := s.tag()
	if err != nil {
		return nil, err
	}
	if (t.kind != miINT32 && t.kind != miUINT32) || t.n%4 != 0 {
		return nil, s.fail(fmt.Sprintf("%s of type %d in %d bytes", what, t.kind, t.n), "type 5 (miINT32)", nil)
	}
	raw, err := wire.Read[int32](s.reader(t.n), int(t.n/4), s.bo, s.present(t.n))
	if err != nil {
		return nil, s.fail("", what, err)
	}
	out := make([]int, len(raw))
	for i, v := range raw {
		if v < 0 {
			return nil, s.fail(fmt.Sprintf("%s that are negative", what), "0 or more", nil)
		}
		out[i] = int(v)
	}
	s.pos += t.n
	return out, s.pad(t)
}
