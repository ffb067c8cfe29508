package sweep

import (
	"fmt"
	"testing"
	"time"
)

func TestSweep(t *testing.T) {
	home := t.TempDir()
	p := plan(t, Config{Axes: []Axis{axis(t, "x=1:3:1"), axis(t, "kind=line,square")}, Seeds: seeds(t, "0..4")})
	s, err := Begin(t.Context(), p, Options{Home: home, Workers: 2, Listen: listen(t)})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
	again, err := Find(home, "last")
	if err != nil {
		t.Fatal(err)
	}
	check(t, again)
}

func TestProcesses(t *testing.T) {
	home := t.TempDir()
	p := plan(t, Config{Axes: []Axis{axis(t, "x=1:3:1")}, Seeds: seeds(t, "0..4")})
	start := time.Now()
	s, err := Begin(t.Context(), p, Options{Home: home, Workers: 2, Command: command(home), Listen: listen(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(start))
	check(t, s)
}

// BenchmarkEmptyJob is what a sweep takes for each job that does nothing, from the plan to the outcome in outcomes.jsonl.
func BenchmarkEmptyJob(b *testing.B) {
	for _, mode := range []string{"goroutine", "process"} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s-%d", mode, workers), func(b *testing.B) {
				home := b.TempDir()
				p := plan(b, Config{Experiment: "empty", Seeds: seeds(b, fmt.Sprintf("0..%d", b.N-1)), Lease: time.Minute})
				o := Options{Home: home, Workers: workers}
				if mode == "process" {
					o.Command = command(home)
				}
				b.ResetTimer()
				if _, err := Begin(b.Context(), p, o); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
