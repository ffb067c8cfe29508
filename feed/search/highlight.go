package search

import (
	"html"
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"
)

// Highlighted is a text in pieces, of which some are words of the query. The pieces are plain text: whoever shows them escapes them, as
// [Highlighted.HTML] does.
type Highlighted []Span

// Span is a piece of a text.
type Span struct {
	Text string
	Hit  bool // it is a word of the query
}

// String is the text without marks.
func (h Highlighted) String() string {
	var b strings.Builder
	for _, s := range h {
		b.WriteString(s.Text)
	}
	return b.String()
}

// HTML is the text escaped, with mark elements around the words of the query.
func (h Highlighted) HTML() template.HTML {
	var b strings.Builder
	for _, s := range h {
		if s.Hit {
			b.WriteString("<mark>" + html.EscapeString(s.Text) + "</mark>")
		} else {
			b.WriteString(html.EscapeString(s.Text))
		}
	}
	return template.HTML(b.String())
}

// highlighter finds the words of a query in texts.
type highlighter struct {
	stems    map[string]int // to the number of the query's word
	prefixes map[string]int
	seen     map[string]int // what word found
}

func newHighlighter(words []sought) *highlighter {
	h := &highlighter{map[string]int{}, map[string]int{}, map[string]int{}}
	for i, w := range words {
		if w.Not {
			continue
		}
		for _, a := range w.any {
			h.stems[a.stem] = i
		}
		if w.Prefix {
			h.prefixes[w.Text] = i
		}
	}
	return h
}

// word returns the number of the query's word that a word is, or -1.
func (h *highlighter) word(word string) int {
	i, known := h.seen[word]
	if !known {
		i = h.find(word)
		h.seen[word] = i
	}
	return i
}

func (h *highlighter) find(word string) int {
	if i, ok := h.stems[stem(word)]; ok {
		return i
	}
	for p, i := range h.prefixes {
		if strings.HasPrefix(word, p) {
			return i
		}
	}
	return -1
}

// whole highlights a text.
func (h *highlighter) whole(text string) Highlighted {
	if text == "" {
		return nil
	}
	var out Highlighted
	at := 0
	if len(h.stems)+len(h.prefixes) > 0 {
		for t := range tokens(text) {
			if h.word(t.word) < 0 {
				continue
			}
			if t.start > at {
				out = append(out, Span{Text: text[at:t.start]})
			}
			out = append(out, Span{text[t.start:t.end], true})
			at = t.end
		}
	}
	if at < len(text) {
		out = append(out, Span{Text: text[at:]})
	}
	return out
}

// snippetSize is about how many bytes of an abstract are shown.
const snippetSize = 280

// snippet highlights the part of a text that has most of the query: it counts how many different words of it are there, then how many
// altogether. A part in the middle begins with a sentence if one begins close by.
func (h *highlighter) snippet(text string) Highlighted {
	if len(text) <= snippetSize*5/4 {
		return h.whole(text)
	}
	type place struct{ start, end, word int }
	var hits []place
	for t := range tokens(text) {
		if w := h.word(t.word); w >= 0 {
			hits = append(hits, place{t.start, t.end, w})
		}
	}
	from, score := 0, -1
	count := map[int]int{}
	all, right := 0, 0
	for left := range hits {
		for right < len(hits) && hits[right].end-hits[left].start <= snippetSize*3/4 {
			count[hits[right].word]++
			all++
			right++
		}
		if s := 4*len(count) + min(all, 8); s > score {
			from, score = hits[left].start, s
		}
		if all > 0 { // the window leaves this hit behind, if it had it
			if count[hits[left].word]--; count[hits[left].word] == 0 {
				delete(count, hits[left].word)
			}
			all--
		}
		right = max(right, left+1)
	}
	if from <= snippetSize/4 {
		from = 0
	} else if sentence := strings.LastIndex(text[max(0, from-snippetSize/3):from], ". "); sentence >= 0 {
		from = max(0, from-snippetSize/3) + sentence + 2
	} else if blank := strings.LastIndexByte(text[max(0, from-snippetSize/4):from], ' '); blank >= 0 {
		from = max(0, from-snippetSize/4) + blank + 1
		if first := strings.IndexByte(text[max(0, from-40):from], ' '); first >= 0 {
			from = max(0, from-40) + first + 1 // a few words of what goes before
		}
	}
	to := min(from+snippetSize, len(text))
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to--
	}
	if to < len(text) {
		if blank := strings.LastIndexByte(text[from:to], ' '); blank > snippetSize/2 {
			to = from + blank
		}
	}
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	out := h.whole(strings.TrimSpace(text[from:to]))
	if from > 0 {
		out = slices.Insert(out, 0, Span{Text: "… "})
	}
	if to < len(text) {
		out = append(out, Span{Text: " …"})
	}
	return out
}
