package sweep

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// testQueue is a server that belongs to no sweep, as in a cluster.
type testQueue struct {
	server *server.Server
	conn   Connection
}

func newTestQueue(t *testing.T) *testQueue {
	t.Helper()
	s, c, err := embed(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return &testQueue{s, c}
}

func (q *testQueue) dial(t *testing.T) *queue {
	t.Helper()
	c, err := dial(q.conn, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.conn.Close)
	return c
}

// await waits for something to become true.
func await(t *testing.T, is func() bool) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			t.Fatal("waited for 30 s in vain")
		}
	}
}

// TestEmbeddedIsClosed wants the embedded server to be on the loopback interface and to let nobody in without its token.
func TestEmbeddedIsClosed(t *testing.T) {
	q := newTestQueue(t)
	if host := q.server.Addr().(*net.TCPAddr).IP; !host.IsLoopback() {
		t.Errorf("it listens on %v", host)
	}
	if len(q.conn.Token) < 32 {
		t.Errorf("the token is %q", q.conn.Token)
	}
	for _, token := range []string{"", "guess"} {
		c := q.conn
		c.Token = token
		if open, err := dial(c, "stranger"); err == nil {
			open.conn.Close()
			t.Errorf("token %q is let in", token)
		}
	}
}

// TestConnection refuses addresses that hold a secret, and warns of those that would send one in the clear.
func TestConnection(t *testing.T) {
	for url, want := range map[string]string{
		"nats://localhost:4222": "", "tls://queue.example.org:4222": "", "nats://127.0.0.1:1,nats://[::1]:2": "",
		"nats://user:secret@localhost:4222": "GYRUS_QUEUE_USER", "nats://token@localhost": "GYRUS_QUEUE_TOKEN", "http://localhost": "not of the form",
		"localhost:4222": "not of the form", "nats://": "not of the form", "nats://a b": "cannot be read",
	} {
		c := Connection{URL: url}
		if err := c.check(); (want == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@")) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for url, warns := range map[string]bool{"nats://localhost:4222": false, "nats://10.0.0.1:4222": true, "tls://10.0.0.1:4222": false, "tls://10.0.0.1,nats://10.0.0.2": true} {
		c := Connection{URL: url}
		if (c.Warning() != "") != warns {
			t.Errorf("%s: warning %q", url, c.Warning())
		}
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if _, err := dial(Connection{URL: "nats://" + closed.Addr().String()}, "test"); err == nil || !strings.Contains(err.Error(), closed.Addr().String()) {
		t.Errorf("a server that is not there: %v", err)
	}
	plain, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	plain.Start()
	defer plain.Shutdown()
	if !plain.ReadyForConnections(10 * time.Second) {
		t.Fatal("not ready")
	}
	p := plan(t, Config{Queue: plain.ClientURL()})
	if _, err := Begin(t.Context(), p, Options{Home: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no JetStream") {
		t.Errorf("a server without JetStream: %v", err)
	}
}

// TestTLS sweeps through a server that wants TLS with client certificates and a user with a password.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(cert, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(),
		Username: "ada", Password: "lovelace", TLSVerify: true, TLSTimeout: 5,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("not ready")
	}
	url := "tls://" + s.Addr().String()
	for name, c := range map[string]Connection{
		"no CA":          {URL: url, User: "ada", Password: "lovelace", Cert: cert, Key: keyFile},
		"no certificate": {URL: url, User: "ada", Password: "lovelace", CA: cert},
		"wrong password": {URL: url, User: "ada", Password: "byron", CA: cert, Cert: cert, Key: keyFile},
		"no CA file":     {URL: url, CA: filepath.Join(dir, "none")},
	} {
		if q, err := dial(c, "test"); err == nil {
			q.conn.Close()
			t.Errorf("%s: let in", name)
		}
	}
	conn := Connection{URL: url, User: "ada", Password: "lovelace", CA: cert, Cert: cert, Key: keyFile}
	home := t.TempDir()
	p := plan(t, Config{Axes: []Axis{axis(t, "x=1,2")}, Seeds: seeds(t, "3"), Queue: url})
	sw, err := Begin(t.Context(), p, Options{Home: home, Connection: conn, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	check(t, sw)
	stored, err := os.ReadFile(filepath.Join(sw.Dir, "plan.json"))
	if err != nil || strings.Contains(string(stored), "lovelace") {
		t.Error("the password is in plan.json")
	}
}

// TestCollect wants the run directories of a worker with a home of its own, as on another machine.
func TestCollect(t *testing.T) {
	q := newTestQueue(t)
	home, away := t.TempDir(), t.TempDir()
	p := plan(t, Config{Axes: []Axis{axis(t, "x=1,2")}, Seeds: seeds(t, "2"), Queue: q.conn.URL, Runs: true, Collect: true})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Work(ctx, WorkerConfig{Connection: q.conn, Home: away, AnyVersion: true}) }()
	s, err := Begin(t.Context(), p, Options{Home: home, Connection: q.conn, Listen: listen(t)})
	stop()
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	check(t, s)
	for _, o := range s.Outcomes {
		here, there := filepath.Join(s.Dir, "runs", o.Job), filepath.Join(away, "sweeps", p.ID, "runs", o.Job)
		if o.Run != here {
			t.Errorf("the run is in %s", o.Run)
		}
		for _, name := range []string{"metrics.json", "report.html", "run.json", "events.jsonl"} {
			a, err1 := os.ReadFile(filepath.Join(here, name))
			b, err2 := os.ReadFile(filepath.Join(there, name))
			if err1 != nil || err2 != nil || string(a) != string(b) {
				t.Errorf("%s of %s: %v, %v", name, o.Job, err1, err2)
			}
		}
	}
}

// TestUnpack refuses archives that would write elsewhere.
func TestUnpack(t *testing.T) {
	from := t.TempDir()
	if err := os.MkdirAll(filepath.Join(from, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "a", "b", "c"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	var packed strings.Builder
	if err := pack(&packed, from); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "to")
	if err := unpack(strings.NewReader(packed.String()), to); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(to, "a", "b", "c")); err != nil || string(data) != "text" {
		t.Errorf("unpacked %q, %v", data, err)
	}
	for name, archive := range map[string]string{"cut short": packed.String()[:packed.Len()/2], "rubbish": "rubbish", "outside": archive(t, "../outside"), "absolute": archive(t, "/tmp/outside")} {
		if err := unpack(strings.NewReader(archive), filepath.Join(t.TempDir(), "to")); err == nil {
			t.Errorf("%s: unpacked", name)
		}
	}
}
