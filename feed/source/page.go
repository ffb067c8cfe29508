package source

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// The text of a daily papers page is made of blocks parted by empty lines. After its head, which ends with the date of the page, there are
// for each paper a title, an abstract and a foot. The foot says how many authors there are, or which organisation they are of; then comes
// a line with a dot, then the date of the paper, without a year if it is the page's, and how many comments there are if there are any:
//
//	  • 3 authors
//	·
//	Sep 27, 2023 2
//
// Of some papers the foot is missing.

const monthNames = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"

var (
	pageDate    = regexp.MustCompile(`^(` + monthNames + `) (\d{1,2})(?:, (\d{4}))?$`)
	paperDate   = regexp.MustCompile(`^(` + monthNames + `) (\d{1,2})(?:, (\d{4}))?(?:\s+(\d{1,6}))?$`)
	authorCount = regexp.MustCompile(`^[•·*-]?\s*(\d{1,5}) authors?$`)
)

// Lengths in bytes: a block longer than any title must be an abstract; what is shorter than any abstract and has no foot is a remark of
// the page.
const (
	longestTitle     = 300
	shortestAbstract = 100
)

// block is a run of lines that are not empty.
type block struct {
	line  int // of the first, from 1
	lines []string
}

func blocks(text string) []block {
	var out []block
	begun := false
	n := 0
	for l := range strings.Lines(text) {
		n++
		if l = strings.TrimSpace(strings.ReplaceAll(l, "\u00a0", " ")); l == "" {
			begun = false
			continue
		}
		if !begun {
			out = append(out, block{line: n})
			begun = true
		}
		last := &out[len(out)-1]
		last.lines = append(last.lines, l)
	}
	return out
}

// foot is what stands below an abstract.
type foot struct {
	authors      int
	organisation string
	month        time.Month
	day, year    int // year is 0 if it is the page's
	comments     int
}

// readFoot reads a foot, or reports that the block is none.
func (b block) readFoot() (f foot, ok bool) {
	if len(b.lines) < 2 || len(b.lines) > 3 {
		return f, false
	}
	m := paperDate.FindStringSubmatch(b.lines[len(b.lines)-1])
	if m == nil || b.lines[len(b.lines)-2] != "·" {
		return f, false
	}
	f.month = month(m[1])
	f.day, _ = strconv.Atoi(m[2])
	f.year, _ = strconv.Atoi(m[3])
	f.comments, _ = strconv.Atoi(m[4])
	if len(b.lines) == 3 {
		if a := authorCount.FindStringSubmatch(b.lines[0]); a != nil {
			f.authors, _ = strconv.Atoi(a[1])
		} else {
			f.organisation = organisationName(b.lines[0])
		}
	}
	return f, true
}

func month(name string) time.Month {
	return time.Month(strings.Index(monthNames, name)/4 + 1)
}

// organisationName takes the name of an organisation from a line that may also hold, before it, its account, which is the text that stands
// for its picture: "BlueLab Blue Lab".
func organisationName(line string) string {
	account, name, ok := strings.Cut(line, " ")
	if ok && feed.TitleKey(account) != "" && feed.TitleKey(account) == feed.TitleKey(name) {
		return strings.TrimSpace(name)
	}
	return line
}

// parsePage reads the text of a daily papers page.
func parsePage(path, text string, o Options) iter.Seq2[feed.Paper, error] {
	all := blocks(text)
	start, head := -1, []string(nil)
	for i, b := range all {
		if i == 40 { // a head is short
			break
		}
		if len(b.lines) == 1 {
			if head = pageDate.FindStringSubmatch(b.lines[0]); head != nil {
				start = i + 1
				break
			}
		}
	}
	if start < 0 || !strings.Contains(text, "Daily Papers") {
		return only(formatError(path, 1, "no heading with a date below it", "the text of a daily papers page, a BibTeX file, a feed, or a paper's page",
			"save the page as text or HTML from your browser"))
	}
	reference := o.Date
	if reference.IsZero() {
		reference = time.Now()
	}
	listed, ok := dated(head, reference)
	if !ok {
		return only(formatError(path, all[start-1].line, strconv.Quote(all[start-1].lines[0]), "a date", ""))
	}
	// A paper is not younger than its page: if the reference date says otherwise, the page is younger than that.
	newest := 0
	for _, b := range all[start:] {
		if f, ok := b.readFoot(); ok && f.year <= time.Now().Year()+1 {
			newest = max(newest, f.year)
		}
	}
	if head[3] == "" && listed.Year() < newest {
		listed = listed.AddDate(newest-listed.Year(), 0, 0)
	}
	return func(yield func(feed.Paper, error) bool) {
		for rest := all[start:]; len(rest) > 0; {
			p, n, err := takePaper(rest, listed)
			if !yield(p, err) {
				return
			}
			rest = rest[n:]
		}
	}
}

