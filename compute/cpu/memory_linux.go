package cpu

import (
	"math"
	"sync"
	"unsafe"

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

// pageSize is that of a large page, in words.
const largePage = 2 << 20 / 8

// largePages returns new memory of n words. Where it is much it lies on large pages, if the system gives them: a pass over it then misses
// the translation of addresses less often, and takes the same time wherever its pages lie.
func largePages(n int) []uint64 {
	if n < 2*largePage {
		return make([]uint64, n)
	}
	words := make([]uint64, n+largePage)
	skip := int(-uintptr(unsafe.Pointer(&words[0])) / 8 % largePage)
	words = words[skip : skip+n : skip+n]
	whole := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), n/largePage*largePage*8)
	_ = unix.Madvise(whole, unix.MADV_HUGEPAGE) // advice only
	return words
}
