package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// Options say how this process coordinates a sweep. They may be others when it goes on.
type Options struct {
	Home       string
	Connection Connection // to the plan's queue; its URL may be empty
	Workers    int        // on this machine: 0 means one a core for an embedded queue and none for another; -1 none
	// Command makes the i-th worker process for a queue and a sweep; nil lets workers be goroutines of this process.
	Command func(i int, c Connection, sweep string) *exec.Cmd
	Listen  func(Event) // called from one goroutine at a time; may be nil
	Retry   bool        // forget the outcomes of parked jobs first
}

// Event is something that happened in a sweep.
type Event struct {
	Sweep   string   `json:"sweep"`
	Jobs    int      `json:"jobs"`
	Done    int      `json:"done"`
	Parked  int      `json:"parked"`
	Outcome *Outcome `json:"outcome,omitempty"` // that has come, or nil
	Says    string   `json:"says,omitempty"`    // what the user should know, or empty
}

// Begin carries out a plan from the beginning. When it is stopped or fails with the sweep under way, it returns the Sweep beside the error,
// so that the caller can say how to go on.
func Begin(ctx context.Context, p *Plan, o Options) (*Sweep, error) {
	home, err := homeOf(o.Home)
	if err != nil {
		return nil, err
	}
	s := &Sweep{Plan: p, Dir: filepath.Join(home, "sweeps", p.ID)}
	if _, err := os.Stat(s.Dir); err == nil {
		return nil, &runner.UsageError{Err: fmt.Errorf("%s is there already", s.Dir)}
	}
	if err := s.writePlan(); err != nil {
		return nil, fmt.Errorf("starting a sweep in %s: %w", s.Dir, err)
	}
	if err := coordinate(ctx, s, home, o); err != nil {
		if !s.begun { // leave no trace of it
			os.RemoveAll(s.Dir)
			return nil, err
		}
		return s, err
	}
	return s, nil
}

// Resume goes on with a sweep that was stopped in any way. It is given by its ID, the beginning of it, or "last".
func Resume(ctx context.Context, id string, o Options) (*Sweep, error) {
	home, err := homeOf(o.Home)
	if err != nil {
		return nil, err
	}
	s, err := Find(home, id)
	if err != nil {
		return nil, err
	}
	return s, coordinate(ctx, s, home, o)
}

func (s *Sweep) writePlan() error {
	return papers.WriteFileAtomic(filepath.Join(s.Dir, "plan.json"), func(f *os.File) error {
		enc := json.NewEncoder(f)
		enc.SetIndent("", "\t")
		return enc.Encode(s.Plan)
	})
}

// Remove deletes a sweep's directory, and what it keeps in a queue elsewhere.
func Remove(ctx context.Context, s *Sweep, c Connection) error {
	release, err := runner.Lock(filepath.Join(s.Dir, "lock"))
	if err != nil {
		return fmt.Errorf("sweep %s: %w", s.ID, err)
	}
	defer release()
	if !s.embedded() && s.State != Finished {
		c.URL = s.Queue
		q, err := dial(c, "gyrus sweep "+s.ID)
		if err != nil {
			return err
		}
		defer q.conn.Close()
		if err := q.closeSweep(ctx, s.ID); err != nil {
			return err
		}
	}
	return os.RemoveAll(s.Dir)
}

// coordinator sees a sweep through.
type coordinator struct {
	*Sweep
	Options
	q      *queue
	ledger *ledger
	count  atomic.Int64 // of outcomes
	parked atomic.Int64

	mu sync.Mutex // of Listen
}

func coordinate(ctx context.Context, s *Sweep, home string, o Options) (err error) {
	release, err := runner.Lock(filepath.Join(s.Dir, "lock"))
	if err != nil {
		return fmt.Errorf("sweep %s: %w", s.ID, err)
	}
	defer release()
	s.State = Stopped
	o.Home = home
	if _, _, err := s.describe(); err != nil {
		return &runner.UsageError{Err: err}
	}
	c := &coordinator{Sweep: s, Options: o}
	if here := runner.Version(); here != s.Gyrus {
		c.say(fmt.Sprintf("the sweep was begun by Gyrus %s and goes on with %s; each outcome says which it is of", s.Gyrus, here))
		s.Gyrus = here
	}
	var again []string
	if o.Retry {
		var keep []Outcome
		for _, out := range s.Outcomes {
			if out.Status == Parked {
				again = append(again, out.Job)
			} else {
				keep = append(keep, out)
			}
		}
		s.Outcomes = keep
	}
	if c.ledger, err = openLedger(s); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.ledger.close()) }()
	for _, out := range s.Outcomes {
		c.counted(&out)
	}
	if len(s.Outcomes) < s.Jobs() {
		if err := c.gather(ctx, again); err != nil {
			return err
		}
	}
	s.State = Finished
	if err := s.WriteResult(s.Dir); err != nil {
		return fmt.Errorf("every job has its outcome, but the result could not be written: %w", err)
	}
	os.RemoveAll(filepath.Join(s.Dir, "queue"))
	os.RemoveAll(filepath.Join(s.Dir, "jobs"))
	return nil
}

