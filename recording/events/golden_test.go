package events

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// golden is a recording as golden.py noted it.
type golden struct {
	Count      int
	X, Y, T, P string
	First      [4]int64
	Size       [2]int
	Triggers   []int64
}

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
		t.Log("GYRUS_DATA is not set: real files are skipped, the made-* are not")
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

func digits(on []bool) []uint8 {
	out := make([]uint8, len(on))
	for i, v := range on {
		if v {
			out[i] = 1
		}
	}
	return out
}

// TestGolden holds every recording against other readers, event for event.
func TestGolden(t *testing.T) {
	count := 0
	for path, w := range files(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			count++
			e, err := f.Read()
			if err != nil {
				t.Fatal(err)
			}
			if e.Len() != w.Count || [4]int64{int64(e.X[0]), int64(e.Y[0]), int64(digits(e.On)[0]), e.T[0]} != w.First {
				t.Errorf("%d events, the first %d %d %v %d; want %d, %v", e.Len(), e.X[0], e.Y[0], e.On[0], e.T[0], w.Count, w.First)
			}
			if got := [4]string{sha(e.X), sha(e.Y), sha(digits(e.On)), sha(e.T)}; got != [4]string{w.X, w.Y, w.P, w.T} {
				t.Errorf("x, y, on, t hash to %v, want %v", got, [4]string{w.X, w.Y, w.P, w.T})
			}
			if f.Format != "N-MNIST" && [2]int{f.Width, f.Height} != w.Size {
				t.Errorf("sensor of %d x %d, want %v", f.Width, f.Height, w.Size)
			}
			var pieces Events
			if err := f.Blocks(func(b Events) error { pieces.append(b); return nil }); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(pieces.T, e.T) || !slices.Equal(pieces.X, e.X) || !slices.Equal(pieces.On, e.On) {
				t.Error("blocks give other events")
			}
			if w.Triggers != nil {
				triggers, err := f.Triggers()
				var at []int64
				for _, x := range triggers {
					at = append(at, x.T)
				}
				if err != nil || !slices.Equal(at, w.Triggers) || triggers[0].Kind != "rising" {
					t.Errorf("triggers %v, %v; want %v", triggers, err, w.Triggers)
				}
			}
		})
	}
	t.Logf("%d recordings equal", count)
	if count < 8 || (os.Getenv("GYRUS_DATA") != "" && count < 89) {
		t.Errorf("only %d recordings compared", count)
	}
}

// TestWords reads what the golden files do not have: other words between events, and clocks that wrap.
func TestWords(t *testing.T) {
	f, err := Open("testdata/made-mixed.aedat")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := sink{skipped: map[string]int{}}
	if err := f.read(&s); err != nil {
		t.Fatal(err)
	}
	e := s.events
	if e.Len() != 8 || fmt.Sprint(s.skipped) != "map[words of frames:1 words of inertial measurements:1]" || !e.Ordered() || e.T[7]-e.T[6] != 6 {
		t.Errorf("%d events, skipped %v, times %v", e.Len(), s.skipped, e.T)
	}
	triggers, err := f.Triggers()
	if err != nil || len(triggers) != 1 || triggers[0] != (Trigger{1000, "input"}) {
		t.Errorf("triggers %v, %v", triggers, err)
	}
	if !f.Start.Equal(time.UnixMilli(1600000000000)) {
		t.Errorf("start %v", f.Start)
	}

	if f, err = Open("testdata/made-more31.aedat"); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s = sink{skipped: map[string]int{}}
	if err := f.read(&s); err != nil {
		t.Fatal(err)
	}
	e = s.events
	last := e.Slice(e.Len()-1, e.Len())
	if e.Len() != 201 || fmt.Sprint(last) != fmt.Sprint(Events{[]uint16{7}, []uint16{9}, []bool{true}, []int64{1<<31 + 6}}) ||
		fmt.Sprint(s.skipped) != "map[events marked as not valid:1 inertial measurements (6 axes):1]" {
		t.Errorf("%d events, the last %v, skipped %v", e.Len(), last, s.skipped)
	}
	if triggers, err = f.Triggers(); err != nil || fmt.Sprint(triggers) != "[{5000 rising} {5100 falling}]" {
		t.Errorf("triggers %v, %v", triggers, err)
	}
	if got := f.Start.Format(time.RFC3339); got != "2016-05-04T13:12:11+02:00" {
		t.Errorf("start %s", got)
	}

	// DVS128 by jAER's own rules: x to the left, y upwards, lowest bit 0 for brighter.
	content := []byte("#!AER-DAT2.0\r\n# AEChip: DVS128\r\n\x00\x00\x05\x06\x00\x00\x00\x07\x00\x00\x7f\xff\x00\x00\x00\x08\x00\x00\x80\x00\x00\x00\x00\x09")
	if f, err = NewFile(bytes.NewReader(content), int64(len(content)), "x.aedat"); err != nil {
		t.Fatal(err)
	}
	if e, err = f.Read(); err != nil || fmt.Sprint(e) != fmt.Sprint(Events{[]uint16{124, 0}, []uint16{122, 0}, []bool{true, false}, []int64{7, 8}}) {
		t.Errorf("%v, %v", e, err)
	}
}

