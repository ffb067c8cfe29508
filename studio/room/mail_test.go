package room

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// mailbox is an SMTP server that keeps what it gets.
type mailbox struct {
	port int
	mu   sync.Mutex
	got  []received
}

// received is a letter as its reader sees it.
type received struct {
	*mail.Message
	to   string
	text string // of its plain part
}

func newMailbox(t testing.TB) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &mailbox{port: l.Addr().(*net.TCPAddr).Port}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{box: b}, nil }))
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return b
}

// delivery is one connection to a mailbox.
type delivery struct {
	box *mailbox
	to  string
}

func (d *delivery) Reset()                                    {}
func (d *delivery) Logout() error                             { return nil }
func (d *delivery) Mail(string, *smtp.MailOptions) error      { return nil }
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error { d.to = to; return nil }

func (d *delivery) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextRawPart() // the plain one is first
	if err != nil {
		return err
	}
	var body io.Reader = part
	if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(part)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	d.box.got = append(d.box.got, received{m, d.to, string(text)})
	return nil
}

// received delivers what waits, and returns the newest letter to somebody.
func (s *site) received(to string) received {
	s.t.Helper()
	if _, err := s.Mailer.Deliver(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.mail.mu.Lock()
	defer s.mail.mu.Unlock()
	for i := len(s.mail.got) - 1; i >= 0; i-- {
		if s.mail.got[i].to == to {
			return s.mail.got[i]
		}
	}
	s.t.Fatalf("no letter came to %s", to)
	return received{}
}

// letter returns the address that the newest letter to somebody links to.
func (s *site) letter(to string) string {
	s.t.Helper()
	text := s.received(to).text
	link := regexp.MustCompile(`https://papers.example.org/\S+`).FindString(text)
	if link == "" {
		s.t.Fatalf("the letter has no link: %s", text)
	}
	return strings.TrimRight(link, ".")
}
