package split

import "github.com/gyrus-dev/gyrus/compute/cpu/kernel"

//go:generate go run ./gen -out kernels_amd64.s -stubs kernels_amd64.go -pkg split

func (p pass) run(yr, yi, xr, xi []float64) {
	switch {
	case kernel.Active() != kernel.AVX2 && kernel.Active() != kernel.AVX512:
		p.portable(yr, yi, xr, xi)
	case p.stride == 1:
		firstAVX2(&yr[0], &yi[0], &xr[0], &xi[0], &p.twiddles[0], p.places)
	default:
		laterAVX2(&yr[0], &yi[0], &xr[0], &xi[0], &p.twiddles[0], p.places, p.stride)
	}
}
