package matfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

func init() {
	recording.Register(recording.Format{
		Name: "matfile", Title: "MATLAB MAT-file", Extensions: []string{"mat"},
		Match: match, Describe: describe, Arrays: arrays,
	})
}

func match(h recording.Head) recording.Confidence {
	switch {
	case h.Gzip:
		return recording.No
	case len(h.Data) >= headerSize && (string(h.Data[126:128]) == "IM" || string(h.Data[126:128]) == "MI"):
		return recording.Sure
	case h.Ext == "mat" && hdf5.IsHDF5(h):
		return recording.Sure // level 7.3 without MATLAB's header, as other programs write it
	case h.Ext == "mat":
		return recording.Likely // level 4, which has no magic number
	case len(h.Data) >= 24 && bytes.IndexByte(h.Data[:4], 0) >= 0:
		if f, err := NewFile(bytes.NewReader(h.Data), int64(len(h.Data)), ""); err == nil && h.Size == int64(len(h.Data)) && len(f.vars) > 0 {
			return recording.Likely
		}
	}
	return recording.No
}

// describeLimit is the size up to which a variable is read to describe its values.
const describeLimit = 64 << 20

func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	level := fmt.Sprint(f.Header.Level)
	if f.h5 != nil {
		level = "7.3"
	}
	d := &recording.Description{Title: "MATLAB MAT-file, level " + level, Items: []recording.Item{}}
	if f.Header.Text != "" {
		d.Properties = append(d.Properties, recording.Property{Name: "header", Value: f.Header.Text})
	}
	for _, entry := range f.vars {
		item := recording.Item{Name: entry.Name, Type: entry.Class.String(), Dims: entry.Dims}
		switch n, err := recording.Count(entry.Dims); {
		case entry.Class == Opaque || entry.Class == Function:
			if entry.ClassName != "" {
				item.Type = "object of class " + entry.ClassName
			}
			item.Text = "not readable: its encoding is not published"
		case f.h5 != nil && f.heavy(entry, describeLimit), err != nil, entry.Bytes > describeLimit,
			entry.Class.numeric() && n > describeLimit/8:
			item.Text = "values not looked at: large"
		default:
			v, err := f.ReadVariable(entry)
			if err != nil {
				d.Warnings = append(d.Warnings, err.Error())
				item.Text = "not readable: see the warning below"
				break
			}
			item = v.item(0)
			item.Name = entry.Name
		}
		d.Items = append(d.Items, item)
	}
	if f.hidden > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%d nameless matrices hold the state of function handles or objects and are left out", f.hidden))
	}
	return d, nil
}

// Descriptions go only so deep and so wide.
const (
	describeDepth = 3
	describeItems = 40
	describeText  = 60
)

// item describes a value.
func (v *Value) item(depth int) recording.Item {
	it := recording.Item{Type: v.Class.String(), Dims: v.Dims}
	switch v.Class {
	case Char:
		if rows, err := v.Rows(); err == nil {
			it.Type, it.Text = "text", shorten(rows)
		}
	case Cell:
		if list, err := v.Strings(); err == nil && len(list) > 0 {
			it.Type, it.Text = "cell of text", shorten(list)
			break
		}
		for i, c := range v.Cells {
			it.Items = more(it.Items, c, fmt.Sprintf("{%d}", i+1), depth)
		}
	case Struct, Object:
		if v.ClassName != "" {
			it.Type = "object of class " + v.ClassName
		}
		for i, field := range v.fields {
			name := v.names[i%len(v.names)]
			if len(v.fields) > len(v.names) {
				name = fmt.Sprintf("(%d).%s", i/len(v.names)+1, name)
			}
			it.Items = more(it.Items, field, name, depth)
		}
	case Sparse:
		it.Type = "sparse " + v.sparse.Values.Type()
		it.Text = fmt.Sprintf("%d stored", len(v.sparse.Rows))
		it.Range = recording.RangeOf(v.sparse.Values)
	case Function, Opaque:
		if v.ClassName != "" {
			it.Type = "object of class " + v.ClassName
		}
		it.Text = "not readable: its encoding is not published"
	default:
		it.Type = v.data.Type()
		it.Range = recording.RangeOf(v.data)
	}
	return it
}

// more appends the description of an inner value, unless there are too many or it lies too deep.
func more(items []recording.Item, v *Value, name string, depth int) []recording.Item {
	switch {
	case depth >= describeDepth || len(items) > describeItems:
		return items
	case len(items) == describeItems:
		return append(items, recording.Item{Name: "...", Text: "and more"})
	}
	it := v.item(depth + 1)
	it.Name = name
	return append(items, it)
}

// shorten lists text, up to a line's worth.
func shorten(list []string) string {
	for i, s := range list {
		list[i] = strings.TrimRight(s, " \x00")
	}
	s := strings.Join(list, ", ")
	if r := []rune(s); len(r) > describeText {
		s = string(r[:describeText]) + " ..."
	}
	return s
}

// arrays reads the numeric variables, dense ones only, and lists of text.
func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := len(names) == 0
	if all {
		for _, v := range f.vars {
			if v.Class.numeric() && !slices.Contains(names, v.Name) {
				names = append(names, v.Name)
			}
		}
	}
	var out []*recording.Array
	for _, name := range names {
		v, err := f.Value(name)
		if err != nil {
			return nil, err
		}
		if v.Class == Char || v.Class == Cell {
			list, err := v.Strings()
			if err != nil {
				return nil, err
			}
			out = append(out, &recording.Array{Name: name, Dims: []int{len(list)}, Data: list})
			continue
		}
		a, err := v.Array()
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
