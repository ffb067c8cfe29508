package bids

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// table is a table of BIDS: a header, then rows of as many cells, separated by tabs. Unlike package table, it leaves all cells
// text: BIDS says which columns are numbers, and others may be anything.
type table struct {
	path   string
	header []string
	rows   [][]string
	lines  []int // of the rows
}

// trimMark takes away the mark that some editors put before UTF-8.
func trimMark(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }

func (d *Dataset) table(rel string, content []byte) (*table, error) {
	t := &table{path: filepath.Join(d.Root, filepath.FromSlash(rel))}
	line := 0
	for text := range strings.Lines(string(trimMark(content))) {
		line++
		text = strings.TrimRight(text, "\r\n")
		if strings.TrimSpace(text) == "" {
			continue
		}
		cells := strings.Split(text, "\t")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if t.header == nil {
			t.header = cells
			continue
		}
		if len(cells) != len(t.header) {
			return nil, &recording.Error{Path: t.path, Line: line, Offset: -1, Found: fmt.Sprintf("%d cells", len(cells)), Expected: fmt.Sprintf("%d, as in the header", len(t.header)),
				Remedy: "separate cells by tabs, and write n/a where a value is missing"}
		}
		t.rows = append(t.rows, cells)
		t.lines = append(t.lines, line)
	}
	return t, nil
}

// column finds a column.
func (t *table) column(name string) (int, error) {
	if i := slices.Index(t.header, name); i >= 0 {
		return i, nil
	}
	return 0, &recording.Error{Path: t.path, Line: 1, Offset: -1, Found: "the columns " + strings.Join(t.header, ", "), Expected: fmt.Sprintf("one called %q", name)}
}

// value is the text of a cell, empty for one that is missing.
func value(cell string) string {
	if cell == "n/a" {
		return ""
	}
	return cell
}

// cell is the text of a row's cell in a column that need not be there.
func (t *table) cell(row int, name string) string {
	if i := slices.Index(t.header, name); i >= 0 {
		return value(t.rows[row][i])
	}
	return ""
}

// number reads a cell as a number, 0 for one that is missing.
func (t *table) number(row int, name string) (x float64, there bool, err error) {
	s := t.cell(row, name)
	if s == "" {
		return 0, false, nil
	}
	if x, err = strconv.ParseFloat(s, 64); err != nil {
		return 0, false, &recording.Error{Path: t.path, Line: t.lines[row], Column: slices.Index(t.header, name) + 1, Field: name, Offset: -1, Found: fmt.Sprintf("%q", s), Expected: "a number or n/a"}
	}
	return x, true, nil
}
