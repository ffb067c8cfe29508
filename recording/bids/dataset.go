package bids

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// Dataset is a folder of BIDS.
type Dataset struct {
	Root         string
	Name         string // from dataset_description.json, as is Version
	Version      string // of BIDS
	Description  map[string]any
	Participants []Participant // in the order of participants.tsv; those of the folders when there is none
	Files        []File        // whose names follow BIDS, in order of path
}

// Participant is a line of participants.tsv.
type Participant struct {
	ID     string            // "sub-01"
	Values map[string]string // by column; empty for n/a
}

// File is a file whose name BIDS can read: entities, then a suffix.
type File struct {
	Path     string            // below the root, with slashes
	Entities map[string]string // "sub": "01", "task": "faces", "run": "1" ...
	Suffix   string            // "eeg", "bold", "events", "channels" ...
	Ext      string            // with the dot: ".edf", ".nii.gz"
}

// maxText is the longest description or table that is read.
const maxText = 256 << 20

// skipped are the folders at the top that hold other things than the data set itself.
var skipped = []string{"derivatives", "sourcedata", "code", "stimuli"}

// Open reads the layout of the data set whose top folder is root.
func Open(root string) (*Dataset, error) {
	d := &Dataset{Root: root}
	content, err := d.read("dataset_description.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &recording.Error{Path: root, Offset: -1, Found: "a folder without dataset_description.json", Expected: "the top folder of a BIDS data set", Err: err}
	}
	if err != nil {
		return nil, err
	}
	if d.Description, err = d.object("dataset_description.json", content); err != nil {
		return nil, err
	}
	d.Name, _ = d.Description["Name"].(string)
	d.Version, _ = d.Description["BIDSVersion"].(string)
	err = filepath.WalkDir(root, func(full string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		hidden := strings.HasPrefix(e.Name(), ".") && rel != "."
		if e.IsDir() {
			if hidden || slices.Contains(skipped, rel) {
				return fs.SkipDir
			}
			if f, ok := parse(rel); ok && f.Ext != "" { // a recording that is a folder: CTF's .ds
				d.Files = append(d.Files, f)
				return fs.SkipDir
			}
			return nil
		}
		if f, ok := parse(rel); ok && !hidden {
			d.Files = append(d.Files, f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, d.participants()
}

// parse reads the name of a file.
func parse(rel string) (File, bool) {
	name, ext, _ := strings.Cut(path.Base(rel), ".")
	parts := strings.Split(name, "_")
	f := File{Path: rel, Entities: map[string]string{}, Suffix: parts[len(parts)-1]}
	if ext != "" {
		f.Ext = "." + ext
	}
	for _, p := range parts[:len(parts)-1] {
		key, value, ok := strings.Cut(p, "-")
		if !ok || key == "" || value == "" {
			return File{}, false
		}
		f.Entities[key] = value
	}
	return f, f.Suffix != "" && !strings.Contains(f.Suffix, "-") && len(parts) > 1
}

// Is reports whether a file has all of these entities, written as in its name: "sub-01", "task-faces".
func (f File) Is(entities ...string) bool {
	for _, e := range entities {
		key, value, _ := strings.Cut(e, "-")
		if f.Entities[key] != value {
			return false
		}
	}
	return true
}

// Find gives the files of a suffix ("eeg", "T1w", "events") that have all of these entities.
func (d *Dataset) Find(suffix string, entities ...string) []File {
	var out []File
	for _, f := range d.Files {
		if f.Suffix == suffix && f.Is(entities...) {
			out = append(out, f)
		}
	}
	return out
}

// extensions lists the endings of the file of a recording that one opens.
var extensions = []string{".edf", ".bdf", ".gdf", ".vhdr", ".set", ".fif", ".fif.gz", ".ds", ".sqd", ".con", ".kdf", ".nwb", ".snirf", ".cnt", ".mff", ".mefd", ".tsv.gz"}

// Recordings gives the recordings of signals (EEG, MEG, iEEG, NIRS, EMG) that have all of these entities, one file for each:
// of several files of one recording, that which is opened; of one split over files, the first.
func (d *Dataset) Recordings(entities ...string) []File {
	var out []File
	for _, f := range d.Files {
		split := strings.TrimLeft(f.Entities["split"], "0")
		if slices.Contains([]string{"eeg", "meg", "ieeg", "nirs", "emg"}, f.Suffix) && slices.Contains(extensions, f.Ext) && f.Is(entities...) && (split == "" || split == "1") {
			out = append(out, f)
		}
	}
	return out
}

// File gives the path of a file as package os takes it.
func (d *Dataset) File(f File) string { return filepath.Join(d.Root, filepath.FromSlash(f.Path)) }

// applying gives the files of a suffix and ending that describe f, the nearest to the top first: they lie in its folder or
// above, and it has all of their entities. A few entities may be more than it has: a space is one of positions only.
func (d *Dataset) applying(f File, suffix, ext string) []File {
	var out []File
	for _, g := range d.Files {
		if g.Suffix != suffix || g.Ext != ext {
			continue
		}
		folder := path.Dir(g.Path)
		if folder != "." && !strings.HasPrefix(f.Path, folder+"/") {
			continue
		}
		fits := true
		for key, value := range g.Entities {
			own, has := f.Entities[key]
			fits = fits && (own == value || (!has && key == "space"))
		}
		if fits {
			out = append(out, g)
		}
	}
	top := File{Path: suffix + ext, Suffix: suffix, Ext: ext} // without entities: events.json
	if _, err := os.Stat(d.File(top)); err == nil && ext == ".json" {
		out = append(out, top)
	}
	slices.SortStableFunc(out, func(a, b File) int {
		if n := strings.Count(a.Path, "/") - strings.Count(b.Path, "/"); n != 0 {
			return n
		}
		return len(a.Entities) - len(b.Entities)
	})
	return out
}

// Companion gives the nearest file of a suffix and ending that describes f: Companion(f, "events", ".tsv").
func (d *Dataset) Companion(f File, suffix, ext string) (File, bool) {
	all := d.applying(f, suffix, ext)
	if len(all) == 0 {
		return File{}, false
	}
	return all[len(all)-1], true
}

// Sidecar gives what JSON files of f's own suffix say of it, each field as the nearest file that has it says.
func (d *Dataset) Sidecar(f File) (map[string]any, error) { return d.merged(f, f.Suffix) }

func (d *Dataset) merged(f File, suffix string) (map[string]any, error) {
	out := map[string]any{}
	for _, g := range d.applying(f, suffix, ".json") {
		content, err := d.read(g.Path)
		if err != nil {
			return nil, err
		}
		fields, err := d.object(g.Path, content)
		if err != nil {
			return nil, err
		}
		for key, value := range fields {
			out[key] = value
		}
	}
	return out, nil
}

// read reads a description or table.
func (d *Dataset) read(rel string) ([]byte, error) {
	full := filepath.Join(d.Root, filepath.FromSlash(rel))
	info, err := os.Stat(full)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxText {
		return nil, &recording.Error{Path: full, Offset: -1, Found: fmt.Sprintf("something of %d bytes", info.Size()), Expected: fmt.Sprintf("a file of text of at most %d", maxText)}
	}
	return os.ReadFile(full)
}

// object reads a JSON object.
func (d *Dataset) object(rel string, content []byte) (map[string]any, error) {
	var out map[string]any
	if err := json.Unmarshal(trimMark(content), &out); err != nil {
		e := &recording.Error{Path: filepath.Join(d.Root, filepath.FromSlash(rel)), Offset: -1, Found: "JSON that cannot be read", Expected: "an object", Err: err}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			e.Offset = syntax.Offset
		}
		return nil, e
	}
	return out, nil
}

// participants reads participants.tsv, and adds those who have a folder but no line.
func (d *Dataset) participants() error {
	content, err := d.read("participants.tsv")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	seen := map[string]bool{}
	if err == nil {
		t, err := d.table("participants.tsv", content)
		if err != nil {
			return err
		}
		id, err := t.column("participant_id")
		if err != nil {
			return err
		}
		for _, row := range t.rows {
			p := Participant{ID: row[id], Values: map[string]string{}}
			for i, name := range t.header {
				if i != id {
					p.Values[name] = value(row[i])
				}
			}
			seen[p.ID] = true
			d.Participants = append(d.Participants, p)
		}
	}
	for _, f := range d.Files {
		if id := "sub-" + f.Entities["sub"]; f.Entities["sub"] != "" && !seen[id] {
			seen[id] = true
			d.Participants = append(d.Participants, Participant{ID: id, Values: map[string]string{}})
		}
	}
	return nil
}
