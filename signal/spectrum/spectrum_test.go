package spectrum_test

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/spectrum"
)

// golden is what SciPy and MNE-Python compute; testdata/golden.py made it.
type golden struct {
	FS    float64
	X     [][]float64
	Welch []struct {
		Segment, Step int
		Window        string
		Median        bool
		Trend         spectrum.Trend
		F, P          []float64
	}
	Tapers []struct {
		N        int
		NW       float64
		Periodic bool
		Tapers   [][]float64
		Ratios   []float64
	}
	Multitaper []struct {
		N         int
		Bandwidth float64
		Adaptive  bool
		F, P      []float64
	}
	STFT []struct {
		Segment, Step    int
		Window           string
		F, T, Real, Imag []float64
	}
	Morlet []struct{ Freqs, Cycles, Real, Imag []float64 }
}

func readGolden(t *testing.T) (golden, *mat.Dense) {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	x := mat.NewDense(len(g.X), len(g.X[0]), nil)
	for i, row := range g.X {
		x.SetRow(i, row)
	}
	return g, x
}

// near compares by relative error, of numbers that are tiny beside the largest by absolute.
func near(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tol*math.Abs(want[i])+1e-12*largest) {
			t.Fatalf("%s: value %d is %.12g, want %.12g", what, i, got[i], want[i])
		}
	}
}

var windows = map[string]signal.Window{"hann": signal.Hann, "hamming": signal.Hamming, "blackman": signal.Blackman}

func TestWelchAgreesWithSciPy(t *testing.T) {
	g, x := readGolden(t)
	for _, c := range g.Welch {
		w := spectrum.Welch{Segment: c.Segment, Step: c.Step, Window: windows[c.Window], Median: c.Median, Trend: c.Trend}
		psd, err := w.PSD(x, g.FS)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "frequencies", psd.Frequencies, c.F, 1e-10)
		near(t, "welch", psd.Power.RawMatrix().Data, c.P, 1e-8)
	}
}

func TestTapersAgreeWithSciPy(t *testing.T) {
	g, _ := readGolden(t)
	for _, c := range g.Tapers {
		tapers, ratios, err := spectrum.DPSS(c.N, c.NW, len(c.Tapers), c.Periodic)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "concentration", ratios, c.Ratios, 1e-9)
		for k, want := range c.Tapers {
			var got []float64
			for i := 0; i < c.N; i += max(1, c.N/50) {
				got = append(got, tapers[k][i])
			}
			if !floats.EqualApprox(got, want, 1e-9) {
				t.Errorf("%d samples: taper %d is %v, want %v", c.N, k, got, want)
			}
		}
	}
}

// Tapers of minutes of recording are found quickly, and are orthonormal.
func TestLongTapers(t *testing.T) {
	tapers, ratios, err := spectrum.DPSS(200_000, 4, 7, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tapers {
		for j := range tapers {
			if want := map[bool]float64{true: 1}[i == j]; math.Abs(floats.Dot(tapers[i], tapers[j])-want) > 1e-9 {
				t.Errorf("taper %d on taper %d gives %g", i, j, floats.Dot(tapers[i], tapers[j]))
			}
		}
		if i > 0 && ratios[i] >= ratios[i-1] || !(ratios[i] > 0.7 && ratios[i] < 1+1e-9) {
			t.Errorf("concentrations %v do not fall from 1", ratios)
		}
	}
}

func TestMultitaperAgreesWithMNE(t *testing.T) {
	g, x := readGolden(t)
	for _, c := range g.Multitaper {
		psd, err := spectrum.Multitaper{Bandwidth: c.Bandwidth, Adaptive: c.Adaptive}.PSD(x.Slice(0, 2, 0, c.N).(*mat.Dense), g.FS)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "frequencies", psd.Frequencies, c.F, 1e-10)
		tol := 1e-8
		if c.Adaptive {
			tol = 1e-4 // MNE stops iterating earlier
		}
		near(t, "multitaper", psd.Power.RawMatrix().Data, c.P, tol)
	}
}

func TestSTFTAgreesWithSciPyAndComesBack(t *testing.T) {
	g, x := readGolden(t)
	for _, c := range g.STFT {
		s := spectrum.STFT{Segment: c.Segment, Step: c.Step, Window: windows[c.Window]}
		tf, err := s.Transform(x, g.FS)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "frequencies", tf.Frequencies, c.F, 1e-10)
		near(t, "times", tf.Times, c.T, 1e-10)
		compare(t, "stft", tf.Values[0], 5, 1, c.Real, c.Imag, 1e-9)
		back, err := s.Inverse(tf, x.RawMatrix().Cols)
		if err != nil {
			t.Fatal(err)
		}
		if !mat.EqualApprox(back, x, 1e-9) {
			t.Error("the signal did not come back")
		}
	}
}

// compare holds every so many rows and columns of complex values against real and imaginary parts.
func compare(t *testing.T, what string, got [][]complex128, rows, columns int, re, im []float64, tol float64) {
	t.Helper()
	i := 0
	for f := 0; f < len(got); f += rows {
		for k := 0; k < len(got[f]); k += columns {
			if cmplx.Abs(got[f][k]-complex(re[i], im[i])) > tol {
				t.Fatalf("%s: frequency %d at time %d is %v, want %v", what, f, k, got[f][k], complex(re[i], im[i]))
			}
			i++
		}
	}
	if i != len(re) {
		t.Fatalf("%s: %d values, want %d", what, i, len(re))
	}
}

