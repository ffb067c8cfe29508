package source

import (
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/gyrus-dev/gyrus/feed"
)

// bibEntry is how a BibTeX entry begins.
var bibEntry = regexp.MustCompile(`(?m)^\s*@[A-Za-z]+\s*[{(]`)

// Bounds of a BibTeX file: what lies beyond is refused.
const (
	maxBibField = 1 << 18 // bytes of one value, with its macros written out
	maxBibDepth = 200     // braces within braces
	maxBibTorn  = 1000    // torn entries, each of which is searched for its end
)

// parseBibTeX reads the entries of a BibTeX or BibLaTeX file: title, author, abstract, year, month, date, doi, url, eprint. TeX's accents and
// special characters become Unicode, other commands lose their names. An entry that is torn is refused, and the next one read.
func parseBibTeX(path, text string) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		s := &bibScanner{text: text, macros: map[string]string{}}
		for i, name := range strings.Split(strings.ToLower(monthNames), "|") {
			s.macros[name] = strconv.Itoa(i + 1)
		}
		entries, torn := 0, 0
		for s.next() {
			line := s.line()
			fields, err := s.entry()
			if err != nil {
				torn++
			}
			if err == nil && fields == nil { // @string, @comment, @preamble
				continue
			}
			entries++
			var p feed.Paper
			if err == nil {
				p, err = bibPaper(fields)
			}
			if err != nil {
				err = &feed.Refusal{Where: fmt.Sprintf("line %d", line), Title: p.Title, Reason: err.Error()}
			}
			if !yield(p, err) {
				return
			}
			if torn == maxBibTorn {
				yield(feed.Paper{}, formatError(path, line, fmt.Sprintf("%d torn entries up to here", torn), "BibTeX", "mend the file, or cut it into parts"))
				return
			}
		}
		if entries == 0 {
			yield(feed.Paper{}, formatError(path, 0, "no entry", "BibTeX entries such as @article{key, title = {...}}", ""))
		}
	}
}

// bibScanner goes through a BibTeX file.
type bibScanner struct {
	text    string
	at      int
	counted int               // up to where lines are counted: the beginning of an entry
	lines   int               // before it
	macros  map[string]string // of @string
}

// line is the line of the entry that begins here.
func (s *bibScanner) line() int {
	s.lines += strings.Count(s.text[s.counted:s.at], "\n")
	s.counted = s.at
	return s.lines + 1
}

// here is the line within the entry.
func (s *bibScanner) here() int { return s.lines + 1 + strings.Count(s.text[s.counted:s.at], "\n") }

// next goes to the next @, which between entries is all that is not a comment.
func (s *bibScanner) next() bool {
	i := strings.IndexByte(s.text[s.at:], '@')
	if i < 0 {
		return false
	}
	s.at += i
	return true
}

func (s *bibScanner) blank() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

