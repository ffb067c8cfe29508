package xdf

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sort"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// each calls f with the values of consecutive samples from first on, as bytes: channels x values for numbers, and for text
// a length before each value.
func (s *Stream) each(first, samples int, f func(values []byte) error) error {
	i := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].first+s.runs[i].frames > first })
	var buffer []byte
	for ; samples > 0 && i < len(s.runs); i++ {
		r := s.runs[i]
		if cap(buffer) < r.bytes {
			buffer = make([]byte, r.bytes) // scan has seen that the file has them
		}
		b := buffer[:r.bytes]
		if n, err := s.f.content.ReadAt(b, r.at); n < len(b) {
			return s.f.truncated(r.at, fmt.Sprintf("%d bytes of samples", len(b)), err)
		}
		for k := r.first; k < r.first+r.frames && samples > 0; k++ {
			if b[0] != 0 {
				b = b[8:]
			}
			b = b[1:]
			size := s.Channels * s.size
			if s.size == 0 {
				for range s.Channels {
					n, width := textLength(b[size:])
					size += width + n
				}
			}
			if k >= first {
				if err := f(b[:size]); err != nil {
					return err
				}
				samples--
			}
			b = b[size:]
		}
	}
	return nil
}

// textLength reads the length before a text, which scan has checked, and says how many bytes it takes itself.
func textLength(b []byte) (n, width int) {
	switch b[0] {
	case 1:
		return int(b[1]), 2
	case 4:
		return int(binary.LittleEndian.Uint32(b[1:])), 5
	}
	return int(binary.LittleEndian.Uint64(b[1:])), 9
}

// Texts reads the values of a text stream: samples x channels, row-major.
func (s *Stream) Texts() ([]string, error) {
	if s.size != 0 {
		return nil, &recording.Error{Path: s.f.path, Field: fmt.Sprintf("stream %q", s.Name), Offset: -1, Found: "values of format " + s.Format, Expected: "text"}
	}
	var out []string
	err := s.each(0, len(s.Stamps), func(b []byte) error {
		for range s.Channels {
			n, width := textLength(b)
			out = append(out, strings.ToValidUTF8(string(b[width:width+n]), "\uFFFD"))
			b = b[width+n:]
		}
		return nil
	})
	return out, err
}

// Values reads all values of a stream: an array samples x channels of the stream's own format, called by its label.
func (s *Stream) Values() (*recording.Array, error) {
	a := &recording.Array{Name: s.Label(), Dims: []int{len(s.Stamps), s.Channels}}
	var err error
	switch s.Format {
	case "int8":
		a.Data, err = collect(s, func(b []byte) int8 { return int8(b[0]) })
	case "int16":
		a.Data, err = collect(s, func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b)) })
	case "int32":
		a.Data, err = collect(s, func(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) })
	case "int64":
		a.Data, err = collect(s, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	case "float32":
		a.Data, err = collect(s, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
	case "double64":
		a.Data, err = collect(s, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
	default:
		a.Data, err = s.Texts()
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

func collect[T recording.Element](s *Stream, decode func([]byte) T) ([]T, error) {
	out := make([]T, 0, len(s.Stamps)*s.Channels)
	err := s.each(0, len(s.Stamps), func(b []byte) error {
		for ; len(b) > 0; b = b[s.size:] {
			out = append(out, decode(b))
		}
		return nil
	})
	return out, err
}

// decoder gives the function that makes a float32 of a number of the stream's format.
func (s *Stream) decoder() func([]byte) float32 {
	switch s.Format {
	case "int8":
		return func(b []byte) float32 { return float32(int8(b[0])) }
	case "int16":
		return func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) }
	case "int32":
		return func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) }
	case "int64":
		return func(b []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(b))) }
	case "float32":
		return func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	}
	return func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
}

// source is a stream of numbers as a recording.Source.
type source struct{ s *Stream }

// ReadFrames implements recording.Source.
func (x source) ReadFrames(dst []float32, first int64) (int, error) {
	s := x.s
	want := len(dst) / s.Channels
	if first < 0 || first >= int64(len(s.Stamps)) {
		return 0, io.EOF
	}
	n := min(want, len(s.Stamps)-int(first))
	decode := s.decoder()
	k := 0
	err := s.each(int(first), n, func(b []byte) error {
		for ; len(b) > 0; b = b[s.size:] {
			dst[k] = decode(b)
			k++
		}
		return nil
	})
	if err == nil && n < want {
		err = io.EOF
	}
	return k / s.Channels, err
}

// Close implements recording.Source.
func (x source) Close() error { return x.s.f.Close() }
