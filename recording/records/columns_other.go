//go:build !amd64

package records

const haveColumns8 = false

func columns8(dst *float32, step int64, src *byte, gap int64, n int64, gain, offset *[8]float64) {
	panic("records: columns8 without AVX2")
}
