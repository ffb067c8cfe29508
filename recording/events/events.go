package events

import (
	"slices"
	"sort"
)

// Events are changes of brightness, in the order of the file, which is that of time unless a clock was reset.
type Events struct {
	X, Y []uint16 // pixel, from the upper left corner
	On   []bool   // became brighter; else darker
	T    []int64  // microseconds
}

// Len is the number of events.
func (e Events) Len() int { return len(e.T) }

// Slice gives the events from first to end-1. It shares the storage.
func (e Events) Slice(first, end int) Events {
	return Events{e.X[first:end], e.Y[first:end], e.On[first:end], e.T[first:end]}
}

// Window gives the events with from <= T < to. The events must be in order of time. It shares the storage.
func (e Events) Window(from, to int64) Events {
	first := sort.Search(len(e.T), func(i int) bool { return e.T[i] >= from })
	end := sort.Search(len(e.T), func(i int) bool { return e.T[i] >= to })
	return e.Slice(first, max(first, end))
}

// Ordered reports whether the events are in order of time.
func (e Events) Ordered() bool { return slices.IsSorted(e.T) }

// append puts events behind others.
func (e *Events) append(more Events) {
	e.X = append(e.X, more.X...)
	e.Y = append(e.Y, more.Y...)
	e.On = append(e.On, more.On...)
	e.T = append(e.T, more.T...)
}

// add puts one event behind others.
func (e *Events) add(x, y uint16, on bool, t int64) {
	e.X = append(e.X, x)
	e.Y = append(e.Y, y)
	e.On = append(e.On, on)
	e.T = append(e.T, t)
}

// clear forgets all events but keeps the storage.
func (e *Events) clear() { *e = Events{e.X[:0], e.Y[:0], e.On[:0], e.T[:0]} }

// Trigger is a signal at a camera's external input.
type Trigger struct {
	T    int64  // microseconds
	Kind string // "rising", "falling", "pulse", "reset" (of the clock), or "input" where the file does not tell
}
