package gifti

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// golden is a file as golden.py noted it.
type golden struct {
	Meta   map[string]string
	Labels [][3]any
	Arrays []struct {
		Intent, DType, Data string
		Shape               []int
		Meta                map[string]string
		Transform           []float64
	}
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
		t.Log("GYRUS_DATA is not set: real files are skipped, the made-*.gii are not")
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

func sha(a *recording.Array) string {
	var b bytes.Buffer
	switch d := a.RowMajor().Data.(type) {
	case []float32:
		wire.Write(&b, d)
	case []int32:
		wire.Write(&b, d)
	case []uint8:
		wire.Write(&b, d)
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])[:16]
}

// TestGolden holds every file against what NiBabel reads out of it: numbers bit for bit.
func TestGolden(t *testing.T) {
	count := 0
	for path, w := range files(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			count++
			if fmt.Sprint(f.Metadata) != fmt.Sprint(w.Meta) && len(w.Meta)+len(f.Metadata) > 0 {
				t.Errorf("metadata %v, want %v", f.Metadata, w.Meta)
			}
			if len(f.Labels) != len(w.Labels) || len(f.Arrays) != len(w.Arrays) || f.Declared != len(w.Arrays) {
				t.Fatalf("%d labels, %d arrays, %d declared", len(f.Labels), len(f.Arrays), f.Declared)
			}
			for i, l := range f.Labels {
				if fmt.Sprint([3]any{float64(l.Key), l.Name, l.Color}) != fmt.Sprint(w.Labels[i]) {
					t.Errorf("label %v, want %v", l, w.Labels[i])
				}
			}
			for i, a := range f.Arrays {
				w := w.Arrays[i]
				if a.Intent != w.Intent || !slices.Equal(a.Data.Dims, w.Shape) || a.Data.Type() != w.DType || sha(a.Data) != w.Data || fmt.Sprint(a.Metadata) != fmt.Sprint(w.Meta) {
					t.Errorf("%s %v %s %v; want %+v", a.Intent, a.Data, sha(a.Data), a.Metadata, w)
				}
				if w.Transform != nil && len(a.Transforms) > 0 {
					var got []float64
					for _, row := range a.Transforms[0].Matrix {
						got = append(got, row[:]...)
					}
					if !slices.Equal(got, w.Transform) {
						t.Errorf("transform %v, want %v", got, w.Transform)
					}
				}
			}
		})
	}
	t.Logf("%d files equal", count)
	if count < 8 || (os.Getenv("GYRUS_DATA") != "" && count < 18) {
		t.Errorf("only %d files compared", count)
	}
}

func TestSurface(t *testing.T) {
	for _, name := range []string{"made-b64bin-f-little.gii", "made-b64gz-c-big.gii"} {
		f, err := Read(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Surface()
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Points) != 5 || !slices.Equal(s.Triangles, [][3]int32{{0, 1, 2}, {0, 2, 3}, {1, 4, 2}}) || s.Structure != "CortexLeft" {
			t.Errorf("%s: %+v", name, s)
		}
		if got := s.Transforms[0].Apply([3]float64{1, 2, 3}); got != [3]float64{6, -1, 2.5} || s.Transforms[0].From != "scanner_anat" || s.Transforms[0].To != "talairach" {
			t.Errorf("%s: transform %+v gives %v", name, s.Transforms[0], got)
		}
		f.first("triangle").Data.Data.([]int32)[4] = 5
		if _, err := f.Surface(); err == nil || !strings.Contains(err.Error(), "a corner at point 5, expected one of the 5 points") {
			t.Errorf("a triangle outside: %v", err)
		}
	}
	if f, err := Read("testdata/made-series.func.gii"); err != nil {
		t.Error(err)
	} else if _, err := f.Surface(); err == nil {
		t.Error("time series are a surface")
	}
}

