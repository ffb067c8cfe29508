package inspection

import (
	"math"
	"slices"

	"github.com/dustin/go-humanize"
)

func bytesText(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

func counted(n int) string { return humanize.Comma(int64(n)) }

// quantile returns the q quantile of finite values, 0 if there are none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Clone(values)
	slices.Sort(s)
	at := q * float64(len(s)-1)
	k := min(int(at), len(s)-1)
	if k == len(s)-1 {
		return s[k]
	}
	return s[k] + (at-math.Floor(at))*(s[k+1]-s[k])
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return counted(n) + " " + what + "s"
}
