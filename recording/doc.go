// Package recording is the one notion of measured data in Gyrus: what an instrument or a colleague's script wrote to disk,
// before anything is computed from it.
//
// Two types carry it. A Recording is a signal in time: channels with names, units and positions, a sampling rate, samples
// read on demand, events. An Array is a named block of numbers with a shape, which is what MATLAB and NumPy files hold; only
// the reader's user knows which axis is time. Each file format is a sub-package (matfile, numpy, table) with an interface of
// its own, as rich as the format; it also registers itself here, so that Inspect, Arrays and Open take any file by its path:
//
//	import _ "github.com/gyrus-dev/gyrus/recording/all" // every format
//
//	d, err := recording.Inspect("subject01.mat") // what is in this file?
//	fmt.Print(d)
//
// What belongs here: the two types, the error every reader returns, the registry, and what describes a file. What does not:
// parsing (in a sub-package), filtering and epoching (package signal), knowing where public data lie (package datasets).
//
// Bytes from outside are hostile. A reader checks every length against the bytes that are really there before it allocates,
// bounds recursion and inflation, and answers a broken file with an *Error, never with a panic.
package recording
