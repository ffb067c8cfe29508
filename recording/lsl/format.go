package lsl

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-dev/gyrus/recording"
)

// Format is the type of a stream's values.
type Format uint8

// The formats, numbered as liblsl does.
const (
	Float32 Format = iota + 1
	Float64
	String
	Int32
	Int16
	Int8
	Int64
)

var formatNames = [...]string{"undefined", "float32", "double64", "string", "int32", "int16", "int8", "int64"}

func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return "format " + strconv.Itoa(int(f))
}

// size is the number of bytes of a value on the wire; 0 for strings, whose size varies.
func (f Format) size() int { return [...]int{0, 4, 8, 0, 4, 2, 1, 8}[f] }

func parseFormat(name string) (Format, bool) {
	i := slices.Index(formatNames[:], name)
	return Format(max(i, 0)), i > 0
}

// Value is the set of Go types that stand for the formats.
type Value interface {
	float32 | float64 | string | int32 | int16 | int8 | int64
}

// formatOf is the format of a slice of a [Value] type and its length.
func formatOf(data any) (Format, int, error) {
	switch d := data.(type) {
	case []float32:
		return Float32, len(d), nil
	case []float64:
		return Float64, len(d), nil
	case []string:
		return String, len(d), nil
	case []int32:
		return Int32, len(d), nil
	case []int16:
		return Int16, len(d), nil
	case []int8:
		return Int8, len(d), nil
	case []int64:
		return Int64, len(d), nil
	}
	return 0, 0, fmt.Errorf("lsl: samples of type %T; they must be a slice of float32, float64, string, int32, int16, int8 or int64", data)
}

// Time stamps on the wire.
const (
	tagDeduced     = 1 // the sample follows the one before after one period
	tagTransmitted = 2 // eight bytes of seconds follow
)

// Limits on what another party may promise.
const (
	maxChannels = 1 << 16
	maxText     = 16 << 20 // bytes of one string value
)

// appendSample writes one sample in the wire format of protocol 1.10. data is a slice of the values of one sample; deduced leaves
// the time to the reader.
func appendSample(b []byte, order binary.AppendByteOrder, time float64, deduced bool, data any) []byte {
	if deduced {
		b = append(b, tagDeduced)
	} else {
		b = order.AppendUint64(append(b, tagTransmitted), math.Float64bits(time))
	}
	switch d := data.(type) {
	case []float32:
		for _, v := range d {
			b = order.AppendUint32(b, math.Float32bits(v))
		}
	case []float64:
		for _, v := range d {
			b = order.AppendUint64(b, math.Float64bits(v))
		}
	case []int32:
		for _, v := range d {
			b = order.AppendUint32(b, uint32(v))
		}
	case []int16:
		for _, v := range d {
			b = order.AppendUint16(b, uint16(v))
		}
	case []int8:
		for _, v := range d {
			b = append(b, byte(v))
		}
	case []int64:
		for _, v := range d {
			b = order.AppendUint64(b, uint64(v))
		}
	case []string:
		for _, v := range d {
			if len(v) <= 0xff {
				b = append(b, 1, byte(len(v)))
			} else {
				b = order.AppendUint32(append(b, 4), uint32(len(v)))
			}
			b = append(b, v...)
		}
	}
	return b
}

// decoder reads samples in the wire format of protocol 1.10, or of 1.00 if it has an archive.
type decoder struct {
	archived *archived

	r        io.Reader // buffered
	order    binary.ByteOrder
	format   Format
	channels int
	flush    bool // set subnormal numbers to zero
	raw      []byte
}

func newDecoder(r io.Reader, order binary.ByteOrder, format Format, channels int) *decoder {
	return &decoder{r: r, order: order, format: format, channels: channels, raw: make([]byte, max(8, format.size()*channels))}
}

// next reads a sample and appends its values to dst, whose type must be that of the format. deduced says that the sample came
// without a time.
func (d *decoder) next(dst any) (out any, time float64, deduced bool, err error) {
	if d.archived != nil {
		return d.archived.next(dst)
	}
	head := d.raw[:1]
	if _, err := io.ReadFull(d.r, head); err != nil {
		return dst, 0, false, err
	}
	switch head[0] {
	case tagDeduced:
		deduced = true
	case tagTransmitted:
		if err := d.read(8); err != nil {
			return dst, 0, false, err
		}
		time = math.Float64frombits(d.order.Uint64(d.raw))
	default:
		return dst, 0, false, corrupt("tag of a sample", fmt.Sprint(head[0]), "1 (time deduced) or 2 (time transmitted)")
	}
	if d.format == String {
		texts, err := d.texts(dst.([]string))
		return texts, time, deduced, err
	}
	if err := d.read(d.format.size() * d.channels); err != nil {
		return dst, 0, false, err
	}
	switch dst := dst.(type) {
	case []float32:
		for i := range d.channels {
			bits := d.order.Uint32(d.raw[4*i:])
			if d.flush && bits&0x7fffffff <= 0x007fffff {
				bits &= 0x80000000
			}
			dst = append(dst, math.Float32frombits(bits))
		}
		return dst, time, deduced, nil
	case []float64:
		for i := range d.channels {
			bits := d.order.Uint64(d.raw[8*i:])
			if d.flush && bits&(1<<63-1) <= 1<<52-1 {
				bits &= 1 << 63
			}
			dst = append(dst, math.Float64frombits(bits))
		}
		return dst, time, deduced, nil
	case []int32:
		for i := range d.channels {
			dst = append(dst, int32(d.order.Uint32(d.raw[4*i:])))
		}
		return dst, time, deduced, nil
	case []int16:
		for i := range d.channels {
			dst = append(dst, int16(d.order.Uint16(d.raw[2*i:])))
		}
		return dst, time, deduced, nil
	case []int8:
		for i := range d.channels {
			dst = append(dst, int8(d.raw[i]))
		}
		return dst, time, deduced, nil
	case []int64:
		for i := range d.channels {
			dst = append(dst, int64(d.order.Uint64(d.raw[8*i:])))
		}
		return dst, time, deduced, nil
	}
	panic(fmt.Sprintf("lsl: decoding %s into %T", d.format, dst))
}

