package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/recording"
)

// Kind is what the cells of a column are.
type Kind uint8

const (
	Number Kind = iota + 1
	Time
	Text
)

func (k Kind) String() string {
	switch k {
	case Number:
		return "number"
	case Time:
		return "time"
	case Text:
		return "text"
	}
	return "not known yet"
}

// Column describes one column of a table.
type Column struct {
	Name   string   // from the first header row, else "column 1", "column 2" ...
	Header []string // its cell in every header row
	Kind   Kind     // zero while all its cells have been missing
	Layout string   // of a Time: how it is written, in the manner of package time
}

// Options overrule what a Reader finds out by itself. The zero value overrules nothing.
type Options struct {
	Separator  rune            // ' ' stands for any run of blanks and tabs
	HeaderRows int             // -1 for none; 0 to find out
	Kinds      map[string]Kind // of columns, by name
	Location   *time.Location  // of times written without a zone; UTC if nil
}

// MaxInflated is the most that a gzip-compressed table may inflate to, and MaxLine the longest row.
const (
	MaxInflated = 1 << 30
	MaxLine     = 4 << 20
)

// sampleRows and sampleBytes bound the part of a table that its columns are decided on.
const (
	sampleRows  = 1000
	sampleBytes = 1 << 20
)

// Reader reads a table row by row.
type Reader struct {
	path      string
	opts      Options
	src       *source
	rows      rows
	separator rune
	columns   []Column
	header    int // rows of header

	queue   []row // sampled rows not yet given out
	cur     row
	cells   []cell // of cur
	count   int    // rows given out
	err     error
	closers []io.Closer
}

// row is one record with the line it began on.
type row struct {
	fields []string
	line   int
}

type cell struct {
	missing bool
	number  float64
	time    time.Time
}

// Open opens the table at path. Close it when done.
func Open(path string) (*Reader, error) { return Options{}.Open(path) }

// NewReader reads a table from a stream; name stands for it in errors.
func NewReader(r io.Reader, name string) (*Reader, error) { return Options{}.NewReader(r, name) }

// Open is the function Open with options.
func (o Options) Open(path string) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || info.IsDir() {
		file.Close()
		if err == nil {
			err = &recording.Error{Path: path, Offset: -1, Found: "a folder", Expected: "a table"}
		}
		return nil, err
	}
	t, err := o.NewReader(file, path)
	if err != nil {
		file.Close()
		return nil, err
	}
	t.closers = append(t.closers, file)
	return t, nil
}

// NewReader is the function NewReader with options.
func (o Options) NewReader(r io.Reader, name string) (*Reader, error) {
	t := &Reader{path: name, opts: o}
	if t.opts.Location == nil {
		t.opts.Location = time.UTC
	}
	br := bufio.NewReaderSize(r, 64<<10)
	if head, _ := br.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, &recording.Error{Path: name, Offset: 0, Found: "a damaged gzip file", Expected: "a table", Err: err}
		}
		t.closers = append(t.closers, z)
		br = bufio.NewReaderSize(&bounded{r: z, left: MaxInflated}, 64<<10)
	}
	if head, _ := br.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		br.Discard(3)
	} else if len(head) >= 2 && (string(head[:2]) == "\xff\xfe" || string(head[:2]) == "\xfe\xff") {
		return nil, &recording.Error{Path: name, Offset: 0, Found: "UTF-16 text", Expected: "UTF-8", Remedy: "save the table again as UTF-8 (in Excel: CSV UTF-8)"}
	}
	t.src = &source{br: br}
	if err := t.start(); err != nil {
		return nil, t.place(err)
	}
	return t, nil
}

// bounded ends a stream that inflates to more than it may.
type bounded struct {
	r    io.Reader
	left int64
}

var errTooLarge = fmt.Errorf("the table inflates to more than %d bytes", MaxInflated)

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// source feeds the row parser. It keeps the beginning for a second reading, and refuses endless lines.
type source struct {
	br    *bufio.Reader
	run   int // bytes since the last newline
	lines int
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.br.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		line := rest
		if i >= 0 {
			line = rest[:i]
		}
		if bytes.IndexByte(line, 0) >= 0 {
			return 0, &recording.Error{Offset: -1, Line: s.lines + 1, Found: "a zero byte", Expected: "text",
				Remedy: "this looks like a binary file: gyrus inspect says what it may be"}
		}
		if s.run += len(line); s.run > MaxLine {
			return 0, &recording.Error{Offset: -1, Line: s.lines + 1, Found: fmt.Sprintf("a line of more than %d bytes", MaxLine), Expected: "rows of a table"}
		}
		if i < 0 {
			break
		}
		s.run = 0
		s.lines++
		rest = rest[i+1:]
	}
	return n, err
}

