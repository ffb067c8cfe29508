package cpu

import (
	"math"
	"math/bits"
	"math/cmplx"
	"sync"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
	"github.com/x448/float16"
)

// tileFunc computes n elements of one element-wise op. Operands are contiguous and may be dst itself; unused ones are nil.
type tileFunc func(dst, a, b, c unsafe.Pointer, n int)

// forms are a binary op's functions for two vectors, vector with scalar, and scalar with vector. The last two may be nil.
type forms struct {
	vv, vs, sv tileFunc
	rows       rowsFunc // vs for each of many rows, or nil
}

// rowsFunc computes rows of a tile from the rows of a and a value of b for each.
type rowsFunc func(dst, a, b unsafe.Pointer, rows, inner int)

// span returns the n elements from p on.
func span[T any](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

// element returns the i-th element from p on.
func element[T any](p unsafe.Pointer, i int) *T {
	return (*T)(unsafe.Add(p, i*int(unsafe.Sizeof(*new(T)))))
}

var floatUnary = map[opcode]kernel.UnaryOp{
	backends.OpTypeAbs: kernel.Abs, backends.OpTypeNeg: kernel.Neg, backends.OpTypeSign: kernel.Sign, backends.OpTypeFloor: kernel.Floor,
	backends.OpTypeCeil: kernel.Ceil, backends.OpTypeRound: kernel.RoundEven, opSquare: kernel.Square, opReciprocal: kernel.Reciprocal, opGelu: kernel.Gelu,
	backends.OpTypeSqrt: kernel.Sqrt, backends.OpTypeRsqrt: kernel.Rsqrt, backends.OpTypeExp: kernel.Exp,
	backends.OpTypeExpm1: kernel.Expm1, backends.OpTypeLog: kernel.Log, backends.OpTypeLog1p: kernel.Log1p, backends.OpTypeSin: kernel.Sin,
	backends.OpTypeCos: kernel.Cos, backends.OpTypeTanh: kernel.Tanh, backends.OpTypeLogistic: kernel.Sigmoid, backends.OpTypeErf: kernel.Erf,
}

var numberBinary = map[opcode]kernel.BinaryOp{
	backends.OpTypeAdd: kernel.Add, backends.OpTypeSub: kernel.Sub, backends.OpTypeMul: kernel.Mul, backends.OpTypeDiv: kernel.Div,
	backends.OpTypeMax: kernel.Max, backends.OpTypeMin: kernel.Min, backends.OpTypePow: kernel.Pow, backends.OpTypeRem: kernel.Rem,
}

var numberCompare = map[opcode]kernel.CompareOp{
	backends.OpTypeEqual: kernel.Equal, backends.OpTypeNotEqual: kernel.NotEqual, backends.OpTypeLessThan: kernel.Less,
	backends.OpTypeLessOrEqual: kernel.LessEqual, backends.OpTypeGreaterThan: kernel.Greater, backends.OpTypeGreaterOrEqual: kernel.GreaterEqual,
}

// totalOrder maps the comparisons by total order to those of the integers that order keys are.
var totalOrder = map[opcode]kernel.CompareOp{
	backends.OpTypeEqualTotalOrder: kernel.Equal, backends.OpTypeNotEqualTotalOrder: kernel.NotEqual,
	backends.OpTypeLessThanTotalOrder: kernel.Less, backends.OpTypeLessOrEqualTotalOrder: kernel.LessEqual,
	backends.OpTypeGreaterThanTotalOrder: kernel.Greater, backends.OpTypeGreaterOrEqualTotalOrder: kernel.GreaterEqual,
}

func hasUnary(op opcode, dtype dtypes.DType) bool   { return unaryFunc(op, dtype) != nil }
func hasBinary(op opcode, dtype dtypes.DType) bool  { return binaryForms(op, dtype).vv != nil }
func hasCompare(op opcode, dtype dtypes.DType) bool { return compareForms(op, dtype).vv != nil }
func hasConvert(from, to dtypes.DType) bool         { return convertFunc(from, to) != nil }

// unaryFunc returns the function of a unary op on operands of the dtype; nil if there is none.
func unaryFunc(op opcode, dtype dtypes.DType) tileFunc {
	if op == backends.OpTypeIsFinite {
		return isFiniteFunc(dtype)
	}
	switch dtype {
	case dtypes.Bool:
		if op == backends.OpTypeLogicalNot {
			return mapFunc(func(x bool) bool { return !x })
		}
		return nil
	case dtypes.Float32:
		return floatUnaryFunc[float32](op)
	case dtypes.Float64:
		return floatUnaryFunc[float64](op)
	case dtypes.BFloat16:
		return narrowUnary(op, bfloat16.BFloat16.Float32, kernel.RoundBFloat16)
	case dtypes.Float16:
		return narrowUnary(op, float16.Float16.Float32, float16.Fromfloat32)
	case dtypes.Int8:
		return integerUnary[int8](op, true, func(x int8) uint64 { return uint64(uint8(x)) }, 8)
	case dtypes.Int16:
		return integerUnary[int16](op, true, func(x int16) uint64 { return uint64(uint16(x)) }, 16)
	case dtypes.Int32:
		return integerUnary[int32](op, true, func(x int32) uint64 { return uint64(uint32(x)) }, 32)
	case dtypes.Int64:
		return integerUnary[int64](op, true, func(x int64) uint64 { return uint64(x) }, 64)
	case dtypes.Uint8:
		return integerUnary[uint8](op, false, func(x uint8) uint64 { return uint64(x) }, 8)
	case dtypes.Uint16:
		return integerUnary[uint16](op, false, func(x uint16) uint64 { return uint64(x) }, 16)
	case dtypes.Uint32:
		return integerUnary[uint32](op, false, func(x uint32) uint64 { return uint64(x) }, 32)
	case dtypes.Uint64:
		return integerUnary[uint64](op, false, func(x uint64) uint64 { return x }, 64)
	case dtypes.Complex64:
		return complexUnary[complex64, float32](op)
	case dtypes.Complex128:
		return complexUnary[complex128, float64](op)
	}
	return nil
}

// mapFunc applies f to every element.
func mapFunc[A, R any](f func(A) R) tileFunc {
	return func(dst, a, _, _ unsafe.Pointer, n int) {
		x := span[A](a, n)
		for i, r := 0, span[R](dst, n); i < n; i++ {
			r[i] = f(x[i])
		}
	}
}

// zipFunc applies f to every pair of elements.
func zipFunc[A, R any](f func(x, y A) R) tileFunc {
	return func(dst, a, b, _ unsafe.Pointer, n int) {
		x, y := span[A](a, n), span[A](b, n)
		for i, r := 0, span[R](dst, n); i < n; i++ {
			r[i] = f(x[i], y[i])
		}
	}
}

// wordFunc applies f to every pair of eight bytes, and to the last few one by one.
func wordFunc(f func(x, y uint64) uint64) tileFunc {
	return func(dst, a, b, _ unsafe.Pointer, n int) {
		x, y := span[uint64](a, n/8), span[uint64](b, n/8)
		for i, r := 0, span[uint64](dst, n/8); i < len(r); i++ {
			r[i] = f(x[i], y[i])
		}
		p, q, r := span[uint8](a, n), span[uint8](b, n), span[uint8](dst, n)
		for i := n / 8 * 8; i < n; i++ {
			r[i] = uint8(f(uint64(p[i]), uint64(q[i])))
		}
	}
}

func floatUnaryFunc[T kernel.Float](op opcode) tileFunc {
	k, ok := floatUnary[op]
	if !ok {
		return nil
	}
	return func(dst, a, _, _ unsafe.Pointer, n int) { kernel.Unary(k, span[T](dst, n), span[T](a, n)) }
}

func isFiniteFunc(dtype dtypes.DType) tileFunc {
	finite := func(x float32) bool { return math.Float32bits(x)&0x7f800000 != 0x7f800000 }
	switch dtype {
	case dtypes.Float32:
		return mapFunc(finite)
	case dtypes.Float64:
		return mapFunc(func(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) })
	case dtypes.BFloat16:
		return mapFunc(func(x bfloat16.BFloat16) bool { return finite(x.Float32()) })
	case dtypes.Float16:
		return mapFunc(func(x float16.Float16) bool { return finite(x.Float32()) })
	}
	return nil
}

