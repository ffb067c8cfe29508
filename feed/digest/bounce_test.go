package digest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// report is a delivery report as mail servers write it.
func report(id, action, status, diagnostic string) string {
	return strings.ReplaceAll(fmt.Sprintf(`Return-Path: <>
From: Mail Delivery System <mailer-daemon@relay.example>
To: bounces@example.org
Subject: Undelivered mail returned to sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="b=1"

This is a MIME-encapsulated message.

--b=1
Content-Type: text/plain; charset=us-ascii

I am sorry.

--b=1
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
X-Queue-ID: 4B1

Final-Recipient: rfc822; r0@reader.example
Original-Recipient: rfc822;r0@reader.example
Action: %s
Status: %s
Remote-MTA: dns; mx.reader.example
Diagnostic-Code: smtp; %s

--b=1
Content-Type: text/rfc822-headers

From: Gyrus Papers <papers@example.org>
Message-ID:
 <%s>
Subject: Waves

--b=1--
`, action, status, diagnostic, id), "\n", "\r\n")
}

func TestParseBounce(t *testing.T) {
	whole := report("a.b@example.org", "failed", "5.1.1", "550 5.1.1 <r0@reader.example>:\n    no such user")
	want := Bounce{MessageID: "a.b@example.org", Action: "failed", Status: "5.1.1", Why: "550 5.1.1 <r0@reader.example>: no such user"}
	encoded := strings.NewReplacer("Content-Type: message/delivery-status\r\n", "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: quoted-printable\r\n", "Action: failed", "Action: fail=65d").Replace(whole)
	twice := strings.Replace(whole, "\r\n\r\nFinal-Recipient", "\r\n\r\nFinal-Recipient: rfc822; other@reader.example\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\nFinal-Recipient", 1)
	for name, c := range map[string]struct {
		in   string
		want Bounce
	}{
		"as it is":              {whole, want},
		"with bare new lines":   {strings.ReplaceAll(whole, "\r\n", "\n"), want},
		"the letter whole":      {strings.Replace(whole, "text/rfc822-headers", "message/rfc822", 1), want},
		"capitals":              {strings.NewReplacer("Action: failed", "ACTION: FAILED", "message/delivery-status", "Message/Delivery-Status", "Message-ID", "MESSAGE-Id").Replace(whole), want},
		"quoted-printable":      {encoded, want},
		"two recipients":        {twice, want},
		"delayed":               {report("a.b@example.org", "delayed", "4.4.1", "timed out"), Bounce{"a.b@example.org", "delayed", "4.4.1", "timed out"}},
		"no status":             {strings.Replace(whole, "Status: 5.1.1\r\n", "", 1), Bounce{want.MessageID, "failed", "", want.Why}},
		"status with a comment": {strings.Replace(whole, "Status: 5.1.1", "Status: 5.1.1 (bad mailbox)", 1), want},
	} {
		got, err := ParseBounce(strings.NewReader(c.in))
		if got.Why = strings.ReplaceAll(got.Why, "550 550", "550"); err != nil || strings.Contains(name, "delayed") && got.Action != "delayed" || !strings.Contains(name, "delayed") && got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	for name, in := range map[string]string{
		"nothing":           "",
		"no message":        "no message",
		"another message":   "Subject: hello\r\nContent-Type: text/plain\r\n\r\nFinal-Recipient: rfc822; r0@reader.example\r\nAction: failed\r\n",
		"another multipart": strings.Replace(whole, "multipart/report", "multipart/mixed", 1),
		"no status part":    strings.Replace(whole, "message/delivery-status", "text/plain", 1),
		"no letter":         strings.Replace(whole, "text/rfc822-headers", "text/plain", 1),
		"torn":              whole[:strings.Index(whole, "Status:")],
		"no boundary":       strings.Replace(whole, "boundary=\"b=1\"", "x=y", 1),
		"many parts":        strings.Replace(whole, "--b=1\r\n", strings.Repeat("--b=1\r\nContent-Type: text/plain\r\n\r\nx\r\n", 100)+"--b=1\r\n", 1),
		"huge":              strings.Replace(whole, "I am sorry.", strings.Repeat("I am sorry.\r\n", 1<<19), 1),
		"nested":            strings.Repeat("Content-Type: multipart/report; boundary=a\r\n\r\n--a\r\n", 1000) + whole,
	} {
		if got, err := ParseBounce(strings.NewReader(in)); !errors.Is(err, ErrNoReport) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestBounced(t *testing.T) {
	for _, c := range []struct {
		action, status     string
		suspended, bounced bool
	}{{"failed", "5.1.1", true, true}, {"failed", "5.2.1", true, true}, {"failed", "5.7.1", false, true}, {"failed", "5.2.2", false, true}, {"failed", "4.4.7", false, false}, {"delayed", "4.4.1", false, false}, {"delivered", "2.0.0", false, false}} {
		t.Run(c.action+" "+c.status, func(t *testing.T) {
			o := start(t)
			ctx := t.Context()
			all := o.letters(2)
			o.deliver()
			head, _, _ := parts(t, o.server.taken()[0].text)
			id := strings.Trim(head.Get("Message-Id"), "<>")
			for range 2 { // the same report again counts once
				b, to, suspended, err := o.Bounced(ctx, strings.NewReader(report(id, c.action, c.status, "550 "+c.status+" <r0@reader.example> is gone")))
				o.ok(err)
				if b.Action != c.action || to.Reveal() != all[0].Reveal() || suspended != c.suspended {
					t.Errorf("%+v, %v, %v", b, to.Reveal(), suspended)
				}
				o.silent("what is told", b.Why)
			}
			who, err := o.Subscribers(ctx)
			o.ok(err)
			if who[0].Suspended.IsZero() == c.suspended || (who[0].Bounces == 1) != c.bounced || !who[1].Suspended.IsZero() || who[1].Bounces != 0 {
				t.Errorf("%+v", who)
			}
			o.silent("the reason", who[0].Why)
		})
	}
}

// Who makes up a report cannot end the digests of others.
func TestForgedBounce(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	o.letters(2)
	o.deliver()
	head, _, _ := parts(t, o.server.taken()[0].text)
	id := strings.Trim(head.Get("Message-Id"), "<>")
	_, rest, _ := strings.Cut(id, ".")
	for _, forged := range []string{"", "x", "1." + strings.Repeat("a", 32) + "@example.org", "2." + rest, "zzzzzzzzzzzzzzzzz." + rest, strings.ToUpper(id), id + "x"} {
		text := report(forged, "failed", "5.1.1", "gone")
		if _, _, suspended, err := o.Bounced(ctx, strings.NewReader(text)); suspended || !errors.Is(err, ErrNotOurs) && !errors.Is(err, ErrNoReport) {
			t.Errorf("%q: %v, %v", forged, suspended, err)
		}
	}
	who, err := o.Subscribers(ctx)
	o.ok(err)
	for _, w := range who {
		if w.Bounces > 0 || !w.Suspended.IsZero() {
			t.Errorf("%+v", w)
		}
	}
}

func TestSuspendByHand(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	all := o.letters(1)
	o.ok(o.Suspend(ctx, all[0], "she wrote to us"))
	o.ok(o.Suspend(ctx, address(t, "never@reader.example"), "trap"))
	if r := o.deliver(); r.Sent != 0 {
		t.Errorf("%+v", r)
	}
	who, err := o.Subscribers(ctx)
	o.ok(err)
	if len(who) != 2 || who[0].Suspended.IsZero() || who[0].Why != "trap" || who[1].Why != "she wrote to us" {
		t.Errorf("%+v", who)
	}
	o.ok(o.Resume(ctx, all[0]))
	if err := o.Resume(ctx, all[0]); err == nil {
		t.Error("resumed twice")
	}
	o.now = o.now.Add(24 * time.Hour)
	o.put("More waves")
	if n := o.compose(); n != 1 {
		t.Errorf("%d digests", n)
	}
}

func FuzzParseBounce(f *testing.F) {
	f.Add(report("a.b@example.org", "failed", "5.1.1", "550 no"))
	f.Add("Content-Type: multipart/report; boundary=a\n\n--a\nContent-Type: message/delivery-status\n\nA: b\n\nAction: failed\n\n--a--")
	f.Fuzz(func(t *testing.T, in string) {
		b, err := ParseBounce(strings.NewReader(in))
		if err != nil && !errors.Is(err, ErrNoReport) {
			t.Fatal(err)
		}
		if err == nil && (b.MessageID == "" || b.Action == "" || len([]rune(b.Why)) > 300) {
			t.Fatalf("%+v", b)
		}
	})
}
