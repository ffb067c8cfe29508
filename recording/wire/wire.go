package wire

import (
	"encoding/binary"
	"io"
	"math/bits"
	"unsafe"
)

// Fixed is the set of types with the same size and meaning on the wire as in memory, up to byte order.
type Fixed interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64 | complex64 | complex128
}

// MaxDeflate is the largest factor by which a deflate stream (zlib, gzip, zip) can expand: a match of 258 bytes cannot cost
// fewer than two bits. A declared size beyond MaxDeflate times the compressed size is a lie that needs no inflating to see.
const MaxDeflate = 1032

// firstGrowth is how many bytes are allocated for data whose presence is not yet known.
const firstGrowth = 64 << 10

// Read reads n values of type T in byte order bo. There bytes are known to be in r (a file's size was checked); storage for
// those is allocated at once, storage for what is merely promised grows as it arrives. Fewer values than n give
// io.ErrUnexpectedEOF.
func Read[T Fixed](r io.Reader, n int, bo binary.ByteOrder, there int64) ([]T, error) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	first := min(int64(n), max(there, firstGrowth)/int64(size))
	dst := make([]T, first)
	done := 0
	for {
		if _, err := io.ReadFull(r, view(dst[done:])); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if done = len(dst); done == n {
			break
		}
		more := make([]T, min(n, 2*done))
		copy(more, dst)
		dst = more
	}
	if swapped(bo) {
		swap(dst)
	}
	return dst, nil
}

// Write writes values in little-endian order.
func Write[T Fixed](w io.Writer, values []T) error {
	if !swapped(binary.LittleEndian) {
		_, err := w.Write(view(values))
		return err
	}
	const chunk = 4096
	buf := make([]T, min(chunk, len(values)))
	for len(values) > 0 {
		n := copy(buf, values)
		swap(buf[:n])
		if _, err := w.Write(view(buf[:n])); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// view is the memory of values as bytes: numbers have no padding and no pointers, so every byte pattern is a value.
func view[T Fixed](values []T) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0])))
}

// swapped reports whether bo differs from this machine's byte order.
func swapped(bo binary.ByteOrder) bool {
	one := [2]byte{1, 0}
	return bo.Uint16(one[:]) != binary.NativeEndian.Uint16(one[:])
}

// swap reverses the bytes of every number in place; a complex number is two numbers.
func swap[T Fixed](values []T) {
	if len(values) == 0 {
		return
	}
	p := unsafe.Pointer(&values[0])
	n := len(values)
	size := unsafe.Sizeof(values[0])
	switch any(values[0]).(type) {
	case complex64, complex128:
		size /= 2
		n *= 2
	}
	switch size {
	case 2:
		for i, v := range unsafe.Slice((*uint16)(p), n) {
			unsafe.Slice((*uint16)(p), n)[i] = bits.ReverseBytes16(v)
		}
	case 4:
		for i, v := range unsafe.Slice((*uint32)(p), n) {
			unsafe.Slice((*uint32)(p), n)[i] = bits.ReverseBytes32(v)
		}
	case 8:
		for i, v := range unsafe.Slice((*uint64)(p), n) {
			unsafe.Slice((*uint64)(p), n)[i] = bits.ReverseBytes64(v)
		}
	}
}
