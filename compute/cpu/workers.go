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

// job is a loop whose iterations are taken one by one by whoever is free.
type job struct {
	body     func(int)
	n        int64
	next     atomic.Int64
	left     atomic.Int64
	finished chan struct{}
	failure  atomic.Pointer[any]
}

var (
	jobs    = make(chan *job, 64)
	hired   atomic.Int64
	hireMux sync.Mutex
)

// hire starts workers until there are n.
func hire(n int) {
	if hired.Load() >= int64(n) {
		return
	}
	hireMux.Lock()
	defer hireMux.Unlock()
	for ; hired.Load() < int64(n); hired.Add(1) {
		go func() {
			for j := range jobs {
				j.work()
			}
		}()
	}
}

func (j *job) work() {
	for {
		i := j.next.Add(1) - 1
		if i >= j.n {
			return
		}
		j.one(int(i))
		if j.left.Add(-1) == 0 {
			close(j.finished)
		}
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
	j := &job{body: body, n: int64(n), finished: make(chan struct{})}
	j.left.Store(int64(n))
offer:
	for range helpers {
		select {
		case jobs <- j:
		default:
			break offer // everyone is busy
		}
	}
	j.work()
	<-j.finished
	if p := j.failure.Load(); p != nil {
		panic(*p)
	}
}
