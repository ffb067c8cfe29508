package readers

import (
	"bufio"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gyrus-dev/gyrus/feed"
)

// List is a list of papers to be written for other programs: a reading list, or the answer to a query.
type List struct {
	ID      string // a URI that stays the same for good; empty: made from Site and Path
	Title   string
	Site    string // address of the reading room, such as "https://papers.example.org"
	Path    string // of the page of the list on it, such as "/search?q=waves"
	Self    string // path of what is written, for feeds; empty if it has none
	Updated time.Time
	Papers  []feed.Paper
	Page    func(feed.Paper) string // path of a paper's page; nil: /feed/ID
}

// Format is a format that lists are written in.
type Format string

// The formats of lists.
const (
	BibTeX Format = "bib"
	JSON   Format = "json"
	RSS    Format = "rss"
	Atom   Format = "atom"
)

// Formats are all formats of lists, by the extensions of their files.
var Formats = []Format{BibTeX, JSON, RSS, Atom}

// ContentType is the media type of a format.
func (f Format) ContentType() string {
	return map[Format]string{BibTeX: "application/x-bibtex; charset=utf-8", JSON: "application/json",
		RSS: "application/rss+xml; charset=utf-8", Atom: "application/atom+xml; charset=utf-8"}[f]
}

// Write writes the list in a format. What it writes depends on nothing but the list. Papers and lists are told apart by tag URIs (RFC 4151)
// of the site's name, which do not change when a page moves.
func (l List) Write(w io.Writer, f Format) error {
	out := bufio.NewWriter(w)
	var err error
	switch f {
	case BibTeX:
		l.bibTeX(out)
	case JSON:
		err = l.json(out)
	case RSS:
		err = l.rss(out)
	case Atom:
		err = l.atom(out)
	default:
		return refuse("no format is called %q; there are bib, json, rss and atom", f)
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("writing %q as %s: %w", l.Title, f, err)
	}
	return nil
}

// tag is a URI that names something of this reading room for good.
func (l *List) tag(of string) string {
	host := "localhost"
	if u, err := url.Parse(l.Site); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return "tag:" + host + ",2026:" + of
}

func (l *List) id() string { return cmp.Or(l.ID, l.tag((&url.URL{Path: l.Path}).EscapedPath())) }

func (l *List) page(p *feed.Paper) string {
	if l.Page != nil {
		return l.Site + l.Page(*p)
	}
	return l.Site + "/feed/" + strconv.FormatInt(p.ID, 10)
}

// updated is when a paper last changed; published when it came out, as far as is known.
func updated(p *feed.Paper) time.Time   { return cmpTime(p.Updated, p.Listed, p.Published) }
func published(p *feed.Paper) time.Time { return cmpTime(p.Published, p.Listed, p.Updated) }

func cmpTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t.UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}

// changed is when the list last changed.
func (l *List) changed() time.Time {
	latest := time.Unix(0, 0).UTC()
	for i := range l.Papers {
		if t := updated(&l.Papers[i]); t.After(latest) {
			latest = t
		}
	}
	return cmpTime(l.Updated, latest)
}

