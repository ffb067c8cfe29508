//go:build !linux

package confine

// Available reports whether the system can confine.
func Available() bool { return false }

// Restart does nothing where the system cannot confine.
func Restart(Folders, ...string) error { return nil }
