package recordings

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

const (
	maxSessions  = 4   // that run at once
	maxRemained  = 20  // that have ended and can still be looked at
	maxViewers   = 32  // of a session
	maxDecisions = 200 // that a new viewer is shown
	maxWaiting   = 256 // messages for a viewer that does not keep up
	backlog      = 4 << 20
)

// sessions are the signals that are being watched.
type sessions struct {
	section *Section
	mu      sync.Mutex
	all     []*session // the newest last
}

func newSessions(x *Section) *sessions { return &sessions{section: x} }

// session is a process that plays a signal, and those who watch it.
type session struct {
	section *Section
	id      string
	title   string
	began   time.Time
	cancel  context.CancelFunc

	mu        sync.Mutex
	changed   chan struct{}
	signal    *reader.Signal
	hello     json.RawMessage // the same
	report    *live.Report
	decisions []json.RawMessage // the last
	samples   []outgoing        // the last, for new viewers
	bytes     int               // of those
	warnings  []string
	ended     bool
	why       string // it ended
	problem   *reader.Error
	viewers   map[*viewer]struct{}
	lonely    *time.Timer // ends a session that nobody watches
}

// sessionLine is a session as a page shows it.
type sessionLine struct {
	ID, Title string
	Began     time.Time
	Ended     bool
	Why       string
	Problem   string
	Signal    *reader.Signal
	Report    *live.Report
	Warnings  []string
	Viewers   int
}

func (s *session) line() sessionLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := sessionLine{ID: s.id, Title: s.title, Began: s.began, Ended: s.ended, Why: s.why, Signal: s.signal, Report: s.report, Warnings: slices.Clone(s.warnings), Viewers: len(s.viewers)}
	if s.problem != nil {
		l.Problem = sentence(upper(s.problem.Text))
	}
	return l
}

func (a *sessions) list() (out []sessionLine) {
	a.mu.Lock()
	all := slices.Clone(a.all)
	a.mu.Unlock()
	for _, s := range slices.Backward(all) {
		out = append(out, s.line())
	}
	return out
}

func (a *sessions) get(id string) (*session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.all, func(s *session) bool { return s.id == id })
	if i < 0 {
		return nil, errNoSession
	}
	return a.all[i], nil
}

func (a *sessions) remove(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = slices.DeleteFunc(a.all, func(s *session) bool { return s.id == id })
}

// start starts a session. It ends by itself when nobody watches it.
func (a *sessions) start(play reader.Play, title string, readable []string) (*session, error) {
	x := a.section
	a.mu.Lock()
	defer a.mu.Unlock()
	running := 0
	for _, s := range a.all {
		if !s.line().Ended {
			running++
		}
	}
	if running >= maxSessions {
		return nil, studio.Refuse(http.StatusServiceUnavailable, "There are %d sessions already. Stop one first.", running)
	}
	ctx, cancel := context.WithCancel(x.ctx)
	task := reader.Task{Kind: reader.Live, Memory: 2 * x.config.Memory, Readable: readable, Play: &play} // a model takes some, too
	if play.LSL != "" {
		task.Readable = append(task.Readable, "/etc") // names of hosts
	}
	p, err := reader.Start(ctx, x.config.Reader, task)
	if err != nil {
		cancel()
		return nil, err
	}
	s := &session{section: x, id: newID(), title: title, began: x.server.Now(), cancel: cancel, changed: make(chan struct{}), viewers: map[*viewer]struct{}{}}
	s.lonely = time.AfterFunc(x.config.Unwatched, func() { s.end("Nobody watched it any more.") })
	a.all = append(a.all, s)
	for i := 0; len(a.all) > maxSessions+maxRemained && i < len(a.all); i++ {
		if a.all[i].line().Ended {
			a.all = slices.Delete(a.all, i, i+1)
			i--
		}
	}
	x.work.Go(func() {
		defer cancel()
		defer p.Close()
		s.finish(s.follow(p))
	})
	return s, nil
}

