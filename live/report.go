package live

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Report counts what a run met.
type Report struct {
	Frames     int64 `json:"frames"`
	Decisions  int64 `json:"decisions"`
	Missing    int64 `json:"missing"`    // frames that the time stamps show to be missing
	Gaps       int64 `json:"gaps"`       // breaks in the signal for any reason but a jump of the clock
	Jumps      int64 `json:"jumps"`      // of the clock
	NotFinite  int64 `json:"notFinite"`  // frames with a value that is not finite
	Reconnects int64 `json:"reconnects"` // times the source was lost and found again
	Dropped    int64 `json:"dropped"`    // frames dropped because decisions took longer than the signal
	Events     int64 `json:"events"`     // that asked for a window
	Unlike     int64 `json:"unlike"`     // windows whose amplitude is another than in training by orders of magnitude

	// Windows that were left out, by reason.
	Outside   int64 `json:"outside"`   // not wholly in the signal, or known too late
	Broken    int64 `json:"broken"`    // a gap within
	Spoilt    int64 `json:"spoilt"`    // a value that is not finite within
	Forgotten int64 `json:"forgotten"` // events that waited when the clock jumped, or too many

	Unsent int64 `json:"unsent"` // decisions that sinks dropped because they did not keep up

	Latency Percentiles `json:"latency"` // from the arrival of a window's last sample to the decision at the sinks, s
	Jitter  Percentiles `json:"jitter"`  // difference of the latencies of consecutive decisions, s
}

// Percentiles sums up times, in seconds, each within one percent.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func (p Percentiles) String() string {
	return fmt.Sprintf("median %.3g ms, 90 %% under %.3g ms, 99 %% under %.3g ms, largest %.3g ms", 1e3*p.P50, 1e3*p.P90, 1e3*p.P99, 1e3*p.Max)
}

// String is the report as a person reads it, without what did not happen.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d frames, %d decisions", r.Frames, r.Decisions)
	for _, c := range []struct {
		n    int64
		says string
	}{
		{r.Events, "events"}, {r.Missing, "frames missing by their time stamps"}, {r.Gaps, "gaps"}, {r.Jumps, "jumps of the clock"},
		{r.NotFinite, "frames with values that are not finite"}, {r.Reconnects, "times the stream was lost and found again"},
		{r.Dropped, "frames dropped because decisions took too long"}, {r.Unlike, "windows of quite another amplitude than in training"}, {r.Outside, "windows not wholly in the signal"}, {r.Broken, "windows with a gap"},
		{r.Spoilt, "windows with values that are not finite"}, {r.Forgotten, "events forgotten"}, {r.Unsent, "decisions not taken by a receiver"},
	} {
		if c.n > 0 {
			fmt.Fprintf(&b, "; %d %s", c.n, c.says)
		}
	}
	if r.Decisions > 0 {
		fmt.Fprintf(&b, "\nlatency: %s\njitter: %s", r.Latency, r.Jitter)
	}
	return b.String()
}

// histogram counts durations in bins one percent wide, from a microsecond to some hours, so that it never grows.
type histogram struct {
	counts [2400]int64
	total  int64
	max    time.Duration
}

const binWidth = 0.01

func (h *histogram) add(d time.Duration) {
	bin := 0
	if d > time.Microsecond {
		bin = int(math.Log(float64(d)/float64(time.Microsecond)) / math.Log1p(binWidth))
	}
	h.counts[min(bin, len(h.counts)-1)]++
	h.total++
	h.max = max(h.max, d)
}

// quantile is an upper bound of the share q of all durations, s.
func (h *histogram) quantile(q float64) float64 {
	want := int64(math.Ceil(q * float64(h.total)))
	seen := int64(0)
	i := slices.IndexFunc(h.counts[:], func(n int64) bool { seen += n; return seen >= want })
	if h.total == 0 || i < 0 {
		return 0
	}
	return min(1e-6*math.Pow(1+binWidth, float64(i+1)), h.max.Seconds())
}

func (h *histogram) percentiles() Percentiles {
	return Percentiles{h.quantile(0.5), h.quantile(0.9), h.quantile(0.99), h.max.Seconds()}
}
