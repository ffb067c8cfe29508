// Package kit reads the continuous MEG recordings of KIT, Yokogawa and Ricoh systems (.sqd, .con).
//
//	f, err := kit.Open("subject.sqd")
//	defer f.Close()
//	r, err := f.Recording(kit.Options{}) // samples in T and V, positions of the coils in the device's frame
//
// Scaling, positions and events follow MNE-Python: the first eight lines of type "misc" are taken for a binary trigger that is
// active below 1 V unless Options say otherwise. Sensors are described by a direction, not by a full frame; the two axes
// across it are chosen as MNE-Python chooses them. Not read: averages and epochs, positions of the head (Markers gives the
// marker coils where the file has them), files older than version 2 revision 3.
package kit
