package fixedpoint

import (
	"cmp"
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// anchor is a fixed point with the factors of F' - 1 there. For a state at a small distance d, Newton's step with these factors leaves a distance of
// the order of d², as one with its own would.
type anchor struct {
	state []float64
	lu    mat.LU
}

const (
	newtonSteps = 12 // at most, for one state
	patient     = 2  // how often a walker waits before it gets a Jacobian of its own although there is a fixed point within its reach
	newtonGain  = .5 // of the speed, which each step must at least bring; near a solution a step brings far more
)

// polish finishes walkers by Newton's method. It returns those that it could not, as they were, to be tried again when they are ten times as slow.
func (r *run) polish(ctx context.Context, walkers []*walker) (back []*walker, err error) {
	if len(walkers) == 0 {
		return nil, nil
	}
	states := mat.NewDense(len(walkers), r.Units, nil)
	for i, w := range walkers {
		states.SetRow(i, w.h)
	}
	q, err := r.Speed(states)
	if err != nil {
		return nil, err
	}
	nearest := make([][]*walker, len(r.known))
	var open []*walker
	for i, w := range walkers {
		if w.q = q[i]; w.q <= r.Tolerance {
			r.arrive(w, true)
			continue
		}
		if len(r.known) == 0 {
			open = append(open, w)
			continue
		}
		at, least := 0, math.Inf(1)
		for k := range r.known {
			if d := distance(w.h, r.known[k].state); d < least {
				at, least = k, d
			}
		}
		nearest[at] = append(nearest[at], w)
	}
	for k, group := range nearest {
		left, err := r.follow(r.known[k], group)
		if err != nil {
			return nil, err
		}
		open = append(open, left...)
	}
	for len(open) > 0 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// A Jacobian is for who is falling fast, and has not failed just now with the factors of a fixed point not far away, where it will most
		// likely end once it is nearer.
		open = slices.DeleteFunc(open, func(w *walker) bool {
			if w.falls && (w.refused >= patient || !r.knows(w.h)) {
				return false
			}
			back = append(back, w)
			return true
		})
		if len(open) == 0 {
			break
		}
		slowest := slices.MinFunc(open, func(a, b *walker) int { return cmp.Compare(a.q, b.q) })
		a, err := r.newton(slowest)
		if err != nil {
			return nil, err
		}
		if a == nil {
			back = append(back, slowest)
			open = slices.DeleteFunc(open, func(w *walker) bool { return w == slowest })
			continue
		}
		if !slices.ContainsFunc(r.known, func(b *anchor) bool { return !apart(a.state, b.state, r.Merge) }) {
			r.known = append(r.known, a)
		}
		if open, err = r.follow(a, open); err != nil {
			return nil, err
		}
		// The walker that led here may have stopped short of the anchor by rounding alone.
		if slices.Contains(open, slowest) {
			open = slices.DeleteFunc(open, func(w *walker) bool { return w == slowest })
			copy(slowest.h, a.state)
			r.arrive(slowest, true)
		}
	}
	for _, w := range back {
		w.near /= 10
		w.refused++
	}
	return back, nil
}

// knows tells whether a fixed point was found within reach of a state.
func (r *run) knows(state []float64) bool {
	return slices.ContainsFunc(r.known, func(a *anchor) bool { return distance(state, a.state) <= r.stride() })
}

// newton follows Newton's method from one walker, with a Jacobian at each step. It returns nil if that does not lead to a fixed point nearby.
func (r *run) newton(w *walker) (*anchor, error) {
	state := mat.NewDense(1, r.Units, slices.Clone(w.h))
	q := math.Inf(1)
	var last *anchor
	for range newtonSteps {
		next, err := r.Next(state)
		if err != nil {
			return nil, err
		}
		next.Sub(next, state)
		now := speeds(next)[0]
		if now <= r.Tolerance && last != nil {
			w.q = now
			last.state = state.RawRowView(0)
			return last, nil
		}
		if !(now < newtonGain*q) {
			return nil, nil
		}
		q = now
		if last, err = r.factor(state.RawRowView(0)); err != nil || last == nil {
			return nil, err
		}
		if !last.step(state, next) || distance(state.RawRowView(0), w.h) > r.stride() {
			return nil, nil
		}
	}
	return nil, nil
}

// stride is how far Newton's method may lead: part of the distance between starts.
func (r *run) stride() float64 { return .5 * r.spread }

func (r *run) factor(state []float64) (*anchor, error) {
	j, err := r.Jacobian(state)
	if err != nil {
		return nil, err
	}
	for i := range r.Units {
		j.Set(i, i, j.At(i, i)-1)
	}
	a := &anchor{state: state}
	a.lu.Factorize(j)
	if math.IsInf(a.lu.Cond(), 1) {
		return nil, nil
	}
	return a, nil
}

// step moves states [k, n] by Newton's step for their velocities F(h) - h, which it overwrites.
func (a *anchor) step(states, velocities *mat.Dense) bool {
	var steps mat.Dense
	if err := a.lu.SolveTo(&steps, false, velocities.T()); err != nil {
		if _, ill := err.(mat.Condition); !ill {
			return false
		}
	}
	states.Sub(states, steps.T())
	return true
}

// follow moves walkers by Newton's steps with an anchor's factors, as long as each brings them nearer to standing still, and returns those that it does
// not lead to a fixed point, as they were.
func (r *run) follow(a *anchor, walkers []*walker) (left []*walker, err error) {
	type follower struct {
		*walker
		h []float64
		q float64
	}
	var open []follower
	for _, w := range walkers {
		if distance(w.h, a.state) <= r.stride() {
			open = append(open, follower{w, slices.Clone(w.h), math.Inf(1)})
		} else {
			left = append(left, w)
		}
	}
	for len(open) > 0 {
		states := mat.NewDense(len(open), r.Units, nil)
		for i, f := range open {
			states.SetRow(i, f.h)
		}
		velocities, err := r.Next(states)
		if err != nil {
			return nil, err
		}
		velocities.Sub(velocities, states)
		q := speeds(velocities)
		if !a.step(states, velocities) {
			for _, f := range open {
				left = append(left, f.walker)
			}
			return left, nil
		}
		var on []follower
		for i, f := range open {
			switch {
			case q[i] <= r.Tolerance:
				copy(f.walker.h, f.h)
				f.walker.q = q[i]
				r.arrive(f.walker, true)
			case !(q[i] < newtonGain*f.q) || distance(states.RawRowView(i), f.walker.h) > r.stride():
				left = append(left, f.walker)
			default:
				f.q = q[i]
				copy(f.h, states.RawRowView(i))
				on = append(on, f)
			}
		}
		open = on
	}
	return left, nil
}
