package cpu

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestCrew runs loops of random length from many goroutines at once, some inside others and some that panic, for several numbers of
// workers: every iteration must run once, before For returns, and the panic must come out where the loop was asked for.
func TestCrew(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, workers := range []int{1, 2, 3, 8} {
		runtime.GOMAXPROCS(workers)
		end := time.Now().Add(120 * time.Millisecond)
		var producers sync.WaitGroup
		for p := range 12 {
			producers.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(workers), uint64(p)))
				for i := 0; i < 20 || i < 2000 && time.Now().Before(end); i++ {
					if err := strain(crew{1 + rng.IntN(8)}, rng, 2); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		finished := make(chan struct{})
		go func() { producers.Wait(); close(finished) }()
		select {
		case <-finished:
		case <-time.After(time.Minute):
			t.Fatalf("loops do not end with %d processors", workers)
		}
	}
	// Afterwards every worker must sleep, and no job be on offer.
	for begin := time.Now(); offered.Load() != nil || len(calls) > 0 || looking.Load() != 0 || sleeping.Load() != hired.Load(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("afterwards a job is offered (%v), %d calls wait, %d workers look and %d of %d sleep", offered.Load() != nil, len(calls), looking.Load(),
				sleeping.Load(), hired.Load())
		}
	}
}

// strain runs a random loop, with loops of less depth inside, and says what went wrong.
func strain(c crew, rng *rand.Rand, depth int) (err error) {
	n := rng.IntN(1 + rng.IntN(300))
	ran := make([]int, n) // by one goroutine each: the race detector sees when not
	failing := -1
	if n > 0 && rng.IntN(4) == 0 {
		failing = rng.IntN(n)
	}
	nested := -1
	var inner error
	if n > 0 && depth > 0 && rng.IntN(8) == 0 {
		nested = rng.IntN(n)
	}
	seed := rng.Uint64()
	slow := rng.IntN(3) == 0
	defer func() {
		p := recover()
		switch {
		case failing < 0 && p != nil || failing >= 0 && p != failing:
			err = fmt.Errorf("a loop of %d that panics at %d gave the panic %v", n, failing, p)
		case inner != nil:
			err = inner
		}
		for i, times := range ran {
			// One worker stops at the panic, several finish what they have begun and what is left.
			if alone := min(n, c.workers) == 1; times != 1 && !(alone && failing >= 0 && i > failing) {
				err = fmt.Errorf("iteration %d of %d with %d workers ran %d times", i, n, c.workers, times)
			}
		}
	}()
	c.For(n, func(i int) {
		ran[i]++
		if slow && i%7 == 0 {
			runtime.Gosched()
		}
		if i == nested {
			inner = strain(c, rand.New(rand.NewPCG(seed, 1)), depth-1)
		}
		if i == failing {
			panic(i)
		}
	})
	return nil
}
