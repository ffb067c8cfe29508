package nifti

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

const (
	headerSize1 = 348
	headerSize2 = 540
	maxAxes     = 7
)

// kind is how a voxel is stored.
type kind struct {
	name  string
	code  int // NIfTI's
	bytes int
	parts int // numbers in a voxel that are an axis of their own: colours
}

var kinds = []kind{{"uint8", 2, 1, 1}, {"int16", 4, 2, 1}, {"int32", 8, 4, 1}, {"float32", 16, 4, 1}, {"complex64", 32, 8, 1}, {"float64", 64, 8, 1},
	{"rgb", 128, 3, 3}, {"int8", 256, 1, 1}, {"uint16", 512, 2, 1}, {"uint32", 768, 4, 1}, {"int64", 1024, 8, 1}, {"uint64", 1280, 8, 1},
	{"complex128", 1792, 16, 1}, {"rgba", 2304, 4, 4}}

// isNIfTI reports whether a header is one of NIfTI.
func isNIfTI(head []byte) bool {
	return len(head) >= headerSize1 && version(head) != 0
}

// version tells NIfTI-1 and 2 by their size and mark, and is 0 for others.
func version(head []byte) int {
	size := binary.LittleEndian.Uint32(head)
	swapped := binary.BigEndian.Uint32(head)
	mark := func(b []byte, v byte) bool {
		return b[0] == 'n' && (b[1] == '+' || b[1] == 'i') && b[2] == v && b[3] == 0
	}
	switch {
	case (size == headerSize1 || swapped == headerSize1) && mark(head[344:], '1'):
		return 1
	case (size == headerSize2 || swapped == headerSize2) && mark(head[4:], '2'):
		return 2
	}
	return 0
}

// notNIfTI says what a file is instead.
func (im *Image) notNIfTI(head []byte) error {
	e := im.broken(0, fmt.Sprintf("the bytes % x", head[:min(len(head), 8)]), "a NIfTI header, which begins with its size 348 or 540")
	if len(head) == 0 {
		e.Found = "an empty file"
		return e
	}
	if len(head) >= 4 && (binary.LittleEndian.Uint32(head) == headerSize1 || binary.BigEndian.Uint32(head) == headerSize1) {
		e.Found, e.Expected = "a damaged header, or one of Analyze in a file that is no pair", `NIfTI's mark "n+1" or "ni1" at byte 344`
		e.Remedy = "an image of Analyze is a pair of files, .hdr and .img"
		if len(head) < headerSize1 {
			return im.truncated(0, "a header of 348 bytes", nil)
		}
	}
	return e
}

// isAnalyze reports whether a header is one of Analyze 7.5, which NIfTI-1 grew out of and which has no mark but its size.
func isAnalyze(head []byte) bool {
	return len(head) >= headerSize1 && version(head) == 0 && (binary.LittleEndian.Uint32(head) == headerSize1 || binary.BigEndian.Uint32(head) == headerSize1)
}

// signed are SPM's codes for types that Analyze itself does not have.
var signed = map[int]string{130: "int8", 132: "uint16", 136: "uint32"}

// readAnalyze reads what differs from NIfTI-1: types, scaling and origin are as SPM has them, which nibabel follows. Analyze does not say
// which way the first axis runs; like nibabel and SPM, this takes it to run to the left.
func (im *Image) readAnalyze(f fields) error {
	im.Format, im.Pair, im.SpaceUnit = "Analyze 7.5", true, "mm"
	im.Description = f.text(148, 148, 80)
	slope, inter := f.f32(112), f.f32(116)
	switch unscaled, scaled := float64(f.i32(140))-float64(f.i32(144)), f.f32(124)-f.f32(128); {
	case slope != 0 && finite(slope):
		if !finite(inter) {
			inter = 0
		}
		im.Slope, im.Inter = slope, inter
	case unscaled != 0 && scaled != 0 && finite(scaled):
		im.Slope = scaled / unscaled
		im.Inter = f.f32(128) - im.Slope*float64(f.i32(144))
	}
	a := &im.Affine
	a[3][3] = 1
	var origin [3]float64
	placed := true
	for i := range origin {
		n := 1
		if i < len(im.Dims) {
			n = im.Dims[i]
		}
		at := f.i16(253 + 2*i)
		placed = placed && at != 0 && at > -n && at < 2*n
		origin[i] = float64(at) - 1
	}
	for i := range origin {
		n, size := 1, 1.0
		if i < len(im.Dims) {
			n, size = im.Dims[i], im.Zooms[i]
		}
		if !placed {
			origin[i] = float64(n-1) / 2
		}
		if i == 0 {
			size = -size
		}
		a[i][i], a[i][3] = size, -size*origin[i]
	}
	return nil
}

