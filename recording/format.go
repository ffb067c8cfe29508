package recording

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Format is a kind of file that this program can read. The package that reads it registers it in its init function.
type Format struct {
	Name       string   // short and stable: "matfile", "npz"
	Title      string   // as a person calls it: "MATLAB MAT-file"
	Extensions []string // usual file name endings, without the dot
	// Match says how sure it is that a file is of this format.
	Match func(Head) Confidence
	// Folder says whether a folder is of this format; nil when the format has none that are.
	Folder func(path string) bool
	// Describe says what is in the file at path; Inspect fills in path, size and format.
	Describe func(path string) (*Description, error)
	// Arrays reads what the file holds in the way of arrays: all that are numbers or text, or those named. Nil when the
	// format holds none.
	Arrays func(path string, names ...string) ([]*Array, error)
	// Open reads the file as a signal in time. Nil when the format does not say which axis is time.
	Open func(path string) (*Recording, error)
}

// Head is what a format is recognised by.
type Head struct {
	Data []byte // the first 4 KiB, or less when the file is shorter; inflated when Gzip
	Gzip bool   // the file is compressed by gzip
	Path string // of the file
	Ext  string // what the name ends in, in lower case, without dots and without "gz"
	Size int64  // of the file
}

// Confidence grades a match.
type Confidence uint8

const (
	No     Confidence = iota // not this format
	Maybe                    // nothing speaks against it
	Likely                   // the file name says so and nothing speaks against it
	Sure                     // the content says so
)

var registry struct {
	sync.Mutex
	formats []Format
}

// Register makes a format known. It is for init functions; a name registered twice is a programming error and panics.
func Register(f Format) {
	registry.Lock()
	defer registry.Unlock()
	if slices.ContainsFunc(registry.formats, func(g Format) bool { return g.Name == f.Name }) {
		panic("recording: format " + f.Name + " registered twice")
	}
	registry.formats = append(registry.formats, f)
	slices.SortFunc(registry.formats, func(a, b Format) int { return strings.Compare(a.Name, b.Name) })
}

// Formats lists the registered formats by name.
func Formats() []Format {
	registry.Lock()
	defer registry.Unlock()
	return slices.Clone(registry.formats)
}

// headSize is how much of a file recognition may look at.
const headSize = 4096

// Detect finds the format of the file or folder at path, by its content first and its name second.
func Detect(path string) (Format, error) {
	f, _, err := detect(path)
	return f, err
}

func detect(path string) (Format, Head, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		for _, f := range Formats() {
			if f.Folder != nil && f.Folder(path) {
				return f, Head{Path: path, Size: sizeOf(path)}, nil
			}
		}
		return Format{}, Head{}, &Error{Path: path, Offset: -1, Found: "a folder", Expected: "a file, or a folder that is one of: " + folders(), Remedy: "name a file in it"}
	}
	h, err := head(path)
	if err != nil {
		return Format{}, h, err
	}
	var best Format
	grade := No
	for _, f := range Formats() {
		if g := f.Match(h); g > grade {
			best, grade = f, g
		}
	}
	if grade == No {
		e := &Error{Path: path, Offset: 0, Found: "an empty file", Expected: "a file of a known format: " + titles()}
		if len(h.Data) > 0 {
			e.Found = fmt.Sprintf("the bytes % x", h.Data[:min(8, len(h.Data))])
		}
		return Format{}, h, e
	}
	return best, h, nil
}

func titles() string {
	var t []string
	for _, f := range Formats() {
		t = append(t, f.Title)
	}
	return strings.Join(t, ", ")
}

// folders names the formats that have folders.
func folders() string {
	var t []string
	for _, f := range Formats() {
		if f.Folder != nil {
			t = append(t, f.Title)
		}
	}
	return strings.Join(t, ", ")
}

// sizeOf adds up the files in a folder.
func sizeOf(path string) (total int64) {
	filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // what cannot be looked at does not count
		}
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}

func head(path string) (Head, error) {
	h := Head{Path: path}
	file, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return h, err
	}
	if !info.Mode().IsRegular() {
		return h, &Error{Path: path, Offset: -1, Found: "a device", Expected: "a file"}
	}
	h.Size = info.Size()
	name := strings.ToLower(filepath.Base(path))
	h.Ext = strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(name, ".gz")), ".")
	if h.Data, err = io.ReadAll(io.LimitReader(file, headSize)); err != nil {
		return h, err
	}
	if bytes.HasPrefix(h.Data, []byte{0x1f, 0x8b}) {
		if z, err := gzip.NewReader(bytes.NewReader(h.Data)); err == nil {
			h.Gzip = true
			inner := make([]byte, headSize)
			n, _ := io.ReadFull(z, inner) // the compressed bytes end early, by design
			h.Data = inner[:n]
		}
	}
	return h, nil
}

// Inspect says what is in the file or folder at path.
func Inspect(path string) (*Description, error) {
	f, h, err := detect(path)
	if err != nil {
		return nil, err
	}
	d, err := f.Describe(path)
	if err != nil {
		return nil, err
	}
	d.Path, d.Bytes, d.Format = path, h.Size, f.Name
	if d.Title == "" {
		d.Title = f.Title
	}
	return d, nil
}

// Arrays reads arrays from the file at path, whatever its format: the numeric variables of a MAT-file, the members of an
// NPZ, the columns of a table. Without names it reads all; with names, those, in that order.
func Arrays(path string, names ...string) ([]*Array, error) {
	f, err := Detect(path)
	if err != nil {
		return nil, err
	}
	if f.Arrays == nil {
		return nil, &Error{Path: path, Offset: -1, Found: f.Title + ", which is a recording", Expected: "a file of arrays"}
	}
	return f.Arrays(path, names...)
}

// Open opens the file or folder at path as a signal in time. Close the recording when done.
func Open(path string) (*Recording, error) {
	f, err := Detect(path)
	if err != nil {
		return nil, err
	}
	if f.Open == nil {
		return nil, &Error{Path: path, Offset: -1, Found: f.Title + ", which does not say what in it is time and what is a channel",
			Expected: "a recording", Remedy: "name the arrays to use (gyrus inspect lists them)"}
	}
	return f.Open(path)
}
