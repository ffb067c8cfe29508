package nifti

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// WriteOptions say what is written beside the values. The zero value writes a NIfTI-1 whose voxels are one millimetre wide,
// with the first at the origin.
type WriteOptions struct {
	// Affine takes indices to millimetres. All zero stands for the voxel sizes of Zooms along the axes.
	Affine      [4][4]float64
	Zooms       []float64 // along each axis; those of the first three are taken from Affine when it is given; the fourth in seconds
	Slope       float64   // written for readers to scale with; 0 for none. The values are written as they are
	Inter       float64
	Form        int // what the affine leads to: 1 scanner (the default), 2 aligned, 3 Talairach, 4 MNI
	Intent      int
	IntentName  string
	Description string // up to 79 bytes
	Version     int    // 1 or 2; 0 chooses 1, or 2 when an axis is too long for it
	Overwrite   bool   // replace a file of this name; without it, one that exists is an error
}

// Write writes an array as an image. The name decides how: .nii or .nii.gz for one file, .hdr or .img (.gz too) for a pair. The
// array's first axis is the image's first; both orders are taken. Values are written little-endian in the array's own type,
// truth values as uint8. An unfinished file is removed.
func Write(path string, a *recording.Array, o WriteOptions) error {
	head, err := header(a, o)
	if err != nil {
		if own, ok := err.(*recording.Error); ok {
			own.Path = path
		}
		return err
	}
	data := a
	if a.Order == recording.RowMajor && len(a.Dims) > 1 {
		axes := make([]int, len(a.Dims))
		for i := range axes {
			axes[i] = len(axes) - 1 - i
		}
		if data, err = a.Permute(axes...); err != nil { // row-major with axes reversed is column-major
			return err
		}
	}
	base, gz := strings.CutSuffix(path, ".gz")
	ext := filepath.Ext(base)
	base = strings.TrimSuffix(base, ext)
	suffix := ""
	if gz {
		suffix = ".gz"
	}
	size := len(head)
	switch strings.ToLower(ext) {
	case ".nii":
		setMark(head, '+', int64(size+4))
		return create(path, o.Overwrite, func(w io.Writer) error {
			if _, err := w.Write(append(head, 0, 0, 0, 0)); err != nil {
				return err
			}
			return writeValues(w, data)
		})
	case ".hdr", ".img":
		setMark(head, 'i', 0)
		if err := create(base+".hdr"+suffix, o.Overwrite, func(w io.Writer) error { _, err := w.Write(append(head, 0, 0, 0, 0)); return err }); err != nil {
			return err
		}
		return create(base+".img"+suffix, o.Overwrite, func(w io.Writer) error { return writeValues(w, data) })
	}
	return &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("the ending %q", ext), Expected: ".nii, .nii.gz, .hdr or .img"}
}

// setMark writes NIfTI's mark and where voxels begin.
func setMark(head []byte, kind byte, offset int64) {
	if len(head) == headerSize1 {
		copy(head[344:], []byte{'n', kind, '1', 0})
		binary.LittleEndian.PutUint32(head[108:], math.Float32bits(float32(offset)))
		return
	}
	copy(head[4:], []byte{'n', kind, '2', 0, '\r', '\n', 0x1a, '\n'})
	binary.LittleEndian.PutUint64(head[168:], uint64(offset))
}

// create writes a file. Without overwrite, it makes a new one or none; with it, the old one is replaced when the new one is
// complete.
func create(path string, overwrite bool, write func(io.Writer) error) (err error) {
	var file *os.File
	if overwrite {
		file, err = os.CreateTemp(filepath.Dir(path), ".nifti-*")
	} else if file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); os.IsExist(err) {
		err = &recording.Error{Path: path, Offset: -1, Found: "a file of this name", Expected: "none", Err: err, Remedy: "choose another name, or ask to overwrite it"}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	buffered := bufio.NewWriterSize(file, 1<<16)
	var w io.Writer = buffered
	var z *gzip.Writer
	if strings.HasSuffix(strings.ToLower(path), ".gz") {
		z = gzip.NewWriter(buffered)
		w = z
	}
	if err = write(w); err != nil {
		return err
	}
	if z != nil {
		if err = z.Close(); err != nil {
			return err
		}
	}
	if err = buffered.Flush(); err != nil {
		return err
	}
	if overwrite {
		if err = file.Chmod(0o644); err != nil {
			return err
		}
	}
	if err = file.Close(); err != nil {
		return err
	}
	if overwrite {
		err = os.Rename(file.Name(), path)
	}
	return err
}

