package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// WorkerConfig says where a worker finds jobs and how it carries them out.
type WorkerConfig struct {
	Connection Connection
	Sweep      string            // take jobs of this sweep only, and end when it is over; empty: of all, until stopped
	Home       string            // working folders are under Home/sweeps; runner.DefaultHome
	Name       string            // what others know it by; host and process ID
	Inputs     map[string]string // where this machine has the inputs of sweeps, if not where the sweep was begun
	AnyVersion bool              // also serve sweeps that another version of Gyrus began, if the experiment declares the same
	Say        func(string)      // told what its user should know, a line at a time; may be nil
}

// Work takes jobs from a queue and carries them out, one at a time, until the context is done or its sweep is over. When it is stopped it
// gives back what it holds, so that another worker has it at once.
//
// It refuses a sweep that it would misunderstand, because its version or what its experiment declares is another one, and a sweep whose
// inputs it does not have. If that is its only sweep, the refusal is its error.
func Work(ctx context.Context, c WorkerConfig) error {
	if c.Home == "" {
		var err error
		if c.Home, err = runner.DefaultHome(); err != nil {
			return err
		}
	}
	if c.Name == "" {
		host, _ := os.Hostname()
		c.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if c.Say == nil {
		c.Say = func(string) {}
	}
	w := &worker{WorkerConfig: c, served: map[string]*served{}, held: map[jetstream.Msg]time.Duration{}}
	q, err := dial(c.Connection, "gyrus worker "+c.Name,
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.Say(fmt.Sprintf("the queue is out of reach (%v); trying again until it is back", err))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { c.Say("the queue is back") }))
	if err != nil {
		return err
	}
	defer q.conn.Close()
	defer w.backends.close()
	w.q = q
	return w.work(ctx)
}

type worker struct {
	WorkerConfig
	q        *queue
	served   map[string]*served // by sweep
	seen     bool               // the sweep of the configuration was open once
	backends backendCache
	pace     time.Duration // how long a task takes, by the last ones

	stopped atomic.Int64 // when the worker was first seen to be stopped, in Unix milliseconds; 0 if it is not

	mu   sync.Mutex
	held map[jetstream.Msg]time.Duration // messages whose lease has to be kept, and how long that is
}

// served is a sweep that the worker has looked at.
type served struct {
	*Plan
	refused  error
	paper    *papers.Paper
	exp      *papers.Experiment
	inputs   map[string]string
	tasks    jetstream.Consumer
	outcomes jetstream.Stream
}

// errStuck is the end of a worker whose job does not stop when it is told to: its goroutine cannot be ended but with the process.
type errStuck struct{ job string }

func (e errStuck) Error() string {
	return "job " + e.job + " does not stop when told to; ending its process"
}

// errOver means that a sweep was closed while the worker held a job of it.
var errOver = errors.New("the sweep is over")

const (
	lookAgain = 2 * time.Second        // how often a worker looks for other sweeps
	atOnce    = 100 * time.Millisecond // a worker takes jobs for about so long at a time: many short ones, one long one
	mostAhead = 64
)

func (w *worker) work(ctx context.Context) error {
	stopKeeping := w.keepLeases()
	defer stopKeeping()
	var looked time.Time
	var open []*served
	trouble := ""
	for ctx.Err() == nil {
		if len(open) == 0 || time.Since(looked) > lookAgain {
			var err error
			open, err = w.look(ctx)
			switch {
			case errors.Is(err, errOver):
				return nil
			case refusal(err) != nil:
				return err
			case err != nil && ctx.Err() == nil:
				if trouble != err.Error() {
					trouble = err.Error()
					w.Say("looking for sweeps: " + trouble)
				}
				open = nil
			case err == nil:
				trouble = ""
			}
			looked = time.Now()
			if len(open) == 0 {
				pause(ctx, 500*time.Millisecond)
				continue
			}
		}
		worked := false
		for _, s := range open {
			n, err := w.serve(ctx, s, len(open) == 1)
			worked = worked || n > 0
			var stuck errStuck
			if errors.As(err, &stuck) {
				return err
			}
			if err != nil && ctx.Err() == nil { // the network, or the sweep is over: look anew
				looked = time.Time{}
				s.tasks = nil
			}
		}
		if !worked {
			looked = time.Time{}
			if len(open) > 1 {
				pause(ctx, 200*time.Millisecond)
			}
		}
	}
	return ctx.Err()
}

