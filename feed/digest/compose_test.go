package digest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
)

func TestAfter(t *testing.T) {
	for _, c := range []struct {
		every    Every
		at, want string
	}{
		{Daily, "2026-04-20T05:59:59Z", "2026-04-20T06:00:00Z"},
		{Daily, "2026-04-20T06:00:00Z", "2026-04-21T06:00:00Z"},
		{Daily, "2026-12-31T23:00:00Z", "2027-01-01T06:00:00Z"},
		{Daily, "2026-04-20T01:00:00-05:00", "2026-04-21T06:00:00Z"},
		{Weekly, "2026-04-20T05:00:00Z", "2026-04-20T06:00:00Z"}, // a Monday
		{Weekly, "2026-04-20T06:00:00Z", "2026-04-27T06:00:00Z"},
		{Weekly, "2026-04-26T23:00:00Z", "2026-04-27T06:00:00Z"},
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		if got := c.every.after(at, 6).Format(time.RFC3339); got != c.want {
			t.Errorf("%s after %s is %s, not %s", c.every, c.at, got, c.want)
		}
	}
}

// read returns the letters that were composed and not sent, by address, and takes them out.
func (o *office) read() map[string]Letter {
	o.t.Helper()
	out := map[string]Letter{}
	for {
		c, _, err := o.claim(o.t.Context())
		o.ok(err)
		if c == nil {
			return out
		}
		if _, twice := out[c.to.Reveal()]; twice {
			o.t.Errorf("two letters to %s", c.to.Reveal())
		}
		out[c.to.Reveal()] = c.letter
		o.ok(o.failed(o.t.Context(), c, "claimed", "read by a test"))
	}
}

func titles(l Letter, all ...string) (in []string) {
	for _, title := range all {
		switch n := strings.Count(l.Text, "\n"+title+"\n"); {
		case n == 1:
			in = append(in, title)
		case n > 1:
			in = append(in, title+" twice")
		}
	}
	return in
}

func TestCompose(t *testing.T) {
	o := start(t)
	all := []string{"Old waves", "Waves in networks", "Spikes in silicon", "Waves of spikes", "Late waves", "Fresh spikes"}
	o.now = o.now.AddDate(0, 0, -10)
	o.put("Old waves")
	o.now = o.now.AddDate(0, 0, 10)
	o.put("Waves in networks", "Spikes in silicon", "Waves of spikes")
	o.subscribed("everything@reader.example", "", Daily)
	o.subscribed("two@reader.example", "waves", Daily)
	o.subscribed("two@reader.example", "spikes", Daily)
	o.subscribed("weekly@reader.example", "waves", Weekly)
	o.subscribed("nothing@reader.example", "octopus", Daily)

	o.now = time.Date(2026, 4, 21, 6, 30, 0, 0, time.UTC)
	if n := o.compose(); n != 2 {
		t.Errorf("%d digests", n)
	}
	got := o.read()
	if in := titles(got["everything@reader.example"], all...); !slices.Equal(in, all[1:4]) {
		t.Errorf("everything is %q", in)
	}
	if in := titles(got["two@reader.example"], all...); !slices.Equal(in, all[1:4]) { // a paper that answers both queries comes once
		t.Errorf("two queries find %q in\n%s", in, got["two@reader.example"].Text)
	}
	if n := strings.Count(got["two@reader.example"].Text, "\nwaves\n-----\n") + strings.Count(got["two@reader.example"].Text, "\nspikes\n------\n"); n != 2 {
		t.Errorf("%d headings in\n%s", n, got["two@reader.example"].Text)
	}

	// Late waves comes into the feed after the digest of its day; Fresh spikes the next day. What was sent does not come again.
	o.put("Late waves")
	o.now = time.Date(2026, 4, 22, 6, 0, 1, 0, time.UTC)
	o.put("Fresh spikes")
	o.now = o.now.Add(time.Hour)
	o.compose()
	got = o.read()
	if in := titles(got["everything@reader.example"], all...); !slices.Equal(in, []string{"Late waves", "Fresh spikes"}) {
		t.Errorf("the next day brings %q", in)
	}
	// Nothing new, no letter; and it is not asked for again before the next day.
	o.now = o.now.AddDate(0, 0, 1)
	if n := o.compose(); n != 0 {
		t.Errorf("%d empty digests", n)
	}
	// The machine was off for days: one letter.
	o.now = o.now.AddDate(0, 0, 4)
	o.put("Waves at last")
	o.now = o.now.AddDate(0, 0, 1)
	o.compose()
	got = o.read()
	if in := titles(got["weekly@reader.example"], append(all, "Waves at last")...); !slices.Equal(in, []string{"Waves in networks", "Waves of spikes", "Late waves", "Waves at last"}) {
		t.Errorf("the week is %q", in)
	}
	if in := titles(got["everything@reader.example"], append(all, "Waves at last")...); !slices.Equal(in, []string{"Waves at last"}) {
		t.Errorf("after days there is %q", in)
	}
}