// fields gives access to a header of either version.
type fields struct {
	b  []byte
	bo binary.ByteOrder
	v  int
}

func (f fields) i16(at int) int     { return int(int16(f.bo.Uint16(f.b[at:]))) }
func (f fields) i32(at int) int     { return int(int32(f.bo.Uint32(f.b[at:]))) }
func (f fields) i64(at int) int64   { return int64(f.bo.Uint64(f.b[at:])) }
func (f fields) f32(at int) float64 { return float64(math.Float32frombits(f.bo.Uint32(f.b[at:]))) }
func (f fields) f64(at int) float64 { return math.Float64frombits(f.bo.Uint64(f.b[at:])) }

// real reads a floating-point field, at a place of its own in each version.
func (f fields) real(at1, at2 int) float64 {
	if f.v == 1 {
		return f.f32(at1)
	}
	return f.f64(at2)
}

// reals reads the i-th of several.
func (f fields) reals(at1, at2, i int) float64 { return f.real(at1+4*i, at2+8*i) }

func (f fields) int(at1, at2 int) int {
	if f.v == 1 {
		return f.i16(at1)
	}
	return f.i32(at2)
}

func (f fields) text(at1, at2, n int) string {
	b := f.b[at1:]
	if f.v == 2 {
		b = f.b[at2:]
	}
	b, _, _ = bytes.Cut(b[:n], []byte{0})
	return strings.ToValidUTF8(strings.TrimRight(string(b), " "), "\uFFFD")
}

