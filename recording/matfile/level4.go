package matfile

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gyrus-dev/gyrus/recording"
)

// header4 is the 20-byte header of a level 4 matrix.
type header4 struct {
	order   binary.ByteOrder
	kind    uint32 // data type of the stored numbers, as miXXX
	matrix  int32  // 0 full, 1 text, 2 sparse
	rows    int64
	cols    int64
	imag    bool
	data    int64 // offset of the numbers
	bytes   int64 // of the real part, and again of the imaginary part
	nameLen int64
}

// types4 gives the data type for the digit P of a level 4 type number.
var types4 = [...]uint32{miDOUBLE, miSINGLE, miINT32, miINT16, miUINT16, miUINT8}

// index4 walks the matrices, which follow each other without any table.
func (f *File) index4() error {
	for at := int64(0); at < f.size; {
		h, name, err := f.header4(at)
		if err != nil {
			return err
		}
		v := Variable{Name: name, Class: Double, Dims: []int{int(h.rows), int(h.cols)}, Complex: h.imag, Offset: at, v4: h}
		size := h.bytes
		switch h.matrix {
		case 1:
			v.Class = Char
		case 2:
			v.Class = Sparse
			if err := f.shape4(&v); err != nil {
				return err
			}
		default:
			if h.imag {
				size *= 2
			}
			v.Class = classes4[h.kind]
		}
		v.Bytes = h.data + size - at
		if f.Header.Order == nil {
			f.Header.Order = h.order
		}
		f.vars = append(f.vars, v)
		at = h.data + size
	}
	return nil
}

// classes4 says which class the numbers of a level 4 matrix come out as: the type they are stored in.
var classes4 = map[uint32]Class{miDOUBLE: Double, miSINGLE: Single, miINT32: Int32, miINT16: Int16, miUINT16: Uint16, miUINT8: Uint8}

func (f *File) header4(at int64) (header4, string, error) {
	var h header4
	var b [20]byte
	if n, err := f.r.ReadAt(b[:], at); n < len(b) {
		return h, "", f.broken(at+int64(n), "", "a matrix header of 20 bytes", "", eof(err))
	}
	// The type number is MOPT in decimal digits, below 5000: whichever order makes it so is the file's.
	h.order = binary.LittleEndian
	mopt := h.order.Uint32(b[:])
	if mopt > 4999 {
		h.order = binary.BigEndian
		mopt = h.order.Uint32(b[:])
	}
	m, o, p, t := mopt/1000, mopt/100%10, mopt/10%10, mopt%10
	if mopt > 4999 || o != 0 || int(p) >= len(types4) || t > 2 {
		return h, "", f.broken(at, fmt.Sprintf("the bytes % x", b[:4]), "the type number of a MAT-file matrix of level 4", "",
			nil)
	}
	if m > 1 {
		return h, "", f.broken(at, fmt.Sprintf("number format %d (VAX or Cray)", m), "IEEE numbers", "", nil)
	}
	h.kind, h.matrix = types4[p], int32(t)
	h.rows, h.cols = int64(int32(h.order.Uint32(b[4:]))), int64(int32(h.order.Uint32(b[8:])))
	h.imag = h.order.Uint32(b[12:]) == 1
	h.nameLen = int64(int32(h.order.Uint32(b[16:])))
	if h.nameLen < 1 || h.nameLen > maxName {
		return h, "", f.broken(at+16, fmt.Sprintf("a name of %d bytes", h.nameLen), fmt.Sprintf("from 1 to %d", maxName), "", nil)
	}
	name := make([]byte, min(h.nameLen, max(0, f.size-at-20)))
	if n, err := f.r.ReadAt(name, at+20); n < len(name) || int64(n) < h.nameLen {
		return h, "", f.broken(at+20+int64(n), "", "a variable name", "", eof(err))
	}
	for i, c := range name {
		if c == 0 {
			name = name[:i]
			break
		}
	}
	if h.rows < 0 || h.cols < 0 {
		return h, "", f.broken(at+4, fmt.Sprintf("%d rows and %d columns", h.rows, h.cols), "0 or more", fmt.Sprintf("variable %q", name), nil)
	}
	h.data = at + 20 + h.nameLen
	parts := int64(1)
	if h.imag && h.matrix == 0 {
		parts = 2
	}
	// rows and columns are below 2^31, so their product fits.
	if n := h.rows * h.cols; n > (f.size-h.data)/(miSizes[h.kind]*parts) {
		return h, "", f.broken(h.data, fmt.Sprintf("a matrix of %dx%d, but only %d bytes are left", h.rows, h.cols, f.size-h.data),
			"all its numbers", fmt.Sprintf("variable %q", name), io.ErrUnexpectedEOF)
	}
	h.bytes = h.rows * h.cols * miSizes[h.kind]
	return h, string(name), nil
}

