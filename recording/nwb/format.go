package nwb

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

func init() {
	recording.Register(recording.Format{
		Name: "nwb", Title: "Neurodata Without Borders", Extensions: []string{"nwb"},
		Match: match, Describe: describe, Arrays: arrays, Open: open,
	})
}

func match(h recording.Head) recording.Confidence {
	switch {
	case hdf5.IsHDF5(h) && (h.Ext == "nwb" || bytes.Contains(h.Data, []byte("nwb_version"))):
		return recording.Sure
	case h.Ext == "nwb" && !h.Gzip:
		return recording.Likely // opening it will say what is wrong
	}
	return recording.No
}

// describeLimit is how many bytes of samples are read to describe their values.
const describeLimit = 64 << 20

func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &recording.Description{Title: "Neurodata Without Borders " + f.Version, Items: []recording.Item{}}
	property := func(name, value string) {
		if value != "" {
			d.Properties = append(d.Properties, recording.Property{Name: name, Value: value})
		}
	}
	property("identifier", f.Identifier)
	property("session", f.Description)
	if !f.Start.IsZero() {
		property("start", f.Start.Format("2006-01-02 15:04:05.999 -07:00"))
	}
	for _, name := range []string{"subject/subject_id", "subject/species", "subject/age", "subject/sex", "lab", "institution", "experiment_description"} {
		property(strings.TrimPrefix(name, "subject/"), f.Metadata[name])
	}
	left := int64(describeLimit)
	for _, path := range f.tables {
		item, err := f.describeTable(path, &left)
		if err != nil {
			d.Warnings = append(d.Warnings, err.Error())
		}
		d.Items = append(d.Items, item)
	}
	for _, path := range f.series {
		item, err := f.describeSeries(path, &left)
		if err != nil {
			d.Warnings = append(d.Warnings, err.Error())
		}
		d.Items = append(d.Items, item)
	}
	for _, path := range f.images {
		o, err := f.h5.Dataset(path)
		if err != nil {
			d.Warnings = append(d.Warnings, err.Error())
			continue
		}
		d.Items = append(d.Items, recording.Item{Name: path, Type: describeAttribute(o, "neurodata_type"), Dims: o.Dims(), Text: describeAttribute(o, "description")})
	}
	return d, nil
}

func (f *File) describeTable(path string, left *int64) (recording.Item, error) {
	item := recording.Item{Name: path, Type: "table"}
	t, err := f.Table(path)
	if err != nil {
		item.Text = "not readable: see the warning below"
		return item, err
	}
	item.Dims = []int{t.Rows}
	item.Text = t.Type
	for _, c := range t.Columns {
		in := recording.Item{Name: c.Name, Type: c.data.Type().String(), Dims: c.Dims()}
		switch c.Ragged() {
		case 0:
		case 1:
			in.Type = "lists of " + in.Type
		default:
			in.Type = "lists of lists of " + in.Type
		}
		if c.Table != "" {
			in.Text = "rows of " + c.Table
		}
		if ok := fits(c.data, left); ok {
			if x, err := c.Array(); err == nil {
				in.Range = recording.RangeOf(x)
				if list, ok := x.Data.([]string); ok && in.Text == "" {
					in.Text = shorten(list)
				}
			}
		}
		item.Items = append(item.Items, in)
	}
	return item, nil
}

// fits takes the bytes of a dataset off what may still be read.
func fits(d *hdf5.Dataset, left *int64) bool {
	n, err := recording.Count(d.Dims())
	if err != nil || int64(n) > *left/int64(max(16, d.Type().Size)) {
		return false
	}
	*left -= int64(n) * int64(max(16, d.Type().Size))
	return true
}

func (f *File) describeSeries(path string, left *int64) (recording.Item, error) {
	item := recording.Item{Name: path, Type: "series"}
	s, err := f.Series(path)
	if err != nil {
		item.Text = "not readable: see the warning below"
		return item, err
	}
	item.Type, item.Dims = s.Type, s.Dims
	var notes []string
	if s.Rate > 0 {
		notes = append(notes, fmt.Sprintf("%.6g Hz", s.Rate))
	}
	if s.Unit != "" {
		notes = append(notes, s.Unit)
	}
	if len(s.Files) > 0 {
		notes = append(notes, fmt.Sprintf("%d files elsewhere: %s", len(s.Files), shorten(s.Files)))
	}
	if s.data == nil {
		notes = append(notes, "no samples")
		if len(s.Files) > 0 {
			notes = notes[:len(notes)-1]
		}
	}
	item.Text = strings.Join(notes, ", ")
	if s.data == nil || !fits(s.data, left) {
		return item, nil
	}
	x, err := s.Converted(hdf5.Slab{})
	if err != nil { // text, compounds
		return item, nil
	}
	item.Range = recording.RangeOf(x)
	return item, nil
}

// shorten lists text, up to a line's worth.
func shorten(list []string) string {
	const most = 60
	s := ""
	for i, t := range list {
		if i > 0 {
			s += ", "
		}
		if s += t; len(s) > 4*most {
			break
		}
	}
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + " ..."
	}
	return s
}

// arrays reads series, converted, and columns of tables by their paths; without names, all of real numbers or text.
func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []*recording.Array
	for _, name := range names {
		x, err := f.array(name)
		if err != nil {
			return nil, err
		}
		x.Name = name
		out = append(out, x)
	}
	if len(names) > 0 {
		return out, nil
	}
	for _, path := range f.tables {
		t, err := f.Table(path)
		if err != nil {
			return nil, err
		}
		for _, c := range t.Columns {
			if x, err := c.Array(); err == nil { // others hold references or compounds
				out = append(out, x)
			}
		}
	}
	for _, path := range f.series {
		s, err := f.Series(path)
		if err != nil {
			return nil, err
		}
		if s.data == nil {
			continue
		}
		if x, err := s.Converted(hdf5.Slab{}); err == nil {
			x.Name = path
			out = append(out, x)
		}
	}
	return out, nil
}

// array reads a series, or any dataset.
func (f *File) array(path string) (*recording.Array, error) {
	o, err := f.h5.Lookup(path)
	if err != nil {
		return nil, err
	}
	if d, ok := o.(*hdf5.Dataset); ok {
		return d.Read(hdf5.Slab{})
	}
	s, err := f.Series(path)
	if err != nil {
		return nil, err
	}
	return s.Converted(hdf5.Slab{})
}

// open takes for the recording the only electrical series, else all series of one value per time or channel that have the
// same timing; when there are several kinds, it asks for a choice.
func open(path string) (*recording.Recording, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	r, err := f.main()
	if err != nil {
		f.Close()
		return nil, err
	}
	r.Samples.(*source).owner = f
	return r, nil
}

func (f *File) main() (*recording.Recording, error) {
	var all, electrical []string
	for _, path := range f.series {
		s, err := f.Series(path)
		if err != nil {
			continue
		}
		if _, err := s.channels(); err != nil {
			continue
		}
		if _, err := s.timing(); err != nil {
			continue
		}
		all = append(all, path)
		if s.Type == "ElectricalSeries" {
			electrical = append(electrical, path)
		}
	}
	const remedy = "read tables and series with package nwb"
	if len(electrical) > 0 {
		all = electrical
	}
	if len(all) == 0 {
		return nil, f.fail("", "no series of evenly spaced samples", "one", remedy)
	}
	r, err := f.Recording(all...)
	if err != nil {
		return nil, f.fail("", fmt.Sprintf("%d series of different timing: %s", len(all), listed(all)), "one, or several with the same timing", "choose with package nwb: File.Recording, or name the arrays to use")
	}
	return r, nil
}
