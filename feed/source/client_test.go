package source

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// testClient may reach only server, and is quick.
func testClient(server *httptest.Server) *Client {
	c := NewClient()
	u, _ := url.Parse(server.URL)
	c.Hosts = []string{u.Host}
	c.Gaps = map[string]time.Duration{u.Hostname(): time.Microsecond}
	c.Pause, c.MaxPause, c.Patience, c.MaxBytes, c.Tries = time.Millisecond, 50*time.Millisecond, 300*time.Millisecond, 1<<16, 3
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestClient(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("the private server was asked for %s", r.URL) })
	_, otherPort, _ := net.SplitHostPort(other.Listener.Addr().String())
	plainText := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain; charset=utf-8") }
	for _, c := range []struct {
		name  string
		serve func(w http.ResponseWriter, r *http.Request, attempt int)
		body  string
		err   string // a part of the error
		asks  int    // requests
	}{
		{"good", func(w http.ResponseWriter, r *http.Request, _ int) { plainText(w); fmt.Fprint(w, "ok") }, "ok", "", 1},
		{"busy once", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			plainText(w)
			fmt.Fprint(w, "ok")
		}, "ok", "", 2},
		{"always too many", func(w http.ResponseWriter, r *http.Request, _ int) { w.WriteHeader(http.StatusTooManyRequests) }, "", "429 Too Many Requests (after 3 attempts)", 3},
		{"come back in an hour", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "", "asks for a pause of 1h0m0s", 1},
		{"not found", func(w http.ResponseWriter, r *http.Request, _ int) { http.NotFound(w, r) }, "", "404 Not Found", 1},
		{"304 to a question that had no condition", func(w http.ResponseWriter, r *http.Request, _ int) { w.WriteHeader(http.StatusNotModified) }, "", "304", 1},
		{"slow to begin", func(w http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }, "", "not there after 300ms (after 3 attempts)", 3},
		{"slow to end", func(w http.ResponseWriter, r *http.Request, _ int) {
			plainText(w)
			for r.Context().Err() == nil {
				fmt.Fprint(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		}, "", "not there after 300ms", 3},
		{"cut short", func(w http.ResponseWriter, r *http.Request, _ int) {
			plainText(w)
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
		}, "", "after 4 bytes: unexpected EOF", 3},
		{"huge and says so", func(w http.ResponseWriter, r *http.Request, _ int) {
			plainText(w)
			w.Header().Set("Content-Length", "1000000000000")
			fmt.Fprint(w, "x")
		}, "", "1000000000000 bytes, more than 65536", 1},
		{"huge without a word", func(w http.ResponseWriter, r *http.Request, _ int) {
			plainText(w)
			for range 100 {
				w.Write(make([]byte, 4096))
			}
		}, "", "more than 65536 bytes", 1},
		{"huge when inflated", func(w http.ResponseWriter, r *http.Request, _ int) {
			plainText(w)
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 100 {
				z.Write(make([]byte, 4096))
			}
			z.Close()
		}, "", "more than 65536 bytes", 1},
		{"another type", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<p>Log in")
		}, "",
			`its type is "text/html", expected text/plain`, 1},
		{"no type", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header()["Content-Type"] = nil
			fmt.Fprint(w, "?")
		}, "", "its type is", 1},
		{"redirect within the server", func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.URL.Path != "/b" {
				http.Redirect(w, r, "/b", http.StatusFound)
				return
			}
			plainText(w)
			fmt.Fprint(w, "ok")
		}, "ok", "", 2},
		{"redirect to loopback", func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, other.URL, http.StatusFound) }, "", "127.0.0.1, which is not a public address", 1},
		{"redirect to a loopback name", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "http://localhost:"+otherPort, http.StatusFound)
		}, "", "localhost, which is not a public address", 1},
		{"redirect to IPv6 loopback", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "http://[::ffff:127.0.0.1]:"+otherPort, http.StatusFound)
		}, "",
			"not a public address", 1},
		{"redirect to link-local", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		}, "", "169.254.169.254, which is not a public address", 1},
		{"redirect to another scheme", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "https://example.org/", http.StatusFound)
		}, "", "redirected from http", 1},
		{"redirect to a file", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, "", "redirected from http", 1},
		{"redirect for ever", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "/"+r.URL.Path[1:]+"x", http.StatusFound)
		}, "", "more than 5 times", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, int(asked.Add(1))) })
			body, _, err := testClient(s).Get(t.Context(), s.URL+"/a", Validator{}, "text/plain")
			if string(body) != c.body || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %.40q, %v; want %q, %q", body, err, c.body, c.err)
			}
			if n := int(asked.Load()); n != c.asks {
				t.Errorf("asked %d times, want %d", n, c.asks)
			}
		})
	}
}

