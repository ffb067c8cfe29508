package network

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// DoubleExponential filters spikes of n neurons by exp(-t/Decay) - exp(-t/Rise), scaled to a peak of 1 for a single spike: traces that a read-out
// can use.
type DoubleExponential struct {
	Out        []float32 // [n], the filtered spikes
	fast, slow []float32 // the two exponentials
	perFast    float32   // decays per step
	perSlow    float32
	scale      float32
}

// NewDoubleExponential makes filters at rest. rise and decay are time constants in steps, rise the shorter.
func NewDoubleExponential(n int, rise, decay float64) (*DoubleExponential, error) {
	if !(rise > 0 && decay > rise) || math.IsInf(decay, 0) {
		return nil, fmt.Errorf("network: a filter that rises with %g and decays with %g steps; need 0 < rise < decay", rise, decay)
	}
	peak := decay * rise / (decay - rise) * math.Log(decay/rise) // when the difference is largest
	return &DoubleExponential{
		Out: make([]float32, n), fast: make([]float32, n), slow: make([]float32, n),
		perFast: float32(DecayOf(1, rise)), perSlow: float32(DecayOf(1, decay)),
		scale: float32(1 / (math.Exp(-peak/decay) - math.Exp(-peak/rise))),
	}, nil
}

// Step lets one step pass, in which the given neurons fire. A spike shows in Out from the step after it.
func (f *DoubleExponential) Step(spikes []int32) { f.step(spikes, nil, nil) }

// step also writes Out minus baseline into centred, unless that is nil.
func (f *DoubleExponential) step(spikes []int32, centred, baseline []float32) {
	f.decay(centred, baseline)
	for _, s := range spikes {
		f.slow[s] += f.scale
		f.fast[s] += f.scale
	}
}

// decayPortable lets both exponentials fade and writes their difference, and that minus baseline into centred, unless that is nil.
func (f *DoubleExponential) decayPortable(centred, baseline []float32) {
	kernel.BinaryVS(kernel.Mul, f.slow, f.slow, f.perSlow)
	kernel.BinaryVS(kernel.Mul, f.fast, f.fast, f.perFast)
	kernel.Binary(kernel.Sub, f.Out, f.slow, f.fast)
	if centred != nil {
		kernel.Binary(kernel.Sub, centred, f.Out, baseline)
	}
}

// Reset forgets all spikes.
func (f *DoubleExponential) Reset() {
	clear(f.Out)
	clear(f.fast)
	clear(f.slow)
}

// ReadOut is linear outputs y_k = w_k·x that learn one by one from their errors, by the normalised delta rule (Widrow & Hoff 1960): a local
// rule of two factors, x and the error, to which its caller's rate can add a third that gates it.
type ReadOut struct {
	Weights [][]float32 // [outputs][n]
}

// NewReadOut makes outputs of zero.
func NewReadOut(outputs, n int) *ReadOut {
	r := &ReadOut{Weights: make([][]float32, outputs)}
	for k := range r.Weights {
		r.Weights[k] = make([]float32, n)
	}
	return r
}

// Output returns the k-th output for x.
func (r *ReadOut) Output(k int, x []float32) float64 { return float64(dot(r.Weights[k], x)) }

// Learn changes the weights of the k-th output by rate·err·x/‖x‖², so that its error for x falls to (1-rate)·err. norm is ‖x‖²; nothing happens
// where that is 0.
func (r *ReadOut) Learn(k int, rate, err float64, x []float32, norm float64) {
	if norm > 0 {
		kernel.Axpy(r.Weights[k], float32(rate*err/norm), x, r.Weights[k])
	}
}

// Norm is ‖x‖².
func Norm(x []float32) float64 { return float64(dot(x, x)) }

func dotPortable(x, y []float32) float32 {
	return blas32.Dot(blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(y), Inc: 1, Data: y})
}

// RLS is recursive least squares with a common inverse correlation P for all outputs: the learning of FORCE (Sussillo & Abbott 2009),
//
//	g = P x / (forget + xᵀP x)     w_k ← w_k + (target_k - w_k·x) g     P ← (P - g (P x)ᵀ) / forget
//
// in double precision. Only one half of P is kept, so that it stays symmetric. An update takes n² multiply-adds.
type RLS struct {
	Weights [][]float64 // [outputs][n]
	n       int
	regular float64
	forget  float64
	p       []float64 // [n, n], the upper triangle
	px      []float64
}

// NewRLS makes outputs of zero, with P = I/regular. forget is how much the past counts one update later; 1 means all.
func NewRLS(outputs, n int, regular, forget float64) (*RLS, error) {
	if n < 1 || outputs < 1 || !(regular > 0) || !(forget > 0 && forget <= 1) || math.IsInf(regular, 0) {
		return nil, fmt.Errorf("network: recursive least squares of %d outputs of %d values, with P = I/%g and a factor of %g", outputs, n, regular, forget)
	}
	r := &RLS{n: n, regular: regular, forget: forget, p: make([]float64, n*n), px: make([]float64, n)}
	for range outputs {
		r.Weights = append(r.Weights, make([]float64, n))
	}
	r.Restart()
	return r, nil
}

// Restart makes P what it was at first and keeps the weights, so that learning is fast again.
func (r *RLS) Restart() {
	clear(r.p)
	for i := range r.n {
		r.p[i*r.n+i] = 1 / r.regular
	}
}

// Output returns the k-th output for x.
func (r *RLS) Output(k int, x []float64) float64 {
	return blas64.Dot(vector(r.Weights[k]), vector(x))
}

// Update learns from x and the error of each output, target minus output.
func (r *RLS) Update(x, errs []float64) error {
	if len(x) != r.n || len(errs) != len(r.Weights) {
		return fmt.Errorf("network: recursive least squares of %d values and %d outputs was given %d and %d", r.n, len(r.Weights), len(x), len(errs))
	}
	clear(r.px)
	for i := range r.n {
		row := r.p[i*r.n+i : (i+1)*r.n]
		r.px[i] += blas64.Dot(vector(row), vector(x[i:]))
		if i+1 < r.n {
			blas64.Axpy(x[i], vector(row[1:]), vector(r.px[i+1:]))
		}
	}
	gain := 1 / (r.forget + blas64.Dot(vector(x), vector(r.px)))
	for k, e := range errs {
		blas64.Axpy(e*gain, vector(r.px), vector(r.Weights[k]))
	}
	for i := range r.n {
		row := vector(r.p[i*r.n+i : (i+1)*r.n])
		blas64.Axpy(-gain*r.px[i], vector(r.px[i:]), row)
		if r.forget != 1 {
			blas64.Scal(1/r.forget, row)
		}
	}
	return nil
}

func vector(x []float64) blas64.Vector { return blas64.Vector{N: len(x), Inc: 1, Data: x} }
