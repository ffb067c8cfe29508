package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/dynamics/lyapunov"
	"github.com/gyrus-dev/gyrus/simulate/chaos"
)

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func follow(t testing.TB, f chaos.Flow, dt float64) *chaos.RungeKutta {
	t.Helper()
	s, err := chaos.NewRungeKutta(f, dt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func field(t testing.TB, k chaos.KuramotoSivashinsky, dt float64) *chaos.KuramotoSivashinsky {
	t.Helper()
	s, err := chaos.NewKuramotoSivashinsky(k, dt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// settled is a state on the attractor.
func settled(s chaos.Stepper, time float64) []float64 {
	x := s.Start(newRand())
	s.Advance(x, int(time/s.Dt()))
	return x
}

func distance(a, b []float64) float64 {
	sum := 0.
	for i, v := range a {
		sum += (v - b[i]) * (v - b[i])
	}
	return math.Sqrt(sum)
}

// TestOrder halves steps: of a method of order four, the error over a fixed time falls sixteenfold.
func TestOrder(t *testing.T) {
	m := chaos.StandardMultiscaleLorenz96()
	for _, c := range []struct {
		name    string
		make    func(dt float64) chaos.Stepper
		dt      float64 // the coarsest
		settle  float64
		time    float64
		between [2]float64 // of the ratio
	}{
		{"Lorenz-63", func(dt float64) chaos.Stepper { return follow(t, chaos.ClassicLorenz63, dt) }, .01, 5, .5, [2]float64{12, 20}},
		{"Lorenz-96", func(dt float64) chaos.Stepper { return follow(t, chaos.Lorenz96{K: 40, F: 8}, dt) }, .02, 5, .4, [2]float64{12, 20}},
		{"multi-scale", func(dt float64) chaos.Stepper { return follow(t, m, dt) }, .00125, 1, .01, [2]float64{12, 20}},
		{"Kuramoto-Sivashinsky", func(dt float64) chaos.Stepper {
			return field(t, chaos.KuramotoSivashinsky{Length: 22, Points: 64}, dt)
		}, .25 / 16, 100, 4, [2]float64{11, 20}}, // with longer steps its order is lower, as of all methods of this kind
	} {
		start := settled(c.make(c.dt/4), c.settle)
		run := func(halvings float64) []float64 {
			s := c.make(c.dt / math.Exp2(halvings))
			x := append([]float64{}, start...)
			s.Advance(x, int(math.Round(c.time/s.Dt())))
			return x
		}
		truth := run(5)
		if ratio := distance(run(0), truth) / distance(run(1), truth); ratio < c.between[0] || ratio > c.between[1] {
			t.Errorf("%s: halving the step divides the error by %.1f, expected about 16", c.name, ratio)
		}
	}
}

// TestVelocities compares with equations written value by value, and fixed points with zero.
func TestVelocities(t *testing.T) {
	root := math.Sqrt(8. / 3 * 27)
	v := make([]float64, 3)
	for _, x := range [][]float64{{0, 0, 0}, {root, root, 27}, {-root, -root, 27}} {
		if chaos.ClassicLorenz63.Velocity(v, x); distance(v, make([]float64, 3)) > 1e-12 {
			t.Errorf("Lorenz-63 moves at its fixed point %v by %v", x, v)
		}
	}
	m := chaos.MultiscaleLorenz96{K: 5, J: 3, I: 2, F: 20, H: 1.5, B: 7, C: 6, D: 9, E: 8, G: 1.25}
	x := make([]float64, m.Dim())
	rng := newRand()
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	got := make([]float64, len(x))
	m.Velocity(got, x)
	X := func(k int) float64 { return x[(k+5)%5] }
	Y := func(k int) float64 { return x[5+(k+15)%15] }
	Z := func(k int) float64 { return x[20+(k+30)%30] }
	for k := range 5 {
		want := X(k-1)*(X(k+1)-X(k-2)) - X(k) + m.F - m.H*m.C/m.B*(Y(3*k)+Y(3*k+1)+Y(3*k+2))
		if math.Abs(got[k]-want) > 1e-12 {
			t.Errorf("X_%d moves by %g, expected %g", k, got[k], want)
		}
	}
	for k := range 15 {
		want := -m.C*m.B*Y(k+1)*(Y(k+2)-Y(k-1)) - m.C*Y(k) + m.H*m.C/m.B*X(k/3) - m.H*m.E/m.D*(Z(2*k)+Z(2*k+1))
		if math.Abs(got[5+k]-want) > 1e-12 {
			t.Errorf("Y_%d moves by %g, expected %g", k, got[5+k], want)
		}
	}
	for k := range 30 {
		want := m.E*m.D*Z(k-1)*(Z(k+1)-Z(k-2)) - m.G*m.E*Z(k) + m.H*m.E/m.D*Y(k/2)
		if math.Abs(got[20+k]-want) > 1e-12 {
			t.Errorf("Z_%d moves by %g, expected %g", k, got[20+k], want)
		}
	}
	before := got[2]
	m.WithoutSlowDissipation = true
	if m.Velocity(got, x); math.Abs(got[2]-before-x[2]) > 1e-12 {
		t.Errorf("without -X_k the velocity differs by %g, expected %g", got[2]-before, x[2])
	}
	// The quadratic terms of Lorenz-96 keep the energy.
	l := chaos.Lorenz96{K: 7}
	y := x[:7]
	l.Velocity(got[:7], y)
	power, loss := 0., 0.
	for i, v := range y {
		power, loss = power+v*got[i], loss+v*v
	}
	if math.Abs(power+loss) > 1e-12 {
		t.Errorf("the energy of the unforced ring changes by %g, expected %g", power, -loss)
	}
}

// TestExponents asserts exponents that are known, by the twin and, where there is a Jacobian, by the tangent.
func TestExponents(t *testing.T) {
	for _, c := range []struct {
		s           chaos.Stepper
		settle      float64
		every       int
		time        float64
		known, near float64
	}{
		{follow(t, chaos.ClassicLorenz63, .01), 20, 10, 2000, .906, .03},
		{follow(t, chaos.ClassicRossler, .02), 100, 50, 5000, .0714, .012},
		{follow(t, chaos.Lorenz96{K: 40, F: 8}, .02), 20, 5, 300, 1.68, .12},
		{follow(t, chaos.Lorenz96{K: 40, F: 10}, .02), 20, 5, 300, 2.27, .15},
		{field(t, chaos.KuramotoSivashinsky{Length: 22, Points: 32}, .25), 200, 8, 8000, .046, .007},
	} {
		got, err := chaos.LargestExponent(t.Context(), c.s, settled(c.s, c.settle), 1e-7, c.every, int(c.time/c.s.Dt())/c.every)
		if err != nil || math.Abs(got-c.known) > c.near {
			t.Errorf("%s of %d values: largest exponent %.4f (%v), expected %.3f ± %.3f", c.s.Name(), c.s.Dim(), got, err, c.known, c.near)
		}
	}
	l := chaos.ClassicLorenz63
	all, err := lyapunov.OfFlow(t.Context(), func(v, j, x []float64, _ float64) {
		l.Velocity(v, x)
		copy(j, []float64{-l.Sigma, l.Sigma, 0, l.Rho - x[2], -1, -x[0], x[1], x[0], -l.Beta})
	}, []float64{1, 1, 20}, lyapunov.Flowing{Step: .01, Length: 500})
	if err != nil || math.Abs(all[0]-.906) > .03 || math.Abs(all[2]+14.57) > .05 {
		t.Errorf("spectrum of Lorenz-63: %v, %v", all, err)
	}
}

// TestMultiscale asserts what is known of the standard parameters: moments and autocorrelation of X, with and without -X_k.
func TestMultiscale(t *testing.T) {
	moments := func(without bool) (mean, sd float64, correlation func(lag int) float64) {
		m := chaos.StandardMultiscaleLorenz96()
		m.WithoutSlowDissipation = without
		s := follow(t, m, .0025)
		const n = 3000
		x, err := chaos.Sample(t.Context(), s, s.Start(newRand()), chaos.Sampling{Discard: 2000, Every: 10, Samples: n, Keep: 8})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range x {
			mean += v / float64(len(x))
		}
		variance := 0.
		for _, v := range x {
			variance += (v - mean) * (v - mean) / float64(len(x))
		}
		return mean, math.Sqrt(variance), func(lag int) float64 {
			sum := 0.
			for i := range len(x) - 8*lag {
				sum += (x[i] - mean) * (x[i+8*lag] - mean)
			}
			return sum / float64(len(x)-8*lag) / variance
		}
	}
	mean, sd, correlation := moments(false)
	if math.Abs(mean-3.5) > .25 || math.Abs(sd-6.8) > .3 {
		t.Errorf("X has mean %.2f and standard deviation %.2f, expected 3.5 and 6.8", mean, sd)
	}
	for lag, want := range map[int]float64{1: .97, 2: .90, 4: .65, 8: .17} {
		if got := correlation(lag); math.Abs(got-want) > .05 {
			t.Errorf("autocorrelation %.3f at %.3f, expected %.2f", got, .025*float64(lag), want)
		}
	}
	// A disturbance of X grows about e^6 between 0.2 and 0.8 units.
	s := follow(t, chaos.StandardMultiscaleLorenz96(), .0025)
	x := settled(s, 5)
	growth := 0.
	const starts = 12
	for range starts {
		s.Advance(x, 200)
		truth, twin := append([]float64{}, x...), append([]float64{}, x...)
		rng := newRand()
		for k := range 8 {
			twin[k] += 1e-4 * rng.NormFloat64()
		}
		apart := func(steps int) float64 {
			s.Advance(truth, steps)
			s.Advance(twin, steps)
			return distance(truth[:8], twin[:8])
		}
		early := apart(80)
		growth += math.Log(apart(240)/early) / starts
	}
	if math.Abs(growth-6) > 1.2 {
		t.Errorf("a disturbance of X grows by e^%.2f between 0.2 and 0.8 units, expected e^6", growth)
	}
	if _, sd, correlation := moments(true); math.Abs(sd-16) > 1.5 || math.Abs(correlation(4)-.15) > .08 {
		t.Errorf("without -X_k: standard deviation %.2f, autocorrelation %.3f at 0.1, expected 16 and 0.15", sd, correlation(4))
	}
}

// TestField asserts what the equation keeps and what its attractor is like, and that de-aliasing changes neither.
func TestField(t *testing.T) {
	var sds []float64
	for _, dealias := range []bool{false, true} {
		s := field(t, chaos.KuramotoSivashinsky{Length: 22, Points: 64, Dealias: dealias}, .25)
		u, err := chaos.Sample(t.Context(), s, s.Start(newRand()), chaos.Sampling{Discard: 800, Every: 8, Samples: 3000})
		if err != nil {
			t.Fatal(err)
		}
		square := 0.
		for row := range 3000 {
			mean := 0.
			for _, v := range u[64*row : 64*row+64] {
				mean += v / 64
				square += v * v / float64(len(u))
			}
			if math.Abs(mean) > 1e-10 {
				t.Fatalf("the mean of the field is %g in row %d; the equation keeps it at 0", mean, row)
			}
		}
		sds = append(sds, math.Sqrt(square))
	}
	// The root mean square of the attractor of length 22 is 1.2 to 1.4 (Cvitanović, Davidchack & Siminos 2010 give energy densities about 0.8).
	if sds[0] < 1.1 || sds[0] > 1.5 || math.Abs(sds[0]/sds[1]-1) > .06 {
		t.Errorf("root mean squares %.3f and, de-aliased, %.3f", sds[0], sds[1])
	}
	// A small wave grows as the linear equation says, below length 2π all die out.
	s := field(t, chaos.KuramotoSivashinsky{Length: 22, Points: 64}, .25)
	u := make([]float64, 64)
	for i := range u {
		u[i] = 1e-8 * math.Cos(2*math.Pi*2*float64(i)/64)
	}
	s.Advance(u, 40)
	wave := 4 * math.Pi / 22
	if want := 1e-8 * math.Exp(10*(wave*wave-math.Pow(wave, 4))); math.Abs(u[0]/want-1) > 1e-6 {
		t.Errorf("a wave grows to %g, expected %g", u[0], want)
	}
	small := field(t, chaos.KuramotoSivashinsky{Length: 6, Points: 32}, .25)
	u = small.Start(newRand())
	if small.Advance(u, 4000); distance(u, make([]float64, 32)) > 1e-8 {
		t.Error("a field shorter than 2π lives on")
	}
}

// TestLengths compares a field of 48 points, whose transform is another, with one of 64: as smooth as it is, both have all of it.
func TestLengths(t *testing.T) {
	run := func(points int) []float64 {
		s := field(t, chaos.KuramotoSivashinsky{Length: 22, Points: points}, .125)
		u := make([]float64, points)
		for i := range u {
			x := 2 * math.Pi * float64(i) / float64(points)
			u[i] = math.Cos(x) + .5*math.Sin(2*x)
		}
		s.Advance(u, 160)
		return u
	}
	a, b := run(48), run(64)
	for i := range 16 { // of both at the same places
		if math.Abs(a[3*i]-b[4*i]) > 1e-6 {
			t.Errorf("at place %d of 16 the fields are %g and %g", i, a[3*i], b[4*i])
		}
	}
}

func TestRefused(t *testing.T) {
	s := follow(t, chaos.StandardMultiscaleLorenz96(), .02)
	_, err := chaos.Sample(t.Context(), s, s.Start(newRand()), chaos.Sampling{Every: 1, Samples: 2000})
	var blown *chaos.BlowUpError
	if !errors.As(err, &blown) || blown.Dt != .02 || !strings.Contains(err.Error(), "dt = 0.02") {
		t.Errorf("steps that are too long: %v", err)
	}
	_, odd := chaos.NewKuramotoSivashinsky(chaos.KuramotoSivashinsky{Length: 22, Points: 63}, .1)
	_, still := chaos.NewRungeKutta(chaos.ClassicLorenz63, 0)
	_, ring := chaos.NewRungeKutta(chaos.Lorenz96{K: 3}, .1)
	_, none := chaos.Sample(t.Context(), s, []float64{1}, chaos.Sampling{Every: 1, Samples: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := follow(t, chaos.ClassicLorenz63, .01)
	_, stopped := chaos.Sample(ctx, l, l.Start(newRand()), chaos.Sampling{Every: 1, Samples: 10})
	for want, err := range map[string]error{"even number": odd, "dt = 0": still, "K is 3": ring, "start of 1 values": none, "canceled": stopped} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
}

func ExampleSample() {
	s, err := chaos.NewRungeKutta(chaos.ClassicLorenz63, .01)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := chaos.Sample(context.Background(), s, []float64{1, 1, 20}, chaos.Sampling{Discard: 1000, Every: 5, Samples: 200})
	fmt.Println(len(x)/3, "states", err)
	// Output: 200 states <nil>
}
