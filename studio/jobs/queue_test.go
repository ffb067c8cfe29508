package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/confine"
)

type stepParams struct {
	Steps int           `param:"steps" help:"number of steps" min:"1"`
	Pause time.Duration `param:"pause" help:"time of a step" min:"0"`
	Fault string        `param:"fault" help:"what goes wrong" oneof:"none error exit deaf"`
}

func init() {
	small := stepParams{Steps: 2, Fault: "none"}
	papers.Register(papers.Paper{
		Slug: "steps", System: "Steps", Title: "Steps", Authors: 1, Published: "2026", Family: papers.Recurrent, Summary: "Steps.",
		Experiments: []papers.Experiment{{
			Name: "plain", Summary: "Steps.", Params: papers.Presets[stepParams]{Quick: small, Default: small, Full: small},
			Metrics: []report.Metric{{ID: "steps", Name: "steps"}}, Systems: []report.System{{Name: "steps", Role: report.Subject}},
			Inputs: []papers.Input{{Name: "file", Says: "anything"}},
			Run:    steps,
		}},
		Applies: "Counts bytes.",
		Apply: func(_ context.Context, a *papers.Application) error {
			for _, f := range a.Files {
				data, err := os.ReadFile(f)
				if err != nil {
					return err
				}
				path, err := a.OutputPath(f, "-count.txt")
				if err != nil {
					return err
				}
				if err := os.WriteFile(path, fmt.Append(nil, len(data)), 0o644); err != nil {
					return err
				}
				a.Say("%d bytes", len(data))
			}
			return nil
		},
	})
}

func steps(ctx context.Context, r *papers.Run) error {
	p := papers.ParamsOf[stepParams](r)
	if path, given := r.Input("file"); given {
		if _, err := os.ReadFile(path); err != nil {
			return err
		}
	}
	for i := range p.Steps {
		_, err := papers.Stage(r, fmt.Sprint("step-", i), func() (int, error) {
			switch p.Fault {
			case "error":
				return 0, papers.Refuse(errors.New("the stairs end here"))
			case "exit":
				os.Exit(7)
			case "deaf":
				select {}
			}
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(p.Pause):
				return i, nil
			}
		})
		if err != nil {
			return err
		}
		r.Progress(papers.Progress{Stage: "steps", Done: i + 1, Total: p.Steps})
	}
	dir, err := r.ModelDir()
	if err != nil {
		return err
	}
	r.Measure("steps", "steps", float64(p.Steps))
	return os.WriteFile(filepath.Join(dir, "model"), []byte("m"), 0o644)
}

// TestMain lets the test binary act as the process of a job.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := Work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, home string, change func(*Options)) *Queue {
	t.Helper()
	o := Options{Home: home, Dir: filepath.Join(home, "studio"), Worker: []string{os.Args[0], "worker"}, Grace: 500 * time.Millisecond}
	if change != nil {
		change(&o)
	}
	q, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

func await(t *testing.T, q *Queue, id string, is func(Job) bool) Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	j, ok := q.Await(ctx, id, is)
	if !ok {
		t.Fatalf("job %s stands at %q (%s)", id, j.State, j.Error)
	}
	return j
}

func ended(j Job) bool { return j.State.Ended() }
func begun(j Job) bool { return j.RunID != "" }

func submit(t *testing.T, q *Queue, r Request) string {
	t.Helper()
	j, err := q.Submit(r)
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}

func step(set map[string]string) Request {
	return Request{Kind: Run, Paper: "steps", Preset: papers.Quick, Set: set}
}

func TestJobsEnd(t *testing.T) {
	home := t.TempDir()
	q := open(t, home, func(o *Options) { o.Parallel = 4 })
	for _, tc := range []struct {
		name    string
		request Request
		state   State
		says    string
		refused bool
	}{
		{"run", step(nil), Done, "", false},
		{"refusal", step(map[string]string{"fault": "error"}), Failed, "the stairs end here", true},
		{"bad parameter", step(map[string]string{"steps": "0"}), Failed, "at least 1", true},
		{"crash", step(map[string]string{"fault": "exit"}), Failed, "exit status 7", false},
		{"unknown kind", Request{Kind: "dance"}, Failed, "dance", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			j := await(t, q, submit(t, q, tc.request), ended)
			if j.State != tc.state || !strings.Contains(j.Error, tc.says) || j.Refused != tc.refused {
				t.Errorf("the job ended as %q, %q (refused %v)", j.State, j.Error, j.Refused)
			}
		})
	}
}

