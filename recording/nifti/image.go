package nifti

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/inflate"
)

// MaxInflated is the most bytes that a compressed file may inflate to.
const MaxInflated = 8 << 30

// Image is an open NIfTI or MGH image. Its methods may be called from several goroutines at once.
type Image struct {
	Format string // "NIfTI-1", "NIfTI-2", "Analyze 7.5" or "MGH"
	Pair   bool   // header and voxels are in two files
	Order  binary.ByteOrder
	Dims   []int // voxels along each axis, first axis fastest; then volumes
	// Type is the element type: "uint8", "int16" ... "float64", "complex64", "complex128". Colours are "rgb" or "rgba":
	// uint8 with a first axis of 3 or 4 more than Dims.
	Type  string
	Zooms []float64 // size of a voxel along each axis, in SpaceUnit; the fourth is the time from volume to volume, in seconds
	// Affine takes the indices of a voxel to the coordinates of its centre, usually millimetres to the right, to the front and
	// upwards.
	Affine       [4][4]float64
	Slope, Inter float64 // value = stored*Slope + Inter; 1 and 0 when the file does not scale
	SpaceUnit    string  // "mm", "m", "um" or "" when not told
	TimeUnit     string  // of the file, before it was made seconds: "s", "ms", "us", "Hz", "ppm", "rad/s" or ""
	SForm, QForm int     // their codes: 0 none, 1 scanner, 2 aligned, 3 Talairach, 4 MNI
	Intent       int     // NIfTI's code for what the values are; 0 none
	IntentName   string
	Description  string
	Extensions   []Extension

	path    string
	content *inflate.File // of the voxels
	offset  int64         // where voxels begin
	kind    kind
}

// Extension is data that a program put between header and voxels.
type Extension struct {
	Code int // 2 DICOM, 4 AFNI, 6 comment, 32 CIFTI ...
	Data []byte
}

// Open opens the image at path. Of a pair, either file may be named.
func Open(path string) (*Image, error) {
	content, err := inflate.Open(path, MaxInflated)
	if err != nil {
		return nil, err
	}
	im, err := newImage(content, path)
	if err != nil {
		content.Close()
	}
	return im, err
}

// NewImage opens an image of size bytes read through r; name stands for it in errors and is what the other file of a pair is
// looked for beside.
func NewImage(r io.ReaderAt, size int64, name string) (*Image, error) {
	content, err := inflate.New(r, size, name, MaxInflated)
	if err != nil {
		return nil, err
	}
	im, err := newImage(content, name)
	if err != nil {
		content.Close()
	}
	return im, err
}

func newImage(content *inflate.File, path string) (*Image, error) {
	im := &Image{path: path, content: content, Slope: 1}
	head := make([]byte, min(content.Size, headerSize2))
	if n, err := content.ReadAt(head, 0); n < len(head) {
		return nil, im.truncated(0, "a header", err)
	}
	name := strings.TrimSuffix(strings.ToLower(path), ".gz")
	switch {
	case isNIfTI(head), isAnalyze(head) && strings.HasSuffix(name, ".hdr"):
	case strings.HasSuffix(name, ".img"): // voxels; the header is the other file
		return im.openHeader()
	case isMGH(head):
		if err := im.readMGH(head); err != nil {
			return nil, err
		}
		return im, im.checkSize()
	case strings.HasSuffix(name, ".mgh") || strings.HasSuffix(name, ".mgz"):
		return nil, im.broken(0, fmt.Sprintf("the bytes % x", head[:min(24, len(head))]), "an MGH header: version 1, four lengths, and voxels of type 0, 1, 3, 4 or 10")
	default:
		return nil, im.notNIfTI(head)
	}
	if err := im.readHeader(head); err != nil {
		return nil, err
	}
	if im.Pair {
		voxels, err := im.other(".hdr", ".img")
		if err != nil {
			return nil, err
		}
		content.Close()
		im.content = voxels
		if err := im.checkSize(); err != nil {
			voxels.Close()
			return nil, err
		}
		return im, nil
	}
	return im, im.checkSize()
}

