package chaos

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Stepper follows a system in steps of a fixed length of time.
type Stepper interface {
	Name() string
	Dim() int
	Dt() float64
	// Advance moves a state of Dim values on by so many steps.
	Advance(x []float64, steps int)
	// Start draws a state from which the system falls onto its attractor.
	Start(rng *rand.Rand) []float64
}

// RungeKutta follows a flow by the classical method of order four.
type RungeKutta struct {
	Flow
	dt             float64
	k1, k2, k3, k4 []float64
	at             []float64
}

// NewRungeKutta follows a flow in steps of dt. It must not be used by two goroutines at a time.
func NewRungeKutta(f Flow, dt float64) (*RungeKutta, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if err := checkStep(f.Name(), dt); err != nil {
		return nil, err
	}
	r := &RungeKutta{Flow: f, dt: dt}
	for _, s := range []*[]float64{&r.k1, &r.k2, &r.k3, &r.k4, &r.at} {
		*s = make([]float64, f.Dim())
	}
	return r, nil
}

func checkStep(name string, dt float64) error {
	if !(dt > 0) || math.IsInf(dt, 0) {
		return fmt.Errorf("%s: a step of dt = %g; it must be positive", name, dt)
	}
	return nil
}

// Dt implements Stepper.
func (r *RungeKutta) Dt() float64 { return r.dt }

// Advance implements Stepper.
func (r *RungeKutta) Advance(x []float64, steps int) {
	n := len(x)
	h, at, k1, k2, k3, k4 := r.dt, r.at[:n], r.k1[:n], r.k2[:n], r.k3[:n], r.k4[:n]
	along := func(k []float64, h float64) {
		k = k[:n]
		for i, v := range x {
			at[i] = v + h*k[i]
		}
	}
	for range steps {
		r.Velocity(k1, x)
		along(k1, h/2)
		r.Velocity(k2, at)
		along(k2, h/2)
		r.Velocity(k3, at)
		along(k3, h)
		r.Velocity(k4, at)
		for i := range x {
			x[i] += h / 6 * (k1[i] + 2*k2[i] + 2*k3[i] + k4[i])
		}
	}
}

// Sampling says when a trajectory is read.
type Sampling struct {
	Discard int     // steps before the first sample, in which the state falls onto the attractor
	Every   int     // steps between samples
	Samples int     //
	Keep    int     // values of the state that are kept, its first ones; 0 means all
	Bound   float64 // a value beyond ± this is a blow-up; 0 means 1e3
}

// BlowUpError says that a trajectory left all bounds: the step is too long for the system.
type BlowUpError struct {
	System string
	Dt     float64 // the step
	Time   float64 // since the start, at which it was noticed
	Value  float64
}

func (e *BlowUpError) Error() string {
	return fmt.Sprintf("%s: a value is %.3g at time %.4g with steps of dt = %g: the trajectory blows up; take a smaller dt", e.System, e.Value, e.Time, e.Dt)
}

// Sample follows a trajectory from a start, which it leaves as it is, and returns its samples, [Samples, Keep] row-major. Its error is ctx's, a
// [BlowUpError], or says what cannot be sampled.
func Sample(ctx context.Context, s Stepper, start []float64, c Sampling) ([]float64, error) {
	if c.Keep == 0 {
		c.Keep = s.Dim()
	}
	if c.Bound == 0 {
		c.Bound = 1e3
	}
	if len(start) != s.Dim() || c.Discard < 0 || c.Every < 1 || c.Samples < 1 || c.Keep < 1 || c.Keep > s.Dim() {
		return nil, fmt.Errorf("%s: a start of %d values (the system has %d) and %+v cannot be sampled", s.Name(), len(start), s.Dim(), c)
	}
	x := slices.Clone(start)
	done := 0
	advance := func(steps int) error {
		s.Advance(x, steps)
		done += steps
		for _, v := range x {
			if !(math.Abs(v) <= c.Bound) {
				return &BlowUpError{s.Name(), s.Dt(), float64(done) * s.Dt(), v}
			}
		}
		return ctx.Err()
	}
	for done < c.Discard {
		if err := advance(min(100, c.Discard-done)); err != nil {
			return nil, err
		}
	}
	out := make([]float64, 0, c.Samples*c.Keep)
	for i := range c.Samples {
		if i > 0 {
			if err := advance(c.Every); err != nil {
				return nil, err
			}
		}
		out = append(out, x[:c.Keep]...)
	}
	return out, nil
}

// LargestExponent is the rate, per unit of time, at which a small disturbance of a trajectory grows: a twin is set off at a distance, and pulled back to that
// distance every so many steps, in the direction that it took (Benettin, Galgani & Strelcyn 1976). The start should lie on the attractor. It needs no
// Jacobian; package dynamics/lyapunov finds the whole spectrum with one.
func LargestExponent(ctx context.Context, s Stepper, start []float64, distance float64, every, times int) (float64, error) {
	if len(start) != s.Dim() || !(distance > 0) || every < 1 || times < 1 {
		return 0, fmt.Errorf("%s: a start of %d values, distance %g, %d times %d steps: no exponent can be measured", s.Name(), len(start), distance, times, every)
	}
	x, twin := slices.Clone(start), slices.Clone(start)
	for i := range twin {
		twin[i] += distance / math.Sqrt(float64(len(twin)))
	}
	// In the first fifth the disturbance turns to the direction that grows fastest.
	sum, counted := 0., 0
	for k := range times + times/5 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		s.Advance(x, every)
		s.Advance(twin, every)
		apart := 0.
		for i, v := range x {
			apart += (twin[i] - v) * (twin[i] - v)
		}
		apart = math.Sqrt(apart)
		if !(apart > 0) || math.IsInf(apart, 0) {
			return 0, &BlowUpError{s.Name(), s.Dt(), float64((k+1)*every) * s.Dt(), apart}
		}
		for i, v := range x {
			twin[i] = v + (twin[i]-v)*distance/apart
		}
		if k >= times/5 {
			sum += math.Log(apart / distance)
			counted++
		}
	}
	return sum / (float64(counted*every) * s.Dt()), nil
}
