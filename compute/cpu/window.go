package cpu

import (
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/x448/float16"
)

// windowStep is a reduction over sliding windows, or the scattering of one value per window to the element that the reduction would
// choose.
type windowStep[T any, V kernel.Number] struct {
	w                window
	dst, src, values ref // values: SelectAndScatter's source
	in, out          []int
	inStrides        []int
	widen            func(T) V
	narrow           func(V) T
	initial          V
	isScatter        bool
	offsets          []tap // of the window's elements, where none falls outside

	// Trailing axes that the window leaves alone are handled as vectors of this length.
	vector  int
	combine tileFunc
}

// tap is one element of a window.
type tap struct {
	index []int // in the window, dilated
	at    int   // from the window's first element, when the base is not dilated
}

func newWindowStep(n *node, dst ref, in []ref, operands []view) step {
	switch n.shape.DType {
	case dtypes.Float32:
		return newNumberWindow[float32](n, dst, in, operands)
	case dtypes.Float64:
		return newNumberWindow[float64](n, dst, in, operands)
	case dtypes.Int8:
		return newNumberWindow[int8](n, dst, in, operands)
	case dtypes.Int16:
		return newNumberWindow[int16](n, dst, in, operands)
	case dtypes.Int32:
		return newNumberWindow[int32](n, dst, in, operands)
	case dtypes.Int64:
		return newNumberWindow[int64](n, dst, in, operands)
	case dtypes.Uint8, dtypes.Bool: // false is 0, true is 1
		return newNumberWindow[uint8](n, dst, in, operands)
	case dtypes.Uint16:
		return newNumberWindow[uint16](n, dst, in, operands)
	case dtypes.Uint32:
		return newNumberWindow[uint32](n, dst, in, operands)
	case dtypes.Uint64:
		return newNumberWindow[uint64](n, dst, in, operands)
	case dtypes.BFloat16:
		return newWindowOf(n, dst, in, operands, bfloat16.BFloat16.Float32, kernel.RoundBFloat16)
	default:
		return newWindowOf(n, dst, in, operands, float16.Float16.Float32, float16.Fromfloat32)
	}
}

func newNumberWindow[T kernel.Number](n *node, dst ref, in []ref, operands []view) step {
	same := func(x T) T { return x }
	return newWindowOf(n, dst, in, operands, same, same)
}

func newWindowOf[T any, V kernel.Number](n *node, dst ref, in []ref, operands []view, widen func(T) V, narrow func(V) T) step {
	s := &windowStep[T, V]{w: n.attr.(window), dst: dst, src: in[0], in: operands[0].dims, out: n.shape.Dimensions, widen: widen, narrow: narrow}
	s.inStrides = denseStrides(s.in)
	if n.op != backends.OpTypeReduceWindow {
		s.isScatter = true
		s.values = in[1]
		s.out = operands[1].dims
	}
	switch s.w.reduction {
	case backends.ReduceOpProduct:
		s.initial = 1
	case backends.ReduceOpMax, backends.ReduceOpMin:
		op := backends.OpTypeReduceMax
		if s.w.reduction == backends.ReduceOpMin {
			op = backends.OpTypeReduceMin
		}
		d := n.shape.DType
		if d.IsFloat16() {
			d = dtypes.Float32 // which V is then
		}
		s.initial = *(*V)(extremeValue(op, d).ptr())
	}
	s.vector = 1
	if !s.isScatter && !n.shape.DType.IsFloat16() && n.shape.DType != dtypes.Bool {
		rank := len(s.in)
		for rank > 0 && s.w.dims[rank-1] == 1 && s.w.strides[rank-1] == 1 && s.w.baseDilations[rank-1] == 1 && s.w.paddings[rank-1] == [2]int{} {
			rank--
			s.vector *= s.in[rank]
		}
		s.in, s.out, s.inStrides = s.in[:rank], s.out[:rank], s.inStrides[:rank]
		op := map[backends.ReduceOpType]opcode{backends.ReduceOpSum: backends.OpTypeAdd, backends.ReduceOpProduct: backends.OpTypeMul,
			backends.ReduceOpMax: backends.OpTypeMax, backends.ReduceOpMin: backends.OpTypeMin}[s.w.reduction]
		s.combine = binaryForms(op, n.shape.DType).vv
	}
	size := product(s.w.dims)
	for i := range size {
		t := tap{index: make([]int, len(s.in))}
		rest := i
		for a := len(s.in) - 1; a >= 0; a-- {
			t.index[a] = rest % s.w.dims[a] * s.w.winDilations[a]
			rest /= s.w.dims[a]
			t.at += t.index[a] * s.inStrides[a]
		}
		s.offsets = append(s.offsets, t)
	}
	return s
}

