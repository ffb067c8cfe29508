// Package inflate opens a file for reading anywhere in it, whether or not gzip has compressed it. It is for readers of formats
// that people like to compress as a whole (FIF, NIfTI, GIFTI, MGH); it knows no format.
//
// A compressed file is inflated once, when it is opened: into memory while it is small and into a nameless temporary file
// beyond that, up to the limit its reader sets. What it costs is what is really there, never what a header promises.
package inflate
