package measure_test

import (
	"math"
	"testing"

	"github.com/gyrus-dev/gyrus/measure"
)

func TestOODVariability(t *testing.T) {
	v, err := measure.OODVariability([]float64{1, 2, 3, 6})
	if err != nil || v.N != 4 || v.Mean != 3 || math.Abs(v.SD-math.Sqrt(14./3)) > 1e-12 || math.Abs(v.SE-v.SD/math.Sqrt(6)) > 1e-12 {
		t.Errorf("of 1, 2, 3, 6: %+v, %v", v, err)
	}
	for _, bad := range [][]float64{{1, 2}, {1, 2, math.NaN()}, {1, 2, math.Inf(1)}} {
		if v, err := measure.OODVariability(bad); err == nil {
			t.Errorf("%v: %+v", bad, v)
		}
	}
}
