package nifti

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// TestAnalyze holds images of Analyze against nibabel, from either file of the pair.
func TestAnalyze(t *testing.T) {
	text, err := os.ReadFile("testdata/analyze.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]struct {
		Shape     []int
		Type, Sha string
		Affine    [4][4]float64
		First     float64
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for name, want := range golden {
		for _, ending := range []string{".hdr", ".img"} {
			path := filepath.Join("testdata", name+ending)
			if f, err := recording.Detect(path); err != nil || f.Name != "nifti" {
				t.Errorf("%s is %s, %v", path, f.Name, err)
			}
			if d, err := recording.Inspect(path); err != nil || !strings.Contains(d.String(), "Analyze does not say which side is left") {
				t.Errorf("%s is described as\n%v, %v", path, d, err)
			}
			im, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer im.Close()
			if !slices.Equal(im.Dims, want.Shape) || im.Type != want.Type || im.Affine != want.Affine || im.Format != "Analyze 7.5" || im.Description != "made for a test" {
				t.Errorf("%s: %v of %s, %v, %s %q; want %v of %s, %v", path, im.Dims, im.Type, im.Affine, im.Format, im.Description, want.Shape, want.Type, want.Affine)
			}
			a, err := im.Raw(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			x, err := a.Float64s()
			if err != nil {
				t.Fatal(err)
			}
			for i := range x {
				x[i] = x[i]*im.Slope + im.Inter
			}
			var b bytes.Buffer
			wire.Write(&b, x)
			sum := sha256.Sum256(b.Bytes())
			if hex.EncodeToString(sum[:])[:16] != want.Sha {
				t.Errorf("%s begins with %g, nibabel's with %g", path, x[0], want.First)
			}
		}
	}
	// A pair that is cut, one that is alone, and a header that is cut.
	folder := t.TempDir()
	copied := func(ending string, cut int) {
		content, err := os.ReadFile("testdata/analyze-plain" + ending)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "a"+ending), content[:len(content)-cut], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	try := func(says string) {
		t.Helper()
		_, err := Open(filepath.Join(folder, "a.hdr"))
		var own *recording.Error
		if !errors.As(err, &own) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	copied(".hdr", 0)
	try("one file of a pair")
	copied(".img", 1)
	try("47 bytes of voxels")
	copied(".hdr", 1)
	try("")
}
