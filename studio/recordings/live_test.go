package recordings

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/lsl"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

// watched is what a viewer has seen of a session.
type watched struct {
	signal    *reader.Signal
	decisions []live.Decision
	report    live.Report
	bins      int
	ended     string
}

// watch follows a session until it is as asked for, or it ends.
func (s *site) watch(ctx context.Context, session string, enough func(*watched) bool) *watched {
	s.t.Helper()
	c, _, err := websocket.Dial(ctx, strings.Replace(s.http.URL, "http", "ws", 1)+session+"/stream", &websocket.DialOptions{HTTPClient: s.client})
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 24)
	w := &watched{}
	for !enough(w) && w.ended == "" {
		kind, data, err := c.Read(ctx)
		if err != nil {
			s.t.Fatalf("%v; seen was %+v", err, w)
		}
		if kind == websocket.MessageBinary {
			w.bins += int(data[10]) | int(data[11])<<8
			continue
		}
		var m struct {
			Signal    *reader.Signal
			Decision  *live.Decision
			Decisions []live.Decision
			Report    *live.Report
			Ended     string
		}
		if err := json.Unmarshal(data, &m); err != nil {
			s.t.Fatal(err)
		}
		if m.Signal != nil {
			w.signal = m.Signal
		}
		w.decisions = append(w.decisions, m.Decisions...)
		if m.Decision != nil {
			w.decisions = append(w.decisions, *m.Decision)
		}
		if m.Report != nil {
			w.report = *m.Report
		}
		w.ended = m.Ended
	}
	return w
}

func (s *site) start(form url.Values) string {
	s.t.Helper()
	resp, body := s.post("/live", form)
	if resp.StatusCode != http.StatusSeeOther {
		s.t.Fatal(resp.StatusCode, body)
	}
	return resp.Header.Get("Location")
}

