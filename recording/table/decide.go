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
		// Blanks also stand in text and in times: they count only where nothing else separates.
		if sep == ' ' && (score <= 0.5 || bestScore >= 0.5 || areTimes(lines)) {
			continue
		}
		if score > bestScore+1e-9 {
			best, bestScore = sep, score
		}
	}
	return best
}

// areTimes reports whether lines below the first few are each one time.
func areTimes(lines [][]byte) bool {
	var cells []string
	for _, line := range lines[min(len(lines)/2, maxHeader):] {
		cells = append(cells, string(bytes.TrimSpace(line)))
	}
	return layoutOf(cells, time.UTC) != ""
}

// decide finds header rows and columns from the sampled rows in the queue, and takes the header off the queue.
func (t *Reader) decide() error {
	width, widths := 0, map[int]int{}
	for _, r := range t.queue {
		n := len(r.fields)
		if n > maxColumns {
			return &recording.Error{Offset: -1, Line: r.line, Found: fmt.Sprintf("%d columns", n), Expected: fmt.Sprintf("at most %d", maxColumns)}
		}
		// The table is as wide as most of its rows. Another row is an error when its turn comes.
		if widths[n]++; widths[n] > widths[width] {
			width = n
		}
	}
	t.columns = make([]Column, width)
	t.cells = make([]cell, width)
	t.kinds()
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
			var cells []string
			for _, r := range t.queue {
				if i < len(r.fields) {
					cells = append(cells, r.fields[i])
				}
			}
			if c.Layout = layoutOf(cells, t.opts.Location); c.Layout == "" {
				return &recording.Error{Offset: -1, Field: fmt.Sprintf("column %q", c.Name), Found: "cells that are not times in any known manner", Expected: "times"}
			}
		}
	}
	return nil
}

// kinds decides what the columns are. In a long sample its lower half knows best, since the first rows may be header. In a
// short one, as many rows are left out at the top as it takes for the most columns to make sense.
func (t *Reader) kinds() {
	const short = 32
	if len(t.queue) > short {
		t.columns = t.kindsBelow(len(t.queue) / 2)
		return
	}
	best := -1
	for top := range min(maxHeader+1, len(t.queue)) {
		columns, known := t.kindsBelow(top), 0
		for _, c := range columns {
			if c.Kind == Number || c.Kind == Time {
				known++
			}
		}
		if known > best {
			best, t.columns = known, columns
		}
	}
}

func (t *Reader) kindsBelow(top int) []Column {
	columns := make([]Column, len(t.columns))
	cells := make([]string, 0, len(t.queue))
	for i := range columns {
		cells = cells[:0]
		for _, r := range t.queue[top:] {
			if i < len(r.fields) {
				cells = append(cells, r.fields[i])
			}
		}
		columns[i].Kind, columns[i].Layout = kindOf(cells, t.opts.Location)
	}
	return columns
}

// maxHeader is the most header rows that are looked for.
const maxHeader = 8

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
	n := 0
	for n < min(maxHeader, len(t.queue)-1) && t.isHeader(t.queue[n].fields, n) {
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

// kindOf decides what a column of cells is; zero when all are missing. One cell in ten may be out of place: it will be
// reported when its row is read, where taking the column for text would hide it.
func kindOf(cells []string, loc *time.Location) (Kind, string) {
	values, numbers := 0, 0
	for _, s := range cells {
		if missing(s) {
			continue
		}
		values++
		if _, ok := parseNumber(s); ok {
			numbers++
		}
	}
	switch {
	case values == 0:
		return 0, ""
	case numbers >= values-values/10:
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

// layoutOf finds the layout that fits the cells, but for one in ten. Where day and month could be either way round, the one
// in which time does not run backwards is preferred.
func layoutOf(cells []string, loc *time.Location) string {
	var values []string
	for _, s := range cells {
		if !missing(s) {
			values = append(values, s)
		}
	}
	fallback := ""
next:
	for _, layout := range layouts {
		var last time.Time
		bad, ordered := 0, true
		for _, s := range values {
			at, ok := parseTime(s, layout, loc)
			if !ok {
				if bad++; bad > len(values)/10 {
					continue next
				}
				continue
			}
			ordered = ordered && !at.Before(last)
			last = at
		}
		switch {
		case len(values) == 0:
			return ""
		case ordered:
			return layout
		case fallback == "":
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
	for i := range len(s) {
		switch s[i] {
		case 'x', 'X', 'p', 'P', '_':
			return 0, false
		}
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) {
		return 0, false
	}
	return x, true
}

// missing reports whether a cell stands for no value.
func missing(s string) bool {
	s = strings.TrimSpace(s)
	if len(s) > 4 {
		return false
	}
	switch strings.ToLower(s) {
	case "", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nil", "-", "?":
		return true
	}
	return false
}
