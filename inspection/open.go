package inspection

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/bids"
	"github.com/gyrus-dev/gyrus/recording/bti"
	"github.com/gyrus-dev/gyrus/recording/ctf"
	"github.com/gyrus-dev/gyrus/recording/egi"
)

// Open opens a recording: a file of any format, or one of the folders that some makers' recordings are (CTF's .ds, EGI's .mff, 4D's with its
// config).
func Open(path string) (*recording.Recording, error) {
	open, _, err := special(path)
	if err != nil {
		return nil, err
	}
	if open != nil {
		return open(path)
	}
	r, err := recording.Open(path)
	return r, hinted(path, err)
}

// hinted adds to the error about a file of no known format which file beside it describes it: of a recording in several files, people name the
// one that holds the samples.
func hinted(path string, err error) error {
	var own *recording.Error
	if !errors.As(err, &own) || own.Offset != 0 || own.Remedy != "" || !strings.HasPrefix(own.Found, "the bytes") {
		return err
	}
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	for _, ending := range []string{".vhdr", ".ahdr", ".set", ".lay", ".dap", ".dpa", ".cdt", ".eeg", ".EEG"} {
		if _, missing := os.Stat(stem + ending); missing == nil && stem+ending != path {
			if _, unknown := recording.Detect(stem + ending); unknown == nil {
				own.Expected, own.Remedy = "a file of a known format", "name "+filepath.Base(stem+ending)+", which is beside it"
				return err
			}
		}
	}
	return err
}

// Describe says what is in a file or folder.
func Describe(path string) (*recording.Description, error) {
	open, title, err := special(path)
	switch {
	case err != nil:
		return nil, err
	case open != nil:
		d, err := recording.DescribeWith(open)(path)
		if err != nil {
			return nil, err
		}
		d.Path, d.Title, d.Format, d.Bytes = path, title, strings.ToLower(strings.Fields(title)[0]), bytesIn(path)
		return d, nil
	case title == bidsTitle:
		return describeBIDS(path)
	}
	d, err := recording.Inspect(path)
	return d, hinted(path, err)
}

const bidsTitle = "BIDS data set"

// special tells what package recording does not find by the first bytes of a file: folders, and 4D's files, which have no mark.
func special(path string) (open func(string) (*recording.Recording, error), title string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", err
	}
	name := strings.ToLower(filepath.Base(filepath.Clean(path)))
	if !info.IsDir() {
		if strings.Contains(name, ",rf") && beside(path, "config") {
			return openBTi, "4D Neuroimaging MEG", nil
		}
		return nil, "", nil
	}
	switch {
	case strings.HasSuffix(name, ".ds"):
		return openCTF, "CTF MEG", nil
	case strings.HasSuffix(name, ".mff"):
		return egi.OpenMFF, "EGI MFF", nil
	case beside(filepath.Join(path, "x"), "config"):
		if runs, _ := filepath.Glob(filepath.Join(path, "*,rf*")); len(runs) > 0 {
			slices.Sort(runs)
			return func(string) (*recording.Recording, error) { return openBTi(runs[0]) }, "4D Neuroimaging MEG", nil
		}
	case beside(filepath.Join(path, "x"), "dataset_description.json"):
		return nil, bidsTitle, nil
	}
	return nil, "", &recording.Error{Path: path, Offset: -1, Found: "a folder", Expected: "a file, or a folder that is a recording (.ds, .mff, 4D) or a BIDS data set",
		Remedy: "name a file in it"}
}

func beside(path, name string) bool {
	_, err := os.Stat(filepath.Join(filepath.Dir(path), name))
	return err == nil
}

func openCTF(path string) (*recording.Recording, error) {
	d, err := ctf.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := d.Recording(ctf.Options{})
	if err != nil {
		d.Close()
	}
	return r, err
}

func openBTi(path string) (*recording.Recording, error) {
	d, err := bti.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := d.Recording(bti.Options{})
	if err != nil {
		d.Close()
	}
	return r, err
}

func describeBIDS(path string) (*recording.Description, error) {
	d, err := bids.Open(path)
	if err != nil {
		return nil, err
	}
	out := &recording.Description{Path: path, Format: "bids", Title: bidsTitle, Bytes: bytesIn(path)}
	property := func(name, value string) {
		if value != "" {
			out.Properties = append(out.Properties, recording.Property{Name: name, Value: value})
		}
	}
	property("name", d.Name)
	property("BIDS version", d.Version)
	property("participants", counted(len(d.Participants)))
	property("files", counted(len(d.Files)))
	for _, f := range d.Recordings() {
		out.Items = append(out.Items, recording.Item{Name: f.Path, Type: f.Suffix})
	}
	return out, nil
}

// bytesIn adds up the sizes of what is in a folder, or gives that of a file.
func bytesIn(path string) int64 {
	total := int64(0)
	filepath.Walk(path, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}
