package readers

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// room is a feed with papers and readers, at a time that tests move.
type room struct {
	*Store
	feed    *feed.Store
	t       *testing.T
	now     time.Time
	letters []letter
	papers  []feed.Paper
}

type letter struct{ to, token string }

func open(t *testing.T) *room {
	t.Helper()
	store, err := feed.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	r := &room{feed: store, t: t, now: time.Now().UTC().Truncate(time.Second)}
	r.put(feed.Paper{ArXiv: "2501.00001", Title: "Waves in networks", Authors: []string{"Ada Blue"}}, feed.Paper{ArXiv: "2501.00002", Title: "Spikes in silicon"},
		feed.Paper{ArXiv: "2501.00003", Title: "Rates in reservoirs"})
	r.Store, err = Open(t.Context(), store, Config{Now: func() time.Time { return r.now },
		Letter: func(_ context.Context, _ *sql.Tx, to Address, token string, _ time.Time) error {
			r.letters = append(r.letters, letter{to.Reveal(), token})
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *room) put(papers ...feed.Paper) {
	r.t.Helper()
	_, err := r.feed.Import(r.t.Context(), "arxiv", func(yield func(feed.Paper, error) bool) {
		for _, p := range papers {
			if !yield(p, nil) {
				return
			}
		}
	})
	r.ok(err)
	r.papers, err = r.feed.List(r.t.Context(), feed.Filter{})
	r.ok(err)
	for i, j := 0, len(r.papers)-1; i < j; i, j = i+1, j-1 { // in the order they were put in
		r.papers[i], r.papers[j] = r.papers[j], r.papers[i]
	}
}

func (r *room) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) fails(err, want error) {
	r.t.Helper()
	if !errors.Is(err, want) {
		r.t.Errorf("the error is %v, not %v", err, want)
	}
}

func (r *room) refused(err error) {
	r.t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		r.t.Errorf("the error is %v, not a refusal", err)
	}
}

// enter signs somebody in by letter.
func (r *room) enter(address string) (Reader, string) {
	r.t.Helper()
	a, err := ParseAddress(address)
	r.ok(err)
	r.ok(r.AskSignIn(r.t.Context(), a, ""))
	reader, session, err := r.SignIn(r.t.Context(), r.letters[len(r.letters)-1].token)
	r.ok(err)
	return reader, session
}

func (r *room) paper(i int) feed.Paper {
	r.t.Helper()
	p, err := r.feed.Paper(r.t.Context(), r.papers[i].ID)
	r.ok(err)
	return p
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"ada@example.org": "ada@example.org", "  Ada.Blue+papers@Example.ORG ": "ada.blue+papers@example.org", "ada@bücher.example": "ada@xn--bcher-kva.example",
		"": "", "ada": "", "ada@": "", "@example.org": "", "ada@example": "", "ada@localhost": "", "ada@127.0.0.1": "", "ada@[127.0.0.1]": "", "a b@example.org": "",
		"Ada <ada@example.org>": "", "<ada@example.org>": "", "ada@example.org, eve@example.org": "", "\"a b\"@example.org": "", "ada@example.org\r\nBcc: eve@example.org": "",
		"adä@example.org": "", "ada@exa_mple.org": "", "a..b@example.org": "", strings.Repeat("a", 65) + "@example.org": "", "a@" + strings.Repeat("b.", 130) + "org": "", "ada@example..org": "", "ada@-example.org": "",
	} {
		a, err := ParseAddress(in)
		if a.Reveal() != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", in, a.Reveal(), err, want)
		}
		if err != nil && len(in) > len("ada@example.org") && strings.Contains(err.Error(), in) {
			t.Errorf("%v repeats the address", err)
		}
	}
}

// Whatever prints an address, nobody sees it.
func TestAddressHides(t *testing.T) {
	a, err := ParseAddress("ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	r := Reader{ID: 1, Address: a}
	type wrapped struct{ inner Reader }
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "address", a, "reader", r)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "address", a, "reader", r, "pointer", &r, "wrapped", wrapped{r})
	fmt.Fprintf(&log, "%v %+v %#v %s %q %v %+v %#v", a, a, a, a, a, r, &r, wrapped{r})
	json.NewEncoder(&log).Encode(map[string]any{"a": a, "r": r})
	if strings.Contains(log.String(), "ada") || strings.Contains(log.String(), "example") {
		t.Error(log.String())
	}
}

