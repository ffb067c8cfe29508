package synchrony

import "math"

// theory is what is expected of a population at stationarity.
type theory struct {
	L2, Largest float64 // of the Laplacian's eigenvalues, the second and the last
	Bound       float64 // of the disagreement D
	Linear      float64 // D of the linearised dynamics
	MeanBound   float64 // of the mean's squared error
	MeanLinear  float64 // of the linearised dynamics: σ²/(2n) Σ 1/h
}

// predict follows from the Laplacian's eigenvalues, smallest first, and the noise.
//
// Because deviations from the mean circuit sum to zero, they shrink at the rate μ + l₂ at least, whatever the gradients' common part, which bounds D by
// (n-1)dσ²/(2n(μ+l₂)). The mean feels noise of σ/√n and, where the objective is not quadratic, a pull of at most M/2 times the spread S of the circuits:
// its error e obeys μe² ≤ (M/2)eS + dσ²/(2n), with S ≤ D√(1+2/(d(n-1))) for normal deviations.
func predict(l *learner, spectrum []float64, sigma float64) theory {
	n, d := float64(len(spectrum)), float64(l.size())
	t := theory{Largest: spectrum[len(spectrum)-1]}
	for _, h := range l.curvature {
		for _, r := range spectrum[1:] {
			t.Linear += sigma * sigma / (2 * n) / (h + r)
		}
		t.MeanLinear += sigma * sigma / (2 * n) / h
	}
	spread := 0.0
	if n > 1 {
		t.L2 = spectrum[1]
		t.Bound = (n - 1) * d * sigma * sigma / (2 * n * (l.mu + t.L2))
		spread = t.Bound * math.Sqrt(1+2/(d*(n-1)))
	}
	pull := l.lipschitz / 2 * spread
	e := (pull + math.Sqrt(pull*pull+4*l.mu*d*sigma*sigma/(2*n))) / (2 * l.mu)
	t.MeanBound = e * e
	return t
}

// boundOver bounds the disagreement at time t after one of d0.
func boundOver(l *learner, spectrum []float64, sigma, d0, t float64) float64 {
	p := predict(l, spectrum, sigma)
	return d0*math.Exp(-2*(l.mu+p.L2)*t) + p.Bound
}
