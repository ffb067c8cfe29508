package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// run is a file of events that a test writes.
type run struct {
	t    testing.TB
	path string
}

func newRun(t testing.TB) *run { return &run{t, filepath.Join(t.TempDir(), "events.jsonl")} }

func (r *run) write(events ...runner.Event) {
	r.t.Helper()
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	for _, e := range events {
		e.Time, e.Run = time.Now(), "r"
		line, _ := json.Marshal(e)
		if _, err := f.Write(append(line, '\n')); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *run) text(s string) {
	f, _ := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	defer f.Close()
	f.WriteString(s)
}

func progress(done int, loss float64) runner.Event {
	return runner.Event{Kind: runner.Progressed, Seeds: 1, Progress: &papers.Progress{Stage: "net", Done: done, Total: 100_000, Unit: "epoch", Metrics: map[string]float64{"loss": loss}}}
}

func newHub(t testing.TB) *Hub {
	h := NewHub()
	h.poll = 5 * time.Millisecond
	t.Cleanup(func() { h.Close() })
	return h
}

// collect listens until n messages have come.
func collect(t testing.TB, l *Listener, n int) (messages []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for len(messages) < n {
		got, err := l.Next(ctx)
		if err != nil || got == nil {
			t.Fatalf("after %d messages: %v", len(messages), err)
		}
		for _, m := range got {
			messages = append(messages, string(m))
		}
	}
	return messages
}

func listen(t testing.TB, h *Hub, path string, after int64, alive func() bool) *Listener {
	t.Helper()
	l, err := h.Listen(path, after, alive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

var idLine = regexp.MustCompile(`(?m)^id: (\d+)$`)

func idOf(t testing.TB, m string) int64 {
	t.Helper()
	found := idLine.FindStringSubmatch(m)
	if found == nil {
		t.Fatalf("no number in %q", m)
	}
	id, _ := strconv.ParseInt(found[1], 10, 64)
	return id
}

func done(t testing.TB, messages []string) (out []int) {
	t.Helper()
	for _, m := range messages {
		_, data, _ := strings.Cut(m, "data: ")
		var e runner.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		if e.Progress != nil {
			out = append(out, e.Progress.Done)
		}
	}
	return out
}

func TestReplayAfterReconnect(t *testing.T) {
	r, h := newRun(t), newHub(t)
	r.write(runner.Event{Kind: runner.RunStarted, Seeds: 1})
	for i := 1; i <= 10; i++ {
		r.write(progress(i, 1/float64(i)))
	}
	first := listen(t, h, r.path, -1, nil)
	m := collect(t, first, 1)
	if !strings.Contains(m[0], "event: snapshot") || !strings.Contains(m[0], `"done":10`) {
		t.Fatalf("a new listener gets %s", m[0])
	}
	at := idOf(t, m[0])
	for i := 11; i <= 20; i++ {
		r.write(progress(i, 1/float64(i)))
	}
	r.text("\x00 not an event\n{\"half\":")
	if got := fmt.Sprint(done(t, collect(t, first, 10))); got != "[11 12 13 14 15 16 17 18 19 20]" {
		t.Errorf("it then gets %s", got)
	}
	// The connection breaks in the middle, the server is started anew, and the listener comes back with what it had last.
	again := listen(t, newHub(t), r.path, at, nil)
	got := collect(t, again, 10)
	if s := fmt.Sprint(done(t, got)); s != "[11 12 13 14 15 16 17 18 19 20]" {
		t.Errorf("after coming back it gets %s", s)
	}
	middle := listen(t, h, r.path, idOf(t, got[6]), nil)
	if s := fmt.Sprint(done(t, collect(t, middle, 3))); s != "[18 19 20]" {
		t.Errorf("from the middle it gets %s", s)
	}
}

func TestTooFarBehind(t *testing.T) {
	r, h := newRun(t), newHub(t)
	r.write(runner.Event{Kind: runner.RunStarted, Seeds: 1})
	l := listen(t, h, r.path, -1, nil)
	at := idOf(t, collect(t, l, 1)[0])
	var many []runner.Event
	for i := 1; i <= 3*ringEvents; i++ {
		many = append(many, progress(i, float64(i)))
	}
	r.write(many...)
	quick := listen(t, h, r.path, -1, nil)
	for seen := 0; seen < 3*ringEvents; { // until the hub has read all
		for _, m := range collect(t, quick, 1) {
			if strings.Contains(m, "snapshot") {
				var s Snapshot
				_, data, _ := strings.Cut(m, "data: ")
				json.Unmarshal([]byte(data), &s)
				if s.Progress != nil {
					seen = s.Progress.Done
				}
			} else if d := done(t, []string{m}); len(d) > 0 {
				seen = d[0]
			}
		}
	}
	slow := listen(t, h, r.path, at, nil)
	m := collect(t, slow, 1)
	if len(m) != 1 || !strings.Contains(m[0], "snapshot") || !strings.Contains(m[0], fmt.Sprint(`"done":`, 3*ringEvents)) {
		t.Errorf("a listener far behind gets %d messages, first %.200s", len(m), m[0])
	}
	var s Snapshot
	_, data, _ := strings.Cut(m[0], "data: ")
	if err := json.Unmarshal([]byte(data), &s); err != nil {
		t.Fatal(err)
	}
	if c := s.Curves[0]; len(c.X) > maxPoints || len(c.X) < maxPoints/3 || c.X[len(c.X)-1] < float64(3*ringEvents)*0.98 {
		t.Errorf("the curve has %d points up to %v", len(c.X), c.X[len(c.X)-1])
	}
	f := h.runs[r.path]
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ring) > ringEvents || f.bytes > ringBytes {
		t.Errorf("the ring holds %d events of %d bytes", len(f.ring), f.bytes)
	}
}

func TestGone(t *testing.T) {
	r, h := newRun(t), newHub(t)
	var alive atomic.Bool
	alive.Store(true)
	l := listen(t, h, r.path, -1, alive.Load)
	if m := collect(t, l, 1); !strings.Contains(m[0], "id: 0\n") {
		t.Fatalf("a run without events: %q", m)
	}
	r.write(runner.Event{Kind: runner.RunStarted, Seeds: 1})
	collect(t, l, 1)
	alive.Store(false)
	if m := collect(t, l, 1); !strings.Contains(m[0], "event: gone") {
		t.Errorf("it gets %q", m)
	}
	alive.Store(true)
	r.write(runner.Event{Kind: runner.RunStarted, Seeds: 1}) // resumed
	if m := collect(t, l, 1); !strings.Contains(m[0], "run-started") {
		t.Errorf("it gets %q", m)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if m, err := l.Next(ctx); m != nil || err != nil {
		t.Errorf("quiet gives %q, %v", m, err)
	}
	h.Close()
	if _, err := l.Next(t.Context()); err == nil {
		t.Error("a closed hub goes on")
	}
	if _, err := h.Listen(r.path, -1, nil); err == nil {
		t.Error("a closed hub takes listeners")
	}
}

func TestSnapshotOfResumedRun(t *testing.T) {
	s := &Snapshot{}
	add := func(events ...runner.Event) {
		for i := range events {
			s.Add(&events[i])
		}
	}
	add(runner.Event{Kind: runner.RunStarted}, runner.Event{Kind: runner.SeedStarted}, progress(1, 5), progress(2, 4), progress(3, 3),
		runner.Event{Kind: runner.RunFinished, Status: runner.Cancelled, Message: "stopped"})
	if s.Status != runner.Cancelled || s.Message != "stopped" {
		t.Errorf("status %q, %q", s.Status, s.Message)
	}
	add(runner.Event{Kind: runner.RunStarted}, progress(2, 4.5), progress(4, 2), runner.Event{Kind: runner.Logged, Level: "WARN", Message: " dry \n"})
	c := s.Curves[0]
	if fmt.Sprint(c.X, c.Y) != "[1 2 4] [5 4.5 2]" || s.Status != runner.Running || s.Log[0].Text != "dry" {
		t.Errorf("curve %v %v, status %q, log %+v", c.X, c.Y, s.Status, s.Log)
	}
	for i := range maxLines + 50 {
		add(runner.Event{Kind: runner.Logged, Message: fmt.Sprint(i)})
	}
	if len(s.Log) != maxLines || s.Log[maxLines-1].Text != fmt.Sprint(maxLines+49) {
		t.Errorf("the log has %d lines", len(s.Log))
	}
}

func TestRead(t *testing.T) {
	r := newRun(t)
	if s, at, err := Read(r.path); err != nil || at != 0 || s.Status != "" {
		t.Errorf("no file: %+v, %d, %v", s, at, err)
	}
	r.write(runner.Event{Kind: runner.RunStarted}, progress(1, 1))
	r.text(strings.Repeat("x", maxLine+10) + "\n")
	r.write(progress(2, 0.5))
	r.text(`{"kind":"prog`)
	s, at, err := Read(r.path)
	if err != nil || s.Progress.Done != 2 || math.Abs(s.Curves[0].Y[1]-0.5) > 1e-12 {
		t.Errorf("%+v, %d, %v", s, at, err)
	}
	if info, _ := os.Stat(r.path); at != info.Size()-int64(len(`{"kind":"prog`)) {
		t.Errorf("it read to %d of %d", at, info.Size())
	}
}

// Many listeners cost one reading of the file, and no buffers.
func TestManyListeners(t *testing.T) {
	const listeners, events = 500, 200
	r, h := newRun(t), newHub(t)
	r.write(runner.Event{Kind: runner.RunStarted, Seeds: 1})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var wait, ready sync.WaitGroup
	failed := make(chan string, listeners)
	ready.Add(listeners)
	for range listeners {
		l := listen(t, h, r.path, -1, nil)
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			started := false
			for last, n := int64(-1), 0; n < events; {
				got, err := l.Next(ctx)
				if err != nil || got == nil {
					failed <- fmt.Sprintf("after %d events: %v", n, err)
					return
				}
				for _, m := range got {
					if id := idOf(t, string(m)); id <= last {
						failed <- fmt.Sprintf("event %d after %d", id, last)
						return
					} else {
						last = id
					}
					if started {
						n++
					}
				}
				if !started {
					started = true
					ready.Done()
				}
			}
		})
	}
	ready.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := int64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse) / listeners; per > 32<<10 {
		t.Errorf("a listener costs %d bytes", per)
	}
	for i := range events {
		r.write(progress(i, 1))
	}
	wait.Wait()
	close(failed)
	for f := range failed {
		t.Error(f)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"kind":"progress","progress":{"stage":"a","done":3,"metrics":{"x":1}}}` + "\n"))
	f.Add([]byte("{}\n\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "e")
		os.WriteFile(path, data, 0o644)
		s, at, err := Read(path)
		if err != nil || at > int64(len(data)) {
			t.Fatalf("%d of %d, %v", at, len(data), err)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Fatal(err)
		}
	})
}
