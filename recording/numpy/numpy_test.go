package numpy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/sbinet/npyio/npy"
)

// TestGolden holds every member of the archives against what NumPy has in them, value by value.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]struct {
		Dims   []int           `json:"dims"`
		DType  string          `json:"dtype"`
		Values json.RawMessage `json:"values"`
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for _, archive := range []string{"made.npz", "made-deflated.npz"} {
		f, err := Open(filepath.Join("testdata", archive))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got := len(f.Entries()); got != len(golden) {
			t.Errorf("%s: %d arrays, want %d", archive, got, len(golden))
		}
		for _, e := range f.Entries() {
			want := golden[e.Name]
			a, err := f.ReadEntry(e)
			if err != nil {
				t.Errorf("%s %s: %v", archive, e.Name, err)
				continue
			}
			if !slices.Equal(a.Dims, want.Dims) || e.DType != want.DType || a.Name != e.Name {
				t.Errorf("%s %s: %v %s, want %v %s", archive, e.Name, a.Dims, e.DType, want.Dims, want.DType)
			}
			if got := plain(t, a.RowMajor()); !jsonEqual(t, got, want.Values) {
				t.Errorf("%s %s: %v, want %s", archive, e.Name, got, want.Values)
			}
		}
	}
	for version := 1; version <= 3; version++ {
		f, err := Open(fmt.Sprintf("testdata/made-v%d.npy", version))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		a, err := f.Array("")
		if err != nil {
			t.Fatal(err)
		}
		if e := f.Entries()[0]; e.Version != version || e.Order != recording.ColumnMajor {
			t.Errorf("version %d: entry %+v", version, e)
		}
		if !jsonEqual(t, plain(t, a.RowMajor()), golden["fortran"].Values) {
			t.Errorf("version %d: %v", version, a.Data)
		}
	}
}

// plain is an array in the form of the golden file.
func plain(t *testing.T, a *recording.Array) any {
	split := func(n int, at func(int) complex128) any {
		re, im := make([]float64, n), make([]float64, n)
		for i := range n {
			re[i], im[i] = real(at(i)), imag(at(i))
		}
		return [][]float64{re, im}
	}
	switch d := a.Data.(type) {
	case []string:
		return d
	case []complex64:
		return split(len(d), func(i int) complex128 { return complex128(d[i]) })
	case []complex128:
		return split(len(d), func(i int) complex128 { return d[i] })
	}
	x, err := a.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func jsonEqual(t *testing.T, got any, want json.RawMessage) bool {
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal(text, &a) != nil || json.Unmarshal(want, &b) != nil {
		t.Fatal("not JSON")
	}
	return reflect.DeepEqual(a, b)
}

// samples has an array of every element type, in both orders.
func samples() []*recording.Array {
	rng := rand.New(rand.NewPCG(1, 2))
	f := make([]float64, 24)
	z := make([]complex128, 24)
	for i := range f {
		f[i] = rng.NormFloat64()
		z[i] = complex(f[i], rng.NormFloat64())
	}
	f[3], f[4], f[5] = math.NaN(), math.Inf(1), math.Copysign(0, -1)
	var out []*recording.Array
	for i, data := range []any{f, z, []bool{true, false}, []int8{-128, 127}, []int16{-3}, []int32{math.MinInt32}, []int64{math.MaxInt64},
		[]uint8{255}, []uint16{65535}, []uint32{1 << 31}, []uint64{math.MaxUint64}, []float32{1.5, -2}, []complex64{1 + 2i},
		[]string{"C3", "", "münchen"}, []float64{}} {
		n := reflect.ValueOf(data).Len()
		dims := []int{n}
		if n == 24 {
			dims = []int{2, 3, 4}
		}
		out = append(out, &recording.Array{Name: fmt.Sprintf("a%d", i), Dims: dims, Data: data})
	}
	return append(out, &recording.Array{Name: "columns", Dims: []int{2, 3, 4}, Order: recording.ColumnMajor, Data: f},
		&recording.Array{Name: "one", Dims: []int{}, Data: []float64{7}})
}

func same(a, b *recording.Array) bool {
	return slices.Equal(a.Dims, b.Dims) && a.Order == b.Order && a.Type() == b.Type() && fmt.Sprint(a.Data) == fmt.Sprint(b.Data)
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "all.npz")
	if err := Save(path, samples()...); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, want := range samples() {
		got, err := f.Array(want.Name)
		if err != nil || !same(got, want) {
			t.Errorf("%v came back as %v, %v", want, got, err)
		}
		var b bytes.Buffer
		if err := Write(&b, want); err != nil {
			t.Fatal(err)
		}
		b.WriteString("behind")
		got, err = Read(&b)
		if err != nil || !same(got, want) || b.String() != "behind" {
			t.Errorf("%v came back from a stream as %v, %v, leaving %q", want, got, err, b.String())
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".numpy-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestAgainstNpyio holds reader and writer against github.com/sbinet/npyio on sound files of the types it knows.
func TestAgainstNpyio(t *testing.T) {
	for _, want := range samples() {
		var b bytes.Buffer
		if err := Write(&b, want); err != nil {
			t.Fatal(err)
		}
		switch d := want.Data.(type) {
		case []float64, []int8, []int16, []int32, []int64, []uint8, []uint16, []uint32, []uint64, []float32, []complex64, []complex128, []bool:
			got := reflect.New(reflect.TypeOf(d))
			if err := npy.Read(bytes.NewReader(b.Bytes()), got.Interface()); err != nil && want.Len() > 0 {
				t.Errorf("npyio cannot read %v: %v", want, err)
			} else if fmt.Sprint(got.Elem().Interface()) != fmt.Sprint(d) {
				t.Errorf("npyio reads %v as %v", d, got.Elem().Interface())
			}
			var theirs bytes.Buffer
			if err := npy.Write(&theirs, d); err != nil {
				t.Fatal(err)
			}
			back, err := Read(&theirs)
			if err != nil || fmt.Sprint(back.Data) != fmt.Sprint(d) {
				t.Errorf("%v written by npyio reads as %v, %v", d, back, err)
			}
		}
	}
}

// npyFile is an NPY with a header of one's own.
func npyFile(version byte, header string, data []byte) []byte {
	b := append([]byte(magic), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return append(append(b, header...), data...)
}

func head(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape)
}

// zipFile is an archive of one member, whose directory may lie about its size.
func zipFile(t testing.TB, method uint16, content []byte, claim uint64) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "x.npy", Method: method})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	out := b.Bytes()
	if claim != 0 { // the uncompressed size is at byte 24 of the central directory's entry
		at := bytes.Index(out, []byte("PK\x01\x02"))
		binary.LittleEndian.PutUint32(out[at+24:], uint32(claim))
	}
	return out
}

