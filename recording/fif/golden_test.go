package fif

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// golden is what golden.py noted of a file.
type golden struct {
	Kind string
	Info *struct {
		Names, Types, Bads      []string
		Rate, Highpass, Lowpass float64
		Line                    float64
		Date                    *float64
		Description             string
		Experimenter            string
		Loc, Codes, Cals        string
		DevHead                 []float64 `json:"dev_head"`
		CTFHead                 []float64 `json:"ctf_head"`
		Points                  [2]any
		Projectors              [][5]any
		Projection              [2]any
	}
	First       int64
	Gaps        [][2]int64
	Frames      int64
	Data        string
	Annotations [][3]any
	Events      [][3]int64 // of epochs too
	Projected   []float64
	Averages    []struct {
		Comment, Kind, Data string
		Nave                int
		Times               []float64
		Shape               []int
		Baseline            *[2]float64
	}
	Labels   []string
	Times    []float64
	Shape    []int
	Baseline *[2]float64
	Trans    []float64
}

// files gives the golden files and their paths; those of GYRUS_DATA only where it is set.
func files(t testing.TB) map[string]golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Log("GYRUS_DATA is not set: real files are skipped, the made-*.fif are not")
	}
	out := map[string]golden{}
	for name, g := range all {
		switch {
		case strings.HasPrefix(name, "made"):
			out[filepath.Join("testdata", name)] = g
		case data != "":
			out[filepath.Join(data, name)] = g
		}
	}
	return out
}

func sha[T wire.Fixed](x []T) string {
	var b bytes.Buffer
	wire.Write(&b, x)
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])[:16]
}

// TestGolden holds every file against what MNE-Python reads out of it: samples bit for bit.
func TestGolden(t *testing.T) {
	count := map[string]int{}
	for path, want := range files(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			count[want.Kind]++
			if want.Info != nil {
				compareInfo(t, f.Info, want)
			}
			switch want.Kind {
			case "raw":
				compareRaw(t, f, want)
			case "evoked":
				compareEvoked(t, f, want)
			case "epochs":
				compareEpochs(t, f, want)
			case "trans":
				x, err := f.Transform(Head, MRI)
				if err != nil || !near(flat(&x), want.Trans, 0) {
					t.Errorf("transform %v, %v; want %v", x, err, want.Trans)
				}
				back, err := f.Transform(MRI, Head)
				p := [3]float64{0.01, -0.02, 0.07}
				if q := back.Apply(x.Apply(p)); err != nil || !near(q[:], p[:], 1e-7) {
					t.Errorf("there and back leads to %v, %v", q, err)
				}
			}
		})
	}
	t.Log("files equal: ", count)
	if count["raw"] < 7 || count["epochs"] < 2 || count["evoked"] < 1 || (os.Getenv("GYRUS_DATA") != "" && (count["raw"] < 13 || count["evoked"] < 5 || count["trans"] < 1)) {
		t.Errorf("only %v compared", count)
	}
}

// flat is a transform as golden.py writes it: frames, then rows of three rotations and the move.
func flat(t *Transform) []float64 {
	if t == nil {
		return nil
	}
	out := []float64{float64(t.From), float64(t.To)}
	for i, row := range t.Rotation {
		out = append(append(out, row[:]...), t.Move[i])
	}
	return out
}

func near(a, b []float64, tolerance float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= tolerance*max(1, math.Abs(y)) })
}

