package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/gyrus-dev/gyrus/recording"
)

// File is an open HDF5 file. Its methods, and those of all objects in it, may be called from several goroutines at once.
type File struct {
	Version int // of the superblock, 0 to 3

	path       string
	r          io.ReaderAt
	size       int64
	close      func() error
	base       int64 // where the superblock lies: addresses count from here
	offsetSize int   // bytes of an address
	lengthSize int   // bytes of a length
	root       uint64
	extension  uint64 // object header of the superblock extension
	unchecked  bool   // neither checksums of metadata nor the file's length are compared, which lets a fuzzer reach behind them

	links  linkCache
	chunks chunkCache
	heaps  globalHeaps

	sharedOnce sync.Once
	shared     []sharedIndex
	sharedErr  error
}

// magic begins a superblock.
const magic = "\x89HDF\r\n\x1a\n"

// undefined is the address of what does not exist, whatever the size of addresses in the file.
const undefined = ^uint64(0)

// Open opens the HDF5 file at path. Close it when done.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &recording.Error{Path: path, Offset: -1, Found: "something that is not a regular file", Expected: "an HDF5 file"}
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

// NewFile opens an HDF5 file of size bytes read through r; name stands for it in errors.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	return newFile(r, size, name, false)
}

func newFile(r io.ReaderAt, size int64, name string, unchecked bool) (*File, error) {
	f := &File{path: name, r: r, size: size, close: func() error { return nil }, unchecked: unchecked}
	if err := f.superblock(); err != nil {
		return nil, err
	}
	return f, nil
}

// Close releases the file. Arrays already read stay valid.
func (f *File) Close() error { return f.close() }

// superblock finds and reads the superblock: at the beginning of the file or, behind a user block, at 512 bytes or a power
// of two times that.
func (f *File) superblock() error {
	for at := int64(0); ; at = max(512, 2*at) {
		if at > f.size-int64(len(magic)) {
			found := "no HDF5 signature"
			if f.size == 0 {
				found = "an empty file"
			}
			return &recording.Error{Path: f.path, Offset: 0, Found: found, Expected: "an HDF5 file"}
		}
		head := make([]byte, len(magic))
		if _, err := f.r.ReadAt(head, at); err != nil {
			return &recording.Error{Path: f.path, Offset: at, Found: "bytes that cannot be read", Expected: "an HDF5 file", Err: err}
		}
		if string(head) == magic {
			f.base = at
			break
		}
	}
	b, err := f.block(0, min(uint64(f.size-f.base), 128), "superblock")
	if err != nil {
		return err
	}
	c := f.cursor(b, f.base, "superblock")
	c.skip(len(magic))
	f.Version = int(c.u8())
	switch f.Version {
	case 0, 1:
		c.skip(4)
		f.sizes(c)
		c.skip(1 + 2 + 2 + 4)
		if f.Version == 1 {
			c.skip(2 + 2)
		}
	case 2, 3:
		f.sizes(c)
		if flags := c.u8(); f.Version == 3 && flags&1 != 0 {
			c.fail("a file that is still open for writing, or whose writer crashed", "a closed file",
				"close it in the program that writes it; after a crash, h5clear -s makes it readable")
		}
	default:
		c.fail(fmt.Sprintf("version %d", f.Version), "version 0 to 3", "")
	}
	if c.err != nil {
		return c.err
	}
	c.addr() // the base address: files that got a user block later keep the old one, so the signature's place counts instead
	var end uint64
	if f.Version < 2 {
		f.extension = undefined
		c.addr() // free space
		end = c.addr()
		c.addr() // driver information
		c.addr() // the name of the root group
		f.root = c.addr()
	} else {
		f.extension = c.addr()
		end = c.addr()
		f.root = c.addr()
		c.checksum()
	}
	if c.err != nil {
		return c.err
	}
	// In a file with a user block some writers count the end from the start of the file, others from the superblock.
	if end != undefined && end > uint64(f.size) && !f.unchecked {
		return &recording.Error{Path: f.path, Field: "superblock", Offset: f.base, Found: fmt.Sprintf("a file of %d bytes", f.size),
			Expected: fmt.Sprintf("the %d it had when it was written", end), Remedy: "the file is truncated: copy it again from its source"}
	}
	return nil
}

func (f *File) sizes(c *cursor) {
	f.offsetSize, f.lengthSize = int(c.u8()), int(c.u8())
	for _, n := range []int{f.offsetSize, f.lengthSize} {
		if n != 2 && n != 4 && n != 8 && c.err == nil {
			c.fail(fmt.Sprintf("addresses of %d and lengths of %d bytes", f.offsetSize, f.lengthSize), "2, 4 or 8 bytes", "")
		}
	}
}

// Root is the group that everything else lies in.
func (f *File) Root() (*Group, error) {
	o, err := f.object("/", f.root)
	if err != nil {
		return nil, err
	}
	g, ok := o.(*Group)
	if !ok {
		return nil, f.wrongKind(o, "a group")
	}
	return g, nil
}

