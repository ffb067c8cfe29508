package compute

import (
	"errors"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
)

func TestOpen(t *testing.T) {
	for _, name := range []string{"", Default, "go"} {
		b, err := Open(name)
		if err != nil {
			t.Fatalf("opening %q: %v", name, err)
		}
		sum := graph.MustNewExec(b, func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) })
		if got := sum.MustExec([]float32{1, 2}, []float32{3, 4})[0].Value().([]float32); got[0] != 4 || got[1] != 6 {
			t.Errorf("backend %q adds to %v", name, got)
		}
		b.Finalize()
	}
}

func TestOpenUnknown(t *testing.T) {
	_, err := Open("abacus")
	if err == nil || !strings.Contains(err.Error(), "--backend") || !strings.Contains(err.Error(), "go") {
		t.Errorf("got %v, want an error that lists the backends", err)
	}
}

func TestCatch(t *testing.T) {
	b, err := Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	err = Catch("adding in test", func() error {
		add := graph.MustNewExec(b, func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) })
		add.MustExec([]float32{1, 2}, []float32{3, 4, 5})
		return nil
	})
	if err == nil || !strings.HasPrefix(err.Error(), "adding in test: ") || !strings.Contains(err.Error(), "[3]") {
		t.Errorf("a shape mistake gave %v, want an error with what was done and the shapes", err)
	}
	plain := errors.New("plain")
	if err := Catch("doing", func() error { return plain }); !errors.Is(err, plain) {
		t.Errorf("an error came back as %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil dereference was hidden")
		}
	}()
	Catch("doing", func() error {
		var p *int
		*p = 1
		return nil
	})
}