func (l *List) json(w io.Writer) error {
	type item struct {
		URI  string `json:"uri"`
		Page string `json:"page"`
		feed.Paper
	}
	doc := struct {
		ID      string    `json:"id"`
		Title   string    `json:"title"`
		Page    string    `json:"page,omitempty"`
		Updated time.Time `json:"updated"`
		Papers  []item    `json:"papers"`
	}{l.id(), l.Title, l.Site + l.Path, l.changed(), make([]item, 0, len(l.Papers))}
	for _, p := range l.Papers {
		doc.Papers = append(doc.Papers, item{l.paperID(&p), l.page(&p), p})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func (l *List) paperID(p *feed.Paper) string { return l.tag("paper/" + strconv.FormatInt(p.ID, 10)) }

// writeXML writes a document with its declaration.
func writeXML(w io.Writer, doc any) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

// atom writes an Atom feed (RFC 4287).
func (l *List) atom(w io.Writer) error {
	type person struct {
		Name string `xml:"name"`
	}
	type category struct {
		Term string `xml:"term,attr"`
	}
	type entry struct {
		ID        string     `xml:"id"`
		Title     string     `xml:"title"`
		Updated   string     `xml:"updated"`
		Published string     `xml:"published"`
		Authors   []person   `xml:"author"`
		Links     []atomLink `xml:"link"`
		Category  []category `xml:"category"`
		Summary   string     `xml:"summary,omitempty"`
	}
	doc := struct {
		XMLName   xml.Name   `xml:"http://www.w3.org/2005/Atom feed"`
		ID        string     `xml:"id"`
		Title     string     `xml:"title"`
		Updated   string     `xml:"updated"`
		Author    person     `xml:"author"`
		Generator string     `xml:"generator"`
		Links     []atomLink `xml:"link"`
		Entries   []entry    `xml:"entry"`
	}{ID: l.id(), Title: l.Title, Updated: l.changed().Format(time.RFC3339), Author: person{"Gyrus"}, Generator: "Gyrus",
		Links: []atomLink{{"alternate", "text/html", l.Site + l.Path}}}
	if l.Self != "" {
		doc.Links = append(doc.Links, atomLink{"self", "application/atom+xml", l.Site + l.Self})
	}
	for _, p := range l.Papers {
		e := entry{ID: l.paperID(&p), Title: p.Title, Updated: updated(&p).Format(time.RFC3339), Published: published(&p).Format(time.RFC3339),
			Links: []atomLink{{"alternate", "text/html", l.page(&p)}}, Summary: p.Abstract}
		for _, a := range p.Authors {
			e.Authors = append(e.Authors, person{a})
		}
		if to := original(&p); to != "" {
			e.Links = append(e.Links, atomLink{"related", "", to})
		}
		if p.Family != "" {
			e.Category = []category{{p.Family}}
		}
		doc.Entries = append(doc.Entries, e)
	}
	return writeXML(w, doc)
}

// rss writes an RSS 2.0 feed.
func (l *List) rss(w io.Writer) error {
	type guid struct {
		PermaLink bool   `xml:"isPermaLink,attr"`
		Value     string `xml:",chardata"`
	}
	type item struct {
		Title       string   `xml:"title"`
		Link        string   `xml:"link"`
		GUID        guid     `xml:"guid"`
		Date        string   `xml:"pubDate"`
		Creators    []string `xml:"dc:creator"`
		Category    []string `xml:"category"`
		Description string   `xml:"description,omitempty"`
	}
	type channel struct {
		Title       string     `xml:"title"`
		Link        string     `xml:"link"`
		Description string     `xml:"description"`
		Date        string     `xml:"lastBuildDate"`
		Generator   string     `xml:"generator"`
		Self        []atomLink `xml:"atom:link"`
		Items       []item     `xml:"item"`
	}
	doc := struct {
		XMLName xml.Name `xml:"rss"`
		Version string   `xml:"version,attr"`
		Atom    string   `xml:"xmlns:atom,attr"`
		DC      string   `xml:"xmlns:dc,attr"`
		Channel channel  `xml:"channel"`
	}{Version: "2.0", Atom: "http://www.w3.org/2005/Atom", DC: "http://purl.org/dc/elements/1.1/",
		Channel: channel{Title: l.Title, Link: l.Site + l.Path, Description: l.Title, Date: l.changed().Format(time.RFC1123Z), Generator: "Gyrus"}}
	if l.Self != "" {
		doc.Channel.Self = []atomLink{{"self", "application/rss+xml", l.Site + l.Self}}
	}
	for _, p := range l.Papers {
		i := item{Title: p.Title, Link: l.page(&p), GUID: guid{Value: l.paperID(&p)}, Date: published(&p).Format(time.RFC1123Z), Creators: p.Authors,
			Description: strings.ReplaceAll(html.EscapeString(p.Abstract), "\n\n", "<br><br>")} // readers take it for HTML
		if p.Family != "" {
			i.Category = []string{p.Family}
		}
		doc.Channel.Items = append(doc.Channel.Items, i)
	}
	return writeXML(w, doc)
}

// original is where the paper itself is.
func original(p *feed.Paper) string {
	switch {
	case p.ArXiv != "":
		return "https://arxiv.org/abs/" + p.ArXiv
	case p.DOI != "":
		return (&url.URL{Scheme: "https", Host: "doi.org", Path: "/" + p.DOI}).String()
	}
	return p.URL
}

// bibTeX writes an entry for each paper. Keys are made of author, year and title, and are the same each time unless two papers share one.
func (l *List) bibTeX(w *bufio.Writer) {
	taken := map[string]bool{}
	for i := range l.Papers {
		p := &l.Papers[i]
		key := bibKey(p)
		if taken[key] {
			key += "-" + strconv.FormatInt(p.ID, 10)
		}
		taken[key] = true
		kind := "misc"
		if p.DOI != "" {
			kind = "article"
		}
		if i > 0 {
			w.WriteByte('\n')
		}
		fmt.Fprintf(w, "@%s{%s", kind, key)
		field := func(name, value string) {
			if value != "" {
				fmt.Fprintf(w, ",\n  %s = {%s}", name, value)
			}
		}
		field("title", "{"+texEscape(p.Title)+"}") // the second braces keep the capitals
		authors := make([]string, 0, len(p.Authors)+1)
		for _, a := range p.Authors {
			if strings.TrimSpace(a) == "" {
				continue
			}
			name := texEscape(a)
			if lower := " " + strings.ToLower(a) + " "; strings.Contains(lower, " and ") || strings.Contains(a, ",") || lower == " others " {
				name = "{" + name + "}"
			}
			authors = append(authors, name)
		}
		if len(authors) > 0 && p.AuthorCount > len(authors) {
			authors = append(authors, "others")
		}
		field("author", strings.Join(authors, " and "))
		if !p.Published.IsZero() {
			field("year", p.Published.Format("2006"))
			fmt.Fprintf(w, ",\n  month = %s", strings.ToLower(p.Published.Format("Jan")))
		}
		field("doi", verbatim(p.DOI))
		if p.ArXiv != "" {
			field("eprint", verbatim(p.ArXiv))
			field("archiveprefix", "arXiv")
		}
		field("url", verbatim(original(p)))
		field("abstract", texEscape(strings.ReplaceAll(p.Abstract, "\n", " ")))
		w.WriteString("\n}\n")
	}
}

// bibKey is like "blue2025waves".
func bibKey(p *feed.Paper) string {
	ascii := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 0x80 {
				return -1
			}
			return r
		}, feed.TitleKey(s))
	}
	key := ""
	if len(p.Authors) > 0 {
		if names := strings.Fields(p.Authors[0]); len(names) > 0 {
			key = ascii(names[len(names)-1])
		}
	}
	if !p.Published.IsZero() {
		key += p.Published.Format("2006")
	}
	for word := range strings.FieldsFuncSeq(p.Title, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if w := ascii(word); len(w) > 3 {
			key += w
			break
		}
	}
	if key == "" {
		key = "paper" + strconv.FormatInt(p.ID, 10)
	}
	return key
}

