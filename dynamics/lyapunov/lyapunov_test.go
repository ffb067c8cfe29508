package lyapunov_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/dynamics/lyapunov"
)

func lorenz(velocity, jacobian, x []float64, _ float64) {
	const sigma, rho, beta = 10, 28, 8. / 3
	velocity[0] = sigma * (x[1] - x[0])
	velocity[1] = x[0]*(rho-x[2]) - x[1]
	velocity[2] = x[0]*x[1] - beta*x[2]
	copy(jacobian, []float64{-sigma, sigma, 0, rho - x[2], -1, -x[0], x[1], x[0], -beta})
}

func henon(next, jacobian, x []float64) error {
	const a, b = 1.4, .3
	next[0], next[1] = 1-a*x[0]*x[0]+x[1], b*x[0]
	copy(jacobian, []float64{-2 * a * x[0], 1, b, 0})
	return nil
}

func near(t *testing.T, what string, got, want []float64, within float64) {
	t.Helper()
	for i := range want {
		if len(got) != len(want) || !(math.Abs(got[i]-want[i]) <= within) {
			t.Fatalf("%s has exponents %.4f, want %.4f within %g", what, got, want, within)
		}
	}
}

// The values are those of Sprott, "Chaos and Time-Series Analysis" (Oxford 2003), appendix A.
func TestLorenz(t *testing.T) {
	got, err := lyapunov.OfFlow(context.Background(), lorenz, []float64{1, 2, 20}, lyapunov.Flowing{Step: .01, Length: 3000, Every: 10})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Lorenz's system", got, []float64{.9056, 0, -14.5723}, .02)
	// The flow contracts volumes at a constant rate.
	if sum := got[0] + got[1] + got[2]; math.Abs(sum+10+1+8./3) > 1e-3 {
		t.Errorf("they sum to %v, want %v", sum, -10-1-8./3)
	}
	if d := lyapunov.Dimension(got); math.Abs(d-2.062) > .003 {
		t.Errorf("its dimension is %v, want 2.062", d)
	}
}

func TestHenon(t *testing.T) {
	for _, every := range []int{1, 7} {
		got, err := lyapunov.OfMap(context.Background(), henon, []float64{.1, .1}, lyapunov.Stepping{Steps: 100_000, Every: every})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "Hénon's map", got, []float64{.41922, -1.62319}, .005)
		if sum := got[0] + got[1]; math.Abs(sum-math.Log(.3)) > 1e-4 {
			t.Errorf("they sum to %v, want ln 0.3", sum)
		}
	}
}

// A linear map has the logarithms of the moduli of its eigenvalues as exponents, and one exponent asked for is the largest.
func TestLinear(t *testing.T) {
	a := mat.NewDense(3, 3, []float64{.5, -.6, .2, .6, .5, .1, 0, 0, .3})
	f := func(next, jacobian, x []float64) error {
		mat.NewVecDense(3, next).MulVec(a, mat.NewVecDense(3, x))
		copy(jacobian, a.RawMatrix().Data)
		return nil
	}
	size := math.Log(math.Hypot(.5, .6))
	for count, want := range map[int][]float64{0: {size, size, math.Log(.3)}, 2: {size, size}} {
		got, err := lyapunov.OfMap(context.Background(), f, []float64{1, 1, 1}, lyapunov.Stepping{Steps: 20_000, Count: count})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "a linear map", got, want, 1e-3)
	}
}

func TestExtinctDirections(t *testing.T) {
	onto := func(next, jacobian, x []float64) error { // the plane onto a line that doubles
		next[0], next[1] = 2*x[0]+2*x[1], 0
		copy(jacobian, []float64{2, 2, 0, 0})
		return nil
	}
	got, err := lyapunov.OfMap(context.Background(), onto, []float64{1e-200, 0}, lyapunov.Stepping{Steps: 100})
	if err != nil || math.Abs(got[0]-math.Ln2) > 1e-9 || !math.IsInf(got[1], -1) {
		t.Errorf("exponents %v, %v, want ln 2 and -Inf", got, err)
	}
}

// A random network of rate units is chaotic when its weights are strong (Sompolinsky, Crisanti & Sommers 1988) and falls silent when they are weak.
func TestRandomNetwork(t *testing.T) {
	const n = 60
	rng := rand.New(rand.NewPCG(1, 2))
	w := make([]float64, n*n)
	for i := range w {
		w[i] = rng.NormFloat64() / math.Sqrt(n)
	}
	start := make([]float64, n)
	for i := range start {
		start[i] = rng.NormFloat64()
	}
	largest := func(gain float64) float64 {
		flow := func(velocity, jacobian, x []float64, _ float64) {
			for i := range velocity {
				velocity[i] = -x[i]
				for j, v := range x {
					r := math.Tanh(v)
					velocity[i] += gain * w[i*n+j] * r
					jacobian[i*n+j] = gain * w[i*n+j] * (1 - r*r)
				}
				jacobian[i*n+i]--
			}
		}
		got, err := lyapunov.OfFlow(context.Background(), flow, start, lyapunov.Flowing{Step: .1, Length: 60, Every: 5, Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	if weak, strong := largest(.5), largest(4); weak > -.2 || strong < .05 {
		t.Errorf("the largest exponent is %v at a gain of 0.5 and %v at 4; want decay and chaos", weak, strong)
	}
}

func TestDimension(t *testing.T) {
	for _, c := range []struct {
		exponents []float64
		want      float64
	}{
		{[]float64{-1, -2}, 0},
		{[]float64{1, 0, -2}, 2.5},
		{[]float64{1, -.5}, 2},
		{[]float64{0, -1}, 1},
		{nil, 0},
	} {
		if got := lyapunov.Dimension(c.exponents); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", c.exponents, got, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	ctx := context.Background()
	stopped, stop := context.WithCancel(ctx)
	stop()
	blows := func(velocity, jacobian, x []float64, _ float64) { velocity[0], jacobian[0] = x[0]*x[0], 2*x[0] }
	fails := func(next, jacobian, x []float64) error { return errors.New("no such state") }
	of := func(_ any, err error) error { return err }
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"no steps", of(lyapunov.OfMap(ctx, henon, []float64{0, 0}, lyapunov.Stepping{})), "at least one"},
		{"no time", of(lyapunov.OfFlow(ctx, lorenz, []float64{1, 1, 1}, lyapunov.Flowing{Step: .1})), "at least as long"},
		{"too many", of(lyapunov.OfMap(ctx, henon, []float64{0, 0}, lyapunov.Stepping{Steps: 1, Count: 3})), "3 exponents of 2"},
		{"blows up", of(lyapunov.OfFlow(ctx, blows, []float64{1}, lyapunov.Flowing{Step: .1, Length: 10})), "leaves all bounds"},
		{"stopped", of(lyapunov.OfMap(stopped, henon, []float64{0, 0}, lyapunov.Stepping{Steps: 10})), "canceled"},
		{"fails", of(lyapunov.OfMap(ctx, fails, []float64{0, 0}, lyapunov.Stepping{Steps: 10})), "no such state"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", c.name, c.err, c.says)
		}
	}
}

func ExampleOfMap() {
	logistic := func(next, jacobian, x []float64) error {
		next[0], jacobian[0] = 4*x[0]*(1-x[0]), 4-8*x[0]
		return nil
	}
	exponents, err := lyapunov.OfMap(context.Background(), logistic, []float64{.3}, lyapunov.Stepping{Steps: 100_000})
	fmt.Printf("%.2f %v, ln 2 is %.2f\n", exponents[0], err, math.Ln2)
	// Output: 0.69 <nil>, ln 2 is 0.69
}
