package xdf

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// chunk builds a chunk with a length of four bytes.
func chunk(tag uint16, content ...[]byte) []byte {
	body := bytes.Join(content, nil)
	b := append([]byte{4}, binary.LittleEndian.AppendUint32(nil, uint32(len(body)+2))...)
	return append(binary.LittleEndian.AppendUint16(b, tag), body...)
}

func id(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func header(n uint32, channels, rate, format string) []byte {
	return chunk(2, id(n), fmt.Appendf(nil, "<info><name>s</name><channel_count>%s</channel_count><nominal_srate>%s</nominal_srate><channel_format>%s</channel_format></info>", channels, rate, format))
}

func file(chunks ...[]byte) []byte { return append([]byte(magic), bytes.Join(chunks, nil)...) }

// readAll reads everything that a file holds.
func readAll(content []byte, o Options) error {
	f, err := o.NewFile(bytes.NewReader(content), int64(len(content)), "test.xdf")
	if err != nil {
		return err
	}
	defer f.Close()
	for _, s := range f.Streams {
		a, err := s.Values()
		if err != nil {
			return err
		}
		if a.Len() != len(s.Stamps)*s.Channels {
			return fmt.Errorf("%d values of %d samples of %d channels", a.Len(), len(s.Stamps), s.Channels)
		}
	}
	r, err := f.Recording("")
	if err != nil {
		return err
	}
	return r.Blocks(func([]float32, int64) error { return nil })
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostile(t *testing.T) {
	good := header(1, "1", "10", "int8")
	stamped := binary.LittleEndian.AppendUint64([]byte{8}, math.Float64bits(math.NaN()))
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "which begins an XDF"},
		{"another format", []byte("EDF: no"), `expected "XDF:"`},
		{"no streams", file(), "expected a stream of numbers"},
		{"length of odd width", file([]byte{3, 1}), "a length of 3 bytes"},
		{"short chunk", file([]byte{1, 1, 5}), "a chunk of 1 bytes"},
		{"chunk without a stream", file([]byte{1, 4, 3, 0, 1, 0}), "one with the number of a stream"},
		{"chunk longer than the file", file([]byte{4, 255, 255, 255, 127, 3, 0}), "a chunk of 2147483647 bytes"},
		{"chunk of 2^63 bytes", file([]byte{8, 0, 0, 0, 0, 0, 0, 0, 128, 3, 0}), "a length of 9223372036854775808"},
		{"samples before the header", file(chunk(3, id(1), []byte{1, 0})), "a chunk of stream 1"},
		{"two headers", file(good, good), "a second header of stream 1"},
		{"no XML", file(chunk(2, id(1), []byte("info"))), "elements at the top"},
		{"broken XML", file(chunk(2, id(1), []byte("<info><name></info>"))), "XML that cannot be read"},
		{"deep XML", file(chunk(1, []byte(deep))), "nested more than 64 deep"},
		{"unknown format", file(header(1, "1", "10", "float16")), `values of format "float16"`},
		{"negative channels", file(header(1, "-1", "10", "int8")), `"-1" channels`},
		{"endless channels", file(header(1, "99999999", "10", "int8")), `"99999999" channels`},
		{"negative rate", file(header(1, "1", "-10", "int8")), `a rate of "-10" Hz`},
		{"rate not a number", file(header(1, "1", "NaN", "int8")), `a rate of "NaN" Hz`},
		{"more samples than bytes", file(good, chunk(3, id(1), []byte{4, 255, 255, 255, 127, 0, 1})), "2147483647 samples"},
		{"fewer samples than bytes", file(good, chunk(3, id(1), []byte{1, 1, 0, 1, 0, 1})), "2 bytes behind the samples"},
		{"stamp not a number", file(good, chunk(3, id(1), []byte{1, 1}, stamped, []byte{1})), "a time stamp of NaN"},
		{"stamp behind the chunk", file(good, chunk(3, id(1), []byte{1, 1, 8, 0}), chunk(5, make([]byte, 16))), "goes on behind its chunk"},
		{"text behind the chunk", file(header(1, "1", "0", "string"), chunk(3, id(1), []byte{1, 1, 0, 1, 99}), chunk(5, make([]byte, 200))), "a value of 99 bytes"},
		{"clock offset of odd size", file(good, chunk(4, id(1), make([]byte, 15))), "a clock offset of 15 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			used := allocated(func() { err = readAll(c.content, Options{}) })
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Fatalf("error %v, want a *recording.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) || own.Path != "test.xdf" {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if used > uint64(1<<20+40*len(c.content)) {
				t.Errorf("%d bytes allocated for a file of %d", used, len(c.content))
			}
			if err := readAll(c.content, Options{Recover: true}); err != nil && !errors.As(err, &own) {
				t.Errorf("with Recover: %v", err)
			}
		})
	}
}

