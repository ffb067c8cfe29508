package jobs

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
)

// Options say how a queue works.
type Options struct {
	Home     string   // as of package runner
	Dir      string   // of the queue's file and of what applications write
	Parallel int      // jobs at once; at least 1
	Worker   []string // command line of a process that calls [Work]
	Readable []string // folders that jobs may read, besides Home; nil leaves reading free
	Grace    time.Duration
	Now      func() time.Time
	Log      *slog.Logger
}

// Limits of the queue.
const (
	maxWaiting = 200 // jobs that wait; more are refused
	maxEnded   = 300 // jobs that have ended and are remembered
)

// ErrFull is the error of submitting to a queue in which too much waits.
var ErrFull = fmt.Errorf("%d jobs wait already; let some of them end first", maxWaiting)

// Queue carries jobs out. It is safe for concurrent use.
type Queue struct {
	o       Options
	mu      sync.Mutex
	jobs    []*Job             // by the time they came
	running map[string]*worker // by job ID
	changed chan struct{}      // closed and replaced at every change
	closing bool
	wait    sync.WaitGroup
}

// worker is the process of a running job.
type worker struct {
	stop      io.Closer // its standard input: closing it asks it to stop
	kill      func() error
	cancelled bool // by the user
}

// Open opens the queue in its folder and starts what waits in it.
func Open(o Options) (*Queue, error) {
	o.Parallel = max(1, o.Parallel)
	if o.Grace <= 0 {
		o.Grace = 20 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the queue: %w", err)
	}
	q := &Queue{o: o, running: map[string]*worker{}, changed: make(chan struct{})}
	data, err := os.ReadFile(q.path())
	switch {
	case err == nil:
		if err := json.Unmarshal(data, &q.jobs); err != nil {
			return nil, fmt.Errorf("reading the queue %s: %w (move it away to begin a new one)", q.path(), err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the queue: %w", err)
	}
	for _, j := range q.jobs {
		if j.State == Running { // of a server that ended without a word
			j.State, j.Ended, j.Error = Interrupted, o.Now(), "the server ended while this was under way"
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.update()
	return q, nil
}

func (q *Queue) path() string { return filepath.Join(q.o.Dir, "jobs.json") }

// Submit adds a job, which begins when its turn comes.
func (q *Queue) Submit(r Request) (Job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := 0
	for _, j := range q.jobs {
		if j.State == Waiting {
			waiting++
		}
	}
	switch {
	case q.closing:
		return Job{}, errors.New("the server is stopping")
	case waiting >= maxWaiting:
		return Job{}, ErrFull
	}
	j := &Job{ID: strings.ToLower(rand.Text()[:12]), Request: r, State: Waiting, Queued: q.o.Now()}
	if r.Kind == Resume {
		j.RunID = r.RunID
	}
	q.jobs = append(q.jobs, j)
	q.update()
	return *j, nil
}

// Cancel stops a job: it leaves the queue, or its process is asked to stop and, if it does not, killed after a while.
func (q *Queue) Cancel(id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	j := q.find(func(j *Job) bool { return j.ID == id })
	if j == nil {
		return fs.ErrNotExist
	}
	switch j.State {
	case Waiting:
		j.State, j.Ended = Cancelled, q.o.Now()
		q.update()
	case Running:
		w := q.running[id]
		w.cancelled = true
		w.end(q.o.Grace)
	}
	return nil
}

// end asks the process to stop and kills it if it does not.
func (w *worker) end(grace time.Duration) {
	w.stop.Close()
	time.AfterFunc(grace, func() { w.kill() })
}

// Forget removes a job that has ended.
func (q *Queue) Forget(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, func(j *Job) bool { return j.ID == id && j.State.Ended() })
	q.update()
}

// Jobs lists all jobs, the newest last.
func (q *Queue) Jobs() []Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]Job, len(q.jobs))
	for i, j := range q.jobs {
		out[i] = *j
	}
	return out
}

// Job returns a job, and how many are before it if it waits.
func (q *Queue) Job(id string) (job Job, before int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.jobs {
		if j.ID == id {
			return *j, before, true
		}
		if !j.State.Ended() {
			before++
		}
	}
	return Job{}, 0, false
}

// OfRun returns the newest job that carried out a run.
func (q *Queue) OfRun(runID string) (Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range slices.Backward(q.jobs) {
		if j.RunID == runID && j.Request.Kind != Apply {
			return *j, true
		}
	}
	return Job{}, false
}

