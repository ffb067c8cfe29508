package recordings

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

// lookAround is how long streams are looked for when a page asks for a list.
const lookAround = 1500 * time.Millisecond

// offered is a stream that was found.
type offered struct {
	Name, Type, Host, Query string
	Channels                int
	Rate                    float64
}

// livePage shows the sessions there are, and the form that starts one.
func (x *Section) livePage(w http.ResponseWriter, r *http.Request) error {
	return x.showLive(w, r, http.StatusOK, r.URL.Query(), "")
}

func (x *Section) showLive(w http.ResponseWriter, r *http.Request, status int, sent url.Values, problem string) error {
	all, err := x.server.Models(r.Context(), "")
	if err != nil {
		return err
	}
	models := slices.DeleteFunc(all, func(m studio.Model) bool { return m.Paper.Live == nil })
	v := struct {
		Sessions  []sessionLine
		Models    []studio.Model
		Sent      map[string]string
		Recent    []about
		Looked    bool
		Streams   []offered
		Problem   string
		Unwatched string
		Speeds    []string
		Numbers   []live.Number
	}{Models: models, Sessions: x.sessions.list(), Sent: map[string]string{}, Recent: x.shelf.recent(30), Problem: problem, Looked: sent.Has("look"), Unwatched: spoken(x.config.Unwatched),
		Speeds: []string{"0.25", "1", "2", "5", "20"}, Numbers: []live.Number{live.Float32, live.Float64, live.Int16, live.Int32}}
	for _, key := range []string{"source", "ref", "speed", "lsl", "markers", "tcp", "format", "order", "osc", "path", "marks", "channels", "rate", "model", "when", "step", "events", "unit"} {
		v.Sent[key] = sent.Get(key)
	}
	for key, value := range map[string]string{"source": "recording", "speed": "1", "when": "step", "step": "0.5", "format": "float32", "osc": "127.0.0.1:9000", "path": "/eeg"} {
		if v.Sent[key] == "" {
			v.Sent[key] = value
		}
	}
	if v.Looked {
		if v.Streams, err = x.look(r.Context()); err != nil {
			v.Problem = "Streams could not be looked for: " + err.Error()
		}
	}
	return x.server.Render(w, r, status, studio.View{Title: "Live", Template: x.pages, Name: "live.html", Data: v})
}

func spoken(d time.Duration) string {
	if d >= time.Minute {
		return fmt.Sprintf("%g minutes", d.Minutes())
	}
	return fmt.Sprintf("%g seconds", d.Seconds())
}

