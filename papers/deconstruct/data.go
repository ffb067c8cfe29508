package deconstruct

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gyrus-dev/gyrus/simulate/chaos"
)

// task is a series to learn from and one to forecast, in standard deviations of the training part about its mean.
type task struct {
	Name     string
	Dim      int
	Dt       float64 // time between samples
	Exponent float64 // largest, per unit of time; 0 where it is not known
	Judged   float64 // time over which closed loops are judged stable or not
	Train    []float32
	Val      []float32
	Test     []float32
	Mean, SD []float64 // of the training part, as it came
	Grows    []float64 // standard deviation of the increments, in the units of Train
}

// sizes is how many samples each part has.
type sizes struct{ train, val, test int }

// system is a generator with what is known of it.
type system struct {
	stepper  chaos.Stepper
	every    int // steps between samples
	discard  int
	keep     int // values that are observed
	exponent float64
	judged   float64
}

// lorenz96 is the multi-scale ring of which X is seen, every 0.01 units of time.
func lorenz96(dt, forcing float64, withoutDissipation bool) (*system, error) {
	m := chaos.StandardMultiscaleLorenz96()
	m.F, m.WithoutSlowDissipation = forcing, withoutDissipation
	s, err := chaos.NewRungeKutta(m, dt)
	if err != nil {
		return nil, err
	}
	every := int(math.Round(.01 / dt))
	if every < 1 || math.Abs(float64(every)*dt-.01) > 1e-9 {
		return nil, fmt.Errorf("dt: %g; samples are .01 apart, which must be a multiple of it", dt)
	}
	return &system{s, every, int(5 / dt), m.K, 0, 1.2}, nil
}

// kuramoto is the Kuramoto-Sivashinsky field, seen every 0.5 units of time.
func kuramoto(dt float64, length float64, points int) (*system, error) {
	s, err := chaos.NewKuramotoSivashinsky(chaos.KuramotoSivashinsky{Length: length, Points: points}, dt)
	if err != nil {
		return nil, err
	}
	every := max(1, int(math.Round(.5/dt)))
	return &system{s, every, int(200 / dt), points, 0, 100}, nil
}

// generate makes a task of one long trajectory, cut in three.
func (s *system) generate(ctx context.Context, n sizes, rng *rand.Rand) (*task, error) {
	total := n.train + n.val + n.test
	x, err := chaos.Sample(ctx, s.stepper, s.stepper.Start(rng), chaos.Sampling{Discard: s.discard, Every: s.every, Samples: total, Keep: s.keep})
	if err != nil {
		return nil, err
	}
	t := &task{Name: s.stepper.Name(), Dim: s.keep, Dt: float64(s.every) * s.stepper.Dt(), Exponent: s.exponent, Judged: s.judged}
	return t, t.divide(x, n)
}

// divide standardises a series [n, Dim] by its training part and cuts it.
func (t *task) divide(x []float64, n sizes) error {
	d := t.Dim
	t.Mean, t.SD, t.Grows = make([]float64, d), make([]float64, d), make([]float64, d)
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s: column %d of row %d is %v; expected finite numbers: fill the gaps or leave the rows out", t.Name, i%d+1, i/d+1, v)
		}
	}
	moments := func(mean, sd []float64, n int, at func(i, k int) float64) {
		for i := range n {
			for k := range d {
				mean[k] += at(i, k) / float64(n)
			}
		}
		for i := range n {
			for k := range d {
				sd[k] += (at(i, k) - mean[k]) * (at(i, k) - mean[k]) / float64(n)
			}
		}
		for k, v := range sd {
			sd[k] = math.Sqrt(v)
		}
	}
	moments(t.Mean, t.SD, n.train, func(i, k int) float64 { return x[i*d+k] })
	for k, s := range t.SD {
		if !(s > 1e-12*math.Abs(t.Mean[k])) {
			return fmt.Errorf("%s: column %d is %g throughout the training part; expected one that varies: leave it out", t.Name, k+1, t.Mean[k])
		}
	}
	scaled := make([]float32, len(x))
	for i, v := range x {
		scaled[i] = float32((v - t.Mean[i%d]) / t.SD[i%d])
	}
	moments(make([]float64, d), t.Grows, n.train-1, func(i, k int) float64 { return float64(scaled[(i+1)*d+k] - scaled[i*d+k]) })
	t.Train, t.Val, t.Test = scaled[:n.train*d], scaled[n.train*d:(n.train+n.val)*d], scaled[(n.train+n.val)*d:]
	return nil
}

// windows cuts a series [n, dim] into windows of some length, stride apart: [windows, length, dim].
func windows(x []float32, dim, length, stride int) *tensors.Tensor {
	var out []float32
	n := 0
	for from := 0; (from+length)*dim <= len(x); from += stride {
		out = append(out, x[from*dim:(from+length)*dim]...)
		n++
	}
	return tensors.FromFlatDataAndDimensions(out, n, length, dim)
}
