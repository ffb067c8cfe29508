package ledger

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// PaperTable is the README's table of papers with the status of their claims, in Markdown.
func (l *Ledger) PaperTable(all []*papers.Paper) string {
	var b strings.Builder
	b.WriteString("| paper | system | family | claims |\n|---|---|---|---|\n")
	for _, p := range all {
		n := map[string]int{}
		for _, c := range p.Claims {
			status := report.NotTested
			if _, m := l.claim(p.Slug, c.ID); m != nil {
				status = m.Status
			}
			n[string(status)]++
		}
		title := cell(p.Title)
		if p.ArXiv != "" {
			title = fmt.Sprintf("[%s](https://arxiv.org/abs/%s)", title, p.ArXiv)
		}
		if !strings.HasPrefix(p.Title, p.System+":") {
			title = cell(p.System) + ": " + title
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Slug, title, p.Family, CountLine(n))
	}
	return b.String()
}

// Page is docs/reproduction.md: every claim of every paper with what was measured.
func (l *Ledger) Page(all []*papers.Paper) string {
	var b strings.Builder
	b.WriteString("# What has been reproduced\n\n" +
		"Every row is a claim that a run tested; every number was measured by that run. *paper* marks a claim of the paper, *ours* a bar or\n" +
		"sanity check of this project. **partly** means that the relation holds and the stated level does not.\n" +
		"This page is written by `gyrus reproduction write`; do not edit it.\n")
	for _, p := range all {
		fmt.Fprintf(&b, "\n## %s (`%s`)\n\n%s\n\n", p.System, p.Slug, cell(p.Title))
		for i := range l.Entries {
			if e := &l.Entries[i]; e.Paper == p.Slug {
				fmt.Fprintf(&b, "- `%s`: %s preset%s, seeds %s, %s on %s (%d threads%s), peak memory %d MB, %s\n",
					e.Command, e.Preset, changedNote(e.Changed), seedList(e.Seeds), time.Duration(e.Seconds*float64(time.Second)).Round(time.Second), e.CPU, e.Threads,
					backendNote(e.Backend), e.PeakBytes>>20, e.Measured.Format("2006-01-02"))
			}
		}
		b.WriteString("\n| claim | whose | status | measured |\n|---|---|---|---|\n")
		for _, c := range p.Claims {
			says := cell(c.Says)
			if c.Published != "" {
				says += " *Published: " + cell(c.Published) + "*"
			}
			_, m := l.claim(p.Slug, c.ID)
			if m == nil {
				fmt.Fprintf(&b, "| %s | %s | not tested | no run has been entered |\n", says, c.Origin)
				continue
			}
			var measured []string
			for _, k := range m.Conditions {
				mark := "✓"
				if !k.Holds {
					mark = "✗"
				}
				measured = append(measured, fmt.Sprintf("%s %s: %s %s %s", mark, cell(k.Says), number(k.Left), k.Op, number(k.Right)))
			}
			if m.Why != "" {
				measured = append(measured, cell(m.Why))
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", says, c.Origin, m.Status, strings.Join(measured, "<br>"))
		}
	}
	return b.String()
}

// changedNote says what differs from the preset.
func changedNote(changed []string) string {
	if len(changed) == 0 {
		return ""
	}
	return " but " + strings.Join(changed, ", ")
}

func backendNote(b string) string {
	if b == "" {
		return ""
	}
	name, _, _ := strings.Cut(b, " ")
	return ", backend " + name
}

func seedList(seeds []int64) string {
	var s []string
	for _, x := range seeds {
		s = append(s, strconv.FormatInt(x, 10))
	}
	return strings.Join(s, ", ")
}

// cell makes text safe inside a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}

// number shows four significant digits.
func number(n report.Number) string {
	v := float64(n)
	if v == math.Trunc(v) && math.Abs(v) < 1e9 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// Between returns text with what stands between the lines begin and end replaced.
func Between(text, begin, end, replacement string) (string, error) {
	i := strings.Index(text, begin)
	if i < 0 {
		return "", fmt.Errorf("the line %q is missing", begin)
	}
	j := strings.Index(text[i:], end)
	if j < 0 {
		return "", fmt.Errorf("the line %q is missing after %q", end, begin)
	}
	return text[:i+len(begin)] + "\n" + replacement + text[i+j:], nil
}
