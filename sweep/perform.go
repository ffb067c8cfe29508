package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
)

// grace is how long a job may take to stop after it was told to.
const grace = 10 * time.Second

// measured is what one seed of a task recorded.
type measured struct {
	report.Record
	run string
}

// perform carries out some seeds of a task, together if they are more than one. It returns when they are done, when they were told to stop
// and did, or when they were told to stop and did not.
func (w *worker) perform(ctx context.Context, s *served, t task, seeds []int64) ([]measured, error) {
	name := jobName(t.Point, seeds[0])
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.Timeout > 0 {
		inner, cancel = context.WithTimeout(inner, s.Timeout)
		defer cancel()
	}
	type result struct {
		records []measured
		err     error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		if s.Runs {
			r.records, r.err = w.run(inner, s, t, seeds[0])
		} else {
			r.records, r.err = w.evaluate(inner, s, t, seeds)
		}
		done <- r
	}()
	var r result
	select {
	case r = <-done:
	case <-inner.Done():
		select {
		case r = <-done:
		case <-time.After(grace):
			r.err = errStuck{name}
		}
	}
	if r.err != nil && ctx.Err() == nil && errors.Is(inner.Err(), context.DeadlineExceeded) {
		var stuck errStuck
		if errors.As(r.err, &stuck) {
			return nil, fmt.Errorf("took longer than %v: %w", s.Timeout, stuck)
		}
		return nil, fmt.Errorf("took longer than %v", s.Timeout)
	}
	return r.records, r.err
}

// evaluate carries out seeds without a run directory: what they measure is all that stays. What an experiment stores on its way is kept in
// a working folder as long as the job has no outcome, so that the next worker on this machine goes on from there.
func (w *worker) evaluate(ctx context.Context, s *served, t task, seeds []int64) (_ []measured, err error) {
	params, err := s.exp.Params.Resolve(s.Preset, t.Set)
	if err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	dirs := make([]string, len(seeds))
	runs := make([]*papers.Run, len(seeds))
	defer func() {
		if ctx.Err() != nil && err != nil {
			return // to be gone on with
		}
		for _, dir := range dirs {
			if dir != "" {
				os.RemoveAll(dir)
			}
		}
	}()
	for i, seed := range seeds {
		if dirs[i], err = w.claim(s, jobName(t.Point, seed)); err != nil {
			return nil, fmt.Errorf("making a working folder: %w", err)
		}
		runs[i] = papers.NewRun(papers.RunConfig{Paper: s.paper, Experiment: s.exp, Preset: s.Preset, Params: params, Seed: seed,
			Dir: dirs[i], ModelDir: filepath.Join(dirs[i], "model"), Inputs: s.inputs, Log: slog.New(slog.DiscardHandler),
			Backend: func() (backends.Backend, error) { return w.backends.open(s.Backend) }})
	}
	doing := fmt.Sprintf("%s/%s, %s", s.paper.Slug, s.exp.Name, jobName(t.Point, seeds[0]))
	if err := w.guard(s, doing, jobName(t.Point, seeds[0]), func() error {
		if len(runs) > 1 {
			return s.exp.Batch(ctx, runs)
		}
		return s.exp.Run(ctx, runs[0])
	}); err != nil {
		return nil, err
	}
	records := make([]measured, len(runs))
	for i, r := range runs {
		records[i].Measurements = r.Record().Measurements
		for _, n := range r.Record().Notes[:min(20, len(r.Record().Notes))] {
			records[i].Notes = append(records[i].Notes, report.Note{Warning: n.Warning, Text: shorten(n.Text, 1000)})
		}
	}
	return records, nil
}