// Lookup finds an object by its path from the root, following soft links.
func (f *File) Lookup(path string) (Object, error) {
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	return root.Lookup("/" + strings.TrimPrefix(path, "/"))
}

// Dataset finds a dataset by its path from the root.
func (f *File) Dataset(path string) (*Dataset, error) {
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	return root.Dataset("/" + strings.TrimPrefix(path, "/"))
}

// Group finds a group by its path from the root.
func (f *File) Group(path string) (*Group, error) {
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	return root.Group("/" + strings.TrimPrefix(path, "/"))
}

// Deref opens the object that a reference points to. Its path is not known, so it is called after its address.
func (f *File) Deref(r Reference) (Object, error) {
	if r.IsNull() {
		return nil, &recording.Error{Path: f.path, Field: "reference", Offset: -1, Found: "a reference to nothing", Expected: "one to an object"}
	}
	return f.object(fmt.Sprintf("<object at %d>", r.Address), r.Address)
}

// maxDepth is how deep groups may lie within groups for Walk.
const maxDepth = 256

// Walk calls visit for every object that hard links lead to, a group before what it holds, each once, under the path by
// which it was reached first. When something cannot be read, visit is called with the error and the path, and a nil object
// when it is the object itself. Walk ends early with the error that visit returns. Soft and external links are not followed.
func (f *File) Walk(visit func(path string, o Object, err error) error) error {
	root, err := f.Root()
	if err != nil {
		return visit("/", nil, err)
	}
	return f.walk(root, map[uint64]bool{f.root: true}, 0, visit)
}

func (f *File) walk(o Object, seen map[uint64]bool, depth int, visit func(path string, o Object, err error) error) error {
	if err := visit(o.Path(), o, nil); err != nil {
		return err
	}
	g, ok := o.(*Group)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return visit(o.Path(), o, &recording.Error{Path: f.path, Field: o.Path(), Offset: -1, Found: fmt.Sprintf("groups %d deep", depth), Expected: "fewer"})
	}
	links, err := g.Links()
	if err != nil {
		return visit(o.Path(), o, err)
	}
	for _, l := range links {
		if l.Kind != HardLink || seen[l.address] {
			continue
		}
		seen[l.address] = true
		path := join(o.Path(), l.Name)
		if child, err := f.object(path, l.address); err != nil {
			err = visit(path, nil, err)
			if err != nil {
				return err
			}
		} else if err := f.walk(child, seen, depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}

func join(group, name string) string {
	if strings.HasSuffix(group, "/") {
		return group + name
	}
	return group + "/" + name
}

// block reads n bytes at an address. More than the file holds is an error before memory is taken.
func (f *File) block(addr, n uint64, what string) ([]byte, error) {
	if err := f.claim(addr, n, what); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	return b, f.readAt(b, addr, what)
}

// claim checks that n bytes at an address lie within the file.
func (f *File) claim(addr, n uint64, what string) error {
	there := uint64(f.size - f.base)
	if addr == undefined || addr > there {
		return &recording.Error{Path: f.path, Field: what, Offset: -1, Found: fmt.Sprintf("address %#x", addr), Expected: fmt.Sprintf("one within the %d bytes of the file", f.size)}
	}
	if n > there-addr {
		return &recording.Error{Path: f.path, Field: what, Offset: f.base + int64(addr), Found: fmt.Sprintf("%d bytes", n),
			Expected: fmt.Sprintf("at most the %d left in the file", there-addr), Remedy: "the file is truncated or damaged: copy it again from its source"}
	}
	return nil
}

func (f *File) readAt(dst []byte, addr uint64, what string) error {
	if n, err := f.r.ReadAt(dst, f.base+int64(addr)); n < len(dst) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return &recording.Error{Path: f.path, Field: what, Offset: f.base + int64(addr) + int64(n), Found: "bytes that cannot be read", Err: err}
	}
	return nil
}

// signed reads a block that begins with a signature of four letters.
func (f *File) signed(addr, n uint64, signature, what string) (*cursor, error) {
	b, err := f.block(addr, n, what)
	if err != nil {
		return nil, err
	}
	c := f.cursor(b, f.base+int64(addr), what)
	if got := c.bytes(4); c.err == nil && !bytes.Equal(got, []byte(signature)) {
		c.pos = 0
		c.fail(fmt.Sprintf("%q", got), fmt.Sprintf("%q", signature), "")
	}
	return c, c.err
}

// within lets an error say which object it is about.
func within(err error, path string) error {
	var e *recording.Error
	if err == nil || !errors.As(err, &e) || strings.HasPrefix(e.Field, `"`) {
		return err
	}
	out := *e
	out.Field = fmt.Sprintf("%q", path)
	if e.Field != "" {
		out.Field += " (" + e.Field + ")"
	}
	return &out
}
