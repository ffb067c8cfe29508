package nifti

import (
	"bytes"
	"crypto/sha256"
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

// golden is an image as golden.py noted it.
type golden struct {
	Shape                       []int
	DType                       string
	Zooms, Affine               []float64
	Scaling                     [2]float64
	Stored, Scaled, Box, Volume string
	Axes                        string
	SForm, QForm, Intent        *int
	Description                 string
	Extensions                  [][2]int
}

// files gives the golden files and their paths; those of GYRUS_DATA only where it is set.
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

// sha hashes an array as it lies in memory.
func sha(t testing.TB, a *recording.Array) string {
	t.Helper()
	if a.Order != recording.ColumnMajor {
		t.Errorf("%v is row-major", a)
	}
	var b bytes.Buffer
	if err := writeValues(&b, a); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])[:16]
}

func near(a, b []float64, tolerance float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= tolerance*max(1, math.Abs(y)) })
}

func flat(a [4][4]float64) []float64 {
	var out []float64
	for _, row := range a {
		out = append(out, row[:]...)
	}
	return out
}

// TestGolden holds every image against what NiBabel reads out of it: values bit for bit.
func TestGolden(t *testing.T) {
	count := 0
	for path, w := range files(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			im, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer im.Close()
			count++
			if !slices.Equal(im.Dims, w.Shape) || im.Type != w.DType {
				t.Fatalf("%v of %s, want %v of %s", im.Dims, im.Type, w.Shape, w.DType)
			}
			if !near(im.Zooms, w.Zooms, 1e-9) {
				t.Errorf("zooms %v, want %v", im.Zooms, w.Zooms)
			}
			if !near(flat(im.Affine), w.Affine, 2e-6) || im.Axes() != w.Axes {
				t.Errorf("affine %v %s, want %v %s", im.Affine, im.Axes(), w.Affine, w.Axes)
			}
			if [2]float64{im.Slope, im.Inter} != w.Scaling {
				t.Errorf("scaling %g, %g; want %v", im.Slope, im.Inter, w.Scaling)
			}
			if w.SForm != nil && (im.SForm != *w.SForm || im.QForm != *w.QForm || im.Intent != *w.Intent || im.Description != w.Description) {
				t.Errorf("sform %d, qform %d, intent %d, %q; want %d, %d, %d, %q", im.SForm, im.QForm, im.Intent, im.Description, *w.SForm, *w.QForm, *w.Intent, w.Description)
			}
			var extensions [][2]int
			for _, e := range im.Extensions {
				extensions = append(extensions, [2]int{e.Code, len(e.Data)})
			}
			if fmt.Sprint(extensions) != fmt.Sprint(w.Extensions) {
				t.Errorf("extensions %v, want %v", extensions, w.Extensions)
			}
			stored, err := im.Raw(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := sha(t, stored); got != w.Stored {
				t.Errorf("stored values hash to %s, want %s", got, w.Stored)
			}
			scaled, err := im.Array()
			if err != nil {
				t.Fatal(err)
			}
			if got := sha(t, scaled); got != w.Scaled && im.Type != "rgb" {
				t.Errorf("scaled values hash to %s, want %s", got, w.Scaled)
			}
			first, shape := make([]int, len(w.Shape)), slices.Clone(w.Shape)
			for i, n := range w.Shape {
				if i%2 == 0 {
					first[i] = min(1, n-1)
					shape[i] = n - first[i]
				} else {
					shape[i] = max(1, n-1)
				}
			}
			box, err := im.Raw(first, shape)
			if err != nil {
				t.Fatal(err)
			}
			if got := sha(t, box); got != w.Box {
				t.Errorf("a box hashes to %s, want %s", got, w.Box)
			}
			if !im.Scaled() {
				volume, err := im.Volume(im.Volumes() - 1)
				if err != nil {
					t.Fatal(err)
				}
				if got := sha(t, volume); got != w.Volume {
					t.Errorf("the last volume hashes to %s, want %s", got, w.Volume)
				}
			}
		})
	}
	t.Logf("%d images equal", count)
	if count < 22 || (os.Getenv("GYRUS_DATA") != "" && count < 50) {
		t.Errorf("only %d images compared", count)
	}
}

// TestPair opens a pair by either of its names, and says what is missing of half a pair.
func TestPair(t *testing.T) {
	for _, name := range []string{"made-pair.hdr", "made-pair.img"} {
		im, err := Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := im.Array(); err != nil || a.Len() != 24 || !im.Pair {
			t.Errorf("%s: %v, %v", name, a, err)
		}
		im.Close()
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		alone := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(alone, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(alone); err == nil || !strings.Contains(err.Error(), "found one file of a pair") {
			t.Errorf("half a pair: %v", err)
		}
	}
}

// TestRecording reads the voxels of a mask as channels.
func TestRecording(t *testing.T) {
	im, err := Open("testdata/made-i2.nii")
	if err != nil {
		t.Fatal(err)
	}
	mask, err := Open("testdata/made-mask.nii.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer mask.Close()
	r, err := im.Recording(mask)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.Channels) != 3 || r.Frames != 2 || r.Channels[1].Name != "1,2,0" || math.Abs(r.Rate-1e6/1500) > 1e-6 {
		t.Fatalf("%d channels, %d frames at %g Hz, %+v", len(r.Channels), r.Frames, r.Rate, r.Channels)
	}
	if p := *r.Channels[1].Position; !near(p[:], []float64{0.006, -0.017, 0.0055}, 1e-9) {
		t.Errorf("position %v", p)
	}
	all, err := im.Array()
	if err != nil {
		t.Fatal(err)
	}
	values, _ := all.Float32s()
	x, err := r.Read(0, 2)
	if err != nil {
		t.Fatal(err)
	}
	for frame := range 2 {
		for i, voxel := range []int{0, 1 + 4*2, 3 + 12} {
			if got, want := x[frame*3+i], values[frame*24+voxel]; got != want {
				t.Errorf("frame %d, channel %d: %g, want %g", frame, i, got, want)
			}
		}
	}
	whole, err := im.Recording(nil)
	if err != nil || len(whole.Channels) != 24 {
		t.Errorf("%v", err)
	}
	if _, err := mask.Recording(nil); err == nil {
		t.Error("one volume is a recording")
	}
	if _, err := im.Recording(im); err == nil || !strings.Contains(err.Error(), "the shape of the image") {
		t.Errorf("a mask of volumes: %v", err)
	}
}