// openHeader reads the header that belongs to an open file of voxels.
func (im *Image) openHeader() (*Image, error) {
	header, err := im.other(".img", ".hdr")
	if err != nil {
		return nil, err
	}
	defer header.Close()
	head := make([]byte, min(header.Size, headerSize2))
	if n, err := header.ReadAt(head, 0); n < len(head) {
		return nil, im.truncated(0, "a header", err)
	}
	voxels := im.content
	im.content, im.path = header, header.Path
	if !isNIfTI(head) && !isAnalyze(head) {
		return nil, im.notNIfTI(head)
	}
	if err := im.readHeader(head); err != nil {
		return nil, err
	}
	if !im.Pair {
		return nil, im.broken(0, "the header of a single file", "that of a pair")
	}
	im.content, im.path = voxels, voxels.Path
	return im, im.checkSize()
}

// other opens the other file of a pair: the same name with another ending, in the same case, compressed or not.
func (im *Image) other(ending, want string) (*inflate.File, error) {
	name, _ := strings.CutSuffix(im.path, filepath.Ext(im.path))
	if strings.EqualFold(filepath.Ext(im.path), ".gz") {
		name, _ = strings.CutSuffix(name, filepath.Ext(name))
	}
	if strings.Contains(im.path, strings.ToUpper(ending)) {
		want = strings.ToUpper(want)
	}
	for _, gz := range []string{"", ".gz"} {
		if f, err := inflate.Open(name+want+gz, MaxInflated); !errors.Is(err, os.ErrNotExist) {
			return f, err
		}
	}
	return nil, &recording.Error{Path: im.path, Offset: -1, Found: "one file of a pair", Expected: fmt.Sprintf("the other, %q, beside it", filepath.Base(name+want))}
}

// checkSize sees that the voxels the header promises are there, before anything is allocated for them.
func (im *Image) checkSize() error {
	n, err := recording.Count(im.Dims)
	if err != nil {
		return im.broken(-1, err.Error(), "a shape")
	}
	if have := im.content.Size - im.offset; have < 0 || int64(n) > have/int64(im.kind.bytes) {
		e := im.truncated(im.offset, fmt.Sprintf("%s voxels of type %s", recording.FormatDims(im.Dims), im.Type), nil)
		e.Found = fmt.Sprintf("%d bytes of voxels", max(0, have))
		return e
	}
	return nil
}

// Close releases the file. Arrays already read stay valid, recordings do not.
func (im *Image) Close() error { return im.content.Close() }

// Volumes is the number of volumes: the product of all axes beyond the third.
func (im *Image) Volumes() int {
	n := 1
	for _, d := range im.Dims[min(3, len(im.Dims)):] {
		n *= d
	}
	return n
}

// Position is the place of a voxel, in the units of the affine.
func (im *Image) Position(i, j, k int) [3]float64 {
	var p [3]float64
	for r := range p {
		a := im.Affine[r]
		p[r] = a[0]*float64(i) + a[1]*float64(j) + a[2]*float64(k) + a[3]
	}
	return p
}

// Axes are the directions in which the first three axes run, as three letters of R L, A P, S I: "RAS" when the indices grow to
// the right, to the front and upwards.
func (im *Image) Axes() string {
	out := []byte("???")
	used := [3]bool{}
	for column := range 3 {
		best, at := 0.0, -1
		for row := range 3 {
			if v := abs(im.Affine[row][column]); v > best && !used[row] {
				best, at = v, row
			}
		}
		if at < 0 {
			continue
		}
		used[at] = true
		letters := [3]string{"RL", "AP", "SI"}[at]
		out[column] = letters[0]
		if im.Affine[at][column] < 0 {
			out[column] = letters[1]
		}
	}
	return string(out)
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}

// broken is the error for bytes that do not follow the format.
func (im *Image) broken(offset int64, found, expected string) *recording.Error {
	return &recording.Error{Path: im.path, Offset: offset, Found: found, Expected: expected}
}

// truncated is the error for bytes that are not there.
func (im *Image) truncated(offset int64, expected string, cause error) *recording.Error {
	e := &recording.Error{Path: im.path, Offset: offset, Found: "the end of the file", Expected: expected,
		Remedy: "the file is truncated: copy it again from its source"}
	if cause != nil && cause != io.EOF {
		e.Err = cause
	}
	return e
}
