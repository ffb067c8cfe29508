//go:build !linux

package jobs

// confine does nothing where the system offers no way to; the paths of a request have been checked by whoever made it.
func confine(*order, []byte) error { return nil }
