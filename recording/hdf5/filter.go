package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// filter is one step of the pipeline that chunks went through when they were written.
type filter struct {
	id     uint16
	name   string
	values []uint32
}

// Numbers of filters; those from 256 on are registered with The HDF Group.
const (
	filterDeflate     = 1
	filterShuffle     = 2
	filterFletcher32  = 3
	filterSzip        = 4
	filterNbit        = 5
	filterScaleOffset = 6
	filterLZF         = 32000
	filterLZ4         = 32004
	filterBitshuffle  = 32008
)

var filterNames = map[uint16]string{filterDeflate: "deflate", filterShuffle: "shuffle", filterFletcher32: "fletcher32", filterSzip: "szip",
	filterNbit: "nbit", filterScaleOffset: "scaleoffset", 307: "bzip2", filterLZF: "lzf", 32001: "blosc", filterLZ4: "lz4",
	filterBitshuffle: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2"}

func (f filter) String() string {
	if c := f.compression(); f.id == filterBitshuffle && c == 3 {
		return "bitshuffle with zstd"
	} else if f.id == filterBitshuffle && c != 0 && c != 2 {
		return fmt.Sprintf("bitshuffle with compression number %d", c)
	}
	if name, ok := filterNames[f.id]; ok {
		return name
	}
	if f.name != "" {
		return fmt.Sprintf("%s (number %d)", f.name, f.id)
	}
	return fmt.Sprintf("filter number %d", f.id)
}

// compression is what bitshuffle compresses with: 0 nothing, 2 LZ4, 3 zstd.
func (f filter) compression() uint32 {
	if f.id == filterBitshuffle && len(f.values) > 4 {
		return f.values[4]
	}
	return 0
}

// supported reports whether unfilter can undo a step.
func (f filter) supported() bool {
	switch f.id {
	case filterDeflate, filterShuffle, filterFletcher32, filterLZF, filterLZ4:
		return true
	case filterBitshuffle:
		return f.compression() == 0 || f.compression() == 2
	}
	return false
}

// maxFilters is HDF5's own limit.
const maxFilters = 32

// filters reads a filter pipeline message.
func (f *File) filters(c *cursor) []filter {
	version := c.version(1, 2)
	n := int(c.u8())
	if version == 1 {
		c.skip(6)
	}
	if n > maxFilters {
		c.fail(fmt.Sprintf("%d filters", n), fmt.Sprintf("at most %d", maxFilters), "")
	}
	var out []filter
	for range n {
		if c.err != nil {
			return nil
		}
		var step filter
		step.id = c.u16()
		nameLength := 0
		if version == 1 || step.id >= 256 {
			nameLength = int(c.u16())
		}
		c.skip(2)
		values := int(c.u16())
		step.name = string(bytes.TrimRight(c.bytes(nameLength), "\x00"))
		if version == 1 && nameLength%8 != 0 {
			c.skip(8 - nameLength%8)
		}
		for range values {
			if c.err != nil {
				return nil
			}
			step.values = append(step.values, c.u32())
		}
		if version == 1 && values%2 != 0 {
			c.skip(4)
		}
		out = append(out, step)
	}
	return out
}

// maxLZF is the largest factor by which LZF can expand: three bytes stand for at most 264.
const maxLZF = 90

// expansion is the largest factor by which a pipeline can inflate what is stored.
func expansion(filters []filter) uint64 {
	factor := uint64(1)
	for _, f := range filters {
		switch f.id {
		case filterDeflate:
			factor *= wire.MaxDeflate
		case filterLZF:
			factor *= maxLZF
		case filterLZ4, filterBitshuffle:
			factor *= 256 // one byte makes a match at most 255 bytes longer
		}
		factor = min(factor, 1<<24)
	}
	return factor
}

// unfilter undoes the steps that a chunk of size bytes went through, the last first. A bit of mask tells that a step was left
// out for this chunk. Errors name the place of the chunk in the file.
func (f *File) unfilter(filters []filter, mask uint32, b []byte, size uint64, at int64) ([]byte, error) {
	for i, step := range slices.Backward(filters) {
		if mask&(1<<i) != 0 {
			continue
		}
		// What a step gives is at most what the chunk needs, with room for what the steps before it may have added.
		limit := size + size/8 + 4096
		var err error
		if !step.supported() {
			return nil, unsupported(f.path, step)
		}
		switch step.id {
		case filterDeflate:
			b, err = inflate(b, size, limit)
		case filterShuffle:
			if len(step.values) < 1 {
				err = errors.New("no element size")
			} else {
				b = unshuffle(b, int(step.values[0]))
			}
		case filterFletcher32:
			b, err = checkFletcher32(b)
		case filterLZF:
			b, err = unLZF(b, limit)
		case filterLZ4:
			b, err = unLZ4Blocks(b, limit)
		case filterBitshuffle:
			b, err = unBitshuffle(b, step, limit)
		}
		if err != nil {
			return nil, &recording.Error{Path: f.path, Field: "chunk", Offset: at, Found: "data that the filter " + step.String() + " cannot undo", Err: err,
				Remedy: "the file is damaged: copy it again from its source"}
		}
	}
	if uint64(len(b)) != size {
		return nil, &recording.Error{Path: f.path, Field: "chunk", Offset: at, Found: fmt.Sprintf("%d bytes after its filters", len(b)), Expected: fmt.Sprint(size),
			Remedy: "the file is damaged: copy it again from its source"}
	}
	return b, nil
}

func unsupported(path string, step filter) error {
	return &recording.Error{Path: path, Field: "filters", Offset: -1, Found: "data written through the filter " + step.String(),
		Expected: "deflate, shuffle, fletcher32, lzf, lz4 or bitshuffle", Remedy: "with HDF5's tools, write the file anew: h5repack -f GZIP=4 IN OUT"}
}

var inflaters sync.Pool

func inflate(b []byte, size, limit uint64) ([]byte, error) {
	r := bytes.NewReader(b)
	z, ok := inflaters.Get().(io.ReadCloser)
	var err error
	if ok {
		err = z.(zlib.Resetter).Reset(r, nil)
	} else {
		z, err = zlib.NewReader(r)
	}
	if err != nil {
		return nil, err
	}
	defer inflaters.Put(z)
	first := min(size+8, uint64(len(b))*wire.MaxDeflate) // room for a checksum of fletcher32 behind
	out := make([]byte, first)
	done := 0
	for {
		n, err := z.Read(out[done:])
		done += n
		if err == io.EOF {
			return out[:done], nil
		}
		if err != nil {
			return nil, err
		}
		if done == len(out) {
			if uint64(done) >= limit {
				return nil, fmt.Errorf("more than %d bytes", limit)
			}
			out = append(out, make([]byte, min(uint64(done)+512, limit-uint64(done)))...)
		}
	}
}

// unshuffle brings together the bytes of each element, which were sorted by their place in it. What is left over at the end
// stays as it is.
func unshuffle(b []byte, size int) []byte {
	n := len(b)
	if size <= 1 || size > n {
		return b
	}
	n /= size
	out := make([]byte, len(b))
	copy(out[n*size:], b[n*size:])
	switch size {
	case 2:
		lo, hi := b[:n], b[n:2*n]
		for i := range lo {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(lo[i])|uint16(hi[i])<<8)
		}
	case 4:
		b0, b1, b2, b3 := b[:n], b[n:2*n], b[2*n:3*n], b[3*n:4*n]
		for i := range b0 {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(b0[i])|uint32(b1[i])<<8|uint32(b2[i])<<16|uint32(b3[i])<<24)
		}
	case 8:
		for i := range n {
			v := uint64(b[i]) | uint64(b[n+i])<<8 | uint64(b[2*n+i])<<16 | uint64(b[3*n+i])<<24 |
				uint64(b[4*n+i])<<32 | uint64(b[5*n+i])<<40 | uint64(b[6*n+i])<<48 | uint64(b[7*n+i])<<56
			binary.LittleEndian.PutUint64(out[8*i:], v)
		}
	default:
		for k := range size {
			for i, v := range b[k*n : (k+1)*n] {
				out[i*size+k] = v
			}
		}
	}
	return out
}

