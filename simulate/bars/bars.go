// Package bars is the bars problem (Földiák 1990): pictures of horizontal and vertical bars, each shown or not independently of the others, that hide one
// another where they cross. Whatever finds the bars in the pictures has found independent causes that do not add up.
//
// What may enter: pictures of bars. What must not: what learns them.
package bars

import (
	"fmt"
	"math/rand/v2"
)

// Problem is squares of Side x Side pixels with 2·Side possible bars, each of which is shown with probability P.
type Problem struct {
	Side int
	P    float64
}

// Check says what is wrong with a problem.
func (b Problem) Check() error {
	if b.Side < 2 || b.Side > 1000 {
		return fmt.Errorf("bars: a side of %d pixels; expected 2 to 1000", b.Side)
	}
	if !(b.P > 0 && b.P < 1) {
		return fmt.Errorf("bars: each bar shown with probability %g; expected more than 0 and less than 1", b.P)
	}
	return nil
}

// Bars is how many there are.
func (b Problem) Bars() int { return 2 * b.Side }

// Pixels is how many there are.
func (b Problem) Pixels() int { return b.Side * b.Side }

// Bar is the picture of one bar, [Side, Side]: the rows come first, from the top, and then the columns, from the left.
func (b Problem) Bar(k int) []bool {
	picture := make([]bool, b.Pixels())
	b.show(k, picture)
	return picture
}

func (b Problem) show(k int, picture []bool) {
	for i := range b.Side {
		if k < b.Side {
			picture[k*b.Side+i] = true
		} else {
			picture[i*b.Side+k-b.Side] = true
		}
	}
}

// Draw draws a picture, [Side, Side], and tells which bars it shows, in order.
func (b Problem) Draw(rng *rand.Rand) (picture []bool, shown []int) {
	picture = make([]bool, b.Pixels())
	for k := range b.Bars() {
		if rng.Float64() < b.P {
			b.show(k, picture)
			shown = append(shown, k)
		}
	}
	return picture, shown
}
