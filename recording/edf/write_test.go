package edf

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
	"github.com/gyrus-dev/gyrus/recording/records/recordtest"
)

// random makes a recording as a laboratory could have it.
func random(rng *rand.Rand) *recording.Recording {
	rates := []float64{1, 50, 100, 128, 160, 200, 250, 256, 500, 512, 1000, 1024, 2048, 999.4121105232217, 600.614990234375, 1. / 3}
	r := &recording.Recording{Rate: rates[rng.IntN(len(rates))], Frames: 1 + rng.Int64N(3000), Metadata: map[string]string{}}
	if rng.IntN(4) > 0 {
		r.Start = time.Date(1985+rng.IntN(99), time.Month(1+rng.IntN(12)), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60), rng.IntN(1000)*1e6, time.UTC)
	}
	channels := 1 + rng.IntN(6)
	x := make([]float32, int(r.Frames)*channels)
	for c := range channels {
		r.Channels = append(r.Channels, recording.Channel{Name: fmt.Sprintf("C%d µ", c), Type: "eeg", Unit: []string{"uV", "mV", "", "%"}[rng.IntN(4)]})
		kind, scale := rng.IntN(5), math.Pow(10, 4*rng.Float64()-2)
		for f := range int(r.Frames) {
			v := &x[f*channels+c]
			switch kind {
			case 0: // noise
				*v = float32(scale * rng.NormFloat64())
			case 1: // far from zero
				*v = float32(scale * (1000 + rng.Float64()))
			case 2: // codes
				*v = float32(rng.IntN(256))
			case 3: // constant
				*v = float32(scale)
			}
		}
	}
	r.Samples = recording.Memory{Data: x, Channels: channels}
	labels := []string{"T0", "Schlaf, Stadium 2", "仰卧", "a\x14b\x15c\x00d", "", strings.Repeat("long ", 100)}
	for range rng.IntN(30) {
		e := recording.Event{Onset: math.Round((rng.Float64()*1.2-0.1)*float64(r.Frames)/r.Rate*1e4) / 1e4, Label: labels[rng.IntN(len(labels))]}
		if rng.IntN(2) == 0 {
			e.Duration = math.Round(rng.Float64()*1e4) / 1e3
		}
		r.Events = append(r.Events, e)
	}
	slices.SortStableFunc(r.Events, func(a, b recording.Event) int { return int(math.Copysign(1, a.Onset-b.Onset)) })
	return r
}