// checkFletcher32 takes the checksum from the end of b and compares it.
func checkFletcher32(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errors.New("no room for a checksum")
	}
	data, got := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	want := fletcher32(data)
	// HDF5 before 1.6.3 stored the bytes of each half the other way round.
	if old := want&0x00ff00ff<<8 | want&0xff00ff00>>8; got != want && got != old {
		return nil, fmt.Errorf("checksum %08x, but the data have %08x", got, want)
	}
	return data, nil
}

// fletcher32 is Fletcher's checksum over big-endian words of 16 bits, an odd byte at the end counting as a high one.
func fletcher32(b []byte) uint32 {
	var s1, s2 uint32
	for len(b) > 1 {
		n := min(len(b)/2, 360) // the most words before the sums could overflow
		for i := range n {
			s1 += uint32(b[2*i])<<8 | uint32(b[2*i+1])
			s2 += s1
		}
		s1 = s1&0xffff + s1>>16
		s2 = s2&0xffff + s2>>16
		b = b[2*n:]
	}
	if len(b) == 1 {
		s1 += uint32(b[0]) << 8
		s2 += s1
		s1 = s1&0xffff + s1>>16
		s2 = s2&0xffff + s2>>16
	}
	s1 = s1&0xffff + s1>>16
	s2 = s2&0xffff + s2>>16
	return s2<<16 | s1
}

