package specparam_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/signal/specparam"
)

// golden is what FOOOF computes; testdata/golden.py made it.
type golden struct {
	F     []float64
	Cases []struct {
		Power             []float64 // empty: that of the case before
		Span, Width       [2]float64
		Knee              bool
		Peaks             int
		Height, Threshold float64
		Aperiodic         [3]float64
		Found             [][3]float64
		R, Error          float64
	}
}

func TestAgreesWithFOOOF(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	var power []float64
	for i, c := range g.Cases {
		if len(c.Power) > 0 {
			power = c.Power
		}
		m, err := specparam.Settings{From: c.Span[0], To: c.Span[1], Knee: c.Knee, Width: c.Width, MaxPeaks: c.Peaks, MinHeight: c.Height,
			Threshold: c.Threshold}.Fit(g.F, power)
		if err != nil {
			t.Fatal(err)
		}
		near := func(what string, got, want, tol float64) {
			t.Helper()
			if !(math.Abs(got-want) <= tol*(1+math.Abs(want))) {
				t.Errorf("case %d: %s is %.6g, want %.6g", i, what, got, want)
			}
		}
		near("offset", m.Offset, c.Aperiodic[0], 1e-5)
		near("knee", m.Knee, c.Aperiodic[1], 1e-5)
		near("exponent", m.Exponent, c.Aperiodic[2], 1e-5)
		near("R²", m.RSquared, c.R, 1e-6)
		near("error", m.Error, c.Error, 1e-6)
		if len(m.Peaks) != len(c.Found) {
			t.Errorf("case %d: peaks %+v, want %v", i, m.Peaks, c.Found)
			continue
		}
		for k, p := range m.Peaks {
			near(fmt.Sprint("frequency of peak ", k), p.Frequency, c.Found[k][0], 1e-5)
			near(fmt.Sprint("height of peak ", k), p.Height, c.Found[k][1], 1e-5)
			near(fmt.Sprint("bandwidth of peak ", k), p.Bandwidth, c.Found[k][2], 1e-5)
		}
	}
}

// spectrum is a background and peaks as the model has them, without noise.
func spectrum(offset, knee, exponent float64, peaks ...[3]float64) (frequencies, power []float64) {
	for i := range 200 {
		f := float64(i) / 4
		log := offset - math.Log10(knee+math.Pow(f, exponent))
		for _, p := range peaks {
			log += p[1] * math.Exp(-(f-p[0])*(f-p[0])/(2*p[2]*p[2]))
		}
		frequencies, power = append(frequencies, f), append(power, math.Pow(10, log))
	}
	return frequencies, power
}

// What a spectrum was made of is found again.
func TestIngredientsAreFound(t *testing.T) {
	for _, c := range []struct {
		knee     float64
		exponent float64
		peaks    [][3]float64
	}{
		{0, 1.5, nil},
		{0, 1, [][3]float64{{10, 1, 1}}},
		{50, 2, [][3]float64{{25, 0.6, 2}}},
		{0, 1.3, [][3]float64{{7, 0.5, 0.8}, {20, 0.7, 2}}},
	} {
		f, p := spectrum(1, c.knee, c.exponent, c.peaks...)
		m, err := specparam.Settings{Knee: c.knee != 0, MinHeight: 0.05}.Fit(f, p)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(m.Exponent-c.exponent) > 0.05 || math.Abs(m.Knee-c.knee) > 0.2*c.knee || len(m.Peaks) != len(c.peaks) {
			t.Errorf("exponent %g, knee %g and peaks %+v were found; put in were %g, %g and %v", m.Exponent, m.Knee, m.Peaks, c.exponent, c.knee, c.peaks)
			continue
		}
		for i, peak := range m.Peaks {
			if want := c.peaks[i]; math.Abs(peak.Frequency-want[0]) > 0.1 || math.Abs(peak.Gaussian-want[1]) > 0.1 || math.Abs(peak.Bandwidth-2*want[2]) > 0.4 {
				t.Errorf("peak %+v was found, %v was put in", peak, want)
			}
		}
	}
	f, p := spectrum(1, 0, 1, [3]float64{10, 1, 1}, [3]float64{30, 0.5, 2})
	for most, want := range map[int]int{1: 1, -1: 0} {
		if m, err := (specparam.Settings{MaxPeaks: most, MinHeight: 0.05}).Fit(f, p); err != nil || len(m.Peaks) != want {
			t.Errorf("at most %d peaks: %+v (%v)", most, m.Peaks, err)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	f, p := spectrum(1, 0, 1)
	bad := append([]float64(nil), p...)
	bad[40] = 0
	logs := append([]float64(nil), p...)
	for i, v := range logs {
		logs[i] = math.Log10(v)
	}
	uneven := append([]float64(nil), f...)
	uneven[50] += 0.1
	for _, c := range []struct {
		settings specparam.Settings
		f, p     []float64
		says     string
	}{
		{specparam.Settings{}, f, bad, "the power at 10 Hz is 0"},
		{specparam.Settings{}, f, logs, "not its logarithm"},
		{specparam.Settings{}, f[:5], p[:5], "too few to fit"},
		{specparam.Settings{From: 200, To: 300}, f, p, "too few to fit"},
		{specparam.Settings{}, f, p[:5], "200 frequencies and 5"},
		{specparam.Settings{}, uneven, p, "evenly spaced"},
		{specparam.Settings{}, []float64{3, 2}, []float64{1, 1}, "must ascend"},
		{specparam.Settings{Width: [2]float64{3, 1}}, f, p, "must be positive and ascend"},
	} {
		if _, err := c.settings.Fit(c.f, c.p); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v does not say %q", err, c.says)
		}
	}
}

func ExampleSettings() {
	frequencies, power := spectrum(1, 0, 1.2, [3]float64{10, 0.8, 1})
	model, err := specparam.Settings{From: 2, To: 40}.Fit(frequencies, power)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("exponent %.1f\n", model.Exponent)
	for _, peak := range model.Peaks {
		if peak.Height > 0.1 {
			fmt.Printf("peak at %.1f Hz, %.1f high, %.1f Hz wide\n", peak.Frequency, peak.Height, peak.Bandwidth)
		}
	}
	// Output:
	// exponent 1.2
	// peak at 10.0 Hz, 0.8 high, 2.0 Hz wide
}
