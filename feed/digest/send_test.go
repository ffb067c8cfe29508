package digest

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
)

// parts reads a message as a mail program does.
func parts(t *testing.T, text string) (head mail.Header, plain, html string) {
	t.Helper()
	msg, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the message is %q, %v", kind, err)
	}
	var kinds []string
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || params["charset"] != "UTF-8" || p.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			t.Fatalf("a part is %v, %v", p.Header, err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		if kinds = append(kinds, kind); kind == "text/plain" {
			plain = string(body)
		} else {
			html = string(body)
		}
	}
	if !slices.Equal(kinds, []string{"text/plain", "text/html"}) {
		t.Fatalf("the parts are %v", kinds)
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
	return msg.Header, plain, html
}

// From the box on the page to the end of the subscription, through the server.
func TestEndToEnd(t *testing.T) {
	for _, security := range []Security{StartTLS, TLS, Plain} {
		t.Run(string(security), func(t *testing.T) {
			o := startWith(t, security)
			ctx := t.Context()
			o.put("Waves in networks", "Spikes in silicon")
			ada := address(t, "ada@reader.example")
			o.ok(o.Subscribe(ctx, Request{Address: ada, Query: "waves", Every: Weekly, From: "192.0.2.1"}))
			if r := o.deliver(); r != (Report{Sent: 1}) {
				t.Fatalf("%+v", r)
			}
			d := o.server.taken()[0]
			if d.from != "bounces@example.org" || d.to != "ada@reader.example" {
				t.Errorf("the envelope is from %q to %q", d.from, d.to)
			}
			if o.server.noTLS > 0 != (security == Plain) || o.server.noAuth > 0 != (security == Plain) {
				t.Errorf("%d in the clear, %d without a password", o.server.noTLS, o.server.noAuth)
			}
			head, plain, html := parts(t, d.text)
			if head.Get("From") != `"Gyrus Papers" <papers@example.org>` || head.Get("To") != "<ada@reader.example>" || head.Get("Auto-Submitted") != "auto-generated" || head.Get("List-Unsubscribe") != "" {
				t.Errorf("the head is %v", head)
			}
			if strings.Contains(head.Get("Message-Id"), "ada") || !strings.HasSuffix(head.Get("Message-Id"), "@example.org>") {
				t.Errorf("the Message-ID is %q", head.Get("Message-Id"))
			}
			link := between(t, plain, "https://papers.example.org/digest/confirm?t=", "\n")
			o.tokens = append(o.tokens, link)
			if !strings.Contains(html, link) || !strings.Contains(plain, "waves") || !strings.Contains(plain, "every Monday") {
				t.Errorf("the letter is %s", plain)
			}
			if s, err := o.CheckConfirm(ctx, link); err != nil || s.Query != "waves" || !s.Confirmed.IsZero() {
				t.Errorf("%+v, %v", s, err)
			}
			o.now = o.now.Add(time.Hour)
			if n := o.compose(); n != 0 { // looking at the link is not confirming
				t.Fatalf("%d digests before it was confirmed", n)
			}
			o.ok(o.Confirm(ctx, link))
			o.ok(o.Confirm(ctx, link))
			if n := o.compose(); n != 0 { // not before Monday
				t.Fatalf("%d digests too early", n)
			}
			o.now = time.Date(2026, 4, 27, 6, 0, 0, 0, time.UTC)
			o.put("Travelling waves")
			if n := o.compose(); n != 1 {
				t.Fatalf("%d digests", n)
			}
			if n := o.compose(); n != 0 {
				t.Fatalf("%d digests again", n)
			}
			if r := o.deliver(); r != (Report{Sent: 1}) {
				t.Fatalf("%+v", r)
			}
			head, plain, html = parts(t, o.server.taken()[1].text)
			if head.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || head.Get("List-Id") != "<papers.example.org>" {
				t.Errorf("the head is %v", head)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(head.Get("Subject"))
			if err != nil || subject != "Travelling waves + 1 more" && subject != "Waves in networks + 1 more" {
				t.Errorf("the subject is %q", subject)
			}
			leave := between(t, head.Get("List-Unsubscribe"), "<https://papers.example.org/digest/leave?t=", ">")
			o.tokens = append(o.tokens, leave)
			if !strings.Contains(plain, leave) || !strings.Contains(html, leave) || !strings.Contains(plain, "Travelling waves") || strings.Contains(plain, "Spikes") {
				t.Errorf("the letter is %s", plain)
			}
			if date, err := head.Date(); err != nil || !date.Equal(o.now) {
				t.Errorf("the date is %v, %v", date, err)
			}
			subs, err := o.Subscriptions(ctx, leave)
			o.ok(err)
			if len(subs) != 1 || subs[0].Every != Weekly {
				t.Errorf("%+v", subs)
			}
			o.ok(o.Leave(ctx, leave, 0))
			o.ok(o.Leave(ctx, leave, 0)) // mail programs may send it twice
			o.now = o.now.AddDate(0, 0, 7)
			o.put("Standing waves")
			if n := o.compose(); n != 0 {
				t.Errorf("%d digests after leaving", n)
			}
			if s := o.states(); s != "sent:2" {
				t.Errorf("the outbox is %s", s)
			}
			var left int
			o.ok(o.feed.DB().QueryRow("SELECT (SELECT count(*) FROM recipients) + (SELECT count(*) FROM subscriptions) + (SELECT count(*) FROM mailed) + (SELECT count(*) FROM outbox WHERE letter <> '')").Scan(&left))
			if left != 0 {
				t.Errorf("%d rows are left", left)
			}
		})
	}
}

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, from)
	if !ok {
		t.Fatalf("no %q in %s", from, s)
	}
	value, _, _ := strings.Cut(rest, to)
	return strings.TrimSpace(value)
}

