package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestPermute holds the tiled copy against the definition, index by index, for many shapes and both orders.
func TestPermute(t *testing.T) {
	for _, dims := range [][]int{{}, {5}, {0, 3}, {1, 1}, {2, 3}, {40, 50}, {1, 7, 1}, {2, 3, 4}, {33, 2, 35}, {2, 3, 4, 5}, {3, 1, 2, 1, 4}} {
		n, err := Count(dims)
		if err != nil {
			t.Fatal(err)
		}
		data := make([]int32, n)
		for i := range data {
			data[i] = int32(i)
		}
		for _, order := range []Order{RowMajor, ColumnMajor} {
			a, err := NewArray("a", dims, order, data)
			if err != nil {
				t.Fatal(err)
			}
			for _, axes := range permutations(len(dims)) {
				got, err := a.Permute(axes...)
				if err != nil {
					t.Fatal(err)
				}
				if want := permuteSlowly(a, axes); !reflect.DeepEqual(got.Data, want) || got.Order != RowMajor {
					t.Fatalf("%v %v by %v:\n got %v\nwant %v", dims, order, axes, got.Data, want)
				}
			}
			identity := make([]int, len(dims))
			for i := range identity {
				identity[i] = i
			}
			if got := a.RowMajor(); !reflect.DeepEqual(got.Data, permuteSlowly(a, identity)) || !slices.Equal(got.Dims, dims) {
				t.Errorf("%v %v: RowMajor gives %v", dims, order, got.Data)
			}
		}
	}
}

