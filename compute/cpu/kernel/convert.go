package kernel

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/x448/float16"
)

// Convert sets dst[i] to x[i] in dst's type. x has dst's length. A floating-point number becomes an integer by truncation, and the nearest
// bound of the integer type where it is outside, 0 where it is NaN; integers wrap.
func Convert[D, S Number](dst []D, x []S) {
	checkLength("Convert", len(dst), len(x))
	if d, ok := any(dst).([]float32); ok {
		switch s := any(x).(type) {
		case []int32:
			active.fromInt32(d, s)
			return
		case []uint32:
			active.fromUint32(d, s)
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
		active.fromBool(d, x)
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

// FromFloat16 widens half-precision numbers. x has dst's length.
func FromFloat16(dst []float32, x []float16.Float16) {
	checkLength("FromFloat16", len(dst), len(x))
	for i, v := range x {
		dst[i] = v.Float32()
	}
}

// ToFloat16 rounds to half precision, halves to even; what is too large becomes infinite. x has dst's length.
func ToFloat16(dst []float16.Float16, x []float32) {
	checkLength("ToFloat16", len(dst), len(x))
	for i, v := range x {
		dst[i] = float16.Fromfloat32(v)
	}
}

// FromBFloat16 widens brain-float numbers. x has dst's length.
func FromBFloat16(dst []float32, x []bfloat16.BFloat16) {
	checkLength("FromBFloat16", len(dst), len(x))
	for i, v := range x {
		dst[i] = v.Float32()
	}
}

// ToBFloat16 rounds to brain-float numbers, halves to even. x has dst's length.
func ToBFloat16(dst []bfloat16.BFloat16, x []float32) {
	checkLength("ToBFloat16", len(dst), len(x))
	for i, v := range x {
		dst[i] = RoundBFloat16(v)
	}
}

// RoundBFloat16 returns the nearest brain-float number, of two equally near ones the even. GoMLX's own conversion cuts instead.
func RoundBFloat16(x float32) bfloat16.BFloat16 {
	bits := math.Float32bits(x)
	if x != x {
		bits |= 1 << 22 // stays NaN when the low half goes
	} else {
		bits += 0x7fff + bits>>16&1
	}
	return bfloat16.BFloat16(bits >> 16)
}
