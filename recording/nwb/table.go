package nwb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// Table is a DynamicTable: columns of equal length.
type Table struct {
	Path        string
	Type        string // of NWB: "Units", "TimeIntervals", "DynamicTable", "PlaneSegmentation" ...
	Description string
	Rows        int
	IDs         []int64 // of the rows
	Columns     []*Column

	f *File
}

// Column is one column of a Table. Each row holds one element, or an array of them; a row of a ragged column, a list.
type Column struct {
	Name        string
	Description string
	// Table is the path of the table whose rows, counted from 0, the column's elements are; empty for others.
	Table string
	// Elements are the texts that the numbers of an enumeration stand for; nil for other columns.
	Elements []string
	Unit     string // of the numbers, where the file tells: "volts", "seconds"

	f     *File
	path  string
	data  *hdf5.Dataset
	index [][]int // for each level of raggedness, the outermost first, where each list ends
	rows  int
}

// maxRows bounds the rows of a table. Columns are read as a whole, so it bounds nothing that files in use come near to.
const maxRows = 1 << 31

// Table reads the description of the table at path, and none of its elements.
func (f *File) Table(path string) (*Table, error) {
	g, err := f.h5.Group(path)
	if err != nil {
		return nil, err
	}
	names, err := g.Attribute("colnames")
	if err != nil {
		return nil, f.fail(fmt.Sprintf("%q", path), "a group without colnames", "a table", "the tables are "+strings.Join(f.tables, ", "))
	}
	x, err := names.Read()
	if err != nil {
		return nil, err
	}
	columns, ok := x.Data.([]string)
	if !ok && x.Len() > 0 { // a table without columns may have colnames of any type
		return nil, f.fail(fmt.Sprintf("%q", path), "colnames of type "+x.Type(), "texts", "")
	}
	t := &Table{f: f, Path: g.Path(), Type: describeAttribute(g, "neurodata_type"), Description: describeAttribute(g, "description"), Rows: -1}
	if g.Has("id") {
		if t.IDs, err = f.ids(g); err != nil {
			return nil, err
		}
		t.Rows = len(t.IDs)
	}
	for _, name := range columns {
		c, err := f.column(g, name)
		if err != nil {
			return nil, err
		}
		if t.Rows < 0 {
			t.Rows = c.rows
		}
		if c.rows != t.Rows {
			return nil, f.fail(fmt.Sprintf("%q", c.path), fmt.Sprintf("%d rows", c.rows), fmt.Sprintf("%d, as the table has", t.Rows), "")
		}
		t.Columns = append(t.Columns, c)
	}
	t.Rows = max(t.Rows, 0)
	return t, nil
}

func (f *File) ids(g *hdf5.Group) ([]int64, error) {
	d, err := g.Dataset("id")
	if err != nil {
		return nil, err
	}
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	numbers, err := x.Float64s()
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(numbers))
	for i, v := range numbers {
		out[i] = int64(v)
	}
	return out, nil
}

