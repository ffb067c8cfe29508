// Package cpu is a GoMLX backend in pure Go for the machine's own processor, registered under the name "cpu".
//
// It is a compiler, not an interpreter of nodes: [Builder] records the computation, Compile simplifies it, folds layout changes
// into their consumers, fuses element-wise chains with the reductions that end them, plans one arena for every intermediate value and
// emits a flat list of steps, which [Executable] runs over a fixed pool of workers. README.md explains the passes.
//
// What may enter: the GoMLX backend interfaces, graph passes, and execution. What must not: numeric inner loops that
// deserve assembly (they live in the kernel package below) and anything that knows about models or papers.
//
// Results do not depend on GOMAXPROCS: every reduction is cut into parts by its shape alone.
package cpu
