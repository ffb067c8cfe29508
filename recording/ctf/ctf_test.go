package ctf

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

func sha[T wire.Fixed](x []T) string {
	var b bytes.Buffer
	wire.Write(&b, x)
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])[:16]
}

// TestGolden holds the data set against what MNE-Python reads out of it.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var w struct {
		Names, Types, Bads []string
		Rate, Date         float64
		Frames             int64
		Highpass, Lowpass  float64
		Experimenter, Data string
		Loc                [][12]float64
		Annotations        [][3]any
		Events             [][2]int64
	}
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"testdata/made.ds", "testdata/made.ds/made.meg4", "testdata/made.ds/made.res4"} {
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
		for i, c := range r.Channels {
			names, types = append(names, c.Name), append(types, c.Type)
			loc := slices.Concat(d.Channels[i].Origin[:], d.Channels[i].X[:], d.Channels[i].Y[:], d.Channels[i].Z[:])
			if c.Type == "eeg" {
				loc = slices.Concat(c.Position[:], make([]float64, 9))
			}
			for k, v := range loc {
				if math.Abs(v-w.Loc[i][k]) > 1e-9 && c.Name != "MLX00-606" {
					t.Errorf("%s: %v, want %v", c.Name, loc, w.Loc[i])
					break
				}
			}
		}
		if !slices.Equal(names, w.Names) || !slices.Equal(types, w.Types) || r.Rate != w.Rate || r.Frames != w.Frames || float64(r.Start.Unix()) != w.Date || d.Operator != w.Experimenter {
			t.Errorf("%v %v, %d frames at %g Hz, %v, %q", names, types, r.Frames, r.Rate, r.Start, d.Operator)
		}
		if fmt.Sprint(d.Filters) != fmt.Sprintf("[{%g lowpass} {%g highpass}]", w.Lowpass, w.Highpass) || r.Metadata["bad channels"] != strings.Join(w.Bads, ", ") {
			t.Errorf("filters %v, %v", d.Filters, r.Metadata)
		}
		x, err := r.Read(0, int(r.Frames))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha(x); got != w.Data {
			t.Errorf("samples hash to %s, want %s", got, w.Data)
		}
		n := len(r.Channels)
		for _, first := range []int64{0, 45, 98, r.Frames - 3} { // across trials and files
			part := make([]float32, 8*n)
			got, err := d.ReadFrames(part, first)
			if want := int(min(8, r.Frames-first)); got != want || (err != nil) != (want < 8) || !slices.Equal(part[:got*n], x[int(first)*n:(int(first)+got)*n]) {
				t.Errorf("%d frames from %d on, %v", got, first, err)
			}
		}
		key := func(onset, duration float64, label any) string {
			return fmt.Sprintf("%.0f %.0f %v", math.Round(1e6*onset), math.Round(1e6*duration), label)
		}
		var got, want []string
		for _, e := range r.Events {
			got = append(got, key(e.Onset, e.Duration, e.Label))
		}
		for _, a := range w.Annotations {
			want = append(want, key(a[0].(float64), a[1].(float64), a[2]))
		}
		for _, e := range w.Events {
			want = append(want, key(float64(e[0])/w.Rate, 0, e[1]))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
		if len(d.Coils) != 6 || d.Coils[0].Name != "nasion" || d.Coils[0].Frame != "dewar" || d.Coils[5].Frame != "head" || d.Coils[5].At != [3]float64{0.002, -0.07, 0} {
			t.Errorf("coils %v", d.Coils)
		}
		if r, err = d.Recording(Options{Triggers: []string{}}); err != nil || len(r.Events) != len(w.Annotations) {
			t.Errorf("without triggers: %v, %v", r.Events, err)
		}
		if _, err = d.Recording(Options{Triggers: []string{"x"}}); err == nil {
			t.Error("a trigger that is not there")
		}
	}
	r, err := recording.Open("testdata/made.ds/made.meg4")
	if err != nil || len(r.Channels) != 12 {
		t.Fatal(err)
	}
	r.Close()
}

