package bti

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

// golden is a recording as golden.py noted it.
type golden struct {
	Names, Types        []string
	Rate, Date          float64
	Frames              int64
	Highpass, Lowpass   float64
	Loc                 [][12]float64
	LocSum              float64 `json:"loc_sum"`
	Data                string
	Events              [][2]int64
	Nasion, Left, Right [3]float64
	Points              [2]float64
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
		t.Run(name, func(t *testing.T) { compare(t, path, w) })
	}
}

func compare(t *testing.T, path string, w golden) {
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, err := d.Recording(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names, types []string
	sum := 0.0
	for i, c := range r.Channels {
		names, types = append(names, c.Name), append(types, c.Type)
		c := d.Channels[i]
		loc := slices.Concat(c.Origin[:], c.X[:], c.Y[:], c.Z[:])
		for k := 0; k < 12; k += 3 { // back to 4D's frame
			loc[k], loc[k+1] = loc[k+1], -loc[k]
		}
		for k, v := range loc {
			sum += math.Abs(v)
			if i < len(w.Loc) && math.Abs(v-w.Loc[i][k]) > 1e-12 {
				t.Errorf("%s: %v, want %v", c.Name, loc, w.Loc[i])
				break
			}
		}
	}
	if !slices.Equal(names, w.Names) || !slices.Equal(types, w.Types) || math.Abs(sum-w.LocSum) > 1e-9*sum {
		t.Errorf("%v %v %g, want %v %v %g", names, types, sum, w.Names, w.Types, w.LocSum)
	}
	if math.Abs(r.Rate-w.Rate) > 1e-9*w.Rate || r.Frames != w.Frames || float64(r.Start.Unix()) != w.Date {
		t.Errorf("%d frames at %g Hz from %v, want %d at %g from %f", r.Frames, r.Rate, r.Start, w.Frames, w.Rate, w.Date)
	}
	if d.Highpass != w.Highpass || (d.Lowpass != w.Lowpass && math.Abs(w.Lowpass-w.Rate/2) > 1e-6) {
		t.Errorf("filters %g, %g; want %g, %g", d.Highpass, d.Lowpass, w.Highpass, w.Lowpass)
	}
	x, err := r.Read(0, int(r.Frames))
	if err != nil {
		t.Fatal(err)
	}
	if got := sha(x); got != w.Data {
		t.Errorf("samples hash to %s, want %s", got, w.Data)
	}
	n := len(r.Channels)
	for _, first := range []int64{0, 17, r.Frames - 3} {
		part := make([]float32, 8*n)
		got, err := d.ReadFrames(part, first)
		if want := int(min(8, r.Frames-first)); got != want || (err != nil) != (want < 8) || !slices.Equal(part[:got*n], x[int(first)*n:(int(first)+got)*n]) {
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
	h, err := d.HeadShape()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, p := range h.Points {
		total += math.Abs(p[0]) + math.Abs(p[1]) + math.Abs(p[2])
	}
	if h.Nasion != turned(w.Nasion) || h.LeftEar != turned(w.Left) || h.RightEar != turned(w.Right) || float64(len(h.Points)) != w.Points[0] || math.Abs(total-w.Points[1]) > 1e-9 {
		t.Errorf("head %v %v %v, %d points; want %v %v %v", h.Nasion, h.LeftEar, h.RightEar, len(h.Points), w.Nasion, w.Left, w.Right)
	}
	if r, err = d.Recording(Options{Triggers: []string{}}); err != nil || len(r.Events) != 0 {
		t.Errorf("without triggers: %v, %v", r.Events, err)
	}
	if _, err = d.Recording(Options{Triggers: []string{"nothing"}}); err == nil {
		t.Error("a trigger that is not there")
	}
}

// folder makes a copy of a made recording with one file changed; nil takes it away.
func folder(t testing.TB, name string, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/made-int16")); err != nil {
		t.Fatal(err)
	}
	if content == nil {
		os.Remove(filepath.Join(dir, name))
	} else if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readAll reads everything that a folder holds.
func readAll(dir string) error {
	d, err := Open(filepath.Join(dir, "c,rfDC"))
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.HeadShape(); err != nil {
		return err
	}
	r, err := d.Recording(Options{})
	if err != nil {
		return err
	}
	return r.Blocks(func([]float32, int64) error { return nil })
}

func original(t testing.TB, name string) []byte {
	content, err := os.ReadFile(filepath.Join("testdata/made-int16", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestHostile(t *testing.T) {
	pdf, config, head := original(t, "c,rfDC"), original(t, "config"), original(t, "hs_file")
	start := int(binary.BigEndian.Uint64(pdf[len(pdf)-8:]))
	with := func(b []byte, at int, values ...any) []byte {
		var w bytes.Buffer
		for _, v := range values {
			binary.Write(&w, binary.BigEndian, v)
		}
		b = bytes.Clone(b)
		copy(b[at:], w.Bytes())
		return b
	}
	for _, c := range []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"no config", "config", nil, "no such file"},
		{"empty config", "config", []byte{}, "the end of the file"},
		{"no channels", "config", with(config, 58, int16(0)), "0 channels"},
		{"endless channels", "config", with(config, 58, int16(32767)), "the end of the file"},
		{"negative sensors", "config", with(config, 68, int16(-1)), "-1 sensors"},
		{"endless block", "config", with(config, 112+128+64, int32(1<<30)), "1073741824 more bytes"},
		{"negative block", "config", with(config, 112+128+64, int32(-8)), "a block of -8 bytes"},
		{"empty samples", "c,rfDC", []byte{}, "something of 0 bytes"},
		{"header nowhere", "c,rfDC", with(pdf, len(pdf)-8, int64(math.MaxInt64)), "a header at byte"},
		{"format 9", "c,rfDC", with(pdf, start+8, int16(9)), "samples of format 9"},
		{"endless epochs", "c,rfDC", with(pdf, start+12, int32(math.MaxInt32)), "the end of the file"},
		{"negative epochs", "c,rfDC", with(pdf, start+12, int32(-1)), "-1 epochs"},
		{"endless events", "c,rfDC", with(pdf, start+20, int32(math.MaxInt32)), "the end of the file"},
		{"no period", "c,rfDC", with(pdf, start+28, float32(0)), "0 s from sample to sample"},
		{"endless processes", "c,rfDC", with(pdf, start+48, int32(math.MaxInt32)), "the end of the file"},
		{"endless channels of samples", "c,rfDC", with(pdf, start+52, int16(32767)), "the end of the file"},
		{"a long epoch", "c,rfDC", with(pdf, start+96, int32(math.MaxInt32)), "2147483667 samples of 11 channels"},
		{"a negative epoch", "c,rfDC", with(pdf, start+96, int32(-1)), "an epoch of -1 samples"},
		{"a channel that is not configured", "c,rfDC", with(pdf, start+96+2*56+16, int16(77)), `"TRIGGER" with number 77`},
		{"two channels at one place", "c,rfDC", with(pdf, start+96+2*56+64, int32(1)), "a place of its own"},
		{"a channel out of place", "c,rfDC", with(pdf, start+96+2*56+64, int32(-1)), "a place of its own"},
		{"short head", "hs_file", head[:40], "the end of the file"},
		{"endless head", "hs_file", with(head, 12, int32(math.MaxInt32)), "2147483647 points"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.file, c.content)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := readAll(dir)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
			var own *recording.Error
			if !errors.As(err, &own) && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%v is not a *recording.Error", err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
				t.Errorf("%d bytes allocated", used)
			}
		})
	}
	d, err := Open(filepath.Join(folder(t, "hs_file", nil), "c,rfDC"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if h, err := d.HeadShape(); h != nil || err != nil {
		t.Errorf("a head without a file: %v, %v", h, err)
	}
}

func TestTruncatedAndDamaged(t *testing.T) {
	var own *recording.Error
	for name, content := range map[string][]byte{"config": original(t, "config"), "c,rfDC": original(t, "c,rfDC")} {
		dir := folder(t, name, content)
		path := filepath.Join(dir, name)
		last := len(content)
		if name == "config" {
			last -= 8 // of which the last may be padding
		}
		for cut := 0; cut < last; cut += 1 + cut%17 {
			if err := os.WriteFile(path, content[:cut], 0o644); err != nil {
				t.Fatal(err)
			}
			if err := readAll(dir); !errors.As(err, &own) {
				t.Fatalf("%s cut to %d bytes: %v", name, cut, err)
			}
		}
		failed := 0
		for at := 0; at < len(content); at += 1 + at%7 {
			content[at] ^= 1 << (at % 8)
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := readAll(dir); err != nil {
				failed++
				if !errors.As(err, &own) {
					t.Errorf("%s, byte %d: %v is not a *recording.Error", name, at, err)
				}
			}
			content[at] ^= 1 << (at % 8)
		}
		if failed == 0 {
			t.Errorf("%s: no damage was noticed", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(original(f, "c,rfDC"), original(f, "config"))
	f.Fuzz(func(t *testing.T, pdf, config []byte) {
		dir := t.TempDir()
		for name, content := range map[string][]byte{"c,rfDC": pdf, "config": config, "hs_file": config} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		err := readAll(dir)
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
	})
}

func Example() {
	d, err := Open("testdata/made-int16/c,rfDC")
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := d.Recording(Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close() // closes d too
	fmt.Println(len(r.Channels), r.Frames, r.Rate, r.Channels[4].Name, r.Channels[4].Unit)
	for _, e := range r.Events {
		fmt.Printf("%.3f s: %s\n", e.Onset, e.Label)
	}
	// Output:
	// 11 60 512 A1 T
	// 0.020 s: 4
	// 0.059 s: 2
	// 0.068 s: 8
}