// rows splits text into records.
type rows interface {
	next() (row, error)
}

type csvRows struct {
	r *csv.Reader
}

func newCSV(r io.Reader, separator rune) csvRows {
	c := csv.NewReader(r)
	c.Comma = separator
	c.FieldsPerRecord = -1
	c.TrimLeadingSpace = separator != '\t'
	return csvRows{c}
}

func (c csvRows) next() (row, error) {
	fields, err := c.r.Read()
	if err != nil {
		return row{}, err
	}
	line, _ := c.r.FieldPos(0)
	return row{fields, line}, nil
}

// blankRows splits lines at runs of blanks.
type blankRows struct {
	s    *bufio.Scanner
	line int
}

func newBlanks(r io.Reader) *blankRows {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 4096), MaxLine+1)
	return &blankRows{s: s}
}

func (b *blankRows) next() (row, error) {
	for b.s.Scan() {
		b.line++
		if err := b.s.Err(); err != nil { // Scan gives out what came before it
			return row{}, err
		}
		if f := strings.Fields(b.s.Text()); len(f) > 0 {
			return row{f, b.line}, nil
		}
	}
	if err := b.s.Err(); err != nil {
		return row{}, err
	}
	return row{}, io.EOF
}

func newRows(r io.Reader, separator rune) rows {
	if separator == ' ' {
		return newBlanks(r)
	}
	return newCSV(r, separator)
}

// start samples the table and decides separator, header and columns.
func (t *Reader) start() error {
	sample, err := io.ReadAll(io.LimitReader(t.src, sampleBytes))
	if err != nil {
		return err
	}
	whole := len(sample) < sampleBytes
	if len(bytes.TrimSpace(sample)) == 0 {
		return &recording.Error{Offset: 0, Found: "nothing", Expected: "a table with at least one row"}
	}
	if !utf8.Valid(sample[:max(0, len(sample)-utf8.UTFMax)]) {
		line := 1
		for rest := sample; len(rest) > 0; {
			r, n := utf8.DecodeRune(rest)
			if r == utf8.RuneError && n == 1 {
				break
			}
			if r == '\n' {
				line++
			}
			rest = rest[n:]
		}
		return &recording.Error{Offset: -1, Line: line, Found: "bytes that are not UTF-8", Expected: "text", Remedy: "save the table again as UTF-8"}
	}
	if t.separator = t.opts.Separator; t.separator == 0 {
		t.separator = sniff(sample, whole)
	}
	t.rows = newRows(io.MultiReader(bytes.NewReader(sample), t.src), t.separator)
	for read := 0; len(t.queue) < sampleRows && read < sampleBytes; {
		r, err := t.rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		for _, f := range r.fields {
			read += len(f) + 1
		}
		t.queue = append(t.queue, r)
	}
	if len(t.queue) == 0 {
		return &recording.Error{Offset: 0, Found: "nothing", Expected: "a table with at least one row"}
	}
	if c, ok := t.rows.(csvRows); ok {
		c.r.ReuseRecord = true // from here on rows are given out one at a time
	}
	return t.decide()
}

// Columns describes the columns.
func (t *Reader) Columns() []Column { return slices.Clone(t.columns) }

// Separator is the character between columns; ' ' stands for any run of blanks and tabs.
func (t *Reader) Separator() rune { return t.separator }

// HeaderRows is the number of rows before the data.
func (t *Reader) HeaderRows() int { return t.header }

// Index finds a column by name.
func (t *Reader) Index(name string) (int, error) { return index(t.columns, name, t.path) }

// Find finds the column of this name and makes sure that it holds cells of this kind. A column without any value so far is
// taken to be.
func (t *Reader) Find(name string, kind Kind) (int, error) {
	return find(t.columns, name, kind, t.path)
}

func find(columns []Column, name string, kind Kind, path string) (int, error) {
	i, err := index(columns, name, path)
	if err != nil {
		return 0, err
	}
	if got := columns[i].Kind; got != kind && got != 0 {
		return 0, &recording.Error{Path: path, Field: fmt.Sprintf("column %q", name), Offset: -1, Found: got.String() + " cells", Expected: kind.String() + " cells"}
	}
	return i, nil
}

func index(columns []Column, name, path string) (int, error) {
	found := -1
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
		if c.Name == name {
			if found >= 0 {
				return 0, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("several columns called %q", name), Expected: "one",
					Remedy: "use their places instead of the name"}
			}
			found = i
		}
	}
	if found < 0 {
		return 0, &recording.Error{Path: path, Offset: -1, Found: "none of that name", Expected: fmt.Sprintf("a column %q", name),
			Remedy: "it has " + strings.Join(names, ", ")}
	}
	return found, nil
}