func TestSignIn(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, session := r.enter("ada@example.org")
	if ada.Name != "Reader 1" || ada.Moderator || ada.Local || ada.Address.Reveal() != "ada@example.org" {
		t.Errorf("the account is %+v", ada)
	}
	again, err := r.SignedIn(ctx, session)
	if r.ok(err); again.ID != ada.ID {
		t.Errorf("the session is of reader %d", again.ID)
	}
	if other, _ := r.enter("ADA@example.org"); other.ID != ada.ID {
		t.Error("another spelling made another account")
	}
	if eve, _ := r.enter("eve@example.org"); eve.ID == ada.ID {
		t.Error("another address has the same account")
	}

	used := r.letters[0].token
	_, _, err = r.SignIn(ctx, used)
	r.fails(err, ErrLink)
	_, err = r.CheckSignIn(ctx, used)
	r.fails(err, ErrLink)
	for _, token := range []string{"", "a", strings.ToLower(used), used + "A", strings.Repeat("A", 1<<16)} {
		_, _, err = r.SignIn(ctx, token)
		r.fails(err, ErrLink)
	}

	a := ada.Address
	r.ok(r.AskSignIn(ctx, a, ""))
	first := r.letters[len(r.letters)-1].token
	r.ok(r.AskSignIn(ctx, a, ""))
	second := r.letters[len(r.letters)-1].token
	if to, err := r.CheckSignIn(ctx, first); err != nil || to.Reveal() != "ada@example.org" { // looking does not use it
		t.Error(to.Reveal(), err)
	}
	_, _, err = r.SignIn(ctx, second)
	r.ok(err)
	_, _, err = r.SignIn(ctx, first) // the others ended with it
	r.fails(err, ErrLink)

	r.now = r.now.Add(2 * time.Hour)
	r.ok(r.AskSignIn(ctx, a, ""))
	late := r.letters[len(r.letters)-1].token
	r.now = r.now.Add(LinkLife)
	_, _, err = r.SignIn(ctx, late)
	r.fails(err, ErrLink)

	// Both at once: one wins.
	r.ok(r.AskSignIn(ctx, a, ""))
	token := r.letters[len(r.letters)-1].token
	var wg sync.WaitGroup
	won := make(chan string, 8)
	for range 8 {
		wg.Go(func() {
			if _, s, err := r.SignIn(ctx, token); err == nil {
				won <- s
			} else if !errors.Is(err, ErrLink) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Errorf("a link was used %d times", len(won))
	}

	r.Store.config.Letter = nil
	r.fails(r.AskSignIn(ctx, a, ""), ErrNoMail)
}

// The answer, and what happens, is the same for an address with and without an account.
func TestSameAnswer(t *testing.T) {
	r := open(t)
	r.enter("ada@example.org")
	bad, _ := r.enter("bad@example.org")
	r.ok(r.Suspend(t.Context(), bad.ID, "spam"))
	r.letters = nil
	for _, address := range []string{"ada@example.org", "new@example.org", "bad@example.org"} {
		a, _ := ParseAddress(address)
		before := len(r.letters)
		r.ok(r.AskSignIn(t.Context(), a, "192.0.2.1"))
		if len(r.letters) != before+1 || r.letters[before].to != address {
			t.Errorf("%s: %d letters", address, len(r.letters)-before)
		}
	}
	_, session, err := r.SignIn(t.Context(), r.letters[2].token)
	if r.fails(err, ErrSuspended); session != "" {
		t.Error("a suspended account got a session")
	}
	if _, _, err = r.SignIn(t.Context(), r.letters[2].token); !errors.Is(err, ErrLink) {
		t.Error("its link was not used up")
	}
}

// The database of tokens is of no use to who reads it.
func TestTokensAreNotStored(t *testing.T) {
	r := open(t)
	_, session := r.enter("ada@example.org")
	rows, err := r.feed.DB().Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
	r.ok(err)
	defer rows.Close()
	cells := 0
	for rows.Next() {
		var name string
		r.ok(rows.Scan(&name))
		all, err := r.feed.DB().Query("SELECT * FROM " + name)
		r.ok(err)
		columns, _ := all.Columns()
		for all.Next() {
			row := make([]any, len(columns))
			for i := range row {
				row[i] = new(any)
			}
			r.ok(all.Scan(row...))
			for _, v := range row {
				cells++
				if s := fmt.Sprintf("%s", *v.(*any)); strings.Contains(s, session) || strings.Contains(s, r.letters[0].token) {
					t.Errorf("table %s holds a secret", name)
				}
			}
		}
		all.Close()
	}
	if cells < 30 {
		t.Errorf("looked at %d cells", cells)
	}
}

func TestSessions(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, one := r.enter("ada@example.org")
	r.now = r.now.Add(time.Minute)
	_, two := r.enter("ada@example.org")
	eve, other := r.enter("eve@example.org")
	sessions, err := r.Sessions(ctx, ada.ID)
	if r.ok(err); len(sessions) != 2 || !sessions[0].Created.Equal(r.now) {
		t.Fatalf("%+v", sessions)
	}
	r.ok(r.Revoke(ctx, eve.ID, sessions[0].ID)) // not hers
	_, err = r.SignedIn(ctx, two)
	r.ok(err)
	r.ok(r.Revoke(ctx, ada.ID, sessions[0].ID))
	_, err = r.SignedIn(ctx, two)
	r.fails(err, ErrSignedOut)
	_, err = r.SignedIn(ctx, one)
	r.ok(err)
	r.now = r.now.Add(3 * time.Hour)
	_, err = r.SignedIn(ctx, one)
	r.ok(err)
	if sessions, _ = r.Sessions(ctx, ada.ID); len(sessions) != 1 || !sessions[0].Seen.Equal(r.now) {
		t.Errorf("%+v", sessions)
	}
	r.ok(r.SignOut(ctx, one))
	r.ok(r.SignOut(ctx, one))
	_, err = r.SignedIn(ctx, one)
	r.fails(err, ErrSignedOut)
	for _, bad := range []string{"", "a", other[1:]} {
		_, err = r.SignedIn(ctx, bad)
		r.fails(err, ErrSignedOut)
	}
	r.now = r.now.Add(SessionLife - 3*time.Hour)
	_, err = r.SignedIn(ctx, other)
	r.fails(err, ErrSignedOut)

	_, three := r.enter("ada@example.org")
	r.ok(r.Suspend(ctx, ada.ID, "spam"))
	_, err = r.SignedIn(ctx, three)
	r.fails(err, ErrSignedOut)
	r.fails(r.Upvote(ctx, ada.ID, r.papers[0].ID), ErrSuspended)
	_, err = r.Comment(ctx, NewComment{Reader: ada.ID, Paper: r.papers[0].ID, Body: "a"})
	r.fails(err, ErrSuspended)
	r.ok(r.Reinstate(ctx, ada.ID))
	r.ok(r.Upvote(ctx, ada.ID, r.papers[0].ID))
}

func TestLocal(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ids := make(chan int64, 8)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			me, err := r.Local(ctx)
			if err != nil || !me.Local || !me.Moderator || !me.Address.IsZero() {
				t.Errorf("%+v, %v", me, err)
			}
			ids <- me.ID
		})
	}
	wg.Wait()
	first := <-ids
	for range 7 {
		if id := <-ids; id != first {
			t.Errorf("two local readers, %d and %d", first, id)
		}
	}
	r.fails(r.Suspend(ctx, first, "x"), ErrNotFound)
	r.fails(r.SetModerator(ctx, first, false), ErrNotFound)
	r.ok(r.Upvote(ctx, first, r.papers[0].ID))
}

