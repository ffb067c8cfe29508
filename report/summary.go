package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WriteSummary writes the document for a terminal of that many columns: the claims against what was measured, then the systems side by side.
// With color, statuses are coloured as well as named. Text from outside is stripped of control characters.
func (d *Document) WriteSummary(w io.Writer, width int, color bool) error {
	if width < 40 {
		width = 40
	}
	width = min(width, 140)
	t := &terminal{width: width, color: color}

	seconds, peak := d.cost()
	head := []string{d.System + " · " + d.Experiment, d.Preset + " preset", plural(len(d.Records), "seed"), durationText(seconds)}
	if peak > 0 {
		head = append(head, bytesText(peak)+" at peak")
	}
	if title := clean(strings.Join(head, ", ")); utf8.RuneCountInString(title) <= width {
		t.line(t.paint(boldText, title))
	} else {
		t.para(0, "", title)
	}
	t.para(0, "", d.headline()+" "+d.caution())
	t.line("")

	label := 0
	for _, c := range d.Claims {
		label = max(label, utf8.RuneCountInString(string(c.Verdict.Status)))
	}
	label += 4 // icon and spaces
	for _, c := range d.Claims {
		v := c.Verdict
		mark, col := statusMark(v.Status)
		origin := "paper"
		if c.Origin == "ours" {
			origin = "ours"
		}
		first := t.paint(col, pad(mark+" "+clean(string(v.Status)), label))
		t.para(label, first, c.Says+" ("+origin+")")
		if c.Published != "" {
			t.para(label, "", "published: "+c.Published)
		}
		for _, k := range v.Conditions {
			left, right := k.sides()
			holds := "✓"
			if !k.Holds {
				holds = "✗"
			}
			t.para(label+2, strings.Repeat(" ", label)+holds+" ", fmt.Sprintf("%s %s %s   %s", left, k.Op, right, k.Says))
		}
		if v.Why != "" {
			t.para(label, "", v.Why)
		}
	}
	t.results(d.results())
	warnings := 0
	for _, n := range d.notes() {
		if n.Warning {
			if warnings == 0 {
				t.line("")
			}
			warnings++
			t.para(9, t.paint(yellowText, "warning: "), n.Text)
		}
	}
	if _, err := io.WriteString(w, t.b.String()); err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	return nil
}

// terminal lays text out in a fixed number of columns.
type terminal struct {
	b     strings.Builder
	width int
	color bool
}

// Terminal colours, chosen to be readable on light and dark.
const (
	boldText   = "1"
	faintText  = "2"
	greenText  = "32"
	yellowText = "33"
	redText    = "31"
)

func (t *terminal) paint(code, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *terminal) line(s string) { t.b.WriteString(strings.TrimRight(s, " ") + "\n") }

// para writes text with a hanging indent; first stands in the indent of its first line.
func (t *terminal) para(indent int, first, text string) {
	if first == "" {
		first = strings.Repeat(" ", indent)
	}
	line, used := first, indent
	for i, word := range strings.Fields(clean(text)) {
		n := utf8.RuneCountInString(word)
		if i > 0 && used+1+n > t.width {
			t.line(line)
			line, used = strings.Repeat(" ", indent), indent
		} else if i > 0 {
			line += " "
			used++
		}
		line += word
		used += n
	}
	t.line(line)
}

// results writes systems by metrics, in as many blocks of columns as the width takes.
func (t *terminal) results(r *results) {
	name := 0
	for _, s := range r.systems {
		name = max(name, utf8.RuneCountInString(clean(s.Name)))
	}
	name = min(name, t.width/2)
	marked := false
	for from := 0; from < len(r.metrics); {
		var cols []int
		used := name
		for j := from; j < len(r.metrics); j++ {
			w := utf8.RuneCountInString(heading(r.metrics[j]))
			for i := range r.systems {
				w = max(w, utf8.RuneCountInString(r.cells[i][j].shown()))
			}
			if used+2+w > t.width {
				if len(cols) > 0 {
					break
				}
				w = t.width - used - 2
			}
			cols, used = append(cols, w), used+2+w
		}
		t.line("")
		line := strings.Repeat(" ", name)
		for k, w := range cols {
			line += "  " + padLeft(cut(heading(r.metrics[from+k]), w), w)
		}
		t.line(t.paint(faintText, line))
		for i, s := range r.systems {
			line := pad(cut(clean(s.Name), name), name)
			if s.Role == Subject {
				line = t.paint(boldText, line)
			}
			for k, w := range cols {
				c := r.cells[i][from+k]
				text := padLeft(c.shown(), w)
				if c.best {
					text, marked = t.paint(boldText, text), true
				}
				line += "  " + text
			}
			t.line(line)
		}
		from += len(cols)
	}
	if marked {
		t.line(t.paint(faintText, "* best of its column"))
	}
}

// shown is the cell's text with room for the mark of the best.
func (c *cell) shown() string {
	switch {
	case c.n == 0:
		return "– "
	case c.best:
		return c.text + "*"
	}
	return c.text + " "
}

// heading names a metric with its unit and the direction that is better.
func heading(m Metric) string {
	s := clean(m.Name)
	if m.Unit != "" {
		s += " (" + clean(m.Unit) + ")"
	}
	switch m.Better {
	case Higher:
		s += " ↑"
	case Lower:
		s += " ↓"
	}
	return s + " "
}

func statusMark(s Status) (mark, color string) {
	switch s {
	case Reproduced:
		return "✓", greenText
	case Partly:
		return "◐", yellowText
	case NotReproduced:
		return "✗", redText
	}
	return "–", faintText
}

// clean strips what could move a terminal's cursor or change its colours.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

func pad(s string, w int) string {
	return s + strings.Repeat(" ", max(0, w-utf8.RuneCountInString(s)))
}

func padLeft(s string, w int) string {
	return strings.Repeat(" ", max(0, w-utf8.RuneCountInString(s))) + s
}

func cut(s string, w int) string {
	if r := []rune(s); len(r) > w {
		return string(r[:w-1]) + "…"
	}
	return s
}

// noteOf is a note with the seeds that made it.
type noteOf struct {
	Note
	seeds []int64
}

// notes returns the notes of all seeds, each text once, warnings first.
func (d *Document) notes() []noteOf {
	var warnings, remarks []noteOf
	for _, r := range d.Records {
		for _, n := range r.Notes {
			list := &remarks
			if n.Warning {
				list = &warnings
			}
			i := 0
			for i < len(*list) && (*list)[i].Text != n.Text {
				i++
			}
			if i == len(*list) {
				*list = append(*list, noteOf{Note: n})
			}
			if s := &(*list)[i].seeds; len(*s) == 0 || (*s)[len(*s)-1] != r.Seed {
				*s = append(*s, r.Seed)
			}
		}
	}
	return append(warnings, remarks...)
}
