package sweep

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/runner"
)

// State is how a sweep stands.
type State string

// The states of a sweep.
const (
	Running  State = "running"
	Stopped  State = "stopped" // to be gone on with
	Finished State = "done"    // every job has an outcome, though some may be parked
)

// Sweep is what a sweep directory holds.
type Sweep struct {
	*Plan
	Dir      string
	State    State
	Outcomes []Outcome // in the order they came

	begun bool // its jobs have reached the queue
}

// Counts are the numbers of jobs that are done and parked.
func (s *Sweep) Counts() (done, parked int) {
	for _, o := range s.Outcomes {
		if o.Status == Done {
			done++
		} else {
			parked++
		}
	}
	return done, parked
}

// List reads the sweeps under a home folder, newest first. Directories that hold no readable plan are left out.
func List(home string) ([]*Sweep, error) {
	home, err := homeOf(home)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(home, "sweeps"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var all []*Sweep
	for _, e := range entries {
		if s, err := Load(filepath.Join(home, "sweeps", e.Name())); err == nil {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *Sweep) int { return b.Started.Compare(a.Started) })
	return all, nil
}

// Find returns the sweep whose ID is, or uniquely begins with, the given text; "last" stands for the newest.
func Find(home, id string) (*Sweep, error) {
	all, err := List(home)
	if err != nil {
		return nil, err
	}
	var found []*Sweep
	for _, s := range all {
		if s.ID == id || id == "last" {
			return s, nil
		}
		if strings.HasPrefix(s.ID, id) {
			found = append(found, s)
		}
	}
	switch {
	case len(all) == 0:
		err = fmt.Errorf("there is no sweep yet; start one with: gyrus sweep PAPER --grid NAME=VALUES")
	case len(found) == 0:
		err = fmt.Errorf("no sweep is called %q; gyrus sweep list lists them", id)
	case len(found) > 1:
		err = fmt.Errorf("%q is the beginning of more than one sweep, such as %s and %s; give more of it", id, found[0].ID, found[1].ID)
	default:
		return found[0], nil
	}
	return nil, &runner.UsageError{Err: err}
}

// Load reads a sweep directory.
func Load(dir string) (*Sweep, error) {
	path := filepath.Join(dir, "plan.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Sweep{Plan: new(Plan), Dir: dir, State: Stopped}
	if err := json.Unmarshal(data, s.Plan); err != nil || s.Format != 1 || !idForm.MatchString(s.ID) {
		return nil, fmt.Errorf("%s is not a plan this version of Gyrus can read (format %d, expected 1): %v", path, s.Format, err)
	}
	f, err := os.Open(filepath.Join(dir, "outcomes.jsonl"))
	if err == nil {
		defer f.Close()
		if s.Outcomes, err = readOutcomes(f, s.Plan); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if len(s.Outcomes) == s.Jobs() {
		s.State = Finished
	}
	if release, err := runner.Lock(filepath.Join(dir, "lock")); err == nil {
		release()
	} else if errors.Is(err, runner.ErrBusy) {
		s.State = Running
	}
	return s, nil
}

// readOutcomes reads outcomes.jsonl. The first outcome of a job counts; a line that a kill has cut short is no outcome.
func readOutcomes(r io.Reader, p *Plan) ([]Outcome, error) {
	var out []Outcome
	seen := map[string]bool{}
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the sweep's outcomes: %w", err)
		}
		var o Outcome
		if json.Unmarshal(line, &o) == nil && p.owns(&o) && !seen[o.Job] {
			seen[o.Job] = true
			out = append(out, o)
		}
	}
}

// owns reports whether an outcome is of one of the plan's jobs.
func (p *Plan) owns(o *Outcome) bool {
	if p.known == nil {
		p.known = make(map[int64]bool, len(p.Seeds))
		for _, s := range p.Seeds {
			p.known[s] = true
		}
	}
	point, seed, ok := parseJob(o.Job)
	return ok && point == o.Point && seed == o.Seed && point >= 0 && point < len(p.Points) && p.known[seed] &&
		(o.Status == Done || o.Status == Parked)
}

// write stores the outcomes anew.
func (s *Sweep) write() error {
	var text bytes.Buffer
	for _, o := range s.Outcomes {
		line, err := json.Marshal(o)
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
	}
	return papers.WriteFileAtomic(filepath.Join(s.Dir, "outcomes.jsonl"), func(f *os.File) error { _, err := f.Write(text.Bytes()); return err })
}

// ledger appends outcomes to outcomes.jsonl as they come.
type ledger struct {
	file   *os.File
	has    map[string]bool
	synced time.Time
}

func openLedger(s *Sweep) (*ledger, error) {
	// Written anew first, which ends a line that was cut short.
	if err := s.write(); err != nil {
		return nil, fmt.Errorf("writing the sweep's outcomes: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, "outcomes.jsonl"), os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("writing the sweep's outcomes: %w", err)
	}
	l := &ledger{file: f, has: make(map[string]bool, s.Jobs())}
	for _, o := range s.Outcomes {
		l.has[o.Job] = true
	}
	return l, nil
}

// add stores an outcome unless its job has one, and reports whether it did.
func (l *ledger) add(o *Outcome) (bool, error) {
	if l.has[o.Job] {
		return false, nil
	}
	line, err := json.Marshal(o)
	if err != nil {
		return false, err
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return false, fmt.Errorf("writing the sweep's outcomes: %w", err)
	}
	l.has[o.Job] = true
	if time.Since(l.synced) > time.Second {
		l.synced = time.Now()
		return true, l.file.Sync()
	}
	return true, nil
}

func (l *ledger) close() error { return errors.Join(l.file.Sync(), l.file.Close()) }

func homeOf(home string) (string, error) {
	if home == "" {
		return runner.DefaultHome()
	}
	return filepath.Abs(home)
}
