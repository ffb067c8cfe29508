package room

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/papers"
)

// card is a paper as lists show it.
type card struct {
	feed.Paper
	Mine    readers.Marks
	Heading search.Highlighted // the title, with what was searched for marked
	Lead    search.Highlighted // the first sentences of the abstract, or those that were found
	System  string             // name of the Gyrus system that runs it, empty for none
}

func plain(s string) search.Highlighted {
	if s == "" {
		return nil
	}
	return search.Highlighted{{Text: s}}
}

// leadLength is about how many characters of an abstract a list shows.
const leadLength = 330

// cards shows papers to a reader, who may be nil.
func (s *Section) cards(ctx context.Context, me *readers.Reader, list []feed.Paper) ([]card, error) {
	var marks map[int64]readers.Marks
	if me != nil && len(list) > 0 {
		ids := make([]int64, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		var err error
		if marks, err = s.Readers.Marks(ctx, me.ID, ids...); err != nil {
			return nil, err
		}
	}
	out := make([]card, len(list))
	for i, p := range list {
		out[i] = card{Paper: p, Mine: marks[p.ID], Heading: plain(p.Title), Lead: plain(lead(p.Abstract, leadLength)), System: s.system(p.Slug)}
	}
	return out, nil
}

// system names the system that runs a paper here; the feed may know of one that this server does not have.
func (s *Section) system(slug string) string {
	if slug == "" {
		return ""
	}
	p, ok := s.server.Paper(slug)
	if !ok {
		return ""
	}
	return p.System
}

// Path is the address of the paper's page.
func (c card) Path() string { return paperPath(c.Paper) }

// Votes is how many readers have upvoted the paper, here and where it was found.
func (c card) Votes() int { return c.Paper.Upvotes + c.Own.Upvotes }

// Talk is how many comments there are, here and where it was found.
func (c card) Talk() int { return c.Paper.Comments + c.Own.Comments }

// By says in a few words who wrote the paper.
func (c card) By() string { return by(&c.Paper, 2) }

// FamilyName is the family's name for readers.
func (c card) FamilyName() string { return familyName(c.Family) }

// by names up to so many authors, or says how many there are.
func by(p *feed.Paper, most int) string {
	total := max(p.AuthorCount, len(p.Authors))
	names := p.Authors[:min(len(p.Authors), most)]
	if len(p.Authors) == most+1 && total == len(p.Authors) {
		names = p.Authors // one name is no longer than "and 1 other"
	}
	switch rest := total - len(names); {
	case total == 0:
		return ""
	case len(names) == 0 && total == 1:
		return "1 author"
	case len(names) == 0:
		return fmt.Sprintf("%d authors", total)
	case rest == 1:
		return strings.Join(names, ", ") + " and 1 other"
	case rest > 1:
		return fmt.Sprintf("%s and %d others", strings.Join(names, ", "), rest)
	case len(names) == 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// lead returns the first sentences of a text: as many whole ones as fit into a number of characters, or the beginning of the first.
func lead(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	runes := []rune(text)
	for i := most; i > most/2; i-- {
		if sentenceEnds(runes, i) {
			return string(runes[:i])
		}
	}
	cut := most
	for cut > most/2 && runes[cut] != ' ' {
		cut--
	}
	return strings.TrimRightFunc(string(runes[:cut]), func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSpace(r) }) + "…"
}

// sentenceEnds reports whether a sentence ends before the character at i.
func sentenceEnds(text []rune, i int) bool {
	if i < 2 || i+1 >= len(text) || text[i] != ' ' || !strings.ContainsRune(".?!", text[i-1]) {
		return false
	}
	if next := text[i+1]; !unicode.IsUpper(next) && !unicode.IsDigit(next) {
		return false
	}
	start := i - 1
	for start > 0 && text[start-1] != ' ' {
		start--
	}
	word := strings.TrimLeft(string(text[start:i-1]), "(")
	// An initial or an abbreviation ends with a dot and no sentence.
	return utf8.RuneCountInString(word) > 1 && !strings.Contains(word, ".") && word != "al" && word != "vs" && word != "cf" && word != "resp" && word != "Fig"
}

// family is a family of systems as readers see it.
type family struct{ Name, Label string }

// families are those that systems belong to, in the order of package papers.
func families() []family {
	var out []family
	for _, f := range papers.Families {
		out = append(out, family{string(f), familyName(string(f))})
	}
	return out
}

// familyName is a family's name as the pages of systems have it.
func familyName(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// dayName names a day so that a glance suffices: near ones by their weekday.
func dayName(day time.Time) string { return day.Format("Monday 2 January 2006") }
