package studio

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio/jobs"
)

func TestPapersPage(t *testing.T) {
	s := newSite(t, Config{})
	_, body := s.get("/papers")
	has(t, body, "Slider", "On slopes &amp; &lt;b&gt;sliding&lt;/b&gt;", `href="/papers/slope"`, "UltraLIF", "not here yet")
	_, body = s.get("/papers?filter=SLIDING+slope")
	has(t, body, `href="/papers/slope"`)
	_, body = s.get("/papers?filter=nothing-is-called-so")
	has(t, body, "No paper here matches")
	if strings.Contains(body, `href="/papers/slope"`) {
		t.Error("the filter lets everything pass")
	}
	_, body = s.get("/board")
	has(t, body, "Slider", "not tested: It descends.", "Not here yet", "1 of 49 systems")
}

func TestPaperPage(t *testing.T) {
	s := newSite(t, Config{})
	execute(t, s.home, runner.Config{Preset: papers.Default})
	_, body := s.get("/papers/slope")
	has(t, body, "On slopes &amp; &lt;b&gt;sliding", "https://arxiv.org/abs/2602.00001", "Published: 1 m, table 1", "not tested", "Measured here", "default run", "height at the end", "the slope is long",
		`name="p.steps"`, `data-quick="12"`, `data-full="40"`, "preset: down", `<option>up</option>`, "Use it on your data", "2 seeds")
	_, body = s.get("/papers/slope?experiment=given")
	has(t, body, "File for “slope”", "numbers, one a line", "Run given")
	if resp, _ := s.get("/papers/slope?experiment=none"); resp.StatusCode != 404 {
		t.Errorf("an unknown experiment: %d", resp.StatusCode)
	}
}

func TestFormErrors(t *testing.T) {
	data := t.TempDir()
	s := newSite(t, Config{DataFolders: []string{data}})
	for name, tc := range map[string]struct {
		form url.Values
		says string
	}{
		"a bound":           {url.Values{"p.steps": {"0"}}, "at least 1"},
		"no number":         {url.Values{"p.rate": {"much"}}, "is not a finite number"},
		"no choice":         {url.Values{"p.mode": {"sideways"}}, "one of down, up, broken"},
		"seeds":             {url.Values{"seeds": {"0"}}, "from 1 to 100"},
		"a negative seed":   {url.Values{"seed": {"-1"}}, "from 0"},
		"a backend":         {url.Values{"backend": {"abacus"}}, "no backend"},
		"a preset":          {url.Values{"preset": {"huge"}}, "no preset"},
		"no file":           {url.Values{"experiment": {"given"}}, "needs a file"},
		"a file elsewhere":  {url.Values{"experiment": {"given"}, "in.slope": {"/etc/passwd"}}, "There is no file"},
		"a way out":         {url.Values{"experiment": {"given"}, "in.slope": {filepath.Base(data) + "/../../etc/passwd"}}, "There is no file"},
		"the server's key":  {url.Values{"experiment": {"given"}, "in.slope": {"uploads/../key"}}, "There is no file"},
		"a hostile setting": {url.Values{"p.steps": {`"><script>`}}, "&lt;script&gt;"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.post("/papers/slope/run", tc.form)
			if resp.StatusCode != http.StatusUnprocessableEntity {
				t.Fatalf("status %d", resp.StatusCode)
			}
			has(t, body, tc.says)
			for k, v := range tc.form {
				if strings.HasPrefix(k, "p.") && k != "p.mode" && !strings.Contains(body, `value="`+strings.NewReplacer(`"`, "&#34;", "<", "&lt;", ">", "&gt;").Replace(v[0])+`"`) {
					t.Errorf("what was typed in %s is gone", k)
				}
			}
		})
	}
	if n := len(s.queue.Jobs()); n != 0 {
		t.Errorf("%d jobs were queued", n)
	}
	if resp, _ := s.post("/papers/slope/run", url.Values{"experiment": {"none"}}); resp.StatusCode != 400 {
		t.Errorf("an unknown experiment: %d", resp.StatusCode)
	}
}