func (s *bibScanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// name reads a run of characters that may be in the name of an entry, a field or a macro.
func (s *bibScanner) name() string {
	start := s.at
	for s.at < len(s.text) && !strings.ContainsRune(" \t\r\n\"#%'(),={}@\\", rune(s.text[s.at])) {
		s.at++
	}
	return s.text[start:s.at]
}

// entry reads what begins at @. Fields is nil if it is no entry of literature. After an error the scanner is at the next line that begins
// an entry.
func (s *bibScanner) entry() (fields map[string]string, err error) {
	start := s.at
	defer func() {
		if err != nil {
			s.at = start + 1
			if m := bibEntry.FindStringIndex(s.text[s.at:]); m != nil {
				s.at += m[0]
			} else {
				s.at = len(s.text)
			}
		}
	}()
	s.at++
	s.blank()
	kind := strings.ToLower(s.name())
	s.blank()
	open := s.peek()
	if kind == "" || open != '{' && open != '(' {
		return nil, nil // an @ in a remark, such as an address
	}
	closing := byte('}')
	if open == '(' {
		closing = ')'
	}
	switch kind {
	case "comment", "preamble":
		if open == '{' {
			_, err = s.braced()
			return nil, err
		}
		return nil, nil
	case "string":
		s.at++
		s.blank()
		name := strings.ToLower(s.name())
		value, err := s.assigned()
		if err != nil {
			return nil, err
		}
		if len(s.macros) < 10_000 {
			s.macros[name] = value
		}
		s.blank()
		if s.peek() != closing {
			return nil, s.expected(string(closing))
		}
		s.at++
		return nil, nil
	}
	s.at++
	s.blank()
	key := s.at
	for s.at < len(s.text) && s.text[s.at] != ',' && s.text[s.at] != closing && s.text[s.at] != '\n' {
		s.at++
	}
	fields = map[string]string{"key": strings.TrimSpace(s.text[key:s.at])}
	for {
		s.blank()
		switch s.peek() {
		case closing:
			s.at++
			return fields, nil
		case ',':
			s.at++
			continue
		}
		name := strings.ToLower(s.name())
		if name == "" {
			return nil, s.expected("the name of a field")
		}
		value, err := s.assigned()
		if err != nil {
			return nil, err
		}
		if _, twice := fields[name]; !twice { // BibTeX takes the first
			fields[name] = value
		}
	}
}

func (s *bibScanner) expected(what string) error {
	found := "the end of the file"
	if s.at < len(s.text) {
		found = strconv.Quote(s.text[s.at:min(len(s.text), s.at+20)])
	}
	return fmt.Errorf("line %d: found %s, expected %s", s.here(), found, what)
}

// assigned reads "= value # value ...".
func (s *bibScanner) assigned() (string, error) {
	s.blank()
	if s.peek() != '=' {
		return "", s.expected("=")
	}
	s.at++
	var value strings.Builder
	for {
		s.blank()
		var part string
		var err error
		switch c := s.peek(); {
		case c == '{':
			part, err = s.braced()
		case c == '"':
			part, err = s.quoted()
		default:
			name := s.name()
			if name == "" {
				return "", s.expected("a value")
			}
			part = name
			if macro, ok := s.macros[strings.ToLower(name)]; ok {
				part = macro
			}
		}
		if err != nil {
			return "", err
		}
		if value.Len()+len(part) > maxBibField {
			return "", fmt.Errorf("line %d: a value has more than %d bytes", s.here(), maxBibField)
		}
		value.WriteString(part)
		s.blank()
		if s.peek() != '#' {
			return value.String(), nil
		}
		s.at++
	}
}

// braced reads {text}, in which braces are paired.
func (s *bibScanner) braced() (string, error) {
	start, depth := s.at+1, 0
	for i := s.at; i < min(len(s.text), s.at+maxBibField); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '{':
			if depth++; depth > maxBibDepth {
				return "", s.expected(fmt.Sprintf("at most %d braces within braces", maxBibDepth))
			}
		case '}':
			if depth--; depth == 0 {
				s.at = i + 1
				return s.text[start:i], nil
			}
		}
	}
	return "", s.expected("a closing brace after it")
}

// quoted reads "text", in which a quote may stand within braces.
func (s *bibScanner) quoted() (string, error) {
	depth := 0
	for i := s.at + 1; i < min(len(s.text), s.at+maxBibField); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '{':
			if depth++; depth > maxBibDepth {
				return "", s.expected(fmt.Sprintf("at most %d braces within braces", maxBibDepth))
			}
		case '}':
			depth--
		case '"':
			if depth <= 0 {
				text := s.text[s.at+1 : i]
				s.at = i + 1
				return text, nil
			}
		}
	}
	return "", s.expected("a closing quote after it")
}

