package network

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestDoubleExponential compares a filter with the difference of exponentials that it is, for one spike and for two.
func TestDoubleExponential(t *testing.T) {
	f, err := NewDoubleExponential(2, 5, 25)
	if err != nil {
		t.Fatal(err)
	}
	kernel := func(t float64) float64 {
		if t <= 0 {
			return 0
		}
		return math.Exp(-t/25) - math.Exp(-t/5)
	}
	peak := 0. // over continuous time
	for t := 0.; t < 50; t += .001 {
		peak = max(peak, kernel(t))
	}
	largest := 0.
	for step := range 100 {
		var fired []int32
		if step == 10 {
			fired = append(fired, 0)
		}
		if step == 10 || step == 17 {
			fired = append(fired, 1)
		}
		f.Step(fired)
		for i, want := range []float64{kernel(float64(step - 10)), kernel(float64(step-10)) + kernel(float64(step-17))} {
			if math.Abs(float64(f.Out[i])-want/peak) > 1e-5 {
				t.Errorf("step %d, neuron %d: %g, want %g", step, i, f.Out[i], want/peak)
			}
		}
		largest = max(largest, float64(f.Out[0]))
	}
	if largest < .99 || largest > 1 {
		t.Errorf("the largest value after a spike is %g", largest)
	}
	for _, bad := range [][2]float64{{0, 5}, {5, 5}, {6, 5}, {1, math.Inf(1)}} {
		if _, err := NewDoubleExponential(1, bad[0], bad[1]); err == nil {
			t.Errorf("made a filter of %v", bad)
		}
	}
}

func TestReadOut(t *testing.T) {
	r := NewReadOut(2, 50)
	rng := newRand(1)
	x := make([]float32, 50)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, want := range []float64{.25, .25 + .75*.25} {
		r.Learn(1, .25, 1-r.Output(1, x), x, Norm(x))
		if got := r.Output(1, x); math.Abs(got-want) > 1e-5 {
			t.Errorf("output %g, want %g", got, want)
		}
	}
	if r.Output(0, x) != 0 {
		t.Error("the other output learned too")
	}
	r.Learn(0, 1, 1, make([]float32, 50), 0)
	if r.Output(0, x) != 0 {
		t.Error("learned from nothing")
	}
}

// TestRLS compares recursive least squares with the solution of the normal equations, with and without forgetting, after each update.
func TestRLS(t *testing.T) {
	const n, outputs, regular = 6, 2, .5
	for _, forget := range []float64{1, .9} {
		r, err := NewRLS(outputs, n, regular, forget)
		if err != nil {
			t.Fatal(err)
		}
		rng := newRand(1)
		gram := mat.NewSymDense(n, nil)
		right := mat.NewDense(n, outputs, nil)
		for i := range n {
			gram.SetSym(i, i, regular)
		}
		for step := range 30 {
			x, errs := make([]float64, n), make([]float64, outputs)
			for i := range x {
				x[i] = rng.NormFloat64()
			}
			gram.ScaleSym(forget, gram)
			right.Scale(forget, right)
			gram.SymRankOne(gram, 1, mat.NewVecDense(n, x))
			for k := range errs {
				target := math.Sin(float64(k)+x[0]) + .1*rng.NormFloat64()
				errs[k] = target - r.Output(k, x)
				for i := range n {
					right.Set(i, k, right.At(i, k)+target*x[i])
				}
			}
			if err := r.Update(x, errs); err != nil {
				t.Fatal(err)
			}
			var want mat.Dense
			if err := want.Solve(gram, right); err != nil {
				t.Fatal(err)
			}
			for k, w := range r.Weights {
				for i, got := range w {
					if math.Abs(got-want.At(i, k)) > 1e-9 {
						t.Fatalf("factor %g, step %d: weight %d of output %d is %g, want %g", forget, step, i, k, got, want.At(i, k))
					}
				}
			}
		}
		r.Restart()
		if err := r.Update([]float64{1}, []float64{1, 1}); err == nil {
			t.Error("took one value for six")
		}
	}
	if _, err := NewRLS(1, 1, 0, 1); err == nil {
		t.Error("P = I/0")
	}
}

// TestReservoir checks what the sheet of the standard reservoir's constants says it does, and that trials repeat.
func TestReservoir(t *testing.T) {
	r, err := NewReservoir(StandardReservoir(), newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	if r.Rate < 6 || r.Rate > 20 {
		t.Errorf("it fires at %g Hz, about 12 were expected", r.Rate)
	}
	trial := func(seed uint64, outputs []float64) (at [][]float32, spikes int) {
		r.Start(seed)
		for step := range 600 {
			fired, err := r.Step(step >= 50 && step < 100, outputs)
			if err != nil {
				t.Fatal(err)
			}
			spikes += len(fired)
			at = append(at, slices.Clone(r.Centred))
		}
		return at, spikes
	}
	first, n := trial(1, nil)
	again, m := trial(1, nil)
	if n != m || !slices.EqualFunc(first, again, slices.Equal) {
		t.Error("the same seed gives another trial")
	}
	other, _ := trial(2, nil)
	fed, _ := trial(1, []float64{1, -1})
	correlation := func(a, b []float32) float64 { return float64(dot(a, b)) / math.Sqrt(Norm(a)*Norm(b)) }
	// What the noise does grows with time; what the cue did remains.
	early, late := correlation(first[150], other[150]), correlation(first[500], other[500])
	if early < .9 || late < .6 || late > early {
		t.Errorf("trials correlate by %.2f at 150 ms and %.2f at 500 ms", early, late)
	}
	if c := correlation(first[400], fed[400]); c > .9999 || c < .3 {
		t.Errorf("with outputs fed back a trial correlates by %.4f", c)
	}
	if r.Delivered() == 0 {
		t.Error("no operation is counted")
	}

	silent := StandardReservoir()
	silent.Bias, silent.Noise = 0, 0
	if _, err := NewReservoir(silent, newRand(1)); err == nil {
		t.Error("a silent reservoir was made")
	}
	one := StandardReservoir()
	one.Excitatory = 1
	if _, err := NewReservoir(one, newRand(1)); err == nil {
		t.Error("a reservoir without inhibition was made")
	}
	if _, err := r.Step(false, []float64{1}); err == nil {
		t.Error("one output came back to two channels")
	}
}

func BenchmarkReservoir(b *testing.B) {
	r, err := NewReservoir(StandardReservoir(), newRand(1))
	if err != nil {
		b.Fatal(err)
	}
	read := NewReadOut(2, 1000)
	y := make([]float64, 2)
	for b.Loop() {
		if _, err := r.Step(false, y); err != nil {
			b.Fatal(err)
		}
		norm := Norm(r.Centred)
		for k := range y {
			y[k] = read.Output(k, r.Centred)
			read.Learn(k, .02, -y[k], r.Centred, norm)
		}
	}
}

func BenchmarkRLS(b *testing.B) {
	r, err := NewRLS(2, 1000, 1, 1)
	if err != nil {
		b.Fatal(err)
	}
	rng := newRand(1)
	x := make([]float64, 1000)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	for b.Loop() {
		if err := r.Update(x, []float64{1, 1}); err != nil {
			b.Fatal(err)
		}
	}
}