// until waits for a run to stand as asked.
func (s *site) until(id string, is func(runner.Entry) bool) runner.Entry {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		e, err := s.history.find(s.t.Context(), id)
		if err == nil && is(e) {
			return e
		}
		if time.Now().After(end) {
			s.t.Fatalf("run %s is %q (%v)", id, e.Status, err)
		}
	}
}

func done(e runner.Entry) bool { return e.Status == runner.Done }

// start posts the form of a run and returns the ID it leads to.
func (s *site) start(form url.Values) string {
	s.t.Helper()
	resp, body := s.post("/papers/slope/run", form)
	place := resp.Header.Get("Location")
	if job, waits := strings.CutPrefix(place, "/jobs/"); waits { // behind one whose process has not ended yet
		j, _ := s.queue.Await(s.t.Context(), job, func(j jobs.Job) bool { return j.RunID != "" || j.State.Ended() })
		place = s.jobPlace(&j)
	}
	id, ok := strings.CutPrefix(place, "/runs/")
	if resp.StatusCode != 303 || !ok {
		s.t.Fatalf("starting gives %d, %q\n%s", resp.StatusCode, resp.Header.Get("Location"), body)
	}
	return id
}

func TestRunFromTheWeb(t *testing.T) {
	data := t.TempDir()
	os.WriteFile(filepath.Join(data, "slope.txt"), []byte("1\n2\n3\n"), 0o644)
	s := newRunning(t, Config{DataFolders: []string{data}})
	id := s.start(url.Values{"experiment": {"given"}, "in.slope": {filepath.Base(data) + "/slope.txt"}, "p.rate": {"0.5"}, "seeds": {"2"}, "seed": {"7"}})
	s.until(id, done)
	_, body := s.get("/runs/" + id)
	has(t, body, "slope.txt", "0.5", "Seeds", "7 to 8", `sandbox="allow-same-origin`, "files.zip", "Use it on your data", "slid &lt;down&gt;", "gyrus run slope/given", "--seeds 2")
	e, _ := s.history.find(t.Context(), id)
	d, err := s.documents.get(e.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if d.Preset != "quick" || fmt.Sprint(d.Seeds) != "[7 8]" || d.Data[0].Bytes != 6 {
		t.Errorf("it ran %s, seeds %v, data %+v", d.Preset, d.Seeds, d.Data)
	}

	// Its files.
	resp, page := s.get("/runs/" + id + "/files/report.html")
	policy := resp.Header.Get("Content-Security-Policy")
	if resp.StatusCode != 200 || !strings.Contains(page, "The way down") || !strings.Contains(policy, "sandbox") || strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "allow-scripts") {
		t.Errorf("the report: %d, policy %q", resp.StatusCode, policy)
	}
	_, dark := s.get("/runs/" + id + "/files/report.html?theme=dark")
	if strings.Contains(dark, "prefers-color-scheme:dark") || !strings.Contains(dark, "@media screen") {
		t.Error("the dark report asks the system")
	}
	for name, status := range map[string]int{"metrics.json": 200, "model/7/weights": 200, "run.json": 200, "lock": 404, "nothing": 404, "..%2f..%2fhistory.db": 404, "%2e%2e/%2e%2e/history.db": 404, "model": 404, "": 404} {
		resp, body := s.get("/runs/" + id + "/files/" + name)
		if 300 <= resp.StatusCode && resp.StatusCode < 400 {
			resp, body = s.get(resp.Header.Get("Location"))
		}
		if resp.StatusCode != status {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		if status == 200 && (!strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox")) {
			t.Errorf("%s is sent as %q", name, resp.Header.Get("Content-Disposition"))
		}
		if strings.Contains(body, "SQLite") {
			t.Errorf("%s leads out of the run's folder", name)
		}
	}
	_, archive := s.get("/runs/" + id + "/files.zip?under=model")
	z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil || len(z.File) != 2 || z.File[0].Name != id+"-model/model/7/weights" {
		t.Errorf("the archive: %v, %v", z, err)
	}

	// A link in the run's folder does not lead out of it.
	os.Symlink(filepath.Join(s.home, "history.db"), filepath.Join(e.Dir, "way-out"))
	if resp, _ := s.get("/runs/" + id + "/files/way-out"); resp.StatusCode != 404 {
		t.Errorf("a link: %d", resp.StatusCode)
	}
	os.Remove(filepath.Join(e.Dir, "way-out"))

	// The model on a file.
	_, body = s.get("/apply?paper=slope&run=" + id)
	has(t, body, id+"/7", "Reads a text and writes its length.")
	resp, _ = s.post("/apply", url.Values{"model": {id + "/7"}, "data": {"", filepath.Base(data) + "/slope.txt"}})
	job := resp.Header.Get("Location")
	if resp.StatusCode != 303 || !strings.HasPrefix(job, "/jobs/") {
		t.Fatalf("applying: %d, %q", resp.StatusCode, job)
	}
	s.queue.Await(t.Context(), job[6:], func(j jobs.Job) bool { return j.State.Ended() })
	_, body = s.get(job)
	has(t, body, "slope.txt holds 6 bytes", "slope-length.txt", "done")
	if _, got := s.get(job + "/files/slope-length.txt"); got != "6" {
		t.Errorf("the result is %q", got)
	}
	for form, says := range map[string]string{"model=" + id + "/9&data=x": "no model of seed 9", "model=&data=x": "Choose a model", "model=" + id + "/7": "Choose a file", "model=" + id + "/7&data=/etc/passwd": "There is no file", "model=" + id + "/7&data=uploads/../key": "There is no file"} {
		v, _ := url.ParseQuery(form)
		if resp, body := s.post("/apply", v); resp.StatusCode != 422 || !strings.Contains(body, says) {
			t.Errorf("%s: %d, lacks %q", form, resp.StatusCode, says)
		}
	}

	_, body = s.get("/apply")
	has(t, body, "Earlier", job, "Slider, 1 file")
	if resp, _ := s.post(job+"/delete", nil); resp.StatusCode != 303 {
		t.Errorf("deleting its results: %d", resp.StatusCode)
	}
	if entries, _ := os.ReadDir(filepath.Join(s.state, "jobs", "applied")); len(entries) != 0 {
		t.Errorf("left of it: %v", entries)
	}

	// Deleted with a question before.
	_, body = s.get("/runs/" + id + "/delete")
	has(t, body, "Delete this run?", "for good")
	if resp, _ := s.post("/runs/"+id+"/delete", nil); resp.StatusCode != 303 || resp.Header.Get("Location") != "/runs" {
		t.Errorf("deleting: %d", resp.StatusCode)
	}
	_, body = s.get("/runs")
	has(t, body, "was deleted")
	if _, err := os.Stat(e.Dir); err == nil {
		t.Error("its folder is still there")
	}
	if resp, _ := s.get("/runs/" + id); resp.StatusCode != 404 {
		t.Errorf("its page: %d", resp.StatusCode)
	}
}

func TestStopAndGoOn(t *testing.T) {
	home := t.TempDir()
	s := newRunning(t, Config{Home: home})
	slow := url.Values{"p.steps": {"120"}, "p.pause": {"15ms"}}
	id := s.start(slow)
	resp, _ := s.post("/papers/slope/run", nil)
	waiting := resp.Header.Get("Location")
	if !strings.HasPrefix(waiting, "/jobs/") {
		t.Fatalf("the second run leads to %q", waiting)
	}
	_, body := s.get(waiting)
	has(t, body, "Waiting", "1 job before it")
	_, body = s.get("/runs")
	has(t, body, "Queue", "after 1 other", "running", "waiting")
	_, body = s.get("/runs/" + id)
	has(t, body, "data-live=\"/runs/"+id+"/events\"", "Stop", "<noscript>")
	if resp, _ := s.post("/runs/"+id+"/delete", nil); resp.StatusCode != http.StatusConflict {
		t.Errorf("deleting a run under way: %d", resp.StatusCode)
	}
	if resp, _ := s.post("/runs/"+id+"/resume", nil); resp.StatusCode != http.StatusConflict {
		t.Errorf("resuming a run under way: %d", resp.StatusCode)
	}
	if resp, _ := s.post(waiting+"/cancel", nil); resp.StatusCode != 303 {
		t.Errorf("stopping what waits: %d", resp.StatusCode)
	}
	if resp, _ := s.post("/runs/"+id+"/cancel", nil); resp.StatusCode != 303 {
		t.Errorf("stopping: %d", resp.StatusCode)
	}
	s.until(id, func(e runner.Entry) bool { return e.Status == runner.Cancelled })
	_, body = s.get("/runs/" + id)
	has(t, body, "Go on with it", "cancelled", "stopped")
	if resp, _ := s.post("/runs/"+id+"/resume", nil); resp.Header.Get("Location") != "/runs/"+id {
		t.Errorf("going on leads to %q", resp.Header.Get("Location"))
	}
	s.until(id, func(e runner.Entry) bool { return e.Status == runner.Running })

	// The server stops and comes back: the run has been stopped with it and can be gone on with.
	s.Close()
	s.http.Close()
	again := newRunning(t, Config{Home: home})
	again.until(id, func(e runner.Entry) bool { return e.Status != runner.Running })
	_, body = again.get("/runs/" + id)
	has(t, body, "Go on with it")
	if j, ok := again.queue.OfRun(id); !ok || j.State != jobs.Interrupted {
		t.Errorf("its job is %+v", j)
	}
	again.post("/runs/"+id+"/resume", nil)
	again.until(id, done)
	_, body = again.get("/runs/" + id)
	has(t, body, "report.html")
}

// A run from the command line on a file elsewhere is shown, but not gone on with from the web.
func TestResumeStaysInDataFolders(t *testing.T) {
	s := newRunning(t, Config{})
	file := filepath.Join(t.TempDir(), "slope.txt")
	os.WriteFile(file, []byte("1\n"), 0o644)
	ctx, cancel := context.WithCancel(t.Context())
	out, err := runner.Execute(ctx, runner.Config{Paper: "slope", Experiment: "given", Preset: papers.Quick, Home: s.home, Inputs: map[string]string{"slope": file}, Set: map[string]string{"pause": "10ms"},
		Listen: func(e runner.Event) {
			if e.Kind == runner.Progressed && e.Progress.Done == 3 {
				cancel()
			}
		}})
	if err == nil {
		t.Fatal("the run was not stopped")
	}
	resp, body := s.post("/runs/"+out.ID+"/resume", nil)
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "outside the data folders") {
		t.Errorf("%d\n%s", resp.StatusCode, body)
	}
	if len(s.queue.Jobs()) != 0 {
		t.Error("a job was queued")
	}
}

