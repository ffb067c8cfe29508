package xdf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// cursor reads a file forward through a buffer.
type cursor struct {
	f      *File
	buffer []byte
	start  int64 // of the buffer, in the file
	pos    int   // in the buffer
}

const bufferSize = 64 << 10

// at is the place in the file.
func (c *cursor) at() int64 { return c.start + int64(c.pos) }

// seek goes to a place in the file.
func (c *cursor) seek(to int64) {
	if to >= c.start && to <= c.start+int64(len(c.buffer)) {
		c.pos = int(to - c.start)
		return
	}
	c.buffer, c.start, c.pos = c.buffer[:0], to, 0
}

// take reads n bytes, fewer than the buffer holds. They stay valid until the next call.
func (c *cursor) take(n int) ([]byte, error) {
	if c.pos+n > len(c.buffer) {
		at := c.at()
		if c.buffer == nil {
			c.buffer = make([]byte, bufferSize)
		}
		c.buffer = c.buffer[:cap(c.buffer)]
		m, err := c.f.content.ReadAt(c.buffer, at)
		c.buffer, c.start, c.pos = c.buffer[:m], at, 0
		if m < n {
			if err == nil || err == io.EOF {
				return nil, c.f.truncated(at, fmt.Sprintf("%d more bytes", n), nil)
			}
			return nil, c.f.truncated(at, "", err)
		}
	}
	b := c.buffer[c.pos : c.pos+n]
	c.pos += n
	return b, nil
}

// length reads a length: how many bytes it takes, then itself.
func (c *cursor) length() (int64, error) {
	at := c.at()
	b, err := c.take(1)
	if err != nil {
		return 0, err
	}
	width := b[0]
	if width != 1 && width != 4 && width != 8 {
		return 0, c.f.broken(at, fmt.Sprintf("a length of %d bytes", width), "one of 1, 4 or 8")
	}
	if b, err = c.take(int(width)); err != nil {
		return 0, err
	}
	switch width {
	case 1:
		return int64(b[0]), nil
	case 4:
		return int64(binary.LittleEndian.Uint32(b)), nil
	}
	n := binary.LittleEndian.Uint64(b)
	if n > math.MaxInt64 {
		return 0, c.f.broken(at, fmt.Sprintf("a length of %d", n), "a smaller one")
	}
	return int64(n), nil
}

// stamp reads a time stamp, or gives the one expected when there is none.
func (c *cursor) stamp(expected float64, end int64) (float64, error) {
	at := c.at()
	b, err := c.take(1)
	if err != nil {
		return 0, err
	}
	if b[0] != 0 {
		if b, err = c.take(8); err != nil {
			return 0, err
		}
		expected = math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	if c.at() > end {
		return 0, c.f.broken(at, "a time stamp that goes on behind its chunk", "one within it")
	}
	if math.IsNaN(expected) || math.IsInf(expected, 0) {
		return 0, c.f.broken(at, fmt.Sprintf("a time stamp of %g", expected), "a number of seconds")
	}
	return expected, nil
}

// skip goes on by n bytes, which must lie before end.
func (c *cursor) skip(n, end int64) error {
	if n > end-c.at() {
		return c.f.broken(c.at(), fmt.Sprintf("a value of %d bytes", n), fmt.Sprintf("one within its chunk, which ends at byte %d", end))
	}
	c.seek(c.at() + n)
	return nil
}

// skipToBoundary goes behind the next boundary chunk, or to the end of the file.
func (c *cursor) skipToBoundary() error {
	for c.at() < c.f.content.Size {
		n := int(min(bufferSize, c.f.content.Size-c.at()))
		at := c.at()
		b, err := c.take(n)
		if err != nil {
			return err
		}
		if i := bytes.Index(b, boundary); i >= 0 {
			c.seek(at + int64(i+len(boundary)))
			return nil
		}
		if at+int64(n) == c.f.content.Size {
			break
		}
		c.seek(at + int64(n-len(boundary)+1))
	}
	c.seek(c.f.content.Size)
	return nil
}
