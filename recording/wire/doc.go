// Package wire reads the runs of equal numbers that binary formats are made of: fast where the bytes already look as the
// processor wants them, and never allocating more than the bytes that are there can fill. It is for format readers (matfile,
// numpy and those to come); it knows no format.
package wire
