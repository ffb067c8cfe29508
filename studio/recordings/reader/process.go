package reader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Process is a process at its task, seen from the studio.
type Process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
	cancel  context.CancelFunc
	stderr  tail
	wait    func() error
}

// Start starts the program that a command line names, which must end up in [Work], on a task. It is killed when the context ends.
func Start(ctx context.Context, commandLine []string, t Task) (*Process, error) {
	line, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Process{cancel: cancel}
	p.command = exec.CommandContext(ctx, commandLine[0], commandLine[1:]...)
	p.command.Stderr = &p.stderr
	p.command.WaitDelay = 5 * time.Second
	p.wait = sync.OnceValue(p.command.Wait)
	if p.in, err = p.command.StdinPipe(); err == nil {
		if p.out, err = p.command.StdoutPipe(); err == nil {
			err = p.command.Start()
		}
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("starting the process that reads recordings: %w", err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return nil, errors.Join(fmt.Errorf("telling the process its task: %w", err), p.Close())
	}
	return p, nil
}

// Next waits for a message. Whatever ends the process is an [Error].
func (p *Process) Next() (Message, error) {
	m, err := Receive(p.out)
	if err != nil {
		return m, p.why()
	}
	if m.Kind != Ended {
		return m, nil
	}
	var e End
	if err := json.Unmarshal(m.Body, &e); err != nil {
		return m, err
	}
	if e.Error != "" {
		return m, &Error{Text: e.Error, Refused: e.Refused}
	}
	return m, io.EOF
}

// Ask asks for a tile.
func (p *Process) Ask(r TileRequest) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = p.in.Write(append(line, '\n'))
	return err
}

// Close ends the process, at once.
func (p *Process) Close() error {
	p.cancel()
	p.in.Close()
	p.wait() // how it ended is known, or of no interest
	return nil
}

// Error is why a process did not do what it should.
type Error struct {
	Text    string // what a reader is told, a clause without a full stop
	Refused bool   // the file is at fault, or what was asked for
	Memory  bool   // it needed more memory than it may take
	Log     string // what the process said last; for the log
}

func (e *Error) Error() string { return e.Text }

// why finds out how the process ended without a word.
func (p *Process) why() error {
	p.in.Close()
	err := p.wait()
	p.cancel()
	said := p.stderr.String()
	e := &Error{Text: "the process that reads it broke down", Log: said}
	if code := p.command.ProcessState.ExitCode(); code == ExitMemory || strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory") {
		e.Text, e.Memory = "reading it takes more memory than this server gives to a recording", true
	} else if code < 0 {
		e.Text = "the process that reads it was stopped"
	}
	if e.Log == "" && err != nil {
		e.Log = err.Error()
	}
	return e
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, b...)
	if n := len(t.data) - tailBytes; n > 0 {
		// The beginning says what happened, and the end where; of a crash the former matters more.
		t.data = append(t.data[:tailBytes/2], t.data[len(t.data)-tailBytes/2:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.data))
}