func TestFaults(t *testing.T) {
	hardNo := reply(550, smtp.EnhancedCode{5, 1, 1}, "<r0@reader.example>: no such user, see https://help.example/?t=x")
	for _, c := range []struct {
		name      string
		stage     string
		times     int
		fault     fault
		want      Report // of the first call
		fails     bool
		suspended bool
		end       string // states after all was tried again
		twice     bool   // the server got it twice, and could not be kept from it
	}{
		{name: "sender refused for now", stage: "MAIL", times: 1, fault: reply(451, smtp.EnhancedCode{4, 3, 0}, "busy"), want: Report{Later: 1}, end: "sent:1"},
		{name: "sender refused", stage: "MAIL", times: 1, fault: reply(550, smtp.EnhancedCode{5, 7, 1}, "you may not"), want: Report{Later: 1}, fails: true, end: "sent:1"},
		{name: "greylisted", stage: "RCPT", times: 3, fault: reply(450, smtp.EnhancedCode{4, 2, 0}, "r0@reader.example: greylisted"), want: Report{Later: 1}, end: "sent:1"},
		{name: "no mailbox", stage: "RCPT", times: -1, fault: hardNo, want: Report{Failed: 1}, suspended: true, end: "failed:1"},
		{name: "no mailbox, without enhanced code", stage: "RCPT", times: -1, fault: reply(550, smtp.NoEnhancedCode, "unknown"), want: Report{Failed: 1}, suspended: true, end: "failed:1"},
		{name: "mailbox full", stage: "RCPT", times: -1, fault: reply(552, smtp.EnhancedCode{5, 2, 2}, "over quota"), want: Report{Failed: 1}, end: "failed:1"},
		{name: "refused by policy", stage: "RCPT", times: -1, fault: reply(550, smtp.EnhancedCode{5, 7, 1}, "listed"), want: Report{Failed: 1}, end: "failed:1"},
		{name: "password wanted", stage: "RCPT", times: 1, fault: reply(530, smtp.EnhancedCode{5, 7, 0}, "log in"), want: Report{Later: 1}, fails: true, end: "sent:1"},
		{name: "server closes", stage: "RCPT", times: 1, fault: reply(421, smtp.EnhancedCode{4, 3, 2}, "closing"), want: Report{Later: 1}, end: "sent:1"},
		{name: "text refused", stage: "END", times: -1, fault: reply(554, smtp.EnhancedCode{5, 6, 0}, "spam"), want: Report{Failed: 1}, end: "failed:1"},
		{name: "text refused for now", stage: "END", times: 2, fault: reply(452, smtp.EnhancedCode{4, 3, 1}, "disk full"), want: Report{Later: 1}, end: "sent:1"},
		{name: "lost at MAIL", stage: "MAIL", times: 1, fault: fault{drop: true}, want: Report{Later: 1}, end: "sent:1"},
		{name: "lost at RCPT", stage: "RCPT", times: 1, fault: fault{drop: true}, want: Report{Later: 1}, end: "sent:1"},
		{name: "lost after the text, not taken", stage: "END", times: 1, fault: fault{drop: true}, want: Report{Later: 1, Unsure: 1}, end: "sent:1"},
		{name: "lost after the text, taken", stage: "END", times: 1, fault: fault{drop: true, after: true}, want: Report{Later: 1, Unsure: 1}, end: "sent:1", twice: true},
		{name: "slow", stage: "END", times: 1, fault: fault{wait: 200 * time.Millisecond}, want: Report{Sent: 1}, end: "sent:1"},
		{name: "silent after the text, taken", stage: "END", times: 1, fault: fault{wait: 4 * time.Second}, want: Report{Later: 1, Unsure: 1}, end: "sent:1", twice: true},
		{name: "silent before the text", stage: "RCPT", times: 1, fault: fault{wait: 4 * time.Second}, want: Report{Later: 1}, end: "sent:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := start(t)
			if c.fault.wait > time.Second {
				o.exchange, o.answer = c.fault.wait/2, c.fault.wait/2
			}
			all := o.letters(1)
			o.server.at(c.stage, c.times, c.fault)
			r, err := o.Deliver(t.Context())
			o.unsaid(err)
			if r != c.want || (err != nil) != c.fails {
				t.Errorf("%+v, %v; want %+v", r, err, c.want)
			}
			o.exchange, o.answer = exchange, answer
			if again := o.deliver(); again.Sent > 0 { // not at once
				t.Errorf("tried again at once: %+v", again)
			}
			time.Sleep(c.fault.wait) // what waits in the server comes to its end
			for range 6 {
				o.now = o.now.Add(5 * time.Hour)
				o.deliver()
			}
			if s := o.states(); s != c.end {
				t.Errorf("the outbox is %s, not %s", s, c.end)
			}
			got := o.server.taken()
			switch {
			case c.twice:
				if len(got) != 2 || got[0].text != got[1].text {
					t.Errorf("%d letters; the same bytes: %v", len(got), len(got) == 2 && got[0].text == got[1].text)
				}
				if posted, _ := o.Outbox(t.Context(), 1); posted[0].Unsure != 1 {
					t.Errorf("%+v", posted[0])
				}
			case strings.HasPrefix(c.end, "sent"):
				o.once(all)
			case len(got) > 0:
				t.Errorf("%d letters", len(got))
			}
			who, err := o.Subscribers(t.Context())
			o.ok(err)
			if len(who) != 1 || who[0].Suspended.IsZero() == c.suspended || (who[0].Bounces > 0) != strings.HasPrefix(c.end, "failed") {
				t.Errorf("%+v", who)
			}
			if c.suspended {
				o.silent("the reason", who[0].Why)
				o.now = o.now.AddDate(0, 0, 1)
				o.put("More waves")
				if n := o.compose(); n != 0 {
					t.Errorf("%d digests to a suspended address", n)
				}
				o.subscribed("r0@reader.example", "", Daily) // the reader came back
				o.now = o.now.AddDate(0, 0, 1)
				if n := o.compose(); n != 1 {
					t.Errorf("%d digests after subscribing again", n)
				}
			}
		})
	}
}