func TestFormat(t *testing.T) {
	r, err := recording.Open("testdata/made-series.func.gii")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Channels) != 4 || r.Frames != 3 || math.Abs(r.Rate-0.4) > 1e-12 {
		t.Errorf("%d channels, %d frames at %g Hz", len(r.Channels), r.Frames, r.Rate)
	}
	a, err := recording.Arrays("testdata/made-series.func.gii", "time_series 2")
	if err != nil {
		t.Fatal(err)
	}
	x, err := r.Read(1, 1)
	if err != nil || !slices.Equal(x, a[0].Data.([]float32)) {
		t.Errorf("%v, %v, want %v", x, err, a[0].Data)
	}
	if a, err = recording.Arrays("testdata/made-b64bin-c-little.gii"); err != nil || fmt.Sprint(a) != "[pointset 5x3 float32 triangle 3x3 int32 label 5 int32 depth: <5> 5 uint8]" {
		t.Errorf("%v, %v", a, err)
	}
	if _, err = recording.Open("testdata/made-b64bin-c-little.gii"); err == nil {
		t.Error("a surface is a recording")
	}
	if _, err = recording.Arrays("testdata/made-b64bin-c-little.gii", "x"); err == nil || !strings.Contains(err.Error(), "it holds pointset, triangle") {
		t.Error(err)
	}
	d, err := recording.Inspect("testdata/made-b64bin-c-little.gii")
	if err != nil || !strings.Contains(d.String(), "5 points, 3 triangles") {
		t.Errorf("%v, %v", d, err)
	}
}

// one is a file of one array.
func one(attributes, data string) []byte {
	defaults := map[string]string{"Intent": "NIFTI_INTENT_SHAPE", "DataType": "NIFTI_TYPE_FLOAT32", "Dimensionality": "1", "Dim0": "2", "Encoding": "ASCII", "Endian": "LittleEndian"}
	all := ""
	for name, value := range defaults {
		if !strings.Contains(attributes, " "+name+"=") {
			all += fmt.Sprintf(" %s=%q", name, value)
		}
	}
	return []byte("<GIFTI><DataArray" + all + attributes + "><Data>" + data + "</Data></DataArray></GIFTI>")
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostile(t *testing.T) {
	packed := func(n int) string {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		z.Write(make([]byte, n))
		z.Close()
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	const gz = ` Encoding="GZipBase64Binary"`
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "no element GIFTI"},
		{"no XML", []byte("surface"), "no element GIFTI"},
		{"other XML", []byte("<html></html>"), `an element "html"`},
		{"two roots", []byte("<GIFTI></GIFTI><GIFTI></GIFTI>"), `an element "GIFTI", expected one`},
		{"unclosed", []byte("<GIFTI><DataArray"), "the end of the file"},
		{"unknown type", one(` DataType="NIFTI_TYPE_RGB24"`, "1 2"), `data of type "rgb24"`},
		{"no axes", one(` Dimensionality="0"`, "1 2"), `"0" axes`},
		{"many axes", one(` Dimensionality="7"`, "1 2"), `"7" axes`},
		{"missing axis", one(` Dimensionality="2"`, "1 2"), `an axis of length ""`},
		{"negative axis", one(` Dim0="-2"`, "1 2"), `an axis of length "-2"`},
		{"endless axis", one(` Dim0="9000000000000000000"`, "1 2"), "expected a smaller one"},
		{"endless shape", one(` Dimensionality="2" Dim1="9000000000000000000"`, "1 2"), "expected a smaller one"},
		{"fewer numbers", one("", "1"), "1 numbers, expected 2"},
		{"no number", one("", "1 x"), `"x" as value 1`},
		{"number too large", one(` DataType="NIFTI_TYPE_UINT8"`, "1 256"), `"256" as value 1`},
		{"no encoding", one(` Encoding="JPEG"`, "1 2"), `encoding "JPEG"`},
		{"no base64", one(` Encoding="Base64Binary"`, "1*2="), "not base64"},
		{"short base64", one(` Encoding="Base64Binary"`, "AAAA"), "3 bytes of data, expected 8"},
		{"long base64", one(` Encoding="Base64Binary"`, "AAAAAAAAAAAAAAAA"), "12 bytes of data, expected 8"},
		{"no zlib", one(gz, "AAAAAAAAAAAAAAAA"), "cannot be read"},
		{"short zlib", one(gz, packed(4)), "end early"},
		{"long zlib", one(gz, packed(12)), "more data than that"},
		{"zlib lie", one(gz+` Dim0="1000000000"`, packed(8)), "what can inflate to"},
		{"zlib lie that deflate could keep", one(gz+` Dim0="3000"`, packed(8)), "end early"},
		{"external elsewhere", one(` Encoding="ExternalFileBinary" ExternalFileName="../golden.json"`, ""), "in the same folder"},
		{"external nowhere", one(` Encoding="ExternalFileBinary" ExternalFileName="x.dat"`, ""), `data in the file "x.dat"`},
		{"external without a name", one(` Encoding="ExternalFileBinary"`, ""), "in the same folder"},
		{"no data", []byte("<GIFTI><DataArray DataType='NIFTI_TYPE_UINT8' Dimensionality='1' Dim0='0'></DataArray></GIFTI>"), "an array without data"},
		{"label without a key", []byte("<GIFTI><LabelTable><Label>x</Label></LabelTable></GIFTI>"), "a label with key"},
		{"label of no colour", []byte("<GIFTI><LabelTable><Label Key='1' Red='rot'>x</Label></LabelTable></GIFTI>"), `Red "rot"`},
		{"short transform", []byte("<GIFTI><DataArray DataType='NIFTI_TYPE_UINT8' Dimensionality='1' Dim0='0'><CoordinateSystemTransformMatrix><MatrixData>1 2</MatrixData></CoordinateSystemTransformMatrix></DataArray></GIFTI>"), "a transform of 2 numbers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			used := allocated(func() { _, err = ReadFrom(bytes.NewReader(c.content), int64(len(c.content)), "test.gii") })
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Fatalf("error %v, want a *recording.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) || own.Path != "test.gii" {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if used > uint64(1<<20+40*len(c.content)) {
				t.Errorf("%d bytes allocated for a file of %d", used, len(c.content))
			}
		})
	}
	// Data beside the file, too short.
	dir := t.TempDir()
	path := filepath.Join(dir, "a.gii")
	if err := os.WriteFile(path, one(` Encoding="ExternalFileBinary" ExternalFileName="a.dat" ExternalFileOffset="4"`, ""), 0o644); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]bool{11: false, 12: true, 3: false} {
		if err := os.WriteFile(filepath.Join(dir, "a.dat"), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); (err == nil) != want {
			t.Errorf("%d bytes beside the file: %v", size, err)
		}
	}
}

