package spikingdiffusion

import (
	"context"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-dev/gyrus/diffusion"
	"github.com/gyrus-dev/gyrus/measure"
	"github.com/gyrus-dev/gyrus/simulate/shapes"
)

// bins is how many parts the diffusion is cut into for the error.
const bins = 10

// heldOut are images with noise, the same for all systems.
type heldOut struct {
	noisy, noise []float32
	t            []float32 // evenly spread
}

// hold adds noise to images.
func hold(im images, rng *rand.Rand) heldOut {
	n, size := im.len(), im.size()
	h := heldOut{noisy: make([]float32, n*size), noise: normal(rng, n*size)}
	s := schedule()
	for i := range n {
		t := 1 + (2*i+1)*diffusionSteps/(2*n)
		h.t = append(h.t, float32(t))
		s.Noised(h.noisy[i*size:(i+1)*size], im.pixels[i*size:(i+1)*size], h.noise[i*size:(i+1)*size], t)
	}
	return h
}

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// errors is the mean square error of predicted noise over all examples, and in each tenth of the diffusion.
func (h heldOut) errors(predicted []float32) (mean float64, byTime []float64) {
	size := len(h.noise) / len(h.t)
	byTime, count := make([]float64, bins), make([]float64, bins)
	for i, t := range h.t {
		sum := 0.0
		for j := i * size; j < (i+1)*size; j++ {
			d := float64(predicted[j] - h.noise[j])
			sum += d * d / float64(size)
		}
		mean += sum / float64(len(h.t))
		b := min(bins-1, int(t-1)*bins/diffusionSteps)
		byTime[b] += sum
		count[b]++
	}
	for b := range byTime {
		byTime[b] /= count[b]
	}
	return mean, byTime
}

// exact predicts the held-out noise with a predictor that knows the density.
func (h heldOut) exact(predict func(out, image []float32, signal, noise float64)) []float32 {
	out := make([]float32, len(h.noisy))
	s := schedule()
	size := len(h.noisy) / len(h.t)
	for i, t := range h.t {
		signal, noise := s.Scales(int(t))
		predict(out[i*size:(i+1)*size], h.noisy[i*size:(i+1)*size], signal, noise)
	}
	return out
}

// features are the principal components of true images that samples are compared on, with the truth's moments there.
type features struct {
	axes       *mat.Dense // [pixels, components]
	mean       []float64
	covariance *mat.SymDense
}

// newFeatures takes the components and moments from those of the truth.
func newFeatures(mean []float64, covariance *mat.SymDense, components int) *features {
	f := &features{axes: new(mat.Dense), covariance: mat.NewSymDense(components, nil)}
	for i, v := range shapes.Principal(covariance, components, f.axes) {
		f.covariance.SetSym(i, i, v)
	}
	var m mat.Dense
	m.Mul(mat.NewDense(1, len(mean), mean), f.axes)
	f.mean = m.RawRowView(0)
	return f
}

// frechet is the Fréchet distance of samples to the truth.
func (f *features) frechet(x []float32) (float64, error) {
	mean, covariance := moments(f.project(x))
	return measure.Frechet(mean, covariance, f.mean, f.covariance)
}

func (f *features) project(x []float32) *mat.Dense {
	pixels, _ := f.axes.Dims()
	n := len(x) / pixels
	all := mat.NewDense(n, pixels, nil)
	for i, v := range x {
		all.Set(i/pixels, i%pixels, float64(v))
	}
	var out mat.Dense
	out.Mul(all, f.axes)
	return &out
}

func moments(rows *mat.Dense) (mean []float64, covariance *mat.SymDense) {
	n, d := rows.Dims()
	for j := range d {
		mean = append(mean, stat.Mean(mat.Col(nil, j, rows), nil))
	}
	covariance = mat.NewSymDense(d, nil)
	if n > 1 {
		stat.CovarianceMatrix(covariance, rows, nil)
	}
	return mean, covariance
}

// enough is the part of an image's energy that must lie in a shape's span for the image to be recognised.
const enough = 0.8

// content is what is seen in samples of shapes.
type content struct {
	Recognised float64   // part of all
	Present    int       // shapes that make up at least 1 % of the samples
	Shares     []float64 // of each shape among the recognised
	Distance   float64   // in total variation of the shares from equal ones
}

func look(m *shapes.Mixture, x []float32) (c content) {
	n := len(x) / shapes.Pixels
	c.Shares = make([]float64, len(shapes.Names))
	for i := range n {
		if k, part := m.Recognise(x[i*shapes.Pixels : (i+1)*shapes.Pixels]); part >= enough {
			c.Shares[k]++
			c.Recognised += 1 / float64(n)
		}
	}
	total := 0.0
	for _, v := range c.Shares {
		if total += v; v >= .01*float64(n) {
			c.Present++
		}
	}
	for k := range c.Shares {
		c.Shares[k] /= max(1, total)
		c.Distance += math.Abs(c.Shares[k]-1/float64(len(c.Shares))) / 2
	}
	return c
}

// exactly is a predictor that knows the density, as a sampler wants it.
func exactly(predict func(out, image []float32, signal, noise float64)) diffusion.Predictor {
	s := schedule()
	return func(ctx context.Context, x []float32, t int) ([]float32, error) {
		out := make([]float32, len(x))
		signal, noise := s.Scales(t)
		for i := 0; i < len(x); i += shapes.Pixels {
			predict(out[i:i+shapes.Pixels], x[i:i+shapes.Pixels], signal, noise)
		}
		return out, ctx.Err()
	}
}
