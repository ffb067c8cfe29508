package fif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/inflate"
)

// MaxInflated is the most bytes that a compressed file may inflate to. Positions in a FIF are 31 bits wide.
const MaxInflated = 1 << 31

// File is an open FIF. Its methods may be called from several goroutines at once.
type File struct {
	// Info is what the file says about the measurement; nil when it holds none, as a file of a transform.
	Info *Info

	path    string
	content *inflate.File
	root    *block

	mu      sync.Mutex
	further []*File // that continue this one and have been opened to read epochs
}

// Open opens the FIF at path, plain or compressed by gzip, and reads all of it but samples. Close it when done.
func Open(path string) (*File, error) {
	content, err := inflate.Open(path, MaxInflated)
	if err != nil {
		return nil, err
	}
	return newFile(content, path)
}

// NewFile opens a FIF of size bytes read through r; name stands for it in errors. The further parts of a recording that is
// split over files are looked for beside name.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	content, err := inflate.New(r, size, name, MaxInflated)
	if err != nil {
		return nil, err
	}
	return newFile(content, name)
}

func newFile(content *inflate.File, path string) (*File, error) {
	f := &File{path: path, content: content}
	err := f.index()
	if err == nil {
		f.Info, err = f.readInfo()
	}
	if err != nil {
		content.Close()
		return nil, err
	}
	return f, nil
}

// Close releases the file. What has been read stays valid, but for recordings, which read on demand.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.content.Close()
	for _, part := range f.further {
		err = errors.Join(err, part.Close())
	}
	return err
}

// tag is one entry of the file.
type tag struct {
	kind, form int32 // what it means, and the type of its data
	at         int64 // where the data begin
	size       int64 // of the data
}

// block is a run of tags between a block's start and its end, without those of inner blocks.
type block struct {
	kind   int32
	tags   []tag
	blocks []*block
}

// all gives the blocks of a kind within b, itself included, in file order.
func (b *block) all(kind int32) []*block {
	if b.kind == kind {
		return []*block{b}
	}
	var out []*block
	for _, inner := range b.blocks {
		out = append(out, inner.all(kind)...)
	}
	return out
}

// first gives the first block of a kind within b, or nil.
func (b *block) first(kind int32) *block {
	if found := b.all(kind); len(found) > 0 {
		return found[0]
	}
	return nil
}

// tag gives the first tag of a kind directly in b.
func (b *block) tag(kind int32) (tag, bool) {
	for _, t := range b.tags {
		if t.kind == kind {
			return t, true
		}
	}
	return tag{}, false
}

// maxDepth bounds the nesting of blocks; files nest about six deep.
const maxDepth = 32

const headerSize = 16

