//go:build unix

package lsl

import "syscall"

// reuse lets other programs on this machine listen on the same port, as all outlets do on the discovery port.
func reuse(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) })
	if err != nil {
		return err
	}
	return failed
}
