package matfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// Level 7.3 is HDF5 with conventions that MathWorks does not publish but keeps to: a variable is a dataset whose axes are
// those of MATLAB in reverse order, or a group for a struct; the attribute MATLAB_class names its class; cells and the
// elements of struct arrays are references to objects in the group #refs#.

// index73 lists the variables of a file of level 7.3: what lies at the root, without MATLAB's own groups.
func (f *File) index73(head []byte) error {
	var err error
	if f.h5, err = hdf5.NewFile(f.r, f.size, f.path); err != nil {
		return err
	}
	f.Header = Header{Level: 7, Order: binary.LittleEndian}
	if len(head) == headerSize && bytes.HasPrefix(head, []byte("MATLAB")) {
		f.Header.Text = strings.TrimRight(strings.ToValidUTF8(string(head[:116]), "\uFFFD"), " \x00")
	}
	root, err := f.h5.Root()
	if err != nil {
		return err
	}
	links, err := root.Links()
	if err != nil {
		return err
	}
	for _, l := range links {
		if strings.HasPrefix(l.Name, "#") {
			if l.Name == "#subsystem#" {
				f.hidden++
			}
			continue
		}
		o, err := root.Lookup(l.Name)
		if err != nil {
			return err
		}
		m, err := f.meta(o)
		if err != nil {
			return err
		}
		v := Variable{Name: l.Name, Class: m.class, ClassName: m.className, Dims: m.dims, Logical: m.logical, Complex: m.complex, Offset: int64(o.Address())}
		if d, ok := o.(*hdf5.Dataset); ok {
			v.Compressed = strings.Contains(d.Storage(), "deflate")
			n, _ := recording.Count(d.Dims())
			v.Bytes = int64(n) * int64(d.Type().Size)
		}
		f.vars = append(f.vars, v)
	}
	return nil
}

// meta is what the attributes and the type of an object say about the value it holds.
type meta struct {
	class     Class
	className string
	dims      []int
	logical   bool
	complex   bool
	empty     bool     // the dataset holds the dimensions of a value without elements
	names     []string // of a struct's fields
	array     bool     // the fields of a struct hold references to one value per element
	rows      int      // of a sparse matrix
}

var classesByName = map[string]Class{"cell": Cell, "struct": Struct, "char": Char, "double": Double, "single": Single,
	"int8": Int8, "uint8": Uint8, "int16": Int16, "uint16": Uint16, "int32": Int32, "uint32": Uint32, "int64": Int64,
	"uint64": Uint64, "function_handle": Function, "canonical empty": Double}

func (f *File) meta(o hdf5.Object) (meta, error) {
	var m meta
	attributes, err := o.Attributes()
	if err != nil {
		return m, err
	}
	find := func(name string) *hdf5.Attribute {
		i := slices.IndexFunc(attributes, func(a *hdf5.Attribute) bool { return a.Name == name })
		if i < 0 {
			return nil
		}
		return attributes[i]
	}
	number := func(name string) int {
		if a := find(name); a != nil {
			if x, err := a.Number(); err == nil {
				return int(x)
			}
		}
		return 0
	}
	class := ""
	if a := find("MATLAB_class"); a != nil {
		if class, err = a.Text(); err != nil {
			return m, err
		}
	}
	known := false
	if class == "logical" {
		m.class, m.logical, known = Uint8, true, true
	} else {
		m.class, known = classesByName[class]
	}
	if kind := number("MATLAB_object_decode"); class != "" && (!known || kind == 3) {
		// Old-style objects are stored like structs; those of classdef are not described.
		m.class, m.className, known = Opaque, class, true
		if kind == 2 {
			m.class = Object
		}
	}
	m.empty = number("MATLAB_empty") == 1
	if a := find("MATLAB_fields"); a != nil {
		if m.names, err = fieldNames(a); err != nil {
			return m, err
		}
	}
	switch o := o.(type) {
	case *hdf5.Group:
		if find("MATLAB_sparse") != nil {
			m.rows = number("MATLAB_sparse")
			m.class = Sparse
			m.dims, err = sparseDims(o, m.rows)
			return m, err
		}
		if m.class == Function || m.class == Opaque {
			return m, nil
		}
		if m.class != Object {
			m.class = Struct
		}
		return m, f.structMeta(o, &m)
	case *hdf5.Dataset:
		t := o.Type()
		if !known {
			m.class, m.logical = classOf(t)
		}
		m.dims = o.Dims()
		if m.empty {
			if m.dims, err = emptyDims(o); err != nil {
				return m, err
			}
			break
		}
		slices.Reverse(m.dims)
		switch len(m.dims) { // which MATLAB does not write, but others do
		case 0:
			m.dims = []int{1, 1}
		case 1:
			m.dims = append(m.dims, 1)
		}
		if t.IsText() {
			m.dims = nil // known once it is read
		}
		m.complex = t.IsComplex()
	default:
		m.class = Opaque
	}
	return m, nil
}