func TestFailedRun(t *testing.T) {
	s := newRunning(t, Config{})
	id := s.start(url.Values{"p.mode": {"broken"}})
	s.until(id, func(e runner.Entry) bool { return e.Status == runner.Failed })
	_, body := s.get("/runs/" + id)
	has(t, body, "failed", "the slope is &lt;i&gt;broken&lt;/i&gt;")
	_, body = s.get("/runs?status=failed")
	has(t, body, id)
	_, body = s.get("/runs?status=done")
	has(t, body, "No run is like that")
}

func TestCompare(t *testing.T) {
	s := newSite(t, Config{})
	a := execute(t, s.home, runner.Config{Seeds: 2})
	b := execute(t, s.home, runner.Config{Set: map[string]string{"rate": "0.6"}})
	_, body := s.get("/compare?run=" + a + "&run=" + b + "&run=" + b)
	has(t, body, "rate", "0.3", "0.6", "0, 1", "height at the end", "★", "A: slider, seed 0", "B: slider", "<svg", "It descends.", "Take A away")
	if strings.Contains(body, "style=") || strings.Contains(body, "<style") {
		t.Error("the figures carry styles that the policy refuses")
	}
	if n := strings.Count(body, `class="letter" aria-label="Run `); n != 2 {
		t.Errorf("%d runs are compared", n)
	}
	_, body = s.get("/compare")
	has(t, body, "Choose runs", a, b)
	if resp, _ := s.get("/compare?run=" + a + "&run=nothing"); resp.StatusCode != 404 {
		t.Errorf("an unknown run: %d", resp.StatusCode)
	}
	if resp, _ := s.get("/compare?run=" + strings.Join(strings.Split("abcdefg", ""), "&run=")); resp.StatusCode != 400 {
		t.Errorf("seven runs: %d", resp.StatusCode)
	}
}