func (c *coordinator) counted(o *Outcome) {
	c.count.Add(1)
	if o.Status == Parked {
		c.parked.Add(1)
	}
}

func (c *coordinator) say(text string) { c.tell(Event{Says: text}) }

func (c *coordinator) tell(e Event) {
	if c.Listen == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.Sweep, e.Jobs, e.Parked = c.ID, c.Jobs(), int(c.parked.Load())
	e.Done = int(c.count.Load()) - e.Parked
	c.Listen(e)
}

// gather opens the queue, starts the workers and waits until every job has an outcome.
func (c *coordinator) gather(ctx context.Context, again []string) error {
	conn := c.Connection
	if conn.URL == "" {
		conn.URL = c.Queue
	}
	if c.embedded() {
		server, here, err := embedAnyhow(filepath.Join(c.Dir, "queue"), c.say)
		if err != nil {
			return err
		}
		defer func() { server.Shutdown(); server.WaitForShutdown() }()
		conn = here
		c.Consumer = fmt.Sprintf("workers-%x", time.Now().UnixNano())
	}
	var err error
	if c.q, err = dial(conn, "gyrus sweep "+c.ID); err != nil {
		return err
	}
	defer c.q.conn.Close()
	opening, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := c.q.openSweep(opening, c.Plan); err != nil {
		return fmt.Errorf("opening the sweep in the queue: %w", err)
	}
	c.begun = true
	if err := c.forget(opening, again); err != nil {
		return fmt.Errorf("forgetting the outcomes of parked jobs: %w", err)
	}
	// What the queue has first, so that no job is put in that has its outcome.
	next, err := c.follow(opening, 1, 0)
	if err != nil && opening.Err() == nil {
		return err
	}
	if err := c.offerAll(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.say(err.Error()) // what is missing is put in later
	}

	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for working.Err() == nil {
			n, err := c.workers(working, conn)
			if err != nil && working.Err() == nil {
				stop(err)
			}
			if n == 0 {
				return
			}
			pause(working, time.Second) // they believe that the sweep is over, and it is not
		}
	}()
	err = c.collect(working, next)
	if err == nil { // all is done: nobody needs the queue any more
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if !c.embedded() {
			if cerr := c.q.closeSweep(closing, c.ID); cerr != nil {
				c.say(fmt.Sprintf("the sweep is done, but its streams could not be removed from the queue: %v", cerr))
			}
		}
	} else if cause := context.Cause(working); ctx.Err() == nil && cause != nil {
		err = cause
	}
	stop(nil)
	<-ended
	if err != nil && ctx.Err() != nil {
		// Workers may have handed in outcomes while they stopped.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		c.follow(last, next, 0)
		return ctx.Err()
	}
	return err
}

// workers runs the workers of this machine until the context is done, or the sweep is over, and says how many they were.
func (c *coordinator) workers(ctx context.Context, conn Connection) (int, error) {
	n := c.Workers
	if n == 0 && c.embedded() {
		n = runtime.NumCPU()
	}
	if n <= 0 {
		return 0, nil
	}
	n = min(n, c.Jobs())
	if c.Command != nil {
		pool := &Pool{Workers: n, Command: func(i int) *exec.Cmd { return c.Command(i, conn, c.ID) }, Logs: filepath.Join(c.Dir, "workers"),
			Say: c.say, Progressed: func() int { return int(c.count.Load()) }}
		return n, pool.Run(ctx)
	}
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			errs[i] = Work(ctx, WorkerConfig{Connection: conn, Sweep: c.ID, Home: c.Home, Name: fmt.Sprintf("worker-%d", i), AnyVersion: true,
				Say: c.say})
		})
	}
	all.Wait()
	return n, errors.Join(errs...)
}

// forget removes the outcomes of jobs from the queue, so that they can have another.
func (c *coordinator) forget(ctx context.Context, jobs []string) error {
	if len(jobs) == 0 {
		return nil
	}
	s, err := c.q.js.Stream(ctx, outcomesStream(c.ID))
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if err := s.Purge(ctx, jetstream.WithPurgeSubject(outcomeSubject(c.ID, job))); err != nil {
			return err
		}
	}
	// Tries of a task are under the name of its first job.
	return s.Purge(ctx, jetstream.WithPurgeSubject(trySubject(c.ID, "*")))
}

// offerAll puts every task that has a job without an outcome into the queue, unless it is there.
func (c *coordinator) offerAll(ctx context.Context) error {
	var waiting []jetstream.PubAckFuture
	drain := func(all bool) error {
		for len(waiting) > 0 && (all || len(waiting) >= 256) {
			select {
			case <-waiting[0].Ok():
			case err := <-waiting[0].Err():
				if !queued(err) {
					return fmt.Errorf("putting jobs into the queue: %w", err)
				}
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(30 * time.Second):
				return errors.New("putting jobs into the queue: it does not answer")
			}
			waiting = waiting[1:]
		}
		return nil
	}
	err := c.tasks(func(job string) bool { return c.ledger.has[job] }, func(t task) error {
		future, err := c.q.offer(ctx, c.ID, t)
		if err != nil {
			return fmt.Errorf("putting jobs into the queue: %w", err)
		}
		waiting = append(waiting, future)
		return drain(false)
	})
	if err != nil {
		return err
	}
	return drain(true)
}

