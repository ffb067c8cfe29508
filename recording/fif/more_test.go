package fif

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// more is what testdata/more.py says of a file.
type more struct {
	Grade *int
	Comps []struct {
		Kind          int
		Calibrated    bool
		Rows, Columns []string
		Values        string
		First         float64
	}
	Shape []int
	Data  string
	First [2]float64
}

// loadMore gives what is known about files, by path: those made, and those of GYRUS_DATA if it is set.
func loadMore(t *testing.T) map[string]more {
	t.Helper()
	text, err := os.ReadFile("testdata/more.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]more
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]more{}
	for name, m := range all {
		if strings.HasPrefix(name, "made") {
			out[filepath.Join("testdata", name)] = m
		} else if data := os.Getenv("GYRUS_DATA"); data != "" {
			out[filepath.Join(data, name)] = m
		}
	}
	return out
}

// TestCompensations holds matrices and grades against MNE-Python, value for value.
func TestCompensations(t *testing.T) {
	seen := 0
	for path, want := range loadMore(t) {
		if want.Shape != nil {
			continue
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		grade, err := f.Info.Grade()
		if err != nil || want.Grade != nil && grade != *want.Grade || len(f.Info.Compensations) != len(want.Comps) {
			t.Errorf("%s: grade %d, %d matrices, %v; want %v, %d", path, grade, len(f.Info.Compensations), err, want.Grade, len(want.Comps))
			continue
		}
		for i, w := range want.Comps {
			seen++
			c := f.Info.Compensations[i]
			if c.Grade != w.Kind || c.Calibrated != w.Calibrated || !slices.Equal(c.Rows, w.Rows) || !slices.Equal(c.Columns, w.Columns) {
				t.Errorf("%s: matrix %d is of grade %d (%v), %d rows, %d columns", path, i, c.Grade, c.Calibrated, len(c.Rows), len(c.Columns))
			}
			if got := sha(slices.Concat(c.Values...)); got != w.Values {
				t.Errorf("%s: matrix %d begins with %g, MNE-Python's with %g", path, i, c.Values[0][0], w.First)
			}
		}
		if d, err := recording.Inspect(path); err != nil || strings.Contains(d.String(), "compensation:") != (grade != 0 || len(want.Comps) > 0) {
			t.Errorf("%s is described as\n%v, %v", path, d, err)
		}
	}
	if seen < 3 || os.Getenv("GYRUS_DATA") != "" && seen < 6 {
		t.Errorf("%d matrices compared", seen)
	}
	r, err := recording.Open("testdata/made-comp_raw.fif")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := r.Metadata["compensation"]; got != "samples are of grade 3, matrices of grades 1, 3, 101" {
		t.Errorf("compensation: %s", got)
	}
}

func shaComplex(x []complex128) string {
	parts := make([]float64, 0, 2*len(x))
	for _, v := range x {
		parts = append(parts, real(v), imag(v))
	}
	var b bytes.Buffer
	wire.Write(&b, parts)
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])[:16]
}

// TestComplex reads complex averages and epochs as MNE-Python does, and says of a recording what to do.
func TestComplex(t *testing.T) {
	for path, want := range loadMore(t) {
		if want.Shape == nil {
			continue
		}
		arrays, err := recording.Arrays(path)
		if err != nil {
			t.Fatal(err)
		}
		x, err := recording.Values[complex128](arrays[0])
		if err != nil || !slices.Equal(arrays[0].Dims, want.Shape) {
			t.Fatalf("%s: %v, %v", path, arrays[0], err)
		}
		if got := shaComplex(x); got != want.Data {
			t.Errorf("%s begins with %v, MNE-Python's with %v", path, x[0], want.First)
		}
		if d, err := recording.Inspect(path); err != nil || d.Items[0].Type != "complex128" {
			t.Errorf("%s is described as\n%v, %v", path, d, err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if e, err := f.Epochs(); err == nil {
			if _, err := e.Read(0); err == nil || !strings.Contains(err.Error(), "ReadComplex") {
				t.Errorf("%s: reading real numbers: %v", path, err)
			}
		}
	}
	_, err := recording.Open("testdata/made-complex_raw.fif")
	var own *recording.Error
	if !errors.As(err, &own) || !strings.Contains(err.Error(), "found complex numbers, expected real numbers in a continuous recording; write the real and imaginary parts") {
		t.Errorf("a complex recording: %v", err)
	}
	// Real trials read as complex ones.
	f, err := Open("testdata/made_epo.fif")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, err := f.Epochs()
	if err != nil {
		t.Fatal(err)
	}
	x, err1 := e.Read(0)
	z, err2 := e.ReadComplex(0)
	if err1 != nil || err2 != nil || z[5] != complex(x[5], 0) {
		t.Error(err1, err2)
	}
}

// TestBadCompensation damages matrices: each is an error that says what, or reads; none panics.
func TestBadCompensation(t *testing.T) {
	content, err := os.ReadFile("testdata/made-comp_raw.fif")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x_raw.fif")
	try := func(content []byte) error {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := recording.Open(path)
		if err == nil {
			r.Close()
		}
		return err
	}
	from := bytes.Index(content, []byte{0, 0, 0x0d, 0xfc}) // the tag 3580
	if from < 0 {
		t.Fatal("no compensation")
	}
	var own *recording.Error
	for at := from; at < min(len(content), from+600); at++ {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			damaged := bytes.Clone(content)
			damaged[at] ^= flip
			if err := try(damaged); err != nil && !errors.As(err, &own) {
				t.Fatalf("byte %d: %v", at, err)
			}
		}
	}
	renamed := bytes.Replace(content, []byte("REF 1:REF 2"), []byte("REF 1:REF 9"), 1)
	if err := try(renamed); err != nil {
		t.Errorf("a matrix of channels that are not there: %v", err)
	}
	short := bytes.Replace(content, []byte("REF 1:REF 2"), []byte("REF 1 REF 2"), 1)
	if err := try(short); err == nil || !strings.Contains(err.Error(), fmt.Sprint([]int{2, 2})) {
		t.Errorf("a matrix of fewer names: %v", err)
	}
}