func TestComposeShowsSome(t *testing.T) {
	o := start(t)
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("Waves of kind %d", i))
	}
	o.put(many...)
	o.subscribed("ada@reader.example", "", Daily)
	seen := map[string]bool{}
	for day := range 3 { // what is left comes the next days, while it is fresh
		o.now = o.now.Add(24 * time.Hour)
		o.compose()
		l := o.read()["ada@reader.example"]
		in := titles(l, many...)
		if len(in) != Daily.shown() || !strings.Contains(l.Text, "There is more: https://papers.example.org/\n") || !strings.Contains(l.HTML, "More on this") {
			t.Errorf("day %d has %d papers", day, len(in))
		}
		for _, title := range in {
			if seen[title] {
				t.Errorf("%s came twice", title)
			}
			seen[title] = true
		}
	}
}

// Several processes compose at once: one letter for everybody.
func TestComposeTogether(t *testing.T) {
	o := start(t)
	o.put("Waves in networks")
	for i := range 20 {
		o.subscribed(fmt.Sprintf("r%d@reader.example", i), "", Daily)
	}
	o.now = o.now.Add(24 * time.Hour)
	var wg sync.WaitGroup
	made := make(chan int, 4)
	for range 4 {
		m := o.another(nil)
		wg.Go(func() {
			n, err := m.Compose(t.Context())
			if err != nil {
				t.Error(err)
			}
			made <- n
		})
	}
	wg.Wait()
	total := 0
	for range 4 {
		total += <-made
	}
	if got := o.read(); total != 20 || len(got) != 20 {
		t.Errorf("%d composed, %d readers", total, len(got))
	}
}

// A search that fails for one does not keep the others from their digest, and is tried again.
func TestComposeFailure(t *testing.T) {
	o := start(t)
	boom := errors.New("the index is torn")
	fails := true
	o.config.Find = func(_ context.Context, query string, _ time.Time, _ int) ([]feed.Paper, error) {
		if query == "bad" && fails {
			return nil, boom
		}
		return o.feed.List(t.Context(), feed.Filter{})
	}
	o.put("Waves in networks")
	o.subscribed("bad@reader.example", "bad", Daily)
	o.subscribed("good@reader.example", "good", Daily)
	o.now = o.now.Add(24 * time.Hour)
	n, err := o.Compose(t.Context())
	if n != 1 || !errors.Is(err, boom) {
		t.Errorf("%d digests, %v", n, err)
	}
	o.unsaid(err)
	fails = false
	if n := o.compose(); n != 1 {
		t.Errorf("%d digests at the second try", n)
	}
	if got := o.read(); len(got) != 2 {
		t.Errorf("%d letters", len(got))
	}
}

// Who leaves between composing and sending gets nothing.
func TestLeaveBeforeSending(t *testing.T) {
	o := start(t)
	all := o.letters(2)
	o.ok(o.LeaveOf(t.Context(), all[0], 0))
	o.deliver()
	o.once(all[1:])
	if n := len(o.server.taken()); n != 1 {
		t.Errorf("%d letters", n)
	}
}

