package shapes

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

const (
	// Side is the height and width of the images, Pixels what an image has.
	Side   = 16
	Pixels = Side * Side
	// Noise is σ, the standard deviation of independent noise on each pixel.
	Noise = 0.05

	ground, figure = -0.8, 0.8 // values of a template
	fine           = 4         // samples along each side of a pixel
)

// Names are those of the shapes.
var Names = []string{"disk", "ring", "square", "frame", "plus", "cross", "rows", "columns"}

// inside says whether a shape covers the point (u, v), in pixels to the right of and below the centre.
var inside = []func(u, v float64) bool{
	func(u, v float64) bool { return math.Hypot(u, v) <= 5 },
	func(u, v float64) bool { r := math.Hypot(u, v); return r >= 3 && r <= 5 },
	func(u, v float64) bool { return larger(u, v) <= 4.5 },
	func(u, v float64) bool { d := larger(u, v); return d >= 2.5 && d <= 4.5 },
	plus,
	func(u, v float64) bool { return plus((u+v)/math.Sqrt2, (u-v)/math.Sqrt2) },
	bars,
	func(u, v float64) bool { return bars(v, u) },
}

func larger(u, v float64) float64 { return max(math.Abs(u), math.Abs(v)) }

func plus(u, v float64) bool {
	return larger(u, v) <= 5.5 && min(math.Abs(u), math.Abs(v)) <= 1.25
}

func bars(u, v float64) bool {
	return math.Abs(u) <= 5.5 && min(math.Abs(v), math.Abs(v-4), math.Abs(v+4)) <= 1
}

// change is how an image differs from its template.
type change struct{ right, down, growth, turn, contrast float64 } // pixels, pixels, parts, radians, parts

// spread are the changes of one standard deviation, of which each gives a column of B.
var spread = []change{{right: .6}, {down: .6}, {growth: .08}, {turn: 8 * math.Pi / 180}, {contrast: .1}}

// render draws a shape.
func render(covers func(u, v float64) bool, c change) []float64 {
	image := make([]float64, Pixels)
	sin, cos := math.Sincos(c.turn)
	for i := range image {
		covered := 0
		for s := range fine * fine {
			x := float64(i%Side) + (float64(s%fine)+.5)/fine - Side/2 - c.right
			y := float64(i/Side) + (float64(s/fine)+.5)/fine - Side/2 - c.down
			if covers((cos*x+sin*y)/(1+c.growth), (cos*y-sin*x)/(1+c.growth)) {
				covered++
			}
		}
		image[i] = (1 + c.contrast) * (ground + (figure-ground)*float64(covered)/(fine*fine))
	}
	return image
}

// Mixture is the distribution of the images, all shapes being equally likely. It is safe for use by several goroutines.
type Mixture struct {
	parts []part
}

// part is one Gaussian.
type part struct {
	mean      []float64
	columns   [][]float64 // of B
	axes      [][]float64 // orthonormal: principal axes of B Bᵀ
	variances []float64   // along them
	span      [][]float64 // orthonormal: what mean and columns span
}

// New returns the mixture.
func New() *Mixture {
	m := &Mixture{}
	for _, covers := range inside {
		p := part{mean: render(covers, change{})}
		b := mat.NewDense(Pixels, len(spread), nil)
		for j, c := range spread {
			up := render(covers, c)
			down := render(covers, change{-c.right, -c.down, -c.growth, -c.turn, -c.contrast})
			column := make([]float64, Pixels)
			for i := range column {
				column[i] = (up[i] - down[i]) / 2
			}
			p.columns = append(p.columns, column)
			b.SetCol(j, column)
		}
		p.axes, p.variances = principal(b)
		with := mat.NewDense(Pixels, len(spread)+1, nil)
		with.Augment(b, mat.NewVecDense(Pixels, p.mean))
		p.span, _ = principal(with)
		m.parts = append(m.parts, p)
	}
	return m
}

// principal are the left singular vectors of a, but for those of singular values of zero, and the values' squares.
func principal(a *mat.Dense) (axes [][]float64, squares []float64) {
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThin) {
		panic("shapes: no singular value decomposition of a template")
	}
	var u mat.Dense
	svd.UTo(&u)
	values := svd.Values(nil)
	for j, v := range values {
		if v > 1e-9*values[0] {
			axes, squares = append(axes, mat.Col(nil, j, &u)), append(squares, v*v)
		}
	}
	return axes, squares
}

// Template is the mean image of a shape, [Side, Side]; it must not be changed.
func (m *Mixture) Template(k int) []float64 { return m.parts[k].mean }

