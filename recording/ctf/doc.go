// Package ctf reads MEG recordings of CTF systems: folders called *.ds.
//
//	d, err := ctf.Open("subject.ds")
//	defer d.Close()
//	r, err := d.Recording(ctf.Options{}) // samples in T and V
//
// Scaling, sensor frames and events follow MNE-Python. Coils lie in the device's frame as MNE-Python turns it (by 45 degrees,
// and up by 19 cm), so that x runs to the right and y to the front; EEG electrodes lie in the head's frame where the .hc file
// tells where that is, and are without position else. Trials follow each other without gaps. Events come from MarkerFile.mrk,
// bad.segments and the channels of type stim. Samples keep the gradient compensation they were saved with; its coefficients
// and the movement of the head are not read.
package ctf
