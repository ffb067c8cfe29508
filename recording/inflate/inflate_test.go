package inflate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
)

func zipped(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Close()
	return b.Bytes()
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.UintN(7))
	}
	return b
}

// TestOpen reads the same content plain, inflated into memory and inflated into a temporary file.
func TestOpen(t *testing.T) {
	defer func(n int64) { inMemory = n }(inMemory)
	inMemory = 5000
	dir := t.TempDir()
	for _, c := range []struct {
		name  string
		size  int
		gzip  bool
		limit int64
	}{
		{"plain", 9000, false, 1},
		{"memory", 4000, true, 1 << 20},
		{"memory, full", 5000, true, 1 << 20},
		{"temporary", 5001, true, 1 << 20},
		{"temporary, at the limit", 9000, true, 9000},
		{"memory, at the limit", 4000, true, 4000},
		{"empty", 0, true, 0},
	} {
		want := noise(c.size)
		content := want
		if c.gzip {
			content = zipped(want)
		}
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path, c.limit)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := make([]byte, f.Size)
		if _, err := f.ReadAt(got, 0); (err != nil && err != io.EOF) || !bytes.Equal(got, want) || f.Gzip != c.gzip {
			t.Errorf("%s: %d bytes, gzip %v, %v", c.name, f.Size, f.Gzip, err)
		}
		if c.size > 100 {
			part := make([]byte, 10)
			if _, err := f.ReadAt(part, 77); err != nil || !bytes.Equal(part, want[77:87]) {
				t.Errorf("%s: a part reads as %v, %v", c.name, part, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestHostile refuses what inflates too far, what is cut at any byte, and what was damaged.
func TestHostile(t *testing.T) {
	defer func(n int64) { inMemory = n }(inMemory)
	open := func(content []byte, limit int64) error {
		f, err := New(bytes.NewReader(content), int64(len(content)), "test.gz", limit)
		if err == nil {
			f.Close()
		}
		return err
	}
	content := zipped(noise(3000))
	for _, memory := range []int64{100, 1 << 20} {
		inMemory = memory
		for _, limit := range []int64{10, 100, 2999} {
			if err := open(content, limit); err == nil || !strings.Contains(err.Error(), "inflate to more than") {
				t.Errorf("limit %d: %v", limit, err)
			}
		}
		for cut := 3; cut < len(content); cut++ {
			var own *recording.Error
			if err := open(content[:cut], 1<<20); !errors.As(err, &own) || own.Path != "test.gz" || own.Remedy == "" {
				t.Fatalf("cut to %d bytes: %v", cut, err)
			}
		}
		damaged := bytes.Clone(content)
		damaged[len(damaged)-6] ^= 1 // of the checksum
		if err := open(damaged, 1<<20); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("damaged: %v", err)
		}
		bomb := zipped(make([]byte, 8<<20))
		if err := open(bomb, 1<<20); err == nil {
			t.Error("a bomb was opened")
		}
	}
	if _, err := Open(t.TempDir(), 1); err == nil {
		t.Error("a folder was opened")
	}
}
