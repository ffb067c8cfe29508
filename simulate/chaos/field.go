package chaos

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"github.com/gyrus-dev/gyrus/signal/fourier"
	"github.com/gyrus-dev/gyrus/signal/fourier/split"
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

// transform goes between a field, given by its even and odd points, and real and imaginary parts of half its spectrum.
type transform interface {
	Forward(re, im, even, odd []float64)
	Inverse(even, odd, re, im []float64)
}

// anyLength is the transform of fields whose number of points is no power of two.
type anyLength struct {
	real     *fourier.Real
	field    []float64
	spectrum []complex128
}

func newTransform(points int) transform {
	if points >= 32 && points&(points-1) == 0 {
		return split.New(points)
	}
	return &anyLength{fourier.NewReal(points), make([]float64, points), make([]complex128, points/2+1)}
}

func (t *anyLength) Forward(re, im, even, odd []float64) {
	join(t.field, even, odd)
	for k, c := range t.real.Forward(t.spectrum, t.field) {
		re[k], im[k] = real(c), imag(c)
	}
}

func (t *anyLength) Inverse(even, odd, re, im []float64) {
	for k, v := range re {
		t.spectrum[k] = complex(v, im[k])
	}
	part(even, odd, t.real.Inverse(t.field, t.spectrum))
}

// join makes a field of its even and odd points, part undoes it.
func join(u, even, odd []float64) {
	for i, v := range even {
		u[2*i], u[2*i+1] = v, odd[i]
	}
}

func part(even, odd, u []float64) {
	for i := range even {
		even[i], odd[i] = u[2*i], u[2*i+1]
	}
}

// spectrum is real parts and imaginary parts.
type spectrum [2][]float64

// kernel is the work of a step.
type kernel struct {
	transform
	whole, half, q []float64 // exp(L dt), exp(L dt/2), and the coefficients of the slopes
	f1, f2, f3     []float64
	slope          []float64 // a product of a field with itself is turned into -u u_x by i times this
	v, a           spectrum
	nv, na, nb, nc spectrum
	even, odd      []float64
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
	w := kernel{transform: newTransform(k.Points), even: make([]float64, k.Points/2), odd: make([]float64, k.Points/2)}
	for _, s := range []*[]float64{&w.whole, &w.half, &w.q, &w.f1, &w.f2, &w.f3, &w.slope} {
		*s = make([]float64, n)
	}
	for _, s := range []*spectrum{&w.v, &w.a, &w.nv, &w.na, &w.nb, &w.nc} {
		*s = spectrum{make([]float64, n), make([]float64, n)}
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
	part(w.even, w.odd, u)
	w.Forward(w.v[0], w.v[1], w.even, w.odd)
	for range steps {
		w.step()
	}
	w.Inverse(w.even, w.odd, w.v[0], w.v[1])
	join(u, w.even, w.odd)
}

func (w *kernel) step() {
	w.product(&w.nv, &w.v)
	for p, v := range w.v {
		n := len(v)
		half, q, nv, a := w.half[:n], w.q[:n], w.nv[p][:n], w.a[p][:n]
		for i, x := range v {
			a[i] = half[i]*x + q[i]*nv[i]
		}
	}
	w.product(&w.na, &w.a)
	for p, v := range w.v {
		n := len(v)
		half, q, na, b := w.half[:n], w.q[:n], w.na[p][:n], w.nb[p][:n]
		for i, x := range v {
			b[i] = half[i]*x + q[i]*na[i]
		}
	}
	w.product(&w.nb, &w.nb)
	for p, a := range w.a {
		n := len(a)
		half, q, nv, nb, c := w.half[:n], w.q[:n], w.nv[p][:n], w.nb[p][:n], w.nc[p][:n]
		for i, x := range a {
			c[i] = half[i]*x + q[i]*(2*nb[i]-nv[i])
		}
	}
	w.product(&w.nc, &w.nc)
	for p, v := range w.v {
		n := len(v)
		whole, f1, f2, f3 := w.whole[:n], w.f1[:n], w.f2[:n], w.f3[:n]
		nv, na, nb, nc := w.nv[p][:n], w.na[p][:n], w.nb[p][:n], w.nc[p][:n]
		for i, x := range v {
			v[i] = whole[i]*x + f1[i]*nv[i] + 2*f2[i]*(na[i]+nb[i]) + f3[i]*nc[i]
		}
	}
}

// product writes the transform of -u u_x, of the field with the spectrum v. They may be the same.
func (w *kernel) product(to, v *spectrum) {
	w.Inverse(w.even, w.odd, v[0], v[1])
	odd := w.odd[:len(w.even)]
	for i, e := range w.even {
		w.even[i] = e * e
		odd[i] *= odd[i]
	}
	re, im := to[0], to[1]
	w.Forward(re, im, w.even, odd)
	im, slope := im[:len(re)], w.slope[:len(re)]
	for i, x := range re {
		s := slope[i]
		re[i], im[i] = -s*im[i], s*x
	}
}
