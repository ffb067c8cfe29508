package matfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/gyrus-dev/gyrus/recording"
)

// Value is a MATLAB value that was read: an array of numbers, characters, cells or structs.
type Value struct {
	Name      string // of the variable; a value inside another has none
	Class     Class
	ClassName string // of an Object or Opaque
	Dims      []int  // rows, columns, ...
	Logical   bool
	Cells     []*Value // the elements of a Cell, column-major

	path   string           // for errors
	data   *recording.Array // numeric classes and Logical
	chars  []rune           // Char, column-major; surrogates of UTF-16 stand as they are
	sparse *SparseMatrix
	names  []string // fields of a Struct or Object
	fields []*Value // element by element, each with all its fields
}

// SparseMatrix is a two-dimensional matrix that stores only what is not zero: entry k is Values[k] at row Rows[k] and column
// Columns[k], both from 0. Entries lie column after column. A place listed twice, which only level 4 allows, holds the sum.
type SparseMatrix struct {
	Dims    [2]int
	Rows    []int
	Columns []int
	Values  *recording.Array // float64, complex128 or bool, one dimension
}

// empty stands for every [] in cells and structs: files may hold millions.
var empty = &Value{Class: Double, Dims: []int{0, 0}, data: &recording.Array{Dims: []int{0, 0}, Order: recording.ColumnMajor, Data: []float64{}}}

// Len is the number of elements.
func (v *Value) Len() int {
	n, err := recording.Count(v.Dims)
	if err != nil {
		return 0
	}
	return n
}

// wrong is the error for asking a value for what it is not.
func (v *Value) wrong(expected, remedy string) error {
	field := "value"
	if v.Name != "" {
		field = fmt.Sprintf("variable %q", v.Name)
	}
	found := recording.FormatDims(v.Dims) + " " + v.Class.String()
	switch v.Class {
	case Function, Opaque:
		found = v.Class.String()
		if v.ClassName != "" {
			found = v.ClassName + " object"
		}
		remedy = "its encoding is not published: in MATLAB, convert it (double, char, cellstr, struct) and save again"
	}
	return &recording.Error{Path: v.path, Field: field, Offset: -1, Found: found, Expected: expected, Remedy: remedy}
}

// Array returns a numeric or logical value as an array in MATLAB's own column-major order. It shares the value's storage.
func (v *Value) Array() (*recording.Array, error) {
	if v.data == nil {
		remedy := ""
		switch v.Class {
		case Sparse:
			remedy = "use Sparse, and its Dense when it fits in memory"
		case Char:
			remedy = "use Text or Rows"
		case Cell:
			remedy = "use Cells or Strings"
		case Struct, Object:
			remedy = fmt.Sprintf("use Field; it has %s", strings.Join(v.names, ", "))
		}
		return nil, v.wrong("numbers", remedy)
	}
	return v.data, nil
}

// Float64s returns real numbers as float64, column-major (see recording.Array.Float64s).
func (v *Value) Float64s() ([]float64, error) {
	a, err := v.Array()
	if err != nil {
		return nil, err
	}
	return a.Float64s()
}

// Scalar returns the only element of a real numeric value.
func (v *Value) Scalar() (float64, error) {
	x, err := v.Float64s()
	if err == nil && len(x) != 1 {
		err = v.wrong("a single number", "")
	}
	if err != nil {
		return 0, err
	}
	return x[0], nil
}

// Text returns a char value of at most one row.
func (v *Value) Text() (string, error) {
	rows, err := v.Rows()
	if err != nil {
		return "", err
	}
	switch len(rows) {
	case 0:
		return "", nil
	case 1:
		return rows[0], nil
	}
	return "", v.wrong("one row of text", "use Rows")
}

// Rows returns a char matrix row by row, with the blanks MATLAB pads them to equal length with. Characters beyond the second
// dimension are appended to their row, page after page.
func (v *Value) Rows() ([]string, error) {
	if v.Class != Char {
		return nil, v.wrong("text", "")
	}
	if len(v.chars) == 0 {
		return nil, nil
	}
	rows := make([]string, v.Dims[0])
	line := make([]rune, 0, len(v.chars)/len(rows))
	for r := range rows {
		line = line[:0]
		for i := r; i < len(v.chars); i += len(rows) {
			line = append(line, v.chars[i])
		}
		rows[r] = string(joinSurrogates(line))
	}
	return rows, nil
}

