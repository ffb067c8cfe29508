package kernel

import (
	"fmt"
	"unsafe"
)

// Transpose sets dst [cols, rows], rows dstStride elements apart, to the transpose of src [rows, cols], rows srcStride elements apart. They
// must not overlap.
func Transpose[T any](par Parallel, dst []T, dstStride int, src []T, srcStride, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	if len(src) < (rows-1)*srcStride+cols || len(dst) < (cols-1)*dstStride+rows {
		panic(fmt.Sprintf("kernel.Transpose: operands of %d and %d elements are too short for [%d, %d] with strides %d and %d",
			len(src), len(dst), rows, cols, srcStride, dstStride))
	}
	var zero T
	run := func(from, to int) {
		d, s := dst[from:], src[from*srcStride:]
		if unsafe.Sizeof(zero) == 4 {
			active.transpose4(words[uint32](d), dstStride, words[uint32](s), srcStride, to-from, cols)
		} else {
			transposePortable(d, dstStride, s, srcStride, to-from, cols)
		}
	}
	if rows*cols < 1<<14 {
		run(0, rows)
		return
	}
	split(par, rows, roundUp(ceilDiv(1<<13, cols), 64), run)
}

// words views a slice as integers of the same size.
func words[W uint32 | float32, T any](s []T) []W {
	return unsafe.Slice((*W)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

// transposePortable goes by squares that fit the first-level cache both ways.
func transposePortable[T any](dst []T, dstStride int, src []T, srcStride, rows, cols int) {
	const side = 16
	for r0 := 0; r0 < rows; r0 += side {
		r1 := min(rows, r0+side)
		for c0 := 0; c0 < cols; c0 += side {
			for c := c0; c < min(cols, c0+side); c++ {
				d := dst[c*dstStride+r0 : c*dstStride+r1]
				at := r0*srcStride + c
				for i := range d {
					d[i] = src[at]
					at += srcStride
				}
			}
		}
	}
}

// CopyStrided sets dst, dense in the order of dims, to the elements of src at sum(index[d]*strides[d]). A stride may be 0 (broadcast) or
// negative when offset makes every address fall inside src. It permutes axes, slices and broadcasts.
func CopyStrided[T any](par Parallel, dst, src []T, offset int, dims, strides []int) {
	n := 1
	for _, d := range dims {
		n *= d
	}
	checkLength("CopyStrided", len(dst), n)
	if n == 0 {
		return
	}
	// Axes that follow one another in src are one axis, which makes the innermost run as long as it can be.
	var store [2 * 8]int
	shape, step := store[:0:8], store[8:8:16]
	for i, d := range dims {
		last := len(shape) - 1
		switch {
		case d == 1:
		case last >= 0 && step[last] == strides[i]*d:
			shape[last] *= d
			step[last] = strides[i]
		default:
			shape = append(shape, d)
			step = append(step, strides[i])
		}
	}
	if len(shape) == 0 {
		dst[0] = src[offset]
		return
	}
	rank := len(shape)
	// The last two axes go as one block; a block whose rows are contiguous in src but not along the last axis is a transpose.
	inner := shape[rank-1]
	block := inner
	if rank > 1 {
		block *= shape[rank-2]
	}
	copyBlock := func(dst []T, at int) {
		if rank == 1 {
			copyRun(dst, src, at, step[0])
			return
		}
		rowStep, colStep := step[rank-2], step[rank-1]
		if rowStep == 1 && colStep >= shape[rank-2] {
			Transpose(Serial{}, dst, inner, src[at:], colStep, inner, shape[rank-2])
			return
		}
		for i := range shape[rank-2] {
			copyRun(dst[i*inner:(i+1)*inner], src, at+i*rowStep, colStep)
		}
	}
	blocks := n / block
	body := func(from, to int) {
		for b := from; b < to; b++ {
			at, rest := offset, b
			for i := rank - 3; i >= 0; i-- {
				at += rest % shape[i] * step[i]
				rest /= shape[i]
			}
			copyBlock(dst[b*block:(b+1)*block], at)
		}
	}
	if n < 1<<14 {
		body(0, blocks)
		return
	}
	if blocks >= 2*par.Workers() || rank == 1 {
		split(par, blocks, ceilDiv(1<<13, block), body)
		return
	}
	// Few large blocks: share out the rows of each.
	rowStep, colStep, rows := step[rank-2], step[rank-1], shape[rank-2]
	for b := range blocks {
		at, rest := offset, b
		for i := rank - 3; i >= 0; i-- {
			at += rest % shape[i] * step[i]
			rest /= shape[i]
		}
		d := dst[b*block : (b+1)*block]
		if rowStep == 1 && colStep >= rows {
			Transpose(par, d, inner, src[at:], colStep, inner, rows)
			continue
		}
		split(par, rows, ceilDiv(1<<13, inner), func(from, to int) {
			for i := from; i < to; i++ {
				copyRun(d[i*inner:(i+1)*inner], src, at+i*rowStep, colStep)
			}
		})
	}
}

func copyRun[T any](dst, src []T, at, step int) {
	switch step {
	case 0:
		Fill(dst, src[at])
	case 1:
		copy(dst, src[at:at+len(dst)])
	default:
		for i := range dst {
			dst[i] = src[at]
			at += step
		}
	}
}
