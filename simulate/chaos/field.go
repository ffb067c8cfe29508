package chaos

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/signal/fourier"
)

// KuramotoSivashinsky is the equation of flame fronts on a periodic line,
//
//	u_t = -u u_x - u_xx - u_xxxx
//
// integrated in Fourier space by the exponential Runge-Kutta method of order four (Cox & Matthews 2002), whose coefficients are means over a circle of 16
// points in the complex plane (Kassam & Trefethen 2005). Its largest exponent is 0.043 to 0.05 at a length of 22 and about 0.09 at lengths of 60 and more.
type KuramotoSivashinsky struct {
	Length float64
	Points int // even
	// Dealias leaves out the products' wave numbers above a third of Points, into which others fold back.
	Dealias bool

	dt float64
	ks kernel
}

// kernel is the work of a step on half spectra.
type kernel struct {
	transform        *fourier.Real
	whole, half      []float64 // exp(L dt), exp(L dt/2)
	q, f1, f2, f3    []float64
	slope            []float64    // -i q/2 is i times this
	v, a, nv, na, nb []complex128 // spectra
	nc               []complex128
	u                []float64
}

// NewKuramotoSivashinsky follows the field in steps of dt. It must not be used by two goroutines at a time.
func NewKuramotoSivashinsky(k KuramotoSivashinsky, dt float64) (*KuramotoSivashinsky, error) {
	if k.Points < 8 || k.Points%2 != 0 || !(k.Length > 0) || math.IsInf(k.Length, 0) {
		return nil, fmt.Errorf("Kuramoto-Sivashinsky: %d points on a length of %g; expected an even number of at least 8, and a positive length", k.Points, k.Length)
	}
	if err := checkStep(k.Name(), dt); err != nil {
		return nil, err
	}
	n := k.Points/2 + 1
	w := kernel{transform: fourier.NewReal(k.Points), u: make([]float64, k.Points)}
	for _, s := range []*[]float64{&w.whole, &w.half, &w.q, &w.f1, &w.f2, &w.f3, &w.slope} {
		*s = make([]float64, n)
	}
	for _, s := range []*[]complex128{&w.v, &w.a, &w.nv, &w.na, &w.nb, &w.nc} {
		*s = make([]complex128, n)
	}
	const circle = 16
	for i := range n {
		wave := 2 * math.Pi * float64(i) / k.Length
		l := wave*wave - wave*wave*wave*wave
		w.whole[i], w.half[i] = math.Exp(dt*l), math.Exp(dt*l/2)
		for j := range circle {
			z := complex(dt*l, 0) + cmplx.Rect(1, math.Pi*(float64(j)+.5)/circle)
			e, e2, z3 := cmplx.Exp(z), cmplx.Exp(z/2), z*z*z
			w.q[i] += dt / circle * real((e2-1)/z)
			w.f1[i] += dt / circle * real((-4-z+e*(4-3*z+z*z))/z3)
			w.f2[i] += dt / circle * real((2+z+e*(z-2))/z3)
			w.f3[i] += dt / circle * real((-4-3*z-z*z+e*(4-z))/z3)
		}
		// The derivative of the highest wave, which has no phase, is zero at all points.
		if i < k.Points/2 && !(k.Dealias && 3*i > k.Points) {
			w.slope[i] = -wave / 2
		}
	}
	k.dt, k.ks = dt, w
	return &k, nil
}

// Name implements Stepper.
func (k *KuramotoSivashinsky) Name() string { return "Kuramoto-Sivashinsky" }

// Dim implements Stepper.
func (k *KuramotoSivashinsky) Dim() int { return k.Points }

// Dt implements Stepper.
func (k *KuramotoSivashinsky) Dt() float64 { return k.dt }

// Start implements Stepper: noise of mean zero, which the equation keeps.
func (k *KuramotoSivashinsky) Start(rng *rand.Rand) []float64 {
	u := make([]float64, k.Points)
	mean := 0.
	for i := range u {
		u[i] = .5 * rng.NormFloat64()
		mean += u[i] / float64(len(u))
	}
	for i := range u {
		u[i] -= mean
	}
	return u
}

// Advance implements Stepper.
func (k *KuramotoSivashinsky) Advance(u []float64, steps int) {
	w := &k.ks
	w.transform.Forward(w.v, u)
	for range steps {
		w.step()
	}
	w.transform.Inverse(u, w.v)
}

func (w *kernel) step() {
	w.product(w.nv, w.v)
	for i, v := range w.v {
		w.a[i] = scale(w.half[i], v) + scale(w.q[i], w.nv[i])
	}
	w.product(w.na, w.a)
	for i, v := range w.v {
		w.nb[i] = scale(w.half[i], v) + scale(w.q[i], w.na[i])
	}
	w.product(w.nb, w.nb)
	for i, a := range w.a {
		w.nc[i] = scale(w.half[i], a) + scale(w.q[i], 2*w.nb[i]-w.nv[i])
	}
	w.product(w.nc, w.nc)
	for i, v := range w.v {
		w.v[i] = scale(w.whole[i], v) + scale(w.f1[i], w.nv[i]) + scale(2*w.f2[i], w.na[i]+w.nb[i]) + scale(w.f3[i], w.nc[i])
	}
}

// product writes the transform of -u u_x, of the field with the spectrum v.
func (w *kernel) product(to, v []complex128) {
	w.transform.Inverse(w.u, v)
	for i, u := range w.u {
		w.u[i] = u * u
	}
	w.transform.Forward(to, w.u)
	for i, s := range w.slope {
		c := to[i]
		to[i] = complex(-s*imag(c), s*real(c))
	}
}

func scale(f float64, c complex128) complex128 { return complex(f*real(c), f*imag(c)) }
