package digest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Report is what became of the letters that were tried.
type Report struct {
	Sent    int // the server took them
	Failed  int // it refused them for good
	Later   int // they will be tried again
	Expired int // they came too late to be of use
	Unsure  int // they may have been sent before without our knowing, and were sent again or will be
}

func (r Report) String() string {
	s := fmt.Sprintf("%d sent, %d refused, %d to be tried again, %d expired", r.Sent, r.Failed, r.Later, r.Expired)
	if r.Unsure > 0 {
		s += fmt.Sprintf(", %d that the server may get twice", r.Unsure)
	}
	return s
}

const (
	dialing       = 30 * time.Second // for the connection itself
	perConnection = 100              // letters; servers like to end long ones
	maxBroken     = 3                // lost connections in a row, after which the server is left alone
	maxRefused    = 5                // refusals in a row, after which it seems to be us who are refused
)

// errServer is the error of a server that takes no mail from us at all.
var errServer = errors.New("the mail server takes no mail from this reading room")

// Deliver sends the letters that wait in the outbox, one after the other, those that somebody waits for first. An error means that it
// stopped early, since the server cannot be reached or refuses everything; the letters that are left stay in the outbox. When the context
// ends, the letter at hand is brought to its end first.
func (m *Mailer) Deliver(ctx context.Context) (r Report, err error) {
	if r.Expired, err = m.tidy(ctx); err != nil {
		return r, fmt.Errorf("delivering mail: %w", err)
	}
	var c *connection
	defer func() { c.quit() }()
	broken, refused := 0, 0
	for ctx.Err() == nil {
		letter, unsure, err := m.claim(ctx)
		if err != nil {
			return r, fmt.Errorf("delivering mail: %w", err)
		}
		if letter == nil {
			return r, nil
		}
		if unsure {
			r.Unsure++
		}
		step("claimed")
		if c != nil && c.letters == perConnection {
			c.quit()
			c = nil
		}
		// From here on the letter is ours, and its state is noted even if the context ends.
		work := context.WithoutCancel(ctx)
		if c == nil {
			if c, err = m.connect(ctx); err != nil {
				note := m.note(err)
				r.Later++
				return r, errors.Join(fmt.Errorf("connecting to the mail server %s: %s", m.config.server(), note), m.again(work, letter, "claimed", "no connection: "+note, false))
			}
		}
		c.letters++
		did := m.transmit(work, c, letter)
		if did.broken {
			c.drop()
			c = nil
			broken++
		} else {
			broken = 0
		}
		m.config.Log.Info("letter", "id", letter.id, "kind", letter.kind, "try", letter.tries, "result", did.what, "note", did.note)
		var noted error
		switch did.what {
		case taken:
			r.Sent++
			refused = 0
		case later:
			r.Later++
			noted = m.again(work, letter, "claimed", did.note, false)
		case unknown:
			r.Later++
			r.Unsure++
			noted = m.again(work, letter, "sending", did.note, true)
		case laterAfter: // the server answered the last line, with a temporary refusal
			r.Later++
			noted = m.again(work, letter, "sending", did.note, false)
		case refusedFor, refusedAfter:
			r.Failed++
			refused++
			from := "claimed"
			if did.what == refusedAfter {
				from = "sending"
			}
			if noted = m.failed(work, letter, from, did.note); noted == nil && letter.kind == digestKind {
				noted = m.bounced(work, letter.to, did.hard, did.note)
			}
		case lost:
		}
		switch {
		case noted != nil && !errors.Is(noted, errLost):
			return r, fmt.Errorf("delivering mail: %w", noted)
		case did.ours:
			return r, fmt.Errorf("%w: %s", errServer, did.note)
		case broken >= maxBroken:
			return r, fmt.Errorf("the connection to the mail server broke %d times in a row: %s", broken, did.note)
		case refused >= maxRefused:
			return r, fmt.Errorf("%w, or the last %d addresses are all wrong: %s", errServer, refused, did.note)
		}
	}
	return r, ctx.Err()
}

// result is what became of a letter.
type result string

const (
	taken        result = "taken"
	later        result = "later"         // nothing was sent
	laterAfter   result = "later, at end" // the complete letter was refused for now
	refusedFor   result = "refused"       // before its text
	refusedAfter result = "refused, at end"
	unknown      result = "unknown" // complete, and no answer came
	lost         result = "lost"    // somebody else has claimed it, or it was taken out
)

// outcome is a result with what follows from it.
type outcome struct {
	what   result
	note   string // without addresses
	hard   bool   // refused because there is no such mailbox
	broken bool   // the connection is of no more use
	ours   bool   // it is not about this letter but about us
}

