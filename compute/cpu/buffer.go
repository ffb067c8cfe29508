package cpu

import (
	"math"
	"math/bits"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/pkg/errors"
)

// Buffer holds a tensor's values, in row-major order, in the program's own memory.
type Buffer struct {
	shape shapes.Shape
	flat  any    // slice of the dtype's Go type, over block
	block *block // nil once finalized or donated
	valid atomic.Bool
}

// block is a piece of memory that the pool hands out and takes back. Its words hold no pointers.
type block struct {
	words []uint64
	class int
}

func (k *block) ptr() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(k.words)) }

// memory keeps freed blocks for reuse, by size class; what was freed last is handed out first, while it is still in the caches. It keeps no
// more than a share of the machine's memory.
type memory struct {
	mu      sync.Mutex
	classes [numClasses][]*block
	kept    uint64 // bytes
}

// keptShare is the part of the machine's memory that may be kept for reuse: one in so many.
const keptShare = 8

// Four size classes per power of two, from 64 bytes up.
const numClasses = 4 * 48

// class returns the smallest size class holding n words, and its size in words.
func class(n int) (index, words int) {
	if n <= 8 {
		return 0, 8
	}
	shift := bits.Len(uint(n-1)) - 3 // n-1 has 3 leading significant bits above the shift
	top := (n-1)>>shift + 1          // 5..8
	return 4*shift + top - 4, top << shift
}

// get returns a block of at least n bytes with arbitrary contents.
func (m *memory) get(bytes int) (k *block, err error) {
	index, words := class((bytes + 7) / 8)
	if index >= numClasses || bytes < 0 {
		return nil, errors.Errorf("cannot allocate %d bytes", bytes)
	}
	m.mu.Lock()
	if free := m.classes[index]; len(free) > 0 {
		last := len(free) - 1
		k, free[last] = free[last], nil
		m.classes[index] = free[:last]
		m.kept -= 8 * uint64(len(k.words))
		m.mu.Unlock()
		return k, nil
	}
	m.mu.Unlock()
	if limit := memoryLimit(); uint64(bytes) > limit {
		return nil, errors.Errorf("cannot allocate %d bytes: the machine has %d bytes of memory", bytes, limit)
	}
	defer func() {
		if p := recover(); p != nil {
			k, err = nil, errors.Errorf("cannot allocate %d bytes: %v", bytes, p)
		}
	}()
	return &block{largePages(words), index}, nil
}

func (m *memory) put(k *block) {
	if k == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if bytes := 8 * uint64(len(k.words)); m.kept+bytes <= memoryLimit()/keptShare {
		m.classes[k.class] = append(m.classes[k.class], k)
		m.kept += bytes
	}
}

func (m *memory) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.classes, m.kept = [numClasses][]*block{}, 0
}

// sizeBytes returns the bytes a shape takes, or an error if that does not fit an int.
func sizeBytes(shape shapes.Shape) (int, error) {
	n := shape.DType.Size()
	for _, d := range shape.Dimensions {
		if d == 0 {
			return 0, nil
		}
	}
	for _, d := range shape.Dimensions {
		if d < 0 || n > math.MaxInt/d {
			return 0, errors.Errorf("shape %s is too large for this machine", shape)
		}
		n *= d
	}
	return n, nil
}

func (b *Backend) newBuffer(shape shapes.Shape) (*Buffer, error) {
	if !isSupported(shape.DType) {
		return nil, errors.Errorf("backend %q has no dtype %s (shape %s)", Name, shape.DType, shape)
	}
	n, err := sizeBytes(shape)
	if err != nil {
		return nil, err
	}
	k, err := b.memory.get(n)
	if err != nil {
		return nil, errors.WithMessagef(err, "buffer of shape %s", shape)
	}
	return newBufferOver(shape, k), nil
}

func newBufferOver(shape shapes.Shape, k *block) *Buffer {
	buf := &Buffer{shape: shape, flat: flatOver(shape.DType, k.ptr(), shape.Size()), block: k}
	buf.valid.Store(true)
	return buf
}

// flatOver returns the n elements of the dtype at p as a slice of the dtype's Go type.
func flatOver(dtype dtypes.DType, p unsafe.Pointer, n int) any {
	switch dtype {
	case dtypes.Float32:
		return unsafe.Slice((*float32)(p), n)
	case dtypes.Float64:
		return unsafe.Slice((*float64)(p), n)
	case dtypes.Int32:
		return unsafe.Slice((*int32)(p), n)
	case dtypes.Int64:
		return unsafe.Slice((*int64)(p), n)
	case dtypes.Bool:
		return unsafe.Slice((*bool)(p), n)
	}
	at := reflect.NewAt(reflect.ArrayOf(n, dtype.GoType()), p)
	return at.Elem().Slice(0, n).Interface()
}

// buffer checks that a GoMLX buffer is one of this backend's that is still in use.
func (b *Backend) buffer(doing string, buffer backends.Buffer) (*Buffer, error) {
	if err := b.checkLive(doing); err != nil {
		return nil, err
	}
	buf, ok := buffer.(*Buffer)
	if !ok || buf == nil {
		return nil, errors.Errorf("%s: got a %T, want a buffer of backend %q", doing, buffer, Name)
	}
	if !buf.valid.Load() {
		return nil, errors.Errorf("%s: the buffer (shape %s) was already finalized or donated", doing, buf.shape)
	}
	return buf, nil
}

