// Package recordtest is what the tests of the readers of recordings share: holding a recording against what another program
// sees in the same file (golden values, made by golden.py), and a reader against files that are cut or damaged.
//
// Tests import it, and nothing else.
package recordtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Golden is what golden.py wrote about a file.
type Golden struct {
	Names     []string        `json:"names"`
	Types     []string        `json:"types"`
	Rate      float64         `json:"rate"`
	Frames    int64           `json:"frames"`
	Start     string          `json:"start"`
	Signals   []Signal        `json:"signals"`
	Events    []Event         `json:"events"`
	Positions [][]float64     `json:"positions"` // metres; nil where there is none
	Extra     json.RawMessage `json:"extra"`     // what a format has beyond that
}

// Signal sums up the samples of a channel.
type Signal struct {
	N    int64     `json:"n"`
	Rate float64   `json:"rate"`
	Mean float64   `json:"mean"`
	Min  float64   `json:"min"`
	Max  float64   `json:"max"`
	At   []float64 `json:"at"` // at the places that golden.py chooses
}

// Event is [onset, duration, label].
type Event struct {
	Onset, Duration float64
	Label           string
}

// UnmarshalJSON reads the list of three that golden.py writes.
func (e *Event) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.Onset, &e.Duration, &e.Label})
}

// Load reads testdata/golden.json, by file.
func Load(t testing.TB) map[string]Golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g map[string]Golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// Data is the path of a file of the real recordings; the test is skipped where there are none.
func Data(t testing.TB, name string) string {
	t.Helper()
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	return filepath.Join(data, name)
}

