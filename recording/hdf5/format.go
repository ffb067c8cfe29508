package hdf5

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "hdf5", Title: "HDF5", Extensions: []string{"h5", "hdf5", "hdf", "he5"},
		Match: match, Describe: describe, Arrays: arrays,
	})
}

// IsHDF5 reports whether the beginning of a file shows an HDF5 signature, which may lie behind a user block. It is for the
// formats that are built on HDF5.
func IsHDF5(h recording.Head) bool {
	if h.Gzip {
		return false
	}
	for at := 0; at < len(h.Data); at = max(512, 2*at) {
		if bytes.HasPrefix(h.Data[at:], []byte(magic)) {
			return true
		}
	}
	return false
}

// match leaves what is built on HDF5 to the formats that know more of it.
func match(h recording.Head) recording.Confidence {
	switch {
	case IsHDF5(h):
		return recording.Likely
	case slices.Contains([]string{"h5", "hdf5", "hdf", "he5"}, h.Ext):
		return recording.Maybe // opening it will say what is wrong
	}
	return recording.No
}

// Descriptions go only so wide, read only so much, and quote only so long a text.
const (
	describeLimit = 64 << 20
	describeItems = 5000
	describeText  = 60
)

func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &recording.Description{Title: fmt.Sprintf("HDF5, superblock version %d", f.Version), Items: []recording.Item{}}
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	if all, err := root.Attributes(); err != nil {
		d.Warnings = append(d.Warnings, err.Error())
	} else {
		for _, a := range all {
			d.Properties = append(d.Properties, recording.Property{Name: a.Name, Value: a.summary()})
		}
	}
	w := describer{d: d, left: describeLimit}
	err = f.Walk(w.visit)
	return d, err
}

// describer makes a list of the objects of a file.
type describer struct {
	d     *recording.Description
	left  int64 // bytes of data that may still be read
	items int
}

func (w *describer) visit(path string, o Object, err error) error {
	if err != nil {
		w.d.Warnings = append(w.d.Warnings, err.Error())
		return nil
	}
	if path == "/" {
		return nil
	}
	if w.items++; w.items > describeItems {
		if w.items == describeItems+1 {
			w.d.Warnings = append(w.d.Warnings, fmt.Sprintf("only the first %d objects are listed", describeItems))
		}
		return nil
	}
	item := recording.Item{Name: path, Type: "group"}
	switch o := o.(type) {
	case *Group:
		links, err := o.Links()
		if err == nil {
			item.Text = fmt.Sprintf("of %d", len(links))
			for _, l := range links {
				switch l.Kind {
				case SoftLink:
					item.Items = append(item.Items, recording.Item{Name: l.Name, Type: "soft link", Text: "to " + l.Target})
				case ExternalLink:
					item.Items = append(item.Items, recording.Item{Name: l.Name, Type: "external link", Text: fmt.Sprintf("to %s in %s, not followed", l.Target, l.File)})
				}
			}
		}
	case *NamedType:
		item.Type, item.Text = "datatype", o.Type.String()
	case *Dataset:
		w.dataset(&item, o)
	}
	w.d.Items = append(w.d.Items, item)
	return nil
}

func (w *describer) dataset(item *recording.Item, d *Dataset) {
	item.Type = d.typ.String()
	if !d.space.null {
		item.Dims = d.Dims()
	}
	n, err := d.space.count()
	switch {
	case d.space.null:
		item.Text = "null"
		return
	case err != nil || int64(n) > w.left/int64(d.typ.memory()):
		item.Text = "values not looked at: large"
		return
	case !d.typ.readable():
		return
	}
	w.left -= int64(n * d.typ.memory())
	x, err := d.Read(Slab{})
	if err != nil {
		w.d.Warnings = append(w.d.Warnings, err.Error())
		item.Text = "not readable: see the warning below"
		return
	}
	item.Range = recording.RangeOf(x)
	if list, ok := x.Data.([]string); ok {
		item.Text = shorten(list)
	}
}

// summary writes the value of an attribute on one line.
func (a *Attribute) summary() string {
	all, err := a.Values()
	if err != nil {
		return a.typ.String()
	}
	var parts []string
	for i, v := range all {
		if i == 8 {
			parts = append(parts, "...")
			break
		}
		switch v.(type) {
		case Reference, Region, Record, []any, []byte, *recording.Array:
			return fmt.Sprintf("%s %s", recording.FormatDims(a.space.dims), a.typ)
		}
		parts = append(parts, fmt.Sprint(v))
	}
	return shorten(parts)
}

// shorten lists text, up to a line's worth.
func shorten(list []string) string {
	s := ""
	for i, t := range list {
		if i > 0 {
			s += ", "
		}
		if s += t; len(s) > 4*describeText {
			break
		}
	}
	if r := []rune(s); len(r) > describeText {
		s = string(r[:describeText]) + " ..."
	}
	return strings.TrimSpace(s)
}

// arrays reads the datasets of numbers and text, or those named by their paths.
func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Arrays(names...)
}

// Arrays reads the datasets of the given paths; without paths, all that Read can give.
func (f *File) Arrays(paths ...string) ([]*recording.Array, error) {
	var out []*recording.Array
	if len(paths) > 0 {
		for _, path := range paths {
			d, err := f.Dataset(path)
			if err != nil {
				return nil, err
			}
			x, err := d.Read(Slab{})
			if err != nil {
				return nil, err
			}
			x.Name = path
			out = append(out, x)
		}
		return out, nil
	}
	err := f.Walk(func(_ string, o Object, err error) error {
		if err != nil {
			return err
		}
		d, ok := o.(*Dataset)
		if !ok || d.space.null || !d.typ.readable() {
			return nil
		}
		x, err := d.Read(Slab{})
		if err == nil {
			out = append(out, x)
		}
		return err
	})
	return out, err
}

// readable reports whether Read can give elements of a type.
func (t *Type) readable() bool {
	for t.Class == ArrayType {
		t = t.Base
	}
	return t.scalar()
}

// scalar reports whether an element of a type is one element of a recording.Array.
func (t *Type) scalar() bool {
	switch t.Class {
	case Integer, Bitfield:
		return t.Size <= 8
	case Float, String, Enum:
		return true
	case Variable:
		return t.Text
	}
	_, _, _, ok := t.complexParts()
	return ok
}
