package delays

import (
	"math"

	"github.com/gyrus-dev/gyrus/simulate/motion"
)

// line is where the kernel of a class looks, delay by delay.
type line struct {
	Class int
	X, Y  []float64 // [delays], centre of mass of the squared weights, pixels from the neuron
	// Velocity is the fitted line's, pixels per ms: events lie at -Velocity·δt, and so it is that of the motion which brings them here.
	Velocity motion.Velocity
	Off      float64 // angle between it and the class's direction, degrees
}

// lines measures the kernels of all classes. A line through the neuron is fitted to the centres of mass, weighed by their squared weights, over the
// delays at which the class's motion is still inside the field.
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
		speed, sum := math.Hypot(v.X, v.Y), 0.
		for dt, m := range mass {
			at.X[dt], at.Y[dt] = at.X[dt]/m, at.Y[dt]/m
			if m == 0 || speed*float64(dt) > float64(k.Width/2) {
				continue
			}
			d := float64(dt)
			at.Velocity.X -= m * d * at.X[dt]
			at.Velocity.Y -= m * d * at.Y[dt]
			sum += m * d * d
		}
		at.Velocity.X, at.Velocity.Y = at.Velocity.X/sum, at.Velocity.Y/sum
		at.Off = angle(at.Velocity, v)
	}
	return out
}

// angle is that between two velocities, in degrees; 180 for what has no direction.
func angle(a, b motion.Velocity) float64 {
	cos := (a.X*b.X + a.Y*b.Y) / (math.Hypot(a.X, a.Y) * math.Hypot(b.X, b.Y))
	if math.IsNaN(cos) {
		return 180
	}
	return math.Acos(math.Max(-1, math.Min(1, cos))) * 180 / math.Pi
}

// aligned is the part of the classes of at least that speed whose line is within so many degrees of their direction.
func aligned(lines []line, classes []motion.Velocity, speed, within float64) float64 {
	good, all := 0, 0
	for _, l := range lines {
		if v := classes[l.Class]; math.Hypot(v.X, v.Y) >= speed-1e-9 {
			all++
			if l.Off <= within {
				good++
			}
		}
	}
	return float64(good) / float64(all)
}