// joinSurrogates makes one character of each UTF-16 pair, in place.
func joinSurrogates(line []rune) []rune {
	if !slices.ContainsFunc(line, utf16.IsSurrogate) {
		return line
	}
	out := line[:0]
	for i := 0; i < len(line); i++ {
		if r := line[i]; utf16.IsSurrogate(r) && i+1 < len(line) {
			if pair := utf16.DecodeRune(r, line[i+1]); pair != '\uFFFD' {
				out = append(out, pair)
				i++
				continue
			}
		}
		out = append(out, line[i])
	}
	return out
}

// Strings returns a cell array of text, or the rows of a char matrix without their padding, as a list.
func (v *Value) Strings() ([]string, error) {
	switch v.Class {
	case Char:
		rows, err := v.Rows()
		for i := range rows {
			rows[i] = strings.TrimRight(rows[i], " \x00")
		}
		return rows, err
	case Cell:
		out := make([]string, len(v.Cells))
		for i, c := range v.Cells {
			if c.Len() == 0 { // an empty text is often saved as []
				continue
			}
			s, err := c.Text()
			if err != nil {
				return nil, v.wrong(fmt.Sprintf("text in every cell, not %s in cell %d", c.Class, i+1), "")
			}
			out[i] = s
		}
		return out, nil
	}
	return nil, v.wrong("a list of text", "")
}

// FieldNames lists the fields of a struct or object in file order.
func (v *Value) FieldNames() []string { return slices.Clone(v.names) }

// Field returns a field of a 1x1 struct or object. When a name occurs twice, which MATLAB does not write, it is the first.
func (v *Value) Field(name string) (*Value, error) {
	if n := v.Len(); v.names != nil && n != 1 {
		return nil, v.wrong("a single struct", fmt.Sprintf("use Fields(%q) for the field of every element", name))
	}
	f, err := v.Fields(name)
	if err != nil {
		return nil, err
	}
	return f[0], nil
}

// Fields returns the field called name of every element of a struct array, column-major.
func (v *Value) Fields(name string) ([]*Value, error) {
	if v.Class != Struct && v.Class != Object {
		return nil, v.wrong(fmt.Sprintf("a struct with a field %q", name), "")
	}
	i := slices.Index(v.names, name)
	if i < 0 {
		return nil, v.wrong(fmt.Sprintf("a field %q", name), "its fields are "+strings.Join(v.names, ", "))
	}
	out := make([]*Value, 0, len(v.fields)/len(v.names))
	for ; i < len(v.fields); i += len(v.names) {
		out = append(out, v.fields[i])
	}
	return out, nil
}

// Sparse returns a sparse matrix.
func (v *Value) Sparse() (*SparseMatrix, error) {
	if v.sparse == nil {
		return nil, v.wrong("a sparse matrix", "")
	}
	return v.sparse, nil
}

// MaxDense is the most elements that SparseMatrix.Dense writes out: a few bytes of file can declare any shape.
const MaxDense = 1 << 27

// Dense writes a sparse matrix out, zeros included, column-major, as float64, complex128 or bool.
func (s *SparseMatrix) Dense() (*recording.Array, error) {
	n, err := recording.Count(s.Dims[:])
	if err != nil || n > MaxDense {
		return nil, &recording.Error{Field: "sparse matrix", Offset: -1, Found: recording.FormatDims(s.Dims[:]) + " elements",
			Expected: fmt.Sprintf("at most %d to write out", MaxDense), Remedy: "use Rows, Columns and Values"}
	}
	a := &recording.Array{Name: s.Values.Name, Dims: slices.Clone(s.Dims[:]), Order: recording.ColumnMajor}
	switch d := s.Values.Data.(type) {
	case []float64:
		a.Data = scatter(s, d, n)
	case []complex128:
		a.Data = scatter(s, d, n)
	case []bool:
		out := make([]bool, n)
		for k, v := range d {
			out[s.Columns[k]*s.Dims[0]+s.Rows[k]] = v
		}
		a.Data = out
	}
	return a, nil
}

func scatter[T float64 | complex128](s *SparseMatrix, values []T, n int) []T {
	out := make([]T, n)
	for k, v := range values {
		out[s.Columns[k]*s.Dims[0]+s.Rows[k]] += v
	}
	return out
}

// setPath lets the errors of a value and of all inside it name the file.
func (v *Value) setPath(path string) {
	if v == empty {
		return
	}
	v.path = path
	for _, c := range v.Cells {
		c.setPath(path)
	}
	for _, c := range v.fields {
		c.setPath(path)
	}
}
