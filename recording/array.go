package recording

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Array is a dense n-dimensional block of values as a file holds it: shape, order in memory and element type are the
// file's own, nothing is converted until asked for.
type Array struct {
	Name  string
	Dims  []int // length of each axis, first index first, whatever the Order; nil or empty for a single value
	Order Order
	// Data is a slice of the element type: []bool, []int8 ... []uint64, []float32, []float64, []complex64, []complex128 or
	// []string. Its length is the product of Dims.
	Data any
}

// Order says which axis varies fastest along Data.
type Order uint8

const (
	RowMajor    Order = iota // the last axis varies fastest (C, NumPy's default, Go)
	ColumnMajor              // the first axis varies fastest (MATLAB, Fortran)
)

func (o Order) String() string {
	if o == ColumnMajor {
		return "column-major"
	}
	return "row-major"
}

// Element is the set of types an Array's Data may consist of.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64 | complex64 | complex128 | string
}

// Count is the number of elements that dims describe, or an error when one is negative or the product does not fit an int.
func Count(dims []int) (int, error) {
	n := 1
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("negative length in shape %v", dims)
		}
		if d != 0 && n > math.MaxInt/d {
			return 0, fmt.Errorf("shape %v has more elements than an integer can count", dims)
		}
		n *= d
	}
	return n, nil
}

// NewArray wraps data, which it does not copy, and checks that its length is the product of dims.
func NewArray[T Element](name string, dims []int, order Order, data []T) (*Array, error) {
	n, err := Count(dims)
	if err != nil {
		return nil, err
	}
	if n != len(data) {
		return nil, fmt.Errorf("array %q: %d values, but shape %v needs %d", name, len(data), dims, n)
	}
	return &Array{Name: name, Dims: slices.Clone(dims), Order: order, Data: data}, nil
}

// Len is the number of elements.
func (a *Array) Len() int {
	if a.Data == nil {
		return 0
	}
	return reflect.ValueOf(a.Data).Len()
}

// Type names the element type as Go does: "float64", "int16", "bool", "string" ...
func (a *Array) Type() string {
	if a.Data == nil {
		return "nothing"
	}
	return reflect.TypeOf(a.Data).Elem().Kind().String()
}

func (a *Array) String() string {
	return fmt.Sprintf("%s %s %s", a.Name, FormatDims(a.Dims), a.Type())
}

// FormatDims writes a shape the way people say it: "50x28x316", and "scalar" for no axes.
func FormatDims(dims []int) string {
	if len(dims) == 0 {
		return "scalar"
	}
	var b strings.Builder
	for i, d := range dims {
		if i > 0 {
			b.WriteByte('x')
		}
		fmt.Fprint(&b, d)
	}
	return b.String()
}

// Values gives the array's own storage, in its own order, when its element type is T, and an error otherwise.
func Values[T Element](a *Array) ([]T, error) {
	if d, ok := a.Data.([]T); ok {
		return d, nil
	}
	var want []T
	return nil, &Error{Field: quoted(a.Name), Offset: -1, Found: "values of type " + a.Type(),
		Expected: "type " + reflect.TypeOf(want).Elem().Kind().String(), Remedy: "use Float64s to have real numbers of any type converted"}
}

// Float64s returns the elements as float64, in the array's own Order (see RowMajor). An array of float64 gives its own
// storage, not a copy. Truth values become 0 and 1; 64-bit integers beyond 2^53 are rounded. Complex numbers and text are an
// error.
func (a *Array) Float64s() ([]float64, error) {
	switch d := a.Data.(type) {
	case []float64:
		return d, nil
	case []bool:
		return fromBools[float64](d), nil
	case []int8:
		return convert[float64](d), nil
	case []int16:
		return convert[float64](d), nil
	case []int32:
		return convert[float64](d), nil
	case []int64:
		return convert[float64](d), nil
	case []uint8:
		return convert[float64](d), nil
	case []uint16:
		return convert[float64](d), nil
	case []uint32:
		return convert[float64](d), nil
	case []uint64:
		return convert[float64](d), nil
	case []float32:
		return convert[float64](d), nil
	}
	return nil, a.notReal()
}

// Float32s is Float64s for single precision: float32 arrays give their own storage, everything else is rounded.
func (a *Array) Float32s() ([]float32, error) {
	switch d := a.Data.(type) {
	case []float32:
		return d, nil
	case []bool:
		return fromBools[float32](d), nil
	case []int8:
		return convert[float32](d), nil
	case []int16:
		return convert[float32](d), nil
	case []int32:
		return convert[float32](d), nil
	case []int64:
		return convert[float32](d), nil
	case []uint8:
		return convert[float32](d), nil
	case []uint16:
		return convert[float32](d), nil
	case []uint32:
		return convert[float32](d), nil
	case []uint64:
		return convert[float32](d), nil
	case []float64:
		return convert[float32](d), nil
	}
	return nil, a.notReal()
}

// notReal explains why an array has no real numbers to give.
func (a *Array) notReal() error {
	e := &Error{Field: quoted(a.Name), Offset: -1, Found: "values of type " + a.Type(), Expected: "real numbers"}
	switch a.Data.(type) {
	case []complex64, []complex128:
		e.Remedy = "use Values[complex128] (or complex64) and take the real part, the magnitude or the phase yourself"
	case []string:
		e.Remedy = "use Values[string]"
	}
	return e
}

type number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

