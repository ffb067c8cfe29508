package main

import (
	"path/filepath"
	"testing"

	"github.com/gyrus-dev/gyrus/recording/matfile"
)

// TestMakeFile reads back what is timed.
func TestMakeFile(t *testing.T) {
	for _, compress := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "x.mat")
		if err := makeFile(path, 8000, compress); err != nil {
			t.Fatal(err)
		}
		f, err := matfile.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		x, err := f.Array("x")
		if err != nil || x.Len() != 1000 || f.Variables()[0].Compressed != compress {
			t.Errorf("compress %v: %v, %v", compress, x, err)
		}
		f.Close()
	}
	if _, n, err := read(filepath.Join(t.TempDir(), "nothing")); err == nil || n != 0 {
		t.Errorf("no file: %d bytes, %v", n, err)
	}
}
