package similarity

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// DSA is dynamical similarity analysis (Ostrow et al., "Beyond geometry: comparing the temporal structure of computation in neural circuits with
// dynamical similarity analysis", NeurIPS 2023). Each system is a linear map A of the leading whitened coordinates v of its delay-embedded states,
// v(t+1) = A v(t), and two systems are as far apart as their maps remain under the best change of basis:
//
//	d(A, B) = min over orthogonal C of |A - C B Cᵀ|
//
// The coordinates have unit norm in all samples together, so that |A| is about √rank for slow dynamics: distances of different ranks do not compare.
type DSA struct {
	Delays   int     // steps embedded, at least 1; zero means 1
	Interval int     // steps between them; zero means 1
	Rank     int     // coordinates kept
	Ridge    float64 // of the regression of v(t+1) on v(t); zero means 1e-8
	Starts   int     // of the search for C, half of each determinant; zero means 16
	Seed     uint64  // of the starts
}

// Alignment is how near one map comes to another.
type Alignment struct {
	Frobenius float64    // |A - C B Cᵀ| at its least
	Angle     float64    // arccos(<A, C B Cᵀ> / |A||B|) in radians at that C, the score that does not depend on scale
	C         *mat.Dense // [rank, rank], orthogonal
}

// Fit returns the map A [rank, rank] of one system from its trials [steps, units], which may differ in length.
//
// The coordinates are the leading right singular vectors of the embedded states of all trials, as rows; states are not centred, as in the authors'
// program. It refuses states that are not finite, of a rank below Rank, and trials so short that fewer than Rank·Delays pairs of successive
// embedded states remain.
func (d DSA) Fit(trials []*mat.Dense) (*mat.Dense, error) {
	d = d.withDefaults()
	if err := d.check(); err != nil {
		return nil, err
	}
	units, _, err := width(trials)
	if err != nil {
		return nil, err
	}
	span := (d.Delays - 1) * d.Interval
	pairs, samples := 0, 0
	for _, t := range trials {
		if steps, _ := t.Dims(); steps > span {
			samples += steps - span
			pairs += steps - span - 1
		}
	}
	if pairs < d.Rank*d.Delays {
		return nil, fmt.Errorf("with %d delays of %d steps, %d pairs of successive states remain; rank %d needs at least %d: use fewer delays or longer trials",
			d.Delays, d.Interval, pairs, d.Rank, d.Rank*d.Delays)
	}
	embedded := mat.NewDense(samples, units*d.Delays, nil)
	row := 0
	for _, t := range trials {
		steps, _ := t.Dims()
		for at := span; at < steps; at++ {
			to := embedded.RawRowView(row)
			for q := range d.Delays {
				copy(to[q*units:], t.RawRowView(at - q*d.Interval)[:units])
			}
			row++
		}
	}
	v, err := whitened(embedded, d.Rank)
	if err != nil {
		return nil, err
	}
	// Normal equations of v(t+1) = A v(t), pairs within trials only.
	gram, cross := mat.NewSymDense(d.Rank, nil), mat.NewDense(d.Rank, d.Rank, nil)
	row = 0
	for _, t := range trials {
		steps, _ := t.Dims()
		if steps <= span {
			continue
		}
		before := v.Slice(row, row+steps-span-1, 0, d.Rank)
		after := v.Slice(row+1, row+steps-span, 0, d.Rank)
		row += steps - span
		if steps == span+1 {
			continue
		}
		var sum mat.Dense
		sum.Mul(before.T(), before)
		for i := range d.Rank {
			for j := i; j < d.Rank; j++ {
				gram.SetSym(i, j, gram.At(i, j)+sum.At(i, j))
			}
		}
		sum.Mul(before.T(), after)
		cross.Add(cross, &sum)
	}
	for i := range d.Rank {
		gram.SetSym(i, i, gram.At(i, i)+d.Ridge)
	}
	var chol mat.Cholesky
	if !chol.Factorize(gram) {
		return nil, fmt.Errorf("the regression of rank %d is singular with a ridge of %g; use a smaller rank or a larger ridge", d.Rank, d.Ridge)
	}
	var solution mat.Dense
	if err := chol.SolveTo(&solution, cross); err != nil {
		return nil, fmt.Errorf("the regression of rank %d with a ridge of %g: %w", d.Rank, d.Ridge, err)
	}
	return mat.DenseCopyOf(solution.T()), nil
}

// leastPart is the part of the largest variance below which a direction is rounding: the covariance squares what float64 can tell apart.
const leastPart = 1e-13