func TestNames(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, _ := r.enter("ada@example.org")
	eve, _ := r.enter("eve@example.org")
	r.ok(r.Rename(ctx, ada.ID, "  Ada\u202e   Blue "))
	if ada, _ = r.Reader(ctx, ada.ID); ada.Name != "Ada Blue" {
		t.Errorf("the name is %q", ada.Name)
	}
	for _, name := range []string{"Ada Blue", "ADA-BLUE", "Àda Blue.", "", " ", "...", "<b>", "a@b", strings.Repeat("a", 61)} {
		r.refused(r.Rename(ctx, eve.ID, name))
	}
	r.ok(r.Rename(ctx, eve.ID, "Reader 3"))
	if third, _ := r.enter("third@example.org"); third.Name == "Reader 3" || !strings.HasPrefix(third.Name, "Reader 3-") {
		t.Errorf("the third is called %q", third.Name)
	}
}

func TestUpvotes(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, _ := r.enter("ada@example.org")
	eve, _ := r.enter("eve@example.org")
	paper := r.papers[0].ID
	trends := func() float64 {
		scored, err := r.feed.Trending(ctx, feed.Day, r.now.Add(time.Second), 0)
		r.ok(err)
		for _, s := range scored {
			if s.ID == paper {
				return s.Score
			}
		}
		return 0
	}
	still := trends()
	r.ok(r.Upvote(ctx, ada.ID, paper))
	r.ok(r.Upvote(ctx, ada.ID, paper))
	r.ok(r.Upvote(ctx, eve.ID, paper))
	if n := r.paper(0).Own.Upvotes; n != 2 {
		t.Errorf("%d upvotes", n)
	}
	if trends() <= still {
		t.Error("upvotes do not make it trend")
	}
	marks, err := r.Marks(ctx, ada.ID, r.papers[0].ID, r.papers[1].ID)
	if r.ok(err); len(marks) != 1 || !marks[paper].Upvoted || marks[paper].Listed {
		t.Errorf("%+v", marks)
	}
	r.ok(r.Withdraw(ctx, ada.ID, paper))
	r.ok(r.Withdraw(ctx, ada.ID, paper))
	r.ok(r.Withdraw(ctx, eve.ID, paper))
	if n := r.paper(0).Own.Upvotes; n != 0 {
		t.Errorf("%d upvotes after withdrawing", n)
	}
	if got := trends(); got != still {
		t.Errorf("the score is %v, not %v as before", got, still)
	}
	r.fails(r.Upvote(ctx, ada.ID, 999), feed.ErrNotFound)
	r.fails(r.Upvote(ctx, 999, paper), ErrSignedOut)

	r.ok(r.Upvote(ctx, ada.ID, paper))
	r.ok(r.feed.Remove(ctx, paper, "spam"))
	r.fails(r.Upvote(ctx, eve.ID, paper), feed.ErrNotFound)
	r.ok(r.Withdraw(ctx, ada.ID, paper)) // one can always take back
}

