package table

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// sniff finds the separator: the one that cuts the first lines into the same number of columns, more than one, most often.
// Ties go to the first of the list: a semicolon beats the decimal commas between two of them.
func sniff(sample []byte, whole bool) rune {
	lines := bytes.SplitAfterN(sample, []byte("\n"), 51)
	if len(lines) > 50 || !whole && len(lines) > 1 {
		lines = lines[:len(lines)-1] // the rest, or a line cut off by the end of the sample
	}
	head := bytes.Join(lines, nil)
	best, bestScore := ',', 0.0
	for _, sep := range []rune{'\t', ';', ',', '|', ' '} {
		counts := map[int]int{}
		total := 0
		r := newRows(bytes.NewReader(head), sep)
		for {
			row, err := r.next()
			if err != nil {
				if err != io.EOF {
					total++
				}
				break
			}
			total++
			counts[len(row.fields)]++
		}
		score := 0.0
		for width, n := range counts {
			if width > 1 {
				score = max(score, float64(n)/float64(total))
			}
		}
		// Blanks also stand in dates and in text: they count only where nothing else separates.
		if score > bestScore+1e-9 && (sep != ' ' || bestScore < 0.5) {
			best, bestScore = sep, score
		}
	}
	return best
}

// decide finds header rows and columns from the sampled rows in the queue, and takes the header off the queue.
func (t *Reader) decide() error {
	width := len(t.queue[len(t.queue)/2].fields)
	for _, r := range t.queue { // a row of another width is an error when its turn comes, unless the header itself is short
		if len(r.fields) > maxColumns {
			return &recording.Error{Offset: -1, Line: r.line, Found: fmt.Sprintf("%d columns", len(r.fields)), Expected: fmt.Sprintf("at most %d", maxColumns)}
		}
	}
	t.columns = make([]Column, width)
	t.cells = make([]cell, width)

	// The lower half of the sample says what the columns are; the first rows may be header.
	body := t.queue[len(t.queue)/2:]
	column := make([]string, 0, len(body))
	for i := range t.columns {
		column = column[:0]
		for _, r := range body {
			if i < len(r.fields) {
				column = append(column, r.fields[i])
			}
		}
		t.columns[i].Kind, t.columns[i].Layout = kindOf(column, t.opts.Location)
	}
	if t.header = t.opts.HeaderRows; t.header < 0 {
		t.header = 0
	} else if t.header == 0 {
		t.header = t.headerRows()
	}
	if t.header > len(t.queue) {
		return &recording.Error{Offset: -1, Line: t.queue[len(t.queue)-1].line, Found: fmt.Sprintf("%d rows", len(t.queue)), Expected: fmt.Sprintf("%d rows of header", t.header)}
	}
	head := t.queue[:t.header]
	t.queue = t.queue[t.header:]
	for _, r := range head {
		if len(r.fields) != width && isTitle(r.fields) {
			continue
		}
		if len(r.fields) != width {
			return &recording.Error{Offset: -1, Line: r.line, Found: fmt.Sprintf("%d columns in the header", len(r.fields)), Expected: fmt.Sprintf("%d, as in the data", width)}
		}
		for i, s := range r.fields {
			t.columns[i].Header = append(t.columns[i].Header, strings.TrimSpace(s))
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		c.Name = fmt.Sprintf("column %d", i+1)
		if len(c.Header) > 0 && c.Header[0] != "" {
			c.Name = c.Header[0]
		}
		if declared := c.declared(); declared == Text || (len(t.queue) == 0 && declared != 0) {
			c.Kind = declared
		}
		if k, ok := t.opts.Kinds[c.Name]; ok {
			c.Kind = k
		}
		if c.Kind == Time && c.Layout == "" {
			column = column[:0]
			for _, r := range t.queue {
				if i < len(r.fields) {
					column = append(column, r.fields[i])
				}
			}
			if c.Layout = layoutOf(column, t.opts.Location); c.Layout == "" {
				return &recording.Error{Offset: -1, Field: fmt.Sprintf("column %q", c.Name), Found: "cells that are not times in any known manner", Expected: "times"}
			}
		}
	}
	return nil
}

// isTitle reports whether a row above the data is a title or remark, rather than a header with names missing.
func isTitle(fields []string) bool {
	return len(fields) == 1 || strings.HasPrefix(fields[0], "#") || strings.HasPrefix(fields[0], "%") || strings.HasPrefix(fields[0], "//")
}

// maxColumns bounds the width of a table.
const maxColumns = 1 << 17

// typeRow are the words of the second header row of Numenta's files.
var typeRow = map[string]Kind{"int": Number, "float": Number, "datetime": Time, "string": Text, "bool": Text, "list": Text, "sdr": Text}

// declared is the kind that a type row states for a column, or zero.
func (c *Column) declared() Kind {
	if len(c.Header) < 2 {
		return 0
	}
	return typeRow[c.Header[1]]
}

// headerRows counts the rows at the top that are not data: those with a cell that does not fit its column's kind, then rows
// that are empty. Where every column is text, the first row is header if no cell of it is empty or occurs again below it.
func (t *Reader) headerRows() int {
	const most = 8
	n := 0
	for n < min(most, len(t.queue)-1) && t.isHeader(t.queue[n].fields, n) {
		n++
	}
	if n > 0 {
		return n
	}
	for _, c := range t.columns {
		if c.Kind != Text {
			return 0
		}
	}
	first := t.queue[0].fields
	for _, r := range t.queue[1:] {
		for i, s := range first {
			if missing(s) || (i < len(r.fields) && r.fields[i] == s) {
				return 0
			}
		}
	}
	if len(t.queue) == 1 {
		return 0
	}
	return 1
}

func (t *Reader) isHeader(fields []string, above int) bool {
	misfits, values, blank := 0, 0, true
	for i, s := range fields {
		if missing(s) {
			continue
		}
		blank = false
		if _, ok := parseNumber(s); ok {
			values++
		}
		if i < len(t.columns) && !t.fits(i, s) {
			misfits++
			if i == 0 {
				return true
			}
		}
	}
	if blank {
		return above > 0
	}
	// A row of numbers with one bad cell is damaged data, not a header.
	return misfits > 0 && values == 0
}

// fits reports whether a cell could be data of column i.
func (t *Reader) fits(i int, s string) bool {
	switch c := t.columns[i]; c.Kind {
	case Number:
		_, ok := parseNumber(s)
		return ok
	case Time:
		_, ok := parseTime(s, c.Layout, t.opts.Location)
		return ok
	}
	return true
}

// kindOf decides what a column of cells is; zero when all are missing.
func kindOf(cells []string, loc *time.Location) (Kind, string) {
	numbers, any := true, false
	for _, s := range cells {
		if missing(s) {
			continue
		}
		any = true
		if _, ok := parseNumber(s); !ok {
			numbers = false
			break
		}
	}
	switch {
	case !any:
		return 0, ""
	case numbers:
		return Number, ""
	}
	if layout := layoutOf(cells, loc); layout != "" {
		return Time, layout
	}
	return Text, ""
}

// layouts are the ways of writing a time that are tried, in this order. Fractions of a second are accepted by all of them.
var layouts = []string{
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
	"1/2/2006 15:04:05", "1/2/2006 15:04", "1/2/2006 3:04:05 PM", "1/2/2006 3:04 PM", "1/2/2006",
	"2/1/2006 15:04:05", "2/1/2006 15:04", "2/1/2006",
	"1/2/06 15:04:05", "1/2/06 15:04", "1/2/06", "2/1/06 15:04:05", "2/1/06 15:04", "2/1/06",
	"2006/1/2 15:04:05", "2006/1/2 15:04", "2006/1/2",
	"2.1.2006 15:04:05", "2.1.2006 15:04", "2.1.2006",
	"02-Jan-2006 15:04:05", "02-Jan-2006", "2 Jan 2006 15:04:05", "2 Jan 2006",
}

// layoutOf finds the layout that fits every cell. Where day and month could be either way round, the one in which time does
// not run backwards is preferred.
func layoutOf(cells []string, loc *time.Location) string {
	fallback := ""
next:
	for _, layout := range layouts {
		var last time.Time
		any, ordered := false, true
		for _, s := range cells {
			if missing(s) {
				continue
			}
			at, ok := parseTime(s, layout, loc)
			if !ok {
				continue next
			}
			ordered = ordered && (!any || !at.Before(last))
			last, any = at, true
		}
		if !any {
			return ""
		}
		if ordered {
			return layout
		}
		if fallback == "" {
			fallback = layout
		}
	}
	return fallback
}

func parseTime(s, layout string, loc *time.Location) (time.Time, bool) {
	at, err := time.ParseInLocation(layout, strings.TrimSpace(s), loc)
	return at, err == nil
}

// parseNumber reads a decimal number. Go's hexadecimal and underscored forms are not numbers in a table.
func parseNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "xXpP_") {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) {
		return 0, false
	}
	return x, true
}

// missing reports whether a cell stands for no value.
func missing(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nil", "-", "?":
		return true
	}
	return false
}
