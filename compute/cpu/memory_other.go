//go:build !linux

package cpu

import "math"

// memoryLimit returns no limit: the allocator itself decides where the machine's memory is not known.
func memoryLimit() uint64 { return math.MaxInt64 }

// largePages returns new memory of n words.
func largePages(n int) []uint64 { return make([]uint64, n) }
