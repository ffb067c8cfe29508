package table

import (
	"math"
	"slices"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
)

// Table is a whole table in memory, column by column.
type Table struct {
	Columns   []Column
	Rows      int
	Separator rune
	Header    int // rows of header

	path    string
	numbers [][]float64   // by column, for those that are numbers
	times   [][]time.Time // by column, for those that are times
	texts   [][]string    // by column, for the others
}

// ReadFile reads the whole table at path.
func ReadFile(path string) (*Table, error) { return Options{}.ReadFile(path) }

// ReadFile is the function ReadFile with options.
func (o Options) ReadFile(path string) (*Table, error) {
	r, err := o.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.ReadAll()
}

// ReadAll reads the rows that are left.
func (t *Reader) ReadAll() (*Table, error) {
	n := len(t.columns)
	out := &Table{path: t.path, Separator: t.separator, Header: t.header,
		numbers: make([][]float64, n), times: make([][]time.Time, n), texts: make([][]string, n)}
	for t.Next() {
		for i, c := range t.columns {
			switch c.Kind {
			case Number:
				for len(out.numbers[i]) < out.Rows { // rows before the column's first value
					out.numbers[i] = append(out.numbers[i], math.NaN())
				}
				out.numbers[i] = append(out.numbers[i], t.Number(i))
			case Time:
				for len(out.times[i]) < out.Rows {
					out.times[i] = append(out.times[i], time.Time{})
				}
				out.times[i] = append(out.times[i], t.Time(i))
			case Text:
				for len(out.texts[i]) < out.Rows {
					out.texts[i] = append(out.texts[i], "")
				}
				s := t.cur.fields[i]
				if t.cells[i].missing {
					s = ""
				}
				out.texts[i] = append(out.texts[i], s)
			}
		}
		out.Rows++
	}
	if err := t.Err(); err != nil {
		return nil, err
	}
	out.Columns = slices.Clone(t.columns)
	for i := range out.Columns {
		if out.Columns[i].Kind == 0 { // never a value: numbers, all missing
			out.Columns[i].Kind = Number
			for range out.Rows {
				out.numbers[i] = append(out.numbers[i], math.NaN())
			}
		}
	}
	return out, nil
}

// Index finds a column by name.
func (t *Table) Index(name string) (int, error) { return index(t.Columns, name, t.path) }

// Numbers gives the column called name, NaN where a value is missing. The table keeps the slice.
func (t *Table) Numbers(name string) ([]float64, error) {
	i, err := find(t.Columns, name, Number, t.path)
	if err != nil {
		return nil, err
	}
	return t.numbers[i], nil
}

// Times gives the column called name, the zero time where one is missing.
func (t *Table) Times(name string) ([]time.Time, error) {
	i, err := find(t.Columns, name, Time, t.path)
	if err != nil {
		return nil, err
	}
	return t.times[i], nil
}

// Texts gives the column called name, "" where a text is missing.
func (t *Table) Texts(name string) ([]string, error) {
	i, err := find(t.Columns, name, Text, t.path)
	if err != nil {
		return nil, err
	}
	return t.texts[i], nil
}

// Matrix gives all columns of numbers, in order, as one row-major array rows x columns, and their names.
func (t *Table) Matrix() (*recording.Array, []string) {
	var names []string
	var cols [][]float64
	for i, c := range t.Columns {
		if c.Kind == Number {
			names = append(names, c.Name)
			cols = append(cols, t.numbers[i])
		}
	}
	data := make([]float64, t.Rows*len(cols))
	for j, col := range cols {
		for i, v := range col {
			data[i*len(cols)+j] = v
		}
	}
	return &recording.Array{Dims: []int{t.Rows, len(cols)}, Order: recording.RowMajor, Data: data}, names
}
