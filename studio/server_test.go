package studio

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// site is a server under test with a browser's cookies.
type site struct {
	*Server
	t      *testing.T
	http   *httptest.Server
	client *http.Client
}

func newSite(t *testing.T, c Config, sections ...Section) *site {
	t.Helper()
	if c.Home == "" {
		c.Home = t.TempDir()
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range sections {
		if err := s.Add(section); err != nil {
			t.Fatal(err)
		}
	}
	h := httptest.NewServer(s.Handler())
	jar, _ := cookiejar.New(nil)
	t.Cleanup(func() { h.Close(); s.Close() })
	return &site{s, t, h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// do sends a request and returns the answer with its body read.
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

var csrfField = regexp.MustCompile(`<meta name="csrf" content="([^"]+)">`)

// token returns the CSRF token of the session.
func (s *site) token() string {
	s.t.Helper()
	_, body := s.get("/keys")
	m := csrfField.FindStringSubmatch(body)
	if m == nil {
		s.t.Fatalf("a page has no CSRF token:\n%s", body)
	}
	return m[1]
}

// post sends a form with the right token.
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

func TestPageHasPolicy(t *testing.T) {
	s := newSite(t, Config{})
	resp, body := s.get("/keys")
	if resp.StatusCode != 200 || !strings.Contains(body, "<h1>Keys</h1>") {
		t.Fatalf("%d\n%s", resp.StatusCode, body)
	}
	policy := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy is %q", policy)
	}
	if regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]|<style|\sstyle=|\son[a-z]+=`).MatchString(body) {
		t.Errorf("the page holds what its policy refuses:\n%s", body)
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(body, -1) {
		resp, _ := s.get(m[1])
		if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %q", m[1], resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
	}
}
