package digest

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/feed"
)

//go:embed templates
var files embed.FS

var functions = map[string]any{
	"date": func(t time.Time) string { return t.UTC().Format("2 January 2006") }, "by": by, "count": count, "wrap": wrap, "underline": underline, "inc": func(i int) int { return i + 1 },
	"excerpt": func(p feed.Paper, lead bool) string {
		if lead { // the first of a letter
			return excerpt(p.Abstract, 520)
		}
		return excerpt(p.Abstract, 320)
	},
	"about":  sheetPaper.about,
	"button": func(link, label string) map[string]string { return map[string]string{"Link": link, "Label": label} },
	// What only Outlook on Windows reads, which knows no max-width.
	"outlook": func(width int, opens bool) htmltemplate.HTML {
		if opens {
			return htmltemplate.HTML(fmt.Sprintf(`<!--[if mso]><table role="presentation" width="%d" align="center" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->`, width))
		}
		return "<!--[if mso]></td></tr></table><![endif]-->"
	},
}

var (
	htmlLetters = htmltemplate.Must(htmltemplate.New("").Funcs(functions).ParseFS(files, "templates/*.html"))
	textLetters = texttemplate.Must(texttemplate.New("").Funcs(functions).ParseFS(files, "templates/*.txt"))
)

// sheet is what a template sees.
type sheet struct {
	Subject  string
	Preview  string // what mail programs show beside the subject
	Site     string
	Contact  string
	Now      time.Time
	Every    Every
	Sections []sheetSection
	Papers   int
	Runnable int
	Label    string
	Whole    bool // Label stands for the whole feed
	Link     string
	Leave    string
	Minutes  int
}

type sheetSection struct {
	Label  string
	Link   string
	More   bool
	Papers []sheetPaper
}

type sheetPaper struct {
	feed.Paper
	Link    string
	Votes   int
	Remarks int // comments
}

// about is the line below a title.
func (p sheetPaper) about() string {
	var parts []string
	add := func(s string, really bool) {
		if really {
			parts = append(parts, s)
		}
	}
	who := by(p.Paper)
	add(who, who != "")
	add(p.Published.UTC().Format("2 January 2006"), !p.Published.IsZero())
	add(count("upvote", p.Votes), p.Votes > 0)
	add(count("comment", p.Remarks), p.Remarks > 0)
	return strings.Join(parts, " · ")
}

func (m *Mailer) letter(name string, s sheet) (Letter, error) {
	s.Site, s.Contact, s.Now = m.config.Site, m.config.Contact, m.config.Now().UTC()
	l := Letter{Subject: s.Subject, Leave: s.Leave}
	var b bytes.Buffer
	if err := textLetters.ExecuteTemplate(&b, name+".txt", s); err != nil {
		return l, fmt.Errorf("writing a letter: %w", err)
	}
	l.Text = b.String()
	b.Reset()
	if err := htmlLetters.ExecuteTemplate(&b, name+".html", s); err != nil {
		return l, fmt.Errorf("writing a letter: %w", err)
	}
	l.HTML = b.String()
	return l, nil
}

func (m *Mailer) digestLetter(sections []section, every Every, leave string) (Letter, error) {
	s := sheet{Every: every, Leave: leave}
	var titles []string
	for _, part := range sections {
		if len(part.Papers) == 0 {
			continue
		}
		shown := sheetSection{Label: part.Label, Link: m.config.Site + m.config.Paths.Search(part.Query), More: part.More}
		for _, p := range part.Papers {
			shown.Papers = append(shown.Papers, sheetPaper{p, m.config.Site + m.config.Paths.Paper(p), p.Upvotes + p.Own.Upvotes, p.Comments + p.Own.Comments})
			titles = append(titles, p.Title)
			if s.Papers++; p.Slug != "" {
				s.Runnable++
			}
		}
		s.Sections = append(s.Sections, shown)
	}
	s.Subject = shorten(titles[0], 70)
	if len(titles) > 1 {
		s.Subject += fmt.Sprintf(" + %d more", len(titles)-1)
		s.Preview = shorten(strings.Join(titles[1:min(4, len(titles))], " · "), 180)
	} else {
		s.Preview = excerpt(s.Sections[0].Papers[0].Abstract, 140)
	}
	return m.letter("digest", s)
}

func (m *Mailer) confirmLetter(label, query string, every Every, link string) (Letter, error) {
	return m.letter("confirm", sheet{Subject: "Confirm your subscription to new papers", Preview: "One click, and the digests begin.",
		Label: labelOf(label, query), Whole: query == "" && label == "", Every: every, Link: link})
}

func (m *Mailer) signInLetter(link string, life time.Duration) (Letter, error) {
	minutes := int(life.Round(time.Minute) / time.Minute)
	return m.letter("signin", sheet{Subject: "Your link to sign in", Preview: fmt.Sprintf("It works once, within %d minutes.", minutes), Link: link, Minutes: minutes})
}

// by says who wrote a paper: the first names, and how many more.
func by(p feed.Paper) string {
	total := max(p.AuthorCount, len(p.Authors))
	shown := p.Authors[:min(3, len(p.Authors))]
	if total == 4 && len(p.Authors) == 4 { // the fourth takes no more room than "and 1 other"
		shown = p.Authors
	}
	rest := total - len(shown)
	switch {
	case total == 0:
		return p.Organisation
	case len(shown) == 0:
		return count("author", total)
	case rest > 0:
		return strings.Join(shown, ", ") + " and " + count("other", rest)
	case len(shown) == 1:
		return shown[0]
	}
	return strings.Join(shown[:len(shown)-1], ", ") + " and " + shown[len(shown)-1]
}

func count(noun string, n int) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// excerpt is the beginning of an abstract, up to the end of a sentence if one is near, in at most that many characters.
func excerpt(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	cut := string([]rune(s)[:most])
	for i := len(cut) - 1; i > len(cut)/2; i-- {
		if cut[i] == ' ' && strings.ContainsRune(".?!", rune(cut[i-1])) && i+1 < len(cut) && unicode.IsUpper(rune(cut[i+1])) && i > 5 && !strings.Contains(cut[i-4:i-1], ".") {
			return cut[:i]
		}
	}
	return shorten(s, most)
}

// shorten cuts between words.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	cut := string([]rune(s)[:most-1])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,;:.·") + "…"
}

// wrap breaks text into lines of at most 72 characters with that many blanks before each. A word that is longer, such as an address, has a
// line of its own.
func wrap(indent int, s string) string {
	const width = 72
	var b strings.Builder
	at := 0
	for w := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(w)
		if at > 0 && at+1+n > width {
			b.WriteByte('\n')
			at = 0
		}
		if at == 0 {
			b.WriteString(strings.Repeat(" ", indent))
			at = indent
		} else {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(w)
		at += n
	}
	return b.String()
}

func underline(s string) string { return strings.Repeat("-", min(72, utf8.RuneCountInString(s))) }
