package readers

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bounds how often things may be done, in one process. A zero takes the default.
type Limits struct {
	LettersTo    Rate // sign-in letters to one email address: 4 in an hour
	LettersFrom  Rate // sign-in letters asked for from one network address: 20 in an hour
	Comments     Rate // of one reader: 10 in 10 minutes
	CommentsFrom Rate // from one network address: 30 in 10 minutes
	Reports      Rate // of one reader: 20 in an hour
	Changes      Rate // everything else of one reader: 300 in 10 minutes
}

// Rate is a number of times, refilled over a time.
type Rate struct {
	Times int
	In    time.Duration
}

// TooOften is an [ErrTooOften] that knows when to try again.
type TooOften struct{ Wait time.Duration }

func (t *TooOften) Error() string {
	return fmt.Sprintf("%v; try again in %v", ErrTooOften, t.Wait)
}

// Unwrap makes errors.Is(err, ErrTooOften) hold.
func (t *TooOften) Unwrap() error { return ErrTooOften }

type limiters struct{ lettersTo, lettersFrom, comments, commentsFrom, reports, changes *Limiter }

func newLimiters(l Limits, now func() time.Time) limiters {
	or := func(r Rate, times int, in time.Duration) *Limiter {
		if r.Times <= 0 || r.In <= 0 {
			r = Rate{times, in}
		}
		return NewLimiter(r, now)
	}
	return limiters{or(l.LettersTo, 4, time.Hour), or(l.LettersFrom, 20, time.Hour), or(l.Comments, 10, 10*time.Minute),
		or(l.CommentsFrom, 30, 10*time.Minute), or(l.Reports, 20, time.Hour), or(l.Changes, 300, 10*time.Minute)}
}

// NewLimiter returns a limiter by the clock now.
func NewLimiter(r Rate, now func() time.Time) *Limiter {
	return &Limiter{rate: r, now: now, by: map[string]*rate.Limiter{}}
}

// Limiter has a bucket of tokens for each of those it tells apart. It is safe for concurrent use.
type Limiter struct {
	rate Rate
	now  func() time.Time
	mu   sync.Mutex
	by   map[string]*rate.Limiter
}

// maxBuckets bounds the memory of a Limiter. Beyond it full buckets are dropped, which changes nothing, or else all of them.
const maxBuckets = 20_000

func key(kind string, id any) string { return fmt.Sprintf("%s %v", kind, id) }

// Allow takes a token, or says how long to wait for one. Nobody ("") is not limited: that is the command line.
func (l *Limiter) Allow(who string) error {
	if who == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	bucket := l.by[who]
	if bucket == nil {
		if len(l.by) >= maxBuckets {
			for k, b := range l.by {
				if b.TokensAt(now) >= float64(l.rate.Times)-0.5 {
					delete(l.by, k)
				}
			}
			if len(l.by) >= maxBuckets {
				clear(l.by)
			}
		}
		bucket = rate.NewLimiter(rate.Limit(float64(l.rate.Times)/l.rate.In.Seconds()), l.rate.Times)
		l.by[who] = bucket
	}
	if bucket.AllowN(now, 1) {
		return nil
	}
	wait := math.Ceil((1 - bucket.TokensAt(now)) / float64(bucket.Limit()))
	return &TooOften{time.Duration(wait) * time.Second}
}