// permuteSlowly finds every element by its index.
func permuteSlowly(a *Array, axes []int) []int32 {
	src := a.Data.([]int32)
	dst := make([]int32, len(src))
	for i := range dst {
		index := make([]int, len(axes)) // of the source
		rest := i
		for k := len(axes) - 1; k >= 0; k-- {
			d := a.Dims[axes[k]]
			index[axes[k]] = rest % d
			rest /= d
		}
		at := 0
		if a.Order == RowMajor {
			for k, d := range a.Dims {
				at = at*d + index[k]
			}
		} else {
			for k := len(a.Dims) - 1; k >= 0; k-- {
				at = at*a.Dims[k] + index[k]
			}
		}
		dst[i] = src[at]
	}
	return dst
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for at := range n {
			out = append(out, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	return out
}

func TestConversions(t *testing.T) {
	for _, data := range []any{[]bool{true, false}, []int8{1, 0}, []int16{1, 0}, []int32{1, 0}, []int64{1, 0}, []uint8{1, 0},
		[]uint16{1, 0}, []uint32{1, 0}, []uint64{1, 0}, []float32{1, 0}, []float64{1, 0}} {
		a := &Array{Name: "a", Dims: []int{2}, Data: data}
		x, err := a.Float64s()
		if err != nil || !slices.Equal(x, []float64{1, 0}) {
			t.Errorf("%s: Float64s gives %v, %v", a.Type(), x, err)
		}
		y, err := a.Float32s()
		if err != nil || !slices.Equal(y, []float32{1, 0}) {
			t.Errorf("%s: Float32s gives %v, %v", a.Type(), y, err)
		}
		if r := RangeOf(a); r == nil || r.Min != 0 || r.Max != 1 || r.Mean != 0.5 || r.Finite != 2 {
			t.Errorf("%s: range %v", a.Type(), r)
		}
	}
	f := []float64{1, 2}
	a := &Array{Name: "a", Dims: []int{2}, Data: f}
	if x, _ := a.Float64s(); &x[0] != &f[0] {
		t.Error("float64 was copied")
	}
	for _, data := range []any{[]complex64{1}, []complex128{1}, []string{"a"}} {
		a := &Array{Name: "a", Dims: []int{1}, Data: data}
		var own *Error
		if _, err := a.Float64s(); !errors.As(err, &own) || own.Remedy == "" {
			t.Errorf("%s: Float64s gives %v", a.Type(), err)
		}
		if _, err := a.Float32s(); !errors.As(err, &own) {
			t.Errorf("%s: Float32s gives %v", a.Type(), err)
		}
		if RangeOf(a) != nil {
			t.Errorf("%s has a range", a.Type())
		}
	}
	if _, err := Values[int16](a); err == nil || !strings.Contains(err.Error(), "found values of type float64, expected type int16") {
		t.Errorf("Values of another type: %v", err)
	}
	if _, err := a.Permute(1); err == nil {
		t.Error("a permutation of axes that are not there")
	}
	if _, err := NewArray("a", []int{2, 3}, RowMajor, f); err == nil {
		t.Error("two values in shape 2x3")
	}
	for _, dims := range [][]int{{-1}, {math.MaxInt, 2}, {2, 0, -1}} {
		if n, err := Count(dims); err == nil {
			t.Errorf("Count(%v) is %d", dims, n)
		}
	}
}

func TestRange(t *testing.T) {
	r := RangeOf(&Array{Data: []float64{math.NaN(), 3, math.Inf(1), -1, math.NaN()}})
	if want := (Range{Min: -1, Max: 3, Mean: 1, Finite: 2, NaN: 2, Infinite: 1}); *r != want {
		t.Errorf("got %+v, want %+v", *r, want)
	}
	if got, want := r.String(), "-1 .. 3, mean 1, 2 NaN, 1 infinite"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := json.Marshal(RangeOf(&Array{Data: []float64{math.NaN(), math.Inf(-1)}})); err != nil {
		t.Errorf("a range without a finite value has no JSON form: %v", err)
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		`a.csv: line 3, column 2 (kw): found "x", expected a number; fix it`: {Path: "a.csv", Offset: -1, Line: 3, Column: 2, Field: "kw", Found: `"x"`, Expected: "a number", Remedy: "fix it"},
		`a.mat: variable "x", at byte 136: found 3, expected 4`:              {Path: "a.mat", Field: `variable "x"`, Offset: 136, Found: "3", Expected: "4"},
		`a.mat: at byte 0: unexpected EOF`:                                   {Path: "a.mat", Err: io.ErrUnexpectedEOF},
		`expected a name`:                                                    {Offset: -1, Expected: "a name"},
		`a.csv: line 7 (header): found nothing`:                              {Path: "a.csv", Offset: -1, Line: 7, Field: "header", Found: "nothing"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	if !errors.Is(&Error{Err: io.ErrUnexpectedEOF}, io.ErrUnexpectedEOF) {
		t.Error("the cause cannot be found")
	}
}

func TestRecording(t *testing.T) {
	r := &Recording{Channels: []Channel{{Name: "C3"}, {Name: "Cz"}}, Rate: 100, Frames: 3,
		Samples: Memory{Data: []float32{1, 2, 3, 4, 5, 6}, Channels: 2}}
	got, err := r.Read(1, 2)
	if err != nil || !slices.Equal(got, []float32{3, 4, 5, 6}) {
		t.Errorf("frames 1 and 2 are %v, %v", got, err)
	}
	if got, err := r.Read(3, 0); err != nil || len(got) != 0 {
		t.Errorf("no frames are %v, %v", got, err)
	}
	for _, bad := range [][2]int{{-1, 1}, {0, -1}, {2, 2}, {4, 0}} {
		if _, err := r.Read(int64(bad[0]), bad[1]); err == nil {
			t.Errorf("Read%v gives no error", bad)
		}
	}
	if n, err := r.Samples.ReadFrames(make([]float32, 6), 2); n != 1 || err != io.EOF {
		t.Errorf("reading past the end gives %d, %v", n, err)
	}
	if i, err := r.Channel("cZ"); i != 1 || err != nil {
		t.Errorf("Cz is channel %d, %v", i, err)
	}
	if _, err := r.Channel("C4"); err == nil || !strings.Contains(err.Error(), "one of C3, Cz") {
		t.Errorf("C4: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestRegistry recognises files by content first and by name second.
func TestRegistry(t *testing.T) {
	registry.Lock()
	saved := registry.formats
	registry.formats = nil
	registry.Unlock()
	defer func() {
		registry.Lock()
		registry.formats = saved
		registry.Unlock()
	}()
	magic := func(name, magic, ext string) Format {
		return Format{Name: name, Title: "the " + name + " format", Describe: func(string) (*Description, error) { return &Description{}, nil },
			Match: func(h Head) Confidence {
				switch {
				case strings.HasPrefix(string(h.Data), magic):
					return Sure
				case h.Ext == ext:
					return Likely
				}
				return No
			}}
	}
	Register(magic("b", "BBBB", "bb"))
	Register(magic("a", "AAAA", "aa"))
	if got := Formats(); len(got) != 2 || got[0].Name != "a" {
		t.Errorf("formats %v", got)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a name was registered twice")
			}
		}()
		Register(magic("a", "", ""))
	}()
	dir := t.TempDir()
	for _, c := range []struct{ name, content, want string }{
		{"x.aa", "AAAA", "a"}, {"x.bb", "AAAA", "a"}, {"x.bb", "other", "b"}, {"x.bb.gz", "other", "b"}, {"x", "BBBB", "b"}, {"x.cc", "other", ""}, {"x", "", ""},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Detect(path)
		if f.Name != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s holding %q: format %q, %v", c.name, c.content, f.Name, err)
		}
		if c.want == "" && !strings.Contains(err.Error(), "the a format, the b format") {
			t.Errorf("the error does not list what is known: %v", err)
		}
	}
	path := filepath.Join(dir, "x.aa")
	d, err := Inspect(path)
	if err != nil || d.Path != path || d.Format != "a" || d.Title != "the a format" || d.Bytes != 4 {
		t.Errorf("description %+v, %v", d, err)
	}
	if _, err := Arrays(path); err == nil {
		t.Error("arrays of a format without them")
	}
	if _, err := Open(path); err == nil {
		t.Error("a recording of a format without them")
	}
	if _, err := Inspect(dir); err == nil || !strings.Contains(err.Error(), "a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Inspect(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestDescriptionIsSafeToPrint(t *testing.T) {
	d := &Description{Path: "x", Title: "t", Properties: []Property{{"header", "a\x1b[31mred"}}, Items: []Item{{Name: "n\x07", Type: "text", Text: "two\nlines"}}}
	if got := d.String(); strings.ContainsAny(got, "\x1b\x07") || strings.Count(got, "\n") != 3 {
		t.Errorf("%q", got)
	}
}

func BenchmarkPermute(b *testing.B) {
	a, err := NewArray("x", []int{512, 64, 128}, ColumnMajor, make([]float64, 512*64*128))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(8 * 512 * 64 * 128)
	for b.Loop() {
		if _, err := a.Permute(0, 1, 2); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleArray_Permute() {
	// Two samples of three channels, as MATLAB stores them: column after column.
	x, err := NewArray("x", []int{2, 3}, ColumnMajor, []float64{1, 2, 3, 4, 5, 6})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.RowMajor().Data)
	channels, err := x.Permute(1, 0)
	fmt.Println(channels, channels.Data, err)
	// Output:
	// [1 3 5 2 4 6]
	// x 3x2 float64 [1 2 3 4 5 6] <nil>
}

// TestGaps maps frames to times and back across time without samples.
func TestGaps(t *testing.T) {
	r := Recording{Rate: 100, Frames: 1000, Gaps: []Gap{{Frame: 200, Seconds: 1.5}, {Frame: 500, Seconds: 10}}}
	for _, c := range []struct {
		frame   int64
		seconds float64
	}{{0, 0}, {199, 1.99}, {200, 3.5}, {499, 6.49}, {500, 16.5}, {999, 21.49}} {
		if got := r.Time(c.frame); math.Abs(got-c.seconds) > 1e-9 {
			t.Errorf("frame %d is at %g s, want %g", c.frame, got, c.seconds)
		}
		if got := r.Frame(c.seconds); got != c.frame {
			t.Errorf("%g s is frame %d, want %d", c.seconds, got, c.frame)
		}
	}
	for _, c := range []struct {
		seconds float64
		frame   int64
	}{{2.0, 200}, {3.2, 200}, {10, 500}, {-0.5, -50}, {30, 1850}} {
		if got := r.Frame(c.seconds); got != c.frame {
			t.Errorf("%g s is frame %d, want %d", c.seconds, got, c.frame)
		}
	}
}

// TestDescribeRecording names what is wrong with channels and counts events and gaps.
func TestDescribeRecording(t *testing.T) {
	const frames = 10000 // more than a block
	data := make([]float32, 0, frames*4)
	for i := range frames {
		s := float32(math.Sin(float64(i) / 10))
		nan := s
		if i == 7000 {
			nan = float32(math.NaN())
		}
		data = append(data, s, 3, max(-0.9, min(0.9, s)), nan)
	}
	r := &Recording{
		Channels: []Channel{{Name: "good", Type: "eeg", Unit: "uV"}, {Name: "flat", Type: "eeg"}, {Name: "clipped", Type: "eeg"}, {Name: "broken"}},
		Rate:     1000, Frames: frames, Samples: Memory{Data: data, Channels: 4},
		Events: []Event{{Onset: 1, Label: "b"}, {Onset: 2, Label: "a"}, {Onset: 3, Label: "a"}}, Gaps: []Gap{{Frame: 5000, Seconds: 200}},
	}
	d, err := r.Describe()
	if err != nil {
		t.Fatal(err)
	}
	text := d.String()
	for _, want := range []string{"4 (3 eeg)", "1000 Hz", "10000 frames, 10 s", "3: 2 a, 1 b", "1, 3m20s in all, the first before frame 5000",
		"channel flat is flat: all samples are 3", "channel clipped may be clipped", "channel broken: 1 of 10000 samples are not finite"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "channel good") || len(d.Warnings) != 3 {
		t.Errorf("warnings: %q", d.Warnings)
	}
}

func TestUnits(t *testing.T) {
	for name, want := range map[string]string{"microvolts": "uV", "µV": "uV", "μV": "uV", "UV": "uV", "Volts": "V", " mV ": "mV", "fT/cm": "fT/cm", "MV": "MV", "": "", "a.u.": "a.u."} {
		if got := Unit(name); got != want {
			t.Errorf("the unit %q is %q, want %q", name, got, want)
		}
	}
	for _, c := range []struct {
		from, to string
		factor   float64 // 0: none
	}{
		{"V", "uV", 1e6}, {"microvolts", "mV", 1e-3}, {"µV", "uV", 1}, {"fT/cm", "T/m", 1e-13}, {"T", "fT", 1e15}, {"percent", "percent", 1},
		{"V", "T", 0}, {"T", "T/m", 0}, {"", "uV", 0}, {"uV", "", 0}, {"", "", 0}, {"percent", "uV", 0}, {"MV", "V", 0},
	} {
		got, ok := UnitScale(c.from, c.to)
		if ok != (c.factor != 0) || math.Abs(got-c.factor) > 1e-12*c.factor {
			t.Errorf("from %q to %q: %g, %v; want %g", c.from, c.to, got, ok, c.factor)
		}
	}
}

// TestWarnings shows what a reader warned of before what the samples tell, each once.
func TestWarnings(t *testing.T) {
	r := &Recording{Rate: 100, Frames: 2, Channels: []Channel{{Name: "C3"}}, Samples: Memory{Data: []float32{1, 1}, Channels: 1}}
	r.Warn("the file ends in %d bytes of an incomplete frame", 3)
	r.Warn("the file ends in 3 bytes of an incomplete frame")
	d, err := r.Describe()
	if err != nil || len(d.Warnings) != 2 || d.Warnings[0] != "the file ends in 3 bytes of an incomplete frame" || !strings.Contains(d.String(), "\n  warning: the file ends in 3 bytes") {
		t.Errorf("%q, %v", d.Warnings, err)
	}
}