var errShort = errors.New("compressed data end early or point before their beginning")

// unLZF inflates Marc Lehmann's LZF, h5py's own filter.
func unLZF(b []byte, limit uint64) ([]byte, error) {
	out := make([]byte, 0, min(limit, uint64(len(b))*maxLZF))
	for i := 0; i < len(b); {
		control := int(b[i])
		i++
		if control < 32 { // a run of literals
			n := control + 1
			if i+n > len(b) {
				return nil, errShort
			}
			out = append(out, b[i:i+n]...)
			i += n
		} else {
			n := control >> 5
			if n == 7 {
				if i >= len(b) {
					return nil, errShort
				}
				n += int(b[i])
				i++
			}
			if i >= len(b) {
				return nil, errShort
			}
			back := control&31<<8 | int(b[i]) + 1
			i++
			var err error
			if out, err = repeat(out, back, n+2); err != nil {
				return nil, err
			}
		}
		if uint64(len(out)) > limit {
			return nil, fmt.Errorf("more than %d bytes", limit)
		}
	}
	return out, nil
}

// repeat appends n bytes that begin back bytes before the end of out; they may overlap with what is appended.
func repeat(out []byte, back, n int) ([]byte, error) {
	from := len(out) - back
	if from < 0 || back < 1 {
		return nil, errShort
	}
	if back >= n {
		return append(out, out[from:from+n]...), nil
	}
	for i := range n {
		out = append(out, out[from+i])
	}
	return out, nil
}