func TestComparedMetrics(t *testing.T) {
	doc := func(values ...float64) *report.Document {
		d := &report.Document{Metrics: []report.Metric{{ID: "m", Name: "m", Better: report.Higher}}, Systems: []report.System{{Name: "base", Role: report.Baseline}, {Name: "ours", Role: report.Subject}}}
		for _, v := range values {
			d.Records = append(d.Records, report.Record{Measurements: []report.Measurement{{System: "ours", Metric: "m", Value: report.Number(v)}, {System: "base", Metric: "m", Value: 1}}})
		}
		return d
	}
	c := comparison{Runs: []comparedRun{{Doc: doc(1, 3)}, {Doc: doc(2.5)}, {Doc: &report.Document{}}}}
	c.metrics()
	if len(c.Metrics) != 2 || c.Metrics[0].System != "ours" {
		t.Fatalf("rows %+v", c.Metrics)
	}
	cells := c.Metrics[0].Cells
	if cells[0].Text != "2" || cells[0].Spread != "1.414" || cells[0].Best || !cells[1].Best || cells[2].There || cells[2].Text != "–" {
		t.Errorf("cells %+v", cells)
	}
	for _, cell := range c.Metrics[1].Cells {
		if cell.Best {
			t.Error("equals are marked as best")
		}
	}
}

