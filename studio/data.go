package studio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// DataFolders is what may be read on behalf of a browser: some folders of the operator's, and the folder of uploads. A file in them is named
// by a reference, "folder/path/in/it", which never leads out of its folder: not by dots, and not by a link.
type DataFolders struct{ folders []DataFolder }

// DataFolder is one of them.
type DataFolder struct {
	Name string // the first part of references
	Path string // absolute, without links
}

// Uploads is the name of the folder in which uploads are kept.
const Uploads = "uploads"

func newDataFolders(paths []string, uploads string) (*DataFolders, error) {
	if err := os.MkdirAll(uploads, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for uploads: %w", err)
	}
	d := &DataFolders{}
	for i, p := range append([]string{uploads}, paths...) {
		full, err := filepath.Abs(p)
		if err == nil {
			full, err = filepath.EvalSymlinks(full)
		}
		if err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		info, err := os.Stat(full)
		if err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("data folder %s is a file", p)
		}
		name := Uploads
		if i > 0 {
			name = strings.Trim(filepath.Base(full), "/\\")
			if name == "" || name == "." {
				name = "data"
			}
			stem := name
			for k := 2; slices.ContainsFunc(d.folders, func(o DataFolder) bool { return o.Name == name }); k++ {
				name = fmt.Sprint(stem, "-", k)
			}
		}
		d.folders = append(d.folders, DataFolder{name, full})
	}
	return d, nil
}

// Folders lists the folders; the first is that of uploads.
func (d *DataFolders) Folders() []DataFolder { return slices.Clone(d.folders) }

// Resolve returns the path of a file or folder that a reference names, without links in it. It refuses what lies outside, and a folder in
// which a link leads outside, since whoever reads the folder would follow it.
func (d *DataFolders) Resolve(ref string) (string, error) {
	folder, inside, err := d.split(ref)
	if err != nil {
		return "", err
	}
	root, err := os.OpenRoot(folder.Path)
	if err != nil {
		return "", err
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(inside)) // it follows links only inside the root
	if err != nil {
		return "", noSuchData(ref, err)
	}
	full, err := filepath.EvalSymlinks(filepath.Join(folder.Path, filepath.FromSlash(inside)))
	if err != nil || !d.Holds(full) {
		return "", noSuchData(ref, err)
	}
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return "", Refuse(http.StatusBadRequest, "%s is neither a file nor a folder.", ref)
		}
		return full, nil
	}
	return full, d.checkTree(ref, full)
}

// maxTree is how many entries of a folder are looked at.
const maxTree = 100_000

func (d *DataFolders) checkTree(ref, dir string) error {
	n := 0
	return filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if n++; n > maxTree {
			return Refuse(http.StatusBadRequest, "The folder %s holds more than %d files.", ref, maxTree)
		}
		if e.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		if target, err := filepath.EvalSymlinks(p); err != nil || !d.Holds(target) {
			return Refuse(http.StatusBadRequest, "In the folder %s, %s is a link that leads out of the data folders.", ref, e.Name())
		}
		return nil
	})
}

func noSuchData(ref string, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "escapes") {
		return Refuse(http.StatusBadRequest, "There is no file %q in the data folders.", ref)
	}
	return Refuse(http.StatusBadRequest, "The file %q cannot be read.", ref)
}

// split parts a reference into its folder and a clean path in it, "." for the folder itself.
func (d *DataFolders) split(ref string) (DataFolder, string, error) {
	name, inside, _ := strings.Cut(ref, "/")
	i := slices.IndexFunc(d.folders, func(f DataFolder) bool { return f.Name == name })
	inside = strings.TrimSuffix(inside, "/")
	if inside == "" {
		inside = "."
	}
	if i < 0 || !fs.ValidPath(inside) || !filepath.IsLocal(filepath.FromSlash(inside)) {
		return DataFolder{}, "", Refuse(http.StatusBadRequest, "There is no file %q in the data folders.", ref)
	}
	return d.folders[i], inside, nil
}

// Holds reports whether a path without links lies in one of the folders.
func (d *DataFolders) Holds(full string) bool {
	return slices.ContainsFunc(d.folders, func(f DataFolder) bool {
		rel, err := filepath.Rel(f.Path, full)
		return err == nil && filepath.IsLocal(rel)
	})
}

// Reference names a path in one of the folders; ok is false if it lies in none.
func (d *DataFolders) Reference(full string) (ref string, ok bool) {
	for _, f := range d.folders {
		if rel, err := filepath.Rel(f.Path, full); err == nil && filepath.IsLocal(rel) {
			return path.Join(f.Name, filepath.ToSlash(rel)), true
		}
	}
	return "", false
}

// maxSuggestions is how many files a form offers.
const maxSuggestions = 400

// suggestions returns files for a form to offer, uploads first, from the upper folders of the data folders.
func (d *DataFolders) suggestions() (out []DataEntry) {
	looked := 0
	var look func(ref string, depth int)
	look = func(ref string, depth int) {
		entries, err := d.List(ref)
		if err != nil {
			return
		}
		for _, e := range entries {
			if looked++; looked > 10*maxSuggestions || len(out) >= maxSuggestions {
				return
			}
			if !e.Dir {
				out = append(out, e)
			}
		}
		for _, e := range entries {
			if e.Dir && depth < 4 {
				look(e.Ref, depth+1)
			}
		}
	}
	for _, f := range d.folders {
		look(f.Name, 0)
	}
	return out
}

// DataEntry is a file or folder in a data folder.
type DataEntry struct {
	Ref   string
	Name  string
	Dir   bool
	Bytes int64
}

// List returns what a folder holds, folders first; hidden files are left out. An empty reference lists the data folders.
func (d *DataFolders) List(ref string) ([]DataEntry, error) {
	if ref == "" {
		var out []DataEntry
		for _, f := range d.folders {
			out = append(out, DataEntry{Ref: f.Name, Name: f.Name, Dir: true})
		}
		return out, nil
	}
	folder, inside, err := d.split(ref)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder.Path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := root.Open(filepath.FromSlash(inside))
	if err != nil {
		return nil, noSuchData(ref, err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(maxTree)
	if err != nil && err != io.EOF { // of an empty folder
		return nil, noSuchData(ref, err)
	}
	var out []DataEntry
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := root.Stat(filepath.FromSlash(path.Join(inside, e.Name())))
		if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			continue // a link that leads out, or something that is no file
		}
		out = append(out, DataEntry{Ref: path.Join(folder.Name, inside, e.Name()), Name: e.Name(), Dir: info.IsDir(), Bytes: info.Size()})
	}
	slices.SortFunc(out, func(a, b DataEntry) int {
		if a.Dir != b.Dir {
			if a.Dir {
				return -1
			}
			return 1
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return out, nil
}