// BufferFinalize frees the buffer. It is an error to use it afterwards.
func (b *Backend) BufferFinalize(buffer backends.Buffer) error {
	buf, err := b.buffer("BufferFinalize", buffer)
	if err != nil {
		return err
	}
	if k := buf.take(); k != nil {
		b.memory.put(k)
		return nil
	}
	return errors.Errorf("BufferFinalize: the buffer (shape %s) was already finalized or donated", buf.shape)
}

// take makes the buffer invalid and returns its memory; nil if it was invalid already.
func (buf *Buffer) take() *block {
	if !buf.valid.CompareAndSwap(true, false) {
		return nil
	}
	k := buf.block
	buf.block, buf.flat = nil, nil
	return k
}

// BufferShape returns the buffer's shape.
func (b *Backend) BufferShape(buffer backends.Buffer) (shapes.Shape, error) {
	buf, err := b.buffer("BufferShape", buffer)
	if err != nil {
		return shapes.Invalid(), err
	}
	return buf.shape, nil
}

// BufferDeviceNum returns 0, the only device.
func (b *Backend) BufferDeviceNum(buffer backends.Buffer) (backends.DeviceNum, error) {
	_, err := b.buffer("BufferDeviceNum", buffer)
	return 0, err
}

// BufferToFlatData copies the buffer's values to flat, a slice of the dtype's Go type with one element for each value.
func (b *Backend) BufferToFlatData(buffer backends.Buffer, flat any) error {
	buf, err := b.buffer("BufferToFlatData", buffer)
	if err != nil {
		return err
	}
	if err := checkFlat("BufferToFlatData", flat, buf.shape); err != nil {
		return err
	}
	copyMemory(reflect.ValueOf(flat).UnsafePointer(), buf.block.ptr(), buf.shape.Size()*buf.shape.DType.Size())
	return nil
}

// BufferFromFlatData returns a new buffer with a copy of flat's values, a slice of the dtype's Go type.
func (b *Backend) BufferFromFlatData(device backends.DeviceNum, flat any, shape shapes.Shape) (backends.Buffer, error) {
	if err := b.checkDevice("BufferFromFlatData", device); err != nil {
		return nil, err
	}
	if err := checkFlat("BufferFromFlatData", flat, shape); err != nil {
		return nil, err
	}
	buf, err := b.newBuffer(shape.Clone())
	if err != nil {
		return nil, err
	}
	copyMemory(buf.block.ptr(), reflect.ValueOf(flat).UnsafePointer(), shape.Size()*shape.DType.Size())
	return buf, nil
}

// HasSharedBuffers is true: BufferData and NewSharedBuffer give direct access to the values.
func (b *Backend) HasSharedBuffers() bool { return true }

// NewSharedBuffer returns a new buffer and the slice of its values, which are not initialised.
func (b *Backend) NewSharedBuffer(device backends.DeviceNum, shape shapes.Shape) (buffer backends.Buffer, flat any, err error) {
	if err := b.checkDevice("NewSharedBuffer", device); err != nil {
		return nil, nil, err
	}
	buf, err := b.newBuffer(shape.Clone())
	if err != nil {
		return nil, nil, err
	}
	return buf, buf.flat, nil
}

// BufferData returns the slice of the buffer's values, valid until the buffer is finalized or donated.
func (b *Backend) BufferData(buffer backends.Buffer) (flat any, err error) {
	buf, err := b.buffer("BufferData", buffer)
	if err != nil {
		return nil, err
	}
	return buf.flat, nil
}

// BufferCopyToDevice always fails: there is only one device.
func (b *Backend) BufferCopyToDevice(backends.Buffer, backends.DeviceNum) (backends.Buffer, error) {
	return nil, errors.Errorf("BufferCopyToDevice: backend %q has a single device", Name)
}

func (b *Backend) checkDevice(doing string, device backends.DeviceNum) error {
	if err := b.checkLive(doing); err != nil {
		return err
	}
	if device != 0 {
		return errors.Errorf("%s: got device %d, backend %q has only device 0", doing, device, Name)
	}
	return nil
}

// checkFlat checks that flat is a slice that holds exactly the values of the shape.
func checkFlat(doing string, flat any, shape shapes.Shape) error {
	v := reflect.ValueOf(flat)
	if v.Kind() != reflect.Slice {
		return errors.Errorf("%s: got a %T, want a slice of %s", doing, flat, shape.DType)
	}
	if got := dtypes.FromGoType(v.Type().Elem()); got != shape.DType {
		return errors.Errorf("%s: got a slice of %s, want %s for shape %s", doing, got, shape.DType, shape)
	}
	if v.Len() != shape.Size() {
		return errors.Errorf("%s: got %d values, want %d for shape %s", doing, v.Len(), shape.Size(), shape)
	}
	return nil
}

func copyMemory(dst, src unsafe.Pointer, bytes int) {
	copy(unsafe.Slice((*byte)(dst), bytes), unsafe.Slice((*byte)(src), bytes))
}
