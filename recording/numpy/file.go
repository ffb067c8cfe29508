package numpy

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// MaxInflated is the most bytes that a compressed member of an NPZ may inflate to.
const MaxInflated = 4 << 30

// File is an open NPY or NPZ. Its methods may be called from several goroutines at once.
type File struct {
	path    string
	size    int64
	r       io.ReaderAt
	close   func() error
	npz     bool
	entries []Entry
}

// Entry is what a file says about one of its arrays.
type Entry struct {
	Name    string // of the member without ".npy"; empty for the array of an NPY
	DType   string // NumPy's own word for the element type: "<f8"
	Dims    []int
	Order   recording.Order
	Version int // of the header: 1, 2 or 3

	header header
	member *zip.File // nil for the array of an NPY
}

// Open opens the NPY or NPZ at path and reads the headers of its arrays. Close it when done.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &recording.Error{Path: path, Offset: -1, Found: "something that is not a regular file", Expected: "an NPY or NPZ file"}
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

// NewFile opens an NPY or NPZ of size bytes read through r; name stands for it in errors.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{path: name, size: size, r: r, close: func() error { return nil }}
	head := make([]byte, min(size, 4))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, fail(name, "", 0, "", "the beginning of a file", err)
	}
	if string(head) == "PK\x03\x04" || string(head) == "PK\x05\x06" {
		f.npz = true
		return f, f.indexZip()
	}
	h, err := readHeader(io.NewSectionReader(r, 0, size), name, "")
	if err != nil {
		return nil, err
	}
	if have := size - h.length; have != h.bytes {
		e := &recording.Error{Path: name, Offset: h.length, Found: fmt.Sprintf("%d bytes of data", have),
			Expected: fmt.Sprintf("%d, for %s of type %s", h.bytes, recording.FormatDims(h.dims), h.descr)}
		if have < h.bytes {
			e.Remedy = "the file is truncated: copy it again from its source"
		} else {
			e.Remedy = "if several arrays were saved into one file, save them with numpy.savez instead"
		}
		return nil, e
	}
	f.entries = []Entry{h.entry("", nil)}
	return f, nil
}

func (f *File) indexZip() error {
	z, err := zip.NewReader(f.r, f.size)
	if err != nil {
		return &recording.Error{Path: f.path, Offset: -1, Found: "a damaged zip archive", Expected: "an NPZ file", Err: err,
			Remedy: "the file may be truncated: copy it again from its source"}
	}
	for _, member := range z.File {
		name, ok := strings.CutSuffix(member.Name, ".npy")
		if !ok {
			continue // a zip may carry a note; NumPy would give its bytes
		}
		err := f.member(member, name)
		if err != nil {
			return err
		}
	}
	return nil
}

// member reads the header of one array of an NPZ, and checks that all sizes agree before any of them is believed.
func (f *File) member(m *zip.File, name string) error {
	field := fmt.Sprintf("array %q", name)
	if m.CompressedSize64 > uint64(f.size) {
		return fail(f.path, field, -1, fmt.Sprintf("%d compressed bytes", m.CompressedSize64), fmt.Sprintf("at most the file's %d", f.size), nil)
	}
	if m.Method != zip.Store && m.UncompressedSize64 > m.CompressedSize64*wire.MaxDeflate {
		return fail(f.path, field, -1, fmt.Sprintf("a declared size of %d bytes", m.UncompressedSize64),
			fmt.Sprintf("what %d compressed bytes can inflate to", m.CompressedSize64), nil)
	}
	if m.Method != zip.Store && m.UncompressedSize64 > MaxInflated {
		return fail(f.path, field, -1, fmt.Sprintf("a declared size of %d bytes", m.UncompressedSize64), fmt.Sprintf("at most %d", int64(MaxInflated)), nil)
	}
	r, err := m.Open()
	if err != nil {
		return fail(f.path, field, -1, "", "a readable member", err)
	}
	defer r.Close()
	h, err := readHeader(r, f.path, field)
	if err != nil {
		return err
	}
	if m.UncompressedSize64 != uint64(h.length+h.bytes) {
		return fail(f.path, field, -1, fmt.Sprintf("%d bytes", m.UncompressedSize64),
			fmt.Sprintf("%d, for %s of type %s", h.length+h.bytes, recording.FormatDims(h.dims), h.descr), nil)
	}
	f.entries = append(f.entries, h.entry(name, m))
	return nil
}

// Close releases the file. Arrays already read stay valid.
func (f *File) Close() error { return f.close() }

// Entries lists the arrays in file order.
func (f *File) Entries() []Entry { return slices.Clone(f.entries) }

// Array reads the array called name; the name of an NPY's only array is not looked at. An unknown name is an error that
// lists the names there are.
func (f *File) Array(name string) (*recording.Array, error) {
	names := make([]string, len(f.entries))
	for i, e := range f.entries {
		if e.Name == name || !f.npz {
			return f.ReadEntry(e)
		}
		names[i] = e.Name
	}
	return nil, &recording.Error{Path: f.path, Offset: -1, Found: "none of that name", Expected: fmt.Sprintf("an array %q", name),
		Remedy: "it holds " + strings.Join(names, ", ")}
}