func TestOrderAndCancel(t *testing.T) {
	home := t.TempDir()
	q := open(t, home, nil)
	long := map[string]string{"pause": "20ms", "steps": "500"}
	first, second, third := submit(t, q, step(long)), submit(t, q, step(nil)), submit(t, q, step(nil))
	running := await(t, q, first, begun)
	if j, before, _ := q.Job(third); j.State != Waiting || before != 2 {
		t.Errorf("the third job is %q with %d before it", j.State, before)
	}
	if err := q.Cancel(second); err != nil {
		t.Fatal(err)
	}
	if j, _, _ := q.Job(second); j.State != Cancelled {
		t.Errorf("a waiting job that was cancelled is %q", j.State)
	}
	if err := q.Cancel(first); err != nil {
		t.Fatal(err)
	}
	if j := await(t, q, first, ended); j.State != Cancelled {
		t.Errorf("a running job that was cancelled is %q: %s", j.State, j.Error)
	}
	await(t, q, third, func(j Job) bool { return j.State == Done })
	h, err := runner.ReadHistory(home)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if e, err := h.Find(t.Context(), running.RunID); err != nil || e.Status != runner.Cancelled {
		t.Errorf("the run is %q in the history (%v)", e.Status, err)
	}
	if err := q.Cancel("nothing"); err == nil {
		t.Error("a job that does not exist was cancelled")
	}
}

func TestDeafJobIsKilled(t *testing.T) {
	q := open(t, t.TempDir(), func(o *Options) { o.Grace = 50 * time.Millisecond })
	id := submit(t, q, step(map[string]string{"fault": "deaf"}))
	await(t, q, id, begun)
	q.Cancel(id)
	if j := await(t, q, id, ended); j.State != Cancelled {
		t.Errorf("it is %q: %s", j.State, j.Error)
	}
}

// A run that is under way when the server stops can be resumed, and what waited goes on waiting.
func TestRestart(t *testing.T) {
	home := t.TempDir()
	q := open(t, home, nil)
	long := submit(t, q, step(map[string]string{"pause": "30ms", "steps": "10"}))
	short := submit(t, q, step(nil))
	await(t, q, long, begun)
	q.Close()
	j, _, _ := q.Job(long)
	if j.State != Interrupted {
		t.Fatalf("the job is %q after the server has stopped: %s", j.State, j.Error)
	}
	if j, _, _ := q.Job(short); j.State != Waiting {
		t.Fatalf("what waited is %q", j.State)
	}
	if _, err := q.Submit(step(nil)); err == nil {
		t.Error("a stopping queue takes jobs")
	}
	q = open(t, home, nil)
	await(t, q, short, func(j Job) bool { return j.State == Done })
	dir, err := runner.FindRun(t.Context(), home, j.RunID)
	if err != nil {
		t.Fatal(err)
	}
	again := submit(t, q, Request{Kind: Resume, RunID: j.RunID, RunDir: dir})
	if j := await(t, q, again, ended); j.State != Done {
		t.Errorf("the resumed run is %q: %s", j.State, j.Error)
	}
	if j, ok := q.OfRun(j.RunID); !ok || j.ID != again {
		t.Errorf("the newest job of the run is %+v", j)
	}
}

