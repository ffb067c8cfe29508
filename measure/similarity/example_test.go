package similarity_test

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/measure/similarity"
)

// spiral is one trial of a planar oscillation that shrinks, seen in three units.
func spiral(radians float64) []*mat.Dense {
	states := mat.NewDense(100, 3, nil)
	for t := range 100 {
		sin, cos := math.Sincos(radians * float64(t))
		size := math.Pow(.99, float64(t))
		states.SetRow(t, []float64{size * cos, size * sin, size * (cos + sin)})
	}
	return []*mat.Dense{states}
}

func ExampleDSA() {
	model := similarity.DSA{Rank: 2}
	same, err := model.Distance(spiral(.2), spiral(-.2)) // the same, seen in a mirror
	if err != nil {
		fmt.Println(err)
		return
	}
	faster, err := model.Distance(spiral(.2), spiral(.4))
	fmt.Printf("mirrored %.2f, twice as fast %.2f, %v\n", same.Frobenius, faster.Frobenius, err)
	// Output: mirrored 0.00, twice as fast 0.28, <nil>
}

func ExamplePIF() {
	a := mat.NewDense(3, 3, []float64{
		0, 1, 0,
		0, 0, 2,
		3, 0, 0,
	})
	b := mat.NewDense(3, 3, []float64{ // the same ring, its units named in another order
		0, 3, 0,
		0, 0, 1,
		2, 0, 0,
	})
	m, err := similarity.PIF{}.Match(a, b)
	fmt.Println(m.Distance, m.Permutation, err)
	// Output: 0 [1 2 0] <nil>
}
