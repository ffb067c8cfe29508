package measure

import (
	"fmt"
	"math"
)

// Variability is how errors of networks vary that were trained to the same error.
type Variability struct {
	Mean float64
	SD   float64 // standard deviation, of n-1
	SE   float64 // standard error of SD, as if errors were normally distributed: SD/√(2(n-1))
	N    int
}

// OODVariability is the behavioural degeneracy of networks: the standard deviation of their errors on trials unlike those they were trained on, such
// as longer ones (Huang et al., arXiv 2410.03972). It needs three networks or more, all of them trained to the same error.
func OODVariability(errors []float64) (Variability, error) {
	v := Variability{N: len(errors)}
	if v.N < 3 {
		return v, fmt.Errorf("measure: the variability of %d networks; it needs 3", v.N)
	}
	for i, e := range errors {
		if math.IsNaN(e) || math.IsInf(e, 0) {
			return v, fmt.Errorf("measure: the error of network %d is %g; expected a finite one", i, e)
		}
		v.Mean += e / float64(v.N)
	}
	for _, e := range errors {
		v.SD += (e - v.Mean) * (e - v.Mean) / float64(v.N-1)
	}
	v.SD = math.Sqrt(v.SD)
	v.SE = v.SD / math.Sqrt(2*float64(v.N-1))
	return v, nil
}