func (f *File) column(g *hdf5.Group, name string) (*Column, error) {
	d, err := g.Dataset(name)
	if err != nil {
		return nil, err
	}
	c := &Column{Name: name, Description: describeAttribute(d, "description"), Unit: describeAttribute(d, "unit"), f: f, path: d.Path(), data: d}
	dims := d.Dims()
	if len(dims) == 0 {
		dims = []int{0}
		if !d.Null() {
			return nil, f.fail(fmt.Sprintf("%q", d.Path()), "a single value", "a column", "")
		}
	}
	n := dims[0]
	for at := name + "_index"; g.Has(at); at += "_index" {
		ends, err := f.ends(g, at, n)
		if err != nil {
			return nil, err
		}
		c.index = slices.Insert(c.index, 0, ends)
		n = len(ends)
	}
	if n > maxRows {
		return nil, f.fail(fmt.Sprintf("%q", d.Path()), fmt.Sprintf("%d rows", n), "fewer", "")
	}
	c.rows = n
	if a, err := d.Attribute("table"); err == nil {
		if c.Table, err = f.attributePath(a); err != nil {
			return nil, err
		}
	}
	if a, err := d.Attribute("elements"); err == nil {
		if c.Elements, err = f.elements(a); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// ends reads an index of a ragged column: where the list of each row ends among the n elements it counts.
func (f *File) ends(g *hdf5.Group, name string, n int) ([]int, error) {
	d, err := g.Dataset(name)
	if err != nil {
		return nil, err
	}
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	numbers, err := x.Float64s()
	if err != nil {
		return nil, err
	}
	out := make([]int, len(numbers))
	last := 0
	for i, v := range numbers {
		if v < float64(last) || v > float64(n) {
			return nil, f.fail(fmt.Sprintf("%q", d.Path()), fmt.Sprintf("row %d that ends at element %g", i, v), fmt.Sprintf("one from %d to %d", last, n), "")
		}
		last = int(v)
		out[i] = last
	}
	return out, nil
}

// attributePath is the path of the object that an attribute refers to.
func (f *File) attributePath(a *hdf5.Attribute) (string, error) {
	values, err := a.Values()
	if err != nil {
		return "", err
	}
	if len(values) == 1 {
		if r, ok := values[0].(hdf5.Reference); ok {
			return f.pathOf(r)
		}
	}
	return "", f.fail(fmt.Sprintf("attribute %q", a.Name), "a value of type "+a.Type().String(), "a reference", "")
}

// elements reads the texts that an enumeration refers to.
func (f *File) elements(a *hdf5.Attribute) ([]string, error) {
	path, err := f.attributePath(a)
	if err != nil {
		return nil, err
	}
	d, err := f.h5.Dataset(path)
	if err != nil {
		return nil, err
	}
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	return recording.Values[string](x)
}

// Column gives the column of this name; the error lists the names there are.
func (t *Table) Column(name string) (*Column, error) {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		if c.Name == name {
			return c, nil
		}
		names[i] = c.Name
	}
	return nil, t.f.fail(fmt.Sprintf("%q", t.Path), fmt.Sprintf("no column %q", name), "one of "+strings.Join(names, ", "), "")
}

// Has reports whether the table has a column of this name.
func (t *Table) Has(name string) bool {
	return slices.ContainsFunc(t.Columns, func(c *Column) bool { return c.Name == name })
}

// Ragged is the depth of lists in a row: 0 when each row holds one element, 1 for a list, 2 for a list of lists.
func (c *Column) Ragged() int { return len(c.index) }

// ElementType is the type of the elements.
func (c *Column) ElementType() *hdf5.Type { return c.data.Type() }

// Dims is the shape of all elements, the first axis being that of elements: of rows, when the column is not ragged.
func (c *Column) Dims() []int { return c.data.Dims() }

// Ends says, for a ragged column, where the elements of each row end among all elements: those of row i are from Ends()[i-1]
// (0 for the first) to before Ends()[i]. For other columns, row i is element i.
func (c *Column) Ends() []int {
	out := make([]int, c.rows)
	for i := range out {
		_, out[i] = c.bounds(i)
	}
	return out
}

// bounds gives the elements of a row.
func (c *Column) bounds(row int) (from, to int) {
	from, to = row, row+1
	for _, ends := range c.index {
		at := func(i int) int {
			if i == 0 {
				return 0
			}
			return ends[i-1]
		}
		from, to = at(from), at(to)
	}
	return from, to
}

// Array reads all elements; see Ends for the rows of a ragged column.
func (c *Column) Array() (*recording.Array, error) { return c.data.Read(hdf5.Slab{}) }

// Float64s reads all elements as numbers.
func (c *Column) Float64s() ([]float64, error) {
	x, err := c.Array()
	if err != nil {
		return nil, err
	}
	return x.Float64s()
}

// Strings reads all elements as texts. Those of an enumeration are the texts that its numbers stand for; references are the
// paths of what they point to.
func (c *Column) Strings() ([]string, error) {
	if c.data.Type().Class == hdf5.Ref {
		refs, err := c.data.References(hdf5.Slab{})
		if err != nil {
			return nil, err
		}
		out := make([]string, len(refs))
		for i, r := range refs {
			if r.IsNull() {
				continue
			}
			if out[i], err = c.f.pathOf(r); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	x, err := c.Array()
	if err != nil {
		return nil, err
	}
	if c.Elements == nil {
		return recording.Values[string](x)
	}
	numbers, err := x.Float64s()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(numbers))
	for i, v := range numbers {
		if v < 0 || int(v) >= len(c.Elements) {
			return nil, c.f.fail(fmt.Sprintf("%q", c.path), fmt.Sprintf("element %g of an enumeration", v), fmt.Sprintf("one of %d", len(c.Elements)), "")
		}
		out[i] = c.Elements[int(v)]
	}
	return out, nil
}

// Row reads the elements of one row of a column of numbers or text: an array whose first axis counts them.
func (c *Column) Row(i int) (*recording.Array, error) {
	slab, err := c.slab(i)
	if err != nil {
		return nil, err
	}
	return c.data.Read(slab)
}

// RowValues reads the elements of one row of a column of any type, see hdf5.Dataset.Values: pixel masks, references to parts
// of series.
func (c *Column) RowValues(i int) ([]any, error) {
	slab, err := c.slab(i)
	if err != nil {
		return nil, err
	}
	return c.data.Values(slab)
}

// RowLists reads one row of a column that is ragged twice: a list of arrays.
func (c *Column) RowLists(i int) ([]*recording.Array, error) {
	if len(c.index) != 2 {
		return nil, c.f.fail(fmt.Sprintf("%q", c.path), fmt.Sprintf("a column ragged %d times", len(c.index)), "twice", "use Row")
	}
	if err := c.check(i); err != nil {
		return nil, err
	}
	inner := *c
	inner.index = c.index[1:]
	inner.rows = len(inner.index[0])
	outer := *c
	outer.index = c.index[:1]
	from, to := outer.bounds(i)
	out := make([]*recording.Array, 0, to-from)
	for k := from; k < to; k++ {
		x, err := inner.Row(k)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func (c *Column) check(i int) error {
	if i < 0 || i >= c.rows {
		return c.f.fail(fmt.Sprintf("%q", c.path), fmt.Sprintf("a request for row %d", i), fmt.Sprintf("one of the %d rows", c.rows), "")
	}
	return nil
}

func (c *Column) slab(i int) (hdf5.Slab, error) {
	if err := c.check(i); err != nil {
		return hdf5.Slab{}, err
	}
	from, to := c.bounds(i)
	dims := c.data.Dims()
	s := hdf5.Slab{Start: make([]int, len(dims)), Count: dims}
	s.Start[0], s.Count[0] = from, to-from
	return s, nil
}

// SpikeTimes reads the spikes of all units: for each unit, seconds after Reference, in the order of the file.
func (f *File) SpikeTimes() ([][]float64, error) {
	t, err := f.Table("/units")
	if err != nil {
		return nil, err
	}
	c, err := t.Column("spike_times")
	if err != nil {
		return nil, err
	}
	all, err := c.Float64s()
	if err != nil {
		return nil, err
	}
	if len(c.index) != 1 || len(c.data.Dims()) != 1 {
		return nil, f.fail(fmt.Sprintf("%q", c.path), fmt.Sprintf("a column %s, ragged %d times", recording.FormatDims(c.data.Dims()), len(c.index)), "a list of times for each unit", "")
	}
	out := make([][]float64, t.Rows)
	for i := range out {
		from, to := c.bounds(i)
		out[i] = all[from:to:to]
	}
	return out, nil
}
