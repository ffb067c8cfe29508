package measure

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func TestFrechet(t *testing.T) {
	for _, c := range []struct {
		name         string
		m1, c1, m2   []float64
		c2           []float64
		want, within float64
	}{
		{"the same", []float64{1, 2}, []float64{2, .5, .5, 1}, []float64{1, 2}, []float64{2, .5, .5, 1}, 0, 1e-7},
		{"deviations 2 and 3, means 5 apart", []float64{0}, []float64{4}, []float64{5}, []float64{9}, 26, 1e-12},
		{"a point and a cloud", []float64{0, 0}, []float64{0, 0, 0, 0}, []float64{1, 0}, []float64{2, 1, 1, 3}, 6, 1e-12},
		{"SciPy's root of the product", []float64{1, 0, -.5}, []float64{2, .5, .1, .5, 1, -.3, .1, -.3, .7},
			[]float64{0, .25, 1}, []float64{1, -.2, .4, -.2, 3, .6, .4, .6, .9}, 4.611366302131028, 1e-9},
	} {
		n := len(c.m1)
		for range 2 { // either way round
			got, err := Frechet(c.m1, mat.NewSymDense(n, c.c1), c.m2, mat.NewSymDense(n, c.c2))
			if err != nil || math.Abs(got-c.want) > c.within {
				t.Errorf("%s: %v, want %v (%v)", c.name, got, c.want, err)
			}
			c.m1, c.c1, c.m2, c.c2 = c.m2, c.c2, c.m1, c.c1
		}
	}
	if _, err := Frechet([]float64{1, 2}, mat.NewSymDense(2, nil), []float64{1}, mat.NewSymDense(1, nil)); err == nil {
		t.Error("two and one values are taken")
	}
}