// refusal returns the error if the worker itself has refused something.
func refusal(err error) error {
	var usage *runner.UsageError
	if errors.As(err, &usage) {
		return err
	}
	return nil
}

// look lists the sweeps whose jobs the worker can do.
func (w *worker) look(ctx context.Context) ([]*served, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	plans, err := w.q.manifests(ctx)
	if err != nil {
		return nil, err
	}
	var open []*served
	for id := range w.served {
		if !slices.ContainsFunc(plans, func(p *Plan) bool { return p.ID == id }) { // it is over
			os.Remove(filepath.Join(w.folder(id), "jobs"))
			os.Remove(w.folder(id)) // if it holds no runs
			delete(w.served, id)
		}
	}
	for _, p := range plans {
		if w.Sweep != "" && p.ID != w.Sweep {
			continue
		}
		w.seen = true
		s := w.served[p.ID]
		if s == nil || s.Consumer != p.Consumer || s.Registry != p.Registry || s.Gyrus != p.Gyrus {
			s = &served{Plan: p}
			s.refused = w.understand(s)
			w.served[p.ID] = s
			if s.refused != nil {
				w.Say(s.refused.Error())
				w.q.js.Publish(ctx, refusalSubject(p.ID, w.Name), []byte(w.Name+": "+s.refused.Error()))
			}
		}
		if s.refused != nil {
			if w.Sweep != "" {
				return nil, &runner.UsageError{Err: s.refused}
			}
			continue
		}
		if s.tasks == nil {
			if s.tasks, err = w.q.js.Consumer(ctx, tasksStream(p.ID), p.Consumer); err != nil {
				return nil, err
			}
			if s.outcomes, err = w.q.js.Stream(ctx, outcomesStream(p.ID)); err != nil {
				return nil, err
			}
		}
		open = append(open, s)
	}
	if w.Sweep != "" && len(open) == 0 {
		if w.seen {
			return nil, errOver
		}
		return nil, &runner.UsageError{Err: fmt.Errorf("the queue has no open sweep %s", w.Sweep)}
	}
	return open, nil
}

// understand says why the worker cannot do a sweep's jobs, or nil.
func (w *worker) understand(s *served) error {
	var err error
	if s.paper, s.exp, err = s.describe(); err != nil {
		return err
	}
	if here := runner.Version(); s.Gyrus != here && !w.AnyVersion {
		return fmt.Errorf("sweep %s is of Gyrus %s and this worker is %s, which may measure something else: use the same version, or allow it with --any-version", s.ID, s.Gyrus, here)
	}
	s.inputs = map[string]string{}
	for name, in := range s.Inputs {
		path := in.Path
		if p, ok := w.Inputs[name]; ok {
			path = p
		}
		here, err := runner.DescribeInput(path)
		if err != nil {
			return fmt.Errorf("sweep %s reads %s as its input %q, which this machine does not have: %w (say where it is with --data %s=FILE)", s.ID, in.Path, name, err, name)
		}
		if here.SHA256 != in.SHA256 {
			return fmt.Errorf("sweep %s: %s holds other data than the sweep's input %q (SHA-256 %.12s…, not %.12s…)", s.ID, path, name, here.SHA256, in.SHA256)
		}
		s.inputs[name] = here.Path
	}
	if err := w.makeFolders(s); err != nil {
		return err
	}
	return nil
}