// classOf is the class that suits a type, for files that do not name it.
func classOf(t *hdf5.Type) (class Class, logical bool) {
	switch name := t.String(); {
	case name == "bool":
		return Uint8, true
	case name == "float32" || name == "float16" || name == "complex64":
		return Single, false
	case t.Class == hdf5.Float || name == "complex128":
		return Double, false
	case t.Class == hdf5.Ref && !t.Region:
		return Cell, false
	case t.IsText():
		return Char, false
	case t.Class == hdf5.Integer && classesByName[name] != 0:
		return classesByName[name], false
	}
	return Opaque, false
}

// fieldNames reads MATLAB_fields, whose elements are sequences of single characters.
func fieldNames(a *hdf5.Attribute) ([]string, error) {
	values, err := a.Values()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case string:
			names[i] = v
		case *recording.Array:
			if letters, ok := v.Data.([]string); ok {
				names[i] = strings.Join(letters, "")
			}
		}
	}
	return names, nil
}

// emptyDims reads the dimensions that stand in for the elements of an empty value.
func emptyDims(d *hdf5.Dataset) ([]int, error) {
	if n, _ := recording.Count(d.Dims()); n > maxDims {
		return nil, &recording.Error{Path: d.Path(), Offset: -1, Found: fmt.Sprintf("%d dimensions", n), Expected: fmt.Sprintf("at most %d", maxDims)}
	}
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	values, err := x.Float64s()
	if err != nil {
		return nil, err
	}
	dims := make([]int, len(values))
	for i, v := range values {
		if v < 0 || v > 1<<53 {
			v = 0
		}
		dims[i] = int(v)
	}
	return dims, nil
}

// structMeta completes what is known of a struct: its fields, in their order, and its dimensions.
func (f *File) structMeta(g *hdf5.Group, m *meta) error {
	links, err := g.Links()
	if err != nil {
		return err
	}
	there := make([]string, len(links))
	for i, l := range links {
		there[i] = l.Name
	}
	if !sameNames(m.names, there) {
		m.names = there
	}
	if m.names == nil {
		m.names = []string{}
	}
	m.dims = []int{1, 1}
	// A field that is an array of references and no cell holds one value for each element of a struct array.
	for i, name := range m.names {
		d, err := g.Lookup(name)
		if err != nil {
			return err
		}
		refs, ok := d.(*hdf5.Dataset)
		if !ok || refs.Type().Class != hdf5.Ref || refs.HasAttribute("MATLAB_class") {
			return nil
		}
		if i == 0 {
			m.dims = refs.Dims()
			slices.Reverse(m.dims)
			if len(m.dims) == 1 {
				m.dims = append(m.dims, 1)
			}
		}
	}
	m.array = len(m.names) > 0
	return nil
}