// TestTruncated cuts sound files at every byte.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"made-ascii-c-little.gii", "made-b64gz-c-big.gii"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		end := bytes.LastIndex(whole, []byte("</GIFTI>")) + len("</GIFTI>")
		for cut := range end {
			_, err := ReadFrom(bytes.NewReader(whole[:cut]), int64(cut), name)
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Fatalf("%s cut to %d bytes: %v", name, cut, err)
			}
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(whole)
		z.Close()
		if _, err := ReadFrom(bytes.NewReader(b.Bytes()), int64(b.Len()), name); err != nil {
			t.Errorf("compressed: %v", err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"made-ascii-c-little.gii", "made-b64gz-c-big.gii", "made-series.func.gii"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add(one("", "1 2"))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := ReadFrom(bytes.NewReader(content), int64(len(content)), "fuzz.gii")
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
		if err == nil {
			for _, a := range file.Arrays {
				if n, _ := recording.Count(a.Data.Dims); n != a.Data.Len() {
					t.Fatalf("%d values in shape %v", a.Data.Len(), a.Data.Dims)
				}
			}
			if _, err := file.Surface(); err != nil && !errors.As(err, &own) {
				t.Fatalf("%v is not a *recording.Error", err)
			}
		}
	})
}

func Example() {
	f, err := Read("testdata/made-b64gz-c-little.gii")
	if err != nil {
		fmt.Println(err)
		return
	}
	mesh, err := f.Surface()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(mesh.Points), mesh.Triangles[0], mesh.Structure)
	fmt.Println(f.Labels[0].Key, f.Labels[0].Name, f.Arrays[2].Data.Data)
	// Output:
	// 5 [0 1 2] CortexLeft
	// 3 left & right [3 3 7 3 7]
}

// TestLongTexts has texts longer than any should be, compressed to little: they are refused before they are kept.
func TestLongTexts(t *testing.T) {
	for name, parts := range map[string][2]string{
		"before the first element": {"", ""},
		"in metadata":              {"<GIFTI><MetaData><MD><Name>", ""},
		"in an unknown element":    {"<GIFTI><Unknown><Inner>", "</Inner></Unknown></GIFTI>"},
		"between elements":         {"<GIFTI>", "</GIFTI>"},
		"data of one number": {`<GIFTI><DataArray Intent="NIFTI_INTENT_NONE" DataType="NIFTI_TYPE_FLOAT32" ArrayIndexingOrder="RowMajorOrder" Dimensionality="1" Dim0="1" Encoding="ASCII" Endian="LittleEndian"><Data>`,
			"</Data></DataArray></GIFTI>"},
	} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, parts[0])
		blank := bytes.Repeat([]byte(" "), 1<<20)
		for range 40 {
			z.Write(blank)
		}
		io.WriteString(z, parts[1])
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "a.gii.gz")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		var own *recording.Error
		if !errors.As(err, &own) || !strings.Contains(err.Error(), "longer than any should be") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