// TestRoundTrip writes random recordings in all variants and reads them back.
func TestRoundTrip(t *testing.T) {
	dir, refused := t.TempDir(), 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		r := random(rng)
		o := Options{Bits24: rng.IntN(2) == 0, Plain: rng.IntN(3) == 0, Overwrite: true}
		if o.Plain {
			r.Events = nil
			r.Start = r.Start.Truncate(time.Second)
		} else if rng.IntN(2) == 0 {
			step := 1 + rng.Int64N(r.Frames)
			for f := step; f < r.Frames && len(r.Gaps) < 5; f += step * (1 + rng.Int64N(3)) {
				r.Gaps = append(r.Gaps, recording.Gap{Frame: f, Seconds: math.Round(rng.Float64()*1e5)/1e3 + 1})
			}
		}
		path := filepath.Join(dir, "x.edf")
		if err := Save(path, r, o); err != nil {
			// Gaps at odd places leave no choice of the duration of a record, and a crooked rate may then have none.
			if len(r.Gaps) > 0 && r.Rate != math.Trunc(r.Rate) && strings.Contains(err.Error(), "eight digits") {
				refused++
				continue
			}
			t.Fatalf("seed %d: %v", seed, err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want := [...]Variant{EDFPlusC, EDFPlusD, EDF}
		kind := want[0]
		if len(r.Gaps) > 0 {
			kind = want[1]
		} else if o.Plain {
			kind = want[2]
		}
		if o.Bits24 {
			kind += BDF
		}
		if f.Variant != kind || len(f.Warnings) > 0 {
			t.Errorf("seed %d: %v with warnings %q, want %v", seed, f.Variant, f.Warnings, kind)
		}
		got, err := f.Recording()
		if err != nil {
			t.Fatal(err)
		}
		compare(t, fmt.Sprint("seed ", seed), r, got, f.Signals)
		got.Close()
	}
	if refused > 30 {
		t.Errorf("%d of 300 recordings could not be written", refused)
	}
}

// compare holds what was read against what was written.
func compare(t *testing.T, name string, want, got *recording.Recording, signals []Signal) {
	t.Helper()
	if len(got.Channels) != len(want.Channels) || math.Abs(got.Rate/want.Rate-1) > 1e-6 || got.Frames < want.Frames || !got.Start.Equal(want.Start) {
		t.Fatalf("%s: %d channels, %v Hz, %d frames, %v; want %d, %v, %d, %v", name, len(got.Channels), got.Rate, got.Frames, got.Start,
			len(want.Channels), want.Rate, want.Frames, want.Start)
	}
	events := slices.Clone(got.Events)
	if got.Frames > want.Frames {
		i := slices.IndexFunc(events, func(e recording.Event) bool { return e.Label == "BAD_ACQ_SKIP" })
		if i < 0 || math.Abs(events[i].Onset-want.Time(want.Frames)) > 1e-3/want.Rate {
			if slices.ContainsFunc(want.Channels, func(recording.Channel) bool { return len(want.Events) > 0 || len(got.Gaps) > 0 }) {
				t.Errorf("%s: %d frames of %d, and no mark of the rest: %v", name, got.Frames, want.Frames, events)
			}
		} else {
			events = slices.Delete(events, i, i+1)
		}
	}
	if len(events) != len(want.Events) {
		t.Fatalf("%s: %d events, want %d", name, len(events), len(want.Events))
	}
	for i, w := range want.Events {
		e := events[i]
		if math.Abs(e.Onset-w.Onset) > 1e-9 || e.Duration != w.Duration || e.Label != label(w.Label) {
			t.Errorf("%s: event %+v, want %+v", name, e, w)
		}
	}
	if len(got.Gaps) != len(want.Gaps) {
		t.Fatalf("%s: gaps %v, want %v", name, got.Gaps, want.Gaps)
	}
	for i, w := range want.Gaps {
		if g := got.Gaps[i]; g.Frame != w.Frame || math.Abs(g.Seconds-w.Seconds) > 2e-3 {
			t.Errorf("%s: gap %v, want %v", name, g, w)
		}
	}
	a, err := want.Read(0, int(want.Frames))
	if err != nil {
		t.Fatal(err)
	}
	b, err := got.Read(0, int(got.Frames))
	if err != nil {
		t.Fatal(err)
	}
	n := len(want.Channels)
	for c := range n {
		if got.Channels[c].Name != want.Channels[c].Name || got.Channels[c].Unit != want.Channels[c].Unit {
			t.Errorf("%s: channel %+v, want %+v", name, got.Channels[c], want.Channels[c])
		}
		gain, _ := signals[c].scale()
		for f := range int(got.Frames) {
			w, g := a[min(f, int(want.Frames)-1)*n+c], b[f*n+c]
			if math.Abs(float64(w)-float64(g)) > 0.501*math.Abs(gain)+2e-7*math.Abs(float64(w)) {
				t.Fatalf("%s: channel %d frame %d is %v, want %v, one step is %g", name, c, f, g, w, gain)
			}
		}
	}
}

// TestCopyIsExact writes real files again with their own ranges: the integers are the same.
func TestCopyIsExact(t *testing.T) {
	for _, name := range []string{"eeg/eegmmidb-s001/S001R04.edf", "eeg/eeglab/test.edf", "formats/edf-pyedflib/test_utf8.edf", "ieeg/mne-ecog/sample_ecog.edf", "eeg/formats/edf/chtypes_edf.edf"} {
		f, err := Open(recordtest.Data(t, name))
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Recording()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Write(&b, r, Options{Signals: f.Signals}); err != nil {
			t.Fatal(err)
		}
		g, err := NewFile(records.InMemory(b.Bytes(), "copy"))
		if err != nil {
			t.Fatal(err)
		}
		for c := range f.Signals {
			x, y := make([]float64, f.Samples(c)), make([]float64, f.Samples(c))
			if _, err := f.ReadDigital(c, x, 0); err != nil {
				t.Fatal(err)
			}
			if _, err := g.ReadDigital(c, y, 0); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(x, y) {
				t.Errorf("%s: signal %d differs", name, c)
			}
		}
		again, err := g.Recording()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Events, again.Events) || !r.Start.Equal(again.Start) || math.Abs(r.Rate-again.Rate) > 1e-9*r.Rate || g.Patient != f.Patient || g.Session != plusSession(f.Session, f.Start) {
			t.Errorf("%s: %v %v %q %q, want %v %v %q %q", name, again.Start, again.Rate, g.Patient, g.Session, r.Start, r.Rate, f.Patient, f.Session)
		}
		r.Close()
	}
}