// What readers have done about a paper is about the one it turns out to be.
func TestMerge(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	r.put(feed.Paper{DOI: "10.1000/a", Title: "Waves on a torus"}, feed.Paper{ArXiv: "2501.00009", Title: "Waves on a ring"})
	ada, _ := r.enter("ada@example.org")
	eve, _ := r.enter("eve@example.org")
	a, b := r.papers[3].ID, r.papers[4].ID
	for _, p := range []int64{a, b} {
		r.ok(r.Upvote(ctx, ada.ID, p))
		r.ok(r.Keep(ctx, ada.ID, p))
		r.ok(r.ClaimPaper(ctx, eve.ID, p, "my page"))
		_, err := r.Comment(ctx, NewComment{Reader: ada.ID, Paper: p, Body: "Hello."})
		r.ok(err)
	}
	r.ok(r.Upvote(ctx, eve.ID, b))
	r.put(feed.Paper{DOI: "10.1000/a", ArXiv: "2501.00009", Title: "Waves on a ring"}) // both are the same
	pa, err := r.feed.Paper(ctx, a)
	r.ok(err)
	pb, err := r.feed.Paper(ctx, b)
	if r.ok(err); pa.ID != pb.ID {
		t.Fatal("the store did not merge them")
	}
	if pa.Own.Upvotes != 2 {
		t.Errorf("%d upvotes are counted; two readers voted", pa.Own.Upvotes)
	}
	var upvotes int
	r.ok(r.feed.DB().QueryRow("SELECT sum(delta) FROM signals WHERE kind = 'upvote' AND paper = ?", pa.ID).Scan(&upvotes))
	if upvotes != 2 {
		t.Errorf("%d upvotes trend; two readers voted", upvotes)
	}
	for _, id := range []int64{a, b} {
		if d, err := r.Discussion(ctx, id); err != nil || len(d) != 2 {
			t.Errorf("%d comments on %d, %v", len(d), id, err)
		}
	}
	if list, err := r.ReadingList(ctx, ada.ID); err != nil || len(list) != 1 || list[0].ID != pa.ID {
		t.Errorf("%+v, %v", list, err)
	}
	if claims, err := r.Claims(ctx, eve.ID); err != nil || len(claims) != 1 {
		t.Errorf("%+v, %v", claims, err)
	}
	r.ok(r.Withdraw(ctx, ada.ID, a))
	r.ok(r.Withdraw(ctx, eve.ID, b))
	r.ok(r.feed.DB().QueryRow("SELECT sum(delta) FROM signals WHERE kind = 'upvote' AND paper = ?", pa.ID).Scan(&upvotes))
	if upvotes != 0 {
		t.Errorf("%d upvotes trend after withdrawing", upvotes)
	}
}