// read fills the first n bytes of raw; an end within a sample is unexpected.
func (d *decoder) read(n int) error {
	_, err := io.ReadFull(d.r, d.raw[:n])
	return unexpected(err)
}

// texts reads the values of a sample of strings. What a length promises is allocated only as it arrives.
func (d *decoder) texts(dst []string) ([]string, error) {
	for range d.channels {
		if err := d.read(1); err != nil {
			return dst, err
		}
		var n uint64
		width := int(d.raw[0])
		switch width {
		case 1, 2, 4, 8:
			if err := d.read(width); err != nil {
				return dst, err
			}
		default:
			return dst, corrupt("width of a string's length", fmt.Sprint(width), "1, 2, 4 or 8 bytes")
		}
		switch width {
		case 1:
			n = uint64(d.raw[0])
		case 2:
			n = uint64(d.order.Uint16(d.raw))
		case 4:
			n = uint64(d.order.Uint32(d.raw))
		case 8:
			n = d.order.Uint64(d.raw)
		}
		if n > maxText {
			return dst, corrupt("length of a string", fmt.Sprint(n), fmt.Sprintf("at most %d bytes", maxText))
		}
		text, err := readText(d.r, n)
		if err != nil {
			return dst, err
		}
		dst = append(dst, text)
	}
	return dst, nil
}

func corrupt(field, found, expected string) error {
	return &recording.Error{Field: field, Offset: -1, Found: found, Expected: expected}
}

// emptyOf returns an empty slice of the format's type.
func emptyOf(f Format) any {
	switch f {
	case Float32:
		return []float32(nil)
	case Float64:
		return []float64(nil)
	case String:
		return []string(nil)
	case Int32:
		return []int32(nil)
	case Int16:
		return []int16(nil)
	case Int8:
		return []int8(nil)
	case Int64:
		return []int64(nil)
	}
	panic("lsl: no such format: " + f.String())
}

// slice returns the values from to to-1 of a slice of a [Value] type.
func slice(data any, from, to int) any {
	switch d := data.(type) {
	case []float32:
		return d[from:to]
	case []float64:
		return d[from:to]
	case []string:
		return d[from:to]
	case []int32:
		return d[from:to]
	case []int16:
		return d[from:to]
	case []int8:
		return d[from:to]
	case []int64:
		return d[from:to]
	}
	panic(fmt.Sprintf("lsl: slicing a %T", data))
}

// Float64s returns the values of a chunk as numbers, row-major samples x channels. Strings are not numbers: the result is nil.
func (c Chunk) Float64s() []float64 {
	switch d := c.Data.(type) {
	case []float32:
		return floats(d)
	case []float64:
		return slices.Clone(d)
	case []int32:
		return floats(d)
	case []int16:
		return floats(d)
	case []int8:
		return floats(d)
	case []int64:
		return floats(d)
	}
	return nil
}

func floats[T float32 | int32 | int16 | int8 | int64](values []T) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// The time of the test samples that begin a feed.
const patternTime = 123456.789

// testPattern is the sample with which both sides make sure that they understand each other: an outlet sends those of offset 4
// and 2 before its first sample.
func testPattern(f Format, channels, offset int) any {
	switch f {
	case Float32:
		return pattern[float32](channels, offset, 0)
	case Float64:
		return pattern[float64](channels, offset+16777217, 0)
	case Int32:
		return pattern[int32](channels, offset+65537, math.MaxInt32)
	case Int16:
		return pattern[int16](channels, offset+257, math.MaxInt16)
	case Int8:
		return pattern[int8](channels, offset+1, math.MaxInt8)
	case Int64:
		return pattern[int64](channels, offset+2147483649, 0)
	}
	texts := make([]string, channels)
	for k := range texts {
		v := k + 10
		if k%2 == 1 {
			v = -v
		}
		texts[k] = strconv.Itoa(v)
	}
	return texts
}

// pattern counts up from first, modulo a limit if there is one, with every second value negative.
func pattern[T float32 | float64 | int32 | int16 | int8 | int64](channels, first, modulo int) []T {
	values := make([]T, channels)
	for k := range values {
		v := k + first
		if modulo > 0 {
			v %= modulo
		}
		if values[k] = T(v); k%2 == 1 {
			values[k] = -T(v)
		}
	}
	return values
}

// same compares two slices of the same [Value] type.
func same(a, b any) bool {
	switch a := a.(type) {
	case []float32:
		return slices.Equal(a, b.([]float32))
	case []float64:
		return slices.Equal(a, b.([]float64))
	case []string:
		return slices.Equal(a, b.([]string))
	case []int32:
		return slices.Equal(a, b.([]int32))
	case []int16:
		return slices.Equal(a, b.([]int16))
	case []int8:
		return slices.Equal(a, b.([]int8))
	case []int64:
		return slices.Equal(a, b.([]int64))
	}
	return false
}
