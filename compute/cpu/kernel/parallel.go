package kernel

// Parallel runs the iterations of a loop, on as many workers as its owner sees fit. The package starts no goroutine of its own:
// whoever calls it brings the workers.
//
// No kernel lets the number of workers change a result. Loops are cut into pieces that depend on the shapes alone wherever
// a piece sums anything, and a piece is always evaluated in the same order.
type Parallel interface {
	// Workers is the number of iterations that may run at the same time, at least 1.
	Workers() int
	// For calls body(0) ... body(n-1), each once, in any order and possibly at the same time, and returns when all have returned.
	For(n int, body func(i int))
}

// Serial is the Parallel of one worker: the caller's own goroutine.
type Serial struct{}

// Workers returns 1.
func (Serial) Workers() int { return 1 }

// For calls body in order.
func (Serial) For(n int, body func(i int)) {
	for i := range n {
		body(i)
	}
}

// split runs body over [0, n) in ranges of a multiple of grain elements, a few for each worker. It is for loops whose result does not
// depend on where they are cut.
func split(par Parallel, n, grain int, body func(from, to int)) {
	if n <= 0 {
		return
	}
	pieces := min(ceilDiv(n, grain), 4*par.Workers())
	if pieces <= 1 || par.Workers() == 1 {
		body(0, n)
		return
	}
	size := roundUp(ceilDiv(n, pieces), grain)
	par.For(ceilDiv(n, size), func(i int) {
		body(i*size, min(n, (i+1)*size))
	})
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func roundUp(a, multiple int) int { return ceilDiv(a, multiple) * multiple }