// run carries out a job as a run of its own, or goes on with the run of an earlier try.
func (w *worker) run(ctx context.Context, s *served, t task, seed int64) ([]measured, error) {
	dir, resume, err := w.runDir(ctx, s, jobName(t.Point, seed))
	if err != nil {
		return nil, err
	}
	var out *runner.Outcome
	if resume {
		out, err = runner.Resume(ctx, w.Home, dir, nil)
	} else {
		out, err = runner.Execute(ctx, runner.Config{Paper: s.Paper, Experiment: s.Experiment, Preset: s.Preset, Set: t.Set, Seed: seed, Seeds: 1,
			Inputs: s.inputs, Backend: s.Backend, Home: w.Home, Out: dir})
	}
	if err != nil {
		return nil, err
	}
	if s.Collect {
		if err := w.send(ctx, s, jobName(t.Point, seed), dir); err != nil {
			return nil, fmt.Errorf("sending the run directory: %w", err)
		}
	}
	rec := out.Document.Records[0]
	return []measured{{Record: report.Record{Measurements: rec.Measurements, Notes: rec.Notes}, run: dir}}, nil
}

// runDir returns the directory of a job's run, and whether there is a run to go on with. The run of a worker that is cut off but alive is
// left to it.
func (w *worker) runDir(ctx context.Context, s *served, job string) (dir string, resume bool, err error) {
	for n := 1; ; n++ {
		dir = filepath.Join(w.folder(s.ID), "runs", job)
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", dir, n)
		}
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
			return dir, false, nil
		} else if err != nil {
			return "", false, err
		}
		alive, err := w.running(ctx, dir)
		if err != nil {
			return "", false, err
		}
		if !alive {
			return dir, true, nil
		}
	}
}

// running reports whether a living process carries out the run in a directory.
func (w *worker) running(ctx context.Context, dir string) (bool, error) {
	h, err := runner.ReadHistory(w.Home)
	if err != nil {
		return false, err
	}
	defer h.Close()
	all, err := h.Runs(ctx, "", 0)
	for _, e := range all {
		if e.Dir == dir {
			return e.Status == runner.Running, nil
		}
	}
	return false, err
}

// guard turns a panic of an experiment into an error; the stack goes to a file, since only a developer can use it.
func (w *worker) guard(s *served, doing, job string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			path := filepath.Join(w.folder(s.ID), "panics", job+".txt")
			err = fmt.Errorf("%s: a mistake in the program: %v (details in %s on %s)", doing, p, path, w.Name)
			os.MkdirAll(filepath.Dir(path), 0o755)
			if werr := os.WriteFile(path, fmt.Appendf(nil, "%v\n\n%s", p, debug.Stack()), 0o644); werr != nil {
				err = fmt.Errorf("%s: a mistake in the program: %v", doing, p)
			}
		}
	}()
	return compute.Catch(doing, f)
}

func (w *worker) folder(id string) string { return filepath.Join(w.Home, "sweeps", id) }

func (w *worker) makeFolders(s *served) error {
	if err := os.MkdirAll(filepath.Join(w.folder(s.ID), "jobs"), 0o755); err != nil {
		return fmt.Errorf("making the folder of the sweep's jobs: %w", err)
	}
	return nil
}

// claim makes a job's working folder, or takes over that of an earlier try by giving it another name: a worker that was cut off and still
// goes on then writes to a folder that nobody reads.
func (w *worker) claim(s *served, job string) (string, error) {
	jobs := filepath.Join(w.folder(s.ID), "jobs")
	dir := filepath.Join(jobs, fmt.Sprintf("%s~%s-%x", job, unsafeInSubject.ReplaceAllString(w.Name, "_"), time.Now().UnixNano()))
	old, err := filepath.Glob(filepath.Join(jobs, job+"~*"))
	if err != nil {
		return "", err
	}
	for _, o := range old {
		if os.Rename(o, dir) == nil {
			return dir, nil
		}
	}
	return dir, os.Mkdir(dir, 0o755)
}

// backendCache keeps a worker's backend open between jobs.
type backendCache struct {
	mu     sync.Mutex
	byName map[string]backends.Backend
}

func (c *backendCache) open(name string) (backends.Backend, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, ok := c.byName[name]; ok {
		return b, nil
	}
	b, err := compute.Open(name)
	if err != nil {
		return nil, err
	}
	if c.byName == nil {
		c.byName = map[string]backends.Backend{}
	}
	c.byName[name] = b
	return b, nil
}

func (c *backendCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.byName {
		b.Finalize()
	}
	c.byName = nil
}
