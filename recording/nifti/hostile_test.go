package nifti

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

func content(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, "z") {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// readAll reads everything that a file holds.
func readAll(b []byte, name string) error {
	im, err := NewImage(bytes.NewReader(b), int64(len(b)), name)
	if err != nil {
		return err
	}
	defer im.Close()
	a, err := im.Array()
	if err != nil {
		return err
	}
	if n, _ := recording.Count(a.Dims); n != a.Len() {
		return errors.New("values and shape differ")
	}
	if im.Volumes() > 0 && a.Len() > 0 {
		if _, err := im.Volume(im.Volumes() - 1); err != nil {
			return err
		}
	}
	if len(im.Dims) > 3 && im.kind.parts == 1 && !strings.HasPrefix(im.Type, "complex") {
		r, err := im.Recording(nil)
		if err != nil {
			return err
		}
		if r.Frames < 1000 {
			return r.Blocks(func([]float32, int64) error { return nil })
		}
	}
	return nil
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostile(t *testing.T) {
	plain, second, mgh := content(t, "made-qform.nii"), content(t, "made-i1.nii.gz"), content(t, "made-i2.mgz")
	with := func(b []byte, at int, values ...any) []byte {
		var w bytes.Buffer
		for _, v := range values {
			binary.Write(&w, binary.LittleEndian, v)
		}
		b = bytes.Clone(b)
		copy(b[at:], w.Bytes())
		return b
	}
	nan := float32(math.NaN())
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "an empty file"},
		{"another format", bytes.Repeat([]byte("text"), 100), "which begins with its size 348 or 540"},
		{"Analyze", with(plain, 344, uint32(0)), "one of Analyze in a file that is no pair"},
		{"no axes", with(plain, 40, int16(0)), "found 0 axes"},
		{"eight axes", with(plain, 40, int16(8)), "found 8 axes"},
		{"negative axis", with(plain, 42, int16(-4)), "an axis of length -4"},
		{"axis longer than the file", with(plain, 42, int16(32767)), "48 bytes of voxels, expected 32767x3x2 voxels"},
		{"seven endless axes", with(second, 16, int64(7), int64(1<<40), int64(1<<40), int64(1<<40), int64(1<<40), int64(1<<40), int64(1<<40), int64(1<<40)), "more elements than"},
		{"one endless axis", with(second, 24, int64(math.MaxInt64), int64(1), int64(1), int64(1)), "bytes of voxels"},
		{"negative axis in version 2", with(second, 24, int64(-1)), "an axis of length -1"},
		{"bits", with(plain, 70, int16(1)), "voxels of type 1"},
		{"long doubles", with(plain, 70, int16(1536)), "voxels of type 1536"},
		{"voxels within the header", with(plain, 108, float32(100)), "voxels at byte 100"},
		{"voxels before the file", with(plain, 108, float32(-1)), "voxels at byte -1"},
		{"voxels nowhere", with(plain, 108, nan), "voxels at byte -1"},
		{"voxels behind the file", with(plain, 108, float32(1e9)), "0 bytes of voxels"},
		{"voxels far behind the file", with(content(t, "made-u4.nii.gz"), 168, int64(math.MaxInt64)), "0 bytes of voxels"},
		{"intercept not a number", with(plain, 112, float32(2), nan), "an intercept of NaN"},
		{"quaternion too long", with(plain, 256, float32(2)), "not longer than 1"},
		{"quaternion not a number", with(plain, 256, nan), "a quaternion"},
		{"extension longer than the file", with(second, 540, byte(1), byte(0), byte(0), byte(0), int32(1<<30)), "an extension of 1073741824 bytes"},
		{"extension of negative size", with(second, 540, byte(1), byte(0), byte(0), byte(0), int32(-8)), "an extension of -8 bytes"},
		{"half a pair", with(plain, 344, uint32(0x0031696e)), "one file of a pair"},
		{"MGH of an unknown type", with(mgh, 20, uint32(0x07000000)), "which begins with its size"},
		{"MGH longer than the file", with(mgh, 4, uint32(0xffff0000)), "bytes of voxels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			used := allocated(func() { err = readAll(c.content, "test.nii") })
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Fatalf("error %v, want a *recording.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) || own.Path != "test.nii" {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if used > uint64(1<<20+40*len(c.content)) {
				t.Errorf("%d bytes allocated for a file of %d", used, len(c.content))
			}
		})
	}
}

// TestTruncated cuts sound files at every byte; an MGH may lack what follows its voxels.
func TestTruncated(t *testing.T) {
	for name, footer := range map[string]int{"made-i2.nii": 0, "made-i1.nii.gz": 0, "made-rgb.nii": 0, "made-i2.mgz": 20, "made-f4.mgh": 20} {
		whole := content(t, name)
		for cut := range len(whole) - footer {
			var own *recording.Error
			if err := readAll(whole[:cut], name); !errors.As(err, &own) {
				t.Fatalf("%s cut to %d bytes: %v", name, cut, err)
			}
		}
	}
}

// TestDamaged turns over every bit of headers.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"made-i2.nii", "made-i1.nii.gz", "made-i2.mgz"} {
		whole := content(t, name)
		failed := 0
		for bit := range 8 * min(len(whole), 580) {
			whole[bit/8] ^= 1 << (bit % 8)
			if err := readAll(whole, name); err != nil {
				failed++
				var own *recording.Error
				if !errors.As(err, &own) {
					t.Errorf("%s, bit %d: %v is not a *recording.Error", name, bit, err)
				}
			}
			whole[bit/8] ^= 1 << (bit % 8)
		}
		if failed == 0 {
			t.Errorf("%s: no damage was noticed", name)
		}
	}
}

func TestRequests(t *testing.T) {
	im, err := Open("testdata/made-i2.nii")
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	for _, c := range []struct{ first, shape []int }{
		{[]int{0, 0, 0}, nil}, {nil, []int{4, 3, 2}}, {[]int{-1, 0, 0, 0}, nil}, {[]int{5, 0, 0, 0}, nil}, {[]int{1, 0, 0, 0}, []int{4, 1, 1, 1}},
		{nil, []int{1, 1, 1, -1}}, {[]int{math.MaxInt, 0, 0, 0}, []int{1, 1, 1, 1}}, {[]int{1, 0, 0, 0}, []int{math.MaxInt, 1, 1, 1}},
	} {
		if _, err := im.Raw(c.first, c.shape); err == nil || !strings.Contains(err.Error(), "a request for a box") {
			t.Errorf("%v %v: %v", c.first, c.shape, err)
		}
	}
	if a, err := im.Raw(nil, []int{2, 0, 1, 1}); err != nil || a.Len() != 0 {
		t.Errorf("an empty box: %v, %v", a, err)
	}
	if a, err := im.Raw([]int{1, 1, 1, 1}, nil); err != nil || a.Len() != 6 {
		t.Errorf("the rest: %v, %v", a, err)
	}
	for _, n := range []int{-1, 2} {
		if _, err := im.Volume(n); err == nil {
			t.Errorf("volume %d was read", n)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"made-i2.nii", "made-i1.nii.gz", "made-rgb.nii", "made-i2.mgz", "made-u4.nii.gz"} {
		f.Add(content(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := readAll(b, "fuzz.nii")
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
	})
}
