package hmm_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/dynamics/hmm"
)

// A casino changes between a fair die and a loaded one. From throws alone the model is found and the loaded stretches are told.
func Example() {
	rng := rand.New(rand.NewPCG(1, 2))
	dice, err := hmm.NewCategorical(6, []float64{
		1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6,
		.1, .1, .1, .1, .1, .5,
	})
	if err != nil {
		panic(err)
	}
	casino := &hmm.Model[int]{Start: []float64{1, 0}, Transition: []float64{.98, .02, .05, .95}, Emission: dice}
	states, throws := casino.Sample(20_000, rng)

	start := hmm.RandomModel(hmm.RandomCategorical(2, 6, rng), 5, rng)
	fitted, _, err := start.Fit(context.Background(), [][]int{throws}, hmm.Options{})
	if err != nil {
		panic(err)
	}
	path, _, err := fitted.Viterbi(throws)
	if err != nil {
		panic(err)
	}
	same := 0
	for t, s := range path {
		if s == states[t] {
			same++
		}
	}
	same = max(same, len(path)-same) // the states have no names
	fmt.Printf("the die is told in more than 80 %% of the throws: %t\n", same > len(path)*8/10)
	// Output:
	// the die is told in more than 80 % of the throws: true
}
