// Package export writes recordings and arrays to files that other programs read, in the format that a file name's ending asks for.
//
//	err := export.Recording("clean.bdf", r, export.Options{}) // .edf .bdf .npz .csv .tsv
//	err = export.Arrays("trials.npz", arrays, export.Options{})
//
// Recordings are written as they are read, in memory that does not depend on their length, under another name until they are complete.
//
// What may enter: choosing a writer by name, and formats that are a few lines to write. What must not: formats of their own package (edf,
// nifti, numpy).
package export
