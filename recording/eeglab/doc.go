// Package eeglab reads the datasets of EEGLAB: a .set file, which is a MAT-file of level 5 or 7.3 with a struct EEG or with
// that struct's fields as variables, and the .fdt file of samples that may go with it.
//
//	f, err := eeglab.Open("subject01.set")
//	defer f.Close()
//	r, err := f.Recording()     // of continuous data
//	e, err := f.Epochs()        // of epoched data: epochs x channels x samples
//
// recording.Open takes the continuous ones; recording.Arrays gives "data" (channels x samples, or epochs x channels x
// samples), "times", "channels" and, of epochs, their "labels".
//
// Samples in an .fdt (or the transposed .dat of old) stay in the file until read; samples inside a .set are read with it,
// since MATLAB compresses them as a whole. They are in microvolts, which is EEGLAB's custom and nowhere written.
//
//   - Names come from chanlocs; without it they are "EEG 000", "EEG 001" ... as in MNE-Python. Types too, as far as they are
//     among its words; else the name decides.
//   - Positions are turned to x right, y front, z up. Their unit is guessed from the mean radius, as MNE-Python does: below
//     0.25 metres, below 2.5 decimetres, below 25 centimetres, above millimetres.
//   - An event "boundary" with a duration marks a piece that was cut out: it is an event, and a gap.
//   - An epoch is labelled with the type of the event at time 0, which it was cut by.
package eeglab
