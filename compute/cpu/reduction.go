package cpu

import (
	"math"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/x448/float16"
)

var kernelReductions = map[opcode]struct {
	op      kernel.ReduceOp
	combine opcode
}{
	backends.OpTypeReduceSum:     {kernel.Sum, backends.OpTypeAdd},
	backends.OpTypeReduceProduct: {kernel.Product, backends.OpTypeMul},
	backends.OpTypeReduceMax:     {kernel.Maximum, backends.OpTypeMax},
	backends.OpTypeReduceMin:     {kernel.Minimum, backends.OpTypeMin},
}

var bitReductions = map[opcode]opcode{
	backends.OpTypeReduceBitwiseAnd: backends.OpTypeBitwiseAnd, backends.OpTypeReduceBitwiseOr: backends.OpTypeBitwiseOr,
	backends.OpTypeReduceBitwiseXor: backends.OpTypeBitwiseXor, backends.OpTypeReduceLogicalAnd: backends.OpTypeLogicalAnd,
	backends.OpTypeReduceLogicalOr: backends.OpTypeLogicalOr, backends.OpTypeReduceLogicalXor: backends.OpTypeLogicalXor,
}

func hasReduce(op opcode, dtype dtypes.DType) bool { return reduceFunctions(op, dtype).fold != nil }

// reduceFunctions returns how an op reduces values of the dtype; none if it does not.
func reduceFunctions(op opcode, dtype dtypes.DType) reduction {
	if combine, ok := bitReductions[op]; ok {
		return foldBy(binaryForms(combine, dtype).vv, dtype.Size())
	}
	k, ok := kernelReductions[op]
	if !ok {
		return reduction{}
	}
	switch dtype {
	case dtypes.Float32:
		return kernelReduction[float32](k.op, k.combine)
	case dtypes.Float64:
		return kernelReduction[float64](k.op, k.combine)
	case dtypes.Int8:
		return kernelReduction[int8](k.op, k.combine)
	case dtypes.Int16:
		return kernelReduction[int16](k.op, k.combine)
	case dtypes.Int32:
		return kernelReduction[int32](k.op, k.combine)
	case dtypes.Int64:
		return kernelReduction[int64](k.op, k.combine)
	case dtypes.Uint8:
		return kernelReduction[uint8](k.op, k.combine)
	case dtypes.Uint16:
		return kernelReduction[uint16](k.op, k.combine)
	case dtypes.Uint32:
		return kernelReduction[uint32](k.op, k.combine)
	case dtypes.Uint64:
		return kernelReduction[uint64](k.op, k.combine)
	case dtypes.BFloat16:
		return narrowReduction(k.op, k.combine, dtype, bfloat16.BFloat16.Float32, kernel.RoundBFloat16)
	case dtypes.Float16:
		return narrowReduction(k.op, k.combine, dtype, float16.Float16.Float32, float16.Fromfloat32)
	}
	return foldBy(binaryForms(k.combine, dtype).vv, dtype.Size())
}

func kernelReduction[T kernel.Number](op kernel.ReduceOp, combine opcode) reduction {
	return reduction{
		fold: func(dst, src unsafe.Pointer, outer, n, cols int) {
			kernel.Reduce(kernel.Serial{}, op, span[T](dst, outer*cols), span[T](src, outer*n*cols), outer, n, cols)
		},
		combine: numberForms[T](combine).vv,
	}
}

// narrowReduction folds 16-bit floats in float32 and rounds each result.
func narrowReduction[H any](op kernel.ReduceOp, combine opcode, dtype dtypes.DType, widen func(H) float32, narrow func(float32) H) reduction {
	return reduction{
		fold: func(dst, src unsafe.Pointer, outer, n, cols int) {
			x := span[H](src, outer*n*cols)
			wide, sums := make([]float32, len(x)), make([]float32, outer*cols)
			for i, v := range x {
				wide[i] = widen(v)
			}
			kernel.Reduce(kernel.Serial{}, op, sums, wide, outer, n, cols)
			for i, r := 0, span[H](dst, len(sums)); i < len(r); i++ {
				r[i] = narrow(sums[i])
			}
		},
		combine: binaryForms(combine, dtype).vv,
	}
}

// foldBy reduces with a binary op, whole columns at a time.
func foldBy(combine tileFunc, size int) reduction {
	if combine == nil {
		return reduction{}
	}
	return reduction{
		fold: func(dst, src unsafe.Pointer, outer, n, cols int) {
			for o := range outer {
				d := unsafe.Add(dst, o*cols*size)
				for i := range n {
					s := unsafe.Add(src, (o*n+i)*cols*size)
					if i == 0 {
						copyMemory(d, s, cols*size)
					} else {
						combine(d, d, s, nil, cols)
					}
				}
			}
		},
		combine: combine,
	}
}

// identityOf returns what a reduction gives over no values.
func (r *rewriter) identityOf(op opcode, shape shapes.Shape) (*node, error) {
	d := shape.DType
	var zero *node
	var err error
	switch op {
	case backends.OpTypeReduceProduct, backends.OpTypeReduceLogicalAnd:
		zero, err = r.constant(d, 1)
	case backends.OpTypeReduceBitwiseAnd, backends.OpTypeReduceMax, backends.OpTypeReduceMin:
		zero, err = r.unique(backends.OpTypeConstant, shapes.Make(d), extremeValue(op, d))
	default:
		zero, err = r.constant(d, 0)
	}
	if err != nil {
		return nil, err
	}
	return r.broadcast(zero, shape, []int{})
}

// extremeValue returns the lowest value of a dtype for ReduceMax, the highest for ReduceMin, and all bits set for ReduceBitwiseAnd.
func extremeValue(op opcode, d dtypes.DType) *literal {
	if d.IsFloat() {
		if op == backends.OpTypeReduceMax {
			return scalarOf(d, math.Inf(-1))
		}
		return scalarOf(d, math.Inf(1))
	}
	bits := uint(d.Size() * 8)
	if d == dtypes.Bool {
		bits = 1
	}
	ones := ^uint64(0) >> (64 - bits)
	var v uint64
	switch {
	case op == backends.OpTypeReduceBitwiseAnd:
		v = ones
	case op == backends.OpTypeReduceMax && !d.IsUnsigned() && d != dtypes.Bool:
		v = 1 << (bits - 1)
	case op == backends.OpTypeReduceMin:
		v = ones
		if !d.IsUnsigned() && d != dtypes.Bool {
			v >>= 1
		}
	}
	l := newLiteral(d.Size())
	copyMemory(l.ptr(), unsafe.Pointer(&v), d.Size()) // little-endian, as every value here
	return l
}
