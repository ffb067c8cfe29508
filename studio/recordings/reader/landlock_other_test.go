//go:build !linux

package reader

func landlocked() bool { return false }