func TestDiscussion(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, _ := r.enter("ada@example.org")
	eve, _ := r.enter("eve@example.org")
	paper := r.papers[0].ID
	say := func(who Reader, parent int64, body string) int64 {
		t.Helper()
		r.now = r.now.Add(time.Minute)
		id, err := r.Comment(ctx, NewComment{Reader: who.ID, Paper: paper, Parent: parent, Body: body})
		r.ok(err)
		return id
	}
	first := say(ada, 0, "It *works*.\r\nReally.\u202e")
	answer := say(eve, first, "Does it?")
	say(ada, answer, "Yes.")
	say(eve, 0, "Another matter.")
	if n := r.paper(0).Own.Comments; n != 4 {
		t.Errorf("%d comments", n)
	}
	shape := func() string {
		d, err := r.Discussion(ctx, paper)
		r.ok(err)
		var b strings.Builder
		var walk func([]*Comment)
		walk = func(all []*Comment) {
			for _, c := range all {
				text := c.Body
				if !c.Deleted.IsZero() {
					if text = "deleted by " + c.By; c.Author != nil || c.HTML != "" || c.Body != "" {
						t.Errorf("a deleted comment still says %+v", c)
					}
				} else if !c.Edited.IsZero() {
					text += " edited"
				}
				fmt.Fprintf(&b, "(%s", text)
				walk(c.Answers)
				b.WriteString(")")
			}
		}
		walk(d)
		return b.String()
	}
	want := func(s string) {
		t.Helper()
		if got := shape(); got != s {
			t.Errorf("the discussion is %s\nwant %s", got, s)
		}
	}
	want("(It *works*.\nReally.(Does it?(Yes.)))(Another matter.)")
	d, _ := r.Discussion(ctx, paper)
	if d[0].HTML != "<p>It <em>works</em>.\nReally.</p>\n" || d[0].Author.Name != "Reader 1" {
		t.Errorf("%+v", d[0])
	}

	r.fails(r.Edit(ctx, ada.ID, answer, "No."), ErrNotYours)
	r.fails(r.DeleteComment(ctx, ada.ID, answer), ErrNotYours)
	r.ok(r.Edit(ctx, eve.ID, answer, "Does it?")) // nothing changed
	want("(It *works*.\nReally.(Does it?(Yes.)))(Another matter.)")
	r.ok(r.Edit(ctx, eve.ID, answer, "Does it not?"))
	r.ok(r.DeleteComment(ctx, ada.ID, first))
	want("(deleted by author(Does it not? edited(Yes.)))(Another matter.)")
	if n := r.paper(0).Own.Comments; n != 3 {
		t.Errorf("%d comments after deleting one", n)
	}
	r.fails(r.DeleteComment(ctx, ada.ID, first), ErrNotFound)
	r.fails(r.Edit(ctx, ada.ID, first, "Back."), ErrNotFound)
	_, err := r.Comment(ctx, NewComment{Reader: eve.ID, Paper: paper, Parent: first, Body: "Why?"})
	r.refused(err)
	r.ok(r.SetModerator(ctx, ada.ID, true))
	r.ok(r.DeleteComment(ctx, ada.ID, answer))
	want("(deleted by author(deleted by moderator(Yes.)))(Another matter.)")
	var left int
	r.ok(r.feed.DB().QueryRow("SELECT count(*) FROM comments WHERE body LIKE '%works%' OR body LIKE '%Does it%'").Scan(&left))
	if left > 0 {
		t.Error("the text of a deleted comment is still stored")
	}
	r.fails(r.DeleteComment(ctx, ada.ID, 999), ErrNotFound)

	for _, body := range []string{"", " \n\t", "\x00\x01", strings.Repeat("a", MaxComment+1)} {
		_, err := r.Comment(ctx, NewComment{Reader: eve.ID, Paper: paper, Body: body})
		r.refused(err)
		r.refused(r.Edit(ctx, ada.ID, answer, body))
	}
	_, err = r.Comment(ctx, NewComment{Reader: eve.ID, Paper: paper, Body: "Another matter."})
	r.refused(err) // sent twice
	_, err = r.Comment(ctx, NewComment{Reader: eve.ID, Paper: r.papers[1].ID, Parent: answer, Body: "Elsewhere"})
	r.fails(err, ErrNotFound) // an answer stays with its paper
	_, err = r.Comment(ctx, NewComment{Reader: eve.ID, Paper: 999, Body: "x"})
	r.fails(err, feed.ErrNotFound)
}

