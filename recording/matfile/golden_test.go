package matfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
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
)

// tree is a value as golden.py records it.
type tree struct {
	Class     string   `json:"class"`
	Dims      []int    `json:"dims"`
	Sha       string   `json:"sha"`
	Text      string   `json:"text"`
	Logical   bool     `json:"logical"`
	Fields    []string `json:"fields"`
	ClassName string   `json:"className"`
	Items     []tree   `json:"items"`
}

// golden reads golden.json: by file, then by variable.
func golden(t testing.TB) map[string]map[string]json.RawMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g map[string]map[string]json.RawMessage
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGolden holds every value of every file against what scipy.io.loadmat makes of it, bit for bit.
func TestGolden(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Log("GYRUS_DATA is not set: real files are skipped, the made-*.mat are not")
	}
	files, values := 0, 0
	for name, want := range golden(t) {
		path := filepath.Join("testdata", name)
		if !strings.HasPrefix(name, "made-") {
			if data == "" {
				continue
			}
			path = filepath.Join(data, name)
		}
		files++
		t.Run(name, func(t *testing.T) {
			got, err := readAll(path)
			if why, broken := want["error"]; broken {
				if strings.Contains(string(why), "HDF reader") {
					return // TestLevel73Golden reads it
				}
				if err == nil {
					t.Fatalf("no error where scipy says %s", why)
				}
				if !strings.Contains(err.Error(), path) {
					t.Errorf("error does not name the file: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, raw := range want {
				var w tree
				if err := json.Unmarshal(raw, &w); err != nil {
					t.Fatal(err)
				}
				v, ok := got[name]
				if !ok {
					t.Errorf("%s is missing", name)
					continue
				}
				values += compare(t, name, v, w, strings.Contains(name, "level4") || v.level4)
				delete(got, name)
			}
			for name, v := range got {
				if v.Class != Opaque { // scipy gives those the name None
					t.Errorf("%s is not in the golden file", name)
				}
			}
		})
	}
	t.Logf("%d files, %d values equal", files, values)
	if files < 3 || (data != "" && files < 100) {
		t.Errorf("only %d files compared", files)
	}
}

type leveled struct {
	*Value
	level4 bool
}

// readAll reads every variable of a file.
func readAll(path string) (map[string]leveled, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string]leveled{}
	for _, entry := range f.Variables() {
		v, err := f.ReadVariable(entry)
		if err != nil {
			return nil, err
		}
		out[entry.Name] = leveled{v, f.Header.Level == 4}
	}
	return out, nil
}

// compare reports differences between a value and its golden record, and returns how many values it looked at. Level 4 has
// no classes; scipy calls all its numbers double.
func compare(t *testing.T, at string, v leveled, w tree, level4 bool) int {
	if got := v.Class.String(); got != w.Class && !level4 {
		t.Errorf("%s: class %s, want %s", at, got, w.Class)
		return 0
	}
	if w.Class == "function handle" || w.Class == "opaque object" {
		if _, err := v.Array(); err == nil {
			t.Errorf("%s: a %s gives an array", at, w.Class)
		}
		return 1
	}
	// An element of zero bytes is MATLAB's 0x0 double, for which scipy has the shape (1, 0).
	if !slices.Equal(v.Dims, w.Dims) && !(v.Value == empty && slices.Equal(w.Dims, []int{1, 0})) {
		t.Errorf("%s: shape %v, want %v", at, v.Dims, w.Dims)
		return 0
	}
	if v.Logical != w.Logical && v.Class != Sparse {
		t.Errorf("%s: logical %v, want %v", at, v.Logical, w.Logical)
	}
	if v.ClassName != w.ClassName {
		t.Errorf("%s: class name %q, want %q", at, v.ClassName, w.ClassName)
	}
	inner := v.Cells
	switch v.Class {
	case Char:
		if got := string(joinSurrogates(slices.Clone(v.chars))); got != w.Text {
			t.Errorf("%s: text %q, want %q", at, got, w.Text)
		}
	case Struct, Object:
		if !slices.Equal(v.FieldNames(), w.Fields) {
			t.Errorf("%s: fields %q, want %q", at, v.FieldNames(), w.Fields)
		}
		inner = v.fields
	case Cell:
	default:
		a := v.data
		if v.Class == Sparse {
			s, err := v.Sparse()
			if err != nil {
				t.Fatal(err)
			}
			if a, err = s.Dense(); err != nil {
				t.Fatal(err)
			}
		}
		if got := digest(t, a); got != w.Sha {
			t.Errorf("%s: values differ: %v", at, a.Data)
		}
	}
	if len(inner) != len(w.Items) {
		t.Errorf("%s: %d inner values, want %d", at, len(inner), len(w.Items))
		return 1
	}
	n := 1
	for i := range inner {
		n += compare(t, fmt.Sprintf("%s{%d}", at, i), leveled{inner[i], v.level4}, w.Items[i], level4)
	}
	return n
}

func digest(t *testing.T, a *recording.Array) string {
	var b bytes.Buffer
	put := func(x float64) { b.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(x))) }
	switch d := a.Data.(type) {
	case []complex64:
		for _, z := range d {
			put(float64(real(z)))
		}
		for _, z := range d {
			put(float64(imag(z)))
		}
	case []complex128:
		for _, z := range d {
			put(real(z))
		}
		for _, z := range d {
			put(imag(z))
		}
	default:
		x, err := a.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range x {
			put(v)
		}
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])[:16]
}

// TestExpected holds the reader against the list that came with the files of SciPy's tests: each gives content where the list
// says ok, an error where it says error; but the one of level 7.3, which SciPy leaves to others, gives its variable.
func TestExpected(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	list, err := os.ReadFile(filepath.Join(data, "formats", "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if !strings.HasPrefix(fields[0], "mat-scipy/") {
			continue
		}
		n++
		got, err := readAll(filepath.Join(data, "formats", fields[0]))
		if strings.Contains(fields[2], "HDF reader") {
			fields[2] = "ok: testdouble[9, 1]"
		}
		if wantErr := strings.HasPrefix(fields[2], "error"); wantErr != (err != nil) {
			t.Errorf("%s: error %v, but the list says %s", fields[0], err, fields[2])
			continue
		} else if wantErr {
			continue
		}
		for want := range strings.SplitSeq(strings.TrimPrefix(fields[2], "ok: "), "], ") {
			name, _, _ := strings.Cut(want, "[")
			if _, ok := got[name]; !ok && name != "None" {
				t.Errorf("%s: no variable %s", fields[0], name)
			}
		}
	}
	if n != 111 {
		t.Errorf("%d files in the list, want 111", n)
	}
}
