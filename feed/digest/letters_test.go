package digest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/gyrus-dev/gyrus/feed"
)

// sample is a digest of papers that try to break out of it.
func sample(t *testing.T, o *office) Letter {
	t.Helper()
	find := o.config.Find
	defer func() { o.config.Find = find }()
	o.config.Find = nil
	hostile := []feed.Paper{
		{ID: 1, ArXiv: "2604.00001", Title: `Waves & <script>alert("1")</script> in networks`, Abstract: "First & foremost <b>bold</b>. " + strings.Repeat("More words follow here. ", 40), Authors: []string{"Ada Blue", "Carl <i>Dean</i>", "Eve Fox"},
			AuthorCount: 12, Published: o.now, Slug: "waver", Upvotes: 3, Comments: 1},
		{ID: 2, Title: strings.Repeat("Verylongwordwithoutabreak", 20), URL: "javascript:alert(1)", AuthorCount: 5},
		{ID: 3, Title: "脳の波 {{.Leave}} %s", Abstract: "One.", Organisation: "Institute & Co", Published: o.now},
	}
	sections := []section{{Subscription: Subscription{Label: "A <label> & more", Query: `q"&<x>`}, Papers: hostile[:2], More: true}, {Subscription: Subscription{Label: "Empty"}}, {Subscription: Subscription{Label: "Other"}, Papers: hostile[2:]}}
	l, err := o.digestLetter(sections, Daily, "https://papers.example.org/digest/leave?t=a.b.c")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLetterIsSafe(t *testing.T) {
	o := start(t)
	digest := sample(t, o)
	confirm, err := o.confirmLetter("<b>label</b>", "q", Weekly, "https://papers.example.org/digest/confirm?t=a.b.c")
	o.ok(err)
	signIn, err := o.signInLetter("https://papers.example.org/reader/enter?t=ABC", 20*time.Minute)
	o.ok(err)
	for name, l := range map[string]Letter{"digest": digest, "confirm": confirm, "sign-in": signIn} {
		if strings.ContainsAny(l.Subject, "\r\n") || l.Subject == "" || utf8.RuneCountInString(l.Subject) > 90 {
			t.Errorf("%s: the subject is %q", name, l.Subject)
		}
		if n := len(l.HTML); n > 90<<10 { // mail programs cut what is longer than about 100 KiB
			t.Errorf("%s: %d bytes", name, n)
		}
		for line := range strings.SplitSeq(l.Text, "\n") {
			if utf8.RuneCountInString(line) > 78 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s: a line of %d characters: %q", name, utf8.RuneCountInString(line), line)
			}
			if line != "-- " && line != strings.TrimRight(line, " ") {
				t.Errorf("%s: blanks at the end of %q", name, line)
			}
		}
		if strings.Contains(l.Text, "\n\n\n\n") || strings.Contains(l.Text, "&amp;") || strings.Contains(l.Text, "&lt;") {
			t.Errorf("%s: the text is\n%s", name, l.Text)
		}
		safeHTML(t, name, l.HTML)
	}
}

