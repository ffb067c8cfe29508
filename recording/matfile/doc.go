// Package matfile reads MATLAB's MAT-files of level 5 (what save writes by default, compressed or not, since 1996) and of
// level 4, as described in MathWorks' "MAT-File Format", and those of level 7.3, which are HDF5 files (see package hdf5). Open lists the variables and reads none; Array, Value and the
// accessors of Value read one:
//
//	f, err := matfile.Open("sp1s_aa.mat")
//	defer f.Close()
//	x, err := f.Array("x_train")                   // numbers: a recording.Array, column-major as MATLAB stores it
//	clab, err := f.Value("clab")                   // anything: cells, structs, text
//	names, err := clab.Strings()
//
// Read: all numeric classes, logical, complex, char, cell, struct, old-style objects (as structs with a ClassName) and
// sparse matrices, in either byte order. Listed but not read, with an error that says so: function handles and the opaque
// objects of classdef (string, table, datetime ...), whose encoding is not published.
//
// A MAT-file is hostile until proven otherwise: lengths are checked against the bytes present, inflated data is allocated
// only as it arrives and up to MaxVariable, nesting is bounded, and all of it is fuzzed.
package matfile
