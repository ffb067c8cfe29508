package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/fit"
)

// TestRun trains on bars that move to the right or to the left, as files of N-MNIST hold them: over the whole recording both look alike.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	for class, name := range []string{"left", "right"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for n := range 40 {
			var file []byte
			for ms := range 300 {
				at := ms * side / 300
				if class == 0 {
					at = side - 1 - at
				}
				for range 5 {
					us := ms*1000 + 500
					file = append(file, byte(at), byte(rng.IntN(side)), byte(rng.IntN(2)<<7|us>>16), byte(us>>8), byte(us))
				}
			}
			if err := os.WriteFile(filepath.Join(dir, name, fmt.Sprint(n, ".bs2")), file, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	var log strings.Builder
	save := filepath.Join(t.TempDir(), "model")
	if err := run(dir, save, &log); err != nil {
		t.Fatal(err)
	}
	var right, of int
	_, after, _ := strings.Cut(log.String(), "epoch 30")
	_, after, _ = strings.Cut(after, "\n")
	if _, err := fmt.Sscanf(after, "%d of %d test recordings right", &right, &of); err != nil || of != 20 || right < 17 {
		t.Errorf("it says\n%s", log.String())
	}
	var about struct{ Classes []string }
	if _, err := fit.Load(save, &about); err != nil || len(about.Classes) != 2 {
		t.Errorf("the saved model has the classes %v: %v", about.Classes, err)
	}
}
