package idx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/inflate"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

func init() {
	recording.Register(recording.Format{
		Name: "idx", Title: "IDX array", Extensions: []string{"idx1-ubyte", "idx3-ubyte", "idx"},
		Match: match, Describe: describe, Arrays: arrays,
	})
}

// MaxInflated is the most bytes that a compressed file may inflate to.
const MaxInflated = 4 << 30

// sizes gives the bytes of an element by the type code of the header.
var sizes = map[byte]int{0x08: 1, 0x09: 1, 0x0b: 2, 0x0c: 4, 0x0d: 4, 0x0e: 8}

// maxAxes bounds the axes: a byte could promise 255.
const maxAxes = 8

// Read reads the array of the file at path, row-major, in its own type: uint8, int8, int16, int32, float32 or float64. It is
// called what the file is called.
func Read(path string) (*recording.Array, error) {
	content, err := inflate.Open(path, MaxInflated)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return read(content, path)
}

// ReadFrom reads an IDX of size bytes through r; name stands for it in errors.
func ReadFrom(r io.ReaderAt, size int64, name string) (*recording.Array, error) {
	content, err := inflate.New(r, size, name, MaxInflated)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return read(content, name)
}

func read(content *inflate.File, path string) (*recording.Array, error) {
	broken := func(offset int64, found, expected string, cause error) error {
		return &recording.Error{Path: path, Offset: offset, Found: found, Expected: expected, Err: cause}
	}
	truncated := func(expected string) error {
		return &recording.Error{Path: path, Offset: content.Size, Found: "the end of the file", Expected: expected, Remedy: "the file is truncated: copy it again from its source"}
	}
	head := make([]byte, min(content.Size, 4+4*maxAxes))
	if n, err := content.ReadAt(head, 0); n < len(head) {
		return nil, broken(0, "", "the beginning of a file", err)
	}
	if len(head) < 4 {
		return nil, truncated("a header of 4 bytes and more")
	}
	kind, axes := head[2], int(head[3])
	if head[0] != 0 || head[1] != 0 || sizes[kind] == 0 || axes == 0 || axes > maxAxes {
		return nil, broken(0, fmt.Sprintf("the bytes % x", head[:4]), "00 00, the code of a type (08, 09, 0b, 0c, 0d or 0e) and the number of axes", nil)
	}
	at := int64(4 + 4*axes)
	if int64(len(head)) < at {
		return nil, truncated(fmt.Sprintf("the lengths of %d axes", axes))
	}
	a := &recording.Array{Name: stem(path)}
	for i := range axes {
		a.Dims = append(a.Dims, int(binary.BigEndian.Uint32(head[4+4*i:])))
	}
	n, err := recording.Count(a.Dims)
	if err != nil {
		return nil, broken(4, fmt.Sprintf("shape %v", a.Dims), "a smaller one", err)
	}
	have := content.Size - at
	switch want := int64(sizes[kind]); {
	case int64(n) > have/want:
		return nil, truncated(fmt.Sprintf("%s values of %d bytes", recording.FormatDims(a.Dims), want))
	case int64(n)*want != have:
		return nil, broken(at, fmt.Sprintf("%d bytes of data", have), fmt.Sprintf("%d, for %s values of %d bytes", int64(n)*want, recording.FormatDims(a.Dims), want), nil)
	}
	r := io.NewSectionReader(content, at, have)
	switch kind {
	case 0x08:
		a.Data, err = wire.Read[uint8](r, n, binary.BigEndian, have)
	case 0x09:
		a.Data, err = wire.Read[int8](r, n, binary.BigEndian, have)
	case 0x0b:
		a.Data, err = wire.Read[int16](r, n, binary.BigEndian, have)
	case 0x0c:
		a.Data, err = wire.Read[int32](r, n, binary.BigEndian, have)
	case 0x0d:
		a.Data, err = wire.Read[float32](r, n, binary.BigEndian, have)
	default:
		a.Data, err = wire.Read[float64](r, n, binary.BigEndian, have)
	}
	if err != nil {
		return nil, broken(at, "", fmt.Sprintf("%d bytes of data", have), err)
	}
	return a, nil
}

// stem names an array after its file.
func stem(path string) string {
	base := strings.TrimSuffix(filepath.Base(path), ".gz")
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// match knows the header's four bytes and whether the sizes agree with them; without gzip, that is hardly met by chance.
func match(h recording.Head) recording.Confidence {
	if len(h.Data) < 8 || !bytes.HasPrefix(h.Data, []byte{0, 0}) || sizes[h.Data[2]] == 0 || h.Data[3] == 0 || h.Data[3] > maxAxes {
		return recording.No
	}
	if strings.Contains(h.Ext, "ubyte") || strings.HasPrefix(h.Ext, "idx") {
		return recording.Sure
	}
	axes := int(h.Data[3])
	if len(h.Data) < 4+4*axes {
		return recording.No
	}
	n := int64(sizes[h.Data[2]])
	for i := range axes {
		d := int64(binary.BigEndian.Uint32(h.Data[4+4*i:]))
		if d == 0 || d > 1<<31/n {
			return recording.No
		}
		n *= d
	}
	switch {
	case !h.Gzip && n+int64(4+4*axes) == h.Size:
		return recording.Sure
	case h.Gzip && n >= h.Size-64 && n <= h.Size*wire.MaxDeflate: // of what is inflated only the beginning is known
		return recording.Maybe
	}
	return recording.No
}

func arrays(path string, names ...string) ([]*recording.Array, error) {
	a, err := Read(path)
	if err != nil {
		return nil, err
	}
	if len(names) > 0 && !slices.Equal(names, []string{a.Name}) {
		return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("the one array %q", a.Name), Expected: "arrays called " + strings.Join(names, ", ")}
	}
	return []*recording.Array{a}, nil
}

func describe(path string) (*recording.Description, error) {
	a, err := Read(path)
	if err != nil {
		return nil, err
	}
	return &recording.Description{Items: []recording.Item{{Name: a.Name, Type: a.Type(), Dims: a.Dims, Range: recording.RangeOf(a)}}}, nil
}
