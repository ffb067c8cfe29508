package ica_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal/ica"
)

func ExampleFit() {
	rng := rand.New(rand.NewPCG(1, 1))
	x := mat.NewDense(2, 2000, nil)
	blink := make([]float64, 2000)
	for t := range 2000 {
		if t%200 < 20 {
			blink[t] = 30 * math.Sin(math.Pi*float64(t%200)/20)
		}
		rhythm := math.Sin(float64(t) / 3)
		x.Set(0, t, rhythm+blink[t]+0.1*rng.NormFloat64())
		x.Set(1, t, rhythm+0.5*blink[t]+0.1*rng.NormFloat64())
	}
	unmixed, err := ica.Fit(x, ica.Options{Method: ica.ExtendedInfomax})
	if err != nil {
		fmt.Println(err)
		return
	}
	scores, err := unmixed.Correlation(x, blink)
	if err != nil {
		fmt.Println(err)
		return
	}
	without, err := unmixed.Without([]string{"Fp1", "Cz"}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	clean, err := without.Apply(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("component 0 correlates %.2f with the blinks; Fp1 reached %.0f and reaches %.0f\n", scores[0], mat.Max(x), mat.Max(clean))
	// Output: component 0 correlates 1.00 with the blinks; Fp1 reached 31 and reaches 2
}
