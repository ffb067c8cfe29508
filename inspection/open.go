package inspection

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	_ "github.com/gyrus-dev/gyrus/recording/all" // every format
)

// Open opens a recording: a file of any format, or one of the folders that some makers' recordings are.
func Open(path string) (*recording.Recording, error) {
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
	d, err := recording.Inspect(path)
	return d, hinted(path, err)
}
