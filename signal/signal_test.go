package signal_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

// golden is what SciPy and scikit-learn compute; testdata/golden.py made it.
type golden struct {
	X       []float64
	Designs []struct {
		Kind              string
		Order             int
		Edges             []float64
		FS                float64
		Sections          int
		Frequencies       []float64
		Real, Imag        []float64
		Causal, ZeroPhase []float64
		Zero_phase        []float64
	}
	Trials         [][][]float64
	Labels         []int
	Aligned_first  [][]float64
	Online_third   [][]float64
	Csp_values     []float64
	Csp_top_filter []float64
	LDA            struct {
		Features         [][]float64
		Labels           []int
		Probability_of_1 []float64
		Ledoit_wolf      float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func design(kind string, order int, edges []float64, fs float64) (signal.Sections, error) {
	switch kind {
	case "lowpass":
		return signal.LowPass(order, edges[0], fs)
	case "highpass":
		return signal.HighPass(order, edges[0], fs)
	case "bandpass":
		return signal.BandPass(order, edges[0], edges[1], fs)
	}
	return signal.BandStop(order, edges[0], edges[1], fs)
}

func near(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tol*(1+math.Abs(want[i]))) {
			t.Fatalf("%s: value %d is %.12g, want %.12g", what, i, got[i], want[i])
		}
	}
}

func TestFiltersAgreeWithSciPy(t *testing.T) {
	g := readGolden(t)
	for _, d := range g.Designs {
		s, err := design(d.Kind, d.Order, d.Edges, d.FS)
		if err != nil {
			t.Fatal(err)
		}
		what := d.Kind
		if len(s) != d.Sections {
			t.Errorf("%s of order %d: %d sections, want %d", what, d.Order, len(s), d.Sections)
		}
		for i, f := range d.Frequencies {
			h := s.Response(f, d.FS)
			if cmplx.Abs(h-complex(d.Real[i], d.Imag[i])) > 1e-8 {
				t.Errorf("%s of order %d at %g Hz: gain %v, want %v", what, d.Order, f, h, complex(d.Real[i], d.Imag[i]))
			}
		}
		near(t, what+" causal", s.Filter(g.X), d.Causal, 1e-7)
		y, err := s.FiltFilt(g.X)
		if err != nil {
			t.Fatal(err)
		}
		near(t, what+" zero phase", y, d.Zero_phase, 1e-6)
	}
}

func TestStreamDoesNotDependOnWhereItIsCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s, err := signal.BandPass(4, 8, 32, 250)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float64, 700)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	want := s.Filter(x)
	for range 5 {
		st := signal.NewStream(s, 2)
		var got []float64
		for rest := x; len(rest) > 0; {
			n := min(len(rest), rng.IntN(90))
			a, b := slices.Clone(rest[:n]), slices.Clone(rest[:n])
			if err := st.Filter([][]float64{a, b}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a, b) {
				t.Fatal("equal channels came out different")
			}
			got, rest = append(got, a...), rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Fatal("the stream differs from the filter on the whole signal")
		}
	}
	if err := signal.NewStream(s, 2).Filter([][]float64{{1}}); err == nil {
		t.Error("a block with a channel missing was accepted")
	}
}

func TestDesignErrors(t *testing.T) {
	for _, c := range []struct {
		kind  string
		order int
		edges []float64
		fs    float64
		says  string
	}{
		{"lowpass", 0, []float64{10}, 100, "order"},
		{"lowpass", 2, []float64{50}, 100, "half the sampling rate"},
		{"highpass", 2, []float64{-1}, 100, "outside"},
		{"bandpass", 2, []float64{30, 8}, 100, "not below"},
		{"bandpass", 2, []float64{8, 30}, 0, "sampling rate"},
		{"bandstop", 2, []float64{8, math.NaN()}, 100, "outside"},
	} {
		if _, err := design(c.kind, c.order, c.edges, c.fs); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %v: error %v, want one that says %q", c.kind, c.edges, err, c.says)
		}
	}
	s, _ := signal.LowPass(4, 10, 100)
	if _, err := s.FiltFilt(make([]float64, 15)); err == nil {
		t.Error("FiltFilt accepted a signal as short as its padding")
	}
}

func trial(rows [][]float64) *mat.Dense {
	d := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, r := range rows {
		d.SetRow(i, r)
	}
	return d
}