func readAll(content []byte) ([]*recording.Array, error) {
	f, err := NewFile(bytes.NewReader(content), int64(len(content)), "test.npy")
	if err != nil {
		return nil, err
	}
	var out []*recording.Array
	for _, e := range f.Entries() {
		a, err := f.ReadEntry(e)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestHostile reads files that lie, and checks what the error says and that no memory is taken on their word.
func TestHostile(t *testing.T) {
	data := make([]byte, 24)
	good := npyFile(1, head("<f8", "False", "(3,)"), data)
	huge := npyFile(1, head("<f8", "False", "(1000000000,)"), data)
	damaged := zipFile(t, zip.Store, good, 0)
	damaged[30+len("x.npy")+len(good)-1] ^= 1
	cases := []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "the end of the data"},
		{"other bytes", []byte("hello, world"), `expected "\x93NUMPY"`},
		{"version 9", npyFile(9, head("<f8", "False", "(3,)"), data), "version 9.0"},
		{"endless header", append([]byte(magic+"\x02\x00"), 255, 255, 255, 255), "a header of 4294967295 bytes"},
		{"huge shape", huge, "found 24 bytes of data, expected 8000000000"},
		{"overflowing shape", npyFile(1, head("<f8", "False", "(4294967296, 4294967296, 2)"), data), "more elements than"},
		{"overflowing bytes", npyFile(1, head("<f8", "False", "(4611686018427387904,)"), data), "more elements than"},
		{"negative shape", npyFile(1, head("<f8", "False", "(-3,)"), data), "a length of 0 or more"},
		{"shape beyond integers", npyFile(1, head("<f8", "False", "(99999999999999999999,)"), data), "a length of 0 or more"},
		{"many axes", npyFile(1, head("<f8", "False", "("+strings.Repeat("1, ", 65)+")"), data), "more than 64 axes"},
		{"too much data", append(bytes.Clone(good), 0), "found 25 bytes of data, expected 24"},
		{"no shape", npyFile(1, "{'descr': '<f8', 'fortran_order': False}", data), "lacks one of"},
		{"two shapes", npyFile(1, "{'shape': (3,), 'shape': (3,), 'descr': '<f8', 'fortran_order': False}", data), `the key "shape"`},
		{"no dictionary", npyFile(1, "[1, 2, 3]", data), `expected "{"`},
		{"behind the dictionary", npyFile(1, head("<f8", "False", "(3,)")+"x", data), "the end of the header"},
		{"order neither", npyFile(1, head("<f8", "Maybe", "(3,)"), data), "True or False"},
		{"pickled", npyFile(1, head("|O", "False", "(3,)"), data), "pickled"},
		{"text of no length", npyFile(1, head("<U0", "False", "(1000000000000,)"), nil), "text of no length"},
		{"zip: huge shape", zipFile(t, zip.Deflate, huge, 0), "expected 8000000"},
		{"zip: huge claim", zipFile(t, zip.Deflate, huge, 4000000000), "compressed bytes can inflate to"},
		{"zip: stored, huge claim", zipFile(t, zip.Store, huge, 4000000000), ""},
		{"zip: truncated", zipFile(t, zip.Store, good, 0)[:60], "a damaged zip archive"},
		{"zip: no array", zipFile(t, zip.Store, []byte("hello, world"), 0), `expected "\x93NUMPY"`},
		{"zip: wrong checksum", damaged, "checksum"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var err error
			bytes := allocated(func() { _, err = readAll(c.content) })
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Fatalf("error %v, want a *recording.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) || own.Path != "test.npy" {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if bytes > 1<<20 {
				t.Errorf("%d bytes allocated for a file of %d", bytes, len(c.content))
			}
		})
	}
	t.Run("stream", func(t *testing.T) {
		var err error
		if bytes := allocated(func() { _, err = Read(bytes.NewReader(huge)) }); err == nil || bytes > 1<<20 {
			t.Errorf("%d bytes allocated, error %v", bytes, err)
		}
	})
}

