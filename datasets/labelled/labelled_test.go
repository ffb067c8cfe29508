package labelled

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/events"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// says checks that an error is the reader's own and tells what it should.
func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	var own *recording.Error
	if !errors.As(err, &own) {
		t.Fatalf("got %v, want a recording.Error", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q does not say %q", err, p)
		}
	}
}

func idxFile(kind byte, dims []byte, data ...byte) []byte {
	b := []byte{0, 0, kind, byte(len(dims))}
	for _, d := range dims {
		b = append(b, 0, 0, 0, d)
	}
	return append(b, data...)
}

func TestMNIST(t *testing.T) {
	dir := t.TempDir()
	pixels := make([]byte, 3*2*4)
	for i := range pixels {
		pixels[i] = byte(10 * i)
	}
	write(t, filepath.Join(dir, "train-images-idx3-ubyte"), idxFile(8, []byte{3, 2, 4}, pixels...))
	write(t, filepath.Join(dir, "train-labels-idx1-ubyte"), idxFile(8, []byte{3}, 9, 0, 4))
	s, err := MNIST(dir, Train)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 3 || s.Height != 2 || s.Width != 4 || s.Channels != 1 || !slices.Equal(s.Image(1), pixels[8:16]) || !slices.Equal(s.Labels, []uint8{9, 0, 4}) {
		t.Errorf("read %+v", s)
	}
	if f := s.First(2); f.Len() != 2 || len(f.Float32s()) != 16 || f.Float32s()[1] != float32(10)/255 || s.First(10).Len() != 3 {
		t.Errorf("the first two are %+v", f)
	}
	_, err = MNIST(dir, Test)
	says(t, err, dir, "t10k-images-idx3-ubyte")
	for name, labels := range map[string][]byte{"2 labels": idxFile(8, []byte{2}, 1, 2), "the label 10": idxFile(8, []byte{3}, 1, 10, 2), "int8": idxFile(9, []byte{3}, 1, 1, 2), "3x1": idxFile(8, []byte{3, 1}, 1, 1, 2)} {
		write(t, filepath.Join(dir, "train-labels-idx1-ubyte"), labels)
		_, err := MNIST(dir, Train)
		says(t, err, name)
	}
}

func cifarFile(labelBytes int, labels ...byte) []byte {
	var b []byte
	for i, l := range labels {
		if labelBytes == 2 {
			b = append(b, 99) // the group
		}
		b = append(b, l)
		b = append(b, bytes.Repeat([]byte{byte(i + 1)}, 1024)...)
		b = append(b, bytes.Repeat([]byte{byte(i + 101)}, 2048)...)
	}
	return b
}

func tarOf(t *testing.T, files map[string][]byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func TestCIFAR(t *testing.T) {
	dir := t.TempDir()
	for i, labels := range [][]byte{{1, 2}, {3}, {4}, {5}, {6, 9}} {
		write(t, filepath.Join(dir, "cifar-10-batches-bin", "data_batch_"+string(rune('1'+i))+".bin"), cifarFile(1, labels...))
	}
	for _, place := range []string{dir, filepath.Join(dir, "cifar-10-batches-bin")} {
		s, err := CIFAR10(place, Train)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.Labels, []uint8{1, 2, 3, 4, 5, 6, 9}) || s.Image(1)[0] != 2 || s.Image(1)[1024] != 102 || len(s.Image(6)) != 3*32*32 {
			t.Errorf("%s: labels %v", place, s.Labels)
		}
	}
	_, err := CIFAR10(dir, Test)
	says(t, err, "test_batch.bin", "cifar-10-binary.tar.gz")
	archive := filepath.Join(dir, "cifar-10-binary.tar.gz")
	write(t, archive, tarOf(t, map[string][]byte{"cifar-10-batches-bin/test_batch.bin": cifarFile(1, 8, 7), "cifar-10-batches-bin/readme.html": []byte("x")}))
	for _, place := range []string{dir, archive} {
		s, err := CIFAR10(place, Test)
		if err != nil || !slices.Equal(s.Labels, []uint8{8, 7}) {
			t.Errorf("%s: %+v, %v", place, s, err)
		}
	}
	_, err = CIFAR10(archive, Train)
	says(t, err, "an archive without data_batch_1.bin")
	write(t, archive, []byte("no archive"))
	_, err = CIFAR10(archive, Train)
	says(t, err, archive)

	write(t, filepath.Join(dir, "train.bin"), cifarFile(2, 98, 5))
	s, err := CIFAR100(dir, Train)
	if err != nil || s.Classes != 100 || !slices.Equal(s.Labels, []uint8{98, 5}) || s.Image(1)[2] != 2 {
		t.Errorf("CIFAR-100: %v", err)
	}
	for name, data := range map[string][]byte{"records of 3074 bytes": cifarFile(2, 1)[1:], "the label 100": cifarFile(2, 100), "0 bytes": nil} {
		write(t, filepath.Join(dir, "train.bin"), data)
		_, err := CIFAR100(dir, Train)
		says(t, err, name)
	}
}

