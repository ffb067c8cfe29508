package signal

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Head is the sphere that spherical splines take the head for: centre and radius in the unit of the positions, metres as a rule. A zero
// Radius is 0.095 m.
type Head struct {
	Centre [3]float64
	Radius float64
}

const (
	headRadius     = 0.095
	splineStrength = 1e-5 // regularisation, as MNE-Python's
	splineTerms    = 50
)

// CurrentSourceDensity gives the surface Laplacian of the potential by spherical splines (Perrin et al., EEG clin. Neurophysiol. 72, 1989;
// stiffness 4, 50 terms, regularisation 1e-5, as MNE-Python). What it gives is in units of the signal per square unit of the positions.
func CurrentSourceDensity(names []string, positions [][3]float64, head Head) (*Montage, error) {
	on, err := onSphere(names, positions, &head)
	if err != nil {
		return nil, err
	}
	n := len(names)
	g, h := mat.NewDense(n, n, nil), mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			c := cosine(on[i], on[j])
			g.Set(i, j, spline(c, 4))
			h.Set(i, j, spline(c, 3))
		}
		g.Set(i, i, g.At(i, i)+splineStrength)
	}
	// Coefficients C with G·C + c0 = V - mean(V) and ΣC = 0; the Laplacian is then H·C.
	var inverse mat.Dense
	if err := inverse.Inverse(g); err != nil {
		return nil, fmt.Errorf("spherical splines of %d channels: %w; are two of them at the same position?", n, err)
	}
	column := make([]float64, n)
	total := 0.0
	for j := range n {
		for i := range n {
			column[j] += inverse.At(i, j)
		}
		total += column[j]
	}
	var coefficients mat.Dense
	centring := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			centring.Set(i, j, -1/float64(n))
		}
		centring.Set(i, i, 1-1/float64(n))
	}
	coefficients.Mul(&inverse, centring)
	for j := range n {
		sum := 0.0
		for i := range n {
			sum += coefficients.At(i, j)
		}
		for i := range n {
			coefficients.Set(i, j, coefficients.At(i, j)-column[i]*sum/total)
		}
	}
	m := &Montage{Names: slices.Clone(names), Matrix: mat.NewDense(n, n, nil)}
	m.Matrix.Mul(h, &coefficients)
	m.Matrix.Scale(1/(head.Radius*head.Radius), m.Matrix)
	return m, nil
}

// Interpolation replaces the bad channels by what spherical splines through the others give at their positions (Perrin et al. 1989, as
// MNE-Python's interpolate_bads), and leaves the others alone.
func Interpolation(names []string, positions [][3]float64, head Head, bad ...string) (*Montage, error) {
	on, err := onSphere(names, positions, &head)
	if err != nil {
		return nil, err
	}
	at, err := find(names, bad)
	if err != nil {
		return nil, err
	}
	var good []int
	for i := range names {
		if !slices.Contains(at, i) {
			good = append(good, i)
		}
	}
	n := len(good)
	if n < 3 {
		return nil, fmt.Errorf("%d of %d channels are bad; interpolation needs at least 3 good ones", len(names)-n, len(names))
	}
	system := mat.NewDense(n+1, n+1, nil)
	for i, a := range good {
		for j, b := range good {
			system.Set(i, j, spline(cosine(on[a], on[b]), 4))
		}
		system.Set(i, i, system.At(i, i)+splineStrength)
		system.Set(i, n, 1)
		system.Set(n, i, 1)
	}
	var inverse mat.Dense
	if err := inverse.Inverse(system); err != nil {
		return nil, fmt.Errorf("spherical splines of %d channels: %w; are two of them at the same position?", n, err)
	}
	m := &Montage{Names: slices.Clone(names), Matrix: mat.NewDense(len(names), len(names), nil)}
	for _, i := range good {
		m.Matrix.Set(i, i, 1)
	}
	for _, i := range at {
		for k, b := range good {
			weight := inverse.At(n, k)
			for j, a := range good {
				weight += spline(cosine(on[i], on[a]), 4) * inverse.At(j, k)
			}
			m.Matrix.Set(i, b, weight)
		}
	}
	return m, nil
}

// onSphere projects positions onto the unit sphere and completes the head.
func onSphere(names []string, positions [][3]float64, head *Head) ([][3]float64, error) {
	if err := checkPositions(names, positions); err != nil {
		return nil, err
	}
	if head.Radius == 0 {
		head.Radius = headRadius
	}
	if !(head.Radius > 0) {
		return nil, fmt.Errorf("the head's radius is %g; it must be positive", head.Radius)
	}
	out := make([][3]float64, len(positions))
	for i, p := range positions {
		for k := range p {
			p[k] -= head.Centre[k]
		}
		norm := math.Sqrt(p[0]*p[0] + p[1]*p[1] + p[2]*p[2])
		if norm == 0 {
			return nil, fmt.Errorf("channel %s is at the centre of the head; leave it out or give its position", names[i])
		}
		for k := range p {
			out[i][k] = p[k] / norm
		}
	}
	return out, nil
}

func cosine(a, b [3]float64) float64 {
	return max(-1, min(1, a[0]*b[0]+a[1]*b[1]+a[2]*b[2]))
}

// spline is the sum over n of (2n+1) Pn(x) / (4π (n(n+1))^power): the spline itself for 4, its Laplacian for 3.
func spline(x float64, power int) float64 {
	before, this, sum := 1.0, x, 0.0
	for n := 1.0; n <= splineTerms; n++ {
		sum += (2*n + 1) * this / math.Pow(n*(n+1), float64(power))
		before, this = this, ((2*n+1)*x*this-n*before)/(n+1)
	}
	return sum / (4 * math.Pi)
}