// safeHTML checks that a letter loads nothing, runs nothing, and links to where it should.
func safeHTML(t *testing.T, name, text string) {
	t.Helper()
	known := strings.Fields("html head meta title style body div table tr td h1 h2 h3 p a b span br")
	attributes := strings.Fields("lang xmlns:o charset name content class style role width cellpadding cellspacing border align href")
	void := []string{"meta", "br"}
	var open []string
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		switch kind {
		case html.CommentToken:
			if !strings.HasPrefix(token.Data, "[if mso]>") {
				t.Errorf("%s: a comment %q", name, token.Data)
			}
		case html.StartTagToken:
			if !slices.Contains(known, token.Data) {
				t.Errorf("%s: an element %s", name, token.Data)
			}
			if !slices.Contains(void, token.Data) {
				open = append(open, token.Data)
			}
			for _, a := range token.Attr {
				if !slices.Contains(attributes, a.Key) {
					t.Errorf("%s: %s has %s", name, token.Data, a.Key)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "https://papers.example.org/") && !strings.HasPrefix(a.Val, "https://arxiv.org/abs/2604.") {
					t.Errorf("%s: a link to %q", name, a.Val)
				}
				if strings.Contains(a.Val, "url(") {
					t.Errorf("%s: %s loads %q", name, token.Data, a.Val)
				}
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("%s: %s closes %v", name, token.Data, open)
			}
			open = open[:len(open)-1]
		case html.TextToken:
			if len(open) > 0 && open[len(open)-1] == "style" && regexp.MustCompile(`url\(|@import|@font-face`).MatchString(token.Data) {
				t.Errorf("%s: the style loads something", name)
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("%s: %v is left open", name, open)
	}
	if strings.Contains(text, "ZgotmplZ") {
		t.Errorf("%s: the template was given something it could not write", name)
	}
}

func TestDigestSays(t *testing.T) {
	o := start(t)
	l := sample(t, o)
	for _, want := range []string{"3 new papers, 1 of which runs in Gyrus\n", "A <label> & more\n----------------\n", "Waves & <script>alert(\"1\")</script> in networks\n", "Ada Blue, Carl <i>Dean</i>, Eve Fox and 9 others · 20 April 2026 · 3\nupvotes · 1 comment\nruns here: gyrus run waver\n",
		"\n  First & foremost <b>bold</b>.", "  https://papers.example.org/feed/1\n", "There is more: https://papers.example.org/search?q=q%22%26%3Cx%3E\n", "5 authors\n", "Institute & Co · 20 April 2026\n", "脳の波 {{.Leave}} %s\n", "Change or unsubscribe: https://papers.example.org/digest/leave?t=a.b.c\n", "The reading room of the example institute\n"} {
		if !strings.Contains(l.Text, want) {
			t.Errorf("%q is missing in\n%s", want, l.Text)
		}
	}
	if strings.Contains(l.Text+l.HTML, "Empty") {
		t.Error("a section without papers is shown")
	}
	if want := `Waves & <script>alert("1")</script> in networks + 2 more`; l.Subject != want {
		t.Errorf("the subject is %q", l.Subject)
	}
}

// The same letter is the same bytes, whenever it is made.
func TestSameBytes(t *testing.T) {
	o := start(t)
	l := sample(t, o)
	c := &claimed{id: 1, kind: digestKind, to: address(t, "ada@reader.example"), messageID: o.messageID(1, "k"), letter: l, created: o.now}
	first, err := o.compile(c)
	o.ok(err)
	for range 50 {
		again, err := o.compile(c)
		if o.ok(err); string(again) != string(first) {
			t.Fatalf("two messages of one letter differ:\n%s\n%s", first, again)
		}
	}
	head, plain, html := parts(t, string(first))
	if strings.ReplaceAll(plain, "\r\n", "\n") != l.Text || strings.ReplaceAll(html, "\r\n", "\n") != l.HTML {
		t.Error("the text changed on its way")
	}
	if s := head.Get("Subject"); !strings.Contains(s, "Waves") {
		t.Errorf("the subject is %q", s)
	}
}

func TestBy(t *testing.T) {
	for _, c := range []struct {
		p    feed.Paper
		want string
	}{
		{feed.Paper{}, ""},
		{feed.Paper{Organisation: "Lab"}, "Lab"},
		{feed.Paper{AuthorCount: 1}, "1 author"},
		{feed.Paper{AuthorCount: 5}, "5 authors"},
		{feed.Paper{Authors: []string{"A"}}, "A"},
		{feed.Paper{Authors: []string{"A", "B"}}, "A and B"},
		{feed.Paper{Authors: []string{"A", "B", "C"}}, "A, B and C"},
		{feed.Paper{Authors: []string{"A", "B", "C", "D"}}, "A, B, C and D"},
		{feed.Paper{Authors: []string{"A", "B", "C", "D", "E"}}, "A, B, C and 2 others"},
		{feed.Paper{Authors: []string{"A"}, AuthorCount: 2}, "A and 1 other"},
	} {
		if got := by(c.p); got != c.want {
			t.Errorf("%v is %q, not %q", c.p.Authors, got, c.want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "",
		"Short.":                             "Short.",
		"One two three. Four five six nine":  "One two three.",
		"One two (e.g. Three) four five six": "One two (e.g. Three)…",
		"abcdefghijklmnopqrstuvwxyzabcdefgh": "abcdefghijklmnopqrstuvw…",
	} {
		if got := excerpt(in, 24); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
}
