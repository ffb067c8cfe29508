package room

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestAccessible holds each page to what assistive programs need: a language, one first heading and no level left out, unique IDs, a name for
// everything that can be operated, and references that lead somewhere.
func TestAccessible(t *testing.T) {
	s := newSite(t, 40, true)
	b, nobody := s.browser(), s.browser()
	me := b.signIn("ada@example.org")
	paper := fmt.Sprint("/paper/", s.id(0))
	to := b.must(paper+"/comments", "text", "One")
	other := s.browser()
	other.signIn("bo@example.org")
	other.must(paper+"/comments", "text", "Two", "parent", to[strings.Index(to, "#c")+2:])
	other.must(paper+"/claim", "evidence", "mine")
	b.must("/comment/2/report", "paper", strings.TrimPrefix(paper, "/paper/"), "reason", "so")
	b.must(paper+"/list", "on", "1")
	b.must("/me/follow", "query", "waves", "label", "")
	b.must("/subscribe", "address", "ada@example.org", "query", "", "every", "day")
	if err := s.Readers.SetModerator(t.Context(), me.ID, true); err != nil {
		t.Fatal(err)
	}
	pages := []string{"/", "/?trending=week", "/?family=fields", "/archive", "/archive/2026-04", "/archive/2026-04-20", "/search", "/search?q=waves", "/search?q=zzyzx", paper,
		"/me", "/me/following", "/me/account", "/moderation", "/subscribe", "/sign-in"}
	for _, who := range []*browser{b, nobody} {
		for _, path := range pages {
			resp, body := who.do("GET", path, nil)
			if resp.StatusCode != 200 {
				continue // one has to be signed in
			}
			for _, fault := range faults(t, body) {
				t.Errorf("%s: %s", path, fault)
			}
		}
	}
	// The check itself sees what it is to see.
	bad := faults(t, `<html><body><h1>x</h1><h3>y</h3><input id="a"><button></button><a href="/"></a><img src="x"><p id="a" aria-describedby="b"></p></body></html>`)
	if len(bad) != 8 {
		t.Errorf("in a bad page it finds %q", bad)
	}
}

// faults are what is wrong with a page.
func faults(t *testing.T, body string) (out []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	ids, labels := map[string]int{}, map[string]bool{}
	for n := range doc.Descendants() {
		if id := attr(n, "id"); id != "" {
			ids[id]++
		}
		if n.Data == "label" && attr(n, "for") != "" && text(n) != "" {
			labels[attr(n, "for")] = true
		}
	}
	for id, n := range ids {
		if n > 1 {
			out = append(out, fmt.Sprintf("%d elements have the ID %q", n, id))
		}
	}
	level := 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		fault := func(format string, args ...any) {
			out = append(out, fmt.Sprintf("<%s>: ", n.Data)+fmt.Sprintf(format, args...))
		}
		switch n.Data {
		case "html":
			if attr(n, "lang") == "" {
				fault("no language")
			}
		case "h1", "h2", "h3", "h4":
			now := int(n.Data[1] - '0')
			if now > level+1 {
				fault("%q follows a heading of level %d", text(n), level)
			}
			level = now
		case "input", "select", "textarea":
			if attr(n, "type") != "hidden" && !labels[attr(n, "id")] && attr(n, "aria-label") == "" && !slices.ContainsFunc(slices.Collect(n.Ancestors()), func(a *html.Node) bool { return a.Data == "label" }) {
				fault("no label for %q", attr(n, "name"))
			}
		case "button", "a", "summary":
			if text(n) == "" && attr(n, "aria-label") == "" {
				fault("no name")
			}
		case "img":
			if !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "alt" }) {
				fault("no alternative text")
			}
		}
		for _, key := range []string{"aria-describedby", "aria-labelledby", "for"} {
			for id := range strings.FieldsSeq(attr(n, key)) {
				if ids[id] == 0 {
					fault("%s names %q, which is not there", key, id)
				}
			}
		}
	}
	return out
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// text is what is read aloud of an element.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		hidden := slices.ContainsFunc(append(slices.Collect(d.Ancestors()), d), func(a *html.Node) bool { return attr(a, "aria-hidden") == "true" })
		if d.Type == html.TextNode && !hidden {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}
