package lsl

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/recording"
)

// Protocol 1.00, which libraries before 2013 speak alone, sends a feed as a Boost archive in the portable form of "eos": a magic byte, a
// version, the short info, two bytes that say how the class of samples is stored, and then samples. A whole number is a byte that says how
// many bytes follow (negative for a negative number) and those bytes, little endian, without the ones that the sign tells; a
// floating-point number is its bits as a whole number, a text its length and its bytes.

const (
	archiveProtocol = 100
	archiveMagic    = 0x7f
	archiveVersion  = 9 // as liblsl writes it
)

// appendWhole appends a whole number.
func appendWhole(b []byte, v int64) []byte {
	at := len(b)
	b = append(b, 0)
	for rest := v; v != 0; {
		b = append(b, byte(rest))
		if rest >>= 8; rest == 0 || rest == -1 {
			break
		}
	}
	b[at] = byte(len(b) - at - 1)
	if v < 0 {
		b[at] = -b[at]
	}
	return b
}

// appendBits appends the bits of a floating-point number.
func appendBits(b []byte, v uint64) []byte {
	at := len(b)
	b = append(b, 0)
	for ; v != 0; v >>= 8 {
		b = append(b, byte(v))
	}
	b[at] = byte(len(b) - at - 1)
	return b
}

func appendText(b []byte, s string) []byte { return append(appendWhole(b, int64(len(s))), s...) }

// double and single are the bits that stand for a number: there is one NaN, and one zero.
func double(v float64) uint64 {
	switch {
	case v == 0:
		return 0
	case math.IsNaN(v):
		return 1<<63 - 1
	}
	return math.Float64bits(v)
}

func single(v float32) uint64 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return 1<<31 - 1
	}
	return uint64(math.Float32bits(v))
}

// appendHead appends what comes before the first sample: the short info.
func appendHead(b, short []byte) []byte {
	b = appendText(appendWhole(append(b, archiveMagic), archiveVersion), string(short))
	return append(b, 0, 0) // samples are not tracked, and of version 0
}

// appendArchived writes one sample in the wire format of protocol 1.00, as appendSample does in that of 1.10.
func appendArchived(b []byte, time float64, deduced bool, data any) []byte {
	if deduced {
		b = appendWhole(b, tagDeduced)
	} else {
		b = appendBits(appendWhole(b, tagTransmitted), double(time))
	}
	switch d := data.(type) {
	case []float32:
		for _, v := range d {
			b = appendBits(b, single(v))
		}
	case []float64:
		for _, v := range d {
			b = appendBits(b, double(v))
		}
	case []int32:
		b = appendWholes(b, d)
	case []int16:
		b = appendWholes(b, d)
	case []int8:
		b = appendWholes(b, d)
	case []int64:
		b = appendWholes(b, d)
	case []string:
		for _, v := range d {
			b = appendText(b, v)
		}
	}
	return b
}

func appendWholes[T int8 | int16 | int32 | int64](b []byte, values []T) []byte {
	for _, v := range values {
		b = appendWhole(b, int64(v))
	}
	return b
}

// archived reads samples in the wire format of protocol 1.00.
type archived struct {
	r        *bufio.Reader
	format   Format
	channels int
}

