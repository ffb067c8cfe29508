package signal_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/signal"
)

// filtersGolden is what SciPy and MNE-Python compute; testdata/filters.py made it.
type filtersGolden struct {
	X       [][]float64
	Notches []struct {
		Freq, Quality, FS float64
		B, A, Zero_phase  []float64
	}
	Designs []struct {
		Low, High, FS, LowTransition, HighTransition float64
		Stop                                         [][2]float64
		Window                                       string
		Length                                       int
		Taps, Zero_phase                             []float64
	}
	Line struct {
		Freqs []float64
		FS    float64
		X, Y  []float64
	}
	Windowed []struct {
		Taps     int
		Cutoffs  []float64
		PassZero bool
		Window   string
		Beta, FS float64
		H        []float64
	}
	Kaiser []struct {
		Ripple, Width, FS, Beta float64
		Taps                    int
	}
	Resampled []struct {
		Up, Down int
		Ends     string
		Y        []float64
	}
	Constant, Linear []float64
	Hilbert          []struct {
		N    int
		Imag []float64
	}
	Montage struct {
		Names, Bad                                     []string
		X, CSD, Interpolated, Average, Linked, Bipolar [][]float64
		Positions                                      [][3]float64
		Centre                                         [3]float64
		Radius                                         float64
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func readFilters(t *testing.T) filtersGolden {
	t.Helper()
	var g filtersGolden
	readJSON(t, "testdata/filters.json", &g)
	return g
}

var windows = map[string]signal.Window{"hamming": signal.Hamming, "hann": signal.Hann, "blackman": signal.Blackman}

func TestNotchAgreesWithSciPy(t *testing.T) {
	g := readFilters(t)
	for _, c := range g.Notches {
		s, err := signal.Notch(c.Freq, c.Quality, c.FS)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "b", s[0].B[:], c.B, 1e-11)
		near(t, "a", append([]float64{1}, s[0].A[:]...), c.A, 1e-11)
		y, err := s.FiltFilt(g.X[0])
		if err != nil {
			t.Fatal(err)
		}
		near(t, "zero phase", y, c.Zero_phase, 1e-8)
	}
}

func TestFIRAgreesWithMNE(t *testing.T) {
	g := readFilters(t)
	for _, c := range g.Designs {
		h, err := signal.FIRDesign{Low: c.Low, High: c.High, Stop: c.Stop, LowTransition: c.LowTransition, HighTransition: c.HighTransition,
			Length: c.Length, Window: windows[c.Window]}.Design(c.FS)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		near(t, "taps", h, c.Taps, 1e-11)
		x := trial(g.X[1:])
		if err := h.ZeroPhase(x); err != nil {
			t.Fatal(err)
		}
		near(t, "zero phase", x.RawRowView(0), c.Zero_phase, 1e-8)
	}
	h, err := signal.FIRNotch(g.Line.FS, g.Line.Freqs...)
	if err != nil {
		t.Fatal(err)
	}
	x := trial([][]float64{g.Line.X})
	if err := h.ZeroPhase(x); err != nil {
		t.Fatal(err)
	}
	near(t, "notch", x.RawRowView(0), g.Line.Y, 1e-8)
}

func TestWindowedDesignsAgreeWithSciPy(t *testing.T) {
	g := readFilters(t)
	for _, c := range g.Windowed {
		w, ok := windows[c.Window]
		if !ok {
			w = signal.Kaiser(c.Beta)
		}
		h, err := signal.Firwin(c.Taps, c.Cutoffs, c.PassZero, w, c.FS)
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.Window, h, c.H, 1e-12)
	}
	for _, c := range g.Kaiser {
		taps, beta, err := signal.KaiserOrder(c.Ripple, c.Width, c.FS)
		if err != nil {
			t.Fatal(err)
		}
		if taps != c.Taps|1 || math.Abs(beta-c.Beta) > 1e-12 {
			t.Errorf("Kaiser window for %g dB in %g Hz: %d taps and shape %g, want %d and %g", c.Ripple, c.Width, taps, beta, c.Taps|1, c.Beta)
		}
	}
}

