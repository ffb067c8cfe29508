package search

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/feed"
)

func TestParseQuery(t *testing.T) {
	year := func(from, to string) feed.Span {
		var s feed.Span
		if from != "" {
			s.From = date(from)
		}
		if to != "" {
			s.To = date(to)
		}
		return s
	}
	for _, c := range []struct {
		text string
		want Query
	}{
		{"", Query{}},
		{"EEG-to-f*", Query{Words: []Word{{Text: "eeg"}, {Text: "to"}, {Text: "f", Prefix: true}}}},
		{"+a -b c", Query{Words: []Word{{Text: "a", Must: true}, {Text: "b", Not: true}, {Text: "c"}}}},
		{`"two words" -"three more words" title:"in it" "one"`, Query{Words: []Word{{Text: "one", Must: true}},
			Phrases: []Phrase{{Words: []string{"two", "words"}}, {Words: []string{"three", "more", "words"}, Not: true}, {Words: []string{"in", "it"}, In: "title"}}}},
		{`open "to the end`, Query{Words: []Word{{Text: "open"}}, Phrases: []Phrase{{Words: []string{"to", "the", "end"}}}}},
		{"author:blue -title:x Re:view", Query{Words: []Word{{Text: "blue", In: "author"}, {Text: "x", Not: true, In: "title"}, {Text: "re"}, {Text: "view"}}}},
		{"family:Spiking,fields status:\"Not  tested\" is:runnable", Query{Filter: Filter{Families: []string{"spiking", "fields"}, Status: []string{"not tested"}, Runnable: true}}},
		{"after:2024 before:2026-03", Query{Filter: Filter{Published: year("2025-01-01", "2026-03-01")}}},
		{"from:2024 until:2025-12-31", Query{Filter: Filter{Published: year("2024-01-01", "2026-01-01")}}},
		{"listed:2026-W17", Query{Filter: Filter{Listed: year("2026-04-20", "2026-04-27")}}},
		{"published:soon is:big -family:x", Query{Notes: []string{"published:soon is no date; write 2026, 2026-04, 2026-W17 or 2026-04-20",
			"is:big is not known; there is is:runnable", "-family: is not known; only words and phrases can be left out"}}},
		{"title: x", Query{Words: []Word{{Text: "title"}, {Text: "x"}}}},
		{"2024 -- - +", Query{Words: []Word{{Text: "2024"}}}},
	} {
		if got := ParseQuery(c.text); !reflect.DeepEqual(got, c.want) {
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(c.want)
			t.Errorf("%s:\n got %s\nwant %s", c.text, a, b)
		}
	}
	if q := ParseQuery(strings.Repeat("word ", 5000)); len(q.Words) != maxQueryWords || len(q.Notes) == 0 {
		t.Errorf("a long query: %d words", len(q.Words))
	}
}

// Any text is a query within bounds, and can be searched for.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{`+a -b "c d" title:x* author:"é`, "family:a,b status:\"", "after:2024-13 -:", "in:title -\"\" \xff:\"", "is:runnable listed:2026-W99", "神経 -- ''s \\x"} {
		f.Add(s)
	}
	s := newStore(f)
	add(f, s, few()...)
	x := open(f, s, Options{})
	refreshed(f, x)
	f.Fuzz(func(t *testing.T, text string) {
		q := ParseQuery(text)
		if len(q.Words) > maxQueryWords || len(q.Phrases) > 20 || len(q.Notes) > 6 {
			t.Fatalf("%d words, %d phrases, %d notes", len(q.Words), len(q.Phrases), len(q.Notes))
		}
		for _, w := range q.Words {
			if w.Text == "" || !utf8.ValidString(w.Text) || w.Must && w.Not {
				t.Fatalf("%+v", w)
			}
		}
		found, err := x.Search(context.Background(), Request{Query: text, Instant: len(text)%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range found.Results {
			if r.Title.String() != r.Paper.Title {
				t.Fatalf("title %q became %q", r.Paper.Title, r.Title)
			}
		}
		x.Complete(text, 3)
	})
}

func TestHighlight(t *testing.T) {
	q := ParseQuery("spiking neuro*")
	s := (&snapshot{}).prepare()
	words := s.seek(&q, false)
	words[0].any = []alternative{{"spike", 1}}
	h := newHighlighter(words)
	got := h.whole(`<script>Spikes & "neurons"</script>`)
	if got.String() != `<script>Spikes & "neurons"</script>` {
		t.Errorf("%q", got)
	}
	if want := `&lt;script&gt;<mark>Spikes</mark> &amp; &#34;<mark>neurons</mark>&#34;&lt;/script&gt;`; string(got.HTML()) != want {
		t.Errorf("%s", got.HTML())
	}
	long := strings.Repeat("Nothing is said here about it. ", 20) + "Then spikes of neurons come, étonnant. " + strings.Repeat("Nothing is said here about it. ", 20)
	snippet := h.snippet(long)
	text := snippet.String()
	if !strings.HasPrefix(text, "… ") || !strings.HasSuffix(text, " …") || !strings.Contains(string(snippet.HTML()), "<mark>spikes</mark> of <mark>neurons</mark>") || len(text) > snippetSize+10 {
		t.Errorf("%q", text)
	}
	if none := h.snippet(strings.Repeat("ü", 400)); !utf8.ValidString(none.String()) {
		t.Errorf("%q", none)
	}
	if h.snippet("") != nil {
		t.Error("a snippet of nothing")
	}
}
