package connectivity_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/connectivity"
)

// golden is what MNE-Connectivity, SciPy and tensorpac compute; testdata/golden.py made it.
type golden struct {
	FS        float64
	Trials    [][][]float64
	Estimates []struct {
		Bandwidth                     float64
		F, Coh, Imcoh, PLV, PLI, WPLI json.RawMessage
	}
	Coherence struct{ F, Squared []float64 }
	Locking   [][]float64
	Coupled   []float64
	Index     float64
}

func readGolden(t *testing.T) (g golden, trials []*mat.Dense) {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	for _, rows := range g.Trials {
		x := mat.NewDense(len(rows), len(rows[0]), nil)
		for i, row := range rows {
			x.SetRow(i, row)
		}
		trials = append(trials, x)
	}
	return g, trials
}

func TestMeasuresAgreeWithMNEConnectivity(t *testing.T) {
	g, trials := readGolden(t)
	for _, e := range g.Estimates {
		s, err := connectivity.Estimate(trials, g.FS, connectivity.Options{Bandwidth: e.Bandwidth})
		if err != nil {
			t.Fatal(err)
		}
		var frequencies []float64
		if err := json.Unmarshal(e.F, &frequencies); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			got  *connectivity.Measure
			want json.RawMessage
		}{"coherence": {s.Coherence(), e.Coh}, "imaginary coherency": {s.ImaginaryCoherency(), e.Imcoh}, "phase locking": {s.PhaseLocking(), e.PLV},
			"phase lag": {s.PhaseLag(), e.PLI}, "weighted phase lag": {s.WeightedPhaseLag(), e.WPLI}} {
			var want [][]float64 // by pair and frequency, without 0 Hz
			if err := json.Unmarshal(c.want, &want); err != nil {
				t.Fatal(err)
			}
			for k, pair := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
				for f, hz := range frequencies {
					got := c.got.Values[f+1].At(pair[0], pair[1])
					if f+2 == len(c.got.Values) && name != "coherence" && name != "phase locking" {
						continue // half the sampling rate has no imaginary part but for rounding
					}
					if math.Abs(c.got.Frequencies[f+1]-hz) > 1e-8 || math.Abs(got-want[k][f]) > 1e-8 {
						t.Fatalf("%s of %v at %g Hz is %g, want %g", name, pair, hz, got, want[k][f])
					}
				}
			}
		}
	}
}

func TestCoherenceAgreesWithSciPy(t *testing.T) {
	g, trials := readGolden(t)
	x := mat.NewDense(3, 420, nil)
	for i, trial := range trials {
		x.Slice(0, 3, i*60, (i+1)*60).(*mat.Dense).Copy(trial)
	}
	segments, err := connectivity.Segments(x, 60, 30)
	if err != nil {
		t.Fatal(err)
	}
	s, err := connectivity.Estimate(segments, g.FS, connectivity.Options{Hann: true})
	if err != nil {
		t.Fatal(err)
	}
	for f, v := range s.Coherence().Values {
		if got := v.At(0, 1) * v.At(0, 1); f > 0 && math.Abs(got-g.Coherence.Squared[f]) > 1e-8 {
			t.Errorf("squared coherence at %g Hz is %g, want %g", g.Coherence.F[f], got, g.Coherence.Squared[f])
		}
	}
	band, err := signal.BandPass(3, 8, 13, g.FS)
	if err != nil {
		t.Fatal(err)
	}
	if err := band.ZeroPhase(x); err != nil {
		t.Fatal(err)
	}
	locking, err := connectivity.PhaseLocking(x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for j := range 3 {
			if math.Abs(locking.At(i, j)-g.Locking[i][j]) > 1e-7 {
				t.Errorf("phase locking of %d and %d is %g, want %g", i, j, locking.At(i, j), g.Locking[i][j])
			}
		}
	}
}

