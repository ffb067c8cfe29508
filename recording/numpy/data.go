package numpy

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
	"github.com/x448/float16"
)

// read reads the data behind a header; there bytes of it are known to exist.
func (h header) read(r io.Reader, there int64, path, field string) (*recording.Array, error) {
	a := &recording.Array{Dims: h.dims, Order: h.order}
	var err error
	switch fmt.Sprintf("%c%d", h.kind, h.size) {
	case "b1":
		a.Data, err = bools(r, h, there)
	case "i1":
		a.Data, err = wire.Read[int8](r, h.count, h.bo, there)
	case "i2":
		a.Data, err = wire.Read[int16](r, h.count, h.bo, there)
	case "i4":
		a.Data, err = wire.Read[int32](r, h.count, h.bo, there)
	case "i8":
		a.Data, err = wire.Read[int64](r, h.count, h.bo, there)
	case "u1":
		a.Data, err = wire.Read[uint8](r, h.count, h.bo, there)
	case "u2":
		a.Data, err = wire.Read[uint16](r, h.count, h.bo, there)
	case "u4":
		a.Data, err = wire.Read[uint32](r, h.count, h.bo, there)
	case "u8":
		a.Data, err = wire.Read[uint64](r, h.count, h.bo, there)
	case "f2":
		a.Data, err = halves(r, h, there)
	case "f4":
		a.Data, err = wire.Read[float32](r, h.count, h.bo, there)
	case "f8":
		a.Data, err = wire.Read[float64](r, h.count, h.bo, there)
	case "c8":
		a.Data, err = wire.Read[complex64](r, h.count, h.bo, there)
	case "c16":
		a.Data, err = wire.Read[complex128](r, h.count, h.bo, there)
	default:
		a.Data, err = texts(r, h, there)
	}
	if err != nil {
		return nil, fail(path, field, h.length, "", fmt.Sprintf("%d bytes of data", h.bytes), err)
	}
	return a, nil
}

func bools(r io.Reader, h header, there int64) ([]bool, error) {
	raw, err := wire.Read[uint8](r, h.count, h.bo, there)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(raw))
	for i, v := range raw {
		out[i] = v != 0
	}
	return out, nil
}

func halves(r io.Reader, h header, there int64) ([]float32, error) {
	raw, err := wire.Read[uint16](r, h.count, h.bo, there)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(raw))
	for i, v := range raw {
		out[i] = float16.Frombits(v).Float32()
	}
	return out, nil
}

// texts reads text of equal length, padded with zeros.
func texts(r io.Reader, h header, there int64) ([]string, error) {
	if h.kind == 'S' {
		raw, err := wire.Read[uint8](r, int(h.bytes), h.bo, there)
		if err != nil {
			return nil, err
		}
		out := make([]string, h.count)
		for i := range out {
			out[i] = strings.ToValidUTF8(strings.TrimRight(string(raw[i*h.size:(i+1)*h.size]), "\x00"), "\uFFFD")
		}
		return out, nil
	}
	raw, err := wire.Read[int32](r, int(h.bytes/4), h.bo, there)
	if err != nil {
		return nil, err
	}
	out := make([]string, h.count)
	width := h.size / 4
	for i := range out {
		out[i] = strings.TrimRight(string(raw[i*width:(i+1)*width]), "\x00") // invalid code points become U+FFFD
	}
	return out, nil
}

// dtypeOf is NumPy's word for an array's element type, and the characters of its longest text.
func dtypeOf(a *recording.Array) (descr string, width int) {
	switch d := a.Data.(type) {
	case []bool:
		return "|b1", 0
	case []int8:
		return "|i1", 0
	case []int16:
		return "<i2", 0
	case []int32:
		return "<i4", 0
	case []int64:
		return "<i8", 0
	case []uint8:
		return "|u1", 0
	case []uint16:
		return "<u2", 0
	case []uint32:
		return "<u4", 0
	case []uint64:
		return "<u8", 0
	case []float32:
		return "<f4", 0
	case []float64:
		return "<f8", 0
	case []complex64:
		return "<c8", 0
	case []complex128:
		return "<c16", 0
	case []string:
		width = 1
		for _, s := range d {
			width = max(width, utf8.RuneCountInString(s))
		}
		return fmt.Sprintf("<U%d", width), width
	}
	return "", 0
}

func writeData(w io.Writer, a *recording.Array, width int) error {
	switch d := a.Data.(type) {
	case []bool:
		raw := make([]uint8, len(d))
		for i, v := range d {
			if v {
				raw[i] = 1
			}
		}
		return wire.Write(w, raw)
	case []int8:
		return wire.Write(w, d)
	case []int16:
		return wire.Write(w, d)
	case []int32:
		return wire.Write(w, d)
	case []int64:
		return wire.Write(w, d)
	case []uint8:
		return wire.Write(w, d)
	case []uint16:
		return wire.Write(w, d)
	case []uint32:
		return wire.Write(w, d)
	case []uint64:
		return wire.Write(w, d)
	case []float32:
		return wire.Write(w, d)
	case []float64:
		return wire.Write(w, d)
	case []complex64:
		return wire.Write(w, d)
	case []complex128:
		return wire.Write(w, d)
	case []string:
		raw := make([]int32, width)
		for _, s := range d {
			clear(raw)
			i := 0
			for _, r := range s {
				raw[i] = r
				i++
			}
			if err := wire.Write(w, raw); err != nil {
				return err
			}
		}
	}
	return nil
}