// TestAnnotationsOnly writes and reads a file without signals.
func TestAnnotationsOnly(t *testing.T) {
	events := []recording.Event{{Onset: 0, Duration: 30, Label: "Sleep stage W"}, {Onset: 30, Duration: 30, Label: "Sleep stage 1"}}
	var b bytes.Buffer
	if err := Write(&b, &recording.Recording{Events: events}, Options{}); err != nil {
		t.Fatal(err)
	}
	f, err := NewFile(records.InMemory(b.Bytes(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Recording()
	if err != nil || !slices.Equal(r.Events, events) || r.Frames != 0 || len(r.Channels) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestSaveRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.edf")
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := func() *recording.Recording {
		return &recording.Recording{Channels: []recording.Channel{{Name: "C3"}}, Rate: 100, Frames: 2, Samples: recording.Memory{Data: []float32{1, 2.5}, Channels: 1}}
	}
	if err := Save(path, r(), Options{}); err == nil || !strings.Contains(err.Error(), "a file that exists") {
		t.Errorf("over a file: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("the file holds %q", text)
	}
	for name, c := range map[string]struct {
		change func(*recording.Recording)
		o      Options
		want   string
	}{
		"NaN":        {func(r *recording.Recording) { r.Samples.(recording.Memory).Data[1] = float32(math.NaN()) }, Options{}, "NaN in frame 1"},
		"NaN, known": {func(r *recording.Recording) { r.Samples.(recording.Memory).Data[1] = float32(math.Inf(1)) }, Options{Signals: []Signal{{PhysicalMax: 1, DigitalMax: 1}}}, "+Inf in frame 1"},
		"no rate":    {func(r *recording.Recording) { r.Rate = 0 }, Options{}, "a sampling rate"},
		"label":      {func(r *recording.Recording) { r.Channels[0].Name = strings.Repeat("x", 17) }, Options{}, "at most 16 bytes"},
		"events":     {func(r *recording.Recording) { r.Events = make([]recording.Event, 1) }, Options{Plain: true}, "write EDF+C"},
		"gaps":       {func(r *recording.Recording) { r.Gaps = []recording.Gap{{Frame: 1, Seconds: 1}} }, Options{Plain: true}, "write EDF+D"},
		"gap":        {func(r *recording.Recording) { r.Gaps = []recording.Gap{{Frame: 2, Seconds: 1}} }, Options{}, "a gap before frame 2"},
		"onset":      {func(r *recording.Recording) { r.Events = []recording.Event{{Onset: math.NaN()}} }, Options{}, "onset NaN"},
		"signals":    {func(r *recording.Recording) {}, Options{Signals: make([]Signal, 2)}, "one for each of 1"},
		"range":      {func(r *recording.Recording) {}, Options{Signals: []Signal{{DigitalMin: -32768, DigitalMax: 32768, PhysicalMax: 1}}}, "digital numbers between"},
		"no range":   {func(r *recording.Recording) {}, Options{Signals: []Signal{{DigitalMax: 1, PhysicalMin: 1, PhysicalMax: 1 + 1e-12}}}, "physical ones that differ"},
		"infinite":   {func(r *recording.Recording) {}, Options{Signals: []Signal{{DigitalMax: 1, PhysicalMax: math.Inf(1)}}}, "physical ones that differ"},
		"huge":       {func(r *recording.Recording) {}, Options{Signals: []Signal{{DigitalMax: 1, PhysicalMax: 1e9}}}, "8 characters"},
		"nothing":    {func(r *recording.Recording) { r.Channels = nil }, Options{Plain: true}, "1 to 9999 signals"},
	} {
		x := r()
		c.change(x)
		fresh := filepath.Join(t.TempDir(), "y.edf")
		err := Save(fresh, x, c.o)
		var own *recording.Error
		if !errors.As(err, &own) || own.Path != fresh || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(fresh); err == nil {
			t.Errorf("%s: a file is left behind", name)
		}
		c.o.Overwrite = true
		if err := Save(path, x, c.o); err == nil {
			t.Errorf("%s: no error", name)
		}
		if text, _ := os.ReadFile(path); string(text) != "precious" {
			t.Errorf("%s: the file holds %q", name, text)
		}
	}
	if err := Save(path, r(), Options{Overwrite: true}); err != nil {
		t.Error(err)
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}

func TestNumber8(t *testing.T) {
	for x, want := range map[float64]string{1: "1", -32768: "-32768", 0.23814: "0.23814", 1. / 3: ".3333333", -1. / 3: "-.333333", 123456.789: "123456.8", 1e8: "100000000", 0: "0", -8388608: "-8388608"} {
		if got := number8(x); got != want {
			t.Errorf("%v is %q, want %q", x, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10000 {
		x := math.Copysign(math.Pow(10, 12*rng.Float64()-6), rng.Float64()-0.5)
		if low, high := outward8(x, -1), outward8(x, 1); !(low <= x && x <= high) || high-low > 1e-3*math.Max(1, math.Abs(x)) {
			t.Errorf("%v lies outside %v .. %v", x, low, high)
		}
	}
}

// TestCrowd puts many events into one second.
func TestCrowd(t *testing.T) {
	r := &recording.Recording{Channels: []recording.Channel{{Name: "C3"}}, Rate: 100, Frames: 10000, Samples: recording.Memory{Data: make([]float32, 10000), Channels: 1}}
	for i := range 3000 {
		r.Events = append(r.Events, recording.Event{Onset: 99 + float64(i)/3000, Label: fmt.Sprint("event ", i)})
	}
	var b bytes.Buffer
	if err := Write(&b, r, Options{}); err != nil {
		t.Fatal(err)
	}
	f, err := NewFile(records.InMemory(b.Bytes(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Recording()
	if err != nil || !slices.Equal(got.Events, r.Events) {
		t.Errorf("%d events, %v", len(got.Events), err)
	}
	if b.Len() > 40e6 {
		t.Errorf("%d bytes", b.Len())
	}
}