// header makes the header of an array, without its mark.
func header(a *recording.Array, o WriteOptions) ([]byte, error) {
	n, err := recording.Count(a.Dims)
	if err != nil || n != a.Len() {
		return nil, &recording.Error{Offset: -1, Found: fmt.Sprintf("%d values in shape %v", a.Len(), a.Dims), Expected: "as many as the shape says", Err: err}
	}
	if len(a.Dims) < 1 || len(a.Dims) > maxAxes || n == 0 {
		return nil, &recording.Error{Offset: -1, Found: fmt.Sprintf("an array of shape %v", a.Dims), Expected: "1 to 7 axes, none of length 0"}
	}
	name := a.Type()
	if name == "bool" {
		name = "uint8"
	}
	var k kind
	for _, c := range kinds {
		if c.name == name {
			k = c
		}
	}
	if k.code == 0 {
		return nil, &recording.Error{Offset: -1, Found: "values of type " + a.Type(), Expected: "numbers"}
	}
	version := max(1, o.Version)
	for _, d := range a.Dims {
		if d > math.MaxInt16 && o.Version == 0 {
			version = 2
		}
		if d > math.MaxInt16 && o.Version == 1 {
			return nil, &recording.Error{Offset: -1, Found: fmt.Sprintf("an axis of %d", d), Expected: "at most 32767 in NIfTI-1", Remedy: "write NIfTI-2"}
		}
	}
	if version > 2 || len(o.Description) > 79 || len(o.IntentName) > 15 {
		return nil, &recording.Error{Offset: -1, Found: fmt.Sprintf("version %d, a description of %d bytes and a name of %d", version, len(o.Description), len(o.IntentName)),
			Expected: "version 1 or 2, up to 79 bytes and up to 15"}
	}
	zooms := [maxAxes + 1]float64{1, 1, 1, 1, 1, 1, 1, 1}
	copy(zooms[1:], o.Zooms)
	affine := o.Affine
	if affine == ([4][4]float64{}) {
		for i := range 3 {
			affine[i][i] = zooms[1+i]
		}
		affine[3][3] = 1
	}
	for c := range 3 {
		zooms[1+c] = math.Sqrt(affine[0][c]*affine[0][c] + affine[1][c]*affine[1][c] + affine[2][c]*affine[2][c])
	}
	quaternion, sign, rigid := rotationOf(affine, zooms)
	zooms[0] = sign
	form := o.Form
	if form == 0 {
		form = 1
	}
	qform := form
	if !rigid {
		qform = 0 // what the quaternion cannot say, it does not say
	}

	var b bytes.Buffer
	w := func(values ...any) {
		for _, v := range values {
			binary.Write(&b, binary.LittleEndian, v)
		}
	}
	pad := func(s string, size int) { w(append([]byte(s), make([]byte, size-len(s))...)) }
	units := byte(2 | 8) // mm, s
	if version == 1 {
		w(int32(headerSize1), make([]byte, 35), byte(0), int16(len(a.Dims)))
		for i := range maxAxes {
			w(int16(dimAt(a.Dims, i)))
		}
		w([3]float32{}, int16(o.Intent), int16(k.code), int16(8*k.bytes), int16(0))
		for _, z := range zooms {
			w(float32(z))
		}
		w(float32(0), float32(o.Slope), float32(o.Inter), int16(0), byte(0), units, [4]float32{}, [2]int32{})
		pad(o.Description, 80)
		pad("", 24)
		w(int16(qform), int16(form))
		for _, v := range quaternion {
			w(float32(v))
		}
		for r := range 3 {
			w(float32(affine[r][3]))
		}
		for r := range 3 {
			for c := range 4 {
				w(float32(affine[r][c]))
			}
		}
		pad(o.IntentName, 16)
		w([4]byte{})
		return b.Bytes(), nil
	}
	w(int32(headerSize2), [8]byte{}, int16(k.code), int16(8*k.bytes), int64(len(a.Dims)))
	for i := range maxAxes {
		w(int64(dimAt(a.Dims, i)))
	}
	w([3]float64{}, zooms, int64(0), o.Slope, o.Inter, [4]float64{}, [2]int64{})
	pad(o.Description, 80)
	pad("", 24)
	w(int32(qform), int32(form), quaternion, affine[0][3], affine[1][3], affine[2][3], affine[0], affine[1], affine[2])
	w(int32(0), int32(units), int32(o.Intent))
	pad(o.IntentName, 16)
	w([16]byte{})
	return b.Bytes(), nil
}