// index walks the tags from the first to the last. Tags may not overlap, so that reading each of them once costs no more
// than reading the file.
func (f *File) index() error {
	f.root = &block{}
	open := []*block{f.root}
	var head [headerSize]byte
	for at, number := int64(0), 0; at < f.content.Size; number++ {
		if n, err := f.content.ReadAt(head[:], at); n < headerSize {
			return f.truncated(at, "a tag", err)
		}
		t := tag{kind: int32(binary.BigEndian.Uint32(head[0:])), form: int32(binary.BigEndian.Uint32(head[4:])),
			size: int64(int32(binary.BigEndian.Uint32(head[8:]))), at: at + headerSize}
		next := int64(int32(binary.BigEndian.Uint32(head[12:])))
		if number == 0 && (t.kind != kindFileID || t.form != formID || t.size != 20) {
			e := f.broken(at, fmt.Sprintf("the bytes % x", head[:12]), "00 00 00 64 00 00 00 1f 00 00 00 14, which begin a FIF")
			return e
		}
		if t.size < 0 {
			return f.broken(at, fmt.Sprintf("a tag of kind %d with %d bytes", t.kind, t.size), "a size that is not negative")
		}
		if t.size > f.content.Size-t.at {
			return f.truncated(at, fmt.Sprintf("%d bytes of a tag of kind %d", t.size, t.kind), nil)
		}
		inner := open[len(open)-1]
		switch t.kind {
		case kindBlockStart:
			kind, err := f.int(t)
			if err != nil {
				return err
			}
			if len(open) > maxDepth {
				return f.broken(at, fmt.Sprintf("blocks nested more than %d deep", maxDepth), "fewer")
			}
			b := &block{kind: int32(kind)}
			inner.blocks = append(inner.blocks, b)
			open = append(open, b)
		case kindBlockEnd:
			kind, err := f.int(t)
			if err != nil {
				return err
			}
			if len(open) == 1 || int32(kind) != inner.kind {
				return f.broken(at, fmt.Sprintf("the end of a block of kind %d", kind), "the end of the block that is open")
			}
			open = open[:len(open)-1]
		default:
			inner.tags = append(inner.tags, t)
		}
		switch end := t.at + t.size; {
		case next == 0:
			at = end
		case next < 0:
			at = f.content.Size
		case next < end:
			return f.broken(at, fmt.Sprintf("a next tag at byte %d", next), fmt.Sprintf("one at byte %d or behind", end))
		default:
			at = next
		}
	}
	if f.content.Size == 0 {
		return f.broken(0, "an empty file", "a FIF")
	}
	if len(open) > 1 {
		return f.truncated(f.content.Size, fmt.Sprintf("the end of a block of kind %d", open[len(open)-1].kind), nil)
	}
	if _, ok := f.root.tag(kindTransform); !ok && len(f.root.blocks) == 0 {
		return f.truncated(f.content.Size, "blocks or a transform", nil)
	}
	return nil
}

// Transforms lists the coordinate transforms of the file, wherever in it they are: that of a file like sample-trans.fif,
// from the head to the MRI, those of a measurement, those of fitted coils.
func (f *File) Transforms() ([]Transform, error) {
	var out []Transform
	var walk func(*block) error
	walk = func(b *block) error {
		for _, t := range b.tags {
			if t.kind == kindTransform {
				x, err := f.transform(t)
				if err != nil {
					return err
				}
				out = append(out, x)
			}
		}
		for _, inner := range b.blocks {
			if err := walk(inner); err != nil {
				return err
			}
		}
		return nil
	}
	return out, walk(f.root)
}

// Transform gives the first transform from one frame to another, if need be the inverse of one the other way round.
func (f *File) Transform(from, to Frame) (Transform, error) {
	all, err := f.Transforms()
	if err != nil {
		return Transform{}, err
	}
	names := ""
	for _, t := range all {
		switch {
		case t.From == from && t.To == to:
			return t, nil
		case t.From == to && t.To == from:
			return t.Inverse(), nil
		}
		names += fmt.Sprintf(", %s to %s", t.From, t.To)
	}
	e := &recording.Error{Path: f.path, Offset: -1, Found: "none of these frames", Expected: fmt.Sprintf("a transform from %s to %s", from, to)}
	if names != "" {
		e.Remedy = "it holds those from " + names[2:]
	}
	return Transform{}, e
}

// beside gives the path of a file of this name in the folder of f. A name that leads out of the folder is not followed.
func (f *File) beside(name string, at int64) (string, error) {
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return "", f.broken(at, fmt.Sprintf("the file name %q", name), "the name of the next part of the recording, without a folder")
	}
	return filepath.Join(filepath.Dir(f.path), name), nil
}

// broken is the error for bytes that do not follow the format.
func (f *File) broken(offset int64, found, expected string) error {
	return &recording.Error{Path: f.path, Offset: offset, Found: found, Expected: expected}
}

// truncated is the error for bytes that are not there.
func (f *File) truncated(offset int64, expected string, cause error) error {
	e := &recording.Error{Path: f.path, Offset: offset, Found: "the end of the file", Expected: expected,
		Remedy: "the file is truncated: copy it again from its source"}
	if cause != nil && cause != io.EOF {
		e.Err = cause
	}
	return e
}
