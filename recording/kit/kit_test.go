package kit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// golden is a file as golden.py noted it.
type golden struct {
	Names, Types      []string
	Rate, Date        float64
	Frames            int64
	Highpass, Lowpass float64
	Description, Data string
	Loc               [][12]float64
	LocSum            float64 `json:"loc_sum"`
	Events            [][2]int64
	Markers           [][3]float64
}

func sha[T wire.Fixed](x []T) string {
	var b bytes.Buffer
	wire.Write(&b, x)
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])[:16]
}

// TestGolden holds recordings against what MNE-Python reads out of them.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for name, w := range all {
		path := filepath.Join("testdata", name)
		if !strings.HasPrefix(name, "made") {
			if os.Getenv("GYRUS_DATA") == "" {
				t.Log("GYRUS_DATA is not set: skipped ", name)
				continue
			}
			path = filepath.Join(os.Getenv("GYRUS_DATA"), name)
		}
		t.Run(filepath.Base(name), func(t *testing.T) { compare(t, path, w) })
	}
}

func compare(t *testing.T, path string, w golden) {
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	markers, err := f.Markers()
	if err != nil || len(markers) != len(w.Markers) {
		t.Errorf("markers %v, %v; want %v", markers, err, w.Markers)
	}
	for i, m := range markers {
		if m != [3]float64{-w.Markers[i][1], w.Markers[i][0], w.Markers[i][2]} { // MNE-Python leaves them in the file's frame
			t.Errorf("marker %v, want %v", m, w.Markers[i])
		}
	}
	r, err := f.Recording(Options{})
	if w.Data == "" {
		if err == nil || !strings.Contains(err.Error(), "found averages") {
			t.Errorf("averages: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var names, types []string
	for _, c := range r.Channels {
		names, types = append(names, c.Name), append(types, c.Type)
	}
	if !slices.Equal(names, w.Names) || !slices.Equal(types, w.Types) || r.Rate != w.Rate || r.Frames != w.Frames || float64(r.Start.Unix()) != w.Date {
		t.Errorf("%v %v, %d frames at %g Hz, %v; want %+v", names, types, r.Frames, r.Rate, r.Start, w)
	}
	if f.Highpass != w.Highpass || f.Lowpass != w.Lowpass || f.System != w.Description {
		t.Errorf("%g to %g Hz, %q; want %g to %g, %q", f.Highpass, f.Lowpass, f.System, w.Highpass, w.Lowpass, w.Description)
	}
	sum, k := 0.0, 0
	for _, c := range f.Channels {
		if !c.Kind.coil() {
			continue
		}
		loc := slices.Concat(c.Position[:], c.X[:], c.Y[:], c.Z[:])
		for i, v := range loc {
			sum += math.Abs(v)
			if k < len(w.Loc) && math.Abs(v-w.Loc[k][i]) > 1e-12 {
				t.Errorf("%s: frame %v, want %v", c.Name, loc, w.Loc[k])
				break
			}
		}
		k++
	}
	if math.Abs(sum-w.LocSum) > 1e-9*sum {
		t.Errorf("positions sum to %g, want %g", sum, w.LocSum)
	}
	x, err := r.Read(0, int(r.Frames))
	if err != nil {
		t.Fatal(err)
	}
	if got := sha(x); got != w.Data {
		t.Errorf("samples hash to %s, want %s", got, w.Data)
	}
	n := len(r.Channels)
	for _, first := range []int64{0, 7, r.Frames - 3} {
		part := make([]float32, 5*n)
		got, err := f.ReadFrames(part, first)
		if want := int(min(5, r.Frames-first)); got != want || (err != nil) != (want < 5) || !slices.Equal(part[:got*n], x[int(first)*n:(int(first)+got)*n]) {
			t.Errorf("%d frames from %d on, %v", got, first, err)
		}
	}
	var events [][2]int64
	for _, e := range r.Events {
		var code int64
		fmt.Sscan(e.Label, &code)
		events = append(events, [2]int64{int64(math.Round(e.Onset * r.Rate)), code})
	}
	if !slices.Equal(events, w.Events) {
		t.Errorf("events %v, want %v", events, w.Events)
	}
	if r, err = f.Recording(Options{Triggers: []int{4}, Above: true}); err != nil || strings.HasPrefix(path, "testdata") && fmt.Sprint(r.Events) != "[{0.018 0 1}]" {
		t.Errorf("events of one line %v, %v", r.Events, err)
	}
	if _, err = f.Recording(Options{Triggers: []int{1 << 20}}); err == nil {
		t.Error("a channel that is not there is a trigger")
	}
}

// readAll reads everything that a file holds.
func readAll(content []byte) error {
	f, err := NewFile(bytes.NewReader(content), int64(len(content)), "test.sqd")
	if err != nil {
		return err
	}
	if _, err := f.Markers(); err != nil {
		return err
	}
	r, err := f.Recording(Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Blocks(func([]float32, int64) error { return nil })
}

func made(t testing.TB) []byte {
	content, err := os.ReadFile("testdata/made.sqd")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestHostile(t *testing.T) {
	whole := made(t)
	at := func(part int) int { return int(binary.LittleEndian.Uint32(whole[16*part:])) }
	with := func(at int, values ...any) []byte {
		var b bytes.Buffer
		for _, v := range values {
			binary.Write(&b, binary.LittleEndian, v)
		}
		out := bytes.Clone(whole)
		copy(out[at:], b.Bytes())
		return out
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "the directory of an SQD"},
		{"another format", bytes.Repeat([]byte("text"), 20), "the directory of an SQD"},
		{"endless directory", with(12, int32(1<<30)), "the directory of an SQD"},
		{"part behind the file", with(16*partAmplifier, uint32(1<<31)), "expected the switches"},
		{"old version", with(at(1), int32(1)), "version 1 revision 1"},
		{"no channels", with(at(1)+268, int32(0)), "0 channels"},
		{"endless channels", with(at(1)+268, int32(1<<30)), "1073741824 channels"},
		{"more channels than described", with(at(1)+268, int32(4000)), "expected the sensitivity"},
		{"samples of 24 bits", with(at(1)+728, int32(24)), "a converter of 18 of 24 bits"},
		{"no range", with(at(1)+716, 0.0), "over 0 V"},
		{"short descriptions", with(16*partChannels+4, int32(60)), "descriptions of channels of 60 bytes"},
		{"unknown channel", with(at(4), int32(77)), "a channel of kind 77"},
		{"offset of a channel", with(at(5), 0.5), "an offset of 0.5"},
		{"epochs", with(at(8), int32(3)), "found epochs"},
		{"no rate", with(at(8)+4, 0.0), "a sampling rate of 0 Hz"},
		{"more samples than bytes", with(at(8)+16, int32(1<<30)), "1073741824 samples of 12 channels"},
		{"negative samples", with(at(8)+16, int32(-1)), "-1 samples"},
		{"endless markers", with(at(12)+260, int32(1<<30)), "1073741824 markers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := readAll(c.content)
			runtime.ReadMemStats(&after)
			var own *recording.Error
			if !errors.As(err, &own) || !strings.Contains(err.Error(), c.want) || own.Path != "test.sqd" {
				t.Errorf("error %v does not say %q", err, c.want)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
				t.Errorf("%d bytes allocated", used)
			}
		})
	}
}

func TestTruncatedAndDamaged(t *testing.T) {
	whole := made(t)
	var own *recording.Error
	for cut := range whole {
		if err := readAll(whole[:cut]); !errors.As(err, &own) {
			t.Fatalf("cut to %d bytes: %v", cut, err)
		}
	}
	failed := 0
	for at := range whole {
		whole[at] ^= 1 << (at % 8)
		if err := readAll(whole); err != nil {
			failed++
			if !errors.As(err, &own) {
				t.Errorf("byte %d: %v is not a *recording.Error", at, err)
			}
		}
		whole[at] ^= 1 << (at % 8)
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(made(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		err := readAll(content)
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
	})
}

func Example() {
	f, err := Open("testdata/made.sqd")
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := f.Recording(Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close() // closes f too
	fmt.Println(len(r.Channels), r.Frames, r.Rate, r.Channels[1].Name, r.Channels[1].Unit)
	fmt.Println(r.Events[0].Label)
	// Output:
	// 12 40 500 AG001 T
	// 28
}