func dimAt(dims []int, i int) int {
	if i < len(dims) {
		return dims[i]
	}
	return 1
}

// rotationOf gives b, c and d of the unit quaternion of an affine and -1 for a left-handed one, or says that the affine shears.
func rotationOf(affine [4][4]float64, zooms [maxAxes + 1]float64) (bcd [3]float64, sign float64, rigid bool) {
	var r [3][3]float64
	for i := range 3 {
		for j := range 3 {
			if zooms[1+j] == 0 {
				return bcd, 1, false
			}
			r[i][j] = affine[i][j] / zooms[1+j]
		}
	}
	for i := range 3 {
		for j := range i {
			if math.Abs(r[0][i]*r[0][j]+r[1][i]*r[1][j]+r[2][i]*r[2][j]) > 1e-5 {
				return bcd, 1, false
			}
		}
	}
	det := r[0][0]*(r[1][1]*r[2][2]-r[1][2]*r[2][1]) - r[0][1]*(r[1][0]*r[2][2]-r[1][2]*r[2][0]) + r[0][2]*(r[1][0]*r[2][1]-r[1][1]*r[2][0])
	sign = 1
	if det < 0 {
		sign = -1
		for i := range 3 {
			r[i][2] = -r[i][2]
		}
	}
	// The largest of the four components is found from the diagonal, the others from sums and differences.
	t := [4]float64{1 + r[0][0] + r[1][1] + r[2][2], 1 + r[0][0] - r[1][1] - r[2][2], 1 - r[0][0] + r[1][1] - r[2][2], 1 - r[0][0] - r[1][1] + r[2][2]}
	best := 0
	for i, v := range t {
		if v > t[best] {
			best = i
		}
	}
	big := math.Sqrt(t[best]) / 2
	yx, zx, zy := r[1][0]-r[0][1], r[0][2]-r[2][0], r[2][1]-r[1][2]
	var q [4]float64
	switch best {
	case 0:
		q = [4]float64{big, zy / (4 * big), zx / (4 * big), yx / (4 * big)}
	case 1:
		q = [4]float64{zy / (4 * big), big, (r[0][1] + r[1][0]) / (4 * big), (r[0][2] + r[2][0]) / (4 * big)}
	case 2:
		q = [4]float64{zx / (4 * big), (r[0][1] + r[1][0]) / (4 * big), big, (r[1][2] + r[2][1]) / (4 * big)}
	default:
		q = [4]float64{yx / (4 * big), (r[0][2] + r[2][0]) / (4 * big), (r[1][2] + r[2][1]) / (4 * big), big}
	}
	if q[0] < 0 { // the format leaves the first out and takes it to be positive
		for i := range q {
			q[i] = -q[i]
		}
	}
	return [3]float64(q[1:]), sign, true
}

// writeValues writes the data of an array as they lie in memory.
func writeValues(w io.Writer, a *recording.Array) error {
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
	}
	return fmt.Errorf("values of type %s", a.Type()) // header has refused them
}
