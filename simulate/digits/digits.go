package digits

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Size is the width and height of an image in pixels.
const Size = 28

// margin is how many pixels at each edge lie outside the unit box.
const margin = 2

// Classes is the number of digits.
const Classes = 10

// Style says how much digits of a class differ. Lengths are parts of the unit box, which is [Size]-4 pixels wide.
type Style struct {
	Vertex     float64 // standard deviation of each coordinate of a vertex; of an ellipse, of its centre and radii
	Rotation   float64 // standard deviation, degrees
	Shear      float64 // standard deviation of the horizontal shift per vertical unit
	Scale      float64 // standard deviation of the logarithm of the stretching of each axis
	Shift      float64 // standard deviation in each axis
	PenFrom    float64 // the pen's standard deviation is uniform from PenFrom
	PenTo      float64 // to PenTo
	PixelNoise float64 // standard deviation of what is added to each pixel before it is clipped to 0..1
}

// Standard returns the style of the digits that the spiking papers are run on.
func Standard() Style {
	return Style{Vertex: .025, Rotation: 8, Shear: .12, Scale: .10, Shift: .05, PenFrom: .030, PenTo: .055, PixelNoise: .05}
}

// Set is digits with their classes.
type Set struct {
	Images []float32 // [n, Size, Size], 0 is paper and 1 is ink, rows from top to bottom
	Labels []uint8   // [n], the digit
}

// Len is the number of digits.
func (s *Set) Len() int { return len(s.Labels) }

// Image is the i-th image, [Size, Size]; it shares the storage.
func (s *Set) Image(i int) []float32 { return s.Images[i*Size*Size : (i+1)*Size*Size] }

// Generate draws n digits, all classes equally often (or once more), in random order.
func Generate(n int, style Style, rng *rand.Rand) (*Set, error) {
	if n < 0 {
		return nil, fmt.Errorf("stroke digits: %d images", n)
	}
	if err := style.check(); err != nil {
		return nil, err
	}
	s := &Set{Images: make([]float32, n*Size*Size), Labels: make([]uint8, n)}
	for i := range s.Labels {
		s.Labels[i] = uint8(i % Classes)
	}
	rng.Shuffle(n, func(i, j int) { s.Labels[i], s.Labels[j] = s.Labels[j], s.Labels[i] })
	for i, digit := range s.Labels {
		draw(s.Image(i), int(digit), style, rng)
	}
	return s, nil
}

// Draw draws one digit, 0 to 9, as a new image [Size, Size].
func Draw(digit int, style Style, rng *rand.Rand) ([]float32, error) {
	if digit < 0 || digit >= Classes {
		return nil, fmt.Errorf("stroke digits: there is no digit %d", digit)
	}
	if err := style.check(); err != nil {
		return nil, err
	}
	image := make([]float32, Size*Size)
	draw(image, digit, style, rng)
	return image, nil
}

func (s Style) check() error {
	for _, sd := range []float64{s.Vertex, s.Rotation, s.Shear, s.Scale, s.Shift, s.PixelNoise} {
		if !(sd >= 0) || math.IsInf(sd, 0) {
			return fmt.Errorf("stroke digits: a standard deviation of %g in the style %+v; it must be finite and not negative", sd, s)
		}
	}
	if !(s.PenFrom > 0 && s.PenTo >= s.PenFrom) || math.IsInf(s.PenTo, 0) {
		return fmt.Errorf("stroke digits: a pen from %g to %g; need 0 < PenFrom ≤ PenTo", s.PenFrom, s.PenTo)
	}
	return nil
}

type point struct{ x, y float64 }

// ellipse is a closed curve drawn as a polygon.
type ellipse struct{ centre, radii point }

// shape is how a digit is drawn, x to the right and y downwards in the unit box.
type shape struct {
	line     []point
	ellipses []ellipse
}