// events reads an event stream until n events of a kind have come.
func (s *site) events(path, last, kind string, n int) (ids []string, data []string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", s.http.URL+path, nil)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("the stream: %d, %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, 4<<20)
	id, event := "", ""
	for len(data) < n && sc.Scan() {
		key, value, _ := strings.Cut(sc.Text(), ": ")
		switch key {
		case "id":
			id = value
		case "event":
			event = value
		case "data":
			if event == kind || kind == "" {
				ids, data = append(ids, id), append(data, value)
			}
		}
	}
	if len(data) < n {
		s.t.Fatalf("the stream ended after %d events: %v", len(data), sc.Err())
	}
	return ids, data
}

func TestEventsSurviveReload(t *testing.T) {
	s := newRunning(t, Config{})
	id := s.start(url.Values{"p.steps": {"40"}, "p.pause": {"50ms"}})
	path := "/runs/" + id + "/events"
	_, snapshot := s.events(path, "", "snapshot", 1)
	if !strings.Contains(snapshot[0], `"running"`) {
		t.Errorf("the first message is %s", snapshot[0])
	}
	ids, seen := s.events(path, "", "progress", 1)
	_, next := s.events(path, ids[0], "progress", 1) // as a browser does when its connection breaks
	steps := func(data string) int {
		var e runner.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		return e.Progress.Done
	}
	if steps(next[0]) <= steps(seen[0]) {
		t.Errorf("after step %d comes step %d", steps(seen[0]), steps(next[0]))
	}
	s.until(id, done)
	// All events after the first, in order, from a server that has just started; then what a reader is told who comes when all is over.
	again := newRunning(t, Config{Home: s.home})
	for last := ids[0]; ; {
		next, data := again.events(path, last, "", 1)
		if atoi(next[0]) <= atoi(last) {
			t.Fatalf("event %s after %s", next[0], last)
		}
		if last = next[0]; strings.Contains(data[0], `"run-finished"`) {
			break
		}
	}
	_, snapshot = again.events(path, "", "snapshot", 1)
	if !strings.Contains(snapshot[0], `"done":40`) || !strings.Contains(snapshot[0], `"status":"done"`) || !strings.Contains(snapshot[0], `"metric":"height"`) {
		t.Errorf("at the end: %s", snapshot[0])
	}
	_, snapshot = again.events(path+"?after=999999999", "", "snapshot", 1) // a number of another file
	if len(snapshot) != 1 {
		t.Error("a wrong number gets nothing")
	}
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

// Five hundred readers watch one run to its end over HTTP, each seeing every event in order.
func TestFiveHundredWatch(t *testing.T) {
	if testing.Short() {
		t.Skip("many connections")
	}
	const readers = 500
	s := newRunning(t, Config{Limits: Limits{Requests: Rate{100_000, time.Second}}})
	id := s.start(url.Values{"p.steps": {"50"}, "p.pause": {"60ms"}})
	transport := &http.Transport{MaxIdleConnsPerHost: readers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var wait sync.WaitGroup
	failed := make(chan string, readers)
	began := time.Now()
	var mu sync.Mutex
	var slowest time.Duration
	for range readers {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, "GET", s.http.URL+"/runs/"+id+"/events", nil)
			resp, err := client.Do(r)
			if err != nil {
				failed <- err.Error()
				return
			}
			defer resp.Body.Close()
			sc := bufio.NewScanner(resp.Body)
			sc.Buffer(nil, 1<<20)
			first := false
			for last := -1; sc.Scan(); {
				line := sc.Text()
				if v, ok := strings.CutPrefix(line, "id: "); ok {
					if atoi(v) <= last {
						failed <- fmt.Sprintf("event %s after %d", v, last)
						return
					}
					last = atoi(v)
				}
				if !first && line == "event: snapshot" {
					first = true
					mu.Lock()
					slowest = max(slowest, time.Since(began))
					mu.Unlock()
				}
				if line == "event: run-finished" || first && strings.HasPrefix(line, "data: {\"status\":\"done\"") {
					return
				}
			}
			failed <- fmt.Sprint("it ended before the run did: ", sc.Err())
		})
	}
	wait.Wait()
	close(failed)
	for f := range failed {
		t.Fatal(f)
	}
	t.Logf("the last of %d readers had its first message after %v, and all had seen the end after %v", readers, slowest.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
}

