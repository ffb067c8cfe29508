//go:build !linux

package reader

func limit(*Task) error { return nil }

func confine(*Task, []byte) error { return nil }
