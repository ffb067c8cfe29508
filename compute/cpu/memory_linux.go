package cpu

import (
	"math"
	"sync"

	"golang.org/x/sys/unix"
)

// memoryLimit returns the machine's memory in bytes: an allocation above it is refused, because the Go runtime would end the program.
var memoryLimit = sync.OnceValue(func() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return math.MaxInt64
	}
	return (uint64(info.Totalram) + uint64(info.Totalswap)) * uint64(info.Unit)
})
