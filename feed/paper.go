package feed

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Paper is one paper of the feed.
type Paper struct {
	ID           int64     `json:"id"`                      // given by the store; stays the same for good
	ArXiv        string    `json:"arxiv,omitempty"`         // such as "2507.11531", without a version
	ArXivVersion int       `json:"arxiv_version,omitempty"` // the version the text is of, from 1; 0 if not known
	DOI          string    `json:"doi,omitempty"`           // such as "10.1038/nature14539", lower case
	Title        string    `json:"title"`
	Abstract     string    `json:"abstract,omitempty"`     // plain text, paragraphs parted by an empty line
	Authors      []string  `json:"authors,omitempty"`      // "Given Family", in the paper's order
	AuthorCount  int       `json:"author_count,omitempty"` // also known where the names are not; 0 if not known
	Organisation string    `json:"organisation,omitempty"`
	Published    time.Time `json:"published,omitzero"` // UTC; zero if not known
	Listed       time.Time `json:"listed,omitzero"`    // when it first came up in a feed; never zero once stored
	URL          string    `json:"url,omitempty"`      // http or https

	Upvotes  int    `json:"upvotes,omitempty"`  // imported with the paper
	Comments int    `json:"comments,omitempty"` // imported with the paper
	Own      Counts `json:"own,omitzero"`       // recorded here, see [Store.Record]

	Slug    string    `json:"slug,omitempty"`   // the registered Gyrus system, empty if there is none
	Family  string    `json:"family,omitempty"` // of that system
	Version int       `json:"version"`          // how many texts of it the store has had, from 1
	Updated time.Time `json:"updated,omitzero"` // when the present version came
	Sources []string  `json:"sources,omitempty"`
}

// Counts is how often something was done about a paper in this reading room.
type Counts struct {
	Upvotes  int `json:"upvotes,omitempty"`
	Comments int `json:"comments,omitempty"`
	Runs     int `json:"runs,omitempty"`
}

// Bounds of what is stored. They are far above what papers have, and keep a broken source from filling the disk.
const (
	maxTitle    = 1000    // bytes
	maxAbstract = 1 << 16 // bytes
	maxAuthors  = 10_000
	maxName     = 300 // bytes, of an author or an organisation
)

// clean brings a paper from outside into the form the store keeps, or says why it cannot be kept.
func (p *Paper) clean(now time.Time) error {
	p.Title = line(p.Title)
	p.Abstract = text(p.Abstract)
	p.Organisation = line(p.Organisation)
	switch key := TitleKey(p.Title); {
	case p.Title == "":
		return fmt.Errorf("it has no title")
	case key == "":
		return fmt.Errorf("its title %.60q has no letter", p.Title)
	case len(p.Title) > maxTitle:
		return fmt.Errorf("its title has %d bytes, more than %d", len(p.Title), maxTitle)
	case len(p.Abstract) > maxAbstract:
		return fmt.Errorf("its abstract has %d bytes, more than %d", len(p.Abstract), maxAbstract)
	case len(p.Authors) > maxAuthors:
		return fmt.Errorf("it has %d authors, more than %d", len(p.Authors), maxAuthors)
	case len(p.Organisation) > maxName:
		return fmt.Errorf("its organisation has %d bytes, more than %d", len(p.Organisation), maxName)
	case p.AuthorCount < 0 || p.AuthorCount > maxAuthors:
		return fmt.Errorf("its number of authors is %d", p.AuthorCount)
	case p.Upvotes < 0 || p.Comments < 0 || p.Upvotes > 1<<30 || p.Comments > 1<<30:
		return fmt.Errorf("it has %d upvotes and %d comments", p.Upvotes, p.Comments)
	}
	names := make([]string, 0, len(p.Authors))
	for _, a := range p.Authors {
		if a = line(a); a == "" {
			continue
		} else if len(a) > maxName {
			return fmt.Errorf("the name of an author has %d bytes, more than %d", len(a), maxName)
		}
		names = append(names, a)
	}
	p.Authors = names
	p.AuthorCount = max(p.AuthorCount, len(names))

	if p.ArXiv != "" {
		id, version, ok := ParseArXiv(p.ArXiv)
		if !ok {
			return fmt.Errorf("%.60q is no arXiv ID", p.ArXiv)
		}
		p.ArXiv, p.ArXivVersion = id, cmp.Or(p.ArXivVersion, version)
	}
	if p.DOI != "" {
		doi, ok := ParseDOI(p.DOI)
		if !ok {
			return fmt.Errorf("%.60q is no DOI", p.DOI)
		}
		p.DOI = doi
		if of, is := strings.CutPrefix(doi, arXivDOI); is { // arXiv's own DOI says nothing but the arXiv ID
			if id, _, ok := ParseArXiv(of); ok {
				p.DOI, p.ArXiv = "", cmp.Or(p.ArXiv, id)
			}
		}
	}
	if u, err := url.Parse(strings.TrimSpace(p.URL)); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(p.URL) > 2000 {
		p.URL = ""
	} else {
		p.URL = u.String()
	}
	for _, d := range []*time.Time{&p.Published, &p.Listed} {
		if d.IsZero() {
			continue
		}
		*d = d.UTC().Truncate(time.Second)
		if d.Year() < 1400 || d.After(now.AddDate(1, 0, 0)) { // journals date ahead, but not by years
			return fmt.Errorf("its date is %s", d.Format(time.DateOnly))
		}
	}
	return nil
}

