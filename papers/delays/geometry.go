package delays

import (
	"context"
	"math"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

// line is where the kernel of a class looks, delay by delay.
type line struct {
	Class int
	X, Y  []float64 // [delays], centre of mass of the squared weights, pixels from the neuron
	// Velocity is the fitted line's, pixels per ms: older events lie where the motion comes from, and so it is minus the slope over delays.
	Velocity motion.Velocity
	Off      float64 // angle between it and the class's direction, degrees
}

// lines measures the kernels of all classes. A line is fitted to the centres of mass, weighed by their squared weights, over the delays during which what
// moves with the class's velocity crosses the field: those with speed · delay up to its width.
func (f *field) lines(l layer, classes []motion.Velocity) []line {
	k := f.kernel(l)
	out := make([]line, len(classes))
	mass := make([]float64, k.Depth)
	for c, v := range classes {
		at := &out[c]
		*at = line{Class: c, X: make([]float64, k.Depth), Y: make([]float64, k.Depth)}
		clear(mass)
		for tap := range k.TapCount() {
			_, dt, dy, dx := k.Of(tap)
			w := float64(k.Row(tap)[c])
			mass[dt] += w * w
			at.X[dt] -= w * w * float64(dx) // a tap at (dx, dy) sees what is at (-dx, -dy) from the neuron
			at.Y[dt] -= w * w * float64(dy)
		}
		n := f.crosses(v)
		sum, mean, x, y := 0., 0., 0., 0.
		for dt, m := range mass {
			if m > 0 {
				at.X[dt], at.Y[dt] = at.X[dt]/m, at.Y[dt]/m
			}
			if dt < n {
				sum, mean, x, y = sum+m, mean+m*float64(dt), x+m*at.X[dt], y+m*at.Y[dt]
			}
		}
		mean, x, y = mean/sum, x/sum, y/sum
		spread := 0.
		for dt, m := range mass[:n] {
			d := float64(dt) - mean
			spread += m * d * d
			at.Velocity.X -= m * d * (at.X[dt] - x)
			at.Velocity.Y -= m * d * (at.Y[dt] - y)
		}
		at.Velocity.X, at.Velocity.Y = at.Velocity.X/spread, at.Velocity.Y/spread
		at.Off = angle(at.Velocity, v)
	}
	return out
}

// crosses is how many delays, from the shortest on, what moves with a velocity needs to cross the field.
func (f *field) crosses(v motion.Velocity) int {
	return min(f.grid.Depth, int(float64(2*f.margin())/math.Hypot(v.X, v.Y)+1e-9)+1)
}

// angle is that between two velocities, in degrees; 180 for what has no direction.
func angle(a, b motion.Velocity) float64 {
	cos := (a.X*b.X + a.Y*b.Y) / (math.Hypot(a.X, a.Y) * math.Hypot(b.X, b.Y))
	if math.IsNaN(cos) {
		return 180
	}
	return math.Acos(math.Max(-1, math.Min(1, cos))) * 180 / math.Pi
}

// continuations finds for each class the velocity with which the weights of its kernel go on from delay to delay: under which weights 1, 2 and 3 ms further back
// are most like those displaced against the motion. Velocities tried are every 15° and 0.25 pixels per ms up to 3.
func (f *field) continuations(ctx context.Context, l layer, classes []motion.Velocity, progress func(papers.Progress)) ([]motion.Velocity, error) {
	k := f.kernel(l)
	out := make([]motion.Velocity, len(classes))
	var candidates []motion.Velocity
	for speed := .25; speed <= 3; speed += .25 {
		candidates = append(candidates, motion.Velocities(24, speed)...)
	}
	err := parallel(ctx, len(classes), progress, func() func(int) error {
		weights := make([]float64, k.TapCount())
		return func(c int) error {
			for tap := range weights {
				weights[tap] = float64(k.Row(tap)[c])
			}
			best := math.Inf(-1)
			for _, v := range candidates {
				if s := f.alike(weights, v); s > best {
					best, out[c] = s, v
				}
			}
			return nil
		}
	})
	return out, err
}

// alike correlates the weights of one class, [taps], with themselves at longer delays, displaced as a motion has it.
func (f *field) alike(weights []float64, v motion.Velocity) float64 {
	k, n := f.grid, f.margin()
	product, one, other := 0., 0., 0.
	for lag := 1; lag <= min(3, k.Depth-1); lag++ {
		// A tap dx further right sees what is dx further left, and so taps move with the motion as delays grow.
		x, y := v.X*float64(lag), v.Y*float64(lag)
		wholeX, wholeY := int(math.Floor(x)), int(math.Floor(y))
		x, y = x-float64(wholeX), y-float64(wholeY)
		for p := range k.Polarities {
			for dt := range k.Depth - lag {
				for dy := max(-n, -n-wholeY); dy <= min(n, n-wholeY-1); dy++ {
					row := k.Tap(p, dt, dy, 0)
					to := k.Tap(p, dt+lag, dy+wholeY, wholeX)
					for dx := max(-n, -n-wholeX); dx <= min(n, n-wholeX-1); dx++ {
						a := weights[row+dx]
						if a == 0 {
							continue
						}
						at := to + dx
						b := (1-y)*((1-x)*weights[at]+x*weights[at+1]) + y*((1-x)*weights[at+k.Width]+x*weights[at+k.Width+1])
						product, one, other = product+a*b, one+a*a, other+b*b
					}
				}
			}
		}
	}
	return product / math.Sqrt(one*other)
}

// matches is the part of the classes of at least that speed for which a condition holds.
func matches(classes []motion.Velocity, speed float64, holds func(class int) bool) float64 {
	good, all := 0, 0
	for c, v := range classes {
		if math.Hypot(v.X, v.Y) >= speed-1e-9 {
			all++
			if holds(c) {
				good++
			}
		}
	}
	return float64(good) / float64(all)
}