func integerUnary[T kernel.Integer](op opcode, signed bool, raw func(T) uint64, width int) tileFunc {
	switch op {
	case backends.OpTypeAbs:
		return mapFunc(func(x T) T { return max(x, -x*T(boolToInt(signed))) })
	case backends.OpTypeNeg:
		if signed {
			return mapFunc(func(x T) T { return -x })
		}
	case backends.OpTypeSign:
		return mapFunc(func(x T) T {
			if x == 0 {
				return 0
			}
			if x > 0 {
				return 1
			}
			return ^T(0)
		})
	case backends.OpTypeBitwiseNot:
		return mapFunc(func(x T) T { return ^x })
	case backends.OpTypeBitCount:
		return mapFunc(func(x T) T { return T(bits.OnesCount64(raw(x))) })
	case backends.OpTypeClz:
		return mapFunc(func(x T) T { return T(bits.LeadingZeros64(raw(x)) - (64 - width)) })
	case opSquare:
		return mapFunc(func(x T) T { return x * x })
	}
	return nil
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func complexUnary[C complex64 | complex128, F kernel.Float](op opcode) tileFunc {
	wide := func(f func(complex128) complex128) tileFunc {
		return mapFunc(func(x C) C { return C(f(complex128(x))) })
	}
	switch op {
	case backends.OpTypeNeg:
		return mapFunc(func(x C) C { return -x })
	case backends.OpTypeConj:
		return wide(cmplx.Conj)
	case backends.OpTypeReal:
		return mapFunc(func(x C) F { return F(real(complex128(x))) })
	case backends.OpTypeImag:
		return mapFunc(func(x C) F { return F(imag(complex128(x))) })
	case backends.OpTypeAbs:
		return mapFunc(func(x C) F { return F(cmplx.Abs(complex128(x))) })
	case backends.OpTypeSign:
		return wide(func(x complex128) complex128 {
			if x == 0 {
				return x
			}
			return x / complex(cmplx.Abs(x), 0)
		})
	case backends.OpTypeExp:
		return wide(cmplx.Exp)
	case backends.OpTypeExpm1:
		return wide(func(x complex128) complex128 { return cmplx.Exp(x) - 1 })
	case backends.OpTypeLog:
		return wide(cmplx.Log)
	case backends.OpTypeLog1p:
		return wide(func(x complex128) complex128 { return cmplx.Log(1 + x) })
	case backends.OpTypeSqrt:
		return wide(cmplx.Sqrt)
	case backends.OpTypeRsqrt:
		return wide(func(x complex128) complex128 { return 1 / cmplx.Sqrt(x) })
	case backends.OpTypeCos:
		return wide(cmplx.Cos)
	case backends.OpTypeSin:
		return wide(cmplx.Sin)
	case backends.OpTypeTanh:
		return wide(cmplx.Tanh)
	case opSquare:
		return mapFunc(func(x C) C { return x * x })
	}
	return nil
}

// narrowTile is how many 16-bit floats are widened to float32 at a time.
const narrowTile = 512

var narrowTiles = sync.Pool{New: func() any { return new([2][narrowTile]float32) }}

// narrowUnary computes on 16-bit floats in float32, rounding the result.
func narrowUnary[H any](op opcode, widen func(H) float32, narrow func(float32) H) tileFunc {
	k, ok := floatUnary[op]
	if !ok {
		return nil
	}
	return func(dst, a, _, _ unsafe.Pointer, n int) {
		tile := narrowTiles.Get().(*[2][narrowTile]float32)
		defer narrowTiles.Put(tile)
		x, r := span[H](a, n), span[H](dst, n)
		for from := 0; from < n; from += narrowTile {
			m := min(narrowTile, n-from)
			t := tile[0][:m]
			for i := range t {
				t[i] = widen(x[from+i])
			}
			kernel.Unary(k, t, t)
			for i, v := range t {
				r[from+i] = narrow(v)
			}
		}
	}
}

func narrowBinary[H any](op opcode, widen func(H) float32, narrow func(float32) H) forms {
	k, ok := numberBinary[op]
	if !ok {
		return forms{}
	}
	return forms{vv: func(dst, a, b, _ unsafe.Pointer, n int) {
		tile := narrowTiles.Get().(*[2][narrowTile]float32)
		defer narrowTiles.Put(tile)
		x, y, r := span[H](a, n), span[H](b, n), span[H](dst, n)
		for from := 0; from < n; from += narrowTile {
			m := min(narrowTile, n-from)
			t, u := tile[0][:m], tile[1][:m]
			for i := range t {
				t[i], u[i] = widen(x[from+i]), widen(y[from+i])
			}
			kernel.Binary(k, t, t, u)
			for i, v := range t {
				r[from+i] = narrow(v)
			}
		}
	}}
}

func narrowCompare[H any](op opcode, widen func(H) float32) forms {
	if k, ok := totalOrder[op]; ok {
		return forms{vv: zipFunc(func(x, y H) bool { return ordered(k, orderKey32(widen(x)), orderKey32(widen(y))) })}
	}
	k, ok := numberCompare[op]
	if !ok {
		return forms{}
	}
	return forms{vv: zipFunc(func(x, y H) bool { return ordered(k, widen(x), widen(y)) })}
}

// orderKey32 and orderKey64 map floats to integers in the order -NaN < -Inf < ... < -0 < +0 < ... < +Inf < +NaN.
func orderKey32(x float32) int64 {
	k := int32(math.Float32bits(x))
	return int64(k ^ int32(uint32(k>>31)>>1))
}

func orderKey64(x float64) int64 {
	k := int64(math.Float64bits(x))
	return k ^ int64(uint64(k>>63)>>1)
}

func ordered[T kernel.Number](op kernel.CompareOp, x, y T) bool {
	switch op {
	case kernel.Equal:
		return x == y
	case kernel.NotEqual:
		return x != y
	case kernel.Less:
		return x < y
	case kernel.LessEqual:
		return x <= y
	case kernel.Greater:
		return x > y
	default:
		return x >= y
	}
}

// binaryForms returns the functions of a binary op on operands of the dtype; none if the op is not defined for it.
func binaryForms(op opcode, dtype dtypes.DType) forms {
	switch dtype {
	case dtypes.Bool:
		// A boolean is a byte of 0 or 1: eight go at a time.
		switch op {
		case backends.OpTypeLogicalAnd, backends.OpTypeMin:
			return forms{vv: wordFunc(func(x, y uint64) uint64 { return x & y })}
		case backends.OpTypeLogicalOr, backends.OpTypeMax:
			return forms{vv: wordFunc(func(x, y uint64) uint64 { return x | y })}
		case backends.OpTypeLogicalXor:
			return forms{vv: wordFunc(func(x, y uint64) uint64 { return x ^ y })}
		}
		return forms{}
	case dtypes.Float32:
		if op == backends.OpTypeComplex {
			return forms{vv: zipFunc(func(x, y float32) complex64 { return complex(x, y) })}
		}
		return numberForms[float32](op)
	case dtypes.Float64:
		if op == backends.OpTypeComplex {
			return forms{vv: zipFunc(func(x, y float64) complex128 { return complex(x, y) })}
		}
		return numberForms[float64](op)
	case dtypes.BFloat16:
		return narrowBinary(op, bfloat16.BFloat16.Float32, kernel.RoundBFloat16)
	case dtypes.Float16:
		return narrowBinary(op, float16.Float16.Float32, float16.Fromfloat32)
	case dtypes.Int8:
		return integerForms[int8, uint8](op, 8)
	case dtypes.Int16:
		return integerForms[int16, uint16](op, 16)
	case dtypes.Int32:
		return integerForms[int32, uint32](op, 32)
	case dtypes.Int64:
		return integerForms[int64, uint64](op, 64)
	case dtypes.Uint8:
		return integerForms[uint8, uint8](op, 8)
	case dtypes.Uint16:
		return integerForms[uint16, uint16](op, 16)
	case dtypes.Uint32:
		return integerForms[uint32, uint32](op, 32)
	case dtypes.Uint64:
		return integerForms[uint64, uint64](op, 64)
	case dtypes.Complex64:
		return complexForms[complex64](op)
	case dtypes.Complex128:
		return complexForms[complex128](op)
	}
	return forms{}
}

func numberForms[T kernel.Number](op opcode) forms {
	k, ok := numberBinary[op]
	if !ok {
		return forms{}
	}
	f := forms{
		vv: func(dst, a, b, _ unsafe.Pointer, n int) {
			kernel.Binary(k, span[T](dst, n), span[T](a, n), span[T](b, n))
		},
		vs: func(dst, a, b, _ unsafe.Pointer, n int) { kernel.BinaryVS(k, span[T](dst, n), span[T](a, n), *(*T)(b)) },
		sv: func(dst, a, b, _ unsafe.Pointer, n int) { kernel.BinarySV(k, span[T](dst, n), *(*T)(a), span[T](b, n)) },
	}
	var zero T
	if _, single := any(zero).(float32); !single {
		return f
	}
	if k == kernel.Div {
		f.vs = func(dst, a, b, _ unsafe.Pointer, n int) {
			kernel.DivideRows(span[float32](dst, n), span[float32](a, n), span[float32](b, 1), n)
		}
		f.rows = func(dst, a, b unsafe.Pointer, rows, inner int) {
			kernel.DivideRows(span[float32](dst, rows*inner), span[float32](a, rows*inner), span[float32](b, rows), inner)
		}
		return f
	}
	f.rows = func(dst, a, b unsafe.Pointer, rows, inner int) {
		kernel.BinaryRows(k, span[float32](dst, rows*inner), span[float32](a, rows*inner), span[float32](b, rows), inner)
	}
	return f
}

// integerForms adds bit operations to numberForms; U is T's unsigned counterpart.
func integerForms[T, U kernel.Integer](op opcode, width int) forms {
	// A shift by the width or more gives what shifting by one repeatedly would; so does a negative count, read as unsigned.
	count := func(y T) uint64 { return min(uint64(U(y)), uint64(width)) }
	switch op {
	case backends.OpTypeBitwiseAnd:
		return forms{vv: zipFunc(func(x, y T) T { return x & y })}
	case backends.OpTypeBitwiseOr:
		return forms{vv: zipFunc(func(x, y T) T { return x | y })}
	case backends.OpTypeBitwiseXor:
		return forms{vv: zipFunc(func(x, y T) T { return x ^ y })}
	case backends.OpTypeShiftLeft:
		return forms{vv: zipFunc(func(x, y T) T { return x << count(y) })}
	case backends.OpTypeShiftRightLogical:
		return forms{vv: zipFunc(func(x, y T) T { return T(U(x) >> count(y)) })}
	case backends.OpTypeShiftRightArithmetic:
		// The sign bit is copied also for unsigned types, as XLA does.
		return forms{vv: zipFunc(func(x, y T) T {
			s := 64 - width
			return T(int64(uint64(U(x))<<s) >> s >> count(y))
		})}
	}
	return numberForms[T](op)
}

func complexForms[C complex64 | complex128](op opcode) forms {
	switch op {
	case backends.OpTypeAdd:
		return forms{vv: zipFunc(func(x, y C) C { return x + y })}
	case backends.OpTypeSub:
		return forms{vv: zipFunc(func(x, y C) C { return x - y })}
	case backends.OpTypeMul:
		return forms{vv: zipFunc(func(x, y C) C { return x * y })}
	case backends.OpTypeDiv:
		return forms{vv: zipFunc(func(x, y C) C { return x / y })}
	case backends.OpTypePow:
		return forms{vv: zipFunc(func(x, y C) C { return C(cmplx.Pow(complex128(x), complex128(y))) })}
	}
	return forms{}
}

// compareForms returns the functions of a comparison of operands of the dtype.
func compareForms(op opcode, dtype dtypes.DType) forms {
	switch dtype {
	case dtypes.Bool:
		return integerCompare[uint8](op) // false is stored as 0, true as 1
	case dtypes.Float32:
		if k, ok := totalOrder[op]; ok {
			return forms{vv: zipFunc(func(x, y float32) bool { return ordered(k, orderKey32(x), orderKey32(y)) })}
		}
		return numberCompareForms[float32](op)
	case dtypes.Float64:
		if k, ok := totalOrder[op]; ok {
			return forms{vv: zipFunc(func(x, y float64) bool { return ordered(k, orderKey64(x), orderKey64(y)) })}
		}
		return numberCompareForms[float64](op)
	case dtypes.BFloat16:
		return narrowCompare(op, bfloat16.BFloat16.Float32)
	case dtypes.Float16:
		return narrowCompare(op, float16.Float16.Float32)
	case dtypes.Int8:
		return integerCompare[int8](op)
	case dtypes.Int16:
		return integerCompare[int16](op)
	case dtypes.Int32:
		return integerCompare[int32](op)
	case dtypes.Int64:
		return integerCompare[int64](op)
	case dtypes.Uint8:
		return integerCompare[uint8](op)
	case dtypes.Uint16:
		return integerCompare[uint16](op)
	case dtypes.Uint32:
		return integerCompare[uint32](op)
	case dtypes.Uint64:
		return integerCompare[uint64](op)
	case dtypes.Complex64:
		return complexCompare[complex64](op)
	case dtypes.Complex128:
		return complexCompare[complex128](op)
	}
	return forms{}
}

func numberCompareForms[T kernel.Number](op opcode) forms {
	k, ok := numberCompare[op]
	if !ok {
		return forms{}
	}
	return compareWith[T](k)
}

func integerCompare[T kernel.Integer](op opcode) forms {
	if k, ok := totalOrder[op]; ok {
		return compareWith[T](k)
	}
	return numberCompareForms[T](op)
}

func compareWith[T kernel.Number](k kernel.CompareOp) forms {
	return forms{
		vv: func(dst, a, b, _ unsafe.Pointer, n int) {
			kernel.Compare(k, span[bool](dst, n), span[T](a, n), span[T](b, n))
		},
		vs: func(dst, a, b, _ unsafe.Pointer, n int) {
			kernel.CompareVS(k, span[bool](dst, n), span[T](a, n), *(*T)(b))
		},
		sv: func(dst, a, b, _ unsafe.Pointer, n int) {
			kernel.CompareVS(k.Swapped(), span[bool](dst, n), span[T](b, n), *(*T)(a))
		},
	}
}

func complexCompare[C complex64 | complex128](op opcode) forms {
	switch op {
	case backends.OpTypeEqual:
		return forms{vv: zipFunc(func(x, y C) bool { return x == y })}
	case backends.OpTypeNotEqual:
		return forms{vv: zipFunc(func(x, y C) bool { return x != y })}
	}
	return forms{}
}

// selectFunc returns Where for elements of a size: a is the condition, b and c the values.
func selectFunc(size int) tileFunc {
	switch size {
	case 1:
		return selectSized[uint8]
	case 2:
		return selectSized[uint16]
	case 4:
		return selectSized[float32]
	case 8:
		return selectSized[uint64]
	default:
		return selectSized[complex128]
	}
}

func selectSized[T any](dst, a, b, c unsafe.Pointer, n int) {
	kernel.Select(span[T](dst, n), span[bool](a, n), span[T](b, n), span[T](c, n))
}

// convertFunc returns the conversion between two dtypes; nil if there is none. Floats outside an integer's range give its nearest bound,
// NaN gives 0. Complex numbers lose their imaginary part on the way to real ones.
func convertFunc(from, to dtypes.DType) tileFunc {
	if f := convertKernel(from, to); f != nil {
		return f
	}
	switch from {
	case dtypes.Bool:
		return convertFrom(to, func(x bool) float64 { return float64(boolToInt(x)) })
	case dtypes.Int8:
		return convertInteger[int8](to)
	case dtypes.Int16:
		return convertInteger[int16](to)
	case dtypes.Int32:
		return convertInteger[int32](to)
	case dtypes.Int64:
		return convertInteger[int64](to)
	case dtypes.Uint8:
		return convertInteger[uint8](to)
	case dtypes.Uint16:
		return convertInteger[uint16](to)
	case dtypes.Uint32:
		return convertInteger[uint32](to)
	case dtypes.Uint64:
		return convertInteger[uint64](to)
	case dtypes.Float32:
		return convertFrom(to, func(x float32) float64 { return float64(x) })
	case dtypes.Float64:
		return convertFrom(to, func(x float64) float64 { return x })
	case dtypes.BFloat16:
		return convertFrom(to, func(x bfloat16.BFloat16) float64 { return float64(x.Float32()) })
	case dtypes.Float16:
		return convertFrom(to, func(x float16.Float16) float64 { return float64(x.Float32()) })
	case dtypes.Complex64:
		return convertComplex[complex64](to)
	case dtypes.Complex128:
		return convertComplex[complex128](to)
	}
	return nil
}

// convertKernel returns the conversions that the kernels have in assembly.
func convertKernel(from, to dtypes.DType) tileFunc {
	switch [2]dtypes.DType{from, to} {
	case [2]dtypes.DType{dtypes.Bool, dtypes.Float32}:
		return kernelFunc(kernel.FromBool[float32])
	case [2]dtypes.DType{dtypes.Bool, dtypes.Float64}:
		return kernelFunc(kernel.FromBool[float64])
	case [2]dtypes.DType{dtypes.Float32, dtypes.Float64}:
		return kernelFunc(kernel.Convert[float64, float32])
	case [2]dtypes.DType{dtypes.Float64, dtypes.Float32}:
		return kernelFunc(kernel.Convert[float32, float64])
	case [2]dtypes.DType{dtypes.Int32, dtypes.Float32}:
		return kernelFunc(kernel.Convert[float32, int32])
	case [2]dtypes.DType{dtypes.Uint32, dtypes.Float32}:
		return kernelFunc(kernel.Convert[float32, uint32])
	case [2]dtypes.DType{dtypes.Float32, dtypes.Int32}:
		return kernelFunc(kernel.Convert[int32, float32])
	case [2]dtypes.DType{dtypes.BFloat16, dtypes.Float32}:
		return kernelFunc(kernel.FromBFloat16)
	case [2]dtypes.DType{dtypes.Float32, dtypes.BFloat16}:
		return kernelFunc(kernel.ToBFloat16)
	case [2]dtypes.DType{dtypes.Float16, dtypes.Float32}:
		return kernelFunc(kernel.FromFloat16)
	case [2]dtypes.DType{dtypes.Float32, dtypes.Float16}:
		return kernelFunc(kernel.ToFloat16)
	}
	return nil
}

func kernelFunc[R, A any](f func(dst []R, x []A)) tileFunc {
	return func(dst, a, _, _ unsafe.Pointer, n int) { f(span[R](dst, n), span[A](a, n)) }
}

func convertInteger[A kernel.Integer](to dtypes.DType) tileFunc {
	switch to {
	case dtypes.Int8:
		return mapFunc(func(x A) int8 { return int8(x) })
	case dtypes.Int16:
		return mapFunc(func(x A) int16 { return int16(x) })
	case dtypes.Int32:
		return mapFunc(func(x A) int32 { return int32(x) })
	case dtypes.Int64:
		return mapFunc(func(x A) int64 { return int64(x) })
	case dtypes.Uint8:
		return mapFunc(func(x A) uint8 { return uint8(x) })
	case dtypes.Uint16:
		return mapFunc(func(x A) uint16 { return uint16(x) })
	case dtypes.Uint32:
		return mapFunc(func(x A) uint32 { return uint32(x) })
	case dtypes.Uint64:
		return mapFunc(func(x A) uint64 { return uint64(x) })
	case dtypes.Float32:
		return mapFunc(func(x A) float32 { return float32(x) })
	}
	return convertFrom(to, func(x A) float64 { return float64(x) })
}

func convertComplex[A complex64 | complex128](to dtypes.DType) tileFunc {
	switch to {
	case dtypes.Complex64:
		return mapFunc(func(x A) complex64 { return complex64(x) })
	case dtypes.Complex128:
		return mapFunc(func(x A) complex128 { return complex128(x) })
	case dtypes.Bool:
		return mapFunc(func(x A) bool { return x != 0 })
	}
	return convertFrom(to, func(x A) float64 { return real(complex128(x)) })
}

// convertFrom converts by way of float64, which holds every value of the types it is used for.
func convertFrom[A any](to dtypes.DType, value func(A) float64) tileFunc {
	switch to {
	case dtypes.Bool:
		return mapFunc(func(x A) bool { return value(x) != 0 })
	case dtypes.Int8:
		return mapFunc(func(x A) int8 { return int8(clampTo(value(x), math.MinInt8, math.MaxInt8)) })
	case dtypes.Int16:
		return mapFunc(func(x A) int16 { return int16(clampTo(value(x), math.MinInt16, math.MaxInt16)) })
	case dtypes.Int32:
		return mapFunc(func(x A) int32 { return int32(clampTo(value(x), math.MinInt32, math.MaxInt32)) })
	case dtypes.Int64:
		return mapFunc(func(x A) int64 { return clampTo(value(x), math.MinInt64, math.MaxInt64) })
	case dtypes.Uint8:
		return mapFunc(func(x A) uint8 { return uint8(clampTo(value(x), 0, math.MaxUint8)) })
	case dtypes.Uint16:
		return mapFunc(func(x A) uint16 { return uint16(clampTo(value(x), 0, math.MaxUint16)) })
	case dtypes.Uint32:
		return mapFunc(func(x A) uint32 { return uint32(clampTo(value(x), 0, math.MaxUint32)) })
	case dtypes.Uint64:
		return mapFunc(func(x A) uint64 {
			switch v := value(x); {
			case !(v > 0):
				return 0
			case v >= math.MaxUint64:
				return math.MaxUint64
			default:
				return uint64(v)
			}
		})
	case dtypes.Float32:
		return mapFunc(func(x A) float32 { return float32(value(x)) })
	case dtypes.Float64:
		return mapFunc(func(x A) float64 { return value(x) })
	case dtypes.BFloat16:
		return mapFunc(func(x A) bfloat16.BFloat16 { return kernel.RoundBFloat16(float32(value(x))) })
	case dtypes.Float16:
		return mapFunc(func(x A) float16.Float16 { return float16.Fromfloat32(float32(value(x))) })
	case dtypes.Complex64:
		return mapFunc(func(x A) complex64 { return complex(float32(value(x)), 0) })
	case dtypes.Complex128:
		return mapFunc(func(x A) complex128 { return complex(value(x), 0) })
	}
	return nil
}

// clampTo truncates v to an integer between low and high, NaN to 0.
func clampTo(v float64, low, high int64) int64 {
	switch {
	case v != v:
		return 0
	case v <= float64(low):
		return low
	case v >= float64(high):
		return high
	}
	return int64(v)
}

// scalarOf returns v as the value of a scalar.
func scalarOf(dtype dtypes.DType, v float64) *literal {
	l := newLiteral(dtype.Size())
	convertFunc(dtypes.Float64, dtype)(l.ptr(), unsafe.Pointer(&v), nil, nil, 1)
	return l
}
