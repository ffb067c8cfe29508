// Package compute opens the GoMLX backend that models run on, by name, and turns the panics of graph building into errors.
//
// A paper never names a backend: it asks its run for one. Backends are compiled in by build tag; none is ever downloaded without
// being asked for.
package compute