// Three refusals of another kind within a month suspend too, and three over a year do not.
func TestSoftBounces(t *testing.T) {
	for days, want := range map[int]bool{7: true, 40: false} {
		o := start(t)
		o.subscribed("r0@reader.example", "", Daily)
		o.server.at("RCPT", -1, reply(552, smtp.EnhancedCode{5, 2, 2}, "over quota"))
		for i := range 3 {
			o.put(fmt.Sprint("Waves number ", i))
			o.now = o.now.AddDate(0, 0, days)
			o.put(fmt.Sprint("Spikes number ", i))
			if n := o.compose(); n != 1 {
				t.Fatalf("%d digests", n)
			}
			o.deliver()
		}
		who, err := o.Subscribers(t.Context())
		o.ok(err)
		if who[0].Suspended.IsZero() == want {
			t.Errorf("every %d days: %+v", days, who)
		}
	}
}

// A server that refuses everything is left alone, and nobody is blamed for it.
func TestServerRefusesUs(t *testing.T) {
	o := start(t)
	all := o.letters(8)
	o.server.fail(func(stage, _ string) fault {
		if stage == "MAIL" {
			return reply(550, smtp.EnhancedCode{5, 7, 1}, "who are you")
		}
		return fault{}
	})
	r, err := o.Deliver(t.Context())
	o.unsaid(err)
	if !errors.Is(err, errServer) || r != (Report{Later: 1}) {
		t.Errorf("%+v, %v", r, err)
	}
	o.server.fail(nil)
	o.now = o.now.Add(time.Hour)
	o.deliver()
	o.once(all)

	// Nobody listens.
	o = start(t)
	o.letters(2)
	m := o.another(func(c *Config) { c.SMTP.Port = 1 })
	r, err = m.Deliver(t.Context())
	if o.unsaid(err); err == nil || r != (Report{Later: 1}) {
		t.Errorf("%+v, %v", r, err)
	}
	// A wrong password, which the server repeats.
	m = o.another(func(c *Config) { c.SMTP.Password = password + "x" })
	r, err = m.Deliver(t.Context())
	if o.unsaid(err); err == nil || !strings.Contains(err.Error(), "535") || r != (Report{Later: 1}) {
		t.Errorf("%+v, %v", r, err)
	}
	// A certificate that nobody vouches for.
	m = o.another(func(c *Config) { c.Roots = x509.NewCertPool() })
	o.now = o.now.Add(time.Hour)
	r, err = m.Deliver(t.Context())
	if o.unsaid(err); err == nil || !strings.Contains(err.Error(), "certificate") || r.Sent > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	// A server that offers no TLS is told nothing.
	o = startWith(t, Plain)
	o.letters(1)
	m = o.another(nil)
	r, err = m.Deliver(t.Context())
	if o.unsaid(err); err == nil || !strings.Contains(err.Error(), "STARTTLS") || len(o.server.taken()) > 0 || o.server.noTLS > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Many letters go over one connection; urgent ones go first; one bad address does not hold up the others.
func TestManyLetters(t *testing.T) {
	o := start(t)
	all := o.letters(120)
	o.ok(o.Subscribe(t.Context(), Request{Address: address(t, "new@reader.example")}))
	o.server.fail(func(stage, to string) fault {
		if stage == "RCPT" && strings.HasPrefix(to, "r50@") {
			return reply(550, smtp.EnhancedCode{5, 1, 1}, "unknown")
		}
		return fault{}
	})
	if r := o.deliver(); r != (Report{Sent: 120, Failed: 1}) {
		t.Fatalf("%+v", r)
	}
	got := o.server.taken()
	if got[0].to != "new@reader.example" {
		t.Errorf("first came the letter to %s", got[0].to)
	}
	if o.server.sessions > 4 { // STARTTLS begins a session anew
		t.Errorf("%d sessions", o.server.sessions)
	}
	o.once(slices.Delete(all, 50, 51))
}

// Several processes deliver from one outbox.
func TestDeliverTogether(t *testing.T) {
	o := start(t)
	all := o.letters(60)
	var wg sync.WaitGroup
	sent := make(chan int, 4)
	for range 4 {
		m := o.another(nil)
		wg.Go(func() {
			r, err := m.Deliver(t.Context())
			if err != nil {
				t.Error(err)
			}
			sent <- r.Sent
		})
	}
	wg.Wait()
	total := 0
	for range 4 {
		total += <-sent
	}
	if total != 60 {
		t.Errorf("%d sent", total)
	}
	o.once(all)
}

// A process that slept through its claim does not send what another has sent.
func TestFencing(t *testing.T) {
	o := start(t)
	all := o.letters(1)
	slept := false
	step = func(name string) {
		if name == "text sent" && !slept { // here it sleeps until its claim has run out and another process has sent the letter
			slept = true
			o.now = o.now.Add(lease + time.Minute)
			if r, err := o.another(nil).Deliver(t.Context()); err != nil || r.Sent != 1 {
				t.Errorf("%+v, %v", r, err)
			}
		}
	}
	defer func() { step = func(string) {} }()
	r, err := o.Deliver(t.Context())
	if o.ok(err); r.Sent != 0 {
		t.Errorf("%+v", r)
	}
	o.once(all)
	if s := o.states(); s != "sent:1" {
		t.Errorf("the outbox is %s", s)
	}
}

// Letters that have become useless are not sent, and keep no link.
func TestExpire(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	o.ok(o.Subscribe(ctx, Request{Address: address(t, "ada@reader.example")}))
	o.now = o.now.Add(ConfirmLife)
	if r := o.deliver(); r != (Report{Expired: 1}) {
		t.Errorf("%+v", r)
	}
	var left int
	o.ok(o.feed.DB().QueryRow("SELECT count(*) FROM outbox WHERE letter <> ''").Scan(&left))
	if left != 0 {
		t.Error("the text is still there")
	}
	o.now = o.now.Add(keep + time.Hour)
	o.deliver()
	if s := o.states(); s != "" {
		t.Errorf("the outbox is %s", s)
	}
}

// A server that never takes a letter is not asked for ever, and asked ever more seldom.
func TestGiveUp(t *testing.T) {
	o := start(t)
	o.letters(1)
	o.server.at("RCPT", -1, reply(451, smtp.EnhancedCode{4, 3, 0}, "later"))
	began, tries, last := o.now, 0, o.now
	for o.states() == "queued:1" && o.now.Sub(began) < 48*time.Hour {
		if r := o.deliver(); r.Later == 1 {
			if tries++; tries > 5 && o.now.Sub(last) < 16*time.Minute {
				t.Errorf("try %d came %v after the one before", tries, o.now.Sub(last))
			}
			last = o.now
		}
		o.now = o.now.Add(time.Minute)
	}
	o.deliver()
	posted, err := o.Outbox(t.Context(), 1)
	o.ok(err)
	if tries != maxTries || posted[0].State != "failed" || !strings.HasPrefix(posted[0].Note, "given up after 14 tries: RCPT: ") {
		t.Errorf("%d tries in %v, then %+v", tries, o.now.Sub(began), posted[0])
	}
}

func TestStopInTheMiddle(t *testing.T) {
	o := start(t)
	all := o.letters(20)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	o.server.fail(func(stage, _ string) fault {
		if stage == "END" {
			if n++; n == 5 {
				cancel()
			}
		}
		return fault{}
	})
	r, err := o.Deliver(ctx)
	if !errors.Is(err, context.Canceled) || r.Sent != 5 {
		t.Errorf("%+v, %v", r, err)
	}
	if s := o.states(); s != "queued:15 sent:5" {
		t.Errorf("the outbox is %s", s)
	}
	o.deliver()
	o.once(all)
}

func TestRun(t *testing.T) {
	o := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.Run(ctx) }()
	o.ok(o.Subscribe(ctx, Request{Address: address(t, "ada@reader.example")}))
	for deadline := time.Now().Add(20 * time.Second); len(o.server.taken()) == 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	o.ok(<-done)
	if n := len(o.server.taken()); n != 1 {
		t.Errorf("%d letters", n)
	}
}

