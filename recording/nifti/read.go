package nifti

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// Raw reads a box of voxels as they are stored, without scaling: shape voxels along each axis from first on. Nil stands for
// the beginning and for all there are. The array is column-major, of the type of the file; colours have an axis of 3 or 4
// before the others.
func (im *Image) Raw(first, shape []int) (*recording.Array, error) {
	if first == nil {
		first = make([]int, len(im.Dims))
	}
	if shape == nil {
		shape = make([]int, len(im.Dims))
		for i, d := range im.Dims {
			shape[i] = d - min(d, at(first, i))
		}
	}
	ok := len(first) == len(im.Dims) && len(shape) == len(im.Dims)
	for i := range im.Dims {
		ok = ok && first[i] >= 0 && shape[i] >= 0 && first[i] <= im.Dims[i] && shape[i] <= im.Dims[i]-first[i]
	}
	if !ok {
		return nil, &recording.Error{Path: im.path, Offset: -1, Found: fmt.Sprintf("a request for a box of %v voxels at %v", shape, first),
			Expected: fmt.Sprintf("one within %v", im.Dims)}
	}
	dims := slices.Clone(shape)
	if im.kind.parts > 1 {
		dims = append([]int{im.kind.parts}, dims...)
	}
	n, err := recording.Count(dims) // not more than the file has: the box lies within it
	if err != nil {
		return nil, im.broken(-1, err.Error(), "a smaller box")
	}
	r, err := im.box(first, shape)
	if err != nil {
		return nil, err
	}
	a := &recording.Array{Name: stem(im.path), Dims: dims, Order: recording.ColumnMajor}
	a.Data, err = im.decode(r, n)
	if err != nil {
		return nil, im.truncated(im.offset, fmt.Sprintf("%s voxels of type %s", recording.FormatDims(shape), im.Type), err)
	}
	return a, nil
}

func at(x []int, i int) int {
	if i < len(x) {
		return max(0, x[i])
	}
	return 0
}

// box gives the bytes of a box: straight from the file when they lie together, else gathered run by run.
func (im *Image) box(first, shape []int) (io.Reader, error) {
	size := int64(im.kind.bytes)
	run, start := size, int64(0) // bytes that lie together, and where the box begins
	stride := size
	together := true
	var strides []int64
	outer := 0 // the first axis along which runs are apart
	for i, d := range im.Dims {
		start += int64(first[i]) * stride
		strides = append(strides, stride)
		if together {
			run *= int64(shape[i])
			outer = i + 1
			together = shape[i] == d
		}
		stride *= int64(d)
	}
	total := int64(1)
	for _, n := range shape[outer:] {
		total *= int64(n)
	}
	if total == 1 || run == 0 || total == 0 {
		if total == 0 {
			run = 0
		}
		return io.NewSectionReader(im.content, im.offset+start, run), nil
	}
	out := make([]byte, 0, total*run)
	index := make([]int, len(shape))
	for {
		pos := im.offset + start
		for i := outer; i < len(shape); i++ {
			pos += int64(index[i]) * strides[i]
		}
		out = out[:int64(len(out))+run]
		part := out[int64(len(out))-run:]
		if n, err := im.content.ReadAt(part, pos); n < len(part) {
			return nil, im.truncated(pos, fmt.Sprintf("%d bytes of voxels", run), err)
		}
		i := outer
		for ; i < len(shape); i++ {
			if index[i]++; index[i] < shape[i] {
				break
			}
			index[i] = 0
		}
		if i == len(shape) {
			return bytes.NewReader(out), nil
		}
	}
}

// decode reads n numbers of the type of the file.
func (im *Image) decode(r io.Reader, n int) (any, error) {
	there := int64(n) * 16 // checkSize has seen the bytes
	switch im.Type {
	case "int8":
		return wire.Read[int8](r, n, im.Order, there)
	case "int16":
		return wire.Read[int16](r, n, im.Order, there)
	case "int32":
		return wire.Read[int32](r, n, im.Order, there)
	case "int64":
		return wire.Read[int64](r, n, im.Order, there)
	case "uint16":
		return wire.Read[uint16](r, n, im.Order, there)
	case "uint32":
		return wire.Read[uint32](r, n, im.Order, there)
	case "uint64":
		return wire.Read[uint64](r, n, im.Order, there)
	case "float32":
		return wire.Read[float32](r, n, im.Order, there)
	case "float64":
		return wire.Read[float64](r, n, im.Order, there)
	case "complex64":
		return wire.Read[complex64](r, n, im.Order, there)
	case "complex128":
		return wire.Read[complex128](r, n, im.Order, there)
	}
	return wire.Read[uint8](r, n, im.Order, there) // uint8, rgb, rgba
}

// Scaled reports whether values differ from what is stored.
func (im *Image) Scaled() bool { return im.Slope != 1 || im.Inter != 0 }

