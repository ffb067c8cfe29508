package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/runner"
)

func TestSweep(t *testing.T) {
	home := t.TempDir()
	p := plan(t, Config{Axes: []Axis{axis(t, "x=1:3:1"), axis(t, "kind=line,square")}, Seeds: seeds(t, "0..4")})
	var events []Event
	s, err := Begin(t.Context(), p, Options{Home: home, Workers: 2, Listen: func(e Event) { events = append(events, e) }})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
	if last := events[len(events)-1]; last.Done != 30 || last.Parked != 0 || last.Jobs != 30 || last.Outcome == nil {
		t.Errorf("the last event is %+v", last)
	}
	again, err := Find(home, "last")
	if err != nil {
		t.Fatal(err)
	}
	check(t, again)
	for _, gone := range []string{"queue", "jobs"} {
		if _, err := os.Stat(filepath.Join(s.Dir, gone)); err == nil {
			t.Errorf("%s is left behind", gone)
		}
	}
	if _, err := Begin(t.Context(), p, Options{Home: home}); refusal(err) == nil {
		t.Errorf("a sweep was begun over another: %v", err)
	}
	// What is done stays done.
	before, err := os.ReadFile(filepath.Join(s.Dir, "outcomes.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err = Resume(t.Context(), s.ID[:20], Options{Home: home, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	check(t, again)
	if after, err := os.ReadFile(filepath.Join(s.Dir, "outcomes.jsonl")); err != nil || string(after) != string(before) {
		t.Error("going on with a sweep that is done has changed its outcomes")
	}
}

// TestFaults wants a job that fails for good to be parked with its error after its tries, and nothing else to suffer from it.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		faulty, says string
		tries        int // before the one that parked it
		processes    bool
		timeout      time.Duration
	}{
		{"error", "it cannot be done", 2, false, 0},
		{"panic", "a mistake in the program: assignment to entry in nil map", 2, false, 0},
		{"refuse", "the data do not fit", 0, false, 0},
		{"hang", "took longer than 50ms", 2, false, 50 * time.Millisecond},
		{"exit", "2 workers vanished", 0, true, 0},
	} {
		t.Run(c.faulty, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			p := plan(t, Config{Set: map[string]string{"faulty": c.faulty, "which": "3"}, Axes: []Axis{axis(t, "x=1,2")}, Seeds: seeds(t, "0..5"),
				Lease: 500 * time.Millisecond, Losses: 2, Timeout: c.timeout})
			o := Options{Home: home, Workers: 2, Listen: listen(t)}
			if c.processes {
				o.Command = command(home)
			}
			s, err := Begin(t.Context(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			done, parked := s.Counts()
			if done != 10 || parked != 2 {
				t.Errorf("%d done, %d parked", done, parked)
			}
			for _, o := range s.Outcomes {
				if (o.Status == Parked) != (o.Seed == 3) {
					t.Errorf("%s is %s", o.Job, o.Status)
				}
				if o.Status == Parked && (!strings.Contains(o.Error, c.says) || len(o.Tries) != c.tries || len(o.Measurements) > 0) {
					t.Errorf("%s after %d tries: %s", o.Job, len(o.Tries), o.Error)
				}
				for _, try := range o.Tries {
					if !strings.Contains(try.Errors[o.Job], c.says) {
						t.Errorf("a try of %s says %v", o.Job, try)
					}
				}
			}
			page, err := os.ReadFile(filepath.Join(s.Dir, "report.html"))
			if err != nil || !strings.Contains(string(page), "Parked jobs") || !strings.Contains(string(page), strings.Fields(c.says)[0]) {
				t.Errorf("the page does not say what is parked (%v)", err)
			}
			if c.faulty == "panic" {
				if stack, err := os.ReadFile(filepath.Join(s.Dir, "panics", "p0-s3.txt")); err != nil || !strings.Contains(string(stack), "runToy") {
					t.Errorf("the stack was not kept: %v", err)
				}
			}
		})
	}
}

// TestRetry wants a job that fails once to be done in the end, and parked jobs to be tried anew when asked.
func TestRetry(t *testing.T) {
	t.Parallel()
	home, marks := t.TempDir(), t.TempDir()
	p := plan(t, Config{Set: map[string]string{"faulty": "once", "marks": marks}, Axes: []Axis{axis(t, "x=1,2")}, Seeds: seeds(t, "2"), Lease: 200 * time.Millisecond})
	s, err := Begin(t.Context(), p, Options{Home: home, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
	for _, o := range s.Outcomes {
		if len(o.Tries) != 1 {
			t.Errorf("%s was done after %d tries", o.Job, len(o.Tries))
		}
	}

	marks = t.TempDir()
	p = plan(t, Config{Set: map[string]string{"faulty": "once", "marks": marks}, Axes: []Axis{axis(t, "x=1,2")}, Seeds: seeds(t, "2"), Retries: -1})
	if s, err = Begin(t.Context(), p, Options{Home: home, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	if _, parked := s.Counts(); parked != 4 {
		t.Fatalf("%d parked without another try, want 4", parked)
	}
	if s, err = Resume(t.Context(), p.ID, Options{Home: home, Workers: 2, Retry: true}); err != nil {
		t.Fatal(err)
	}
	check(t, s)
}

// TestBatch wants seeds to be handed over together, and a batch that fails to be done one by one, so that only the seed at fault is parked.
func TestBatch(t *testing.T) {
	t.Parallel()
	p := plan(t, Config{Experiment: "batched", Axes: []Axis{axis(t, "x=1,2")}, Seeds: seeds(t, "0..6"), Batch: 4, Lease: 200 * time.Millisecond})
	s, err := Begin(t.Context(), p, Options{Home: t.TempDir(), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
	for _, o := range s.Outcomes {
		want := 4
		if o.Seed > 3 {
			want = 3
		}
		if o.Batch != want || len(o.Notes) != 1 || o.Notes[0].Text != fmt.Sprintf("in a batch of %d", want) {
			t.Errorf("%s was in a batch of %d: %v", o.Job, o.Batch, o.Notes)
		}
	}
	p = plan(t, Config{Experiment: "batched", Set: map[string]string{"faulty": "error", "which": "2"}, Seeds: seeds(t, "0..6"), Batch: 4, Lease: 200 * time.Millisecond, Retries: 1})
	if s, err = Begin(t.Context(), p, Options{Home: t.TempDir(), Workers: 2}); err != nil {
		t.Fatal(err)
	}
	if done, parked := s.Counts(); done != 6 || parked != 1 {
		t.Errorf("%d done, %d parked", done, parked)
	}
	for _, o := range s.Outcomes {
		if (o.Status == Parked) != (o.Seed == 2) || o.Seed < 4 && o.Batch != 0 || o.Seed >= 4 && o.Batch != 3 {
			t.Errorf("%s: %s in a batch of %d", o.Job, o.Status, o.Batch)
		}
	}
}

// TestRuns wants each job to be a run with a directory and a place in the history.
func TestRuns(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p := plan(t, Config{Axes: []Axis{axis(t, "x=1,2")}, Seeds: seeds(t, "2"), Runs: true})
	s, err := Begin(t.Context(), p, Options{Home: home, Workers: 2, Listen: listen(t)})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
	h, err := runner.ReadHistory(home)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	runs, err := h.Runs(t.Context(), "", 0)
	if err != nil || len(runs) != 4 {
		t.Errorf("%d runs in the history, %v", len(runs), err)
	}
	for _, o := range s.Outcomes {
		if o.Run != filepath.Join(s.Dir, "runs", o.Job) {
			t.Errorf("the run is in %s", o.Run)
		}
		if _, err := os.Stat(filepath.Join(o.Run, "report.html")); err != nil {
			t.Error(err)
		}
	}
}

// TestStop wants a sweep that is stopped to give back at once what is under way, to go on from the stages a job has stored, and to measure
// what it would have.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, runs := range []bool{false, true} {
		t.Run(fmt.Sprintf("runs=%v", runs), func(t *testing.T) {
			home, marks := t.TempDir(), t.TempDir()
			// The lease is long: what is not given back would make the test wait for it.
			p := plan(t, Config{Set: map[string]string{"faulty": "stage", "marks": marks, "which": "1"}, Axes: []Axis{axis(t, "x=1")}, Seeds: seeds(t, "3"),
				Lease: time.Minute, Runs: runs})
			ctx, stop := context.WithCancel(t.Context())
			go func() {
				for ctx.Err() == nil {
					if _, err := os.Stat(filepath.Join(marks, "in-second-stage")); err == nil {
						time.Sleep(50 * time.Millisecond)
						stop()
					}
					time.Sleep(10 * time.Millisecond)
				}
			}()
			s, err := Begin(ctx, p, Options{Home: home, Workers: 2, Listen: listen(t)})
			if !errors.Is(err, context.Canceled) || s.State != Stopped {
				t.Fatalf("%v, %s", err, s.State)
			}
			start := time.Now()
			s, err = Resume(t.Context(), "last", Options{Home: home, Workers: 2, Listen: listen(t)})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("going on took %v", took)
			}
			check(t, s)
			for _, o := range s.Outcomes {
				if o.Seed == 1 && (len(o.Notes) != 1 || o.Notes[0].Text != fmt.Sprintf("first stage by %d", os.Getpid())) {
					t.Errorf("%s: %v", o.Job, o.Notes)
				}
			}
		})
	}
}

// TestReturned wants a worker that is stopped to give its job to another at once, whatever the lease is, and that not to count against the job.
func TestReturned(t *testing.T) {
	t.Parallel()
	q := newTestQueue(t)
	home, marks := t.TempDir(), t.TempDir()
	p := plan(t, Config{Set: map[string]string{"faulty": "stage", "marks": marks}, Seeds: seeds(t, "1"), Lease: time.Minute, Losses: 1, Retries: -1, Queue: q.conn.URL})
	first, stopFirst := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	result := make(chan *Sweep, 1)
	all.Go(func() {
		s, err := Begin(t.Context(), p, Options{Home: home, Connection: q.conn, Workers: -1, Listen: listen(t)})
		if err != nil {
			t.Error(err)
		}
		result <- s
	})
	all.Go(func() {
		if err := Work(first, WorkerConfig{Connection: q.conn, Home: home, Name: "first", AnyVersion: true}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	await(t, func() bool { _, err := os.Stat(filepath.Join(marks, "in-second-stage")); return err == nil })
	stopFirst()
	start := time.Now()
	second, stopSecond := context.WithCancel(t.Context())
	defer stopSecond()
	all.Go(func() { Work(second, WorkerConfig{Connection: q.conn, Home: home, Name: "second", AnyVersion: true}) })
	s := <-result
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the job changed hands after %v", took)
	}
	check(t, s)
	if s.Outcomes[0].Worker != "second" {
		t.Errorf("done by %s", s.Outcomes[0].Worker)
	}
	stopSecond()
}

// TestMismatch wants workers that would misunderstand a sweep, or lack its data, to refuse it with the reason, which the sweep passes on,
// and the sweep to be done by one that does not.
func TestMismatch(t *testing.T) {
	t.Parallel()
	q := newTestQueue(t)
	home := t.TempDir()
	data := filepath.Join(home, "data.csv")
	if err := os.WriteFile(data, []byte("1,2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := plan(t, Config{Seeds: seeds(t, "2"), Queue: q.conn.URL, Inputs: map[string]string{"": data}})
	said := make(chan string, 100)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	result := make(chan *Sweep, 1)
	go func() {
		s, err := Begin(ctx, p, Options{Home: home, Connection: q.conn, Listen: func(e Event) {
			if e.Says != "" {
				said <- e.Says
			}
		}})
		if err != nil {
			t.Error(err)
		}
		result <- s
	}()
	observer := q.dial(t)
	await(t, func() bool { open, err := observer.manifests(ctx); return err == nil && len(open) == 1 })

	work := func(name string, change func(*Plan), c WorkerConfig) error {
		// Each is a worker of another build: for it, the manifest is another one.
		open, err := observer.manifests(ctx)
		if err != nil {
			t.Fatal(err)
		}
		other := *open[0]
		change(&other)
		w := &worker{WorkerConfig: c, q: observer}
		return w.understand(&served{Plan: &other})
	}
	say := WorkerConfig{Home: home, Connection: q.conn}
	for name, c := range map[string]struct {
		change func(*Plan)
		worker WorkerConfig
		says   string
	}{
		"registry":   {func(p *Plan) { p.Registry = "0123456789abcdef" }, say, "declares other parameters"},
		"paper":      {func(p *Plan) { p.Paper = "unknown" }, say, "does not have"},
		"experiment": {func(p *Plan) { p.Experiment = "unknown" }, say, "does not have"},
		"version":    {func(p *Plan) { p.Gyrus = "v9.9.9" }, say, "--any-version"},
		"data gone":  {func(p *Plan) {}, WorkerConfig{Home: home, Inputs: map[string]string{"table": "no-such-file"}}, "--data table=FILE"},
		"other data": {func(p *Plan) {}, WorkerConfig{Home: home, Inputs: map[string]string{"table": "grid.go"}}, "holds other data"},
	} {
		if err := work(name, c.change, c.worker); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := work("any version", func(p *Plan) { p.Gyrus = "v9.9.9" }, WorkerConfig{Home: home, AnyVersion: true}); err != nil {
		t.Error(err)
	}

	// A worker for this sweep only ends with the refusal as its error, and the sweep hears of it.
	err := Work(ctx, WorkerConfig{Connection: q.conn, Home: home, Sweep: p.ID, Name: "no.data", Inputs: map[string]string{"table": "grid.go"}})
	if refusal(err) == nil || !strings.Contains(err.Error(), "holds other data") {
		t.Errorf("the worker ended with %v", err)
	}
	select {
	case s := <-said:
		if !strings.Contains(s, "no.data") || !strings.Contains(s, "holds other data") {
			t.Errorf("the sweep said %s", s)
		}
	case <-time.After(10 * time.Second):
		t.Error("the sweep did not hear of the refusal")
	}
	if err := Work(ctx, WorkerConfig{Connection: q.conn, Home: home, Sweep: "no-such-sweep"}); refusal(err) == nil {
		t.Errorf("a sweep that does not exist: %v", err)
	}
	if err := Work(ctx, WorkerConfig{Connection: q.conn, Home: home, Sweep: p.ID}); err != nil {
		t.Errorf("the worker that fits ended with %v", err)
	}
	check(t, <-result)

	// What the sweep kept in the queue is gone.
	names := observer.js.StreamNames(t.Context())
	for name := range names.Name() {
		if name != sweepsStream {
			t.Errorf("stream %s is left behind", name)
		}
	}
}

// TestResumeOtherExperiment wants a sweep not to go on with a program that means something else by its jobs.
func TestResumeOtherExperiment(t *testing.T) {
	home := t.TempDir()
	p := plan(t, Config{Seeds: seeds(t, "2")})
	p.Registry = "0123456789abcdef"
	s := &Sweep{Plan: p, Dir: filepath.Join(home, "sweeps", p.ID)}
	if err := s.writePlan(); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(t.Context(), p.ID, Options{Home: home}); refusal(err) == nil || !strings.Contains(err.Error(), "declares other parameters") {
		t.Errorf("%v", err)
	}
}

// TestDamage wants a sweep to be done whatever became of its queue's store and of the last line of its outcomes.
func TestDamage(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p := plan(t, Config{Set: map[string]string{"sleep": "20ms"}, Axes: []Axis{axis(t, "x=1:5:1")}, Seeds: seeds(t, "8")})
	ctx, stop := context.WithCancel(t.Context())
	s, err := Begin(ctx, p, Options{Home: home, Workers: 2, Listen: func(e Event) {
		if e.Done == 10 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) || len(s.Outcomes) < 10 || len(s.Outcomes) == 40 {
		t.Fatalf("%v with %d outcomes", err, len(s.Outcomes))
	}
	// Every file of the store is cut to a half and followed by rubbish.
	err = filepath.Walk(filepath.Join(s.Dir, "queue"), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, append(data[:len(data)/2], "rubbish"...), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, "outcomes.jsonl"), os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("not json\n" + `{"job":"p99-s0","point":99,"status":"done"}` + "\n" + `{"job":"p0-s0","poi`)
	f.Close()
	if s, err = Resume(t.Context(), p.ID, Options{Home: home, Workers: 2, Listen: listen(t)}); err != nil {
		t.Fatal(err)
	}
	check(t, s)
}

// TestBusy wants one process to carry out a sweep.
func TestBusy(t *testing.T) {
	home := t.TempDir()
	p := plan(t, Config{Set: map[string]string{"faulty": "hang"}, Seeds: seeds(t, "1")})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	started := make(chan bool, 10)
	go func() {
		_, err := Begin(ctx, p, Options{Home: home, Workers: 1, Listen: func(Event) { started <- true }})
		done <- err
	}()
	<-started
	if _, err := Resume(t.Context(), p.ID, Options{Home: home}); !errors.Is(err, runner.ErrBusy) {
		t.Errorf("a second process got %v", err)
	}
	if s, err := Find(home, p.ID); err != nil || s.State != Running {
		t.Errorf("it is %v, %v", s.State, err)
	} else if err := Remove(t.Context(), s, Connection{}); !errors.Is(err, runner.ErrBusy) {
		t.Errorf("a running sweep was removed: %v", err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s, err := Find(home, p.ID)
	if err != nil || s.State != Stopped {
		t.Errorf("it is %v, %v", s.State, err)
	}
	if err := Remove(t.Context(), s, Connection{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Dir); err == nil {
		t.Error("the folder is left")
	}
}

// BenchmarkEmptyJob is what a sweep takes for each job that does nothing, from the plan to the outcome in outcomes.jsonl and the page: with workers
// as goroutines, as processes, and as processes that make every job a run with a directory of its own.
func BenchmarkEmptyJob(b *testing.B) {
	for _, mode := range []string{"goroutine", "process", "run"} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s-%d", mode, workers), func(b *testing.B) {
				home := b.TempDir()
				p := plan(b, Config{Experiment: "empty", Seeds: seeds(b, fmt.Sprintf("0..%d", b.N-1)), Lease: time.Minute, Runs: mode == "run"})
				o := Options{Home: home, Workers: workers}
				if mode != "goroutine" {
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
