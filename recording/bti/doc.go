// Package bti reads MEG recordings of 4D Neuroimaging (BTi) systems: a file of samples such as "c,rfDC" and the file "config"
// beside it.
//
//	d, err := bti.Open("run/c,rfDC")
//	defer d.Close()
//	r, err := d.Recording(bti.Options{}) // samples in T and V
//	head, err := d.HeadShape()           // from "hs_file", if there is one
//
// Scaling follows MNE-Python. Positions are in 4D's head frame, turned so that x runs to the right, y to the front and z up
// (4D's own x runs to the front and y to the left). Events are the rises of the channel TRIGGER. Reference weights are not
// read: samples are as they were saved. Neither the names nor the first bytes of these files say what they are: a file whose name holds
// ",rf" and that has a config beside it is taken for one, and a folder with such a file.
package bti
