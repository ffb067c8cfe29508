// Package watch follows runs while they go on, for any number of listeners.
//
// What a run does stands in its events.jsonl; a [Hub] reads that file once for all who listen to the run, whichever process writes it. The
// number of an event is where its line ends in the file, so that it means the same after a restart of the server: a listener who comes
// back with the last number it has seen gets what came after it. Events are encoded once and shared. A listener has no buffer of
// its own, only a place in the common one; one that falls so far behind that its place is gone, or comes back after long, gets a
// [Snapshot] of how the run stands and goes on from there.
//
// What may enter: reading events and handing them on. What must not: starting runs (studio/jobs), or pages.
package watch
