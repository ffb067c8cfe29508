package signal_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

func TestXDAWNAgreesWithPyRiemann(t *testing.T) {
	var g struct {
		Trials                    [][][]float64
		Labels                    []int
		Filters, Patterns, Evoked [][]float64
	}
	readJSON(t, "testdata/spatial.json", &g)
	var xs []*mat.Dense
	for _, rows := range g.Trials {
		xs = append(xs, trial(rows))
	}
	x, err := signal.FitXDAWN(xs, g.Labels, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	for k := range g.Filters {
		sign := 1.0 // which is arbitrary
		if x.Filters.At(k, 0)*g.Filters[k][0] < 0 {
			sign = -1
		}
		for _, c := range []struct {
			what string
			got  *mat.Dense
			want []float64
		}{{"filter", x.Filters, g.Filters[k]}, {"pattern", x.Patterns, g.Patterns[k]}, {"evoked", x.Evoked, g.Evoked[k]}} {
			got := mat.Row(nil, k, c.got)
			for i := range got {
				got[i] *= sign
			}
			near(t, c.what, got, c.want, 1e-8)
		}
	}
	var want mat.Dense
	want.Mul(x.Filters, xs[3])
	if !mat.EqualApprox(x.Apply(xs[3]), &want, 1e-12) {
		t.Error("Apply is not the filters times the trial")
	}

	check := func(err error, says string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v does not say %q", err, says)
		}
	}
	_, err = signal.FitXDAWN(xs, g.Labels, 2, 5)
	check(err, "5 filters asked of 4 channels")
	_, err = signal.FitXDAWN(xs, g.Labels, 3, 1)
	check(err, "no trial of class 2")
	_, err = signal.FitXDAWN(xs, g.Labels, 1, 1)
	check(err, "trial 2 has label 1")
	_, err = signal.FitXDAWN(append(xs[:len(xs):len(xs)], mat.NewDense(4, 3, nil)), append(slices.Clone(g.Labels), 0), 2, 1)
	check(err, "trial 15 is 4 channels by 3 samples")
}

// rhythms makes trials in which a source at 10 Hz is louder in class 0 and one at 22 Hz in class 1.
func rhythms(n int, seed uint64) (trials []*mat.Dense, labels []int) {
	rng := rand.New(rand.NewPCG(seed, 5))
	for i := range n {
		class := i % 2
		x := mat.NewDense(3, 250, nil)
		a, b := 2*math.Pi*rng.Float64(), 2*math.Pi*rng.Float64()
		for t := range 250 {
			alpha := math.Sin(2*math.Pi*10*float64(t)/125+a) * []float64{1.5, 0.7}[class]
			beta := math.Sin(2*math.Pi*22*float64(t)/125+b) * []float64{0.7, 1.5}[class]
			for c := range 3 {
				x.Set(c, t, alpha*float64(c+1)/2+beta*float64(3-c)/2+3*rng.NormFloat64())
			}
		}
		trials, labels = append(trials, x), append(labels, class)
	}
	return trials, labels
}

// The bands chosen are those in which the classes differ, and new trials are told apart.
func TestFilterBankCSP(t *testing.T) {
	trials, labels := rhythms(40, 1)
	bank := signal.FilterBank{Filters: 2, Features: 2}
	f, err := bank.Fit(trials, labels, 125)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range f.Selected {
		band := f.Bands[j/2]
		if !(band[0] <= 10 && 10 <= band[1] || band[0] <= 22 && 22 <= band[1]) {
			t.Errorf("a feature of %g to %g Hz was chosen; the classes differ at 10 and 22 Hz", band[0], band[1])
		}
	}
	for i, j := range f.Selected[:len(f.Selected)-1] {
		if i%2 == 0 && f.Selected[i+1] != j^1 {
			t.Errorf("feature %d comes with %d, want its counterpart %d", j, f.Selected[i+1], j^1)
		}
	}
	var features [][]float64
	for _, x := range trials {
		v, err := f.Features(x)
		if err != nil {
			t.Fatal(err)
		}
		features = append(features, v)
	}
	lda, err := signal.FitLDA(features, labels, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	fresh, truth := rhythms(40, 2)
	right := 0
	for i, x := range fresh {
		v, err := f.Features(x)
		if err != nil {
			t.Fatal(err)
		}
		if lda.Predict(v) == truth[i] {
			right++
		}
	}
	if right < 36 {
		t.Errorf("%d of 40 new trials are told right", right)
	}

	check := func(err error, says string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v does not say %q", err, says)
		}
	}
	_, err = signal.FilterBank{}.Fit(trials, labels, 60)
	check(err, "half the sampling rate")
	_, err = signal.FilterBank{Filters: 3}.Fit(trials, labels, 125)
	check(err, "even")
	_, err = signal.FilterBank{Filters: 2, Features: 99}.Fit(trials, labels, 125)
	check(err, "99 features asked of 18")
	_, err = signal.FilterBank{Filters: 2}.Fit(trials, labels[:3], 125)
	check(err, "40 trials but 3 labels")
	_, err = f.Features(mat.NewDense(3, 5, nil))
	check(err, "too few")
}

// What is computed from covariances once is what is computed from the trials.
func TestCSPOfCovariances(t *testing.T) {
	g := readGolden(t)
	xs := trials(g)
	covariances, err := signal.Covariances(xs)
	if err != nil {
		t.Fatal(err)
	}
	a, err := signal.FitCSP(xs, g.Labels, 4, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := signal.FitCSPCovariances(covariances, g.Labels, 4, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	if !mat.Equal(a.Filters, b.Filters) {
		t.Error("the filters differ")
	}
	for i, x := range xs {
		_, n := x.Dims()
		near(t, "features", b.CovarianceFeatures(covariances[i], n), a.Features(x), 1e-12)
	}
	if _, err := signal.FitCSPCovariances(covariances, g.Labels[:3], 4, 0); err == nil || !strings.Contains(err.Error(), "3 labels") {
		t.Errorf("too few labels: error %v", err)
	}
}

func ExampleFilterBank() {
	trials, labels := rhythms(40, 1)
	fitted, err := signal.FilterBank{Filters: 2, Features: 2}.Fit(trials, labels, 125)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, feature := range fitted.Selected {
		band := fitted.Bands[feature/2]
		fmt.Printf("%g to %g Hz tells %.1f bits\n", band[0], band[1], fitted.Information[feature])
	}
	// Output:
	// 20 to 24 Hz tells 1.0 bits
	// 20 to 24 Hz tells 0.0 bits
	// 8 to 12 Hz tells 1.0 bits
	// 8 to 12 Hz tells 0.0 bits
}

func ExampleFitXDAWN() {
	// A response that two channels share, and more noise than response.
	rng := rand.New(rand.NewPCG(1, 1))
	var trials []*mat.Dense
	var labels []int
	for i := range 60 {
		x := mat.NewDense(2, 50, nil)
		for t := range 50 {
			response := 0.0
			if i%2 == 1 {
				response = math.Exp(-float64((t-25)*(t-25)) / 20)
			}
			noise := 3 * rng.NormFloat64()
			x.Set(0, t, response+noise+0.1*rng.NormFloat64())
			x.Set(1, t, response-noise+0.1*rng.NormFloat64())
		}
		trials, labels = append(trials, x), append(labels, i%2)
	}
	x, err := signal.FitXDAWN(trials, labels, 2, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	w := x.Filters.RawRowView(1)
	fmt.Printf("the response to class 1 is seen by the sum of both channels: %.1f\n", w[0]/w[1])
	// Output: the response to class 1 is seen by the sum of both channels: 1.0
}