// texEscape writes text for TeX. What stands between two dollar signs is left as it is if it looks like mathematics rather than prices.
func texEscape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		before, after, found := strings.Cut(s, "$")
		texText(&b, before)
		if !found {
			break
		}
		if math, rest, closed := strings.Cut(after, "$"); closed && isMath(math, rest) {
			b.WriteString("$" + math + "$")
			s = rest
		} else {
			b.WriteString(`\$`)
			s = after
		}
	}
	return b.String()
}

func texText(b *strings.Builder, s string) {
	for _, r := range s {
		switch r {
		case '\\':
			b.WriteString(`\textbackslash{}`)
		case '{': // BibTeX counts braces, even after a backslash
			b.WriteString(`\textbraceleft{}`)
		case '}':
			b.WriteString(`\textbraceright{}`)
		case '~':
			b.WriteString(`\textasciitilde{}`)
		case '^':
			b.WriteString(`\textasciicircum{}`)
		case '&', '%', '#', '_':
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteRune(r)
		}
	}
}

// isMath follows the rule of thumb of Pandoc: no blank inside the dollar signs, no digit after them.
func isMath(s, after string) bool {
	if s == "" || strings.TrimSpace(s) != s || strings.HasSuffix(s, `\`) || after != "" && after[0] >= '0' && after[0] <= '9' {
		return false
	}
	open, escaped := 0, false
	for _, r := range s {
		switch {
		case r == '{':
			open++
		case r == '}':
			open--
		case strings.ContainsRune("&%#", r) && !escaped:
			return false
		}
		if open < 0 {
			return false
		}
		escaped = r == '\\' && !escaped
	}
	return open == 0
}

// verbatim keeps identifiers and addresses as they are but for what would end the field.
func verbatim(s string) string {
	return strings.NewReplacer("{", "%7B", "}", "%7D", `\`, "%5C", " ", "%20").Replace(s)
}
