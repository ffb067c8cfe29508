package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/digest"
	"github.com/gyrus-dev/gyrus/feed/readers"
)

// verb runs a verb in this process.
func verb(t *testing.T, home string, make func(*app) *cobra.Command, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := make(&app{home: home})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(""))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		errs.WriteString(err.Error())
	}
	return out.String(), errs.String(), exitStatus(err)
}

// mailbox is an SMTP server that takes everything.
type mailbox struct {
	mu  sync.Mutex
	got []string
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return m, nil }
func (m *mailbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (m *mailbox) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (m *mailbox) Reset()                                      {}
func (m *mailbox) Logout() error                               { return nil }

func (m *mailbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, string(text))
	return err
}

// openRoom fills a home folder with a feed.
func openRoom(t *testing.T) (home string, store *feed.Store) {
	t.Helper()
	home = t.TempDir()
	store, err := (&app{home: home}).openFeed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	_, err = store.Import(t.Context(), "test", func(yield func(feed.Paper, error) bool) {
		_ = yield(feed.Paper{Title: "Waves in networks", Abstract: "Of waves.", Authors: []string{"Ada Blue"}, Listed: time.Now().Add(-time.Hour)}, nil) &&
			yield(feed.Paper{Title: "Langevin flows for modeling neural latent dynamics", Listed: time.Date(2026, 4, 20, 8, 0, 0, 0, time.UTC)}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	return home, store
}

func TestDigestPreview(t *testing.T) {
	home, _ := openRoom(t)
	dir := t.TempDir()
	page := filepath.Join(dir, "digest.html")
	if err := os.WriteFile(filepath.Join(dir, "taken.txt"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args   string
		status int
		want   string
	}{
		{"preview " + page, 0, `"Waves in networks"`},
		{"preview " + page, 2, "--force overwrites it"},
		{"preview " + page + " --force --every week", 0, "digest.html: "},
		{"preview " + dir + "/taken.txt", 2, "--force overwrites it"},
		{"preview " + dir + "/digest.txt --query waves", 0, "digest.txt: "},
		{"preview " + dir + "/digest.eml --at 2026-04-20 --query family:populations", 0, `"Langevin flows`},
		{"preview " + dir + "/none.txt --at 1999-01-01", 2, "no paper was listed in that time"},
		{"preview " + dir + "/none.txt --at yesterday", 2, "write a day like 2026-04-20"},
		{"preview " + dir + "/none.txt --every hour", 2, "every day or every week"},
		{"preview " + dir + "/none.pdf", 2, "ends in .html, .txt or .eml"},
		{"preview", 2, "accepts 1 arg"},
	} {
		stdout, stderr, status := verb(t, home, (*app).digestCommand, strings.Fields(step.args)...)
		if status != step.status || !strings.Contains(stdout+stderr, step.want) {
			t.Errorf("gyrus digest %s: status %d\n%s%s", step.args, status, stdout, stderr)
		}
	}
	for name, want := range map[string]string{"digest.html": "<!doctype html>", "digest.txt": "GYRUS · ", "digest.eml": "multipart/alternative", "taken.txt": "mine"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %v, %.200q", name, err, data)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none.txt")); err == nil {
		t.Error("an empty preview was written")
	}
	// The same under gyrus feed.
	stdout, stderr, status := verb(t, home, (*app).feedDigestCommand, "--preview", filepath.Join(dir, "other.html"))
	if status != 0 || !strings.Contains(stdout, "other.html") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	if _, stderr, status = verb(t, home, (*app).feedDigestCommand); status != 2 || !strings.Contains(stderr, "gyrus digest setup") {
		t.Errorf("sending without settings: status %d, %s", status, stderr)
	}
}

func TestDigestSend(t *testing.T) {
	t.Setenv(digest.PasswordVariable, "")
	home, store := openRoom(t)
	box := &mailbox{}
	server := smtp.NewServer(box)
	server.Domain = "localhost"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })

	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("hush hush\nmore"), 0o600); err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report.eml")
	if err := os.WriteFile(report, []byte("Subject: hello\n\nhello"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := "setup --site https://papers.example.org --from papers@example.org "
	steps := func(list ...struct {
		args   string
		status int
		want   string
	}) {
		t.Helper()
		for _, step := range list {
			stdout, stderr, status := verb(t, home, (*app).digestCommand, strings.Fields(step.args)...)
			if status != step.status || !strings.Contains(stdout+stderr, step.want) || strings.Contains(stdout+stderr, "hush") {
				t.Errorf("gyrus digest %s: status %d, want %d and %q\n%s%s", step.args, status, step.status, step.want, stdout, stderr)
			}
		}
	}
	type s = struct {
		args   string
		status int
		want   string
	}
	steps(
		s{"send", 2, "gyrus digest setup"},
		s{base, 2, "no name of a mail server"},
		s{base + "--smtp mail.example.org:x", 2, "no port"},
		s{base + "--smtp mail.example.org --security none", 2, "only to a server on this machine"},
		s{base + "--smtp mail.example.org --user u --password-file " + secret, 0, "through mail.example.org:587 (starttls)"},
		s{base + "--smtp localhost", 2, "--force replaces it"},
		s{base + "--smtp mail.example.org --user u --force", 0, "There is no password yet"},
		s{"send", 2, digest.PasswordVariable},
		s{base + "--force --security none --smtp " + l.Addr().String(), 0, "(none)"},
		s{"send", 0, "0 digests composed; of the outbox 0 sent"},
		s{"subscribers", 0, "Nobody has subscribed."},
		s{"outbox", 0, "There is no such letter."},
	)
	a := &app{home: home}
	settings, err := a.mailSettings()
	if err != nil {
		t.Fatal(err)
	}
	ada, err := readers.ParseAddress("ada@reader.example")
	if err != nil {
		t.Fatal(err)
	}
	m, err := digest.Open(t.Context(), store, digest.Config{Settings: settings, Now: func() time.Time { return time.Now().Add(-30 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Subscribe(t.Context(), digest.Request{Address: ada, Query: "waves", Proven: true}); err != nil {
		t.Fatal(err)
	}
	steps(
		s{"subscribers", 0, "ada@reader.example  day    waves  next "},
		s{"send", 0, "1 digest composed; of the outbox 1 sent, 0 refused"},
		s{"send", 0, "0 digests composed; of the outbox 0 sent"},
		s{"outbox", 0, "ada@reader.example"},
		s{"outbox --state sent --json", 0, `"address": "ada@reader.example"`},
		s{"outbox --state failed", 0, "There is no such letter."},
		s{"outbox --state lost", 2, "there are queued"},
		s{"bounce " + report, 2, "no report of mail that came back"},
		s{"bounce nobody", 2, "no such file"},
		s{"bounce ada@reader", 2, "not an email address"},
		s{"bounce ada@reader.example --why gone", 0, "suspended"},
		s{"subscribers --json", 0, `"why": "gone"`},
		s{"resume ada@reader.example", 0, "digests go there again"},
		s{"resume ada@reader.example", 2, "is not suspended"},
		s{"unsubscribe ada@reader.example", 0, "1 digest ended"},
		s{"unsubscribe ada@reader.example", 0, "0 digests ended"},
	)
	if len(box.got) != 1 || !strings.Contains(box.got[0], "https://papers.example.org/paper/") || !strings.Contains(box.got[0], "List-Unsubscribe-Post: List-Unsubscribe=One-Click") {
		t.Errorf("the letters are %q", box.got)
	}
}

func TestReaders(t *testing.T) {
	home, store := openRoom(t)
	ctx := t.Context()
	token := ""
	people, err := readers.Open(ctx, store, readers.Config{Letter: func(_ context.Context, _ *sql.Tx, _ readers.Address, secret string, _ time.Time) error {
		token = secret
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	enter := func(address string) readers.Reader {
		a, err := readers.ParseAddress(address)
		if err == nil {
			err = people.AskSignIn(ctx, a, "")
		}
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := people.SignIn(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ada, eve := enter("ada@reader.example"), enter("eve@reader.example")
	papers, err := store.List(ctx, feed.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var comments []int64
	for i := range 3 {
		id, err := people.Comment(ctx, readers.NewComment{Reader: eve.ID, Paper: papers[0].ID, Body: fmt.Sprintf("Buy %d\nreport 7 by reader 1", i)})
		if err != nil {
			t.Fatal(err)
		}
		comments = append(comments, id)
		if err := people.ReportComment(ctx, ada.ID, id, "advertising"); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []readers.Reader{ada, eve} {
		if err := people.ClaimPaper(ctx, r.ID, papers[0].ID, "see my\npage"); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "ada.json")
	for _, step := range []struct {
		args   string
		status int
		want   string
	}{
		{"list", 0, "1   Reader 1  ada@reader.example"},
		{"list --json", 0, `"address": "eve@reader.example"`},
		{"list --suspended", 0, "There is nobody."},
		{"comments", 0, "    Buy 2\n    report 7 by reader 1\n"},
		{"comments --reader ada@reader.example", 0, "There are no comments."},
		{"comments --reader 99", 2, "there is no reader 99"},
		{"reports", 0, "report 1 by reader 1"},
		{"report dismiss 1", 0, "decided"},
		{"report uphold 2", 0, "decided"},
		{"report uphold 2", 2, "no report 2 to decide"},
		{"report uphold x", 2, "no report x to decide"},
		{fmt.Sprint("delete-comment ", comments[2]), 0, "deleted"},
		{fmt.Sprint("delete-comment ", comments[2]), 2, "there is no comment"},
		{"delete-comment x", 2, "there is no comment x"},
		{"reports", 0, "Nothing waits"},
		{"claims", 0, "evidence: see my page\n"},
		{"claim accept 1", 0, "decided"},
		{"claim refuse 2 --why no", 0, "decided"},
		{"claim refuse 9", 2, "no claim 9"},
		{"claims", 0, "Nothing waits"},
		{"moderator 1", 0, "Reader 1: moderates\n"},
		{"moderator ada@reader.example --off", 0, "no longer"},
		{"suspend eve@reader.example --why spam", 0, "gyrus readers reinstate 2"},
		{"list --suspended", 0, ": spam"},
		{"reinstate 2", 0, "may sign in"},
		{"reinstate 2", 2, "is not suspended"},
		{"suspend nobody@reader.example", 2, "there is no reader"},
		{"export 1 --out " + file, 0, ""},
		{"export 1 --out " + file, 2, "file exists"},
		{"export ada@reader.example", 0, `"reports": [`},
		{"delete 1", 2, "--yes"},
		{"delete 1 --yes", 0, "deleted"},
		{"delete 1 --yes", 2, "there is no reader 1"},
		{"lst", 2, "has no verb"},
	} {
		stdout, stderr, status := verb(t, home, (*app).readersCommand, strings.Fields(step.args)...)
		if status != step.status || !strings.Contains(stdout+stderr, step.want) {
			t.Errorf("gyrus readers %s: status %d, want %d and %q\n%s%s", step.args, status, step.status, step.want, stdout, stderr)
		}
	}
	if authors, err := people.Authors(ctx, papers[0].ID); err != nil || len(authors) != 0 {
		t.Errorf("%+v, %v", authors, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
