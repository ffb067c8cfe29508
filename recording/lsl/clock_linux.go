package lsl

import "golang.org/x/sys/unix"

// monotonic is the clock that liblsl reads.
func monotonic() float64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return float64(t.Sec) + float64(t.Nsec)/1e9
}
