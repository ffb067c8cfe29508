package idx

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

func parse(content string) (*recording.Array, error) {
	return ReadFrom(bytes.NewReader([]byte(content)), int64(len(content)), "dir/test.idx.gz")
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x03\x01\x02\x03\x04\x05\xff", "test 2x3 uint8 [1 2 3 4 5 255]"},
		{"\x00\x00\x09\x01\x00\x00\x00\x02\x01\xff", "test 2 int8 [1 -1]"},
		{"\x00\x00\x0b\x01\x00\x00\x00\x02\x01\x00\xff\xfe", "test 2 int16 [256 -2]"},
		{"\x00\x00\x0c\x01\x00\x00\x00\x01\x00\x01\x00\x00", "test 1 int32 [65536]"},
		{"\x00\x00\x0d\x01\x00\x00\x00\x01\x3f\xc0\x00\x00", "test 1 float32 [1.5]"},
		{"\x00\x00\x0e\x01\x00\x00\x00\x01\xbf\xe0\x00\x00\x00\x00\x00\x00", "test 1 float64 [-0.5]"},
		{"\x00\x00\x08\x01\x00\x00\x00\x00", "test 0 uint8 []"},
	} {
		a, err := parse(c.content)
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		if got := fmt.Sprint(a, " ", a.Data); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		for cut := range len(c.content) {
			var own *recording.Error
			if _, err := parse(c.content[:cut]); !errors.As(err, &own) {
				t.Errorf("%s cut to %d bytes: %v", c.want, cut, err)
			}
		}
	}
}

func TestHostile(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"", "the end of the file"},
		{"text", "the bytes 74 65 78 74"},
		{"\x00\x00\x0a\x01\x00\x00\x00\x01\x01", "the bytes 00 00 0a 01"},
		{"\x00\x00\x08\x00", "the bytes 00 00 08 00"},
		{"\x00\x00\x08\xff" + strings.Repeat("\x00", 2000), "the bytes 00 00 08 ff"},
		{"\x00\x00\x08\x01\xff\xff\xff\xff\x01", "4294967295 values of 1 bytes"},
		{"\x00\x00\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "a smaller one"},
		{"\x00\x00\x08\x01\x00\x00\x00\x01\x01\x02", "2 bytes of data, expected 1"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parse(c.content)
		runtime.ReadMemStats(&after)
		var own *recording.Error
		if !errors.As(err, &own) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.content[:min(len(c.content), 20)], err, c.want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%q: %d bytes allocated", c.content[:min(len(c.content), 20)], used)
		}
	}
}

// TestMNIST reads the test part of MNIST, whose classes are known to be nearly equally frequent.
func TestMNIST(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	labels, err := recording.Arrays(filepath.Join(data, "images/mnist/t10k-labels-idx1-ubyte.gz"))
	if err != nil {
		t.Fatal(err)
	}
	images, err := recording.Arrays(filepath.Join(data, "images/mnist/t10k-images-idx3-ubyte.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(labels, images); got != "[t10k-labels-idx1-ubyte 10000 uint8] [t10k-images-idx3-ubyte 10000x28x28 uint8]" {
		t.Error(got)
	}
	var count [10]int
	for _, v := range labels[0].Data.([]uint8) {
		count[v]++
	}
	if count != [10]int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009} {
		t.Errorf("classes %v", count)
	}
	if r := recording.RangeOf(images[0]); r.Min != 0 || r.Max != 255 || r.Mean < 33.7 || r.Mean > 33.9 {
		t.Errorf("pixels %v", r)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x03\x01\x02\x03\x04\x05\xff"))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := parse(string(content))
		var own *recording.Error
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%v is not a *recording.Error", err)
		}
		if err == nil {
			if n, _ := recording.Count(a.Dims); n != a.Len() {
				t.Fatalf("%v", a)
			}
		}
	})
}

func Example() {
	path := filepath.Join(os.TempDir(), "example.idx1-ubyte")
	defer os.Remove(path)
	if err := os.WriteFile(path, []byte("\x00\x00\x08\x01\x00\x00\x00\x03\x07\x02\x01"), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	labels, err := Read(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(labels.Dims, labels.Data)
	// Output: [3] [7 2 1]
}
