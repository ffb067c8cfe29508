package specparam

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// residuals sets the residuals at p and, unless slopes is nil, their derivatives, by residual and parameter.
type residuals func(p, residual []float64, slopes [][]float64)

// leastSquares finds parameters between bounds that minimise the sum of count squared residuals, by the trust-region reflective method of
// Branch, Coleman and Li (SIAM J. Sci. Comput. 21, 1999), which is what the reference implementation's optimiser is. Where a spectrum has many
// peaks the sum has many minima; the same method finds the same one.
//
// Parameters stay strictly inside their bounds. Each is scaled by the root of its distance to the bound that the gradient drives it to, so
// that it slows down before it gets there.
func leastSquares(start, low, high []float64, count int, f residuals) ([]float64, error) {
	r := region{low: low, high: high, n: len(start), x: slices.Clone(start)}
	for k, v := range r.x {
		r.x[k] = inside(v, low[k], high[k], 1e-10)
	}
	residual, trial := make([]float64, count), make([]float64, count)
	slopes := make([][]float64, count)
	for i := range slopes {
		slopes[i] = make([]float64, r.n)
	}
	f(r.x, residual, slopes)
	cost := floats.Dot(residual, residual) / 2
	if math.IsNaN(cost) || math.IsInf(cost, 0) {
		return nil, fmt.Errorf("the first guess %.3g has no finite error", start)
	}
	r.linearise(residual, slopes)
	for k, v := range r.x {
		r.radius += v * v / r.distance[k]
	}
	if r.radius = math.Sqrt(r.radius); r.radius == 0 {
		r.radius = 1
	}
	for range 3000 {
		norm := 0.0 // of the gradient, scaled
		for k, g := range r.gradient {
			norm = max(norm, math.Abs(g)*r.distance[k])
		}
		if norm < 1e-14 {
			return r.x, nil
		}
		if !r.factorise() {
			return nil, fmt.Errorf("the curvature at %.3g is not finite", r.x)
		}
		accepted := false
		for range 100 {
			step, scaled, predicted := r.step(max(0.995, 1-norm))
			next := make([]float64, r.n)
			for k := range next {
				next[k] = inside(r.x[k]+step[k], low[k], high[k], 0)
			}
			f(next, trial, nil)
			c := floats.Dot(trial, trial) / 2
			length := floats.Norm(scaled, 2)
			if math.IsNaN(c) || math.IsInf(c, 0) {
				r.radius = length / 4
				continue
			}
			gain, ratio := cost-c, 0.0
			switch {
			case predicted > 0:
				ratio = gain / predicted
			case predicted == 0 && gain == 0:
				ratio = 1
			}
			before := r.radius
			switch {
			case ratio < 0.25:
				r.radius = length / 4
			case ratio > 0.75 && length > 0.95*before:
				r.radius *= 2
			}
			small := gain <= 1e-14*cost && ratio > 0.25 || floats.Norm(step, 2) < 1e-13*(1e-13+floats.Norm(r.x, 2))
			if gain > 0 {
				r.x, cost, accepted = next, c, true
				f(r.x, residual, slopes)
				r.linearise(residual, slopes)
			}
			if small {
				return r.x, nil
			}
			if accepted {
				break
			}
		}
		if !accepted {
			return r.x, nil // no step leads down
		}
	}
	return nil, fmt.Errorf("the fit did not settle")
}

// inside moves a value that is on a bound or beyond it inside, by a part of the bound's size or by the least there is.
func inside(v, low, high, part float64) float64 {
	if v <= low {
		v = math.Nextafter(low, high)
		if part > 0 {
			v = low + part*max(1, math.Abs(low))
		}
	}
	if v >= high {
		v = math.Nextafter(high, low)
		if part > 0 {
			v = high - part*max(1, math.Abs(high))
		}
	}
	if v < low || v > high {
		v = (low + high) / 2
	}
	return v
}