func TestSHD(t *testing.T) {
	s, err := SHD("testdata", Test)
	if err != nil {
		t.Fatal(err)
	}
	want := []SpikeSample{
		{[]float32{0, .125, .5}, []uint16{5, 699, 0}, 3}, {[]float32{.25}, []uint16{300}, 19}, {nil, nil, 0}, {[]float32{.5, .5, .75, 1}, []uint16{1, 2, 3, 4}, 7},
	}
	if len(s.Samples) != len(want) || s.Channels != 700 || s.Classes != 20 {
		t.Fatalf("read %+v", s)
	}
	for i, w := range want {
		if got := s.Samples[i]; !slices.Equal(got.Times, w.Times) || !slices.Equal(got.Channels, w.Channels) || got.Label != w.Label {
			t.Errorf("recording %d is %+v, want %+v", i, got, w)
		}
	}
	_, err = SHD("testdata", Train)
	says(t, err, "shd_train.h5")
	// The same, compressed, and then damaged.
	data, err := os.ReadFile("testdata/shd_test.h5")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "shd_test.h5.gz"), b.Bytes())
	if s, err := SHD(dir, Test); err != nil || len(s.Samples) != 4 {
		t.Errorf("compressed: %v", err)
	}
	for cut := 0; cut < len(data); cut += 97 {
		write(t, filepath.Join(dir, "shd_train.h5"), data[:cut])
		if _, err := SHD(dir, Train); err == nil {
			t.Errorf("no error for the first %d of %d bytes", cut, len(data))
		}
	}
}