// Next goes to the next row. It returns false at the end and at the first error; Err tells which.
func (t *Reader) Next() bool {
	if t.err != nil {
		return false
	}
	if len(t.queue) > 0 {
		t.cur, t.queue = t.queue[0], t.queue[1:]
	} else if t.cur, t.err = t.rows.next(); t.err != nil {
		return false
	}
	if t.err = t.convert(); t.err != nil {
		return false
	}
	t.count++
	return true
}

// Err is the error that ended the table, or nil at its proper end.
func (t *Reader) Err() error {
	if t.err == nil || t.err == io.EOF {
		return nil
	}
	return t.place(t.err)
}

// place makes an error of any part the package's own, with the path in it.
func (t *Reader) place(err error) error {
	var own *recording.Error
	if errors.As(err, &own) {
		own.Path = t.path
		return own
	}
	e := &recording.Error{Path: t.path, Offset: -1}
	var syntax *csv.ParseError
	switch {
	case errors.As(err, &syntax):
		e.Line = syntax.StartLine
		e.Expected = "a row of a table"
		switch {
		case errors.Is(syntax.Err, csv.ErrQuote):
			e.Found, e.Expected = "a stray \" or one that is never closed", "quotes around whole cells, doubled inside them"
		case errors.Is(syntax.Err, csv.ErrBareQuote):
			e.Found, e.Expected = "a \" inside an unquoted cell", "quotes around whole cells, doubled inside them"
		default:
			e.Err = syntax.Err
		}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		e.Line = t.cur.line
		e.Found, e.Expected, e.Err = "the end of damaged gzip data after this line", "the rest of the table", err
		e.Remedy = "the file is truncated or damaged: copy it again from its source"
	case errors.Is(err, bufio.ErrTooLong):
		e.Line, e.Found, e.Expected = t.cur.line+1, fmt.Sprintf("a line of more than %d bytes", MaxLine), "rows of a table"
	default:
		e.Line, e.Err = t.cur.line, err
	}
	return e
}

// Line is the line of the file that the current row began on.
func (t *Reader) Line() int { return t.cur.line }

// Strings gives the current row as written. It is valid until the next call of Next.
func (t *Reader) Strings() []string { return t.cur.fields }

// Number is the value of column i in the current row: NaN when it is missing or the column does not hold numbers.
func (t *Reader) Number(i int) float64 {
	if t.columns[i].Kind != Number || t.cells[i].missing {
		return math.NaN()
	}
	return t.cells[i].number
}

// Time is the time in column i of the current row: zero when it is missing or the column does not hold times.
func (t *Reader) Time(i int) time.Time { return t.cells[i].time }

// Missing reports whether column i has no value in the current row.
func (t *Reader) Missing(i int) bool { return t.cells[i].missing }

// Close releases the file.
func (t *Reader) Close() error {
	var errs []error
	for _, c := range t.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// convert checks the current row against the columns.
func (t *Reader) convert() error {
	if n := len(t.cur.fields); n != len(t.columns) {
		return &recording.Error{Offset: -1, Line: t.cur.line, Found: fmt.Sprintf("%d columns", n), Expected: fmt.Sprintf("%d, as in the other rows", len(t.columns)),
			Remedy: "check the row for a missing or extra separator, or a cell that needs quotes"}
	}
	for i, s := range t.cur.fields {
		c := &t.columns[i]
		t.cells[i] = cell{}
		if missing(s) {
			t.cells[i].missing = true
			continue
		}
		if c.Kind == 0 { // all cells so far were missing: this one decides
			c.Kind, c.Layout = kindOf([]string{s}, t.opts.Location)
		}
		var ok bool
		switch c.Kind {
		case Number:
			t.cells[i].number, ok = parseNumber(s)
		case Time:
			t.cells[i].time, ok = parseTime(s, c.Layout, t.opts.Location)
		default:
			ok = true
		}
		if !ok {
			return t.misfit(i, s)
		}
	}
	return nil
}

// misfit is the error for a cell that does not fit its column.
func (t *Reader) misfit(i int, s string) error {
	c := t.columns[i]
	e := &recording.Error{Offset: -1, Line: t.cur.line, Column: i + 1, Field: c.Name, Found: fmt.Sprintf("%q", clip(s)), Expected: "a number"}
	e.Remedy = "correct the cell, leave it empty if the value is missing, or declare the column as text (Options.Kinds)"
	if c.Kind == Time {
		e.Expected = fmt.Sprintf("a time written like %q", c.Layout)
	} else if strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		e.Remedy = "write decimals with a point, not a comma"
	}
	return e
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}
