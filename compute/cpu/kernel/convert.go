package kernel

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/x448/float16"
)

// convertKernels are the conversions that tiers accelerate.
type convertKernels struct {
	f32ToF64  func(dst []float64, x []float32)
	f64ToF32  func(dst []float32, x []float64)
	i32ToF32  func(dst []float32, x []int32)
	u32ToF32  func(dst []float32, x []uint32)
	f32ToI32  func(dst []int32, x []float32)
	f16ToF32  func(dst []float32, x []float16.Float16)
	f32ToF16  func(dst []float16.Float16, x []float32)
	bf16ToF32 func(dst []float32, x []bfloat16.BFloat16)
	f32ToBF16 func(dst []bfloat16.BFloat16, x []float32)
	boolToF32 func(dst []float32, x []bool)
}

// Convert sets dst[i] to x[i] in dst's type. x has dst's length. A floating-point number becomes an integer by truncation, and the nearest
// bound of the integer type where it is outside, 0 where it is NaN; integers wrap.
func Convert[D, S Number](dst []D, x []S) {
	checkLength("Convert", len(dst), len(x))
	switch d := any(dst).(type) {
	case []float64:
		if s, ok := any(x).([]float32); ok {
			active.convert.f32ToF64(d, s)
			return
		}
	case []float32:
		switch s := any(x).(type) {
		case []float32:
			copy(d, s)
			return
		case []float64:
			active.convert.f64ToF32(d, s)
			return
		case []int32:
			active.convert.i32ToF32(d, s)
			return
		case []uint32:
			active.convert.u32ToF32(d, s)
			return
		}
	case []int32:
		if s, ok := any(x).([]float32); ok {
			active.convert.f32ToI32(d, s)
			return
		}
	}
	convertPortable(dst, x)
}

func convertPortable[D, S Number](dst []D, x []S) {
	low, high := identity[D](Maximum), identity[D](Minimum)
	switch any(x).(type) {
	case []float32, []float64:
		switch any(dst).(type) {
		case []float32, []float64:
		default:
			// float64(high) rounds up to a power of two for 64-bit integers, so the comparison is >=.
			for i, v := range x {
				f := float64(v)
				switch {
				case f != f:
					dst[i] = 0
				case f >= float64(high):
					dst[i] = high
				case f <= float64(low):
					dst[i] = low
				default:
					dst[i] = D(v)
				}
			}
			return
		}
	}
	for i, v := range x {
		dst[i] = D(v)
	}
}

// FromBool sets dst[i] to 1 where x[i] holds and to 0 where it does not. x has dst's length.
func FromBool[D Number](dst []D, x []bool) {
	checkLength("FromBool", len(dst), len(x))
	if d, ok := any(dst).([]float32); ok {
		active.convert.boolToF32(d, x)
		return
	}
	fromBoolPortable(dst, x)
}

func fromBoolPortable[D Number](dst []D, x []bool) {
	for i, v := range x {
		dst[i] = 0
		if v {
			dst[i] = 1
		}
	}
}

// ToBool sets dst[i] to whether x[i] is not zero; NaN is not. x has dst's length.
func ToBool[S Number](dst []bool, x []S) { CompareVS(NotEqual, dst, x, 0) }

// FromFloat16 widens half-precision numbers. x has dst's length.
func FromFloat16(dst []float32, x []float16.Float16) {
	checkLength("FromFloat16", len(dst), len(x))
	active.convert.f16ToF32(dst, x)
}

// ToFloat16 rounds to half precision, halves to even; what is too large becomes infinite. x has dst's length.
func ToFloat16(dst []float16.Float16, x []float32) {
	checkLength("ToFloat16", len(dst), len(x))
	active.convert.f32ToF16(dst, x)
}

// FromBFloat16 widens brain-float numbers. x has dst's length.
func FromBFloat16(dst []float32, x []bfloat16.BFloat16) {
	checkLength("FromBFloat16", len(dst), len(x))
	active.convert.bf16ToF32(dst, x)
}

// ToBFloat16 rounds to brain-float numbers, halves to even. x has dst's length.
func ToBFloat16(dst []bfloat16.BFloat16, x []float32) {
	checkLength("ToBFloat16", len(dst), len(x))
	active.convert.f32ToBF16(dst, x)
}

var portableConvert = convertKernels{
	f32ToF64: convertPortable[float64, float32],
	f64ToF32: convertPortable[float32, float64],
	i32ToF32: convertPortable[float32, int32],
	u32ToF32: convertPortable[float32, uint32],
	f32ToI32: convertPortable[int32, float32],
	f16ToF32: func(dst []float32, x []float16.Float16) {
		for i, v := range x {
			dst[i] = v.Float32()
		}
	},
	f32ToF16: func(dst []float16.Float16, x []float32) {
		for i, v := range x {
			dst[i] = float16.Fromfloat32(v)
		}
	},
	bf16ToF32: func(dst []float32, x []bfloat16.BFloat16) {
		for i, v := range x {
			dst[i] = math.Float32frombits(uint32(v) << 16)
		}
	},
	f32ToBF16: func(dst []bfloat16.BFloat16, x []float32) {
		for i, v := range x {
			bits := math.Float32bits(v)
			if v != v {
				bits |= 1 << 22 // stays NaN when the low half goes
			} else {
				bits += 0x7fff + bits>>16&1
			}
			dst[i] = bfloat16.BFloat16(bits >> 16)
		}
	},
	boolToF32: fromBoolPortable[float32],
}