// serve takes some tasks of a sweep and carries them out. It waits for one if wait is set.
func (w *worker) serve(ctx context.Context, s *served, wait bool) (int, error) {
	ahead := 1
	if w.pace > 0 {
		ahead = max(1, min(mostAhead, int(atOnce/w.pace)))
	}
	got, err := s.tasks.FetchNoWait(ahead)
	var messages []jetstream.Msg
	again := false
	take := func() {
		for m := range got.Messages() {
			w.hold(m, s.Lease)
			messages = append(messages, m)
			if meta, err := m.Metadata(); err == nil && meta.NumDelivered > 1 {
				again = true
			}
		}
		if err = got.Error(); isTimeout(err) {
			err = nil // there was none
		}
	}
	if err == nil {
		take()
	}
	if len(messages) == 0 && err == nil && wait {
		some, cancel := context.WithTimeout(ctx, lookAgain)
		if got, err = s.tasks.Fetch(1, jetstream.FetchContext(some)); err == nil {
			take()
		}
		cancel()
	}
	left, cerr := w.unfinished(ctx, s, messages)
	if cerr != nil {
		w.giveBack(s, messages)
		return len(messages), cerr
	}
	// Outcomes are handed in while the next task is under way.
	var handing sync.WaitGroup
	defer handing.Wait()
	room := make(chan struct{}, 16)
	began := time.Now()
	for i, m := range messages {
		if ctx.Err() != nil {
			w.giveBack(s, messages[i:])
			return len(messages), ctx.Err()
		}
		if time.Since(began) > 10*atOnce { // they take longer than the ones before, and others may be idle
			w.giveBack(s, messages[i:])
			break
		}
		start := time.Now()
		outcomes, terr := w.task(ctx, s, m, left[i])
		if terr == nil {
			room <- struct{}{}
			handing.Go(func() {
				w.finish(ctx, s, m, outcomes)
				<-room
			})
		} else {
			w.release(m)
		}
		if terr != nil && !errors.Is(terr, errOver) && !errors.Is(terr, errNotNow) {
			w.giveBack(s, messages[i+1:])
			return len(messages), terr
		}
		if took := max(1, time.Since(start)); w.pace == 0 {
			w.pace = took
		} else {
			w.pace = (3*w.pace + took) / 4
		}
	}
	if again {
		// One of them may have ended its last worker. Should it end this one too, that is to count against it and against no other.
		w.pace = atOnce
	}
	return len(messages), err
}

// giveBack returns tasks that were not begun.
func (w *worker) giveBack(s *served, messages []jetstream.Msg) {
	for _, m := range messages {
		var t task
		if json.Unmarshal(m.Data(), &t) == nil && len(t.Seeds) > 0 {
			w.returned(s, t, m, nil)
		}
		w.release(m)
	}
}

// returned gives a task back that the worker was stopped in.
func (w *worker) returned(s *served, t task, m jetstream.Msg, failed map[string]string) {
	if !w.q.conn.IsConnected() { // it goes to another when its lease is over
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if tries, err := w.tries(ctx, s, t); err == nil {
		w.addTry(ctx, s, t, tries, Try{At: time.Now(), Worker: w.Name, Returned: true, Errors: failed})
	}
	if m.Nak() == nil {
		w.q.conn.FlushTimeout(time.Second)
	}
}

// keepLeases tells the queue from time to time that the tasks held are being worked on.
func (w *worker) keepLeases() (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			w.mu.Lock()
			lease := time.Minute
			for _, l := range w.held {
				lease = min(lease, l)
			}
			if time.Since(last) > lease/4 {
				last = time.Now()
				for m := range w.held {
					m.InProgress()
				}
			}
			w.mu.Unlock()
		}
	})
	return func() { close(done); ended.Wait() }
}

func (w *worker) hold(m jetstream.Msg, lease time.Duration) {
	w.mu.Lock()
	w.held[m] = lease
	w.mu.Unlock()
}

func (w *worker) release(m jetstream.Msg) {
	w.mu.Lock()
	delete(w.held, m)
	w.mu.Unlock()
}

// unfinished returns, for each message, the seeds of its task that have no outcome; nil for what is no task of this program.
func (w *worker) unfinished(ctx context.Context, s *served, messages []jetstream.Msg) ([][]int64, error) {
	left := make([][]int64, len(messages))
	var group errgroup.Group
	group.SetLimit(16)
	for i, m := range messages {
		var t task
		if err := json.Unmarshal(m.Data(), &t); err != nil || len(t.Seeds) == 0 || m.Subject() != taskSubject(s.ID, t.name()) {
			continue
		}
		left[i] = []int64{}
		group.Go(func() error {
			for _, seed := range t.Seeds {
				has := false
				if err := w.insist(ctx, s, func(ctx context.Context) (err error) {
					has, err = w.hasOutcome(ctx, s, jobName(t.Point, seed))
					return err
				}); err != nil {
					return err
				}
				if !has {
					left[i] = append(left[i], seed)
				}
			}
			return nil
		})
	}
	return left, group.Wait()
}

