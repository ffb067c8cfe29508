package live

import (
	"cmp"
	"math"
)

// timeline judges the times of frames as they come.
type timeline struct {
	period float64
	jitter float64 // the most that is tolerated, s
	speed  float64 // seconds of the signal in a second of ours; 0 when it comes as it is taken, and tells nothing

	begun    bool
	expected float64 // time of the next frame
	spread   float64 // how far times are off on average, s
	frames   int     // that spread rests on
	before   float64 // time of the last frame
	last     float64 // arrival of the last frame, s
}

// verdict says how a frame follows the one before it.
type verdict struct {
	missing int  // frames that are missing between them
	jumped  bool // the clock was set
}

// defaultJitter is how far a time may be off unless the source says otherwise, s: as long as a busy machine may keep a program that stamps
// its samples from doing so.
const defaultJitter = 0.1

func newTimeline(s Signal) *timeline {
	t := &timeline{period: 1 / s.Rate, jitter: s.Jitter}
	if !s.Patient {
		t.speed = cmp.Or(s.Speed, 1)
	}
	if t.jitter <= 0 {
		t.jitter = defaultJitter
	}
	t.jitter = max(t.jitter, 0.75*t.period)
	return t
}

// next takes in the time of a frame and when it arrived, both in seconds.
func (t *timeline) next(time, arrived float64) verdict {
	if !t.begun {
		t.begun = true
		t.restart(time, arrived)
		return verdict{}
	}
	// Where times are counted rather than read off a clock they are exact, and show the loss of a single frame; where they scatter, a
	// sample that comes late is no loss as long as those after it may catch up.
	tolerance := t.jitter
	if t.frames > 20 && t.spread < 0.002*t.period {
		tolerance = 0.75 * t.period
	}
	late := time - t.expected
	passed := (arrived - t.last) * t.speed
	switch {
	case math.IsNaN(late) || late < -tolerance && time <= t.before:
		t.restart(time, arrived)
		return verdict{jumped: true}
	case late < -tolerance: // those before it were late
		t.restart(time, arrived)
		return verdict{}
	case late > tolerance && t.speed > 0 && late > passed+t.speed+t.jitter:
		// More time has passed by the signal's clock than by ours: nothing was lost, the clock was set.
		t.restart(time, arrived)
		return verdict{jumped: true}
	case late > tolerance:
		t.restart(time, arrived)
		return verdict{missing: int(min(math.Round(late/t.period), 1<<40))}
	}
	// The expected time follows slowly, as clocks drift; the spread forgets in about a hundred frames.
	t.expected += t.period + 0.02*late
	t.frames++
	t.spread += max(0.01, 1/float64(t.frames)) * (math.Abs(late) - t.spread)
	t.before, t.last = time, arrived
	return verdict{}
}

// skip says that frames are known to be missing.
func (t *timeline) skip(frames int) {
	t.expected += float64(frames) * t.period
}

func (t *timeline) restart(time, arrived float64) {
	t.expected, t.before, t.last = time+t.period, time, arrived
}
