package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/confine"
)

// order is the one line a process reads.
type order struct {
	Job      string   `json:"job"`
	Home     string   `json:"home"`
	Dir      string   `json:"dir,omitempty"`
	Readable []string `json:"readable,omitempty"`
	Request  Request  `json:"request"`
}

// message is a line a process writes.
type message struct {
	RunID   string `json:"runId,omitempty"`
	End     State  `json:"end,omitempty"`
	Error   string `json:"error,omitempty"`
	Refused bool   `json:"refused,omitempty"`
}

// Work carries out the one job that is read from in, says on out how it goes, and stops when in ends. The process that calls it does
// nothing else, and must have registered the papers.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	line, confined := []byte(os.Getenv(confinedOrder)), true
	if len(line) == 0 {
		confined = false
		var err error
		if line, err = readLine(in); err != nil {
			return fmt.Errorf("reading the job: %w", err)
		}
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	// The XLA backend loads drivers from all over the system, so that a job on it has only the check of paths that was made before.
	if !confined && o.Readable != nil && !strings.HasPrefix(o.Request.Backend, "xla") {
		temp := filepath.Join(o.Home, "studio", "tmp") // the system's is shared with everybody
		if err := os.MkdirAll(temp, 0o700); err != nil {
			return err
		}
		folders := confine.Folders{Read: o.Readable, Write: []string{o.Home}}
		for _, dir := range []string{o.Request.RunDir, o.Dir} {
			if dir != "" {
				folders.Write = append(folders.Write, dir)
			}
		}
		if err := confine.Restart(folders, "TMPDIR="+temp, confinedOrder+"="+string(line)); err != nil {
			return fmt.Errorf("confining the job to its folders: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		io.Copy(io.Discard, in)
		cancel() // whoever wants the job is gone or wants it no more
	}()
	say := json.NewEncoder(out)
	end := message{End: Done}
	if err := o.carryOut(ctx, say); err != nil {
		end = message{End: Failed, Error: err.Error(), Refused: refused(err)}
		if ctx.Err() != nil {
			end = message{End: Cancelled, Error: "stopped"}
		}
	}
	return say.Encode(end)
}

// confinedOrder is the environment variable in which a process that starts anew, confined, finds its order.
const confinedOrder = "GYRUS_JOB"

// readLine reads to the end of a line and not a byte more: what follows is for the process that starts anew.
func readLine(in io.Reader) ([]byte, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < 1<<20; {
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, err
		}
		if b[0] == '\n' {
			return line, nil
		}
		line = append(line, b[0])
	}
	return nil, errors.New("the order is too long")
}

// refused reports whether an error is about what was asked for.
func refused(err error) bool {
	var usage *runner.UsageError
	var no *papers.RefusedError
	var format *recording.Error
	return errors.As(err, &usage) || errors.As(err, &no) || errors.As(err, &format)
}

func (o *order) carryOut(ctx context.Context, say *json.Encoder) error {
	r := &o.Request
	told := false
	listen := func(e runner.Event) {
		if !told {
			told = true
			say.Encode(message{RunID: e.Run})
		}
	}
	switch r.Kind {
	case Run:
		_, err := runner.Execute(ctx, runner.Config{Paper: r.Paper, Experiment: r.Experiment, Preset: r.Preset, Set: r.Set, Seed: r.Seed,
			Seeds: r.Seeds, Inputs: r.Inputs, Backend: r.Backend, Home: o.Home, Listen: listen})
		return err
	case Resume:
		_, err := runner.Resume(ctx, o.Home, r.RunDir, listen)
		return err
	case Apply:
		return o.apply(ctx)
	}
	return fmt.Errorf("there is no kind of job %q", r.Kind)
}

// ApplicationEvents is the file in an application's folder that says how it went, with the events of package runner.
const ApplicationEvents = "events.jsonl"

// apply puts a model to work. What it writes goes to the job's own folder, beside its events.
func (o *order) apply(ctx context.Context) (err error) {
	r := &o.Request
	p, err := papers.Get(r.Paper)
	if err != nil {
		return &runner.UsageError{Err: err}
	}
	if p.Apply == nil {
		return &runner.UsageError{Err: fmt.Errorf("%s trains nothing that could be used on new files", p.System)}
	}
	out := filepath.Join(o.Dir, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(o.Dir, ApplicationEvents), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	events := &applicationEvents{job: o.Job, out: json.NewEncoder(file)}
	events.send(runner.Event{Kind: runner.RunStarted})
	defer func() {
		status, message := runner.Done, ""
		if err != nil {
			status, message = runner.Failed, err.Error()
		}
		if ctx.Err() != nil {
			status, message = runner.Cancelled, "stopped"
		}
		events.send(runner.Event{Kind: runner.RunFinished, Status: status, Message: message})
	}()
	var b backends.Backend
	defer func() {
		if b != nil {
			b.Finalize()
		}
	}()
	return compute.Catch("applying "+p.System, func() error {
		return p.Apply(ctx, &papers.Application{
			ModelDir: filepath.Join(r.RunDir, "model", fmt.Sprint(r.Seed)), Files: r.Files, Out: out,
			Backend: func() (backends.Backend, error) {
				var err error
				if b == nil {
					b, err = compute.Open(r.Backend)
				}
				return b, err
			},
			Progress: func(p papers.Progress) { events.send(runner.Event{Kind: runner.Progressed, Progress: &p}) },
			Log:      slog.New(slog.NewTextHandler(events, nil)),
			Say:      func(format string, args ...any) { events.log("", fmt.Sprintf(format, args...)) },
		})
	})
}

// applicationEvents writes the events of an application.
type applicationEvents struct {
	job      string
	mu       sync.Mutex
	out      *json.Encoder
	progress time.Time
}

func (a *applicationEvents) send(e runner.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e.Time, e.Run, e.Seeds = time.Now(), a.job, 1
	if e.Kind == runner.Progressed {
		if e.Progress.Done != e.Progress.Total && e.Time.Sub(a.progress) < time.Second {
			return
		}
		a.progress = e.Time
	}
	a.out.Encode(e) // an event that JSON cannot hold, or a full disk, must not end the application
}

func (a *applicationEvents) log(level, text string) {
	a.send(runner.Event{Kind: runner.Logged, Level: level, Message: text})
}

// Write takes a line of the log.
func (a *applicationEvents) Write(line []byte) (int, error) {
	a.log(slog.LevelInfo.String(), string(line))
	return len(line), nil
}
