package digest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
)

// server is a real SMTP server on this machine that fails when it is told to.
type server struct {
	t    testing.TB
	port int
	cert []byte // PEM

	mu       sync.Mutex
	fault    func(stage, to string) fault // of a stage: MAIL, RCPT, DATA (before its text is read), END (after)
	got      []delivery
	sessions int
	noTLS    int // commands MAIL in the clear
	noAuth   int
}

// fault is what a stage does instead of succeeding.
type fault struct {
	err   error
	drop  bool // the connection breaks
	wait  time.Duration
	after bool // with drop at END: the server has taken the letter and breaks before it says so
}

type delivery struct{ from, to, text string }

const password = "correct horse 7"

func serve(t testing.TB, security Security) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if security == TLS {
		l = tls.NewListener(l, config)
	}
	back := smtp.NewServer(s)
	back.Domain, back.ErrorLog, back.AllowInsecureAuth = "localhost", log.New(io.Discard, "", 0), security == Plain
	if security == StartTLS {
		back.TLSConfig = config
	}
	go back.Serve(l)
	t.Cleanup(func() { back.Close() })
	return s
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	return &session{s: s, c: c}, nil
}

type session struct {
	s        *server
	c        *smtp.Conn
	auth     bool
	from, to string
}

func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, given string) error {
		if user != "gyrus" || given != password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication of gyrus with " + given + " failed"}
		}
		x.auth = true
		return nil
	}), nil
}

func (x *session) stage(name string) (fault, error) {
	x.s.mu.Lock()
	f := x.s.fault
	x.s.mu.Unlock()
	if f == nil {
		return fault{}, nil
	}
	did := f(name, x.to)
	time.Sleep(did.wait)
	if did.drop && !did.after {
		x.c.Conn().Close()
		return did, errors.New("dropped")
	}
	return did, did.err
}

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.s.mu.Lock()
	if _, ok := x.c.TLSConnectionState(); !ok {
		x.s.noTLS++
	}
	if !x.auth {
		x.s.noAuth++
	}
	x.s.mu.Unlock()
	x.from = from
	_, err := x.stage("MAIL")
	return err
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.to = to
	_, err := x.stage("RCPT")
	return err
}

func (x *session) Data(r io.Reader) error {
	if _, err := x.stage("DATA"); err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	did, err := x.stage("END")
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	x.s.got = append(x.s.got, delivery{x.from, x.to, string(text)})
	x.s.mu.Unlock()
	if did.drop {
		x.c.Conn().Close()
	}
	return nil
}

func (x *session) Reset()        {}
func (x *session) Logout() error { return nil }

func (s *server) fail(f func(stage, to string) fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// at fails one stage, n times.
func (s *server) at(stage string, n int, f fault) {
	s.fail(func(at, _ string) fault {
		if at != stage || n == 0 {
			return fault{}
		}
		n--
		return f
	})
}

func (s *server) taken() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivery(nil), s.got...)
}

func reply(code int, enhanced smtp.EnhancedCode, text string) fault {
	return fault{err: &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}}
}

// office is a Mailer with a feed, a server and a clock that tests move.
type office struct {
	*Mailer
	t      *testing.T
	path   string
	feed   *feed.Store
	server *server
	now    time.Time
	log    lockedBuffer
	tokens []string // that must not be logged
}

func (o *office) settings() Settings {
	return Settings{Site: "https://papers.example.org", From: "Gyrus Papers <papers@example.org>", Bounces: "bounces@example.org", Contact: "The reading room of the example institute", Hour: 6,
		SMTP: SMTP{Host: "localhost", Port: o.server.port, Security: StartTLS, User: "gyrus", Password: password}}
}

func start(t *testing.T) *office { return startWith(t, StartTLS) }