func TestResamplingAgreesWithSciPy(t *testing.T) {
	g := readFilters(t)
	ends := map[string]signal.Ends{"constant": signal.Zeros, "mean": signal.Mean, "antireflect": signal.Reflected}
	for _, c := range g.Resampled {
		y, err := signal.Resampling{Up: c.Up, Down: c.Down, Ends: ends[c.Ends]}.Apply(trial([][]float64{g.X[0][:90]}))
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.Ends, y.RawRowView(0), c.Y, 1e-8)
	}
	for _, c := range []struct {
		from, to float64
		up, down int
	}{{512, 250, 125, 256}, {160, 250, 25, 16}, {1000, 1000, 1, 1}, {999.4121, 250, 0, 0}, {2048, 256, 1, 8}, {1e3 / 3, 100, 3, 10}} {
		r, err := signal.ResamplingTo(c.from, c.to)
		if c.up == 0 {
			if err == nil || !strings.Contains(err.Error(), "simpler ratio") {
				t.Errorf("from %g to %g Hz: error %v", c.from, c.to, err)
			}
		} else if err != nil || r.Up != c.up || r.Down != c.down {
			t.Errorf("from %g to %g Hz: %d/%d and error %v, want %d/%d", c.from, c.to, r.Up, r.Down, err, c.up, c.down)
		}
	}
}

func TestDetrendAndHilbertAgreeWithSciPy(t *testing.T) {
	g := readFilters(t)
	for trend, want := range map[signal.Trend][]float64{signal.Constant: g.Constant, signal.Linear: g.Linear} {
		x := trial(g.X)
		if err := signal.Detrend(x, trend); err != nil {
			t.Fatal(err)
		}
		near(t, "detrended", x.RawRowView(0), want, 1e-8)
	}
	for _, c := range g.Hilbert {
		x := trial([][]float64{g.X[0][:c.N]})
		z, err := signal.Hilbert(x)
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := signal.Envelope(x)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range z[0] {
			if math.Abs(real(v)-g.X[0][i]) > 1e-10 || math.Abs(imag(v)-c.Imag[i]) > 1e-8 {
				t.Fatalf("analytic signal of %d samples at %d is %v, want %g and %g", c.N, i, v, g.X[0][i], c.Imag[i])
			}
			if want := math.Hypot(g.X[0][i], c.Imag[i]); math.Abs(envelope.At(0, i)-want) > 1e-8 {
				t.Fatalf("envelope of %d samples at %d is %g, want %g", c.N, i, envelope.At(0, i), want)
			}
		}
	}
}

func TestMontagesAgreeWithMNE(t *testing.T) {
	m := readFilters(t).Montage
	head := signal.Head{Centre: m.Centre, Radius: m.Radius}
	check := func(what string, want [][]float64, tol float64) func(*signal.Montage, error) {
		return func(montage *signal.Montage, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			y, err := montage.Apply(trial(m.X))
			if err != nil {
				t.Fatal(err)
			}
			near(t, what, y.RawMatrix().Data, trial(want).RawMatrix().Data, tol)
		}
	}
	check("average", m.Average, 1e-10)(signal.CommonAverage(m.Names, m.Bad...))
	check("linked", m.Linked, 1e-10)(signal.LinkedReference(m.Names, "c3", "C4"))
	check("bipolar", m.Bipolar, 1e-10)(signal.Bipolar(m.Names, [][2]string{{"Fz", "Cz"}, {"C3", "C4"}}))
	check("current source density", m.CSD, 1e-8)(signal.CurrentSourceDensity(m.Names, m.Positions, head))
	check("interpolation", m.Interpolated, 1e-8)(signal.Interpolation(m.Names, m.Positions, head, m.Bad...))
}

// On a square grid the four nearest neighbours at equal distance count alike, and what is the same everywhere is removed.
func TestLaplacian(t *testing.T) {
	var names []string
	var positions [][3]float64
	for i := range 9 {
		names = append(names, string(rune('A'+i)))
		positions = append(positions, [3]float64{float64(i % 3), float64(i / 3), 1})
	}
	m, err := signal.Laplacian(names, positions, 4)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "centre", mat.Row(nil, 4, m.Matrix), []float64{0, -0.25, 0, -0.25, 1, -0.25, 0, -0.25, 0}, 1e-12)
	for i := range 9 {
		if sum := floats.Sum(mat.Row(nil, i, m.Matrix)); math.Abs(sum) > 1e-12 {
			t.Errorf("row %d sums to %g", i, sum)
		}
	}
}