// look lists the streams of the Lab Streaming Layer.
func (x *Section) look(ctx context.Context) ([]offered, error) {
	ctx, cancel := context.WithTimeout(ctx, lookAround)
	defer cancel()
	found, err := x.config.Network.Find(ctx, "", 1000)
	if err != nil && len(found) == 0 && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	var out []offered
	for _, i := range found {
		o := offered{i.Name, i.Type, i.Host, "name=" + quoted(i.Name), i.Channels, i.Rate}
		if i.SourceID != "" {
			o.Query = "source_id=" + quoted(i.SourceID)
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b offered) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// quoted writes a text for a query.
func quoted(s string) string {
	if strings.Contains(s, "'") {
		return `"` + strings.ReplaceAll(s, `"`, "") + `"`
	}
	return "'" + s + "'"
}

// word is a query that is none: a name or a type.
var word = regexp.MustCompile(`^[\pL\pN _.-]+$`)

func query(q string) string {
	if q = strings.TrimSpace(q); q != "" && word.MatchString(q) {
		return fmt.Sprintf("name='%s' or type='%s'", q, q)
	}
	return q
}

// startSession starts what the form asks for.
func (x *Section) startSession(w http.ResponseWriter, r *http.Request) error {
	play, title, readable, err := x.playOf(r)
	if err == nil {
		var s *session
		if s, err = x.sessions.start(play, title, readable); err == nil {
			// A source that cannot be had is told of at once, in the form.
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if s.await(ctx, func(s *session) bool { return s.signal != nil || s.ended }); s.refused() != "" {
				x.sessions.remove(s.id)
				return x.showLive(w, r, http.StatusUnprocessableEntity, r.PostForm, s.refused())
			}
			http.Redirect(w, r, "/live/"+s.id, http.StatusSeeOther)
			return nil
		}
	}
	var p *studio.Problem
	if errors.As(err, &p) {
		return x.showLive(w, r, p.Status, r.PostForm, p.Detail)
	}
	return err
}

// playOf reads the form.
func (x *Section) playOf(r *http.Request) (play reader.Play, title string, readable []string, err error) {
	f := func(key string) string { return strings.TrimSpace(r.PostForm.Get(key)) }
	wrong := func(format string, args ...any) (reader.Play, string, []string, error) {
		return play, "", nil, studio.Refuse(http.StatusUnprocessableEntity, format, args...)
	}
	number := func(key string, low, high float64) (float64, bool) {
		v, err := strconv.ParseFloat(f(key), 64)
		return v, err == nil && v >= low && v <= high
	}
	plain := func() bool { // what a stream does not say about itself
		n, ok1 := number("channels", 1, 1024)
		rate, ok2 := number("rate", 0.001, 1e6)
		play.Width, play.Rate = int(n), rate
		return ok1 && ok2 && n == math.Trunc(n)
	}
	readable = []string{}
	ok := false
	switch source := f("source"); source {
	case "recording":
		full, err := x.server.Data().Resolve(f("ref"))
		if err != nil {
			return wrong("Choose a recording: %s", detail(err))
		}
		play.Path, readable, title = full, x.readable(full), path.Base(f("ref"))
		if play.Speed, ok = number("speed", 0.1, 100); !ok {
			return wrong("A recording is played at a tenth to a hundred times its speed.")
		}
	case "lsl":
		play.Network = x.config.Network
		if play.LSL = query(f("lsl")); play.LSL == "" {
			return wrong("Say which stream: its name, its type, or a query such as type='EEG'.")
		}
		play.Markers, title = query(f("markers")), f("lsl")
	case "tcp":
		play.TCP, play.Number, play.Big, title = f("tcp"), f("format"), f("order") == "big", f("tcp")
		if _, port, err := net.SplitHostPort(play.TCP); err != nil || port == "" {
			return wrong("Say where the frames come from, as host:port.")
		}
		if !plain() {
			return wrong("The stream does not say how many channels it has and at which rate: fill in both.")
		}
	case "osc":
		play.OSC, play.OSCPath, play.Marks, title = f("osc"), f("path"), f("marks"), "OSC "+f("path")
		host, port, err := net.SplitHostPort(play.OSC)
		if n, _ := strconv.Atoi(port); err != nil || host == "" || n < 1024 || n > 65535 {
			return wrong("Say where messages are expected, as address:port with a port from 1024 on, such as 127.0.0.1:9000.")
		}
		if !strings.HasPrefix(play.OSCPath, "/") {
			return wrong("The address of the messages begins with a slash, such as /eeg.")
		}
		if !plain() {
			return wrong("The messages do not say how many channels they have and at which rate: fill in both.")
		}
	default:
		return wrong("Choose a source.")
	}
	play.Unit = f("unit")
	if f("model") == "" {
		return play, title, readable, nil
	}
	run, text, _ := strings.Cut(f("model"), "/")
	seed, err := strconv.ParseInt(text, 10, 64)
	models, problem := x.server.Models(r.Context(), "")
	if problem != nil {
		return play, "", nil, problem
	}
	at := slices.IndexFunc(models, func(m studio.Model) bool {
		return m.Run.ID == run && m.Paper.Live != nil && slices.Contains(m.Seeds, seed)
	})
	if err != nil || at < 0 {
		return wrong("Choose a model that decodes streams.")
	}
	play.Paper, play.ModelDir = models[at].Paper.Slug, filepath.Join(models[at].Run.Dir, "model", strconv.FormatInt(seed, 10))
	readable = append(readable, models[at].Run.Dir)
	title += " with " + models[at].Paper.System
	if f("when") == "events" {
		for _, e := range strings.Split(f("events"), ",") {
			if e = strings.TrimSpace(e); e != "" {
				play.Events = append(play.Events, e)
			}
		}
	} else if play.Step, ok = number("step", 0.01, 3600); !ok {
		return wrong("Decisions are made every 0.01 to 3600 seconds.")
	}
	return play, title, readable, nil
}

func detail(err error) string {
	var p *studio.Problem
	if errors.As(err, &p) {
		return p.Detail
	}
	return err.Error()
}

// sessionPage shows a session.
func (x *Section) sessionPage(w http.ResponseWriter, r *http.Request) error {
	s, err := x.sessions.get(r.PathValue("session"))
	if err != nil {
		return err
	}
	return x.server.Render(w, r, http.StatusOK, studio.View{Title: s.title, Template: x.pages, Name: "session.html", Wide: true, Data: struct {
		sessionLine
		Unwatched string
	}{s.line(), spoken(x.config.Unwatched)}})
}

// stopSession ends a session.
func (x *Section) stopSession(w http.ResponseWriter, r *http.Request) error {
	s, err := x.sessions.get(r.PathValue("session"))
	if err != nil {
		return err
	}
	s.end("It was stopped.")
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	s.await(ctx, func(s *session) bool { return s.ended })
	http.Redirect(w, r, "/live/"+s.id, http.StatusSeeOther)
	return nil
}

// watch sends a session to one viewer over WebSocket: texts are JSON with a key for the kind, everything else are envelopes.
func (x *Section) watch(w http.ResponseWriter, r *http.Request) error {
	s, err := x.sessions.get(r.PathValue("session"))
	if err != nil {
		return err
	}
	v, err := s.join()
	if err != nil {
		return err
	}
	defer s.leave(v)
	c, err := websocket.Accept(w, r, nil) // pages of other origins are refused
	if err != nil {
		return nil // it has been answered
	}
	defer c.CloseNow()
	ctx := c.CloseRead(r.Context()) // viewers only watch
	stopped := context.AfterFunc(x.ctx, func() { c.Close(websocket.StatusGoingAway, "the server stops") })
	defer stopped()
	for {
		messages, over := v.next(ctx)
		for _, m := range messages {
			writing, cancel := context.WithTimeout(ctx, 10*time.Second)
			kind := websocket.MessageText
			if m.binary {
				kind = websocket.MessageBinary
			}
			err := c.Write(writing, kind, m.body)
			cancel()
			if err != nil {
				return nil // gone, or too slow; a page comes back by itself
			}
		}
		if over {
			c.Close(websocket.StatusNormalClosure, "the session has ended")
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// newID draws the ID of a session.
func newID() string { return strings.ToLower(rand.Text()[:12]) }

// text makes a message of a kind.
func text(kind string, body json.RawMessage) outgoing {
	b, _ := json.Marshal(map[string]json.RawMessage{kind: body})
	return outgoing{body: b}
}

var errNoSession = fmt.Errorf("session: %w", fs.ErrNotExist)
