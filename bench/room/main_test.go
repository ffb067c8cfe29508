package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain is the server when a test starts it.
func TestMain(m *testing.M) {
	if path := os.Getenv(serveVariable); path != "" {
		if err := serve(context.Background(), path, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestLoad is the whole bench, small: it holds that readers at once get whole pages without an error, and that memory is known and bounded.
func TestLoad(t *testing.T) {
	l := load{papers: 1000, readers: 20, hold: time.Second, think: 100 * time.Millisecond, pages: 4}
	r, err := measure(t.Context(), l, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.errs) > 0 {
		t.Errorf("%d errors, the first %v", len(r.errs), r.errs[0])
	}
	for _, kind := range kinds {
		if len(r.alone[kind]) != l.pages-2 || len(r.many[kind]) == 0 {
			t.Errorf("%s: %d pages for one reader, %d for many", kind, len(r.alone[kind]), len(r.many[kind]))
		}
	}
	if r.memory > barMemory {
		t.Errorf("the server had %d bytes", r.memory)
	}
	var out strings.Builder
	r.print(&out, l)
	if !strings.Contains(out.String(), "errors, bar 0") {
		t.Errorf("printed:\n%s", &out)
	}
}

// TestErrorsAreSeen holds that a server that is not there is no success.
func TestErrorsAreSeen(t *testing.T) {
	r, err := newReader("127.0.0.1:1", 10, []string{"x"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.read(t.Context(), "newest"); err == nil {
		t.Error("a page was read from a server that is not there")
	}
	if (&result{errs: []error{io.EOF}}).print(io.Discard, load{}) {
		t.Error("a result with an error met the bars")
	}
}

func TestQuantile(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(100-i))
	}
	if a, b := quantile(times, .5), quantile(times, .99); a != 51 || b != 100 || quantile(nil, .5) != 0 {
		t.Errorf("p50 %d, p99 %d of 1 to 100", a, b)
	}
}
