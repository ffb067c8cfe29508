//go:build !linux

package jobs

func hasLandlock() bool { return false }