// unLZ4 inflates a block of LZ4 onto out, which may grow up to limit bytes. Matches reach back to the block's own beginning.
func unLZ4(out, b []byte, limit uint64) ([]byte, error) {
	begin := len(out)
	// long reads on a length that did not fit into four bits.
	long := func(i, n int) (int, int, error) {
		for more := n == 15; more; i++ {
			if i >= len(b) {
				return 0, 0, errShort
			}
			n += int(b[i])
			more = b[i] == 255
		}
		return i, n, nil
	}
	for i := 0; i < len(b); {
		token := int(b[i])
		var n int
		var err error
		if i, n, err = long(i+1, token>>4); err != nil {
			return nil, err
		}
		if n > len(b)-i {
			return nil, errShort
		}
		out = append(out, b[i:i+n]...)
		if i += n; i == len(b) {
			break // the last sequence has no match
		}
		if i+2 > len(b) {
			return nil, errShort
		}
		back := int(b[i]) | int(b[i+1])<<8
		if i, n, err = long(i+2, token&15); err != nil {
			return nil, err
		}
		if back > len(out)-begin || uint64(len(out)+n+4) > limit+64 {
			return nil, errShort
		}
		if out, err = repeat(out, back, n+4); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unLZ4Blocks undoes the LZ4 filter: the size of all, the size of a block, then blocks that each have their size before them.
func unLZ4Blocks(b []byte, limit uint64) ([]byte, error) {
	if len(b) < 12 {
		return nil, errShort
	}
	total, block := binary.BigEndian.Uint64(b), uint64(binary.BigEndian.Uint32(b[8:]))
	if total > limit || block == 0 {
		return nil, fmt.Errorf("%d bytes in blocks of %d", total, block)
	}
	b = b[12:]
	var out []byte
	for uint64(len(out)) < total {
		want := min(block, total-uint64(len(out)))
		if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
			return nil, errShort
		}
		n := int(binary.BigEndian.Uint32(b))
		before := len(out)
		if uint64(n) == want {
			out = append(out, b[4:4+n]...)
		} else {
			var err error
			if out, err = unLZ4(out, b[4:4+n], uint64(before)+want); err != nil {
				return nil, err
			}
		}
		if uint64(len(out)-before) != want {
			return nil, fmt.Errorf("a block of %d bytes instead of %d", len(out)-before, want)
		}
		b = b[4+n:]
	}
	return out, nil
}

// unBitshuffle undoes Kiyo Masui's bitshuffle filter, alone or with LZ4 within.
func unBitshuffle(b []byte, step filter, limit uint64) ([]byte, error) {
	values := step.values
	if len(values) < 3 || values[2] == 0 || values[2] > 1<<16 {
		return nil, errors.New("no element size")
	}
	size, block := int(values[2]), 0
	if len(values) > 3 {
		block = int(values[3])
	}
	if block == 0 {
		block = max(8192/size/8*8, 128)
	}
	if step.compression() == 0 {
		if block%8 != 0 {
			return nil, fmt.Errorf("blocks of %d elements", block)
		}
		out := make([]byte, len(b))
		unBitshuffleBlocks(out, b, size, block)
		return out, nil
	}
	if len(b) < 12 {
		return nil, errShort
	}
	total := binary.BigEndian.Uint64(b)
	block = int(binary.BigEndian.Uint32(b[8:])) / size
	if total > limit || block == 0 || block%8 != 0 {
		return nil, fmt.Errorf("%d bytes in blocks of %d elements", total, block)
	}
	b = b[12:]
	var out []byte
	for left := int(total) / size / 8 * 8; left > 0; {
		n := min(block, left)
		left -= n
		if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
			return nil, errShort
		}
		stored := int(binary.BigEndian.Uint32(b))
		planes, err := unLZ4(nil, b[4:4+stored], uint64(n*size))
		if err != nil {
			return nil, err
		}
		if len(planes) != n*size {
			return nil, fmt.Errorf("a block of %d bytes instead of %d", len(planes), n*size)
		}
		whole := make([]byte, len(planes))
		unBitshuffleBlocks(whole, planes, size, n)
		out = append(out, whole...)
		b = b[4+stored:]
	}
	rest := int(total) - len(out)
	if rest < 0 || rest > len(b) {
		return nil, errShort
	}
	return append(out, b[:rest]...), nil
}

// unBitshuffleBlocks brings together the bits of each element. Within a block of elements, a multiple of eight, the first
// bits of all lie together, then the second bits, and so on. Up to seven elements at the end stay as they are.
func unBitshuffleBlocks(out, b []byte, size, block int) {
	n := len(b) / size / 8 * 8
	for first := 0; first < n; {
		count := min(block, n-first)
		count -= count % 8
		src, dst := b[first*size:(first+count)*size], out[first*size:(first+count)*size]
		row := count / 8 // bytes of one bit of all elements
		for k := range size {
			for g := range row {
				var x uint64 // byte j holds bit j of eight elements
				for j := range 8 {
					x |= uint64(src[(8*k+j)*row+g]) << (8 * j)
				}
				x = transpose8(x)
				for e := range 8 {
					dst[(8*g+e)*size+k] = byte(x >> (8 * e))
				}
			}
		}
		first += count
	}
	copy(out[n*size:], b[n*size:])
}

// transpose8 exchanges rows and columns of eight by eight bits.
func transpose8(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}
