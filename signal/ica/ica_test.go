package ica_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/ica"
)

var methods = map[string]ica.Method{"FastICA": ica.FastICA, "Infomax": ica.Infomax, "extended Infomax": ica.ExtendedInfomax}

// best returns the largest correlation of each component with any source.
func best(components, sources *mat.Dense) []float64 {
	n, _ := components.Dims()
	m, _ := sources.Dims()
	out := make([]float64, n)
	for k := range n {
		for j := range m {
			out[k] = max(out[k], math.Abs(stat.Correlation(components.RawRowView(k), sources.RawRowView(j), nil)))
		}
	}
	return out
}

func TestMixedSourcesAreRecovered(t *testing.T) {
	for name, method := range methods {
		sources, x, _ := mixture(6, 12_000, 3)
		if method == ica.Infomax { // finds heavy tails only: every third of more sources
			all, _, _ := mixture(18, 12_000, 5)
			sources = mat.NewDense(6, 12_000, nil)
			for k := range 6 {
				sources.SetRow(k, all.RawRowView(3*k))
			}
			_, _, mixing := mixture(6, 1, 3)
			x = new(mat.Dense)
			x.Mul(mixing, sources)
		}
		fit, err := ica.Fit(x, ica.Options{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		components, err := fit.Sources(x)
		if err != nil {
			t.Fatal(err)
		}
		for k, r := range best(components, sources) {
			if r < 0.98 {
				t.Errorf("%s: component %d correlates %.3f with the nearest source", name, k, r)
			}
			if v := stat.PopVariance(components.RawRowView(k), nil); math.Abs(v-1) > 1e-6 {
				t.Errorf("%s: component %d has variance %g", name, k, v)
			}
		}
		if math.Abs(floats.Sum(fit.Explained)-1) > 1e-12 {
			t.Errorf("%s: the parts of the variance sum to %g", name, floats.Sum(fit.Explained))
		}
		var identity mat.Dense
		identity.Mul(fit.Unmixing, fit.Mixing)
		for i := range 6 {
			for j := range 6 {
				if want := map[bool]float64{true: 1}[i == j]; math.Abs(identity.At(i, j)-want) > 1e-9 {
					t.Fatalf("%s: unmixing times mixing is %g at %d,%d", name, identity.At(i, j), i, j)
				}
			}
		}
	}
}

// A blink that was added is found by its reference and taken out; what is left is what was there before.
func TestAnArtefactIsTakenOut(t *testing.T) {
	// Seven sources, so that the blinks are an eighth.
	sources, _, _ := mixture(7, 10_000, 6)
	_, _, mixing := mixture(8, 1, 6)
	x := new(mat.Dense)
	x.Mul(mixing.Slice(0, 8, 0, 7), sources)
	clean := mat.DenseCopyOf(x)
	eog := make([]float64, 10_000)
	for i := range eog {
		if i%700 < 60 {
			eog[i] = 40 * math.Sin(math.Pi*float64(i%700)/60)
		}
		for c := range 8 {
			x.Set(c, i, x.At(c, i)+eog[i]*(1-float64(c)/8)+5)
		}
	}
	names := []string{"Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4"}
	for name, method := range methods {
		fit, err := ica.Fit(x, ica.Options{Method: method, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		scores, err := fit.Correlation(x, eog)
		if err != nil {
			t.Fatal(err)
		}
		if found := ica.Outliers(scores, 2); !slices.Contains(found, 0) || math.Abs(scores[0]) < 0.9 {
			t.Fatalf("%s: components %v were found, of scores %.2f; the blinks explain most and come first", name, found, scores)
		}
		without, err := fit.Without(names, 0)
		if err != nil {
			t.Fatal(err)
		}
		y, err := without.Apply(x)
		if err != nil {
			t.Fatal(err)
		}
		for c := range 8 {
			before, after := stat.Correlation(x.RawRowView(c), clean.RawRowView(c), nil), stat.Correlation(y.RawRowView(c), clean.RawRowView(c), nil)
			if after < 0.97 {
				t.Errorf("%s: channel %s correlates %.3f with what it was before the blinks, %.3f with them", name, names[c], after, before)
			}
		}
		none, err := fit.Without(names)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := none.Apply(x); err != nil || !mat.EqualApprox(same, x, 1e-9) {
			t.Errorf("%s: without nothing, the signal differs (%v)", name, err)
		}
	}
}

// An average reference takes one dimension; that is no obstacle, unless as many components as channels are asked for.
func TestRankIsFound(t *testing.T) {
	_, x, _ := mixture(6, 3000, 7)
	average, err := signal.CommonAverage([]string{"a", "b", "c", "d", "e", "f"})
	if err != nil {
		t.Fatal(err)
	}
	referenced, err := average.Apply(x)
	if err != nil {
		t.Fatal(err)
	}
	for name, method := range methods {
		fit, err := ica.Fit(referenced, ica.Options{Method: method, Iterations: 5})
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := fit.Unmixing.Dims(); n != 5 {
			t.Errorf("%s: %d components of 6 channels with an average reference, want 5", name, n)
		}
	}
	_, err = ica.Fit(referenced, ica.Options{Components: 6})
	if err == nil || !strings.Contains(err.Error(), "only 5 independent") || !strings.Contains(err.Error(), "average reference") {
		t.Errorf("6 components: error %v", err)
	}
	three, err := ica.Fit(referenced, ica.Options{Components: 3, Iterations: 5})
	if err != nil {
		t.Fatal(err)
	}
	if n, m := three.Unmixing.Dims(); n != 3 || m != 6 {
		t.Errorf("unmixing is %d by %d, want 3 by 6", n, m)
	}
}

// Channels in different units, told by their scales, give the components they give in the same unit.
func TestScaleOfChannels(t *testing.T) {
	_, x, _ := mixture(5, 4000, 8)
	y := mat.DenseCopyOf(x)
	scale := []float64{1, 1, 1e-6, 1, 1e6}
	for c, s := range scale {
		floats.Scale(s, y.RawRowView(c))
	}
	plain, err := ica.Fit(x, ica.Options{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	scaled, err := ica.Fit(y, ica.Options{Seed: 2, Scale: scale})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := plain.Sources(x)
	b, _ := scaled.Sources(y)
	for k, r := range best(b, a) {
		if r < 0.9999 {
			t.Errorf("component %d correlates %g", k, r)
		}
	}
}

// The seed decides, and the number of processors does not.
func TestTheSameSeedGivesTheSameComponents(t *testing.T) {
	_, x, _ := mixture(5, 9000, 9)
	for name, method := range methods {
		o := ica.Options{Method: method, Iterations: 4, Seed: 11}
		first, err := ica.Fit(x, o)
		if err != nil {
			t.Fatal(err)
		}
		before := runtime.GOMAXPROCS(1)
		second, err := ica.Fit(x, o)
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		if !mat.Equal(first.Unmixing, second.Unmixing) {
			t.Errorf("%s: a second fit differs", name)
		}
		o.Seed++
		if third, err := ica.Fit(x, o); err != nil || mat.Equal(first.Unmixing, third.Unmixing) {
			t.Errorf("%s: another seed makes no difference (%v)", name, err)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	check := func(err error, says ...string) {
		t.Helper()
		for _, s := range says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("error %v does not say %q", err, s)
			}
		}
	}
	_, x, _ := mixture(4, 100, 1)
	bad := mat.DenseCopyOf(x)
	bad.Set(2, 50, math.NaN())
	_, err := ica.Fit(bad, ica.Options{})
	check(err, "channel 3 holds NaN at sample 50")
	_, err = ica.Fit(mat.NewDense(4, 4, nil), ica.Options{})
	check(err, "4 samples of 4 channels are too few")
	_, err = ica.Fit(mat.NewDense(4, 40, nil), ica.Options{})
	check(err, "every channel is flat")
	_, err = ica.Fit(x, ica.Options{Method: 9})
	check(err, "no method numbered 9")
	_, err = ica.Fit(x, ica.Options{Scale: []float64{1}})
	check(err, "1 scales for 4 channels")
	_, err = ica.Fit(x, ica.Options{Scale: []float64{1, 1, 0, 1}})
	check(err, "scale of channel 3 is 0")
	_, err = ica.Fit(x, ica.Options{Components: 1, Method: ica.Infomax})
	check(err, "too few for Infomax")
	_, err = ica.Fit(x, ica.Options{Iterations: -1})
	check(err, "negative")
	fit, err := ica.Fit(x, ica.Options{Iterations: 3})
	if err != nil {
		t.Fatal(err)
	}
	if fit.Converged {
		t.Error("three steps are said to have converged")
	}
	_, err = fit.Without([]string{"a", "b", "c", "d"}, 4)
	check(err, "component number 4", "0 to 3")
	_, err = fit.Without([]string{"a"}, 0)
	check(err, "1 names for 4 channels")
	_, err = fit.Sources(mat.NewDense(3, 10, nil))
	check(err, "3 channels", "found on 4")
	_, err = fit.Correlation(x, make([]float64, 10))
	check(err, "10 samples, the signal 100")
	_, err = fit.Correlation(x, make([]float64, 100))
	check(err, "flat")
}