// A reader that does not read is dropped, and gets what it missed when it comes back.
func TestSlowReaderIsDropped(t *testing.T) {
	defer func(p time.Duration) { patience = p }(patience)
	patience = 150 * time.Millisecond
	s := newSite(t, Config{})
	id := execute(t, s.home, runner.Config{})
	e, err := s.history.find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	narrow := httptest.NewUnstartedServer(s.Handler())
	narrow.Listener = narrowListener{narrow.Listener}
	narrow.Start()
	defer narrow.Close()
	conn, err := net.Dial("tcp", narrow.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /runs/%s/events HTTP/1.1\r\nHost: localhost\r\n\r\n", id)
	time.Sleep(300 * time.Millisecond) // until it listens
	f, err := os.OpenFile(filepath.Join(e.Dir, "events.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := strings.Repeat("x", 100_000)
	for range 8 {
		for range 10 {
			line, _ := json.Marshal(runner.Event{Run: id, Kind: runner.Logged, Message: text})
			f.Write(append(line, '\n'))
		}
		time.Sleep(200 * time.Millisecond) // one look at the file
	}
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(conn)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("after %d bytes it is still connected: %v", len(got), err)
	}
	numbers := regexp.MustCompile(`(?m)^id: (\d+)$`).FindAllStringSubmatch(string(got), -1)
	if len(numbers) == 0 {
		t.Fatalf("it had got nothing: %.300s", got)
	}
	info, _ := f.Stat()
	if next, _ := s.events("/runs/"+id+"/events", numbers[len(numbers)-1][1], "", 1); atoi(next[0]) <= atoi(numbers[len(numbers)-1][1]) || int64(atoi(next[0])) > info.Size() {
		t.Errorf("after %s it gets %s of %d", numbers[len(numbers)-1][1], next[0], info.Size())
	}
}

// narrowListener gives connections little room for what has not been read.
type narrowListener struct{ net.Listener }

func (l narrowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if t, ok := c.(*net.TCPConn); ok {
		t.SetWriteBuffer(16 << 10)
	}
	return c, err
}

// What a report page needs is allowed by its policy: every style in it by its digest.
func TestReportPolicy(t *testing.T) {
	page := []byte(`<style>a{b:c}</style><svg style="max-width:1px"><g style="a:&quot;b&quot;"/></svg><style>a{b:c}</style>`)
	policy := reportPolicy(page)
	if n := strings.Count(policy, "sha256-"); n != 3 {
		t.Errorf("%d digests in %q", n, policy)
	}
	if got := reportPolicy([]byte("<p>")); !strings.Contains(got, "style-src-elem 'none'") {
		t.Errorf("without styles: %q", got)
	}
}

func TestFigures(t *testing.T) {
	css := string(figureStyles())
	if !strings.Contains(css, "data-theme=dark") || !strings.Contains(css, ".gf-ink") {
		t.Errorf("the styles of figures are %.200q", css)
	}
	html := string(FigureHTML(report.LinePlot(report.Frame{Title: "style=\"x\" in a title"}, []report.Series{{Y: []float64{1, 2}}})))
	if regexp.MustCompile(`<style|<svg[^>]* style=`).MatchString(html) || !strings.Contains(html, "viewBox") {
		t.Errorf("%.400s", html)
	}
}

func TestPanels(t *testing.T) {
	s := newSite(t, Config{}, panelSection{})
	_, body := s.get("/papers/slope")
	has(t, body, `<section id="abstract"`, "<em>An abstract.</em>", `action="/find"`, "Talks")
	if resp, err := s.get("/assets/" + s.assets.digest + "/extra/x.css"); resp.StatusCode != 200 {
		t.Error(resp.StatusCode, err)
	}
	if err := s.Add(panelSection{}); err == nil {
		t.Error("two sections of one name")
	}
}

func TestTimeWords(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0.0 s", 9.94: "9.9 s", 61: "61 s", 150: "3 min", 7300: "2 h 2 min"} {
		if got := durationText(seconds); got != want {
			t.Errorf("%v is %q, want %q", seconds, got, want)
		}
	}
	if got := number(-0.12345); got != "−0.1235" && got != "−0.1234" {
		t.Error(got)
	}
}

func BenchmarkPages(b *testing.B) {
	s, err := New(Config{Home: b.TempDir(), Limits: Limits{Requests: Rate{1 << 30, time.Second}}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	out, err := runner.Execute(b.Context(), runner.Config{Paper: "slope", Preset: papers.Quick, Home: s.home})
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range []string{"/papers", "/papers/slope", "/board", "/runs", "/runs/" + out.ID, "/compare?run=" + out.ID} {
		b.Run(strings.Replace(path, out.ID, "ID", 1), func(b *testing.B) {
			for b.Loop() {
				r, _ := http.NewRequest("GET", path, nil)
				r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
				w := &discard{header: http.Header{}}
				s.Handler().ServeHTTP(w, r)
				if w.status != 200 {
					b.Fatal(w.status, w.body.String())
				}
			}
		})
	}
}

type discard struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(s int)   { d.status = s }
func (d *discard) Write(b []byte) (int, error) {
	d.body.Reset()
	if d.status >= 400 {
		d.body.Write(b)
	}
	return io.Discard.Write(b)
}
