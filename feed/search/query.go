package search

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gyrus-dev/gyrus/feed"
)

// Query is a search as a reader writes it, taken apart.
type Query struct {
	Words   []Word
	Phrases []Phrase // must all be in the paper
	Filter  Filter
	Notes   []string // what of the query was not understood, in words for the reader
}

// Word is one word of a query, folded.
type Word struct {
	Text   string
	Must   bool   // +word: only papers that have it
	Not    bool   // -word: only papers that do not have it
	Prefix bool   // word*: any word that begins so
	In     string // "title", "abstract", "author", or empty for anywhere
}

// Phrase is words that stand one after another.
type Phrase struct {
	Words []string
	Not   bool
	In    string
}

// Filter chooses the papers that a search may find. Its zero value lets all through.
type Filter struct {
	Published feed.Span // by days; a paper without a date is in no span
	Listed    feed.Span
	Families  []string // any of these
	Runnable  bool     // only registered systems
	Status    []string // any of these, see [Options].Status
}

func (f *Filter) empty() bool {
	return f.Published == (feed.Span{}) && f.Listed == (feed.Span{}) && len(f.Families) == 0 && !f.Runnable && len(f.Status) == 0
}

// both is what two filters let through together; a list that both have is cut to what they share.
func (f Filter) both(g Filter) Filter {
	f.Published, f.Listed = within(f.Published, g.Published), within(f.Listed, g.Listed)
	f.Families, f.Status = shared(f.Families, g.Families), shared(f.Status, g.Status)
	f.Runnable = f.Runnable || g.Runnable
	return f
}

func within(a, b feed.Span) feed.Span {
	if b.From.After(a.From) {
		a.From = b.From
	}
	if a.To.IsZero() || !b.To.IsZero() && b.To.Before(a.To) {
		a.To = b.To
	}
	return a
}

func shared(a, b []string) []string {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	out := slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
	if len(out) == 0 {
		return []string{"\x00"} // no paper has that
	}
	return out
}

// Bounds of a query; what is beyond them is left away.
const (
	maxQueryBytes = 1 << 14
	maxQueryWords = 400 // enough for an abstract
)

// ParseQuery takes a query apart. Every text is a query; what looks like an instruction and is none is searched for or noted.
//
//	seizure forecasting        papers about it, in whatever words
//	"spiking neurons"          with these words in this order
//	+word -word word*          with, without, beginning so
//	title:word author:name abstract:word
//	family:spiking is:runnable status:reproduced
//	after:2024-05  before:2025  from:2024  until:2025-03-31  published:2024-05  listed:2026-W17
//
// What after: and before: name is not in: after:2024 begins with 2025, before:2025 ends with 2024; from: and until: take it in. A date alone
// is a word.
func ParseQuery(text string) Query {
	var q Query
	if len(text) > maxQueryBytes {
		text = text[:maxQueryBytes]
		q.note("the search is too long; its beginning was used")
	}
	text = strings.ToValidUTF8(text, " ")
	rest := text
	for {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		if rest == "" || len(q.Words) >= maxQueryWords {
			break
		}
		var w Word
		switch {
		case len(rest) > 1 && rest[0] == '-' && !unicode.IsSpace(rune(rest[1])) && rest[1] != '-':
			w.Not, rest = true, rest[1:]
		case len(rest) > 1 && rest[0] == '+' && !unicode.IsSpace(rune(rest[1])):
			w.Must, rest = true, rest[1:]
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == '"' })
		if end < 0 {
			end = len(rest)
		}
		name, value, named := strings.Cut(rest[:end], ":")
		name = strings.ToLower(name)
		if named && value == "" && (end >= len(rest) || rest[end] != '"') {
			named = false
		}
		if named {
			switch name {
			case "title", "abstract", "author":
				w.In = name
				rest, end = rest[len(name)+1:], end-len(name)-1
			case "in":
				if v := strings.ToLower(value); v == "title" || v == "abstract" { // in:title is a habit from elsewhere
					q.note("write title:WORD for a word of the title")
				}
			case "family", "status", "is", "published", "listed", "after", "before", "from", "until":
				cut := name
				if rest = rest[len(cut)+1:]; strings.HasPrefix(rest, `"`) { // status:"not tested"
					if before, after, closed := strings.Cut(rest[1:], `"`); closed {
						value, rest = before, after
					} else {
						value, rest = rest[1:], ""
					}
				} else {
					rest = rest[len(value):]
				}
				q.filter(name, value, w.Not)
				continue
			}
		}
		if strings.HasPrefix(rest, `"`) {
			inside, after, closed := strings.Cut(rest[1:], `"`)
			if !closed {
				after = ""
			}
			rest = after
			q.phrase(inside, w)
			continue
		}
		part := rest[:end]
		rest = rest[end:]
		w.Prefix = strings.HasSuffix(part, "*")
		last := len(q.Words)
		for t := range tokens(part) {
			w.Text = t.word
			q.Words = append(q.Words, w)
		}
		for i := last; i < len(q.Words)-1; i++ { // of EEG-to-f* only the last word is a beginning
			q.Words[i].Prefix = false
		}
	}
	q.Words = q.Words[:min(len(q.Words), maxQueryWords)]
	return q
}

