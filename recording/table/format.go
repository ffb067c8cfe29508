package table

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

func init() {
	recording.Register(recording.Format{
		Name: "table", Title: "table (CSV, TSV)", Extensions: []string{"csv", "tsv", "tab", "txt", "dat", "1d"},
		Match: match, Describe: describe, Arrays: arrays, Open: open,
	})
}

func match(h recording.Head) recording.Confidence {
	text := h.Data
	if len(text) > utf8.UTFMax {
		text = text[:len(text)-utf8.UTFMax] // the end may cut a character
	}
	named := slices.Contains([]string{"csv", "tsv", "tab", "txt", "dat", "1d"}, h.Ext)
	switch {
	case bytes.IndexByte(h.Data, 0) >= 0 || !utf8.Valid(text):
		if (h.Ext == "csv" || h.Ext == "tsv") && !h.Gzip {
			return recording.Maybe // opening it will say what is wrong
		}
		return recording.No
	case named:
		return recording.Likely
	case looksTabular(h.Data):
		return recording.Maybe
	}
	return recording.No
}

// looksTabular tells rows and columns, or a column of numbers, from prose and from program text.
func looksTabular(head []byte) bool {
	end := bytes.LastIndexByte(head, '\n')
	if end < 0 {
		return false
	}
	head = head[:end+1]
	r := newRows(bytes.NewReader(head), sniff(head, true))
	widths, rows, numbers := map[int]int{}, 0, 0
	for {
		row, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return false
		}
		rows++
		widths[len(row.fields)]++
		if _, ok := parseNumber(row.fields[len(row.fields)-1]); ok {
			numbers++
		}
	}
	for width, n := range widths {
		if n*10 >= rows*9 && rows > 1 && (width > 1 || numbers*10 >= rows*9) {
			return true
		}
	}
	return false
}

func separatorName(sep rune) string {
	switch sep {
	case '\t':
		return "tabs"
	case ' ':
		return "blanks"
	case ';':
		return "semicolons"
	case '|':
		return "bars"
	}
	return "commas"
}

// describe reads the table through, in memory that does not depend on its length.
func describe(path string) (*recording.Description, error) {
	t, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	type summary struct {
		recording.Range
		first, last, previous time.Time
		step                  time.Duration
		irregular             bool
		texts                 []string
		missing, differing    int
	}
	sums := make([]summary, len(t.columns))
	for t.Next() {
		for i, c := range t.columns {
			s := &sums[i]
			if t.Missing(i) {
				s.missing++
				continue
			}
			switch c.Kind {
			case Number:
				s.Add(t.Number(i))
			case Time:
				at := t.Time(i)
				if s.first.IsZero() {
					s.first = at
				} else if step := at.Sub(s.previous); s.step == 0 && !s.irregular {
					s.step = step
				} else if step != s.step {
					s.irregular = true
				}
				s.previous, s.last = at, at
			case Text:
				if v := t.cur.fields[i]; len(s.texts) < 6 && !slices.Contains(s.texts, v) {
					s.texts = append(s.texts, strings.Clone(v))
				} else if len(s.texts) == 6 && !slices.Contains(s.texts, v) {
					s.differing++
				}
			}
		}
	}
	if err := t.Err(); err != nil {
		return nil, err
	}
	d := &recording.Description{Title: "table separated by " + separatorName(t.separator), Items: []recording.Item{}}
	d.Properties = []recording.Property{
		{Name: "rows", Value: fmt.Sprint(t.count)},
		{Name: "columns", Value: fmt.Sprint(len(t.columns))},
		{Name: "header rows", Value: fmt.Sprint(t.header)},
	}
	for i, c := range t.columns {
		s := &sums[i]
		it := recording.Item{Name: c.Name, Type: c.Kind.String(), Dims: []int{t.count}}
		var notes []string
		switch c.Kind {
		case Number:
			s.NaN = s.missing
			r := s.Range
			it.Range = &r
		case Time:
			const layout = "2006-01-02 15:04:05"
			notes = append(notes, s.first.Format(layout)+" .. "+s.last.Format(layout))
			if s.step != 0 && !s.irregular {
				notes = append(notes, "every "+s.step.String())
			} else if s.irregular {
				notes = append(notes, "irregular")
			}
		case Text:
			list := strings.Join(s.texts, ", ")
			if s.differing > 0 {
				list += " ..."
			}
			notes = append(notes, clip(list))
		default:
			it.Type = "empty"
		}
		if s.missing > 0 && c.Kind != Number {
			notes = append(notes, fmt.Sprintf("%d missing", s.missing))
		}
		it.Text = strings.Join(notes, ", ")
		d.Items = append(d.Items, it)
	}
	return d, nil
}

// arrays gives the named columns, each as an array of numbers, of text, or of times as seconds after the first. Without
// names, it gives all columns of numbers as one array rows x columns called what the file is called.
func arrays(path string, names ...string) ([]*recording.Array, error) {
	t, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		a, cols := t.Matrix()
		if len(cols) == 0 {
			return nil, &recording.Error{Path: path, Offset: -1, Found: "columns of text only", Expected: "a column of numbers"}
		}
		base := filepath.Base(strings.TrimSuffix(path, ".gz"))
		a.Name = strings.TrimSuffix(base, filepath.Ext(base))
		return []*recording.Array{a}, nil
	}
	var out []*recording.Array
	for _, name := range names {
		i, err := t.Index(name)
		if err != nil {
			return nil, err
		}
		a := &recording.Array{Name: name, Dims: []int{t.Rows}}
		switch t.Columns[i].Kind {
		case Number:
			a.Data = t.numbers[i]
		case Time:
			a.Data = secondsAfterFirst(t.times[i])
		default:
			a.Data = t.texts[i]
		}
		out = append(out, a)
	}
	return out, nil
}

func secondsAfterFirst(times []time.Time) []float64 {
	out := make([]float64, len(times))
	var first time.Time
	for i, at := range times {
		if first.IsZero() {
			first = at
		}
		if out[i] = at.Sub(first).Seconds(); at.IsZero() {
			out[i] = math.NaN()
		}
	}
	return out
}

// open takes a table for a recording: columns of numbers are channels, rows are frames. A column of times gives the start
// and, if its steps are equal, the rate.
func open(path string) (*recording.Recording, error) {
	t, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	a, names := t.Matrix()
	if len(names) == 0 {
		return nil, &recording.Error{Path: path, Offset: -1, Found: "columns of text only", Expected: "a column of numbers"}
	}
	samples, err := a.Float32s()
	if err != nil {
		return nil, err
	}
	r := &recording.Recording{Frames: int64(t.Rows), Samples: recording.Memory{Data: samples, Channels: len(names)}}
	for _, name := range records.Unique(names) {
		r.Channels = append(r.Channels, recording.Channel{Name: name})
	}
	for i, c := range t.Columns {
		if c.Kind == Time && t.Rows > 0 {
			r.Start = t.times[i][0]
			r.Rate = rate(t.times[i])
			break
		}
	}
	return r, nil
}

// rate is the sampling rate of evenly spaced times, or 0.
func rate(times []time.Time) float64 {
	if len(times) < 2 {
		return 0
	}
	step := times[1].Sub(times[0])
	for i := 1; i < len(times); i++ {
		if step <= 0 || times[i].Sub(times[i-1]) != step {
			return 0
		}
	}
	return 1 / step.Seconds()
}