// TestRefused gives NumPy's own files of types that are not read.
func TestRefused(t *testing.T) {
	for name, want := range map[string]string{"object": "pickle", "structured": "structured", "date": "dates", "longdouble": "not a size"} {
		_, err := Open("testdata/refused-" + name + ".npy")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", name, err, want)
		}
	}
	for _, arrays := range [][]*recording.Array{
		{{Name: "x", Dims: []int{3}, Data: []float64{1}}},
		{{Dims: []int{1}, Data: []float64{1}}, {Dims: []int{1}, Data: []float64{1}}},
		{{Name: "x", Dims: []int{1}, Data: []float64{1}}, {Name: "x", Dims: []int{1}, Data: []float64{1}}},
		{{Name: "x", Dims: []int{0}}},
	} {
		path := filepath.Join(t.TempDir(), "bad.npz")
		if err := Save(path, arrays...); err == nil {
			t.Errorf("%v was written", arrays)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	if err := Save(filepath.Join(t.TempDir(), "two.npy"), samples()[:2]...); err == nil || !strings.Contains(err.Error(), ".npz") {
		t.Errorf("two arrays in an NPY: %v", err)
	}
}

// TestTruncated cuts sound files at every byte.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"made.npz", "made-deflated.npz", "made-v1.npy", "made-v2.npy", "made-v3.npy"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for cut := range whole {
			_, err := readAll(whole[:cut])
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Errorf("%s cut to %d bytes: error %v, want a *recording.Error", name, cut, err)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"made-v1.npy", "made-v3.npy", "refused-structured.npy"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	good := npyFile(1, head("<U2", "False", "(3,)"), make([]byte, 24))
	f.Add(good)
	f.Add(zipFile(f, zip.Store, good, 0))
	f.Add(zipFile(f, zip.Deflate, good, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		arrays, err := readAll(content)
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
		for _, a := range arrays {
			n, err := recording.Count(a.Dims)
			if err != nil || n != a.Len() {
				t.Fatalf("%d values in shape %v", a.Len(), a.Dims)
			}
			var b bytes.Buffer
			if err := Write(&b, a); err != nil {
				t.Fatal(err)
			}
			back, err := Read(&b)
			if err != nil || a.Type() != "string" && !same(a.RowMajor(), back.RowMajor()) {
				t.Fatalf("%v written and read is %v, %v", a, back, err)
			}
		}
	})
}

// BenchmarkRead reads 64 MB of float64 from an NPY and from a stored NPZ, whose checksum it verifies.
func BenchmarkRead(b *testing.B) {
	const n = 8 << 20
	a := &recording.Array{Name: "x", Dims: []int{n}, Data: make([]float64, n)}
	for _, ext := range []string{"npy", "npz"} {
		b.Run(ext, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "big."+ext)
			if err := Save(path, a); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(8 * n)
			for b.Loop() {
				f, err := Open(path)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := f.Array("x"); err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
}

// BenchmarkWrite writes 64 MB of float64.
func BenchmarkWrite(b *testing.B) {
	const n = 8 << 20
	a := &recording.Array{Name: "x", Dims: []int{n}, Data: make([]float64, n)}
	b.SetBytes(8 * n)
	for b.Loop() {
		if err := Write(io.Discard, a); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	f, err := Open("testdata/made.npz")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	x, err := f.Array("int32")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x, x.Data)
	text, err := f.Array("text")
	if err != nil {
		fmt.Println(err)
		return
	}
	names, err := recording.Values[string](text)
	fmt.Println(names, err)
	// Output:
	// int32 2x3 int32 [-3 -2 -1 0 1 2]
	// [C3 Cz café] <nil>
}

func ExampleSave() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	rates := &recording.Array{Name: "rates", Dims: []int{2, 2}, Data: []float32{1, 2, 3, 4}}
	path := filepath.Join(dir, "rates.npz")
	fmt.Println(Save(path, rates))
	back, err := recording.Arrays(path, "rates")
	fmt.Println(back, err)
	// Output:
	// <nil>
	// [rates 2x2 float32] <nil>
}
