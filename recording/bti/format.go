package bti

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "bti", Title: "4D Neuroimaging MEG",
		Match: func(h recording.Head) recording.Confidence {
			if strings.Contains(strings.ToLower(filepath.Base(h.Path)), ",rf") && hasConfig(filepath.Dir(h.Path)) {
				return recording.Sure
			}
			return recording.No
		},
		Folder:   func(path string) bool { return hasConfig(path) && run(path) != "" },
		Describe: recording.DescribeWith(open), Open: open,
	})
}

func hasConfig(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "config"))
	return err == nil
}

// run is the first file of samples in a folder; empty when there is none.
func run(folder string) string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return ""
	}
	i := slices.IndexFunc(entries, func(e os.DirEntry) bool { return strings.Contains(strings.ToLower(e.Name()), ",rf") && !e.IsDir() })
	if i < 0 {
		return ""
	}
	return filepath.Join(folder, entries[i].Name())
}

// open takes the path of a file of samples, or of its folder.
func open(path string) (*recording.Recording, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = run(path)
	}
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	r, err := d.Recording(Options{})
	if err != nil {
		d.Close()
	}
	return r, err
}
