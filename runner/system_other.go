//go:build !unix

package runner

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Lock takes a file for this process by holding it open for writing, which Windows refuses to others that want to delete it.
func Lock(path string) (release func(), err error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, ErrBusy
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, ErrBusy
	}
	return func() { file.Close(); os.Remove(path) }, nil
}

// locked reports whether a living process holds the run directory.
func locked(dir string) bool {
	err := os.Remove(filepath.Join(dir, lockFile))
	return err != nil && !os.IsNotExist(err)
}

// noSpace reports whether a system call failed for want of room: ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.
func noSpace(err error) bool {
	return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}

// peakBytes is the memory this process has obtained from the system, which only grows.
func peakBytes() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
