package gifti

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/inflate"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// sizes gives the bytes of a number of each type of data, without NIFTI_TYPE_.
var sizes = map[string]int{"uint8": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8, "float32": 4, "float64": 8}

// maxAxes is the largest number of axes the format has.
const maxAxes = 6

// array reads an array and its data.
func (r *reader) array(start xml.StartElement) (*DataArray, error) {
	a := &DataArray{Intent: plain(attribute(start, "Intent"), "NIFTI_INTENT_"), Metadata: map[string]string{}}
	d := &recording.Array{}
	kind := plain(attribute(start, "DataType"), "NIFTI_TYPE_")
	if sizes[kind] == 0 {
		return nil, r.broken(fmt.Sprintf("data of type %q", kind), "NIFTI_TYPE_UINT8, NIFTI_TYPE_INT32, NIFTI_TYPE_FLOAT32 or another number", nil)
	}
	axes, err := strconv.Atoi(attribute(start, "Dimensionality"))
	if err != nil || axes < 1 || axes > maxAxes {
		return nil, r.broken(fmt.Sprintf("%q axes", attribute(start, "Dimensionality")), "1 to 6", nil)
	}
	for i := range axes {
		n, err := strconv.Atoi(attribute(start, fmt.Sprintf("Dim%d", i)))
		if err != nil || n < 0 {
			return nil, r.broken(fmt.Sprintf("an axis of length %q", attribute(start, fmt.Sprintf("Dim%d", i))), "a number", nil)
		}
		d.Dims = append(d.Dims, n)
	}
	count, err := recording.Count(d.Dims)
	if err != nil || count > MaxInflated/sizes[kind] {
		return nil, r.broken(fmt.Sprintf("an array of shape %v", d.Dims), "a smaller one", err)
	}
	if attribute(start, "ArrayIndexingOrder") == "ColumnMajorOrder" {
		d.Order = recording.ColumnMajor
	}
	var bo binary.ByteOrder = binary.LittleEndian
	if attribute(start, "Endian") == "BigEndian" {
		bo = binary.BigEndian
	}
	err = r.children(func(inner xml.StartElement) (err error) {
		switch inner.Name.Local {
		case "MetaData":
			a.Metadata, err = r.metadata()
		case "CoordinateSystemTransformMatrix":
			var t Transform
			if t, err = r.transform(); err == nil {
				a.Transforms = append(a.Transforms, t)
			}
		case "Data":
			d.Data, err = r.data(start, kind, count, bo)
		default:
			err = r.skip()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if d.Data == nil {
		return nil, r.broken("an array without data", "data", nil)
	}
	a.Data = d
	d.Name = a.Metadata["Name"]
	return a, nil
}

// data reads count numbers, in whichever way they are written.
func (r *reader) data(start xml.StartElement, kind string, count int, bo binary.ByteOrder) (any, error) {
	size := int64(count) * int64(sizes[kind])
	text, err := r.text(maxToken + 64*int64(count) + 2*size) // numbers in ASCII, or base64, with white space between
	if err != nil {
		return nil, err
	}
	fewer := func(have int64) error {
		return r.broken(fmt.Sprintf("%d bytes of data", have), fmt.Sprintf("%d, as the shape and type say", size), nil)
	}
	switch encoding := attribute(start, "Encoding"); encoding { // some software writes the names of the C library
	case "ASCII", "GIFTI_ENCODING_ASCII":
		return r.ascii(text, kind, count)
	case "Base64Binary", "GZipBase64Binary", "GIFTI_ENCODING_B64BIN", "GIFTI_ENCODING_B64GZ":
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return nil, r.broken("data that are not base64", "base64", err)
		}
		var in io.Reader = bytes.NewReader(raw)
		there := int64(len(raw))
		if encoding == "GZipBase64Binary" || encoding == "GIFTI_ENCODING_B64GZ" {
			if size > int64(len(raw))*wire.MaxDeflate {
				return nil, r.broken(fmt.Sprintf("%d compressed bytes", len(raw)), fmt.Sprintf("what can inflate to %d, as the shape and type say", size), nil)
			}
			z, err := zlib.NewReader(in)
			if err != nil {
				return nil, r.broken("compressed data that cannot be read", "zlib data", err)
			}
			in = z
		} else if there != size {
			return nil, fewer(there)
		}
		data, err := decode(in, kind, count, bo, there)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the data of the array end early")
		}
		if err != nil {
			return nil, r.broken("data that are too few or damaged", fmt.Sprintf("%d bytes, as the shape and type say", size), err)
		}
		if n, err := io.CopyN(io.Discard, in, 1); n > 0 || err != io.EOF { // reading to the end verifies the checksum
			return nil, r.broken("more data than that, or a wrong checksum", fmt.Sprintf("%d bytes, as the shape and type say", size), err)
		}
		return data, nil
	case "ExternalFileBinary", "GIFTI_ENCODING_EXTBIN":
		name := attribute(start, "ExternalFileName")
		offset, err := strconv.ParseInt("0"+attribute(start, "ExternalFileOffset"), 10, 64)
		if err != nil || name == "" || name != filepath.Base(name) || name == "." || name == ".." {
			return nil, r.broken(fmt.Sprintf("data at byte %q of the file %q", attribute(start, "ExternalFileOffset"), name), "the name of a file in the same folder", nil)
		}
		path := filepath.Join(filepath.Dir(r.f.path), name)
		file, err := inflate.Open(path, MaxInflated)
		if err != nil {
			return nil, &recording.Error{Path: r.f.path, Offset: -1, Found: fmt.Sprintf("data in the file %q", name), Expected: "that file beside it", Err: err}
		}
		defer file.Close()
		if have := max(0, file.Size-offset); have < size {
			return nil, fewer(have)
		}
		data, err := decode(io.NewSectionReader(file, offset, size), kind, count, bo, size)
		if err != nil {
			return nil, &recording.Error{Path: path, Offset: offset, Err: err}
		}
		return data, nil
	default:
		return nil, r.broken(fmt.Sprintf("data in encoding %q", encoding), "ASCII, Base64Binary, GZipBase64Binary or ExternalFileBinary", nil)
	}
}

// decode reads binary numbers.
func decode(r io.Reader, kind string, n int, bo binary.ByteOrder, there int64) (any, error) {
	switch kind {
	case "int8":
		return wire.Read[int8](r, n, bo, there)
	case "int16":
		return wire.Read[int16](r, n, bo, there)
	case "uint16":
		return wire.Read[uint16](r, n, bo, there)
	case "int32":
		return wire.Read[int32](r, n, bo, there)
	case "uint32":
		return wire.Read[uint32](r, n, bo, there)
	case "int64":
		return wire.Read[int64](r, n, bo, there)
	case "uint64":
		return wire.Read[uint64](r, n, bo, there)
	case "float32":
		return wire.Read[float32](r, n, bo, there)
	case "float64":
		return wire.Read[float64](r, n, bo, there)
	}
	return wire.Read[uint8](r, n, bo, there)
}

// ascii reads numbers written as text.
func (r *reader) ascii(text, kind string, count int) (any, error) {
	fields := strings.Fields(text)
	if len(fields) != count {
		return nil, r.broken(fmt.Sprintf("%d numbers", len(fields)), fmt.Sprintf("%d, as the shape says", count), nil)
	}
	bits := 8 * sizes[kind]
	whole := func(s string) (int64, error) { return strconv.ParseInt(s, 10, bits) }
	natural := func(s string) (uint64, error) { return strconv.ParseUint(s, 10, bits) }
	fraction := func(s string) (float64, error) { return strconv.ParseFloat(s, bits) }
	switch kind {
	case "int8":
		return numbers(r, fields, func(s string) (int8, error) { v, err := whole(s); return int8(v), err })
	case "int16":
		return numbers(r, fields, func(s string) (int16, error) { v, err := whole(s); return int16(v), err })
	case "uint16":
		return numbers(r, fields, func(s string) (uint16, error) { v, err := natural(s); return uint16(v), err })
	case "int32":
		return numbers(r, fields, func(s string) (int32, error) { v, err := whole(s); return int32(v), err })
	case "uint32":
		return numbers(r, fields, func(s string) (uint32, error) { v, err := natural(s); return uint32(v), err })
	case "int64":
		return numbers(r, fields, whole)
	case "uint64":
		return numbers(r, fields, natural)
	case "float32":
		return numbers(r, fields, func(s string) (float32, error) { v, err := fraction(s); return float32(v), err })
	case "float64":
		return numbers(r, fields, fraction)
	}
	return numbers(r, fields, func(s string) (uint8, error) { v, err := natural(s); return uint8(v), err })
}

func numbers[T wire.Fixed](r *reader, fields []string, parse func(string) (T, error)) ([]T, error) {
	out := make([]T, len(fields))
	for i, s := range fields {
		v, err := parse(s)
		if err != nil {
			return nil, r.broken(fmt.Sprintf("%q as value %d", s, i), "a number of the array's type", nil)
		}
		out[i] = v
	}
	return out, nil
}
