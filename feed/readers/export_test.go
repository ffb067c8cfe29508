package readers

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mmcdole/gofeed"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/source"
)

var when = time.Date(2025, 7, 15, 0, 0, 0, 0, time.UTC)

// hostile is a list whose texts try to break out of every format.
var hostile = List{
	Title: `Waves & <script>alert("1")</script> ]]>`, Site: "https://papers.example.org", Path: `/search?q=a&b="<c>`, Self: "/search.atom?q=a&b", Updated: when,
	Papers: []feed.Paper{
		{ID: 1, ArXiv: "2507.11531", Title: `Of $\alpha$-waves & <b>100% {real}</b> #1_a ~b ^c \alpha`, Authors: []string{"Ada Blue", "Carl and Sons, Ltd.", "José Müller"}, AuthorCount: 3,
			Abstract: "One & two < three.\n\n</summary></entry> ]]> $5 & $6", Published: when, Listed: when.AddDate(0, 0, 1), Family: "populations"},
		{ID: 2, DOI: "10.1000/a_b", Title: "Waves without end", Authors: []string{"Ada Blue"}, AuthorCount: 7, Published: when, URL: "https://example.org/a?b=1&c=2"},
		{ID: 3, Title: "脳の波", Listed: when, URL: "https://example.org/{x}"},
		{ID: 4, Title: "Waves of $x^{2$ }", Authors: []string{"others", "  "}, Listed: when},
		{ID: 5, ArXiv: "2507.11532", Title: "Waves, again", Authors: []string{"Ada Blue"}, Published: when},
	},
}