// readHeader reads a NIfTI header.
func (im *Image) readHeader(head []byte) error {
	f := fields{b: head, bo: binary.LittleEndian, v: version(head)}
	if size := f.bo.Uint32(head); size != headerSize1 && size != headerSize2 {
		f.bo = binary.BigEndian
	}
	if f.v == 2 && len(head) < headerSize2 {
		return im.truncated(0, "a header of 540 bytes", nil)
	}
	analyze := f.v == 0
	if analyze {
		f.v = 1 // what the two have in common lies at the same places
	}
	im.Format, im.Order = fmt.Sprintf("NIfTI-%d", f.v), f.bo
	mark := head[344:]
	if f.v == 2 {
		mark = head[4:]
	}
	im.Pair = mark[1] == 'i' || analyze

	var axes int64
	dim := func(i int) int64 { return int64(f.i16(40 + 2*i)) }
	if f.v == 2 {
		dim = func(i int) int64 { return f.i64(16 + 8*i) }
	}
	if axes = dim(0); axes < 1 || axes > maxAxes {
		return im.broken(40, fmt.Sprintf("%d axes", axes), "1 to 7")
	}
	for i := 1; i <= int(axes); i++ {
		if dim(i) < 1 {
			return im.broken(40, fmt.Sprintf("an axis of length %d", dim(i)), "1 or more")
		}
		im.Dims = append(im.Dims, int(dim(i)))
		im.Zooms = append(im.Zooms, abs(f.reals(76, 104, i)))
	}
	code := f.i16(70)
	if f.v == 2 {
		code = f.i16(12)
	}
	for _, k := range kinds {
		if k.code == code || analyze && k.name == signed[code] {
			im.kind = k
		}
	}
	if im.kind.code == 0 {
		return im.broken(70, fmt.Sprintf("voxels of type %d", code), "integers of 8 to 64 bits, floating-point or complex numbers of 32 or 64 bits, or colours")
	}
	im.Type = im.kind.name

	offset := int64(0)
	switch {
	case f.v == 2:
		offset = f.i64(168)
	default:
		if x := f.f32(108); x == math.Trunc(x) && abs(x) < 1<<53 {
			offset = int64(x)
		} else {
			offset = -1
		}
	}
	least := int64(len(f.b[:headerSize1])) + 4
	if f.v == 2 {
		least = headerSize2 + 4
	}
	switch {
	case im.Pair && offset == 0:
	case !im.Pair && offset == 0:
		offset = least // as some software writes it
	case offset < 0 || (!im.Pair && offset < least-4):
		return im.broken(108, fmt.Sprintf("voxels at byte %d", offset), fmt.Sprintf("byte %d or behind", least))
	}
	im.offset = offset

	if analyze {
		return im.readAnalyze(f)
	}
	if slope, inter := f.real(112, 176), f.real(116, 184); slope != 0 && finite(slope) {
		if !finite(inter) {
			return im.broken(116, fmt.Sprintf("an intercept of %g", inter), "a finite one")
		}
		im.Slope, im.Inter = slope, inter
	}
	units := int(head[123])
	if f.v == 2 {
		units = f.i32(500)
	}
	im.SpaceUnit = map[int]string{1: "m", 2: "mm", 3: "um"}[units&7]
	im.TimeUnit = map[int]string{8: "s", 16: "ms", 24: "us", 32: "Hz", 40: "ppm", 48: "rad/s"}[units&0x38]
	if len(im.Zooms) > 3 {
		switch im.TimeUnit {
		case "ms":
			im.Zooms[3] *= 1e-3
		case "us":
			im.Zooms[3] *= 1e-6
		}
	}
	im.Description = f.text(148, 240, 80)
	im.Intent, im.IntentName = f.int(68, 504), f.text(328, 508, 16)
	im.QForm, im.SForm = f.int(252, 344), f.int(254, 348)
	if err := im.affine(f); err != nil {
		return err
	}
	return im.extensions(least)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// affine takes the sform, else the qform, else voxel sizes around the middle with the first axis to the left.
func (im *Image) affine(f fields) error {
	a := &im.Affine
	a[3][3] = 1
	var size [3]float64
	for i := range size {
		size[i] = abs(f.reals(76, 104, 1+i))
	}
	switch {
	case im.SForm > 0:
		for r := range 3 {
			for c := range 4 {
				a[r][c] = f.real(280+16*r+4*c, 400+32*r+8*c)
			}
		}
	case im.QForm > 0:
		b, c, d := f.real(256, 352), f.real(260, 360), f.real(264, 368)
		w := 1 - b*b - c*c - d*d
		if w < -1e-5 || math.IsNaN(w) {
			return im.broken(256, fmt.Sprintf("a quaternion (%g, %g, %g)", b, c, d), "one not longer than 1")
		}
		w = math.Sqrt(max(0, w))
		if f.real(76, 104) < 0 {
			size[2] = -size[2] // a left-handed image
		}
		rotation := [3][3]float64{
			{w*w + b*b - c*c - d*d, 2 * (b*c - w*d), 2 * (b*d + w*c)},
			{2 * (b*c + w*d), w*w + c*c - b*b - d*d, 2 * (c*d - w*b)},
			{2 * (b*d - w*c), 2 * (c*d + w*b), w*w + d*d - b*b - c*c},
		}
		for r := range 3 {
			for c := range 3 {
				a[r][c] = rotation[r][c] * size[c]
			}
			a[r][3] = f.reals(268, 376, r)
		}
	default:
		size[0] = -size[0]
		for i := range 3 {
			n := 1
			if i < len(im.Dims) {
				n = im.Dims[i]
			}
			a[i][i] = size[i]
			a[i][3] = -size[i] * float64(n-1) / 2
		}
	}
	return nil
}

// extensions reads what lies between header and voxels.
func (im *Image) extensions(at int64) error {
	end := im.offset
	if im.Pair {
		end = im.content.Size
	}
	end = min(end, im.content.Size)
	var flag [4]byte
	if n, _ := im.content.ReadAt(flag[:], at-4); n < 4 || flag[0] == 0 {
		return nil
	}
	for at+8 <= end {
		var head [8]byte
		if n, err := im.content.ReadAt(head[:], at); n < 8 {
			return im.truncated(at, "an extension", err)
		}
		size, code := int64(int32(im.Order.Uint32(head[:]))), int(int32(im.Order.Uint32(head[4:])))
		if size == 0 {
			return nil // padding
		}
		if size < 8 || size > end-at {
			return im.broken(at, fmt.Sprintf("an extension of %d bytes", size), fmt.Sprintf("8 to %d", end-at))
		}
		data := make([]byte, size-8)
		if n, err := im.content.ReadAt(data, at+8); n < len(data) {
			return im.truncated(at+8, "an extension", err)
		}
		im.Extensions = append(im.Extensions, Extension{Code: code, Data: data})
		at += size
	}
	return nil
}

// IntentText names what the values of an image are, for the codes one meets; "" for others.
func (im *Image) IntentText() string {
	return map[int]string{2: "correlation", 3: "t test", 4: "F test", 5: "z score", 22: "p value", 1001: "estimate", 1002: "labels",
		1003: "names", 1005: "matrix of each voxel", 1006: "displacements", 1007: "vectors", 2001: "time series", 2003: "RGB", 2004: "RGBA",
		3001: "dense connectivity", 3002: "dense time series"}[im.Intent]
}

const mghDataAt = 284

// isMGH reports whether a header is one of MGH, which has no better mark than its version and the sense of its fields.
func isMGH(head []byte) bool {
	if len(head) < 32 || binary.BigEndian.Uint32(head) != 1 {
		return false
	}
	for i := range 4 {
		if n := int32(binary.BigEndian.Uint32(head[4+4*i:])); n < 1 || n > 1<<24 {
			return false
		}
	}
	_, ok := mghTypes[binary.BigEndian.Uint32(head[20:])]
	return ok
}

var mghTypes = map[uint32]string{0: "uint8", 1: "int32", 3: "float32", 4: "int16", 10: "uint16"}

// readMGH reads a header of MGH. The time from volume to volume stands behind the voxels.
func (im *Image) readMGH(head []byte) error {
	if len(head) < mghDataAt {
		return im.truncated(0, "a header of 284 bytes", nil)
	}
	f := fields{b: head, bo: binary.BigEndian}
	im.Format, im.Order, im.SpaceUnit, im.offset = "MGH", f.bo, "mm", mghDataAt
	for i := range 4 {
		im.Dims = append(im.Dims, f.i32(4+4*i))
	}
	if im.Dims[3] == 1 {
		im.Dims = im.Dims[:3]
	}
	im.Type = mghTypes[uint32(f.i32(20))]
	for _, k := range kinds {
		if k.name == im.Type {
			im.kind = k
		}
	}
	size := [3]float64{1, 1, 1}
	columns := [9]float64{-1, 0, 0, 0, 0, -1, 0, 1, 0} // FreeSurfer's default: coronal slices, axes to the left, down, to the front
	var centre [3]float64
	if f.i16(28) != 0 {
		for i := range size {
			size[i] = f.f32(30 + 4*i)
			centre[i] = f.f32(78 + 4*i)
		}
		for i := range columns {
			columns[i] = f.f32(42 + 4*i)
		}
	}
	im.Affine[3][3] = 1
	for r := range 3 {
		im.Affine[r][3] = centre[r]
		for c := range 3 {
			im.Affine[r][c] = columns[3*c+r] * size[c]
			im.Affine[r][3] -= im.Affine[r][c] * float64(im.Dims[c]) / 2
		}
	}
	im.Zooms = append(im.Zooms, size[:]...)
	if len(im.Dims) > 3 {
		tr := 0.0
		n, err := recording.Count(im.Dims)
		var footer [4]byte
		if err == nil && int64(n) <= im.content.Size/int64(im.kind.bytes) {
			if m, _ := im.content.ReadAt(footer[:], mghDataAt+int64(n)*int64(im.kind.bytes)); m == 4 {
				tr = float64(math.Float32frombits(binary.BigEndian.Uint32(footer[:]))) * 1e-3
			}
		}
		im.Zooms, im.TimeUnit = append(im.Zooms, tr), "ms"
	}
	return nil
}
