package shapes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func draws(seed uint64, n int) ([]float32, []int) {
	return New().Draw(rand.New(rand.NewPCG(seed, 1)), n)
}

// TestRecognise holds true images and noise against the templates.
func TestRecognise(t *testing.T) {
	m := New()
	images, shapes := draws(1, 400)
	for i, k := range shapes {
		if got, part := m.Recognise(images[i*Pixels : (i+1)*Pixels]); got != k || part < .9 {
			t.Errorf("a %s is taken for a %s, %.2f of it", Names[k], Names[got], part)
		}
	}
	rng := rand.New(rand.NewPCG(2, 2))
	noise := make([]float32, Pixels)
	for range 100 {
		for i := range noise {
			noise[i] = float32(rng.NormFloat64())
		}
		if _, part := m.Recognise(noise); part > .3 {
			t.Errorf("%.2f of noise is a shape", part)
		}
	}
	flat := make([]float32, Pixels)
	for i := range flat {
		flat[i] = ground
	}
	if k, part := m.Recognise(flat); part > .8 {
		t.Errorf("an empty image is taken for a %s, %.2f of it", Names[k], part)
	}
	for k := range Names {
		for other := range Names {
			template := make([]float32, Pixels)
			for i, v := range m.Template(k) {
				template[i] = float32(v)
			}
			if got, part := m.Recognise(template); other == k && (got != k || part < .999999) {
				t.Errorf("the template of %s: %s, %v", Names[k], Names[got], part)
			}
		}
	}
}

// TestMoments compares moments with those of many draws.
func TestMoments(t *testing.T) {
	const n = 20_000
	images, _ := draws(3, n)
	mean, covariance := New().Moments()
	for _, pixel := range []int{17, 70, 100, 136, 200} {
		m, v := 0.0, 0.0
		for i := range n {
			m += float64(images[i*Pixels+pixel]) / n
		}
		for i := range n {
			d := float64(images[i*Pixels+pixel]) - m
			v += d * d / n
		}
		if math.Abs(m-mean[pixel]) > .03 || math.Abs(v-covariance.At(pixel, pixel)) > .03*(.03+v) {
			t.Errorf("pixel %d: mean %.3f and variance %.4f, drawn %.3f and %.4f", pixel, mean[pixel], covariance.At(pixel, pixel), m, v)
		}
	}
}

// dense computes log density and prediction of noise with whole matrices.
func dense(m *Mixture, image []float32, signal, noise float64) (log float64, predicted []float64) {
	var logs []float64
	var scores [][]float64
	for _, p := range m.parts {
		c := mat.NewSymDense(Pixels, nil)
		for i := range Pixels {
			c.SetSym(i, i, signal*signal*Noise*Noise+noise*noise)
		}
		for _, b := range p.columns {
			c.SymRankOne(c, signal*signal, mat.NewVecDense(Pixels, b))
		}
		r, s := mat.NewVecDense(Pixels, nil), mat.NewVecDense(Pixels, nil)
		for i, v := range image {
			r.SetVec(i, float64(v)-signal*p.mean[i])
		}
		var chol mat.Cholesky
		chol.Factorize(c)
		if err := chol.SolveVecTo(s, r); err != nil {
			panic(err)
		}
		logs = append(logs, -.5*(mat.Dot(r, s)+chol.LogDet()+Pixels*math.Log(2*math.Pi))-math.Log(8))
		scores = append(scores, mat.Col(nil, 0, s))
	}
	log = logSum(logs)
	predicted = make([]float64, Pixels)
	for k := range logs {
		for i, v := range scores[k] {
			predicted[i] += noise * math.Exp(logs[k]-log) * v
		}
	}
	return log, predicted
}

// TestPredict compares the prediction and the density with whole matrices.
func TestPredict(t *testing.T) {
	m := New()
	images, _ := draws(4, 6)
	rng := rand.New(rand.NewPCG(5, 5))
	for i, signal := range []float64{.999, .9, .6, .3, .1, .01} {
		noise := math.Sqrt(1 - signal*signal)
		x := images[i*Pixels : (i+1)*Pixels]
		for j := range x {
			x[j] = float32(signal*float64(x[j]) + noise*rng.NormFloat64())
		}
		out := make([]float32, Pixels)
		m.Predict(out, x, signal, noise)
		log, want := dense(m, x, signal, noise)
		if got := m.LogDensity(x, signal, noise); math.Abs(got-log) > 1e-6*math.Abs(log) {
			t.Errorf("signal %g: log density %v, want %v", signal, got, log)
		}
		for j := range out {
			if math.Abs(float64(out[j])-want[j]) > 1e-5 {
				t.Fatalf("signal %g, pixel %d: noise %v, want %v", signal, j, out[j], want[j])
			}
		}
	}
}

// TestLinear checks that errors of the linear prediction are orthogonal to what it saw, on average, and that it is worse than the best there is.
func TestLinear(t *testing.T) {
	m := New()
	l := m.Linear()
	const n = 400
	images, _ := draws(6, n)
	rng := rand.New(rand.NewPCG(7, 7))
	signal, noise := .6, .8
	best, linear, alike, scale := 0.0, 0.0, 0.0, 0.0
	x, e, out := make([]float32, Pixels), make([]float32, Pixels), make([]float32, Pixels)
	for i := range n {
		for j := range x {
			e[j] = float32(rng.NormFloat64())
			x[j] = float32(signal)*images[i*Pixels+j] + float32(noise)*e[j]
		}
		m.Predict(out, x, signal, noise)
		for j := range out {
			best += sq(out[j]-e[j]) / n / Pixels
		}
		l.Predict(out, x, signal, noise)
		for j := range out {
			linear += sq(out[j]-e[j]) / n / Pixels
			alike += float64((out[j] - e[j]) * out[j])
			scale += sq(out[j])
		}
	}
	if best >= linear || linear > .5 {
		t.Errorf("mean square error %.4f, of the linear prediction %.4f", best, linear)
	}
	if math.Abs(alike)/scale > .01 {
		t.Errorf("the error of the linear prediction goes with the prediction: %.4f", alike/scale)
	}
}

func sq(v float32) float64 { return float64(v) * float64(v) }

func Example() {
	m := New()
	images, shapes := m.Draw(rand.New(rand.NewPCG(1, 2)), 1)
	shape, part := m.Recognise(images)
	fmt.Println(Names[shape], shape == shapes[0], part > .9)
	// Output: disk true true
}
