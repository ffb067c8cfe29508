package watch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/runner"
)

// Bounds of what a hub holds.
const (
	ringEvents   = 4096    // of one run
	ringBytes    = 2 << 20 // of one run
	maxListeners = 4000    // of all runs
	maxLine      = 1 << 20 // a longer line of events is passed over
)

// The hub's patience.
const (
	poll   = 150 * time.Millisecond // between looks at the file
	linger = 5 * time.Second        // after the last listener has gone
)

// ErrBusy is the error of listening when too many do.
var ErrBusy = errors.New("too many listen already")

// Hub follows runs.
type Hub struct {
	mu        sync.Mutex
	runs      map[string]*follower // by path of the events
	listeners int
	poll      time.Duration
	ctx       context.Context
	stop      context.CancelFunc
	wait      sync.WaitGroup
}

// NewHub returns a hub.
func NewHub() *Hub {
	h := &Hub{runs: map[string]*follower{}, poll: poll}
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h
}

// Close ends all listening.
func (h *Hub) Close() error {
	h.stop()
	h.wait.Wait()
	return nil
}

// Read returns how a run stands by the file of its events, and the number of the last one. A file that is not there is a run that has
// told nothing yet.
func Read(path string) (*Snapshot, int64, error) {
	s := &Snapshot{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, 0, nil
	} else if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	t := tailer{file: f}
	for {
		line, end, err := t.next()
		if err == io.EOF {
			return s, t.at, nil
		} else if err != nil {
			return nil, 0, err
		}
		s.read(line)
		t.at = end
	}
}

// tailer reads whole lines of a growing file.
type tailer struct {
	file *os.File
	buf  *bufio.Reader
	part []byte // of a line whose end has not been written yet
	long bool   // the line is passed over
	at   int64  // where the last whole line ends
	got  int64  // where what was read ends
}

// next returns the next whole line without its end, and where it ends; io.EOF when there is none yet.
func (t *tailer) next() ([]byte, int64, error) {
	if t.buf == nil {
		t.buf = bufio.NewReaderSize(t.file, 64<<10)
	}
	for {
		piece, err := t.buf.ReadSlice('\n')
		t.got += int64(len(piece))
		if t.long = t.long || len(t.part)+len(piece) > maxLine; !t.long {
			t.part = append(t.part, piece...)
		}
		switch {
		case err == nil:
			line := bytes.TrimSuffix(t.part, []byte("\n"))
			t.part, t.long = nil, false
			return line, t.got, nil
		case err != bufio.ErrBufferFull:
			return nil, 0, err
		}
		if t.long {
			t.part = nil
		}
	}
}

// follower reads the events of one run for all its listeners.
type follower struct {
	hub   *Hub
	path  string
	alive func() bool

	mu        sync.Mutex
	ready     bool          // the file has been read to its present end once
	changed   chan struct{} // closed and replaced when there is more
	ring      []entry       // the latest events
	bytes     int           // in the ring
	base      int64         // where the first event of the ring begins
	end       int64         // where the last event of all ends
	snap      Snapshot
	encoded   []byte // the snapshot as a message; nil when it is not of now
	dirty     bool   // there are events that listeners have not been told of
	dead      bool   // its process has gone without a word
	listeners int
	idle      time.Time // since when nobody listens
}

type entry struct {
	end     int64
	message []byte
}

// Listener is one who listens to a run. It is for one goroutine.
type Listener struct {
	f    *follower
	at   int64 // the number of the last event it has
	dead bool  // it knows that the run's process has gone
}

// Listen returns a listener of the run whose events are in that file. After is the number of the last event it has seen; with a negative one
// it is told first how the run stands. alive reports whether a process carries the run out; it may be nil.
func (h *Hub) Listen(path string, after int64, alive func() bool) (*Listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners >= maxListeners {
		return nil, ErrBusy
	}
	if h.ctx.Err() != nil {
		return nil, h.ctx.Err()
	}
	f := h.runs[path]
	if f == nil {
		f = &follower{hub: h, path: path, alive: alive, changed: make(chan struct{})}
		h.runs[path] = f
		h.wait.Add(1)
		go f.follow()
	}
	h.listeners++
	f.listeners++
	return &Listener{f: f, at: after}, nil
}

// Close ends the listening.
func (l *Listener) Close() {
	h := l.f.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners--
	if l.f.listeners--; l.f.listeners == 0 {
		l.f.idle = time.Now()
	}
}

// Next waits for events and returns them as messages of an event stream; none when the context's deadline passes first, which is the time
// for a sign of life.
func (l *Listener) Next(ctx context.Context) ([][]byte, error) {
	f := l.f
	for {
		f.mu.Lock()
		changed := f.changed
		var out [][]byte
		if f.ready {
			out = l.take()
		}
		f.mu.Unlock()
		if len(out) > 0 {
			return out, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, nil
			}
			return nil, ctx.Err()
		case <-f.hub.ctx.Done():
			return nil, f.hub.ctx.Err()
		}
	}
}