// Link is where the paper can be read: its URL, or what follows from its arXiv ID or DOI; empty if there is neither.
func (p *Paper) Link() string {
	switch {
	case p.URL != "":
		return p.URL
	case p.ArXiv != "":
		return "https://arxiv.org/abs/" + p.ArXiv
	case p.DOI != "":
		return "https://doi.org/" + (&url.URL{Path: p.DOI}).EscapedPath()
	}
	return ""
}

// sameWork reports whether two papers with the same title can be one: they are not if both have an arXiv ID and these differ, or if their
// authors are known and none is in both, or if their DOIs differ and no author speaks for them.
func (p *Paper) sameWork(q *Paper) bool {
	if p.ArXiv != "" && q.ArXiv != "" && p.ArXiv != q.ArXiv {
		return false
	}
	if len(p.Authors) > 0 && len(q.Authors) > 0 {
		known := make(map[string]bool, len(p.Authors))
		for _, a := range p.Authors {
			known[surname(a)] = true
		}
		return slices.ContainsFunc(q.Authors, func(a string) bool { return known[surname(a)] })
	}
	return p.DOI == "" || q.DOI == "" || p.DOI == q.DOI
}

func surname(name string) string {
	if family, _, comma := strings.Cut(name, ","); comma {
		return TitleKey(family)
	}
	words := strings.Fields(name)
	return TitleKey(words[len(words)-1])
}

var (
	arXivForm = regexp.MustCompile(`(?i)^(?:(?:https?://)?(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|oai:arxiv\.org:|arxiv:\s*)?` +
		`(\d{4}\.\d{4,5}|[a-z][a-z-]*(?:\.[a-z]{2})?/\d{7})(?:v(\d{1,3}))?(?:\.pdf)?/?(?:[?#].*)?$`)
	doiForm = regexp.MustCompile(`^10\.\d{4,9}/[!-~]+$`)
)

const arXivDOI = "10.48550/arxiv."

// ParseArXiv reads an arXiv ID as people write it: "2507.11531v2", "arXiv:hep-th/9901001", an address at arxiv.org. The ID comes without
// the version; version is 0 if none is given.
func ParseArXiv(s string) (id string, version int, ok bool) {
	m := arXivForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return "", 0, false
	}
	for _, c := range m[2] {
		version = version*10 + int(c-'0')
	}
	archive, number, old := strings.Cut(m[1], "/")
	if old { // math.GT/0309136 is the same as math/0309136
		archive, _, _ = strings.Cut(archive, ".")
		return strings.ToLower(archive) + "/" + number, version, true
	}
	return m[1], version, true
}

// ParseDOI reads a DOI with or without a resolver's address or the prefix "doi:", and returns it in lower case, as DOIs are compared.
func ParseDOI(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	for _, prefix := range []string{"https://", "http://", "dx.", "www.", "doi.org/", "doi:"} {
		s = strings.TrimSpace(strings.TrimPrefix(s, prefix))
	}
	if strings.Contains(s, "%") {
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
	}
	s = strings.TrimRight(s, ".,;")
	return s, len(s) <= 300 && doiForm.MatchString(s)
}

// TitleKey is what two spellings of one title have in common: the letters and digits in lower case, without accents, blanks, punctuation
// and TeX commands.
func TitleKey(title string) string {
	var b strings.Builder
	b.Grow(len(title))
	ascii := true
	for i := 0; i < len(title) && ascii; i++ {
		ascii = title[i] < utf8.RuneSelf
	}
	if !ascii {
		title = norm.NFKD.String(title)
	}
	command := false
	for _, r := range title {
		switch {
		case r == '\\':
			command = true
			continue
		case command && unicode.IsLetter(r):
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		}
		command = false
	}
	return b.String()
}

// text makes valid, printable text: without control characters, lines trimmed, paragraphs parted by one empty line.
func text(s string) string {
	var paragraphs, lines []string
	for l := range strings.SplitSeq(printable(s), "\n") {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			lines = append(lines, l)
		} else if len(lines) > 0 {
			paragraphs, lines = append(paragraphs, strings.Join(lines, " ")), nil
		}
	}
	if len(lines) > 0 {
		paragraphs = append(paragraphs, strings.Join(lines, " "))
	}
	return strings.Join(paragraphs, "\n\n")
}

// line makes valid, printable text of one line with single blanks.
func line(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// printable drops what no text should hold: invalid UTF-8, control characters, and the invisible marks that turn text around.
func printable(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= ' ' && s[i] < 0x7f || s[i] == '\n'
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return r
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff' || r == '\u200b':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