// Read is Raw with slope and intercept applied. Scaled values are float32 when they are stored in 16 bits or as float32, and
// float64 (complex numbers: complex64, complex128) otherwise; without scaling they have the type of the file.
func (im *Image) Read(first, shape []int) (*recording.Array, error) {
	a, err := im.Raw(first, shape)
	if err != nil || !im.Scaled() || im.kind.parts > 1 {
		return a, err
	}
	switch d := a.Data.(type) {
	case []int8:
		a.Data = scale[float32](d, im.Slope, im.Inter)
	case []uint8:
		a.Data = scale[float32](d, im.Slope, im.Inter)
	case []int16:
		a.Data = scale[float32](d, im.Slope, im.Inter)
	case []uint16:
		a.Data = scale[float32](d, im.Slope, im.Inter)
	case []float32:
		a.Data = scale[float32](d, im.Slope, im.Inter)
	case []int32:
		a.Data = scale[float64](d, im.Slope, im.Inter)
	case []uint32:
		a.Data = scale[float64](d, im.Slope, im.Inter)
	case []int64:
		a.Data = scale[float64](d, im.Slope, im.Inter)
	case []uint64:
		a.Data = scale[float64](d, im.Slope, im.Inter)
	case []float64:
		a.Data = scale[float64](d, im.Slope, im.Inter)
	case []complex64:
		for i, v := range d {
			d[i] = complex64(complex128(v)*complex(im.Slope, 0) + complex(im.Inter, 0))
		}
	case []complex128:
		for i, v := range d {
			d[i] = v*complex(im.Slope, 0) + complex(im.Inter, 0)
		}
	}
	return a, nil
}

func scale[D float32 | float64, S int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 | float32 | float64](stored []S, slope, inter float64) []D {
	out := make([]D, len(stored))
	for i, v := range stored {
		out[i] = D(float64(v)*slope + inter)
	}
	return out
}

// Array reads the whole image, scaled.
func (im *Image) Array() (*recording.Array, error) { return im.Read(nil, nil) }

// Volume reads one volume, scaled: the first three axes (or as many as there are) at one place along the others, counted with
// the fourth axis fastest.
func (im *Image) Volume(number int) (*recording.Array, error) {
	if number < 0 || number >= im.Volumes() {
		return nil, &recording.Error{Path: im.path, Offset: -1, Found: fmt.Sprintf("a request for volume %d", number),
			Expected: fmt.Sprintf("one of %d", im.Volumes())}
	}
	first := make([]int, len(im.Dims))
	shape := slices.Clone(im.Dims)
	for i := 3; i < len(im.Dims); i++ {
		first[i], shape[i] = number%im.Dims[i], 1
		number /= im.Dims[i]
	}
	a, err := im.Read(first, shape)
	if err != nil {
		return nil, err
	}
	a.Dims = a.Dims[:len(a.Dims)-len(im.Dims)+min(3, len(im.Dims))]
	return a, nil
}

// Recording gives the voxels where a mask is not zero as the channels of a recording, and the volumes as its frames; nil takes
// all voxels. Channels are called by their indices ("i,j,k") and have positions in metres. The mask must have the shape of
// one volume. Closing the recording closes the image, not the mask.
func (im *Image) Recording(mask *Image) (*recording.Recording, error) {
	if len(im.Dims) < 4 || im.kind.parts > 1 {
		return nil, &recording.Error{Path: im.path, Offset: -1, Found: fmt.Sprintf("an image of %s voxels of type %s", recording.FormatDims(im.Dims), im.Type),
			Expected: "volumes of numbers in time"}
	}
	volume := im.Dims[:3]
	n, err := recording.Count(volume)
	if err != nil {
		return nil, im.broken(-1, err.Error(), "a smaller image")
	}
	inside := make([]bool, n)
	if mask == nil {
		for i := range inside {
			inside[i] = true
		}
	} else {
		m, err := mask.Volume(0)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(m.Dims, volume) || mask.Volumes() != 1 {
			return nil, &recording.Error{Path: mask.path, Offset: -1, Found: fmt.Sprintf("a mask of %s", recording.FormatDims(mask.Dims)),
				Expected: fmt.Sprintf("one of %s, the shape of the image %s", recording.FormatDims(volume), im.path)}
		}
		values, err := m.Float64s()
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			inside[i] = v != 0 // NaN counts as inside, as it does to NumPy
		}
	}
	s := &volumes{im: im}
	r := &recording.Recording{Frames: int64(im.Volumes()), Samples: s, Metadata: map[string]string{"image": recording.FormatDims(im.Dims)}}
	if tr := im.Zooms[3]; tr > 0 {
		r.Rate = 1 / tr
	}
	unit := map[string]float64{"m": 1, "um": 1e-6}[im.SpaceUnit]
	if unit == 0 {
		unit = 1e-3 // millimetres, also where nothing is said
	}
	for i, in := range inside {
		if !in {
			continue
		}
		x, y, z := i%volume[0], i/volume[0]%volume[1], i/volume[0]/volume[1]
		p := im.Position(x, y, z)
		for k := range p {
			p[k] *= unit
		}
		r.Channels = append(r.Channels, recording.Channel{Name: fmt.Sprintf("%d,%d,%d", x, y, z), Position: &p})
		s.voxels = append(s.voxels, i)
	}
	return r, nil
}

// volumes is some voxels of every volume as a recording.Source.
type volumes struct {
	im     *Image
	voxels []int
}

// ReadFrames implements recording.Source.
func (s *volumes) ReadFrames(dst []float32, first int64) (int, error) {
	if len(s.voxels) == 0 {
		return 0, io.EOF
	}
	done := 0
	for ; len(dst) >= len(s.voxels); done++ {
		if first < 0 || first+int64(done) >= int64(s.im.Volumes()) {
			return done, io.EOF
		}
		a, err := s.im.Volume(int(first) + done)
		if err != nil {
			return done, err
		}
		values, err := a.Float32s()
		if err != nil {
			return done, err
		}
		for i, v := range s.voxels {
			dst[i] = values[v]
		}
		dst = dst[len(s.voxels):]
	}
	return done, nil
}

// Close implements recording.Source.
func (s *volumes) Close() error { return s.im.Close() }
