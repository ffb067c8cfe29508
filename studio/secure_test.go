package studio

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const testToken = "a-token-that-is-long-enough"

func certificate(t *testing.T, names ...string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
	return cert, key
}

func TestWhereItMayListen(t *testing.T) {
	cert, key := certificate(t, "papers.example")
	for _, tc := range []struct {
		name string
		c    Config
		says string // of the refusal; empty if it may
	}{
		{"loopback", Config{Address: "127.0.0.1:0"}, ""},
		{"loopback by name", Config{Address: "localhost:0"}, ""},
		{"loopback v6", Config{Address: "[::1]:0"}, ""},
		{"everywhere", Config{Address: ":7433"}, "give a token"},
		{"everywhere v4", Config{Address: "0.0.0.0:7433"}, "give a token"},
		{"everywhere v6", Config{Address: "[::]:7433"}, "give a token"},
		{"a network", Config{Address: "192.168.1.4:7433"}, "give a token"},
		{"a name", Config{Address: "papers.example:7433"}, "give a token"},
		{"with a token", Config{Address: ":7433", Token: testToken}, ""},
		{"with a short token", Config{Address: ":7433", Token: "short"}, "at least 16"},
		{"with TLS", Config{Address: ":7433", Certificate: cert, Key: key}, ""},
		{"with half of TLS", Config{Address: ":7433", Certificate: cert}, "both"},
		{"with a broken key", Config{Address: ":7433", Certificate: cert, Key: cert}, "TLS certificate"},
		{"public without a token", Config{Address: ":7433", Public: true}, "give a token"},
		{"no port", Config{Address: "127.0.0.1"}, "host:port"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.c.Home = t.TempDir()
			s, err := New(tc.c)
			if err == nil {
				s.Close()
			}
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want an error that says %q", err, tc.says)
			}
		})
	}
}

func TestHostHeader(t *testing.T) {
	cert, key := certificate(t, "papers.example", "*.lab.example")
	for _, tc := range []struct {
		c     Config
		hosts map[string]bool
	}{
		{Config{}, map[string]bool{"127.0.0.1:7433": true, "localhost:7433": true, "LOCALHOST": true, "localhost.": true, "[::1]:7433": true, "": false,
			"evil.example": false, "evil.example:7433": false, "127.0.0.1.evil.example": false, "192.168.1.4": false, "localhost.evil.example": false}},
		{Config{Address: ":7433", Token: testToken, Hosts: []string{"Box.Local"}}, map[string]bool{"192.168.1.4:7433": true, "box.local:7433": true, "evil.example": false}},
		{Config{Address: ":7433", Certificate: cert, Key: key}, map[string]bool{"papers.example": true, "a.lab.example:7433": true, "lab.example": false, "evil.example": false}},
	} {
		tc.c.Home = t.TempDir()
		s, err := New(tc.c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		for host, allowed := range tc.hosts {
			r := httptest.NewRequest("GET", "/keys", nil)
			r.Host = host
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if (w.Code != http.StatusMisdirectedRequest) != allowed {
				t.Errorf("listening at %q, host %q gets %d", tc.c.Address, host, w.Code)
			}
			if !allowed && (w.Header().Get("Set-Cookie") != "" || strings.Contains(w.Body.String(), "csrf")) {
				t.Errorf("host %q is given a session", host)
			}
		}
	}
}

func TestCSRF(t *testing.T) {
	s := newSite(t, Config{})
	other := newSite(t, Config{})
	token, foreign := s.token(), other.token()
	send := func(change func(*http.Request, url.Values)) int {
		form := url.Values{"theme": {"dark"}, "csrf": {token}, "next": {"/papers"}}
		r := s.request("POST", "/theme", nil)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		change(r, form)
		r.Body = io.NopCloser(strings.NewReader(form.Encode()))
		resp, _ := s.do(r)
		return resp.StatusCode
	}
	for _, tc := range []struct {
		name   string
		status int
		change func(*http.Request, url.Values)
	}{
		{"right", 303, func(*http.Request, url.Values) {}},
		{"right, in a header", 303, func(r *http.Request, f url.Values) { f.Del("csrf"); r.Header.Set("X-CSRF-Token", token) }},
		{"same origin", 303, func(r *http.Request, _ url.Values) {
			r.Header.Set("Origin", s.http.URL)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}},
		{"none", 403, func(_ *http.Request, f url.Values) { f.Del("csrf") }},
		{"wrong", 403, func(_ *http.Request, f url.Values) { f.Set("csrf", token+"x") }},
		{"of another visit", 403, func(_ *http.Request, f url.Values) { f.Set("csrf", foreign) }},
		{"in the query only", 403, func(r *http.Request, f url.Values) { f.Del("csrf"); r.URL.RawQuery = "csrf=" + token }},
		{"another site", 403, func(r *http.Request, _ url.Values) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		{"another port", 403, func(r *http.Request, _ url.Values) { r.Header.Set("Origin", "http://127.0.0.1:1") }},
		{"no origin", 403, func(r *http.Request, _ url.Values) { r.Header.Set("Origin", "null") }},
		{"an unreadable form", 403, func(r *http.Request, f url.Values) { r.Header.Set("Content-Type", "text/plain") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := send(tc.change); got != tc.status {
				t.Errorf("status %d, want %d", got, tc.status)
			}
		})
	}
	// Everything that is posted to is protected, whatever it does.
	s.Handler()
	m := newMux(s.Server)
	s.coreRoutes(m)
	for pattern := range m.patterns {
		method, path, _ := strings.Cut(pattern, " ")
		if method != "POST" {
			continue
		}
		path = strings.NewReplacer("{slug}", "x", "{run}", "x", "{job}", "x").Replace(path)
		resp, _ := s.do(s.request("POST", path, nil))
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s without a token of its visit: %d", pattern, resp.StatusCode)
		}
	}
}

func TestCookies(t *testing.T) {
	cert, key := certificate(t)
	for _, secure := range []bool{false, true} {
		c := Config{Token: testToken}
		if secure {
			c.Certificate, c.Key = cert, key
		}
		s := newSite(t, c)
		resp, _ := s.get("/keys")
		set := resp.Header.Get("Set-Cookie")
		if !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") || !strings.Contains(set, "Path=/") || strings.Contains(set, "Secure") != secure || strings.HasPrefix(set, "__Host-") != secure {
			t.Errorf("with TLS %v the cookie is %q", secure, set)
		}
		if hsts := resp.Header.Get("Strict-Transport-Security"); (hsts != "") != secure {
			t.Errorf("with TLS %v: %q", secure, hsts)
		}
	}
}

