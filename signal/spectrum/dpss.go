package spectrum

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-dev/gyrus/signal/fourier"
)

// DPSS returns the first k discrete prolate spheroidal sequences of n samples with time half-bandwidth product nw, and how much of the energy
// of each lies within the band (Slepian, Bell Syst. Tech. J. 57, 1978). They have unit norm. The even ones have a positive sum, the odd ones
// begin positive. Periodic ones are those of n+1 samples without the last.
func DPSS(n int, nw float64, k int, periodic bool) (tapers [][]float64, concentration []float64, err error) {
	if periodic {
		n++
	}
	switch {
	case n < 2:
		return nil, nil, fmt.Errorf("tapers of %d samples; they need at least 2", n)
	case !(nw > 0 && nw < float64(n)/2):
		return nil, nil, fmt.Errorf("a time half-bandwidth product of %g is outside 0 to %g, half the number of samples", nw, float64(n)/2)
	case k < 1 || k > n:
		return nil, nil, fmt.Errorf("%d tapers of %d samples; there are 1 to %d", k, n, n)
	}
	w := nw / float64(n)
	// The sequences are the eigenvectors of a tridiagonal matrix, those of the largest eigenvalues first.
	diagonal, off := make([]float64, n), make([]float64, n-1)
	for i := range diagonal {
		d := float64(n-1-2*i) / 2
		diagonal[i] = d * d * math.Cos(2*math.Pi*w)
	}
	for i := range off {
		off[i] = float64(i+1) * float64(n-1-i) / 2
	}
	for _, value := range largestEigenvalues(diagonal, off, k) {
		tapers = append(tapers, eigenvector(diagonal, off, value, tapers))
	}
	for j, taper := range tapers {
		if j%2 == 0 {
			if floats.Sum(taper) < 0 {
				floats.Scale(-1, taper)
			}
			continue
		}
		threshold := max(1e-7, 1/float64(n))
		if i := slices.IndexFunc(taper, func(v float64) bool { return v*v > threshold }); i >= 0 && taper[i] < 0 {
			floats.Scale(-1, taper)
		}
	}
	concentration = concentrations(tapers, w)
	if periodic {
		for j := range tapers {
			tapers[j] = tapers[j][:n-1]
		}
	}
	return tapers, concentration, nil
}

// concentrations returns the part of each taper's energy within ±w cycles a sample: its autocorrelation against that of the band.
func concentrations(tapers [][]float64, w float64) []float64 {
	n := len(tapers[0])
	size := fourier.FastLength(2 * n)
	t := fourier.NewReal(size)
	padded, spectrum := make([]float64, size), make([]complex128, size/2+1)
	var out []float64
	for _, taper := range tapers {
		clear(padded)
		copy(padded, taper)
		t.Forward(spectrum, padded)
		for i, v := range spectrum {
			spectrum[i] = complex(real(v)*real(v)+imag(v)*imag(v), 0)
		}
		t.Inverse(padded, spectrum)
		sum := 2 * w * padded[0]
		for i := 1; i < n; i++ {
			sum += 2 * math.Sin(2*math.Pi*w*float64(i)) / (math.Pi * float64(i)) * padded[i]
		}
		out = append(out, sum)
	}
	return out
}

// largestEigenvalues finds the k largest eigenvalues of a symmetric tridiagonal matrix, in descending order, by bisection on the number
// of them below a value.
func largestEigenvalues(diagonal, off []float64, k int) []float64 {
	n := len(diagonal)
	low, high := math.Inf(1), math.Inf(-1)
	for i, d := range diagonal {
		radius := 0.0
		if i > 0 {
			radius += math.Abs(off[i-1])
		}
		if i < n-1 {
			radius += math.Abs(off[i])
		}
		low, high = min(low, d-radius), max(high, d+radius)
	}
	tiny := 1e-16 * max(math.Abs(low), math.Abs(high))
	below := func(x float64) int { // eigenvalues less than x: the negative pivots of the matrix less x
		count := 0
		pivot := 1.0
		for i, d := range diagonal {
			square := 0.0
			if i > 0 {
				square = off[i-1] * off[i-1]
			}
			pivot = d - x - square/pivot
			if math.Abs(pivot) < tiny {
				pivot = -tiny
			}
			if pivot < 0 {
				count++
			}
		}
		return count
	}
	out := make([]float64, k)
	top := high
	for j := range out {
		a, b := low, top // the (n-j)th smallest lies between
		for range 200 {
			middle := a + (b-a)/2
			if middle <= a || middle >= b || b-a <= 4*tiny {
				break
			}
			if below(middle) >= n-j {
				b = middle
			} else {
				a = middle
			}
		}
		out[j] = a + (b-a)/2
		top = b
	}
	return out
}

// eigenvector finds the eigenvector of a symmetric tridiagonal matrix by inverse iteration. The eigenvalues lie far enough apart for its
// convergence; only the nearest of the vectors found before are kept out.
func eigenvector(diagonal, off []float64, value float64, before [][]float64) []float64 {
	n := len(diagonal)
	// LU decomposition with row exchanges; u has two diagonals above the main one.
	u0, u1, u2, l := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	exchanged := make([]bool, n)
	scale := 0.0
	for _, d := range diagonal {
		scale = max(scale, math.Abs(d-value))
	}
	u0[0] = diagonal[0] - value
	if n > 1 {
		u1[0] = off[0]
	}
	for i := 0; i < n-1; i++ {
		next0, next1 := diagonal[i+1]-value, 0.0
		if i+2 < n {
			next1 = off[i+1]
		}
		if math.Abs(off[i]) > math.Abs(u0[i]) {
			exchanged[i] = true
			factor := u0[i] / off[i]
			row0, row1 := u1[i], u2[i]
			u0[i], u1[i], u2[i] = off[i], next0, next1
			l[i], u0[i+1], u1[i+1] = factor, row0-factor*next0, row1-factor*next1
			continue
		}
		factor := 0.0
		if u0[i] != 0 {
			factor = off[i] / u0[i]
		}
		l[i], u0[i+1], u1[i+1] = factor, next0-factor*u1[i], next1-factor*u2[i]
	}
	if u0[n-1] == 0 {
		u0[n-1] = 1e-16 * max(scale, 1e-300)
	}
	x := make([]float64, n)
	for i := range x {
		// Neither even nor odd, so that every sequence has a part of it.
		x[i] = 1 + math.Sin(float64(i)*0.7+float64(len(before)))
	}
	for range 3 {
		for i := 0; i < n-1; i++ {
			if exchanged[i] {
				x[i], x[i+1] = x[i+1], x[i]
			}
			x[i+1] -= l[i] * x[i]
		}
		for i := n - 1; i >= 0; i-- {
			if i+1 < n {
				x[i] -= u1[i] * x[i+1]
			}
			if i+2 < n {
				x[i] -= u2[i] * x[i+2]
			}
			pivot := u0[i]
			if math.Abs(pivot) < 1e-300 {
				pivot = 1e-300
			}
			x[i] /= pivot
			if math.Abs(x[i]) > 1e250 {
				floats.Scale(1e-250, x)
			}
		}
		floats.Scale(1/floats.Norm(x, math.Inf(1)), x)
		for _, b := range before[max(0, len(before)-8):] {
			floats.AddScaled(x, -floats.Dot(x, b), b)
		}
		floats.Scale(1/floats.Norm(x, 2), x)
	}
	return x
}