// A chain of answers without end must not become a page without end.
func TestDepth(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, _ := r.enter("ada@example.org")
	parent := int64(0)
	for i := range 40 {
		r.now = r.now.Add(5 * time.Minute)
		id, err := r.Comment(ctx, NewComment{Reader: ada.ID, Paper: r.papers[0].ID, Parent: parent, Body: fmt.Sprint("Number ", i)})
		r.ok(err)
		parent = id
	}
	d, err := r.Discussion(ctx, r.papers[0].ID)
	r.ok(err)
	n, deep := 0, 0
	var walk func([]*Comment, int)
	walk = func(all []*Comment, depth int) {
		for _, c := range all {
			n, deep = n+1, max(deep, depth)
			walk(c.Answers, depth+1)
		}
	}
	walk(d, 0)
	if n != 40 || deep != MaxDepth {
		t.Errorf("%d comments, %d deep", n, deep)
	}
}

func TestRates(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, _ := r.enter("ada@example.org")
	say := func(reader int64, i int, from string) error {
		_, err := r.Comment(ctx, NewComment{Reader: reader, Paper: r.papers[0].ID, Body: fmt.Sprint("Number ", i), From: from})
		return err
	}
	for i := range 10 {
		r.ok(say(ada.ID, i, "192.0.2.1"))
	}
	err := say(ada.ID, 10, "192.0.2.2")
	r.fails(err, ErrTooOften)
	var when *TooOften
	if !errors.As(err, &when) || when.Wait <= 0 || when.Wait > time.Minute+time.Second {
		t.Errorf("%v: wait for %v", err, when)
	}
	r.now = r.now.Add(when.Wait)
	r.ok(say(ada.ID, 10, "192.0.2.2"))
	r.fails(say(ada.ID, 11, "192.0.2.2"), ErrTooOften)

	// Many accounts from one place.
	n := 0
	for i := range 8 {
		who, _ := r.enter(fmt.Sprintf("a%d@example.org", i))
		for j := range 5 {
			if err := say(who.ID, j, "192.0.2.3"); err == nil {
				n++
			} else {
				r.fails(err, ErrTooOften)
			}
		}
	}
	if n != 30 {
		t.Errorf("%d comments from one address", n)
	}

	// Letters: to one address, from one place.
	a, _ := ParseAddress("victim@example.org")
	for range 4 {
		r.ok(r.AskSignIn(ctx, a, ""))
	}
	r.fails(r.AskSignIn(ctx, a, "192.0.2.9"), ErrTooOften)
	n = 0
	for i := range 40 {
		a, _ := ParseAddress(fmt.Sprintf("b%d@example.org", i))
		if r.AskSignIn(ctx, a, "192.0.2.4") == nil {
			n++
		}
	}
	if n != 20 {
		t.Errorf("%d letters asked for from one address", n)
	}
	n = 0
	for i := range 400 {
		if r.Follow(ctx, ada.ID, fmt.Sprint("q", i%50), "") == nil {
			n++
		}
	}
	if n < 250 || n > 300 {
		t.Errorf("%d changes at once", n)
	}
}

