package lsl

import "time"

var (
	processStart = time.Now()
	clockBase    = monotonic()
)

// Now is the time of this machine's clock in seconds, as streams carry it: it counts from the machine's start where the system
// tells, never jumps, and is the same in every program on the machine that uses liblsl (on Linux).
func Now() float64 { return clockBase + time.Since(processStart).Seconds() }