var shapes = [Classes]shape{
	0: {ellipses: []ellipse{{point{.5, .5}, point{.28, .40}}}},
	1: {line: []point{{.35, .25}, {.52, .10}, {.52, .90}}},
	2: {line: []point{{.25, .30}, {.35, .13}, {.62, .12}, {.74, .28}, {.66, .47}, {.25, .88}, {.78, .88}}},
	3: {line: []point{{.27, .15}, {.70, .13}, {.47, .43}, {.72, .58}, {.68, .82}, {.45, .90}, {.25, .82}}},
	4: {line: []point{{.62, .90}, {.62, .10}, {.22, .62}, {.80, .62}}},
	5: {line: []point{{.72, .12}, {.32, .12}, {.29, .46}, {.58, .42}, {.74, .60}, {.66, .82}, {.42, .90}, {.25, .82}}},
	6: {line: []point{{.66, .12}, {.40, .32}, {.28, .62}, {.38, .86}, {.62, .88}, {.72, .68}, {.58, .52}, {.32, .60}}},
	7: {line: []point{{.24, .13}, {.76, .13}, {.42, .90}}},
	8: {ellipses: []ellipse{{point{.5, .30}, point{.19, .18}}, {point{.5, .69}, point{.24, .21}}}},
	9: {line: []point{{.70, .38}, {.58, .50}, {.36, .46}, {.30, .28}, {.44, .12}, {.64, .14}, {.70, .38}, {.64, .88}}},
}

// corners is the number of corners of the polygon that stands for an ellipse; it deviates from the ellipse by 0.003 of the box.
const corners = 24

// segment is a straight stroke from a, of direction d.
type segment struct {
	a, d point
	per  float64 // one over the squared length; 0 for a dot
}

func draw(image []float32, digit int, s Style, rng *rand.Rand) {
	jitter := func(p point) point { return point{p.x + s.Vertex*rng.NormFloat64(), p.y + s.Vertex*rng.NormFloat64()} }
	var lines [][]point
	if line := shapes[digit].line; line != nil {
		moved := make([]point, len(line))
		for i, p := range line {
			moved[i] = jitter(p)
		}
		lines = append(lines, moved)
	}
	for _, e := range shapes[digit].ellipses {
		centre, radii := jitter(e.centre), jitter(e.radii)
		ring := make([]point, corners+1)
		for i := range ring {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
			ring[i] = point{centre.x + radii.x*cos, centre.y + radii.y*sin}
		}
		lines = append(lines, ring)
	}

	// About the centre of the box: stretch, then shear, then turn, then shift.
	sin, cos := math.Sincos(s.Rotation * math.Pi / 180 * rng.NormFloat64())
	shear := s.Shear * rng.NormFloat64()
	sx, sy := math.Exp(s.Scale*rng.NormFloat64()), math.Exp(s.Scale*rng.NormFloat64())
	dx, dy := s.Shift*rng.NormFloat64(), s.Shift*rng.NormFloat64()
	var strokes []segment
	for _, line := range lines {
		var before point
		for i, p := range line {
			x, y := sx*(p.x-.5), sy*(p.y-.5)
			x += shear * y
			now := point{.5 + cos*x - sin*y + dx, .5 + sin*x + cos*y + dy}
			if i > 0 {
				d := point{now.x - before.x, now.y - before.y}
				stroke := segment{a: before, d: d}
				if n := d.x*d.x + d.y*d.y; n > 0 {
					stroke.per = 1 / n
				}
				strokes = append(strokes, stroke)
			}
			before = now
		}
	}

	pen := s.PenFrom + (s.PenTo-s.PenFrom)*rng.Float64()
	for row := range Size {
		for column := range Size {
			x, y := box(column), box(row)
			nearest := math.Inf(1) // squared distance to a stroke
			for _, t := range strokes {
				px, py := x-t.a.x, y-t.a.y
				along := min(max((px*t.d.x+py*t.d.y)*t.per, 0), 1)
				px -= along * t.d.x
				py -= along * t.d.y
				nearest = min(nearest, px*px+py*py)
			}
			ink := math.Exp(-nearest / (2 * pen * pen))
			image[row*Size+column] = float32(min(max(ink+s.PixelNoise*rng.NormFloat64(), 0), 1))
		}
	}
}

// box is where the middle of a pixel's column or row lies in the unit box.
func box(i int) float64 { return (float64(i-margin) + .5) / (Size - 2*margin) }
