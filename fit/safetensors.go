package fit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// Models and checkpoints are stored as safetensors, an open format that other tools read too: the length of a JSON header (8 bytes,
// little-endian), the header, and the tensors' bytes without gaps. The header's metadata has our format version and a SHA-256
// of the whole file, taken with the digits of the checksum itself as zeros.

const (
	formatKey   = "gyrus.format"
	checksumKey = "gyrus.sha256"

	checksumField = `"` + checksumKey + `":"` // as JSON; inside a JSON string its quotes would be escaped
)

var zeroSum = strings.Repeat("0", 2*sha256.Size)

// named is a tensor of a file.
type named struct {
	name  string
	value *tensors.Tensor
}

type tensorHeader struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

var dtypeNames = map[dtypes.DType]string{
	dtypes.Float64: "F64", dtypes.Float32: "F32", dtypes.Float16: "F16", dtypes.BFloat16: "BF16",
	dtypes.Int64: "I64", dtypes.Int32: "I32", dtypes.Int16: "I16", dtypes.Int8: "I8",
	dtypes.Uint64: "U64", dtypes.Uint32: "U32", dtypes.Uint16: "U16", dtypes.Uint8: "U8", dtypes.Bool: "BOOL",
}

// writeTensors writes a file that after a crash holds either all of its old content or all of its new. The folder must exist.
// With previous, an existing file is kept under that path.
func writeTensors(path, previous, format string, meta map[string]string, values []named) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if err := encodeTensors(file, format, meta, values); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if previous != "" {
		if err := os.Rename(path, previous); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes renames in a folder durable. Where folders cannot be synced there is nothing to do.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	d.Sync()
	return nil
}

