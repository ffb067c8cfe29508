package lyapunov

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Map is a system in steps, of states of n values. Next writes the state after x to next and the Jacobian ∂next_i/∂x_j, row-major [n, n], to jacobian.
// x and next do not overlap.
type Map func(next, jacobian, x []float64) error

// Flow is a system in continuous time, dx/dt = f(t, x). It writes f to velocity and ∂f_i/∂x_j, row-major [n, n], to jacobian.
type Flow func(velocity, jacobian, x []float64, t float64)

// Stepping is how a map is followed. Zero counts as what is said beside a field.
type Stepping struct {
	Discard int // steps before measuring, in which the state reaches the attractor and the frame turns to its directions: a tenth of Steps
	Steps   int // steps measured
	Every   int // steps between the times the frame is made orthonormal: 1
	Count   int // exponents, the largest ones: all
}

// Flowing is how a flow is followed. Zero counts as what is said beside a field.
type Flowing struct {
	Step    float64 // of the Runge-Kutta method of order four, for state and frame alike
	Discard float64 // time before measuring: a tenth of Length
	Length  float64 // time measured
	Every   int     // steps between the times the frame is made orthonormal: 1
	Count   int     // exponents, the largest ones: all
}

// OfMap returns the exponents of a map along the trajectory from start, largest first, per step. A direction that the map extinguishes altogether has the
// exponent -Inf.
func OfMap(ctx context.Context, f Map, start []float64, s Stepping) ([]float64, error) {
	n := len(start)
	if s.Discard == 0 {
		s.Discard = s.Steps / 10
	}
	if s.Discard < 0 || s.Steps < 1 {
		return nil, fmt.Errorf("%d steps after %d: at least one must be measured", s.Steps, s.Discard)
	}
	fr, err := newFrame(n, s.Count, s.Every)
	if err != nil {
		return nil, err
	}
	x, next, jacobian := slices.Clone(start), make([]float64, n), make([]float64, n*n)
	for step := range s.Discard + s.Steps {
		if step%1024 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if step == s.Discard {
			fr.begin()
		}
		if err := f(next, jacobian, x); err != nil {
			return nil, fmt.Errorf("step %d: %w", step, err)
		}
		for k, v := range fr.vectors {
			multiply(fr.spare, jacobian, v)
			copy(fr.vectors[k], fr.spare)
		}
		x, next = next, x
		if err := fr.after(step, x); err != nil {
			return nil, err
		}
	}
	return fr.rates(float64(s.Steps)), nil
}

// OfFlow returns the exponents of a flow along the trajectory from start at time 0, largest first, per unit of time.
func OfFlow(ctx context.Context, f Flow, start []float64, s Flowing) ([]float64, error) {
	n := len(start)
	if s.Discard == 0 {
		s.Discard = s.Length / 10
	}
	if !(s.Step > 0) || !(s.Length >= s.Step) || s.Discard < 0 || math.IsInf(s.Length+s.Discard, 0) {
		return nil, fmt.Errorf("steps of %v for a time of %v after %v: the step must be positive and the time at least as long", s.Step, s.Length, s.Discard)
	}
	fr, err := newFrame(n, s.Count, s.Every)
	if err != nil {
		return nil, err
	}
	discard, steps := int(math.Round(s.Discard/s.Step)), int(math.Round(s.Length/s.Step))
	r := newRungeKutta(n, len(fr.vectors))
	x := slices.Clone(start)
	for step := range discard + steps {
		if step%1024 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if step == discard {
			fr.begin()
		}
		r.step(f, x, fr.vectors, float64(step)*s.Step, s.Step)
		if err := fr.after(step, x); err != nil {
			return nil, err
		}
	}
	return fr.rates(float64(steps) * s.Step), nil
}

// Dimension is Kaplan and Yorke's, the number of exponents, with a fraction, whose sum is zero: of all exponents of a system, largest first. It is 0 where all
// are negative and their number where the sum of all is not.
func Dimension(exponents []float64) float64 {
	sum := 0.0
	for k, v := range exponents {
		if sum+v < 0 {
			return float64(k) - sum/v
		}
		sum += v
	}
	return float64(len(exponents))
}

// frame is the disturbances that are carried along.
type frame struct {
	vectors   [][]float64
	growth    []float64 // sums of logarithms
	every     int
	since     int
	measuring bool
	spare     []float64
}

func newFrame(n, count, every int) (*frame, error) {
	if count == 0 {
		count = n
	}
	if every == 0 {
		every = 1
	}
	if n < 1 || count < 1 || count > n || every < 1 {
		return nil, fmt.Errorf("%d exponents of %d states, orthonormal every %d steps: there are as many exponents as states", count, n, every)
	}
	f := &frame{growth: make([]float64, count), every: every, spare: make([]float64, n)}
	for k := range count {
		f.vectors = append(f.vectors, make([]float64, n))
		f.vectors[k][k] = 1
	}
	return f, nil
}