func bibPaper(f map[string]string) (p feed.Paper, err error) {
	p.Title = untex(f["title"])
	if sub := untex(f["subtitle"]); sub != "" {
		p.Title += ": " + sub
	}
	if p.Title == "" {
		return p, fmt.Errorf("entry %.60q has no title", f["key"])
	}
	p.Abstract = untex(f["abstract"])
	p.Organisation = untex(either(f["institution"], f["school"]))
	for _, name := range splitNames(f["author"]) {
		if name = bibName(name); name != "" {
			p.Authors = append(p.Authors, name)
		}
	}
	p.Published = bibDate(f)
	p.DOI, _ = feed.ParseDOI(untex(f["doi"]))
	p.URL = strings.ReplaceAll(strings.TrimSpace(f["url"]), `\`, "")
	archive := strings.ToLower(either(f["archiveprefix"], f["eprinttype"]))
	ids := []string{f["url"], f["doi"]}
	if archive == "" || archive == "arxiv" {
		ids = append([]string{f["eprint"]}, ids...)
	}
	if m := arXivInText.FindStringSubmatch(f["journal"] + " " + f["note"] + " " + f["howpublished"]); m != nil {
		ids = append(ids, m[1])
	}
	for _, id := range ids {
		if id, version, ok := feed.ParseArXiv(id); ok {
			p.ArXiv, p.ArXivVersion = id, version
			break
		}
	}
	return p, nil
}

var arXivInText = regexp.MustCompile(`(?i)arxiv:\s*(\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[a-z]{2})?/\d{7})`)

// splitNames parts names at the word "and" outside braces.
func splitNames(s string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			depth--
		case ' ', '\t', '\n', '\r':
			if depth == 0 && len(s) > i+4 && strings.EqualFold(s[i+1:i+4], "and") && strings.IndexByte(" \t\n\r", s[i+4]) >= 0 {
				out = append(out, s[start:i])
				start = i + 4
			}
		}
	}
	return append(out, s[start:])
}

// bibName brings "Family, Jr, Given" into the order it is spoken in.
func bibName(s string) string {
	parts := strings.Split(s, ",")
	if strings.HasPrefix(strings.TrimSpace(s), "{") && strings.HasSuffix(strings.TrimSpace(s), "}") { // an organisation
		parts = []string{s}
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	switch len(parts) {
	case 2:
		s = parts[1] + " " + parts[0]
	case 3:
		s = parts[2] + " " + parts[0] + " " + parts[1]
	}
	s = strings.Join(strings.Fields(untex(s)), " ")
	if strings.EqualFold(s, "others") {
		return ""
	}
	return s
}

// bibDate reads the field date of BibLaTeX, or year, month and day.
func bibDate(f map[string]string) time.Time {
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, strings.TrimSpace(f["date"])); err == nil {
			return t
		}
	}
	year, err := strconv.Atoi(strings.TrimSpace(untex(f["year"])))
	if err != nil || year < 1 || year > 9999 {
		return time.Time{}
	}
	m, day := time.January, 1
	name := strings.ToLower(strings.TrimSpace(untex(f["month"])))
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= 12 {
		m = time.Month(n)
	} else if len(name) >= 3 {
		if i := strings.Index(strings.ToLower(monthNames), name[:3]); i >= 0 && i%4 == 0 {
			m = time.Month(i/4 + 1)
		}
	}
	if n, err := strconv.Atoi(strings.TrimSpace(f["day"])); err == nil && n >= 1 && n <= 31 {
		day = n
	}
	return time.Date(year, m, day, 0, 0, 0, 0, time.UTC)
}

// accents are the combining characters of TeX's accent commands.
var accents = map[string]string{"'": "\u0301", "`": "\u0300", "^": "\u0302", `"`: "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
	"u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323", "b": "\u0331", "k": "\u0328", "r": "\u030a", "t": "\u0361"}

// symbols are commands that stand for a character.
var symbols = map[string]string{"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł",
	"i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ", "textendash": "–", "textemdash": "—",
	"textquoteright": "’", "textquoteleft": "‘", "textquotedblleft": "“", "textquotedblright": "”", "textasciitilde": "~", "textbackslash": "\\",
	"ldots": "…", "dots": "…", "S": "§", "copyright": "©", "textregistered": "®", "slash": "/", "textunderscore": "_"}

// untex makes plain text of TeX. Mathematics between dollar signs stays as it is.
func untex(s string) string {
	if !strings.ContainsAny(s, "\\{}~$`'-") {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	var accent string // waits for its letter
	put := func(text string) {
		if accent != "" && text != "" {
			first := text
			for i := range text {
				if i > 0 {
					first = text[:i]
					break
				}
			}
			if first == "ı" || first == "ȷ" { // the dotless letter is TeX's way to an i with an accent
				b.WriteString(map[string]string{"ı": "i", "ȷ": "j"}[first])
			} else {
				b.WriteString(first)
			}
			b.WriteString(accent)
			accent, text = "", text[len(first):]
		}
		b.WriteString(text)
	}
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '$':
			if end := strings.IndexByte(s[i+1:], '$'); end >= 0 {
				b.WriteString(s[i : i+end+2])
				i += end + 2
				continue
			}
			put("$")
			i++
		case c == '\\' && i+1 < len(s):
			j := i + 1
			for j < len(s) && (s[j] >= 'a' && s[j] <= 'z' || s[j] >= 'A' && s[j] <= 'Z') {
				j++
			}
			if j == i+1 { // a command of one sign
				if mark, ok := accents[s[j:j+1]]; ok {
					accent = mark
				} else if strings.IndexByte(`&%$#_{}`, s[j]) >= 0 {
					put(s[j : j+1])
				} else if s[j] == '\\' || s[j] == ' ' || s[j] == '\n' {
					put(" ")
				}
				i = j + 1
				continue
			}
			name := s[i+1 : j]
			if mark, ok := accents[name]; ok && len(name) == 1 && j < len(s) && (s[j] == '{' || s[j] == ' ' || s[j] == '\\') {
				accent = mark
			} else if text, ok := symbols[name]; ok {
				put(text)
			}
			for j < len(s) && (s[j] == ' ' || s[j] == '\n' || s[j] == '\t') { // blanks after a command end its name
				j++
			}
			if j < len(s)-1 && s[j] == '{' && s[j+1] == '}' {
				j += 2
			}
			i = j
		case c == '{' || c == '}':
			i++
		case c == '~':
			put(" ")
			i++
		case strings.HasPrefix(s[i:], "---"):
			put("—")
			i += 3
		case strings.HasPrefix(s[i:], "--"):
			put("–")
			i += 2
		case strings.HasPrefix(s[i:], "``"):
			put("“")
			i += 2
		case strings.HasPrefix(s[i:], "''"):
			put("”")
			i += 2
		default:
			j := i + 1
			for j < len(s) && strings.IndexByte("\\{}~$`'-", s[j]) < 0 {
				j++
			}
			put(s[i:j])
			i = j
		}
	}
	return strings.TrimSpace(norm.NFC.String(b.String()))
}