// number reads a number that takes at most most bytes: its bytes as they lie, with the sign's in the rest.
func (a *archived) number(field string, most int) (v uint64, err error) {
	size, err := a.r.ReadByte()
	if err != nil {
		return 0, err
	}
	n := int(int8(size))
	if n < 0 {
		n, v = -n, math.MaxUint64
	}
	if n > most {
		return 0, corrupt(field, fmt.Sprintf("a number of %d bytes", n), fmt.Sprintf("at most %d", most))
	}
	for i := range n {
		c, err := a.r.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		v = v&^(0xff<<(8*i)) | uint64(c)<<(8*i)
	}
	return v, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// text reads a text. What its length promises is allocated only as it arrives.
func (a *archived) text(field string, most int) (string, error) {
	n, err := a.number(field, 8)
	if err != nil {
		return "", err
	}
	if n > uint64(most) {
		return "", corrupt("length of "+field, fmt.Sprint(int64(n)), fmt.Sprintf("at most %d bytes", most))
	}
	return readText(a.r, n)
}

// head reads what comes before the first sample and returns the short info in it.
func (a *archived) head() (*Info, error) {
	magic, err := a.r.ReadByte()
	if err != nil {
		return nil, err
	}
	if magic != archiveMagic {
		return nil, corrupt("first byte of the archive", fmt.Sprintf("%#x", magic), fmt.Sprintf("%#x", archiveMagic))
	}
	if _, err := a.number("version of the archive", 2); err != nil {
		return nil, unexpected(err)
	}
	text, err := a.text("the stream info", maxInfo)
	if err != nil {
		return nil, unexpected(err)
	}
	info, err := ParseInfo([]byte(text))
	if err != nil {
		return nil, err
	}
	for range 2 { // tracking and version
		v, err := a.number("class of the samples", 4)
		if err != nil {
			return nil, unexpected(err)
		}
		if v != 0 {
			return nil, corrupt("class of the samples", fmt.Sprint(v), "0: samples that are not tracked, of version 0")
		}
	}
	return info, nil
}

func (a *archived) next(dst any) (out any, time float64, deduced bool, err error) {
	tag, err := a.number("tag of a sample", 1)
	if err != nil {
		return dst, 0, false, err
	}
	switch tag {
	case tagDeduced:
		deduced = true
	case tagTransmitted:
		bits, err := a.number("time of a sample", 8)
		if err != nil {
			return dst, 0, false, unexpected(err)
		}
		time = math.Float64frombits(bits)
	default:
		return dst, 0, false, corrupt("tag of a sample", fmt.Sprint(tag), "1 (time deduced) or 2 (time transmitted)")
	}
	for range a.channels {
		if a.format == String {
			text, err := a.text("a string", maxText)
			if err != nil {
				return dst, 0, false, unexpected(err)
			}
			dst = append(dst.([]string), text)
			continue
		}
		v, err := a.number("a value", a.format.size())
		if err != nil {
			return dst, 0, false, unexpected(err)
		}
		switch d := dst.(type) {
		case []float32:
			dst = append(d, math.Float32frombits(uint32(v)))
		case []float64:
			dst = append(d, math.Float64frombits(v))
		case []int32:
			dst = append(d, int32(v))
		case []int16:
			dst = append(d, int16(v))
		case []int8:
			dst = append(d, int8(v))
		case []int64:
			dst = append(d, int64(v))
		}
	}
	return dst, time, deduced, nil
}

// readArchive reads the head of a feed of protocol 1.00, checks that it is of the stream that was asked for, and returns what reads its samples.
func readArchive(in *bufio.Reader, info *Info) (*decoder, error) {
	a := &archived{r: in, format: info.Format, channels: info.Channels}
	there, err := a.head()
	if err != nil {
		return nil, err
	}
	if there.UID != info.UID || there.Format != info.Format || there.Channels != info.Channels {
		return nil, &recording.Error{Path: info.Name, Field: "stream info of the feed", Offset: -1,
			Found:    fmt.Sprintf("%d channels of %s, uid %.80q", there.Channels, there.Format, there.UID),
			Expected: fmt.Sprintf("%d channels of %s, uid %q: another stream may be in the place of the one that was found", info.Channels, info.Format, info.UID)}
	}
	return &decoder{r: in, format: info.Format, channels: info.Channels, archived: a}, nil
}

// readText reads a text of n bytes, growing with what arrives.
func readText(r io.Reader, n uint64) (string, error) {
	text := make([]byte, 0, min(n, 4096))
	for uint64(len(text)) < n {
		from := len(text)
		text = slices.Grow(text, int(min(n-uint64(from), uint64(max(from, 4096)))))
		text = text[:min(uint64(cap(text)), n)]
		if _, err := io.ReadFull(r, text[from:]); err != nil {
			return "", unexpected(err)
		}
	}
	return string(text), nil
}