// ReadEntry reads one array.
func (f *File) ReadEntry(e Entry) (*recording.Array, error) {
	if e.member == nil {
		r := io.NewSectionReader(f.r, e.header.length, f.size-e.header.length)
		return e.header.read(r, e.header.bytes, f.path, "")
	}
	field := fmt.Sprintf("array %q", e.Name)
	r, err := e.member.Open()
	if err != nil {
		return nil, fail(f.path, field, -1, "", "a readable member", err)
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, e.header.length); err != nil {
		return nil, fail(f.path, field, 0, "", "a header", err)
	}
	there := int64(0)
	if at, err := e.member.DataOffset(); err == nil && e.member.Method == zip.Store && e.header.length+e.header.bytes <= f.size-at {
		there = e.header.bytes
	}
	a, err := e.header.read(r, there, f.path, field)
	if err != nil {
		return nil, err
	}
	// Reading on to the end is what verifies the checksum.
	if n, err := io.Copy(io.Discard, r); err != nil || n > 0 {
		return nil, fail(f.path, field, -1, fmt.Sprintf("%d bytes behind the data", n), "none, and a correct checksum", err)
	}
	a.Name = e.Name
	return a, nil
}

// Read reads one array in NPY format from a stream, and nothing behind it. Memory grows with what arrives, not with what the
// header promises.
func Read(r io.Reader) (*recording.Array, error) {
	h, err := readHeader(r, "", "")
	if err != nil {
		return nil, err
	}
	return h.read(r, 0, "", "")
}

// fail is the error for bytes that do not follow the format.
func fail(path, field string, offset int64, found, expected string, cause error) error {
	e := &recording.Error{Path: path, Field: field, Offset: offset, Found: found, Expected: expected, Err: cause}
	if errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) {
		e.Found, e.Err = "the end of the data", nil
		e.Remedy = "the file is truncated or damaged: copy it again from its source"
	}
	return e
}

// Save writes arrays to path: an NPZ, uncompressed as numpy.savez does, when it ends in .npz, and else an NPY of exactly one
// array. The file appears under its name only when it is complete.
func Save(path string, arrays ...*recording.Array) (err error) {
	if !strings.HasSuffix(strings.ToLower(path), ".npz") && len(arrays) != 1 {
		return &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("%d arrays", len(arrays)), Expected: "one for an NPY file",
			Remedy: "give the file a name that ends in .npz"}
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".numpy-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	w := bufio.NewWriterSize(tmp, 1<<16)
	if strings.HasSuffix(strings.ToLower(path), ".npz") {
		err = WriteZip(w, arrays...)
	} else {
		err = Write(w, arrays[0])
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Close()
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	return err
}

// WriteZip writes an NPZ. Every array needs a name of its own.
func WriteZip(w io.Writer, arrays ...*recording.Array) error {
	z := zip.NewWriter(w)
	seen := map[string]bool{}
	for _, a := range arrays {
		if a.Name == "" || seen[a.Name] {
			return &recording.Error{Offset: -1, Found: fmt.Sprintf("an array called %q", a.Name), Expected: "a name, and another for every array"}
		}
		seen[a.Name] = true
		m, err := z.CreateHeader(&zip.FileHeader{Name: a.Name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := Write(m, a); err != nil {
			return err
		}
	}
	return z.Close()
}

// Write writes an array in NPY format, little-endian, in the array's own order.
func Write(w io.Writer, a *recording.Array) error {
	n, err := recording.Count(a.Dims)
	if err == nil && n != a.Len() {
		err = fmt.Errorf("%d values, but shape %v needs %d", a.Len(), a.Dims, n)
	}
	if err != nil {
		return &recording.Error{Field: fmt.Sprintf("array %q", a.Name), Offset: -1, Err: err}
	}
	descr, width := dtypeOf(a)
	if descr == "" {
		return &recording.Error{Field: fmt.Sprintf("array %q", a.Name), Offset: -1, Found: "values of type " + a.Type(), Expected: "a type NumPy has"}
	}
	var h bytes.Buffer
	order := "False"
	if a.Order == recording.ColumnMajor && len(a.Dims) > 1 {
		order = "True"
	}
	h.WriteString(magic + "\x01\x00\x00\x00")
	fmt.Fprintf(&h, "{'descr': '%s', 'fortran_order': %s, 'shape': (", descr, order)
	for _, d := range a.Dims {
		fmt.Fprintf(&h, "%d, ", d)
	}
	h.WriteString("), }")
	for h.Len()%64 != 63 { // NumPy aligns the data so
		h.WriteByte(' ')
	}
	h.WriteByte('\n')
	length := h.Len() - 10
	if length > 0xffff {
		return &recording.Error{Field: fmt.Sprintf("array %q", a.Name), Offset: -1, Found: fmt.Sprintf("%d axes", len(a.Dims)), Expected: "fewer"}
	}
	h.Bytes()[8], h.Bytes()[9] = byte(length), byte(length>>8)
	if _, err := w.Write(h.Bytes()); err != nil {
		return err
	}
	return writeData(w, a, width)
}