// A name that stands for a private address is found out when it is dialled, wherever the name came from.
func TestClientDialsOnlyPublic(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the server was reached") })
	c := testClient(s)
	c.Hosts = nil
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	if _, err := c.dial(t.Context(), "tcp", "localhost:"+port); err == nil || !strings.Contains(err.Error(), "not a public address") {
		t.Errorf("dialling a name of loopback: %v", err)
	}
	_, _, err := c.Get(t.Context(), s.URL, Validator{}, "text/plain")
	var failed *Error
	if !errors.As(err, &failed) || failed.Tries != 1 || !strings.Contains(err.Error(), "not a public address") {
		t.Errorf("an address the user did not name: %v", err)
	}
	for _, bad := range []string{"", "ftp://example.org/", "file:///etc/passwd", "http://user:secret@example.org/", "https://", "http://[::1"} {
		if _, _, err := c.Get(t.Context(), bad, Validator{}, "text/plain"); err == nil || strings.Contains(err.Error(), "attempts") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPublic(t *testing.T) {
	for s, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "64:ff9b::808:808": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false,
		"0.1.2.3": false, "255.255.255.255": false, "224.0.0.1": false, "198.18.0.1": false, "192.0.2.1": false, "240.0.0.1": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false,
		"ff02::1": false, "64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "2002:7f00:1::": false, "2001::1": false, "::7f00:1": false, "fec0::1": false,
	} {
		if got := public(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s public: %v", s, got)
		}
	}
}

func TestConditionalRequest(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Mon, 20 Apr 2026 00:00:00 GMT")
		w.Header().Set("Content-Type", "text/plain")
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") == "Mon, 20 Apr 2026 00:00:00 GMT" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, "body")
	})
	c := testClient(s)
	_, v, err := c.Get(t.Context(), s.URL, Validator{}, "text/plain")
	if err != nil || v.ETag != `"v1"` {
		t.Fatal(v, err)
	}
	if _, _, err := c.Get(t.Context(), s.URL, v, "text/plain"); !errors.Is(err, ErrNotModified) {
		t.Errorf("second request: %v", err)
	}
}

func TestPoliteness(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Type", "text/plain") })
	c := testClient(s)
	c.Gaps = map[string]time.Duration{"127.0.0.1": 60 * time.Millisecond}
	start := time.Now()
	for range 4 {
		if _, _, err := c.Get(t.Context(), s.URL, Validator{}, "text/plain"); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 170*time.Millisecond {
		t.Errorf("four requests took %s", took)
	}
	if gap := NewClient().Gaps["export.arxiv.org"]; gap < 3*time.Second {
		t.Errorf("arXiv is asked every %s", gap)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Gaps["127.0.0.1"] = time.Hour
	c.limits = nil
	time.AfterFunc(20*time.Millisecond, cancel)
	c.Get(ctx, s.URL, Validator{}, "text/plain")
	if _, _, err := c.Get(ctx, s.URL, Validator{}, "text/plain"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while waiting for its turn: %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 4, 20, 0, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "Mon, 20 Apr 2026 00:01:00 GMT": time.Minute, "Sun, 19 Apr 2026 00:00:00 GMT": 0} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}