// follow hands on what the process says, until it ends.
func (s *session) follow(p *reader.Process) error {
	for {
		m, err := p.Next()
		if err != nil {
			return err
		}
		s.mu.Lock()
		switch m.Kind {
		case reader.Began:
			var g reader.Signal
			if err = json.Unmarshal(m.Body, &g); err == nil {
				for i, u := range g.Units {
					g.Units[i] = micro(u)
				}
				s.signal = &g
				s.hello, err = json.Marshal(g)
				s.tell(text("signal", s.hello), true)
			}
		case reader.Samples:
			o := outgoing{body: m.Body, binary: true}
			s.samples = append(s.samples, o)
			for s.bytes += len(o.body); s.bytes > backlog; s.samples = s.samples[1:] {
				s.bytes -= len(s.samples[0].body)
			}
			s.tell(o, false)
		case reader.Decided:
			s.decisions = append(s.decisions, m.Body)
			if n := len(s.decisions) - maxDecisions; n > 0 {
				s.decisions = s.decisions[n:]
			}
			s.tell(text("decision", m.Body), false)
		case reader.Reported:
			var r live.Report
			if err = json.Unmarshal(m.Body, &r); err == nil {
				s.report = &r
				s.tell(text("report", m.Body), false)
			}
		case reader.Warned:
			if len(s.warnings) < 20 {
				s.warnings = append(s.warnings, sentence(upper(string(m.Body))))
			}
			body, _ := json.Marshal(string(m.Body))
			s.tell(text("warning", body), true)
		}
		s.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// finish ends a session for those who watch it.
func (s *session) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lonely.Stop()
	s.ended = true
	var own *reader.Error
	switch {
	case s.why != "": // it was ended from here
	case err == io.EOF:
		s.why = "The signal has ended."
	case errors.As(err, &own):
		s.problem = own
		if !own.Refused {
			s.section.server.Log().Error("a live session broke off", "error", own.Text, "log", own.Log)
		}
	case err != nil:
		s.problem = &reader.Error{Text: "it broke off; the server's log says why"}
		s.section.server.Log().Error("a live session broke off", "error", err)
	}
	if s.problem != nil {
		s.why = sentence(upper(s.problem.Text))
	}
	body, _ := json.Marshal(s.why)
	s.tell(text("ended", body), true)
	for v := range s.viewers {
		v.over()
	}
}

// end ends a session from here.
func (s *session) end(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended && s.why == "" {
		s.why = why
		s.cancel()
	}
}

// refused is why the session could not begin; empty if it could.
func (s *session) refused() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem != nil && s.signal == nil {
		return sentence(upper(s.problem.Text))
	}
	return ""
}

// await waits until something is true of a session, or the context ends.
func (s *session) await(ctx context.Context, is func(*session) bool) {
	for {
		s.mu.Lock()
		changed, yes := s.changed, is(s)
		s.mu.Unlock()
		if yes {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// tell sends a message to all who watch; some are also news to those who wait for a change. The lock is held.
func (s *session) tell(o outgoing, news bool) {
	for v := range s.viewers {
		v.put(o)
	}
	if news {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// outgoing is a message to a viewer.
type outgoing struct {
	body   []byte
	binary bool
}

// viewer is one who watches. What waits for it is bounded: the oldest samples and decisions make room.
type viewer struct {
	mu      sync.Mutex
	waiting []outgoing
	lost    int
	ended   bool
	ready   chan struct{}
}

// join adds a viewer, who is first told what went before.
func (s *session) join() (*viewer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) >= maxViewers {
		return nil, studio.Refuse(http.StatusServiceUnavailable, "Too many watch this session.")
	}
	v := &viewer{ready: make(chan struct{}, 1)}
	first := func(kind string, value any) {
		if body, err := json.Marshal(value); err == nil {
			v.waiting = append(v.waiting, text(kind, body))
		}
	}
	if s.signal != nil {
		v.waiting = append(v.waiting, text("signal", s.hello))
	}
	v.waiting = append(v.waiting, s.samples[max(0, len(s.samples)-maxWaiting/2):]...)
	if len(s.decisions) > 0 {
		first("decisions", s.decisions)
	}
	if s.report != nil {
		first("report", s.report)
	}
	for _, w := range s.warnings {
		first("warning", w)
	}
	if s.ended {
		first("ended", s.why)
		v.ended = true
	}
	v.wake()
	s.viewers[v] = struct{}{}
	s.lonely.Stop()
	return v, nil
}

// leave removes a viewer.
func (s *session) leave(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.viewers, v)
	if len(s.viewers) == 0 && !s.ended {
		s.lonely.Reset(s.section.config.Unwatched)
	}
}

func (v *viewer) wake() {
	select {
	case v.ready <- struct{}{}:
	default:
	}
}

func (v *viewer) put(o outgoing) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting = append(v.waiting, o)
	if len(v.waiting) > maxWaiting {
		v.waiting = slices.Delete(v.waiting, 0, 1)
		v.lost++
	}
	v.wake()
}

func (v *viewer) over() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended = true
	v.wake()
}

// next waits for messages, and says when there will be no more.
func (v *viewer) next(ctx context.Context) (messages []outgoing, over bool) {
	for {
		v.mu.Lock()
		messages, over = v.waiting, v.ended
		v.waiting = nil
		if v.lost > 0 {
			body, _ := json.Marshal(v.lost)
			messages = append(messages, text("lost", body))
			v.lost = 0
		}
		v.mu.Unlock()
		if len(messages) > 0 || over {
			return messages, over
		}
		select {
		case <-v.ready:
		case <-ctx.Done():
			return nil, false
		}
	}
}
