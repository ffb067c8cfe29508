package motion

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// Velocity is a motion in pixels per step, X to the right and Y downwards.
type Velocity struct{ X, Y float64 }

// Velocities lists the classes of motion of so many directions times the given speeds: class direction·len(speeds) + speed. The first direction is
// to the right, and they go on downwards.
func Velocities(directions int, speeds ...float64) []Velocity {
	var out []Velocity
	for d := range directions {
		sin, cos := math.Sincos(2 * math.Pi * float64(d) / float64(directions))
		for _, s := range speeds {
			out = append(out, Velocity{s * cos, s * sin})
		}
	}
	return out
}

// Path is where an image is in each step. The motion of step t, Class[t], leads from X[t], Y[t] to X[t+1], Y[t+1].
type Path struct {
	Class []int     // [steps]
	X, Y  []float64 // [steps+1], pixels, beginning at 0
	Since []int     // [steps], steps since the motion of step t began
}

// NewPath draws a path of segments, whose lengths in steps follow Poisson's law of that mean (but are at least 1), and whose motions are drawn
// from all classes alike.
func NewPath(steps int, classes []Velocity, mean float64, rng *rand.Rand) (*Path, error) {
	if steps < 1 || len(classes) == 0 || !(mean > 0) || math.IsInf(mean, 0) {
		return nil, fmt.Errorf("a path of %d steps in segments of %g steps and of %d motions; all must be positive", steps, mean, len(classes))
	}
	p := &Path{X: make([]float64, 1, steps+1), Y: make([]float64, 1, steps+1)}
	for len(p.Class) < steps {
		class := rng.IntN(len(classes))
		length := max(1, int(distuv.Poisson{Lambda: mean, Src: rng}.Rand()))
		for since := range min(length, steps-len(p.Class)) {
			t := len(p.Class)
			p.Class, p.Since = append(p.Class, class), append(p.Since, since)
			p.X, p.Y = append(p.X, p.X[t]+classes[class].X), append(p.Y, p.Y[t]+classes[class].Y)
		}
	}
	return p, nil
}
