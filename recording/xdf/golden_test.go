package xdf

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

// golden is a stream as golden.py noted it.
type golden struct {
	ID              uint32
	Name, Format    string
	Channels        int
	Rate, Effective float64
	Samples         int
	Stamps          [][2]float64
	Segments, Clock [][2]int
	Values          string
	Texts           [][]string
}

// files gives the golden files and their paths; those of GYRUS_DATA only where it is set.
func files(t testing.TB) map[string]map[string][]golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string][]golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Log("GYRUS_DATA is not set: real files are skipped, the made-*.xdf are not")
	}
	out := map[string]map[string][]golden{}
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

func hashOf(a *recording.Array) string {
	switch d := a.Data.(type) {
	case []int8:
		return sha(d)
	case []int16:
		return sha(d)
	case []int32:
		return sha(d)
	case []int64:
		return sha(d)
	case []float32:
		return sha(d)
	case []float64:
		return sha(d)
	}
	return ""
}

// TestGolden holds every stream against pyxdf: values bit for bit, stamps to a microsecond and better.
func TestGolden(t *testing.T) {
	streams := 0
	worst := 0.0
	for path, want := range files(t) {
		for mode, list := range want {
			t.Run(filepath.Base(path)+" "+mode, func(t *testing.T) {
				raw := mode == "raw"
				damaged := strings.Contains(path, "damaged")
				o := Options{KeepClocks: raw, KeepJitter: raw, Recover: damaged}
				f, err := o.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if len(f.Streams) != len(list) || damaged != (len(f.Damage) > 0) {
					t.Fatalf("%d streams, damage %v", len(f.Streams), f.Damage)
				}
				for i, s := range f.Streams {
					w := list[i]
					streams++
					got := fmt.Sprint(s.ID, s.Name, s.Format, s.Channels, s.Rate, len(s.Stamps))
					if want := fmt.Sprint(w.ID, w.Name, w.Format, w.Channels, w.Rate, w.Samples); got != want {
						t.Fatalf("stream %s, want %s", got, want)
					}
					for _, p := range w.Stamps {
						off := math.Abs(s.Stamps[int(p[0])] - p[1])
						if worst = max(worst, off); off > 1e-7 {
							t.Errorf("%s: stamp %g is %.9f, want %.9f", s.Name, p[0], s.Stamps[int(p[0])], p[1])
							break
						}
					}
					compareSegments(t, s.Name+" segments", s.Segments, w.Segments)
					compareSegments(t, s.Name+" clock segments", s.ClockSegments, w.Clock)
					// pyxdf gives a negative rate where the clock runs backwards, this package none.
					if s.Rate > 0 && w.Effective >= 0 && math.Abs(s.EffectiveRate-w.Effective) > 1e-6*max(1, w.Effective) {
						t.Errorf("%s: effective rate %g, want %g", s.Name, s.EffectiveRate, w.Effective)
					}
					a, err := s.Values()
					if err != nil {
						t.Fatal(err)
					}
					if texts, ok := a.Data.([]string); ok {
						if got := texts[:min(len(texts), 20*s.Channels)]; !slices.Equal(got, slices.Concat(w.Texts...)) {
							t.Errorf("%s: %q, want %q", s.Name, got, w.Texts)
						}
					} else if got := hashOf(a); got != w.Values {
						t.Errorf("%s: values hash to %s, want %s", s.Name, got, w.Values)
					}
					if s.size > 0 && s.Rate > 0 && len(s.Stamps) > 0 {
						pieces(t, s, a)
					}
				}
			})
		}
	}
	t.Logf("%d streams equal, stamps to %.2g s", streams, worst)
	if streams < 44 || (os.Getenv("GYRUS_DATA") != "" && streams < 60) {
		t.Errorf("only %d streams compared", streams)
	}
}

func compareSegments(t *testing.T, what string, got []Segment, want [][2]int) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a Segment, b [2]int) bool { return a == Segment{b[0], b[1]} }) {
		t.Errorf("%s %v, want %v", what, got, want)
	}
}

// pieces reads a stream as a recording does, in pieces out of order.
func pieces(t *testing.T, s *Stream, a *recording.Array) {
	t.Helper()
	all, err := a.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	n := len(s.Stamps)
	for _, first := range []int{n - 1, 0, n / 2, max(0, n/3-1)} {
		for _, frames := range []int{1, 5, 3000} {
			dst := make([]float32, frames*s.Channels)
			got, err := source{s}.ReadFrames(dst, int64(first))
			want := min(frames, n-first)
			if got != want || (err != nil) != (want < frames) || !slices.Equal(dst[:got*s.Channels], all[first*s.Channels:(first+want)*s.Channels]) {
				t.Fatalf("%s: %d frames from %d on, %v", s.Name, got, first, err)
			}
		}
	}
}

// TestRecording looks at what becomes of streams in a recording.
func TestRecording(t *testing.T) {
	f, err := Open("testdata/made-formats.xdf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := f.Recording("int16")
	if err != nil {
		t.Fatal(err)
	}
	c := r.Channels
	if len(c) != 2 || c[0].Name != "Cz" || c[0].Type != "eeg" || c[0].Unit != "uV" || c[0].Position == nil || *c[0].Position != [3]float64{0.001, -0.0025, 0.09} || c[1].Type != "eog" || c[1].Position != nil {
		t.Errorf("channels %+v", c)
	}
	var labels []string
	for _, e := range r.Events {
		labels = append(labels, fmt.Sprintf("%.2f %s", e.Onset, e.Label[:min(14, len(e.Label))]))
	}
	if got := strings.Join(labels, "; "); got != "0.02 texts: left, a; 0.03 codes: 17; 0.05 texts: right: " {
		t.Errorf("events %s", got)
	}
	if r.Metadata["recorder started"] != "2024-05-06T07:08:09+02:00" {
		t.Errorf("metadata %v", r.Metadata)
	}
	for _, name := range []string{"texts", "double64", "nothing"} {
		if _, err := f.Recording(name); err == nil || !strings.Contains(err.Error(), "it holds") {
			t.Errorf("%s: %v", name, err)
		}
	}

	f, err = Open("testdata/made-clocks.xdf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if r, err = f.Recording("drifting (1)"); err != nil {
		t.Fatal(err)
	}
	s := f.Streams[0]
	if len(r.Gaps) != 1 || r.Gaps[0].Frame != 150 || math.Abs(r.Gaps[0].Seconds-70) > 0.02 {
		t.Errorf("gaps %v", r.Gaps)
	}
	for _, i := range []int{0, 149, 150, 299} {
		if got, want := r.Time(int64(i)), s.Stamps[i]-s.Stamps[0]; math.Abs(got-want) > 0.01 {
			t.Errorf("frame %d at %g, stamp %g", i, got, want)
		}
	}
	if r.Frame(r.Events[1].Onset) < 150 || r.Events[0].Label != "go" {
		t.Errorf("events %v", r.Events)
	}
	if r, err = f.Recording(""); err != nil || r.Metadata["stream"] != "reset" {
		t.Errorf("the largest stream is %v, %v", r, err)
	}
}