// transmit talks to the server about one letter. Everything up to the last line can be repeated without harm.
func (m *Mailer) transmit(ctx context.Context, c *connection, l *claimed) outcome {
	message, err := m.compile(l)
	if err != nil {
		return outcome{what: refusedFor, note: m.note(err)}
	}
	if err := c.client.UpdateDeadline(m.exchange); err != nil {
		return outcome{what: later, note: m.note(err), broken: true}
	}
	if err := c.client.Mail("<" + m.config.Bounces + ">"); err != nil {
		return m.judge(c, "MAIL", err)
	}
	if err := c.client.Rcpt("<" + l.to.Reveal() + ">"); err != nil {
		return m.judge(c, "RCPT", err)
	}
	w, err := c.client.Data()
	if err != nil {
		return m.judge(c, "DATA", err)
	}
	if _, err := w.Write(message); err != nil {
		return outcome{what: later, note: m.note(err), broken: true}
	}
	step("text sent")
	if err := m.sending(ctx, l); errors.Is(err, errLost) {
		return outcome{what: lost, broken: true} // closing the connection takes the text back
	} else if err != nil {
		return outcome{what: later, note: m.note(err), broken: true}
	}
	step("marked as sending")
	c.client.UpdateDeadline(m.answer) // if it cannot be, the next line says so
	if err := w.Close(); err != nil { // the last line, and the answer to it
		var said *textproto.Error
		switch {
		case !errors.As(err, &said):
			return outcome{what: unknown, note: m.note(err), broken: true}
		case said.Code >= 500:
			return outcome{what: refusedAfter, note: m.note(err)}
		}
		return outcome{what: laterAfter, note: m.note(err), broken: said.Code == 421}
	}
	step("taken by the server")
	// The server has the letter. Until this is on disk, a crash would send it again.
	for try := range 10 {
		if err = m.sent(ctx, l); err == nil || errors.Is(err, errLost) {
			break
		}
		time.Sleep(time.Duration(try) * 200 * time.Millisecond)
	}
	if err != nil {
		m.config.Log.Error("a letter was sent, and could not be marked as sent; it will be sent again", "id", l.id, "error", err)
	}
	step("marked as sent")
	return outcome{what: taken}
}

// step is called between the steps of a transmission. Tests replace it to end the process there.
var step = func(string) {}

// judge says what follows from an answer to a command before the text.
func (m *Mailer) judge(c *connection, command string, err error) outcome {
	o := outcome{what: later, note: command + ": " + m.note(err)}
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		o.broken = true
		return o
	}
	switch code := answer.Code; {
	case code == 421: // the server closes the connection
		o.broken = true
		return o
	case code < 500:
	case command != "RCPT" || code == 503 || code == 530 || code == 534 || code == 535 || code == 538:
		o.ours = true // about the sender, the password or the order of commands
	default:
		o.what = refusedFor
		o.hard = hard(answer)
	}
	if c.client.Reset() != nil {
		o.broken = true
	}
	return o
}

var enhanced = regexp.MustCompile(`^([245])\.(\d{1,3})\.(\d{1,3})\b`)

// hard reports whether a refusal of a recipient says that there is no such mailbox (RFC 3463: 5.1.x), rather than that it is full or that
// something else is wrong.
func hard(answer *textproto.Error) bool {
	if e := enhanced.FindStringSubmatch(answer.Msg); e != nil {
		return e[1] == "5" && (e[2] == "1" && e[3] != "7" && e[3] != "8" || e[2] == "2" && e[3] == "1")
	}
	return answer.Code == 550 || answer.Code == 551 || answer.Code == 553
}

var (
	anyAddress = regexp.MustCompile(`[^\s<>"'(),;:=]+@[^\s<>"'(),;:]+`)
	anyLink    = regexp.MustCompile(`(?i)https?://\S+`)
)

// note makes a short line of an error that can be kept and logged: without addresses, links and the password.
func (m *Mailer) note(err error) string {
	s := words(err.Error())
	if p := m.config.SMTP.Password; p != "" {
		s = strings.ReplaceAll(s, p, "(password)")
	}
	s = anyLink.ReplaceAllString(s, "(link)")
	s = anyAddress.ReplaceAllString(s, "(address)")
	return shorten(s, 200)
}

// connection is one to the mail server, ready for letters.
type connection struct {
	client  *smtp.Client
	letters int
}

func (m *Mailer) connect(ctx context.Context) (*connection, error) {
	s := &m.config.SMTP
	o := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(m.exchange), gomail.WithHELO(m.config.domain()), gomail.WithoutSMTPUTF8(),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: m.config.Roots})}
	switch s.Security {
	case StartTLS:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case TLS:
		o = append(o, gomail.WithSSL())
	case Plain:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.User != "" {
		o = append(o, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	client, err := gomail.NewClient(s.Host, o...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialing)
	defer cancel()
	c, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{client: c}, nil
}

// quit ends a connection in good order, drop without a word.
func (c *connection) quit() {
	if c != nil {
		c.client.UpdateDeadline(10 * time.Second)
		if c.client.Quit() != nil {
			c.client.Close()
		}
	}
}

func (c *connection) drop() { c.client.Close() }

// compile makes the message of a letter: the same bytes whenever it is done.
func (m *Mailer) compile(l *claimed) ([]byte, error) {
	return m.message(l.to.Reveal(), l.messageID, l.kind, l.created, l.letter)
}

func (m *Mailer) message(to, id, kind string, at time.Time, l Letter) ([]byte, error) {
	from, err := mail.ParseAddress(m.config.From)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("gyrus-"+m.mac("boundary", id)))
	msg.FromMailAddress(from)
	if err := msg.To(to); err != nil {
		return nil, errors.New("the address of the recipient cannot be written")
	}
	msg.Subject(l.Subject)
	msg.SetDateWithValue(at.UTC())
	msg.SetMessageIDWithValue(id)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no answering machine should answer (RFC 3834)
	if kind == digestKind {
		msg.SetGenHeader("List-Id", "<papers."+m.config.domain()+">")
	}
	if l.Leave != "" {
		msg.SetListUnsubscribe(l.Leave)
		if strings.HasPrefix(l.Leave, "https://") { // RFC 8058 wants https; without it the reading room is on this machine
			// Not by the method for it, which would write the two in any order: a letter is the same bytes each time.
			msg.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
		}
	}
	msg.SetBodyString(gomail.TypeTextPlain, l.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// WriteMessage writes a letter as the message (RFC 5322) that would be sent to an address.
func (m *Mailer) WriteMessage(w io.Writer, to string, l Letter) error {
	text, err := m.message(to, m.messageID(0, "sample"), digestKind, m.config.Now(), l)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