// A server that is killed leaves no process behind, and its jobs are marked when it comes back.
func TestServerKilled(t *testing.T) {
	home := t.TempDir()
	q := open(t, home, nil)
	id := submit(t, q, step(map[string]string{"pause": "20ms", "steps": "1000"}))
	j := await(t, q, id, begun)
	data, err := os.ReadFile(q.path())
	if err != nil {
		t.Fatal(err)
	}
	q.mu.Lock()
	q.running[id].stop.Close() // what the kernel does with the pipes of a dead server
	q.mu.Unlock()
	await(t, q, id, ended)
	if err := os.WriteFile(q.path(), data, 0o600); err != nil { // as it was at the moment of death
		t.Fatal(err)
	}
	q = open(t, home, nil)
	if j, _, _ := q.Job(id); j.State != Interrupted || !strings.Contains(j.Error, "server ended") {
		t.Errorf("the job is %q: %s", j.State, j.Error)
	}
	h, err := runner.ReadHistory(home)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if e, err := h.Find(t.Context(), j.RunID); err != nil || e.Status != runner.Cancelled {
		t.Errorf("the run is %q (%v)", e.Status, err)
	}
}

func TestApply(t *testing.T) {
	home := t.TempDir()
	q := open(t, home, nil)
	j := await(t, q, submit(t, q, step(nil)), ended)
	dir, err := runner.FindRun(t.Context(), home, j.RunID)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.dat")
	os.WriteFile(file, []byte("12345"), 0o644)
	j = await(t, q, submit(t, q, Request{Kind: Apply, Paper: "steps", RunID: j.RunID, RunDir: dir, Files: []string{file}}), ended)
	if j.State != Done {
		t.Fatalf("%q: %s", j.State, j.Error)
	}
	if got, err := os.ReadFile(filepath.Join(j.Dir, "out", "a-count.txt")); err != nil || string(got) != "5" {
		t.Errorf("it wrote %q (%v)", got, err)
	}
	if events, _ := os.ReadFile(filepath.Join(j.Dir, ApplicationEvents)); !strings.Contains(string(events), "5 bytes") || !strings.Contains(string(events), `"done"`) {
		t.Errorf("its events are\n%s", events)
	}
}

// What a request names has been checked before; a job that gets at something else all the same is stopped by the kernel.
func TestConfined(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Landlock is of Linux")
	}
	home, data, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	inside, outside := filepath.Join(data, "in"), filepath.Join(elsewhere, "out")
	for _, f := range []string{inside, outside} {
		os.WriteFile(f, []byte("x"), 0o644)
	}
	q := open(t, home, func(o *Options) { o.Readable = []string{data} })
	r := step(nil)
	r.Inputs = map[string]string{"file": inside}
	if j := await(t, q, submit(t, q, r), ended); j.State != Done {
		t.Fatalf("a file in the data folders: %q, %s", j.State, j.Error)
	}
	r.Inputs = map[string]string{"file": outside}
	j := await(t, q, submit(t, q, r), ended)
	if j.State == Done && !confine.Available() {
		t.Skip("this kernel has no Landlock")
	}
	if j.State != Failed || !strings.Contains(j.Error, "permission denied") {
		t.Errorf("a file elsewhere: %q, %s", j.State, j.Error)
	}
}

func TestFull(t *testing.T) {
	q := open(t, t.TempDir(), nil)
	submit(t, q, step(map[string]string{"pause": "1s", "steps": "100"}))
	q.mu.Lock()
	for range maxWaiting {
		q.jobs = append(q.jobs, &Job{State: Waiting})
	}
	q.mu.Unlock()
	if _, err := q.Submit(step(nil)); !errors.Is(err, ErrFull) {
		t.Errorf("a full queue says %v", err)
	}
	q.mu.Lock()
	q.jobs = q.jobs[:1]
	q.mu.Unlock()
}

func TestBrokenQueueFile(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "jobs.json"), []byte("{"), 0o644)
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("it opens with %v", err)
	}
}

func TestNoWorker(t *testing.T) {
	q := open(t, t.TempDir(), func(o *Options) { o.Worker = []string{"/nowhere/gyrus"} })
	if j := await(t, q, submit(t, q, step(nil)), ended); j.State != Failed || !strings.Contains(j.Error, "starting a process") {
		t.Errorf("it is %q: %s", j.State, j.Error)
	}
}