func startWith(t *testing.T, security Security) *office {
	t.Helper()
	path := filepath.Join(t.TempDir(), "feed.db")
	store, err := feed.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	o := &office{t: t, path: path, feed: store, server: serve(t, security), now: time.Date(2026, 4, 20, 12, 0, 0, 0, time.UTC)} // a Monday
	o.Mailer = o.another(func(c *Config) {
		c.SMTP.Security = security
		if security == Plain {
			c.SMTP.User, c.SMTP.Password = "", ""
		}
	})
	t.Cleanup(o.secretive)
	return o
}

// another opens a second Mailer of the same database.
func (o *office) another(change func(*Config)) *Mailer {
	o.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(o.server.cert)
	c := Config{Settings: o.settings(), Now: func() time.Time { return o.now }, Roots: roots, Log: slog.New(slog.NewJSONHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&c)
	}
	m, err := Open(o.t.Context(), o.feed, c)
	o.ok(err)
	return m
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (o *office) ok(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	o.unsaid(err)
}

// unsaid checks that an error says nothing it should not.
func (o *office) unsaid(err error) {
	o.t.Helper()
	if err != nil {
		o.silent("an error", err.Error())
	}
}

func (o *office) silent(what, text string) {
	o.t.Helper()
	for _, secret := range append(o.tokens, "@reader.example", password, "?t=") {
		if strings.Contains(text, secret) {
			o.t.Errorf("%s says %q: %s", what, secret, text)
		}
	}
}

// secretive checks what was logged and noted in the whole test.
func (o *office) secretive() {
	o.silent("the log", o.log.String())
	posted, err := o.Outbox(context.Background(), -1)
	if err != nil {
		return
	}
	for _, p := range posted {
		o.silent("a note", p.Note)
	}
}

func address(t testing.TB, s string) readers.Address {
	t.Helper()
	a, err := readers.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// put imports papers that are listed now.
func (o *office) put(titles ...string) {
	o.t.Helper()
	_, err := o.feed.Import(o.t.Context(), "test", func(yield func(feed.Paper, error) bool) {
		for _, title := range titles {
			if !yield(feed.Paper{Title: title, Abstract: "Of " + strings.ToLower(title) + ".", Authors: []string{"Ada Blue"}, Listed: o.now, Published: o.now}, nil) {
				return
			}
		}
	})
	o.ok(err)
}

// subscribed is a reader who gets digests, without letters.
func (o *office) subscribed(who, query string, every Every) readers.Address {
	o.t.Helper()
	a := address(o.t, who)
	o.ok(o.Subscribe(o.t.Context(), Request{Address: a, Query: query, Every: every, Proven: true}))
	return a
}

func (o *office) deliver() Report {
	o.t.Helper()
	r, err := o.Deliver(o.t.Context())
	o.ok(err)
	return r
}

func (o *office) compose() int {
	o.t.Helper()
	n, err := o.Compose(o.t.Context())
	o.ok(err)
	return n
}

// letters fills the outbox with digests to n readers.
func (o *office) letters(n int) []readers.Address {
	o.t.Helper()
	o.put("Waves in networks")
	var out []readers.Address
	for i := range n {
		out = append(out, o.subscribed(fmt.Sprintf("r%d@reader.example", i), "", Daily))
	}
	o.now = o.now.Add(24 * time.Hour)
	if made := o.compose(); made != n {
		o.t.Fatalf("%d digests composed, not %d", made, n)
	}
	return out
}

func (o *office) states() string {
	o.t.Helper()
	posted, err := o.Outbox(o.t.Context(), -1)
	o.ok(err)
	count := map[string]int{}
	for _, p := range posted {
		count[p.State]++
	}
	return strings.Trim(fmt.Sprint(count), "map[]")
}

// once checks that everybody got exactly one letter.
func (o *office) once(all []readers.Address) {
	o.t.Helper()
	count := map[string]int{}
	for _, d := range o.server.taken() {
		count[d.to]++
	}
	for _, a := range all {
		if n := count[a.Reveal()]; n != 1 {
			o.t.Errorf("%s got %d letters", a.Reveal(), n)
		}
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}
