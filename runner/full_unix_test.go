//go:build unix

package runner

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// A limit of 0 on the size of files has the effect of a full disk: names can still be made, no byte can be written.
func init() {
	fillDisk = func() {
		signal.Ignore(unix.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 0, Max: 0}); err != nil {
			panic(err)
		}
	}
}