// copied makes a copy of the data set, with one file changed; nil takes it away.
func copied(t testing.TB, name string, content []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made.ds")
	if err := os.CopyFS(dir, os.DirFS("testdata/made.ds")); err != nil {
		t.Fatal(err)
	}
	if content == nil {
		os.Remove(filepath.Join(dir, name))
	} else if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readAll reads everything that a data set holds.
func readAll(path string) error {
	d, err := Open(path)
	if err != nil {
		return err
	}
	r, err := d.Recording(Options{})
	if err != nil {
		d.Close()
		return err
	}
	defer r.Close()
	return r.Blocks(func([]float32, int64) error { return nil })
}

func original(t testing.TB, name string) []byte {
	content, err := os.ReadFile(filepath.Join("testdata/made.ds", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestHostile(t *testing.T) {
	res4, meg4 := original(t, "made.res4"), original(t, "made.meg4")
	with := func(at int, values ...any) []byte {
		var b bytes.Buffer
		for _, v := range values {
			binary.Write(&b, binary.BigEndian, v)
		}
		out := bytes.Clone(res4)
		copy(out[at:], b.Bytes())
		return out
	}
	for _, c := range []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"no resources", "made.res4", nil, "found 0 files .res4"},
		{"no samples", "made.meg4", nil, "no such file"},
		{"empty resources", "made.res4", []byte{}, `"MEG4", which begins a .res4`},
		{"another format", "made.res4", []byte("text"), `"MEG4", which begins a .res4`},
		{"no samples in a trial", "made.res4", with(1288, int32(0)), "0 samples in a trial"},
		{"many samples in a trial", "made.res4", with(1288, int32(math.MaxInt32)), "a multiple of the 103079215056 of a trial"},
		{"negative channels", "made.res4", with(1292, int16(-1)), "-1 channels"},
		{"more channels than described", "made.res4", with(1292, int16(30000)), "30000 channels of 1360 bytes"},
		{"no rate", "made.res4", with(1296, 0.0), "a sampling rate of 0 Hz"},
		{"endless description", "made.res4", with(1836, int32(math.MaxInt32)), "a description of 2147483647 bytes"},
		{"negative description", "made.res4", with(1836, int32(-5)), "a description of -5 bytes"},
		{"endless filters", "made.res4", with(1850, int16(32767)), ""},
		{"negative parameters", "made.res4", with(1850+2+16, int16(-1)), "-1 parameters of a filter"},
		{"short samples", "made.meg4", meg4[:len(meg4)-4], "a multiple of the 2400 of a trial"},
		{"other samples", "made.meg4", bytes.Repeat([]byte{1}, len(meg4)), "which begins a file of samples"},
		{"coil without a number", "made.hc", []byte("measured nasion coil position relative to head (cm):\n\tx = left\n"), `line 2: found "x = left"`},
		{"coil cut", "made.hc", []byte("measured nasion coil position relative to head (cm):\n\tx = 1"), "y of a coil"},
		{"electrode without a place", "made.eeg", []byte("1 EEG001-606 1 2\n"), "found 4 words"},
		{"electrode without a number", "made.eeg", []byte("1 EEG001-606 1 2 up\n"), `found "up"`},
		{"segment without an end", "bad.segments", []byte("1 2\n"), "trial, begin and end"},
		{"segment without a number", "bad.segments", []byte("1 2 x\n"), "expected seconds"},
		{"markers without a number", "MarkerFile.mrk", []byte("NUMBER OF SAMPLES:\nmany\n"), `found "many"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copied(t, c.file, c.content)
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
	if err := readAll(copied(t, "made.hc", []byte("unable to localise"))); err != nil {
		t.Errorf("a head that was not found: %v", err)
	}
}

func TestTruncatedAndDamaged(t *testing.T) {
	dir := copied(t, "made.res4", original(t, "made.res4"))
	path := filepath.Join(dir, "made.res4")
	res4 := original(t, "made.res4")
	coefficients := 2 + 6*(32+4+4+2+31*50+8*50) // which are not read
	var own *recording.Error
	for cut := 0; cut < len(res4)-coefficients; cut += 1 + cut%7 {
		if err := os.WriteFile(path, res4[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := readAll(dir); !errors.As(err, &own) {
			t.Fatalf("cut to %d bytes: %v", cut, err)
		}
	}
	failed := 0
	for at := 0; at < 3000; at++ {
		res4[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, res4, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := readAll(dir); err != nil {
			failed++
			if !errors.As(err, &own) {
				t.Errorf("byte %d: %v is not a *recording.Error", at, err)
			}
		}
		res4[at] ^= 1 << (at % 8)
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
	meg4 := original(t, "made.1_meg4")
	if err := os.WriteFile(path, res4, 0o644); err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(meg4); cut++ {
		if err := os.WriteFile(filepath.Join(dir, "made.1_meg4"), meg4[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := readAll(dir); !errors.As(err, &own) && cut != meg4Header {
			t.Fatalf("samples cut to %d bytes: %v", cut, err)
		}
	}
}

// FuzzResources reads .res4 files and the files of text beside of any content.
func FuzzResources(f *testing.F) {
	f.Add(original(f, "made.res4"), string(original(f, "made.hc")))
	f.Add(original(f, "made.res4")[:3000], string(original(f, "MarkerFile.mrk")))
	f.Fuzz(func(t *testing.T, res4 []byte, text string) {
		dir := t.TempDir()
		for _, name := range []string{"x.hc", "x.eeg", "MarkerFile.mrk", "bad.segments", "BadChannels"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		d := &Dataset{folder: dir, stem: "x"}
		err := d.resources(res4)
		steps := []func() error{d.headCoils, d.electrodes, func() error { _, err := d.markers(); return err }, func() error { _, err := d.badSegments(); return err }, func() error { _, err := d.badChannels(); return err }}
		if err != nil {
			steps = nil
		}
		var own *recording.Error
		for _, step := range append(steps, func() error { return err }) {
			if err := step(); err != nil && !errors.As(err, &own) {
				t.Fatalf("%v is not a *recording.Error", err)
			}
		}
		d.toHead()
	})
}

func Example() {
	d, err := Open("testdata/made.ds")
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
	fmt.Println(r.Events[len(r.Events)-1].Label)
	// Output:
	// 12 140 600 MLC11-606 T
	// 3
}