// region is the quadratic model around a point and how far it is trusted.
type region struct {
	n         int
	low, high []float64
	x         []float64
	radius    float64 // in scaled parameters

	gradient []float64
	normal   *mat.SymDense // JᵀJ
	distance []float64     // to the bound the gradient drives to; 1 without one
	bend     []float64     // how distance changes as the parameter does: -1, 0 or 1

	scaledGradient []float64
	hessian        *mat.SymDense // of the scaled model
	values         []float64     // its eigenvalues, ascending
	vectors        mat.Dense
	projected      []float64 // the scaled gradient along its eigenvectors
}

func (r *region) linearise(residual []float64, slopes [][]float64) {
	r.gradient, r.normal = make([]float64, r.n), mat.NewSymDense(r.n, nil)
	for i, row := range slopes {
		for a, v := range row {
			r.gradient[a] += v * residual[i]
			for b := a; b < r.n; b++ {
				r.normal.SetSym(a, b, r.normal.At(a, b)+v*row[b])
			}
		}
	}
	r.distance, r.bend = make([]float64, r.n), make([]float64, r.n)
	for k, g := range r.gradient {
		switch {
		case g < 0 && !math.IsInf(r.high[k], 1):
			r.distance[k], r.bend[k] = r.high[k]-r.x[k], -1
		case g > 0 && !math.IsInf(r.low[k], -1):
			r.distance[k], r.bend[k] = r.x[k]-r.low[k], 1
		default:
			r.distance[k] = 1
		}
	}
}