// A stream of any filter gives what the filter gives on the whole signal, wherever it is cut and however many channels there are.
func TestEveryStreamIsTheFilterOnTheWhole(t *testing.T) {
	iir, err := signal.BandPass(3, 8, 30, 250)
	if err != nil {
		t.Fatal(err)
	}
	long, err := signal.FIRDesign{Low: 8, High: 30}.Design(250)
	if err != nil {
		t.Fatal(err)
	}
	short := signal.FIR{0.5, 0.25, -1}
	for name, c := range map[string]struct {
		filter signal.Filter
		tol    float64
	}{"butterworth": {iir, 0}, "fir of 413 taps": {long, 1e-12}, "fir of 3 taps": {short, 1e-14}, "no taps": {signal.FIR{}, 0}} {
		for _, channels := range []int{1, 2, 3, 8, 19} {
			x := noise(channels, 2500, 4)
			var want [][]float64
			for ch := range channels {
				want = append(want, c.filter.Filter(x.RawRowView(ch)))
			}
			live := signal.NewStream(c.filter, channels)
			for pass := range 2 { // the second after a reset
				got := mat.DenseCopyOf(x)
				for first, k := 0, 0; first < 2500; k++ {
					n := min([]int{1, 7, 0, 90, 500, 33, 1200}[(k+pass)%7], 2500-first)
					var block [][]float64
					for ch := range channels {
						block = append(block, got.RawRowView(ch)[first:first+n])
					}
					if err := live.Filter(block); err != nil {
						t.Fatal(err)
					}
					first += n
				}
				for ch := range channels {
					if !floats.EqualApprox(got.RawRowView(ch), want[ch], c.tol) {
						t.Fatalf("%s: channel %d of %d differs from the filter on the whole signal", name, ch, channels)
					}
				}
				live.Reset()
			}
		}
	}
	live := signal.NewStream(iir, 2)
	if err := live.Filter([][]float64{{1, 2}, {3}}); err == nil || !strings.Contains(err.Error(), "channel 2 of the block has 1 samples") {
		t.Errorf("a ragged block: error %v", err)
	}
}

// Filtering all channels at once is filtering each by itself; long and short signals, few channels and many.
func TestZeroPhaseOfMany(t *testing.T) {
	s, err := signal.BandPass(4, 8, 30, 250)
	if err != nil {
		t.Fatal(err)
	}
	h, err := signal.FIRDesign{Low: 8, High: 30}.Design(250)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int{{1, 30000}, {3, 9000}, {17, 1000}, {40, 413}} {
		x := noise(size[0], size[1], 5)
		y := mat.DenseCopyOf(x)
		if err := s.ZeroPhase(y); err != nil {
			t.Fatal(err)
		}
		z := mat.DenseCopyOf(x)
		if err := h.ZeroPhase(z); err != nil {
			t.Fatal(err)
		}
		half := h.Delay()
		for c := range size[0] {
			row := x.RawRowView(c)
			want, err := s.FiltFilt(row)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(y.RawRowView(c), want) {
				t.Fatalf("%v: channel %d differs from FiltFilt", size, c)
			}
			// The causal filter on the extended signal, the delay cut off.
			wide := make([]float64, size[1]+2*half)
			for i := range half {
				wide[half-1-i] = 2*row[0] - row[i+1]
				wide[half+size[1]+i] = 2*row[size[1]-1] - row[size[1]-2-i]
			}
			copy(wide[half:], row)
			if !floats.EqualApprox(z.RawRowView(c), h.Filter(wide)[2*half:], 1e-11) {
				t.Fatalf("%v: channel %d differs from the causal filter with its delay cut off", size, c)
			}
		}
	}
}

