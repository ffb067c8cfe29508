//go:build !unix

package sweep

import (
	"os"
)

// lock takes a file for this process by holding it open, which Windows refuses to others that want to delete it.
func lock(path string) (release func(), err error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, errBusy
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, errBusy
	}
	return func() { file.Close(); os.Remove(path) }, nil
}
