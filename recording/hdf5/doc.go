// Package hdf5 reads HDF5 files, the container of NWB, SNIRF, MATLAB's level 7.3 and much else, as described in The HDF
// Group's "HDF5 File Format Specification", versions 1 to 3. Open reads the superblock and nothing more; groups, attributes
// and data are read when asked for, and a large dataset part by part:
//
//	f, err := hdf5.Open("session.h5")
//	defer f.Close()
//	d, err := f.Dataset("/acquisition/lfp/data")
//	fmt.Println(d.Dims(), d.Type())                                         // [300000 64] int16
//	x, err := d.Read(hdf5.Slab{Start: []int{5000, 0}, Count: []int{1000, 64}}) // a recording.Array, row-major
//	unit, err := d.Attribute("unit")
//	text, err := unit.Text()
//
// Read: superblocks 0 to 3 with or without a user block; groups of both kinds; object headers of both versions; compact and
// dense attributes; committed and shared datatypes; contiguous, compact and chunked data under every chunk index; the filters
// deflate, shuffle, fletcher32 (verified), LZF, LZ4 and bitshuffle (plain or with LZ4); numbers of any width in both byte
// orders, text, enumerations, compounds, arrays, variable-length sequences, opaque data, object and region references; fill
// values; hard and soft links. Checksums of metadata are verified.
//
// Refused, with an error that names it: data in other files (external storage, external links, virtual datasets), the
// filters nbit, scaleoffset, szip and others not listed above, and a file that its writer has not closed.
//
// A file is hostile until proven otherwise: every address and length is checked against the bytes present, no structure is
// entered twice where that would multiply work, nesting is bounded, memory stays in proportion to the file, and all of it is
// fuzzed. Errors are *recording.Error and name the object and the byte offset.
package hdf5
