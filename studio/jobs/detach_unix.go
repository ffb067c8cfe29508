//go:build unix

package jobs

import (
	"os/exec"
	"syscall"
)

// detach keeps a Ctrl-C in the server's terminal from the process: the server stops it in its own way.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
