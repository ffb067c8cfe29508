package bench

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/compute/cpu"
)

// TestPeers runs a work against an interpreter that says what peers.py would: the best of the rounds counts, and what is skipped is named.
func TestPeers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell script as an interpreter")
	}
	python := filepath.Join(t.TempDir(), "python")
	script := "#!/bin/sh\ncat >/dev/null\nn=$(cat " + python + ".n 2>/dev/null || echo 9)\n" +
		"echo torch $2 $n 20\necho skip jax:$2 no such module\necho noise\necho $((n-1)) > " + python + ".n\n"
	if err := os.WriteFile(python, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{Python: python, Only: regexp.MustCompile("^gelu$"), Rounds: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Lines) != 1 || r.Lines[0].Sides["torch"].Milliseconds != 7 {
		t.Fatalf("three rounds of 9, 8 and 7 ms are kept as %+v", r.Lines)
	}
	if ours := r.Lines[0].Sides[Ours]; ours.Milliseconds <= 0 || ours.Milliseconds > 1000 {
		t.Errorf("our own side took %+v", ours)
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gelu", "torch ms", "7.000", "jax:gelu skipped: no such module"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
	if strings.Count(table.String(), "skipped") != 1 {
		t.Errorf("a note is repeated:\n%s", table.String())
	}
}

// TestWorks runs the smallest works once, so that a work that does not compile is noticed before somebody benches, and the
// overheads, whose chain must not be compiled away.
func TestWorks(t *testing.T) {
	for _, w := range works() {
		if w.name == "matmul256" || w.name == "gru-step" || w.name == "softmax" {
			if m, err := measure(func() (backends.Backend, error) { return cpu.New("") }, w); err != nil || m.Milliseconds <= 0 {
				t.Errorf("%s: %+v, %v", w.name, m, err)
			}
		}
	}
	found, err := overheads()
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].Value <= 0 || found[1].Value < 4 {
		t.Errorf("overheads are %+v: a step cannot take less than 4 ns", found)
	}
}