func TestLive(t *testing.T) {
	s := newSite(t, Config{})
	r := signals(40, 200, "Pz", "Cz", "Fz", "Oz")
	r.Gaps = []recording.Gap{{Frame: 1000, Seconds: 5}}
	save(t, filepath.Join(s.data, "one.edf"), r)
	run := s.train()
	if body := s.page("/live?ref=data%2Fone.edf"); !strings.Contains(body, `value="data/one.edf"`) || !strings.Contains(body, run) {
		t.Fatal(body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	session := s.start(url.Values{"source": {"recording"}, "ref": {"data/one.edf"}, "speed": {"20"}, "model": {run + "/0"}, "when": {"step"}, "step": {"0.5"}})
	// Two watch it to the end.
	second := make(chan *watched)
	go func() { second <- s.watch(ctx, session, func(*watched) bool { return false }) }()
	first := s.watch(ctx, session, func(*watched) bool { return false })
	for _, w := range []*watched{first, <-second} {
		if w.signal == nil || fmt.Sprint(w.signal.Channels) != "[Fz Cz Pz]" || w.signal.Units[0] != "µV" || fmt.Sprint(w.signal.Classes) != "[quiet loud]" {
			t.Fatalf("%+v", w.signal)
		}
		if w.ended != "The signal has ended." || w.bins < 7000 || w.report.Frames != 8000 || w.report.Gaps != 1 || w.report.Latency.P50 <= 0 {
			t.Errorf("%+v", w)
		}
		loud := map[bool]int{}
		for _, d := range w.decisions {
			signal := d.Time
			if signal > 5 {
				signal -= 5
			}
			is := int(signal-0.1)/10%2 == 1
			if math.Mod(signal, 10) > 0.5 && (d.Name == "loud") != is {
				t.Errorf("at %g s it is %s", d.Time, d.Name)
			}
			loud[d.Name == "loud"]++
		}
		if loud[true] < 20 || loud[false] < 20 {
			t.Errorf("decisions: %v", loud)
		}
	}
	if body := s.page(session); !strings.Contains(body, "The signal has ended.") {
		t.Error("the page does not say that it has ended")
	}
}

// TestSessionEnds sees that nobody's session goes on for ever, and that one can be stopped.
func TestSessionEnds(t *testing.T) {
	s := newSite(t, Config{Unwatched: 300 * time.Millisecond})
	save(t, filepath.Join(s.data, "one.edf"), signals(60, 200, "Fz"))
	form := url.Values{"source": {"recording"}, "ref": {"data/one.edf"}, "speed": {"1"}}
	place := s.start(form)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	w := s.watch(ctx, place, func(w *watched) bool { return w.bins > 200 })
	if w.ended != "" {
		t.Fatal(w.ended)
	}
	x, err := s.section.sessions.get(strings.TrimPrefix(place, "/live/"))
	if err != nil {
		t.Fatal(err)
	}
	x.await(ctx, func(s *session) bool { return s.ended })
	if l := x.line(); !l.Ended || l.Why != "Nobody watched it any more." {
		t.Errorf("%+v", l)
	}
	place = s.start(form)
	if resp, body := s.post(place+"/stop", nil); resp.StatusCode != http.StatusSeeOther {
		t.Fatal(resp.StatusCode, body)
	}
	if body := s.page(place); !strings.Contains(body, "It was stopped.") {
		t.Error(body)
	}
}

// TestLiveTCP plays numbers from a server.
func TestLiveTCP(t *testing.T) {
	s := newSite(t, Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for range 500 {
					if _, err := c.Write(make([]byte, 10*2*2)); err != nil { // ten frames
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}()
		}
	}()
	session := s.start(url.Values{"source": {"tcp"}, "tcp": {l.Addr().String()}, "format": {"int16"}, "channels": {"2"}, "rate": {"1000"}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	w := s.watch(ctx, session, func(w *watched) bool { return w.bins > 50 && w.report.Frames > 0 })
	if w.signal == nil || w.signal.Rate != 1000 || w.signal.Bin != 0.004 || len(w.signal.Channels) != 2 {
		t.Errorf("%+v", w.signal)
	}
}

// TestLiveLSL finds a stream, and lets the model decide after the events of another.
func TestLiveLSL(t *testing.T) {
	c, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	n := lsl.Local() // one that no other program uses
	n.BasePort, n.Ports, n.DiscoveryPort = min(c.Addr().(*net.TCPAddr).Port+1, 65000), 8, 0
	s := newSite(t, Config{Network: n})
	run := s.train()
	offer := func(info lsl.Info) *lsl.Outlet {
		o, err := lsl.NewOutlet(n, info, lsl.OutletOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	info := lsl.Info{Name: "amplifier", Type: "EEG", Channels: 3, Rate: 200, Format: lsl.Float32, SourceID: "a"}
	info.Describe([]string{"Fz", "Cz", "Pz"}, "microvolts", "EEG")
	amp, marks := offer(info), offer(lsl.Info{Name: "marks", Type: "Markers", Channels: 1, Format: lsl.String, SourceID: "m"})
	defer amp.Close()
	defer marks.Close()
	if body := s.page("/live?source=lsl&look=1"); !strings.Contains(body, "source_id=&#39;a&#39;") || !strings.Contains(body, "amplifier") {
		t.Error(body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	session := s.start(url.Values{"source": {"lsl"}, "lsl": {"EEG"}, "markers": {"type='Markers'"}, "model": {run + "/0"}, "when": {"events"}})
	go func() { // a sine, and an event every second
		for i := 0; ctx.Err() == nil; i += 10 {
			for k := range 10 {
				v := float32(60 * math.Sin(2*math.Pi*10*float64(i+k)/200))
				amp.Push([]float32{v, v, v}, 0)
			}
			if i%200 == 0 {
				marks.Push([]string{"go"}, 0)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	w := s.watch(ctx, session, func(w *watched) bool { return len(w.decisions) >= 2 })
	if len(w.decisions) < 2 || w.decisions[0].Event != "go" || w.decisions[0].Name != "loud" || w.signal.Units[0] != "µV" {
		t.Errorf("%+v", w)
	}
}

func TestLiveRefuses(t *testing.T) {
	s := newSite(t, Config{})
	save(t, filepath.Join(s.data, "one.edf"), signals(10, 100, "Fz"))
	run := s.train()
	for name, c := range map[string]struct {
		form url.Values
		says string
	}{
		"nothing":       {url.Values{}, "Choose a source"},
		"another file":  {url.Values{"source": {"recording"}, "ref": {"../etc/passwd"}, "speed": {"1"}}, "Choose a recording"},
		"no speed":      {url.Values{"source": {"recording"}, "ref": {"data/one.edf"}, "speed": {"0"}}, "speed"},
		"no stream":     {url.Values{"source": {"lsl"}}, "which stream"},
		"no port":       {url.Values{"source": {"tcp"}, "tcp": {"localhost"}}, "host:port"},
		"nobody there":  {url.Values{"source": {"tcp"}, "tcp": {"127.0.0.1:1"}, "format": {"int16"}, "channels": {"2"}, "rate": {"100"}}, "refused"},
		"low port":      {url.Values{"source": {"osc"}, "osc": {"127.0.0.1:53"}, "path": {"/eeg"}, "channels": {"2"}, "rate": {"100"}}, "1024"},
		"no model":      {url.Values{"source": {"recording"}, "ref": {"data/one.edf"}, "speed": {"1"}, "model": {"x/0"}}, "Choose a model"},
		"not its rate":  {url.Values{"source": {"recording"}, "ref": {"data/one.edf"}, "speed": {"1"}, "model": {run + "/0"}, "step": {"1"}}, "no channel Cz"},
		"a strange one": {url.Values{"source": {"recording"}, "ref": {"data/one.edf"}, "speed": {"1"}, "model": {run + "/0"}, "step": {"NaN"}}, "Decisions are made"},
	} {
		resp, body := s.post("/live", c.form)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
	if n := len(s.section.sessions.list()); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if resp, _ := s.get("/live/nonesuch"); resp.StatusCode != 404 {
		t.Error(resp.StatusCode)
	}
	// A page of another site gets no stream.
	session := s.start(url.Values{"source": {"recording"}, "ref": {"data/one.edf"}, "speed": {"1"}})
	jar, _ := cookiejar.New(nil)
	_, resp, err := websocket.Dial(t.Context(), strings.Replace(s.http.URL, "http", "ws", 1)+session+"/stream", &websocket.DialOptions{HTTPClient: &http.Client{Jar: jar}, HTTPHeader: http.Header{"Origin": {"https://evil.example"}}})
	if err == nil || resp.StatusCode != http.StatusForbidden {
		t.Error(err)
	}
}
