package reader

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/confine"
)

// ExitMemory is the exit status of a process that needed more memory than its task allows.
const ExitMemory = 86

// taskVariable is the environment variable in which a process that starts anew, confined, finds its task.
const taskVariable = "GYRUS_READER_TASK"

// Work carries out the task that is read from in, and ends the process when in ends. The process that calls it does nothing else.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	line, confined := []byte(os.Getenv(taskVariable)), true
	if len(line) == 0 {
		confined = false
		var err error
		if line, err = readLine(in); err != nil {
			return fmt.Errorf("reading the task: %w", err)
		}
	}
	var t Task
	if err := json.Unmarshal(line, &t); err != nil {
		return fmt.Errorf("reading the task: %w", err)
	}
	if !confined && t.Readable != nil {
		folders := confine.Folders{Read: t.Readable}
		if t.Dir != "" {
			folders.Write = []string{t.Dir}
		}
		if err := confine.Restart(folders, taskVariable+"="+string(line)); err != nil {
			return fmt.Errorf("confining the process: %w", err)
		}
	}
	if err := bound(&t); err != nil {
		return fmt.Errorf("bounding what the process may use: %w", err)
	}
	requests := make(chan TileRequest, 16) // more than are sent before an answer is awaited
	go func() {
		// Only this goroutine sees that nobody wants the result any more, and the one that works may be in a loop without end.
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			var r TileRequest
			if json.Unmarshal(lines.Bytes(), &r) == nil {
				requests <- r
			}
		}
		os.Exit(0)
	}()
	w := &writer{out: out}
	err := t.carryOut(ctx, w, requests)
	end := End{}
	if err != nil {
		end = End{Error: t.plain(err), Refused: refused(err)}
	}
	return w.say(Ended, end)
}

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
	return nil, errors.New("it is too long")
}

// bound limits what the process may use. The runtime keeps to the memory by collecting more eagerly as it comes near; a watch ends a
// process that passes it all the same, and the system refuses an allocation that goes far beyond in one step.
func bound(t *Task) error {
	if t.Memory <= 0 {
		return nil
	}
	debug.SetMemoryLimit(t.Memory / 10 * 9)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for range time.Tick(20 * time.Millisecond) {
			metrics.Read(sample)
			if sample[0].Value.Uint64()-sample[1].Value.Uint64() > uint64(t.Memory) {
				os.Exit(ExitMemory)
			}
		}
	}()
	return limit(t)
}

// refused reports whether an error is about what was asked for.
func refused(err error) bool {
	var usage *runner.UsageError
	var no *papers.RefusedError
	var format *recording.Error
	return errors.As(err, &usage) || errors.As(err, &no) || errors.As(err, &format)
}

// plain is the text of an error without the folders of this machine.
func (t *Task) plain(err error) string {
	text := err.Error()
	paths := []string{t.Path, t.Dir}
	if t.Play != nil {
		paths = append(paths, t.Play.Path)
	}
	for _, path := range paths {
		if path != "" {
			text = strings.ReplaceAll(text, path, filepath.Base(path))
			text = strings.ReplaceAll(text, filepath.Dir(path)+string(filepath.Separator), "")
		}
	}
	return text
}

func (t *Task) carryOut(ctx context.Context, w *writer, requests <-chan TileRequest) error {
	switch t.Kind {
	case Prepare:
		return t.prepare(w)
	case Frames:
		return t.frames(w, requests)
	case Arrive:
		return t.arrive(w)
	case Live:
		return t.play(ctx, w)
	}
	return fmt.Errorf("there is no kind of task %q", t.Kind)
}