func (q *Query) note(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); len(q.Notes) < 5 && !slices.Contains(q.Notes, note) {
		q.Notes = append(q.Notes, note)
	}
}

func (q *Query) phrase(text string, w Word) {
	p := Phrase{Not: w.Not, In: w.In}
	for t := range tokens(text) {
		if len(p.Words) < maxQueryWords {
			p.Words = append(p.Words, t.word)
		}
	}
	switch {
	case len(p.Words) == 0:
	case len(p.Words) == 1:
		w.Text, w.Must = p.Words[0], !w.Not
		q.Words = append(q.Words, w)
	default:
		const most = 20
		if len(q.Phrases) == most {
			q.note("only the first %d phrases were used", most)
			return
		}
		q.Phrases = append(q.Phrases, p)
	}
}

// filter takes in what stands behind a name and a colon.
func (q *Query) filter(name, value string, not bool) {
	value = strings.TrimSpace(value)
	if not {
		q.note("-%s: is not known; only words and phrases can be left out", name)
		return
	}
	f := &q.Filter
	list := func(to []string) []string {
		for v := range strings.SplitSeq(strings.ToLower(value), ",") {
			if v = strings.Join(strings.Fields(v), " "); v != "" && len(to) < 50 {
				to = append(to, v)
			}
		}
		return to
	}
	switch name {
	case "family":
		f.Families = list(f.Families)
	case "status":
		f.Status = list(f.Status)
	case "is":
		if strings.EqualFold(value, "runnable") {
			f.Runnable = true
		} else {
			q.note("is:%.40s is not known; there is is:runnable", value)
		}
	default:
		span, err := period(value)
		if err != nil {
			q.note("%s:%.40s is no date; write 2026, 2026-04, 2026-W17 or 2026-04-20", name, value)
			return
		}
		switch name {
		case "published":
			f.Published = within(f.Published, span)
		case "listed":
			f.Listed = within(f.Listed, span)
		case "after":
			f.Published = within(f.Published, feed.Span{From: span.To})
		case "from":
			f.Published = within(f.Published, feed.Span{From: span.From})
		case "before":
			f.Published = within(f.Published, feed.Span{To: span.From})
		case "until":
			f.Published = within(f.Published, feed.Span{To: span.To})
		}
	}
}

// period reads a year, or what [feed.ParsePeriod] reads.
func period(s string) (feed.Span, error) {
	if t, err := time.Parse("2006", s); err == nil {
		return feed.Span{From: t, To: t.AddDate(1, 0, 0)}, nil
	}
	_, span, err := feed.ParsePeriod(s)
	return span, err
}