func TestNMNIST(t *testing.T) {
	dir := t.TempDir()
	// x, y, polarity and time of 23 bits
	write(t, filepath.Join(dir, "Train", "3", "00002.bin"), []byte{5, 7, 0x80, 1, 0, 6, 8, 0, 1, 100})
	write(t, filepath.Join(dir, "Train", "3", "00003.bin"), []byte{1, 1, 0x80, 0, 9})
	for _, d := range []string{"0", "1", "2", "4", "5", "6", "7", "8", "9"} {
		os.MkdirAll(filepath.Join(dir, "Train", d), 0o755)
	}
	clips, err := NMNIST(dir, Train, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := clips[0].Events
	if len(clips) != 2 || clips[0].Label != 3 || e.X[0] != 5 || e.Y[1] != 8 || !e.On[0] || e.On[1] || e.T[0] != 0 || e.T[1] != 100 {
		t.Errorf("read %+v", clips)
	}
	if clips, err := NMNIST(dir, Train, 1); err != nil || len(clips) != 1 {
		t.Errorf("one of each class: %d, %v", len(clips), err)
	}
	_, err = NMNIST(dir, Test, 0)
	says(t, err, "labels.tsv")
	for _, bad := range []string{"sample\tclass\n1\tx\n", "sample\tclass\n1\n", "sample\tclass\n../1\t3\n"} {
		write(t, filepath.Join(dir, "labels.tsv"), []byte(bad))
		_, err = NMNIST(dir, Test, 0)
		says(t, err, "labels.tsv")
	}
}

func TestDVSGesture(t *testing.T) {
	dir := t.TempDir()
	b := []byte("#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n")
	times := []uint32{10, 20, 30, 40, 50}
	b = binary.LittleEndian.AppendUint16(b, 1) // polarity events
	b = binary.LittleEndian.AppendUint16(b, 1)
	for _, v := range []uint32{8, 4, 0, 5, 5, 5} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for i, at := range times {
		b = binary.LittleEndian.AppendUint32(b, 1|uint32(i%2)<<1|uint32(i)<<2|uint32(2*i)<<17)
		b = binary.LittleEndian.AppendUint32(b, at)
	}
	write(t, filepath.Join(dir, "user01_led.aedat"), b)
	write(t, filepath.Join(dir, "user01_led_labels.csv"), []byte("class,startTime_usec,endTime_usec\n2,15,35\n11,40,60\n"))
	write(t, filepath.Join(dir, "trials_to_train.txt"), []byte("user01_led.aedat\n\n"))
	clips, err := DVSGesture(dir, Train)
	if err != nil {
		t.Fatal(err)
	}
	if len(clips) != 2 || clips[0].Label != 1 || clips[1].Label != 10 || !slices.Equal(clips[0].Events.T, []int64{5, 15}) || !slices.Equal(clips[1].Events.T, []int64{0, 10}) {
		t.Fatalf("read %+v", clips)
	}
	if e := clips[0].Events; e.X[0] != 2 || !e.On[0] || e.On[1] {
		t.Errorf("the first clip is %+v", e)
	}
	for name, labels := range map[string]string{"a class from 1": "c,a,b\n12,1,2\n", "an integer": "c,a,b\n1,x,2\n", "2 columns": "c,a,b\n1,2\n"} {
		write(t, filepath.Join(dir, "user01_led_labels.csv"), []byte(labels))
		_, err := DVSGesture(dir, Train)
		says(t, err, name, "user01_led_labels.csv")
	}
	write(t, filepath.Join(dir, "trials_to_train.txt"), []byte("../user01_led.aedat\n"))
	_, err = DVSGesture(dir, Train)
	says(t, err, "in this folder")
}

func TestFrames(t *testing.T) {
	c := Clip{Events: events.Events{X: []uint16{0, 3, 3, 1}, Y: []uint16{0, 1, 1, 0}, On: []bool{true, false, false, true}, T: []int64{0, 40, 60, 99}}}
	got, err := c.Frames(2, 4, 2, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{0, 1, 1, 0 /* second step */, 0, 1, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("frames %v, want %v", got, want)
	}
	if _, err := c.Frames(2, 3, 2, 1, 0); err == nil {
		t.Error("an event outside the sensor was counted")
	}
	if got, err := c.Frames(1, 4, 2, 1, 50); err != nil || got[0*8+1*4+3] != 1 || got[8] != 1 {
		t.Errorf("frames of the first 50 microseconds: %v, %v", got, err)
	}
}

func dataDir(t *testing.T) string {
	dir := os.Getenv("GYRUS_DATA")
	if dir == "" {
		t.Skip("GYRUS_DATA is not set")
	}
	return dir
}

// TestReal reads what is there of the sets themselves.
func TestReal(t *testing.T) {
	dir := dataDir(t)
	s, err := MNIST(filepath.Join(dir, "images/mnist"), Test)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 10000 || !slices.Equal(s.Labels[:5], []uint8{7, 2, 1, 0, 4}) {
		t.Errorf("MNIST has %d test images, which begin with %v", s.Len(), s.Labels[:5])
	}
	clips, err := NMNIST(filepath.Join(dir, "events/nmnist-small"), Train, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(clips) != 80 {
		t.Fatalf("%d recordings of N-MNIST", len(clips))
	}
	for _, c := range clips {
		frames, err := c.Frames(10, 34, 34, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		sum := float32(0)
		for _, v := range frames {
			sum += v
		}
		if int(sum) != c.Events.Len() || sum < 1900 {
			t.Errorf("%d events, %g counted", c.Events.Len(), sum)
		}
	}
}