// Draw returns n images [n, Side, Side] and their shapes.
func (m *Mixture) Draw(rng *rand.Rand, n int) (images []float32, shapes []int) {
	images, shapes = make([]float32, n*Pixels), make([]int, n)
	x := make([]float64, Pixels)
	for i := range n {
		shapes[i] = rng.IntN(len(m.parts))
		p := m.parts[shapes[i]]
		copy(x, p.mean)
		for _, column := range p.columns {
			z := rng.NormFloat64()
			for j, b := range column {
				x[j] += z * b
			}
		}
		for j, v := range x {
			images[i*Pixels+j] = float32(v + Noise*rng.NormFloat64())
		}
	}
	return images, shapes
}

// Moments are the mean and the covariance of all images.
func (m *Mixture) Moments() (mean []float64, covariance *mat.SymDense) {
	mean = make([]float64, Pixels)
	share := 1 / float64(len(m.parts))
	for _, p := range m.parts {
		for i, v := range p.mean {
			mean[i] += share * v
		}
	}
	covariance = mat.NewSymDense(Pixels, nil)
	for i := range Pixels {
		covariance.SetSym(i, i, Noise*Noise)
	}
	away := make([]float64, Pixels)
	for _, p := range m.parts {
		for i, v := range p.mean {
			away[i] = v - mean[i]
		}
		for _, v := range append([][]float64{away}, p.columns...) {
			covariance.SymRankOne(covariance, share, mat.NewVecDense(Pixels, v))
		}
	}
	return mean, covariance
}

// Recognise returns the shape in whose span, of template and changes, most of an image's energy lies, and the part of it that does.
func (m *Mixture) Recognise(image []float32) (shape int, part float64) {
	energy := 0.0
	for _, v := range image {
		energy += float64(v) * float64(v)
	}
	for k, p := range m.parts {
		held := 0.0
		for _, axis := range p.span {
			c := project(axis, image)
			held += c * c
		}
		if held/energy > part {
			shape, part = k, held/energy
		}
	}
	return shape, part
}

func project(axis []float64, image []float32) (sum float64) {
	for i, v := range axis {
		sum += v * float64(image[i])
	}
	return sum
}

// LogDensity is log p of an image of which signal times as much is left, and to which noise of standard deviation noise was added:
// signal·x + noise·ε. With signal 1 and noise 0 it is the density of the images.
func (m *Mixture) LogDensity(image []float32, signal, noise float64) float64 {
	logs, _ := m.parting(image, signal, noise)
	return logSum(logs)
}

// Predict writes to out the expectation of ε given signal·x + noise·ε: the prediction with the least mean square error that there is.
func (m *Mixture) Predict(out, image []float32, signal, noise float64) {
	logs, scores := m.parting(image, signal, noise)
	total := logSum(logs)
	sum := make([]float64, Pixels)
	for k, s := range scores {
		w := noise * math.Exp(logs[k]-total)
		if w < 1e-12*noise {
			continue
		}
		for i, v := range s {
			sum[i] += w * v
		}
	}
	for i, v := range sum {
		out[i] = float32(v)
	}
}

// parting gives for each shape the log of its share of the density, and C⁻¹(image - signal·μ) with the covariance C of its noisy images.
func (m *Mixture) parting(image []float32, signal, noise float64) (logs []float64, scores [][]float64) {
	base := signal*signal*Noise*Noise + noise*noise
	for _, p := range m.parts {
		r := make([]float64, Pixels)
		square := 0.0
		for i, v := range image {
			r[i] = float64(v) - signal*p.mean[i]
			square += r[i] * r[i]
		}
		score := make([]float64, Pixels)
		copy(score, r)
		logDeterminant := float64(Pixels-len(p.axes)) * math.Log(base)
		for j, axis := range p.axes {
			along := 0.0
			for i, v := range axis {
				along += v * r[i]
			}
			more := signal * signal * p.variances[j]
			logDeterminant += math.Log(base + more)
			less := more / (base + more)
			square -= less * along * along
			for i, v := range axis {
				score[i] -= less * along * v
			}
		}
		for i := range score {
			score[i] /= base
		}
		logs = append(logs, -.5*(square/base+logDeterminant+Pixels*math.Log(2*math.Pi))-math.Log(float64(len(m.parts))))
		scores = append(scores, score)
	}
	return logs, scores
}

func logSum(logs []float64) float64 {
	top := math.Inf(-1)
	for _, l := range logs {
		top = max(top, l)
	}
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - top)
	}
	return top + math.Log(sum)
}
