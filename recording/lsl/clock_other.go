//go:build !linux

package lsl

import "time"

// monotonic gives a clock of this process a plausible beginning; time synchronisation makes up for the rest.
func monotonic() float64 { return float64(time.Now().UnixNano()) / 1e9 }
