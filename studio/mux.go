package studio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// Handler answers a request, or returns an error that becomes a page: a [Problem] as it says, a missing file as 404, a cancelled
// request as nothing, everything else as 500 with the details in the log only.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Problem is an error that a reader is meant to see.
type Problem struct {
	Status int
	Title  string // a few words; empty: the status's own
	Detail string // what is wrong and what to do about it, in whole sentences
}

func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// Refuse returns a [Problem] with the given status and detail.
func Refuse(status int, format string, args ...any) error {
	return &Problem{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// route is how a route is to be treated.
type route struct {
	operator bool
	open     bool
	foreign  bool
	live     bool
	upload   bool
	body     int64
	limits   []*Limit
}

// Option says how a route differs from others.
type Option func(*route)

var (
	// Operator marks a route that only the server's user may take: it starts runs, changes or deletes something, or reads data files.
	Operator Option = func(r *route) { r.operator = true }
	// Open marks a route that needs no token even where pages do, such as the link in an email that ends a subscription.
	Open Option = func(r *route) { r.open = true }
	// Foreign marks a POST that other programs send, such as the one-click unsubscription of RFC 8058. It is not checked for CSRF, so
	// it must prove by a signed link what it may do, and it is not told who is signed in.
	Foreign Option = func(r *route) { r.foreign, r.open = true, true }
	// Live marks a route that goes on for long, such as an event stream; its handler sets deadlines for what it writes.
	Live Option = func(r *route) { r.live = true }
)

// Body is the largest body a route takes, in bytes; without it the limit is 256 KiB.
func Body(limit int64) Option { return func(r *route) { r.body = limit } }

// Upload marks a route that takes a file of at most that many bytes; its handler reads it with [Server.Receive].
func Upload(limit int64) Option { return func(r *route) { r.upload, r.body = true, limit+1<<20 } }

// Limited bounds how often a reader, or an address without one, may take a route.
func Limited(l *Limit) Option { return func(r *route) { r.limits = append(r.limits, l) } }

const defaultBody = 256 << 10

// Mux collects the routes of all sections. Patterns are those of [http.ServeMux], with the method.
type Mux struct {
	server   *Server
	mux      *http.ServeMux
	patterns map[string]bool
}

func newMux(s *Server) *Mux {
	return &Mux{server: s, mux: http.NewServeMux(), patterns: map[string]bool{}}
}

func (m *Mux) has(pattern string) bool { return m.patterns[pattern] }

// Get registers a page. The pattern's method must be GET; HEAD goes with it.
func (m *Mux) Get(pattern string, h Handler, options ...Option) { m.add("GET ", pattern, h, options) }

// Post registers an action. The pattern's method must be POST. The handler sees a request whose form is parsed (r.PostForm) and whose CSRF
// token, in the form or in the header X-CSRF-Token, was right, unless the route is
// [Foreign] or an [Upload] (for which Receive checks it).
func (m *Mux) Post(pattern string, h Handler, options ...Option) {
	m.add("POST ", pattern, h, options)
}

// add panics on a pattern that is not of the method: it is a mistake in the program.
func (m *Mux) add(method, pattern string, h Handler, options []Option) {
	if !strings.HasPrefix(pattern, method) {
		panic(fmt.Sprintf("studio: the pattern %q should begin with %q", pattern, method))
	}
	rt := &route{body: defaultBody}
	for _, o := range options {
		o(rt)
	}
	m.patterns[pattern] = true
	m.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := m.server.serve(w, r, rt, h); err != nil {
			m.server.Error(w, r, err)
		}
	})
}

// ServeHTTP implements [http.Handler].
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := m.mux.Handler(r); pattern == "" {
		w = &emptyError{ResponseWriter: w, server: m.server, request: r}
	}
	m.mux.ServeHTTP(w, r)
}

// emptyError replaces the plain text of the router's own 404 and 405 with a page.
type emptyError struct {
	http.ResponseWriter
	server  *Server
	request *http.Request
	done    bool
}

func (e *emptyError) WriteHeader(status int) {
	if status < 400 { // a redirect to the path without dots
		e.ResponseWriter.WriteHeader(status)
		return
	}
	e.done = true
	p := &Problem{Status: status, Detail: "There is no such page."}
	if status == http.StatusMethodNotAllowed {
		p.Detail = "This address does not take that kind of request."
	}
	e.server.Error(e.ResponseWriter, e.request, p)
}

func (e *emptyError) Write(b []byte) (int, error) {
	if e.done {
		return len(b), nil
	}
	return e.ResponseWriter.Write(b)
}

// Error writes the page of an error.
func (s *Server) Error(w http.ResponseWriter, r *http.Request, err error) {
	var p *Problem
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &p):
	case errors.As(err, &big):
		p = &Problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("More was sent than the %d bytes this address takes.", big.Limit)}
	case errors.Is(err, fs.ErrNotExist):
		p = &Problem{Status: http.StatusNotFound, Detail: "There is no such page or file."}
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		return // nobody listens any more
	default:
		s.config.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		p = &Problem{Status: http.StatusInternalServerError, Detail: "Something went wrong here. The server's log says what."}
	}
	if rec, ok := w.(*recorder); ok && rec.status != 0 {
		s.config.Log.Error("a page broke off", "method", r.Method, "path", r.URL.Path, "error", err)
		return
	}
	title := p.Title
	if title == "" {
		title = http.StatusText(p.Status)
	}
	if p.Status == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "10")
	}
	if wantsJSON(r) {
		WriteJSON(w, p.Status, map[string]string{"error": title, "detail": p.Detail})
		return
	}
	err = s.Render(w, r, p.Status, View{Title: title, Template: s.core, Name: "error.html", Data: struct {
		Status        int
		Title, Detail string
	}{p.Status, title, p.Detail}})
	if err != nil {
		s.config.Log.Error("writing an error page", "error", err)
	}
}

func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}

// here is where a request that was not let in may come back to.
func here(r *http.Request) string {
	if r.Method != http.MethodGet {
		return "/"
	}
	return LocalPath(r.URL.RequestURI())
}

// serve checks a request against its route and hands it over.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt *route, h Handler) error {
	if rt.foreign {
		r = withVisit(r, &visit{})
	}
	if !rt.open && !s.MayRead(r) {
		return s.askForToken(w, r, here(r))
	}
	if rt.operator && !s.IsOperator(r) {
		if s.config.Token != "" && r.Method == http.MethodGet {
			return s.askForToken(w, r, here(r))
		}
		return &Problem{Status: http.StatusForbidden, Title: "Only the operator may do this",
			Detail: "Runs are started and data are read only by whoever has this server's token."}
	}
	for _, l := range rt.limits {
		if err := l.Allow(r); err != nil {
			return err
		}
	}
	if r.ContentLength > rt.body {
		return &http.MaxBytesError{Limit: rt.body}
	}
	r.Body = http.MaxBytesReader(w, r.Body, rt.body)
	if rt.live {
		rc := http.NewResponseController(w)
		if err := errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
	}
	if r.Method == http.MethodPost && !rt.foreign {
		if rt.upload {
			r = withUpload(r)
		} else if err := s.checkForm(r); err != nil {
			return err
		}
	}
	return h(w, r)
}
