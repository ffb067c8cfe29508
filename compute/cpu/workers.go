package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gyrus-dev/gyrus/compute/cpu/kernel"
)

// crew is the fixed pool of workers, as the kernels see it: the goroutine that asks and GOMAXPROCS-1 others.
type crew struct{ workers int }

var _ kernel.Parallel = crew{}

// currentCrew returns the crew for the present GOMAXPROCS.
func currentCrew() kernel.Parallel {
	n := runtime.GOMAXPROCS(0)
	if n == 1 {
		return kernel.Serial{}
	}
	return crew{n}
}

// job is a loop. Each worker has a run of its iterations, so that neighbours in memory, also of one loop and the next, meet in one core's
// caches; who is done takes over what others have not begun.
type job struct {
	body      func(int)
	stretches []stretch    // by the order in which workers join
	joined    atomic.Int64 // workers so far, besides who asked
	left      atomic.Int64
	wanted    atomic.Int64 // workers that may still join
	sleeper   atomic.Pointer[chan struct{}]
	failure   atomic.Pointer[any]
}

// stretch is a run of iterations of which next is the first that nobody has taken.
type stretch struct {
	next atomic.Int64
	end  int64
	_    [6]int64 // a cache line each
}

// The steps of an executable follow one another within microseconds, which is less than it takes to wake a goroutine. So a worker that
// runs out of work looks for more for a while before it sleeps, and so does who waits for the last iterations of others.
const patience = 100_000 // looks, of less than a nanosecond each

var (
	offered  atomic.Pointer[job] // to the workers that are looking
	looking  atomic.Int64        // how many those are
	calls    = make(chan *job, 64)
	sleeping atomic.Int64 // workers that wait for a call, less the calls that nobody has answered
	hired    atomic.Int64
	hireMux  sync.Mutex

	// finished marks a job whose iterations have all returned.
	finished = new(chan struct{})
)

// hire starts workers until there are n.
func hire(n int) {
	if hired.Load() >= int64(n) {
		return
	}
	hireMux.Lock()
	defer hireMux.Unlock()
	for ; hired.Load() < int64(n); hired.Add(1) {
		go serve()
	}
}

// serve is a worker's life.
func serve() {
	for {
		j := look()
		if j == nil {
			j = <-calls
		}
		j.work(int(j.joined.Add(1)))
	}
}

// look returns an offered job; nil after having seen none for a while, when the worker counts as sleeping.
func look() *job {
	looking.Add(1)
	for range patience {
		if j := offered.Load(); j != nil && j.join() {
			looking.Add(-1)
			return j
		}
	}
	sleeping.Add(1)
	looking.Add(-1)
	// An offer made to this worker while it turned away must not be missed. If it was called as well, another one will answer that.
	if j := offered.Load(); j != nil && j.join() {
		sleeping.Add(-1)
		return j
	}
	return nil
}

// join reports whether the job takes one more worker. The last one takes the offer down.
func (j *job) join() bool {
	left := j.wanted.Add(-1)
	if left <= 0 {
		offered.CompareAndSwap(j, nil)
	}
	return left >= 0
}

// work is what the mine-th worker does of a job.
func (j *job) work(mine int) {
	for k := range j.stretches {
		r := &j.stretches[(mine+k)%len(j.stretches)]
		for {
			i := r.next.Add(1) - 1
			if i >= r.end {
				break
			}
			j.one(int(i))
			if j.left.Add(-1) == 0 {
				if wake := j.sleeper.Swap(finished); wake != nil {
					close(*wake)
				}
			}
		}
	}
}

// wait returns when all iterations have.
func (j *job) wait() {
	for range patience {
		if j.left.Load() == 0 {
			return
		}
	}
	wake := make(chan struct{})
	if j.sleeper.CompareAndSwap(nil, &wake) {
		<-wake
	}
}

func (j *job) one(i int) {
	defer func() {
		if p := recover(); p != nil {
			j.failure.CompareAndSwap(nil, &p)
		}
	}()
	j.body(i)
}

// Workers returns the number of iterations that may run at the same time.
func (c crew) Workers() int { return c.workers }

// For calls body(0) ... body(n-1) and returns when all have returned; it panics if one did.
func (c crew) For(n int, body func(i int)) {
	helpers := min(n, c.workers) - 1
	if helpers <= 0 {
		for i := range n {
			body(i)
		}
		return
	}
	hire(c.workers - 1)
	j := &job{body: body, stretches: make([]stretch, helpers+1)}
	for k := range j.stretches {
		j.stretches[k].next.Store(int64(k * n / (helpers + 1)))
		j.stretches[k].end = int64((k + 1) * n / (helpers + 1))
	}
	j.left.Store(int64(n))
	j.wanted.Store(int64(helpers))
	if offered.CompareAndSwap(nil, j) {
		for range helpers - int(looking.Load()) {
			if !j.callSleeper() {
				break // the others are busy, and will look
			}
		}
		j.work(0)
		offered.CompareAndSwap(j, nil)
	} else {
		// Another loop is on offer. This one waits for those that run out of work.
		for range helpers {
			if !j.callAnyone() {
				break
			}
		}
		j.work(0)
	}
	j.wait()
	j.body = nil // who answers late holds the job, but not what the loop worked on
	if p := j.failure.Load(); p != nil {
		panic(*p)
	}
}

// callSleeper calls one worker that sleeps, if there is one that nobody has called yet.
func (j *job) callSleeper() bool {
	for n := sleeping.Load(); n > 0; n = sleeping.Load() {
		if sleeping.CompareAndSwap(n, n-1) {
			calls <- j
			return true
		}
	}
	return false
}

// callAnyone calls one worker, which answers now if it sleeps or else before it next does; false if too many calls wait already.
func (j *job) callAnyone() bool {
	sleeping.Add(-1)
	select {
	case calls <- j:
		return true
	default:
		sleeping.Add(1)
		return false
	}
}
