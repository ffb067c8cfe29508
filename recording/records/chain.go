package records

import (
	"errors"
	"io"
	"sort"
)

// Chain is a source of frames that lie in several stretches of a file, one behind the other in time. Its sources share the
// file, which closing the chain closes. Fill it with Append before anything is read.
type Chain struct {
	file   *File
	starts []int64 // frame of the chain that each source begins with
	parts  []*Source
	frames int64
}

// NewChain gives a chain without frames.
func NewChain(f *File) *Chain { return &Chain{file: f} }

// Append adds a stretch of the file behind those there are. All need the same number of signals.
func (c *Chain) Append(l Layout) error {
	if l.Total == 0 {
		return nil
	}
	s, err := New(c.file, l)
	if err != nil {
		return err
	}
	c.starts, c.parts = append(c.starts, c.frames), append(c.parts, s)
	c.frames += l.Total
	return nil
}

// Frames is how many there are.
func (c *Chain) Frames() int64 { return c.frames }

// Close closes the file.
func (c *Chain) Close() error { return c.file.Close() }

// ReadFrames implements recording.Source.
func (c *Chain) ReadFrames(dst []float32, first int64) (int, error) {
	if first < 0 || first >= c.frames {
		return 0, io.EOF
	}
	channels := len(c.parts[0].layout.Signals)
	i := sort.Search(len(c.starts), func(i int) bool { return c.starts[i] > first }) - 1
	read, want := 0, len(dst)/channels
	for ; read < want && i < len(c.parts); i++ {
		n, err := c.parts[i].ReadFrames(dst[read*channels:], first+int64(read)-c.starts[i])
		read += n
		if err != nil && !errors.Is(err, io.EOF) {
			return read, err
		}
	}
	if read < want {
		return read, io.EOF
	}
	return read, nil
}
