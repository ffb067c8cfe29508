package recordings

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/inspection"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/edf"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/jobs"
	"github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

// TestMain lets the test binary act as the processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var work func(context.Context, io.Reader, io.Writer) error
		switch os.Args[1] {
		case "worker":
			work = jobs.Work
		case reader.Verb:
			work = reader.Work
		}
		if work != nil {
			if err := work(context.Background(), os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// The paper of the tests: its model is a threshold, which a window's mean power is above or below.
func init() {
	papers.Register(papers.Paper{
		Slug: "loud", System: "Loudness", Title: "On what is loud", Authors: 1, Published: "2026", Family: papers.Signals, Summary: "Tells loud from quiet.",
		Experiments: []papers.Experiment{{
			Name: "listen", Summary: "Learns a threshold.", Params: papers.Presets[struct{}]{}, Metrics: []report.Metric{{ID: "t", Name: "threshold"}}, Systems: []report.System{{Name: "ear", Role: report.Subject}},
			Run: func(_ context.Context, r *papers.Run) error {
				dir, err := r.ModelDir()
				if err != nil {
					return err
				}
				r.Measure("ear", "t", 100)
				return os.WriteFile(filepath.Join(dir, "threshold"), []byte("100"), 0o644)
			},
		}},
		Applies: "Reads a recording and writes a table of loud seconds.",
		Apply: func(_ context.Context, a *papers.Application) error {
			limit, err := threshold(a.ModelDir)
			if err != nil {
				return err
			}
			for _, f := range a.Files {
				r, err := inspection.Open(f)
				if err != nil {
					return err
				}
				defer r.Close()
				name, err := a.OutputPath(f, "-loud.csv")
				if err != nil {
					return err
				}
				out, err := os.Create(name)
				if err != nil {
					return err
				}
				defer out.Close()
				w := csv.NewWriter(out)
				seconds := int(float64(r.Frames) / r.Rate)
				for s := range seconds {
					x, err := r.Read(int64(float64(s)*r.Rate), int(r.Rate))
					if err != nil {
						return err
					}
					a.Progress(papers.Progress{Stage: "listening", Done: s + 1, Total: seconds, Unit: "second"})
					w.Write([]string{strconv.Itoa(s), strconv.FormatBool(power(x) > limit)})
				}
				w.Flush()
				a.Say("%d seconds were listened to", seconds)
			}
			return nil
		},
		Live: func(_ context.Context, a *papers.Application) (papers.Decoder, error) {
			limit, err := threshold(a.ModelDir)
			return ear(limit), err
		},
	})
}

func threshold(dir string) (float64, error) {
	text, err := os.ReadFile(filepath.Join(dir, "threshold"))
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(string(text), 64)
}

func power(x []float32) (p float64) {
	for _, v := range x {
		p += float64(v) * float64(v) / float64(len(x))
	}
	return p
}

type ear float64

func (e ear) Window() papers.LiveWindow {
	return papers.LiveWindow{Channels: []string{"Fz", "Cz", "Pz"}, Rows: 3, Samples: 50, Rate: 200, Classes: []string{"quiet", "loud"}}
}
func (e ear) Close() {}
func (e ear) Decide(_ context.Context, window []float32, _ bool) (papers.LiveDecision, error) {
	p := 1 / (1 + math.Exp((float64(e)-power(window))/50))
	d := papers.LiveDecision{Probability: []float64{1 - p, p}, Name: "quiet"}
	if p > 0.5 {
		d.Class, d.Name = 1, "loud"
	}
	return d, nil
}

// site is a studio with recordings, and a browser's cookies.
type site struct {
	*studio.Server
	section *Section
	t       testing.TB
	http    *httptest.Server
	client  *http.Client
	home    string
	data    string // the folder "data"
}

func newSite(t testing.TB, c Config) *site {
	t.Helper()
	home, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := studio.New(studio.Config{Home: home, DataFolders: []string{data}, Worker: []string{os.Args[0], "worker"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Reader == nil {
		c.Reader = []string{os.Args[0], reader.Verb}
	}
	x, err := New(s, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(x); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		h.Close()
	})
	jar, _ := cookiejar.New(nil)
	return &site{s, x, t, h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, home, data}
}

// train leaves a run with a model in the home folder.
func (s *site) train() (run string) {
	s.t.Helper()
	out, err := runner.Execute(s.t.Context(), runner.Config{Home: s.home, Paper: "loud", Preset: papers.Quick})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.ID
}

func (s *site) do(r *http.Request) (*http.Response, string) {
	s.t.Helper()
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(body)
}

func (s *site) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *site) get(path string) (*http.Response, string) {
	s.t.Helper()
	return s.do(s.request("GET", path, nil))
}

// page gets a page that must be there.
func (s *site) page(path string) string {
	s.t.Helper()
	resp, body := s.get(path)
	if resp.StatusCode != 200 {
		s.t.Fatalf("%s: %d\n%s", path, resp.StatusCode, body)
	}
	if m := regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]|<style|\sstyle=|\son[a-z]+=`).FindString(body); m != "" {
		s.t.Errorf("%s holds what the policy refuses: %s", path, m)
	}
	return body
}

var csrfField = regexp.MustCompile(`<meta name="csrf" content="([^"]+)">`)

func (s *site) token() string {
	s.t.Helper()
	m := csrfField.FindStringSubmatch(s.page("/recordings"))
	if m == nil {
		s.t.Fatal("a page has no CSRF token")
	}
	return m[1]
}

func (s *site) post(path string, form url.Values) (*http.Response, string) {
	s.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	form.Set("csrf", s.token())
	r := s.request("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(r)
}

// open opens a recording and waits until it is prepared. It returns the path of its page.
func (s *site) open(ref string) string {
	s.t.Helper()
	resp, body := s.get(openPath(ref))
	if resp.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("%s: %d\n%s", ref, resp.StatusCode, body)
	}
	place := resp.Header.Get("Location")
	s.prepared(place)
	return place
}

func (s *site) prepared(place string) view {
	s.t.Helper()
	o, err := s.section.shelf.get(strings.TrimPrefix(place, "/recordings/"))
	if err != nil {
		s.t.Fatal(err)
	}
	return o.await(s.t.Context(), view.Settled)
}

// signals lays out a recording of some channels: rhythms that are loud in every other ten seconds.
func signals(seconds int, rate float64, names ...string) *recording.Recording {
	r := &recording.Recording{Rate: rate, Frames: int64(rate * float64(seconds)), Metadata: map[string]string{}}
	for _, n := range names {
		r.Channels = append(r.Channels, recording.Channel{Name: n, Type: "eeg", Unit: "uV"})
	}
	m := recording.Memory{Channels: len(names)}
	seed := uint32(1)
	for i := range int(r.Frames) {
		size := 4.0
		if i/int(10*rate)%2 == 1 {
			size = 40
		}
		for c := range names {
			seed = seed*1664525 + 1013904223
			m.Data = append(m.Data, float32(size*math.Sin(2*math.Pi*(8+float64(c%5))*float64(i)/rate)+6*(float64(seed>>8)/(1<<24)-0.5)))
		}
	}
	r.Samples = m
	for k := 0; k < seconds/10; k++ {
		r.Events = append(r.Events, recording.Event{Onset: float64(10 * k), Label: []string{"quiet", "loud"}[k%2]})
	}
	return r
}

// save writes an EDF file.
func save(t testing.TB, path string, r *recording.Recording) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), edf.Save(path, r, edf.Options{})); err != nil {
		t.Fatal(err)
	}
}
