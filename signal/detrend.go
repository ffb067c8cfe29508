package signal

import (
	"fmt"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Trend is what Detrend takes away.
type Trend int

// The trends.
const (
	Constant Trend = iota // the mean
	Linear                // the line of least squares
)

// Detrend takes the trend of every channel of x (channels by samples) away, in place.
func Detrend(x *mat.Dense, trend Trend) error {
	channels, n := x.Dims()
	if trend != Constant && trend != Linear {
		return fmt.Errorf("no trend numbered %d; use Constant or Linear", trend)
	}
	if err := CheckFinite(x); err != nil {
		return err
	}
	parallel(channels, func(c int) {
		row := x.RawRowView(c)
		mean := stat.Mean(row, nil)
		if trend == Constant || n < 2 {
			floats.AddConst(-mean, row)
			return
		}
		middle := float64(n-1) / 2
		slope := 0.0
		for t, v := range row {
			slope += (float64(t) - middle) * (v - mean)
		}
		slope /= float64(n) * (float64(n)*float64(n) - 1) / 12
		for t := range row {
			row[t] -= mean + slope*(float64(t)-middle)
		}
	})
	return nil
}