// finish hands in the last outcomes of a task and ends it.
func (w *worker) finish(ctx context.Context, s *served, m jetstream.Msg, outcomes []*Outcome) {
	defer w.release(m)
	for _, o := range outcomes {
		if err := w.store(ctx, s, o); err != nil {
			if !errors.Is(err, errOver) {
				w.Say(fmt.Sprintf("the outcome of job %s could not be handed in, and another worker will do it again: %v", o.Job, err))
			}
			return
		}
	}
	m.Ack() // if it is lost, the next who gets the task sees that it has its outcomes
}

// errNotNow means that a task was given back for another try later.
var errNotNow = errors.New("to be tried again")

// task brings the jobs of a task to outcomes, which it returns for the caller to hand in, or gives the task back for another try.
func (w *worker) task(ctx context.Context, s *served, m jetstream.Msg, left []int64) ([]*Outcome, error) {
	if left == nil {
		m.TermWithReason("not a task")
		return nil, nil
	}
	var t task
	if err := json.Unmarshal(m.Data(), &t); err != nil {
		return nil, err
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	var tries []Try
	together := true // a batch that has failed or lost its worker is taken apart
	if meta.NumDelivered > 1 && len(left) > 0 {
		if err := w.insist(ctx, s, func(ctx context.Context) (err error) { tries, err = w.tries(ctx, s, t); return err }); err != nil {
			return nil, err
		}
		lost := int(meta.NumDelivered) - 1 - len(tries)
		together = lost <= 0 && !slices.ContainsFunc(tries, func(t Try) bool { return len(t.Errors) > 0 })
		if lost >= s.Losses {
			// Jobs of a task that was lost before are done one after the other, so it is the first that has no outcome.
			o := w.outcome(s, t, left[0], time.Now())
			o.Status, o.Tries = Parked, ofJob(tries, o.Job)
			o.Error = fmt.Sprintf("%d workers vanished while they did it, without a word: killed, out of memory, or cut off", lost)
			if err := w.store(ctx, s, o); err != nil {
				return nil, err
			}
			left = left[1:]
		}
	}
	groups := slices.Collect(slices.Chunk(left, 1))
	if s.Batch > 1 && s.exp.Batch != nil && len(left) > 1 && together {
		groups = [][]int64{left}
	}
	failed := map[string]string{}
	var last []*Outcome
	for _, seeds := range groups {
		for _, o := range last { // of the group before
			if err := w.store(ctx, s, o); err != nil {
				return nil, err
			}
		}
		last = nil
		if ctx.Err() != nil {
			w.returned(s, t, m, failed)
			return nil, ctx.Err()
		}
		start := time.Now()
		records, err := w.perform(ctx, s, t, seeds)
		if ctx.Err() != nil && err != nil {
			w.returned(s, t, m, failed)
			return nil, err
		}
		for i, seed := range seeds {
			o := w.outcome(s, t, seed, start)
			o.Tries = ofJob(tries, o.Job)
			if err == nil {
				o.Status, o.Measurements, o.Notes, o.Run = Done, records[i].Measurements, records[i].Notes, records[i].run
				if len(seeds) > 1 {
					o.Batch = len(seeds)
				}
			} else {
				why := shorten(err.Error(), 4000)
				if len(seeds) > 1 || !final(err) && failures(tries, o.Job) < s.Retries {
					failed[o.Job] = why // another try, alone
					continue
				}
				o.Status, o.Error = Parked, why
			}
			last = append(last, o)
		}
		var stuck errStuck
		if errors.As(err, &stuck) {
			for _, o := range last {
				if serr := w.store(ctx, s, o); serr != nil {
					return nil, serr
				}
			}
			w.giveUp(ctx, s, t, m, tries, failed)
			return nil, err
		}
	}
	if len(failed) == 0 {
		return last, nil
	}
	for _, o := range last {
		if err := w.store(ctx, s, o); err != nil {
			return nil, err
		}
	}
	if err := w.giveUp(ctx, s, t, m, tries, failed); err != nil {
		return nil, err
	}
	return nil, errNotNow
}

// giveUp records what failed and gives the task back for another try after a while.
func (w *worker) giveUp(ctx context.Context, s *served, t task, m jetstream.Msg, tries []Try, failed map[string]string) error {
	if err := w.insist(ctx, s, func(ctx context.Context) error {
		return w.addTry(ctx, s, t, tries, Try{At: time.Now(), Worker: w.Name, Errors: failed})
	}); err != nil {
		return err
	}
	delay := min(s.Lease/10<<min(len(tries), 6), time.Minute)
	err := m.NakWithDelay(delay)
	w.q.conn.FlushTimeout(time.Second)
	return err
}

// final reports whether an error would come again at every try.
func final(err error) bool {
	var refused *papers.RefusedError
	var usage *runner.UsageError
	return errors.As(err, &refused) || errors.As(err, &usage)
}

func (w *worker) outcome(s *served, t task, seed int64, start time.Time) *Outcome {
	return &Outcome{Job: jobName(t.Point, seed), Point: t.Point, Seed: seed, Worker: w.Name, Gyrus: runner.Version(),
		Started: start, Seconds: time.Since(start).Seconds()}
}

func (w *worker) hasOutcome(ctx context.Context, s *served, job string) (bool, error) {
	_, err := s.outcomes.GetLastMsgForSubject(ctx, outcomeSubject(s.ID, job))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	return err == nil, err
}

// store hands in an outcome. That its job has one is no error: somebody else was quicker, or an earlier attempt to store it has succeeded
// without our hearing of it.
func (w *worker) store(ctx context.Context, s *served, o *Outcome) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	err = w.insist(ctx, s, func(ctx context.Context) error {
		_, err := w.q.create(ctx, outcomeSubject(s.ID, o.Job), data)
		return err
	})
	if errors.Is(err, nats.ErrMaxPayload) {
		small := *o
		small.Status, small.Measurements, small.Notes, small.Tries = Parked, nil, nil, nil
		small.Error = fmt.Sprintf("what it measured takes %d bytes, more than the queue's messages hold", len(data))
		if data, err = json.Marshal(small); err != nil {
			return err
		}
		return w.insist(ctx, s, func(ctx context.Context) error {
			_, err := w.q.create(ctx, outcomeSubject(s.ID, o.Job), data)
			return err
		})
	}
	return err
}

