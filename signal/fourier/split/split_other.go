//go:build !amd64

package split

func (p pass) run(yr, yi, xr, xi []float64) { p.portable(yr, yi, xr, xi) }
