package dbconformer

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-dev/gyrus/measure"
)

// deal gives each trial a part from 0 to parts-1 so that every part has as many trials of each class as every other, or one more.
func deal(labels []int, parts int, rng *rand.Rand) []int {
	part := make([]int, len(labels))
	next := 0
	for class := range slices.Max(labels) + 1 {
		var of []int
		for i, l := range labels {
			if l == class {
				of = append(of, i)
			}
		}
		rng.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		for _, i := range of {
			part[i] = next % parts
			next++
		}
	}
	return part
}

// dealPeople gives each person to one of the parts, in random order.
func dealPeople(people []int, parts int, rng *rand.Rand) []int {
	order := rng.Perm(slices.Max(people) + 1)
	part := make([]int, len(people))
	for i, p := range people {
		part[i] = order[p] % parts
	}
	return part
}

// wilson is the 95 % interval of a share of n by Wilson's score (1927).
func wilson(share float64, n int) (low, high float64) {
	const z = 1.959964
	m := float64(n)
	centre := (share + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(share*(1-share)/m+z*z/(4*m*m))
	return centre - half, centre + half
}

// shuffled is how often labels in random order agree with the predictions at least as well as the true ones.
func shuffled(truth, predicted []int, rng *rand.Rand) float64 {
	const times = 10_000
	real := measure.Accuracy(truth, predicted)
	t := slices.Clone(truth)
	hits := 1
	for range times {
		rng.Shuffle(len(t), func(i, j int) { t[i], t[j] = t[j], t[i] })
		if measure.Accuracy(t, predicted) >= real {
			hits++
		}
	}
	return float64(hits) / (times + 1)
}
