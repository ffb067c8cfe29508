package studio

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bounds how often things may be done. A zero takes the default.
type Limits struct {
	Requests Rate // of one address, for everything
	Entries  Rate // tries at the token, of one address
	Runs     Rate // started from the web
	Uploads  Rate
}

// Rate is a number of times, refilled over a time: {20, time.Minute} lets 20 things happen at once and then one every three seconds.
type Rate struct {
	Times int
	In    time.Duration
}

func (l Limits) orDefault() Limits {
	def := func(r *Rate, times int, in time.Duration) {
		if r.Times <= 0 || r.In <= 0 {
			*r = Rate{times, in}
		}
	}
	def(&l.Requests, 600, 20*time.Second)
	def(&l.Entries, 10, 10*time.Minute)
	def(&l.Runs, 60, 10*time.Minute)
	def(&l.Uploads, 60, 10*time.Minute)
	return l
}

// limiters are the server's own.
type limiters struct{ all, entry, runs, uploads *Limit }

func newLimiters(l Limits, now func() time.Time) *limiters {
	return &limiters{newLimit(l.Requests, now), newLimit(l.Entries, now), newLimit(l.Runs, now), newLimit(l.Uploads, now)}
}

// Limit counts by reader, or by address for those who have not signed in.
type Limit struct {
	rate Rate
	now  func() time.Time
	mu   sync.Mutex
	by   map[string]*rate.Limiter
}

// NewLimit returns a limit of that rate.
func (s *Server) NewLimit(r Rate) *Limit { return newLimit(r, s.config.Now) }

func newLimit(r Rate, now func() time.Time) *Limit {
	return &Limit{rate: r, now: now, by: map[string]*rate.Limiter{}}
}

// maxLimited is how many readers and addresses are told apart; beyond it those that have been quiet are forgotten.
const maxLimited = 20_000

// Allow counts a request, and refuses it with 429 when there were too many.
func (l *Limit) Allow(r *http.Request) error {
	if reader := ReaderOf(r); reader != nil {
		return l.allow("reader " + reader.ID)
	}
	return l.allow(clientAddress(r))
}

func (l *Limit) allow(who string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	lim := l.by[who]
	if lim == nil {
		if len(l.by) >= maxLimited {
			l.forget(now)
		}
		lim = rate.NewLimiter(rate.Limit(float64(l.rate.Times)/l.rate.In.Seconds()), l.rate.Times)
		l.by[who] = lim
	}
	if lim.AllowN(now, 1) {
		return nil
	}
	wait := math.Ceil((1 - lim.TokensAt(now)) / float64(lim.Limit()))
	return &Problem{Status: http.StatusTooManyRequests, Title: "Too often",
		Detail: "This was asked for more often than the server allows. Try again in " + strconv.Itoa(int(wait)) + " seconds."}
}

// forget drops those whose allowance is full again, and everybody if that is nobody: better to count anew than to grow without bound.
func (l *Limit) forget(now time.Time) {
	for who, lim := range l.by {
		if lim.TokensAt(now) >= float64(l.rate.Times)-0.5 {
			delete(l.by, who)
		}
	}
	if len(l.by) >= maxLimited {
		clear(l.by)
	}
}