func TestFilterErrorsSayWhatToDo(t *testing.T) {
	check := func(err error, says ...string) {
		t.Helper()
		for _, s := range says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("error %v does not say %q", err, s)
			}
		}
	}
	_, err := signal.FIRDesign{Low: 8, High: 60}.Design(100)
	check(err, "60 Hz", "50 Hz, half the sampling rate")
	_, err = signal.FIRDesign{}.Design(100)
	check(err, "set Low, High or Stop")
	_, err = signal.FIRDesign{Low: 30, High: 8}.Design(100)
	check(err, "not below")
	_, err = signal.FIRDesign{Low: 8, LowTransition: 9}.Design(100)
	check(err, "passes 0")
	_, err = signal.FIRDesign{High: 45, HighTransition: 9}.Design(100)
	check(err, "half the sampling rate", "narrow")
	_, err = signal.FIRDesign{Low: 8, High: 30, Length: 11}.Design(100)
	check(err, "11 taps is too short", "needs 45")
	_, err = signal.FIRDesign{Stop: [][2]float64{{48, 52}}}.Design(250)
	check(err, "no room")
	_, err = signal.FIRDesign{Stop: [][2]float64{{20, 40}, {30, 60}}, LowTransition: 1, HighTransition: 1}.Design(250)
	check(err, "overlap")
	_, err = signal.FIRDesign{Low: 1e-7}.Design(1000)
	check(err, "widen the transition")
	_, err = signal.FIRDesign{Low: 8, Window: signal.Kaiser(5)}.Design(100)
	check(err, "Firwin")
	_, err = signal.FIRDesign{Low: 8, Stop: [][2]float64{{20, 40}}}.Design(100)
	check(err, "one of each")
	_, err = signal.Firwin(20, []float64{10}, false, signal.Hamming, 100)
	check(err, "odd number")
	_, err = signal.Firwin(21, []float64{20, 10}, true, signal.Hamming, 100)
	check(err, "ascend")
	_, err = signal.Notch(50, 30, 90)
	check(err, "half the sampling rate")
	_, err = signal.Notch(50, 0.1, 250)
	check(err, "raise the quality")
	_, err = signal.Notch(50, math.NaN(), 250)
	check(err, "quality")

	x := noise(2, 100, 1)
	x.Set(1, 7, math.NaN())
	s, _ := signal.LowPass(2, 10, 100)
	h, _ := signal.FIRDesign{High: 10}.Design(50)
	check(s.ZeroPhase(x), "channel 2 holds NaN at sample 7", "interpolate")
	check(h.ZeroPhase(x), "channel 2 holds NaN at sample 7")
	check(h.ZeroPhase(noise(1, 66, 1)), "66 samples are too few for a filter of 67 taps")
	check(s.ZeroPhase(noise(1, 9, 1)), "9 samples", "more than 9")
	check(signal.FIR{1, 2, 3}.ZeroPhase(x), "not symmetric")
	check(signal.FIR{1, 1}.ZeroPhase(x), "even in number")
	check(signal.Detrend(x, signal.Linear), "NaN")
	_, err = signal.Hilbert(x)
	check(err, "NaN")
	_, err = signal.Resampling{Up: 1, Down: 2}.Apply(x)
	check(err, "NaN")
	_, err = signal.Resampling{Up: 0, Down: 2}.Apply(x)
	check(err, "0/2")

	names := []string{"C3", "C4", "Cz", "Pz"}
	_, err = signal.LinkedReference(names, "M1")
	check(err, `no channel "M1"`, "C3, C4, Cz, Pz")
	_, err = signal.CommonAverage(names, names...)
	check(err, "none is left")
	_, err = signal.Bipolar(names, [][2]string{{"C3", "c3"}})
	check(err, "less itself")
	at := [][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 1}}
	_, err = signal.Laplacian(names, at, 4)
	check(err, "4 neighbours among 4 channels")
	_, err = signal.Laplacian(names, at, 2)
	check(err, "Cz and Pz are at the same position")
	_, err = signal.Laplacian(names, at[:3], 2)
	check(err, "3 positions of 4 channels")
	at[3][1] = math.NaN()
	_, err = signal.CurrentSourceDensity(names, at, signal.Head{})
	check(err, "position of channel Pz")
	at[3] = [3]float64{}
	_, err = signal.CurrentSourceDensity(names, at, signal.Head{})
	check(err, "centre of the head")
	m, _ := signal.CommonAverage(names)
	_, err = m.Apply(noise(3, 10, 1))
	check(err, "3 channels", "made for 4")
}