// eof turns the error of a short ReadAt into the one for truncated data.
func eof(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// numbers4 reads the real parts (part 0) or imaginary parts (part 1).
func (f *File) numbers4(v Variable, part int64) ([]float64, error) {
	h := v.v4
	s := f.stream4(v, h.data+part*h.bytes)
	n := int(h.rows * h.cols)
	var out []float64
	var err error
	switch h.kind {
	case miDOUBLE:
		out, err = as[float64, float64](s, h.bytes, n)
	case miSINGLE:
		out, err = as[float64, float32](s, h.bytes, n)
	case miINT32:
		out, err = as[float64, int32](s, h.bytes, n)
	case miINT16:
		out, err = as[float64, int16](s, h.bytes, n)
	case miUINT16:
		out, err = as[float64, uint16](s, h.bytes, n)
	case miUINT8:
		out, err = as[float64, uint8](s, h.bytes, n)
	}
	if err != nil {
		return nil, s.fail("", fmt.Sprintf("%d numbers", n), err)
	}
	return out, nil
}

func (f *File) stream4(v Variable, at int64) *stream {
	return &stream{f: f, bo: v.v4.order, name: v.Name, pos: at, end: f.size, there: true,
		br: bufio.NewReaderSize(io.NewSectionReader(f.r, at, f.size-at), bufferFor(f.size-at))}
}

// shape4 finds the dimensions of a sparse matrix, which are in its last row.
func (f *File) shape4(v *Variable) error {
	h := v.v4
	if h.cols != 3 && h.cols != 4 || h.rows < 1 {
		return f.broken(v.Offset+4, fmt.Sprintf("a sparse matrix stored as %dx%d", h.rows, h.cols),
			"columns for row, column and value (and imaginary part)", fmt.Sprintf("variable %q", v.Name), nil)
	}
	v.Complex = h.cols == 4
	d, err := f.numbers4(*v, 0)
	if err != nil {
		return err
	}
	n := int(h.rows)
	for i := range 2 {
		x := d[(i+1)*n-1]
		if x != math.Trunc(x) || x < 0 || x > math.MaxInt32 {
			return f.broken(h.data, fmt.Sprintf("a sparse matrix with %g rows or columns", x), "a whole number", fmt.Sprintf("variable %q", v.Name), nil)
		}
		v.Dims[i] = int(x)
	}
	return nil
}

func (f *File) read4(entry Variable) (*Value, error) {
	v := &Value{Name: entry.Name, Class: entry.Class, Dims: entry.Dims}
	if entry.Class == Sparse {
		m, err := f.sparse4(entry)
		v.sparse = m
		return v, err
	}
	if entry.Class == Char {
		d, err := f.numbers4(entry, 0)
		if err != nil {
			return nil, err
		}
		v.chars = make([]rune, len(d))
		for i, c := range d {
			if c != math.Trunc(c) || c < 0 || c > 0xffff {
				return nil, f.broken(entry.v4.data, fmt.Sprintf("the character code %g", c), "0 to 65535", fmt.Sprintf("variable %q", entry.Name), nil)
			}
			v.chars[i] = rune(c)
		}
		return v, nil
	}
	a := &recording.Array{Name: entry.Name, Dims: entry.Dims, Order: recording.ColumnMajor}
	v.data = a
	if entry.Complex {
		re, err := f.numbers4(entry, 0)
		if err != nil {
			return nil, err
		}
		im, err := f.numbers4(entry, 1)
		if err != nil {
			return nil, err
		}
		z := make([]complex128, len(re))
		for i := range z {
			z[i] = complex(re[i], im[i])
		}
		a.Data = z
		return v, nil
	}
	h := entry.v4
	s := f.stream4(entry, h.data)
	n := int(h.rows * h.cols)
	var err error
	switch h.kind {
	case miDOUBLE:
		a.Data, err = as[float64, float64](s, h.bytes, n)
	case miSINGLE:
		a.Data, err = as[float32, float32](s, h.bytes, n)
	case miINT32:
		a.Data, err = as[int32, int32](s, h.bytes, n)
	case miINT16:
		a.Data, err = as[int16, int16](s, h.bytes, n)
	case miUINT16:
		a.Data, err = as[uint16, uint16](s, h.bytes, n)
	case miUINT8:
		a.Data, err = as[uint8, uint8](s, h.bytes, n)
	}
	if err != nil {
		return nil, s.fail("", fmt.Sprintf("%d numbers", n), err)
	}
	return v, nil
}

// sparse4 reads the (row, column, value) triples of a level 4 sparse matrix, and orders them by column.
func (f *File) sparse4(entry Variable) (*SparseMatrix, error) {
	d, err := f.numbers4(entry, 0)
	if err != nil {
		return nil, err
	}
	n := int(entry.v4.rows)
	used := n - 1 // the last row holds the dimensions
	m := &SparseMatrix{Dims: [2]int{entry.Dims[0], entry.Dims[1]}, Rows: make([]int, used), Columns: make([]int, used)}
	order := make([]int, used)
	for k := range used {
		i, j := d[k], d[n+k]
		if !(i >= 1 && i <= float64(m.Dims[0]) && j >= 1 && j <= float64(m.Dims[1]) && i == math.Trunc(i) && j == math.Trunc(j)) {
			return nil, f.broken(entry.v4.data, fmt.Sprintf("entry %d at row %g, column %g", k+1, i, j),
				"a place inside "+recording.FormatDims(m.Dims[:]), fmt.Sprintf("variable %q", entry.Name), nil)
		}
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d[n+a], d[n+b]) })
	re := make([]float64, used)
	var z []complex128
	for k, from := range order {
		m.Rows[k], m.Columns[k] = int(d[from])-1, int(d[n+from])-1
		re[k] = d[2*n+from]
		if entry.Complex {
			z = append(z, complex(re[k], d[3*n+from]))
		}
	}
	m.Values = &recording.Array{Name: entry.Name, Dims: []int{used}, Data: re}
	if entry.Complex {
		m.Values.Data = z
	}
	return m, nil
}