func encodeTensors(file *os.File, format string, meta map[string]string, values []named) error {
	header := map[string]any{}
	all := map[string]string{formatKey: format, checksumKey: zeroSum}
	for k, v := range meta {
		all[k] = v
	}
	header["__metadata__"] = all
	offset := int64(0)
	for _, n := range values {
		shape := n.value.Shape()
		name, ok := dtypeNames[shape.DType]
		if !ok {
			return fmt.Errorf("variable %s has type %s, which cannot be stored", n.name, shape.DType)
		}
		if _, twice := header[n.name]; twice {
			return fmt.Errorf("two variables are called %s", n.name)
		}
		size := int64(shape.Memory())
		header[n.name] = tensorHeader{name, append([]int{}, shape.Dimensions...), [2]int64{offset, offset + size}}
		offset += size
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	text = append(text, bytes.Repeat([]byte(" "), (8-len(text)%8)%8)...) // tensors start at a multiple of 8 bytes
	at := bytes.Index(text, []byte(checksumField+zeroSum)) + len(checksumField)

	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<16)
	binary.Write(w, binary.LittleEndian, uint64(len(text)))
	w.Write(text)
	for _, n := range values {
		if n.value.Size() == 0 {
			continue
		}
		var wrote error
		if err := n.value.ConstBytes(func(data []byte) { _, wrote = w.Write(data) }); err != nil {
			return err
		}
		if wrote != nil {
			return wrote
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(hex.EncodeToString(sum.Sum(nil))), int64(8+at))
	return err
}

// readTensors reads a file that writeTensors wrote. Its errors name the file, what was found and what was expected.
func readTensors(path, format string) (meta map[string]string, values []named, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	meta, values, err = decodeTensors(data, format)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return meta, values, nil
}

func decodeTensors(data []byte, format string) (map[string]string, []named, error) {
	if len(data) < 8 {
		return nil, nil, fmt.Errorf("the file has %d bytes, too few for a header: it is truncated or not a safetensors file", len(data))
	}
	length := binary.LittleEndian.Uint64(data)
	if length > uint64(len(data)-8) {
		return nil, nil, fmt.Errorf("the header should have %d bytes, but only %d follow: the file is truncated or not a safetensors file",
			length, len(data)-8)
	}
	text, body := data[8:8+length], data[8+length:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, nil, fmt.Errorf("the header is not JSON: %w", err)
	}
	var meta map[string]string
	if err := json.Unmarshal(raw["__metadata__"], &meta); err != nil {
		return nil, nil, fmt.Errorf("the header's __metadata__ is missing or damaged: %w", err)
	}
	delete(raw, "__metadata__")
	if err := checkSum(data, text, meta[checksumKey]); err != nil {
		return nil, nil, err
	}
	if meta[formatKey] != format {
		return nil, nil, fmt.Errorf("the file's format is %q, but this program reads %q", meta[formatKey], format)
	}
	type entry struct {
		tensorHeader
		name string
	}
	var entries []entry
	for name, message := range raw {
		e := entry{name: name}
		if err := json.Unmarshal(message, &e.tensorHeader); err != nil {
			return nil, nil, fmt.Errorf("the header of tensor %q is damaged: %w", name, err)
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.Offsets != b.Offsets {
			return slices.Compare(a.Offsets[:], b.Offsets[:])
		}
		return strings.Compare(a.name, b.name)
	})
	end := int64(0)
	values := make([]named, len(entries))
	for i, e := range entries {
		shape, err := e.shape(int64(len(body)))
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		if e.Offsets[0] != end || e.Offsets[1]-e.Offsets[0] != int64(shape.Memory()) || e.Offsets[1] > int64(len(body)) {
			return nil, nil, fmt.Errorf("tensor %q of shape %s lies at bytes %d to %d of %d; expected to begin at %d and to have %d bytes",
				e.name, shape, e.Offsets[0], e.Offsets[1], len(body), end, shape.Memory())
		}
		end = e.Offsets[1]
		value := tensors.FromShape(shape)
		if shape.Size() > 0 {
			if err := value.MutableBytes(func(to []byte) { copy(to, body[e.Offsets[0]:]) }); err != nil {
				return nil, nil, err
			}
		}
		values[i] = named{e.name, value}
	}
	if end != int64(len(body)) {
		return nil, nil, fmt.Errorf("%d bytes follow the last tensor", int64(len(body))-end)
	}
	return meta, values, nil
}

// checkSum compares the file's SHA-256, with the checksum's own digits as zeros, to the one it states.
func checkSum(data, text []byte, stated string) error {
	at := bytes.Index(text, []byte(checksumField+stated))
	if len(stated) != len(zeroSum) || at < 0 {
		return errors.New("the file has no checksum: it was not written by this program, or its header is damaged")
	}
	at += 8 + len(checksumField)
	sum := sha256.New()
	sum.Write(data[:at])
	sum.Write([]byte(zeroSum))
	sum.Write(data[at+len(zeroSum):])
	if found := hex.EncodeToString(sum.Sum(nil)); found != stated {
		return fmt.Errorf("the checksum is %s…, but the file states %s…: it is truncated or damaged", found[:12], stated[:12])
	}
	return nil
}

// shape checks a tensor's type and dimensions against the number of bytes there are.
func (h tensorHeader) shape(limit int64) (shapes.Shape, error) {
	var dtype dtypes.DType
	for d, name := range dtypeNames {
		if name == h.DType {
			dtype = d
		}
	}
	if dtype == dtypes.InvalidDType {
		return shapes.Shape{}, fmt.Errorf("type %q is unknown", h.DType)
	}
	size := int64(1)
	for _, d := range h.Shape {
		if d < 0 || d > 0 && size > math.MaxInt64/16/int64(d) {
			return shapes.Shape{}, fmt.Errorf("shape %v is impossible", h.Shape)
		}
		size *= int64(d)
	}
	if size*int64(dtype.Size()) > limit {
		return shapes.Shape{}, fmt.Errorf("shape %v needs %d bytes, but the file has %d", h.Shape, size*int64(dtype.Size()), limit)
	}
	return shapes.Make(dtype, h.Shape...), nil
}