// places is the function of the same name in golden.py.
func places(n int64) []int64 {
	var out []int64
	for _, i := range []int64{0, 1, n / 7, n / 3, n/2 + 1, 5 * n / 7, n - 2, n - 1} {
		if 0 <= i && i < n {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Check says what is wrong with samples x of a signal, or nothing. Golden values have 8 digits.
func (s Signal) Check(x []float64) error {
	if int64(len(x)) != s.N {
		return fmt.Errorf("%d samples, want %d", len(x), s.N)
	}
	if s.N == 0 {
		return nil
	}
	tolerance := 2e-7 * max(math.Abs(s.Min), math.Abs(s.Max))
	sum, low, high := 0.0, math.Inf(1), math.Inf(-1)
	for _, v := range x {
		sum += v
		low, high = min(low, v), max(high, v)
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"mean", sum / float64(len(x)), s.Mean}, {"minimum", low, s.Min}, {"maximum", high, s.Max}} {
		if !(math.Abs(c.got-c.want) <= tolerance) {
			return fmt.Errorf("%s %.9g, want %.9g", c.name, c.got, c.want)
		}
	}
	for k, i := range places(s.N) {
		if got, want := x[i], s.At[k]; !(math.Abs(got-want) <= tolerance) {
			return fmt.Errorf("sample %d is %.9g, want %.9g", i, got, want)
		}
	}
	return nil
}

// Check holds a recording against all that the golden values say.
func (g Golden) Check(t *testing.T, r *recording.Recording) {
	t.Helper()
	g.CheckSamples(t, r)
	g.CheckEvents(t, r.Events)
	for i, want := range g.Positions {
		if i >= len(r.Channels) {
			break
		}
		got := r.Channels[i].Position
		switch {
		case want == nil && got == nil:
		case want == nil || got == nil:
			t.Errorf("channel %s lies at %v, want %v", r.Channels[i].Name, got, want)
		case math.Hypot(math.Hypot(got[0]-want[0], got[1]-want[1]), got[2]-want[2]) > 1e-6:
			t.Errorf("channel %s lies at %v, want %v", r.Channels[i].Name, *got, want)
		}
	}
}

// CheckSamples compares channels, rate, length, start and samples.
func (g Golden) CheckSamples(t *testing.T, r *recording.Recording) {
	t.Helper()
	names, types := make([]string, len(r.Channels)), make([]string, len(r.Channels))
	for i, c := range r.Channels {
		names[i], types[i] = c.Name, c.Type
	}
	if !slices.Equal(names, g.Names) {
		t.Fatalf("channels %q, want %q", names, g.Names)
	}
	if g.Types != nil && !slices.Equal(types, g.Types) {
		t.Errorf("types %v, want %v", types, g.Types)
	}
	if math.Abs(r.Rate-g.Rate) > 1e-9*g.Rate {
		t.Errorf("rate %v, want %v", r.Rate, g.Rate)
	}
	if r.Frames != g.Frames {
		t.Fatalf("%d frames, want %d", r.Frames, g.Frames)
	}
	g.checkStart(t, r)
	x, err := r.Read(0, int(r.Frames))
	if err != nil {
		t.Fatal(err)
	}
	one := make([]float64, r.Frames)
	for i, s := range g.Signals {
		for f := range one {
			one[f] = float64(x[f*len(names)+i])
		}
		if err := s.Check(one); err != nil {
			t.Errorf("channel %s: %v", names[i], err)
		}
	}
}

// checkStart compares to the second: readers differ in whether a fraction counts.
func (g Golden) checkStart(t *testing.T, r *recording.Recording) {
	t.Helper()
	if g.Start == "" {
		return
	}
	want, err := time.Parse(time.RFC3339Nano, g.Start)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Start.Sub(want); d < 0 || d >= time.Second {
		t.Errorf("start %v, want %v", r.Start, want)
	}
}

// CheckEvents compares events, in order of onset and label.
func (g Golden) CheckEvents(t *testing.T, got []recording.Event) {
	t.Helper()
	if len(got) != len(g.Events) {
		t.Errorf("%d events, want %d", len(got), len(g.Events))
		return
	}
	if !slices.IsSortedFunc(got, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) }) {
		t.Error("events are not in order of onset")
	}
	order := func(onset1 float64, label1 string, onset2 float64, label2 string) int {
		return cmp.Or(cmp.Compare(math.Round(onset1*1e5), math.Round(onset2*1e5)), cmp.Compare(label1, label2))
	}
	have, want := slices.Clone(got), slices.Clone(g.Events)
	slices.SortStableFunc(have, func(a, b recording.Event) int { return order(a.Onset, a.Label, b.Onset, b.Label) })
	slices.SortStableFunc(want, func(a, b Event) int { return order(a.Onset, a.Label, b.Onset, b.Label) })
	for i, e := range have {
		w := want[i]
		if math.Abs(e.Onset-w.Onset) > 2e-6 || math.Abs(e.Duration-w.Duration) > 2e-6 || e.Label != w.Label {
			t.Errorf("event %d is %+v, want %+v", i, e, w)
			return
		}
	}
}

// Reader reads the content of a file that a test made.
type Reader func(content []byte) (*recording.Recording, error)

// Everything reads a recording whole, a block at a time, and checks that what it says of itself holds. A reader of hostile
// bytes may refuse them with a *recording.Error, at once or when it comes to samples, and nothing else.
func Everything(read Reader, content []byte) error {
	r, err := read(content)
	if err != nil {
		return ownError(err)
	}
	defer r.Close()
	if r.Frames < 0 || r.Rate < 0 || math.IsNaN(r.Rate) || math.IsInf(r.Rate, 0) {
		return fmt.Errorf("%d frames at %v Hz", r.Frames, r.Rate)
	}
	if !slices.IsSortedFunc(r.Events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) }) {
		return errors.New("events are not in order of onset")
	}
	for _, e := range r.Events {
		if math.IsNaN(e.Onset) || math.IsInf(e.Onset, 0) || !(e.Duration >= 0) || math.IsInf(e.Duration, 0) {
			return fmt.Errorf("event %+v", e)
		}
	}
	if !slices.IsSortedFunc(r.Gaps, func(a, b recording.Gap) int { return cmp.Compare(a.Frame, b.Frame) }) {
		return errors.New("gaps are not in order")
	}
	// Many times the bytes are promised where slow signals are held; a part of that is enough.
	const most = 1 << 20
	channels := int64(max(1, len(r.Channels)))
	frames := min(r.Frames, most/channels+1)
	for _, first := range []int64{0, r.Frames - frames} {
		if _, err := r.Read(first, int(frames)); err != nil {
			return ownError(err)
		}
	}
	if len(r.Channels) > 0 {
		if n, err := r.Samples.ReadFrames(make([]float32, 2*len(r.Channels)), r.Frames); n != 0 || !errors.Is(err, io.EOF) {
			return fmt.Errorf("behind the end there are %d frames, %v", n, err)
		}
	}
	return nil
}

