package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// view addresses the values of a stored node: the element at index i is at offset + sum of i[d]*strides[d], in elements. A stride is 0
// where the view broadcasts and negative where it reverses.
type view struct {
	base    *node
	offset  int
	dims    []int
	strides []int
}

// whole returns the view of all of n's values in order.
func whole(n *node) view {
	return view{base: n, dims: n.shape.Dimensions, strides: denseStrides(n.shape.Dimensions)}
}

func denseStrides(dims []int) []int {
	s := make([]int, len(dims))
	step := 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = step
		step *= dims[i]
	}
	return s
}

func (v view) size() int { return product(v.dims) }

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// isDense reports whether the elements follow one another in memory, in order.
func (v view) isDense() bool {
	step := 1
	for i := len(v.dims) - 1; i >= 0; i-- {
		if v.dims[i] == 1 {
			continue
		}
		if v.strides[i] != step {
			return false
		}
		step *= v.dims[i]
	}
	return true
}

// isWhole reports whether the view is all of the base's values in order.
func (v view) isWhole() bool {
	return v.offset == 0 && v.size() == v.base.shape.Size() && v.isDense()
}

// isUniform reports whether every element is the same one.
func (v view) isUniform() bool {
	for i, s := range v.strides {
		if s != 0 && v.dims[i] != 1 {
			return false
		}
	}
	return true
}

// through returns what n, which only changes the layout, makes of a view of its operand; ok is false for a reshape that no strides express.
func (v view) through(n *node) (w view, ok bool) {
	dims := n.shape.Dimensions
	switch n.op {
	case backends.OpTypeReshape:
		return v.reshape(dims)
	case backends.OpTypeTranspose:
		return v.transpose(n.attr.(axisOrder)), true
	case backends.OpTypeBroadcastInDim:
		return v.broadcast(dims, n.attr.([]int)), true
	case backends.OpTypeSlice:
		return v.slice(dims, n.attr.(sliceRange)), true
	default:
		return v.reverse(n.attr.(reversedAxes)), true
	}
}

func (v view) transpose(order []int) view {
	w := view{base: v.base, offset: v.offset, dims: make([]int, len(order)), strides: make([]int, len(order))}
	for i, a := range order {
		w.dims[i], w.strides[i] = v.dims[a], v.strides[a]
	}
	return w
}

func (v view) broadcast(dims, axes []int) view {
	w := view{base: v.base, offset: v.offset, dims: dims, strides: make([]int, len(dims))}
	for i, a := range axes {
		if v.dims[i] == dims[a] {
			w.strides[a] = v.strides[i]
		}
	}
	return w
}

func (v view) slice(dims []int, r sliceRange) view {
	w := view{base: v.base, offset: v.offset, dims: dims, strides: make([]int, len(dims))}
	for i := range dims {
		w.offset += r.starts[i] * v.strides[i]
		w.strides[i] = v.strides[i] * r.strides[i]
	}
	return w
}

func (v view) reverse(axes []int) view {
	w := view{base: v.base, offset: v.offset, dims: v.dims, strides: slices.Clone(v.strides)}
	for _, a := range axes {
		if v.dims[a] > 0 {
			w.offset += (v.dims[a] - 1) * v.strides[a]
			w.strides[a] = -v.strides[a]
		}
	}
	return w
}

// collapse merges axes that follow one another in memory and drops those of dimension 1.
func (v view) collapse() view {
	w := view{base: v.base, offset: v.offset}
	for i, d := range v.dims {
		if d == 1 {
			continue
		}
		if last := len(w.dims) - 1; last >= 0 && w.strides[last] == v.strides[i]*d {
			w.dims[last] *= d
			w.strides[last] = v.strides[i]
		} else {
			w.dims = append(w.dims, d)
			w.strides = append(w.strides, v.strides[i])
		}
	}
	return w
}

// reshape returns the same elements, in the same order, under other dimensions; ok is false if no strides do that.
func (v view) reshape(dims []int) (w view, ok bool) {
	w = view{base: v.base, offset: v.offset, dims: dims, strides: make([]int, len(dims))}
	if v.size() == 0 {
		return w, true
	}
	c := v.collapse()
	// Peel the new axes off the merged old ones, innermost first.
	at, left, step := len(c.dims)-1, 1, 0
	if at >= 0 {
		left, step = c.dims[at], c.strides[at]
	}
	for i := len(dims) - 1; i >= 0; i-- {
		d := dims[i]
		if d == 1 {
			continue
		}
		if left == 1 {
			at--
			left, step = c.dims[at], c.strides[at]
		}
		if left%d != 0 {
			return w, false
		}
		w.strides[i] = step
		left /= d
		step *= d
	}
	return w, true
}

// copyView writes a view's elements, in order, to dst; base points at the base's first element.
func copyView(par kernel.Parallel, size int, dst, base unsafe.Pointer, baseElements int, v view) {
	switch size {
	case 1:
		copyElements[uint8](par, dst, base, baseElements, v)
	case 2:
		copyElements[uint16](par, dst, base, baseElements, v)
	case 4:
		copyElements[uint32](par, dst, base, baseElements, v)
	case 8:
		copyElements[uint64](par, dst, base, baseElements, v)
	default:
		copyElements[complex128](par, dst, base, baseElements, v)
	}
}

func copyElements[T any](par kernel.Parallel, dst, base unsafe.Pointer, baseElements int, v view) {
	kernel.CopyStrided(par, span[T](dst, v.size()), span[T](base, baseElements), v.offset, v.dims, v.strides)
}