func write(t testing.TB, l List, f Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := l.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFeeds(t *testing.T) {
	for _, f := range []Format{RSS, Atom} {
		t.Run(string(f), func(t *testing.T) {
			text := write(t, hostile, f)
			for d := xml.NewDecoder(strings.NewReader(text)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%v in\n%s", err, text)
				}
			}
			got, err := gofeed.NewParser().ParseString(text)
			if err != nil {
				t.Fatal(err)
			}
			if got.FeedType != string(f) || got.Title != hostile.Title || got.Link != hostile.Site+hostile.Path || got.FeedLink != hostile.Site+hostile.Self || !got.UpdatedParsed.Equal(when) {
				t.Errorf("the head is %q %q %q %q %v", got.FeedType, got.Title, got.Link, got.FeedLink, got.UpdatedParsed)
			}
			if len(got.Items) != len(hostile.Papers) {
				t.Fatalf("%d items", len(got.Items))
			}
			ids := map[string]bool{}
			for i, item := range got.Items {
				p := hostile.Papers[i]
				if item.Title != p.Title {
					t.Errorf("the title of %d is %q", p.ID, item.Title)
				}
				if want := fmt.Sprintf("tag:papers.example.org,2026:paper/%d", p.ID); item.GUID != want || ids[item.GUID] {
					t.Errorf("the ID of %d is %q", p.ID, item.GUID)
				}
				ids[item.GUID] = true
				if want := fmt.Sprintf("https://papers.example.org/feed/%d", p.ID); item.Link != want {
					t.Errorf("the link of %d is %q", p.ID, item.Link)
				}
				if item.PublishedParsed == nil || !item.PublishedParsed.Equal(when) {
					t.Errorf("%d was published %v", p.ID, item.Published)
				}
			}
			if a := got.Items[0].Authors; f == Atom && (len(a) != 3 || a[1].Name != "Carl and Sons, Ltd.") {
				t.Errorf("the authors are %+v", a)
			}
			if c := got.Items[0].DublinCoreExt; f == RSS && (c == nil || len(c.Creator) != 3 || c.Creator[2] != "José Müller") {
				t.Errorf("the creators are %+v", c)
			}
			want := map[Format]string{Atom: "One & two < three.\n\n</summary></entry> ]]> $5 & $6", RSS: "One &amp; two &lt; three.<br><br>&lt;/summary&gt;&lt;/entry&gt; ]]&gt; $5 &amp; $6"}[f]
			if got.Items[0].Description != want {
				t.Errorf("the abstract is %q", got.Items[0].Description)
			}
			if again := write(t, hostile, f); again != text {
				t.Error("written twice, it differs")
			}
			if _, err := gofeed.NewParser().ParseString(write(t, List{Title: "Nothing", Site: "http://127.0.0.1:1"}, f)); err != nil {
				t.Errorf("an empty list: %v", err)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	var doc struct {
		ID, Title, Page string
		Updated         time.Time
		Papers          []struct {
			URI, Page string
			feed.Paper
		}
	}
	if err := json.Unmarshal([]byte(write(t, hostile, JSON)), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Title != hostile.Title || doc.ID == "" || len(doc.Papers) != 5 || doc.Papers[0].Title != hostile.Papers[0].Title || doc.Papers[0].URI != "tag:papers.example.org,2026:paper/1" ||
		doc.Papers[0].Paper.ID != 1 || len(doc.Papers[0].Authors) != 3 {
		t.Errorf("%+v", doc)
	}
	if write(t, List{Title: "Nothing"}, JSON) == "" {
		t.Error("nothing was written")
	}
}

func TestBibTeX(t *testing.T) {
	text := write(t, hostile, BibTeX)
	balancedEntries(t, text, 5)
	_, papers := source.Read("list.bib", []byte(text), source.Options{})
	var got []feed.Paper
	for p, err := range papers {
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		got = append(got, p)
	}
	if len(got) != 5 {
		t.Fatalf("%d entries in\n%s", len(got), text)
	}
	if p := got[0]; p.ArXiv != "2507.11531" || strings.Join(p.Authors, "|") != "Ada Blue|Carl and Sons, Ltd.|José Müller" || p.Published.Year() != 2025 || p.Published.Month() != 7 {
		t.Errorf("%+v", p)
	}
	if p := got[1]; p.DOI != "10.1000/a_b" || p.Title != "Waves without end" || p.URL != "https://doi.org/10.1000/a_b" || len(p.Authors) != 1 {
		t.Errorf("%+v", p)
	}
	if got[2].Title != "脳の波" {
		t.Errorf("%+v", got[2])
	}
	for _, want := range []string{"@misc{blue2025alpha,", "@article{blue2025waves,", "@misc{blue2025waves-5,", "{Ada Blue and others}", `{{Of $\alpha$-waves \& <b>100\% \textbraceleft{}real\textbraceright{}</b> \#1\_a \textasciitilde{}b \textasciicircum{}c \textbackslash{}alpha}}`,
		`{Carl and Sons, Ltd.}`, `\$5 \& \$6`, "{https://example.org/%7Bx%7D}", "month = jul"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// balancedEntries checks what every BibTeX parser needs: entries that begin at the start of a line, braces that match, keys that differ.
func balancedEntries(t *testing.T, text string, n int) {
	t.Helper()
	keys, open := map[string]bool{}, 0
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if open == 0 && line != "" {
			kind, key, ok := strings.Cut(strings.TrimSuffix(line, ","), "{")
			if !ok || kind != "@misc" && kind != "@article" || key == "" || keys[key] || strings.ContainsAny(key, " ,{}#%~\\\"'=") {
				t.Fatalf("an entry begins with %q", line)
			}
			keys[key] = true
		}
		for _, r := range line {
			if r == '{' {
				open++
			} else if r == '}' {
				if open--; open < 0 {
					t.Fatalf("the braces do not match at %q", line)
				}
			}
		}
	}
	if open != 0 || len(keys) != n {
		t.Fatalf("%d entries, %d braces open, in\n%s", len(keys), open, text)
	}
}

func TestUnknownFormat(t *testing.T) {
	var refusal *Refusal
	if err := hostile.Write(io.Discard, "pdf"); !errors.As(err, &refusal) {
		t.Errorf("the error is %v", err)
	}
	for _, f := range Formats {
		if f.ContentType() == "" {
			t.Errorf("%s has no media type", f)
		}
	}
}

// Whatever a paper says, every format stays whole.
func FuzzList(f *testing.F) {
	f.Add("Waves $a$ {b}", "One\n\ntwo & <three>", "Ada and Eve")
	f.Add("\\", "]]>", "{")
	f.Add("$x\\$", "\x00\x1f\ufffe", ",")
	f.Fuzz(func(t *testing.T, title, abstract, author string) {
		if !utf8.ValidString(title + abstract + author) {
			t.Skip() // the store holds none
		}
		l := List{Title: title, Site: "https://papers.example.org", Papers: []feed.Paper{{ID: 1, Title: title, Abstract: abstract, Authors: []string{author}, Listed: when}}}
		for _, format := range []Format{RSS, Atom} {
			got, err := gofeed.NewParser().ParseString(write(t, l, format))
			if err != nil || len(got.Items) != 1 {
				t.Fatalf("%s: %v", format, err)
			}
		}
		text := write(t, l, BibTeX)
		if !strings.ContainsAny(title+author, "\n\r") { // the store keeps them on one line
			balancedEntries(t, text, 1)
		}
		if !json.Valid([]byte(write(t, l, JSON))) {
			t.Fatal("JSON is not valid")
		}
	})
}

func ExampleRender() {
	fmt.Print(Render("See [table 2](https://example.org/t) <script>alert(1)</script>"))
	// Output: <p>See <a href="https://example.org/t" rel="nofollow noopener ugc">table 2</a> &lt;script&gt;alert(1)&lt;/script&gt;</p>
}
