package numpy

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "npy", Title: "NumPy array (NPY)", Extensions: []string{"npy"},
		Match: func(h recording.Head) recording.Confidence {
			if !h.Gzip && bytes.HasPrefix(h.Data, []byte(magic)) {
				return recording.Sure
			}
			return named(h, "npy")
		},
		Describe: describe, Arrays: arrays,
	})
	recording.Register(recording.Format{
		Name: "npz", Title: "NumPy archive (NPZ)", Extensions: []string{"npz"},
		Match: func(h recording.Head) recording.Confidence {
			if !h.Gzip && firstMember(h.Data) {
				return recording.Sure
			}
			return named(h, "npz")
		},
		Describe: describe, Arrays: arrays,
	})
}

// named is the confidence a file name alone gives: enough for this package to say what is wrong with the content.
func named(h recording.Head, ext string) recording.Confidence {
	if h.Ext == ext && !h.Gzip {
		return recording.Likely
	}
	return recording.No
}

// firstMember reports whether a zip begins with a member called *.npy.
func firstMember(head []byte) bool {
	if len(head) < 30 || string(head[:4]) != "PK\x03\x04" {
		return false
	}
	n := int(head[26]) | int(head[27])<<8
	return len(head) >= 30+n && strings.HasSuffix(string(head[30:30+n]), ".npy")
}

// describeLimit is the size up to which an array is read to describe its values.
const describeLimit = 64 << 20

func describe(path string) (*recording.Description, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &recording.Description{Items: []recording.Item{}}
	for _, e := range f.entries {
		item := recording.Item{Name: e.Name, Type: e.DType, Dims: e.Dims}
		if !f.npz {
			item.Name = stem(path)
		}
		if e.header.bytes > describeLimit {
			item.Text = "values not looked at: large"
			d.Items = append(d.Items, item)
			continue
		}
		a, err := f.ReadEntry(e)
		if err != nil {
			return nil, err
		}
		item.Type = a.Type()
		if e.header.kind == 'f' && e.header.size == 2 {
			item.Type = "float16"
		}
		item.Range = recording.RangeOf(a)
		if list, ok := a.Data.([]string); ok {
			item.Type = "text"
			item.Text = shorten(list)
		}
		if e.Order == recording.ColumnMajor && len(e.Dims) > 1 {
			item.Type += ", Fortran order"
		}
		d.Items = append(d.Items, item)
	}
	return d, nil
}

// shorten lists the first few texts.
func shorten(list []string) string {
	const few = 6
	if len(list) > few {
		return strings.Join(list[:few], ", ") + fmt.Sprintf(" ... (%d)", len(list))
	}
	return strings.Join(list, ", ")
}

// stem names the array of an NPY after its file.
func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// arrays reads all arrays, or those named. The array of an NPY is called what its file is called.
func arrays(path string, names ...string) ([]*recording.Array, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []*recording.Array
	if len(names) > 0 && f.npz {
		for _, name := range names {
			a, err := f.Array(name)
			if err != nil {
				return nil, err
			}
			out = append(out, a)
		}
		return out, nil
	}
	for _, e := range f.entries {
		a, err := f.ReadEntry(e)
		if err != nil {
			return nil, err
		}
		if !f.npz {
			a.Name = stem(path)
		}
		out = append(out, a)
	}
	if len(names) > 0 && (len(names) != 1 || names[0] != out[0].Name) {
		return nil, &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("the one array %q", out[0].Name),
			Expected: "arrays called " + strings.Join(names, ", ")}
	}
	return out, nil
}