// Await returns a job once it is as asked for, or as it is when the context ends.
func (q *Queue) Await(ctx context.Context, id string, is func(Job) bool) (Job, bool) {
	for {
		q.mu.Lock()
		changed := q.changed
		j := q.find(func(j *Job) bool { return j.ID == id })
		if j == nil {
			q.mu.Unlock()
			return Job{}, false
		}
		now := *j
		q.mu.Unlock()
		if is(now) {
			return now, true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return now, false
		}
	}
}

// Close stops what is under way and waits for it. What waits stays in the queue.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.closing = true
	for _, w := range q.running {
		w.end(min(q.o.Grace, 10*time.Second))
	}
	q.mu.Unlock()
	q.wait.Wait()
	return nil
}

func (q *Queue) find(is func(*Job) bool) *Job {
	if i := slices.IndexFunc(q.jobs, is); i >= 0 {
		return q.jobs[i]
	}
	return nil
}

// update starts what can start, stores the queue, and tells those who wait for a change. The lock is held.
func (q *Queue) update() {
	for len(q.running) < q.o.Parallel && !q.closing {
		j := q.find(func(j *Job) bool { return j.State == Waiting })
		if j == nil {
			break
		}
		j.State, j.Started = Running, q.o.Now()
		if j.Request.Kind == Apply {
			j.Dir = filepath.Join(q.o.Dir, "applied", j.ID)
		}
		if err := q.start(j); err != nil {
			j.State, j.Ended, j.Error = Failed, q.o.Now(), err.Error()
		}
	}
	ended := 0
	for _, j := range q.jobs {
		if j.State.Ended() {
			ended++
		}
	}
	q.jobs = slices.DeleteFunc(q.jobs, func(j *Job) bool {
		if ended > maxEnded && j.State.Ended() && j.Request.Kind != Apply { // an application is found by its job only
			ended--
			return true
		}
		return false
	})
	err := papers.WriteFileAtomic(q.path(), func(f *os.File) error { return json.NewEncoder(f).Encode(q.jobs) })
	if err != nil {
		q.o.Log.Error("storing the queue", "error", err)
	}
	close(q.changed)
	q.changed = make(chan struct{})
}

// start starts the process of a job. The lock is held.
func (q *Queue) start(j *Job) error {
	order, err := json.Marshal(order{Job: j.ID, Home: q.o.Home, Dir: j.Dir, Readable: q.o.Readable, Request: j.Request})
	if err != nil {
		return err
	}
	cmd := exec.Command(q.o.Worker[0], q.o.Worker[1:]...)
	detach(cmd)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "GYRUS_TOKEN=") || strings.HasPrefix(e, "GYRUS_SMTP_PASSWORD=") // secrets that a run has no use for
	})
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	complaint := &tail{most: 4000}
	cmd.Stderr = complaint
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a process for the job: %w", err)
	}
	w := &worker{stop: in, kill: cmd.Process.Kill}
	q.running[j.ID] = w
	q.wait.Add(1)
	go func() {
		defer q.wait.Done()
		if _, err := in.Write(append(order, '\n')); err != nil {
			cmd.Process.Kill()
		}
		end := q.listen(j.ID, out)
		err := cmd.Wait()
		in.Close()
		q.finish(j.ID, w, end, err, complaint.String())
	}()
	return nil
}

// listen reads what the process says until it ends, and returns its last word.
func (q *Queue) listen(id string, out io.Reader) *message {
	var end *message
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var m message
		if json.Unmarshal(sc.Bytes(), &m) != nil {
			continue // something else that the process prints
		}
		if m.RunID != "" {
			q.mu.Lock()
			if j := q.find(func(j *Job) bool { return j.ID == id }); j != nil && j.RunID != m.RunID {
				j.RunID = m.RunID
				q.update()
			}
			q.mu.Unlock()
		}
		if m.End != "" {
			end = &m
		}
	}
	io.Copy(io.Discard, out) // a line that is too long must not block the process
	return end
}

func (q *Queue) finish(id string, w *worker, end *message, err error, complaint string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.running, id)
	j := q.find(func(j *Job) bool { return j.ID == id })
	j.Ended = q.o.Now()
	switch {
	case end != nil:
		j.State, j.Error, j.Refused = end.End, end.Error, end.Refused
		if j.State == Cancelled && !w.cancelled {
			j.State = Interrupted
		}
	case w.cancelled:
		j.State = Cancelled
	case q.closing:
		j.State = Interrupted
	default:
		j.State = Failed
		j.Error = "its process ended without a word"
		if err != nil {
			j.Error = "its process ended: " + err.Error()
		}
		q.o.Log.Error("a job's process crashed", "job", id, "error", err, "said", complaint)
	}
	q.update()
}

// tail keeps the end of what is written to it.
type tail struct {
	most int
	b    []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > t.most {
		t.b = append(t.b[:0], t.b[len(t.b)-t.most:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.b) }
