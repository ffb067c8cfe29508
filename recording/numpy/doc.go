// Package numpy reads and writes the two files NumPy keeps arrays in: NPY, one array, and NPZ, a zip of named arrays.
//
//	f, err := numpy.Open("counts.npz")
//	defer f.Close()
//	counts, err := f.Array("spikes") // a recording.Array in the file's own order
//
//	err = numpy.Save("rates.npz", rates, times)
//
// Read: header versions 1 to 3, C and Fortran order, both byte orders, and the element types bool, int8 to int64, uint8 to
// uint64, float16 (as float32, exactly), float32, float64, complex64, complex128, and text (S as UTF-8 bytes, U). Refused
// with the reason: Python objects (a pickle can run code), structured types, dates, long doubles.
//
// It does not build on github.com/sbinet/npyio, which trusts the header of a file (it allocates what the shape says, and
// takes a short file for zeros); the tests hold the two against each other on files that are sound.
package numpy