// The child of a crash test delivers, and kills itself at a step.
const childVariable = "GYRUS_DIGEST_TEST_CHILD"

type childOrder struct {
	Path, Step string
	At         int // the how-manieth time the step is reached
	Settings   Settings
	Cert       string
	Now        time.Time
}

func child() int {
	var order childOrder
	if err := json.Unmarshal([]byte(os.Getenv(childVariable)), &order); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	n := 0
	step = func(name string) {
		if name == order.Step {
			if n++; n == order.At {
				me, _ := os.FindProcess(os.Getpid())
				me.Kill()
				select {} // until it happens
			}
		}
	}
	ctx := context.Background()
	store, err := feed.Open(ctx, order.Path)
	if err == nil {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(order.Cert))
		var m *Mailer
		if m, err = Open(ctx, store, Config{Settings: order.Settings, Roots: roots, Now: func() time.Time { return order.Now }}); err == nil {
			_, err = m.Deliver(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// crash runs a child that delivers and kills itself at a step; it reports whether it came to that.
func (o *office) crash(step string, at int) bool {
	o.t.Helper()
	order, err := json.Marshal(childOrder{Path: o.path, Step: step, At: at, Settings: o.settings(), Cert: string(o.server.cert), Now: o.now})
	o.ok(err)
	self, err := os.Executable()
	o.ok(err)
	cmd := exec.CommandContext(o.t.Context(), self)
	cmd.Env = append(os.Environ(), childVariable+"="+string(order))
	out, err := cmd.CombinedOutput()
	o.silent("the child", string(out))
	var exit *exec.ExitError
	return errors.As(err, &exit) && !exit.Exited() // by a signal
}

// Killed at each step, a process neither loses a letter nor repeats one; but for the one span in which SMTP does not allow to know.
func TestCrash(t *testing.T) {
	for _, c := range []struct {
		step  string
		extra int // letters that the server got twice
	}{
		{"claimed", 0}, {"text sent", 0}, {"marked as sending", 0}, {"taken by the server", 1}, {"marked as sent", 0},
	} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			o := start(t)
			all := o.letters(3)
			if !o.crash(c.step, 2) { // at the second letter
				t.Fatal("the child was not killed")
			}
			before := len(o.server.taken())
			if r := o.deliver(); r.Sent != 1 { // the third; the second is still claimed, or sent
				t.Errorf("at once: %+v", r)
			}
			if got := len(o.server.taken()); got != before+1 {
				t.Errorf("at once %d letters came", got-before)
			}
			o.now = o.now.Add(lease + time.Minute)
			r := o.deliver()
			if want := btoi(c.step != "marked as sent"); r.Sent != want {
				t.Errorf("after the claim: %+v", r)
			}
			if want := btoi(c.step == "marked as sending" || c.step == "taken by the server"); r.Unsure != want {
				t.Errorf("after the claim: %+v", r)
			}
			if s := o.states(); s != "sent:3" {
				t.Errorf("the outbox is %s", s)
			}
			o.count(all, c.extra)
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// count checks that everybody got a letter, that so many came twice, and that those are the same to the byte.
func (o *office) count(all []readers.Address, extra int) {
	o.t.Helper()
	first := map[string]string{}
	twice := 0
	for _, d := range o.server.taken() {
		if text, ok := first[d.to]; ok {
			if twice++; text != d.text {
				o.t.Errorf("the second letter to %s differs from the first", d.to)
			}
		}
		first[d.to] = d.text
	}
	if len(first) != len(all) || twice != extra {
		o.t.Errorf("%d of %d got a letter, %d got it twice, which should be %d", len(first), len(all), twice, extra)
	}
}

// A server that fails at random, and a sender that is killed at random: everybody gets the digest, and who gets it twice was unsure.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for some seconds")
	}
	const seed = 4
	r := rand.New(rand.NewPCG(seed, 1))
	o := start(t)
	all := o.letters(30)
	var mu sync.Mutex
	faulty := rand.New(rand.NewPCG(seed, 2))
	o.server.fail(func(stage, _ string) fault {
		mu.Lock()
		defer mu.Unlock()
		if faulty.IntN(12) > 0 {
			return fault{}
		}
		return []fault{reply(451, smtp.EnhancedCode{4, 3, 0}, "later"), {drop: true}, {drop: true, after: true}, reply(421, smtp.EnhancedCode{4, 3, 2}, "bye")}[faulty.IntN(4)]
	})
	steps := []string{"claimed", "text sent", "marked as sending", "taken by the server", "marked as sent"}
	kills := 0
	for range 14 {
		if o.crash(steps[r.IntN(len(steps))], 1+r.IntN(4)) {
			kills++
		}
		o.now = o.now.Add(lease + time.Minute)
	}
	o.server.fail(nil)
	for range 8 {
		o.now = o.now.Add(4 * time.Hour)
		o.deliver()
	}
	if kills < 5 {
		t.Errorf("only %d kills", kills)
	}
	if s := o.states(); s != "sent:30" {
		t.Errorf("the outbox is %s", s)
	}
	posted, err := o.Outbox(t.Context(), -1)
	o.ok(err)
	unsure := map[string]int{}
	total := 0
	for _, p := range posted {
		unsure[p.Address.Reveal()] = p.Unsure
		total += p.Unsure
	}
	count := map[string]int{}
	texts := map[string]string{}
	for _, d := range o.server.taken() {
		count[d.to]++
		if before, ok := texts[d.to]; ok && before != d.text {
			t.Errorf("two different letters to %s", d.to)
		}
		texts[d.to] = d.text
	}
	repeated := 0
	for _, a := range all {
		n := count[a.Reveal()]
		if n == 0 || n > 1+unsure[a.Reveal()] {
			t.Errorf("%s got %d letters, %d were unsure", a.Reveal(), n, unsure[a.Reveal()])
		}
		repeated += n - 1
	}
	t.Logf("%d kills, %d unsure, %d repeated", kills, total, repeated)
}

func TestNote(t *testing.T) {
	o := start(t)
	for in, want := range map[string]string{
		"550 5.1.1 <ada@reader.example>: unknown":                 "550 5.1.1 <(address)>: unknown",
		"see https://help.example/x?t=abc now":                    "see (link) now",
		"mailto:ada@reader.example\r\nX: y":                       "mailto:(address) X: y",
		"535 wrong: " + password:                                  "535 wrong: (password)",
		"rcpt=ada+x@reader.example;ok":                            "rcpt=(address);ok",
		strings.Repeat("a", 300) + strconv.Itoa(len("x")) + "end": strings.Repeat("a", 199) + "…",
	} {
		if got := o.note(errors.New(in)); got != want {
			t.Errorf("%q is noted as %q", in, got)
		}
	}
}