// errRefused stands for a refusal in good form.
var errRefused = errors.New("refused")

// ownError gives errRefused for an error in good form, and else says what is wrong with it.
func ownError(err error) error {
	var own *recording.Error
	switch {
	case !errors.As(err, &own):
		return fmt.Errorf("%w is not a *recording.Error", err)
	case own.Path == "":
		return fmt.Errorf("%w does not name the file", err)
	case own.Found == "" && own.Expected == "" && own.Err == nil:
		return fmt.Errorf("%w does not say what is wrong", err)
	}
	return errRefused
}

// Refused reports whether Everything ended in a refusal in good form.
func Refused(err error) bool { return errors.Is(err, errRefused) }

// Cut reads a sound file cut at every byte (at every step-th byte from dense on, where headers end). It gives for how many
// cuts the reader refused.
func Cut(t *testing.T, read Reader, whole []byte, dense, step int) (refused int) {
	t.Helper()
	for cut := 0; cut < len(whole); cut++ {
		if cut > dense {
			cut = min(cut+step-1, len(whole)-1)
		}
		err := Everything(read, whole[:cut:cut])
		if Refused(err) {
			refused++
		} else if err != nil {
			t.Errorf("cut to %d of %d bytes: %v", cut, len(whole), err)
		}
	}
	return refused
}

// Damage turns over every bit of the first n bytes in turn, and sets every byte to a few values that matter to numbers.
func Damage(t *testing.T, read Reader, whole []byte, n int) {
	t.Helper()
	content := slices.Clone(whole)
	try := func(i int, b byte) {
		content[i] = b
		if err := Everything(read, content); err != nil && !Refused(err) {
			t.Errorf("byte %d set to %#x: %v", i, b, err)
		}
		content[i] = whole[i]
	}
	for i := range min(n, len(whole)) {
		for bit := range 8 {
			try(i, whole[i]^1<<bit)
		}
		for _, b := range []byte{0, 0xff, 0x7f, 0x80, '9', '-', ' '} {
			try(i, b)
		}
	}
}

// Lie is a file that claims something untrue.
type Lie struct {
	Name    string
	Content []byte
	Want    string // part of the error; empty when the file is to be read
}

// Lies checks that each is answered as wanted, and that no memory is taken on its word.
func Lies(t *testing.T, read Reader, lies []Lie) {
	t.Helper()
	for _, c := range lies {
		t.Run(c.Name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := read(c.Content)
			runtime.ReadMemStats(&after)
			if n, limit := after.TotalAlloc-before.TotalAlloc, uint64(1<<21+40*len(c.Content)); n > limit {
				t.Errorf("%d bytes allocated for a file of %d", n, len(c.Content))
			}
			if err == nil {
				r.Close()
			}
			if c.Want == "" {
				if err := Everything(read, c.Content); err != nil {
					t.Error(err)
				}
				return
			}
			var own *recording.Error
			if !errors.As(err, &own) || own.Path == "" {
				t.Fatalf("error %v, want a *recording.Error that names the file", err)
			}
			if !strings.Contains(err.Error(), c.Want) {
				t.Errorf("error %q does not say %q", err, c.Want)
			}
		})
	}
}