// factorise prepares the model in scaled parameters.
func (r *region) factorise() bool {
	r.scaledGradient, r.hessian = make([]float64, r.n), mat.NewSymDense(r.n, nil)
	for a, g := range r.gradient {
		scale := math.Sqrt(r.distance[a])
		r.scaledGradient[a] = scale * g
		for b := a; b < r.n; b++ {
			r.hessian.SetSym(a, b, scale*r.normal.At(a, b)*math.Sqrt(r.distance[b]))
		}
		r.hessian.SetSym(a, a, r.hessian.At(a, a)+g*r.bend[a])
	}
	if math.IsNaN(mat.Sum(r.hessian)) || math.IsInf(mat.Sum(r.hessian), 0) {
		return false
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(r.hessian, true) {
		return false
	}
	r.values = eigen.Values(nil)
	r.vectors.Reset()
	eigen.VectorsTo(&r.vectors)
	var projected mat.VecDense
	projected.MulVec(r.vectors.T(), mat.NewVecDense(r.n, r.scaledGradient))
	r.projected = projected.RawVector().Data
	return true
}

// damped is the step that minimises the model plus damping times half its squared length.
func (r *region) damped(damping float64) []float64 {
	along := make([]float64, r.n)
	for k, g := range r.projected {
		along[k] = -g / (max(r.values[k], 0) + damping)
	}
	var out mat.VecDense
	out.MulVec(&r.vectors, mat.NewVecDense(r.n, along))
	return out.RawVector().Data
}

// best is the step that minimises the model within the radius.
func (r *region) best() []float64 {
	if r.values[0] > 1e-14*r.values[r.n-1] {
		if p := r.damped(0); floats.Norm(p, 2) <= r.radius {
			return p
		}
	}
	// Newton's iteration on the damping, kept between bounds on it.
	high := floats.Norm(r.scaledGradient, 2) / r.radius
	low, damping := 0.0, high/1000
	for range 60 {
		if !(damping > low && damping < high) {
			damping = max(1e-3*high, math.Sqrt(low*high))
		}
		p := r.damped(damping)
		length := floats.Norm(p, 2)
		over := length - r.radius
		if math.Abs(over) < 1e-10*r.radius {
			break
		}
		if over < 0 {
			high = damping
		} else {
			low = damping
		}
		slope := 0.0
		for k, g := range r.projected {
			d := max(r.values[k], 0) + damping
			slope -= g * g / (d * d * d)
		}
		slope /= length
		damping -= over / slope * length / r.radius
	}
	p := r.damped(damping)
	floats.Scale(r.radius/floats.Norm(p, 2), p)
	return p
}

// value is the model's change of cost by a scaled step.
func (r *region) value(p []float64) float64 {
	v := mat.NewVecDense(r.n, p)
	return mat.Inner(v, r.hessian, v)/2 + floats.Dot(r.scaledGradient, p)
}

// unscaled returns a step in the parameters themselves.
func (r *region) unscaled(p []float64) []float64 {
	out := make([]float64, r.n)
	for k, v := range p {
		out[k] = v * math.Sqrt(r.distance[k])
	}
	return out
}

// reach returns how many times a step from x fits until the first bound, and which bounds it hits then.
func (r *region) reach(x, step []float64) (times float64, hits []int) {
	times = math.Inf(1)
	for k, s := range step {
		to := math.Inf(1)
		switch {
		case s > 0:
			to = (r.high[k] - x[k]) / s
		case s < 0:
			to = (r.low[k] - x[k]) / s
		}
		switch {
		case to < times:
			times, hits = to, []int{k}
		case to == times && s != 0:
			hits = append(hits, k)
		}
	}
	return times, hits
}

// along minimises the model on the line from a scaled point in a direction, between two multiples of it.
func (r *region) along(from, direction []float64, low, high float64) (at, value float64) {
	d := mat.NewVecDense(r.n, direction)
	a := mat.Inner(d, r.hessian, d) / 2
	b := floats.Dot(r.scaledGradient, direction) + mat.Inner(d, r.hessian, mat.NewVecDense(r.n, from))
	value = math.Inf(1)
	for _, t := range []float64{low, high, -b / (2 * a)} {
		if t >= low && t <= high {
			if v := t * (a*t + b); v < value {
				at, value = t, v
			}
		}
	}
	return at, value + r.value(from)
}

// step returns the next step, and the same scaled, with the fall of cost that the model predicts. If the best step leaves the bounds, it is
// that step cut short, its reflection at the bound it hits, or the way down the gradient, whichever the model likes best.
func (r *region) step(theta float64) (step, scaled []float64, predicted float64) {
	scaled = r.best()
	step = r.unscaled(scaled)
	times, hits := r.reach(r.x, step)
	if times >= 1 {
		return step, scaled, -r.value(scaled)
	}
	cut := slices.Clone(scaled)
	floats.Scale(times, cut)
	onBound := slices.Clone(r.x)
	floats.AddScaled(onBound, times, step)
	mirrored := slices.Clone(scaled)
	for _, k := range hits {
		mirrored[k] = -mirrored[k]
	}
	// As far along the reflection as bounds and radius allow.
	toBound, _ := r.reach(onBound, r.unscaled(mirrored))
	a, b, c := floats.Dot(mirrored, mirrored), floats.Dot(cut, mirrored), floats.Dot(cut, cut)-r.radius*r.radius
	toRadius := (-b + math.Sqrt(max(0, b*b-a*c))) / a
	reflectedValue := math.Inf(1)
	var reflected []float64
	if longest := min(toBound, toRadius); longest > 0 {
		least, most := (1-theta)*times/longest, toRadius
		if toBound <= toRadius {
			most = theta * toBound
		}
		if least <= most {
			var t float64
			t, reflectedValue = r.along(cut, mirrored, least, most)
			reflected = slices.Clone(cut)
			floats.AddScaled(reflected, t, mirrored)
		}
	}
	floats.Scale(theta, cut)
	cutValue := r.value(cut)

	down := slices.Clone(r.scaledGradient)
	floats.Scale(-1, down)
	longest := r.radius / floats.Norm(down, 2)
	if t, _ := r.reach(r.x, r.unscaled(down)); t < longest {
		longest = theta * t
	}
	t, downValue := r.along(make([]float64, r.n), down, 0, longest)
	floats.Scale(t, down)

	switch {
	case cutValue < reflectedValue && cutValue < downValue:
		return r.unscaled(cut), cut, -cutValue
	case reflectedValue < cutValue && reflectedValue < downValue:
		return r.unscaled(reflected), reflected, -reflectedValue
	}
	return r.unscaled(down), down, -downValue
}
