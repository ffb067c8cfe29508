package reader

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all" // every format
)

const (
	maxUnpacked = 20_000 // files
	maxDepth    = 12     // folders in each other
)

// arrive unpacks the archives in a folder and lists the recordings in it.
func (t *Task) arrive(w *writer) error {
	entries, err := os.ReadDir(t.Dir)
	if err != nil {
		return err
	}
	room := t.Unpacked
	for _, e := range entries {
		if e.Type().IsRegular() && strings.EqualFold(filepath.Ext(e.Name()), ".zip") {
			full := filepath.Join(t.Dir, e.Name())
			if err := unpack(full, t.Dir, &room); err != nil {
				return err
			}
			if err := os.Remove(full); err != nil {
				return err
			}
		}
	}
	a, err := survey(t.Dir)
	if err != nil {
		return err
	}
	return w.say(Found, a)
}

// unpack extracts an archive into a folder. What would lie elsewhere, is no plain file, or is there already, is refused; so is more than there is room
// for, counted as it comes out and not as the archive says.
func unpack(archive, dir string, room *int64) error {
	refuse := func(entry, found, expected string) error {
		return &recording.Error{Path: archive, Field: entry, Offset: -1, Found: found, Expected: expected}
	}
	z, err := zip.OpenReader(archive)
	if err != nil {
		return &recording.Error{Path: archive, Offset: -1, Expected: "a ZIP archive", Err: err}
	}
	defer z.Close()
	if len(z.File) > maxUnpacked {
		return refuse("", fmt.Sprintf("%d entries", len(z.File)), fmt.Sprintf("at most %d", maxUnpacked))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range z.File {
		name := strings.TrimSuffix(strings.ReplaceAll(f.Name, `\`, "/"), "/")
		switch {
		case strings.HasPrefix(name, "__MACOSX/") || path.Base(name) == ".DS_Store":
			continue
		case !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) || strings.Count(name, "/") >= maxDepth || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
			return refuse(fmt.Sprintf("%q", f.Name), "a name that leads elsewhere", "a name within the archive")
		case f.Mode().IsDir() || strings.HasSuffix(f.Name, "/"):
			if err := root.MkdirAll(filepath.FromSlash(name), 0o700); err != nil {
				return err
			}
			continue
		case !f.Mode().IsRegular():
			return refuse(fmt.Sprintf("%q", f.Name), "a link or device", "a file")
		case f.Flags&1 != 0:
			return refuse(fmt.Sprintf("%q", f.Name), "an encrypted file", "a file that can be read")
		}
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o700); err != nil {
			return refuse(fmt.Sprintf("%q", f.Name), "a file where another entry has a folder", "a folder")
		}
		out, err := root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return refuse(fmt.Sprintf("%q", f.Name), "a name that is there already", "each name once")
		} else if err != nil {
			return err
		}
		in, err := f.Open()
		if err == nil {
			var n int64
			n, err = io.Copy(out, io.LimitReader(in, *room+1))
			in.Close()
			if *room -= n; *room < 0 {
				out.Close()
				return refuse("", "more than this server keeps of one upload", "less, unpacked")
			}
		}
		if closing := out.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return &recording.Error{Path: archive, Field: fmt.Sprintf("%q", f.Name), Offset: -1, Err: err}
		}
	}
	return nil
}

// survey lists what can be read in a folder: a folder that is one recording as a whole, and files.
func survey(dir string) (*Arrived, error) {
	a := &Arrived{Recordings: []Entry{}}
	err := filepath.WalkDir(dir, func(full string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, full)
		if err != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		if strings.HasPrefix(e.Name(), ".") {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			if f, err := recording.Detect(full); err == nil {
				a.Recordings = append(a.Recordings, Entry{rel, f.Title, true})
				if f.Name != "bids" { // whose recordings also stand for themselves
					return fs.SkipDir
				}
			}
			return nil
		}
		if a.Files++; !e.Type().IsRegular() || Companion(e.Name(), func(name string) bool { return exists(filepath.Join(filepath.Dir(full), name)) }) {
			return nil
		}
		if f, err := recording.Detect(full); err == nil {
			a.Recordings = append(a.Recordings, Entry{rel, f.Title, f.Open != nil && f.Name != "table"})
		}
		return nil
	})
	// Signals first, then pictures and arrays, tables and texts last.
	rank := func(e Entry) int {
		switch {
		case e.Signal:
			return 0
		case strings.HasPrefix(e.Title, "table"):
			return 2
		}
		return 1
	}
	slices.SortStableFunc(a.Recordings, func(a, b Entry) int { return rank(a) - rank(b) })
	return a, err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// heads are, for the endings of files that are parts of a recording, those of the file that is named to open it.
var heads = map[string][]string{
	".eeg":  {".vhdr", ".ahdr"},
	".vmrk": {".vhdr"},
	".amrk": {".ahdr"},
	".avg":  {".vhdr"},
	".fdt":  {".set"},
	".dat":  {".lay", ".dap", ".vhdr"},
	".rs3":  {".dap"},
	".ceo":  {".cdt", ".dap"},
	".cef":  {".cdt", ".dap"},
	".dpa":  {".cdt"},
	".dpo":  {".cdt"},
	".img":  {".hdr"},
	".21e":  {".eeg"},
	".pnt":  {".eeg"},
	".log":  {".eeg"},
	".mrk":  {".sqd", ".con"},
	".elp":  {".sqd", ".con"},
	".hsp":  {".sqd", ".con"},
}

// Companion reports whether a file is a part of a recording whose main file is beside it: the samples of a BrainVision header, the markers.
func Companion(name string, beside func(name string) bool) bool {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for _, head := range heads[strings.ToLower(ext)] {
		// Some programs append the ending to the whole name.
		if beside(stem+head) || beside(stem+strings.ToUpper(head)) || strings.HasSuffix(strings.ToLower(stem), head) && beside(stem) {
			return true
		}
	}
	if inner := path.Ext(stem); strings.EqualFold(inner, ".cdt") && beside(stem) { // x.cdt.dpa
		return true
	}
	return false
}
