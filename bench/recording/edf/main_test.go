package main

import (
	"path/filepath"
	"testing"
)

// TestReadersAgreeOnTheFile makes a small file and reads it in every way that is timed.
func TestReadersAgreeOnTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.edf")
	if err := makeFile(path, 1, 8, 100); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(string) error{"frames": frames, "blocks": blocks, "signals": signals} {
		if err := read(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := read(path + "x"); err == nil {
			t.Errorf("%s of no file: no error", name)
		}
	}
}