// TestTruncated cuts sound files at every byte. Cut between chunks, what is left is a file whose recorder did not finish.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"made-formats.xdf", "made-clocks.xdf"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		between := map[int]bool{len(magic): true}
		for at := len(magic); at < len(content); {
			n := int(content[at+1])
			if content[at] == 4 {
				n = int(binary.LittleEndian.Uint32(content[at+1:]))
			}
			at += 1 + int(content[at]) + n
			between[at] = true
		}
		for cut := range content {
			if name == "made-clocks.xdf" && cut%16 != 0 && !between[cut] {
				continue // the same kinds of chunks, many times
			}
			_, err := Options{}.NewFile(bytes.NewReader(content[:cut]), int64(cut), name)
			var own *recording.Error
			if between[cut] != (err == nil) || (err != nil && !errors.As(err, &own)) {
				t.Errorf("%s cut to %d bytes: %v", name, cut, err)
			}
			if f, err := (Options{Recover: true}).NewFile(bytes.NewReader(content[:cut]), int64(cut), name); cut > len(magic) && (err != nil || (len(f.Damage) > 0) == between[cut]) {
				t.Errorf("%s cut to %d bytes, with Recover: %v", name, cut, err)
			}
		}
	}
}

// TestDamaged turns over one bit of every byte.
func TestDamaged(t *testing.T) {
	content, err := os.ReadFile("testdata/made-formats.xdf")
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for at := range content {
		content[at] ^= 1 << (at % 8)
		for _, o := range []Options{{}, {Recover: true}} {
			if err := readAll(content, o); err != nil {
				failed++
				var own *recording.Error
				if !errors.As(err, &own) {
					t.Errorf("byte %d: %v is not a *recording.Error", at, err)
				}
			}
		}
		content[at] ^= 1 << (at % 8)
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
}

// TestBomb holds the time and memory that promises can cost within bounds: clock measurements without end, and gzip.
func TestBomb(t *testing.T) {
	content := file(header(1, "1", "10", "int8"), chunk(3, id(1), []byte{1, 1, 0, 1}))
	for i := range 20000 {
		measurement := binary.LittleEndian.AppendUint64(id(1), math.Float64bits(float64(i)))
		content = append(content, chunk(4, measurement, make([]byte, 8))...)
	}
	start := time.Now()
	if err := readAll(content, Options{}); err != nil || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(file(header(1, "1", "10", "int8")))
	z.Write(make([]byte, 8<<20))
	z.Close()
	var err error
	if used := allocated(func() { err = readAll(b.Bytes(), Options{}) }); err == nil || used > 64<<20 {
		t.Errorf("%v after %d bytes", err, used)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"made-formats.xdf", "made-damaged.xdf"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add(file(header(1, "2", "10", "string"), chunk(3, id(1), []byte{1, 1, 0, 1, 1, 65, 1, 0}), chunk(4, id(1), make([]byte, 16))))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, o := range []Options{{}, {Recover: true}} {
			err := readAll(content, o)
			var own *recording.Error
			if err != nil && !errors.As(err, &own) {
				t.Fatalf("%v is not a *recording.Error", err)
			}
		}
	})
}
