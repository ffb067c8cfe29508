package source

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/recording"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// collect runs through a sequence: its papers, its refusals, and the error that ended it.
func collect(papers iter.Seq2[feed.Paper, error]) (out []feed.Paper, refused []string, err error) {
	for p, e := range papers {
		var r *feed.Refusal
		switch {
		case errors.As(e, &r):
			refused = append(refused, r.Error())
		case e != nil:
			return out, refused, e
		default:
			out = append(out, p)
		}
	}
	return out, refused, nil
}

const filler = " text that is long enough to pass for the abstract of a paper, because it goes on and on until it has a hundred bytes."

const page = `new

Daily Papers

by somebody

Apr 20

On Waves

An old` + filler + `

  • 5 authors
·
Jul 16, 2023

Without a Foot

Its` + filler + `

Two Paragraphs in {\it TeX}

The first` + filler + `

The second, short.

BlueLab Blue Lab
·
Feb 25 2

At the End of a Year

Some` + filler + `

  • 1 authors
·
Dec 30
`

func TestPage(t *testing.T) {
	kind, seq := Read("x.txt", []byte(page), Options{Date: day("2026-05-01")})
	got, refused, err := collect(seq)
	if err != nil || len(refused) > 0 || kind != "page" {
		t.Fatalf("%s, refused %q, %v", kind, refused, err)
	}
	listed := day("2026-04-20")
	want := []feed.Paper{
		{Title: "On Waves", Abstract: "An old" + filler, AuthorCount: 5, Published: day("2023-07-16"), Listed: listed},
		{Title: "Without a Foot", Abstract: "Its" + filler, Listed: listed},
		{Title: `Two Paragraphs in {\it TeX}`, Abstract: "The first" + filler + "\n\nThe second, short.", Organisation: "Blue Lab", Published: day("2026-02-25"),
			Comments: 2, Listed: listed},
		{Title: "At the End of a Year", Abstract: "Some" + filler, AuthorCount: 1, Published: day("2025-12-30"), Listed: listed},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestPageTorn(t *testing.T) {
	for _, c := range []struct {
		name, text string
		papers     int
		refused    string // a part of the refusal
		err        string // a part of the error
	}{
		{"empty", "", 0, "", "no heading"},
		{"another text", "Dear reader,\n\nApr 20\n\nIt is spring.\n", 0, "", "no heading"},
		{"no such day", "Daily Papers\n\nFeb 31\n\nTitle\n\n" + filler, 0, "", "line 3"},
		{"no paper", "Daily Papers\n\nApr 20\n", 0, "", ""},
		{"a foot alone", "Daily Papers\n\nApr 20\n\n• 2 authors\n·\nMay 3, 2020\n\nTitle\n\nAn" + filler, 1, "line 5: there is no title", ""},
		{"no title", "Daily Papers\n\nApr 20\n\n" + strings.Repeat(filler, 4) + "\n\n• 2 authors\n·\nMay 3, 2020\n\nTitle\n\nAn" + filler, 1, "expected a title", ""},
		{"no such day in a foot", "Daily Papers\n\nApr 20\n\nTitle\n\nAn" + filler + "\n\n• 2 authors\n·\nApr 31, 2020\n", 0, "no April 31", ""},
		{"links of the page below", page + "\nPrevious\n\nNext\n", 4, `"Next": neither an abstract`, ""},
	} {
		_, seq := Read("x.txt", []byte(c.text), Options{Date: day("2026-05-01")})
		got, refused, err := collect(seq)
		if len(got) != c.papers || !strings.Contains(strings.Join(refused, "\n"), c.refused) {
			t.Errorf("%s: %d papers, refused %q", c.name, len(got), refused)
		}
		var form *recording.Error
		if c.err == "" && err != nil || c.err != "" && (!errors.As(err, &form) || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The year of a page that does not say it is that of the reference, unless a paper on it is younger.
func TestPageYear(t *testing.T) {
	for reference, want := range map[string]string{"2026-04-20": "2026-04-20", "2026-04-19": "2025-04-20", "2030-01-01": "2029-04-20", "2019-01-01": "2023-04-20"} {
		_, seq := Read("x.txt", []byte(page), Options{Date: day(reference)})
		if got, _, err := collect(seq); err != nil || !got[0].Listed.Equal(day(want)) {
			t.Errorf("seen from %s the page is of %s, want %s (%v)", reference, got[0].Listed.Format(time.DateOnly), want, err)
		}
	}
}

// The real page comes in without a word lost: written out again in the page's form, the papers are the page.
func TestRealPage(t *testing.T) {
	mirror := os.Getenv("GYRUS_DATA")
	if mirror == "" {
		t.Skip("GYRUS_DATA does not name the recordings")
	}
	path := filepath.Join(mirror, "feed", "daily-papers.txt")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	_, seq, err := Open(path, Options{Date: day("2026-04-20")})
	if err != nil {
		t.Fatal(err)
	}
	papers, refused, err := collect(seq)
	if err != nil || len(refused) > 0 || len(papers) != 48 {
		t.Fatalf("%d papers, refused %q, %v", len(papers), refused, err)
	}
	store, err := feed.Open(t.Context(), filepath.Join(t.TempDir(), "feed.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, want := range []feed.Summary{{Seen: 48, Added: 48}, {Seen: 48, Unchanged: 48}} {
		_, seq, _ := Open(path, Options{Date: day("2026-04-20")})
		if sum, err := store.Import(t.Context(), "page", seq); err != nil || !reflect.DeepEqual(sum, want) {
			t.Fatalf("import: %+v, %v", sum, err)
		}
	}
	var written []string
	for id := int64(1); id <= 48; id++ {
		p, err := store.Paper(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, p.Title, p.Abstract)
		switch {
		case p.AuthorCount > 0:
			written = append(written, fmt.Sprintf("• %d authors", p.AuthorCount))
		case p.Organisation != "":
			written = append(written, strings.ReplaceAll(p.Organisation, " ", "")+" "+p.Organisation)
		}
		if p.Published.IsZero() {
			continue
		}
		date := p.Published.Format("Jan 2, 2006")
		if p.Published.Year() == 2026 {
			date = p.Published.Format("Jan 2")
		}
		if p.Comments > 0 {
			date += fmt.Sprintf(" %d", p.Comments)
		}
		written = append(written, "·", date)
	}
	_, body, _ := strings.Cut(string(raw), "\nApr 20\n")
	var original []string
	for l := range strings.SplitSeq(body, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			original = append(original, l)
		}
	}
	if len(written) != len(original) {
		t.Errorf("%d lines, the page has %d", len(written), len(original))
	}
	for i := range min(len(written), len(original)) {
		if written[i] != original[i] {
			t.Fatalf("line %d became %.60q", i, written[i])
		}
	}
}

func TestHTML(t *testing.T) {
	props := `{&quot;dailyPapers&quot;:[{&quot;paper&quot;:{&quot;id&quot;:&quot;2501.00001&quot;,&quot;title&quot;:&quot;A &amp;amp; B&quot;,&quot;upvotes&quot;:3}}]}`
	asText := strings.NewReplacer("\n\n", "</p>\n<p>", "<", "&lt;").Replace(page)
	asText = strings.ReplaceAll(asText, "&lt;", "<")
	for _, c := range []struct {
		name, html string
		titles     string
	}{
		{"with data", `<!DOCTYPE html><html><body><div data-target="DailyPapers" data-props="` + props + `"></div></body></html>`, "A &amp; B"},
		{"text", `<html><head><title>Daily Papers - x</title><style>p{}</style></head><body><script>var a = "<p>"</script><p>` +
			strings.ReplaceAll(asText, "·\n", "·<br>") + "</p></body></html>", "On Waves|Without a Foot|Two Paragraphs in {\\it TeX}|At the End of a Year"},
		{"a paper", `<html><head><meta name="citation_title" content="Deep &amp; wide"><meta name="citation_author" content="Blue, Ada">` +
			`<meta name="citation_arxiv_id" content="2501.00001"><meta name="citation_date" content="2025/01/02"></head></html>`, "Deep & wide"},
	} {
		kind, seq := Read("x.html", []byte(c.html), Options{Date: day("2026-05-01")})
		got, refused, err := collect(seq)
		var titles []string
		for _, p := range got {
			titles = append(titles, p.Title)
		}
		if kind != "page" || err != nil || strings.Join(titles, "|") != c.titles {
			t.Errorf("%s: %s, %q, refused %q, %v", c.name, kind, titles, refused, err)
		}
	}
	if got := plain("p<0.05 &amp; <i>x</i><sub>2</sub><p>next</p><script>bad()</script>"); got != "p<0.05 & x2\nnext" {
		t.Errorf("plain text is %q", got)
	}
}

func FuzzPage(f *testing.F) {
	f.Add(page)
	f.Add("Daily Papers\n\nApr 20\n\nTitle\n\n" + filler + "\n\n·\nMay 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		titles := 0
		for p, err := range parsePage("x", text, Options{Date: day("2026-05-01")}) {
			if err == nil {
				titles++
				if p.Title == "" || p.Listed.IsZero() || len(p.Title) > len(text) {
					t.Errorf("%+v", p)
				}
			}
		}
		if titles > len(text) {
			t.Error("more papers than bytes")
		}
		for range parseHTML("x", []byte(text), Options{Date: day("2026-05-01")}) {
		}
	})
}