func (f *frame) begin() {
	f.orthonormal()
	f.measuring = true
}

// after makes the frame orthonormal if it is time to, and checks the state.
func (f *frame) after(step int, x []float64) error {
	if f.since++; f.since == f.every {
		f.orthonormal()
		for i, v := range x {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("value %d of the state is %v after %d steps: the trajectory leaves all bounds; take a smaller step or another start", i, v, step+1)
			}
		}
	}
	return nil
}

// orthonormal is Gram and Schmidt's method, each vector freed twice of those before it, which keeps them orthogonal to rounding.
func (f *frame) orthonormal() {
	f.since = 0
	for k, v := range f.vectors {
		before := norm(v)
		for range 2 {
			for _, u := range f.vectors[:k] {
				along := dot(u, v)
				for i := range v {
					v[i] -= along * u[i]
				}
			}
		}
		size := norm(v)
		// What cancellation leaves of a vector that lies in the span of those before it says nothing: the direction is extinct.
		extinct := !(size > 1e-14*before)
		if f.measuring {
			if extinct {
				f.growth[k] = math.Inf(-1)
			} else {
				f.growth[k] += math.Log(size)
			}
		}
		if extinct {
			f.renew(k)
			continue
		}
		for i := range v {
			v[i] /= size
		}
	}
}

// renew gives vector k the axis that the vectors before it span least.
func (f *frame) renew(k int) {
	v, best, least := f.vectors[k], 0, math.Inf(1)
	for i := range v {
		sum := 0.0
		for _, u := range f.vectors[:k] {
			sum += u[i] * u[i]
		}
		if sum < least {
			best, least = i, sum
		}
	}
	clear(v)
	v[best] = 1
	for range 2 {
		for _, u := range f.vectors[:k] {
			along := dot(u, v)
			for i := range v {
				v[i] -= along * u[i]
			}
		}
	}
	size := norm(v)
	for i := range v {
		v[i] /= size
	}
}

func (f *frame) rates(time float64) []float64 {
	if f.since > 0 {
		f.orthonormal()
	}
	out := make([]float64, len(f.growth))
	for k, v := range f.growth {
		out[k] = v / time
	}
	slices.SortFunc(out, func(a, b float64) int {
		if a > b {
			return -1
		}
		return 1
	})
	return out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func norm(v []float64) float64 { return math.Sqrt(dot(v, v)) }

// multiply writes the product of a row-major square matrix and a vector.
func multiply(to, matrix, v []float64) {
	n := len(v)
	for i := range to {
		to[i] = dot(matrix[i*n:(i+1)*n], v)
	}
}

// rungeKutta carries a state and vectors that follow the linearised flow along it.
type rungeKutta struct {
	jacobian []float64
	at       []float64      // the state at which a slope is taken
	velocity [4][]float64   // slopes of the state
	slopes   [4][][]float64 // and of the vectors
	moved    []float64
}

func newRungeKutta(n, vectors int) *rungeKutta {
	r := &rungeKutta{jacobian: make([]float64, n*n), at: make([]float64, n), moved: make([]float64, n)}
	for k := range r.velocity {
		r.velocity[k] = make([]float64, n)
		for range vectors {
			r.slopes[k] = append(r.slopes[k], make([]float64, n))
		}
	}
	return r
}

func (r *rungeKutta) step(f Flow, x []float64, vectors [][]float64, t, dt float64) {
	for k, part := range [4]float64{0, .5, .5, 1} {
		shifted := func(to, from, slope []float64) {
			for i, v := range from {
				to[i] = v + part*dt*slope[i]
			}
		}
		before := max(k-1, 0) // the first slope is taken at x itself
		shifted(r.at, x, r.velocity[before])
		f(r.velocity[k], r.jacobian, r.at, t+part*dt)
		for j, v := range vectors {
			shifted(r.moved, v, r.slopes[before][j])
			multiply(r.slopes[k][j], r.jacobian, r.moved)
		}
	}
	advance := func(x []float64, k1, k2, k3, k4 []float64) {
		for i := range x {
			x[i] += dt / 6 * (k1[i] + 2*k2[i] + 2*k3[i] + k4[i])
		}
	}
	advance(x, r.velocity[0], r.velocity[1], r.velocity[2], r.velocity[3])
	for j, v := range vectors {
		advance(v, r.slopes[0][j], r.slopes[1][j], r.slopes[2][j], r.slopes[3][j])
	}
}