func TestSubscribe(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	ada := address(t, "ada@reader.example")
	for _, r := range []Request{
		{Query: "waves"}, {Address: ada, Every: "hour"}, {Address: ada, Query: strings.Repeat("a", 401)}, {Address: ada, Label: strings.Repeat("a", 401)},
	} {
		var refusal *readers.Refusal
		if err := o.Subscribe(ctx, r); !errors.As(err, &refusal) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	// The same answer and the same letter whether or not it is subscribed.
	o.subscribed("eve@reader.example", "waves", Daily)
	for _, who := range []string{"ada@reader.example", "eve@reader.example"} {
		o.ok(o.Subscribe(ctx, Request{Address: address(t, who), Query: " waves\u202e \n", Every: Weekly}))
	}
	o.deliver()
	var bodies []string
	for _, d := range o.server.taken() {
		_, plain, _ := parts(t, d.text)
		link := between(t, plain, "/digest/confirm?t=", "\n")
		o.tokens = append(o.tokens, link)
		bodies = append(bodies, strings.ReplaceAll(plain, link, "LINK"))
	}
	if len(bodies) != 2 || bodies[0] != bodies[1] || !strings.Contains(bodies[0], "“waves”") {
		t.Errorf("the letters are %q", bodies)
	}
	// Confirming changes the rhythm of what was there.
	o.ok(o.Confirm(ctx, o.tokens[1]))
	if subs, err := o.SubscriptionsOf(ctx, address(t, "eve@reader.example")); err != nil || len(subs) != 1 || subs[0].Every != Weekly {
		t.Errorf("%+v, %v", subs, err)
	}

	for _, token := range []string{"", "a", ".", "..", o.tokens[0] + "a", o.tokens[0][1:], "1.zzz." + strings.Repeat("a", 32), o.leaveToken(1), strings.Repeat("a.", 1000)} {
		if err := o.Confirm(ctx, token); !errors.Is(err, ErrLink) {
			t.Errorf("%q: %v", token, err)
		}
		if _, err := o.CheckConfirm(ctx, token); !errors.Is(err, ErrLink) {
			t.Errorf("%q: %v", token, err)
		}
	}
	for _, token := range []string{"", "a", o.tokens[0], o.token("leave", "1", o.now), o.token("leave", "!", o.now.Add(time.Hour))} {
		if err := o.Leave(ctx, token, 0); !errors.Is(err, ErrLink) {
			t.Errorf("%q: %v", token, err)
		}
		if _, err := o.Subscriptions(ctx, token); !errors.Is(err, ErrLink) {
			t.Errorf("%q: %v", token, err)
		}
	}
	// Another reading room's key.
	other := *o.Mailer
	other.key = make([]byte, 32)
	if err := o.Leave(ctx, other.leaveToken(1), 0); !errors.Is(err, ErrLink) {
		t.Errorf("%v", err)
	}

	// What nobody confirms leaves nothing behind.
	o.now = o.now.Add(ConfirmLife + time.Hour)
	if err := o.Confirm(ctx, o.tokens[0]); !errors.Is(err, ErrLink) {
		t.Errorf("a late confirmation: %v", err)
	}
	o.subscribed("new@reader.example", "", Daily)
	who, err := o.Subscribers(ctx)
	o.ok(err)
	if len(who) != 2 || who[0].Address.Reveal() != "eve@reader.example" || who[1].Address.Reveal() != "new@reader.example" {
		t.Errorf("%+v", who)
	}

	// Nobody's mailbox is filled with letters to confirm.
	n := 0
	for range 10 {
		if err := o.Subscribe(ctx, Request{Address: address(t, "victim@reader.example")}); err == nil {
			n++
		} else if !errors.Is(err, readers.ErrTooOften) {
			t.Error(err)
		}
	}
	if n != 4 {
		t.Errorf("%d letters to one address", n)
	}
	n = 0
	for i := range 30 {
		if o.Subscribe(ctx, Request{Address: address(t, fmt.Sprintf("v%d@reader.example", i)), From: "192.0.2.1"}) == nil {
			n++
		}
	}
	if n != 20 {
		t.Errorf("%d letters asked for from one network address", n)
	}
}

func TestLeaveOne(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	a := o.subscribed("ada@reader.example", "waves", Daily)
	o.subscribed("ada@reader.example", "spikes", Daily)
	eve := o.subscribed("eve@reader.example", "spikes", Daily)
	subs, err := o.SubscriptionsOf(ctx, a)
	o.ok(err)
	others, err := o.SubscriptionsOf(ctx, eve)
	o.ok(err)
	o.ok(o.LeaveOf(ctx, a, others[0].ID)) // not hers
	if still, _ := o.SubscriptionsOf(ctx, eve); len(still) != 1 {
		t.Error("one reader ended the digest of another")
	}
	o.ok(o.LeaveOf(ctx, a, subs[0].ID))
	if subs, _ = o.SubscriptionsOf(ctx, a); len(subs) != 1 || subs[0].Query != "spikes" {
		t.Errorf("%+v", subs)
	}
}

// An account that is deleted takes what is here along.
func TestForget(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	people, err := readers.Open(ctx, o.feed, readers.Config{Letter: o.SignIn, Now: func() time.Time { return o.now }})
	o.ok(err)
	ada := address(t, "ada@reader.example")
	o.ok(people.AskSignIn(ctx, ada, ""))
	o.deliver()
	_, plain, html := parts(t, o.server.taken()[0].text)
	token := between(t, plain, "https://papers.example.org/reader/enter?t=", "\n")
	o.tokens = append(o.tokens, token)
	if !strings.Contains(html, token) || !strings.Contains(plain, "within 20 minutes") {
		t.Errorf("the letter is %s", plain)
	}
	me, _, err := people.SignIn(ctx, token)
	o.ok(err)
	o.letters(1)
	o.subscribed("ada@reader.example", "waves", Daily)
	o.ok(people.Delete(ctx, me.ID, o.Forget))
	var left int
	o.ok(o.feed.DB().QueryRow("SELECT (SELECT count(*) FROM recipients WHERE address LIKE 'ada%') + (SELECT count(*) FROM outbox WHERE address LIKE 'ada%')").Scan(&left))
	if left != 0 {
		t.Errorf("%d rows are left", left)
	}
	if r := o.deliver(); r.Sent != 1 { // the other reader's
		t.Errorf("%+v", r)
	}
}

// Papers that turn out to be one are not sent as two.
func TestMergedPapers(t *testing.T) {
	o := start(t)
	listed := o.now
	importing := func(p feed.Paper) {
		p.Listed = listed
		_, err := o.feed.Import(t.Context(), "test", func(yield func(feed.Paper, error) bool) { yield(p, nil) })
		o.ok(err)
	}
	importing(feed.Paper{DOI: "10.1000/a", Title: "Waves on a torus"})
	o.subscribed("ada@reader.example", "", Daily)
	o.now = o.now.Add(24 * time.Hour)
	o.compose()
	importing(feed.Paper{ArXiv: "2604.00001", Title: "Waves on a ring"})
	importing(feed.Paper{ArXiv: "2604.00001", DOI: "10.1000/a", Title: "Waves on a ring"})
	o.now = o.now.Add(24 * time.Hour)
	o.read()
	if n := o.compose(); n != 0 {
		t.Errorf("%d digests: %v", n, o.read())
	}
}

func TestSettings(t *testing.T) {
	t.Setenv(PasswordVariable, "")
	good := Settings{Site: "https://papers.example.org/", From: "Papers <papers@example.org>", SMTP: SMTP{Host: "mail.example.org", User: "u", Password: password}}
	path := filepath.Join(t.TempDir(), "mail.json")
	if _, err := ReadSettings(path); !errors.Is(err, ErrNoSettings) {
		t.Errorf("a missing file: %v", err)
	}
	if err := good.Write(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	back, err := ReadSettings(path)
	if err != nil || back.Site != "https://papers.example.org" || back.SMTP.Port != 587 || back.SMTP.Security != StartTLS || back.Bounces != "papers@example.org" || back.SMTP.Password != password {
		t.Errorf("%+v, %v", back, err)
	}
	t.Setenv(PasswordVariable, "another")
	if back, err = ReadSettings(path); err != nil || back.SMTP.Password != "another" {
		t.Errorf("%+v, %v", back, err)
	}
	for name, change := range map[string]func(*Settings){
		"no site":                   func(s *Settings) { s.Site = "" },
		"site in the clear":         func(s *Settings) { s.Site = "http://papers.example.org" },
		"site with a query":         func(s *Settings) { s.Site += "?a=b" },
		"site with a password":      func(s *Settings) { s.Site = "https://a:b@papers.example.org" },
		"site of another kind":      func(s *Settings) { s.Site = "javascript:alert(1)//x" },
		"no sender":                 func(s *Settings) { s.From = "" },
		"two senders":               func(s *Settings) { s.From = "a@example.org, b@example.org" },
		"sender of two lines":       func(s *Settings) { s.From = "a@example.org\r\nBcc: b@example.org" },
		"bounces to nobody":         func(s *Settings) { s.Bounces = "x" },
		"bounces with a command":    func(s *Settings) { s.Bounces = "a@example.org> SIZE=1" },
		"hour 24":                   func(s *Settings) { s.Hour = 24 },
		"long contact":              func(s *Settings) { s.Contact = strings.Repeat("a", 301) },
		"no server":                 func(s *Settings) { s.SMTP.Host = "" },
		"server with a port":        func(s *Settings) { s.SMTP.Host = "mail.example.org:25" },
		"port":                      func(s *Settings) { s.SMTP.Port = 70000 },
		"security":                  func(s *Settings) { s.SMTP.Security = "ssl" },
		"in the clear":              func(s *Settings) { s.SMTP.Security, s.SMTP.User = Plain, "" },
		"password in the clear":     func(s *Settings) { s.SMTP.Security, s.SMTP.Host = Plain, "localhost" },
		"password without security": func(s *Settings) { s.SMTP = SMTP{Host: "127.0.0.1", Security: Plain, User: "u", Password: "p"} },
	} {
		s := good
		change(&s)
		if err := s.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv(PasswordVariable, "")
	good.SMTP.Password = "" // it is to come from the environment
	if err := good.Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSettings(path); err == nil || !strings.Contains(err.Error(), PasswordVariable) {
		t.Errorf("without a password: %v", err)
	}
	os.WriteFile(path, []byte(`{"site": "https://a.example", "nonsense": 1}`), 0o600)
	if _, err := ReadSettings(path); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestFindInFeed(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	o.ok(o.feed.Register(ctx, feed.System{Slug: "waver", Family: "recurrent", Title: "Waves in networks"}))
	o.put("Waves in networks", "Spikes in silicon", "Waves of spikes")
	asked := ""
	with := FindInFeed(o.feed, func(_ context.Context, query string, _ time.Time, _ int) ([]feed.Paper, error) {
		asked += query + ";"
		return nil, nil
	})
	for query, want := range map[string]int{"": 3, "family:recurrent": 1, "family:none": 0, "WAVES": 2, "waves spikes": 1, "family:recurrent waves": 0} {
		found, err := FindInFeed(o.feed, nil)(ctx, query, o.now.Add(-time.Hour), 10)
		o.ok(err)
		if len(found) != want {
			t.Errorf("%q finds %d papers", query, len(found))
		}
		if _, err := with(ctx, query, time.Time{}, 10); err != nil {
			t.Error(err)
		}
	}
	if len(strings.Split(strings.TrimSuffix(asked, ";"), ";")) != 3 || strings.Contains(asked, "none") {
		t.Errorf("search was asked for %q", asked)
	}
	if found, _ := FindInFeed(o.feed, nil)(ctx, "", o.now.Add(time.Hour), 10); len(found) != 0 {
		t.Errorf("%d papers of the future", len(found))
	}
	if found, _ := FindInFeed(o.feed, nil)(ctx, "", time.Time{}, 2); len(found) != 2 {
		t.Errorf("%d papers, not 2", len(found))
	}
	papers, err := o.feed.List(ctx, feed.Filter{})
	o.ok(err)
	o.ok(o.feed.Record(ctx, feed.Signal{Paper: papers[2].ID, Kind: feed.Upvote, Delta: 5}))
	if found, _ := FindInFeed(o.feed, nil)(ctx, "", time.Time{}, 1); found[0].ID != papers[2].ID {
		t.Errorf("%q comes before what trends", found[0].Title)
	}
}