func compareInfo(t *testing.T, info *Info, g golden) {
	w := g.Info
	var names, types []string
	var loc, cals []float64
	var codes []int64
	for _, c := range info.Channels {
		names, types = append(names, c.Name), append(types, c.Type())
		for _, v := range c.Loc {
			if math.IsNaN(v) {
				v = -1
			}
			loc = append(loc, v)
		}
		cals = append(cals, c.Range, c.Cal)
		codes = append(codes, int64(c.Scan), int64(c.Logical), int64(c.Kind), int64(c.Coil), int64(c.Unit), int64(c.UnitMul), int64(c.Frame))
	}
	if !slices.Equal(names, w.Names) || !slices.Equal(types, w.Types) {
		t.Errorf("channels %v %v, want %v %v", names, types, w.Names, w.Types)
	}
	if got := [3]string{sha(loc), sha(codes), sha(cals)}; got != [3]string{w.Loc, w.Codes, w.Cals} {
		t.Errorf("positions, codes and calibrations hash to %v, want %v %v %v", got, w.Loc, w.Codes, w.Cals)
	}
	if got, want := [4]float64{info.Rate, info.Highpass, info.Lowpass, info.LineFrequency}, [4]float64{w.Rate, w.Highpass, w.Lowpass, w.Line}; got != want {
		t.Errorf("rate and filters %v, want %v", got, want)
	}
	switch {
	case (w.Date == nil) != info.Date.IsZero():
		t.Errorf("date %v, want %v", info.Date, w.Date)
	case w.Date != nil && math.Abs(float64(info.Date.UnixMicro())/1e6-*w.Date) > 2e-6:
		t.Errorf("date %v, want %f", info.Date, *w.Date)
	}
	if info.Description != w.Description || info.Experimenter != w.Experimenter || !slices.Equal(info.Bads, w.Bads) {
		t.Errorf("%q, %q, bad %v; want %q, %q, %v", info.Description, info.Experimenter, info.Bads, w.Description, w.Experimenter, w.Bads)
	}
	if !near(flat(info.DeviceToHead), w.DevHead, 0) || !near(flat(info.CTFHeadToHead), w.CTFHead, 0) {
		t.Errorf("transforms %v, %v; want %v, %v", info.DeviceToHead, info.CTFHeadToHead, w.DevHead, w.CTFHead)
	}
	var points []float64
	for _, p := range info.Points {
		points = append(points, float64(p.Kind), float64(p.Ident), float64(p.Frame), p.At[0], p.At[1], p.At[2])
	}
	if got := fmt.Sprint(len(info.Points), sha(points)); got != fmt.Sprint(w.Points[0], w.Points[1]) {
		t.Errorf("points %v, want %v", got, w.Points)
	}
	for i, p := range info.Projectors {
		got := fmt.Sprint(p.Description, p.Kind, p.Active, len(p.Channels), sha(slices.Concat(p.Vectors...)))
		if i >= len(w.Projectors) || got != fmt.Sprint(w.Projectors[i][:]...) {
			t.Errorf("projector %d: %s, want %v", i, got, w.Projectors[min(i, len(w.Projectors)-1)])
		}
	}
	if len(info.Projectors) != len(w.Projectors) {
		t.Errorf("%d projectors, want %d", len(info.Projectors), len(w.Projectors))
	}
	basis, err := info.Projection()
	if err != nil || float64(len(basis)) != w.Projection[0].(float64) {
		t.Errorf("%d dimensions projected out, %v; want %v", len(basis), err, w.Projection[0])
	}
	if len(basis) > 0 {
		x := make([]float64, len(info.Channels))
		for i := range x {
			x[i] = math.Sin(float64(i))
		}
		project(x, basis)
		var want []float64
		for _, v := range w.Projection[1].([]any) {
			want = append(want, v.(float64))
		}
		if !near(x, want, 1e-9) {
			t.Errorf("projection gives %v, want %v", x, want)
		}
	}
}

