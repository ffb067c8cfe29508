package measure

import "math"

// minRate keeps a rate of zero from making a single spike infinitely unlikely; the Neural Latents Benchmark uses the same floor.
const minRate = 1e-9

// PoissonLogLikelihood is the log-probability in nats of the counts under independent Poisson rates, both in counts per bin and
// summed over all elements, including the log-factorial. Rates below 1e-9 count as 1e-9.
func PoissonLogLikelihood[T Float](rates, counts []T) float64 {
	sameLength(len(rates), len(counts))
	sum := 0.0
	for i, k := range counts {
		rate, count := max(float64(rates[i]), minRate), float64(k)
		logFactorial, _ := math.Lgamma(count + 1)
		sum += count*math.Log(rate) - rate - logFactorial
	}
	return sum
}

// BitsPerSpike is how much better rates predict counts than each neuron's mean count does, in bits per spike:
// [LL(rates; counts) − LL(column mean; counts)] / (spikes · ln 2). Both arrays are rows × neurons, row-major, in counts per bin. Taken on
// held-out neurons it is co-bps, on bins after the observed ones fp-bps (Pei et al., Neural Latents Benchmark 2021; the null
// rate is, as there, the mean of the very counts that are predicted).
//
// A neuron without a spike in counts has no null likelihood and is left out of both terms. NaN when no neuron has a spike.
func BitsPerSpike[T Float](rates, counts []T, neurons int) float64 {
	means := columnMeans(counts, len(rates), neurons)
	gain, spikes := 0.0, 0.0
	for i, k := range counts {
		null := means[i%neurons]
		if null == 0 {
			continue
		}
		rate, count := max(float64(rates[i]), minRate), float64(k)
		gain += count*(math.Log(rate)-math.Log(null)) - (rate - null)
		spikes += count
	}
	return gain / (spikes * math.Ln2) // 0/0 is NaN
}
