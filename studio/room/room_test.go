package room

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/digest"
	"github.com/gyrus-dev/gyrus/feed/feedtest"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
	"github.com/gyrus-dev/gyrus/studio"
)

// today is the present of all tests: a day after the last paper.
var today = time.Date(2026, 4, 21, 9, 0, 0, 0, time.UTC)

// site is a reading room under test.
type site struct {
	*Section
	t       testing.TB
	server  *studio.Server
	http    *httptest.Server
	letters map[string]string // sign-in tokens by address
	mail    *mailbox          // where a public site's letters arrive
	now     time.Time
}

// system is the registered paper that one of the test papers is about.
var system = &papers.Paper{Slug: "travelling", System: "Travelling", Title: "Travelling waves organise spiking activity", Family: papers.Spiking, Code: "https://example.org/code"}

// samples are papers that tests name; generated ones are around them.
var samples = []feed.Paper{
	{Title: system.Title, ArXiv: "2604.99001", Authors: []string{"Ada Blue", "Bo Green", "Cy Red"}, Organisation: "Institute of Waves",
		Abstract: "Waves travel across cortex. They order spikes in time, e.g. in area MT. We show how.\n\nA second paragraph <b>of text</b>.", Published: today.AddDate(0, 0, -3), Listed: today.Add(-20 * time.Hour), Upvotes: 12, Comments: 3},
	{Title: "Grid cells <script>alert(1)</script> & maps", DOI: "10.1000/grid", AuthorCount: 5, Abstract: "Maps of space.", Published: today.AddDate(0, 0, -2), Listed: today.Add(-20 * time.Hour)},
}

func all(lists ...iter.Seq2[feed.Paper, error]) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		for _, l := range lists {
			for p, err := range l {
				if !yield(p, err) {
					return
				}
			}
		}
	}
}

