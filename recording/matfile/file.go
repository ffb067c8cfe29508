package matfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// MaxVariable is the most bytes one variable may occupy once inflated. MATLAB itself does not write larger ones in these
// formats.
const MaxVariable = 1 << 31

// File is an open MAT-file: an index of its variables, and the means to read each of them on its own. Its methods may be
// called from several goroutines at once.
type File struct {
	Header Header

	path   string
	r      io.ReaderAt
	size   int64
	close  func() error
	vars   []Variable
	hidden int        // top-level matrices without a name: MATLAB's own subsystem data
	h5     *hdf5.File // of level 7.3
}

// Header is what a MAT-file says about itself.
type Header struct {
	Level int              // 4, 5, or 7 for level 7.3
	Text  string           // the 116 bytes of free text of levels 5 and 7.3: who wrote the file and when
	Order binary.ByteOrder // the byte order of the whole file; that of the first variable in level 4
}

// Variable is one entry of a file's index.
type Variable struct {
	Name       string
	Class      Class
	ClassName  string // of an Object or Opaque: the name of its MATLAB class
	Dims       []int  // rows, columns, ...; nil for Opaque, which has none
	Complex    bool
	Logical    bool
	Compressed bool
	Offset     int64 // where its element begins in the file; in level 7.3, the address of its object
	Bytes      int64 // that it occupies in the file; in level 7.3, of its elements, without those of a struct or cell

	v4 header4
}

// Class is the MATLAB class of a value.
type Class uint8

// The classes, with the numbers MATLAB gives them.
const (
	Cell     Class = 1
	Struct   Class = 2
	Object   Class = 3 // an object of the old @folder kind: a struct with a class name
	Char     Class = 4
	Sparse   Class = 5
	Double   Class = 6
	Single   Class = 7
	Int8     Class = 8
	Uint8    Class = 9
	Int16    Class = 10
	Uint16   Class = 11
	Int32    Class = 12
	Uint32   Class = 13
	Int64    Class = 14
	Uint64   Class = 15
	Function Class = 16 // a function handle: listed, not read
	Opaque   Class = 17 // a classdef object (string, table ...): listed, not read
)

var classNames = [...]string{Cell: "cell", Struct: "struct", Object: "object", Char: "char", Sparse: "sparse", Double: "double",
	Single: "single", Int8: "int8", Uint8: "uint8", Int16: "int16", Uint16: "uint16", Int32: "int32", Uint32: "uint32",
	Int64: "int64", Uint64: "uint64", Function: "function handle", Opaque: "opaque object"}

func (c Class) String() string {
	if int(c) < len(classNames) && classNames[c] != "" {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

func (c Class) numeric() bool { return c >= Double && c <= Uint64 }

// Open opens the MAT-file at path and indexes it. Close it when done.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &recording.Error{Path: path, Offset: -1, Found: "something that is not a regular file", Expected: "a MAT-file"}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	f, err := NewFile(file, info.Size(), path)
	if err != nil {
		file.Close()
		return nil, err
	}
	f.close = file.Close
	return f, nil
}

// NewFile indexes a MAT-file of size bytes read through r; name stands for it in errors.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{path: name, r: r, size: size, close: func() error { return nil }}
	if size == 0 {
		return nil, f.broken(0, "an empty file", "a MAT-file", "", nil)
	}
	head := make([]byte, min(size, headerSize))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, f.broken(0, "a header that cannot be read", "", "", err)
	}
	if err := f.index(head); err != nil {
		return nil, err
	}
	return f, nil
}

// hdf5Magic begins an HDF5 file without user block. In MATLAB's own files the user block is a header like that of level 5.
const hdf5Magic = "\x89HDF\r\n\x1a\n"

func (f *File) index(head []byte) error {
	if bytes.HasPrefix(head, []byte(hdf5Magic)) || (len(head) == headerSize && versionOf(head) == 0x0200) {
		return f.index73(head)
	}
	// A level 4 file begins with a type number below 5000, so one of its first four bytes is 0; level 5 begins with text.
	if len(head) < 4 || bytes.IndexByte(head[:4], 0) >= 0 {
		f.Header.Level = 4
		return f.index4()
	}
	f.Header.Level = 5
	return f.index5(head)
}

// Close releases the file. Values already read stay valid.
func (f *File) Close() error { return f.close() }

// Variables lists what the file holds, in file order. A name may occur twice; Value then reads the last, as MATLAB does.
func (f *File) Variables() []Variable { return slices.Clone(f.vars) }

// Has reports whether the file holds a variable of this name.
func (f *File) Has(name string) bool {
	return slices.ContainsFunc(f.vars, func(v Variable) bool { return v.Name == name })
}

// Value reads the variable called name. An unknown name is an error that lists the names there are.
func (f *File) Value(name string) (*Value, error) {
	for i := len(f.vars) - 1; i >= 0; i-- {
		if f.vars[i].Name == name {
			return f.ReadVariable(f.vars[i])
		}
	}
	names := make([]string, len(f.vars))
	for i, v := range f.vars {
		names[i] = v.Name
	}
	e := &recording.Error{Path: f.path, Offset: -1, Expected: fmt.Sprintf("a variable %q", name), Found: "none of that name",
		Remedy: "it holds " + strings.Join(names, ", ")}
	if len(names) == 0 {
		e.Remedy = "it holds no variable at all"
	}
	return nil, e
}

// Array reads the numeric or logical variable called name.
func (f *File) Array(name string) (*recording.Array, error) {
	v, err := f.Value(name)
	if err != nil {
		return nil, err
	}
	return v.Array()
}

// ReadVariable reads one entry of the index.
func (f *File) ReadVariable(entry Variable) (*Value, error) {
	var v *Value
	var err error
	switch f.Header.Level {
	case 4:
		v, err = f.read4(entry)
	case 5:
		v, err = f.read5(entry)
	default: // values of level 7.3 know their path, and may share what they hold
		return f.read73(entry)
	}
	if err != nil {
		return nil, err
	}
	v.setPath(f.path)
	return v, nil
}

// broken is the error for bytes that do not follow the format.
func (f *File) broken(offset int64, found, expected, field string, cause error) error {
	e := &recording.Error{Path: f.path, Field: field, Offset: offset, Found: found, Expected: expected, Err: cause}
	if errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) {
		e.Err = nil
		if e.Found == "" {
			e.Found = "the end of the data"
		}
		e.Remedy = "the file is truncated or damaged: copy it again from its source"
	}
	return e
}
