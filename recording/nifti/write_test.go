package nifti

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

var tilted = [4][4]float64{{1.9, -0.3, 0.5, -20}, {0.4, 2.8, -0.9, 10}, {-0.4, 0.6, 3.8, 5}, {0, 0, 0, 1}}

// TestWrite writes arrays of every type, order and kind of file, and reads the same back.
func TestWrite(t *testing.T) {
	dims := []int{3, 4, 2}
	n := 24
	ramp := func(scale float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = scale * float64(i-5)
		}
		return x
	}
	to := map[string]any{"float64": ramp(0.3)}
	var i8 []int8
	var i16 []int16
	var u64 []uint64
	var f32 []float32
	var c64 []complex64
	var truth []bool
	for i, v := range ramp(2) {
		i8, i16, u64 = append(i8, int8(v)), append(i16, int16(100*v)), append(u64, 1<<63+uint64(i))
		f32, c64, truth = append(f32, float32(v)/3), append(c64, complex(float32(v), 1)), append(truth, i%3 == 0)
	}
	to["int8"], to["int16"], to["uint64"], to["float32"], to["complex64"], to["bool"] = i8, i16, u64, f32, c64, truth
	count := 0
	for typ, data := range to {
		for _, order := range []recording.Order{recording.RowMajor, recording.ColumnMajor} {
			for _, ext := range []string{".nii", ".nii.gz", ".hdr", ".img.gz"} {
				for version := range 3 {
					path := filepath.Join(t.TempDir(), "x"+ext)
					a := &recording.Array{Name: "x", Dims: dims, Order: order, Data: data}
					o := WriteOptions{Affine: tilted, Version: version, Description: "made by a test", Intent: 1001, IntentName: "beta", Form: 4}
					if err := Write(path, a, o); err != nil {
						t.Fatal(err)
					}
					im, err := Open(path)
					if err != nil {
						t.Fatal(err)
					}
					got, err := im.Array()
					if err != nil {
						t.Fatal(err)
					}
					if want := max(1, version); im.Format != []string{"", "NIfTI-1", "NIfTI-2"}[want] || !slices.Equal(im.Dims, dims) || im.Description != o.Description ||
						im.Intent != 1001 || im.IntentName != "beta" || im.SForm != 4 || im.QForm != 0 || im.Pair != !strings.HasPrefix(ext, ".nii") || im.SpaceUnit != "mm" {
						t.Errorf("%s, version %d: %+v", ext, version, im)
					}
					if !near(flat(im.Affine), flat(tilted), 1e-6) {
						t.Errorf("affine %v", im.Affine)
					}
					if typ != "bool" && got.Type() != typ {
						t.Errorf("%s is read as %s", typ, got.Type())
					}
					x, y := got.RowMajor(), a.RowMajor()
					if typ == "complex64" {
						if !slices.Equal(x.Data.([]complex64), y.Data.([]complex64)) {
							t.Errorf("%s %v %s: %v, want %v", typ, order, ext, x.Data, y.Data)
						}
					} else if xs, _ := x.Float64s(); true {
						if ys, _ := y.Float64s(); !slices.Equal(xs, ys) {
							t.Errorf("%s %v %s: %v, want %v", typ, order, ext, xs, ys)
						}
					}
					im.Close()
					count++
				}
			}
		}
	}
	if count != 7*2*4*3 {
		t.Errorf("%d files written", count)
	}
}

// TestWriteForms writes affines that a quaternion can say, and reads them by it.
func TestWriteForms(t *testing.T) {
	for i, a := range [][4][4]float64{
		{{-2, 0, 0, 90}, {0, 2, 0, -126}, {0, 0, 2, -72}, {0, 0, 0, 1}},
		{{0, -2, 0, 10}, {3, 0, 0, -20}, {0, 0, 4, 5.5}, {0, 0, 0, 1}},
		{{0, 0, 1.5, 1}, {-3, 0, 0, 2}, {0, 2, 0, 3}, {0, 0, 0, 1}},
		{{1, 0, 0, 0}, {0, -2, 0, 0}, {0, 0, -3, 0}, {0, 0, 0, 1}},
		{{-1, 0, 0, 0}, {0, -2, 0, 0}, {0, 0, 3, 0}, {0, 0, 0, 1}},
		{{0, 1, 0, 0}, {0, 0, 1, 0}, {1, 0, 0, 0}, {0, 0, 0, 1}},
		{{1.6, -1.8, 0, 0}, {1.2, 2.4, 0, 0}, {0, 0, 4, 0}, {0, 0, 0, 1}},
	} {
		path := filepath.Join(t.TempDir(), "x.nii")
		x := &recording.Array{Dims: []int{2, 2, 2, 1}, Data: make([]int16, 8)}
		if err := Write(path, x, WriteOptions{Affine: a, Zooms: []float64{0, 0, 0, 2.5}}); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[254] = 0 // no sform
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		im, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if im.SForm != 0 || im.QForm != 1 || !near(flat(im.Affine), flat(a), 1e-5) || im.Zooms[3] != 2.5 {
			t.Errorf("affine %d comes back as %v (%d, %d), want %v", i, im.Affine, im.SForm, im.QForm, a)
		}
		im.Close()
	}
}

// TestNeverOver keeps what is there, unless asked.
func TestNeverOver(t *testing.T) {
	dir := t.TempDir()
	x := &recording.Array{Dims: []int{2}, Data: []int16{1, 2}}
	for _, name := range []string{"a.nii", "b.nii.gz", "c.hdr"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, x, WriteOptions{}); err == nil || !strings.Contains(err.Error(), "a file of this name") {
			t.Errorf("%s: %v", name, err)
		}
		if content, _ := os.ReadFile(path); string(content) != "precious" {
			t.Errorf("%s was changed", name)
		}
		if err := Write(path, x, WriteOptions{Overwrite: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		im, err := Open(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		im.Close()
	}
	before, _ := os.ReadDir(dir)
	for name, a := range map[string]*recording.Array{
		"text.nii":    {Dims: []int{1}, Data: []string{"x"}},
		"shape.nii":   {Dims: []int{3}, Data: []int16{1, 2}},
		"scalar.nii":  {Data: []int16{1}},
		"other.png":   x,
		"missing.nii": {Dims: []int{0}},
	} {
		if err := Write(filepath.Join(dir, name), a, WriteOptions{}); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if after, _ := os.ReadDir(dir); len(after) != len(before) {
		t.Errorf("%d files, %d before", len(after), len(before))
	}
	if err := Write(filepath.Join(dir, "long.nii"), &recording.Array{Dims: []int{40000}, Data: make([]uint8, 40000)}, WriteOptions{Version: 1}); err == nil {
		t.Error("an axis of 40000 was written to NIfTI-1")
	}
	if err := Write(filepath.Join(dir, "long.nii"), &recording.Array{Dims: []int{40000}, Data: make([]uint8, 40000)}, WriteOptions{}); err != nil {
		t.Error(err)
	}
}
