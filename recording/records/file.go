package records

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// File is an open file whose size is known. Reading goes through ReadAt or Bytes, so that it may be shared.
type File struct {
	io.ReaderAt
	Size int64
	Path string // as the caller named it, for errors

	close func() error
}

// Open opens a regular file; format is what a person calls what it should be, with an article: "an EDF file".
func Open(path, format string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &recording.Error{Path: path, Offset: -1, Found: "something that is not a regular file", Expected: format}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &File{ReaderAt: file, Size: info.Size(), Path: path, close: file.Close}, nil
}

// InMemory is a File whose content is in memory; name stands for it in errors.
func InMemory(content []byte, name string) *File {
	return &File{ReaderAt: bytes.NewReader(content), Size: int64(len(content)), Path: name}
}

// Close releases the file.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// Bytes reads n bytes at an offset. When the file does not have them the error says so, calling them what field names, and
// nothing is allocated.
func (f *File) Bytes(offset, n int64, field string) ([]byte, error) {
	if offset < 0 || n < 0 || offset > f.Size || n > f.Size-offset {
		return nil, &recording.Error{Path: f.Path, Field: field, Offset: offset, Found: fmt.Sprintf("a file of %d bytes", f.Size),
			Expected: fmt.Sprintf("%d bytes from here", n), Remedy: truncated}
	}
	b := make([]byte, n)
	return b, f.fill(b, offset, field)
}

// truncated is the advice for a file that ends too early.
const truncated = "the file is truncated or damaged: copy it again from its source"

// fill reads b from the file.
func (f *File) fill(b []byte, offset int64, field string) error {
	n, err := f.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	e := &recording.Error{Path: f.Path, Field: field, Offset: offset, Err: err}
	if err == nil || errors.Is(err, io.EOF) {
		e.Err, e.Found, e.Remedy = nil, "the end of the file", "it became shorter after it was opened"
		e.Expected = fmt.Sprintf("%d bytes", len(b))
	}
	return e
}

// Error is the error for content that does not follow the format; offset is negative when no place can be named.
func (f *File) Error(offset int64, field, found, expected, remedy string) error {
	return &recording.Error{Path: f.Path, Field: field, Offset: offset, Found: found, Expected: expected, Remedy: remedy}
}

// Beside is where a file that another one names should lie: in the folder of that other one, whatever folder the name has,
// since recordings are moved and the writer's folders are not the reader's. It is empty when name names no file.
func Beside(path, name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "" || name == "." || name == ".." {
		return ""
	}
	folder, _ := filepath.Split(path)
	return folder + name
}

// Renamed is a file's name with another ending, for files that lie beside it and were renamed with it: ".eeg" of "a/b.vhdr" is
// "a/b.eeg".
func Renamed(path, ending string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ending
}