func (s *windowStep[T, V]) run(f *frame) {
	src := f.at(s.src)
	n := product(s.out)
	if s.isScatter {
		s.scatter(f, src, n)
		return
	}
	pieces := 1
	if n*s.vector*len(s.offsets) > 1<<15 {
		pieces = min(n, 64)
	}
	if s.vector > 1 {
		s.runVectors(f, src, n, pieces)
		return
	}
	dst := span[T](f.at(s.dst), n*s.vector)
	f.par.For(pieces, func(p int) {
		corner := make([]int, len(s.out))
		for i := p * n / pieces; i < (p+1)*n/pieces; i++ {
			v := s.initial
			s.visit(corner, i, func(at int) {
				x := s.widen(*element[T](src, at))
				switch s.w.reduction {
				case backends.ReduceOpSum:
					v += x
				case backends.ReduceOpProduct:
					v *= x
				case backends.ReduceOpMax:
					v = max(v, x)
				default:
					v = min(v, x)
				}
			})
			dst[i] = s.narrow(v)
		}
	})
}

// runVectors reduces windows of vectors.
func (s *windowStep[T, V]) runVectors(f *frame, src unsafe.Pointer, n, pieces int) {
	f.par.For(pieces, func(p int) {
		corner := make([]int, len(s.out))
		for i := p * n / pieces; i < (p+1)*n/pieces; i++ {
			d := unsafe.Pointer(element[T](f.at(s.dst), i*s.vector))
			empty := true
			s.visit(corner, i, func(at int) {
				x := unsafe.Pointer(element[T](src, at))
				if empty {
					copy(span[T](d, s.vector), span[T](x, s.vector))
					empty = false
					return
				}
				s.combine(d, d, x, nil, s.vector)
			})
			if empty {
				kernel.Fill(span[T](d, s.vector), s.narrow(s.initial))
			}
		}
	})
}

// visit calls each with the offset of every element of the i-th window that exists.
func (s *windowStep[T, V]) visit(corner []int, i int, each func(at int)) {
	inside, base := true, 0
	for a := len(s.out) - 1; a >= 0; a-- {
		corner[a] = i%s.out[a]*s.w.strides[a] - s.w.paddings[a][0]
		i /= s.out[a]
		inside = inside && corner[a] >= 0 && s.w.baseDilations[a] == 1 && corner[a]+(s.w.dims[a]-1)*s.w.winDilations[a] < s.in[a]
		base += corner[a] * s.inStrides[a]
	}
	if inside {
		for k := range s.offsets {
			each(base + s.offsets[k].at)
		}
		return
	}
taps:
	for k := range s.offsets {
		at := 0
		for a, c := range corner {
			c += s.offsets[k].index[a]
			if c < 0 {
				continue taps
			}
			if d := s.w.baseDilations[a]; d > 1 {
				if c%d != 0 {
					continue taps
				}
				c /= d
			}
			if c >= s.in[a] {
				continue taps
			}
			at += c * s.inStrides[a]
		}
		each(at)
	}
}

// scatter adds each source value to the element its window selects; the first of equals is selected.
func (s *windowStep[T, V]) scatter(f *frame, src unsafe.Pointer, n int) {
	total := product(s.in)
	sums := make([]V, total)
	values := f.at(s.values)
	corner := make([]int, len(s.out))
	for i := range n {
		best := -1
		var v V
		s.visit(corner, i, func(at int) {
			x := s.widen(*element[T](src, at))
			if best < 0 || s.w.reduction == backends.ReduceOpMax && x > v || s.w.reduction == backends.ReduceOpMin && x < v || x != x && v == v {
				best, v = at, x
			}
		})
		if best >= 0 {
			sums[best] += s.widen(*element[T](values, i))
		}
	}
	for i, r := 0, span[T](f.at(s.dst), total); i < total; i++ {
		r[i] = s.narrow(sums[i])
	}
}
