package hdf5

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/gyrus-dev/gyrus/recording"
)

// cursor takes fields from a piece of metadata one after the other. After the first failure it gives zeros, so that a parser
// can read a whole structure and look at err once; whatever a parser loops over must still be bounded by the bytes present.
type cursor struct {
	f    *File
	b    []byte
	pos  int
	at   int64  // of b in the file; negative when b does not lie in the file as it is
	what string // for errors
	err  error
}

func (f *File) cursor(b []byte, at int64, what string) *cursor {
	return &cursor{f: f, b: b, at: at, what: what}
}

// fail records what is wrong at the current position, unless something already was.
func (c *cursor) fail(found, expected, remedy string) {
	if c.err != nil {
		return
	}
	e := &recording.Error{Path: c.f.path, Field: c.what, Offset: -1, Found: found, Expected: expected, Remedy: remedy}
	if c.at >= 0 {
		e.Offset = c.at + int64(c.pos)
	}
	c.err = e
}

func (c *cursor) left() int { return len(c.b) - c.pos }

func (c *cursor) bytes(n int) []byte {
	if c.err == nil && (n < 0 || n > c.left()) {
		c.fail("its end", fmt.Sprintf("%d more bytes", n), "")
	}
	if c.err != nil {
		return nil
	}
	c.pos += n
	return c.b[c.pos-n : c.pos : c.pos]
}

func (c *cursor) skip(n int) { c.bytes(n) }

// align skips to a multiple of n bytes after start. The end may come first: the last item of a message need not be padded.
func (c *cursor) align(start, n int) {
	if over := (c.pos - start) % n; over != 0 {
		c.skip(min(n-over, c.left()))
	}
}

func (c *cursor) u8() uint8 {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// uint reads a little-endian number of n bytes, up to 8.
func (c *cursor) uint(n int) uint64 {
	if n > 8 {
		c.fail(fmt.Sprintf("a number of %d bytes", n), "at most 8", "")
	}
	return littleEndian(c.bytes(n))
}

func littleEndian(b []byte) uint64 {
	var v uint64
	for i, x := range b {
		v |= uint64(x) << (8 * i)
	}
	return v
}

func (c *cursor) u64() uint64 { return c.uint(8) }

func (c *cursor) length() uint64 { return c.uint(c.f.lengthSize) }

// addr reads an address; all ones, which stand for nothing, become undefined.
func (c *cursor) addr() uint64 {
	v := c.uint(c.f.offsetSize)
	if v == undefined>>(64-8*c.f.offsetSize) {
		return undefined
	}
	return v
}

// name reads text up to a zero byte, which it skips.
func (c *cursor) name() string {
	for i, x := range c.b[c.pos:] {
		if x == 0 {
			s := string(c.bytes(i))
			c.skip(1)
			return s
		}
	}
	c.fail("text that does not end", "a zero byte", "")
	return ""
}

// version reads a version number and checks that it is one of those known.
func (c *cursor) version(known ...uint8) uint8 {
	v := c.u8()
	if c.err != nil || slices.Contains(known, v) {
		return v
	}
	c.pos--
	c.fail(fmt.Sprintf("version %d", v), fmt.Sprintf("version %v", known), "")
	return v
}

// checksum compares the next four bytes with the checksum of all before them.
func (c *cursor) checksum() {
	want := lookup3(c.b[:c.pos])
	if got := c.u32(); c.err == nil && got != want && !c.f.unchecked {
		c.pos -= 4
		c.fail(fmt.Sprintf("checksum %08x", got), fmt.Sprintf("%08x, that of the bytes before it", want), "the file is damaged: copy it again from its source")
	}
}

// lookup3 is Bob Jenkins' hash of that name (hashlittle, with 0 to begin with), HDF5's checksum of metadata.
func lookup3(k []byte) uint32 {
	a := 0xdeadbeef + uint32(len(k))
	b, c := a, a
	for len(k) > 12 {
		a += binary.LittleEndian.Uint32(k)
		b += binary.LittleEndian.Uint32(k[4:])
		c += binary.LittleEndian.Uint32(k[8:])
		a = (a - c) ^ bits.RotateLeft32(c, 4)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 6)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 8)
		b += a
		a = (a - c) ^ bits.RotateLeft32(c, 16)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 19)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 4)
		b += a
		k = k[12:]
	}
	if len(k) == 0 {
		return c
	}
	var tail [12]byte
	copy(tail[:], k)
	a += binary.LittleEndian.Uint32(tail[:])
	b += binary.LittleEndian.Uint32(tail[4:])
	c += binary.LittleEndian.Uint32(tail[8:])
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	return (c ^ b) - bits.RotateLeft32(b, 24)
}

// widthOf is how many bytes HDF5 gives a number that goes up to limit.
func widthOf(limit uint64) int {
	if limit == 0 {
		return 1
	}
	return (bits.Len64(limit)-1)/8 + 1
}
