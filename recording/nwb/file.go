package nwb

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/hdf5"
)

// File is an open NWB file.
type File struct {
	Version     string    // of the schema: "2.5.0"
	Identifier  string    // what the file calls itself
	Description string    // of the session
	Start       time.Time // of the session; zero when not readable
	// Reference is the moment that all times in the file count from, in seconds.
	Reference time.Time
	Metadata  map[string]string // single texts and numbers below /general: "lab", "subject/species" ...

	h5     *hdf5.File
	path   string
	tables []string // paths
	series []string
	images []string

	once  sync.Once
	names map[uint64]string // paths by address, for references
	err   error
}

// Open opens the NWB file at path and lists what it holds. Close it when done.
func Open(path string) (*File, error) {
	h5, err := hdf5.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := newFile(h5, path)
	if err != nil {
		h5.Close()
		return nil, err
	}
	return f, nil
}

// NewFile opens an NWB file of size bytes read through r; name stands for it in errors.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	h5, err := hdf5.NewFile(r, size, name)
	if err != nil {
		return nil, err
	}
	return newFile(h5, name)
}

func newFile(h5 *hdf5.File, path string) (*File, error) {
	f := &File{h5: h5, path: path, Metadata: map[string]string{}}
	root, err := h5.Root()
	if err != nil {
		return nil, err
	}
	version, err := root.Attribute("nwb_version")
	if err != nil {
		if root.Has("nwb_version") {
			return nil, f.fail("", "a file of NWB 1", "NWB 2", "its parts can be read as those of an HDF5 file: use package hdf5")
		}
		return nil, f.fail("", "an HDF5 file without nwb_version", "an NWB file", "use package hdf5")
	}
	if f.Version, err = version.Text(); err != nil {
		return nil, err
	}
	f.Version = strings.TrimPrefix(f.Version, "NWB-")
	if !strings.HasPrefix(f.Version, "2") {
		return nil, f.fail("nwb_version", fmt.Sprintf("version %q", f.Version), "NWB 2", "its parts can be read as those of an HDF5 file: use package hdf5")
	}
	f.Identifier = text(root, "identifier")
	f.Description = text(root, "session_description")
	f.Start = parseTime(text(root, "session_start_time"))
	if f.Reference = parseTime(text(root, "timestamps_reference_time")); f.Reference.IsZero() {
		f.Reference = f.Start
	}
	return f, f.list()
}

// text is a dataset of one text, or nothing.
func text(g *hdf5.Group, name string) string {
	d, err := g.Dataset(name)
	if err != nil || !d.Type().IsText() || len(d.Dims()) > 1 {
		return ""
	}
	s, err := d.Text()
	if err != nil {
		return ""
	}
	return s
}

// parseTime reads a time in ISO 8601, in UTC when it does not name a zone.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// list finds the tables and series of the file. What cannot be read is left out: it does not keep the rest from being read.
func (f *File) list() error {
	return f.h5.Walk(func(path string, o hdf5.Object, err error) error {
		if err != nil {
			if path == "/" {
				return err
			}
			return nil
		}
		g, ok := o.(*hdf5.Group)
		if !ok {
			f.note(path, o)
			if slices.Contains([]string{"GrayscaleImage", "RGBImage", "RGBAImage"}, describeAttribute(o, "neurodata_type")) {
				f.images = append(f.images, path)
			}
			return nil
		}
		switch {
		case strings.HasPrefix(path, "/specifications"):
		case g.HasAttribute("colnames"):
			f.tables = append(f.tables, path)
		case g.Has("timestamps") || g.Has("starting_time"):
			f.series = append(f.series, path)
		}
		return nil
	})
}

// note keeps a single text or number below /general.
func (f *File) note(path string, o hdf5.Object) {
	name, general := strings.CutPrefix(path, "/general/")
	d, ok := o.(*hdf5.Dataset)
	if !ok || !general || strings.HasPrefix(name, "extracellular_ephys") || len(d.Dims()) > 1 {
		return
	}
	if n, err := recording.Count(d.Dims()); err != nil || n != 1 {
		return
	}
	x, err := d.Read(hdf5.Slab{})
	if err != nil {
		return
	}
	if list, ok := x.Data.([]string); ok {
		f.Metadata[name] = list[0]
	} else if v, err := x.Float64s(); err == nil {
		f.Metadata[name] = fmt.Sprint(v[0])
	}
}

// HDF5 is the file underneath.
func (f *File) HDF5() *hdf5.File { return f.h5 }

// Close releases the file. Arrays already read stay valid; recordings of its series end.
func (f *File) Close() error { return f.h5.Close() }

// Tables lists the paths of the tables.
func (f *File) Tables() []string { return slices.Clone(f.tables) }

// SeriesPaths lists the paths of the series.
func (f *File) SeriesPaths() []string { return slices.Clone(f.series) }

// Images lists the paths of the still images: datasets of HDF5 that one reads as such.
func (f *File) Images() []string { return slices.Clone(f.images) }

// fail is an error about a part of the file.
func (f *File) fail(field, found, expected, remedy string) error {
	return &recording.Error{Path: f.path, Field: field, Offset: -1, Found: found, Expected: expected, Remedy: remedy}
}

// pathOf gives the path of an object that a reference points to.
func (f *File) pathOf(r hdf5.Reference) (string, error) {
	f.once.Do(func() {
		f.names = map[uint64]string{}
		f.err = f.h5.Walk(func(path string, o hdf5.Object, _ error) error {
			if o != nil {
				f.names[o.Address()] = path
			}
			return nil
		})
	})
	if f.err != nil {
		return "", f.err
	}
	path, ok := f.names[r.Address]
	if !ok {
		return "", f.fail("reference", fmt.Sprintf("address %d", r.Address), "that of an object", "")
	}
	return path, nil
}

// describeAttribute is an attribute that is one text, or nothing.
func describeAttribute(o hdf5.Object, name string) string {
	a, err := o.Attribute(name)
	if err != nil {
		return ""
	}
	s, err := a.Text()
	if err != nil {
		return ""
	}
	return s
}

// base is the last part of a path.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