func TestMorletAgreesWithMNE(t *testing.T) {
	g, x := readGolden(t)
	for _, c := range g.Morlet {
		tf, err := spectrum.Morlet{Frequencies: c.Freqs, Cycles: c.Cycles}.Transform(x, g.FS)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "morlet", tf.Values[0], 1, 9, c.Real, c.Imag, 1e-9)
		power := tf.Power(0)
		if got, want := power.At(1, 9), c.Real[26+1]*c.Real[26+1]+c.Imag[26+1]*c.Imag[26+1]; math.Abs(got-want) > 1e-8 {
			t.Errorf("power is %g, want %g", got, want)
		}
	}
}

// The integral of a density is the variance, whatever the estimator; a sine of amplitude 3 has 4.5 of it in its band.
func TestPowerIsVariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, fs = 8000, 200.0
	x := mat.NewDense(2, n, nil)
	for i := range n {
		x.Set(0, i, 2*rng.NormFloat64()+7)
		x.Set(1, i, 3*math.Sin(2*math.Pi*20*float64(i)/fs))
	}
	for name, estimate := range map[string]func(*mat.Dense, float64) (*spectrum.PSD, error){
		"welch":      spectrum.Welch{Segment: 400}.PSD,
		"median":     spectrum.Welch{Segment: 400, Median: true}.PSD,
		"multitaper": spectrum.Multitaper{Bandwidth: 2}.PSD,
		"adaptive":   spectrum.Multitaper{Bandwidth: 2, Adaptive: true}.PSD,
	} {
		psd, err := estimate(x, fs)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := psd.Band(0, 100)
		if err != nil {
			t.Fatal(err)
		}
		line, err := psd.Band(15, 25)
		if err != nil {
			t.Fatal(err)
		}
		tol := 0.05
		if name == "median" {
			tol = 0.15 // of a steady sine the median is not biased, so that its correction is wrong there
			line[1] = 4.5
		}
		if math.Abs(whole[0]-4) > 4*tol || math.Abs(line[1]-4.5) > 4.5*tol {
			t.Errorf("%s: noise of variance 4 has %g, a sine of power 4.5 has %g", name, whole[0], line[1])
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
	x := mat.NewDense(1, 100, nil)
	bad := mat.NewDense(1, 100, nil)
	bad.Set(0, 3, math.Inf(1))
	for _, estimate := range []func(*mat.Dense, float64) error{
		func(x *mat.Dense, fs float64) error { _, err := spectrum.Welch{}.PSD(x, fs); return err },
		func(x *mat.Dense, fs float64) error { _, err := spectrum.Multitaper{}.PSD(x, fs); return err },
		func(x *mat.Dense, fs float64) error { _, err := spectrum.STFT{}.Transform(x, fs); return err },
		func(x *mat.Dense, fs float64) error {
			_, err := spectrum.Morlet{Frequencies: []float64{0.2}}.Transform(x, fs)
			return err
		},
	} {
		check(estimate(bad, 1), "channel 1 holds +Inf at sample 3")
		check(estimate(x, 0), "sampling rate is 0 Hz")
	}
	_, err := spectrum.Welch{Segment: 101}.PSD(x, 1)
	check(err, "segments of 101 samples", "100 there are")
	_, err = spectrum.Welch{Step: -1}.PSD(x, 1)
	check(err, "step of -1")
	_, err = spectrum.Multitaper{Bandwidth: 0.001}.PSD(x, 1)
	check(err, "below the resolution", "0.01 Hz")
	_, err = spectrum.Multitaper{Bandwidth: 2}.PSD(x, 1)
	check(err, "longer signals")
	_, err = spectrum.Multitaper{}.PSD(mat.NewDense(1, 4, nil), 1)
	check(err, "longer signals")
	_, err = spectrum.STFT{Segment: 10, Step: 11}.Transform(x, 1)
	check(err, "step of 11")
	tf, err := spectrum.STFT{Segment: 10}.Transform(x, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = spectrum.STFT{Segment: 20}.Inverse(tf, 100)
	check(err, "settings it was made with")
	_, err = spectrum.Morlet{Frequencies: []float64{0.01}}.Transform(x, 1)
	check(err, "longer signals, fewer cycles")
	_, err = spectrum.Morlet{Frequencies: []float64{0.6}}.Transform(x, 1)
	check(err, "half the sampling rate")
	_, err = spectrum.Morlet{Frequencies: []float64{0.3}, Cycles: []float64{1, 2}}.Transform(x, 1)
	check(err, "one for all or one for each")
	_, err = spectrum.Morlet{}.Transform(x, 1)
	check(err, "no frequencies")
	psd, err := spectrum.Welch{}.PSD(x, 100)
	if err != nil {
		t.Fatal(err)
	}
	_, err = psd.Band(60, 70)
	check(err, "fewer than two of the 51 frequencies from 0 to 50 Hz")
	_, _, err = spectrum.DPSS(10, 6, 2, false)
	check(err, "half-bandwidth")
	_, _, err = spectrum.DPSS(10, 2, 11, false)
	check(err, "11 tapers of 10 samples")
}
