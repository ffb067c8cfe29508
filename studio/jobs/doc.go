// Package jobs is the queue of what a studio was asked to do: run an experiment, go on with a run, apply a model to files.
//
// Each job is carried out by a process of its own ([Work]), some at a time in the order they came. A process, and not a goroutine: a run
// that crashes or exhausts its memory takes no page with it, one that does not heed being stopped can be killed, and what it held
// is given back. The process is told what to do on its standard input, and stops when that ends, so that no server leaves one behind however
// it ends itself.
//
// The queue is a file. What waits in it goes on waiting after a restart; what was under way is marked as interrupted, and its run can be
// resumed from its last checkpoint.
//
// What may enter: order, processes, and their ends. What must not: how a run is carried out (package runner), or pages.
package jobs