func these(list []feed.Paper) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		for _, p := range list {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// newSite starts a reading room with the samples and n generated papers. With public set anybody may read and sign in.
func newSite(t testing.TB, n int, public bool, change ...func(*studio.Config, *Config)) *site {
	t.Helper()
	ctx := context.Background()
	s := &site{t: t, letters: map[string]string{}, now: today}
	store, err := feed.Open(ctx, filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if err := store.Register(ctx, feed.System{Slug: system.Slug, Family: string(system.Family), Title: system.Title}); err != nil {
		t.Fatal(err)
	}
	if sum, err := store.Import(ctx, "page", all(feedtest.Papers(n, 1), these(samples))); err != nil || sum.Added != n+len(samples) {
		t.Fatal(sum, err)
	}
	now := func() time.Time { return s.now }
	sc := studio.Config{Home: t.TempDir(), Papers: []*papers.Paper{system}, Now: now, Log: slog.New(slog.NewTextHandler(logger{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if public {
		sc.Token, sc.Public = "a token of twenty-odd letters", true
	}
	rc := Config{Feed: store}
	if rc.Readers, err = readers.Open(ctx, store, readers.Config{Now: now, Letter: func(ctx context.Context, tx *sql.Tx, to readers.Address, token string, until time.Time) error {
		s.letters[to.Reveal()] = token
		return rc.Mailer.SignIn(ctx, tx, to, token, until)
	}}); err != nil {
		t.Fatal(err)
	}
	if rc.Index, err = search.Open(ctx, store, search.Options{Status: func(slug string) []string { return []string{string(report.Partly)} }}); err != nil {
		t.Fatal(err)
	}
	if public {
		s.mail = newMailbox(t)
		rc.Mailer, err = digest.Open(ctx, store, digest.Config{Now: now, Paths: Paths(), Settings: digest.Settings{Site: "https://papers.example.org", From: "Papers <papers@example.org>",
			SMTP: digest.SMTP{Host: "127.0.0.1", Port: s.mail.port, Security: digest.Plain}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range change {
		f(&sc, &rc)
	}
	if rc.Index != nil {
		if _, err := rc.Index.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if s.server, err = studio.New(sc); err != nil {
		t.Fatal(err)
	}
	s.Section = New(s.server, rc)
	if err := s.server.Add(s.Section); err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewServer(s.server.Handler())
	t.Cleanup(func() { s.http.Close(); s.server.Close() })
	return s
}

// logger writes a server's log to its test's.
type logger struct{ testing.TB }

func (l logger) Write(b []byte) (int, error) { l.Log(strings.TrimSpace(string(b))); return len(b), nil }

// id returns the ID of a sample.
func (s *site) id(i int) int64 {
	s.t.Helper()
	list, err := s.Config.Feed.List(s.t.Context(), feed.Filter{Listed: feed.Day.Around(today.AddDate(0, 0, -1))})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range list {
		if p.Title == samples[i].Title {
			return p.ID
		}
	}
	s.t.Fatalf("there is no paper %q", samples[i].Title)
	return 0
}

// browser is somebody with a browser.
type browser struct {
	*site
	client *http.Client
}

func (s *site) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(method, path string, form url.Values, header ...string) (*http.Response, string) {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.http.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(text)
}

// get returns a page that must be there.
func (b *browser) get(path string) string {
	b.t.Helper()
	resp, body := b.do("GET", path, nil)
	if resp.StatusCode != 200 {
		b.t.Fatalf("GET %s: %d %s", path, resp.StatusCode, words(body))
	}
	return body
}

var csrfField = regexp.MustCompile(`<meta name="csrf" content="([^"]+)">`)

// post sends a form as its page would.
func (b *browser) post(path string, pairs ...string) (*http.Response, string) {
	b.t.Helper()
	m := csrfField.FindStringSubmatch(b.get("/keys"))
	if m == nil {
		b.t.Fatal("a page has no CSRF token")
	}
	form := url.Values{"csrf": {m[1]}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do("POST", path, form)
}

// must sends a form that must be carried out, and returns where it leads.
func (b *browser) must(path string, pairs ...string) string {
	b.t.Helper()
	resp, body := b.post(path, pairs...)
	if resp.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("POST %s %q: %d %s", path, pairs, resp.StatusCode, words(body))
	}
	return resp.Header.Get("Location")
}

// signIn signs a browser in by the link that was sent.
func (b *browser) signIn(as string) readers.Reader {
	b.t.Helper()
	b.must("/sign-in", "address", as)
	b.must("/enter", "t", b.letters[as])
	a, err := readers.ParseAddress(as)
	if err != nil {
		b.t.Fatal(err)
	}
	who, err := b.Readers.ByAddress(b.t.Context(), a)
	if err != nil {
		b.t.Fatal(err)
	}
	return who
}

// words are what a page says, without its frame.
func words(body string) string {
	_, body, _ = strings.Cut(body, "<main")
	body, _, _ = strings.Cut(body, "</main>")
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString("<"+body, " ")), " ")
}

func has(t *testing.T, body string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(body, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
}

func lacks(t *testing.T, body string, not ...string) {
	t.Helper()
	for _, w := range not {
		if strings.Contains(body, w) {
			t.Errorf("the page has %q", w)
		}
	}
}

func TestFrontPage(t *testing.T) {
	b := newSite(t, 60, false).browser()
	body := b.get("/")
	has(t, body, "Monday 20 April 2026", "Travelling waves organise spiking activity", "Ada Blue, Bo Green and Cy Red", "Institute of Waves", "5 authors",
		"3 comments", `href="/papers/travelling"`, "Grid cells &lt;script&gt;", "e.g. in area MT", `href="/archive/2026-04-20"`, `rel="next" href="/?page=2"`)
	lacks(t, body, "<script>alert", "<b>of text")
	if n := strings.Count(body, `class="entry"`); n != pageSize {
		t.Errorf("a page has %d papers, want %d", n, pageSize)
	}
	has(t, b.get("/?page=2"), `rel="prev" href="/"`)
	body = b.get("/?runnable=1")
	has(t, body, "Travelling waves")
	lacks(t, body, "Grid cells")
	has(t, b.get("/?family=spiking"), "Travelling waves", "Follow this family")
	has(t, b.get("/?family=fields"), "No paper is like that")
	body = b.get("/?trending=day")
	if i, j := strings.Index(body, "Travelling waves"), strings.Index(body, "Grid cells"); i < 0 || j < 0 || i > j {
		t.Errorf("of two new papers the one with upvotes is at %d, the other at %d", i, j)
	}
	has(t, b.get("/archive"), "2026", "/archive/2026-04")
	body = b.get("/archive/2026-04-20")
	has(t, body, "2 papers", `rel="prev"`, "aria-current=\"date\"")
	lacks(t, body, `rel="next" href="/archive`)
	has(t, b.get("/archive/2026-04"), "April 2026")
	has(t, b.get("/archive/2026-W17"), "Week 17 of 2026")
	for _, path := range []string{"/archive/2026-04-31", "/archive/yesterday", "/paper/99999", "/paper/x", "/paper/1?version=7"} {
		if resp, _ := b.do("GET", path, nil); resp.StatusCode != 404 {
			t.Errorf("GET %s: %d, want 404", path, resp.StatusCode)
		}
	}
}

func TestEmptyFeed(t *testing.T) {
	store, err := feed.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	people, err := readers.Open(t.Context(), store, readers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := newSite(t, 0, false, func(_ *studio.Config, c *Config) { *c = Config{Feed: store, Readers: people} }).browser()
	body := b.get("/")
	has(t, body, "No papers have come in yet", "gyrus feed import")
	lacks(t, body, `action="/search"`, `action="/subscribe"`)
	has(t, b.get("/?trending=week"), "Nothing has happened")
	has(t, b.get("/archive"), "No papers have come in yet")
	has(t, b.get("/me"), "they wait here")
	if resp, _ := b.do("GET", "/search?q=x", nil); resp.StatusCode != 404 {
		t.Errorf("without an index, search answers %d", resp.StatusCode)
	}
}

func TestSearch(t *testing.T) {
	b := newSite(t, 60, false).browser()
	body := b.get("/search?q=waves")
	has(t, body, "Travelling <mark>waves</mark> organise", "1 paper<", "/feed.atom?q=waves", "Follow this search")
	lacks(t, body, "Grid cells")
	has(t, b.get("/search?q=travveling"), "No paper says “travveling”", "<b>travelling</b>", "Travelling")
	has(t, b.get("/search?q=travel&instant=1"), "Travelling")
	has(t, b.get("/search?q=waves&status=partly"), "1 paper<", "A claim partly")
	has(t, b.get("/search?q=waves&status=reproduced"), "Nothing found")
	has(t, b.get("/search?q=waves+before:soon"), "is no date")
	has(t, b.get("/search?q=maps+family%3Aspiking"), "Nothing found")
	has(t, b.get("/search?q=waves&from=2026&until=2026"), "1 paper<")
	has(t, b.get("/search?q=waves&until=2020"), "Nothing found")
	has(t, b.get("/search?family=spiking"), "1 paper<", "Travelling waves")
	has(t, b.get("/search"), "half-remembered")
	has(t, b.get(fmt.Sprint("/search?like=", b.id(0))), "More like this", "Papers like <a")
	has(t, b.get("/search?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E+grid"), "&lt;script&gt;alert(1)&lt;/script&gt; grid")
	if resp, _ := b.do("GET", "/search?q="+strings.Repeat("x", 500), nil); resp.StatusCode != 400 {
		t.Errorf("a query of 500 bytes: %d", resp.StatusCode)
	}
}

func TestPaperPage(t *testing.T) {
	b := newSite(t, 20, false).browser()
	path := fmt.Sprint("/paper/", b.id(0))
	body := b.get(path)
	has(t, body, "Travelling waves organise spiking activity</h1>", "Ada Blue, Bo Green, Cy Red", "https://arxiv.org/abs/2604.99001", "https://arxiv.org/pdf/2604.99001",
		"This paper runs here", "https://example.org/code", "&lt;b&gt;of text", "@misc{blue2026travelling", "Papers like this", ">Spiking<")
	has(t, b.get(fmt.Sprint("/paper/", b.id(1))), "https://doi.org/10.1000/grid", "5 authors")
	resp, body := b.do("GET", path+"/cite.bib", nil)
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/x-bibtex") || !strings.HasPrefix(body, "@misc{blue2026travelling") {
		t.Errorf("BibTeX is %q\n%s", resp.Header, body)
	}

	// A newer text: the page shows it, and the earlier one by its number.
	newer := samples[0]
	newer.ArXivVersion, newer.Abstract = 2, "Waves travel, as we now know."
	if _, err := b.Config.Feed.Import(t.Context(), "page", these([]feed.Paper{newer})); err != nil {
		t.Fatal(err)
	}
	has(t, b.get(path), "as we now know", "Versions (2)", path+"?version=1")
	body = b.get(path + "?version=1")
	has(t, body, "an earlier text", "They order spikes")
	lacks(t, body, "<p>Waves travel, as we now know.</p>")

	panel, err := b.PaperPanel(httptest.NewRequestWithContext(t.Context(), "GET", "/papers/travelling", nil), system)
	if err != nil || panel == nil {
		t.Fatal(panel, err)
	}
	has(t, string(panel.HTML), "as we now know", path)
}

func TestVotesAndList(t *testing.T) {
	b := newSite(t, 5, false).browser()
	path := fmt.Sprint("/paper/", b.id(0))
	if to := b.must(path+"/upvote", "on", "1", "next", "/?page=2#p3"); to != "/?page=2#p3" {
		t.Errorf("leads to %s", to)
	}
	b.must(path+"/upvote", "on", "1")
	has(t, b.get(path), `<span data-count>13</span>`, `aria-pressed="true"`)
	b.must(path+"/upvote", "on", "0")
	has(t, b.get(path), `<span data-count>12</span>`)
	if to := b.must(path+"/list", "on", "1", "next", "//evil.example/"); to != "/" {
		t.Errorf("an address elsewhere leads to %s", to)
	}
	has(t, b.get("/me"), "Travelling waves", "I have read it")
	b.must(path+"/read", "on", "1")
	has(t, b.get("/me"), "Read (1)", "To be read again")
	has(t, b.get("/me/list.bib"), "@misc{blue2026travelling")
	b.must(path+"/list", "on", "0")
	has(t, b.get("/me"), "they wait here")

	token := csrfField.FindStringSubmatch(b.get("/keys"))[1]
	resp, body := b.do("POST", path+"/upvote", url.Values{"on": {"1"}}, "X-CSRF-Token", token, "Accept", "application/json")
	if resp.StatusCode != 200 || body != `{"count":13,"on":true}` {
		t.Errorf("a script gets %d %s", resp.StatusCode, body)
	}
	if resp, _ := b.do("POST", path+"/upvote", url.Values{"on": {"1"}}); resp.StatusCode != 403 {
		t.Errorf("without a CSRF token: %d", resp.StatusCode)
	}
}

func TestDiscussion(t *testing.T) {
	s := newSite(t, 5, true)
	ada, bo, nobody := s.browser(), s.browser(), s.browser()
	ada.signIn("ada@example.org")
	bo.signIn("bo@example.org")
	paper := fmt.Sprint("/paper/", s.id(0))

	if to := nobody.must(paper+"/comments", "text", "Hello", "next", paper); to != "/sign-in?next="+url.QueryEscape(paper) {
		t.Errorf("who is not signed in is led to %s", to)
	}
	hostile := "Nice *work*. <script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
	to := ada.must(paper+"/comments", "text", hostile)
	comment := to[strings.Index(to, "#c")+2:]
	body := nobody.get(paper)
	has(t, body, "Nice <em>work</em>.", "&lt;script&gt;alert(1)&lt;/script&gt;", `id="c`+comment+`"`, "Sign in to take part")
	lacks(t, body, "<script>alert", "<img", `href="javascript`, "/comment/"+comment+"/edit")

	bo.must(paper+"/comments", "text", "I agree.", "parent", comment)
	has(t, bo.get(paper), "I agree.", "/comment/"+comment+"/report")
	lacks(t, bo.get(paper), "/comment/"+comment+"/edit", "/comment/"+comment+"/delete")
	number := strings.TrimPrefix(paper, "/paper/")
	for _, act := range []string{"edit", "delete"} {
		if resp, _ := bo.post("/comment/"+comment+"/"+act, "paper", number, "text", "Mine now"); resp.StatusCode != 403 {
			t.Errorf("%s of another's comment: %d", act, resp.StatusCode)
		}
	}
	bo.must("/comment/"+comment+"/report", "paper", number, "reason", "Looks like an attack")
	ada.must("/comment/"+comment+"/edit", "paper", number, "text", "Better now.")
	has(t, nobody.get(paper), "Better now.", ">edited</span>")

	// What cannot be taken comes back in its form.
	resp, body := ada.post(paper+"/comments", "text", "   ")
	if resp.StatusCode != 422 {
		t.Errorf("an empty comment: %d", resp.StatusCode)
	}
	has(t, body, "The comment is empty.")
	long := strings.Repeat("long ", 2500)
	resp, body = ada.post(paper+"/comments", "text", long, "parent", comment)
	if resp.StatusCode != 422 {
		t.Errorf("a comment of 12500 bytes: %d", resp.StatusCode)
	}
	has(t, body, long, "<details open><summary>Reply")

	// Only moderators see the report; upholding it deletes the comment and leaves the answer.
	if resp, _ := bo.do("GET", "/moderation", nil); resp.StatusCode != 403 {
		t.Errorf("a reader who is no moderator gets %d", resp.StatusCode)
	}
	if resp, _ := bo.post("/moderation", "about", "report", "id", "1", "verdict", "upheld"); resp.StatusCode != 403 {
		t.Errorf("a reader who is no moderator decides: %d", resp.StatusCode)
	}
	operator := s.browser()
	operator.must("/token", "token", "a token of twenty-odd letters", "next", "/moderation")
	has(t, operator.get("/moderation"), "Looks like an attack", "Better now.", "1 report and")
	operator.must("/moderation", "about", "report", "id", "1", "verdict", "upheld")
	body = nobody.get(paper)
	has(t, body, "A moderator has deleted this comment.", "I agree.")
	lacks(t, body, "Better now.")
}

func TestClaim(t *testing.T) {
	s := newSite(t, 5, true)
	ada := s.browser()
	me := ada.signIn("ada@example.org")
	ada.must("/me/name", "name", "Ada Blue")
	paper := fmt.Sprint("/paper/", s.id(0))
	ada.must(paper+"/claim", "evidence", "https://waves.example/ada")
	has(t, ada.get(paper), "has not looked at your claim yet")
	if err := s.Readers.SetModerator(t.Context(), me.ID, true); err != nil {
		t.Fatal(err)
	}
	has(t, ada.get("/moderation"), "waves.example/ada", "1 claim wait")
	ada.must("/moderation", "about", "claim", "id", "1", "verdict", "accepted")
	ada.must(paper+"/comments", "text", "Ask me anything.")
	has(t, s.browser().get(paper), "Author of the paper", "<b>Ada Blue</b>, an author")
	has(t, ada.get("/me/account"), "accepted")
	ada.must(paper+"/claim", "withdraw", "1")
	lacks(t, s.browser().get(paper), "Author of the paper")
}

func TestSignIn(t *testing.T) {
	s := newSite(t, 5, true)
	b := s.browser()
	paper := fmt.Sprint("/paper/", s.id(0))
	has(t, b.get(paper), "/sign-in?next=")
	resp, body := b.post("/sign-in", "address", "not an address")
	if resp.StatusCode != 422 {
		t.Errorf("no address: %d", resp.StatusCode)
	}
	has(t, body, `value="not an address"`, "aria-invalid")
	if to := b.must("/sign-in", "address", "ada@example.org", "next", paper); to != "/sign-in?sent=1" {
		t.Errorf("leads to %s", to)
	}
	token := s.letters["ada@example.org"]
	enter := "/enter?t=" + token
	// A program that follows links does not use it up.
	for range 2 {
		has(t, s.browser().get(enter), "ada@example.org")
	}
	if to := b.must("/enter", "t", token); to != paper {
		t.Errorf("after signing in one is at %s, want %s", to, paper)
	}
	if resp, _ := s.browser().post("/enter", "t", token); resp.StatusCode != 410 {
		t.Errorf("a link used twice: %d", resp.StatusCode)
	}
	has(t, b.get("/me/account"), "ada@example.org", "Sign out everywhere")

	b.must("/me/follow", "query", "travelling waves", "label", "")
	b.must("/me/follow", "query", "family:spiking", "label", "")
	has(t, b.get("/me/following"), "/search?q=travelling&#43;waves", "/?family=spiking", "<b>Spiking</b>")
	b.must("/me/unfollow", "query", "travelling waves")
	lacks(t, b.get("/me/following"), "travelling waves")
	resp, body = b.do("GET", "/me/export.json", nil)
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("an export may be kept: %q", resp.Header)
	}
	has(t, body, `"address": "ada@example.org"`, "family:spiking")

	if resp, _ := b.post("/me/delete", "sure", "no"); resp.StatusCode != 422 {
		t.Errorf("deleting without the word: %d", resp.StatusCode)
	}
	b.must("/me/delete", "sure", "Delete")
	if resp, _ := b.do("GET", "/me/account", nil); resp.StatusCode != 303 {
		t.Errorf("a deleted account sees its page: %d", resp.StatusCode)
	}
	b.signIn("ada@example.org")
	b.must("/sign-out")
	if resp, _ := b.do("GET", "/me", nil); resp.StatusCode != 303 {
		t.Errorf("signed out, the desk answers %d", resp.StatusCode)
	}
}

func TestFeeds(t *testing.T) {
	b := newSite(t, 30, false, func(_ *studio.Config, c *Config) { c.Site = "https://papers.example.org/" }).browser()
	for _, c := range []struct{ path, kind, want string }{
		{"/feed.atom?q=waves", "application/atom+xml", `href="https://papers.example.org/feed.atom?q=waves"`},
		{"/feed.rss?family=spiking", "application/rss+xml", "<title>Travelling waves organise spiking activity</title>"},
		{"/feed.json", "application/json", "Grid cells"},
		{"/feed.bib?runnable=1", "application/x-bibtex", "@misc{blue2026travelling"},
	} {
		resp, body := b.do("GET", c.path, nil)
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), c.kind) || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s\n%.2000s", c.path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
		if resp, _ := b.do("GET", c.path, nil, "If-None-Match", resp.Header.Get("ETag")); resp.StatusCode != 304 {
			t.Errorf("%s again: %d, want 304", c.path, resp.StatusCode)
		}
	}
}

// TestPolicy holds that no page has what the policy of the server refuses.
func TestPolicy(t *testing.T) {
	s := newSite(t, 30, false)
	b := s.browser()
	paper := fmt.Sprint("/paper/", s.id(0))
	b.must(paper+"/comments", "text", "One <i>more</i>")
	b.must(paper+"/list", "on", "1")
	for _, path := range []string{"/", "/archive", "/archive/2026-04", "/search?q=waves", paper, "/me", "/me/following", "/me/account", "/moderation"} {
		body := b.get(path)
		if m := regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]|<style|\sstyle=|\son[a-z]+="|<[a-z]+ [^>]*javascript:`).FindString(body); m != "" {
			t.Errorf("%s holds %q", path, m)
		}
		for _, m := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(body, -1) {
			if resp, _ := b.do("GET", m[1], nil); resp.StatusCode != 200 {
				t.Errorf("%s: %d", m[1], resp.StatusCode)
			}
		}
		for _, m := range regexp.MustCompile(`<form [^>]*method="post"[^>]*>`).FindAllString(body, -1) {
			_, rest, _ := strings.Cut(body, m)
			form, _, _ := strings.Cut(rest, "</form>")
			if !strings.Contains(form, `name="csrf"`) {
				t.Errorf("%s: %s has no CSRF token", path, m)
			}
		}
	}
}

func TestLead(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"Short.", 20, "Short."},
		{"One sentence here. Another one that is too long.", 30, "One sentence here."},
		{"As A. Turing et al. Wrote it, e.g. In this very long sentence without an end", 40, "As A. Turing et al. Wrote it, e.g. In…"},
		{"A  text\nwith \n\n breaks", 50, "A text with breaks"},
		{strings.Repeat("ä", 50), 20, strings.Repeat("ä", 10) + "…"},
	} {
		if got := lead(c.text, c.most); got != c.want {
			t.Errorf("lead(%q, %d) = %q, want %q", c.text, c.most, got, c.want)
		}
	}
}

func TestBy(t *testing.T) {
	for _, c := range []struct {
		authors string
		count   int
		want    string
	}{
		{"", 0, ""}, {"", 1, "1 author"}, {"", 7, "7 authors"}, {"A", 1, "A"}, {"A,B", 2, "A and B"}, {"A,B,C", 3, "A, B and C"},
		{"A,B,C,D", 4, "A, B and 2 others"}, {"A,B", 3, "A, B and 1 other"}, {"A", 9, "A and 8 others"},
	} {
		p := feed.Paper{AuthorCount: c.count}
		if c.authors != "" {
			p.Authors = strings.Split(c.authors, ",")
		}
		if got := by(&p, 2); got != c.want {
			t.Errorf("by(%q, %d) = %q, want %q", c.authors, c.count, got, c.want)
		}
	}
}

// TestOpen holds that a room opened from a feed alone follows the feed, and closes it.
func TestOpen(t *testing.T) {
	store, err := feed.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), "page", these(samples)); err != nil {
		t.Fatal(err)
	}
	server, err := studio.New(studio.Config{Home: t.TempDir(), Papers: []*papers.Paper{system}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), server, store, Options{Mail: &digest.Settings{Site: "http://localhost", From: "papers@example.org", SMTP: digest.SMTP{Host: "localhost", Security: digest.Plain}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Add(r); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); r.Index.Len() < len(samples); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("the index has %d papers, the feed %d", r.Index.Len(), len(samples))
		}
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Count(t.Context(), feed.Filter{}); err == nil {
		t.Error("the feed is still open")
	}
}

func TestSubscribe(t *testing.T) {
	s := newSite(t, 5, true)
	b := s.browser()
	has(t, b.get("/"), "New papers by email")
	resp, body := b.post("/subscribe", "address", "nobody", "query", "waves", "every", "week")
	if resp.StatusCode != 422 {
		t.Errorf("no address: %d", resp.StatusCode)
	}
	has(t, body, `value="nobody"`, "aria-invalid", `value="waves"`)
	if to := b.must("/subscribe", "address", "bo@example.org", "query", "waves", "every", "week"); to != "/subscribe?sent=1" {
		t.Errorf("leads to %s", to)
	}
	link, err := url.Parse(s.letter("bo@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	has(t, b.get(link.RequestURI()), "waves", "every Monday", "Yes, subscribe")
	has(t, b.get(b.must("/confirm", "t", link.Query().Get("t"))), "Subscribed", "27 April 2026")
	for _, path := range []string{"/confirm?t=x", "/unsubscribe?t=x"} {
		if resp, _ := b.do("GET", path, nil); resp.StatusCode != 410 {
			t.Errorf("GET %s: %d, want 410", path, resp.StatusCode)
		}
	}
	// The button of a mail program sends no token of a session; a link that is not ours ends nothing.
	if resp, _ := s.browser().do("POST", "/unsubscribe?t=x", url.Values{"List-Unsubscribe": {"One-Click"}}); resp.StatusCode != 410 {
		t.Errorf("unsubscribing with a made-up link: %d, want 410", resp.StatusCode)
	}
	if resp, _ := s.browser().do("POST", "/subscribe", url.Values{"address": {"eve@example.org"}}); resp.StatusCode != 403 {
		t.Errorf("subscribing without a CSRF token: %d, want 403", resp.StatusCode)
	}
	// When the digest is due it comes, and the button of the mail program ends it without a cookie.
	s.now = today.AddDate(0, 0, 6)
	if _, err := s.Config.Feed.Import(t.Context(), "page", these([]feed.Paper{{Title: "Waves again", Abstract: "More on waves.", Listed: s.now.Add(-time.Hour)}})); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Index.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Mailer.Compose(t.Context()); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	m := s.received("bo@example.org")
	if m.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("the digest's head is %q", m.Header)
	}
	has(t, m.text, "Waves again")
	leave, err := url.Parse(regexp.MustCompile(`<(https?://[^>]+)>`).FindStringSubmatch(m.Header.Get("List-Unsubscribe"))[1])
	if err != nil {
		t.Fatal(err)
	}
	has(t, s.browser().get(leave.RequestURI()), "waves", "Stop all of them")
	if resp, body := s.browser().do("POST", leave.RequestURI(), url.Values{"List-Unsubscribe": {"One-Click"}}); resp.StatusCode != 200 || len(resp.Cookies()) > 0 {
		t.Errorf("the button is answered with %d %q %q", resp.StatusCode, resp.Cookies(), body)
	}
	has(t, s.browser().get(leave.RequestURI()), "Nothing is sent")
	s.now = today

	// Who is signed in needs no letter.
	ada := s.browser()
	ada.signIn("ada@example.org")
	if to := ada.must("/subscribe", "address", "ada@example.org", "query", "", "every", "day"); to != "/me/following" {
		t.Errorf("leads to %s", to)
	}
	has(t, ada.get("/me/following"), "every day, next on 22 April 2026")
	subs, err := s.Mailer.Subscribers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range subs {
		if sub.Address.Reveal() == "ada@example.org" {
			ada.must("/me/digests", "subscription", fmt.Sprint(sub.Subscriptions[0].ID))
		}
	}
	lacks(t, ada.get("/me/following"), "every day, next on")
}

// TestTooOften holds that one address cannot have letters sent without end.
func TestTooOften(t *testing.T) {
	b := newSite(t, 0, true).browser()
	n := 0
	for i := range 20 {
		resp, _ := b.post("/sign-in", "address", fmt.Sprintf("reader%d@example.org", i))
		if resp.StatusCode == http.StatusTooManyRequests {
			if resp.Header.Get("Retry-After") == "" {
				t.Error("it is not said when to try again")
			}
			break
		}
		n++
	}
	if n != 12 {
		t.Errorf("%d letters could be asked for, want 12", n)
	}
}
