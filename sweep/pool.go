package sweep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/runner"
)

// Pool keeps a number of worker processes at work.
type Pool struct {
	Workers int
	// Command makes the i-th process, a worker that ends when its standard input does, so that none outlives this process. A process that
	// cannot do the work at all ends with status 2 and says why on its standard error.
	Command func(i int) *exec.Cmd
	Logs    string       // folder for what the processes print
	Say     func(string) // may be nil
	// Progressed counts what the workers have brought about; processes that keep ending soon while it stands still are given up. It may be nil.
	Progressed func() int
	Echo       func(line string) // told what the processes print on standard error; may be nil. Called from many goroutines
}

// quickEnds is how many processes in a row may end within soon without anything having come of them.
const (
	quickEnds = 40
	soon      = 30 * time.Second
)

// Run starts the processes, and others in place of those that end, until the context is done. It then tells all to stop, and kills those
// that do not. A process that ends by itself with status 0 is not replaced; when all have, Run returns.
func (p *Pool) Run(ctx context.Context) error {
	if p.Say == nil {
		p.Say = func(string) {}
	}
	if err := os.MkdirAll(p.Logs, 0o755); err != nil {
		return err
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	ends, before := 0, 0
	var all sync.WaitGroup
	for i := range p.Workers {
		all.Go(func() {
			for inner.Err() == nil {
				start := time.Now()
				err := p.one(inner, i)
				if err == nil || inner.Err() != nil {
					return
				}
				var exit *exec.ExitError
				if errors.As(err, &exit) && exit.ExitCode() == 2 {
					cancel(&runner.UsageError{Err: fmt.Errorf("worker: %s", lastLines(p.log(i), 3))})
					return
				}
				mu.Lock()
				now := before
				if p.Progressed != nil {
					now = p.Progressed()
				}
				if now != before || time.Since(start) > soon {
					ends, before = 0, now
				}
				ends++
				n := ends
				mu.Unlock()
				p.Say(fmt.Sprintf("worker %d ended (%v); starting another", i, err))
				if n >= quickEnds {
					cancel(fmt.Errorf("workers keep ending and nothing comes of it; the last said: %s (see %s)", lastLines(p.log(i), 5), p.log(i)))
					return
				}
				pause(inner, time.Duration(min(n, 20))*100*time.Millisecond)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return context.Cause(inner)
}

func (p *Pool) log(i int) string { return filepath.Join(p.Logs, fmt.Sprintf("%d.log", i)) }

// one runs a process to its end.
func (p *Pool) one(ctx context.Context, i int) error {
	log, err := os.OpenFile(p.log(i), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := p.Command(i)
	cmd.Stdout, cmd.Stderr = log, log
	if p.Echo != nil {
		r, w := io.Pipe()
		cmd.Stderr = io.MultiWriter(log, w)
		defer w.Close()
		go func() {
			for lines := bufio.NewScanner(r); lines.Scan(); {
				p.Echo(lines.Text())
			}
			io.Copy(io.Discard, r)
		}()
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stdin.Close()
	select {
	case err = <-ended:
	case <-time.After(grace + 5*time.Second):
		cmd.Process.Kill()
		err = <-ended
	}
	return err
}

// EndWith returns a context that is done when r ends: for a worker process, when whoever started it is gone.
func EndWith(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx
}

// lastLines returns the end of a text file.
func lastLines(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