func TestModulationIndexAgreesWithTensorpac(t *testing.T) {
	g, _ := readGolden(t)
	c := connectivity.Coupling{Phase: [2]float64{4, 8}, Amplitude: [2]float64{45, 75}}
	index, distribution, err := c.Index(g.Coupled, 200)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(index-g.Index) > 1e-7 {
		t.Errorf("modulation index is %g, want %g", index, g.Index)
	}
	sum := 0.0
	for _, p := range distribution {
		sum += p
	}
	if len(distribution) != 18 || math.Abs(sum-1) > 1e-12 {
		t.Errorf("the distribution has %d bins that sum to %g", len(distribution), sum)
	}
	score, _, err := c.Score(coupled(4000), 200, 50, 1)
	if err != nil {
		t.Fatal(err)
	}
	if score < 5 {
		t.Errorf("coupling that was put in scores %g", score)
	}
	phases, amplitudes := [][2]float64{{2, 4}, {4, 8}, {10, 14}}, [][2]float64{{20, 35}, {45, 75}}
	grid, err := connectivity.Comodulogram(g.Coupled, 200, phases, amplitudes, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(grid.At(1, 1)-index) > 1e-12 || grid.At(1, 1) != mat.Max(grid) {
		t.Errorf("the comodulogram is\n%v\nwant its largest, %g, at 4 to 8 and 45 to 75 Hz", mat.Formatted(grid), index)
	}
}

// coupled is a signal at 200 Hz whose rhythm around 60 Hz is loud at the peaks of one around 6 Hz, which wanders in frequency.
func coupled(samples int) []float64 {
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([]float64, samples)
	phase := 0.0
	for t := range x {
		phase += 2*math.Pi*6/200 + 0.1*rng.NormFloat64()
		slow := math.Sin(phase)
		x[t] = slow + 0.3*(1+slow)*math.Sin(2*math.Pi*60*float64(t)/200) + 0.1*rng.NormFloat64()
	}
	return x
}

// Noise without coupling scores like noise, and a lag shows where it was put.
func TestWhatIsNotThereIsNotFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	x := make([]float64, 4000)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	score, _, err := connectivity.Coupling{Phase: [2]float64{4, 8}, Amplitude: [2]float64{45, 75}}.Score(x, 200, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(score) > 4 {
		t.Errorf("noise scores %g", score)
	}

	// Channel 1 follows channel 0 by a quarter period at 10 Hz; channel 2 is channel 0 at once, with noise of its own.
	var trials []*mat.Dense
	for range 40 {
		trial := mat.NewDense(3, 200, nil)
		phase := 2 * math.Pi * rng.Float64()
		for t := range 200 {
			angle := 2*math.Pi*10*float64(t)/100 + phase
			trial.Set(0, t, math.Sin(angle)+0.3*rng.NormFloat64())
			trial.Set(1, t, math.Sin(angle-math.Pi/2)+0.3*rng.NormFloat64())
			trial.Set(2, t, trial.At(0, t)+0.3*rng.NormFloat64())
		}
		trials = append(trials, trial)
	}
	s, err := connectivity.Estimate(trials, 100, connectivity.Options{Bandwidth: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		measure              *connectivity.Measure
		lagged, instant, off [2]float64
	}{
		"coherence":           {s.Coherence(), [2]float64{0.9, 1}, [2]float64{0.9, 1}, [2]float64{0, 0.4}},
		"imaginary coherency": {s.ImaginaryCoherency(), [2]float64{0.9, 1}, [2]float64{0, 0.2}, [2]float64{0, 0.4}},
		"phase locking":       {s.PhaseLocking(), [2]float64{0.9, 1}, [2]float64{0.9, 1}, [2]float64{0, 0.5}},
		"phase lag":           {s.PhaseLag(), [2]float64{0.9, 1}, [2]float64{0, 0.5}, [2]float64{0, 0.5}},
		"weighted phase lag":  {s.WeightedPhaseLag(), [2]float64{0.9, 1}, [2]float64{0, 0.6}, [2]float64{0, 0.6}},
	} {
		at, err := c.measure.Band(10, 10)
		if err != nil {
			t.Fatal(err)
		}
		away, err := c.measure.Band(30, 30)
		if err != nil {
			t.Fatal(err)
		}
		for what, v := range map[string][3]float64{"lagged": {at.At(0, 1), c.lagged[0], c.lagged[1]}, "instantaneous": {at.At(0, 2), c.instant[0], c.instant[1]},
			"elsewhere": {away.At(0, 1), c.off[0], c.off[1]}} {
			if !(v[0] >= v[1] && v[0] <= v[2]+1e-9) {
				t.Errorf("%s, %s: %g, want %g to %g", name, what, v[0], v[1], v[2])
			}
		}
	}
	over, err := connectivity.PhaseLockingOverTrials(trials, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if over[100] < 0.8 {
		t.Errorf("phase locking over trials is %g in their middle", over[100])
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
	_, trials := readGolden(t)
	_, err := connectivity.Estimate(trials[:1], 100, connectivity.Options{})
	check(err, "1 trials", "Segments")
	_, err = connectivity.Estimate(trials, 0, connectivity.Options{})
	check(err, "sampling rate")
	_, err = connectivity.Estimate([]*mat.Dense{trials[0], mat.NewDense(3, 5, nil)}, 100, connectivity.Options{})
	check(err, "trial 2 is 3 channels by 5 samples")
	bad := mat.DenseCopyOf(trials[0])
	bad.Set(1, 2, math.NaN())
	_, err = connectivity.Estimate([]*mat.Dense{trials[0], bad}, 100, connectivity.Options{})
	check(err, "trial 2: channel 2 holds NaN at sample 2")
	_, err = connectivity.Estimate(trials, 100, connectivity.Options{Bandwidth: 0.1})
	check(err, "below the resolution")
	s, err := connectivity.Estimate(trials, 100, connectivity.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Coherence().Band(60, 70)
	check(err, "none of the 31 frequencies")
	_, err = connectivity.Segments(trials[0], 61, 1)
	check(err, "60 samples there are")
	_, err = connectivity.PhaseLockingOverTrials(trials, 0, 3)
	check(err, "channels numbered 0 and 3")
	x := make([]float64, 400)
	c := connectivity.Coupling{Phase: [2]float64{4, 8}, Amplitude: [2]float64{45, 75}}
	_, _, err = c.Index(x, 200)
	check(err, "phase in bin")
	_, _, err = c.Index(x, 100)
	check(err, "band of the amplitude", "half the sampling rate")
	_, _, err = c.Index(x[:10], 200)
	check(err, "too few")
	_, _, err = c.Index(nil, 200)
	check(err, "no samples")
	x[5] = math.Inf(1)
	_, _, err = c.Index(x, 200)
	check(err, "+Inf at sample 5")
	_, _, err = c.Score(x, 200, 1, 0)
	check(err, "1 surrogates")
	_, err = connectivity.Comodulogram(x, 200, nil, nil, 0, 0)
	check(err, "at least one of each")
}

func ExampleEstimate() {
	rng := rand.New(rand.NewPCG(1, 1))
	x := mat.NewDense(2, 4000, nil)
	for t := range 4000 {
		x.Set(0, t, math.Sin(2*math.Pi*10*float64(t)/100)+rng.NormFloat64())
		x.Set(1, t, math.Cos(2*math.Pi*10*float64(t)/100)+rng.NormFloat64())
	}
	segments, err := connectivity.Segments(x, 200, 200)
	if err != nil {
		fmt.Println(err)
		return
	}
	spectra, err := connectivity.Estimate(segments, 100, connectivity.Options{Bandwidth: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	alpha, err := spectra.Coherence().Band(9.5, 10.5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f\n", alpha.At(0, 1))
	// Output: 0.9
}

func ExampleCoupling() {
	theta := connectivity.Coupling{Phase: [2]float64{4, 8}, Amplitude: [2]float64{45, 75}}
	score, _, err := theta.Score(coupled(4000), 200, 200, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("more coupled than chance:", score > 3)
	// Output: more coupled than chance: true
}
