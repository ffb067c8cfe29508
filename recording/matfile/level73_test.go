package matfile

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
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

// TestLevel73 holds a file of level 7.3 against the golden record of the same values in level 5.
func TestLevel73(t *testing.T) {
	f, err := Open("testdata/made-73.mat")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Header.Level != 7 || f.Header.Order != binary.LittleEndian || !strings.HasPrefix(f.Header.Text, "MATLAB 7.3 MAT-file") {
		t.Errorf("header %+v", f.Header)
	}
	listed := map[string]Variable{}
	for _, v := range f.Variables() {
		listed[v.Name] = v
	}
	n := 0
	for name, raw := range golden(t)["made-plain.mat"] {
		var w tree
		if err := json.Unmarshal(raw, &w); err != nil {
			t.Fatal(err)
		}
		v, err := f.Value(name)
		if err != nil {
			t.Error(err)
			continue
		}
		n += compare(t, name, leveled{v, false}, w, false)
		entry := listed[name]
		if entry.Class != v.Class || !slices.Equal(entry.Dims, v.Dims) || entry.Logical != v.Logical || v.Name != name {
			t.Errorf("%s is listed as %+v", name, entry)
		}
	}
	if n < 30 {
		t.Errorf("%d values compared", n)
	}
	if !listed["z"].Complex || listed["x"].Complex || listed["x"].Compressed || !listed["without class"].Compressed {
		t.Errorf("listed as %+v, %+v and %+v", listed["z"], listed["x"], listed["without class"])
	}
	for name, want := range map[string]string{
		"empty struct":       "struct [0 2] [ab c] []",
		"empty cell":         "cell [3 0] [] []",
		"empty text":         "char [0 0] [] []",
		"a string object":    "opaque object [2 1] [] []",
		"a function":         "function handle [] [] []",
		"without class":      "double [3 2] [] []",
		"text without class": "char [1 5] [] []",
	} {
		v, err := f.Value(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := fmt.Sprint(v.Class, " ", v.Dims, " ", v.FieldNames(), " ", v.Cells); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	x, err := f.Array("without class")
	if err != nil || !reflect.DeepEqual(x, &recording.Array{Name: "without class", Dims: []int{3, 2}, Order: recording.ColumnMajor, Data: []float64{0, 1, 2, 3, 4, 5}}) {
		t.Errorf("%+v, %v", x, err)
	}
	v, err := f.Value("text without class")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := v.Text(); err != nil || text != "µV 𝄞" {
		t.Errorf("%q, %v", text, err)
	}
	if v, err = f.Value("sparse none"); err != nil {
		t.Fatal(err)
	}
	if s, err := v.Sparse(); err != nil || s.Dims != [2]int{3, 4} || len(s.Rows) != 0 || s.Values.Type() != "bool" {
		t.Errorf("%+v, %v", s, err)
	}
	if v, err = f.Value("shared"); err != nil || v.Cells[0] != v.Cells[1] {
		t.Errorf("%+v, %v", v, err)
	}
	for name, want := range map[string]string{
		"circle":   "found a value that holds itself",
		"doubling": "more values than the file has bytes",
		"nothing":  `expected a variable "nothing"; it holds`,
	} {
		if _, err := f.Value(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// TestLevel73Golden holds files that MATLAB wrote against what pymatreader makes of them.
func TestLevel73Golden(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	text, err := os.ReadFile("testdata/golden73.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != 2 {
		t.Errorf("%d files in the golden file", len(want))
	}
	for name, w := range want {
		f, err := Open(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		for _, entry := range f.Variables() {
			v, err := f.ReadVariable(entry)
			if err != nil {
				t.Fatal(err)
			}
			got[entry.Name] = simple(t, v)
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s: got %v, want %v", name, got, w)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// simple makes of a value what golden73.py records.
func simple(t *testing.T, v *Value) any {
	if v.Len() == 0 {
		return "empty"
	}
	switch v.Class {
	case Char:
		rows, err := v.Rows()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 1 {
			return rows[0]
		}
		var list []any
		for _, r := range rows {
			list = append(list, r)
		}
		return list
	case Cell:
		var list []any
		for _, c := range v.Cells {
			list = append(list, simple(t, c))
		}
		return list
	case Struct:
		out := map[string]any{}
		for _, name := range v.FieldNames() {
			all, err := v.Fields(name)
			if err != nil {
				t.Fatal(err)
			}
			var list []any
			for _, f := range all {
				list = append(list, simple(t, f))
			}
			if out[name] = list; len(list) == 1 {
				out[name] = list[0]
			}
		}
		return out
	}
	x, err := v.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	if len(x) == 1 {
		return x[0]
	}
	var b []byte
	for _, y := range x {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(y))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:16]
}

// TestLevel73Damaged turns over bits of a file of level 7.3, or cuts it: content or an error, and nothing else.
func TestLevel73Damaged(t *testing.T) {
	whole, err := os.ReadFile("testdata/made-73.mat")
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range 3000 {
		at := (i * 7919) % len(whole)
		whole[at] ^= 1 << (i % 8)
		f, err := NewFile(bytes.NewReader(whole), int64(len(whole)), "test.mat")
		var errs []error
		if err != nil {
			errs = append(errs, err)
		} else {
			for _, entry := range f.Variables() {
				if v, err := f.ReadVariable(entry); err != nil {
					errs = append(errs, err)
				} else {
					check(t, v)
				}
			}
		}
		for _, err := range errs {
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Errorf("bit %d of byte %d: %v is not a *recording.Error", i%8, at, err)
			}
		}
		if len(errs) > 2 { // two variables are broken on purpose
			failed++
		}
		whole[at] ^= 1 << (i % 8)
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
	if _, err := NewFile(bytes.NewReader(whole[:20000]), 20000, "test.mat"); err == nil {
		t.Error("a file cut short is opened")
	}
}

// TestLevel73Format reads the file through package recording.
func TestLevel73Format(t *testing.T) {
	d, err := recording.Inspect("testdata/made-73.mat")
	if err != nil {
		t.Fatal(err)
	}
	text := d.String()
	for _, want := range []string{"MATLAB MAT-file, level 7.3", "header:", "4x3x2  float64", "cell of text", "C3, Cz, C4", "object of class string", "value that holds itself"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description lacks %q:\n%s", want, text)
		}
	}
	x, err := recording.Arrays("testdata/made-73.mat", "x", "names")
	if text := fmt.Sprint(x, err); text != "[x 4x3x2 float64 names 3 string] <nil>" {
		t.Error(text)
	}
}
