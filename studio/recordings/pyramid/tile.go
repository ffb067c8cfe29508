package pyramid

import (
	"encoding/binary"
	"math"
)

// Tile is a stretch of some channels.
type Tile struct {
	Factor   int64 // frames of a bin; 1: the samples themselves
	Channels int
	Bins     int
	Partial  bool // more of it will come
	// Values are channels x bins x (smallest, largest); with Factor 1, channels x bins. What is not finite is a gap.
	Values []float32
}

// Reduce makes a tile of frames, row-major frames x channels, and of the channels from ... to-1.
func Reduce(frames []float32, channels int, factor int64, from, to int) *Tile {
	n := len(frames) / channels
	t := &Tile{Factor: factor, Channels: to - from, Bins: int(bins(int64(n), factor))}
	if factor == 1 {
		t.Values = make([]float32, t.Channels*n)
		for i := range n {
			for c := range t.Channels {
				t.Values[c*n+i] = frames[i*channels+from+c]
			}
		}
		return t
	}
	t.Values = make([]float32, t.Channels*t.Bins*2)
	for c := range t.Channels {
		for b := range t.Bins {
			low, high := float32(math.Inf(1)), float32(math.Inf(-1))
			for i := b * int(factor); i < min(n, (b+1)*int(factor)); i++ {
				if v := frames[i*channels+from+c]; v-v == 0 {
					low, high = min(low, v), max(high, v)
				}
			}
			if low > high {
				low, high = float32(math.NaN()), float32(math.NaN())
			}
			t.Values[(c*t.Bins+b)*2], t.Values[(c*t.Bins+b)*2+1] = low, high
		}
	}
	return t
}

// width is how many values a bin has.
func (t *Tile) width() int {
	if t.Factor == 1 {
		return 1
	}
	return 2
}

// Magic begins a tile as it is sent.
const Magic = "GYT1"

// gap is the number that stands for a value that is not finite.
const gap = math.MinInt16

// Append writes a tile as it is sent, little-endian throughout: "GYT1", the frames of a bin (uint32), channels and bins (uint16 each), values of a bin
// (1 or 2, uint8), whether more will come (uint8), two bytes of nothing; an offset and a scale (float32 each) for every channel; then for every
// channel its values, int16. A value is offset + scale x number, within 1/65534 of the range the channel has in this tile; -32768 is a gap.
func (t *Tile) Append(b []byte) []byte {
	b = append(b, Magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(t.Factor))
	b = binary.LittleEndian.AppendUint16(b, uint16(t.Channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(t.Bins))
	partial := byte(0)
	if t.Partial {
		partial = 1
	}
	b = append(b, byte(t.width()), partial, 0, 0)
	n := t.Bins * t.width()
	offsets, scales := make([]float64, t.Channels), make([]float64, t.Channels)
	for c := range t.Channels {
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range t.Values[c*n : (c+1)*n] {
			if x := float64(v); x-x == 0 {
				low, high = min(low, x), max(high, x)
			}
		}
		if low <= high {
			offsets[c], scales[c] = float64(float32((low+high)/2)), float64(float32((high-low)/65534*(1+1e-6)))
		}
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(offsets[c])))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(scales[c])))
	}
	for c := range t.Channels {
		inverse := 0.0
		if scales[c] > 0 {
			inverse = 1 / scales[c]
		}
		for _, v := range t.Values[c*n : (c+1)*n] {
			q := int16(gap)
			if v-v == 0 {
				q = int16(max(-32767, min(32767, math.Round((float64(v)-offsets[c])*inverse))))
			}
			b = binary.LittleEndian.AppendUint16(b, uint16(q))
		}
	}
	return b
}

// Parse reads what Append wrote. It is not ok when the bytes are something else.
func Parse(b []byte) (t *Tile, ok bool) {
	if len(b) < 16 || string(b[:4]) != Magic {
		return nil, false
	}
	t = &Tile{Factor: int64(binary.LittleEndian.Uint32(b[4:])), Channels: int(binary.LittleEndian.Uint16(b[8:])), Bins: int(binary.LittleEndian.Uint16(b[10:])), Partial: b[13] == 1}
	n := t.Bins * t.width()
	if int(b[12]) != t.width() || len(b) != 16+t.Channels*(8+2*n) {
		return nil, false
	}
	heads, values := b[16:], b[16+8*t.Channels:]
	t.Values = make([]float32, t.Channels*n)
	for c := range t.Channels {
		offset, scale := math.Float32frombits(binary.LittleEndian.Uint32(heads[8*c:])), math.Float32frombits(binary.LittleEndian.Uint32(heads[8*c+4:]))
		for i := range n {
			q := int16(binary.LittleEndian.Uint16(values[2*(c*n+i):]))
			t.Values[c*n+i] = offset + scale*float32(q)
			if q == gap {
				t.Values[c*n+i] = float32(math.NaN())
			}
		}
	}
	return t, true
}