func sameNames(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// reader73 reads one variable. Objects that several cells refer to are read once.
type reader73 struct {
	f     *File
	read  map[uint64]*Value
	open  map[uint64]bool // being read: a value that holds itself would have no end
	count map[*Value]int  // values within
}

func (f *File) read73(entry Variable) (*Value, error) {
	o, err := f.h5.Lookup("/" + entry.Name)
	if err != nil {
		return nil, err
	}
	r := reader73{f, map[uint64]*Value{}, map[uint64]bool{}, map[*Value]int{}}
	v, err := r.value(o, 0)
	if err != nil {
		return nil, err
	}
	named := *v
	named.Name = entry.Name
	if v.data != nil {
		data := *v.data
		data.Name = entry.Name
		named.data = &data
	}
	return &named, nil
}

func (r *reader73) fail(o hdf5.Object, found, expected string) error {
	return &recording.Error{Path: r.f.path, Field: fmt.Sprintf("%q", o.Path()), Offset: -1, Found: found, Expected: expected}
}

func (r *reader73) value(o hdf5.Object, depth int) (*Value, error) {
	if v, ok := r.read[o.Address()]; ok {
		return v, nil
	}
	if depth > maxDepth {
		return nil, r.fail(o, fmt.Sprintf("values nested more than %d deep", maxDepth), "less")
	}
	if r.open[o.Address()] {
		return nil, r.fail(o, "a value that holds itself", "a value")
	}
	r.open[o.Address()] = true
	defer delete(r.open, o.Address())
	m, err := r.f.meta(o)
	if err != nil {
		return nil, err
	}
	v := &Value{Class: m.class, ClassName: m.className, Dims: m.dims, Logical: m.logical, path: r.f.path}
	switch {
	case m.class == Function || m.class == Opaque: // what they hold is not described
	case m.empty:
		err = r.emptyValue(o, v, m)
	case m.class == Sparse:
		v.sparse, err = r.sparse(o.(*hdf5.Group), m)
	case m.class == Struct || m.class == Object:
		err = r.structure(o, v, m, depth)
	case m.class == Cell:
		v.Cells, err = r.references(o, depth)
	case m.class == Char:
		err = r.characters(o.(*hdf5.Dataset), v)
	default:
		v.data, err = r.numbers(o.(*hdf5.Dataset), m)
	}
	if err != nil {
		return nil, err
	}
	// Values that share what they hold would otherwise multiply: every one of them costs the file eight bytes.
	n := 1
	for _, in := range [][]*Value{v.Cells, v.fields} {
		for _, c := range in {
			n += r.count[c]
			if int64(n) > r.f.size {
				return nil, r.fail(o, "more values than the file has bytes", "values that do not share what they hold")
			}
		}
	}
	r.count[v] = n
	if n, err := recording.Count(v.Dims); err != nil || v.data != nil && v.data.Len() != n || v.Class == Char && len(v.chars) != n ||
		v.Class == Cell && len(v.Cells) != n || v.names != nil && len(v.fields) != n*len(v.names) {
		return nil, r.fail(o, "content that does not have the shape "+recording.FormatDims(v.Dims), "elements as the shape says")
	}
	r.read[o.Address()] = v
	return v, nil
}

// emptyValue makes a value without elements.
func (r *reader73) emptyValue(o hdf5.Object, v *Value, m meta) error {
	if n, err := recording.Count(m.dims); err != nil || n != 0 {
		return r.fail(o, "an empty value of shape "+recording.FormatDims(m.dims), "a dimension of 0")
	}
	switch {
	case m.class == Struct || m.class == Object:
		v.names = append([]string{}, m.names...)
	case m.logical:
		v.data = &recording.Array{Dims: m.dims, Order: recording.ColumnMajor, Data: []bool{}}
	case m.class.numeric():
		v.data = &recording.Array{Dims: m.dims, Order: recording.ColumnMajor, Data: emptyOf(m.class)}
	}
	return nil
}

func emptyOf(c Class) any {
	switch c {
	case Single:
		return []float32{}
	case Int8:
		return []int8{}
	case Uint8:
		return []uint8{}
	case Int16:
		return []int16{}
	case Uint16:
		return []uint16{}
	case Int32:
		return []int32{}
	case Uint32:
		return []uint32{}
	case Int64:
		return []int64{}
	case Uint64:
		return []uint64{}
	}
	return []float64{}
}

func (r *reader73) numbers(d *hdf5.Dataset, m meta) (*recording.Array, error) {
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	x.Name, x.Dims, x.Order = "", m.dims, recording.ColumnMajor
	_, isText := x.Data.([]string)
	switch {
	case isText:
		return nil, r.fail(d, "text", "numbers")
	case m.complex:
	case m.logical:
		if _, ok := x.Data.([]bool); !ok {
			values, err := x.Float64s()
			if err != nil {
				return nil, err
			}
			x.Data = nonzero(values)
		}
	case m.class == Double: // MATLAB stores it as such; others may not
		if x.Data, err = x.Float64s(); err != nil {
			return nil, err
		}
	case m.class == Single:
		if x.Data, err = x.Float32s(); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// characters reads text, which MATLAB stores as UTF-16 and others may store as text.
func (r *reader73) characters(d *hdf5.Dataset, v *Value) error {
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return err
	}
	switch data := x.Data.(type) {
	case []string:
		if len(data) != 1 {
			return r.fail(d, fmt.Sprintf("%d texts", len(data)), "one")
		}
		v.chars = splitSurrogates([]rune(data[0]))
		v.Dims = []int{1, len(v.chars)}
	case []uint16:
		v.chars = runes(data)
	case []uint8:
		v.chars = runes(data)
	case []uint32:
		v.chars = runes(data)
	default:
		return r.fail(d, "characters stored as "+x.Type(), "16-bit numbers")
	}
	return nil
}

func runes[T uint8 | uint16 | uint32](codes []T) []rune {
	out := make([]rune, len(codes))
	for i, c := range codes {
		if out[i] = rune(c); uint64(c) > utf8.MaxRune {
			out[i] = utf8.RuneError
		}
	}
	return out
}

// references reads the values that the elements of a dataset refer to.
func (r *reader73) references(o hdf5.Object, depth int) ([]*Value, error) {
	d, ok := o.(*hdf5.Dataset)
	if !ok {
		return nil, r.fail(o, "a group", "a dataset of references")
	}
	refs, err := d.References(hdf5.Slab{})
	if err != nil {
		return nil, err
	}
	out := make([]*Value, len(refs))
	for i, ref := range refs {
		if ref.IsNull() {
			out[i] = empty
			continue
		}
		if v, ok := r.read[ref.Address]; ok {
			out[i] = v
			continue
		}
		in, err := r.f.h5.Deref(ref)
		if err != nil {
			return nil, err
		}
		if out[i], err = r.value(in, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *reader73) structure(o hdf5.Object, v *Value, m meta, depth int) error {
	g, ok := o.(*hdf5.Group)
	if !ok {
		return r.fail(o, "a dataset", "a group for a struct")
	}
	n, err := recording.Count(m.dims)
	if err != nil {
		return r.fail(o, err.Error(), "a struct")
	}
	v.names = m.names
	for k, name := range m.names {
		in, err := g.Lookup(name)
		if err != nil {
			return err
		}
		if !m.array {
			field, err := r.value(in, depth+1)
			if err != nil {
				return err
			}
			v.fields = append(v.fields, field)
			continue
		}
		elements, err := r.references(in, depth)
		if err != nil {
			return err
		}
		if len(elements) != n {
			return r.fail(in, fmt.Sprintf("%d elements", len(elements)), fmt.Sprintf("%d, as the first field of the struct has", n))
		}
		if k == 0 {
			v.fields = make([]*Value, n*len(m.names))
		}
		for i, e := range elements {
			v.fields[i*len(m.names)+k] = e
		}
	}
	return nil
}

func sparseDims(g *hdf5.Group, rows int) ([]int, error) {
	d, err := g.Dataset("jc")
	if err != nil {
		return nil, err
	}
	n, err := recording.Count(d.Dims())
	return []int{rows, max(0, n-1)}, err
}

// sparse reads a sparse matrix: the entries, their rows, and where each column begins.
func (r *reader73) sparse(g *hdf5.Group, m meta) (*SparseMatrix, error) {
	s := &SparseMatrix{Dims: [2]int{m.dims[0], m.dims[1]}}
	numbers := func(name string) (*recording.Array, error) {
		if !g.Has(name) { // a matrix without entries
			return &recording.Array{Dims: []int{0}, Data: []float64{}}, nil
		}
		d, err := g.Dataset(name)
		if err != nil {
			return nil, err
		}
		return d.Read(hdf5.Slab{})
	}
	indices := func(name string) ([]int, error) {
		x, err := numbers(name)
		if err != nil {
			return nil, err
		}
		values, err := x.Float64s()
		if err != nil {
			return nil, err
		}
		out := make([]int, len(values))
		for i, v := range values {
			if v < 0 || v > 1<<53 {
				return nil, r.fail(g, fmt.Sprintf("an index of %g", v), "0 or more")
			}
			out[i] = int(v)
		}
		return out, nil
	}
	var err error
	if s.Rows, err = indices("ir"); err != nil {
		return nil, err
	}
	starts, err := indices("jc")
	if err != nil {
		return nil, err
	}
	if s.Values, err = numbers("data"); err != nil {
		return nil, err
	}
	n := s.Values.Len()
	if len(starts) == 0 || starts[0] != 0 || !slices.IsSorted(starts) || starts[len(starts)-1] > min(n, len(s.Rows)) {
		return nil, r.fail(g, fmt.Sprintf("%d entries, %d rows and columns that do not follow each other", n, len(s.Rows)), "a sparse matrix")
	}
	n = starts[len(starts)-1]
	s.Rows, s.Columns = s.Rows[:n], make([]int, n)
	for j := range len(starts) - 1 {
		for k := starts[j]; k < starts[j+1]; k++ {
			s.Columns[k] = j
		}
	}
	for _, row := range s.Rows {
		if row >= s.Dims[0] {
			return nil, r.fail(g, fmt.Sprintf("row %d", row+1), fmt.Sprintf("at most %d", s.Dims[0]))
		}
	}
	values := &recording.Array{Dims: []int{n}}
	switch d := s.Values.Data.(type) {
	case []complex128:
		values.Data = d[:n]
	case []complex64:
		wide := make([]complex128, n)
		for i := range wide {
			wide[i] = complex128(d[i])
		}
		values.Data = wide
	default:
		x, err := s.Values.Float64s()
		if err != nil {
			return nil, err
		}
		if values.Data = x[:n]; m.logical {
			values.Data = nonzero(x[:n])
		}
	}
	s.Values = values
	return s, nil
}

// heavy reports whether a variable holds more than limit bytes, without reading any of its elements but references.
func (f *File) heavy(entry Variable, limit int64) bool {
	o, err := f.h5.Lookup("/" + entry.Name)
	if err != nil {
		return false // reading it will say why
	}
	seen := map[uint64]bool{}
	var add func(o hdf5.Object, depth int)
	add = func(o hdf5.Object, depth int) {
		if seen[o.Address()] || limit < 0 || depth > maxDepth {
			return
		}
		seen[o.Address()] = true
		limit -= 64
		switch o := o.(type) {
		case *hdf5.Group:
			links, _ := o.Links()
			for _, l := range links {
				if in, err := o.Lookup(l.Name); err == nil {
					add(in, depth+1)
				}
			}
		case *hdf5.Dataset:
			n, err := recording.Count(o.Dims())
			if err != nil || int64(n) > limit/int64(o.Type().Size) {
				limit = -1
				return
			}
			limit -= int64(n) * int64(o.Type().Size)
			if o.Type().Class != hdf5.Ref {
				return
			}
			refs, _ := o.References(hdf5.Slab{})
			for _, r := range refs {
				if in, err := f.h5.Deref(r); err == nil {
					add(in, depth+1)
				}
			}
		}
	}
	add(o, 0)
	return limit < 0
}