// A limiter forgets rather than grows.
func TestLimiterIsBounded(t *testing.T) {
	now := time.Now()
	l := newLimiters(Limits{Reports: Rate{2, time.Hour}}, func() time.Time { return now }).reports
	for i := range 3 * maxBuckets {
		if err := l.Allow(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.by) > maxBuckets {
		t.Errorf("%d buckets", len(l.by))
	}
}

func TestReportsAndClaims(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, _ := r.enter("ada@example.org")
	eve, _ := r.enter("eve@example.org")
	paper := r.papers[0].ID
	var ids []int64
	for i := range 3 {
		id, err := r.Comment(ctx, NewComment{Reader: eve.ID, Paper: paper, Body: fmt.Sprint("Buy ", i)})
		r.ok(err)
		ids = append(ids, id)
		r.ok(r.ReportComment(ctx, ada.ID, id, "advertising"))
	}
	r.ok(r.ReportComment(ctx, ada.ID, ids[0], "still advertising"))
	r.refused(r.ReportComment(ctx, eve.ID, ids[0], "x"))
	r.fails(r.ReportComment(ctx, ada.ID, 999, "x"), ErrNotFound)
	reports, err := r.Reports(ctx)
	if r.ok(err); len(reports) != 3 || reports[0].Reason != "still advertising" || reports[0].Comment.Body != "Buy 0" || reports[0].Reader != ada.ID {
		t.Fatalf("%+v", reports)
	}
	r.ok(r.DecideReport(ctx, reports[0].ID, Upheld))
	r.fails(r.DecideReport(ctx, reports[0].ID, Upheld), ErrNotFound)
	r.ok(r.DecideReport(ctx, reports[1].ID, Dismissed))
	r.refused(r.DecideReport(ctx, reports[2].ID, Accepted))
	r.ok(r.DeleteComment(ctx, eve.ID, ids[2])) // settles the third
	if reports, _ = r.Reports(ctx); len(reports) != 0 {
		t.Errorf("%+v", reports)
	}
	if d, _ := r.Discussion(ctx, paper); d[0].Deleted.IsZero() || d[0].By != "moderator" || !d[1].Deleted.IsZero() || d[2].By != "author" {
		t.Errorf("%+v", d)
	}

	r.refused(r.ClaimPaper(ctx, ada.ID, paper, " "))
	r.ok(r.ClaimPaper(ctx, ada.ID, paper, "https://example.org/~ada"))
	r.refused(r.ClaimPaper(ctx, ada.ID, paper, "https://example.org/~ada"))
	r.ok(r.ClaimPaper(ctx, eve.ID, paper, "trust me"))
	claims, err := r.OpenClaims(ctx)
	if r.ok(err); len(claims) != 2 || claims[0].Title != "Waves in networks" || claims[0].Name != "Reader 1" {
		t.Fatalf("%+v", claims)
	}
	if a, _ := r.Authors(ctx, paper); len(a) != 0 {
		t.Error("a claim holds before it is decided")
	}
	r.ok(r.DecideClaim(ctx, claims[0].ID, Accepted, ""))
	r.ok(r.DecideClaim(ctx, claims[1].ID, Refused, "no evidence"))
	r.fails(r.DecideClaim(ctx, 999, Accepted, ""), ErrNotFound)
	if a, err := r.Authors(ctx, paper); err != nil || len(a) != 1 || a[0].ID != ada.ID {
		t.Errorf("%+v, %v", a, err)
	}
	id, err := r.Comment(ctx, NewComment{Reader: ada.ID, Paper: paper, Body: "As the author"})
	r.ok(err)
	all, err := r.Comments(ctx, ada.ID, 10)
	if r.ok(err); len(all) != 1 || all[0].ID != id || !all[0].Author.OfPaper {
		t.Errorf("%+v", all)
	}
	r.ok(r.ClaimPaper(ctx, eve.ID, paper, "here is my page"))
	if mine, _ := r.Claims(ctx, eve.ID); len(mine) != 1 || mine[0].State != Pending || mine[0].Why != "" {
		t.Errorf("%+v", mine)
	}
	r.ok(r.Unclaim(ctx, ada.ID, paper))
	if a, _ := r.Authors(ctx, paper); len(a) != 0 {
		t.Error("a withdrawn claim holds")
	}
}

func TestListAndFollows(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, _ := r.enter("ada@example.org")
	for _, p := range r.papers {
		r.now = r.now.Add(time.Minute)
		r.ok(r.Keep(ctx, ada.ID, p.ID))
		r.ok(r.Keep(ctx, ada.ID, p.ID))
	}
	r.ok(r.SetRead(ctx, ada.ID, r.papers[2].ID, true))
	order := func() (out []int64) {
		list, err := r.ReadingList(ctx, ada.ID)
		r.ok(err)
		for _, k := range list {
			out = append(out, k.ID)
		}
		return out
	}
	if got, want := fmt.Sprint(order()), fmt.Sprint([]int64{r.papers[1].ID, r.papers[0].ID, r.papers[2].ID}); got != want {
		t.Errorf("the list is %s, not %s", got, want)
	}
	r.ok(r.SetRead(ctx, ada.ID, r.papers[2].ID, false))
	r.ok(r.feed.Remove(ctx, r.papers[1].ID, "gone"))
	if got, want := fmt.Sprint(order()), fmt.Sprint([]int64{r.papers[2].ID, r.papers[0].ID}); got != want {
		t.Errorf("the list is %s, not %s", got, want)
	}
	r.ok(r.Drop(ctx, ada.ID, r.papers[2].ID))
	r.fails(r.SetRead(ctx, ada.ID, r.papers[2].ID, true), ErrNotFound)
	if len(order()) != 1 {
		t.Errorf("the list is %v", order())
	}

	r.ok(r.Follow(ctx, ada.ID, FollowFamily("spiking"), "Spiking networks"))
	r.ok(r.Follow(ctx, ada.ID, " travelling   waves ", ""))
	r.ok(r.Follow(ctx, ada.ID, "travelling waves", "Waves"))
	r.refused(r.Follow(ctx, ada.ID, " ", ""))
	r.refused(r.Follow(ctx, ada.ID, strings.Repeat("a", 401), ""))
	follows, err := r.Follows(ctx, ada.ID)
	if r.ok(err); len(follows) != 2 || follows[0].Query != "family:spiking" || follows[1] != (Follow{"travelling waves", "Waves", follows[1].At}) {
		t.Errorf("%+v", follows)
	}
	r.ok(r.Unfollow(ctx, ada.ID, "travelling waves"))
	r.fails(r.Unfollow(ctx, ada.ID, "travelling waves"), ErrNotFound)
}

func TestExportAndDelete(t *testing.T) {
	r := open(t)
	ctx := t.Context()
	ada, session := r.enter("ada@example.org")
	eve, _ := r.enter("eve@example.org")
	paper := r.papers[0].ID
	r.ok(r.Upvote(ctx, ada.ID, paper))
	r.ok(r.Keep(ctx, ada.ID, paper))
	r.ok(r.Follow(ctx, ada.ID, "waves", ""))
	id, err := r.Comment(ctx, NewComment{Reader: ada.ID, Paper: paper, Body: "My words"})
	r.ok(err)
	_, err = r.Comment(ctx, NewComment{Reader: eve.ID, Paper: paper, Parent: id, Body: "Her words"})
	r.ok(err)
	r.ok(r.ClaimPaper(ctx, ada.ID, paper, "my page"))
	other, err := r.Comment(ctx, NewComment{Reader: eve.ID, Paper: paper, Body: "Spam"})
	r.ok(err)
	r.ok(r.ReportComment(ctx, ada.ID, other, "it is spam"))
	r.ok(r.AskSignIn(ctx, ada.Address, ""))

	var out bytes.Buffer
	r.ok(r.Export(ctx, &out, ada.ID, map[string]any{"subscriptions": []string{"daily"}}))
	var doc map[string]any
	r.ok(json.Unmarshal(out.Bytes(), &doc))
	for _, want := range []string{"ada@example.org", "My words", "Waves in networks", "my page", "it is spam", "waves", "daily"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing from the export", want)
		}
	}
	if strings.Contains(out.String(), "Her words") || strings.Contains(out.String(), session) {
		t.Error("the export holds what is not hers, or a secret")
	}

	told := ""
	boom := errors.New("boom")
	r.fails(r.Delete(ctx, ada.ID, func(context.Context, *sql.Tx, Address) error { return boom }), boom)
	if _, err := r.SignedIn(ctx, session); err != nil {
		t.Errorf("after a failed deletion: %v", err)
	}
	r.ok(r.Delete(ctx, ada.ID, func(_ context.Context, _ *sql.Tx, a Address) error { told = a.Reveal(); return nil }))
	if told != "ada@example.org" {
		t.Errorf("others were told of %q", told)
	}
	_, err = r.SignedIn(ctx, session)
	r.fails(err, ErrSignedOut)
	_, _, err = r.SignIn(ctx, r.letters[len(r.letters)-1].token)
	r.fails(err, ErrLink)
	if p := r.paper(0); p.Own.Upvotes != 0 || p.Own.Comments != 2 {
		t.Errorf("%+v is counted", p.Own)
	}
	d, err := r.Discussion(ctx, paper)
	if r.ok(err); d[0].Deleted.IsZero() || d[0].Author != nil || len(d[0].Answers) != 1 || d[0].Answers[0].Body != "Her words" {
		t.Errorf("%+v", d[0])
	}
	var left int
	r.ok(r.feed.DB().QueryRow(`SELECT (SELECT count(*) FROM readers WHERE address = 'ada@example.org') + (SELECT count(*) FROM sign_ins WHERE address = 'ada@example.org')
		+ (SELECT count(*) FROM upvotes) + (SELECT count(*) FROM reading_list) + (SELECT count(*) FROM follows) + (SELECT count(*) FROM claims)
		+ (SELECT count(*) FROM comments WHERE body = 'My words')`).Scan(&left))
	if left != 0 {
		t.Errorf("%d rows are left", left)
	}
	r.fails(r.Delete(ctx, ada.ID), ErrNotFound)
	if again, _ := r.enter("ada@example.org"); again.ID == ada.ID {
		t.Error("a new account has the ID of a deleted one")
	}
}