func convert[D float32 | float64, S number](src []S) []D {
	dst := make([]D, len(src))
	for i, v := range src {
		dst[i] = D(v)
	}
	return dst
}

func fromBools[D float32 | float64](src []bool) []D {
	dst := make([]D, len(src))
	for i, v := range src {
		if v {
			dst[i] = 1
		}
	}
	return dst
}

// RowMajor returns the same array with the last axis varying fastest: the array itself when it already is, else a copy.
// Dims do not change: element [i][j][k] stays element [i][j][k].
func (a *Array) RowMajor() *Array {
	if a.Order == RowMajor {
		return a
	}
	axes := make([]int, len(a.Dims))
	for i := range axes {
		axes[i] = i
	}
	return a.permuted(axes)
}

// Permute returns a row-major copy whose axis i is the array's axis axes[i]: samples x channels x trials permuted by
// (2, 1, 0) is trials x channels x samples. The axes must be a permutation of 0 .. len(Dims)-1.
func (a *Array) Permute(axes ...int) (*Array, error) {
	seen := make([]bool, len(a.Dims))
	ok := len(axes) == len(a.Dims)
	for _, x := range axes {
		if !ok || x < 0 || x >= len(seen) || seen[x] {
			ok = false
			break
		}
		seen[x] = true
	}
	if !ok {
		return nil, &Error{Field: quoted(a.Name), Offset: -1, Found: fmt.Sprintf("axes %v", axes),
			Expected: fmt.Sprintf("each of the axes 0 to %d once", len(a.Dims)-1)}
	}
	return a.permuted(axes), nil
}

func (a *Array) permuted(axes []int) *Array {
	out := &Array{Name: a.Name, Dims: make([]int, len(axes)), Order: RowMajor}
	strides := make([]int, len(axes)) // along a.Data, for each axis of the result
	for i, x := range axes {
		out.Dims[i] = a.Dims[x]
		strides[i] = 1
		if a.Order == ColumnMajor {
			for _, d := range a.Dims[:x] {
				strides[i] *= d
			}
		} else {
			for _, d := range a.Dims[x+1:] {
				strides[i] *= d
			}
		}
	}
	switch d := a.Data.(type) {
	case []bool:
		out.Data = gather(d, out.Dims, strides)
	case []int8:
		out.Data = gather(d, out.Dims, strides)
	case []int16:
		out.Data = gather(d, out.Dims, strides)
	case []int32:
		out.Data = gather(d, out.Dims, strides)
	case []int64:
		out.Data = gather(d, out.Dims, strides)
	case []uint8:
		out.Data = gather(d, out.Dims, strides)
	case []uint16:
		out.Data = gather(d, out.Dims, strides)
	case []uint32:
		out.Data = gather(d, out.Dims, strides)
	case []uint64:
		out.Data = gather(d, out.Dims, strides)
	case []float32:
		out.Data = gather(d, out.Dims, strides)
	case []float64:
		out.Data = gather(d, out.Dims, strides)
	case []complex64:
		out.Data = gather(d, out.Dims, strides)
	case []complex128:
		out.Data = gather(d, out.Dims, strides)
	case []string:
		out.Data = gather(d, out.Dims, strides)
	}
	return out
}

// gather copies src, whose element [i0][i1]... lies at the sum of i*strides, into row-major order. The last axis of the
// result and the axis along which src is contiguous are walked in square tiles, so that both sides stay in cache.
func gather[T any](src []T, dims, strides []int) []T {
	dst := make([]T, len(src))
	if len(src) == 0 || len(dims) == 0 {
		copy(dst, src)
		return dst
	}
	last := len(dims) - 1
	near := last // the axis of the result that is contiguous in src
	for i, s := range strides {
		if s == 1 && dims[i] > 1 {
			near = i
		}
	}
	out := make([]int, len(dims)) // strides along dst
	for i, n := last, 1; i >= 0; i-- {
		out[i] = n
		n *= dims[i]
	}
	if near == last {
		runs(dims, last, last, strides, out, func(from, to int) {
			if s := strides[last]; s == 1 {
				copy(dst[to:to+dims[last]], src[from:])
			} else {
				for i := range dims[last] {
					dst[to+i] = src[from+i*s]
				}
			}
		})
		return dst
	}
	const tile = 32
	rows, cols := dims[near], dims[last]
	rowOut, colIn := out[near], strides[last]
	runs(dims, near, last, strides, out, func(from, to int) {
		for r0 := 0; r0 < rows; r0 += tile {
			for c0 := 0; c0 < cols; c0 += tile {
				for r := r0; r < min(r0+tile, rows); r++ {
					for c := c0; c < min(c0+tile, cols); c++ {
						dst[to+r*rowOut+c] = src[from+r+c*colIn]
					}
				}
			}
		}
	})
	return dst
}

// runs calls f with the offsets along source and destination of every index combination of the axes other than skip1 and
// skip2.
func runs(dims []int, skip1, skip2 int, strides, out []int, f func(from, to int)) {
	index := make([]int, len(dims))
	from, to := 0, 0
	for {
		f(from, to)
		axis := len(dims) - 1
		for ; axis >= 0; axis-- {
			if axis == skip1 || axis == skip2 {
				continue
			}
			index[axis]++
			from += strides[axis]
			to += out[axis]
			if index[axis] < dims[axis] {
				break
			}
			from -= index[axis] * strides[axis]
			to -= index[axis] * out[axis]
			index[axis] = 0
		}
		if axis < 0 {
			return
		}
	}
}