func (w *worker) tries(ctx context.Context, s *served, t task) ([]Try, error) {
	m, err := s.outcomes.GetLastMsgForSubject(ctx, trySubject(s.ID, t.name()))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var tries []Try
	return tries, json.Unmarshal(m.Data, &tries)
}

func (w *worker) addTry(ctx context.Context, s *served, t task, tries []Try, one Try) error {
	data, err := json.Marshal(append(slices.Clip(tries), one))
	if err != nil {
		return err
	}
	_, err = w.q.js.Publish(ctx, trySubject(s.ID, t.name()), data)
	return err
}

// insist repeats an operation on the queue until it succeeds: a network that is down for a while must not cost what a job has computed. It
// ends when the sweep is over, when the queue says something else is wrong, or a few seconds after the worker was stopped.
func (w *worker) insist(ctx context.Context, s *served, op func(context.Context) error) error {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err := op(try)
		cancel()
		var api *jetstream.APIError
		switch {
		case err == nil:
			return nil
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return errOver
		case errors.Is(err, nats.ErrMaxPayload), errors.As(err, &api) && api.Code < 500:
			return err
		}
		if ctx.Err() != nil && w.overdue() {
			return err
		}
		look, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		_, gone := w.q.js.Stream(look, outcomesStream(s.ID))
		cancel()
		if errors.Is(gone, jetstream.ErrStreamNotFound) {
			return errOver
		}
		time.Sleep(wait)
	}
}

// overdue reports whether a worker that was stopped has tried long enough to reach the queue once more.
func (w *worker) overdue() bool {
	now := time.Now().UnixMilli()
	w.stopped.CompareAndSwap(0, now)
	return now-w.stopped.Load() > 3000
}

// pause waits, or until the context is done.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