// batch is how many events a listener takes at once.
const batch = 256

// take returns what is new to a listener. The lock is held.
func (l *Listener) take() [][]byte {
	f := l.f
	var out [][]byte
	switch {
	case l.at < f.base || l.at > f.end: // new, or too far behind, or the file is another one
		out = append(out, f.snapshot())
		l.at = f.end
	case l.at < f.end:
		lo, hi := 0, len(f.ring) // the first event after at
		for lo < hi {
			if mid := (lo + hi) / 2; f.ring[mid].end <= l.at {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		for _, e := range f.ring[lo:min(len(f.ring), lo+batch)] {
			out = append(out, e.message)
			l.at = e.end
		}
		if len(out) == 0 { // what came was no event
			l.at = f.end
		}
	}
	if f.dead != l.dead && l.at == f.end {
		l.dead = f.dead
		if f.dead {
			out = append(out, []byte("event: gone\ndata: {}\n\n"))
		}
	}
	return out
}

// snapshot encodes how the run stands, once for all who ask before the next event. The lock is held.
func (f *follower) snapshot() []byte {
	if f.encoded == nil {
		data, err := json.Marshal(&f.snap)
		if err != nil {
			data = []byte("{}")
		}
		f.encoded = fmt.Appendf(nil, "id: %d\nevent: snapshot\ndata: %s\n\n", f.end, data)
	}
	return f.encoded
}

// follow reads the file until nobody has listened for a while.
func (f *follower) follow() {
	defer f.hub.wait.Done()
	tick := time.NewTicker(f.hub.poll)
	defer tick.Stop()
	var t tailer
	defer func() {
		if t.file != nil {
			t.file.Close()
		}
	}()
	for n := 0; ; n++ {
		f.look(&t)
		if n%8 == 0 {
			f.checkAlive()
		}
		if f.leave() {
			return
		}
		select {
		case <-tick.C:
		case <-f.hub.ctx.Done():
			return
		}
	}
}

// leave ends the following if nobody listens any more.
func (f *follower) leave() bool {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if f.listeners > 0 || time.Since(f.idle) < linger {
		return false
	}
	delete(f.hub.runs, f.path)
	return true
}

// look takes in what has been written to the file.
func (f *follower) look(t *tailer) {
	if t.file == nil {
		file, err := os.Open(f.path)
		if err != nil {
			f.publish(0)
			return
		}
		t.file = file
	}
	var fresh []entry
	var events []runner.Event
	for {
		line, end, err := t.next()
		if err != nil {
			break
		}
		var e runner.Event
		t.at = end
		if json.Unmarshal(line, &e) != nil || e.Kind == "" {
			continue
		}
		events = append(events, e)
		m := append(strconv.AppendInt([]byte("id: "), end, 10), "\nevent: "...)
		m = append(append(append(m, e.Kind...), "\ndata: "...), bytes.ReplaceAll(line, []byte("\r"), nil)...)
		fresh = append(fresh, entry{end, append(m, "\n\n"...)})
		if len(fresh) >= ringEvents/4 {
			f.take(fresh, events)
			fresh, events = nil, nil
		}
	}
	f.take(fresh, events)
	f.publish(t.at)
}

// take adds events to the ring.
func (f *follower) take(fresh []entry, events []runner.Event) {
	if len(fresh) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range events {
		f.snap.Add(&events[i])
		f.bytes += len(fresh[i].message)
	}
	f.ring = append(f.ring, fresh...)
	drop := 0
	for len(f.ring)-drop > ringEvents || f.bytes > ringBytes && len(f.ring)-drop > 1 {
		f.bytes -= len(f.ring[drop].message)
		f.base = f.ring[drop].end
		drop++
	}
	if drop > 0 {
		f.ring = append([]entry(nil), f.ring[drop:]...)
	}
	f.end, f.encoded, f.dirty, f.dead = fresh[len(fresh)-1].end, nil, true, false
}

// publish tells listeners that there is more, if there is.
func (f *follower) publish(end int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ready && !f.dirty && end <= f.end {
		return
	}
	if end > f.end { // past a line that is no event
		f.end, f.encoded = end, nil
	}
	f.ready, f.dirty = true, false
	f.tell()
}

// tell wakes the listeners. The lock is held.
func (f *follower) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// checkAlive finds out whether a run that has not said that it ended still has a process.
func (f *follower) checkAlive() {
	if f.alive == nil {
		return
	}
	f.mu.Lock()
	open := f.ready && f.snap.Status == runner.Running && !f.dead
	f.mu.Unlock()
	if !open || f.alive() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.snap.Status == runner.Running {
		f.dead = true
		f.tell()
	}
}