func TestToken(t *testing.T) {
	var log bytes.Buffer
	s := newSite(t, Config{Token: testToken, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	resp, body := s.get("/papers?filter=secret-query")
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, `name="token"`) || strings.Contains(body, "<nav") {
		t.Fatalf("without the token: %d\n%s", resp.StatusCode, body)
	}
	if resp, _ := s.get("/assets/x/core/studio.css"); resp.StatusCode != 200 {
		t.Errorf("the style sheet of that page: %d", resp.StatusCode)
	}
	enter := func(token string) int {
		m := csrfField.FindStringSubmatch(body)
		r := s.request("POST", "/token", strings.NewReader(url.Values{"csrf": {m[1]}, "token": {token}, "next": {"/board"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, _ := s.do(r)
		if resp.StatusCode == 303 && resp.Header.Get("Location") != "/board" {
			t.Errorf("it leads to %q", resp.Header.Get("Location"))
		}
		return resp.StatusCode
	}
	for _, wrong := range []string{"", "wrong", testToken + "x", testToken[:len(testToken)-1]} {
		if got := enter(wrong); got != http.StatusUnauthorized {
			t.Errorf("token %q gets %d", wrong, got)
		}
	}
	if got := enter(testToken); got != 303 {
		t.Fatalf("the token gets %d", got)
	}
	if resp, _ := s.get("/papers"); resp.StatusCode != 200 {
		t.Errorf("after entering: %d", resp.StatusCode)
	}
	r := s.request("GET", "/papers", nil)
	r.Header.Set("Authorization", "Bearer "+testToken)
	if resp, err := http.DefaultClient.Do(r); err != nil || resp.StatusCode != 200 {
		t.Errorf("in a header: %v, %v", resp, err)
	}
	if resp, _ := s.post("/token/leave", nil); resp.StatusCode != 303 {
		t.Errorf("leaving: %d", resp.StatusCode)
	}
	if resp, _ := s.get("/papers"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after leaving: %d", resp.StatusCode)
	}
	for _, secret := range []string{testToken, "secret-query", "Bearer", "gyrus-"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log.String())
		}
	}
	limited := false
	_, body = s.get("/papers")
	for range 20 {
		limited = limited || enter("guess") == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("tokens can be guessed without end")
	}
}

func TestPublic(t *testing.T) {
	cert, key := certificate(t)
	for name, c := range map[string]Config{"a public server with a token": {Token: testToken, Public: true}, "a server with TLS only": {Address: ":7433", Certificate: cert, Key: key}} {
		s := newSite(t, c)
		if resp, _ := s.get("/papers"); resp.StatusCode != 200 {
			t.Errorf("%s: reading gets %d", name, resp.StatusCode)
		}
		for _, path := range []string{"/data", "/apply"} {
			if resp, _ := s.get(path); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s gets %d", name, path, resp.StatusCode)
			}
		}
		if s.config.Certificate == "" { // with TLS the test's client would have to send Secure cookies
			if resp, _ := s.post("/papers/steps/run", nil); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s: running gets %d", name, resp.StatusCode)
			}
		}
	}
}

func TestBodyLimits(t *testing.T) {
	s := newSite(t, Config{})
	token := s.token()
	big := strings.Repeat("x", defaultBody+1)
	for name, length := range map[string]int64{"announced": int64(len(big)), "not announced": -1} {
		r := s.request("POST", "/theme", strings.NewReader("theme="+big))
		r.ContentLength = length
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-CSRF-Token", token)
		r.Header.Set("Accept", "application/json")
		resp, err := s.client.Do(r)
		if err != nil {
			continue // the server may hang up while the body is sent
		}
		resp.Body.Close()
		if name == "announced" && resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	r := s.request("GET", "/keys", nil)
	r.Header.Set("Cookie", strings.Repeat("x", 2<<20))
	if resp, err := s.client.Do(r); err == nil {
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("a huge header: %d", resp.StatusCode)
		}
	}
}

func TestRateLimit(t *testing.T) {
	now := time.Now()
	s := newSite(t, Config{Limits: Limits{Requests: Rate{5, 5 * time.Second}}, Now: func() time.Time { return now }})
	for i := range 5 {
		if resp, _ := s.get("/keys"); resp.StatusCode != 200 {
			t.Fatalf("request %d: %d", i, resp.StatusCode)
		}
	}
	resp, body := s.get("/keys")
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "1 seconds") {
		t.Errorf("the sixth: %d, %q\n%s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
	now = now.Add(2 * time.Second)
	if resp, _ := s.get("/keys"); resp.StatusCode != 200 {
		t.Errorf("later: %d", resp.StatusCode)
	}
	l := newLimit(Rate{1, time.Hour}, func() time.Time { return now })
	for i := range maxLimited + 10 {
		l.allow(fmt.Sprint(i))
	}
	if len(l.by) > maxLimited {
		t.Errorf("it remembers %d", len(l.by))
	}
}

func TestSignedLinks(t *testing.T) {
	now := time.Now()
	s := newSite(t, Config{Now: func() time.Time { return now }})
	signed := s.Sign("unsubscribe", "a@b.example", time.Hour)
	if v, err := s.Verify("unsubscribe", signed); err != nil || v != "a@b.example" {
		t.Fatalf("%q, %v", v, err)
	}
	value, rest, _ := strings.Cut(signed, ".")
	for name, bad := range map[string]string{"another purpose": "", "empty": "", "cut": signed[:len(signed)-1], "changed": "x" + signed, "no signature": value, "another value": value[:len(value)-2] + "AA." + rest, "dots": "..", "dot": "."} {
		purpose := "unsubscribe"
		if name == "another purpose" {
			purpose, bad = "sign-in", signed
		}
		if _, err := s.Verify(purpose, bad); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now = now.Add(2 * time.Hour)
	if _, err := s.Verify("unsubscribe", signed); !errors.Is(err, ErrExpired) {
		t.Errorf("an hour too late: %v", err)
	}
	other := newSite(t, Config{})
	if _, err := other.Verify("unsubscribe", other.Sign("unsubscribe", "x", time.Hour)); err != nil {
		t.Error(err)
	}
	if _, err := other.Verify("unsubscribe", signed); !errors.Is(err, ErrSignature) {
		t.Errorf("of another server: %v", err)
	}
	again, err := New(Config{Home: s.home})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Verify("unsubscribe", s.Sign("unsubscribe", "x", time.Hour)); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if info, err := os.Stat(filepath.Join(s.state, "key")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}
}

func TestLocalPath(t *testing.T) {
	for in, want := range map[string]string{"/papers?x=1#run": "/papers?x=1#run", "": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "evil": "/", "/a\nb": "/", "javascript:alert(1)": "/"} {
		if got := LocalPath(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestDataFolders(t *testing.T) {
	data, outside := t.TempDir(), t.TempDir()
	mk := func(parts ...string) string {
		p := filepath.Join(parts...)
		os.MkdirAll(filepath.Dir(p), 0o755)
		os.WriteFile(p, []byte("x"), 0o644)
		return p
	}
	mk(data, "a.csv")
	mk(data, "sub", "b.csv")
	mk(data, ".hidden")
	secret := mk(outside, "secret")
	os.Symlink(secret, filepath.Join(data, "leak"))
	os.Symlink(outside, filepath.Join(data, "leakdir"))
	os.Symlink(filepath.Join(data, "a.csv"), filepath.Join(data, "absolute-inside"))
	os.Symlink("sub/b.csv", filepath.Join(data, "inside"))
	mk(data, "tree", "c.csv")
	os.Symlink(secret, filepath.Join(data, "tree", "leak"))
	d, err := newDataFolders([]string{data, data}, filepath.Join(t.TempDir(), "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(data)
	real, _ := filepath.EvalSymlinks(data)
	for ref, want := range map[string]string{
		name + "/a.csv": "a.csv", name + "/sub/b.csv": "sub/b.csv", name + "/inside": "sub/b.csv", name + "/sub": "sub", name + "/sub/": "sub", name + "-2/a.csv": "a.csv",
		"": "-", name + "/..": "-", name + "/../x": "-", name + "/sub/../../x": "-", name + "/leak": "-", name + "/leakdir": "-", name + "/leakdir/secret": "-", name + "/tree": "-", name: "-",
		"/etc/passwd": "-", "nowhere/a.csv": "-", name + "//a.csv": "-", name + "/./a.csv": "-", name + "/nothing": "-", name + "/a.csv/x": "-", secret: "-", name + "/a.csv\x00": "-", `uploads\..\key`: "-", "uploads/../key": "-",
	} {
		got, err := d.Resolve(ref)
		var p *Problem
		if want == "-" {
			if err == nil || !errors.As(err, &p) && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%q gives %q, %v", ref, got, err)
			}
			if err != nil && !strings.Contains(ref, outside) && strings.Contains(err.Error(), outside) {
				t.Errorf("%q tells where things are: %v", ref, err)
			}
			continue
		}
		if err != nil || got != filepath.Join(real, filepath.FromSlash(want)) {
			t.Errorf("%q gives %q, %v", ref, got, err)
		}
	}
	entries, err := d.List(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name == "leak" || e.Name == "leakdir" || e.Name == ".hidden" {
			t.Errorf("the list holds %s", e.Name)
		}
	}
	if _, err := d.List(name + "/leakdir"); err == nil {
		t.Error("a folder outside is listed")
	}
	if ref, ok := d.Reference(filepath.Join(real, "sub", "b.csv")); !ok || ref != name+"/sub/b.csv" {
		t.Errorf("reference %q, %v", ref, ok)
	}
	if _, ok := d.Reference(secret); ok {
		t.Error("a file outside has a reference")
	}
	if n := len(d.suggestions()); n < 3 {
		t.Errorf("%d suggestions", n)
	}
	if _, err := newDataFolders([]string{filepath.Join(data, "a.csv")}, t.TempDir()); err == nil {
		t.Error("a file is a data folder")
	}
}

func TestUpload(t *testing.T) {
	s := newSite(t, Config{})
	token := s.token()
	form := func(name, text string, csrf bool) (*bytes.Buffer, string) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		if csrf {
			m.WriteField("csrf", token)
		}
		f, _ := m.CreateFormFile("file", name)
		f.Write([]byte(text))
		if !csrf { // too late: it stands behind the file
			m.WriteField("csrf", token)
		}
		m.Close()
		return &b, m.FormDataContentType()
	}
	send := func(name, text string, csrf bool) int {
		body, kind := form(name, text, csrf)
		r := s.request("POST", "/data", body)
		r.Header.Set("Content-Type", kind)
		resp, _ := s.do(r)
		return resp.StatusCode
	}
	uploads := filepath.Join(s.state, "uploads")
	if got := send("../../../evil name.csv", "1,2", true); got != 303 {
		t.Errorf("an upload: %d", got)
	}
	if got, err := os.ReadFile(filepath.Join(uploads, "evil-name.csv")); err != nil || string(got) != "1,2" {
		t.Errorf("it was stored as %q, %v", got, err)
	}
	if got := send("evil name.csv", "3", true); got != 303 {
		t.Errorf("again: %d", got)
	}
	if got, _ := os.ReadFile(filepath.Join(uploads, "evil-name.csv")); string(got) != "1,2" {
		t.Error("an upload replaced another")
	}
	if got := send("a.csv", "1", false); got != 403 {
		t.Errorf("without the visit's token: %d", got)
	}
	if got := send("empty.csv", "", true); got != 400 {
		t.Errorf("an empty file: %d", got)
	}
	raw := func(header string, body io.Reader, length int64) int {
		r := s.request("POST", "/data?name=raw.edf", body)
		r.ContentLength = length
		r.Header.Set("X-CSRF-Token", header)
		r.Header.Set("Accept", "application/json")
		resp, _ := s.do(r)
		return resp.StatusCode
	}
	if got := raw(token, strings.NewReader("abc"), 3); got != 201 {
		t.Errorf("a bare body: %d", got)
	}
	if got := raw("wrong", strings.NewReader("abc"), 3); got != 403 {
		t.Errorf("a bare body with a wrong token: %d", got)
	}
	if got := raw("", strings.NewReader("abc"), 3); got != 403 {
		t.Errorf("a bare body without one: %d", got)
	}
	entries, _ := os.ReadDir(uploads)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if fmt.Sprint(names) != "[evil-name-2.csv evil-name.csv raw.edf]" {
		t.Errorf("the folder holds %v", names)
	}
	for ref, status := range map[string]int{"uploads/raw.edf": 303, "uploads/../key": 400, "uploads/none": 404, "uploads": 400, "uploads/": 400, "uploads/.": 400, "/etc/passwd": 400} {
		if resp, _ := s.post("/data/delete", url.Values{"ref": {ref}}); resp.StatusCode != status {
			t.Errorf("deleting %q: %d, want %d", ref, resp.StatusCode, status)
		}
	}
	if _, err := os.Stat(filepath.Join(s.state, "key")); err != nil {
		t.Error(err)
	}
}

// What is larger than the route takes is refused while it arrives, and nothing of it stays.
func TestUploadTooLarge(t *testing.T) {
	s := newSite(t, Config{})
	dir := t.TempDir()
	h := func(w http.ResponseWriter, r *http.Request) error {
		_, err := s.Receive(r, dir)
		return err
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/?name=x", io.LimitReader(zeros{}, 4<<20))
	r.ContentLength = -1
	r.AddCookie(&http.Cookie{Name: "gyrus-session", Value: "v"})
	r.Header.Set("X-CSRF-Token", s.csrfToken("v"))
	r = s.identified(r)
	err := s.serve(w, r, &route{upload: true, body: 1 << 20}, h)
	var big *http.MaxBytesError
	if !errors.As(err, &big) {
		t.Errorf("it says %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{"a.edf": "a.edf", "/etc/passwd": "passwd", `C:\x\b.mat`: "b.mat", "..": "", ".ssh": "ssh", "é ü.csv": "é-ü.csv", "a\x00b\n.csv": "a-b-.csv", "": "", strings.Repeat("x", 300) + ".edf": strings.Repeat("x", 96) + ".edf"} {
		got := SafeName(in)
		if want == "" {
			if !strings.HasPrefix(got, "file-") {
				t.Errorf("%q gives %q", in, got)
			}
		} else if got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestErrorsAreShown(t *testing.T) {
	s := newSite(t, Config{})
	for path, status := range map[string]int{"/nothing": 404, "/papers/nothing": 404, "/papers/hlop": 404, "/runs/nothing": 404, "/runs/..%2f..%2fetc": 404, "/assets/x/../../server.go": 404, "/assets/x/core/..%2f..%2fserver.go": 404, "/jobs/x": 404} {
		resp, body := s.get(path)
		if resp.StatusCode >= 300 && resp.StatusCode < 400 { // the router cleans the path
			resp, body = s.get(resp.Header.Get("Location"))
		}
		if resp.StatusCode != status || !strings.Contains(body, "<h1>") {
			t.Errorf("%s: %d\n%.300s", path, resp.StatusCode, body)
		}
	}
	resp, body := s.do(s.request("DELETE", "/papers", nil))
	if resp.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(body, "<h1>") {
		t.Errorf("DELETE: %d", resp.StatusCode)
	}
	m := newMux(s.Server)
	m.Get("GET /panic", func(http.ResponseWriter, *http.Request) error { panic("secret detail") })
	m.Get("GET /fail", func(http.ResponseWriter, *http.Request) error { return errors.New("secret detail") })
	for _, path := range []string{"/panic", "/fail"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "localhost"
		s.wrap(m).ServeHTTP(w, r)
		if w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d\n%s", path, w.Code, w.Body)
		}
	}
}
