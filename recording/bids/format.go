package bids

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

func init() {
	recording.Register(recording.Format{
		Name: "bids", Title: "BIDS data set",
		Match: func(recording.Head) recording.Confidence { return recording.No },
		Folder: func(path string) bool {
			_, err := os.Stat(filepath.Join(path, "dataset_description.json"))
			return err == nil
		},
		Describe: describe, Open: open,
	})
}

// open opens the one recording of a data set.
func open(path string) (*recording.Recording, error) {
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	all := d.Recordings()
	if len(all) != 1 {
		names := make([]string, 0, 5)
		for _, f := range all[:min(len(all), cap(names))] {
			names = append(names, f.Path)
		}
		e := &recording.Error{Path: path, Offset: -1, Found: fmt.Sprintf("a BIDS data set of %d recordings", len(all)), Expected: "one recording"}
		if len(all) > 0 {
			e.Remedy = "name one of them: " + strings.Join(names, ", ")
		}
		if len(all) > len(names) {
			e.Remedy += " ..."
		}
		return nil, e
	}
	return d.Recording(all[0])
}

func describe(path string) (*recording.Description, error) {
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	out := &recording.Description{}
	for _, p := range [][2]string{{"name", d.Name}, {"BIDS version", d.Version}, {"participants", fmt.Sprint(len(d.Participants))}, {"files", fmt.Sprint(len(d.Files))}} {
		if p[1] != "" {
			out.Properties = append(out.Properties, recording.Property{Name: p[0], Value: p[1]})
		}
	}
	for _, f := range d.Recordings() {
		out.Items = append(out.Items, recording.Item{Name: f.Path, Type: f.Suffix})
	}
	return out, nil
}