// collect takes in outcomes until every job has one. When it has heard nothing for a while, it makes sure that what is missing is in the
// queue: a store that was damaged or purged, or a message lost on the way, must not let the sweep wait for ever.
func (c *coordinator) collect(ctx context.Context, next uint64) error {
	c.tell(Event{})
	trouble := ""
	checked := time.Now()
	for len(c.Outcomes) < c.Jobs() {
		before := len(c.Outcomes)
		var err error
		if next, err = c.follow(ctx, next, 2*time.Second); ctx.Err() != nil {
			return ctx.Err()
		}
		var local *localError
		if errors.As(err, &local) {
			return err
		}
		if len(c.Outcomes) == before && time.Since(checked) > c.Lease/2 {
			checked = time.Now()
			err = c.reconcile(ctx, &next)
		}
		if err != nil && trouble != err.Error() && ctx.Err() == nil {
			trouble = err.Error()
			c.say("the queue is out of reach: " + trouble)
		}
		if err != nil {
			pause(ctx, 500*time.Millisecond)
		}
	}
	return nil
}

// reconcile looks whether the queue still holds what is missing, and puts it in again if not.
func (c *coordinator) reconcile(ctx context.Context, next *uint64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tasks, err := c.q.js.Stream(ctx, tasksStream(c.ID))
	if err == nil {
		_, err = c.q.js.Stream(ctx, outcomesStream(c.ID))
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) { // somebody has removed it, or the server lost its store
		c.say("the queue has lost the sweep; it is put in again")
		*next = 1
		if err := c.q.openSweep(ctx, c.Plan); err != nil {
			return err
		}
		return c.offerAll(ctx)
	} else if err != nil {
		return err
	}
	if _, err := tasks.Consumer(ctx, c.Consumer); errors.Is(err, jetstream.ErrConsumerNotFound) {
		if err := c.q.openSweep(ctx, c.Plan); err != nil {
			return err
		}
	}
	missing := 0
	c.tasks(func(job string) bool { return c.ledger.has[job] }, func(task) error { missing++; return nil })
	if tasks.CachedInfo().State.Msgs < uint64(missing) {
		return c.offerAll(ctx)
	}
	return nil
}

// localError is trouble with this machine rather than with the queue.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// follow takes in the outcomes from a sequence number of the stream on. It returns when none has come for the given time, or with the last one
// needed, and says where to go on.
func (c *coordinator) follow(ctx context.Context, next uint64, wait time.Duration) (uint64, error) {
	// The consumer is made anew each time: one that was interrupted may have sent messages that never came.
	consumer, err := c.q.js.CreateConsumer(ctx, outcomesStream(c.ID), jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: next, InactiveThreshold: 30 * time.Second, MemoryStorage: true, Replicas: 1,
		FilterSubjects: []string{outcomeSubject(c.ID, "*"), "gyrus.refusal." + c.ID + ".*"}})
	if err != nil {
		return next, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		c.q.js.DeleteConsumer(closing, outcomesStream(c.ID), consumer.CachedInfo().Name)
	}()
	expected := uint64(1)
	for {
		some, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		var batch jetstream.MessageBatch
		if wait == 0 {
			batch, err = consumer.FetchNoWait(500)
		} else {
			batch, err = consumer.Fetch(500, jetstream.FetchContext(some))
		}
		if err != nil {
			return next, err
		}
		n := 0
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return next, err
			}
			if meta.Sequence.Consumer != expected {
				return next, nil // a gap: from there again
			}
			expected++
			n++
			if err := c.take(m); err != nil {
				return next, &localError{err}
			}
			next = meta.Sequence.Stream + 1
			if len(c.Outcomes) == c.Jobs() {
				return next, nil
			}
		}
		if n == 0 {
			if err := batch.Error(); err != nil && !isTimeout(err) {
				return next, err
			}
			return next, nil
		}
	}
}

// take writes an outcome down, or passes a worker's refusal on.
func (c *coordinator) take(m jetstream.Msg) error {
	var o Outcome
	if err := json.Unmarshal(m.Data(), &o); err != nil || !c.owns(&o) || m.Subject() != outcomeSubject(c.ID, o.Job) {
		if len(m.Data()) > 0 && m.Subject() != outcomeSubject(c.ID, o.Job) {
			c.say("worker " + shorten(string(m.Data()), 1000))
		}
		return nil
	}
	if c.ledger.has[o.Job] {
		return nil
	}
	if c.Collect && o.Status == Done && o.Run != "" {
		dir := filepath.Join(c.Dir, "runs", o.Job)
		if dir != o.Run {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
			defer cancel()
			if err := c.q.fetch(ctx, c.ID, o.Job, dir); err != nil {
				c.say(err.Error())
			} else {
				o.Run = dir
			}
		}
	}
	if _, err := c.ledger.add(&o); err != nil {
		return err
	}
	c.Outcomes = append(c.Outcomes, o)
	c.counted(&o)
	c.tell(Event{Outcome: &o})
	return nil
}
