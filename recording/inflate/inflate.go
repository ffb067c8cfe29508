package inflate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gyrus-dev/gyrus/recording"
)

// inMemory is how many inflated bytes are held in memory before they go to a temporary file. A variable for the tests.
var inMemory int64 = 64 << 20

// File is the content of a file, inflated if need be. Its methods may be called from several goroutines at once.
type File struct {
	io.ReaderAt
	Size int64 // of the content
	Gzip bool  // whether it was compressed
	Path string

	close func() error
}

// Open opens the file at path. A compressed file may inflate to at most limit bytes.
func Open(path string, limit int64) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &recording.Error{Path: path, Offset: -1, Found: "something that is not a regular file", Expected: "a file"}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	f, err := New(file, info.Size(), path, limit)
	if err != nil {
		file.Close()
		return nil, err
	}
	if f.Gzip {
		file.Close() // everything has been read
		return f, nil
	}
	f.close = file.Close
	return f, nil
}

// New is Open for size bytes read through r; name stands for them in errors. r is not closed.
func New(r io.ReaderAt, size int64, name string, limit int64) (*File, error) {
	magic := make([]byte, min(size, 3))
	if n, err := r.ReadAt(magic, 0); n < len(magic) {
		return nil, &recording.Error{Path: name, Offset: 0, Err: err}
	}
	if string(magic) != "\x1f\x8b\x08" {
		return &File{ReaderAt: r, Size: size, Path: name, close: func() error { return nil }}, nil
	}
	z, err := gzip.NewReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, failed(name, 0, err)
	}
	f := &File{Gzip: true, Path: name, close: func() error { return nil }}
	var head bytes.Buffer
	if f.Size, err = io.Copy(&head, io.LimitReader(z, min(limit, inMemory)+1)); err != nil {
		return nil, failed(name, f.Size, err)
	}
	if f.Size <= min(limit, inMemory) {
		f.ReaderAt = bytes.NewReader(head.Bytes())
		return f, nil
	}
	if f.Size <= limit {
		if err := f.spill(head.Bytes(), io.LimitReader(z, limit+1-f.Size)); err != nil {
			return nil, err
		}
	}
	if f.Size > limit {
		f.Close()
		return nil, &recording.Error{Path: name, Offset: -1, Found: fmt.Sprintf("gzip data that inflate to more than %d bytes", limit),
			Expected: "at most that", Remedy: "if the file is sound, inflate it yourself (gunzip) and open the result"}
	}
	return f, nil
}

// spill writes what was inflated so far, and the rest, to a temporary file.
func (f *File) spill(head []byte, rest io.Reader) error {
	tmp, err := os.CreateTemp("", "gyrus-inflated-*")
	if err != nil {
		return err
	}
	// Where a file can be unlinked while open, nothing is left behind however the program ends.
	gone := os.Remove(tmp.Name()) == nil
	f.close = func() error {
		err := tmp.Close()
		if !gone {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
		return err
	}
	var n int64
	if _, err = tmp.Write(head); err == nil {
		n, err = io.Copy(tmp, rest)
	}
	f.Size += n
	if err != nil {
		f.Close()
		return failed(f.Path, f.Size, err)
	}
	f.ReaderAt = tmp
	return nil
}

// Close releases the content.
func (f *File) Close() error { return f.close() }

// failed is the error for compressed bytes that do not follow the format.
func failed(name string, offset int64, cause error) error {
	e := &recording.Error{Path: name, Field: "gzip data", Offset: offset, Err: cause}
	if errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) {
		e.Found, e.Err = "the end of the file", nil
		e.Expected = "more compressed data"
		e.Remedy = "the file is truncated: copy it again from its source"
	}
	return e
}