func compareRaw(t *testing.T, f *File, w golden) {
	r, err := f.Recording(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Frames != w.Frames || r.Rate != w.Info.Rate || len(r.Channels) != len(w.Info.Names) {
		t.Fatalf("%d frames at %g Hz of %d channels", r.Frames, r.Rate, len(r.Channels))
	}
	x, err := r.Read(0, int(r.Frames))
	if err != nil {
		t.Fatal(err)
	}
	if got := sha(x); got != w.Data {
		t.Errorf("samples hash to %s, want %s", got, w.Data)
	}
	// The same samples in pieces, out of order.
	n := len(r.Channels)
	for _, at := range []int64{r.Frames - 5, 0, r.Frames / 2, r.Frames/3 - 1} {
		part := make([]float32, 7*n)
		got, err := r.Samples.ReadFrames(part, at)
		if want := int(min(7, r.Frames-at)); got != want || (err != nil) != (want < 7) || !slices.Equal(part[:got*n], x[int(at)*n:(int(at)+got)*n]) {
			t.Errorf("%d frames from %d on, %v, which differ", got, at, err)
		}
	}
	for i, g := range w.Gaps {
		if i >= len(r.Gaps) || r.Gaps[i].Frame != g[0] || math.Abs(r.Gaps[i].Seconds-float64(g[1])/r.Rate) > 1e-9 {
			t.Errorf("gaps %v, want %v", r.Gaps, w.Gaps)
			break
		}
	}
	if len(r.Gaps) != len(w.Gaps) {
		t.Errorf("gaps %v, want %v", r.Gaps, w.Gaps)
	}
	if w.Info.Date != nil {
		if got := float64(r.Start.UnixMicro()) / 1e6; math.Abs(got-*w.Info.Date-float64(w.First)/r.Rate) > 2e-6 {
			t.Errorf("starts at %v", r.Start)
		}
	}
	key := func(onset, duration float64, label any) string {
		return fmt.Sprintf("%.0f %.0f %v", math.Round(1e4*onset)+0, math.Round(1e4*duration)+0, label)
	}
	want := map[string]int{}
	for _, e := range w.Events {
		want[key(float64(e[0])/r.Rate, 0, e[2])]++
	}
	for _, a := range w.Annotations {
		want[key(a[0].(float64), a[1].(float64), a[2])]++
	}
	got := map[string]int{}
	for _, e := range r.Events {
		got[key(e.Onset, e.Duration, e.Label)]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if !slices.IsSortedFunc(r.Events, func(a, b recording.Event) int { return int(math.Copysign(1, a.Onset-b.Onset)) }) {
		t.Error("events are not in order of onset")
	}
	if len(w.Projected) > 0 {
		r, err := f.Recording(Options{Project: true, Triggers: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		x, err := r.Read(0, int(r.Frames))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range slices.Concat(x[:n], x[len(x)-n:]) {
			if want := w.Projected[i]; math.Abs(float64(v)-want) > 1e-6*math.Abs(want) {
				t.Errorf("channel %d, projected: %g, want %g", i%n, v, want)
			}
		}
		if len(r.Events) != len(w.Annotations) {
			t.Errorf("%d events without triggers", len(r.Events))
		}
	}
}

func compareEvoked(t *testing.T, f *File, w golden) {
	all, err := f.Evokeds()
	if err != nil || len(all) != len(w.Averages) {
		t.Fatalf("%d averages, %v", len(all), err)
	}
	for i, e := range all {
		w := w.Averages[i]
		if e.Comment != w.Comment || e.Kind != w.Kind || e.Averages != w.Nave || !slices.Equal(e.Array().Dims, w.Shape) {
			t.Errorf("average %q, %s of %d, %v; want %+v", e.Comment, e.Kind, e.Averages, e.Array().Dims, w)
		}
		if got := sha(e.Data); got != w.Data {
			t.Errorf("%s hashes to %s, want %s", e.Comment, got, w.Data)
		}
		if !near([]float64{e.Times[0], e.Times[len(e.Times)-1]}, w.Times, 1e-12) {
			t.Errorf("times %g .. %g, want %v", e.Times[0], e.Times[len(e.Times)-1], w.Times)
		}
		if (e.Baseline == nil) != (w.Baseline == nil) || (e.Baseline != nil && *e.Baseline != *w.Baseline) {
			t.Errorf("baseline %v, want %v", e.Baseline, w.Baseline)
		}
	}
}

func compareEpochs(t *testing.T, f *File, w golden) {
	e, err := f.Epochs()
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.Array()
	if err != nil || !slices.Equal(a.Dims, w.Shape) {
		t.Fatalf("%v, %v", a, err)
	}
	if got := sha(a.Data.([]float64)); got != w.Data {
		t.Errorf("epochs hash to %s, want %s", got, w.Data)
	}
	for i, x := range e.Trials {
		if [3]int64{x.Sample, x.Previous, x.Code} != w.Events[i] || x.Label != w.Labels[i] {
			t.Errorf("trial %+v, want %v %s", x, w.Events[i], w.Labels[i])
		}
	}
	if !near(e.Times, w.Times, 1e-12) || (e.Baseline == nil) != (w.Baseline == nil) || (e.Baseline != nil && *e.Baseline != *w.Baseline) {
		t.Errorf("times %v, baseline %v; want %v, %v", e.Times, e.Baseline, w.Times, w.Baseline)
	}
	if _, err := e.Read(len(e.Trials)); err == nil {
		t.Error("a trial behind the last was read")
	}
}
