//go:build unix && !darwin

package runner

// maxRSSBytes converts getrusage's figure, which these systems give in KiB.
func maxRSSBytes(v int64) int64 { return v * 1024 }
