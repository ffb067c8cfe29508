// Package events reads recordings of event cameras: AEDAT 2.0 (jAER; DAVIS and DVS128), AEDAT 3.1 (cAER), AEDAT 4 (DV), and
// the binary files of N-MNIST and N-Caltech101.
//
//	f, err := events.Open("gesture.aedat")
//	defer f.Close()
//	all, err := f.Read()                               // every event
//	err = f.Blocks(func(e events.Events) error { ... }) // the same in pieces, in memory that does not depend on the length
//
// An event is a pixel that became brighter or darker at a moment. Whatever the file says, pixels are counted from the upper
// left corner, x to the right and y downwards; times are microseconds of the file's own clock. External inputs (triggers) are
// read too; frames, inertial measurements and other content are skipped and counted.
package events