// whitened returns the leading left singular vectors [samples, rank] of h [samples, width], by the eigenvectors of hᵀh.
func whitened(h *mat.Dense, rank int) (*mat.Dense, error) {
	_, n := h.Dims()
	if rank > n {
		return nil, fmt.Errorf("rank %d is asked for of states that have %d coordinates with their delays", rank, n)
	}
	covariance := mat.NewSymDense(n, nil)
	covariance.SymOuterK(1, h.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(covariance, true) {
		return nil, fmt.Errorf("the eigenvalues of the covariance of %d coordinates did not converge", n)
	}
	values := eigen.Values(nil) // ascending
	if largest := values[n-1]; !(values[n-rank] > leastPart*largest) {
		has := 0
		for _, v := range values {
			if v > leastPart*largest {
				has++
			}
		}
		return nil, fmt.Errorf("rank %d is asked for of states of rank %d", rank, has)
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	w := mat.NewDense(n, rank, nil)
	for k := range rank {
		scale := 1 / math.Sqrt(values[n-1-k])
		for i := range n {
			w.Set(i, k, scale*vectors.At(i, n-1-k))
		}
	}
	var v mat.Dense
	v.Mul(h, w)
	return &v, nil
}

// Distance fits both systems and aligns them.
func (d DSA) Distance(x, y []*mat.Dense) (Alignment, error) {
	a, err := d.Fit(x)
	if err != nil {
		return Alignment{}, err
	}
	b, err := d.Fit(y)
	if err != nil {
		return Alignment{}, err
	}
	return d.Align(a, b)
}

// Align finds the orthogonal C, of either determinant, at which C b Cᵀ is nearest to a, both square and of one size; Rank, if set, must be that size. The
// search descends from the rotation between the axes of their symmetric parts, its mirror image and random rotations; the least of all starts counts. It
// is an upper bound of the true minimum: 16 starts found the least of 128 for all random maps of ranks up to 8 that were tried, larger ones need more.
func (d DSA) Align(a, b *mat.Dense) (Alignment, error) {
	d = d.withDefaults()
	n, columns := a.Dims()
	nb, cb := b.Dims()
	if n != columns || nb != cb || n != nb || d.Rank != 0 && d.Rank != n {
		return Alignment{}, fmt.Errorf("maps of %d x %d and %d x %d cannot be aligned at rank %d: all must be the same", n, columns, nb, cb, d.Rank)
	}
	for _, m := range []*mat.Dense{a, b} {
		if err := finite(m); err != nil {
			return Alignment{}, fmt.Errorf("a map of %d x %d: %w", n, n, err)
		}
	}
	rng := rand.New(rand.NewPCG(d.Seed, 0x445341))
	s := newSearch(a, b)
	best, least := mat.NewDense(n, n, nil), math.Inf(1)
	axes, err := betweenAxes(a, b)
	if err != nil {
		return Alignment{}, err
	}
	mirror := mat.Det(axes) < 0
	for start := range d.Starts {
		c := mat.DenseCopyOf(axes)
		if start >= 2 {
			c = rotation(n, rng)
		}
		if (mat.Det(c) < 0) != mirror {
			for j := range n {
				c.Set(0, j, -c.At(0, j))
			}
		}
		mirror = !mirror
		if e := s.descend(c); e < least {
			least = e
			best.Copy(c)
		}
	}
	turned := s.turn(best)
	norms := mat.Norm(a, 2) * mat.Norm(b, 2)
	return Alignment{
		Frobenius: math.Sqrt(least),
		Angle:     math.Acos(max(-1, min(1, inner(a, turned)/norms))),
		C:         best,
	}, nil
}

func (d DSA) withDefaults() DSA {
	if d.Delays == 0 {
		d.Delays = 1
	}
	if d.Interval == 0 {
		d.Interval = 1
	}
	if d.Ridge == 0 {
		d.Ridge = 1e-8
	}
	if d.Starts == 0 {
		d.Starts = 16
	}
	return d
}

func (d DSA) check() error {
	if d.Delays < 1 || d.Interval < 1 || d.Rank < 1 || d.Ridge < 0 || d.Starts < 1 {
		return fmt.Errorf("delays %d, interval %d, rank %d, ridge %g and starts %d: all must be positive", d.Delays, d.Interval, d.Rank, d.Ridge, d.Starts)
	}
	return nil
}

// rotation draws an orthogonal matrix uniformly: the Q of a normal matrix, with the signs that make its R positive (Mezzadri 2007).
func rotation(n int, rng *rand.Rand) *mat.Dense {
	z := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			z.Set(i, j, rng.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(z)
	var q, r mat.Dense
	qr.QTo(&q)
	qr.RTo(&r)
	for j := range n {
		if r.At(j, j) < 0 {
			for i := range n {
				q.Set(i, j, -q.At(i, j))
			}
		}
	}
	return &q
}

// betweenAxes returns the C that brings the axes of b + bᵀ, in the order of their eigenvalues, to those of a + aᵀ. For maps that differ by a rotation
// and have no eigenvalue of these twice it is that rotation. Which way each axis points is chosen so that the entries of both maps agree in sign,
// the largest first.
func betweenAxes(a, b *mat.Dense) (*mat.Dense, error) {
	n, _ := a.Dims()
	var axes, in [2]mat.Dense // and the maps in them
	for k, m := range []*mat.Dense{a, b} {
		symmetric := mat.NewSymDense(n, nil)
		for i := range n {
			for j := i; j < n; j++ {
				symmetric.SetSym(i, j, m.At(i, j)+m.At(j, i))
			}
		}
		var eigen mat.EigenSym
		if !eigen.Factorize(symmetric, true) {
			return nil, fmt.Errorf("the eigenvalues of a map of %d x %d did not converge", n, n)
		}
		eigen.VectorsTo(&axes[k])
		var half mat.Dense
		half.Mul(axes[k].T(), m)
		in[k].Mul(&half, &axes[k])
	}
	sign := make([]float64, n)
	sign[0] = 1
	for range n - 1 {
		largest, next, points := -1.0, 0, 1.0
		for i, known := range sign {
			for j := range n {
				if known == 0 || sign[j] != 0 {
					continue
				}
				agreement := in[0].At(i, j)*in[1].At(i, j) + in[0].At(j, i)*in[1].At(j, i)
				if math.Abs(agreement) > largest {
					largest, next, points = math.Abs(agreement), j, math.Copysign(known, known*agreement)
				}
			}
		}
		sign[next] = points
	}
	for j, v := range sign {
		for i := range n {
			axes[0].Set(i, j, v*axes[0].At(i, j))
		}
	}
	var c mat.Dense
	c.Mul(&axes[0], axes[1].T())
	return &c, nil
}
