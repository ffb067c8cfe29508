package records

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Type is the kind of number a sample is stored as.
type Type uint8

// The kinds there are.
const (
	Int8 Type = iota + 1
	Uint8
	Int16
	Uint16
	Int24
	Uint24
	Int32
	Uint32
	Int64
	Uint64
	Float32
	Float64
)

var types = [...]struct {
	name string
	size int
}{Int8: {"int8", 1}, Uint8: {"uint8", 1}, Int16: {"int16", 2}, Uint16: {"uint16", 2}, Int24: {"int24", 3}, Uint24: {"uint24", 3},
	Int32: {"int32", 4}, Uint32: {"uint32", 4}, Int64: {"int64", 8}, Uint64: {"uint64", 8}, Float32: {"float32", 4}, Float64: {"float64", 8}}

// Size is how many bytes a number takes, or 0 when the type is not one of those above.
func (t Type) Size() int {
	if int(t) >= len(types) {
		return 0
	}
	return types[t].size
}

func (t Type) String() string {
	if t.Size() == 0 {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return types[t].name
}

// numbers converts n numbers that lie srcStep bytes apart to values dstStep apart. The common kinds have loops of their own;
// the arithmetic is in float64, so that a value is rounded once.
func numbers[D float32 | float64](dst []D, dstStep int, src []byte, srcStep, n int, g *Signal, bigEndian bool) {
	gain, offset := g.Gain, g.Offset
	if n == 0 {
		return
	}
	// The last number's bytes exist, and so do those before them.
	src = src[:(n-1)*srcStep+g.Type.Size()]
	dst = dst[:(n-1)*dstStep+1]
	if !bigEndian {
		switch g.Type {
		case Int16:
			for i := range n {
				dst[i*dstStep] = D(float64(int16(binary.LittleEndian.Uint16(src[i*srcStep:])))*gain + offset)
			}
			return
		case Int24:
			for i := range n {
				p := src[i*srcStep : i*srcStep+3]
				dst[i*dstStep] = D(float64(int32(uint32(p[0])<<8|uint32(p[1])<<16|uint32(p[2])<<24)>>8)*gain + offset)
			}
			return
		case Int32:
			for i := range n {
				dst[i*dstStep] = D(float64(int32(binary.LittleEndian.Uint32(src[i*srcStep:])))*gain + offset)
			}
			return
		case Float32:
			for i := range n {
				dst[i*dstStep] = D(float64(math.Float32frombits(binary.LittleEndian.Uint32(src[i*srcStep:])))*gain + offset)
			}
			return
		}
	}
	load := loader(g.Type, bigEndian)
	for i := range n {
		dst[i*dstStep] = D(load(src[i*srcStep:])*gain + offset)
	}
}

// loader gives the function that reads one number of a type.
func loader(t Type, bigEndian bool) func([]byte) float64 {
	var bo binary.ByteOrder = binary.LittleEndian
	if bigEndian {
		bo = binary.BigEndian
	}
	switch t {
	case Int8:
		return func(b []byte) float64 { return float64(int8(b[0])) }
	case Uint8:
		return func(b []byte) float64 { return float64(b[0]) }
	case Int16:
		return func(b []byte) float64 { return float64(int16(bo.Uint16(b))) }
	case Uint16:
		return func(b []byte) float64 { return float64(bo.Uint16(b)) }
	case Int24:
		return func(b []byte) float64 { return float64(int32(three(b, bigEndian)<<8) >> 8) }
	case Uint24:
		return func(b []byte) float64 { return float64(three(b, bigEndian)) }
	case Int32:
		return func(b []byte) float64 { return float64(int32(bo.Uint32(b))) }
	case Uint32:
		return func(b []byte) float64 { return float64(bo.Uint32(b)) }
	case Int64:
		return func(b []byte) float64 { return float64(int64(bo.Uint64(b))) }
	case Uint64:
		return func(b []byte) float64 { return float64(bo.Uint64(b)) }
	case Float32:
		return func(b []byte) float64 { return float64(math.Float32frombits(bo.Uint32(b))) }
	default:
		return func(b []byte) float64 { return math.Float64frombits(bo.Uint64(b)) }
	}
}

// three reads an unsigned number of three bytes.
func three(b []byte, bigEndian bool) uint32 {
	if bigEndian {
		return uint32(b[2]) | uint32(b[1])<<8 | uint32(b[0])<<16
	}
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
}

// interleaved converts k frames, step bytes apart, of channels with numbers of one type side by side. It reports false,
// having done nothing, for kinds that are not worth a loop.
func interleaved(dst []float32, src []byte, channels, step, k int, t Type, bigEndian bool, gain, offset []float64) bool {
	if bigEndian {
		return false
	}
	gain, offset = gain[:channels], offset[:channels]
	switch t {
	case Int16:
		for f := range k {
			in, out := src[f*step:][:2*channels], dst[f*channels:][:channels]
			for c := range out {
				out[c] = float32(float64(int16(binary.LittleEndian.Uint16(in[2*c:])))*gain[c] + offset[c])
			}
		}
	case Int32:
		for f := range k {
			in, out := src[f*step:][:4*channels], dst[f*channels:][:channels]
			for c := range out {
				out[c] = float32(float64(int32(binary.LittleEndian.Uint32(in[4*c:])))*gain[c] + offset[c])
			}
		}
	case Float32:
		for f := range k {
			in, out := src[f*step:][:4*channels], dst[f*channels:][:channels]
			for c := range out {
				out[c] = float32(float64(math.Float32frombits(binary.LittleEndian.Uint32(in[4*c:])))*gain[c] + offset[c])
			}
		}
	default:
		return false
	}
	return true
}

// planar4 converts four signals of little-endian int16, as many samples as a has, to neighbouring columns of frames that are
// step values long.
func planar4(dst []float32, step int, a, b, c, d []byte, gain, offset [4]float64) {
	n := len(a) / 2
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	at := 0
	for i := range n {
		out := dst[at : at+4 : at+4]
		out[0] = float32(float64(int16(binary.LittleEndian.Uint16(a[2*i:])))*gain[0] + offset[0])
		out[1] = float32(float64(int16(binary.LittleEndian.Uint16(b[2*i:])))*gain[1] + offset[1])
		out[2] = float32(float64(int16(binary.LittleEndian.Uint16(c[2*i:])))*gain[2] + offset[2])
		out[3] = float32(float64(int16(binary.LittleEndian.Uint16(d[2*i:])))*gain[3] + offset[3])
		at += step
	}
}