func TestWindow(t *testing.T) {
	e := Events{X: []uint16{0, 1, 2, 3}, Y: make([]uint16, 4), On: make([]bool, 4), T: []int64{5, 10, 10, 20}}
	for _, c := range []struct {
		from, to int64
		want     []uint16
	}{{0, 5, nil}, {5, 6, []uint16{0}}, {10, 20, []uint16{1, 2}}, {6, 100, []uint16{1, 2, 3}}, {30, 40, nil}, {20, 10, nil}} {
		if got := e.Window(c.from, c.to); !slices.Equal(got.X, c.want) && len(got.X)+len(c.want) > 0 {
			t.Errorf("%d to %d: %v, want %v", c.from, c.to, got.X, c.want)
		}
	}
	if e.T[3] = 1; e.Ordered() {
		t.Error("out of order, and not noticed")
	}
}

func TestFormat(t *testing.T) {
	for path, want := range map[string]string{
		"testdata/made-zstd.aedat4":     "64 x 48 pixels",
		"testdata/made-more31.aedat":    "1 falling, 1 rising",
		"testdata/made-mixed.aedat":     "words of frames:                 1, not read",
		"testdata/made.bs2":             "N-MNIST (event camera)",
		"testdata/made-davis346.aedat":  "Davis346blue",
		"testdata/made-lz4_high.aedat4": "frames:    1, not read",
	} {
		d, err := recording.Inspect(path)
		if err != nil || !strings.Contains(d.String(), want) {
			t.Errorf("%s: %v, %v", path, d, err)
		}
	}
	a, err := recording.Arrays("testdata/made.bs2")
	if err != nil || fmt.Sprint(a) != "[x 49 uint16 y 49 uint16 on 49 bool t 49 int64]" {
		t.Errorf("%v, %v", a, err)
	}
	if a, err = recording.Arrays("testdata/made.bs2", "t"); err != nil || len(a) != 1 {
		t.Errorf("%v, %v", a, err)
	}
	if _, err = recording.Arrays("testdata/made.bs2", "p"); err == nil {
		t.Error("an array that is not there")
	}
}

func Example() {
	f, err := Open("testdata/made-lz4.aedat4")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	e, err := f.Read()
	if err != nil {
		fmt.Println(err)
		return
	}
	first := e.T[0]
	fmt.Println(f.Format, f.Width, f.Height, e.Len())
	fmt.Println(e.Window(first, first+1000).Len(), "events in the first millisecond")
	// Output:
	// AEDAT 4.0 64 48 300
	// 29 events in the first millisecond
}