// dated is the last day of that month and day up to the reference, or the day with its year.
func dated(match []string, reference time.Time) (time.Time, bool) {
	day, _ := strconv.Atoi(match[2])
	year, _ := strconv.Atoi(match[3])
	at := func(year int) (time.Time, bool) {
		t := time.Date(year, month(match[1]), day, 0, 0, 0, 0, time.UTC)
		return t, t.Day() == day // no February 30
	}
	if year > 0 {
		return at(year)
	}
	for year = reference.Year(); year > reference.Year()-9; year-- { // February 29 may be some years back
		if t, ok := at(year); ok && !t.After(reference) {
			return t, true
		}
	}
	return time.Time{}, false
}

// takePaper reads the first paper of the blocks, and returns how many of them it is.
func takePaper(b []block, listed time.Time) (p feed.Paper, n int, err error) {
	where := fmt.Sprintf("line %d", b[0].line)
	title := strings.Join(b[0].lines, " ")
	if _, isFoot := b[0].readFoot(); isFoot {
		return p, 1, &feed.Refusal{Where: where, Reason: "there is no title and no abstract above the line of authors and date"}
	}
	if len(title) > longestTitle {
		n := 1 // the abstract of a paper whose title is missing, with its foot
		if len(b) > 1 {
			if _, isFoot := b[1].readFoot(); isFoot {
				n = 2
			}
		}
		return p, n, &feed.Refusal{Where: where, Reason: fmt.Sprintf("found a text of %d bytes, expected a title", len(title))}
	}
	p = feed.Paper{Title: title, Listed: listed}
	n = 1
	// Everything up to the foot is the abstract, unless the foot is missing: then the abstract is one block, and a title follows.
	end := 0
	for i := 1; i < min(len(b), 8) && end == 0; i++ {
		if _, isFoot := b[i].readFoot(); isFoot {
			end = i
		} else if i > 1 && len(strings.Join(b[i].lines, " ")) <= longestTitle && i+1 < len(b) {
			if _, next := b[i+1].readFoot(); !next {
				break // a title: the paper before it has no foot
			}
		}
	}
	if end == 0 {
		end = min(2, len(b))
	}
	var abstract []string
	for _, part := range b[1:end] {
		abstract = append(abstract, strings.Join(part.lines, "\n"))
		n++
	}
	p.Abstract = strings.Join(abstract, "\n\n")
	var f foot
	hasFoot := false
	if n < len(b) {
		f, hasFoot = b[n].readFoot()
	}
	if !hasFoot && len(p.Abstract) < shortestAbstract {
		return p, 1, &feed.Refusal{Where: where, Title: title, Reason: "neither an abstract nor a line of authors and date follows"}
	}
	if hasFoot {
		n++
		year := f.year
		if year == 0 {
			year = listed.Year()
		}
		date := time.Date(year, f.month, f.day, 0, 0, 0, 0, time.UTC)
		if date.Day() != f.day {
			return p, n, &feed.Refusal{Where: where, Title: title, Reason: fmt.Sprintf("there is no %s %d", f.month, f.day)}
		}
		if f.year == 0 && date.After(listed) {
			date = date.AddDate(-1, 0, 0)
		}
		p.Published, p.AuthorCount, p.Organisation, p.Comments = date, f.authors, f.organisation, f.comments
	}
	return p, n, nil
}

// parseProps reads the data of a Hugging Face page.
func parseProps(path string, props []byte) iter.Seq2[feed.Paper, error] {
	var doc struct {
		Papers json.RawMessage `json:"dailyPapers"`
	}
	if err := json.Unmarshal(props, &doc); err != nil || !bytes.HasPrefix(doc.Papers, []byte("[")) {
		return only(formatError(path, 0, "a data-props without a list dailyPapers", "the data of a daily papers page", "save the page as text"))
	}
	return parseDailyPapers(doc.Papers)
}