func trials(g golden) []*mat.Dense {
	var out []*mat.Dense
	for _, rows := range g.Trials {
		out = append(out, trial(rows))
	}
	return out
}

func TestAlignmentAgreesWithSciPy(t *testing.T) {
	g := readGolden(t)
	xs := trials(g)
	a, err := signal.EuclideanAlignment(xs, 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "aligned", a.Apply(xs[0]).RawMatrix().Data, trial(g.Aligned_first).RawMatrix().Data, 1e-9)
	var online signal.OnlineAlignment
	var last *mat.Dense
	for _, x := range xs[:3] {
		if last, err = online.Next(x); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "online", last.RawMatrix().Data, trial(g.Online_third).RawMatrix().Data, 1e-9)
}

// After alignment the mean covariance is the identity, whatever gains the channels had before.
func TestAlignmentWhitens(t *testing.T) {
	g := readGolden(t)
	xs := trials(g)
	for _, x := range xs {
		for c, gain := range []float64{0.3, 3, 1, 100} {
			row := x.RawRowView(c)
			for i := range row {
				row[i] *= gain
			}
		}
	}
	a, err := signal.EuclideanAlignment(xs, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range xs {
		xs[i] = a.Apply(x)
	}
	r, err := signal.MeanCovariance(xs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		for j := range 4 {
			want := 0.0
			if i == j {
				want = 1
			}
			if math.Abs(r.At(i, j)-want) > 1e-9 {
				t.Errorf("mean covariance at %d,%d is %g, want %g", i, j, r.At(i, j), want)
			}
		}
	}
}

func TestCSPAgreesWithSciPy(t *testing.T) {
	g := readGolden(t)
	csp, err := signal.FitCSP(trials(g), g.Labels, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	ratios := slices.Clone(csp.Ratio)
	slices.Sort(ratios)
	near(t, "ratios", ratios, g.Csp_values, 1e-9)
	top := slices.Index(csp.Ratio, slices.Max(csp.Ratio))
	got := mat.Row(nil, top, csp.Filters)
	if got[0]*g.Csp_top_filter[0] < 0 {
		for i := range got {
			got[i] = -got[i]
		}
	}
	near(t, "filter", got, g.Csp_top_filter, 1e-8)
	// A pattern is the column of the inverse of the filter matrix, up to the filters' scale.
	var product mat.Dense
	product.Mul(csp.Filters, csp.Patterns.T())
	for i := range 4 {
		for j := range 4 {
			if want := map[bool]float64{true: 1}[i == j]; math.Abs(product.At(i, j)-want) > 1e-9 {
				t.Errorf("filter %d on pattern %d gives %g, want %g", i, j, product.At(i, j), want)
			}
		}
	}
}

func TestLDAAgreesWithScikitLearn(t *testing.T) {
	g := readGolden(t)
	lda, err := signal.FitLDA(g.LDA.Features, g.LDA.Labels, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	for _, row := range g.LDA.Features {
		s := lda.Scores(row)
		got = append(got, 1/(1+math.Exp(s[0]-s[1])))
		if want := map[bool]int{true: 1}[s[1] > s[0]]; lda.Predict(row) != want {
			t.Error("Predict differs from Scores")
		}
	}
	near(t, "probability", got, g.LDA.Probability_of_1, 1e-8)

	// Shrinking by hand as much as Ledoit and Wolf's formula says must give what a negative shrink gives.
	auto, err := signal.FitLDA(g.LDA.Features, g.LDA.Labels, 2, -1)
	if err != nil {
		t.Fatal(err)
	}
	byHand, err := signal.FitLDA(g.LDA.Features, g.LDA.Labels, 2, g.LDA.Ledoit_wolf)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "shrunk weights", auto.Weights[1], byHand.Weights[1], 1e-9)
}

func TestRankDefectsAreNamed(t *testing.T) {
	names := []string{"Fz", "C3", "Cz", "C4"}
	rng := rand.New(rand.NewPCG(3, 4))
	fresh := func() *mat.Dense {
		x := mat.NewDense(4, 60, nil)
		for c := range 4 {
			for i := range 60 {
				x.Set(c, i, rng.NormFloat64())
			}
		}
		return x
	}
	for _, c := range []struct {
		name   string
		damage func(*mat.Dense)
		cause  signal.RankCause
		says   string
	}{
		{"flat", func(x *mat.Dense) { x.SetRow(2, make([]float64, 60)) }, signal.FlatChannel, "channel Cz is flat"},
		{"copied", func(x *mat.Dense) { x.SetRow(3, x.RawRowView(1)) }, signal.SameChannel, "C3 and C4"},
		{"average reference", func(x *mat.Dense) {
			for i := range 60 {
				m := (x.At(0, i) + x.At(1, i) + x.At(2, i) + x.At(3, i)) / 4
				for c := range 4 {
					x.Set(c, i, x.At(c, i)-m)
				}
			}
		}, signal.AverageReference, "average reference"},
		{"mixture", func(x *mat.Dense) {
			for i := range 60 {
				x.Set(0, i, 3*x.At(1, i)-2*x.At(2, i))
			}
		}, signal.Dependent, "mixture"},
	} {
		x := fresh()
		c.damage(x)
		cov, err := signal.Covariance(x)
		if err != nil {
			t.Fatal(err)
		}
		err = signal.CheckRank(cov, names)
		var rank *signal.RankError
		if !errors.As(err, &rank) || rank.Cause != c.cause || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want cause %d and %q", c.name, err, c.cause, c.says)
		}
		if _, err := signal.InverseSqrt(signal.Shrink(cov, 0.05)); err != nil {
			t.Errorf("%s: shrunk, still: %v", c.name, err)
		}
	}
	cov, _ := signal.Covariance(fresh())
	if err := signal.CheckRank(cov, names); err != nil {
		t.Errorf("sound covariance: %v", err)
	}
}

func TestErrorsSayWhere(t *testing.T) {
	bad := mat.NewDense(2, 3, []float64{1, 2, 3, 4, math.NaN(), 6})
	good := mat.NewDense(2, 3, []float64{1, 2, 3, 4, 0, 6})
	flat := mat.NewDense(2, 3, nil)
	check := func(err error, says ...string) {
		t.Helper()
		for _, s := range says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("error %v does not say %q", err, s)
			}
		}
	}
	_, err := signal.EuclideanAlignment([]*mat.Dense{good, bad}, 0)
	check(err, "trial 2", "channel 2", "not a finite number")
	_, err = signal.EuclideanAlignment([]*mat.Dense{good, mat.NewDense(3, 3, nil)}, 0)
	check(err, "trial 2 has 3 channels")
	_, err = signal.EuclideanAlignment(nil, 0)
	check(err, "no trials")
	_, err = signal.EuclideanAlignment([]*mat.Dense{flat}, 0)
	check(err, "flat")
	_, err = signal.Covariance(mat.NewDense(2, 1, nil))
	check(err, "at least 2")
	var online signal.OnlineAlignment
	if _, err := online.Next(good); err != nil {
		t.Fatal(err)
	}
	_, err = online.Next(mat.NewDense(3, 3, []float64{1, 2, 3, 4, 0, 6, 1, 0, 1}))
	check(err, "trial 2", "3 channels")
	_, err = signal.FitCSP([]*mat.Dense{good, good}, []int{0, 0}, 2, 0)
	check(err, "no trial of class 1")
	_, err = signal.FitCSP([]*mat.Dense{good, good}, []int{0, 2}, 2, 0)
	check(err, "label 2")
	_, err = signal.FitCSP([]*mat.Dense{good, good}, []int{0, 1}, 3, 0)
	check(err, "3 filters asked of 2 channels")
	_, err = signal.FitLDA([][]float64{{1}, {math.Inf(1)}}, []int{0, 1}, 2, 0)
	check(err, "feature 1 of row 2")
	_, err = signal.FitLDA([][]float64{{1}, {2}}, []int{0, 0}, 2, 0)
	check(err, "no row of class 1")
}

func BenchmarkBandPass22Channels4s(b *testing.B) {
	s, err := signal.BandPass(4, 8, 32, 250)
	if err != nil {
		b.Fatal(err)
	}
	block := make([][]float64, 22)
	for c := range block {
		block[c] = make([]float64, 1000)
		block[c][0] = 1
	}
	st := signal.NewStream(s, 22)
	b.SetBytes(22 * 1000 * 8)
	for b.Loop() {
		if err := st.Filter(block); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInverseSqrt22(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := mat.NewDense(22, 500, nil)
	for i := range 22 * 500 {
		x.RawMatrix().Data[i] = rng.NormFloat64()
	}
	r, err := signal.Covariance(x)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := signal.InverseSqrt(r); err != nil {
			b.Fatal(err)
		}
	}
}
