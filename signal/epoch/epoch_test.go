package epoch_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/signal"
	"github.com/gyrus-dev/gyrus/signal/epoch"
)

// golden is what MNE-Python and autoreject compute; testdata/golden.py made it.
type golden struct {
	Cut struct {
		FS, Tmin, Tmax, Most, Least float64
		X, First, Average_b         [][]float64
		Types, Labels               []string
		Onsets, Baseline, Times     []float64
		Selection                   []int
		Drop_log                    [][]string
	}
	Reject struct {
		Names                  []string
		Positions              [][3]float64
		Trials, Clean          [][][]float64
		Limits, Channel, Found []float64
		Whole                  []*float64 // nil is infinite
		Single, Consensus      []float64
		Losses                 map[string][]*float64
		Bad                    []bool
		Labels                 [][]float64
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

func matrix(rows [][]float64) *mat.Dense {
	d := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, r := range rows {
		d.SetRow(i, r)
	}
	return d
}

// inMemory makes a recording of a matrix.
func inMemory(x *mat.Dense, channels []recording.Channel, rate float64) *recording.Recording {
	rows, samples := x.Dims()
	data := make([]float32, rows*samples)
	for c := range rows {
		for t := range samples {
			data[t*rows+c] = float32(x.At(c, t))
		}
	}
	return &recording.Recording{Channels: channels, Rate: rate, Frames: int64(samples), Samples: recording.Memory{Data: data, Channels: rows}}
}

func TestCuttingAgreesWithMNE(t *testing.T) {
	g := readGolden(t).Cut
	var channels []recording.Channel
	for i, kind := range g.Types {
		channels = append(channels, recording.Channel{Name: []string{"C3", "C4", "EOG"}[i], Type: kind})
	}
	var events []recording.Event
	for i, onset := range g.Onsets {
		events = append(events, recording.Event{Onset: onset, Label: g.Labels[i]})
	}
	window := epoch.Window{From: g.Tmin, To: g.Tmax}
	r := inMemory(matrix(g.X), channels, g.FS)
	r.Events = events
	for _, c := range []struct {
		name string
		cut  func() (*epoch.Epochs, error)
		tol  float64
	}{
		{"matrix", func() (*epoch.Epochs, error) { return epoch.CutMatrix(matrix(g.X), channels, g.FS, events, window) }, 1e-8},
		{"recording", func() (*epoch.Epochs, error) { return epoch.Cut(r, window) }, 1e-5}, // samples are float32 there
	} {
		e, err := c.cut()
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Baseline(g.Baseline[0], g.Baseline[1]); err != nil {
			t.Fatal(err)
		}
		if err := e.Reject(epoch.Limits{"eeg": {Most: g.Most}, "eog": {Least: g.Least}}); err != nil {
			t.Fatal(err)
		}
		var kept []int
		for _, ev := range e.Events {
			kept = append(kept, ev.Index)
		}
		if !slices.Equal(kept, g.Selection) {
			t.Fatalf("%s: events %v were kept, want %v", c.name, kept, g.Selection)
		}
		log := make([][]string, len(events))
		for _, d := range e.Dropped {
			log[d.Index] = d.Channels
			if d.Reason == epoch.Outside {
				log[d.Index] = []string{map[bool]string{true: "NO_DATA", false: "TOO_SHORT"}[d.Frame < 100]}
			}
		}
		for i, want := range g.Drop_log {
			if !slices.Equal(log[i], want) {
				t.Errorf("%s: event %d was dropped for %v, want %v", c.name, i, log[i], want)
			}
		}
		if !floats.EqualApprox(e.Times(), g.Times, 1e-9) {
			t.Errorf("%s: times %v, want %v", c.name, e.Times(), g.Times)
		}
		if !mat.EqualApprox(e.Trials[0], matrix(g.First), c.tol) {
			t.Errorf("%s: the first trial differs", c.name)
		}
		average, err := e.Select("b").Average()
		if err != nil {
			t.Fatal(err)
		}
		if !mat.EqualApprox(average, matrix(g.Average_b), c.tol) {
			t.Errorf("%s: the average differs", c.name)
		}
		classes, err := e.Classes("b", "a")
		if err != nil {
			t.Fatal(err)
		}
		for i, ev := range e.Events {
			if (ev.Label == "a") != (classes[i] == 1) {
				t.Errorf("%s: trial %d of label %q has class %d", c.name, i, ev.Label, classes[i])
			}
		}
	}
}

// A trial across a gap is dropped, one that begins with the gap's first frame is not; onsets are by the clock.
func TestGapsAndMissingValues(t *testing.T) {
	x := mat.NewDense(2, 100, nil)
	for i := range 100 {
		x.Set(0, i, float64(i))
	}
	x.Set(1, 75, math.NaN())
	r := inMemory(x, []recording.Channel{{Name: "a"}, {Name: "b"}}, 10)
	r.Gaps = []recording.Gap{{Frame: 50, Seconds: 2}}
	r.Events = []recording.Event{{Onset: 1}, {Onset: 4.8}, {Onset: 7}, {Onset: 9.4}}
	e, err := epoch.Cut(r, epoch.Window{To: 0.9})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Trials) != 2 || e.Trials[0].At(0, 0) != 10 || e.Trials[1].At(0, 0) != 50 {
		t.Errorf("%d trials, want two that begin with samples 10 and 50", len(e.Trials))
	}
	if len(e.Dropped) != 2 || e.Dropped[0].Reason != epoch.Gap || e.Dropped[1].Reason != epoch.NotFinite || !slices.Equal(e.Dropped[1].Channels, []string{"b"}) {
		t.Errorf("dropped %+v, want one for the gap and one for channel b", e.Dropped)
	}
}

func rejectable(g golden) *epoch.Epochs {
	e := &epoch.Epochs{Rate: 100}
	for i, name := range g.Reject.Names {
		e.Channels = append(e.Channels, recording.Channel{Name: name, Type: "eeg", Position: &g.Reject.Positions[i]})
	}
	for i, rows := range g.Reject.Trials {
		e.Trials = append(e.Trials, matrix(rows))
		e.Events = append(e.Events, epoch.Event{Index: i})
	}
	return e
}

func TestGlobalThresholdAgreesWithAutoreject(t *testing.T) {
	g := readGolden(t)
	limit, curve, err := epoch.GlobalThreshold(rejectable(g), "eeg", 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(curve) != len(g.Reject.Limits) {
		t.Fatalf("%d limits were tried, want %d", len(curve), len(g.Reject.Limits))
	}
	least := 0
	for i, c := range curve {
		want := math.Inf(1)
		if g.Reject.Whole[i] != nil {
			want = *g.Reject.Whole[i]
		}
		if math.Abs(c.Limit-g.Reject.Limits[i]) > 1e-8 || c.Error != want && !(math.Abs(c.Error-want) < 1e-10) {
			t.Errorf("limit %g has error %g, want %g and %g", c.Limit, c.Error, g.Reject.Limits[i], want)
		}
		if c.Error < curve[least].Error {
			least = i
		}
	}
	if limit != curve[least].Limit {
		t.Errorf("the limit is %g, want %g with the least error", limit, curve[least].Limit)
	}
}

func TestAutoRejectAgreesWithAutoreject(t *testing.T) {
	g := readGolden(t)
	for _, n := range []int{0, 1, 3} {
		r, err := epoch.AutoReject{Interpolate: []int{n}}.Fit(rejectable(g))
		if err != nil {
			t.Fatal(err)
		}
		if !floats.EqualApprox(r.Limits, g.Reject.Found, 1e-8) {
			t.Errorf("limits %v, want %v", r.Limits, g.Reject.Found)
		}
		for i, want := range g.Reject.Losses[string(rune('0'+n))] {
			got := r.Error[i][0]
			switch {
			case want == nil && math.IsInf(got, 1):
			// autoreject fits the sphere to the positions, Gyrus is told it.
			case want == nil || !(math.Abs(got-*want) < 2e-5):
				t.Errorf("repairing %d, consensus %g has error %g", n, g.Reject.Consensus[i], got)
			}
		}
	}

	e := rejectable(g)
	original := mat.DenseCopyOf(e.Trials[0])
	first := e.Trials[0]
	r, err := epoch.AutoReject{Interpolate: []int{1}, Consensus: []float64{0.4}}.Fit(e)
	if err != nil {
		t.Fatal(err)
	}
	repairs, err := r.Apply(e)
	if err != nil {
		t.Fatal(err)
	}
	if !mat.Equal(first, original) {
		t.Error("a trial was changed in place")
	}
	if len(e.Trials) != len(g.Reject.Clean) {
		t.Fatalf("%d trials are left, want %d", len(e.Trials), len(g.Reject.Clean))
	}
	for i, rows := range g.Reject.Clean {
		if !mat.EqualApprox(e.Trials[i], matrix(rows), 2e-3) {
			t.Errorf("trial %d differs once repaired", i)
		}
	}
	for _, repair := range repairs {
		for c, name := range g.Reject.Names {
			want := g.Reject.Labels[e.Events[repair.Trial].Index][c]
			if slices.Contains(repair.Interpolated, name) != (want == 2) || slices.Contains(repair.Bad, name) != (want == 1) {
				t.Errorf("trial %d: channel %s, want state %g of %+v", repair.Trial, name, want, repair)
			}
		}
	}
	for _, d := range e.Dropped {
		if !g.Reject.Bad[d.Index] || d.Reason != epoch.TooBad {
			t.Errorf("trial %d was dropped, %s", d.Index, d.Reason)
		}
	}
}

// Trials made bad on purpose are found, and the mean gets nearer to the truth.
func TestRejectionFindsWhatIsBad(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	e := &epoch.Epochs{Rate: 100}
	for c := range 6 {
		e.Channels = append(e.Channels, recording.Channel{Name: string(rune('a' + c)), Type: "eeg"})
	}
	truth := mat.NewDense(6, 50, nil)
	for c := range 6 {
		for s := range 50 {
			truth.Set(c, s, math.Sin(float64(s)/5))
		}
	}
	for i := range 60 {
		x := mat.NewDense(6, 50, nil)
		x.Apply(func(_, _ int, v float64) float64 { return v + rng.NormFloat64() }, truth)
		if i%15 == 3 {
			x.Scale(25, x)
		}
		e.Trials, e.Events = append(e.Trials, x), append(e.Events, epoch.Event{Index: i})
	}
	distance := func() float64 {
		mean, err := e.Average()
		if err != nil {
			t.Fatal(err)
		}
		mean.Sub(mean, truth)
		return mat.Norm(mean, 2)
	}
	before := distance()
	r, err := epoch.AutoReject{}.Fit(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(e); err != nil {
		t.Fatal(err)
	}
	for i := 3; i < 60; i += 15 {
		if !slices.ContainsFunc(e.Dropped, func(d epoch.Drop) bool { return d.Index == i }) {
			t.Errorf("bad trial %d was kept", i)
		}
	}
	if after := distance(); after > before/2 || len(e.Trials) < 40 {
		t.Errorf("%d trials are left, and their mean is %g from the truth; it was %g", len(e.Trials), after, before)
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
	x := mat.NewDense(2, 100, nil)
	for i := range 100 {
		x.Set(0, i, float64(i%7))
	}
	channels := []recording.Channel{{Name: "C3", Type: "eeg"}, {Name: "C4", Type: "eeg"}}
	events := []recording.Event{{Onset: 1, Label: "left"}, {Onset: 2, Label: "right"}, {Onset: 3, Label: "left"}}
	cut := func(from, to float64, labels ...string) (*epoch.Epochs, error) {
		return epoch.CutMatrix(x, channels, 10, events, epoch.Window{From: from, To: to}, labels...)
	}
	_, err := cut(0, 1, "feet")
	check(err, `2 of "left", 1 of "right"`, `expected "feet"`)
	_, err = cut(0, 50)
	check(err, "none of 3 trials is left: 3 outside", "shorter window")
	_, err = cut(1, 0)
	check(err, "not a stretch of time")
	_, err = cut(math.NaN(), 0)
	check(err, "not a stretch of time")
	_, err = epoch.CutMatrix(x, channels[:1], 10, events, epoch.Window{To: 1})
	check(err, "1 channels are described, but the signal has 2")
	_, err = epoch.CutMatrix(x, channels, 0, events, epoch.Window{To: 1})
	check(err, "sampling rate is 0 Hz")
	_, err = epoch.CutMatrix(x, channels, 10, nil, epoch.Window{To: 1})
	check(err, "found no events")

	e, err := cut(-0.5, 1)
	if err != nil {
		t.Fatal(err)
	}
	check(e.Baseline(-1, 0), "-1 to 0 s", "lasts from -0.5 to 1 s")
	check(e.Reject(epoch.Limits{"mag": {Most: 1}}), `type "mag"`, `"eeg"`)
	check(e.Reject(epoch.Limits{"eeg": {Most: -1}}), "negative")
	check(e.Reject(epoch.Limits{"eeg": {Most: 1}}), "none of 3 trials is left: 3 too large in C3", "widen")
	if len(e.Trials) != 3 || len(e.Dropped) != 0 {
		t.Errorf("a rejection that failed left %d trials and %d dropped", len(e.Trials), len(e.Dropped))
	}
	_, err = e.Classes("left")
	check(err, `trial 2 is labelled "right"`)
	_, _, err = epoch.GlobalThreshold(e, "eeg", 5)
	check(err, "3 trials are too few", "5 folds")
	_, _, err = epoch.GlobalThreshold(e, "eog", 2)
	check(err, `type "eog"`)
	_, err = epoch.AutoReject{Folds: 2, Interpolate: []int{1}}.Fit(e)
	check(err, "positions")
	_, err = epoch.AutoReject{Folds: 2, Interpolate: []int{2}}.Fit(e)
	check(err, "fewer than there are")
	_, err = epoch.AutoReject{Folds: 2, Consensus: []float64{2}}.Fit(e)
	check(err, "consensus of 2")
	_, err = epoch.AutoReject{Folds: 2, Consensus: []float64{0}}.Fit(e)
	check(err, "leaves a fold without trials")
	_, err = (&epoch.Epochs{}).Average()
	check(err, "no trials")
	_, err = signal.Matrix(inMemory(x, channels, 10), 95, 10)
	check(err, "frames 95 to 105", "100 there are")
}
